//! Posts are repeated until they are answered, through a proxy that loses requests and answers: each message is
//! made once, and the server accepts each once.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use testkit::SmtpServer;
use testkit::lossy_proxy::LossyProxy;
use testkit::people::SIGN_IN_PASSWORD;

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

fn set_up(folder: &Path, sink: u16) -> String {
    run(
        folder,
        &[
            "admin",
            "create",
            "--login",
            "alice",
            "--name",
            "Alice",
            "--super",
            "--password-stdin",
        ],
        SIGN_IN_PASSWORD,
    );
    let file = folder.join("account.toml");
    let text = format!(
        "name = \"Alice\"\naddress = \"alice@isp.example\"\npassword = \"x\"\n[tracking]\nenabled = false\n[imap]\nserver = \"127.0.0.1\"\nport = 9\nsecurity = \"tls\"\n[smtp]\nenabled = true\nserver = \"127.0.0.1\"\nport = {sink}\nsecurity = \"none\"\nauth = \"none\"\n"
    );
    std::fs::write(&file, text).expect("file");
    run(
        folder,
        &[
            "account",
            "add",
            "--owner",
            "alice",
            "--file",
            &file.to_string_lossy(),
        ],
        "",
    );
    let listed = run(folder, &["account", "list", "--format", "json"], "");
    let (_, rest) = listed.split_once("\"id\":").expect("an id");
    rest.split('"').nth(1).expect("an id").to_owned()
}

fn waxseal(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command
        .env("WAXSEAL_EGRESS_ALLOW", "127.0.0.0/8")
        .arg("--data")
        .arg(folder);
    command
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = waxseal(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    child
        .stdin
        .take()
        .expect("input")
        .write_all(input.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path) -> (Serving, u16) {
    let mut child = waxseal(folder)
        .args(["--listen", "127.0.0.1:0", "serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let output = child.stdout.take().expect("output");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("Waxseal listens on ").map(str::to_owned));
    let url = url.expect("it says where");
    let port = url
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok());
    // Its output is read on, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    (Serving(child), port.expect("port"))
}

/// Status and everything of the answer; `None`: it did not come.
fn request(port: u16, path: &str, more: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

fn sign_in(port: u16) -> String {
    let body = format!("{{\"login\":\"alice\",\"password\":\"{SIGN_IN_PASSWORD}\"}}");
    let (status, answer) = request(port, "/session", "", &body).expect("answer");
    assert!(status < 300, "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    cookie
        .and_then(|cookie| cookie.split(';').next())
        .expect("cookie")
        .to_owned()
}

/// True: it was answered with 202.
fn post(port: u16, cookie: &str, account: &str, number: usize) -> bool {
    let body = format!(
        "{{\"account_id\":\"{account}\",\"to\":[{{\"address\":\"kelly@out.example\"}}],\"subject\":\"Number {number}\",\"html\":\"<p>{number}</p>\",\"undo\":false}}"
    );
    let more = format!("Cookie: {cookie}\r\nIdempotency-Key: post-{number}\r\n");
    match request(port, "/outbox", &more, &body) {
        None => false,
        Some((202, _)) => true,
        Some((status, answer)) => panic!("{status}: {answer}"),
    }
}
