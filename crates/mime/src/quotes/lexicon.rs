//! The tables of languages, made ready to be asked about every line of every message.

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use aho_corasick::AhoCorasickKind;

use crate::languages::DEVICES;
use crate::languages::FOOTERS;
use crate::languages::LANGUAGES;
use crate::languages::Language;
use crate::languages::SCANNED;
use crate::languages::ways;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    From,
    Sent,
    To,
    Copy,
    Subject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    Original,
    Forwarded,
}

pub struct Lexicon {
    /// Of each name its meaning in each language, by number.
    labels: HashMap<&'static str, Vec<(usize, Label)>>,
    wordings: HashMap<&'static str, Wording>,
    pub wrote: Finder,
    pub above: Finder,
    pub devices: Finder,
    pub scanned: Finder,
    pub footers: Finder,
    notices: Finder,
    /// Of each notice its language.
    notice_languages: Vec<usize>,
}

pub static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::new);

impl Lexicon {
    fn new() -> Self {
        let notices = numbered(|language| language.notice);
        Lexicon {
            labels: labels(),
            wordings: wordings(),
            wrote: Finder::of(numbered(|language| language.wrote).map(|(_, way)| way)),
            above: Finder::of(numbered(|language| language.above).map(|(_, way)| way)),
            devices: Finder::of(DEVICES.iter().copied()),
            scanned: Finder::of(SCANNED.iter().copied()),
            footers: Finder::of(FOOTERS.iter().copied()),
            notice_languages: notices.clone().map(|(language, _)| language).collect(),
            notices: Finder::of(notices.map(|(_, way)| way)),
        }
    }

    pub fn labels(&self, name: &str) -> &[(usize, Label)] {
        self.labels.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn label(&self, language: usize, name: &str) -> Option<Label> {
        let of_language = |(number, _): &&(usize, Label)| *number == language;
        self.labels(name)
            .iter()
            .find(of_language)
            .map(|(_, label)| *label)
    }

    pub fn wording(&self, words: &str) -> Option<Wording> {
        self.wordings.get(words).copied()
    }

    /// How many different ones of one language.
    pub fn notices(&self, lower: &str) -> usize {
        let mut found: Vec<(usize, usize)> = (self.notices.automaton.find_overlapping_iter(lower))
            .map(|found| found.pattern().as_usize())
            .map(|pattern| (self.notice_languages[pattern], pattern))
            .collect();
        found.sort_unstable();
        found.dedup();
        let languages = found.chunk_by(|one, other| one.0 == other.0);
        languages.map(<[_]>::len).max().unwrap_or(0)
    }
}

/// One list of a language.
type Field = fn(&Language) -> &'static str;

fn numbered(of: Field) -> impl Iterator<Item = (usize, &'static str)> + Clone {
    let languages = LANGUAGES.iter().enumerate();
    languages.flat_map(move |(number, language)| ways(of(language)).map(move |way| (number, way)))
}

fn labels() -> HashMap<&'static str, Vec<(usize, Label)>> {
    let mut labels: HashMap<_, Vec<_>> = HashMap::new();
    let fields: [(Label, Field); 5] = [
        (Label::From, |language| language.from),
        (Label::Sent, |language| language.sent),
        (Label::To, |language| language.to),
        (Label::Subject, |language| language.subject),
        (Label::Copy, |language| language.copy),
    ];
    for (label, of) in fields {
        for (language, way) in numbered(of) {
            labels.entry(way).or_default().push((language, label));
        }
    }
    labels
}

fn wordings() -> HashMap<&'static str, Wording> {
    let original = numbered(|language| language.original).map(|(_, way)| (way, Wording::Original));
    let forwarded = numbered(|language| language.forwarded).map(|(_, way)| (way, Wording::Forwarded));
    original.chain(forwarded).collect()
}

/// Looks for many words at once.
pub struct Finder {
    automaton: AhoCorasick,
    /// Of the longest word, in bytes.
    longest: usize,
}

impl Finder {
    fn of(words: impl Iterator<Item = &'static str>) -> Self {
        let words: Vec<_> = words.collect();
        // Asked about every line: the fastest kind, which takes more memory.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words);
        Finder {
            automaton: automaton.expect("the tables are small"),
            longest: words.iter().map(|word| word.len()).max().unwrap_or(0),
        }
    }

    pub fn is_in(&self, lower: &str) -> bool {
        self.automaton.is_match(lower)
    }

    /// Where the first one begins and ends.
    pub fn find(&self, lower: &str) -> Option<(usize, usize)> {
        self.automaton
            .find(lower)
            .map(|found| (found.start(), found.end()))
    }

    pub fn at_end(&self, lower: &str) -> bool {
        let mut start = lower.len().saturating_sub(self.longest);
        while !lower.is_char_boundary(start) {
            start -= 1;
        }
        let end = &lower[start..];
        self.automaton
            .find_overlapping_iter(end)
            .any(|found| found.end() == end.len())
    }
}
