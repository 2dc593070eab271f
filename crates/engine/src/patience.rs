//! When an account may be connected to again after a failure. It outlives the account's task: to change another setting
//! ends no wait, and neither does anything that is to be done in the mailbox. A login that is refused again and again
//! locks people out of their mailbox.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::EngineError;
use crate::backoff::Backoff;
use crate::backoff::suggested;

const MAX_LOGIN_REFUSALS: u32 = 3;
const LEASE_HELD_WAIT: Duration = Duration::from_secs(15);
const LEASE_LOST_WAIT: Duration = Duration::from_secs(1);

pub struct Patience {
    state: Mutex<State>,
    first_wait: Duration,
    /// Its owner has changed the sign-in, or wants to try now.
    told: Notify,
}

struct State {
    backoff: Backoff,
    refusals: u32,
    next: Next,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Now,
    At(Instant),
    /// The login was refused so often that its owner has to do something.
    WhenTold,
}

impl Patience {
    /// `was_refused`: an earlier process has given up. It is tried once.
    pub fn new(first_wait: Duration, was_refused: bool) -> Self {
        Patience {
            state: Mutex::new(State {
                backoff: Backoff::beginning_with(first_wait),
                refusals: if was_refused { MAX_LOGIN_REFUSALS - 1 } else { 0 },
                next: Next::Now,
            }),
            first_wait,
            told: Notify::new(),
        }
    }

    /// What is under the lock is whole whenever a panic may come.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The owner's wish, or another sign-in: what was before does not count.
    pub fn try_now(&self) {
        self.with(|state| {
            *state = State {
                backoff: Backoff::beginning_with(self.first_wait),
                refusals: 0,
                next: Next::Now,
            };
        });
        self.told.notify_one();
    }

    pub fn next(&self) -> Next {
        self.with(|state| state.next)
    }

    /// Returns when it may be tried.
    pub async fn may_try(&self) {
        loop {
            match self.next() {
                Next::Now => return,
                Next::At(at) if at <= Instant::now() => return,
                Next::At(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = self.told.notified() => {}
                },
                Next::WhenTold => self.told.notified().await,
            }
        }
    }

    /// After a connection that lived so long. `jitter` from 0 to 1. What is waited for now.
    pub fn failed(&self, error: &EngineError, lived: Duration, jitter: f64) -> Next {
        self.with(|state| {
            state.refusals = match error.is_login_refused() {
                true => state.refusals + 1,
                false => 0,
            };
            let wait = match error {
                EngineError::LeaseHeld => LEASE_HELD_WAIT,
                // Taken over by another process, numbered anew, or the owner asked for something to be looked at again.
                _ if error.is_out_of_date() => LEASE_LOST_WAIT,
                _ => {
                    let wait = state.backoff.after_failure(lived, jitter);
                    let asked = error.said().and_then(suggested);
                    asked.map_or(wait, |asked| asked.max(wait))
                }
            };
            state.next = match error.is_sign_in_over() || state.refusals >= MAX_LOGIN_REFUSALS {
                true => Next::WhenTold,
                false => Next::At(Instant::now() + wait),
            };
            state.next
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use wire::Kind;
    use wire::WireError;

    use super::*;

    #[tokio::test]
    async fn a_refused_login_is_tried_three_times_and_then_when_its_owner_says_so() {
        let patience = Patience::new(Duration::from_secs(5), false);
        let refused = EngineError::from(WireError::new(Kind::LoginRefused, "signing in"));
        assert!(patience.may_try().now_or_never().is_some());
        for _ in 0..2 {
            assert!(matches!(
                patience.failed(&refused, Duration::ZERO, 0.5),
                Next::At(_)
            ));
            assert!(patience.may_try().now_or_never().is_none());
        }
        assert_eq!(patience.failed(&refused, Duration::ZERO, 0.5), Next::WhenTold);
        assert!(patience.may_try().now_or_never().is_none());
        patience.try_now();
        assert!(patience.may_try().now_or_never().is_some());
        // A restart tries once.
        let patience = Patience::new(Duration::from_secs(5), true);
        assert_eq!(patience.failed(&refused, Duration::ZERO, 0.5), Next::WhenTold);
    }
}
