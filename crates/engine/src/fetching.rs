//! Fetches messages in bounded batches and takes them in while the next ones are on their way.
//!
//! What was asked and what came are reconciled; a UID that does not come is gone, or is recorded as not
//! delivered. Memory is bounded by the size of a group, not of the folder.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::time::Duration;

use domain::account::MessagesToProcess;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::Walk;
use domain::message::SkipReason;
use domain::rules::intake::HeaderSummary;
use domain::rules::intake::Intake;
use domain::rules::intake::decide;
use domain::rules::intake::place_of;
use service::ServiceError;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use service::intake::IntakeReport;
use service::intake::MAX_ATTEMPTS;
use service::intake::WrittenBatch;
use service::intake::header_addresses;
use service::sync::OpenAttempt;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::timeout_at;
use wire::BodyEvent;
use wire::BodyPipeline;
use wire::CommandId;
use wire::FetchedBody;
use wire::FetchedMessage;
use wire::FetchedSummary;
use wire::Kind;
use wire::SummaryItems;
use wire::WireError;

use crate::EngineError;
use crate::folder_sync::FolderSync;
use crate::progress::Running;

/// UIDs asked for in one step; three steps are on their way at any time, so that a round trip costs nothing, even while
/// the count of the next attempt waits for a commit.
const BATCH_UIDS: usize = 256;
const BATCHES_IN_FLIGHT: usize = 3;
/// Headers are waited for before bodies are asked for. Bodies still on their way would fill their queue
/// meanwhile and hold the connection up for ever, so nothing else may be in flight then.
const BATCHES_IN_FLIGHT_WITH_HEADERS: usize = 1;
/// Steps whose attempt is counted together: each count is a commit of its own.
const BATCHES_COUNTED: usize = 4;
/// Parsed and written together; a few of these are in memory at a time.
const GROUP_BYTES: usize = 3 * 1024 * 1024;
const GROUP_MESSAGES: usize = 256;
/// Groups whose bytes are on disk are committed together, up to so many messages and for so long: a database writes
/// a page once for each commit that touches it.
const COMMIT_MESSAGES: usize = 512;
const COMMIT_WAIT: Duration = Duration::from_secs(1);
/// A commit finds as many as it takes, and what comes meanwhile has room.
const GROUPS_WAITING: usize = 8;

/// Syncs in which the server must have refused a message before it is recorded as not delivered.
const MAX_REFUSALS: u32 = 3;
/// Syncs in which nothing that can be followed came of a message that was asked for alone, or the connection ended,
/// before it is recorded as not delivered: more than a message whose intake ends the process ever has. The next audit
/// asks for it again.
const MAX_DAMAGED: u32 = MAX_ATTEMPTS + 2;

/// What goes from stage to stage together.
struct Group<T> {
    batch: T,
    /// UIDs that are done with.
    done: u64,
    /// Let go of after the commit.
    committed: Option<oneshot::Sender<()>>,
}

/// Takes in `uids` in their order, beginning from `cursor`.
pub async fn fetch(
    sync: &FolderSync<'_>,
    cursor: FolderCursor,
    walk: Walk,
    uids: Vec<Uid>,
) -> Result<IntakeReport, EngineError> {
    let (report, _) = fetch_until(sync, cursor, walk, uids, None).await?;
    Ok(report)
}

/// The same, and asks for nothing more after `until`; false: some are left.
pub async fn fetch_until(
    sync: &FolderSync<'_>,
    cursor: FolderCursor,
    walk: Walk,
    uids: Vec<Uid>,
    until: Option<Instant>,
) -> Result<(IntakeReport, bool), EngineError> {
    let (handle, account) = (sync.work.handle, sync.work.account.id);
    if uids.is_empty() {
        return Ok((IntakeReport::default(), true));
    }
    let services = &handle.services;
    let progress = handle.progress.begin(account, uids.len() as u64, services.now());
    let (groups, to_parse) = mpsc::channel(1);
    let (parsed, to_write) = mpsc::channel(1);
    let (written, to_commit) = mpsc::channel(GROUPS_WAITING);
    let fetcher = Fetcher {
        sync,
        walk,
        groups,
        cursor,
        attempts: Vec::new(),
        until,
    };
    // Four stages side by side. What came before a failure is stored all the same; where several fail, the last one
    // knows why.
    let (fetched, was_parsed, was_written, committed) = tokio::join!(
        fetcher.run(uids),
        stage(to_parse, |batch| services.parse(batch), parsed),
        stage(to_write, |batch| services.write(batch), written),
        commit(sync, to_commit, &progress)
    );
    let report = committed?;
    let (unfinished, fetched) = fetched;
    for (first, last) in unfinished {
        services.end_attempt(sync.folder.id, first, last).await?;
    }
    let is_whole = was_written.and(was_parsed).and(fetched)?;
    Ok((report, is_whole))
}

/// What comes is worked on and passed on, until one side or the other is gone.
async fn stage<A, B, W>(
    mut queue: mpsc::Receiver<Group<A>>,
    work: impl Fn(A) -> W,
    next: mpsc::Sender<Group<B>>,
) -> Result<(), EngineError>
where
    W: Future<Output = Result<B, ServiceError>>,
{
    while let Some(Group {
        batch,
        done,
        committed,
    }) = queue.recv().await
    {
        let batch = work(batch).await?;
        if next
            .send(Group {
                batch,
                done,
                committed,
            })
            .await
            .is_err()
        {
            break;
        }
    }
    Ok(())
}

async fn commit(
    sync: &FolderSync<'_>,
    mut written: mpsc::Receiver<Group<WrittenBatch<'_>>>,
    progress: &Running,
) -> Result<IntakeReport, EngineError> {
    let mut report = IntakeReport::default();
    // The first is shown at once.
    let mut most = 1;
    while let Some(group) = written.recv().await {
        let (mut batch, mut done) = (group.batch, group.done);
        let mut waiting = vec![group.committed];
        let until = Instant::now() + COMMIT_WAIT;
        while batch.messages() < most
            && waiting.iter().all(Option::is_none)
            && let Ok(Some(next)) = timeout_at(until, written.recv()).await
        {
            batch.join(next.batch);
            done += next.done;
            waiting.push(next.committed);
        }
        most = COMMIT_MESSAGES;
        let stored = sync.work.commit(batch).await?;
        metrics::counter!("waxseal_messages_stored_total").increment(stored.stored);
        progress.advance(done);
        report.add(stored);
    }
    Ok(report)
}

/// A batch whose bodies have been asked for.
struct Asked {
    uids: Vec<Uid>,
    attempt: Attempt,
    is_last: bool,
    /// Still to be finished by the server.
    commands: Vec<CommandId>,
    /// Wanted and not here yet, with the folder that each counts as one of.
    missing: HashMap<Uid, FolderRole>,
    /// Missed the first time, to be asked for one by one: a server says NO to a whole command for the sake
    /// of one message.
    to_ask_again: Option<VecDeque<Uid>>,
    /// Asked for alone.
    alone: Vec<(CommandId, Uid)>,
    /// Refused when asked for alone.
    refused: Vec<Uid>,
    /// See [`Chosen`].
    untold: Vec<Uid>,
    /// Arrived and not sent on yet.
    group: Vec<FetchedForIntake>,
    skipped: Vec<(Uid, SkipReason)>,
}

/// Commands for single messages that are on their way together.
const ALONE_IN_FLIGHT: usize = 32;

impl Asked {
    fn new(step: &Step<'_>) -> Self {
        Asked {
            uids: step.uids.to_vec(),
            attempt: step.attempt,
            is_last: step.is_last,
            commands: Vec::new(),
            missing: HashMap::new(),
            to_ask_again: None,
            alone: Vec::new(),
            refused: Vec::new(),
            untold: Vec::new(),
            group: Vec::new(),
            skipped: Vec::new(),
        }
    }

    fn finish(&mut self, command: CommandId, refused: bool) {
        self.commands.retain(|asked| *asked != command);
        let alone = self.alone.iter().find(|(asked, _)| *asked == command);
        if let Some((_, uid)) = alone.filter(|_| refused) {
            self.refused.push(*uid);
        }
    }

    /// In the order in which they were asked for.
    fn still_missing(&self) -> Vec<Uid> {
        let uids = self.uids.iter().copied();
        uids.filter(|uid| self.missing.contains_key(uid)).collect()
    }

    fn next_to_ask_again(&mut self) -> Option<Vec<Uid>> {
        let missing = &self.missing;
        let left = self
            .to_ask_again
            .get_or_insert_with(|| missing.keys().copied().collect());
        let next: Vec<_> = left.drain(..left.len().min(ALONE_IN_FLIGHT)).collect();
        (!next.is_empty()).then_some(next)
    }

    async fn ask_alone(&mut self, bodies: &mut BodyPipeline<'_>, uids: &[Uid]) -> Result<(), EngineError> {
        for uid in uids {
            let commands = bodies.ask(&[*uid]).await?;
            self.alone.extend(commands.iter().map(|command| (*command, *uid)));
            self.commands.extend(commands);
        }
        Ok(())
    }
}

struct Fetcher<'a> {
    sync: &'a FolderSync<'a>,
    walk: Walk,
    groups: mpsc::Sender<Group<IntakeBatch<'a>>>,
    /// As of the last batch that is complete.
    cursor: FolderCursor,
    /// Counted, and not sent on whole.
    attempts: Vec<Attempt>,
    until: Option<Instant>,
}

/// What the headers say of a step.
#[derive(Default)]
struct Chosen {
    /// With the folder that each counts as one of.
    wanted: Vec<(Uid, FolderRole)>,
    skipped: Vec<(Uid, SkipReason)>,
    /// The server lists them and tells nothing of them: whether they are wanted is not known.
    untold: Vec<Uid>,
}

/// From and to of what is counted together.
type Attempt = (Uid, Uid);

/// UIDs that are asked for together.
struct Step<'a> {
    uids: &'a [Uid],
    attempt: Attempt,
    /// The attempt ends with them.
    is_last: bool,
}

fn ends(uids: &[Uid]) -> Option<Attempt> {
    uids.iter().min().copied().zip(uids.iter().max().copied())
}

/// A suspect is a step of its own.
fn steps<'u>(uids: &'u [Uid], is_suspect: impl Fn(Uid) -> bool) -> impl Iterator<Item = Step<'u>> {
    uids.chunk_by(move |one, other| !is_suspect(*one) && !is_suspect(*other))
        .flat_map(|together| together.chunks(BATCH_UIDS * BATCHES_COUNTED))
        .flat_map(move |counted| {
            let attempt = ends(counted).unwrap_or((Uid::FIRST, Uid::FIRST));
            let last = counted.chunks(BATCH_UIDS).len() - 1;
            let batches = counted.chunks(BATCH_UIDS).enumerate();
            batches.map(move |(number, uids)| Step {
                uids,
                attempt,
                is_last: number == last,
            })
        })
}

impl Fetcher<'_> {
    /// What happened, and the attempts that did not come to their end.
    async fn run(mut self, uids: Vec<Uid>) -> (Vec<Attempt>, Result<bool, EngineError>) {
        let fetched = self.fetch_all(&uids).await;
        (self.attempts, fetched)
    }

    /// False: the time was over before all were asked for.
    async fn fetch_all(&mut self, uids: &[Uid]) -> Result<bool, EngineError> {
        let suspects = &self.sync.suspects;
        let mut steps = steps(uids, |uid| is_among(suspects, uid)).peekable();
        let mut bodies = self.sync.session.body_pipeline();
        let mut in_flight: VecDeque<Asked> = VecDeque::new();
        // What is counted together is asked for together; at least once, so that a slow line comes forward too.
        let mut begins_attempt = false;
        loop {
            while in_flight.len() < self.batches_in_flight()
                && !(begins_attempt && self.is_over())
                && let Some(step) = steps.next_if(|step| self.may_go_beside(step, &in_flight))
            {
                begins_attempt = step.is_last;
                match self.ask(&mut bodies, &step).await {
                    Ok(asked) => in_flight.push_back(asked),
                    Err(error) => return Err(self.blamed(error, step.uids).await),
                }
            }
            // First what waits for nothing: a batch that was kept out whole has no command on its way.
            self.pass_on(&mut bodies, &mut in_flight).await?;
            if in_flight.is_empty() {
                if steps.peek().is_none() {
                    return Ok(true);
                }
                if begins_attempt && self.is_over() {
                    return Ok(false);
                }
                continue;
            }
            match bodies.next().await {
                Err(error) => {
                    let mut uids = in_flight
                        .iter()
                        .find(|asked| !asked.missing.is_empty())
                        .map_or(Vec::new(), Asked::still_missing);
                    // Where it ended the first that is missing was on its way, as far as servers keep the order.
                    if !matches!(error.kind, Kind::Protocol(_)) {
                        uids.truncate(1);
                    }
                    return Err(self.blamed(error.into(), &uids).await);
                }
                Ok(BodyEvent::Message(message)) => self.place(message, &mut in_flight).await?,
                Ok(BodyEvent::Finished { command, refused }) => {
                    for asked in &mut in_flight {
                        asked.finish(command, refused);
                    }
                }
            }
        }
    }

    /// Beside a suspect nothing is on its way: of several, the one at fault would not be known.
    fn may_go_beside(&self, step: &Step<'_>, in_flight: &VecDeque<Asked>) -> bool {
        let on_their_way = in_flight.iter().map(|asked| &asked.uids[..]);
        let mut firsts = on_their_way.chain([step.uids]).filter_map(|uids| uids.first());
        in_flight.is_empty() || !firsts.any(|first| self.is_suspect(*first))
    }

    /// What cannot be followed, or ended the connection, is one of these: they are suspects from now on, and keep no
    /// other message from coming.
    async fn blamed(&mut self, error: EngineError, uids: &[Uid]) -> EngineError {
        let is_theirs = matches!(&error, EngineError::Wire(wire)
            if matches!(wire.kind, Kind::Protocol(_) | Kind::Unavailable | Kind::Timeout));
        let Some(attempt) = ends(uids).filter(|_| is_theirs) else {
            return error;
        };
        self.attempts.retain(|begun| *begun != attempt);
        match self.count_attempt(attempt).await {
            Ok(_) => error,
            Err(other) => other,
        }
    }

    fn is_given_up(&self, uid: Uid) -> bool {
        let alone = |open: &&OpenAttempt| (open.first, open.last) == (uid, uid);
        let open = self.sync.suspects.iter().find(alone);
        open.is_some_and(|open| open.attempts >= MAX_DAMAGED)
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Completes batches in their order: the cursor passes over nothing that has not come.
    async fn pass_on(
        &mut self,
        bodies: &mut BodyPipeline<'_>,
        in_flight: &mut VecDeque<Asked>,
    ) -> Result<(), EngineError> {
        while let Some(front) = in_flight.front_mut()
            && front.commands.is_empty()
        {
            if let Some(uids) = front.next_to_ask_again() {
                front.ask_alone(bodies, &uids).await?;
                return Ok(());
            }
            if !front.missing.is_empty() && in_flight.iter().any(|asked| !asked.commands.is_empty()) {
                // Asking what became of them has to wait until nothing else is on its way.
                return Ok(());
            }
            if let Some(asked) = in_flight.pop_front() {
                self.complete(asked).await?;
            }
        }
        Ok(())
    }

    /// Still listed but not given, twice: recorded as such. Not listed: it has been removed meanwhile.
    async fn complete(&mut self, mut asked: Asked) -> Result<(), EngineError> {
        let mut missing: Vec<_> = asked.missing.keys().copied().collect();
        missing.extend(&asked.untold);
        if !missing.is_empty() {
            let listed = self.still_listed(&missing).await?;
            asked.refused.extend(&asked.untold);
            asked.refused.retain(|uid| listed.contains(uid));
            if let Some(error) = self.count_refusals(&asked.refused).await? {
                // What came is kept; the cursor stays before what was refused.
                self.send(&mut asked, false).await?;
                return Err(error);
            }
            let not_delivered = listed.into_iter().map(|uid| (uid, SkipReason::NotDelivered));
            asked.skipped.extend(not_delivered);
        }
        self.cursor = self.cursor_after(&asked.uids);
        self.send(&mut asked, true).await
    }

    /// SEARCH is believed as well: who gives no summary of a message may still list it.
    async fn still_listed(&self, uids: &[Uid]) -> Result<HashSet<Uid>, EngineError> {
        let session = &self.sync.session;
        let told = session.fetch_summaries(uids, SummaryItems::default()).await?;
        let mut listed: HashSet<Uid> = told.iter().map(|summary| summary.uid).collect();
        listed.extend(self.found_of(&without_told(uids, &told)).await?);
        Ok(listed)
    }

    /// Those of these that SEARCH finds; it may name others too.
    async fn found_of(&self, uids: &[Uid]) -> Result<Vec<Uid>, EngineError> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let ranges: Vec<_> = uids.iter().map(|uid| (*uid, *uid)).collect();
        let found: HashSet<Uid> = self
            .sync
            .session
            .still_there(&ranges)
            .await?
            .into_iter()
            .collect();
        Ok(uids.iter().copied().filter(|uid| found.contains(uid)).collect())
    }

    /// A refusal may pass by itself, so it counts only when it has been met in several syncs.
    async fn count_refusals(&self, refused: &[Uid]) -> Result<Option<EngineError>, EngineError> {
        let mut fewest = u32::MAX;
        for uid in refused {
            let attempts = self.count_attempt((*uid, *uid)).await?;
            fewest = fewest.min(attempts);
        }
        let error = || WireError::new(Kind::Unavailable, "reading messages").into();
        Ok((fewest < MAX_REFUSALS).then(error))
    }

    fn batches_in_flight(&self) -> usize {
        if self.needs_headers() {
            BATCHES_IN_FLIGHT_WITH_HEADERS
        } else {
            BATCHES_IN_FLIGHT
        }
    }

    /// Headers are asked for first only where they can keep something out.
    fn needs_headers(&self) -> bool {
        let (settings, role) = (&self.sync.settings, self.sync.folder.role);
        !settings.deny_list.is_empty()
            || role == FolderRole::AllMail
            || (settings.messages == MessagesToProcess::Unread && role == FolderRole::Inbox)
    }

    async fn ask(&self, bodies: &mut BodyPipeline<'_>, step: &Step<'_>) -> Result<Asked, EngineError> {
        let mut asked = Asked::new(step);
        if let [uid] = step.uids
            && self.is_given_up(*uid)
        {
            asked.skipped.push((*uid, SkipReason::NotDelivered));
            return Ok(asked);
        }
        let chosen = self.choose(step.uids).await?;
        let wanted: Vec<_> = chosen.wanted.iter().map(|(uid, _)| *uid).collect();
        asked.commands = bodies.ask(&wanted).await?;
        asked.missing = chosen.wanted.into_iter().collect();
        (asked.skipped, asked.untold) = (chosen.skipped, chosen.untold);
        Ok(asked)
    }

    async fn choose(&self, uids: &[Uid]) -> Result<Chosen, EngineError> {
        let folder = self.sync.folder.role;
        let mut chosen = Chosen::default();
        if !self.needs_headers() {
            chosen.wanted = uids.iter().map(|uid| (*uid, folder)).collect();
            return Ok(chosen);
        }
        let items = SummaryItems {
            addresses: !self.sync.settings.deny_list.is_empty(),
            labels: folder == FolderRole::AllMail,
        };
        let summaries = self.summaries(uids, items).await?;
        chosen.untold = without_told(uids, &summaries);
        for summary in summaries {
            let Some(place) = place_of(folder, summary.labels.as_deref()) else {
                chosen.skipped.push((summary.uid, SkipReason::Archived));
                continue;
            };
            match self.decide(&header_summary(&summary), place) {
                Intake::Wanted => chosen.wanted.push((summary.uid, place)),
                Intake::Skipped(reason) => chosen.skipped.push((summary.uid, reason)),
            }
        }
        Ok(chosen)
    }

    /// With those that are listed and were not told of among others: each of them is asked for alone.
    async fn summaries(&self, uids: &[Uid], items: SummaryItems) -> Result<Vec<FetchedSummary>, EngineError> {
        let session = &self.sync.session;
        let mut told = session.fetch_summaries(uids, items).await?;
        for uid in self.found_of(&without_told(uids, &told)).await? {
            told.extend(session.fetch_summaries(&[uid], items).await?);
        }
        Ok(told)
    }

    fn decide(&self, summary: &HeaderSummary, place: FolderRole) -> Intake {
        let is_history = self.is_measured_by_day();
        decide(summary, place, is_history, &self.sync.settings)
    }

    /// History, and what arrived while processing was off: only since the day that the owner chose.
    fn is_measured_by_day(&self) -> bool {
        self.walk == Walk::History || self.sync.folder.was_off
    }

    /// Into the batch that waits for it. Not asked for, or twice: nobody does.
    async fn place(
        &mut self,
        message: FetchedMessage,
        in_flight: &mut VecDeque<Asked>,
    ) -> Result<(), EngineError> {
        let mut waiting = in_flight.iter_mut();
        let Some((asked, place)) =
            waiting.find_map(|asked| asked.missing.remove(&message.uid).map(|place| (asked, place)))
        else {
            return Ok(());
        };
        match self.sort(message, place) {
            Ok(message) => {
                if self.is_full(&asked.group, &message) {
                    self.send(asked, false).await?;
                }
                asked.group.push(message);
            }
            Err(skip) => asked.skipped.push(skip),
        }
        Ok(())
    }

    fn sort(
        &self,
        message: FetchedMessage,
        place: FolderRole,
    ) -> Result<FetchedForIntake, (Uid, SkipReason)> {
        let summary = HeaderSummary {
            seen: message.seen,
            internal_date: message.internal_date,
            authors: Vec::new(),
            recipients: Vec::new(),
        };
        // The date was not known before; flags and addresses have been decided on.
        if self.is_measured_by_day()
            && let Intake::Skipped(reason @ SkipReason::BeforeHistory) = self.decide(&summary, place)
        {
            return Err((message.uid, reason));
        }
        match message.body {
            FetchedBody::Whole(raw) => Ok(FetchedForIntake {
                uid: message.uid,
                role: place,
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
        !group.is_empty()
            && (group.len() >= GROUP_MESSAGES
                || bytes + next.raw.len() > GROUP_BYTES
                || self.is_suspect(next.uid)
                || group.iter().any(|message| self.is_suspect(message.uid)))
    }

    fn is_suspect(&self, uid: Uid) -> bool {
        is_among(&self.sync.suspects, uid)
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

    /// What is there of a batch; `is_complete`: and with it the cursor passes over the batch.
    async fn send(&mut self, asked: &mut Asked, is_complete: bool) -> Result<(), EngineError> {
        let messages = std::mem::take(&mut asked.group);
        let ends = (is_complete && asked.is_last).then_some(asked.attempt);
        let mut group = Group {
            batch: IntakeBatch {
                lease: self.sync.work.lease,
                account: self.sync.work.account,
                folder: &self.sync.folder,
                skipped: std::mem::take(&mut asked.skipped),
                cursor: self.cursor,
                walk: self.walk,
                history_since: self.sync.folder.history_since.as_deref(),
                attempts: ends.into_iter().collect(),
                park: false,
                messages,
            },
            done: if is_complete { asked.uids.len() as u64 } else { 0 },
            committed: None,
        };
        let mut is_committed = None;
        if let Some(first) = group.batch.messages.first().map(|message| message.uid) {
            if self.is_suspect(first) {
                let attempts = self.count_attempt((first, first)).await?;
                group.batch.park = attempts > MAX_ATTEMPTS;
                group.batch.attempts.push((first, first));
                let (sender, receiver) = oneshot::channel();
                group.committed = Some(sender);
                is_committed = Some(receiver);
            } else if !self.attempts.contains(&asked.attempt) {
                self.count_attempt(asked.attempt).await?;
                self.attempts.push(asked.attempt);
            }
        }
        // The other side is gone only when it has failed; its error is the one that counts.
        let sent = self.groups.send(group).await;
        sent.map_err(|_| WireError::new(Kind::Unavailable, "storing messages"))?;
        self.attempts.retain(|begun| Some(*begun) != ends);
        if let Some(is_committed) = is_committed {
            // Nothing else is on its way meanwhile: of several, the one that kills would not be known. Let go of
            // without a word, in either case.
            let _ = is_committed.await;
        }
        Ok(())
    }

    /// Before anything of it is parsed, so that a death in it is known after.
    async fn count_attempt(&self, (first, last): Attempt) -> Result<u32, EngineError> {
        let (services, folder) = (self.sync.services(), self.sync.folder.id);
        Ok(services.count_attempt(folder, first, last).await?)
    }
}

fn is_among(suspects: &[OpenAttempt], uid: Uid) -> bool {
    suspects.iter().any(|open| open.first <= uid && uid <= open.last)
}

fn without_told(uids: &[Uid], told: &[FetchedSummary]) -> Vec<Uid> {
    let told: HashSet<Uid> = told.iter().map(|summary| summary.uid).collect();
    uids.iter().copied().filter(|uid| !told.contains(uid)).collect()
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
