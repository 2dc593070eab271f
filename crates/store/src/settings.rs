//! What is set for the whole installation, by name.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

pub async fn find<T: DeserializeOwned>(conn: &mut Conn, name: &str) -> Result<Option<T>, StoreError> {
    let select = "SELECT value FROM settings WHERE name = $1";
    let row = conn.fetch_optional(Statement::new(select).bind(name)).await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let value = serde_json::from_str(&row.text("value")?);
    value.map(Some).map_err(|_| StoreError::Unexpected("settings"))
}

const SAVE: &str = "
    INSERT INTO settings (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub async fn save<T: Serialize>(tx: &mut Tx, name: &str, value: &T) -> Result<(), StoreError> {
    let value = serde_json::to_string(value).map_err(|_| StoreError::Unexpected("settings"))?;
    tx.execute(Statement::new(SAVE).bind(name).bind(value.as_str()))
        .await?;
    Ok(())
}

pub async fn remove(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM settings WHERE name = $1";
    tx.execute(Statement::new(delete).bind(name)).await?;
    Ok(())
}
