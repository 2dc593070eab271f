//! Faults that users of such programs have reported elsewhere: each with its right outcome, on both databases.

use domain::MailAccountId;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::folder::FolderRole;
use domain::message::Direction;
use domain::outbox::SentCopy;
use domain::party::PartyKind;
use service::access::Viewer;
use service::accounts::Card;
use service::drafts::AnswerKind;
use service::drafts::DraftView;
use service::drafts::WrittenAddress;
use service::inbox::Filter;
use service::inbox::ListedMessage;
use service::outbox::SendForm;
use service::sync::Lease;
use store::Db;
use tempfile::TempDir;
use testkit::Postgres;
use testkit::cases;

use crate::world::World;

struct Desk {
    world: World,
    alice: Viewer,
    account: MailAccountId,
    lease: Lease,
    _folder: TempDir,
}

impl Desk {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db")).await;
        Self::on(db.expect("database"), folder).await
    }

    async fn on(db: Db, folder: TempDir) -> Self {
        let world = World::new(db, folder.path()).await;
        let (id, alice) = world.administrator("alice").await;
        let services = &world.services;
        let account = services.create_account(id, "Alice", "alice@isp.example").await;
        let account = account.expect("account");
        let lease = services.take_lease(account, "test").await;
        let desk = Desk {
            alice,
            account,
            lease: lease.expect("lease").expect("free"),
            world,
            _folder: folder,
        };
        desk.sends_through("smtp.isp.example", "").await;
        desk
    }

    async fn sends_through(&self, server: &str, username: &str) {
        let settings = SmtpSettings {
            server: server.into(),
            username: Some(username.to_owned()),
            port: 465,
            security: Security::Tls,
            auth: SmtpAuth::None,
            enabled: true,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings,
            password: None,
        };
        self.save(card).await;
    }

    async fn reads_from(&self, server: &str) {
        let settings = ImapSettings {
            server: server.into(),
            port: 993,
            security: Security::Tls,
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
        self.save(card).await;
    }

    async fn save(&self, card: Card) {
        let saved = self
            .world
            .services
            .save_card(self.alice, self.account, card)
            .await;
        saved.expect("card");
    }

    async fn receive(&self, role: FolderRole, uid: u32, raw: String) {
        let stored = self.world.intake_into(role, &self.lease, uid, &[raw]).await;
        assert_eq!(stored.expect("intake"), 1);
    }

    async fn find(&self, subject: &str) -> ListedMessage {
        let listed = self.world.list(self.alice, "", Filter::default()).await;
        let mut listed = listed.into_iter();
        listed
            .find(|one| one.message.subject == subject)
            .unwrap_or_else(|| panic!("{subject}"))
    }

    async fn answer(&self, subject: &str, kind: AnswerKind) -> DraftView {
        let message = self.find(subject).await.message.id;
        let draft = self
            .world
            .services
            .begin_answer(self.alice, message, kind, None)
            .await;
        draft.expect("draft")
    }

    /// To and Cc.
    async fn answered(&self, subject: &str, kind: AnswerKind) -> [String; 2] {
        let recipients = self.answer(subject, kind).await.form.recipients;
        [recipients.to, recipients.cc].map(|list| {
            let addresses = list.into_iter().map(|one| one.address);
            addresses.collect::<Vec<_>>().join(" ")
        })
    }

    async fn send(&self, draft: DraftView) -> String {
        let mut form = draft.form;
        form.recipients.to = vec![WrittenAddress {
            name: String::new(),
            address: "tom@out.example".into(),
        }];
        let send = SendForm {
            form,
            draft: Some(draft.id),
            files: None,
            can_be_undone: false,
        };
        let services = &self.world.services;
        let queued = services.send(self.alice, send, None).await.expect("queued");
        let raw = services.open_raw(self.alice, queued.message).await.expect("raw");
        String::from_utf8(raw.to_vec()).expect("ascii")
    }

    async fn drafts(&self) -> usize {
        let drafts = self.world.services.list_drafts(self.alice).await;
        drafts.expect("drafts").len()
    }

    /// Of a message that goes out now.
    async fn sent_copy(&self) -> SentCopy {
        let draft = self.answer("Router keeps restarting", AnswerKind::Reply).await;
        let send = SendForm {
            form: draft.form,
            draft: Some(draft.id),
            files: None,
            can_be_undone: false,
        };
        let services = &self.world.services;
        let queued = services.send(self.alice, send, None).await.expect("queued");
        let entry = services.get_delivery(self.alice, queued.message).await;
        entry.expect("entry").0.sent_copy
    }
}

const FORM: &str = "Contact form: fibre at Mill Lane 4";

async fn case_01(desk: &Desk) {
    let raw = cases::message("01-contact-form-from-own-address");
    desk.receive(FolderRole::Inbox, 1, raw.clone()).await;
    for kind in [AnswerKind::Reply, AnswerKind::ReplyAll] {
        assert_eq!(
            desk.answered(FORM, kind).await,
            ["kelly.moss@out.example", ""],
            "{kind:?}"
        );
    }
    let listed = desk.find(FORM).await;
    assert_eq!(listed.message.direction, Direction::Incoming);
    let services = &desk.world.services;
    let pairing = services
        .get_pairing(desk.alice, listed.message.id)
        .await
        .expect("pairing");
    let offered: Vec<_> = pairing
        .offers
        .iter()
        .map(|offer| offer.address.as_str())
        .collect();
    assert_eq!(offered, ["kelly.moss@out.example"]);
    // One's own mail is answered to whom it went, with a Reply-To of one's own or without, wherever it lies.
    for (uid, role, reply_to) in [
        (1, FolderRole::Sent, ""),
        (2, FolderRole::Inbox, "Reply-To: Alice <ALICE@isp.example>\r\n"),
        (3, FolderRole::Inbox, "Reply-To: alice+crm@isp.example\r\n"),
    ] {
        let subject = format!("Mine {uid}");
        let mine = format!(
            "From: alice@isp.example\r\n{reply_to}To: tom@out.example\r\nSubject: {subject}\r\nMessage-ID: <{uid}@isp.example>\r\n\r\nhi\r\n"
        );
        desk.receive(role, uid, mine).await;
        let answered = desk.answered(&subject, AnswerKind::Reply).await;
        assert_eq!(answered, ["tom@out.example", ""], "{reply_to}");
        assert_eq!(desk.find(&subject).await.message.direction, Direction::Outgoing);
    }
}

async fn case_02(desk: &Desk) {
    const SUBJECT: &str = "Router keeps restarting";
    let raw = cases::message("02-reply-to-is-only-ourselves");
    desk.receive(FolderRole::Inbox, 10, raw.clone()).await;
    assert_eq!(
        desk.answered(SUBJECT, AnswerKind::Reply).await,
        ["kelly.moss@out.example", ""]
    );
    assert_eq!(
        desk.answered(SUBJECT, AnswerKind::ReplyAll).await,
        ["kelly.moss@out.example", "tom@out.example"]
    );
    let both = raw
        .replace(
            "Reply-To: alice@",
            "Reply-To: Alice+7@ISP.example, desk@out.example, alice@",
        )
        .replace(SUBJECT, "To both")
        .replace("r-5521", "r-5522");
    desk.receive(FolderRole::Inbox, 11, both).await;
    assert_eq!(
        desk.answered("To both", AnswerKind::Reply).await,
        ["desk@out.example", ""]
    );
    // Ticket systems tell by the case of it which ticket it is.
    let ticket = raw
        .replace(
            "Reply-To: alice@isp.example",
            "Reply-To: Desk <Reply+AbC9x@Help.example>",
        )
        .replace(SUBJECT, "A ticket")
        .replace("r-5521", "r-5523");
    desk.receive(FolderRole::Inbox, 12, ticket).await;
    assert_eq!(
        desk.answered("A ticket", AnswerKind::Reply).await,
        ["Reply+AbC9x@help.example", ""]
    );
}

async fn case_04(desk: &Desk) {
    let raw = cases::message("04-forward-with-an-empty-file");
    desk.receive(FolderRole::Inbox, 20, raw).await;
    let before = desk.drafts().await;
    let draft = desk.answer("Logs of the night", AnswerKind::Forward).await;
    let mut files: Vec<_> = draft
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.size_bytes))
        .collect();
    files.sort_unstable();
    assert_eq!(files, [("errors.log", 0), ("lines.csv", 23)]);
    assert_eq!(desk.drafts().await, before + 1);
    let sent = desk.send(draft).await;
    assert!(
        sent.contains("filename=\"errors.log\"") && sent.contains("filename=\"lines.csv\""),
        "{sent}"
    );
    // What one message cannot carry is said, and leaves no half of a draft.
    let file = |number: usize| {
        format!(
            "--q\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"{number}.txt\"\r\n\r\n{number}\r\n"
        )
    };
    let files: String = (0..51).map(file).collect();
    let many = format!(
        "From: kelly@out.example\r\nTo: alice@isp.example\r\nSubject: Many\r\nMessage-ID: <many@out.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n{files}--q--\r\n"
    );
    desk.receive(FolderRole::Inbox, 21, many).await;
    let (before, message) = (desk.drafts().await, desk.find("Many").await.message.id);
    let forward = desk
        .world
        .services
        .begin_answer(desk.alice, message, AnswerKind::Forward, None)
        .await;
    let said = format!("{:?}", forward.expect_err("too many"));
    assert!(said.contains("at most 50 files"), "{said}");
    assert_eq!(desk.drafts().await, before);
}

async fn case_05(desk: &Desk) {
    let raw = cases::message("05-inline-images-in-answers");
    desk.receive(FolderRole::Inbox, 30, raw).await;
    for kind in [AnswerKind::Reply, AnswerKind::ReplyAll, AnswerKind::Forward] {
        let draft = desk.answer("What the router shows", kind).await;
        let held = draft.files[0].content_id.clone().expect("inline, for the editor");
        assert!(draft.form.html.contains(&format!("cid:{held}")), "{kind:?}");
        let sent = desk.send(draft).await;
        let opened = mime::open_message(sent.as_bytes()).expect("opened");
        let html = opened.html.concat();
        let named: Vec<_> = html
            .split("cid:")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        assert_eq!(named, [held.as_str()], "{kind:?}: {html}");
        assert!(
            sent.contains("multipart/related") && sent.contains(&format!("Content-ID: <{held}>")),
            "{sent}"
        );
        assert!(
            sent.contains("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4YaMB"),
            "{sent}"
        );
    }
}

async fn case_15(desk: &Desk) {
    let services = &desk.world.services;
    let import = async |csv: &str| {
        let csv = csv.as_bytes();
        let report = services
            .import_parties(desk.alice, PartyKind::Customer, csv, true)
            .await;
        report.expect("import")
    };
    let file = |name| cases::text("15-csv-external-id-that-is-new", name);
    let first = import(&file("first.csv")).await;
    assert_eq!((first.added, first.changed, first.refused), (2, 0, 0));
    let second = import(&file("second.csv")).await;
    assert_eq!(
        (second.added, second.changed, second.refused),
        (0, 2, 0),
        "{second:?}"
    );
    for (id, name) in [("b-1", "Kelly Moss"), ("b-2", "Tom Reed")] {
        let found = services
            .find_party_by_external_id(desk.alice, id)
            .await
            .expect(id);
        let party = services.get_party(desk.alice, found).await.expect("party");
        assert_eq!(party.name, name);
    }
    let again = import(&file("second.csv")).await;
    assert_eq!((again.unchanged, again.refused), (2, 0));
    // An empty cell takes no id away; one that is another's is not taken over.
    let empty = import("id,name,email\n,Kelly Moss,kelly@out.example\n").await;
    assert_eq!(
        (empty.added, empty.changed, empty.unchanged),
        (0, 0, 1),
        "{empty:?}"
    );
    let other = import("id,name,email,number\nb-9,Kelly Moss,kelly9@out.example,1001\nb-8,Sam Moss,kelly8@out.example,1008\n").await;
    assert_eq!(
        (other.added, other.changed, other.refused),
        (1, 0, 1),
        "{other:?}"
    );
    assert_eq!(other.refusals[0].line, 2);
    assert!(
        other.refusals[0].errors[0]
            .message
            .contains("another external id"),
        "{other:?}"
    );
    let letter = "From: kelly@out.example\r\nTo: alice@isp.example\r\nSubject: Whose\r\nMessage-ID: <w@out.example>\r\n\r\nhi\r\n";
    desk.receive(FolderRole::Inbox, 40, letter.to_owned()).await;
    let parties = desk.find("Whose").await.parties;
    assert_eq!(
        parties
            .iter()
            .map(|party| party.name.as_str())
            .collect::<Vec<_>>(),
        ["Kelly Moss"]
    );
    // One address of two people: both are kept, and neither is the other.
    let shared = import("id,name,email,number\nb-7,Ann Reed,tom@out.example,1007\n").await;
    assert_eq!(
        (shared.added, shared.changed, shared.refused),
        (1, 0, 0),
        "{shared:?}"
    );
}

/// Whoever sends files it, where it is one mailbox.
async fn who_files_what_was_sent(desk: &Desk) {
    for (smtp, username, imap, copy) in [
        ("smtp.gmail.com", "", "imap.gmail.com", SentCopy::None),
        (
            "smtp.gmail.com",
            "alice@isp.example",
            "imap.gmail.com",
            SentCopy::None,
        ),
        ("smtp.gmail.com", "alice", "imap.gmail.com", SentCopy::None),
        (
            "smtp.gmail.com",
            "other@gmail.com",
            "imap.gmail.com",
            SentCopy::Due,
        ),
        ("smtp.gmail.com", "", "mail.isp.example", SentCopy::Due),
        ("smtp-relay.gmail.com", "", "imap.gmail.com", SentCopy::Due),
        ("mail.isp.example", "", "imap.gmail.com", SentCopy::Due),
    ] {
        desk.reads_from(imap).await;
        desk.sends_through(smtp, username).await;
        assert_eq!(desk.sent_copy().await, copy, "{smtp} {username} {imap}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_01_contact_form_from_own_address() {
    case_01(&Desk::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_02_reply_to_is_only_ourselves() {
    case_02(&Desk::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_04_forward_with_an_empty_file() {
    case_04(&Desk::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_05_inline_images_in_answers() {
    case_05(&Desk::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_csv_external_id_that_is_new() {
    case_15(&Desk::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_mail_is_filed_by_its_server_only_in_its_own_mailbox() {
    let desk = Desk::on_sqlite().await;
    case_02(&desk).await;
    who_files_what_was_sent(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres_with_one_connection(&postgres.url()).await;
    let desk = Desk::on(db.expect("database"), tempfile::tempdir().expect("folder")).await;
    case_01(&desk).await;
    case_02(&desk).await;
    case_04(&desk).await;
    case_05(&desk).await;
    case_15(&desk).await;
    who_files_what_was_sent(&desk).await;
}
