//! System e-mail: what the system itself writes, to customers and to administrators.
//!
//! It has two mail accounts that belong to nobody: mail to customers is shown to all who can open the customer, mail
//! to administrators to nobody.

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::address::EmailAddress;
use crate::id::AdministratorId;
use crate::id::MailAccountId;

/// Owns the accounts below; nobody can sign in as it, and it is in no list.
pub const SYSTEM: AdministratorId = AdministratorId::from_uuid(Uuid::from_u128(1));
/// To customers. Its settings are those of both.
pub const CUSTOMER_MAIL: MailAccountId = MailAccountId::from_uuid(Uuid::from_u128(2));
/// To administrators: alarms.
pub const STAFF_MAIL: MailAccountId = MailAccountId::from_uuid(Uuid::from_u128(3));

pub fn is_system(account: MailAccountId) -> bool {
    account == CUSTOMER_MAIL || account == STAFF_MAIL
}

/// What is set beside the sender and the server. None of it touches a personal message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemMailRules {
    pub admin_email: Option<EmailAddress>,
    /// All system mail goes there, and only there.
    pub send_to: Option<EmailAddress>,
    pub copy_to: Vec<EmailAddress>,
    pub days_until_expiration: u32,
    /// Name and value.
    pub headers: Vec<(String, String)>,
}

impl Default for SystemMailRules {
    fn default() -> Self {
        SystemMailRules {
            admin_email: None,
            send_to: None,
            copy_to: Vec::new(),
            days_until_expiration: 2,
            headers: Vec::new(),
        }
    }
}

/// What we write ourselves, or what decides where a message goes.
const RESERVED: &[&str] = &[
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "return-path",
    "received",
    "x-waxseal-id",
    "auto-submitted",
];
pub const MAX_HEADERS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("line {0} is no header: Name: value is expected")]
    Form(usize),
    #[error("line {0}: this header is written by Waxseal")]
    Reserved(usize),
    #[error("at most {MAX_HEADERS} headers are added")]
    TooMany,
}

/// "Additional headers", one a line (RFC 5322 §2.2): printable ASCII, so that no value begins another field.
pub fn parse_headers(text: &str) -> Result<Vec<(String, String)>, HeaderError> {
    let mut headers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(HeaderError::Form(number))?;
        let value = value.trim();
        let is_name = !name.is_empty()
            && name.len() <= 60
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_value = !value.is_empty()
            && value.len() <= 500
            && value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        if !is_name || !is_value {
            return Err(HeaderError::Form(number));
        }
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with("content-") {
            return Err(HeaderError::Reserved(number));
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    match headers.len() > MAX_HEADERS {
        true => Err(HeaderError::TooMany),
        false => Ok(headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_headers_add_headers_and_nothing_else() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (text, expected) in [
            (
                "X-Tag: invoice\n\nPrecedence:bulk",
                Ok(vec![pair("X-Tag", "invoice"), pair("Precedence", "bulk")]),
            ),
            ("", Ok(Vec::new())),
            ("X-Tag invoice", Err(HeaderError::Form(1))),
            ("X-A: a\nX Tag: b", Err(HeaderError::Form(2))),
            ("X-A: a\rBcc: evil@x.example", Err(HeaderError::Form(1))),
            ("X-A: ü", Err(HeaderError::Form(1))),
            ("bcc: evil@x.example", Err(HeaderError::Reserved(1))),
            ("Content-Type: text/html", Err(HeaderError::Reserved(1))),
        ] {
            assert_eq!(parse_headers(text), expected, "{text:?}");
        }
    }
}
