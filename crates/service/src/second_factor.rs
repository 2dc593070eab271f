//! A second factor at sign-in: codes of an app (RFC 6238), and recovery codes for the day the phone is gone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use secrecy::SecretString;
use store::Tx;
use store::administrators;
use store::administrators::Administrator;
use totp_rs::Builder;
use totp_rs::Secret;
use totp_rs::Totp;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::sign_in::is_unchanged;
use crate::sign_in::token_hash;
use crate::tries::Counter;
use crate::tries::take_back;

/// RFC 4226 §4: at least 128 bits, 160 recommended.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;

/// What an app is set up with; nothing is stored until a code of it has come back.
pub struct NewSecondFactor {
    /// Base32, to be typed.
    pub secret: String,
    /// PNG, base64, to be scanned.
    pub qr_png: String,
}

/// Who has typed their password just now.
struct Proven {
    administrator: Administrator,
    tries: Counter,
}

impl Services {
    pub async fn propose_second_factor(&self, viewer: Viewer) -> Result<NewSecondFactor, ServiceError> {
        let administrator = self.get_administrator(viewer.administrator).await?;
        #[expect(clippy::disallowed_methods, reason = "a secret")]
        let secret: [u8; SECRET_BYTES] = rand::rng().random();
        let totp = totp(&secret, &administrator.login).ok_or_else(wrong_secret)?;
        Ok(NewSecondFactor {
            secret: totp.secret().to_base32(),
            qr_png: totp
                .to_qr_png()
                .map(|png| STANDARD.encode(png))
                .map_err(|_| wrong_secret())?,
        })
    }

    /// Recovery codes, shown once: each works in place of a code, once.
    pub async fn turn_on_second_factor(
        &self,
        viewer: Viewer,
        password: SecretString,
        secret: &str,
        code: &str,
    ) -> Result<Vec<String>, ServiceError> {
        let proven = self.prove_password(viewer, password).await?;
        let administrator = &proven.administrator;
        let secret = Secret::try_from_base32(secret.trim()).map_err(|_| wrong_secret())?;
        let totp = totp(secret.as_ref(), &administrator.login).ok_or_else(wrong_secret)?;
        let step = self
            .step_of(&totp, code)
            .ok_or_else(|| ServiceError::field("code", WRONG_CODE))?;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
        let hashes: Vec<_> = codes.iter().map(|code| token_hash(&plain(code))).collect();
        let sealed = self.keys.seal_second_factor(administrator.id, secret.as_ref());
        let mut tx = self.begin_proven(&proven).await?;
        administrators::set_totp(&mut tx, administrator.id, Some(&sealed), &hashes).await?;
        administrators::take_totp_step(&mut tx, administrator.id, step).await?;
        self.record(&mut tx, viewer, None, "second_factor_on", "").await?;
        tx.commit().await?;
        Ok(codes)
    }

    pub async fn turn_off_second_factor(
        &self,
        viewer: Viewer,
        password: SecretString,
    ) -> Result<(), ServiceError> {
        let proven = self.prove_password(viewer, password).await?;
        let mut tx = self.begin_proven(&proven).await?;
        administrators::set_totp(&mut tx, viewer.administrator, None, &[]).await?;
        self.record(&mut tx, viewer, None, "second_factor_off", "")
            .await?;
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        Ok(())
    }

    async fn prove_password(&self, viewer: Viewer, password: SecretString) -> Result<Proven, ServiceError> {
        let administrator = self.get_administrator(viewer.administrator).await?;
        let tries = Counter::of_login(&administrator.login);
        self.count_try(&[tries]).await?;
        let held = Some(administrator.password_hash.clone());
        if !self.passwords.verify(password, held).await? {
            return Err(wrong_password());
        }
        Ok(Proven { administrator, tries })
    }

    /// Only if the password that was proven is still the one.
    async fn begin_proven(&self, proven: &Proven) -> Result<Tx, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !is_unchanged(&mut tx, &proven.administrator).await? {
            return Err(wrong_password());
        }
        take_back(&mut tx, &[proven.tries]).await?;
        Ok(tx)
    }

    /// True once for each code; true always where the second factor is off.
    pub(crate) async fn take_code(
        &self,
        tx: &mut Tx,
        administrator: &Administrator,
        code: &str,
    ) -> Result<bool, ServiceError> {
        let Some(sealed) = &administrator.totp_secret else {
            return Ok(true);
        };
        let secret = self.keys.open_second_factor(administrator.id, sealed);
        let totp = secret.and_then(|secret| totp(&secret, &administrator.login));
        if let Some(step) = totp.and_then(|totp| self.step_of(&totp, code)) {
            return Ok(administrators::take_totp_step(tx, administrator.id, step).await?);
        }
        let hash = token_hash(&plain(code));
        Ok(administrators::take_recovery_code(tx, administrator.id, hash).await?)
    }

    fn step_of(&self, totp: &Totp, code: &str) -> Option<u64> {
        let now = u64::try_from(self.now().seconds()).ok()?;
        totp.check(&plain(code), now)
    }
}

const WRONG_CODE: &str = "This code does not fit. Type the one that the app shows now.";

fn wrong_password() -> ServiceError {
    ServiceError::field("password", "This is not your password.")
}

fn wrong_secret() -> ServiceError {
    ServiceError::field("secret", "This secret cannot be used. Begin again.")
}

fn totp(secret: &[u8], login: &str) -> Option<Totp> {
    // A colon ends the issuer in the address that the app scans.
    let name = login.replace(':', " ");
    let builder = Builder::new()
        .with_secret(secret)
        .with_account_name(name.as_str());
    builder.with_issuer(Some("Waxseal")).build().ok()
}

/// As people type codes: with spaces and hyphens.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// 50 bits, without letters that look like digits.
#[expect(clippy::disallowed_methods, reason = "a secret")]
fn recovery_code() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut random = rand::rng();
    let mut letters = || {
        (0..5)
            .map(|_| char::from(LETTERS[random.random_range(0..32)]))
            .collect::<String>()
    };
    format!("{}-{}", letters(), letters())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(plain(" 123 456 "), "123456");
        assert_eq!(plain("ABCDE-f0123"), "abcdef0123");
        let code = recovery_code();
        assert_eq!((code.len(), plain(&code).len()), (11, 10));
    }
}
