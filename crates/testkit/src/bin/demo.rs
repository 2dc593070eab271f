//! The whole product on this machine: a private Dovecot and Exim with sample people and mail, and Waxseal
//! on a fresh data folder. Ends with Ctrl-C and leaves nothing behind.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use testkit::Authority;
use testkit::DnsServer;
use testkit::Dovecot;
use testkit::Mta;
use testkit::TestkitError;
use testkit::dovecot::PASSWORD;
use testkit::people::ADMINISTRATORS;
use testkit::people::ALICE;
use testkit::people::BOB;
use testkit::people::SIGN_IN_PASSWORD;
use testkit::process::free_port;
use testkit::sample_mail::alices_mailbox;
use tokio::runtime::Handle;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

const USAGE: &str = "usage: demo PATH-OF-WAXSEAL [--port PORT] [--web-port PORT] [--without-account] [--sign-in] [--discovery] [--state FILE]";

/// Short, so that what is taken back is noticed while somebody looks.
const TOKEN_LIFE_S: u32 = 20;

struct Options {
    waxseal: PathBuf,
    port: u16,
    /// Where a test has images that its mail names.
    web_port: Option<u16>,
    /// The journeys set the account up in the browser.
    without_account: bool,
    /// A provider signs mailboxes in, with tokens that live for so many seconds.
    sign_in: Option<u32>,
    /// Names are looked up at a private DNS server.
    discovery: bool,
    /// Where the journeys read how to reach the servers.
    state: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), TestkitError> {
    let options = options().ok_or_else(|| error("demo", USAGE))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let demo = tokio::task::spawn_blocking(move || Demo::start(&options));
    let demo = demo.await.map_err(std::io::Error::other)??;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("Ending.");
    drop(demo);
    Ok(())
}

fn error(program: &'static str, reason: &str) -> TestkitError {
    TestkitError::Start {
        program,
        reason: reason.to_owned(),
    }
}

fn options() -> Option<Options> {
    let mut arguments = std::env::args().skip(1);
    let waxseal = arguments.next()?.into();
    let mut options = Options {
        waxseal,
        port: 8080,
        web_port: None,
        without_account: false,
        sign_in: None,
        discovery: false,
        state: None,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--port" => options.port = arguments.next()?.parse().ok()?,
            "--web-port" => options.web_port = Some(arguments.next()?.parse().ok()?),
            "--without-account" => options.without_account = true,
            "--discovery" => options.discovery = true,
            "--sign-in" => options.sign_in = Some(TOKEN_LIFE_S),
            "--state" => options.state = Some(arguments.next()?.into()),
            _ => return None,
        }
    }
    Some(options)
}

impl Options {
    fn authority(&self) -> Result<Option<Authority>, TestkitError> {
        let redirect = format!("http://localhost:{}/profile/signed-in", self.port);
        let started = self.sign_in.map(|life_s| Authority::start(&redirect, life_s));
        started.transpose()
    }
}

// Fields end in this order: Waxseal first, then its servers, then the folder.
struct Demo {
    _waxseal: Ending,
    _dns: Option<DnsServer>,
    mta: Mta,
    dovecot: Dovecot,
    authority: Option<Authority>,
    _folder: tempfile::TempDir,
}

/// Ends with SIGTERM and waits, as an operator would.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

impl Demo {
    fn start(options: &Options) -> Result<Self, TestkitError> {
        eprintln!("Starting Dovecot and Exim on loopback ...");
        let authority = options.authority()?;
        let relay = free_port()?;
        let dovecot = match &authority {
            Some(authority) => Dovecot::start_with_tokens(&authority.introspection(), relay)?,
            None => Dovecot::start()?,
        };
        let dns = options.discovery.then(|| start_dns(&dovecot)).transpose()?;
        let mta = Mta::start_at(relay, &dovecot)?;
        let mailbox = dovecot.maildir(ALICE.login);
        for sample in alices_mailbox() {
            mailbox.put(sample.folder, sample.raw.as_bytes(), sample.seen, sample.age)?;
        }
        let folder = tempfile::Builder::new().prefix("waxseal-demo-").tempdir()?;
        let world = World {
            waxseal: &options.waxseal,
            data: folder.path().join("data"),
            web_ports: [
                options.web_port,
                authority.as_ref().map(|authority| authority.port),
            ],
            dovecot: &dovecot,
            dns: dns.as_ref(),
        };
        world.run(&["init"], "")?;
        for administrator in ADMINISTRATORS {
            let mut arguments = vec![
                "admin",
                "create",
                "--password-stdin",
                "--login",
                administrator.login,
            ];
            arguments.extend(["--name", administrator.name]);
            arguments.extend((administrator != BOB).then_some("--super"));
            world.run(&arguments, SIGN_IN_PASSWORD)?;
        }
        if !options.without_account {
            let file = folder.path().join("account.toml");
            std::fs::write(&file, account_file(&dovecot, &mta))?;
            world.run(
                &[
                    "account",
                    "add",
                    "--owner",
                    ALICE.login,
                    "--file",
                    &file.to_string_lossy(),
                ],
                "",
            )?;
            // The first look already shows mail.
            world.run(&["sync", "--once"], "")?;
        }
        let (waxseal, url) = world.serve(options.port)?;
        let demo = Demo {
            _waxseal: waxseal,
            _dns: dns,
            mta,
            dovecot,
            authority,
            _folder: folder,
        };
        demo.introduce(&url);
        if let Some(state) = &options.state {
            std::fs::write(state, demo.state(&url))?;
        }
        println!("ready {url}");
        Ok(demo)
    }

    fn introduce(&self, url: &str) {
        eprintln!("\nSign in at {url} with the password \"{SIGN_IN_PASSWORD}\" as");
        for administrator in ADMINISTRATORS {
            eprintln!(
                "  {:8} {} - {}",
                administrator.login, administrator.name, administrator.part
            );
        }
        let exim = self.mta.configuration();
        let (to, exim) = (ALICE.address, exim.display());
        eprintln!("\nDeliver one more message while it runs:");
        eprintln!(
            "  printf 'From: Kelly <kelly@out.example>\\nTo: {to}\\nSubject: One more\\n\\nHello again.\\n' \\"
        );
        eprintln!("    | /usr/sbin/exim4 -C {exim} -i -odf -f kelly@out.example {to}");
        let port = self.dovecot.imaps_port;
        eprintln!(
            "\nIts IMAP: server localhost, port {port}, SSL, user {}, password {PASSWORD}",
            ALICE.login
        );
        eprintln!("Ctrl-C ends it; nothing is left behind.\n");
    }

    fn state(&self, url: &str) -> String {
        format!(
            "{{\"url\":\"{url}\",\"imapPort\":{},\"imapsPort\":{},\"mailPassword\":\"{PASSWORD}\",\
\"signInPassword\":\"{SIGN_IN_PASSWORD}\",\"exim\":\"{}\",\"alice\":\"{}\",\"submissionPort\":{},\"issuer\":\"{}\"}}\n",
            self.dovecot.imap_port,
            self.dovecot.imaps_port,
            self.mta.configuration().display(),
            ALICE.address,
            self.dovecot.submission_port(),
            self.authority.as_ref().map(Authority::issuer).unwrap_or_default()
        )
    }
}

/// The sample people's own servers; a domain that is served by a known provider; one that names servers of its own.
fn start_dns(dovecot: &Dovecot) -> Result<DnsServer, TestkitError> {
    let zone = format!(
        "localhost. 60 IN A 127.0.0.1\n\
         _imaps._tcp.isp.example. 60 IN SRV 0 1 {} localhost.\n\
         acme.example. 60 IN MX 1 aspmx.l.google.com.\n\
         _imaps._tcp.own.example. 60 IN SRV 0 1 993 imap.own.example.\n\
         _submissions._tcp.own.example. 60 IN SRV 0 1 465 smtp.own.example.\n\
         imap.own.example. 60 IN A 127.0.0.1\n\
         smtp.own.example. 60 IN A 127.0.0.1\n",
        dovecot.imaps_port
    );
    Handle::current().block_on(DnsServer::start(&zone))
}

/// How every command of Waxseal is run here.
struct World<'a> {
    waxseal: &'a Path,
    data: PathBuf,
    web_ports: [Option<u16>; 2],
    dovecot: &'a Dovecot,
    dns: Option<&'a DnsServer>,
}

impl World<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.waxseal);
        command
            .arg("--data")
            .arg(&self.data)
            .env("WAXSEAL_EGRESS_ALLOW", self.egress());
        // The demo's own authority is trusted instead of the machine's.
        command.env("SSL_CERT_FILE", &self.dovecot.certificate.authority);
        if let Some(dns) = self.dns {
            command.env("WAXSEAL_DNS_SERVER", dns.address.to_string());
        }
        command
    }

    /// Mail servers on loopback; and ports where images of mail and the provider may be, if they are asked for.
    fn egress(&self) -> String {
        let ports = self.web_ports.iter().flatten();
        let web: String = ports.map(|port| format!(",127.0.0.1:{port}")).collect();
        format!("127.0.0.0/8,[::1/128]{web}")
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<(), TestkitError> {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|cause| error("waxseal", &cause.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads nothing closes early; its exit code is what counts.
            let _ = writeln!(stdin, "{input}");
        }
        let output = child.wait_with_output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(error("waxseal", &String::from_utf8_lossy(&output.stderr))),
        }
    }

    fn serve(&self, port: u16) -> Result<(Ending, String), TestkitError> {
        let mut command = self.command();
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
        // The log is for those who ask for it: RUST_LOG=info make demo.
        let wants_log = std::env::var_os("RUST_LOG").is_some();
        let log = if wants_log {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        let mut child = Ending(command.stdout(Stdio::piped()).stderr(log).spawn()?);
        let output = child
            .0
            .stdout
            .take()
            .ok_or_else(|| error("waxseal", "it has no output"))?;
        for line in BufReader::new(output).lines() {
            if let Some(url) = line?.strip_prefix("Waxseal listens on ") {
                return Ok((child, url.to_owned()));
            }
        }
        let reason = format!("it ended early. Is port {port} taken? Choose another: make demo PORT=8081");
        Err(error("waxseal", &reason))
    }
}

fn account_file(dovecot: &Dovecot, mta: &Mta) -> String {
    format!(
        "name = \"{}\"
address = \"{}\"
username = \"{}\"
password = \"{PASSWORD}\"
[tracking]
enabled = true
history_since = \"2020-01-01\"
deny = [\"*.spam.example\"]
[imap]
server = \"localhost\"
port = {}
security = \"tls\"
[smtp]
enabled = true
server = \"localhost\"
port = {}
security = \"none\"
auth = \"none\"
",
        ALICE.name, ALICE.address, ALICE.login, dovecot.imaps_port, mta.smtp_port
    )
}
