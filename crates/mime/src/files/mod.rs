//! The files of a message: what they are called and where their bytes are.
//!
//! The one list that the summary, a download, a forward and an export go by, so that none can differ.

pub mod kinds;
mod names;
mod parameters;

use std::borrow::Cow;
use std::collections::HashMap;

use domain::CleanText;
use domain::message::FilePlace;
use mail_parser::Encoding;
use mail_parser::MessagePart;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;
use memchr::memchr2_iter;

use crate::charset::Charsets;
use crate::parse::Parsed;
use crate::skeleton::Kind;
use crate::skeleton::Part;
use crate::skeleton::Skeleton;
use crate::transfer::decoded;

pub struct File<'m> {
    pub place: FilePlace,
    /// Its part, by its number in the message.
    pub part_id: u32,
    pub name: CleanText,
    /// What its sender calls it elsewhere, if that is another name.
    pub other_name: Option<CleanText>,
    pub content_type: String,
    part: Found<'m>,
    charsets: &'m Charsets,
}

/// A part as it was read, and as it stands in the message.
#[derive(Clone, Copy)]
struct Found<'m> {
    read: &'m MessagePart<'m>,
    part: &'m Part,
    skeleton: &'m Skeleton<'m>,
}

/// In their order. A name that was made up depends on the files before it.
pub fn files<'m>(parsed: &'m Parsed<'m>, skeleton: &'m Skeleton<'m>) -> Vec<File<'m>> {
    let own = skeleton.own_parts();
    let mut made_up = HashMap::new();
    let ids = parsed.message.attachments.iter();
    let files = ids.filter_map(|id| {
        let (place, part) = *own.get(*id as usize)?;
        file(parsed, skeleton, *id, (place, part), &mut made_up)
    });
    files
        .filter(|file| file.place.part < u16::MAX && file.place.inner < u16::MAX)
        .collect()
}

/// One of them; or a part that was opened, as it came: before it could be opened it was a file.
pub fn file_at<'m>(parsed: &'m Parsed<'m>, skeleton: &'m Skeleton<'m>, place: FilePlace) -> Option<File<'m>> {
    let listed = files(parsed, skeleton)
        .into_iter()
        .find(|file| file.place == place);
    listed.or_else(|| {
        let mut own = skeleton.own_parts().into_iter().zip(0..);
        let is_it = |(found, part): (FilePlace, &Part)| found == place && part.kind == Kind::Opened;
        let (own, id) = own.find(|(own, _)| is_it(*own))?;
        file(parsed, skeleton, id, own, &mut HashMap::new())
    })
}

fn file<'m>(
    parsed: &'m Parsed<'m>,
    skeleton: &'m Skeleton<'m>,
    id: u32,
    (place, part): (FilePlace, &'m Part),
    made_up: &mut HashMap<String, u32>,
) -> Option<File<'m>> {
    let read = parsed.message.parts.get(id as usize)?;
    let found = Found { read, part, skeleton };
    let names = names::names(read, &skeleton.source(part).bytes, &parsed.charsets);
    let content_type = names::content_type(read);
    let name = match names.first() {
        Some(name) => kinds::with_extension(name, &content_type),
        None => numbered(names::made_up(read, &content_type, || found.head()), made_up),
    };
    Some(File {
        place,
        part_id: id,
        name: CleanText::cut(&name, names::MAX_NAME_CHARS),
        other_name: names
            .second()
            .map(|name| CleanText::cut(name, names::MAX_NAME_CHARS)),
        content_type,
        part: found,
        charsets: &parsed.charsets,
    })
}

/// `Delivery report.txt`, `Delivery report-2.txt`; of pictures each has a number, since there are mostly more.
fn numbered(made_up: names::MadeUp, seen: &mut HashMap<String, u32>) -> String {
    let names::MadeUp {
        stem,
        extension,
        is_of_many,
    } = made_up;
    let key = match is_of_many {
        true => stem.clone(),
        false => format!("{stem}.{extension}"),
    };
    let count = seen.entry(key).or_default();
    *count += 1;
    let dot = if extension.is_empty() { "" } else { "." };
    match (*count, is_of_many) {
        (1, false) => format!("{stem}{dot}{extension}"),
        (count, _) => format!("{stem}-{count}{dot}{extension}"),
    }
}

impl<'m> Found<'m> {
    fn body(&self) -> &'m [u8] {
        self.skeleton.body(self.part)
    }

    fn decoded(&self, body: &'m [u8]) -> Cow<'m, [u8]> {
        let line_end = self.skeleton.source(self.part).line_end;
        decoded(self.read.encoding, self.read.is_text(), line_end, body)
    }

    /// Enough to tell what it is.
    fn head(&self) -> Cow<'m, [u8]> {
        const ENOUGH: usize = 4_000;
        let body = self.body();
        self.decoded(&body[..body.len().min(ENOUGH)])
    }
}

impl<'m> File<'m> {
    /// By what HTML names it. A picture that has none gets one, so that it can be shown where it stands.
    pub fn content_id(&self) -> Option<String> {
        let own = self.part.read.content_id().map(str::to_owned);
        let is_picture = self.content_type.starts_with("image/");
        own.or_else(|| is_picture.then(|| format!("part-{}", self.place.number())))
    }

    /// As the sender's program had it: out of its transfer encoding, its charset as it was.
    pub fn bytes(&self) -> Cow<'m, [u8]> {
        match &self.part.read.body {
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if !self.part.part.is_cut() => {
                Cow::Borrowed(bytes)
            }
            _ => self.part.decoded(self.part.body()),
        }
    }

    /// Its words, in whatever charset they are; `None`: there are too many for a card.
    pub fn text(&self) -> Option<Cow<'m, str>> {
        const MAX_CARD_BYTES: u64 = 512 * 1024;
        match &self.part.read.body {
            PartType::Text(text) | PartType::Html(text) if !self.part.part.is_cut() => {
                Some(Cow::Borrowed(text))
            }
            _ if self.size() > MAX_CARD_BYTES => None,
            _ => Some(Cow::Owned(self.charsets.decode(&self.bytes(), None).into_owned())),
        }
    }

    /// A word among the parameters of its type.
    pub fn says(&self, word: &str) -> bool {
        let attributes = self.part.read.content_type().and_then(|kind| kind.attributes());
        let mut values = attributes
            .into_iter()
            .flatten()
            .map(|attribute| attribute.value.to_ascii_lowercase());
        values.any(|value| value.contains(word))
    }

    /// Of a large one in base64 without decoding it: four characters for three bytes (RFC 4648 §4).
    pub fn size(&self) -> u64 {
        let body = self.part.body();
        let size = match self.part.read.encoding {
            Encoding::Base64 if self.part.part.is_cut() => {
                let data = body.trim_ascii_end();
                let padding = data.iter().rev().take_while(|byte| **byte == b'=').count();
                let line_ends = memchr2_iter(b'\r', b'\n', data).count();
                (data.len() - padding - line_ends) * 3 / 4
            }
            Encoding::QuotedPrintable if self.part.part.is_cut() => body.len(),
            _ => self.bytes().len(),
        };
        size as u64
    }
}
