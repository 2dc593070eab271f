//! How many accounts may do what at once: after a start all of them want to connect, and a host that is asked by a
//! hundred connections in a second refuses them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

/// Signing in at once, to all hosts and to one.
const CONNECTING: usize = 64;
const CONNECTING_TO_ONE: usize = 8;
/// Catching up at once, each a stretch of old mail at a time: memory and the disk are for all.
const CATCHING_UP: usize = 16;

#[derive(Clone)]
pub struct Places {
    connecting: Arc<Semaphore>,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    catching_up: Arc<Semaphore>,
}

/// Held while it lasts.
pub struct Place {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            connecting: Arc::new(Semaphore::new(CONNECTING)),
            hosts: Arc::default(),
            catching_up: Arc::new(Semaphore::new(CATCHING_UP)),
        }
    }
}

impl Places {
    /// To sign in to a host. First the host's place: those that wait for a busy one take no place from others.
    pub async fn connect_to(&self, host: &str) -> Place {
        let of_host = self.of_host(host).acquire_owned().await;
        let of_all = self.connecting.clone().acquire_owned().await;
        Place {
            _permits: [of_host, of_all].into_iter().flatten().collect(),
        }
    }

    /// In turn, so that no mailbox with much old mail keeps the others from their new mail.
    pub async fn catch_up(&self) -> Place {
        let permit = self.catching_up.clone().acquire_owned().await;
        Place {
            _permits: permit.into_iter().collect(),
        }
    }

    fn of_host(&self, host: &str) -> Arc<Semaphore> {
        let Ok(mut hosts) = self.hosts.lock() else {
            return Arc::new(Semaphore::new(CONNECTING_TO_ONE));
        };
        // Hosts whose places are all free are not remembered.
        hosts.retain(|_, places| {
            Arc::strong_count(places) > 1 || places.available_permits() < CONNECTING_TO_ONE
        });
        let places = hosts.entry(host.to_lowercase());
        places
            .or_insert_with(|| Arc::new(Semaphore::new(CONNECTING_TO_ONE)))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_busy_host_waits_and_others_do_not() {
        let places = Places::default();
        let mut held = Vec::new();
        for _ in 0..CONNECTING_TO_ONE {
            held.push(places.connect_to("imap.a.example").await);
        }
        assert!(places.connect_to("IMAP.a.example").now_or_never().is_none());
        assert!(places.connect_to("imap.b.example").now_or_never().is_some());
        held.pop();
        assert!(places.connect_to("imap.a.example").now_or_never().is_some());
        held.clear();
        drop(places.connect_to("imap.c.example").await);
        assert!(places.hosts.lock().expect("lock").len() <= 1);
    }
}
