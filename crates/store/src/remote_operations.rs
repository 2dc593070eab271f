//! What is still to be changed in the mailbox on the server: asked for by a commit, carried out after it.

use domain::FolderId;
use domain::MailAccountId;
use domain::RemoteOperationId;
use domain::folder::Uid;
use domain::folder::UidValidity;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkSeen {
    pub id: RemoteOperationId,
    pub uid_validity: UidValidity,
    pub uid: Uid,
}

/// After this many failures an operation is given up: the mailbox may have changed in the meantime.
pub const MAX_ATTEMPTS: u32 = 5;

const LIST: &str = "
    SELECT id, uid_validity, uid
      FROM remote_operations
     WHERE mail_account_id = $1 AND folder_id = $2 AND kind = 'mark_seen'
     ORDER BY id
     LIMIT $3";

pub async fn list_mark_seen_for_engine(
    conn: &mut Conn,
    account: MailAccountId,
    folder: FolderId,
    limit: u32,
) -> Result<Vec<MarkSeen>, StoreError> {
    let rows = conn
        .fetch_all(Statement::new(LIST).bind(account).bind(folder).bind(limit))
        .await?;
    let operations = rows.iter().map(|row| {
        Ok(MarkSeen {
            id: row.id("id")?,
            uid_validity: UidValidity(row.unsigned("uid_validity")?),
            uid: Uid(row.unsigned("uid")?),
        })
    });
    operations.collect()
}

pub async fn delete(tx: &mut Tx, ids: &[RemoteOperationId]) -> Result<(), StoreError> {
    let mut statement = Statement::new("DELETE FROM remote_operations WHERE id IN ");
    statement.push_list(ids.iter().map(|id| Value::from(*id)));
    tx.execute(statement).await?;
    Ok(())
}

/// Counts a failure of each and gives up those that failed too often.
pub async fn count_failure(tx: &mut Tx, ids: &[RemoteOperationId]) -> Result<(), StoreError> {
    let mut statement = Statement::new("UPDATE remote_operations SET attempts = attempts + 1 WHERE id IN ");
    statement.push_list(ids.iter().map(|id| Value::from(*id)));
    tx.execute(statement).await?;
    let give_up = "DELETE FROM remote_operations WHERE attempts >= $1";
    tx.execute(Statement::new(give_up).bind(MAX_ATTEMPTS)).await?;
    Ok(())
}
