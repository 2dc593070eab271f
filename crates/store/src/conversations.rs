//! A conversation is a query: the threads of visible accounts in which an address of the party is From, Reply-To,
//! To, Cc or Bcc.

use domain::Access;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;

use crate::Conn;
use crate::StoreError;
use crate::db::Statement;
use crate::messages;
use crate::messages::Message;
use crate::value::Value;

/// A thread as a line of the Communication tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationThread {
    pub thread: ThreadId,
    pub account: MailAccountId,
    pub last_at: Timestamp,
    pub messages: u64,
    /// The newest message that is not deleted.
    pub last: Message,
}

const THREADS_WITH: &str = "
    SELECT t.id, t.last_at
      FROM threads t
     WHERE t.mail_account_id = $1
       AND (t.id IN (SELECT c.thread_id FROM thread_parties c WHERE c.party_id = $2)
            OR t.id IN (SELECT m.thread_id
                      FROM message_addresses a
                      JOIN messages m ON m.id = a.message_id
                     WHERE a.mail_account_id = $1
                       AND a.role IN ('from', 'reply_to', 'to', 'cc', 'bcc')
                       AND m.deleted_at IS NULL
                       AND (a.role NOT IN ('from', 'reply_to') OR NOT m.is_disowned)
                       AND NOT EXISTS (SELECT 1
                                         FROM thread_parties c
                                         JOIN party_addresses p
                                           ON p.party_id = c.party_id AND p.address = a.address
                                        WHERE c.thread_id = m.thread_id AND c.party_id <> $2)
                       AND a.address IN ";

/// Last contacted first, strictly before `before`. A thread that somebody gave to another party with the same
/// address is that one's; what the author's domain disowns counts only where it was given.
pub async fn threads_with(
    conn: &mut Conn,
    access: &Access,
    party: PartyId,
    addresses: &[&EmailAddress],
    before: Timestamp,
    limit: u32,
) -> Result<Vec<ConversationThread>, StoreError> {
    let mut found: Vec<(Timestamp, ThreadId, MailAccountId)> = Vec::new();
    for account in access.account_ids() {
        let mut statement = Statement::new(THREADS_WITH).bind(account).bind(party);
        statement.push_list(addresses.iter().map(|address| Value::from(address.as_str())));
        let (at, count) = (statement.next_placeholder(), statement.next_placeholder() + 1);
        statement.push_sql(&format!(
            ")) AND t.last_at < ${at} ORDER BY t.last_at DESC, t.id LIMIT ${count}"
        ));
        for row in conn.fetch_all(statement.bind(before).bind(limit)).await? {
            found.push((row.time("last_at")?, row.id("id")?, account));
        }
    }
    found.sort_by(|one, other| other.cmp(one));
    found.truncate(limit as usize);
    let mut threads = Vec::with_capacity(found.len());
    for (last_at, thread, account) in found {
        if let Some(last) = messages::last_of_thread(conn, access, thread).await? {
            threads.push(ConversationThread {
                thread,
                account,
                last_at,
                messages: messages::count_of_thread(conn, access, thread).await?,
                last,
            });
        }
    }
    Ok(threads)
}
