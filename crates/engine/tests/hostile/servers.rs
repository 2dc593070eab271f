//! Hostile IMAP servers: every script is survived, memory stays bounded, no foreign bytes are stored, another
//! account is not delayed, and once the server is honest again its mail is there, once.

use std::path::Path;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::ImapSettings;
use domain::account::Security;
use engine::EngineHandle;
use serde_json::Value;
use testkit::ImapServer;
use testkit::imap_server::Fault;
use testkit::imap_server::Say;
use testkit::imap_server::UIDS;
use testkit::imap_server::message;
use wire::Deadlines;

use crate::bombs::peak_mib;
use crate::find;
use crate::report::Report;
use crate::report::check;
use crate::support;
use crate::support::World;

/// Deadlines of the suite are a tenth of the product's or less; a script that outlives them all hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);
const MOST_MIB: u64 = 64;

pub async fn run(folder: &Path, report: &mut Report) {
    let Some(list) = find(folder, "imap-hostile.json", report) else {
        return;
    };
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(list).expect("list")).expect("JSON");
    let mut suite = report.suite("hostile IMAP servers");
    let mut largest = (0, String::new());
    for case in &cases {
        let name = format!("{} {}", text(case, "id"), text(case, "name"));
        let (outcome, mib) = peak_mib(survive(case)).await;
        largest = largest.max((mib, name.clone()));
        suite.case(
            &name,
            outcome.and_then(|()| check(mib <= MOST_MIB, || format!("{mib} MiB more"))),
        );
    }
    suite.note(&format!("most memory: {} MiB more in {}", largest.0, largest.1));
}

async fn survive(case: &Value) -> Result<(), String> {
    let server = ImapServer::start(fault(case))
        .await
        .map_err(|error| error.to_string())?;
    let honest = ImapServer::start(Fault::default())
        .await
        .map_err(|error| error.to_string())?;
    // Off by default; on where the script is about it.
    let compress = case.to_string().contains("COMPRESS");
    let world = World::new().await;
    let victim = world
        .account(
            settings(&server, compress),
            "owner",
            support::tracking_everything(),
        )
        .await;
    let other = world
        .account(settings(&honest, false), "other", support::tracking_everything())
        .await;
    let engine = support::handle(&world.services, deadlines());
    let (ended, beside) = tokio::join!(sync(&engine, &world, victim), sync(&engine, &world, other));
    let ended = ended.ok_or("it hangs")?;
    beside
        .ok_or("another account hangs")?
        .map_err(|error| format!("another account fails: {error}"))?;
    if let Err(error) = &ended {
        let told = error.for_owner();
        check(
            told.chars().count() < 700 && !told.chars().any(char::is_control),
            || format!("told: {told:?}"),
        )?;
    }
    if text(case, "cls") == "greeting" {
        check(ended.is_err(), || "a wrong greeting is taken".into())?;
        check(
            !server.commands().iter().any(|line| line.starts_with("LOGIN")),
            || "the password was sent".into(),
        )?;
    }
    let foreign = world.exported(victim).await.into_iter().find(|raw| !is_ours(raw));
    if let Some(raw) = foreign {
        return Err(format!(
            "stored: {}",
            String::from_utf8_lossy(&raw[..raw.len().min(80)])
        ));
    }
    server.heal();
    sync(&engine, &world, victim)
        .await
        .ok_or("it hangs when healed")?
        .map_err(|error| format!("when healed: {error}"))?;
    let mut stored = world.exported(victim).await;
    // What the server itself gave for a UID that was asked for is its message.
    stored.retain(|raw| raw.as_slice() != b"abc");
    let here = |uid: u32| {
        stored
            .iter()
            .filter(|raw| raw.as_slice() == message(uid).as_bytes())
            .count()
    };
    let given = if gives_a_body(case) { 2 } else { 3 };
    let whole = UIDS.iter().filter(|uid| here(**uid) == 1).count();
    check(UIDS.iter().all(|uid| here(*uid) <= 1) && whole >= given, || {
        format!("{whole} of 3 are here")
    })
}

/// Scripts that answer for UID 2 with a body of their own.
fn gives_a_body(case: &Value) -> bool {
    case.to_string().contains("UID 2") && case.to_string().contains("BODY[]")
}

fn is_ours(raw: &[u8]) -> bool {
    UIDS.iter().any(|uid| raw == message(*uid).as_bytes()) || raw == b"abc"
}

/// `None`: it did not end.
async fn sync(
    engine: &EngineHandle,
    world: &World,
    id: MailAccountId,
) -> Option<Result<(), engine::EngineError>> {
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let ended = tokio::time::timeout(HANGS_AFTER, engine.sync_once(&account)).await;
    ended.ok().map(|ended| ended.map(|_| ()))
}

fn settings(server: &ImapServer, compress: bool) -> ImapSettings {
    ImapSettings {
        server: "127.0.0.1".into(),
        port: server.address.port(),
        security: Security::None,
        pinned_certificate: None,
        compress,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    }
}

fn deadlines() -> Deadlines {
    Deadlines {
        response: Duration::from_secs(2),
        command: Duration::from_secs(8),
        login: Duration::from_secs(2),
        ..support::short_deadlines()
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The first step that is no reaction is the greeting; then what is said at one command.
fn fault(case: &Value) -> Fault {
    let mut fault = Fault::default();
    for step in case["steps"].as_array().into_iter().flatten() {
        if step.get("on").is_some() {
            fault.on = Some(text(step, "on").to_owned());
            fault.say.extend(says(step));
        } else if fault.on.is_some() {
            fault.say.extend(says(step));
        } else {
            fault.greeting.extend(says(step));
        }
    }
    fault
}

fn says(step: &Value) -> Vec<Say> {
    let mut says = Vec::new();
    if let Some(text) = step.as_str().or(step["send"].as_str()) {
        says.push(Say::Bytes(text.as_bytes().to_vec()));
    }
    if let Some(repeat) = step["repeat"].as_array() {
        let count = repeat[1].as_u64().unwrap_or_default();
        says.push(Say::Repeat(
            repeat[0].as_str().unwrap_or_default().to_owned(),
            count,
        ));
    }
    if let Some(drip) = step["drip"].as_array() {
        let pause = Duration::from_secs_f64(drip[1].as_f64().unwrap_or(1.0));
        says.push(Say::Drip(
            drip[0].as_str().unwrap_or_default().as_bytes().to_vec(),
            pause,
        ));
    }
    if let Some(bytes) = step["deflate"].as_u64() {
        says.push(Say::Deflated(bytes));
    }
    if step.get("stall").is_some() {
        says.push(Say::Stall);
    }
    says
}
