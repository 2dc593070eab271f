//! An IMAP server over mailboxes in memory that a test changes at will, and that cuts the line where it is told to.
//!
//! Each user has mailboxes of their own, made at the first look. What is in them is what a model test compares with.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What the server can tell of changes (RFC 7162).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    Qresync,
    Condstore,
    Nothing,
    /// As Gmail: CONDSTORE, and of each message its labels; [`ALL_MAIL`] is listed where the user has it.
    Labels,
    /// As 163.com: no folder is opened for who has not said who they are, there is no IDLE, NOOP tells nothing, STATUS has
    /// no UIDNEXT (EmailEngine imap-client.js, chatmail/core select_folder.rs, seen 2026-09).
    Little,
}

/// Not made by itself.
pub const ALL_MAIL: &str = "[Gmail]/All Mail";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which message it is; copies of one are equal byte for byte.
    pub number: u32,
    pub seen: bool,
    /// As X-GM-LABELS lists them.
    labels: &'static str,
    mod_seq: u64,
}

#[derive(Clone, Debug)]
pub struct Folder {
    pub uid_validity: u32,
    pub next_uid: u32,
    pub messages: BTreeMap<u32, Stored>,
    mod_seq: u64,
    /// When which UID went.
    vanished: Vec<(u64, u32)>,
}

impl Folder {
    pub fn new(uid_validity: u32) -> Self {
        Folder {
            uid_validity,
            next_uid: 1,
            messages: BTreeMap::new(),
            mod_seq: 1,
            vanished: Vec::new(),
        }
    }

    fn changed(&mut self) -> u64 {
        self.mod_seq += 1;
        self.mod_seq
    }

    pub fn append(&mut self, number: u32, seen: bool) {
        self.append_labelled(number, seen, r#""\\Inbox""#);
    }

    pub fn append_labelled(&mut self, number: u32, seen: bool, labels: &'static str) {
        let mod_seq = self.changed();
        self.messages.insert(
            self.next_uid,
            Stored {
                number,
                seen,
                labels,
                mod_seq,
            },
        );
        self.next_uid += 1;
    }

    pub fn expunge(&mut self, uid: u32) -> Option<Stored> {
        let gone = self.messages.remove(&uid)?;
        let mod_seq = self.changed();
        self.vanished.push((mod_seq, uid));
        Some(gone)
    }

    pub fn set_seen(&mut self, uid: u32, seen: bool) {
        let mod_seq = self.changed();
        if let Some(message) = self.messages.get_mut(&uid) {
            (message.seen, message.mod_seq) = (seen, mod_seq);
        }
    }

    /// As after a restoration from a backup: other numbers for the same mail.
    pub fn renumber(&mut self) {
        let kept = std::mem::take(&mut self.messages);
        *self = Folder::new(self.uid_validity + 1);
        for message in kept.into_values() {
            self.append_labelled(message.number, message.seen, message.labels);
        }
    }
}

/// By name: INBOX, Sent, Archive and Elsewhere, and what a test adds.
pub type Mailbox = BTreeMap<String, Folder>;

/// What happens after so many bytes of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The line is dead.
    Link,
    /// Nothing more comes, and [`ModelServer::reached`] returns: the client is to die here.
    Silence,
}

#[derive(Default)]
struct User {
    mailbox: Mailbox,
    /// Of the next connections, one each: bytes that come through after sign-in.
    cuts: VecDeque<Option<(usize, Cut)>>,
    /// Of the last connection.
    sent: usize,
    /// How often which command came.
    asked: BTreeMap<String, usize>,
    /// Wakes who is in IDLE.
    news: Arc<Notify>,
}

pub struct ModelServer {
    pub address: SocketAddr,
    users: Arc<Mutex<BTreeMap<String, User>>>,
    silent: Arc<Notify>,
    idling: Arc<AtomicUsize>,
    hang_up: Arc<Notify>,
    task: JoinHandle<()>,
}

/// From here on, numbers are those of messages that clients appended.
const FIRST_APPENDED: u32 = 1 << 31;
/// Of all servers of this process.
static APPENDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn keep(appended: String) -> u32 {
    let mut kept = lock(&APPENDED);
    kept.push(appended);
    FIRST_APPENDED + u32::try_from(kept.len() - 1).unwrap_or_default()
}

/// The bytes of a message.
pub fn raw(number: u32) -> String {
    if let Some(appended) = number.checked_sub(FIRST_APPENDED) {
        return lock(&APPENDED)[appended as usize].clone();
    }
    format!(
        "From: Kelly <kelly@out.example>\r\nTo: owner@isp.example\r\nSubject: {number}\r\nMessage-ID: <{number}@out.example>\r\n\r\nThis is letter {number}.\r\n"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl ModelServer {
    pub async fn start(tells: Tells) -> std::io::Result<Self> {
        Self::listen(tells, None).await
    }

    /// Encrypted from the first byte.
    pub async fn start_tls(tells: Tells, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        Self::listen(tells, Some(acceptor)).await
    }

    async fn listen(tells: Tells, acceptor: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let users: Arc<Mutex<BTreeMap<String, User>>> = Arc::default();
        let silent = Arc::new(Notify::new());
        let idling = Arc::new(AtomicUsize::new(0));
        let (shared, quiet, waiting) = (users.clone(), silent.clone(), idling.clone());
        let hang_up = Arc::new(Notify::new());
        let hung_up = hang_up.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (users, silent, acceptor) = (shared.clone(), quiet.clone(), acceptor.clone());
                let (idling, hung_up) = (waiting.clone(), hung_up.clone());
                let served = async move {
                    let stream: Box<dyn Stream> = match acceptor {
                        Some(acceptor) => Box::new(acceptor.accept(stream).await?),
                        None => Box::new(stream),
                    };
                    Session::new(stream, users, silent, idling, tells).run().await
                };
                tokio::spawn(async move {
                    tokio::select! {
                        ended = served => ended,
                        () = hung_up.notified() => Ok(()),
                    }
                });
            }
        });
        Ok(ModelServer {
            address,
            users,
            silent,
            idling,
            hang_up,
            task,
        })
    }

    /// Every connection that there is ends.
    pub fn hang_up(&self) {
        self.hang_up.notify_waiters();
    }

    /// Looks into a user's mailboxes, or changes them.
    pub fn with<T>(&self, user: &str, work: impl FnOnce(&mut Mailbox) -> T) -> T {
        work(&mut mailbox_of(&mut lock(&self.users), user).mailbox)
    }

    /// Connections in IDLE.
    pub fn idling(&self) -> usize {
        self.idling.load(Ordering::Acquire)
    }

    /// New mail, told to who is in IDLE.
    pub fn deliver(&self, user: &str, folder: &str, number: u32) {
        let mut users = lock(&self.users);
        let user = mailbox_of(&mut users, user);
        if let Some(folder) = user.mailbox.get_mut(folder) {
            folder.append(number, false);
        }
        user.news.notify_waiters();
    }

    /// The user's next connection ends after so many bytes of answers, counted from the sign-in; a second call is for
    /// the one after it.
    pub fn cut_after(&self, user: &str, bytes: usize, cut: Cut) {
        let mut users = lock(&self.users);
        mailbox_of(&mut users, user).cuts.push_back(Some((bytes, cut)));
    }

    /// The user's next connection is not cut.
    pub fn spare(&self, user: &str) {
        mailbox_of(&mut lock(&self.users), user).cuts.push_back(None);
    }

    /// A connection has come to its [`Cut::Silence`].
    pub async fn reached(&self) {
        self.silent.notified().await;
    }

    /// How often a command with this verb came from a user.
    pub fn asked(&self, user: &str, verb: &str) -> usize {
        let mut users = lock(&self.users);
        mailbox_of(&mut users, user).asked.get(verb).copied().unwrap_or(0)
    }

    /// Bytes of answers in the user's last connection, counted from the sign-in.
    pub fn sent(&self, user: &str) -> usize {
        mailbox_of(&mut lock(&self.users), user).sent
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn mailbox_of<'a>(users: &'a mut BTreeMap<String, User>, name: &str) -> &'a mut User {
    users.entry(name.to_owned()).or_insert_with(|| User {
        mailbox: [("INBOX", 1), ("Sent", 1), ("Archive", 1), ("Elsewhere", 1_001)]
            .map(|(folder, uid_validity)| (folder.to_owned(), Folder::new(uid_validity)))
            .into(),
        ..User::default()
    })
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Session {
    stream: BufReader<Box<dyn Stream>>,
    users: Arc<Mutex<BTreeMap<String, User>>>,
    silent: Arc<Notify>,
    idling: Arc<AtomicUsize>,
    tells: Tells,
    user: String,
    folder: String,
    /// The client has said who it is (RFC 2971).
    has_name: bool,
    /// How many messages the client knows of in it.
    told: usize,
    /// Bytes until the line is cut.
    left: Option<(usize, Cut)>,
    sent: usize,
}

impl Session {
    fn new(
        stream: Box<dyn Stream>,
        users: Arc<Mutex<BTreeMap<String, User>>>,
        silent: Arc<Notify>,
        idling: Arc<AtomicUsize>,
        tells: Tells,
    ) -> Self {
        Session {
            stream: BufReader::new(stream),
            users,
            silent,
            idling,
            tells,
            user: String::new(),
            folder: String::new(),
            has_name: false,
            told: 0,
            left: None,
            sent: 0,
        }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.write("* OK ready\r\n").await?;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
            if command == "IDLE" {
                self.write("+ idling\r\n").await?;
                self.idling.fetch_add(1, Ordering::AcqRel);
                let ended = self.idle().await;
                self.idling.fetch_sub(1, Ordering::AcqRel);
                ended?;
            }
            let is_opening = command.starts_with("EXAMINE") || command.starts_with("SELECT");
            if is_opening && self.tells == Tells::Little && !self.has_name {
                self.write(&format!("{tag} NO EXAMINE Unsafe Login\r\n")).await?;
                continue;
            }
            if command.starts_with("APPEND") {
                self.append(command).await?;
            }
            let answer = self.answer(command);
            let is_sign_in = command.starts_with("LOGIN");
            self.write(&format!("{answer}{tag} OK done\r\n")).await?;
            if is_sign_in {
                let mut users = lock(&self.users);
                let user = mailbox_of(&mut users, &self.user);
                (self.left, self.sent) = (user.cuts.pop_front().flatten(), 0);
            }
        }
    }

    /// RFC 3501 §6.3.11, the literal in a synchronising form.
    async fn append(&mut self, command: &str) -> std::io::Result<()> {
        let size = command
            .rsplit_once('{')
            .map(|(_, size)| size.trim_end_matches('}'));
        let size: usize = size.and_then(|size| size.parse().ok()).unwrap_or_default();
        self.write("+ go on\r\n").await?;
        let mut literal = vec![0; size];
        self.stream.read_exact(&mut literal).await?;
        self.stream.read_line(&mut String::new()).await?;
        let number = keep(String::from_utf8_lossy(&literal).into_owned());
        let name = command.split('"').nth(1).unwrap_or_default();
        let mut users = lock(&self.users);
        if let Some(folder) = mailbox_of(&mut users, &self.user).mailbox.get_mut(name) {
            folder.append(number, true);
        }
        Ok(())
    }

    /// Until the client says that it is done.
    async fn idle(&mut self) -> std::io::Result<()> {
        let news = mailbox_of(&mut lock(&self.users), &self.user).news.clone();
        loop {
            let woken = news.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let now = count(mailbox_of(&mut lock(&self.users), &self.user), &self.folder);
            if now != self.told {
                self.told = now;
                self.write(&format!("* {now} EXISTS\r\n")).await?;
            }
            tokio::select! {
                read = self.stream.fill_buf() => {
                    read?;
                    self.stream.read_line(&mut String::new()).await?;
                    return Ok(());
                }
                () = woken => {}
            }
        }
    }

    async fn write(&mut self, text: &str) -> std::io::Result<()> {
        let whole = text.as_bytes();
        let end = self.left.map_or(whole.len(), |(left, _)| left.min(whole.len()));
        self.stream.write_all(&whole[..end]).await?;
        self.stream.flush().await?;
        self.sent += end;
        if !self.user.is_empty() {
            mailbox_of(&mut lock(&self.users), &self.user).sent = self.sent;
        }
        self.left = self.left.map(|(left, cut)| (left - end, cut));
        match self.left {
            Some((0, Cut::Link)) => Err(std::io::ErrorKind::ConnectionReset.into()),
            Some((0, Cut::Silence)) => {
                self.silent.notify_one();
                std::future::pending().await
            }
            _ => Ok(()),
        }
    }

    fn answer(&mut self, command: &str) -> String {
        let verb = command.split(' ').next().unwrap_or_default();
        if !self.user.is_empty() {
            let mut users = lock(&self.users);
            let asked = &mut mailbox_of(&mut users, &self.user).asked;
            *asked.entry(verb.to_owned()).or_default() += 1;
        }
        match verb {
            "CAPABILITY" => {
                let more = match self.tells {
                    Tells::Qresync => "IDLE ENABLE CONDSTORE QRESYNC",
                    Tells::Condstore => "IDLE CONDSTORE",
                    Tells::Labels => "IDLE CONDSTORE X-GM-EXT-1",
                    Tells::Nothing => "IDLE",
                    Tells::Little => "ID",
                };
                format!("* CAPABILITY IMAP4rev1 {more}\r\n")
            }
            "ID" => {
                self.has_name = true;
                "* ID NIL\r\n".into()
            }
            "ENABLE" => "* ENABLED QRESYNC\r\n".into(),
            "LOGIN" => {
                self.user = command.split('"').nth(1).unwrap_or_default().to_owned();
                String::new()
            }
            "LIST" => {
                let mut users = lock(&self.users);
                let all = match mailbox_of(&mut users, &self.user).mailbox.get(ALL_MAIL) {
                    Some(_) => format!("* LIST (\\All) \"/\" \"{ALL_MAIL}\"\r\n"),
                    None => String::new(),
                };
                format!(
                    "* LIST () \"/\" INBOX\r\n* LIST (\\Sent) \"/\" Sent\r\n* LIST () \"/\" Archive\r\n{all}"
                )
            }
            "SELECT" | "EXAMINE" => {
                self.folder = command.split('"').nth(1).unwrap_or_default().to_owned();
                self.told = count(mailbox_of(&mut lock(&self.users), &self.user), &self.folder);
                self.on_folder(|folder, tells| open(folder, tells, command))
            }
            "FETCH" => self.on_folder(|folder, _| fetch_by_position(folder, command)),
            "UID" => self.on_folder(|folder, _| uid_command(folder, command)),
            "STATUS" => self.status(command.split('"').nth(1).unwrap_or_default()),
            "LOGOUT" => "* BYE bye\r\n".into(),
            _ => String::new(),
        }
    }

    fn status(&self, name: &str) -> String {
        let mut users = lock(&self.users);
        let Some(folder) = mailbox_of(&mut users, &self.user).mailbox.get(name) else {
            return String::new();
        };
        let next = format!(" UIDNEXT {}", folder.next_uid);
        let more = match self.tells {
            Tells::Little => String::new(),
            Tells::Nothing => next,
            _ => format!("{next} HIGHESTMODSEQ {}", folder.mod_seq),
        };
        format!(
            "* STATUS \"{name}\" (MESSAGES {} UIDVALIDITY {}{more})\r\n",
            folder.messages.len(),
            folder.uid_validity
        )
    }

    fn on_folder(&self, work: impl FnOnce(&mut Folder, Tells) -> String) -> String {
        let mut users = lock(&self.users);
        let mailbox = &mut mailbox_of(&mut users, &self.user).mailbox;
        let folder = mailbox.get_mut(&self.folder);
        folder.map_or_else(String::new, |folder| work(folder, self.tells))
    }
}

fn count(user: &User, folder: &str) -> usize {
    user.mailbox.get(folder).map_or(0, |folder| folder.messages.len())
}

fn open(folder: &Folder, tells: Tells, command: &str) -> String {
    let (count, valid, next) = (folder.messages.len(), folder.uid_validity, folder.next_uid);
    let mut answer =
        format!("* {count} EXISTS\r\n* OK [UIDVALIDITY {valid}] valid\r\n* OK [UIDNEXT {next}] next\r\n");
    if matches!(tells, Tells::Nothing | Tells::Little) {
        return answer;
    }
    answer += &format!("* OK [HIGHESTMODSEQ {}] highest\r\n", folder.mod_seq);
    let known = command
        .split("(QRESYNC (")
        .nth(1)
        .map(|known| known.trim_end_matches(')'));
    let Some((known_valid, since)) = known.and_then(|known| known.split_once(' ')) else {
        return answer;
    };
    let since: u64 = since.parse().unwrap_or_default();
    if known_valid.parse() != Ok(valid) {
        return answer;
    }
    let gone = folder.vanished.iter().filter(|(mod_seq, _)| *mod_seq > since);
    let gone: Vec<_> = gone.map(|(_, uid)| uid.to_string()).collect();
    if !gone.is_empty() {
        answer += &format!("* VANISHED (EARLIER) {}\r\n", gone.join(","));
    }
    let changed = folder
        .messages
        .iter()
        .filter(|(_, message)| message.mod_seq > since);
    for (position, (uid, message)) in changed.enumerate() {
        answer += &format!(
            "* {} FETCH (UID {uid} FLAGS ({}))\r\n",
            position + 1,
            flags(message)
        );
    }
    answer
}

fn flags(message: &Stored) -> &'static str {
    if message.seen { "\\Seen" } else { "" }
}

fn uid_command(folder: &mut Folder, command: &str) -> String {
    let mut words = command.split(' ').skip(1);
    let (verb, set) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if verb == "SEARCH" {
        let within = command.split("UID ").nth(2);
        let header = command
            .split("HEADER ")
            .nth(1)
            .and_then(|rest| rest.split('"').rfind(|part| part.contains('@')));
        let found = folder
            .messages
            .iter()
            .filter(|(uid, _)| within.is_none_or(|set| is_in(set, **uid)))
            .filter(|(_, message)| header.is_none_or(|value| raw(message.number).contains(value)));
        let found: Vec<_> = found.map(|(uid, _)| uid.to_string()).collect();
        return format!("* SEARCH {}\r\n", found.join(" "));
    }
    if verb == "STORE" {
        let uids: Vec<_> = folder
            .messages
            .keys()
            .copied()
            .filter(|uid| is_in(set, *uid))
            .collect();
        for uid in uids.into_iter().filter(|_| command.contains("\\Seen")) {
            folder.set_seen(uid, command.contains("+FLAGS"));
        }
        return String::new();
    }
    let since = command
        .split("CHANGEDSINCE ")
        .nth(1)
        .map(|since| since.trim_end_matches(')'));
    let since: u64 = since.and_then(|since| since.parse().ok()).unwrap_or_default();
    let mut answer = String::new();
    let asked = folder.messages.iter().enumerate();
    for (position, (uid, message)) in
        asked.filter(|(_, (uid, message))| is_in(set, **uid) && message.mod_seq > since)
    {
        answer += &fetched(position, *uid, message, command);
    }
    answer
}

fn fetch_by_position(folder: &Folder, command: &str) -> String {
    let set = command.split(' ').nth(1).unwrap_or_default();
    let mut answer = String::new();
    for (position, (uid, message)) in folder.messages.iter().enumerate() {
        if is_in(set, u32::try_from(position + 1).unwrap_or(u32::MAX)) {
            answer += &fetched(position, *uid, message, command);
        }
    }
    answer
}

fn fetched(position: usize, uid: u32, message: &Stored, command: &str) -> String {
    // A second later than the one before.
    let (hour, minute, second) = (uid / 3600 % 24, uid / 60 % 60, uid % 60);
    let attributes = format!(
        "UID {uid} FLAGS ({}) INTERNALDATE \"01-Jun-2026 {hour:02}:{minute:02}:{second:02} +0000\"",
        flags(message)
    );
    let labels = match command.contains("X-GM-LABELS") {
        true => format!(" X-GM-LABELS ({})", message.labels),
        false => String::new(),
    };
    let body = match command.contains("BODY.PEEK[]") {
        true => {
            let raw = raw(message.number);
            format!(" BODY[] {{{}}}\r\n{raw}", raw.len())
        }
        false => String::new(),
    };
    format!("* {} FETCH ({attributes}{labels}{body})\r\n", position + 1)
}

fn is_in(set: &str, uid: u32) -> bool {
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse().unwrap_or(u32::MAX);
        (number(first)..=number(last)).contains(&uid)
    })
}
