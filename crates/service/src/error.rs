//! What a use case answers when it cannot do what was asked.

use store::StoreError;

/// A wrong value, beside its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// As the API names it: `imap.port`.
    pub field: &'static str,
    pub message: String,
}

impl FieldError {
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        FieldError {
            field,
            message: message.into(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Also when it exists and is not the viewer's to see.
    #[error("not found")]
    NotFound,
    #[error("some fields are wrong")]
    Invalid(Vec<FieldError>),
    /// Name and password do not go together, or the session is over.
    #[error("not signed in")]
    SignedOut,
    /// The password is right; a code of the second factor is missing, or does not fit.
    #[error("a code of the second factor is needed")]
    CodeNeeded { refused: bool },
    /// For super-administrators only.
    #[error("not allowed")]
    Forbidden,
    /// The viewer's own account, shown again once the mailbox's password is given anew.
    #[error("this account is sealed")]
    Sealed,
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    Throttled { retry_after_s: u64 },
    /// Somebody else's save came first: another tab's, another device's.
    #[error("the draft has been changed elsewhere")]
    DraftChanged,
    /// A message has been made of it.
    #[error("the draft has been sent")]
    DraftSent,
    /// Another process works on this account.
    #[error("another process works on this account")]
    LeaseLost,
    /// Another connection has found other numbers in the folder meanwhile.
    #[error("the folder has been numbered anew")]
    FolderRenumbered,
    /// It is there, and its raw bytes are not what was stored.
    #[error("the stored message is damaged")]
    Damaged,
    /// Reading the bytes of a message has met its deadline.
    #[error("a message takes too long to read")]
    TooLong,
    #[error(transparent)]
    Store(StoreError),
    #[error("a file could not be written: {0}")]
    Unwritable(#[source] std::io::Error),
    #[error("a worker ended early")]
    Worker(#[from] tokio::task::JoinError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => ServiceError::LeaseLost,
            StoreError::NoRoom => ServiceError::TooLong,
            error => ServiceError::Store(error),
        }
    }
}

impl ServiceError {
    /// Why the content of one message cannot be had, where only that is wrong: what is done with many goes on.
    pub(crate) fn reason_of_message(&self) -> Option<&'static str> {
        match self {
            ServiceError::Damaged => Some("nothing is stored of it"),
            ServiceError::Worker(_) => Some("reading it failed"),
            ServiceError::Store(error @ (StoreError::Blob(_) | StoreError::Cut)) => Some(error.raw_reason()),
            _ => None,
        }
    }

    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        ServiceError::Invalid(vec![FieldError::new(field, message)])
    }
}
