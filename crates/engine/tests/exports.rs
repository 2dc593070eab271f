//! What may be taken out by whom, once; and what a spreadsheet makes of it.

mod support;

use std::io::Read as _;
use std::time::Duration;

use domain::Right;
use service::ServiceError;
use service::access::Viewer;
use service::exports::ExportScope;
use service::exports::FileFormat;
use service::exports::Progress;
use service::grants::WantedGrant;
use service::inbox::InboxQuery;
use support::desk::Desk;
use uuid::Uuid;

fn inbox() -> ExportScope {
    ExportScope::Inbox(Box::new(InboxQuery::newest(50)))
}

/// Waits until it is ready; how many messages are in it.
async fn ready(desk: &Desk, viewer: Viewer, id: Uuid) -> u64 {
    for _ in 0..2_000 {
        match desk.services.export_progress(viewer, id).expect("progress") {
            Progress::Ready { messages, .. } => return messages,
            Progress::Failed => panic!("failed"),
            Progress::Running { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    panic!("never ready");
}

async fn start(desk: &Desk, viewer: Viewer, format: FileFormat) -> Uuid {
    let started = desk.services.start_export(viewer, inbox(), format).await;
    started.expect("started")
}

async fn text_of(desk: &Desk, viewer: Viewer, id: Uuid) -> Result<Vec<u8>, ServiceError> {
    let mut exported = desk.services.take_export(viewer, id).await?;
    let mut bytes = Vec::new();
    exported.file.read_to_end(&mut bytes).expect("read");
    assert_eq!(bytes.len() as u64, exported.size);
    Ok(bytes)
}

async fn grant(desk: &Desk, bob: Viewer, level: Right) {
    let wanted = WantedGrant {
        administrator: bob.administrator,
        level,
        start: None,
        end: None,
    };
    desk.services
        .set_grants(desk.alice, desk.account, &[wanted])
        .await
        .expect("granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_once_by_who_may_take_mail_out() {
    let desk = Desk::new().await;
    let bob = desk.another("bob").await;
    let message = desk.send(&["kelly@out.example"]).await;
    for (format, holds) in [
        (FileFormat::Csv, "Hello"),
        (FileFormat::Eml, "Subject: Hello"),
        (FileFormat::Mbox, "From alice@isp.example "),
        (FileFormat::Html, "<h2>Hello</h2>"),
    ] {
        let id = start(&desk, desk.alice, format).await;
        assert_eq!(ready(&desk, desk.alice, id).await, 1, "{format:?}");
        assert!(text_of(&desk, bob, id).await.is_err(), "somebody else's");
        assert!(desk.services.export_progress(bob, id).is_err());
        let bytes = text_of(&desk, desk.alice, id).await.expect("fetched");
        assert!(String::from_utf8_lossy(&bytes).contains(holds), "{format:?}");
        assert!(text_of(&desk, desk.alice, id).await.is_err(), "a second time");
    }
    // Byte for byte.
    let id = start(&desk, desk.alice, FileFormat::Eml).await;
    ready(&desk, desk.alice, id).await;
    let file = desk
        .services
        .take_export(desk.alice, id)
        .await
        .expect("fetched")
        .file;
    let mut zip = zip::ZipArchive::new(file).expect("zip");
    let mut raw = Vec::new();
    zip.by_index(0).expect("one").read_to_end(&mut raw).expect("read");
    assert_eq!(
        raw,
        desk.services.open_raw(desk.alice, message).await.expect("raw")
    );

    // See shows, and takes nothing out; Reply does, as long as it lasts.
    for (level, count) in [(Right::See, 0), (Right::Reply, 1)] {
        grant(&desk, bob, level).await;
        let id = start(&desk, bob, FileFormat::Csv).await;
        assert_eq!(ready(&desk, bob, id).await, count, "{level:?}");
        assert!(text_of(&desk, bob, id).await.is_ok());
    }
    let id = start(&desk, bob, FileFormat::Mbox).await;
    ready(&desk, bob, id).await;
    desk.services
        .set_grants(desk.alice, desk.account, &[])
        .await
        .expect("revoked");
    assert!(
        text_of(&desk, bob, id).await.is_err(),
        "revoked before it was fetched"
    );
    // The owner reads of it on the Status.
    let status = desk
        .services
        .account_status(desk.alice, desk.account)
        .await
        .expect("status");
    let by_bob = status
        .opened_by
        .iter()
        .filter(|entry| entry.verb == "exported" && entry.actor == Some(bob.administrator));
    assert_eq!(by_bob.count(), 2);
}
