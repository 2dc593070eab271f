//! The cards of a mail account as JSON.

use domain::account::Fingerprint;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use utoipa::ToSchema;

#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImapCard {
    pub server: String,
    pub port: u16,
    /// `tls`, `starttls` or `none`.
    pub security: String,
    /// SHA-256 of the only certificate that is accepted; absent: what the authorities of the server's machine vouch for.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub pinned_certificate: Option<Fingerprint>,
    /// For slow lines, where the server can.
    #[serde(default)]
    pub compress: bool,
    /// Whose Authentication-Results count; absent: learned from the first message that has one.
    #[serde(default)]
    pub authserv_id: Option<String>,
    /// Absent: found by its mark or its name.
    pub sent_folder: Option<String>,
    /// Watched beside INBOX and Sent.
    #[serde(default)]
    pub more_folders: Vec<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct SmtpCard {
    pub enabled: bool,
    pub server: String,
    pub port: u16,
    /// `tls`, `starttls` or `none`.
    pub security: String,
    /// SHA-256 of the only certificate that is accepted; absent: what the authorities of the server's machine vouch for.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub pinned_certificate: Option<Fingerprint>,
    /// `none`, `plain`, `login`, `cram-md5` or `xoauth2`.
    pub auth: String,
    pub reply_to: Option<String>,
    pub use_system: bool,
    pub local_domain: Option<String>,
    pub username: Option<String>,
    /// 0: none.
    #[serde(default)]
    pub limit_per_hour: u32,
}

pub fn security(text: &str) -> Result<Security, ServiceError> {
    [Security::Tls, Security::Starttls, Security::None]
        .into_iter()
        .find(|security| security.as_str() == text)
        .ok_or_else(|| ServiceError::field("security", "tls, starttls or none is expected."))
}

const AUTHS: [(SmtpAuth, &str); 5] = [
    (SmtpAuth::None, "none"),
    (SmtpAuth::Plain, "plain"),
    (SmtpAuth::Login, "login"),
    (SmtpAuth::CramMd5, "cram-md5"),
    (SmtpAuth::Xoauth2, "xoauth2"),
];

pub fn auth_name(auth: SmtpAuth) -> &'static str {
    AUTHS
        .iter()
        .find(|(known, _)| *known == auth)
        .map_or("plain", |(_, name)| name)
}

pub fn parse_auth(text: &str) -> Result<SmtpAuth, ServiceError> {
    let found = AUTHS
        .iter()
        .find(|(_, name)| *name == text)
        .map(|(auth, _)| *auth);
    found.ok_or_else(|| ServiceError::field("auth", "none, plain, login, cram-md5 or xoauth2 is expected."))
}

impl From<ImapSettings> for ImapCard {
    fn from(settings: ImapSettings) -> Self {
        ImapCard {
            server: settings.server,
            port: settings.port,
            security: settings.security.as_str().to_owned(),
            pinned_certificate: settings.pinned_certificate,
            compress: settings.compress,
            authserv_id: settings.authserv_id,
            sent_folder: settings.sent_folder,
            more_folders: settings.more_folders,
        }
    }
}

impl TryFrom<ImapCard> for ImapSettings {
    type Error = ServiceError;

    fn try_from(card: ImapCard) -> Result<Self, ServiceError> {
        Ok(ImapSettings {
            server: card.server,
            port: card.port,
            security: security(&card.security)?,
            pinned_certificate: card.pinned_certificate,
            compress: card.compress,
            authserv_id: card
                .authserv_id
                .map(|id| id.trim().to_lowercase())
                .filter(|id| !id.is_empty()),
            sent_folder: card.sent_folder,
            more_folders: card.more_folders,
        })
    }
}

impl From<SmtpSettings> for SmtpCard {
    fn from(settings: SmtpSettings) -> Self {
        SmtpCard {
            enabled: settings.enabled,
            server: settings.server,
            port: settings.port,
            security: settings.security.as_str().to_owned(),
            pinned_certificate: settings.pinned_certificate,
            auth: auth_name(settings.auth).to_owned(),
            reply_to: settings.reply_to,
            use_system: settings.use_system,
            local_domain: settings.local_domain,
            username: settings.username,
            limit_per_hour: settings.limit_per_hour,
        }
    }
}

impl TryFrom<SmtpCard> for SmtpSettings {
    type Error = ServiceError;

    fn try_from(card: SmtpCard) -> Result<Self, ServiceError> {
        Ok(SmtpSettings {
            enabled: card.enabled,
            server: card.server,
            port: card.port,
            security: security(&card.security)?,
            pinned_certificate: card.pinned_certificate,
            auth: parse_auth(&card.auth)?,
            reply_to: card.reply_to,
            use_system: card.use_system,
            confirmed_system: None,
            local_domain: card.local_domain,
            username: card.username,
            limit_per_hour: card.limit_per_hour,
        })
    }
}
