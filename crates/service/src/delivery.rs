//! What the engine asks for to carry the outbox out.

use std::time::Duration;

use bytes::Bytes;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::folder::RemoteOperation;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::outbox::SentCopy;
use domain::rules::delivery::Attempt;
use domain::rules::delivery::NextStep;
use domain::rules::delivery::next_step;
use domain::rules::delivery::per_minute_limit;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::STAFF_MAIL;
use domain::system_mail::is_system;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::Tx;
use store::accounts::MailAccount;
use store::drafts;
use store::messages;
use store::outbox;
use store::outbox::Claimed;
use store::outbox::DueCopy;
use store::outbox::Outcome;
use store::settings;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::accounts::check_smtp;
use crate::backup::HOLD;
use crate::backup::Hold;

/// Longer than any one submission takes.
pub const SENDING_LEASE: Duration = Duration::from_secs(15 * 60);
const MAX_COPY_ATTEMPTS: u32 = 10;
const SOON: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// An entry to be handed over, and its bytes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    claimed: Claimed,
    pub raw: Bytes,
}

impl Outgoing {
    pub fn message(&self) -> MessageId {
        self.claimed.message
    }

    pub fn account(&self) -> MailAccountId {
        self.claimed.account
    }

    pub fn envelope_from(&self) -> &str {
        &self.claimed.envelope_from
    }

    pub fn recipients(&self) -> &[EmailAddress] {
        &self.claimed.recipients
    }
}

/// What an attempt came to, with the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptReport {
    pub attempt: Attempt,
    pub said: Option<String>,
    pub recipients: Vec<(EmailAddress, RecipientState, Option<String>)>,
}

/// An attempt whose outcome is not stored yet.
#[derive(Clone, Debug)]
pub struct EndedAttempt {
    pub outgoing: Outgoing,
    pub report: AttemptReport,
    /// From 0 to 1.
    pub jitter: f64,
}

/// How many messages an account may hand over just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    UpTo(u32),
    /// The limit is reached; the next may go then.
    NoneUntil(Timestamp),
}

#[derive(Clone, Debug)]
pub struct SmtpCredentials {
    pub settings: SmtpSettings,
    pub username: String,
    /// `None`: none is stored, or none is needed.
    pub password: Option<SecretString>,
}

/// A copy that is to be put into the Sent folder.
#[derive(Clone, Debug)]
pub struct SentCopyToMake {
    pub message: MessageId,
    pub account: MailAccountId,
    pub internet_message_id: String,
    pub attempts: u32,
    /// With the Bcc line.
    pub raw: Bytes,
}

/// As a holder of leases on entries: one for each process.
pub(crate) fn worker_name(owner: &str) -> String {
    format!("{owner} outbox")
}

fn limits(settings: &SmtpSettings) -> impl Iterator<Item = (u32, Duration)> {
    let hourly = (settings.limit_per_hour > 0).then_some((settings.limit_per_hour, HOUR));
    let provider = per_minute_limit(&settings.server).map(|limit| (limit, MINUTE));
    hourly.into_iter().chain(provider)
}

/// Whoever accepted it in an earlier attempt has it, whatever became of the others now.
fn with_earlier(attempt: Attempt, claimed: &Claimed) -> Attempt {
    let earlier = claimed.accepted as usize;
    match attempt {
        Attempt::Taken { later, accepted } => Attempt::Taken {
            later,
            accepted: accepted + earlier,
        },
        Attempt::Refused if earlier > 0 => Attempt::Taken {
            later: 0,
            accepted: earlier,
        },
        Attempt::Later if earlier > 0 => Attempt::Taken {
            later: claimed.recipients.len(),
            accepted: earlier,
        },
        other => other,
    }
}

impl Services {
    /// Entries of one account that are due, held for [`SENDING_LEASE`].
    pub async fn claim_outgoing(
        &self,
        owner: &str,
        busy: &[MailAccountId],
        limit: u32,
    ) -> Result<Vec<Outgoing>, ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        let said = "The connection was lost before the server answered.";
        let mut ended = outbox::mark_lost(&mut tx, now, said).await?;
        let said = "Its time was over before it could be sent.";
        let expired = outbox::mark_expired(&mut tx, now, said).await?;
        for (_, message) in expired.iter().filter(|(account, _)| *account == STAFF_MAIL) {
            messages::forget_content(&mut tx, *message).await?;
        }
        ended.extend(expired);
        let claimed = match settings::find::<Hold>(&mut tx, HOLD).await? {
            Some(_) => Vec::new(),
            None => {
                let (worker, until) = (worker_name(owner), now.plus(SENDING_LEASE));
                outbox::claim(&mut tx, &worker, until, busy, limit, now).await?
            }
        };
        tx.commit().await?;
        for (account, message) in ended {
            self.events.publish(Event::MessageChanged { account, message });
        }
        let mut outgoing = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let raw = self.blobs.read(&claimed.raw).await?;
            self.publish_outgoing(&claimed);
            outgoing.push(Outgoing { claimed, raw });
        }
        Ok(outgoing)
    }

    /// When there is something to send again; `None`: nothing waits.
    pub async fn next_outgoing_at(&self) -> Result<Option<Timestamp>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(outbox::next_due(&mut conn).await?)
    }

    /// What the server's limit and the owner's ("Emails limit per hour") leave of `claimed` entries, by what went
    /// within the last minute and hour, or is on its way.
    pub async fn sending_allowance(
        &self,
        account: MailAccountId,
        settings: &SmtpSettings,
        claimed: u32,
    ) -> Result<Allowance, ServiceError> {
        let mut conn = self.db.read().await?;
        let now = self.now();
        let mut left = claimed;
        // System mail has one limit.
        let both = [CUSTOMER_MAIL, STAFF_MAIL];
        let one = [account];
        let counted: &[_] = if is_system(account) { &both } else { &one };
        for (limit, window) in limits(settings) {
            let went = outbox::went_since(&mut conn, counted, now.minus(window)).await?;
            let others = went.count.saturating_sub(claimed);
            match limit.saturating_sub(others) {
                0 => {
                    // With nothing but what is on its way, that decides soon.
                    let until = went.first.map_or(now.plus(SOON), |first| first.plus(window));
                    return Ok(Allowance::NoneUntil(until));
                }
                more => left = left.min(more),
            }
        }
        Ok(Allowance::UpTo(left))
    }

    /// Committed before the final dot, in one with the outcome of the message before on this connection.
    /// [`ServiceError::LeaseLost`]: the dot must not be sent. After an error the outcome is not stored.
    pub async fn data_sent(
        &self,
        outgoing: &Outgoing,
        before: Option<&EndedAttempt>,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if let Some(ended) = before {
            self.store_outcome(&mut tx, ended).await?;
        }
        if !outbox::data_sent(&mut tx, &outgoing.claimed, self.now()).await? {
            return Err(ServiceError::LeaseLost);
        }
        tx.commit().await?;
        if let Some(ended) = before {
            self.publish_outgoing(&ended.outgoing.claimed);
        }
        Ok(())
    }

    pub async fn attempt_ended(&self, ended: &EndedAttempt) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !self.store_outcome(&mut tx, ended).await? {
            return Err(ServiceError::LeaseLost);
        }
        tx.commit().await?;
        self.publish_outgoing(&ended.outgoing.claimed);
        Ok(())
    }

    /// False: somebody else holds the entry now.
    async fn store_outcome(&self, tx: &mut Tx, ended: &EndedAttempt) -> Result<bool, ServiceError> {
        let (claimed, report, now) = (&ended.outgoing.claimed, &ended.report, self.now());
        let attempt = with_earlier(report.attempt.clone(), claimed);
        let next = next_step(&attempt, claimed.attempts, now, claimed.expires_at, ended.jitter);
        let (state, due_at) = match next {
            NextStep::Done => (OutboxState::Sent, now),
            NextStep::RetryAt(at) => (OutboxState::Retrying, at),
            NextStep::Failed => (OutboxState::Failed, now),
            NextStep::Expired => (OutboxState::Expired, now),
            NextStep::Unknown => (OutboxState::Unknown, now),
        };
        let outcome = Outcome {
            state,
            due_at,
            said: report.said.clone(),
            recipients: report.recipients.clone(),
        };
        if !outbox::finish(tx, claimed, &outcome, now).await? {
            return Ok(false);
        }
        if state == OutboxState::Sent {
            drafts::forget(tx, claimed.message).await?;
            self.mark_answered(tx, claimed).await?;
        }
        let is_over = matches!(
            state,
            OutboxState::Sent | OutboxState::Failed | OutboxState::Expired
        );
        if is_over && claimed.account == STAFF_MAIL {
            // A link to sign in is in nobody's copy of the database once it has gone.
            messages::forget_content(tx, claimed.message).await?;
        }
        Ok(true)
    }

    /// In the mailbox, where flags go both ways.
    async fn mark_answered(&self, tx: &mut Tx, claimed: &Claimed) -> Result<(), ServiceError> {
        let Some(answered) = claimed.answers else {
            return Ok(());
        };
        if self.flags_go_both_ways(tx, claimed.account).await? {
            let operation = RemoteOperation::MarkAnswered;
            self.ask_remotely(tx, claimed.account, answered, operation, self.now())
                .await?;
            self.publish_asked(claimed.account);
        }
        Ok(())
    }

    /// Nothing was tried; it waits, and why is on the Outbox page.
    pub async fn put_back(
        &self,
        outgoing: &Outgoing,
        until: Timestamp,
        said: &str,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::put_back(&mut tx, &outgoing.claimed, until, said).await?;
        tx.commit().await?;
        self.publish_outgoing(&outgoing.claimed);
        Ok(())
    }

    fn publish_outgoing(&self, claimed: &Claimed) {
        self.events.publish(Event::MessageChanged {
            account: claimed.account,
            message: claimed.message,
        });
    }

    /// The worker has ended: what it still holds is looked at again at once.
    pub async fn release_outgoing(&self, owner: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::expire_of(&mut tx, &worker_name(owner)).await?;
        Ok(tx.commit().await?)
    }

    /// What the outbox signs in with for an account. Inner error: why it cannot, and what to do.
    pub async fn credentials_to_send(
        &self,
        id: MailAccountId,
    ) -> Result<Result<SmtpCredentials, &'static str>, ServiceError> {
        const NOT_SET_UP: &str = "Sending is not set up for this account, or its password is missing: see Email account, SMTP settings.";
        const SYSTEM_OFF: &str = "System e-mail is off, or its password is missing: see Config, Email.";
        if is_system(id) {
            return Ok(self.system_credentials().await?.ok_or(SYSTEM_OFF));
        }
        let account = self.get_account_for_engine(id).await?;
        let Some(smtp) = account.smtp.as_ref().filter(|smtp| smtp.enabled) else {
            return Ok(Err(NOT_SET_UP));
        };
        if smtp.use_system {
            if let Err(why) = self.system_sender(smtp).await? {
                return Ok(Err(why));
            }
            let system = self.system_credentials().await?;
            // The owner's own limit; the system's is for system mail.
            let limit_per_hour = smtp.limit_per_hour;
            return Ok(system
                .map(|found| SmtpCredentials {
                    settings: SmtpSettings {
                        limit_per_hour,
                        ..found.settings
                    },
                    ..found
                })
                .ok_or(SYSTEM_OFF));
        }
        let found = self.smtp_credentials(&account, None, None).await?;
        let is_complete =
            |found: &SmtpCredentials| found.password.is_some() || found.settings.auth == SmtpAuth::None;
        Ok(found.filter(is_complete).ok_or(NOT_SET_UP))
    }

    /// What Test connection signs in with. Owner only.
    pub async fn smtp_credentials_to_test(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        settings: SmtpSettings,
        typed: Option<SecretString>,
    ) -> Result<SmtpCredentials, ServiceError> {
        let account = self.get_own_account(viewer, id).await?;
        let settings = check_smtp(SmtpSettings {
            enabled: true,
            ..settings
        })?;
        let typed = typed.filter(|typed| !typed.expose_secret().is_empty());
        let found = self.smtp_credentials(&account, Some(settings), typed).await?;
        let found = found.ok_or(ServiceError::NotFound)?;
        if found.password.is_none() && found.settings.auth != SmtpAuth::None {
            return Err(ServiceError::field(
                "password",
                "Type the password: the stored one is for other settings.",
            ));
        }
        Ok(found)
    }

    /// With the form's values, or as they are stored; the stored password only for what it was given for. `None`:
    /// SMTP is not set up.
    pub async fn smtp_credentials(
        &self,
        account: &MailAccount,
        settings: Option<SmtpSettings>,
        typed: Option<SecretString>,
    ) -> Result<Option<SmtpCredentials>, ServiceError> {
        let Some(settings) = settings.or_else(|| account.smtp.clone()) else {
            return Ok(None);
        };
        let username = match settings.username.as_deref().map(str::trim) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => account.login_name().to_owned(),
        };
        let password = match (settings.auth, typed) {
            (SmtpAuth::None, _) => None,
            (_, Some(typed)) => Some(typed),
            (_, None) => self.open_smtp_password(account, &settings).await?,
        };
        Ok(Some(SmtpCredentials {
            settings,
            username,
            password,
        }))
    }

    /// Up to `limit` copies that are still to be made.
    pub async fn list_sent_copies_to_make(&self, limit: u32) -> Result<Vec<SentCopyToMake>, ServiceError> {
        let mut conn = self.db.read().await?;
        let due = outbox::list_due_copies_for_engine(&mut conn, limit).await?;
        let mut copies = Vec::with_capacity(due.len());
        for copy in due {
            let bcc = messages::bcc_for_engine(&mut conn, copy.message).await?;
            copies.push(self.sent_copy(copy, bcc).await?);
        }
        Ok(copies)
    }

    async fn sent_copy(
        &self,
        copy: DueCopy,
        bcc: Vec<(String, EmailAddress)>,
    ) -> Result<SentCopyToMake, ServiceError> {
        let mailboxes: Vec<_> = bcc
            .into_iter()
            .map(|(name, address)| mime::Mailbox {
                name: domain::CleanText::new(&name),
                address,
            })
            .collect();
        let raw = self.blobs.read(&copy.raw).await?;
        let field = mime::bcc_field(&mailboxes);
        Ok(SentCopyToMake {
            message: copy.message,
            account: copy.account,
            internet_message_id: copy.internet_message_id,
            attempts: copy.attempts,
            raw: [field.as_slice(), &raw].concat().into(),
        })
    }

    pub async fn sent_copy_made(&self, copy: &SentCopyToMake) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::set_sent_copy(&mut tx, copy.message, SentCopy::Done).await?;
        tx.commit().await?;
        self.events.publish(Event::MessageChanged {
            account: copy.account,
            message: copy.message,
        });
        Ok(())
    }

    /// Counted before it is tried; after many it is given up, and the Outbox page says so. True: try.
    pub async fn begin_sent_copy(&self, copy: &SentCopyToMake) -> Result<bool, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let goes_on = copy.attempts < MAX_COPY_ATTEMPTS;
        match goes_on {
            true => outbox::count_copy_attempt(&mut tx, copy.message).await?,
            false => outbox::set_sent_copy(&mut tx, copy.message, SentCopy::Failed).await?,
        }
        tx.commit().await?;
        Ok(goes_on)
    }
}
