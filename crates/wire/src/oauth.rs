//! OAuth 2.0 as a client (RFC 6749, 7636, 8414): where a person is sent, and what is asked of a provider itself.
//!
//! Our own few calls over the one dialer and not a library: what there is brings a clock of its own and second versions of
//! what seals and hashes here, and knows neither RFC 9207 nor a limit of what is read.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use domain::CleanText;
use domain::sign_in::Endpoints;
use domain::sign_in::SignInProvider;
use hyper::HeaderMap;
use hyper::Method;
use hyper::StatusCode;
use hyper::header;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;
use sha2::Sha256;
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded;

use crate::dialer::Dialer;
use crate::error::Kind;
use crate::error::WireError;
use crate::web;
use crate::web::Question;

/// For everything: names, TLS, all bytes.
const MOST_TIME: Duration = Duration::from_secs(20);
const MOST_BYTES: usize = 256 * 1024;
const MOST_URL_BYTES: usize = 2_048;
/// Where a provider does not say.
const USUAL_LIFE: Duration = Duration::from_secs(3_600);
const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 3_600);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// It could not be asked.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Nothing is wrong with what was asked: later.
    #[error("the provider is busy ({status})")]
    Busy {
        status: u16,
        again_after: Option<Duration>,
    },
    /// RFC 6749 §5.2: `code` is one of its words, `said` the provider's own text.
    #[error("the provider refused: {code}")]
    Refused { code: String, said: Option<CleanText> },
    #[error("the provider answers otherwise than expected: {0}")]
    Strange(&'static str),
}

/// Who we are to a provider.
#[derive(Clone)]
pub struct Client {
    pub provider: SignInProvider,
    /// `None`: a public client.
    pub secret: Option<SecretString>,
}

/// What a provider gave.
#[derive(Debug)]
pub struct Tokens {
    pub access: SecretString,
    /// `None`: the one from before goes on to be good.
    pub refresh: Option<SecretString>,
    pub life: Duration,
    /// `None`: those that were asked for.
    pub scopes: Option<String>,
    /// As whom somebody has signed in, where the provider says so.
    pub address: Option<String>,
}

/// What a person is asked for.
pub struct Asked<'a> {
    pub redirect: &'a str,
    pub state: &'a str,
    /// Its hash goes along, itself only with the code (RFC 7636).
    pub verifier: &'a str,
    /// The address that is to be signed in.
    pub login_hint: &'a str,
}

/// What an issuer says of itself (RFC 8414).
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    #[serde(flatten)]
    pub endpoints: Endpoints,
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub says_issuer: bool,
}

/// Where the browser goes. `None`: the provider's address is none.
pub fn authorization_url(provider: &SignInProvider, asked: &Asked<'_>) -> Option<String> {
    let mut url = Url::parse(&provider.endpoints.authorization_endpoint).ok()?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(asked.verifier.as_bytes()));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", asked.redirect)
        .append_pair("scope", &provider.scopes.join(" "))
        .append_pair("state", asked.state)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("login_hint", asked.login_hint)
        .extend_pairs(&provider.parameters);
    Some(url.into())
}

/// An address that may be a provider's: HTTPS; in clear only on this machine, where the dialer decides again.
pub fn is_address(text: &str) -> bool {
    parse(text).is_some()
}

fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MOST_URL_BYTES)?;
    let is_here = match url.host()? {
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
        url::Host::Domain(_) => false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_here))).then_some(url)
}

/// Asks an issuer for its addresses: as RFC 8414 has it, then as OpenID Connect does.
pub async fn discover(dialer: &Dialer, issuer: &str) -> Result<Metadata, OauthError> {
    let url = parse(issuer).filter(|url| url.query().is_none());
    let url = url.ok_or(OauthError::Strange("an issuer is an https address"))?;
    let path = url.path().trim_end_matches('/');
    let mut by_standard = url.clone();
    by_standard.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    let mut by_openid = url.clone();
    by_openid.set_path(&format!("{path}/.well-known/openid-configuration"));
    let found: Metadata = match get(dialer, &by_standard).await {
        Err(OauthError::Refused { .. } | OauthError::Strange(_)) => get(dialer, &by_openid).await?,
        found => found?,
    };
    // §3.3: or somebody else's addresses would be taken for this issuer's.
    if found.issuer != issuer {
        return Err(OauthError::Strange("its metadata is of another issuer"));
    }
    if !found.endpoints.all().all(is_address) {
        return Err(OauthError::Strange("its metadata names an address without https"));
    }
    Ok(found)
}

/// The code, once, for tokens.
pub async fn exchange(
    dialer: &Dialer,
    client: &Client,
    code: &SecretString,
    verifier: &str,
    redirect: &str,
) -> Result<Tokens, OauthError> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", redirect),
        ("code_verifier", verifier),
    ];
    ask_for_tokens(dialer, client, &form).await
}

pub async fn refresh(dialer: &Dialer, client: &Client, token: &SecretString) -> Result<Tokens, OauthError> {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose_secret()),
    ];
    ask_for_tokens(dialer, client, &form).await
}

/// RFC 7009. A provider that has no such address is not asked.
pub async fn revoke(dialer: &Dialer, client: &Client, token: &SecretString) -> Result<(), OauthError> {
    let Some(endpoint) = &client.provider.endpoints.revocation_endpoint else {
        return Ok(());
    };
    let form = [
        ("token", token.expose_secret()),
        ("token_type_hint", "refresh_token"),
    ];
    post(dialer, client, endpoint, &form).await.map(drop)
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_in: Option<u64>,
    scope: Option<String>,
    id_token: Option<String>,
}

async fn ask_for_tokens(
    dialer: &Dialer,
    client: &Client,
    form: &[(&str, &str)],
) -> Result<Tokens, OauthError> {
    let endpoint = &client.provider.endpoints.token_endpoint;
    let body = post(dialer, client, endpoint, form).await?;
    let answer: TokenAnswer = read_json(&body)?;
    let life = answer.expires_in.map_or(USUAL_LIFE, Duration::from_secs);
    let address = answer
        .id_token
        .and_then(|token| address_in(&token, &client.provider.client_id));
    Ok(Tokens {
        access: answer.access_token,
        refresh: answer
            .refresh_token
            .filter(|token| !token.expose_secret().is_empty()),
        life: life.min(LONGEST_LIFE),
        scopes: answer
            .scope
            .map(|scope| CleanText::cut(&scope, 1_000).into_string()),
        address,
    })
}

/// As whom, by what came from the provider itself over TLS (OpenID Connect Core §3.1.3.7: its signature need not be
/// checked then). Only of a token that is for us.
fn address_in(id_token: &str, client_id: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let is_ours = match &claims["aud"] {
        serde_json::Value::String(audience) => audience == client_id,
        serde_json::Value::Array(all) => all.iter().any(|audience| audience == client_id),
        _ => false,
    };
    let named = ["email", "preferred_username", "upn"].iter();
    let address = named
        .filter_map(|name| claims[*name].as_str())
        .find(|text| text.contains('@'));
    address
        .filter(|_| is_ours)
        .map(|address| CleanText::cut(address, 320).into_string())
}

async fn post(
    dialer: &Dialer,
    client: &Client,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<Bytes, OauthError> {
    let url = parse(endpoint).ok_or(OauthError::Strange("its address is not https"))?;
    let question = Question {
        method: Method::POST,
        url: &url,
        headers: vec![
            (header::CONTENT_TYPE, "application/x-www-form-urlencoded".into()),
            (header::ACCEPT, "application/json".into()),
            (header::USER_AGENT, "Waxseal".into()),
        ],
        body: written(client, form),
        in_clear: false,
    };
    ask(dialer, question).await
}

/// Who we are goes along in the form (RFC 6749 §2.3.1): all of the table take it so.
fn written(client: &Client, form: &[(&str, &str)]) -> Bytes {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    body.append_pair("client_id", &client.provider.client_id);
    if let Some(secret) = &client.secret {
        body.append_pair("client_secret", secret.expose_secret());
    }
    body.finish().into()
}

async fn get<T: DeserializeOwned>(dialer: &Dialer, url: &Url) -> Result<T, OauthError> {
    let question = Question {
        method: Method::GET,
        url,
        headers: vec![
            (header::ACCEPT, "application/json".into()),
            (header::USER_AGENT, "Waxseal".into()),
        ],
        body: Bytes::new(),
        in_clear: false,
    };
    read_json(&ask(dialer, question).await?)
}

/// No redirection is followed: a code or a token goes where it was meant to go, or nowhere.
async fn ask(dialer: &Dialer, question: Question<'_>) -> Result<Bytes, OauthError> {
    const DOING: &str = "asking the sign-in provider";
    let asked = async {
        let response = web::ask(dialer, question, DOING).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = web::read(response, MOST_BYTES, DOING).await?;
        Ok::<_, WireError>((status, headers, body))
    };
    let (status, headers, body) = timeout(MOST_TIME, asked)
        .await
        .map_err(|_| WireError::new(Kind::Timeout, DOING))??;
    match status.is_success() {
        true => Ok(body),
        false => Err(refusal(status, &headers, &body)),
    }
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> OauthError {
    #[derive(Deserialize)]
    struct ErrorAnswer {
        error: String,
        error_description: Option<String>,
    }
    if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
        let again_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        return OauthError::Busy {
            status: status.as_u16(),
            again_after,
        };
    }
    match serde_json::from_slice::<ErrorAnswer>(body) {
        // Both are words of RFC 6749 §4.1.2.1 that some give here, too.
        Ok(answer) if matches!(answer.error.as_str(), "temporarily_unavailable" | "server_error") => {
            OauthError::Busy {
                status: status.as_u16(),
                again_after: None,
            }
        }
        Ok(answer) => OauthError::Refused {
            code: CleanText::cut(&answer.error, 60).into_string(),
            said: answer
                .error_description
                .map(|text| CleanText::cut(&text, WireError::SAID_CHARS)),
        },
        Err(_) => OauthError::Strange("it refused without saying why"),
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, OauthError> {
    serde_json::from_slice(body).map_err(|_| OauthError::Strange("its answer is no JSON of the kind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_over_https_or_on_this_machine() {
        for (text, is) in [
            ("https://login.example/token", true),
            ("https://login.example:8443/a?b=c", true),
            ("http://127.0.0.1:4000/token", true),
            ("http://[::1]:4000/token", true),
            ("http://localhost:4000/token", false),
            ("http://login.example/token", false),
            ("https://user:x@login.example/", false),
            ("https://login.example/#x", false),
            ("javascript:alert(1)", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(is_address(text), is, "{text}");
        }
    }

    #[test]
    fn an_address_is_read_of_a_token_that_is_for_us() {
        let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        for (claims, expected) in [
            (r#"{"aud":"we","email":"a@isp.example"}"#, Some("a@isp.example")),
            (
                r#"{"aud":["x","we"],"preferred_username":"a@isp.example"}"#,
                Some("a@isp.example"),
            ),
            (r#"{"aud":"others","email":"a@isp.example"}"#, None),
            (r#"{"aud":"we","preferred_username":"alice"}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(address_in(&token(claims), "we").as_deref(), expected, "{claims}");
        }
        assert_eq!(address_in("", "we"), None);
    }

    #[test]
    fn who_is_busy_is_asked_again_and_who_refuses_is_not() {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, header::HeaderValue::from_static("7"))]);
        let of = |status: u16, body: &str| {
            refusal(
                StatusCode::from_u16(status).expect("status"),
                &headers,
                body.as_bytes(),
            )
        };
        let busy = |status| OauthError::Busy {
            status,
            again_after: Some(Duration::from_secs(7)),
        };
        assert_eq!(of(503, "<html>"), busy(503));
        assert_eq!(of(429, r#"{"error":"invalid_grant"}"#), busy(429));
        assert!(matches!(
            of(400, r#"{"error":"temporarily_unavailable"}"#),
            OauthError::Busy { .. }
        ));
        assert!(
            matches!(of(400, r#"{"error":"invalid_grant"}"#), OauthError::Refused { code, .. } if code == "invalid_grant")
        );
        assert!(matches!(of(404, "no"), OauthError::Strange(_)));
    }
}
