//! Faults that users of such programs have reported elsewhere: what was written there, made anew.

use std::path::Path;

pub fn text(case: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(case)
        .join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As it comes over the wire.
pub fn message(case: &str) -> String {
    text(case, "message.eml")
        .replace("\r\n", "\n")
        .replace('\n', "\r\n")
}
