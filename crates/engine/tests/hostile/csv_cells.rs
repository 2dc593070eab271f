//! What a sender puts into a field must not become a formula in somebody's spreadsheet: exported through the whole
//! product, and opened by LibreOffice where it is installed.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use service::exports::ExportScope;
use service::exports::FileFormat;
use service::exports::Progress;
use service::inbox::InboxQuery;

use crate::fields::only;
use crate::fields::text;
use crate::find;
use crate::report::Report;
use crate::report::check;
use crate::support::desk::Desk;

pub async fn run(folder: &Path, report: &mut Report) {
    let Some(path) = find(folder, "csv.json", report) else {
        return;
    };
    let list: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).expect("list")).expect("JSON");
    let payloads: Vec<&str> = list
        .iter()
        .filter_map(|case| text(case, "payload").ok())
        .collect();
    let unknown = list
        .iter()
        .find_map(|case| only(case, &["id", "payload", "expect"]).err());
    let desk = Desk::new().await;
    for payload in &payloads {
        let mut send = desk.form(&["kelly@out.example"], &[]);
        send.form.subject = (*payload).to_owned();
        send.form.recipients.to[0].name = (*payload).to_owned();
        send.form.html = format!("<p>{}</p>", mime::escape(payload));
        desk.services.send(desk.alice, send, None).await.expect("queued");
    }
    let exported = export(&desk).await;
    let mut suite = report.suite("CSV cells");
    suite.case(
        "every entry is played",
        match unknown {
            Some(why) => Err(why),
            None => check(payloads.len() == list.len(), || "an entry without payload".into()),
        },
    );
    let mut reader = csv::Reader::from_reader(exported.as_slice());
    for (number, row) in reader.records().enumerate() {
        let row = row.expect("row");
        let live: Vec<_> = row.iter().filter(|cell| is_live(cell)).collect();
        suite.case(
            &number.to_string(),
            check(live.is_empty(), || format!("{live:?}")),
        );
    }
    // The same cells as they came, as a control: there are formulas in them.
    let mut plain = csv::Writer::from_writer(Vec::new());
    for payload in &payloads {
        plain.write_record([payload]).expect("written");
    }
    let plain = plain.into_inner().expect("written");
    match (formulas(&exported), formulas(&plain)) {
        (Some(ours), Some(control)) => {
            suite.case("LibreOffice", check(ours == 0, || format!("{ours} live cells")));
            suite.case(
                "LibreOffice, control",
                check(control > 0, || "finds no formula in anything".into()),
            );
            suite.note(&format!(
                "LibreOffice: {ours} live cells; {control} without our apostrophes"
            ));
        }
        _ => suite.note("NOT CHECKED by LibreOffice: it is not installed (libreoffice-calc-nogui)"),
    }
}

fn is_live(cell: &str) -> bool {
    let trimmed =
        cell.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{200b}' || c == '"');
    trimmed.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

async fn export(desk: &Desk) -> Vec<u8> {
    let query = InboxQuery::newest(50);
    let scope = ExportScope::Inbox(Box::new(query));
    let started = desk
        .services
        .start_export(desk.alice, scope, FileFormat::Csv)
        .await;
    let id = started.expect("started");
    while !matches!(
        desk.services.export_progress(desk.alice, id),
        Ok(Progress::Ready { .. })
    ) {
        tokio::task::yield_now().await;
    }
    let mut exported = desk.services.take_export(desk.alice, id).await.expect("fetched");
    let mut bytes = Vec::new();
    exported.file.read_to_end(&mut bytes).expect("read");
    bytes
}

/// Cells that LibreOffice takes for formulas; `None`: it is not here.
fn formulas(csv: &[u8]) -> Option<usize> {
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join("cells.csv");
    std::fs::write(&file, csv).ok()?;
    let converted = Command::new("soffice")
        .arg(format!(
            "-env:UserInstallation=file://{}/profile",
            folder.path().display()
        ))
        .args(["--headless", "--convert-to", "fods", "--outdir"])
        .arg(folder.path())
        .arg(&file)
        .output()
        .ok()?;
    let sheet = std::fs::read_to_string(folder.path().join("cells.fods")).ok();
    let sheet = sheet.filter(|_| converted.status.success())?;
    Some(sheet.matches("table:formula=").count())
}
