//! Charsets, base64, quoted-printable and encoded words, byte for byte as Python makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random::Random;

/// A charset as a message names it, and the codec that makes its bytes.
#[derive(Clone, Copy)]
pub struct Charset {
    pub label: &'static str,
    pub codec: &'static str,
}

impl Charset {
    pub const UTF8: Charset = Charset {
        label: "utf-8",
        codec: "utf-8",
    };
    pub const ASCII: Charset = Charset {
        label: "us-ascii",
        codec: "ascii",
    };

    /// `None`: a character of `text` is not in this charset.
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self.codec {
            "utf-8" => Some(text.as_bytes().to_vec()),
            "ascii" => text.is_ascii().then(|| text.as_bytes().to_vec()),
            "latin-1" => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
            codec => {
                let encoding = encoding_rs::Encoding::for_label(codec.as_bytes())?;
                let (bytes, _, has_unmappable) = encoding.encode(text);
                let fits = !has_unmappable && (codec != "gb2312" || is_gb2312(&bytes));
                fits.then(|| bytes.into_owned())
            }
        }
    }

    /// In this charset, or in UTF-8 where it does not fit.
    pub fn encode_or_utf8(self, text: &str) -> (&'static str, Vec<u8>) {
        match self.encode(text) {
            Some(bytes) => (self.label, bytes),
            None => ("utf-8", text.as_bytes().to_vec()),
        }
    }
}

/// The library knows GB 2312 only as part of GBK; both bytes of the smaller set are above A0.
fn is_gb2312(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        if *byte >= 0x80 {
            let second = rest.next().copied().unwrap_or_default();
            if !(0xa1..=0xf7).contains(byte) || second < 0xa1 {
                return false;
            }
        }
    }
    true
}

pub fn base64_lines(data: &[u8], width: usize) -> Vec<u8> {
    let text = STANDARD.encode(data);
    let mut lines = Vec::with_capacity(text.len() + text.len() / width + 1);
    for line in text.as_bytes().chunks(width) {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines
}

/// Longest line with the soft break's `=` (RFC 2045 §6.7).
const MAX_LINE: usize = 76;

pub fn quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() * 2);
    let mut line = 0;
    for (at, &byte) in data.iter().enumerate() {
        let next = data.get(at + 1).copied();
        if needs_escape(byte, line, next) {
            if line + 3 >= MAX_LINE {
                out.extend_from_slice(b"=\n");
                line = 0;
            }
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
            line += 3;
        } else if byte == b'\n' {
            line = 0;
            escape_trailing_blank(&mut out);
            out.push(b'\n');
        } else {
            if next.is_some_and(|next| next != b'\n') && line + 1 >= MAX_LINE {
                out.extend_from_slice(b"=\n");
                line = 0;
            }
            line += 1;
            out.push(byte);
        }
    }
    out
}

fn needs_escape(byte: u8, line: usize, next: Option<u8>) -> bool {
    let is_blank = byte == b' ' || byte == b'\t';
    byte > 126
        || byte == b'='
        || (byte == b'.' && line == 0 && next.is_none_or(|next| matches!(next, b'\n' | b'\r' | 0)))
        || (is_blank && next.is_none())
        || (byte < 33 && !is_blank && byte != b'\r' && byte != b'\n')
}

fn escape_trailing_blank(out: &mut Vec<u8>) {
    if let Some(blank @ (b' ' | b'\t')) = out.last().copied() {
        out.pop();
        out.extend_from_slice(format!("={blank:02X}").as_bytes());
    }
}

/// A header value of one phrase (RFC 2047); plain where it is ASCII.
pub fn encoded_word(random: &mut Random, text: &str, charset: Charset) -> Vec<u8> {
    let (label, raw) = charset.encode_or_utf8(text);
    if matches!(label, "utf-8" | "us-ascii") && raw.is_ascii() {
        return raw;
    }
    if charset.codec == "iso-2022-jp" || random.unit() < 0.6 {
        return base64_words(text, label, charset);
    }
    let mut quoted = Vec::new();
    for byte in raw {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => quoted.push(byte),
            b' ' => quoted.push(b'_'),
            _ => quoted.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
    }
    if quoted.len() < 60 {
        return [b"=?", label.as_bytes(), b"?Q?", &quoted, b"?="].concat();
    }
    let start: String = text.chars().take(12).collect();
    format!("=?utf-8?B?{}?=", STANDARD.encode(start)).into_bytes()
}

/// Split between characters, so that no word is longer than 75 bytes.
fn base64_words(text: &str, label: &str, charset: Charset) -> Vec<u8> {
    let codec = if label == "utf-8" { Charset::UTF8 } else { charset };
    let encode = |text: &str| STANDARD.encode(codec.encode(text).unwrap_or_default());
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    for character in text.chars() {
        if encode(&format!("{piece}{character}")).len() > 48 {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    pieces.push(piece);
    let words = pieces.iter().filter(|piece| !piece.is_empty());
    let words: Vec<_> = words
        .map(|piece| format!("=?{label}?B?{}?=", encode(piece)))
        .collect();
    words.join("\n ").into_bytes()
}
