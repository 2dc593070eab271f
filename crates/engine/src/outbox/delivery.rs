//! What one connection does: a message after the other, each claimed when its turn comes.
//!
//! Stop after any line: a message is sent again only if it cannot have gone. `data_sent` is committed before the final
//! dot; what was lost after it is unknown, and a person or the Sent folder says what became of it.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::SmtpAuth;
use service::ServiceError;
use service::delivery::AttemptReport;
use service::delivery::EndedAttempt;
use service::delivery::Outgoing;
use service::delivery::SENDING_LEASE;
use service::delivery::Sender;
use service::delivery::SmtpCredentials;
use tokio::time::Instant;
use tokio::time::interval_at;
use tokio::time::sleep;
use tracing::warn;
use wire::Kind;
use wire::Letter;
use wire::MailService;
use wire::SmtpSession;
use wire::SmtpTarget;
use wire::StepLog;
use wire::Submission;
use wire::WireError;

use super::idle::IdleSessions;
use super::report;
use super::report::later;
use super::report::words;
use crate::EngineHandle;
use crate::backoff::jitter;

/// What became of a message is known only here: it is stored as soon as the database takes it.
const STORE_AGAIN: Duration = Duration::from_secs(1);
const STORE_AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// What the account signs in with, or why it cannot.
pub type Credentials = Result<SmtpCredentials, &'static str>;

/// The entry that a connection has in its hands: whoever finds it there after the connection's end lets go of it.
pub type InHand = Arc<Mutex<Option<Outgoing>>>;

/// All that is due of one account.
pub struct Delivery {
    pub handle: EngineHandle,
    pub account: MailAccountId,
    pub credentials: Credentials,
    pub idle: IdleSessions,
    pub in_hand: InHand,
}

impl Delivery {
    /// Begins with `first`; ends when nothing more of the account is due, or may go.
    pub async fn run(self, first: Outgoing) {
        let settings = self.credentials.as_ref().ok().map(|found| &found.settings);
        let mut session = settings.and_then(|settings| self.idle.take(self.account, settings));
        let mut next = Some(first);
        while let Some(outgoing) = next.take() {
            self.hold(Some(outgoing.clone()));
            let report = self.attempt(&mut session, &outgoing).await;
            next = match report {
                Some(report) => self.store(outgoing, report).await,
                None => None,
            };
            self.hold(None);
        }
        if let (Some(session), Some(settings)) = (session, settings) {
            self.idle.put(self.account, settings.clone(), session);
        }
    }

    fn hold(&self, outgoing: Option<Outgoing>) {
        if let Ok(mut in_hand) = self.in_hand.lock() {
            *in_hand = outgoing;
        }
    }

    /// No report: somebody else holds the entry.
    async fn attempt(&self, session: &mut Option<SmtpSession>, outgoing: &Outgoing) -> Option<AttemptReport> {
        let credentials = match &self.credentials {
            Ok(credentials) => credentials,
            Err(why) => return Some(later((*why).into())),
        };
        // A connection that was silent for a while may be gone, and nobody has the message then.
        if let Some(kept) = session.take() {
            let submission = self.submit(kept, session, outgoing).await;
            if !is_gone(&submission) {
                return report::report(outgoing, submission);
            }
        }
        match self.connect(credentials).await {
            Ok(new) => report::report(outgoing, self.submit(new, session, outgoing).await),
            Err(why) => Some(later(why)),
        }
    }

    /// Error: why not, for the Outbox page.
    async fn connect(&self, credentials: &SmtpCredentials) -> Result<SmtpSession, String> {
        if credentials.settings.auth != SmtpAuth::Xoauth2 {
            return connect(&self.handle, credentials)
                .await
                .map_err(|error| words(&error));
        }
        // A token may have ended since the first message.
        let fresh = super::credentials(&self.handle, self.account).await?;
        let connected = connect(&self.handle, &fresh).await;
        if let Err(error) = &connected
            && error.kind == Kind::TokenRefused
            && let Err(error) = self.handle.services.access_token_refused(self.account).await
        {
            warn!(mail_account.id = %self.account, %error, "A refused token could not be marked");
        }
        connected.map_err(|error| format!("{} {}", words(&error), error.kind.advice(MailService::Smtp)))
    }

    /// Over `open`, which becomes the connection that is kept if it goes on.
    async fn submit(
        &self,
        mut open: SmtpSession,
        kept: &mut Option<SmtpSession>,
        outgoing: &Outgoing,
    ) -> Submission {
        let services = &self.handle.services;
        let body = match services.read_outgoing(outgoing).await {
            Ok(body) => body,
            Err(error) => {
                warn!(message.id = %outgoing.message(), %error, "A message could not be read to be sent");
                *kept = Some(open);
                return Submission::Unreadable;
            }
        };
        let letter = Letter {
            from: outgoing.envelope_from(),
            recipients: outgoing.recipients(),
            size_bytes: outgoing.size_bytes(),
            body,
        };
        let before_dot = async { services.data_sent(outgoing).await.is_ok() };
        // Both are polled until the message is out: neither holds the database while it stands still.
        let submission = tokio::select! {
            submission = open.submit(letter, before_dot) => submission,
            never = self.renew(outgoing) => never,
        };
        let is_whole = matches!(submission, Submission::Taken { .. } | Submission::Refused { .. });
        if is_whole && open.goes_on() {
            *kept = Some(open);
        }
        submission
    }

    /// For as long as it takes: a large message on a slow line takes longer than any lease. Never ends; without it
    /// `data_sent` is refused.
    async fn renew<T>(&self, outgoing: &Outgoing) -> T {
        let mut ticks = interval_at(Instant::now() + SENDING_LEASE / 3, SENDING_LEASE / 3);
        loop {
            ticks.tick().await;
            if let Err(error) = self.handle.services.renew_outgoing(outgoing).await {
                warn!(message.id = %outgoing.message(), %error, "The hold on a message could not be renewed");
            }
        }
    }

    /// Until it is stored; then the next one that is due.
    async fn store(&self, outgoing: Outgoing, report: AttemptReport) -> Option<Outgoing> {
        metrics::counter!("waxseal_outbox_attempts_total", "outcome" => report::name(&report.attempt))
            .increment(1);
        let ended = EndedAttempt {
            outgoing,
            report,
            jitter: jitter(),
        };
        let mut wait = STORE_AGAIN;
        loop {
            let next = self.sender();
            match self.handle.services.attempt_ended(&ended, Some(next)).await {
                Ok(next) => return next,
                Err(error) => self.not_stored(&ended, &error),
            }
            sleep(wait).await;
            wait = (wait * 2).min(STORE_AGAIN_AT_MOST);
        }
    }

    fn not_stored(&self, ended: &EndedAttempt, error: &ServiceError) {
        warn!(message.id = %ended.outgoing.message(), %error, "The outcome of an attempt could not be stored yet");
    }

    fn sender(&self) -> Sender<'_> {
        Sender {
            owner: &self.handle.lease_owner,
            account: self.account,
            settings: self.credentials.as_ref().ok().map(|found| &found.settings),
        }
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

/// Nobody has the message, and a new connection may take it: 421 is also said to whoever was silent for too long
/// (RFC 5321 §3.8).
fn is_gone(submission: &Submission) -> bool {
    match submission {
        Submission::LostBefore(_) => true,
        Submission::Refused { reply, .. } => reply.code == 421,
        _ => false,
    }
}
