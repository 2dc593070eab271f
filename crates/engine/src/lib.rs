//! The loops: one supervisor, one task for each account, the outbox, housekeeping; and the probe behind Test
//! connection.
//!
//! Knows no SQL and no HTTP. It carries out what `domain::rules` decide, through `wire` and `service`.

mod account_task;
mod account_work;
mod backoff;
mod error;
mod fetching;
mod folder_sync;
pub mod handle;
mod history_preview;
mod leases;
mod old_mail;
mod outbox;
mod patience;
mod places;
mod probe;
mod progress;
mod supervisor;
mod tasks;
mod tokens;

pub use error::EngineError;
pub use handle::EngineHandle;
pub use history_preview::HistoryPreview;
pub use probe::FolderChoice;
pub use probe::ProbeFailure;
pub use probe::ProbeResult;
pub use progress::Progress;
pub use service::intake::IntakeReport;
pub use wire::CertificateSummary;
pub use wire::discovery;

/// Syncs and sends until `shutdown`, then waits for what is under way.
pub async fn run(handle: EngineHandle, shutdown: tokio_util::sync::CancellationToken) {
    tokio::join!(
        supervisor::run(handle.clone(), shutdown.clone()),
        outbox::run(handle, shutdown),
    );
}
