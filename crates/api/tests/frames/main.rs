//! `make hostile`, the part with a browser: foreign HTML runs nothing and calls nobody, and each layer holds alone.
//!
//! Every payload is opened in Debian's Chromium four times: as the product shows it; in the product's frame without
//! the sanitiser; sanitised without the frame; and bare, as the control that shows what the payload would do. A server
//! stands in for every host of the world and counts who calls; Chromium opens connections to where a nested frame would
//! lead before its policy forbids the frame, so where the sanitiser is off those are told and only requests count. Then the text that people see of the HTML messages of
//! a corpus, before and after. The last line is `N passed, M failed`.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod cases;
mod pages;
#[path = "../../../engine/tests/hostile/report.rs"]
mod report;

use std::collections::BTreeMap;
use std::process::Stdio;

use cases::Case;
use pages::Pages;
use report::Report;
use report::Suite;
use report::check;
use serde::Deserialize;

/// A line of the browser.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Case(Seen),
    /// Calls to the world from the cases of one page, whosever they are.
    World {
        layer: String,
        from: usize,
        called: Vec<String>,
        connected: Vec<String>,
    },
}

/// What the browser saw of one case.
#[derive(Debug, Deserialize)]
struct Seen {
    layer: String,
    case: usize,
    /// A script of the payload has run.
    ran: bool,
    /// What left for another host.
    requests: Vec<String>,
    text: String,
}

fn main() {
    let folder = cases::folder();
    let mut report = Report::default();
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    for (name, list) in cases::lists(&folder, &mut report) {
        let mut suite = report.suite(name);
        runtime.block_on(payloads(&list, &mut suite));
    }
    let messages = cases::messages(&folder);
    match messages.is_empty() {
        true => report.absent("mail"),
        false => runtime.block_on(visible_text(&messages, &mut report.suite("visible text"))),
    }
    std::process::exit(report.finish());
}

async fn payloads(list: &[Case], suite: &mut Suite<'_>) {
    let pages = Pages::start(list.iter().map(|case| vec![case.html.clone()]).collect()).await;
    let (mut seen, mut world) = browse(&pages, &["product", "sanitiser"]).await;
    let reached = pages.reached();
    // From here on relative addresses lead to this server, as they would for nobody's mail.
    let (unsanitised, others) = browse(&pages, &["frame", "bare"]).await;
    seen.extend(unsanitised);
    world.called.extend(others.called);
    if !others.connected.is_empty() {
        let hosts = others.connected.join("; ");
        suite.note(&format!(
            "without the sanitiser, connected to and asked nothing: {hosts}"
        ));
    }
    let mut controls = BTreeMap::from([("ran", 0), ("called", 0)]);
    for seen in &seen {
        if seen.layer == "bare" {
            *controls.entry("ran").or_default() += u32::from(seen.ran);
            *controls.entry("called").or_default() += u32::from(!seen.requests.is_empty());
            continue;
        }
        let outcome = check(!seen.ran, || "a script ran".into()).and_then(|()| {
            check(seen.requests.is_empty(), || {
                format!("it called {:?}", seen.requests)
            })
        });
        suite.case(&format!("{} / {}", seen.layer, list[seen.case].name), outcome);
    }
    let complete = check(seen.len() == list.len() * 4, || {
        format!("{} pages were seen", seen.len())
    });
    suite.case("every page was opened", complete);
    suite.case(
        "control: bare payloads run or call",
        check(controls.values().sum::<u32>() > 0, || {
            "they do nothing at all".into()
        }),
    );
    suite.case(
        "nobody else was called",
        check(world.called.is_empty(), || world.called.join("; ")),
    );
    suite.case(
        "nobody else was connected to",
        check(world.connected.is_empty(), || world.connected.join("; ")),
    );
    suite.case(
        "nothing of ours was asked for",
        check(reached.is_empty(), || reached.join("; ")),
    );
    suite.note(&format!(
        "{} payloads; bare, {} run scripts and {} call other hosts",
        list.len(),
        controls["ran"],
        controls["called"]
    ));
}

const MUST_BE_EQUAL: f64 = 0.97;

async fn visible_text(messages: &[Case], suite: &mut Suite<'_>) {
    let documents: Vec<Vec<String>> = messages.iter().map(|message| message.documents()).collect();
    let pages = Pages::start(documents).await;
    let (seen, _) = browse(&pages, &["product", "quiet"]).await;
    let mut texts: BTreeMap<(usize, &str), &str> = BTreeMap::new();
    for seen in &seen {
        texts.insert((seen.case, &seen.layer), &seen.text);
    }
    let mut equal = 0;
    for (number, message) in messages.iter().enumerate() {
        let [before, after] = ["quiet", "product"].map(|layer| texts.get(&(number, layer)).copied());
        if before.is_some() && before == after {
            equal += 1;
        } else {
            suite.note(&format!("differs: {}", message.name));
            if std::env::var_os("SHOW").is_some() {
                suite.note(&format!("  before {before:?}\n  after {after:?}"));
            }
        }
    }
    let part = f64::from(equal) / messages.len() as f64;
    suite.note(&format!(
        "{equal} of {} HTML messages show the same text",
        messages.len()
    ));
    suite.case(
        "the same text before and after",
        check(part >= MUST_BE_EQUAL, || format!("{:.1} %", part * 100.0)),
    );
}

/// What arrived outside.
#[derive(Default)]
struct World {
    called: Vec<String>,
    connected: Vec<String>,
}

/// Opens every page in every layer, in Chromium.
async fn browse(pages: &Pages, layers: &[&str]) -> (Vec<Seen>, World) {
    let folder = tempfile::tempdir().expect("folder");
    let certificate = testkit::certificate::write(folder.path(), &["localhost"]).expect("certificate");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web");
    let output = tokio::process::Command::new("node")
        .args(["--import", "tsx", "hostile/frames.ts"])
        .arg(pages.address())
        .arg(pages.count().to_string())
        .args([certificate.certificate, certificate.key])
        .args(layers)
        .current_dir(script)
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("node: `make web` installs what this needs");
    assert!(
        output.status.success(),
        "the browser ended with {}",
        output.status
    );
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let (mut seen, mut world) = (Vec::new(), World::default());
    for line in lines.lines() {
        match serde_json::from_str(line).expect(line) {
            Line::Case(case) => seen.push(case),
            Line::World {
                layer,
                from,
                called,
                connected,
            } => {
                let told = |whom: Vec<String>| {
                    let told = whom
                        .into_iter()
                        .map(|whom| format!("{layer}, from {from}: {whom}"));
                    told.collect::<Vec<_>>()
                };
                world.called.extend(told(called));
                world.connected.extend(told(connected));
            }
        }
    }
    (seen, world)
}
