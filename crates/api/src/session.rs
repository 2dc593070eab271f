//! Signing in and out, the set-up link, the own profile, colleagues' names.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::ConnectInfo;
use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use domain::AdministratorId;
use domain::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use service::access::Viewer;
use service::administrators::NewAdministrator;
use service::administrators::Profile;
use service::sign_in::Origin;
use service::sign_in::SESSION_LIFE;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiError;
use crate::error::ApiResult;
use crate::extract;
use crate::state::peer;

/// `__Host-`: only over HTTPS (or on localhost), for this host alone, for every path.
const COOKIE: &str = "__Host-waxseal";

/// Who looks: from the session cookie.
pub struct SignedIn(pub Viewer);

impl FromRequestParts<ApiState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let token = session_token(&parts.headers);
        let token = token.ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "Sign in first."))?;
        Ok(SignedIn(state.services.viewer_of(token).await?))
    }
}

/// Where a request came from, where the listener told.
pub struct Peer(pub Option<SocketAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Peer(peer(
            parts.extensions.get::<ConnectInfo<SocketAddr>>().copied(),
        )))
    }
}

fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| name.trim() == COOKIE)
        .map(|(_, value)| value.trim())
}

fn cookie(token: &str, max_age_s: u64) -> HeaderValue {
    let text = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={max_age_s}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[derive(Serialize, ToSchema)]
pub struct SetupState {
    /// No administrator exists yet: the set-up link has to be opened.
    needed: bool,
}

#[utoipa::path(get, path = "/setup", responses((status = 200, body = SetupState)))]
pub async fn get_setup(State(state): State<ApiState>) -> ApiResult<Json<SetupState>> {
    Ok(Json(SetupState {
        needed: !state.services.has_administrators().await?,
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct SetupRequest {
    token: String,
    login: String,
    name: String,
    #[schema(value_type = String)]
    password: SecretString,
    time_zone: String,
}

/// Makes the first super-administrator; the link is gone after.
#[utoipa::path(post, path = "/setup", request_body = SetupRequest, responses((status = 204)))]
pub async fn use_setup(
    State(state): State<ApiState>,
    extract::Json(request): extract::Json<SetupRequest>,
) -> ApiResult<StatusCode> {
    let new = NewAdministrator {
        login: request.login,
        name: request.name,
        password: request.password,
        is_super: true,
        time_zone: request.time_zone,
    };
    state.services.use_setup_link(&request.token, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct SignInRequest {
    login: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the second factor, or a recovery code; asked for with 401 and `second_factor`.
    code: Option<String>,
}

#[utoipa::path(post, path = "/session", request_body = SignInRequest, responses((status = 204)))]
pub async fn sign_in(
    State(state): State<ApiState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    extract::Json(request): extract::Json<SignInRequest>,
) -> ApiResult<Response> {
    if !state.reach.may_sign_in(&headers, peer) {
        let title = "Signing in needs HTTPS: start Waxseal with --tls-cert and --tls-key, or put it behind a proxy with HTTPS and set --public-url https://... On this machine use http://localhost.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, title));
    }
    let address = state.reach.client_address(&headers, peer);
    let client = headers
        .get(header::USER_AGENT)
        .and_then(|client| client.to_str().ok());
    let origin = Origin {
        address: &address,
        client: client.unwrap_or_default(),
    };
    let code = request.code.as_deref().filter(|code| !code.trim().is_empty());
    let token = state
        .services
        .sign_in(&request.login, request.password, code, origin)
        .await;
    let token = token.map_err(|error| match error {
        service::ServiceError::SignedOut => {
            ApiError::new(StatusCode::UNAUTHORIZED, "Login and password do not go together.")
        }
        other => other.into(),
    })?;
    let set = cookie(token.as_str(), SESSION_LIFE.as_secs());
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set)]).into_response())
}

#[utoipa::path(delete, path = "/session", responses((status = 204)))]
pub async fn sign_out(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<impl IntoResponse> {
    state.services.sign_out(viewer).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie("", 0))]))
}

#[derive(Serialize, ToSchema)]
pub struct Me {
    #[schema(value_type = String, format = Uuid)]
    id: AdministratorId,
    login: String,
    name: String,
    is_super: bool,
    time_zone: String,
    /// Of the page; empty: as the browser says.
    language: String,
    /// How dates and numbers are written (BCP 47); empty: as the language.
    formats: String,
    second_factor: bool,
    /// Restored from a backup: nothing is sent until a super-administrator releases it.
    held_since: Option<String>,
    /// Of Waxseal.
    #[schema(value_type = String)]
    version: &'static str,
}

#[utoipa::path(get, path = "/session", responses((status = 200, body = Me)))]
pub async fn get_session(State(state): State<ApiState>, SignedIn(viewer): SignedIn) -> ApiResult<Json<Me>> {
    let found = state.services.get_administrator(viewer.administrator).await?;
    Ok(Json(Me {
        id: found.id,
        login: found.login,
        name: found.name,
        is_super: found.is_super,
        time_zone: found.time_zone,
        language: found.language,
        formats: found.formats,
        second_factor: found.totp_secret.is_some(),
        held_since: state.services.held_since().await?.map(Timestamp::to_rfc3339),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// After a restoration from a backup: messages go again.
#[utoipa::path(post, path = "/release", responses((status = 204)))]
pub async fn release(State(state): State<ApiState>, SignedIn(viewer): SignedIn) -> ApiResult<StatusCode> {
    state.services.release(Some(viewer)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct ProfileRequest {
    name: String,
    time_zone: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    formats: String,
}

#[utoipa::path(put, path = "/profile", request_body = ProfileRequest, responses((status = 204)))]
pub async fn update_profile(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<ProfileRequest>,
) -> ApiResult<StatusCode> {
    let profile = Profile {
        name: request.name,
        time_zone: request.time_zone,
        language: request.language,
        formats: request.formats,
    };
    state.services.update_profile(viewer, profile).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct PasswordRequest {
    #[schema(value_type = String)]
    current_password: SecretString,
    #[schema(value_type = String)]
    new_password: SecretString,
}

/// Ends all other sessions.
#[utoipa::path(put, path = "/profile/password", request_body = PasswordRequest, responses((status = 204)))]
pub async fn change_password(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<PasswordRequest>,
) -> ApiResult<StatusCode> {
    state
        .services
        .change_password(viewer, request.current_password, request.new_password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct Colleague {
    #[schema(value_type = String, format = Uuid)]
    id: AdministratorId,
    name: String,
}

#[utoipa::path(get, path = "/administrators", responses((status = 200, body = Vec<Colleague>)))]
pub async fn list_administrators(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<Colleague>>> {
    let found = state.services.list_administrators(viewer).await?;
    let colleagues = found.into_iter().filter(|found| found.disabled_at.is_none());
    Ok(Json(
        colleagues
            .map(|found| Colleague {
                id: found.id,
                name: found.name,
            })
            .collect(),
    ))
}

/// Those whose mail the viewer may see: the entries of "Show emails" beside My and All.
#[utoipa::path(get, path = "/owners", responses((status = 200, body = Vec<Colleague>)))]
pub async fn list_owners(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<Colleague>>> {
    let owners = state.services.list_granting_owners(viewer).await?;
    Ok(Json(
        owners
            .into_iter()
            .map(|(id, name)| Colleague { id, name })
            .collect(),
    ))
}
