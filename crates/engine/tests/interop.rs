//! The same rules on every real IMAP server that Debian has, seen from the outside: another mail program does something
//! over IMAP and we follow it; we do something, and the other program sees it.

mod support;

use std::any::Any;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::Fingerprint;
use domain::account::ImapSettings;
use domain::account::Tracking;
use domain::folder::Uid;
use secrecy::SecretString;
use service::Event;
use service::access::Viewer;
use service::inbox::InboxQuery;
use service::inbox::ListedMessage;
use service::inbox::MessageAct;
use support::World;
use testkit::Cyrus;
use testkit::Dovecot;
use testkit::dovecot::PASSWORD;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::Dialer;
use wire::Egress;
use wire::ImapSession;
use wire::ImapTarget;
use wire::MailboxName;
use wire::OpenMode;
use wire::StepLog;
use wire::SummaryItems;

const USER: &str = "owner";
const LONG: Duration = Duration::from_secs(20);

struct Scene {
    world: World,
    account: MailAccountId,
    alice: Viewer,
    /// Another mail program of the owner.
    other: ImapSession,
    _server: Box<dyn Any>,
}

fn imap(port: u16, certificate: Fingerprint) -> ImapSettings {
    ImapSettings {
        more_folders: vec!["Archive".into()],
        ..support::imap_over_tls(port, certificate)
    }
}

fn dovecot() -> Server {
    let server = Dovecot::start().expect("dovecot");
    server
        .maildir(USER)
        .put(Some("Archive"), &message("zero"), true, Duration::ZERO)
        .expect("Archive");
    (
        imap(server.imaps_port, server.certificate.fingerprint),
        Box::new(server),
    )
}

fn cyrus() -> Server {
    let server = Cyrus::start().expect("cyrus");
    (
        imap(server.imaps_port, server.certificate.fingerprint),
        Box::new(server),
    )
}

/// How to reach it, and what ends it when it is dropped.
type Server = (ImapSettings, Box<dyn Any>);
type Start = fn() -> Server;

const SERVERS: [(&str, Start); 2] = [("Dovecot", dovecot), ("Cyrus", cyrus)];

fn message(subject: &str) -> Vec<u8> {
    format!(
        "From: Kelly <kelly@out.example>\r\nTo: owner@isp.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@out.example>\r\n\r\nThis is {subject}.\r\n"
    )
    .into_bytes()
}

impl Scene {
    /// Five messages in INBOX, one in Sent, all synced.
    async fn new((imap, server): Server) -> Self {
        let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
        let target = ImapTarget {
            settings: imap.clone(),
            username: USER.into(),
            password: SecretString::from(PASSWORD.to_owned()),
            is_token: false,
        };
        let dialer = Dialer::new(egress, support::short_deadlines());
        let other = ImapSession::connect(&dialer, &target, &mut StepLog::default()).await;
        let world = World::new().await;
        let tracking = Tracking {
            flags_both_ways: true,
            ..support::tracking_everything()
        };
        let account = world.account(imap, USER, tracking).await;
        let alice = Viewer {
            administrator: world.alice,
            session: [0; 32],
        };
        let scene = Scene {
            world,
            account,
            alice,
            other: other.expect("another program"),
            _server: server,
        };
        for name in ["one", "two", "three", "four", "five"] {
            scene.append("INBOX", name).await;
        }
        scene.append("Sent", "answer").await;
        scene.sync().await;
        scene
    }

    async fn append(&self, folder: &str, name: &str) {
        let to = MailboxName::from_text(folder);
        self.other
            .append(&to, &[], &[message(name).into()])
            .await
            .expect("append");
    }

    /// Opens a folder there, and gives all its UIDs.
    async fn open(&self, folder: &str) -> Vec<Uid> {
        let name = MailboxName::from_text(folder);
        self.other
            .open(&name, OpenMode::ReadWrite, None)
            .await
            .expect("open");
        let mut uids = self.other.search(None).await.expect("search");
        uids.sort_unstable();
        uids
    }

    async fn sync(&self) {
        self.world.sync(self.account).await.expect("sync");
    }

    async fn rows(&self) -> Vec<ListedMessage> {
        let listed = self
            .world
            .services
            .list_inbox(self.alice, &InboxQuery::newest(50))
            .await;
        listed.expect("page").messages
    }

    async fn subjects(&self, wanted: impl Fn(&ListedMessage) -> bool) -> Vec<String> {
        let rows = self
            .rows()
            .await
            .into_iter()
            .filter(|row| row.message.subject != "zero" && wanted(row));
        let mut subjects: Vec<_> = rows.map(|row| row.message.subject).collect();
        subjects.sort();
        subjects
    }

    async fn row(&self, subject: &str) -> ListedMessage {
        let mut rows = self.rows().await.into_iter();
        rows.find(|row| row.message.subject == subject).expect("a row")
    }

    /// Missing there or here, of all folders together.
    async fn differences(&self) -> (u64, u64) {
        let account = self
            .world
            .services
            .get_account_for_engine(self.account)
            .await
            .expect("account");
        let report = self.world.handle.audit_once(&account).await.expect("audit");
        let sum = |count: fn(&service::audits::FolderAudit) -> u64| report.iter().map(count).sum();
        (
            sum(|folder| folder.fetched + folder.missing),
            sum(|folder| folder.gone),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_comes_and_news_are_heard_at_once() {
    for (name, server) in SERVERS {
        let scene = Scene::new(server()).await;
        let mut expected: Vec<_> = ["one", "two", "three", "four", "five", "answer"]
            .map(message)
            .into();
        let mut events = scene.world.services.events.subscribe();
        let stop = CancellationToken::new();
        let handle = scene.world.handle.clone().with_look(Duration::from_millis(200));
        let running = tokio::spawn(engine::run(handle, stop.clone()));
        for (folder, subject) in [("INBOX", "six"), ("Sent", "seven"), ("Archive", "eight")] {
            scene.append(folder, subject).await;
            expected.push(message(subject));
            let arrived = async { while !matches!(events.recv().await, Ok(Event::Arrived { .. })) {} };
            let arrived = timeout(LONG, arrived).await;
            assert!(arrived.is_ok(), "{name}: {subject} in {folder} is not heard of");
        }
        stop.cancel();
        running.await.expect("ended");
        expected.sort();
        let mut stored = scene.world.exported(scene.account).await;
        stored.retain(|raw| *raw != message("zero"));
        assert!(
            stored == expected,
            "{name}: {} of {}",
            stored.len(),
            expected.len()
        );
        assert_eq!(scene.differences().await, (0, 0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_does_is_followed() {
    for (name, server) in SERVERS {
        let scene = Scene::new(server()).await;
        let uids = scene.open("INBOX").await;
        scene.other.mark_seen(&uids[..2]).await.expect("seen");
        scene.sync().await;
        let unread = scene
            .subjects(|row| row.message.unread && row.message.subject != "answer")
            .await;
        assert_eq!(unread, ["five", "four", "three"], "{name}");
        scene.other.mark_unseen(&uids[..1]).await.expect("unseen");
        // The highest UID of all: Cyrus forgets to tell of it in some forms of the question (cyrus-imapd#6071).
        scene
            .other
            .move_to(&uids[4..], &MailboxName::from_text("Archive"))
            .await
            .expect("move");
        scene.sync().await;
        let unread = scene
            .subjects(|row| row.message.unread && row.message.subject != "answer")
            .await;
        assert_eq!(unread, ["five", "four", "one", "three"], "{name}");
        let all = scene.subjects(|_| true).await;
        assert_eq!(
            all,
            ["answer", "five", "four", "one", "three", "two"],
            "{name}: moved, not doubled"
        );
        assert_eq!(scene.differences().await, (0, 0), "{name}: all of it was told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_here_is_seen_by_another_program() {
    for (name, server) in SERVERS {
        let scene = Scene::new(server()).await;
        let services = &scene.world.services;
        let (read, deleted) = (scene.row("one").await, scene.row("two").await);
        services
            .act_on_messages(scene.alice, &[read.message.id], MessageAct::MarkRead)
            .await
            .expect("read");
        services
            .act_on_messages(scene.alice, &[deleted.message.id], MessageAct::DeleteEverywhere)
            .await
            .expect("deleted");
        scene.world.pass(Duration::from_secs(60));
        scene.sync().await;
        let uids = scene.open("INBOX").await;
        assert_eq!(uids.len(), 4, "{name}: one was moved away");
        let summaries = scene
            .other
            .fetch_summaries(&uids, SummaryItems::default())
            .await
            .expect("summaries");
        let seen: Vec<_> = summaries
            .iter()
            .filter(|summary| summary.seen)
            .map(|summary| summary.uid)
            .collect();
        assert_eq!(seen, [uids[0]], "{name}");
        assert_eq!(scene.open("Trash").await.len(), 1, "{name}");
        scene.sync().await;
        assert_eq!(scene.differences().await, (0, 0), "{name}");
    }
}
