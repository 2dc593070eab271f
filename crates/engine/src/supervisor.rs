//! Keeps one task running for each account that is switched on, and starts it anew when its settings change.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use domain::MailAccountId;
use service::Event;
use service::ServiceError;
use service::accounts::MailAccount;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::EngineHandle;
use crate::account_task;
use crate::leases;

const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// Accounts made by another process are found at the latest after this.
const LOOK_AROUND: Duration = Duration::from_secs(30);
/// How soon an owner is told that something is wrong.
const ALARMS: Duration = Duration::from_secs(60);
/// How soon what another process was asked for is done.
const ASKED: Duration = Duration::from_secs(15);
const CATCH_BREATH: Duration = Duration::from_secs(2);
/// How long tasks may take to end what they are committing.
const DRAIN: Duration = Duration::from_secs(10);

struct Running {
    account: MailAccount,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs until `shutdown`, then waits for what is under way.
pub async fn run(handle: EngineHandle, shutdown: CancellationToken) {
    let mut running: HashMap<MailAccountId, Running> = HashMap::new();
    let beside = async {
        tokio::join!(
            leases::renew(&handle),
            watch_for_alarms(&handle),
            wake_asked(&handle),
            write_down(&handle),
            keep_house(&handle),
        );
    };
    // All of them are polled all the while: one that had the only writer and was not polled would stop all others.
    tokio::select! {
        () = watch_accounts(&handle, &mut running, &shutdown) => {}
        () = beside => {}
    }
    stop_all(running).await;
}

/// Until `shutdown`; an account that is being stopped then is waited for.
async fn watch_accounts(
    handle: &EngineHandle,
    running: &mut HashMap<MailAccountId, Running>,
    shutdown: &CancellationToken,
) {
    let mut events = handle.services.events.subscribe();
    let mut look_around = interval(LOOK_AROUND);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = look_around.tick() => reconcile(handle, running).await,
            event = events.recv() => match event {
                Ok(Event::AccountChanged { account }) => reconcile_one(handle, running, account).await,
                // What was missed may be an account.
                Err(RecvError::Lagged(_)) => look_around.reset_after(CATCH_BREATH),
                Ok(Event::MailboxAsked { account }) => handle.wake(account),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// As soon as a state has changed, and all of them from time to time: some begin by waiting.
async fn watch_for_alarms(handle: &EngineHandle) {
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
async fn wake_asked(handle: &EngineHandle) {
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
async fn write_down(handle: &EngineHandle) {
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

async fn keep_house(handle: &EngineHandle) {
    let mut ticks = interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        if let Err(error) = handle.services.keep_house().await {
            warn!(%error, "Housekeeping stopped");
        }
    }
}

/// The same for one account, whose settings have changed.
async fn reconcile_one(
    handle: &EngineHandle,
    running: &mut HashMap<MailAccountId, Running>,
    id: MailAccountId,
) {
    let account = match handle.services.get_account_for_engine(id).await {
        Ok(account) => Some(account),
        Err(ServiceError::NotFound) => None,
        Err(error) => {
            warn!(mail_account.id = %id, %error, "Account could not be read");
            return;
        }
    };
    settle(handle, running, id, account.filter(is_on)).await;
}

/// What runs for an account becomes what is wanted.
async fn settle(
    handle: &EngineHandle,
    running: &mut HashMap<MailAccountId, Running>,
    id: MailAccountId,
    wanted: Option<MailAccount>,
) {
    let is_outdated = running.get(&id).is_some_and(|running| {
        wanted
            .as_ref()
            .is_none_or(|account| !same_settings(account, &running.account))
    });
    if is_outdated && let Some(old) = running.remove(&id) {
        stop(old).await;
        if wanted.is_none() {
            account_task::switched_off(handle, id).await;
        }
    }
    if let Some(account) = wanted {
        running.entry(id).or_insert_with(|| start(handle, account));
    }
}

fn is_on(account: &MailAccount) -> bool {
    account.tracking.enabled && account.imap.is_some()
}

/// Makes what runs equal to what is switched on.
async fn reconcile(handle: &EngineHandle, running: &mut HashMap<MailAccountId, Running>) {
    let accounts = match handle.services.list_accounts_for_engine().await {
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
    let known: HashSet<_> = running.keys().chain(wanted.keys()).copied().collect();
    for id in known {
        let account = wanted.remove(&id);
        settle(handle, running, id, account).await;
    }
}

/// State and times change all the while; only settings start a task anew.
fn same_settings(one: &MailAccount, other: &MailAccount) -> bool {
    MailAccount {
        status: other.status.clone(),
        ..one.clone()
    } == *other
}

fn start(handle: &EngineHandle, account: MailAccount) -> Running {
    let stop = CancellationToken::new();
    let task = tokio::spawn(account_task::run(handle.clone(), account.id, stop.clone()));
    Running { account, stop, task }
}

async fn stop(running: Running) {
    running.stop.cancel();
    if tokio::time::timeout(DRAIN, running.task).await.is_err() {
        warn!(mail_account.id = %running.account.id, "Account task did not end in time");
    }
}

async fn stop_all(running: HashMap<MailAccountId, Running>) {
    for task in running.values() {
        task.stop.cancel();
    }
    for task in running.into_values() {
        stop(task).await;
    }
}
