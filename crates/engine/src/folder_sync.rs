//! Carries out the plan for one folder: new mail upwards, then what was asked to be changed on the server.
//!
//! Invariant: the cursor moves only with the commit of what it passes over.

use std::collections::HashSet;

use domain::folder::FolderChanges;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::FolderStatus;
use domain::folder::ModSeq;
use domain::folder::RemoteOperation;
use domain::folder::Uid;
use domain::folder::Walk;
use domain::message::SkipReason;
use domain::rules::audit::FolderAudit;
use domain::rules::audit::compare;
use domain::rules::folder_plan::FolderPlan;
use domain::rules::folder_plan::plan_folder;
use domain::rules::intake::IntakeSettings;
use domain::rules::sent_folder::find_trash;
use domain::rules::sent_folder::is_junk;
use jiff::civil::Date;
use service::Services;
use service::accounts::MailAccount;
use service::intake::IntakeBatch;
use service::intake::IntakeReport;
use service::sync::Folder;
use service::sync::OpenAttempt;
use service::sync::PendingOperation;
use tracing::warn;
use wire::ImapSession;
use wire::Kind;
use wire::Known;
use wire::MailboxName;
use wire::OpenMode;
use wire::Opened;
use wire::WireError;

use crate::EngineError;
use crate::account_work::AccountWork;
use crate::fetching;

const OPERATIONS_STEP: u32 = 500;
/// What arrived while processing was off is recorded in commits of so many: the one writer is everybody's.
const GAP_STEP: usize = 5_000;
/// More of a folder than this part, vanished at once, is looked at again: servers have told it of whole folders that
/// were still there (apache/james#629).
const SUSPECT_PART: u64 = 5;
const MILLIS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// A folder to watch, as the server names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderTask {
    pub role: FolderRole,
    pub wire_name: MailboxName,
    /// When it was last synced; `None`: not yet.
    pub seen: Option<FolderStatus>,
}

impl FolderTask {
    pub fn inbox() -> Self {
        FolderTask {
            role: FolderRole::Inbox,
            wire_name: MailboxName::inbox(),
            seen: None,
        }
    }

    /// A name that the server does not list is tried as it is: the refusal then says so.
    pub fn named(name: &str, role: FolderRole, session: &ImapSession) -> Self {
        let listed = session.folders().iter().find(|folder| folder.listed.name == name);
        let wire_name = listed.map(|folder| folder.wire_name.clone());
        FolderTask {
            role: match listed {
                Some(folder) if role == FolderRole::Other && is_junk(&folder.listed) => FolderRole::Junk,
                _ => role,
            },
            wire_name: wire_name.unwrap_or_else(|| MailboxName::from_text(name)),
            seen: None,
        }
    }
}

/// What the work on one folder shares.
pub struct FolderSync<'a> {
    pub work: &'a AccountWork<'a>,
    pub session: &'a ImapSession,
    pub settings: IntakeSettings,
    pub folder: Folder,
    pub suspects: Vec<OpenAttempt>,
}

#[derive(Debug)]
pub struct Synced {
    pub report: IntakeReport,
    /// To be gone on with at once.
    pub has_more_history: bool,
    /// As the folder was when it was opened.
    pub status: FolderStatus,
}

pub async fn sync(
    work: &AccountWork<'_>,
    session: &ImapSession,
    task: &FolderTask,
) -> Result<Synced, EngineError> {
    let services = &work.handle.services;
    let sync = FolderSync::of(work, session, task).await?;
    let folder = &sync.folder;
    let marks = work.account.tracking.mark_as_read && task.role.holds_inbox();
    let is_asked = !services.list_remote_operations(folder, 1).await?.is_empty();
    let mode = if marks || is_asked {
        OpenMode::ReadWrite
    } else {
        OpenMode::ReadOnly
    };
    let known = folder.cursor.and_then(|cursor| {
        let mod_seq = cursor.mod_seq.filter(|mod_seq| *mod_seq > ModSeq::ZERO)?;
        Some(Known {
            uid_validity: cursor.uid_validity,
            mod_seq,
        })
    });
    let Opened { status, changes } = session.open(&task.wire_name, mode, known).await?;
    if folder.server_messages != status.exists {
        services.set_server_messages(folder.id, status.exists).await?;
    }
    let mut report = sync.follow_plan(&status, changes).await?;
    if sync.folder.was_off {
        services.clear_was_off(sync.folder.id).await?;
    }
    let baseline = folder.cursor.map_or(Uid::FIRST, |cursor| cursor.baseline);
    sync.end_suspects(|open| open.first >= baseline).await?;
    let mut has_more_history = false;
    if work.has_one_connection() {
        let walked = sync.walk_history().await?;
        report.add(walked.report);
        has_more_history = walked.has_more;
    }
    if mode == OpenMode::ReadWrite {
        sync.carry_out(&status).await?;
    }
    Ok(Synced {
        report,
        has_more_history,
        status,
    })
}

/// Only what was asked for, in a folder that is not watched any more and still holds messages of ours.
pub async fn carry_out(
    work: &AccountWork<'_>,
    session: &ImapSession,
    task: &FolderTask,
) -> Result<(), EngineError> {
    let Opened { status, .. } = session.open(&task.wire_name, OpenMode::ReadWrite, None).await?;
    let sync = FolderSync::of(work, session, task).await?;
    sync.carry_out(&status).await
}

/// Right after [`sync`], while the folder is still open: what the server lists against what is known, and heals it.
pub async fn audit(
    work: &AccountWork<'_>,
    session: &ImapSession,
    task: &FolderTask,
) -> Result<FolderAudit, EngineError> {
    let services = &work.handle.services;
    let sync = FolderSync::of(work, session, task).await?;
    let cursor = sync.current_cursor()?;
    let mut server = session.search(None).await?;
    server.sort_unstable();
    server.dedup();
    let history = match work.account.tracking.history_since {
        Some(day) => sync.search_history(day).await?.into_iter().collect(),
        None => HashSet::new(),
    };
    let known = || services.known_of_folder(sync.folder.id, cursor.uid_validity);
    let before = compare(&server, &known().await?, &cursor, &history);
    let mut after = before.clone();
    if !before.missing.is_empty() {
        // Taken in as what they are: measured by the day where they are older than the first connection.
        let (new, old): (Vec<_>, Vec<_>) = before.missing.iter().partition(|uid| **uid >= cursor.baseline);
        fetching::fetch(&sync, cursor, Walk::NewMail, new).await?;
        fetching::fetch(&sync, cursor, Walk::History, old).await?;
        after = compare(&server, &known().await?, &cursor, &history);
    }
    if !before.gone.is_empty() {
        let gone: Vec<_> = before.gone.iter().map(|uid| (*uid, *uid)).collect();
        services
            .forget_vanished(work.lease, sync.folder.id, cursor.uid_validity, &gone)
            .await?;
    }
    Ok(FolderAudit {
        folder: task.wire_name.to_text(),
        on_server: server.len() as u64,
        here: after.here,
        missing: after.missing.len() as u64,
        fetched: (before.missing.len() - after.missing.len()) as u64,
        gone: before.gone.len() as u64,
        older: after.older,
        skipped: after.skipped,
    })
}

/// After [`audit`]: what the server lists and did not give. One after the other, and each day another first: one that ends
/// the connection each time keeps no other away for ever.
pub async fn ask_again(
    work: &AccountWork<'_>,
    session: &ImapSession,
    task: &FolderTask,
) -> Result<(), EngineError> {
    let services = &work.handle.services;
    let Opened { status, .. } = session.open(&task.wire_name, OpenMode::ReadOnly, None).await?;
    let sync = FolderSync::of(work, session, task).await?;
    let cursor = sync.current_cursor()?;
    if cursor.uid_validity != status.uid_validity {
        return Ok(());
    }
    let known = services
        .known_of_folder(sync.folder.id, cursor.uid_validity)
        .await?;
    let reason = SkipReason::NotDelivered.as_str();
    let not_delivered = known.iter().filter(|(_, why)| why.as_deref() == Some(reason));
    let mut uids: Vec<_> = not_delivered.map(|(uid, _)| *uid).collect();
    uids.sort_unstable();
    let day = services.now().millis() / MILLIS_PER_DAY;
    let first = usize::try_from(day).unwrap_or_default() % uids.len().max(1);
    uids.rotate_left(first);
    for uid in uids {
        let walk = match uid >= cursor.baseline {
            true => Walk::NewMail,
            false => Walk::History,
        };
        fetching::fetch(&sync, cursor, walk, vec![uid]).await?;
        services
            .forget_skipped_that_came(work.lease, sync.folder.id, cursor.uid_validity)
            .await?;
    }
    Ok(())
}

impl<'a> FolderSync<'a> {
    pub async fn of(
        work: &'a AccountWork<'a>,
        session: &'a ImapSession,
        task: &FolderTask,
    ) -> Result<Self, EngineError> {
        let services = &work.handle.services;
        let folder = services
            .watch_folder(work.account.id, task.role, task.wire_name.wire())
            .await?;
        Ok(FolderSync {
            work,
            session,
            settings: services.intake_settings(work.account).await?,
            suspects: services.open_attempts(folder.id).await?,
            folder,
        })
    }
}

impl FolderSync<'_> {
    pub fn services(&self) -> &Services {
        &self.work.handle.services
    }

    pub fn account(&self) -> &MailAccount {
        self.work.account
    }

    /// What an earlier process died in, where it has been taken in or parked now.
    pub async fn end_suspects(&self, is_done: impl Fn(&OpenAttempt) -> bool) -> Result<(), EngineError> {
        for open in self.suspects.iter().filter(|open| is_done(open)) {
            let ended = self.services().end_attempt(self.folder.id, open.first, open.last);
            ended.await?;
        }
        Ok(())
    }

    async fn follow_plan(
        &self,
        status: &FolderStatus,
        changes: FolderChanges,
    ) -> Result<IntakeReport, EngineError> {
        match plan_folder(self.folder.cursor.as_ref(), status) {
            FolderPlan::Baseline => self.begin(status).await,
            FolderPlan::Rebuild => {
                let services = self.services();
                if !services.may_rebuild(&self.folder, status.uid_validity).await? {
                    let what = "new numbers for the same mail, again and again (UIDVALIDITY)".to_owned();
                    return Err(WireError::new(Kind::Protocol(what), "opening a folder").into());
                }
                self.rebuild(status).await
            }
            FolderPlan::Rescan => self.rescan(status).await,
            FolderPlan::Advance {
                fetch_from,
                flags_since,
            } => {
                if self.folder.rebuilds > 0 {
                    self.services().end_rebuilds(self.folder.id).await?;
                }
                self.follow_changes(status, changes, flags_since).await?;
                match fetch_from {
                    Some(from) => self.advance(self.current_cursor()?, from, status).await,
                    None => Ok(IntakeReport::default()),
                }
            }
        }
    }

    /// Before the stored modification sequence moves: what vanished is told only once.
    async fn follow_changes(
        &self,
        status: &FolderStatus,
        mut changes: FolderChanges,
        flags_since: Option<ModSeq>,
    ) -> Result<(), EngineError> {
        let services = self.services();
        if self.account().tracking.flags_both_ways && self.folder.role.holds_inbox() {
            changes
                .flags
                .extend(self.session.changed_flags(flags_since, status).await?);
        }
        let (vanished, known) = match changes.vanished.as_slice() {
            [] => (0, 0),
            ranges => {
                services
                    .count_vanished(self.folder.id, status.uid_validity, ranges)
                    .await?
            }
        };
        if vanished * SUSPECT_PART > known {
            let there = self.session.still_there(&changes.vanished).await?;
            changes.vanished = without(&changes.vanished, there);
        }
        let is_news = !changes.flags.is_empty() || vanished > 0;
        let has_moved = self
            .folder
            .cursor
            .is_some_and(|cursor| cursor.mod_seq != status.mod_seq);
        if is_news || has_moved {
            services
                .apply_changes(self.work.lease, self.account(), &self.folder, status, &changes)
                .await?;
        }
        Ok(())
    }

    /// What arrives from now on; where the same mail was read from another folder so far, what has arrived since.
    async fn begin(&self, status: &FolderStatus) -> Result<IntakeReport, EngineError> {
        let next = self.server_next_uid(status).await?;
        let services = self.services();
        let from = match services
            .read_elsewhere_until(self.account(), &self.folder)
            .await?
        {
            Some(at) => self.first_since(Some(day_before(at.millis())), next).await?,
            None => next,
        };
        let cursor = FolderCursor::at_baseline(status.uid_validity, from, status.mod_seq);
        self.set_cursor(&cursor, None).await?;
        if from == next {
            return Ok(IntakeReport::default());
        }
        self.advance(cursor, from, status).await
    }

    async fn first_since(&self, day: Option<Date>, next: Uid) -> Result<Uid, EngineError> {
        let found = self.session.search(day).await?;
        Ok(found.into_iter().min().unwrap_or(next).min(next))
    }

    /// New numbers for the same mail: everything since the first connection is met again and found to be
    /// known by its bytes; messages, pairings and threads stay.
    async fn rebuild(&self, status: &FolderStatus) -> Result<IntakeReport, EngineError> {
        let since = self.folder.baseline_at.map(|at| day_before(at.millis()));
        let next = self.server_next_uid(status).await?;
        let from = self.first_since(since, next).await?;
        let cursor = FolderCursor::at_baseline(status.uid_validity, from, status.mod_seq);
        let services = self.services();
        services
            .begin_folder_anew(self.work.lease, self.folder.id, &cursor)
            .await?;
        self.advance(cursor, from, status).await
    }

    /// UIDNEXT went back: UIDs from there on may be given out anew.
    async fn rescan(&self, status: &FolderStatus) -> Result<IntakeReport, EngineError> {
        let next = self.server_next_uid(status).await?;
        let services = self.services();
        services
            .forget_copies_from(self.work.lease, self.folder.id, status.uid_validity, next)
            .await?;
        let mut cursor = self.current_cursor()?;
        cursor.next_uid = cursor.baseline.min(next);
        cursor.baseline = cursor.next_uid;
        cursor.history_from = cursor.history_from.min(cursor.baseline);
        let history = self.folder.history_since.as_deref();
        self.set_cursor(&cursor, history).await?;
        self.advance(cursor, cursor.next_uid, status).await
    }

    async fn advance(
        &self,
        cursor: FolderCursor,
        from: Uid,
        status: &FolderStatus,
    ) -> Result<IntakeReport, EngineError> {
        let mut uids = self.session.search_from(from).await?;
        uids.sort_unstable();
        let top = uids.last().map_or(from, |last| last.next());
        let mut unknown = self.without_known(&cursor, uids).await?;
        if self.folder.was_off {
            unknown = self.leave_out_gap(cursor, unknown).await?;
        }
        let report = fetching::fetch(self, cursor, Walk::NewMail, unknown).await?;
        // The search came after the status, so all below the announced UIDNEXT has been seen.
        let next_uid = status.next_uid.map_or(top, |next| next.max(top));
        let end = FolderCursor {
            next_uid,
            mod_seq: status.mod_seq,
            ..cursor
        };
        if Some(&end) != self.folder.cursor.as_ref() {
            let (lease, folder) = (self.work.lease, self.folder.id);
            self.services().end_new_mail(lease, folder, &end).await?;
        }
        Ok(report)
    }

    /// Off and on again: a new baseline. What arrived meanwhile is recorded, so that its owner can ask for
    /// it; of it only what the chosen history covers is wanted.
    async fn leave_out_gap(&self, cursor: FolderCursor, gap: Vec<Uid>) -> Result<Vec<Uid>, EngineError> {
        let wanted: HashSet<Uid> = match self.account().tracking.history_since {
            Some(day) => self.search_history(day).await?.into_iter().collect(),
            None => HashSet::new(),
        };
        let (wanted, left_out): (Vec<_>, Vec<_>) = gap.into_iter().partition(|uid| wanted.contains(uid));
        for part in left_out.chunks(GAP_STEP) {
            self.services().intake(self.left_out(cursor, part)).await?;
        }
        Ok(wanted)
    }

    /// The cursor stays: whatever ends this in the midst, the rest is still new next time.
    fn left_out(&self, cursor: FolderCursor, uids: &[Uid]) -> IntakeBatch<'_> {
        IntakeBatch {
            lease: self.work.lease,
            account: self.account(),
            folder: &self.folder,
            messages: Vec::new(),
            skipped: uids.iter().map(|uid| (*uid, SkipReason::WhileOff)).collect(),
            cursor,
            walk: Walk::NewMail,
            history_since: self.folder.history_since.as_deref(),
            attempts: Vec::new(),
            park: false,
        }
    }

    /// Only after the commit that asked for it (invariant 4).
    async fn carry_out(&self, status: &FolderStatus) -> Result<(), EngineError> {
        let services = self.services();
        loop {
            let asked = services
                .list_remote_operations(&self.folder, OPERATIONS_STEP)
                .await?;
            let Some(first) = asked.first() else {
                return Ok(());
            };
            // In their order: to read and to unread one message are two things.
            let same: Vec<_> = asked
                .iter()
                .take_while(|one| one.operation == first.operation)
                .collect();
            let ids: Vec<_> = same.iter().map(|one| one.id).collect();
            // Of an earlier UIDVALIDITY: those numbers name other mail now.
            let current = same.iter().filter(|one| one.uid_validity == status.uid_validity);
            let uids: Vec<_> = current.map(|one| one.uid).collect();
            if first.operation == RemoteOperation::MoveToTrash
                && self.session.find_folder(find_trash).is_none()
            {
                // Said once, and not tried again.
                let account = self.account().id;
                services.record_without_viewer(account, "no_trash", "").await?;
                services.remote_operations_done(&ids).await?;
                continue;
            }
            // Counted before: what ends the connection, or the process, waits, and is given up in the end.
            if !services.begin_remote_operations(self.account().id, &ids).await? {
                continue;
            }
            match self.change(first.operation, &uids).await {
                Ok(()) => services.remote_operations_done(&ids).await?,
                Err(error) if is_refusal(&error) && same.len() > 1 => {
                    self.change_one_by_one(&same, status).await?;
                }
                Err(error) if is_refusal(&error) => self.not_done(&error),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn not_done(&self, error: &WireError) {
        warn!(mail_account.id = %self.account().id, %error, "Something could not be done in the mailbox yet");
    }

    /// One of them is refused, and keeps no other from being done.
    async fn change_one_by_one(
        &self,
        operations: &[&PendingOperation],
        status: &FolderStatus,
    ) -> Result<(), EngineError> {
        for one in operations {
            let is_current = one.uid_validity == status.uid_validity;
            let uids = is_current.then_some(one.uid);
            match self.change(one.operation, uids.as_slice()).await {
                Ok(()) => self.services().remote_operations_done(&[one.id]).await?,
                Err(error) if is_refusal(&error) => self.not_done(&error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn change(&self, operation: RemoteOperation, uids: &[Uid]) -> Result<(), WireError> {
        if uids.is_empty() {
            return Ok(());
        }
        match operation {
            RemoteOperation::MarkSeen => self.session.mark_seen(uids).await,
            RemoteOperation::MarkUnseen => self.session.mark_unseen(uids).await,
            RemoteOperation::MarkAnswered => self.session.mark_answered(uids).await,
            RemoteOperation::MoveToTrash => match self.session.find_folder(find_trash) {
                Some(trash) => self.session.move_to(uids, &trash.wire_name).await,
                None => Err(WireError::new(Kind::FolderMissing, "looking for the Trash")),
            },
        }
    }

    pub async fn without_known(
        &self,
        cursor: &FolderCursor,
        uids: Vec<Uid>,
    ) -> Result<Vec<Uid>, EngineError> {
        let Some((first, last)) = uids.iter().min().copied().zip(uids.iter().max().copied()) else {
            return Ok(uids);
        };
        let services = self.services();
        let known = services
            .known_uids(self.folder.id, cursor.uid_validity, first, last)
            .await?;
        let known: HashSet<_> = known.into_iter().collect();
        Ok(uids.into_iter().filter(|uid| !known.contains(uid)).collect())
    }

    /// Some servers leave UIDNEXT out (Winmail, 163.com): then the highest UID tells.
    async fn server_next_uid(&self, status: &FolderStatus) -> Result<Uid, EngineError> {
        match status.next_uid {
            Some(next) => Ok(next),
            None => Ok(self
                .session
                .search(None)
                .await?
                .into_iter()
                .max()
                .map_or(Uid::FIRST, Uid::next)),
        }
    }

    async fn set_cursor(&self, cursor: &FolderCursor, history: Option<&str>) -> Result<(), EngineError> {
        let (lease, folder) = (self.work.lease, self.folder.id);
        Ok(self.services().set_cursor(lease, folder, cursor, history).await?)
    }

    fn current_cursor(&self) -> Result<FolderCursor, EngineError> {
        let missing = || WireError::new(Kind::Protocol("a folder without a cursor".into()), "planning");
        Ok(self.folder.cursor.ok_or_else(missing)?)
    }
}

/// The ranges, with these UIDs taken out.
fn without(ranges: &[(Uid, Uid)], mut uids: Vec<Uid>) -> Vec<(Uid, Uid)> {
    uids.sort_unstable();
    let mut left = Vec::new();
    for (first, last) in ranges {
        let mut from = u64::from(first.0);
        let inside = uids.iter().filter(|uid| (first..=last).contains(uid));
        for uid in inside.map(|uid| u64::from(uid.0)) {
            if uid > from {
                left.push((from, uid - 1));
            }
            from = uid + 1;
        }
        if from <= u64::from(last.0) {
            left.push((from, u64::from(last.0)));
        }
    }
    let uid = |number: u64| Uid(u32::try_from(number).unwrap_or(u32::MAX));
    left.into_iter()
        .map(|(first, last)| (uid(first), uid(last)))
        .collect()
}

fn day_before(millis: i64) -> Date {
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    day.yesterday().unwrap_or(day)
}

/// Of one command, on a connection that lives.
fn is_refusal(error: &WireError) -> bool {
    matches!(error.kind, Kind::Refused | Kind::Protocol(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_there_has_not_vanished() {
        let uid = |(first, last)| (Uid(first), Uid(last));
        for (ranges, there, left) in [
            (vec![(1, 9)], vec![], vec![(1, 9)]),
            (vec![(1, 9)], vec![5, 1, 9], vec![(2, 4), (6, 8)]),
            (vec![(1, 2), (7, 7)], vec![7, 8], vec![(1, 2)]),
            (
                vec![(1, u32::MAX)],
                vec![u32::MAX, 3],
                vec![(1, 2), (4, u32::MAX - 1)],
            ),
        ] {
            let ranges: Vec<_> = ranges.into_iter().map(uid).collect();
            let left: Vec<_> = left.into_iter().map(uid).collect();
            assert_eq!(without(&ranges, there.into_iter().map(Uid).collect()), left);
        }
    }
}
