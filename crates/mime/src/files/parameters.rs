//! The parameters of Content-Type and Content-Disposition, in all the forms in which names of files are written.
//!
//! RFC 2231 with its parts out of order, missing, unquoted, quoted or without a mark; encoded words where none may
//! stand; bytes of any charset; a path; quotes within quotes; no semicolon. Bytes first, because the charset is a
//! question of its own. Linear: of a field that never ends it is found out once.

use std::borrow::Cow;

use crate::charset::Charsets;
use crate::charset::encoding_of;
use crate::words::decode_words;
use crate::words::hex;

/// A longer field is cut: the rest of it names nothing.
const MAX_FIELD_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub struct Parameter {
    /// Lower case, without the marks of RFC 2231.
    name: Vec<u8>,
    /// `name*2`
    position: Option<u32>,
    /// `name*`
    is_extended: bool,
    value: Vec<u8>,
}

pub fn parameters(field: &[u8]) -> Vec<Parameter> {
    let mut reader = Reader {
        field: &field[..field.len().min(MAX_FIELD_BYTES)],
        at: 0,
        has_no_end: false,
    };
    let mut found = Vec::new();
    while let Some(key) = reader.key() {
        if reader.is_at(b'=') {
            let value = reader.value();
            found.push(Parameter::of(key, value));
        }
    }
    found
}

/// What a parameter says, however it is written.
pub fn text(parameters: &[Parameter], name: &str, charsets: &Charsets) -> Option<String> {
    let mut named: Vec<&Parameter> = parameters
        .iter()
        .filter(|parameter| parameter.name == name.as_bytes())
        .collect();
    named.sort_by_key(|parameter| parameter.position.unwrap_or_default());
    let is_marked = |parameter: &&&Parameter| parameter.is_extended || parameter.position.is_some();
    let extended: Vec<_> = named.iter().filter(is_marked).collect();
    let plain = named.iter().find(|parameter| !is_marked(parameter));
    let extended = (!extended.is_empty())
        .then(|| joined(&extended, charsets))
        .filter(|text| is_whole(text));
    extended.or_else(|| plain.map(|plain| of_bytes(&plain.value, charsets)))
}

fn is_whole(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\u{fffd}')
}

/// Pieces in their order, each once; characters may be cut between them.
fn joined(pieces: &[&&Parameter], charsets: &Charsets) -> String {
    let mut bytes = Vec::new();
    let mut charset = None;
    let mut last = None;
    let any_extended = pieces.iter().any(|piece| piece.is_extended);
    for piece in pieces {
        if piece.position.is_some() && piece.position == last {
            continue;
        }
        last = piece.position;
        match piece.is_extended {
            true => {
                let (named, value) = without_charset(&piece.value);
                charset = charset.or(named);
                bytes.extend(percent_decoded(value));
            }
            false => bytes.extend_from_slice(&piece.value),
        }
    }
    match any_extended {
        // Some programs put an encoded word into it.
        true if bytes.starts_with(b"=?") => words(&bytes, charsets),
        true => charsets.decode(&bytes, charset.as_deref()).into_owned(),
        false => of_bytes(&bytes, charsets),
    }
}

fn words(bytes: &[u8], charsets: &Charsets) -> String {
    decode_words(&charsets.decode(bytes, None), charsets).into_owned()
}

/// A value that bears no mark: encoded words, or the form of RFC 2231 all the same, or bytes.
fn of_bytes(value: &[u8], charsets: &Charsets) -> String {
    let (charset, rest) = without_charset(value);
    if charset.is_some() {
        let bytes = percent_decoded(rest);
        return charsets.decode(&bytes, charset.as_deref()).into_owned();
    }
    let text = words(value, charsets);
    let decoded = percent_decoded(text.as_bytes());
    // As of a web address. A name with a percent sign in it is left alone.
    match is_all_escaped(text.as_bytes()) && decoded.len() != text.len() {
        true => String::from_utf8(decoded).unwrap_or(text),
        false => text,
    }
}

/// Every sign of percent begins an escape, and there is nothing that would have been one.
fn is_all_escaped(text: &[u8]) -> bool {
    let escapes = memchr::memchr_iter(b'%', text);
    let mut rest = escapes.map(|at| text.get(at + 1..at + 3).unwrap_or_default());
    let is_plain = text.iter().all(|byte| byte.is_ascii() && *byte != b' ');
    is_plain && rest.all(|digits| digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// `utf-8'en'...`: the charset, if it says one that is known.
fn without_charset(value: &[u8]) -> (Option<Cow<'_, str>>, &[u8]) {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (Some(charset), Some(language), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return (None, value);
    };
    let charset = String::from_utf8_lossy(charset);
    let is_known = encoding_of(&charset).is_some();
    let is_language = language.len() < 20
        && language
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    match is_language && (is_known || charset.is_empty()) {
        true => (Some(charset).filter(|_| is_known), rest),
        false => (None, value),
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(hex);
        decoded.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

impl Parameter {
    fn of(key: &[u8], value: Vec<u8>) -> Self {
        let key = key.to_ascii_lowercase();
        let mut pieces = key.split(|byte| *byte == b'*');
        let name = pieces.next().unwrap_or_default().to_vec();
        let marks: Vec<_> = pieces.collect();
        let position = marks
            .first()
            .and_then(|mark| std::str::from_utf8(mark).ok()?.parse().ok());
        Parameter {
            is_extended: key.ends_with(b"*"),
            name,
            position,
            value,
        }
    }
}

struct Reader<'f> {
    field: &'f [u8],
    at: usize,
    /// From here on no quote is one that closes.
    has_no_end: bool,
}

impl<'f> Reader<'f> {
    fn peek(&self) -> Option<u8> {
        self.field.get(self.at).copied()
    }

    fn is_at(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&is_skipped) {
            self.at += 1;
        }
    }

    /// The next word, up to a space, `;` or `=`. Where the semicolon is missing a space does.
    fn key(&mut self) -> Option<&'f [u8]> {
        self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, b';' | b'='));
        let start = self.at;
        self.skip(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b';' | b'='));
        let key = &self.field[start..self.at];
        self.skip(|byte| byte.is_ascii_whitespace());
        (!key.is_empty()).then_some(key)
    }

    fn value(&mut self) -> Vec<u8> {
        self.at += 1;
        self.skip(|byte| byte.is_ascii_whitespace());
        if self.is_at(b'"') {
            self.at += 1;
            return self.quoted();
        }
        let rest = &self.field[self.at..];
        let end = unquoted_end(rest);
        self.at += end;
        let value = unfolded(rest[..end].trim_ascii());
        match value.as_slice() {
            [b'\'', within @ .., b'\''] if !within.is_empty() => within.to_vec(),
            _ => value,
        }
    }

    /// A quote that something else follows than a parameter is part of the name. A backslash is one of a path,
    /// unless it stands before a quote or another one.
    fn quoted(&mut self) -> Vec<u8> {
        let start = self.at;
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match (byte, self.peek()) {
                (b'\\', Some(next @ (b'"' | b'\\')))
                    if self.field[self.at + 1..].iter().any(|byte| *byte != b' ') =>
                {
                    value.push(next);
                    self.at += 1;
                }
                (b'"', _) if self.has_no_end || self.is_end() => return unfolded(&value),
                _ => value.push(byte),
            }
        }
        self.has_no_end = true;
        self.at = start;
        let rest = &self.field[start..];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b';'))
            .unwrap_or(rest.len());
        self.at += end;
        unfolded(&rest[..end])
    }

    /// The field ends here, or another parameter follows.
    fn is_end(&self) -> bool {
        let rest = self.field[self.at..].trim_ascii_start();
        let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'_');
        let token = rest.iter().take_while(|byte| is_token(byte)).count();
        rest.is_empty() || rest[0] == b';' || (token > 0 && rest.get(token) == Some(&b'='))
    }
}

/// A name of several words without quotes ends at `;`, but not within an encoded word.
fn unquoted_end(rest: &[u8]) -> usize {
    let mut at = 0;
    while rest[at..].starts_with(b"=?") {
        let Some(end) = memchr::memmem::find(&rest[at + 2..], b"?=").map(|end| at + end + 4) else {
            break;
        };
        let spaces = rest[end..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        at = end;
        if rest[end + spaces..].starts_with(b"=?") {
            at += spaces;
        }
    }
    rest[at..]
        .iter()
        .position(|byte| *byte == b';')
        .map_or(rest.len(), |end| at + end)
}

/// Without line ends: what is folded within a name is one name.
fn unfolded(value: &[u8]) -> Vec<u8> {
    value
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_read_however_they_are_written() {
        for (field, expected) in [
            ("attachment; filename=a.pdf", "a.pdf"),
            ("attachment; filename=\"a b.pdf\"", "a b.pdf"),
            (
                "attachment; filename=my long name.pdf; size=3",
                "my long name.pdf",
            ),
            ("attachment;FILENAME = \"a.pdf\" ;size=3", "a.pdf"),
            ("attachment filename=a.pdf", "a.pdf"),
            ("filename=a.pdf", "a.pdf"),
            ("attachment; filename='a.pdf'", "a.pdf"),
            ("attachment; filename=\"a \\\"b\\\".pdf\"", "a \"b\".pdf"),
            ("attachment; filename=\"a \"b\" c.pdf\"", "a \"b\" c.pdf"),
            (
                "attachment; filename=\"C:\\Documents\\a.pdf\"",
                "C:\\Documents\\a.pdf",
            ),
            ("attachment; filename=\"a.pdf", "a.pdf"),
            ("attachment; filename=\"a.pdf; size=3", "a.pdf"),
            ("attachment; filename=\"a.pdf\" size=3", "a.pdf"),
            ("attachment; filename=\"a;b.pdf\"", "a;b.pdf"),
            ("attachment; filename=\"a\r\n b.pdf\"", "a b.pdf"),
            // RFC 2231
            ("attachment; filename*=utf-8''Geb%C3%BChr.pdf", "Gebühr.pdf"),
            ("attachment; filename*=UTF-8'de'Geb%c3%bchr.pdf", "Gebühr.pdf"),
            ("attachment; filename*=iso-8859-1''Geb%FChr.pdf", "Gebühr.pdf"),
            ("attachment; filename*=\"utf-8''Geb%C3%BChr.pdf\"", "Gebühr.pdf"),
            ("attachment; filename*=''Geb%C3%BChr.pdf", "Gebühr.pdf"),
            ("attachment; filename*=Geb%C3%BChr.pdf", "Gebühr.pdf"),
            ("attachment; filename*=utf-8''a b.pdf", "a b.pdf"),
            (
                "attachment; filename*=x-none''Geb%C3%BChr.pdf",
                "x-none''Gebühr.pdf",
            ),
            ("attachment; filename=utf-8''Geb%C3%BChr.pdf", "Gebühr.pdf"),
            (
                "attachment; filename=\"Geb?hr.pdf\"; filename*=utf-8''Geb%C3%BChr.pdf",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename*=utf-8''Geb%C3%BChr.pdf; filename=\"Geb?hr.pdf\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename*0=\"a lo\"; filename*1=\"ng.pdf\"",
                "a long.pdf",
            ),
            (
                "attachment; filename*1=\"ng.pdf\"; filename*0=\"a lo\"",
                "a long.pdf",
            ),
            (
                "attachment; filename*1=\"a lo\"; filename*2=\"ng.pdf\"",
                "a long.pdf",
            ),
            (
                "attachment; filename*0*=utf-8''Geb%C3; filename*1*=%BChr; filename*2=.pdf",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename*0*=utf-8''Geb; filename*1*=%C3%BC; filename*1*=%C3%BC; filename*2=.pdf",
                "Gebü.pdf",
            ),
            (
                "attachment; filename*0=\"utf-8''Geb%C3%BC\"; filename*1=\"hr.pdf\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename*10=k; filename*0=a; filename*2=c; filename*1=b",
                "abck",
            ),
            (
                "attachment; filename*=utf-8''%3D%3Futf-8%3FQ%3FGeb%3DC3%3DBChr.pdf%3F%3D",
                "Gebühr.pdf",
            ),
            // Encoded words
            (
                "attachment; filename=\"=?utf-8?Q?Geb=C3=BChr.pdf?=\"",
                "Gebühr.pdf",
            ),
            ("attachment; filename==?utf-8?B?R2Viw7xoci5wZGY=?=", "Gebühr.pdf"),
            (
                "attachment; filename=\"=?utf-8?B?R2Viw7w=?= =?utf-8?B?aHIucGRm?=\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename=\"=?utf-8?B?R2Viw7w=?=\r\n\t=?utf-8?B?aHIucGRm?=\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename=\"=?utf-8?B?R2Viw7w=?=hr.pdf\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename*0=\"=?utf-8?B?R2Viw7xo\"; filename*1=\"ci5wZGY=?=\"",
                "Gebühr.pdf",
            ),
            (
                "attachment; filename==?iso-8859-1?Q?Geb=FChr;_a.pdf?=",
                "Gebühr; a.pdf",
            ),
            // As of a web address
            ("attachment; filename=Geb%C3%BChr%20a.pdf", "Gebühr a.pdf"),
            ("attachment; filename=\"100% sure.pdf\"", "100% sure.pdf"),
            ("attachment; filename=\"50%ab.pdf\"", "50%ab.pdf"),
        ] {
            assert_eq!(
                text(&parameters(field.as_bytes()), "filename", &Charsets::default()).as_deref(),
                Some(expected),
                "{field}"
            );
        }
        assert_eq!(
            text(
                &parameters(b"attachment; name=a"),
                "filename",
                &Charsets::default()
            ),
            None
        );
        let raw = parameters(b"attachment; filename=\"Hofj\xe4gerallee.jpg\"");
        assert_eq!(
            text(&raw, "filename", &Charsets::default()).as_deref(),
            Some("Hofjägerallee.jpg")
        );
    }
}
