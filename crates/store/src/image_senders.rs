//! Senders whose remote images a viewer always loads.

use domain::AdministratorId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

pub async fn contains(conn: &mut Conn, viewer: AdministratorId, address: &str) -> Result<bool, StoreError> {
    let select = "SELECT 1 AS found FROM image_senders WHERE viewer_id = $1 AND address = $2";
    let row = conn
        .fetch_optional(Statement::new(select).bind(viewer).bind(address))
        .await?;
    Ok(row.is_some())
}

const INSERT: &str = "
    INSERT INTO image_senders (viewer_id, address, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (viewer_id, address) DO NOTHING";

pub async fn insert(
    tx: &mut Tx,
    viewer: AdministratorId,
    address: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(Statement::new(INSERT).bind(viewer).bind(address).bind(at))
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, viewer: AdministratorId, address: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM image_senders WHERE viewer_id = $1 AND address = $2";
    tx.execute(Statement::new(delete).bind(viewer).bind(address))
        .await?;
    Ok(())
}
