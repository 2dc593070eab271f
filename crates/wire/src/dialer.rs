//! The one dialer: every outbound connection of the product goes through it.
//!
//! A name is resolved once, the decision falls on the address that is dialled, and every wait has a
//! deadline.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::account::Fingerprint;
use rustls::pki_types::ServerName;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::egress::Egress;
use crate::egress::Host;
use crate::egress::Purpose;
use crate::error::Kind;
use crate::error::WireError;
use crate::error::is_not_tls;
use crate::tls::CertificateSummary;
use crate::tls::TlsRoots;
use crate::tls::is_another_certificate;
use crate::tls::refusal_reason;

#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    pub resolve: Duration,
    /// For all addresses of a name together.
    pub connect: Duration,
    pub tls: Duration,
    pub greeting: Duration,
    pub login: Duration,
    /// From one response to the next, unless bytes keep coming.
    pub response: Duration,
    /// For a whole command, but for IDLE and for the bodies of messages.
    pub command: Duration,
    /// IDLE is renewed after this: NATs drop silent connections after 5 minutes (stalwart#3299).
    pub idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(15),
            tls: Duration::from_secs(15),
            greeting: Duration::from_secs(15),
            login: Duration::from_secs(30),
            response: Duration::from_secs(60),
            command: Duration::from_secs(300),
            idle: Duration::from_secs(4 * 60 + 30),
        }
    }
}

/// A byte stream to a server, in clear or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Dialled {
    pub stream: TcpStream,
    pub address: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct Dialer {
    egress: Arc<Egress>,
    roots: TlsRoots,
    pub deadlines: Deadlines,
}

impl Dialer {
    pub fn new(egress: Egress, deadlines: Deadlines) -> Self {
        Dialer {
            egress: Arc::new(egress),
            roots: TlsRoots::from_system(),
            deadlines,
        }
    }

    pub fn allows_cleartext(&self, host: &str, address: SocketAddr) -> bool {
        self.egress.allows_cleartext(host, address.ip(), address.port())
    }

    /// The addresses of `host`, if they may be dialled; else the same error as for a name that is not there.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        purpose: Purpose,
    ) -> Result<Vec<SocketAddr>, WireError> {
        const DOING: &str = "looking the server up";
        let not_usable = || WireError::new(Kind::HostNotUsable, DOING);
        let host = Host::parse(host).ok_or_else(not_usable)?;
        let found: Vec<IpAddr> = match &host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => timeout(
                self.deadlines.resolve,
                tokio::net::lookup_host((name.as_str(), port)),
            )
            .await
            .map_err(|_| WireError::timeout(DOING))?
            .map_err(|_| not_usable())?
            .map(|address| address.ip())
            .collect(),
        };
        let allowed = self.egress.decide(&host, port, &found, purpose);
        if allowed.is_empty() {
            Err(not_usable())
        } else {
            Ok(allowed)
        }
    }

    /// The first address that answers.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<Dialled, WireError> {
        const DOING: &str = "connecting";
        let attempts = async {
            for address in addresses {
                if let Ok(stream) = TcpStream::connect(address).await {
                    return Some(Dialled {
                        stream,
                        address: *address,
                    });
                }
            }
            None
        };
        let dialled = timeout(self.deadlines.connect, attempts)
            .await
            .map_err(|_| WireError::timeout(DOING))?
            .ok_or_else(|| WireError::new(Kind::Unreachable, DOING))?;
        // Small commands must not wait for each other's acknowledgement.
        let _ = dialled.stream.set_nodelay(true);
        Ok(dialled)
    }

    pub async fn handshake<S: Stream + 'static>(
        &self,
        host: &str,
        stream: S,
        pinned: Option<Fingerprint>,
    ) -> Result<(Box<dyn Stream>, Option<CertificateSummary>), WireError> {
        const DOING: &str = "encrypting the connection";
        let broken = |what: String| WireError::new(Kind::Protocol(what), DOING);
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| WireError::new(Kind::HostNotUsable, DOING))?;
        let (config, seen) = self
            .roots
            .client(pinned)
            .map_err(|error| broken(error.to_string()))?;
        let connector = TlsConnector::from(Arc::new(config));
        let connected = timeout(self.deadlines.tls, connector.connect(name, stream))
            .await
            .map_err(|_| WireError::timeout(DOING))?;
        match connected {
            Ok(stream) => Ok((Box::new(stream), seen.take_summary())),
            Err(error) => Err(tls_error(&error, seen.take_summary(), DOING)),
        }
    }
}

fn tls_error(
    error: &std::io::Error,
    certificate: Option<CertificateSummary>,
    doing: &'static str,
) -> WireError {
    let certificate = certificate.map(Box::new);
    if is_another_certificate(error) {
        return WireError::new(Kind::CertificateChanged { certificate }, doing);
    }
    if let Some(reason) = refusal_reason(error) {
        return WireError::new(Kind::Certificate { reason, certificate }, doing);
    }
    if is_not_tls(error) {
        return WireError::new(Kind::NotTls, doing);
    }
    WireError::new(Kind::Unavailable, doing)
}
