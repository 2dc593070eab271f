//! SQL for SQLite and PostgreSQL, raw bytes, search. The only crate that knows sqlx; it decides nothing.
//!
//! One SQL text for both databases. Every content query takes an [`domain::Access`]; those for the engine
//! take its account and say so in their name.

pub mod account_tokens;
pub mod accounts;
pub mod administrators;
pub mod alarms;
pub mod api_tokens;
pub mod audit;
pub mod audits;
pub mod backup;
pub mod blob;
pub mod canned_responses;
pub mod conversations;
pub mod data_keys;
pub mod db;
pub mod drafts;
pub mod explain;
pub mod fetched_bytes;
pub mod folders;
pub mod grants;
pub mod image_senders;
pub mod intake;
pub mod lease;
pub mod messages;
pub mod outbox;
pub mod parties;
pub mod remote_operations;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod sign_in_providers;
pub mod threads;
mod upgrade;
mod value;

pub use blob::BlobStore;
pub use blob::RawReader;
pub use db::Conn;
pub use db::Db;
pub use db::Tx;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(
        "the database is of a newer Waxseal (schema {found}; this one knows {known}): install that version again, or put back the copy from before its upgrade (docs/upgrading.md)"
    )]
    Newer { found: i64, known: i64 },
    #[error("the database could not be brought up to date: {0}")]
    Upgrade(#[source] std::io::Error),
    #[error("the store of raw messages failed: {0}")]
    Blob(#[from] object_store::Error),
    /// Its file ends before it does.
    #[error("the stored bytes of a message are cut short")]
    Cut,
    /// Other large messages were read all the while.
    #[error("there was no room to read a large message")]
    NoRoom,
    /// A value in a row that this version does not know.
    #[error("unexpected {0} in the database")]
    Unexpected(&'static str),
    /// See [`Tx::hold`].
    #[error("somebody else works on it")]
    LeaseLost,
}

impl StoreError {
    /// Why the bytes of a message cannot be had, for whoever asked for them: without the names of files.
    pub fn raw_reason(&self) -> &'static str {
        match self {
            StoreError::Blob(object_store::Error::NotFound { .. }) => "the file that holds it is missing",
            StoreError::Cut => "the file that holds it is cut short",
            _ => "the file that holds it cannot be read",
        }
    }

    /// The disk is full, or does not take what is written to it: nothing was changed.
    pub fn is_no_room(&self) -> bool {
        match self {
            // SQLITE_FULL, SQLITE_IOERR_WRITE; disk_full of PostgreSQL.
            StoreError::Database(sqlx::Error::Database(error)) => error
                .code()
                .is_some_and(|code| matches!(code.as_ref(), "13" | "778" | "53100")),
            StoreError::Blob(error) => {
                let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
                while let Some(error) = source {
                    if error.downcast_ref::<std::io::Error>().is_some_and(is_no_room) {
                        return true;
                    }
                    source = error.source();
                }
                false
            }
            _ => false,
        }
    }
}

fn is_no_room(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::FileTooLarge | ErrorKind::QuotaExceeded
    )
}
