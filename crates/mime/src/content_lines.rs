//! Lines of iCalendar (RFC 5545 §3.1) and vCard (RFC 6350 §3.2, and its older forms): name, parameters, value.

use crate::charset::Charsets;
use crate::transfer::quoted_printable;

/// More lines than these say nothing that is shown.
const MAX_LINES: usize = 20_000;

pub struct Line {
    /// Upper case, without a group (`item1.EMAIL`).
    pub name: String,
    /// Upper case names; of one without a name (vCard 2.1) the value is the name.
    parameters: Vec<(String, String)>,
    /// As written, out of its transfer encoding.
    pub value: String,
}

impl Line {
    fn of(text: &str) -> Option<Self> {
        let colon = outside_quotes(text, ':').next()?;
        let (head, value) = (&text[..colon], &text[colon + 1..]);
        let mut pieces = split_outside_quotes(head, ';');
        let name = pieces.next()?.trim();
        let name = name.rsplit('.').next()?.to_ascii_uppercase();
        let parameters = pieces.map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, piece));
            (
                name.trim().to_ascii_uppercase(),
                value.trim().trim_matches('"').to_owned(),
            )
        });
        let mut line = Line {
            name,
            parameters: parameters.collect(),
            value: value.to_owned(),
        };
        if line.is_quoted_printable() {
            line.value = line.unquoted();
        }
        Some(line)
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn is_quoted_printable(&self) -> bool {
        let is_it = |text: &str| text.eq_ignore_ascii_case("QUOTED-PRINTABLE");
        self.parameters
            .iter()
            .any(|(name, value)| is_it(name) || is_it(value))
    }

    fn unquoted(&self) -> String {
        let bytes = quoted_printable(self.value.as_bytes());
        let text = Charsets::default().decode(&bytes, self.parameter("CHARSET"));
        text.into_owned()
    }
}

/// A line goes on where the next one begins with a space, or where quoted-printable ends in `=`.
pub fn lines(text: &str) -> impl Iterator<Item = Line> {
    let mut whole: Vec<String> = Vec::new();
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        if whole.len() >= MAX_LINES {
            break;
        }
        match (line.strip_prefix([' ', '\t']), whole.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            (None, Some(last)) if goes_on(last) => {
                last.pop();
                last.push_str(line);
            }
            _ => whole.push(line.to_owned()),
        }
    }
    whole.into_iter().filter_map(|line| Line::of(&line))
}

/// Of quoted-printable; the mark stands in front of the colon.
fn goes_on(line: &str) -> bool {
    line.ends_with('=') && {
        let head = line.split(':').next().unwrap_or_default();
        head.to_ascii_uppercase().contains("QUOTED-PRINTABLE")
    }
}

/// `\n`, `\,`, `\;` and `\\` (RFC 5545 §3.3.11).
pub fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

/// Of a value of several: `;` that is not escaped parts them.
pub fn components(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut is_escaped = false;
    for c in value.chars() {
        match c {
            ';' if !is_escaped => pieces.push(String::new()),
            other => pieces
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|piece| piece.push(other)),
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    pieces.iter().map(|piece| unescaped(piece)).collect()
}

fn outside_quotes(text: &str, sign: char) -> impl Iterator<Item = usize> {
    let mut is_quoted = false;
    text.char_indices().filter_map(move |(at, c)| {
        is_quoted ^= c == '"';
        (c == sign && !is_quoted).then_some(at)
    })
}

fn split_outside_quotes(text: &str, sign: char) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = outside_quotes(text, sign).chain(std::iter::once(text.len()));
    ends.map(move |end| {
        let piece = &text[start..end];
        start = (end + 1).min(text.len());
        piece
    })
}
