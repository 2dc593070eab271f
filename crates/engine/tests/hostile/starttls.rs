//! Attacks on STARTTLS: no byte of a password in clear, and nothing that came before encryption is used after it.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::account::ImapSettings;
use domain::account::Security;
use secrecy::SecretString;
use service::accounts::ImapCredentials;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use wire::Deadlines;

use crate::report::Report;
use crate::report::check;
use crate::support;
use crate::support::World;

pub const USER: &str = "starttls-user";
pub const PASSWORD: &str = "starttls-password";

/// What a case does before encryption.
struct Script {
    greeting: String,
    after_greeting: String,
    /// `<tag>` is the client's.
    starttls: String,
}

pub async fn run(folder: &Path, report: &mut Report) {
    let cases = folder.join("starttls/testcases/imap");
    let mut scripts = own_scripts();
    if cases.exists() {
        collect(&cases, &mut scripts);
    } else {
        report.absent("starttls");
    }
    let world = World::new().await;
    let mut suite = report.suite("STARTTLS (IMAP)");
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
    let has_suffix = script
        .starttls
        .split("<tag> OK")
        .nth(1)
        .is_some_and(|rest| rest.trim_end().contains('\n'));
    let server = tokio::spawn(serve(listener, script, seen.clone()));
    let engine = support::handle(&world.services, deadlines());
    let settings = ImapSettings {
        server: "127.0.0.1".into(),
        port,
        security: Security::Starttls,
        pinned_certificate: None,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    };
    let credentials = ImapCredentials {
        settings,
        username: USER.into(),
        password: SecretString::from(PASSWORD.to_owned()),
        is_token: false,
    };
    let result = tokio::time::timeout(Duration::from_secs(20), engine.probe(credentials)).await;
    server.abort();
    let result = result.map_err(|_| "it hangs".to_owned())?;
    let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
    let clear = String::from_utf8_lossy(&seen).to_ascii_lowercase();
    for secret in [USER, PASSWORD, "login", "authenticate"] {
        check(!clear.contains(secret), || format!("{secret} in clear"))?;
    }
    let failure = result.failure.ok_or("signed in without encryption")?;
    check(!has_suffix || seen.iter().all(|byte| *byte != 0x16), || {
        "encryption began over bytes in clear".into()
    })?;
    check(result.folders.is_empty(), || {
        "folders from before encryption".into()
    })?;
    check(!failure.message.is_empty(), || "no reason is given".into())
}

/// Says what the script says and writes down all that comes; never encrypts.
async fn serve(listener: TcpListener, script: Script, seen: Arc<Mutex<Vec<u8>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // A client that hangs up has seen enough.
        let _ = play(&mut stream, &script, &seen).await;
    }
}

async fn play(stream: &mut TcpStream, script: &Script, seen: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    stream.write_all(script.greeting.as_bytes()).await?;
    stream.write_all(script.after_greeting.as_bytes()).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if let Ok(mut seen) = seen.lock() {
            seen.extend_from_slice(&buffer[..read]);
        }
        let line = String::from_utf8_lossy(&buffer[..read]);
        let tag = line.split(' ').next().unwrap_or_default();
        let upper = line.to_ascii_uppercase();
        if upper.contains("STARTTLS") {
            stream
                .write_all(script.starttls.replace("<tag>", tag).as_bytes())
                .await?;
        } else if upper.contains("CAPABILITY") {
            stream
                .write_all(format!("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n").as_bytes())
                .await?;
        } else if upper.contains("LOGIN") || upper.contains("AUTHENTICATE") {
            stream
                .write_all(format!("{tag} OK signed in\r\n").as_bytes())
                .await?;
        }
    }
}

pub fn deadlines() -> Deadlines {
    Deadlines {
        greeting: Duration::from_millis(500),
        tls: Duration::from_millis(500),
        response: Duration::from_millis(500),
        login: Duration::from_millis(500),
        ..support::short_deadlines()
    }
}

fn own_scripts() -> Vec<(String, Script)> {
    let plain = "* OK ready\r\n";
    [
        (
            "own: injected after OK",
            plain,
            "",
            "<tag> OK go\r\n* CAPABILITY IMAP4rev1\r\n",
        ),
        ("own: refused", plain, "", "<tag> NO not today\r\n"),
        ("own: unknown", plain, "", "<tag> BAD what\r\n"),
        ("own: PREAUTH", "* PREAUTH welcome\r\n", "", "<tag> OK go\r\n"),
        (
            "own: folders before",
            plain,
            "* LIST () \"/\" evil\r\n",
            "<tag> OK go\r\n",
        ),
        ("own: hangs up", plain, "", "* BYE no\r\n"),
    ]
    .map(|(name, greeting, after_greeting, starttls)| {
        let script = Script {
            greeting: greeting.into(),
            after_greeting: after_greeting.into(),
            starttls: starttls.into(),
        };
        (name.to_owned(), script)
    })
    .into()
}

/// Of the notation of these cases only what is said before encryption matters here.
fn collect(folder: &Path, scripts: &mut Vec<(String, Script)>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, scripts);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let parent = path
                .parent()
                .and_then(Path::file_name)
                .unwrap_or_default()
                .to_string_lossy();
            let variants = said(&text, "starttls_response");
            let variants = if variants.is_empty() {
                vec!["<tag> OK begin now\r\n".to_owned()]
            } else {
                variants
            };
            for (number, starttls) in variants.into_iter().enumerate() {
                let script = Script {
                    greeting: greeting(&text),
                    after_greeting: said(&text, "response_after_greeting").concat(),
                    starttls,
                };
                scripts.push((format!("{parent}/{name} {number}"), script));
            }
        }
    }
}

fn greeting(text: &str) -> String {
    let kind = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .find_map(|line| line.trim().strip_prefix("kind: "));
    let kind = kind.unwrap_or("Ok").trim_end_matches(',').to_ascii_uppercase();
    let is_preauth = text.contains("state: Authenticated") || kind.contains("PREAUTH");
    format!("* {} ready\r\n", if is_preauth { "PREAUTH" } else { &kind })
}

/// Values of `name: Some("...")`, those that are commented out too: they are variants of the case.
fn said(text: &str, name: &str) -> Vec<String> {
    let marker = format!("{name}: Some(\"");
    let values = text.split(&marker).skip(1).filter_map(|rest| {
        let end = rest.find("\")")?;
        serde_json::from_str::<String>(&format!("\"{}\"", &rest[..end])).ok()
    });
    values.collect()
}
