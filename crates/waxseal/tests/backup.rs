//! A backup is taken while everything runs, restores to the same contents, and what comes up sends nothing by itself.

mod support;

use std::path::Path;

use support::answer_of;
use support::serve;
use support::set_up;
use support::sign_in;
use support::waxseal;
use testkit::Postgres;
use testkit::SmtpServer;

/// The last line of what it prints, and what it says on standard error.
fn command(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = waxseal(folder).args(arguments).output().expect("ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let last = text(&output.stdout).lines().last().unwrap_or_default().to_owned();
    (output.status.success(), last, text(&output.stderr))
}

/// To Kelly, as the composer posts it.
fn message(account: &str, subject: &str, undo: bool) -> String {
    format!(
        "{{\"account_id\":\"{account}\",\"to\":[{{\"address\":\"kelly@out.example\"}}],\"subject\":\"{subject}\",\"html\":\"<p>hello</p>\",\"undo\":{undo}}}"
    )
}

fn post(port: u16, cookie: &str, body: &str) {
    let (status, answer) = answer_of(port, "POST", "/outbox", cookie, body).expect("answer");
    assert_eq!(status, 202, "{answer}");
}

/// What is asked for again and again until it is there.
fn eventually(what: &str, mut is_there: impl FnMut() -> bool) {
    for _ in 0..300 {
        if is_there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("never: {what}");
}

#[test]
fn a_backup_restores_to_the_same_contents_and_sends_nothing_by_itself() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let sink = runtime.block_on(SmtpServer::start()).expect("sink");
    let [folder, backup, other] = [(); 3].map(|()| tempfile::tempdir().expect("folder"));
    let account = set_up(folder.path(), sink.port);
    let (serving, port) = serve(folder.path());
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    post(port, &cookie, &message(&account, "Went before", false));
    eventually("the first is accepted", || sink.accepted_count() == 1);
    // Held back for as long as it can be undone: it waits when the backup is made.
    post(port, &cookie, &message(&account, "Waited", true));

    let to = backup.path().join("backup");
    let to = to.to_string_lossy();
    let (ok, manifest, said) = command(folder.path(), &["backup", "--to", &to]);
    assert!(ok && manifest.contains("\"messages\":2"), "{manifest} {said}");
    let names: Vec<_> = walk(backup.path());
    assert!(
        !names.iter().any(|name| name.contains("key")),
        "the key is in it: {names:?}"
    );
    let (ok, again, _) = command(folder.path(), &["backup", "--to", &to]);
    assert!(ok && again == manifest, "into an earlier backup: {again}");
    let (ok, _, said) = command(
        folder.path(),
        &["backup", "--to", &folder.path().to_string_lossy()],
    );
    assert!(!ok && said.contains("neither empty nor a backup"), "{said}");
    drop(serving);
    let (_, verified, _) = command(folder.path(), &["verify"]);
    assert_eq!(verified, manifest);

    copy(folder.path(), other.path(), "waxseal.key");
    let (ok, restored, said) = command(other.path(), &["restore", "--from", &to]);
    assert!(ok && restored == manifest, "{restored} {said}");
    assert!(said.contains("1 messages waited"), "{said}");
    let (ok, _, said) = command(other.path(), &["restore", "--from", &to]);
    assert!(!ok && said.contains("is there already"), "{said}");

    let before = sink.accepted_count();
    let (serving, port) = serve(other.path());
    assert_eq!(
        answer_of(port, "GET", "/session", &cookie, "").expect("answer").0,
        401,
        "sessions are not restored"
    );
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let get = |path: &str| answer_of(port, "GET", path, &cookie, "").expect("answer").1;
    assert!(
        get("/session").contains("\"held_since\":\"2"),
        "{}",
        get("/session")
    );
    assert!(
        get("/outbox").contains("\"state\":\"unknown\""),
        "{}",
        get("/outbox")
    );
    post(port, &cookie, &message(&account, "Written after", false));
    let (status, answer) = answer_of(port, "POST", "/release", &cookie, "").expect("answer");
    assert!(status == 204 && sink.accepted_count() == before, "{answer}");
    eventually("what was written is sent", || sink.accepted_count() > before);
    assert!(get("/session").contains("\"held_since\":null"));
    drop(serving);
    let went: Vec<_> = sink.ledger();
    let went = went
        .iter()
        .filter(|one| String::from_utf8_lossy(&one.data).contains("Subject: Waited"));
    assert!(went.count() <= 1, "what waited went twice");

    // A byte that is another is found, and such a backup is not restored.
    let segment = walk(&backup.path().join("backup/raw")).remove(0);
    let mut bytes = std::fs::read(&segment).expect("segment");
    bytes[10] ^= 1;
    std::fs::write(&segment, bytes).expect("segment");
    let third = tempfile::tempdir().expect("folder");
    let (ok, _, said) = command(third.path(), &["restore", "--from", &to]);
    assert!(!ok && said.contains("the key is not in a backup"), "{said}");
    let (ok, _, said) = command(third.path(), &["restore", "--without-key", "--from", &to]);
    assert!(!ok && said.contains("cannot be read"), "{said}");
    assert!(!third.path().join("store/waxseal.db").exists());
}

#[test]
fn what_pg_restore_brings_back_is_held_too() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let sink = runtime.block_on(SmtpServer::start()).expect("sink");
    let postgres = Postgres::start().expect("postgres");
    let [folder, other] = [(); 2].map(|()| tempfile::tempdir().expect("folder"));
    on_postgres(folder.path(), &postgres.url());
    let account = set_up(folder.path(), sink.port);
    let (serving, port) = serve(folder.path());
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    post(port, &cookie, &message(&account, "Went before", false));
    eventually("the first is accepted", || sink.accepted_count() == 1);
    post(port, &cookie, &message(&account, "Waited", true));
    let dump = postgres.dump().expect("dump");
    drop(serving);
    let (ok, before, said) = command(folder.path(), &["verify"]);
    assert!(ok && before.contains("\"messages\":2"), "{before} {said}");
    let (ok, _, said) = command(
        folder.path(),
        &["backup", "--to", &other.path().to_string_lossy()],
    );
    assert!(!ok && said.contains("pg_dump"), "{said}");

    on_postgres(other.path(), &dump.restore("restored").expect("restored"));
    copy(folder.path(), other.path(), "waxseal.key");
    for segment in walk(&folder.path().join("store/raw")) {
        let name = Path::new(&segment).strip_prefix(folder.path()).expect("in it");
        copy(folder.path(), other.path(), &name.to_string_lossy());
    }
    let (ok, _, said) = command(other.path(), &["hold"]);
    assert!(ok && said.contains("1 messages waited"), "{said}");
    let (_, after, said) = command(other.path(), &["verify"]);
    assert_eq!(after, before, "{said}");
    let went = sink.accepted_count();
    let (_serving, port) = serve(other.path());
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let (_, outbox) = answer_of(port, "GET", "/outbox", &cookie, "").expect("answer");
    assert!(outbox.contains("\"state\":\"unknown\""), "{outbox}");
    post(port, &cookie, &message(&account, "Written after", false));
    assert_eq!(sink.accepted_count(), went);
    let (ok, _, said) = command(other.path(), &["release"]);
    assert!(ok, "{said}");
    eventually("what was written is sent", || sink.accepted_count() > went);
}

fn on_postgres(folder: &Path, url: &str) {
    std::fs::write(folder.join("waxseal.toml"), format!("database = \"{url}\"\n")).expect("configuration");
}

fn copy(from: &Path, to: &Path, name: &str) {
    let target = to.join(name);
    std::fs::create_dir_all(target.parent().expect("a folder")).expect("folder");
    std::fs::copy(from.join(name), target).expect("copied");
}

fn walk(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder").map_while(Result::ok) {
        match entry.path() {
            path if path.is_dir() => names.extend(walk(&path)),
            path => names.push(path.to_string_lossy().into_owned()),
        }
    }
    names
}
