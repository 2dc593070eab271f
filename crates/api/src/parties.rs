//! Customers and leads, pairing, blocking, the Communication tab.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use domain::party::PartyKind;
use domain::rules::blocking::BlockScope;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::pairing::Blocked;
use service::parties::After;
use service::parties::Party;
use service::parties::PartyForm;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::extract::Path;
use crate::extract::Query;
use crate::session::SignedIn;
use crate::views::MessageRow;

#[derive(Deserialize, ToSchema)]
pub struct PartyRequest {
    /// `customer` or `lead`.
    kind: String,
    name: String,
    /// Login or number.
    number: String,
    phone: String,
    status: String,
    external_id: Option<String>,
    notes: String,
    addresses: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PartyAddressView {
    address: String,
    /// `crm`, `paired` or `manual`.
    source: String,
}

#[derive(Serialize, ToSchema)]
pub struct PartyView {
    #[schema(value_type = String, format = Uuid)]
    id: PartyId,
    kind: String,
    name: String,
    number: String,
    phone: String,
    status: String,
    external_id: Option<String>,
    notes: String,
    addresses: Vec<PartyAddressView>,
}

impl From<Party> for PartyView {
    fn from(party: Party) -> Self {
        PartyView {
            id: party.id,
            kind: party.kind.as_str().to_owned(),
            name: party.name,
            number: party.number,
            phone: party.phone,
            status: party.status,
            external_id: party.external_id,
            notes: party.notes,
            addresses: party
                .addresses
                .into_iter()
                .map(|held| PartyAddressView {
                    address: held.address.to_string(),
                    source: held.source.as_str().to_owned(),
                })
                .collect(),
        }
    }
}

impl TryFrom<PartyRequest> for PartyForm {
    type Error = ServiceError;

    fn try_from(request: PartyRequest) -> Result<Self, ServiceError> {
        Ok(PartyForm {
            kind: kind(&request.kind)?,
            name: request.name,
            number: request.number,
            phone: request.phone,
            status: request.status,
            external_id: request.external_id,
            notes: request.notes,
            addresses: request.addresses,
        })
    }
}

fn kind(text: &str) -> Result<PartyKind, ServiceError> {
    PartyKind::parse(text).ok_or_else(|| ServiceError::field("kind", "customer or lead is expected."))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PartiesParams {
    /// `customer` or `lead`.
    kind: String,
    #[serde(default)]
    text: String,
    /// `next` of the page before.
    after_name: Option<String>,
    after_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PartyPage {
    parties: Vec<PartyView>,
    next: Option<PartyPosition>,
}

/// Where the next page begins.
#[derive(Serialize, ToSchema)]
pub struct PartyPosition {
    name: String,
    #[schema(value_type = String, format = Uuid)]
    id: PartyId,
}

#[utoipa::path(get, operation_id = "list_parties", path = "/parties", params(PartiesParams), responses((status = 200, body = PartyPage)))]
pub async fn list(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<PartiesParams>,
) -> ApiResult<Json<PartyPage>> {
    let id = params.after_id.map(|id| id.parse::<PartyId>()).transpose();
    let id = id.map_err(|_| ServiceError::field("after_id", "The id of an earlier page is expected."))?;
    let after = params
        .after_name
        .zip(id)
        .map(|(sort_name, id)| After { sort_name, id });
    let kind = kind(&params.kind)?;
    let (parties, next) = state
        .services
        .list_parties(viewer, kind, &params.text, after.as_ref())
        .await?;
    Ok(Json(PartyPage {
        parties: parties.into_iter().map(PartyView::from).collect(),
        next: next.map(|after| PartyPosition {
            name: after.sort_name,
            id: after.id,
        }),
    }))
}

#[utoipa::path(post, operation_id = "create_party", path = "/parties", request_body = PartyRequest, responses((status = 201, body = PartyView)))]
pub async fn create(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<PartyRequest>,
) -> ApiResult<(StatusCode, Json<PartyView>)> {
    let id = state.services.create_party(viewer, request.try_into()?).await?;
    let party = state.services.get_party(viewer, id).await?;
    Ok((StatusCode::CREATED, Json(party.into())))
}

#[utoipa::path(get, operation_id = "get_party", path = "/parties/{id}", params(("id" = String, Path)), responses((status = 200, body = PartyView)))]
pub async fn get(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
) -> ApiResult<Json<PartyView>> {
    Ok(Json(state.services.get_party(viewer, id).await?.into()))
}

/// A lead that becomes a customer keeps its id.
#[utoipa::path(put, operation_id = "update_party", path = "/parties/{id}", params(("id" = String, Path)), request_body = PartyRequest, responses((status = 204)))]
pub async fn update(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
    extract::Json(request): extract::Json<PartyRequest>,
) -> ApiResult<StatusCode> {
    state
        .services
        .update_party(viewer, id, request.try_into()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, operation_id = "delete_party", path = "/parties/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
) -> ApiResult<StatusCode> {
    state.services.delete_party(viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PairingParams {
    address: String,
}

/// Takes a pairing back; an address that was typed or imported stays.
#[utoipa::path(delete, operation_id = "unpair", path = "/parties/{id}/pairings", params(("id" = String, Path), PairingParams), responses((status = 204)))]
pub async fn unpair(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
    Query(params): Query<PairingParams>,
) -> ApiResult<StatusCode> {
    state.services.unpair(viewer, id, &params.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
pub struct PairRequest {
    #[schema(value_type = String, format = Uuid)]
    party_id: PartyId,
}

#[derive(Serialize, ToSchema)]
pub struct PairedView {
    address: String,
}

/// The author's address becomes one of the party's.
#[utoipa::path(post, operation_id = "pair_author", path = "/messages/{id}/pair", params(("id" = String, Path)), request_body = PairRequest, responses((status = 200, body = PairedView)))]
pub async fn pair(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    extract::Json(request): extract::Json<PairRequest>,
) -> ApiResult<Json<PairedView>> {
    let address = state.services.pair_author(viewer, id, request.party_id).await?;
    Ok(Json(PairedView {
        address: address.to_string(),
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BlockParams {
    /// `address` or `domain`.
    scope: String,
}

#[derive(Deserialize, ToSchema)]
pub struct BlockRequest {
    /// `address` or `domain`.
    scope: String,
    /// Delete what is here of it, too.
    remove: bool,
}

/// What a block put on the deny list; sent back, it takes it away again.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
    lines: Vec<String>,
    /// Messages here that match.
    messages: u64,
    /// Milliseconds; absent where nothing was deleted.
    deleted_at_ms: Option<i64>,
}

impl From<Blocked> for BlockView {
    fn from(blocked: Blocked) -> Self {
        BlockView {
            account_id: blocked.account,
            lines: blocked.lines,
            messages: blocked.messages,
            deleted_at_ms: blocked.deleted_at.map(Timestamp::millis),
        }
    }
}

fn scope(text: &str) -> Result<BlockScope, ServiceError> {
    match text {
        "address" => Ok(BlockScope::Address),
        "domain" => Ok(BlockScope::Domain),
        _ => Err(ServiceError::field("scope", "address or domain is expected.")),
    }
}

/// What a block would put on the deny list, and how much of it is here. Changes nothing.
#[utoipa::path(get, operation_id = "preview_block", path = "/messages/{id}/block", params(("id" = String, Path), BlockParams), responses((status = 200, body = BlockView)))]
pub async fn preview_block(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    Query(params): Query<BlockParams>,
) -> ApiResult<Json<BlockView>> {
    let scope = scope(&params.scope)?;
    Ok(Json(
        state.services.preview_block(viewer, id, scope).await?.into(),
    ))
}

/// Puts the author, or the domain and its subdomains, on the deny list of the account that received it.
#[utoipa::path(post, operation_id = "block_author", path = "/messages/{id}/block", params(("id" = String, Path)), request_body = BlockRequest, responses((status = 200, body = BlockView)))]
pub async fn block(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
    extract::Json(request): extract::Json<BlockRequest>,
) -> ApiResult<Json<BlockView>> {
    let scope = scope(&request.scope)?;
    let blocked = state
        .services
        .block_author(viewer, id, scope, request.remove)
        .await?;
    Ok(Json(blocked.into()))
}

/// Takes a block back: the lines, and what was deleted with them.
#[utoipa::path(post, operation_id = "unblock", path = "/accounts/{id}/unblock", params(("id" = String, Path)), request_body = BlockView, responses((status = 204)))]
pub async fn unblock(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MailAccountId>,
    extract::Json(request): extract::Json<BlockView>,
) -> ApiResult<StatusCode> {
    let blocked = Blocked {
        account: id,
        lines: request.lines,
        messages: request.messages,
        deleted_at: request.deleted_at_ms.map(Timestamp::from_millis),
    };
    state.services.unblock(viewer, &blocked).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationParams {
    /// Milliseconds: `last_at_ms` of the last line of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationLineView {
    #[schema(value_type = String, format = Uuid)]
    thread_id: ThreadId,
    last_at: String,
    last_at_ms: i64,
    messages: u64,
    /// The newest message.
    last: MessageRow,
}

const CONVERSATION_PAGE: u32 = 50;

/// Threads with a party that the viewer may see, last contacted first.
#[utoipa::path(get, operation_id = "list_conversation", path = "/parties/{id}/conversation", params(("id" = String, Path), ConversationParams), responses((status = 200, body = Vec<ConversationLineView>)))]
pub async fn conversation(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<PartyId>,
    Query(params): Query<ConversationParams>,
) -> ApiResult<Json<Vec<ConversationLineView>>> {
    let before = Timestamp::from_millis(params.before.unwrap_or(i64::MAX));
    let lines = state
        .services
        .list_conversation(viewer, id, before, CONVERSATION_PAGE)
        .await?;
    let views = lines.into_iter().map(|line| ConversationLineView {
        thread_id: line.thread,
        last_at: line.last_at.to_rfc3339(),
        last_at_ms: line.last_at.millis(),
        messages: line.messages,
        last: line.last.into(),
    });
    Ok(Json(views.collect()))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThreadParams {
    /// Whose conversation it is opened in.
    party: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ThreadMessageView {
    message: MessageRow,
    /// The party is among its people; the others are folded.
    with_party: bool,
}

/// The messages of a thread, oldest first.
#[utoipa::path(get, operation_id = "get_thread", path = "/threads/{id}", params(("id" = String, Path), ThreadParams), responses((status = 200, body = Vec<ThreadMessageView>)))]
pub async fn thread(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<ThreadId>,
    Query(params): Query<ThreadParams>,
) -> ApiResult<Json<Vec<ThreadMessageView>>> {
    let party = params.party.map(|id| id.parse::<PartyId>()).transpose();
    let party =
        party.map_err(|_| ServiceError::field("party", "The id of a customer or lead is expected."))?;
    let messages = state.services.get_thread(viewer, id, party).await?;
    let views = messages.into_iter().map(|found| ThreadMessageView {
        message: found.listed.into(),
        with_party: found.with_party,
    });
    Ok(Json(views.collect()))
}
