//! What a super-administrator does with administrators: made, disabled, reset, never read.
//!
//! Whoever can reset a sign-in could use it to read somebody's mail. So in the same transaction the mail accounts of
//! whom it was reset for are sealed, until the mailbox's own password is given anew, and what others show to them
//! rests, until each of these has confirmed it. The same again when the link is used: a grant that was given or
//! confirmed while it was open is no grant to whoever held it.

use std::time::Duration;

use domain::AdministratorId;
use domain::Before;
use domain::MailAccountId;
use domain::Page;
use domain::Timestamp;
use domain::system_mail::STAFF_MAIL;
use secrecy::SecretString;
use store::Tx;
use store::accounts;
use store::administrators;
pub use store::administrators::Administrator;
use store::audit;
use store::audit::AuditEntry;
use store::grants;
use store::sessions;
use tracing::warn;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::administrators::NewAdministrator;
use crate::administrators::check_password;
use crate::sign_in::random_token;
use crate::sign_in::token_hash;
use crate::system_mail::SystemMessage;

const LINK_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);
/// No password has this hash.
pub(crate) const NO_PASSWORD: &str = "";

/// One line of the audit page of super-administrators: who, what, which account, in which hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    pub hour: Timestamp,
    pub actor: Option<AdministratorId>,
    pub mail_account: Option<MailAccountId>,
    pub verb: String,
}

impl Services {
    pub(crate) async fn require_super(&self, viewer: Viewer) -> Result<(), ServiceError> {
        let administrator = self.get_administrator(viewer.administrator).await?;
        if administrator.is_super {
            Ok(())
        } else {
            Err(ServiceError::Forbidden)
        }
    }

    /// With logins and roles.
    pub async fn list_staff(&self, viewer: Viewer) -> Result<Vec<Administrator>, ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        Ok(administrators::list(&mut conn).await?)
    }

    /// The token of the link by which the new administrator chooses a password.
    pub async fn add_staff(
        &self,
        viewer: Viewer,
        login: String,
        name: String,
        is_super: bool,
        time_zone: String,
    ) -> Result<String, ServiceError> {
        self.require_super(viewer).await?;
        let password = SecretString::from(random_token());
        let new = NewAdministrator {
            login,
            name,
            password,
            is_super,
            time_zone,
        };
        let id = self.create_administrator(new).await?;
        let token = random_token();
        let mut tx = self.db.begin_write().await?;
        sessions::set_sign_in_link(&mut tx, id, token_hash(&token), self.now().plus(LINK_LIFE)).await?;
        self.record(&mut tx, viewer, None, "administrator_added", &id.to_string())
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Role, and whether the person may sign in. The last super-administrator stays one.
    pub async fn change_staff(
        &self,
        viewer: Viewer,
        id: AdministratorId,
        is_super: bool,
        disabled: bool,
    ) -> Result<(), ServiceError> {
        self.require_super(viewer).await?;
        if disabled && id == viewer.administrator {
            return Err(ServiceError::field(
                "disabled",
                "Another super-administrator has to disable you.",
            ));
        }
        let mut tx = self.db.begin_write().await?;
        let all = administrators::list(&mut tx).await?;
        let found = all
            .iter()
            .find(|found| found.id == id)
            .ok_or(ServiceError::NotFound)?;
        let stays_super =
            |other: &&Administrator| other.id != id && other.is_super && other.disabled_at.is_none();
        if (!is_super || disabled) && all.iter().find(stays_super).is_none() {
            return Err(ServiceError::field(
                "is_super",
                "One super-administrator has to stay.",
            ));
        }
        if found.is_super != is_super {
            administrators::set_super(&mut tx, id, is_super).await?;
            let verb = if is_super {
                "made_super"
            } else {
                "made_administrator"
            };
            self.record(&mut tx, viewer, None, verb, &id.to_string()).await?;
        }
        if found.disabled_at.is_some() != disabled {
            let at = disabled.then(|| self.now());
            administrators::set_disabled(&mut tx, id, at).await?;
            sessions::delete_all(&mut tx, id).await?;
            let verb = if disabled { "disabled" } else { "enabled" };
            self.record(&mut tx, viewer, None, verb, &id.to_string()).await?;
        }
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    /// Password and second factor are gone, sessions end, mail accounts are sealed, received grants rest. The token of
    /// the link by which the person chooses a new password.
    pub async fn reset_sign_in(&self, viewer: Viewer, id: AdministratorId) -> Result<String, ServiceError> {
        self.require_super(viewer).await?;
        if id == viewer.administrator {
            return Err(ServiceError::field(
                "id",
                "Change your own password on your profile.",
            ));
        }
        let mut tx = self.db.begin_write().await?;
        let token = self.reset_in(&mut tx, id).await?;
        self.record(&mut tx, viewer, None, "sign_in_reset", &id.to_string())
            .await?;
        tx.commit().await?;
        self.access_changed(id).await?;
        Ok(token)
    }

    /// Sends the link behind a token by system mail. [`ServiceError::NotFound`]: it is used or over.
    pub async fn mail_sign_in_link(
        &self,
        viewer: Viewer,
        to: &str,
        token: &str,
        base_url: &str,
    ) -> Result<(), ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        let found = sessions::find_sign_in_link(&mut conn, token_hash(token), self.now()).await?;
        let id = found.ok_or(ServiceError::NotFound)?;
        drop(conn);
        let name = mime::escape(&self.get_administrator(id).await?.name);
        let link = mime::escape(&format!("{base_url}/welcome#{token}"));
        let message = SystemMessage {
            to: vec![(String::new(), to.to_owned())],
            subject: "Choose your password".into(),
            html: format!(
                "<p>Hello {name},</p><p>choose your password here: <a href=\"{link}\">{link}</a></p><p>The link works once, for three days.</p>"
            ),
            files: Vec::new(),
        };
        self.write_as_system(STAFF_MAIL, message, None).await?;
        let mut tx = self.db.begin_write().await?;
        self.record(&mut tx, viewer, None, "link_mailed", &id.to_string())
            .await?;
        Ok(tx.commit().await?)
    }

    /// For the command line: whoever runs it has the machine, and still no mail by this.
    pub async fn reset_sign_in_by_operator(&self, id: AdministratorId) -> Result<String, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let token = self.reset_in(&mut tx, id).await?;
        let entry = AuditEntry {
            at: self.now(),
            actor: None,
            mail_account: None,
            verb: "sign_in_reset".into(),
            detail: id.to_string(),
        };
        audit::insert(&mut tx, self.ids.uuid(), &entry).await?;
        tx.commit().await?;
        self.access_changed(id).await?;
        Ok(token)
    }

    async fn reset_in(&self, tx: &mut Tx, id: AdministratorId) -> Result<String, ServiceError> {
        administrators::find(tx, id)
            .await?
            .ok_or(ServiceError::NotFound)?;
        let token = random_token();
        administrators::update_password(tx, id, NO_PASSWORD).await?;
        administrators::set_totp(tx, id, None, &[]).await?;
        sessions::delete_all(tx, id).await?;
        sessions::set_sign_in_link(tx, id, token_hash(&token), self.now().plus(LINK_LIFE)).await?;
        accounts::seal_of_owner(tx, id, self.now()).await?;
        grants::let_rest(tx, id, self.now()).await?;
        Ok(token)
    }

    /// What was done stays done if somebody cannot be told of it now: alarms are looked for again each minute.
    async fn access_changed(&self, owner: AdministratorId) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let own = accounts::list_of_owner(&mut conn, owner).await?;
        drop(conn);
        for account in own {
            self.events.publish(Event::AccountChanged { account: account.id });
        }
        self.events.publish(Event::AccessChanged);
        if let Err(error) = self.look_for_alarms().await {
            warn!(%error, "Owners could not be told of a new sign-in");
        }
        Ok(())
    }

    /// Chooses a password by a one-time link. A password that does not do leaves the link usable.
    pub async fn use_sign_in_link(&self, token: &str, password: SecretString) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let found = sessions::find_sign_in_link(&mut conn, token_hash(token), self.now()).await?;
        let id = found.ok_or(ServiceError::NotFound)?;
        drop(conn);
        if let Some(error) = check_password(&password, "password") {
            return Err(ServiceError::Invalid(vec![error]));
        }
        let hash = self.passwords.hash(password).await?;
        let mut tx = self.db.begin_write().await?;
        if !sessions::take_sign_in_link(&mut tx, token_hash(token), self.now()).await? {
            return Err(ServiceError::NotFound);
        }
        administrators::update_password(&mut tx, id, &hash).await?;
        sessions::delete_all(&mut tx, id).await?;
        grants::let_rest(&mut tx, id, self.now()).await?;
        tx.commit().await?;
        self.access_changed(id).await
    }

    /// What a leaver leaves behind: the mail accounts of a disabled administrator, erased without being read.
    pub async fn erase_mail_of(&self, viewer: Viewer, id: AdministratorId) -> Result<u64, ServiceError> {
        self.require_super(viewer).await?;
        let mut tx = self.db.begin_write().await?;
        let found = administrators::find(&mut tx, id)
            .await?
            .ok_or(ServiceError::NotFound)?;
        if found.disabled_at.is_none() {
            return Err(ServiceError::field("id", "Disable the administrator first."));
        }
        let held = accounts::list_of_owner(&mut tx, id).await?;
        for account in &held {
            accounts::erase(&mut tx, account.id).await?;
        }
        self.record(&mut tx, viewer, None, "mail_erased", &id.to_string())
            .await?;
        tx.commit().await?;
        for account in &held {
            self.events.publish(Event::AccountChanged { account: account.id });
        }
        Ok(held.len() as u64)
    }

    /// Newest first. To the hour and without details: when exactly and about what is the owners'.
    pub async fn audit_for_super(
        &self,
        viewer: Viewer,
        before: Before,
    ) -> Result<Page<AuditLine>, ServiceError> {
        const HOUR_MS: i64 = 3_600_000;
        const PAGE: u32 = 500;
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        let entries = audit::list_for_super(&mut conn, before, PAGE).await?;
        let older = entries.older;
        let mut lines: Vec<AuditLine> = Vec::new();
        for entry in entries {
            let line = AuditLine {
                hour: Timestamp::from_millis(entry.at.millis() / HOUR_MS * HOUR_MS),
                actor: entry.actor,
                mail_account: entry.mail_account,
                verb: entry.verb,
            };
            // Once for each hour: how often somebody read would tell how much mail there is.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        Ok(Page { rows: lines, older })
    }

    pub(crate) async fn record(
        &self,
        tx: &mut Tx,
        viewer: Viewer,
        mail_account: Option<MailAccountId>,
        verb: &str,
        detail: &str,
    ) -> Result<(), ServiceError> {
        let entry = AuditEntry {
            at: self.now(),
            actor: Some(viewer.administrator),
            mail_account,
            verb: verb.to_owned(),
            detail: detail.to_owned(),
        };
        Ok(audit::insert(tx, self.ids.uuid(), &entry).await?)
    }
}
