//! Messages as viewers see them. Every query takes the viewer's [`Access`].

use std::collections::HashMap;

use domain::Access;
use domain::AdministratorId;
use domain::AttachmentId;
use domain::CleanText;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::AddressRole;
use domain::message::AttachmentSummary;
use domain::message::Automatic;
use domain::message::Direction;
use domain::message::FilePlace;
use domain::message::NamedAddress;
use domain::outbox::OutboxState;
use domain::rules::sender::SenderMarks;
use uuid::Uuid;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::blob::BlobRange;
use crate::db::Statement;
use crate::sessions::Hash;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub account: MailAccountId,
    pub thread: ThreadId,
    pub arrival_key: i64,
    pub direction: Direction,
    pub author_name: String,
    pub author_address: Option<String>,
    pub recipients: String,
    pub subject: String,
    pub snippet: String,
    pub arrived_at: Timestamp,
    pub dated_at: Option<Timestamp>,
    pub size_bytes: u64,
    pub has_attachments: bool,
    pub parked_reason: Option<String>,
    pub sender_marks: SenderMarks,
    pub automatic: Option<Automatic>,
    /// On the server it lies in the Junk folder, and nowhere else.
    pub is_junk: bool,
    /// Of what was written here: where it stands on its way out.
    pub outbox: Option<OutboxState>,
    /// For the viewer.
    pub unread: bool,
    pub deleted_at: Option<Timestamp>,
}

/// Which messages a list shows. Everything is `None` or false: all that is not deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub direction: Option<Direction>,
    pub unread: Option<bool>,
    pub with_attachments: bool,
    pub author: Option<AuthorFilter>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub deleted: bool,
}

/// By whether anybody knows the author: a customer, a lead or a colleague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorFilter {
    pub known: bool,
    /// Addresses of administrators.
    pub colleagues: Vec<String>,
}

/// Newest first, strictly older than `before`; or oldest first, strictly newer than `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Before(i64),
    After(i64),
}

impl Position {
    pub const NEWEST: Position = Position::Before(i64::MAX);
}

/// `$1` is the viewer.
const SELECT: &str = "
    SELECT m.id, m.mail_account_id, m.thread_id, m.arrival_key, m.direction, m.author_name, m.author_address,
           m.recipients, m.subject, m.snippet, m.arrived_at, m.dated_at, m.size_bytes, m.has_attachments,
           m.parked_reason, m.deleted_at, m.sender_marks, m.automatic,
           (EXISTS (SELECT 1 FROM remote_copies c JOIN folders f ON f.id = c.folder_id
                     WHERE c.message_id = m.id AND f.role = 'junk')
            AND NOT EXISTS (SELECT 1 FROM remote_copies c JOIN folders f ON f.id = c.folder_id
                             WHERE c.message_id = m.id AND f.role <> 'junk')) AS is_junk,
           (SELECT COUNT(*) FROM unread u WHERE u.viewer_id = $1 AND u.message_id = m.id) AS unread_rows,
           (SELECT o.state FROM outbox o WHERE o.message_id = m.id) AS outbox_state
      FROM messages m
     WHERE ";

/// One page, in the order of `position`. Each account gives its own first rows by its index, so the cost
/// does not grow with the number of messages.
pub async fn list(
    conn: &mut Conn,
    access: &Access,
    filter: &Filter,
    position: Position,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let mut page = Vec::new();
    for account in access.account_ids() {
        let mut statement = Statement::new(format!("{SELECT} m.mail_account_id = $2"))
            .bind(access.viewer())
            .bind(account);
        statement = push_filter(statement, filter, access.viewer());
        statement = push_position(statement, position);
        statement = statement.push_limit(limit);
        for row in conn.fetch_all(statement).await? {
            page.push(message(&row)?);
        }
    }
    match position {
        Position::Before(_) => page.sort_by_key(|message| std::cmp::Reverse(message.arrival_key)),
        Position::After(_) => page.sort_by_key(|message| message.arrival_key),
    }
    page.truncate(limit as usize);
    Ok(page)
}

fn push_filter(mut statement: Statement, filter: &Filter, viewer: AdministratorId) -> Statement {
    statement.push_sql(if filter.deleted {
        " AND m.deleted_at IS NOT NULL"
    } else {
        " AND m.deleted_at IS NULL"
    });
    if filter.with_attachments {
        statement.push_sql(" AND m.has_attachments");
    }
    if let Some(direction) = filter.direction {
        statement = push_condition(statement, " AND m.direction = ", direction.as_str());
    }
    if let Some(author) = &filter.author {
        statement = push_author(statement, author);
    }
    if let Some(from) = filter.from {
        statement = push_condition(statement, " AND m.arrived_at >= ", from);
    }
    if let Some(until) = filter.until {
        statement = push_condition(statement, " AND m.arrived_at < ", until);
    }
    match filter.unread {
        None => statement,
        Some(unread) => {
            statement.push_sql(if unread { " AND EXISTS" } else { " AND NOT EXISTS" });
            statement.push_sql(" (SELECT 1 FROM unread u WHERE u.message_id = m.id");
            let mut statement = push_condition(statement, " AND u.viewer_id = ", viewer);
            statement.push_sql(")");
            statement
        }
    }
}

fn push_author(mut statement: Statement, author: &AuthorFilter) -> Statement {
    statement.push_sql(if author.known { " AND (" } else { " AND NOT (" });
    statement.push_sql("COALESCE(m.author_address, '') IN ");
    statement.push_list(
        author
            .colleagues
            .iter()
            .map(|address| Value::from(address.as_str())),
    );
    statement.push_sql(" OR EXISTS (SELECT 1 FROM party_addresses p WHERE p.address = m.author_address))");
    statement
}

fn push_condition(mut statement: Statement, sql: &str, value: impl Into<Value>) -> Statement {
    let placeholder = format!("{sql}${}", statement.next_placeholder());
    statement.push_sql(&placeholder);
    statement.bind(value)
}

fn push_position(statement: Statement, position: Position) -> Statement {
    let (comparison, key, order) = match position {
        Position::Before(key) => (" AND m.arrival_key < ", key, " ORDER BY m.arrival_key DESC"),
        Position::After(key) => (" AND m.arrival_key > ", key, " ORDER BY m.arrival_key"),
    };
    let mut statement = push_condition(statement, comparison, key);
    statement.push_sql(order);
    statement
}

/// Those of `keys` that the viewer may see and the filter lets through; newest first.
pub async fn list_by_keys(
    conn: &mut Conn,
    access: &Access,
    filter: &Filter,
    keys: &[i64],
) -> Result<Vec<Message>, StoreError> {
    let mut statement = Statement::new(format!("{SELECT} m.mail_account_id IN ")).bind(access.viewer());
    statement.push_list(access.account_ids().map(Value::from));
    statement.push_sql(" AND m.arrival_key IN ");
    statement.push_list(keys.iter().map(|key| Value::from(*key)));
    let mut statement = push_filter(statement, filter, access.viewer());
    statement.push_sql(" ORDER BY m.arrival_key DESC");
    conn.fetch_all(statement).await?.iter().map(message).collect()
}

/// Of a longer thread the newest messages are shown first.
const THREAD_PAGE: usize = 1_000;

/// Of one thread before a key, oldest first, deleted ones left out, and the key before which there are more; empty also
/// when the viewer may not see its account.
pub async fn list_of_thread(
    conn: &mut Conn,
    access: &Access,
    thread: ThreadId,
    before: i64,
) -> Result<(Vec<Message>, Option<i64>), StoreError> {
    let mut found = newest_of_thread(conn, access, thread, before, THREAD_PAGE as u32 + 1).await?;
    let has_more = found.len() > THREAD_PAGE;
    found.truncate(THREAD_PAGE);
    found.reverse();
    let older = found.first().map(|message| message.arrival_key);
    Ok((found, older.filter(|_| has_more)))
}

/// Those of these messages that are of the thread, oldest first, deleted ones left out.
pub async fn list_in_thread(
    conn: &mut Conn,
    access: &Access,
    thread: ThreadId,
    ids: &[MessageId],
) -> Result<Vec<Message>, StoreError> {
    let mut found = Vec::new();
    for chunk in ids.chunks(500) {
        let mut statement = Statement::new(format!(
            "{SELECT} m.thread_id = $2 AND m.deleted_at IS NULL AND m.mail_account_id IN "
        ))
        .bind(access.viewer())
        .bind(thread);
        statement.push_list(access.account_ids().map(Value::from));
        statement.push_sql(" AND m.id IN ");
        statement.push_list(chunk.iter().map(|id| Value::from(*id)));
        for row in conn.fetch_all(statement).await? {
            found.push(message(&row)?);
        }
    }
    found.sort_by_key(|message| message.arrival_key);
    Ok(found)
}

/// The newest message of a thread that is not deleted, as the thread is called by it: a report of a server only where
/// there is nothing else.
pub async fn last_of_thread(
    conn: &mut Conn,
    access: &Access,
    thread: ThreadId,
) -> Result<Option<Message>, StoreError> {
    let mut statement = Statement::new(format!(
        "{SELECT} m.thread_id = $2 AND m.deleted_at IS NULL AND m.automatic IS DISTINCT FROM $3 AND m.automatic IS DISTINCT FROM $4 AND m.mail_account_id IN "
    ))
    .bind(access.viewer())
    .bind(thread)
    .bind(Automatic::DeliveryReport.as_str())
    .bind(Automatic::Complaint.as_str());
    statement.push_list(access.account_ids().map(Value::from));
    let statement = push_position(statement, Position::Before(i64::MAX)).push_limit(1);
    match conn.fetch_optional(statement).await? {
        Some(row) => Ok(Some(message(&row)?)),
        None => Ok(newest_of_thread(conn, access, thread, i64::MAX, 1).await?.pop()),
    }
}

async fn newest_of_thread(
    conn: &mut Conn,
    access: &Access,
    thread: ThreadId,
    before: i64,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let mut statement = Statement::new(format!(
        "{SELECT} m.thread_id = $2 AND m.deleted_at IS NULL AND m.mail_account_id IN "
    ))
    .bind(access.viewer())
    .bind(thread);
    statement.push_list(access.account_ids().map(Value::from));
    let statement = push_position(statement, Position::Before(before)).push_limit(limit);
    conn.fetch_all(statement).await?.iter().map(message).collect()
}

/// How many of a thread's messages the viewer may see; deleted ones left out.
pub async fn count_of_thread(conn: &mut Conn, access: &Access, thread: ThreadId) -> Result<u64, StoreError> {
    let mut statement = Statement::new(
        "SELECT COUNT(*) AS messages
           FROM messages
          WHERE thread_id = $1 AND deleted_at IS NULL AND mail_account_id IN ",
    )
    .bind(thread);
    statement.push_list(access.account_ids().map(Value::from));
    let row = conn.fetch_optional(statement).await?;
    row.ok_or(StoreError::Unexpected("count"))?.size("messages")
}

const AUTHORED: &str = "
    SELECT m.id, m.author_address
      FROM messages m
     WHERE m.mail_account_id = $1 AND m.direction = 'incoming' AND m.deleted_at IS NULL
       AND m.author_address IS NOT NULL AND m.arrived_at >= $2";

/// Messages that arrived in an account since then and who wrote them, for what a block would remove. The caller has proved the right.
pub async fn list_authors_of_account(
    conn: &mut Conn,
    account: MailAccountId,
    since: Timestamp,
) -> Result<Vec<(MessageId, EmailAddress)>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(AUTHORED).bind(account).bind(since))
        .await?;
    let mut authors = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Ok(address) = EmailAddress::parse(&row.text("author_address")?) {
            authors.push((row.id("id")?, address));
        }
    }
    Ok(authors)
}

/// All at one moment, by which they can be restored together.
pub async fn delete_many(tx: &mut Tx, ids: &[MessageId], at: Timestamp) -> Result<(), StoreError> {
    for chunk in ids.chunks(500) {
        let mut statement = Statement::new("UPDATE messages SET deleted_at = $1 WHERE id IN ").bind(at);
        statement.push_list(chunk.iter().map(|id| Value::from(*id)));
        tx.execute(statement).await?;
    }
    Ok(())
}

const RESTORE_DELETED_AT: &str =
    "UPDATE messages SET deleted_at = NULL WHERE mail_account_id = $1 AND deleted_at = $2";

pub async fn restore_deleted_at(
    tx: &mut Tx,
    account: MailAccountId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    tx.execute(Statement::new(RESTORE_DELETED_AT).bind(account).bind(at))
        .await
}

/// `None` also when it exists and is not the viewer's to see. Deleted ones are found: they can be restored.
pub async fn find(conn: &mut Conn, access: &Access, id: MessageId) -> Result<Option<Message>, StoreError> {
    let mut statement = Statement::new(format!("{SELECT} m.id = $2 AND m.mail_account_id IN "))
        .bind(access.viewer())
        .bind(id);
    statement.push_list(access.account_ids().map(Value::from));
    conn.fetch_optional(statement)
        .await?
        .map(|row| message(&row))
        .transpose()
}

fn message(row: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.id("id")?,
        account: row.id("mail_account_id")?,
        thread: row.id("thread_id")?,
        arrival_key: row.integer("arrival_key")?,
        direction: Direction::parse(&row.text("direction")?).ok_or(StoreError::Unexpected("direction"))?,
        author_name: row.text("author_name")?,
        author_address: row.optional_text("author_address")?,
        recipients: row.text("recipients")?,
        subject: row.text("subject")?,
        snippet: row.text("snippet")?,
        arrived_at: row.time("arrived_at")?,
        dated_at: row.optional_time("dated_at")?,
        size_bytes: row.size("size_bytes")?,
        has_attachments: row.bool("has_attachments")?,
        parked_reason: row.optional_text("parked_reason")?,
        sender_marks: SenderMarks::from_bits(row.integer("sender_marks")?),
        is_junk: row.bool("is_junk")?,
        automatic: row
            .optional_text("automatic")?
            .as_deref()
            .and_then(Automatic::parse),
        outbox: row
            .optional_text("outbox_state")?
            .and_then(|state| OutboxState::parse(&state)),
        unread: row.integer("unread_rows")? > 0,
        deleted_at: row.optional_time("deleted_at")?,
    })
}

const ADDRESSES: &str =
    "SELECT role, name, address FROM message_addresses WHERE message_id = $1 ORDER BY position";

/// Of a message that [`find`] has given.
pub async fn addresses(conn: &mut Conn, message: &Message) -> Result<Vec<NamedAddress>, StoreError> {
    let rows = conn.fetch_all(Statement::new(ADDRESSES).bind(message.id)).await?;
    let addresses = rows.iter().map(|row| {
        Ok(NamedAddress {
            role: AddressRole::parse(&row.text("role")?).ok_or(StoreError::Unexpected("role"))?,
            name: CleanText::new(&row.text("name")?),
            address: row
                .optional_text("address")?
                .and_then(|text| EmailAddress::parse(&text).ok()),
        })
    });
    addresses.collect()
}

const ATTACHMENTS: &str = "
    SELECT part, name, content_type, size_bytes, content_id, is_inline, other_name
      FROM attachments
     WHERE message_id = $1
     ORDER BY part % 65536, part";

/// Of a message that [`find`] has given.
pub async fn attachments(conn: &mut Conn, message: &Message) -> Result<Vec<AttachmentSummary>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(ATTACHMENTS).bind(message.id))
        .await?;
    let attachments = rows.iter().map(|row| {
        Ok(AttachmentSummary {
            place: FilePlace::of_number(row.unsigned("part")?),
            name: CleanText::new(&row.text("name")?),
            content_type: row.text("content_type")?,
            size_bytes: row.size("size_bytes")?,
            content_id: row.optional_text("content_id")?,
            inline: row.bool("is_inline")?,
            other_name: row.optional_text("other_name")?.map(|name| CleanText::new(&name)),
        })
    });
    attachments.collect()
}

const RAW: &str = "SELECT segment, start_byte, length_bytes FROM raws WHERE message_id = $1 AND is_shown";

/// Of a message that [`find`] has given.
pub async fn raw_range(conn: &mut Conn, message: &Message) -> Result<Option<BlobRange>, StoreError> {
    let row = conn.fetch_optional(Statement::new(RAW).bind(message.id)).await?;
    row.map(|row| blob_range(&row)).transpose()
}

pub(crate) fn blob_range(row: &Row) -> Result<BlobRange, StoreError> {
    Ok(BlobRange {
        segment: row.text("segment")?,
        start: row.size("start_byte")?,
        length: row.size("length_bytes")?,
    })
}

const COUNT_UNREAD: &str = "
    SELECT COUNT(*) AS unread
      FROM (SELECT 1
              FROM unread u
              JOIN messages m ON m.id = u.message_id AND m.deleted_at IS NULL
             WHERE u.viewer_id = $1 AND u.mail_account_id IN ";

/// Unread messages of the viewer, counted up to `at_most`.
pub async fn count_unread(conn: &mut Conn, access: &Access, at_most: u32) -> Result<u64, StoreError> {
    let mut statement = Statement::new(COUNT_UNREAD).bind(access.viewer());
    statement.push_list(access.account_ids().map(Value::from));
    let mut statement = statement.push_limit(at_most);
    statement.push_sql(") counted");
    let row = conn
        .fetch_optional(statement)
        .await?
        .ok_or(StoreError::Unexpected("count"))?;
    row.size("unread")
}

pub async fn mark_read(tx: &mut Tx, viewer: AdministratorId, message: &Message) -> Result<(), StoreError> {
    let delete = "DELETE FROM unread WHERE viewer_id = $1 AND message_id = $2";
    tx.execute(Statement::new(delete).bind(viewer).bind(message.id))
        .await?;
    Ok(())
}

/// True: one of them was unread.
pub async fn mark_all_read(
    tx: &mut Tx,
    viewer: AdministratorId,
    ids: &[MessageId],
) -> Result<bool, StoreError> {
    let mut delete =
        Statement::new("DELETE FROM unread WHERE viewer_id = $1 AND message_id IN ").bind(viewer);
    delete.push_list(ids.iter().map(|id| Value::from(*id)));
    Ok(tx.execute(delete).await? > 0)
}

const MARK_UNREAD: &str = "
    INSERT INTO unread (viewer_id, mail_account_id, message_id)
    VALUES ($1, $2, $3)
        ON CONFLICT (viewer_id, message_id) DO NOTHING";

pub async fn mark_unread(tx: &mut Tx, viewer: AdministratorId, message: &Message) -> Result<(), StoreError> {
    tx.execute(
        Statement::new(MARK_UNREAD)
            .bind(viewer)
            .bind(message.account)
            .bind(message.id),
    )
    .await?;
    Ok(())
}

const SET_DELETED: &str = "UPDATE messages SET deleted_at = $2 WHERE id = $1";

/// `None` restores it.
pub async fn set_deleted(
    tx: &mut Tx,
    message: &Message,
    deleted_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_DELETED).bind(message.id).bind(deleted_at))
        .await?;
    Ok(())
}

/// A message whose time to be restored is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasable {
    pub id: MessageId,
    pub account: MailAccountId,
    pub arrival_key: i64,
    /// The forms it came in, and the segments that hold them.
    pub raws: Vec<(Hash, String)>,
}

const ERASABLE: &str = "
    SELECT m.id, m.mail_account_id, m.arrival_key
      FROM messages m
     WHERE m.deleted_at IS NOT NULL AND m.deleted_at < $1 AND m.id > $2
     ORDER BY m.id
     LIMIT $3";
const RAWS: &str = "SELECT sha256, segment FROM raws WHERE message_id = $1";

/// In the order of their ids, those after `after`.
pub async fn list_erasable_for_engine(
    conn: &mut Conn,
    deleted_before: Timestamp,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<Erasable>, StoreError> {
    let after = after.unwrap_or(MessageId::from_uuid(Uuid::nil()));
    let select = Statement::new(ERASABLE).bind(deleted_before).bind(after);
    let rows = conn.fetch_all(select.bind(limit)).await?;
    let mut erasable = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: MessageId = row.id("id")?;
        let raws = conn.fetch_all(Statement::new(RAWS).bind(id)).await?;
        let raws = raws.iter().map(|raw| Ok((hash(raw)?, raw.text("segment")?)));
        erasable.push(Erasable {
            id,
            account: row.id("mail_account_id")?,
            arrival_key: row.integer("arrival_key")?,
            raws: raws.collect::<Result<_, StoreError>>()?,
        });
    }
    Ok(erasable)
}

const INSERT_TOMBSTONE: &str = "
    INSERT INTO tombstones (mail_account_id, content_hash) VALUES ($1, $2)
        ON CONFLICT (mail_account_id, content_hash) DO NOTHING";

pub(crate) fn hash(row: &Row) -> Result<Hash, StoreError> {
    Hash::try_from(row.blob("sha256")?).map_err(|_| StoreError::Unexpected("hash"))
}

/// Takes the rows away and leaves tombstones; the places of its remote copies become skipped ones.
pub async fn erase(
    tx: &mut Tx,
    message: &Erasable,
    tombstones: &[Hash],
    now: Timestamp,
) -> Result<(), StoreError> {
    for tombstone in tombstones {
        let insert = Statement::new(INSERT_TOMBSTONE).bind(message.account);
        tx.execute(insert.bind(*tombstone)).await?;
    }
    tx.execute(
        Statement::new(SKIP_COPIES)
            .bind(message.id)
            .bind(message.account)
            .bind(now),
    )
    .await?;
    let unindex = "DELETE FROM message_search WHERE rowid = $1";
    tx.execute(Statement::new(unindex).bind(message.arrival_key))
        .await?;
    tx.execute(Statement::new("DELETE FROM messages WHERE id = $1").bind(message.id))
        .await?;
    Ok(())
}

const SKIP_COPIES: &str = "
    INSERT INTO skipped_copies (folder_id, uid_validity, uid, mail_account_id, reason, deny_line, skipped_at)
    SELECT folder_id, uid_validity, uid, $2, 'deleted', NULL, $3
      FROM remote_copies
     WHERE message_id = $1
        ON CONFLICT (folder_id, uid_validity, uid) DO NOTHING";

/// Bytes of a segment that are still needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    pub holder: Holder,
    pub raw: BlobRange,
}

/// What they are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Message(MessageId, Hash),
    DraftFile(AttachmentId),
}

const RAWS_IN_SEGMENT: &str = "
    SELECT message_id, sha256, segment, start_byte, length_bytes FROM raws WHERE segment = $1";
const FILES_IN_SEGMENT: &str = "
    SELECT id, segment, start_byte, length_bytes FROM draft_files WHERE segment = $1";

pub async fn list_segment_for_engine(
    conn: &mut Conn,
    segment: &str,
) -> Result<Vec<SegmentEntry>, StoreError> {
    let mut entries = Vec::new();
    for row in conn
        .fetch_all(Statement::new(RAWS_IN_SEGMENT).bind(segment))
        .await?
    {
        let holder = Holder::Message(row.id("message_id")?, hash(&row)?);
        let raw = blob_range(&row)?;
        entries.push(SegmentEntry { holder, raw });
    }
    for row in conn
        .fetch_all(Statement::new(FILES_IN_SEGMENT).bind(segment))
        .await?
    {
        let (holder, raw) = (Holder::DraftFile(row.id("id")?), blob_range(&row)?);
        entries.push(SegmentEntry { holder, raw });
    }
    Ok(entries)
}

const LIVE_BYTES: &str = "
    SELECT segment, CAST(SUM(length_bytes) AS BIGINT) AS live_bytes
      FROM (SELECT segment, length_bytes FROM raws
             UNION ALL
            SELECT segment, length_bytes FROM draft_files) held
     GROUP BY segment";

/// How many bytes of each segment belong to a message or a draft.
pub async fn live_bytes_for_engine(conn: &mut Conn) -> Result<HashMap<String, u64>, StoreError> {
    let rows = conn.fetch_all(Statement::new(LIVE_BYTES)).await?;
    let segments = rows
        .iter()
        .map(|row| Ok((row.text("segment")?, row.size("live_bytes")?)));
    segments.collect()
}

const MOVE_RAW: &str = "UPDATE raws SET segment = $1, start_byte = $2 WHERE message_id = $3 AND sha256 = $4";
const MOVE_FILE: &str = "UPDATE draft_files SET segment = $1, start_byte = $2 WHERE id = $3";

pub async fn move_raw(tx: &mut Tx, entry: &SegmentEntry, to: &BlobRange) -> Result<(), StoreError> {
    let place = |sql| Statement::new(sql).bind(to.segment.as_str()).bind(to.start);
    let update = match entry.holder {
        Holder::Message(message, sha256) => place(MOVE_RAW).bind(message).bind(sha256),
        Holder::DraftFile(id) => place(MOVE_FILE).bind(id),
    };
    tx.execute(update).await?;
    Ok(())
}

const COUNT_OF_ACCOUNT: &str =
    "SELECT COUNT(*) AS messages FROM messages WHERE mail_account_id = $1 AND deleted_at IS NULL";

pub async fn count_of_account(conn: &mut Conn, account: MailAccountId) -> Result<u64, StoreError> {
    let row = conn
        .fetch_optional(Statement::new(COUNT_OF_ACCOUNT).bind(account))
        .await?;
    row.ok_or(StoreError::Unexpected("count"))?.size("messages")
}

const EXPORT: &str = "
    SELECT m.id, m.arrival_key, m.author_address, m.arrived_at, r.is_shown, r.sha256, r.segment, r.start_byte,
           r.length_bytes
      FROM messages m
      JOIN raws r ON r.message_id = m.id
     WHERE m.mail_account_id = $1 AND m.arrival_key > $2 AND m.deleted_at IS NULL AND m.id IN (
               SELECT p.id
                 FROM messages p
                WHERE p.mail_account_id = $1 AND p.arrival_key > $2 AND p.deleted_at IS NULL
                ORDER BY p.arrival_key
                LIMIT $3)
     ORDER BY m.arrival_key, r.is_shown DESC, r.sha256";

/// What an export needs of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub id: MessageId,
    pub arrival_key: i64,
    pub author_address: Option<String>,
    pub arrived_at: Timestamp,
    /// Of a form that is not the one shown: its hash.
    pub other_form: Option<Hash>,
    pub raw: BlobRange,
}

/// `limit` messages with all their forms, oldest first, after a key; the caller has proved its right to the account.
pub async fn list_for_export(
    conn: &mut Conn,
    account: MailAccountId,
    after: i64,
    limit: u32,
) -> Result<Vec<Exported>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(EXPORT).bind(account).bind(after).bind(limit))
        .await?;
    let exported = rows.iter().map(|row| {
        Ok(Exported {
            id: row.id("id")?,
            arrival_key: row.integer("arrival_key")?,
            author_address: row.optional_text("author_address")?,
            arrived_at: row.time("arrived_at")?,
            other_form: match row.bool("is_shown")? {
                true => None,
                false => Some(hash(row)?),
            },
            raw: blob_range(row)?,
        })
    });
    exported.collect()
}

const FORGET_CONTENT: [&str; 3] = [
    "DELETE FROM message_search WHERE rowid IN (SELECT arrival_key FROM messages WHERE id = $1)",
    "DELETE FROM raws WHERE message_id = $1",
    "UPDATE messages SET snippet = '' WHERE id = $1",
];

/// What was in it is gone; that it was, its subject and people stay. The bytes are collected.
pub async fn forget_content(tx: &mut Tx, id: MessageId) -> Result<(), StoreError> {
    for statement in FORGET_CONTENT {
        tx.execute(Statement::new(statement).bind(id)).await?;
    }
    Ok(())
}

/// A message that was written here and is taken back before it went: nothing of it stays.
pub async fn remove_unsent(tx: &mut Tx, message: &Message) -> Result<(), StoreError> {
    let unindex = "DELETE FROM message_search WHERE rowid = $1";
    tx.execute(Statement::new(unindex).bind(message.arrival_key))
        .await?;
    tx.execute(Statement::new("DELETE FROM messages WHERE id = $1").bind(message.id))
        .await?;
    let empty =
        "DELETE FROM threads WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM messages WHERE thread_id = $1)";
    tx.execute(Statement::new(empty).bind(message.thread)).await?;
    Ok(())
}

const BCC: &str = "
    SELECT name, address FROM message_addresses
     WHERE message_id = $1 AND role = 'bcc' AND address IS NOT NULL ORDER BY position";

/// Who else has a message that was written here: names and addresses.
pub async fn bcc_for_engine(
    conn: &mut Conn,
    message: MessageId,
) -> Result<Vec<(String, EmailAddress)>, StoreError> {
    let rows = conn.fetch_all(Statement::new(BCC).bind(message)).await?;
    let named = rows.iter().map(|row| {
        let address = EmailAddress::parse(&row.text("address")?);
        Ok((
            row.text("name")?,
            address.map_err(|_| StoreError::Unexpected("address"))?,
        ))
    });
    named.collect()
}

/// Addresses that begin so, in mail that the viewer may see, with a name where one is known.
pub async fn list_correspondents(
    conn: &mut Conn,
    access: &Access,
    start: &str,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for account in access.account_ids() {
        let select = "SELECT address, MAX(name) AS name
                        FROM message_addresses
                       WHERE mail_account_id = $1 AND address >= $2 AND address < $3
                       GROUP BY address
                       ORDER BY address
                       LIMIT $4";
        let statement = Statement::new(select)
            .bind(account)
            .bind(start)
            .bind(format!("{start}\u{10FFFF}"))
            .bind(limit);
        for row in conn.fetch_all(statement).await? {
            found.push((row.text("name")?, row.text("address")?));
        }
    }
    Ok(found)
}
