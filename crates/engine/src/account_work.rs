//! What all work on one account shares, on whichever of its two connections.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use domain::account::AccountState;
use domain::provider::provider_of_server;
use domain::rules::history::may_have_own_connection;
use service::ServiceError;
use service::accounts::MailAccount;
use service::intake::IntakeReport;
use service::intake::WrittenBatch;
use service::sync::Lease;
use tokio::sync::Notify;
use wire::ImapSession;

use crate::EngineError;
use crate::EngineHandle;
use crate::places::Place;

/// What an owner is told beside [`AccountState::Connected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    Folder,
    OldMail,
}

pub struct AccountWork<'a> {
    pub handle: &'a EngineHandle,
    pub lease: &'a Lease,
    pub account: &'a MailAccount,
    /// Two commits at once could both find the same message new.
    committing: &'a tokio::sync::Mutex<()>,
    /// What waits or has to be mended while the rest goes on.
    problems: Mutex<BTreeMap<Problem, String>>,
    has_one_connection: AtomicBool,
    /// Old mail may be left to be fetched.
    pub look_for_old_mail: Notify,
}

impl<'a> AccountWork<'a> {
    pub fn new(
        handle: &'a EngineHandle,
        lease: &'a Lease,
        account: &'a MailAccount,
        committing: &'a tokio::sync::Mutex<()>,
    ) -> Self {
        let provider = account
            .imap
            .as_ref()
            .and_then(|imap| provider_of_server(&imap.server));
        let may_have_two = may_have_own_connection(provider.and_then(|provider| provider.connections));
        AccountWork {
            handle,
            lease,
            account,
            committing,
            problems: Mutex::default(),
            has_one_connection: AtomicBool::new(!may_have_two),
            look_for_old_mail: Notify::new(),
        }
    }

    /// Held while signing in.
    pub async fn place_to_connect(&self) -> Place {
        // Empty where none is set up: then nothing is connected to either.
        let server = self.account.imap.as_ref().map(|imap| imap.server.as_str());
        self.handle.places.connect_to(server.unwrap_or_default()).await
    }

    pub async fn connect(&self) -> Result<ImapSession, EngineError> {
        self.handle.connect_imap(self.account).await
    }

    /// Old mail is fetched between the looks at new mail, because the server refuses a second connection, or because
    /// nobody waits for new mail.
    pub fn use_one_connection(&self) {
        self.has_one_connection.store(true, Ordering::Relaxed);
    }

    pub fn has_one_connection(&self) -> bool {
        self.has_one_connection.load(Ordering::Relaxed)
    }

    pub async fn commit(&self, batch: WrittenBatch<'_>) -> Result<IntakeReport, ServiceError> {
        let _turn = self.committing.lock().await;
        self.handle.services.commit(batch).await
    }

    pub async fn set_state(&self, state: AccountState) -> Result<(), ServiceError> {
        let problems = match state {
            AccountState::Connected => self.problems(),
            _ => None,
        };
        let services = &self.handle.services;
        services
            .set_account_state(self.account.id, state, problems.as_deref(), None)
            .await
    }

    /// Told with the next [`AccountState::Connected`], until it is over.
    pub fn set_problem(&self, problem: Problem, text: Option<String>) {
        if let Ok(mut problems) = self.problems.lock() {
            match text {
                Some(text) => problems.insert(problem, text),
                None => problems.remove(&problem),
            };
        }
    }

    fn problems(&self) -> Option<String> {
        let problems = self.problems.lock().ok()?;
        let texts: Vec<_> = problems.values().map(String::as_str).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    }
}
