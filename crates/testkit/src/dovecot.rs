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
    folders: Folders,
    tokens: Option<Tokens>,
}

/// What a new mailbox has beside INBOX.
#[derive(Clone, Copy, Debug)]
enum Folders {
    /// Sent, Trash and Drafts, marked.
    Usual,
    None {
        separator: char,
        prefix: &'static str,
    },
}

/// With tokens: who says what they are worth, and who takes mail from whoever has one.
#[derive(Clone, Debug)]
struct Tokens {
    introspection: String,
    mechanisms: &'static str,
    submission_port: u16,
    relay_port: u16,
}

/// The password of every user.
pub const PASSWORD: &str = "letter-desk";

impl Dovecot {
    /// Users exist as soon as they sign in with [`PASSWORD`]; their mail is in `mail/USER`.
    pub fn start() -> Result<Self, TestkitError> {
        Self::start_with(100, Folders::Usual, None)
    }

    /// Refuses what each user opens beyond so many connections.
    pub fn start_allowing(connections_per_user: u32) -> Result<Self, TestkitError> {
        Self::start_with(connections_per_user, Folders::Usual, None)
    }

    /// With INBOX alone; all others begin with this prefix.
    pub fn start_with_inbox_alone(separator: char, prefix: &'static str) -> Result<Self, TestkitError> {
        Self::start_with(100, Folders::None { separator, prefix }, None)
    }

    /// Takes tokens, too, of which `introspection` (RFC 7662) says whose they are; and takes mail from whoever signs in,
    /// for an MTA at `relay_port`.
    pub fn start_with_tokens(introspection: &str, relay_port: u16) -> Result<Self, TestkitError> {
        Self::start_with_tokens_by("xoauth2 oauthbearer", introspection, relay_port)
    }

    /// By these mechanisms only.
    pub fn start_with_tokens_by(
        mechanisms: &'static str,
        introspection: &str,
        relay_port: u16,
    ) -> Result<Self, TestkitError> {
        let tokens = Tokens {
            introspection: introspection.to_owned(),
            mechanisms,
            submission_port: free_port()?,
            relay_port,
        };
        Self::start_with(100, Folders::Usual, Some(tokens))
    }

    /// Where it takes mail; 0: it does not.
    pub fn submission_port(&self) -> u16 {
        self.tokens.as_ref().map_or(0, |tokens| tokens.submission_port)
    }

    fn start_with(
        connections_per_user: u32,
        folders: Folders,
        tokens: Option<Tokens>,
    ) -> Result<Self, TestkitError> {
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
            folders,
            tokens,
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
        if let Some(tokens) = &self.tokens {
            let text = format!(
                "introspection_url = {}\nintrospection_mode = post\nusername_attribute = sub\nactive_attribute = active\nactive_value = true\n",
                tokens.introspection
            );
            std::fs::write(self.folder.path().join("oauth2.conf"), text)?;
        }
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
        let folders = match self.folders {
            Folders::Usual => USUAL_FOLDERS.to_owned(),
            Folders::None { separator, prefix } => format!("separator = {separator}\n  prefix = {prefix}"),
        };
        // Without root there are no other users to hand processes to.
        let users = if is_root() {
            String::new()
        } else {
            own_user_settings()
        };
        let (protocols, mechanisms, tokens) = match &self.tokens {
            None => ("imap lmtp", "", String::new()),
            Some(tokens) => (
                "imap lmtp submission",
                tokens.mechanisms,
                tokens.configuration(self.folder.path()),
            ),
        };
        format!(
            "protocols = {protocols}
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
auth_mechanisms = plain login cram-md5 {mechanisms}
auth_failure_delay = 0
mail_max_userip_connections = {connections}
{tokens}passdb {{
  driver = static
  mechanisms = plain login cram-md5
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  {folders}
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

const USUAL_FOLDERS: &str = "separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Trash {
    auto = subscribe
    special_use = \\Trash
  }
  mailbox Drafts {
    auto = subscribe
    special_use = \\Drafts
  }";
impl Tokens {
    fn configuration(&self, root: &Path) -> String {
        let (root, submission, relay) = (root.display(), self.submission_port, self.relay_port);
        let mechanisms = self.mechanisms;
        format!(
            "passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {root}/oauth2.conf
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_ssl = no
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {submission}
  }}
}}
"
        )
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
