//! Delivery reports are shown on the message that they are about; nothing automatic is ever answered.

mod support;

use std::time::Duration;

use domain::Before;
use domain::MailAccountId;
use domain::MessageId;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::party::PartyKind;
use service::access::Viewer;
use service::accounts::Card;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::inbox::AuthorKind;
use service::inbox::InboxQuery;
use service::outbox::SendForm;
use service::parties::PartyForm;
use support::World;
use support::imap_of;
use testkit::Dovecot;
use testkit::SmtpServer;
use tokio_util::sync::CancellationToken;

struct Scene {
    dovecot: Dovecot,
    sink: SmtpServer,
    world: World,
    account: MailAccountId,
    alice: Viewer,
}

impl Scene {
    async fn new() -> Self {
        let (dovecot, sink) = (
            Dovecot::start().expect("dovecot"),
            SmtpServer::start().await.expect("sink"),
        );
        let world = World::new().await;
        let account = world
            .account(imap_of(&dovecot), "owner", support::tracking_everything())
            .await;
        let alice = Viewer {
            administrator: world.alice,
            session: [0; 32],
        };
        let settings = SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port: sink.port,
            security: Security::None,
            auth: SmtpAuth::None,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings,
            password: None,
        };
        world
            .services
            .save_card(alice, account, card)
            .await
            .expect("card");
        Scene {
            dovecot,
            sink,
            world,
            account,
            alice,
        }
    }

    /// Sent, and the left part of its Message-ID.
    async fn send(&self, to: &[&str]) -> (MessageId, String) {
        let written = |address: &&str| WrittenAddress {
            name: String::new(),
            address: (*address).to_owned(),
        };
        let form = DraftForm {
            account: self.account,
            thread: None,
            answers: None,
            recipients: Recipients {
                to: to.iter().map(written).collect(),
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
        let services = &self.world.services;
        let (before, mut events) = (self.sink.accepted_count(), services.events.subscribe());
        let queued = services.send(self.alice, send, None).await.expect("queued");
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine::run(self.world.handle.clone(), stop.clone()));
        while self.state(queued.message).await.0 != OutboxState::Sent {
            tokio::time::timeout(Duration::from_secs(20), events.recv())
                .await
                .expect("sent")
                .ok();
        }
        stop.cancel();
        running.await.expect("ended");
        let ledger = self.sink.ledger();
        let text = String::from_utf8_lossy(&ledger[before].data).into_owned();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: <"))
            .expect("Message-ID");
        (queued.message, line.split('@').next().expect("token").to_owned())
    }

    async fn state(
        &self,
        message: MessageId,
    ) -> (OutboxState, Vec<(String, RecipientState, Option<String>)>) {
        let (entry, _) = self
            .world
            .services
            .get_delivery(self.alice, message)
            .await
            .expect("entry");
        let recipients = entry.recipients.into_iter();
        let told = recipients.map(|(address, state, said)| (address.to_string(), state, said));
        (entry.state, told.collect())
    }

    fn deliver(&self, raw: &str) {
        let raw = raw.replace('\n', "\r\n");
        self.dovecot
            .maildir("owner")
            .put(None, raw.as_bytes(), false, Duration::ZERO)
            .expect("put");
    }

    async fn sync(&self) {
        self.world.sync(self.account).await.expect("sync");
    }
}

fn report(token: &str, recipient: &str, action: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nTo: owner@isp.example\nSubject: Undelivered Mail\nMIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nSorry.\n--b\n\
Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {recipient}\n\
Action: {action}\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 nobody here\n--b\nContent-Type: text/rfc822-headers\n\n\
Message-ID: <{token}@isp.example>\n--b--\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_on_the_message_that_it_is_about() {
    let scene = Scene::new().await;
    let (message, token) = scene.send(&["john@out.example", "kelly@out.example"]).await;
    let (late, late_token) = scene.send(&["zoe@out.example"]).await;
    let (forwarded, forwarded_token) = scene.send(&["kelly@out.example"]).await;
    // A word of nobody: a token that is not ours, and one of ours about somebody who was not written to.
    let mac = if token.ends_with('0') { "1" } else { "0" };
    let made_up = format!("{}{mac}", &token[..token.len() - 1]);
    scene.deliver(&report(&made_up, "john@out.example", "failed"));
    scene.deliver(&report(&token, "mallory@isp.example", "failed"));
    scene.sync().await;
    assert_eq!(scene.state(message).await.0, OutboxState::Sent);

    scene.deliver(&report(&token, "kelly@out.example", "failed"));
    scene.deliver(&report(&late_token, "zoe@out.example", "delayed"));
    scene.deliver(&report(&forwarded_token, "kelly@private.example", "failed"));
    scene.sync().await;
    let said = Some("550 nobody here (5.1.1)".to_owned());
    let (state, recipients) = scene.state(message).await;
    assert_eq!(state, OutboxState::Bounced);
    assert_eq!(recipients[0].1, RecipientState::Accepted);
    assert_eq!(
        recipients[1],
        ("kelly@out.example".into(), RecipientState::Bounced, said.clone())
    );
    let (state, recipients) = scene.state(late).await;
    assert_eq!(
        (state, recipients[0].1, &recipients[0].2),
        (OutboxState::Sent, RecipientState::Late, &said)
    );
    assert_eq!(scene.state(forwarded).await.0, OutboxState::Bounced);
}

/// Delivered, relayed and late are no failures, in whatever order the reports come; what came back stays so.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_came_back_has_failed() {
    let scene = Scene::new().await;
    let (message, token) = scene.send(&["kelly@out.example"]).await;
    let accepted = (OutboxState::Sent, RecipientState::Accepted);
    let expectations = [
        ("relayed", accepted),
        ("expanded", accepted),
        ("delayed", (OutboxState::Sent, RecipientState::Late)),
        ("delivered", accepted),
        ("delayed", (OutboxState::Sent, RecipientState::Late)),
        ("failed", (OutboxState::Bounced, RecipientState::Bounced)),
        ("delayed", (OutboxState::Bounced, RecipientState::Bounced)),
        ("delivered", (OutboxState::Bounced, RecipientState::Bounced)),
    ];
    for (number, (action, expected)) in expectations.into_iter().enumerate() {
        let report = report(&token, "kelly@out.example", action);
        scene.deliver(&report.replace("Sorry.", &format!("Sorry {number}.")));
        scene.sync().await;
        let (state, recipients) = scene.state(message).await;
        assert_eq!((state, recipients[0].1), expected, "{action}");
    }
    // Nobody is named, and it did not fail; nothing is told at all.
    let (message, token) = scene.send(&["kelly@out.example"]).await;
    scene.deliver(&report(&token, "x", "relayed").replace("rfc822; x", "x400; /S=kelly/"));
    scene.deliver(&format!(
        "From: MAILER-DAEMON@mx.example\nTo: owner@isp.example\nSubject: Delivery Status Notification\n\nMessage-ID: <{token}@isp.example>\n"
    ));
    scene.sync().await;
    let (state, recipients) = scene.state(message).await;
    assert_eq!((state, recipients[0].1), accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_is_on_the_message_and_is_no_failure() {
    let scene = Scene::new().await;
    let (message, token) = scene.send(&["john@out.example", "kelly@out.example"]).await;
    scene.deliver(&format!(
        "From: fbl@out.example\nTo: owner@isp.example\nSubject: Complaint\nMIME-Version: 1.0\n\
Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nAbuse.\n--b\n\
Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: kelly@out.example\n--b\n\
Content-Type: message/rfc822\n\nMessage-ID: <{token}@isp.example>\n\nHi\n--b--\n"
    ));
    scene.sync().await;
    let (state, recipients) = scene.state(message).await;
    assert_eq!(state, OutboxState::Sent);
    assert_eq!(
        (recipients[0].1, recipients[1].1),
        (RecipientState::Accepted, RecipientState::Complained)
    );
}

/// Whoever has got a message knows its Message-ID; where the receiving server says that a report is forged, it is only mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_its_domain_disowns_marks_nothing() {
    let scene = Scene::new().await;
    let (message, token) = scene.send(&["kelly@out.example"]).await;
    let forged = report(&token, "kelly@out.example", "failed");
    scene.deliver(&format!(
        "Authentication-Results: mx.isp.example; dmarc=fail header.from=mx.example\n{forged}"
    ));
    scene.sync().await;
    assert_eq!(scene.state(message).await.0, OutboxState::Sent);
    scene.deliver(&format!(
        "Authentication-Results: mx.isp.example; dmarc=pass header.from=mx.example\n{forged}"
    ));
    scene.sync().await;
    assert_eq!(scene.state(message).await.0, OutboxState::Bounced);
}

/// Some servers write reports in the name of the recipient: it stands beside what it is about, and is not Kelly's.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_nobodys_message_and_stands_beside_what_it_is_about() {
    let scene = Scene::new().await;
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
    scene
        .world
        .services
        .create_party(scene.alice, form)
        .await
        .expect("party");
    let (message, token) = scene.send(&["kelly@out.example"]).await;
    let raw = report(&token, "kelly@out.example", "failed")
        .replace("MAILER-DAEMON@mx.example", "Kelly <kelly@out.example>");
    scene.deliver(&raw);
    scene.deliver("From: Kelly <kelly@out.example>\nTo: owner@isp.example\nSubject: Question\n\nHi\n");
    scene.sync().await;
    let query = InboxQuery::newest(50);
    let page = scene
        .world
        .services
        .list_inbox(scene.alice, &query)
        .await
        .expect("page");
    let of = |subject: &str| {
        page.messages
            .iter()
            .find(|row| row.message.subject == subject)
            .expect("row")
    };
    let (sent, report, question) = (of("Hello"), of("Undelivered Mail"), of("Question"));
    assert_eq!(sent.message.id, message);
    assert_eq!(report.message.thread, sent.message.thread);
    assert_eq!(
        (report.author_kind, report.parties.len()),
        (AuthorKind::Unknown, 0)
    );
    assert_eq!(
        (question.author_kind, question.parties.len()),
        (AuthorKind::Party, 1)
    );
}

/// No loop can start: whatever comes in by itself, nothing goes out by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reports_and_answers_in_none_out() {
    let scene = Scene::new().await;
    let (message, token) = scene.send(&["kelly@out.example"]).await;
    for number in 0..500 {
        scene.deliver(
            &report(&token, "kelly@out.example", "failed").replace("Sorry.", &format!("Sorry {number}.")),
        );
        scene.deliver(&format!(
            "From: kelly@out.example\nTo: owner@isp.example\nSubject: Re: Hello\nAuto-Submitted: auto-replied\n\
In-Reply-To: <{token}@isp.example>\nMessage-ID: <away{number}@out.example>\n\nI am away.\n"
        ));
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(engine::run(scene.world.handle.clone(), stop.clone()));
    let mut events = scene.world.services.events.subscribe();
    while scene.world.exported(scene.account).await.len() < 1_001 {
        tokio::time::timeout(Duration::from_secs(30), events.recv())
            .await
            .expect("they arrive")
            .ok();
    }
    stop.cancel();
    running.await.expect("ended");
    assert_eq!(scene.state(message).await.0, OutboxState::Bounced);
    assert_eq!(scene.sink.accepted_count(), 1);
    let outbox = scene
        .world
        .services
        .list_outbox(scene.alice, Before::NEWEST)
        .await
        .expect("outbox");
    assert_eq!(outbox.len(), 1);
}
