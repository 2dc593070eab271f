//! How far a sync is, for Status and the command line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use domain::MailAccountId;
use domain::Timestamp;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    pub started_at: Timestamp,
}

/// Of accounts that sync now; in memory only.
#[derive(Clone, Debug, Default)]
pub struct ProgressBoard(Arc<Mutex<HashMap<MailAccountId, Progress>>>);

impl ProgressBoard {
    pub fn get(&self, account: MailAccountId) -> Option<Progress> {
        self.0.lock().ok()?.get(&account).copied()
    }

    pub fn begin(&self, account: MailAccountId, total: u64, started_at: Timestamp) {
        if let Ok(mut board) = self.0.lock() {
            let progress = board.entry(account).or_insert(Progress {
                done: 0,
                total: 0,
                started_at,
            });
            progress.total += total;
        }
    }

    pub fn advance(&self, account: MailAccountId, by: u64) {
        if let Ok(mut board) = self.0.lock()
            && let Some(progress) = board.get_mut(&account)
        {
            progress.done += by;
        }
    }

    pub fn end(&self, account: MailAccountId) {
        if let Ok(mut board) = self.0.lock() {
            board.remove(&account);
        }
    }
}
