//! Hands over what waits in the outbox, and puts the copies into Sent.
//!
//! Stop after any line: an entry is sent again only if its message cannot have gone. `data_sent` is committed before
//! the final dot; what was lost after it is unknown, and a person or the Sent folder says what became of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::MailAccountId;
use domain::outbox::RecipientState;
use domain::rules::delivery::Attempt;
use service::Event;
use service::ServiceError;
use service::delivery::Allowance;
use service::delivery::AttemptReport;
use service::delivery::EndedAttempt;
use service::delivery::Outgoing;
use service::delivery::SmtpCredentials;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wire::MailService;
use wire::RecipientReply;
use wire::Reply;
use wire::SmtpSession;
use wire::SmtpTarget;
use wire::StepLog;
use wire::Submission;
use wire::WireError;

use crate::EngineHandle;
use crate::sent_copies;

/// Connections to one account's server at a time; as many are kept for the next messages.
const PER_ACCOUNT: usize = 2;
const ACCOUNTS_AT_ONCE: usize = 16;
/// Entries that one connection takes before it looks for others.
const BATCH: u32 = 20;
/// Servers hang up on silent clients after a few minutes; a connection that was silent for longer is not used.
const IDLE: Duration = Duration::from_secs(60);
/// Without an event something may have become due by another process.
const LOOK_AROUND: Duration = Duration::from_secs(20);
/// What became of a message is known only here: a database that is busy for once makes nothing of it unknown.
const STORE_TRIES: u32 = 3;
/// How long an outcome waits to be stored together with the next message's `data_sent`: one commit in place of two.
const TOGETHER: Duration = Duration::from_millis(20);
/// After a failure the copies for Sent wait.
const COPIES_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How long an end waits for messages that are being handed over.
const DRAIN: Duration = Duration::from_secs(10);

/// What runs for the accounts at the moment.
#[derive(Default)]
struct Desk {
    running: HashMap<MailAccountId, usize>,
    idle: Idle,
}

/// Connections that wait for the next message, with the settings that they were made by.
#[derive(Clone, Default)]
struct Idle(Arc<Mutex<HashMap<MailAccountId, Vec<Waiting>>>>);

struct Waiting {
    session: SmtpSession,
    settings: domain::account::SmtpSettings,
    since: Instant,
}

/// Runs until `shutdown`, then ends what is under way.
pub async fn run(handle: EngineHandle, shutdown: CancellationToken) {
    let owner = handle.lease_owner.clone();
    let mut events = handle.services.events.subscribe();
    let mut desk = Desk::default();
    let mut tasks: JoinSet<MailAccountId> = JoinSet::new();
    let mut copies: JoinSet<bool> = JoinSet::new();
    let mut copies_from = Instant::now();
    loop {
        let wait = fill(&handle, &owner, &mut desk, &mut tasks).await;
        while let Some(made) = copies.try_join_next() {
            if !made.unwrap_or(false) {
                copies_from = Instant::now() + COPIES_AGAIN;
            }
        }
        if copies.is_empty() && Instant::now() >= copies_from {
            copies.spawn(sent_copies::make_due(handle.clone()));
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
            Some(done) = tasks.join_next() => {
                if let Ok(done) = done {
                    desk.ended(done);
                }
            }
            () = something_waits(&mut events) => {}
        }
    }
    copies.abort_all();
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        // What has not come to its final dot is sent by the next process; the rest is unknown.
        tasks.shutdown().await;
    }
    if let Err(error) = handle.services.release_outgoing(&owner).await {
        warn!(%error, "Outbox entries could not be released");
    }
}

async fn something_waits(events: &mut tokio::sync::broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::OutboxChanged { .. } | Event::AccountChanged { .. }) | Err(RecvError::Lagged(_)) => {
                return;
            }
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Desk {
    fn ended(&mut self, account: MailAccountId) {
        if let Some(running) = self.running.get_mut(&account) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&account);
            }
        }
    }

    fn busy(&self) -> Vec<MailAccountId> {
        let full = self.running.iter().filter(|(_, count)| **count >= PER_ACCOUNT);
        full.map(|(account, _)| *account).collect()
    }
}

/// Starts what can be started; how long nothing more can be.
async fn fill(
    handle: &EngineHandle,
    owner: &str,
    desk: &mut Desk,
    tasks: &mut JoinSet<MailAccountId>,
) -> Duration {
    let mut skipped = desk.busy();
    while tasks.len() < ACCOUNTS_AT_ONCE {
        let claimed = match handle.services.claim_outgoing(owner, &skipped, BATCH).await {
            Ok(claimed) => claimed,
            Err(error) => {
                warn!(%error, "The outbox could not be read");
                return LOOK_AROUND;
            }
        };
        let Some(account) = claimed.first().map(Outgoing::account) else {
            break;
        };
        let credentials = credentials(handle, account).await;
        let now = within_limits(handle, account, credentials.as_ref().ok(), &claimed).await;
        if now.is_empty() {
            skipped.push(account);
            continue;
        }
        *desk.running.entry(account).or_default() += 1;
        let (handle, idle, batch) = (handle.clone(), desk.idle.clone(), now.to_vec());
        tasks.spawn(async move { deliver_all(&handle, account, credentials, idle, batch).await });
        skipped = [desk.busy(), skipped].concat();
    }
    match handle.services.next_outgoing_at().await {
        Ok(Some(due)) => due
            .since(handle.services.now())
            .clamp(Duration::from_millis(50), LOOK_AROUND),
        _ => LOOK_AROUND,
    }
}

/// Those that may go now; the others are put back until they may.
async fn within_limits<'a>(
    handle: &EngineHandle,
    account: MailAccountId,
    credentials: Option<&SmtpCredentials>,
    claimed: &'a [Outgoing],
) -> &'a [Outgoing] {
    let Some(credentials) = credentials else {
        return claimed;
    };
    let services = &handle.services;
    let count = u32::try_from(claimed.len()).unwrap_or(BATCH);
    let allowance = services
        .sending_allowance(account, &credentials.settings, count)
        .await;
    let (count, until) = match allowance {
        Ok(Allowance::UpTo(count)) => (count as usize, services.now()),
        Ok(Allowance::NoneUntil(until)) => (0, until),
        Err(error) => {
            warn!(mail_account.id = %account, %error, "What went lately could not be counted");
            (0, services.now().plus(LOOK_AROUND))
        }
    };
    let (now, later) = claimed.split_at(claimed.len().min(count));
    for outgoing in later {
        let said = "Only so many messages an hour or a minute are sent for this account; this one is next.";
        if let Err(error) = services.put_back(outgoing, until, said).await {
            warn!(message.id = %outgoing.message(), %error, "An entry could not be put back");
        }
    }
    now
}

/// Inner error: why nothing can be sent, for the Outbox page.
async fn credentials(handle: &EngineHandle, account: MailAccountId) -> Result<SmtpCredentials, &'static str> {
    match handle.services.credentials_to_send(account).await {
        Ok(found) => found,
        Err(error) => {
            warn!(mail_account.id = %account, %error, "Settings could not be read");
            Err("The settings could not be read.")
        }
    }
}

async fn deliver_all(
    handle: &EngineHandle,
    account: MailAccountId,
    credentials: Result<SmtpCredentials, &'static str>,
    idle: Idle,
    batch: Vec<Outgoing>,
) -> MailAccountId {
    let outcomes = Outcomes::new(handle);
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(why) => {
            for outgoing in batch {
                outcomes.add(outgoing, later(why.into())).await;
            }
            outcomes.store().await;
            return account;
        }
    };
    let mut session = idle.take(account, &credentials);
    for outgoing in batch {
        let (kept, report) = deliver(handle, &credentials, session, &outgoing, &outcomes).await;
        session = kept;
        if let Some(report) = report {
            outcomes.add(outgoing, report).await;
        }
    }
    outcomes.store().await;
    if let Some(session) = session {
        idle.put(account, credentials.settings, session);
    }
    account
}

/// One message over a connection that is there, or a new one. No report: somebody else holds the entry.
async fn deliver(
    handle: &EngineHandle,
    credentials: &SmtpCredentials,
    kept: Option<SmtpSession>,
    outgoing: &Outgoing,
    outcomes: &Outcomes<'_>,
) -> (Option<SmtpSession>, Option<AttemptReport>) {
    if let Some(mut session) = kept {
        let submission = submit(&mut session, outgoing, outcomes).await;
        // A connection that was silent for a while may be gone, and nobody has the message then.
        if !matches!(submission, Submission::LostBefore(_)) {
            return (
                Some(session).filter(|_| goes_on(&submission)),
                report(outgoing, submission),
            );
        }
    }
    outcomes.store().await;
    let mut session = match connect(handle, credentials).await {
        Ok(session) => session,
        Err(error) => return (None, Some(later(words(&error)))),
    };
    let submission = submit(&mut session, outgoing, outcomes).await;
    (
        Some(session).filter(|_| goes_on(&submission)),
        report(outgoing, submission),
    )
}

async fn submit(session: &mut SmtpSession, outgoing: &Outgoing, outcomes: &Outcomes<'_>) -> Submission {
    let (from, recipients) = (outgoing.envelope_from(), outgoing.recipients());
    let submission = session.submit(from, recipients, &outgoing.raw, outcomes.data_sent(outgoing));
    let mut submission = std::pin::pin!(submission);
    tokio::select! {
        submission = &mut submission => return submission,
        () = tokio::time::sleep(TOGETHER) => {}
    }
    // The server takes its time: what is known is stored alone. Once `data_sent` has begun nothing is left to store, so
    // that nobody waits here for a database that the other future has, which is not polled meanwhile.
    outcomes.store().await;
    submission.await
}

/// The outcome of the message before on a connection, while it waits to be stored with the next message's `data_sent`.
struct Outcomes<'a> {
    handle: &'a EngineHandle,
    waiting: Mutex<Option<EndedAttempt>>,
}

impl<'a> Outcomes<'a> {
    fn new(handle: &'a EngineHandle) -> Self {
        Outcomes {
            handle,
            waiting: Mutex::new(None),
        }
    }

    fn take(&self) -> Option<EndedAttempt> {
        self.waiting.lock().ok()?.take()
    }

    async fn add(&self, outgoing: Outgoing, report: AttemptReport) {
        metrics::counter!("waxseal_outbox_attempts_total", "outcome" => name(&report.attempt)).increment(1);
        self.store().await;
        if let Ok(mut waiting) = self.waiting.lock() {
            *waiting = Some(EndedAttempt {
                outgoing,
                report,
                jitter: rand::random(),
            });
        }
    }

    /// False: the final dot must not be sent.
    async fn data_sent(&self, outgoing: &Outgoing) -> bool {
        let before = self.take();
        let stored = self.handle.services.data_sent(outgoing, before.as_ref()).await;
        if let (Err(_), Some(before)) = (&stored, before) {
            self.store_one(&before).await;
        }
        stored.is_ok()
    }

    async fn store(&self) {
        if let Some(ended) = self.take() {
            self.store_one(&ended).await;
        }
    }

    async fn store_one(&self, ended: &EndedAttempt) {
        for _ in 0..STORE_TRIES {
            let Err(error) = self.handle.services.attempt_ended(ended).await else {
                return;
            };
            warn!(message.id = %ended.outgoing.message(), %error, "The outcome of an attempt could not be stored");
            if matches!(error, ServiceError::LeaseLost) {
                return;
            }
        }
        // It stays claimed; whoever finds its lease over knows from `data_sent` what may be done.
    }
}

/// 421: the server hangs up (RFC 5321 §3.8).
fn goes_on(submission: &Submission) -> bool {
    match submission {
        Submission::Taken { reply, .. } | Submission::Refused { reply, .. } => reply.code != 421,
        _ => false,
    }
}

async fn connect(handle: &EngineHandle, credentials: &SmtpCredentials) -> Result<SmtpSession, WireError> {
    let target = SmtpTarget {
        settings: credentials.settings.clone(),
        username: credentials.username.clone(),
        password: credentials.password.clone(),
    };
    SmtpSession::connect(&handle.dialer, &target, &mut StepLog::default()).await
}

fn words(error: &WireError) -> String {
    let message = error.kind.message(MailService::Smtp);
    match &error.said {
        Some(said) => format!("{message} It said: {}", said.as_str()),
        None => message,
    }
}

fn later(said: String) -> AttemptReport {
    AttemptReport {
        attempt: Attempt::Later,
        said: Some(said),
        recipients: Vec::new(),
    }
}

fn report(outgoing: &Outgoing, submission: Submission) -> Option<AttemptReport> {
    let all = |state: RecipientState, reply: &Reply| {
        let recipients = outgoing.recipients().iter();
        recipients
            .map(|address| (address.clone(), state, Some(reply.said())))
            .collect::<Vec<_>>()
    };
    Some(match submission {
        Submission::Stopped => return None,
        Submission::LostBefore(error) => later(words(&error)),
        Submission::LostAfter(error) => AttemptReport {
            attempt: Attempt::Lost,
            said: Some(words(&error)),
            recipients: Vec::new(),
        },
        Submission::Taken { reply, recipients } => {
            let recipients: Vec<_> = recipients.into_iter().map(|one| outcome(one, &reply)).collect();
            let count = |wanted| recipients.iter().filter(|(_, state, _)| *state == wanted).count();
            AttemptReport {
                attempt: Attempt::Taken {
                    later: count(RecipientState::Waiting),
                    accepted: count(RecipientState::Accepted),
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

fn name(attempt: &Attempt) -> &'static str {
    match attempt {
        Attempt::Taken { .. } => "taken",
        Attempt::Later => "later",
        Attempt::Refused => "refused",
        Attempt::Lost => "lost",
    }
}

impl Idle {
    fn take(&self, account: MailAccountId, credentials: &SmtpCredentials) -> Option<SmtpSession> {
        let mut idle = self.0.lock().ok()?;
        let waiting = idle.get_mut(&account)?;
        waiting.retain(|held| held.since.elapsed() < IDLE && held.settings == credentials.settings);
        waiting.pop().map(|held| held.session)
    }

    fn put(&self, account: MailAccountId, settings: domain::account::SmtpSettings, session: SmtpSession) {
        if let Ok(mut idle) = self.0.lock() {
            let waiting = idle.entry(account).or_default();
            if waiting.len() < PER_ACCOUNT {
                waiting.push(Waiting {
                    session,
                    settings,
                    since: Instant::now(),
                });
            }
        }
    }
}
