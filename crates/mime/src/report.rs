//! What a delivery report says: of which message, what became of whom, and why.
//!
//! Fields of RFC 3464 where there are any; else what the table of phrases finds in plain text. One pass over each part,
//! and no guess: an address is named only where a server lists those that it could not reach.

use std::collections::HashSet;

use domain::CleanText;
use domain::EmailAddress;
use domain::message::AddressRole;
use domain::message::Became;
use domain::message::DeliveryReport;
use domain::message::ReportedRecipient;
use domain::rules::threading::subject_key;
use mail_parser::Message;
use mail_parser::MessagePart;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;

use crate::ids::message_ids;
use crate::report_phrases::FAILED_SUBJECTS;
use crate::report_phrases::LATE_SUBJECTS;
use crate::report_phrases::PASSED_SUBJECTS;
use crate::report_phrases::REPORT_SUBJECTS;
use crate::report_text;
use crate::report_text::Frame;
use crate::report_text::MAX_REPORTED;
use crate::report_text::MAX_SAID;
use crate::summary::addresses;
use crate::summary::readable_text;

/// Of one part; a report is short, what is returned with it need not be.
const MAX_TEXT: usize = 256 * 1024;
pub const MAX_PARTS: usize = 200;
const MAX_RETURNED: usize = 20;

pub fn delivery_report(message: &Message<'_>) -> DeliveryReport {
    let mut report = find_marks(message);
    read_fields(message, &mut report);
    if report.recipients.is_empty() && report.overall.is_none() {
        let told = report_text::read(cut(&readable_text(message)), &frame(message));
        report.overall = told.overall;
        report.recipients = told.recipients;
    }
    report.recipients.truncate(MAX_REPORTED);
    report
}

/// RFC 5965: of which message, and who complained where that is told.
pub fn complaint(message: &Message<'_>) -> DeliveryReport {
    let mut report = find_marks(message);
    report.overall = Some(Became::Complained);
    for text in complaints(message) {
        let kind = field(&text, "feedback-type").unwrap_or_default();
        let named = fields(&text, "original-rcpt-to").filter_map(|value| typed_address(&value));
        report
            .recipients
            .extend(named.take(MAX_REPORTED).map(|address| ReportedRecipient {
                address,
                became: Became::Complained,
                said: CleanText::cut(&kind, MAX_SAID),
            }));
    }
    if let Some(address) = complained_at_microsoft(message).filter(|_| report.recipients.is_empty()) {
        report.recipients.push(ReportedRecipient {
            address,
            became: Became::Complained,
            said: CleanText::default(),
        });
    }
    report
}

/// What Microsoft's programme for senders puts above what it returns, in place of RFC 5965.
const COMPLAINED: &str = "x-hmxmroriginalrecipient";

fn complained_at_microsoft(message: &Message<'_>) -> Option<EmailAddress> {
    let mut parts = message.parts.iter().take(MAX_PARTS);
    parts.find_map(|part| match &part.body {
        PartType::Message(_) => typed_address(&field(&text_of(part), COMPLAINED)?),
        _ => None,
    })
}

/// The kind of complaint, of a part that is one; not what only tests say of a message (RFC 6591), nor "not spam".
pub fn is_complaint(message: &Message<'_>) -> bool {
    let subject = message.subject().unwrap_or_default();
    let says_so = after_prefix(subject.trim(), "complaint about message from").is_some();
    if says_so && complained_at_microsoft(message).is_some() {
        return true;
    }
    let kind = complaints(message).find_map(|text| field(&text, "feedback-type"));
    kind.is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        matches!(
            kind.as_str(),
            "abuse" | "fraud" | "virus" | "other" | "complaint" | "opt-out" | "opt-out-list"
        )
    })
}

/// RFC 5965 §3; what passed a gateway has it in a part of text.
fn complaints(message: &Message<'_>) -> impl Iterator<Item = String> {
    let kind = message.content_type();
    let is_one = kind
        .and_then(|kind| kind.attribute("report-type"))
        .is_some_and(|kind| kind.eq_ignore_ascii_case("feedback-report"));
    let parts = message.parts.iter().take(MAX_PARTS);
    let meant = parts.filter(move |part| {
        is_kind(part, &["feedback-report"]) || is_one && matches!(part.body, PartType::Text(_))
    });
    meant.map(|part| unfolded(&text_of(part)))
}

/// In the part that is for them; what passed a gateway has them in a part of another kind, or in its text.
fn read_fields(message: &Message<'_>, report: &mut DeliveryReport) {
    let parts = || message.parts.iter().take(MAX_PARTS);
    for part in parts().filter(|part| is_kind(part, &["delivery-status", "global-delivery-status"])) {
        read_status(&text_of(part), report);
    }
    for part in parts().filter(|part| !matches!(part.body, PartType::Message(_))) {
        if report.recipients.is_empty() && report.overall.is_none() {
            let text = unfolded(&text_of(part));
            if field(&text, "final-recipient").is_some() {
                read_status(&text, report);
            }
        }
    }
}

fn frame(message: &Message<'_>) -> Frame {
    let own = addresses(message).into_iter().filter_map(|named| named.address);
    Frame {
        own: own.collect(),
        failed: failed_recipients(message),
        returned_to: returned_to(message),
        by_subject: overall_of_subject(message),
    }
}

fn returned_to(message: &Message<'_>) -> HashSet<EmailAddress> {
    let mut to = HashSet::new();
    for part in message.parts.iter().take(MAX_PARTS) {
        if let PartType::Message(returned) = &part.body {
            let named = addresses(returned).into_iter();
            let named = named.filter(|named| matches!(named.role, AddressRole::To | AddressRole::Cc));
            to.extend(named.filter_map(|named| named.address));
        }
    }
    to
}

pub fn is_kind(part: &MessagePart<'_>, subtypes: &[&str]) -> bool {
    let subtype = part.content_type().and_then(|kind| kind.subtype());
    subtype.is_some_and(|found| subtypes.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

fn text_of(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => cut(text).to_owned(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => lossy(bytes),
        PartType::Message(returned) => lossy(&returned.raw_message),
        PartType::Multipart(_) => String::new(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_TEXT)]).into_owned()
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Our own marks and the Message-ID of what is returned, wherever a server puts them.
fn find_marks(message: &Message<'_>) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for (_, value) in message.headers_raw().take(MAX_PARTS) {
        find_tokens(cut(value), &mut report);
    }
    for part in message.parts.iter().take(MAX_PARTS) {
        let text = text_of(part);
        find_tokens(&text, &mut report);
        find_returned(&text, &mut report);
    }
    // As people see it, where it is HTML.
    find_returned(cut(&readable_text(message)), &mut report);
    report
}

/// 32 and 24 hexadecimal digits with a dot between: the left part of a Message-ID of ours.
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

/// `Message-ID: <a@b>` in whatever a server makes of it: quoted, in a transcript, or as the one that it had before
/// (`X-Original-Message-ID`). The value may be folded.
fn find_returned(text: &str, report: &mut DeliveryReport) {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(value) = value_of_message_id(line) else {
            continue;
        };
        let mut value = value.to_owned();
        let is_folded = |line: &&str| line.starts_with([' ', '\t']) && !line.trim().is_empty();
        while value.len() < MAX_SAID
            && !value.contains('>')
            && let Some(more) = lines.next_if(is_folded)
        {
            value.push_str(more);
        }
        let id = message_ids(&value).into_iter().next();
        if let Some(id) = id.filter(|id| !report.returned.contains(id))
            && report.returned.len() < MAX_RETURNED
        {
            report.returned.push(id);
        }
    }
}

/// Before it may stand a quote mark, a time, or the beginning of a longer name.
const BEFORE_MESSAGE_ID: usize = 60;

fn value_of_message_id(line: &str) -> Option<&str> {
    for (at, _) in line.match_indices(['M', 'm']).take(BEFORE_MESSAGE_ID) {
        let rest = after_prefix(&line[at..], "message").filter(|_| at <= BEFORE_MESSAGE_ID);
        let rest = rest.and_then(|rest| after_prefix(rest, "-id").or_else(|| after_prefix(rest, " id")));
        if let Some(value) = rest.and_then(|rest| rest.trim_start().strip_prefix(':')) {
            return Some(value);
        }
    }
    None
}

pub fn after_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// RFC 3464 §2: groups of fields, an empty line between; the first is of the message.
fn read_status(text: &str, report: &mut DeliveryReport) {
    for group in unfolded(text).split("\n\n") {
        let Some(became) = became(group) else {
            continue;
        };
        // The original one is the one that was written to; behind it mail may have been forwarded.
        let address = |name: &str| typed_address(&field(group, name)?);
        let address = address("original-recipient").or_else(|| address("final-recipient"));
        let Some(address) = address.filter(|_| report.recipients.len() < MAX_REPORTED) else {
            report.overall = report.overall.or(Some(became));
            continue;
        };
        report.recipients.push(ReportedRecipient {
            address,
            became,
            said: CleanText::cut(&said(group), MAX_SAID),
        });
    }
}

/// By what the server did; where it does not say in words of the standard, by the class of its code.
fn became(group: &str) -> Option<Became> {
    let action = field(group, "action").unwrap_or_default().to_ascii_lowercase();
    let word = action.split(|c: char| !c.is_ascii_alphabetic()).next();
    match word.unwrap_or_default() {
        "failed" => return Some(Became::Failed),
        "delayed" => return Some(Became::Late),
        "delivered" | "relayed" | "expanded" => return Some(Became::Passed),
        _ => {}
    }
    match field(group, "status")?.trim().as_bytes().first()? {
        b'5' => Some(Became::Failed),
        b'4' => Some(Became::Late),
        b'2' => Some(Became::Passed),
        _ => None,
    }
}

/// The words, with the code where they do not hold it.
fn said(group: &str) -> String {
    let status = field(group, "status").unwrap_or_default();
    let code = status.split_whitespace().next().unwrap_or_default();
    let said = field(group, "diagnostic-code").map(|said| match said.split_once(';') {
        Some((_, said)) => said.trim().to_owned(),
        None => said,
    });
    match said.filter(|said| !said.is_empty()) {
        Some(said) if code.is_empty() || code.ends_with(".0.0") || has_code(&said) => said,
        Some(said) => format!("{said} ({code})"),
        None => status,
    }
}

/// `5.1.1`
fn has_code(text: &str) -> bool {
    let mut windows = text.as_bytes().windows(5);
    windows.any(
        |w| matches!(w, [b'2' | b'4' | b'5', b'.', a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit()),
    )
}

fn field(group: &str, wanted: &str) -> Option<String> {
    fields(group, wanted).next()
}

fn fields(group: &str, wanted: &str) -> impl Iterator<Item = String> {
    let lines = group.lines().filter_map(|line| line.split_once(':'));
    let found = lines.filter(move |(name, _)| name.trim().eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value.trim().to_owned())
}

/// `rfc822; kelly@out.example`
fn typed_address(value: &str) -> Option<EmailAddress> {
    let (_, address) = value.split_once(';').unwrap_or(("", value));
    EmailAddress::parse(address.trim().trim_matches(['<', '>'])).ok()
}

fn unfolded(text: &str) -> String {
    let plain = text.replace("\r\n", "\n");
    let plain = plain.replace("\n ", " ").replace("\n\t", " ");
    // A line of spaces ends a group, too.
    plain.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn failed_recipients(message: &Message<'_>) -> Vec<EmailAddress> {
    let fields = message.headers_raw();
    let named = fields.filter(|(name, _)| name.eq_ignore_ascii_case("X-Failed-Recipients"));
    let named = named.flat_map(|(_, value)| value.split([',', ';']));
    let failed = named.take(MAX_REPORTED);
    failed
        .filter_map(|text| EmailAddress::parse(text.trim()).ok())
        .collect()
}

/// By what the program wrote there; the subject that it returns may hold any word.
fn overall_of_subject(message: &Message<'_>) -> Option<Became> {
    let subject = message.subject().unwrap_or_default();
    if subject_key(subject).has_reply_prefix {
        return None;
    }
    let subject = subject.to_lowercase();
    let all = [FAILED_SUBJECTS, REPORT_SUBJECTS, LATE_SUBJECTS, PASSED_SUBJECTS];
    let is_own = |text: &&str| all.into_iter().flatten().any(|word| text.contains(word));
    let heads = subject
        .match_indices([':', '：', ']'])
        .map(|(at, _)| &subject[..at]);
    let own = heads.take(3).find(is_own).unwrap_or(&subject);
    let says = |words: &[&str]| words.iter().any(|word| own.contains(word));
    if says(PASSED_SUBJECTS) {
        Some(Became::Passed)
    } else if says(LATE_SUBJECTS) {
        Some(Became::Late)
    } else {
        says(FAILED_SUBJECTS).then_some(Became::Failed)
    }
}

/// Servers by their names; an address of theirs may have no domain.
pub fn is_from_server(message: &Message<'_>) -> bool {
    #[rustfmt::skip]
    const LOCALS: &[&str] = &[
        "mailer-daemon", "mailerdaemon", "mailer_daemon", "mail-daemon", "maildaemon", "mail.daemon", "mdaemon", "postmaster",
        "mailerdeamon", "mailadmin", "mail-admin", "mailsystem", "mail-system", "bounce", "bounces", "bounce-handler",
        "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", "returned-mail", "undeliverable", "double-bounce",
    ];
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "mail delivery", "mailer-daemon", "mailer daemon", "mail administrator", "system administrator", "postmaster",
        "mail system", "delivery subsystem", "delivery system", "microsoft outlook", "systemadministrator",
        "почтовая система", "mail-system", "e-mail delivery", "email delivery", "qq邮箱", "网易邮件",
    ];
    let authors = addresses(message).into_iter();
    let mut authors = authors.filter(|named| matches!(named.role, AddressRole::From | AddressRole::Sender));
    authors.any(|named| {
        let local = named
            .address
            .as_ref()
            .map(|address| address.local().to_lowercase());
        let is_local = local.is_some_and(|local| LOCALS.contains(&local.as_str()));
        let name = named.name.as_str().to_lowercase();
        is_local || NAMES.iter().any(|known| name.contains(known))
    })
}
