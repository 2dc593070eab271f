//! Hands over what waits in the outbox, and puts the copies into Sent.
//!
//! Here is decided who sends when; [`delivery`] does it.

mod delivery;
mod idle;
mod report;
mod sent_copies;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::MailAccountId;
use service::Event;
use service::delivery::Outgoing;
use service::delivery::Sender;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::Id;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::delivery::Credentials;
use self::delivery::Delivery;
use self::delivery::InHand;
use self::idle::IdleSessions;
use crate::EngineError;
use crate::EngineHandle;
use crate::tasks::Beside;

/// Connections to one account's server at a time; as many are kept for the next messages.
const PER_ACCOUNT: usize = 2;
const ACCOUNTS_AT_ONCE: usize = 16;
/// Without an event something may have become due by another process.
const LOOK_AROUND: Duration = Duration::from_secs(20);
/// How long an end waits for messages that are being handed over.
const DRAIN: Duration = Duration::from_secs(10);

/// Connections at work, by their tasks.
struct Desk {
    handle: EngineHandle,
    tasks: JoinSet<()>,
    at_work: HashMap<Id, AtWork>,
    shared: Shared,
}

struct AtWork {
    account: MailAccountId,
    in_hand: InHand,
}

/// Runs until `shutdown`, then ends what is under way.
pub async fn run(handle: EngineHandle, shutdown: CancellationToken) {
    let shared = Shared::default();
    let mut beside = Beside::new(&handle);
    beside.keep("silent connections", {
        let idle = shared.idle.clone();
        move |_| idle.clone().close_silent()
    });
    beside.keep("copies for Sent", {
        let sent = shared.sent.clone();
        move |handle| sent_copies::make_all(handle, sent.clone())
    });
    let send = |handle| send_until(handle, shared.clone(), shutdown.clone());
    beside.keep_until(&shutdown, "outbox", send).await;
    release(&handle).await;
}

async fn release(handle: &EngineHandle) {
    if let Err(error) = handle.services.release_outgoing(&handle.lease_owner).await {
        warn!(%error, "Outbox entries could not be released");
    }
}

/// What outlives a worker that is begun anew.
#[derive(Clone, Default)]
struct Shared {
    idle: IdleSessions,
    /// Something was sent: copies may be due.
    sent: Arc<Notify>,
}

async fn send_until(handle: EngineHandle, shared: Shared, shutdown: CancellationToken) {
    // One that ended early has taken its connections with it, and may have left what they held.
    release(&handle).await;
    let mut events = handle.services.events.subscribe();
    let mut desk = Desk {
        handle,
        tasks: JoinSet::new(),
        at_work: HashMap::new(),
        shared,
    };
    loop {
        let wait = desk.fill().await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
            Some(ended) = desk.tasks.join_next_with_id() => desk.ended(ended).await,
            () = something_waits(&mut events) => {}
        }
    }
    if tokio::time::timeout(DRAIN, desk.drain()).await.is_err() {
        // What has not come to its final dot is sent by the next process; the rest is unknown.
        desk.tasks.shutdown().await;
    }
}

async fn something_waits(events: &mut tokio::sync::broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::OutboxChanged { .. } | Event::AccountChanged { .. }) | Err(RecvError::Lagged(_)) => {
                return;
            }
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Desk {
    /// However a connection has ended, its place is free; what it still had in its hands is let go of.
    async fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some(at_work) = self.at_work.remove(&id) else {
            return;
        };
        self.shared.sent.notify_one();
        if ended.is_err() {
            warn!(mail_account.id = %at_work.account, "Sending for an account ended early");
        }
        let left = at_work.in_hand.lock().ok().and_then(|mut held| held.take());
        if let Some(outgoing) = left
            && let Err(error) = self.handle.services.let_go_of(&outgoing).await
        {
            warn!(message.id = %outgoing.message(), %error, "An entry stays held until its time is over");
        }
    }

    async fn drain(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended).await;
        }
    }

    fn busy(&self) -> Vec<MailAccountId> {
        let mut counts: HashMap<MailAccountId, usize> = HashMap::new();
        for at_work in self.at_work.values() {
            *counts.entry(at_work.account).or_default() += 1;
        }
        let full = counts.into_iter().filter(|(_, count)| *count >= PER_ACCOUNT);
        full.map(|(account, _)| account).collect()
    }

    /// Starts what can be started; how long nothing more can be.
    async fn fill(&mut self) -> Duration {
        if let Err(error) = self.start_all().await {
            warn!(%error, "The outbox could not be read");
            return LOOK_AROUND;
        }
        let services = &self.handle.services;
        match services.next_outgoing_at().await {
            Ok(Some(due)) => due
                .since(services.now())
                .clamp(Duration::from_millis(50), LOOK_AROUND),
            _ => LOOK_AROUND,
        }
    }

    async fn start_all(&mut self) -> Result<(), service::ServiceError> {
        let services = self.handle.services.clone();
        services.settle_outgoing().await?;
        // Accounts that may not send now, or of which others were faster.
        let mut skipped = Vec::new();
        while self.tasks.len() < ACCOUNTS_AT_ONCE {
            let not = [self.busy(), skipped.clone()].concat();
            let Some(account) = services.next_account_to_send(&not).await? else {
                break;
            };
            let credentials = credentials(&self.handle, account).await;
            let sender = Sender {
                owner: &self.handle.lease_owner,
                account,
                settings: credentials.as_ref().ok().map(|found| &found.settings),
            };
            match services.claim_outgoing(sender).await? {
                Some(first) => self.start(account, credentials, first),
                None => skipped.push(account),
            }
        }
        Ok(())
    }

    fn start(&mut self, account: MailAccountId, credentials: Credentials, first: Outgoing) {
        let in_hand = InHand::default();
        let delivery = Delivery {
            handle: self.handle.clone(),
            account,
            credentials,
            idle: self.shared.idle.clone(),
            in_hand: in_hand.clone(),
        };
        let task = self.tasks.spawn(delivery.run(first));
        self.at_work.insert(task.id(), AtWork { account, in_hand });
    }
}

/// Inner error: why nothing can be sent, for the Outbox page.
async fn credentials(handle: &EngineHandle, account: MailAccountId) -> Credentials {
    const UNREADABLE: &str = "The settings could not be read.";
    let found = async {
        handle.keep_token_fresh(account).await?;
        Ok(handle.services.credentials_to_send(account).await?)
    };
    found.await.unwrap_or_else(|error: EngineError| {
        warn!(mail_account.id = %account, %error, "Nothing can be sent for an account");
        Err(match error {
            EngineError::SignInAgain(_) => SIGN_IN_AGAIN,
            EngineError::TokenWaits(_) => TOKEN_WAITS,
            _ => UNREADABLE,
        })
    })
}

const SIGN_IN_AGAIN: &str =
    "It waits until the owner of the account signs in again at the provider: see Email account, Credentials.";
const TOKEN_WAITS: &str = "The provider that signs the account in could not answer.";
