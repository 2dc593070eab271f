//! Encoded words (RFC 2047), as senders write them: cut within a character, with spaces inside, in quotes, with a
//! charset that nobody knows.

use std::borrow::Cow;

use crate::charset::Charsets;
use crate::charset::fits;
use crate::transfer::base64;

/// A longer one is text that begins like one.
const MAX_WORD_BYTES: usize = 8 * 1024;
const MAX_LABEL_BYTES: usize = 60;

struct Word<'t> {
    label: &'t str,
    bytes: Vec<u8>,
    /// Of base64, which some cut within the four letters that are three bytes.
    letters: Option<Vec<u8>>,
    length: usize,
}

impl<'t> Word<'t> {
    fn join(&mut self, next: Word<'t>) {
        self.bytes.extend(next.bytes);
        self.letters = self.letters.take().zip(next.letters).map(|(mut letters, next)| {
            letters.extend(next);
            letters
        });
    }
}

/// The text of a field; what stands between two words and is blank belongs to neither.
pub fn decode_words<'t>(text: &'t str, charsets: &Charsets) -> Cow<'t, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    each_piece(text, charsets, |piece| match piece {
        Piece::Plain(plain) => decoded.push_str(plain),
        Piece::Decoded(word) => decoded.push_str(&word),
    });
    Cow::Owned(decoded)
}

/// The same for a field with parameters: what a word holds cannot end the value that it stands in.
pub fn decode_words_in_parameters<'t>(text: &'t str, charsets: &Charsets) -> Cow<'t, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut in_quotes = false;
    each_piece(text, charsets, |piece| match piece {
        Piece::Plain(plain) => {
            in_quotes ^= plain.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
            decoded.push_str(plain);
        }
        Piece::Decoded(word) => {
            let word = word.replace(['\\', '"', '\r', '\n'], "_");
            match in_quotes {
                true => decoded.push_str(&word),
                false => decoded.extend(["\"", word.as_str(), "\""]),
            }
        }
    });
    Cow::Owned(decoded)
}

/// What of a text is in no encoded word.
pub fn outside_words(text: &str, charsets: &Charsets) -> String {
    let mut outside = String::new();
    each_piece(text, charsets, |piece| {
        if let Piece::Plain(plain) = piece {
            outside.push_str(plain);
        }
    });
    outside
}

enum Piece<'t> {
    Plain(&'t str),
    Decoded(String),
}

/// Words of one charset that follow each other are decoded together: senders cut between the bytes of a character.
fn each_piece<'t>(text: &'t str, charsets: &Charsets, mut with: impl FnMut(Piece<'t>)) {
    let mut held: Option<Word<'t>> = None;
    let (mut plain, mut at) = (0, 0);
    while let Some(found) = text[at..].find("=?") {
        let start = at + found;
        let Some(word) = word_at(&text[start..]) else {
            at = start + 2;
            continue;
        };
        let between = &text[plain..start];
        at = start + word.length;
        plain = at;
        held = match held.take() {
            Some(mut last) if between.trim().is_empty() && last.label.eq_ignore_ascii_case(word.label) => {
                last.join(word);
                Some(last)
            }
            last => {
                let is_between_words = last.is_some() && between.trim().is_empty();
                last.into_iter().for_each(|last| with(decoded(&last, charsets)));
                if !is_between_words {
                    with(Piece::Plain(between));
                }
                Some(word)
            }
        };
    }
    held.into_iter().for_each(|last| with(decoded(&last, charsets)));
    with(Piece::Plain(&text[plain..]));
}

fn decoded<'t>(word: &Word<'t>, charsets: &Charsets) -> Piece<'t> {
    let letters = word.letters.as_deref().filter(|_| !fits(word.label, &word.bytes));
    let whole = letters.map(base64).filter(|whole| fits(word.label, whole));
    let bytes = whole.as_deref().unwrap_or(&word.bytes);
    Piece::Decoded(charsets.decode_word(bytes, word.label).into_owned())
}

/// How long the word is that begins here.
pub fn word_length(text: &str) -> Option<usize> {
    word_at(text).map(|word| word.length)
}

/// `=?charset?encoding?text?=`.
fn word_at(text: &str) -> Option<Word<'_>> {
    let rest = text.strip_prefix("=?")?;
    let label_end = rest.bytes().take(MAX_LABEL_BYTES).position(|byte| byte == b'?')?;
    let label = rest[..label_end].trim();
    if label.is_empty() || label.contains(|c: char| c.is_whitespace() || c == '=') {
        return None;
    }
    let rest = &rest[label_end + 1..];
    let is_base64 = match rest.as_bytes() {
        [b'b' | b'B', b'?', ..] => true,
        [b'q' | b'Q', b'?', ..] => false,
        _ => return None,
    };
    let rest = &rest[2..];
    let start = text.len() - rest.len();
    let end = end_of_word(rest, is_base64)?;
    let encoded = &rest[..end];
    Some(Word {
        label: label.split('*').next().unwrap_or(label),
        bytes: match is_base64 {
            true => base64(encoded.as_bytes()),
            false => unquoted(encoded.as_bytes()),
        },
        letters: is_base64.then(|| encoded.as_bytes().to_vec()),
        length: (start + end + 2).min(text.len()),
    })
}

/// Where `?=` stands. One that is cut off by the end of its field ends there.
fn end_of_word(rest: &str, is_base64: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    for at in memchr::memchr_iter(b'?', &bytes[..bytes.len().min(MAX_WORD_BYTES)]) {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        match bytes.get(at + 1) {
            Some(b'=') if is_base64 || !goes_on(&bytes[at + 2..]) => return Some(at),
            Some(b'=') => {}
            // Another one begins before this one has ended.
            Some(_) if before == Some(b'=') => return None,
            _ => {}
        }
    }
    let is_cut_off = bytes.len() < MAX_WORD_BYTES && !bytes.iter().any(u8::is_ascii_whitespace);
    is_cut_off.then_some(rest.trim_end_matches('?').len())
}

/// A question mark was left as it is, and `=20` or the like follows it.
fn goes_on(after: &[u8]) -> bool {
    let is_byte = after.len() > 2 && after[..2].iter().all(u8::is_ascii_hexdigit);
    let mut word = after[..after.len().min(200)].split(|byte| byte.is_ascii_whitespace());
    is_byte
        && word
            .next()
            .is_some_and(|word| memchr::memmem::find(word, b"?=").is_some())
}

/// "Q" of RFC 2047 §4.2; a space that should have been `_` is a space.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let (byte, length) = match (text[at], text.get(at + 1..at + 3)) {
            (b'_', _) => (b' ', 1),
            (b'=', Some(digits)) => hex(digits).map_or((b'=', 1), |byte| (byte, 3)),
            (other, _) => (other, 1),
        };
        bytes.push(byte);
        at += length;
    }
    bytes
}

/// Two digits.
pub fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    match *digits {
        [high, low] => u8::try_from(value(high)? << 4 | value(low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_senders_write_them() {
        for (written, text) in [
            ("plain", "plain"),
            ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("a =?utf-8?q?=C3=BC?= b", "a ü b"),
            ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
            ("=?utf-8?q?a?=\r\n =?iso-8859-1?q?=FC?=", "aü"),
            ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
            // Cut within a character, and within three bytes of base64.
            ("=?utf-8?q?=D1?= =?utf-8?q?=87?=", "ч"),
            ("=?utf-8?B?0KHRh9GR0Q==?=\r\n =?utf-8?B?giDQt9Cw?=", "Счёт за"),
            ("=?gb2312?B?wO4=?= =?GB2312?B?wNc=?=", "李雷"),
            (
                "=?iso-2022-jp?B?GyRCQUEbKEI=?= =?iso-2022-jp?B?GyRCQUEbKEI=?=",
                "疏疏",
            ),
            ("=?utf-8?B?U2Now7Z?=\r\n =?utf-8?B?uZXIgVGFn?=", "Schöner Tag"),
            // Spaces, question marks, and what should have been encoded.
            ("=?utf-8?Q?Angebot f=C3=BCr Glasfaser?=", "Angebot für Glasfaser"),
            ("=?utf-8?Q?Why=3F?=", "Why?"),
            ("=?utf-8?Q?Why??=", "Why?"),
            ("=?utf-8?Q?Why?_Because?=", "Why? Because"),
            (
                "=?utf-8?Q?Why?=20Because=21?=",
                "Why?=20Because!".replace("=20", " ").as_str(),
            ),
            ("=?utf-8?Q?100=25=?=", "100%="),
            ("=?utf-8?Q?für?=", "für"),
            ("=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),
            ("=?utf-8?B?R3LD\r\n vMOfZQ==?=", "Grüße"),
            ("=?utf-8?B?R3LDvMOf*ZQ==?=", "Grüße"),
            ("=?utf-8?B?R3I=w7zDn2U=?=", "Grüße"),
            ("=?utf-8?Q??=", ""),
            // Charsets that are unknown, wrong or named with a language.
            ("=?x-unknown?B?QcOxYWRpciBsw61uZWE=?=", "Añadir línea"),
            ("=?us-ascii?Q?Gr=FC=DFe?=", "Grüße"),
            ("=?utf-8?Q?Caf=E9?=", "Café"),
            ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?\"utf-8\"?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            // Cut off by the end of the field.
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe", "Grüße"),
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?", "Grüße"),
            // No words.
            ("=?", "=?"),
            ("=?utf-8?", "=?utf-8?"),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
            ("is 1=?2", "is 1=?2"),
        ] {
            assert_eq!(decode_words(written, &Charsets::default()), text, "{written}");
        }
    }

    #[test]
    fn a_word_cannot_end_the_value_that_it_stands_in() {
        for (written, text) in [
            ("a; name=\"=?utf-8?q?=C3=BC?=.pdf\"", "a; name=\"ü.pdf\""),
            ("a; name==?utf-8?q?=C3=BC=3B.pdf?=", "a; name=\"ü;.pdf\""),
            ("a; name=\"=?utf-8?q?=22=3B_x=3D?=\"", "a; name=\"_; x=\""),
            (
                "a; name=\"=?utf-8?b?w7w=?=\r\n =?utf-8?b?w7w=?=\"",
                "a; name=\"üü\"",
            ),
        ] {
            assert_eq!(
                decode_words_in_parameters(written, &Charsets::default()),
                text,
                "{written}"
            );
        }
    }
}
