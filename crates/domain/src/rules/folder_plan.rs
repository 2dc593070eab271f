//! What to do with a folder, given what we know and what the server says.
//!
//! Pure: no socket, no database, no clock. `engine::folder_sync` carries the plan out.
//! Invariant: a plan never skips a UID at or above the cursor.

use crate::folder::FolderCursor;
use crate::folder::FolderStatus;
use crate::folder::ModSeq;
use crate::folder::Uid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderPlan {
    /// First met: remember where it stands.
    Baseline,
    /// The server's numbers mean something else now: match what is there to what we hold.
    Rebuild,
    /// The numbers are suspect: look at every UID again, delete nothing on it.
    Rescan,
    Advance {
        fetch_from: Option<Uid>,
        flags_since: Option<ModSeq>,
    },
}

pub fn plan_folder(cursor: Option<&FolderCursor>, seen: &FolderStatus) -> FolderPlan {
    let Some(cursor) = cursor else {
        return FolderPlan::Baseline;
    };
    // Unequal, not greater: a server restored from a backup may hand out a smaller value.
    if seen.uid_validity != cursor.uid_validity {
        return FolderPlan::Rebuild;
    }
    // Forbidden by RFC 3501 §2.3.1.1, yet seen (chatmail/core `select_folder.rs`, Mailspring
    // "uidnext becoming zero suddenly"): look again, delete nothing on it.
    if seen.next_uid.is_some_and(|next| next < cursor.next_uid) {
        return FolderPlan::Rescan;
    }
    // Some servers leave UIDNEXT out of the SELECT reply (Winmail, 163.com); then only a FETCH can tell.
    let may_have_new_mail = seen.next_uid.is_none_or(|next| next > cursor.next_uid);
    FolderPlan::Advance {
        fetch_from: may_have_new_mail.then_some(cursor.next_uid),
        flags_since: changed_since(cursor.mod_seq, seen.mod_seq),
    }
}

/// NOMODSEQ, 0 and a smaller value than ours all mean: this server cannot tell what changed.
fn changed_since(ours: Option<ModSeq>, theirs: Option<ModSeq>) -> Option<ModSeq> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours > ModSeq::ZERO && theirs > ours => Some(ours),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::UidValidity;

    fn cursor(uid_validity: u32, next_uid: u32) -> FolderCursor {
        FolderCursor::at_baseline(UidValidity(uid_validity), Uid(next_uid), Some(ModSeq(5)))
    }

    fn status(uid_validity: u32, next_uid: impl Into<Option<u32>>, mod_seq: Option<u64>) -> FolderStatus {
        FolderStatus {
            uid_validity: UidValidity(uid_validity),
            next_uid: next_uid.into().map(Uid),
            mod_seq: mod_seq.map(ModSeq),
            exists: 0,
        }
    }

    fn advance(fetch_from: Option<u32>, flags_since: Option<u64>) -> FolderPlan {
        FolderPlan::Advance {
            fetch_from: fetch_from.map(Uid),
            flags_since: flags_since.map(ModSeq),
        }
    }

    #[test]
    fn plan_follows_the_servers_numbers() {
        for (stored, server, plan) in [
            (cursor(7, 10), status(7, 12, None), advance(Some(10), None)),
            (cursor(7, 10), status(7, 10, None), advance(None, None)),
            (cursor(7, 10), status(7, None, None), advance(Some(10), None)),
            (cursor(7, 10), status(6, 10, None), FolderPlan::Rebuild),
            (cursor(7, 10), status(8, 10, None), FolderPlan::Rebuild),
            (cursor(7, 10), status(7, 4, None), FolderPlan::Rescan),
            (cursor(7, 10), status(7, 10, Some(9)), advance(None, Some(5))),
            (cursor(7, 10), status(7, 10, Some(0)), advance(None, None)),
            (cursor(7, 10), status(7, 10, Some(3)), advance(None, None)),
        ] {
            assert_eq!(plan_folder(Some(&stored), &server), plan);
        }
        assert_eq!(plan_folder(None, &status(7, 10, None)), FolderPlan::Baseline);
    }
}
