//! What there is of an address, or of a Message-ID, in one account that the viewer may see.

use domain::Access;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::message::InternetMessageId;

use crate::Conn;
use crate::StoreError;
use crate::db::Statement;
use crate::value::Row;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    pub messages: u64,
    /// Deleted, and still to be restored.
    pub deleted: u64,
    pub newest: Option<MessageId>,
}

const OF_ADDRESS: &str = "
    SELECT m.id, m.deleted_at IS NOT NULL AS is_deleted
      FROM messages m
     WHERE m.mail_account_id = $1
       AND m.id IN (SELECT a.message_id FROM message_addresses a
                     WHERE a.mail_account_id = $1 AND a.address = $2)
     ORDER BY m.arrival_key DESC";
const OF_MESSAGE_ID: &str = "
    SELECT m.id, m.deleted_at IS NOT NULL AS is_deleted
      FROM messages m
     WHERE m.mail_account_id = $1 AND m.internet_message_id = $2
     ORDER BY m.arrival_key DESC";

pub async fn of_address(
    conn: &mut Conn,
    access: &Access,
    account: MailAccountId,
    address: &EmailAddress,
) -> Result<Occurrences, StoreError> {
    count(
        conn,
        access,
        account,
        Statement::new(OF_ADDRESS).bind(account).bind(address.as_str()),
    )
    .await
}

pub async fn of_message_id(
    conn: &mut Conn,
    access: &Access,
    account: MailAccountId,
    id: &InternetMessageId,
) -> Result<Occurrences, StoreError> {
    count(
        conn,
        access,
        account,
        Statement::new(OF_MESSAGE_ID).bind(account).bind(id.as_str()),
    )
    .await
}

async fn count(
    conn: &mut Conn,
    access: &Access,
    account: MailAccountId,
    select: Statement,
) -> Result<Occurrences, StoreError> {
    let mut found = Occurrences::default();
    if access.right_to(account).is_none() {
        return Ok(found);
    }
    let read = |row: &Row| Ok((row.id("id")?, row.bool("is_deleted")?));
    for (id, is_deleted) in conn.fetch_each(select, read).await? {
        if is_deleted {
            found.deleted += 1;
        } else {
            found.messages += 1;
            found.newest = found.newest.or(Some(id));
        }
    }
    Ok(found)
}
