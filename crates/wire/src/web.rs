//! One request over HTTP through the one dialer: resolve, connect, encrypt, ask. Follows nothing by itself.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::Full;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use hyper::header::HeaderName;
use hyper_util::rt::TokioIo;
use url::Url;

use crate::dialer::Dialer;
use crate::dialer::Stream;
use crate::egress::Purpose;
use crate::error::Kind;
use crate::error::WireError;

pub struct Question<'a> {
    pub method: Method,
    pub url: &'a Url,
    pub headers: Vec<(HeaderName, String)>,
    pub body: Bytes,
    /// Whether it may go without TLS to where anybody may be.
    pub in_clear: bool,
}

/// The answer's head; its body is still to be read, see [`read`].
pub async fn ask(
    dialer: &Dialer,
    question: Question<'_>,
    doing: &'static str,
) -> Result<Response<Incoming>, WireError> {
    let url = question.url;
    let not_usable = || WireError::new(Kind::HostNotUsable, doing);
    let (host, port) = url
        .host_str()
        .zip(url.port_or_known_default())
        .ok_or_else(not_usable)?;
    let addresses = dialer.resolve(host, port, Purpose::Web).await?;
    let dialled = dialer.connect(&addresses).await?;
    let stream: Box<dyn Stream> = match url.scheme() {
        "https" => dialer.handshake(host, dialled.stream, None).await?.0,
        "http" if question.in_clear || dialer.may_ask_in_clear(dialled.address) => Box::new(dialled.stream),
        _ => return Err(WireError::new(Kind::CleartextRefused, doing)),
    };
    let broken = |_| WireError::new(Kind::Unavailable, doing);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends with the answer: nothing keeps `sender`.
    tokio::spawn(connection);
    let request = request(question, host).ok_or_else(not_usable)?;
    sender.send_request(request).await.map_err(broken)
}

fn request(question: Question<'_>, host: &str) -> Option<Request<Full<Bytes>>> {
    let url = question.url;
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut request = Request::builder()
        .method(question.method)
        .uri(target)
        .header(header::HOST, authority);
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(question.body)).ok()
}

/// The whole body, up to `most_bytes`.
pub async fn read(
    response: Response<Incoming>,
    most_bytes: usize,
    doing: &'static str,
) -> Result<Bytes, WireError> {
    let body = Limited::new(response.into_body(), most_bytes).collect().await;
    body.map(|body| body.to_bytes())
        .map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => WireError::new(Kind::Protocol("it is too large".into()), doing),
            None => WireError::new(Kind::Unavailable, doing),
        })
}
