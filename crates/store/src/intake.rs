//! Writes of one intake batch: many rows, few statements, inside the caller's transaction.

use domain::AdministratorId;
use domain::MailAccountId;
use domain::MessageId;
use domain::RemoteOperationId;
use domain::ThreadId;
use domain::Timestamp;
use domain::folder::RemoteOperation;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::message::AttachmentSummary;
use domain::message::Automatic;
use domain::message::Direction;
use domain::message::InternetMessageId;
use domain::message::NamedAddress;
use domain::message::Origin;
use domain::rules::sender::SenderMarks;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::blob::BlobRange;
use crate::db::Dialect;
use crate::db::Statement;
use crate::folders::Folder;
use crate::folders::copy_row;
use crate::messages::blob_range;
use crate::search::account_word;
use crate::sessions::Hash;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug)]
pub struct NewMessage {
    pub id: MessageId,
    pub thread: ThreadId,
    pub arrival_key: i64,
    pub direction: Direction,
    pub internet_message_id: Option<InternetMessageId>,
    /// In-Reply-To and References.
    pub references: Vec<InternetMessageId>,
    pub author_name: String,
    pub author_address: Option<String>,
    pub recipients: String,
    pub subject: String,
    pub snippet: String,
    pub arrived_at: Timestamp,
    pub dated_at: Option<Timestamp>,
    pub size_bytes: u64,
    pub parked_reason: Option<String>,
    pub sha256: Hash,
    pub sender_marks: SenderMarks,
    pub automatic: Option<Automatic>,
    pub addresses: Vec<NamedAddress>,
    pub attachments: Vec<AttachmentSummary>,
    pub search_text: String,
    pub origin: Origin,
    pub raw: BlobRange,
}

const INSERT_MESSAGES: &str = "
    INSERT INTO messages
           (id, mail_account_id, thread_id, arrival_key, direction, internet_message_id, author_name,
            author_address, recipients, subject, snippet, arrived_at, dated_at, size_bytes, has_attachments,
            parked_reason, sha256, deleted_at, is_disowned, automatic, sender_marks)";
const INSERT_ADDRESSES: &str =
    "INSERT INTO message_addresses (message_id, position, role, name, address, mail_account_id)";
const INSERT_REFERENCES: &str =
    "INSERT INTO message_references (mail_account_id, internet_message_id, message_id)";
const INSERT_ATTACHMENTS: &str = "
    INSERT INTO attachments
        (message_id, part, name, content_type, size_bytes, content_id, is_inline, other_name)";
const INSERT_RAWS: &str = "
    INSERT INTO raws (message_id, sha256, mail_account_id, origin, is_shown, segment, start_byte, length_bytes)";

pub async fn insert_messages(
    tx: &mut Tx,
    account: MailAccountId,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    let rows = messages
        .iter()
        .map(|message| message_row(account, message))
        .collect();
    tx.execute_rows(INSERT_MESSAGES, "", rows).await?;
    let raws = messages.iter().map(|message| {
        let raw = OneRaw {
            message: message.id,
            sha256: message.sha256,
            origin: message.origin,
            is_shown: true,
            range: &message.raw,
        };
        raw_row(account, &raw)
    });
    tx.execute_rows(INSERT_RAWS, "", raws.collect()).await?;
    insert_derived(tx, account, messages).await
}

/// What is known of messages by parsing, in tables of its own.
async fn insert_derived(
    tx: &mut Tx,
    account: MailAccountId,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    tx.execute_rows(
        INSERT_ADDRESSES,
        "",
        messages
            .iter()
            .flat_map(|message| address_rows(account, message))
            .collect(),
    )
    .await?;
    let references = messages
        .iter()
        .flat_map(|message| reference_rows(account, message))
        .collect();
    let conflict = "ON CONFLICT (mail_account_id, internet_message_id, message_id) DO NOTHING";
    tx.execute_rows(INSERT_REFERENCES, conflict, references).await?;
    tx.execute_rows(
        INSERT_ATTACHMENTS,
        "",
        messages.iter().flat_map(attachment_rows).collect(),
    )
    .await?;
    insert_search(tx, account, messages).await
}

fn message_row(account: MailAccountId, message: &NewMessage) -> Vec<Value> {
    let has_attachments = message.attachments.iter().any(|attachment| !attachment.inline);
    vec![
        message.id.into(),
        account.into(),
        message.thread.into(),
        message.arrival_key.into(),
        message.direction.as_str().into(),
        message
            .internet_message_id
            .as_ref()
            .map(InternetMessageId::as_str)
            .into(),
        message.author_name.as_str().into(),
        message.author_address.clone().into(),
        message.recipients.as_str().into(),
        message.subject.as_str().into(),
        message.snippet.as_str().into(),
        message.arrived_at.into(),
        message.dated_at.into(),
        message.size_bytes.into(),
        has_attachments.into(),
        message.parked_reason.clone().into(),
        message.sha256.into(),
        None::<i64>.into(),
        message.sender_marks.is_doubtful().into(),
        message.automatic.map(Automatic::as_str).into(),
        message.sender_marks.bits().into(),
    ]
}

fn address_rows(account: MailAccountId, message: &NewMessage) -> Vec<Vec<Value>> {
    let rows = message.addresses.iter().zip(0_u32..).map(|(named, position)| {
        vec![
            message.id.into(),
            position.into(),
            named.role.as_str().into(),
            named.name.as_str().into(),
            named.address.as_ref().map(|address| address.as_str()).into(),
            account.into(),
        ]
    });
    rows.collect()
}

fn reference_rows(account: MailAccountId, message: &NewMessage) -> Vec<Vec<Value>> {
    let row = |named: &InternetMessageId| vec![account.into(), named.as_str().into(), message.id.into()];
    message.references.iter().map(row).collect()
}

/// More Message-IDs that lead to messages: who names one of these names the message.
pub async fn insert_references(
    tx: &mut Tx,
    account: MailAccountId,
    named: impl Iterator<Item = (MessageId, InternetMessageId)>,
) -> Result<(), StoreError> {
    let rows = named.map(|(message, named)| vec![account.into(), named.as_str().into(), message.into()]);
    tx.execute_rows(INSERT_REFERENCES, " ON CONFLICT DO NOTHING", rows.collect())
        .await?;
    Ok(())
}

fn attachment_rows(message: &NewMessage) -> Vec<Vec<Value>> {
    let rows = message.attachments.iter().map(|attachment| {
        vec![
            message.id.into(),
            attachment.place.number().into(),
            attachment.name.as_str().into(),
            attachment.content_type.as_str().into(),
            attachment.size_bytes.into(),
            attachment.content_id.clone().into(),
            attachment.inline.into(),
            attachment
                .other_name
                .as_ref()
                .map(|name| name.as_str().to_owned())
                .into(),
        ]
    });
    rows.collect()
}

/// One of the forms that a message came in.
#[derive(Clone, Copy, Debug)]
pub struct OneRaw<'a> {
    pub message: MessageId,
    pub sha256: Hash,
    pub origin: Origin,
    pub is_shown: bool,
    pub range: &'a BlobRange,
}

fn raw_row(account: MailAccountId, raw: &OneRaw<'_>) -> Vec<Value> {
    vec![
        raw.message.into(),
        raw.sha256.into(),
        account.into(),
        raw.origin.as_str().into(),
        raw.is_shown.into(),
        raw.range.segment.as_str().into(),
        raw.range.start.into(),
        raw.range.length.into(),
    ]
}

/// Other bytes of messages that are here already.
pub async fn insert_raws(tx: &mut Tx, account: MailAccountId, raws: &[OneRaw<'_>]) -> Result<(), StoreError> {
    let rows = raws.iter().map(|raw| raw_row(account, raw)).collect();
    tx.execute_rows(INSERT_RAWS, "ON CONFLICT (message_id, sha256) DO NOTHING", rows)
        .await?;
    Ok(())
}

/// Of one statement: the words of a whole batch weigh as much as its messages, and at the end of each statement FTS5
/// writes a segment, which it merges with others later.
const SEARCH_BYTES: usize = 2 * 1024 * 1024;
const INSERT_SEARCH_SQLITE: &str = "INSERT INTO message_search (rowid, words)";
const INSERT_SEARCH_POSTGRES: &str = "
    INSERT INTO message_search (rowid, words) VALUES ($1, to_tsvector('simple', $2))";

/// One of the few statements with two texts: only PostgreSQL has to be told to split words.
async fn insert_search(
    tx: &mut Tx,
    account: MailAccountId,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    let account_word = account_word(account);
    let words = |message: &NewMessage| format!("{account_word} {}", message.search_text);
    match tx.dialect() {
        Dialect::Sqlite => {
            let mut rows = Vec::new();
            let mut bytes = 0;
            for message in messages {
                let words = words(message);
                bytes += words.len();
                rows.push(vec![message.arrival_key.into(), words.into()]);
                if bytes > SEARCH_BYTES {
                    let rows = std::mem::take(&mut rows);
                    tx.execute_at_once(INSERT_SEARCH_SQLITE, rows).await?;
                    bytes = 0;
                }
            }
            tx.execute_at_once(INSERT_SEARCH_SQLITE, rows).await?;
        }
        Dialect::Postgres => {
            for message in messages {
                let insert = Statement::new(INSERT_SEARCH_POSTGRES).bind(message.arrival_key);
                tx.execute(insert.bind(words(message))).await?;
            }
        }
    }
    Ok(())
}

/// A message whose bytes are kept and whose content could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMessage {
    pub id: MessageId,
    pub thread: ThreadId,
    pub arrival_key: i64,
    pub direction: Direction,
    pub arrived_at: Timestamp,
    pub raw: BlobRange,
}

const PARKED: &str = "
    SELECT m.id, m.thread_id, m.arrival_key, m.direction, m.arrived_at,
           r.segment, r.start_byte, r.length_bytes
      FROM messages m
      JOIN raws r ON r.message_id = m.id AND r.is_shown
     WHERE m.mail_account_id = $1 AND m.parked_reason IS NOT NULL";

pub async fn list_parked_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
) -> Result<Vec<ParkedMessage>, StoreError> {
    let rows = conn.fetch_all(Statement::new(PARKED).bind(account)).await?;
    rows.iter().map(parked).collect()
}

pub async fn find_parked_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    id: MessageId,
) -> Result<Option<ParkedMessage>, StoreError> {
    let statement = Statement::new(format!("{PARKED} AND m.id = $2"))
        .bind(account)
        .bind(id);
    conn.fetch_optional(statement)
        .await?
        .map(|row| parked(&row))
        .transpose()
}

fn parked(row: &Row) -> Result<ParkedMessage, StoreError> {
    let direction = Direction::parse(&row.text("direction")?);
    Ok(ParkedMessage {
        id: row.id("id")?,
        thread: row.id("thread_id")?,
        arrival_key: row.integer("arrival_key")?,
        direction: direction.ok_or(StoreError::Unexpected("direction"))?,
        arrived_at: row.time("arrived_at")?,
        raw: blob_range(row)?,
    })
}

const SET_PARKED: &str = "UPDATE messages SET parked_reason = $2 WHERE id = $1";

pub async fn set_parked(tx: &mut Tx, id: MessageId, reason: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new(SET_PARKED).bind(id).bind(reason))
        .await?;
    Ok(())
}

const REPLACE_PARSED: &str = "
    UPDATE messages
       SET direction = $2, internet_message_id = $3, author_name = $4, author_address = $5, recipients = $6,
           subject = $7, snippet = $8, dated_at = $9, has_attachments = $10, parked_reason = $11,
           is_disowned = $12, automatic = $13, sender_marks = $14
     WHERE id = $1";

/// What was parsed of a message anew; its identity, thread, place in the list and bytes stay.
pub async fn replace_parsed(
    tx: &mut Tx,
    account: MailAccountId,
    message: NewMessage,
) -> Result<(), StoreError> {
    let row = message_row(account, &message);
    let columns = [4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 18, 19, 20].map(|column| row[column].clone());
    let update = columns
        .into_iter()
        .fold(Statement::new(REPLACE_PARSED).bind(message.id), Statement::bind);
    tx.execute(update).await?;
    for delete in [
        "DELETE FROM message_addresses WHERE message_id = $1",
        "DELETE FROM message_references WHERE message_id = $1",
        "DELETE FROM attachments WHERE message_id = $1",
    ] {
        tx.execute(Statement::new(delete).bind(message.id)).await?;
    }
    let search = "DELETE FROM message_search WHERE rowid = $1";
    tx.execute(Statement::new(search).bind(message.arrival_key))
        .await?;
    insert_derived(tx, account, &[message]).await
}

const INSERT_COPIES: &str = "INSERT INTO remote_copies (folder_id, uid_validity, uid, message_id)";

pub async fn insert_copies(
    tx: &mut Tx,
    folder: &Folder,
    uid_validity: UidValidity,
    copies: &[(Uid, MessageId)],
) -> Result<(), StoreError> {
    let rows = copies.iter().map(|(uid, message)| {
        let mut row = copy_row(folder, uid_validity, *uid);
        row.push((*message).into());
        row
    });
    let conflict = "ON CONFLICT (folder_id, uid_validity, uid) DO NOTHING";
    tx.execute_rows(INSERT_COPIES, conflict, rows.collect()).await?;
    Ok(())
}

const INSERT_UNREAD: &str = "INSERT INTO unread (viewer_id, mail_account_id, message_id)";

/// True: one of them was read before.
pub async fn insert_unread(
    tx: &mut Tx,
    account: MailAccountId,
    viewer: AdministratorId,
    messages: &[MessageId],
) -> Result<bool, StoreError> {
    let rows = messages
        .iter()
        .map(|message| vec![viewer.into(), account.into(), (*message).into()]);
    let inserted = tx
        .execute_rows(
            INSERT_UNREAD,
            "ON CONFLICT (viewer_id, message_id) DO NOTHING",
            rows.collect(),
        )
        .await?;
    Ok(inserted > 0)
}

const INSERT_OPERATIONS: &str = "
    INSERT INTO remote_operations (id, mail_account_id, folder_id, kind, uid_validity, uid, attempts)";

pub async fn insert_mark_seen(
    tx: &mut Tx,
    folder: &Folder,
    uid_validity: UidValidity,
    operations: &[(RemoteOperationId, Uid)],
) -> Result<(), StoreError> {
    let rows = operations.iter().map(|(id, uid)| {
        vec![
            (*id).into(),
            folder.account.into(),
            folder.id.into(),
            RemoteOperation::MarkSeen.as_str().into(),
            uid_validity.0.into(),
            uid.0.into(),
            0_u32.into(),
        ]
    });
    tx.execute_rows(INSERT_OPERATIONS, "", rows.collect()).await?;
    Ok(())
}

/// Messages of the account with exactly these bytes.
pub async fn find_by_content_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    hashes: &[Hash],
) -> Result<Vec<(Hash, MessageId)>, StoreError> {
    let mut statement =
        Statement::new("SELECT message_id, sha256 FROM raws WHERE mail_account_id = $1 AND sha256 IN ")
            .bind(account);
    statement.push_list(hashes.iter().map(|hash| Value::from(*hash)));
    let rows = conn.fetch_all(statement).await?;
    let found = rows.iter().map(|row| {
        let hash = Hash::try_from(row.blob("sha256")?).map_err(|_| StoreError::Unexpected("hash"))?;
        Ok((hash, row.id("message_id")?))
    });
    found.collect()
}

/// Which of these keyed hashes belong to messages that were erased for good.
pub async fn find_tombstones_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    hashes: &[Hash],
) -> Result<Vec<Hash>, StoreError> {
    let mut statement =
        Statement::new("SELECT content_hash FROM tombstones WHERE mail_account_id = $1 AND content_hash IN ")
            .bind(account);
    statement.push_list(hashes.iter().map(|hash| Value::from(*hash)));
    let rows = conn.fetch_all(statement).await?;
    let found = rows
        .iter()
        .map(|row| Hash::try_from(row.blob("content_hash")?).map_err(|_| StoreError::Unexpected("hash")));
    found.collect()
}

/// Which of these keys are taken, in whichever account.
pub async fn taken_arrival_keys_for_engine(conn: &mut Conn, keys: &[i64]) -> Result<Vec<i64>, StoreError> {
    let mut statement = Statement::new("SELECT arrival_key FROM messages WHERE arrival_key IN ");
    statement.push_list(keys.iter().map(|key| Value::from(*key)));
    conn.fetch_all(statement)
        .await?
        .iter()
        .map(|row| row.integer("arrival_key"))
        .collect()
}

pub async fn is_of_account_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    id: MessageId,
) -> Result<bool, StoreError> {
    let select = "SELECT id FROM messages WHERE id = $1 AND mail_account_id = $2";
    let found = conn
        .fetch_optional(Statement::new(select).bind(id).bind(account))
        .await?;
    Ok(found.is_some())
}

const OWN_BY_HEADER: &str = "
    SELECT m.id, r.segment, r.start_byte, r.length_bytes
      FROM messages m
      JOIN raws r ON r.message_id = m.id AND r.is_shown
     WHERE m.mail_account_id = $1 AND m.internet_message_id = $2 AND m.direction = 'outgoing'
     LIMIT 5";

/// The owner's messages with this Message-ID.
pub async fn find_own_by_header_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    id: &InternetMessageId,
) -> Result<Vec<(MessageId, BlobRange)>, StoreError> {
    let select = Statement::new(OWN_BY_HEADER).bind(account).bind(id.as_str());
    let rows = conn.fetch_all(select).await?;
    rows.iter()
        .map(|row| Ok((row.id("id")?, blob_range(row)?)))
        .collect()
}
