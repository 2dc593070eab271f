//! Whose mail is whose: pairing, threads by hand, one message in two forms, imports. On both databases.

use std::time::Duration;

use domain::Before;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::PartyId;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::folder::FolderRole;
use domain::party::PartyKind;
use domain::rules::history::HistoryRest;
use domain::rules::pairing::Caution;
use domain::rules::sender::SenderMark;
use service::ServiceError;
use service::access::Viewer;
use service::accounts::Card;
use service::conversations::ConversationLine;
use service::conversations::ConversationQuery;
use service::grants::WantedGrant;
use service::inbox::AuthorKind;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::Position;
use service::inbox::Show;
use service::parties::PartyForm;
use service::sync::Lease;
use store::Db;
use testkit::Postgres;

use crate::world::World;

const ALICE: &str = "alice@isp.example";
const KELLY: &str = "Kelly <kelly@out.example>";

#[derive(Clone, Copy)]
struct Mail<'a> {
    from: &'a str,
    to: &'a str,
    subject: &'a str,
    id: &'a str,
    /// Header lines more, each with its end.
    more: &'a str,
}

impl Mail<'_> {
    fn raw(&self) -> String {
        let Mail {
            from,
            to,
            subject,
            id,
            more,
        } = self;
        format!(
            "{more}From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n\
             Date: Mon, 21 Sep 2026 10:00:00 +0000\r\n\r\nwords of {id}\r\n"
        )
    }
}

fn kellys<'a>(subject: &'a str, id: &'a str, more: &'a str) -> Mail<'a> {
    Mail {
        from: KELLY,
        to: ALICE,
        subject,
        id,
        more,
    }
}

struct Desk {
    world: World,
    alice: Viewer,
    account: MailAccountId,
    lease: Lease,
}

impl Desk {
    async fn new(db: Db, folder: &std::path::Path) -> Self {
        let world = World::new(db, folder).await;
        let (id, alice) = world.administrator("alice").await;
        let account = world
            .services
            .create_account(id, "Mail", ALICE)
            .await
            .expect("account");
        let lease = world
            .services
            .take_lease(account, "one")
            .await
            .expect("lease")
            .expect("free");
        Desk {
            world,
            alice,
            account,
            lease,
        }
    }

    async fn receive(&self, first_uid: u32, mails: &[Mail<'_>]) -> u64 {
        let raws: Vec<_> = mails.iter().map(Mail::raw).collect();
        self.world
            .intake(&self.lease, first_uid, &raws)
            .await
            .expect("intake")
    }

    async fn customer(&self, name: &str, addresses: &[&str]) -> PartyId {
        let form = PartyForm {
            kind: PartyKind::Customer,
            name: name.into(),
            number: String::new(),
            phone: String::new(),
            status: String::new(),
            external_id: None,
            notes: String::new(),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        };
        self.world
            .services
            .create_party(self.alice, form)
            .await
            .expect("party")
    }

    async fn lines(&self, party: PartyId) -> Vec<ConversationLine> {
        let query = ConversationQuery {
            kind: None,
            show: Show::All,
            text: String::new(),
            before: Before::NEWEST,
            limit: 50,
        };
        let lines = self
            .world
            .services
            .list_conversation(self.alice, party, &query)
            .await;
        lines.expect("conversation").rows
    }

    async fn subjects_with(&self, party: PartyId) -> Vec<String> {
        let lines = self.lines(party).await.into_iter();
        lines.map(|line| line.last.message.subject).collect()
    }

    async fn find(&self, text: &str) -> service::inbox::ListedMessage {
        let mut found = self.world.list(self.alice, text, Filter::default()).await;
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }
}

async fn mail_is_whose_it_is(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let desk = Desk::new(db, folder.path()).await;
    one_address_on_two_records(&desk).await;
    what_a_domain_disowns(&desk).await;
    senders_that_pretend(&desk).await;
    a_provider_that_gives_so_much_a_day(&desk).await;
    forged_references(&desk).await;
    threads_by_hand(&desk).await;
    mail_to_oneself(&desk).await;
    machines_and_tags(&desk).await;
    one_message_in_two_accounts(&desk).await;
    known_and_unknown(&desk).await;
    a_file_of_customers(&desk).await;
}

async fn one_address_on_two_records(desk: &Desk) {
    let services = &desk.world.services;
    let (home, firm) = (
        desk.customer("Kelly Home", &["kelly@out.example"]).await,
        desk.customer("Kelly Firm", &["kelly@out.example"]).await,
    );
    desk.receive(1, &[kellys("Ambiguous", "amb1@out.example", "")])
        .await;
    let listed = desk.find("ambiguous").await;
    assert_eq!(
        (listed.author_kind, listed.parties.len(), listed.is_chosen),
        (AuthorKind::Party, 2, false)
    );
    let thread = listed.message.thread;
    for party in [home, firm] {
        assert_eq!(desk.subjects_with(party).await, ["Ambiguous"], "shown on each");
    }
    services
        .choose_thread_party(desk.alice, thread, Some(firm))
        .await
        .expect("chosen");
    let listed = desk.find("ambiguous").await;
    assert_eq!(
        (listed.parties.len(), listed.parties[0].id, listed.is_chosen),
        (1, firm, true)
    );
    assert!(desk.subjects_with(home).await.is_empty());
    assert_eq!(desk.subjects_with(firm).await, ["Ambiguous"]);
    services
        .choose_thread_party(desk.alice, thread, None)
        .await
        .expect("taken back");
    assert_eq!(desk.subjects_with(home).await, ["Ambiguous"]);
    services
        .choose_thread_party(desk.alice, thread, Some(firm))
        .await
        .expect("chosen");
    services.delete_party(desk.alice, firm).await.expect("deleted");
    assert_eq!(
        desk.subjects_with(home).await,
        ["Ambiguous"],
        "a choice ends with its record"
    );
}

/// `Authentication-Results` of the receiving server say fail: a known address is not believed by itself.
async fn what_a_domain_disowns(desk: &Desk) {
    let services = &desk.world.services;
    let victim = desk.customer("Victim", &["victim@bank.example"]).await;
    let fail = "Authentication-Results: mx.isp.example; dmarc=fail header.from=bank.example\r\n";
    let forged = Mail {
        from: "victim@bank.example",
        to: ALICE,
        subject: "Forged",
        id: "f1@evil.example",
        more: fail,
    };
    let settings = ImapSettings {
        server: "imap.isp.example".into(),
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
    services
        .save_card(desk.alice, desk.account, card)
        .await
        .expect("saved");
    let pass = "Authentication-Results: mx.isp.example; dmarc=pass\r\nAuthentication-Results: mx.isp.example; dmarc=fail\r\n";
    let honest = Mail {
        from: "victim@bank.example",
        to: ALICE,
        subject: "Honest",
        id: "h1@bank.example",
        more: pass,
    };
    desk.receive(10, &[honest]).await;
    let learned = services
        .get_own_account(desk.alice, desk.account)
        .await
        .expect("account");
    let learned = learned.imap.and_then(|imap| imap.authserv_id);
    assert_eq!(learned.as_deref(), Some("mx.isp.example"));
    let foreign = "Authentication-Results: mx.evil.example; dmarc=fail\r\n";
    let slandered = Mail {
        subject: "Slandered",
        id: "s1@bank.example",
        more: foreign,
        ..honest
    };
    desk.receive(12, &[slandered]).await;
    assert!(
        !desk.find("slandered").await.is_disowned,
        "whose word does not count"
    );
    desk.receive(11, &[forged]).await;
    let listed = desk.find("forged").await;
    assert_eq!(
        (listed.author_kind, listed.is_disowned, listed.parties.len()),
        (AuthorKind::Unknown, true, 1)
    );
    assert_eq!(desk.subjects_with(victim).await.len(), 2);
    services
        .choose_thread_party(desk.alice, listed.message.thread, Some(victim))
        .await
        .expect("chosen");
    let listed = desk.find("forged").await;
    assert_eq!(
        (listed.author_kind, listed.is_disowned),
        (AuthorKind::Party, false)
    );
    assert_eq!(desk.subjects_with(victim).await.len(), 3);
}

/// Old mail rests once four fifths of a day's bytes are fetched, and goes on the next day.
async fn a_provider_that_gives_so_much_a_day(desk: &Desk) {
    let services = &desk.world.services;
    let rest = async || {
        let mut account = services
            .get_own_account(desk.alice, desk.account)
            .await
            .expect("account");
        if let Some(imap) = &mut account.imap {
            imap.server = "imap.gmail.com".into();
        }
        services.history_rest(&account).await.expect("rest")
    };
    assert_eq!(rest().await, None);
    let today = services.now().days();
    for (bytes, expected) in [
        (1_500_000_000, None),
        (600_000_000, Some(HistoryRest::DailyLimit)),
    ] {
        let mut tx = desk.world.db.begin_write().await.expect("transaction");
        store::fetched_bytes::add(&mut tx, desk.account, today, bytes)
            .await
            .expect("counted");
        tx.commit().await.expect("committed");
        assert_eq!(rest().await, expected, "{bytes} more");
    }
    desk.world.pass(Duration::from_secs(24 * 3_600));
    assert_eq!(rest().await, None, "the next day");
}

/// What looks like a customer and is not: told, attributed to nobody, and no images of it are loaded by themselves.
async fn senders_that_pretend(desk: &Desk) {
    let services = &desk.world.services;
    // The letter in the middle is a Cyrillic one.
    let lookalike = "Victim <victim@b\u{430}nk.example>";
    let genuine = "Authentication-Results: mx.isp.example; spf=pass; dmarc=pass header.from=bank.example\r\n";
    let other = "Authentication-Results: mx.evil.example; spf=pass; dmarc=pass header.from=bank.example\r\n";
    for (uid, from, subject, more) in [
        (20, lookalike, "Lookalike", ""),
        (21, "<victim@bank.example> <evil@out.example>", "Twofold", ""),
        (22, "\"victim@bank.example\" <evil@out.example>", "Named", ""),
        (23, "victim@bank.example", "Genuine", genuine),
        (24, "victim@bank.example", "Selfmade", other),
    ] {
        let id = format!("pretend{uid}@out.example");
        let mail = Mail {
            from,
            to: ALICE,
            subject,
            id: &id,
            more,
        };
        desk.receive(uid, &[mail]).await;
    }
    for (subject, doubtful, kind, verified) in [
        ("lookalike", true, AuthorKind::Unknown, false),
        ("twofold", true, AuthorKind::Unknown, false),
        ("named", true, AuthorKind::Unknown, false),
        ("genuine", false, AuthorKind::Party, true),
        ("selfmade", false, AuthorKind::Party, false),
    ] {
        let listed = desk.find(subject).await;
        let marks = listed.message.sender_marks;
        let is_in_doubt = marks.is_doubtful() || listed.lookalike_of.is_some();
        assert_eq!(
            (is_in_doubt, listed.author_kind),
            (doubtful, kind),
            "{subject}: {marks:?}"
        );
        assert_eq!(marks.has(SenderMark::Verified), verified, "{subject}");
        let id = listed.message.id;
        let always = services.set_images_always(desk.alice, id, true).await;
        assert_eq!(always.is_err(), doubtful, "{subject}: {always:?}");
        let opened = services.open_message(desk.alice, id).await.expect("opened");
        assert_eq!(
            opened.checked.is_some(),
            verified,
            "{subject}: another server's word is not shown"
        );
    }
    assert_eq!(
        desk.find("lookalike").await.lookalike_of.as_deref(),
        Some("bank.example")
    );
}

/// Whoever is not part of a thread does not get into it by naming its messages: 0 of 100.
async fn forged_references(desk: &Desk) {
    let services = &desk.world.services;
    desk.receive(20, &[kellys("Contract", "contract@out.example", "")])
        .await;
    let thread = desk.find("contract").await.message.thread;
    let forged: Vec<(String, String, String)> = (0..100)
        .map(|number| {
            let names = match number % 4 {
                0 => "In-Reply-To: <contract@out.example>\r\n",
                1 => "References: <contract@out.example>\r\n",
                2 => "References: <a@b> <contract@out.example>\r\nIn-Reply-To: <contract@out.example>\r\n",
                _ => "Sender: kelly@out.example\r\nIn-Reply-To: contract@out.example\r\n",
            };
            let from = format!("\"kelly@out.example\" <mallory{number}@evil.example>");
            (from, format!("forged{number}@evil.example"), names.to_owned())
        })
        .collect();
    let mails: Vec<_> = forged
        .iter()
        .map(|(from, id, more)| Mail {
            from,
            to: ALICE,
            subject: "Re: Contract",
            id,
            more,
        })
        .collect();
    desk.receive(21, &mails).await;
    let messages = services
        .get_thread(desk.alice, thread, None, i64::MAX)
        .await
        .expect("thread")
        .messages;
    assert_eq!(messages.len(), 1, "{} of 100 joined", messages.len() - 1);
    // Kelly's own answer joins.
    let more = "In-Reply-To: <contract@out.example>\r\n";
    desk.receive(121, &[kellys("Re: Contract", "answer@out.example", more)])
        .await;
    let messages = services
        .get_thread(desk.alice, thread, None, i64::MAX)
        .await
        .expect("thread")
        .messages;
    assert_eq!(messages.len(), 2);
}

async fn threads_by_hand(desk: &Desk) {
    let services = &desk.world.services;
    desk.receive(
        130,
        &[
            kellys("Router", "router@out.example", ""),
            kellys("Cable", "cable@out.example", ""),
        ],
    )
    .await;
    let (router, cable) = (
        desk.find("router").await.message,
        desk.find("cable").await.message,
    );
    let moved = services
        .merge_threads(desk.alice, cable.thread, router.thread)
        .await
        .expect("merged");
    assert_eq!(moved, [cable.id]);
    for thread in [router.thread, cable.thread] {
        let messages = services
            .get_thread(desk.alice, thread, None, i64::MAX)
            .await
            .expect("thread")
            .messages;
        assert_eq!(messages.len(), 2, "the old id leads to the new place");
    }
    // An answer to what was moved goes where it is now.
    let more = "In-Reply-To: <cable@out.example>\r\n";
    desk.receive(140, &[kellys("Re: Cable", "cable2@out.example", more)])
        .await;
    let messages = services
        .get_thread(desk.alice, router.thread, None, i64::MAX)
        .await
        .expect("thread")
        .messages;
    assert_eq!(messages.len(), 3);
    let split = services
        .split_thread(desk.alice, router.thread, &moved)
        .await
        .expect("split");
    let messages = services
        .get_thread(desk.alice, split, None, i64::MAX)
        .await
        .expect("thread")
        .messages;
    assert_eq!(messages[0].listed.message.id, cable.id);
    let all = [router.id];
    for wrong in [&[][..], &all[..]] {
        let refused = services.split_thread(desk.alice, split, wrong).await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))), "{wrong:?}");
    }
    assert!(services.merge_threads(desk.alice, split, split).await.is_err());
}

/// INBOX and Sent hold it in other bytes: it is one message, both forms are exported, and it is the owner's.
async fn mail_to_oneself(desk: &Desk) {
    let note = |more| Mail {
        from: ALICE,
        to: ALICE,
        subject: "Reminder",
        id: "note@isp.example",
        more,
    };
    assert_eq!(desk.receive(200, &[note("Received: from here\r\n")]).await, 1);
    let sent = [note("").raw()];
    let stored = desk
        .world
        .intake_into(FolderRole::Sent, &desk.lease, 1, &sent)
        .await
        .expect("intake");
    assert_eq!(stored, 0, "another form of it");
    let listed = desk.find("reminder").await;
    assert_eq!(listed.author_kind, AuthorKind::Owner);
    // Again: now by its bytes.
    assert_eq!(
        desk.world
            .intake_into(FolderRole::Sent, &desk.lease, 2, &sent)
            .await
            .expect("intake"),
        0
    );
    // The same Message-ID over other words is another message.
    let other = [note("").raw().replace("words of", "other words of")];
    assert_eq!(
        desk.world
            .intake_into(FolderRole::Sent, &desk.lease, 3, &other)
            .await
            .expect("intake"),
        1
    );
    let folder = tempfile::tempdir().expect("folder");
    let format = service::export::ExportFormat::Eml;
    desk.world
        .services
        .export_account(desk.account, format, folder.path())
        .await
        .expect("export");
    let files = std::fs::read_dir(folder.path()).expect("files");
    let forms = files
        .map(|file| std::fs::read_to_string(file.expect("file").path()).expect("text"))
        .filter(|text| text.contains("Subject: Reminder"));
    assert_eq!(forms.count(), 3);
}

async fn machines_and_tags(desk: &Desk) {
    let services = &desk.world.services;
    desk.customer("John", &["john@out.example"]).await;
    let shop = Mail {
        from: "Shop <no-reply@shop.example>",
        to: ALICE,
        subject: "Machine",
        id: "m1@shop.example",
        more: "Reply-To: john+shop@out.example\r\n",
    };
    desk.receive(210, &[shop]).await;
    let id = desk.find("machine").await.message.id;
    let pairing = services.get_pairing(desk.alice, id).await.expect("pairing");
    let offers: Vec<_> = pairing
        .offers
        .iter()
        .map(|offer| (offer.address.as_str(), offer.caution))
        .collect();
    assert_eq!(
        offers,
        [
            ("john+shop@out.example", None),
            ("no-reply@shop.example", Some(Caution::NoReply))
        ]
    );
    assert_eq!(pairing.similar[0].0.name, "John");
    let party = pairing.similar[0].0.id;
    let foreign = EmailAddress::parse("other@out.example").expect("address");
    let refused = services.pair_author(desk.alice, id, party, Some(foreign)).await;
    assert!(matches!(refused, Err(ServiceError::Invalid(errors)) if errors[0].field == "address"));
    let offered = pairing.offers[0].address.clone();
    services
        .pair_author(desk.alice, id, party, Some(offered))
        .await
        .expect("paired");
    assert_eq!(desk.subjects_with(party).await, ["Machine"], "by its Reply-To");

    let previews = services
        .preview_deny_list(desk.alice, desk.account, "shop.example\nnobody.example\n")
        .await;
    let previews: Vec<_> = previews
        .expect("preview")
        .into_iter()
        .map(|found| (found.line, found.messages))
        .collect();
    assert_eq!(
        previews,
        [("shop.example".to_owned(), 1), ("nobody.example".to_owned(), 0)]
    );
    desk.world.pass(Duration::from_secs(91 * 24 * 3600));
    let later = services
        .preview_deny_list(desk.alice, desk.account, "shop.example")
        .await
        .expect("preview");
    assert_eq!(later[0].messages, 0, "of the last 90 days");
}

/// Kelly wrote to Alice and Bob; who may see both accounts sees one line that names them.
async fn one_message_in_two_accounts(desk: &Desk) {
    let services = &desk.world.services;
    let (bob_id, bob) = desk.world.administrator("bob").await;
    let account = services
        .create_account(bob_id, "Mail", "bob@isp.example")
        .await
        .expect("account");
    let lease = services
        .take_lease(account, "one")
        .await
        .expect("lease")
        .expect("free");
    let party = desk.customer("Olena", &["olena@out.example"]).await;
    let raw = |via: &str| {
        let more = format!("Received: {via}\r\n");
        let to = "alice@isp.example, bob@isp.example";
        Mail {
            from: "olena@out.example",
            to,
            subject: "To both",
            id: "both@out.example",
            more: &more,
        }
        .raw()
    };
    desk.world
        .intake(&desk.lease, 300, &[raw("alice")])
        .await
        .expect("intake");
    desk.world.intake(&lease, 1, &[raw("bob")]).await.expect("intake");
    let also = |lines: Vec<ConversationLine>| -> Vec<Vec<String>> {
        let names = |line: ConversationLine| line.also_in.into_iter().map(|(_, name)| name).collect();
        lines.into_iter().map(names).collect()
    };
    assert_eq!(
        also(desk.lines(party).await),
        [Vec::<String>::new()],
        "nothing is said of foreign mail"
    );
    let alice = services
        .get_own_account(desk.alice, desk.account)
        .await
        .expect("account")
        .owner;
    let grant = WantedGrant {
        administrator: alice,
        level: domain::Right::See,
        start: None,
        end: None,
    };
    services
        .set_grants(bob, account, &[grant])
        .await
        .expect("granted");
    assert_eq!(also(desk.lines(party).await).concat().len(), 1);
}

async fn known_and_unknown(desk: &Desk) {
    let count = async |known| {
        let query = InboxQuery {
            show: Show::My,
            text: String::new(),
            known,
            filter: Filter::default(),
            position: Position::NEWEST,
            limit: 100,
        };
        let page = desk
            .world
            .services
            .list_inbox(desk.alice, &query)
            .await
            .expect("page");
        page.messages
            .into_iter()
            .map(|listed| listed.author_kind)
            .collect::<Vec<_>>()
    };
    let known = count(Some(true)).await;
    assert!(!known.is_empty() && !known.contains(&AuthorKind::Unknown));
    let unknown = count(Some(false)).await;
    assert!(
        unknown.iter().all(|kind| *kind == AuthorKind::Unknown) && unknown.len() > 50,
        "{}",
        unknown.len()
    );
}

async fn a_file_of_customers(desk: &Desk) {
    let services = &desk.world.services;
    let file = "name,number,email,colour\nNew One,N-1,one@new.example,red\nNo address,N-2,,\nBroken,N-3,not an address,\n";
    let import = async |file: &str, apply| {
        let report = services
            .import_parties(desk.alice, PartyKind::Lead, file.as_bytes(), apply)
            .await;
        report.expect("import")
    };
    let looked_at = import(file, false).await;
    assert_eq!((looked_at.added, looked_at.changed, looked_at.refused), (2, 0, 1));
    assert_eq!(
        (looked_at.refusals[0].line, looked_at.refusals[0].errors[0].field),
        (4, "addresses")
    );
    assert_eq!(looked_at.ignored_columns, ["colour"]);
    let (found, _) = services
        .list_parties(desk.alice, PartyKind::Lead, "", None)
        .await
        .expect("leads");
    assert!(found.is_empty(), "only looked at");
    assert_eq!(import(file, true).await, looked_at);
    let again = import(file, true).await;
    assert_eq!(
        (again.added, again.changed, again.unchanged),
        (0, 0, 2),
        "the same again changes nothing"
    );
    let more = import("number;name;email\nN-1;New Name;two@new.example\n", true).await;
    assert_eq!((more.added, more.changed), (0, 1));
    let (found, _) = services
        .list_parties(desk.alice, PartyKind::Lead, "two@new.example", None)
        .await
        .expect("leads");
    assert_eq!(
        (found[0].name.as_str(), found[0].addresses.len()),
        ("New Name", 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_whose_it_is_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db")).await;
    mail_is_whose_it_is(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_whose_it_is_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    mail_is_whose_it_is(
        Db::open_postgres_with_one_connection(&postgres.url())
            .await
            .expect("database"),
    )
    .await;
}
