//! A mailbox on a private Dovecot, synced by Waxseal as a process; and what is there compared with what is here.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use testkit::Dovecot;
use testkit::dovecot::PASSWORD;

/// Bytes and how often they are there.
pub fn on_server(dovecot: &Dovecot) -> BTreeMap<Vec<u8>, usize> {
    let folder = dovecot.mail_folder().join("owner");
    let parts = ["cur", "new"].map(|part| folder.join(part));
    count(
        parts
            .iter()
            .flat_map(|part| std::fs::read_dir(part).expect("folder"))
            .map(|entry| entry.expect("entry").path()),
    )
}

/// "subject: found times, expected times" of each message that differs.
pub fn differences(found: &BTreeMap<Vec<u8>, usize>, expected: &BTreeMap<Vec<u8>, usize>) -> Vec<String> {
    let subject = |raw: &[u8]| {
        let text = String::from_utf8_lossy(raw);
        text.lines()
            .find(|line| line.starts_with("Subject"))
            .unwrap_or("no subject")
            .to_owned()
    };
    let of = |counts: &BTreeMap<Vec<u8>, usize>, raw: &Vec<u8>| counts.get(raw).copied().unwrap_or(0);
    let all: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = all.into_iter().filter(|raw| of(found, raw) != of(expected, raw));
    differ
        .map(|raw| format!("{}: {} for {}", subject(raw), of(found, raw), of(expected, raw)))
        .collect()
}

fn count(paths: impl Iterator<Item = PathBuf>) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for path in paths {
        *counts.entry(std::fs::read(path).expect("raw")).or_default() += 1;
    }
    counts
}

pub fn waxseal(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command
        .arg("--data")
        .arg(data.join("data"))
        .env("WAXSEAL_EGRESS_ALLOW", "127.0.0.0/8");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// An administrator with a mailbox of `dovecot`, all of it wanted; the account's id.
pub fn set_up(folder: &Path, dovecot: &Dovecot) -> String {
    let made = waxseal(folder).arg("init").output().expect("init");
    assert!(made.status.success());
    let mut create = waxseal(folder)
        .args(["admin", "create", "--login", "owner", "--password-stdin"])
        .spawn()
        .expect("admin");
    writeln!(create.stdin.take().expect("stdin"), "correct horse battery").expect("password");
    assert!(create.wait().expect("admin").success());
    let file = folder.join("account.toml");
    let text = format!(
        "name = \"Owner\"\naddress = \"owner@isp.example\"\nusername = \"owner\"\npassword = \"{PASSWORD}\"\n\
[tracking]\nenabled = true\nhistory_since = \"2020-01-01\"\n\
[imap]\nserver = \"127.0.0.1\"\nport = {}\nsecurity = \"tls\"\npinned_certificate = \"{}\"\n",
        dovecot.imaps_port, dovecot.certificate.fingerprint
    );
    std::fs::write(&file, text).expect("file");
    let added = waxseal(folder)
        .args(["account", "add", "--owner", "owner", "--file"])
        .arg(&file)
        .output()
        .expect("add");
    assert!(
        added.status.success(),
        "{}",
        String::from_utf8_lossy(&added.stderr)
    );
    String::from_utf8(added.stdout).expect("id").trim().to_owned()
}

/// Bytes of what is stored, and how often.
pub fn exported(folder: &Path, id: &str) -> BTreeMap<Vec<u8>, usize> {
    let to = folder.join("export");
    let export = waxseal(folder)
        .args(["export", "--account", id, "--format", "eml", "--to"])
        .arg(&to)
        .output();
    assert!(export.expect("export").status.success());
    count(
        std::fs::read_dir(&to)
            .expect("export")
            .map(|entry| entry.expect("entry").path()),
    )
}
