//! Signing in and out, sessions, the one-time set-up link.

use std::time::Duration;

use argon2::Argon2;
use argon2::PasswordHasher as _;
use argon2::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::CleanText;
use domain::SessionId;
use domain::Timestamp;
use rand::RngExt as _;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::administrators;
use store::audit::AuditEntry;
use store::sessions;
pub use store::sessions::Session;
use store::sessions::Throttle;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::administrators::NewAdministrator;
use crate::administrators::check_password;

pub const MIN_PASSWORD_CHARS: usize = 10;
pub const SESSION_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
const SETUP_LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How exactly it is kept when a session was last seen.
const SEEN_STEP: Duration = Duration::from_secs(5 * 60);
const FREE_FAILURES: u32 = 5;
const FIRST_BLOCK: Duration = Duration::from_secs(30);
const LONGEST_BLOCK: Duration = Duration::from_secs(15 * 60);

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
        let keys = [
            throttle_key("login", &login.trim().to_lowercase()),
            throttle_key("address", origin.address),
        ];
        self.refuse_if_throttled(&keys).await?;
        let found = self
            .find_administrator_by_login(login)
            .await?
            .filter(|found| found.disabled_at.is_none());
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        let verified = verify_password(password, hash).await?;
        let Some(administrator) = found.filter(|_| verified) else {
            self.count_failure(&keys).await?;
            return Err(ServiceError::SignedOut);
        };
        if administrator.totp_secret.is_some() && code.is_none() {
            return Err(ServiceError::CodeNeeded { refused: false });
        }
        let token = random_token();
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        if !self
            .take_code(&mut tx, &administrator, code.unwrap_or_default())
            .await?
        {
            drop(tx);
            self.count_failure(&keys).await?;
            return Err(ServiceError::CodeNeeded { refused: true });
        }
        for key in keys {
            sessions::clear_throttle(&mut tx, key).await?;
        }
        let session = Session {
            id: SessionId::from_uuid(uuid::Uuid::new_v4()),
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
        if !verify_password(current, Some(administrator.password_hash)).await? {
            return Err(ServiceError::field(
                "current_password",
                "This is not your current password.",
            ));
        }
        if let Some(error) = check_password(&new, "new_password") {
            return Err(ServiceError::Invalid(vec![error]));
        }
        let hash = hash_password(new).await?;
        let mut tx = self.db.begin_write().await?;
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
        if self.has_administrators().await? {
            return Err(ServiceError::NotFound);
        }
        let mut tx = self.db.begin_write().await?;
        if !sessions::take_setup_link(&mut tx, token_hash(token), self.now()).await? {
            return Err(ServiceError::NotFound);
        }
        drop(tx);
        self.create_administrator(NewAdministrator {
            is_super: true,
            ..new
        })
        .await?;
        let mut tx = self.db.begin_write().await?;
        sessions::take_setup_link(&mut tx, token_hash(token), self.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn refuse_if_throttled(&self, keys: &[[u8; 32]]) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let now = self.now();
        for key in keys {
            if let Some(throttle) = sessions::find_throttle(&mut conn, *key).await?
                && throttle.blocked_until > now
                && throttle.failures >= FREE_FAILURES
            {
                let retry_after_s = throttle.blocked_until.since(now).as_secs() + 1;
                return Err(ServiceError::Throttled { retry_after_s });
            }
        }
        Ok(())
    }

    async fn count_failure(&self, keys: &[[u8; 32]]) -> Result<(), ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        for key in keys {
            let failures = sessions::find_throttle(&mut tx, *key)
                .await?
                .map_or(0, |found| found.failures)
                + 1;
            let throttle = Throttle {
                failures,
                blocked_until: blocked_until(now, failures),
            };
            sessions::set_throttle(&mut tx, *key, throttle).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// 30 s after the fifth failure, doubling up to 15 minutes. Below that the count is kept for as long.
fn blocked_until(now: Timestamp, failures: u32) -> Timestamp {
    if failures < FREE_FAILURES {
        return now.plus(LONGEST_BLOCK);
    }
    let doublings = (failures - FREE_FAILURES).min(10);
    now.plus((FIRST_BLOCK * 2_u32.pow(doublings)).min(LONGEST_BLOCK))
}

fn throttle_key(kind: &str, value: &str) -> [u8; 32] {
    *blake3::hash(format!("{kind}:{value}").as_bytes()).as_bytes()
}

pub(crate) fn random_token() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// Argon2id with the library's parameters (OWASP's of 2024: 19 MiB, 2 passes), off the async threads.
pub(crate) async fn hash_password(password: SecretString) -> Result<String, ServiceError> {
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
    });
    hashed
        .await?
        .map_err(|_| ServiceError::field("password", "This password cannot be used."))
}

/// Without a hash as much work is done as with one: timing tells nothing about who exists.
pub(crate) async fn verify_password(
    password: SecretString,
    hash: Option<String>,
) -> Result<bool, ServiceError> {
    let verified = tokio::task::spawn_blocking(move || {
        let password = password.expose_secret().as_bytes();
        match hash {
            Some(hash) => PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok()),
            None => Argon2::default().hash_password(password).is_err(),
        }
    });
    Ok(verified.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_cost_more_each_time() {
        let now = Timestamp::EPOCH;
        for (failures, seconds) in [(5, 30), (6, 60), (9, 480), (10, 900), (99, 900)] {
            assert_eq!(blocked_until(now, failures).seconds(), seconds, "{failures}");
        }
    }
}
