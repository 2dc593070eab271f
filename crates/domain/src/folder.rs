//! Server-side folders and how far we have read each.

use serde::Deserialize;
use serde::Serialize;

/// A message's number in a folder (RFC 3501 §2.3.1.1). Means nothing without its [`UidValidity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub u32);

impl Uid {
    pub const FIRST: Uid = Uid(1);

    pub fn next(self) -> Uid {
        Uid(self.0.saturating_add(1))
    }
}

/// Compared for equality only: a server restored from a backup may hand out a smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UidValidity(pub u32);

/// RFC 7162. Zero means "this server cannot tell what changed".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModSeq(pub u64);

impl ModSeq {
    pub const ZERO: ModSeq = ModSeq(0);
}

/// What a folder is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderRole {
    Inbox,
    Sent,
    /// Gmail's All Mail, in place of both: each message in it counts by its labels as one of theirs, or not at all.
    AllMail,
    /// Chosen by its owner.
    Other,
    /// Chosen by its owner; what lies only there is marked.
    Junk,
}

impl FolderRole {
    pub const fn as_str(self) -> &'static str {
        match self {
            FolderRole::Inbox => "inbox",
            FolderRole::Sent => "sent",
            FolderRole::AllMail => "all_mail",
            FolderRole::Other => "other",
            FolderRole::Junk => "junk",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            FolderRole::Inbox,
            FolderRole::Sent,
            FolderRole::AllMail,
            FolderRole::Other,
            FolderRole::Junk,
        ];
        all.into_iter().find(|role| role.as_str() == text)
    }

    /// New mail comes here.
    pub const fn holds_inbox(self) -> bool {
        matches!(self, FolderRole::Inbox | FolderRole::AllMail)
    }
}

/// How far a folder has been read. Everything from `baseline` up to (not including) `next_uid` is stored,
/// skipped or parked; so is everything of the history from `history_from` up to `baseline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderCursor {
    pub uid_validity: UidValidity,
    pub next_uid: Uid,
    pub mod_seq: Option<ModSeq>,
    /// UIDNEXT at the first successful connection.
    pub baseline: Uid,
    /// The lowest UID of the history that has been dealt with; starts at `baseline`, goes down.
    pub history_from: Uid,
}

impl FolderCursor {
    pub fn at_baseline(uid_validity: UidValidity, next_uid: Uid, mod_seq: Option<ModSeq>) -> Self {
        FolderCursor {
            uid_validity,
            next_uid,
            mod_seq,
            baseline: next_uid,
            history_from: next_uid,
        }
    }
}

/// Which end of what has been read of a folder moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Upwards from `next_uid`.
    NewMail,
    /// Downwards from `history_from`.
    History,
}

/// A message whose flags are others than they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagChange {
    pub uid: Uid,
    pub seen: bool,
}

/// What is different in a folder since it was last looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderChanges {
    /// From and to, both included.
    pub vanished: Vec<(Uid, Uid)>,
    pub flags: Vec<FlagChange>,
}

/// What is asked of the mailbox on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteOperation {
    MarkSeen,
    MarkUnseen,
    MarkAnswered,
    MoveToTrash,
}

impl RemoteOperation {
    pub const ALL: [RemoteOperation; 4] = [
        RemoteOperation::MarkSeen,
        RemoteOperation::MarkUnseen,
        RemoteOperation::MarkAnswered,
        RemoteOperation::MoveToTrash,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            RemoteOperation::MarkSeen => "mark_seen",
            RemoteOperation::MarkUnseen => "mark_unseen",
            RemoteOperation::MarkAnswered => "mark_answered",
            RemoteOperation::MoveToTrash => "move_to_trash",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == text)
    }

    /// What this one makes pointless.
    pub fn undoes(self) -> Option<Self> {
        match self {
            RemoteOperation::MarkSeen => Some(RemoteOperation::MarkUnseen),
            RemoteOperation::MarkUnseen => Some(RemoteOperation::MarkSeen),
            RemoteOperation::MarkAnswered | RemoteOperation::MoveToTrash => None,
        }
    }
}

/// What the server said when the folder was opened. A UIDNEXT of 0 has already become "absent".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderStatus {
    pub uid_validity: UidValidity,
    pub next_uid: Option<Uid>,
    pub mod_seq: Option<ModSeq>,
    pub exists: u32,
}
