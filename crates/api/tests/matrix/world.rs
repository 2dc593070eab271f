//! Thirteen kinds of people, their accounts and one message each; made once and copied for every case.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::ApiState;
use api::Reach;
use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use domain::AdministratorId;
use domain::DraftId;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Right;
use domain::SessionId;
use domain::ThreadId;
use domain::Timestamp;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::party::PartyKind;
use engine::EngineHandle;
use jiff::civil::date;
use jiff::tz::TimeZone;
use service::Clock;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use service::accounts::Card;
use service::accounts::ImapCredentials;
use service::administrators::NewAdministrator;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::Save;
use service::drafts::WrittenAddress;
use service::grants::WantedGrant;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::Position;
use service::inbox::Show;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use service::outbox::SendForm;
use service::parties::PartyForm;
use service::sign_in::Origin;
use sqlx::Row as _;
use store::BlobStore;
use store::Db;
use tempfile::TempDir;
use tower::ServiceExt as _;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

use crate::rows::Level;
use crate::rows::Row;
use crate::rows::Whose;

const HOST: &str = "localhost:8080";
const PASSWORD: &str = "correct horse battery";
const MISSING: &str = "00000000-0000-7000-8000-000000000000";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    Anonymous,
    Stranger,
    Super,
    See,
    Reply,
    Manage,
    NotYet,
    Expired,
    Revoked,
    /// Was granted Manage; then the sign-in was reset, and the owner has not confirmed yet.
    Rests,
    /// Alice herself.
    Owner,
    DisabledOwner,
    SealedOwner,
    /// Zoe, who granted nobody anything: what is hers is foreign to all others.
    Foreigner,
}

pub const VIEWERS: [Viewer; 13] = [
    Viewer::Anonymous,
    Viewer::Stranger,
    Viewer::Super,
    Viewer::See,
    Viewer::Reply,
    Viewer::Manage,
    Viewer::NotYet,
    Viewer::Expired,
    Viewer::Revoked,
    Viewer::Rests,
    Viewer::Owner,
    Viewer::DisabledOwner,
    Viewer::SealedOwner,
];

impl Viewer {
    pub fn level_at_alices(self) -> Option<Level> {
        match self {
            Viewer::See => Some(Level::See),
            Viewer::Reply => Some(Level::Reply),
            Viewer::Manage => Some(Level::Manage),
            Viewer::Owner => Some(Level::Own),
            _ => None,
        }
    }

    fn login(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Own,
    Granted,
    Foreign,
    Missing,
}

/// What belongs to one person.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: AdministratorId,
    pub account: MailAccountId,
    pub message: MessageId,
    thread: ThreadId,
    draft: DraftId,
    outgoing: MessageId,
    session: SessionId,
    cookie: String,
}

/// Everything but `Date` and `X-Request-Id`, which are new each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

pub struct Template {
    folder: TempDir,
    party: PartyId,
    people: BTreeMap<Viewer, Person>,
}

pub struct World {
    folder: TempDir,
    pub party: PartyId,
    pub router: Router,
    pub services: Services,
    pub people: BTreeMap<Viewer, Person>,
}

/// Words that stand in the mail of one person and nowhere else.
pub fn canary(viewer: Viewer) -> String {
    format!("kumquat{}", viewer.login())
}

async fn open(folder: &Path) -> Services {
    open_at(folder, Arc::new(SystemClock)).await
}

/// A day on which a grant could be given that is over now.
struct LongAgo;

impl Clock for LongAgo {
    fn now(&self) -> Timestamp {
        Timestamp::start_of_day(date(2019, 12, 1), &TimeZone::UTC)
    }
}

async fn open_at(folder: &Path, clock: Arc<dyn Clock>) -> Services {
    let db = Db::open_sqlite_with_one_connection(&folder.join("waxseal.db"))
        .await
        .expect("database");
    let blobs = BlobStore::open_folder(folder).expect("blobs");
    Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), clock)
        .await
        .expect("services")
}

impl Template {
    pub async fn make() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let services = open(folder.path()).await;
        let mut people = BTreeMap::new();
        for viewer in VIEWERS.into_iter().chain([Viewer::Foreigner]) {
            people.insert(viewer, person(&services, viewer).await);
        }
        grant(folder.path(), &services, &people).await;
        let party = make_party(&services, &people).await;
        let boss = service_viewer(&services, &people[&Viewer::Super]).await;
        for viewer in [Viewer::SealedOwner, Viewer::Rests] {
            let reset = services
                .reset_sign_in(boss, people[&viewer].id)
                .await
                .expect("reset");
            let chosen = services.use_sign_in_link(&reset, PASSWORD.to_owned().into());
            chosen.await.expect("new password");
            sign_in(&services, viewer, &mut people).await;
        }
        unseal(&services, &people[&Viewer::Rests]).await;
        let disabled = people[&Viewer::DisabledOwner].id;
        services
            .change_staff(boss, disabled, false, true)
            .await
            .expect("disabled");
        services.close().await;
        Template {
            folder,
            party,
            people,
        }
    }

    /// A copy of its own.
    pub async fn open(&self) -> World {
        let folder = tempfile::tempdir().expect("folder");
        copy(self.folder.path(), folder.path());
        let services = open(folder.path()).await;
        let dialer = Dialer::new(Egress::default(), Deadlines::default());
        let state = ApiState {
            services: services.clone(),
            engine: EngineHandle::new(services.clone(), dialer, "matrix".into()),
            reach: Arc::new(Reach::default()),
            limits: Arc::default(),
        };
        World {
            folder,
            party: self.party,
            router: api::router(state),
            services,
            people: self.people.clone(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).expect("folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("file");
        }
    }
}

async fn person(services: &Services, viewer: Viewer) -> Person {
    let login = viewer.login();
    let new = NewAdministrator {
        login: login.clone(),
        name: login.clone(),
        password: PASSWORD.to_owned().into(),
        is_super: viewer == Viewer::Super,
        time_zone: "UTC".into(),
    };
    let id = services.create_administrator(new).await.expect("administrator");
    let address = format!("{login}@isp.example");
    let account = services
        .create_account(id, "Mail", &address)
        .await
        .expect("account");
    let (session, cookie) = sign_in_as(services, &login).await;
    let mut person = Person {
        id,
        account,
        message: MessageId::from_uuid(uuid::Uuid::nil()),
        thread: ThreadId::from_uuid(uuid::Uuid::nil()),
        draft: DraftId::from_uuid(uuid::Uuid::nil()),
        outgoing: MessageId::from_uuid(uuid::Uuid::nil()),
        session,
        cookie,
    };
    person.message = deliver(services, &person, viewer, 1).await;
    person.thread = thread_of(services, &person).await;
    (person.draft, person.outgoing) = write(services, &person, viewer).await;
    person
}

/// A draft, and a message that is queued. Nothing sends it: no engine runs.
async fn write(services: &Services, person: &Person, viewer: Viewer) -> (DraftId, MessageId) {
    let writer = service_viewer(services, person).await;
    let settings = SmtpSettings {
        enabled: true,
        server: "smtp.isp.example".into(),
        auth: SmtpAuth::None,
        ..SmtpSettings::default()
    };
    let card = Card::Smtp {
        settings,
        password: None,
    };
    services
        .save_card(writer, person.account, card)
        .await
        .expect("SMTP card");
    let word = canary(viewer);
    let form = DraftForm {
        account: person.account,
        thread: None,
        answers: None,
        recipients: Recipients {
            to: vec![WrittenAddress {
                name: word.clone(),
                address: format!("{word}@out.example"),
            }],
            ..Recipients::default()
        },
        subject: format!("Written about {word}"),
        html: format!("<p>{word}</p>"),
    };
    let draft = services
        .save_draft(writer, Save::default(), form.clone())
        .await
        .expect("draft")
        .id;
    let send = SendForm {
        form,
        draft: None,
        files: None,
        can_be_undone: true,
    };
    let queued = services.send(writer, send, None).await.expect("queued");
    (draft, queued.message)
}

async fn sign_in_as(services: &Services, login: &str) -> (SessionId, String) {
    let origin = Origin {
        address: "192.0.2.1",
        client: "matrix",
    };
    let token = services
        .sign_in(login, PASSWORD.to_owned().into(), None, origin)
        .await
        .expect("signed in");
    let viewer = services.viewer_of(token.as_str()).await.expect("viewer");
    let sessions = services.list_sessions(viewer).await.expect("sessions");
    (sessions[0].id, format!("__Host-waxseal={}", token.as_str()))
}

async fn sign_in(services: &Services, viewer: Viewer, people: &mut BTreeMap<Viewer, Person>) {
    let (session, cookie) = sign_in_as(services, &viewer.login()).await;
    let person = people.get_mut(&viewer).expect("person");
    (person.session, person.cookie) = (session, cookie);
}

/// As after a check of the mailbox's password, of which nothing is stored here: what is tried with this person is what
/// others grant.
async fn unseal(services: &Services, person: &Person) {
    let credentials = ImapCredentials {
        settings: ImapSettings {
            server: "imap.isp.example".into(),
            port: 993,
            security: Security::Tls,
            pinned_certificate: None,
            compress: false,
            authserv_id: None,
            sent_folder: None,
            more_folders: Vec::new(),
        },
        username: String::new(),
        password: String::new().into(),
        is_token: false,
    };
    let viewer = service_viewer(services, person).await;
    let unsealed = services.unseal_account(viewer, person.account, &credentials);
    unsealed.await.expect("unsealed");
}

pub async fn service_viewer(services: &Services, person: &Person) -> service::access::Viewer {
    let token = person.cookie.trim_start_matches("__Host-waxseal=");
    services.viewer_of(token).await.expect("viewer")
}

/// One message with a word, a correspondent and a file of its own.
pub async fn deliver(services: &Services, person: &Person, viewer: Viewer, uid: u32) -> MessageId {
    let word = canary(viewer);
    let raw = format!(
        "From: {word} <{word}@out.example>\r\nTo: {}@isp.example\r\nSubject: About {word} {uid}\r\nMessage-ID: <{word}{uid}@out.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe {word} is ripe.\r\n--b\r\nContent-Type: application/pdf; name={word}.pdf\r\n\r\nPDF\r\n--b--\r\n",
        viewer.login()
    );
    let account = services
        .get_account_for_engine(person.account)
        .await
        .expect("account");
    let lease = services
        .take_lease(person.account, "matrix")
        .await
        .expect("lease")
        .expect("free");
    let folder = services
        .watch_folder(account.id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    let cursor = FolderCursor::at_baseline(UidValidity(7), Uid(uid + 1), None);
    let set = services.set_cursor(&lease, folder.id, &cursor, None);
    set.await.expect("cursor");
    let batch = IntakeBatch {
        lease: &lease,
        account: &account,
        folder: &folder,
        messages: vec![FetchedForIntake {
            uid: Uid(uid),
            role: FolderRole::Inbox,
            seen: false,
            internal_date: Some(services.now()),
            raw: raw.into_bytes().into(),
        }],
        skipped: Vec::new(),
        cursor,
        walk: Walk::NewMail,
        history_since: None,
        attempts: Vec::new(),
        park: false,
    };
    services.intake(batch).await.expect("intake");
    services.release_lease(&lease).await.expect("released");
    newest(services, person).await
}

/// The newest message of the person's own account; a nil id where it is sealed.
async fn newest(services: &Services, person: &Person) -> MessageId {
    let viewer = service_viewer(services, person).await;
    let query = InboxQuery {
        known: None,
        show: Show::My,
        text: String::new(),
        filter: Filter::default(),
        position: Position::NEWEST,
        limit: 1,
    };
    let page = services.list_inbox(viewer, &query).await.expect("page");
    page.messages
        .first()
        .map_or(MessageId::from_uuid(uuid::Uuid::nil()), |listed| {
            listed.message.id
        })
}

async fn thread_of(services: &Services, person: &Person) -> ThreadId {
    let viewer = service_viewer(services, person).await;
    let opened = services
        .open_message(viewer, person.message)
        .await
        .expect("opened");
    opened.listed.message.thread
}

/// A customer with everybody's correspondents; Alice's by pairing.
async fn make_party(services: &Services, people: &BTreeMap<Viewer, Person>) -> PartyId {
    let alice = service_viewer(services, &people[&Viewer::Owner]).await;
    let others = people.keys().filter(|viewer| **viewer != Viewer::Owner);
    let form = PartyForm {
        kind: PartyKind::Customer,
        name: "Customer".into(),
        number: String::new(),
        phone: String::new(),
        status: String::new(),
        external_id: None,
        notes: String::new(),
        addresses: others.map(|viewer| correspondent(*viewer)).collect(),
    };
    let party = services.create_party(alice, form).await.expect("party");
    services
        .pair_author(alice, people[&Viewer::Owner].message, party, None)
        .await
        .expect("paired");
    party
}

pub fn correspondent(viewer: Viewer) -> String {
    format!("{}@out.example", canary(viewer))
}

async fn grant(folder: &Path, services: &Services, people: &BTreeMap<Viewer, Person>) {
    let line = |viewer: Viewer, level, start, end| WantedGrant {
        administrator: people[&viewer].id,
        level,
        start,
        end,
    };
    let mut lines = vec![
        line(Viewer::Revoked, Right::Manage, None, None),
        line(Viewer::See, Right::See, None, None),
        line(Viewer::Reply, Right::Reply, None, None),
        line(Viewer::Manage, Right::Manage, None, None),
        line(Viewer::Rests, Right::Manage, None, None),
        line(Viewer::NotYet, Right::Manage, Some(date(2999, 1, 1)), None),
        line(Viewer::Expired, Right::Manage, None, Some(date(2020, 1, 1))),
    ];
    let alice = service_viewer(services, &people[&Viewer::Owner]).await;
    let account = people[&Viewer::Owner].account;
    let expired: Vec<_> = lines.last().cloned().into_iter().collect();
    let long_ago = open_at(folder, Arc::new(LongAgo)).await;
    let given = long_ago.set_grants(alice, account, &expired).await;
    given.expect("a grant that ended since");
    services.set_grants(alice, account, &lines).await.expect("grants");
    lines.remove(0);
    services
        .set_grants(alice, account, &lines)
        .await
        .expect("revoked");
}

impl World {
    pub async fn call(&self, row: &Row, viewer: Viewer, target: Target) -> Answer {
        let id = self.id(row, viewer, target);
        let path = row
            .path
            .replace("{id}", &id)
            .replace("{file}", MISSING)
            .replace("{capability}", "made-up")
            .replace("{external_id}", "unknown");
        let query = match (row.method, row.path) {
            ("GET", "/parties") => "?kind=customer".to_owned(),
            (_, "/parties/{id}/pairings") => format!("?address={}", correspondent(Viewer::Owner)),
            (_, "/drafts/{id}/files") => "?name=a.txt".to_owned(),
            (_, "/suggestions") => "?text=ku".to_owned(),
            (_, "/parties/import") => "?kind=customer&apply=true".to_owned(),
            ("GET", "/messages/{id}/block") => "?scope=address".to_owned(),
            _ => String::new(),
        };
        let body = row.body.replace("{party}", &self.party.to_string());
        let body = body.replace("{thread}", &self.id(row, viewer, target));
        let body = body.replace("{message}", &self.id(row, viewer, target));
        let body = body.replace("{account}", &self.id(row, viewer, target));
        let own = self.people.get(&viewer).map(|person| person.account.to_string());
        let body = body.replace("{rests}", &self.people[&Viewer::Rests].id.to_string());
        let body = body.replace("{own}", own.as_deref().unwrap_or(MISSING));
        self.send(viewer, row.method, &format!("{path}{query}"), &body)
            .await
    }

    fn id(&self, row: &Row, viewer: Viewer, target: Target) -> String {
        if row.path.starts_with("/parties") {
            return self.party.to_string();
        }
        let person = match target {
            Target::Own => &self.people[&viewer],
            Target::Granted => &self.people[&Viewer::Owner],
            Target::Foreign => &self.people[&Viewer::Foreigner],
            Target::Missing => return MISSING.to_owned(),
        };
        match row.whose {
            Whose::Message(_) => person.message.to_string(),
            Whose::Thread(_) => person.thread.to_string(),
            Whose::Draft => person.draft.to_string(),
            Whose::Outgoing(_) => person.outgoing.to_string(),
            Whose::Session => person.session.to_string(),
            Whose::Supers => self.people[&Viewer::Foreigner].id.to_string(),
            _ => person.account.to_string(),
        }
    }

    pub async fn send(&self, viewer: Viewer, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_TYPE, "application/json");
        if viewer != Viewer::Anonymous {
            request = request.header(header::COOKIE, &self.people[&viewer].cookie);
        }
        let request = request.body(Body::from(body.to_owned())).expect("request");
        let response = self.router.clone().oneshot(request).await.expect("response");
        let status = response.status();
        let headers: BTreeMap<_, _> = response
            .headers()
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let endless = headers
            .get("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        let body = if endless {
            String::new()
        } else {
            let bytes = to_bytes(response.into_body(), 1 << 22).await.expect("body");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// What comes of the viewer's event stream within `time`.
    pub async fn events(
        &self,
        viewer: Viewer,
        time: Duration,
        meanwhile: impl Future<Output = ()>,
    ) -> String {
        use futures_util::StreamExt as _;
        let request = Request::builder()
            .uri("/api/v1/events")
            .header(header::HOST, HOST)
            .header(header::COOKIE, &self.people[&viewer].cookie)
            .body(Body::empty())
            .expect("request");
        let response = self.router.clone().oneshot(request).await.expect("response");
        let mut chunks = response.into_body().into_data_stream();
        meanwhile.await;
        let mut text = String::new();
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(time, chunks.next()).await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        text
    }

    /// All rows of all tables but sessions, throttle and audit log.
    pub async fn dump(&self) -> String {
        let path = self.folder.path().join("waxseal.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .read_only(true);
        let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options)
            .await
            .expect("database");
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'message_search%' AND name NOT IN ('sessions', 'login_throttle', 'audit_log', '_sqlx_migrations') ORDER BY name";
        let tables = sqlx::query(tables)
            .fetch_all(&mut connection)
            .await
            .expect("tables");
        let mut dump = String::new();
        for table in tables {
            let table: String = table.get(0);
            let columns = format!(
                "SELECT group_concat('quote(' || name || ')', '||\",\"||') FROM pragma_table_info('{table}')"
            );
            let columns: String = sqlx::query(sqlx::AssertSqlSafe(columns))
                .fetch_one(&mut connection)
                .await
                .expect("columns")
                .get(0);
            let columns = columns.replace('"', "'");
            let rows = format!("SELECT {columns} AS row FROM {table} ORDER BY row");
            for row in sqlx::query(sqlx::AssertSqlSafe(rows))
                .fetch_all(&mut connection)
                .await
                .expect("rows")
            {
                dump.push_str(&table);
                dump.push_str(&row.get::<Option<String>, _>(0).unwrap_or_default());
                dump.push('\n');
            }
        }
        dump
    }
}
