//! "Process old (historic) messages": newest first, resumed where it was, in stretches, so that the accounts take turns.
//! On a connection of its own while there is some left, so that new mail does not wait.

use domain::account::AccountState;
use domain::folder::FolderCursor;
use domain::folder::Uid;
use domain::folder::Walk;
use jiff::civil::Date;
use service::intake::IntakeReport;
use service::sync::Folder;
use tokio::time::Instant;
use tracing::info;
use tracing::warn;
use wire::ImapSession;
use wire::OpenMode;
use wire::Opened;

use crate::EngineError;
use crate::account_work::AccountWork;
use crate::account_work::Problem;
use crate::backoff::Backoff;
use crate::backoff::jitter;
use crate::fetching;
use crate::folder_sync::FolderSync;
use crate::folder_sync::FolderTask;

/// What a stretch brought in.
#[derive(Debug, Default)]
pub struct Walked {
    pub report: IntakeReport,
    /// To be gone on with.
    pub has_more: bool,
}

/// Fetches what is left, and waits until there may be more. What fails here waits here, and new mail is none the worse
/// for it. Ends only when the account is to be begun anew.
pub async fn run(work: &AccountWork<'_>, folders: Vec<FolderTask>) -> EngineError {
    let mut backoff = Backoff::beginning_with(work.handle.first_wait);
    loop {
        let started = Instant::now();
        // Boxed: most accounts only wait.
        match Box::pin(fetch_all(work, &folders)).await {
            Ok(()) => work.look_for_old_mail.notified().await,
            Err(error) if error.is_out_of_date() => return error,
            Err(error) => {
                let wait = backoff.after_failure(started.elapsed(), jitter());
                if let Err(error) = told(work, &error).await {
                    return error;
                }
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// On Status, until it goes on.
async fn told(work: &AccountWork<'_>, error: &EngineError) -> Result<(), EngineError> {
    warn!(mail_account.id = %work.account.id, %error, "Old mail waits");
    let text = format!("Old mail waits. {}", error.for_owner());
    work.set_problem(Problem::OldMail, Some(text));
    Ok(work.set_state(AccountState::Connected).await?)
}

async fn fetch_all(work: &AccountWork<'_>, folders: &[FolderTask]) -> Result<(), EngineError> {
    let (services, account) = (&work.handle.services, work.account);
    let names: Vec<_> = folders.iter().map(|task| task.wire_name.wire()).collect();
    if work.has_one_connection() || !services.has_old_mail(account, &names).await? {
        return Ok(());
    }
    let place = work.place_to_connect().await;
    let session = match work.connect().await {
        Ok(session) => session,
        Err(error) => {
            info!(mail_account.id = %account.id, %error, "No second connection");
            work.use_one_connection();
            work.handle.wake(account.id);
            return Ok(());
        }
    };
    drop(place);
    work.set_state(AccountState::Syncing).await?;
    let _progress = work.handle.progress.begin(account.id, 0, services.now());
    let mut left: Vec<_> = folders.iter().collect();
    while !left.is_empty() {
        let mut unfinished = Vec::new();
        for task in left {
            let _place = work.handle.places.catch_up().await;
            match fetch_stretch(work, &session, task).await {
                Ok(walked) if walked.has_more => unfinished.push(task),
                Ok(_) => {}
                // Its owner is told where new mail is looked for.
                Err(error) if error.is_folder_missing() => {}
                Err(error) => return Err(error),
            }
        }
        left = unfinished;
    }
    session.log_out().await;
    work.set_problem(Problem::OldMail, None);
    info!(mail_account.id = %account.id, "Old mail is here");
    services.set_account_synced(account.id).await?;
    Ok(work.set_state(AccountState::Connected).await?)
}

async fn fetch_stretch(
    work: &AccountWork<'_>,
    session: &ImapSession,
    task: &FolderTask,
) -> Result<Walked, EngineError> {
    let sync = FolderSync::of(work, session, task).await?;
    let Opened { status, .. } = session.open(&task.wire_name, OpenMode::ReadOnly, None).await?;
    match sync.folder.cursor {
        Some(cursor) if cursor.uid_validity == status.uid_validity => sync.walk_history().await,
        // Where new mail is looked for it is found and followed first.
        _ => Ok(Walked::default()),
    }
}

impl FolderSync<'_> {
    /// In the open folder, a stretch of it.
    pub async fn walk_history(&self) -> Result<Walked, EngineError> {
        let Some(day) = self.account().tracking.history_since else {
            return Ok(Walked::default());
        };
        let services = self.services();
        let folder = services
            .watch_folder(self.account().id, self.folder.role, &self.folder.wire_name)
            .await?;
        let Some(mut cursor) = folder.cursor else {
            return Ok(Walked::default());
        };
        if folder.has_walked(day) || services.history_rest(self.account()).await?.is_some() {
            return Ok(Walked::default());
        }
        if folder.walked_day().is_none_or(|walked| day < walked) {
            cursor.history_from = cursor.baseline;
        }
        let marker = day.to_string();
        let sync = FolderSync {
            folder: Folder {
                history_since: Some(marker.clone()),
                cursor: Some(cursor),
                ..folder
            },
            settings: self.settings.clone(),
            suspects: self.suspects.clone(),
            ..*self
        };
        let mut uids = sync.search_history(day).await?;
        uids.retain(|uid| *uid < cursor.history_from);
        uids.sort_unstable_by(|one, other| other.cmp(one));
        let unknown = sync.without_known(&cursor, uids).await?;
        let until = Some(Instant::now() + self.work.handle.history_slice);
        let (report, is_whole) = fetching::fetch_until(&sync, cursor, Walk::History, unknown, until).await?;
        if is_whole {
            let end = FolderCursor {
                history_from: Uid::FIRST,
                ..cursor
            };
            services
                .end_history(self.work.lease, sync.folder.id, &end, &marker)
                .await?;
            sync.end_suspects(|open| open.first < cursor.baseline).await?;
        }
        Ok(Walked {
            report,
            has_more: !is_whole,
        })
    }

    /// One day wider: servers search by the day of their own zone, or without any (RFC 3501 §6.4.4).
    pub async fn search_history(&self, day: Date) -> Result<Vec<Uid>, EngineError> {
        Ok(self.session.search(Some(day.yesterday().unwrap_or(day))).await?)
    }
}
