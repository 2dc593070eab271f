//! The disk is full while somebody writes: it is said, what was written is still there, and goes once there is room.

mod support;

use std::path::Path;
use std::process::Command;

use support::answer_of;
use support::serve_as;
use support::set_up;
use support::sign_in;
use testkit::SmtpServer;

/// No file of it grows beyond this, which for the one who writes is a full disk (`EFBIG` in place of `ENOSPC`).
fn limited(folder: &Path, kib: u64) -> Command {
    let mut command = Command::new("bash");
    command
        .env("WAXSEAL_EGRESS_ALLOW", "127.0.0.0/8")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""])
        .arg(kib.to_string())
        .arg(env!("CARGO_BIN_EXE_waxseal"))
        .arg("--data")
        .arg(folder);
    command
}

#[test]
fn what_was_written_survives_a_full_disk() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let sink = runtime.block_on(SmtpServer::start()).expect("sink");
    let folder = tempfile::tempdir().expect("folder");
    let account = set_up(folder.path(), sink.port);
    let message = format!(
        "{{\"account_id\":\"{account}\",\"to\":[{{\"address\":\"kelly@out.example\"}}],\"subject\":\"Long\",\"html\":\"<p>{}</p>\",\"undo\":false}}",
        "word ".repeat(200_000)
    );
    let draft = format!(
        "{{\"account_id\":\"{account}\",\"to\":[],\"cc\":[],\"bcc\":[],\"subject\":\"Short\",\"html\":\"<p>kept</p>\"}}"
    );

    let (serving, port) = serve_as(limited(folder.path(), 900));
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let (status, answer) = answer_of(port, "POST", "/drafts", &cookie, &draft).expect("answer");
    assert_eq!(status, 201, "{answer}");
    let (status, answer) = answer_of(port, "POST", "/outbox", &cookie, &message).expect("answer");
    assert_eq!(status, 507, "{answer}");
    assert!(answer.contains("no room"), "{answer}");
    let (status, drafts) = answer_of(port, "GET", "/drafts", &cookie, "").expect("answer");
    assert!(status == 200 && drafts.contains("Short"), "{drafts}");
    let (_, outbox) = answer_of(port, "GET", "/outbox", &cookie, "").expect("answer");
    assert!(!outbox.contains("Long"), "half a message: {outbox}");
    drop(serving);

    let (serving, port) = serve_as(support::waxseal(folder.path()));
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let (_, drafts) = answer_of(port, "GET", "/drafts", &cookie, "").expect("answer");
    assert!(drafts.contains("Short"), "{drafts}");
    let (status, answer) = answer_of(port, "POST", "/outbox", &cookie, &message).expect("answer");
    assert_eq!(status, 202, "{answer}");
    let mut looked = 0;
    while sink.accepted_count() == 0 && looked < 300 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        looked += 1;
    }
    assert_eq!(sink.accepted_count(), 1);
    drop(serving);
}
