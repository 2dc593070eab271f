//! My profile: where I am signed in, and the second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::SessionId;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::session::SignedIn;

#[derive(Serialize, ToSchema)]
pub struct SessionView {
    #[schema(value_type = String, format = Uuid)]
    id: SessionId,
    /// What the browser called itself.
    client: String,
    created_at: String,
    /// To five minutes.
    last_seen_at: String,
    /// The one that asks.
    current: bool,
}

#[utoipa::path(get, operation_id = "list_sessions", path = "/sessions", responses((status = 200, body = Vec<SessionView>)))]
pub async fn list_sessions(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<SessionView>>> {
    let sessions = state.services.list_sessions(viewer).await?.into_iter();
    let views = sessions.map(|session| SessionView {
        id: session.id,
        client: session.client,
        created_at: session.created_at.to_rfc3339(),
        last_seen_at: session.last_seen_at.to_rfc3339(),
        current: session.id_hash == viewer.session,
    });
    Ok(Json(views.collect()))
}

#[utoipa::path(delete, operation_id = "end_session", path = "/sessions/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn end_session(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<SessionId>,
) -> ApiResult<StatusCode> {
    state.services.end_session(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct SecondFactorProposal {
    /// Base32, to be typed into the app.
    secret: String,
    /// PNG, base64, to be scanned.
    qr_png: String,
}

/// A new secret for an app; nothing changes until a code of it comes back.
#[utoipa::path(post, operation_id = "propose_second_factor", path = "/profile/second-factor/proposal", responses((status = 200, body = SecondFactorProposal)))]
pub async fn propose_second_factor(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<SecondFactorProposal>> {
    let proposed = state.services.propose_second_factor(viewer).await?;
    Ok(Json(SecondFactorProposal {
        secret: proposed.secret,
        qr_png: proposed.qr_png,
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct SecondFactorRequest {
    #[schema(value_type = String)]
    password: SecretString,
    secret: String,
    code: String,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown once; each works once.
    codes: Vec<String>,
}

#[utoipa::path(put, operation_id = "turn_on_second_factor", path = "/profile/second-factor", request_body = SecondFactorRequest, responses((status = 200, body = RecoveryCodes)))]
pub async fn turn_on_second_factor(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<SecondFactorRequest>,
) -> ApiResult<Json<RecoveryCodes>> {
    let services = &state.services;
    let codes = services
        .turn_on_second_factor(viewer, request.password, &request.secret, &request.code)
        .await?;
    Ok(Json(RecoveryCodes { codes }))
}

#[derive(Deserialize, ToSchema)]
pub struct PasswordProof {
    #[schema(value_type = String)]
    password: SecretString,
}

#[utoipa::path(delete, operation_id = "turn_off_second_factor", path = "/profile/second-factor", request_body = PasswordProof, responses((status = 204)))]
pub async fn turn_off_second_factor(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<PasswordProof>,
) -> ApiResult<StatusCode> {
    state
        .services
        .turn_off_second_factor(viewer, request.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
