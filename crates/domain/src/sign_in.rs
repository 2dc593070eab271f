//! Who signs mailboxes in by OAuth 2.0: what is known of them, what a super-administrator has set up, and what of it goes
//! where. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::preset::is_within;
use crate::time::Timestamp;

/// One whose addresses a super-administrator gives.
pub const OTHER: &str = "other";
const TENANT: &str = "{tenant}";

/// Of the table.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownProvider {
    pub kind: String,
    pub name: String,
    issuer: String,
    #[serde(flatten)]
    endpoints: Endpoints,
    pub scopes: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    servers: Vec<String>,
    /// Its servers are in the table of providers under this domain.
    #[serde(default)]
    pub mail_domain: Option<String>,
}

/// RFC 8414 §2, under its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
}

/// One that is set up: all that signing in and refreshing need, but for the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProvider {
    pub kind: String,
    pub name: String,
    pub client_id: String,
    /// Of Microsoft: `common`, `organizations`, `consumers`, a tenant's id or its domain.
    #[serde(default)]
    pub tenant: String,
    /// Empty: two addresses were given in its place.
    pub issuer: String,
    #[serde(flatten)]
    pub endpoints: Endpoints,
    pub scopes: Vec<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// How the names of the mail servers end that its tokens may be shown to.
    pub servers: Vec<String>,
    /// It names itself in its answers (RFC 9207): one without a name is not its.
    #[serde(default)]
    pub says_issuer: bool,
}

impl Endpoints {
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let more = [&self.device_authorization_endpoint, &self.revocation_endpoint];
        [&self.authorization_endpoint, &self.token_endpoint]
            .into_iter()
            .chain(more.into_iter().flatten())
            .map(String::as_str)
    }
}

impl KnownProvider {
    pub fn has_tenants(&self) -> bool {
        self.issuer.contains(TENANT)
    }

    /// Set up with this client. An empty list of scopes stands for the table's.
    pub fn set_up(&self, client_id: &str, tenant: &str, scopes: &[String]) -> SignInProvider {
        let tenant = match tenant {
            "" => "common",
            chosen => chosen,
        };
        let of_tenant = |text: &String| text.replace(TENANT, tenant);
        SignInProvider {
            kind: self.kind.clone(),
            name: self.name.clone(),
            client_id: client_id.to_owned(),
            tenant: if self.has_tenants() {
                tenant.to_owned()
            } else {
                String::new()
            },
            issuer: of_tenant(&self.issuer),
            endpoints: Endpoints {
                authorization_endpoint: of_tenant(&self.endpoints.authorization_endpoint),
                token_endpoint: of_tenant(&self.endpoints.token_endpoint),
                device_authorization_endpoint: self
                    .endpoints
                    .device_authorization_endpoint
                    .as_ref()
                    .map(of_tenant),
                revocation_endpoint: self.endpoints.revocation_endpoint.as_ref().map(of_tenant),
            },
            scopes: if scopes.is_empty() {
                self.scopes.clone()
            } else {
                scopes.to_vec()
            },
            parameters: self.parameters.clone(),
            servers: self.servers.clone(),
            says_issuer: false,
        }
    }
}

impl SignInProvider {
    /// A token is shown to the provider's own servers only: whoever can change a card could have it sent anywhere.
    pub fn may_show_to(&self, server: &str) -> bool {
        self.servers.iter().any(|known| is_within(server, known))
    }

    /// Whether an answer that names `issuer` may be its (RFC 9207 §2.4).
    pub fn may_have_answered(&self, issuer: Option<&str>) -> bool {
        match issuer {
            Some(issuer) => issuer == self.issuer || self.issuer.is_empty() || self.is_one_of_tenants(issuer),
            None => !self.says_issuer,
        }
    }

    /// What stands for many tenants answers under the name of the one that it was.
    fn is_one_of_tenants(&self, issuer: &str) -> bool {
        if !matches!(self.tenant.as_str(), "common" | "organizations" | "consumers") {
            return false;
        }
        let parts = self.issuer.split_once(&self.tenant);
        let tenant = parts.and_then(|(before, after)| issuer.strip_prefix(before)?.strip_suffix(after));
        tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
    }

    /// Who is meant by its tokens: they open under no other.
    pub fn identity(&self) -> &str {
        match self.issuer.as_str() {
            "" => &self.endpoints.token_endpoint,
            issuer => issuer,
        }
    }
}

#[derive(Deserialize)]
struct Table {
    provider: Vec<KnownProvider>,
}

/// Constant data, read once; a test proves that it parses.
static KNOWN: LazyLock<Vec<KnownProvider>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("sign_in_providers.toml"))
        .map(|table| table.provider)
        .unwrap_or_default()
});

pub fn known_providers() -> &'static [KnownProvider] {
    &KNOWN
}

pub fn known_provider(kind: &str) -> Option<&'static KnownProvider> {
    KNOWN.iter().find(|provider| provider.kind == kind)
}

/// Who signs in at a mail server.
pub fn known_provider_at(server: &str) -> Option<&'static KnownProvider> {
    let is_its = |provider: &&KnownProvider| provider.servers.iter().any(|known| is_within(server, known));
    KNOWN.iter().find(is_its)
}

/// Ahead of its end by five minutes, or by a quarter of a short life: a refresh may have to be tried again, and clocks
/// differ.
pub fn refresh_at(now: Timestamp, life: Duration) -> Timestamp {
    now.plus(life - AHEAD.min(life / 4))
}

const AHEAD: Duration = Duration::from_secs(300);
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// After so many refreshes that the provider could not answer; `asked`: what it wants itself.
pub fn refresh_again_after(failures: u32, asked: Option<Duration>) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(failures.min(10)));
    let wait = wait.min(LONGEST_WAIT);
    asked.map_or(wait, |asked| asked.clamp(wait, LONGEST_WAIT * 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole_and_its_tokens_stay_with_its_servers() {
        let table: Table = toml::from_str(include_str!("sign_in_providers.toml")).expect("table");
        assert_eq!(table.provider.len(), 6);
        for (kind, server, may) in [
            ("google", "imap.gmail.com", true),
            ("google", "SMTP.Gmail.com", true),
            ("google", "imap.gmail.com.evil.example", false),
            ("google", "notgmail.com", false),
            ("google", "outlook.office365.com", false),
            ("microsoft", "smtp-mail.outlook.com", true),
            ("microsoft", "127.0.0.1", false),
        ] {
            let provider = known_provider(kind).expect(kind).set_up("id", "", &[]);
            assert_eq!(provider.may_show_to(server), may, "{kind} {server}");
        }
        let mut other = known_provider("google").expect("google").set_up("id", "", &[]);
        other.servers = vec![String::new()];
        assert!(!other.may_show_to("anything.example"));
    }

    #[test]
    fn a_tenant_is_part_of_every_address() {
        let microsoft = known_provider("microsoft").expect("microsoft");
        let one = microsoft.set_up("id", "isp.example", &[]);
        assert_eq!(
            one.endpoints.token_endpoint,
            "https://login.microsoftonline.com/isp.example/oauth2/v2.0/token"
        );
        assert!(!one.issuer.contains('{'));
        assert_eq!(microsoft.set_up("id", "", &[]).tenant, "common");
    }

    #[test]
    fn an_answer_is_taken_from_whom_was_asked() {
        let google = known_provider("google").expect("google").set_up("id", "", &[]);
        let strict = SignInProvider {
            says_issuer: true,
            ..google.clone()
        };
        let common = known_provider("microsoft")
            .expect("microsoft")
            .set_up("id", "", &[]);
        for (provider, issuer, may) in [
            (&google, Some("https://accounts.google.com"), true),
            (&google, Some("https://accounts.google.com/"), false),
            (&google, Some("https://evil.example"), false),
            (&google, None, true),
            (&strict, None, false),
            (&strict, Some("https://accounts.google.com"), true),
            (
                &common,
                Some("https://login.microsoftonline.com/9188040d/v2.0"),
                true,
            ),
            (&common, Some("https://evil.example/9188040d/v2.0"), false),
            (&common, Some("https://login.microsoftonline.com/a/b/v2.0"), false),
        ] {
            assert_eq!(provider.may_have_answered(issuer), may, "{issuer:?}");
        }
    }

    #[test]
    fn tokens_are_refreshed_ahead_and_later_after_each_failure() {
        let now = Timestamp::from_seconds(1_000);
        for (life, expected) in [(3_600, 4_300), (60, 1_045), (0, 1_000)] {
            let at = refresh_at(now, Duration::from_secs(life));
            assert_eq!(at, Timestamp::from_seconds(expected), "{life}");
        }
        let seconds = |failures, asked: Option<u64>| {
            refresh_again_after(failures, asked.map(Duration::from_secs)).as_secs()
        };
        assert_eq!(
            [seconds(0, None), seconds(1, None), seconds(99, None)],
            [15, 30, 900]
        );
        assert_eq!(
            [
                seconds(0, Some(120)),
                seconds(0, Some(1)),
                seconds(0, Some(999_999))
            ],
            [120, 15, 3_600]
        );
    }
}
