//! What the mailbox tells and is asked, what the system writes, and what is wrong: on both databases.

use std::time::Duration;

use domain::Before;
use domain::MailAccountId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::folder::FlagChange;
use domain::folder::FolderChanges;
use domain::folder::FolderRole;
use domain::folder::FolderStatus;
use domain::folder::ModSeq;
use domain::folder::RemoteOperation;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::rules::delivery::Attempt;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::SYSTEM;
use futures_util::TryStreamExt as _;
use service::ServiceError;
use service::access::Viewer;
use service::accounts::Card;
use service::alarms::Alarm;
use service::delivery::AttemptReport;
use service::delivery::EndedAttempt;
use service::delivery::Sender;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::inbox::Filter;
use service::inbox::MessageAct;
use service::outbox::SendForm;
use service::system_mail::LogState;
use service::system_mail::SystemMailForm;
use service::system_mail::SystemMessage;
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

async fn all(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    flags_and_places(&world).await;
    system_mail_and_reports(&world).await;
}

fn raw(subject: &str, more: &str, text: &str) -> String {
    format!(
        "From: kelly@out.example\r\nTo: ann@isp.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@out.example>\r\n{more}\r\n{text}\r\n"
    )
}

/// Asked about an address or a message: whoever may not see the account is told what is told about an unknown one.
async fn why_it_is_here(world: &World, ann: Viewer, id: MailAccountId) {
    let services = &world.services;
    let (_, stranger) = world.administrator("stranger").await;
    for (asked, lines) in [
        (
            "Kelly@OUT.example",
            [
                "4 messages are in this account.",
                "Only you can see this account.",
            ]
            .as_slice(),
        ),
        (
            "<one@out.example>",
            &[
                "One message is in this account.",
                "Only you can see this account.",
            ],
        ),
    ] {
        let told = services.explain(ann, asked).await.expect("explained");
        assert!(told.is_found && told.accounts[0].newest.is_some());
        assert_eq!(told.accounts[0].lines, lines, "{asked}");
        let unknown = services.explain(stranger, "nobody@nowhere.example").await;
        assert_eq!(
            services.explain(stranger, asked).await.expect("told"),
            unknown.expect("told")
        );
    }
    let card = |deny_list: &str| Card::Tracking {
        tracking: Tracking {
            enabled: true,
            flags_both_ways: true,
            ..Tracking::default()
        },
        deny_list: deny_list.into(),
    };
    services
        .save_card(ann, id, card("spam.example"))
        .await
        .expect("card");
    let told = services.explain(ann, "x@spam.example").await.expect("explained");
    assert!(!told.is_found);
    let said = told.accounts[0].lines.join(" ");
    for part in [
        "Nothing of it",
        "spam.example has stopped 0",
        "before the first connection",
        "INBOX and the Sent",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    services.save_card(ann, id, card("")).await.expect("card");
    assert!(services.explain(ann, "no address").await.is_err());
}

async fn flags_and_places(world: &World) {
    let services = &world.services;
    let (owner, ann) = world.administrator("ann").await;
    let id = services
        .create_account(owner, "Ann", "ann@isp.example")
        .await
        .expect("account");
    let tracking = Tracking {
        enabled: true,
        flags_both_ways: true,
        ..Tracking::default()
    };
    let card = Card::Tracking {
        tracking,
        deny_list: String::new(),
    };
    services.save_card(ann, id, card).await.expect("card");
    let lease = services
        .take_lease(id, "test")
        .await
        .expect("lease")
        .expect("free");
    let raws: Vec<_> = ["one", "two", "three", "four"]
        .map(|name| raw(name, "", name))
        .into();
    world.intake(&lease, 1, &raws).await.expect("intake");
    why_it_is_here(world, ann, id).await;
    let account = services.get_account_for_engine(id).await.expect("account");
    let inbox = services
        .watch_folder(id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    let unread = async || {
        let mut names = world
            .subjects(
                ann,
                "",
                Filter {
                    unread: Some(true),
                    ..Filter::default()
                },
            )
            .await;
        names.sort();
        names
    };
    let message = async |name: &str| {
        let found = world.list(ann, name, Filter::default()).await;
        found.into_iter().next().expect("found").message.id
    };
    services
        .act_on_messages(ann, &[message("one").await], MessageAct::MarkRead)
        .await
        .expect("read");
    let asked = services.list_remote_operations(&inbox, 10).await.expect("asked");
    assert_eq!(
        asked
            .iter()
            .map(|one| (one.operation, one.uid))
            .collect::<Vec<_>>(),
        [(RemoteOperation::MarkSeen, Uid(1))]
    );
    services
        .act_on_messages(ann, &[message("one").await], MessageAct::MarkUnread)
        .await
        .expect("unread");
    services
        .act_on_messages(ann, &[message("one").await], MessageAct::MarkRead)
        .await
        .expect("read");
    assert_eq!(
        services
            .list_remote_operations(&inbox, 10)
            .await
            .expect("asked")
            .len(),
        1
    );

    let status = FolderStatus {
        uid_validity: UidValidity(1),
        next_uid: Some(Uid(5)),
        mod_seq: Some(ModSeq(9)),
        exists: 3,
    };
    let changes = FolderChanges {
        vanished: vec![(Uid(4), Uid(u32::MAX))],
        // Something is still asked for the first: what the server says of it does not count.
        flags: [(1, false), (2, true), (3, false), (77, true)]
            .map(|(uid, seen)| FlagChange { uid: Uid(uid), seen })
            .into(),
    };
    services
        .apply_changes(&lease, &account, &inbox, &status, &changes)
        .await
        .expect("applied");
    assert_eq!(unread().await, ["four", "three"]);
    let all = [(Uid::FIRST, Uid(u32::MAX))];
    let (copies, _) = services
        .count_vanished(inbox.id, UidValidity(1), &all)
        .await
        .expect("count");
    assert_eq!(copies, 3);
    let inbox = services
        .watch_folder(id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    assert_eq!(inbox.cursor.expect("cursor").mod_seq, Some(ModSeq(9)));

    services
        .act_on_messages(ann, &[message("two").await], MessageAct::DeleteEverywhere)
        .await
        .expect("deleted");
    let three = message("three").await;
    services
        .act_on_messages(ann, &[three], MessageAct::DeleteEverywhere)
        .await
        .expect("deleted");
    services
        .act_on_messages(ann, &[three], MessageAct::Restore)
        .await
        .expect("restored");
    assert_eq!(
        services
            .list_remote_operations(&inbox, 10)
            .await
            .expect("asked")
            .len(),
        1,
        "not due yet"
    );
    world.pass(Duration::from_secs(16));
    let asked = services.list_remote_operations(&inbox, 10).await.expect("asked");
    let mut uids: Vec<_> = asked.iter().map(|one| one.uid).collect();
    uids.sort_unstable();
    assert_eq!(uids, [Uid(1), Uid(2)]);

    for state in [AccountState::Connecting, AccountState::LoginRefused] {
        let set = services.set_account_state(id, state, None, None).await;
        set.expect("state");
    }
    services.look_for_alarms().await.expect("looked");
    let alarms = services.list_alarms(ann).await.expect("alarms");
    assert_eq!(
        alarms.iter().map(|view| view.alarm).collect::<Vec<_>>(),
        [Alarm::LoginRefused]
    );
    services
        .set_account_state(id, AccountState::Off, None, None)
        .await
        .expect("state");
    services.look_for_alarms().await.expect("looked");
    assert!(services.list_alarms(ann).await.expect("alarms").is_empty());
}

async fn system_mail_and_reports(world: &World) {
    let services = &world.services;
    let (owner, eve) = world.administrator("eve").await;
    let smtp = SmtpSettings {
        enabled: true,
        server: "smtp.isp.example".into(),
        auth: SmtpAuth::None,
        security: Security::Tls,
        limit_per_hour: 2,
        ..SmtpSettings::default()
    };
    let form = SystemMailForm {
        sender_name: "ISP".into(),
        sender_email: "billing@isp.example".into(),
        days_until_expiration: 1,
        smtp: smtp.clone(),
        ..SystemMailForm::default()
    };
    for _ in 0..2 {
        services
            .save_system_mail(eve, form.clone(), None)
            .await
            .expect("saved");
    }
    assert_eq!(
        services.get_system_mail(eve).await.expect("form").sender_email,
        "billing@isp.example"
    );
    assert!(
        services
            .list_staff(eve)
            .await
            .expect("staff")
            .iter()
            .all(|one| one.id != SYSTEM)
    );
    let reset = services.reset_sign_in(eve, SYSTEM).await;
    assert!(
        matches!(reset, Err(ServiceError::NotFound)),
        "nobody signs in as the system"
    );
    assert!(services.erase_mail_of(eve, SYSTEM).await.is_err());
    let message = || SystemMessage {
        to: vec![("Kelly".into(), "kelly@out.example".into())],
        subject: "Invoice".into(),
        html: "<p>Invoice</p>".into(),
        files: Vec::new(),
    };
    let first = services
        .write_to_customers(message(), Some("key"))
        .await
        .expect("queued");
    let again = services
        .write_to_customers(message(), Some("key"))
        .await
        .expect("queued");
    assert_eq!(first.message, again.message);
    services
        .write_to_customers(message(), None)
        .await
        .expect("queued");
    services
        .write_to_customers(message(), None)
        .await
        .expect("queued");
    let log = async |state| {
        let (from, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        services
            .list_system_mail(eve, from, until, Some(state), Before::NEWEST)
            .await
            .expect("log")
            .len()
    };
    assert_eq!(log(LogState::New).await, 3);

    // Two go, and then the hour is full.
    let sender = Sender {
        owner: "test",
        account: CUSTOMER_MAIL,
        settings: Some(&smtp),
    };
    let next = services.next_account_to_send(&[]).await.expect("read");
    assert_eq!(next, Some(CUSTOMER_MAIL));
    let claimed = services.claim_outgoing(sender).await.expect("claimed");
    let claimed = claimed.expect("due");
    let taken = |outgoing: &service::delivery::Outgoing| EndedAttempt {
        outgoing: outgoing.clone(),
        report: AttemptReport {
            attempt: Attempt::Taken {
                later: 0,
                accepted: 1,
                is_full: false,
            },
            said: Some("250 fine".into()),
            recipients: vec![(outgoing.recipients()[0].clone(), RecipientState::Accepted, None)],
        },
        jitter: 0.5,
    };
    services.data_sent(&claimed).await.expect("stored");
    let second = services.attempt_ended(&taken(&claimed), Some(sender)).await;
    let second = second.expect("stored").expect("due");
    services.data_sent(&second).await.expect("stored");
    let third = services.attempt_ended(&taken(&second), Some(sender)).await;
    assert!(third.expect("stored").is_none(), "the hour is full");
    assert!(services.next_account_to_send(&[]).await.expect("read").is_none());
    assert_eq!((log(LogState::Sent).await, log(LogState::Error).await), (2, 1));
    world.pass(Duration::from_secs(25 * 3600));
    services.settle_outgoing().await.expect("settled");
    assert!(services.claim_outgoing(sender).await.expect("claimed").is_none());
    assert_eq!(log(LogState::Expired).await, 1);

    // A report on a message of Eve's own.
    let id = services
        .create_account(owner, "Eve", "eve@isp.example")
        .await
        .expect("account");
    let card = Card::Smtp {
        settings: SmtpSettings {
            limit_per_hour: 0,
            ..smtp
        },
        password: None,
    };
    services.save_card(eve, id, card).await.expect("card");
    let form = DraftForm {
        account: id,
        thread: None,
        answers: None,
        recipients: Recipients {
            to: vec![WrittenAddress {
                name: String::new(),
                address: "kelly@out.example".into(),
            }],
            ..Recipients::default()
        },
        subject: "Hello".into(),
        html: "<p>Hi</p>".into(),
    };
    let send = SendForm {
        form,
        draft: None,
        files: None,
        can_be_undone: false,
    };
    let queued = services.send(eve, send, None).await.expect("queued");
    let sender = Sender {
        owner: "test",
        account: id,
        settings: None,
    };
    let claimed = services.claim_outgoing(sender).await.expect("claimed");
    let claimed = claimed.expect("due");
    services.data_sent(&claimed).await.expect("stored");
    services
        .attempt_ended(&taken(&claimed), None)
        .await
        .expect("stored");
    let pieces = services.read_outgoing(&claimed).await.expect("stored");
    let pieces: Vec<bytes::Bytes> = pieces.try_collect().await.expect("read");
    let text = String::from_utf8(pieces.concat()).expect("text");
    let token = text
        .lines()
        .find_map(|line| line.strip_prefix("X-Waxseal-Id: "))
        .expect("token");
    let lease = services
        .take_lease(id, "test")
        .await
        .expect("lease")
        .expect("free");
    let report = raw(
        "Mail delivery failed",
        "X-Failed-Recipients: kelly@out.example\r\n",
        token,
    )
    .replace("From: kelly@out.example", "From: mailer-daemon@mx.example");
    world.intake(&lease, 1, &[report]).await.expect("intake");
    let (entry, _) = services.get_delivery(eve, queued.message).await.expect("entry");
    assert_eq!(
        (entry.state, entry.recipients[0].1),
        (OutboxState::Bounced, RecipientState::Bounced)
    );
    let listed = services.list_outbox(eve, Before::NEWEST).await.expect("outbox");
    assert!(
        listed
            .iter()
            .any(|(entry, _)| entry.state == OutboxState::Bounced)
    );
}
