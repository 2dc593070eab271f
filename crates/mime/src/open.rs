//! A message opened for reading: its text, its HTML, its files.

use domain::CleanText;
use domain::message::AuthenticationResult;
use mail_parser::Encoding;
use mail_parser::PartType;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::html::escape;
use crate::parse::parse;
use crate::sender::authentication;
use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;
use crate::summary::content_type;
use crate::summary::file_name;
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
    /// Said above the text where the message is more or less than it seems.
    pub note: Option<&'static str>,
}

/// One part as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPart {
    pub name: CleanText,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

pub fn open_message(raw: &[u8]) -> Result<OpenedMessage, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let message = parse(&skeleton)?;
    let html = html_documents(&message);
    let text = readable_text(&message);
    let shows_nothing = html.is_empty() && text.trim().is_empty() && message.attachments.is_empty();
    Ok(OpenedMessage {
        headers: headers(&message),
        authentication: authentication(&message),
        note: if skeleton.is_incomplete {
            Some(INCOMPLETE)
        } else if shows_nothing && has_body(raw) {
            Some(NOTHING_SHOWN)
        } else {
            note(&message)
        },
        html,
        text,
    })
}

/// What stands as plain text between HTML parts (a footer of a list, words after a picture) is shown among them.
fn html_documents(message: &mail_parser::Message<'_>) -> Vec<String> {
    let parts: Vec<_> = message
        .html_body
        .iter()
        .filter_map(|id| message.parts.get(*id as usize))
        .collect();
    let is_html = |part: &&mail_parser::MessagePart<'_>| matches!(part.body, PartType::Html(_));
    if !parts.iter().any(is_html) {
        return Vec::new();
    }
    let documents = parts.iter().filter_map(|part| {
        let text = part.text_contents().filter(|text| !text.trim().is_empty())?;
        Some(match part.body {
            PartType::Html(_) => text.to_owned(),
            _ => format!("<div style=\"white-space:pre-wrap\">{}</div>", escape(text)),
        })
    });
    documents.collect()
}

const INCOMPLETE: &str =
    "This message is unusually large or complex: not all of it is shown. Download it to have everything.";

const NOTHING_SHOWN: &str = "Nothing of this message could be read. Download it to have everything.";

fn has_body(raw: &[u8]) -> bool {
    let body = memchr::memmem::find(raw, b"\n\r\n").or_else(|| memchr::memmem::find(raw, b"\n\n"));
    body.is_some_and(|end| !raw[end..].trim_ascii().is_empty())
}

/// `None`: there is no such part.
pub fn open_part(raw: &[u8], part: u32) -> Result<Option<OpenedPart>, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let message = parse(&skeleton)?;
    let found = message
        .attachments
        .contains(&part)
        .then(|| message.parts.get(part as usize));
    let Some(found) = found.flatten() else {
        return Ok(None);
    };
    let bytes = match skeleton.omitted_at(found.offset_body as usize) {
        Some(omitted) => decode(found.encoding, &raw[omitted.raw.clone()]),
        None => found.contents().to_vec(),
    };
    Ok(Some(OpenedPart {
        name: file_name(found, part),
        content_type: content_type(found),
        bytes,
    }))
}

/// A body that the parser was not shown, out of its transfer encoding (RFC 2045 §6); as it is, if that is broken.
fn decode(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let decoded = match encoding {
        Encoding::None => None,
        Encoding::Base64 => base64_decode(body),
        Encoding::QuotedPrintable => quoted_printable_decode(body),
    };
    decoded.unwrap_or_else(|| body.to_vec())
}

fn headers(message: &mail_parser::Message<'_>) -> Vec<(String, CleanText)> {
    let raw = message.headers_raw();
    raw.take(200)
        .map(|(name, value)| (CleanText::cut(name, 100).into_string(), CleanText::new(value)))
        .collect()
}

fn note(message: &mail_parser::Message<'_>) -> Option<&'static str> {
    let root = message.parts.first().map(content_type).unwrap_or_default();
    match root.as_str() {
        "multipart/encrypted" => {
            Some("This message is encrypted (PGP). Its content is in the attached files.")
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            Some("This message is encrypted or signed (S/MIME). Its content is in the attached file.")
        }
        _ => None,
    }
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
            let opened = open_part(raw.as_bytes(), listed.part)
                .expect("opened")
                .expect("part");
            assert!(opened.bytes == expected);
            assert_eq!(summary.attachments[1].name.as_str(), "b.png");
            assert_eq!(open_message(raw.as_bytes()).expect("opened").note, None);
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_none() {
        assert_eq!(open_part(MAIL, 99), Ok(None));
    }
}
