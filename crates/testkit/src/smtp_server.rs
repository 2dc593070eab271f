//! A submission server that keeps a ledger of what it accepted, and does wrong on demand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Greeting,
    Ehlo,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the final dot.
    Dot,
}

impl Verb {
    pub const ALL: [Verb; 7] = [
        Verb::Greeting,
        Verb::Ehlo,
        Verb::Auth,
        Verb::Mail,
        Verb::Rcpt,
        Verb::Data,
        Verb::Dot,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// This code, and goes on.
    Code(u16),
    /// 421, and hangs up.
    Busy,
    /// Hangs up without a word. After the dot the message was accepted first.
    Reset,
    /// Half a reply, then hangs up.
    Half,
    /// What is no reply.
    Garbage,
    /// Says nothing any more.
    Silent,
    /// These words, and goes on.
    Answer(&'static str),
    /// These words, and hangs up.
    Farewell(&'static str),
    /// As it should, after a while.
    Late(Duration),
}

impl SmtpFault {
    pub const ALL: [SmtpFault; 7] = [
        SmtpFault::Code(451),
        SmtpFault::Code(550),
        SmtpFault::Busy,
        SmtpFault::Reset,
        SmtpFault::Half,
        SmtpFault::Garbage,
        SmtpFault::Silent,
    ];
}

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server hangs up.
    Link,
    /// The server reads no more, so that the client can be killed at this point.
    Pause,
}

const FOREVER: Duration = Duration::from_secs(3600);

/// A message that the server took responsibility for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub from: String,
    pub recipients: Vec<String>,
    /// Without the dots that were stuffed.
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    ledger: Mutex<Vec<Accepted>>,
    /// Each strikes once, in order, at the next time its verb is met.
    faults: Mutex<VecDeque<(Verb, SmtpFault)>>,
    refused: Mutex<Vec<String>>,
    /// Extensions beside the usual ones.
    offered: Mutex<Vec<String>>,
    has_no_pipelining: AtomicBool,
    /// So many recipients of a message are taken, and what is said to the others.
    room: Mutex<Option<(usize, &'static str)>>,
    connections: AtomicUsize,
    /// Every byte that came, for tests of what goes over the wire.
    wire: Mutex<Vec<u8>>,
    /// The next connection ends so when it has sent so many bytes.
    cut: Mutex<Option<(Cut, usize)>>,
    /// Pauses while a message is read, after so many bytes each.
    slow: Mutex<Option<(usize, Duration)>>,
    /// Messages are counted, and their bytes forgotten.
    is_forgetful: AtomicBool,
    paused: tokio::sync::Notify,
}

pub struct SmtpServer {
    pub port: u16,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SmtpServer {
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let shared = serving.clone();
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        Ok(SmtpServer { port, shared, task })
    }

    pub fn fail_next(&self, verb: Verb, fault: SmtpFault) {
        lock(&self.shared.faults).push_back((verb, fault));
    }

    /// The next connection is cut, or nothing more is read of it, once so many bytes were.
    pub fn cut_next_after(&self, bytes: usize, cut: Cut) {
        *lock(&self.shared.cut) = Some((cut, bytes));
    }

    /// Messages come slowly from now on: after so many bytes each, nothing is read for a while.
    pub fn read_slowly(&self, bytes: usize, pause: Duration) {
        *lock(&self.shared.slow) = Some((bytes, pause));
    }

    /// Keeps nothing of what it takes but who gets it.
    pub fn forget_bytes(&self) {
        self.shared.is_forgetful.store(true, Ordering::Relaxed);
    }

    /// A connection has come to where nothing more is read.
    pub async fn paused(&self) {
        self.shared.paused.notified().await;
    }

    /// Recipients that hold this text are refused from now on.
    pub fn refuse_recipient(&self, part: &str) {
        lock(&self.shared.refused).push(part.to_owned());
    }

    /// An extension that the next connections are told of.
    pub fn offer(&self, extension: &str) {
        lock(&self.shared.offered).push(extension.to_owned());
    }

    /// The next connections are not told of PIPELINING.
    pub fn without_pipelining(&self) {
        self.shared.has_no_pipelining.store(true, Ordering::Relaxed);
    }

    /// So many recipients of each message are taken from now on; the others are told these words.
    pub fn take_recipients(&self, most: usize, words: &'static str) {
        *lock(&self.shared.room) = Some((most, words));
    }

    /// That were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    pub fn ledger(&self) -> Vec<Accepted> {
        lock(&self.shared.ledger).clone()
    }

    pub fn accepted_count(&self) -> usize {
        lock(&self.shared.ledger).len()
    }

    /// What clients sent, all connections together.
    pub fn wire(&self) -> Vec<u8> {
        lock(&self.shared.wire).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Connection<'a> {
    shared: &'a Shared,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// Bytes until this connection is cut.
    left: Option<(Cut, usize)>,
}

/// `None` ends the connection.
async fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    // Replies are small: they must not wait for each other's acknowledgement.
    stream.set_nodelay(true).ok()?;
    let (reader, writer) = stream.into_split();
    let mut connection = Connection {
        shared,
        reader: BufReader::new(reader),
        writer,
        left: lock(&shared.cut).take(),
    };
    connection.reply(Verb::Greeting, "220 sink ESMTP").await?;
    let mut envelope = (String::new(), Vec::new());
    loop {
        let line = connection.line().await?;
        let upper = line.to_ascii_uppercase();
        match upper.split(' ').next().unwrap_or_default() {
            "EHLO" => {
                let offered = lock(&shared.offered).clone();
                let offered: String = offered.iter().map(|one| format!("250-{one}\r\n")).collect();
                let pipelining = match shared.has_no_pipelining.load(Ordering::Relaxed) {
                    true => "",
                    false => "250-PIPELINING\r\n",
                };
                let text = format!(
                    "250-sink\r\n{offered}{pipelining}250-SIZE 52428800\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN"
                );
                connection.reply(Verb::Ehlo, &text).await?;
            }
            "AUTH" => connection.reply(Verb::Auth, "235 welcome").await.map(|_| ())?,
            "MAIL" => {
                if connection.reply(Verb::Mail, "250 sender").await? {
                    envelope = (address(&line), Vec::new());
                }
            }
            "RCPT" => {
                let recipient = address(&line);
                let refused = lock(&shared.refused)
                    .iter()
                    .any(|part| recipient.contains(part.as_str()));
                let room = *lock(&shared.room);
                let full = room.filter(|(most, _)| envelope.1.len() >= *most);
                if refused {
                    connection.say("550 5.1.1 nobody here").await?;
                } else if let Some((_, words)) = full {
                    connection.say(words).await?;
                } else if connection.reply(Verb::Rcpt, "250 recipient").await? {
                    envelope.1.push(recipient);
                }
            }
            "DATA" => {
                if connection.reply(Verb::Data, "354 go on").await? {
                    let data = connection.data().await?;
                    connection.accept(&envelope, data).await?;
                }
                envelope = (String::new(), Vec::new());
            }
            "RSET" | "NOOP" => connection.say("250 fine").await?,
            "QUIT" => {
                connection.say("221 bye").await?;
                return None;
            }
            _ => connection.say("500 what?").await?,
        }
    }
}

fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(String::new(), |(address, _)| address.to_owned())
}

impl Connection<'_> {
    fn fault(&self, verb: Verb) -> Option<SmtpFault> {
        let mut faults = lock(&self.shared.faults);
        let next = faults.front().is_some_and(|(at, _)| *at == verb);
        next.then(|| faults.pop_front().map(|(_, fault)| fault)).flatten()
    }

    async fn line(&mut self) -> Option<String> {
        let line = self.read().await?;
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Up to the end of a line; `None` where the connection ends or is cut.
    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        if let Some((cut, left)) = &mut self.left {
            match left.checked_sub(line.len()) {
                Some(rest) => *left = rest,
                None => {
                    if *cut == Cut::Pause {
                        self.shared.paused.notify_one();
                        tokio::time::sleep(FOREVER).await;
                    }
                    return None;
                }
            }
        }
        if !self.shared.is_forgetful.load(Ordering::Relaxed) {
            lock(&self.shared.wire).extend_from_slice(&line);
        }
        Some(line)
    }

    /// RFC 5321 §4.5.2; the strict reading: only CRLF.CRLF ends it.
    async fn data(&mut self) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        let slow = *lock(&self.shared.slow);
        let mut read = 0;
        loop {
            let line = self.read().await?;
            if line == b".\r\n" {
                return Some(data);
            }
            read += line.len();
            if let Some((bytes, pause)) = slow
                && read >= bytes
            {
                read = 0;
                tokio::time::sleep(pause).await;
            }
            if !self.shared.is_forgetful.load(Ordering::Relaxed) {
                let stuffed = usize::from(line.starts_with(b"."));
                data.extend_from_slice(&line[stuffed..]);
            }
        }
    }

    async fn accept(&mut self, envelope: &(String, Vec<String>), data: Vec<u8>) -> Option<()> {
        let accepted = Accepted {
            from: envelope.0.clone(),
            recipients: envelope.1.clone(),
            data,
        };
        let fault = self.fault(Verb::Dot);
        // A server that says nothing may have taken it: that is what makes it unknown.
        let refuses = |fault: &SmtpFault| {
            use SmtpFault::Answer;
            use SmtpFault::Busy;
            use SmtpFault::Code;
            use SmtpFault::Farewell;
            matches!(fault, Code(_) | Busy | Answer(_) | Farewell(_))
        };
        let takes = !fault.as_ref().is_some_and(refuses);
        if takes {
            lock(&self.shared.ledger).push(accepted);
        }
        match fault {
            Some(fault) => self.strike(fault).await,
            None => self.say("250 2.0.0 accepted").await,
        }
    }

    /// True if it went as it should.
    async fn reply(&mut self, verb: Verb, text: &str) -> Option<bool> {
        match self.fault(verb) {
            Some(fault) => self.strike(fault).await.map(|()| false),
            None => self.say(text).await.map(|()| true),
        }
    }

    async fn strike(&mut self, fault: SmtpFault) -> Option<()> {
        match fault {
            SmtpFault::Code(code) => self.say(&format!("{code} so it is")).await,
            SmtpFault::Busy => {
                self.say("421 come back later").await?;
                None
            }
            SmtpFault::Reset => None,
            SmtpFault::Answer(words) => self.say(words).await,
            SmtpFault::Farewell(words) => {
                self.say(words).await?;
                None
            }
            SmtpFault::Late(pause) => {
                tokio::time::sleep(pause).await;
                self.say("250 2.0.0 accepted, after all").await
            }
            SmtpFault::Half => {
                self.writer.write_all(b"25").await.ok()?;
                None
            }
            SmtpFault::Garbage => {
                self.writer.write_all(b"\x00\xff* what is this\r\n").await.ok()?;
                Some(())
            }
            SmtpFault::Silent => {
                self.shared.paused.notify_one();
                tokio::time::sleep(FOREVER).await;
                None
            }
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.writer.write_all(format!("{text}\r\n").as_bytes()).await.ok()
    }
}
