//! A signed-in IMAP session: what the engine needs, each wait with a deadline.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use domain::Timestamp;
use domain::account::ImapSettings;
use domain::folder::FlagChange;
use domain::folder::FolderChanges;
use domain::folder::FolderStatus;
use domain::folder::ModSeq;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::rules::sent_folder::ListedFolder;
use imap::Client;
use imap::Code;
use imap::Command;
use imap::Completion;
use imap::Event;
use imap::Fetch;
use imap::LiteralMode;
use imap::MailboxName;
use imap::Pipeline;
use imap::Qresync;
use imap::SequenceSet;
use imap::Status;
use imap::Untagged;
use jiff::civil::Date;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::body_pipeline::BodyPipeline;
use crate::dialer::Deadlines;
use crate::error::Kind;
use crate::error::WireError;
use crate::pace::Pace;

pub struct ImapTarget {
    pub settings: ImapSettings,
    pub username: String,
    pub password: SecretString,
    /// The password is an access token (OAuth 2.0).
    pub is_token: bool,
}

pub struct ImapSession {
    pub(crate) client: Client,
    pub(crate) deadlines: Deadlines,
    /// Spaces between them: thousands of sessions hold them all the while.
    pub(crate) capabilities: String,
    /// What has changed in a folder is told when it is opened (RFC 7162).
    pub(crate) has_qresync: bool,
    pub(crate) folders: Vec<ServerFolder>,
}

/// What we know of a folder, so that only what is new is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub uid_validity: UidValidity,
    pub mod_seq: ModSeq,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub status: FolderStatus,
    /// With QRESYNC only.
    pub changes: FolderChanges,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFolder {
    pub wire_name: MailboxName,
    pub listed: ListedFolder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// EXAMINE: nothing that is done changes a flag, `\Recent` included.
    ReadOnly,
    ReadWrite,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedSummary {
    pub uid: Uid,
    pub seen: bool,
    pub internal_date: Option<Timestamp>,
    /// The address fields, where they were asked for.
    pub header: Option<Bytes>,
    /// Gmail's, where they were asked for.
    pub labels: Option<Vec<String>>,
}

/// What a summary tells beside flags and dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummaryItems {
    pub addresses: bool,
    /// On a server with [`ImapSession::has_labels`].
    pub labels: bool,
}

/// Text of a UID set in one command: RFC 2683 §3.2.1.5 asks for lines of about 1,000 characters.
pub(crate) const SET_BYTES: usize = 900;
/// Of a message that is put into a folder.
const LEAST_BYTES_PER_S: u64 = 4 * 1024;
/// Answers of one command that are kept. A server that sends more gets no further: a part is never taken for all.
const MAX_RESPONSES: usize = 50_000;
/// Changes of flags of one folder that are kept, and ranges of what vanished from it; the same goes for them.
const MAX_CHANGES: usize = 5_000_000;
/// UIDs apart from each other: their text is within [`SET_BYTES`].
const MOVED_AT_ONCE: usize = 80;
/// Without CONDSTORE the flags of so many of the newest messages are read.
const FLAGS_LOOKED_AT: u32 = 500;
/// Not `1:*`, which misses an expunged highest UID on Cyrus (cyrus-imapd#6071).
const ALL_UIDS: &str = "1:4294967295";
const ADDRESS_FIELDS: &str = " BODY.PEEK[HEADER.FIELDS (FROM SENDER TO CC BCC)]";
/// developers.google.com/gmail/imap/imap-extensions
const LABELS: &str = " X-GM-LABELS";

impl ImapSession {
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.split(' ').any(|known| known == capability)
    }

    /// Gmail: folders are views of All Mail, and each message says in which it lies.
    pub fn has_labels(&self) -> bool {
        self.can("X-GM-EXT-1")
    }

    /// As they were when the session began; at most [`MAX_FOLDERS`].
    pub fn folders(&self) -> &[ServerFolder] {
        &self.folders
    }

    /// The one that a rule picks.
    pub fn find_folder(&self, rule: fn(&[ListedFolder]) -> Option<&ListedFolder>) -> Option<&ServerFolder> {
        let listed: Vec<_> = self.folders.iter().map(|folder| folder.listed.clone()).collect();
        let name = &rule(&listed)?.name;
        self.folders.iter().find(|folder| folder.listed.name == *name)
    }

    /// [`Kind::FolderMissing`] if the server refuses it. What vanishes later, while other commands run, is told again
    /// when the folder is opened next: the modification sequence to store is the one that is returned here.
    pub async fn open(
        &self,
        name: &MailboxName,
        mode: OpenMode,
        known: Option<Known>,
    ) -> Result<Opened, WireError> {
        const DOING: &str = "opening a folder";
        let mut command = Command::open(name, mode == OpenMode::ReadWrite);
        if let Some(known) = known.filter(|_| self.has_qresync) {
            command = command.with_qresync(&Qresync {
                uid_validity: known.uid_validity.0,
                mod_seq: known.mod_seq.0,
            });
        } else if self.can("CONDSTORE") {
            command = command.with_condstore();
        }
        let mut answers = Answers::default();
        let completion = self
            .gather(command, DOING, |response| answers.take_with_changes(response))
            .await?;
        let (told, changes) = answers.all(DOING)?;
        if completion.status != Status::Ok {
            let kind = if is_transient(&completion) {
                Kind::Unavailable
            } else {
                Kind::FolderMissing
            };
            return Err(WireError::new(kind, DOING).saying(&completion.text));
        }
        let status = folder_status(&told)
            .ok_or_else(|| WireError::new(Kind::Protocol("a folder without UIDVALIDITY".into()), DOING))?;
        Ok(Opened { status, changes })
    }

    /// Flags that are others since `since` where the server can tell without QRESYNC; else those of the newest
    /// messages. Nothing where [`Self::open`] has told them.
    pub async fn changed_flags(
        &self,
        since: Option<ModSeq>,
        status: &FolderStatus,
    ) -> Result<Vec<FlagChange>, WireError> {
        if self.has_qresync || status.exists == 0 {
            return Ok(Vec::new());
        }
        let command = match since {
            Some(since) => Command::uid_fetch(ALL_UIDS, "(UID FLAGS)").changed_since(since.0, false),
            // Its numbers do not tell that something has changed, and nothing has.
            None if status.mod_seq.is_some() => return Ok(Vec::new()),
            None => {
                let first = status.exists.saturating_sub(FLAGS_LOOKED_AT).max(1);
                Command::new("FETCH")
                    .raw(&format!("{first}:*"))
                    .raw("(UID FLAGS)")
            }
        };
        let mut answers = Answers::default();
        let completion = self
            .gather(command, "reading flags", |response| {
                answers.take_with_changes(response)
            })
            .await?;
        refuse_failure(&completion, "reading flags")?;
        let (_, changes) = answers.all("reading flags")?;
        Ok(changes.flags)
    }

    /// Those of these UIDs that are in the open folder.
    pub async fn still_there(&self, ranges: &[(Uid, Uid)]) -> Result<Vec<Uid>, WireError> {
        let ranges = ranges.iter().map(|(first, last)| (first.0, last.0));
        let mut found = Vec::new();
        for set in SequenceSet::from_ranges(ranges).to_commands(SET_BYTES) {
            found.extend(self.search_for(&format!("UID {set}")).await?);
        }
        Ok(found)
    }

    /// UIDs of messages with INTERNALDATE on or after `day`; all of them without a day. Unordered.
    pub async fn search(&self, since: Option<Date>) -> Result<Vec<Uid>, WireError> {
        let criteria = match since {
            Some(day) => format!("SINCE {}", day.strftime("%-d-%b-%Y")),
            None => "ALL".to_owned(),
        };
        self.search_for(&criteria).await
    }

    /// UIDs at or above `first`. `n:*` always names the last message, even below n (RFC 3501 §6.4.8).
    pub async fn search_from(&self, first: Uid) -> Result<Vec<Uid>, WireError> {
        let found = self.search_for(&format!("UID {}:*", first.0)).await?;
        Ok(found.into_iter().filter(|uid| *uid >= first).collect())
    }

    async fn search_for(&self, criteria: &str) -> Result<Vec<Uid>, WireError> {
        // Not ESEARCH: a range of a few bytes would have us hold millions of UIDs, which need not exist.
        let command = Command::new("UID SEARCH").raw(criteria);
        let (responses, _) = self.run_ok(command, "searching a folder").await?;
        let found = responses.into_iter().flat_map(|response| match response {
            Untagged::Search(uids) => uids,
            _ => Vec::new(),
        });
        Ok(found.filter(|uid| *uid > 0).map(Uid).collect())
    }

    /// Flags, dates and what else is asked for. A UID without an answer is gone.
    pub async fn fetch_summaries(
        &self,
        uids: &[Uid],
        items: SummaryItems,
    ) -> Result<Vec<FetchedSummary>, WireError> {
        let addresses = if items.addresses { ADDRESS_FIELDS } else { "" };
        let labels = if items.labels { LABELS } else { "" };
        let items = format!("(UID FLAGS INTERNALDATE{addresses}{labels})");
        let mut found: HashMap<u32, Fetch> = HashMap::new();
        for set in uid_set(uids).to_commands(SET_BYTES) {
            let command = Command::new("UID FETCH").raw(&set).raw(&items);
            let (responses, _) = self.run_ok(command, "reading headers").await?;
            for response in responses {
                if let Untagged::Fetch(fetch) = response
                    && let Some(uid) = fetch.uid
                {
                    merge(found.entry(uid).or_default(), *fetch);
                }
            }
        }
        let summaries = uids
            .iter()
            .filter_map(|uid| found.remove(&uid.0).map(|fetch| summary(*uid, fetch)));
        Ok(summaries.collect())
    }

    /// How many of these the server gives a size of, and their sum. A hint: servers are wrong about it.
    pub async fn sizes(&self, uids: &[Uid]) -> Result<(u64, u64), WireError> {
        let (mut counted, mut bytes) = (0, 0_u64);
        for set in uid_set(uids).to_commands(SET_BYTES) {
            let command = Command::new("UID FETCH").raw(&set).raw("(UID RFC822.SIZE)");
            let (responses, _) = self.run_ok(command, "reading sizes").await?;
            for response in responses {
                if let Untagged::Fetch(fetch) = response
                    && let Some(size) = fetch.size
                {
                    counted += 1;
                    bytes = bytes.saturating_add(size);
                }
            }
        }
        Ok((counted, bytes))
    }

    /// For whole messages, asked for without waiting for those asked for before.
    pub fn body_pipeline(&self) -> BodyPipeline<'_> {
        BodyPipeline::new(self)
    }

    pub async fn mark_seen(&self, uids: &[Uid]) -> Result<(), WireError> {
        self.store(uids, "+FLAGS.SILENT (\\Seen)").await
    }

    pub async fn mark_unseen(&self, uids: &[Uid]) -> Result<(), WireError> {
        self.store(uids, "-FLAGS.SILENT (\\Seen)").await
    }

    pub async fn mark_answered(&self, uids: &[Uid]) -> Result<(), WireError> {
        self.store(uids, "+FLAGS.SILENT (\\Answered)").await
    }

    async fn store(&self, uids: &[Uid], change: &str) -> Result<(), WireError> {
        for set in uid_set(uids).to_commands(SET_BYTES) {
            let command = Command::new("UID STORE").raw(&set).raw(change);
            self.run_ok(command, "changing flags").await?;
        }
        Ok(())
    }

    /// Out of the open folder into `to`. A server without MOVE and UIDPLUS keeps the old copies, marked as deleted:
    /// a plain EXPUNGE would take away what others have marked.
    pub async fn move_to(&self, uids: &[Uid], to: &MailboxName) -> Result<(), WireError> {
        const DOING: &str = "moving messages";
        for part in uids.chunks(MOVED_AT_ONCE) {
            let set = uid_set(part);
            if self.can("MOVE") {
                self.run_ok(Command::uid_move(&set, to), DOING).await?;
                continue;
            }
            self.run_ok(Command::uid_copy(&set, to), DOING).await?;
            let deleted = Command::new("UID STORE")
                .raw(&set.to_string())
                .raw("+FLAGS.SILENT (\\Deleted)");
            self.run_ok(deleted, DOING).await?;
            if self.can("UIDPLUS") {
                self.run_ok(Command::uid_expunge(&set), DOING).await?;
            }
        }
        Ok(())
    }

    /// Is a message with this Message-ID in the open folder?
    pub async fn holds_message_id(&self, id: &str) -> Result<bool, WireError> {
        let command = Command::new("UID SEARCH")
            .raw("HEADER")
            .string("Message-ID")
            .string(id);
        let (responses, _) = self.run_ok(command, "searching a folder").await?;
        Ok(responses
            .iter()
            .any(|response| matches!(response, Untagged::Search(uids) if !uids.is_empty())))
    }

    /// Puts a message into a folder of the server (RFC 3501 §6.3.11).
    /// `message`: its parts, one after the other. A slow line may take its time, while bytes move.
    pub async fn append(&self, to: &MailboxName, flags: &[&str], message: &[Bytes]) -> Result<(), WireError> {
        const DOING: &str = "putting a message into a folder";
        let size: usize = message.iter().map(Bytes::len).sum();
        let mode = LiteralMode::choose(self.can("LITERAL+") || self.can("LITERAL-"), size);
        let within = self.deadlines.command + Duration::from_secs(size as u64 / LEAST_BYTES_PER_S);
        let mut running = self.client.send(Command::append(to, flags, message, mode)).await;
        let mut pace = self.pace();
        let appended = async {
            while pace.wait(&self.client, running.next(), DOING).await?.is_some() {}
            Ok(())
        };
        timeout(within, appended)
            .await
            .map_err(|_| WireError::timeout(DOING))??;
        let completion = running
            .finish()
            .await
            .map_err(|error| WireError::from_imap(error, DOING))?;
        // RFC 3501 §7.1: it is gone, and could be made.
        if completion.status == Status::No && has_code(&completion, "TRYCREATE") {
            return Err(WireError::new(Kind::FolderMissing, DOING).saying(&completion.text));
        }
        refuse_failure(&completion, DOING)
    }

    /// The folder for sent mail, made where one's own folders lie, or under `name`. [`Kind::NoSentFolder`] with the
    /// server's words if it is refused.
    pub async fn make_sent_folder(&self, name: Option<&MailboxName>) -> Result<MailboxName, WireError> {
        const DOING: &str = "making a folder for sent mail";
        let names = match name {
            Some(name) => vec![name.clone()],
            None => self.names_for_sent().await?,
        };
        let mut refusal = WireError::new(Kind::NoSentFolder, DOING);
        for name in names {
            let completion = self.create(&name, DOING).await?;
            if completion.status == Status::Ok || has_code(&completion, "ALREADYEXISTS") {
                // Best effort: it is there, subscribed to or not.
                self.run(Command::subscribe(&name), DOING).await?;
                return Ok(name);
            }
            refusal = refusal.saying(&completion.text);
        }
        Err(refusal)
    }

    /// With its mark; without, where the server refuses that (RFC 6154 §3: USEATTR).
    async fn create(&self, name: &MailboxName, doing: &'static str) -> Result<Completion, WireError> {
        if self.can("CREATE-SPECIAL-USE") {
            let (_, completion) = self.run(Command::create(name, Some("\\Sent")), doing).await?;
            if completion.status == Status::Ok {
                return Ok(completion);
            }
        }
        let (_, completion) = self.run(Command::create(name, None), doing).await?;
        Ok(completion)
    }

    /// As the server says (RFC 2342), else as its other folders lie, else both ways.
    async fn names_for_sent(&self) -> Result<Vec<MailboxName>, WireError> {
        const SENT: &[u8] = b"Sent";
        let mut prefixes = Vec::new();
        if self.can("NAMESPACE") {
            let (told, _) = self
                .run(Command::new("NAMESPACE"), "asking where folders lie")
                .await?;
            prefixes.extend(told.into_iter().find_map(|response| match response {
                Untagged::Namespace { prefix, .. } => Some(prefix.wire().to_vec()),
                _ => None,
            }));
        }
        if prefixes.is_empty() {
            let delimiter = self.folders.iter().find_map(|folder| folder.listed.delimiter);
            let below = delimiter.map(|delimiter| format!("INBOX{delimiter}"));
            let is_below = |name: &str| {
                below
                    .as_ref()
                    .is_some_and(|below| name.starts_with(below.as_str()))
            };
            let mut others = self.folders.iter().map(|folder| folder.listed.name.as_str());
            let is_home = others.clone().any(is_below)
                && others.all(|name| is_below(name) || name.eq_ignore_ascii_case("INBOX"));
            prefixes.push(Vec::new());
            prefixes.extend(below.map(String::into_bytes));
            if is_home {
                prefixes.reverse();
            }
        }
        let names = prefixes
            .into_iter()
            .map(|prefix| [prefix.as_slice(), SENT].concat());
        Ok(names.map(|name| MailboxName::from_wire(&name)).collect())
    }

    pub async fn log_out(self) {
        // Best effort: the server closes the connection either way.
        let logged_out = async { self.client.send(Command::new("LOGOUT")).await.finish().await };
        let _ = timeout(Duration::from_secs(2), logged_out).await;
    }

    pub(crate) async fn run(
        &self,
        command: Command,
        doing: &'static str,
    ) -> Result<(Vec<Untagged>, Completion), WireError> {
        let mut answers = Answers::default();
        let completion = self
            .gather(command, doing, |response| answers.take(response))
            .await?;
        let (responses, _) = answers.all(doing)?;
        Ok((responses, completion))
    }

    /// Gives each answer to `take` as it comes.
    async fn gather(
        &self,
        command: Command,
        doing: &'static str,
        mut take: impl FnMut(Untagged),
    ) -> Result<Completion, WireError> {
        let mut running = self.client.send(command).await;
        let mut pace = self.pace();
        let gather = async {
            while let Some(response) = pace.wait(&self.client, running.next(), doing).await? {
                take(response);
            }
            Ok(())
        };
        timeout(self.deadlines.command, gather)
            .await
            .map_err(|_| WireError::timeout(doing))??;
        running
            .finish()
            .await
            .map_err(|error| WireError::from_imap(error, doing))
    }

    pub(crate) fn pace(&self) -> Pace {
        Pace::new(&self.client, self.deadlines.response)
    }

    /// Sends all of them at once. `take` is given every answer; the completions come back in the order of the commands.
    pub(crate) async fn run_together(
        &self,
        commands: Vec<Command>,
        doing: &'static str,
        mut take: impl FnMut(Untagged),
    ) -> Result<Vec<Completion>, WireError> {
        let mut pipeline = Pipeline::default();
        let mut sent = Vec::new();
        for command in commands {
            let id = self.client.send_into(&pipeline, command).await;
            sent.push(id.map_err(|error| WireError::from_imap(error, doing))?);
        }
        let mut completions: Vec<Option<Completion>> = vec![None; sent.len()];
        let mut pace = self.pace();
        while completions.contains(&None) {
            match pace.wait(&self.client, pipeline.next(), doing).await? {
                Some(Event::Response(response)) => take(response),
                Some(Event::Finished(id, result)) => {
                    let completion = result.map_err(|error| WireError::from_imap(error, doing))?;
                    if let Some(at) = sent.iter().position(|waiting| *waiting == id) {
                        completions[at] = Some(completion);
                    }
                }
                None => return Err(WireError::new(Kind::Unavailable, doing)),
            }
        }
        Ok(completions.into_iter().flatten().collect())
    }

    pub(crate) async fn run_ok(
        &self,
        command: Command,
        doing: &'static str,
    ) -> Result<(Vec<Untagged>, Completion), WireError> {
        let (responses, completion) = self.run(command, doing).await?;
        refuse_failure(&completion, doing)?;
        Ok((responses, completion))
    }
}

/// What a server answers to one command, whole or not at all.
#[derive(Default)]
struct Answers {
    told: Vec<Untagged>,
    changes: FolderChanges,
    is_cut: bool,
}

impl Answers {
    fn take(&mut self, response: Untagged) {
        if tells_something(&response) {
            let Answers { told, is_cut, .. } = self;
            push_within(told, MAX_RESPONSES, response, is_cut);
        }
    }

    /// With what has changed in the folder kept apart.
    fn take_with_changes(&mut self, response: Untagged) {
        let Answers { changes, is_cut, .. } = self;
        match response {
            Untagged::Vanished { uids, .. } => {
                for (first, last) in uids.ranges() {
                    let range = (Uid(*first), Uid(*last));
                    push_within(&mut changes.vanished, MAX_CHANGES, range, is_cut);
                }
            }
            Untagged::Fetch(fetch) => {
                if let (Some(uid), Some(flags)) = (fetch.uid, &fetch.flags) {
                    let (uid, seen) = (Uid(uid), is_seen(flags));
                    push_within(&mut changes.flags, MAX_CHANGES, FlagChange { uid, seen }, is_cut);
                }
            }
            other => self.take(other),
        }
    }

    fn all(self, doing: &'static str) -> Result<(Vec<Untagged>, FolderChanges), WireError> {
        if self.is_cut {
            let what = format!("more than {MAX_RESPONSES} answers to one command");
            return Err(WireError::new(Kind::Protocol(what), doing));
        }
        Ok((self.told, self.changes))
    }
}

fn push_within<T>(kept: &mut Vec<T>, most: usize, one: T, is_cut: &mut bool) {
    match kept.len() < most {
        true => kept.push(one),
        false => *is_cut = true,
    }
}

/// Lines that carry only text are not kept: some servers send them by the million.
fn tells_something(response: &Untagged) -> bool {
    !matches!(
        response,
        Untagged::Unknown(_) | Untagged::Piece { .. } | Untagged::Status(Completion { code: None, .. })
    )
}

fn is_seen(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Seen"))
}

fn has_code(completion: &Completion, wanted: &str) -> bool {
    matches!(&completion.code, Some(Code::Other(name, _)) if name == wanted)
}

/// RFC 5530: these pass by themselves.
pub(crate) fn is_transient(completion: &Completion) -> bool {
    matches!(&completion.code, Some(Code::Other(name, _))
        if matches!(name.as_str(), "UNAVAILABLE" | "INUSE" | "LIMIT" | "SERVERBUG" | "CONTACTADMIN"))
}

pub(crate) fn refuse_failure(completion: &Completion, doing: &'static str) -> Result<(), WireError> {
    match completion.status {
        Status::Ok => Ok(()),
        Status::Bad => {
            let what = "it did not understand a command".to_owned();
            Err(WireError::new(Kind::Protocol(what), doing).saying(&completion.text))
        }
        _ => Err(WireError::new(Kind::Refused, doing).saying(&completion.text)),
    }
}

pub(crate) fn uid_set(uids: &[Uid]) -> SequenceSet {
    SequenceSet::from_uids(uids.iter().map(|uid| uid.0))
}

pub(crate) fn merge(whole: &mut Fetch, part: Fetch) {
    whole.flags = part.flags.or(whole.flags.take());
    whole.internal_date = part.internal_date.or(whole.internal_date);
    whole.header = part.header.or(whole.header.take());
    whole.gmail_labels = part.gmail_labels.or(whole.gmail_labels.take());
    whole.body = part.body.or(whole.body.take());
}

pub(crate) fn summary(uid: Uid, fetch: Fetch) -> FetchedSummary {
    let flags = fetch.flags.unwrap_or_default();
    FetchedSummary {
        uid,
        seen: is_seen(&flags),
        internal_date: fetch.internal_date.map(Timestamp::from_seconds),
        header: fetch.header,
        labels: fetch
            .gmail_labels
            .map(|labels| labels.iter().map(MailboxName::to_text).collect()),
    }
}

/// `None` without UIDVALIDITY (or with 0): such numbers must not be stored (EmailEngine `mailbox.js`).
fn folder_status(responses: &[Untagged]) -> Option<FolderStatus> {
    let mut uid_validity = None;
    let mut status = FolderStatus {
        uid_validity: UidValidity(0),
        next_uid: None,
        mod_seq: None,
        exists: 0,
    };
    for response in responses {
        match response {
            Untagged::Exists(count) => status.exists = *count,
            Untagged::Status(Completion { code: Some(code), .. }) => match code {
                Code::UidValidity(value) if *value > 0 => uid_validity = Some(UidValidity(*value)),
                Code::UidNext(next) if *next > 0 => status.next_uid = Some(Uid(*next)),
                Code::HighestModSeq(mod_seq) if *mod_seq > 0 => status.mod_seq = Some(ModSeq(*mod_seq)),
                _ => {}
            },
            _ => {}
        }
    }
    uid_validity.map(|uid_validity| FolderStatus {
        uid_validity,
        ..status
    })
}
