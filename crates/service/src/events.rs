//! What has just changed, for whoever listens. Ids only: a listener reads again with its own access.

use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::account::AccountState;
use tokio::sync::broadcast;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// New messages of this account are committed.
    Arrived {
        account: MailAccountId,
        messages: Vec<MessageId>,
    },
    /// Read, deleted or restored.
    MessageChanged {
        account: MailAccountId,
        message: MessageId,
    },
    /// A customer or lead, or whose address is whose.
    PartyChanged { party: PartyId },
    /// Its settings: whoever works on it begins anew with them.
    AccountChanged { account: MailAccountId },
    /// What it does now, its counts, or what is wrong with it.
    AccountStateChanged {
        account: MailAccountId,
        state: Option<AccountState>,
    },
    /// The mailbox on the server is to be looked at now: something is to be changed there.
    MailboxAsked { account: MailAccountId },
    /// Its owner has given another password, server or user name.
    SignInChanged { account: MailAccountId },
    /// Its provider gives no more tokens: whoever works on it finds that out at once.
    SignInOver { account: MailAccountId },
    /// Something waits to be sent, or was taken back.
    OutboxChanged { account: MailAccountId },
    /// Grants or sessions changed: listeners look again at what they may see.
    AccessChanged,
}

/// A slow listener misses events and is told so; it then reads everything anew.
#[derive(Clone, Debug)]
pub struct Events(broadcast::Sender<Event>);

const BACKLOG: usize = 1_024;

impl Default for Events {
    fn default() -> Self {
        Events(broadcast::channel(BACKLOG).0)
    }
}

impl Events {
    pub fn publish(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.0.send(event);
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
