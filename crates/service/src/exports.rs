//! Mail taken out by the page: in the background, into a file without a name that one download uses up.
//!
//! Needs Reply: See does not include taking mail away. It is looked at again when the file is fetched.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use domain::AdministratorId;
use domain::Before;
use domain::MailAccountId;
use domain::PartyId;
use domain::Right;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::Direction;
use store::RawReader;
use tracing::warn;
use uuid::Uuid;
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::conversations::ConversationQuery;
use crate::export::UNREAD_FILE;
use crate::export::Written;
use crate::export::append_mboxrd;
use crate::export::write_mboxrd;
use crate::inbox::Filter;
use crate::inbox::InboxQuery;
use crate::inbox::ListedMessage;
use crate::inbox::Message;
use crate::inbox::Position;
use crate::inbox::Show;

/// A file that nobody fetches is gone after this.
const KEPT: Duration = Duration::from_secs(3600);
const STEP: u32 = 100;

/// What is taken out.
#[derive(Clone, Debug)]
pub enum ExportScope {
    /// What a list shows.
    Inbox(Box<InboxQuery>),
    /// Mail with a customer or lead.
    Conversation(PartyId),
    /// All mail of the viewer's own account.
    Account(MailAccountId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// A line a message. No cell is a formula.
    Csv,
    /// A zip of files, each a message byte for byte.
    Eml,
    /// mboxrd
    Mbox,
    /// One page to print: headers and text.
    Html,
}

impl FileFormat {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "csv" => FileFormat::Csv,
            "eml" => FileFormat::Eml,
            "mbox" => FileFormat::Mbox,
            "html" => FileFormat::Html,
            _ => return None,
        })
    }

    const fn file_name(self) -> &'static str {
        match self {
            FileFormat::Csv => "messages.csv",
            FileFormat::Eml => "messages.zip",
            FileFormat::Mbox => "messages.mbox",
            FileFormat::Html => "messages.html",
        }
    }
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Running {
        done: u64,
    },
    Ready {
        messages: u64,
        /// Of these, those that could not be read. The file names them.
        unread: u64,
    },
    Failed,
}

/// The one download.
pub struct ExportedFile {
    pub name: &'static str,
    pub file: File,
    pub size: u64,
}

/// Exports of this process; they do not outlive it.
#[derive(Clone, Default)]
pub(crate) struct ExportBoard(Arc<Mutex<HashMap<Uuid, Export>>>);

struct Export {
    owner: AdministratorId,
    began: Timestamp,
    format: FileFormat,
    /// Whose mail is in it.
    accounts: Vec<MailAccountId>,
    progress: Progress,
    file: Option<File>,
}

impl ExportBoard {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Export>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files that nobody has fetched.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        self.lock().retain(|_, export| now.since(export.began) < KEPT);
    }

    fn set(&self, id: Uuid, progress: Progress) {
        if let Some(export) = self.lock().get_mut(&id) {
            export.progress = progress;
        }
    }
}

impl Services {
    /// One at a time for each administrator: it takes the place of an earlier one that was not fetched.
    pub async fn start_export(
        &self,
        viewer: Viewer,
        scope: ExportScope,
        format: FileFormat,
    ) -> Result<Uuid, ServiceError> {
        match &scope {
            ExportScope::Inbox(_) => {}
            ExportScope::Conversation(party) => {
                self.get_party(viewer, *party).await?;
            }
            ExportScope::Account(account) => {
                self.get_own_account(viewer, *account).await?;
            }
        }
        let (id, now) = (self.ids.uuid(), self.now());
        {
            self.exports.forget_old(now);
            let mut exports = self.exports.lock();
            let mut own = exports
                .values()
                .filter(|export| export.owner == viewer.administrator);
            if own.any(|export| matches!(export.progress, Progress::Running { .. })) {
                return Err(ServiceError::field(
                    "format",
                    "Another export is running. Wait for it.",
                ));
            }
            exports.retain(|_, export| export.owner != viewer.administrator);
            let export = Export {
                owner: viewer.administrator,
                began: now,
                format,
                accounts: Vec::new(),
                progress: Progress::Running { done: 0 },
                file: None,
            };
            exports.insert(id, export);
        }
        let services = self.clone();
        let export = tokio::spawn(async move { services.run_export(viewer, id, scope, format).await });
        let board = self.exports.clone();
        tokio::spawn(async move {
            // However it ended: one that is thought to be running would be waited for.
            if let Err(error) = export.await.map_err(ServiceError::from).flatten() {
                warn!(%error, "An export failed");
                board.set(id, Progress::Failed);
            }
        });
        Ok(id)
    }

    pub fn export_progress(&self, viewer: Viewer, id: Uuid) -> Result<Progress, ServiceError> {
        let exports = self.exports.lock();
        let export = exports
            .get(&id)
            .filter(|export| export.owner == viewer.administrator);
        export.map(|export| export.progress).ok_or(ServiceError::NotFound)
    }

    /// Once: after it there is no such file. Not if the viewer may not take out all of it any more.
    pub async fn take_export(&self, viewer: Viewer, id: Uuid) -> Result<ExportedFile, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut exports = self.exports.lock();
        let export = exports
            .get_mut(&id)
            .filter(|export| export.owner == viewer.administrator && export.file.is_some())
            .ok_or(ServiceError::NotFound)?;
        let format = export.format;
        let may = export
            .accounts
            .iter()
            .all(|account| access.allows(*account, Right::Reply));
        let file = export.file.take();
        exports.remove(&id);
        drop(exports);
        let mut file = file.filter(|_| may).ok_or(ServiceError::NotFound)?;
        let size = file.seek(SeekFrom::End(0)).map_err(unwritable)?;
        file.rewind().map_err(unwritable)?;
        Ok(ExportedFile {
            name: format.file_name(),
            file,
            size,
        })
    }

    async fn run_export(
        &self,
        viewer: Viewer,
        id: Uuid,
        scope: ExportScope,
        format: FileFormat,
    ) -> Result<(), ServiceError> {
        let mut pages = Pages::of(self, viewer, scope).await?;
        let mut sheet = self
            .parsing
            .in_bulk(move || Sheet::new(format))
            .await?
            .map_err(unwritable)?;
        let (mut done, mut accounts, mut unread) = (0, Vec::new(), Vec::new());
        while let Some(page) = pages.next(self, viewer).await? {
            for listed in page {
                if !accounts.contains(&listed.message.account) {
                    accounts.push(listed.message.account);
                }
                let content = self.content_of(&listed.message, format).await?;
                let written = self.parsing.in_bulk(move || {
                    let written = sheet.write(&listed, content)?;
                    Ok((sheet, listed, written))
                });
                let (next, listed, written) = written.await?.map_err(unwritable)?;
                sheet = next;
                if let Written::Unread(reason) = written {
                    unread.push(Unread::of(&listed.message, reason));
                }
                done += 1;
            }
            self.exports.set(id, Progress::Running { done });
        }
        let count = unread.len() as u64;
        let file = self
            .parsing
            .in_bulk(move || sheet.finish(&unread))
            .await?
            .map_err(unwritable)?;
        let mut tx = self.db.begin_write().await?;
        for account in &accounts {
            self.record(&mut tx, viewer, Some(*account), "exported", "")
                .await?;
        }
        tx.commit().await?;
        if let Some(export) = self.exports.lock().get_mut(&id) {
            export.accounts = accounts;
            export.file = Some(file);
            export.progress = Progress::Ready {
                messages: done,
                unread: count,
            };
        }
        Ok(())
    }

    /// When its turn comes: no more than one message is held, and of files a piece.
    async fn content_of(&self, message: &Message, format: FileFormat) -> Result<Content, ServiceError> {
        let content = match format {
            FileFormat::Csv => Ok(Content::Listed),
            FileFormat::Eml | FileFormat::Mbox => self.raw_reader(message).await.map(Content::Raw),
            FileFormat::Html => self.text_of(message).await.map(Content::Text),
        };
        content.or_else(|error| match error.reason_of_message() {
            Some(reason) => Ok(Content::Unread(reason.to_owned())),
            None => Err(error),
        })
    }

    async fn raw_reader(&self, message: &Message) -> Result<RawReader, ServiceError> {
        let range = self.raw_range(message).await?;
        Ok(self.blobs.reader(&range).await?)
    }

    async fn text_of(&self, message: &Message) -> Result<String, ServiceError> {
        let raw = self.blobs.read(&self.raw_range(message).await?).await?;
        let opened = self.parsing.in_bulk(move || mime::open_message(&raw)).await?;
        Ok(opened.map(|opened| opened.text).unwrap_or_default())
    }
}

/// What goes into the file beside what the list says.
enum Content {
    Listed,
    Raw(RawReader),
    Text(String),
    /// Why it cannot be had.
    Unread(String),
}

/// A message that is not in the file, as a line of it.
struct Unread(String);

impl Unread {
    fn of(message: &Message, reason: String) -> Self {
        let (at, author) = (message.arrived_at.to_rfc3339(), &message.author_name);
        Unread(format!(
            "{at}, {author}, {}: {reason} ({})\n",
            message.subject, message.id
        ))
    }
}

fn unwritable(cause: std::io::Error) -> ServiceError {
    ServiceError::Unwritable(cause)
}

/// Messages of a scope, page by page; only of accounts that the viewer may take from.
enum Pages {
    List {
        query: Box<InboxQuery>,
        account: Option<MailAccountId>,
        is_over: bool,
    },
    Threads {
        party: PartyId,
        left: Vec<ThreadId>,
        /// Of the last of them; the older part of a long thread comes after the newer one.
        before: i64,
    },
}

impl Pages {
    async fn of(services: &Services, viewer: Viewer, scope: ExportScope) -> Result<Self, ServiceError> {
        Ok(match scope {
            ExportScope::Inbox(query) => Pages::list(*query, None),
            ExportScope::Account(account) => {
                let query = InboxQuery {
                    show: Show::My,
                    text: String::new(),
                    known: None,
                    filter: Filter::default(),
                    position: Position::NEWEST,
                    limit: STEP,
                };
                Pages::list(query, Some(account))
            }
            ExportScope::Conversation(party) => Pages::Threads {
                party,
                left: threads_of(services, viewer, party).await?,
                before: i64::MAX,
            },
        })
    }

    fn list(query: InboxQuery, account: Option<MailAccountId>) -> Self {
        let query = InboxQuery {
            position: Position::NEWEST,
            limit: STEP,
            ..query
        };
        Pages::List {
            query: Box::new(query),
            account,
            is_over: false,
        }
    }

    async fn next(
        &mut self,
        services: &Services,
        viewer: Viewer,
    ) -> Result<Option<Vec<ListedMessage>>, ServiceError> {
        let mut page = match self {
            Pages::List { is_over: true, .. } => return Ok(None),
            Pages::List {
                query,
                account,
                is_over,
            } => {
                let found = services.list_inbox(viewer, query).await?;
                match found.older {
                    Some(key) => query.position = Position::Before(key),
                    None => *is_over = true,
                }
                let mut page = found.messages;
                page.retain(|listed| account.is_none_or(|account| listed.message.account == account));
                page
            }
            Pages::Threads { party, left, before } => {
                let Some(thread) = left.last().copied() else {
                    return Ok(None);
                };
                let found = services.get_thread(viewer, thread, Some(*party), *before).await?;
                *before = found.older.unwrap_or(i64::MAX);
                if found.older.is_none() {
                    left.pop();
                }
                let with_party = found.messages.into_iter().filter(|one| one.with_party);
                with_party.map(|one| one.listed).collect()
            }
        };
        page.retain(|listed| listed.right >= Right::Reply);
        Ok(Some(page))
    }
}

/// Oldest last, so that they are taken from the end in their order.
async fn threads_of(
    services: &Services,
    viewer: Viewer,
    party: PartyId,
) -> Result<Vec<ThreadId>, ServiceError> {
    let mut query = ConversationQuery {
        show: Show::All,
        kind: None,
        text: String::new(),
        before: Before::NEWEST,
        limit: STEP,
    };
    let mut threads: Vec<ThreadId> = Vec::new();
    loop {
        let lines = services.list_conversation(viewer, party, &query).await?;
        for line in lines.iter() {
            threads.push(line.thread);
            threads.extend(line.also_in.iter().map(|(thread, _)| *thread));
        }
        match lines.older {
            Some(older) => query.before = older,
            None => return Ok(threads),
        }
    }
}

/// A file that is being written.
enum Sheet {
    Csv(Box<csv::Writer<File>>),
    Zip(Box<ZipWriter<File>>),
    Mbox(BufWriter<File>),
    Html(BufWriter<File>),
}

const CSV_HEAD: [&str; 10] = [
    "Date",
    "Direction",
    "Author",
    "Author's address",
    "To",
    "Subject",
    "Beginning",
    "Attachments",
    "Bytes",
    "Account of",
];
const HTML_HEAD: &str = "<!doctype html><meta charset=\"utf-8\"><title>Messages</title><style>body{font:14px/1.5 sans-serif;max-width:48rem;margin:2rem auto}article{break-inside:avoid-page;border-bottom:1px solid #bbb;padding:1rem 0}h2{font-size:1.1rem;margin:0}p{margin:.2rem 0;color:#555}pre{white-space:pre-wrap;font:inherit}</style>\n";

impl Sheet {
    /// The file has no name: whatever happens, nothing of it stays.
    fn new(format: FileFormat) -> std::io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        Ok(match format {
            FileFormat::Csv => {
                // So that spreadsheets read it as UTF-8.
                file.write_all("\u{feff}".as_bytes())?;
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(CSV_HEAD)?;
                Sheet::Csv(Box::new(writer))
            }
            FileFormat::Eml => Sheet::Zip(Box::new(ZipWriter::new(file))),
            FileFormat::Mbox => Sheet::Mbox(BufWriter::new(file)),
            FileFormat::Html => {
                file.write_all(HTML_HEAD.as_bytes())?;
                Sheet::Html(BufWriter::new(file))
            }
        })
    }

    fn write(&mut self, listed: &ListedMessage, content: Content) -> std::io::Result<Written> {
        let message = &listed.message;
        match (self, content) {
            (Sheet::Csv(writer), _) => {
                let cells = [
                    message.arrived_at.to_rfc3339(),
                    match message.direction {
                        Direction::Incoming => "incoming".into(),
                        Direction::Outgoing => "outgoing".into(),
                    },
                    message.author_name.clone(),
                    message.author_address.clone().unwrap_or_default(),
                    message.recipients.clone(),
                    message.subject.clone(),
                    message.snippet.clone(),
                    if message.has_attachments {
                        "yes".into()
                    } else {
                        String::new()
                    },
                    message.size_bytes.to_string(),
                    listed.owner_name.clone(),
                ];
                writer.write_record(cells.iter().map(|cell| as_text(cell)))?;
                Ok(Written::Whole)
            }
            (Sheet::Zip(zip), Content::Raw(mut raw)) => {
                zip.start_file(format!("{}.eml", message.id), plain_file())?;
                let copied = std::io::copy(&mut raw, zip).map(|_| ());
                Written::or_undone(copied, || Ok(zip.abort_file()?))
            }
            (Sheet::Mbox(file), Content::Raw(raw)) => {
                append_mboxrd(file, message.author_address.as_deref(), message.arrived_at, raw)
            }
            (Sheet::Html(file), Content::Text(text)) => {
                let [subject, author, recipients, text] =
                    [&message.subject, &message.author_name, &message.recipients, &text]
                        .map(|text| mime::escape(text));
                let address = mime::escape(message.author_address.as_deref().unwrap_or_default());
                writeln!(
                    file,
                    "<article><h2>{subject}</h2><p>{author} &lt;{address}&gt;</p><p>{recipients}</p><p>{}</p><pre>{text}</pre></article>",
                    message.arrived_at.to_rfc3339()
                )?;
                Ok(Written::Whole)
            }
            (_, Content::Unread(reason)) => Ok(Written::Unread(reason)),
            (_, Content::Listed | Content::Raw(_) | Content::Text(_)) => {
                Err(std::io::Error::other("content of another format"))
            }
        }
    }

    /// Ends with what is not in it.
    fn finish(mut self, unread: &[Unread]) -> std::io::Result<File> {
        if !unread.is_empty() {
            let lines: String = unread.iter().map(|Unread(line)| line.as_str()).collect();
            self.write_unread(&lines)?;
        }
        match self {
            Sheet::Csv(writer) => writer.into_inner().map_err(|error| error.into_error()),
            Sheet::Zip(zip) => Ok(zip.finish()?),
            Sheet::Mbox(file) | Sheet::Html(file) => file.into_inner().map_err(|error| error.into_error()),
        }
    }

    fn write_unread(&mut self, lines: &str) -> std::io::Result<()> {
        match self {
            // Nothing is read for it.
            Sheet::Csv(_) => Ok(()),
            Sheet::Zip(zip) => {
                zip.start_file(UNREAD_FILE, plain_file())?;
                zip.write_all(lines.as_bytes())
            }
            Sheet::Mbox(file) => {
                let head = "Subject: Messages that could not be read\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
                let message = format!("{head}{lines}");
                write_mboxrd(file, None, Timestamp::EPOCH, &mut message.as_bytes())
            }
            Sheet::Html(file) => {
                let lines = mime::escape(lines);
                writeln!(
                    file,
                    "<article><h2>Messages that could not be read</h2><pre>{lines}</pre></article>"
                )
            }
        }
    }
}

/// As they are: most of a mail is compressed or short.
fn plain_file() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// What a spreadsheet would take for a formula, by its first letter that can be seen, begins with an apostrophe
/// (OWASP, CSV Injection). What begins with an apostrophe gets another, so that the first can be taken off again.
fn as_text(cell: &str) -> String {
    let is_blank = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '"')
    };
    let first = cell.chars().find(|c| !is_blank(*c));
    let begins_formula = |c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    match cell.starts_with('\'') || first.is_some_and(begins_formula) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_each_can_be_read_back() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            (" \t=1", "' \t=1"),
            ("\r\n=1", "'\r\n=1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("\"=1", "'\"=1"),
            ("＝1+1", "'＝1+1"),
            ("'=1", "''=1"),
            ("'tis", "''tis"),
            ("Re: a=b", "Re: a=b"),
            ("", ""),
        ] {
            assert_eq!(as_text(cell), written);
            assert_eq!(as_text(cell).strip_prefix('\'').unwrap_or(cell), cell);
        }
    }
}
