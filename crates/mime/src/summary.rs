//! What is kept of a message for lists, threads and search.

use std::borrow::Cow;

use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::message::AddressRole;
use domain::message::AttachmentSummary;
use domain::message::Automatic;
use domain::message::InternetMessageId;
use domain::message::MessageSummary;
use domain::message::NamedAddress;
use domain::search;
use mail_parser::Address;
use mail_parser::Encoding;
use mail_parser::HeaderValue;
use mail_parser::Message;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;
use mail_parser::decoders::html::html_to_text;
use memchr::memchr2_iter;

use crate::automatic::automatic;
use crate::automatic::delivery_report;
use crate::parse::parse;
use crate::quotes::TextKind;
use crate::quotes::split_text;
use crate::sender::authentication;
use crate::sender::from_shape;
use crate::sender::received_by;
use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;

const MAX_ADDRESSES: usize = 1_000;
const MAX_REFERENCES: usize = domain::rules::threading::MAX_REFERENCES;
const SNIPPET_CHARS: usize = 200;
/// Own words below a long quote are not looked for.
const SNIPPET_WINDOW: usize = 2_000;

/// From and Sender; To, Cc and Bcc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderAddresses {
    pub authors: Vec<EmailAddress>,
    pub recipients: Vec<EmailAddress>,
}

pub fn summarise(raw: &[u8]) -> Result<MessageSummary, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let message = parse(&skeleton)?;
    let addresses = addresses(&message);
    let subject = CleanText::new(message.subject().unwrap_or_default());
    let text = readable_text(&message);
    let automatic = automatic(&message);
    let report = (automatic == Some(Automatic::DeliveryReport)).then(|| delivery_report(&message));
    Ok(MessageSummary {
        automatic,
        report,
        internet_message_id: message.message_id().and_then(InternetMessageId::new),
        in_reply_to: message_ids(message.in_reply_to()),
        references: message_ids(message.references()),
        date: message
            .date()
            .map(|date| Timestamp::from_seconds(date.to_timestamp())),
        snippet: snippet(&text),
        search_text: search_text(&addresses, &subject, &text),
        attachments: attachments(&message, &skeleton, raw),
        authentication: authentication(&message),
        from_shape: from_shape(&message),
        received_by: received_by(&message),
        own_token: own_token(&message),
        addresses,
        subject,
    })
}

/// The addresses of a header block alone, before the body is fetched.
pub fn header_addresses(header: &[u8]) -> HeaderAddresses {
    let Ok(skeleton) = Skeleton::of(header) else {
        return HeaderAddresses::default();
    };
    let Ok(message) = parse(&skeleton) else {
        return HeaderAddresses::default();
    };
    let all = addresses(&message);
    let of = |roles: &[AddressRole]| {
        all.iter()
            .filter(|named| roles.contains(&named.role))
            .filter_map(|named| named.address.clone())
            .collect()
    };
    HeaderAddresses {
        authors: of(&[AddressRole::From, AddressRole::Sender]),
        recipients: of(&[AddressRole::To, AddressRole::Cc, AddressRole::Bcc]),
    }
}

pub fn addresses(message: &Message<'_>) -> Vec<NamedAddress> {
    let fields = [
        (AddressRole::From, message.from()),
        (AddressRole::Sender, message.sender()),
        (AddressRole::ReplyTo, message.reply_to()),
        (AddressRole::To, message.to()),
        (AddressRole::Cc, message.cc()),
        (AddressRole::Bcc, message.bcc()),
    ];
    fields
        .into_iter()
        .flat_map(|(role, field)| {
            field
                .into_iter()
                .flat_map(move |field| named_addresses(role, field))
        })
        .take(MAX_ADDRESSES)
        .collect()
}

fn named_addresses(role: AddressRole, field: &Address<'_>) -> Vec<NamedAddress> {
    let named = field.iter().map(|entry| {
        let written = entry.address().unwrap_or_default();
        let address = EmailAddress::parse(written).ok();
        let name = entry.name().unwrap_or_default();
        // What does not parse is shown as it was written, never used as an identity.
        let name = if address.is_none() && name.is_empty() {
            written
        } else {
            name
        };
        NamedAddress {
            role,
            name: CleanText::cut(name, 200),
            address,
        }
    });
    named
        .filter(|named| named.address.is_some() || !named.name.is_empty())
        .collect()
}

fn message_ids(value: &HeaderValue<'_>) -> Vec<InternetMessageId> {
    let texts: Vec<&str> = match value {
        HeaderValue::Text(text) => vec![text],
        HeaderValue::TextList(texts) => texts.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    let skip = texts.len().saturating_sub(MAX_REFERENCES);
    texts
        .into_iter()
        .skip(skip)
        .filter_map(InternetMessageId::new)
        .collect()
}

fn own_token(message: &Message<'_>) -> Option<String> {
    let mut fields = message.headers_raw();
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("X-Waxseal-Id"))?;
    Some(CleanText::cut(value.trim(), 100).into_string())
}

/// Plain text as written, or made from HTML.
pub fn readable_text(message: &Message<'_>) -> String {
    let texts = message.text_body.iter().filter_map(|id| {
        let part = message.parts.get(*id as usize)?;
        let text = part.text_contents()?;
        Some(match part.body {
            PartType::Html(_) => Cow::Owned(html_to_text(&with_words_apart(text))),
            _ => Cow::Borrowed(text),
        })
    });
    let mut joined = String::new();
    for text in texts {
        joined.push_str(&text);
        joined.push('\n');
        if joined.len() > search::MAX_INDEXED_CHARS * 4 {
            break;
        }
    }
    joined
}

/// Words of neighbouring blocks would be glued together by the conversion, and then be found by nobody.
fn with_words_apart(html: &str) -> String {
    const INLINE: &[&[u8]] = &[
        b"a", b"abbr", b"b", b"big", b"bdi", b"bdo", b"code", b"em", b"font", b"i", b"mark", b"s", b"small",
        b"span", b"strong", b"sub", b"sup", b"u", b"wbr",
    ];
    let mut apart = String::with_capacity(html.len() + html.len() / 8);
    let mut copied = 0;
    for at in memchr::memchr_iter(b'<', html.as_bytes()) {
        let rest = &html.as_bytes()[at + 1..];
        let name = rest.strip_prefix(b"/").unwrap_or(rest);
        let length = name
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let is_block = length > 0
            && !INLINE
                .iter()
                .any(|inline| name[..length].eq_ignore_ascii_case(inline));
        if is_block {
            apart.push_str(&html[copied..at]);
            apart.push(' ');
            copied = at;
        }
    }
    apart.push_str(&html[copied..]);
    apart
}

/// The first words that are the author's own.
fn snippet(text: &str) -> CleanText {
    let end = text
        .char_indices()
        .nth(SNIPPET_WINDOW)
        .map_or(text.len(), |(end, _)| end);
    let blocks = split_text(&text[..end]);
    let own = blocks.iter().filter(|block| block.kind == TextKind::Own);
    let own: String = own.map(|block| block.text.as_str()).collect();
    CleanText::cut(&own, SNIPPET_CHARS)
}

fn search_text(addresses: &[NamedAddress], subject: &CleanText, text: &str) -> String {
    let mut folded = String::new();
    for named in addresses {
        search::fold_into(&mut folded, named.name.as_str());
        if let Some(address) = &named.address {
            search::fold_into(&mut folded, address.as_str());
        }
    }
    search::fold_into(&mut folded, subject.as_str());
    let end = text
        .char_indices()
        .nth(search::MAX_INDEXED_CHARS)
        .map_or(text.len(), |(end, _)| end);
    search::fold_into(&mut folded, &text[..end]);
    folded
}

fn attachments(message: &Message<'_>, skeleton: &Skeleton<'_>, raw: &[u8]) -> Vec<AttachmentSummary> {
    let html = message.body_html(0).unwrap_or_default();
    let parts = message.attachments.iter().filter_map(|id| {
        let part = message.parts.get(*id as usize)?;
        let content_id = part.content_id().map(str::to_owned);
        let inline = content_id
            .as_ref()
            .is_some_and(|id| html.contains(&format!("cid:{id}")));
        Some(AttachmentSummary {
            part: *id,
            name: file_name(part, *id),
            content_type: content_type(part),
            size_bytes: size(part, skeleton, raw),
            content_id,
            inline,
        })
    });
    parts.collect()
}

/// Of one that the parser was not shown: base64 has four characters for three bytes (RFC 4648 §4).
fn size(part: &mail_parser::MessagePart<'_>, skeleton: &Skeleton<'_>, raw: &[u8]) -> u64 {
    let Some(omitted) = skeleton.omitted_at(part.offset_body as usize) else {
        return part.len() as u64;
    };
    let body = &raw[omitted.raw.clone()];
    match part.encoding {
        Encoding::Base64 => {
            let data = body.trim_ascii_end();
            let padding = data.iter().rev().take_while(|byte| **byte == b'=').count();
            let line_ends = memchr2_iter(b'\r', b'\n', data).count();
            (data.len() - padding - line_ends) as u64 * 3 / 4
        }
        _ => body.len() as u64,
    }
}

pub fn content_type(part: &mail_parser::MessagePart<'_>) -> String {
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
    if joined.len() <= 100 && joined.chars().all(is_token) {
        joined.to_ascii_lowercase()
    } else {
        "application/octet-stream".to_owned()
    }
}

/// A name fit for a file system: no path, no control or bidirectional characters.
pub fn file_name(part: &mail_parser::MessagePart<'_>, id: u32) -> CleanText {
    let written = part.attachment_name().unwrap_or_default();
    let base = written.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = CleanText::cut(base.trim_start_matches('.'), 150);
    if !clean.is_empty() {
        return clean;
    }
    let subject = part
        .message()
        .and_then(|message| message.subject())
        .unwrap_or_default();
    match part.is_message() {
        true if !subject.is_empty() => {
            CleanText::cut(&format!("{}.eml", subject.replace(['/', '\\'], " ")), 150)
        }
        true => CleanText::new(&format!("message-{id}.eml")),
        false => CleanText::new(&format!("attachment-{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: =?utf-8?q?Zo=C3=AB?= <Zoe@Out.example>\r\nTo: Alice <alice@isp.example>, bob@isp.example\r\n\
Subject: =?iso-8859-1?q?Geb=FChr?=\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\nMessage-ID: <a@b>\r\n\
References: <x@y> <z@y>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n> quoted\r\nHello Alice\r\n\
--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../etc/bill\u{202e}.pdf\"\r\n\r\nPDF\r\n--b--\r\n";

    #[test]
    fn a_message_is_summarised() {
        let summary = summarise(MAIL.as_bytes()).expect("summary");
        let author = summary.author().expect("author");
        assert_eq!(author.name.as_str(), "Zoë");
        assert_eq!(
            author.address.as_ref().expect("address").as_str(),
            "zoe@out.example"
        );
        assert_eq!(summary.subject.as_str(), "Gebühr");
        assert_eq!(summary.snippet.as_str(), "Hello Alice");
        assert_eq!(summary.date, Some(Timestamp::from_seconds(1_704_099_600)));
        assert_eq!(
            summary
                .references
                .iter()
                .map(InternetMessageId::as_str)
                .collect::<Vec<_>>(),
            ["x@y", "z@y"]
        );
        assert_eq!(summary.attachments[0].name.as_str(), "bill.pdf");
        assert!(summary.has_attachments());
        assert!(summary.search_text.contains("gebuhr") && summary.search_text.contains("quoted"));
    }

    #[test]
    fn the_word_of_the_receiving_server_is_read() {
        let own = Some("mx.isp.example");
        for (field, disowned) in [
            (
                "mx.isp.example; spf=pass smtp.mailfrom=x; dmarc=fail (p=reject) header.from=y",
                true,
            ),
            ("mx.isp.example 1; dmarc=pass", false),
            ("MX.isp.example;\r\n dmarc = FAIL", true),
            ("mx.isp.example (dmarc=fail); dkim=pass", false),
            ("other.example; dmarc=fail", false),
            ("mx.isp.example; none", false),
            ("dmarc=fail", false),
            ("mx.isp.example; dmarc=pass reason=\"; dmarc=fail\"", false),
        ] {
            let raw = format!("Authentication-Results: {field}\r\nFrom: a@b.example\r\n\r\nhi");
            let summary = summarise(raw.as_bytes()).expect("summary");
            assert_eq!(summary.is_disowned(own), disowned, "{field}");
        }
        let both = "Authentication-Results: mx.isp.example; dmarc=pass\r\nAuthentication-Results: mx.isp.example; dmarc=fail\r\n\r\n";
        assert!(
            !summarise(both.as_bytes()).expect("summary").is_disowned(own),
            "the topmost counts"
        );
    }

    #[test]
    fn words_of_neighbouring_blocks_are_two_words() {
        let html = "<h2>Ten days of offers</h2><img src=x><p>Pay <b>no</b>w</p><ul><li>one</li><li>two</li></ul><table><tr><td>a</td><td>b</td></tr></table>";
        let raw = format!("Content-Type: text/html\r\n\r\n{html}");
        let summary = summarise(raw.as_bytes()).expect("summary");
        assert_eq!(summary.snippet.as_str(), "Ten days of offers Pay now one two a b");
    }

    #[test]
    fn anything_gives_a_summary_or_a_reason() {
        for raw in [
            b"".as_slice(),
            b"\r\n",
            b"no header at all",
            b"\xff\xfe\x00",
            b"From: <<<>>>\r\n\r\n",
        ] {
            let _ = summarise(raw);
        }
    }

    #[test]
    fn addresses_are_read_from_a_header_alone() {
        let found = header_addresses(b"From: a@b.example\r\nCc: C <c@d.example>\r\n\r\n");
        assert_eq!(found.authors[0].as_str(), "a@b.example");
        assert_eq!(found.recipients[0].as_str(), "c@d.example");
    }
}
