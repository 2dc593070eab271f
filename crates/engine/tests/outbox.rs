//! The outbox against a server that does wrong at every step: nothing lost, nothing accepted twice.

mod support;

use std::time::Duration;

use domain::MessageId;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use service::delivery::Sender;
use service::drafts::NewFile;
use service::drafts::Save;
use support::desk::Desk;
use testkit::smtp_server::Cut;
use testkit::smtp_server::SmtpFault;
use testkit::smtp_server::Verb;
use tokio::time::timeout;
use wire::Deadlines;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_once_as_it_was_written() {
    goes_out_once(Desk::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_once_from_postgresql() {
    let (_postgres, desk) = Desk::on_postgresql().await;
    goes_out_once(desk).await;
}

async fn goes_out_once(desk: Desk) {
    let (stop, task) = desk.work("one");
    desk.server.refuse_recipient("nobody");
    let form = desk.form(
        &["kelly@out.example", "nobody@out.example"],
        &["hidden@out.example"],
    );
    let queued = desk
        .services
        .send(desk.alice, form.clone(), Some("key-1"))
        .await
        .expect("queued");
    let again = desk
        .services
        .send(desk.alice, form, Some("key-1"))
        .await
        .expect("the same");
    assert_eq!(again.message, queued.message);
    let other = desk.form(&["john@out.example"], &[]);
    assert!(
        desk.services
            .send(desk.alice, other, Some("key-1"))
            .await
            .is_err(),
        "another body under the key"
    );
    let entry = desk.settled(queued.message).await;
    assert_eq!(entry.state, OutboxState::Sent, "{entry:?}");
    let states: Vec<_> = entry
        .recipients
        .iter()
        .map(|(address, state, _)| (address.as_str(), *state))
        .collect();
    assert_eq!(
        states,
        [
            ("hidden@out.example", RecipientState::Accepted),
            ("kelly@out.example", RecipientState::Accepted),
            ("nobody@out.example", RecipientState::Refused),
        ]
    );
    let ledger = desk.server.ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].recipients, ["hidden@out.example", "kelly@out.example"]);
    let data = String::from_utf8(ledger[0].data.clone()).expect("text");
    assert!(!data.contains("hidden"), "Bcc leaked");
    assert!(
        data.contains("To: <kelly@out.example>, <nobody@out.example>"),
        "{data}"
    );
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_sends_nothing_until_it_is_released() {
    let desk = Desk::new().await;
    let services = &desk.services;
    let waited = desk.send(&["kelly@out.example"]).await;
    assert_eq!(services.hold().await.expect("held"), 1);
    assert_eq!(desk.entry(waited).await.state, OutboxState::Unknown);
    let written = desk.send(&["kelly@out.example"]).await;
    let sender = Sender {
        owner: "worker",
        account: desk.account,
        settings: None,
    };
    assert!(services.next_account_to_send(&[]).await.expect("read").is_none());
    assert!(services.claim_outgoing(sender).await.expect("claimed").is_none());
    services.release(None).await.expect("released");
    let claimed = services.claim_outgoing(sender).await.expect("claimed");
    assert_eq!(claimed.map(|outgoing| outgoing.message()), Some(written));
    assert!(services.claim_outgoing(sender).await.expect("claimed").is_none());
}

/// Longer than any machine takes from one byte to the next.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every verb x every fault, on a fresh connection.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_verb_ends_well() {
    every_fault(Desk::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_verb_ends_well_on_postgresql() {
    let (_postgres, desk) = Desk::on_postgresql().await;
    every_fault(desk).await;
}

async fn every_fault(desk: Desk) {
    let mut counts = std::collections::BTreeMap::new();
    for verb in Verb::ALL {
        for fault in SmtpFault::ALL {
            let what = format!("{verb:?} {fault:?}");
            desk.server.fail_next(verb, fault);
            let message = desk.send(&["kelly@out.example", "john@out.example"]).await;
            let (stop, task) = desk.work(&what);
            let state = desk.ends_well(message, &what).await;
            stop.cancel();
            task.await.expect("ended");
            let expected = match (verb, fault) {
                (Verb::Dot, SmtpFault::Reset | SmtpFault::Half | SmtpFault::Garbage | SmtpFault::Silent) => {
                    OutboxState::Unknown
                }
                (Verb::Mail | Verb::Data | Verb::Dot, SmtpFault::Code(550)) => OutboxState::Failed,
                _ => OutboxState::Sent,
            };
            assert_eq!(state, expected, "{what}");
            *counts.entry(state.as_str()).or_insert(0) += 1;
        }
    }
    println!("faults: {counts:?}");
}

/// Bytes that a client sends for one message, from greeting to the final dot.
async fn length_of_a_session(desk: &Desk) -> usize {
    let whole = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("whole");
    desk.settled(whole).await;
    stop.cancel();
    task.await.expect("ended");
    desk.server.wire().len()
}

/// The link is cut after every so many bytes: of all places, and (with `CUTS`) at each byte.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_cut_anywhere_loses_and_doubles_nothing() {
    cut_anywhere(Desk::new().await, every(17)).await;
}

/// Each byte with `CUTS`; else one of so many.
fn every(bytes: usize) -> usize {
    if std::env::var("CUTS").is_ok() { 1 } else { bytes }
}

async fn cut_anywhere(desk: Desk, step: usize) {
    let length = length_of_a_session(&desk).await;
    let mut counts = std::collections::BTreeMap::new();
    for cut in (0..=length).step_by(step) {
        desk.server.cut_next_after(cut, Cut::Link);
        let message = desk.send(&["kelly@out.example"]).await;
        let (stop, task) = desk.work("cut");
        let state = desk.ends_well(message, &format!("cut after {cut}")).await;
        stop.cancel();
        task.await.expect("ended");
        *counts.entry(state.as_str()).or_insert(0) += 1;
    }
    println!("cuts of {length} bytes, every {step}: {counts:?}");
    assert!(counts["sent"] > 2, "{counts:?}");
    assert!(counts.contains_key("unknown"), "{counts:?}");
}

/// The worker dies, as by kill -9, when the server has read so many bytes; another one finds what it left.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_anywhere_loses_and_doubles_nothing() {
    dies_anywhere(Desk::new().await, every(17)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_and_deaths_lose_and_double_nothing_on_postgresql() {
    let (_postgres, desk) = Desk::on_postgresql().await;
    cut_anywhere(desk, every(68)).await;
    let (_postgres, desk) = Desk::on_postgresql().await;
    dies_anywhere(desk, every(68)).await;
}

/// A worker that is dead, and the message that it had. A connection that an earlier worker has given up may take the
/// pause that was meant for this one, on a busy machine; then the message goes, and another one is tried.
async fn dies_at(desk: &Desk, death: usize) -> MessageId {
    loop {
        desk.server.cut_next_after(death, Cut::Pause);
        let message = desk.send(&["kelly@out.example"]).await;
        let (_, task) = desk.work_within("dying", PATIENCE);
        let has_died = tokio::select! {
            () = desk.server.paused() => true,
            _ = desk.settled(message) => false,
        };
        task.abort();
        let _ = task.await;
        if has_died {
            return message;
        }
    }
}

/// Tasks that are aborted do not end at once: the last thing that one did may have been to hold the entry once more.
async fn is_found(desk: &Desk, message: MessageId) {
    for _ in 0..10 {
        if timeout(Duration::from_secs(3), desk.settled(message))
            .await
            .is_ok()
        {
            return;
        }
        desk.pass(Duration::from_secs(3600));
        desk.look_again();
    }
}

async fn dies_anywhere(desk: Desk, step: usize) {
    let length = length_of_a_session(&desk).await;
    let mut counts = std::collections::BTreeMap::new();
    for death in (0..length).step_by(step) {
        let message = dies_at(&desk, death).await;
        // Its lease runs out.
        desk.pass(Duration::from_secs(3600));
        let (stop, task) = desk.work("next");
        is_found(&desk, message).await;
        let state = desk.ends_well(message, &format!("death after {death}")).await;
        stop.cancel();
        task.await.expect("ended");
        *counts.entry(state.as_str()).or_insert(0) += 1;
    }
    // It dies between the server's "yes" and our knowing: only `data_sent` tells that it may have gone. The one death
    // that ends so for certain: in those above, the last bytes may be read before `data_sent` is written, or after.
    desk.server.fail_next(Verb::Dot, SmtpFault::Silent);
    let message = desk.send(&["kelly@out.example"]).await;
    let (_, task) = desk.work_within("dying", PATIENCE);
    desk.server.paused().await;
    task.abort();
    let _ = task.await;
    desk.pass(Duration::from_secs(3600));
    let (stop, task) = desk.work("next");
    is_found(&desk, message).await;
    let state = desk.settled(message).await.state;
    assert_eq!(state, OutboxState::Unknown);
    assert_eq!(
        desk.accepted(message, "kelly@out.example"),
        1,
        "accepted, and never sent again"
    );
    stop.cancel();
    task.await.expect("ended");
    *counts.entry(state.as_str()).or_insert(0) += 1;
    println!("deaths in {length} bytes, every {step}: {counts:?}");
    assert!(counts.contains_key("sent"), "{counts:?}");
}

/// The worker dies when Sent has taken so many bytes of a copy, or all of them and has not said so yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_fills_sent_leaves_one_copy() {
    let desk = Desk::new().await;
    let mailbox = testkit::ImapServer::start(testkit::imap_server::Fault::default())
        .await
        .expect("server");
    desk.keep_copies_in(&mailbox).await;
    let whole = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("whole");
    desk.copied(whole).await;
    stop.cancel();
    task.await.expect("ended");
    let length = mailbox.appended()[0].len();
    let step = if std::env::var("CUTS").is_ok() {
        16
    } else {
        length / 4
    };
    let mut deaths = 0;
    for death in (0..length).step_by(step).chain([length]) {
        mailbox.pause_append_after(death);
        let message = desk.send(&["kelly@out.example"]).await;
        let (_, task) = desk.work_within("dying", PATIENCE);
        mailbox.paused().await;
        task.abort();
        let _ = task.await;
        // Until then somebody may still be making it.
        desk.pass(Duration::from_secs(5 * 60));
        let (stop, task) = desk.work("next");
        desk.copied(message).await;
        stop.cancel();
        task.await.expect("ended");
        let marker = message.uuid().simple().to_string();
        let copies = mailbox.appended();
        let copies = copies
            .iter()
            .filter(|copy| String::from_utf8_lossy(copy).contains(&marker));
        assert_eq!(copies.count(), 1, "death after {death} of {length}");
        assert_eq!(desk.accepted(message, "kelly@out.example"), 1);
        deaths += 1;
    }
    println!("{deaths} deaths while Sent was filled: one copy of each");
}

/// At a start all that is done from time to time is due at once. Nothing of it may hold the database while it is not
/// being polled: all the others would wait half a minute for it. Many starts at a time, for the order that they meet in
/// is chance.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_at_a_start_does_not_hold_up_what_is_sent() {
    let mut desks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        desks.spawn(async {
            let desk = Desk::new().await;
            for _ in 0..20 {
                start_with_an_alarm(&desk).await;
            }
        });
    }
    desks.join_all().await;
}

async fn start_with_an_alarm(desk: &Desk) {
    let message = desk.send(&["kelly@out.example"]).await;
    // It has waited for so long that its owner is told.
    desk.pass(Duration::from_secs(2 * 3600));
    let (stop, task) = desk.work("one");
    for _ in 0..1000 {
        desk.look_again();
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(15), desk.sent(message))
        .await
        .expect("nothing stands still");
    stop.cancel();
    task.await.expect("ended");
}

/// "Emails limit per hour": what is over it waits for its hour.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_goes_within_an_hour_than_the_owner_allows() {
    let desk = Desk::new().await;
    desk.limit_per_hour(3).await;
    let (stop, task) = desk.work("one");
    let mut messages = Vec::new();
    for _ in 0..5 {
        let message = desk.send(&["kelly@out.example"]).await;
        desk.settled(message).await;
        messages.push(message);
        desk.pass(Duration::from_secs(60));
    }
    for (number, message) in messages.iter().enumerate() {
        let entry = desk.settled(*message).await;
        let expected = if number < 3 {
            OutboxState::Sent
        } else {
            OutboxState::Retrying
        };
        assert_eq!(entry.state, expected, "{number}: {:?}", entry.said);
    }
    assert_eq!(desk.entry(messages[4]).await.attempts, 0, "to wait is no attempt");
    // An hour after the first there is room again, and two minutes on for the other.
    desk.pass(Duration::from_secs(3600 - 5 * 60 + 120));
    desk.look_again();
    for message in &messages[3..] {
        desk.sent(*message).await;
    }
    assert_eq!(desk.server.ledger().len(), 5);
    stop.cancel();
    task.await.expect("ended");
}

/// Each block of a message has a deadline of its own (RFC 5321 §4.5.3.2.5): all of it takes many times as long here.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_takes_as_long_as_it_needs() {
    const MEGABYTE: usize = 1024 * 1024;
    let desk = Desk::new().await;
    // What a socket holds is written at once, and tells nothing.
    desk.server.read_slowly(MEGABYTE, Duration::from_millis(150));
    let message = desk.send_file(16 * MEGABYTE).await;
    let deadlines = Deadlines {
        data_block: Duration::from_millis(600),
        ..Deadlines::default()
    };
    let (stop, task) = desk.work_with("slow", deadlines);
    desk.sent(message).await;
    assert_eq!(desk.entry(message).await.attempts, 1);
    stop.cancel();
    task.await.expect("ended");
}

/// Addresses with letters outside of ASCII: where the server can (RFC 6531), and where it cannot.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_outside_of_ascii_go_only_where_the_server_can() {
    let desk = Desk::new().await;
    let (stop, task) = desk.work("one");
    let refused = desk.send(&["олена@kyiv.example"]).await;
    let entry = desk.settled(refused).await;
    assert_eq!(entry.state, OutboxState::Failed);
    assert!(entry.said.expect("words").contains("outside of ASCII"));
    desk.server.offer("SMTPUTF8");
    stop.cancel();
    task.await.expect("ended");
    let (stop, task) = desk.work("two");
    let sent = desk.send(&["олена@kyiv.example"]).await;
    assert_eq!(desk.settled(sent).await.state, OutboxState::Sent);
    let accepted = desk.server.ledger().remove(0);
    assert_eq!(accepted.recipients, ["олена@kyiv.example"]);
    let data = String::from_utf8(accepted.data).expect("UTF-8");
    assert!(data.contains("To: <олена@kyiv.example>"), "{data}");
    let wire = String::from_utf8(desk.server.wire()).expect("UTF-8");
    assert!(wire.contains("SMTPUTF8\r\n"), "{wire}");
    stop.cancel();
    task.await.expect("ended");
}

/// What goes over the wire, read by a parser that is not ours: Python's `email`.
#[tokio::test(flavor = "multi_thread")]
async fn another_parser_reads_what_was_meant() {
    const SCRIPT: &str = r#"
import sys, json, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
files = [[p.get_filename(), p.get_content_type(), len(p.get_payload(decode=True))] for p in m.iter_attachments()]
people = lambda f: [[a.display_name, a.addr_spec] for a in m[f].addresses] if m[f] else []
print(json.dumps({"from": people("From"), "to": people("To"), "cc": people("Cc"), "bcc": people("Bcc"),
  "subject": m["Subject"], "text": m.get_body(("plain",)).get_content().strip(),
  "html": m.get_body(("html",)).get_content().strip(), "files": files, "defects": [str(d) for d in m.defects]}))
"#;
    let desk = Desk::new().await;
    let (stop, task) = desk.work("one");
    let written = |name: &str, address: &str| service::drafts::WrittenAddress {
        name: name.into(),
        address: address.into(),
    };
    let mut send = desk.form(&[], &["hidden@out.example"]);
    send.form.recipients.to = vec![written("Zoë \"Z\" Ünal, Ltd", "zoe@bücher.example")];
    send.form.recipients.cc = vec![
        written("Олена Коваленко", "olena@kyiv.example"),
        written("", "john@out.example"),
    ];
    send.form.subject =
        "Gebühr für 请付款 — a subject that is much longer than one line of a header may be 🎉".into();
    send.form.html = "<p>Grüße <b>an</b> alle</p>".into();
    let draft = desk
        .services
        .save_draft(desk.alice, Save::default(), send.form.clone())
        .await
        .expect("draft")
        .id;
    let name = "Rechnung für Олена (1).pdf";
    let bytes = bytes::Bytes::from_static(b"\0\r\n.\r\nPDF");
    desk.services
        .attach(
            desk.alice,
            draft,
            NewFile {
                id: None,
                name,
                content_type: "application/pdf",
                inline: false,
                bytes,
            },
        )
        .await
        .expect("attached");
    send.draft = Some(draft);
    let queued = desk.services.send(desk.alice, send, None).await.expect("queued");
    assert_eq!(desk.settled(queued.message).await.state, OutboxState::Sent);
    stop.cancel();
    task.await.expect("ended");
    let sent = desk.server.ledger().remove(0);
    let mut python = match std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
    {
        Ok(python) => python,
        Err(error) => {
            println!("NOT CHECKED: python3 is not here ({error})");
            return;
        }
    };
    std::io::Write::write_all(&mut python.stdin.take().expect("input"), &sent.data).expect("written");
    let output = python.wait_with_output().expect("read");
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = serde_json::json!({
        "from": [["Alice", "alice@isp.example"]],
        "to": [["Zoë \"Z\" Ünal, Ltd", "zoe@xn--bcher-kva.example"]],
        "cc": [["Олена Коваленко", "olena@kyiv.example"], ["", "john@out.example"]],
        "bcc": [],
        "subject": "Gebühr für 请付款 — a subject that is much longer than one line of a header may be 🎉",
        "text": "Grüße an alle",
        "html": "<p>Grüße <b>an</b> alle</p>",
        "files": [[name, "application/pdf", 9]],
        "defects": [],
    });
    assert_eq!(read, expected);
    assert!(sent.recipients.contains(&"hidden@out.example".to_owned()));
}
