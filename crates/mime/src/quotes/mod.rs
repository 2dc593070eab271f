//! What of a message is quoted: found by the ways of mail programs in their languages, folded, never dropped.

mod attribution;
mod dividers;
mod html;
mod labels;
mod lexicon;
mod marks;
mod page;
mod signature;

pub use html::FOLDED;
pub use html::fold_html;
pub use html::name_mark;
pub use marks::text_with_marks;
use page::Line;
use page::Mark;
pub use page::Nature;

/// A run of lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBlock {
    pub kind: TextKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Own,
    Quote,
    Signature,
}

impl TextKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            TextKind::Own => "own",
            TextKind::Quote => "quote",
            TextKind::Signature => "signature",
        }
    }
}

/// Plain text in blocks; put together they are the text again.
pub fn split_text(text: &str) -> Vec<TextBlock> {
    split(text, Nature::Letter)
}

pub fn split(text: &str, nature: Nature) -> Vec<TextBlock> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let whole: Vec<&str> = text.split_inclusive('\n').collect();
    let lines: Vec<Line<'_>> = whole.iter().map(|line| text_line(line)).collect();
    let kinds = page::kinds(&lines, nature, &|_, _| lines.len());
    let mut blocks: Vec<TextBlock> = Vec::new();
    for (line, kind) in whole.into_iter().zip(kinds) {
        match blocks.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(line),
            // Blank lines around a quote are nobody's; those after one go with it.
            Some(last) if kind == TextKind::Own && line.trim().is_empty() => last.text.push_str(line),
            _ => blocks.push(TextBlock {
                kind,
                text: line.to_owned(),
            }),
        }
    }
    let is_shown = |block: &TextBlock| block.kind == TextKind::Own && !block.text.trim().is_empty();
    if blocks.iter().any(is_shown) {
        return blocks;
    }
    // A message in which all is quoted is shown whole.
    vec![TextBlock {
        kind: TextKind::Own,
        text: text.to_owned(),
    }]
}

/// The first of the author's own words, with at least so many letters if there are as many; the rest is not looked at.
pub fn own_beginning(text: &str, letters: usize) -> String {
    let whole: Vec<&str> = text.split_inclusive('\n').collect();
    let lines: Vec<Line<'_>> = whole.iter().map(|line| text_line(line)).collect();
    let scope = |_, _| lines.len();
    let (mut own, mut found) = (String::new(), 0);
    for (_, run) in page::runs(&lines, Nature::Letter, &scope).filter(|(kind, _)| *kind == TextKind::Own) {
        for line in &whole[run] {
            own.push_str(line);
            found += line.chars().filter(|c| c.is_alphanumeric()).count();
        }
        if found >= letters {
            break;
        }
    }
    // A message in which all is quoted is shown whole.
    match own.trim().is_empty() {
        true => text.to_owned(),
        false => own,
    }
}

fn text_line(line: &str) -> Line<'_> {
    let is_quoted = line.trim_start().starts_with(['>', '＞']);
    Line {
        text: line.trim_end_matches(['\r', '\n']),
        mark: if is_quoted { Mark::Quoted } else { Mark::None },
    }
}
