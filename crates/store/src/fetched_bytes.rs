//! What was fetched for an account on a day.

use domain::MailAccountId;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

const ADD: &str = "
    INSERT INTO fetched_bytes (mail_account_id, day, bytes) VALUES ($1, $2, $3)
        ON CONFLICT (mail_account_id, day) DO UPDATE SET bytes = fetched_bytes.bytes + excluded.bytes";

/// Days before are forgotten.
pub async fn add(tx: &mut Tx, account: MailAccountId, day: i64, bytes: u64) -> Result<(), StoreError> {
    let add = Statement::new(ADD).bind(account).bind(day).bind(bytes);
    tx.execute(add).await?;
    let forget = "DELETE FROM fetched_bytes WHERE mail_account_id = $1 AND day < $2";
    tx.execute(Statement::new(forget).bind(account).bind(day)).await?;
    Ok(())
}

pub async fn of_day(conn: &mut Conn, account: MailAccountId, day: i64) -> Result<u64, StoreError> {
    let select = "SELECT bytes FROM fetched_bytes WHERE mail_account_id = $1 AND day = $2";
    let row = conn
        .fetch_optional(Statement::new(select).bind(account).bind(day))
        .await?;
    row.map_or(Ok(0), |row| row.size("bytes"))
}
