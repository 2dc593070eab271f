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
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    Waiting,
    Accepted,
    Refused,
    /// Accepted, and came back.
    Bounced,
}

impl RecipientState {
    pub const fn as_str(self) -> &'static str {
        match self {
            RecipientState::Waiting => "waiting",
            RecipientState::Accepted => "accepted",
            RecipientState::Refused => "refused",
            RecipientState::Bounced => "bounced",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            RecipientState::Waiting,
            RecipientState::Accepted,
            RecipientState::Refused,
            RecipientState::Bounced,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
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
