//! Files within other encodings, on both databases: listed, found, opened and forwarded like any other, by those who
//! may.

use std::time::Duration;

use domain::DraftId;
use domain::MailAccountId;
use domain::MessageId;
use service::ServiceError;
use service::access::Viewer;
use service::drafts::AnswerKind;
use service::inbox::Filter;
use service::reading::OpenMessage;
use store::Db;
use testkit::Postgres;
use testkit::tnef::Tnef;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    all(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    all(Db::open_postgres(&postgres.url()).await.expect("database")).await;
}

async fn all(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let (owner, alice) = world.administrator("alice").await;
    let (_, mallory) = world.administrator("mallory").await;
    let account = world
        .services
        .create_account(owner, "Mail", "alice@isp.example")
        .await
        .expect("account");
    let raws: Vec<String> = MAILS
        .iter()
        .map(|(subject, body, _)| mail(subject, &body()))
        .collect();
    let lease = world
        .services
        .take_lease(account, "test")
        .await
        .expect("lease")
        .expect("free");
    world.intake(&lease, 1, &raws).await.expect("intake");
    for (subject, _, files) in MAILS {
        let id = message(&world, alice, subject).await;
        files_are_listed_and_opened(&world, alice, id, files).await;
        files_are_of_those_who_may_see_the_message(&world, alice, mallory, id).await;
        files_are_forwarded(&world, alice, account, id, files).await;
    }
    two_names_are_told_and_found(&world, alice).await;
}

type Mail = (
    &'static str,
    fn() -> String,
    &'static [(&'static str, &'static [u8])],
);

const MAILS: &[Mail] = &[
    (
        "Outlook",
        || {
            let tnef =
                Tnef::default()
                    .text("Only in here")
                    .file("offer.pdf", "Angebot Glasfaser.pdf", b"%PDF");
            let part = Tnef::part(
                "application/ms-tnef; name=winmail.dat",
                &tnef.file("a.txt", "", b"abc").bytes(),
            );
            let part = String::from_utf8(part).expect("ascii");
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{part}\r\n--b--\r\n")
        },
        &[("Angebot Glasfaser.pdf", b"%PDF"), ("a.txt", b"abc")],
    ),
    (
        "Unix",
        || "\r\nThe reading.\r\n\r\nbegin 644 reading.txt\r\n#0V%T\r\n`\r\nend\r\n".into(),
        &[("reading.txt", b"Cat")],
    ),
    (
        "Signed",
        || {
            let raw = include_str!("../../../mime/tests/smime/opaque-der.eml");
            raw[raw.find("Content-Disposition").expect("header")..].to_owned()
        },
        &[("reading.csv", b"a;b\n1;2\n")],
    ),
];

fn mail(subject: &str, body: &str) -> String {
    format!(
        "From: Kelly <kelly@out.example>\r\nTo: alice@isp.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@out.example>\r\nMIME-Version: 1.0\r\n{body}"
    )
}

async fn message(world: &World, viewer: Viewer, subject: &str) -> MessageId {
    let listed = world.list(viewer, "", Filter::default()).await;
    let found = listed.iter().find(|one| one.message.subject == subject);
    found.expect("listed").message.id
}

async fn open(world: &World, viewer: Viewer, id: MessageId) -> Result<OpenMessage, ServiceError> {
    world.services.open_message(viewer, id).await
}

async fn files_are_listed_and_opened(world: &World, alice: Viewer, id: MessageId, files: &[(&str, &[u8])]) {
    let opened = open(world, alice, id).await.expect("opened");
    assert!(opened.listed.message.has_attachments);
    assert_eq!(opened.attachments.len(), files.len());
    for (link, (name, bytes)) in opened.attachments.iter().zip(files) {
        assert_eq!(link.attachment.name.as_str(), *name);
        let file = world.services.open_part(&link.capability).await.expect("file");
        assert_eq!((file.name.as_str(), file.bytes.as_slice()), (*name, *bytes));
        let word = name.split(['.', ' ']).next().expect("word");
        let found = world.list(alice, word, Filter::default()).await;
        assert!(found.iter().any(|one| one.message.id == id), "{word} is found");
    }
}

async fn files_are_of_those_who_may_see_the_message(
    world: &World,
    alice: Viewer,
    mallory: Viewer,
    id: MessageId,
) {
    assert!(matches!(
        open(world, mallory, id).await,
        Err(ServiceError::NotFound)
    ));
    let opened = open(world, alice, id).await.expect("opened");
    let capability = &opened.attachments[0].capability;
    world.pass(Duration::from_secs(601));
    let late = world.services.open_part(capability).await;
    assert!(matches!(late, Err(ServiceError::NotFound)), "it is over");
}

async fn files_are_forwarded(
    world: &World,
    alice: Viewer,
    account: MailAccountId,
    id: MessageId,
    files: &[(&str, &[u8])],
) {
    let draft = DraftId::from_uuid(uuid::Uuid::now_v7());
    let begun = world
        .services
        .begin_answer(alice, id, AnswerKind::Forward, Some(draft))
        .await
        .expect("draft");
    assert_eq!(begun.form.account, account);
    let names: Vec<_> = begun.files.iter().map(|file| file.name.as_str()).collect();
    let expected: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected);
}

async fn two_names_are_told_and_found(world: &World, alice: Viewer) {
    let account = world.list(alice, "", Filter::default()).await[0].message.account;
    let lease = world
        .services
        .take_lease(account, "test")
        .await
        .expect("lease")
        .expect("free");
    let raw = mail(
        "Names",
        "Content-Type: application/pdf; name=report.pdf\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nx",
    );
    world.intake(&lease, 50, &[raw]).await.expect("intake");
    let opened = open(world, alice, message(world, alice, "Names").await)
        .await
        .expect("opened");
    let file = &opened.attachments[0].attachment;
    assert_eq!(file.name.as_str(), "run.exe");
    assert_eq!(file.other_name.as_ref().expect("other").as_str(), "report.pdf");
    let found = world.list(alice, "report", Filter::default()).await;
    assert!(found.iter().any(|one| one.message.subject == "Names"));
}
