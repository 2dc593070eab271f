//! Gmail: folders are views of All Mail, which may be hidden from IMAP and shown again.

mod support;

use domain::MailAccountId;
use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Tracking;
use service::access::Viewer;
use service::inbox::InboxQuery;
use support::World;
use testkit::ModelServer;
use testkit::model_server::ALL_MAIL;
use testkit::model_server::Folder;
use testkit::model_server::Mailbox;
use testkit::model_server::Tells;

const USER: &str = "owner";
const INBOX: &str = r#""\\Inbox" "\\Important""#;
const SENT: &str = r#""\\Sent" Kunden"#;
const BOTH: &str = r#""\\Inbox" "\\Sent""#;
const ARCHIVED: &str = r#"Kunden "&AOk-""#;

struct Scene {
    server: ModelServer,
    world: World,
    account: MailAccountId,
}

impl Scene {
    /// Connected once, so that what comes is new.
    async fn new(tracking: Tracking, more_folders: &[&str]) -> Self {
        let server = ModelServer::start(Tells::Labels).await.expect("server");
        server.with(USER, show_all_mail);
        let world = World::new().await;
        let imap = ImapSettings {
            more_folders: more_folders.iter().map(ToString::to_string).collect(),
            ..support::imap_of_model(&server)
        };
        let account = world.account(imap, USER, tracking).await;
        let scene = Scene {
            server,
            world,
            account,
        };
        scene.sync().await;
        scene
    }

    async fn sync(&self) {
        self.world.sync(self.account).await.expect("sync");
    }

    fn put(&self, folder: &str, number: u32, labels: &'static str) {
        self.server.with(USER, |mailbox| {
            let folder = mailbox.get_mut(folder).expect("folder");
            folder.append_labelled(number, false, labels);
        });
    }

    /// Subject and unread, in the order of the subjects.
    async fn listed(&self) -> Vec<(String, bool)> {
        self.sync().await;
        let alice = Viewer {
            administrator: self.world.alice,
            session: [0; 32],
        };
        let query = InboxQuery::newest(50);
        let page = self.world.services.list_inbox(alice, &query).await.expect("page");
        let rows = page.messages.into_iter().map(|row| row.message);
        let mut rows: Vec<_> = rows.map(|row| (row.subject, row.unread)).collect();
        rows.sort();
        rows
    }

    async fn skipped(&self) -> Vec<(String, u64)> {
        let services = &self.world.services;
        let account = services
            .get_account_for_engine(self.account)
            .await
            .expect("account");
        let alice = Viewer {
            administrator: self.world.alice,
            session: [0; 32],
        };
        let status = services.account_status(alice, account.id).await.expect("status");
        status
            .skipped
            .into_iter()
            .map(|one| (one.reason, one.count))
            .collect()
    }
}

fn show_all_mail(mailbox: &mut Mailbox) {
    mailbox.insert(ALL_MAIL.to_owned(), Folder::new(77));
}

fn rows(expected: &[(u32, bool)]) -> Vec<(String, bool)> {
    expected
        .iter()
        .map(|(number, unread)| (number.to_string(), *unread))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mail_is_read_by_labels() {
    let tracking = Tracking {
        messages: MessagesToProcess::Unread,
        mark_as_read: true,
        ..support::tracking()
    };
    let scene = Scene::new(tracking, &[]).await;
    for (number, labels) in [(1, INBOX), (2, SENT), (3, BOTH), (4, ARCHIVED), (5, "")] {
        scene.put(ALL_MAIL, number, labels);
    }
    scene.server.with(USER, |mailbox| {
        let all = mailbox.get_mut(ALL_MAIL).expect("folder");
        // Read elsewhere before we came: left out of the inbox, and never out of what was sent.
        all.append_labelled(6, true, INBOX);
        all.append_labelled(7, true, SENT);
    });
    // Its views are not read: a message that only they hold is not seen.
    scene.put("INBOX", 8, INBOX);
    scene.put("Sent", 9, SENT);
    assert_eq!(
        scene.listed().await,
        rows(&[(1, true), (2, false), (3, false), (7, false)])
    );
    assert_eq!(
        scene.skipped().await,
        [("already_read".to_owned(), 1), ("archived".to_owned(), 2)]
    );
    // "Mark as read" means the inbox.
    let seen = scene.server.with(USER, |mailbox| {
        let all = mailbox[ALL_MAIL].messages.values();
        all.map(|message| (message.number, message.seen))
            .collect::<Vec<_>>()
    });
    let unseen = [(2, false), (3, false), (4, false), (5, false)];
    assert_eq!(seen[0], (1, true));
    assert_eq!(seen[1..5], unseen);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mail_may_be_hidden_and_shown_again() {
    let scene = Scene::new(support::tracking(), &[]).await;
    scene.put(ALL_MAIL, 1, INBOX);
    scene.put("INBOX", 1, INBOX);
    assert_eq!(scene.listed().await, rows(&[(1, true)]));
    // Hidden, and something came before that was seen.
    scene.server.with(USER, |mailbox| mailbox.remove(ALL_MAIL));
    scene.put("INBOX", 2, INBOX);
    scene.put("Sent", 3, SENT);
    let both = rows(&[(1, true), (2, true), (3, false)]);
    assert_eq!(scene.listed().await, both);
    scene.put("INBOX", 4, INBOX);
    assert_eq!(scene.listed().await.len(), 4);
    // Shown again: the same mail under other numbers, and two more.
    scene.server.with(USER, show_all_mail);
    for (number, labels) in [
        (1, INBOX),
        (2, INBOX),
        (3, SENT),
        (4, INBOX),
        (5, INBOX),
        (6, ARCHIVED),
    ] {
        scene.put(ALL_MAIL, number, labels);
    }
    scene.put("INBOX", 5, INBOX);
    assert_eq!(scene.listed().await.len(), 5, "each once, and none is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mail_that_was_chosen_is_watched_whole() {
    let scene = Scene::new(support::tracking(), &[]).await;
    scene.put(ALL_MAIL, 1, INBOX);
    scene.put(ALL_MAIL, 2, ARCHIVED);
    assert_eq!(scene.listed().await.len(), 1);
    let alice = Viewer {
        administrator: scene.world.alice,
        session: [0; 32],
    };
    let imap = ImapSettings {
        more_folders: vec![ALL_MAIL.to_owned()],
        ..support::imap_of_model(&scene.server)
    };
    let card = service::accounts::Card::Imap {
        settings: imap,
        password: None,
    };
    scene
        .world
        .services
        .save_card(alice, scene.account, card)
        .await
        .expect("saved");
    scene.put("INBOX", 3, INBOX);
    assert_eq!(scene.listed().await.len(), 3);
}
