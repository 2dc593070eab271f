//! What is being written, with its files.

use domain::AdministratorId;
use domain::AttachmentId;
use domain::DraftId;
use domain::MailAccountId;
use domain::MessageId;
use domain::ThreadId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::blob::BlobRange;
use crate::db::Statement;
use crate::messages::blob_range;
use crate::value::Row;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub id: DraftId,
    pub account: MailAccountId,
    pub author: AdministratorId,
    pub thread: Option<ThreadId>,
    /// The message that it answers or forwards.
    pub answers: Option<MessageId>,
    /// JSON, as the service writes it.
    pub recipients: String,
    pub subject: String,
    pub html: String,
    /// Grows with every save.
    pub version: u64,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFile {
    pub id: AttachmentId,
    pub name: String,
    pub content_type: String,
    pub content_id: Option<String>,
    pub range: BlobRange,
}

const INSERT: &str = "
    INSERT INTO drafts
           (id, mail_account_id, author_id, thread_id, answers_id, recipients, subject, html, version, updated_at,
            sent_as, deleted_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, NULL)
        ON CONFLICT (id) DO NOTHING";

/// False: the id is taken.
pub async fn insert(tx: &mut Tx, draft: &Draft) -> Result<bool, StoreError> {
    let statement = Statement::new(INSERT)
        .bind(draft.id)
        .bind(draft.account)
        .bind(draft.author)
        .bind(draft.thread)
        .bind(draft.answers)
        .bind(draft.recipients.as_str())
        .bind(draft.subject.as_str())
        .bind(draft.html.as_str())
        .bind(draft.version)
        .bind(draft.updated_at);
    Ok(tx.execute(statement).await? == 1)
}

/// The version that it replaces is named, so that of two that save at once one is told.
const UPDATE: &str = "
    UPDATE drafts
       SET mail_account_id = $3, recipients = $4, subject = $5, html = $6, version = $7, updated_at = $8
     WHERE id = $1 AND author_id = $2 AND version = $9 AND sent_as IS NULL AND deleted_at IS NULL";

/// False: it is no longer the version `over`.
pub async fn update(tx: &mut Tx, draft: &Draft, over: u64) -> Result<bool, StoreError> {
    let statement = Statement::new(UPDATE)
        .bind(draft.id)
        .bind(draft.author)
        .bind(draft.account)
        .bind(draft.recipients.as_str())
        .bind(draft.subject.as_str())
        .bind(draft.html.as_str())
        .bind(draft.version)
        .bind(draft.updated_at)
        .bind(over);
    Ok(tx.execute(statement).await? == 1)
}

const SELECT: &str = "
    SELECT id, mail_account_id, author_id, thread_id, answers_id, recipients, subject, html, version, updated_at
      FROM drafts
     WHERE author_id = $1 AND sent_as IS NULL AND deleted_at IS NULL";

/// The author's, newest first.
pub async fn list(conn: &mut Conn, author: AdministratorId) -> Result<Vec<Draft>, StoreError> {
    let statement = Statement::new(format!("{SELECT} ORDER BY updated_at DESC LIMIT 200")).bind(author);
    conn.fetch_all(statement).await?.iter().map(draft).collect()
}

pub async fn find(
    conn: &mut Conn,
    author: AdministratorId,
    id: DraftId,
) -> Result<Option<Draft>, StoreError> {
    let statement = Statement::new(format!("{SELECT} AND id = $2"))
        .bind(author)
        .bind(id);
    let row = conn.fetch_optional(statement).await?;
    row.map(|row| draft(&row)).transpose()
}

fn draft(row: &Row) -> Result<Draft, StoreError> {
    Ok(Draft {
        id: row.id("id")?,
        account: row.id("mail_account_id")?,
        author: row.id("author_id")?,
        thread: row.optional_id("thread_id")?,
        answers: row.optional_id("answers_id")?,
        recipients: row.text("recipients")?,
        subject: row.text("subject")?,
        html: row.text("html")?,
        version: row.size("version")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Kept for a while, so that it can be had back. False: there is none.
pub async fn delete(
    tx: &mut Tx,
    author: AdministratorId,
    id: DraftId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = "
        UPDATE drafts SET deleted_at = $3
         WHERE author_id = $1 AND id = $2 AND sent_as IS NULL AND deleted_at IS NULL";
    let statement = Statement::new(update).bind(author).bind(id).bind(now);
    Ok(tx.execute(statement).await? == 1)
}

/// False: there is none, deleted or not.
pub async fn undelete(tx: &mut Tx, author: AdministratorId, id: DraftId) -> Result<bool, StoreError> {
    let update = "UPDATE drafts SET deleted_at = NULL WHERE author_id = $1 AND id = $2 AND sent_as IS NULL";
    Ok(tx.execute(Statement::new(update).bind(author).bind(id)).await? == 1)
}

/// The account of one that may have been deleted.
pub async fn find_account(
    conn: &mut Conn,
    author: AdministratorId,
    id: DraftId,
) -> Result<Option<MailAccountId>, StoreError> {
    let select = "SELECT mail_account_id FROM drafts WHERE author_id = $1 AND id = $2 AND sent_as IS NULL";
    let row = conn
        .fetch_optional(Statement::new(select).bind(author).bind(id))
        .await?;
    row.map(|row| row.id("mail_account_id")).transpose()
}

/// Those that were deleted before this have had their time.
pub async fn erase_deleted(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    let delete = "DELETE FROM drafts WHERE deleted_at < $1";
    tx.execute(Statement::new(delete).bind(before)).await?;
    Ok(())
}

/// Hidden while the message that was made of it can be taken back. False: it was sent before, or is gone.
pub async fn set_sent_as(tx: &mut Tx, id: DraftId, message: MessageId) -> Result<bool, StoreError> {
    let update = "UPDATE drafts SET sent_as = $2 WHERE id = $1 AND sent_as IS NULL AND deleted_at IS NULL";
    Ok(tx.execute(Statement::new(update).bind(id).bind(message)).await? == 1)
}

/// Whether a message was made of it, which can still be taken back.
pub async fn is_sent(conn: &mut Conn, author: AdministratorId, id: DraftId) -> Result<bool, StoreError> {
    let select = "SELECT id FROM drafts WHERE author_id = $1 AND id = $2 AND sent_as IS NOT NULL";
    let row = conn
        .fetch_optional(Statement::new(select).bind(author).bind(id))
        .await?;
    Ok(row.is_some())
}

/// The message was taken back: its draft is there again.
pub async fn restore(tx: &mut Tx, message: MessageId) -> Result<Option<DraftId>, StoreError> {
    let select = "SELECT id FROM drafts WHERE sent_as = $1";
    let row = tx.fetch_optional(Statement::new(select).bind(message)).await?;
    let update = "UPDATE drafts SET sent_as = NULL WHERE sent_as = $1";
    tx.execute(Statement::new(update).bind(message)).await?;
    row.map(|row| row.id("id")).transpose()
}

/// The message has gone, so nobody needs its draft any more.
pub async fn forget(tx: &mut Tx, message: MessageId) -> Result<(), StoreError> {
    let delete = "DELETE FROM drafts WHERE sent_as = $1";
    tx.execute(Statement::new(delete).bind(message)).await?;
    Ok(())
}

const INSERT_FILE: &str = "
    INSERT INTO draft_files (id, draft_id, name, content_type, content_id, segment, start_byte, length_bytes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (id) DO NOTHING";

/// To a draft that [`find`] has given. False: the id is taken.
pub async fn insert_file(tx: &mut Tx, draft: DraftId, file: &DraftFile) -> Result<bool, StoreError> {
    let statement = Statement::new(INSERT_FILE)
        .bind(file.id)
        .bind(draft)
        .bind(file.name.as_str())
        .bind(file.content_type.as_str())
        .bind(file.content_id.clone())
        .bind(file.range.segment.as_str())
        .bind(file.range.start)
        .bind(file.range.length);
    Ok(tx.execute(statement).await? == 1)
}

pub async fn delete_file(tx: &mut Tx, draft: DraftId, id: AttachmentId) -> Result<bool, StoreError> {
    let delete = "DELETE FROM draft_files WHERE draft_id = $1 AND id = $2";
    Ok(tx.execute(Statement::new(delete).bind(draft).bind(id)).await? == 1)
}

const FILES: &str = "
    SELECT id, name, content_type, content_id, segment, start_byte, length_bytes
      FROM draft_files
     WHERE draft_id = $1
     ORDER BY id";

/// Of a draft that [`find`] has given.
pub async fn files(conn: &mut Conn, draft: DraftId) -> Result<Vec<DraftFile>, StoreError> {
    let rows = conn.fetch_all(Statement::new(FILES).bind(draft)).await?;
    let files = rows.iter().map(|row| {
        Ok(DraftFile {
            id: row.id("id")?,
            name: row.text("name")?,
            content_type: row.text("content_type")?,
            content_id: row.optional_text("content_id")?,
            range: blob_range(row)?,
        })
    });
    files.collect()
}
