//! Messages a second from the outbox into a sink: durable state for each, SQLite, one account. For `make bench`.

#![allow(clippy::disallowed_methods, reason = "it measures")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;
use std::time::Instant;

use support::desk::Desk;

const MESSAGES: usize = 5_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let desk = Desk::new().await;
        let began = Instant::now();
        for _ in 0..MESSAGES {
            desk.send(&["kelly@out.example"]).await;
        }
        let queued = began.elapsed();
        let began = Instant::now();
        let (stop, task) = desk.work("bench");
        while desk.server.accepted_count() < MESSAGES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let sent = began.elapsed();
        stop.cancel();
        let _ = task.await;
        let per_second = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
        println!("outbox_queued_per_s {:.0}", per_second(queued));
        println!("outbox_msgs_per_s {:.0}", per_second(sent));
    });
}
