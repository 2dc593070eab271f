//! A delivery report in plain text: who did not get it, and why.
//!
//! By the table of phrases first. A report in other words is read by its form: the addresses that its lines begin with,
//! or the only one that its prose names. One pass over the lines for each, and no guess between several.

use std::collections::HashSet;

use domain::CleanText;
use domain::EmailAddress;
use domain::message::Became;
use domain::message::ReportedRecipient;
use domain::rules::reports::in_plain_words;

use crate::report::after_prefix;
use crate::report_phrases::BEFORE_ADDRESS;
use crate::report_phrases::BEHIND_ADDRESS;
use crate::report_phrases::IS_LATE;
use crate::report_phrases::OPENERS;
use crate::report_phrases::REASON_FIRST;
use crate::report_phrases::REASONS;
use crate::report_phrases::RETURNED;

pub const MAX_REPORTED: usize = 100;
pub const MAX_SAID: usize = 500;
/// No server writes longer lines in prose, nor more of them; what is longer is returned content.
const MAX_LINE: usize = 2_000;
const MAX_LINES: usize = 1_000;
const MAX_REPLIES: usize = 100;

#[derive(Default)]
pub struct Told {
    pub overall: Option<Became>,
    pub recipients: Vec<ReportedRecipient>,
}

/// What of the message says how its text is meant.
#[derive(Default)]
pub struct Frame {
    /// Who wrote the report and who gets it: these are named in passing.
    pub own: HashSet<EmailAddress>,
    /// Whom the header of the report names (Exim, Gmail).
    pub failed: Vec<EmailAddress>,
    /// To and Cc of what is returned.
    pub returned_to: HashSet<EmailAddress>,
    pub by_subject: Option<Became>,
}

pub fn read(text: &str, frame: &Frame) -> Told {
    let by_phrases = Reading::of(text, frame, None);
    let by_header = (!frame.failed.is_empty()).then_some(Became::Failed);
    let told = by_phrases.overall.or(frame.by_subject).or(by_header);
    let overall = told.or_else(|| by_phrases.by_replies());
    let mut recipients = by_phrases.recipients;
    if let Some(became) = overall.filter(|_| recipients.is_empty()) {
        recipients = by_form(text, frame, became);
    }
    Told { overall, recipients }
}

/// Does the text open as reports do?
pub fn opens_like_a_report(text: &str) -> bool {
    Reading::of(text, &Frame::default(), None).overall.is_some()
}

/// Does it hold what a server answered, with a code of RFC 3463?
pub fn holds_a_refusal(text: &str) -> bool {
    let lines = text.lines().take(MAX_LINES).map(squashed);
    lines
        .into_iter()
        .any(|line| Reply::of(&line).is_some_and(|reply| reply.is_final))
}

/// No phrase has said where they stand: who is named at all, and is no party of the report itself.
fn by_form(text: &str, frame: &Frame, became: Became) -> Vec<ReportedRecipient> {
    let mut reading = Reading::of(text, frame, Some(became));
    let listed = match &frame.failed[..] {
        [] if reading.recipients.is_empty() && reading.in_passing.len() == 1 => reading.in_passing.clone(),
        listed => listed.to_vec(),
    };
    for address in &listed {
        reading.name(address.clone(), became);
    }
    reading.explain();
    let mut named = reading.recipients;
    if !listed.is_empty() {
        named.retain(|one| listed.contains(&one.address));
    }
    let is_meant = |one: &ReportedRecipient| frame.returned_to.contains(&one.address);
    if named.iter().any(is_meant) {
        named.retain(is_meant);
    }
    named
}

struct Reading<'f> {
    frame: &'f Frame,
    overall: Option<Became>,
    /// No phrase is needed before somebody is named.
    is_by_form: bool,
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
    /// Lines with what a server answered.
    replies: Vec<String>,
    /// Whom the prose names, at most two.
    in_passing: Vec<EmailAddress>,
}

impl<'f> Reading<'f> {
    /// `became`: what is known before a phrase says so.
    fn of(text: &str, frame: &'f Frame, became: Option<Became>) -> Self {
        let mut reading = Reading {
            frame,
            overall: became,
            is_by_form: became.is_some(),
            recipients: Vec::new(),
            group: 0,
            current: 0,
            listens: false,
            is_labelled: false,
            before_all: String::new(),
            opened_by: String::new(),
            replies: Vec::new(),
            in_passing: Vec::new(),
        };
        let mut before = String::new();
        for line in text.lines().take(MAX_LINES).map(squashed) {
            let lower = line.to_lowercase().replace('’', "'");
            let is_over = reading.overall.is_some() && RETURNED.iter().any(|mark| lower.contains(mark));
            if is_over {
                break;
            }
            reading.line(&line, &lower, &before);
            before = lower;
        }
        reading.explain();
        reading
    }

    /// Where nothing else says it.
    fn by_replies(&self) -> Option<Became> {
        let mut replies = self.replies.iter().filter_map(|line| Reply::of(line));
        replies.any(|reply| reply.is_final).then_some(Became::Failed)
    }

    /// What a server answered says more than what a program made of it.
    fn explain(&mut self) {
        let above = match self.before_all.is_empty() {
            true => &self.opened_by,
            false => &self.before_all,
        };
        let is_alone = self.recipients.len() == 1;
        for one in &mut self.recipients {
            if one.said.is_empty() {
                one.said = CleanText::cut(above.trim(), MAX_SAID);
            }
            if in_plain_words(one.said.as_str()).is_some() || Reply::of(one.said.as_str()).is_some() {
                continue;
            }
            let is_about = |line: &&String| is_alone || line.contains(one.address.as_str());
            let mut about = self.replies.iter().filter(is_about);
            let plain = about.clone().find(|line| in_plain_words(line).is_some());
            if let Some(line) = plain.or_else(|| about.next()) {
                one.said = CleanText::cut(line, MAX_SAID);
            }
        }
    }
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

impl Reading<'_> {
    fn line(&mut self, line: &str, lower: &str, before: &str) {
        if lower.is_empty() {
            // A label stands above an empty line at times.
            self.listens &= match self.is_labelled && self.group == self.recipients.len() {
                true => self.before_all.is_empty(),
                false => self.last_said_is_empty() && self.before_all.is_empty(),
            };
            return;
        }
        self.note_reply(line);
        if let Some((became, rest)) = opener(lower, before) {
            self.open(became, line, rest);
            return;
        }
        let Some(became) = self.overall else { return };
        if let Some((address, rest)) = self.named(line) {
            self.name(address, behind_address(rest).unwrap_or(became));
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
            self.pass(line);
            self.say(line);
        }
    }

    fn note_reply(&mut self, line: &str) {
        if self.replies.len() < MAX_REPLIES
            && let Some(reply) = Reply::of(line)
        {
            self.replies.push(reply.said.to_owned());
        }
    }

    /// Who is named in the midst of a line.
    fn pass(&mut self, line: &str) {
        for address in addresses_in(line) {
            if self.in_passing.len() < 2 && !self.is_own(&address) && !self.in_passing.contains(&address) {
                self.in_passing.push(address);
            }
        }
    }

    fn is_own(&self, address: &EmailAddress) -> bool {
        #[rustfmt::skip]
        const SERVERS: [&str; 9] = [
            "postmaster", "mailer-daemon", "abuse", "support", "help", "helpdesk", "noreply", "no-reply", "admin",
        ];
        self.frame.own.contains(address) || SERVERS.contains(&address.local())
    }

    /// In the midst of a reason an address at the end of a line is a part of it.
    fn named<'l>(&self, line: &'l str) -> Option<(EmailAddress, &'l str)> {
        let at_end = || named_address(line).filter(|(address, _)| !self.is_own(address));
        let leading = leading_address(line).filter(|(address, _)| !self.is_by_form || !self.is_own(address));
        leading.or_else(|| at_end().filter(|_| !self.listens && !is_rule(line)))
    }

    fn open(&mut self, became: Became, line: &str, rest: &str) {
        // What goes on being tried speaks of failures, too; only a heading begins another list.
        let is_late = self.overall.or(self.frame.by_subject) == Some(Became::Late);
        let became = match became {
            Became::Failed if is_late && !is_rule(line) => Became::Late,
            _ => became,
        };
        self.overall = Some(became);
        let behind = leading_address(rest.trim_start_matches([':', ' ']));
        let Some((address, rest)) = behind.or_else(|| Some((self.only_in(line)?, ""))) else {
            // It goes on about the one above: "was blocked by our spam firewall".
            self.say(line);
            if !rest.contains(char::is_alphanumeric) {
                self.group = self.recipients.len();
            }
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

    /// "Your message to kelly@out.example could not be delivered."
    fn only_in(&self, line: &str) -> Option<EmailAddress> {
        let mut named = addresses_in(line).filter(|address| !self.is_own(address));
        let only = named.next()?;
        named.next().is_none().then_some(only)
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

/// The phrase ends in this line; what stands behind it there. What says that it is late, or has arrived, counts more than
/// what says that it has failed.
fn opener<'l>(lower: &'l str, before: &str) -> Option<(Became, &'l str)> {
    let mut found = OPENERS
        .iter()
        .filter_map(|(phrase, became)| Some((*became, behind_phrase(lower, before, phrase)?)));
    let first = found.next()?;
    if first.0 != Became::Failed {
        return Some(first);
    }
    if IS_LATE.iter().any(|words| lower.contains(words)) {
        return Some((Became::Late, first.1));
    }
    Some(
        found
            .find(|(became, _)| *became != Became::Failed)
            .unwrap_or(first),
    )
}

/// `konnte~nicht zugestellt`: anything may stand between.
fn behind_phrase<'l>(lower: &'l str, before: &str, phrase: &str) -> Option<&'l str> {
    let (first, more) = phrase.split_once('~').unwrap_or((phrase, ""));
    if let Some(at) = lower.find(first) {
        let rest = &lower[at + first.len()..];
        return Some(&rest[rest.find(more)? + more.len()..]);
    }
    // Broken over two lines: its end begins this one.
    let mut breaks = phrase.match_indices(' ');
    let (at, _) =
        breaks.find(|(at, _)| before.ends_with(&phrase[..*at]) && lower.starts_with(&phrase[at + 1..]))?;
    Some(&lower[phrase.len() - at - 1..])
}

/// "relayed to mailer mx.out.example": what became of this one alone.
fn behind_address(rest: &str) -> Option<Became> {
    let lower = rest.to_lowercase();
    let mut known = BEHIND_ADDRESS.iter();
    known
        .find(|(words, _)| lower.contains(words))
        .map(|(_, became)| *became)
}

/// What a server answered: `550 5.1.1 no such user`.
struct Reply<'l> {
    said: &'l str,
    /// It is refused for good, with a code of RFC 3463.
    is_final: bool,
}

impl<'l> Reply<'l> {
    /// `550` begins a line or follows a colon or a quote mark; with a code of RFC 3463 it stands anywhere.
    fn of(line: &'l str) -> Option<Self> {
        let bytes = line.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut starts = memchr::memchr2_iter(b'4', b'5', bytes).filter_map(|at| {
            let before = line[..at].trim_end_matches([' ', '(', '\'', '"', '<', '-', '*', '#', '[']);
            let is_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'.');
            let detail = detail_at(bytes, at);
            let is_hash = at > 0 && bytes[at - 1] == b'#' && detail.is_some();
            let is_code = is_digit(at + 1)
                && is_digit(at + 2)
                && !bytes.get(at + 3).is_some_and(u8::is_ascii_alphanumeric);
            let behind = line.get(at + 3..).unwrap_or_default();
            let behind = behind.trim_start_matches([' ', '-', ':', '#', '\'', '(']);
            let detail = detail_at(behind.as_bytes(), 0);
            let opens = before.is_empty() || before.ends_with([':', '：', '>']);
            if is_word || !(is_hash || is_code && (opens || detail.is_some())) {
                return None;
            }
            let said = match opens || line[..at].ends_with(['\'', '"']) {
                true => &line[at..],
                false => line,
            };
            Some(Reply {
                said: said.trim_end_matches(['\'', '"', '>']),
                is_final: bytes[at] == b'5' && (is_hash || detail.is_some()),
            })
        });
        starts.next()
    }
}

/// `5.1.1`
fn detail_at(bytes: &[u8], at: usize) -> Option<()> {
    let [b'4' | b'5', b'.', rest @ ..] = bytes.get(at..)? else {
        return None;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_detail = (1..=3).contains(&digits)
        && rest.get(digits) == Some(&b'.')
        && rest.get(digits + 1).is_some_and(u8::is_ascii_digit);
    is_detail.then_some(())
}

/// Those whose letters are of ASCII, wherever they stand.
fn addresses_in(line: &str) -> impl Iterator<Item = EmailAddress> {
    let bytes = line.as_bytes();
    memchr::memchr_iter(b'@', bytes).filter_map(move |at| {
        let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b".!#$%&*+-/=?^_`{|}~".contains(byte);
        let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let before = bytes[..at].iter().rev().take_while(|byte| is_local(byte)).count();
        let behind = bytes[at + 1..].iter().take_while(|byte| is_domain(byte)).count();
        let written = line.get(at - before..=at + behind)?;
        EmailAddress::parse(written.trim_end_matches(['.', '-'])).ok()
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
    let ends = |c: char| match c.is_ascii() {
        true => " <>()'\"[],;:\t".contains(c),
        false => !c.is_alphanumeric(),
    };
    let end = rest.find(ends).unwrap_or(rest.len());
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
