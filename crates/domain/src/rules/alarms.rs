//! When the owner of an account is to be told that something is wrong. Pure.

use std::time::Duration;

use crate::account::AccountState;
use crate::time::Timestamp;

/// An account that has not been looked at for so long.
const NOT_SYNCED: Duration = Duration::from_secs(3600);
/// A message that waits to be sent for so long, or so many that wait.
const WAITS: Duration = Duration::from_secs(3600);
const FULL: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    LoginRefused,
    CertificateChanged,
    SignInAgain,
    NotSynced,
    QueueFull,
    GrantRests,
}

impl Alarm {
    pub const ALL: [Alarm; 6] = [
        Alarm::LoginRefused,
        Alarm::CertificateChanged,
        Alarm::SignInAgain,
        Alarm::NotSynced,
        Alarm::QueueFull,
        Alarm::GrantRests,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Alarm::LoginRefused => "login_refused",
            Alarm::CertificateChanged => "certificate_changed",
            Alarm::SignInAgain => "sign_in_again",
            Alarm::NotSynced => "not_synced",
            Alarm::QueueFull => "queue_full",
            Alarm::GrantRests => "grant_rests",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alarm| alarm.as_str() == text)
    }
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    pub state: AccountState,
    /// Since when the state is that.
    pub state_since: Timestamp,
    pub last_sync_at: Option<Timestamp>,
    /// Messages that wait to be sent, and the first of them.
    pub waiting: u64,
    pub waiting_since: Option<Timestamp>,
    /// Somebody who may see it had their sign-in reset, and its owner has not confirmed them since.
    pub grant_rests: bool,
}

pub fn alarms(condition: &Condition, now: Timestamp) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    match condition.state {
        AccountState::Off => {}
        AccountState::LoginRefused => alarms.push(Alarm::LoginRefused),
        AccountState::CertificateChanged => alarms.push(Alarm::CertificateChanged),
        AccountState::SignInAgain => alarms.push(Alarm::SignInAgain),
        _ => {
            let looked_at = condition.last_sync_at.unwrap_or(condition.state_since);
            if now.since(looked_at) > NOT_SYNCED {
                alarms.push(Alarm::NotSynced);
            }
        }
    }
    let waits = condition
        .waiting_since
        .is_some_and(|since| now.since(since) > WAITS);
    if waits || condition.waiting >= FULL {
        alarms.push(Alarm::QueueFull);
    }
    if condition.grant_rests {
        alarms.push(Alarm::GrantRests);
    }
    alarms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_told_of_what_lasts() {
        let now = Timestamp::from_seconds(100_000);
        let ago = |minutes: u64| now.minus(Duration::from_secs(minutes * 60));
        let condition = |state, synced: Option<u64>, waiting, waits: Option<u64>| Condition {
            state,
            state_since: ago(90),
            last_sync_at: synced.map(ago),
            waiting,
            waiting_since: waits.map(ago),
            grant_rests: false,
        };
        for (condition, expected) in [
            (condition(AccountState::Connected, Some(1), 0, None), vec![]),
            (
                Condition {
                    grant_rests: true,
                    ..condition(AccountState::Off, None, 0, None)
                },
                vec![Alarm::GrantRests],
            ),
            (condition(AccountState::Failing, Some(59), 0, None), vec![]),
            (
                condition(AccountState::Failing, Some(61), 0, None),
                vec![Alarm::NotSynced],
            ),
            (
                condition(AccountState::Syncing, Some(61), 0, None),
                vec![Alarm::NotSynced],
            ),
            (
                condition(AccountState::Failing, None, 0, None),
                vec![Alarm::NotSynced],
            ),
            (
                condition(AccountState::LoginRefused, Some(61), 0, None),
                vec![Alarm::LoginRefused],
            ),
            (
                condition(AccountState::CertificateChanged, Some(1), 0, None),
                vec![Alarm::CertificateChanged],
            ),
            (
                condition(AccountState::SignInAgain, Some(61), 0, None),
                vec![Alarm::SignInAgain],
            ),
            (condition(AccountState::Off, Some(61), 1, Some(5)), vec![]),
            (
                condition(AccountState::Off, None, 1, Some(61)),
                vec![Alarm::QueueFull],
            ),
            (
                condition(AccountState::Connected, Some(1), 100, Some(1)),
                vec![Alarm::QueueFull],
            ),
        ] {
            assert_eq!(alarms(&condition, now), expected, "{condition:?}");
        }
    }
}
