//! Hashing of passwords: off the async threads, and a few at a time, because each takes 19 MiB.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::PasswordHasher as _;
use argon2::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::ServiceError;

/// At a time, of the whole process: 60 ms each on a small machine, so about thirty a second.
const PLACES: usize = 2;
/// Whoever waits longer is asked to come again: the queue is as long as what is done in this time.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Argon2id with the library's parameters (OWASP's of 2024: 19 MiB, 2 passes).
#[derive(Clone)]
pub(crate) struct Passwords(Arc<Semaphore>);

impl Passwords {
    pub fn new() -> Self {
        Passwords(Arc::new(Semaphore::new(PLACES)))
    }

    /// [`ServiceError::Throttled`]: too many are before it. So does [`Passwords::verify`].
    pub async fn hash(&self, password: SecretString) -> Result<String, ServiceError> {
        let hashed = self.in_place(move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
        });
        hashed
            .await?
            .map_err(|_| ServiceError::field("password", "This password cannot be used."))
    }

    /// Without a hash as much work is done as with one: timing tells nothing about who exists.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, ServiceError> {
        self.in_place(move || {
            let password = password.expose_secret().as_bytes();
            match hash.as_deref().map(PasswordHash::new) {
                Some(Ok(hash)) => Argon2::default().verify_password(password, &hash).is_ok(),
                Some(Err(_)) | None => {
                    let _ = Argon2::default().hash_password(password);
                    false
                }
            }
        })
        .await
    }

    #[expect(clippy::disallowed_methods, reason = "hashing reads no foreign bytes")]
    async fn in_place<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let place = timeout(LONGEST_WAIT, self.0.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            let retry_after_s = LONGEST_WAIT.as_secs();
            return Err(ServiceError::Throttled { retry_after_s });
        };
        // Whoever asked may be gone before it has ended: the place is the work's.
        let worked = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        Ok(worked.await?)
    }
}
