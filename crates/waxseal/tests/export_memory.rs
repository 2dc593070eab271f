//! A hundred large messages are opened, four at a time, and taken out by a process that may hold 256 MiB: by the page in
//! each format, and by the command line. `FULL=1`: messages of 100 MiB, else of 4 MiB, which together are more than that as well.

#[path = "support/mod.rs"]
mod support;

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use domain::MailAccountId;
use domain::Timestamp;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use store::BlobStore;
use store::Db;
use support::answer_of;
use support::serve_as;
use support::set_up;
use support::sign_in;
use support::waxseal;

const MESSAGES: u32 = 100;
const MIB: usize = 1024 * 1024;
const MOST_MIB: usize = 256;
const READERS: usize = 4;
const LINE: &str = "UmVwZWF0ZWQgYWdhaW4gYW5kIGFnYWluLCBzbyB0aGF0IGl0IGlzIG1hZGUgcXVpY2tseS4u\r\n";

#[test]
fn exports_hold_a_message_at_a_time() {
    let size = match std::env::var_os("FULL") {
        Some(_) => 100 * MIB,
        None => 4 * MIB,
    };
    let folder = tempfile::tempdir().expect("folder");
    let account = set_up(folder.path(), 9);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(fill(folder.path(), account.parse().expect("id"), size));
    drop(runtime);
    by_the_page(folder.path(), size);
    for format in ["eml", "mbox"] {
        let to = folder.path().join(format);
        let exported = limited(folder.path())
            .args(["export", "--account", &account, "--format", format, "--to"])
            .arg(&to)
            .output()
            .expect("ended");
        assert!(
            exported.status.success(),
            "{format}: {}",
            String::from_utf8_lossy(&exported.stderr)
        );
        assert!(bytes_of(&to) >= size as u64 * u64::from(MESSAGES), "{format}");
        let _ = std::fs::remove_file(&to);
        let _ = std::fs::remove_dir_all(&to);
    }
}

/// The same program, which gets no more memory than that.
fn limited(folder: &Path) -> Command {
    let program = waxseal(folder);
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--data={}", MOST_MIB * MIB))
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

async fn fill(folder: &Path, id: MailAccountId, size: usize) {
    let db = Db::open_sqlite(&folder.join("store/waxseal.db"))
        .await
        .expect("database");
    let blobs = BlobStore::open_folder(&folder.join("store/raw")).expect("blobs");
    let key = std::fs::read(folder.join("waxseal.key")).expect("key");
    let key = MasterKey::from_bytes(&key.try_into().expect("32 bytes"));
    let services = Services::open(db, blobs, key, Arc::new(SystemClock))
        .await
        .expect("services");
    let lease = services
        .take_lease(id, "test")
        .await
        .expect("lease")
        .expect("free");
    let account = services.get_account_for_engine(id).await.expect("account");
    let inbox = services
        .watch_folder(id, FolderRole::Inbox, b"INBOX")
        .await
        .expect("folder");
    for number in 1..=MESSAGES {
        let cursor = FolderCursor::at_baseline(UidValidity(1), Uid(number + 1), None);
        services
            .set_cursor(&lease, inbox.id, &cursor, None)
            .await
            .expect("cursor");
        let message = FetchedForIntake {
            uid: Uid(number),
            role: FolderRole::Inbox,
            seen: false,
            internal_date: Some(Timestamp::from_seconds(1_790_000_000 + i64::from(number))),
            raw: raw(number, size).into(),
        };
        let batch = IntakeBatch {
            lease: &lease,
            account: &account,
            folder: &inbox,
            messages: vec![message],
            skipped: Vec::new(),
            cursor,
            walk: Walk::NewMail,
            history_since: None,
            attempts: Vec::new(),
            park: false,
        };
        assert_eq!(services.intake(batch).await.expect("intake").stored, 1);
    }
    services.release_lease(&lease).await.expect("released");
    services.close().await;
}

fn raw(number: u32, size: usize) -> Vec<u8> {
    let head = format!(
        "From: kelly@out.example\r\nTo: alice@isp.example\r\nSubject: Large {number}\r\nMessage-ID: <{number}@out.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=large.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    let mut raw = head.into_bytes();
    raw.extend(
        LINE.as_bytes()
            .iter()
            .cycle()
            .take((size / LINE.len() + 1) * LINE.len()),
    );
    raw.extend_from_slice(b"--b--\r\n");
    raw
}

fn by_the_page(folder: &Path, size: usize) {
    let (serving, port) = serve_as(limited(folder));
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    for format in ["eml", "mbox", "html"] {
        let body = format!("{{\"format\":\"{format}\"}}");
        let (status, started) = answer_of(port, "POST", "/exports", &cookie, &body).expect("answer");
        assert_eq!(status, 202, "{started}");
        let (_, id) = started.split_once("\"id\":\"").expect("an id");
        let id = &id[..36];
        let ready = loop {
            let (_, told) = answer_of(port, "GET", &format!("/exports/{id}"), &cookie, "").expect("answer");
            match told.contains("\"running\"") {
                true => std::thread::yield_now(),
                false => break told,
            }
        };
        assert!(
            ready.contains("\"ready\",\"messages\":100,\"unread\":0"),
            "{format}: {ready}"
        );
        let fetched = fetch(port, &format!("/exports/{id}/file"), &cookie);
        let expected = if format == "html" {
            1
        } else {
            size as u64 * u64::from(MESSAGES)
        };
        assert!(fetched >= expected, "{format}: {fetched} bytes");
    }
    open_all(port, &cookie);
    let peak = peak_mib(serving.0.id());
    println!("peak of the server: {peak} MiB");
    assert!(peak < MOST_MIB, "{peak} MiB");
}

/// More people at once than there is room for.
fn open_all(port: u16, cookie: &str) {
    let (_, page) = answer_of(port, "GET", "/messages?limit=100", cookie, "").expect("answer");
    let ids: Vec<_> = page
        .split("{\"id\":\"")
        .skip(1)
        .map(|row| row[..36].to_owned())
        .collect();
    assert_eq!(ids.len(), MESSAGES as usize);
    std::thread::scope(|scope| {
        for ids in ids.chunks(ids.len().div_ceil(READERS)) {
            scope.spawn(move || {
                for id in ids {
                    let opened = answer_of(port, "GET", &format!("/messages/{id}"), cookie, "");
                    let (status, opened) = opened.expect("answer");
                    assert!(status == 200 && opened.contains("\"text\":\"words"), "{opened}");
                }
            });
        }
    });
}

/// Bytes of the answer, which are not kept.
fn fetch(port: u16, path: &str, cookie: &str) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let head = format!("GET /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}\r\n");
    stream.write_all(head.as_bytes()).expect("written");
    let (mut piece, mut count) = (vec![0; MIB], 0);
    loop {
        match stream.read(&mut piece).expect("read") {
            0 => return count,
            read => count += read as u64,
        }
    }
}

fn peak_mib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: usize = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse().ok())
        .expect("a peak");
    kib / 1024
}

fn bytes_of(path: &Path) -> u64 {
    match std::fs::read_dir(path) {
        Ok(files) => files
            .map(|file| file.expect("file").metadata().expect("size").len())
            .sum(),
        Err(_) => std::fs::metadata(path).expect("file").len(),
    }
}
