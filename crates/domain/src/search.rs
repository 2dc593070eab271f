//! Words as the index keeps them, and queries in the same words.
//!
//! Folding is ours, not the database's, so that SQLite and PostgreSQL find the same messages: lower case,
//! marks taken off, and every Chinese, Japanese, Korean or Thai character a word of its own (these scripts
//! write no spaces), so that a run of them is found as a phrase inside longer text.

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
    let mut word_chars = 0;
    for character in text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
    {
        if !character.is_alphanumeric() {
            word_chars = 0;
            continue;
        }
        let stands_alone = is_unspaced_script(character);
        if word_chars == 0 || stands_alone {
            push_space(out);
        }
        if word_chars < MAX_WORD_CHARS {
            out.push(character);
        }
        word_chars = if stands_alone { 0 } else { word_chars + 1 };
    }
}

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

    #[test]
    fn a_query_is_made_of_the_same_words() {
        let query = SearchQuery::parse("\"Router keeps\" rest");
        assert_eq!(query.terms[0].words, ["router", "keeps"]);
        assert!(query.terms[1].prefix);
        assert!(SearchQuery::parse("  \"\" !").is_empty());
        assert_eq!(SearchQuery::parse("付款").terms[0].words, ["付", "款"]);
    }
}
