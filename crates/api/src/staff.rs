//! Administrators, for super-administrators: made, disabled, reset, never read.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use domain::AdministratorId;
use domain::MailAccountId;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::inbox::PageParams;
use crate::inbox::before;
use crate::session::Peer;
use crate::session::SignedIn;

#[derive(Serialize, ToSchema)]
pub struct StaffView {
    #[schema(value_type = String, format = Uuid)]
    id: AdministratorId,
    login: String,
    name: String,
    is_super: bool,
    disabled: bool,
    second_factor: bool,
}

#[utoipa::path(get, operation_id = "list_staff", path = "/staff", responses((status = 200, body = Vec<StaffView>)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<StaffView>>> {
    let staff = state.services.list_staff(viewer).await?.into_iter();
    let views = staff.map(|found| StaffView {
        id: found.id,
        login: found.login,
        name: found.name,
        is_super: found.is_super,
        disabled: found.disabled_at.is_some(),
        second_factor: found.totp_secret.is_some(),
    });
    Ok(Json(views.collect()))
}

#[derive(Deserialize, ToSchema)]
pub struct NewStaffRequest {
    login: String,
    name: String,
    is_super: bool,
    time_zone: String,
}

/// A one-time link by which somebody chooses a password, for three days.
#[derive(Serialize, ToSchema)]
pub struct SignInLink {
    /// Goes behind `/welcome#`.
    token: String,
}

#[utoipa::path(post, operation_id = "add_staff", path = "/staff", request_body = NewStaffRequest, responses((status = 201, body = SignInLink)))]
pub async fn add(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<NewStaffRequest>,
) -> ApiResult<(StatusCode, Json<SignInLink>)> {
    let NewStaffRequest {
        login,
        name,
        is_super,
        time_zone,
    } = request;
    let token = state
        .services
        .add_staff(viewer, login, name, is_super, time_zone)
        .await?;
    Ok((StatusCode::CREATED, Json(SignInLink { token })))
}

#[derive(Deserialize, ToSchema)]
pub struct StaffRequest {
    is_super: bool,
    disabled: bool,
}

/// Disabling ends all sessions of the person.
#[utoipa::path(put, operation_id = "change_staff", path = "/staff/{id}", params(("id" = String, Path)), request_body = StaffRequest, responses((status = 204)))]
pub async fn change(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<AdministratorId>,
    extract::Json(request): extract::Json<StaffRequest>,
) -> ApiResult<StatusCode> {
    let services = &state.services;
    services
        .change_staff(viewer, id, request.is_super, request.disabled)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Password and second factor are gone; the person's mail accounts are sealed.
#[utoipa::path(post, operation_id = "reset_sign_in", path = "/staff/{id}/reset", params(("id" = String, Path)), responses((status = 200, body = SignInLink)))]
pub async fn reset(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<AdministratorId>,
) -> ApiResult<Json<SignInLink>> {
    let token = state.services.reset_sign_in(viewer, id).await?;
    Ok(Json(SignInLink { token }))
}

#[derive(Deserialize, ToSchema)]
pub struct LinkMailRequest {
    to: String,
    /// Of the link that was just made.
    token: String,
}

/// Sends a one-time link by system mail.
#[utoipa::path(post, operation_id = "mail_sign_in_link", path = "/staff/link-mail", request_body = LinkMailRequest, responses((status = 202)))]
pub async fn mail_link(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Peer(peer): Peer,
    headers: HeaderMap,
    extract::Json(request): extract::Json<LinkMailRequest>,
) -> ApiResult<StatusCode> {
    let base_url = state.reach.origin(&headers, peer);
    state
        .services
        .mail_sign_in_link(viewer, &request.to, &request.token, &base_url)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Serialize, ToSchema)]
pub struct ErasedView {
    accounts: u64,
}

/// Erases the mail accounts of a disabled administrator, unread.
#[utoipa::path(delete, operation_id = "erase_mail_of", path = "/staff/{id}/mail", params(("id" = String, Path)), responses((status = 200, body = ErasedView)))]
pub async fn erase_mail(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<AdministratorId>,
) -> ApiResult<Json<ErasedView>> {
    let accounts = state.services.erase_mail_of(viewer, id).await?;
    Ok(Json(ErasedView { accounts }))
}

#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// To the hour.
    hour: String,
    /// Absent: the command line.
    #[schema(value_type = Option<String>, format = Uuid)]
    administrator_id: Option<AdministratorId>,
    #[schema(value_type = Option<String>, format = Uuid)]
    account_id: Option<MailAccountId>,
    verb: String,
}

#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    lines: Vec<AuditView>,
    /// Where to go on, if there may be more.
    older: Option<String>,
}

/// Who did what, newest first; details are the owners'.
#[utoipa::path(get, operation_id = "list_audit", path = "/audit", params(PageParams), responses((status = 200, body = AuditPage)))]
pub async fn audit(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<PageParams>,
) -> ApiResult<Json<AuditPage>> {
    let before = before(params.before.as_deref())?;
    let page = state.services.audit_for_super(viewer, before).await?;
    let older = page.older.map(|older| older.to_string());
    let views = page.into_iter().map(|line| AuditView {
        hour: line.hour.to_rfc3339(),
        administrator_id: line.actor,
        account_id: line.mail_account,
        verb: line.verb,
    });
    let lines = views.collect();
    Ok(Json(AuditPage { lines, older }))
}

#[derive(Deserialize, ToSchema)]
pub struct WelcomeRequest {
    token: String,
    #[schema(value_type = String)]
    password: SecretString,
}

/// Chooses a password by a one-time link.
#[utoipa::path(post, operation_id = "use_sign_in_link", path = "/welcome", request_body = WelcomeRequest, responses((status = 204)))]
pub async fn welcome(
    State(state): State<ApiState>,
    extract::Json(request): extract::Json<WelcomeRequest>,
) -> ApiResult<StatusCode> {
    state
        .services
        .use_sign_in_link(&request.token, request.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
