//! Answers that an administrator writes often.

use domain::AdministratorId;
use domain::CannedResponseId;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannedResponse {
    pub id: CannedResponseId,
    pub name: String,
    pub html: String,
}

pub async fn list(conn: &mut Conn, owner: AdministratorId) -> Result<Vec<CannedResponse>, StoreError> {
    let select = "SELECT id, name, html FROM canned_responses WHERE owner_id = $1 ORDER BY name, id";
    let rows = conn.fetch_all(Statement::new(select).bind(owner)).await?;
    let responses = rows.iter().map(|row| {
        Ok(CannedResponse {
            id: row.id("id")?,
            name: row.text("name")?,
            html: row.text("html")?,
        })
    });
    responses.collect()
}

pub async fn insert(
    tx: &mut Tx,
    owner: AdministratorId,
    response: &CannedResponse,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO canned_responses (id, owner_id, name, html) VALUES ($1, $2, $3, $4)";
    let statement = Statement::new(insert)
        .bind(response.id)
        .bind(owner)
        .bind(response.name.as_str())
        .bind(response.html.as_str());
    tx.execute(statement).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, owner: AdministratorId, id: CannedResponseId) -> Result<bool, StoreError> {
    let delete = "DELETE FROM canned_responses WHERE owner_id = $1 AND id = $2";
    Ok(tx.execute(Statement::new(delete).bind(owner).bind(id)).await? == 1)
}
