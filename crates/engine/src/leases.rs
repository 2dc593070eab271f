//! Which accounts this process works on. All leases are renewed together, in one statement: a statement for each of
//! ten thousand accounts would keep the database busy with nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use domain::MailAccountId;
use service::sync::LEASE_TIME;
use service::sync::Lease;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::EngineHandle;

#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<HashMap<MailAccountId, Held>>>);

struct Held {
    fence: i64,
    lost: CancellationToken,
}

/// A lease that is renewed for as long as this lives.
pub struct KeptLease {
    leases: Leases,
    account: MailAccountId,
    lost: CancellationToken,
}

impl Leases {
    pub fn keep(&self, lease: &Lease) -> KeptLease {
        let lost = CancellationToken::new();
        let held = Held {
            fence: lease.fence,
            lost: lost.clone(),
        };
        if let Ok(mut leases) = self.0.lock() {
            leases.insert(lease.account, held);
        }
        KeptLease {
            leases: self.clone(),
            account: lease.account,
            lost,
        }
    }

    fn fences(&self) -> Vec<(MailAccountId, i64)> {
        let leases = self.0.lock();
        leases.map_or_else(
            |_| Vec::new(),
            |leases| {
                leases
                    .iter()
                    .map(|(account, held)| (*account, held.fence))
                    .collect()
            },
        )
    }

    fn lose(&self, account: MailAccountId, fence: i64) {
        if let Ok(leases) = self.0.lock()
            && let Some(held) = leases.get(&account).filter(|held| held.fence == fence)
        {
            held.lost.cancel();
        }
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
        if let Ok(mut leases) = self.leases.0.lock() {
            leases.remove(&self.account);
        }
    }
}

/// Until it is dropped.
pub async fn renew(handle: &EngineHandle) {
    let mut ticks = interval(LEASE_TIME / 3);
    loop {
        ticks.tick().await;
        // Before the statement: what is taken meanwhile is not in its answer.
        let held = handle.leases.fences();
        if held.is_empty() {
            continue;
        }
        match handle.services.renew_leases_of(&handle.lease_owner).await {
            Ok(kept) => {
                for (account, fence) in held {
                    if kept.get(&account) != Some(&fence) {
                        handle.leases.lose(account, fence);
                    }
                }
            }
            // They last for two more tries; then the fence keeps what is under way from being written.
            Err(error) => warn!(%error, "Leases could not be renewed"),
        }
    }
}
