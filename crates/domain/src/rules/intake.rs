//! Whether a message is taken in.
//!
//! Pure. `engine::folder_sync` asks before fetching a body; what is skipped keeps only its place and reason.

use crate::account::MessagesToProcess;
use crate::address::EmailAddress;
use crate::deny::DenyList;
use crate::folder::FolderRole;
use crate::message::SkipReason;
use crate::time::Timestamp;

/// What is known of a message before its body is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSummary {
    pub seen: bool,
    pub internal_date: Option<Timestamp>,
    /// From and Sender.
    pub authors: Vec<EmailAddress>,
    /// To, Cc and Bcc.
    pub recipients: Vec<EmailAddress>,
}

#[derive(Clone, Debug)]
pub struct IntakeSettings {
    pub messages: MessagesToProcess,
    pub deny_list: DenyList,
    /// The first moment of the day that the owner chose; only the history is measured against it.
    pub history_since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    Wanted,
    Skipped(SkipReason),
}

/// Which folder a message of `folder` counts as one of; `None`: of none that is watched. `labels` is what Gmail says
/// (X-GM-LABELS), whose other folders are views of All Mail. Mail to oneself bears both labels and counts as sent.
pub fn place_of(folder: FolderRole, labels: Option<&[String]>) -> Option<FolderRole> {
    if folder != FolderRole::AllMail {
        return Some(folder);
    }
    // Not told: to show too much of one's own mail beats losing it.
    let Some(labels) = labels else {
        return Some(FolderRole::Inbox);
    };
    let bears = |wanted: &str| labels.iter().any(|label| label.eq_ignore_ascii_case(wanted));
    match (bears("\\Sent"), bears("\\Inbox")) {
        (true, _) => Some(FolderRole::Sent),
        (false, true) => Some(FolderRole::Inbox),
        (false, false) => None,
    }
}

/// `folder` is the message's own place: see [`place_of`].
pub fn decide(
    summary: &HeaderSummary,
    folder: FolderRole,
    is_history: bool,
    settings: &IntakeSettings,
) -> Intake {
    if is_history && is_before(summary.internal_date, settings.history_since) {
        return Intake::Skipped(SkipReason::BeforeHistory);
    }
    // Everything in Sent is read, so Unread cannot mean it.
    if folder == FolderRole::Inbox && settings.messages == MessagesToProcess::Unread && summary.seen {
        return Intake::Skipped(SkipReason::AlreadyRead);
    }
    match denied_by(summary, folder, &settings.deny_list) {
        Some(line) => Intake::Skipped(SkipReason::Denied(line)),
        None => Intake::Wanted,
    }
}

/// Without INTERNALDATE the message is taken: to show too much of one's own mail beats losing it.
fn is_before(internal_date: Option<Timestamp>, since: Option<Timestamp>) -> bool {
    matches!((internal_date, since), (Some(date), Some(since)) if date < since)
}

/// Inbound: any author denied. Outbound: only if every recipient is.
fn denied_by(summary: &HeaderSummary, folder: FolderRole, deny_list: &DenyList) -> Option<String> {
    let line_of = |address: &EmailAddress| deny_list.find(address).map(|line| line.text.clone());
    match folder {
        FolderRole::Inbox | FolderRole::AllMail | FolderRole::Other | FolderRole::Junk => {
            summary.authors.iter().find_map(line_of)
        }
        FolderRole::Sent => {
            let lines: Option<Vec<String>> = summary.recipients.iter().map(line_of).collect();
            lines?.into_iter().next()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessagesToProcess::All;
    use MessagesToProcess::Unread;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect(text)
    }

    fn summary(seen: bool, from: &str, to: &[&str]) -> HeaderSummary {
        HeaderSummary {
            seen,
            internal_date: Some(Timestamp::from_seconds(100)),
            authors: vec![address(from)],
            recipients: to.iter().map(|text| address(text)).collect(),
        }
    }

    fn settings(messages: MessagesToProcess) -> IntakeSettings {
        IntakeSettings {
            messages,
            deny_list: DenyList::parse("spam.example\n*.spam.example").expect("lines"),
            history_since: Some(Timestamp::from_seconds(101)),
        }
    }

    fn denied(line: &str) -> Intake {
        Intake::Skipped(SkipReason::Denied(line.into()))
    }

    #[test]
    fn all_mail_is_told_apart_by_labels() {
        use FolderRole::AllMail;
        use FolderRole::Inbox;
        use FolderRole::Sent;
        for (folder, labels, place) in [
            (AllMail, Some(&["\\Inbox", "\\Important"][..]), Some(Inbox)),
            (AllMail, Some(&["Kunden", "\\sent"]), Some(Sent)),
            (AllMail, Some(&["\\Inbox", "\\Sent"]), Some(Sent)),
            (AllMail, Some(&["Inbox", "Sent", "\\Draft"]), None),
            (AllMail, Some(&[]), None),
            (AllMail, None, Some(Inbox)),
            (Inbox, Some(&[]), Some(Inbox)),
            (Sent, None, Some(Sent)),
            (FolderRole::Junk, None, Some(FolderRole::Junk)),
        ] {
            let owned: Option<Vec<_>> = labels.map(|labels| labels.iter().map(ToString::to_string).collect());
            assert_eq!(place_of(folder, owned.as_deref()), place, "{folder:?} {labels:?}");
        }
    }

    #[test]
    fn intake_follows_the_owners_settings() {
        use FolderRole::Inbox;
        use FolderRole::Sent;
        let before = Intake::Skipped(SkipReason::BeforeHistory);
        let read = Intake::Skipped(SkipReason::AlreadyRead);
        for (mail, folder, history, messages, decision) in [
            (
                summary(true, "a@b.example", &[]),
                Inbox,
                false,
                All,
                Intake::Wanted,
            ),
            (summary(true, "a@b.example", &[]), Inbox, false, Unread, read),
            (
                summary(true, "a@b.example", &["c@d.example"]),
                Sent,
                false,
                Unread,
                Intake::Wanted,
            ),
            (
                summary(false, "a@b.example", &[]),
                Inbox,
                false,
                Unread,
                Intake::Wanted,
            ),
            (summary(false, "a@b.example", &[]), Inbox, true, All, before),
            (
                summary(false, "x@spam.example", &[]),
                Inbox,
                false,
                All,
                denied("spam.example"),
            ),
            (
                summary(false, "x@a.spam.example", &[]),
                Inbox,
                false,
                All,
                denied("*.spam.example"),
            ),
            (
                summary(true, "me@b.example", &["x@spam.example"]),
                Sent,
                false,
                All,
                denied("spam.example"),
            ),
            (
                summary(true, "me@b.example", &["x@spam.example", "c@d.example"]),
                Sent,
                false,
                All,
                Intake::Wanted,
            ),
            (
                summary(true, "me@b.example", &[]),
                Sent,
                false,
                All,
                Intake::Wanted,
            ),
        ] {
            assert_eq!(
                decide(&mail, folder, history, &settings(messages)),
                decision,
                "{mail:?}"
            );
        }
    }
}
