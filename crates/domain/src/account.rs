//! A mail account's settings, card by card, as PRODUCT.md names them.

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;
use serde::Serialize;

/// How the connection is secured. STARTTLS starts in clear, then encrypts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    #[default]
    Tls,
    Starttls,
    None,
}

impl Security {
    pub const fn as_str(self) -> &'static str {
        match self {
            Security::Tls => "tls",
            Security::Starttls => "starttls",
            Security::None => "none",
        }
    }

    pub const fn default_imap_port(self) -> u16 {
        match self {
            Security::Tls => 993,
            Security::Starttls | Security::None => 143,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessagesToProcess {
    #[default]
    All,
    Unread,
}

/// The card "Email tracking". The deny list is kept line by line beside it, with a counter each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tracking {
    pub enabled: bool,
    pub messages: MessagesToProcess,
    /// "Process old (historic) messages": everything since this day in the owner's zone.
    pub history_since: Option<Date>,
    /// It rests where it is, until its owner lets it go on.
    pub history_paused: bool,
    pub mark_as_read: bool,
    /// Read here is read in the mailbox, and the reverse; what is answered here is marked there.
    pub flags_both_ways: bool,
}

/// The card "IMAP settings".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapSettings {
    pub server: String,
    pub port: u16,
    pub security: Security,
    #[serde(default)]
    pub pinned_certificate: Option<Fingerprint>,
    /// For slow lines (RFC 4978), where the server can.
    #[serde(default)]
    pub compress: bool,
    /// Whose `Authentication-Results` count; `None`: learned from the first message that has one.
    #[serde(default)]
    pub authserv_id: Option<String>,
    /// As people read it; `None`: found by SPECIAL-USE or name.
    #[serde(default)]
    pub sent_folder: Option<String>,
    /// Watched beside INBOX and Sent, by their names as people read them.
    #[serde(default)]
    pub more_folders: Vec<String>,
}

/// SHA-256 of a certificate: the only one that is accepted, whoever has signed it, instead of whatever the authorities
/// of this machine vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Fingerprint(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits, with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
            .collect();
        let is_whole = digits.len() == 64;
        bytes.try_into().ok().filter(|_| is_whole).map(Fingerprint)
    }
}

/// As other programs write it: `9C:2A:...`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Fingerprint::parse(&text).ok_or("a fingerprint is 64 hexadecimal digits (SHA-256)")
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpAuth {
    None,
    #[default]
    Plain,
    Login,
    CramMd5,
    Xoauth2,
}

/// The card "SMTP settings".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpSettings {
    pub enabled: bool,
    pub server: String,
    pub port: u16,
    pub security: Security,
    pub pinned_certificate: Option<Fingerprint>,
    pub auth: SmtpAuth,
    pub reply_to: Option<String>,
    pub use_system: bool,
    /// With `use_system`: the server that the owner has agreed to. Another one has to be agreed to again.
    pub confirmed_system: Option<String>,
    pub local_domain: Option<String>,
    pub username: Option<String>,
    /// "Emails limit per hour"; 0: none.
    pub limit_per_hour: u32,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        SmtpSettings {
            enabled: false,
            server: String::new(),
            port: 587,
            security: Security::Starttls,
            pinned_certificate: None,
            auth: SmtpAuth::default(),
            reply_to: None,
            use_system: false,
            confirmed_system: None,
            local_domain: None,
            username: None,
            limit_per_hour: 0,
        }
    }
}

impl SmtpSettings {
    /// Which server it is.
    pub fn server_key(&self) -> String {
        format!("{}:{} {}", self.server, self.port, self.security.as_str())
    }
}

/// What a sealed password is bound to: with any of these changed the stored one is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialBinding {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub security: Security,
}

impl CredentialBinding {
    /// Associated data of the seal: unambiguous, since each part is preceded by its length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let port = self.port.to_string();
        let mut bytes = Vec::new();
        for part in [self.host.as_str(), &port, &self.username, self.security.as_str()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// What an account does just now, as its Status says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// "Enable inbox processing" is off, or IMAP is not set up.
    #[default]
    Off,
    Connecting,
    Syncing,
    /// Up to date and listening.
    Connected,
    /// Failed; tries again at a known time.
    Failing,
    /// The login was refused three times: waits for its owner.
    LoginRefused,
    /// The server shows another certificate than the one that its owner has pinned.
    CertificateChanged,
    /// Its provider gives no more tokens: waits for its owner to sign in there again.
    SignInAgain,
}

impl AccountState {
    /// No other change is ever written: a report that comes late switches nothing on, and hides no reason why an account
    /// waits.
    pub const fn may_become(self, next: Self) -> bool {
        use AccountState::*;
        match self {
            Off => matches!(next, Off | Connecting),
            Connecting | Syncing | Connected => true,
            Failing => !matches!(next, Syncing | Connected),
            LoginRefused | CertificateChanged | SignInAgain => {
                matches!(
                    next,
                    Off | Connecting | LoginRefused | CertificateChanged | SignInAgain
                )
            }
        }
    }

    /// The mailbox is not being read, and ought to be.
    pub const fn is_trouble(self) -> bool {
        matches!(
            self,
            AccountState::Failing
                | AccountState::LoginRefused
                | AccountState::CertificateChanged
                | AccountState::SignInAgain
        )
    }

    /// It stays until something happens.
    pub const fn is_settled(self) -> bool {
        !matches!(self, AccountState::Connecting | AccountState::Syncing)
    }

    pub const ALL: [AccountState; 8] = [
        AccountState::Off,
        AccountState::Connecting,
        AccountState::Syncing,
        AccountState::Connected,
        AccountState::Failing,
        AccountState::LoginRefused,
        AccountState::CertificateChanged,
        AccountState::SignInAgain,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            AccountState::Off => "off",
            AccountState::Connecting => "connecting",
            AccountState::Syncing => "syncing",
            AccountState::Connected => "connected",
            AccountState::Failing => "failing",
            AccountState::LoginRefused => "login_refused",
            AccountState::CertificateChanged => "certificate_changed",
            AccountState::SignInAgain => "sign_in_again",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_never_reads_the_same_for_other_values() {
        let binding = |host: &str, username: &str| CredentialBinding {
            host: host.into(),
            port: 993,
            username: username.into(),
            security: Security::Tls,
        };
        assert_ne!(binding("ab", "c").to_bytes(), binding("a", "bc").to_bytes());
        assert_eq!(binding("a", "b").to_bytes(), binding("a", "b").to_bytes());
    }
}
