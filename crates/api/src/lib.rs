//! HTTP: extract, call a use case, answer. No SQL, no protocols, no `if` about rights.

mod account_cards;
mod accounts;
mod assets;
mod compose;
mod conversations;
mod crm;
mod discovery;
mod error;
mod events;
mod explain;
mod exports;
mod extract;
mod frames;
mod grants;
mod health;
mod inbox;
mod limits;
mod mailbox_sign_in;
mod origin;
mod outbox;
mod own_access;
mod parties;
mod session;
mod staff;
mod state;
mod system_mail;
mod test_result;
mod views;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

pub use assets::PAGE_POLICY;
pub use frames::FRAME_POLICY;
pub use frames::frame_page;
pub use limits::Limits;
pub use state::ApiState;
pub use state::Reach;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Waxseal",
        description = "Mail of administrators, private by construction. Errors are RFC 9457 problems.",
        license(name = "Apache-2.0")
    ),
    components(schemas(error::Problem))
)]
struct ApiDoc;

const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_FILE_BYTES: usize = service::drafts::MAX_FILE_BYTES + 1024;
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
const MAX_IMPORT_BYTES: usize = 20 * 1024 * 1024;
/// Files are in it, in base64.
const MAX_SYSTEM_MAIL_BYTES: usize = 40 * 1024 * 1024;

const HEADERS: [(HeaderName, &str); 9] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, assets::PAGE_POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // For browsers that do not know frame-ancestors; the frames of mail are of this origin.
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// The whole web application.
pub fn router(state: ApiState) -> Router {
    let (api, _) = api_router().split_for_parts();
    let is_encrypted = state.reach.is_encrypted();
    let answers = api
        .merge(health::router())
        .fallback(assets::serve)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(
            state.clone(),
            origin::refuse_foreign,
        ))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(RequestBodyTimeoutLayer::new(limits::MOST_SILENCE))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            limits::MOST_REQUEST_TIME,
        ))
        .layer(middleware::from_fn_with_state(state.clone(), limits::shed))
        .layer(CatchPanicLayer::new());
    // Outside of everything: no answer goes without them.
    let headers = HEADERS
        .into_iter()
        .filter(|(name, _)| is_encrypted || *name != header::STRICT_TRANSPORT_SECURITY);
    headers
        .fold(answers, |answers, (name, value)| {
            answers.layer(default_header(name, value))
        })
        .with_state(state)
}

/// The OpenAPI document, as it is committed in `docs/openapi.json`.
pub fn openapi_json() -> String {
    let (_, document) = api_router().split_for_parts();
    document.to_pretty_json().unwrap_or_default()
}

fn default_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

fn api_router() -> OpenApiRouter<ApiState> {
    let api = OpenApiRouter::new()
        .routes(routes!(session::get_setup, session::use_setup))
        .routes(routes!(session::get_session, session::sign_in, session::sign_out))
        .routes(routes!(session::release))
        .routes(routes!(session::update_profile))
        .routes(routes!(session::change_password))
        .routes(routes!(session::list_administrators))
        .routes(routes!(session::list_owners))
        .routes(routes!(own_access::list_sessions))
        .routes(routes!(own_access::end_session))
        .routes(routes!(own_access::propose_second_factor))
        .routes(routes!(
            own_access::turn_on_second_factor,
            own_access::turn_off_second_factor
        ))
        .routes(routes!(staff::list, staff::add))
        .routes(routes!(staff::change))
        .routes(routes!(staff::reset))
        .routes(routes!(staff::mail_link))
        .routes(routes!(staff::erase_mail))
        .routes(routes!(staff::audit))
        .routes(routes!(staff::welcome))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::get, accounts::erase))
        .routes(routes!(accounts::alarms))
        .routes(routes!(accounts::unseal))
        .routes(routes!(accounts::save_tracking))
        .routes(routes!(accounts::preview_deny_list))
        .routes(routes!(accounts::save_credentials))
        .routes(routes!(accounts::save_imap))
        .routes(routes!(accounts::save_smtp))
        .routes(routes!(accounts::status))
        .routes(routes!(accounts::opened))
        .routes(routes!(accounts::test_imap))
        .routes(routes!(accounts::preview_history))
        .routes(routes!(accounts::sync_now))
        .routes(routes!(accounts::audit))
        .routes(routes!(explain::explain))
        .routes(routes!(accounts::fetch_gap))
        .routes(routes!(discovery::discover))
        .routes(routes!(mailbox_sign_in::buttons))
        .routes(routes!(mailbox_sign_in::settings, mailbox_sign_in::save))
        .routes(routes!(mailbox_sign_in::delete))
        .routes(routes!(mailbox_sign_in::begin, mailbox_sign_in::end))
        .routes(routes!(mailbox_sign_in::finish))
        .routes(routes!(grants::list, grants::save))
        .routes(routes!(grants::confirm))
        .routes(routes!(grants::seal))
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::unread))
        .routes(routes!(inbox::get, inbox::delete))
        .routes(routes!(inbox::act))
        .routes(routes!(inbox::restore))
        .routes(routes!(inbox::load_images, inbox::block_images))
        .routes(routes!(inbox::reparse))
        .routes(routes!(inbox::mark_read, inbox::mark_unread))
        .routes(routes!(inbox::download_eml))
        .routes(routes!(inbox::source))
        .routes(routes!(parties::list, parties::create))
        .routes(routes!(parties::get, parties::update, parties::delete))
        .routes(routes!(parties::unpair))
        .routes(routes!(crm::upsert))
        .routes(routes!(crm::changes))
        .routes(routes!(crm::find))
        .routes(routes!(crm::list_tokens, crm::create_token))
        .routes(routes!(crm::revoke_token))
        .routes(routes!(compose::senders))
        .routes(routes!(compose::list_drafts, compose::create_draft))
        .routes(routes!(
            compose::get_draft,
            compose::save_draft,
            compose::delete_draft
        ))
        .routes(routes!(compose::restore_draft))
        .routes(routes!(compose::attach).layer(DefaultBodyLimit::max(MAX_FILE_BYTES)))
        .routes(routes!(compose::read_file, compose::detach))
        .routes(routes!(compose::answer))
        .routes(routes!(compose::set_signature))
        .routes(routes!(compose::list_canned, compose::add_canned))
        .routes(routes!(compose::delete_canned))
        .routes(routes!(compose::suggestions))
        .routes(routes!(outbox::list, outbox::send).layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES)))
        .routes(routes!(outbox::get, outbox::take_back))
        .routes(routes!(outbox::again))
        .routes(routes!(outbox::went))
        .routes(routes!(outbox::test_smtp))
        .routes(routes!(outbox::send_test))
        .routes(routes!(parties::import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
        .routes(routes!(system_mail::get, system_mail::save))
        .routes(routes!(system_mail::test))
        .routes(routes!(system_mail::send_test))
        .routes(routes!(system_mail::log))
        .routes(routes!(system_mail::write).layer(DefaultBodyLimit::max(MAX_SYSTEM_MAIL_BYTES)))
        .routes(routes!(system_mail::server))
        .routes(routes!(exports::start))
        .routes(routes!(exports::get))
        .routes(routes!(exports::fetch))
        .routes(routes!(conversations::conversation))
        .routes(routes!(conversations::thread))
        .routes(routes!(conversations::merge))
        .routes(routes!(conversations::split))
        .routes(routes!(conversations::choose, conversations::unchoose))
        .routes(routes!(parties::pairing, parties::pair))
        .routes(routes!(parties::preview_block, parties::block))
        .routes(routes!(parties::unblock))
        .routes(routes!(frames::frame))
        .routes(routes!(frames::part))
        .routes(routes!(frames::remote_image))
        .routes(routes!(events::stream));
    OpenApiRouter::with_openapi(ApiDoc::openapi()).nest("/api/v1", api)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_openapi_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let committed = std::fs::read_to_string(path).expect("docs/openapi.json");
        assert_eq!(
            committed.trim(),
            super::openapi_json().trim(),
            "run `make openapi`"
        );
    }
}
