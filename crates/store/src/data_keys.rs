//! Data keys, each wrapped by a master key that is not here.

use domain::MailAccountId;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;

/// Stands where an account would.
pub const INSTALLATION: MailAccountId = MailAccountId::NIL;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Whose; [`INSTALLATION`] for what belongs to no account.
    pub scope: MailAccountId,
    /// Which master key opens it.
    pub master: Vec<u8>,
    pub wrapped: Vec<u8>,
}

const INSERT: &str = "
    INSERT INTO data_keys (scope, master, wrapped) VALUES ($1, $2, $3)
        ON CONFLICT (scope) DO NOTHING";

/// The first one stays: two processes may begin at once.
pub async fn insert(tx: &mut Tx, key: &WrappedKey) -> Result<(), StoreError> {
    let insert = Statement::new(INSERT)
        .bind(key.scope)
        .bind(key.master.as_slice())
        .bind(key.wrapped.as_slice());
    tx.execute(insert).await?;
    Ok(())
}

pub async fn replace(tx: &mut Tx, key: &WrappedKey) -> Result<(), StoreError> {
    let update = Statement::new("UPDATE data_keys SET master = $2, wrapped = $3 WHERE scope = $1")
        .bind(key.scope)
        .bind(key.master.as_slice())
        .bind(key.wrapped.as_slice());
    tx.execute(update).await?;
    Ok(())
}

pub async fn find(conn: &mut Conn, scope: MailAccountId) -> Result<Option<WrappedKey>, StoreError> {
    let select = "SELECT scope, master, wrapped FROM data_keys WHERE scope = $1";
    let row = conn.fetch_optional(Statement::new(select).bind(scope)).await?;
    row.as_ref().map(wrapped_key).transpose()
}

/// Those that another master key than this one opens.
pub async fn list_of_others(
    conn: &mut Conn,
    master: &[u8],
    limit: u32,
) -> Result<Vec<WrappedKey>, StoreError> {
    let select = "SELECT scope, master, wrapped FROM data_keys WHERE master <> $1 ORDER BY scope LIMIT $2";
    let rows = conn
        .fetch_all(Statement::new(select).bind(master).bind(limit))
        .await?;
    rows.iter().map(wrapped_key).collect()
}

/// The master keys that rows name, with how many do.
pub async fn count_by_master(conn: &mut Conn) -> Result<Vec<(Vec<u8>, u64)>, StoreError> {
    let select = "SELECT master, COUNT(*) AS rows FROM data_keys GROUP BY master ORDER BY master";
    let rows = conn.fetch_all(Statement::new(select)).await?;
    rows.iter()
        .map(|row| Ok((row.blob("master")?, row.size("rows")?)))
        .collect()
}

/// Accounts with passwords, and whether anybody has a second factor: what was sealed before there were data keys.
pub async fn list_sealed(conn: &mut Conn) -> Result<(Vec<MailAccountId>, bool), StoreError> {
    let accounts = "SELECT DISTINCT mail_account_id FROM account_secrets";
    let accounts = conn.fetch_all(Statement::new(accounts)).await?;
    let factors = "SELECT COUNT(*) AS held FROM administrators WHERE totp_secret IS NOT NULL";
    let factors = conn.fetch_optional(Statement::new(factors)).await?;
    let scopes = accounts.iter().map(|row| row.id("mail_account_id"));
    let has_factors = factors.map(|row| row.integer("held")).transpose()?;
    Ok((
        scopes.collect::<Result<_, _>>()?,
        has_factors.is_some_and(|held| held > 0),
    ))
}

pub async fn delete(tx: &mut Tx, scope: MailAccountId) -> Result<(), StoreError> {
    let delete = "DELETE FROM data_keys WHERE scope = $1";
    tx.execute(Statement::new(delete).bind(scope)).await?;
    Ok(())
}

/// All data keys, and everything that was sealed with them.
pub async fn forget(tx: &mut Tx) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM account_secrets",
        "DELETE FROM account_tokens",
        "UPDATE sign_in_providers SET secret = NULL",
        "UPDATE administrators SET totp_secret = NULL",
        "DELETE FROM data_keys",
    ] {
        tx.execute(Statement::new(statement)).await?;
    }
    Ok(())
}

fn wrapped_key(row: &Row) -> Result<WrappedKey, StoreError> {
    Ok(WrappedKey {
        scope: row.id("scope")?,
        master: row.blob("master")?,
        wrapped: row.blob("wrapped")?,
    })
}
