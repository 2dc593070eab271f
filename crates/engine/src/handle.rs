//! What the rest of the process may ask of the engine.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use domain::EmailAddress;
use domain::MailAccountId;
use domain::account::AccountState;
use domain::preset::Presets;
use jiff::civil::Date;
use service::Services;
use service::accounts::ImapCredentials;
use service::accounts::MailAccount;
use service::audits::FolderAudit;
use service::delivery::SmtpCredentials;
use service::intake::IntakeReport;
use service::mailbox_sign_in::TokenState;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wire::Dialer;
use wire::ImapSession;
use wire::Kind;
use wire::RemoteImage;
use wire::StepLog;
use wire::WireError;
use wire::discovery::Discovery;
use wire::discovery::Ports;
use wire::discovery::discover;

use crate::EngineError;
use crate::account_task;
use crate::backoff::FIRST;
use crate::history_preview::HistoryPreview;
use crate::history_preview::preview_history;
use crate::leases::Leases;
use crate::patience::Patience;
use crate::places::Places;
use crate::probe::ProbeResult;
use crate::probe::probe_imap;
use crate::probe::probe_smtp;
use crate::probe::target;
use crate::progress::Progress;
use crate::progress::ProgressBoard;
use crate::tokens;
use crate::tokens::Flights;

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
    presets: Arc<Presets>,
    pub(crate) progress: ProgressBoard,
    images: Arc<Semaphore>,
    pub(crate) places: Places,
    pub(crate) leases: Leases,
    /// Looked at since it was last written down; most of the time nothing else is to be written of an account.
    looked_at: Arc<Mutex<HashSet<MailAccountId>>>,
    wakers: Arc<Mutex<HashMap<MailAccountId, Arc<Notify>>>>,
    patience: Arc<Mutex<HashMap<MailAccountId, Arc<Patience>>>>,
    /// How long is waited after a first failure, of an account or of a task.
    pub(crate) first_wait: Duration,
    /// Old mail is fetched for so long at a time; meanwhile new mail waits.
    pub(crate) history_slice: Duration,
    look: Duration,
    began: Instant,
    /// Names this process as the holder of leases.
    pub(crate) lease_owner: Arc<str>,
    pub(crate) flights: Flights,
    /// How often is looked for tokens that are to be refreshed.
    pub(crate) token_look: Duration,
}

impl EngineHandle {
    /// `lease_owner` differs for every process and start.
    pub fn new(services: Services, dialer: Dialer, lease_owner: String) -> Self {
        EngineHandle {
            services,
            dialer,
            presets: Arc::default(),
            progress: ProgressBoard::default(),
            history_slice: HISTORY_SLICE,
            look: LOOK,
            began: Instant::now(),
            images: Arc::new(Semaphore::new(IMAGES_AT_ONCE)),
            places: Places::default(),
            leases: Leases::default(),
            looked_at: Arc::default(),
            wakers: Arc::default(),
            patience: Arc::default(),
            first_wait: FIRST,
            lease_owner: lease_owner.into(),
            flights: Flights::default(),
            token_look: tokens::LOOK,
        }
    }

    /// Servers that the operator has written down.
    pub fn with_presets(self, presets: Presets) -> Self {
        EngineHandle {
            presets: Arc::new(presets),
            ..self
        }
    }

    /// For tests: the least is a thousand messages.
    pub fn with_history_slice(self, history_slice: Duration) -> Self {
        EngineHandle {
            history_slice,
            ..self
        }
    }

    /// For tests: how long is waited after a first failure.
    pub fn with_first_wait(self, first_wait: Duration) -> Self {
        EngineHandle { first_wait, ..self }
    }

    /// For tests: how often the server is asked what it counts.
    pub fn with_look(self, look: Duration) -> Self {
        EngineHandle { look, ..self }
    }

    /// For tests: how often is looked for tokens that are to be refreshed.
    pub fn with_token_look(self, token_look: Duration) -> Self {
        EngineHandle { token_look, ..self }
    }

    /// Test connection and Load: signs in with what is given, lists the folders, changes nothing.
    pub async fn probe(&self, credentials: ImapCredentials) -> ProbeResult {
        probe_imap(&self.dialer, credentials).await
    }

    /// Test connection of the SMTP card.
    pub async fn probe_smtp(&self, credentials: SmtpCredentials) -> ProbeResult {
        probe_smtp(&self.dialer, credentials).await
    }

    /// Test connection with what is stored: see [`tokens::keep_fresh`].
    pub async fn keep_token_fresh(&self, account: MailAccountId) -> Result<(), EngineError> {
        tokens::keep_fresh(self, account).await
    }

    /// Which servers an address has.
    pub async fn discover(&self, address: &EmailAddress) -> Discovery {
        discover(&self.dialer, &self.presets, address, Ports::default()).await
    }

    /// With what is stored.
    pub(crate) async fn connect_imap(&self, account: &MailAccount) -> Result<ImapSession, EngineError> {
        self.keep_token_fresh(account.id).await?;
        let credentials = self.services.credentials_for_engine(account).await?;
        let target = match credentials {
            Some(credentials) => target(credentials),
            None => return Err(self.nothing_to_sign_in_with(account.id).await?),
        };
        let connected = ImapSession::connect(&self.dialer, &target, &mut StepLog::default()).await;
        if let Err(error) = &connected
            && error.kind == Kind::TokenRefused
        {
            self.services.access_token_refused(account.id).await?;
        }
        Ok(connected?)
    }

    async fn nothing_to_sign_in_with(&self, account: MailAccountId) -> Result<EngineError, EngineError> {
        const CHANGED: &str = "The server or the user name is another one since.";
        Ok(match self.services.token_state(account).await? {
            TokenState::None => EngineError::NotSetUp,
            _ => EngineError::SignInAgain(CHANGED.into()),
        })
    }

    /// How much old mail there is since `day`, by the settings as they are stored.
    pub async fn preview_history(
        &self,
        account: &MailAccount,
        day: Date,
    ) -> Result<HistoryPreview, EngineError> {
        self.keep_token_fresh(account.id).await?;
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

    /// Something is to be done in the mailbox: an account that is connected looks at once.
    pub fn wake(&self, account: MailAccountId) {
        self.waker(account).notify_one();
    }

    /// Sync now, or another sign-in: an account that waits after a failure tries at once, too.
    pub fn try_now(&self, account: MailAccountId) {
        self.patience(account).try_now();
        self.wake(account);
    }

    pub(crate) fn patience(&self, account: MailAccountId) -> Arc<Patience> {
        self.patience_after(account, AccountState::Off)
    }

    /// `state`: in which an earlier process has left it.
    pub(crate) fn patience_after(&self, account: MailAccountId, state: AccountState) -> Arc<Patience> {
        let was_refused = matches!(state, AccountState::LoginRefused | AccountState::SignInAgain);
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = patience.entry(account);
        of_account
            .or_insert_with(|| Arc::new(Patience::new(self.first_wait, was_refused)))
            .clone()
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
