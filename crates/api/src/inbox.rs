//! Messages / Inbox.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use domain::Before;
use domain::MessageId;
use domain::Timestamp;
use domain::message::Direction;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use service::inbox::MAX_UNREAD;
use service::inbox::MessageAct;
use service::inbox::Position;
use service::inbox::Show;
use service::reading::Charset;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::session::SignedIn;
use crate::views::MessagePage;
use crate::views::MessageRow;
use crate::views::MessageView;

const DEFAULT_PAGE: u32 = 50;

#[derive(Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// `my`, `all` or the id of an administrator who granted access.
    show: Option<String>,
    /// Words to search for; `"..."` is a phrase.
    text: Option<String>,
    /// `incoming` or `outgoing`.
    direction: Option<String>,
    unread: Option<bool>,
    /// Whether the author is a customer, a lead or a colleague.
    known: Option<bool>,
    attachments: Option<bool>,
    /// Arrived at or after: RFC 3339.
    from: Option<String>,
    /// Arrived before: RFC 3339.
    until: Option<String>,
    /// Those that can still be restored.
    deleted: Option<bool>,
    /// `older` of the page before.
    before: Option<String>,
    /// At most 100.
    limit: Option<u32>,
}

#[utoipa::path(get, operation_id = "list_messages", path = "/messages", params(ListParams), responses((status = 200, body = MessagePage)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<ListParams>,
) -> ApiResult<Json<MessagePage>> {
    let page = state.services.list_inbox(viewer, &query(params)?).await?;
    Ok(Json(MessagePage {
        messages: page.messages.into_iter().map(MessageRow::from).collect(),
        older: page.older.map(|key| key.to_string()),
    }))
}

pub(crate) fn query(params: ListParams) -> Result<InboxQuery, ServiceError> {
    let before = params.before.map(|key| number("before", &key)).transpose()?;
    Ok(InboxQuery {
        show: show(params.show.as_deref())?,
        text: params.text.unwrap_or_default(),
        known: params.known,
        filter: Filter {
            direction: params.direction.as_deref().map(direction).transpose()?,
            unread: params.unread,
            with_attachments: params.attachments.unwrap_or(false),
            author: None,
            from: params
                .from
                .as_deref()
                .map(|text| moment("from", text))
                .transpose()?,
            until: params
                .until
                .as_deref()
                .map(|text| moment("until", text))
                .transpose()?,
            deleted: params.deleted.unwrap_or(false),
        },
        position: before.map_or(Position::NEWEST, Position::Before),
        limit: params.limit.unwrap_or(DEFAULT_PAGE),
    })
}

pub fn show(text: Option<&str>) -> Result<Show, ServiceError> {
    match text {
        None | Some("all") => Ok(Show::All),
        Some("my") => Ok(Show::My),
        Some(id) => id
            .parse()
            .map(Show::OfOwner)
            .map_err(|_| ServiceError::field("show", "my, all or the id of an administrator is expected.")),
    }
}

fn direction(text: &str) -> Result<Direction, ServiceError> {
    Direction::parse(text)
        .ok_or_else(|| ServiceError::field("direction", "incoming or outgoing is expected."))
}

pub(crate) fn number(field: &'static str, text: &str) -> Result<i64, ServiceError> {
    text.parse()
        .map_err(|_| ServiceError::field(field, "A key of an earlier page is expected."))
}

pub(crate) fn moment(field: &'static str, text: &str) -> Result<Timestamp, ServiceError> {
    text.parse::<jiff::Timestamp>()
        .map(|at| Timestamp::from_millis(at.as_millisecond()))
        .map_err(|_| ServiceError::field(field, "A moment such as 2026-09-13T00:00:00Z is expected."))
}

/// Where to go on in a list.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// `older` of the page before.
    pub before: Option<String>,
}

pub(crate) fn before(text: Option<&str>) -> Result<Before, ServiceError> {
    let place = text.map_or(Ok(Before::NEWEST), str::parse);
    place.map_err(|_| ServiceError::field("before", "`older` of an earlier page is expected."))
}

#[derive(Serialize, ToSchema)]
pub struct UnreadCount {
    unread: u64,
    /// There may be more.
    capped: bool,
}

#[utoipa::path(get, operation_id = "count_unread", path = "/unread", responses((status = 200, body = UnreadCount)))]
pub async fn unread(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Json<UnreadCount>> {
    let unread = state.services.count_unread(viewer).await?;
    Ok(Json(UnreadCount {
        unread,
        capped: unread >= u64::from(MAX_UNREAD),
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadingQuery {
    /// What it is written in, such as `windows-1251`, where it is shown wrongly. For this answer alone.
    encoding: Option<String>,
}

#[utoipa::path(get, operation_id = "get_message", path = "/messages/{id}", params(("id" = String, Path), ReadingQuery),
    responses((status = 200, body = MessageView)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    Query(query): Query<ReadingQuery>,
) -> ApiResult<Json<MessageView>> {
    let charset = query.encoding.as_deref().map(charset).transpose()?;
    let opened = state.services.open_message_as(viewer, id, charset).await?;
    Ok(Json(opened.into()))
}

fn charset(name: &str) -> Result<Charset, ServiceError> {
    Charset::named(name)
        .ok_or_else(|| ServiceError::field("encoding", "The name of an encoding is expected."))
}

#[derive(Deserialize, ToSchema)]
pub struct ActInput {
    /// At most 1,000.
    #[schema(value_type = Vec<String>)]
    ids: Vec<MessageId>,
    act: ActKind,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    MarkRead,
    MarkUnread,
    /// Restorable for 30 days.
    Delete,
    /// Into the Trash of the mailbox too; for the owner.
    DeleteEverywhere,
    Restore,
}

/// With all of them or, if one cannot be found or is not the viewer's to do this with, with none.
#[utoipa::path(post, operation_id = "act_on_messages", path = "/messages/acts", request_body = ActInput, responses((status = 204)))]
pub async fn act(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(input): extract::Json<ActInput>,
) -> ApiResult<StatusCode> {
    let act = match input.act {
        ActKind::MarkRead => MessageAct::MarkRead,
        ActKind::MarkUnread => MessageAct::MarkUnread,
        ActKind::Delete => MessageAct::Delete,
        ActKind::DeleteEverywhere => MessageAct::DeleteEverywhere,
        ActKind::Restore => MessageAct::Restore,
    };
    state.services.act_on_messages(viewer, &input.ids, act).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Into the Trash of the mailbox too; for the owner.
    #[serde(default)]
    everywhere: bool,
}

/// Restorable for 30 days.
#[utoipa::path(delete, operation_id = "delete_message", path = "/messages/{id}", params(("id" = String, Path), DeleteQuery), responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<StatusCode> {
    let act = match query.everywhere {
        true => MessageAct::DeleteEverywhere,
        false => MessageAct::Delete,
    };
    state.services.act_on_messages(viewer, &[id], act).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, operation_id = "restore_message", path = "/messages/{id}/restore", params(("id" = String, Path)), responses((status = 204)))]
pub async fn restore(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state
        .services
        .act_on_messages(viewer, &[id], MessageAct::Restore)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remote images of this message's sender are loaded from now on, for the viewer.
#[utoipa::path(put, operation_id = "load_images", path = "/messages/{id}/images", params(("id" = String, Path)), responses((status = 204)))]
pub async fn load_images(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state.services.set_images_always(viewer, id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// They are asked for again.
#[utoipa::path(delete, operation_id = "block_images", path = "/messages/{id}/images", params(("id" = String, Path)), responses((status = 204)))]
pub async fn block_images(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state.services.set_images_always(viewer, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/messages/{id}/read", params(("id" = String, Path)), responses((status = 204)))]
pub async fn mark_read(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state
        .services
        .act_on_messages(viewer, &[id], MessageAct::MarkRead)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/messages/{id}/read", params(("id" = String, Path)), responses((status = 204)))]
pub async fn mark_unread(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<StatusCode> {
    state
        .services
        .act_on_messages(viewer, &[id], MessageAct::MarkUnread)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct ReparseView {
    /// Whether it can be shown now.
    shown: bool,
}

/// Tries again to parse a message that is not shown.
#[utoipa::path(post, operation_id = "reparse_message", path = "/messages/{id}/reparse", params(("id" = String, Path)), responses((status = 200, body = ReparseView)))]
pub async fn reparse(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<ReparseView>> {
    let shown = state.services.reparse_message(viewer, id).await?;
    Ok(Json(ReparseView { shown }))
}

/// The exact bytes, as a file.
#[utoipa::path(get, path = "/messages/{id}/eml", params(("id" = String, Path)),
    responses((status = 200, content_type = "message/rfc822")))]
pub async fn download_eml(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<impl IntoResponse> {
    let raw = state.services.open_raw(viewer, id).await?;
    let name = format!("attachment; filename=\"{id}.eml\"");
    Ok((
        [
            (header::CONTENT_TYPE, "message/rfc822".to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ],
        raw,
    ))
}

const MAX_SOURCE_BYTES: usize = 1024 * 1024;

/// The first MiB of the exact bytes, as text.
#[utoipa::path(get, operation_id = "message_source", path = "/messages/{id}/source", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/plain")))]
pub async fn source(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<impl IntoResponse> {
    let raw = state.services.open_raw(viewer, id).await?;
    let text = String::from_utf8_lossy(&raw[..raw.len().min(MAX_SOURCE_BYTES)]).into_owned();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}
