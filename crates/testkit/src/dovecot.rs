//! A private Dovecot: IMAP in clear with STARTTLS, IMAP over TLS, LMTP; its own folder, its own ports.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::TestkitError;
use crate::certificate;
use crate::certificate::CertificateFiles;
use crate::maildir::Maildir;
use crate::process::Server;
use crate::process::free_port;
use crate::process::hand_over;
use crate::process::is_root;
use crate::process::mail_owner;

#[derive(Debug)]
pub struct Dovecot {
    // Ends before its folder goes.
    server: Option<Server>,
    folder: TempDir,
    pub imap_port: u16,
    pub imaps_port: u16,
    pub lmtp_port: u16,
    pub certificate: CertificateFiles,
    connections_per_user: u32,
}

/// The password of every user.
pub const PASSWORD: &str = "letter-desk";

impl Dovecot {
    /// Users exist as soon as they sign in with [`PASSWORD`]; their mail is in `mail/USER`.
    pub fn start() -> Result<Self, TestkitError> {
        Self::start_allowing(100)
    }

    /// Refuses what each user opens beyond so many connections.
    pub fn start_allowing(connections_per_user: u32) -> Result<Self, TestkitError> {
        let folder = tempfile::Builder::new().prefix("waxseal-dovecot-").tempdir()?;
        // Servers that give up their rights must be able to reach their files.
        Command::new("chmod").arg("755").arg(folder.path()).status()?;
        let certificate = certificate::write(folder.path(), &["localhost", "127.0.0.1"])?;
        std::fs::create_dir_all(folder.path().join("mail"))?;
        hand_over(&folder.path().join("mail"))?;
        let mut dovecot = Dovecot {
            server: None,
            imap_port: free_port()?,
            imaps_port: free_port()?,
            lmtp_port: free_port()?,
            certificate,
            connections_per_user,
            folder,
        };
        dovecot.restart()?;
        Ok(dovecot)
    }

    /// Ends it if it runs and starts it again on the same ports and mail.
    pub fn restart(&mut self) -> Result<(), TestkitError> {
        self.stop();
        let configuration = self.folder.path().join("dovecot.conf");
        std::fs::write(&configuration, self.configuration())?;
        let mut command = Command::new("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(&configuration);
        let log = self.folder.path().join("start.log");
        self.server = Some(Server::start("dovecot", &mut command, self.imap_port, &log)?);
        Ok(())
    }

    pub fn stop(&mut self) {
        self.server = None;
    }

    pub fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    pub fn maildir(&self, user: &str) -> Maildir {
        Maildir::new(self.mail_folder().join(user))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("dovecot.log")).unwrap_or_default()
    }

    fn configuration(&self) -> String {
        let (user, group) = mail_owner();
        let (root, connections) = (self.folder.path().display(), self.connections_per_user);
        let (imap, imaps, lmtp) = (self.imap_port, self.imaps_port, self.lmtp_port);
        let certificate = self.certificate.certificate.display();
        let key = self.certificate.key.display();
        // Without root there are no other users to hand processes to.
        let users = if is_root() {
            String::new()
        } else {
            own_user_settings()
        };
        format!(
            "protocols = imap lmtp
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
instance_name = waxseal-{imap}
log_path = {root}/dovecot.log
first_valid_uid = 1
mail_location = maildir:~
mail_fsync = never
protocol imap {{
  mail_plugins = imap_zlib
}}
mailbox_list_index = yes
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
mail_max_userip_connections = {connections}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
}}
service imap-login {{
  process_min_avail = 1
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
protocol lmtp {{
  auth_username_format = %n
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
{users}"
        )
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn own_user_settings() -> String {
    let output = Command::new("id")
        .arg("-un")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let user = String::from_utf8_lossy(&output).trim().to_owned();
    format!("default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {user}\n")
}
