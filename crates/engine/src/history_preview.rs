//! How much old mail there is, before its owner has it fetched.

use domain::rules::sent_folder::find_sent;
use jiff::civil::Date;
use serde::Serialize;
use service::accounts::ImapCredentials;
use wire::Dialer;
use wire::ImapSession;
use wire::MailboxName;
use wire::OpenMode;
use wire::StepLog;
use wire::WireError;

use crate::probe::target;

/// Sizes of more than so many are reckoned from these.
const SAMPLE: usize = 2_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HistoryPreview {
    pub messages: u64,
    /// By what the server says of sizes, which is a hint.
    pub bytes: u64,
}

/// INBOX and Sent since `day`, counted; changes nothing.
pub async fn preview_history(
    dialer: &Dialer,
    credentials: ImapCredentials,
    day: Date,
) -> Result<HistoryPreview, WireError> {
    let chosen = credentials.settings.sent_folder.clone();
    let session = ImapSession::connect(dialer, &target(credentials), &mut StepLog::default()).await?;
    let sent = match chosen {
        Some(name) => session.folders().iter().find(|folder| folder.listed.name == name),
        None => session.find_folder(find_sent),
    };
    let sent = sent.map(|folder| folder.wire_name.clone());
    let mut preview = HistoryPreview::default();
    for folder in std::iter::once(MailboxName::inbox()).chain(sent) {
        session.open(&folder, OpenMode::ReadOnly, None).await?;
        let found = session.search(Some(day)).await?;
        let step = found.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<_> = found.iter().copied().step_by(step).collect();
        let (counted, bytes) = session.sizes(&sample).await?;
        preview.messages += found.len() as u64;
        preview.bytes += bytes * found.len() as u64 / counted.max(1);
    }
    session.log_out().await;
    Ok(preview)
}
