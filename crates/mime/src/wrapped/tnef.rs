//! winmail.dat: body and files of a message from Outlook (MS-OXTNEF), read as far as it is whole.
//!
//! Our own reader: the published one gives up at the first flaw and reads no properties. Every length is compared with
//! what is there before it is used; nothing is allocated by a length that is only said.

use std::borrow::Cow;

use super::FoundFile;
use super::header::quoted;
use super::multipart;
use super::rtf;

const SIGNATURE: u32 = 0x223e_9f78;
const MAX_FILES: usize = 1_000;
const MAX_PROPERTIES: usize = 10_000;
/// Messages in messages.
const MAX_DEPTH: usize = 3;
/// What is compared with the texts that stand beside it.
const COMPARED_LETTERS: usize = 200;

/// Attributes (MS-OXTNEF §2.1.3.2), by the low half of their tag.
mod attribute {
    pub const SUBJECT: u16 = 0x8004;
    pub const BODY: u16 = 0x800c;
    pub const ATTACH_DATA: u16 = 0x800f;
    pub const ATTACH_TITLE: u16 = 0x8010;
    pub const ATTACH_RENDER: u16 = 0x9002;
    pub const PROPERTIES: u16 = 0x9003;
    pub const ATTACH_PROPERTIES: u16 = 0x9005;
    pub const CODE_PAGE: u16 = 0x9007;
}

/// Properties (MS-OXPROPS) that say something here.
mod property {
    pub const SUBJECT: u16 = 0x0037;
    pub const SENDER_NAME: u16 = 0x0c1a;
    pub const SENDER_ADDRESS: u16 = 0x0c1f;
    pub const SENDER_SMTP_ADDRESS: u16 = 0x5d01;
    pub const BODY: u16 = 0x1000;
    pub const COMPRESSED_RTF: u16 = 0x1009;
    pub const HTML: u16 = 0x1013;
    pub const DISPLAY_NAME: u16 = 0x3001;
    pub const ATTACH_DATA: u16 = 0x3701;
    pub const ATTACH_FILE_NAME: u16 = 0x3704;
    pub const ATTACH_LONG_FILE_NAME: u16 = 0x3707;
    pub const ATTACH_MIME_TAG: u16 = 0x370e;
    pub const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub const INTERNET_CODE_PAGE: u16 = 0x3fde;
}

/// Its body, unless a text beside it says the same, and its files. `None`: this is no TNEF.
pub fn entities(bytes: &[u8], said: &[Cow<'_, [u8]>]) -> Option<Vec<Vec<u8>>> {
    let message = Read::of(bytes, MAX_DEPTH)?;
    let body = message.body().filter(|_| !is_said(&message.letters(), said));
    let entities: Vec<_> = body.into_iter().chain(message.files).collect();
    (!entities.is_empty()).then_some(entities)
}

/// What Exchange puts in twice is shown once. Letters that every charset has alike; without any, a text is a text.
fn is_said(letters: &[u8], said: &[Cow<'_, [u8]>]) -> bool {
    let mut said = said.iter().map(|text| letters_of(text, usize::MAX));
    match letters.len() < 8 {
        true => said.any(|text| !text.is_empty()),
        false => said.any(|text| memchr::memmem::find(&text, letters).is_some()),
    }
}

fn letters_of(text: &[u8], most: usize) -> Vec<u8> {
    let letters = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    letters.take(most).copied().collect()
}

#[derive(Default)]
struct Read {
    code_page: u16,
    subject: Vec<u8>,
    sender: (String, String),
    text: String,
    html: Vec<u8>,
    html_code_page: u16,
    rtf: Vec<u8>,
    files: Vec<Vec<u8>>,
    file: Option<ReadFile>,
}

#[derive(Default)]
struct ReadFile {
    title: Vec<u8>,
    /// In UTF-8: what counts before the title, which is short and of one code page.
    name: String,
    display_name: String,
    content_type: Option<String>,
    content_id: Option<String>,
    bytes: Vec<u8>,
    message: Option<Vec<u8>>,
}

impl Read {
    fn of(bytes: &[u8], depth: usize) -> Option<Self> {
        let mut reader = Reader { rest: bytes };
        if reader.u32()? != SIGNATURE {
            return None;
        }
        reader.take(2)?;
        let mut read = Read::default();
        while let Some((id, data)) = reader.attribute() {
            read.add(id, data, depth);
        }
        read.end_file(depth);
        Some(read)
    }

    fn add(&mut self, id: u16, data: &[u8], depth: usize) {
        match id {
            attribute::CODE_PAGE => {
                self.code_page = Reader { rest: data }.u16().unwrap_or_default();
            }
            attribute::SUBJECT => self.subject = until_nul(data).to_vec(),
            attribute::BODY => self.text = decoded(until_nul(data), self.code_page),
            attribute::PROPERTIES => self.add_properties(data),
            attribute::ATTACH_RENDER => {
                self.end_file(depth);
                self.file = Some(ReadFile::default());
            }
            attribute::ATTACH_TITLE => self.file_mut().title = until_nul(data).to_vec(),
            attribute::ATTACH_DATA => self.file_mut().bytes = data.to_vec(),
            attribute::ATTACH_PROPERTIES => {
                let code_page = self.code_page;
                self.file_mut().add_properties(data, code_page);
            }
            _ => {}
        }
    }

    fn file_mut(&mut self) -> &mut ReadFile {
        self.file.get_or_insert_default()
    }

    fn add_properties(&mut self, data: &[u8]) {
        for (id, value) in Properties::of(data) {
            let text = || value.text(self.code_page);
            match id {
                property::SUBJECT => self.subject = text().into_bytes(),
                property::SENDER_NAME => self.sender.0 = text(),
                property::SENDER_SMTP_ADDRESS => self.sender.1 = text(),
                property::SENDER_ADDRESS if self.sender.1.is_empty() && text().contains('@') => {
                    self.sender.1 = text()
                }
                property::BODY => self.text = text(),
                property::HTML => self.html = value.html().to_vec(),
                property::COMPRESSED_RTF => self.rtf = value.bytes().to_vec(),
                property::INTERNET_CODE_PAGE => {
                    self.html_code_page = Reader { rest: value.bytes() }.u16().unwrap_or_default();
                }
                _ => {}
            }
        }
    }

    fn end_file(&mut self, depth: usize) {
        let Some(file) = self.file.take() else {
            return;
        };
        if self.files.len() < MAX_FILES
            && let Some(entity) = file.entity(depth)
        {
            self.files.push(entity);
        }
    }

    /// The words, from whichever form there is.
    fn letters(&self) -> Vec<u8> {
        match (self.text.trim().is_empty(), self.html.is_empty()) {
            (false, _) => letters_of(self.text.as_bytes(), COMPARED_LETTERS),
            (true, false) => {
                let html =
                    mail_parser::decoders::html::html_to_text(&decoded(&self.html, self.html_code_page));
                letters_of(html.as_bytes(), COMPARED_LETTERS)
            }
            (true, true) => match rtf::body(&self.rtf) {
                Some(rtf::Body::Text(text)) => letters_of(text.as_bytes(), COMPARED_LETTERS),
                Some(rtf::Body::Html(html)) => letters_of(
                    mail_parser::decoders::html::html_to_text(&html).as_bytes(),
                    COMPARED_LETTERS,
                ),
                None => Vec::new(),
            },
        }
    }

    fn body(&self) -> Option<Vec<u8>> {
        let mut text = self.text.clone();
        let mut html = decoded(&self.html, self.html_code_page);
        if html.trim().is_empty() && !self.rtf.is_empty() {
            match rtf::body(&self.rtf) {
                Some(rtf::Body::Html(found)) => html = found,
                Some(rtf::Body::Text(found)) if text.trim().is_empty() => text = found,
                _ => {}
            }
        }
        let entity = |kind: &str, content: &str| {
            let header = format!(
                "Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            );
            [header.as_bytes(), content.as_bytes()].concat()
        };
        match (text.trim().is_empty(), html.trim().is_empty()) {
            (true, true) => None,
            (false, true) => Some(entity("plain", &text)),
            (true, false) => Some(entity("html", &html)),
            (false, false) => Some(multipart(
                "alternative",
                &[entity("plain", &text), entity("html", &html)],
            )),
        }
    }

    /// As a message of its own.
    fn message(self) -> Vec<u8> {
        let mut header = Vec::new();
        let (name, address) = &self.sender;
        if !address.is_empty() {
            let (name, address) = (quoted(name.as_bytes()), quoted(address.as_bytes()));
            header.extend_from_slice(&[b"From: \"", name.as_slice(), b"\" <", &address, b">\r\n"].concat());
        }
        header.extend_from_slice(&[b"Subject: ", quoted(&self.subject).as_slice(), b"\r\n"].concat());
        header.extend_from_slice(b"MIME-Version: 1.0\r\n");
        let entities: Vec<_> = self.body().into_iter().chain(self.files).collect();
        [header, multipart("mixed", &entities)].concat()
    }
}

impl ReadFile {
    fn add_properties(&mut self, data: &[u8], code_page: u16) {
        for (id, value) in Properties::of(data) {
            let text = || value.text(code_page);
            match id {
                property::ATTACH_LONG_FILE_NAME => self.name = text(),
                property::ATTACH_FILE_NAME if self.name.is_empty() => self.name = text(),
                property::DISPLAY_NAME => self.display_name = text(),
                property::ATTACH_MIME_TAG => self.content_type = Some(text().trim().to_ascii_lowercase()),
                property::ATTACH_CONTENT_ID => self.content_id = Some(text()),
                property::ATTACH_DATA => match value.message() {
                    Some(message) => self.message = Some(message.to_vec()),
                    None if self.bytes.is_empty() => self.bytes = value.bytes().to_vec(),
                    None => {}
                },
                _ => {}
            }
        }
    }

    fn entity(self, depth: usize) -> Option<Vec<u8>> {
        if let Some(message) = self.message.as_deref().filter(|_| depth > 0)
            && let Some(read) = Read::of(message, depth - 1)
        {
            return Some([b"Content-Type: message/rfc822\r\n\r\n".to_vec(), read.message()].concat());
        }
        let names = [self.name.into_bytes(), self.title, self.display_name.into_bytes()];
        let name = names.into_iter().find(|name| !name.trim_ascii().is_empty());
        // A link to a file elsewhere has a name and nothing else.
        if self.bytes.is_empty() && name.is_none() {
            return None;
        }
        let file = FoundFile {
            name: name.unwrap_or_default(),
            content_type: self.content_type,
            content_id: self.content_id.filter(|id| !id.is_empty()),
            bytes: self.bytes,
        };
        Some(file.entity())
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn decoded(bytes: &[u8], code_page: u16) -> String {
    rtf::encoding_of(code_page)
        .decode_without_bom_handling(bytes)
        .0
        .into_owned()
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Level, tag, length, data and a check sum, which old programs get wrong: it is passed over.
    fn attribute(&mut self) -> Option<(u16, &'a [u8])> {
        self.take(1)?;
        let tag = self.u32()?;
        let length = self.u32()? as usize;
        let data = self.take(length)?;
        // The last one of a cut file may lack it.
        let _ = self.take(2);
        Some((tag as u16, data))
    }

    /// Values are padded to four bytes.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.take(length)?;
        let _ = self.take(length.next_multiple_of(4) - length);
        Some(taken)
    }
}

/// The first value of each property, in order; ends where one cannot be read.
struct Properties<'a> {
    reader: Reader<'a>,
    left: usize,
}

struct Value<'a> {
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Properties<'a> {
    fn of(data: &'a [u8]) -> Self {
        let mut reader = Reader { rest: data };
        let count = reader.u32().unwrap_or_default() as usize;
        Properties {
            reader,
            left: count.min(MAX_PROPERTIES),
        }
    }

    fn read(&mut self) -> Option<(u16, Value<'a>)> {
        let (kind, id) = (self.reader.u16()?, self.reader.u16()?);
        if id >= 0x8000 {
            self.skip_name()?;
        }
        // Strings, binaries and objects are counted even where there is one.
        let is_counted = matches!(kind & 0xfff, 0x001e | 0x001f | 0x0102 | 0x000d);
        let count = match kind & 0x1000 != 0 || is_counted {
            true => self.reader.u32()? as usize,
            false => 1,
        };
        let mut first = None;
        for _ in 0..count {
            let length = match is_counted {
                true => self.reader.u32()? as usize,
                false => width(kind & 0xfff)?,
            };
            let bytes = self.reader.padded(length)?;
            first.get_or_insert(bytes);
        }
        let bytes = first.unwrap_or_default();
        Some((
            id,
            Value {
                kind: kind & 0xfff,
                bytes,
            },
        ))
    }

    /// A named property: its set, and its name or number.
    fn skip_name(&mut self) -> Option<()> {
        self.reader.take(16)?;
        if self.reader.u32()? == 0 {
            self.reader.take(4)?;
        } else {
            let length = self.reader.u32()? as usize;
            self.reader.padded(length)?;
        }
        Some(())
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (u16, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.read()
    }
}

/// MS-OXCDATA §2.11.1
fn width(kind: u16) -> Option<usize> {
    match kind {
        0x0001 => Some(0),
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => None,
    }
}

impl<'a> Value<'a> {
    fn text(&self, code_page: u16) -> String {
        match self.kind {
            0x001f => {
                let units = self
                    .bytes
                    .chunks_exact(2)
                    .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
                let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
                String::from_utf16_lossy(&units)
            }
            _ => decoded(until_nul(self.bytes), code_page),
        }
    }

    fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A binary, or a string with its NUL.
    fn html(&self) -> &'a [u8] {
        self.bytes.strip_suffix(b"\0").unwrap_or(self.bytes)
    }

    /// An object that is a message: an interface identifier (IID_IMessage), and TNEF.
    fn message(&self) -> Option<&'a [u8]> {
        const IID_MESSAGE: [u8; 16] = [7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
        let message = self.bytes.strip_prefix(&IID_MESSAGE)?;
        (self.kind == 0x000d).then_some(message)
    }
}
