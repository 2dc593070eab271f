//! Who a message says it is from: the address shown and used for pairing is that of the only From, or the message is
//! flagged and never attributed by itself; "verified" only by the word of the receiving server about that From.

use std::path::Path;

use domain::rules::sender::SenderMark;
use domain::rules::sender::SenderMarks;
use domain::rules::sender::sender_marks;
use serde_json::Value;

use crate::fields::only;
use crate::fields::text;
use crate::find;
use crate::report::Report;
use crate::report::check;

const RECEIVER: &str = "mx.ours.test";

pub fn run(folder: &Path, report: &mut Report) {
    if let Some(path) = find(folder, "from-spoof.json", report) {
        let mut suite = report.suite("Senders that pretend");
        for case in list(&path) {
            let outcome = only(&case, FIELDS).and_then(|()| spoof(text(&case, "raw")?));
            suite.case(&name(&case), outcome);
        }
        // Controls: an honest one is not flagged, and the oracle sees through a forged one.
        suite.case("honest", honest());
        suite.case("control", control());
    }
    if let Some(path) = find(folder, "auth-results.json", report) {
        let mut suite = report.suite("Authentication results");
        for case in list(&path) {
            suite.case(
                &name(&case),
                only(&case, FIELDS).and_then(|()| unverified(text(&case, "raw")?)),
            );
        }
        let genuine = "Authentication-Results: mx.ours.test; dmarc=pass header.from=bank.test\r\nReceived: from a by mx.ours.test; x\r\nFrom: ceo@bank.test\r\n\r\nhello\r\n";
        suite.case(
            "control: a genuine one is verified",
            check(marks(genuine).has(SenderMark::Verified), || "not verified".into()),
        );
    }
}

fn list(path: &Path) -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(path).expect("list")).expect("JSON")
}

const FIELDS: &[&str] = &["id", "raw", "why", "expect"];

fn name(case: &Value) -> String {
    case["why"].as_str().unwrap_or_default().to_owned()
}

/// From the domain that they would like to be taken for.
fn unverified(results: &str) -> Result<(), String> {
    let marks = marks(&format!("{results}From: ceo@bank.test\r\n\r\nhello\r\n"));
    check(!marks.has(SenderMark::Verified), || "verified".into())
}

fn marks(raw: &str) -> SenderMarks {
    let summary = mime::summarise(raw.as_bytes()).expect("summary");
    sender_marks(&summary, Some(RECEIVER))
}

fn spoof(raw: &str) -> Result<(), String> {
    let message = format!("{raw}\r\nSubject: x\r\n\r\nhello\r\n");
    let summary = mime::summarise(message.as_bytes()).map_err(|refusal| refusal.to_string())?;
    let marks = sender_marks(&summary, None);
    let author = summary.author();
    let used = author
        .and_then(|author| author.address.as_ref())
        .map(ToString::to_string);
    let only = only_addr_spec(raw);
    let is_right = only.is_some() && used == only;
    check(is_right || marks.is_doubtful(), || {
        format!("{used:?} is used, {only:?} is right, and it is not flagged")
    })?;
    // What the name says is shown beside it, and must not be taken for it.
    let name = author.map(|author| author.name.as_str()).unwrap_or_default();
    let is_hidden = name.contains('@') && Some(name) != used.as_deref();
    check(!is_hidden || marks.is_doubtful(), || {
        format!("the name {name:?} is an address, and it is not flagged")
    })
}

/// Independent of our parser: the one field's one bare or angled address, where nothing else looks like one.
fn only_addr_spec(raw: &str) -> Option<String> {
    let mut fields = raw.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("from").then_some(value.trim())
    });
    let field = fields.next().filter(|_| fields.next().is_none())?;
    let address = match field.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => field,
    };
    let is_plain = address.matches('@').count() == 1
        && address
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "@.-_+".contains(c));
    is_plain.then(|| address.to_lowercase())
}

fn honest() -> Result<(), String> {
    for field in [
        "Kelly <kelly@out.test>",
        "kelly@out.test",
        "\"Smith, Kelly\" <kelly@out.test>",
        "=?utf-8?q?Zo=C3=AB?= <zoe@out.test>",
    ] {
        let flagged = marks(&format!("From: {field}\r\n\r\nhello\r\n"));
        check(!flagged.is_doubtful(), || format!("{field}: {flagged:?}"))?;
    }
    Ok(())
}

/// Without the flags the oracle would be red.
fn control() -> Result<(), String> {
    let forged = "From: <ceo@bank.test> <evil@attacker.test>\r\n\r\nhello\r\n";
    check(marks(forged).has(SenderMark::UnclearFrom), || {
        "not flagged".into()
    })
}
