//! Mail taken out as it came: one file a message, or one mbox. For the command line.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use domain::MailAccountId;
use domain::Timestamp;
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

const STEP: u32 = 200;

impl Services {
    /// Writes every message of the account that is not deleted, oldest first; how many there were. A line
    /// on the owner's Status says that it was done.
    pub async fn export_account(
        &self,
        account: MailAccountId,
        format: ExportFormat,
        to: &Path,
    ) -> Result<u64, ExportError> {
        self.get_account_for_engine(account).await?;
        self.record_without_viewer(account, "exported", "").await?;
        let mut sink = Sink::open(format, to)?;
        let (mut after, mut count) = (i64::MIN, 0);
        loop {
            let mut conn = self.db.read().await.map_err(ServiceError::from)?;
            let page = messages::list_for_export(&mut conn, account, after, STEP).await;
            drop(conn);
            let page = page.map_err(ServiceError::from)?;
            let Some(last) = page.last() else { break };
            after = last.arrival_key;
            for message in &page {
                let raw = self.blobs.read(&message.raw).await.map_err(ServiceError::from)?;
                sink.write(message, &raw)?;
                count += 1;
            }
        }
        sink.finish()?;
        Ok(count)
    }
}

enum Sink<'a> {
    Folder(&'a Path),
    Mbox(&'a Path, std::io::BufWriter<std::fs::File>),
}

impl<'a> Sink<'a> {
    fn open(format: ExportFormat, to: &'a Path) -> Result<Self, ExportError> {
        let wrap = |cause| file_error(to, cause);
        Ok(match format {
            ExportFormat::Eml => {
                std::fs::create_dir_all(to).map_err(wrap)?;
                Sink::Folder(to)
            }
            ExportFormat::Mbox => Sink::Mbox(
                to,
                std::io::BufWriter::new(std::fs::File::create(to).map_err(wrap)?),
            ),
        })
    }

    fn write(&mut self, message: &Exported, raw: &Bytes) -> Result<(), ExportError> {
        match self {
            Sink::Folder(folder) => {
                let name = match &message.other_form {
                    None => format!("{}.eml", message.id),
                    Some(hash) => format!("{}.{:02x}{:02x}.eml", message.id, hash[0], hash[1]),
                };
                let path = folder.join(name);
                std::fs::write(&path, raw).map_err(|cause| file_error(&path, cause))
            }
            Sink::Mbox(path, file) => {
                let (author, at) = (message.author_address.as_deref(), message.arrived_at);
                write_mboxrd(file, author, at, raw).map_err(|cause| file_error(path, cause))
            }
        }
    }

    fn finish(self) -> Result<(), ExportError> {
        match self {
            Sink::Folder(_) => Ok(()),
            Sink::Mbox(path, mut file) => file.flush().map_err(|cause| file_error(path, cause)),
        }
    }
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
    raw: &[u8],
) -> std::io::Result<()> {
    let sender = author.unwrap_or("MAILER-DAEMON");
    let at = jiff::Timestamp::from_millisecond(arrived_at.millis()).unwrap_or_default();
    let date = at
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%a %b %e %H:%M:%S %Y");
    writeln!(file, "From {sender} {date}")?;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let unquoted = line.iter().position(|byte| *byte != b'>').unwrap_or(line.len());
        if line[unquoted..].starts_with(b"From ") {
            file.write_all(b">")?;
        }
        file.write_all(line)?;
    }
    if !raw.ends_with(b"\n") {
        file.write_all(b"\n")?;
    }
    file.write_all(b"\n")
}

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
            b"Subject: x\r\n\r\nFrom me\r\n>From you\r\nFromage",
        )
        .expect("written");
        let expected = "From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\r\n\r\n>From me\r\n>>From you\r\nFromage\n\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}
