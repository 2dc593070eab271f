//! A small honest IMAP server with one fault in it: at given commands it says what a test tells it to.
//!
//! INBOX holds three messages (UIDs 1 to 3), Sent what is put into it. Everything that is asked for is written down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What is said out of turn.
#[derive(Clone, Debug)]
pub enum Say {
    Bytes(Vec<u8>),
    /// The same text again and again; `{i}` is the number of the repetition.
    Repeat(String, u64),
    /// One byte after the other, with this pause between.
    Drip(Vec<u8>, Duration),
    /// The OK to COMPRESS, then this many bytes of answers in a stream that deflates them.
    Deflated(u64),
    /// Nothing more, with the connection open.
    Stall,
    /// Nothing more, and the connection is closed.
    Close,
}

/// Ways of answering that are legal or common, and that clients trip over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    #[default]
    Plain,
    /// Flags in one FETCH response, the body in another.
    Apart,
    /// Every FETCH response two times.
    Twice,
    /// The highest UID first.
    Backwards,
    /// The body before the UID.
    BodyFirst,
    /// News of other sessions in the midst of every answer.
    Chatty,
    /// RFC822.SIZE that is far too small.
    WrongSize,
    /// Not a word about this UID.
    Silent(u32),
    /// Not a word about this UID when only flags and headers are asked for.
    Untold(u32),
    /// NIL in place of this UID's body.
    Nil(u32),
    /// A literal of this UID whose header is none, each time.
    Damaged(u32),
    /// The end of the connection in place of this UID's body, each time.
    HangsUp(u32),
    /// No UIDNEXT when a folder is opened.
    NoUidNext,
    /// UIDNEXT 0.
    ZeroUidNext,
    /// LF alone ends lines.
    BareLf,
    /// Words in lower case.
    LowerCase,
    /// Every UID is said to have vanished, and none has.
    AllVanished,
    /// QRESYNC is announced, and ENABLE is answered without saying so.
    NotEnabled,
    /// QRESYNC, and HIGHESTMODSEQ 0.
    ZeroModSeq,
    /// UIDVALIDITY 0.
    ZeroUidValidity,
    /// UIDNEXT 2, though there are more.
    LowUidNext,
    /// News before IDLE has begun.
    EarlyNews,
    /// INBOX is all there is, and no folder can be made.
    InboxAlone,
    /// BAD to who signs in, in words that Exchange uses when it is busy.
    BusyLogin,
}

#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// In place of the greeting, if not empty.
    pub greeting: Vec<Say>,
    /// At the first command with this word, before its proper answer: `FETCH`. One after the other where a word has
    /// several.
    pub reactions: Vec<(String, Vec<Say>)>,
    /// `NO` to a UID FETCH of bodies, and to a UID STORE, that names this one.
    pub refuse_uid: Option<u32>,
    pub style: Style,
}

pub struct ImapServer {
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    fault: Mutex<Fault>,
    commands: Mutex<Vec<String>>,
    /// What lies in Sent.
    appended: Mutex<Vec<Vec<u8>>>,
    /// The next APPEND goes so far, and not on.
    pause_append_after: Mutex<Option<usize>>,
    paused: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The messages of INBOX.
pub fn message(uid: u32) -> String {
    format!(
        "From: Kelly <kelly@out.example>\r\nTo: owner@isp.example\r\nSubject: Letter {uid}\r\nMessage-ID: <{uid}@out.example>\r\n\r\nThis is letter {uid}.\r\n"
    )
}

pub const UIDS: [u32; 3] = [1, 2, 3];
const CAPABILITIES: &str = "IMAP4rev1 IDLE UIDPLUS AUTH=PLAIN COMPRESS=DEFLATE";

impl ImapServer {
    pub async fn start(fault: Fault) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            fault: Mutex::new(fault),
            commands: Mutex::default(),
            appended: Mutex::default(),
            pause_append_after: Mutex::default(),
            paused: Notify::new(),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Session::new(stream, shared.clone()).run());
            }
        });
        Ok(ImapServer { address, state, task })
    }

    /// From the next connection on there is no fault.
    pub fn heal(&self) {
        self.behave(Style::Plain);
    }

    /// From the next connection on it answers so.
    pub fn fail_with(&self, fault: Fault) {
        *lock(&self.state.fault) = fault;
    }

    pub fn behave(&self, style: Style) {
        *lock(&self.state.fault) = Fault {
            style,
            ..Fault::default()
        };
    }

    pub fn appended(&self) -> Vec<Vec<u8>> {
        lock(&self.state.appended).clone()
    }

    /// The next message that is put into Sent is read up to there; with all of it read, it is kept and not answered.
    pub fn pause_append_after(&self, bytes: usize) {
        *lock(&self.state.pause_append_after) = Some(bytes);
    }

    /// An APPEND has come to where it was to be stopped.
    pub async fn paused(&self) {
        self.state.paused.notified().await;
    }

    /// A command with this word has come.
    pub fn has_met(&self, word: &str) -> bool {
        let commands = self.commands();
        commands
            .iter()
            .any(|line| has_word(&line.to_ascii_uppercase(), word))
    }

    /// Lines that clients have sent, without their tags.
    pub fn commands(&self) -> Vec<String> {
        self.state
            .commands
            .lock()
            .map(|commands| commands.clone())
            .unwrap_or_default()
    }
}

impl Drop for ImapServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    state: Arc<State>,
    fault: Fault,
    is_inbox: bool,
}

impl Session {
    fn new(stream: TcpStream, state: Arc<State>) -> Self {
        let fault = state.fault.lock().map(|fault| fault.clone()).unwrap_or_default();
        Session {
            stream: BufReader::new(stream),
            state,
            fault,
            is_inbox: false,
        }
    }

    async fn run(mut self) -> std::io::Result<()> {
        match std::mem::take(&mut self.fault.greeting) {
            greeting if greeting.is_empty() => {
                self.line(&format!("* OK [CAPABILITY {CAPABILITIES}] ready"))
                    .await?
            }
            greeting => self.say(greeting, "").await?,
        }
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
            let (tag, command) = (tag.to_owned(), command.to_owned());
            if let Ok(mut commands) = self.state.commands.lock() {
                commands.push(command.clone());
            }
            let words = command.to_ascii_uppercase();
            let mut reactions = self.fault.reactions.iter();
            if let Some(at) = reactions.position(|(word, _)| has_word(&words, word)) {
                let (_, say) = self.fault.reactions.remove(at);
                self.say(say, &tag).await?;
            }
            self.answer(&tag, &words).await?;
        }
    }

    async fn answer(&mut self, tag: &str, command: &str) -> std::io::Result<()> {
        let verb = command.split(' ').next().unwrap_or_default();
        match verb {
            "CAPABILITY" if self.has_qresync() => {
                self.line(&format!("* CAPABILITY {CAPABILITIES} ENABLE CONDSTORE QRESYNC"))
                    .await?
            }
            "CAPABILITY" => self.line(&format!("* CAPABILITY {CAPABILITIES}")).await?,
            "ENABLE" if self.fault.style != Style::NotEnabled => self.line("* ENABLED QRESYNC").await?,
            "LOGIN" if self.fault.style == Style::BusyLogin => {
                let busy = format!("{tag} BAD User is authenticated but not connected.");
                return self.line(&busy).await;
            }
            "AUTHENTICATE" if command.split(' ').count() < 3 => {
                self.line("+").await?;
                self.stream.read_line(&mut String::new()).await?;
            }
            "LIST" => {
                self.line("* LIST (\\HasNoChildren) \"/\" INBOX").await?;
                if self.fault.style != Style::InboxAlone {
                    self.line("* LIST (\\HasNoChildren \\Sent) \"/\" Sent").await?;
                }
            }
            "CREATE" if self.fault.style == Style::InboxAlone => {
                return self
                    .line(&format!("{tag} NO [OVERQUOTA] no more folders for you"))
                    .await;
            }
            "SELECT" | "EXAMINE" if self.fault.style == Style::InboxAlone && !command.contains("INBOX") => {
                return self
                    .line(&format!("{tag} NO [TRYCREATE] there is no such folder"))
                    .await;
            }
            "SELECT" | "EXAMINE" => {
                self.is_inbox = command.contains("INBOX");
                let count = match self.is_inbox {
                    true => UIDS.len(),
                    false => lock(&self.state.appended).len(),
                };
                self.line(&format!("* {count} EXISTS")).await?;
                let valid = if self.fault.style == Style::ZeroUidValidity {
                    0
                } else {
                    7
                };
                self.line(&format!("* OK [UIDVALIDITY {valid}] valid")).await?;
                if self.has_qresync() {
                    let highest = if self.fault.style == Style::ZeroModSeq {
                        0
                    } else {
                        5
                    };
                    self.line(&format!("* OK [HIGHESTMODSEQ {highest}] highest"))
                        .await?;
                    if self.fault.style == Style::AllVanished && command.contains("(QRESYNC ") {
                        self.line("* VANISHED (EARLIER) 1:4294967295").await?;
                    }
                }
                match self.fault.style {
                    Style::NoUidNext => {}
                    Style::LowUidNext => self.line("* OK [UIDNEXT 2] next").await?,
                    Style::ZeroUidNext => self.line("* OK [UIDNEXT 0] next").await?,
                    _ => self.line(&format!("* OK [UIDNEXT {}] next", count + 1)).await?,
                }
            }
            "UID" => return self.uid_command(tag, command).await,
            "APPEND" => self.append(command).await?,
            "IDLE" => {
                if self.fault.style == Style::EarlyNews {
                    self.line("* 4 EXISTS").await?;
                }
                self.line("+ idling").await?;
                self.stream.read_line(&mut String::new()).await?;
            }
            "COMPRESS" => return self.line(&format!("{tag} NO not today")).await,
            "LOGOUT" => self.line("* BYE bye").await?,
            _ => {}
        }
        self.line(&format!("{tag} OK done")).await
    }

    fn has_qresync(&self) -> bool {
        matches!(
            self.fault.style,
            Style::AllVanished | Style::NotEnabled | Style::ZeroModSeq
        )
    }

    /// The literal is the last word: `{12}`, or `{12+}` where it is not waited for.
    async fn append(&mut self, command: &str) -> std::io::Result<()> {
        let literal = command
            .rsplit('{')
            .next()
            .unwrap_or_default()
            .trim_end_matches('}');
        let length: usize = literal.trim_end_matches('+').parse().unwrap_or_default();
        if !literal.ends_with('+') {
            self.line("+ go on").await?;
        }
        let stop = lock(&self.state.pause_append_after).take();
        let mut message = vec![0; stop.map_or(length, |stop| stop.min(length))];
        self.stream.read_exact(&mut message).await?;
        if stop.is_none_or(|stop| stop >= length) {
            lock(&self.state.appended).push(message);
        }
        if stop.is_some() {
            self.state.paused.notify_one();
            return self.say(vec![Say::Stall], "").await;
        }
        self.stream.read_line(&mut String::new()).await.map(|_| ())
    }

    async fn uid_command(&mut self, tag: &str, command: &str) -> std::io::Result<()> {
        let mut words = command.split(' ').skip(1);
        let verb = words.next().unwrap_or_default();
        let set = words.next().unwrap_or_default();
        let held: Vec<u32> = if self.is_inbox { UIDS.to_vec() } else { Vec::new() };
        if verb == "SEARCH" {
            let found: Vec<_> = match self.is_inbox {
                true => held.iter().map(u32::to_string).collect(),
                false => self.search_sent(command),
            };
            self.line(&format!("* SEARCH {}", found.join(" "))).await?;
        }
        let wants_bodies = command.contains("BODY.PEEK[]");
        let mut asked: Vec<u32> = held.into_iter().filter(|uid| is_in(set, *uid)).collect();
        match self.fault.style {
            Style::Backwards => asked.reverse(),
            Style::Silent(silent) if wants_bodies => asked.retain(|uid| *uid != silent),
            Style::Untold(untold) if !wants_bodies => asked.retain(|uid| *uid != untold),
            _ => {}
        }
        let refused = self.fault.refuse_uid.is_some_and(|uid| asked.contains(&uid));
        if refused && (wants_bodies || verb == "STORE") {
            return self.line(&format!("{tag} NO cannot read a message")).await;
        }
        if verb == "FETCH" {
            for uid in asked {
                self.fetch(uid, wants_bodies).await?;
            }
        }
        self.line(&format!("{tag} OK done")).await
    }

    /// UIDs of Sent in which the last quoted string of the command stands.
    fn search_sent(&self, command: &str) -> Vec<String> {
        let wanted = command
            .trim_end_matches('"')
            .rsplit('"')
            .next()
            .unwrap_or_default();
        let appended = lock(&self.state.appended);
        let holds = |raw: &[u8]| String::from_utf8_lossy(raw).to_ascii_uppercase().contains(wanted);
        let numbered = (1_u32..).zip(appended.iter());
        numbered
            .filter(|(_, raw)| holds(raw))
            .map(|(uid, _)| uid.to_string())
            .collect()
    }

    async fn fetch(&mut self, uid: u32, with_body: bool) -> std::io::Result<()> {
        let attributes = "FLAGS () INTERNALDATE \"01-Jun-2026 10:00:00 +0000\"";
        if !with_body {
            return self
                .line(&format!("* {uid} FETCH (UID {uid} {attributes})"))
                .await;
        }
        let raw = message(uid);
        let body = format!("BODY[] {{{}}}\r\n{raw}", raw.len());
        let usual = format!("* {uid} FETCH (UID {uid} {attributes} {body})");
        match self.fault.style {
            Style::Apart => {
                self.line(&format!("* {uid} FETCH (UID {uid} {attributes})"))
                    .await?;
                self.line(&format!("* {uid} FETCH (UID {uid} {body})")).await
            }
            Style::Twice => {
                self.line(&usual).await?;
                self.line(&usual).await
            }
            Style::BodyFirst => {
                self.line(&format!("* {uid} FETCH ({body} {attributes} UID {uid} )"))
                    .await
            }
            Style::Chatty => {
                for news in [
                    "* 9 EXISTS",
                    "* 1 RECENT",
                    "* OK [UIDNEXT 99] more",
                    "* 2 FETCH (FLAGS (\\Seen))",
                    "* XNEWS (a b",
                ] {
                    self.line(news).await?;
                }
                self.line(&usual).await
            }
            Style::WrongSize => {
                self.line(&format!(
                    "* {uid} FETCH (RFC822.SIZE 3 UID {uid} {attributes} {body})"
                ))
                .await
            }
            Style::Nil(nil) if nil == uid => {
                self.line(&format!("* {uid} FETCH (UID {uid} {attributes} BODY[] NIL)"))
                    .await
            }
            Style::HangsUp(fatal) if fatal == uid => Err(std::io::ErrorKind::ConnectionAborted.into()),
            Style::Damaged(damaged) if damaged == uid => {
                self.line(&format!(
                    "* {uid} FETCH (UID {uid} {attributes} BODY[] {{{}\r\n{raw})",
                    raw.len()
                ))
                .await
            }
            Style::LowerCase => {
                self.line(&format!(
                    "* {uid} fetch (uid {uid} {attributes} body[] {{{}}}\r\n{raw})",
                    raw.len()
                ))
                .await
            }
            _ => self.line(&usual).await,
        }
    }

    async fn line(&mut self, text: &str) -> std::io::Result<()> {
        let end = if self.fault.style == Style::BareLf {
            "\n"
        } else {
            "\r\n"
        };
        self.stream.write_all(format!("{text}{end}").as_bytes()).await
    }

    async fn say(&mut self, what: Vec<Say>, tag: &str) -> std::io::Result<()> {
        for say in what {
            match say {
                // In written-down cases `A` stands for the tag.
                Say::Bytes(bytes) if bytes.starts_with(b"A ") => {
                    self.stream
                        .write_all(&[tag.as_bytes(), &bytes[1..]].concat())
                        .await?;
                }
                Say::Bytes(bytes) => self.stream.write_all(&bytes).await?,
                Say::Deflated(bytes) => {
                    self.line(&format!("{tag} OK compressed from here on")).await?;
                    self.deflated(bytes).await?;
                }
                Say::Repeat(text, count) => self.repeat(&text, count).await?,
                Say::Drip(bytes, pause) => {
                    for byte in bytes {
                        self.stream.write_all(&[byte]).await?;
                        tokio::time::sleep(pause).await;
                    }
                }
                Say::Stall => {
                    // Until the other side hangs up.
                    let mut scratch = [0; 1024];
                    while self.stream.read(&mut scratch).await? > 0 {}
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                Say::Close => return Err(std::io::ErrorKind::ConnectionAborted.into()),
            }
        }
        Ok(())
    }

    async fn deflated(&mut self, bytes: u64) -> std::io::Result<()> {
        use std::io::Write as _;
        let line = [b"* OK ".as_slice(), &[b'x'; 64 * 1024], b"\r\n"].concat();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..bytes / line.len() as u64 {
            encoder.write_all(&line)?;
            let ready = std::mem::take(encoder.get_mut());
            self.stream.write_all(&ready).await?;
        }
        encoder.flush()?;
        let ready = std::mem::take(encoder.get_mut());
        self.stream.write_all(&ready).await
    }

    async fn repeat(&mut self, text: &str, count: u64) -> std::io::Result<()> {
        let mut chunk = Vec::new();
        for number in 0..count {
            chunk.extend_from_slice(text.replace("{i}", &number.to_string()).as_bytes());
            if chunk.len() > 64 * 1024 || number + 1 == count {
                self.stream.write_all(&chunk).await?;
                chunk.clear();
            }
        }
        Ok(())
    }
}

fn has_word(command: &str, word: &str) -> bool {
    // EXAMINE is how this product selects.
    let word = word.to_ascii_uppercase();
    command
        .split(' ')
        .any(|found| found == word || (word == "SELECT" && found == "EXAMINE"))
}

fn is_in(set: &str, uid: u32) -> bool {
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let first: u32 = first.parse().unwrap_or(u32::MAX);
        let last: u32 = last.parse().unwrap_or(u32::MAX);
        (first..=last).contains(&uid)
    })
}
