//! Mail with a customer or lead: threads of the accounts that the viewer may see.

use std::collections::HashSet;

use domain::Access;
use domain::Before;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::Page;
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
use store::conversations::Wanted;
use store::messages;
use store::messages::Message;
use store::parties;
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
    pub before: Before,
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

/// The newest messages of a thread, or those before them; oldest first.
pub struct ThreadPage {
    pub messages: Vec<ThreadMessage>,
    /// There are older ones, before this key.
    pub older: Option<i64>,
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
    ) -> Result<Page<ConversationLine>, ServiceError> {
        let found = self.get_party(viewer, party).await?;
        let addresses: Vec<_> = found.addresses.iter().map(|held| &held.address).collect();
        let access = match query.kind {
            None if query.show == Show::All => self.access_at_customers(viewer).await?,
            None | Some(MailKind::Personal) => narrow(self.access_of(viewer).await?, query.show),
            Some(MailKind::System) => self.access_at_customers(viewer).await?.narrowed_to_owner(SYSTEM),
        };
        let words = (!query.text.trim().is_empty()).then(|| SearchQuery::parse(&query.text));
        if words.as_ref().is_some_and(SearchQuery::is_empty) {
            let (rows, older) = (Vec::new(), None);
            return Ok(Page { rows, older });
        }
        let wanted = Wanted {
            party,
            addresses: &addresses,
            words: words.as_ref(),
            before: query.before,
            limit: query.limit.clamp(1, MAX_PAGE),
        };
        let mut conn = self.db.read().await?;
        let threads = conversations::threads_with(&mut conn, &access, &wanted).await?;
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
        Ok(Page {
            older: threads.older,
            rows: one_line_each(threads.into_iter().filter_map(line)),
        })
    }

    /// [`ServiceError::NotFound`] also when it is not the viewer's to see.
    pub async fn get_thread(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        party: Option<PartyId>,
        before: i64,
    ) -> Result<ThreadPage, ServiceError> {
        let access = self.access_at_customers(viewer).await?;
        let mut conn = self.db.read().await?;
        let thread = threads::resolve(&mut conn, thread).await?;
        let (found, older) = messages::list_of_thread(&mut conn, &access, thread, before).await?;
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
        Ok(ThreadPage {
            messages: listed,
            older,
        })
    }

    /// Puts a thread's messages into another of the same account; the ids of what moved, by which it can be split
    /// off again. Needs Manage.
    pub async fn merge_threads(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        into: ThreadId,
    ) -> Result<Vec<MessageId>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let from = thread_to_manage(&mut conn, &access, thread).await?;
        let into = thread_to_manage(&mut conn, &access, into).await?;
        drop(conn);
        let account = from.account;
        if account != into.account || from.id == into.id {
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
        wanted: &[MessageId],
    ) -> Result<ThreadId, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let from = thread_to_manage(&mut conn, &access, thread).await?;
        let moved = messages::list_in_thread(&mut conn, &access, from.id, wanted).await?;
        let held = messages::count_of_thread(&mut conn, &access, from.id).await?;
        drop(conn);
        let account = from.account;
        let Some(first) = moved.first().filter(|_| (moved.len() as u64) < held) else {
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
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let thread = thread_to_manage(&mut conn, &access, thread).await?;
        drop(conn);
        if let Some(party) = party {
            self.get_party(viewer, party).await?;
        }
        let mut tx = self.db.begin_write().await?;
        threads::choose_party(&mut tx, thread.id, party, self.now()).await?;
        self.record(&mut tx, viewer, Some(thread.account), "thread_chosen", "")
            .await?;
        tx.commit().await?;
        self.publish_moved(thread.account, &[thread.last]);
        Ok(())
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

struct ManagedThread {
    id: ThreadId,
    account: MailAccountId,
    /// Its newest message.
    last: MessageId,
}

async fn thread_to_manage(
    conn: &mut Conn,
    access: &Access,
    thread: ThreadId,
) -> Result<ManagedThread, ServiceError> {
    let id = threads::resolve(conn, thread).await?;
    let last = messages::last_of_thread(conn, access, id).await?;
    let last = last.filter(|last| access.allows(last.account, Right::Manage));
    let last = last.ok_or(ServiceError::NotFound)?;
    Ok(ManagedThread {
        id,
        account: last.account,
        last: last.id,
    })
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
