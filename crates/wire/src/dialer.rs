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

use crate::dns::Dns;
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
    /// For one block of a message that is handed over (RFC 5321 §4.5.3.2.5).
    pub data_block: Duration,
    /// For the answer to the final dot (RFC 5321 §4.5.3.2.6).
    pub final_dot: Duration,
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
            data_block: Duration::from_secs(180),
            final_dot: Duration::from_secs(600),
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
    names: Names,
    pub(crate) dns: Dns,
    roots: TlsRoots,
    pub deadlines: Deadlines,
}

/// Who says which addresses a name has. What it says may be another thing at each look-up.
#[derive(Clone)]
pub enum Names {
    System,
    /// The server that the operator names.
    Server(SocketAddr),
    /// For tests of answers that change.
    Told(Arc<LookUp>),
}

pub type LookUp = dyn Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync;

impl std::fmt::Debug for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Names::System => "System",
            Names::Server(_) => "Server",
            Names::Told(_) => "Told",
        })
    }
}

impl Names {
    fn dns(&self) -> Dns {
        match self {
            Names::System => Dns::of_system(),
            Names::Server(server) => Dns::at(*server),
            Names::Told(_) => Dns::none(),
        }
    }

    async fn look_up(&self, dns: &Dns, name: &str, port: u16) -> std::io::Result<Vec<IpAddr>> {
        match self {
            Names::Server(_) => dns.addresses(name).await,
            Names::System => {
                let found = tokio::net::lookup_host((name, port)).await?;
                Ok(found.map(|address| address.ip()).collect())
            }
            Names::Told(told) => told(name),
        }
    }
}

impl Dialer {
    pub fn new(egress: Egress, deadlines: Deadlines) -> Self {
        Self::with_names(egress, deadlines, Names::System)
    }

    pub fn with_names(egress: Egress, deadlines: Deadlines, names: Names) -> Self {
        Dialer {
            egress: Arc::new(egress),
            dns: names.dns(),
            names,
            roots: TlsRoots::from_system(),
            deadlines,
        }
    }

    /// For tests: this authority (PEM), and no other.
    pub fn trusting(self, authority: &[u8]) -> Self {
        Dialer {
            roots: TlsRoots::of_pem(authority),
            ..self
        }
    }

    pub fn allows_cleartext(&self, host: &str, address: SocketAddr) -> bool {
        self.egress.allows_cleartext(host, address.ip(), address.port())
    }

    pub fn may_ask_in_clear(&self, address: SocketAddr) -> bool {
        self.egress.is_listed_loopback(address.ip(), address.port())
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
            Host::Name(name) => timeout(self.deadlines.resolve, self.names.look_up(&self.dns, name, port))
                .await
                .map_err(|_| WireError::timeout(DOING))?
                .map_err(|_| not_usable())?,
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
