//! For the CRM: its customers and leads, under a token with the scope `parties`. Nothing of anybody's mail.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use domain::ApiTokenId;
use domain::PartyId;
use domain::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::api_tokens::Program;
use service::api_tokens::Scope;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiError;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::parties::PartyRequest;
use crate::parties::PartyView;
use crate::session::SignedIn;

/// A program with the scope `parties`: `Authorization: Bearer wxs_...`.
pub struct PartiesToken(pub Program);

impl FromRequestParts<ApiState> for PartiesToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        program(parts, state, Scope::Parties).await.map(PartiesToken)
    }
}

/// Who has shown a token of this scope.
pub(crate) async fn program(parts: &Parts, state: &ApiState, scope: Scope) -> Result<Program, ApiError> {
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|text| text.strip_prefix("Bearer "));
    let refused = || {
        let title = format!("A token of the scope {} is expected.", scope.as_str());
        ApiError::new(StatusCode::UNAUTHORIZED, &title)
    };
    let token = token.ok_or_else(refused)?.trim();
    let program = state.services.program_of(token, scope).await;
    program.map_err(|error| match error {
        ServiceError::SignedOut => refused(),
        ServiceError::Forbidden => ApiError::new(StatusCode::FORBIDDEN, "This token is for something else."),
        other => other.into(),
    })
}

#[derive(Serialize, ToSchema)]
pub struct UpsertView {
    #[schema(value_type = String, format = Uuid)]
    id: PartyId,
    /// False: it was so already.
    changed: bool,
}

/// Makes a record of the CRM, or brings it up to date. Replaces only addresses that the CRM gave.
#[utoipa::path(put, operation_id = "upsert_party", path = "/crm/parties/{external_id}", params(("external_id" = String, Path)), request_body = PartyRequest, responses((status = 200, body = UpsertView)))]
pub async fn upsert(
    State(state): State<ApiState>,
    PartiesToken(program): PartiesToken,
    Path(external_id): Path<String>,
    extract::Json(request): extract::Json<PartyRequest>,
) -> ApiResult<Json<UpsertView>> {
    let (id, changed) = state
        .services
        .upsert_party(program, &external_id, request.try_into()?)
        .await?;
    Ok(Json(UpsertView { id, changed }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesParams {
    /// Milliseconds since 1970: `changed_at_ms` of the last record of the answer before.
    #[serde(default)]
    since: i64,
    /// The id of that record: without it, all of that moment come again.
    #[param(value_type = Option<String>)]
    after: Option<PartyId>,
}

#[derive(Serialize, ToSchema)]
pub struct ChangeView {
    changed_at_ms: i64,
    party: PartyView,
}

/// Records changed at or after a moment, oldest change first, at most 500: go on from the last one until none comes.
#[utoipa::path(get, operation_id = "list_party_changes", path = "/parties/changes", params(ChangesParams), responses((status = 200, body = Vec<ChangeView>)))]
pub async fn changes(
    State(state): State<ApiState>,
    PartiesToken(program): PartiesToken,
    Query(params): Query<ChangesParams>,
) -> ApiResult<Json<Vec<ChangeView>>> {
    let since = Timestamp::from_millis(params.since);
    let changes = state
        .services
        .list_party_changes(program, since, params.after)
        .await?
        .into_iter();
    let views = changes.map(|(at, party)| ChangeView {
        changed_at_ms: at.millis(),
        party: party.into(),
    });
    Ok(Json(views.collect()))
}

#[derive(Serialize, ToSchema)]
pub struct PartyIdView {
    #[schema(value_type = String, format = Uuid)]
    id: PartyId,
}

/// For links that a CRM keeps: `/p/{external_id}/communication`.
#[utoipa::path(get, operation_id = "find_party", path = "/parties/by-external-id/{external_id}", params(("external_id" = String, Path)), responses((status = 200, body = PartyIdView)))]
pub async fn find(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(external_id): Path<String>,
) -> ApiResult<Json<PartyIdView>> {
    let id = state
        .services
        .find_party_by_external_id(viewer, &external_id)
        .await?;
    Ok(Json(PartyIdView { id }))
}

#[derive(Serialize, ToSchema)]
pub struct TokenView {
    #[schema(value_type = String, format = Uuid)]
    id: ApiTokenId,
    name: String,
    scope: String,
    created_at: String,
    expires_at: String,
    /// To the hour.
    last_used_at: Option<String>,
}

#[utoipa::path(get, operation_id = "list_api_tokens", path = "/api-tokens", responses((status = 200, body = Vec<TokenView>)))]
pub async fn list_tokens(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<TokenView>>> {
    let tokens = state.services.list_api_tokens(viewer).await?.into_iter();
    let views = tokens.map(|token| TokenView {
        id: token.id,
        name: token.name,
        scope: token.scope,
        created_at: token.created_at.to_rfc3339(),
        expires_at: token.expires_at.to_rfc3339(),
        last_used_at: token.last_used_at.map(Timestamp::to_rfc3339),
    });
    Ok(Json(views.collect()))
}

#[derive(Deserialize, ToSchema)]
pub struct NewTokenRequest {
    name: String,
    /// `parties` or `system-mail`.
    scope: String,
    /// How long it works.
    days: u32,
}

#[derive(Serialize, ToSchema)]
pub struct NewTokenView {
    /// Shown once.
    token: String,
}

#[utoipa::path(post, operation_id = "create_api_token", path = "/api-tokens", request_body = NewTokenRequest, responses((status = 201, body = NewTokenView)))]
pub async fn create_token(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<NewTokenRequest>,
) -> ApiResult<(StatusCode, Json<NewTokenView>)> {
    let scope = Scope::parse(&request.scope)
        .ok_or_else(|| ServiceError::field("scope", "parties or system-mail is expected."))?;
    let token = state
        .services
        .create_api_token(viewer, &request.name, scope, request.days)
        .await?;
    Ok((StatusCode::CREATED, Json(NewTokenView { token })))
}

#[utoipa::path(delete, operation_id = "revoke_api_token", path = "/api-tokens/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn revoke_token(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ApiTokenId>,
) -> ApiResult<StatusCode> {
    state.services.revoke_api_token(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
