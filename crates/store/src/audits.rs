//! Comparisons of server and store.

use domain::MailAccountId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub made_at: Timestamp,
    pub asked_at: Timestamp,
    /// Begun since, and not ended.
    pub attempts: u32,
    /// JSON.
    pub report: Option<String>,
}

pub async fn find(conn: &mut Conn, account: MailAccountId) -> Result<Option<Audit>, StoreError> {
    let select = "SELECT made_at, asked_at, attempts, report FROM audits WHERE mail_account_id = $1";
    let row = conn.fetch_optional(Statement::new(select).bind(account)).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Audit {
        made_at: row.time("made_at")?,
        asked_at: row.time("asked_at")?,
        attempts: row.unsigned("attempts")?,
        report: row.optional_text("report")?,
    }))
}

const ASK: &str = "
    INSERT INTO audits (mail_account_id, made_at, asked_at) VALUES ($1, 0, $2)
        ON CONFLICT (mail_account_id) DO UPDATE SET asked_at = excluded.asked_at, attempts = 0";

pub async fn ask(tx: &mut Tx, account: MailAccountId, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(ASK).bind(account).bind(at)).await?;
    Ok(())
}

const SAVE: &str = "
    INSERT INTO audits (mail_account_id, made_at, asked_at, report) VALUES ($1, $2, 0, $3)
        ON CONFLICT (mail_account_id) DO UPDATE SET made_at = excluded.made_at, report = excluded.report, attempts = 0";

/// Before it is tried.
pub async fn count_attempt(tx: &mut Tx, account: MailAccountId) -> Result<(), StoreError> {
    let update = "UPDATE audits SET attempts = attempts + 1 WHERE mail_account_id = $1";
    tx.execute(Statement::new(update).bind(account)).await?;
    Ok(())
}

pub async fn save(
    tx: &mut Tx,
    account: MailAccountId,
    at: Timestamp,
    report: Option<&str>,
) -> Result<(), StoreError> {
    let save = Statement::new(SAVE).bind(account).bind(at).bind(report);
    tx.execute(save).await?;
    Ok(())
}
