//! The outbox against a server that does wrong at every step: nothing lost, nothing accepted twice.

mod support;

use std::time::Duration;

use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use support::desk::Desk;
use testkit::smtp_server::Cut;
use testkit::smtp_server::SmtpFault;
use testkit::smtp_server::Verb;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_once_as_it_was_written() {
    let desk = Desk::new().await;
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

/// Every verb x every fault, on a fresh connection.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_verb_ends_well() {
    let desk = Desk::new().await;
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

/// The link is cut after every so many bytes: of all places, and (with `CUTS`) at each byte.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_cut_anywhere_loses_and_doubles_nothing() {
    let step = if std::env::var("CUTS").is_ok() { 1 } else { 17 };
    let desk = Desk::new().await;
    let whole = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("whole");
    desk.settled(whole).await;
    stop.cancel();
    task.await.expect("ended");
    let length = desk.server.wire().len();
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
    assert!(counts["sent"] > 5, "{counts:?}");
    assert!(counts.contains_key("unknown"), "{counts:?}");
}

/// The worker dies, as by kill -9, when the server has read so many bytes; another one finds what it left.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_anywhere_loses_and_doubles_nothing() {
    let step = if std::env::var("CUTS").is_ok() { 1 } else { 17 };
    let desk = Desk::new().await;
    let whole = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("whole");
    desk.settled(whole).await;
    stop.cancel();
    task.await.expect("ended");
    let length = desk.server.wire().len();
    let mut counts = std::collections::BTreeMap::new();
    for death in (0..length).step_by(step) {
        desk.server.cut_next_after(death, Cut::Pause);
        let message = desk.send(&["kelly@out.example"]).await;
        let (_, task) = desk.work("dying");
        desk.server.paused().await;
        task.abort();
        let _ = task.await;
        // Its lease runs out.
        desk.pass(Duration::from_secs(3600));
        let (stop, task) = desk.work("next");
        let state = desk.ends_well(message, &format!("death after {death}")).await;
        stop.cancel();
        task.await.expect("ended");
        *counts.entry(state.as_str()).or_insert(0) += 1;
    }
    println!("deaths in {length} bytes, every {step}: {counts:?}");
    assert!(
        counts.contains_key("sent") && counts.contains_key("unknown"),
        "{counts:?}"
    );
}
