//! Writing: drafts and their files, answers, canned responses, suggestions.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use domain::AttachmentId;
use domain::CannedResponseId;
use domain::DraftId;
use domain::MailAccountId;
use domain::MessageId;
use domain::ThreadId;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::drafts::AnswerKind;
use service::drafts::DraftForm;
use service::drafts::FileView;
use service::drafts::NewFile;
use service::drafts::Recipients;
use service::drafts::Save;
use service::drafts::Saved;
use service::drafts::WrittenAddress;
use service::reading::SAFE_IMAGES;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::session::SignedIn;

#[derive(Serialize, ToSchema)]
pub struct SenderView {
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
    name: String,
    address: String,
    /// False: SMTP is not configured for it.
    can_send: bool,
    own: bool,
    /// HTML, below what is written.
    signature: String,
}

/// Accounts that can be written from: own ones, and those with Reply.
#[utoipa::path(get, operation_id = "list_senders", path = "/senders", responses((status = 200, body = Vec<SenderView>)))]
pub async fn senders(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<SenderView>>> {
    let senders = state.services.list_senders(viewer).await?;
    let views = senders.into_iter().map(|sender| SenderView {
        account_id: sender.account,
        name: sender.mailbox.name.into_string(),
        address: sender.mailbox.address.to_string(),
        can_send: sender.can_send,
        own: sender.is_own,
        signature: sender.signature,
    });
    Ok(Json(views.collect()))
}

/// A recipient as it is written.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecipientView {
    #[serde(default)]
    name: String,
    address: String,
}

impl From<RecipientView> for WrittenAddress {
    fn from(view: RecipientView) -> Self {
        WrittenAddress {
            name: view.name,
            address: view.address,
        }
    }
}

impl From<WrittenAddress> for RecipientView {
    fn from(written: WrittenAddress) -> Self {
        RecipientView {
            name: written.name,
            address: written.address,
        }
    }
}

/// What stands in the composer.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DraftRequest {
    #[schema(value_type = String, format = Uuid)]
    pub account_id: MailAccountId,
    /// It stays in this thread.
    #[schema(value_type = Option<String>)]
    thread_id: Option<ThreadId>,
    /// The message that it answers or forwards.
    #[schema(value_type = Option<String>)]
    answers: Option<MessageId>,
    #[serde(default)]
    to: Vec<RecipientView>,
    #[serde(default)]
    cc: Vec<RecipientView>,
    #[serde(default)]
    bcc: Vec<RecipientView>,
    subject: String,
    html: String,
}

impl From<DraftRequest> for DraftForm {
    fn from(request: DraftRequest) -> Self {
        let written = |views: Vec<RecipientView>| views.into_iter().map(WrittenAddress::from).collect();
        DraftForm {
            account: request.account_id,
            thread: request.thread_id,
            answers: request.answers,
            recipients: Recipients {
                to: written(request.to),
                cc: written(request.cc),
                bcc: written(request.bcc),
            },
            subject: request.subject,
            html: request.html,
        }
    }
}

impl From<DraftForm> for DraftRequest {
    fn from(form: DraftForm) -> Self {
        let views = |written: Vec<WrittenAddress>| written.into_iter().map(RecipientView::from).collect();
        DraftRequest {
            account_id: form.account,
            thread_id: form.thread,
            answers: form.answers,
            to: views(form.recipients.to),
            cc: views(form.recipients.cc),
            bcc: views(form.recipients.bcc),
            subject: form.subject,
            html: form.html,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DraftFileView {
    #[schema(value_type = String, format = Uuid)]
    id: AttachmentId,
    name: String,
    content_type: String,
    size_bytes: u64,
    /// Of an inline image: the text names it as `cid:`.
    content_id: Option<String>,
}

impl From<FileView> for DraftFileView {
    fn from(file: FileView) -> Self {
        DraftFileView {
            id: file.id,
            name: file.name,
            content_type: file.content_type,
            size_bytes: file.size_bytes,
            content_id: file.content_id,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DraftView {
    #[schema(value_type = String, format = Uuid)]
    id: DraftId,
    draft: DraftRequest,
    version: u64,
    updated_at: String,
    files: Vec<DraftFileView>,
}

impl From<service::drafts::DraftView> for DraftView {
    fn from(view: service::drafts::DraftView) -> Self {
        DraftView {
            id: view.id,
            draft: view.form.into(),
            version: view.version,
            updated_at: view.updated_at.to_rfc3339(),
            files: view.files.into_iter().map(DraftFileView::from).collect(),
        }
    }
}

/// What is saved, and over what. A save that is repeated under the same version is one.
#[derive(Deserialize, ToSchema)]
pub struct SaveRequest {
    #[serde(flatten)]
    draft: DraftRequest,
    /// Of a new draft: the client's to make (version 4 or 7), so that a lost answer makes no second one.
    #[schema(value_type = Option<String>)]
    id: Option<DraftId>,
    /// Greater than what it replaces; the next, if it is left out.
    version: Option<u64>,
    /// The version that was read, and those that were saved without an answer. Another one there is refused with 409
    /// and the field `version`. Over whatever is there, if it is left out.
    over: Option<Vec<u64>>,
    /// A new draft gets copies of the files of this one.
    #[schema(value_type = Option<String>)]
    files_of: Option<DraftId>,
}

#[derive(Serialize, ToSchema)]
pub struct DraftSavedView {
    #[schema(value_type = String, format = Uuid)]
    id: DraftId,
    version: u64,
}

impl From<Saved> for DraftSavedView {
    fn from(saved: Saved) -> Self {
        DraftSavedView {
            id: saved.id,
            version: saved.version,
        }
    }
}

/// The viewer's own, newest first.
#[utoipa::path(get, operation_id = "list_drafts", path = "/drafts", responses((status = 200, body = Vec<DraftView>)))]
pub async fn list_drafts(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<DraftView>>> {
    let drafts = state.services.list_drafts(viewer).await?;
    Ok(Json(drafts.into_iter().map(DraftView::from).collect()))
}

/// With an `id` of the client's it can be repeated: what is there under it, and is one of `over`, is saved over.
#[utoipa::path(post, operation_id = "create_draft", path = "/drafts", request_body = SaveRequest, responses((status = 201, body = DraftSavedView)))]
pub async fn create_draft(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<SaveRequest>,
) -> ApiResult<(StatusCode, Json<DraftSavedView>)> {
    let mut over = request.over.unwrap_or_default();
    over.push(0);
    let save = Save {
        id: request.id,
        over: Some(over),
        version: request.version,
        files_of: request.files_of,
    };
    let saved = state
        .services
        .save_draft(viewer, save, request.draft.into())
        .await?;
    Ok((StatusCode::CREATED, Json(saved.into())))
}

#[utoipa::path(get, operation_id = "get_draft", path = "/drafts/{id}", params(("id" = String, Path)), responses((status = 200, body = DraftView)))]
pub async fn get_draft(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<DraftId>,
) -> ApiResult<Json<DraftView>> {
    Ok(Json(state.services.get_draft(viewer, id).await?.into()))
}

#[utoipa::path(put, operation_id = "save_draft", path = "/drafts/{id}", params(("id" = String, Path)), request_body = SaveRequest, responses((status = 200, body = DraftSavedView)))]
pub async fn save_draft(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<DraftId>,
    extract::Json(request): extract::Json<SaveRequest>,
) -> ApiResult<Json<DraftSavedView>> {
    // What is not there is not made.
    let over = request
        .over
        .map(|over| over.into_iter().filter(|version| *version > 0).collect());
    let save = Save {
        id: Some(id),
        over,
        version: request.version,
        files_of: None,
    };
    let saved = state
        .services
        .save_draft(viewer, save, request.draft.into())
        .await?;
    Ok(Json(saved.into()))
}

/// It can be had back for a day.
#[utoipa::path(delete, operation_id = "delete_draft", path = "/drafts/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn delete_draft(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<DraftId>,
) -> ApiResult<StatusCode> {
    state.services.delete_draft(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One that was deleted is there again.
#[utoipa::path(post, operation_id = "restore_draft", path = "/drafts/{id}/restore", params(("id" = String, Path)), responses((status = 204)))]
pub async fn restore_draft(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<DraftId>,
) -> ApiResult<StatusCode> {
    state.services.restore_draft(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileParams {
    name: String,
    /// The client's to make: the same again is the same file.
    #[param(value_type = Option<String>)]
    id: Option<AttachmentId>,
    /// An image that the text shows.
    #[serde(default)]
    inline: bool,
}

/// The body is the file; its type is the Content-Type.
#[utoipa::path(post, operation_id = "attach_file", path = "/drafts/{id}/files", params(("id" = String, Path), FileParams),
    request_body(content = String, content_type = "application/octet-stream"), responses((status = 201, body = DraftFileView)))]
pub async fn attach(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<DraftId>,
    Query(params): Query<FileParams>,
    headers: HeaderMap,
    bytes: Bytes,
) -> ApiResult<(StatusCode, Json<DraftFileView>)> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let new = NewFile {
        id: params.id,
        name: &params.name,
        content_type: content_type.unwrap_or_default(),
        inline: params.inline,
        bytes,
    };
    let file = state.services.attach(viewer, id, new).await?;
    Ok((StatusCode::CREATED, Json(file.into())))
}

/// An image is shown in place; everything else is a download.
#[utoipa::path(get, operation_id = "read_draft_file", path = "/drafts/{id}/files/{file}", params(("id" = String, Path), ("file" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream")))]
pub async fn read_file(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path((id, file)): Path<(DraftId, AttachmentId)>,
) -> ApiResult<impl IntoResponse> {
    let (view, bytes) = state.services.read_draft_file(viewer, id, file).await?;
    let is_image = SAFE_IMAGES.contains(&view.content_type.as_str());
    let content_type = match is_image {
        true => view.content_type,
        false => "application/octet-stream".to_owned(),
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    Ok((headers, bytes))
}

#[utoipa::path(delete, operation_id = "detach_file", path = "/drafts/{id}/files/{file}", params(("id" = String, Path), ("file" = String, Path)), responses((status = 204)))]
pub async fn detach(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path((id, file)): Path<(DraftId, AttachmentId)>,
) -> ApiResult<StatusCode> {
    state.services.detach(viewer, id, file).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct AnswerRequest {
    /// `reply`, `reply_all` or `forward`.
    kind: String,
    /// The client's to make: the same again is the same draft.
    #[schema(value_type = Option<String>)]
    draft_id: Option<DraftId>,
}

/// A draft that answers or forwards a message, filled in.
#[utoipa::path(post, operation_id = "begin_answer", path = "/messages/{id}/answer", params(("id" = String, Path)), request_body = AnswerRequest, responses((status = 201, body = DraftView)))]
pub async fn answer(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    extract::Json(request): extract::Json<AnswerRequest>,
) -> ApiResult<(StatusCode, Json<DraftView>)> {
    let kind = match request.kind.as_str() {
        "reply" => AnswerKind::Reply,
        "reply_all" => AnswerKind::ReplyAll,
        "forward" => AnswerKind::Forward,
        _ => return Err(ServiceError::field("kind", "reply, reply_all or forward is expected.").into()),
    };
    let draft = state
        .services
        .begin_answer(viewer, id, kind, request.draft_id)
        .await?;
    Ok((StatusCode::CREATED, Json(draft.into())))
}

#[derive(Deserialize, ToSchema)]
pub struct SignatureRequest {
    html: String,
}

#[utoipa::path(put, operation_id = "set_signature", path = "/accounts/{id}/signature", params(("id" = String, Path)), request_body = SignatureRequest, responses((status = 204)))]
pub async fn set_signature(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<SignatureRequest>,
) -> ApiResult<StatusCode> {
    state.services.set_signature(viewer, id, &request.html).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct CannedResponseView {
    #[schema(value_type = String, format = Uuid)]
    id: CannedResponseId,
    name: String,
    html: String,
}

#[derive(Deserialize, ToSchema)]
pub struct CannedResponseRequest {
    name: String,
    /// `{{name}}`, `{{number}}` and `{{my_name}}` are filled in when it is used.
    html: String,
}

#[utoipa::path(get, operation_id = "list_canned_responses", path = "/canned-responses", responses((status = 200, body = Vec<CannedResponseView>)))]
pub async fn list_canned(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<Vec<CannedResponseView>>> {
    let responses = state.services.list_canned_responses(viewer).await?;
    let views = responses.into_iter().map(|response| CannedResponseView {
        id: response.id,
        name: response.name,
        html: response.html,
    });
    Ok(Json(views.collect()))
}

#[utoipa::path(post, operation_id = "add_canned_response", path = "/canned-responses", request_body = CannedResponseRequest, responses((status = 204)))]
pub async fn add_canned(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<CannedResponseRequest>,
) -> ApiResult<StatusCode> {
    state
        .services
        .add_canned_response(viewer, &request.name, &request.html)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, operation_id = "delete_canned_response", path = "/canned-responses/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn delete_canned(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<CannedResponseId>,
) -> ApiResult<StatusCode> {
    state.services.delete_canned_response(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuggestionParams {
    text: String,
}

/// People to write to: from customers and leads, and from mail that the viewer may see.
#[utoipa::path(get, operation_id = "list_suggestions", path = "/suggestions", params(SuggestionParams), responses((status = 200, body = Vec<RecipientView>)))]
pub async fn suggestions(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<SuggestionParams>,
) -> ApiResult<Json<Vec<RecipientView>>> {
    let found = state.services.suggest_recipients(viewer, &params.text).await?;
    Ok(Json(found.into_iter().map(RecipientView::from).collect()))
}
