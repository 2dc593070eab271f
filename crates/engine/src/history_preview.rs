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
    /// By what the server says of sizes, which is a hint; 0: it says nothing of them.
    pub bytes: u64,
}

/// Of all, by those whose size was told. Sizes are foreign numbers, and any may come.
fn reckoned(bytes: u64, counted: u64, all: u64) -> u64 {
    let whole = u128::from(bytes) * u128::from(all) / u128::from(counted.max(1));
    u64::try_from(whole).unwrap_or(u64::MAX)
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
        preview.bytes = preview
            .bytes
            .saturating_add(reckoned(bytes, counted, found.len() as u64));
    }
    session.log_out().await;
    Ok(preview)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_reckoned_by_those_whose_size_was_told() {
        for (bytes, counted, all, expected) in [
            (30, 3, 3, 30),
            (30, 3, 9, 90),
            (0, 0, 9, 0),
            (u64::MAX, 1, 2, u64::MAX),
            (u64::MAX, 2, 2, u64::MAX),
        ] {
            assert_eq!(reckoned(bytes, counted, all), expected);
        }
    }
}
