//! A private DNS server on loopback: it answers for every name, by one zone in the form of RFC 1035 §5.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::TokioRuntimeProvider;
use hickory_server::proto::rr::LowerName;
use hickory_server::proto::rr::Name;
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::AxfrPolicy;
use hickory_server::zone_handler::Catalog;
use hickory_server::zone_handler::ZoneType;
use tokio::net::TcpListener;
use tokio::net::UdpSocket;

use crate::TestkitError;

pub struct DnsServer {
    pub address: SocketAddr,
    // Ends with it.
    _server: Server<Catalog>,
}

const HEAD: &str = "@ 60 IN SOA ns.invalid. admin.invalid. 1 60 60 60 60\n@ 60 IN NS ns.invalid.\n";
const SILENCE: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 4_096;

impl DnsServer {
    /// `zone`: lines such as `isp.example. 60 IN MX 10 mx.isp.example.`; what is not in it does not exist.
    pub async fn start(zone: &str) -> Result<Self, TestkitError> {
        let failed = |reason: String| TestkitError::Start {
            program: "the DNS server",
            reason,
        };
        let text = format!("{HEAD}{zone}\n");
        let parsed = Parser::new(text, None, Some(Name::root())).parse();
        let (origin, records) = parsed.map_err(|error| failed(error.to_string()))?;
        let handler = InMemoryZoneHandler::<TokioRuntimeProvider>::new(
            origin.clone(),
            records,
            ZoneType::Primary,
            AxfrPolicy::Deny,
        );
        let mut catalog = Catalog::new();
        catalog.upsert(LowerName::from(origin), vec![Arc::new(handler.map_err(failed)?)]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut server = Server::new(catalog);
        server.register_socket(UdpSocket::bind(address).await?);
        server.register_listener(listener, SILENCE, ANSWER_BYTES);
        Ok(DnsServer {
            address,
            _server: server,
        })
    }
}
