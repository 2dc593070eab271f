//! From raw bytes to what a row holds, without the database.

use std::time::Duration;

use bytes::Bytes;
use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::message::Direction;
use domain::message::FromShape;
use domain::message::MessageSummary;
use domain::rules::answering::Header;
pub use mime::HeaderAddresses;
use sha2::Digest as _;
use sha2::Sha256;
use store::accounts::MailAccount;

use crate::intake::FetchedForIntake;

/// From, Sender and recipients of a header that was fetched alone.
pub fn header_addresses(header: &[u8]) -> HeaderAddresses {
    mime::header_addresses(header)
}

pub struct Prepared {
    pub uid: Uid,
    pub role: FolderRole,
    pub seen: bool,
    /// Let go of once they are on disk.
    pub raw: Bytes,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    pub arrived_at: Timestamp,
    pub parsed: Parsed,
}

pub struct Parsed {
    pub summary: MessageSummary,
    pub direction: Direction,
    /// Why the content is not shown; the bytes are kept.
    pub parked_reason: Option<String>,
}

/// For [`crate::parsing`]: parsers recurse and take their time. `park`: do not even try.
pub fn prepare(fetched: FetchedForIntake, account: &MailAccount, now: Timestamp, park: bool) -> Prepared {
    let sha256 = Sha256::digest(&fetched.raw).into();
    let (summary, parked_reason) = if park {
        (
            empty_summary(),
            Some("it could not be read in three attempts".to_owned()),
        )
    } else {
        match mime::summarise(&fetched.raw) {
            Ok(summary) => (summary, None),
            Err(refusal) => (empty_summary(), Some(refusal.to_string())),
        }
    };
    let role = fetched.role;
    let arrived_at = arrival(role, fetched.internal_date, summary.date, now);
    let direction = direction(role, &summary, account);
    Prepared {
        uid: fetched.uid,
        role,
        seen: fetched.seen,
        size_bytes: fetched.raw.len() as u64,
        raw: fetched.raw,
        sha256,
        arrived_at,
        parsed: Parsed {
            summary,
            direction,
            parked_reason,
        },
    }
}

fn empty_summary() -> MessageSummary {
    MessageSummary {
        automatic: None,
        report: None,
        internet_message_id: None,
        in_reply_to: Vec::new(),
        references: Vec::new(),
        conversation_keys: Vec::new(),
        date: None,
        subject: CleanText::default(),
        snippet: CleanText::default(),
        addresses: Vec::new(),
        attachments: Vec::new(),
        authentication: Vec::new(),
        from_shape: FromShape::default(),
        received_by: None,
        own_token: None,
        search_text: String::new(),
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// INTERNALDATE; in Sent the Date header if it is within a day of it; never in the future.
fn arrival(
    role: FolderRole,
    internal: Option<Timestamp>,
    date: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let arrived = match (internal, date) {
        (Some(internal), Some(date)) if role == FolderRole::Sent && is_within_a_day(internal, date) => date,
        (Some(internal), _) => internal,
        (None, Some(date)) => date,
        (None, None) => now,
    };
    arrived.min(now).max(Timestamp::EPOCH)
}

fn is_within_a_day(one: Timestamp, other: Timestamp) -> bool {
    one.since(other) <= DAY && other.since(one) <= DAY
}

/// Mail from an own address is the owner's, wherever it lies; not where it takes a guess to find the address, nor where
/// answers are to go elsewhere.
fn direction(role: FolderRole, summary: &MessageSummary, account: &MailAccount) -> Direction {
    let header = Header {
        people: &summary.addresses,
        is_own: |address: &EmailAddress| account.is_answered_at(address),
    };
    let is_clear = summary.from_shape != FromShape::Unclear;
    match role == FolderRole::Sent || is_clear && header.is_from_owner() {
        true => Direction::Outgoing,
        false => Direction::Incoming,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrival_is_the_servers_date_and_never_in_the_future() {
        let at = Timestamp::from_seconds;
        let day = 24 * 3600;
        for (role, internal, date, arrived) in [
            (FolderRole::Inbox, Some(100), Some(5), 100),
            (FolderRole::Inbox, Some(10 * day), None, 2 * day),
            (FolderRole::Inbox, None, Some(7), 7),
            (FolderRole::Inbox, None, None, 2 * day),
            (FolderRole::Sent, Some(100), Some(5), 5),
            (FolderRole::Sent, Some(day + 100), Some(5), day + 100),
        ] {
            let found = arrival(role, internal.map(at), date.map(at), at(2 * day));
            assert_eq!(found, at(arrived), "{role:?} {internal:?} {date:?}");
        }
    }
}
