//! `make hostile DIR=...`: lists of what hostile servers and senders do, each entry against the real code.
//!
//! Without a folder it runs the cases beside this file, so that `make test` has them. A list that is absent is
//! named and is no failure. The last line is `N passed, M failed`.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod bombs;
mod csv_cells;
mod fields;
mod lines;
mod oracles;
mod report;
mod script;
mod senders;
mod sending;
mod servers;
mod smtp_starttls;
mod ssrf;
mod starttls;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::path::PathBuf;

use report::Report;

fn main() {
    let folder = std::env::var_os("HOSTILE").map_or_else(own_cases, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 * 1024 * 1024)
        .build()
        .expect("runtime");
    let mut report = Report::default();
    lines::run(&folder, &runtime, &mut report);
    bombs::run(&folder, &mut report);
    runtime.block_on(servers::run(&folder, &mut report));
    runtime.block_on(starttls::run(&folder, &mut report));
    runtime.block_on(smtp_starttls::run(&folder, &mut report));
    runtime.block_on(sending::run(&folder, &mut report));
    senders::run(&folder, &mut report);
    runtime.block_on(ssrf::run(&folder, &mut report));
    runtime.block_on(csv_cells::run(&folder, &mut report));
    std::process::exit(report.finish());
}

fn own_cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/cases")
}

/// A list of the folder: it lies in it, or below `hostile/` as in a folder of corpora.
fn find(folder: &Path, name: &str, report: &mut Report) -> Option<PathBuf> {
    let places = [folder.join("hostile").join(name), folder.join(name)];
    let found = places.into_iter().find(|place| place.exists());
    if found.is_none() {
        report.absent(name);
    }
    found
}
