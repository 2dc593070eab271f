//! Signing mailboxes in at their providers: "Config / Sign-in with providers" for super-administrators, the buttons of the
//! Email account page.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use domain::MailAccountId;
use domain::SignInProviderId;
use domain::sign_in::KnownProvider;
use domain::sign_in::known_providers;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use service::mailbox_sign_in::ProviderForm;
use service::mailbox_sign_in::SignInView;
use service::mailbox_sign_in::StoredProvider;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::session::Peer;
use crate::session::SignedIn;

/// A page, not an operation: coming from elsewhere the browser brings no cookie along, so that the page has to ask.
const RETURN_PATH: &str = "/profile/signed-in";

/// One that may be set up by a client id alone.
#[derive(Serialize, ToSchema)]
pub struct KnownProviderView {
    kind: String,
    name: String,
    scopes: Vec<String>,
    /// It asks for a tenant.
    has_tenants: bool,
}

impl From<&KnownProvider> for KnownProviderView {
    fn from(known: &KnownProvider) -> Self {
        KnownProviderView {
            kind: known.kind.clone(),
            name: known.name.clone(),
            scopes: known.scopes.clone(),
            has_tenants: known.has_tenants(),
        }
    }
}

/// One that is set up.
#[derive(Serialize, ToSchema)]
pub struct ProviderSettingsView {
    #[schema(value_type = String, format = Uuid)]
    id: SignInProviderId,
    kind: String,
    name: String,
    client_id: String,
    secret_stored: bool,
    tenant: String,
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    scopes: Vec<String>,
    /// How the names of the mail servers end that its tokens are shown to.
    servers: Vec<String>,
}

impl From<StoredProvider> for ProviderSettingsView {
    fn from(stored: StoredProvider) -> Self {
        let provider = stored.provider;
        ProviderSettingsView {
            id: stored.id,
            kind: provider.kind,
            name: provider.name,
            client_id: provider.client_id,
            secret_stored: stored.secret.is_some(),
            tenant: provider.tenant,
            issuer: provider.issuer,
            authorization_endpoint: provider.endpoints.authorization_endpoint,
            token_endpoint: provider.endpoints.token_endpoint,
            scopes: provider.scopes,
            servers: provider.servers,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SignInSettings {
    /// To be given to each provider, letter by letter.
    redirect: String,
    known: Vec<KnownProviderView>,
    providers: Vec<ProviderSettingsView>,
}

#[derive(Deserialize, ToSchema)]
pub struct ProviderRequest {
    /// Absent: another one.
    #[schema(value_type = Option<String>, format = Uuid)]
    id: Option<SignInProviderId>,
    /// Of a known one, or `other`.
    kind: String,
    #[serde(default)]
    name: String,
    client_id: String,
    /// Empty or absent: the stored one is kept.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretString>,
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    authorization_endpoint: String,
    #[serde(default)]
    token_endpoint: String,
    /// Empty: those that the provider is known to want.
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    servers: Vec<String>,
}

impl From<ProviderRequest> for ProviderForm {
    fn from(request: ProviderRequest) -> Self {
        ProviderForm {
            id: request.id,
            kind: request.kind,
            name: request.name,
            client_id: request.client_id,
            secret: request.secret,
            tenant: request.tenant,
            issuer: request.issuer,
            authorization_endpoint: request.authorization_endpoint,
            token_endpoint: request.token_endpoint,
            scopes: request.scopes,
            servers: request.servers,
        }
    }
}

/// A button.
#[derive(Serialize, ToSchema)]
pub struct ProviderButton {
    #[schema(value_type = String, format = Uuid)]
    id: SignInProviderId,
    kind: String,
    name: String,
}

/// How an account is signed in at a provider.
#[derive(Serialize, ToSchema)]
pub struct SignedInView {
    #[schema(value_type = String, format = Uuid)]
    provider_id: SignInProviderId,
    name: String,
    issuer: String,
    /// As whom, where the provider says so.
    signed_in_as: Option<String>,
    scopes: String,
    /// Of the token of now; another is asked for by then.
    expires_at: String,
    /// Why the owner has to sign in again.
    over_because: Option<String>,
}

impl From<SignInView> for SignedInView {
    fn from(view: SignInView) -> Self {
        SignedInView {
            provider_id: view.provider,
            name: view.name,
            issuer: view.issuer,
            signed_in_as: view.signed_in_as,
            scopes: view.scopes,
            expires_at: view.expires_at.to_rfc3339(),
            over_because: view.over_because,
        }
    }
}

#[utoipa::path(get, operation_id = "get_sign_in_providers", path = "/sign-in-providers/settings", responses((status = 200, body = SignInSettings)))]
pub async fn settings(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> ApiResult<Json<SignInSettings>> {
    let stored = state.services.list_sign_in_settings(viewer).await?;
    Ok(Json(SignInSettings {
        redirect: redirect(&state, &headers, peer),
        known: known_providers().iter().map(KnownProviderView::from).collect(),
        providers: stored.into_iter().map(ProviderSettingsView::from).collect(),
    }))
}

/// Where only an issuer is given, its addresses are asked for.
#[utoipa::path(put, operation_id = "save_sign_in_provider", path = "/sign-in-providers/settings", request_body = ProviderRequest, responses((status = 204)))]
pub async fn save(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<ProviderRequest>,
) -> ApiResult<StatusCode> {
    state.engine.save_sign_in_provider(viewer, request.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accounts that signed in there have to sign in anew.
#[utoipa::path(delete, operation_id = "delete_sign_in_provider", path = "/sign-in-providers/settings/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<SignInProviderId>,
) -> ApiResult<StatusCode> {
    state.services.delete_sign_in_provider(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, operation_id = "list_sign_in_providers", path = "/sign-in-providers", responses((status = 200, body = Vec<ProviderButton>)))]
pub async fn buttons(
    State(state): State<ApiState>,
    SignedIn(_): SignedIn,
) -> ApiResult<Json<Vec<ProviderButton>>> {
    let stored = state.services.list_sign_in_providers().await?.into_iter();
    let buttons = stored.map(|stored| ProviderButton {
        id: stored.id,
        kind: stored.provider.kind,
        name: stored.provider.name,
    });
    Ok(Json(buttons.collect()))
}

#[derive(Deserialize, ToSchema)]
pub struct BeginRequest {
    #[schema(value_type = String, format = Uuid)]
    provider_id: SignInProviderId,
}

/// Where the browser goes now.
#[derive(Serialize, ToSchema)]
pub struct BegunView {
    url: String,
}

#[utoipa::path(post, operation_id = "begin_sign_in", path = "/accounts/{id}/sign-in", params(("id" = String, Path)), request_body = BeginRequest, responses((status = 200, body = BegunView)))]
pub async fn begin(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Peer(peer): Peer,
    headers: HeaderMap,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<BeginRequest>,
) -> ApiResult<Json<BegunView>> {
    let redirect = redirect(&state, &headers, peer);
    let url = state
        .engine
        .begin_sign_in(viewer, id, request.provider_id, &redirect)
        .await?;
    Ok(Json(BegunView { url }))
}

/// Signs out: the tokens are forgotten, and taken back where the provider can.
#[utoipa::path(delete, operation_id = "end_sign_in", path = "/accounts/{id}/sign-in", params(("id" = String, Path)), responses((status = 204)))]
pub async fn end(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<StatusCode> {
    state.engine.disconnect(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What stood in the address with which the provider sent the browser back.
#[derive(Deserialize, ToSchema)]
pub struct ReturnedRequest {
    state: String,
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// In place of a code.
    error: Option<String>,
    /// RFC 9207
    iss: Option<String>,
}

/// The account that is signed in now.
#[derive(Serialize, ToSchema)]
pub struct ReturnedView {
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
}

#[utoipa::path(post, operation_id = "finish_sign_in", path = "/sign-in-returned", request_body = ReturnedRequest, responses((status = 200, body = ReturnedView)))]
pub async fn finish(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<ReturnedRequest>,
) -> ApiResult<Json<ReturnedView>> {
    state.limits.count_test(viewer.administrator)?;
    let code = request
        .code
        .ok_or(request.error.as_deref().unwrap_or("invalid_request"));
    let account_id = state
        .engine
        .finish_sign_in(viewer, &request.state, request.iss.as_deref(), code)
        .await?;
    Ok(Json(ReturnedView { account_id }))
}

fn redirect(state: &ApiState, headers: &HeaderMap, peer: Option<SocketAddr>) -> String {
    format!("{}{RETURN_PATH}", state.reach.origin(headers, peer))
}
