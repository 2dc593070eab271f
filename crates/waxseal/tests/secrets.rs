//! A stolen database, backup, log or core file gives no password; without the right master key nothing starts; another
//! master key in place of one, killed at any step.

mod support;

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::answer_of;
use support::serve;
use support::serve_as;
use support::set_up;
use support::sign_in;
use support::waxseal;

fn command(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = waxseal(folder).args(arguments).output().expect("ended");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// One for each way in which a secret gets here.
const SECRETS: [&str; 4] = [
    "Kumquat-imap-4711",
    "Kumquat-smtp-4711",
    "Kumquat-system-4711",
    "Kumquat-test-4711",
];

/// As people and programs write it down.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // Base64 looks different by where in a text it begins; what is in the middle is the same.
    let shifted = (0..3).map(|shift| {
        let padded = [vec![b'x'; shift], secret.as_bytes().to_vec()].concat();
        let whole = STANDARD.encode(padded);
        whole.as_bytes()[4..whole.len() - 4].to_vec()
    });
    let utf_16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let plain = [secret.to_owned(), hex.to_uppercase(), hex, url];
    plain
        .into_iter()
        .map(String::into_bytes)
        .chain(shifted)
        .chain([utf_16])
        .collect()
}

/// Where any of them stands in these bytes.
fn found(name: &str, bytes: &[u8], secrets: &[&str]) -> Vec<String> {
    let is_in = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
    let hits = secrets.iter().filter(|secret| forms(secret).iter().any(is_in));
    hits.map(|secret| format!("{secret} in {name}")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder").map_while(Result::ok) {
        match entry.path() {
            path if path.is_dir() => all.extend(files(&path)),
            path => all.push(path),
        }
    }
    all
}

#[test]
fn no_secret_is_anywhere_but_sealed() {
    let (folder, copy) = (
        tempfile::tempdir().expect("folder"),
        tempfile::tempdir().expect("folder"),
    );
    let account = set_up(folder.path(), 9);
    // Its password is in the file of the operator, which is no part of the data.
    std::fs::remove_file(folder.path().join("account.toml")).expect("removed");
    let log = copy.path().join("debug.log");
    let mut logged = waxseal(folder.path());
    logged.env("RUST_LOG", "trace").current_dir(copy.path());
    let (serving, port) = serve_logging(logged, &log);
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let mut answers = Vec::new();
    let mut ask = |verb: &str, path: &str, body: &str| {
        let (status, answer) = answer_of(port, verb, path, &cookie, body).expect("answer");
        assert!(status < 500, "{verb} {path}: {answer}");
        answers.push(answer.clone());
        (status, answer)
    };
    let imap = r#""server":"127.0.0.1","port":9,"security":"tls","username":"alice""#;
    let smtp =
        r#""enabled":true,"server":"127.0.0.1","port":9,"security":"tls","auth":"plain","use_system":false"#;
    for (verb, path, body) in [
        ("PUT", "imap", format!("{{{imap}}}")),
        (
            "PUT",
            "credentials",
            format!(
                r#"{{"name":"","address":"alice@isp.example","aliases":[],"username":"alice","password":"{}"}}"#,
                SECRETS[0]
            ),
        ),
        (
            "PUT",
            "smtp",
            format!(r#"{{{smtp},"password":"{}"}}"#, SECRETS[1]),
        ),
        (
            "POST",
            "test",
            format!(r#"{{{imap},"password":"{}"}}"#, SECRETS[3]),
        ),
        (
            "POST",
            "smtp/test",
            format!(r#"{{{smtp},"password":"{}"}}"#, SECRETS[3]),
        ),
        ("POST", "sync", String::new()),
    ] {
        let (status, answer) = ask(verb, &format!("/accounts/{account}/{path}"), &body);
        assert!(status < 300, "{path}: {answer}");
    }
    let system = format!(
        r#"{{"sender_name":"ISP","sender_email":"noreply@isp.example","admin_email":"","enabled":true,"send_to":"","copy_to":"","days_until_expiration":2,"limit_per_hour":0,"server":"127.0.0.1","port":9,"security":"tls","auth":"plain","username":"isp","headers":"","password":"{}"}}"#,
        SECRETS[2]
    );
    assert!(ask("PUT", "/system-mail/settings", &system).0 < 300);
    let (_, made) = ask(
        "POST",
        "/api-tokens",
        r#"{"name":"crm","scope":"parties","days":30}"#,
    );
    let token = made
        .split("\"token\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let token = token.unwrap_or_else(|| panic!("{made}")).to_owned();
    let own = format!("/accounts/{account}");
    let status = format!("{own}/status");
    for path in [
        "/accounts",
        &own,
        &status,
        "/system-mail/settings",
        "/session",
        "/api-tokens",
        "/audit",
        "/outbox",
    ] {
        ask("GET", path, "");
    }
    let core_limit = std::fs::read_to_string(format!("/proc/{}/limits", serving.0.id())).expect("limits");
    let core_limit = core_limit
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core_limit: Vec<_> = core_limit
        .unwrap_or_default()
        .split_whitespace()
        .skip(4)
        .collect();
    assert_eq!(core_limit[..2], ["0", "0"], "a crash would write memory down");
    let to = copy.path().join("backup");
    let (ok, said) = command(folder.path(), &["backup", "--to", &to.to_string_lossy()]);
    assert!(ok, "{said}");
    let mut secrets = SECRETS.to_vec();
    let mut hits = Vec::new();
    for (number, answer) in answers.iter().enumerate() {
        hits.extend(found(&format!("answer {number}"), answer.as_bytes(), &secrets));
    }
    secrets.push(&token);
    secrets.push(testkit::people::SIGN_IN_PASSWORD);
    let mut read = 0;
    for path in files(folder.path()).into_iter().chain(files(copy.path())) {
        // The control: the key file holds the master key and nothing of these.
        let bytes = std::fs::read(&path).expect("file");
        read += bytes.len();
        hits.extend(found(&path.display().to_string(), &bytes, &secrets));
    }
    assert!(hits.is_empty(), "{hits:?}");
    assert!(
        read > 100_000 && std::fs::metadata(&log).expect("log").len() > 1_000,
        "there is something to read"
    );
    // The positive control: each form is found where it stands.
    for form in forms(SECRETS[0]) {
        let planted = [b"some bytes before ".as_slice(), &form, b" and after"].concat();
        assert_eq!(found("planted", &planted, &SECRETS).len(), 1);
    }
    drop(serving);
}

fn serve_logging(mut command: std::process::Command, log: &Path) -> (support::Serving, u16) {
    command.stderr(Stdio::from(std::fs::File::create(log).expect("log")));
    serve_as(command)
}

#[test]
fn it_does_not_start_without_the_key_that_rows_name() {
    let folder = tempfile::tempdir().expect("folder");
    set_up(folder.path(), 9);
    let key = folder.path().join("waxseal.key");
    let right = std::fs::read(&key).expect("key");
    std::fs::remove_file(&key).expect("removed");
    let (ok, said) = command(folder.path(), &["account", "list"]);
    assert!(
        !ok && said.contains("is not there") && said.contains("keys forget"),
        "{said}"
    );
    assert!(!key.exists(), "a new key would hide that the old one is missing");
    std::fs::write(&key, [9; 32]).expect("another key");
    let (ok, said) = command(folder.path(), &["account", "list"]);
    assert!(!ok && said.contains("others may read it"), "{said}");
    set_private(&key);
    let (ok, said) = command(folder.path(), &["account", "list"]);
    assert!(!ok && said.contains("sealed under the key"), "{said}");
    // From the environment, and as a credential of systemd, the right one is as good.
    std::fs::remove_file(&key).expect("removed");
    let with = |name: &str, value: String| {
        waxseal(folder.path())
            .env(name, value)
            .args(["account", "list"])
            .output()
            .expect("ended")
            .status
            .success()
    };
    assert!(with("WAXSEAL_KEY", STANDARD.encode(&right)));
    assert!(!with("WAXSEAL_KEY", STANDARD.encode([9; 32])));
    let credentials = tempfile::tempdir().expect("folder");
    std::fs::write(credentials.path().join("waxseal.key"), &right).expect("credential");
    set_private(&credentials.path().join("waxseal.key"));
    assert!(with(
        "CREDENTIALS_DIRECTORY",
        credentials.path().to_string_lossy().into_owned()
    ));
    // Lost for good: it begins anew, and says what that costs.
    let (ok, said) = command(folder.path(), &["keys", "forget", "--yes"]);
    assert!(ok && said.contains("password again"), "{said}");
    let (ok, said) = command(folder.path(), &["account", "list"]);
    assert!(ok, "{said}");
}

fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
}

/// A password opens if its server is asked at all: without one the account says so before.
fn opens(folder: &Path, account: &str) {
    let (_, said) = command(folder, &["account", "test", account]);
    assert!(said.contains("Nothing answers on this port"), "{said}");
}

#[test]
fn another_master_key_is_put_in_place_and_may_be_stopped_anywhere() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    let account = set_up(folder, 9);
    opens(folder, &account);
    let [key, next] = ["waxseal.key", "waxseal.key.next"].map(|name| folder.join(name));
    let first = std::fs::read(&key).expect("key");
    let named = || command(folder, &["keys", "list"]).1;
    let before = named();

    let serving = serve(folder);
    let (ok, said) = command(folder, &["keys", "rotate"]);
    assert!(!ok && said.contains("stop it first"), "{said}");
    drop(serving);

    // Stopped after the next key was written: nothing is wrapped under it.
    std::fs::write(&next, [9; 32]).expect("next key");
    set_private(&next);
    opens(folder, &account);
    assert_eq!(named(), before);
    // Stopped in the midst of the rows: both keys are there and open.
    let (ok, said) = command(folder, &["keys", "rotate", "--new-key", &next.to_string_lossy()]);
    assert!(ok && named() != before, "{said}");
    opens(folder, &account);
    // Stopped between the two renamings.
    std::fs::rename(&key, folder.join("aside")).expect("renamed");
    opens(folder, &account);
    let (ok, said) = command(folder, &["keys", "rotate"]);
    assert!(ok, "{said}");
    opens(folder, &account);
    assert_eq!(std::fs::read(&key).expect("key"), [9; 32]);
    assert!(!next.exists());

    // In one go; the key before is kept for the backups that need it, and opens nothing more.
    let (ok, said) = command(folder, &["keys", "rotate"]);
    assert!(ok && said.contains("backups made until now need it"), "{said}");
    opens(folder, &account);
    assert!(std::fs::read(&key).expect("key") != first);
    std::fs::write(&key, [9; 32]).expect("the key before");
    let (ok, said) = command(folder, &["account", "list"]);
    assert!(!ok && said.contains("sealed under the key"), "{said}");
}
