//! One life of an account, on SQLite and on PostgreSQL: what is taken in, seen, searched, granted, deleted,
//! erased. The clock is the test's.

use std::time::Duration;

use domain::Before;
use domain::MailAccountId;
use domain::Right;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::party::PartyKind;
use domain::rules::blocking::BlockScope;
use service::Clock;
use service::ServiceError;
use service::conversations::ConversationQuery;
use service::grants::WantedGrant;
use service::housekeeping::RESTORABLE;
use service::inbox::AuthorKind;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::MessageAct;
use service::inbox::Position;
use service::inbox::Show;
use service::parties::PartyForm;
use service::sync::Lease;
use store::BlobStore;
use store::Db;
use testkit::Postgres;
use testkit::sample_mail::plain;

use crate::world::World;

fn mail(subject: &str, id: &str, reply_to: &str) -> String {
    let raw = plain(
        "Kelly <kelly@out.example>",
        "Alice <alice@isp.example>",
        subject,
        &format!("words of {id}"),
        id,
    );
    if reply_to.is_empty() {
        raw
    } else {
        format!("In-Reply-To: <{reply_to}>\r\n{raw}")
    }
}

async fn an_account_lives(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let services = &world.services;
    let (alice, alice_viewer) = world.administrator("alice").await;
    let (bob, bob_viewer) = world.administrator("bob").await;
    let account: MailAccountId = services
        .create_account(alice, "Mail", "alice@isp.example")
        .await
        .expect("account");
    let lease = services
        .take_lease(account, "one")
        .await
        .expect("lease")
        .expect("free");
    assert!(
        services
            .take_lease(account, "two")
            .await
            .expect("lease")
            .is_none(),
        "held"
    );

    let kept = services.renew_leases_of("one").await.expect("renewed");
    assert_eq!(kept.get(&account), Some(&lease.fence));
    assert_eq!(services.renew_leases_of("two").await.expect("renewed").len(), 0);

    // The answer arrives before what it answers, in one batch and in two.
    let raws = [
        mail("Re: Invoice", "a2@x", "a1@x"),
        mail("Überweisung 请付款", "b1@x", ""),
    ];
    assert_eq!(world.intake(&lease, 10, &raws).await.expect("intake"), 2);
    world.pass(Duration::from_secs(60));
    assert_eq!(
        world
            .intake(&lease, 20, &[mail("Invoice", "a1@x", "")])
            .await
            .expect("intake"),
        1
    );
    assert_eq!(
        world.intake(&lease, 30, &raws).await.expect("intake"),
        0,
        "the same bytes again are no new message"
    );

    let all = Filter::default();
    assert_eq!(
        world.subjects(alice_viewer, "", all.clone()).await,
        ["Invoice", "Überweisung 请付款", "Re: Invoice"]
    );
    for (words, found) in [
        ("uberweisung", 1),
        ("付款", 1),
        ("invo", 2),
        ("kelly words", 3),
        ("\"of b1\"", 1),
        ("nothing", 0),
    ] {
        assert_eq!(
            world.subjects(alice_viewer, words, all.clone()).await.len(),
            found,
            "{words}"
        );
    }
    assert_eq!(services.count_unread(alice_viewer).await.expect("count"), 3);
    let query = InboxQuery {
        known: None,
        show: Show::My,
        text: String::new(),
        filter: all.clone(),
        position: Position::NEWEST,
        limit: 2,
    };
    let page = services.list_inbox(alice_viewer, &query).await.expect("page");
    let rest = InboxQuery {
        position: Position::Before(page.older.expect("older")),
        ..query
    };
    assert_eq!(
        services
            .list_inbox(alice_viewer, &rest)
            .await
            .expect("page")
            .messages
            .len(),
        1
    );
    let threads: std::collections::HashSet<_> =
        page.messages.iter().map(|listed| listed.message.thread).collect();
    let invoice = page.messages[0].message.clone();
    assert_eq!(threads.len(), 2, "an invoice and a transfer");
    let last = &services
        .list_inbox(alice_viewer, &rest)
        .await
        .expect("page")
        .messages[0]
        .message;
    assert_eq!(
        last.thread, invoice.thread,
        "the answer and what it answers are one thread"
    );

    // Foreign and missing are the same, until it is granted.
    assert!(world.subjects(bob_viewer, "", all.clone()).await.is_empty());
    assert!(matches!(
        services.open_message(bob_viewer, invoice.id).await,
        Err(ServiceError::NotFound)
    ));
    let grant = WantedGrant {
        administrator: bob,
        level: Right::See,
        start: None,
        end: None,
    };
    services
        .set_grants(alice_viewer, account, &[grant])
        .await
        .expect("grant");
    assert_eq!(world.subjects(bob_viewer, "", all.clone()).await.len(), 3);
    assert_eq!(
        services.count_unread(bob_viewer).await.expect("count"),
        0,
        "older than the grant is read"
    );
    services
        .open_message(bob_viewer, invoice.id)
        .await
        .expect("may see");
    assert!(matches!(
        services.open_raw(bob_viewer, invoice.id).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        services
            .act_on_messages(bob_viewer, &[invoice.id], MessageAct::Delete)
            .await,
        Err(ServiceError::NotFound)
    ));
    world.pass(Duration::from_secs(60));
    world
        .intake(&lease, 40, &[mail("Later", "c1@x", "")])
        .await
        .expect("intake");
    assert_eq!(services.count_unread(bob_viewer).await.expect("count"), 1);
    services
        .set_grants(alice_viewer, account, &[])
        .await
        .expect("revoke");
    assert!(world.subjects(bob_viewer, "later", all.clone()).await.is_empty());
    assert_eq!(services.count_unread(bob_viewer).await.expect("count"), 0);

    // Read, deleted, restored, erased for good: bytes gone, and it never comes back.
    services
        .act_on_messages(alice_viewer, &[invoice.id], MessageAct::MarkRead)
        .await
        .expect("read");
    assert_eq!(
        world
            .subjects(
                alice_viewer,
                "",
                Filter {
                    unread: Some(true),
                    ..all.clone()
                }
            )
            .await
            .len(),
        3
    );
    services
        .act_on_messages(alice_viewer, &[invoice.id], MessageAct::Delete)
        .await
        .expect("deleted");
    assert_eq!(
        world.subjects(alice_viewer, "invoice", all.clone()).await,
        ["Re: Invoice"]
    );
    services
        .act_on_messages(alice_viewer, &[invoice.id], MessageAct::Restore)
        .await
        .expect("restored");
    services
        .act_on_messages(alice_viewer, &[invoice.id], MessageAct::Delete)
        .await
        .expect("deleted");
    world.pass(RESTORABLE + Duration::from_secs(1));
    services.keep_house().await;
    // Sessions have ended in these weeks; the account's mail is still there for a new one.
    assert!(matches!(
        services.viewer_of_session(alice_viewer.session).await,
        Err(ServiceError::SignedOut)
    ));
    assert!(matches!(
        services.open_message(alice_viewer, invoice.id).await,
        Err(ServiceError::NotFound)
    ));
    let lease = services
        .take_lease(account, "two")
        .await
        .expect("lease")
        .expect("the first one has run out");
    assert_eq!(
        world
            .intake(&lease, 50, &[mail("Invoice", "a1@x", "")])
            .await
            .expect("intake"),
        0
    );
    assert_eq!(world.subjects(alice_viewer, "", all.clone()).await.len(), 3);

    // A crash between segment and commit leaves bytes of nobody: they go, what is a message's stays. (The
    // files bear the system's time, so the test's clock has to be well past it.)
    let blobs = BlobStore::open_folder(&world.segments).expect("blobs");
    let orphan = uuid::Uuid::now_v7();
    let orphan = blobs
        .write_segment(orphan, vec!["nobody's".into()])
        .await
        .expect("orphan");
    world.pass(Duration::from_secs(10 * 365 * 24 * 3600));
    services.keep_house().await;
    assert!(blobs.read(&orphan[0]).await.is_err());
    let left = blobs.list_segments(world.clock.now()).await.expect("segments");
    let left: u64 = left.iter().map(|file| file.size_bytes).sum();
    assert_eq!(left, world.stored_bytes(account).await);

    // Three deaths in the parsing of a message: the fourth time it is parked, and can be tried again.
    let folder = services
        .watch_folder(account, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    for _ in 0..3 {
        let mut tx = world.db.begin_write().await.expect("transaction");
        store::folders::count_attempt(&mut tx, folder.id, Uid(70), Uid(70))
            .await
            .expect("attempt");
        tx.commit().await.expect("commit");
    }
    let deadly = mail("Deadly", "e1@x", "");
    assert_eq!(
        world
            .intake(&lease, 70, std::slice::from_ref(&deadly))
            .await
            .expect("intake"),
        1
    );
    assert!(
        world
            .subjects(alice_viewer, "deadly", all.clone())
            .await
            .is_empty()
    );
    let listed = world.list(alice_viewer, "", all.clone()).await;
    let parked = listed
        .iter()
        .find(|message| message.message.parked_reason.is_some())
        .expect("parked");
    let opened = services
        .open_message(alice_viewer, parked.message.id)
        .await
        .expect("opened");
    let note = opened.note.expect("note");
    assert!(
        opened.text.is_empty() && note.contains("three attempts"),
        "{note}"
    );
    assert!(
        services
            .reparse_message(alice_viewer, parked.message.id)
            .await
            .expect("reparsed")
    );
    assert_eq!(
        world.subjects(alice_viewer, "deadly", all.clone()).await,
        ["Deadly"]
    );
    let opened = services
        .open_message(alice_viewer, parked.message.id)
        .await
        .expect("opened");
    assert!(!opened.text.is_empty() && opened.note.is_none());

    // A customer: found by any word, paired to an author, and its conversation is what each may see of it.
    let form = |name: &str, addresses: &[&str]| PartyForm {
        kind: PartyKind::Customer,
        name: name.into(),
        number: "100_42%".into(),
        phone: String::new(),
        status: "Active".into(),
        external_id: Some(format!("crm-{name}")),
        notes: "two\nlines".into(),
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
    };
    let zoe = services
        .create_party(alice_viewer, form("Zoë Ltd", &["zoe@out.example"]))
        .await
        .expect("party");
    // The answer was lost, and it is asked for again: no second one (the searches below find one).
    let again = form("Zoë Ltd", &["zoe@out.example"]);
    let again = services.create_party_once(alice_viewer, zoe, again).await;
    assert_eq!(again.expect("the same"), zoe);
    let taken = services.create_party(alice_viewer, form("Zoë Ltd", &[])).await;
    assert!(matches!(taken, Err(ServiceError::Invalid(errors)) if errors[0].field == "external_id"));
    let own = services
        .create_party(alice_viewer, form("Own", &["alice@isp.example"]))
        .await;
    assert!(matches!(own, Err(ServiceError::Invalid(errors)) if errors[0].field == "addresses"));
    for (words, found) in [
        ("zoe", 1),
        ("100_42%", 1),
        ("out.example ltd", 1),
        ("nobody", 0),
        ("%", 1),
    ] {
        let (parties, next) = services
            .list_parties(bob_viewer, PartyKind::Customer, words, None)
            .await
            .expect("page");
        assert_eq!((parties.len(), next), (found, None), "{words}");
    }
    let listed = world.list(alice_viewer, "deadly", all.clone()).await;
    let deadly = &listed[0];
    assert_eq!(deadly.author_kind, AuthorKind::Unknown);
    let address = services
        .pair_author(alice_viewer, deadly.message.id, zoe, None)
        .await
        .expect("paired");
    assert_eq!(address.as_str(), "kelly@out.example");
    assert_eq!(
        world.list(alice_viewer, "deadly", all.clone()).await[0].parties[0].name,
        "Zoë Ltd"
    );
    let all_threads = ConversationQuery {
        kind: None,
        show: Show::All,
        text: String::new(),
        before: Before::NEWEST,
        limit: 50,
    };
    let threads = services
        .list_conversation(alice_viewer, zoe, &all_threads)
        .await
        .expect("threads");
    assert!(!threads.is_empty());
    assert!(
        services
            .list_conversation(bob_viewer, zoe, &all_threads)
            .await
            .expect("threads")
            .is_empty()
    );
    let thread = threads[0].thread;
    assert!(
        services
            .get_thread(alice_viewer, thread, Some(zoe), i64::MAX)
            .await
            .expect("thread")
            .messages
            .iter()
            .all(|found| found.with_party)
    );
    assert!(matches!(
        services.get_thread(bob_viewer, thread, Some(zoe), i64::MAX).await,
        Err(ServiceError::NotFound)
    ));
    services
        .unpair(alice_viewer, zoe, "kelly@out.example")
        .await
        .expect("unpaired");
    services
        .unpair(alice_viewer, zoe, "kelly@out.example")
        .await
        .expect("asked again, because the answer was lost");
    assert!(matches!(
        services.unpair(alice_viewer, zoe, "zoe@out.example").await,
        Err(ServiceError::NotFound)
    ));
    assert!(
        services
            .list_conversation(alice_viewer, zoe, &all_threads)
            .await
            .expect("threads")
            .is_empty()
    );

    // A block says what it would remove, removes it, and gives it back.
    let before = world.subjects(alice_viewer, "", all.clone()).await.len() as u64;
    let id = deadly.message.id;
    let preview = services
        .preview_block(alice_viewer, id, BlockScope::Domain)
        .await
        .expect("preview");
    assert_eq!(
        (preview.lines.as_slice(), preview.messages),
        (
            ["out.example".to_owned(), "*.out.example".to_owned()].as_slice(),
            before
        )
    );
    let blocked = services
        .block_author(alice_viewer, id, BlockScope::Domain, true)
        .await
        .expect("blocked");
    assert!(world.subjects(alice_viewer, "", all.clone()).await.is_empty());
    services.unblock(alice_viewer, &blocked).await.expect("unblocked");
    assert_eq!(
        world.subjects(alice_viewer, "", all.clone()).await.len() as u64,
        before
    );
    services.delete_party(alice_viewer, zoe).await.expect("deleted");
    // Who lost the lease stores nothing.
    let stale = Lease {
        fence: lease.fence - 1,
        ..lease
    };
    let refused = world.intake(&stale, 60, &[mail("Never", "d1@x", "")]).await;
    assert!(matches!(refused, Err(ServiceError::LeaseLost)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    an_account_lives(
        Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db"))
            .await
            .expect("database"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    an_account_lives(
        Db::open_postgres_with_one_connection(&postgres.url())
            .await
            .expect("database"),
    )
    .await;
}
