//! The disk fails, or is full, at any write of a sync or of a backup: it is said, and once the disk is well again all is
//! there, nothing twice.
//!
//! `CUTS=1` takes every write; else a few from a random one on.

#[path = "support/mailbox.rs"]
mod mailbox;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mailbox::differences;
use mailbox::exported;
use mailbox::on_server;
use mailbox::set_up;
use mailbox::waxseal;
use testkit::Dovecot;

const MESSAGES: usize = 30;
/// Of one test, by default.
const POINTS: usize = 16;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// The library that makes writes fail, compiled by the compiler that links Rust.
fn shim(folder: &Path) -> PathBuf {
    let library = folder.join("failing_disk.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failing_disk.c"))
        .arg("-ldl")
        .status();
    assert!(compiled.expect("cc").success());
    library
}

struct Disk {
    _folder: tempfile::TempDir,
    shim: PathBuf,
    count: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        Disk {
            shim: shim(folder.path()),
            count: folder.path().join("count"),
            _folder: folder,
        }
    }

    /// `command` on a disk whose writes below `under` fail from the `at`-th on.
    fn run(&self, mut command: Command, under: &Path, at: usize, error: i32) -> (bool, String) {
        let output = command
            .env("LD_PRELOAD", &self.shim)
            .env("FAIL_UNDER", under)
            .env("FAIL_AT", at.to_string())
            .env("FAIL_WITH", error.to_string())
            .env("FAIL_COUNT", &self.count)
            .output()
            .expect("ended");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// Writes of a run in which none failed.
    fn writes(&self, command: Command, under: &Path) -> usize {
        let (ok, said) = self.run(command, under, usize::MAX / 2, EIO);
        assert!(ok, "{said}");
        let count = std::fs::read_to_string(&self.count).expect("count");
        count.parse().expect("a number")
    }
}

/// Numbers of writes, and how each fails.
fn points(writes: usize) -> Vec<(usize, i32)> {
    let step = match std::env::var("CUTS") {
        Ok(_) => 1,
        Err(_) => writes.div_ceil(POINTS),
    };
    let first = 1 + std::process::id() as usize % step;
    println!("{writes} writes; every {step}. from the {first}. on");
    let errors = [EIO, ENOSPC].into_iter().cycle();
    (first..=writes).step_by(step).zip(errors).collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}

fn mailbox_with_mail() -> Dovecot {
    let dovecot = Dovecot::start().expect("dovecot");
    for number in 0..MESSAGES {
        let text = "some words of a letter ".repeat(1 + number * 40);
        let raw = format!(
            "From: k{number}@out.example\r\nTo: owner@isp.example\r\nSubject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\n{text}\r\n"
        );
        let age = Duration::from_secs(60 * number as u64);
        dovecot
            .maildir("owner")
            .put(None, raw.as_bytes(), true, age)
            .expect("put");
    }
    dovecot
}

fn sync(folder: &Path) -> Command {
    let mut command = waxseal(folder);
    command.args(["sync", "--once"]);
    command
}

#[test]
fn a_sync_survives_a_failure_at_any_write() {
    let (dovecot, disk) = (mailbox_with_mail(), Disk::new());
    let expected = on_server(&dovecot);
    let prepared = tempfile::tempdir().expect("folder");
    let id = set_up(prepared.path(), &dovecot);
    let fresh = || {
        let folder = tempfile::tempdir().expect("folder");
        copy(&prepared.path().join("data"), folder.path());
        folder
    };
    let counted = fresh();
    let writes = disk.writes(sync(counted.path()), counted.path());
    assert!(writes > 50, "{writes}");
    let mut said_so = 0;
    for (at, error) in points(writes) {
        let folder = fresh();
        let (ok, said) = disk.run(sync(folder.path()), folder.path(), at, error);
        // The last writes only tidy up: nothing depends on them.
        said_so += usize::from(!ok);
        assert!(ok || !said.trim().is_empty(), "write {at} failed without a word");
        assert!(!said.contains("panicked"), "write {at}: {said}");
        let again = sync(folder.path()).output().expect("sync");
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "after write {at} with {error}: {said}");
        let found = exported(folder.path(), &id);
        assert_eq!(
            differences(&found, &expected),
            Vec::<String>::new(),
            "after write {at} with {error}"
        );
    }
    assert!(said_so > 0, "no failure was noticed");
}

#[test]
fn a_backup_is_whole_or_says_that_it_is_not() {
    let (dovecot, disk) = (mailbox_with_mail(), Disk::new());
    let folder = tempfile::tempdir().expect("folder");
    set_up(folder.path(), &dovecot);
    assert!(sync(folder.path()).output().expect("sync").status.success());
    let backup = |to: &Path| {
        let mut command = waxseal(folder.path());
        command.arg("backup").arg("--to").arg(to);
        command
    };
    let counted = tempfile::tempdir().expect("folder");
    let writes = disk.writes(backup(&counted.path().join("b")), counted.path());
    let whole = backup(&counted.path().join("b")).output().expect("backup");
    let manifest = String::from_utf8_lossy(&whole.stdout).trim().to_owned();
    assert!(
        writes > 3 && manifest.contains("\"messages\":30"),
        "{writes} {manifest}"
    );
    let mut said_so = 0;
    for (at, error) in points(writes) {
        let copy = tempfile::tempdir().expect("folder");
        let to = copy.path().join("b");
        let (ok, said) = disk.run(backup(&to), copy.path(), at, error);
        said_so += usize::from(!ok);
        assert!(ok || !said.trim().is_empty(), "write {at} failed without a word");
        let again = backup(&to).output().expect("backup");
        let said = String::from_utf8_lossy(&again.stderr);
        let made = String::from_utf8_lossy(&again.stdout);
        assert!(
            again.status.success() && made.trim() == manifest,
            "after write {at} with {error}: {made} {said}"
        );
    }
    assert!(said_so > 0, "no failure was noticed");
}
