//! "On Mon, 5 Oct 2026 at 10:21, Kelly Sanders <kelly@out.example> wrote:" in all its orders and languages.
//!
//! One grammar: who, when, an address, "wrote" and a colon, broken over lines anywhere. Each client has its order; none
//! has a line of these that is anything else. Where only some are there, the quote below must be marked.

use std::borrow::Cow;

use super::lexicon::LEXICON;
use super::page::Line;
use super::page::Mark;
use crate::languages::LANGUAGES;
use crate::languages::ways;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribution {
    pub end: usize,
    /// What follows is quoted though nothing marks it.
    pub is_sure: bool,
}

/// It may be broken over so many lines.
const MOST_LINES: usize = 5;
const MOST_BYTES: usize = 500;

pub fn attribution(lines: &[Line<'_>], at: usize) -> Option<Attribution> {
    let mut joined = String::new();
    for (index, line) in lines.iter().enumerate().skip(at).take(MOST_LINES) {
        if line.is_blank() || line.mark != lines[at].mark || joined.len() + line.text.len() > MOST_BYTES {
            return None;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(line.text.trim());
        let end = index + 1;
        let header = || Words::of(&joined);
        let is_header = || header().and_then(|words| words.is_sure());
        let is_above_quote = || {
            index == at && is_quoted_below(lines, end) && header().is_some_and(|words| words.says_enough())
        };
        let found = may_end(line.text).then(is_header).flatten();
        if let Some(is_sure) = found.or_else(|| is_above_quote().then_some(false)) {
            return (!begins_later(lines, at, end)).then_some(Attribution { end, is_sure });
        }
        if line.text.trim_end().ends_with(['!', '?', ':', '：']) {
            return None;
        }
    }
    None
}

/// At once, or below one empty line.
fn is_quoted_below(lines: &[Line<'_>], end: usize) -> bool {
    let next = lines[end..].iter().take(2).find(|line| !line.is_blank());
    next.is_some_and(|line| matches!(line.mark, Mark::Quoted | Mark::Indented))
}

/// Words of the author above the header are none of it: it begins with the last line that may begin one. A line with
/// the day is followed by no other such line, unless that begins with "on". Who it was, ended with that word, goes on
/// with the day.
fn begins_later(lines: &[Line<'_>], at: usize, end: usize) -> bool {
    let first = Words::begin(lines[at].text);
    if first == Begin::Name && ends_with_on(lines[at].text) {
        return false;
    }
    (at + 1..end).any(|from| {
        let begins = match (first, Words::begin(lines[from].text)) {
            (Begin::On, later) => later == Begin::On,
            (Begin::Day, later) => later != Begin::Name,
            (Begin::Name, _) => true,
        };
        let texts = || lines[from..end].iter().map(|line| line.text.trim());
        let is_header = |text: &str| Words::of(text).is_some_and(|words| words.is_sure().is_some());
        begins && is_header(&texts().collect::<Vec<_>>().join(" "))
    })
}

fn may_end(line: &str) -> bool {
    let line = bare(line);
    line.ends_with([':', '：'])
        || line.ends_with("--")
        || ((line.contains('@') || line.len() < 40) && ends_with_wrote(&line.to_lowercase()))
}

/// The day and the time hold numbers: at least a day and a year, or three.
pub fn names_a_day(text: &str) -> bool {
    let mut numbers = 0;
    let mut has_year = false;
    for number in text
        .split(|c: char| !c.is_numeric())
        .filter(|part| !part.is_empty())
    {
        numbers += 1;
        has_year |= number.chars().count() == 4;
    }
    numbers >= 3 || (has_year && numbers >= 2)
}

/// A year of our time, or hours and minutes: what no number of a telephone has.
fn names_a_time(text: &str) -> bool {
    let mut numbers = text.split(|c: char| !c.is_numeric());
    let is_year = |number: &str| match number.parse() {
        Ok(1_980..=2_100 | 2_500..=2_600_u32) => true,
        Ok(_) => false,
        // In other digits than these.
        Err(_) => number.chars().count() == 4,
    };
    numbers.any(is_year) || text.as_bytes().windows(3).any(is_clock)
}

fn is_clock(bytes: &[u8]) -> bool {
    matches!(bytes, [hour, b':', minute] if hour.is_ascii_digit() && minute.is_ascii_digit())
}

/// How a line begins, if a header begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// "On Mon, 5 Oct 2026"
    On,
    /// "2026-10-05 10:21", "Mon, 5 Oct 2026"
    Day,
    /// It names no day.
    Name,
}

struct Words {
    begin: Begin,
    before_number: usize,
    has_wrote: bool,
    has_day: bool,
    has_address: bool,
    ends_with_address: bool,
    begins_with_name: bool,
    is_between_dashes: bool,
    ends_with_colon: bool,
    ends_with_wrote: bool,
    says_who_by_pronoun: bool,
}

impl Words {
    fn of(text: &str) -> Option<Words> {
        let is_between_dashes = text.starts_with("---") && text.ends_with("--");
        let text = bare(text);
        let words = text.trim_matches(['-', ' ']);
        let lower = words.to_lowercase();
        let wrote = LEXICON.wrote.find(&lower);
        Some(Words {
            begin: Words::begin(words),
            before_number: before_number(words),
            has_wrote: wrote.is_some(),
            has_day: names_a_day(words),
            has_address: has_address(words),
            ends_with_address: ends_with_address(words),
            begins_with_name: begins_with_name(words, &lower, wrote),
            is_between_dashes,
            ends_with_colon: words.ends_with([':', '：']),
            ends_with_wrote: ends_with_wrote(&lower),
            says_who_by_pronoun: wrote.is_some_and(|(start, end)| is_by_pronoun(&lower, start, end)),
        })
    }

    fn begin(line: &str) -> Begin {
        let line = bare(line);
        let line = line.trim_start_matches(['-', ' ']);
        if !names_a_day(line) || !names_a_time(line) || line.ends_with(['.', '!', '?']) {
            return Begin::Name;
        }
        let lower: String = line.chars().take(60).flat_map(char::to_lowercase).collect();
        match before_number(line) {
            _ if begins_with_on(&lower) => Begin::On,
            0..=2 => Begin::Day,
            _ => Begin::Name,
        }
    }

    /// `None`: it is no header.
    fn is_sure(&self) -> Option<bool> {
        let ends = self.ends_with_colon || self.is_between_dashes || self.ends_with_wrote;
        if !ends {
            return None;
        }
        let begins_with_day = self.begin != Begin::Name || self.before_number <= 2;
        let is_ordered =
            begins_with_day || self.begins_with_name || (self.has_address && self.before_number <= 4);
        let says_all = self.has_wrote && self.has_day && is_ordered && !self.says_who_by_pronoun;
        let says_no_verb =
            self.has_day && self.ends_with_address && self.ends_with_colon && self.before_number <= 5;
        let says_no_day = self.has_wrote && self.has_address && self.begins_with_name && self.ends_with_wrote;
        if says_all || says_no_verb || says_no_day || (self.is_between_dashes && self.has_wrote) {
            return Some(true);
        }
        let is_named = self.begins_with_name && self.has_day && self.has_address;
        let says_some = self.has_wrote
            && (self.has_day || self.has_address || self.begins_with_name || self.begin == Begin::On);
        (self.ends_with_colon && (is_named || says_some)).then_some(false)
    }

    /// On one line right above a quote, where some end it without a colon: "Am 02.11.26 um 09:30 schrieb Alice Adams" (web.de).
    fn says_enough(&self) -> bool {
        let names = self.has_wrote || self.ends_with_address;
        self.begin != Begin::Name && names && !self.says_who_by_pronoun
    }
}

/// How many words stand before the first number.
fn before_number(words: &str) -> usize {
    let first = words.find(char::is_numeric);
    first.map_or(usize::MAX, |at| words[..at].split_whitespace().count())
}

/// Without what programs put around it, and without marks of direction.
fn bare(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text.trim_matches(is_around));
    }
    let shown: String = text
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if c == '\u{a0}' { ' ' } else { c })
        .collect();
    Cow::Owned(shown.trim_matches(is_around).to_owned())
}

fn is_around(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '=' | '~' | '#' | '|' | '•')
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn ends_with_wrote(lower: &str) -> bool {
    let end = lower.trim_end_matches([':', '：', '-', ' ', ',']);
    // "(a)", "/a": she may have written it.
    let end = end
        .trim_end_matches("(a)")
        .trim_end_matches("/a")
        .trim_end_matches("(-a)");
    let end = end.trim_end_matches("/ה").trim_end_matches("(la)");
    LEXICON.wrote.at_end(end)
}

fn begins_with_on(lower: &str) -> bool {
    let mut all = LANGUAGES.iter().flat_map(|language| ways(language.on));
    all.any(|way| {
        let Some(rest) = lower.strip_prefix(way) else {
            return false;
        };
        let is_word = way.ends_with(char::is_alphabetic) && way.is_ascii();
        rest.starts_with(|c: char| !c.is_alphabetic()) || (!is_word && !rest.is_empty())
    })
}

/// "Alice Adams <alice@isp.example> 於"
fn ends_with_on(line: &str) -> bool {
    let line = bare(line).to_lowercase();
    let Some((before, last)) = line.rsplit_once(' ') else {
        return false;
    };
    ends_with_address(before)
        && LANGUAGES
            .iter()
            .any(|language| ways(language.on).any(|way| way == last))
}

fn has_address(words: &str) -> bool {
    words.split_whitespace().any(|word| {
        let word = word.trim_matches(is_around_address);
        word.split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    })
}

fn ends_with_address(words: &str) -> bool {
    let words = words.trim_end_matches([':', '：', ' ', '*', '_']);
    let last = words.rsplit([' ', '<', '[']).next().unwrap_or_default();
    has_address(last)
}

fn is_around_address(c: char) -> bool {
    matches!(
        c,
        '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ':' | ';' | '：' | '.'
    )
}

/// What stands before the address or "wrote" is a name, and no sentence.
fn begins_with_name(words: &str, lower: &str, wrote: Option<(usize, usize)>) -> bool {
    let verb = wrote
        .filter(|_| words.len() == lower.len())
        .map(|(start, _)| start);
    let end = words.find(['<', '[', '(']).into_iter().chain(verb).min();
    let Some(end) = end.filter(|end| words.is_char_boundary(*end)) else {
        return false;
    };
    let name = words[..end].trim();
    is_name(name) || (name.is_empty() && has_address(words)) || has_address(name) && !name.contains(' ')
}

/// Small words inside of names.
const PARTICLES: &[&str] = &[
    "von", "van", "de", "der", "den", "del", "della", "di", "da", "du", "la", "le", "el", "al", "bin", "ben",
    "zu", "ter", "ten", "dos", "das", "do", "via", "y", "e", "of", "the", "und", "and", "at", "at:", "op",
    "af", "na", "heeft", "hat", "je",
];
const NAME_WORDS: usize = 7;

pub fn is_name(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'', ' ', ',']);
    let words = text.split_whitespace();
    let is_word = |word: &str| {
        let first = word
            .trim_start_matches(['"', '\'', '(', '“', '„', '«', '‘'])
            .chars()
            .next();
        PARTICLES.contains(&word) || first.is_some_and(|c| c.is_alphabetic() && !c.is_lowercase())
    };
    let begins_well =
        text.starts_with(|c: char| c.is_alphabetic() && !c.is_lowercase() || matches!(c, '(' | '“' | '„'));
    begins_well && !text.contains(['!', '?', ':', ';']) && words.clone().count() <= NAME_WORDS && {
        let mut words = words;
        words.all(is_word)
    }
}

/// "he wrote:" is told of somebody, and no header.
const PRONOUNS: &[&str] = &[
    "he", "she", "they", "i", "we", "it", "who", "er", "sie", "ich", "wir", "il", "elle", "ils", "elles",
    "je", "nous", "él", "ella", "yo", "lui", "lei", "io", "hij", "zij", "ze", "ik", "wij", "han", "hun",
    "hon", "jeg", "jag", "on", "ona", "он", "она", "они", "я", "він", "вона", "я", "hän", "minä", "ele",
    "ela", "eu",
];

fn is_by_pronoun(lower: &str, start: usize, end: usize) -> bool {
    let before = lower[..start].split_whitespace().next_back().unwrap_or_default();
    let after = lower[end..].split_whitespace().next().unwrap_or_default();
    let is = |word: &str| PRONOUNS.contains(&word.trim_matches(|c: char| !c.is_alphabetic()));
    is(before) || is(after)
}
