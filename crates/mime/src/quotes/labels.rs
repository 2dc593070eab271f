//! The block that Outlook and its like put above what they quote: "From: ...", "Sent: ...", "To: ...", "Subject: ...".

use super::lexicon::LEXICON;
use super::lexicon::Label;
use super::page::Page;

/// No label is longer, in any language.
const LABEL_BYTES: usize = 60;
/// A block with many recipients has so many lines.
const BLOCK_LINES: usize = 24;
/// Of one label, beside its first.
const VALUE_LINES: usize = 6;

/// What stands above a block: the more it says, the less is asked of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    Nothing,
    Rule,
    /// "-----Original Message-----"
    Words,
}

/// Where the block ends that begins here.
pub fn labels(page: &Page<'_>, at: usize, above: Above) -> Option<usize> {
    // Fields of a header, named in a report: theirs begin with others.
    if above == Above::Nothing && at > 0 && is_field(page.lines[at - 1].text) {
        return None;
    }
    let name = name(page.lines[at].text)?;
    let begins = LEXICON
        .labels(&name)
        .iter()
        .filter(|(_, label)| *label != Label::Copy);
    begins
        .into_iter()
        .find_map(|(language, _)| block(page, at, *language, above))
}

/// "Message-ID: <a@b>", or one that a block would have begun with.
fn is_field(line: &str) -> bool {
    let is_other = |name: &str| name.contains('-') && !name.contains(' ');
    name(line).is_some_and(|name| is_other(&name) || !LEXICON.labels(&name).is_empty())
}

/// What stands before a colon, if it may be a label.
fn name(line: &str) -> Option<String> {
    let line = line.trim_start_matches(is_around);
    let end = line.char_indices().find(|(_, c)| matches!(c, ':' | '：'))?.0;
    let name = line[..end].trim_end_matches(is_around);
    (!name.is_empty() && name.len() <= LABEL_BYTES).then(|| name.to_lowercase())
}

fn is_around(c: char) -> bool {
    matches!(
        c,
        '*' | '_' | '|' | ' ' | '\t' | '\u{a0}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
    )
}

#[derive(Default)]
struct Seen {
    known: Vec<Label>,
    has_others: bool,
}

fn block(page: &Page<'_>, at: usize, language: usize, above: Above) -> Option<usize> {
    let label = |at: usize| name(page.lines[at].text).map(|name| LEXICON.label(language, &name));
    let mut seen = Seen::default();
    let (mut end, mut next) = (at, at);
    while next < page.lines.len().min(at + BLOCK_LINES) {
        if page.lines[next].is_blank() {
            // Some put an empty line below each label.
            let follows = page.filled_from(next).filter(|follows| *follows <= next + 2);
            match follows.map(|at| (at, label(at))) {
                Some((at, Some(Some(label)))) if !seen.known.contains(&label) => next = at,
                _ => break,
            }
        }
        match label(next) {
            Some(Some(label)) => {
                seen.known.push(label);
                end = next + 1;
            }
            _ if next - end >= VALUE_LINES => break,
            found => seen.has_others |= found.is_some(),
        }
        next += 1;
    }
    // What stands close below the last label is its value, broken over lines.
    let is_value = next - end <= 2 && page.lines.get(next).is_some_and(|line| line.is_blank());
    match seen.is_header(above) {
        true => Some(if is_value { next } else { end }),
        // "To: ..." and "Subject: ..." right above who wrote it when (Yandex).
        false if seen.is_addressed_only() => page.attributed(end),
        false => None,
    }
}

impl Seen {
    fn is_addressed_only(&self) -> bool {
        let has = |label| self.known.contains(&label);
        has(Label::To) && has(Label::Subject) && !has(Label::From)
    }

    /// A form that somebody filled in names its sender, too, and no recipient.
    fn is_header(&self, above: Above) -> bool {
        let has = |label| self.known.contains(&label);
        let has_more = has(Label::Sent) || has(Label::Subject);
        let is_addressed = has(Label::To) || has(Label::Copy);
        let is_whole = has(Label::Sent) && has(Label::Subject) && !self.has_others;
        let is_enough = is_addressed || above == Above::Rule || is_whole;
        above == Above::Words || (has(Label::From) && has_more && is_enough)
    }
}
