//! A private Exim: takes mail on loopback and hands it to Dovecot over LMTP.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use crate::Dovecot;
use crate::TestkitError;
use crate::process::Server;
use crate::process::free_port;

#[derive(Debug)]
pub struct Mta {
    // Ends before its folder goes.
    _server: Server,
    folder: TempDir,
    pub smtp_port: u16,
}

impl Mta {
    /// Everything that it accepts goes to `dovecot`, whatever the domain.
    pub fn start(dovecot: &Dovecot) -> Result<Self, TestkitError> {
        Self::start_at(free_port()?, dovecot)
    }

    pub fn start_at(smtp_port: u16, dovecot: &Dovecot) -> Result<Self, TestkitError> {
        let folder = tempfile::Builder::new().prefix("waxseal-exim-").tempdir()?;
        let owner = Command::new("chown")
            .arg("Debian-exim")
            .arg(folder.path())
            .status()?;
        if !owner.success() {
            let reason = "the user Debian-exim is missing; is the package installed? (make deps)".into();
            return Err(TestkitError::Start {
                program: "exim4",
                reason,
            });
        }
        Command::new("chmod").arg("755").arg(folder.path()).status()?;
        let configuration = folder.path().join("exim.conf");
        std::fs::write(
            &configuration,
            configuration_text(&folder, smtp_port, dovecot.lmtp_port),
        )?;
        let mut command = Command::new("/usr/sbin/exim4");
        command.arg("-C").arg(&configuration).args([
            "-bdf",
            "-q1m",
            "-oX",
            &format!("127.0.0.1:{smtp_port}"),
        ]);
        let server = Server::start("exim4", &mut command, smtp_port, &folder.path().join("start.log"))?;
        Ok(Mta {
            _server: server,
            folder,
            smtp_port,
        })
    }

    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("exim.conf")
    }

    /// Delivers one message, and returns when it is in the mailbox.
    pub fn deliver(&self, from: &str, to: &str, raw: &[u8]) -> Result<(), TestkitError> {
        let mut child = Command::new("/usr/sbin/exim4")
            .arg("-C")
            .arg(self.configuration())
            .args(["-i", "-odf", "-f", from, to])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(raw)?;
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(TestkitError::Start {
            program: "exim4",
            reason,
        })
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("mainlog")).unwrap_or_default()
    }
}

fn configuration_text(folder: &TempDir, smtp_port: u16, lmtp_port: u16) -> String {
    let root = folder.path().display();
    format!(
        "primary_hostname = mail.isp.example
spool_directory = {root}/spool
log_file_path = {root}/%slog
pid_file_path = {root}/exim.pid
daemon_smtp_ports = {smtp_port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
never_users =
keep_environment =
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
smtp_accept_max = 200
message_size_limit = 60M
remote_max_parallel = 10

begin acl
accept_all:
  accept

begin routers
everything:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = dovecot

begin transports
dovecot:
  driver = smtp
  protocol = lmtp
  port = {lmtp_port}
  allow_localhost
  hosts_try_fastopen =

begin retry
* * F,1h,5s
"
    )
}
