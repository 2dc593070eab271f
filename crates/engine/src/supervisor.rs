//! Keeps one task running for each account that is switched on, and starts it anew when its settings change.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use domain::MailAccountId;
use service::Event;
use service::ServiceError;
use service::accounts::MailAccount;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::Id;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::EngineError;
use crate::EngineHandle;
use crate::account_task;
use crate::backoff::jitter;
use crate::leases;
use crate::tasks::Beside;
use crate::tokens;

const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// Accounts made by another process are found at the latest after this.
const LOOK_AROUND: Duration = Duration::from_secs(30);
/// How soon an owner is told that something is wrong.
const ALARMS: Duration = Duration::from_secs(60);
/// How soon what another process was asked for is done.
const ASKED: Duration = Duration::from_secs(15);
const CATCH_BREATH: Duration = Duration::from_secs(2);
/// How long tasks may take to end what they are committing; each gives up a little earlier.
const DRAIN: Duration = Duration::from_secs(12);

/// The tasks of accounts that are switched on.
struct Accounts {
    handle: EngineHandle,
    running: HashMap<MailAccountId, Running>,
    tasks: JoinSet<()>,
}

struct Running {
    account: MailAccount,
    stop: CancellationToken,
    task: Id,
}

/// Runs until `shutdown`, then waits for what is under way; leases are released last.
pub async fn run(handle: EngineHandle, shutdown: CancellationToken) {
    let mut beside = Beside::new(&handle);
    beside.keep("leases", leases::renew);
    beside.keep("alarms", watch_for_alarms);
    beside.keep("asked", wake_asked);
    beside.keep("times", write_down);
    beside.keep("housekeeping", keep_house);
    beside.keep("tokens", tokens::run);
    let watch = |handle| watch_accounts(handle, shutdown.clone());
    beside.keep_until(&shutdown, "accounts", watch).await;
    leases::release_ended(&handle).await;
}

/// Until `shutdown`; accounts that are being stopped then are waited for.
async fn watch_accounts(handle: EngineHandle, shutdown: CancellationToken) {
    let mut events = handle.services.events.subscribe();
    let mut look_around = interval(LOOK_AROUND);
    let mut accounts = Accounts {
        handle,
        running: HashMap::new(),
        tasks: JoinSet::new(),
    };
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look_around.tick() => accounts.reconcile().await,
            Some(ended) = accounts.tasks.join_next_with_id() => accounts.ended(ended).await,
            event = events.recv() => match event {
                Ok(Event::AccountChanged { account }) => accounts.reconcile_one(account).await,
                // What was missed may be an account.
                Err(RecvError::Lagged(_)) => look_around.reset_after(CATCH_BREATH),
                Ok(Event::MailboxAsked { account }) => accounts.handle.wake(account),
                Ok(Event::SignInChanged { account }) => accounts.handle.try_now(account),
                Ok(Event::SignInOver { account }) => accounts.begin_anew(account),
                Ok(_) => {}
                Err(RecvError::Closed) => break,
            },
        }
    }
    accounts.stop_all().await;
}

/// As soon as a state has changed, and all of them from time to time: some begin by waiting.
async fn watch_for_alarms(handle: EngineHandle) {
    let mut events = handle.services.events.subscribe();
    let mut all = interval(ALARMS);
    loop {
        tokio::select! {
            _ = all.tick() => look_for_alarms(handle.services.look_for_alarms().await),
            event = events.recv() => match event {
                Ok(Event::AccountStateChanged { account, state: Some(state) }) if state.is_settled() => {
                    look_for_alarms(handle.services.look_for_alarms_of(account).await);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// What was asked for in another process, or becomes due a little later than it was asked for.
async fn wake_asked(handle: EngineHandle) {
    let mut ticks = interval(ASKED);
    loop {
        ticks.tick().await;
        match handle.services.list_asked_accounts(&handle.lease_owner).await {
            Ok(asked) => asked.into_iter().for_each(|account| handle.wake(account)),
            Err(error) => warn!(%error, "What is to be done in mailboxes could not be read"),
        }
    }
}

/// When accounts were looked at, for all of them together.
async fn write_down(handle: EngineHandle) {
    let mut ticks = interval(LOOK_AROUND);
    loop {
        ticks.tick().await;
        let looked_at = handle.take_looked_at();
        if let Err(error) = handle.services.set_accounts_synced(&looked_at).await {
            warn!(%error, "Times of syncs could not be stored");
        }
    }
}

fn look_for_alarms(looked: Result<(), ServiceError>) {
    if let Err(error) = looked {
        warn!(%error, "Alarms could not be looked for");
    }
}

async fn keep_house(handle: EngineHandle) {
    let mut ticks = interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        handle.services.keep_house().await;
    }
}

impl Accounts {
    /// Makes what runs equal to what is switched on.
    async fn reconcile(&mut self) {
        let accounts = match self.handle.services.list_accounts_for_engine().await {
            Ok(accounts) => accounts,
            Err(error) => {
                warn!(%error, "Accounts could not be listed");
                return;
            }
        };
        let mut wanted: HashMap<_, _> = accounts
            .into_iter()
            .filter(is_on)
            .map(|account| (account.id, account))
            .collect();
        let known: HashSet<_> = self.running.keys().chain(wanted.keys()).copied().collect();
        for id in known {
            let account = wanted.remove(&id);
            self.settle(id, account);
        }
    }

    /// The same for one account, whose settings have changed. What it is to be now; `None`: off.
    async fn reconcile_one(&mut self, id: MailAccountId) {
        match self.find(id).await {
            Ok(wanted) => self.settle(id, wanted),
            Err(error) => warn!(mail_account.id = %id, %error, "Account could not be read"),
        }
    }

    async fn find(&self, id: MailAccountId) -> Result<Option<MailAccount>, ServiceError> {
        match self.handle.services.get_account_for_engine(id).await {
            Ok(account) => Ok(Some(account).filter(is_on)),
            Err(ServiceError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What runs becomes what is wanted: one that is out of date is told to end, and is begun anew once it has.
    fn settle(&mut self, id: MailAccountId, wanted: Option<MailAccount>) {
        match (self.running.get(&id), wanted) {
            (None, Some(account)) => self.start(account),
            (Some(running), wanted) => {
                if wanted.is_none_or(|account| !same_settings(&account, &running.account)) {
                    running.stop.cancel();
                }
            }
            (None, None) => {}
        }
    }

    /// It finds out then that it may not.
    fn begin_anew(&self, id: MailAccountId) {
        if let Some(running) = self.running.get(&id) {
            running.stop.cancel();
        }
    }

    fn start(&mut self, account: MailAccount) {
        // What was waited for before this process is known to it.
        self.handle.patience_after(account.id, account.status.state);
        let stop = CancellationToken::new();
        let work = account_task::run(self.handle.clone(), account.id, stop.clone());
        let task = self.tasks.spawn(work).id();
        self.running.insert(account.id, Running { account, stop, task });
    }

    /// However a task has ended: it is begun anew with the settings of now, or its account is off.
    async fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = ended.map_or_else(|error| error.id(), |(id, ())| id);
        let Some(id) = self.account_of(task) else {
            return;
        };
        if let Some(ended) = self.running.remove(&id)
            && !ended.stop.is_cancelled()
        {
            warn!(mail_account.id = %id, "Account task ended early and is begun anew");
            let patience = self.handle.patience(id);
            patience.failed(&EngineError::Panicked, Duration::ZERO, jitter());
        }
        match self.find(id).await {
            Ok(Some(account)) => self.start(account),
            Ok(None) => account_task::switched_off(&self.handle, id).await,
            // Looked at again when all are.
            Err(error) => warn!(mail_account.id = %id, %error, "Account could not be read"),
        }
    }

    fn account_of(&self, task: Id) -> Option<MailAccountId> {
        let mut running = self.running.iter();
        running
            .find(|(_, running)| running.task == task)
            .map(|(account, _)| *account)
    }

    /// Each ends what it is committing, within a time of its own; one that has not is cut off.
    async fn stop_all(&mut self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            warn!("Some accounts did not end in time");
            self.tasks.shutdown().await;
        }
    }
}

fn is_on(account: &MailAccount) -> bool {
    account.tracking.enabled && account.imap.is_some()
}

/// State and times change all the while; only settings start a task anew.
fn same_settings(one: &MailAccount, other: &MailAccount) -> bool {
    MailAccount {
        status: other.status.clone(),
        ..one.clone()
    } == *other
}
