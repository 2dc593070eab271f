//! The life of one account: lease, connect, sync, wait for news; on failure wait and try again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::MailAccountId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::account::ImapSettings;
use domain::folder::FolderRole;
use domain::folder::FolderStatus;
use domain::message::SkipReason;
use domain::rules::audit::FolderAudit;
use domain::rules::sent_folder::find_all_mail;
use domain::rules::sent_folder::find_sent;
use futures_util::FutureExt as _;
use service::ServiceError;
use service::accounts::MailAccount;
use service::intake::IntakeReport;
use service::sync::LEASE_TIME;
use service::sync::Lease;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;
use wire::IdleEnd;
use wire::ImapSession;
use wire::MailboxName;
use wire::ServerFolder;

use crate::EngineError;
use crate::EngineHandle;
use crate::account_work::AccountWork;
use crate::account_work::Problem;
use crate::backoff::jitter;
use crate::folder_sync;
use crate::folder_sync::FolderTask;
use crate::folder_sync::Synced;
use crate::old_mail;
use crate::patience::Next;

/// Everything is opened and compared this often, whatever the server counts.
const SYNC_ALL: Duration = Duration::from_secs(30 * 60);
/// Without IDLE new mail is looked for this often.
const POLL: Duration = Duration::from_secs(60);
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
/// How long a commit may take once the end is said.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs until `stop`; then what is being committed is committed, and no more.
pub async fn run(handle: EngineHandle, id: MailAccountId, stop: CancellationToken) {
    let patience = handle.patience(id);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = patience.may_try() => {}
        }
        let started = Instant::now();
        let ended = AssertUnwindSafe(live(&handle, id, &stop)).catch_unwind().await;
        let Err(error) = ended.unwrap_or(Err(EngineError::Panicked)) else {
            return;
        };
        let next = patience.failed(&error, started.elapsed(), jitter());
        let (state, wait) = match next {
            // Its owner changes the sign-in, or wants to try.
            Next::WhenTold if error.is_login_refused() && !error.is_token_refused() => {
                (AccountState::LoginRefused, None)
            }
            Next::WhenTold => (AccountState::SignInAgain, None),
            Next::Now => (state_after(&error), None),
            Next::At(at) => (
                state_after(&error),
                Some(at.saturating_duration_since(Instant::now())),
            ),
        };
        Box::pin(report(&handle, id, state, &error, wait)).await;
    }
}

fn state_after(error: &EngineError) -> AccountState {
    match error.is_certificate_changed() {
        true => AccountState::CertificateChanged,
        false => AccountState::Failing,
    }
}

async fn report(
    handle: &EngineHandle,
    id: MailAccountId,
    state: AccountState,
    error: &EngineError,
    wait: Option<Duration>,
) {
    if error.is_out_of_date() {
        return;
    }
    warn!(mail_account.id = %id, %error, "Account stopped");
    metrics::counter!("waxseal_account_failures_total").increment(1);
    let next = wait.map(|wait| handle.services.now().plus(wait));
    let text = error.for_owner();
    if let Err(error) = handle
        .services
        .set_account_state(id, state, Some(&text), next)
        .await
    {
        warn!(mail_account.id = %id, %error, "State could not be stored");
    }
}

pub async fn switched_off(handle: &EngineHandle, id: MailAccountId) {
    let off = handle
        .services
        .set_account_state(id, AccountState::Off, None, None)
        .await;
    if let Err(error) = off {
        warn!(mail_account.id = %id, %error, "State could not be stored");
    }
}

/// One connection from beginning to end.
async fn live(handle: &EngineHandle, id: MailAccountId, stop: &CancellationToken) -> Result<(), EngineError> {
    let lease = Box::pin(take_lease(handle, id)).await?;
    // Released after it, whatever ends this.
    let kept = handle.leases.keep(&lease);
    let committing = tokio::sync::Mutex::default();
    let stopped = async {
        stop.cancelled().await;
        // Whoever commits just now has ended then, and nobody begins.
        let _turn = tokio::time::timeout(DRAIN, committing.lock()).await;
    };
    tokio::select! {
        () = stopped => Ok(()),
        ended = with_lease(handle, &lease, &committing) => ended,
        () = kept.lost() => Err(ServiceError::LeaseLost.into()),
    }
}

async fn take_lease(handle: &EngineHandle, id: MailAccountId) -> Result<Lease, EngineError> {
    handle
        .services
        .take_lease(id, &handle.lease_owner)
        .await?
        .ok_or(EngineError::LeaseHeld)
}

/// Ends only when the lease is lost.
async fn keep_lease(handle: &EngineHandle, lease: &Lease) -> EngineError {
    loop {
        tokio::time::sleep(LEASE_TIME / 3).await;
        if let Err(error) = handle.services.renew_lease(lease).await {
            return error.into();
        }
    }
}

async fn with_lease(
    handle: &EngineHandle,
    lease: &Lease,
    committing: &tokio::sync::Mutex<()>,
) -> Result<(), EngineError> {
    // Boxed, here and above: an account that waits does not hold the room for all that it might do.
    let account = Box::pin(handle.services.get_account_for_engine(lease.account)).await?;
    let work = AccountWork::new(handle, lease, &account, committing);
    // Waited for outside of the box: after a start all accounts wait.
    let place = work.place_to_connect().await;
    let mut sync = Box::pin(AccountSync::connect(&work)).await?;
    drop(place);
    Box::pin(sync.sync_all()).await?;
    info!(mail_account.id = %account.id, "Account is up to date");
    let old_mail = Box::pin(old_mail::run(&work, sync.tasks().cloned().collect()));
    tokio::select! {
        error = sync.follow_news() => Err(error),
        error = old_mail => Err(error),
    }
}

pub async fn sync_once(handle: &EngineHandle, account: &MailAccount) -> Result<IntakeReport, EngineError> {
    once(handle, account, async |sync| {
        sync.sync_all().await?;
        Ok(std::mem::take(&mut sync.report))
    })
    .await
}

pub async fn audit_once(
    handle: &EngineHandle,
    account: &MailAccount,
) -> Result<Vec<FolderAudit>, EngineError> {
    once(handle, account, async |sync| {
        sync.sync_beside().await?;
        let report = sync.audit().await?;
        match sync.ask_again(&report).await {
            Ok(true) => sync.audit().await,
            // What ended the connection once more is in the report as it was.
            Ok(false) | Err(_) => Ok(report),
        }
    })
    .await
}

/// One connection for one thing, under the same lease as [`run`].
async fn once<T>(
    handle: &EngineHandle,
    account: &MailAccount,
    work: impl AsyncFnOnce(&mut AccountSync<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let lease = take_lease(handle, account.id).await?;
    let committing = tokio::sync::Mutex::default();
    let shared = AccountWork::new(handle, &lease, account, &committing);
    shared.use_one_connection();
    let synced = async {
        let _place = shared.place_to_connect().await;
        let mut sync = AccountSync::connect(&shared).await?;
        let done = work(&mut sync).await?;
        sync.session.log_out().await;
        Ok(done)
    };
    let synced = tokio::select! {
        synced = synced => synced,
        lost = keep_lease(handle, &lease) => Err(lost),
    };
    if let Err(error) = &synced {
        report(handle, account.id, AccountState::Failing, error, None).await;
    }
    handle.services.release_lease(&lease).await?;
    synced
}

/// The connection on which new mail is waited for.
struct AccountSync<'a> {
    work: &'a AccountWork<'a>,
    session: ImapSession,
    /// Where new mail comes: INBOX, or All Mail.
    inbox: FolderTask,
    /// Sent where it is a folder of its own, and what else the owner chose.
    beside: Vec<FolderTask>,
    look_due: Instant,
    sync_due: Instant,
    report: IntakeReport,
    has_more_history: bool,
}

impl<'a> AccountSync<'a> {
    async fn connect(work: &'a AccountWork<'a>) -> Result<Self, EngineError> {
        let (services, account) = (&work.handle.services, work.account);
        work.set_state(AccountState::Connecting).await?;
        let session = work.connect().await?;
        let settings = account.imap.as_ref().ok_or(EngineError::NotSetUp)?;
        if account.notice_due {
            let notice = seal_notice(account, services.now());
            session
                .append(&MailboxName::inbox(), &[], &[notice.into()])
                .await?;
            services.notice_given(account.id).await?;
        }
        let (inbox, beside) = folders_to_watch(&session, settings);
        let sync = AccountSync {
            work,
            session,
            inbox,
            beside,
            look_due: work.handle.next_look(),
            sync_due: Instant::now() + SYNC_ALL,
            report: IntakeReport::default(),
            has_more_history: false,
        };
        let names: Vec<_> = sync.tasks().map(|task| task.wire_name.wire()).collect();
        services.watch_only(account.id, &names).await?;
        Ok(sync)
    }

    /// INBOX, or All Mail, first.
    fn tasks(&self) -> impl Iterator<Item = &FolderTask> {
        std::iter::once(&self.inbox).chain(&self.beside)
    }

    /// Ends only with a failure.
    async fn follow_news(&mut self) -> EngineError {
        loop {
            let followed = async {
                let end = self.wait().await?;
                Box::pin(self.sync_after(end)).await
            };
            if let Err(error) = followed.await {
                return error;
            }
        }
    }

    async fn sync_all(&mut self) -> Result<(), EngineError> {
        let (handle, account) = (self.work.handle, self.work.account.id);
        self.work.set_state(AccountState::Syncing).await?;
        let _progress = handle.progress.begin(account, 0, handle.services.now());
        loop {
            let _place = handle.places.catch_up().await;
            self.has_more_history = false;
            self.sync_beside().await?;
            self.sync_inbox().await?;
            // Between two stretches of old mail the new one is fetched.
            if !self.has_more_history {
                break;
            }
        }
        handle.services.set_account_synced(account).await?;
        Ok(self.work.set_state(AccountState::Connected).await?)
    }

    /// Left open: that is where IDLE listens.
    async fn sync_inbox(&mut self) -> Result<(), EngineError> {
        let synced = folder_sync::sync(self.work, &self.session, &self.inbox).await?;
        self.inbox.seen = Some(synced.status);
        self.take(synced);
        Ok(())
    }

    fn take(&mut self, synced: Synced) {
        self.report.add(synced.report);
        self.has_more_history |= synced.has_more_history;
    }

    /// A folder that is not there is told to the owner; the others go on.
    async fn sync_beside(&mut self) -> Result<(), EngineError> {
        for mut task in std::mem::take(&mut self.beside) {
            match folder_sync::sync(self.work, &self.session, &task).await {
                Ok(synced) => {
                    task.seen = Some(synced.status);
                    self.take(synced);
                    self.beside.push(task);
                }
                Err(error) if error.is_folder_missing() => {
                    let what = match task.role {
                        FolderRole::Sent => "Sent mail".to_owned(),
                        _ => format!("The folder {}", task.wire_name.to_text()),
                    };
                    let text = format!("{what} is not watched. {}", error.for_owner());
                    self.work.set_problem(Problem::Folder, Some(text));
                }
                Err(error) => return Err(error),
            }
        }
        self.carry_out_elsewhere().await
    }

    /// In folders that were watched once.
    async fn carry_out_elsewhere(&self) -> Result<(), EngineError> {
        let services = &self.work.handle.services;
        for folder in services.list_asked_folders(self.work.account.id).await? {
            if self.tasks().any(|task| task.wire_name.wire() == folder.wire_name) {
                continue;
            }
            let task = FolderTask {
                role: folder.role,
                wire_name: MailboxName::from_wire(&folder.wire_name),
                seen: None,
            };
            match folder_sync::carry_out(self.work, &self.session, &task).await {
                Err(error) if error.is_folder_missing() => services.remote_operations_end(folder.id).await?,
                done => done?,
            }
        }
        Ok(())
    }

    /// The inbox last: it is left open.
    async fn audit(&mut self) -> Result<Vec<FolderAudit>, EngineError> {
        let mut report = Vec::new();
        for task in &self.beside {
            folder_sync::sync(self.work, &self.session, task).await?;
            report.push(self.audit_open(task).await?);
        }
        self.sync_inbox().await?;
        report.push(self.audit_open(&self.inbox).await?);
        let services = &self.work.handle.services;
        services.save_audit(self.work.account.id, &report).await?;
        Ok(report)
    }

    /// Whether anything was.
    async fn ask_again(&mut self, report: &[FolderAudit]) -> Result<bool, EngineError> {
        let reason = SkipReason::NotDelivered.as_str();
        let is_due = |task: &&FolderTask| {
            let name = task.wire_name.to_text();
            let mut folders = report.iter().filter(|folder| folder.folder == name);
            folders.any(|folder| folder.skipped.contains_key(reason))
        };
        let due: Vec<_> = self.tasks().filter(is_due).collect();
        for task in &due {
            folder_sync::ask_again(self.work, &self.session, task).await?;
        }
        let was_due = !due.is_empty();
        if was_due {
            self.sync_inbox().await?;
        }
        Ok(was_due)
    }

    async fn audit_open(&self, task: &FolderTask) -> Result<FolderAudit, EngineError> {
        folder_sync::audit(self.work, &self.session, task).await
    }

    async fn wait(&self) -> Result<IdleEnd, EngineError> {
        let left = self.look_due.saturating_duration_since(Instant::now());
        let left = left.max(SHORTEST_WAIT);
        let waker = self.work.handle.waker(self.work.account.id);
        Ok(self.session.wait_for_change(left, POLL, waker.notified()).await?)
    }

    async fn sync_after(&mut self, end: IdleEnd) -> Result<(), EngineError> {
        let now = Instant::now();
        if end == IdleEnd::Interrupted || now >= self.sync_due {
            self.sync_due = now + SYNC_ALL;
            self.sync_beside().await?;
            self.sync_inbox().await?;
        } else if now < self.look_due {
            self.sync_inbox().await?;
        } else if !self.look(end).await? {
            self.work.handle.has_looked_at(self.work.account.id);
            return Ok(());
        }
        // What rested goes on: another day, or a day that was chosen.
        if self.has_more_history {
            return self.sync_all().await;
        }
        self.work.look_for_old_mail.notify_one();
        let (services, account) = (&self.work.handle.services, self.work.account.id);
        services.set_account_synced(account).await?;
        if services.begin_audit_if_due(account).await? {
            let report = self.audit().await?;
            self.ask_again(&report).await?;
        }
        Ok(())
    }

    /// Asks what the server counts, and syncs if it is another number. False: nothing has changed.
    async fn look(&mut self, end: IdleEnd) -> Result<bool, EngineError> {
        self.look_due = self.work.handle.next_look();
        let (names, seen): (Vec<_>, Vec<_>) = self
            .tasks()
            .map(|task| (task.wire_name.clone(), task.seen))
            .unzip();
        let now = self.session.look_at(&names).await?;
        let is_same =
            |(now, seen): (&Option<FolderStatus>, &Option<FolderStatus>)| now.is_some() && now == seen;
        // Without modification sequences nothing counts the changes of flags.
        let may_differ =
            |now: &FolderStatus| self.work.account.tracking.flags_both_ways && now.mod_seq.is_none();
        let is_inbox_same = is_same((&now[0], &seen[0])) && !now[0].as_ref().is_some_and(may_differ);
        let are_others_same = now.iter().zip(&seen).skip(1).all(is_same);
        if !are_others_same {
            self.sync_beside().await?;
        }
        if !is_inbox_same || !are_others_same || end == IdleEnd::Changed {
            self.sync_inbox().await?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// Into the mailbox itself: whoever took over the sign-in does not read it there.
fn seal_notice(account: &MailAccount, now: Timestamp) -> String {
    let address = &account.address;
    let date = now.to_rfc2822();
    format!(
        "From: Waxseal <{address}>\r\nTo: {address}\r\nDate: {date}\r\nSubject: Your sign-in to Waxseal was reset by somebody else\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nA super-administrator, or the operator, has reset your password or your second factor.\r\nYour mail in Waxseal is sealed since then: nobody sees it there, not even with the new sign-in.\r\nTo open it, sign in and type the password of this mailbox under My profile / Email account.\r\nIf you did not ask for the reset, ask who did.\r\n"
    )
}

/// The one where new mail comes, which is opened last and left open, and those beside it.
fn folders_to_watch(session: &ImapSession, settings: &ImapSettings) -> (FolderTask, Vec<FolderTask>) {
    let name_of = |folder: &ServerFolder| folder.listed.name.clone();
    let found = session.find_folder(find_sent).map(name_of);
    // All Mail that its owner has chosen is watched whole, as any other folder.
    let all_mail = session.find_folder(find_all_mail).map(name_of);
    let all_mail = all_mail.filter(|name| session.has_labels() && !settings.more_folders.contains(name));
    let sent = settings.sent_folder.clone().or_else(|| found.clone());
    let (inbox, sent) = match all_mail {
        Some(name) => {
            let inbox = FolderTask::named(&name, FolderRole::AllMail, session);
            (inbox, sent.filter(|chosen| Some(chosen) != found.as_ref()))
        }
        None => (FolderTask::inbox(), sent),
    };
    let sent = sent.map(|name| FolderTask::named(&name, FolderRole::Sent, session));
    let mut beside: Vec<_> = sent.into_iter().collect();
    for name in &settings.more_folders {
        let task = FolderTask::named(name, FolderRole::Other, session);
        if beside.iter().all(|known| known.wire_name != task.wire_name) {
            beside.push(task);
        }
    }
    (inbox, beside)
}
