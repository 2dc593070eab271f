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
pub mod data_keys;
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
mod import_cards;
mod import_file;
pub mod inbox;
pub mod intake;
mod keys;
pub mod mailbox_sign_in;
pub mod outbox;
pub mod pairing;
mod parsing;
pub mod parties;
mod passwords;
mod quotation;
mod quoted_head;
pub mod reading;
mod second_factor;
pub mod sign_in;
pub mod staff;
pub mod sync;
pub mod system_mail;
mod tries;

use std::sync::Arc;

pub use clock::Clock;
pub use clock::Ids;
pub use clock::SystemClock;
pub use data_keys::KeyError;
pub use data_keys::MasterKey;
pub use data_keys::MasterKeys;
pub use error::FieldError;
pub use error::ServiceError;
pub use events::Event;
pub use events::Events;
use keys::InstallationKey;
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
    pub(crate) keys: Arc<InstallationKey>,
    pub(crate) masters: Arc<MasterKeys>,
    pub events: Events,
    pub(crate) exports: exports::ExportBoard,
    pub(crate) parsing: parsing::Parsing,
    pub(crate) passwords: passwords::Passwords,
}

impl Services {
    /// Fails where the database names a master key that is not among `masters`.
    pub async fn open(
        db: Db,
        blobs: BlobStore,
        masters: impl Into<MasterKeys>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let masters = masters.into();
        let keys = data_keys::open_installation(&db, &masters).await?;
        Ok(Services {
            db,
            blobs,
            ids: Ids::new(clock.clone()),
            clock,
            keys: Arc::new(keys),
            masters: Arc::new(masters),
            events: Events::default(),
            exports: exports::ExportBoard::default(),
            parsing: parsing::Parsing::new(),
            passwords: passwords::Passwords::new(),
        })
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
