//! Text that came from outside.

use serde::Deserialize;
use serde::Serialize;

/// Text from foreign bytes, fit for a column, a log-free error and a page: no control characters (NUL,
/// CR, LF, escape), no bidirectional overrides, one line, bounded.
///
/// The only way from foreign text to a text column.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CleanText(String);

impl CleanText {
    /// At most this many characters are kept.
    pub const MAX_CHARS: usize = 2_000;

    pub fn new(raw: &str) -> Self {
        Self::cut(raw, Self::MAX_CHARS)
    }

    /// Cleans and keeps at most `max_chars` characters. Runs of white space become one space.
    pub fn cut(raw: &str, max_chars: usize) -> Self {
        let mut clean = String::with_capacity(raw.len().min(max_chars * 4));
        let mut kept = 0;
        let mut space_due = false;
        for character in raw.chars() {
            if kept >= max_chars {
                break;
            }
            if character.is_whitespace() || character.is_control() {
                space_due = kept > 0;
                continue;
            }
            if is_invisible(character) {
                continue;
            }
            if space_due {
                clean.push(' ');
                kept += 1;
                space_due = false;
            }
            clean.push(character);
            kept += 1;
        }
        CleanText(clean)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The text of an error as a sentence of its own: a capital first letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// Bidirectional overrides and isolates, zero-width characters and soft hyphens: they make text look
/// like what it is not.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_one_plain_line() {
        for (raw, clean) in [
            ("  two \r\n words ", "two words"),
            ("a\0b", "a b"),
            ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
            ("\u{1b}[31mred", "[31mred"),
            ("Доброго  дня", "Доброго дня"),
            ("", ""),
        ] {
            assert_eq!(CleanText::new(raw).as_str(), clean);
        }
        assert_eq!(CleanText::cut("abcdef", 3).as_str(), "abc");
    }
}
