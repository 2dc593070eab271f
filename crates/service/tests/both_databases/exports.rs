//! A message whose bytes cannot be read stops no export: the rest is in it, and it is named with the reason.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use domain::MailAccountId;
use service::access::Viewer;
use service::export::ExportFormat;
use service::exports::ExportScope;
use service::exports::FileFormat;
use service::exports::Progress;
use service::inbox::InboxQuery;
use store::Db;
use testkit::Postgres;
use testkit::sample_mail::plain;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db")).await;
    what_cannot_be_read_is_named(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres_with_one_connection(&postgres.url()).await;
    what_cannot_be_read_is_named(db.expect("database")).await;
}

async fn what_cannot_be_read_is_named(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let (owner, alice) = world.administrator("alice").await;
    let services = &world.services;
    let account = services.create_account(owner, "Mail", "alice@isp.example").await;
    let account = account.expect("account");
    let lease = services
        .take_lease(account, "one")
        .await
        .expect("lease")
        .expect("free");
    let mut files = Vec::new();
    for (uid, subject) in [(1, "whole"), (11, "cut"), (21, "missing")] {
        let before = segments(folder.path());
        world.pass(Duration::from_secs(60));
        let id = format!("{subject}@x");
        let raw = plain(
            "Kelly <kelly@out.example>",
            "alice@isp.example",
            subject,
            "words",
            &id,
        );
        world.intake(&lease, uid, &[raw]).await.expect("intake");
        let after = segments(folder.path());
        files.push(after.difference(&before).next().expect("a segment").clone());
    }
    // The newest comes first in a list, and the oldest first for the command line: neither is in the way.
    std::fs::remove_file(&files[2]).expect("removed");
    File::options()
        .write(true)
        .open(&files[1])
        .expect("file")
        .set_len(30)
        .expect("cut");

    let reasons = [
        "missing: the file that holds it is missing",
        "cut: the file that holds it is cut short",
    ];
    for format in [FileFormat::Eml, FileFormat::Mbox, FileFormat::Html] {
        let mut exported = export(&world, alice, format, 2).await;
        let mut bytes = Vec::new();
        exported.read_to_end(&mut bytes).expect("read");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("whole"), "{format:?}");
        // In HTML a space is written as an entity.
        let text = text.replace("&#32;", " ");
        for reason in reasons {
            assert!(text.contains(reason), "{format:?}: {reason}");
        }
    }
    let zip = export(&world, alice, FileFormat::Eml, 2).await;
    assert_eq!(
        zip::ZipArchive::new(zip).expect("zip").len(),
        2,
        "the whole one, and the list"
    );
    // It needs no bytes.
    export(&world, alice, FileFormat::Csv, 0).await;
    by_the_command_line(&world, account).await;
}

async fn export(world: &World, alice: Viewer, format: FileFormat, unread: u64) -> File {
    let services = &world.services;
    let scope = ExportScope::Inbox(Box::new(InboxQuery::newest(50)));
    let id = services
        .start_export(alice, scope, format)
        .await
        .expect("started");
    loop {
        match services.export_progress(alice, id).expect("progress") {
            Progress::Running { .. } => tokio::task::yield_now().await,
            ended => {
                assert_eq!(ended, Progress::Ready { messages: 3, unread }, "{format:?}");
                return services.take_export(alice, id).await.expect("file").file;
            }
        }
    }
}

async fn by_the_command_line(world: &World, account: MailAccountId) {
    let folder = tempfile::tempdir().expect("folder");
    for (format, to, list) in [
        (ExportFormat::Eml, "all", "all/could-not-be-read.txt"),
        (ExportFormat::Mbox, "all.mbox", "all.mbox.could-not-be-read.txt"),
    ] {
        let report = world
            .services
            .export_account(account, format, &folder.path().join(to))
            .await;
        let report = report.expect("exported");
        assert_eq!((report.written, report.unread.len()), (1, 2), "{format:?}");
        let list = std::fs::read_to_string(folder.path().join(list)).expect("a list");
        for (id, reason) in &report.unread {
            assert!(list.contains(&format!("{id}: {reason}")), "{format:?}");
        }
    }
    let files = std::fs::read_dir(folder.path().join("all")).expect("files");
    assert_eq!(files.count(), 2, "nothing is left of what could not be read");
}

fn segments(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten();
    entries(folder)
        .flatten()
        .flat_map(|part| entries(&part.path()).flatten())
        .map(|file| file.path())
        .collect()
}
