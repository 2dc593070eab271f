//! What a domain writes down is asked for over HTTPS only: in clear anybody in between could name their own servers.

use bytes::Bytes;
use hyper::Method;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use url::Url;

use crate::dialer::Dialer;
use crate::web;
use crate::web::Question;

pub const MOST_REDIRECTIONS: usize = 3;
const MOST_BYTES: usize = 256 * 1024;
const MOST_URL_BYTES: usize = 2_048;
const DOING: &str = "asking a domain for its servers";

pub async fn get(dialer: &Dialer, url: Url) -> Option<Bytes> {
    ask(dialer, Method::GET, url, Bytes::new()).await
}

pub async fn post(dialer: &Dialer, url: Url, document: String) -> Option<Bytes> {
    ask(dialer, Method::POST, url, document.into()).await
}

/// Every redirection goes through the dialer anew. `None`: nothing came, for whatever reason.
async fn ask(dialer: &Dialer, method: Method, mut url: Url, body: Bytes) -> Option<Bytes> {
    for _ in 0..=MOST_REDIRECTIONS {
        let response = ask_once(dialer, &method, &url, &body).await?;
        if response.status().is_success() {
            return web::read(response, MOST_BYTES, DOING).await.ok();
        }
        url = redirected(&url, &response)?;
    }
    None
}

async fn ask_once(dialer: &Dialer, method: &Method, url: &Url, body: &Bytes) -> Option<Response<Incoming>> {
    let question = Question {
        method: method.clone(),
        url: is_usable(url).then_some(url)?,
        headers: vec![
            (header::CONTENT_TYPE, "text/xml; charset=utf-8".into()),
            (header::CONTENT_LENGTH, body.len().to_string()),
            (header::USER_AGENT, "Waxseal".into()),
        ],
        body: body.clone(),
        in_clear: false,
    };
    web::ask(dialer, question, DOING).await.ok()
}

fn is_usable(url: &Url) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none();
    url.scheme() == "https" && is_plain && url.as_str().len() <= MOST_URL_BYTES
}

fn redirected(url: &Url, response: &Response<Incoming>) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?;
    let is_moved = response.status().is_redirection();
    url.join(location.to_str().ok()?).ok().filter(|_| is_moved)
}
