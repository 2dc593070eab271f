//! What a delivery report says: of which message, what became of whom, and why.
//!
//! Fields of RFC 3464 where there are any; else what the table of phrases finds in plain text. One pass over each part,
//! and no guess: an address is named only where a server lists those that it could not reach.

use domain::CleanText;
use domain::EmailAddress;
use domain::message::AddressRole;
use domain::message::Became;
use domain::message::DeliveryReport;
use domain::message::InternetMessageId;
use domain::message::ReportedRecipient;
use mail_parser::Message;
use mail_parser::MessagePart;
use mail_parser::MimeHeaders as _;
use mail_parser::PartType;

use crate::report_phrases::BEFORE_ADDRESS;
use crate::report_phrases::LATE_SUBJECTS;
use crate::report_phrases::OPENERS;
use crate::report_phrases::PASSED_SUBJECTS;
use crate::report_phrases::REASON_FIRST;
use crate::report_phrases::REASONS;
use crate::report_phrases::RETURNED;
use crate::summary::addresses;
use crate::summary::readable_text;

/// Of one part; a report is short, what is returned with it need not be.
const MAX_TEXT: usize = 256 * 1024;
const MAX_PARTS: usize = 200;
const MAX_REPORTED: usize = 100;
const MAX_RETURNED: usize = 20;
const MAX_SAID: usize = 500;
/// No server writes longer lines in prose, nor more of them; what is longer is returned content.
const MAX_LINE: usize = 2_000;
const MAX_LINES: usize = 1_000;

pub fn delivery_report(message: &Message<'_>) -> DeliveryReport {
    let mut report = find_marks(message);
    for part in message.parts.iter().take(MAX_PARTS) {
        if is_kind(part, &["delivery-status", "global-delivery-status"]) {
            read_status(&text_of(part), &mut report);
        }
    }
    let text = readable_text(message);
    if report.recipients.is_empty() && report.overall.is_none() {
        let told = read_plain(cut(&text));
        report.overall = told.overall.or_else(|| overall_of_subject(message));
        report.recipients = told.recipients;
    }
    // Whom the server names beside it.
    if report.recipients.is_empty() {
        let failed = failed_recipients(message);
        if !failed.is_empty() {
            report.overall = Some(Became::Failed);
        }
        report.recipients = failed;
    }
    report.recipients.truncate(MAX_REPORTED);
    report
}

/// RFC 5965: of which message, and who complained where that is told.
pub fn complaint(message: &Message<'_>) -> DeliveryReport {
    let mut report = find_marks(message);
    report.overall = Some(Became::Complained);
    for part in message.parts.iter().take(MAX_PARTS) {
        if !is_kind(part, &["feedback-report"]) {
            continue;
        }
        let text = unfolded(&text_of(part));
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
        PartType::Message(_) => EmailAddress::parse(&field(&text_of(part), COMPLAINED)?).ok(),
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
    let mut parts = message.parts.iter().take(MAX_PARTS);
    let report = parts.find(|part| is_kind(part, &["feedback-report"]));
    let kind = report.and_then(|part| field(&unfolded(&text_of(part)), "feedback-type"));
    kind.is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        matches!(
            kind.as_str(),
            "abuse" | "fraud" | "virus" | "other" | "complaint" | "opt-out" | "opt-out-list"
        )
    })
}

/// Does the text open as reports do?
pub fn opens_like_a_report(text: &str) -> bool {
    read_plain(cut(text)).overall.is_some()
}

fn is_kind(part: &MessagePart<'_>, subtypes: &[&str]) -> bool {
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

/// The value may stand on the next line.
fn find_returned(text: &str, report: &mut DeliveryReport) {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(value) = after_prefix(line.trim_start(), "message-id:") else {
            continue;
        };
        let value = match value.trim().is_empty() {
            true => lines.peek().copied().unwrap_or_default(),
            false => value,
        };
        let id = value.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let id = id.and_then(|(id, _)| InternetMessageId::new(id));
        if let Some(id) = id.filter(|id| !report.returned.contains(id))
            && report.returned.len() < MAX_RETURNED
        {
            report.returned.push(id);
        }
    }
}

fn after_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
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

fn failed_recipients(message: &Message<'_>) -> Vec<ReportedRecipient> {
    let fields = message.headers_raw();
    let named = fields.filter(|(name, _)| name.eq_ignore_ascii_case("X-Failed-Recipients"));
    let named = named.flat_map(|(_, value)| value.split([',', ';']));
    let failed = named
        .take(MAX_REPORTED)
        .filter_map(|text| EmailAddress::parse(text.trim()).ok());
    failed
        .map(|address| ReportedRecipient {
            address,
            became: Became::Failed,
            said: CleanText::default(),
        })
        .collect()
}

fn overall_of_subject(message: &Message<'_>) -> Option<Became> {
    let subject = message.subject().unwrap_or_default().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| subject.contains(word));
    if says(PASSED_SUBJECTS) {
        return Some(Became::Passed);
    }
    says(LATE_SUBJECTS).then_some(Became::Late)
}

#[derive(Default)]
struct Plain {
    overall: Option<Became>,
    recipients: Vec<ReportedRecipient>,
    /// Of the recipients since the last opener.
    group: usize,
    /// Whom the lines that come are about.
    current: usize,
    /// The lines that come belong to the reason.
    listens: bool,
    /// A label has said that the reason follows: it counts more than what stood there.
    is_labelled: bool,
    /// A reason that stands above those whom it is about.
    before_all: String,
    /// The line that named somebody and said no more: "Unknown user: kelly@out.example".
    opened_by: String,
}

fn read_plain(text: &str) -> Plain {
    let mut plain = Plain::default();
    let mut before = String::new();
    for line in text.lines().take(MAX_LINES).map(squashed) {
        let lower = line.to_lowercase().replace('’', "'");
        let is_over = plain.overall.is_some() && RETURNED.iter().any(|mark| lower.contains(mark));
        if is_over {
            break;
        }
        plain.line(&line, &lower, &before);
        before = lower;
    }
    let said = match plain.before_all.is_empty() {
        true => &plain.opened_by,
        false => &plain.before_all,
    };
    let silent = plain.recipients.iter_mut().filter(|one| one.said.is_empty());
    silent.for_each(|one| one.said = CleanText::cut(said.trim(), MAX_SAID));
    plain
}

/// One space between words, and no longer than prose.
fn squashed(line: &str) -> String {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let words: Vec<_> = line[..end].split_whitespace().collect();
    words.join(" ")
}

impl Plain {
    fn line(&mut self, line: &str, lower: &str, before: &str) {
        if lower.is_empty() {
            // A label stands above an empty line at times.
            self.listens &= match self.is_labelled && self.group == self.recipients.len() {
                true => self.before_all.is_empty(),
                false => self.last_said_is_empty() && self.before_all.is_empty(),
            };
            return;
        }
        if let Some((became, rest)) = opener(lower, before) {
            self.open(became, line, rest);
            return;
        }
        let Some(became) = self.overall else { return };
        // In the midst of a reason an address at the end of a line is a part of it.
        let named =
            leading_address(line).or_else(|| named_address(line).filter(|_| !self.listens && !is_rule(line)));
        if let Some((address, rest)) = named {
            self.name(address, became);
            self.say(rest);
            return;
        }
        if let Some(said) = reason(line, lower) {
            self.is_labelled = true;
            self.listens = true;
            self.clear_said();
            self.say(said);
        } else if let Some(reply) = line.strip_prefix("<<< ").filter(|_| !self.is_labelled) {
            self.is_labelled = true;
            self.listens = true;
            self.clear_said();
            self.say(reply);
            self.listens = false;
        } else if is_rule(line) || is_field(lower) {
            self.listens = false;
        } else {
            self.say(line);
        }
    }

    fn open(&mut self, became: Became, line: &str, rest: &str) {
        self.overall = Some(became);
        let Some((address, rest)) = leading_address(rest.trim_start_matches([':', ' '])) else {
            // It goes on about the one above: "was blocked by our spam firewall".
            self.say(line);
            self.group = self.recipients.len();
            let lower = line.to_lowercase();
            self.is_labelled = REASON_FIRST.iter().any(|phrase| lower.contains(phrase));
            self.listens = self.is_labelled;
            return;
        };
        self.name(address, became);
        self.group = self.recipients.len().saturating_sub(1);
        self.say(rest);
        line.clone_into(&mut self.opened_by);
    }

    fn name(&mut self, address: EmailAddress, became: Became) {
        if self.is_labelled {
            self.group = self.recipients.len();
        }
        self.listens = true;
        self.is_labelled = false;
        let known = self.recipients.iter().position(|one| one.address == address);
        self.current = known.unwrap_or(self.recipients.len());
        if known.is_some() || self.recipients.len() >= MAX_REPORTED {
            return;
        }
        self.recipients.push(ReportedRecipient {
            address,
            became,
            said: CleanText::default(),
        });
    }

    fn last_said_is_empty(&self) -> bool {
        let current = self.recipients.get(self.current);
        current.is_none_or(|one| one.said.is_empty())
    }

    fn clear_said(&mut self) {
        for one in self.recipients.iter_mut().skip(self.group) {
            one.said = CleanText::default();
        }
    }

    /// A label speaks of all that were listed above it, what stands below an address of that one.
    fn say(&mut self, words: &str) {
        let words = words.trim_matches([':', ' ', '\'', '"', '(', ')', ']', '-', ',', ';', '>']);
        if !self.listens || !words.contains(char::is_alphanumeric) {
            return;
        }
        if self.is_labelled && self.group == self.recipients.len() {
            if self.before_all.len() < MAX_SAID {
                self.before_all = format!("{} {words}", self.before_all);
            }
            return;
        }
        let about = match self.is_labelled {
            true => self.group..self.recipients.len(),
            false => self.current..self.recipients.len().min(self.current + 1),
        };
        for one in self.recipients.get_mut(about).into_iter().flatten() {
            if one.said.as_str().len() < MAX_SAID {
                let joined = format!("{} {words}", one.said.as_str());
                one.said = CleanText::cut(joined.trim(), MAX_SAID);
            }
        }
    }
}

/// The phrase ends in this line; what stands behind it there.
fn opener<'l>(lower: &'l str, before: &str) -> Option<(Became, &'l str)> {
    OPENERS.iter().find_map(|(phrase, became)| {
        if let Some(at) = lower.find(phrase) {
            return Some((*became, &lower[at + phrase.len()..]));
        }
        // Broken over two lines: its end begins this one.
        let mut breaks = phrase.match_indices(' ');
        let (at, _) = breaks
            .find(|(at, _)| before.ends_with(&phrase[..*at]) && lower.starts_with(&phrase[at + 1..]))?;
        Some((*became, &lower[phrase.len() - at - 1..]))
    })
}

/// `----- Transcript of session follows -----`, and what we said in it.
fn is_rule(line: &str) -> bool {
    ["---", "***", "===", ">>>"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

/// Of a header that is returned without a word before it.
fn is_field(lower: &str) -> bool {
    const NAMES: [&str; 7] = [
        "from: ",
        "to: ",
        "subject: ",
        "date: ",
        "message-id: ",
        "received: ",
        "mime-version: ",
    ];
    NAMES.iter().any(|name| lower.starts_with(name))
}

fn reason<'l>(line: &'l str, lower: &str) -> Option<&'l str> {
    let label = REASONS.iter().find(|label| lower.starts_with(*label))?;
    // Folding may change lengths; then the line is taken whole.
    Some(line.get(label.len()..).unwrap_or(line))
}

/// An address that the line begins with, bare or in the marks of lists and quotes, and the rest of the line.
fn leading_address(line: &str) -> Option<(EmailAddress, &str)> {
    let mut rest = line.trim_start();
    while let Some(after) = BEFORE_ADDRESS.iter().find_map(|mark| after_prefix(rest, mark)) {
        rest = after.trim_start();
    }
    let end = rest.find([
        ' ', '<', '>', '(', ')', '\'', '"', '”', '[', ']', ',', ';', ':', '\t', '，', '。',
    ]);
    let end = end.unwrap_or(rest.len());
    let address = EmailAddress::parse(rest[..end].trim_end_matches('.')).ok()?;
    Some((address, &rest[end..]))
}

/// `Kelly (kelly@out.example)<mailto:kelly@out.example>` alone on its line (Exchange).
fn named_address(line: &str) -> Option<(EmailAddress, &str)> {
    if line.len() > 300 || !line.ends_with(['>', ')']) {
        return None;
    }
    let (name, inner) = line.rsplit_once(['<', '('])?;
    // A field of a header that is returned: whom it was to has not failed for that.
    let is_named_field = name.contains(": ");
    let inner = inner.trim_end_matches(['>', ')']);
    let address = after_prefix(inner, "mailto:").unwrap_or(inner);
    let address = EmailAddress::parse(address).ok().filter(|_| !is_named_field)?;
    Some((address, ""))
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
