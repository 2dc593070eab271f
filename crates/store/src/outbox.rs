//! Messages on their way out: claimed with a lease and a fence, so that no two workers send one.

use std::collections::HashSet;
use std::time::Duration;

use domain::Access;
use domain::AdministratorId;
use domain::Before;
use domain::CleanText;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::Page;
use domain::Timestamp;
use domain::message::Became;
use domain::message::DeliveryReport;
use domain::message::ReportedRecipient;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::outbox::SentCopy;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::STAFF_MAIL;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::blob::BlobRange;
use crate::db::Statement;
use crate::lease::Held;
use crate::lease::Leased;
use crate::lease::Renewal;
use crate::messages::blob_range;
use crate::sessions::Hash;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug)]
pub struct NewEntry<'a> {
    pub message: MessageId,
    pub account: MailAccountId,
    pub sender: AdministratorId,
    pub answers: Option<MessageId>,
    pub envelope_from: &'a EmailAddress,
    pub recipients: &'a [EmailAddress],
    pub queued_at: Timestamp,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub sent_copy: SentCopy,
}

const INSERT: &str = "
    INSERT INTO outbox
           (message_id, mail_account_id, sender_id, answers_id, envelope_from, state, said, queued_at, due_at,
            expires_at, attempts, lease_owner, lease_until, fence, data_sent_at, sent_at, sent_copy,
            sent_copy_attempts)
    VALUES ($1, $2, $3, $4, $5, 'queued', NULL, $6, $7, $8, 0, '', 0, 0, NULL, NULL, $9, 0)";

pub async fn insert(tx: &mut Tx, entry: &NewEntry<'_>) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT)
        .bind(entry.message)
        .bind(entry.account)
        .bind(entry.sender)
        .bind(entry.answers)
        .bind(entry.envelope_from.as_str())
        .bind(entry.queued_at)
        .bind(entry.due_at)
        .bind(entry.expires_at)
        .bind(entry.sent_copy.as_str());
    tx.execute(statement).await?;
    let mut known = HashSet::new();
    let once = entry.recipients.iter().filter(|address| known.insert(*address));
    let rows = once.map(|address| {
        let waiting = RecipientState::Waiting.as_str();
        vec![
            entry.message.into(),
            address.as_written().as_ref().into(),
            waiting.into(),
            None::<String>.into(),
        ]
    });
    let insert = "INSERT INTO outbox_recipients (message_id, address, state, said)";
    let conflict = "ON CONFLICT (message_id, address) DO NOTHING";
    tx.execute_rows(insert, conflict, rows.collect()).await?;
    Ok(())
}

/// An entry that a worker holds, and the proof that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub message: MessageId,
    pub account: MailAccountId,
    pub answers: Option<MessageId>,
    pub envelope_from: String,
    /// Those that still wait.
    pub recipients: Vec<EmailAddress>,
    /// By an earlier attempt.
    pub accepted: u32,
    pub attempts: u32,
    pub expires_at: Timestamp,
    pub fence: u64,
    pub raw: BlobRange,
}

/// Longer than the answer to the final dot may take (ten minutes); renewed while the message is handed over.
impl Leased for Claimed {
    const TIME: Duration = Duration::from_secs(15 * 60);

    fn renewal(&self, until: Timestamp) -> Renewal {
        let update = "
            UPDATE outbox SET lease_until = $1 WHERE message_id = $2 AND fence = $3 AND state = 'sending'";
        let statement = Statement::new(update).bind(until);
        Renewal(statement.bind(self.message).bind(self.fence))
    }
}

/// What ends the process so often is not tried by itself any more.
const MAX_DEATHS: u32 = 3;

/// What may be sent now: due, or held by a worker that died before the message could have gone.
fn claimable() -> String {
    format!(
        "((state IN ('queued', 'retrying') AND due_at <= $1)
          OR (state = 'sending' AND lease_until < $1 AND data_sent_at IS NULL AND deaths < {MAX_DEATHS}))"
    )
}

/// The account whose entry has been due longest, but for those in `busy`.
pub async fn next_account(
    conn: &mut Conn,
    busy: &[MailAccountId],
    now: Timestamp,
) -> Result<Option<MailAccountId>, StoreError> {
    let mut select = Statement::new(format!(
        "SELECT mail_account_id FROM outbox WHERE {}",
        claimable()
    ))
    .bind(now);
    if !busy.is_empty() {
        select.push_sql(" AND mail_account_id NOT IN ");
        select.push_list(busy.iter().map(|id| Value::from(*id)));
    }
    select.push_sql(" ORDER BY due_at LIMIT 1");
    let row = conn.fetch_optional(select).await?;
    row.map(|row| row.id("mail_account_id")).transpose()
}

/// The entry of an account that has been due longest. `None`: there is none, or another worker was faster.
pub async fn claim(
    tx: &mut Tx,
    worker: &str,
    account: MailAccountId,
    now: Timestamp,
) -> Result<Option<Claimed>, StoreError> {
    let claimable = claimable();
    let select = format!(
        "SELECT message_id FROM outbox WHERE {claimable} AND mail_account_id = $2 ORDER BY due_at, message_id LIMIT 1"
    );
    let Some(row) = tx
        .fetch_optional(Statement::new(select).bind(now).bind(account))
        .await?
    else {
        return Ok(None);
    };
    let message: MessageId = row.id("message_id")?;
    // The whole predicate again: another worker may have been faster (PostgreSQL).
    let update = format!(
        "UPDATE outbox
            SET state = 'sending', lease_owner = $2, lease_until = $3, fence = fence + 1, attempts = attempts + 1,
                deaths = CASE WHEN state = 'sending' THEN deaths + 1 ELSE deaths END
          WHERE {claimable} AND message_id = $4"
    );
    let update = Statement::new(update).bind(now).bind(worker);
    let update = update.bind(now.plus(Claimed::TIME)).bind(message);
    match tx.execute(update).await? {
        0 => Ok(None),
        _ => load(tx, message).await,
    }
}

const LOAD: &str = "
    SELECT o.message_id, o.mail_account_id, o.answers_id, o.envelope_from, o.attempts, o.expires_at, o.fence,
           (SELECT COUNT(*) FROM outbox_recipients a
             WHERE a.message_id = o.message_id AND a.state NOT IN ('waiting', 'refused')) AS accepted,
           r.segment, r.start_byte, r.length_bytes
      FROM outbox o
      JOIN raws r ON r.message_id = o.message_id AND r.is_shown
     WHERE o.message_id = $1";
const WAITING: &str = "
    SELECT address FROM outbox_recipients WHERE message_id = $1 AND state = 'waiting' ORDER BY address";

async fn load(tx: &mut Tx, message: MessageId) -> Result<Option<Claimed>, StoreError> {
    let Some(row) = tx.fetch_optional(Statement::new(LOAD).bind(message)).await? else {
        return Ok(None);
    };
    let waiting = tx.fetch_all(Statement::new(WAITING).bind(message)).await?;
    Ok(Some(Claimed {
        message,
        account: row.id("mail_account_id")?,
        answers: row.optional_id("answers_id")?,
        envelope_from: row.text("envelope_from")?,
        recipients: waiting.iter().map(address).collect::<Result<_, _>>()?,
        accepted: row.unsigned("accepted")?,
        attempts: row.unsigned("attempts")?,
        expires_at: row.time("expires_at")?,
        fence: row.size("fence")?,
        raw: blob_range(&row)?,
    }))
}

fn address(row: &Row) -> Result<EmailAddress, StoreError> {
    EmailAddress::parse(&row.text("address")?).map_err(|_| StoreError::Unexpected("address"))
}

/// Before the final dot.
pub async fn data_sent(held: &mut Held<'_, Claimed>, now: Timestamp) -> Result<(), StoreError> {
    let update = "UPDATE outbox SET data_sent_at = $2 WHERE message_id = $1";
    let message = held.lease.message;
    held.execute(Statement::new(update).bind(message).bind(now))
        .await?;
    Ok(())
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub state: OutboxState,
    pub due_at: Timestamp,
    /// The server's words.
    pub said: Option<String>,
    pub recipients: Vec<(EmailAddress, RecipientState, Option<String>)>,
}

const FINISH: &str = "
    UPDATE outbox
       SET state = $3, due_at = $4, said = $5, lease_owner = '', lease_until = 0, deaths = 0,
           sent_at = CASE WHEN $3 = 'sent' THEN $6 ELSE sent_at END,
           data_sent_at = CASE WHEN $3 = 'unknown' THEN data_sent_at ELSE NULL END
     WHERE message_id = $1 AND fence = $2 AND state IN ('sending', 'unknown')";
const SET_RECIPIENT: &str = "
    UPDATE outbox_recipients SET state = $3, said = $4
     WHERE message_id = $1 AND address = $2 AND state = 'waiting'";

/// Stores what became of an entry, also where others have taken its worker for dead and the entry for unknown: who has
/// the answer knows better. False: it has been sent anew since.
pub async fn finish(
    tx: &mut Tx,
    claimed: &Claimed,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = Statement::new(FINISH)
        .bind(claimed.message)
        .bind(claimed.fence)
        .bind(outcome.state.as_str())
        .bind(outcome.due_at)
        .bind(outcome.said.clone())
        .bind(now);
    if tx.execute(update).await? == 0 {
        return Ok(false);
    }
    for (address, state, said) in &outcome.recipients {
        let update = Statement::new(SET_RECIPIENT)
            .bind(claimed.message)
            .bind(address.as_written().as_ref())
            .bind(state.as_str())
            .bind(said.clone());
        tx.execute(update).await?;
    }
    if outcome.state == OutboxState::Sent {
        end_waiting(tx, claimed.message).await?;
    }
    Ok(true)
}

/// Whoever has not taken it by the end does not get it.
async fn end_waiting(tx: &mut Tx, message: MessageId) -> Result<(), StoreError> {
    let update = "
        UPDATE outbox_recipients SET state = 'refused', said = COALESCE(said, 'Its time was over.')
         WHERE message_id = $1 AND state = 'waiting'";
    tx.execute(Statement::new(update).bind(message)).await?;
    Ok(())
}

const EXPIRE: &str = "UPDATE outbox SET lease_until = 0 WHERE lease_owner = $1 AND state = 'sending'";

/// A worker is no more: what it held is looked at again at once. What cannot have gone is sent, the rest is unknown.
pub async fn expire_of(tx: &mut Tx, worker: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new(EXPIRE).bind(worker)).await?;
    Ok(())
}

/// The same for one entry.
pub async fn let_go(tx: &mut Tx, claimed: &Claimed) -> Result<(), StoreError> {
    let update =
        "UPDATE outbox SET lease_until = 0 WHERE message_id = $1 AND fence = $2 AND state = 'sending'";
    let update = Statement::new(update).bind(claimed.message).bind(claimed.fence);
    tx.execute(update).await?;
    Ok(())
}

const GIVE_BACK: &str = "
    UPDATE outbox
       SET state = 'retrying', due_at = $2, lease_owner = '', lease_until = 0, attempts = attempts - 1
     WHERE lease_owner = $1 AND state = 'sending' AND data_sent_at IS NULL";

/// A worker ends, and what it held and cannot have gone waits as before.
pub async fn give_back_of(tx: &mut Tx, worker: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(GIVE_BACK).bind(worker).bind(now))
        .await?;
    expire_of(tx, worker).await
}

/// What went within a while, or is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Went {
    pub count: u32,
    pub first: Option<Timestamp>,
}

const WENT_SINCE: &str = "
    SELECT COUNT(*) AS count, MIN(sent_at) AS first
      FROM outbox
     WHERE (sent_at > $1 OR state = 'sending') AND mail_account_id IN ";

/// Of these accounts together, with what is on its way.
pub async fn went_since(
    conn: &mut Conn,
    accounts: &[MailAccountId],
    since: Timestamp,
) -> Result<Went, StoreError> {
    let mut select = Statement::new(WENT_SINCE).bind(since);
    select.push_list(accounts.iter().map(|account| Value::from(*account)));
    let row = conn.fetch_optional(select).await?;
    let row = row.ok_or(StoreError::Unexpected("no count"))?;
    Ok(Went {
        count: row.unsigned("count")?,
        first: row.optional_time("first")?,
    })
}

/// What came back stays so, whatever is reported after it: [`RecipientState::may_become`].
const REPORTED: &str = "
    UPDATE outbox_recipients SET state = $3, said = $4
     WHERE message_id = $1 AND LOWER(address) = $2 AND state IN ";
const CAME_BACK: &str = "
    UPDATE outbox SET state = 'bounced', due_at = $3
     WHERE message_id = $1 AND mail_account_id = $2 AND state IN ('sent', 'unknown', 'bounced')";

/// A server tells what became of a message that it had accepted. True: it is about one of ours, and told something new.
/// Where it names nobody that was written to (an address behind a forward), it is about the one whom a message to one
/// person was written to.
pub async fn reported(
    tx: &mut Tx,
    account: MailAccountId,
    message: MessageId,
    report: &DeliveryReport,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let select = "SELECT address FROM outbox_recipients WHERE message_id = $1 ORDER BY address LIMIT 2";
    let written_to = tx.fetch_all(Statement::new(select).bind(message)).await?;
    let only = match written_to.as_slice() {
        [one] => Some(one.text("address")?.to_lowercase()),
        _ => None,
    };
    let (mut is_ours, mut has_failed) = (false, false);
    for one in report.recipients.iter().chain(&unnamed(report, only.as_deref())) {
        let named = only.as_deref().unwrap_or(one.address.as_str());
        if tx.execute(note(message, named, one)).await? > 0 {
            is_ours = true;
            has_failed |= one.became == Became::Failed;
        }
    }
    if has_failed {
        let update = Statement::new(CAME_BACK).bind(message).bind(account).bind(now);
        tx.execute(update).await?;
    }
    Ok(is_ours)
}

/// A report that names nobody at all, and says what became of the message.
fn unnamed(report: &DeliveryReport, only: Option<&str>) -> Option<ReportedRecipient> {
    let became = report.overall.filter(|_| report.recipients.is_empty())?;
    Some(ReportedRecipient {
        address: EmailAddress::parse(only?).ok()?,
        became,
        said: CleanText::default(),
    })
}

fn note(message: MessageId, named: &str, one: &ReportedRecipient) -> Statement {
    let (state, before) = match one.became {
        Became::Failed => (RecipientState::Bounced, RecipientState::ALL.to_vec()),
        Became::Late => (RecipientState::Late, RecipientState::ALL.to_vec()),
        Became::Complained => (RecipientState::Complained, RecipientState::ALL.to_vec()),
        // That it was given to the next server is known already.
        Became::Passed => (RecipientState::Accepted, vec![RecipientState::Late]),
    };
    let before = before
        .into_iter()
        .filter(|before| *before == state || before.may_become(state));
    let mut update = Statement::new(REPORTED)
        .bind(message)
        .bind(named)
        .bind(state.as_str())
        .bind(one.said.as_str());
    update.push_list(before.map(|state| Value::from(state.as_str())));
    update
}

const HOLD_BACK: &str = "
    UPDATE outbox
       SET state = 'retrying', due_at = $3, said = $4
     WHERE mail_account_id = $1 AND state IN ('queued', 'retrying') AND due_at <= $2
 RETURNING message_id";

/// What is due of an account waits until then: which those are.
pub async fn hold_back(
    tx: &mut Tx,
    account: MailAccountId,
    now: Timestamp,
    until: Timestamp,
    said: &str,
) -> Result<Vec<MessageId>, StoreError> {
    let update = Statement::new(HOLD_BACK).bind(account).bind(now);
    let rows = tx.fetch_all(update.bind(until).bind(said)).await?;
    rows.iter().map(|row| row.id("message_id")).collect()
}

const EXPIRED: &str = "state IN ('queued', 'retrying') AND expires_at < $1";

/// Entries whose time is over before they could be tried (again). What some have was sent, to them.
pub async fn mark_expired(
    tx: &mut Tx,
    now: Timestamp,
    said: &str,
) -> Result<Vec<(MailAccountId, MessageId)>, StoreError> {
    let select = format!(
        "
        SELECT o.message_id, o.mail_account_id,
               EXISTS (SELECT 1 FROM outbox_recipients r
                        WHERE r.message_id = o.message_id AND r.state NOT IN ('waiting', 'refused')) AS is_sent
          FROM outbox o
         WHERE {EXPIRED}"
    );
    let rows = tx.fetch_all(Statement::new(select).bind(now)).await?;
    let mut expired = Vec::with_capacity(rows.len());
    for row in &rows {
        let message: MessageId = row.id("message_id")?;
        let state = match row.bool("is_sent")? {
            true => OutboxState::Sent,
            false => OutboxState::Expired,
        };
        let update = format!(
            "UPDATE outbox SET state = $2, said = COALESCE(said, $3), sent_at = CASE WHEN $2 = 'sent' THEN $1 ELSE sent_at END
              WHERE {EXPIRED} AND message_id = $4"
        );
        let update = Statement::new(update).bind(now).bind(state.as_str());
        if tx.execute(update.bind(said).bind(message)).await? == 1 {
            if state == OutboxState::Sent {
                end_waiting(tx, message).await?;
            }
            expired.push((row.id("mail_account_id")?, message));
        }
    }
    Ok(expired)
}

const DUE_NOW: &str =
    "UPDATE outbox SET due_at = $2 WHERE mail_account_id = $1 AND state = 'retrying' AND due_at > $2";

/// What waits for a next try is tried: its settings are others now.
pub async fn make_due(tx: &mut Tx, account: MailAccountId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(Statement::new(DUE_NOW).bind(account).bind(now))
        .await?;
    Ok(())
}

const LOG: &str = "
    SELECT o.message_id, o.mail_account_id, o.sender_id, o.state, o.said, o.queued_at, o.due_at, o.attempts,
           o.sent_copy, o.sent_copy_said, m.subject
      FROM outbox o
      JOIN messages m ON m.id = o.message_id
     WHERE o.queued_at >= $1 AND o.queued_at < $2 AND o.mail_account_id IN ";

/// System mail of a period, newest first.
pub async fn list_system_mail(
    conn: &mut Conn,
    from: Timestamp,
    until: Timestamp,
    before: Before,
    limit: u32,
) -> Result<Page<Entry>, StoreError> {
    let mut statement = Statement::new(LOG).bind(from).bind(until);
    statement.push_list([CUSTOMER_MAIL, STAFF_MAIL].into_iter().map(Value::from));
    page(conn, statement, before, limit).await
}

const LOST: &str = "state = 'sending' AND lease_until < $1 AND data_sent_at IS NOT NULL";

fn deadly() -> String {
    format!("state = 'sending' AND lease_until < $1 AND data_sent_at IS NULL AND deaths >= {MAX_DEATHS}")
}

/// Whether there is something for [`mark_lost`], [`mark_deadly`] or [`mark_expired`]: asked often, and seldom so.
pub async fn is_any_to_mark(conn: &mut Conn, now: Timestamp) -> Result<bool, StoreError> {
    let select = format!(
        "SELECT 1 FROM outbox WHERE ({LOST}) OR ({}) OR ({EXPIRED}) LIMIT 1",
        deadly()
    );
    Ok(conn
        .fetch_optional(Statement::new(select).bind(now))
        .await?
        .is_some())
}

/// Entries of workers that died around the final dot: nobody knows whether they went.
pub async fn mark_lost(
    tx: &mut Tx,
    now: Timestamp,
    said: &str,
) -> Result<Vec<(MailAccountId, MessageId)>, StoreError> {
    mark(tx, LOST, OutboxState::Unknown, now, said).await
}

/// Entries that ended the process each time that they were tried.
pub async fn mark_deadly(
    tx: &mut Tx,
    now: Timestamp,
    said: &str,
) -> Result<Vec<(MailAccountId, MessageId)>, StoreError> {
    mark(tx, &deadly(), OutboxState::Failed, now, said).await
}

async fn mark(
    tx: &mut Tx,
    which: &str,
    state: OutboxState,
    now: Timestamp,
    said: &str,
) -> Result<Vec<(MailAccountId, MessageId)>, StoreError> {
    let select = format!("SELECT message_id, mail_account_id FROM outbox WHERE {which}");
    let rows = tx.fetch_all(Statement::new(select).bind(now)).await?;
    let mut marked = Vec::with_capacity(rows.len());
    for row in &rows {
        let message: MessageId = row.id("message_id")?;
        let update = format!(
            "UPDATE outbox SET state = $2, lease_owner = '', lease_until = 0, said = $3
              WHERE {which} AND message_id = $4"
        );
        let update = Statement::new(update).bind(now).bind(state.as_str());
        if tx.execute(update.bind(said).bind(message)).await? == 1 {
            marked.push((row.id("mail_account_id")?, message));
        }
    }
    Ok(marked)
}

/// When the next entry is due; `None`: nothing waits.
pub async fn next_due(conn: &mut Conn) -> Result<Option<Timestamp>, StoreError> {
    let select = "SELECT MIN(due_at) AS due_at FROM outbox WHERE state IN ('queued', 'retrying')";
    let row = conn.fetch_optional(Statement::new(select)).await?;
    row.map_or(Ok(None), |row| row.optional_time("due_at"))
}

/// An entry as its people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub message: MessageId,
    pub account: MailAccountId,
    pub sender: AdministratorId,
    pub state: OutboxState,
    pub said: Option<String>,
    pub queued_at: Timestamp,
    pub due_at: Timestamp,
    pub attempts: u32,
    pub sent_copy: SentCopy,
    /// Why the copy could not be made so far.
    pub sent_copy_said: Option<String>,
    pub subject: String,
    pub recipients: Vec<(EmailAddress, RecipientState, Option<String>)>,
}

impl Entry {
    /// Its place in a list.
    pub fn key(&self) -> Before {
        Before {
            at: self.queued_at,
            id: self.message.uuid(),
        }
    }
}

const ENTRIES: &str = "
    SELECT o.message_id, o.mail_account_id, o.sender_id, o.state, o.said, o.queued_at, o.due_at, o.attempts,
           o.sent_copy, o.sent_copy_said, m.subject
      FROM outbox o
      JOIN messages m ON m.id = o.message_id
     WHERE o.mail_account_id IN ";

/// Of these accounts, newest first; what was sent before `sent_since` is left out.
pub async fn list(
    conn: &mut Conn,
    access: &Access,
    sent_since: Timestamp,
    before: Before,
    limit: u32,
) -> Result<Page<Entry>, StoreError> {
    let mut statement = Statement::new(ENTRIES);
    statement.push_list(access.account_ids().map(Value::from));
    let since = statement.next_placeholder();
    statement.push_sql(&format!(
        " AND (o.state NOT IN ('sent', 'bounced') OR o.sent_at >= ${since} OR (o.state = 'bounced' AND o.due_at >= ${since}))"
    ));
    page(conn, statement.bind(sent_since), before, limit).await
}

async fn page(
    conn: &mut Conn,
    statement: Statement,
    before: Before,
    limit: u32,
) -> Result<Page<Entry>, StoreError> {
    let statement = statement
        .push_before("o.queued_at", "o.message_id", before)
        .push_limit(limit.saturating_add(1));
    let found = entries(conn, statement).await?.into_iter();
    let keyed = found.map(|entry| (entry.key(), entry));
    Ok(Page::of(keyed.collect(), limit))
}

/// `None` also when it is not the viewer's to see.
pub async fn find(conn: &mut Conn, access: &Access, message: MessageId) -> Result<Option<Entry>, StoreError> {
    let mut statement = Statement::new(ENTRIES);
    statement.push_list(access.account_ids().map(Value::from));
    statement.push_sql(&format!(" AND o.message_id = ${}", statement.next_placeholder()));
    Ok(entries(conn, statement.bind(message)).await?.pop())
}

async fn entries(conn: &mut Conn, statement: Statement) -> Result<Vec<Entry>, StoreError> {
    let rows = conn.fetch_all(statement).await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in &rows {
        let message: MessageId = row.id("message_id")?;
        let select =
            "SELECT address, state, said FROM outbox_recipients WHERE message_id = $1 ORDER BY address";
        let recipients = conn.fetch_all(Statement::new(select).bind(message)).await?;
        let recipients = recipients.iter().map(|row| {
            let state = RecipientState::parse(&row.text("state")?);
            Ok((
                address(row)?,
                state.ok_or(StoreError::Unexpected("state of a recipient"))?,
                row.optional_text("said")?,
            ))
        });
        entries.push(Entry {
            message,
            account: row.id("mail_account_id")?,
            sender: row.id("sender_id")?,
            state: OutboxState::parse(&row.text("state")?).ok_or(StoreError::Unexpected("state"))?,
            said: row.optional_text("said")?,
            queued_at: row.time("queued_at")?,
            due_at: row.time("due_at")?,
            attempts: row.unsigned("attempts")?,
            sent_copy: SentCopy::parse(&row.text("sent_copy")?).ok_or(StoreError::Unexpected("copy"))?,
            sent_copy_said: row.optional_text("sent_copy_said")?,
            subject: row.text("subject")?,
            recipients: recipients.collect::<Result<_, StoreError>>()?,
        });
    }
    Ok(entries)
}

const TAKE_BACK: &str = "
    DELETE FROM outbox WHERE message_id = $1 AND state = 'queued'";

/// False: it is too late. The message itself is the caller's to remove.
pub async fn take_back(tx: &mut Tx, message: MessageId) -> Result<bool, StoreError> {
    Ok(tx.execute(Statement::new(TAKE_BACK).bind(message)).await? == 1)
}

const SEND_AGAIN: &str = "
    UPDATE outbox
       SET state = 'retrying', due_at = $2, expires_at = $3, data_sent_at = NULL, said = NULL, attempts = 0,
           deaths = 0
     WHERE message_id = $1 AND state IN ('failed', 'expired', 'unknown', 'retrying')";

/// To everybody who has not accepted it. Not queued: what some have cannot be taken back. False: it is not in a state
/// for that.
pub async fn send_again(
    tx: &mut Tx,
    message: MessageId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let update = Statement::new(SEND_AGAIN)
        .bind(message)
        .bind(now)
        .bind(expires_at);
    if tx.execute(update).await? == 0 {
        return Ok(false);
    }
    let waiting = "UPDATE outbox_recipients SET state = 'waiting', said = NULL WHERE message_id = $1 AND state = 'refused'";
    tx.execute(Statement::new(waiting).bind(message)).await?;
    Ok(true)
}

const IT_WENT: &str = "
    UPDATE outbox SET state = 'sent', sent_at = $2, said = $3 WHERE message_id = $1 AND state = 'unknown'";

/// What was unknown has gone: a person says so, or it lies in Sent.
pub async fn it_went(
    tx: &mut Tx,
    message: MessageId,
    now: Timestamp,
    said: &str,
) -> Result<bool, StoreError> {
    let update = Statement::new(IT_WENT).bind(message).bind(now).bind(said);
    if tx.execute(update).await? == 0 {
        return Ok(false);
    }
    let accepted =
        "UPDATE outbox_recipients SET state = 'accepted' WHERE message_id = $1 AND state = 'waiting'";
    tx.execute(Statement::new(accepted).bind(message)).await?;
    Ok(true)
}

/// What is still due is no more: made, or given up, which its owner is told.
pub async fn end_sent_copy(tx: &mut Tx, message: MessageId, copy: SentCopy) -> Result<(), StoreError> {
    let update = "UPDATE outbox SET sent_copy = $2 WHERE message_id = $1 AND sent_copy = 'due'";
    tx.execute(Statement::new(update).bind(message).bind(copy.as_str()))
        .await?;
    Ok(())
}

/// The copy is there: it was met in the Sent folder. True: nobody knew until now that the message went.
pub async fn copy_met(tx: &mut Tx, message: MessageId, now: Timestamp) -> Result<bool, StoreError> {
    let met = "UPDATE outbox SET sent_copy = 'done' WHERE message_id = $1 AND sent_copy <> 'done'";
    tx.execute(Statement::new(met).bind(message)).await?;
    it_went(tx, message, now, "It was found in the Sent folder.").await
}

/// A message that went and whose copy is still to be put into Sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCopy {
    pub message: MessageId,
    pub account: MailAccountId,
    pub answers: Option<MessageId>,
    pub internet_message_id: String,
    pub raw: BlobRange,
    pub attempts: u32,
}

const DUE_COPIES: &str = "
    SELECT o.message_id, o.mail_account_id, o.answers_id, o.sent_copy_attempts, m.internet_message_id,
           r.segment, r.start_byte, r.length_bytes
      FROM outbox o
      JOIN messages m ON m.id = o.message_id
      JOIN raws r ON r.message_id = o.message_id AND r.is_shown
     WHERE o.sent_copy = 'due' AND o.state IN ('sent', 'bounced') AND o.sent_copy_due_at <= $1
       AND m.internet_message_id IS NOT NULL
     ORDER BY o.sent_copy_attempts, o.mail_account_id, o.sent_at
     LIMIT $2";

pub async fn list_due_copies_for_engine(
    conn: &mut Conn,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DueCopy>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(DUE_COPIES).bind(now).bind(limit))
        .await?;
    let copies = rows.iter().map(|row| {
        Ok(DueCopy {
            message: row.id("message_id")?,
            account: row.id("mail_account_id")?,
            answers: row.optional_id("answers_id")?,
            internet_message_id: row.text("internet_message_id")?,
            raw: blob_range(row)?,
            attempts: row.unsigned("sent_copy_attempts")?,
        })
    });
    copies.collect()
}

const BEGIN_COPY: &str = "
    UPDATE outbox
       SET sent_copy_attempts = sent_copy_attempts + 1, sent_copy_due_at = $3
     WHERE message_id = $1 AND sent_copy = 'due' AND sent_copy_attempts = $2";

/// Counted before it is tried, and nobody else's until `again_at`. False: somebody else makes it, or it is there.
pub async fn begin_sent_copy(tx: &mut Tx, copy: &DueCopy, again_at: Timestamp) -> Result<bool, StoreError> {
    let update = Statement::new(BEGIN_COPY).bind(copy.message).bind(copy.attempts);
    Ok(tx.execute(update.bind(again_at)).await? == 1)
}

/// Those that are not being made: nobody can connect for them, or somebody can again.
pub async fn set_copies_due(
    tx: &mut Tx,
    account: MailAccountId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let update = "UPDATE outbox SET sent_copy_due_at = $2 WHERE mail_account_id = $1 AND sent_copy = 'due'";
    tx.execute(Statement::new(update).bind(account).bind(due_at))
        .await?;
    Ok(())
}

/// Why a copy could not be made, for its owner.
pub async fn copy_failed(tx: &mut Tx, message: MessageId, said: &str) -> Result<(), StoreError> {
    let update = "UPDATE outbox SET sent_copy_said = $2 WHERE message_id = $1 AND sent_copy = 'due'";
    tx.execute(Statement::new(update).bind(message).bind(said))
        .await?;
    Ok(())
}

/// What an earlier request under the same key made.
pub async fn find_request(
    conn: &mut Conn,
    administrator: AdministratorId,
    key: Hash,
) -> Result<Option<(Hash, MessageId)>, StoreError> {
    let select =
        "SELECT body_hash, message_id FROM idempotency_keys WHERE administrator_id = $1 AND key_hash = $2";
    let row = conn
        .fetch_optional(Statement::new(select).bind(administrator).bind(key))
        .await?;
    row.map(|row| {
        let body = Hash::try_from(row.blob("body_hash")?).map_err(|_| StoreError::Unexpected("hash"))?;
        Ok((body, row.id("message_id")?))
    })
    .transpose()
}

const INSERT_REQUEST: &str = "
    INSERT INTO idempotency_keys (administrator_id, key_hash, body_hash, message_id, created_at)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (administrator_id, key_hash) DO NOTHING";

/// False: another request was faster.
pub async fn insert_request(
    tx: &mut Tx,
    administrator: AdministratorId,
    key: Hash,
    body: Hash,
    message: MessageId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let insert = Statement::new(INSERT_REQUEST)
        .bind(administrator)
        .bind(key)
        .bind(body)
        .bind(message)
        .bind(now);
    Ok(tx.execute(insert).await? == 1)
}

pub async fn forget_requests(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    let delete = "DELETE FROM idempotency_keys WHERE created_at < $1";
    tx.execute(Statement::new(delete).bind(before)).await?;
    Ok(())
}
