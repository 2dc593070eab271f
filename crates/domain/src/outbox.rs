//! What is written here and on its way out.

use serde::Deserialize;
use serde::Serialize;

/// Where a message stands on its way to the submission server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Can still be taken back.
    Queued,
    Sending,
    /// The server has it for every recipient that it did not refuse.
    Sent,
    Retrying,
    /// The server refused it.
    Failed,
    /// Its time is over.
    Expired,
    /// It went, and came back from somebody.
    Bounced,
    /// The link was lost after the final dot: it may have gone. Never resent by itself.
    Unknown,
}

impl OutboxState {
    pub const ALL: [OutboxState; 8] = [
        OutboxState::Queued,
        OutboxState::Sending,
        OutboxState::Sent,
        OutboxState::Retrying,
        OutboxState::Failed,
        OutboxState::Expired,
        OutboxState::Bounced,
        OutboxState::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            OutboxState::Queued => "queued",
            OutboxState::Sending => "sending",
            OutboxState::Sent => "sent",
            OutboxState::Retrying => "retrying",
            OutboxState::Failed => "failed",
            OutboxState::Expired => "expired",
            OutboxState::Bounced => "bounced",
            OutboxState::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// No other change is ever written. What is queued, and it alone, can be taken back: it is no more then.
    pub const fn may_become(self, next: Self) -> bool {
        use OutboxState::*;
        match self {
            // Tried, made to wait by a limit, too old, or restored from a backup.
            Queued => matches!(next, Sending | Retrying | Expired | Unknown),
            // Also taken over from a worker that died.
            Sending => matches!(next, Sending | Sent | Retrying | Failed | Expired | Unknown),
            // Its time may be over when some have it.
            Retrying => matches!(next, Retrying | Sending | Sent | Expired | Unknown),
            // A person sends it again.
            Failed | Expired => matches!(next, Retrying),
            // A person, the Sent folder, a report or a worker that was taken for dead says what became of it.
            Unknown => matches!(next, Retrying | Sent | Failed | Expired | Bounced),
            Sent => matches!(next, Bounced),
            Bounced => matches!(next, Bounced),
        }
    }
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    Waiting,
    Accepted,
    Refused,
    /// Accepted, and came back.
    Bounced,
    /// Accepted, and a server on the way goes on trying.
    Late,
    /// Delivered, and reported as unwanted.
    Complained,
}

impl RecipientState {
    /// Whoever has it is never written to again.
    pub const fn may_become(self, next: Self) -> bool {
        use RecipientState::*;
        match self {
            Waiting => matches!(next, Accepted | Refused | Bounced | Late),
            Accepted => matches!(next, Bounced | Late | Complained),
            // It arrived after all.
            Late => matches!(next, Accepted | Bounced | Complained),
            // A person sends it again.
            Refused => matches!(next, Waiting),
            Bounced | Complained => false,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            RecipientState::Waiting => "waiting",
            RecipientState::Accepted => "accepted",
            RecipientState::Refused => "refused",
            RecipientState::Bounced => "bounced",
            RecipientState::Late => "late",
            RecipientState::Complained => "complained",
        }
    }

    /// It did not arrive, or not yet: what was said tells why.
    pub const fn has_trouble(self) -> bool {
        matches!(
            self,
            RecipientState::Refused | RecipientState::Bounced | RecipientState::Late
        )
    }

    pub const ALL: [RecipientState; 6] = [
        RecipientState::Waiting,
        RecipientState::Accepted,
        RecipientState::Refused,
        RecipientState::Bounced,
        RecipientState::Late,
        RecipientState::Complained,
    ];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The copy in the Sent folder of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentCopy {
    /// The server files it itself, or there is no folder to put it into.
    None,
    Due,
    Done,
    /// Given up after several tries.
    Failed,
}

impl SentCopy {
    /// It may be met in Sent whoever put it there.
    pub const fn may_become(self, next: Self) -> bool {
        use SentCopy::*;
        match self {
            None | Failed => matches!(next, Done),
            Due => matches!(next, Done | Failed),
            Done => false,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            SentCopy::None => "none",
            SentCopy::Due => "due",
            SentCopy::Done => "done",
            SentCopy::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [SentCopy::None, SentCopy::Due, SentCopy::Done, SentCopy::Failed]
            .into_iter()
            .find(|copy| copy.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_do_not_go_back() {
        use OutboxState::*;
        for state in OutboxState::ALL {
            assert!(
                !state.may_become(Queued),
                "{state:?}: what was tried cannot be taken back"
            );
        }
        for (gone, next) in [
            (Sent, Sending),
            (Sent, Retrying),
            (Bounced, Retrying),
            (Unknown, Sending),
        ] {
            assert!(
                !gone.may_become(next),
                "{gone:?} must not be sent again by itself"
            );
        }
        for has_it in [RecipientState::Accepted, RecipientState::Bounced] {
            assert!(!has_it.may_become(RecipientState::Waiting));
        }
    }
}
