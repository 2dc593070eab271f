//! Mail with a customer or lead: threads of the accounts that the viewer may see.

use std::collections::HashSet;

use domain::Access;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Right;
use domain::ThreadId;
use domain::Timestamp;
use domain::rules::threading::subject_key;
use domain::search::SearchQuery;
use domain::system_mail::SYSTEM;
use store::Conn;
use store::conversations;
use store::conversations::ConversationThread;
use store::messages;
use store::messages::Filter;
use store::messages::Message;
use store::parties;
use store::search;
use store::threads;
use store::threads::NewThread;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::inbox::ListedMessage;
use crate::inbox::Names;
use crate::inbox::Show;
use crate::inbox::narrow;

const MAX_PAGE: u32 = 100;
/// A search within a conversation looks at so many of the newest hits.
const MAX_SEARCHED: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    Personal,
    /// What the system has written.
    System,
}

/// What of a conversation is asked for.
#[derive(Clone, Debug)]
pub struct ConversationQuery {
    pub show: Show,
    /// `None`: both.
    pub kind: Option<MailKind>,
    /// Words of any message of a thread.
    pub text: String,
    /// Last contacted before.
    pub before: Timestamp,
    pub limit: u32,
}

/// A line of the Communication tab.
pub struct ConversationLine {
    pub thread: ThreadId,
    pub last_at: Timestamp,
    pub messages: u64,
    pub last: ListedMessage,
    /// The same message in other accounts that the viewer may see: threads and their owners' names.
    pub also_in: Vec<(ThreadId, String)>,
}

pub struct ThreadMessage {
    pub listed: ListedMessage,
    /// The party that was asked for is among its people.
    pub with_party: bool,
}

impl Services {
    /// Threads with the party that the viewer may see, last contacted first.
    pub async fn list_conversation(
        &self,
        viewer: Viewer,
        party: PartyId,
        query: &ConversationQuery,
    ) -> Result<Vec<ConversationLine>, ServiceError> {
        let found = self.get_party(viewer, party).await?;
        let addresses: Vec<_> = found.addresses.iter().map(|held| &held.address).collect();
        let access = match query.kind {
            None if query.show == Show::All => self.access_at_customers(viewer).await?,
            None | Some(MailKind::Personal) => narrow(self.access_of(viewer).await?, query.show),
            Some(MailKind::System) => self.access_at_customers(viewer).await?.narrowed_to_owner(SYSTEM),
        };
        let mut conn = self.db.read().await?;
        let wanted = threads_holding(&mut conn, &access, &query.text).await?;
        let limit = match wanted {
            Some(_) => MAX_SEARCHED,
            None => query.limit.clamp(1, MAX_PAGE),
        };
        let mut threads =
            conversations::threads_with(&mut conn, &access, party, &addresses, query.before, limit).await?;
        if let Some(wanted) = wanted {
            threads.retain(|thread| wanted.contains(&thread.thread));
        }
        let names = Names::load(&mut conn, threads.iter().map(|thread| &thread.last)).await?;
        let line = |thread: ConversationThread| {
            Some(ConversationLine {
                thread: thread.thread,
                last_at: thread.last_at,
                messages: thread.messages,
                last: names.describe(&access, thread.last)?,
                also_in: Vec::new(),
            })
        };
        Ok(one_line_each(threads.into_iter().filter_map(line)))
    }

    /// Oldest first. [`ServiceError::NotFound`] also when it is not the viewer's to see.
    pub async fn get_thread(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        party: Option<PartyId>,
    ) -> Result<Vec<ThreadMessage>, ServiceError> {
        let access = self.access_at_customers(viewer).await?;
        let mut conn = self.db.read().await?;
        let thread = threads::resolve(&mut conn, thread).await?;
        let found = messages::list_of_thread(&mut conn, &access, thread).await?;
        if found.is_empty() {
            return Err(ServiceError::NotFound);
        }
        let held: HashSet<EmailAddress> = match party {
            Some(party) => {
                let party = parties::find(&mut conn, party)
                    .await?
                    .ok_or(ServiceError::NotFound)?;
                party.addresses.into_iter().map(|held| held.address).collect()
            }
            None => HashSet::new(),
        };
        let names = Names::load(&mut conn, found.iter()).await?;
        let mut listed = Vec::with_capacity(found.len());
        for message in found {
            let people = messages::addresses(&mut conn, &message).await?;
            let with_party = people
                .iter()
                .filter_map(|named| named.address.as_ref())
                .any(|address| held.contains(address));
            if let Some(message) = names.describe(&access, message) {
                listed.push(ThreadMessage {
                    listed: message,
                    with_party,
                });
            }
        }
        Ok(listed)
    }

    /// Puts a thread's messages into another of the same account; the ids of what moved, by which it can be split
    /// off again. Needs Manage.
    pub async fn merge_threads(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        into: ThreadId,
    ) -> Result<Vec<MessageId>, ServiceError> {
        let (account, from) = self.thread_to_manage(viewer, thread).await?;
        let (other, into) = self.thread_to_manage(viewer, into).await?;
        if account != other || from.id == into.id {
            return Err(ServiceError::field(
                "into",
                "Another thread of the same account is expected.",
            ));
        }
        let mut tx = self.db.begin_write().await?;
        let moved = threads::merge(&mut tx, account, from.id, into.id).await?;
        self.record(&mut tx, viewer, Some(account), "threads_merged", "")
            .await?;
        tx.commit().await?;
        self.publish_moved(account, &moved);
        Ok(moved)
    }

    /// Makes a thread of its own of some messages of a thread. Needs Manage.
    pub async fn split_thread(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        messages: &[MessageId],
    ) -> Result<ThreadId, ServiceError> {
        let (account, from) = self.thread_to_manage(viewer, thread).await?;
        let moved: Vec<_> = from
            .messages
            .iter()
            .filter(|held| messages.contains(&held.id))
            .collect();
        let Some(first) = moved.first().filter(|_| moved.len() < from.messages.len()) else {
            return Err(ServiceError::field(
                "messages",
                "Some of the thread's messages are expected, and not all of them.",
            ));
        };
        let new = NewThread {
            id: self.ids.next(),
            subject_base: subject_key(&first.subject).base.chars().take(200).collect(),
            last_at: first.arrived_at,
        };
        let ids: Vec<_> = moved.iter().map(|held| held.id).collect();
        let mut tx = self.db.begin_write().await?;
        threads::split(&mut tx, account, from.id, &new, &ids).await?;
        self.record(&mut tx, viewer, Some(account), "thread_split", "")
            .await?;
        tx.commit().await?;
        self.publish_moved(account, &ids);
        Ok(new.id)
    }

    /// Says whose a thread is, where its addresses are on several records or not to be believed. Needs Manage.
    pub async fn choose_thread_party(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        party: Option<PartyId>,
    ) -> Result<(), ServiceError> {
        let (account, thread) = self.thread_to_manage(viewer, thread).await?;
        if let Some(party) = party {
            self.get_party(viewer, party).await?;
        }
        let mut tx = self.db.begin_write().await?;
        threads::choose_party(&mut tx, thread.id, party, self.now()).await?;
        self.record(&mut tx, viewer, Some(account), "thread_chosen", "")
            .await?;
        tx.commit().await?;
        self.publish_moved(account, &[thread.messages[0].id]);
        Ok(())
    }

    async fn thread_to_manage(
        &self,
        viewer: Viewer,
        thread: ThreadId,
    ) -> Result<(MailAccountId, ManagedThread), ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let id = threads::resolve(&mut conn, thread).await?;
        let messages = messages::list_of_thread(&mut conn, &access, id).await?;
        match messages.first().map(|message| message.account) {
            Some(account) if access.allows(account, Right::Manage) => {
                Ok((account, ManagedThread { id, messages }))
            }
            _ => Err(ServiceError::NotFound),
        }
    }

    fn publish_moved(&self, account: MailAccountId, messages: &[MessageId]) {
        for message in messages {
            self.events.publish(Event::MessageChanged {
                account,
                message: *message,
            });
        }
    }
}

/// `None`: nothing is searched for.
async fn threads_holding(
    conn: &mut Conn,
    access: &Access,
    text: &str,
) -> Result<Option<HashSet<ThreadId>>, ServiceError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let words = SearchQuery::parse(text);
    let keys = search::find_keys(conn, access, &words, i64::MAX, MAX_SEARCHED).await?;
    let found = messages::list_by_keys(conn, access, &Filter::default(), &keys).await?;
    Ok(Some(found.into_iter().map(|message| message.thread).collect()))
}

struct ManagedThread {
    id: ThreadId,
    /// At least one.
    messages: Vec<Message>,
}

/// The same message in several accounts is one line that names them. Nothing is merged: it is only shown so, by
/// who wrote it, when and about what.
fn one_line_each(lines: impl Iterator<Item = ConversationLine>) -> Vec<ConversationLine> {
    let mut kept: Vec<ConversationLine> = Vec::new();
    for line in lines {
        let same = kept
            .iter_mut()
            .find(|other| is_same_message(&other.last.message, &line.last.message));
        match same {
            Some(other) => other.also_in.push((line.thread, line.last.owner_name)),
            None => kept.push(line),
        }
    }
    kept
}

fn is_same_message(one: &Message, other: &Message) -> bool {
    one.account != other.account
        && one.dated_at.is_some()
        && (one.dated_at, &one.author_address, &one.subject)
            == (other.dated_at, &other.author_address, &other.subject)
}
