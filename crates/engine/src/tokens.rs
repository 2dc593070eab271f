//! Access tokens: asked of providers, refreshed ahead of their end, once for an account however many ask.
//!
//! What an account signs in with lies in the database, so that all connections and processes share it. Whoever needs it
//! calls [`keep_fresh`] first. In a process one task refreshes and the others wait for it; between processes the lease of
//! the row does the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use domain::MailAccountId;
use domain::SignInProviderId;
use domain::sign_in::SignInProvider;
use secrecy::SecretString;
use service::ServiceError;
use service::access::Viewer;
use service::mailbox_sign_in::NewTokens;
use service::mailbox_sign_in::ProviderClient;
use service::mailbox_sign_in::ProviderForm;
use service::mailbox_sign_in::Refresh;
use service::mailbox_sign_in::ReturnedSignIn;
use service::mailbox_sign_in::TokenState;
use tokio::time::Instant;
use tokio::time::interval;
use tracing::warn;
use wire::Asked;
use wire::Client;
use wire::OauthError;
use wire::Tokens;

use crate::EngineError;
use crate::EngineHandle;

/// How often is looked for tokens that are to be refreshed, whether somebody needs them or not: a sign-in that is over is
/// found, and one that would be forgotten by its provider is used.
pub const LOOK: Duration = Duration::from_secs(15);
/// Another process refreshes: how often is looked whether it has.
const ANOTHER: Duration = Duration::from_millis(200);
/// It is given so long; its lease is longer than it waits itself.
const LONGEST_WAIT: Duration = Duration::from_secs(75);

/// One lock for each account whose tokens are asked for.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<MailAccountId, Arc<tokio::sync::Mutex<()>>>>>);

impl Flights {
    fn of(&self, account: MailAccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, held| Arc::strong_count(held) > 1);
        flights.entry(account).or_default().clone()
    }
}

/// Returns when the account may sign in with what is stored; at once where that is a password.
pub async fn keep_fresh(handle: &EngineHandle, account: MailAccountId) -> Result<(), EngineError> {
    if is_ready(handle, account, true).await? {
        return Ok(());
    }
    let flight = handle.flights.of(account);
    let _turn = flight.lock().await;
    let until = Instant::now() + LONGEST_WAIT;
    while !is_ready(handle, account, false).await? {
        match handle.services.begin_refresh(account).await? {
            Some(refresh) => refresh_now(handle, &refresh).await?,
            None if Instant::now() > until => return Err(EngineError::TokenWaits(WAITED.into())),
            None => tokio::time::sleep(ANOTHER).await,
        }
    }
    Ok(())
}

const WAITED: &str = "Another process asks the provider, and has not come to an end.";

/// `is_good_enough`: one that is to be refreshed and still good will do, since [`run`] refreshes it meanwhile.
async fn is_ready(
    handle: &EngineHandle,
    account: MailAccountId,
    is_good_enough: bool,
) -> Result<bool, EngineError> {
    match handle.services.token_state(account).await? {
        TokenState::None | TokenState::Fresh => Ok(true),
        TokenState::Due { is_good } => Ok(is_good && is_good_enough),
        TokenState::Waits { because } => Err(EngineError::TokenWaits(because)),
        TokenState::Over { because } => Err(EngineError::SignInAgain(because)),
    }
}

/// Whatever comes of it is stored; the next look at the account's state tells.
async fn refresh_now(handle: &EngineHandle, refresh: &Refresh) -> Result<(), EngineError> {
    let services = &handle.services;
    let client = client(&refresh.client);
    let answer = wire::refresh(&handle.dialer, &client, &refresh.refresh_token).await;
    metrics::counter!("waxseal_token_refreshes_total", "outcome" => outcome(&answer)).increment(1);
    match answer {
        Ok(tokens) => services.refreshed(refresh, given(tokens)).await?,
        Err(error) if is_final(&error) => {
            let because = words(&refresh.client.provider, &error);
            services.refresh_over(refresh, &because).await?;
        }
        Err(error) => {
            let again_after = match &error {
                OauthError::Busy { again_after, .. } => *again_after,
                _ => None,
            };
            let because = words(&refresh.client.provider, &error);
            services.refresh_failed(refresh, &because, again_after).await?;
        }
    }
    Ok(())
}

/// RFC 6749 §5.2: this grant is no longer one. What is wrong with the client is for the super-administrator, and the
/// sign-in may well be good.
fn is_final(error: &OauthError) -> bool {
    matches!(error, OauthError::Refused { code, .. } if matches!(code.as_str(), "invalid_grant" | "interaction_required" | "consent_required"))
}

/// For the metrics.
fn outcome(answer: &Result<Tokens, OauthError>) -> &'static str {
    match answer {
        Ok(_) => "refreshed",
        Err(error) if is_final(error) => "over",
        Err(OauthError::Refused { .. }) => "refused",
        Err(_) => "failed",
    }
}

/// Never ends.
pub async fn run(handle: EngineHandle) {
    let mut ticks = interval(handle.token_look);
    loop {
        ticks.tick().await;
        let due = match handle.services.list_due_tokens().await {
            Ok(due) => due,
            Err(error) => {
                warn!(%error, "Tokens that are to be refreshed could not be read");
                continue;
            }
        };
        // Each is waited for: a provider that is slow is not asked for hundreds at once.
        for account in due {
            refresh_ahead(&handle, account).await;
        }
    }
}

async fn refresh_ahead(handle: &EngineHandle, account: MailAccountId) {
    let flight = handle.flights.of(account);
    let _turn = flight.lock().await;
    let refreshed = async {
        match handle.services.begin_refresh(account).await? {
            Some(refresh) => refresh_now(handle, &refresh).await,
            None => Ok(()),
        }
    };
    if let Err(error) = refreshed.await {
        warn!(mail_account.id = %account, %error, "Tokens could not be refreshed");
    }
}

impl EngineHandle {
    /// Where the browser of somebody goes who signs a mailbox in; `redirect` is where the provider sends it back to.
    pub async fn begin_sign_in(
        &self,
        viewer: Viewer,
        account: MailAccountId,
        provider: SignInProviderId,
        redirect: &str,
    ) -> Result<String, ServiceError> {
        let begun = self
            .services
            .begin_mailbox_sign_in(viewer, account, provider, redirect)
            .await?;
        let asked = Asked {
            redirect,
            state: &begun.state,
            verifier: &begun.verifier,
            login_hint: &begun.login_hint,
        };
        wire::authorization_url(&begun.provider, &asked).ok_or(ServiceError::Damaged)
    }

    /// Somebody is back with a code. The account that is signed in now.
    pub async fn finish_sign_in(
        &self,
        viewer: Viewer,
        state: &str,
        issuer: Option<&str>,
        code: Result<SecretString, &str>,
    ) -> Result<MailAccountId, ServiceError> {
        let returned = self.services.take_returned_sign_in(viewer, state, issuer).await?;
        let provider = &returned.client.provider;
        let code = code.map_err(|error| {
            let refused = OauthError::Refused {
                code: domain::CleanText::cut(error, 60).into_string(),
                said: None,
            };
            failed(words(provider, &refused))
        })?;
        let client = client(&returned.client);
        let tokens = wire::exchange(
            &self.dialer,
            &client,
            &code,
            &returned.verifier,
            &returned.redirect,
        )
        .await
        .map_err(|error| failed(words(provider, &error)))?;
        let given = given(tokens);
        self.unseal_by(viewer, &returned, &given).await?;
        self.services.mailbox_signed_in(viewer, &returned, given).await?;
        Ok(returned.account)
    }

    async fn unseal_by(
        &self,
        viewer: Viewer,
        returned: &ReturnedSignIn,
        given: &NewTokens,
    ) -> Result<(), ServiceError> {
        let tried = self
            .services
            .credentials_that_unseal(viewer, returned, given)
            .await?;
        let Some(credentials) = tried else {
            return Ok(());
        };
        match self.probe(credentials).await.failure {
            Some(failure) => Err(failed(format!("{} {}", failure.message, failure.advice))),
            None => Ok(()),
        }
    }

    /// Here at once; the provider is told where it can be, and does not have to answer.
    pub async fn disconnect(&self, viewer: Viewer, account: MailAccountId) -> Result<(), ServiceError> {
        let Some((taken, token)) = self.services.disconnect_mailbox(viewer, account).await? else {
            return Ok(());
        };
        if let Err(error) = wire::revoke(&self.dialer, &client(&taken), &token).await {
            warn!(mail_account.id = %account, %error, "A provider could not be told that a sign-in is over");
        }
        Ok(())
    }

    /// Looks the addresses of an issuer up, where only the issuer is given.
    pub async fn save_sign_in_provider(
        &self,
        viewer: Viewer,
        form: ProviderForm,
    ) -> Result<SignInProviderId, ServiceError> {
        let mut provider = self.services.plan_sign_in_provider(viewer, &form).await?;
        if provider.endpoints.token_endpoint.is_empty() {
            let found = wire::discover(&self.dialer, &provider.issuer).await;
            let found = found.map_err(|error| ServiceError::field("issuer", words(&provider, &error)))?;
            provider.endpoints = found.endpoints;
            provider.says_issuer = found.says_issuer;
        }
        let endpoints = &provider.endpoints;
        for (field, address) in [
            ("authorization_endpoint", &endpoints.authorization_endpoint),
            ("token_endpoint", &endpoints.token_endpoint),
        ] {
            if !wire::is_address(address) {
                return Err(ServiceError::field(
                    field,
                    "An address that begins with https:// is expected.",
                ));
            }
        }
        self.services
            .save_sign_in_provider(viewer, form.id, provider, form.secret)
            .await
    }
}

fn failed(message: String) -> ServiceError {
    ServiceError::field("sign_in", message)
}

fn client(client: &ProviderClient) -> Client {
    Client {
        provider: client.provider.clone(),
        secret: client.secret.clone(),
    }
}

fn given(tokens: Tokens) -> NewTokens {
    NewTokens {
        access: tokens.access,
        refresh: tokens.refresh,
        life: tokens.life,
        scopes: tokens.scopes,
        address: tokens.address,
    }
}

/// What happened and who can do what about it, in the words of the page.
fn words(provider: &SignInProvider, error: &OauthError) -> String {
    let name = &provider.name;
    match error {
        OauthError::Wire(_) => format!(
            "{name} could not be reached. It is tried again; the operator can look whether its address may be dialled."
        ),
        OauthError::Busy { .. } => format!("{name} is busy."),
        OauthError::Strange(what) => format!("{name} did not answer as expected: {what}."),
        OauthError::Refused { code, said } => {
            let what = match code.as_str() {
                "access_denied" => {
                    "You, or the administrator of your mail, did not allow it. At Microsoft and Google an administrator of your organisation may have to allow this program first (admin consent)."
                }
                "invalid_grant" => "The sign-in is over or was taken back.",
                "invalid_client" | "unauthorized_client" => {
                    "The client id or its secret is not right, or the secret is out of date: the super-administrator can change it under Config, Sign-in with providers."
                }
                "invalid_scope" => {
                    "A scope is not allowed for this client: the super-administrator can change them under Config, Sign-in with providers."
                }
                "interaction_required" | "consent_required" => "It wants to ask you something again.",
                _ => "It refused.",
            };
            let said = said
                .as_ref()
                .map(|said| format!(" {name} said: {}", said.as_str()));
            format!("{what}{}", said.unwrap_or_default())
        }
    }
}
