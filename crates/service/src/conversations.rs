//! Mail with a customer or lead: threads of the accounts that the viewer may see.

use std::collections::HashSet;

use domain::EmailAddress;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use store::conversations;
use store::conversations::ConversationThread;
use store::messages;
use store::parties;

use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::inbox::ListedMessage;
use crate::inbox::Names;

const MAX_PAGE: u32 = 100;

/// A line of the Communication tab.
pub struct ConversationLine {
    pub thread: ThreadId,
    pub last_at: Timestamp,
    pub messages: u64,
    pub last: ListedMessage,
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
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConversationLine>, ServiceError> {
        let found = self.get_party(viewer, party).await?;
        let addresses: Vec<_> = found.addresses.iter().map(|held| &held.address).collect();
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let limit = limit.clamp(1, MAX_PAGE);
        let threads = conversations::threads_with(&mut conn, &access, &addresses, before, limit).await?;
        let names = Names::load(&mut conn, threads.iter().map(|thread| &thread.last)).await?;
        let line = |thread: ConversationThread| {
            Some(ConversationLine {
                thread: thread.thread,
                last_at: thread.last_at,
                messages: thread.messages,
                last: names.describe(&access, thread.last)?,
            })
        };
        Ok(threads.into_iter().filter_map(line).collect())
    }

    /// Oldest first. [`ServiceError::NotFound`] also when it is not the viewer's to see.
    pub async fn get_thread(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        party: Option<PartyId>,
    ) -> Result<Vec<ThreadMessage>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
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
}
