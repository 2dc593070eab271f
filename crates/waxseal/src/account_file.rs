//! The TOML file of `waxseal account add`. Its form is stable: scripts rely on it.

use std::path::Path;
use std::path::PathBuf;

use domain::account::Fingerprint;
use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use secrecy::SecretString;
use serde::Deserialize;
use service::accounts::Card;

use crate::error::CommandError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountFile {
    pub name: String,
    pub address: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    username: String,
    password: Option<SecretString>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    tracking: TrackingTable,
    imap: ImapSettings,
    smtp: Option<SmtpTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TrackingTable {
    enabled: bool,
    messages: MessagesToProcess,
    history_since: Option<jiff::civil::Date>,
    mark_as_read: bool,
    flags_both_ways: bool,
    deny: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpTable {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    server: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    security: Security,
    pinned_certificate: Option<Fingerprint>,
    #[serde(default)]
    auth: SmtpAuth,
    reply_to: Option<String>,
    #[serde(default)]
    use_system: bool,
    local_domain: Option<String>,
    username: Option<String>,
    #[serde(default)]
    limit_per_hour: u32,
    password: Option<SecretString>,
}

impl AccountFile {
    pub fn read(path: &Path) -> Result<Self, CommandError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| CommandError::Usage(format!("reading {}: {error}", path.display())))?;
        // Only the message: the text around an error may hold the password.
        toml::from_str(&text)
            .map_err(|error| CommandError::Usage(format!("{}: {}", path.display(), error.message())))
    }

    /// The cards in the order in which they can be saved.
    pub fn into_cards(self) -> Result<Vec<Card>, CommandError> {
        let password = match (self.password, self.password_file) {
            (Some(password), _) => Some(password),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(&file)?;
                Some(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            (None, None) => None,
        };
        let credentials = Card::Credentials {
            name: self.name,
            address: self.address,
            aliases: self.aliases,
            username: self.username,
            password: None,
        };
        let mut cards = vec![
            credentials,
            Card::Imap {
                settings: self.imap,
                password,
            },
        ];
        cards.extend(self.smtp.map(smtp_card));
        let tracking = self.tracking;
        cards.push(Card::Tracking {
            deny_list: tracking.deny.join("\n"),
            tracking: Tracking {
                enabled: tracking.enabled,
                messages: tracking.messages,
                history_since: tracking.history_since,
                history_paused: false,
                mark_as_read: tracking.mark_as_read,
                flags_both_ways: tracking.flags_both_ways,
            },
        });
        Ok(cards)
    }
}

fn smtp_card(smtp: SmtpTable) -> Card {
    Card::Smtp {
        settings: SmtpSettings {
            enabled: smtp.enabled,
            server: smtp.server,
            port: smtp.port,
            security: smtp.security,
            pinned_certificate: smtp.pinned_certificate,
            auth: smtp.auth,
            reply_to: smtp.reply_to,
            use_system: smtp.use_system,
            confirmed_system: None,
            local_domain: smtp.local_domain,
            username: smtp.username,
            limit_per_hour: smtp.limit_per_hour,
        },
        password: smtp.password,
    }
}
