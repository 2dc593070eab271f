//! Words as the index keeps them, and queries in the same words.
//!
//! Folding is ours, not the database's, so that SQLite and PostgreSQL find the same messages: lower case,
//! marks taken off, and every Chinese, Japanese, Korean or Thai character a word of its own (these scripts
//! write no spaces), so that a run of them is found as a phrase inside longer text.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Characters of text per message that are indexed; what follows is not found.
pub const MAX_INDEXED_CHARS: usize = 50_000;
const MAX_WORD_CHARS: usize = 64;
const MAX_QUERY_TERMS: usize = 16;

/// Appends the folded words of `text` to `out`, a space between each.
pub fn fold_into(out: &mut String, text: &str) {
    // Nothing is composed over a character that parts words, so each word is folded alone, and a plain one fast.
    for word in text.split(|character: char| character.is_ascii() && !character.is_ascii_alphanumeric()) {
        if !word.is_ascii() {
            fold_unicode(out, word);
        } else if !word.is_empty() && word.len() <= MAX_WORD_CHARS {
            push_space(out);
            let start = out.len();
            out.push_str(word);
            out[start..].make_ascii_lowercase();
        }
    }
}

fn fold_unicode(out: &mut String, text: &str) {
    let mut word = Word { out, chars: 0 };
    // Character by character: marks are all that normalisation would put into another order, and they are taken off.
    for character in text.chars() {
        match ALPHABETS.get(character as usize) {
            Some(Folded::To(folded)) => word.push(*folded, false),
            Some(Folded::Nothing) => {}
            Some(Folded::End) => word.chars = 0,
            Some(Folded::Else) | None => fold_char(character).for_each(|folded| match folded {
                _ if !folded.is_alphanumeric() => word.chars = 0,
                _ => word.push(folded, is_unspaced_script(folded)),
            }),
        }
    }
}

struct Word<'a> {
    out: &'a mut String,
    chars: usize,
}

impl Word<'_> {
    fn push(&mut self, character: char, stands_alone: bool) {
        if self.chars == 0 || stands_alone {
            push_space(self.out);
        }
        if self.chars < MAX_WORD_CHARS {
            self.out.push(character);
        }
        self.chars = if stands_alone { 0 } else { self.chars + 1 };
    }
}

fn fold_char(character: char) -> impl Iterator<Item = char> {
    let apart = std::iter::once(character).nfkd();
    apart
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
}

/// What becomes of a character.
#[derive(Clone, Copy)]
enum Folded {
    To(char),
    Nothing,
    /// Of the word.
    End,
    Else,
}

/// Latin, Greek, Cyrillic and what stands before them: most of all text, looked up once.
static ALPHABETS: LazyLock<[Folded; 0x530]> = LazyLock::new(|| {
    std::array::from_fn(|number| {
        let character = u32::try_from(number).ok().and_then(char::from_u32);
        let mut folded = character.into_iter().flat_map(fold_char);
        match (folded.next(), folded.next()) {
            (None, _) => Folded::Nothing,
            (Some(only), None) if only.is_alphanumeric() => Folded::To(only),
            (Some(_), None) => Folded::End,
            (Some(_), Some(_)) => Folded::Else,
        }
    })
});

fn push_space(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

fn is_unspaced_script(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF      // Thai, Lao
        | 0x1100..=0x11FF    // Hangul jamo (NFKD takes syllables apart)
        | 0x3040..=0x30FF    // Hiragana, Katakana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0xAC00..=0xD7AF
        | 0x20000..=0x3FFFF)
}

/// One thing to look for: words that must follow one another; the last may be a beginning only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchTerm {
    pub words: Vec<String>,
    pub prefix: bool,
}

/// All terms must be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    pub terms: Vec<SearchTerm>,
}

impl SearchQuery {
    /// Words as typed; `"..."` is a phrase. The last bare word matches as a beginning.
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        for (index, piece) in text.split('"').enumerate() {
            let quoted = index % 2 == 1;
            if quoted {
                terms.extend(term(piece, false));
            } else {
                terms.extend(piece.split_whitespace().filter_map(|word| term(word, false)));
            }
        }
        if let Some(last) = terms.last_mut() {
            last.prefix = !text.ends_with(['"', ' ']);
        }
        terms.truncate(MAX_QUERY_TERMS);
        SearchQuery { terms }
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

fn term(text: &str, prefix: bool) -> Option<SearchTerm> {
    let mut folded = String::new();
    fold_into(&mut folded, text);
    let words: Vec<String> = folded
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    (!words.is_empty()).then_some(SearchTerm { words, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        fold_into(&mut out, text);
        out
    }

    #[test]
    fn text_folds_to_the_words_people_type() {
        for (text, words) in [
            ("Invoice #42, paid!", "invoice 42 paid"),
            ("Gebühr Überweisung", "gebuhr uberweisung"),
            ("Доброго дня", "доброго дня"),
            ("请付款 now", "请 付 款 now"),
            ("ありがとう", "あ り か と う"),
        ] {
            assert_eq!(folded(text), words);
        }
    }

    /// As it would be if the whole text were taken apart at once.
    fn folded_at_once(text: &str) -> String {
        let whole: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
        let mut words = String::new();
        let mut chars = 0;
        for character in whole.chars().flat_map(char::to_lowercase) {
            let stands_alone = is_unspaced_script(character);
            if !character.is_alphanumeric() {
                chars = 0;
                continue;
            }
            if chars == 0 || stands_alone {
                push_space(&mut words);
            }
            words.push(character);
            chars = if stands_alone { 0 } else { chars + 1 };
        }
        words
    }

    #[test]
    fn every_character_folds_alone_as_in_its_text() {
        let all: Vec<char> = ('\u{80}'..='\u{3400}').chain('\u{F900}'..='\u{FFFD}').collect();
        for (number, some) in all.chunks(5).enumerate() {
            // Marks of several classes behind each, in an order that normalisation changes.
            let marks = ["", "\u{301}", "\u{301}\u{327}", "\u{316}\u{345}\u{308}"][number % 4];
            let text: String = some
                .iter()
                .flat_map(|c| std::iter::once(*c).chain(marks.chars()))
                .collect();
            assert_eq!(folded(&text), folded_at_once(&text), "{text}");
        }
    }

    #[test]
    fn a_query_is_made_of_the_same_words() {
        let query = SearchQuery::parse("\"Router keeps\" rest");
        assert_eq!(query.terms[0].words, ["router", "keeps"]);
        assert!(query.terms[1].prefix);
        assert!(SearchQuery::parse("  \"\" !").is_empty());
        assert_eq!(SearchQuery::parse("付款").terms[0].words, ["付", "款"]);
    }
}
