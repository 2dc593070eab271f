//! A batch of fetched messages becomes rows: parsed outside any transaction, then everything in one.
//!
//! Invariant: the cursor moves in the transaction that stores what it passes over. Stop after any line:
//! nothing is lost, nothing is stored twice.

mod batch;
mod prepare;
mod reparse;
mod threading;

pub use batch::FetchedForIntake;
pub use batch::IntakeBatch;
pub use batch::IntakeReport;
pub use batch::MAX_ATTEMPTS;
pub use batch::ParsedBatch;
pub(crate) use batch::Place;
pub use batch::WrittenBatch;
pub(crate) use batch::first_free_key;
pub(crate) use batch::new_message;
pub use prepare::header_addresses;
pub(crate) use prepare::prepare;
pub use reparse::ReparseReport;
pub(crate) use threading::ThreadIndex;
