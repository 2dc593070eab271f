//! Lists of which a thousand rows are of one moment, walked by pages of seven: none is lost between two pages, none
//! comes twice, and an end that is not the end says so.

use std::collections::HashSet;
use std::time::Duration;

use domain::Access;
use domain::Before;
use domain::MailAccountId;
use domain::Page;
use domain::PartyId;
use domain::Timestamp;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::party::PartyKind;
use service::access::Viewer;
use service::conversations::ConversationQuery;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::Position;
use service::inbox::Show;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use service::parties::PartyForm;
use service::sync::Lease;
use service::system_mail::SystemMailForm;
use service::system_mail::SystemMessage;
use store::Db;
use store::audit;
use store::audit::AuditEntry;
use store::grants;
use store::outbox;
use store::parties;
use testkit::Postgres;
use testkit::sample_mail::plain;
use uuid::Uuid;

use crate::world::World;

const ROWS: usize = 1_000;
const PAGE: u32 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn pages_lose_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db")).await;
    pages_lose_nothing(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lose_nothing_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres_with_one_connection(&postgres.url()).await;
    pages_lose_nothing(db.expect("database")).await;
}

async fn pages_lose_nothing(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let desk = Desk::new(&world).await;
    let kelly = desk.kelly().await;
    desk.fill().await;
    desk.conversation(kelly, "").await;
    desk.conversation(kelly, "words").await;
    desk.inbox("").await;
    desk.inbox("words").await;
    desk.what_a_filter_hides_for_long_is_found().await;
    desk.a_long_thread(kelly).await;
    desk.records_of_one_name_and_one_change().await;
    desk.audit().await;
    desk.outgoing().await;
}

/// Every row once, by its name, in pages that are no longer than was asked for.
async fn walk<T>(mut page: impl AsyncFnMut(Before) -> Page<T>, name: impl Fn(&T) -> String) -> usize {
    let (mut before, mut names) = (Before::NEWEST, HashSet::new());
    loop {
        let found = page(before).await;
        assert!(found.len() <= PAGE as usize);
        for row in found.iter() {
            assert!(names.insert(name(row)), "{} came twice", name(row));
        }
        match found.older {
            Some(older) => before = older,
            None => return names.len(),
        }
    }
}

struct Desk<'w> {
    world: &'w World,
    alice: Viewer,
    account: MailAccountId,
    lease: Lease,
}

impl<'w> Desk<'w> {
    async fn new(world: &'w World) -> Self {
        let (owner, alice) = world.administrator("alice").await;
        let services = &world.services;
        let account = services.create_account(owner, "Mail", "alice@isp.example").await;
        let account = account.expect("account");
        let lease = services.take_lease(account, "one").await.expect("lease");
        Desk {
            world,
            alice,
            account,
            lease: lease.expect("free"),
        }
    }

    async fn kelly(&self) -> PartyId {
        let form = PartyForm {
            kind: PartyKind::Customer,
            name: "Kelly".into(),
            number: String::new(),
            phone: String::new(),
            status: String::new(),
            external_id: None,
            notes: String::new(),
            addresses: vec!["kelly@out.example".into()],
        };
        let made = self.world.services.create_party(self.alice, form).await;
        made.expect("party")
    }

    async fn access(&self) -> Access {
        let mut conn = self.world.db.read().await.expect("connection");
        let access = grants::access_of(&mut conn, self.alice.administrator, self.world.services.now()).await;
        access.expect("access")
    }

    /// All of one moment.
    async fn receive(&self, first_uid: u32, at: Timestamp, raws: Vec<String>) {
        let services = &self.world.services;
        let account = services
            .get_account_for_engine(self.account)
            .await
            .expect("account");
        let folder = services
            .watch_folder(self.account, FolderRole::Inbox, b"INBOX")
            .await;
        let folder = folder.expect("folder");
        let next = Uid(first_uid + u32::try_from(raws.len()).expect("count"));
        let cursor = FolderCursor::at_baseline(UidValidity(1), next, None);
        let set = services.set_cursor(&self.lease, folder.id, &cursor, None).await;
        set.expect("cursor");
        let messages = raws
            .into_iter()
            .zip(first_uid..)
            .map(|(raw, uid)| FetchedForIntake {
                uid: Uid(uid),
                role: FolderRole::Inbox,
                seen: false,
                internal_date: Some(at),
                raw: raw.into_bytes().into(),
            });
        let batch = IntakeBatch {
            lease: &self.lease,
            account: &account,
            folder: &folder,
            messages: messages.collect(),
            skipped: Vec::new(),
            cursor,
            walk: Walk::NewMail,
            history_since: None,
            attempts: Vec::new(),
            park: false,
        };
        services.intake(batch).await.expect("intake");
    }

    /// A thousand threads with Kelly; more mail of others; and before all of it one message with a file.
    async fn fill(&self) {
        let now = self.world.services.now();
        let mail = |from: &str, number: usize| {
            plain(
                from,
                "alice@isp.example",
                &format!("About {number}"),
                "words",
                &format!("m{number}@x"),
            )
        };
        let kellys = (0..ROWS).map(|number| mail("Kelly <kelly@out.example>", number));
        self.receive(1, now, kellys.collect()).await;
        let others = (ROWS..2 * ROWS + 100).map(|number| mail("Lee <lee@out.example>", number));
        self.receive(2_001, now, others.collect()).await;
        let file = "From: Lee <lee@out.example>\r\nTo: alice@isp.example\r\nSubject: File\r\nMessage-ID: <file@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n--b--\r\n";
        let before = now.minus(Duration::from_secs(3_600));
        self.receive(5_001, before, vec![file.to_owned()]).await;
    }

    async fn conversation(&self, party: PartyId, text: &str) {
        let page = async |before| {
            let query = ConversationQuery {
                show: Show::All,
                kind: None,
                text: text.into(),
                before,
                limit: PAGE,
            };
            let services = &self.world.services;
            let page = services.list_conversation(self.alice, party, &query).await;
            page.expect("page")
        };
        let count = walk(page, |line| line.thread.to_string()).await;
        assert_eq!(count, ROWS, "a conversation, looking for {text:?}");
    }

    fn inbox_query(text: &str) -> InboxQuery {
        InboxQuery {
            text: text.into(),
            ..InboxQuery::newest(PAGE)
        }
    }

    async fn inbox(&self, text: &str) {
        let (mut query, mut found) = (Self::inbox_query(text), HashSet::new());
        loop {
            let page = self
                .world
                .services
                .list_inbox(self.alice, &query)
                .await
                .expect("page");
            assert!(page.messages.len() <= PAGE as usize);
            for listed in page.messages {
                assert!(found.insert(listed.message.id), "twice");
            }
            match page.older {
                Some(older) => query.position = Position::Before(older),
                None => break,
            }
        }
        assert_eq!(found.len(), 2 * ROWS + 101, "the inbox, looking for {text:?}");
    }

    async fn what_a_filter_hides_for_long_is_found(&self) {
        let mut query = InboxQuery {
            filter: Filter {
                with_attachments: true,
                ..Filter::default()
            },
            ..Self::inbox_query("words")
        };
        let services = &self.world.services;
        let first = services.list_inbox(self.alice, &query).await.expect("page");
        assert!(first.messages.is_empty());
        query.position = Position::Before(first.older.expect("there is more, and it is said"));
        let second = services.list_inbox(self.alice, &query).await.expect("page");
        assert_eq!((second.messages.len(), second.older), (1, None));
    }

    async fn a_long_thread(&self, party: PartyId) {
        let head = "References: <m0@x>\r\nIn-Reply-To: <m0@x>\r\n";
        let mail = |number: usize| {
            let raw = plain(
                "Kelly <kelly@out.example>",
                "alice@isp.example",
                "Re: About 0",
                "more",
                &format!("r{number}@x"),
            );
            format!("{head}{raw}")
        };
        let now = self.world.services.now();
        self.receive(6_001, now, (0..ROWS + 4).map(mail).collect()).await;
        let listed = self.world.list(self.alice, "more", Filter::default()).await;
        let thread = listed[0].message.thread;
        let services = &self.world.services;
        let newest = services
            .get_thread(self.alice, thread, Some(party), i64::MAX)
            .await
            .expect("thread");
        let older = newest.older.expect("there is more, and it is said");
        let rest = services
            .get_thread(self.alice, thread, Some(party), older)
            .await
            .expect("thread");
        assert_eq!(
            (newest.messages.len(), rest.messages.len(), rest.older),
            (1_000, 5, None)
        );
    }

    async fn records_of_one_name_and_one_change(&self) {
        self.world.pass(Duration::from_secs(1));
        let since = self.world.services.now();
        let lines = (0..ROWS).map(|number| format!("Same Name,{number}\n"));
        let csv = format!("name,number\n{}", lines.collect::<String>());
        let services = &self.world.services;
        let imported = services
            .import_parties(self.alice, PartyKind::Lead, csv.as_bytes(), true)
            .await;
        assert_eq!(imported.expect("imported").added, ROWS as u64);
        let mut conn = self.world.db.read().await.expect("connection");
        let (mut after, mut found) = (None, HashSet::new());
        loop {
            let page = parties::list(&mut conn, PartyKind::Lead, &[], after.as_ref(), PAGE).await;
            let (page, next) = page.expect("page");
            found.extend(page.into_iter().map(|party| party.id));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), ROWS, "records of one name");
        let (mut after, mut found) = (PartyId::NIL, HashSet::new());
        loop {
            let page = parties::changed_since(&mut conn, since, after, PAGE)
                .await
                .expect("page");
            let Some((_, last)) = page.last() else { break };
            after = last.id;
            found.extend(page.into_iter().map(|(_, party)| party.id));
        }
        assert_eq!(found.len(), ROWS, "changes of one moment");
    }

    async fn audit(&self) {
        let entry = AuditEntry {
            at: self.world.services.now(),
            actor: None,
            mail_account: Some(self.account),
            verb: "exported".into(),
            detail: String::new(),
        };
        self.world.pass(Duration::from_secs(1));
        let mut tx = self.world.db.begin_write().await.expect("transaction");
        for number in 0..ROWS {
            let id = Uuid::from_u128(number as u128);
            audit::insert(&mut tx, id, &entry).await.expect("inserted");
        }
        tx.commit().await.expect("committed");
        let mut conn = self.world.db.read().await.expect("connection");
        let (mut count, mut before) = (0, Before::NEWEST);
        loop {
            let page = audit::list_of_account(&mut conn, self.account, before, PAGE)
                .await
                .expect("page");
            count += page.len();
            match page.older {
                Some(older) => before = older,
                None => break,
            }
        }
        assert_eq!(count, ROWS, "who opened an account");
        let (mut count, mut before) = (0, Before::NEWEST);
        loop {
            let page = audit::list_for_super(&mut conn, before, PAGE)
                .await
                .expect("page");
            count += page.iter().filter(|entry| entry.verb == "exported").count();
            match page.older {
                Some(older) => before = older,
                None => break,
            }
        }
        assert_eq!(count, ROWS, "what everybody did");
    }

    async fn outgoing(&self) {
        let services = &self.world.services;
        let form = SystemMailForm {
            sender_name: "ISP".into(),
            sender_email: "billing@isp.example".into(),
            days_until_expiration: 1,
            smtp: SmtpSettings {
                enabled: true,
                server: "smtp.isp.example".into(),
                auth: SmtpAuth::None,
                security: Security::Tls,
                ..SmtpSettings::default()
            },
            ..SystemMailForm::default()
        };
        services
            .save_system_mail(self.alice, form, None)
            .await
            .expect("saved");
        for _ in 0..ROWS {
            let message = SystemMessage {
                to: vec![("Kelly".into(), "kelly@out.example".into())],
                subject: "Invoice".into(),
                html: "<p>Invoice</p>".into(),
                files: Vec::new(),
            };
            services.write_to_customers(message, None).await.expect("queued");
        }
        let system = domain::access::AccountAccess {
            account: domain::system_mail::CUSTOMER_MAIL,
            owner: domain::system_mail::SYSTEM,
            right: domain::Right::Own,
        };
        let access = self.access().await.with(system);
        let (from, until) = (Timestamp::EPOCH, Timestamp::MAX);
        let log = async |before| {
            let mut conn = self.world.db.read().await.expect("connection");
            let page = outbox::list_system_mail(&mut conn, from, until, before, PAGE).await;
            page.expect("page")
        };
        let count = walk(log, |entry| entry.message.to_string()).await;
        assert_eq!(count, ROWS, "the log of system mail");
        let entries = async |before| {
            let mut conn = self.world.db.read().await.expect("connection");
            let page = outbox::list(&mut conn, &access, from, before, PAGE).await;
            page.expect("page")
        };
        let count = walk(entries, |entry| entry.message.to_string()).await;
        assert_eq!(count, ROWS, "the outbox");
    }
}
