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
use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::Tx;
use store::accounts;
use store::accounts::MailAccount;
use store::drafts;
use store::lease::Leased as _;
use store::messages;
use store::outbox;
use store::outbox::Claimed;
use store::outbox::DueCopy;
use store::outbox::Outcome;
use store::settings;
use tracing::warn;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::accounts::check_smtp;
use crate::backup::HOLD;
use crate::backup::Hold;

/// How long an entry is held unless that is renewed.
pub const SENDING_LEASE: Duration = Claimed::TIME;
const MAX_COPY_ATTEMPTS: u32 = 10;
/// Longer than one copy takes to make; what failed waits so long too.
const COPY_AGAIN: Duration = Duration::from_secs(5 * 60);
const LIMITED: &str =
    "Only so many messages an hour or a minute are sent for this account; this one is next.";
const SOON: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// An entry to be handed over, which this worker alone holds. Its bytes are read as they go.
#[derive(Clone, Debug)]
pub struct Outgoing {
    claimed: Claimed,
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

    pub fn size_bytes(&self) -> u64 {
        self.claimed.raw.length
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

/// Who asks for entries, and what limits the account whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// Names the process.
    pub owner: &'a str,
    pub account: MailAccountId,
    /// `None`: nothing can be sent, and each entry is told why.
    pub settings: Option<&'a SmtpSettings>,
}

/// What is next of an account.
enum Next {
    Claimed(Claimed),
    /// A limit is reached: these wait now.
    HeldBack(Vec<MessageId>),
    Nothing,
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
pub struct SentCopyToMake(DueCopy);

impl SentCopyToMake {
    pub fn account(&self) -> MailAccountId {
        self.0.account
    }

    pub fn message(&self) -> MessageId {
        self.0.message
    }

    pub fn internet_message_id(&self) -> &str {
        &self.0.internet_message_id
    }
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
        Attempt::Taken {
            later,
            accepted,
            is_full,
        } => Attempt::Taken {
            later,
            accepted: accepted + earlier,
            is_full,
        },
        Attempt::Refused if earlier > 0 => Attempt::Taken {
            later: 0,
            accepted: earlier,
            is_full: false,
        },
        Attempt::Later if earlier > 0 => Attempt::Taken {
            later: claimed.recipients.len(),
            accepted: earlier,
            is_full: false,
        },
        other => other,
    }
}

impl Services {
    /// What time has ended: entries of workers that died around the final dot, those that ended the process whenever
    /// they were tried, and those that could not be sent in time.
    pub async fn settle_outgoing(&self) -> Result<(), ServiceError> {
        let now = self.now();
        let mut conn = self.db.read().await?;
        if !outbox::is_any_to_mark(&mut conn, now).await? {
            return Ok(());
        }
        drop(conn);
        let mut tx = self.db.begin_write().await?;
        let said = "The connection was lost before the server answered.";
        let mut ended = outbox::mark_lost(&mut tx, now, said).await?;
        let said = "Waxseal ended each time when it tried to send this message. Send it again, or tell the operator.";
        ended.extend(outbox::mark_deadly(&mut tx, now, said).await?);
        let said = "Its time was over before it could be sent.";
        let expired = outbox::mark_expired(&mut tx, now, said).await?;
        for (_, message) in expired.iter().filter(|(account, _)| *account == STAFF_MAIL) {
            messages::forget_content(&mut tx, *message).await?;
        }
        ended.extend(expired);
        tx.commit().await?;
        for (account, message) in ended {
            self.events.publish(Event::MessageChanged { account, message });
        }
        Ok(())
    }

    /// The account that has waited longest to send, but for those in `busy`.
    pub async fn next_account_to_send(
        &self,
        busy: &[MailAccountId],
    ) -> Result<Option<MailAccountId>, ServiceError> {
        let mut conn = self.db.read().await?;
        match settings::find::<Hold>(&mut conn, HOLD).await? {
            Some(_) => Ok(None),
            None => Ok(outbox::next_account(&mut conn, busy, self.now()).await?),
        }
    }

    /// The entry of an account that is due longest, if one may go now.
    pub async fn claim_outgoing(&self, sender: Sender<'_>) -> Result<Option<Outgoing>, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let next = self.claim_next(&mut tx, sender).await?;
        tx.commit().await?;
        Ok(self.begun(sender.account, next))
    }

    async fn claim_next(&self, tx: &mut Tx, sender: Sender<'_>) -> Result<Next, ServiceError> {
        if settings::find::<Hold>(tx, HOLD).await?.is_some() {
            return Ok(Next::Nothing);
        }
        let (now, account) = (self.now(), sender.account);
        if let Some(settings) = sender.settings
            && let Some(until) = self.limited_until(tx, account, settings).await?
        {
            let held_back = outbox::hold_back(tx, account, now, until, LIMITED).await?;
            return Ok(Next::HeldBack(held_back));
        }
        let claimed = outbox::claim(tx, &worker_name(sender.owner), account, now).await?;
        Ok(claimed.map_or(Next::Nothing, Next::Claimed))
    }

    /// Once that is committed.
    fn begun(&self, account: MailAccountId, next: Next) -> Option<Outgoing> {
        match next {
            Next::Claimed(claimed) => {
                self.publish_outgoing(&claimed);
                Some(Outgoing { claimed })
            }
            Next::HeldBack(messages) => {
                for message in messages {
                    self.events.publish(Event::MessageChanged { account, message });
                }
                None
            }
            Next::Nothing => None,
        }
    }

    /// The bytes of an entry, as they are to be handed over. An error comes before the first of them where the message
    /// cannot be read at all.
    pub async fn read_outgoing(
        &self,
        outgoing: &Outgoing,
    ) -> Result<impl Stream<Item = Result<Bytes, ServiceError>> + Send + use<>, ServiceError> {
        let mut pieces = Box::pin(
            self.blobs
                .stream(&outgoing.claimed.raw)
                .map_err(ServiceError::from),
        );
        let first = pieces.try_next().await?;
        Ok(futures_util::stream::iter(first.map(Ok)).chain(pieces))
    }

    /// While it is handed over.
    pub async fn renew_outgoing(&self, outgoing: &Outgoing) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        tx.hold(&outgoing.claimed, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// When there is something to send again; `None`: nothing waits.
    pub async fn next_outgoing_at(&self) -> Result<Option<Timestamp>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(outbox::next_due(&mut conn).await?)
    }

    /// Until when the server's limit or the owner's ("Emails limit per hour") lets nothing more go, by what went within
    /// the last minute and hour, or is on its way.
    async fn limited_until(
        &self,
        tx: &mut Tx,
        account: MailAccountId,
        settings: &SmtpSettings,
    ) -> Result<Option<Timestamp>, ServiceError> {
        let now = self.now();
        // System mail has one limit.
        let both = [CUSTOMER_MAIL, STAFF_MAIL];
        let one = [account];
        let counted: &[_] = if is_system(account) { &both } else { &one };
        for (limit, window) in limits(settings) {
            let went = outbox::went_since(tx, counted, now.minus(window)).await?;
            if went.count >= limit {
                // With nothing but what is on its way, that decides soon.
                let until = went.first.map_or(now.plus(SOON), |first| first.plus(window));
                return Ok(Some(until));
            }
        }
        Ok(None)
    }

    /// Committed before the final dot. [`ServiceError::LeaseLost`]: the dot must not be sent.
    pub async fn data_sent(&self, outgoing: &Outgoing) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(&outgoing.claimed, self.now()).await?;
        outbox::data_sent(&mut held, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Stores what became of an attempt, and claims the next entry in the same commit where one is wanted.
    pub async fn attempt_ended(
        &self,
        ended: &EndedAttempt,
        next: Option<Sender<'_>>,
    ) -> Result<Option<Outgoing>, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !self.store_outcome(&mut tx, ended).await? {
            warn!(message.id = %ended.outgoing.message(), "An outcome came too late: the message was sent anew");
        }
        let next = match next {
            Some(sender) => self.claim_next(&mut tx, sender).await?,
            None => Next::Nothing,
        };
        tx.commit().await?;
        self.publish_outgoing(&ended.outgoing.claimed);
        Ok(self.begun(ended.outgoing.account(), next))
    }

    /// False: it has been sent anew since.
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

    fn publish_outgoing(&self, claimed: &Claimed) {
        self.events.publish(Event::MessageChanged {
            account: claimed.account,
            message: claimed.message,
        });
    }

    /// Whoever had it has ended without a word: it is looked at again at once.
    pub async fn let_go_of(&self, outgoing: &Outgoing) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::let_go(&mut tx, &outgoing.claimed).await?;
        tx.commit().await?;
        self.events.publish(Event::OutboxChanged {
            account: outgoing.account(),
        });
        Ok(())
    }

    /// The worker has ended: what it still holds is looked at again at once.
    pub async fn release_outgoing(&self, owner: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::give_back_of(&mut tx, &worker_name(owner), self.now()).await?;
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
            (_, None) => {
                let mut conn = self.db.read().await?;
                self.open_smtp_password(&mut conn, account, &settings).await?
            }
        };
        Ok(Some(SmtpCredentials {
            settings,
            username,
            password,
        }))
    }

    /// Up to `limit` copies that are to be made now.
    pub async fn list_sent_copies_to_make(&self, limit: u32) -> Result<Vec<SentCopyToMake>, ServiceError> {
        let mut conn = self.db.read().await?;
        let due = outbox::list_due_copies_for_engine(&mut conn, self.now(), limit).await?;
        Ok(due.into_iter().map(SentCopyToMake).collect())
    }

    /// Counted before it is tried, and nobody else's for a while; after many tries it is given up, and the Outbox page
    /// says so. True: try.
    pub async fn begin_sent_copy(&self, copy: &SentCopyToMake) -> Result<bool, ServiceError> {
        let SentCopyToMake(due) = copy;
        let mut tx = self.db.begin_write().await?;
        let goes_on = match due.attempts < MAX_COPY_ATTEMPTS {
            true => outbox::begin_sent_copy(&mut tx, due, self.now().plus(COPY_AGAIN)).await?,
            false => {
                outbox::end_sent_copy(&mut tx, due.message, SentCopy::Failed).await?;
                false
            }
        };
        tx.commit().await?;
        if due.attempts >= MAX_COPY_ATTEMPTS {
            self.publish_copy(copy);
        }
        Ok(goes_on)
    }

    /// What is filed: the Bcc line, then the message as it went.
    pub async fn read_sent_copy(&self, copy: &SentCopyToMake) -> Result<[Bytes; 2], ServiceError> {
        let SentCopyToMake(due) = copy;
        let mut conn = self.db.read().await?;
        let bcc = messages::bcc_for_engine(&mut conn, due.message).await?;
        drop(conn);
        let mailboxes = bcc.into_iter().map(|(name, address)| mime::Mailbox {
            name: domain::CleanText::new(&name),
            address,
        });
        let field = mime::bcc_field(&mailboxes.collect::<Vec<_>>());
        Ok([field.into(), self.blobs.read(&due.raw).await?])
    }

    pub async fn sent_copy_made(&self, copy: &SentCopyToMake) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::end_sent_copy(&mut tx, copy.message(), SentCopy::Done).await?;
        tx.commit().await?;
        self.publish_copy(copy);
        Ok(())
    }

    /// Where there was none: it is looked at from now on, and its owner sees it among the settings.
    pub async fn sent_folder_made(&self, id: MailAccountId, name: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut account = accounts::find(&mut tx, id).await?.ok_or(ServiceError::NotFound)?;
        if let Some(imap) = &mut account.imap
            && imap.sent_folder.is_none()
        {
            imap.sent_folder = Some(name.to_owned());
            accounts::update_settings(&mut tx, &account).await?;
        }
        tx.commit().await?;
        self.events.publish(Event::AccountChanged { account: id });
        Ok(())
    }

    /// It waits, and its owner is told why.
    pub async fn sent_copy_failed(&self, copy: &SentCopyToMake, said: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::copy_failed(&mut tx, copy.message(), said).await?;
        tx.commit().await?;
        self.publish_copy(copy);
        Ok(())
    }

    /// Nobody can connect for them.
    pub async fn sent_copies_wait(&self, account: MailAccountId, wait: Duration) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        outbox::set_copies_due(&mut tx, account, self.now().plus(wait)).await?;
        Ok(tx.commit().await?)
    }

    fn publish_copy(&self, copy: &SentCopyToMake) {
        self.events.publish(Event::MessageChanged {
            account: copy.account(),
            message: copy.message(),
        });
    }
}
