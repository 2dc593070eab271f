//! Reports as the servers of the world write them: who did not get it, and why, of which message.
//!
//! Each sample is written after the public format of its system, with invented names.

use domain::message::Automatic;
use domain::message::Became;
use domain::message::MessageSummary;
use domain::rules::reports::in_plain_words;

const TOKEN: &str = "0192f0c4a1b27c3d8e4f5a6b7c8d9e0f.aabbccddeeff001122334455";
const RETURNED: &str = "From: Alice <alice@isp.example>\nTo: kelly@out.example\nSubject: Hello\nMessage-ID: <TOKEN@isp.example>\n";

fn read(raw: &str) -> MessageSummary {
    let raw = raw
        .replace("RETURNED", RETURNED)
        .replace("TOKEN", TOKEN)
        .replace('\n', "\r\n");
    mime::summarise(raw.as_bytes()).expect("summary")
}

struct Sample {
    system: &'static str,
    became: Became,
    /// Words that the reason holds.
    said: &'static str,
    /// In plain words.
    why: &'static str,
    raw: &'static str,
}

const NO_SUCH: &str = "The address does not exist.";
const FULL: &str = "The mailbox is full.";
const UNWANTED: &str = "Their server took it for unwanted mail.";
const NO_DOMAIN: &str = "The part after the @ does not exist, or takes no mail.";
const NOT_REACHED: &str = "Their server could not be reached.";
const NOT_ALLOWED: &str = "Their server does not let us write to this address.";

#[path = "reports/samples.rs"]
mod samples;

fn misread(sample: &Sample) -> Option<String> {
    let summary = read(sample.raw);
    let Some(report) = summary.report else {
        return Some(format!("it is {:?}", summary.automatic));
    };
    let named = report
        .recipients
        .iter()
        .map(|one| (one.address.as_str(), one.became));
    let named: Vec<_> = named.collect();
    let said = report
        .recipients
        .first()
        .map(|one| one.said.as_str())
        .unwrap_or_default();
    let why = in_plain_words(said).unwrap_or_default();
    let is_right = named == [("kelly@out.example", sample.became)]
        && said.contains(sample.said)
        && why == sample.why
        && report.tokens == [TOKEN];
    (!is_right).then(|| format!("{named:?} {said:?} {why:?} {:?}", report.tokens))
}

#[test]
fn a_report_says_who_did_not_get_it_and_why() {
    let wrong: Vec<_> = samples::SAMPLES
        .iter()
        .filter_map(|sample| Some(format!("{}: {}", sample.system, misread(sample)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(samples::SAMPLES.len() >= 40, "{}", samples::SAMPLES.len());
}

/// The same words from a person are a person's: whoever writes about a report has not sent one.
#[test]
fn a_person_who_forwards_a_report_is_no_report() {
    for sample in samples::SAMPLES {
        let (header, body) = sample.raw.split_once("\n\n").expect("body");
        let plain = !header.to_lowercase().contains("multipart/report");
        if !plain {
            continue;
        }
        let raw = format!(
            "From: Kelly <kelly@out.example>\nTo: alice@isp.example\nSubject: Fwd: what is this?\n\n{body}"
        );
        let summary = read(&raw);
        assert_eq!(
            (summary.automatic, summary.report),
            (None, None),
            "{}",
            sample.system
        );
    }
}

#[test]
fn several_recipients_have_each_their_own_reason() {
    let summary = read(
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n\nThis is the mail system at host mx.example.\n\n\
I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n\
<kelly@out.example>: host mx.out.example said: 550 5.1.1 no such user\n    (in reply to RCPT TO command)\n\n\
<john@out.example>: host mx.out.example said: 552 5.2.2 mailbox full\n\nRETURNED",
    );
    let report = summary.report.expect("report");
    let told: Vec<_> = report
        .recipients
        .iter()
        .map(|one| (one.address.as_str(), one.said.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "kelly@out.example",
                "host mx.out.example said: 550 5.1.1 no such user in reply to RCPT TO command"
            ),
            (
                "john@out.example",
                "host mx.out.example said: 552 5.2.2 mailbox full"
            ),
        ]
    );
    let summary = read(
        "From: postmaster@mx.example\nSubject: Message undeliverable: Hello\n\nYour message did not reach some or all of the intended recipients.\n\n\
   Subject: Hello\n\nThe following recipient(s) could not be reached:\n\n   kelly@out.example\n      Error Type: SMTP\n      Remote server replied: 550 5.1.1 no such user\n\n\
   john@out.example\n      Error Type: SMTP\n      Remote server replied: 552 5.2.2 mailbox full\n\nhMailServer\n",
    );
    let report = summary.report.expect("report");
    let told: Vec<_> = report
        .recipients
        .iter()
        .map(|one| (one.address.as_str(), one.said.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("kelly@out.example", "550 5.1.1 no such user"),
            ("john@out.example", "552 5.2.2 mailbox full"),
        ]
    );
}

/// RFC 3464 §2.3.3: what was delivered, relayed or expanded has not failed, and what is late has not failed yet.
#[test]
fn only_failures_are_failures() {
    let status = |fields: &str| {
        format!(
            "From: postmaster@mx.example\nSubject: Delivery Status Notification\nMIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
This is the mail system at host mx.example.\n<kelly@out.example>: something\n--b\n\
Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n--b\nContent-Type: text/rfc822-headers\n\nRETURNED\n--b--\n"
        )
    };
    for (fields, became) in [
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: failed\nStatus: 5.1.1",
            Became::Failed,
        ),
        (
            "Final-Recipient: rfc822;<kelly@out.example>\nAction: Failed (bounced)\nStatus: 5.1.1",
            Became::Failed,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: failed\nStatus: 4.4.7",
            Became::Failed,
        ),
        (
            "Final-Recipient: kelly@out.example\nStatus: 5.0.0",
            Became::Failed,
        ),
        (
            "Final-Recipient: utf-8; kelly@out.example\nAction: failed",
            Became::Failed,
        ),
        (
            "Original-Recipient: rfc822;kelly@out.example\nFinal-Recipient: rfc822;box@in.example\nAction: failed",
            Became::Failed,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: delayed\nStatus: 4.4.1",
            Became::Late,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nStatus: 4.4.1",
            Became::Late,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: relayed\nStatus: 2.0.0",
            Became::Passed,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: expanded\nStatus: 2.1.5",
            Became::Passed,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nAction: delivered\nStatus: 2.0.0",
            Became::Passed,
        ),
        (
            "Final-Recipient: rfc822; kelly@out.example\nStatus: 2.1.5",
            Became::Passed,
        ),
    ] {
        let report = read(&status(fields)).report.expect("report");
        let named: Vec<_> = report
            .recipients
            .iter()
            .map(|one| (one.address.as_str(), one.became))
            .collect();
        assert_eq!(named, [("kelly@out.example", became)], "{fields}");
    }
    // An address of another kind: nobody is named, and what became of it is told.
    let report = read(&status("Final-Recipient: x400; /S=kelly/\nAction: relayed"))
        .report
        .expect("report");
    assert_eq!(
        (report.recipients.len(), report.overall),
        (0, Some(Became::Passed))
    );
    // Nobody is named, and nothing is told: nothing is known.
    let report = read("From: postmaster@mx.example\nSubject: Delivery Status Notification\n\nRETURNED")
        .report
        .expect("report");
    assert_eq!((report.recipients.len(), report.overall), (0, None));
}

/// The fields of RFC 3464 count where a gateway has made a text of them.
#[test]
fn fields_are_read_in_a_part_of_another_kind() {
    let raw = "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: text/plain; name=\"details.txt\"\nContent-Disposition: attachment\n\n\
Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; kelly@out.example\nAction: delayed\nStatus: 4.4.1\n--b--\n";
    let report = read(raw).report.expect("report");
    let named = report
        .recipients
        .iter()
        .map(|one| (one.address.as_str(), one.became));
    assert_eq!(named.collect::<Vec<_>>(), [("kelly@out.example", Became::Late)]);
}

/// What the program wrote into the subject counts, and not the subject that it returns.
#[test]
fn a_returned_subject_says_nothing_of_the_delivery() {
    for (subject, became) in [
        ("Undeliverable: Success stories, delayed", Some(Became::Failed)),
        ("[Mail failure] Our success", Some(Became::Failed)),
        ("Re: Success stories", None),
        ("Delivery delayed: Success stories", Some(Became::Late)),
        (
            "Warning: message 1abcDE-000001-2F delayed 24 hours",
            Some(Became::Late),
        ),
        ("Successful Mail Delivery Report", Some(Became::Passed)),
        ("Delivery Status Notification", None),
    ] {
        let raw = format!(
            "From: postmaster@mx.example\nReturn-Path: <>\nX-MS-Exchange-Message-Is-Ndr:\nSubject: {subject}\n\nSorry.\n"
        );
        let report = read(&raw).report.expect(subject);
        assert_eq!(
            (report.recipients.len(), report.overall),
            (0, became),
            "{subject}"
        );
    }
}

#[test]
fn a_complaint_is_no_failure() {
    // Where Microsoft's programme for senders makes its own.
    let summary = read(
        "From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.222\nMIME-Version: 1.0\n\
Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
X-HmXmrOriginalRecipient: kelly@out.example\nRETURNED\nHi\n--b--\n",
    );
    assert_eq!(summary.automatic, Some(Automatic::Complaint));
    let report = summary.report.expect("report");
    assert_eq!(
        (report.tokens, report.recipients[0].address.as_str()),
        (vec![TOKEN.to_owned()], "kelly@out.example")
    );
    let raw = |kind: &str, more: &str| {
        format!(
            "From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.1\nMIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n--b\n\
Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1\n{more}--b\n\
Content-Type: message/rfc822\n\nRETURNED\nHi\n--b--\n"
        )
    };
    let summary = read(&raw("abuse", "Original-Rcpt-To: <kelly@out.example>\n"));
    assert_eq!(summary.automatic, Some(Automatic::Complaint));
    let report = summary.report.expect("report");
    assert_eq!(report.tokens, [TOKEN]);
    let told: Vec<_> = report
        .recipients
        .iter()
        .map(|one| (one.address.as_str(), one.became, one.said.as_str()))
        .collect();
    assert_eq!(told, [("kelly@out.example", Became::Complained, "abuse")]);
    // Providers leave out who it was.
    let report = read(&raw("abuse", "")).report.expect("report");
    assert_eq!(
        (report.recipients.len(), report.overall),
        (0, Some(Became::Complained))
    );
    // What tests say of a message, and praise.
    for kind in ["auth-failure", "not-spam", "dmarc"] {
        assert_ne!(
            read(&raw(kind, "")).automatic,
            Some(Automatic::Complaint),
            "{kind}"
        );
        assert_eq!(read(&raw(kind, "")).report, None, "{kind}");
    }
}

/// By the header of what is returned, in any part; by our own mark where a server gives a Message-ID of its own.
#[test]
fn a_report_names_the_message_that_it_is_about() {
    let own_mark = RETURNED.replace(
        "Message-ID: <TOKEN@isp.example>",
        "Message-ID: <0100@ses.example>\nX-Waxseal-Id: TOKEN",
    );
    let returned = [
        format!("Content-Type: message/rfc822\n\n{RETURNED}\nHi\n"),
        format!("Content-Type: text/rfc822-headers\n\n{RETURNED}"),
        format!("Content-Type: message/rfc822-headers\n\n{RETURNED}"),
        format!("Content-Type: text/plain\n\n{RETURNED}"),
        format!("Content-Type: application/octet-stream\n\n{RETURNED}"),
        format!("Content-Type: message/rfc822\n\n{own_mark}\nHi\n"),
        format!("Content-Type: text/rfc822-headers\n\n{own_mark}"),
        "Content-Type: text/html\n\n<p>Message-ID: &lt;TOKEN@isp.example&gt;</p>\n".to_owned(),
        "Content-Type: text/plain\n\n> From: Alice\n> Message-ID: <TOKEN@isp.example>\n".to_owned(),
        "Content-Type: text/plain\n\n10:00:00: * Message-ID: <TOKEN@isp.example>\n".to_owned(),
        "Content-Type: text/plain\n\nOriginal message ID: <TOKEN@isp.example>\n".to_owned(),
        "Content-Type: text/rfc822-headers\n\nMessage-Id: TOKEN@isp.example\nSubject: Hello\n".to_owned(),
        "Content-Type: text/rfc822-headers\n\nMessage-ID:\n <TOKEN\n @isp.example>\n".to_owned(),
        "Content-Type: text/rfc822-headers\n\nX-Original-Message-ID: <TOKEN@isp.example>\n".to_owned(),
    ];
    for part in returned {
        let raw = format!(
            "From: MAILER-DAEMON@mx.example\nSubject: Undeliverable\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n\
--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
Final-Recipient: rfc822; kelly@out.example\nAction: failed\n--b\n{part}--b--\n"
        );
        let summary = read(&raw);
        assert_eq!(summary.report.expect("report").tokens, [TOKEN], "{part}");
        let expected = if part.contains("0100@") {
            "0100@ses.example".to_owned()
        } else {
            format!("{TOKEN}@isp.example")
        };
        let referred = summary.references.iter().any(|id| id.as_str() == expected);
        assert!(referred, "{part}");
    }
    // Exchange refers to it and returns nothing.
    let raw = "From: postmaster@mx.example\nSubject: Undeliverable: Hello\nIn-Reply-To: <TOKEN@isp.example>\n\n\
Delivery has failed to these recipients or groups:\n\nkelly@out.example\nno such user\n";
    assert_eq!(read(raw).report.expect("report").tokens, [TOKEN]);
}
