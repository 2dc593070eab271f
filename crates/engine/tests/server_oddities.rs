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
        (Style::BareLf, 3, 0),
        (Style::LowerCase, 3, 0),
    ] {
        let fault = Fault {
            style,
            ..Fault::default()
        };
        let server = ImapServer::start(fault).await.expect("server");
        let world = World::new().await;
        let imap = ImapSettings {
            server: "127.0.0.1".into(),
            port: server.address.port(),
            security: Security::None,
            validate_certificate: true,
            compress: false,
            authserv_id: None,
            sent_folder: None,
        };
        let id = world.account(imap, "owner", support::tracking_everything()).await;
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
            .any(|line| line.starts_with("SELECT") || line.contains("STORE"));
        // Reading never sets `\Seen`, nor takes other clients' `\Recent` (EmailEngine `mailbox.js:970`).
        assert!(!reads && !changes, "{style:?}: {:?}", server.commands());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_stay_short() {
    // "Command line too large" and dropped connections on long sets (Nylas `crispin.py:704`; RFC 2683 §3.2.1.5).
    let uids = (1..=20_000).map(|number| number * 3);
    let commands = imap::SequenceSet::from_uids(uids).to_commands(900);
    assert!(commands.len() > 1 && commands.iter().all(|set| set.len() <= 900));
}
