//! What goes out, as others read it.

use bytes::Bytes;
use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::message::InternetMessageId;
use mail_parser::MessageParser;
use mail_parser::MimeHeaders as _;
use mime::ComposedFile;
use mime::Composition;
use mime::Mailbox;
use testkit::cases;

fn composed(html: &str, files: Vec<ComposedFile>) -> String {
    let mailbox = |address: &str| Mailbox {
        name: CleanText::default(),
        address: EmailAddress::parse(address).expect("address"),
    };
    let raw = mime::compose(&Composition {
        from: mailbox("alice@isp.example"),
        reply_to: None,
        to: vec![mailbox("kelly@out.example")],
        cc: Vec::new(),
        subject: CleanText::new("Written"),
        html: mime::clean_html(html),
        message_id: InternetMessageId::new("a@isp.example").expect("id"),
        token: "a".into(),
        date: Timestamp::EPOCH,
        in_reply_to: None,
        references: Vec::new(),
        headers: Vec::new(),
        files,
    });
    String::from_utf8(raw).expect("ascii")
}

fn plain(html: &str) -> String {
    let raw = composed(html, Vec::new());
    let message = MessageParser::default().parse(raw.as_bytes()).expect("message");
    message.body_text(0).expect("text").replace("\r\n", "\n")
}

#[test]
fn case_12_the_text_beside_the_html() {
    let text = plain(&cases::text("12-the-text-beside-the-html", "body.html"));
    let lines: Vec<_> = text.lines().collect();
    for line in [
        "Dear Kelly,",
        "router",
        "cable",
        "Alice Adams",
        "ISP Ltd",
        "> When?",
    ] {
        assert!(lines.contains(&line), "{line}: {text}");
    }
    assert!(text.contains("Pay here <https://pay.isp.example/i/7>"), "{text}");
    assert!(text.contains("a\t1"), "{text}");
    for glued in ["Kelly,router", "routercable", "AdamsISP"] {
        assert!(!text.contains(glued), "{text}");
    }
}

#[test]
fn heavy_html_keeps_its_words_apart() {
    let heavy = "<div>Dear Kelly,</div><div>yes.</div>".to_owned() + &"<div>".repeat(2_000);
    let text = plain(&heavy);
    assert!(text.contains("Kelly, yes."), "{text}");
}

fn file(name: &str, content_id: Option<&str>) -> ComposedFile {
    ComposedFile {
        name: CleanText::new(name),
        content_type: "application/pdf".into(),
        content_id: content_id.map(str::to_owned),
        bytes: Bytes::from_static(b"%PDF"),
    }
}

/// The header of the file's part, unfolded.
fn part_header(raw: &str) -> String {
    let start = raw.find("Content-Type: application/pdf").expect("part");
    let header = raw[start..].split("\r\n\r\n").next().expect("header");
    header.replace("\r\n", "")
}

/// By what stands in Content-Type alone, as programs read it that do not know RFC 2231.
fn old_name(header: &str) -> String {
    let (_, rest) = header.split_once("name=\"").expect("name");
    let quoted = rest.split("\"Content-").next().expect("end");
    let quoted = quoted.split("\" Content-").next().expect("end");
    if !quoted.contains("=?") {
        return quoted
            .trim_end_matches('"')
            .replace("\\\"", "\"")
            .replace("\\\\", "\\");
    }
    let subject = format!("Subject: {}\r\n\r\n", quoted.trim_end_matches('"'));
    let message = MessageParser::default()
        .parse(subject.as_bytes())
        .expect("header");
    message.subject().expect("subject").to_owned()
}

#[test]
fn names_of_files_are_read_by_new_and_old_programs() {
    let long = "quarterly report of the northern lines ".repeat(3) + ".pdf";
    let long_han = "第三季度光纤线路维护报告".repeat(10) + ".pdf";
    for name in [
        "invoice.pdf",
        "an \"odd\" name.pdf",
        long.as_str(),
        "Rechnung für März.pdf",
        "Звіт за листопад 2026 (остаточна версія, виправлена).pdf",
        long_han.as_str(),
        "📎 e\u{301}.pdf",
    ] {
        for content_id in [None, Some("logo")] {
            let raw = composed("<p><img src=\"cid:logo\"></p>", vec![file(name, content_id)]);
            assert!(raw.lines().all(|line| line.len() <= 200), "{raw}");
            let header = part_header(&raw);
            assert_eq!(old_name(&header), name, "{header}");
            assert_eq!(header.contains("filename*"), !name.is_ascii(), "{header}");
            let summary = mime::summarise(raw.as_bytes()).expect("summary");
            assert_eq!(summary.attachments[0].name.as_str(), name, "{header}");
            let message = MessageParser::default().parse(raw.as_bytes()).expect("message");
            let part = message.attachments().next().expect("part");
            let disposition = part
                .content_disposition()
                .and_then(|found| found.attribute("filename"));
            assert_eq!(disposition, Some(name), "{header}");
        }
    }
}
