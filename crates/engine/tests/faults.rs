//! Servers that are wrong, away, or hostile: each is told apart, nothing is lost, nobody else suffers.

mod support;

use domain::account::Fingerprint;
use domain::account::ImapSettings;
use domain::account::Security;
use engine::EngineError;
use secrecy::SecretString;
use service::accounts::ImapCredentials;
use support::World;
use support::imap_of;
use testkit::Dovecot;
use testkit::ImapServer;
use testkit::dovecot::PASSWORD;
use testkit::imap_server::Fault;
use testkit::scripted::ScriptedServer;
use testkit::scripted::Step;
use wire::Kind;
use wire::MailService;

fn settings(port: u16, security: Security, pinned_certificate: Option<Fingerprint>) -> ImapSettings {
    ImapSettings {
        server: "127.0.0.1".into(),
        port,
        security,
        pinned_certificate,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    }
}

fn credentials(settings: ImapSettings, password: &str) -> ImapCredentials {
    ImapCredentials {
        settings,
        username: "owner".into(),
        password: SecretString::from(password.to_owned()),
        is_token: false,
    }
}

/// A port of this machine that refuses connections.
fn closed_port() -> u16 {
    testkit::process::free_port().expect("port")
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_failures_have_seven_texts_and_each_says_what_to_do() {
    let dovecot = Dovecot::start().expect("dovecot");
    let pinned = Some(dovecot.certificate.fingerprint);
    let world = World::new().await;
    let stalling = ScriptedServer::start(vec![Step::Stall]).await.expect("server");
    let no_starttls = ScriptedServer::start(vec![
        Step::send("* OK hello\r\n"),
        Step::on("STARTTLS", "{tag} BAD what?\r\n"),
    ])
    .await
    .expect("server");
    let mut wrong_host = settings(993, Security::Tls, None);
    wrong_host.server = "no-such-host.invalid".into();
    let mut texts = Vec::new();
    for (case, settings, password, kind) in [
        ("wrong host", wrong_host, PASSWORD, Kind::HostNotUsable),
        (
            "wrong port",
            settings(closed_port(), Security::Tls, None),
            PASSWORD,
            Kind::Unreachable,
        ),
        (
            "no TLS there",
            settings(dovecot.imap_port, Security::Tls, pinned),
            PASSWORD,
            Kind::NotTls,
        ),
        (
            "STARTTLS missing",
            settings(no_starttls.address.port(), Security::Starttls, None),
            PASSWORD,
            Kind::StarttlsMissing,
        ),
        (
            "wrong password",
            settings(dovecot.imaps_port, Security::Tls, pinned),
            "wrong",
            Kind::LoginRefused,
        ),
        (
            "timeout",
            settings(stalling.address.port(), Security::Tls, None),
            PASSWORD,
            Kind::Timeout,
        ),
    ] {
        let result = world.handle.probe(credentials(settings, password)).await;
        let failure = result.failure.expect(case);
        assert_eq!(failure.message, kind.message(MailService::Imap), "{case}");
        assert!(!failure.advice.is_empty(), "{case}");
        texts.push(failure.message);
    }
    let bad = world
        .handle
        .probe(credentials(
            settings(dovecot.imaps_port, Security::Tls, None),
            PASSWORD,
        ))
        .await;
    let failure = bad.failure.expect("bad certificate");
    assert!(
        failure
            .message
            .starts_with("The server's certificate was not accepted"),
        "{}",
        failure.message
    );
    let shown = failure.certificate.expect("certificate");
    assert_eq!(shown.names, ["localhost", "127.0.0.1"]);
    // What is shown is what can be pinned.
    assert_eq!(shown.fingerprint, dovecot.certificate.fingerprint);
    texts.push(failure.message);
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_than_the_pinned_one_gets_no_password_and_its_owner_is_told() {
    let [dovecot, other] = [(); 2].map(|()| Dovecot::start().expect("dovecot"));
    let world = World::new().await;
    let mut moved = imap_of(&other);
    moved.pinned_certificate = Some(dovecot.certificate.fingerprint);
    let result = world.handle.probe(credentials(moved.clone(), PASSWORD)).await;
    let failure = result.failure.expect("another certificate");
    let changed = Kind::CertificateChanged { certificate: None };
    assert_eq!(failure.message, changed.message(MailService::Imap));
    assert_eq!(
        failure.certificate.expect("shown").fingerprint,
        other.certificate.fingerprint
    );
    let account = world.account(moved, "owner", support::tracking()).await;
    let error = world.sync(account).await.expect_err("not synced");
    assert!(error.is_certificate_changed(), "{error:?}");
    let log = other.log();
    assert!(
        !log.contains("imap-login: Login"),
        "it was given a password: {log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_may_not_be_dialled_tells_nothing() {
    let world = World::new().await;
    for server in ["10.0.0.1", "169.254.169.254", "::1"] {
        let mut settings = settings(993, Security::Tls, None);
        settings.server = server.into();
        let result = world.handle.probe(credentials(settings, PASSWORD)).await;
        assert_eq!(
            result.failure.expect(server).message,
            Kind::HostNotUsable.message(MailService::Imap)
        );
        assert!(result.steps.is_empty(), "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_modes_work_against_a_real_server() {
    let dovecot = Dovecot::start().expect("dovecot");
    let pinned = Some(dovecot.certificate.fingerprint);
    let world = World::new().await;
    for (port, security) in [
        (dovecot.imaps_port, Security::Tls),
        (dovecot.imap_port, Security::Starttls),
        (dovecot.imap_port, Security::None),
    ] {
        let result = world
            .handle
            .probe(credentials(settings(port, security, pinned), PASSWORD))
            .await;
        assert!(result.failure.is_none(), "{security:?}: {:?}", result.failure);
        let sent = result
            .folders
            .iter()
            .find(|folder| folder.is_sent)
            .expect("sent folder");
        assert_eq!(sent.name, "Sent");
    }
}

/// A server that signs in, opens INBOX with one new message, and then misbehaves in FETCH.
fn misbehaving(fetch_answer: &str, after: Step) -> Vec<Step> {
    let opened = "* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 2] ok\r\n{tag} OK done\r\n";
    vec![
        Step::send("* OK hello\r\n"),
        Step::on("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
        Step::on("LOGIN", "{tag} OK done\r\n"),
        Step::on("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
        Step::on("LIST", "* LIST () \"/\" INBOX\r\n{tag} OK done\r\n"),
        Step::on("EXAMINE", opened),
        Step::on("SEARCH", "* SEARCH 1\r\n{tag} OK done\r\n"),
        Step::on("FETCH", fetch_answer),
        after,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_server_fails_its_own_account_alone_and_nothing_is_stored() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let good = world
        .account(imap_of(&dovecot), "owner", support::tracking())
        .await;
    let tracking = domain::account::Tracking {
        history_since: Some("2020-01-01".parse().expect("day")),
        ..support::tracking()
    };
    for (case, answer, after, kind) in [
        ("stalls", "", Step::Stall, "timeout"),
        (
            "hangs up",
            "* 1 FETCH (UID 1 BODY[] {500}\r\nFrom",
            Step::Close,
            "unavailable",
        ),
        (
            "2 GB",
            "* 1 FETCH (UID 1 BODY[] {2147483648}\r\nx",
            Step::Stall,
            "protocol error",
        ),
        (
            "no size",
            "* 1 FETCH (UID 1 BODY[] {-1}\r\nx",
            Step::Stall,
            "protocol error",
        ),
        (
            "garbage",
            "\u{1}\u{2} garbage\r\nW99 OK what\r\n",
            Step::Stall,
            "protocol error",
        ),
    ] {
        let server = ScriptedServer::start(misbehaving(answer, after))
            .await
            .expect("server");
        let bad = settings(server.address.port(), Security::None, None);
        let id = world.account(bad, "owner", tracking.clone()).await;
        let deadlines = wire::Deadlines {
            response: std::time::Duration::from_millis(500),
            ..support::short_deadlines()
        };
        let handle = support::handle(&world.services, deadlines);
        let account = world.services.get_account_for_engine(id).await.expect("account");
        match handle.sync_once(&account).await {
            Err(EngineError::Wire(error)) => assert_eq!(error.kind.name(), kind, "{case}"),
            other => panic!("{case}: {other:?}"),
        }
        assert!(world.exported(id).await.is_empty(), "{case}");
        let account = world.services.get_account_for_engine(id).await.expect("account");
        assert!(
            account.status.error.is_some_and(|text| !text.is_empty()),
            "{case}: Status says why"
        );
        world.sync(good).await.expect("the other account goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_folder_that_vanished_is_told_and_inbox_goes_on() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let imap = ImapSettings {
        sent_folder: Some("Gone".into()),
        more_folders: Vec::new(),
        ..imap_of(&dovecot)
    };
    let id = world.account(imap, "owner", support::tracking()).await;
    world.sync(id).await.expect("baseline");
    let raw = b"From: k@out.example\r\nSubject: hello\r\n\r\nhello\r\n";
    dovecot
        .maildir("owner")
        .put(None, raw, false, std::time::Duration::ZERO)
        .expect("put");
    assert_eq!(world.sync(id).await.expect("sync").stored, 1);
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let error = account.status.error.expect("Status says it");
    assert!(error.contains("Sent mail is not watched"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_uidvalidity_neither_loses_nor_doubles() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    let id = world
        .account(imap_of(&dovecot), "owner", support::tracking())
        .await;
    world.sync(id).await.expect("baseline");
    for number in 0..5 {
        let raw = format!("From: k@out.example\r\nSubject: {number}\r\n\r\n{number}\r\n");
        maildir
            .put(None, raw.as_bytes(), false, std::time::Duration::ZERO)
            .expect("put");
    }
    assert_eq!(world.sync(id).await.expect("sync").stored, 5);
    // In Dovecot's list of UIDs another UIDVALIDITY; one of its own making may be that of the same second.
    let folder = dovecot.mail_folder().join("owner");
    let list = std::fs::read_to_string(folder.join("dovecot-uidlist")).expect("list");
    let (version, rest) = list.split_once(" V").expect("UIDVALIDITY");
    let (uid_validity, rest) = rest.split_once(' ').expect("UIDVALIDITY");
    let next = uid_validity.parse::<u32>().expect("number") + 1;
    std::fs::write(
        folder.join("dovecot-uidlist"),
        format!("{version} V{next} {rest}"),
    )
    .expect("written");
    for entry in std::fs::read_dir(&folder).expect("folder") {
        let path = entry.expect("entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("dovecot.index") {
            std::fs::remove_file(path).expect("removed");
        }
    }
    let report = world.sync(id).await.expect("sync");
    assert_eq!((report.stored, report.duplicate), (0, 5), "met again and known");
    assert_eq!(world.exported(id).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_the_server_refuses_stops_no_other() {
    let fault = Fault {
        refuse_uid: Some(2),
        ..Fault::default()
    };
    let server = ImapServer::start(fault).await.expect("server");
    let world = World::new().await;
    let imap = settings(server.address.port(), Security::None, None);
    let id = world.account(imap, "owner", support::tracking_everything()).await;
    // A refusal may pass by itself: what can be had is stored, the rest is tried again.
    for _ in 0..2 {
        assert!(world.sync(id).await.is_err());
        assert_eq!(world.exported(id).await.len(), 2);
    }
    let report = world.sync(id).await.expect("the third refusal is believed");
    assert_eq!(report.skipped.get("not_delivered"), Some(&1));
    assert_eq!(world.exported(id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_connection_gives_the_same_mail() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    for number in 0..40 {
        let raw = format!(
            "From: a@out.example\r\nSubject: {number}\r\n\r\n{}\r\n",
            "line of text\r\n".repeat(number * 100)
        );
        maildir
            .put(None, raw.as_bytes(), false, std::time::Duration::ZERO)
            .expect("put");
    }
    let imap = ImapSettings {
        compress: true,
        authserv_id: None,
        ..imap_of(&dovecot)
    };
    let probed = world.handle.probe(credentials(imap.clone(), PASSWORD)).await;
    assert!(
        probed.steps.iter().any(|step| step.text == "Compressed"),
        "{:?}",
        probed.steps
    );
    let id = world.account(imap, "owner", support::tracking_everything()).await;
    assert_eq!(world.sync(id).await.expect("sync").stored, 40);
    let mut given = testkit::raw_imap::read_all(dovecot.imap_port, "owner", PASSWORD).expect("raw");
    given.sort();
    assert!(world.exported(id).await == given);
}
