//! Tokens of programs. Only hashes are stored.

use domain::AdministratorId;
use domain::ApiTokenId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::sessions::Hash;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub id: ApiTokenId,
    pub name: String,
    pub scope: String,
    pub created_by: AdministratorId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

const INSERT: &str = "
    INSERT INTO api_tokens (id, name, token_hash, scope, created_by, created_at, expires_at, last_used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)";

pub async fn insert(tx: &mut Tx, token: &ApiToken, hash: Hash) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(token.id)
        .bind(token.name.as_str())
        .bind(hash)
        .bind(token.scope.as_str())
        .bind(token.created_by)
        .bind(token.created_at)
        .bind(token.expires_at);
    tx.execute(statement).await?;
    Ok(())
}

const SELECT: &str = "
    SELECT id, name, scope, created_by, created_at, expires_at, last_used_at
      FROM api_tokens";

/// If it is not over.
pub async fn find(conn: &mut Conn, hash: Hash, now: Timestamp) -> Result<Option<ApiToken>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE token_hash = $1 AND expires_at > $2"))
        .bind(hash)
        .bind(now);
    conn.fetch_optional(statement)
        .await?
        .map(|row| token(&row))
        .transpose()
}

pub async fn list(conn: &mut Conn) -> Result<Vec<ApiToken>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(format!("{SELECT} ORDER BY created_at, id")))
        .await?;
    rows.iter().map(token).collect()
}

fn token(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.id("id")?,
        name: row.text("name")?,
        scope: row.text("scope")?,
        created_by: row.id("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        last_used_at: row.optional_time("last_used_at")?,
    })
}

pub async fn set_used(tx: &mut Tx, id: ApiTokenId, at: Timestamp) -> Result<(), StoreError> {
    let update = "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1";
    tx.execute(Statement::new(update).bind(id).bind(at)).await?;
    Ok(())
}

/// False: there is none.
pub async fn delete(tx: &mut Tx, id: ApiTokenId) -> Result<bool, StoreError> {
    let delete = Statement::new("DELETE FROM api_tokens WHERE id = $1").bind(id);
    Ok(tx.execute(delete).await? == 1)
}
