//! Why an account's work stopped.

use domain::text::sentence;
use service::ServiceError;
use service::mailbox_sign_in::sign_in_again;
use wire::Kind;
use wire::MailService;
use wire::WireError;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Another process holds the account's lease.
    #[error("another process works on this account")]
    LeaseHeld,
    #[error("the account is not set up: fill in the IMAP settings and the password")]
    NotSetUp,
    /// The provider gives no more tokens, and why: its owner has to sign in there again.
    #[error("the provider gives no more tokens")]
    SignInAgain(String),
    /// The provider cannot give a token now, and why.
    #[error("the provider gives no token now")]
    TokenWaits(String),
    /// A fault of ours. What it was is on standard error.
    #[error("something went wrong inside of Waxseal; the operator finds it in the log")]
    Panicked,
}

impl EngineError {
    /// For the owner's Status: what happened and what to do.
    pub fn for_owner(&self) -> String {
        match self {
            EngineError::Wire(error) => wire_text(error),
            EngineError::SignInAgain(because) => sign_in_again(because),
            EngineError::TokenWaits(because) => format!("{because} It is tried again by itself."),
            EngineError::Service(ServiceError::Store(_)) => {
                "Waxseal could not write to its database. The operator has to look at the log.".to_owned()
            }
            other => sentence(&other.to_string()),
        }
    }

    /// What was known when the work began is out of date, by another process or another connection: no failure of the
    /// account.
    pub fn is_out_of_date(&self) -> bool {
        matches!(
            self,
            EngineError::LeaseHeld
                | EngineError::Service(ServiceError::LeaseLost | ServiceError::FolderRenumbered)
        )
    }

    pub fn is_folder_missing(&self) -> bool {
        matches!(self, EngineError::Wire(error) if error.kind == Kind::FolderMissing)
    }

    /// The server's own words.
    pub fn said(&self) -> Option<&str> {
        match self {
            EngineError::Wire(error) => error.said.as_ref().map(|said| said.as_str()),
            _ => None,
        }
    }

    pub fn is_certificate_changed(&self) -> bool {
        matches!(self, EngineError::Wire(error) if matches!(error.kind, Kind::CertificateChanged { .. }))
    }

    pub fn is_login_refused(&self) -> bool {
        matches!(self, EngineError::Wire(error) if matches!(error.kind, Kind::LoginRefused | Kind::TokenRefused))
    }

    pub fn is_token_refused(&self) -> bool {
        matches!(self, EngineError::Wire(error) if error.kind == Kind::TokenRefused)
    }

    pub fn is_sign_in_over(&self) -> bool {
        matches!(self, EngineError::SignInAgain(_))
    }
}

fn wire_text(error: &WireError) -> String {
    let said = error
        .said
        .as_ref()
        .map(|said| format!(" The server said: {}", said.as_str()));
    format!(
        "{}{} {}",
        error.kind.message(MailService::Imap),
        said.unwrap_or_default(),
        error.kind.advice(MailService::Imap)
    )
}
