//! Lines of a message, and which of them are whose: one grammar for plain text and for HTML.
//!
//! Every question that is asked of a line looks at a bounded number of lines after it.

use std::ops::Range;

use super::TextKind;
use super::attribution;
use super::attribution::Attribution;
use super::dividers;
use super::dividers::Divider;
use super::labels::Above;
use super::labels::labels;
use super::signature::signature;

/// What is known of a line before its words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    /// `>`, or an element that holds a quote and nothing else.
    Quoted,
    /// An element that is a quote if words above it say so.
    Indented,
    /// A program says that this stands above its quote.
    Attribution,
    /// A program says that from here on it is what is answered.
    Rest,
    Signature,
}

#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub text: &'a str,
    pub mark: Mark,
}

impl Line<'_> {
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// What the whole message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    Letter,
    /// Its subject says so: blocks of labels stand above what is passed on.
    Forward,
}

/// Where that ends which begins with one line and whose header ends at another.
pub type Scope<'s> = &'s dyn Fn(usize, usize) -> usize;

pub struct Page<'a> {
    pub lines: &'a [Line<'a>],
    scope: Scope<'a>,
    nature: Nature,
    /// Of each line the first one at or below it that is not blank.
    filled: Vec<usize>,
}

/// Whose each line is.
pub fn kinds<'a>(lines: &'a [Line<'a>], nature: Nature, scope: Scope<'a>) -> Vec<TextKind> {
    let mut kinds = Vec::with_capacity(lines.len());
    for (kind, lines) in runs(lines, nature, scope) {
        kinds.resize(lines.end, kind);
    }
    kinds
}

/// What begins where the one before it ends, read as it is asked for.
pub fn runs<'a>(
    lines: &'a [Line<'a>],
    nature: Nature,
    scope: Scope<'a>,
) -> impl Iterator<Item = (TextKind, Range<usize>)> {
    let page = Page::new(lines, nature, scope);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        if start >= page.lines.len() {
            return None;
        }
        let (kind, end) = page.run(start);
        at = end.clamp(start + 1, page.lines.len());
        Some((kind, start..at))
    })
}

impl<'a> Page<'a> {
    fn new(lines: &'a [Line<'a>], nature: Nature, scope: Scope<'a>) -> Self {
        let mut filled = vec![lines.len(); lines.len() + 1];
        for at in (0..lines.len()).rev() {
            filled[at] = if lines[at].is_blank() { filled[at + 1] } else { at };
        }
        Page {
            lines,
            scope,
            nature,
            filled,
        }
    }

    /// The first line that is not blank, from this one on.
    pub fn filled_from(&self, at: usize) -> Option<usize> {
        let at = self.filled[at.min(self.lines.len())];
        (at < self.lines.len()).then_some(at)
    }

    /// What begins here, and where it ends.
    fn run(&self, at: usize) -> (TextKind, usize) {
        let line = &self.lines[at];
        if line.is_blank() {
            return (TextKind::Own, at + 1);
        }
        if let Some(end) = fenced(self.lines, at) {
            return (TextKind::Own, end);
        }
        if self.is_forward(at) {
            return (TextKind::Own, (self.scope)(at, at + 1));
        }
        if let Some(end) = self.quote(at) {
            return (TextKind::Quote, end);
        }
        match signature(self, at) {
            Some(end) => (TextKind::Signature, end),
            None => (TextKind::Own, at + 1),
        }
    }

    fn mark(&self, at: usize) -> Mark {
        self.lines[at].mark
    }

    /// What follows was forwarded: shown, for it is what is to be read.
    pub fn is_forward(&self, at: usize) -> bool {
        if self.mark(at) == Mark::Quoted {
            return false;
        }
        let is_headed = || self.mark(at) == Mark::Rest || self.header(at).is_some();
        match dividers::divider(self.lines[at].text) {
            _ if self.nature == Nature::Forward && is_headed() => true,
            Some(Divider::Forwarded) => true,
            Some(Divider::ForwardedIfLabelled) => self.labelled_below(at).is_some(),
            _ => false,
        }
    }

    /// Where the quote ends that begins here.
    pub fn quote(&self, at: usize) -> Option<usize> {
        match self.mark(at) {
            Mark::Quoted if !dividers::is_group_wise(self.lines[at].text) => return Some(at + 1),
            Mark::Quoted => return Some(self.rest(at, at + 1)),
            Mark::Rest => return Some(self.rest(at, self.run_of(at, Mark::Rest))),
            Mark::Attribution => return Some(self.below(at, self.run_of(at, Mark::Attribution), false)),
            _ => {}
        }
        if let Some(end) = self.header(at) {
            return Some(self.rest(at, end));
        }
        let Attribution { end, is_sure } = attribution::attribution(self.lines, at)?;
        let next = self.filled_from(end);
        let is_marked = next.is_some_and(|next| matches!(self.mark(next), Mark::Quoted | Mark::Indented));
        (is_sure || is_marked).then(|| self.below(at, end, is_sure))
    }

    /// A divider, or a block of labels.
    fn header(&self, at: usize) -> Option<usize> {
        match dividers::divider(self.lines[at].text) {
            Some(Divider::Original) => Some(self.headed_below(at).unwrap_or(at + 1)),
            Some(Divider::OriginalIfLabelled) => self.labelled_below(at),
            Some(Divider::Above) => Some(at + 1),
            Some(Divider::Rule) => self.ruled(at),
            _ => labels(self, at, Above::Nothing),
        }
    }

    /// A rule belongs to the header below it.
    fn ruled(&self, at: usize) -> Option<usize> {
        let next = self.filled_from(at + 1)?;
        let is_long = self.lines[at].text.trim().len() >= LONG_RULE;
        let labelled = labels(self, next, if is_long { Above::Rule } else { Above::Nothing });
        let worded = || match dividers::divider(self.lines[next].text)? {
            Divider::Original | Divider::OriginalIfLabelled => self.labelled_below(next),
            _ => None,
        };
        let marked = || match self.mark(next) {
            Mark::Rest => Some(self.run_of(next, Mark::Rest)),
            Mark::Quoted => Some(at + 1),
            _ => None,
        };
        labelled
            .or_else(worded)
            .or_else(marked)
            .or_else(|| self.attributed(next))
    }

    /// Where words end that say for sure who wrote what follows, if they begin here.
    pub fn attributed(&self, at: usize) -> Option<usize> {
        self.lines.get(at).filter(|line| !line.is_blank())?;
        let found = attribution::attribution(self.lines, at)?;
        found.is_sure.then_some(found.end)
    }

    fn labelled_below(&self, at: usize) -> Option<usize> {
        labels(self, self.filled_from(at + 1)?, Above::Words)
    }

    fn headed_below(&self, at: usize) -> Option<usize> {
        let labelled = self.labelled_below(at);
        labelled.or_else(|| self.attributed(self.filled_from(at + 1)?))
    }

    /// Below a header all is quoted, unless lines say of themselves that they are: then only those.
    fn rest(&self, at: usize, end: usize) -> usize {
        match self.filled_from(end) {
            Some(next) if self.mark(next) == Mark::Quoted => end,
            _ => (self.scope)(at, end),
        }
    }

    fn below(&self, at: usize, end: usize, is_sure: bool) -> usize {
        match self.filled_from(end) {
            Some(next) if self.mark(next) == Mark::Indented => self.run_of(next, Mark::Indented),
            Some(next) if self.mark(next) == Mark::Quoted => end,
            Some(_) if is_sure => (self.scope)(at, end),
            _ => end,
        }
    }

    fn run_of(&self, at: usize, mark: Mark) -> usize {
        let same = self.lines[at..].iter().take_while(|line| line.mark == mark);
        at + same.count()
    }
}

/// Code between fences is the author's, whatever is in it.
fn fenced(lines: &[Line<'_>], at: usize) -> Option<usize> {
    let is_fence = |line: &Line<'_>| line.mark == Mark::None && line.text.trim_start().starts_with(FENCE);
    let first = lines.get(at).filter(|line| is_fence(line))?;
    let below = lines.iter().skip(at + 1).take(FENCED_LINES);
    let is_end = |line: &Line<'_>| is_fence(line) && line.text.trim().trim_matches('`').is_empty();
    let end = below.clone().position(is_end)?;
    (!first.text.trim().trim_matches('`').contains('`')).then_some(at + end + 2)
}

const FENCE: &str = "```";
const FENCED_LINES: usize = 400;

/// Of characters; a shorter rule is a matter of taste.
const LONG_RULE: usize = 10;
