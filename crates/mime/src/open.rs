//! A message opened for reading: its text, its HTML, its files.

use std::collections::HashSet;

use domain::CleanText;
use domain::message::AuthenticationResult;
use domain::message::FilePlace;
use domain::rules::threading::subject_key;
use mail_parser::HeaderValue;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;

use crate::calendar::Invitation;
use crate::calendar::invitations;
use crate::charset::Charset;
use crate::contact::ContactCard;
use crate::contact::contact_cards;
use crate::files::File;
use crate::files::file_at;
use crate::files::files;
use crate::html::FrameHtml;
use crate::html::ImageSources;
use crate::html::escape;
use crate::html::sanitise_as;
use crate::parse::parse;
use crate::parse::parse_as;
use crate::protection::Protection;
use crate::protection::protection;
use crate::quotes;
use crate::quotes::Nature;
use crate::quotes::TextBlock;
use crate::sender::authentication;
use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;
use crate::summary::content_ids;
use crate::summary::readable_text;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedMessage {
    /// As it came, a document for each part, to be sanitised; empty if there is only plain text.
    pub html: Vec<String>,
    /// Plain text as written, or made from the HTML.
    pub text: String,
    /// The header block as people read it, for "show details".
    pub headers: Vec<(String, CleanText)>,
    /// What servers on the way found of the sender; only the receiving one's word counts.
    pub authentication: Vec<AuthenticationResult>,
    pub invitations: Vec<Invitation>,
    pub cards: Vec<ContactCard>,
    /// Said above the text where the message is more or less than it seems.
    pub note: Option<&'static str>,
    /// By its subject: what it holds of others is to be read.
    pub is_forward: bool,
}

impl OpenedMessage {
    /// The text, with what is quoted and the signature apart.
    pub fn blocks(&self) -> Vec<TextBlock> {
        quotes::split(&self.text, self.nature())
    }

    /// The HTML as it is shown: see [`crate::sanitise`]; `None` too if there is none.
    pub fn frame(&self, sources: &ImageSources) -> Option<FrameHtml> {
        if self.html.is_empty() {
            return None;
        }
        sanitise_as(&self.html, self.nature(), sources)
    }

    fn nature(&self) -> Nature {
        match self.is_forward {
            true => Nature::Forward,
            false => Nature::Letter,
        }
    }
}

/// One part as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPart {
    pub name: CleanText,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

pub fn open_message(raw: &[u8]) -> Result<OpenedMessage, Refusal> {
    open_message_as(raw, None)
}

/// `charset`: what a reader says it is written in.
pub fn open_message_as(raw: &[u8], charset: Option<Charset>) -> Result<OpenedMessage, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let parsed = parse_as(&skeleton, charset)?;
    let message = &parsed.message;
    let files = files(&parsed, &skeleton);
    let html = html_documents(message, &files);
    let text = readable_text(message);
    let protection = protection(message, &skeleton, &files, &text);
    let shows_nothing = html.is_empty() && text.trim().is_empty() && message.attachments.is_empty();
    Ok(OpenedMessage {
        headers: headers(message),
        authentication: authentication(message),
        note: if skeleton.is_incomplete {
            Some(INCOMPLETE)
        } else if shows_nothing && has_body(raw) {
            Some(NOTHING_SHOWN)
        } else if shows_nothing {
            Some(EMPTY)
        } else {
            protection.map(Protection::note)
        },
        invitations: invitations_of(&files),
        cards: cards_of(&files),
        is_forward: subject_key(message.subject().unwrap_or_default()).is_forward,
        html,
        text,
    })
}

/// What stands as plain text between HTML parts (a footer of a list, words after a picture) is shown among them.
fn html_documents(message: &mail_parser::Message<'_>, files: &[File<'_>]) -> Vec<String> {
    let parts: Vec<_> = message
        .html_body
        .iter()
        .filter_map(|id| message.parts.get(*id as usize))
        .collect();
    let is_html = |part: &&mail_parser::MessagePart<'_>| matches!(part.body, PartType::Html(_));
    if !parts.iter().any(is_html) {
        return Vec::new();
    }
    let named = message
        .html_body
        .iter()
        .filter_map(|id| match &message.parts.get(*id as usize)?.body {
            PartType::Html(html) => Some(content_ids(html)),
            _ => None,
        });
    let named: HashSet<&str> = named.flatten().collect();
    let documents = message.html_body.iter().filter_map(|id| {
        let part = message.parts.get(*id as usize)?;
        match &part.body {
            PartType::Html(text) | PartType::Text(text) if text.trim().is_empty() => None,
            PartType::Html(html) => Some(html.to_string()),
            PartType::Text(text) => Some(format!(
                "<div style=\"white-space:pre-wrap\">{}</div>",
                escape(text)
            )),
            _ if part.content_id().is_some_and(|id| named.contains(id)) => None,
            _ => {
                let file = files.binary_search_by_key(id, |file| file.part_id).ok()?;
                picture(&files[file])
            }
        }
    });
    documents.collect()
}

/// A picture that stands between texts, as Apple Mail sends them, where no HTML names it.
fn picture(file: &File<'_>) -> Option<String> {
    Some(format!(
        "<p><img src=\"cid:{}\" alt=\"{}\"></p>",
        escape(&file.content_id()?),
        escape(file.name.as_str())
    ))
}

/// More are files and nothing else.
const MAX_CARD_FILES: usize = 10;

const INCOMPLETE: &str =
    "This message is unusually large or complex: not all of it is shown. Download it to have everything.";

const NOTHING_SHOWN: &str = "Nothing of this message could be read. Download it to have everything.";

const EMPTY: &str = "This message is empty.";

fn has_body(raw: &[u8]) -> bool {
    let body = memchr::memmem::find(raw, b"\n\r\n").or_else(|| memchr::memmem::find(raw, b"\n\n"));
    body.is_some_and(|end| !raw[end..].trim_ascii().is_empty())
}

/// `None`: there is no such file.
pub fn open_part(raw: &[u8], place: FilePlace) -> Result<Option<OpenedPart>, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let parsed = parse(&skeleton)?;
    let found = file_at(&parsed, &skeleton, place);
    Ok(found.map(|file| OpenedPart {
        bytes: file.bytes().into_owned(),
        name: file.name,
        content_type: file.content_type,
    }))
}

fn headers(message: &mail_parser::Message<'_>) -> Vec<(String, CleanText)> {
    let fields = message.headers().iter().take(200);
    let shown = fields.map(|field| {
        let raw = message
            .raw_message
            .get(field.offset_start as usize..field.offset_end as usize);
        let value = match std::str::from_utf8(raw.unwrap_or_default()) {
            Ok(written) => CleanText::new(written),
            Err(_) => CleanText::new(&as_read(&field.value)),
        };
        (CleanText::cut(field.name(), 100).into_string(), value)
    });
    shown.collect()
}

/// What was made of a field whose bytes are no text as they are.
fn as_read(value: &HeaderValue<'_>) -> String {
    match value {
        HeaderValue::Address(addresses) => {
            let read = addresses.iter().map(|one| match (one.name(), one.address()) {
                (Some(name), Some(address)) => format!("{name} <{address}>"),
                (name, address) => name.or(address).unwrap_or_default().to_owned(),
            });
            read.collect::<Vec<_>>().join(", ")
        }
        value => value.as_text().unwrap_or_default().to_owned(),
    }
}

/// What stands in it twice, as some programs send it, is shown once.
fn invitations_of(files: &[File<'_>]) -> Vec<Invitation> {
    let is_calendar = |file: &&File<'_>| {
        let name = file.name.as_str().to_lowercase();
        file.content_type.ends_with("/calendar") || name.ends_with(".ics") || name.ends_with(".vcs")
    };
    let mut found = Vec::new();
    for file in files.iter().filter(is_calendar).take(MAX_CARD_FILES) {
        let read = file.text().map(|text| invitations(&text)).unwrap_or_default();
        found.extend(read);
    }
    without_repeated(found)
}

fn cards_of(files: &[File<'_>]) -> Vec<ContactCard> {
    let is_card = |file: &&File<'_>| {
        let is_named = file.name.as_str().to_lowercase().ends_with(".vcf");
        is_named || file.content_type.ends_with("vcard") || file.content_type == "text/directory"
    };
    let files = files.iter().filter(is_card).take(MAX_CARD_FILES);
    without_repeated(
        files
            .filter_map(|file| Some(contact_cards(&file.text()?)))
            .flatten()
            .collect(),
    )
}

fn without_repeated<T: PartialEq>(found: Vec<T>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in found {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--b--\r\n";

    #[test]
    fn text_and_html_are_both_there() {
        let opened = open_message(MAIL).expect("opened");
        assert_eq!(opened.text.trim(), "plain");
        assert!(opened.html[0].contains("rich"));
        assert_eq!(opened.headers[0].0, "From");
    }

    #[test]
    fn a_large_file_is_listed_and_opened_though_the_parser_never_sees_it() {
        use base64::Engine as _;
        let file: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        let body = base64::engine::general_purpose::STANDARD.encode(&file);
        let lines: Vec<_> = body.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        for (encoding, body, expected) in [
            ("base64", lines.join("\r\n"), file),
            ("7bit", "x".repeat(2_000_000), vec![b'x'; 2_000_000]),
        ] {
            let raw = format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n--b\r\nContent-Type: image/png; name=b.png\r\n\r\nPNG\r\n--b--\r\n"
            );
            let summary = crate::summarise(raw.as_bytes()).expect("summary");
            let listed = &summary.attachments[0];
            assert_eq!(listed.name.as_str(), "a.pdf");
            assert_eq!(listed.size_bytes, expected.len() as u64);
            let opened = open_part(raw.as_bytes(), listed.place)
                .expect("opened")
                .expect("part");
            assert!(opened.bytes == expected);
            assert_eq!(summary.attachments[1].name.as_str(), "b.png");
            assert_eq!(open_message(raw.as_bytes()).expect("opened").note, None);
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_none() {
        assert_eq!(open_part(MAIL, FilePlace::of_number(99)), Ok(None));
    }

    #[test]
    fn an_empty_message_says_that_it_is_empty() {
        for raw in [
            "",
            "\r\n",
            "\n\n  \r\n",
            "Subject: hi\r\n\r\n",
            "Subject: hi\r\n",
            "\r\n\r\n",
        ] {
            let opened = open_message(raw.as_bytes()).expect("opened");
            assert_eq!((opened.text.trim(), opened.note), ("", Some(EMPTY)), "{raw:?}");
            crate::summarise(raw.as_bytes()).expect("summary");
        }
    }
}
