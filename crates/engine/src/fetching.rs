//! Fetches messages in bounded batches and takes them in while the next ones are on their way.
//!
//! What was asked and what came are reconciled; a UID that does not come is gone, or is recorded as not
//! delivered. Memory is bounded by the size of a group, not of the folder.

use std::collections::HashSet;
use std::collections::VecDeque;

use domain::account::MessagesToProcess;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::message::SkipReason;
use domain::rules::intake::HeaderSummary;
use domain::rules::intake::Intake;
use domain::rules::intake::decide;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use service::intake::IntakeReport;
use service::intake::header_addresses;
use tokio::sync::mpsc;
use wire::BodyFetch;
use wire::FetchedBody;
use wire::FetchedMessage;
use wire::FetchedSummary;

use crate::EngineError;
use crate::folder_sync::FolderSync;
use crate::folder_sync::Walk;

/// UIDs asked for in one step; two steps are on their way at any time, so that a round trip costs nothing.
const BATCH_UIDS: usize = 256;
const BATCHES_IN_FLIGHT: usize = 2;
/// A group is committed at the latest with this many bytes.
const GROUP_BYTES: usize = 6 * 1024 * 1024;
const GROUP_MESSAGES: usize = 256;

/// What is committed together.
struct Group {
    messages: Vec<FetchedForIntake>,
    skipped: Vec<(Uid, SkipReason)>,
    /// Where the folder stands once this is stored.
    cursor: FolderCursor,
    /// UIDs that are done with.
    done: u64,
}

/// Takes in `uids` in their order, beginning from `cursor`.
pub async fn fetch(
    sync: &FolderSync<'_>,
    cursor: FolderCursor,
    walk: Walk,
    uids: Vec<Uid>,
) -> Result<IntakeReport, EngineError> {
    let (handle, account) = (sync.handle, sync.account.id);
    if uids.is_empty() {
        return Ok(IntakeReport::default());
    }
    handle
        .progress
        .begin(account, uids.len() as u64, handle.services.now());
    let (groups, queue) = mpsc::channel(1);
    let fetcher = Fetcher {
        sync,
        walk,
        groups,
        cursor,
    };
    let ((), report) = tokio::try_join!(fetcher.run(uids), take_in(sync, queue))?;
    Ok(report)
}

async fn take_in(
    sync: &FolderSync<'_>,
    mut queue: mpsc::Receiver<Group>,
) -> Result<IntakeReport, EngineError> {
    let mut report = IntakeReport::default();
    while let Some(group) = queue.recv().await {
        let batch = IntakeBatch {
            lease: sync.lease,
            account: sync.account,
            folder: &sync.folder,
            messages: group.messages,
            skipped: group.skipped,
            cursor: group.cursor,
            history_since: sync.folder.history_since.as_deref(),
        };
        let stored = sync.handle.services.intake(batch).await?;
        metrics::counter!("waxseal_messages_stored_total").increment(stored.stored);
        sync.handle.progress.advance(sync.account.id, group.done);
        report.add(stored);
    }
    Ok(report)
}

/// A batch whose bodies have been asked for.
struct Asked {
    uids: Vec<Uid>,
    wanted: Vec<Uid>,
    skipped: Vec<(Uid, SkipReason)>,
    fetches: Vec<BodyFetch>,
}

struct Fetcher<'a> {
    sync: &'a FolderSync<'a>,
    walk: Walk,
    groups: mpsc::Sender<Group>,
    /// As of the last batch that is complete.
    cursor: FolderCursor,
}

impl Fetcher<'_> {
    async fn run(mut self, uids: Vec<Uid>) -> Result<(), EngineError> {
        let mut batches = uids.chunks(BATCH_UIDS);
        let mut in_flight = VecDeque::new();
        loop {
            while in_flight.len() < BATCHES_IN_FLIGHT
                && let Some(batch) = batches.next()
            {
                in_flight.push_back(self.ask(batch.to_vec()).await?);
            }
            let Some(asked) = in_flight.pop_front() else {
                return Ok(());
            };
            self.receive(asked).await?;
        }
    }

    async fn ask(&self, uids: Vec<Uid>) -> Result<Asked, EngineError> {
        let (wanted, skipped) = self.choose(&uids).await?;
        let fetches = self.sync.session.fetch_bodies(&wanted).await;
        Ok(Asked {
            uids,
            wanted,
            skipped,
            fetches,
        })
    }

    /// Headers are asked for first only where they can keep something out.
    async fn choose(&self, uids: &[Uid]) -> Result<(Vec<Uid>, Vec<(Uid, SkipReason)>), EngineError> {
        let settings = &self.sync.settings;
        let has_deny_list = !settings.deny_list.is_empty();
        let only_unread =
            settings.messages == MessagesToProcess::Unread && self.sync.folder.role == FolderRole::Inbox;
        if !has_deny_list && !only_unread {
            return Ok((uids.to_vec(), Vec::new()));
        }
        let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
        for summary in self.sync.session.fetch_summaries(uids, has_deny_list).await? {
            match self.decide(&header_summary(&summary)) {
                Intake::Wanted => wanted.push(summary.uid),
                Intake::Skipped(reason) => skipped.push((summary.uid, reason)),
            }
        }
        Ok((wanted, skipped))
    }

    fn decide(&self, summary: &HeaderSummary) -> Intake {
        let is_history = self.walk == Walk::History;
        decide(summary, self.sync.folder.role, is_history, &self.sync.settings)
    }

    async fn receive(&mut self, asked: Asked) -> Result<(), EngineError> {
        let mut missing: HashSet<Uid> = asked.wanted.iter().copied().collect();
        let mut group = Vec::new();
        let mut skipped = asked.skipped;
        for fetch in asked.fetches {
            self.read(fetch, &mut missing, &mut group, &mut skipped).await?;
        }
        if !missing.is_empty() {
            let again: Vec<_> = missing.iter().copied().collect();
            for fetch in self.sync.session.fetch_bodies(&again).await {
                self.read(fetch, &mut missing, &mut group, &mut skipped).await?;
            }
            skipped.extend(self.not_delivered(&missing).await?);
        }
        self.cursor = self.cursor_after(&asked.uids);
        self.send(group, skipped, asked.uids.len()).await
    }

    /// Still listed but not given, twice: recorded as such. Not listed: it has been removed meanwhile.
    async fn not_delivered(&self, missing: &HashSet<Uid>) -> Result<Vec<(Uid, SkipReason)>, EngineError> {
        let missing: Vec<_> = missing.iter().copied().collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.sync.session.fetch_summaries(&missing, false).await?;
        Ok(listed
            .into_iter()
            .map(|summary| (summary.uid, SkipReason::NotDelivered))
            .collect())
    }

    async fn read(
        &self,
        mut fetch: BodyFetch,
        missing: &mut HashSet<Uid>,
        group: &mut Vec<FetchedForIntake>,
        skipped: &mut Vec<(Uid, SkipReason)>,
    ) -> Result<(), EngineError> {
        while let Some(message) = fetch.next().await? {
            // Not asked for, or twice.
            if !missing.remove(&message.uid) {
                continue;
            }
            match self.sort(message) {
                Ok(message) => {
                    if self.is_full(group, &message) {
                        self.send(std::mem::take(group), std::mem::take(skipped), 0)
                            .await?;
                    }
                    group.push(message);
                }
                Err(skip) => skipped.push(skip),
            }
        }
        Ok(fetch.finish().await?)
    }

    fn sort(&self, message: FetchedMessage) -> Result<FetchedForIntake, (Uid, SkipReason)> {
        let summary = HeaderSummary {
            seen: message.seen,
            internal_date: message.internal_date,
            authors: Vec::new(),
            recipients: Vec::new(),
        };
        // The date was not known before; flags and addresses have been decided on.
        if self.walk == Walk::History
            && let Intake::Skipped(reason @ SkipReason::BeforeHistory) = self.decide(&summary)
        {
            return Err((message.uid, reason));
        }
        match message.body {
            FetchedBody::Whole(raw) => Ok(FetchedForIntake {
                uid: message.uid,
                seen: message.seen,
                internal_date: message.internal_date,
                raw,
            }),
            FetchedBody::TooLong(_) => Err((message.uid, SkipReason::TooLarge)),
            FetchedBody::Missing => Err((message.uid, SkipReason::NotDelivered)),
        }
    }

    /// A message whose intake ended the process before is taken alone, and so is the one after it.
    fn is_full(&self, group: &[FetchedForIntake], next: &FetchedForIntake) -> bool {
        let bytes: usize = group.iter().map(|message| message.raw.len()).sum();
        let is_suspect = |uid: Uid| {
            self.sync
                .suspects
                .iter()
                .any(|open| open.first <= uid && uid <= open.last)
        };
        !group.is_empty()
            && (group.len() >= GROUP_MESSAGES
                || bytes + next.raw.len() > GROUP_BYTES
                || is_suspect(next.uid)
                || group.iter().any(|message| is_suspect(message.uid)))
    }

    fn cursor_after(&self, uids: &[Uid]) -> FolderCursor {
        let mut cursor = self.cursor;
        match self.walk {
            Walk::NewMail => {
                let top = uids.iter().max().map_or(cursor.next_uid, |uid| uid.next());
                cursor.next_uid = cursor.next_uid.max(top);
            }
            Walk::History => {
                let bottom = uids.iter().min().copied().unwrap_or(cursor.history_from);
                cursor.history_from = cursor.history_from.min(bottom);
            }
        }
        cursor
    }

    async fn send(
        &self,
        messages: Vec<FetchedForIntake>,
        skipped: Vec<(Uid, SkipReason)>,
        done: usize,
    ) -> Result<(), EngineError> {
        let group = Group {
            messages,
            skipped,
            cursor: self.cursor,
            done: done as u64,
        };
        // The other side is gone only when it has failed; its error is the one that counts.
        let _ = self.groups.send(group).await;
        Ok(())
    }
}

fn header_summary(summary: &FetchedSummary) -> HeaderSummary {
    let addresses = summary
        .header
        .as_deref()
        .map(header_addresses)
        .unwrap_or_default();
    HeaderSummary {
        seen: summary.seen,
        internal_date: summary.internal_date,
        authors: addresses.authors,
        recipients: addresses.recipients,
    }
}
