//! Mail that no person wrote: delivery reports, complaints, automatic answers, lists, bulk mail. Nothing of it is ever
//! answered by itself.

use std::collections::HashMap;

use domain::message::Automatic;
use domain::rules::threading::without_tags;
use mail_parser::Message;
use mail_parser::MimeHeaders as _;

use crate::answer_phrases::AWAY;
use crate::answer_phrases::WRITTEN_BY_PROGRAMS;
use crate::report::MAX_PARTS;
use crate::report::is_complaint;
use crate::report::is_from_server;
use crate::report::is_kind;
use crate::report_phrases::FAILED_SUBJECTS;
use crate::report_phrases::LATE_SUBJECTS;
use crate::report_phrases::PASSED_SUBJECTS;
use crate::report_phrases::REPORT_SUBJECTS;
use crate::report_text::holds_a_refusal;
use crate::report_text::opens_like_a_report;
use crate::summary::readable_text;

pub fn automatic(message: &Message<'_>) -> Option<Automatic> {
    let headers = Headers::of(message);
    if is_complaint(message) {
        return Some(Automatic::Complaint);
    }
    if is_delivery_report(&headers) {
        return Some(Automatic::DeliveryReport);
    }
    if is_answer(&headers) {
        return Some(Automatic::Answer);
    }
    // RFC 2919, RFC 2369.
    if headers.has("list-id") || headers.has("list-post") {
        return Some(Automatic::List);
    }
    let is_bulk = headers
        .get("precedence")
        .is_some_and(|value| matches!(value.as_str(), "bulk" | "junk" | "list"))
        || headers.has("list-unsubscribe")
        || headers.submitted().is_some();
    is_bulk.then_some(Automatic::Bulk)
}

struct Headers<'m> {
    message: &'m Message<'m>,
    /// By names in lower case; of several the first.
    values: HashMap<String, &'m str>,
}

impl<'m> Headers<'m> {
    fn of(message: &'m Message<'m>) -> Self {
        let mut values = HashMap::new();
        for (name, value) in message.headers_raw() {
            values.entry(name.to_ascii_lowercase()).or_insert(value);
        }
        Headers { message, values }
    }

    /// In lower case, too.
    fn get(&self, wanted: &str) -> Option<String> {
        let value = self.values.get(wanted)?;
        Some(value.trim().to_ascii_lowercase())
    }

    fn has(&self, wanted: &str) -> bool {
        self.values.contains_key(wanted)
    }

    /// RFC 3834 §5; "no" is what a person's program may say.
    fn submitted(&self) -> Option<String> {
        self.get("auto-submitted")
            .filter(|value| !value.starts_with("no"))
    }

    /// What must not be answered goes out with an empty sender (RFC 3834 §3.3).
    fn is_from_nobody(&self) -> bool {
        self.get("return-path").is_some_and(|path| path == "<>")
    }

    fn report_type(&self) -> Option<String> {
        let kind = self.message.content_type()?;
        let is = |text: &str, wanted: &str| text.eq_ignore_ascii_case(wanted);
        let is_report =
            is(kind.ctype(), "multipart") && kind.subtype().is_some_and(|subtype| is(subtype, "report"));
        is_report.then(|| match kind.attribute("report-type") {
            Some(named) => named.to_ascii_lowercase(),
            None if self.has_receipt() => "disposition-notification".to_owned(),
            None => "delivery-status".to_owned(),
        })
    }

    /// RFC 8098 §3: a part says so where the whole does not.
    fn has_receipt(&self) -> bool {
        let mut parts = self.message.parts.iter().take(MAX_PARTS);
        parts.any(|part| is_kind(part, &["disposition-notification"]))
    }

    fn is_mailing(&self) -> bool {
        self.has("list-id") || self.has("list-unsubscribe")
    }
}

/// RFC 3464; else by its sender and what such senders say. Neither alone: people write about mail that came back, and a
/// postmaster is a person too.
fn is_delivery_report(headers: &Headers<'_>) -> bool {
    if headers
        .report_type()
        .is_some_and(|kind| kind == "delivery-status")
        || headers.has("x-failed-recipients")
        || headers.has("x-ms-exchange-message-is-ndr")
    {
        return true;
    }
    if headers.is_mailing() {
        return false;
    }
    let is_from_server = is_from_server(headers.message);
    let is_unasked = headers.is_from_nobody() || headers.submitted().is_some();
    if !is_from_server && !is_unasked {
        return false;
    }
    let subject = headers.message.subject().unwrap_or_default().to_lowercase();
    let says = |lists: &[&[&str]]| lists.iter().copied().flatten().any(|said| subject.contains(said));
    if is_from_server && says(&[FAILED_SUBJECTS, REPORT_SUBJECTS]) {
        return true;
    }
    // "Delay" and "success" are words of people too, and a cron job tells of what failed.
    let text = readable_text(headers.message);
    let says_so = says(&[FAILED_SUBJECTS, REPORT_SUBJECTS, LATE_SUBJECTS, PASSED_SUBJECTS]);
    let is_generated = headers
        .submitted()
        .is_some_and(|value| value.starts_with("auto-generated"));
    let could_be = is_from_server || says_so && (headers.is_from_nobody() || !is_generated);
    could_be && opens_like_a_report(&text)
        // In whatever language it is: nobody but a server passes on what a server answered.
        || is_from_server && is_unasked && (says_so || holds_a_refusal(&text))
}

/// RFC 3834 §5; fields of Exchange, of help desks, and of those who came before the standard.
const ANSWERS: &[(&str, &str)] = &[
    ("auto-submitted", "auto-replied"),
    ("auto-submitted", "auto_replied"),
    ("auto-submitted", "auto-notified"),
    ("auto-submitted", "vacation"),
    ("precedence", "auto_reply"),
    ("precedence", "auto-reply"),
    ("preference", "auto_reply"),
    ("preference", "auto-reply"),
    ("x-precedence", "auto_reply"),
    ("x-autoreply", ""),
    ("x-auto-reply", ""),
    ("x-autoreply-from", ""),
    ("x-autorespond", ""),
    ("x-autoresponder", ""),
    ("x-autoresponse", ""),
    ("x-mail-autoreply", ""),
    ("x-mail-auto-reply", ""),
    ("x-autogenerated", "reply"),
    ("x-auto-generated", "reply"),
    ("x-vacation", ""),
    ("x-yahoo-vacationresponder", ""),
    ("x-fc-machinegenerated", ""),
    ("x-out-of-office", ""),
    ("x-post-messageclass", "9; autoresponder"),
    ("x-ms-exchange-generated-message-source", "mailbox rules agent"),
    ("delivered-to", "autoresponder"),
];

fn is_answer(headers: &Headers<'_>) -> bool {
    // It was read, or not: a program says so (RFC 8098).
    let is_receipt = headers
        .report_type()
        .is_some_and(|kind| kind == "disposition-notification");
    let by_field = ANSWERS.iter().any(|(name, start)| {
        let value = headers.get(name);
        value.is_some_and(|value| {
            value.starts_with(start) && !matches!(value.as_str(), "no" | "false" | "none")
        })
    });
    is_receipt || headers.has_receipt() || by_field || is_answer_by_words(headers)
}

/// Words that only programs put at the very start of a subject: "Re: Automatic reply" is a person's. What people write
/// too ("Out of office") needs a field that programs write.
fn is_answer_by_words(headers: &Headers<'_>) -> bool {
    let subject = headers.message.subject().unwrap_or_default().to_lowercase();
    let subject = without_tags(&subject).trim_start_matches(['[', '(', '*', '"', ' ']);
    let starts = |words: &[&str]| words.iter().any(|word| subject.starts_with(word));
    let tells = |text: &str| AWAY.iter().any(|word| text.contains(word));
    // Notes: "AUTO: Kelly is out of the office (returning Monday)".
    if starts(WRITTEN_BY_PROGRAMS) || subject.strip_prefix("auto:").is_some_and(tells) {
        return true;
    }
    if headers.is_mailing() {
        return false;
    }
    // No person's message comes from nobody; what it says may stand in its first lines only.
    if headers.is_from_nobody() && tells(&beginning(headers.message)) {
        return true;
    }
    let by_program = headers.is_from_nobody()
        || headers.submitted().is_some()
        || headers.has("x-auto-response-suppress")
        || headers
            .get("precedence")
            .is_some_and(|value| matches!(value.as_str(), "bulk" | "junk"));
    by_program && tells(subject)
}

fn beginning(message: &Message<'_>) -> String {
    const LINES: usize = 10;
    const CHARS: usize = 1_000;
    let text = readable_text(message);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let own = lines.take_while(|line| !line.starts_with('>')).take(LINES);
    let own: String = own
        .flat_map(|line| line.chars().chain([' ']))
        .take(CHARS)
        .collect();
    own.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::skeleton::Skeleton;

    fn kind(header: &str, body: &str) -> Option<Automatic> {
        let raw = format!("{header}\n\n{body}\n").replace('\n', "\r\n");
        let skeleton = Skeleton::of(raw.as_bytes()).expect("skeleton");
        automatic(&parse(&skeleton).expect("message").message)
    }

    #[test]
    fn what_no_person_wrote_is_known_by_its_fields() {
        for (field, expected) in [
            ("Auto-Submitted: auto-replied (vacation)", Some(Automatic::Answer)),
            (
                "Auto-Submitted: auto-replied; owner-email=\"kelly@out.example\"",
                Some(Automatic::Answer),
            ),
            ("X-Autoreply: yes", Some(Automatic::Answer)),
            ("X-Autorespond: Hello", Some(Automatic::Answer)),
            ("X-AutoReply-From: kelly@out.example", Some(Automatic::Answer)),
            ("X-Mail-Autoreply: autoreply", Some(Automatic::Answer)),
            ("X-Autogenerated: Reply", Some(Automatic::Answer)),
            ("X-POST-MessageClass: 9; Autoresponder", Some(Automatic::Answer)),
            (
                "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
                Some(Automatic::Answer),
            ),
            ("Precedence: auto_reply", Some(Automatic::Answer)),
            (
                "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
                Some(Automatic::Answer),
            ),
            ("Preference: auto_reply", Some(Automatic::Answer)),
            ("X-Yahoo-VacationResponder: yes", Some(Automatic::Answer)),
            (
                "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
                Some(Automatic::DeliveryReport),
            ),
            ("X-Autoreply: no", None),
            ("Auto-Submitted: no", None),
            ("X-Auto-Response-Suppress: All", None),
            ("Auto-Submitted: auto-generated", Some(Automatic::Bulk)),
            ("List-Id: <users.lists.example>", Some(Automatic::List)),
            ("Precedence: bulk", Some(Automatic::Bulk)),
            ("List-Unsubscribe: <https://out.example/>", Some(Automatic::Bulk)),
            (
                "X-Failed-Recipients: kelly@out.example",
                Some(Automatic::DeliveryReport),
            ),
            ("X-Nothing: here", None),
        ] {
            let header = format!("From: a@b.example\n{field}\nSubject: hi");
            assert_eq!(kind(&header, "hi"), expected, "{field}");
        }
    }

    #[test]
    fn answers_of_programs_are_told_from_people_by_their_subjects() {
        for (subject, with_field, alone) in [
            ("Automatic reply: Hello", true, true),
            ("Automatische Antwort: Hallo", true, true),
            ("Abwesenheitsnotiz: Hallo", true, true),
            ("Réponse automatique : Bonjour", true, true),
            ("Respuesta automática: Hola", true, true),
            ("Risposta automatica: Ciao", true, true),
            ("Resposta automática: Olá", true, true),
            ("Automatisch antwoord: Hallo", true, true),
            ("Automatyczna odpowiedź: Cześć", true, true),
            ("Автоматический ответ: Привет", true, true),
            ("Автоматична відповідь: Привіт", true, true),
            ("Automatická odpověď: Ahoj", true, true),
            ("Automatiskt svar: Hej", true, true),
            ("Autosvar: Hei", true, true),
            ("Automatisk svar: Hej", true, true),
            ("Automaattinen vastaus: Hei", true, true),
            ("Otomatik Yanıt: Merhaba", true, true),
            ("自动回复: 你好", true, true),
            ("自動応答: こんにちは", true, true),
            ("자동 회신: 안녕하세요", true, true),
            ("[EXTERNAL] Automatic reply: Hello", true, true),
            ("EXTERNAL: [Extern] Automatische Antwort: Hallo", true, true),
            ("*EXT* Réponse automatique : Bonjour", true, true),
            (
                "AUTO: Kelly is out of the office (returning 06/15/2026)",
                true,
                true,
            ),
            ("AUTO: Kelly ist außer Haus", true, true),
            ("Resposta automàtica: Hola", true, true),
            ("Out of Office: Hello", true, false),
            ("[EXTERNAL] Out of Office: Hello", true, false),
            ("I am away until Monday", true, false),
            ("Urlaub", true, false),
            ("Absence du bureau : Bonjour", true, false),
            ("В отпуске", true, false),
            // Of people, about such things.
            ("Re: Automatic reply: Hello", false, false),
            ("AW: Abwesenheitsnotiz: Hallo", false, false),
            ("Your automatic reply", false, false),
            ("Auto: Verkauf", true, false),
            ("Hello", false, false),
        ] {
            let header = format!("From: kelly@out.example\nSubject: {subject}");
            assert_eq!(kind(&header, "hi") == Some(Automatic::Answer), alone, "{subject}");
            let header = format!("{header}\nX-Auto-Response-Suppress: All");
            let with = kind(&header, "hi") == Some(Automatic::Answer);
            // A person's client does not write that field beside an answer to an answer.
            if !subject.contains(": Auto") && !subject.contains(": Abw") && !subject.starts_with("Your") {
                assert_eq!(with, with_field, "{subject}, with a field");
            }
        }
        let newsletter = "From: shop@out.example\nSubject: Urlaub\nPrecedence: bulk\nList-Unsubscribe: <https://out.example/>";
        assert_eq!(kind(newsletter, "hi"), Some(Automatic::Bulk));
    }

    #[test]
    fn what_comes_from_nobody_and_tells_of_an_absence_is_an_answer() {
        const AWAY: &str = "Thanks for your message.\n\nI'm on vacation until Monday.";
        for (field, body, expected) in [
            ("Return-Path: <>", AWAY, Some(Automatic::Answer)),
            ("Return-Path: <kelly@out.example>", AWAY, None),
            ("Return-Path: <>", "Thanks, I accept.", None),
            (
                "Return-Path: <>",
                "Thanks.\n\n> I'm on vacation until Monday.",
                None,
            ),
            (
                "Return-Path: <>\nList-Unsubscribe: <https://out.example/>",
                AWAY,
                Some(Automatic::Bulk),
            ),
        ] {
            let header = format!("From: kelly@out.example\n{field}\nSubject: Re: Offer");
            assert_eq!(kind(&header, body), expected, "{field} {body}");
        }
    }

    #[test]
    fn a_part_says_what_the_whole_does_not() {
        for (whole, part, expected) in [
            ("report", "message/disposition-notification", Automatic::Answer),
            ("mixed", "message/disposition-notification", Automatic::Answer),
            ("report", "message/delivery-status", Automatic::DeliveryReport),
            (
                "report; report-type=feedback-report",
                "text/plain",
                Automatic::Complaint,
            ),
        ] {
            let header = format!(
                "From: kelly@out.example\nSubject: Read: Offer\nMIME-Version: 1.0\nContent-Type: multipart/{whole}; boundary=b"
            );
            let body = format!("--b\n\nHello\n--b\nContent-Type: {part}\n\nFeedback-Type: abuse\n--b--");
            assert_eq!(kind(&header, &body), Some(expected), "{whole} {part}");
        }
    }

    #[test]
    fn a_report_is_known_by_who_says_what() {
        const QMAIL: &str = "Hi. This is the qmail-send program at out.example.";
        let report = Some(Automatic::DeliveryReport);
        for (from, more, subject, body, expected) in [
            ("MAILER-DAEMON@mx.example", "", "failure notice", "hi", report),
            ("MAILER-DAEMON", "", "Returned mail: see transcript", "hi", report),
            (
                "\"Mail Delivery System\" <noreply@mx.example>",
                "",
                "Undelivered",
                "hi",
                report,
            ),
            ("postmaster@mx.example", "", "Undeliverable: hello", "hi", report),
            ("postmaster@mx.example", "", "Hello", QMAIL, report),
            ("postmaster@mx.example", "", "Maintenance", "hi", None),
            ("kelly@out.example", "", "Undelivered parcel", "hi", None),
            (
                "System Administrator <kelly@out.example>",
                "",
                "Project success and delay",
                "hi",
                None,
            ),
            (
                "Cron Daemon <root@isp.example>",
                "Auto-Submitted: auto-generated\n",
                "mailq: delivery failed",
                "message could not be delivered to kelly@out.example",
                Some(Automatic::Bulk),
            ),
            (
                "News <bounces@news.example>",
                "List-Unsubscribe: <https://news.example/>\n",
                "Mail delivery made easy",
                "hi",
                Some(Automatic::Bulk),
            ),
            ("kelly@out.example", "", "Fwd: failure notice", QMAIL, None),
            (
                "kelly@out.example",
                "Return-Path: <>\n",
                "failure notice",
                QMAIL,
                report,
            ),
            ("kelly@out.example", "Return-Path: <>\n", "Hello", QMAIL, None),
            (
                "kelly@out.example",
                "Auto-Submitted: auto-replied\n",
                "DELIVERY FAILURE: x",
                QMAIL,
                report,
            ),
        ] {
            let header = format!("{more}From: {from}\nSubject: {subject}");
            assert_eq!(kind(&header, body), expected, "{from} {subject} {body}");
        }
    }
}
