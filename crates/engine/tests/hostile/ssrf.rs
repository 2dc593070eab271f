//! Where a setting or a message would have us connect: every verdict right, and nothing reaches a refused address.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;
use wire::Host;
use wire::Purpose;
use wire::fetch_image;

use crate::find;
use crate::report::Report;
use crate::report::check;

pub async fn run(folder: &Path, report: &mut Report) {
    let Some(path) = find(folder, "ssrf-hosts.json", report) else {
        return;
    };
    let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).expect("list")).expect("JSON");
    let mut suite = report.suite("Where to connect");
    let dialer = Dialer::new(Egress::default(), Deadlines::default());
    for case in &list {
        let (host, port) = (case["host"].as_str().unwrap_or_default(), port(case));
        let name = format!("{} ({})", case["why"].as_str().unwrap_or_default(), shorten(host));
        let is_allowed = match answers(case) {
            Some(answers) => decide(&Egress::default(), host, port, &answers),
            None => dialer.resolve(host, port, Purpose::Mail).await.is_ok(),
        };
        let expected = case["expect"] == "allow";
        suite.case(
            &name,
            check(is_allowed == expected, || format!("allowed: {is_allowed}")),
        );
        // The same host in the source of an image, at the ports of the web.
        if !expected && case["port"] == 993 {
            let image = fetch_image(&dialer, &format!("http://{host}/x.png")).await;
            let outcome = check(image.is_err(), || "an image was fetched".into());
            suite.case(&format!("{name}, image"), outcome);
        }
    }
    suite.case("a redirection to a refused address", redirected().await);
    suite.case("control: what the operator allows is dialled", allowed().await);
}

fn port(case: &Value) -> u16 {
    u16::try_from(case["port"].as_u64().unwrap_or_default()).unwrap_or_default()
}

fn shorten(host: &str) -> String {
    host.chars().take(40).collect()
}

/// What a resolver says, where the list says it: chains lead to their last addresses.
fn answers(case: &Value) -> Option<Vec<IpAddr>> {
    let answers = case["dns"].as_array()?.first()?.as_array()?;
    let addresses = answers.iter().filter_map(|answer| answer.as_str()?.parse().ok());
    Some(addresses.collect())
}

fn decide(egress: &Egress, host: &str, port: u16, answers: &[IpAddr]) -> bool {
    let host = Host::parse(host);
    host.is_some_and(|host| !egress.decide(&host, port, answers, Purpose::Mail).is_empty())
}

/// Counts who connects, and answers each with `answer`.
async fn listen(answer: &'static str) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let port = listener.local_addr().expect("address").port();
    let met = Arc::new(AtomicU32::new(0));
    let counter = met.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0_u8; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, met)
}

fn dialer_to(port: u16) -> Dialer {
    let egress = Egress::parse(&format!("127.0.0.1:{port}"), "").expect("list");
    let deadlines = Deadlines {
        connect: Duration::from_secs(2),
        ..Deadlines::default()
    };
    Dialer::new(egress, deadlines)
}

/// A picture is asked for where that is allowed, and sends us inside.
async fn redirected() -> Result<(), String> {
    let (inside, met) = listen("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\u{89}PNG").await;
    for target in [
        format!("http://127.0.0.1:{inside}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        format!("//127.0.0.1:{inside}/x"),
    ] {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let (outside, asked) = listen(answer.leak()).await;
        let image = fetch_image(&dialer_to(outside), &format!("http://127.0.0.1:{outside}/x.png")).await;
        check(asked.load(Ordering::SeqCst) == 1, || {
            format!("{target}: the first server was not asked")
        })?;
        check(image.is_err(), || format!("{target} was followed"))?;
    }
    check(met.load(Ordering::SeqCst) == 0, || {
        "a refused address was reached".into()
    })
}

/// A picture is fetched; what only says that it is one is not.
async fn allowed() -> Result<(), String> {
    const PNG: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGIF89a";
    const HTML: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let (port, _) = listen(PNG).await;
    let image = fetch_image(&dialer_to(port), &format!("http://127.0.0.1:{port}/x")).await;
    check(
        image
            .as_ref()
            .is_ok_and(|image| image.content_type == "image/gif"),
        || format!("{image:?}"),
    )?;
    let (port, _) = listen(HTML).await;
    let image = fetch_image(&dialer_to(port), &format!("http://127.0.0.1:{port}/x")).await;
    check(image.is_err(), || "a page was given as an image".into())
}
