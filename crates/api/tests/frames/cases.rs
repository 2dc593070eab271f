//! Payloads and messages of a folder laid out like the corpora, or our own.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::report::Report;

pub struct Case {
    pub name: String,
    /// HTML; of a message its raw bytes are behind it.
    pub html: String,
    raw: Vec<u8>,
}

impl Case {
    /// The HTML of a message as the product takes it apart.
    pub fn documents(&self) -> Vec<String> {
        mime::open_message(&self.raw)
            .map(|opened| opened.html)
            .unwrap_or_default()
    }
}

const LISTS: &[(&str, &str)] = &[
    ("mail that attacks", "hostile/mail-xss.json"),
    ("mail that calls home", "hostile/remote-load.json"),
    ("HTML of dompurify", "html/dompurify/expect.json"),
    ("HTML of bluemonday", "html/bluemonday/sanitize.json"),
];

pub fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/hostile/cases");
    std::env::var_os("HOSTILE").map_or(own, PathBuf::from)
}

pub fn lists(folder: &Path, report: &mut Report) -> Vec<(&'static str, Vec<Case>)> {
    let mut lists = Vec::new();
    for (name, path) in LISTS {
        let bare = Path::new(path).file_name().unwrap_or_default();
        let places = [folder.join(path), folder.join(bare)];
        match places.iter().find(|place| place.exists()) {
            Some(place) => lists.push((*name, list(place))),
            None => report.absent(path),
        }
    }
    lists
}

fn list(path: &Path) -> Vec<Case> {
    let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).expect("list")).expect("JSON");
    let cases = list.iter().enumerate().map(|(number, case)| {
        let id = case["id"].as_str().or(case["title"].as_str());
        Case {
            name: id.map_or_else(|| number.to_string(), str::to_owned),
            // Without one nothing would be shown, and the case would be green for nothing.
            html: case["payload"]
                .as_str()
                .expect("an entry without payload")
                .to_owned(),
            raw: Vec::new(),
        }
    });
    cases.collect()
}

/// Every message below `mail/` that has HTML.
pub fn messages(folder: &Path) -> Vec<Case> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("mail")];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let raw = std::fs::read(&path).unwrap_or_default();
            let case = Case {
                name: path.display().to_string(),
                html: String::new(),
                raw,
            };
            if !case.documents().is_empty() {
                found.push(case);
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
