//! The append-only record of who did what. Its detail is for the owner of the account alone.

use domain::AdministratorId;
use domain::Before;
use domain::MailAccountId;
use domain::Page;
use domain::Timestamp;
use domain::id::Id;
use uuid::Uuid;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    /// `None`: the command line.
    pub actor: Option<AdministratorId>,
    pub mail_account: Option<MailAccountId>,
    pub verb: String,
    pub detail: String,
}

const INSERT: &str = "
    INSERT INTO audit_log (id, at, actor_id, mail_account_id, verb, detail) VALUES ($1, $2, $3, $4, $5, $6)";

pub async fn insert(tx: &mut Tx, id: Uuid, entry: &AuditEntry) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(crate::value::Value::Uuid(Some(id)))
        .bind(entry.at)
        .bind(entry.actor)
        .bind(entry.mail_account)
        .bind(entry.verb.as_str())
        .bind(entry.detail.as_str());
    tx.execute(statement).await?;
    Ok(())
}

const LIST_OF_ACCOUNT: &str = "
    SELECT id, at, actor_id, verb, detail
      FROM audit_log
     WHERE mail_account_id = $1";

/// For the owner's Status; the caller has proved that it is the owner who asks.
pub async fn list_of_account(
    conn: &mut Conn,
    account: MailAccountId,
    before: Before,
    limit: u32,
) -> Result<Page<AuditEntry>, StoreError> {
    let select = Statement::new(LIST_OF_ACCOUNT).bind(account);
    let rows = conn.fetch_all(page_of(select, before, limit)).await?;
    let entries = rows.iter().map(|row| {
        let entry = AuditEntry {
            at: row.time("at")?,
            actor: row.optional_id("actor_id")?,
            mail_account: Some(account),
            verb: row.text("verb")?,
            detail: row.text("detail")?,
        };
        Ok((key(row)?, entry))
    });
    Ok(Page::of(entries.collect::<Result<_, StoreError>>()?, limit))
}

/// One more than the page has.
fn page_of(select: Statement, before: Before, limit: u32) -> Statement {
    select
        .push_before("at", "id", before)
        .push_limit(limit.saturating_add(1))
}

fn key(row: &Row) -> Result<Before, StoreError> {
    let id: Id<()> = row.id("id")?;
    Ok(Before {
        at: row.time("at")?,
        id: id.uuid(),
    })
}

const LIST_FOR_SUPER: &str = "
    SELECT id, at, actor_id, mail_account_id, verb
      FROM audit_log
     WHERE TRUE";

/// Without details, which are the owners'.
pub async fn list_for_super(
    conn: &mut Conn,
    before: Before,
    limit: u32,
) -> Result<Page<AuditEntry>, StoreError> {
    let select = page_of(Statement::new(LIST_FOR_SUPER), before, limit);
    let rows = conn.fetch_all(select).await?;
    let entries = rows.iter().map(|row| {
        let entry = AuditEntry {
            at: row.time("at")?,
            actor: row.optional_id("actor_id")?,
            mail_account: row.optional_id("mail_account_id")?,
            verb: row.text("verb")?,
            detail: String::new(),
        };
        Ok((key(row)?, entry))
    });
    Ok(Page::of(entries.collect::<Result<_, StoreError>>()?, limit))
}
