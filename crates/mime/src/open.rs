//! A message opened for reading: its text, its HTML, its files.

use domain::CleanText;

use crate::limits::Refusal;
use crate::parse::parse;
use crate::summary::content_type;
use crate::summary::file_name;
use crate::summary::readable_text;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedMessage {
    /// As it came, to be sanitised with the addresses of its inline parts.
    pub html: Option<String>,
    /// Plain text as written, or made from the HTML.
    pub text: String,
    /// The header block as people read it, for "show details".
    pub headers: Vec<(String, CleanText)>,
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
    let message = parse(raw)?;
    let html_parts = message
        .html_body
        .iter()
        .filter_map(|id| message.parts.get(*id as usize))
        .filter(|part| matches!(part.body, mail_parser::PartType::Html(_)))
        .filter_map(|part| part.text_contents());
    let html: Vec<&str> = html_parts.collect();
    Ok(OpenedMessage {
        html: (!html.is_empty()).then(|| html.join("<hr>")),
        text: readable_text(&message),
        headers: headers(&message),
        note: note(&message),
    })
}

/// `None`: there is no such part.
pub fn open_part(raw: &[u8], part: u32) -> Result<Option<OpenedPart>, Refusal> {
    let message = parse(raw)?;
    if !message.attachments.contains(&part) {
        return Ok(None);
    }
    Ok(message.parts.get(part as usize).map(|found| OpenedPart {
        name: file_name(found, part),
        content_type: content_type(found),
        bytes: found.contents().to_vec(),
    }))
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
        assert!(opened.html.expect("html").contains("rich"));
        assert_eq!(opened.headers[0].0, "From");
    }

    #[test]
    fn a_part_that_is_not_there_is_none() {
        assert_eq!(open_part(MAIL, 99), Ok(None));
    }
}
