//! What stands below what is written: signatures, "Sent from my iPhone", footers of lists, notices about confidence.

use super::attribution::is_name;
use super::dividers::DRAWN_RULE;
use super::dividers::Divider;
use super::dividers::divider;
use super::lexicon::LEXICON;
use super::page::Mark;
use super::page::Page;
use crate::languages::LANGUAGES;
use crate::languages::ways;

/// A longer one is none.
const SIGNATURE_LINES: usize = 40;
/// Without the space after the dashes.
const SHORT_LINES: usize = 16;
/// Below another rule.
const FOOTER_LINES: usize = 10;
/// In which it must say what it is.
const FOOTER_BEGIN: usize = 3;

/// Where the signature ends that begins here.
pub fn signature(page: &Page<'_>, at: usize) -> Option<usize> {
    if page.lines[at].mark == Mark::Signature {
        return Some(at + 1);
    }
    let text = page.lines[at].text;
    if text.trim_end_matches(['\r', '\n']) == "-- " {
        return tail(page, at + 1, SIGNATURE_LINES);
    }
    if text.trim() == "--" {
        return tail(page, at + 1, SHORT_LINES);
    }
    if is_sent_from(text) {
        return Some(at + 1);
    }
    if divider(text) == Some(Divider::Rule) {
        return ruled(page, at);
    }
    notice(page, at)
}

/// Below a rule stands a signature, a line of a device, or nothing at all. HTML has rules of its own, which only divide.
fn ruled(page: &Page<'_>, at: usize) -> Option<usize> {
    let is_drawn = page.lines[at].text == DRAWN_RULE;
    match page.filled_from(at + 1) {
        None => (!is_drawn).then_some(page.lines.len()),
        Some(next) if is_sent_from(page.lines[next].text) => Some(next),
        Some(_) if is_drawn => None,
        Some(_) => tail(page, at + 1, FOOTER_LINES).filter(|end| is_footer(page, at + 1, *end)),
    }
}

/// To the quote or the end, if that is near.
fn tail(page: &Page<'_>, from: usize, most: usize) -> Option<usize> {
    let mut filled = 0;
    let mut at = from;
    while let Some(next) = page.filled_from(at) {
        if page.quote(next).is_some() {
            return Some(next);
        }
        filled += 1;
        if filled > most {
            return None;
        }
        at = next + 1;
    }
    Some(page.lines.len())
}

/// No such line has more words, or more bytes.
const SENT_FROM_WORDS: usize = 14;
const SENT_FROM_BYTES: usize = 200;

/// "Sent from my iPhone", "Get Outlook for iOS", and what scanners of viruses add.
pub fn is_sent_from(line: &str) -> bool {
    if line.len() > SENT_FROM_BYTES {
        return false;
    }
    let mut lower = line.to_lowercase();
    if lower.contains(['*', '_', '\u{a0}']) {
        lower = lower.replace(['*', '_', '\u{a0}'], " ");
    }
    // What is asked below of all words, asked cheaply; a link may part them.
    let could_be = lower.contains("http")
        || lower.contains("outlook")
        || LEXICON.devices.is_in(&lower)
        || LEXICON.scanned.is_in(&lower);
    if !could_be {
        return false;
    }
    let words = without_addresses(&lower);
    let words = words.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '-' | '—' | '–' | '.' | '!' | '|' | '。' | '>')
    });
    if words.is_empty() || words.split_whitespace().count() > SENT_FROM_WORDS || words.contains(['?', '？'])
    {
        return false;
    }
    let is_program = words.contains("outlook") && (words.contains("ios") || words.contains("android"));
    let is_of_device = || LEXICON.devices.is_in(words) && is_sent(words);
    let is_scanned = || LEXICON.scanned.is_in(words);
    (is_program && words.split_whitespace().count() <= 9) || is_of_device() || is_scanned()
}

/// Links behind the words: `<https://aka.ms/o0ukef>`, `(https://...)`.
fn without_addresses(lower: &str) -> String {
    let kept = lower.split_whitespace().filter_map(|word| {
        let at = word
            .find("http")
            .map(|at| word[..at].trim_end_matches(['<', '(', '[']));
        at.map_or(Some(word), |before| (!before.is_empty()).then_some(before))
    });
    kept.collect::<Vec<_>>().join(" ")
}

fn is_sent(words: &str) -> bool {
    let mut all = LANGUAGES.iter().flat_map(|language| ways(language.sent_from));
    all.any(|way| match way.split_once('~') {
        Some((before, after)) => words.starts_with(before) && words.ends_with(after),
        None => words.starts_with(way) || words.ends_with(way),
    })
}

fn is_footer(page: &Page<'_>, from: usize, end: usize) -> bool {
    let lines = &page.lines[from..end];
    let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
    if bytes > MOST_NOTICE_BYTES {
        return false;
    }
    let filled = || lines.iter().filter(|line| !line.is_blank());
    let lower = |most: usize| {
        let texts: Vec<&str> = filled().take(most).map(|line| line.text).collect();
        texts.join(" ").to_lowercase()
    };
    let begin = lower(FOOTER_BEGIN);
    if LEXICON.footers.is_in(&begin) || LEXICON.notices(&begin) >= 2 {
        return true;
    }
    // A card: a name, and how to reach whom it names.
    let mut filled = filled();
    let is_named = filled
        .next()
        .is_some_and(|line| is_name(line.text) && line.text.split_whitespace().count() <= 4);
    is_named && filled.all(|line| line.text.chars().count() <= 80) && is_reached(&lower(FOOTER_LINES))
}

fn is_reached(lower: &str) -> bool {
    let digits = lower.chars().filter(char::is_ascii_digit).count();
    digits >= 7 || lower.contains("www.") || lower.contains("http") || lower.contains('@')
}

/// A paragraph that says twice that it is one, with nothing of the author below.
const NOTICE_BYTES: usize = 120;
const MOST_NOTICE_BYTES: usize = 8_000;
const NOTICE_LINES: usize = 30;

fn notice(page: &Page<'_>, at: usize) -> Option<usize> {
    if at > 0 && !page.lines[at - 1].is_blank() && page.lines[at - 1].text.len() > 3 {
        return None;
    }
    let lines = page.lines[at..].iter().take(NOTICE_LINES);
    let paragraph: Vec<&str> = lines
        .take_while(|line| !line.is_blank())
        .map(|line| line.text)
        .collect();
    let end = at + paragraph.len();
    let bytes: usize = paragraph.iter().map(|line| line.len()).sum();
    if !(NOTICE_BYTES..MOST_NOTICE_BYTES).contains(&bytes) {
        return None;
    }
    let text = paragraph.join(" ").to_lowercase();
    if LEXICON.notices(&text) < 2 {
        return None;
    }
    match page.filled_from(end) {
        None => Some(page.lines.len()),
        Some(next) if page.quote(next).is_some() => Some(next),
        Some(next) => notice_below(page, next).then_some(next),
    }
}

/// Several notices, or a line of a device, may follow one another.
fn notice_below(page: &Page<'_>, at: usize) -> bool {
    let below = page.lines[at..].iter().take(NOTICE_LINES);
    let rest: Vec<&str> = below.map(|line| line.text).collect();
    let is_end = at + rest.len() >= page.lines.len();
    let lower = rest.join(" ").to_lowercase();
    is_sent_from(page.lines[at].text) || (is_end && LEXICON.notices(&lower) >= 2)
}
