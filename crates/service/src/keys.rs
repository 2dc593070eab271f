//! The master key: seals passwords, signs capability URLs, keys tombstones. In a file of its own, never in
//! the database or its backup.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::KeyInit as _;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::aead::Payload;
use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::account::CredentialBinding;
use rand::RngExt as _;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::accounts::SealedSecret;
use uuid::Uuid;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {path} cannot be used: {reason}")]
    File { path: String, reason: String },
}

pub struct MasterKey {
    sealing: Zeroizing<[u8; KEY_BYTES]>,
    capabilities: Zeroizing<[u8; KEY_BYTES]>,
    tombstones: Zeroizing<[u8; KEY_BYTES]>,
    message_ids: Zeroizing<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// Reads the key, or makes one (mode 0600) where there is none yet.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let error = |reason: String| KeyError::File {
            path: path.display().to_string(),
            reason,
        };
        if !path.exists() {
            create(path).map_err(|cause| error(cause.to_string()))?;
        }
        let mut bytes = Zeroizing::new(Vec::new());
        let mut file = std::fs::File::open(path).map_err(|cause| error(cause.to_string()))?;
        check_mode(&file).map_err(&error)?;
        file.read_to_end(&mut bytes)
            .map_err(|cause| error(cause.to_string()))?;
        let key: [u8; KEY_BYTES] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| error(format!("it must hold {KEY_BYTES} bytes")))?;
        Ok(Self::from_bytes(&Zeroizing::new(key)))
    }

    pub fn from_bytes(key: &[u8; KEY_BYTES]) -> Self {
        let derive = |purpose| Zeroizing::new(blake3::derive_key(purpose, key));
        MasterKey {
            sealing: derive("waxseal 2026 sealing of credentials"),
            capabilities: derive("waxseal 2026 capability urls"),
            tombstones: derive("waxseal 2026 tombstones of erased messages"),
            message_ids: derive("waxseal 2026 tokens in message ids"),
        }
    }

    /// XChaCha20-Poly1305 under account, host, port, user and security: moved to another row or with any
    /// of them changed it does not open.
    pub fn seal(
        &self,
        account: MailAccountId,
        binding: &CredentialBinding,
        secret: &SecretString,
    ) -> SealedSecret {
        SealedSecret {
            sealed: self.seal_bytes(
                &associated_data(account, binding),
                secret.expose_secret().as_bytes(),
            ),
            binding: binding_hash(account, binding),
        }
    }

    /// `None`: sealed for something else, or with another key.
    pub fn open(
        &self,
        account: MailAccountId,
        binding: &CredentialBinding,
        secret: &SealedSecret,
    ) -> Option<SecretString> {
        let bytes = self.open_bytes(&associated_data(account, binding), &secret.sealed)?;
        Some(SecretString::from(std::str::from_utf8(&bytes).ok()?.to_owned()))
    }

    /// Opens only beside the same associated data.
    pub(crate) fn seal_bytes(&self, associated: &[u8], bytes: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let payload = Payload {
            msg: bytes,
            aad: associated,
        };
        // Fails only for texts of many gigabytes.
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .unwrap_or_default();
        [nonce.as_slice(), &ciphertext].concat()
    }

    pub(crate) fn open_bytes(&self, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: ciphertext,
            aad: associated,
        };
        Some(Zeroizing::new(
            self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?,
        ))
    }

    /// True if the stored password was given for these settings, without opening it.
    pub fn is_bound_to(
        &self,
        account: MailAccountId,
        binding: &CredentialBinding,
        secret: &SealedSecret,
    ) -> bool {
        secret.binding == binding_hash(account, binding)
    }

    /// The text of a capability URL. Encrypted: neither the session nor the message shows in it.
    pub fn grant(&self, capability: &Capability) -> String {
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let sealed = XChaCha20Poly1305::new(&(*self.capabilities).into())
            .encrypt(&XNonce::from(nonce), capability.to_bytes().as_slice())
            .unwrap_or_default();
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// `None`: made up, or over.
    pub fn redeem(&self, text: &str, now: Timestamp) -> Option<Capability> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let opened = XChaCha20Poly1305::new(&(*self.capabilities).into())
            .decrypt(&XNonce::from(*nonce), sealed)
            .ok()?;
        Capability::from_bytes(&opened).filter(|capability| capability.expires_at > now)
    }

    pub fn tombstone(&self, account: MailAccountId, content: &[u8; 32]) -> [u8; 32] {
        let text = [account.uuid().as_bytes().as_slice(), content].concat();
        *blake3::keyed_hash(&self.tombstones, &text).as_bytes()
    }

    /// The left part of the Message-ID of a message that is written here: which it is, and a token that nobody
    /// else can make.
    pub fn message_id_token(&self, account: MailAccountId, message: MessageId) -> String {
        let id = message.uuid().simple();
        format!("{id}.{}", self.message_id_mac(account, message))
    }

    /// The message of this account whose token it is; `None`: made up, or another account's.
    pub fn message_of_token(&self, account: MailAccountId, token: &str) -> Option<MessageId> {
        let (id, mac) = token.split_once('.')?;
        let message = MessageId::from_uuid(Uuid::try_parse(id).ok()?);
        let expected = self.message_id_mac(account, message);
        // Through hashes: comparing those takes the same time for every text.
        (blake3::hash(mac.as_bytes()) == blake3::hash(expected.as_bytes())).then_some(message)
    }

    fn message_id_mac(&self, account: MailAccountId, message: MessageId) -> String {
        let text = [account.uuid().as_bytes().as_slice(), message.uuid().as_bytes()].concat();
        blake3::keyed_hash(&self.message_ids, &text).to_hex()[..24].to_owned()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.sealing).into())
    }
}

/// Leave to load something of one message, for one session and a short time: a sandboxed frame gets no cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    pub session: [u8; 32],
    pub message: MessageId,
    pub target: Target,
    pub expires_at: Timestamp,
}

/// What of a message may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Its HTML.
    Frame {
        remote_images: bool,
    },
    Part(u32),
    /// A remote image of its HTML, by its address.
    Image(String),
}

impl Capability {
    pub const LIFE: Duration = Duration::from_secs(600);

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, value) = match &self.target {
            Target::Frame { remote_images } => (0, vec![u8::from(*remote_images)]),
            Target::Part(part) => (1, part.to_be_bytes().to_vec()),
            Target::Image(url) => (2, url.as_bytes().to_vec()),
        };
        [
            self.session.as_slice(),
            self.message.uuid().as_bytes(),
            &self.expires_at.millis().to_be_bytes(),
            &[kind],
            &value,
        ]
        .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (session, rest) = bytes.split_first_chunk::<32>()?;
        let (message, rest) = rest.split_first_chunk::<16>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let target = match rest.split_first()? {
            (0, remote_images) => Target::Frame {
                remote_images: remote_images == [1],
            },
            (1, part) => Target::Part(u32::from_be_bytes(part.try_into().ok()?)),
            (2, url) => Target::Image(String::from_utf8(url.to_vec()).ok()?),
            _ => return None,
        };
        Some(Capability {
            session: *session,
            message: MessageId::from_uuid(Uuid::from_bytes(*message)),
            target,
            expires_at: Timestamp::from_millis(i64::from_be_bytes(*expires_at)),
        })
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(rand::rng().random());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(key.as_slice())?;
    file.sync_all()
}

fn check_mode(file: &std::fs::File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file
        .metadata()
        .map_err(|cause| cause.to_string())?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err("others may read it; run chmod 600 on it".into())
    }
}

fn associated_data(account: MailAccountId, binding: &CredentialBinding) -> Vec<u8> {
    [account.uuid().as_bytes().as_slice(), &binding.to_bytes()].concat()
}

fn binding_hash(account: MailAccountId, binding: &CredentialBinding) -> Vec<u8> {
    blake3::hash(&associated_data(account, binding))
        .as_bytes()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::account::Security;

    fn binding(host: &str) -> CredentialBinding {
        CredentialBinding {
            host: host.into(),
            port: 993,
            username: "alice".into(),
            security: Security::Tls,
        }
    }

    fn account(number: u128) -> MailAccountId {
        MailAccountId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_password_opens_only_for_what_it_was_given_for() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let sealed = key.seal(
            account(1),
            &binding("a.example"),
            &SecretString::from("hunter2".to_owned()),
        );
        assert!(!sealed.sealed.windows(7).any(|window| window == b"hunter2"));
        let opened = key
            .open(account(1), &binding("a.example"), &sealed)
            .expect("opens");
        assert_eq!(opened.expose_secret(), "hunter2");
        assert!(key.open(account(1), &binding("b.example"), &sealed).is_none());
        assert!(key.open(account(2), &binding("a.example"), &sealed).is_none());
        assert!(
            MasterKey::from_bytes(&[8; 32])
                .open(account(1), &binding("a.example"), &sealed)
                .is_none()
        );
    }

    #[test]
    fn a_capability_is_good_for_its_part_and_its_time() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let capability = Capability {
            session: [1; 32],
            message: MessageId::from_uuid(Uuid::from_u128(9)),
            target: Target::Image("https://t.example/p.png".into()),
            expires_at: Timestamp::from_seconds(100),
        };
        let text = key.grant(&capability);
        assert_eq!(key.redeem(&text, Timestamp::from_seconds(99)), Some(capability));
        assert_eq!(key.redeem(&text, Timestamp::from_seconds(100)), None);
        assert_eq!(key.redeem(&text[1..], Timestamp::EPOCH), None);
        assert_eq!(
            MasterKey::from_bytes(&[8; 32]).redeem(&text, Timestamp::EPOCH),
            None
        );
    }

    #[test]
    fn a_token_in_a_message_id_is_of_one_account_and_cannot_be_made_up() {
        let key = MasterKey::from_bytes(&[7; 32]);
        let message = MessageId::from_uuid(Uuid::from_u128(9));
        let token = key.message_id_token(account(1), message);
        assert_eq!(key.message_of_token(account(1), &token), Some(message));
        assert_eq!(key.message_of_token(account(2), &token), None);
        let other = MessageId::from_uuid(Uuid::from_u128(10))
            .uuid()
            .simple()
            .to_string();
        let (_, mac) = token.split_once('.').expect("token");
        for made_up in [
            format!("{other}.{mac}"),
            token[..token.len() - 1].to_owned(),
            String::new(),
        ] {
            assert_eq!(key.message_of_token(account(1), &made_up), None, "{made_up}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        let first = MasterKey::load_or_create(&path).expect("made");
        let again = MasterKey::load_or_create(&path).expect("read");
        assert_eq!(
            first.tombstone(account(1), &[1; 32]),
            again.tombstone(account(1), &[1; 32])
        );
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(MasterKey::load_or_create(&path).is_err());
    }
}
