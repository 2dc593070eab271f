//! Folders beside INBOX and Sent: watched when their owner chose them, Junk marked, a move seen as a move.

mod support;

use std::time::Duration;

use domain::account::ImapSettings;
use service::access::Viewer;
use service::accounts::Card;
use service::inbox::InboxQuery;
use service::inbox::MessageAct;
use support::World;
use support::imap_of;
use testkit::Dovecot;

#[tokio::test(flavor = "multi_thread")]
async fn chosen_folders_are_watched_and_junk_is_marked() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    let raw = |name: &str| {
        format!("From: {name}@out.example\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n")
    };
    let put = |folder: Option<&str>, name: &str| {
        maildir
            .put(folder, raw(name).as_bytes(), false, Duration::ZERO)
            .expect("put");
    };
    put(None, "plain");
    put(Some("Projects"), "project");
    put(Some("Junk"), "prize");
    put(Some("Ignored"), "unseen");
    let imap = ImapSettings {
        more_folders: vec!["Projects".into(), "Junk".into(), "Not there".into()],
        ..imap_of(&dovecot)
    };
    let id = world.account(imap, "owner", support::tracking_everything()).await;
    let alice = Viewer {
        administrator: world.alice,
        session: [0; 32],
    };
    // Subject, Junk, unread.
    let listed = async || {
        world.sync(id).await.expect("synced");
        let query = InboxQuery::newest(50);
        let page = world.services.list_inbox(alice, &query).await.expect("page");
        let rows = page.messages.into_iter().map(|row| row.message);
        let mut rows: Vec<_> = rows.map(|row| (row.subject, row.is_junk, row.unread)).collect();
        rows.sort();
        rows
    };
    let row = |name: &str, is_junk, unread| (name.to_owned(), is_junk, unread);
    assert_eq!(
        listed().await,
        [
            row("plain", false, true),
            row("prize", true, false),
            row("project", false, true)
        ]
    );
    let account = world.services.get_account_for_engine(id).await.expect("account");
    assert!(
        account
            .status
            .error
            .is_some_and(|said| said.contains("Not there")),
        "its owner is told"
    );

    // Out of Junk into INBOX, as its owner does elsewhere: one message, no longer marked.
    put(None, "prize");
    let junk = dovecot.mail_folder().join("owner/.Junk/cur");
    for file in std::fs::read_dir(junk).expect("folder") {
        std::fs::remove_file(file.expect("file").path()).expect("removed");
    }
    assert_eq!(listed().await[1], row("prize", false, false));
    assert_eq!(listed().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_done_in_a_folder_that_is_not_watched_any_more() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let raw = "From: kelly@out.example\r\nSubject: project\r\nMessage-ID: <project@x>\r\n\r\nproject\r\n";
    dovecot
        .maildir("owner")
        .put(Some("Projects"), raw.as_bytes(), false, Duration::ZERO)
        .expect("put");
    let watching = |more_folders| ImapSettings {
        more_folders,
        ..imap_of(&dovecot)
    };
    let imap = watching(vec!["Projects".to_owned()]);
    let id = world.account(imap, "owner", support::tracking_everything()).await;
    world.sync(id).await.expect("synced");
    let alice = Viewer {
        administrator: world.alice,
        session: [0; 32],
    };
    let services = &world.services;
    let page = services.list_inbox(alice, &InboxQuery::newest(50)).await;
    let message = page.expect("page").messages[0].message.id;
    let card = Card::Imap {
        settings: watching(Vec::new()),
        password: None,
    };
    services.save_card(alice, id, card).await.expect("saved");
    services
        .act_on_messages(alice, &[message], MessageAct::DeleteEverywhere)
        .await
        .expect("deleted");
    world.pass(Duration::from_secs(20));
    world.sync(id).await.expect("synced");
    let files = |folder: &str| {
        let root = dovecot.mail_folder().join("owner").join(folder);
        let parts = ["cur", "new"].map(|part| std::fs::read_dir(root.join(part)));
        parts.into_iter().flatten().flatten().count()
    };
    assert_eq!((files(".Projects"), files(".Trash")), (0, 1));
    assert!(services.list_asked_folders(id).await.expect("list").is_empty());
    // It is neither counted nor waited for; watched again, it is known.
    let on_server = || async {
        services
            .account_status(alice, id)
            .await
            .expect("status")
            .on_server
    };
    assert_eq!(on_server().await, 0);
    let card = Card::Imap {
        settings: watching(vec!["Projects".to_owned()]),
        password: None,
    };
    services.save_card(alice, id, card).await.expect("saved");
    dovecot
        .maildir("owner")
        .put(Some("Projects"), raw.as_bytes(), false, Duration::ZERO)
        .expect("put");
    world.sync(id).await.expect("synced");
    assert_eq!(on_server().await, 1);
}
