//! Keeps one task running for each account that is switched on, and starts it anew when its settings change.

use std::collections::HashMap;
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

const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// Accounts made by another process are found at the latest after this.
const LOOK_AROUND: Duration = Duration::from_secs(30);
/// How soon an owner is told that something is wrong.
const ALARMS: Duration = Duration::from_secs(60);
/// How long tasks may take to end what they are committing.
const DRAIN: Duration = Duration::from_secs(10);

struct Running {
    account: MailAccount,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs until `shutdown`, then waits for what is under way.
pub async fn run(handle: EngineHandle, shutdown: CancellationToken) {
    let mut events = handle.services.events.subscribe();
    let mut housekeeping = interval(HOUSEKEEPING);
    let mut look_around = interval(LOOK_AROUND);
    let mut alarms = interval(ALARMS);
    let mut running: HashMap<MailAccountId, Running> = HashMap::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = housekeeping.tick() => keep_house(&handle).await,
            _ = alarms.tick() => look_for_alarms(handle.services.look_for_alarms().await),
            _ = look_around.tick() => reconcile(&handle, &mut running).await,
            event = events.recv() => match event {
                Ok(Event::AccountChanged { account }) => {
                    reconcile(&handle, &mut running).await;
                    look_for_alarms(handle.services.look_for_alarms_of(account).await);
                }
                Err(RecvError::Lagged(_)) => reconcile(&handle, &mut running).await,
                Ok(Event::MailboxAsked { account }) => handle.wake(account),
                Ok(_) => {}
                Err(RecvError::Closed) => break,
            },
        }
    }
    stop_all(running).await;
}

fn look_for_alarms(looked: Result<(), ServiceError>) {
    if let Err(error) = looked {
        warn!(%error, "Alarms could not be looked for");
    }
}

async fn keep_house(handle: &EngineHandle) {
    if let Err(error) = handle.services.keep_house().await {
        warn!(%error, "Housekeeping stopped");
    }
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
    let wanted: HashMap<_, _> = accounts
        .into_iter()
        .filter(|account| account.tracking.enabled && account.imap.is_some())
        .map(|account| (account.id, account))
        .collect();
    let outdated = running.iter().filter(|(id, running)| {
        wanted
            .get(id)
            .is_none_or(|account| !same_settings(account, &running.account))
    });
    let outdated: Vec<_> = outdated.map(|(id, _)| *id).collect();
    for id in outdated {
        if let Some(old) = running.remove(&id) {
            stop(old).await;
            if !wanted.contains_key(&id) {
                account_task::switched_off(handle, id).await;
            }
        }
    }
    for (id, account) in wanted {
        running.entry(id).or_insert_with(|| start(handle, account));
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
