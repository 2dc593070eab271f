//! `drain PORT USER PASSWORD AUTHORITY.pem`: fetches every message of INBOX over TLS in one command, counts them and keeps
//! nothing. The floor that `make bench` measures a first sync against.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use testkit::TestkitError;
use testkit::raw_imap;

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn main() -> Result<(), TestkitError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, user, password, authority] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: drain PORT USER PASSWORD AUTHORITY.pem").into());
    };
    let port = port.parse().map_err(std::io::Error::other)?;
    let (mut messages, mut scratch) = (0, vec![0; 1 << 18]);
    let bytes = raw_imap::fetch_all(connect(port, authority)?, user, password, |literal, size| {
        messages += 1;
        skip(literal, size, &mut scratch)
    })?;
    println!("{{\"messages\":{messages},\"bytes\":{bytes}}}");
    Ok(())
}

fn connect(port: u16, authority: &str) -> std::io::Result<Tls> {
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_nodelay(true)?;
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(authority).map_err(std::io::Error::other)?;
    roots.add(authority).map_err(std::io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().map_err(std::io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

fn skip(literal: &mut dyn Read, mut left: usize, scratch: &mut [u8]) -> std::io::Result<()> {
    while left > 0 {
        let size = left.min(scratch.len());
        let read = literal.read(&mut scratch[..size])?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
    }
    Ok(())
}
