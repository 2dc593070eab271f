//! Tries to prove a password or a code are counted before anything is verified: many at once are no more than
//! one after another.

use std::time::Duration;

use domain::Timestamp;
use store::Tx;
use store::sessions;
use store::sessions::Throttle;

use crate::ServiceError;
use crate::Services;

const FIRST_BLOCK: Duration = Duration::from_secs(30);
const LONGEST_BLOCK: Duration = Duration::from_secs(15 * 60);

/// What tries are counted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    key: [u8; 32],
    /// Refusals that cost nothing yet.
    free: u32,
}

impl Counter {
    pub fn of_login(login: &str) -> Self {
        Counter {
            key: key("login", &login.trim().to_lowercase()),
            free: 5,
        }
    }

    /// More, because a whole office can be behind one.
    pub fn of_address(address: &str) -> Self {
        Counter {
            key: key("address", address),
            free: 20,
        }
    }
}

impl Services {
    /// As if it were refused: whoever succeeds says so by [`succeeded`]. [`ServiceError::Throttled`]: not now.
    pub(crate) async fn count_try(&self, counters: &[Counter]) -> Result<(), ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        for counter in counters {
            let held = sessions::hold_throttle(&mut tx, counter.key, now).await?;
            if held.failures >= counter.free && held.blocked_until > now {
                let retry_after_s = held.blocked_until.since(now).as_secs() + 1;
                return Err(ServiceError::Throttled { retry_after_s });
            }
            let failures = held.failures + 1;
            let throttle = Throttle {
                failures,
                blocked_until: blocked_until(now, failures, counter.free),
            };
            sessions::set_throttle(&mut tx, counter.key, throttle).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Forgets what the login was refused; what the address was refused at other logins stays.
pub(crate) async fn succeeded(tx: &mut Tx, login: Counter, address: Counter) -> Result<(), ServiceError> {
    sessions::clear_throttle(tx, login.key).await?;
    take_back(tx, &[address]).await
}

/// A try that was neither refused nor the end of it.
pub(crate) async fn take_back(tx: &mut Tx, counters: &[Counter]) -> Result<(), ServiceError> {
    for counter in counters {
        sessions::take_failure_back(tx, counter.key).await?;
    }
    Ok(())
}

/// 30 s after the last that is free, doubling up to 15 minutes. Below that the count is kept for as long.
fn blocked_until(now: Timestamp, failures: u32, free: u32) -> Timestamp {
    if failures < free {
        return now.plus(LONGEST_BLOCK);
    }
    let doublings = (failures - free).min(10);
    now.plus((FIRST_BLOCK * 2_u32.pow(doublings)).min(LONGEST_BLOCK))
}

fn key(kind: &str, value: &str) -> [u8; 32] {
    *blake3::hash(format!("{kind}:{value}").as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_cost_more_each_time() {
        let now = Timestamp::EPOCH;
        for (failures, seconds) in [(5, 30), (6, 60), (9, 480), (10, 900), (99, 900)] {
            assert_eq!(blocked_until(now, failures, 5).seconds(), seconds, "{failures}");
        }
    }
}
