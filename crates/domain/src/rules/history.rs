//! Whether old mail may be fetched just now. Pure.

/// Why the history rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryRest {
    /// Its owner wants it so.
    Paused,
    /// The provider gives no more today without harm to the owner's other programs; tomorrow it goes on.
    DailyLimit,
}

impl HistoryRest {
    pub const fn as_str(self) -> &'static str {
        match self {
            HistoryRest::Paused => "paused",
            HistoryRest::DailyLimit => "daily_limit",
        }
    }
}

/// `bytes_per_day`: what the provider gives. A fifth of it is left for phones and other programs, and for new mail,
/// which is always fetched.
pub fn history_rest(is_paused: bool, bytes_per_day: Option<u64>, fetched_today: u64) -> Option<HistoryRest> {
    if is_paused {
        return Some(HistoryRest::Paused);
    }
    let is_spent = bytes_per_day.is_some_and(|limit| fetched_today >= limit / 5 * 4);
    is_spent.then_some(HistoryRest::DailyLimit)
}

/// Whether old mail may have a connection of its own. `connections`: what the provider takes of one account at once.
/// Our two are at most a quarter of them: a phone and a mail program hold five each.
pub fn may_have_own_connection(connections: Option<u32>) -> bool {
    connections.is_none_or(|connections| connections / 4 >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_connections_are_left_to_the_owner() {
        for (connections, may_have) in [
            (None, true),
            (Some(15), true),
            (Some(8), true),
            (Some(7), false),
            (Some(1), false),
        ] {
            assert_eq!(may_have_own_connection(connections), may_have, "{connections:?}");
        }
    }

    #[test]
    fn history_rests_when_its_owner_or_the_provider_says_so() {
        for (is_paused, limit, fetched, rest) in [
            (false, None, u64::MAX, None),
            (true, None, 0, Some(HistoryRest::Paused)),
            (false, Some(1_000), 799, None),
            (false, Some(1_000), 800, Some(HistoryRest::DailyLimit)),
            (true, Some(1_000), 900, Some(HistoryRest::Paused)),
        ] {
            assert_eq!(
                history_rest(is_paused, limit, fetched),
                rest,
                "{is_paused} {limit:?} {fetched}"
            );
        }
    }
}
