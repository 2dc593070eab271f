//! My profile / Email account: the cards, Status, Test connection, Load.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::MailAccountId;
use domain::Page;
use domain::Timestamp;
use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Tracking;
use domain::rules::history::HistoryRest;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::access::Viewer;
use service::accounts::AuditEntry;
use service::accounts::Card;
use service::accounts::MailAccount;
use utoipa::ToSchema;

use crate::ApiState;
use crate::account_cards::ImapCard;
use crate::account_cards::SmtpCard;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::inbox::PageParams;
use crate::inbox::before;
use crate::mailbox_sign_in::SignedInView;
use crate::session::SignedIn;
use crate::test_result::TestResult;

#[derive(Serialize, Deserialize, ToSchema)]
pub struct TrackingCard {
    enabled: bool,
    /// `all` or `unread`.
    messages: String,
    /// A day of the owner's zone; absent: from the first connection on.
    history_since: Option<String>,
    /// It rests where it is.
    #[serde(default)]
    history_paused: bool,
    mark_as_read: bool,
    #[serde(default)]
    flags_both_ways: bool,
    deny_list: String,
}

#[derive(Deserialize, ToSchema)]
pub struct CredentialsRequest {
    name: String,
    address: String,
    aliases: Vec<String>,
    username: String,
    /// Empty or absent: the stored one is kept.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

#[derive(Deserialize, ToSchema)]
pub struct ImapRequest {
    #[serde(flatten)]
    settings: ImapCard,
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

#[derive(Deserialize, ToSchema)]
pub struct TestRequest {
    #[serde(flatten)]
    settings: ImapCard,
    username: String,
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

#[derive(Deserialize, ToSchema)]
pub struct SmtpRequest {
    #[serde(flatten)]
    settings: SmtpCard,
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct AccountView {
    #[schema(value_type = String, format = Uuid)]
    id: MailAccountId,
    name: String,
    address: String,
    aliases: Vec<String>,
    username: String,
    /// A password for the IMAP settings as they are is stored.
    password_stored: bool,
    tracking: TrackingCard,
    imap: Option<ImapCard>,
    smtp: Option<SmtpCard>,
    /// Somebody else reset the owner's sign-in: nothing else is told until it is unsealed.
    sealed: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SkippedView {
    /// `denied`, `already_read`, `before_history`, `while_off`, `archived`, `deleted`, `too_large` or `not_delivered`.
    reason: String,
    deny_line: Option<String>,
    count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct OpenedView {
    at: String,
    /// Absent: the command line.
    administrator_id: Option<String>,
    verb: String,
}

#[derive(Serialize, ToSchema)]
pub struct ProgressView {
    done: u64,
    total: u64,
    started_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct CompletenessView {
    made_at: String,
    /// Asked for, and not made yet.
    is_due: bool,
    folders: Vec<FolderAuditView>,
}

/// The last comparison of a folder with the server.
#[derive(Serialize, ToSchema)]
pub struct FolderAuditView {
    folder: String,
    on_server: u64,
    here: u64,
    /// Still, after they were asked for again.
    missing: u64,
    /// Were missing, and are here now.
    fetched: u64,
    /// Were on the server and are no longer; the messages stay.
    gone: u64,
    /// From before the first connection, and outside of the chosen history.
    older: u64,
    skipped: u64,
}

impl From<service::audits::AuditView> for CompletenessView {
    fn from(audit: service::audits::AuditView) -> Self {
        let folders = audit.folders.into_iter().map(|folder| FolderAuditView {
            skipped: folder.skipped.values().sum(),
            folder: folder.folder,
            on_server: folder.on_server,
            here: folder.here,
            missing: folder.missing,
            fetched: folder.fetched,
            gone: folder.gone,
            older: folder.older,
        });
        CompletenessView {
            made_at: audit.made_at.to_rfc3339(),
            is_due: audit.is_due,
            folders: folders.collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct StatusView {
    /// `off`, `connecting`, `syncing`, `connected`, `failing`, `login_refused`,
    /// `certificate_changed` or `sign_in_again`.
    state: String,
    since: String,
    error: Option<String>,
    next_try_at: Option<String>,
    last_sync_at: Option<String>,
    messages: u64,
    on_server: u64,
    skipped: Vec<SkippedView>,
    opened_by: Vec<OpenedView>,
    /// Where they go on, if there may be more.
    opened_older: Option<String>,
    /// `None`: none was made yet.
    audit: Option<CompletenessView>,
    progress: Option<ProgressView>,
    /// Why old mail is not fetched just now, though some is left: `paused`, or `daily_limit` of the provider.
    history_rest: Option<&'static str>,
    /// Old mail is left to be fetched.
    has_history: bool,
    /// Absent: with a password, or not at all.
    signed_in: Option<SignedInView>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewAccountRequest {
    name: String,
    address: String,
}

#[utoipa::path(get, operation_id = "list_accounts", path = "/accounts", responses((status = 200, body = Vec<AccountView>)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<AccountView>>> {
    let mut views = Vec::new();
    for account in state.services.list_own_accounts(viewer).await? {
        views.push(view(&state, account).await?);
    }
    Ok(Json(views))
}

#[utoipa::path(post, operation_id = "create_account", path = "/accounts", request_body = NewAccountRequest,
    responses((status = 201, body = AccountView)))]
pub async fn create(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<NewAccountRequest>,
) -> ApiResult<(StatusCode, Json<AccountView>)> {
    let services = &state.services;
    let id = services
        .create_account(viewer.administrator, &request.name, &request.address)
        .await?;
    let account = services.get_own_account(viewer, id).await?;
    Ok((StatusCode::CREATED, Json(view(&state, account).await?)))
}

#[utoipa::path(get, operation_id = "get_account", path = "/accounts/{id}", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<AccountView>> {
    let account = state.services.get_own_account_even_sealed(viewer, id).await?;
    Ok(Json(view(&state, account).await?))
}

/// The account and all its mail here; the mailbox on the server stays as it is.
#[utoipa::path(delete, operation_id = "erase_account", path = "/accounts/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn erase(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<StatusCode> {
    state.services.erase_account(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct UnsealRequest {
    /// The mailbox's own.
    #[schema(value_type = String)]
    password: SecretString,
}

/// Opens a sealed account, if the mailbox's server accepts the password.
#[utoipa::path(post, operation_id = "unseal_account", path = "/accounts/{id}/unseal", params(("id" = String, Path)), request_body = UnsealRequest, responses((status = 204)))]
pub async fn unseal(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<UnsealRequest>,
) -> ApiResult<StatusCode> {
    let services = &state.services;
    let credentials = services
        .credentials_to_unseal(viewer, id, request.password)
        .await?;
    // Whoever has the sign-in could try passwords of the mailbox with it.
    state.limits.count_test(viewer.administrator)?;
    let result = state.engine.probe(credentials.clone()).await;
    if let Some(failure) = result.failure {
        let message = format!("{} {}", failure.message, failure.advice);
        return Err(ServiceError::field("password", message).into());
    }
    services.unseal_account(viewer, id, &credentials).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(state: &ApiState, account: MailAccount) -> ApiResult<AccountView> {
    if account.sealed_at.is_some() {
        return Ok(sealed_view(account));
    }
    let password_stored = state.services.has_imap_password(&account).await?;
    Ok(AccountView {
        id: account.id,
        name: account.name,
        address: account.address.to_string(),
        aliases: account.aliases.iter().map(ToString::to_string).collect(),
        username: account.username,
        password_stored,
        tracking: TrackingCard {
            enabled: account.tracking.enabled,
            messages: match account.tracking.messages {
                MessagesToProcess::All => "all".into(),
                MessagesToProcess::Unread => "unread".into(),
            },
            history_since: account.tracking.history_since.map(|day| day.to_string()),
            history_paused: account.tracking.history_paused,
            mark_as_read: account.tracking.mark_as_read,
            flags_both_ways: account.tracking.flags_both_ways,
            deny_list: account.deny_list,
        },
        imap: account.imap.map(ImapCard::from),
        smtp: account.smtp.map(SmtpCard::from),
        sealed: false,
    })
}

fn sealed_view(account: MailAccount) -> AccountView {
    AccountView {
        id: account.id,
        name: String::new(),
        address: account.address.to_string(),
        aliases: Vec::new(),
        username: String::new(),
        password_stored: false,
        tracking: TrackingCard {
            enabled: account.tracking.enabled,
            messages: "all".into(),
            history_since: None,
            history_paused: false,
            mark_as_read: false,
            flags_both_ways: false,
            deny_list: String::new(),
        },
        imap: None,
        smtp: None,
        sealed: true,
    }
}

#[derive(Deserialize, ToSchema)]
pub struct DenyListRequest {
    deny_list: String,
}

#[derive(Serialize, ToSchema)]
pub struct DenyPreviewView {
    line: String,
    /// Of the last 90 days, that it would have kept out.
    messages: u64,
}

/// What lines that are not saved yet would have kept out.
#[utoipa::path(post, operation_id = "preview_deny_list", path = "/accounts/{id}/deny-list/preview", params(("id" = String, Path)),
    request_body = DenyListRequest, responses((status = 200, body = Vec<DenyPreviewView>)))]
pub async fn preview_deny_list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<DenyListRequest>,
) -> ApiResult<Json<Vec<DenyPreviewView>>> {
    let previews = state
        .services
        .preview_deny_list(viewer, id, &request.deny_list)
        .await?;
    let views = previews.into_iter().map(|preview| DenyPreviewView {
        line: preview.line,
        messages: preview.messages,
    });
    Ok(Json(views.collect()))
}

#[utoipa::path(put, path = "/accounts/{id}/tracking", params(("id" = String, Path)),
    request_body = TrackingCard, responses((status = 204)))]
pub async fn save_tracking(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<TrackingCard>,
) -> ApiResult<StatusCode> {
    let day = request
        .history_since
        .filter(|day| !day.is_empty())
        .map(|day| day.parse())
        .transpose();
    let messages = match request.messages.as_str() {
        "all" => MessagesToProcess::All,
        "unread" => MessagesToProcess::Unread,
        _ => return Err(ServiceError::field("messages", "all or unread is expected.").into()),
    };
    let tracking = Tracking {
        enabled: request.enabled,
        messages,
        history_since: day
            .map_err(|_| ServiceError::field("history_since", "A day such as 2026-01-31 is expected."))?,
        history_paused: request.history_paused,
        mark_as_read: request.mark_as_read,
        flags_both_ways: request.flags_both_ways,
    };
    let card = Card::Tracking {
        tracking,
        deny_list: request.deny_list,
    };
    state.services.save_card(viewer, id, card).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/accounts/{id}/credentials", params(("id" = String, Path)),
    request_body = CredentialsRequest, responses((status = 204)))]
pub async fn save_credentials(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<CredentialsRequest>,
) -> ApiResult<StatusCode> {
    let card = Card::Credentials {
        name: request.name,
        address: request.address,
        aliases: request.aliases,
        username: request.username,
        password: request.password,
    };
    state.services.save_card(viewer, id, card).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/accounts/{id}/imap", params(("id" = String, Path)),
    request_body = ImapRequest, responses((status = 204)))]
pub async fn save_imap(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<ImapRequest>,
) -> ApiResult<StatusCode> {
    let card = Card::Imap {
        settings: request.settings.try_into()?,
        password: request.password,
    };
    state.services.save_card(viewer, id, card).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/accounts/{id}/smtp", params(("id" = String, Path)),
    request_body = SmtpRequest, responses((status = 204)))]
pub async fn save_smtp(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<SmtpRequest>,
) -> ApiResult<StatusCode> {
    let card = Card::Smtp {
        settings: request.settings.try_into()?,
        password: request.password,
    };
    state.services.save_card(viewer, id, card).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, operation_id = "account_status", path = "/accounts/{id}/status", params(("id" = String, Path)),
    responses((status = 200, body = StatusView)))]
pub async fn status(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<StatusView>> {
    let account = state.services.get_own_account(viewer, id).await?;
    let status = state.services.account_status(viewer, id).await?;
    let audit = state.services.find_audit(viewer, id).await?;
    let signed_in = state.services.find_sign_in(viewer, id).await?;
    let progress = state.engine.progress(id);
    let skipped = status.skipped.into_iter().map(|skipped| SkippedView {
        reason: skipped.reason,
        deny_line: skipped.deny_line,
        count: skipped.count,
    });
    let opened = OpenedPage::from(status.opened_by);
    Ok(Json(StatusView {
        state: account.status.state.as_str().to_owned(),
        since: account.status.since.to_rfc3339(),
        error: account.status.error,
        next_try_at: account.status.next_try_at.map(Timestamp::to_rfc3339),
        last_sync_at: account.status.last_sync_at.map(Timestamp::to_rfc3339),
        messages: status.messages,
        on_server: status.on_server,
        skipped: skipped.collect(),
        opened_by: opened.lines,
        opened_older: opened.older,
        history_rest: status.history_rest.map(HistoryRest::as_str),
        has_history: status.has_history,
        signed_in: signed_in.map(SignedInView::from),
        audit: audit.map(CompletenessView::from),
        progress: progress.map(|progress| ProgressView {
            done: progress.done,
            total: progress.total,
            started_at: progress.started_at.to_rfc3339(),
        }),
    }))
}

#[derive(Serialize, ToSchema)]
pub struct OpenedPage {
    lines: Vec<OpenedView>,
    /// Where to go on, if there may be more.
    older: Option<String>,
}

impl From<Page<AuditEntry>> for OpenedPage {
    fn from(page: Page<AuditEntry>) -> Self {
        let older = page.older.map(|older| older.to_string());
        let lines = page.into_iter().map(|entry| OpenedView {
            at: entry.at.to_rfc3339(),
            administrator_id: entry.actor.map(|actor| actor.to_string()),
            verb: entry.verb,
        });
        let lines = lines.collect();
        OpenedPage { lines, older }
    }
}

/// Reads, tests and exports by others and by the command line, newest first; the first of them are on the status.
#[utoipa::path(get, operation_id = "list_opened", path = "/accounts/{id}/opened", params(("id" = String, Path), PageParams), responses((status = 200, body = OpenedPage)))]
pub async fn opened(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    Query(params): Query<PageParams>,
) -> ApiResult<Json<OpenedPage>> {
    let before = before(params.before.as_deref())?;
    let page = state.services.list_opened(viewer, id, before).await?;
    Ok(Json(page.into()))
}

/// "N on the server, N here, 0 missing, k skipped, each with its reason"; what is missing is fetched. The result is on
/// the status once it is there.
#[utoipa::path(post, operation_id = "audit_account", path = "/accounts/{id}/audit", params(("id" = String, Path)), responses((status = 202)))]
pub async fn audit(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<StatusCode> {
    state.services.ask_for_audit(viewer, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Signs in with what is in the form and lists the folders; changes nothing. Load is the same.
#[utoipa::path(post, path = "/accounts/{id}/test", params(("id" = String, Path)),
    request_body = TestRequest, responses((status = 200, body = TestResult)))]
pub async fn test_imap(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<TestRequest>,
) -> ApiResult<Json<TestResult>> {
    let settings: ImapSettings = request.settings.try_into()?;
    freshen(&state, viewer, id, request.password.as_ref()).await?;
    let credentials = state
        .services
        .credentials_to_test(viewer, id, settings, &request.username, request.password)
        .await?;
    state.limits.count_test(viewer.administrator)?;
    Ok(Json(state.engine.probe(credentials).await.into()))
}

/// Where nothing is typed: what is stored may be a token that is to be refreshed.
pub async fn freshen(
    state: &ApiState,
    viewer: Viewer,
    account: MailAccountId,
    typed: Option<&SecretString>,
) -> ApiResult<()> {
    if typed.is_some_and(|typed| !typed.expose_secret().is_empty()) {
        return Ok(());
    }
    state.services.get_own_account(viewer, account).await?;
    let fresh = state.engine.keep_token_fresh(account).await;
    fresh.map_err(|error| ServiceError::field("password", error.for_owner()).into())
}

#[derive(Deserialize, ToSchema)]
pub struct HistoryRequest {
    /// A day such as 2026-01-31.
    since: String,
}

/// What "Process old (historic) messages" would fetch; counted in the mailbox, or why that could not be done.
#[derive(Serialize, ToSchema)]
pub struct HistoryPreviewView {
    messages: u64,
    /// By what the server says; 0: it says nothing of sizes.
    bytes: u64,
    failure: Option<String>,
}

#[utoipa::path(post, path = "/accounts/{id}/history-preview", params(("id" = String, Path)), request_body = HistoryRequest, responses((status = 200, body = HistoryPreviewView)))]
pub async fn preview_history(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<HistoryRequest>,
) -> ApiResult<Json<HistoryPreviewView>> {
    let account = state.services.get_own_account(viewer, id).await?;
    let day = request.since.parse();
    let day = day.map_err(|_| ServiceError::field("since", "A day such as 2026-01-31 is expected."))?;
    state.limits.count_test(viewer.administrator)?;
    let view = match state.engine.preview_history(&account, day).await {
        Ok(preview) => HistoryPreviewView {
            messages: preview.messages,
            bytes: preview.bytes,
            failure: None,
        },
        Err(error) => HistoryPreviewView {
            messages: 0,
            bytes: 0,
            failure: Some(error.for_owner()),
        },
    };
    Ok(Json(view))
}

#[utoipa::path(post, path = "/accounts/{id}/sync", params(("id" = String, Path)), responses((status = 204)))]
pub async fn sync_now(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<StatusCode> {
    state.services.get_own_account(viewer, id).await?;
    state.limits.count_test(viewer.administrator)?;
    state.engine.try_now(id);
    Ok(StatusCode::NO_CONTENT)
}

/// How many messages are looked at now that arrived while processing was off.
#[derive(Serialize, ToSchema)]
pub struct GapView {
    messages: u64,
}

/// Fetch the gap: what arrived while "Enable inbox processing" was off.
#[utoipa::path(post, path = "/accounts/{id}/fetch-gap", params(("id" = String, Path)), responses((status = 200, body = GapView)))]
pub async fn fetch_gap(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
) -> ApiResult<Json<GapView>> {
    let messages = state.services.fetch_gap(viewer, id).await?;
    state.engine.wake(id);
    Ok(Json(GapView { messages }))
}

/// What is wrong with an account of one's own.
#[derive(Serialize, ToSchema)]
pub struct AlarmLine {
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
    address: String,
    /// `login_refused`, `certificate_changed`, `sign_in_again`, `not_synced`, `queue_full` or `grant_rests`.
    kind: String,
    since: String,
}

#[utoipa::path(get, operation_id = "list_alarms", path = "/alarms", responses((status = 200, body = Vec<AlarmLine>)))]
pub async fn alarms(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<AlarmLine>>> {
    let alarms = state.services.list_alarms(viewer).await?.into_iter();
    let lines = alarms.map(|view| AlarmLine {
        account_id: view.account,
        address: view.address,
        kind: view.alarm.as_str().to_owned(),
        since: view.since.to_rfc3339(),
    });
    Ok(Json(lines.collect()))
}
