//! Use cases: who may, and what changes together.
//!
//! The only crate that begins a write transaction. Knows no sockets and no HTTP. Whatever returns content
//! takes a viewer, or the engine's account (invariant 3).

pub mod access;
pub mod accounts;
pub mod administrators;
pub mod alarms;
pub mod api_tokens;
pub mod audits;
pub mod backup;
mod clock;
pub mod conversations;
pub mod delivery;
pub mod drafts;
mod error;
mod events;
pub mod explain;
pub mod export;
pub mod exports;
pub mod grants;
pub mod housekeeping;
pub mod import;
pub mod inbox;
pub mod intake;
mod keys;
pub mod outbox;
pub mod pairing;
pub mod parties;
pub mod reading;
mod second_factor;
pub mod sign_in;
pub mod staff;
pub mod sync;
pub mod system_mail;

use std::sync::Arc;

pub use clock::Clock;
pub use clock::Ids;
pub use clock::SystemClock;
pub use error::FieldError;
pub use error::ServiceError;
pub use events::Event;
pub use events::Events;
pub use keys::KeyError;
pub use keys::MasterKey;
pub use second_factor::NewSecondFactor;
use store::BlobStore;
use store::Db;

/// Everything that use cases need; cheap to clone, one for the process.
#[derive(Clone)]
pub struct Services {
    pub(crate) db: Db,
    pub(crate) blobs: BlobStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) keys: Arc<MasterKey>,
    pub events: Events,
    pub(crate) exports: exports::ExportBoard,
}

impl Services {
    pub fn new(db: Db, blobs: BlobStore, keys: MasterKey, clock: Arc<dyn Clock>) -> Self {
        Services {
            db,
            blobs,
            ids: Ids::new(clock.clone()),
            clock,
            keys: Arc::new(keys),
            events: Events::default(),
            exports: exports::ExportBoard::default(),
        }
    }

    pub fn now(&self) -> domain::Timestamp {
        self.clock.now()
    }

    /// Proves that the database answers, for `/readyz`.
    pub async fn ping(&self) -> Result<(), ServiceError> {
        Ok(self.db.read().await?.ping().await?)
    }

    pub async fn close(&self) {
        self.db.close().await;
    }
}
