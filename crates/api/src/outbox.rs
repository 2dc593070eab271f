//! Sending, and what is on its way.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use domain::AttachmentId;
use domain::DraftId;
use domain::MailAccountId;
use domain::MessageId;
use domain::account::SmtpSettings;
use domain::rules::reports::in_plain_words;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::outbox::Entry;
use service::outbox::Queued;
use service::outbox::SendForm;
use utoipa::ToSchema;

use crate::ApiState;
use crate::account_cards::SmtpCard;
use crate::accounts::freshen;
use crate::compose::DraftRequest;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::inbox::PageParams;
use crate::inbox::before;
use crate::session::SignedIn;
use crate::test_result::TestResult;

#[derive(Deserialize, ToSchema)]
pub struct SendRequest {
    #[serde(flatten)]
    message: DraftRequest,
    /// Its files go along.
    #[schema(value_type = Option<String>)]
    draft_id: Option<DraftId>,
    /// Those of its files that go along, beside the images that the text shows; all, if it is left out.
    #[schema(value_type = Option<Vec<String>>)]
    files: Option<Vec<AttachmentId>>,
    /// False: it goes at once and cannot be taken back.
    #[serde(default = "yes")]
    undo: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize, ToSchema)]
pub struct QueuedView {
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    /// Until then it can be taken back.
    due_at: String,
}

/// The longest key that is taken.
const MAX_KEY: usize = 200;

/// Queues a message. With an `Idempotency-Key` a repeated request makes no second one for seven days; the key with
/// another body is refused.
#[utoipa::path(post, operation_id = "send_message", path = "/outbox", request_body = SendRequest,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 202, body = QueuedView)))]
pub async fn send(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    headers: HeaderMap,
    extract::Json(request): extract::Json<SendRequest>,
) -> ApiResult<(StatusCode, Json<QueuedView>)> {
    let key = idempotency_key(&headers)?;
    let form = SendForm {
        form: request.message.into(),
        draft: request.draft_id,
        files: request.files,
        can_be_undone: request.undo,
    };
    let queued = state.services.send(viewer, form, key).await?;
    Ok((StatusCode::ACCEPTED, Json(queued.into())))
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ServiceError> {
    let Some(value) = headers.get("Idempotency-Key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    match text.is_empty() || text.len() > MAX_KEY {
        true => Err(ServiceError::field(
            "Idempotency-Key",
            "Plain text of at most 200 characters is expected.",
        )),
        false => Ok(Some(text)),
    }
}

impl From<Queued> for QueuedView {
    fn from(queued: Queued) -> Self {
        QueuedView {
            message_id: queued.message,
            due_at: queued.due_at.to_rfc3339(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DeliveryRecipientView {
    address: String,
    /// `waiting`, `accepted`, `refused`, `bounced`, `late` (accepted, and they go on trying) or `complained` (delivered,
    /// and reported as unwanted).
    state: String,
    /// The server's words.
    said: Option<String>,
    /// What they mean, where that is known and it did not arrive.
    why: Option<String>,
}

/// How a message stands on its way out.
#[derive(Serialize, ToSchema)]
pub struct DeliveryView {
    #[schema(value_type = String, format = Uuid)]
    message_id: MessageId,
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
    /// Who wrote it: the owner, or somebody with Reply.
    sender_name: String,
    subject: String,
    /// `queued`, `sending`, `sent`, `retrying`, `failed`, `expired`, `bounced` or `unknown`.
    state: String,
    /// The server's words.
    said: Option<String>,
    queued_at: String,
    /// When it is tried next, or until when it can be taken back.
    due_at: String,
    attempts: u32,
    /// The copy in Sent: `none`, `due`, `done` or `failed`.
    sent_copy: String,
    /// Why the copy could not be made so far.
    sent_copy_said: Option<String>,
    recipients: Vec<DeliveryRecipientView>,
}

fn view((entry, sender_name): (Entry, String)) -> DeliveryView {
    let recipients = entry.recipients.into_iter();
    DeliveryView {
        message_id: entry.message,
        account_id: entry.account,
        sender_name,
        subject: entry.subject,
        state: entry.state.as_str().to_owned(),
        said: entry.said,
        queued_at: entry.queued_at.to_rfc3339(),
        due_at: entry.due_at.to_rfc3339(),
        attempts: entry.attempts,
        sent_copy: entry.sent_copy.as_str().to_owned(),
        sent_copy_said: entry.sent_copy_said,
        recipients: recipients
            .map(|(address, state, said)| DeliveryRecipientView {
                address: address.to_string(),
                state: state.as_str().to_owned(),
                why: said
                    .as_deref()
                    .filter(|_| state.has_trouble())
                    .and_then(in_plain_words)
                    .map(str::to_owned),
                said,
            })
            .collect(),
    }
}

#[derive(Serialize, ToSchema)]
pub struct OutboxPage {
    entries: Vec<DeliveryView>,
    /// Where to go on, if there may be more.
    older: Option<String>,
}

/// On their way, failed, unknown, and what was sent in the last day; newest first.
#[utoipa::path(get, operation_id = "list_outbox", path = "/outbox", params(PageParams), responses((status = 200, body = OutboxPage)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<PageParams>,
) -> ApiResult<Json<OutboxPage>> {
    let before = before(params.before.as_deref())?;
    let page = state.services.list_outbox(viewer, before).await?;
    Ok(Json(OutboxPage {
        older: page.older.map(|older| older.to_string()),
        entries: page.into_iter().map(view).collect(),
    }))
}

#[utoipa::path(get, operation_id = "get_delivery", path = "/outbox/{id}", params(("id" = String, Path)), responses((status = 200, body = DeliveryView)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<DeliveryView>> {
    Ok(Json(view(state.services.get_delivery(viewer, id).await?)))
}

#[derive(Serialize, ToSchema)]
pub struct TakenBackView {
    /// There again, where it was written as a draft.
    #[schema(value_type = Option<String>)]
    draft_id: Option<DraftId>,
}

/// Takes a message back that is still queued.
#[utoipa::path(delete, operation_id = "take_back", path = "/outbox/{id}", params(("id" = String, Path)), responses((status = 200, body = TakenBackView)))]
pub async fn take_back(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<TakenBackView>> {
    let draft_id = state.services.take_back(viewer, id).await?;
    Ok(Json(TakenBackView { draft_id }))
}

/// Sends again, to everybody who has not accepted it, what failed, waits, or is unknown.
#[utoipa::path(post, operation_id = "send_again", path = "/outbox/{id}/again", params(("id" = String, Path)), responses((status = 204)))]
pub async fn again(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state.services.send_again(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is unknown has gone, says a person.
#[utoipa::path(post, operation_id = "it_went", path = "/outbox/{id}/went", params(("id" = String, Path)), responses((status = 204)))]
pub async fn went(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state.services.it_went(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct SmtpTestRequest {
    #[serde(flatten)]
    settings: SmtpCard,
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
}

/// Test connection of the SMTP card; hands nothing over.
#[utoipa::path(post, operation_id = "test_smtp", path = "/accounts/{id}/smtp/test", params(("id" = String, Path)), request_body = SmtpTestRequest, responses((status = 200, body = TestResult)))]
pub async fn test_smtp(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<SmtpTestRequest>,
) -> ApiResult<Json<TestResult>> {
    let settings = SmtpSettings::try_from(request.settings)?;
    freshen(&state, viewer, id, request.password.as_ref()).await?;
    let credentials = state
        .services
        .smtp_credentials_to_test(viewer, id, settings, request.password)
        .await?;
    state.limits.count_test(viewer.administrator)?;
    Ok(Json(state.engine.probe_smtp(credentials).await.into()))
}

#[derive(Deserialize, ToSchema)]
pub struct SendTestRequest {
    to: String,
}

/// A real message through the same path; how it went is its delivery.
#[utoipa::path(post, operation_id = "send_test_message", path = "/accounts/{id}/smtp/send-test", params(("id" = String, Path)), request_body = SendTestRequest, responses((status = 202, body = QueuedView)))]
pub async fn send_test(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<SendTestRequest>,
) -> ApiResult<(StatusCode, Json<QueuedView>)> {
    // The owner's business, as every setting.
    state.services.get_own_account(viewer, id).await?;
    let to = WrittenAddress {
        name: String::new(),
        address: request.to,
    };
    let form = SendForm {
        form: DraftForm {
            account: id,
            thread: None,
            answers: None,
            recipients: Recipients {
                to: vec![to],
                ..Recipients::default()
            },
            subject: "Test message".into(),
            html: "<p>This message shows that sending works.</p>".into(),
        },
        draft: None,
        files: None,
        can_be_undone: false,
    };
    let queued = state.services.send(viewer, form, None).await?;
    Ok((StatusCode::ACCEPTED, Json(queued.into())))
}
