//! Mail that no person wrote: delivery reports, automatic answers, lists, bulk mail. Nothing of it is ever answered by
//! itself; a delivery report says what became of a message of ours.

use domain::CleanText;
use domain::EmailAddress;
use domain::message::AddressRole;
use domain::message::Automatic;
use domain::message::DeliveryReport;
use domain::message::ReportedRecipient;
use mail_parser::Message;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;

use crate::summary::addresses;

/// Of one part; a report is short, what is returned with it need not be.
const MAX_TEXT: usize = 256 * 1024;
const MAX_REPORTED: usize = 100;

pub fn automatic(message: &Message<'_>) -> Option<Automatic> {
    let header = |wanted: &str| {
        let mut fields = message.headers_raw();
        let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim().to_ascii_lowercase())
    };
    if is_delivery_report(message, &header) {
        return Some(Automatic::DeliveryReport);
    }
    // RFC 3834 §5; the X- ones of Exchange and of those who came before it.
    let submitted = header("auto-submitted").filter(|value| !value.starts_with("no"));
    let answers = submitted
        .as_ref()
        .is_some_and(|value| value.starts_with("auto-replied"));
    let by_habit = header("x-autoreply").is_some()
        || header("x-autorespond").is_some()
        || header("precedence").is_some_and(|value| value.starts_with("auto_reply"));
    if answers || by_habit {
        return Some(Automatic::Answer);
    }
    // RFC 2919, RFC 2369.
    if header("list-id").is_some() || header("list-post").is_some() {
        return Some(Automatic::List);
    }
    let is_bulk = header("precedence")
        .is_some_and(|value| matches!(value.as_str(), "bulk" | "junk" | "list"))
        || header("list-unsubscribe").is_some()
        || submitted.is_some();
    is_bulk.then_some(Automatic::Bulk)
}

/// RFC 3464; else by its sender, and what such senders say (Exim, qmail, Exchange, seen 2026-11).
fn is_delivery_report(message: &Message<'_>, header: &impl Fn(&str) -> Option<String>) -> bool {
    let is_report = message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind
                .subtype()
                .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
            && kind
                .attribute("report-type")
                .is_none_or(|kind| kind.eq_ignore_ascii_case("delivery-status"))
    });
    if is_report || header("x-failed-recipients").is_some() {
        return true;
    }
    const SAID: &[&str] = &[
        "undeliver",
        "returned to sender",
        "returned mail",
        "delivery status notification",
        "delivery failure",
        "delivery has failed",
        "mail delivery failed",
        "failure notice",
        "unzustellbar",
        "не доставлено",
    ];
    let subject = message.subject().unwrap_or_default().to_lowercase();
    let from_server = addresses(message)
        .into_iter()
        .filter(|named| named.role == AddressRole::From)
        .filter_map(|named| named.address)
        .any(|address| matches!(address.local(), "mailer-daemon" | "postmaster" | "mailerdaemon"));
    from_server && SAID.iter().any(|said| subject.contains(said))
}

/// What a delivery report says: of which message, and what became of whom.
pub fn delivery_report(message: &Message<'_>) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for part in message.parts.iter().take(200) {
        match &part.body {
            PartType::Message(returned) => {
                let header = returned
                    .raw_message
                    .get(..MAX_TEXT.min(returned.raw_message.len()));
                find_tokens(&String::from_utf8_lossy(header.unwrap_or_default()), &mut report);
            }
            PartType::Text(text) => read_text(cut(text), is_status(part), &mut report),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                let bytes = &bytes[..bytes.len().min(MAX_TEXT)];
                read_text(&String::from_utf8_lossy(bytes), is_status(part), &mut report);
            }
            PartType::Html(_) | PartType::Multipart(_) => {}
        }
    }
    // Without fields of a report: whom the server names beside it.
    if report.recipients.is_empty() {
        let mut fields = message.headers_raw();
        let named = fields.find(|(name, _)| name.eq_ignore_ascii_case("X-Failed-Recipients"));
        let named = named.map(|(_, value)| value.to_owned()).unwrap_or_default();
        let failed = named.split(',').filter_map(|text| EmailAddress::parse(text).ok());
        report.recipients.extend(failed.map(|address| ReportedRecipient {
            address,
            has_failed: true,
            said: CleanText::default(),
        }));
    }
    report.recipients.truncate(MAX_REPORTED);
    report
}

fn is_status(part: &mail_parser::MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|kind| {
        kind.subtype()
            .is_some_and(|subtype| subtype.eq_ignore_ascii_case("delivery-status"))
    })
}

fn read_text(text: &str, is_status: bool, report: &mut DeliveryReport) {
    find_tokens(text, report);
    match is_status {
        true => read_status(text, report),
        false => read_plain(text, report),
    }
}

/// qmail names whom it could not reach at the start of a line, and why on the next (QSBMF, cr.yp.to/proto/qsbmf.txt).
fn read_plain(text: &str, report: &mut DeliveryReport) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let named = line
            .strip_prefix('<')
            .and_then(|rest| rest.trim_end().strip_suffix(">:"));
        let Some(address) = named.and_then(|text| EmailAddress::parse(text).ok()) else {
            continue;
        };
        if report.recipients.len() < MAX_REPORTED {
            report.recipients.push(ReportedRecipient {
                address,
                has_failed: true,
                said: CleanText::cut(lines.next().unwrap_or_default(), 500),
            });
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// RFC 3464 §2: groups of fields, an empty line between; the first is of the message.
fn read_status(text: &str, report: &mut DeliveryReport) {
    for group in unfolded(text).split("\n\n") {
        let field = |wanted: &str| {
            let mut lines = group.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_owned())
        };
        // `rfc822; kelly@out.example`
        let address = |name: &str| {
            let value = field(name)?;
            let (_, address) = value.split_once(';').unwrap_or(("", value.as_str()));
            EmailAddress::parse(address.trim().trim_matches(['<', '>'])).ok()
        };
        // The original one is the one that was written to; behind it mail may have been forwarded.
        let Some(address) = address("original-recipient").or_else(|| address("final-recipient")) else {
            continue;
        };
        let action = field("action").unwrap_or_default().to_ascii_lowercase();
        if !matches!(action.as_str(), "failed" | "delayed") || report.recipients.len() >= MAX_REPORTED {
            continue;
        }
        let said = field("diagnostic-code").map(|said| match said.split_once(';') {
            Some((_, said)) => said.trim().to_owned(),
            None => said,
        });
        report.recipients.push(ReportedRecipient {
            address,
            has_failed: action == "failed",
            said: CleanText::cut(&said.or_else(|| field("status")).unwrap_or_default(), 500),
        });
    }
}

fn unfolded(text: &str) -> String {
    let plain = text.replace("\r\n", "\n");
    plain.replace("\n ", " ").replace("\n\t", " ")
}

/// 32 and 24 hexadecimal digits with a dot between: the left part of a Message-ID of ours, wherever a server puts it.
fn find_tokens(text: &str, report: &mut DeliveryReport) {
    const ID: usize = 32;
    const MAC: usize = 24;
    let bytes = text.as_bytes();
    let is_hex = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    for dot in memchr::memchr_iter(b'.', bytes) {
        let (Some(start), end) = (dot.checked_sub(ID), dot + 1 + MAC) else {
            continue;
        };
        let Some(token) = bytes.get(start..end) else {
            continue;
        };
        if is_hex(&token[..ID]) && is_hex(&token[ID + 1..]) {
            let token = String::from_utf8_lossy(token).into_owned();
            if !report.tokens.contains(&token) && report.tokens.len() < MAX_REPORTED {
                report.tokens.push(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::skeleton::Skeleton;

    const TOKEN: &str = "0192f0c4a1b27c3d8e4f5a6b7c8d9e0f.aabbccddeeff001122334455";

    fn read(raw: &str) -> (Option<Automatic>, DeliveryReport) {
        let raw = raw.replace('\n', "\r\n").replace("TOKEN", TOKEN);
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        let message = parse(&skeleton).expect("message");
        (automatic(&message), delivery_report(&message))
    }

    #[test]
    fn what_no_person_wrote_is_known() {
        for (header, kind) in [
            ("Auto-Submitted: auto-replied (vacation)", Some(Automatic::Answer)),
            ("X-Autoreply: yes", Some(Automatic::Answer)),
            ("Precedence: auto_reply", Some(Automatic::Answer)),
            ("Auto-Submitted: no", None),
            ("Auto-Submitted: auto-generated", Some(Automatic::Bulk)),
            ("List-Id: <users.lists.example>", Some(Automatic::List)),
            ("Precedence: bulk", Some(Automatic::Bulk)),
            (
                "X-Failed-Recipients: kelly@out.example",
                Some(Automatic::DeliveryReport),
            ),
            ("X-Nothing: here", None),
        ] {
            let (found, _) = read(&format!("From: a@b.example\n{header}\nSubject: hi\n\nhi\n"));
            assert_eq!(found, kind, "{header}");
        }
        for (from, subject, kind) in [
            (
                "MAILER-DAEMON@mx.example",
                "failure notice",
                Some(Automatic::DeliveryReport),
            ),
            (
                "postmaster@mx.example",
                "Undeliverable: hello",
                Some(Automatic::DeliveryReport),
            ),
            ("postmaster@mx.example", "Maintenance", None),
            ("kelly@out.example", "Undelivered parcel", None),
        ] {
            let (found, _) = read(&format!("From: {from}\nSubject: {subject}\n\nhi\n"));
            assert_eq!(found, kind, "{from} {subject}");
        }
    }

    #[test]
    fn a_report_tells_of_which_message_and_what_became_of_whom() {
        let (kind, report) = read(
            "From: MAILER-DAEMON@mx.example\nTo: alice@isp.example\nSubject: Undelivered Mail Returned to Sender\n\
MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\
Content-Type: text/plain\n\nI am sorry.\n--b\nContent-Type: message/delivery-status\n\n\
Reporting-MTA: dns; mx.example\n\n\
Final-Recipient: rfc822; box@store.example\nOriginal-Recipient: rfc822;kelly@out.example\nAction: failed\nStatus: 5.1.1\n\
Diagnostic-Code: smtp; 550 5.1.1\n nobody here\n\n\
Final-Recipient: rfc822; john@out.example\nAction: delayed\nStatus: 4.4.1\n\n\
Final-Recipient: rfc822; zoe@out.example\nAction: relayed\n--b\n\
Content-Type: text/rfc822-headers\n\nFrom: alice@isp.example\nMessage-ID: <TOKEN@isp.example>\n--b--\n",
        );
        assert_eq!(kind, Some(Automatic::DeliveryReport));
        assert_eq!(report.tokens, [TOKEN]);
        let told: Vec<_> = report
            .recipients
            .iter()
            .map(|one| (one.address.as_str(), one.has_failed, one.said.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("kelly@out.example", true, "550 5.1.1 nobody here"),
                ("john@out.example", false, "4.4.1"),
            ]
        );
    }

    #[test]
    fn a_plain_report_names_the_message_too() {
        let (kind, report) = read(
            "From: Mail Delivery System <Mailer-Daemon@mx.example>\nX-Failed-Recipients: kelly@out.example\n\
Subject: Mail delivery failed: returning message to sender\n\nkelly@out.example\n    all relevant MX records point to \
non-existent hosts\n\n------ This is a copy of the message's headers. ------\n\nMessage-Id: <TOKEN@isp.example>\n",
        );
        assert_eq!(kind, Some(Automatic::DeliveryReport));
        assert_eq!(report.tokens, [TOKEN]);
        assert_eq!(report.recipients[0].address.as_str(), "kelly@out.example");
        let (kind, report) = read(
            "From: MAILER-DAEMON@qmail.example\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n\
<kelly@out.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n\
Message-ID: <TOKEN@isp.example>\n",
        );
        assert_eq!(kind, Some(Automatic::DeliveryReport));
        assert_eq!(report.tokens, [TOKEN]);
        assert_eq!(report.recipients.len(), 1);
        assert_eq!(
            report.recipients[0].said.as_str(),
            "Sorry, no mailbox here by that name. (#5.1.1)"
        );
        // A returned message inside.
        let (_, report) = read(
            "From: postmaster@x.example\nSubject: Undeliverable\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\
Content-Type: message/rfc822\n\nFrom: alice@isp.example\nX-Waxseal-Id: TOKEN\n\nhi\n--b--\n",
        );
        assert_eq!(report.tokens, [TOKEN]);
    }
}
