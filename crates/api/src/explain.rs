//! Why something is here, or is not.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract::Query;
use crate::session::SignedIn;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// An e-mail address, or a Message-ID in angle brackets.
    of: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExplanationView {
    /// Something of it is in an account that you can see.
    is_found: bool,
    accounts: Vec<AccountExplanationView>,
}

#[derive(Serialize, ToSchema)]
pub struct AccountExplanationView {
    account_id: String,
    address: String,
    /// The newest message of it.
    message_id: Option<String>,
    /// In sentences.
    lines: Vec<String>,
}

/// Why a message is here or is not, and who can see it, from the accounts that you can see.
#[utoipa::path(get, path = "/explain", params(ExplainQuery), responses((status = 200, body = ExplanationView)))]
pub async fn explain(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    Query(query): Query<ExplainQuery>,
) -> ApiResult<Json<ExplanationView>> {
    let explained = state.services.explain(viewer, &query.of).await?;
    let accounts = explained.accounts.into_iter().map(|one| AccountExplanationView {
        account_id: one.account.to_string(),
        address: one.address,
        message_id: one.newest.map(|id| id.to_string()),
        lines: one.lines,
    });
    Ok(Json(ExplanationView {
        is_found: explained.is_found,
        accounts: accounts.collect(),
    }))
}
