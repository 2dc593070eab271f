//! Threads of one account, and the candidates that a new message could join.

use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::InternetMessageId;
use domain::rules::threading::SameSubject;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewThread {
    pub id: ThreadId,
    pub subject_base: String,
    pub last_at: Timestamp,
}

pub async fn insert(tx: &mut Tx, account: MailAccountId, threads: &[NewThread]) -> Result<(), StoreError> {
    let rows = threads.iter().map(|thread| {
        vec![
            thread.id.into(),
            account.into(),
            thread.subject_base.as_str().into(),
            thread.last_at.into(),
        ]
    });
    let insert = "INSERT INTO threads (id, mail_account_id, subject_base, last_at)";
    tx.execute_rows(insert, "", rows.collect()).await?;
    Ok(())
}

/// Moves threads up to the time of their newest message.
pub async fn touch(
    tx: &mut Tx,
    threads: impl IntoIterator<Item = (ThreadId, Timestamp)>,
) -> Result<(), StoreError> {
    let rows = threads
        .into_iter()
        .map(|(thread, at)| vec![thread.into(), at.into()]);
    let update = "UPDATE threads SET last_at = newest.column2 FROM (";
    let which = ") AS newest WHERE threads.id = newest.column1 AND threads.last_at < newest.column2";
    tx.execute_rows(update, which, rows.collect()).await?;
    Ok(())
}

/// A thread is merged into another: its messages move, its id leads there from then on.
pub async fn merge(
    tx: &mut Tx,
    account: MailAccountId,
    from: ThreadId,
    into: ThreadId,
) -> Result<Vec<MessageId>, StoreError> {
    let moved = Statement::new("SELECT id FROM messages WHERE thread_id = $1").bind(from);
    let moved = tx.fetch_all(moved).await?;
    let moved: Vec<MessageId> = moved.iter().map(|row| row.id("id")).collect::<Result<_, _>>()?;
    for change in [
        "UPDATE messages SET thread_id = $2 WHERE thread_id = $1",
        "UPDATE thread_redirects SET to_thread = $2 WHERE to_thread = $1",
    ] {
        tx.execute(Statement::new(change).bind(from).bind(into)).await?;
    }
    let redirect = "INSERT INTO thread_redirects (thread_id, mail_account_id, to_thread) VALUES ($1, $2, $3)";
    tx.execute(Statement::new(redirect).bind(from).bind(account).bind(into))
        .await?;
    tx.execute(Statement::new("DELETE FROM threads WHERE id = $1").bind(from))
        .await?;
    refresh_last(tx, into).await?;
    Ok(moved)
}

/// Messages of a thread become the messages of a new one.
pub async fn split(
    tx: &mut Tx,
    account: MailAccountId,
    from: ThreadId,
    new: &NewThread,
    messages: &[MessageId],
) -> Result<(), StoreError> {
    insert(tx, account, std::slice::from_ref(new)).await?;
    let mut statement = Statement::new("UPDATE messages SET thread_id = $1 WHERE thread_id = $2 AND id IN ")
        .bind(new.id)
        .bind(from);
    statement.push_list(messages.iter().map(|id| Value::from(*id)));
    tx.execute(statement).await?;
    refresh_last(tx, new.id).await?;
    refresh_last(tx, from).await
}

const REFRESH_LAST: &str = "
    UPDATE threads
       SET last_at = (SELECT COALESCE(MAX(m.arrived_at), 0) FROM messages m WHERE m.thread_id = $1)
     WHERE id = $1";

async fn refresh_last(tx: &mut Tx, thread: ThreadId) -> Result<(), StoreError> {
    tx.execute(Statement::new(REFRESH_LAST).bind(thread)).await?;
    Ok(())
}

/// Where a thread's messages are now.
pub async fn resolve(conn: &mut Conn, thread: ThreadId) -> Result<ThreadId, StoreError> {
    let redirect = "SELECT to_thread FROM thread_redirects WHERE thread_id = $1";
    let row = conn.fetch_optional(Statement::new(redirect).bind(thread)).await?;
    row.map_or(Ok(thread), |row| row.id("to_thread"))
}

const CHOOSE_PARTY: &str = "
    INSERT INTO thread_parties (thread_id, party_id, chosen_at) VALUES ($1, $2, $3)
        ON CONFLICT (thread_id) DO UPDATE SET party_id = excluded.party_id, chosen_at = excluded.chosen_at";

/// Whose a thread is, where its addresses do not tell; `None`: nobody's by choice.
pub async fn choose_party(
    tx: &mut Tx,
    thread: ThreadId,
    party: Option<PartyId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = match party {
        Some(party) => Statement::new(CHOOSE_PARTY).bind(thread).bind(party).bind(now),
        None => Statement::new("DELETE FROM thread_parties WHERE thread_id = $1").bind(thread),
    };
    tx.execute(statement).await?;
    Ok(())
}

/// Whose these threads are by choice.
pub async fn find_choices(
    conn: &mut Conn,
    threads: &[ThreadId],
) -> Result<Vec<(ThreadId, PartyId)>, StoreError> {
    if threads.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::new("SELECT thread_id, party_id FROM thread_parties WHERE thread_id IN ");
    statement.push_list(threads.iter().map(|id| Value::from(*id)));
    let rows = conn.fetch_all(statement).await?;
    rows.iter()
        .map(|row| Ok((row.id("thread_id")?, row.id("party_id")?)))
        .collect()
}

/// A stored message that bears one of the Message-IDs that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    pub named: InternetMessageId,
    pub thread: ThreadId,
    pub subject_base: String,
}

pub async fn find_bearers_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    named: &[InternetMessageId],
) -> Result<Vec<Bearer>, StoreError> {
    let mut found = Vec::new();
    for chunk in named.chunks(LOOKUP) {
        let mut statement = Statement::new(
            "SELECT DISTINCT m.internet_message_id, m.thread_id, t.subject_base
               FROM messages m
               JOIN threads t ON t.id = m.thread_id
              WHERE m.mail_account_id = $1 AND m.internet_message_id IN ",
        )
        .bind(account);
        statement.push_list(chunk.iter().map(|id| Value::from(id.as_str())));
        for row in conn.fetch_all(statement).await? {
            let named = message_id(&row)?;
            found.push(Bearer {
                named,
                thread: row.id("thread_id")?,
                subject_base: row.text("subject_base")?,
            });
        }
    }
    Ok(found)
}

/// A stored message that names one of the Message-IDs that were asked for: an answer that arrived first, or one beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namer {
    pub named: InternetMessageId,
    pub thread: ThreadId,
    pub author: Option<EmailAddress>,
}

pub async fn find_namers_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    named: &[InternetMessageId],
) -> Result<Vec<Namer>, StoreError> {
    let mut found = Vec::new();
    for chunk in named.chunks(LOOKUP) {
        let mut statement = Statement::new(
            "SELECT DISTINCT r.internet_message_id, m.thread_id, m.author_address
               FROM message_references r
               JOIN messages m ON m.id = r.message_id
              WHERE r.mail_account_id = $1 AND r.internet_message_id IN ",
        )
        .bind(account);
        statement.push_list(chunk.iter().map(|id| Value::from(id.as_str())));
        for row in conn.fetch_all(statement).await? {
            let author = row
                .optional_text("author_address")?
                .and_then(|text| EmailAddress::parse(&text).ok());
            found.push(Namer {
                named: message_id(&row)?,
                thread: row.id("thread_id")?,
                author,
            });
        }
    }
    Ok(found)
}

/// Values in one look-up: far below what either database takes.
const LOOKUP: usize = 1_000;

fn message_id(row: &Row) -> Result<InternetMessageId, StoreError> {
    InternetMessageId::new(&row.text("internet_message_id")?).ok_or(StoreError::Unexpected("Message-ID"))
}

const PARTICIPANTS: &str = "
    SELECT DISTINCT a.address
      FROM messages m
      JOIN message_addresses a ON a.message_id = m.id
     WHERE m.thread_id = $1 AND a.address IS NOT NULL AND a.role IN ('from', 'reply_to', 'to', 'cc')
     LIMIT 2000";

/// Which of these addresses take part in which of these threads: From, Reply-To, To and Cc.
pub async fn find_participants_for_engine(
    conn: &mut Conn,
    threads: &[ThreadId],
    addresses: &[EmailAddress],
) -> Result<Vec<(ThreadId, EmailAddress)>, StoreError> {
    let mut found = Vec::new();
    for chunk in threads.chunks(LOOKUP) {
        let mut select = Statement::new(
            "SELECT DISTINCT m.thread_id, a.address
               FROM messages m
               JOIN message_addresses a ON a.message_id = m.id
              WHERE a.role IN ('from', 'reply_to', 'to', 'cc') AND m.thread_id IN ",
        );
        select.push_list(chunk.iter().map(|thread| Value::from(*thread)));
        select.push_sql(" AND a.address IN ");
        select.push_list(addresses.iter().map(|address| Value::from(address.as_str())));
        for row in conn.fetch_all(select).await? {
            found.push((row.id("thread_id")?, address(&row)?));
        }
    }
    Ok(found)
}

/// From, Reply-To, To and Cc of a thread.
async fn participants(conn: &mut Conn, thread: ThreadId) -> Result<Vec<EmailAddress>, StoreError> {
    let rows = conn.fetch_all(Statement::new(PARTICIPANTS).bind(thread)).await?;
    rows.iter().map(address).collect()
}

fn address(row: &Row) -> Result<EmailAddress, StoreError> {
    EmailAddress::parse(&row.text("address")?).map_err(|_| StoreError::Unexpected("address"))
}

const SAME_SUBJECT: &str = "
    SELECT id, last_at
      FROM threads
     WHERE mail_account_id = $1 AND subject_base = $2 AND last_at >= $3 AND last_at <= $4
     ORDER BY last_at DESC
     LIMIT 10";

pub async fn find_same_subject_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    subject_base: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<SameSubject>, StoreError> {
    let statement = Statement::new(SAME_SUBJECT)
        .bind(account)
        .bind(subject_base)
        .bind(from)
        .bind(until);
    let mut threads = Vec::new();
    for row in conn.fetch_all(statement).await? {
        let thread: ThreadId = row.id("id")?;
        threads.push(SameSubject {
            thread,
            last_at: row.time("last_at")?,
            outside: participants(conn, thread).await?,
        });
    }
    Ok(threads)
}
