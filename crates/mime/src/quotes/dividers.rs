//! Lines between what is written and what is not: "-----Original Message-----", rules, ">>> Kelly 05.10.26 10:21 >>>".

use super::attribution::names_a_day;
use super::lexicon::LEXICON;
use super::lexicon::Wording;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divider {
    Original,
    /// The words stand alone: what follows decides.
    OriginalIfLabelled,
    Forwarded,
    ForwardedIfLabelled,
    /// "Reply above this line".
    Above,
    Rule,
}

/// What HTML draws, as a line of its own.
pub const DRAWN_RULE: &str = "──────────";
/// No divider is longer, in bytes.
const DIVIDER_BYTES: usize = 250;

pub fn divider(line: &str) -> Option<Divider> {
    let line = line.trim();
    if line.len() > DIVIDER_BYTES || line.is_empty() {
        return None;
    }
    let bare = line.trim_start_matches(is_decoration);
    let decorated = line.len() - bare.len();
    let bare = bare.trim_end_matches(is_decoration);
    if bare.is_empty() {
        return (decorated >= 2).then_some(Divider::Rule);
    }
    let words = bare.trim_end_matches([':', '：']).trim_end().to_lowercase();
    if line.starts_with("##") && line.ends_with("##") {
        return Some(Divider::Above);
    }
    let is_ruled = decorated >= 2 && line.starts_with(|c| is_decoration(c) && !matches!(c, '<' | '>' | '|'));
    if is_ruled && LEXICON.above.is_in(&words) {
        return Some(Divider::Above);
    }
    match LEXICON.wording(&words).or_else(|| passed_on(&words, is_ruled))? {
        Wording::Forwarded if is_ruled || bare.ends_with([':', '：']) => Some(Divider::Forwarded),
        Wording::Forwarded => Some(Divider::ForwardedIfLabelled),
        Wording::Original if is_ruled => Some(Divider::Original),
        Wording::Original => Some(Divider::OriginalIfLabelled),
    }
}

/// What stands below it was forwarded, if it stands first in what a program marks as a quote.
pub fn is_forwarded(line: &str) -> bool {
    matches!(
        divider(line),
        Some(Divider::Forwarded | Divider::ForwardedIfLabelled)
    )
}

/// Who passed it on may follow: "Forwarded by Kelly on 5 Oct".
fn passed_on(words: &str, is_ruled: bool) -> Option<Wording> {
    let mut spaces = words.match_indices(' ').filter(|_| is_ruled);
    spaces.find_map(|(at, _)| {
        LEXICON
            .wording(&words[..at])
            .filter(|found| *found == Wording::Forwarded)
    })
}

fn is_decoration(c: char) -> bool {
    matches!(
        c,
        '-' | '_' | '=' | '*' | '~' | '#' | '+' | '<' | '>' | '|' | '\u{2010}'
            ..='\u{2015}' | '─' | '－' | '•' | ' ' | '\u{a0}'
    )
}

/// GroupWise puts who and when between marks and nothing before the lines below.
pub fn is_group_wise(line: &str) -> bool {
    let line = line.trim();
    line.len() <= DIVIDER_BYTES && line.starts_with(">>>") && line.ends_with(">>>") && names_a_day(line)
}
