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

#[cfg(test)]
mod tests {
    use super::*;

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
