//! A conversation is a query: the threads of visible accounts in which an address of the party is From, Reply-To,
//! To, Cc or Bcc.

use domain::Access;
use domain::Before;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::Page;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use domain::search::SearchQuery;

use crate::Conn;
use crate::StoreError;
use crate::db::Dialect;
use crate::db::Statement;
use crate::messages;
use crate::messages::Message;
use crate::search;
use crate::value::Value;

/// A thread as a line of the Communication tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationThread {
    pub thread: ThreadId,
    pub account: MailAccountId,
    pub last_at: Timestamp,
    pub messages: u64,
    /// See [`messages::last_of_thread`].
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

/// What of a conversation is listed.
pub struct Wanted<'a> {
    pub party: PartyId,
    pub addresses: &'a [&'a EmailAddress],
    /// Some message of the thread holds all of it.
    pub words: Option<&'a SearchQuery>,
    pub before: Before,
    pub limit: u32,
}

/// Last contacted first. A thread that somebody gave to another party with the same address is that one's; what the
/// author's domain disowns counts only where it was given.
pub async fn threads_with(
    conn: &mut Conn,
    access: &Access,
    wanted: &Wanted<'_>,
) -> Result<Page<ConversationThread>, StoreError> {
    let mut found: Vec<(Before, (Timestamp, ThreadId, MailAccountId))> = Vec::new();
    for account in access.account_ids() {
        let statement = threads_of_account(conn.dialect(), account, wanted);
        for row in conn.fetch_all(statement).await? {
            let (at, thread): (_, ThreadId) = (row.time("last_at")?, row.id("id")?);
            let id = thread.uuid();
            found.push((Before { at, id }, (at, thread, account)));
        }
    }
    found.sort_by_key(|(key, _)| std::cmp::Reverse((key.at, key.id)));
    let page = Page::of(found, wanted.limit);
    let mut rows = Vec::with_capacity(page.len());
    for (last_at, thread, account) in page.rows {
        if let Some(last) = messages::last_of_thread(conn, access, thread).await? {
            rows.push(ConversationThread {
                thread,
                account,
                last_at,
                messages: messages::count_of_thread(conn, access, thread).await?,
                last,
            });
        }
    }
    Ok(Page {
        rows,
        older: page.older,
    })
}

/// One more than the page has.
fn threads_of_account(dialect: Dialect, account: MailAccountId, wanted: &Wanted<'_>) -> Statement {
    let mut statement = Statement::new(THREADS_WITH).bind(account).bind(wanted.party);
    statement.push_list(
        wanted
            .addresses
            .iter()
            .map(|address| Value::from(address.as_str())),
    );
    statement.push_sql("))");
    if let Some(words) = wanted.words {
        let hits = search::hits_of_account(dialect, statement.next_placeholder());
        statement.push_sql(&format!(
            " AND t.id IN (SELECT m.thread_id FROM messages m WHERE m.deleted_at IS NULL AND m.arrival_key IN ({hits}))"
        ));
        statement = statement.bind(search::words_in_account(dialect, account, words));
    }
    statement = statement.push_before("t.last_at", "t.id", wanted.before);
    statement.push_limit(wanted.limit.saturating_add(1))
}
