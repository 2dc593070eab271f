//! What follows an attempt to hand a message to the submission server. Pure.

use std::time::Duration;

use crate::provider::provider_of_server;
use crate::time::Timestamp;

/// The first wait; each one after is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// A message that could not be handed over by then has expired.
pub const EXPIRES_AFTER: Duration = Duration::from_secs(2 * 24 * 3600);

/// What one attempt came to, in the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The server took it; of some recipients it may have said "later" or "no".
    /// `is_full`: some of the others were only too many for one hand-over (RFC 5321 §4.5.3.1.10).
    Taken {
        later: usize,
        accepted: usize,
        is_full: bool,
    },
    /// Nobody has it, and trying again may help: 4xx, no connection, a refused login.
    Later,
    /// Nobody will have it: 5xx for the message, or for every recipient.
    Refused,
    /// The link was lost after the final dot.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    Done,
    RetryAt(Timestamp),
    Failed,
    Expired,
    Unknown,
}

/// `attempts`: with this one. `jitter`: from 0 to 1, so that many messages do not come back at once.
pub fn next_step(
    attempt: &Attempt,
    attempts: u32,
    now: Timestamp,
    expires_at: Timestamp,
    jitter: f64,
) -> NextStep {
    let retry = || {
        let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(10));
        let wait = doubled
            .min(LONGEST_WAIT)
            .mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0));
        let at = now.plus(wait);
        if at > expires_at {
            NextStep::Expired
        } else {
            NextStep::RetryAt(at)
        }
    };
    match attempt {
        Attempt::Taken {
            later: 0,
            accepted: 0,
            ..
        }
        | Attempt::Refused => NextStep::Failed,
        Attempt::Taken { later: 0, .. } => NextStep::Done,
        // Each of these makes it fewer: there is nothing to wait for.
        Attempt::Taken { is_full: true, .. } => NextStep::RetryAt(now),
        // Whoever was accepted has it; time can only run out for the others.
        Attempt::Taken { accepted, .. } => match retry() {
            NextStep::Expired if *accepted > 0 => NextStep::Done,
            step => step,
        },
        Attempt::Later => retry(),
        Attempt::Lost => NextStep::Unknown,
    }
}

/// Messages a minute that a server takes of one account; `None`: none is known.
pub fn per_minute_limit(smtp_server: &str) -> Option<u32> {
    provider_of_server(smtp_server)?.sends_per_minute
}

/// A copy put into the Sent folder by us would be the second one. What a provider files lies in its own mailbox: with
/// another's, or with another user's of it, nothing is filed where the owner looks.
pub fn files_sent_mail_itself(smtp_server: &str, imap_server: &str, is_one_user: bool) -> bool {
    let Some(sends) = provider_of_server(smtp_server) else {
        return false;
    };
    let keeps = provider_of_server(imap_server).is_some_and(|keeps| std::ptr::eq(keeps, sends));
    sends.files_sent_itself && keeps && is_one_user && !sends.is_relay(smtp_server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_has_its_next_step() {
        let now = Timestamp::from_seconds(1_000_000);
        let later = |seconds| NextStep::RetryAt(now.plus(Duration::from_secs(seconds)));
        let end = now.plus(EXPIRES_AFTER);
        let soon = now.plus(Duration::from_secs(30));
        let taken = |later, accepted| Attempt::Taken {
            later,
            accepted,
            is_full: false,
        };
        let full = Attempt::Taken {
            later: 1,
            accepted: 1,
            is_full: true,
        };
        for (attempt, attempts, expires_at, step) in [
            (taken(0, 2), 1, end, NextStep::Done),
            (taken(0, 0), 1, end, NextStep::Failed),
            (taken(1, 1), 1, end, later(60)),
            (taken(1, 1), 1, soon, NextStep::Done),
            (taken(1, 0), 1, soon, NextStep::Expired),
            (full, 9, soon, NextStep::RetryAt(now)),
            (Attempt::Later, 1, end, later(60)),
            (Attempt::Later, 2, end, later(120)),
            (Attempt::Later, 6, end, later(1920)),
            (Attempt::Later, 7, end, later(3600)),
            (Attempt::Later, 4_000_000_000, end, later(3600)),
            (Attempt::Later, 1, soon, NextStep::Expired),
            (Attempt::Refused, 1, end, NextStep::Failed),
            (Attempt::Lost, 1, end, NextStep::Unknown),
            (Attempt::Lost, 9, soon, NextStep::Unknown),
        ] {
            let found = next_step(&attempt, attempts, now, expires_at, 0.5);
            assert_eq!(found, step, "{attempt:?} {attempts}");
        }
        for (jitter, seconds) in [(0.0, 48), (1.0, 72), (7.0, 72)] {
            assert_eq!(next_step(&Attempt::Later, 1, now, end, jitter), later(seconds));
        }
    }

    #[test]
    fn a_copy_is_put_into_sent_only_where_the_server_does_not() {
        for (smtp, imap, is_one_user, itself) in [
            ("smtp.gmail.com", "imap.gmail.com", true, true),
            ("smtp.googlemail.com", "imap.gmail.com", true, true),
            ("smtp.office365.com", "outlook.office365.com", true, true),
            ("smtp-mail.outlook.com", "outlook.office365.com", true, true),
            ("mail.isp.example", "mail.isp.example", true, false),
            ("notgmail.com", "imap.gmail.com", true, false),
            // It is filed, and nobody sees it there.
            ("smtp.gmail.com", "mail.isp.example", true, false),
            ("smtp.gmail.com", "outlook.office365.com", true, false),
            ("smtp.gmail.com", "imap.gmail.com", false, false),
            ("mail.isp.example", "imap.gmail.com", true, false),
            ("smtp-relay.gmail.com", "imap.gmail.com", true, false),
            (
                "isp-example.mail.protection.outlook.com",
                "outlook.office365.com",
                true,
                false,
            ),
        ] {
            let found = files_sent_mail_itself(smtp, imap, is_one_user);
            assert_eq!(found, itself, "{smtp} {imap} {is_one_user}");
        }
    }
}
