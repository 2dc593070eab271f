//! The web interface, embedded in the binary.

use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse as _;
use axum::response::Response;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Web;

/// The page runs its own scripts only; frames and images come from this server.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; \
base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const INDEX: &str = "index.html";
const MISSING: &str = "<!doctype html><title>Waxseal</title><p>The web interface is not in this binary. \
Run <code>make web</code> and build again.";

/// A file, or the page for every path that is not one: the interface has its own addresses.
pub async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return crate::error::ApiError::new(StatusCode::NOT_FOUND, "Not found.").into_response();
    }
    if let Some(file) = Web::get(path).filter(|_| !path.is_empty()) {
        // Names of built files carry a hash of their content.
        let cache = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let kind = file.metadata.mimetype().to_owned();
        return (
            [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, cache.to_owned()),
            ],
            file.data,
        )
            .into_response();
    }
    match Web::get(INDEX) {
        Some(page) => ([(header::CACHE_CONTROL, "no-cache")], Html(page.data)).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(MISSING)).into_response(),
    }
}
