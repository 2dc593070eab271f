//! The key of the installation: signs capability URLs, keys tombstones and the tokens in our Message-IDs, seals second
//! factors.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::AdministratorId;
use domain::MailAccountId;
use domain::MessageId;
use domain::Timestamp;
use domain::message::FilePlace;
use mime::Charset;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::data_keys::DataKey;
use crate::data_keys::KEY_BYTES;
use crate::data_keys::open;
use crate::data_keys::seal;

pub struct InstallationKey {
    second_factors: Zeroizing<[u8; KEY_BYTES]>,
    capabilities: Zeroizing<[u8; KEY_BYTES]>,
    tombstones: Zeroizing<[u8; KEY_BYTES]>,
    message_ids: Zeroizing<[u8; KEY_BYTES]>,
    client_secrets: Zeroizing<[u8; KEY_BYTES]>,
    verifiers: Zeroizing<[u8; KEY_BYTES]>,
}

impl InstallationKey {
    pub fn new(key: &DataKey) -> Self {
        InstallationKey {
            // The name of the purpose is older than data keys.
            second_factors: key.derive("waxseal 2026 sealing of credentials"),
            capabilities: key.derive("waxseal 2026 capability urls"),
            tombstones: key.derive("waxseal 2026 tombstones of erased messages"),
            message_ids: key.derive("waxseal 2026 tokens in message ids"),
            client_secrets: key.derive("waxseal 2026 sealing of client secrets"),
            verifiers: key.derive("waxseal 2026 verifiers of sign-ins at providers"),
        }
    }

    pub fn seal_second_factor(&self, administrator: AdministratorId, secret: &[u8]) -> Vec<u8> {
        seal(&self.second_factors, &second_factor_of(administrator), secret)
    }

    pub fn open_second_factor(
        &self,
        administrator: AdministratorId,
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.second_factors, &second_factor_of(administrator), sealed)
    }

    /// `client`: whose it is; it opens beside the same only.
    pub fn seal_client_secret(&self, client: &[u8], secret: &[u8]) -> Vec<u8> {
        seal(&self.client_secrets, client, secret)
    }

    pub fn open_client_secret(&self, client: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.client_secrets, client, sealed)
    }

    /// What proves that a code is exchanged by whoever began (RFC 7636): made of the state, so that it is stored nowhere.
    pub fn sign_in_verifier(&self, state: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&self.verifiers, state.as_bytes()).as_bytes())
    }

    /// The text of a capability URL. Encrypted: neither the session nor the message shows in it.
    pub fn grant(&self, capability: &Capability) -> String {
        URL_SAFE_NO_PAD.encode(seal(&self.capabilities, &[], &capability.to_bytes()))
    }

    /// `None`: made up, or over.
    pub fn redeem(&self, text: &str, now: Timestamp) -> Option<Capability> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let opened = open(&self.capabilities, &[], &bytes)?;
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
}

fn second_factor_of(administrator: AdministratorId) -> Vec<u8> {
    [b"second factor:".as_slice(), administrator.uuid().as_bytes()].concat()
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
        /// What a reader says it is written in.
        charset: Option<Charset>,
    },
    Part(FilePlace),
    /// A remote image of its HTML, by its address.
    Image(String),
}

impl Capability {
    pub const LIFE: Duration = Duration::from_secs(600);

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, value) = match &self.target {
            Target::Frame {
                remote_images,
                charset,
            } => {
                let named = charset.map_or("", Charset::name);
                (0, [&[u8::from(*remote_images)], named.as_bytes()].concat())
            }
            Target::Part(place) => (1, place.number().to_be_bytes().to_vec()),
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
            (0, [remote_images, charset @ ..]) => Target::Frame {
                remote_images: *remote_images == 1,
                charset: Charset::named(std::str::from_utf8(charset).ok()?),
            },
            (1, number) => {
                let number = u32::from_be_bytes(number.try_into().ok()?);
                Target::Part(FilePlace::of_number(number))
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u128) -> MailAccountId {
        MailAccountId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn of(number: u8) -> InstallationKey {
        InstallationKey::new(&DataKey::of(number))
    }

    #[test]
    fn a_capability_is_good_for_its_part_and_its_time() {
        let key = of(7);
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
        assert_eq!(of(8).redeem(&text, Timestamp::EPOCH), None);
    }

    #[test]
    fn a_token_in_a_message_id_is_of_one_account_and_cannot_be_made_up() {
        let key = of(7);
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
}
