//! How a message is built: which parts it has, and where each begins and ends.
//!
//! One pass over the bytes, which decodes nothing and never fails, because some bytes end the process of who parses them
//! (10,000 nested message/rfc822 overflow a stack) and a 50 MB attachment need not be decoded to be listed. What is over
//! a limit is left out; the raw message stays as it came. Large parts are remembered as ranges of it.
//!
//! A part that holds files in an encoding of its own (winmail.dat, uuencode, S/MIME) is opened ([`crate::wrapped`]): the
//! parts within are out of that, so nothing beyond this knows of it. Each part says which bytes it stands in.
//!
//! Senders break the rules: parts that nothing closes, boundaries that begin like others, header blocks that end without
//! an empty line, lines that end in CR. A line is a boundary only if it is exactly that of a multipart it stands in.

use std::borrow::Cow;
use std::ops::Range;

use domain::message::FilePlace;
use mail_parser::Encoding;
use memchr::memchr;
use memchr::memchr2;
use memchr::memmem;

use crate::fields::end_of_line;
use crate::fields::is_continued;
use crate::fields::is_known;
use crate::fields::name_length;
use crate::transfer::encoding;
use crate::wrapped;
use crate::wrapped::Wrapped;
use crate::wrapped::Wrapping;

pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;
const MAX_HEADER_BYTES: usize = 1024 * 1024;
const MAX_HEADER_LINES: usize = 5_000;
const MAX_DEPTH: usize = 50;
const MAX_PARTS: usize = 10_000;
/// A larger part stays a range of the raw message; of a larger text this much is shown.
const MAX_LEAF_BYTES: usize = 1024 * 1024;
/// A picture or a document says nothing to a parser, which would decode it and forget it (8 % of a first sync).
const MAX_BINARY_BYTES: usize = 4 * 1024;
/// A signature around a winmail.dat whose text holds uuencode.
const MAX_WRAPPINGS: usize = 3;
/// Once so much is opened, the rest stays as it is: it is held beside the message.
const MAX_OPENED_BYTES: usize = 40 * 1024 * 1024;
/// Text of Outlook is compressed: so much more than the message may be opened.
const MAX_GROWTH_BYTES: usize = 8 * 1024 * 1024;
/// More are not compared with a body.
const MAX_TEXTS_BESIDE: usize = 3;

/// Why a message is not parsed. It is kept as it came and can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is larger than 100 MiB")]
    TooLarge,
    #[error("it could not be parsed")]
    Unreadable,
}

pub struct Skeleton<'a> {
    /// The raw message, then what was found in the parts that were opened.
    sources: Vec<Source<'a>>,
    /// In the order in which they stand; the first is the message itself.
    pub parts: Vec<Part>,
    /// Something that could be shown is not: a limit was met.
    pub is_incomplete: bool,
    /// A part that was opened bore a signature (S/MIME), which nobody has checked.
    pub has_signed: bool,
}

/// Bytes that parts stand in.
pub struct Source<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// The byte in which lines end: CR alone on very old computers.
    pub line_end: u8,
}

/// One part: where its header and its body stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part that it stands in.
    pub parent: Option<usize>,
    pub kind: Kind,
    /// Which bytes it stands in; 0 is the raw message.
    source: usize,
    pub header: Range<usize>,
    /// As much of it as is read.
    pub body: Range<usize>,
    /// Where the body ends.
    end: usize,
}

impl Part {
    /// Its body is longer than what is read of it.
    pub fn is_cut(&self) -> bool {
        self.body.end < self.end
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Multipart,
    /// The part that follows is the message that it holds.
    Message,
    /// The parts in it were in an encoding of its own.
    Opened,
    Leaf,
}

impl<'a> Skeleton<'a> {
    pub fn of(raw: &'a [u8]) -> Result<Self, Refusal> {
        Self::within_limit(raw, MAX_WRAPPINGS)
    }

    /// Of a message within one, which is a file, and stays as it came: nothing in it is opened.
    pub fn closed(raw: &'a [u8]) -> Result<Self, Refusal> {
        Self::within_limit(raw, 0)
    }

    fn within_limit(raw: &'a [u8], wrappings: usize) -> Result<Self, Refusal> {
        if raw.len() > MAX_MESSAGE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let blank = raw.iter().take_while(|byte| byte.is_ascii_whitespace());
        Ok(Self::scanned(
            Cow::Borrowed(raw),
            blank.count(),
            wrappings,
            MAX_PARTS,
        ))
    }

    /// From the header at `start` on. `wrappings`: so many may be within one another; `parts`: so many are read.
    fn scanned(bytes: Cow<'a, [u8]>, start: usize, wrappings: usize, parts: usize) -> Self {
        let mut scanner = Scanner::new(&bytes, wrappings, parts);
        scanner.run(start);
        let Scanner {
            line_end,
            parts,
            opened,
            is_incomplete,
            has_signed,
            ..
        } = scanner;
        let mut sources = vec![Source { bytes, line_end }];
        sources.extend(opened);
        Skeleton {
            sources,
            parts,
            is_incomplete,
            has_signed,
        }
    }

    /// What a part stands in.
    pub fn source(&self, part: &Part) -> &Source<'a> {
        &self.sources[part.source]
    }

    /// The body of a part as it came, in its transfer encoding; with what is not read of it.
    pub fn body(&self, part: &Part) -> &[u8] {
        &self.source(part).bytes[part.body.start..part.end]
    }

    /// The parts of the message itself, not those of a message within it, and what each is called from outside: those
    /// within an opened one have its number and one of their own, so that a part keeps its number whatever is opened
    /// before it.
    pub fn own_parts(&self) -> Vec<(FilePlace, &Part)> {
        let mut own = Vec::with_capacity(self.parts.len());
        let mut is_held: Vec<bool> = Vec::with_capacity(self.parts.len());
        let mut next = 0_u16;
        let mut place = FilePlace::default();
        for part in &self.parts {
            let holder = part
                .parent
                .filter(|parent| is_held[*parent] || self.parts[*parent].kind == Kind::Message);
            is_held.push(holder.is_some());
            if holder.is_some() {
                continue;
            }
            place = match part.source {
                0 => FilePlace { part: next, inner: 0 },
                _ => FilePlace {
                    part: place.part,
                    inner: place.inner.saturating_add(1),
                },
            };
            if part.source == 0 {
                next = next.saturating_add(1);
            }
            own.push((place, part));
        }
        own
    }
}

/// What a body of a part is to us.
enum Body {
    /// With the boundary that it declares.
    Multipart {
        boundary: Option<Vec<u8>>,
        is_digest: bool,
    },
    Message,
    /// Shown as text: its beginning is worth keeping.
    Text,
    File,
    /// A file of a kind that is never shown as text.
    Binary,
    /// Too deep in others.
    Unread,
}

struct Header {
    body: Body,
    wrapping: Option<Wrapping>,
    /// Where its fields end, as far as they are read.
    end: usize,
    body_start: usize,
}

/// A multipart or a message that we are in; a message inside a message has no boundary of its own.
struct Level {
    part: usize,
    boundary: Option<Vec<u8>>,
    /// What it holds is a message where nothing else is said (RFC 2046 §5.1.5).
    is_digest: bool,
    /// Its last boundary was met; some senders go on.
    is_closed: bool,
}

struct Boundary {
    line: usize,
    after: usize,
    level: usize,
    closes: bool,
}

struct Scanner<'a> {
    raw: &'a [u8],
    line_end: u8,
    levels: Vec<Level>,
    parts: Vec<Part>,
    most_parts: usize,
    /// So many more may be within one another.
    wrappings: usize,
    /// What was found in parts, in their order.
    opened: Vec<Source<'static>>,
    opened_bytes: usize,
    /// Bodies of text that were met.
    texts: Vec<(Wrapping, Range<usize>)>,
    is_incomplete: bool,
    has_signed: bool,
}

impl<'a> Scanner<'a> {
    fn new(raw: &'a [u8], wrappings: usize, most_parts: usize) -> Self {
        Scanner {
            raw,
            line_end: line_end_of(raw.trim_ascii_start()),
            levels: Vec::new(),
            parts: Vec::new(),
            most_parts,
            wrappings,
            opened: Vec::new(),
            opened_bytes: 0,
            texts: Vec::new(),
            is_incomplete: false,
            has_signed: false,
        }
    }

    fn run(&mut self, start: usize) {
        let mut at = Some(start);
        while let Some(start) = at {
            if self.parts.len() >= self.most_parts {
                self.is_incomplete = true;
                self.leave_levels(0, self.raw.len());
                return;
            }
            at = self.part(start);
        }
    }

    /// Walks one part from its header on; where the next one begins.
    fn part(&mut self, start: usize) -> Option<usize> {
        let header = self.header(start);
        let index = self.parts.len();
        let body = header.body_start;
        let is_too_deep = self.levels.len() >= MAX_DEPTH;
        self.parts.push(Part {
            parent: self.levels.last().map(|level| level.part),
            kind: Kind::Leaf,
            source: 0,
            header: start..header.end,
            body: body..self.raw.len(),
            end: self.raw.len(),
        });
        match header.body {
            Body::Multipart { .. } | Body::Message if is_too_deep => {
                self.is_incomplete = true;
                self.leaf(index, &Body::Unread, None)
            }
            Body::Multipart { boundary, is_digest } => {
                self.enter(index, Kind::Multipart, boundary, is_digest);
                self.first_part(body)
            }
            Body::Message => {
                self.enter(index, Kind::Message, None, false);
                Some(body)
            }
            kind => self.leaf(index, &kind, header.wrapping),
        }
    }

    fn enter(&mut self, part: usize, kind: Kind, boundary: Option<Vec<u8>>, is_digest: bool) {
        self.parts[part].kind = kind;
        self.levels.push(Level {
            part,
            boundary,
            is_digest,
            is_closed: false,
        });
    }

    fn leaf(&mut self, index: usize, kind: &Body, wrapping: Option<Wrapping>) -> Option<usize> {
        let wrapping = wrapping.filter(|_| !self.is_in_message());
        let start = self.parts[index].body.start;
        let (end, next) = self.next_part(start);
        self.parts[index].body = start..end;
        self.parts[index].end = end;
        if !wrapping.is_some_and(|wrapping| self.open(index, wrapping)) {
            self.parts[index].body = self.as_read(kind, start..end);
        }
        next
    }

    /// A message within this one is a file, and stays as it came.
    fn is_in_message(&self) -> bool {
        let mut levels = self.levels.iter();
        levels.any(|level| self.parts[level.part].kind == Kind::Message)
    }

    /// Puts what a part holds in its place; `false`: it stays what it is.
    fn open(&mut self, index: usize, wrapping: Wrapping) -> bool {
        let part = &self.parts[index];
        let wrapped = Wrapped {
            wrapping,
            header: &self.raw[part.header.clone()],
            body: &self.raw[part.body.clone()],
            line_end: self.line_end,
        };
        if matches!(wrapping, Wrapping::Text(_)) {
            self.texts.push((wrapping, part.body.clone()));
        }
        let most_bytes = MAX_OPENED_BYTES.min(self.raw.len() + MAX_GROWTH_BYTES);
        if self.wrappings == 0 || self.opened_bytes > most_bytes || !wrapped.is_likely() {
            return false;
        }
        let Some(entities) = wrapped::open(&wrapped, &self.said(wrapping)) else {
            return false;
        };
        self.parts[index].kind = Kind::Opened;
        self.has_signed |= matches!(wrapping, Wrapping::Pkcs7(_));
        for entity in entities {
            self.add_entity(index, entity);
        }
        true
    }

    /// The texts before a winmail.dat: its body is mostly one of them once more.
    fn said(&self, wrapping: Wrapping) -> Vec<Cow<'a, [u8]>> {
        if !matches!(wrapping, Wrapping::Tnef(_)) {
            return Vec::new();
        }
        let near = self.texts.iter().rev().take(MAX_TEXTS_BESIDE);
        near.map(|(text, body)| {
            let body = &self.raw[body.start..body.end.min(body.start + MAX_LEAF_BYTES)];
            text.decoded(body, self.line_end)
        })
        .collect()
    }

    fn add_entity(&mut self, holder: usize, entity: Vec<u8>) {
        let left = self.most_parts.saturating_sub(self.parts.len());
        let found = Skeleton::scanned(Cow::Owned(entity), 0, self.wrappings - 1, left);
        let (first_part, first_source) = (self.parts.len(), self.opened.len() + 1);
        self.parts.extend(found.parts.into_iter().map(|part| Part {
            parent: Some(part.parent.map_or(holder, |parent| parent + first_part)),
            source: part.source + first_source,
            ..part
        }));
        self.opened_bytes += found
            .sources
            .iter()
            .map(|source| source.bytes.len())
            .sum::<usize>();
        self.opened.extend(found.sources);
        self.is_incomplete |= found.is_incomplete;
        self.has_signed |= found.has_signed;
    }

    fn as_read(&mut self, kind: &Body, body: Range<usize>) -> Range<usize> {
        let most = match kind {
            Body::Text => return self.shortened(body),
            Body::File => MAX_LEAF_BYTES,
            Body::Binary => MAX_BINARY_BYTES,
            Body::Unread | Body::Multipart { .. } | Body::Message => 0,
        };
        match body.len() <= most {
            true => body,
            false => body.start..body.start,
        }
    }

    /// Of the multipart just entered. One whose boundary is not met has the one that stands there in its place.
    fn first_part(&mut self, start: usize) -> Option<usize> {
        let own = self.levels.len() - 1;
        let first = self.boundary_from(start);
        if first.as_ref().is_none_or(|first| first.level != own) {
            let end = first.map_or(self.raw.len(), |first| first.line);
            if let Some(guess) = guessed_boundary(&self.raw[start..end], self.line_end) {
                self.levels[own].boundary = Some(guess);
            }
        }
        self.next_part(start).1
    }

    fn shortened(&mut self, body: Range<usize>) -> Range<usize> {
        if body.len() <= MAX_LEAF_BYTES {
            return body;
        }
        self.is_incomplete = true;
        let kept = &self.raw[body.start..body.start + MAX_LEAF_BYTES];
        let kept = memchr::memrchr(self.line_end, kept).map_or(kept.len(), |line_end| line_end + 1);
        body.start..body.start + kept
    }

    /// Reads a header up to its empty line, a boundary, or a line that is no field.
    fn header(&mut self, start: usize) -> Header {
        let (mut at, mut lines, mut is_over) = (start, 0, None);
        let mut fields = Fields::default();
        // Up to here lines that are no fields stand amid fields.
        let mut fields_until = None;
        let mut body_start = None;
        while at < self.raw.len() && body_start.is_none() {
            let after = end_of_line(self.raw, at, self.line_end);
            let line = self.raw[at..after].trim_ascii_end();
            if line.is_empty() && !self.goes_on(at, after) {
                body_start = Some(after);
                break;
            }
            if self.is_boundary(line) {
                break;
            }
            let is_field =
                name_length(line).is_some() || (is_continued(line) && lines > 0) || line.is_empty();
            if !is_field && at >= *fields_until.get_or_insert_with(|| self.last_field(at, &fields)) {
                break;
            }
            lines += 1;
            if is_over.is_none() && (after - start > MAX_HEADER_BYTES || lines > MAX_HEADER_LINES) {
                is_over = Some(at.max(start + MAX_HEADER_BYTES.min(after - start)));
                self.is_incomplete = true;
            }
            if is_field && !line.is_empty() {
                fields.add(line);
            }
            at = after;
        }
        Header {
            body: fields.body(self.levels.last().is_some_and(|level| level.is_digest)),
            wrapping: fields.wrapping(),
            end: is_over.unwrap_or(at).min(at),
            body_start: body_start.unwrap_or(at),
        }
    }

    /// White space alone between the lines of a header.
    fn goes_on(&self, at: usize, after: usize) -> bool {
        let is_blank = memchr2(b' ', b'\t', &self.raw[at..after]).is_some();
        let next = &self.raw[after..end_of_line(self.raw, after, self.line_end)];
        is_blank
            && !next.trim_ascii().is_empty()
            && (is_continued(next) || name_length(next).is_some_and(|length| is_known(&next[..length])))
    }

    /// Where the last line stands, up to an empty one, that begins a field which mail has and this header has not.
    fn last_field(&self, from: usize, fields: &Fields) -> usize {
        let (mut at, mut last) = (from, from);
        while at < self.raw.len() {
            let after = end_of_line(self.raw, at, self.line_end);
            let line = &self.raw[at..after];
            if line.trim_ascii().is_empty() || self.is_boundary(line.trim_ascii_end()) {
                break;
            }
            if name_length(line)
                .is_some_and(|length| is_known(&line[..length]) && !fields.has(&line[..length]))
            {
                last = after;
            }
            at = after;
        }
        last
    }

    fn is_boundary(&self, line: &[u8]) -> bool {
        line.strip_prefix(b"--")
            .is_some_and(|text| self.level_of(text).is_some())
    }

    /// Leaves what ends before the next part: where the body before it ends, and where it begins (`None`: there is none).
    fn next_part(&mut self, from: usize) -> (usize, Option<usize>) {
        let mut body_end = None;
        let mut at = from;
        while let Some(boundary) = self.boundary_from(at) {
            at = boundary.after;
            let before = boundary.line - line_break(&self.raw[..boundary.line]);
            let end = *body_end.get_or_insert(before.max(from));
            self.leave_levels(boundary.level + 1, end);
            self.levels[boundary.level].is_closed = boundary.closes;
            if !boundary.closes {
                return (end, Some(boundary.after));
            }
        }
        self.leave_levels(0, self.raw.len());
        (body_end.unwrap_or(self.raw.len()), None)
    }

    fn leave_levels(&mut self, kept: usize, end: usize) {
        for level in self.levels.drain(kept.min(self.levels.len())..) {
            let part = &mut self.parts[level.part];
            part.end = end.max(part.body.start);
            part.body.end = part.end;
        }
    }

    fn boundary_from(&self, from: usize) -> Option<Boundary> {
        let mut at = from;
        while let Some(line) = self.find_dashes(at) {
            let after = end_of_line(self.raw, line, self.line_end);
            if let Some((level, closes)) = self.level_of(self.raw[line + 2..after].trim_ascii_end()) {
                return Some(Boundary {
                    line,
                    after,
                    level,
                    closes,
                });
            }
            at = after;
        }
        None
    }

    fn find_dashes(&self, from: usize) -> Option<usize> {
        let rest = &self.raw[from.min(self.raw.len())..];
        let at_line_start = from == 0 || self.raw.get(from - 1) == Some(&self.line_end);
        if at_line_start && rest.starts_with(b"--") {
            return Some(from);
        }
        memmem::find(rest, &[self.line_end, b'-', b'-']).map(|found| from + found + 1)
    }

    /// The innermost level with this boundary, and whether the line closes it. One that is closed is asked last.
    fn level_of(&self, line: &[u8]) -> Option<(usize, bool)> {
        let found = |text: &[u8], or_closed: bool| {
            self.levels
                .iter()
                .rposition(|level| level.boundary.as_deref() == Some(text) && (or_closed || !level.is_closed))
        };
        let closed = || found(line.strip_suffix(b"--")?, false).map(|level| (level, true));
        found(line, false)
            .map(|level| (level, false))
            .or_else(closed)
            .or_else(|| found(line, true).map(|level| (level, false)))
    }
}

/// Lines of very old computers end in CR: there is no LF, or it comes only below an empty line.
fn line_end_of(raw: &[u8]) -> u8 {
    let head = &raw[..memchr(b'\n', raw).unwrap_or(raw.len())];
    let is_whole = head.len() == raw.len();
    let has_empty_line = memmem::find(head, b"\r\r").is_some_and(|at| at + 2 < head.len());
    match memchr(b'\r', head).is_some() && (is_whole || has_empty_line) {
        true => b'\r',
        false => b'\n',
    }
}

/// The first line of two dashes above one that begins a part.
fn guessed_boundary(body: &[u8], line_end: u8) -> Option<Vec<u8>> {
    let mut lines = body
        .split(|byte| *byte == line_end)
        .map(<[u8]>::trim_ascii_end)
        .peekable();
    while let Some(line) = lines.next() {
        let text = line.strip_prefix(b"--").filter(|text| !text.is_empty());
        if let (Some(text), Some(next)) = (text, lines.peek())
            && starts_with(next, b"content-")
        {
            return Some(text.to_vec());
        }
    }
    None
}

/// The fields of a part's header that say what its body is.
#[derive(Default)]
struct Fields {
    content_type: Vec<u8>,
    disposition: Vec<u8>,
    encoding: Vec<u8>,
    /// The field that a continuation line belongs to.
    last: Option<Field>,
    /// The names that were met, as far as they tell a header from a text.
    names: Vec<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Field {
    ContentType,
    Disposition,
    Encoding,
}

/// More of a field does not change what the body is.
const MAX_FIELD_BYTES: usize = 16 * 1024;
const MAX_NAMES: usize = 50;

impl Fields {
    fn add(&mut self, line: &[u8]) {
        let rest = if is_continued(line) {
            line
        } else {
            let (field, rest) = name_of(line);
            self.last = field;
            self.note_name(line);
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

    fn note_name(&mut self, line: &[u8]) {
        if let Some(length) = name_length(line).filter(|_| self.names.len() < MAX_NAMES) {
            self.names.push(line[..length].to_ascii_lowercase());
        }
    }

    /// Of those that stand once in a header.
    fn has(&self, name: &[u8]) -> bool {
        let can_stand_again = starts_with(name, b"received") || starts_with(name, b"x-");
        !can_stand_again && self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn wrapping(&self) -> Option<Wrapping> {
        let (content_type, disposition) = (self.content_type.trim_ascii(), self.disposition.trim_ascii());
        Wrapping::of(content_type, disposition, self.encoding.trim_ascii())
    }

    fn body(&self, is_in_digest: bool) -> Body {
        let content_type = self.content_type.trim_ascii();
        if starts_with(content_type, b"multipart/") {
            return Body::Multipart {
                boundary: boundary(content_type),
                is_digest: starts_with(content_type, b"multipart/digest"),
            };
        }
        let is_plain = matches!(encoding(&self.encoding), Encoding::None);
        let is_message = starts_with(content_type, b"message/rfc822")
            || starts_with(content_type, b"message/global") && !starts_with(content_type, b"message/global-")
            || content_type.is_empty() && is_in_digest;
        if is_plain && is_message {
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
        (b"content-type", Field::ContentType),
        (b"content-disposition", Field::Disposition),
        (b"content-transfer-encoding", Field::Encoding),
    ];
    let length = name_length(line).unwrap_or_default();
    let found = names
        .into_iter()
        .find(|(name, _)| line[..length].eq_ignore_ascii_case(name));
    let value = memchr(b':', line).map_or(line, |colon| &line[colon + 1..]);
    found.map_or((None, line), |(_, field)| (Some(field), value))
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
    let value = value.trim_ascii_end();
    (!value.is_empty()).then(|| value.to_vec())
}

fn line_break(text: &[u8]) -> usize {
    match text {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n' | b'\r'] => 1,
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

    /// Each part as what it holds, by its depth.
    fn outline(raw: &str) -> Vec<(usize, Kind, String)> {
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        assert!(!skeleton.is_incomplete, "{raw}");
        let depth =
            |part: &Part| std::iter::successors(part.parent, |parent| skeleton.parts[*parent].parent).count();
        let parts = skeleton.parts.iter();
        let text = |part: &Part| {
            String::from_utf8_lossy(&skeleton.source(part).bytes[part.body.clone()])
                .trim()
                .to_owned()
        };
        let shown = |part: &Part| {
            if part.kind == Kind::Leaf {
                text(part)
            } else {
                String::new()
            }
        };
        parts.map(|part| (depth(part), part.kind, shown(part))).collect()
    }

    fn texts(raw: &str) -> Vec<String> {
        let leaves = outline(raw)
            .into_iter()
            .filter(|(_, kind, _)| *kind == Kind::Leaf);
        leaves.map(|(_, _, text)| text).collect()
    }

    #[test]
    fn parts_are_found_however_they_end() {
        let text = "Content-Type: text/plain\r\n\r\n";
        let inner =
            |boundary: &str| format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n");
        let outer = inner("a");
        for (name, raw, expected) in [
            ("no header", "hello".to_owned(), vec!["hello"]),
            ("nothing", String::new(), vec![""]),
            (
                "leading lines",
                "\r\n\r\nSubject: x\r\n\r\nhello".to_owned(),
                vec!["hello"],
            ),
            (
                "closed",
                format!("{outer}--a\r\n{text}one\r\n--a\r\n{text}two\r\n--a--\r\n"),
                vec!["one", "two"],
            ),
            (
                "not closed",
                format!("{outer}--a\r\n{text}one\r\n--a\r\n{text}two"),
                vec!["one", "two"],
            ),
            (
                "an inner one not closed",
                format!(
                    "{outer}--a\r\n{}--b\r\n{text}one\r\n--a\r\n{text}two\r\n--a--",
                    inner("b")
                ),
                vec!["one", "two"],
            ),
            (
                "a boundary that begins like another",
                format!(
                    "{outer}--a\r\n{}--ab\r\n{text}one\r\n--ab\r\n{text}two\r\n--ab--\r\n--a\r\n{text}three\r\n--a--",
                    inner("ab")
                ),
                vec!["one", "two", "three"],
            ),
            (
                "the same boundary within itself",
                format!(
                    "{outer}--a\r\n{}--a\r\n{text}one\r\n--a--\r\n--a\r\n{text}two\r\n--a--",
                    inner("a")
                ),
                vec!["one", "two"],
            ),
            (
                "closed too early",
                format!("{outer}--a\r\n{text}one\r\n--a--\r\n--a\r\n{text}two\r\n--a--"),
                vec!["one", "two"],
            ),
            (
                "text below",
                format!("{outer}--a\r\n{text}one\r\n--a--\r\nfooter"),
                vec!["one"],
            ),
            (
                "dashes in a line",
                format!("{outer}--a\r\n{text}x --a\r\n--a b\r\n--a--"),
                vec!["x --a\r\n--a b"],
            ),
            (
                "spaces behind",
                format!("{outer}--a \r\n{text}one\r\n--a-- \r\n"),
                vec!["one"],
            ),
            (
                "no empty line in a part",
                format!("{outer}--a\r\nhello\r\n--a--"),
                vec!["hello"],
            ),
            (
                "a header alone",
                format!("{outer}--a\r\nContent-Type: text/plain\r\n--a\r\n{text}two\r\n--a--"),
                vec!["", "two"],
            ),
            (
                "no boundary declared",
                format!("Content-Type: multipart/mixed\r\n\r\n--x\r\n{text}one\r\n--x--"),
                vec!["one"],
            ),
            (
                "another one than declared",
                format!("{outer}--x\r\n{text}one\r\n--x\r\n{text}two"),
                vec!["one", "two"],
            ),
        ] {
            assert_eq!(texts(&raw), expected, "{name}");
            assert_eq!(
                texts(&raw.replace("\r\n", "\n")),
                expected
                    .iter()
                    .map(|text| text.replace("\r\n", "\n"))
                    .collect::<Vec<_>>(),
                "{name}, LF"
            );
            if name != "nothing" && name != "no header" {
                assert_eq!(
                    texts(&raw.replace("\r\n", "\r")),
                    expected
                        .iter()
                        .map(|text| text.replace("\r\n", "\r"))
                        .collect::<Vec<_>>(),
                    "{name}, CR"
                );
            }
        }
    }

    #[test]
    fn a_message_within_is_there_though_it_is_empty_or_cut() {
        let held = "Content-Type: message/rfc822\r\n\r\n";
        for (name, inside, expected) in [
            ("whole", "Subject: x\r\n\r\nhi\r\n", "hi"),
            ("empty", "", ""),
            ("a line end", "\r\n", ""),
            ("a header alone", "Subject: x\r\n", ""),
            ("half a header", "Subj\r\n", "Subj"),
            ("text alone", "hello\r\n", "hello"),
        ] {
            for end in ["--b--\r\n", "--b\r\n\r\nmore\r\n--b--", ""] {
                let raw =
                    format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{held}{inside}{end}");
                let found = outline(&raw);
                assert_eq!(found[1].1, Kind::Message, "{name} {end}");
                assert_eq!(found[2], (2, Kind::Leaf, expected.to_owned()), "{name} {end}");
            }
        }
    }

    #[test]
    fn a_header_ends_where_its_fields_end() {
        for (name, raw, expected) in [
            (
                "no empty line",
                "From: a\r\nSubject: b\r\nHello there.\r\nBye.",
                "Hello there.\r\nBye.",
            ),
            (
                "a broken line amid fields",
                "From: a\r\nbroken\r\nSubject: b\r\n\r\nHello",
                "Hello",
            ),
            (
                "the line of a mailbox file",
                "From a@b Mon Nov 2\r\nFrom: a\r\n\r\nHello",
                "Hello",
            ),
            (
                "spaces alone amid fields",
                "From: a\r\n \r\nSubject: b\r\n\r\nHello",
                "Hello",
            ),
            ("spaces alone at the end", "From: a\r\n \r\nHello", "Hello"),
            (
                "a paragraph that begins like a field",
                "From: a\r\n\r\nNote: hi",
                "Note: hi",
            ),
        ] {
            assert_eq!(texts(raw), [expected], "{name}");
        }
    }

    #[test]
    fn honest_mail_is_read_where_it_stands() {
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
            assert!(matches!(
                skeleton.sources.as_slice(),
                [Source {
                    bytes: Cow::Borrowed(_),
                    ..
                }]
            ));
            assert!(!skeleton.is_incomplete);
        }
    }

    #[test]
    fn a_large_file_stays_a_range_of_the_raw_message() {
        let text = "Content-Type: text/plain\r\n\r\nhello".to_owned();
        let raw = mixed("b", &[text.clone(), file(3_000_000), text]);
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        let part = &skeleton.parts[2];
        assert!(!skeleton.is_incomplete && part.body.is_empty() && part.is_cut());
        assert_eq!(skeleton.body(part), "A".repeat(3_000_000).as_bytes());
    }

    #[test]
    fn of_a_large_text_the_beginning_is_shown() {
        let raw = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(200_000));
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        let body = &raw[skeleton.parts[0].body.clone()];
        assert!(skeleton.is_incomplete && skeleton.body(&skeleton.parts[0]).len() == 2_400_000);
        assert!(body.len() <= MAX_LEAF_BYTES && body.ends_with("9\r\n"));
    }

    #[test]
    fn what_is_over_a_limit_is_left_out() {
        let message = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let nested = (0..1000).fold(file(1), |inner, level| mixed(&format!("b{level}"), &[inner]));
        let parts = mixed("b", &vec!["X: y\r\n\r\nx".to_owned(); 20_000]);
        let lines = format!("{}Subject: late\r\n\r\nbody", "X: y\r\n".repeat(20_000));
        let long = format!("Subject: early\r\nX: {}\r\n\r\nbody", "y".repeat(3_000_000));
        for (name, raw, most_parts) in [
            ("messages", message, MAX_DEPTH + 1),
            ("nested", nested, MAX_DEPTH + 1),
            ("parts", parts, MAX_PARTS),
            ("lines", lines.clone(), 1),
            ("long", long, 1),
        ] {
            let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
            assert!(skeleton.is_incomplete, "{name}");
            assert!(
                skeleton.parts.len() <= most_parts,
                "{name}: {}",
                skeleton.parts.len()
            );
            assert!(skeleton.parts[0].header.len() <= MAX_HEADER_BYTES, "{name}");
        }
        let skeleton = Skeleton::of(lines.as_bytes()).expect("skeleton");
        assert_eq!(&lines[skeleton.parts[0].body.clone()], "body");
    }
}
