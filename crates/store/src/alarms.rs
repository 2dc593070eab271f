//! What is wrong with accounts, since when.

use std::collections::HashMap;

use domain::MailAccountId;
use domain::Timestamp;
use domain::rules::alarms::Alarm;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;

/// Alarms that have begun and are not over.
pub type Begun = Vec<(Alarm, Timestamp)>;

pub async fn list_of_account(conn: &mut Conn, account: MailAccountId) -> Result<Begun, StoreError> {
    let select = "SELECT kind, since FROM alarms WHERE mail_account_id = $1 ORDER BY since, kind";
    let rows = conn.fetch_all(Statement::new(select).bind(account)).await?;
    rows.iter().map(begun).collect()
}

/// Of the accounts that have some.
pub async fn list_for_engine(conn: &mut Conn) -> Result<HashMap<MailAccountId, Begun>, StoreError> {
    let select = "SELECT mail_account_id, kind, since FROM alarms";
    let mut alarms: HashMap<_, Begun> = HashMap::new();
    for row in conn.fetch_all(Statement::new(select)).await? {
        alarms
            .entry(row.id("mail_account_id")?)
            .or_default()
            .push(begun(&row)?);
    }
    Ok(alarms)
}

fn begun(row: &Row) -> Result<(Alarm, Timestamp), StoreError> {
    let alarm = Alarm::parse(&row.text("kind")?).ok_or(StoreError::Unexpected("alarm"))?;
    Ok((alarm, row.time("since")?))
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

/// Messages that wait to be sent, and since when the first does.
pub type Waiting = (u64, Option<Timestamp>);

pub async fn waiting(conn: &mut Conn, account: MailAccountId) -> Result<Waiting, StoreError> {
    let row = conn.fetch_optional(Statement::new(WAITING).bind(account)).await?;
    let row = row.ok_or(StoreError::Unexpected("no count"))?;
    Ok((row.size("count")?, row.optional_time("first")?))
}

const WAITING_OF_ALL: &str = "
    SELECT mail_account_id, COUNT(*) AS count, MIN(queued_at) AS first
      FROM outbox
     WHERE state IN ('queued', 'sending', 'retrying')
     GROUP BY mail_account_id";

/// Of the accounts where some wait.
pub async fn waiting_for_engine(conn: &mut Conn) -> Result<HashMap<MailAccountId, Waiting>, StoreError> {
    let rows = conn.fetch_all(Statement::new(WAITING_OF_ALL)).await?;
    let waiting = rows.iter().map(|row| {
        let waiting = (row.size("count")?, row.optional_time("first")?);
        Ok((row.id("mail_account_id")?, waiting))
    });
    waiting.collect()
}
