//! An account that sends to a server which keeps a ledger, with a clock that the test moves.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
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
use service::accounts::ImapCredentials;
use service::administrators::NewAdministrator;
use service::drafts::DraftForm;
use service::drafts::NewFile;
use service::drafts::Recipients;
use service::drafts::Save;
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

/// A time that the test moves. Everything that works asks for it, so that here anything can be made to fail.
pub struct TestClock {
    millis: AtomicI64,
    asked: AtomicU32,
    fault: Mutex<Option<ClockFault>>,
}

/// Happens to whoever asks for the time when so many have asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockFault {
    pub at: u32,
    pub what: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Panic,
    /// Stands still for so long that all it holds is over.
    Stall,
}

const STALL: Duration = Duration::from_millis(100);

impl TestClock {
    fn new(millis: i64) -> Self {
        TestClock {
            millis: AtomicI64::new(millis),
            asked: AtomicU32::new(0),
            fault: Mutex::default(),
        }
    }

    /// From now on, counted from one.
    pub fn fail(&self, fault: ClockFault) {
        self.asked.store(0, Ordering::SeqCst);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    /// True: it has happened. It does not any more.
    pub fn heal(&self) -> bool {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.take().is_none()
    }

    /// Only a task is troubled, not the test.
    fn is_due(&self) -> Option<Trouble> {
        tokio::task::try_id()?;
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.take_if(|fault| fault.at == asked).map(|fault| fault.what)
    }

    fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("time");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        match self.is_due() {
            Some(Trouble::Panic) => panic!("asked for by the test"),
            Some(Trouble::Stall) => {
                self.pass(Duration::from_secs(20 * 60));
                std::thread::sleep(STALL);
            }
            None => {}
        }
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

pub struct Desk {
    folder: TempDir,
    pub services: Services,
    pub clock: Arc<TestClock>,
    pub account: MailAccountId,
    pub alice: Viewer,
    pub server: SmtpServer,
}

const PASSWORD: &str = "correct horse battery";

impl Desk {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db")).await;
        Self::on(db.expect("database"), folder).await
    }

    /// The database lives as long as the first value.
    pub async fn on_postgresql() -> (testkit::Postgres, Self) {
        let postgres = testkit::Postgres::start().expect("postgres");
        let db = Db::open_postgres_with_one_connection(&postgres.url())
            .await
            .expect("database");
        let desk = Self::on(db, tempfile::tempdir().expect("folder")).await;
        (postgres, desk)
    }

    /// On this database, with the raw messages in this folder.
    pub async fn on(db: Db, folder: TempDir) -> Self {
        let clock = Arc::new(TestClock::new(1_790_000_000_000));
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
            folder,
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

    /// Files that hold raw messages now.
    pub fn segments(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.folder.path()).expect("folder");
        let folders = folders.map(|entry| entry.expect("entry").path());
        let files = folders.filter(|path| path.is_dir()).flat_map(|folder| {
            let files = std::fs::read_dir(folder).expect("folder");
            files.map(|file| file.expect("file").path())
        });
        files.collect()
    }

    /// Sent is on this server from now on.
    pub async fn keep_copies_in(&self, mailbox: &testkit::ImapServer) {
        self.keep_copies_at(mailbox.address.port()).await;
    }

    pub async fn keep_copies_on(&self, dovecot: &testkit::Dovecot) {
        let settings = super::imap_of(dovecot);
        self.save_imap(settings, testkit::dovecot::PASSWORD).await;
    }

    /// In the folder that was chosen.
    pub async fn keep_copies_in_folder(&self, dovecot: &testkit::Dovecot, folder: &str) {
        let settings = ImapSettings {
            sent_folder: Some(folder.to_owned()),
            ..super::imap_of(dovecot)
        };
        self.save_imap(settings, testkit::dovecot::PASSWORD).await;
    }

    pub async fn keep_copies_at(&self, port: u16) {
        self.save_imap(imap_at(port), "secret").await;
    }

    /// The steps of Test connection.
    pub async fn tested(&self, mailbox: &testkit::ImapServer) -> String {
        let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
        let dialer = Dialer::new(egress, Deadlines::default());
        let handle = EngineHandle::new(self.services.clone(), dialer, "test".into());
        let result = handle.probe(ImapCredentials {
            settings: imap_at(mailbox.address.port()),
            username: "alice".into(),
            password: "secret".to_owned().into(),
            is_token: false,
        });
        let steps = result.await.steps;
        steps.into_iter().map(|step| format!("{step:?}\n")).collect()
    }

    async fn save_imap(&self, settings: ImapSettings, password: &str) {
        let card = Card::Imap {
            settings,
            password: Some(password.to_owned().into()),
        };
        let saved = self.services.save_card(self.alice, self.account, card).await;
        saved.expect("card");
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
            files: None,
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

    /// With a file of this size.
    pub async fn send_file(&self, size_bytes: usize) -> MessageId {
        let mut send = self.form(&["kelly@out.example"], &[]);
        let saved = self
            .services
            .save_draft(self.alice, Save::default(), send.form.clone());
        let draft = saved.await.expect("draft").id;
        let file = NewFile {
            id: None,
            name: "large.bin",
            content_type: "application/octet-stream",
            inline: false,
            bytes: bytes::Bytes::from(vec![7; size_bytes]),
        };
        let attached = self.services.attach(self.alice, draft, file);
        attached.await.expect("attached");
        send.draft = Some(draft);
        let queued = self.services.send(self.alice, send, None).await;
        queued.expect("queued").message
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
        let deadlines = Deadlines {
            greeting: moment,
            login: moment,
            response: moment,
            command: moment,
            data_block: moment,
            final_dot: moment,
            ..Deadlines::default()
        };
        self.work_with(name, deadlines)
    }

    pub fn work_with(
        &self,
        name: &str,
        deadlines: Deadlines,
    ) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
        let handle = EngineHandle::new(self.services.clone(), Dialer::new(egress, deadlines), name.into());
        let handle = handle.with_first_wait(Duration::from_millis(10));
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

    /// "Enable inbox processing".
    pub async fn read_the_mailbox(&self) {
        let tracking = Tracking {
            enabled: true,
            ..Tracking::default()
        };
        let card = Card::Tracking {
            tracking,
            deny_list: String::new(),
        };
        let saved = self.services.save_card(self.alice, self.account, card).await;
        saved.expect("card");
    }

    /// Waits until the mailbox is read.
    pub async fn connected(&self) {
        let mut events = self.services.events.subscribe();
        loop {
            let account = self.services.get_own_account(self.alice, self.account).await;
            let status = account.expect("account").status;
            if status.state == AccountState::Connected {
                return;
            }
            tokio::time::timeout(Duration::from_secs(60), events.recv())
                .await
                .unwrap_or_else(|_| panic!("it stays so: {status:?}"))
                .ok();
        }
    }

    /// Waits until its copy lies in Sent.
    pub async fn copied(&self, message: MessageId) {
        self.until(message, |entry| entry.sent_copy == SentCopy::Done)
            .await;
    }

    /// Waits until it is told why there is no copy.
    pub async fn copy_said(&self, message: MessageId) -> String {
        let entry = self.until(message, |entry| entry.sent_copy_said.is_some()).await;
        entry.sent_copy_said.unwrap_or_default()
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
        self.clock.pass(time);
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

fn imap_at(port: u16) -> ImapSettings {
    ImapSettings {
        server: "127.0.0.1".into(),
        port,
        security: Security::None,
        pinned_certificate: None,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    }
}
