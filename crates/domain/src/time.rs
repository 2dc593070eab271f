//! Points in time. Stored as UTC milliseconds; shown in the zone of whoever looks.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::Serialize;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole days since 1970, UTC.
    pub const fn days(self) -> i64 {
        self.0.div_euclid(24 * 3600 * 1000)
    }

    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }

    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(millis))
    }

    /// From `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The first moment of `day` in `zone`.
    pub fn start_of_day(day: Date, zone: &TimeZone) -> Self {
        zone.to_ambiguous_zoned(day.at(0, 0, 0, 0))
            .compatible()
            .map_or(Timestamp::EPOCH, |moment| {
                Timestamp(moment.timestamp().as_millisecond())
            })
    }

    /// The first moment of the day after `day` in `zone`: an end date counts in full.
    pub fn end_of_day(day: Date, zone: &TimeZone) -> Self {
        day.tomorrow()
            .map_or(Timestamp(i64::MAX), |next| Self::start_of_day(next, zone))
    }

    /// For the Date field of a message (RFC 5322 §3.3), in UTC.
    pub fn to_rfc2822(self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// RFC 3339, UTC, for JSON.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_in_the_zone_of_its_owner() {
        let kyiv = TimeZone::get("Europe/Kyiv").expect("zone");
        let day = Date::constant(2026, 1, 31);
        assert_eq!(
            Timestamp::start_of_day(day, &kyiv).to_rfc3339(),
            "2026-01-30T22:00:00Z"
        );
        assert_eq!(
            Timestamp::end_of_day(day, &kyiv).to_rfc3339(),
            "2026-01-31T22:00:00Z"
        );
    }
}
