//! How much one client may take of this server: so many connections at once, and so long for a request.

use std::future::Ready;
use std::future::ready;
use std::io;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Server;
use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tower_http::add_extension::AddExtension;

/// Open at once; a page holds one or two, and an event stream.
const MOST_CONNECTIONS: usize = 4_096;
/// For the first request of a connection, with its headers.
const MOST_FIRST_TIME: Duration = Duration::from_secs(10);
/// For the headers of each further one, and for saying nothing between two.
const MOST_HEADER_TIME: Duration = Duration::from_secs(60);
const MOST_HEADER_BYTES: usize = 32 * 1024;
const MOST_HEADER_LIST: u32 = 32 * 1024;
const MOST_STREAMS: u32 = 100;

/// Lets so many in, and hangs up on the others.
#[derive(Clone)]
pub struct Limited {
    places: Arc<Semaphore>,
}

impl Default for Limited {
    fn default() -> Self {
        Limited {
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        }
    }
}

impl<S> Accept<TcpStream, S> for Limited {
    type Stream = TcpStream;
    /// It goes with the connection, and its place with it.
    type Service = AddExtension<S, Arc<OwnedSemaphorePermit>>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = self.places.clone().try_acquire_owned();
        let accepted = place.map_err(|_| io::Error::new(ErrorKind::WouldBlock, "too many connections"));
        ready(accepted.map(|place| {
            let _ = stream.set_nodelay(true);
            (stream, AddExtension::new(service, Arc::new(place)))
        }))
    }
}

/// With an end to every wait for a client.
pub fn bound<A>(server: Server<SocketAddr, A>) -> Server<SocketAddr, A> {
    let mut server = server.first_request_timeout(MOST_FIRST_TIME);
    let builder = server.http_builder();
    builder
        .http1()
        .header_read_timeout(MOST_HEADER_TIME)
        .max_buf_size(MOST_HEADER_BYTES);
    builder
        .http2()
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(MOST_HEADER_LIST)
        .keep_alive_interval(MOST_HEADER_TIME);
    server
}
