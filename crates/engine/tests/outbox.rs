//! The outbox against a server that does wrong at every step: nothing lost, nothing accepted twice.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use engine::EngineHandle;
use secrecy::SecretString;
use service::Clock;
use service::MasterKey;
use service::Services;
use service::access::Viewer;
use service::accounts::Card;
use service::administrators::NewAdministrator;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::outbox::Entry;
use service::outbox::SendForm;
use service::sign_in::Origin;
use store::BlobStore;
use store::Db;
use tempfile::TempDir;
use testkit::SmtpServer;
use testkit::smtp_server::Cut;
use testkit::smtp_server::SmtpFault;
use testkit::smtp_server::Verb;
use tokio_util::sync::CancellationToken;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct Desk {
    _folder: TempDir,
    services: Services,
    clock: Arc<TestClock>,
    account: MailAccountId,
    alice: Viewer,
    server: SmtpServer,
}

const PASSWORD: &str = "correct horse battery";

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::new(TestClock(AtomicI64::new(1_790_000_000_000)));
        let db = Db::open_sqlite(&folder.path().join("waxseal.db"))
            .await
            .expect("database");
        let blobs = BlobStore::open_folder(folder.path()).expect("blobs");
        let services = Services::new(db, blobs, MasterKey::from_bytes(&[7; 32]), clock.clone());
        let owner = services
            .create_administrator(NewAdministrator {
                login: "alice".into(),
                name: "Alice".into(),
                password: SecretString::from(PASSWORD.to_owned()),
                is_super: true,
                time_zone: "UTC".into(),
            })
            .await
            .expect("alice");
        let origin = Origin {
            address: "127.0.0.1",
            client: "test",
        };
        let token = services
            .sign_in("alice", PASSWORD.to_owned().into(), None, origin)
            .await
            .expect("session");
        let alice = services.viewer_of(token.as_str()).await.expect("viewer");
        let account = services
            .create_account(owner, "Alice", "alice@isp.example")
            .await
            .expect("account");
        let server = SmtpServer::start().await.expect("server");
        let settings = SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port: server.port,
            security: Security::None,
            auth: SmtpAuth::Plain,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings,
            password: Some("secret".to_owned().into()),
        };
        services.save_card(alice, account, card).await.expect("card");
        Desk {
            _folder: folder,
            services,
            clock,
            account,
            alice,
            server,
        }
    }

    fn form(&self, to: &[&str], bcc: &[&str]) -> SendForm {
        let written = |addresses: &[&str]| {
            let one = |address: &&str| WrittenAddress {
                name: String::new(),
                address: (*address).to_owned(),
            };
            addresses.iter().map(one).collect()
        };
        SendForm {
            form: DraftForm {
                account: self.account,
                thread: None,
                answers: None,
                recipients: Recipients {
                    to: written(to),
                    cc: Vec::new(),
                    bcc: written(bcc),
                },
                subject: "Hello".into(),
                html: "<p>Hi<br>.<br>bye</p>".into(),
            },
            draft: None,
            can_be_undone: false,
        }
    }

    async fn send(&self, to: &[&str]) -> MessageId {
        let queued = self
            .services
            .send(self.alice, self.form(to, &[]), None)
            .await
            .expect("queued");
        queued.message
    }

    /// A worker, as a process of its own would be: until `stop`.
    fn work(&self, name: &str) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
        let moment = Duration::from_millis(250);
        let deadlines = Deadlines {
            greeting: moment,
            login: moment,
            response: moment,
            command: moment,
            ..Deadlines::default()
        };
        let handle = EngineHandle::new(self.services.clone(), Dialer::new(egress, deadlines), name.into());
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(engine::run(handle, stop)))
    }

    async fn entry(&self, message: MessageId) -> Entry {
        self.services
            .get_delivery(self.alice, message)
            .await
            .expect("entry")
            .0
    }

    /// Waits, by events, until the entry is in a state that a worker leaves it in.
    async fn settled(&self, message: MessageId) -> Entry {
        let mut events = self.services.events.subscribe();
        loop {
            let entry = self.entry(message).await;
            if !matches!(entry.state, OutboxState::Queued | OutboxState::Sending) {
                return entry;
            }
            tokio::time::timeout(Duration::from_secs(20), events.recv())
                .await
                .expect("it settles")
                .ok();
        }
    }

    fn pass(&self, time: Duration) {
        self.clock
            .0
            .fetch_add(i64::try_from(time.as_millis()).expect("time"), Ordering::Relaxed);
    }

    /// How often the server took the message for this recipient.
    fn accepted(&self, message: MessageId, recipient: &str) -> usize {
        let marker = message.uuid().simple().to_string();
        let ledger = self.server.ledger();
        let of_message = ledger.iter().filter(|one| {
            one.recipients.iter().any(|held| held == recipient)
                && String::from_utf8_lossy(&one.data).contains(&marker)
        });
        of_message.count()
    }

    /// Whatever happened: in the end it was accepted once, or nobody knows and it was not sent again, or the server
    /// refused it for good.
    async fn ends_well(&self, message: MessageId, what: &str) -> OutboxState {
        let first = self.settled(message).await;
        if first.state == OutboxState::Retrying {
            self.pass(Duration::from_secs(2 * 3600));
            self.services.events.publish(service::Event::OutboxChanged {
                account: self.account,
            });
            let mut events = self.services.events.subscribe();
            while self.entry(message).await.state == OutboxState::Retrying
                || self.entry(message).await.state == OutboxState::Sending
            {
                tokio::time::timeout(Duration::from_secs(20), events.recv())
                    .await
                    .expect(what)
                    .ok();
            }
        }
        let last = self.entry(message).await;
        for (address, state, _) in &last.recipients {
            let accepted = self.accepted(message, address.as_str());
            let is_right = match (last.state, state) {
                (OutboxState::Unknown, _) => accepted <= 1,
                (OutboxState::Sent, RecipientState::Accepted) => accepted == 1,
                (OutboxState::Sent | OutboxState::Failed, RecipientState::Refused) => accepted == 0,
                _ => false,
            };
            assert!(is_right, "{what}: {address} {accepted} times, {last:?}");
        }
        last.state
    }
}

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
