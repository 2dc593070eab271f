//! Response lines as seen in the wild: the session lives, the next command works, a UID with a readable body is
//! delivered, and where two other parsers agree on a line, so do we.

use std::path::Path;

use imap::Body;
use imap::Command;
use imap::Connection;
use imap::Limits;
use imap::Untagged;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::runtime::Runtime;

use crate::find;
use crate::oracles;
use crate::report::Report;
use crate::report::check;

pub fn run(folder: &Path, runtime: &Runtime, report: &mut Report) {
    let Some(list) = find(folder, "imap-responses.txt", report) else {
        return;
    };
    let text = std::fs::read_to_string(list).expect("list");
    let mut suite = report.suite("response lines");
    let mut unknown = Vec::new();
    for case in text.lines().filter(|line| line.contains('\t')) {
        let (name, line) = case.split_once('\t').unwrap_or((case, ""));
        let bytes = written(line);
        suite.case(name, runtime.block_on(session_lives(&bytes, &mut unknown, name)));
        suite.case(&format!("{name} (oracles)"), oracles::agree(&bytes));
    }
    suite.note(&format!(
        "understood by nobody's rule, kept as Unknown: {}",
        unknown.join(", ")
    ));
}

/// `CRLF` and `LF` stand for line ends, `\xNN` for a byte.
fn written(line: &str) -> Vec<u8> {
    let line = line.replace("CRLF", "\r\n");
    let line = match line.strip_suffix("LF") {
        Some(start) => format!("{start}\n"),
        None => format!("{line}\r\n"),
    };
    let mut bytes = Vec::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find("\\x") {
        let code = rest
            .get(at + 2..at + 4)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        match code {
            Some(code) => bytes.push(code),
            None => bytes.extend_from_slice(&rest.as_bytes()[at..at + 4]),
        }
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The line comes in the middle of a session; a tagged one answers the first command.
async fn session_lives(line: &[u8], unknown: &mut Vec<String>, name: &str) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut far = BufReader::new(far);
    let line = line.to_vec();
    let is_tagged = line.starts_with(b"A1 ");
    let server = async move {
        far.write_all(b"* OK ready\r\n").await?;
        let mut command = String::new();
        far.read_line(&mut command).await?;
        if is_tagged {
            far.write_all(&[b"W1 ", &line[3..]].concat()).await?;
        } else {
            far.write_all(&line).await?;
            far.write_all(b"W1 OK done\r\n").await?;
        }
        far.read_line(&mut command).await?;
        far.write_all(b"* 7 EXISTS\r\nW2 OK done\r\n").await?;
        std::future::pending::<std::io::Result<()>>().await
    };
    let server = tokio::spawn(server);
    let mut connection = Connection::new(near, Limits::default());
    connection
        .read_greeting()
        .await
        .map_err(|error| error.to_string())?;
    let client = connection.into_client();
    let first = client
        .run(Command::new("NOOP"))
        .await
        .map_err(|error| format!("the session ended: {error}"))?;
    let second = client
        .run(Command::new("NOOP"))
        .await
        .map_err(|error| format!("the next command failed: {error}"))?;
    server.abort();
    check(second.0.contains(&Untagged::Exists(7)), || {
        "the next command's answer is lost".into()
    })?;
    for response in &first.0 {
        match response {
            Untagged::Unknown(_) => unknown.push(name.to_owned()),
            Untagged::Fetch(fetch) if name.starts_with("fetch-body-literal") => {
                let delivered = fetch.uid == Some(5)
                    && matches!(&fetch.body, Some(Body::Whole(body)) if body.as_ref() == b"hello");
                check(delivered, || format!("{fetch:?}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}
