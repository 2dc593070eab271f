//! Server against store: which differences there are, each with its reason.
//!
//! Pure. `engine::folder_sync` asks the server, and heals what is found.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use serde::Deserialize;
use serde::Serialize;

use crate::folder::FolderCursor;
use crate::folder::Uid;

/// What is known of the UIDs of a folder: stored, or skipped with a reason.
pub type Known = HashMap<Uid, Option<String>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// On the server, to be here, and not.
    pub missing: Vec<Uid>,
    /// Known here, and no longer there.
    pub gone: Vec<Uid>,
    /// On the server from before the first connection, and outside of the history that the owner chose.
    pub older: u64,
    pub here: u64,
    pub skipped: BTreeMap<String, u64>,
}

/// `history`: UIDs on the server since the day that the owner chose.
pub fn compare(server: &[Uid], known: &Known, cursor: &FolderCursor, history: &HashSet<Uid>) -> Differences {
    let mut found = Differences::default();
    for uid in server {
        let is_wanted = *uid >= cursor.baseline || (*uid >= cursor.history_from && history.contains(uid));
        match known.get(uid) {
            Some(None) => found.here += 1,
            Some(Some(reason)) => *found.skipped.entry(reason.clone()).or_default() += 1,
            None if is_wanted => found.missing.push(*uid),
            None => found.older += 1,
        }
    }
    let server: HashSet<_> = server.iter().collect();
    found.gone = known
        .keys()
        .filter(|uid| !server.contains(uid))
        .copied()
        .collect();
    found.gone.sort_unstable();
    found
}

/// What the owner reads of one folder, and the command line prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderAudit {
    pub folder: String,
    pub on_server: u64,
    pub here: u64,
    /// Still, after they were asked for again.
    pub missing: u64,
    /// Were missing, and are here now.
    pub fetched: u64,
    /// Were known as being there and are gone; the messages stay.
    pub gone: u64,
    /// Outside of what the owner wants to have.
    pub older: u64,
    pub skipped: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::UidValidity;

    #[test]
    fn each_difference_has_its_reason() {
        let uids = |list: &[u32]| list.iter().copied().map(Uid).collect::<Vec<_>>();
        let cursor = |history_from| FolderCursor {
            history_from: Uid(history_from),
            ..FolderCursor::at_baseline(UidValidity(1), Uid(10), None)
        };
        let known: Known = [
            (Uid(5), None),
            (Uid(11), None),
            (Uid(12), Some("denied".to_owned())),
            (Uid(13), None),
        ]
        .into();
        for (server, history, history_from, missing, gone, older) in [
            (vec![5, 11, 12, 13], vec![], 10, vec![], vec![], 0),
            (vec![5, 11, 12], vec![], 10, vec![], vec![13], 0),
            (vec![5, 11, 12, 13, 14], vec![], 10, vec![14], vec![], 0),
            // Older than the first connection, without a history, with one, and with one that is still on its way.
            (vec![4, 5, 11, 12, 13], vec![], 10, vec![], vec![], 1),
            (vec![4, 5, 11, 12, 13], vec![4, 5], 1, vec![4], vec![], 0),
            (vec![4, 5, 11, 12, 13], vec![4, 5], 5, vec![], vec![], 1),
            (vec![], vec![], 10, vec![], vec![5, 11, 12, 13], 0),
        ] {
            let history = uids(&history).into_iter().collect();
            let found = compare(&uids(&server), &known, &cursor(history_from), &history);
            assert_eq!(
                (found.missing, found.gone, found.older),
                (uids(&missing), uids(&gone), older),
                "{server:?}"
            );
        }
    }
}
