//! SQL for SQLite and PostgreSQL, raw bytes, search. The only crate that knows sqlx; it decides nothing.
//!
//! One SQL text for both databases. Every content query takes an [`domain::Access`]; those for the engine
//! take its account and say so in their name.

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
pub mod messages;
pub mod outbox;
pub mod parties;
pub mod remote_operations;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod threads;
mod value;

pub use blob::BlobStore;
pub use db::Conn;
pub use db::Db;
pub use db::Tx;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("the store of raw messages failed: {0}")]
    Blob(#[from] object_store::Error),
    /// A value in a row that this version does not know.
    #[error("unexpected {0} in the database")]
    Unexpected(&'static str),
}

impl StoreError {
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
