//! Submission (RFC 6409): a signed-in SMTP session that hands messages over, each wait with a deadline.
//!
//! Our own and not `mail-send`: the entry has to be committed between the last byte of a message and the final dot,
//! every recipient needs its own outcome, and STARTTLS must refuse what came before it. What is left of SMTP is
//! lines.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::CleanText;
use domain::EmailAddress;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use futures_util::Stream;
use futures_util::StreamExt as _;
use imap::sasl;
use imap::sasl::Refusal;
use imap::sasl::TokenLogin;
use imap::sasl::TokenMechanism;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::dialer::Deadlines;
use crate::dialer::Dialer;
use crate::dialer::Stream as ByteStream;
use crate::egress::Purpose;
use crate::error::Kind;
use crate::error::WireError;
use crate::steps::StepLog;
use crate::tls::CertificateSummary;

/// A reply longer than this is not a mail server's.
const MAX_REPLY_BYTES: usize = 64 * 1024;
const MAX_REPLY_LINES: usize = 200;
/// What a server that has hung up said before.
const LAST_WORDS: Duration = Duration::from_secs(1);
const NOT_ASCII: &str = "The server cannot send to addresses with letters outside of ASCII.";
/// What is written of a message within one deadline of its own: a slow line takes as many as it needs.
const BLOCK_BYTES: usize = 16 * 1024;

pub struct SmtpTarget {
    pub settings: SmtpSettings,
    pub username: String,
    pub password: Option<SecretString>,
}

/// What a server said (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// Without the codes; at least one.
    pub lines: Vec<CleanText>,
}

impl Reply {
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    fn first(&self) -> &str {
        self.lines.first().map_or("", CleanText::as_str)
    }

    /// As people read it.
    pub fn said(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(CleanText::as_str).collect();
        format!("{} {}", self.code, lines.join(" "))
    }
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientReply {
    pub address: EmailAddress,
    pub reply: Reply,
}

/// How far a submission came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submission {
    /// The server has it for those recipients whose reply is positive.
    Taken {
        reply: Reply,
        recipients: Vec<RecipientReply>,
    },
    /// It said no: to the sender, to every recipient, to the message, or there is no way to say it.
    Refused {
        reply: Reply,
        recipients: Vec<RecipientReply>,
    },
    /// The link was lost before the final dot: nobody has it.
    LostBefore(WireError),
    /// The link was lost after the final dot: nobody knows.
    LostAfter(WireError),
    /// What was asked before the final dot said no: it was not sent.
    Stopped,
    /// The message could not be read to its end: it was not sent.
    Unreadable,
}

/// A message to be handed over.
pub struct Letter<'a, B> {
    /// The reverse path; empty for none.
    pub from: &'a str,
    pub recipients: &'a [EmailAddress],
    pub size_bytes: u64,
    /// Its bytes, in pieces.
    pub body: B,
}

pub struct SmtpSession {
    stream: Box<dyn ByteStream>,
    buffer: Vec<u8>,
    deadlines: Deadlines,
    capabilities: HashMap<String, String>,
    may_quote: bool,
    /// The server has hung up, or says that it will (421, RFC 5321 §3.8).
    is_over: bool,
}

impl SmtpSession {
    /// Resolve, connect, encrypt, greet, sign in; each step into `log`.
    pub async fn connect(dialer: &Dialer, target: &SmtpTarget, log: &mut StepLog) -> Result<Self, WireError> {
        let settings = &target.settings;
        let addresses = dialer
            .resolve(&settings.server, settings.port, Purpose::Mail)
            .await?;
        log.done(format!("Found {}", settings.server));
        let dialled = dialer.connect(&addresses).await?;
        log.done(format!("Connected to port {}", settings.port));
        let in_clear = dialer.allows_cleartext(&settings.server, dialled.address);
        let mut session = SmtpSession {
            stream: Box::new(dialled.stream),
            buffer: Vec::new(),
            deadlines: dialer.deadlines,
            capabilities: HashMap::new(),
            // Words that somebody in between may have put there are not shown.
            may_quote: in_clear || settings.security == Security::Tls,
            is_over: false,
        };
        match settings.security {
            Security::Tls => {
                session = session.encrypt(dialer, settings, log).await?;
                session.greeting().await?;
            }
            Security::Starttls => {
                session.greeting().await?;
                session.hello(settings).await?;
                session.start_tls().await?;
                session = session.encrypt(dialer, settings, log).await?;
                session.may_quote = true;
            }
            Security::None => {
                if !in_clear && target.password.is_some() && settings.auth != SmtpAuth::None {
                    return Err(WireError::new(Kind::CleartextRefused, "signing in"));
                }
                session.greeting().await?;
                log.done("Connected without encryption");
            }
        }
        session.hello(settings).await?;
        log.done(session.describe());
        if settings.auth != SmtpAuth::None {
            session.sign_in(target).await?;
            log.done("Signed in");
        }
        Ok(session)
    }

    fn describe(&self) -> String {
        match self.size_limit() {
            Some(limit) => format!("Greeted; takes messages up to {} MB", limit / 1_000_000),
            None => "Greeted".into(),
        }
    }

    /// `None`: none is announced (RFC 1870).
    pub fn size_limit(&self) -> Option<u64> {
        let limit = self.capabilities.get("SIZE")?.trim().parse().ok()?;
        (limit > 0).then_some(limit)
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.contains_key(capability)
    }

    async fn encrypt(
        self,
        dialer: &Dialer,
        settings: &SmtpSettings,
        log: &mut StepLog,
    ) -> Result<Self, WireError> {
        let (stream, certificate) = dialer
            .handshake(&settings.server, self.stream, settings.pinned_certificate)
            .await?;
        log.done(encrypted(certificate.as_ref()));
        Ok(SmtpSession { stream, ..self })
    }

    async fn greeting(&mut self) -> Result<(), WireError> {
        const DOING: &str = "waiting for the server's greeting";
        let reply = self.read_reply(self.deadlines.greeting, DOING).await?;
        match reply.code {
            220 => Ok(()),
            _ => Err(self.quoting(WireError::new(Kind::Unavailable, DOING), &reply)),
        }
    }

    async fn hello(&mut self, settings: &SmtpSettings) -> Result<(), WireError> {
        const DOING: &str = "greeting the server";
        let domain = hello_name(settings.local_domain.as_deref());
        let reply = self.command(&format!("EHLO {domain}"), DOING).await?;
        if reply.is_positive() {
            let lines = reply.lines.iter().skip(1);
            self.capabilities = lines.filter_map(|line| capability(line.as_str())).collect();
            return Ok(());
        }
        self.capabilities.clear();
        let reply = self.command(&format!("HELO {domain}"), DOING).await?;
        match reply.is_positive() {
            true => Ok(()),
            false => Err(self.quoting(WireError::new(Kind::Unavailable, DOING), &reply)),
        }
    }

    /// What came with the answer to STARTTLS was put there by somebody in between: it ends the session.
    async fn start_tls(&mut self) -> Result<(), WireError> {
        const DOING: &str = "starting encryption";
        if !self.can("STARTTLS") {
            return Err(WireError::new(Kind::StarttlsMissing, DOING));
        }
        let reply = self.command("STARTTLS", DOING).await?;
        if reply.code != 220 || !self.buffer.is_empty() {
            return Err(WireError::new(Kind::StarttlsMissing, DOING));
        }
        self.capabilities.clear();
        Ok(())
    }

    async fn sign_in(&mut self, target: &SmtpTarget) -> Result<(), WireError> {
        const DOING: &str = "signing in";
        let refused = || WireError::new(Kind::LoginRefused, DOING);
        let password = target.password.as_ref().ok_or_else(refused)?;
        let user = target.username.as_str();
        let reply = match target.settings.auth {
            SmtpAuth::None => return Ok(()),
            SmtpAuth::Plain => {
                let response = STANDARD.encode(sasl::plain(user, password));
                self.command(&format!("AUTH PLAIN {response}"), DOING).await?
            }
            SmtpAuth::Xoauth2 => return self.sign_in_by_token(target, password).await,
            SmtpAuth::Login => {
                let mut reply = self.command("AUTH LOGIN", DOING).await?;
                for answer in [user, password.expose_secret()] {
                    if reply.code == 334 {
                        reply = self.command(&STANDARD.encode(answer), DOING).await?;
                    }
                }
                reply
            }
            SmtpAuth::CramMd5 => {
                let reply = self.command("AUTH CRAM-MD5", DOING).await?;
                let answer = (reply.code == 334).then(|| sasl::cram_md5(user, password, reply.first()));
                match answer.flatten() {
                    Some(answer) => self.command(&answer, DOING).await?,
                    None => reply,
                }
            }
        };
        match reply.code {
            235 => Ok(()),
            400..=499 => Err(self.quoting(WireError::new(Kind::Unavailable, DOING), &reply)),
            _ => Err(self.quoting(refused(), &reply)),
        }
    }

    /// A refusal comes as a challenge that wants an answer, and then as a reply that says less.
    async fn sign_in_by_token(&mut self, target: &SmtpTarget, token: &SecretString) -> Result<(), WireError> {
        const DOING: &str = "signing in";
        let offered = self.capabilities.get("AUTH").cloned().unwrap_or_default();
        let offers = |name: &str| offered.split(' ').any(|one| one.eq_ignore_ascii_case(name));
        let by = TokenMechanism::of_offered(offers);
        let login = TokenLogin {
            user: &target.username,
            host: &target.settings.server,
            port: target.settings.port,
            token,
        };
        let response = STANDARD.encode(by.response(&login));
        let mut reply = self
            .command(&format!("AUTH {} {response}", by.name()), DOING)
            .await?;
        let told = Refusal::default();
        if reply.code == 334 {
            told.take(reply.first());
            reply = self.command(by.answer_to_refusal(), DOING).await?;
        }
        let kind = match reply.code {
            235 => return Ok(()),
            400..=499 => Kind::Unavailable,
            _ => Kind::TokenRefused,
        };
        let said = [told.text().unwrap_or_default(), &reply.said()].join(" ");
        Err(match self.may_quote {
            true => WireError::new(kind, DOING).saying(said.trim()),
            false => WireError::new(kind, DOING),
        })
    }

    /// One message. `before_final_dot` is asked once everything but the dot is on its way; false stops it there.
    /// Stopped, or unreadable, the session is over.
    pub async fn submit<E>(
        &mut self,
        letter: Letter<'_, impl Stream<Item = Result<Bytes, E>>>,
        before_final_dot: impl Future<Output = bool>,
    ) -> Submission {
        let size = letter.size_bytes;
        if let Some(limit) = self.size_limit()
            && size > limit
        {
            let text = format!(
                "The message has {} MB, and the server takes {} MB.",
                mega(size),
                mega(limit)
            );
            return refused_here(552, &text);
        }
        match self.envelope(letter.from, letter.recipients, size).await {
            Err(error) => Submission::LostBefore(error),
            Ok(Err(submission)) => submission,
            Ok(Ok(recipients)) => self.data(letter.body, recipients, before_final_dot).await,
        }
    }

    /// False: the next message needs a connection of its own.
    pub fn goes_on(&self) -> bool {
        !self.is_over
    }

    /// MAIL and RCPT. One recipient decides for no other: who cannot be written to here is refused here.
    async fn envelope(
        &mut self,
        from: &str,
        recipients: &[EmailAddress],
        size: u64,
    ) -> Result<Result<Vec<RecipientReply>, Submission>, WireError> {
        let takes_all = self.can("SMTPUTF8");
        let may_name = |text: &str| takes_all || text.is_ascii();
        if !may_name(from) {
            return Ok(Err(refused_here(553, NOT_ASCII)));
        }
        let (named, left_out): (Vec<_>, Vec<_>) = recipients
            .iter()
            .cloned()
            .partition(|address| may_name(address.as_str()));
        let mut left_out = replies_of(left_out, local_reply(553, NOT_ASCII));
        if named.is_empty() {
            return Ok(Err(all_refused(left_out)));
        }
        let mail = self.mail_command(from, &named, size);
        let (reply, mut known) = self.name_people(&mail, named).await?;
        if !reply.is_positive() {
            return Ok(Err(self.refused(reply, Vec::new()).await));
        }
        known.append(&mut left_out);
        if known.iter().any(|recipient| recipient.reply.is_positive()) {
            return Ok(Ok(known));
        }
        self.reset().await;
        Ok(Err(all_refused(known)))
    }

    fn mail_command(&self, from: &str, recipients: &[EmailAddress], size: u64) -> String {
        let mut mail = format!("MAIL FROM:<{from}>");
        if self.can("SIZE") {
            mail.push_str(&format!(" SIZE={size}"));
        }
        if !from.is_ascii() || recipients.iter().any(|address| !address.as_str().is_ascii()) {
            mail.push_str(" SMTPUTF8");
        }
        // RFC 3461: what comes back need not hold the whole message.
        if self.can("DSN") {
            mail.push_str(" RET=HDRS");
        }
        mail
    }

    /// The answers to MAIL, and to RCPT for each. A server that has said no and hangs up has said no.
    async fn name_people(
        &mut self,
        mail: &str,
        recipients: Vec<EmailAddress>,
    ) -> Result<(Reply, Vec<RecipientReply>), WireError> {
        let rcpt = recipients
            .iter()
            .map(|address| format!("RCPT TO:<{}>", address.as_written()));
        let commands: Vec<String> = std::iter::once(mail.to_owned()).chain(rcpt).collect();
        let (replies, lost) = self.run_all(&commands).await;
        let mut replies = replies.into_iter();
        let said_no = replies.as_slice().iter().any(|reply| !reply.is_positive());
        match lost {
            Some(error) if !said_no => return Err(error),
            lost => self.is_over |= lost.is_some(),
        }
        let reply = replies.next().unwrap_or_else(unanswered);
        // Who was taken before the connection was lost does not get it over this one.
        let is_over = self.is_over;
        let known = recipients.into_iter().map(|address| {
            let said = replies.next().filter(|reply| !(is_over && reply.is_positive()));
            let reply = said.unwrap_or_else(unanswered);
            RecipientReply { address, reply }
        });
        Ok((reply, known.collect()))
    }

    /// Together where the server can (RFC 2920); else until the first is refused. What was answered until the
    /// connection was lost.
    async fn run_all(&mut self, commands: &[String]) -> (Vec<Reply>, Option<WireError>) {
        const DOING: &str = "naming sender and recipients";
        let together = self.can("PIPELINING");
        let mut within = self.deadlines.command;
        if together {
            let lines: String = commands.iter().map(|command| format!("{command}\r\n")).collect();
            // What was not written to its end may have been answered all the same.
            if self
                .write(lines.as_bytes(), self.deadlines.response, DOING)
                .await
                .is_err()
            {
                (self.is_over, within) = (true, LAST_WORDS);
            }
        }
        let mut replies: Vec<Reply> = Vec::with_capacity(commands.len());
        for command in commands {
            let answer = match together {
                true => self.read_reply(within, DOING).await,
                false => self.command(command, DOING).await,
            };
            match answer {
                Ok(reply) => replies.push(reply),
                Err(error) => return (replies, Some(error)),
            }
            if !together && !replies[0].is_positive() {
                break;
            }
        }
        (replies, None)
    }

    async fn data<E>(
        &mut self,
        body: impl Stream<Item = Result<Bytes, E>>,
        recipients: Vec<RecipientReply>,
        before_final_dot: impl Future<Output = bool>,
    ) -> Submission {
        const DOING: &str = "handing the message over";
        match self.command("DATA", DOING).await {
            Err(error) => return Submission::LostBefore(error),
            Ok(reply) if reply.code != 354 => return self.refused(reply, recipients).await,
            Ok(_) => {}
        }
        if let Err(submission) = self.body(body, DOING).await {
            return submission;
        }
        if !before_final_dot.await {
            return Submission::Stopped;
        }
        // From here on it may have gone, whatever happens.
        let answer = match self.write(b".\r\n", self.deadlines.data_block, DOING).await {
            Ok(()) => self.read_reply(self.deadlines.final_dot, DOING).await,
            Err(error) => Err(error),
        };
        match answer {
            Err(error) => Submission::LostAfter(error),
            Ok(reply) if reply.is_positive() => Submission::Taken { reply, recipients },
            Ok(reply) => Submission::Refused {
                recipients: refused_with(&reply, recipients),
                reply,
            },
        }
    }

    /// Its words stand, whether the server goes on or hangs up.
    async fn refused(&mut self, reply: Reply, recipients: Vec<RecipientReply>) -> Submission {
        self.reset().await;
        Submission::Refused {
            recipients: refused_with(&reply, recipients),
            reply,
        }
    }

    /// All but the final dot.
    async fn body<E>(
        &mut self,
        body: impl Stream<Item = Result<Bytes, E>>,
        doing: &'static str,
    ) -> Result<(), Submission> {
        let mut body = std::pin::pin!(body);
        let mut stuffing = DotStuffing::default();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| Submission::Unreadable)?;
            for block in piece.chunks(BLOCK_BYTES) {
                let stuffed = stuffing.add(block);
                self.write_block(&stuffed, doing).await?;
            }
        }
        self.write_block(stuffing.end(), doing).await
    }

    async fn write_block(&mut self, block: &[u8], doing: &'static str) -> Result<(), Submission> {
        let written = self.write(block, self.deadlines.data_block, doing).await;
        written.map_err(Submission::LostBefore)
    }

    async fn reset(&mut self) {
        if !self.is_over {
            self.is_over = self.command("RSET", "beginning anew").await.is_err();
        }
    }

    pub async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(2), self.command("QUIT", "leaving")).await;
    }

    async fn command(&mut self, command: &str, doing: &'static str) -> Result<Reply, WireError> {
        let line = format!("{command}\r\n");
        let written = self.write(line.as_bytes(), self.deadlines.response, doing).await;
        match written {
            Ok(()) => self.read_reply(self.deadlines.command, doing).await,
            // Who hangs up may have said why.
            Err(error) => self.read_reply(LAST_WORDS, doing).await.map_err(|_| error),
        }
    }

    async fn write(&mut self, bytes: &[u8], within: Duration, doing: &'static str) -> Result<(), WireError> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(within, written)
            .await
            .map_err(|_| WireError::timeout(doing))?
            .map_err(|_| WireError::new(Kind::Unavailable, doing))
    }

    async fn read_reply(&mut self, within: Duration, doing: &'static str) -> Result<Reply, WireError> {
        let read = self.read_whole_reply(doing);
        let reply = timeout(within, read)
            .await
            .map_err(|_| WireError::timeout(doing))??;
        self.is_over |= reply.code == 421;
        Ok(reply)
    }

    async fn read_whole_reply(&mut self, doing: &'static str) -> Result<Reply, WireError> {
        loop {
            if let Some(reply) = take_reply(&mut self.buffer, doing)? {
                return Ok(reply);
            }
            let mut chunk = [0_u8; 4096];
            let read = self.stream.read(&mut chunk).await;
            let read = read.map_err(|error| match crate::error::is_not_tls(&error) {
                true => WireError::new(Kind::NotTls, doing),
                false => WireError::new(Kind::Unavailable, doing),
            })?;
            if read == 0 {
                return Err(WireError::new(Kind::Unavailable, doing));
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }

    fn quoting(&self, error: WireError, reply: &Reply) -> WireError {
        match self.may_quote {
            true => error.saying(&reply.said()),
            false => error,
        }
    }
}

/// Whether a mail server speaks SMTP there, encrypted, under a certificate that is trusted. Nobody signs in.
pub async fn answers_smtp(dialer: &Dialer, settings: SmtpSettings) -> bool {
    let target = SmtpTarget {
        settings: SmtpSettings {
            auth: SmtpAuth::None,
            ..settings
        },
        username: String::new(),
        password: None,
    };
    match SmtpSession::connect(dialer, &target, &mut StepLog::default()).await {
        Ok(session) => {
            session.quit().await;
            true
        }
        Err(_) => false,
    }
}

/// `None`: it is not whole yet.
fn take_reply(buffer: &mut Vec<u8>, doing: &'static str) -> Result<Option<Reply>, WireError> {
    let protocol = |what: &str| WireError::new(Kind::Protocol(what.to_owned()), doing);
    let (mut at, mut lines) = (0, Vec::new());
    while let Some(length) = memchr::memchr(b'\n', &buffer[at..]) {
        let line = buffer[at..at + length].trim_ascii_end();
        at += length + 1;
        let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok());
        let code: u16 = code
            .and_then(|code| code.parse().ok())
            .filter(|code| (200..600).contains(code))
            .ok_or_else(|| protocol("a line that is no reply"))?;
        lines.push(CleanText::cut(
            &String::from_utf8_lossy(line.get(4..).unwrap_or_default()),
            500,
        ));
        if lines.len() > MAX_REPLY_LINES {
            return Err(protocol("a reply without end"));
        }
        if line.get(3) != Some(&b'-') {
            buffer.drain(..at);
            return Ok(Some(Reply { code, lines }));
        }
    }
    match buffer.len() > MAX_REPLY_BYTES {
        true => Err(protocol("a reply without end")),
        false => Ok(None),
    }
}

fn capability(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once([' ', '=']).unwrap_or((line, ""));
    (!name.is_empty()).then(|| (name.to_ascii_uppercase(), value.to_owned()))
}

/// RFC 5321 §4.1.3: a name, or an address literal where we have none.
fn hello_name(local_domain: Option<&str>) -> &str {
    let is_name = |name: &&str| {
        !name.is_empty()
            && name.len() <= 253
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    };
    local_domain
        .map(str::trim)
        .filter(is_name)
        .unwrap_or("[127.0.0.1]")
}

/// RFC 5321 §4.5.2. Ends of lines are CRLF whatever they were, so that no server sees an end where none is.
#[derive(Default)]
struct DotStuffing {
    is_in_line: bool,
    /// A line feed that follows at once belongs to the end that is written already.
    after_return: bool,
}

impl DotStuffing {
    fn add(&mut self, block: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(block.len() + block.len() / 32 + 2);
        let mut rest = block;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            if !self.is_in_line && *first == b'.' {
                out.push(b'.');
            }
            let end = memchr::memchr2(b'\r', b'\n', rest);
            out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
            self.is_in_line = end.is_none();
            let Some(end) = end else { break };
            out.extend_from_slice(b"\r\n");
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
        }
        out
    }

    /// What ends the last line, if it is open.
    fn end(&self) -> &'static [u8] {
        if self.is_in_line { b"\r\n" } else { b"" }
    }
}

fn encrypted(certificate: Option<&CertificateSummary>) -> String {
    match certificate {
        Some(certificate) => {
            let day = certificate.valid_until.split('T').next().unwrap_or_default();
            format!(
                "Encrypted; certificate for {}, valid until {day}",
                certificate.names.join(", ")
            )
        }
        None => "Encrypted".into(),
    }
}

fn mega(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

fn local_reply(code: u16, text: &str) -> Reply {
    Reply {
        code,
        lines: vec![CleanText::new(text)],
    }
}

fn refused_here(code: u16, text: &str) -> Submission {
    Submission::Refused {
        reply: local_reply(code, text),
        recipients: Vec::new(),
    }
}

/// Nobody was taken. If one of them may be taken later, the message may: of those the first says why.
fn all_refused(recipients: Vec<RecipientReply>) -> Submission {
    let replies = recipients.iter().map(|recipient| &recipient.reply);
    let reply = replies.min_by_key(|reply| reply.code / 100).cloned();
    Submission::Refused {
        reply: reply.unwrap_or_else(|| local_reply(554, "There is no recipient.")),
        recipients,
    }
}

/// Who was taken is refused with the message; who was not keeps what was said of them.
fn refused_with(reply: &Reply, recipients: Vec<RecipientReply>) -> Vec<RecipientReply> {
    let refused = recipients.into_iter().map(|one| match one.reply.is_positive() {
        true => RecipientReply {
            reply: reply.clone(),
            ..one
        },
        false => one,
    });
    refused.collect()
}

fn replies_of(recipients: Vec<EmailAddress>, reply: Reply) -> Vec<RecipientReply> {
    let replies = recipients.into_iter().map(|address| RecipientReply {
        address,
        reply: reply.clone(),
    });
    replies.collect()
}

fn unanswered() -> Reply {
    local_reply(451, "The connection was lost before the server answered.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_ends_it() {
        for (raw, sent) in [
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb\r\n", "a\r\n..\r\nb\r\n"),
            ("a\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
            (".a\r\n..\r\n", "..a\r\n...\r\n"),
            ("\r\n\r\n", "\r\n\r\n"),
            ("", ""),
        ] {
            for size in 1..=raw.len().max(1) {
                let mut stuffing = DotStuffing::default();
                let mut out: Vec<u8> = raw
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|block| stuffing.add(block))
                    .collect();
                out.extend_from_slice(stuffing.end());
                assert_eq!(out, sent.as_bytes(), "{raw:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn replies_are_read_as_servers_write_them() {
        let read = |text: &str| {
            let mut buffer = text.as_bytes().to_vec();
            take_reply(&mut buffer, "reading").map(|reply| reply.map(|reply| (reply.said(), buffer.len())))
        };
        for (text, expected) in [
            ("250 OK\r\n", Some(("250 OK".to_owned(), 0))),
            ("250 OK\r\n354 go", Some(("250 OK".to_owned(), 6))),
            (
                "250-a\r\n250-SIZE 10\r\n250 b\r\n",
                Some(("250 a SIZE 10 b".to_owned(), 0)),
            ),
            ("250\r\n", Some(("250 ".to_owned(), 0))),
            ("250 bare\n", Some(("250 bare".to_owned(), 0))),
            ("250-a\r\n", None),
            ("25", None),
        ] {
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
        for text in ["* OK IMAP\r\n", "999 x\r\n", "\r\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let endless = "250-x\r\n".repeat(MAX_REPLY_LINES + 1);
        assert!(read(&endless).is_err());
    }
}
