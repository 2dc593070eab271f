//! Mail with a customer or lead: the Communication tab, its threads, and what can be done with one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::MessageId;
use domain::PartyId;
use domain::ThreadId;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::conversations::ConversationQuery;
use service::conversations::MailKind;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::inbox::before;
use crate::inbox::number;
use crate::inbox::show;
use crate::session::SignedIn;
use crate::views::MessageRow;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationParams {
    /// `my`, `all` or the id of an administrator who granted access.
    show: Option<String>,
    /// `personal` or `system`; both without it.
    kind: Option<String>,
    /// Words to search for; `"..."` is a phrase.
    text: Option<String>,
    /// `older` of the page before.
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationLineView {
    #[schema(value_type = String, format = Uuid)]
    thread_id: ThreadId,
    last_at: String,
    messages: u64,
    /// The newest message.
    last: MessageRow,
    /// The same message in other accounts.
    also_in: Vec<AlsoInView>,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationPage {
    lines: Vec<ConversationLineView>,
    /// Where to go on, if there may be more.
    older: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AlsoInView {
    #[schema(value_type = String, format = Uuid)]
    thread_id: ThreadId,
    owner_name: String,
}

const CONVERSATION_PAGE: u32 = 50;

fn kind(text: &str) -> Result<MailKind, ServiceError> {
    match text {
        "personal" => Ok(MailKind::Personal),
        "system" => Ok(MailKind::System),
        _ => Err(ServiceError::field("kind", "personal or system is expected.")),
    }
}

/// Threads with a party that the viewer may see, last contacted first.
#[utoipa::path(get, operation_id = "list_conversation", path = "/parties/{id}/conversation", params(("id" = String, Path), ConversationParams), responses((status = 200, body = ConversationPage)))]
pub async fn conversation(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
    Query(params): Query<ConversationParams>,
) -> ApiResult<Json<ConversationPage>> {
    let query = ConversationQuery {
        show: show(params.show.as_deref())?,
        kind: params.kind.as_deref().map(kind).transpose()?,
        text: params.text.unwrap_or_default(),
        before: before(params.before.as_deref())?,
        limit: CONVERSATION_PAGE,
    };
    let lines = state.services.list_conversation(viewer, id, &query).await?;
    let older = lines.older.map(|older| older.to_string());
    let views = lines.into_iter().map(|line| ConversationLineView {
        thread_id: line.thread,
        last_at: line.last_at.to_rfc3339(),
        messages: line.messages,
        last: line.last.into(),
        also_in: line
            .also_in
            .into_iter()
            .map(|(thread_id, owner_name)| AlsoInView {
                thread_id,
                owner_name,
            })
            .collect(),
    });
    let lines = views.collect();
    Ok(Json(ConversationPage { lines, older }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThreadParams {
    /// Whose conversation it is opened in.
    party: Option<String>,
    /// `older` of the page before.
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ThreadMessageView {
    message: MessageRow,
    /// The party is among its people; the others are folded.
    with_party: bool,
}

/// Oldest first.
#[derive(Serialize, ToSchema)]
pub struct ThreadPageView {
    messages: Vec<ThreadMessageView>,
    /// Where to go on, if there are older ones.
    older: Option<String>,
}

/// The newest messages of a thread, or those before them.
#[utoipa::path(get, operation_id = "get_thread", path = "/threads/{id}", params(("id" = String, Path), ThreadParams), responses((status = 200, body = ThreadPageView)))]
pub async fn thread(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
    Query(params): Query<ThreadParams>,
) -> ApiResult<Json<ThreadPageView>> {
    let party = params.party.map(|id| id.parse::<PartyId>()).transpose();
    let party =
        party.map_err(|_| ServiceError::field("party", "The id of a customer or lead is expected."))?;
    let before = params.before.map(|key| number("before", &key)).transpose()?;
    let page = state
        .services
        .get_thread(viewer, id, party, before.unwrap_or(i64::MAX))
        .await?;
    let views = page.messages.into_iter().map(|found| ThreadMessageView {
        message: found.listed.into(),
        with_party: found.with_party,
    });
    Ok(Json(ThreadPageView {
        messages: views.collect(),
        older: page.older.map(|key| key.to_string()),
    }))
}

#[derive(Deserialize, ToSchema)]
pub struct MergeRequest {
    /// The thread that stays.
    #[schema(value_type = String, format = Uuid)]
    into: ThreadId,
}

#[derive(Serialize, ToSchema)]
pub struct MergedView {
    /// What moved: split off, they are a thread of their own again.
    #[schema(value_type = Vec<String>)]
    messages: Vec<MessageId>,
}

/// Puts a thread's messages into another of the same account.
#[utoipa::path(post, operation_id = "merge_thread", path = "/threads/{id}/merge", params(("id" = String, Path)), request_body = MergeRequest, responses((status = 200, body = MergedView)))]
pub async fn merge(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
    extract::Json(request): extract::Json<MergeRequest>,
) -> ApiResult<Json<MergedView>> {
    let messages = state.services.merge_threads(viewer, id, request.into).await?;
    Ok(Json(MergedView { messages }))
}

#[derive(Deserialize, ToSchema)]
pub struct SplitRequest {
    #[schema(value_type = Vec<String>)]
    messages: Vec<MessageId>,
}

#[derive(Serialize, ToSchema)]
pub struct SplitView {
    #[schema(value_type = String, format = Uuid)]
    thread_id: ThreadId,
}

/// Makes a thread of its own of some messages of a thread.
#[utoipa::path(post, operation_id = "split_thread", path = "/threads/{id}/split", params(("id" = String, Path)), request_body = SplitRequest, responses((status = 200, body = SplitView)))]
pub async fn split(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
    extract::Json(request): extract::Json<SplitRequest>,
) -> ApiResult<Json<SplitView>> {
    let thread_id = state.services.split_thread(viewer, id, &request.messages).await?;
    Ok(Json(SplitView { thread_id }))
}

#[derive(Deserialize, ToSchema)]
pub struct ChooseRequest {
    #[schema(value_type = String, format = Uuid)]
    party_id: PartyId,
}

/// Says whose a thread is, where its addresses are on several records or not to be believed.
#[utoipa::path(put, operation_id = "choose_thread_party", path = "/threads/{id}/party", params(("id" = String, Path)), request_body = ChooseRequest, responses((status = 204)))]
pub async fn choose(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
    extract::Json(request): extract::Json<ChooseRequest>,
) -> ApiResult<StatusCode> {
    state
        .services
        .choose_thread_party(viewer, id, Some(request.party_id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a choice back.
#[utoipa::path(delete, operation_id = "unchoose_thread_party", path = "/threads/{id}/party", params(("id" = String, Path)), responses((status = 204)))]
pub async fn unchoose(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
) -> ApiResult<StatusCode> {
    state.services.choose_thread_party(viewer, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
