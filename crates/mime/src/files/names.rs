//! What a file is called: what its sender wrote, in whichever field; else what it is.

use std::borrow::Cow;

use mail_parser::HeaderName;
use mail_parser::MessagePart;

use super::kinds;
use super::parameters::Parameter;
use super::parameters::parameters;
use super::parameters::text;
use crate::charset::Charsets;
use crate::words::decode_words;

pub const MAX_NAME_CHARS: usize = 150;
/// Of one file.
const MAX_NAMES: usize = 4;

#[derive(Default)]
pub struct Names(Vec<String>);

impl Names {
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    pub fn second(&self) -> Option<&str> {
        self.0.get(1).map(String::as_str)
    }

    /// A name with bytes lost (`?`, a character that stands for none), cut short, or the same in other letters is no
    /// other name; of two such the whole one counts.
    fn add(&mut self, name: String) {
        let name = base(&name);
        if name.is_empty() {
            return;
        }
        let known = self.0.iter().position(|known| is_same(known, &name));
        match known {
            Some(known) if quality(&name) > quality(&self.0[known]) => self.0[known] = name,
            None if self.0.len() < MAX_NAMES => self.0.push(name),
            _ => {}
        }
    }
}

/// `header`: the bytes that the offsets of the part are in. Disposition first (RFC 2183 §2.3); what stands in other
/// fields names a file only if it looks like the name of one.
pub fn names(part: &MessagePart<'_>, header: &[u8], charsets: &Charsets) -> Names {
    let of = |name: HeaderName<'static>| {
        let fields = part.headers.iter().filter(move |field| field.name == name);
        fields.filter_map(|field| header.get(field.offset_start as usize..field.offset_end as usize))
    };
    let mut names = Names::default();
    let mut add_all = |parameters: &[Parameter], order: [&str; 2]| {
        let found = order
            .into_iter()
            .filter_map(|name| text(parameters, name, charsets));
        found.for_each(|name| names.add(name));
    };
    of(HeaderName::ContentDisposition).for_each(|field| add_all(&parameters(field), ["filename", "name"]));
    of(HeaderName::ContentType).for_each(|field| add_all(&parameters(field), ["name", "filename"]));
    if names.0.is_empty() {
        let others = [
            HeaderName::ContentDescription,
            HeaderName::ContentLocation,
            HeaderName::ContentId,
        ];
        let found = others
            .into_iter()
            .flat_map(of)
            .map(|field| name_in_field(field, charsets));
        if let Some(name) = found
            .into_iter()
            .find(|name| kinds::extension(name).is_some_and(|_| is_likely(name)))
        {
            names.add(name);
        }
    }
    names
}

/// `<image001.png@01DB.5B>`, `https://out.example/logo.png?x`, `reading.txt`
fn name_in_field(field: &[u8], charsets: &Charsets) -> String {
    let text = charsets
        .decode(field.trim_ascii(), None)
        .replace(['\r', '\n'], "");
    let text = decode_words(&text, charsets);
    let text = text.trim_matches(['<', '>', '"', ' ']);
    let text = text.split('@').next().unwrap_or_default();
    base(text.split(['?', '#']).next().unwrap_or_default())
}

fn is_likely(name: &str) -> bool {
    name.len() < 200 && kinds::type_of_name(name) != "application/octet-stream"
}

/// The last piece of a path. A point in front hides a file.
fn base(name: &str) -> String {
    let last = name
        .trim()
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let clean = domain::CleanText::cut(last.trim_start_matches(['.', ' ']), MAX_NAME_CHARS);
    clean.into_string()
}

fn is_same(one: &str, other: &str) -> bool {
    let folded = |name: &str| -> Vec<char> {
        let lower = name.to_lowercase();
        lower
            .chars()
            .filter(|c| !matches!(c, ' ' | '_' | '-' | '+'))
            .collect()
    };
    let (one, other) = (folded(one), folded(other));
    let is_lost = |c: &char| matches!(c, '?' | '\u{fffd}') || !c.is_ascii();
    let differs = |(one, other): (&char, &char)| one != other && !is_lost(one) && !is_lost(other);
    match one.len() == other.len() {
        true => !one.iter().zip(&other).any(differs),
        // Cut short, or without its kind.
        false => one.starts_with(&other) || other.starts_with(&one) || is_damaged(&one) || is_damaged(&other),
    }
}

fn is_damaged(name: &[char]) -> bool {
    let lost = name.iter().filter(|c| matches!(c, '?' | '\u{fffd}')).count();
    lost > 0 && lost * 4 >= name.len()
}

/// More is better: nothing lost, a kind, all of its letters.
fn quality(name: &str) -> (bool, bool, bool, usize) {
    (
        !name.contains(['?', '\u{fffd}']),
        kinds::extension(name).is_some(),
        !name.is_ascii(),
        name.len(),
    )
}

pub struct MadeUp {
    pub stem: String,
    pub extension: &'static str,
    /// It has a number even if it is the only one.
    pub is_of_many: bool,
}

/// By what it is: the subject of a message, the kind that its type says or, where that says nothing, its bytes.
pub fn made_up<'m>(
    part: &MessagePart<'_>,
    content_type: &str,
    head: impl FnOnce() -> Cow<'m, [u8]>,
) -> MadeUp {
    let subject = part
        .message()
        .and_then(|message| message.subject())
        .map(base_of_subject);
    if let Some(subject) = subject.filter(|subject| !subject.is_empty()) {
        return MadeUp {
            stem: subject,
            extension: "eml",
            is_of_many: false,
        };
    }
    let found = kinds::called(content_type);
    let (stem, extension) = match found {
        ("file" | "picture" | "sound" | "video", "") => by_bytes(&head()).unwrap_or(found),
        found => found,
    };
    MadeUp {
        stem: stem.to_owned(),
        extension,
        is_of_many: matches!(stem, "photo" | "picture" | "drawing" | "sound" | "video" | "file"),
    }
}

fn by_bytes(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if head.starts_with(b"-----BEGIN PGP MESSAGE") {
        return Some(("OpenPGP message", "asc"));
    }
    let found = infer::get(head)?;
    match kinds::called(found.mime_type()) {
        ("file", "") => Some(("file", found.extension())),
        known => Some(known),
    }
}

fn base_of_subject(subject: &str) -> String {
    let flat = subject.replace(['/', '\\', ':', '"', '*', '?', '<', '>', '|'], " ");
    domain::CleanText::cut(flat.trim_matches(['.', ' ']), 100).into_string()
}

/// Lower case; a type that is none is bytes.
pub fn content_type(part: &MessagePart<'_>) -> String {
    use mail_parser::MimeHeaders as _;
    let Some(content_type) = part.content_type() else {
        return if part.is_message() {
            "message/rfc822"
        } else {
            "application/octet-stream"
        }
        .to_owned();
    };
    let joined = match content_type.subtype() {
        Some(subtype) => format!("{}/{subtype}", content_type.ctype()),
        None => content_type.ctype().to_owned(),
    };
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '+' | '-' | '_');
    let is_type = joined.len() <= 100 && joined.chars().all(is_token);
    if is_type {
        joined.to_ascii_lowercase()
    } else {
        "application/octet-stream".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::summarise;

    fn file(header: &str, body: &str) -> (String, Option<String>) {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n{header}\r\n\r\n{body}\r\n--b--\r\n"
        );
        let summary = summarise(raw.as_bytes()).expect("summary");
        let file = summary
            .attachments
            .first()
            .unwrap_or_else(|| panic!("no file: {header}"));
        let other = file.other_name.as_ref().map(|name| name.as_str().to_owned());
        (file.name.as_str().to_owned(), other)
    }

    #[test]
    fn a_file_is_called_what_its_sender_says_or_what_it_is() {
        for (header, body, name, other) in [
            ("Content-Type: image/jpeg", "x", "photo-1.jpg", None),
            (
                "Content-Type: text/calendar; method=REQUEST",
                "x",
                "invite.ics",
                None,
            ),
            (
                "Content-Type: message/delivery-status",
                "Action: failed",
                "Delivery report.txt",
                None,
            ),
            (
                "Content-Type: message/rfc822",
                "Subject: Router / box\r\n\r\nhi",
                "Router box.eml",
                None,
            ),
            (
                "Content-Type: message/rfc822",
                "From: a@b.example\r\n\r\nhi",
                "Message.eml",
                None,
            ),
            (
                "Content-Type: application/octet-stream",
                "%PDF-1.4 x",
                "document.pdf",
                None,
            ),
            ("Content-Type: application/octet-stream", "what", "file-1", None),
            (
                "Content-Type: application/pgp-signature",
                "x",
                "signature.asc",
                None,
            ),
            (
                "Content-Type: image/png; name=image001",
                "x",
                "image001.png",
                None,
            ),
            ("Content-Type: image/png; name=\".png\"", "x", "png.png", None),
            (
                "Content-Type: image/png\r\nContent-ID: <image001.png@01DB.5B>",
                "x",
                "image001.png",
                None,
            ),
            (
                "Content-Type: image/png\r\nContent-ID: <part1.a@b.example>",
                "x",
                "picture-1.png",
                None,
            ),
            (
                "Content-Type: image/png\r\nContent-Location: https://b.example/logo.png?x=1",
                "x",
                "logo.png",
                None,
            ),
            (
                "Content-Type: image/png\r\nContent-Description: the house.png",
                "x",
                "the house.png",
                None,
            ),
            (
                "Content-Type: image/png\r\nContent-Description: The house",
                "x",
                "picture-1.png",
                None,
            ),
            (
                "Content-Type: application/pdf; name=\"report.pdf\"\r\nContent-Disposition: attachment; filename=\"run.exe\"",
                "x",
                "run.exe",
                Some("report.pdf"),
            ),
            (
                "Content-Type: application/pdf; name=\"Geb?hr.pdf\"\r\nContent-Disposition: attachment; filename*=utf-8''Geb%C3%BChr.pdf",
                "x",
                "Gebühr.pdf",
                None,
            ),
            (
                "Content-Type: application/pdf; name=\"Gebühr.pdf\"\r\nContent-Disposition: attachment; filename=\"Geb?hr.pdf\"",
                "x",
                "Gebühr.pdf",
                None,
            ),
            (
                "Content-Type: application/pdf; name=\"A long name.pdf\"\r\nContent-Disposition: attachment; filename=\"A long\"",
                "x",
                "A long name.pdf",
                None,
            ),
            (
                "Content-Type: application/pdf; name=\"../../etc/b.pdf\"\r\nContent-Disposition: attachment; filename=\"B.PDF\"",
                "x",
                "B.PDF",
                None,
            ),
        ] {
            let (found, found_other) = file(header, body);
            assert_eq!(
                (found.as_str(), found_other.as_deref()),
                (name, other),
                "{header}"
            );
        }
    }

    #[test]
    fn names_that_are_made_up_are_different() {
        let photo = "--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n";
        let report = "--b\r\nContent-Type: message/delivery-status\r\n\r\nx\r\n";
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{photo}{photo}{report}{report}--b--\r\n"
        );
        let summary = summarise(raw.as_bytes()).expect("summary");
        let names: Vec<_> = summary
            .attachments
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "photo-1.jpg",
                "photo-2.jpg",
                "Delivery report.txt",
                "Delivery report-2.txt"
            ]
        );
    }
}
