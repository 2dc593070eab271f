//! Remote images of messages, fetched for a reader who asked for them: the sender learns this server's address and
//! nothing of the reader.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use tokio::time::timeout;
use url::Url;

use crate::dialer::Dialer;
use crate::error::Kind;
use crate::error::WireError;
use crate::web;
use crate::web::Question;

/// For everything: names, redirections, all bytes.
const MOST_TIME: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 5 * 1024 * 1024;
const MOST_REDIRECTIONS: usize = 3;
const MOST_URL_BYTES: usize = 4_096;
/// What browsers decode and what cannot hold script.
const TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];
const DOING: &str = "loading a remote image";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteImage {
    /// Of its first bytes; what the server says of it is not believed.
    pub content_type: &'static str,
    pub bytes: Bytes,
}

/// Through the one dialer, every redirection anew. No cookies, no referrer, no credentials, nothing of the reader.
pub async fn fetch_image(dialer: &Dialer, url: &str) -> Result<RemoteImage, WireError> {
    timeout(MOST_TIME, follow(dialer, url))
        .await
        .map_err(|_| WireError::timeout(DOING))?
}

async fn follow(dialer: &Dialer, url: &str) -> Result<RemoteImage, WireError> {
    let mut url = parse(url).ok_or_else(not_usable)?;
    for _ in 0..=MOST_REDIRECTIONS {
        let response = ask(dialer, &url).await?;
        if response.status().is_success() {
            return read(response).await;
        }
        if !response.status().is_redirection() {
            return Err(WireError::new(Kind::Unavailable, DOING));
        }
        let location = response.headers().get(header::LOCATION);
        url = location
            .and_then(|location| url.join(location.to_str().ok()?).ok())
            .and_then(|next| parse(next.as_str()))
            .ok_or_else(not_usable)?;
    }
    Err(WireError::new(
        Kind::Protocol("it redirects too often".into()),
        DOING,
    ))
}

fn parse(url: &str) -> Option<Url> {
    let url = Url::parse(url)
        .ok()
        .filter(|url| url.as_str().len() <= MOST_URL_BYTES)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

async fn ask(dialer: &Dialer, url: &Url) -> Result<Response<Incoming>, WireError> {
    let question = Question {
        method: Method::GET,
        url,
        // Some servers refuse whoever gives no name; this one tells nothing.
        headers: vec![
            (header::ACCEPT, TYPES.join(", ")),
            (header::USER_AGENT, "Mozilla/5.0".into()),
        ],
        body: Bytes::new(),
        in_clear: true,
    };
    web::ask(dialer, question, DOING).await
}

async fn read(response: Response<Incoming>) -> Result<RemoteImage, WireError> {
    let bytes = web::read(response, MOST_BYTES, DOING).await?;
    let found = infer::get(&bytes).map(|found| found.mime_type());
    let content_type = TYPES.iter().find(|known| found == Some(**known));
    let content_type =
        content_type.ok_or_else(|| WireError::new(Kind::Protocol("it is no image".into()), DOING))?;
    Ok(RemoteImage { content_type, bytes })
}

fn not_usable() -> WireError {
    WireError::new(Kind::HostNotUsable, DOING)
}
