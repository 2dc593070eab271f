//! From the parts that the skeleton found to a message as the parsing library has it: behind the limits, and never with
//! a panic.
//!
//! The library reads fields (dates, ids, parameters). Where parts begin and end, what they are written in and whose an
//! address is, it gets wrong on what real senders write, so that is read here.

use std::borrow::Cow;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use mail_parser::Address;
use mail_parser::ContentType;
use mail_parser::Encoding;
use mail_parser::GetHeader as _;
use mail_parser::Header;
use mail_parser::HeaderName;
use mail_parser::HeaderValue;
use mail_parser::Message;
use mail_parser::MessagePart;
use mail_parser::PartType;
use mail_parser::parsers::MessageStream;

use crate::addresses::mailboxes;
use crate::charset::Charset;
use crate::charset::Charsets;
use crate::charset::Piece;
use crate::charset::fits;
use crate::fields::Field;
use crate::fields::fields;
use crate::skeleton::Kind;
use crate::skeleton::Part;
use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;
use crate::transfer::decoded;
use crate::transfer::encoding;
use crate::words::decode_words;
use crate::words::decode_words_in_parameters;

/// Messages within messages that are encoded: each has to be decoded whole.
const MAX_ENCODED_MESSAGES: usize = 3;

/// A message, and what its bytes are written in where they do not say it rightly.
pub struct Parsed<'a> {
    pub message: Message<'a>,
    pub charsets: Charsets,
}

pub fn parse<'a>(skeleton: &'a Skeleton<'_>) -> Result<Parsed<'a>, Refusal> {
    parse_as(skeleton, None)
}

/// `charset`: what a reader says it is written in, whatever it says of itself.
pub fn parse_as<'a>(skeleton: &'a Skeleton<'_>, charset: Option<Charset>) -> Result<Parsed<'a>, Refusal> {
    let read = || Reader::new(skeleton, charset, MAX_ENCODED_MESSAGES).whole();
    // Nothing here is known to panic; what the library does with a field is not ours to know.
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| Refusal::Unreadable)
}

/// What a part without parts is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Leaf {
    Plain,
    Html,
    /// A calendar, a style sheet.
    OtherText,
    /// A picture, a sound.
    Media,
    Message,
    #[default]
    Other,
}

/// What is read of a part before it is known what the message is written in.
#[derive(Default)]
struct Source<'a> {
    fields: Vec<Field>,
    content_type: Option<ContentType<'a>>,
    encoding: Encoding,
    leaf: Leaf,
    /// Out of its transfer encoding.
    bytes: Cow<'a, [u8]>,
}

/// How the parts of a multipart are looked at (RFC 8621 §4.1.4).
#[derive(Clone, Copy)]
struct Place {
    is_alternative: bool,
    is_related: bool,
    in_alternative: bool,
    is_first: bool,
    /// Whether the HTML that is shown, or the text, may still go on here.
    html: bool,
    text: bool,
}

struct Reader<'a> {
    skeleton: &'a Skeleton<'a>,
    sources: Vec<Source<'a>>,
    children: Vec<Vec<usize>>,
    charsets: Charsets,
    charset: Option<Charset>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(skeleton: &'a Skeleton<'a>, charset: Option<Charset>, depth: usize) -> Self {
        let mut children = vec![Vec::new(); skeleton.parts.len()];
        for (index, part) in skeleton.parts.iter().enumerate() {
            part.parent
                .into_iter()
                .for_each(|parent| children[parent].push(index));
        }
        let parts = skeleton.parts.iter().zip(&children);
        let sources: Vec<_> = parts
            .map(|(part, children)| source(skeleton, part, children.is_empty()))
            .collect();
        Reader {
            charsets: charsets(skeleton, &sources, charset),
            skeleton,
            sources,
            children,
            charset,
            depth,
        }
    }

    fn whole(mut self) -> Parsed<'a> {
        let end = self.source_of(0).len();
        Parsed {
            message: self.message(0, end),
            charsets: self.charsets,
        }
    }

    /// The bytes that a part stands in.
    fn source_of(&self, index: usize) -> &'a [u8] {
        &self.skeleton.source(&self.skeleton.parts[index]).bytes
    }

    fn message(&mut self, root: usize, end: usize) -> Message<'a> {
        let mut message = Message {
            raw_message: Cow::Borrowed(self.source_of(root)),
            ..Message::default()
        };
        let place = Place {
            is_alternative: false,
            is_related: false,
            in_alternative: false,
            is_first: true,
            html: true,
            text: true,
        };
        self.add(&mut message, root, place);
        message.parts[0].offset_end = end as u32;
        message
    }

    /// Adds a part and those in it; what it leaves open for the next one.
    fn add(&mut self, message: &mut Message<'a>, index: usize, place: Place) -> Place {
        let part = self.skeleton.parts[index].clone();
        let headers = self.headers(index);
        let id = message.parts.len();
        message.parts.push(MessagePart {
            headers,
            is_encoding_problem: false,
            body: PartType::default(),
            encoding: self.sources[index].encoding,
            offset_header: part.header.start as u32,
            offset_body: part.body.start as u32,
            offset_end: part.body.end as u32,
        });
        let (body, next) = match part.kind {
            Kind::Message => {
                message.attachments.push(id as u32);
                (self.held_message(index, part.body), place)
            }
            Kind::Multipart if self.children[index].is_empty() => self.add_leaf(message, index, place),
            Kind::Multipart | Kind::Opened => (
                PartType::Multipart(self.add_children(message, index, place)),
                place,
            ),
            Kind::Leaf => self.add_leaf(message, index, place),
        };
        message.parts[id].body = body;
        next
    }

    /// Of the part just added.
    fn add_leaf(&mut self, message: &mut Message<'a>, index: usize, place: Place) -> (PartType<'a>, Place) {
        let source = std::mem::take(&mut self.sources[index]);
        let id = message.parts.len() - 1;
        let next = place_leaf(message, id as u32, &source, place);
        (self.body_of(source), next)
    }

    fn add_children(&mut self, message: &mut Message<'a>, index: usize, place: Place) -> Vec<u32> {
        let subtype = self.sources[index]
            .content_type
            .as_ref()
            .and_then(ContentType::subtype);
        let is = |name: &str| subtype.is_some_and(|subtype| subtype.eq_ignore_ascii_case(name));
        let mut inner = Place {
            is_alternative: is("alternative"),
            is_related: is("related"),
            in_alternative: place.in_alternative || is("alternative"),
            is_first: true,
            ..place
        };
        let (html, text) = (message.html_body.len(), message.text_body.len());
        let mut ids = Vec::new();
        for child in self.children[index].clone() {
            ids.push(message.parts.len() as u32);
            inner = self.add(message, child, inner);
            inner.is_first = false;
        }
        // One form of the message stands for the other that is missing.
        if inner.is_alternative && place.html && place.text {
            if message.text_body.len() == text {
                message.text_body.extend_from_slice(&message.html_body[html..]);
            } else if message.html_body.len() == html {
                message.html_body.extend_from_slice(&message.text_body[text..]);
            }
        }
        ids
    }

    /// The message that a message holds; one that was cut before it began is empty.
    fn held_message(&mut self, index: usize, body: Range<usize>) -> PartType<'a> {
        match self.children[index].first() {
            Some(root) => PartType::Message(self.message(*root, body.end)),
            None => PartType::Message(Message {
                parts: vec![MessagePart {
                    body: PartType::Text(Cow::Borrowed("")),
                    ..MessagePart::default()
                }],
                ..Message::default()
            }),
        }
    }

    fn body_of(&self, source: Source<'a>) -> PartType<'a> {
        match source.leaf {
            Leaf::Plain | Leaf::OtherText => PartType::Text(self.text_of(source)),
            Leaf::Html => PartType::Html(self.text_of(source)),
            Leaf::Media => PartType::InlineBinary(source.bytes),
            Leaf::Message if self.depth > 0 => self.encoded_message(source.bytes),
            Leaf::Message | Leaf::Other => PartType::Binary(source.bytes),
        }
    }

    fn text_of(&self, source: Source<'a>) -> Cow<'a, str> {
        let label = label(&source).map(str::to_owned);
        let text = match source.bytes {
            Cow::Borrowed(bytes) => self.charsets.decode(bytes, label.as_deref()),
            Cow::Owned(bytes) => Cow::Owned(self.charsets.decode(&bytes, label.as_deref()).into_owned()),
        };
        with_plain_lines(text)
    }

    /// A message in base64 or quoted-printable, which RFC 2046 §5.2.1 forbids and some send.
    fn encoded_message(&self, bytes: Cow<'a, [u8]>) -> PartType<'a> {
        let Ok(skeleton) = Skeleton::closed(&bytes) else {
            return PartType::Binary(bytes);
        };
        let held = Reader::new(&skeleton, self.charset, self.depth - 1).whole();
        PartType::Message(held.message.into_owned())
    }

    fn headers(&self, index: usize) -> Vec<Header<'a>> {
        let raw = self.source_of(index);
        let fields = self.sources[index].fields.iter();
        let read = fields.filter_map(|field| {
            let written = std::str::from_utf8(&raw[field.name.clone()]).ok()?;
            let name = HeaderName::parse(written).unwrap_or(HeaderName::Other(Cow::Borrowed(written)));
            Some(Header {
                value: self.value(&name, &raw[field.value.clone()]),
                name,
                offset_field: field.name.start as u32,
                offset_start: field.value.start as u32,
                offset_end: field.value.end as u32,
            })
        });
        read.collect()
    }

    fn value(&self, name: &HeaderName<'_>, written: &'a [u8]) -> HeaderValue<'a> {
        match name {
            HeaderName::Date => self.by_library(written, |stream| stream.parse_date()),
            HeaderName::MessageId
            | HeaderName::References
            | HeaderName::InReplyTo
            | HeaderName::ReturnPath
            | HeaderName::ContentId => self.by_library(written, |stream| stream.parse_id()),
            HeaderName::ContentType | HeaderName::ContentDisposition => self.parameters(written),
            HeaderName::From
            | HeaderName::To
            | HeaderName::Cc
            | HeaderName::Bcc
            | HeaderName::ReplyTo
            | HeaderName::Sender => match mailboxes(&self.text(written), &self.charsets) {
                none if none.is_empty() => HeaderValue::Empty,
                found => HeaderValue::Address(Address::List(found)),
            },
            HeaderName::Subject | HeaderName::Comments | HeaderName::ContentDescription => {
                match self.text(written) {
                    Cow::Borrowed(text) => HeaderValue::Text(decode_words(text, &self.charsets)),
                    Cow::Owned(text) => {
                        HeaderValue::Text(Cow::Owned(decode_words(&text, &self.charsets).into_owned()))
                    }
                }
            }
            _ => HeaderValue::Text(self.text(written)),
        }
    }

    /// As one line of text.
    fn text(&self, written: &'a [u8]) -> Cow<'a, str> {
        let text = self.charsets.decode(written, None);
        let is_plain = |c: char| !matches!(c, '\r' | '\n' | '\0');
        match text {
            Cow::Borrowed(text) if text.trim().chars().all(is_plain) => Cow::Borrowed(text.trim()),
            text => Cow::Owned(text.trim().chars().filter(|c| is_plain(*c)).collect()),
        }
    }

    fn by_library(
        &self,
        written: &'a [u8],
        read: for<'x> fn(&mut MessageStream<'x>) -> HeaderValue<'x>,
    ) -> HeaderValue<'a> {
        if written.is_ascii() && written.ends_with(b"\n") && !written.contains(&0) {
            return read(&mut MessageStream::new(written));
        }
        read_line(&self.text(written), read)
    }

    fn parameters(&self, written: &'a [u8]) -> HeaderValue<'a> {
        let found = self.by_library(written, |stream| stream.parse_content_type());
        let is_odd = found
            .as_content_type()
            .and_then(ContentType::subtype)
            .is_some_and(has_space);
        if !is_odd && memchr::memmem::find(written, b"=?").is_none() {
            return found;
        }
        let text = self.text(written);
        let text = match is_odd {
            // `text/html charset=utf-8`
            true => Cow::Owned(text.trim_start().replacen(char::is_whitespace, "; ", 1)),
            false => text,
        };
        read_line(&decode_words_in_parameters(&text, &self.charsets), |stream| {
            stream.parse_content_type()
        })
    }
}

fn has_space(text: &str) -> bool {
    text.contains(char::is_whitespace)
}

/// The library reads up to a line end.
fn read_line(
    text: &str,
    read: for<'x> fn(&mut MessageStream<'x>) -> HeaderValue<'x>,
) -> HeaderValue<'static> {
    let line = format!("{text}\n");
    read(&mut MessageStream::new(line.as_bytes())).into_owned()
}

fn source<'a>(skeleton: &'a Skeleton<'a>, part: &Part, has_no_parts: bool) -> Source<'a> {
    let (raw, line_end) = (&skeleton.source(part).bytes, skeleton.source(part).line_end);
    let mut source = Source {
        fields: fields(raw, part.header.clone(), line_end),
        ..Source::default()
    };
    let reader = |name: &str| {
        let mut found = source.fields.iter().rev();
        let field = found.find(|field| raw[field.name.clone()].eq_ignore_ascii_case(name.as_bytes()))?;
        Some(&raw[field.value.clone()])
    };
    source.encoding = reader("Content-Transfer-Encoding")
        .map(encoding)
        .unwrap_or_default();
    source.content_type = reader("Content-Type").and_then(content_type);
    let is_multipart = part.kind == Kind::Multipart;
    source.leaf = match is_multipart {
        true => Leaf::Plain,
        false => leaf(source.content_type.as_ref()),
    };
    match part.kind {
        Kind::Leaf => {
            let body = &raw[part.body.clone()];
            let is_text = matches!(source.leaf, Leaf::Plain | Leaf::Html | Leaf::OtherText);
            source.bytes = decoded(source.encoding, is_text, line_end, body);
        }
        // A multipart without parts is the text that it is.
        Kind::Multipart if has_no_parts => {
            source.bytes = Cow::Borrowed(above_dashes(&raw[part.body.clone()]))
        }
        Kind::Multipart | Kind::Message | Kind::Opened => {}
    }
    source
}

fn above_dashes(body: &[u8]) -> &[u8] {
    match body.starts_with(b"--") {
        true => b"",
        false => &body[..memchr::memmem::find(body, b"\n--").unwrap_or(body.len())],
    }
}

fn content_type(written: &[u8]) -> Option<ContentType<'static>> {
    let text = String::from_utf8_lossy(written).replace(['\r', '\n'], " ");
    let mut found = read_line(&text, |stream| stream.parse_content_type()).into_content_type()?;
    if found.subtype().is_some_and(has_space) {
        let text = text.trim_start().replacen(char::is_whitespace, "; ", 1);
        found = read_line(&text, |stream| stream.parse_content_type()).into_content_type()?;
    }
    Some(found)
}

/// RFC 2045 §5.2: what says nothing that is understood is plain text.
fn leaf(content_type: Option<&ContentType<'_>>) -> Leaf {
    let Some(content_type) = content_type else {
        return Leaf::Plain;
    };
    let kind = content_type.ctype().to_ascii_lowercase();
    let subtype = content_type.subtype().unwrap_or_default().to_ascii_lowercase();
    match (kind.as_str(), subtype.as_str()) {
        ("text", "plain" | "") | ("plain", "") => Leaf::Plain,
        ("text", "html") | ("html", "") => Leaf::Html,
        ("text", _) => Leaf::OtherText,
        ("image" | "audio" | "video", _) => Leaf::Media,
        ("message", "rfc822" | "global") => Leaf::Message,
        ("application" | "message" | "multipart", _) => Leaf::Other,
        (_, "") => Leaf::Plain,
        _ => Leaf::Other,
    }
}

/// Where a leaf is shown: as HTML, as text, as a file.
fn place_leaf(message: &mut Message<'_>, id: u32, source: &Source<'_>, place: Place) -> Place {
    let mut next = place;
    let is_named = source
        .content_type
        .as_ref()
        .is_some_and(|kind| kind.has_attribute("name"));
    let is_shown = matches!(source.leaf, Leaf::Plain | Leaf::Html | Leaf::Media);
    let is_inline = is_shown
        && !is_attachment(&message.parts[id as usize])
        && (place.is_first || !place.is_related && (source.leaf == Leaf::Media || !is_named));
    let (as_html, as_text) = match (place.is_alternative, source.leaf) {
        (true, Leaf::Html) => (true, false),
        (true, Leaf::Plain) => (false, true),
        (true, _) => (false, false),
        (false, leaf) if is_inline => {
            if place.in_alternative && (place.html || place.text) {
                next.text &= leaf != Leaf::Html;
                next.html &= leaf != Leaf::Plain;
            }
            (next.html, next.text)
        }
        (false, _) => (false, false),
    };
    message.html_body.extend(as_html.then_some(id));
    message.text_body.extend(as_text.then_some(id));
    let is_whole = match source.leaf {
        Leaf::Html => as_html,
        Leaf::Plain | Leaf::OtherText => as_text,
        Leaf::Media | Leaf::Message | Leaf::Other => false,
    };
    message.attachments.extend((!is_whole).then_some(id));
    next
}

fn is_attachment(part: &MessagePart<'_>) -> bool {
    let disposition = part.headers.header_value(&HeaderName::ContentDisposition);
    disposition
        .and_then(HeaderValue::as_content_type)
        .is_some_and(ContentType::is_attachment)
}

/// What the message as a whole tells of what it is written in.
fn charsets(skeleton: &Skeleton<'_>, sources: &[Source<'_>], forced: Option<Charset>) -> Charsets {
    let bodies = sources.iter().map(|source| Piece {
        bytes: if source.leaf == Leaf::Plain || source.leaf == Leaf::Html {
            &source.bytes
        } else {
            b""
        },
        label: label(source),
    });
    let values = skeleton.parts.iter().zip(sources).flat_map(|(part, source)| {
        let raw = &skeleton.source(part).bytes;
        source.fields.iter().map(|field| &raw[field.value.clone()])
    });
    let headers = values.map(|bytes| Piece { bytes, label: None });
    let field = |name: &[u8]| {
        let raw = &skeleton.source(skeleton.parts.first()?).bytes;
        let mut fields = sources.first()?.fields.iter();
        let field = fields.find(|field| raw[field.name.clone()].eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&raw[field.value.clone()]).ok()
    };
    let author = field(b"From").and_then(|from| from.rsplit_once('@'));
    let domain = author.map(|(_, domain)| {
        let end = domain.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
        domain[..end.unwrap_or(domain.len())].to_ascii_lowercase()
    });
    let telling = bodies
        .chain(headers)
        .filter(|piece| piece.label.is_some() || !piece.bytes.is_ascii() || piece.bytes.contains(&0x1b));
    Charsets::of(telling, field(b"Content-Language"), domain.as_deref(), forced)
}

/// What a text says it is written in; HTML may say it again, and be right where its header is not.
fn label<'s>(source: &'s Source<'_>) -> Option<&'s str> {
    let declared = source
        .content_type
        .as_ref()
        .and_then(|kind| kind.attribute("charset"));
    let inside = || {
        (source.leaf == Leaf::Html)
            .then(|| meta_charset(&source.bytes))
            .flatten()
    };
    match declared {
        Some(declared) if fits(declared, &source.bytes) => Some(declared),
        declared => inside().or(declared),
    }
}

/// Of `<meta charset=...>` or its older form.
fn meta_charset(html: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"charset=";
    let head = &html[..html.len().min(2048)];
    let at = memchr::memmem::find(&head.to_ascii_lowercase(), NAME)?;
    let value = head[at + NAME.len()..].trim_ascii_start();
    let value = value
        .strip_prefix(b"\"")
        .or_else(|| value.strip_prefix(b"'"))
        .unwrap_or(value);
    let end = value
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte));
    std::str::from_utf8(&value[..end.unwrap_or(value.len())])
        .ok()
        .filter(|label| !label.is_empty())
}

/// Without what no text has: NUL, and CR where no LF follows, which is a line end of its own.
fn with_plain_lines(text: Cow<'_, str>) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_bare = |at: usize| bytes.get(at + 1) != Some(&b'\n');
    if !memchr::memchr_iter(b'\r', bytes).any(is_bare) && memchr::memchr(0, bytes).is_none() {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\0', _) | ('\r', Some('\r')) => {}
            ('\r', Some('\n')) => plain.push('\r'),
            ('\r', _) => plain.push('\n'),
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}
