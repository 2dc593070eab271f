//! Pages of a list that goes by time, newest first. The last key is an id: of what is of one moment, nothing is lost
//! between two pages.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use uuid::Uuid;

use crate::Timestamp;

/// Strictly older than this moment, or of this moment with a smaller id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    pub at: Timestamp,
    pub id: Uuid,
}

impl Before {
    pub const NEWEST: Before = Before {
        at: Timestamp::MAX,
        id: Uuid::max(),
    };
}

/// What a client gives back to have the next page.
impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.millis(), self.id.simple())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no place in a list")]
pub struct NoPlace;

impl FromStr for Before {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (at, id) = text.split_once('.').ok_or(NoPlace)?;
        Ok(Before {
            at: at.parse().map(Timestamp::from_millis).map_err(|_| NoPlace)?,
            id: id.parse().map_err(|_| NoPlace)?,
        })
    }
}

/// A part of a list, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// `None`: this is the end. Else there may be more, even where `rows` is empty.
    pub older: Option<Before>,
}

impl<T> Page<T> {
    /// The first `limit` of rows of which one more was asked for.
    pub fn of(mut keyed: Vec<(Before, T)>, limit: u32) -> Self {
        let has_more = keyed.len() > limit as usize;
        keyed.truncate(limit as usize);
        let last = keyed.last().map(|(key, _)| *key);
        Page {
            older: last.filter(|_| has_more),
            rows: keyed.into_iter().map(|(_, row)| row).collect(),
        }
    }

    pub fn map<U>(self, with: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(with).collect(),
            older: self.older,
        }
    }
}

impl<T> Deref for Page<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_it_was_written_as() {
        let place = Before {
            at: Timestamp::from_millis(-7),
            id: Uuid::from_u128(9),
        };
        for place in [Before::NEWEST, place] {
            assert_eq!(place.to_string().parse::<Before>().expect("a place"), place);
        }
        for text in ["", "7", "7.", ".x", "7.x", "x.00000000000000000000000000000009"] {
            assert!(text.parse::<Before>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_page_with_one_more_behind_it_says_that_there_is_more() {
        let rows = |count: u128| {
            (0..count).rev().map(|id| {
                (
                    Before {
                        at: Timestamp::EPOCH,
                        id: Uuid::from_u128(id),
                    },
                    id,
                )
            })
        };
        for (count, shown, older) in [(0, 0, None), (2, 2, None), (3, 2, Some(1))] {
            let page = Page::of(rows(count).collect(), 2);
            let last = page.older.map(|older| older.id.as_u128());
            assert_eq!((page.len(), last), (shown, older));
        }
    }
}
