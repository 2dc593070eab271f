//! Bodies out of their transfer encoding (RFC 2045 §6), damaged or not: what can be read of one is read.

use std::borrow::Cow;

use mail_parser::Encoding;
use mail_parser::decoders::base64::base64_decode;
use memchr::memchr;

use crate::words::hex;

/// What Content-Transfer-Encoding says.
pub fn encoding(written: &[u8]) -> Encoding {
    let written = written.trim_ascii().to_ascii_lowercase();
    if written.starts_with(b"base64") || written.starts_with(b"\"base64") {
        Encoding::Base64
    } else if written.starts_with(b"quoted-printable") || written.starts_with(b"\"quoted-printable") {
        Encoding::QuotedPrintable
    } else {
        Encoding::None
    }
}

/// A body out of its encoding; `is_text`: what people read may have been put below it.
pub fn decoded(encoding: Encoding, is_text: bool, line_end: u8, body: &[u8]) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::None => Cow::Borrowed(body),
        Encoding::Base64 if is_text => Cow::Owned(base64_text(body)),
        Encoding::Base64 => Cow::Owned(base64(body)),
        Encoding::QuotedPrintable => Cow::Owned(quoted_printable(&with_line_feeds(body, line_end))),
    }
}

pub fn with_line_feeds(text: &[u8], line_end: u8) -> Cow<'_, [u8]> {
    if line_end == b'\n' {
        return Cow::Borrowed(text);
    }
    let bytes = text.iter();
    bytes
        .map(|byte| if *byte == line_end { b'\n' } else { *byte })
        .collect()
}

/// The bytes of base64; whatever is no letter of it is passed over, and so is the end of one piece amid others.
pub fn base64(text: &[u8]) -> Vec<u8> {
    let end = memchr(b'=', text).unwrap_or(text.len());
    let is_one = text[end..]
        .iter()
        .all(|byte| *byte == b'=' || byte.is_ascii_whitespace());
    if is_one && let Some(decoded) = base64_decode(text) {
        return decoded;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut count) = (0_u32, 0);
    for letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                flush(&mut bytes, held, count);
                (held, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        held = held << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            bytes.extend(&held.to_be_bytes()[1..]);
            (held, count) = (0, 0);
        }
    }
    flush(&mut bytes, held, count);
    bytes
}

/// Two letters are a byte, three are two.
fn flush(bytes: &mut Vec<u8>, held: u32, count: usize) {
    let whole = held << (6 * (4 - count.min(4)));
    match count {
        2 => bytes.extend(&whole.to_be_bytes()[1..2]),
        3 => bytes.extend(&whole.to_be_bytes()[1..3]),
        _ => {}
    }
}

/// A text in base64, and what was put below it as it is: servers add footers without a look at the encoding.
fn base64_text(body: &[u8]) -> Vec<u8> {
    let end = end_of_base64(body);
    let mut text = base64(&body[..end]);
    let below = body[end..].trim_ascii();
    if !below.is_empty() {
        if !text.is_empty() {
            text.extend(b"\r\n");
        }
        text.extend(below);
    }
    text
}

/// A line with more of what is no base64 is a text: one letter in so many.
const MIN_LETTERS_PER_DAMAGE: usize = 12;

/// Where a line begins that is none of base64.
fn end_of_base64(body: &[u8]) -> usize {
    let mut at = 0;
    let mut is_padded = false;
    while at < body.len() {
        let line_end = memchr(b'\n', &body[at..]).map_or(body.len(), |found| at + found + 1);
        let line = body[at..line_end].trim_ascii();
        let is_letter =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r');
        let others = line.iter().filter(|byte| !is_letter(byte)).count();
        let is_damaged =
            others * MIN_LETTERS_PER_DAMAGE <= line.len() && !line.iter().any(u8::is_ascii_whitespace);
        let is_word = is_padded && !line.is_empty() && (others > 0 || !line.len().is_multiple_of(4));
        if others > 0 && !is_damaged || is_word {
            return at;
        }
        is_padded |= line.ends_with(b"=");
        at = line_end;
    }
    body.len()
}

/// Quoted-printable; what is no escape stays as it is written.
pub fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let written = line.trim_ascii_end();
        match written.strip_suffix(b"=") {
            Some(soft) => push_unescaped(&mut bytes, soft),
            None => {
                push_unescaped(&mut bytes, written);
                bytes.extend(line_break(line));
            }
        }
    }
    bytes
}

fn line_break(line: &[u8]) -> &[u8] {
    match line {
        [.., b'\r', b'\n'] => b"\r\n",
        [.., b'\n'] => b"\n",
        _ => b"",
    }
}

fn push_unescaped(bytes: &mut Vec<u8>, line: &[u8]) {
    let mut rest = line;
    while let Some(escape) = memchr(b'=', rest) {
        bytes.extend(&rest[..escape]);
        let byte = rest.get(escape + 1..escape + 3).and_then(hex);
        bytes.push(byte.unwrap_or(b'='));
        rest = &rest[escape + if byte.is_some() { 3 } else { 1 }..];
    }
    bytes.extend(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_of_a_damaged_body_is_read() {
        for (body, text) in [
            ("aGVsbG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs\r\nbG8=\r\n", "hello"),
            ("aGVsb", "hel"),
            ("aGVsbG8=aGVsbG8=", "hellohello"),
            ("aGVs*bG8=", "hello"),
            ("aGVs bG8 =", "hello"),
            ("", ""),
            ("=", ""),
        ] {
            assert_eq!(base64(body.as_bytes()), text.as_bytes(), "{body}");
        }
        for (body, text) in [
            ("aGVsbG8=\r\n", "hello"),
            (
                "aGVsbG8=\r\n-- \r\nList footer\r\n",
                "hello\r\n-- \r\nList footer",
            ),
            (
                "aGVs\r\nbG8=\r\n\r\n_______________\r\nusers mailing list\r\n",
                "hello\r\n_______________\r\nusers mailing list",
            ),
            (
                "Hello, this is no base64 at all.\r\n",
                "Hello, this is no base64 at all.",
            ),
            ("aGVsbG8=\r\nRegards\r\n", "hello\r\nRegards"),
            ("aGVsbG8gYWdhaW4h!\r\n", "hello again!"),
            (
                "aGVs\r\nhttps://lists.out.example/users\r\n",
                "hel\r\nhttps://lists.out.example/users",
            ),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&base64_text(body.as_bytes())),
                text,
                "{body}"
            );
        }
        for (body, text) in [
            ("Gr=C3=BC=C3=9Fe\r\n", "Grüße\r\n"),
            ("Gr=c3=bc\n", "Grü\n"),
            ("soft=\r\n line", "soft line"),
            ("soft= \t\r\nline", "softline"),
            ("spaces \t\r\nend", "spaces\r\nend"),
            ("1=2", "1=2"),
            ("a=ZZb", "a=ZZb"),
            ("cut=", "cut"),
            ("cut=C", "cut=C"),
            ("==3D", "=="),
            ("für", "für"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&quoted_printable(body.as_bytes())),
                text,
                "{body}"
            );
        }
    }
}
