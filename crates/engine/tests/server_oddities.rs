//! How servers answer in the wild, one line each: everything is taken in, once, whatever the style.

mod support;

use domain::account::ImapSettings;
use domain::account::Security;
use support::World;
use testkit::ImapServer;
use testkit::imap_server::Fault;
use testkit::imap_server::Style;

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_taken_in_once_however_the_server_answers() {
    for (style, stored, not_delivered) in [
        // `n:*` names the last message even where n is past it (RFC 3501 §6.4.8; greenmail#90): this server
        // always does, and the second sync must not take it again.
        (Style::Plain, 3, 0),
        // Attributes come apart, doubled, in any order (chatmail/core `imap.rs:1123`; Nylas `crispin.py:928`).
        (Style::Apart, 3, 0),
        (Style::Twice, 3, 0),
        (Style::Backwards, 3, 0),
        (Style::BodyFirst, 3, 0),
        // EXISTS, UIDNEXT and flags of other sessions in mid-command (isync list 33170964; msgvault#481).
        (Style::Chatty, 3, 0),
        // RFC822.SIZE is a hint: refusing on it threw away 160 of 160 mails from Exchange (vandelay#12).
        (Style::WrongSize, 3, 0),
        // Listed and never given: recorded with its reason, the others are here (EmailEngine
        // `sync-operations.js:288`).
        (Style::Silent(2), 2, 1),
        (Style::Nil(2), 2, 1),
        // Winmail and 163.com leave UIDNEXT out (chatmail/core `select_folder.rs:150`); Mailspring saw it
        // become zero (`SyncWorker.cpp:886`).
        (Style::NoUidNext, 3, 0),
        (Style::ZeroUidNext, 3, 0),
        // 0 on an empty folder (Purelymail#446), and sending 0 is rejected (Wino-Mail#734): it is never sent.
        (Style::ZeroModSeq, 3, 0),
        // iCloud announces QRESYNC and does not enable it (Mailspring-Sync#91).
        (Style::NotEnabled, 3, 0),
        (Style::BareLf, 3, 0),
        (Style::LowerCase, 3, 0),
    ] {
        let fault = Fault {
            style,
            ..Fault::default()
        };
        let server = ImapServer::start(fault).await.expect("server");
        let world = World::new().await;
        let id = world
            .account(imap_of(&server), "owner", support::tracking_everything())
            .await;
        let first = world.sync(id).await.expect("first sync");
        let skipped = first.skipped.get("not_delivered").copied().unwrap_or_default();
        assert_eq!((first.stored, skipped), (stored, not_delivered), "{style:?}");
        let second = world.sync(id).await.expect("second sync");
        assert_eq!((second.stored, second.duplicate), (0, 0), "{style:?}: again");
        assert_eq!(world.exported(id).await.len() as u64, stored, "{style:?}");
        let reads = server
            .commands()
            .iter()
            .any(|line| line.contains("BODY[]") && !line.contains("BODY.PEEK[]"));
        let changes = server
            .commands()
            .iter()
            .any(|line| line.starts_with("SELECT") || line.contains(" STORE "));
        let resynced = server.commands().iter().any(|line| line.contains("QRESYNC ("));
        assert!(!resynced, "{style:?}: {:?}", server.commands());
        // Reading never sets `\Seen`, nor takes other clients' `\Recent` (EmailEngine `mailbox.js:970`).
        assert!(!reads && !changes, "{style:?}: {:?}", server.commands());
    }
}

fn imap_of(server: &ImapServer) -> ImapSettings {
    ImapSettings {
        server: "127.0.0.1".into(),
        port: server.address.port(),
        security: Security::None,
        pinned_certificate: None,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    }
}

async fn serving(style: Style) -> ImapServer {
    let fault = Fault {
        style,
        ..Fault::default()
    };
    ImapServer::start(fault).await.expect("server")
}

/// UIDNEXT goes back under the same UIDVALIDITY (chatmail/core `select_folder.rs:183`): looked at again, nothing is
/// deleted on it and nothing is taken twice.
#[tokio::test(flavor = "multi_thread")]
async fn uidnext_that_goes_back_neither_loses_nor_doubles() {
    let server = serving(Style::Plain).await;
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    assert_eq!(world.sync(id).await.expect("first sync").stored, 3);
    for style in [
        Style::LowUidNext,
        Style::Plain,
        Style::LowUidNext,
        Style::LowUidNext,
    ] {
        server.behave(style);
        assert_eq!(world.sync(id).await.expect("sync").stored, 0, "{style:?}");
        assert_eq!(world.exported(id).await.len(), 3, "{style:?}");
    }
}

/// iCloud has sent UIDVALIDITY 0 (Geary !685; EmailEngine `mailbox.js:268`): such numbers are not stored. Before a
/// first sync and after one, it is said; nothing is lost by it.
#[tokio::test(flavor = "multi_thread")]
async fn uidvalidity_0_is_no_number() {
    let server = serving(Style::ZeroUidValidity).await;
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    let error = world.sync(id).await.expect_err("refused");
    assert!(error.for_owner().contains("UIDVALIDITY"), "{}", error.for_owner());
    server.behave(Style::Plain);
    assert_eq!(world.sync(id).await.expect("sync").stored, 3);
    server.behave(Style::ZeroUidValidity);
    world.sync(id).await.expect_err("refused");
    server.behave(Style::Plain);
    let again = world.sync(id).await.expect("sync");
    assert_eq!((again.stored, again.duplicate), (0, 0));
}

/// `BAD User is authenticated but not connected` after a good login is Exchange being busy (node-imap#689,
/// MailKit#1494): the account is not taken for one with a wrong password.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_no_refused_login() {
    let server = serving(Style::BusyLogin).await;
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    let error = world.sync(id).await.expect_err("busy");
    assert!(!error.is_login_refused(), "{}", error.for_owner());
    server.behave(Style::Plain);
    assert_eq!(world.sync(id).await.expect("sync").stored, 3);
}

/// EXISTS before `+ idling` (php-imap#258) is news too.
#[tokio::test(flavor = "multi_thread")]
async fn news_before_idle_has_begun_is_heard() {
    let server = serving(Style::EarlyNews).await;
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let credentials = world
        .services
        .credentials_for_engine(&account)
        .await
        .expect("read")
        .expect("set up");
    let target = wire::ImapTarget {
        settings: credentials.settings,
        username: credentials.username,
        password: credentials.password,
    };
    let dialer = wire::Dialer::new(
        wire::Egress::parse("127.0.0.0/8", "").expect("egress"),
        support::short_deadlines(),
    );
    let session = wire::ImapSession::connect(&dialer, &target, &mut wire::StepLog::default())
        .await
        .expect("session");
    let inbox = wire::MailboxName::inbox();
    session
        .open(&inbox, wire::OpenMode::ReadOnly, None)
        .await
        .expect("open");
    let minute = std::time::Duration::from_secs(60);
    let end = session
        .wait_for_change(minute, minute, std::future::pending())
        .await;
    assert_eq!(end.expect("idle"), wire::IdleEnd::Changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_stay_short() {
    // "Command line too large" and dropped connections on long sets (Nylas `crispin.py:704`; RFC 2683 §3.2.1.5).
    let uids = (1..=20_000).map(|number| number * 3);
    let commands = imap::SequenceSet::from_uids(uids).to_commands(900);
    assert!(commands.len() > 1 && commands.iter().all(|set| set.len() <= 900));
}
