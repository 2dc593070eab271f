//! Parts that hold files in an encoding of their own: winmail.dat, uuencode, an S/MIME signature around its content.
//!
//! What each holds becomes parts in plain MIME, before anything else looks at the message: what shows, lists, searches,
//! downloads, forwards or exports knows nothing of these encodings, so none can differ. What cannot be opened stays
//! the file that it is. Bounded by the size of what is opened; the raw message is never changed.

mod header;
mod pkcs7;
mod rtf;
mod tnef;
mod uuencode;

use std::borrow::Cow;
use std::hash::DefaultHasher;
use std::hash::Hasher as _;

use mail_parser::Encoding;
use memchr::memmem;

pub use pkcs7::Envelope;
pub use pkcs7::envelope;

use crate::transfer;
use crate::transfer::with_line_feeds;

/// A larger part stays a file: its content is held three times while it is opened.
const MAX_WRAPPED_BYTES: usize = 20 * 1024 * 1024;

#[derive(Clone, Copy, Debug)]
pub enum Wrapping {
    /// TNEF (MS-OXTNEF), by its type, its name or its first bytes.
    Tnef(Encoding),
    /// A signature with its content inside (RFC 8551 §3.5.2).
    Pkcs7(Encoding),
    /// Text that files stand in.
    Text(Encoding),
    /// A part whose transfer encoding is uuencode, as before MIME.
    Uuencoded,
}

impl Wrapping {
    pub fn of(content_type: &[u8], disposition: &[u8], encoding: &[u8]) -> Option<Self> {
        const UUENCODE: [&[u8]; 4] = [b"x-uuencode", b"uuencode", b"x-uue", b"uue"];
        if UUENCODE.iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
            return Some(Wrapping::Uuencoded);
        }
        let encoding = transfer::encoding(encoding);
        let content_type = content_type.to_ascii_lowercase();
        let disposition = disposition.to_ascii_lowercase();
        let is_named = |name: &[u8]| {
            memmem::find(&content_type, name).is_some() || memmem::find(&disposition, name).is_some()
        };
        if content_type.is_empty() || content_type.starts_with(b"text/plain") || content_type == b"text" {
            let is_file = disposition.starts_with(b"attachment") || is_named(b"name=") || is_named(b"name*");
            return (!is_file).then_some(Wrapping::Text(encoding));
        }
        if is_named(b"pkcs7-mime") || is_named(b".p7m") {
            return Some(Wrapping::Pkcs7(encoding));
        }
        let may_be_tnef = content_type.starts_with(b"application/") || is_named(b"winmail.dat");
        may_be_tnef.then_some(Wrapping::Tnef(encoding))
    }

    /// The body out of its transfer encoding.
    pub fn decoded(self, body: &[u8], line_end: u8) -> Cow<'_, [u8]> {
        match self {
            Wrapping::Tnef(encoding) | Wrapping::Pkcs7(encoding) => {
                transfer::decoded(encoding, false, line_end, body)
            }
            Wrapping::Text(Encoding::None) | Wrapping::Uuencoded => with_line_feeds(body, line_end),
            Wrapping::Text(encoding) => transfer::decoded(encoding, true, line_end, body),
        }
    }
}

/// A part that may be opened.
pub struct Wrapped<'p> {
    pub wrapping: Wrapping,
    pub header: &'p [u8],
    pub body: &'p [u8],
    pub line_end: u8,
}

impl Wrapped<'_> {
    /// Cheap: asked of every part of every message.
    pub fn is_likely(&self) -> bool {
        let starts_with = |bytes: &[u8]| self.body.trim_ascii_start().starts_with(bytes);
        match self.wrapping {
            Wrapping::Tnef(Encoding::Base64) => starts_with(b"eJ8+I"),
            Wrapping::Tnef(_) => starts_with(b"x"),
            Wrapping::Text(Encoding::Base64) => true,
            Wrapping::Text(_) => memmem::find(self.body, b"begin").is_some(),
            Wrapping::Pkcs7(_) | Wrapping::Uuencoded => true,
        }
    }
}

/// The parts in it, each header and all. `said`: texts of the message that stand before it. `None`: it stays what it is.
pub fn open(wrapped: &Wrapped<'_>, said: &[Cow<'_, [u8]>]) -> Option<Vec<Vec<u8>>> {
    let Wrapped {
        wrapping,
        header,
        body,
        line_end,
    } = *wrapped;
    if body.len() > MAX_WRAPPED_BYTES {
        return None;
    }
    let decoded = wrapping.decoded(body, line_end);
    match wrapping {
        Wrapping::Tnef(_) => tnef::entities(&decoded, said),
        Wrapping::Pkcs7(_) => match envelope(&decoded)? {
            Envelope::Signed(content) => Some(vec![content]),
            Envelope::Encrypted => None,
        },
        Wrapping::Text(_) => text_and_files(header::of_text(header, line_end), &decoded),
        Wrapping::Uuencoded => {
            let file = uuencode::first_file(&decoded)?;
            Some(vec![header::of_uuencoded(header, line_end, &file)])
        }
    }
}

fn text_and_files(header: Vec<u8>, text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let found = uuencode::split(text)?;
    let text = [header, found.text].concat();
    let files = found.files.iter().map(|file| file.entity());
    Some(std::iter::once(text).chain(files).collect())
}

/// A file as a part: bytes as they are, so that nothing is made larger.
struct FoundFile {
    name: Vec<u8>,
    content_type: Option<String>,
    content_id: Option<String>,
    bytes: Vec<u8>,
}

impl FoundFile {
    fn entity(&self) -> Vec<u8> {
        let name = header::quoted(&self.name);
        let by_name = || crate::files::kinds::type_of_name(&String::from_utf8_lossy(&self.name));
        let content_type = self.content_type.as_deref().filter(|given| is_plain_type(given));
        let content_type = content_type.unwrap_or_else(by_name);
        let mut entity =
            format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\n").into_bytes();
        entity.extend_from_slice(b"Content-Disposition: attachment; filename=\"");
        entity.extend_from_slice(&name);
        entity.extend_from_slice(b"\"\r\n");
        if let Some(content_id) = &self.content_id {
            let written = String::from_utf8_lossy(&header::quoted(content_id.as_bytes())).into_owned();
            entity.extend_from_slice(format!("Content-ID: <{written}>\r\n").as_bytes());
        }
        entity.extend_from_slice(b"\r\n");
        entity.extend_from_slice(&self.bytes);
        entity
    }
}

/// One that makes the part neither a message nor a multipart: those are read, and a file is not.
fn is_plain_type(given: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '+' | '-' | '_');
    let kinds = ["image/", "application/", "text/", "audio/", "video/"];
    given.chars().all(is_token) && kinds.iter().any(|kind| given.starts_with(kind))
}

/// Entities as one, header and all. The boundary depends on all of their bytes, so none of them can hold it.
fn multipart(subtype: &str, entities: &[Vec<u8>]) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    for entity in entities {
        hasher.write(entity);
    }
    let boundary = format!("=_opened_{:016x}", hasher.finish());
    let mut written =
        format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    written.reserve(
        entities
            .iter()
            .map(|entity| entity.len() + boundary.len() + 6)
            .sum::<usize>()
            + 32,
    );
    for entity in entities {
        written.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        written.extend_from_slice(entity);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    written
}
