//! The loops: one supervisor, one task for each account, housekeeping; and the probe behind Test connection.
//!
//! Knows no SQL and no HTTP. It carries out what `domain::rules` decide, through `wire` and `service`.

mod account_task;
mod backoff;
mod error;
mod fetching;
mod folder_sync;
pub mod handle;
mod probe;
mod progress;
mod supervisor;

pub use error::EngineError;
pub use handle::EngineHandle;
pub use probe::FolderChoice;
pub use probe::ProbeFailure;
pub use probe::ProbeResult;
pub use progress::Progress;
pub use service::intake::IntakeReport;
pub use supervisor::run;
pub use wire::Preset;
pub use wire::preset_for;
