//! `drain PORT USER PASSWORD AUTHORITY.pem`: fetches every message of INBOX over TLS in one command, counts them and keeps
//! nothing. The floor that `make bench` measures a first sync against.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use testkit::TestkitError;

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn main() -> Result<(), TestkitError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, user, password, authority] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: drain PORT USER PASSWORD AUTHORITY.pem").into());
    };
    let port = port.parse().map_err(std::io::Error::other)?;
    let mut stream = BufReader::with_capacity(1 << 18, connect(port, authority)?);
    read_until(&mut stream, "* OK")?;
    command(&mut stream, &format!("a LOGIN {user} {password}"), "a ")?;
    command(&mut stream, "b EXAMINE INBOX", "b ")?;
    let (messages, bytes) = command(
        &mut stream,
        "c UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])",
        "c ",
    )?;
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

fn command(stream: &mut BufReader<Tls>, line: &str, tag: &str) -> std::io::Result<(u64, u64)> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    read_until(stream, tag)
}

/// Literals seen, and their bytes, up to the line that begins with `end`.
fn read_until(stream: &mut BufReader<Tls>, end: &str) -> std::io::Result<(u64, u64)> {
    let (mut messages, mut bytes) = (0, 0);
    let mut line = Vec::new();
    let mut scratch = vec![0; 1 << 18];
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with(end.as_bytes()) {
            return Ok((messages, bytes));
        }
        if let Some(size) = literal_size(&line) {
            skip(stream, size, &mut scratch)?;
            messages += 1;
            bytes += size as u64;
        }
    }
}

/// `{n}` at the end of a line (RFC 3501 §4.3).
fn literal_size(line: &[u8]) -> Option<usize> {
    let text = line.strip_suffix(b"}\r\n")?;
    let open = text.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&text[open + 1..]).ok()?.parse().ok()
}

fn skip(stream: &mut impl Read, mut left: usize, scratch: &mut [u8]) -> std::io::Result<()> {
    while left > 0 {
        let size = left.min(scratch.len());
        let read = stream.read(&mut scratch[..size])?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
    }
    Ok(())
}
