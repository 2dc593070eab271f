//! kill -9 at random moments of a first sync: afterwards the export equals what the server holds, nothing
//! missing, nothing twice.

#[path = "support/mailbox.rs"]
mod mailbox;

use std::path::Path;
use std::time::Duration;

use mailbox::differences;
use mailbox::exported;
use mailbox::on_server;
use mailbox::set_up;
use mailbox::waxseal;
use testkit::Dovecot;

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
