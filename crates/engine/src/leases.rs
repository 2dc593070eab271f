//! Which accounts this process works on. All leases are renewed together, in one statement: a statement for each of
//! ten thousand accounts would keep the database busy with nothing else. And they are released here alone, however the
//! work under them has ended.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;

use domain::MailAccountId;
use service::sync::LEASE_TIME;
use service::sync::Lease;
use tokio::sync::Notify;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::EngineHandle;

#[derive(Clone, Default)]
pub struct Leases(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    has_ended: Notify,
}

#[derive(Default)]
struct State {
    held: HashMap<MailAccountId, Held>,
    /// To be released.
    ended: Vec<Lease>,
    /// Renewed the last time, though nothing here holds them.
    strays: HashSet<(MailAccountId, i64)>,
}

struct Held {
    fence: i64,
    lost: CancellationToken,
}

/// A lease that is renewed for as long as this lives, and released after it.
pub struct KeptLease {
    leases: Leases,
    lease: Lease,
    lost: CancellationToken,
}

impl Leases {
    pub fn keep(&self, lease: &Lease) -> KeptLease {
        let lost = CancellationToken::new();
        let held = Held {
            fence: lease.fence,
            lost: lost.clone(),
        };
        self.with(|state| state.held.insert(lease.account, held));
        KeptLease {
            leases: self.clone(),
            lease: lease.clone(),
            lost,
        }
    }

    /// What is under the lock is whole whenever a panic may come.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(
            &mut self
                .0
                .state
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    fn fences(&self) -> Vec<(MailAccountId, i64)> {
        self.with(|state| {
            let held = state.held.iter();
            held.map(|(account, held)| (*account, held.fence)).collect()
        })
    }
}

impl State {
    /// What the database says: of what was held before it was asked, the rest is lost; what it renewed twice though
    /// nobody holds it was left by something that ended without a word.
    fn renewed(
        &mut self,
        before: &[(MailAccountId, i64)],
        kept: &HashMap<MailAccountId, i64>,
    ) -> Vec<(MailAccountId, i64)> {
        for (account, fence) in before {
            if kept.get(account) != Some(fence)
                && let Some(held) = self.held.get(account).filter(|held| held.fence == *fence)
            {
                held.lost.cancel();
            }
        }
        let is_held = |account: &MailAccountId, fence: i64| {
            self.held.get(account).is_some_and(|held| held.fence == fence)
        };
        let strays: HashSet<_> = kept
            .iter()
            .filter(|(account, fence)| !is_held(account, **fence))
            .map(|(account, fence)| (*account, *fence))
            .collect();
        let twice = strays.intersection(&self.strays).copied().collect();
        self.strays = strays;
        twice
    }
}

impl KeptLease {
    /// Ends when another process has taken the account over, or its owner asked for it to be begun anew.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for KeptLease {
    fn drop(&mut self) {
        let (account, fence) = (self.lease.account, self.lease.fence);
        self.leases.with(|state| {
            if state.held.get(&account).is_some_and(|held| held.fence == fence) {
                state.held.remove(&account);
            }
            state.ended.push(self.lease.clone());
        });
        self.leases.0.has_ended.notify_one();
    }
}

/// Never ends.
pub async fn renew(handle: EngineHandle) {
    let mut ticks = interval(LEASE_TIME / 3);
    loop {
        tokio::select! {
            _ = ticks.tick() => renew_all(&handle).await,
            () = handle.leases.0.has_ended.notified() => {}
        }
        release_ended(&handle).await;
    }
}

async fn renew_all(handle: &EngineHandle) {
    // Before the statement: what is taken meanwhile is not in its answer.
    let before = handle.leases.fences();
    match handle.services.renew_leases_of(&handle.lease_owner).await {
        Ok(kept) => {
            let strays = handle.leases.with(|state| state.renewed(&before, &kept));
            for (account, fence) in strays {
                warn!(mail_account.id = %account, "A lease was left behind");
                let owner = handle.lease_owner.to_string();
                let stray = Lease {
                    account,
                    owner,
                    fence,
                };
                handle.leases.with(|state| state.ended.push(stray));
            }
        }
        // They last for two more tries; then the fence keeps what is under way from being written.
        Err(error) => warn!(%error, "Leases could not be renewed"),
    }
}

/// Those whose work has ended. They stay in the list until they are: this may be cut off, or fail, and is tried again.
pub async fn release_ended(handle: &EngineHandle) {
    let ended = handle.leases.with(|state| state.ended.clone());
    if ended.is_empty() {
        return;
    }
    match handle.services.release_leases(&ended).await {
        Ok(()) => handle
            .leases
            .with(|state| state.ended.retain(|lease| !ended.contains(lease))),
        Err(error) => warn!(%error, "Leases could not be released yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_found_at_the_second_look() {
        let [mine, lost, stray] = [1, 2, 3].map(|id| MailAccountId::from_uuid(uuid::Uuid::from_u128(id)));
        let leases = Leases::default();
        let lease = |account, fence| Lease {
            account,
            owner: "one".to_owned(),
            fence,
        };
        let kept = [leases.keep(&lease(mine, 1)), leases.keep(&lease(lost, 1))];
        let answer = HashMap::from([(mine, 1), (lost, 2), (stray, 7)]);
        let before = leases.fences();
        for strays in [vec![], vec![(lost, 2), (stray, 7)]] {
            let mut found = leases.with(|state| state.renewed(&before, &answer));
            found.sort();
            assert_eq!(found, strays);
        }
        assert!(!kept[0].lost.is_cancelled() && kept[1].lost.is_cancelled());
        drop(kept);
        assert!(leases.fences().is_empty());
        assert_eq!(leases.with(|state| state.ended.len()), 2);
    }
}
