//! What went wrong on the way to a mail server, and what its owner can do about it.

use domain::CleanText;
use imap::ImapError;

use crate::tls::CertificateSummary;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name does not exist, or its address may not be dialled. One kind for both, so that nobody
    /// maps the operator's network with it.
    HostNotUsable,
    /// Nothing listens there, or the way is blocked.
    Unreachable,
    NotTls,
    Certificate {
        reason: String,
        certificate: Option<Box<CertificateSummary>>,
    },
    /// Not the one that its owner has pinned.
    CertificateChanged {
        certificate: Option<Box<CertificateSummary>>,
    },
    StarttlsMissing,
    CleartextRefused,
    LoginRefused,
    /// The server wants no token of this account: it is over, was taken back, or is of somebody else.
    TokenRefused,
    Timeout,
    FolderMissing,
    /// There is none, and the server makes none.
    NoSentFolder,
    /// Several may be, and nothing tells which.
    SentFolderUnclear,
    /// The server asked us to come back later, or hung up.
    Unavailable,
    /// It said no to one command, and listens for the next.
    Refused,
    Protocol(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} while {doing}", .kind.name())]
pub struct WireError {
    pub kind: Kind,
    pub doing: &'static str,
    /// The server's own words, only where they came over TLS or from a host allowed in clear; at most
    /// [`WireError::SAID_CHARS`] characters.
    pub said: Option<CleanText>,
}

impl Kind {
    /// Short and free of content: for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::HostNotUsable => "host not usable",
            Kind::Unreachable => "unreachable",
            Kind::NotTls => "no TLS there",
            Kind::Certificate { .. } => "certificate not accepted",
            Kind::CertificateChanged { .. } => "another certificate",
            Kind::StarttlsMissing => "STARTTLS missing",
            Kind::CleartextRefused => "clear text refused",
            Kind::LoginRefused => "login refused",
            Kind::TokenRefused => "token refused",
            Kind::Timeout => "timeout",
            Kind::FolderMissing => "folder missing",
            Kind::NoSentFolder => "no folder for sent mail",
            Kind::SentFolderUnclear => "several folders for sent mail",
            Kind::Unavailable => "unavailable",
            Kind::Refused => "refused",
            Kind::Protocol(_) => "protocol error",
        }
    }

    /// What happened, in the words of the page.
    pub fn message(&self, service: MailService) -> String {
        match self {
            Kind::HostNotUsable => "No mail server can be used under this name.".into(),
            Kind::Unreachable => "Nothing answers on this port.".into(),
            Kind::NotTls => "The server does not speak TLS on this port.".into(),
            Kind::Certificate { reason, .. } => {
                format!("The server's certificate was not accepted: {reason}.")
            }
            Kind::CertificateChanged { .. } => {
                "The server shows another certificate than the one that you have pinned.".into()
            }
            Kind::StarttlsMissing => "The server does not offer STARTTLS.".into(),
            Kind::CleartextRefused => "A password is not sent without encryption.".into(),
            Kind::LoginRefused => "The server refused the user name or password.".into(),
            Kind::TokenRefused => "The mail server refused the sign-in by the provider.".into(),
            Kind::Timeout => "The server did not answer in time.".into(),
            Kind::FolderMissing => "The folder is not there.".into(),
            Kind::NoSentFolder => {
                "There is no folder for sent mail, and the server does not let one be made.".into()
            }
            Kind::SentFolderUnclear => "Several folders may be the one for sent mail.".into(),
            Kind::Unavailable => "The server ended the connection or is busy.".into(),
            Kind::Refused => "The server refused to do this.".into(),
            Kind::Protocol(what) => format!(
                "The server does not speak {} as expected: {what}.",
                service.name()
            ),
        }
    }

    /// What to do, in the words of the page.
    pub fn advice(&self, service: MailService) -> &'static str {
        if service == MailService::Smtp
            && let Some(advice) = self.smtp_advice()
        {
            return advice;
        }
        match self {
            Kind::HostNotUsable => {
                "Check the spelling of the server. If it is inside your own network, the operator has to allow it (WAXSEAL_EGRESS_ALLOW)."
            }
            Kind::Unreachable => {
                "Check the port: usually 993 with SSL, 143 with STARTTLS. A firewall may be in the way."
            }
            Kind::NotTls => "Choose STARTTLS (usually port 143), or another port for SSL (usually 993).",
            Kind::Certificate { .. } => {
                "Use the server name that your provider gives. For a server of your own with its own certificate: compare the fingerprint below with the server's, then pin it."
            }
            Kind::CertificateChanged { .. } => {
                "Nothing was sent to it. Ask whoever runs the server whether the certificate is new. If so, press Test connection, compare the fingerprint, and pin it."
            }
            Kind::StarttlsMissing => "Choose SSL (usually port 993).",
            Kind::CleartextRefused => {
                "Choose SSL or STARTTLS. Only the operator can allow clear text for a host (WAXSEAL_CLEARTEXT_ALLOW)."
            }
            Kind::LoginRefused => {
                "Type the password again. With Gmail, Yahoo and iCloud it is an app password; the user name is often the whole address."
            }
            Kind::TokenRefused => {
                "Sign in again under My profile, Email account, as the owner of this address. If it stays: IMAP may be switched off for the mailbox, which you, or whoever administers mail at your provider, can switch on."
            }
            Kind::Timeout => {
                "Check server and port. On a port that expects SSL, choose SSL; otherwise try again in a minute."
            }
            Kind::FolderMissing => "Press Load and choose the folder again.",
            Kind::NoSentFolder => {
                "Make a folder for sent mail with another mail program or on the provider's page, then press Load and choose it."
            }
            Kind::SentFolderUnclear => {
                "Press Load in the IMAP settings and choose the one with your sent mail."
            }
            Kind::Unavailable | Kind::Refused => "Nothing to do: it is tried again by itself.",
            Kind::Protocol(_) => "Check that server and port are those for IMAP. On port 993 choose SSL.",
        }
    }
}

impl Kind {
    /// Where it differs: the ports, and what may be chosen.
    fn smtp_advice(&self) -> Option<&'static str> {
        Some(match self {
            Kind::Unreachable => {
                "Check the port: usually 465 with SSL, 587 with TLS (STARTTLS). Port 25 is often blocked for submission."
            }
            Kind::NotTls => {
                "Choose TLS (STARTTLS) (usually port 587), or another port for SSL (usually 465)."
            }
            Kind::StarttlsMissing => "Choose SSL (usually port 465).",
            Kind::LoginRefused => {
                "Type the password again, or choose another authentication type. With Gmail, Yahoo and iCloud it is an app password."
            }
            Kind::TokenRefused => {
                "Sign in again under My profile, Email account, as the owner of this address. If it stays, the provider may not let this mailbox send by SMTP: whoever administers mail there can switch authenticated SMTP on, or you choose Use system SMTP."
            }
            Kind::Protocol(_) => "Check that server and port are those for SMTP. On port 465 choose SSL.",
            _ => return None,
        })
    }
}

/// What a server was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailService {
    Imap,
    Smtp,
}

impl MailService {
    pub const fn name(self) -> &'static str {
        match self {
            MailService::Imap => "IMAP",
            MailService::Smtp => "SMTP",
        }
    }
}

impl WireError {
    pub const SAID_CHARS: usize = 200;

    pub fn new(kind: Kind, doing: &'static str) -> Self {
        WireError {
            kind,
            doing,
            said: None,
        }
    }

    pub fn saying(self, text: &str) -> Self {
        let said = CleanText::cut(text, Self::SAID_CHARS);
        WireError {
            said: (!said.is_empty()).then_some(said),
            ..self
        }
    }

    pub fn from_imap(error: ImapError, doing: &'static str) -> Self {
        match error {
            ImapError::Io(error) if is_not_tls(&error) => WireError::new(Kind::NotTls, doing),
            ImapError::Io(_) => WireError::new(Kind::Unavailable, doing),
            ImapError::Closed { bye } => {
                WireError::new(Kind::Unavailable, doing).saying(&bye.unwrap_or_default())
            }
            ImapError::TooLong { .. } => WireError::new(Kind::Protocol(error.to_string()), doing),
            ImapError::Protocol(what) => WireError::new(Kind::Protocol(what.to_owned()), doing),
        }
    }

    pub fn timeout(doing: &'static str) -> Self {
        WireError::new(Kind::Timeout, doing)
    }
}

/// rustls reports bytes that are no TLS record as corrupt messages.
pub fn is_not_tls(error: &std::io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidMessage(_)))
}
