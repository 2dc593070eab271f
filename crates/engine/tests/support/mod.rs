//! A whole engine on a fresh SQLite file, and accounts on a private Dovecot.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod desk;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::AdministratorId;
use domain::MailAccountId;
use domain::Timestamp;
use domain::account::Fingerprint;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::Tracking;
use engine::EngineHandle;
use secrecy::SecretString;
use service::Clock;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use service::accounts::Card;
use service::administrators::NewAdministrator;
use store::BlobStore;
use store::Db;
use tempfile::TempDir;
use testkit::Dovecot;
use testkit::ModelServer;
use testkit::dovecot::PASSWORD;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

pub struct World {
    pub folder: TempDir,
    pub services: Services,
    pub handle: EngineHandle,
    pub alice: AdministratorId,
    clock: Arc<ShiftedClock>,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::<ShiftedClock>::default();
        let services = open(&folder, clock.clone()).await;
        Self::of(services, folder, clock).await
    }

    /// The database lives as long as the first value.
    pub async fn on_postgresql() -> (testkit::Postgres, Self) {
        let postgres = testkit::Postgres::start().expect("postgres");
        let db = Db::open_postgres_with_one_connection(&postgres.url())
            .await
            .expect("database");
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::<ShiftedClock>::default();
        let blobs = BlobStore::open_folder(folder.path()).expect("blobs");
        let services = Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), clock.clone())
            .await
            .expect("services");
        (postgres, Self::of(services, folder, clock).await)
    }

    async fn of(services: Services, folder: TempDir, clock: Arc<ShiftedClock>) -> Self {
        let alice = services
            .create_administrator(NewAdministrator {
                login: "alice".into(),
                name: "Alice".into(),
                password: SecretString::from("correct horse battery".to_owned()),
                is_super: true,
                time_zone: "UTC".into(),
            })
            .await
            .expect("alice");
        let handle = handle(&services, short_deadlines());
        World {
            folder,
            services,
            handle,
            alice,
            clock,
        }
    }

    pub async fn account(&self, imap: ImapSettings, username: &str, tracking: Tracking) -> MailAccountId {
        self.account_denying(imap, username, tracking, "").await
    }

    pub async fn account_denying(
        &self,
        imap: ImapSettings,
        username: &str,
        tracking: Tracking,
        deny_list: &str,
    ) -> MailAccountId {
        let services = &self.services;
        let address = format!("{username}@isp.example");
        let id = services
            .create_account(self.alice, "Mail", &address)
            .await
            .expect("account");
        let cards = [
            Card::Credentials {
                name: "Mail".into(),
                address,
                aliases: Vec::new(),
                username: username.into(),
                password: None,
            },
            Card::Imap {
                settings: imap,
                password: Some(SecretString::from(PASSWORD.to_owned())),
            },
            Card::Tracking {
                tracking,
                deny_list: deny_list.into(),
            },
        ];
        for card in cards {
            services
                .save_card_for_owner(self.alice, id, card)
                .await
                .expect("card");
        }
        id
    }

    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("time");
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// What a process that starts after the death of this one does first.
    pub async fn bury(&self) {
        self.services.release_leases_of("test").await.expect("released");
    }

    pub async fn sync(&self, id: MailAccountId) -> Result<engine::IntakeReport, engine::EngineError> {
        let account = self.services.get_account_for_engine(id).await.expect("account");
        self.handle.sync_once(&account).await
    }

    /// Raw messages that are stored, sorted.
    pub async fn exported(&self, id: MailAccountId) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().expect("folder");
        let format = service::export::ExportFormat::Eml;
        self.services
            .export_account(id, format, folder.path())
            .await
            .expect("export");
        let entries = std::fs::read_dir(folder.path()).expect("entries");
        let mut raws: Vec<_> = entries
            .map(|entry| std::fs::read(entry.expect("entry").path()).expect("raw"))
            .collect();
        raws.sort();
        raws
    }
}

pub async fn open(folder: &TempDir, clock: Arc<ShiftedClock>) -> Services {
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    let raw = folder.path().join("raw");
    std::fs::create_dir_all(&raw).expect("folder");
    let blobs = BlobStore::open_folder(&raw).expect("blobs");
    Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), clock)
        .await
        .expect("services")
}

/// The system's, and as much later as a test wants.
#[derive(Default)]
pub struct ShiftedClock(AtomicI64);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let later = u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or_default();
        SystemClock.now().plus(Duration::from_millis(later))
    }
}

pub fn handle(services: &Services, deadlines: Deadlines) -> EngineHandle {
    let egress = Egress::parse("127.0.0.0/8", "").expect("egress");
    EngineHandle::new(services.clone(), Dialer::new(egress, deadlines), "test".into())
}

pub fn short_deadlines() -> Deadlines {
    let second = Duration::from_secs(1);
    Deadlines {
        connect: second,
        tls: second,
        greeting: second,
        login: 10 * second,
        response: 10 * second,
        ..Deadlines::default()
    }
}

pub fn imap_of(dovecot: &Dovecot) -> ImapSettings {
    imap_over_tls(dovecot.imaps_port, dovecot.certificate.fingerprint)
}

/// The mailboxes of a model server, Archive among the watched folders.
pub fn imap_of_model(server: &ModelServer) -> ImapSettings {
    ImapSettings {
        security: Security::None,
        pinned_certificate: None,
        more_folders: vec!["Archive".into()],
        ..imap_over_tls(server.address.port(), Fingerprint::from_bytes([0; 32]))
    }
}

pub fn imap_over_tls(port: u16, certificate: Fingerprint) -> ImapSettings {
    ImapSettings {
        server: "127.0.0.1".into(),
        port,
        security: Security::Tls,
        pinned_certificate: Some(certificate),
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    }
}

pub fn tracking() -> Tracking {
    Tracking {
        enabled: true,
        ..Tracking::default()
    }
}

/// With a history that covers all.
pub fn tracking_everything() -> Tracking {
    Tracking {
        history_since: Some(jiff::civil::date(2000, 1, 1)),
        ..tracking()
    }
}
