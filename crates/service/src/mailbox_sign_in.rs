//! Signing a mailbox in at its provider (OAuth 2.0): who has set providers up, who was sent there and is back, and the
//! tokens that accounts live by. What is asked of a provider itself is `engine::tokens`'.

use std::time::Duration;

use domain::CleanText;
use domain::MailAccountId;
use domain::SignInProviderId;
use domain::Timestamp;
use domain::account::CredentialBinding;
use domain::account::ImapSettings;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::preset::Preset;
use domain::provider::provider_of_domain;
use domain::sign_in::Endpoints;
use domain::sign_in::OTHER;
use domain::sign_in::SignInProvider;
use domain::sign_in::known_provider;
use domain::sign_in::refresh_again_after;
use domain::sign_in::refresh_at;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use store::Conn;
use store::Tx;
use store::account_tokens;
use store::account_tokens::AccountTokens;
use store::account_tokens::RefreshLease;
use store::accounts;
use store::accounts::MailAccount;
use store::accounts::SealedSecret;
use store::outbox;
use store::sign_in_providers as providers;
use store::sign_in_providers::Begun;
pub use store::sign_in_providers::StoredProvider;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::accounts::IMAP;
use crate::accounts::ImapCredentials;
use crate::accounts::imap_binding;
use crate::sign_in::random_token;
use crate::sign_in::token_hash;

/// How long somebody may take at the provider.
const BEGUN_LIFE: Duration = Duration::from_secs(15 * 60);
const MAX_PROVIDERS: usize = 50;
const DUE_AT_ONCE: u32 = 100;
const ACCESS: &str = "access token";
const REFRESH: &str = "refresh token";

/// As a super-administrator fills it in. What the table knows need not be given.
pub struct ProviderForm {
    /// `None`: another one.
    pub id: Option<SignInProviderId>,
    pub kind: String,
    pub name: String,
    pub client_id: String,
    /// `None` or empty: the stored one, where it is for the same client of the same provider.
    pub secret: Option<SecretString>,
    pub tenant: String,
    /// Of [`OTHER`]: this, or the two addresses.
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub scopes: Vec<String>,
    pub servers: Vec<String>,
}

/// Where somebody is sent to.
pub struct BegunSignIn {
    pub provider: SignInProvider,
    pub state: String,
    /// Stays here: see RFC 7636.
    pub verifier: String,
    pub login_hint: String,
}

/// Somebody who is back: what the code is to be exchanged with.
pub struct ReturnedSignIn {
    pub account: MailAccountId,
    provider_id: SignInProviderId,
    pub client: ProviderClient,
    pub verifier: String,
    pub redirect: String,
}

/// Who we are to a provider.
#[derive(Clone)]
pub struct ProviderClient {
    pub provider: SignInProvider,
    pub secret: Option<SecretString>,
}

/// What a provider gave.
pub struct NewTokens {
    pub access: SecretString,
    pub refresh: Option<SecretString>,
    pub life: Duration,
    pub scopes: Option<String>,
    pub address: Option<String>,
}

/// What an account may sign in with now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It signs in with a password, or with nothing.
    None,
    Fresh,
    /// To be refreshed; `is_good`: the access token is good meanwhile.
    Due {
        is_good: bool,
    },
    /// The last refresh failed, and it is not time to try again.
    Waits {
        because: String,
    },
    /// Its owner has to sign in again.
    Over {
        because: String,
    },
}

/// For the owner's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInView {
    pub provider: SignInProviderId,
    pub name: String,
    pub issuer: String,
    pub signed_in_as: Option<String>,
    pub scopes: String,
    pub expires_at: Timestamp,
    pub over_because: Option<String>,
}

/// The right, and what it takes, to refresh one account's tokens.
pub struct Refresh {
    lease: RefreshLease,
    tokens: AccountTokens,
    account: MailAccount,
    pub client: ProviderClient,
    pub refresh_token: SecretString,
}

impl Services {
    pub async fn list_sign_in_settings(&self, viewer: Viewer) -> Result<Vec<StoredProvider>, ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        Ok(providers::list(&mut conn).await?)
    }

    /// What the form comes to, before anybody is asked. Of [`OTHER`] with an issuer the addresses are still missing.
    pub async fn plan_sign_in_provider(
        &self,
        viewer: Viewer,
        form: &ProviderForm,
    ) -> Result<SignInProvider, ServiceError> {
        self.require_super(viewer).await?;
        plan(form)
    }

    pub async fn save_sign_in_provider(
        &self,
        viewer: Viewer,
        id: Option<SignInProviderId>,
        provider: SignInProvider,
        secret: Option<SecretString>,
    ) -> Result<SignInProviderId, ServiceError> {
        self.require_super(viewer).await?;
        let mut tx = self.db.begin_write().await?;
        let stored = providers::list(&mut tx).await?;
        let before = id.and_then(|id| stored.iter().find(|stored| stored.id == id));
        if id.is_some() && before.is_none() {
            return Err(ServiceError::NotFound);
        }
        if before.is_none() && stored.len() >= MAX_PROVIDERS {
            let message = format!("At most {MAX_PROVIDERS} are kept.");
            return Err(ServiceError::field("kind", message));
        }
        let id = id.unwrap_or_else(|| self.ids.next());
        let secret = secret.filter(|typed| !typed.expose_secret().is_empty());
        let secret = match (secret, before.and_then(|before| before.secret.as_ref())) {
            (Some(typed), _) => Some(self.seal_client_secret(id, &provider, &typed)),
            // Another client, or another provider, may not get to know it.
            (None, Some(kept)) if self.opens_client_secret(id, &provider, kept) => Some(kept.clone()),
            (None, Some(_)) => {
                let message = "Type the secret: the stored one is for another client.";
                return Err(ServiceError::field("secret", message));
            }
            (None, None) => None,
        };
        let saved = StoredProvider { id, provider, secret };
        providers::save(&mut tx, &saved).await?;
        self.record(
            &mut tx,
            viewer,
            None,
            "sign_in_provider_saved",
            &saved.provider.name,
        )
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Accounts that signed in there have to sign in anew.
    pub async fn delete_sign_in_provider(
        &self,
        viewer: Viewer,
        id: SignInProviderId,
    ) -> Result<(), ServiceError> {
        self.require_super(viewer).await?;
        let mut tx = self.db.begin_write().await?;
        if !providers::delete(&mut tx, id).await? {
            return Err(ServiceError::NotFound);
        }
        self.record(&mut tx, viewer, None, "sign_in_provider_deleted", "")
            .await?;
        Ok(tx.commit().await?)
    }

    /// For the buttons of the page: nothing of clients and secrets.
    pub async fn list_sign_in_providers(&self) -> Result<Vec<StoredProvider>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(providers::list(&mut conn).await?)
    }

    /// `redirect`: where the provider sends the browser back to.
    pub async fn begin_mailbox_sign_in(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        provider: SignInProviderId,
        redirect: &str,
    ) -> Result<BegunSignIn, ServiceError> {
        // A sealed one is opened by it.
        let account = self.get_own_account_even_sealed(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        let unknown = || ServiceError::field("provider_id", "This provider is not set up any more.");
        let stored = providers::find(&mut tx, provider).await?.ok_or_else(unknown)?;
        signed_in_settings(&account, &stored.provider)?;
        let state = random_token();
        let begun = Begun {
            state_hash: token_hash(&state),
            session_hash: viewer.session,
            account: id,
            provider,
            redirect: redirect.to_owned(),
            expires_at: self.now().plus(BEGUN_LIFE),
        };
        providers::insert_begun(&mut tx, &begun).await?;
        tx.commit().await?;
        Ok(BegunSignIn {
            provider: stored.provider,
            verifier: self.keys.sign_in_verifier(&state),
            state,
            login_hint: account.login_name().to_owned(),
        })
    }

    /// Once, in the session that was sent there. `issuer`: who the answer says that it is from.
    pub async fn take_returned_sign_in(
        &self,
        viewer: Viewer,
        state: &str,
        issuer: Option<&str>,
    ) -> Result<ReturnedSignIn, ServiceError> {
        const UNKNOWN: &str =
            "This sign-in was begun in another session, was used already, or took too long. Begin it again.";
        let mut tx = self.db.begin_write().await?;
        let taken = providers::take_begun(&mut tx, token_hash(state), viewer.session, self.now()).await?;
        let begun = taken.ok_or_else(|| failed(UNKNOWN))?;
        let stored = providers::find(&mut tx, begun.provider).await?;
        tx.commit().await?;
        let stored = stored.ok_or_else(|| failed(UNKNOWN))?;
        self.get_own_account_even_sealed(viewer, begun.account).await?;
        if !stored.provider.may_have_answered(issuer) {
            return Err(failed(
                "The answer came from another provider than the one that was asked. Nothing was given to it.",
            ));
        }
        Ok(ReturnedSignIn {
            account: begun.account,
            provider_id: begun.provider,
            verifier: self.keys.sign_in_verifier(state),
            redirect: begun.redirect,
            client: self.client_of(stored),
        })
    }

    /// The provider has given tokens: from now on the account signs in with them, and with no password.
    pub async fn mailbox_signed_in(
        &self,
        viewer: Viewer,
        returned: &ReturnedSignIn,
        given: NewTokens,
    ) -> Result<(), ServiceError> {
        let provider = &returned.client.provider;
        let mut account = self.get_own_account_even_sealed(viewer, returned.account).await?;
        refuse_another_address(&account, given.address.as_deref())?;
        let was_sealed = account.sealed_at.is_some();
        let Some(refresh) = given.refresh.clone() else {
            return Err(failed(&format!(
                "{} lets you in, but not for longer than an hour: the scopes lack lasting (offline) access. The super-administrator can add it.",
                provider.name
            )));
        };
        (account.imap, account.smtp) = signed_in_settings(&account, provider)?;
        let mut tx = self.db.begin_write().await?;
        let tokens = self
            .seal_tokens(&mut tx, &account, returned, given, &refresh)
            .await?;
        accounts::update_settings(&mut tx, &account).await?;
        account_tokens::save(&mut tx, &tokens).await?;
        accounts::delete_secret(&mut tx, account.id, IMAP).await?;
        outbox::set_copies_due(&mut tx, account.id, self.now()).await?;
        outbox::make_due(&mut tx, account.id, self.now()).await?;
        self.record(
            &mut tx,
            viewer,
            Some(account.id),
            "signed_in_at_provider",
            &provider.name,
        )
        .await?;
        if was_sealed {
            accounts::unseal(&mut tx, account.id).await?;
            self.record(&mut tx, viewer, Some(account.id), "unsealed", "")
                .await?;
        }
        tx.commit().await?;
        self.publish_sign_in(account.id);
        if was_sealed {
            self.events.publish(Event::AccessChanged);
        }
        Ok(())
    }

    /// What a sealed account is tried with before a sign-in opens it: its own server has to take the token, because whoever
    /// sets providers up could name one that vouches for anybody. `None`: it is not sealed.
    pub async fn credentials_that_unseal(
        &self,
        viewer: Viewer,
        returned: &ReturnedSignIn,
        given: &NewTokens,
    ) -> Result<Option<ImapCredentials>, ServiceError> {
        let account = self.get_own_account_even_sealed(viewer, returned.account).await?;
        if account.sealed_at.is_none() {
            return Ok(None);
        }
        let credentials = self.credentials_to_unseal(viewer, account.id, given.access.clone());
        Ok(Some(ImapCredentials {
            is_token: true,
            ..credentials.await?
        }))
    }

    /// The account's tokens are forgotten here; what they were, for telling the provider.
    pub async fn disconnect_mailbox(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<Option<(ProviderClient, SecretString)>, ServiceError> {
        let account = self.get_own_account(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        let opened = self.open_tokens(&mut tx, &account).await?;
        account_tokens::delete(&mut tx, id).await?;
        self.record(&mut tx, viewer, Some(id), "signed_out_at_provider", "")
            .await?;
        tx.commit().await?;
        self.publish_sign_in(id);
        Ok(opened.map(|opened| (opened.client, opened.refresh)))
    }

    fn publish_sign_in(&self, account: MailAccountId) {
        self.events.publish(Event::AccountChanged { account });
        self.events.publish(Event::SignInChanged { account });
        self.events.publish(Event::OutboxChanged { account });
    }

    /// `None`: the account signs in with a password.
    pub async fn find_sign_in(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<Option<SignInView>, ServiceError> {
        self.get_own_account(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let Some(tokens) = account_tokens::find(&mut conn, id).await? else {
            return Ok(None);
        };
        let stored = providers::find(&mut conn, tokens.provider).await?;
        Ok(stored.map(|stored| SignInView {
            provider: stored.id,
            issuer: stored.provider.identity().to_owned(),
            name: stored.provider.name,
            signed_in_as: tokens.signed_in_as,
            scopes: tokens.scopes,
            expires_at: tokens.expires_at,
            over_because: tokens.over_because,
        }))
    }

    pub async fn token_state(&self, id: MailAccountId) -> Result<TokenState, ServiceError> {
        let mut conn = self.db.read().await?;
        let tokens = account_tokens::find(&mut conn, id).await?;
        Ok(tokens.map_or(TokenState::None, |tokens| state_of(tokens, self.now())))
    }

    /// Accounts whose tokens are to be refreshed now.
    pub async fn list_due_tokens(&self) -> Result<Vec<MailAccountId>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(account_tokens::list_due_for_engine(&mut conn, self.now(), DUE_AT_ONCE).await?)
    }

    /// `None`: another process refreshes, somebody has just done it, or there is nothing to refresh with.
    pub async fn begin_refresh(&self, id: MailAccountId) -> Result<Option<Refresh>, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let Some(account) = accounts::find(&mut tx, id).await? else {
            return Ok(None);
        };
        let Some(lease) = account_tokens::take_lease(&mut tx, id, self.now()).await? else {
            return Ok(None);
        };
        // Read under the lease: whoever had it before may have stored others.
        let opened = self.open_tokens(&mut tx, &account).await?;
        let due = opened.filter(|opened| {
            matches!(
                state_of(opened.tokens.clone(), self.now()),
                TokenState::Due { .. }
            )
        });
        let Some(opened) = due else {
            return Ok(None);
        };
        tx.commit().await?;
        Ok(Some(Refresh {
            lease,
            tokens: opened.tokens,
            account,
            client: opened.client,
            refresh_token: opened.refresh,
        }))
    }

    /// Stored before anybody uses what was given: a provider that rotates has already taken the old ones back.
    pub async fn refreshed(&self, refresh: &Refresh, given: NewTokens) -> Result<(), ServiceError> {
        let now = self.now();
        let provider = &refresh.client.provider;
        let mut tx = self.db.begin_write().await?;
        let refresh_token = given.refresh.as_ref().unwrap_or(&refresh.refresh_token);
        let [access, next] = self
            .seal_both(
                &mut tx,
                &refresh.account,
                provider,
                [&given.access, refresh_token],
            )
            .await?;
        let tokens = AccountTokens {
            refresh_token: next,
            access_token: access,
            scopes: given.scopes.unwrap_or_else(|| refresh.tokens.scopes.clone()),
            expires_at: now.plus(given.life),
            refresh_at: refresh_at(now, given.life),
            ..refresh.tokens.clone()
        };
        let mut held = tx.hold(&refresh.lease, now).await?;
        account_tokens::refreshed(&mut held, &tokens).await?;
        tx.commit().await?;
        // What waited for it goes.
        self.events.publish(Event::OutboxChanged {
            account: refresh.lease.account,
        });
        Ok(())
    }

    /// The provider could not answer: later. `again_after`: what it asked for.
    pub async fn refresh_failed(
        &self,
        refresh: &Refresh,
        because: &str,
        again_after: Option<Duration>,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let wait = refresh_again_after(refresh.tokens.failures, again_after);
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(&refresh.lease, now).await?;
        account_tokens::failed(&mut held, because, now.plus(wait)).await?;
        Ok(tx.commit().await?)
    }

    /// The provider gives no more: the account's owner has to sign in again.
    pub async fn refresh_over(&self, refresh: &Refresh, because: &str) -> Result<(), ServiceError> {
        let account = refresh.lease.account;
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(&refresh.lease, now).await?;
        account_tokens::over(&mut held, because).await?;
        self.record_by_itself(&mut tx, account, "sign_in_over", because)
            .await?;
        tx.commit().await?;
        self.events.publish(Event::SignInOver { account });
        Ok(())
    }

    /// A mail server refused the access token: it is refreshed before it is shown again.
    pub async fn access_token_refused(&self, id: MailAccountId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if let Some(tokens) = account_tokens::find(&mut tx, id).await? {
            account_tokens::access_token_refused(&mut tx, id, &tokens.access_token, self.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whatever its age: whoever works by it has it refreshed first. `None`: the account has none for these settings.
    pub(crate) async fn open_access_token(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
    ) -> Result<Option<(SecretString, SignInProvider)>, ServiceError> {
        let opened = self.open_tokens(conn, account).await?;
        Ok(opened.map(|opened| (opened.access, opened.client.provider)))
    }

    async fn open_tokens(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
    ) -> Result<Option<OpenTokens>, ServiceError> {
        let Some(tokens) = account_tokens::find(conn, account.id).await? else {
            return Ok(None);
        };
        let stored = providers::find(conn, tokens.provider).await?;
        let key = self.account_key(conn, account.id).await?;
        let Some((stored, key)) = stored.zip(key) else {
            return Ok(None);
        };
        let open = |which: &str, sealed: &[u8]| {
            let binding = token_binding(account, &stored.provider, which)?;
            let sealed = SealedSecret {
                sealed: sealed.to_vec(),
                binding: Vec::new(),
            };
            key.open(account.id, &binding, &sealed)
        };
        let both = open(ACCESS, &tokens.access_token).zip(open(REFRESH, &tokens.refresh_token));
        Ok(both.map(|(access, refresh)| OpenTokens {
            access,
            refresh,
            tokens,
            client: self.client_of(stored),
        }))
    }

    async fn seal_tokens(
        &self,
        tx: &mut Tx,
        account: &MailAccount,
        returned: &ReturnedSignIn,
        given: NewTokens,
        refresh: &SecretString,
    ) -> Result<AccountTokens, ServiceError> {
        let now = self.now();
        let provider = &returned.client.provider;
        let [access_token, refresh_token] = self
            .seal_both(tx, account, provider, [&given.access, refresh])
            .await?;
        Ok(AccountTokens {
            account: account.id,
            provider: returned.provider_id,
            refresh_token,
            access_token,
            signed_in_as: given.address,
            scopes: given.scopes.unwrap_or_else(|| provider.scopes.join(" ")),
            expires_at: now.plus(given.life),
            refresh_at: refresh_at(now, given.life),
            failures: 0,
            failed_because: None,
            over_because: None,
        })
    }

    async fn seal_both(
        &self,
        tx: &mut Tx,
        account: &MailAccount,
        provider: &SignInProvider,
        [access, refresh]: [&SecretString; 2],
    ) -> Result<[Vec<u8>; 2], ServiceError> {
        let key = self.account_key_to_seal(tx, account.id).await?;
        let seal = |which: &str, token: &SecretString| {
            let binding = token_binding(account, provider, which).ok_or(ServiceError::Damaged)?;
            Ok::<_, ServiceError>(key.seal(account.id, &binding, token).sealed)
        };
        Ok([seal(ACCESS, access)?, seal(REFRESH, refresh)?])
    }

    fn client_of(&self, stored: StoredProvider) -> ProviderClient {
        let sealed = stored.secret.as_ref();
        let opened = sealed.and_then(|sealed| {
            let named = client_name(stored.id, &stored.provider);
            let bytes = self.keys.open_client_secret(&named, sealed)?;
            Some(SecretString::from(std::str::from_utf8(&bytes).ok()?.to_owned()))
        });
        ProviderClient {
            provider: stored.provider,
            secret: opened,
        }
    }

    fn seal_client_secret(
        &self,
        id: SignInProviderId,
        provider: &SignInProvider,
        secret: &SecretString,
    ) -> Vec<u8> {
        let secret = secret.expose_secret().as_bytes();
        self.keys.seal_client_secret(&client_name(id, provider), secret)
    }

    fn opens_client_secret(&self, id: SignInProviderId, provider: &SignInProvider, sealed: &[u8]) -> bool {
        self.keys
            .open_client_secret(&client_name(id, provider), sealed)
            .is_some()
    }
}

struct OpenTokens {
    access: SecretString,
    refresh: SecretString,
    tokens: AccountTokens,
    client: ProviderClient,
}

fn failed(message: &str) -> ServiceError {
    ServiceError::field("sign_in", message)
}

fn state_of(tokens: AccountTokens, now: Timestamp) -> TokenState {
    let is_good = now < tokens.expires_at;
    match (tokens.over_because, tokens.failed_because) {
        (Some(because), _) => TokenState::Over { because },
        _ if now >= tokens.refresh_at => TokenState::Due { is_good },
        (None, Some(because)) if !is_good => TokenState::Waits { because },
        _ => TokenState::Fresh,
    }
}

/// What a client secret is sealed for: that client of that provider, where its tokens come from.
fn client_name(id: SignInProviderId, provider: &SignInProvider) -> Vec<u8> {
    let mut name = b"client secret:".to_vec();
    name.extend_from_slice(id.uuid().as_bytes());
    for part in [
        provider.identity(),
        &provider.endpoints.token_endpoint,
        &provider.client_id,
    ] {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    name
}

/// What a token is sealed for: the account's server and login, and who gave it. With any of these changed it does not
/// open.
fn token_binding(account: &MailAccount, provider: &SignInProvider, which: &str) -> Option<CredentialBinding> {
    imap_binding(account)
        .filter(|binding| provider.may_show_to(&binding.host))
        .map(|binding| CredentialBinding {
            username: format!("{which} of {} for {}", provider.identity(), binding.username),
            ..binding
        })
}

/// The settings of an account once it is signed in: as they are, or those of the provider where there are none.
fn signed_in_settings(
    account: &MailAccount,
    provider: &SignInProvider,
) -> Result<(Option<ImapSettings>, Option<SmtpSettings>), ServiceError> {
    let preset = known_provider(&provider.kind)
        .and_then(|known| provider_of_domain(known.mail_domain.as_deref()?))
        .map(|provider| &provider.preset);
    let imap = account.imap.clone().or_else(|| preset.map(Preset::imap_settings));
    let Some(imap) = imap else {
        return Err(failed(
            "Fill in the IMAP settings first: a sign-in is for one server.",
        ));
    };
    if !provider.may_show_to(&imap.server) {
        return Err(failed(&format!(
            "{} does not sign in at {}. Check the IMAP server, or ask the super-administrator to add it to the servers of {}.",
            provider.name, imap.server, provider.name
        )));
    }
    let smtp = match &account.smtp {
        Some(smtp) if smtp.server.is_empty() => preset.map(Preset::smtp_settings),
        Some(smtp) if provider.may_show_to(&smtp.server) && !smtp.use_system => Some(SmtpSettings {
            auth: SmtpAuth::Xoauth2,
            ..smtp.clone()
        }),
        Some(smtp) => Some(smtp.clone()),
        None => preset.map(Preset::smtp_settings),
    };
    Ok((Some(imap), smtp))
}

/// The provider says who signed in: a mailbox of somebody else would be read here under this name.
fn refuse_another_address(account: &MailAccount, address: Option<&str>) -> Result<(), ServiceError> {
    let Some(address) = address else {
        return Ok(());
    };
    let aliases = account.aliases.iter().map(|alias| alias.as_str());
    let mut own = aliases.chain([account.address.as_str(), account.login_name()]);
    if own.any(|known| known.eq_ignore_ascii_case(address)) {
        return Ok(());
    }
    Err(failed(&format!(
        "You have signed in as {address}, and this account is {}. Sign in as {}; if both are yours, add {address} under Other addresses of mine first.",
        account.address, account.address
    )))
}

fn plan(form: &ProviderForm) -> Result<SignInProvider, ServiceError> {
    let mut errors = Vec::new();
    let client_id = form.client_id.trim();
    if client_id.is_empty() || client_id.len() > 500 {
        errors.push(FieldError::new(
            "client_id",
            "The client id is missing: the provider's console shows it.",
        ));
    }
    let is_word = |text: &&str| !text.is_empty() && text.len() <= 300;
    let scopes = form.scopes.iter().flat_map(|scope| scope.split_whitespace());
    let scopes: Vec<String> = scopes.filter(is_word).take(50).map(str::to_owned).collect();
    let tenant = form.tenant.trim();
    let is_tenant = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    };
    if !is_tenant(tenant) || tenant.len() > 100 {
        errors.push(FieldError::new(
            "tenant",
            "A tenant is common, organizations, consumers, an id or a domain.",
        ));
    }
    let planned = match known_provider(&form.kind) {
        Some(known) => known.set_up(client_id, tenant, &scopes),
        None if form.kind == OTHER => other(form, client_id, scopes, &mut errors),
        None => return Err(ServiceError::field("kind", "This provider is not known.")),
    };
    match errors.is_empty() {
        true => Ok(planned),
        false => Err(ServiceError::Invalid(errors)),
    }
}

fn other(
    form: &ProviderForm,
    client_id: &str,
    scopes: Vec<String>,
    errors: &mut Vec<FieldError>,
) -> SignInProvider {
    let name = CleanText::cut(&form.name, 60).into_string();
    if name.is_empty() {
        errors.push(FieldError::new(
            "name",
            "A name is missing: it stands on the button.",
        ));
    }
    let servers = form
        .servers
        .iter()
        .map(|server| server.trim().trim_start_matches('.').to_lowercase());
    let servers: Vec<String> = servers.filter(|server| !server.is_empty()).take(20).collect();
    if servers.is_empty() {
        errors.push(FieldError::new(
            "servers",
            "Name the mail servers that take its sign-in, or how their names end.",
        ));
    }
    let issuer = form.issuer.trim();
    let addresses = [form.authorization_endpoint.trim(), form.token_endpoint.trim()];
    if issuer.is_empty() && addresses.contains(&"") {
        errors.push(FieldError::new(
            "issuer",
            "Give the issuer's address, or both addresses below.",
        ));
    }
    let [authorization_endpoint, token_endpoint] = match issuer {
        "" => addresses.map(str::to_owned),
        _ => Default::default(),
    };
    SignInProvider {
        kind: OTHER.to_owned(),
        name,
        client_id: client_id.to_owned(),
        tenant: String::new(),
        issuer: issuer.to_owned(),
        endpoints: Endpoints {
            authorization_endpoint,
            token_endpoint,
            ..Endpoints::default()
        },
        scopes,
        parameters: Default::default(),
        servers,
        says_issuer: false,
    }
}

/// What an owner reads who has to sign in again.
pub fn sign_in_again(because: &str) -> String {
    format!(
        "Sign in again under My profile, Email account: the provider no longer accepts the sign-in of before. {because} Nothing is lost, and what you send waits."
    )
}
