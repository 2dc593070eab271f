//! System e-mail through the same outbox, and personal mail through the system's server.

mod support;

use std::time::Duration;

use domain::Before;
use domain::MessageId;
use domain::PartyId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::outbox::OutboxState;
use domain::party::PartyKind;
use domain::system_mail::STAFF_MAIL;
use service::access::Viewer;
use service::accounts::Card;
use service::alarms::Alarm;
use service::conversations::ConversationQuery;
use service::conversations::MailKind;
use service::export::ExportFormat;
use service::inbox::InboxQuery;
use service::inbox::MessageAct;
use service::inbox::Show;
use service::parties::PartyForm;
use service::system_mail::LogState;
use service::system_mail::SystemMailForm;
use service::system_mail::SystemMessage;
use support::desk::Desk;
use testkit::SmtpServer;

fn settings(server: &SmtpServer) -> SystemMailForm {
    SystemMailForm {
        sender_name: "ISP Billing".into(),
        sender_email: "billing@isp.example".into(),
        days_until_expiration: 2,
        smtp: SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port: server.port,
            security: Security::None,
            auth: SmtpAuth::None,
            ..SmtpSettings::default()
        },
        ..SystemMailForm::default()
    }
}

async fn save(desk: &Desk, form: SystemMailForm) {
    desk.services
        .save_system_mail(desk.alice, form, None)
        .await
        .expect("saved");
}

async fn write(desk: &Desk, subject: &str) -> MessageId {
    let message = SystemMessage {
        to: vec![("Kelly".into(), "kelly@out.example".into())],
        subject: subject.into(),
        html: "<p>Your invoice.</p>".into(),
        files: Vec::new(),
    };
    desk.services
        .write_to_customers(message, None)
        .await
        .expect("queued")
        .message
}

/// Waits until so many lines of the log are in a state.
async fn logged(desk: &Desk, state: LogState, count: usize) {
    let mut events = desk.services.events.subscribe();
    loop {
        let (from, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        let lines = desk
            .services
            .list_system_mail(desk.alice, from, until, Some(state), Before::NEWEST)
            .await
            .expect("log");
        if lines.len() == count {
            return;
        }
        tokio::time::timeout(Duration::from_secs(20), events.recv())
            .await
            .expect("logged")
            .ok();
    }
}

async fn customer(desk: &Desk) -> PartyId {
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
    desk.services
        .create_party(desk.alice, form)
        .await
        .expect("customer")
}

async fn conversation(desk: &Desk, viewer: Viewer, party: PartyId, kind: Option<MailKind>) -> Vec<String> {
    let query = ConversationQuery {
        show: Show::All,
        kind,
        text: String::new(),
        before: Before::NEWEST,
        limit: 50,
    };
    let lines = desk
        .services
        .list_conversation(viewer, party, &query)
        .await
        .expect("lines");
    let mut subjects: Vec<_> = lines.into_iter().map(|line| line.last.message.subject).collect();
    subjects.sort();
    subjects
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_system_writes_is_at_the_customer_for_all_and_in_nobodys_inbox() {
    let desk = Desk::new().await;
    let mut form = settings(&desk.server);
    form.copy_to = "archive@isp.example".into();
    form.headers = "X-Tag: invoice".into();
    save(&desk, form).await;
    let party = customer(&desk).await;
    let bob = desk.another("bob").await;
    let (stop, task) = desk.work("one");
    let invoice = write(&desk, "Invoice 7").await;
    let letter = desk.send(&["kelly@out.example"]).await;
    desk.sent(letter).await;
    logged(&desk, LogState::Sent, 1).await;
    let ledger = desk.server.ledger();
    let sent = ledger
        .iter()
        .find(|one| one.from == "billing@isp.example")
        .expect("sent");
    assert_eq!(sent.recipients, ["archive@isp.example", "kelly@out.example"]);
    let text = String::from_utf8_lossy(&sent.data);
    for line in [
        "X-Tag: invoice\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Subject: Invoice 7\r\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("archive@"), "who gets a copy is told");
    // Alice's own letter is nobody's but hers, and has no copy.
    let personal = ledger
        .iter()
        .find(|one| one.from == "alice@isp.example")
        .expect("sent");
    assert_eq!(personal.recipients, ["kelly@out.example"]);
    for (viewer, kind, subjects) in [
        (desk.alice, None, vec!["Hello", "Invoice 7"]),
        (desk.alice, Some(MailKind::System), vec!["Invoice 7"]),
        (desk.alice, Some(MailKind::Personal), vec!["Hello"]),
        (bob, None, vec!["Invoice 7"]),
        (bob, Some(MailKind::Personal), vec![]),
    ] {
        assert_eq!(
            conversation(&desk, viewer, party, kind).await,
            subjects,
            "{kind:?}"
        );
    }
    let opened = desk.services.open_message(bob, invoice).await.expect("opened");
    assert_eq!(opened.listed.owner_name, "System");
    assert!(
        desk.services
            .act_on_messages(bob, &[invoice], MessageAct::Delete)
            .await
            .is_err()
    );
    assert!(desk.services.open_raw(bob, invoice).await.is_err());
    let inbox = InboxQuery::newest(50);
    let page = desk.services.list_inbox(bob, &inbox).await.expect("page");
    assert!(page.messages.is_empty());
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn send_to_takes_all_system_mail_and_nothing_else() {
    let desk = Desk::new().await;
    let mut form = settings(&desk.server);
    form.send_to = "trial@isp.example".into();
    form.copy_to = "archive@isp.example".into();
    save(&desk, form).await;
    let party = customer(&desk).await;
    use_system(&desk).await;
    let (stop, task) = desk.work("one");
    write(&desk, "Invoice 8").await;
    let letter = desk.send(&["kelly@out.example"]).await;
    desk.sent(letter).await;
    logged(&desk, LogState::Sent, 1).await;
    let ledger = desk.server.ledger();
    let of = |subject: &str| {
        let line = format!("Subject: {subject}\r\n");
        ledger
            .iter()
            .find(|one| String::from_utf8_lossy(&one.data).contains(&line))
            .expect("sent")
    };
    assert_eq!(
        of("Invoice 8").recipients,
        ["archive@isp.example", "trial@isp.example"]
    );
    assert!(
        conversation(&desk, desk.alice, party, Some(MailKind::System))
            .await
            .is_empty()
    );
    // Through the system's server, and still a personal message.
    let personal = of("Hello");
    assert_eq!(personal.recipients, ["kelly@out.example"]);
    assert_eq!(personal.from, "billing@isp.example");
    let text = String::from_utf8_lossy(&personal.data);
    for line in [
        "From: \"ISP Billing\" <billing@isp.example>\r\n",
        "Reply-To: <alice@isp.example>\r\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(conversation(&desk, desk.alice, party, None).await, ["Hello"]);
    let (from, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    let log = desk
        .services
        .list_system_mail(desk.alice, from, until, None, Before::NEWEST)
        .await
        .expect("log");
    assert_eq!(log.len(), 1, "a personal message is in the log");
    stop.cancel();
    task.await.expect("ended");
}

async fn use_system(desk: &Desk) {
    let settings = SmtpSettings {
        enabled: true,
        use_system: true,
        ..SmtpSettings::default()
    };
    let card = Card::Smtp {
        settings,
        password: None,
    };
    desk.services
        .save_card(desk.alice, desk.account, card)
        .await
        .expect("card");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_system_server_waits_for_each_owner() {
    let desk = Desk::new().await;
    save(&desk, settings(&desk.server)).await;
    use_system(&desk).await;
    let waiting = desk.send(&["kelly@out.example"]).await;
    let other = SmtpServer::start().await.expect("server");
    save(&desk, settings(&other)).await;
    let (stop, task) = desk.work("one");
    let entry = desk.settled(waiting).await;
    assert_eq!(entry.state, OutboxState::Retrying);
    assert!(entry.said.expect("words").contains("has changed"));
    let refused = desk
        .services
        .send(desk.alice, desk.form(&["kelly@out.example"], &[]), None)
        .await;
    assert!(refused.is_err(), "a new one is refused at once");
    assert!(desk.server.ledger().is_empty() && other.ledger().is_empty());
    // The owner agrees: by saving the card.
    use_system(&desk).await;
    desk.sent(waiting).await;
    assert_eq!((desk.server.ledger().len(), other.ledger().len()), (0, 1));
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn system_mail_keeps_to_its_hour_and_expires_by_its_days() {
    let desk = Desk::new().await;
    let mut form = settings(&desk.server);
    form.smtp.limit_per_hour = 2;
    form.days_until_expiration = 1;
    save(&desk, form.clone()).await;
    let (stop, task) = desk.work("one");
    for number in 0..4 {
        write(&desk, &format!("Invoice {number}")).await;
    }
    logged(&desk, LogState::Sent, 2).await;
    logged(&desk, LogState::Error, 2).await;
    desk.pass(Duration::from_secs(3601));
    desk.look_again();
    logged(&desk, LogState::Sent, 4).await;

    // Nothing is there to take them for longer than they live.
    form.smtp.port = 9;
    form.smtp.limit_per_hour = 0;
    save(&desk, form).await;
    write(&desk, "Too late").await;
    logged(&desk, LogState::Error, 1).await;
    desk.pass(Duration::from_secs(25 * 3600));
    desk.look_again();
    logged(&desk, LogState::Expired, 1).await;
    stop.cancel();
    task.await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_settings_is_said_beside_its_field() {
    let desk = Desk::new().await;
    let wrong = SystemMailForm {
        sender_email: "no address".into(),
        send_to: "x".into(),
        copy_to: "a@b.example, y".into(),
        days_until_expiration: 0,
        headers: "Bcc: a@b.example".into(),
        ..settings(&desk.server)
    };
    let Err(service::ServiceError::Invalid(errors)) =
        desk.services.save_system_mail(desk.alice, wrong, None).await
    else {
        panic!("accepted");
    };
    let fields: Vec<_> = errors.iter().map(|error| error.field).collect();
    assert_eq!(
        fields,
        [
            "sender_email",
            "send_to",
            "copy_to",
            "days_until_expiration",
            "headers"
        ]
    );
    let off = desk.services.send_system_test(desk.alice, "a@b.example").await;
    assert!(off.is_err(), "it is not set up");
    let bob = desk.another("bob").await;
    let refused = desk
        .services
        .save_system_mail(bob, settings(&desk.server), None)
        .await;
    assert!(matches!(refused, Err(service::ServiceError::Forbidden)));
}

/// The owner is told once of each thing that is wrong, in the page and by mail; again only after it was over.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_told_once_of_what_is_wrong() {
    let desk = Desk::new().await;
    save(&desk, settings(&desk.server)).await;
    let set = async |state| {
        for state in [AccountState::Connecting, state] {
            let set = desk.services.set_account_state(desk.account, state, None, None);
            set.await.expect("state");
        }
    };
    let told = async || {
        desk.services.look_for_alarms().await.expect("looked");
        let alarms = desk.services.list_alarms(desk.alice).await.expect("alarms");
        let kinds: Vec<_> = alarms.iter().map(|view| view.alarm).collect();
        let (from, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        let log = desk
            .services
            .list_system_mail(desk.alice, from, until, None, Before::NEWEST)
            .await
            .expect("log");
        (kinds, log.len())
    };
    assert_eq!(told().await, (vec![], 0));
    set(AccountState::LoginRefused).await;
    assert_eq!(told().await, (vec![Alarm::LoginRefused], 1));
    assert_eq!(told().await, (vec![Alarm::LoginRefused], 1), "once");
    set(AccountState::Connected).await;
    desk.services
        .set_account_synced(desk.account)
        .await
        .expect("synced");
    assert_eq!(told().await, (vec![], 1), "over");
    set(AccountState::Failing).await;
    desk.pass(Duration::from_secs(3700));
    assert_eq!(told().await, (vec![Alarm::NotSynced], 2));
    // Nothing takes what is written, for more than an hour.
    desk.send(&["kelly@out.example"]).await;
    desk.pass(Duration::from_secs(3700));
    assert_eq!(told().await, (vec![Alarm::NotSynced, Alarm::QueueFull], 3));
    let bob = desk.another("bob").await;
    assert!(desk.services.list_alarms(bob).await.expect("alarms").is_empty());
    // What is written to administrators is shown to nobody here.
    let entry = desk
        .services
        .list_system_mail(
            desk.alice,
            Timestamp::from_millis(0),
            Timestamp::from_millis(i64::MAX),
            None,
            Before::NEWEST,
        )
        .await
        .expect("log")
        .rows
        .remove(0)
        .0;
    assert!(
        desk.services
            .open_message(desk.alice, entry.message)
            .await
            .is_err()
    );
    set(AccountState::Off).await;
    let (stop, task) = desk.work("one");
    logged(&desk, LogState::Sent, 3).await;
    stop.cancel();
    task.await.expect("ended");
    let written = desk
        .server
        .ledger()
        .into_iter()
        .filter(|one| one.from == "billing@isp.example");
    assert!(
        written.clone().count() == 3
            && written
                .into_iter()
                .all(|one| one.recipients == ["alice@isp.example"])
    );
    assert_eq!(told().await, (vec![], 3));
    // Once it has gone, what was in it is nowhere.
    let folder = tempfile::tempdir().expect("folder");
    let to = folder.path().join("staff.mbox");
    let kept = desk
        .services
        .export_account(STAFF_MAIL, ExportFormat::Mbox, &to)
        .await;
    assert_eq!(kept.expect("exported").written, 0);
}
