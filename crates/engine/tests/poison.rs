//! One bad item stops nobody: a poisoned one stands first in each queue, and those behind it go on. It is counted, waits
//! alone, and is given up with a reason that its owner sees.

mod support;

use std::time::Duration;

use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::Tracking;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::outbox::OutboxState;
use domain::outbox::SentCopy;
use service::access::Viewer;
use service::delivery::Sender;
use service::inbox::InboxQuery;
use service::inbox::MessageAct;
use support::World;
use support::desk::Desk;
use testkit::ImapServer;
use testkit::imap_server::Fault;

const COPY_AGAIN: Duration = Duration::from_secs(5 * 60);

fn empty(file: &std::path::Path) {
    std::fs::write(file, b"").expect("damaged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_holds_no_other_in_the_outbox() {
    let desk = Desk::new().await;
    let damaged = desk.send(&["kelly@out.example"]).await;
    desk.segments().iter().for_each(|segment| empty(segment));
    let sound = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("one");
    desk.sent(sound).await;
    let entry = desk.settled(damaged).await;
    assert_eq!(entry.state, OutboxState::Retrying);
    assert!(entry.said.expect("words").contains("could not be read"));
    assert_eq!(entry.attempts, 1);
    assert_eq!(desk.server.ledger().len(), 1, "and nothing of it was sent");
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_the_process_each_time_is_given_up() {
    let desk = Desk::new().await;
    let services = &desk.services;
    let deadly = desk.send(&["kelly@out.example"]).await;
    let sender = |owner| Sender {
        owner,
        account: desk.account,
        settings: None,
    };
    // The first, and three more that found it held by a process that was dead.
    for process in ["one", "two", "three", "four"] {
        let claimed = services.claim_outgoing(sender(process)).await.expect("claimed");
        assert_eq!(claimed.expect("due").message(), deadly);
        services.release_leases_of(process).await.expect("buried");
        services.settle_outgoing().await.expect("settled");
    }
    let entry = desk.entry(deadly).await;
    assert_eq!(entry.state, OutboxState::Failed);
    assert!(entry.said.expect("words").contains("ended each time"));
    assert!(
        services
            .claim_outgoing(sender("five"))
            .await
            .expect("claimed")
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_made_holds_no_other() {
    let desk = Desk::new().await;
    // Nothing listens there: copies wait, and none is counted.
    desk.keep_copies_at(1).await;
    let damaged = desk.send(&["kelly@out.example"]).await;
    let first = desk.segments();
    let sound = desk.send(&["kelly@out.example"]).await;
    let (stop, task) = desk.work("one");
    desk.sent(damaged).await;
    desk.sent(sound).await;
    stop.cancel();
    task.await.expect("ended");
    first.iter().for_each(|segment| empty(segment));
    let mailbox = ImapServer::start(Fault::default()).await.expect("server");
    desk.keep_copies_in(&mailbox).await;
    let (stop, task) = desk.work("two");
    desk.copied(sound).await;
    stop.cancel();
    task.await.expect("ended");
    // It waits alone, and in the end its owner is told that there is none.
    let services = &desk.services;
    let mut tries = 1;
    while desk.entry(damaged).await.sent_copy == SentCopy::Due {
        assert!(desk.entry(damaged).await.sent_copy_said.is_some());
        let due = services.list_sent_copies_to_make(10).await.expect("due");
        assert!(due.is_empty(), "it waits");
        desk.pass(COPY_AGAIN);
        let due = services.list_sent_copies_to_make(10).await.expect("due");
        tries += u32::from(services.begin_sent_copy(&due[0]).await.expect("begun"));
    }
    assert_eq!(
        (tries, desk.entry(damaged).await.sent_copy),
        (10, SentCopy::Failed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_to_change_holds_nothing_else() {
    let refuses = Fault {
        refuse_uid: Some(2),
        ..Fault::default()
    };
    let server = ImapServer::start(Fault::default()).await.expect("server");
    let world = World::new().await;
    let imap = ImapSettings {
        server: "127.0.0.1".into(),
        port: server.address.port(),
        security: Security::None,
        pinned_certificate: None,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    };
    let tracking = Tracking {
        flags_both_ways: true,
        ..support::tracking_everything()
    };
    let id = world.account(imap, "owner", tracking).await;
    world.sync(id).await.expect("synced");
    server.fail_with(refuses);
    let services = &world.services;
    let alice = Viewer {
        administrator: world.alice,
        session: [0; 32],
    };
    let page = services.list_inbox(alice, &InboxQuery::newest(10)).await;
    for row in page.expect("page").messages {
        services
            .act_on_messages(alice, &[row.message.id], MessageAct::MarkRead)
            .await
            .expect("read");
    }
    let folder = services.watch_folder(id, FolderRole::Inbox, b"INBOX").await;
    let folder = folder.expect("folder");
    let asked = async || {
        let asked = services.list_remote_operations(&folder, 10).await.expect("asked");
        asked.iter().map(|one| one.uid).collect::<Vec<_>>()
    };
    assert_eq!(asked().await.len(), 3);
    for _ in 0..5 {
        // The refusal is no failure of the account.
        world.sync(id).await.expect("synced");
        assert!(asked().await.is_empty(), "it waits");
        world.pass(Duration::from_secs(5 * 60));
        assert_eq!(asked().await, [Uid(2)], "the others are done");
    }
    world.sync(id).await.expect("synced");
    world.pass(Duration::from_secs(5 * 60));
    assert!(asked().await.is_empty(), "given up");
    let status = services.account_status(alice, id).await.expect("status");
    assert!(
        status
            .opened_by
            .iter()
            .any(|entry| entry.verb == "not_done_there")
    );
}
