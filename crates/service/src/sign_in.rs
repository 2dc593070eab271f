//! Signing in and out, sessions, the one-time set-up link.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::CleanText;
use domain::SessionId;
use rand::RngExt as _;
use secrecy::SecretString;
use store::Tx;
use store::administrators;
use store::administrators::Administrator;
use store::audit::AuditEntry;
use store::sessions;
pub use store::sessions::Session;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::administrators::NewAdministrator;
use crate::administrators::check_password;
use crate::tries::Counter;
use crate::tries::succeeded;
use crate::tries::take_back;

pub const MIN_PASSWORD_CHARS: usize = 10;
pub const SESSION_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
const SETUP_LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How exactly it is kept when a session was last seen.
const SEEN_STEP: Duration = Duration::from_secs(5 * 60);

/// What the browser keeps; only its hash is stored.
pub struct SessionToken(String);

impl SessionToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub address: &'a str,
    /// What the browser calls itself.
    pub client: &'a str,
}

impl Services {
    /// Refusals are counted for the login and for where the request came from.
    pub async fn sign_in(
        &self,
        login: &str,
        password: SecretString,
        code: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<SessionToken, ServiceError> {
        let (of_login, of_address) = (Counter::of_login(login), Counter::of_address(origin.address));
        self.count_try(&[of_login, of_address]).await?;
        let found = self
            .find_administrator_by_login(login)
            .await?
            .filter(|found| found.disabled_at.is_none());
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        let verified = self.passwords.verify(password, hash).await?;
        let administrator = found.filter(|_| verified).ok_or(ServiceError::SignedOut)?;
        let token = random_token();
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        if !is_unchanged(&mut tx, &administrator).await? {
            return Err(ServiceError::SignedOut);
        }
        if administrator.totp_secret.is_some() && code.is_none() {
            take_back(&mut tx, &[of_login, of_address]).await?;
            tx.commit().await?;
            return Err(ServiceError::CodeNeeded { refused: false });
        }
        if !self
            .take_code(&mut tx, &administrator, code.unwrap_or_default())
            .await?
        {
            return Err(ServiceError::CodeNeeded { refused: true });
        }
        succeeded(&mut tx, of_login, of_address).await?;
        let session = Session {
            id: SessionId::from_uuid(random_id()),
            id_hash: token_hash(&token),
            administrator: administrator.id,
            client: CleanText::cut(origin.client, 200).into_string(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(SESSION_LIFE),
        };
        sessions::insert(&mut tx, &session).await?;
        let entry = AuditEntry {
            at: now,
            actor: Some(administrator.id),
            mail_account: None,
            verb: "signed_in".into(),
            detail: String::new(),
        };
        store::audit::insert(&mut tx, self.ids.uuid(), &entry).await?;
        tx.commit().await?;
        Ok(SessionToken(token))
    }

    /// [`ServiceError::SignedOut`] when it is over.
    pub async fn viewer_of(&self, token: &str) -> Result<Viewer, ServiceError> {
        self.viewer_of_session(token_hash(token)).await
    }

    /// For what is bound to a session: is it still live?
    pub async fn viewer_of_session(&self, session: [u8; 32]) -> Result<Viewer, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = sessions::find(&mut conn, session, self.now()).await?;
        let found = found.ok_or(ServiceError::SignedOut)?;
        drop(conn);
        if self.now().since(found.last_seen_at) > SEEN_STEP {
            let mut tx = self.db.begin_write().await?;
            sessions::set_seen(&mut tx, session, self.now()).await?;
            tx.commit().await?;
        }
        Ok(Viewer {
            administrator: found.administrator,
            session,
        })
    }

    /// Where the viewer is signed in, the one last seen first.
    pub async fn list_sessions(&self, viewer: Viewer) -> Result<Vec<Session>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(sessions::list_of_administrator(&mut conn, viewer.administrator, self.now()).await?)
    }

    /// One of the viewer's own; what is bound to it ends with it.
    pub async fn end_session(&self, viewer: Viewer, id: SessionId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !sessions::delete_own(&mut tx, viewer.administrator, id).await? {
            return Err(ServiceError::NotFound);
        }
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    pub async fn sign_out(&self, viewer: Viewer) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        sessions::delete(&mut tx, viewer.session).await?;
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    /// Ends all other sessions.
    pub async fn change_password(
        &self,
        viewer: Viewer,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), ServiceError> {
        let administrator = self.get_administrator(viewer.administrator).await?;
        let tries = Counter::of_login(&administrator.login);
        self.count_try(&[tries]).await?;
        let held = Some(administrator.password_hash.clone());
        if !self.passwords.verify(current, held).await? {
            return Err(wrong_current_password());
        }
        let checked = check_password(&new, "new_password");
        let hash = match checked {
            None => self.passwords.hash(new).await,
            Some(error) => Err(ServiceError::Invalid(vec![error])),
        };
        let mut tx = self.db.begin_write().await?;
        if !is_unchanged(&mut tx, &administrator).await? {
            return Err(wrong_current_password());
        }
        take_back(&mut tx, &[tries]).await?;
        let hash = match hash {
            Ok(hash) => hash,
            Err(error) => {
                tx.commit().await?;
                return Err(error);
            }
        };
        administrators::update_password(&mut tx, viewer.administrator, &hash).await?;
        sessions::delete_others(&mut tx, viewer.administrator, viewer.session).await?;
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    /// The token of a new set-up link; an earlier one ends. `None` once there is an administrator.
    pub async fn create_setup_link(&self) -> Result<Option<String>, ServiceError> {
        if self.has_administrators().await? {
            return Ok(None);
        }
        let token = random_token();
        let mut tx = self.db.begin_write().await?;
        sessions::insert_setup_link(&mut tx, token_hash(&token), self.now().plus(SETUP_LINK_LIFE)).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Makes the first super-administrator. A wrong field leaves the link usable.
    pub async fn use_setup_link(&self, token: &str, new: NewAdministrator) -> Result<(), ServiceError> {
        if !self.is_setup_link(token).await? {
            return Err(ServiceError::NotFound);
        }
        let new = NewAdministrator {
            is_super: true,
            ..new
        };
        let administrator = self.check_new(new).await?;
        let mut tx = self.db.begin_write().await?;
        let is_first = administrators::list(&mut tx).await?.is_empty();
        if !is_first || !sessions::take_setup_link(&mut tx, token_hash(token), self.now()).await? {
            return Err(ServiceError::NotFound);
        }
        administrators::insert(&mut tx, &administrator, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Looked at before anything is hashed for it.
    async fn is_setup_link(&self, token: &str) -> Result<bool, ServiceError> {
        let mut conn = self.db.read().await?;
        let is_first = administrators::list(&mut conn).await?.is_empty();
        Ok(is_first && sessions::has_setup_link(&mut conn, token_hash(token), self.now()).await?)
    }
}

/// Is what was verified still what lets in? Whoever is answered yes has the administrator to the end of the
/// transaction: a reset, a new password or a disabling comes before, and is seen, or after, and ends the session.
pub(crate) async fn is_unchanged(tx: &mut Tx, verified: &Administrator) -> Result<bool, ServiceError> {
    let held = administrators::hold(tx, verified.id).await?;
    Ok(held.is_some_and(|held| {
        held.password_hash == verified.password_hash
            && held.totp_secret == verified.totp_secret
            && held.disabled_at == verified.disabled_at
    }))
}

fn wrong_current_password() -> ServiceError {
    ServiceError::field("current_password", "This is not your current password.")
}

#[expect(clippy::disallowed_methods, reason = "a secret")]
pub(crate) fn random_token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Of a session: its moment is nobody's to guess from.
#[expect(clippy::disallowed_methods, reason = "a secret")]
fn random_id() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}

pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}
