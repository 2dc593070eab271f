//! Where a setting or a message would have us connect: every verdict right, and nothing reaches a refused address.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::account::ImapSettings;
use domain::account::Security;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;
use wire::Host;
use wire::ImapSession;
use wire::ImapTarget;
use wire::Names;
use wire::Purpose;
use wire::StepLog;
use wire::fetch_image;

use crate::fields::only;
use crate::fields::text;
use crate::find;
use crate::report::Report;
use crate::report::check;

pub async fn run(folder: &Path, report: &mut Report) {
    let Some(path) = find(folder, "ssrf-hosts.json", report) else {
        return;
    };
    let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).expect("list")).expect("JSON");
    let mut suite = report.suite("Where to connect");
    for case in &list {
        let host = case["host"].as_str().unwrap_or_default();
        let name = format!("{} ({})", case["why"].as_str().unwrap_or_default(), shorten(host));
        suite.case(&name, play(case).await);
        // The same host in the source of an image, at the ports of the web.
        if case["expect"] != "allow" && case["port"] == 993 && case["dns"].is_null() {
            let dialer = Dialer::new(Egress::default(), Deadlines::default());
            let image = fetch_image(&dialer, &format!("http://{host}/x.png")).await;
            let outcome = check(image.is_err(), || "an image was fetched".into());
            suite.case(&format!("{name}, image"), outcome);
        }
    }
    suite.case(
        "a redirection to a refused address",
        redirected(&REDIRECTIONS).await,
    );
    suite.case("control: what the operator allows is dialled", allowed().await);
    let changing = [vec![PUBLIC], vec![INSIDE]];
    suite.case(
        "an answer that changes between look-ups",
        connects_as_vetted(&changing).await,
    );
    suite.case("control: inside can be reached", inside_can_be_reached().await);
    suite.case(
        "control: what is not known is refused",
        refuses_what_it_does_not_know().await,
    );
}

const FIELDS: &[&str] = &["host", "port", "expect", "why", "dns"];
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

/// What a resolver says at one look-up.
#[derive(Clone, Debug)]
enum Answer {
    Addresses(Vec<IpAddr>),
    /// The name leads to a page, and that elsewhere.
    Redirect(String),
}

async fn play(case: &Value) -> Result<(), String> {
    only(case, FIELDS)?;
    let (host, port) = (text(case, "host")?, port(case));
    let expected = text(case, "expect")?;
    let answers = answers(&case["dns"])?;
    if let Some([Answer::Redirect(target)]) = answers.as_deref() {
        return redirected(std::slice::from_ref(target)).await;
    }
    let answers: Option<Vec<_>> = answers.map(|all| all.into_iter().filter_map(addresses).collect());
    if let Some(changing) = answers.as_ref().filter(|answers| answers.len() > 1) {
        // Whatever the words of the verdict: what is dialled is what was vetted, and nothing else.
        return connects_as_vetted(changing).await;
    }
    if !matches!(expected, "allow" | "block" | "error") {
        return Err(format!("this runner does not know the verdict {expected:?}"));
    }
    let (dialer, _) = dialer_told(Egress::default(), answers);
    let is_allowed = dialer.resolve(host, port, Purpose::Mail).await.is_ok();
    check(is_allowed == (expected == "allow"), || {
        format!("allowed: {is_allowed}")
    })
}

fn port(case: &Value) -> u16 {
    u16::try_from(case["port"].as_u64().unwrap_or_default()).unwrap_or_default()
}

fn shorten(host: &str) -> String {
    host.chars().take(40).collect()
}

/// One for each look-up; `None`: the list leaves it to the system.
fn answers(dns: &Value) -> Result<Option<Vec<Answer>>, String> {
    let Some(look_ups) = dns.as_array() else {
        return if dns.is_null() {
            Ok(None)
        } else {
            Err(format!("no answers: {dns}"))
        };
    };
    let answers = look_ups.iter().map(answer).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(answers))
}

fn answer(records: &Value) -> Result<Answer, String> {
    let records = records
        .as_array()
        .ok_or_else(|| format!("no records: {records}"))?;
    let mut found = Vec::new();
    for record in records {
        let record = record.as_str().ok_or_else(|| format!("no record: {record}"))?;
        let value = record.strip_prefix("AAAA ").or_else(|| record.strip_prefix("A "));
        match value.unwrap_or(record).parse() {
            Ok(address) => found.push(address),
            // Chains lead to their last addresses.
            Err(_) if record.starts_with("CNAME ") => {}
            Err(_) if ["NXDOMAIN", "SERVFAIL", "NODATA", "REFUSED", "TIMEOUT"].contains(&record) => {}
            Err(_) => match record.split_once(" -> ") {
                Some((status, target)) if status.starts_with("HTTP 3") => {
                    return Ok(Answer::Redirect(target.to_owned()));
                }
                _ => return Err(format!("this runner does not know the record {record:?}")),
            },
        }
    }
    Ok(Answer::Addresses(found))
}

fn addresses(answer: Answer) -> Option<Vec<IpAddr>> {
    match answer {
        Answer::Addresses(addresses) => Some(addresses),
        Answer::Redirect(_) => None,
    }
}

/// With a resolver that gives one answer after the other, the last one for ever, and counts who asks; or the system's.
fn dialer_told(egress: Egress, answers: Option<Vec<Vec<IpAddr>>>) -> (Dialer, Arc<AtomicU32>) {
    let deadlines = Deadlines {
        connect: Duration::from_secs(2),
        greeting: Duration::from_secs(2),
        ..Deadlines::default()
    };
    let asked = Arc::new(AtomicU32::new(0));
    let counter = asked.clone();
    let names = answers.map_or(Names::System, |answers| {
        Names::Told(Arc::new(move |_| {
            let at = counter.fetch_add(1, Ordering::SeqCst) as usize;
            let told = answers.get(at).or(answers.last());
            told.cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
        }))
    });
    (Dialer::with_names(egress, deadlines, names), asked)
}

/// Played on loopback: 127.0.0.2 stands in for what may be dialled, 127.0.0.3 for what may not. One connection for each
/// answer: to the vetted address of that very look-up, or to none.
async fn connects_as_vetted(answers: &[Vec<IpAddr>]) -> Result<(), String> {
    let reached = reached(answers, "127.0.0.2").await?;
    for (answer, reached) in answers.iter().zip(&reached) {
        let is_vetted = !answer.is_empty() && answer.iter().all(may_be_dialled);
        let expected = (u32::from(is_vetted), 0, 1);
        check(*reached == expected, || {
            format!("{answer:?}: (outside, inside, look-ups) {reached:?}, not {expected:?}")
        })?;
    }
    Ok(())
}

fn may_be_dialled(address: &IpAddr) -> bool {
    let host = Host::Name("imap.example.com".into());
    !Egress::default()
        .decide(&host, 993, &[*address], Purpose::Mail)
        .is_empty()
}

/// Connections outside, inside, and look-ups, for each answer.
async fn reached(answers: &[Vec<IpAddr>], allowed: &str) -> Result<Vec<(u32, u32, u32)>, String> {
    let (port, outside) = listen_on("127.0.0.2:0", "* BYE not here\r\n").await;
    let (_, inside) = listen_on(&format!("127.0.0.3:{port}"), "* BYE not here\r\n").await;
    let stand_in = |address: &IpAddr| match may_be_dialled(address) {
        true => IpAddr::from([127, 0, 0, 2]),
        false => IpAddr::from([127, 0, 0, 3]),
    };
    let told = answers
        .iter()
        .map(|answer| answer.iter().map(stand_in).collect())
        .collect();
    let listed: Vec<_> = allowed
        .split(',')
        .map(|network| format!("{network}:{port}"))
        .collect();
    let egress = Egress::parse(&listed.join(","), "").map_err(|error| error.to_string())?;
    let (dialer, asked) = dialer_told(egress, Some(told));
    let mut reached = Vec::new();
    let mut so_far = 0;
    for _ in answers {
        let target = target(port);
        let connected = ImapSession::connect(&dialer, &target, &mut StepLog::default()).await;
        check(connected.is_err(), || "signed in".into())?;
        let asked = asked.load(Ordering::SeqCst);
        reached.push((
            outside.swap(0, Ordering::SeqCst),
            inside.swap(0, Ordering::SeqCst),
            asked - so_far,
        ));
        so_far = asked;
    }
    Ok(reached)
}

fn target(port: u16) -> ImapTarget {
    ImapTarget {
        settings: ImapSettings {
            server: "imap.example.com".into(),
            port,
            security: Security::Starttls,
            pinned_certificate: None,
            compress: false,
            authserv_id: None,
            sent_folder: None,
            more_folders: Vec::new(),
        },
        username: "alice".into(),
        password: SecretString::from("secret".to_owned()),
        is_token: false,
    }
}

/// What is refused would be reached if it were allowed: else the cases above are green for nothing.
async fn inside_can_be_reached() -> Result<(), String> {
    let reached = reached(&[vec![INSIDE], vec![PUBLIC]], "127.0.0.2,127.0.0.3").await?;
    check(reached == [(0, 1, 1), (1, 0, 1)], || format!("{reached:?}"))
}

async fn refuses_what_it_does_not_know() -> Result<(), String> {
    for case in [
        serde_json::json!({"host": "a.test", "port": 993, "expect": "block", "dns": [["TXT x"]]}),
        serde_json::json!({"host": "a.test", "port": 993, "expect": "maybe", "dns": [["8.8.8.8"]]}),
        serde_json::json!({"host": "a.test", "port": 993, "expect": "block", "dns": null, "via": "proxy"}),
    ] {
        check(play(&case).await.is_err(), || format!("played: {case}"))?;
    }
    Ok(())
}

async fn listen(answer: &'static str) -> (u16, Arc<AtomicU32>) {
    listen_on("127.0.0.1:0", answer).await
}

/// Counts who connects, and answers each with `answer`.
async fn listen_on(address: &str, answer: &'static str) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind(address).await.expect("listener");
    let port = listener.local_addr().expect("address").port();
    let met = Arc::new(AtomicU32::new(0));
    let counter = met.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            if answer.starts_with("HTTP") {
                let mut request = [0_u8; 4_096];
                let _ = stream.read(&mut request).await;
            }
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

const REDIRECTIONS: [&str; 5] = [
    "http://127.0.0.1:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "//127.0.0.1:PORT/x",
];

/// A picture is asked for where that is allowed, and sends us inside.
async fn redirected(targets: &[impl AsRef<str>]) -> Result<(), String> {
    let (inside, met) = listen("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\u{89}PNG").await;
    for target in targets {
        let target = target.as_ref().replace("PORT", &inside.to_string());
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
