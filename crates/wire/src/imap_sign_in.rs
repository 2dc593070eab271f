//! How an IMAP session begins: connect, encrypt, sign in, learn what the server can and which folders there are.

use std::net::SocketAddr;
use std::time::Duration;

use domain::account::ImapSettings;
use domain::account::Security;
use domain::provider::provider_of_server;
use domain::rules::sent_folder::ListedFolder;
use domain::rules::sent_folder::mark_by_provider;
use domain::rules::sent_folder::names_to_count;
use imap::Client;
use imap::Code;
use imap::Command;
use imap::Completion;
use imap::Connection;
use imap::Greeting;
use imap::Limits;
use imap::Status;
use imap::Untagged;
use imap::sasl::Refusal;
use imap::sasl::TokenLogin;
use imap::sasl::TokenMechanism;
use tokio::time::timeout;

use crate::dialer::Deadlines;
use crate::dialer::Dialer;
use crate::dialer::Stream;
use crate::egress::Purpose;
use crate::error::Kind;
use crate::error::WireError;
use crate::imap_session::ImapSession;
use crate::imap_session::ImapTarget;
use crate::imap_session::ServerFolder;
use crate::imap_session::is_transient;
use crate::imap_session::refuse_failure;
use crate::steps::StepLog;

pub const MAX_FOLDERS: usize = 10_000;

impl ImapSession {
    /// Resolve, connect, encrypt, sign in, ask for capabilities; each step into `log`.
    pub async fn connect(dialer: &Dialer, target: &ImapTarget, log: &mut StepLog) -> Result<Self, WireError> {
        let settings = &target.settings;
        let (client, greeting) = open(dialer, settings, log).await?;
        let mut session = ImapSession {
            client,
            deadlines: Deadlines {
                idle: idle_renewal(dialer.deadlines.idle, &settings.server),
                ..dialer.deadlines
            },
            capabilities: String::new(),
            has_qresync: false,
            folders: Vec::new(),
        };
        session.sign_in(target, greeting, log).await?;
        session.introduce(&settings.server).await?;
        if settings.compress && session.can("COMPRESS=DEFLATE") {
            let (_, completion) = session.run(Command::compress(), "beginning to compress").await?;
            // A refusal costs nothing but bytes.
            if completion.status == Status::Ok {
                log.done("Compressed");
            }
        }
        Ok(session)
    }

    async fn sign_in(
        &mut self,
        target: &ImapTarget,
        greeting: Option<Greeting>,
        log: &mut StepLog,
    ) -> Result<(), WireError> {
        let signed_in = match greeting {
            Some(Greeting::Preauth(line)) => line,
            greeting => {
                let told = match greeting {
                    Some(Greeting::Ok(line)) => told_capabilities(line),
                    _ => None,
                };
                self.set_capabilities(told).await?;
                self.log_in(target).await?
            }
        };
        log.done("Signed in");
        // They may be others once signed in (RFC 3501 §6.2.3).
        self.set_capabilities(told_capabilities(signed_in)).await?;
        let idle = if self.can("IDLE") {
            "new mail is announced at once"
        } else {
            "new mail is looked for every minute"
        };
        log.done(format!(
            "{} capabilities; {idle}",
            self.capabilities.split(' ').count()
        ));
        Ok(())
    }

    /// What every session begins with, in one round trip: who we are, that we want to be told of changes, which folders
    /// there are.
    async fn introduce(&mut self, server: &str) -> Result<(), WireError> {
        const DOING: &str = "listing the folders";
        let wants_qresync = self.can("QRESYNC") && self.can("ENABLE") && !has_broken_qresync(server);
        let commands = [
            (self.can("ID") || requires_id(server)).then(|| Command::id("Waxseal")),
            wants_qresync.then(|| Command::enable(&["QRESYNC"])),
            Some(Command::new("LIST").string("").string("*")),
        ];
        let (mut has_qresync, mut folders) = (false, Vec::new());
        let completions = self
            .run_together(
                commands.into_iter().flatten().collect(),
                DOING,
                |response| match response {
                    Untagged::Enabled(names) => {
                        has_qresync |= names.iter().any(|name| name.eq_ignore_ascii_case("QRESYNC"));
                    }
                    Untagged::List(entry) if folders.len() < MAX_FOLDERS => {
                        folders.push(server_folder(entry))
                    }
                    _ => {}
                },
            )
            .await?;
        if let Some(listed) = completions.last() {
            refuse_failure(listed, DOING)?;
        }
        self.has_qresync = has_qresync;
        self.folders = folders;
        self.tell_folders_apart(server).await
    }

    /// A round trip only where several folders may be meant for one purpose and the server marks none.
    async fn tell_folders_apart(&mut self, server: &str) -> Result<(), WireError> {
        let mut listed: Vec<_> = self.folders.iter().map(|folder| folder.listed.clone()).collect();
        mark_by_provider(&mut listed, server);
        let unclear = names_to_count(&listed);
        for (folder, listed) in self.folders.iter_mut().zip(listed) {
            folder.listed = listed;
        }
        let names = self
            .folders
            .iter()
            .filter(|folder| unclear.contains(&folder.listed.name));
        let names: Vec<_> = names.map(|folder| folder.wire_name.clone()).collect();
        let status = |name| Command::status(name, &["MESSAGES"]);
        let mut told = Vec::new();
        self.run_together(
            names.iter().map(status).collect(),
            "counting messages",
            |response| {
                if let Untagged::StatusCounts(counts) = response {
                    told.push(counts);
                }
            },
        )
        .await?;
        for counts in told {
            let folder = self
                .folders
                .iter_mut()
                .find(|folder| folder.wire_name == counts.name);
            if let Some(folder) = folder {
                folder.listed.messages = counts.messages;
            }
        }
        Ok(())
    }

    /// A round trip only where the server has not told them by itself (RFC 3501 §7.1).
    async fn set_capabilities(&mut self, told: Option<Vec<String>>) -> Result<(), WireError> {
        const DOING: &str = "asking for capabilities";
        if let Some(told) = told {
            self.capabilities = told.join(" ");
            return Ok(());
        }
        let (responses, _) = self.run_ok(Command::new("CAPABILITY"), DOING).await?;
        for response in responses {
            if let Untagged::Capability(capabilities) = response {
                self.capabilities = capabilities.join(" ");
            }
        }
        Ok(())
    }

    async fn log_in(&self, target: &ImapTarget) -> Result<Completion, WireError> {
        const DOING: &str = "signing in";
        let (user, password) = (&target.username, &target.password);
        let told = Refusal::default();
        let command = if target.is_token {
            self.token_command(target, &told)
        } else if !self.can("LOGINDISABLED") && user.is_ascii() {
            Command::login(user, password)
        } else if self.can("AUTH=CRAM-MD5") && !self.can("AUTH=PLAIN") {
            Command::authenticate_cram_md5(user, password)
        } else {
            Command::authenticate_plain(user, password, self.can("SASL-IR"))
        };
        // What it says meanwhile is read over: it must not be kept, for it may be without end.
        let logged_in = async { self.client.send(command).await.finish().await };
        let completion = timeout(self.deadlines.login, logged_in)
            .await
            .map_err(|_| WireError::timeout(DOING))?
            .map_err(|error| WireError::from_imap(error, DOING))?;
        match completion.status {
            Status::Ok => Ok(completion),
            Status::No if !is_transient(&completion) => {
                let said = [told.text().unwrap_or_default(), &completion.text].join(" ");
                let kind = match target.is_token {
                    true => Kind::TokenRefused,
                    false => Kind::LoginRefused,
                };
                Err(WireError::new(kind, DOING).saying(said.trim()))
            }
            // Exchange: `BAD User is authenticated but not connected` (MailKit#1494); passes by itself.
            _ => Err(WireError::new(Kind::Unavailable, DOING).saying(&completion.text)),
        }
    }
}

impl ImapSession {
    fn token_command(&self, target: &ImapTarget, told: &Refusal) -> Command {
        let by = TokenMechanism::of_offered(|name| self.can(&format!("AUTH={name}")));
        let login = TokenLogin {
            user: &target.username,
            host: &target.settings.server,
            port: target.settings.port,
            token: &target.password,
        };
        Command::authenticate_token(by, &login, self.can("SASL-IR"), told)
    }
}

/// Resolve, connect, encrypt; whoever it is has not signed in yet.
async fn open(
    dialer: &Dialer,
    settings: &ImapSettings,
    log: &mut StepLog,
) -> Result<(Client, Option<Greeting>), WireError> {
    let addresses = dialer
        .resolve(&settings.server, settings.port, Purpose::Mail)
        .await?;
    log.done(format!("Found {}", settings.server));
    let dialled = dialer.connect(&addresses).await?;
    log.done(format!("Connected to port {}", settings.port));
    Ok(match settings.security {
        Security::Tls => {
            let stream = encrypt(dialer, settings, dialled.stream, log).await?;
            let mut connection = Connection::new(stream, Limits::default());
            let greeting = read_greeting(&mut connection, dialer.deadlines).await?;
            (connection.into_client(), greeting)
        }
        Security::Starttls => {
            let stream = start_tls(dialer, settings, dialled.stream, log).await?;
            // No second greeting follows; what was learned before is forgotten (RFC 3501 §6.2.1).
            (Connection::new(stream, Limits::default()).into_client(), None)
        }
        Security::None => {
            let connection = in_clear(dialer, settings, dialled.stream, dialled.address).await?;
            log.done("Connected without encryption");
            connection
        }
    })
}

/// Whether a mail server speaks IMAP there, encrypted, under a certificate that is trusted. Nobody signs in.
pub async fn answers_imap(dialer: &Dialer, settings: &ImapSettings) -> bool {
    open(dialer, settings, &mut StepLog::default()).await.is_ok()
}

async fn encrypt<S: Stream + 'static>(
    dialer: &Dialer,
    settings: &ImapSettings,
    stream: S,
    log: &mut StepLog,
) -> Result<Box<dyn Stream>, WireError> {
    let (stream, certificate) = dialer
        .handshake(&settings.server, stream, settings.pinned_certificate)
        .await?;
    match certificate {
        Some(certificate) => {
            let day = certificate
                .valid_until
                .split('T')
                .next()
                .unwrap_or_default()
                .to_owned();
            let names = certificate.names.join(", ");
            log.done(format!("Encrypted; certificate for {names}, valid until {day}"));
        }
        None => log.done("Encrypted"),
    }
    Ok(stream)
}

async fn read_greeting<S: Stream>(
    connection: &mut Connection<S>,
    deadlines: Deadlines,
) -> Result<Option<Greeting>, WireError> {
    const DOING: &str = "waiting for the server's greeting";
    let greeting = timeout(deadlines.greeting, connection.read_greeting())
        .await
        .map_err(|_| WireError::timeout(DOING))?
        .map_err(|error| WireError::from_imap(error, DOING))?;
    Ok(Some(greeting))
}

/// Signed in by whoever is in between: STARTTLS is no longer possible then, and without it nothing tells whose mail
/// this is.
async fn read_greeting_in_clear<S: Stream>(
    connection: &mut Connection<S>,
    deadlines: Deadlines,
) -> Result<Option<Greeting>, WireError> {
    let greeting = read_greeting(connection, deadlines).await?;
    if matches!(greeting, Some(Greeting::Preauth(_))) {
        let what = "it says that we are signed in, before anything is encrypted".to_owned();
        return Err(WireError::new(
            Kind::Protocol(what),
            "waiting for the server's greeting",
        ));
    }
    Ok(greeting)
}

async fn start_tls<S: Stream + 'static>(
    dialer: &Dialer,
    settings: &ImapSettings,
    stream: S,
    log: &mut StepLog,
) -> Result<Box<dyn Stream>, WireError> {
    const DOING: &str = "starting encryption";
    let mut connection = Connection::new(stream, Limits::default());
    read_greeting_in_clear(&mut connection, dialer.deadlines).await?;
    let started = timeout(dialer.deadlines.tls, connection.start_tls())
        .await
        .map_err(|_| WireError::timeout(DOING))?
        .map_err(|error| WireError::from_imap(error, DOING))?;
    let stream = started.map_err(|_| WireError::new(Kind::StarttlsMissing, DOING))?;
    encrypt(dialer, settings, stream, log).await
}

async fn in_clear<S: Stream + 'static>(
    dialer: &Dialer,
    settings: &ImapSettings,
    stream: S,
    address: SocketAddr,
) -> Result<(Client, Option<Greeting>), WireError> {
    if !dialer.allows_cleartext(&settings.server, address) {
        return Err(WireError::new(Kind::CleartextRefused, "signing in"));
    }
    let mut connection = Connection::new(stream, Limits::default());
    let greeting = read_greeting_in_clear(&mut connection, dialer.deadlines).await?;
    Ok((connection.into_client(), greeting))
}

fn told_capabilities(line: Completion) -> Option<Vec<String>> {
    match line.code {
        Some(Code::Capability(told)) => Some(told),
        _ => None,
    }
}

/// Some let go of a silent connection sooner than the standard says (RFC 2177: 30 minutes).
fn idle_renewal(usual: Duration, server: &str) -> Duration {
    let told = provider_of_server(server).and_then(|provider| provider.idle_renewal_s);
    told.map_or(usual, |seconds| usual.min(Duration::from_secs(seconds)))
}

fn has_broken_qresync(server: &str) -> bool {
    provider_of_server(server).is_some_and(|provider| provider.broken_qresync)
}

fn requires_id(server: &str) -> bool {
    provider_of_server(server).is_some_and(|provider| provider.id_required)
}

fn server_folder(entry: imap::ListEntry) -> ServerFolder {
    let has = |attribute: &str| {
        entry
            .attributes
            .iter()
            .any(|known| known.trim_start_matches('\\').eq_ignore_ascii_case(attribute))
    };
    ServerFolder {
        listed: ListedFolder {
            name: entry.name.to_text(),
            delimiter: entry.delimiter,
            is_sent: has("Sent"),
            is_trash: has("Trash"),
            is_junk: has("Junk"),
            is_all: has("All"),
            selectable: !has("Noselect") && !has("NonExistent"),
            messages: None,
        },
        wire_name: entry.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_qresync_is_known_by_its_host() {
        for (server, broken) in [
            ("imap.mail.me.com", true),
            ("p01-IMAP.mail.me.com", true),
            ("imap.isp.example", false),
            ("notmail.me.com", false),
        ] {
            assert_eq!(has_broken_qresync(server), broken, "{server}");
        }
    }
}
