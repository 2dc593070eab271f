//! How servers answer in the wild, one line each: everything is taken in, once, whatever the style.

mod support;

use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Security;
use domain::account::Tracking;
use support::World;
use testkit::ImapServer;
use testkit::imap_server::Fault;
use testkit::imap_server::Say;
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

/// A part of an answer is not taken for all of it: the cursor would pass over what was left out.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_taken_for_whole() {
    let fault = Fault {
        reactions: vec![(
            "SEARCH".into(),
            vec![Say::Repeat("* SEARCH 9{i}\r\n".into(), 50_001)],
        )],
        ..Fault::default()
    };
    let server = ImapServer::start(fault).await.expect("server");
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    let error = world.sync(id).await.expect_err("refused");
    assert!(
        error.for_owner().contains("more than 50000 answers"),
        "{}",
        error.for_owner()
    );
    server.heal();
    assert_eq!(world.sync(id).await.expect("sync").stored, 3);
}

/// Listed, and not told of when headers are asked for: whether it is wanted is not known, so it is asked for again,
/// and recorded in the end. The others are here.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_and_not_told_of_is_not_passed_over() {
    let tracking = || Tracking {
        messages: MessagesToProcess::Unread,
        ..support::tracking_everything()
    };
    let server = serving(Style::Untold(2)).await;
    let world = World::new().await;
    let id = world.account(imap_of(&server), "owner", tracking()).await;
    for attempt in [1, 2] {
        assert!(world.sync(id).await.is_err(), "attempt {attempt}");
    }
    let third = world.sync(id).await.expect("third sync");
    assert_eq!(third.skipped.get("not_delivered"), Some(&1));
    assert_eq!(world.exported(id).await.len(), 2);

    let id = world.account(imap_of(&server), "another", tracking()).await;
    assert!(world.sync(id).await.is_err());
    server.heal();
    world.sync(id).await.expect("sync");
    assert_eq!(world.exported(id).await.len(), 3, "told of later");
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

async fn session_with(server: &ImapServer) -> wire::ImapSession {
    let world = World::new().await;
    let id = world
        .account(imap_of(server), "owner", support::tracking_everything())
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
        is_token: credentials.is_token,
    };
    let dialer = wire::Dialer::new(
        wire::Egress::parse("127.0.0.0/8", "").expect("egress"),
        support::short_deadlines(),
    );
    wire::ImapSession::connect(&dialer, &target, &mut wire::StepLog::default())
        .await
        .expect("session")
}

async fn open_inbox(session: &wire::ImapSession) {
    let inbox = wire::MailboxName::inbox();
    let opened = session.open(&inbox, wire::OpenMode::ReadOnly, None);
    opened.await.expect("open");
}

async fn wait(session: &wire::ImapSession, at_most: std::time::Duration) -> wire::IdleEnd {
    let waited = session.wait_for_change(at_most, at_most, std::future::pending());
    waited.await.expect("idle")
}

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
const MOMENT: std::time::Duration = std::time::Duration::from_millis(20);

/// EXISTS before `+ idling` (php-imap#258) is news too.
#[tokio::test(flavor = "multi_thread")]
async fn news_before_idle_has_begun_is_heard() {
    let server = serving(Style::EarlyNews).await;
    let session = session_with(&server).await;
    open_inbox(&session).await;
    assert_eq!(wait(&session, MINUTE).await, wire::IdleEnd::Changed);
}

/// Told once, with whatever is on its way, and never again in IDLE (Dovecot 2.3.19, seen 2026-11).
#[tokio::test(flavor = "multi_thread")]
async fn news_that_is_told_with_the_answer_to_something_else_is_heard() {
    let news = vec![Say::Bytes(b"* 4 EXISTS\r\n".to_vec())];
    let fault = Fault {
        reactions: vec![("SEARCH".into(), news)],
        ..Fault::default()
    };
    let server = ImapServer::start(fault).await.expect("server");
    let session = session_with(&server).await;
    open_inbox(&session).await;
    session.search(None).await.expect("search");
    assert_eq!(wait(&session, MINUTE).await, wire::IdleEnd::Changed);
    // Opening it anew reads what it was about.
    open_inbox(&session).await;
    assert_eq!(wait(&session, MOMENT).await, wire::IdleEnd::Elapsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_stay_short() {
    // "Command line too large" and dropped connections on long sets (Nylas `crispin.py:704`; RFC 2683 §3.2.1.5).
    let uids = (1..=20_000).map(|number| number * 3);
    let commands = imap::SequenceSet::from_uids(uids).to_commands(900);
    assert!(commands.len() > 1 && commands.iter().all(|set| set.len() <= 900));
}

/// What a server gives of UID 2 in place of the message: whole, or not at all.
async fn given(said: &str, then: Option<Say>) -> (ImapServer, World, domain::MailAccountId) {
    let mut says = vec![Say::Bytes(said.as_bytes().to_vec())];
    says.extend(then);
    let fault = Fault {
        reactions: vec![("FETCH".into(), says)],
        ..Fault::default()
    };
    let server = ImapServer::start(fault).await.expect("server");
    let world = World::new().await;
    let id = world
        .account(imap_of(&server), "owner", support::tracking_everything())
        .await;
    (server, world, id)
}

/// Where a literal ends is not known if its header is not one: whatever was stored of it would not be what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_followed_is_a_protocol_error_and_never_a_message() {
    for said in [
        "* 2 FETCH (UID 2 BODY[] {5\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[] {5}{5}\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[] {5}\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[] {3}\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[] hello)\r\n",
    ] {
        let (server, world, id) = given(said, None).await;
        let error = world.sync(id).await.expect_err("refused");
        assert!(
            error.for_owner().contains("does not speak IMAP"),
            "{said:?}: {}",
            error.for_owner()
        );
        assert_eq!(world.exported(id).await.len(), 0, "{said:?}");
        server.heal();
        assert_eq!(world.sync(id).await.expect("sync").stored, 3, "{said:?}");
    }
}

/// A message of which a server never gives anything that can be followed keeps no other from coming: in the end it is
/// recorded as not delivered.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_always_comes_damaged_holds_no_other() {
    // With a deny list headers are asked for first, and each message alone after them.
    let ways = [Style::Damaged(2), Style::HangsUp(2)];
    for (style, deny_list) in ways
        .into_iter()
        .flat_map(|way| [(way, ""), (way, "@spam.example")])
    {
        let server = serving(style).await;
        let world = World::new().await;
        let tracking = support::tracking_everything();
        let id = world
            .account_denying(imap_of(&server), "owner", tracking, deny_list)
            .await;
        let mut refused = 0;
        let last = loop {
            match world.sync(id).await {
                Ok(report) => break report,
                Err(_) => refused += 1,
            }
            assert!(refused < 10, "for ever");
        };
        assert_eq!(last.skipped.get("not_delivered"), Some(&1));
        assert_eq!(world.exported(id).await.len(), 2, "the others are here");
        assert_eq!(world.sync(id).await.expect("sync").stored, 0);
        // The comparison asks for it again, and does not fail for it.
        let account = world.services.get_account_for_engine(id).await.expect("account");
        for (here, left) in [(2, 1), (3, 0)] {
            let audit = world.handle.audit_once(&account).await.expect("audit");
            let inbox = audit.iter().find(|folder| folder.folder == "INBOX");
            let inbox = inbox.expect("INBOX");
            assert_eq!((inbox.here, inbox.skipped.len()), (here, left), "{style:?}");
            server.heal();
        }
        assert_eq!(world.exported(id).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_literal_that_is_cut_by_the_end_of_the_connection_stores_nothing() {
    let large = format!("* 2 FETCH (UID 2 BODY[] {{3000000}}\r\n{}", "x".repeat(2_500_000));
    for said in [
        "* 2 FETCH (UID 2 BODY[] {500}\r\nhello",
        "* 2 FETCH (UID 2 BODY[] {5}\r\nhello",
        &large,
    ] {
        let (server, world, id) = given(said, Some(Say::Close)).await;
        world.sync(id).await.expect_err("cut");
        assert_eq!(world.exported(id).await.len(), 0, "{}", said.len());
        server.heal();
        assert_eq!(world.sync(id).await.expect("sync").stored, 3, "{}", said.len());
    }
}

/// Nobody asks for them, and what they hold is a message all the same (RFC 3516; RFC 3501 §7.4.2).
#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_under_names_that_nobody_asked_for() {
    for said in [
        "* 2 FETCH (UID 2 BODY[] ~{5}\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[]<0> {5}\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY.PEEK[] {5}\r\nhello)\r\n",
        "* 2 FETCH (UID 2 BODY[] \"hello\")\r\n",
    ] {
        let (_server, world, id) = given(said, None).await;
        assert_eq!(world.sync(id).await.expect("sync").stored, 3, "{said:?}");
        let exported = world.exported(id).await;
        assert!(exported.iter().any(|raw| raw == b"hello"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_message_is_shown_as_empty() {
    for said in [
        "* 2 FETCH (UID 2 BODY[] \"\")\r\n",
        "* 2 FETCH (UID 2 BODY[] {0}\r\n)\r\n",
        "* 2 FETCH (UID 2 BODY[] {2}\r\n\r\n)\r\n",
    ] {
        let (_server, world, id) = given(said, None).await;
        let stored = world.sync(id).await.expect("sync");
        assert_eq!((stored.stored, stored.parked), (3, 0), "{said:?}");
    }
}

/// A line now and then is no life: measured wait by wait it would hold the connection for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_drip_of_whole_lines_ends() {
    for word in ["LIST", "FETCH", "SEARCH", "EXAMINE"] {
        let pause = std::time::Duration::from_millis(50);
        let fault = Fault {
            reactions: vec![(
                word.into(),
                vec![Say::Drip("* OK\n".repeat(100_000).into_bytes(), pause)],
            )],
            ..Fault::default()
        };
        let server = ImapServer::start(fault).await.expect("server");
        let world = World::new().await;
        let id = world
            .account(imap_of(&server), "owner", support::tracking_everything())
            .await;
        let engine = support::handle(&world.services, drip_deadlines());
        let account = world.services.get_account_for_engine(id).await.expect("account");
        let ended =
            tokio::time::timeout(std::time::Duration::from_secs(20), engine.sync_once(&account)).await;
        let error = ended.expect(word).expect_err(word);
        assert!(
            error.for_owner().contains("did not answer in time"),
            "{word}: {}",
            error.for_owner()
        );
    }
}

fn drip_deadlines() -> wire::Deadlines {
    wire::Deadlines {
        response: std::time::Duration::from_secs(2),
        command: std::time::Duration::from_secs(60),
        ..support::short_deadlines()
    }
}

/// Signed in without encryption by whoever is in between: in no mode is that ours.
#[tokio::test(flavor = "multi_thread")]
async fn preauth_in_clear_is_refused_in_every_mode() {
    for security in [Security::None, Security::Starttls] {
        let fault = Fault {
            greeting: vec![Say::Bytes(
                b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n".to_vec(),
            )],
            ..Fault::default()
        };
        let server = ImapServer::start(fault).await.expect("server");
        let world = World::new().await;
        let settings = ImapSettings {
            security,
            ..imap_of(&server)
        };
        let id = world
            .account(settings, "owner", support::tracking_everything())
            .await;
        let error = world.sync(id).await.expect_err("refused");
        assert!(
            error.for_owner().contains("before anything is encrypted"),
            "{}",
            error.for_owner()
        );
        assert!(
            server.commands().is_empty(),
            "{security:?}: {:?}",
            server.commands()
        );
    }
}
