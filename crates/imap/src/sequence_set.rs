//! Sets of UIDs as they stand in commands and answers.

use std::fmt;
use std::fmt::Write as _;

/// Ascending, without doubles, as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceSet {
    ranges: Vec<(u32, u32)>,
}

impl SequenceSet {
    pub fn from_uids(uids: impl IntoIterator<Item = u32>) -> Self {
        let mut uids: Vec<u32> = uids.into_iter().collect();
        uids.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for uid in uids {
            match ranges.last_mut() {
                Some((_, last)) if uid <= last.saturating_add(1) => *last = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        SequenceSet { ranges }
    }

    /// As they are given.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        SequenceSet {
            ranges: ranges.into_iter().collect(),
        }
    }

    /// `41,43:116`; words that are no numbers are left out.
    pub fn parse(text: &[u8]) -> Self {
        let number = |part: &str| match part.trim() {
            // An open end: the highest there can be.
            "*" => Some(u32::MAX),
            digits => digits.parse::<u32>().ok(),
        };
        let text = String::from_utf8_lossy(text);
        let ranges = text.split(',').filter_map(|part| match part.split_once(':') {
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                Some((first.min(last), first.max(last)))
            }
            None => number(part).map(|uid| (uid, uid)),
        });
        SequenceSet {
            ranges: ranges.collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    pub fn contains(&self, uid: u32) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&uid))
    }

    /// As texts of at most `max_bytes` each: servers refuse long lines (RFC 7162 §4, 8,192 bytes; 1,000
    /// by RFC 2683 §3.2.1.5).
    pub fn to_commands(&self, max_bytes: usize) -> Vec<String> {
        let mut commands = Vec::new();
        let mut current = String::new();
        for (first, last) in &self.ranges {
            let mut part = first.to_string();
            if last > first {
                let _ = write!(part, ":{last}");
            }
            if !current.is_empty() && current.len() + 1 + part.len() > max_bytes {
                commands.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(',');
            }
            current.push_str(&part);
        }
        if !current.is_empty() {
            commands.push(current);
        }
        commands
    }
}

/// In one text, however long.
impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_commands(usize::MAX).concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_become_ranges_within_the_length_of_a_line() {
        let set = SequenceSet::from_uids([5, 1, 2, 3, 9, 2]);
        assert_eq!(set.to_commands(1000), ["1:3,5,9"]);
        assert_eq!(set.to_commands(4), ["1:3", "5,9"]);
        assert!(SequenceSet::from_uids([]).to_commands(10).is_empty());
    }

    #[test]
    fn ranges_of_a_server_are_read_as_they_come() {
        let set = SequenceSet::parse(b"41,116:43, x,7");
        assert_eq!(set.ranges(), [(41, 41), (43, 116), (7, 7)]);
        assert!(set.contains(100) && !set.contains(42));
    }
}
