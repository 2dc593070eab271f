//! `make corpus DIR=...`: every message of a folder through a real Dovecot, the store and the export, byte for
//! byte, and opened as the page opens it: text, HTML, files or a note, never a blank page.
//!
//! Without a folder it takes the first messages of the published corpus, so that `make test` has it. The last line
//! is `N passed, M failed`.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod support;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use domain::MailAccountId;
use service::access::Viewer;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::Position;
use service::inbox::Show;
use sha2::Digest as _;
use sha2::Sha256;
use support::World;
use support::imap_of;
use testkit::Dovecot;
use testkit::dovecot::PASSWORD;
use testkit::raw_imap;

type Hash = [u8; 32];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 * 1024 * 1024)
        .build()
        .expect("runtime");
    std::process::exit(runtime.block_on(run()));
}

async fn run() -> i32 {
    let began = Instant::now();
    let dovecot = Dovecot::start().expect("dovecot");
    let names = fill(&dovecot);
    let given = raw_imap::read_all(dovecot.imap_port, "corpus", PASSWORD).expect("raw fetch");
    let world = World::new().await;
    let id = world
        .account(imap_of(&dovecot), "corpus", support::tracking_everything())
        .await;
    let report = world.sync(id).await.expect("sync");
    let synced = began.elapsed();

    let stored: HashSet<Hash> = world.exported(id).await.iter().map(|raw| hash(raw)).collect();
    let shown = opened(&world, id, &names).await;
    let (mut passed, mut failed) = (0, 0);
    let name_of = |hash: &Hash| {
        names
            .get(hash)
            .cloned()
            .unwrap_or_else(|| "a message of the server".into())
    };
    for raw in &given {
        let hash = hash(raw);
        let outcome = match shown.get(&hash) {
            _ if !stored.contains(&hash) => Err("not stored, or not byte for byte"),
            None => Err("not in the list"),
            Some(false) if has_body(raw) => Err("a blank page"),
            Some(_) => Ok(()),
        };
        match outcome {
            Ok(()) => passed += 1,
            Err(why) => {
                failed += 1;
                println!("FAILED {}: {why}", name_of(&hash));
            }
        }
    }
    println!(
        "{} messages of the server, {} stored, {} the same bytes twice, {} parked; {:.1} s to fetch, {:.1} s in all",
        given.len(),
        report.stored,
        report.duplicate,
        report.parked,
        synced.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    println!("{passed} passed, {failed} failed");
    i32::from(failed > 0)
}

/// Into INBOX; names of files by what the server will give.
fn fill(dovecot: &Dovecot) -> HashMap<Hash, String> {
    let mut names = HashMap::new();
    let maildir = dovecot.maildir("corpus");
    let mut put = |name: String, raw: &[u8]| {
        maildir
            .put(None, raw, false, Duration::from_secs(3600))
            .expect("put");
        names.insert(hash(&with_crlf(raw)), name);
    };
    match std::env::var_os("CORPUS").map(PathBuf::from) {
        Some(folder) => each_file(&folder, &mut |path| {
            put(path.display().to_string(), &std::fs::read(path).expect("message"));
        }),
        None => {
            let mut generator = testkit::corpus::Generator::new(testkit::corpus::SEED);
            for index in 0..300 {
                put(format!("message {index}"), &generator.message(index).raw);
            }
        }
    }
    names
}

fn each_file(folder: &Path, with: &mut impl FnMut(&Path)) {
    let entries = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path());
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        if path.is_dir() {
            each_file(&path, with);
        } else if !name.contains("LICENSE") && !name.contains("README") && !name.starts_with(".GIT") {
            with(&path);
        }
    }
}

/// As IMAP has lines.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for (at, byte) in raw.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || raw[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

fn hash(raw: &[u8]) -> Hash {
    Sha256::digest(raw).into()
}

/// Something besides spaces below the header; without an empty line all is header.
fn has_body(raw: &[u8]) -> bool {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
    end.is_some_and(|end| !raw[end..].trim_ascii().is_empty())
}

/// Of every message in the list: does opening it show anything?
async fn opened(world: &World, id: MailAccountId, names: &HashMap<Hash, String>) -> HashMap<Hash, bool> {
    let viewer = Viewer {
        administrator: world.alice,
        session: [0; 32],
    };
    let mut shown = HashMap::new();
    let mut position = Position::NEWEST;
    loop {
        let query = InboxQuery {
            known: None,
            show: Show::All,
            text: String::new(),
            filter: Filter::default(),
            position,
            limit: 200,
        };
        let page = world
            .services
            .list_inbox(viewer, &query)
            .await
            .expect("page")
            .messages;
        let Some(last) = page.last() else {
            return shown;
        };
        position = Position::Before(last.message.arrival_key);
        for listed in page.iter().filter(|listed| listed.message.account == id) {
            let opened = world
                .services
                .open_message(viewer, listed.message.id)
                .await
                .expect("opened");
            let raw = world
                .services
                .open_raw(viewer, listed.message.id)
                .await
                .expect("raw");
            let is_shown = opened.frame.is_some()
                || opened.text.iter().any(|block| !block.text.trim().is_empty())
                || !opened.attachments.is_empty()
                || opened.note.is_some();
            if let Some(reason) = &listed.message.parked_reason {
                println!(
                    "parked: {}: {reason}",
                    names.get(&hash(&raw)).map_or("?", String::as_str)
                );
            }
            shown.insert(hash(&raw), is_shown);
        }
    }
}
