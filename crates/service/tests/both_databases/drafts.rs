//! What is written, on both databases: saved over nothing that its writer has not seen, sent once, and with what the
//! text shows.

use bytes::Bytes;
use domain::AttachmentId;
use domain::DraftId;
use domain::MailAccountId;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use service::ServiceError;
use service::access::Viewer;
use service::accounts::Card;
use service::drafts::AnswerKind;
use service::drafts::DraftForm;
use service::drafts::NewFile;
use service::drafts::Recipients;
use service::drafts::Save;
use service::drafts::WrittenAddress;
use service::inbox::Filter;
use service::outbox::SendForm;
use store::Db;
use testkit::Postgres;

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
    let desk = Desk::of(&world).await;
    a_save_is_over_what_was_seen(&desk).await;
    a_repeated_request_is_one(&desk).await;
    a_deleted_draft_can_be_had_back(&desk).await;
    a_draft_is_sent_once(&desk).await;
    what_is_sent_is_what_is_shown(&desk).await;
    an_answer_carries_the_pictures_that_it_quotes(&desk).await;
}

struct Desk<'a> {
    world: &'a World,
    alice: Viewer,
    mallory: Viewer,
    account: MailAccountId,
    /// Mallory's.
    foreign: MailAccountId,
}

impl<'a> Desk<'a> {
    async fn of(world: &'a World) -> Self {
        let (id, alice) = world.administrator("alice").await;
        let (other, mallory) = world.administrator("mallory").await;
        let foreign = world
            .services
            .create_account(other, "Mallory", "mallory@isp.example");
        let foreign = foreign.await.expect("account");
        let account = world
            .services
            .create_account(id, "Alice", "alice@isp.example")
            .await
            .expect("account");
        let smtp = SmtpSettings {
            server: "smtp.isp.example".into(),
            port: 465,
            security: Security::Tls,
            auth: SmtpAuth::None,
            enabled: true,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings: smtp,
            password: None,
        };
        world
            .services
            .save_card(alice, account, card)
            .await
            .expect("SMTP");
        Desk {
            world,
            alice,
            mallory,
            account,
            foreign,
        }
    }

    fn form(&self, html: &str) -> DraftForm {
        DraftForm {
            account: self.account,
            thread: None,
            answers: None,
            recipients: Recipients {
                to: vec![WrittenAddress {
                    name: String::new(),
                    address: "kelly@out.example".into(),
                }],
                ..Recipients::default()
            },
            subject: "Written".into(),
            html: html.into(),
        }
    }

    async fn save(&self, id: DraftId, over: &[u64], version: u64, html: &str) -> Result<u64, ServiceError> {
        let save = Save {
            id: Some(id),
            over: Some(over.to_vec()),
            version: Some(version),
            files_of: None,
        };
        let saved = self
            .world
            .services
            .save_draft(self.alice, save, self.form(html))
            .await;
        saved.map(|saved| saved.version)
    }

    async fn html(&self, id: DraftId) -> String {
        let draft = self.world.services.get_draft(self.alice, id).await;
        draft.expect("draft").form.html
    }

    fn send_form(&self, draft: DraftId, html: &str, files: Option<Vec<AttachmentId>>) -> SendForm {
        SendForm {
            form: self.form(html),
            draft: Some(draft),
            files,
            can_be_undone: true,
        }
    }

    async fn raw(&self, message: domain::MessageId) -> String {
        let raw = self.world.services.open_raw(self.alice, message).await;
        String::from_utf8(raw.expect("raw").to_vec()).expect("ascii")
    }
}

fn new_id() -> DraftId {
    DraftId::from_uuid(uuid::Uuid::now_v7())
}

fn file(name: &'static str, inline: bool, id: Option<AttachmentId>) -> NewFile<'static> {
    NewFile {
        id,
        name,
        content_type: if inline { "image/png" } else { "application/pdf" },
        inline,
        bytes: Bytes::from_static(b"\x89PNG"),
    }
}

async fn a_save_is_over_what_was_seen(desk: &Desk<'_>) {
    let id = new_id();
    assert!(matches!(
        desk.save(id, &[], 5, "<p>never</p>").await,
        Err(ServiceError::NotFound)
    ));
    assert_eq!(desk.save(id, &[0], 5, "<p>one</p>").await.expect("made"), 5);
    assert_eq!(desk.save(id, &[5], 9, "<p>two</p>").await.expect("saved"), 9);
    // Another tab still has version 5 before it.
    assert!(matches!(
        desk.save(id, &[5], 11, "<p>other</p>").await,
        Err(ServiceError::DraftChanged)
    ));
    assert_eq!(desk.html(id).await, "<p>two</p>");
    // The answer to 9 was lost; whoever saved it knows that it may have been stored, or not.
    assert_eq!(
        desk.save(id, &[5, 9], 12, "<p>three</p>").await.expect("saved"),
        12
    );
    let two = tokio::join!(
        desk.save(id, &[12], 20, "<p>left</p>"),
        desk.save(id, &[12], 30, "<p>right</p>")
    );
    let won = [two.0.is_ok(), two.1.is_ok()];
    assert_eq!(won.iter().filter(|one| **one).count(), 1, "{won:?}");
    let foreign = Save {
        id: Some(id),
        over: Some(vec![0]),
        version: Some(40),
        files_of: None,
    };
    let services = &desk.world.services;
    let mallorys = DraftForm {
        account: desk.foreign,
        ..desk.form("<p>x</p>")
    };
    let refused = services.save_draft(desk.mallory, foreign, mallorys).await;
    assert!(matches!(refused, Err(ServiceError::NotFound)));
}

async fn a_repeated_request_is_one(desk: &Desk<'_>) {
    let services = &desk.world.services;
    let id = new_id();
    for _ in 0..2 {
        assert_eq!(desk.save(id, &[0], 5, "<p>one</p>").await.expect("saved"), 5);
    }
    for _ in 0..2 {
        assert_eq!(desk.save(id, &[5], 6, "<p>two</p>").await.expect("saved"), 6);
    }
    let raced = new_id();
    let two = tokio::join!(
        desk.save(raced, &[0, 5], 5, "<p>one</p>"),
        desk.save(raced, &[0, 5, 6], 6, "<p>two</p>")
    );
    assert_eq!(two.1.expect("saved"), 6, "made by whichever came first");
    let file_id = AttachmentId::from_uuid(uuid::Uuid::now_v7());
    for _ in 0..2 {
        let attached = services
            .attach(desk.alice, id, file("a.pdf", false, Some(file_id)))
            .await;
        assert_eq!(attached.expect("attached").id, file_id);
    }
    assert_eq!(
        services
            .get_draft(desk.alice, id)
            .await
            .expect("draft")
            .files
            .len(),
        1
    );
    // A copy has files of its own.
    let copy = Save {
        id: Some(new_id()),
        over: Some(vec![0]),
        version: None,
        files_of: Some(id),
    };
    let copied = services
        .save_draft(desk.alice, copy, desk.form("<p>mine</p>"))
        .await
        .expect("copied");
    services.delete_draft(desk.alice, id).await.expect("deleted");
    let copied = services.get_draft(desk.alice, copied.id).await.expect("copy");
    assert_eq!(copied.files.len(), 1);
    let read = services
        .read_draft_file(desk.alice, copied.id, copied.files[0].id)
        .await;
    assert_eq!(read.expect("file").1, Bytes::from_static(b"\x89PNG"));
}

async fn a_deleted_draft_can_be_had_back(desk: &Desk<'_>) {
    let services = &desk.world.services;
    let id = new_id();
    desk.save(id, &[0], 1, "<p>dear</p>").await.expect("saved");
    services
        .attach(desk.alice, id, file("a.pdf", false, None))
        .await
        .expect("attached");
    services.delete_draft(desk.alice, id).await.expect("deleted");
    assert!(matches!(
        services.get_draft(desk.alice, id).await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        desk.save(id, &[1], 2, "<p>late</p>").await,
        Err(ServiceError::NotFound)
    ));
    assert!(matches!(
        services.restore_draft(desk.mallory, id).await,
        Err(ServiceError::NotFound)
    ));
    for _ in 0..2 {
        services.restore_draft(desk.alice, id).await.expect("restored");
    }
    let restored = services.get_draft(desk.alice, id).await.expect("draft");
    assert_eq!(
        (restored.form.html.as_str(), restored.files.len()),
        ("<p>dear</p>", 1)
    );
    services.delete_draft(desk.alice, id).await.expect("deleted");
    desk.world.pass(std::time::Duration::from_secs(25 * 3600));
    services.keep_house().await;
    assert!(matches!(
        services.restore_draft(desk.alice, id).await,
        Err(ServiceError::NotFound)
    ));
}

async fn a_draft_is_sent_once(desk: &Desk<'_>) {
    let services = &desk.world.services;
    let id = new_id();
    desk.save(id, &[0], 1, "<p>once</p>").await.expect("saved");
    let send = |key| services.send(desk.alice, desk.send_form(id, "<p>once</p>", None), Some(key));
    let both = tokio::join!(send("left"), send("right"));
    let sent: Vec<_> = [both.0, both.1].into_iter().filter_map(Result::ok).collect();
    assert_eq!(sent.len(), 1, "two tabs sent it");
    assert!(matches!(send("third").await, Err(ServiceError::DraftSent)));
    assert!(matches!(
        desk.save(id, &[1], 2, "<p>late</p>").await,
        Err(ServiceError::DraftSent)
    ));
    // Taken back, it can be written and sent again.
    let back = services
        .take_back(desk.alice, sent[0].message)
        .await
        .expect("taken back");
    assert_eq!(back, Some(id));
    desk.save(id, &[1], 2, "<p>again</p>").await.expect("saved");
    send("fourth").await.expect("sent");
}

async fn what_is_sent_is_what_is_shown(desk: &Desk<'_>) {
    let services = &desk.world.services;
    let id = new_id();
    desk.save(id, &[0], 1, "<p></p>").await.expect("saved");
    let attach = async |name, inline| {
        let attached = services.attach(desk.alice, id, file(name, inline, None)).await;
        attached.expect("attached")
    };
    let (removed, shown) = (attach("removed.png", true).await, attach("shown.png", true).await);
    let (listed, unlisted) = (
        attach("listed.pdf", false).await,
        attach("unlisted.pdf", false).await,
    );
    let html = format!(
        "<p><img src=\"cid:{}\"><img src=\"cid:nowhere\"></p>",
        shown.content_id.expect("named")
    );
    let send = desk.send_form(id, &html, Some(vec![listed.id]));
    let queued = services.send(desk.alice, send, None).await.expect("queued");
    let raw = desk.raw(queued.message).await;
    for (name, goes) in [
        ("shown.png", true),
        ("removed.png", false),
        ("listed.pdf", true),
        ("unlisted.pdf", false),
    ] {
        assert_eq!(raw.contains(name), goes, "{name}: {raw}");
    }
    assert!(
        !raw.contains("nowhere") && !raw.contains(&removed.content_id.expect("named")),
        "{raw}"
    );
    assert_eq!(raw.matches("Content-ID:").count(), 1, "{raw}");
    services
        .take_back(desk.alice, queued.message)
        .await
        .expect("taken back");
    services
        .detach(desk.alice, id, unlisted.id)
        .await
        .expect("detached");
    let gone = desk.send_form(id, &html, Some(vec![unlisted.id]));
    assert!(matches!(
        services.send(desk.alice, gone, None).await,
        Err(ServiceError::Invalid(_))
    ));
}

const PICTURE: &str = "From: Kelly <kelly@out.example>\r\nTo: alice@isp.example\r\nSubject: What the router shows\r\n\
Message-ID: <shot-1@out.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"rel1\"\r\n\r\n\
--rel1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
<p>It says this:</p><p><img src=\"cid:shot-1.png@out.example\" width=\"2\"><img src=\"cid:dead@out.example\"></p>\r\n\
--rel1\r\nContent-Type: image/png; name=\"shot-1.png\"\r\nContent-ID: <shot-1.png@out.example>\r\n\
Content-Disposition: inline; filename=\"shot-1.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n\
--rel1\r\nContent-Type: application/pdf; name=\"manual.pdf\"\r\n\
Content-Disposition: attachment; filename=\"manual.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--rel1--\r\n";

async fn an_answer_carries_the_pictures_that_it_quotes(desk: &Desk<'_>) {
    let services = &desk.world.services;
    let lease = services
        .take_lease(desk.account, "test")
        .await
        .expect("lease")
        .expect("free");
    desk.world
        .intake(&lease, 1, &[PICTURE.to_owned()])
        .await
        .expect("intake");
    let listed = desk.world.list(desk.alice, "", Filter::default()).await;
    let message = listed
        .iter()
        .find(|one| one.message.subject == "What the router shows");
    let message = message.expect("listed").message.id;
    for (kind, names) in [
        (AnswerKind::Reply, vec!["shot-1.png"]),
        (AnswerKind::Forward, vec!["manual.pdf", "shot-1.png"]),
    ] {
        let id = new_id();
        let draft = services
            .begin_answer(desk.alice, message, kind, Some(id))
            .await
            .expect("draft");
        let again = services
            .begin_answer(desk.alice, message, kind, Some(id))
            .await
            .expect("draft");
        assert_eq!(
            (&draft.form, draft.files.len()),
            (&again.form, again.files.len()),
            "a repeated request is one"
        );
        let mut held: Vec<_> = draft.files.iter().map(|file| file.name.as_str()).collect();
        held.sort_unstable();
        assert_eq!(held, names, "{kind:?}");
        let picture = draft.files.iter().find_map(|file| file.content_id.clone());
        let picture = picture.expect("inline");
        assert!(
            draft.form.html.contains(&format!("src=\"cid:{picture}\"")),
            "{}",
            draft.form.html
        );
        assert!(!draft.form.html.contains("dead@"), "{}", draft.form.html);
        let mut form = draft.form.clone();
        form.recipients = desk.form("").recipients;
        let send = SendForm {
            form,
            draft: Some(id),
            files: None,
            can_be_undone: true,
        };
        let queued = services.send(desk.alice, send, None).await.expect("queued");
        let raw = desk.raw(queued.message).await;
        assert!(raw.contains(&format!("Content-ID: <{picture}>")), "{raw}");
        assert_eq!(raw.contains("manual.pdf"), kind == AnswerKind::Forward, "{raw}");
    }
}
