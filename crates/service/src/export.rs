//! Mail taken out as it came: one file a message, or one mbox. For the command line.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use store::RawReader;
use store::StoreError;
use store::messages;
use store::messages::Exported;

use crate::ServiceError;
use crate::Services;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A folder with one file a message, byte for byte; another for each other form that it came in (mail to
    /// oneself lies in INBOX and in Sent, and is one message).
    Eml,
    /// mboxrd: lines that begin with `From ` get a `>`; unquoted it is byte for byte again.
    Mbox,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("writing {path}: {cause}")]
    File { path: String, cause: std::io::Error },
}

/// What became of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Files, or messages of the mbox, that were written.
    pub written: u64,
    /// What could not be read, and why. They are named in a file beside the others.
    pub unread: Vec<(MessageId, String)>,
}

const STEP: u32 = 200;
/// The list of what is not in an export.
pub(crate) const UNREAD_FILE: &str = "could-not-be-read.txt";

impl Services {
    /// Writes every message of the account that is not deleted, oldest first, a piece at a time; one that cannot be
    /// read is named and stops no other. A line on the owner's Status says that it was done.
    pub async fn export_account(
        &self,
        account: MailAccountId,
        format: ExportFormat,
        to: &Path,
    ) -> Result<ExportReport, ExportError> {
        self.get_account_for_engine(account).await?;
        self.record_without_viewer(account, "exported", "").await?;
        let mut sink = Sink::open(format, to)?;
        let (mut after, mut report) = (i64::MIN, ExportReport::default());
        loop {
            let mut conn = self.db.read().await.map_err(ServiceError::from)?;
            let page = messages::list_for_export(&mut conn, account, after, STEP).await;
            drop(conn);
            let page = page.map_err(ServiceError::from)?;
            let Some(last) = page.last() else { break };
            after = last.arrival_key;
            for message in page {
                let id = message.id;
                let raw = match self.blobs.reader(&message.raw).await {
                    Ok(raw) => raw,
                    Err(error) => {
                        report.unread.push((id, error.raw_reason().to_owned()));
                        continue;
                    }
                };
                let written = self.parsing.in_bulk(move || {
                    let written = sink.write(&message, raw);
                    (sink, written)
                });
                let (next, written) = written.await?;
                sink = next;
                match written? {
                    Written::Whole => report.written += 1,
                    Written::Unread(reason) => report.unread.push((id, reason)),
                }
            }
        }
        sink.finish(&report.unread)?;
        Ok(report)
    }
}

/// What became of one message. What cannot be written is an error instead, and ends the export.
pub(crate) enum Written {
    Whole,
    /// Nothing of it is there.
    Unread(String),
}

impl Written {
    /// `undo` takes away what is there of a message that could not be read to its end.
    pub fn or_undone(copied: io::Result<()>, undo: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        let Err(error) = copied else {
            return Ok(Written::Whole);
        };
        let unread = error
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<StoreError>())
            .map(StoreError::raw_reason);
        match unread {
            Some(reason) => undo().map(|()| Written::Unread(reason.to_owned())),
            None => Err(error),
        }
    }
}

enum Sink {
    Folder(PathBuf),
    Mbox(PathBuf, BufWriter<File>),
}

impl Sink {
    fn open(format: ExportFormat, to: &Path) -> Result<Self, ExportError> {
        let wrap = |cause| file_error(to, cause);
        Ok(match format {
            ExportFormat::Eml => {
                std::fs::create_dir_all(to).map_err(wrap)?;
                Sink::Folder(to.to_owned())
            }
            ExportFormat::Mbox => Sink::Mbox(to.to_owned(), BufWriter::new(File::create(to).map_err(wrap)?)),
        })
    }

    fn write(&mut self, message: &Exported, raw: RawReader) -> Result<Written, ExportError> {
        match self {
            Sink::Folder(folder) => {
                let name = match &message.other_form {
                    None => format!("{}.eml", message.id),
                    Some(hash) => format!("{}.{:02x}{:02x}.eml", message.id, hash[0], hash[1]),
                };
                let path = folder.join(name);
                write_eml(&path, raw).map_err(|cause| file_error(&path, cause))
            }
            Sink::Mbox(path, file) => {
                let (author, at) = (message.author_address.as_deref(), message.arrived_at);
                append_mboxrd(file, author, at, raw).map_err(|cause| file_error(path, cause))
            }
        }
    }

    fn finish(self, unread: &[(MessageId, String)]) -> Result<(), ExportError> {
        let list = match self {
            Sink::Folder(folder) => folder.join(UNREAD_FILE),
            Sink::Mbox(path, mut file) => {
                file.flush().map_err(|cause| file_error(&path, cause))?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{name}.{UNREAD_FILE}"))
            }
        };
        if unread.is_empty() {
            return Ok(());
        }
        let lines = unread.iter().map(|(id, reason)| format!("{id}: {reason}\n"));
        std::fs::write(&list, lines.collect::<String>()).map_err(|cause| file_error(&list, cause))
    }
}

fn write_eml(path: &Path, mut raw: RawReader) -> io::Result<Written> {
    let mut file = File::create(path)?;
    let copied = io::copy(&mut raw, &mut file).map(|_| ());
    Written::or_undone(copied, || std::fs::remove_file(path))
}

/// A message at the end of an mbox, or nothing of it.
pub(crate) fn append_mboxrd(
    file: &mut BufWriter<File>,
    author: Option<&str>,
    arrived_at: Timestamp,
    raw: RawReader,
) -> io::Result<Written> {
    let begin = file.stream_position()?;
    let copied = write_mboxrd(file, author, arrived_at, &mut BufReader::new(raw));
    Written::or_undone(copied, || {
        file.seek(SeekFrom::Start(begin))?;
        file.get_ref().set_len(begin)
    })
}

fn file_error(path: &Path, cause: std::io::Error) -> ExportError {
    ExportError::File {
        path: path.display().to_string(),
        cause,
    }
}

pub(crate) fn write_mboxrd(
    file: &mut impl Write,
    author: Option<&str>,
    arrived_at: Timestamp,
    raw: &mut impl BufRead,
) -> io::Result<()> {
    let sender = author.unwrap_or("MAILER-DAEMON");
    let at = jiff::Timestamp::from_millisecond(arrived_at.millis()).unwrap_or_default();
    let date = at
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%a %b %e %H:%M:%S %Y");
    writeln!(file, "From {sender} {date}")?;
    let (mut begins_line, mut piece) = (true, Vec::new());
    while raw.take(LINE_PIECE).read_until(b'\n', &mut piece)? > 0 {
        let unquoted = piece.iter().position(|byte| *byte != b'>').unwrap_or(piece.len());
        if begins_line && piece[unquoted..].starts_with(b"From ") {
            file.write_all(b">")?;
        }
        file.write_all(&piece)?;
        begins_line = piece.ends_with(b"\n");
        piece.clear();
    }
    if !begins_line {
        file.write_all(b"\n")?;
    }
    file.write_all(b"\n")
}

/// Of a longer line no more is held at a time.
const LINE_PIECE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_lines_are_quoted_and_nothing_else_changes() {
        let mut out = Vec::new();
        write_mboxrd(
            &mut out,
            Some("a@b.example"),
            Timestamp::EPOCH,
            &mut b"Subject: x\r\n\r\nFrom me\r\n>From you\r\nFromage".as_slice(),
        )
        .expect("written");
        let expected = "From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\r\n\r\n>From me\r\n>>From you\r\nFromage\n\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
