//! Foreign HTML as a document of its own, and files, by capability: a sandboxed frame gets no cookie.

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;
use service::inbox::SAFE_IMAGES;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract::Path;
use crate::views::part_url;

/// Nothing runs, nothing is loaded but inline images of this server, nothing leaves the frame; links open
/// outside.
const FRAME_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; \
form-action 'none'; base-uri 'none'; frame-ancestors 'self'; \
sandbox allow-popups allow-popups-to-escape-sandbox";

const FRAME_STYLE: &str = "body{margin:0;padding:4px 0;font:15px/1.55 Inter,system-ui,sans-serif;color:#23201c;\
background:#fffdfa;overflow-wrap:anywhere}img{max-width:100%;height:auto}table{max-width:100%}\
details.quoted{margin:.6em 0}details.quoted>summary{display:inline-block;list-style:none;cursor:pointer;\
line-height:1;padding:2px 10px 4px;border-radius:8px;background:#efebe3;color:#5d574e}\
details.quoted>summary::-webkit-details-marker{display:none}blockquote{margin:.6em 0;padding-left:.9em;border-left:3px solid #e4dfd6;color:#5d574e}a{color:#9c2a20}";

#[utoipa::path(get, operation_id = "message_frame", path = "/frames/{capability}", params(("capability" = String, Path)),
    responses((status = 200, content_type = "text/html")))]
pub async fn frame(
    State(state): State<ApiState>,
    Path(capability): Path<String>,
) -> ApiResult<impl IntoResponse> {
    let body = state.services.open_frame(&capability, part_url).await?;
    let page = format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
<style>{FRAME_STYLE}</style></head><body>{body}</body></html>"
    );
    Ok(([(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)], Html(page)))
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
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
        // The frame that shows it has no origin.
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin".to_owned(),
        ),
    ];
    Ok((headers, part.bytes))
}

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
