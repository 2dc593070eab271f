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
use testkit::imap_server::UIDS;
use testkit::imap_server::message;
use wire::Deadlines;

use crate::bombs::peak_mib;
use crate::find;
use crate::report::Report;
use crate::report::check;
use crate::script;
use crate::support;
use crate::support::World;

/// Deadlines of the suite are a tenth of the product's or less; a script that outlives them all by far hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
const MOST_MIB: u64 = 64;

pub async fn run(folder: &Path, report: &mut Report) {
    let Some(list) = find(folder, "imap-hostile.json", report) else {
        return;
    };
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(list).expect("list")).expect("JSON");
    let mut suite = report.suite("hostile IMAP servers");
    let mut largest = (0, String::new());
    let mut never_met = Vec::new();
    for case in &cases {
        let name = format!("{} {}", text(case, "id"), text(case, "name"));
        let (outcome, mib) = peak_mib(survive(case, &mut never_met)).await;
        largest = largest.max((mib, name.clone()));
        suite.case(
            &name,
            outcome.and_then(|()| check(mib <= MOST_MIB, || format!("{mib} MiB more"))),
        );
    }
    suite.note(&format!("most memory: {} MiB more in {}", largest.0, largest.1));
    if !never_met.is_empty() {
        suite.note(&format!(
            "at commands that we do not send: {}",
            never_met.join(", ")
        ));
    }
    suite.case(
        "control: what is not known is refused",
        refuses_what_it_does_not_know(),
    );
}

/// A list that says more than is played would be green for nothing.
fn refuses_what_it_does_not_know() -> Result<(), String> {
    for steps in [
        r#"["* OK ready\r\n", {"teleport": 1}]"#,
        r#"["* OK ready\r\n", {"on": "FETCH", "sent": "* BYE\r\n"}]"#,
        r#"["* OK ready\r\n", {"on": 7}]"#,
        r#"["* OK ready\r\n", 7]"#,
        r#"[{"repeat": "x"}]"#,
    ] {
        let steps: Value = serde_json::from_str(steps).map_err(|error| error.to_string())?;
        let case = serde_json::json!({"id": "x", "steps": steps});
        check(script::fault(&case).is_err(), || format!("played: {case}"))?;
    }
    let case = serde_json::json!({"id": "x", "steps": [], "tls": true});
    check(script::fault(&case).is_err(), || format!("played: {case}"))
}

async fn survive(case: &Value, never_met: &mut Vec<String>) -> Result<(), String> {
    let fault = script::fault(case)?;
    let words: Vec<String> = fault.reactions.iter().map(|(word, _)| word.clone()).collect();
    let given = script::given(case);
    let server = ImapServer::start(fault)
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
    // A busy machine may take longer than the suite's short deadlines; that is no fault of this one.
    let honestly = support::handle(&world.services, Deadlines::default());
    let (ended, beside) = tokio::join!(sync(&engine, &world, victim), sync(&honestly, &world, other));
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
    if !words.iter().all(|word| server.has_met(word)) {
        never_met.push(text(case, "id").to_owned());
    }
    // A header of a literal that is none, or a literal that is longer than what comes.
    if text(case, "expect").starts_with("protocol error") && given.is_empty() {
        check(ended.is_err(), || "taken for an answer".into())?;
    }
    let is_ours = |raw: &[u8]| UIDS.iter().any(|uid| raw == message(*uid).as_bytes());
    let is_given = |raw: &[u8]| given.iter().any(|(_, body)| body == raw);
    let mut stored = world.exported(victim).await.into_iter();
    if let Some(raw) = stored.find(|raw| !is_ours(raw) && !is_given(raw)) {
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
    let stored = world.exported(victim).await;
    let here = |uid: u32| {
        stored
            .iter()
            .filter(|raw| raw.as_slice() == message(uid).as_bytes())
            .count()
    };
    for uid in UIDS {
        // What the server itself gave for a UID that was asked for is its message.
        let is_given = given
            .iter()
            .any(|(given, body)| *given == uid && stored.contains(body));
        check(here(uid) == usize::from(!is_given), || {
            format!("letter {uid} is here {} times", here(uid))
        })?;
    }
    Ok(())
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
