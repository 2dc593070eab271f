//! `corpus DIR [COUNT]`: the published corpus as a new Maildir, for `make bench`; prints its SHA-256.

use std::path::Path;

use testkit::TestkitError;
use testkit::corpus;

fn main() -> Result<(), TestkitError> {
    let mut arguments = std::env::args().skip(1);
    let usage = || std::io::Error::other("usage: corpus DIR [COUNT]");
    let maildir = arguments.next().ok_or_else(usage)?;
    let count = match arguments.next() {
        Some(count) => count.parse().map_err(|_| usage())?,
        None => 20_000,
    };
    println!("{}", corpus::write_maildir(Path::new(&maildir), count)?);
    Ok(())
}
