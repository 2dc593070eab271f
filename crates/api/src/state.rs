//! What handlers share, and how browsers reach this server.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::header;
use engine::EngineHandle;
use service::Services;

use crate::limits::Limits;

#[derive(Clone)]
pub struct ApiState {
    pub services: Services,
    pub engine: EngineHandle,
    pub reach: Arc<Reach>,
    pub limits: Arc<Limits>,
}

/// How browsers reach this server, as the operator configured it.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// `https://mail.example.org`, without a path.
    pub public_url: Option<String>,
    /// Their `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// This process itself speaks TLS.
    pub tls: bool,
}

impl Reach {
    /// The origin that a browser names for a request with these headers.
    pub fn origin(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> String {
        if let Some(public_url) = &self.public_url {
            return public_url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.tls || self.forwarded_https(headers, peer) {
            "https"
        } else {
            "http"
        };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        format!("{scheme}://{host}")
    }

    /// Browsers reach this server over HTTPS only.
    pub fn is_encrypted(&self) -> bool {
        self.tls
            || self
                .public_url
                .as_ref()
                .is_some_and(|url| url.starts_with("https://"))
    }

    /// May a session cookie be given? Encrypted, or on this very machine.
    pub fn may_sign_in(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> bool {
        let origin = self.origin(headers, peer);
        let host = origin.strip_prefix("http://").unwrap_or_default();
        let name = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        origin.starts_with("https://")
            || name == "localhost"
            || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Where a request came from, for throttling.
    pub fn client_address(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> String {
        let peer_ip = peer.map(|peer| peer.ip());
        let forwarded = last(headers, "x-forwarded-for");
        match (peer_ip, forwarded) {
            (Some(ip), Some(forwarded)) if self.trusted_proxies.contains(&ip) => {
                // The last one is what the trusted proxy saw; those before it anybody may write.
                forwarded.rsplit(',').next().unwrap_or_default().trim().to_owned()
            }
            (Some(ip), _) => ip.to_string(),
            (None, _) => String::new(),
        }
    }

    fn forwarded_https(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> bool {
        let is_trusted = peer.is_some_and(|peer| self.trusted_proxies.contains(&peer.ip()));
        is_trusted && last(headers, "x-forwarded-proto").is_some_and(|proto| proto.ends_with("https"))
    }
}

/// Of several lines the last: the one that the proxy in front of us wrote. Those before it anybody may write.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    lines.next_back().and_then(|line| line.to_str().ok())
}

pub fn peer(info: Option<ConnectInfo<SocketAddr>>) -> Option<SocketAddr> {
    info.map(|ConnectInfo(address)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                axum::http::HeaderName::from_static(name),
                value.parse().expect("header value"),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_session_is_given_only_over_https_or_on_this_machine() {
        let proxy: SocketAddr = "10.0.0.9:1".parse().expect("address");
        let stranger: SocketAddr = "10.0.0.8:1".parse().expect("address");
        let behind = Reach {
            trusted_proxies: vec![proxy.ip()],
            ..Reach::default()
        };
        let public = |url: &str| Reach {
            public_url: Some(url.into()),
            ..Reach::default()
        };
        let forwarded = [("host", "desk.example"), ("x-forwarded-proto", "https")];
        for (reach, headers, peer, may) in [
            (
                Reach::default(),
                headers(&[("host", "localhost:8080")]),
                stranger,
                true,
            ),
            (
                Reach::default(),
                headers(&[("host", "127.0.0.1:8080")]),
                stranger,
                true,
            ),
            (
                Reach::default(),
                headers(&[("host", "[::1]:8080")]),
                stranger,
                true,
            ),
            (
                Reach::default(),
                headers(&[("host", "desk.example")]),
                stranger,
                false,
            ),
            (Reach::default(), headers(&forwarded), proxy, false),
            (behind.clone(), headers(&forwarded), proxy, true),
            (behind, headers(&forwarded), stranger, false),
            (public("https://desk.example"), headers(&[]), stranger, true),
            (public("http://desk.example"), headers(&[]), stranger, false),
            (
                Reach {
                    tls: true,
                    ..Reach::default()
                },
                headers(&[("host", "desk.example")]),
                stranger,
                true,
            ),
        ] {
            assert_eq!(
                reach.may_sign_in(&headers, Some(peer)),
                may,
                "{reach:?} {headers:?}"
            );
        }
    }

    #[test]
    fn of_what_was_forwarded_the_last_line_counts() {
        for (lines, expected) in [
            (&[][..], None),
            (&["1.2.3.4"][..], Some("1.2.3.4")),
            (&["6.6.6.6", "1.2.3.4"][..], Some("1.2.3.4")),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().expect("header value"));
            }
            assert_eq!(last(&headers, "x-forwarded-for"), expected, "{lines:?}");
        }
    }
}
