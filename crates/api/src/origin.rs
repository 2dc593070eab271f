//! Refuses changes that another site's page asks for.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use axum::response::Response;

use crate::ApiState;
use crate::error::ApiError;

/// Every method that may change something needs our own Origin. Clients that are no browsers send none,
/// nor `Sec-Fetch-Site`.
pub async fn refuse_foreign(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let ours = state.reach.origin(request.headers(), peer);
    if changes && is_foreign(request.headers(), &ours) {
        let title = "This request came from another site. If you reach Waxseal under several names, set --public-url to the one you use.";
        return ApiError::new(StatusCode::FORBIDDEN, title).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap, ours: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text(header::ORIGIN.as_str()) {
        Some(origin) => origin != ours,
        None => text("sec-fetch-site").is_some_and(|site| site != "same-origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_ask_for_changes() {
        let ours = "https://desk.example";
        for (name, value, foreign) in [
            ("origin", "https://desk.example", false),
            ("origin", "https://evil.example", true),
            ("origin", "http://desk.example", true),
            ("origin", "null", true),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "same-origin", false),
            ("accept", "*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("header value"));
            assert_eq!(is_foreign(&headers, ours), foreign, "{name}: {value}");
        }
    }
}
