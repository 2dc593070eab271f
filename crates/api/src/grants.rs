//! Access settings and the seal.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::AdministratorId;
use domain::MailAccountId;
use domain::Right;
use domain::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::grants::Grant;
use service::grants::WantedGrant;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::session::SignedIn;

#[derive(Serialize, ToSchema)]
pub struct GrantView {
    #[schema(value_type = String, format = Uuid)]
    administrator_id: AdministratorId,
    /// `see`, `reply` or `manage`.
    level: String,
    starts_at: Option<String>,
    ends_at: Option<String>,
    /// Their sign-in was reset then: they see nothing until the owner confirms.
    rests_since: Option<String>,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        GrantView {
            administrator_id: grant.administrator,
            level: grant.level.as_str().to_owned(),
            starts_at: grant.period.starts_at.map(Timestamp::to_rfc3339),
            ends_at: grant.period.ends_at.map(Timestamp::to_rfc3339),
            rests_since: grant.period.rests_since.map(Timestamp::to_rfc3339),
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct GrantRequest {
    #[schema(value_type = String, format = Uuid)]
    administrator_id: AdministratorId,
    /// `see`, `reply` or `manage`.
    level: String,
    /// A day of the owner's zone; absent: the past is shown too.
    start: Option<String>,
    /// A day of the owner's zone, counted in full.
    end: Option<String>,
}

#[utoipa::path(get, operation_id = "list_grants", path = "/accounts/{id}/grants", params(("id" = String, Path)),
    responses((status = 200, body = Vec<GrantView>)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<Vec<GrantView>>> {
    let grants = state.services.list_grants(viewer, id).await?;
    Ok(Json(grants.into_iter().map(GrantView::from).collect()))
}

/// Makes the grants exactly these.
#[utoipa::path(put, operation_id = "save_grants", path = "/accounts/{id}/grants", params(("id" = String, Path)),
    request_body = Vec<GrantRequest>, responses((status = 204)))]
pub async fn save(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<Vec<GrantRequest>>,
) -> ApiResult<StatusCode> {
    let wanted: Vec<_> = request.into_iter().map(wanted).collect::<Result<_, _>>()?;
    state.services.set_grants(viewer, id, &wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(request: GrantRequest) -> Result<WantedGrant, ServiceError> {
    let day = |field: &'static str, text: Option<String>| {
        let text = text.filter(|text| !text.is_empty());
        let parsed = text.map(|text| text.parse::<jiff::civil::Date>());
        parsed
            .transpose()
            .map_err(|_| ServiceError::field(field, "A day such as 2026-12-31 is expected."))
    };
    let level = Right::parse(&request.level).filter(|level| *level != Right::Own);
    Ok(WantedGrant {
        administrator: request.administrator_id,
        level: level.ok_or_else(|| ServiceError::field("level", "see, reply or manage is expected."))?,
        start: day("start", request.start)?,
        end: day("end", request.end)?,
    })
}

#[derive(Deserialize, ToSchema)]
pub struct ConfirmRequest {
    #[schema(value_type = String, format = Uuid)]
    administrator_id: AdministratorId,
}

/// Somebody whose sign-in was reset sees the account again. Where nothing rests, nothing changes.
#[utoipa::path(post, operation_id = "confirm_grant", path = "/accounts/{id}/grants/confirm", params(("id" = String, Path)),
    request_body = ConfirmRequest, responses((status = 204)))]
pub async fn confirm(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<ConfirmRequest>,
) -> ApiResult<StatusCode> {
    let services = &state.services;
    services
        .confirm_grant(viewer, id, request.administrator_id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct SealView {
    #[schema(value_type = String, format = Uuid)]
    administrator_id: AdministratorId,
    name: String,
    /// `own`, `see`, `reply` or `manage`.
    right: String,
}

/// Who can see an account: the owner first.
#[utoipa::path(get, operation_id = "account_seal", path = "/accounts/{id}/seal", params(("id" = String, Path)),
    responses((status = 200, body = Vec<SealView>)))]
pub async fn seal(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<Vec<SealView>>> {
    let entries = state
        .services
        .seal_of(viewer, id)
        .await?
        .into_iter()
        .map(|entry| SealView {
            administrator_id: entry.administrator,
            name: entry.name,
            right: entry.right.as_str().to_owned(),
        });
    Ok(Json(entries.collect()))
}
