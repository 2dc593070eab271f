//! System e-mail: "Config / Main / Email" and its log for super-administrators, writing for programs.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::MailAccountId;
use domain::Timestamp;
use domain::account::Fingerprint;
use domain::account::SmtpSettings;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::api_tokens::Scope;
use service::system_mail::LogState;
use service::system_mail::SystemFile;
use service::system_mail::SystemMailForm;
use service::system_mail::SystemMessage;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::account_cards::auth_name;
use crate::account_cards::parse_auth;
use crate::account_cards::security;
use crate::crm::program;
use crate::error::ApiError;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::inbox::before;
use crate::inbox::moment;
use crate::outbox::QueuedView;
use crate::outbox::idempotency_key;
use crate::session::SignedIn;
use crate::test_result::TestResult;

/// A program with the scope `system-mail`: `Authorization: Bearer wxs_...`.
pub struct SystemMailToken;

impl FromRequestParts<ApiState> for SystemMailToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        program(parts, state, Scope::SystemMail)
            .await
            .map(|_| SystemMailToken)
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct SystemMailCard {
    sender_name: String,
    sender_email: String,
    admin_email: String,
    /// "Enable email sending"
    enabled: bool,
    /// If set, all system mail goes there and nowhere else.
    send_to: String,
    /// Addresses with commas between.
    copy_to: String,
    days_until_expiration: u32,
    /// 0: none.
    limit_per_hour: u32,
    server: String,
    port: u16,
    /// SHA-256 of the only certificate that is accepted; absent: checked by the authorities of the machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pinned_certificate: Option<Fingerprint>,
    /// `none`, `starttls` or `tls`.
    security: String,
    /// "Use authentication" and its type: `none`, `plain`, `login`, `cram-md5` or `xoauth2`.
    auth: String,
    username: String,
    /// One a line: `Name: value`.
    headers: String,
}

#[derive(Deserialize, ToSchema)]
pub struct SystemMailRequest {
    #[serde(flatten)]
    card: SystemMailCard,
    /// Empty or absent: the stored one is kept.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

impl From<SystemMailForm> for SystemMailCard {
    fn from(form: SystemMailForm) -> Self {
        SystemMailCard {
            sender_name: form.sender_name,
            sender_email: form.sender_email,
            admin_email: form.admin_email,
            enabled: form.smtp.enabled,
            send_to: form.send_to,
            copy_to: form.copy_to,
            days_until_expiration: form.days_until_expiration,
            limit_per_hour: form.smtp.limit_per_hour,
            server: form.smtp.server,
            port: form.smtp.port,
            pinned_certificate: form.smtp.pinned_certificate,
            security: form.smtp.security.as_str().to_owned(),
            auth: auth_name(form.smtp.auth).to_owned(),
            username: form.smtp.username.unwrap_or_default(),
            headers: form.headers,
        }
    }
}

impl TryFrom<SystemMailCard> for SystemMailForm {
    type Error = ServiceError;

    fn try_from(card: SystemMailCard) -> Result<Self, ServiceError> {
        let smtp = SmtpSettings {
            enabled: card.enabled,
            server: card.server,
            port: card.port,
            security: security(&card.security)?,
            pinned_certificate: card.pinned_certificate,
            auth: parse_auth(&card.auth)?,
            username: Some(card.username),
            limit_per_hour: card.limit_per_hour,
            ..SmtpSettings::default()
        };
        Ok(SystemMailForm {
            sender_name: card.sender_name,
            sender_email: card.sender_email,
            admin_email: card.admin_email,
            send_to: card.send_to,
            copy_to: card.copy_to,
            days_until_expiration: card.days_until_expiration,
            headers: card.headers,
            smtp,
        })
    }
}

#[utoipa::path(get, operation_id = "get_system_mail", path = "/system-mail/settings", responses((status = 200, body = SystemMailCard)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<SystemMailCard>> {
    Ok(Json(state.services.get_system_mail(viewer).await?.into()))
}

/// With another server, personal accounts that send through it wait until their owners agree.
#[utoipa::path(put, operation_id = "save_system_mail", path = "/system-mail/settings", request_body = SystemMailRequest, responses((status = 204)))]
pub async fn save(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<SystemMailRequest>,
) -> ApiResult<StatusCode> {
    let form = SystemMailForm::try_from(request.card)?;
    state
        .services
        .save_system_mail(viewer, form, request.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs in with what is in the form, and hands nothing over.
#[utoipa::path(post, operation_id = "test_system_mail", path = "/system-mail/test", request_body = SystemMailRequest, responses((status = 200, body = TestResult)))]
pub async fn test(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<SystemMailRequest>,
) -> ApiResult<Json<TestResult>> {
    let form = SystemMailForm::try_from(request.card)?;
    let credentials = state
        .services
        .system_credentials_to_test(viewer, form.smtp, request.password)
        .await?;
    state.limits.count_test(viewer.administrator)?;
    Ok(Json(state.engine.probe_smtp(credentials).await.into()))
}

#[derive(Deserialize, ToSchema)]
pub struct SystemTestRequest {
    to: String,
}

/// A real message with the settings as they are stored; how it goes is in the log.
#[utoipa::path(post, operation_id = "send_system_test", path = "/system-mail/send-test", request_body = SystemTestRequest, responses((status = 202, body = QueuedView)))]
pub async fn send_test(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<SystemTestRequest>,
) -> ApiResult<(StatusCode, Json<QueuedView>)> {
    let queued = state.services.send_system_test(viewer, &request.to).await?;
    Ok((StatusCode::ACCEPTED, Json(queued.into())))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogParams {
    /// At or after, RFC 3339.
    from: Option<String>,
    /// Before.
    until: Option<String>,
    /// `new`, `sending`, `sent`, `error`, `expired` or `attachment_error`.
    state: Option<String>,
    /// `older` of the page before.
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LogPage {
    lines: Vec<LogLineView>,
    /// Where to go on, if there may be more: after an empty page, too.
    older: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LogLineView {
    queued_at: String,
    to: Vec<String>,
    subject: String,
    /// `new`, `sending`, `sent`, `error`, `expired` or `attachment_error`.
    state: String,
    attempts: u32,
    /// When it is tried next, while it is tried again.
    next_try_at: Option<String>,
    /// The server's words.
    said: Option<String>,
}

/// The mail log, newest first.
#[utoipa::path(get, operation_id = "list_system_mail", path = "/system-mail/log", params(LogParams), responses((status = 200, body = LogPage)))]
pub async fn log(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<LogParams>,
) -> ApiResult<Json<LogPage>> {
    let from = params
        .from
        .as_deref()
        .map(|text| moment("from", text))
        .transpose()?;
    let until = params
        .until
        .as_deref()
        .map(|text| moment("until", text))
        .transpose()?;
    let unknown = || {
        ServiceError::field(
            "state",
            "new, sending, sent, error, expired or attachment_error is expected.",
        )
    };
    let wanted = params.state.as_deref().filter(|text| !text.is_empty());
    let wanted = wanted
        .map(|text| LogState::parse(text).ok_or_else(unknown))
        .transpose()?;
    let lines = state
        .services
        .list_system_mail(
            viewer,
            from.unwrap_or(Timestamp::from_millis(0)),
            until.unwrap_or(Timestamp::from_millis(i64::MAX)),
            wanted,
            before(params.before.as_deref())?,
        )
        .await?;
    let older = lines.older.map(|older| older.to_string());
    let views = lines.into_iter().map(|(entry, state)| LogLineView {
        queued_at: entry.queued_at.to_rfc3339(),
        to: entry
            .recipients
            .iter()
            .map(|(address, ..)| address.to_string())
            .collect(),
        subject: entry.subject,
        state: state.as_str().to_owned(),
        attempts: entry.attempts,
        next_try_at: (entry.state == domain::outbox::OutboxState::Retrying)
            .then(|| entry.due_at.to_rfc3339()),
        said: entry.said,
    });
    let lines = views.collect();
    Ok(Json(LogPage { lines, older }))
}

#[derive(Deserialize, ToSchema)]
pub struct SystemRecipient {
    #[serde(default)]
    name: String,
    address: String,
}

#[derive(Deserialize, ToSchema)]
pub struct SystemAttachment {
    name: String,
    /// `application/pdf`
    content_type: String,
    /// In base64.
    content: String,
}

#[derive(Deserialize, ToSchema)]
pub struct SystemMailMessage {
    to: Vec<SystemRecipient>,
    subject: String,
    /// The text alternative is made from it.
    html: String,
    #[serde(default)]
    attachments: Vec<SystemAttachment>,
}

/// Queues a message of the system to a customer: an invoice of the CRM. It is shown to everyone who can open the
/// customer. With an `Idempotency-Key` a repeated request makes no second one for seven days.
#[utoipa::path(post, operation_id = "write_system_mail", path = "/system-mail", request_body = SystemMailMessage,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 202, body = QueuedView)))]
pub async fn write(
    State(state): State<ApiState>,
    _: SystemMailToken,
    headers: HeaderMap,
    extract::Json(request): extract::Json<SystemMailMessage>,
) -> ApiResult<(StatusCode, Json<QueuedView>)> {
    let key = idempotency_key(&headers)?;
    let files = request.attachments.into_iter().map(|file| {
        let wrong = || ServiceError::field("attachments", "The content of a file is expected in base64.");
        let bytes = STANDARD.decode(file.content).map_err(|_| wrong())?;
        Ok(SystemFile {
            name: file.name,
            content_type: file.content_type,
            bytes: bytes.into(),
        })
    });
    let to = request.to.into_iter().map(|one| (one.name, one.address));
    let message = SystemMessage {
        to: to.collect(),
        subject: request.subject,
        html: request.html,
        files: files.collect::<Result<_, ServiceError>>()?,
    };
    let queued = state.services.write_to_customers(message, key).await?;
    Ok((StatusCode::ACCEPTED, Json(queued.into())))
}

/// The server behind "Use system SMTP".
#[derive(Serialize, ToSchema)]
pub struct SystemServerView {
    /// Whom mail comes from that goes through it.
    sender: String,
    server: String,
    port: u16,
    security: String,
    auth: String,
    /// The owner has agreed to this server.
    is_agreed: bool,
}

/// `null`: system e-mail is off.
#[utoipa::path(get, operation_id = "get_system_server", path = "/accounts/{id}/system-smtp", params(("id" = String, Path)), responses((status = 200, body = Option<SystemServerView>)))]
pub async fn server(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<Option<SystemServerView>>> {
    let account = state.services.get_own_account(viewer, id).await?;
    let agreed = account.smtp.and_then(|smtp| smtp.confirmed_system);
    let system = state.services.system_server().await?;
    Ok(Json(system.map(|(sender, settings)| SystemServerView {
        sender,
        is_agreed: agreed == Some(settings.server_key()),
        auth: auth_name(settings.auth).to_owned(),
        security: settings.security.as_str().to_owned(),
        port: settings.port,
        server: settings.server,
    })))
}
