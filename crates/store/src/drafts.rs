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

const UPSERT: &str = "
    INSERT INTO drafts
           (id, mail_account_id, author_id, thread_id, answers_id, recipients, subject, html, version, updated_at,
            sent_as)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, NULL)
        ON CONFLICT (id) DO UPDATE
       SET mail_account_id = excluded.mail_account_id, recipients = excluded.recipients,
           subject = excluded.subject, html = excluded.html, version = drafts.version + 1,
           updated_at = excluded.updated_at";

pub async fn save(tx: &mut Tx, draft: &Draft) -> Result<(), StoreError> {
    let statement = Statement::new(UPSERT)
        .bind(draft.id)
        .bind(draft.account)
        .bind(draft.author)
        .bind(draft.thread)
        .bind(draft.answers)
        .bind(draft.recipients.as_str())
        .bind(draft.subject.as_str())
        .bind(draft.html.as_str())
        .bind(draft.updated_at);
    tx.execute(statement).await?;
    Ok(())
}

const SELECT: &str = "
    SELECT id, mail_account_id, author_id, thread_id, answers_id, recipients, subject, html, version, updated_at
      FROM drafts
     WHERE author_id = $1 AND sent_as IS NULL";

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

pub async fn delete(tx: &mut Tx, author: AdministratorId, id: DraftId) -> Result<bool, StoreError> {
    let delete = "DELETE FROM drafts WHERE author_id = $1 AND id = $2 AND sent_as IS NULL";
    Ok(tx.execute(Statement::new(delete).bind(author).bind(id)).await? == 1)
}

/// Hidden while the message that was made of it can be taken back.
pub async fn set_sent_as(tx: &mut Tx, id: DraftId, message: MessageId) -> Result<(), StoreError> {
    let update = "UPDATE drafts SET sent_as = $2 WHERE id = $1";
    tx.execute(Statement::new(update).bind(id).bind(message)).await?;
    Ok(())
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
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// To a draft that [`find`] has given.
pub async fn insert_file(tx: &mut Tx, draft: DraftId, file: &DraftFile) -> Result<(), StoreError> {
    let statement = Statement::new(INSERT_FILE)
        .bind(file.id)
        .bind(draft)
        .bind(file.name.as_str())
        .bind(file.content_type.as_str())
        .bind(file.content_id.clone())
        .bind(file.range.segment.as_str())
        .bind(file.range.start)
        .bind(file.range.length);
    tx.execute(statement).await?;
    Ok(())
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
