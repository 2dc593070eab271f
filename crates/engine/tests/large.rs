//! Memory is bounded in bytes: however many large messages are handed over and filed, no more than a few pieces of them
//! are held. A program of its own, since it looks at the memory of the process. `FULL` does it with a hundred.

mod support;

use std::time::Duration;

use support::desk::Desk;
use testkit::Dovecot;

const FILE_BYTES: usize = 24 * 1024 * 1024;
/// Of this program: pieces, buffers of two connections and of the server in this process; for a copy its message.
const MOST_MIB: u64 = 96;

/// The most that this process has held since [`forget_peak`].
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()).expect("peak");
    kib.parse::<u64>().expect("number") / 1024
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", b"5").expect("forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_are_never_held_whole_when_they_go() {
    let count = if std::env::var("FULL").is_ok() { 100 } else { 6 };
    let dovecot = Dovecot::start().expect("dovecot");
    let desk = Desk::new().await;
    desk.server.forget_bytes();
    desk.keep_copies_on(&dovecot).await;
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(desk.send_file(FILE_BYTES).await);
    }
    forget_peak();
    let before = peak_mib();
    let (stop, task) = desk.work_within("one", Duration::from_secs(60));
    for message in &messages {
        desk.sent(*message).await;
        desk.copied(*message).await;
    }
    let more = peak_mib() - before;
    println!(
        "{count} messages of {} MiB: {more} MiB more",
        FILE_BYTES / 1024 / 1024
    );
    assert!(more < MOST_MIB, "{more} MiB more");
    stop.cancel();
    task.await.expect("ended");
}
