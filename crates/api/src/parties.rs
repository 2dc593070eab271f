//! Customers and leads, pairing, blocking.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Timestamp;
use domain::party::PartyKind;
use domain::rules::blocking::BlockScope;
use domain::text::sentence;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use service::import::RefusedLine;
use service::pairing::Blocked;
use service::pairing::Offer;
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
use crate::views::PartyNameView;

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

#[derive(Deserialize, ToSchema)]
pub struct NewPartyRequest {
    #[serde(flatten)]
    party: PartyRequest,
    /// The client's to make (version 4 or 7), so that a lost answer makes no second record.
    #[schema(value_type = Option<String>, format = Uuid)]
    id: Option<PartyId>,
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

#[utoipa::path(post, operation_id = "create_party", path = "/parties", request_body = NewPartyRequest, responses((status = 201, body = PartyView)))]
pub async fn create(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<NewPartyRequest>,
) -> ApiResult<(StatusCode, Json<PartyView>)> {
    let services = &state.services;
    let form = request.party.try_into()?;
    let id = match request.id {
        Some(id) => services.create_party_once(viewer, id, form).await?,
        None => services.create_party(viewer, form).await?,
    };
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
    /// One of what was offered; absent: the author's.
    address: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OfferView {
    address: String,
    /// Why it may stand for others than the person who wrote: `list`, `no_reply` or `own_domain`.
    caution: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SimilarView {
    party: PartyNameView,
    address: String,
}

#[derive(Serialize, ToSchema)]
pub struct PairingView {
    /// The best first.
    offers: Vec<OfferView>,
    /// Records that may be the same person's: `kelly+shop@x` beside `kelly@x`.
    similar: Vec<SimilarView>,
}

/// Which addresses of a message can be paired.
#[utoipa::path(get, operation_id = "get_pairing", path = "/messages/{id}/pair", params(("id" = String, Path)), responses((status = 200, body = PairingView)))]
pub async fn pairing(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Path(id): Path<MessageId>,
) -> ApiResult<Json<PairingView>> {
    let pairing = state.services.get_pairing(viewer, id).await?;
    let offer = |offer: Offer| OfferView {
        address: offer.address.to_string(),
        caution: offer.caution.map(|caution| caution.as_str().to_owned()),
    };
    Ok(Json(PairingView {
        offers: pairing.offers.into_iter().map(offer).collect(),
        similar: pairing
            .similar
            .into_iter()
            .map(|(party, address)| SimilarView {
                party: party.into(),
                address: address.to_string(),
            })
            .collect(),
    }))
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
    let chosen = request.address.as_deref().map(EmailAddress::parse).transpose();
    let chosen = chosen.map_err(|error| ServiceError::field("address", sentence(&error.to_string())))?;
    let address = state
        .services
        .pair_author(viewer, id, request.party_id, chosen)
        .await?;
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
pub struct ImportParams {
    /// `customer` or `lead`, where the file does not say.
    kind: String,
    /// False: only says what would happen.
    apply: bool,
}

#[derive(Serialize, ToSchema)]
pub struct ImportView {
    added: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    /// The first of the refused lines.
    refusals: Vec<RefusedLineView>,
    /// Columns that mean nothing here.
    ignored_columns: Vec<String>,
    /// A file that is not Unicode was read as this.
    read_as: Option<ReadAsView>,
}

#[derive(Serialize, ToSchema)]
pub struct ReadAsView {
    /// Name of the code page, such as `windows-1252`.
    name: String,
    /// Some of the file that would look otherwise in another.
    words: String,
}

#[derive(Serialize, ToSchema)]
pub struct RefusedLineView {
    line: u64,
    reasons: Vec<String>,
}

/// Customers and leads from a CSV file (UTF-8, UTF-16, or a code page that is found by its letters; the first line names
/// the columns).
#[utoipa::path(post, operation_id = "import_parties", path = "/parties/import", params(ImportParams),
    request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportView)))]
pub async fn import(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(params): Query<ImportParams>,
    file: Bytes,
) -> ApiResult<Json<ImportView>> {
    let kind = kind(&params.kind)?;
    let report = state
        .services
        .import_parties(viewer, kind, &file, params.apply)
        .await?;
    let refused = |refused: RefusedLine| RefusedLineView {
        line: refused.line,
        reasons: refused.errors.into_iter().map(|error| error.message).collect(),
    };
    Ok(Json(ImportView {
        added: report.added,
        changed: report.changed,
        unchanged: report.unchanged,
        refused: report.refused,
        refusals: report.refusals.into_iter().map(refused).collect(),
        ignored_columns: report.ignored_columns,
        read_as: report.read_as.map(|read_as| ReadAsView {
            name: read_as.name.to_owned(),
            words: read_as.words,
        }),
    }))
}
