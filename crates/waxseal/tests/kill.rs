//! kill -9 at random moments of a first sync: afterwards the export equals what the server holds, nothing
//! missing, nothing twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use testkit::Dovecot;
use testkit::dovecot::PASSWORD;

const MESSAGES: usize = 2_000;
/// `KILLS=50 cargo test` for all of them.
const DEFAULT_KILLS: usize = 12;

#[test]
fn a_first_sync_survives_being_killed() {
    let kills = std::env::var("KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_KILLS);
    let seed = std::process::id().into();
    println!("seed {seed}, {kills} kills");
    let mut random = Random(seed);
    let dovecot = Dovecot::start().expect("dovecot");
    fill(&dovecot, &mut random);
    let expected = on_server(&dovecot);
    assert_eq!(expected.values().sum::<usize>(), MESSAGES);
    let (mut killed, mut rounds) = (0, 0);
    while killed < kills || rounds == 0 {
        let folder = tempfile::tempdir().expect("folder");
        let id = set_up(folder.path(), &dovecot);
        while killed < kills {
            if !sync_and_kill(folder.path(), random.below(700)) {
                break;
            }
            killed += 1;
        }
        let finished = waxseal(folder.path())
            .args(["sync", "--once"])
            .output()
            .expect("sync");
        // A killed holder's lease has to run out, unless this is the process that held it.
        assert!(
            finished.status.success(),
            "{}",
            String::from_utf8_lossy(&finished.stderr)
        );
        println!("{}", String::from_utf8_lossy(&finished.stdout));
        let found = exported(folder.path(), &id);
        assert_eq!(
            differences(&found, &expected),
            Vec::<String>::new(),
            "seed {seed}"
        );
        rounds += 1;
    }
    println!("{killed} kills in {rounds} first syncs: 0 missing, 0 twice");
}

/// Small and reproducible: the seed is printed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn fill(dovecot: &Dovecot, random: &mut Random) {
    let maildir = dovecot.maildir("owner");
    let folder = dovecot.mail_folder().join("owner/cur");
    maildir
        .put(None, &message(0, random), true, Duration::from_secs(3600))
        .expect("put");
    for number in 1..MESSAGES {
        let name = format!("{}.M{number}.kill:2,S", 1_700_000_000 + number);
        std::fs::write(folder.join(name), message(number, random)).expect("message");
    }
    testkit::process::hand_over(&dovecot.mail_folder()).expect("owner");
}

fn message(number: usize, random: &mut Random) -> Vec<u8> {
    let text = "some words of a letter ".repeat(usize::try_from(random.below(400)).expect("small"));
    format!("From: k{number}@out.example\r\nTo: owner@isp.example\r\nSubject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\n{text}\r\n")
        .into_bytes()
}

/// Bytes and how often they are there.
fn on_server(dovecot: &Dovecot) -> BTreeMap<Vec<u8>, usize> {
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
fn differences(found: &BTreeMap<Vec<u8>, usize>, expected: &BTreeMap<Vec<u8>, usize>) -> Vec<String> {
    let subject = |raw: &[u8]| {
        let text = String::from_utf8_lossy(raw);
        text.lines()
            .find(|line| line.starts_with("Subject"))
            .unwrap_or("no subject")
            .to_owned()
    };
    let of = |counts: &BTreeMap<Vec<u8>, usize>, raw: &Vec<u8>| counts.get(raw).copied().unwrap_or(0);
    let all: std::collections::BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = all.into_iter().filter(|raw| of(found, raw) != of(expected, raw));
    differ
        .map(|raw| format!("{}: {} for {}", subject(raw), of(found, raw), of(expected, raw)))
        .collect()
}

fn count(paths: impl Iterator<Item = std::path::PathBuf>) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for path in paths {
        *counts.entry(std::fs::read(path).expect("raw")).or_default() += 1;
    }
    counts
}

fn waxseal(data: &Path) -> Command {
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

fn set_up(folder: &Path, dovecot: &Dovecot) -> String {
    use std::io::Write as _;
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

/// False: it was done before the blow.
fn sync_and_kill(folder: &Path, after_ms: u64) -> bool {
    let mut sync = waxseal(folder).args(["sync", "--once"]).spawn().expect("sync");
    // The moment is the input here.
    std::thread::sleep(Duration::from_millis(after_ms));
    let done = sync.try_wait().expect("state").is_some();
    sync.kill().expect("kill");
    sync.wait().expect("end");
    !done
}

fn exported(folder: &Path, id: &str) -> BTreeMap<Vec<u8>, usize> {
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
