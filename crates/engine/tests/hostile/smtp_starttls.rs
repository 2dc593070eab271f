//! The same attacks on submission: no byte of a password in clear, no encryption begun over what came too early.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use secrecy::SecretString;
use service::delivery::SmtpCredentials;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use crate::report::Report;
use crate::report::check;
use crate::starttls::PASSWORD;
use crate::starttls::USER;
use crate::starttls::deadlines;
use crate::support;
use crate::support::World;

/// What the server says before encryption.
#[derive(Clone)]
struct Script {
    greeting: String,
    ehlo: String,
    helo: String,
    starttls: String,
}

pub async fn run(folder: &Path, report: &mut Report) {
    let cases = folder.join("starttls/testcases/smtp");
    let mut scripts = own_scripts();
    if cases.exists() {
        collect(&cases, &mut scripts);
    } else {
        report.absent("starttls");
    }
    let world = World::new().await;
    let mut suite = report.suite("STARTTLS (SMTP)");
    for (name, script) in scripts {
        suite.case(&name, attack(&world, script).await);
    }
}

async fn attack(world: &World, script: Script) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let may_encrypt = script.starttls.starts_with("220") && script.starttls.lines().count() == 1;
    let server = tokio::spawn(serve(listener, script, seen.clone()));
    let engine = support::handle(&world.services, deadlines());
    let credentials = SmtpCredentials {
        settings: SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port,
            security: Security::Starttls,
            pinned_certificate: None,
            auth: SmtpAuth::Plain,
            ..SmtpSettings::default()
        },
        username: USER.into(),
        password: Some(SecretString::from(PASSWORD.to_owned())),
    };
    let result = tokio::time::timeout(Duration::from_secs(20), engine.probe_smtp(credentials)).await;
    server.abort();
    let result = result.map_err(|_| "it hangs".to_owned())?;
    let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
    let clear = String::from_utf8_lossy(&seen).to_ascii_lowercase();
    for secret in [USER, PASSWORD, "auth", "mail from"] {
        check(!clear.contains(secret), || format!("{secret} in clear"))?;
    }
    let failure = result.failure.ok_or("signed in without encryption")?;
    check(may_encrypt || seen.iter().all(|byte| *byte != 0x16), || {
        "encryption began over bytes in clear".into()
    })?;
    check(!failure.message.is_empty(), || "no reason is given".into())
}

async fn serve(listener: TcpListener, script: Script, seen: Arc<Mutex<Vec<u8>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // A client that hangs up has seen enough.
        let _ = play(&mut stream, &script, &seen).await;
    }
}

async fn play(stream: &mut TcpStream, script: &Script, seen: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    stream.write_all(script.greeting.as_bytes()).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if let Ok(mut seen) = seen.lock() {
            seen.extend_from_slice(&buffer[..read]);
        }
        let line = String::from_utf8_lossy(&buffer[..read]).to_ascii_uppercase();
        let answer = match line.split_whitespace().next() {
            Some("EHLO") => &script.ehlo,
            Some("HELO") => &script.helo,
            Some("STARTTLS") => &script.starttls,
            _ => "250 fine\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

const PLAIN: &str = "220 sink ESMTP\r\n";
const CAN: &str = "250-sink\r\n250-STARTTLS\r\n250 SIZE 1000\r\n";
const GO: &str = "220 go\r\n";

fn script(greeting: &str, ehlo: &str, starttls: &str) -> Script {
    Script {
        greeting: greeting.into(),
        ehlo: ehlo.into(),
        helo: "250 sink\r\n".into(),
        starttls: starttls.into(),
    }
}

fn own_scripts() -> Vec<(String, Script)> {
    [
        (
            "injected after 220",
            script(PLAIN, CAN, "220 go\r\n250-sink\r\n250 AUTH PLAIN\r\n"),
        ),
        ("stripped", script(PLAIN, "250-sink\r\n250 AUTH PLAIN\r\n", GO)),
        ("refused", script(PLAIN, CAN, "454 not today\r\n")),
        ("unknown", script(PLAIN, CAN, "502 what\r\n")),
        ("a silly yes", script(PLAIN, CAN, "250 go\r\n")),
        (
            "EHLO answered early",
            script("220 sink\r\n250-sink\r\n250 AUTH PLAIN\r\n", CAN, GO),
        ),
        ("hangs up", script("421 no\r\n", "", "")),
    ]
    .map(|(name, script)| (format!("own: {name}"), script))
    .into()
}

/// Of the notation of these cases only what is said before encryption matters here.
fn collect(folder: &Path, scripts: &mut Vec<(String, Script)>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, scripts);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
            scripts.push((format!("{}/{name}", parent.to_string_lossy()), read(&text)));
        }
    }
}

fn read(text: &str) -> Script {
    let said = |name: &str| {
        let (_, rest) = text.split_once(&format!("{name}: \""))?;
        let end = rest.find("\",")?;
        serde_json::from_str::<String>(&format!("\"{}\"", &rest[..end])).ok()
    };
    let is_hidden = text.contains("hide_commands");
    let offers = text
        .lines()
        .any(|line| line.contains("capabilities:") && line.contains("StartTLS"));
    let ehlo = match (is_hidden, offers) {
        (true, _) => "500 unknown\r\n",
        (false, true) => CAN,
        (false, false) => "250-sink\r\n250 AUTH PLAIN LOGIN\r\n",
    };
    let plain = script(PLAIN, ehlo, GO);
    Script {
        greeting: said("greeting").unwrap_or(plain.greeting),
        ehlo: said("\"ehlo\"").unwrap_or(plain.ehlo),
        helo: said("\"helo\"").unwrap_or(plain.helo),
        starttls: said("\"starttls\"")
            .or_else(|| said("stls_response"))
            .unwrap_or(plain.starttls),
    }
}
