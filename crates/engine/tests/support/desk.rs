//! An account that sends to a server which keeps a ledger, with a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::outbox::SentCopy;
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
use tokio_util::sync::CancellationToken;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub struct Desk {
    _folder: TempDir,
    pub services: Services,
    clock: Arc<TestClock>,
    pub account: MailAccountId,
    pub alice: Viewer,
    pub server: SmtpServer,
}

const PASSWORD: &str = "correct horse battery";

impl Desk {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite(&folder.path().join("waxseal.db")).await;
        Self::on(db.expect("database"), folder).await
    }

    /// The database lives as long as the first value.
    pub async fn on_postgresql() -> (testkit::Postgres, Self) {
        let postgres = testkit::Postgres::start().expect("postgres");
        let db = Db::open_postgres(&postgres.url()).await.expect("database");
        let desk = Self::on(db, tempfile::tempdir().expect("folder")).await;
        (postgres, desk)
    }

    /// On this database, with the raw messages in this folder.
    pub async fn on(db: Db, folder: TempDir) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_790_000_000_000)));
        let blobs = BlobStore::open_folder(folder.path()).expect("blobs");
        let services = Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), clock.clone())
            .await
            .expect("services");
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

    /// Another administrator, no super one.
    pub async fn another(&self, login: &str) -> Viewer {
        let administrator = self
            .services
            .create_administrator(NewAdministrator {
                login: login.into(),
                name: login.into(),
                password: SecretString::from(PASSWORD.to_owned()),
                is_super: false,
                time_zone: "UTC".into(),
            })
            .await
            .expect("administrator");
        Viewer {
            administrator,
            session: [0; 32],
        }
    }

    /// The worker looks at what is due.
    pub fn look_again(&self) {
        let account = self.account;
        self.services
            .events
            .publish(service::Event::OutboxChanged { account });
    }

    async fn save_smtp(&self, change: impl FnOnce(&mut SmtpSettings)) {
        let account = self.services.get_own_account(self.alice, self.account).await;
        let mut settings = account.expect("account").smtp.expect("SMTP");
        change(&mut settings);
        let card = Card::Smtp {
            settings,
            password: None,
        };
        self.services
            .save_card(self.alice, self.account, card)
            .await
            .expect("card");
    }

    pub async fn limit_per_hour(&self, limit: u32) {
        self.save_smtp(|settings| settings.limit_per_hour = limit).await;
    }

    /// Sent is on this server from now on.
    pub async fn keep_copies_in(&self, mailbox: &testkit::ImapServer) {
        let settings = ImapSettings {
            server: "127.0.0.1".into(),
            port: mailbox.address.port(),
            security: Security::None,
            pinned_certificate: None,
            compress: false,
            authserv_id: None,
            sent_folder: None,
            more_folders: Vec::new(),
        };
        let card = Card::Imap {
            settings,
            password: Some("secret".to_owned().into()),
        };
        self.services
            .save_card(self.alice, self.account, card)
            .await
            .expect("card");
    }

    pub fn form(&self, to: &[&str], bcc: &[&str]) -> SendForm {
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

    pub async fn send(&self, to: &[&str]) -> MessageId {
        let queued = self
            .services
            .send(self.alice, self.form(to, &[]), None)
            .await
            .expect("queued");
        queued.message
    }

    /// A worker, as a process of its own would be: until `stop`.
    pub fn work(&self, name: &str) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        self.work_within(name, Duration::from_millis(250))
    }

    /// One that waits so long for the server: whoever is to die at a point must not give up before it.
    pub fn work_within(
        &self,
        name: &str,
        moment: Duration,
    ) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
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

    pub async fn entry(&self, message: MessageId) -> Entry {
        self.services
            .get_delivery(self.alice, message)
            .await
            .expect("entry")
            .0
    }

    /// Waits, by events, until the entry is in a state that a worker leaves it in.
    pub async fn settled(&self, message: MessageId) -> Entry {
        let waits = |state| matches!(state, OutboxState::Queued | OutboxState::Sending);
        self.until(message, |entry| !waits(entry.state)).await
    }

    pub async fn sent(&self, message: MessageId) {
        self.until(message, |entry| entry.state == OutboxState::Sent)
            .await;
    }

    /// Waits until its copy lies in Sent.
    pub async fn copied(&self, message: MessageId) {
        self.until(message, |entry| entry.sent_copy == SentCopy::Done)
            .await;
    }

    async fn until(&self, message: MessageId, is_so: impl Fn(&Entry) -> bool) -> Entry {
        let mut events = self.services.events.subscribe();
        loop {
            let entry = self.entry(message).await;
            if is_so(&entry) {
                return entry;
            }
            tokio::time::timeout(Duration::from_secs(60), events.recv())
                .await
                .unwrap_or_else(|_| panic!("it stays so: {entry:?}"))
                .ok();
        }
    }

    pub fn pass(&self, time: Duration) {
        self.clock
            .0
            .fetch_add(i64::try_from(time.as_millis()).expect("time"), Ordering::Relaxed);
    }

    /// How often the server took the message for this recipient.
    pub fn accepted(&self, message: MessageId, recipient: &str) -> usize {
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
    pub async fn ends_well(&self, message: MessageId, what: &str) -> OutboxState {
        let first = self.settled(message).await;
        if first.state == OutboxState::Retrying {
            self.pass(Duration::from_secs(2 * 3600));
            self.look_again();
            let waits = |state| matches!(state, OutboxState::Retrying | OutboxState::Sending);
            self.until(message, |entry| !waits(entry.state)).await;
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
