//! What of a message the parsing library is shown: everything, unless that would cost too much.
//!
//! One pass over the bytes, before any library sees them, because some bytes end the process (10,000 nested
//! message/rfc822 overflow a stack, which nothing catches) and a 50 MB attachment costs the parser 83 MiB.
//! What is over a limit is cut out; the raw message stays as it came. Large parts are remembered as ranges of it.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;
use memchr::memmem;

pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;
const MAX_HEADER_BYTES: usize = 1024 * 1024;
const MAX_HEADER_LINES: usize = 5_000;
const MAX_DEPTH: usize = 50;
const MAX_PARTS: usize = 10_000;
/// A larger part stays a range of the raw message; of a larger text this much is shown.
const MAX_LEAF_BYTES: usize = 1024 * 1024;
/// A picture or a document says nothing to the parser, which would decode it and forget it (8 % of a first sync).
const MAX_BINARY_BYTES: usize = 4 * 1024;

/// Why a message is not parsed. It is kept as it came and can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is larger than 100 MiB")]
    TooLarge,
    #[error("it could not be parsed")]
    Unreadable,
}

pub struct Skeleton<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// Bodies that were left out whole.
    pub omitted: Vec<Omitted>,
    /// Something that could be shown is not: a limit was met.
    pub is_incomplete: bool,
}

/// A body that is in the raw message only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// Where it would begin in the skeleton.
    pub at: usize,
    pub raw: Range<usize>,
}

impl<'a> Skeleton<'a> {
    pub fn of(raw: &'a [u8]) -> Result<Self, Refusal> {
        if raw.len() > MAX_MESSAGE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let mut scanner = Scanner::new(raw);
        scanner.run();
        Ok(scanner.into_skeleton())
    }

    pub fn omitted_at(&self, body_start: usize) -> Option<&Omitted> {
        self.omitted.iter().find(|omitted| omitted.at == body_start)
    }
}

/// What a body of a part is to us.
enum Body {
    Multipart {
        boundary: Vec<u8>,
    },
    Message,
    /// Shown as text: its beginning is worth keeping.
    Text,
    File,
    /// A file of a kind that is never shown as text.
    Binary,
}

struct Header {
    body: Body,
    end: usize,
}

/// A level of nesting; a message inside a message has no boundary of its own.
type Level = Option<Vec<u8>>;

struct Scanner<'a> {
    raw: &'a [u8],
    levels: Vec<Level>,
    parts: usize,
    /// Ranges of `raw` that are left out, in order.
    cuts: Vec<Range<usize>>,
    omitted: Vec<Range<usize>>,
    is_incomplete: bool,
}

impl<'a> Scanner<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Scanner {
            raw,
            levels: Vec::new(),
            parts: 0,
            cuts: Vec::new(),
            omitted: Vec::new(),
            is_incomplete: false,
        }
    }

    fn run(&mut self) {
        let mut at = Some(0);
        while let Some(start) = at {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                self.cut(start..self.raw.len());
                return;
            }
            at = self.part(start);
        }
    }

    /// Walks one part from its header on; where the next one begins.
    fn part(&mut self, start: usize) -> Option<usize> {
        let header = self.header(start);
        let is_too_deep = self.levels.len() >= MAX_DEPTH;
        match header.body {
            Body::Multipart { .. } | Body::Message if is_too_deep => {
                let (end, next) = self.find_boundary(header.end);
                self.cut(header.end..end);
                next
            }
            Body::Multipart { boundary } => {
                self.levels.push(Some(boundary));
                self.find_boundary(header.end).1
            }
            Body::Message => {
                self.levels.push(None);
                (header.end < self.raw.len()).then_some(header.end)
            }
            Body::Text => {
                let (end, next) = self.find_boundary(header.end);
                self.shorten(header.end..end);
                next
            }
            Body::File => {
                let (end, next) = self.find_boundary(header.end);
                self.omit(header.end..end, MAX_LEAF_BYTES);
                next
            }
            Body::Binary => {
                let (end, next) = self.find_boundary(header.end);
                self.omit(header.end..end, MAX_BINARY_BYTES);
                next
            }
        }
    }

    fn cut(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.cuts.push(range);
            self.is_incomplete = true;
        }
    }

    fn shorten(&mut self, body: Range<usize>) {
        if body.len() > MAX_LEAF_BYTES {
            let kept = &self.raw[body.start..body.start + MAX_LEAF_BYTES];
            let kept = memchr::memrchr(b'\n', kept).map_or(kept.len(), |line_end| line_end + 1);
            self.cut(body.start + kept..body.end);
        }
    }

    fn omit(&mut self, body: Range<usize>, most: usize) {
        if body.len() > most {
            self.cuts.push(body.clone());
            self.omitted.push(body);
        }
    }

    /// Reads a header up to its empty line; what is over the limits is cut.
    fn header(&mut self, start: usize) -> Header {
        let (mut at, mut lines) = (start, 0);
        let mut limit = None;
        let mut fields = Fields::default();
        while at < self.raw.len() {
            let line_end = memchr(b'\n', &self.raw[at..]).map_or(self.raw.len(), |found| at + found + 1);
            let line = self.raw[at..line_end].trim_ascii_end();
            if line.is_empty() {
                break;
            }
            lines += 1;
            if limit.is_none() && (line_end - start > MAX_HEADER_BYTES || lines > MAX_HEADER_LINES) {
                limit =
                    Some(at.max(
                        start + MAX_HEADER_BYTES.min(line_end - start - line_break(&self.raw[..line_end])),
                    ));
            }
            fields.add(line);
            at = line_end;
        }
        if let Some(from) = limit {
            let to = at - line_break(&self.raw[..at]);
            self.cut(from.min(to)..to);
        }
        let body = fields.body();
        let empty_line = memchr(b'\n', &self.raw[at..]).map_or(self.raw.len(), |found| at + found + 1);
        Header {
            body,
            end: empty_line,
        }
    }

    /// The next line that is a boundary of a level we are in: where the body before it ends, and where the
    /// next part begins (`None`: there is none).
    fn find_boundary(&mut self, from: usize) -> (usize, Option<usize>) {
        let mut body_end = None;
        let mut at = from;
        while let Some(dashes) = self.find_dashes(at) {
            let line_end =
                memchr(b'\n', &self.raw[dashes..]).map_or(self.raw.len(), |found| dashes + found + 1);
            let line = self.raw[dashes + 2..line_end].trim_ascii_end();
            at = line_end;
            let Some((level, closes)) = self.level_of(line) else {
                continue;
            };
            let before = dashes - line_break(&self.raw[..dashes]);
            let body_end = *body_end.get_or_insert(before.max(from));
            self.levels.truncate(level + usize::from(!closes));
            if !closes {
                return (body_end, Some(line_end));
            }
        }
        (body_end.unwrap_or(self.raw.len()), None)
    }

    fn find_dashes(&self, from: usize) -> Option<usize> {
        let rest = &self.raw[from.min(self.raw.len())..];
        let at_line_start = from == 0 || self.raw.get(from - 1) == Some(&b'\n');
        if at_line_start && rest.starts_with(b"--") {
            return Some(from);
        }
        memmem::find(rest, b"\n--").map(|found| from + found + 1)
    }

    /// The innermost level with this boundary, and whether the line closes it.
    fn level_of(&self, line: &[u8]) -> Option<(usize, bool)> {
        let found = |text: &[u8]| {
            self.levels
                .iter()
                .rposition(|level| level.as_deref() == Some(text))
        };
        found(line)
            .map(|level| (level, false))
            .or_else(|| found(line.strip_suffix(b"--")?).map(|level| (level, true)))
    }

    fn into_skeleton(self) -> Skeleton<'a> {
        if self.cuts.is_empty() {
            return Skeleton {
                bytes: Cow::Borrowed(self.raw),
                omitted: Vec::new(),
                is_incomplete: false,
            };
        }
        let mut bytes = Vec::new();
        let mut omitted = Vec::new();
        let mut at = 0;
        for cut in self.cuts {
            bytes.extend_from_slice(&self.raw[at..cut.start]);
            at = cut.end;
            if self.omitted.contains(&cut) {
                omitted.push(Omitted {
                    at: bytes.len(),
                    raw: cut,
                });
            }
        }
        bytes.extend_from_slice(&self.raw[at..]);
        Skeleton {
            bytes: Cow::Owned(bytes),
            omitted,
            is_incomplete: self.is_incomplete,
        }
    }
}

/// The fields of a part's header that say what its body is.
#[derive(Default)]
struct Fields {
    content_type: Vec<u8>,
    disposition: Vec<u8>,
    encoding: Vec<u8>,
    /// The field that a continuation line belongs to.
    last: Option<Field>,
}

#[derive(Clone, Copy)]
enum Field {
    ContentType,
    Disposition,
    Encoding,
}

/// More of a field does not change what the body is.
const MAX_FIELD_BYTES: usize = 16 * 1024;

impl Fields {
    fn add(&mut self, line: &[u8]) {
        let rest = if matches!(line[0], b' ' | b'\t') {
            line
        } else {
            let (field, rest) = name_of(line);
            self.last = field;
            rest
        };
        let value = match self.last {
            Some(Field::ContentType) => &mut self.content_type,
            Some(Field::Disposition) => &mut self.disposition,
            Some(Field::Encoding) => &mut self.encoding,
            None => return,
        };
        if value.len() + rest.len() <= MAX_FIELD_BYTES {
            value.extend_from_slice(rest);
        }
    }

    fn body(&self) -> Body {
        let content_type = self.content_type.trim_ascii();
        if starts_with(content_type, b"multipart/")
            && let Some(boundary) = boundary(content_type)
        {
            return Body::Multipart { boundary };
        }
        let is_plain = !matches!(
            self.encoding.trim_ascii().to_ascii_lowercase().as_slice(),
            b"base64" | b"quoted-printable"
        );
        if is_plain
            && (starts_with(content_type, b"message/rfc822") || starts_with(content_type, b"message/global"))
        {
            return Body::Message;
        }
        let is_text = content_type.is_empty()
            || starts_with(content_type, b"text/plain")
            || starts_with(content_type, b"text/html");
        let is_binary = [&b"application/"[..], b"image/", b"audio/", b"video/"]
            .iter()
            .any(|kind| starts_with(content_type, kind));
        if is_text && !starts_with(self.disposition.trim_ascii(), b"attachment") {
            Body::Text
        } else if is_binary {
            Body::Binary
        } else {
            Body::File
        }
    }
}

fn name_of(line: &[u8]) -> (Option<Field>, &[u8]) {
    let names: [(&[u8], Field); 3] = [
        (b"content-type:", Field::ContentType),
        (b"content-disposition:", Field::Disposition),
        (b"content-transfer-encoding:", Field::Encoding),
    ];
    let found = names.into_iter().find(|(name, _)| starts_with(line, name));
    found.map_or((None, line), |(name, field)| (Some(field), &line[name.len()..]))
}

/// The parameter of a multipart (RFC 2046 §5.1.1), quoted or not.
fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let lower = content_type.to_ascii_lowercase();
    let name = memmem::find_iter(&lower, b"boundary").find(|at| {
        let is_start = *at == 0 || matches!(lower[at - 1], b';' | b' ' | b'\t');
        is_start && lower[at + 8..].trim_ascii_start().starts_with(b"=")
    })?;
    let value = content_type[name + 8..].trim_ascii_start()[1..].trim_ascii_start();
    let value = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
        None => value.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next()?,
    };
    (!value.is_empty()).then(|| value.to_vec())
}

fn line_break(text: &[u8]) -> usize {
    match text {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.len() >= prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(boundary: &str, parts: &[String]) -> String {
        let parts: String = parts
            .iter()
            .map(|part| format!("--{boundary}\r\n{part}\r\n"))
            .collect();
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n{parts}--{boundary}--\r\n")
    }

    fn file(size: usize) -> String {
        format!("Content-Type: application/pdf\r\n\r\n{}", "A".repeat(size))
    }

    #[test]
    fn honest_mail_is_shown_as_it_is() {
        let text = "Content-Type: text/plain\r\n\r\nhello".to_owned();
        for raw in [
            "From: a@b.example\r\n\r\nhello",
            "",
            "\r\n",
            "no header at all",
            &mixed(
                "b",
                &[text.clone(), mixed("b2", &[text.clone(), file(1000)]), file(10)],
            ),
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y",
        ] {
            let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
            assert!(matches!(skeleton.bytes, Cow::Borrowed(_)), "{raw}");
            assert!(!skeleton.is_incomplete);
        }
    }

    #[test]
    fn a_large_file_stays_a_range_of_the_raw_message() {
        let text = "Content-Type: text/plain\r\n\r\nhello".to_owned();
        let raw = mixed("b", &[text.clone(), file(3_000_000), text]);
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        assert!(!skeleton.is_incomplete && skeleton.bytes.len() < 1000);
        let omitted = &skeleton.omitted[0];
        assert_eq!(&raw[omitted.raw.clone()], "A".repeat(3_000_000));
        assert!(skeleton.bytes[..omitted.at].ends_with(b"application/pdf\r\n\r\n"));
        assert!(skeleton.bytes[omitted.at..].starts_with(b"\r\n--b\r\n"));
    }

    #[test]
    fn of_a_large_text_the_beginning_is_shown() {
        let raw = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(200_000));
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        assert!(skeleton.is_incomplete && skeleton.omitted.is_empty());
        assert!(skeleton.bytes.len() <= MAX_LEAF_BYTES + 20 && skeleton.bytes.ends_with(b"9\r\n"));
    }

    #[test]
    fn what_is_over_a_limit_is_cut() {
        let message = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let nested = (0..1000).fold(file(1), |inner, level| mixed(&format!("b{level}"), &[inner]));
        let parts = mixed("b", &vec!["X: y\r\n\r\nx".to_owned(); 20_000]);
        let lines = format!("{}Subject: late\r\n\r\nbody", "X: y\r\n".repeat(20_000));
        let long = format!("Subject: early\r\nX: {}\r\n\r\nbody", "y".repeat(3_000_000));
        for (name, raw, most) in [
            ("messages", message, 60 * 30),
            ("nested", nested, 1_000_000),
            ("parts", parts, 200_000),
            ("lines", lines, 40_000),
            ("long", long, 1_100_000),
        ] {
            let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
            assert!(skeleton.is_incomplete, "{name}");
            assert!(skeleton.bytes.len() <= most, "{name}: {}", skeleton.bytes.len());
        }
        let lines = format!("{}Subject: late\r\n\r\nbody", "X: y\r\n".repeat(20_000));
        let skeleton = Skeleton::of(lines.as_bytes()).expect("skeleton");
        assert!(
            skeleton.bytes.ends_with(b"X: y\r\n\r\nbody"),
            "the body is still a body"
        );
    }
}
