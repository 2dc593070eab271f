//! Foreign HTML as a document of its own, and files, by capability: a sandboxed frame gets no cookie.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;
use service::reading::FrameAddresses;
use service::reading::SAFE_IMAGES;

use crate::ApiState;
use crate::error::ApiError;
use crate::error::ApiResult;
use crate::error::Problem;
use crate::extract::Path;
use crate::views::image_url;
use crate::views::part_url;

/// Nothing runs, nothing is loaded but inline images of this server, nothing leaves the frame; links open
/// outside.
pub const FRAME_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
form-action 'none'; base-uri 'none'; frame-ancestors 'self'; \
sandbox allow-popups allow-popups-to-escape-sandbox";

const FRAME_STYLE: &str = "body{margin:0;padding:4px 0;font:15px/1.55 Inter,system-ui,sans-serif;color:#23201c;\
background:#fffdfa;overflow-wrap:anywhere}img{max-width:100%;height:auto}table{max-width:100%}\
details.quoted{margin:.6em 0}details.quoted>summary{display:inline-block;list-style:none;cursor:pointer;\
line-height:1;padding:2px 10px 4px;border-radius:8px;background:#efebe3;color:#5d574e}\
details.quoted>summary::-webkit-details-marker{display:none}blockquote{margin:.6em 0;padding-left:.9em;border-left:3px solid #e4dfd6;color:#5d574e}a{color:#9c2a20}\
.link-target{font-size:12px;color:#8a4b00;background:#fdeccf;border-radius:4px;padding:0 4px}";

#[utoipa::path(get, operation_id = "message_frame", path = "/frames/{capability}", params(("capability" = String, Path)),
    responses((status = 200, content_type = "text/html")))]
pub async fn frame(
    State(state): State<ApiState>,
    Path(capability): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let addresses = FrameAddresses {
        part: part_url,
        image: image_url,
    };
    let body = state.services.open_frame(&capability, addresses).await?;
    Ok((
        [(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)],
        Html(frame_page(&body)),
    ))
}

/// Sanitised HTML as a page.
pub fn frame_page(body: &str) -> String {
    format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
<style>{FRAME_STYLE}</style></head><body>{body}</body></html>"
    )
}

/// A safe image is shown in place; everything else is a download, never a page of this origin.
#[utoipa::path(get, operation_id = "message_part", path = "/parts/{capability}", params(("capability" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream")))]
pub async fn part(
    State(state): State<ApiState>,
    Path(capability): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let part = state.services.open_part(&capability).await?;
    let is_image = SAFE_IMAGES.contains(&part.content_type.as_str());
    let (content_type, place) = match is_image {
        true => (part.content_type, "inline"),
        false => ("application/octet-stream".to_owned(), "attachment"),
    };
    let disposition = format!("{place}; filename*=UTF-8''{}", percent_encode(part.name.as_str()));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((LOADED_BY_A_FRAME, headers, part.bytes))
}

/// A remote image, fetched by this server for a reader who asked for it.
#[utoipa::path(get, operation_id = "remote_image", path = "/images/{capability}", params(("capability" = String, Path)),
    responses((status = 200, content_type = "image/*"), (status = 502, body = Problem)))]
pub async fn remote_image(
    State(state): State<ApiState>,
    Path(capability): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let url = state.services.remote_image(&capability).await?;
    let image = state.engine.fetch_image(&url).await.map_err(|error| {
        tracing::debug!(%error, "A remote image was not loaded");
        ApiError::new(StatusCode::BAD_GATEWAY, "This image could not be loaded.")
    })?;
    let headers = [(header::CONTENT_TYPE, image.content_type)];
    Ok((LOADED_BY_A_FRAME, headers, image.bytes))
}

/// The frame that shows it has no origin, and opened by itself it may do nothing.
const LOADED_BY_A_FRAME: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    ),
];

/// RFC 8187 §3.2.1.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn file_names_travel_as_rfc_8187_says() {
        assert_eq!(super::percent_encode("Gebühr 1.pdf"), "Geb%C3%BChr%201.pdf");
    }
}
