//! Services with a clock that the test moves, and people.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::AdministratorId;
use domain::MailAccountId;
use domain::Timestamp;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::message::SkipReason;
use secrecy::SecretString;
use service::Clock;
use service::MasterKey;
use service::ServiceError;
use service::Services;
use service::access::Viewer;
use service::administrators::NewAdministrator;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::ListedMessage;
use service::inbox::Position;
use service::inbox::Show;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use service::sign_in::Origin;
use service::sync::Lease;
use store::BlobStore;
use store::Db;

pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub struct World {
    pub db: Db,
    pub services: Services,
    pub clock: Arc<TestClock>,
    pub segments: PathBuf,
}

pub const PASSWORD: &str = "correct horse battery";

impl World {
    pub async fn new(db: Db, folder: &Path) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_790_000_000_000)));
        let blobs = BlobStore::open_folder(folder).expect("blobs");
        World {
            db: db.clone(),
            services: Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), clock.clone())
                .await
                .expect("services"),
            clock,
            segments: folder.to_owned(),
        }
    }

    pub async fn stored_bytes(&self, account: MailAccountId) -> u64 {
        let folder = tempfile::tempdir().expect("folder");
        let format = service::export::ExportFormat::Eml;
        let exported = self.services.export_account(account, format, folder.path()).await;
        exported.expect("export");
        let files = std::fs::read_dir(folder.path()).expect("files");
        files
            .map(|file| file.expect("file").metadata().expect("size").len())
            .sum()
    }

    pub fn pass(&self, time: Duration) {
        self.clock
            .0
            .fetch_add(i64::try_from(time.as_millis()).expect("time"), Ordering::Relaxed);
    }

    pub async fn administrator(&self, login: &str) -> (AdministratorId, Viewer) {
        let new = NewAdministrator {
            login: login.into(),
            name: login.into(),
            password: SecretString::from(PASSWORD.to_owned()),
            is_super: true,
            time_zone: "UTC".into(),
        };
        let id = self
            .services
            .create_administrator(new)
            .await
            .expect("administrator");
        let password = SecretString::from(PASSWORD.to_owned());
        let origin = Origin {
            address: "127.0.0.1",
            client: "test",
        };
        let token = self
            .services
            .sign_in(login, password, None, origin)
            .await
            .expect("session");
        (id, self.services.viewer_of(token.as_str()).await.expect("viewer"))
    }

    pub async fn intake(&self, lease: &Lease, first_uid: u32, raws: &[String]) -> Result<u64, ServiceError> {
        self.intake_into(FolderRole::Inbox, lease, first_uid, raws).await
    }

    pub async fn intake_into(
        &self,
        role: FolderRole,
        lease: &Lease,
        first_uid: u32,
        raws: &[String],
    ) -> Result<u64, ServiceError> {
        let account = self
            .services
            .get_account_for_engine(lease.account)
            .await
            .expect("account");
        let folder = self
            .services
            .watch_folder(account.id, role, role.as_str().to_uppercase().as_bytes())
            .await
            .expect("folder");
        let next = first_uid + u32::try_from(raws.len()).expect("count");
        let messages = raws.iter().zip(first_uid..).map(|(raw, uid)| FetchedForIntake {
            uid: Uid(uid),
            role,
            seen: false,
            internal_date: Some(self.clock.now().minus(Duration::from_secs(u64::from(next - uid)))),
            raw: raw.clone().into_bytes().into(),
        });
        let cursor = FolderCursor::at_baseline(UidValidity(1), Uid(next), None);
        self.services.set_cursor(lease, folder.id, &cursor, None).await?;
        let report = self
            .services
            .intake(IntakeBatch {
                lease,
                account: &account,
                folder: &folder,
                messages: messages.collect(),
                skipped: vec![(Uid(next), SkipReason::AlreadyRead)],
                cursor,
                walk: Walk::NewMail,
                history_since: None,
                attempts: Vec::new(),
                park: false,
            })
            .await?;
        Ok(report.stored)
    }

    pub async fn subjects(&self, viewer: Viewer, text: &str, filter: Filter) -> Vec<String> {
        let found = self.list(viewer, text, filter).await;
        found.into_iter().map(|listed| listed.message.subject).collect()
    }

    pub async fn list(&self, viewer: Viewer, text: &str, filter: Filter) -> Vec<ListedMessage> {
        let query = InboxQuery {
            known: None,
            show: Show::All,
            text: text.into(),
            filter,
            position: Position::NEWEST,
            limit: 50,
        };
        let page = self.services.list_inbox(viewer, &query).await.expect("page");
        page.messages
    }
}
