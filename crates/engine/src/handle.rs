//! What the rest of the process may ask of the engine.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::MailAccountId;
use jiff::civil::Date;
use service::Services;
use service::accounts::ImapCredentials;
use service::accounts::MailAccount;
use service::audits::FolderAudit;
use service::delivery::SmtpCredentials;
use service::intake::IntakeReport;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wire::Dialer;
use wire::RemoteImage;
use wire::WireError;

use crate::EngineError;
use crate::account_task;
use crate::history_preview::HistoryPreview;
use crate::history_preview::preview_history;
use crate::leases::Leases;
use crate::places::Places;
use crate::probe::ProbeResult;
use crate::probe::probe_imap;
use crate::probe::probe_smtp;
use crate::progress::Progress;
use crate::progress::ProgressBoard;

const IMAGES_AT_ONCE: usize = 16;
const HISTORY_SLICE: Duration = Duration::from_secs(15);
/// Mail sent from elsewhere appears within 60 s: IDLE watches INBOX, and this often the server is asked what it counts,
/// in INBOX too: some connections have gone silent, and some servers do not push everything.
const LOOK: Duration = Duration::from_secs(45);
/// Accounts whose looks fall into the same part of that time look together: to wake the process costs more than a look.
const LOOKS_PARTS: u32 = 64;

/// Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    pub(crate) services: Services,
    pub(crate) dialer: Dialer,
    pub(crate) progress: ProgressBoard,
    images: Arc<Semaphore>,
    pub(crate) places: Places,
    pub(crate) leases: Leases,
    /// Looked at since it was last written down; most of the time nothing else is to be written of an account.
    looked_at: Arc<Mutex<HashSet<MailAccountId>>>,
    wakers: Arc<Mutex<HashMap<MailAccountId, Arc<Notify>>>>,
    /// Old mail is fetched for so long at a time; meanwhile new mail waits.
    pub(crate) history_slice: Duration,
    look: Duration,
    began: Instant,
    /// Names this process as the holder of leases.
    pub(crate) lease_owner: Arc<str>,
}

impl EngineHandle {
    /// `lease_owner` differs for every process and start.
    pub fn new(services: Services, dialer: Dialer, lease_owner: String) -> Self {
        EngineHandle {
            services,
            dialer,
            progress: ProgressBoard::default(),
            history_slice: HISTORY_SLICE,
            look: LOOK,
            began: Instant::now(),
            images: Arc::new(Semaphore::new(IMAGES_AT_ONCE)),
            places: Places::default(),
            leases: Leases::default(),
            looked_at: Arc::default(),
            wakers: Arc::default(),
            lease_owner: lease_owner.into(),
        }
    }

    /// For tests: the least is a thousand messages.
    pub fn with_history_slice(self, history_slice: Duration) -> Self {
        EngineHandle {
            history_slice,
            ..self
        }
    }

    /// For tests: how often the server is asked what it counts.
    pub fn with_look(self, look: Duration) -> Self {
        EngineHandle { look, ..self }
    }

    /// Test connection and Load: signs in with what is given, lists the folders, changes nothing.
    pub async fn probe(&self, credentials: ImapCredentials) -> ProbeResult {
        probe_imap(&self.dialer, credentials).await
    }

    /// Test connection of the SMTP card.
    pub async fn probe_smtp(&self, credentials: SmtpCredentials) -> ProbeResult {
        probe_smtp(&self.dialer, credentials).await
    }

    /// How much old mail there is since `day`, by the settings as they are stored.
    pub async fn preview_history(
        &self,
        account: &MailAccount,
        day: Date,
    ) -> Result<HistoryPreview, EngineError> {
        let credentials = self.services.credentials_for_engine(account).await?;
        let credentials = credentials.ok_or(EngineError::NotSetUp)?;
        Ok(preview_history(&self.dialer, credentials, day).await?)
    }

    /// A remote image, for a reader who asked for it. A few at a time: a page may name thousands.
    pub async fn fetch_image(&self, url: &str) -> Result<RemoteImage, WireError> {
        let _place = self.images.acquire().await;
        wire::fetch_image(&self.dialer, url).await
    }

    pub fn progress(&self, account: MailAccountId) -> Option<Progress> {
        self.progress.get(account)
    }

    /// Sync now: an account that waits looks at once.
    pub fn wake(&self, account: MailAccountId) {
        self.waker(account).notify_one();
    }

    /// Syncs an account to the end and returns, under the same lease as `serve`.
    pub async fn sync_once(&self, account: &MailAccount) -> Result<IntakeReport, EngineError> {
        account_task::sync_once(self, account).await
    }

    /// Compares everything with the server and fetches what is missing, under the same lease as `serve`.
    pub async fn audit_once(&self, account: &MailAccount) -> Result<Vec<FolderAudit>, EngineError> {
        account_task::audit_once(self, account).await
    }

    /// When an account that looks now looks again.
    pub(crate) fn next_look(&self) -> Instant {
        let part = (self.look / LOOKS_PARTS).as_micros().max(1);
        let parts = (self.began.elapsed() + self.look).as_micros().div_ceil(part);
        self.began + Duration::from_micros((parts * part) as u64)
    }

    pub(crate) fn has_looked_at(&self, account: MailAccountId) {
        if let Ok(mut looked_at) = self.looked_at.lock() {
            looked_at.insert(account);
        }
    }

    pub(crate) fn take_looked_at(&self) -> Vec<MailAccountId> {
        let looked_at = self.looked_at.lock();
        looked_at.map_or_else(|_| Vec::new(), |mut looked_at| looked_at.drain().collect())
    }

    pub(crate) fn waker(&self, account: MailAccountId) -> Arc<Notify> {
        match self.wakers.lock() {
            Ok(mut wakers) => wakers.entry(account).or_default().clone(),
            Err(_) => Arc::default(),
        }
    }
}
