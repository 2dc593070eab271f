//! A mailbox of synthetic mail for `make bench`: the same number of messages always gives the same bytes.
//!
//! The bytes are those of the generator that the published figures were measured with, so that figures can be
//! compared; a test holds their SHA-256. Order of random draws is therefore part of the format: do not reorder.
//! Mix: 36 % plain text, 42 % alternative, 9 % with an inline image, 10 % with attachments, 3 % awkward.

mod encoding;
mod message;
mod random;
mod words;

use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

pub use message::Generator;
use sha2::Digest as _;
use sha2::Sha256;

use self::random::Random;

/// The published corpus: 20,000 messages, 534.9 MB on the wire.
pub const SEED: u64 = 20_240_601;

/// Fills a new Maildir with `count` messages, dated and flagged. The SHA-256 of them all, in hex.
pub fn write_maildir(maildir: &Path, count: u64) -> std::io::Result<String> {
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(maildir.join(part))?;
    }
    let mut generator = Generator::new(SEED);
    let mut hash = Sha256::new();
    for index in 0..count {
        let message = generator.message(index);
        hash.update(&message.raw);
        let name = file_name(index, message.date, &message.raw);
        let path = maildir.join("cur").join(name);
        std::fs::write(&path, &message.raw)?;
        let file = std::fs::File::options().write(true).open(&path)?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(message.date))?;
    }
    Ok(hex(hash))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(index: u64, date: u64, raw: &[u8]) -> String {
    let mut random = Random::new(index);
    let draws = [(0.85, 'S'), (0.2, 'R'), (0.03, 'F')];
    let mut flags: Vec<char> = draws
        .into_iter()
        .filter_map(|(share, flag)| (random.unit() < share).then_some(flag))
        .collect();
    flags.sort_unstable();
    let flags: String = flags.into_iter().collect();
    let on_wire = raw.len() + raw.iter().filter(|byte| **byte == b'\n').count();
    let number = index % 1_000_000;
    format!(
        "{date}.M{number:06}P1.bench,S={},W={on_wire}:2,{flags}",
        raw.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the first 2,000 messages; `make bench` checks all 20,000.
    const FIRST_2000: &str = "c8e32ff04120551a491f449f13367e9bcaeb364ae46b435bfa0f44b296567e5c";

    #[test]
    fn the_corpus_is_the_published_one() {
        let mut generator = Generator::new(SEED);
        let mut hash = Sha256::new();
        for index in 0..2000 {
            hash.update(generator.message(index).raw);
        }
        assert_eq!(hex(hash), FIRST_2000);
    }
}
