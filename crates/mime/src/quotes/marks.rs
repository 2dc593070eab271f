//! Lines and quotes of HTML are kept in the text that is made from it, so that answers below them are told apart.

use super::dividers::is_forwarded;
use super::html::is_quoting_tag;

/// Private to this module: they go through the making of text like letters.
const LINE: char = '\u{f0000}';
const BEGIN: char = '\u{f0001}';
const END: char = '\u{f0002}';
/// A tag is looked for so far; a longer one is no mail program's.
const TAG_BYTES: usize = 2_000;

/// HTML as text by `to_text`, a line for each block, with `> ` before the lines of quotes.
pub fn text_with_marks(html: &str, to_text: impl Fn(&str) -> String) -> String {
    marked_lines(&to_text(&with_signs(html)))
}

fn with_signs(html: &str) -> String {
    let mut signed = String::with_capacity(html.len() + html.len() / 8);
    let mut copied = 0;
    let mut open: Vec<bool> = Vec::new();
    for at in memchr::memchr_iter(b'<', html.as_bytes()) {
        let rest = &html.as_bytes()[at + 1..];
        let is_closing = rest.first() == Some(&b'/');
        let name = &rest[usize::from(is_closing)..];
        let length = name
            .iter()
            .take(MOST_NAME_BYTES)
            .take_while(|byte| byte.is_ascii_alphanumeric());
        let name = &name[..length.count()];
        let sign = if !name.eq_ignore_ascii_case(b"blockquote") {
            LINES
                .iter()
                .any(|line| name.eq_ignore_ascii_case(line))
                .then_some(LINE)
        } else if is_closing {
            open.pop().map(|is_quote| if is_quote { END } else { LINE })
        } else {
            let is_quote = is_quote(html, at);
            open.push(is_quote);
            Some(if is_quote { BEGIN } else { LINE })
        };
        if let Some(sign) = sign {
            signed.push_str(&html[copied..at]);
            signed.push(sign);
            copied = at;
        }
    }
    signed.push_str(&html[copied..]);
    signed
}

const MOST_NAME_BYTES: usize = 12;
/// What begins and ends a line.
const LINES: &[&[u8]] = &[
    b"div", b"p", b"tr", b"table", b"section", b"article", b"center", b"pre", b"hr", b"h1", b"h2", b"h3",
    b"h4", b"h5", b"h6", b"ul", b"ol", b"li", b"dl", b"dt", b"dd", b"address", b"header", b"footer", b"body",
];

fn is_quote(html: &str, at: usize) -> bool {
    let window = &html.as_bytes()[at..html.len().min(at + TAG_BYTES)];
    let end = memchr::memchr(b'>', window).map(|end| at + end);
    end.is_some_and(|end| is_quoting_tag(&html[at..end].to_ascii_lowercase()))
}

fn marked_lines(text: &str) -> String {
    let mut lines = Lines::default();
    for piece in text.split_inclusive(['\n', LINE, BEGIN, END]) {
        let sign = piece
            .chars()
            .next_back()
            .filter(|c| ['\n', LINE, BEGIN, END].contains(c));
        lines
            .line
            .push_str(piece.trim_end_matches(['\n', LINE, BEGIN, END]));
        match sign {
            Some('\n') => lines.end(),
            Some(sign) => lines.turn(sign),
            None => {}
        }
    }
    lines.turn(LINE);
    lines.marked
}

#[derive(Default)]
struct Lines {
    marked: String,
    line: String,
    depth: usize,
    /// Of the outermost quote, once its first line is known.
    is_forward: Option<bool>,
}

impl Lines {
    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.depth > 0 && !line.trim().is_empty() {
            let is_forward = *self.is_forward.get_or_insert_with(|| is_forwarded(&line));
            self.marked.push_str(if is_forward { "" } else { "> " });
        }
        self.marked.push_str(line.trim_end());
        self.marked.push('\n');
    }

    /// A line that would be empty is none.
    fn turn(&mut self, sign: char) {
        if !self.line.trim().is_empty() {
            self.end();
        }
        self.line.clear();
        match sign {
            BEGIN => self.depth += 1,
            END => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth == 0 {
            self.is_forward = None;
        }
    }
}
