//! A letter that was made to cost time is read like any other, and not by the thread that serves.

use std::time::Duration;

use service::inbox::Filter;
use service::reading::Charset;
use service::reading::FrameAddresses;
use store::Db;
use testkit::growth::processor_time;

use crate::world::World;

/// The most that any operation may hold a worker.
const MOST: Duration = Duration::from_millis(500);

/// Here the one thread that serves is the test's.
#[tokio::test]
async fn a_letter_of_100_000_empty_lines_holds_nobody() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.db");
    let db = Db::open_sqlite(&file).await.expect("database");
    let world = World::new(db, folder.path()).await;
    let (owner, alice) = world.administrator("alice").await;
    let services = &world.services;
    let account = services
        .create_account(owner, "Mail", "alice@isp.example")
        .await
        .expect("account");
    let lease = services
        .take_lease(account, "test")
        .await
        .expect("lease")
        .expect("free");
    let base64 = format!("{}\r\n", "CgoK".repeat(19)).repeat(100_000 / 57 + 1);
    let raw = format!(
        "From: kelly@out.example\r\nSubject: empty\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64}"
    );
    world.intake(&lease, 1, &[raw]).await.expect("intake");
    let listed = world.list(alice, "", Filter::default()).await;
    let before = processor_time();
    let opened = services
        .open_message(alice, listed[0].message.id)
        .await
        .expect("opened");
    let held = processor_time() - before;
    assert!(opened.text.is_empty(), "there are no words in it");
    assert!(held < MOST, "{held:?}");
}

/// It says KOI8-R, which any bytes can be: only a reader sees that they are not.
#[tokio::test]
async fn a_reader_says_what_a_message_is_written_in() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    let world = World::new(db, folder.path()).await;
    let (owner, alice) = world.administrator("alice").await;
    let services = &world.services;
    let account = services
        .create_account(owner, "Mail", "alice@isp.example")
        .await
        .expect("account");
    let lease = services
        .take_lease(account, "test")
        .await
        .expect("lease")
        .expect("free");
    let hello = "=CF=F0=E8=E2=E5=F2";
    let raw = format!(
        "From: =?koi8-r?Q?{hello}?= <kelly@out.example>\r\nSubject: =?koi8-r?Q?{hello}?=\r\nMIME-Version: 1.0\r\n\
Content-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{hello}</p>\r\n"
    );
    world.intake(&lease, 1, &[raw]).await.expect("intake");
    let id = world.list(alice, "", Filter::default()).await[0].message.id;
    let addresses = FrameAddresses {
        part: str::to_owned,
        image: str::to_owned,
    };
    for (charset, hello) in [(None, "оПХБЕР"), (Some("windows-1251"), "Привет")] {
        let charset = charset.and_then(Charset::named);
        let opened = services
            .open_message_as(alice, id, charset)
            .await
            .expect("opened");
        assert_eq!(opened.listed.message.subject, hello);
        assert_eq!(opened.listed.message.author_name, hello);
        assert_eq!(opened.addresses[0].name.as_str(), hello);
        assert_eq!(opened.text[0].text.trim(), hello);
        let frame = opened.frame.expect("frame").capability;
        let html = services.open_frame(&frame, addresses).await.expect("html");
        assert!(html.contains(hello), "{html}");
    }
}
