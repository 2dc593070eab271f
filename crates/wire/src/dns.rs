//! What the domain name system says beside addresses: who takes in mail (MX), and which servers are named for a service
//! (SRV). Of the machine's resolvers, or of the one that the operator names.
//!
//! Names are asked for as they are: a resolver's search list would turn them into names of the network inside.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::config::NameServerConfig;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;

/// A lost packet is asked for again while somebody still waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Of one answer; more is no domain that anybody runs.
const MOST_RECORDS: usize = 16;

#[derive(Clone)]
pub struct Dns(Option<TokioResolver>);

impl std::fmt::Debug for Dns {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Dns")
    }
}

/// RFC 2782. `target` is without its last dot; empty: the service is not offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: String,
}

impl Dns {
    pub fn of_system() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|mut builder| {
            builder.options_mut().timeout = ANSWER_WITHIN;
            builder.build()
        });
        if built.is_err() {
            tracing::warn!(
                "The resolvers of this machine are not known; servers are not found by MX and SRV"
            );
        }
        Dns(built.ok())
    }

    pub fn at(server: SocketAddr) -> Self {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = ANSWER_WITHIN;
        Dns(builder.build().ok())
    }

    /// Knows nothing.
    pub fn none() -> Self {
        Dns(None)
    }

    pub async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let not_found = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let resolver = self.0.as_ref().ok_or_else(not_found)?;
        let name = absolute(name).ok_or_else(not_found)?;
        let found = resolver.lookup_ip(name).await.map_err(|_| not_found())?;
        Ok(found.iter().collect())
    }

    /// Best first.
    pub async fn mail_exchangers(&self, domain: &str) -> Vec<String> {
        let mut found: Vec<_> = self.records(domain, RecordType::MX).await.unwrap_or_default();
        found.sort_by_key(|data| match data {
            RData::MX(mx) => mx.preference,
            _ => u16::MAX,
        });
        let hosts = found.into_iter().filter_map(|data| match data {
            RData::MX(mx) => Some(written(&mx.exchange)),
            _ => None,
        });
        hosts.filter(|host| !host.is_empty()).collect()
    }

    pub async fn services(&self, name: &str) -> Vec<Srv> {
        let found = self.records(name, RecordType::SRV).await.unwrap_or_default();
        let services = found.into_iter().filter_map(|data| match data {
            RData::SRV(srv) => Some(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: written(&srv.target),
            }),
            _ => None,
        });
        services.collect()
    }

    /// `None`: nobody could be asked, or there are none; nobody needs to know which.
    async fn records(&self, name: &str, kind: RecordType) -> Option<Vec<RData>> {
        let resolver = self.0.as_ref()?;
        let answered: Result<_, NetError> = resolver.lookup(absolute(name)?, kind).await;
        let records = answered.ok()?;
        let data = records.answers().iter().map(|record| record.data.clone());
        Some(data.take(MOST_RECORDS).collect())
    }
}

fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

fn written(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}
