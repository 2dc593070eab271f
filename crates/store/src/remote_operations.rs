//! What is still to be changed in the mailbox on the server: asked for by a commit, carried out after it.

use domain::FolderId;
use domain::MailAccountId;
use domain::MessageId;
use domain::RemoteOperationId;
use domain::Timestamp;
use domain::folder::RemoteOperation;
use domain::folder::Uid;
use domain::folder::UidValidity;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingOperation {
    pub id: RemoteOperationId,
    pub operation: RemoteOperation,
    pub uid_validity: UidValidity,
    pub uid: Uid,
}

/// After this many failures an operation is given up: the mailbox may have changed in the meantime.
pub const MAX_ATTEMPTS: u32 = 5;

const LIST: &str = "
    SELECT id, kind, uid_validity, uid
      FROM remote_operations
     WHERE mail_account_id = $1 AND folder_id = $2 AND due_at <= $3
     ORDER BY id
     LIMIT $4";

/// In the order in which they were asked for.
pub async fn list_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    folder: FolderId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<PendingOperation>, StoreError> {
    let rows = conn
        .fetch_all(
            Statement::new(LIST)
                .bind(account)
                .bind(folder)
                .bind(now)
                .bind(limit),
        )
        .await?;
    let operations = rows.iter().map(|row| {
        let operation = RemoteOperation::parse(&row.text("kind")?);
        Ok(PendingOperation {
            id: row.id("id")?,
            operation: operation.ok_or(StoreError::Unexpected("kind of a remote operation"))?,
            uid_validity: UidValidity(row.unsigned("uid_validity")?),
            uid: Uid(row.unsigned("uid")?),
        })
    });
    operations.collect()
}

const FOLDERS: &str = "
    SELECT DISTINCT folder_id FROM remote_operations WHERE mail_account_id = $1 AND due_at <= $2";

/// Folders in which something is to be done now.
pub async fn list_folders_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    now: Timestamp,
) -> Result<Vec<FolderId>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(FOLDERS).bind(account).bind(now))
        .await?;
    rows.iter().map(|row| row.id("folder_id")).collect()
}

/// Where a message lies on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCopy {
    pub folder: FolderId,
    pub uid_validity: UidValidity,
    pub uid: Uid,
}

const COPIES: &str = "
    SELECT c.folder_id, c.uid_validity, c.uid
      FROM remote_copies c
      JOIN folders f ON f.id = c.folder_id AND f.uid_validity = c.uid_validity
     WHERE c.message_id = $1 AND f.mail_account_id = $2";

pub async fn list_copies_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    message: MessageId,
) -> Result<Vec<RemoteCopy>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(COPIES).bind(message).bind(account))
        .await?;
    let copies = rows.iter().map(|row| {
        Ok(RemoteCopy {
            folder: row.id("folder_id")?,
            uid_validity: UidValidity(row.unsigned("uid_validity")?),
            uid: Uid(row.unsigned("uid")?),
        })
    });
    copies.collect()
}

const FORGET: &str = "
    DELETE FROM remote_operations
     WHERE mail_account_id = $1 AND folder_id = $2 AND kind = $3 AND uid_validity = $4 AND uid = $5";
const INSERT: &str = "
    INSERT INTO remote_operations (id, mail_account_id, folder_id, kind, uid_validity, uid, attempts, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7)";

/// Asks for it; what it undoes, and the same asked for before, is not asked for any more.
pub async fn ask(
    tx: &mut Tx,
    id: RemoteOperationId,
    account: MailAccountId,
    copy: &RemoteCopy,
    operation: RemoteOperation,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    for pointless in [Some(operation), operation.undoes()].into_iter().flatten() {
        let forget = Statement::new(FORGET)
            .bind(account)
            .bind(copy.folder)
            .bind(pointless.as_str())
            .bind(copy.uid_validity.0)
            .bind(copy.uid.0);
        tx.execute(forget).await?;
    }
    let insert = Statement::new(INSERT)
        .bind(id)
        .bind(account)
        .bind(copy.folder)
        .bind(operation.as_str())
        .bind(copy.uid_validity.0)
        .bind(copy.uid.0)
        .bind(due_at);
    tx.execute(insert).await?;
    Ok(())
}

const TAKE_BACK: &str = "
    DELETE FROM remote_operations
     WHERE kind = $2 AND EXISTS (SELECT 1 FROM remote_copies c
                                  WHERE c.message_id = $1 AND c.folder_id = remote_operations.folder_id
                                    AND c.uid_validity = remote_operations.uid_validity
                                    AND c.uid = remote_operations.uid)";

/// What was asked for a message, and not carried out yet.
pub async fn take_back(
    tx: &mut Tx,
    message: MessageId,
    operation: RemoteOperation,
) -> Result<(), StoreError> {
    tx.execute(Statement::new(TAKE_BACK).bind(message).bind(operation.as_str()))
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, ids: &[RemoteOperationId]) -> Result<(), StoreError> {
    let mut statement = Statement::new("DELETE FROM remote_operations WHERE id IN ");
    statement.push_list(ids.iter().map(|id| Value::from(*id)));
    tx.execute(statement).await?;
    Ok(())
}

pub async fn delete_of_folder(tx: &mut Tx, folder: FolderId) -> Result<(), StoreError> {
    let delete = "DELETE FROM remote_operations WHERE folder_id = $1";
    tx.execute(Statement::new(delete).bind(folder)).await?;
    Ok(())
}

const BEGIN: &str = "
    UPDATE remote_operations SET attempts = attempts + 1, due_at = $1 WHERE id IN ";
const GIVE_UP: &str = "
    DELETE FROM remote_operations WHERE attempts >= $1 AND id IN ";

/// Counts a try of each before it is made; until `again_at` they wait. Those that failed too often are given up: how many.
pub async fn begin(tx: &mut Tx, ids: &[RemoteOperationId], again_at: Timestamp) -> Result<u64, StoreError> {
    let values = || ids.iter().map(|id| Value::from(*id));
    let mut give_up = Statement::new(GIVE_UP).bind(MAX_ATTEMPTS);
    give_up.push_list(values());
    let given_up = tx.execute(give_up).await?;
    let mut begin = Statement::new(BEGIN).bind(again_at);
    begin.push_list(values());
    tx.execute(begin).await?;
    Ok(given_up)
}
