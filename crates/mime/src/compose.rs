//! A message made from what a person wrote. No value can reach the wire as structure: names and subjects are
//! [`CleanText`], addresses and ids are parsed, bodies are encoded.

use ammonia::Builder;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::message::InternetMessageId;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use mail_parser::decoders::html::html_to_text;

use crate::html;
use crate::images::map_images;
use crate::plain::plain_text;
use crate::summary::with_words_apart;

/// A name (it may be empty) and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: CleanText,
    pub address: EmailAddress,
}

#[derive(Clone, Debug)]
pub struct Composition {
    pub from: Mailbox,
    pub reply_to: Option<EmailAddress>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub subject: CleanText,
    /// As [`clean_html`] gives it.
    pub html: String,
    /// Without angle brackets.
    pub message_id: InternetMessageId,
    /// `X-Waxseal-Id`, by which the message is known where a server changes the Message-ID.
    pub token: String,
    pub date: Timestamp,
    pub in_reply_to: Option<InternetMessageId>,
    pub references: Vec<InternetMessageId>,
    /// Name and value, as they stand.
    pub headers: Vec<(String, String)>,
    pub files: Vec<ComposedFile>,
}

#[derive(Clone, Debug)]
pub struct ComposedFile {
    pub name: CleanText,
    pub content_type: String,
    /// Of an inline image: it goes along if the HTML names it as `cid:`.
    pub content_id: Option<String>,
    pub bytes: Bytes,
}

/// Ends of lines are CRLF throughout, and no line is longer than 998 characters: it goes over the wire as it is.
/// There is no Bcc field in it. Inline images are those that the HTML names, and it names none that is not there:
/// what was taken out of the text never goes, and nothing in it is dead.
pub fn compose(composition: &Composition) -> Vec<u8> {
    let (seen, inline) = with_images(composition);
    let html = lines_of(&seen);
    let text = lines_of(&plain_text(&seen));
    let alternative = MimePart::new(
        "multipart/alternative",
        vec![
            MimePart::new("text/plain", text),
            MimePart::new("text/html", html),
        ],
    );
    let files = composition.files.iter();
    let attached: Vec<_> = files.filter(|file| file.content_id.is_none()).collect();
    let mut body = alternative;
    if !inline.is_empty() {
        let parts = std::iter::once(body)
            .chain(inline.into_iter().map(part))
            .collect::<Vec<_>>();
        body = MimePart::new("multipart/related", parts);
    }
    if !attached.is_empty() {
        let parts = std::iter::once(body)
            .chain(attached.into_iter().map(part))
            .collect::<Vec<_>>();
        body = MimePart::new("multipart/mixed", parts);
    }
    let mut message = MessageBuilder::new()
        .message_id(composition.message_id.as_str())
        .date(Date::new(composition.date.seconds()))
        .from(address(&composition.from))
        .subject(composition.subject.as_str())
        .header("X-Waxseal-Id", Text::new(composition.token.as_str()));
    if let Some(reply_to) = &composition.reply_to {
        message = message.reply_to(reply_to.as_str());
    }
    if !composition.to.is_empty() {
        message = message.to(addresses(&composition.to));
    }
    if !composition.cc.is_empty() {
        message = message.cc(addresses(&composition.cc));
    }
    if let Some(answered) = &composition.in_reply_to {
        message = message.in_reply_to(answered.as_str());
    }
    if !composition.references.is_empty() {
        let ids = composition.references.iter().map(InternetMessageId::as_str);
        message = message.references(MessageId::new_list(ids));
    }
    for (name, value) in &composition.headers {
        message = message.header(name.as_str(), Text::new(value.as_str()));
    }
    let mut raw = Vec::new();
    message.body(body).serialize(&mut raw);
    raw
}

/// The HTML without images that are not there, and the files that it names.
fn with_images(composition: &Composition) -> (String, Vec<&ComposedFile>) {
    let mut named: Vec<&ComposedFile> = Vec::new();
    let html = map_images(&composition.html, |content_id| {
        let mut files = composition.files.iter();
        let file = files.find(|file| file.content_id.as_deref() == Some(content_id))?;
        if !named.iter().any(|held| std::ptr::eq(*held, file)) {
            named.push(file);
        }
        Some(content_id.to_owned())
    });
    (html, named)
}

/// The field that only the owner's own copy has.
pub fn bcc_field(bcc: &[Mailbox]) -> Vec<u8> {
    if bcc.is_empty() {
        return Vec::new();
    }
    let mut field = b"Bcc: ".to_vec();
    mail_builder::headers::Header::write_header(&addresses(bcc), &mut field, 5);
    field
}

/// Always base64, whatever is in it: a NUL or a bare CR in a text file would not survive the way.
fn part(file: &ComposedFile) -> MimePart<'_> {
    let encoded = STANDARD.encode(&file.bytes);
    let mut body = Vec::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    for line in encoded.as_bytes().chunks(76) {
        body.extend_from_slice(line);
        body.extend_from_slice(b"\r\n");
    }
    // With its name: some programs list what is inline, too.
    let disposition = match &file.content_id {
        Some(_) => "inline",
        None => "attachment",
    };
    let (kind, name) = (file.content_type.as_str(), file.name.as_str());
    let part = MimePart {
        headers: vec![("Content-Type".into(), Raw::new(named_for_old(kind, name)).into())],
        contents: body.into(),
    };
    let part = part.transfer_encoding("base64");
    let part = part.header("Content-Disposition", named(disposition, name));
    match &file.content_id {
        Some(id) => part.cid(id.as_str()),
        None => part,
    }
}

/// Whole where it is ASCII, whatever its length: not every program joins the pieces of RFC 2231, which is the only way
/// for all other letters.
fn named<'x>(disposition: &'x str, name: &'x str) -> HeaderType<'x> {
    match name.is_ascii() {
        true => Raw::new(format!("{disposition}; filename={}", quoted(name))).into(),
        false => ContentType::new(disposition).attribute("filename", name).into(),
    }
}

/// Old programs look for the name here, and know encoded words in it (which RFC 2047 §5 does not), but not RFC 2231.
fn named_for_old(content_type: &str, name: &str) -> String {
    const WORD_BYTES: usize = 39;
    if name.is_ascii() {
        return format!("{content_type}; name={}", quoted(name));
    }
    let mut words = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    format!("{content_type}; name=\"{}\"", words.join(" "))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    let name = (!mailbox.name.is_empty()).then(|| mailbox.name.as_str());
    Address::new_address(name, mailbox.address.as_written())
}

fn addresses(mailboxes: &[Mailbox]) -> Address<'_> {
    Address::new_list(mailboxes.iter().map(address).collect())
}

/// Lines end as on the wire; control characters but tabs are gone.
fn lines_of(text: &str) -> String {
    let plain = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = plain
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    kept.collect::<String>().replace('\n', "\r\n")
}

/// What a person wrote in the editor, or pasted into it: looks and links, inline images by `cid:`, nothing that
/// runs or loads. Of what is too heavy (a letter that is quoted may be made so) the words.
pub fn clean_html(html: &str) -> String {
    if html::weigh(html).is_none() {
        let words = html_to_text(&with_words_apart(html));
        return format!("<p>{}</p>", html::escape(&words));
    }
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "u"])
        .rm_tags(["map", "area"])
        .add_generic_attributes(["style", "align", "dir"])
        .add_tag_attributes("blockquote", ["type"])
        .url_schemes(["http", "https", "mailto", "tel", "cid"].into())
        .filter_style_properties(WRITTEN_STYLES.iter().copied().collect())
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("img", "src") if !value.starts_with("cid:") => None,
            (_, "style") if value.to_ascii_lowercase().contains("url(") => None,
            ("blockquote", "type") if value != "cite" => None,
            _ => Some(value.into()),
        });
    builder.clean(html).to_string()
}

const WRITTEN_STYLES: &[&str] = &[
    "color",
    "background-color",
    "font-size",
    "font-style",
    "font-weight",
    "text-align",
    "text-decoration",
    "border",
    "border-left",
    "border-collapse",
    "padding",
    "padding-left",
    "margin",
    "margin-left",
    "width",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox {
            name: CleanText::new(name),
            address: EmailAddress::parse(address).expect(address),
        }
    }

    fn composition() -> Composition {
        let id = |text| InternetMessageId::new(text).expect("id");
        Composition {
            from: mailbox("Alice \"A\" Ädams", "alice@isp.example"),
            reply_to: None,
            to: vec![mailbox("Ке́ллі\r\nBcc: evil@x.example", "kelly@bücher.example")],
            cc: vec![mailbox("", "john@out.example")],
            subject: CleanText::new("Gebühr\r\nBcc: evil@x.example"),
            html: clean_html(
                "<p>Grüße <script>x()</script><img src=\"https://t.example\"><img src=\"cid:logo\"></p>\n.\n",
            ),
            message_id: id("token@isp.example"),
            token: "token".into(),
            date: Timestamp::from_seconds(1_790_000_000),
            in_reply_to: Some(id("asked@out.example")),
            references: vec![id("first@out.example"), id("asked@out.example")],
            headers: Vec::new(),
            files: vec![
                ComposedFile {
                    name: CleanText::new("Rechnung Ü\r\n.pdf"),
                    content_type: "application/pdf".into(),
                    content_id: None,
                    bytes: Bytes::from_static(b"a\n.\r\nb\rc\0"),
                },
                ComposedFile {
                    name: CleanText::new("logo.png"),
                    content_type: "image/png".into(),
                    content_id: Some("logo".into()),
                    bytes: Bytes::from_static(b"PNG"),
                },
            ],
        }
    }

    #[test]
    fn what_is_composed_is_read_as_it_was_meant() {
        let raw = compose(&composition());
        let summary = crate::summarise(&raw).expect("summary");
        let named: Vec<_> = summary
            .addresses
            .iter()
            .map(|named| {
                (
                    named.role,
                    named.name.as_str(),
                    named.address.as_ref().expect("address").as_str(),
                )
            })
            .collect();
        use domain::message::AddressRole;
        assert_eq!(
            named,
            [
                (AddressRole::From, "Alice \"A\" Ädams", "alice@isp.example"),
                (
                    AddressRole::To,
                    "Ке́ллі Bcc: evil@x.example",
                    "kelly@xn--bcher-kva.example"
                ),
                (AddressRole::Cc, "", "john@out.example"),
            ]
        );
        assert_eq!(summary.subject.as_str(), "Gebühr Bcc: evil@x.example");
        assert_eq!(summary.own_token.as_deref(), Some("token"));
        assert_eq!(summary.references.len(), 2);
        assert_eq!(summary.attachments.len(), 2);
        assert_eq!(
            summary.attachments[0]
                .content_id
                .as_deref()
                .or(summary.attachments[1].content_id.as_deref()),
            Some("logo")
        );
        let opened = crate::open_message(&raw).expect("opened");
        assert!(opened.text.contains("Grüße"), "{}", opened.text);
        assert!(!opened.html[0].contains("script"));
        let file = summary
            .attachments
            .iter()
            .find(|file| !file.inline)
            .expect("file");
        let part = crate::open_part(&raw, file.place).expect("read").expect("part");
        assert_eq!(part.bytes, b"a\n.\r\nb\rc\0");
    }

    #[test]
    fn what_the_text_does_not_show_stays_and_what_is_not_there_is_not_named() {
        let mut composition = composition();
        composition.html = clean_html("<p>a<img src=\"cid:gone\">b</p>");
        let raw = String::from_utf8(compose(&composition)).expect("ascii");
        assert!(!raw.contains("Content-ID") && !raw.contains("image/png"), "{raw}");
        assert!(!raw.contains("cid:") && !raw.contains("<img"), "{raw}");
        composition.html = clean_html("<img src=\"cid:logo\"><img src=\"cid:logo\">");
        let raw = String::from_utf8(compose(&composition)).expect("ascii");
        assert_eq!(raw.matches("Content-ID: <logo>").count(), 1, "{raw}");
        assert!(raw.contains("inline; filename=\"logo.png\""), "{raw}");
    }

    #[test]
    fn the_wire_sees_whole_short_lines_and_no_bcc() {
        let mut long = composition();
        long.html = clean_html(&format!("<p>{}</p>", "word ".repeat(4_000)));
        long.subject = CleanText::cut(&"ünlimited ".repeat(60), 500);
        for composition in [composition(), long] {
            let raw = compose(&composition);
            for (at, byte) in raw.iter().enumerate() {
                match byte {
                    b'\r' => assert_eq!(raw.get(at + 1), Some(&b'\n')),
                    b'\n' => assert_eq!(raw[at - 1], b'\r'),
                    byte => assert!(byte.is_ascii() && *byte != 0),
                }
            }
            let text = String::from_utf8(raw).expect("ascii");
            assert!(text.lines().all(|line| line.len() <= 998));
            let header = text.split("\r\n\r\n").next().expect("header");
            assert!(
                !header.lines().any(|line| line.to_lowercase().starts_with("bcc")),
                "{header}"
            );
        }
        let field = bcc_field(&[mailbox("Bób", "bob@isp.example")]);
        let field = String::from_utf8(field).expect("ascii");
        assert!(
            field.starts_with("Bcc: ") && field.ends_with("\r\n") && field.contains("<bob@isp.example>"),
            "{field}"
        );
    }
}
