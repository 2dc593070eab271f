//! Keys of what is sealed: each mail account has a data key of its own, the installation has one, and a master key,
//! which is in no database and no backup, wraps them. Another master key costs one row an account.

use std::fmt;

use chacha20poly1305::KeyInit as _;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::aead::Payload;
use domain::MailAccountId;
use domain::account::CredentialBinding;
use rand::RngExt as _;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::Conn;
use store::Db;
use store::Tx;
use store::accounts::SealedSecret;
use store::data_keys;
use store::data_keys::INSTALLATION;
use store::data_keys::WrappedKey;
use zeroize::Zeroizing;

use crate::ServiceError;
use crate::Services;
use crate::keys::InstallationKey;

pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const ID_BYTES: usize = 8;
/// Rewrapped in one transaction.
const ROTATION_STEP: u32 = 200;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{0}")]
    Source(String),
    #[error(
        "passwords here are sealed under the key {missing}, and the key that was given is {given}. Put the right one back (it is in no backup of Waxseal); if it is lost, `waxseal keys forget` begins anew without the passwords"
    )]
    Missing { missing: String, given: String },
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<store::StoreError> for KeyError {
    fn from(error: store::StoreError) -> Self {
        KeyError::Service(error.into())
    }
}

/// 32 random bytes; made once, kept by the operator.
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    wrapping: Zeroizing<[u8; KEY_BYTES]>,
    id: [u8; ID_BYTES],
}

impl MasterKey {
    #[expect(clippy::disallowed_methods, reason = "a secret")]
    pub fn random() -> Self {
        Self::from_bytes(&Zeroizing::new(rand::rng().random::<[u8; KEY_BYTES]>()))
    }

    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let id = blake3::derive_key("waxseal 2026 name of a master key", bytes);
        let mut short = [0; ID_BYTES];
        short.copy_from_slice(&id[..ID_BYTES]);
        MasterKey {
            bytes: Zeroizing::new(*bytes),
            wrapping: Zeroizing::new(blake3::derive_key("waxseal 2026 wrapping of data keys", bytes)),
            id: short,
        }
    }

    /// For writing it down; everything else uses what is derived from it.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Says which key it is, and nothing of it.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    fn wrap(&self, scope: MailAccountId, key: &DataKey) -> WrappedKey {
        WrappedKey {
            scope,
            master: self.id.to_vec(),
            wrapped: seal(&self.wrapping, scope.uuid().as_bytes(), key.0.as_slice()),
        }
    }

    /// `None`: another key's, or of another scope.
    fn unwrap(&self, key: &WrappedKey) -> Option<DataKey> {
        let bytes = open(&self.wrapping, key.scope.uuid().as_bytes(), &key.wrapped)?;
        Some(DataKey(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }
}

/// The one in use, and, while keys are rotated, the one before.
pub struct MasterKeys {
    current: MasterKey,
    previous: Option<MasterKey>,
}

impl MasterKeys {
    pub fn new(current: MasterKey, previous: Option<MasterKey>) -> Self {
        MasterKeys { current, previous }
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<DataKey, KeyError> {
        let both = [Some(&self.current), self.previous.as_ref()];
        let opened = both.into_iter().flatten().find_map(|master| master.unwrap(key));
        opened.ok_or_else(|| KeyError::Missing {
            missing: hex(&key.master),
            given: self.current.id(),
        })
    }
}

impl From<MasterKey> for MasterKeys {
    fn from(current: MasterKey) -> Self {
        MasterKeys::new(current, None)
    }
}

/// Seals what belongs to one scope.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    #[expect(clippy::disallowed_methods, reason = "a secret")]
    fn random() -> Self {
        DataKey(Zeroizing::new(rand::rng().random()))
    }

    #[cfg(test)]
    pub(crate) fn of(number: u8) -> Self {
        DataKey(Zeroizing::new([number; KEY_BYTES]))
    }

    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(blake3::derive_key(purpose, self.0.as_slice()))
    }

    /// XChaCha20-Poly1305 under account, host, port, user and security: moved to another row or with any
    /// of them changed it does not open.
    pub(crate) fn seal(
        &self,
        account: MailAccountId,
        binding: &CredentialBinding,
        secret: &SecretString,
    ) -> SealedSecret {
        let secret = secret.expose_secret().as_bytes();
        SealedSecret {
            sealed: seal(&self.credentials(), &associated_data(account, binding), secret),
            binding: binding_hash(account, binding),
        }
    }

    /// `None`: sealed for something else, or with another key.
    pub(crate) fn open(
        &self,
        account: MailAccountId,
        binding: &CredentialBinding,
        secret: &SealedSecret,
    ) -> Option<SecretString> {
        let bytes = open(
            &self.credentials(),
            &associated_data(account, binding),
            &secret.sealed,
        )?;
        Some(SecretString::from(std::str::from_utf8(&bytes).ok()?.to_owned()))
    }

    fn credentials(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derive("waxseal 2026 sealing of credentials")
    }
}

/// True if the stored password was given for these settings, without opening it.
pub fn is_bound_to(account: MailAccountId, binding: &CredentialBinding, secret: &SealedSecret) -> bool {
    secret.binding == binding_hash(account, binding)
}

/// Opens only beside the same associated data.
#[expect(clippy::disallowed_methods, reason = "a nonce")]
pub fn seal(key: &[u8; KEY_BYTES], associated: &[u8], bytes: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    let payload = Payload {
        msg: bytes,
        aad: associated,
    };
    // Fails only for texts of many gigabytes.
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .unwrap_or_default();
    [nonce.as_slice(), &ciphertext].concat()
}

pub fn open(key: &[u8; KEY_BYTES], associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: ciphertext,
        aad: associated,
    };
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload);
    Some(Zeroizing::new(opened.ok()?))
}

/// The installation's key, made at the first start. Fails where rows name a master key that is not here: with another
/// one passwords would seem to be lost, and new ones be sealed beside them.
pub async fn open_installation(db: &Db, masters: &MasterKeys) -> Result<InstallationKey, KeyError> {
    let mut conn = db.read().await?;
    let held = data_keys::find(&mut conn, INSTALLATION).await?;
    let named = data_keys::count_by_master(&mut conn).await?;
    drop(conn);
    let known = [Some(&masters.current), masters.previous.as_ref()];
    let is_known = |id: &[u8]| known.iter().flatten().any(|master| master.id == id);
    if let Some((missing, _)) = named.iter().find(|(id, _)| !is_known(id)) {
        return Err(KeyError::Missing {
            missing: hex(missing),
            given: masters.current.id(),
        });
    }
    let held = match held {
        Some(held) => held,
        None => make_installation(db, &masters.current).await?,
    };
    Ok(InstallationKey::new(&masters.unwrap(&held)?))
}

async fn make_installation(db: &Db, master: &MasterKey) -> Result<WrappedKey, KeyError> {
    let mut tx = db.begin_write().await?;
    let (accounts, has_factors) = data_keys::list_sealed(&mut tx).await?;
    // What was sealed by the master key itself goes on to open: that becomes the data key.
    let own = DataKey(Zeroizing::new(*master.bytes()));
    let key = match accounts.is_empty() && !has_factors {
        true => DataKey::random(),
        false => DataKey(own.0.clone()),
    };
    data_keys::insert(&mut tx, &master.wrap(INSTALLATION, &key)).await?;
    for account in accounts {
        data_keys::insert(&mut tx, &master.wrap(account, &own)).await?;
    }
    // Another process may have been quicker.
    let held = data_keys::find(&mut tx, INSTALLATION).await?;
    tx.commit().await?;
    held.ok_or(KeyError::Service(ServiceError::Damaged))
}

/// The master keys that rows name, by their ids, with how many rows name them.
pub async fn list_named(db: &Db) -> Result<Vec<(String, u64)>, KeyError> {
    let mut conn = db.read().await?;
    let named = data_keys::count_by_master(&mut conn).await?;
    Ok(named.into_iter().map(|(id, rows)| (hex(&id), rows)).collect())
}

/// Wraps some of the data keys anew, under `masters`' current one; true once all are. It may end at any time: rows are
/// changed in one transaction a step, and both keys open them until the last.
pub async fn rotate_step(db: &Db, masters: &MasterKeys) -> Result<bool, KeyError> {
    let mut tx = db.begin_write().await?;
    let others = data_keys::list_of_others(&mut tx, &masters.current.id, ROTATION_STEP).await?;
    for held in &others {
        let key = masters.unwrap(held)?;
        data_keys::replace(&mut tx, &masters.current.wrap(held.scope, &key)).await?;
    }
    tx.commit().await?;
    Ok(others.is_empty())
}

/// The master key is lost: passwords and second factors go with it.
pub async fn forget(db: &Db) -> Result<(), KeyError> {
    let mut tx = db.begin_write().await?;
    data_keys::forget(&mut tx).await?;
    Ok(tx.commit().await?)
}

impl Services {
    /// `None`: nothing was sealed for it yet.
    pub(crate) async fn account_key(
        &self,
        conn: &mut Conn,
        account: MailAccountId,
    ) -> Result<Option<DataKey>, ServiceError> {
        let held = data_keys::find(conn, account).await?;
        // The master keys were compared at the start; one that is unknown now came with a rotation.
        Ok(held.and_then(|held| self.masters.unwrap(&held).ok()))
    }

    /// Made with the first thing that is sealed.
    pub(crate) async fn account_key_to_seal(
        &self,
        tx: &mut Tx,
        account: MailAccountId,
    ) -> Result<DataKey, ServiceError> {
        if data_keys::find(tx, account).await?.is_none() {
            let made = self.masters.current.wrap(account, &DataKey::random());
            data_keys::insert(tx, &made).await?;
        }
        self.account_key(tx, account).await?.ok_or(ServiceError::Damaged)
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn associated_data(account: MailAccountId, binding: &CredentialBinding) -> Vec<u8> {
    [account.uuid().as_bytes().as_slice(), &binding.to_bytes()].concat()
}

fn binding_hash(account: MailAccountId, binding: &CredentialBinding) -> Vec<u8> {
    blake3::hash(&associated_data(account, binding))
        .as_bytes()
        .to_vec()
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::account::Security;
    use uuid::Uuid;

    fn binding(host: &str) -> CredentialBinding {
        CredentialBinding {
            host: host.into(),
            port: 993,
            username: "alice".into(),
            security: Security::Tls,
        }
    }

    fn account(number: u128) -> MailAccountId {
        MailAccountId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_password_opens_only_for_what_it_was_given_for() {
        let key = DataKey::random();
        let secret = SecretString::from("hunter2".to_owned());
        let sealed = key.seal(account(1), &binding("a.example"), &secret);
        assert!(!sealed.sealed.windows(7).any(|window| window == b"hunter2"));
        let opened = key.open(account(1), &binding("a.example"), &sealed);
        assert_eq!(opened.expect("opens").expose_secret(), "hunter2");
        assert!(key.open(account(1), &binding("b.example"), &sealed).is_none());
        assert!(key.open(account(2), &binding("a.example"), &sealed).is_none());
        assert!(
            DataKey::random()
                .open(account(1), &binding("a.example"), &sealed)
                .is_none()
        );
    }

    #[test]
    fn a_data_key_opens_for_its_account_and_its_master_key() {
        let master = MasterKey::from_bytes(&[7; 32]);
        let wrapped = master.wrap(account(1), &DataKey::random());
        assert!(master.unwrap(&wrapped).is_some());
        assert!(MasterKey::from_bytes(&[8; 32]).unwrap(&wrapped).is_none());
        let moved = WrappedKey {
            scope: account(2),
            ..wrapped
        };
        assert!(master.unwrap(&moved).is_none());
    }
}
