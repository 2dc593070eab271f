//! How far a sync is, for Status and the command line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

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
pub struct ProgressBoard(Arc<Mutex<HashMap<MailAccountId, Entry>>>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    progress: Progress,
    /// How many work on it.
    running: u32,
}

/// Some work on an account. The account is on the board for as long as there is any.
#[derive(Debug)]
pub struct Running {
    board: ProgressBoard,
    account: MailAccountId,
    left: AtomicU64,
}

impl ProgressBoard {
    pub fn get(&self, account: MailAccountId) -> Option<Progress> {
        let board = self.0.lock().ok()?;
        let progress = board.get(&account)?.progress;
        (progress.total > 0).then_some(progress)
    }

    /// `messages` more to do; none yet for work that holds other work together.
    pub fn begin(&self, account: MailAccountId, messages: u64, started_at: Timestamp) -> Running {
        if let Ok(mut board) = self.0.lock() {
            let entry = board.entry(account).or_insert(Entry {
                progress: Progress {
                    done: 0,
                    total: 0,
                    started_at,
                },
                running: 0,
            });
            entry.progress.total += messages;
            entry.running += 1;
        }
        Running {
            board: self.clone(),
            account,
            left: AtomicU64::new(messages),
        }
    }

    fn change(&self, account: MailAccountId, change: impl FnOnce(&mut Entry)) {
        if let Ok(mut board) = self.0.lock()
            && let Some(entry) = board.get_mut(&account)
        {
            change(entry);
            if entry.running == 0 {
                board.remove(&account);
            }
        }
    }
}

impl Running {
    pub fn advance(&self, by: u64) {
        self.left.fetch_sub(by, Ordering::Relaxed);
        self.board.change(self.account, |entry| entry.progress.done += by);
    }
}

impl Drop for Running {
    /// What it leaves undone is begun again by other work, or not at all.
    fn drop(&mut self) {
        let left = self.left.load(Ordering::Relaxed);
        self.board.change(self.account, |entry| {
            entry.progress.total -= left;
            entry.running -= 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_stretch_is_counted_once() {
        let (board, account) = (
            ProgressBoard::default(),
            MailAccountId::from_uuid(uuid::Uuid::nil()),
        );
        let at = Timestamp::EPOCH;
        let counts = || board.get(account).map(|progress| (progress.done, progress.total));
        let whole = board.begin(account, 0, at);
        assert_eq!(counts(), None, "nothing is known yet");
        let first = board.begin(account, 100, at);
        first.advance(30);
        assert_eq!(counts(), Some((30, 100)));
        drop(first);
        let second = board.begin(account, 70, at);
        second.advance(60);
        let beside = board.begin(account, 5, at);
        beside.advance(5);
        drop(beside);
        assert_eq!(counts(), Some((95, 105)));
        second.advance(10);
        drop(second);
        assert_eq!(counts(), Some((105, 105)));
        drop(whole);
        assert_eq!(counts(), None);
    }
}
