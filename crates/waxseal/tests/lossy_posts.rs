//! Posts are repeated until they are answered, through a proxy that loses requests and answers: each message is
//! made once, and the server accepts each once.

mod support;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use support::answer_of;
use support::serve;
use support::set_up;
use support::sign_in;
use testkit::SmtpServer;
use testkit::lossy_proxy::LossyProxy;

/// `POSTS=10000 cargo test` for all of them.
const DEFAULT_POSTS: usize = 300;
const WRITERS: usize = 8;

#[test]
fn repeated_posts_make_each_message_once() {
    let posts = std::env::var("POSTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_POSTS);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let sink = runtime.block_on(SmtpServer::start()).expect("sink");
    let folder = tempfile::tempdir().expect("folder");
    let account = set_up(folder.path(), sink.port);
    let (_serving, port) = serve(folder.path());
    let cookie = sign_in(port);
    let proxy = LossyProxy::start(port).expect("proxy");
    let (next, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= posts {
                        break;
                    }
                    // Repeated after success too: up to five times in all.
                    let wanted = 1 + number % 5;
                    let (mut answered, mut tried) = (0, 0);
                    while answered == 0 || tried < wanted {
                        answered += usize::from(post(proxy.port, &cookie, &account, number));
                        tried += 1;
                        assert!(tried < 500, "{number} is never answered");
                    }
                    sent.fetch_add(tried, Ordering::Relaxed);
                }
            });
        }
    });
    // Everything that was posted leaves; what is still to come would be a second one.
    let mut met: HashMap<String, usize> = HashMap::new();
    let mut looked = 0;
    while sink.ledger().len() < posts && looked < 3_000 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        looked += 1;
    }
    for accepted in sink.ledger() {
        let text = String::from_utf8_lossy(&accepted.data).into_owned();
        let subject = text
            .lines()
            .find(|line| line.starts_with("Subject: "))
            .unwrap_or_default();
        *met.entry(subject.to_owned()).or_default() += 1;
    }
    let twice = met.values().filter(|count| **count > 1).count();
    println!(
        "{posts} messages, {} posts: {} accepted, {twice} twice",
        sent.load(Ordering::Relaxed),
        met.len()
    );
    assert_eq!((met.len(), twice), (posts, 0));
}

/// True: it was answered with 202.
fn post(port: u16, cookie: &str, account: &str, number: usize) -> bool {
    let body = format!(
        "{{\"account_id\":\"{account}\",\"to\":[{{\"address\":\"kelly@out.example\"}}],\"subject\":\"Number {number}\",\"html\":\"<p>{number}</p>\",\"undo\":false}}"
    );
    let more = format!("Cookie: {cookie}\r\nIdempotency-Key: post-{number}\r\n");
    match answer_of(port, "POST", "/outbox", &more, &body) {
        None => false,
        Some((202, _)) => true,
        Some((status, answer)) => panic!("{status}: {answer}"),
    }
}
