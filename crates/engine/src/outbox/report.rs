//! What an attempt came to, in the words for the Outbox page. Pure.

use domain::outbox::RecipientState;
use domain::rules::delivery::Attempt;
use service::delivery::AttemptReport;
use service::delivery::Outgoing;
use wire::MailService;
use wire::RecipientReply;
use wire::Reply;
use wire::Submission;
use wire::WireError;

const UNREADABLE: &str =
    "The stored message could not be read. The operator finds why in the log; it is tried again.";

/// `None`: somebody else holds the entry, and has a report of their own.
pub fn report(outgoing: &Outgoing, submission: Submission) -> Option<AttemptReport> {
    let all = |state: RecipientState, reply: &Reply| {
        let recipients = outgoing.recipients().iter();
        recipients
            .map(|address| (address.clone(), state, Some(reply.said())))
            .collect::<Vec<_>>()
    };
    Some(match submission {
        Submission::Stopped => return None,
        Submission::Unreadable => unreadable(),
        Submission::LostBefore(error) => later(words(&error)),
        Submission::LostAfter(error) => AttemptReport {
            attempt: Attempt::Lost,
            said: Some(words(&error)),
            recipients: Vec::new(),
        },
        Submission::Taken { reply, recipients } => {
            let is_full = recipients.iter().any(|one| is_one_too_many(&one.reply));
            let outcomes = recipients
                .into_iter()
                .map(|one| match is_one_too_many(&one.reply) {
                    true => (one.address, RecipientState::Waiting, Some(one.reply.said())),
                    false => outcome(one, &reply),
                });
            let recipients: Vec<_> = outcomes.collect();
            let count = |wanted| recipients.iter().filter(|(_, state, _)| *state == wanted).count();
            AttemptReport {
                attempt: Attempt::Taken {
                    later: count(RecipientState::Waiting),
                    accepted: count(RecipientState::Accepted),
                    is_full,
                },
                said: Some(reply.said()),
                recipients,
            }
        }
        Submission::Refused { reply, recipients } if recipients.is_empty() => AttemptReport {
            attempt: if reply.is_permanent() {
                Attempt::Refused
            } else {
                Attempt::Later
            },
            said: Some(reply.said()),
            recipients: match reply.is_permanent() {
                true => all(RecipientState::Refused, &reply),
                false => Vec::new(),
            },
        },
        Submission::Refused { reply, recipients } => {
            let recipients: Vec<_> = recipients.into_iter().map(|one| outcome(one, &reply)).collect();
            let waits = recipients
                .iter()
                .any(|(_, state, _)| *state == RecipientState::Waiting);
            AttemptReport {
                attempt: if waits { Attempt::Later } else { Attempt::Refused },
                said: Some(reply.said()),
                recipients,
            }
        }
    })
}

/// Nobody has it; it is tried again.
pub fn later(said: String) -> AttemptReport {
    AttemptReport {
        attempt: Attempt::Later,
        said: Some(said),
        recipients: Vec::new(),
    }
}

pub fn unreadable() -> AttemptReport {
    later(UNREADABLE.to_owned())
}

pub fn words(error: &WireError) -> String {
    let message = error.kind.message(MailService::Smtp);
    match &error.said {
        Some(said) => format!("{message} It said: {}", said.as_str()),
        None => message,
    }
}

/// For the metrics.
pub fn name(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Taken { .. } => "taken",
        Attempt::Later => "later",
        Attempt::Refused => "refused",
        Attempt::Lost => "lost",
    }
}

/// Where others were taken. RFC 5321 §4.5.3.1.10: 452, and 552 is to be read as it; X.5.3 says it in RFC 3463.
fn is_one_too_many(reply: &Reply) -> bool {
    let words = reply.lines.first().map_or("", |line| line.as_str());
    let is_of = |codes: &[&str]| codes.iter().any(|code| words.starts_with(code));
    match reply.code {
        400..600 if is_of(&["4.5.3", "5.5.3"]) => true,
        // X.2: of the mailbox, which is full.
        452 | 552 => !is_of(&["4.2.", "5.2."]),
        _ => false,
    }
}

fn outcome(one: RecipientReply, message: &Reply) -> (domain::EmailAddress, RecipientState, Option<String>) {
    if one.reply.is_positive() {
        return (one.address, RecipientState::Accepted, Some(message.said()));
    }
    let state = match one.reply.is_permanent() {
        true => RecipientState::Refused,
        false => RecipientState::Waiting,
    };
    (one.address, state, Some(one.reply.said()))
}
