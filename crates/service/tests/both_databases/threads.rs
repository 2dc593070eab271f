//! Which mails become one thread, through the real intake, on both databases; and that nobody gets into a foreign one.

use std::collections::HashMap;

use domain::MailAccountId;
use domain::ThreadId;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::folder::FolderRole;
use futures_util::TryStreamExt as _;
use service::access::Viewer;
use service::accounts::Card;
use service::delivery::Sender;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::inbox::Filter;
use service::outbox::SendForm;
use service::sync::Lease;
use store::Db;
use testkit::Postgres;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    all(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    all(Db::open_postgres_with_one_connection(&postgres.url())
        .await
        .expect("database"))
    .await;
}

const ALICE: &str = "alice@isp.example";
const INDEX: &str = "Thread-Index: AdvK5Ex0Jm6cBvJ3RUSV0cvmxKSOiA==\r\n";
const ANSWERING_INDEX: &str = "Thread-Index: AdvK5Ex0Jm6cBvJ3RUSV0cvmxKSOiAAABhFw\r\n";

/// From, subject, Message-ID, more of the header; all to alice. `NAME` is another name for each case.
type Mail = (&'static str, &'static str, &'static str, &'static str);

/// What it is, the mails in the order of their arrival, and the number of the thread that each is in.
const CASES: &[(&str, &[Mail], &[usize])] = &[
    (
        "references folded inside of a Message-ID",
        &[
            ("kelly", "Offer", "a-very-long-NAME@x", ""),
            (
                "kelly",
                "Re: Offer",
                "b-NAME@x",
                "References: <a-very-long-\r\n NAME@x>\r\n",
            ),
        ],
        &[0, 0],
    ),
    (
        "references without spaces, and cut at their end",
        &[
            ("kelly", "Offer", "a-NAME@x", ""),
            (
                "kelly",
                "Another",
                "b-NAME@x",
                "References: <z@x><a-NAME@x><cut-of",
            ),
        ],
        &[0, 0],
    ),
    (
        "a Message-ID without angles, among words",
        &[
            ("kelly", "Offer", "a-NAME@x", ""),
            ("kelly", "Another", "b-NAME@x", "In-Reply-To: a-NAME@x\r\n"),
            (
                "kelly",
                "A third",
                "c-NAME@x",
                "In-Reply-To: Your message of Monday <b-NAME@x>\r\n",
            ),
        ],
        &[0, 0, 0],
    ),
    (
        "both answer what is not here",
        &[
            ("kelly", "Offer", "a-NAME@x", "References: <gone-NAME@x>\r\n"),
            ("kelly", "Another", "b-NAME@x", "In-Reply-To: <gone-NAME@x>\r\n"),
            (
                "mallory",
                "Re: Offer",
                "c-NAME@x",
                "In-Reply-To: <gone-NAME@x>\r\n",
            ),
        ],
        &[0, 0, 1],
    ),
    (
        "Thread-Index is all that is left",
        &[
            ("kelly", "Offer NAME", "a-NAME@x", INDEX),
            (
                "kelly",
                "Automaattinen NAME: Offer NAME",
                "b-NAME@x",
                "Thread-Topic: Offer NAME\r\nThread-Index: AdvK5Ex0Jm6cBvJ3RUSV0cvmxKSOiAAABhFw\r\n",
            ),
            ("mallory", "AW: Offer NAME", "c-NAME@x", ANSWERING_INDEX),
        ],
        &[0, 0, 1],
    ),
    (
        "the same Thread-Index on whatever a program sends",
        &[
            ("kelly", "Offer NAME", "a-NAME@x", INDEX),
            ("kelly", "Cable NAME", "b-NAME@x", INDEX),
        ],
        &[0, 1],
    ),
    (
        "a number of a ticket is all that joins",
        &[
            (
                "desk",
                "[Ticket-ID: NAME-471100] We have your request",
                "a-NAME@x",
                "",
            ),
            ("desk", "Solved: cable [Ticket-ID: NAME-471100]", "b-NAME@x", ""),
            (
                "mallory",
                "Re: [Ticket-ID: NAME-471100] We have your request",
                "c-NAME@x",
                "",
            ),
            (
                "desk",
                "[Ticket-ID: NAME-471101] We have your request",
                "d-NAME@x",
                "",
            ),
        ],
        &[0, 0, 1, 2],
    ),
    (
        "a subject with and without prefixes",
        &[
            ("kelly", "Offer NAME", "a-NAME@x", ""),
            ("kelly", "AW: RE[2]: Offer NAME", "b-NAME@x", ""),
            ("kelly", "Ответ: Offer NAME", "c-NAME@x", ""),
            ("kelly", "[EXTERNAL] Odp: SV: Offer NAME", "d-NAME@x", ""),
            ("kelly", "Offer NAME", "e-NAME@x", ""),
            ("mallory", "Re: Offer NAME", "f-NAME@x", ""),
        ],
        &[0, 0, 0, 0, 1, 2],
    ),
    (
        "the same Message-ID by two ways",
        &[
            ("kelly", "Offer", "a-NAME@x", ""),
            ("kelly", "[list] Offer", "a-NAME@x", "List-Id: <list.x>\r\n"),
        ],
        &[0, 0],
    ),
    (
        "the same Message-ID on whatever a program sends",
        &[
            ("kelly", "Offer", "a-NAME@x", ""),
            ("kelly", "Re: Offer", "b-NAME@x", "In-Reply-To: <a-NAME@x>\r\n"),
            ("kelly", "Cable", "a-NAME@x", ""),
            ("kelly", "Re: Cable", "c-NAME@x", "In-Reply-To: <a-NAME@x>\r\n"),
            ("kelly", "Re: Offer", "d-NAME@x", "In-Reply-To: <a-NAME@x>\r\n"),
        ],
        &[0, 0, 1, 1, 0],
    ),
    (
        "a Message-ID that somebody else has used again",
        &[
            ("kelly", "Offer", "a-NAME@x", ""),
            ("mallory", "Offer", "a-NAME@x", ""),
            ("kelly", "Re: Offer", "b-NAME@x", "In-Reply-To: <a-NAME@x>\r\n"),
        ],
        &[0, 1, 0],
    ),
];

struct Desk {
    world: World,
    alice: Viewer,
    account: MailAccountId,
    lease: Lease,
}

async fn all(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let (id, alice) = world.administrator("alice").await;
    let services = &world.services;
    let account = services.create_account(id, "Mail", ALICE).await.expect("account");
    let lease = services.take_lease(account, "one").await.expect("lease");
    let desk = Desk {
        alice,
        account,
        lease: lease.expect("free"),
        world,
    };
    let mut wrong = Vec::new();
    for (number, (what, mails, threads)) in CASES.iter().enumerate() {
        // In one commit, and each in its own: what a batch knows of itself, and what is stored.
        for is_one_batch in [true, false] {
            let name = format!("case{number}{is_one_batch}");
            let found = desk.threads_of(&name, mails, is_one_batch).await;
            if found != *threads {
                wrong.push(format!("{what}: {found:?}, expected {threads:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    an_answer_to_what_the_server_has_renamed(&desk).await;
}

fn raw(name: &str, position: usize, (from, subject, id, more): &Mail) -> String {
    let subject = subject.replace("NAME", name);
    let (id, more) = (id.replace("NAME", name), more.replace("NAME", name));
    let more = match more.is_empty() || more.ends_with('\n') {
        true => more,
        false => format!("{more}\r\n"),
    };
    format!(
        "From: {from}{name}@out.example\r\nTo: {ALICE}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n{more}\r\nwords {name}word{position}\r\n"
    )
}

impl Desk {
    /// Threads by the order in which they first appear.
    async fn threads_of(&self, name: &str, mails: &[Mail], is_one_batch: bool) -> Vec<usize> {
        let raws: Vec<_> = mails
            .iter()
            .enumerate()
            .map(|(position, mail)| raw(name, position, mail))
            .collect();
        let size = if is_one_batch { raws.len() } else { 1 };
        for batch in raws.chunks(size) {
            self.world.pass(std::time::Duration::from_secs(60));
            let stored = self.world.intake(&self.lease, 1, batch).await.expect("intake");
            assert_eq!(stored, batch.len() as u64, "{name}");
        }
        let mut known: HashMap<ThreadId, usize> = HashMap::new();
        let mut threads = Vec::new();
        for position in 0..mails.len() {
            let thread = self.thread_of(&format!("{name}word{position}")).await;
            let next = known.len();
            threads.push(*known.entry(thread).or_insert(next));
        }
        threads
    }

    async fn thread_of(&self, word: &str) -> ThreadId {
        let found = self.world.list(self.alice, word, Filter::default()).await;
        assert_eq!(found.len(), 1, "{word}");
        found[0].message.thread
    }
}

/// outlook.com and Exchange give what they send a Message-ID of their own; answers name that one.
async fn an_answer_to_what_the_server_has_renamed(desk: &Desk) {
    let services = &desk.world.services;
    let smtp = SmtpSettings {
        enabled: true,
        server: "smtp.isp.example".into(),
        auth: SmtpAuth::None,
        security: Security::Tls,
        ..SmtpSettings::default()
    };
    let card = Card::Smtp {
        settings: smtp,
        password: None,
    };
    services
        .save_card(desk.alice, desk.account, card)
        .await
        .expect("card");
    let form = DraftForm {
        account: desk.account,
        thread: None,
        answers: None,
        recipients: Recipients {
            to: vec![WrittenAddress {
                name: String::new(),
                address: "renamed@out.example".into(),
            }],
            ..Recipients::default()
        },
        subject: "Our offer".into(),
        html: "<p>Hi</p>".into(),
    };
    let send = SendForm {
        form,
        draft: None,
        files: None,
        can_be_undone: false,
    };
    let queued = services.send(desk.alice, send, None).await.expect("queued");
    let sender = Sender {
        owner: "test",
        account: desk.account,
        settings: None,
    };
    let claimed = services
        .claim_outgoing(sender)
        .await
        .expect("claimed")
        .expect("due");
    let pieces = services.read_outgoing(&claimed).await.expect("stored");
    let pieces: Vec<bytes::Bytes> = pieces.try_collect().await.expect("read");
    let sent = String::from_utf8(pieces.concat()).expect("text");
    let own = sent
        .lines()
        .find(|line| line.starts_with("Message-ID:"))
        .expect("id");
    let filed = sent.replace(own, "Message-ID: <EX1.renamed@prod.outlook.example>");
    let stored = desk
        .world
        .intake_into(FolderRole::Sent, &desk.lease, 1, &[filed])
        .await;
    assert_eq!(stored.expect("intake"), 0, "another form of it");
    let answer = |from: &str, id: &str| {
        format!(
            "From: {from}@out.example\r\nTo: {ALICE}\r\nSubject: Yes\r\nMessage-ID: <{id}@x>\r\nIn-Reply-To: <EX1.renamed@prod.outlook.example>\r\n\r\nwords {id}\r\n"
        )
    };
    let answers = [
        answer("renamed", "renamedyes"),
        answer("mallory", "renamedforged"),
    ];
    desk.world.intake(&desk.lease, 1, &answers).await.expect("intake");
    let thread = desk.thread_of("renamedyes").await;
    let held = services
        .get_thread(desk.alice, thread, None, i64::MAX)
        .await
        .expect("thread");
    assert!(
        held.messages
            .iter()
            .any(|one| one.listed.message.id == queued.message)
    );
    assert_ne!(desk.thread_of("renamedforged").await, thread);
}
