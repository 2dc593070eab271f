//! What happens to a message in the mailbox is known here, and what its owner does here happens there - if they want.

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use domain::MailAccountId;
use domain::MessageId;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::outbox::OutboxState;
use service::access::Viewer;
use service::accounts::Card;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::inbox::InboxQuery;
use service::inbox::MessageAct;
use service::outbox::SendForm;
use support::World;
use support::imap_of;
use testkit::Dovecot;
use testkit::ImapServer;
use testkit::SmtpServer;
use testkit::imap_server::Fault;
use testkit::imap_server::Style;

const NAMES: [&str; 6] = ["one", "two", "three", "four", "five", "six"];

struct Scene {
    dovecot: Dovecot,
    world: World,
    account: MailAccountId,
    alice: Viewer,
}

impl Scene {
    /// Six messages in INBOX, synced.
    async fn new(flags_both_ways: bool) -> Self {
        let dovecot = Dovecot::start().expect("dovecot");
        let world = World::new().await;
        for name in NAMES {
            let raw = format!(
                "From: kelly@out.example\r\nTo: owner@isp.example\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n"
            );
            dovecot
                .maildir("owner")
                .put(None, raw.as_bytes(), false, Duration::ZERO)
                .expect("put");
        }
        let tracking = Tracking {
            flags_both_ways,
            ..support::tracking_everything()
        };
        let account = world.account(imap_of(&dovecot), "owner", tracking).await;
        let alice = Viewer {
            administrator: world.alice,
            session: [0; 32],
        };
        let scene = Scene {
            dovecot,
            world,
            account,
            alice,
        };
        scene.sync().await;
        scene
    }

    async fn sync(&self) {
        self.world.sync(self.account).await.expect("sync");
    }

    async fn listed(&self) -> BTreeMap<String, (MessageId, bool)> {
        let query = InboxQuery::newest(50);
        let page = self
            .world
            .services
            .list_inbox(self.alice, &query)
            .await
            .expect("page");
        let rows = page.messages.into_iter().map(|row| row.message);
        rows.map(|message| (message.subject.clone(), (message.id, message.unread)))
            .collect()
    }

    async fn id(&self, name: &str) -> MessageId {
        self.listed().await[name].0
    }

    async fn unread(&self) -> Vec<String> {
        let listed = self.listed().await.into_iter();
        listed
            .filter(|(_, (_, unread))| *unread)
            .map(|(name, _)| name)
            .collect()
    }

    /// File of a message and its flags, as Dovecot keeps them.
    fn file(&self, folder: &str, name: &str) -> Option<(PathBuf, String)> {
        let root = self.dovecot.mail_folder().join("owner").join(folder);
        let entries = ["cur", "new"]
            .into_iter()
            .filter_map(|part| std::fs::read_dir(root.join(part)).ok());
        let mut files = entries.flatten().flatten().map(|entry| entry.path());
        let subject = format!("Subject: {name}\r\n");
        let path = files.find(|path| {
            std::fs::read(path).is_ok_and(|raw| String::from_utf8_lossy(&raw).contains(&subject))
        })?;
        let shown = path.to_string_lossy().into_owned();
        let flags = shown.split_once(":2,").map(|(_, flags)| flags.to_owned());
        Some((path, flags.unwrap_or_default()))
    }

    fn flags(&self, name: &str) -> String {
        self.file("", name).expect("in INBOX").1
    }

    /// As another mail program does it.
    fn set_flags(&self, name: &str, flags: &str) {
        let (path, _) = self.file("", name).expect("in INBOX");
        let shown = path.to_string_lossy().into_owned();
        let base = shown.split_once(":2,").map_or(shown.as_str(), |(base, _)| base);
        let to = format!("{base}:2,{flags}").replace("/new/", "/cur/");
        std::fs::rename(&path, to).expect("renamed");
    }

    async fn copies(&self) -> u64 {
        let services = &self.world.services;
        let folder = services
            .watch_folder(self.account, FolderRole::Inbox, b"INBOX")
            .await
            .expect("folder");
        let cursor = folder.cursor.expect("cursor");
        let all = [(Uid::FIRST, Uid(u32::MAX))];
        services
            .count_vanished(folder.id, cursor.uid_validity, &all)
            .await
            .expect("count")
            .0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_go_both_ways() {
    let scene = Scene::new(true).await;
    let services = &scene.world.services;
    assert_eq!(scene.unread().await.len(), 6);
    services
        .act_on_messages(scene.alice, &[scene.id("one").await], MessageAct::MarkRead)
        .await
        .expect("read");
    scene.set_flags("two", "S");
    scene.sync().await;
    assert_eq!((scene.flags("one"), scene.flags("two")), ("S".into(), "S".into()));
    assert_eq!(scene.unread().await, ["five", "four", "six", "three"]);

    services
        .act_on_messages(scene.alice, &[scene.id("one").await], MessageAct::MarkUnread)
        .await
        .expect("unread");
    scene.set_flags("two", "F");
    scene.set_flags("three", "S");
    scene.sync().await;
    assert_eq!(
        (scene.flags("one"), scene.flags("two")),
        (String::new(), "F".into())
    );
    assert_eq!(scene.unread().await, ["five", "four", "one", "six", "two"]);

    // Asked here and changed there before it was carried out: what the owner did here counts.
    services
        .act_on_messages(scene.alice, &[scene.id("four").await], MessageAct::MarkRead)
        .await
        .expect("read");
    scene.set_flags("four", "F");
    scene.sync().await;
    scene.sync().await;
    assert_eq!(scene.flags("four"), "FS");
    assert!(!scene.unread().await.contains(&"four".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_owners_wish_no_flag_goes_either_way() {
    let scene = Scene::new(false).await;
    let services = &scene.world.services;
    services
        .act_on_messages(scene.alice, &[scene.id("one").await], MessageAct::MarkRead)
        .await
        .expect("read");
    scene.set_flags("two", "S");
    scene.sync().await;
    assert_eq!(scene.flags("one"), "");
    assert_eq!(scene.unread().await, ["five", "four", "six", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_here_is_marked_there() {
    let scene = Scene::new(true).await;
    let (services, server) = (&scene.world.services, SmtpServer::start().await.expect("sink"));
    let settings = SmtpSettings {
        enabled: true,
        server: "127.0.0.1".into(),
        port: server.port,
        security: Security::None,
        auth: SmtpAuth::None,
        ..SmtpSettings::default()
    };
    let card = Card::Smtp {
        settings,
        password: None,
    };
    services
        .save_card(scene.alice, scene.account, card)
        .await
        .expect("card");
    let answered = scene.id("five").await;
    let form = DraftForm {
        account: scene.account,
        thread: None,
        answers: Some(answered),
        recipients: Recipients {
            to: vec![WrittenAddress {
                name: String::new(),
                address: "kelly@out.example".into(),
            }],
            cc: Vec::new(),
            bcc: Vec::new(),
        },
        subject: "Re: five".into(),
        html: "<p>Yes</p>".into(),
    };
    let send = SendForm {
        form,
        draft: None,
        files: None,
        can_be_undone: false,
    };
    let queued = services.send(scene.alice, send, None).await.expect("queued");
    let mut events = services.events.subscribe();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(engine::run(scene.world.handle.clone(), stop.clone()));
    // The engine wakes the account's task, which carries it out.
    while !scene.flags("five").contains('R') {
        tokio::time::timeout(Duration::from_secs(20), events.recv())
            .await
            .expect("it is marked")
            .ok();
    }
    let (entry, _) = services
        .get_delivery(scene.alice, queued.message)
        .await
        .expect("entry");
    assert_eq!(entry.state, OutboxState::Sent);
    stop.cancel();
    running.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_everywhere_lies_in_the_trash_unless_it_is_undone() {
    let scene = Scene::new(false).await;
    let services = &scene.world.services;
    services
        .act_on_messages(
            scene.alice,
            &[scene.id("one").await],
            MessageAct::DeleteEverywhere,
        )
        .await
        .expect("deleted");
    let undone = scene.id("two").await;
    services
        .act_on_messages(scene.alice, &[undone], MessageAct::DeleteEverywhere)
        .await
        .expect("deleted");
    scene.sync().await;
    assert!(scene.file("", "one").is_some(), "it can be undone for a while");
    services
        .act_on_messages(scene.alice, &[undone], MessageAct::Restore)
        .await
        .expect("restored");
    scene.world.pass(Duration::from_secs(20));
    scene.sync().await;
    assert!(scene.file("", "one").is_none() && scene.file(".Trash", "one").is_some());
    assert!(scene.file("", "two").is_some() && scene.listed().await.contains_key("two"));
    assert!(!scene.listed().await.contains_key("one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanishes_there_stays_here_and_its_place_is_forgotten() {
    let scene = Scene::new(false).await;
    assert_eq!(scene.copies().await, 6);
    // More than a fifth of the folder: looked at again, and believed.
    for name in ["one", "two", "six"] {
        std::fs::remove_file(scene.file("", name).expect("in INBOX").0).expect("removed");
    }
    scene.sync().await;
    assert_eq!(scene.copies().await, 3);
    assert_eq!(scene.listed().await.len(), 6);
}

/// apache/james#629: a server says that all of a folder has vanished, and it has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_said_to_have_vanished_is_looked_at_again() {
    let fault = Fault {
        style: Style::AllVanished,
        ..Fault::default()
    };
    let server = ImapServer::start(fault).await.expect("server");
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
    let id = world.account(imap, "owner", support::tracking_everything()).await;
    world.sync(id).await.expect("first");
    world.sync(id).await.expect("second");
    let commands = server.commands();
    assert!(
        commands.iter().any(|line| line.contains("(QRESYNC (7 ")),
        "{commands:?}"
    );
    let folder = world
        .services
        .watch_folder(id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    let all = [(Uid::FIRST, Uid(u32::MAX))];
    let cursor = folder.cursor.expect("cursor");
    let counted = world
        .services
        .count_vanished(folder.id, cursor.uid_validity, &all)
        .await;
    assert_eq!(counted.expect("count").0, 3);
}
