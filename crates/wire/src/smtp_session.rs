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
use imap::sasl;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::dialer::Deadlines;
use crate::dialer::Dialer;
use crate::dialer::Stream;
use crate::egress::Purpose;
use crate::error::Kind;
use crate::error::WireError;
use crate::steps::StepLog;
use crate::tls::CertificateSummary;

/// A reply longer than this is not a mail server's.
const MAX_REPLY_BYTES: usize = 64 * 1024;
const MAX_REPLY_LINES: usize = 200;
/// RFC 5321 §4.5.3.2.6: the answer to the final dot may take this long.
const FINAL_DOT: Duration = Duration::from_secs(600);
const DATA_BLOCK: Duration = Duration::from_secs(180);

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
}

pub struct SmtpSession {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    deadlines: Deadlines,
    capabilities: HashMap<String, String>,
    may_quote: bool,
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
            SmtpAuth::Xoauth2 => {
                let response = STANDARD.encode(sasl::xoauth2(user, password));
                let mut reply = self.command(&format!("AUTH XOAUTH2 {response}"), DOING).await?;
                // A refusal comes as a challenge that wants an empty answer.
                if reply.code == 334 {
                    reply = self.command("", DOING).await?;
                }
                reply
            }
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

    /// One message. `before_final_dot` is asked once everything but the dot is on its way; false stops it there,
    /// and the session is over.
    pub async fn submit(
        &mut self,
        from: &str,
        recipients: &[EmailAddress],
        raw: &[u8],
        before_final_dot: impl Future<Output = bool>,
    ) -> Submission {
        if let Some(limit) = self.size_limit()
            && raw.len() as u64 > limit
        {
            let text = format!(
                "The message has {} MB, and the server takes {} MB.",
                mega(raw.len() as u64),
                mega(limit)
            );
            return refused_here(552, &text);
        }
        match self.envelope(from, recipients, raw.len()).await {
            Err(error) => Submission::LostBefore(error),
            Ok(Err(submission)) => submission,
            Ok(Ok(recipients)) => self.data(raw, recipients, before_final_dot).await,
        }
    }

    /// MAIL and RCPT, together where the server can (RFC 2920).
    async fn envelope(
        &mut self,
        from: &str,
        recipients: &[EmailAddress],
        size: usize,
    ) -> Result<Result<Vec<RecipientReply>, Submission>, WireError> {
        const DOING: &str = "naming sender and recipients";
        let wide = !from.is_ascii() || recipients.iter().any(|address| !address.as_str().is_ascii());
        if wide && !self.can("SMTPUTF8") {
            let text = "The server cannot send to addresses with letters outside of ASCII.";
            return Ok(Err(refused_here(553, text)));
        }
        let mut mail = format!("MAIL FROM:<{from}>");
        if self.can("SIZE") {
            mail.push_str(&format!(" SIZE={size}"));
        }
        if wide {
            mail.push_str(" SMTPUTF8");
        }
        // RFC 3461: what comes back need not hold the whole message.
        if self.can("DSN") {
            mail.push_str(" RET=HDRS");
        }
        let commands: Vec<String> = std::iter::once(mail)
            .chain(recipients.iter().map(|address| format!("RCPT TO:<{address}>")))
            .collect();
        let mut replies = Vec::with_capacity(commands.len());
        if self.can("PIPELINING") {
            let lines: String = commands.iter().map(|command| format!("{command}\r\n")).collect();
            self.write(lines.as_bytes(), self.deadlines.response, DOING)
                .await?;
            for _ in &commands {
                replies.push(self.read_reply(self.deadlines.command, DOING).await?);
            }
        } else {
            for command in &commands {
                let reply = self.command(command, DOING).await?;
                let goes_on = reply.is_positive() || !replies.is_empty();
                replies.push(reply);
                if !goes_on {
                    break;
                }
            }
        }
        let mut replies = replies.into_iter();
        let mail = replies.next().filter(|reply| !reply.is_positive());
        if let Some(reply) = mail {
            self.reset().await?;
            return Ok(Err(Submission::Refused {
                reply,
                recipients: Vec::new(),
            }));
        }
        let named: Vec<RecipientReply> = recipients
            .iter()
            .cloned()
            .zip(replies)
            .map(|(address, reply)| RecipientReply { address, reply })
            .collect();
        if named.iter().any(|recipient| recipient.reply.is_positive()) {
            return Ok(Ok(named));
        }
        self.reset().await?;
        let worst = named.iter().map(|recipient| &recipient.reply);
        // If one of them may be taken later, the message may.
        let reply = worst.min_by_key(|reply| reply.code).cloned();
        let reply = reply.unwrap_or_else(|| local_reply(554, "There is no recipient."));
        Ok(Err(Submission::Refused {
            reply,
            recipients: named,
        }))
    }

    async fn data(
        &mut self,
        raw: &[u8],
        recipients: Vec<RecipientReply>,
        before_final_dot: impl Future<Output = bool>,
    ) -> Submission {
        const DOING: &str = "handing the message over";
        match self.command("DATA", DOING).await {
            Err(error) => return Submission::LostBefore(error),
            Ok(reply) if reply.code != 354 => {
                return match self.reset().await {
                    Ok(()) => Submission::Refused {
                        reply,
                        recipients: Vec::new(),
                    },
                    Err(error) if reply.is_permanent() => {
                        let _ = error;
                        Submission::Refused {
                            reply,
                            recipients: Vec::new(),
                        }
                    }
                    Err(error) => Submission::LostBefore(error),
                };
            }
            Ok(_) => {}
        }
        if let Err(error) = self.write(&dot_stuffed(raw), DATA_BLOCK, DOING).await {
            return Submission::LostBefore(error);
        }
        if !before_final_dot.await {
            return Submission::Stopped;
        }
        // From here on it may have gone, whatever happens.
        let answer = match self.write(b".\r\n", DATA_BLOCK, DOING).await {
            Ok(()) => {
                self.read_reply(FINAL_DOT.min(self.deadlines.command), DOING)
                    .await
            }
            Err(error) => Err(error),
        };
        match answer {
            Err(error) => Submission::LostAfter(error),
            Ok(reply) if reply.is_positive() => Submission::Taken { reply, recipients },
            Ok(reply) => Submission::Refused {
                reply,
                recipients: Vec::new(),
            },
        }
    }

    async fn reset(&mut self) -> Result<(), WireError> {
        self.command("RSET", "beginning anew").await.map(|_| ())
    }

    pub async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(2), self.command("QUIT", "leaving")).await;
    }

    async fn command(&mut self, command: &str, doing: &'static str) -> Result<Reply, WireError> {
        self.write(
            format!("{command}\r\n").as_bytes(),
            self.deadlines.response,
            doing,
        )
        .await?;
        self.read_reply(self.deadlines.command, doing).await
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
        let read = async {
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
        };
        timeout(within, read)
            .await
            .map_err(|_| WireError::timeout(doing))?
    }

    fn quoting(&self, error: WireError, reply: &Reply) -> WireError {
        match self.may_quote {
            true => error.saying(&reply.said()),
            false => error,
        }
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
fn dot_stuffed(raw: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 64 + 2);
    let mut rest = raw;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        if rest[0] == b'.' {
            out.push(b'.');
        }
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(b"\r\n");
        let ends = match &rest[end..] {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        rest = &rest[end + ends..];
    }
    out.into()
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
            assert_eq!(dot_stuffed(raw.as_bytes()), sent.as_bytes(), "{raw:?}");
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
