//! Whatever task ends early, at whatever point, or stands still until all that it held is over: soon everything works
//! again, and at the end nothing is held.

mod support;

use std::time::Duration;

use domain::outbox::OutboxState;
use support::desk::ClockFault;
use support::desk::Desk;
use support::desk::Trouble;
use testkit::ImapServer;
use testkit::imap_server::Fault;

/// About all that ask for the time from a start to a message that lies in Sent.
const POINTS: u32 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_panics_anywhere_is_begun_anew() {
    works_again_after(Trouble::Panic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_stands_still_anywhere_holds_nothing_up() {
    works_again_after(Trouble::Stall).await;
}

async fn works_again_after(what: Trouble) {
    let desk = Desk::new().await;
    let mailbox = ImapServer::start(Fault::default()).await.expect("server");
    desk.keep_copies_in(&mailbox).await;
    desk.read_the_mailbox().await;
    let mut happened = 0;
    for at in 1..=POINTS {
        let first = desk.send(&["kelly@out.example"]).await;
        desk.clock.fail(ClockFault { at, what });
        let (stop, task) = desk.work("one");
        // What was under way may be unknown now, but it does not stay under way.
        let first = desk.settled(first).await;
        happened += u32::from(desk.clock.heal());
        assert_ne!(first.state, OutboxState::Failed, "{what:?} at {at}: {first:?}");
        let second = desk.send(&["kelly@out.example"]).await;
        desk.sent(second).await;
        desk.copied(second).await;
        desk.connected().await;
        stop.cancel();
        task.await
            .unwrap_or_else(|error| panic!("{what:?} at {at}: {error}"));
        let held = desk.services.renew_leases_of("one").await.expect("leases");
        assert!(held.is_empty(), "{what:?} at {at}: a lease is held after the end");
        desk.pass(Duration::from_secs(3600));
    }
    println!("{what:?}: {happened} points");
    assert!(happened > POINTS / 2, "the test makes nothing happen");
}
