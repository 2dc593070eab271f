//! What is wrong with accounts, since when.

use domain::MailAccountId;
use domain::Timestamp;
use domain::rules::alarms::Alarm;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

pub async fn list_of_account(
    conn: &mut Conn,
    account: MailAccountId,
) -> Result<Vec<(Alarm, Timestamp)>, StoreError> {
    let select = "SELECT kind, since FROM alarms WHERE mail_account_id = $1 ORDER BY since, kind";
    let rows = conn.fetch_all(Statement::new(select).bind(account)).await?;
    let alarms = rows.iter().map(|row| {
        let alarm = Alarm::parse(&row.text("kind")?).ok_or(StoreError::Unexpected("alarm"))?;
        Ok((alarm, row.time("since")?))
    });
    alarms.collect()
}

const INSERT: &str = "
    INSERT INTO alarms (mail_account_id, kind, since) VALUES ($1, $2, $3)
        ON CONFLICT (mail_account_id, kind) DO NOTHING";

/// True once, until it is over.
pub async fn begin(
    tx: &mut Tx,
    account: MailAccountId,
    alarm: Alarm,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let insert = Statement::new(INSERT)
        .bind(account)
        .bind(alarm.as_str())
        .bind(now);
    Ok(tx.execute(insert).await? == 1)
}

pub async fn end(tx: &mut Tx, account: MailAccountId, alarm: Alarm) -> Result<(), StoreError> {
    let delete = "DELETE FROM alarms WHERE mail_account_id = $1 AND kind = $2";
    tx.execute(Statement::new(delete).bind(account).bind(alarm.as_str()))
        .await?;
    Ok(())
}

const WAITING: &str = "
    SELECT COUNT(*) AS count, MIN(queued_at) AS first
      FROM outbox
     WHERE mail_account_id = $1 AND state IN ('queued', 'sending', 'retrying')";

/// Messages of an account that wait to be sent, and since when the first does.
pub async fn waiting(
    conn: &mut Conn,
    account: MailAccountId,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let row = conn.fetch_optional(Statement::new(WAITING).bind(account)).await?;
    let row = row.ok_or(StoreError::Unexpected("no count"))?;
    Ok((row.size("count")?, row.optional_time("first")?))
}
