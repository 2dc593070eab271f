//! What is kept of a message for lists, threads and search.

use std::borrow::Cow;
use std::collections::HashSet;

use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::message::AddressRole;
use domain::message::AttachmentSummary;
use domain::message::Automatic;
use domain::message::DeliveryReport;
use domain::message::InternetMessageId;
use domain::message::MessageSummary;
use domain::message::NamedAddress;
use domain::rules::threading::conversation_keys;
use domain::search;
use mail_parser::Address;
use mail_parser::HeaderValue;
use mail_parser::Message;
use mail_parser::PartType;
use mail_parser::decoders::html::html_to_text;

use crate::automatic::automatic;
use crate::charset::Charset;
use crate::files::File;
use crate::files::files;
use crate::parse::parse;
use crate::parse::parse_as;
use crate::quotes::own_beginning;
use crate::quotes::text_with_marks;
use crate::report::complaint;
use crate::report::delivery_report;
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
    summarise_as(raw, None)
}

/// `charset`: what a reader says it is written in.
pub fn summarise_as(raw: &[u8], charset: Option<Charset>) -> Result<MessageSummary, Refusal> {
    let skeleton = Skeleton::of(raw)?;
    let parsed = parse_as(&skeleton, charset)?;
    let message = &parsed.message;
    let addresses = addresses(message);
    let subject = CleanText::new(message.subject().unwrap_or_default());
    let text = readable_text(message);
    let automatic = automatic(message);
    let report = automatic.and_then(|kind| match kind {
        Automatic::DeliveryReport => Some(delivery_report(message)),
        Automatic::Complaint => Some(complaint(message)),
        _ => None,
    });
    let references = references(message, report.as_ref());
    let attachments = attachments(message, files(&parsed, &skeleton));
    let mut words = search_text(&addresses, &subject, &text);
    add_other_words(&mut words, message, &attachments);
    Ok(MessageSummary {
        automatic,
        report,
        internet_message_id: message_id(message),
        in_reply_to: message_ids(message, "In-Reply-To"),
        references,
        conversation_keys: conversation_keys(
            subject.as_str(),
            header(message, "Thread-Index").unwrap_or_default(),
            &topic(message),
        ),
        date: message
            .date()
            .map(|date| Timestamp::from_seconds(date.to_timestamp())),
        snippet: snippet(&text),
        search_text: words,
        attachments,
        authentication: authentication(message),
        from_shape: from_shape(message),
        received_by: received_by(message),
        own_token: own_token(message),
        addresses,
        subject,
    })
}

/// The addresses of a header block alone, before the body is fetched.
pub fn header_addresses(header: &[u8]) -> HeaderAddresses {
    let Ok(skeleton) = Skeleton::of(header) else {
        return HeaderAddresses::default();
    };
    let Ok(parsed) = parse(&skeleton) else {
        return HeaderAddresses::default();
    };
    let all = addresses(&parsed.message);
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
    let named = fields.into_iter().flat_map(|(role, field)| {
        field
            .into_iter()
            .flat_map(move |field| named_addresses(role, field))
    });
    let mut named: Vec<NamedAddress> = named.take(MAX_ADDRESSES).collect();
    let is_signed = |named: &NamedAddress| matches!(named.role, AddressRole::From | AddressRole::Sender);
    if !named.iter().any(is_signed) {
        named.extend(returned_to(message));
    }
    named
}

/// Whom a server returns it to (RFC 5321 §4.4): of mail that names no author, who sent it as far as anybody knows.
fn returned_to(message: &Message<'_>) -> Option<NamedAddress> {
    let address = EmailAddress::parse(message.return_path().as_text()?).ok()?;
    Some(NamedAddress {
        role: AddressRole::Sender,
        name: CleanText::default(),
        address: Some(address),
    })
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

fn message_id(message: &Message<'_>) -> Option<InternetMessageId> {
    let first = message_ids(message, "Message-ID").into_iter().next();
    first.or_else(|| message.message_id().and_then(InternetMessageId::new))
}

fn message_ids(message: &Message<'_>, name: &str) -> Vec<InternetMessageId> {
    let ids = header(message, name)
        .map(crate::ids::message_ids)
        .unwrap_or_default();
    let skip = ids.len().saturating_sub(MAX_REFERENCES);
    ids.into_iter().skip(skip).collect()
}

/// As it came.
fn header<'m>(message: &'m Message<'_>, name: &str) -> Option<&'m str> {
    let mut fields = message.headers_raw();
    let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// Thread-Topic: the subject without prefixes, as Exchange keeps it.
fn topic(message: &Message<'_>) -> String {
    let topic = message.header("Thread-Topic").and_then(HeaderValue::as_text);
    topic.unwrap_or_default().to_owned()
}

/// A report belongs to what it returns, though many a server does not refer to it.
fn references(message: &Message<'_>, report: Option<&DeliveryReport>) -> Vec<InternetMessageId> {
    let mut named = message_ids(message, "References");
    let returned = report.into_iter().flat_map(|report| &report.returned);
    for id in returned.take(MAX_REFERENCES.saturating_sub(named.len())) {
        if !named.contains(id) {
            named.push(id.clone());
        }
    }
    named
}

fn own_token(message: &Message<'_>) -> Option<String> {
    Some(CleanText::cut(header(message, "X-Waxseal-Id")?, 100).into_string())
}

/// Plain text as written, or made from HTML.
pub fn readable_text(message: &Message<'_>) -> String {
    let texts = message
        .text_body
        .iter()
        .filter_map(|id| match &message.parts.get(*id as usize)?.body {
            PartType::Html(html) => Some(Cow::Owned(text_with_marks(html, |html| {
                html_to_text(&with_words_apart(html))
            }))),
            PartType::Text(text) => Some(Cow::Borrowed(text.as_ref())),
            _ => None,
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
pub(crate) fn with_words_apart(html: &str) -> String {
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
    let own = own_beginning(&text[..end], SNIPPET_CHARS);
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

/// What people see of a message beside its plain text: HTML that says more than the plain text, and names of files.
fn add_other_words(words: &mut String, message: &Message<'_>, attachments: &[AttachmentSummary]) {
    for file in attachments {
        search::fold_into(words, file.name.as_str());
        search::fold_into(words, file.other_name.as_ref().map_or("", CleanText::as_str));
    }
    let html = html_beside_text(message);
    if html.is_empty() {
        return;
    }
    let end = html
        .char_indices()
        .nth(search::MAX_INDEXED_CHARS)
        .map_or(html.len(), |(end, _)| end);
    // Mostly it says the same; then the index grows by nothing. A line that says more is found as it stands.
    let known: HashSet<&str> = words.split(' ').collect();
    let (mut more, mut line) = (String::new(), String::new());
    for text in html[..end].lines() {
        line.clear();
        search::fold_into(&mut line, text);
        if line.split(' ').any(|word| !known.contains(word)) && !line.is_empty() {
            more.push(' ');
            more.push_str(&line);
        }
    }
    words.push_str(&more);
}

/// The text of HTML parts that are shown in place of a plain part.
fn html_beside_text(message: &Message<'_>) -> String {
    let plain: HashSet<&u32> = message.text_body.iter().collect();
    let parts = message.html_body.iter().filter(|id| !plain.contains(id));
    let texts = parts.filter_map(|id| match &message.parts.get(*id as usize)?.body {
        PartType::Html(html) => Some(html_to_text(&with_words_apart(html))),
        _ => None,
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

fn attachments(message: &Message<'_>, files: Vec<File<'_>>) -> Vec<AttachmentSummary> {
    let html = message.body_html(0).unwrap_or_default();
    let named = content_ids(&html);
    let files = files.into_iter().map(|file| {
        let content_id = file.content_id();
        AttachmentSummary {
            place: file.place,
            size_bytes: file.size(),
            inline: content_id.as_deref().is_some_and(|id| named.contains(id)),
            content_id,
            name: file.name,
            other_name: file.other_name,
            content_type: file.content_type,
        }
    });
    files.collect()
}

/// What the HTML names as `cid:`, found in one pass: both its length and the number of files are the sender's choice.
pub fn content_ids(html: &str) -> HashSet<&str> {
    let pieces = html.split("cid:").skip(1);
    pieces
        .filter_map(|piece| {
            piece
                .split(['"', '\'', ' ', '\n', '\r', '\t', '<', '>', ')'])
                .next()
        })
        .collect()
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
    fn search_knows_what_is_seen_beside_the_plain_text() {
        let mail = |plain: &str, html: &str| {
            format!(
                "Subject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
--a\r\nContent-Type: text/plain\r\n\r\n{plain}\r\n\
--a\r\nContent-Type: text/html\r\n\r\n{html}\r\n--a--\r\n\
--m\r\nContent-Type: application/pdf; name=\"Vertrag Zürich.pdf\"\r\n\r\nPDF\r\n--m--\r\n"
            )
        };
        for (plain, html, expected) in [
            (
                "See the HTML",
                "<p>Ten <b>days</b></p>",
                "offer see the html vertrag zurich pdf ten days",
            ),
            (
                "Ten days",
                "<p>Ten</p><p>days</p>",
                "offer ten days vertrag zurich pdf",
            ),
            ("Ten days", "", "offer ten days vertrag zurich pdf"),
        ] {
            let summary = summarise(mail(plain, html).as_bytes()).expect("summary");
            assert_eq!(summary.search_text, expected);
        }
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
