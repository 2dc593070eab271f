//! Messages that cost parsers their memory, their stack or their time: at most 2 s and 64 MiB each, and never a
//! blank page.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::find;
use crate::report::Report;
use crate::report::check;

const MOST_TIME: Duration = Duration::from_secs(2);
const MOST_MIB: u64 = 64;

pub fn run(folder: &Path, report: &mut Report) {
    let Some(list) = find(folder, "mime-bombs", report) else {
        return;
    };
    let mut suite = report.suite("MIME bombs");
    let entries = std::fs::read_dir(list).expect("folder");
    let mut bombs: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
    bombs.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    bombs.sort();
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    for path in bombs {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut raw = Vec::new();
        let file = std::fs::File::open(&path).expect("bomb");
        flate2::read::GzDecoder::new(file)
            .read_to_end(&mut raw)
            .expect("gzip");
        let before = begin_peak();
        let began = Instant::now();
        // On a stack as the product has it: what overflows it ends this process, and the suite is red.
        let shown = std::thread::Builder::new()
            .stack_size(8 * 1024 * 1024)
            .spawn(move || look(&raw));
        let shown = shown.expect("thread").join();
        let (took, mib) = (began.elapsed(), peak().saturating_sub(before) / 1024);
        suite.note(&format!("{name}: {} ms, {mib} MiB", took.as_millis()));
        slowest = slowest.max((took, name.clone()));
        largest = largest.max((mib, name.clone()));
        let outcome = shown.map_err(|_| "it panics".to_owned()).and_then(|shown| shown);
        let outcome = outcome
            .and_then(|()| check(took <= MOST_TIME, || format!("{took:?}")))
            .and_then(|()| check(mib <= MOST_MIB, || format!("{mib} MiB")));
        suite.case(&name, outcome);
    }
    suite.note(&format!(
        "slowest {} {:?}, largest {} {} MiB",
        slowest.1, slowest.0, largest.1, largest.0
    ));
}

/// What intake and opening do with it.
fn look(raw: &[u8]) -> Result<(), String> {
    let summary = mime::summarise(raw).map_err(|refusal| refusal.to_string())?;
    let opened = mime::open_message(raw).map_err(|refusal| refusal.to_string())?;
    let frame = mime::sanitise(&opened.html, &mime::ImageSources::default());
    let is_shown = frame.filter(|frame| !frame.html.is_empty()).is_some()
        || !opened.text.trim().is_empty()
        || !summary.attachments.is_empty();
    check(is_shown || opened.note.is_some() || is_empty(raw), || {
        "a blank page".into()
    })
}

/// Nothing below the header, or nothing but a few bytes.
fn is_empty(raw: &[u8]) -> bool {
    let body = raw.windows(4).position(|window| window == b"\r\n\r\n");
    raw.len() < 10 || body.is_none_or(|at| raw[at..].trim_ascii().is_empty())
}

/// Forgets the peak so far; the memory in use now, in KiB.
fn begin_peak() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().split(' ').next()?.parse().ok())
        .unwrap_or_default()
}

/// For the suites of servers: how much more a future took at its peak, in MiB.
pub async fn peak_mib<T>(work: impl Future<Output = T>) -> (T, u64) {
    let before = begin_peak();
    let done = work.await;
    (done, peak().saturating_sub(before) / 1024)
}
