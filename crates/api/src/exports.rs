//! Mail taken out: started, followed, fetched once.

use axum::Json;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use domain::MailAccountId;
use domain::PartyId;
use futures_util::stream;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::exports::ExportScope;
use service::exports::FileFormat;
use service::exports::Progress;
use tokio::io::AsyncReadExt as _;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::inbox::ListParams;
use crate::inbox::query;
use crate::session::SignedIn;

#[derive(Deserialize, ToSchema)]
pub struct ExportRequest {
    /// `csv`, `eml` (a zip of messages), `mbox` or `html` (a page to print).
    format: String,
    /// Mail with this customer or lead.
    #[schema(value_type = Option<String>)]
    party_id: Option<PartyId>,
    /// All mail of this account of one's own.
    #[schema(value_type = Option<String>)]
    account_id: Option<MailAccountId>,
    /// Without both: what the list of messages shows for this.
    list: Option<ListParams>,
}

#[derive(Serialize, ToSchema)]
pub struct ExportStarted {
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
}

#[derive(Serialize, ToSchema)]
pub struct ExportView {
    /// `running`, `ready` or `failed`.
    state: String,
    /// Messages so far.
    messages: u64,
    /// Of these, those that could not be read; the file names them.
    unread: u64,
}

/// Begins an export of mail that the viewer may take out: own mail, and mail of accounts with Reply.
#[utoipa::path(post, operation_id = "start_export", path = "/exports", request_body = ExportRequest, responses((status = 202, body = ExportStarted)))]
pub async fn start(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<ExportRequest>,
) -> ApiResult<(StatusCode, Json<ExportStarted>)> {
    let format = FileFormat::parse(&request.format)
        .ok_or_else(|| ServiceError::field("format", "csv, eml, mbox or html is expected."))?;
    let scope = match (request.party_id, request.account_id) {
        (Some(party), _) => ExportScope::Conversation(party),
        (None, Some(account)) => ExportScope::Account(account),
        (None, None) => ExportScope::Inbox(Box::new(query(request.list.unwrap_or_default())?)),
    };
    let id = state.services.start_export(viewer, scope, format).await?;
    Ok((StatusCode::ACCEPTED, Json(ExportStarted { id })))
}

#[utoipa::path(get, operation_id = "get_export", path = "/exports/{id}", params(("id" = String, Path)), responses((status = 200, body = ExportView)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<Uuid>,
) -> ApiResult<Json<ExportView>> {
    let (name, messages, unread) = match state.services.export_progress(viewer, id)? {
        Progress::Running { done } => ("running", done, 0),
        Progress::Ready { messages, unread } => ("ready", messages, unread),
        Progress::Failed => ("failed", 0, 0),
    };
    Ok(Json(ExportView {
        state: name.into(),
        messages,
        unread,
    }))
}

const CHUNK: usize = 64 * 1024;

/// The file, once.
#[utoipa::path(get, operation_id = "fetch_export", path = "/exports/{id}/file", params(("id" = String, Path)), responses((status = 200, content_type = "application/octet-stream")))]
pub async fn fetch(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<Uuid>,
) -> ApiResult<Response> {
    let exported = state.services.take_export(viewer, id).await?;
    let file = tokio::fs::File::from_std(exported.file);
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, exported.size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", exported.name),
        ),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
