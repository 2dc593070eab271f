//! Which thread a message belongs to.
//!
//! Pure. Message-ID and References are chosen by the sender, so they never join alone: the sender must
//! already take part in what is referred to (invariant 9). `service::intake` looks the candidates up.

use std::time::Duration;

use crate::address::EmailAddress;
use crate::id::ThreadId;
use crate::time::Timestamp;

/// Of References the newest are looked up; mail programs keep the first and cut in the middle.
pub const MAX_REFERENCES: usize = 100;
/// A reply without References is joined by its subject for this long.
pub const SUBJECT_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// A stored message that the new one names, or that names the new one.
#[derive(Clone, Debug)]
pub struct Referred {
    pub thread: ThreadId,
    /// Who wrote the one of the two that names the other.
    pub referring_author: Option<EmailAddress>,
    /// From, Reply-To, To and Cc of the thread of the one that is named.
    pub participants: Vec<EmailAddress>,
    /// The Message-ID that is named holds our keyed token: who names it has had the message.
    pub has_our_token: bool,
}

/// A thread with the same subject.
#[derive(Clone, Debug)]
pub struct SameSubject {
    pub thread: ThreadId,
    pub last_at: Timestamp,
    pub outside: Vec<EmailAddress>,
}

/// What of the new message counts for joining by subject.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    pub has_references: bool,
    pub has_reply_prefix: bool,
    pub at: Timestamp,
    /// Its addresses less the owner's own.
    pub outside: &'a [EmailAddress],
}

pub fn join_by_reference(referred: &[Referred]) -> Option<ThreadId> {
    referred
        .iter()
        .find(|candidate| takes_part(candidate))
        .map(|candidate| candidate.thread)
}

fn takes_part(candidate: &Referred) -> bool {
    candidate.has_our_token
        || candidate
            .referring_author
            .as_ref()
            .is_some_and(|author| candidate.participants.contains(author))
}

pub fn join_by_subject(reply: &Reply<'_>, candidates: &[SameSubject]) -> Option<ThreadId> {
    if reply.has_references || !reply.has_reply_prefix {
        return None;
    }
    candidates
        .iter()
        .filter(|thread| reply.at.since(thread.last_at) <= SUBJECT_WINDOW)
        .find(|thread| {
            thread
                .outside
                .iter()
                .any(|address| reply.outside.contains(address))
        })
        .map(|thread| thread.thread)
}

/// Reply and forward prefixes of mail programs in their languages, lower case, without the colon.
const REPLY_PREFIXES: &[&str] = &[
    "re",
    "aw",
    "antw",
    "antwort",
    "sv",
    "vs",
    "odp",
    "ynt",
    "res",
    "rif",
    "r",
    "ref",
    "отв",
    "відп",
    "ответ",
    "回复",
    "回覆",
    "答复",
    "返信",
    "תגובה",
    "رد",
    "απ",
    "vá",
    "atb",
    "bls",
];
const FORWARD_PREFIXES: &[&str] = &[
    "fw",
    "fwd",
    "wg",
    "tr",
    "rv",
    "enc",
    "i",
    "vl",
    "vb",
    "pd",
    "doorst",
    "пересл",
    "转发",
    "轉寄",
    "転送",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    /// Lower case, prefixes and mailing-list tags taken off.
    pub base: String,
    pub has_reply_prefix: bool,
}

/// `AW: Re[2]: [list] Invoice` and `Invoice` have the same base.
pub fn subject_key(subject: &str) -> SubjectKey {
    let mut rest = subject.trim();
    let mut has_reply_prefix = false;
    while let Some((prefix, after)) = take_prefix(rest) {
        has_reply_prefix |= prefix == Prefix::Reply;
        rest = after;
    }
    SubjectKey {
        base: rest.to_lowercase(),
        has_reply_prefix,
    }
}

#[derive(PartialEq, Eq)]
enum Prefix {
    Reply,
    Other,
}

fn take_prefix(subject: &str) -> Option<(Prefix, &str)> {
    if let Some(inner) = subject.strip_prefix('[')
        && let Some((_, after)) = inner.split_once(']')
        && !after.trim().is_empty()
    {
        return Some((Prefix::Other, after.trim_start()));
    }
    let end = subject.find([':', '：'])?;
    let after = subject[end..].trim_start_matches([':', '：']).trim_start();
    let word = subject[..end].trim().to_lowercase();
    let word = word.split(['[', '(']).next().unwrap_or_default().trim();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '^');
    if REPLY_PREFIXES.contains(&word) {
        Some((Prefix::Reply, after))
    } else if FORWARD_PREFIXES.contains(&word) {
        Some((Prefix::Other, after))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect(text)
    }

    fn thread(number: u128) -> ThreadId {
        ThreadId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_reference_joins_only_who_takes_part() {
        let referred = |author: &str, participants: &[&str]| Referred {
            thread: thread(1),
            referring_author: Some(address(author)),
            participants: participants.iter().map(|text| address(text)).collect(),
            has_our_token: false,
        };
        let with_token = Referred {
            has_our_token: true,
            ..referred("assistant@out.example", &["alice@isp.example"])
        };
        for (candidate, joins) in [
            (
                referred("kelly@out.example", &["alice@isp.example", "kelly@out.example"]),
                true,
            ),
            (
                referred(
                    "mallory@evil.example",
                    &["alice@isp.example", "kelly@out.example"],
                ),
                false,
            ),
            (with_token, true),
        ] {
            assert_eq!(join_by_reference(&[candidate]).is_some(), joins);
        }
    }

    #[test]
    fn a_subject_joins_only_replies_to_the_same_person_within_a_month() {
        let day = 24 * 3600;
        let outside = [address("kelly@out.example")];
        let reply = |has_references, has_reply_prefix, at_day: i64| Reply {
            has_references,
            has_reply_prefix,
            at: Timestamp::from_seconds(at_day * day),
            outside: &outside,
        };
        let same = |person: &str| SameSubject {
            thread: thread(2),
            last_at: Timestamp::EPOCH,
            outside: vec![address(person)],
        };
        for (reply, person, joins) in [
            (reply(false, true, 30), "kelly@out.example", true),
            (reply(false, true, 31), "kelly@out.example", false),
            (reply(true, true, 1), "kelly@out.example", false),
            (reply(false, false, 1), "kelly@out.example", false),
            (reply(false, true, 1), "john@out.example", false),
        ] {
            assert_eq!(
                join_by_subject(&reply, &[same(person)]).is_some(),
                joins,
                "{reply:?}"
            );
        }
    }

    #[test]
    fn prefixes_and_list_tags_come_off_a_subject() {
        for (subject, base, reply) in [
            ("Invoice", "invoice", false),
            ("Re: Invoice", "invoice", true),
            ("AW: Re[2]: [list] Invoice", "invoice", true),
            ("Fwd: Invoice", "invoice", false),
            ("回复：发票", "发票", true),
            ("Note: read this", "note: read this", false),
            ("[only a tag]", "[only a tag]", false),
            ("Re:", "", true),
        ] {
            let key = subject_key(subject);
            assert_eq!(
                (key.base.as_str(), key.has_reply_prefix),
                (base, reply),
                "{subject}"
            );
        }
    }
}
