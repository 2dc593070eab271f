//! Everything that the server lists is here, or there is a reason; what is missing is fetched.

mod support;

use std::time::Duration;

use domain::account::Tracking;
use domain::folder::FolderRole;
use domain::folder::Uid;
use service::access::Viewer;
use service::audits::FolderAudit;
use support::World;
use support::imap_of;
use testkit::Dovecot;

fn inbox(audit: &[FolderAudit]) -> &FolderAudit {
    audit
        .iter()
        .find(|folder| folder.folder == "INBOX")
        .expect("INBOX")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_found_and_fetched() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    for name in ["one", "two", "three", "four", "five", "spam"] {
        let raw = format!(
            "From: {name}@out.example\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n"
        );
        let maildir = dovecot.maildir("owner");
        maildir
            .put(None, raw.as_bytes(), false, Duration::ZERO)
            .expect("put");
    }
    let tracking = support::tracking_everything();
    let id = world
        .account_denying(imap_of(&dovecot), "owner", tracking, "spam@out.example")
        .await;
    let services = &world.services;
    let account = services.get_account_for_engine(id).await.expect("account");
    let audit = async || world.handle.audit_once(&account).await.expect("audit");

    let whole = FolderAudit {
        folder: "INBOX".into(),
        on_server: 6,
        here: 5,
        skipped: [("denied".to_owned(), 1)].into(),
        ..FolderAudit::default()
    };
    world.sync(id).await.expect("synced");
    assert_eq!(inbox(&audit().await), &whole);

    // As if it had never been taken in.
    let folder = services
        .watch_folder(id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    let uid_validity = folder.cursor.expect("cursor").uid_validity;
    let lease = services
        .take_lease(id, "test")
        .await
        .expect("lease")
        .expect("free");
    services
        .forget_copies_from(&lease, folder.id, uid_validity, Uid::FIRST)
        .await
        .expect("forgotten");
    services.release_lease(&lease).await.expect("released");
    let healed = FolderAudit {
        fetched: 5,
        ..whole.clone()
    };
    assert_eq!(inbox(&audit().await), &healed);
    assert_eq!(inbox(&audit().await), &whole);
    assert_eq!(world.exported(id).await.len(), 5, "met again, not stored again");

    // For the owner alone, and said to be due when it was asked for.
    let other = domain::AdministratorId::from_uuid(uuid::Uuid::from_u128(7));
    let viewer = |administrator| Viewer {
        administrator,
        session: [0; 32],
    };
    assert!(services.find_audit(viewer(other), id).await.is_err());
    assert!(services.ask_for_audit(viewer(other), id).await.is_err());
    world.pass(Duration::from_secs(1));
    services
        .ask_for_audit(viewer(world.alice), id)
        .await
        .expect("asked");
    let view = services
        .find_audit(viewer(world.alice), id)
        .await
        .expect("audit")
        .expect("made");
    assert!(view.is_due && services.begin_audit_if_due(id).await.expect("due"));
    assert_eq!(inbox(&view.folders), &whole);
    world.pass(Duration::from_secs(1));
    audit().await;
    assert!(!services.begin_audit_if_due(id).await.expect("due"));
    world.pass(Duration::from_secs(24 * 3600));
    assert!(services.begin_audit_if_due(id).await.expect("due"), "every day");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_first_connection_is_counted_apart() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    maildir
        .put(None, b"Subject: old\r\n\r\nold\r\n", false, Duration::ZERO)
        .expect("put");
    let tracking = Tracking {
        history_since: None,
        ..support::tracking_everything()
    };
    let id = world.account(imap_of(&dovecot), "owner", tracking).await;
    world.sync(id).await.expect("synced");
    maildir
        .put(None, b"Subject: new\r\n\r\nnew\r\n", false, Duration::ZERO)
        .expect("put");
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let found = world.handle.audit_once(&account).await.expect("audit");
    let inbox = inbox(&found);
    assert_eq!(
        (inbox.on_server, inbox.here, inbox.older, inbox.missing),
        (2, 1, 1, 0)
    );
}
