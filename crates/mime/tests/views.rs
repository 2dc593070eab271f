//! `make views DIR=...`: what the page shows of each message that an `expected.json` names, beside what it says.
//!
//! Without a folder it takes `real/`, small messages written in the ways of real senders. A key that is absent is not
//! compared, white space is squashed, a key that nobody knows is a failure. The last line is `N passed, M failed`.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use domain::message::MessageSummary;
use mail_parser::decoders::html::html_to_text;
use mime::ImageSources;
use mime::TextKind;
use serde::Deserialize;
use serde_json::Value;

const EXPECTED: &str = "expected.json";

fn main() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real");
    let folder = std::env::var_os("VIEWS").map_or(own, PathBuf::from);
    let mut outcomes = Vec::new();
    each_folder(&folder, &mut |folder| outcomes.extend(compare_folder(folder)));
    if outcomes.is_empty() {
        outcomes.push(Err(format!(
            "{}: no message is named by any {EXPECTED}",
            folder.display()
        )));
    }
    let failures: Vec<&String> = outcomes.iter().filter_map(|one| one.as_ref().err()).collect();
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!(
        "{} passed, {} failed",
        outcomes.len() - failures.len(),
        failures.len()
    );
    std::process::exit(i32::from(!failures.is_empty()));
}

/// The folder and those in it, where they hold expectations.
fn each_folder(folder: &Path, with: &mut impl FnMut(&Path)) {
    if folder.join(EXPECTED).is_file() {
        with(folder);
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        each_folder(&folder, with);
    }
}

/// One outcome for each message that is named.
fn compare_folder(folder: &Path) -> Vec<Result<(), String>> {
    let path = folder.join(EXPECTED);
    let read = || serde_json::from_slice(&std::fs::read(&path).ok()?).ok();
    let expected: Option<BTreeMap<String, Value>> = read();
    let Some(expected) = expected else {
        return vec![Err(format!("{}: cannot be read", path.display()))];
    };
    let compared = expected.into_iter().map(|(name, expected)| {
        let path = folder.join(&name);
        compare(&path, expected).map_err(|differences| format!("{}: {differences}", path.display()))
    });
    compared.collect()
}

/// What may be said of a message; anything else is an error, so that nothing is left uncompared in silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    subject: Option<String>,
    author_name: Option<String>,
    author_address: Option<String>,
    /// What is shown unfolded: neither quote nor signature.
    own: Option<String>,
    files: Option<Vec<String>>,
    /// How the names of files end, where the name itself is free.
    file_suffixes: Option<Vec<String>>,
    parked: Option<bool>,
    /// Words and pictures (by name) in the order in which the HTML shows them.
    html_order: Option<Vec<String>>,
}

fn compare(path: &Path, expected: Value) -> Result<(), String> {
    let expected: Expected = serde_json::from_value(expected).map_err(|error| error.to_string())?;
    let raw = std::fs::read(path).map_err(|error| error.to_string())?;
    let shown = Shown::of(&raw);
    let mut differences = Vec::new();
    let mut differ = |key: &str, expected: String, shown: String| {
        if expected != shown {
            differences.push(format!("{key}: expected {expected:?}, shown {shown:?}"));
        }
    };
    for (key, expected, shown) in [
        ("subject", &expected.subject, &shown.subject),
        ("author_name", &expected.author_name, &shown.author_name),
        ("author_address", &expected.author_address, &shown.author_address),
        ("own", &expected.own, &shown.own),
    ] {
        if let Some(expected) = expected {
            differ(key, squashed(expected), squashed(shown));
        }
    }
    if let Some(files) = expected.files {
        differ("files", format!("{files:?}"), format!("{:?}", shown.files));
    }
    if let Some(suffixes) = expected.file_suffixes {
        let ends = suffixes.len() == shown.files.len()
            && suffixes
                .iter()
                .zip(&shown.files)
                .all(|(suffix, file)| file.ends_with(suffix));
        if !ends {
            differ(
                "file_suffixes",
                format!("{suffixes:?}"),
                format!("{:?}", shown.files),
            );
        }
    }
    if let Some(parked) = expected.parked {
        differ("parked", parked.to_string(), shown.parked.to_string());
    }
    if let Some(order) = expected.html_order
        && !is_in_order(&shown.html, &order)
    {
        differ("html_order", format!("{order:?}"), shown.html);
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(differences.join("; ")),
    }
}

fn squashed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_in_order(html: &str, order: &[String]) -> bool {
    let mut rest = html;
    order.iter().all(|wanted| match rest.find(wanted.as_str()) {
        Some(at) => {
            rest = &rest[at + wanted.len()..];
            true
        }
        None => false,
    })
}

/// What the page shows, by the functions that make it.
#[derive(Default)]
struct Shown {
    subject: String,
    author_name: String,
    author_address: String,
    own: String,
    files: Vec<String>,
    parked: bool,
    html: String,
}

impl Shown {
    fn of(raw: &[u8]) -> Self {
        let Ok(summary) = mime::summarise(raw) else {
            return Shown {
                parked: true,
                ..Shown::default()
            };
        };
        let html = frame(raw, &summary);
        let author = summary.author();
        let address = author.and_then(|author| author.address.as_ref());
        let files = summary.attachments.iter().filter(|file| !file.inline);
        Shown {
            subject: summary.subject.as_str().to_owned(),
            author_name: author
                .map(|author| author.name.as_str().to_owned())
                .unwrap_or_default(),
            author_address: address
                .map(|address| address.as_str().to_owned())
                .unwrap_or_default(),
            own: match html.is_empty() {
                true => own_text(raw),
                false => html_to_text(&unfolded(&html)),
            },
            files: files.map(|file| file.name.as_str().to_owned()).collect(),
            parked: false,
            html,
        }
    }
}

/// The document of the frame; empty where plain text is shown. A picture is loaded from an address that is its name.
fn frame(raw: &[u8], summary: &MessageSummary) -> String {
    let Ok(opened) = mime::open_message(raw) else {
        return String::new();
    };
    let named = summary.attachments.iter().filter_map(|file| {
        let content_id = file.content_id.clone()?;
        Some((content_id, file.name.as_str().to_owned()))
    });
    let sources = ImageSources {
        inline: named.collect(),
        remote: None,
    };
    opened
        .frame(&sources)
        .map_or_else(String::new, |frame| frame.html)
}

fn own_text(raw: &[u8]) -> String {
    let blocks = mime::open_message(raw).map_or_else(|_| Vec::new(), |opened| opened.blocks());
    let blocks = blocks.into_iter();
    blocks
        .filter(|block| block.kind == TextKind::Own)
        .map(|block| block.text)
        .collect()
}

/// Without what the page folds, and with a space where a block begins, as one sees it.
fn unfolded(html: &str) -> String {
    const FOLD: &str = "<details class=\"quoted\">";
    let mut visible = String::new();
    let mut rest = html;
    while let Some(start) = rest.find(FOLD) {
        visible.push_str(&rest[..start]);
        rest = &rest[start + end_of_fold(&rest[start..])..];
    }
    visible.push_str(rest);
    ["<p", "<div", "<br", "<tr", "<td", "<li", "<hr"]
        .iter()
        .fold(visible, |html, block| html.replace(block, &format!(" {block}")))
}

/// A fold may hold what its sender has folded.
fn end_of_fold(html: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in html.match_indices("details") {
        match html.as_bytes()[at - 1] {
            b'<' => depth += 1,
            b'/' if depth == 1 => return at + "details>".len(),
            b'/' => depth -= 1,
            _ => {}
        }
    }
    html.len()
}
