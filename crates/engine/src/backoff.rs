//! How long to wait before the next try. Pure.

use std::time::Duration;

pub const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(600);
/// A connection that lived this long counts as survived. A login alone does not: one client was seen to
/// log in 17 times a second (EmailEngine `imap-client.js:180`).
const SURVIVED: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    pub fn beginning_with(first: Duration) -> Self {
        Backoff { first, failures: 0 }
    }

    /// `jitter` from 0 to 1 spreads tries of many accounts.
    pub fn after_failure(&mut self, lived: Duration, jitter: f64) -> Duration {
        self.failures = if lived >= SURVIVED {
            1
        } else {
            self.failures.saturating_add(1)
        };
        let doubled = self.first * 2_u32.pow((self.failures - 1).min(8));
        doubled.min(LONGEST).mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// What a server asks for when it is busy: `Request is throttled. Suggested Backoff Time: 92415 milliseconds` (Exchange,
/// imapflow `imap-flow.js:832`, seen 2026-09). Honoured, but never for longer than we wait by ourselves.
pub fn suggested(said: &str) -> Option<Duration> {
    let (_, rest) = said.split_once("Suggested Backoff Time:")?;
    let digits: String = rest
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let wait = Duration::from_millis(digits.parse().ok()?);
    Some(wait.min(LONGEST))
}

/// From 0 to 1, so that what failed together is not tried again together.
#[expect(clippy::disallowed_methods, reason = "the door of chance")]
pub fn jitter() -> f64 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttling_server_is_left_alone_for_as_long_as_it_asks() {
        for (said, wait) in [
            (
                "Request is throttled. Suggested Backoff Time: 92415 milliseconds",
                Some(92_415),
            ),
            (
                "Request is throttled. Suggested Backoff Time: 99999999 milliseconds",
                Some(600_000),
            ),
            ("Suggested Backoff Time: soon", None),
            ("busy", None),
        ] {
            assert_eq!(suggested(said), wait.map(Duration::from_millis), "{said}");
        }
    }

    #[test]
    fn waits_double_and_start_again_after_survival() {
        let mut backoff = Backoff::beginning_with(FIRST);
        let secs = Duration::from_secs;
        for (lived, wait) in [(0, 5), (0, 10), (0, 20), (59, 40), (60, 5), (0, 10)] {
            assert_eq!(backoff.after_failure(secs(lived), 0.5), secs(wait));
        }
        for _ in 0..20 {
            backoff.after_failure(secs(0), 0.5);
        }
        assert_eq!(backoff.after_failure(secs(0), 0.5), LONGEST);
    }
}
