//! Owners are told, once, that something is wrong with their account: in the page, and by system mail.

use domain::MailAccountId;
use domain::Timestamp;
pub use domain::rules::alarms::Alarm;
use domain::rules::alarms::Condition;
use domain::rules::alarms::alarms;
use domain::system_mail::STAFF_MAIL;
use domain::system_mail::is_system;
use store::accounts;
use store::accounts::MailAccount;
use store::alarms as held;
use store::grants;
use tracing::warn;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::system_mail::SystemMessage;

/// Of an account of the viewer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmView {
    pub account: MailAccountId,
    pub address: String,
    pub alarm: Alarm,
    pub since: Timestamp,
}

impl Services {
    pub async fn list_alarms(&self, viewer: Viewer) -> Result<Vec<AlarmView>, ServiceError> {
        let mut conn = self.db.read().await?;
        let mut views = Vec::new();
        for account in accounts::list_of_owner(&mut conn, viewer.administrator).await? {
            for (alarm, since) in held::list_of_account(&mut conn, account.id).await? {
                views.push(AlarmView {
                    account: account.id,
                    address: account.address.to_string(),
                    alarm,
                    since,
                });
            }
        }
        Ok(views)
    }

    /// Looks at every account: begins what is wrong now, ends what is over.
    pub async fn look_for_alarms(&self) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let all = accounts::list_for_engine(&mut conn).await?;
        let mut waiting = held::waiting_for_engine(&mut conn).await?;
        let mut before = held::list_for_engine(&mut conn).await?;
        let resting = grants::accounts_with_resting(&mut conn, self.now()).await?;
        drop(conn);
        for account in all {
            let waiting = waiting.remove(&account.id).unwrap_or_default();
            let before = before.remove(&account.id).unwrap_or_default();
            let rests = resting.contains(&account.id);
            // One that cannot be looked at hides no other.
            if let Err(error) = self.look_at(&account, waiting, rests, before).await {
                warn!(mail_account.id = %account.id, %error, "Alarms of an account could not be looked for");
            }
        }
        Ok(())
    }

    /// An account whose state is another now.
    pub async fn look_for_alarms_of(&self, account: MailAccountId) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let account = accounts::find(&mut conn, account).await?;
        let Some(account) = account.filter(|account| !is_system(account.id)) else {
            return Ok(());
        };
        let waiting = held::waiting(&mut conn, account.id).await?;
        let before = held::list_of_account(&mut conn, account.id).await?;
        let resting = grants::accounts_with_resting(&mut conn, self.now()).await?;
        drop(conn);
        let rests = resting.contains(&account.id);
        self.look_at(&account, waiting, rests, before).await
    }

    async fn look_at(
        &self,
        account: &MailAccount,
        (waiting, waiting_since): held::Waiting,
        grant_rests: bool,
        before: held::Begun,
    ) -> Result<(), ServiceError> {
        let condition = Condition {
            state: account.status.state,
            state_since: account.status.since,
            last_sync_at: account.status.last_sync_at,
            waiting,
            waiting_since,
            grant_rests,
        };
        let now = alarms(&condition, self.now());
        let over = before
            .iter()
            .map(|(alarm, _)| *alarm)
            .filter(|alarm| !now.contains(alarm));
        let over: Vec<_> = over.collect();
        let new = now
            .iter()
            .filter(|alarm| before.iter().all(|(held, _)| held != *alarm));
        let new: Vec<_> = new.copied().collect();
        if over.is_empty() && new.is_empty() {
            return Ok(());
        }
        let mut begun = Vec::new();
        let mut tx = self.db.begin_write().await?;
        for alarm in over {
            held::end(&mut tx, account.id, alarm).await?;
        }
        for alarm in new {
            if held::begin(&mut tx, account.id, alarm, self.now()).await? {
                begun.push(alarm);
            }
        }
        tx.commit().await?;
        self.events.publish(Event::AccountStateChanged {
            account: account.id,
            state: None,
        });
        for alarm in begun {
            self.write_alarm(account, alarm).await;
        }
        Ok(())
    }

    /// To the account itself, which its owner reads elsewhere too. Without system e-mail the page alone tells.
    async fn write_alarm(&self, account: &MailAccount, alarm: Alarm) {
        let (subject, text) = words(alarm);
        let message = SystemMessage {
            to: vec![(account.name.clone(), account.address.to_string())],
            subject: subject.into(),
            html: format!(
                "<p>{text}</p><p>It concerns {}.</p>",
                mime::escape(account.address.as_str())
            ),
            files: Vec::new(),
        };
        match self.write_as_system(STAFF_MAIL, message, None).await {
            Ok(_) | Err(ServiceError::Invalid(_)) => {}
            Err(error) => warn!(mail_account.id = %account.id, %error, "An alarm could not be written"),
        }
    }
}

fn words(alarm: Alarm) -> (&'static str, &'static str) {
    match alarm {
        Alarm::LoginRefused => (
            "Your mail server refuses the login",
            "Waxseal no longer reads your mail: the server has refused your user name or password. Type the password again under My profile, Email account.",
        ),
        Alarm::CertificateChanged => (
            "Your mail server shows another certificate",
            "Waxseal no longer reads your mail: the server shows another certificate than the one that you have pinned. Ask whoever runs it whether that is right, then pin it under My profile, Email account, IMAP settings.",
        ),
        Alarm::SignInAgain => (
            "Your mailbox asks you to sign in again",
            "Waxseal no longer reads or sends your mail: your provider has taken the sign-in back, or it is over. Sign in again under My profile, Email account. Nothing is lost, and what you send waits.",
        ),
        Alarm::NotSynced => (
            "Your mail has not been read for an hour",
            "Waxseal could not read your mail for more than an hour, and goes on trying. Why is on My profile, Email account, Status.",
        ),
        Alarm::QueueFull => (
            "Your messages wait to be sent",
            "Messages that you wrote have been waiting for more than an hour, or many wait. Why is on the Outbox page.",
        ),
        Alarm::GrantRests => (
            "Somebody who may see your mail was given a new sign-in",
            "The sign-in of a colleague to whom you show your mail was reset. Until you confirm them they see nothing of it. Ask them whether it was they who wanted that, then confirm or take away their access under My profile, Email account, Access settings.",
        ),
    }
}
