//! An IMAP server with TLS and mailboxes in memory, for `make bench`: prints where it is as one JSON line, and ends with
//! its standard input. A line `USER NUMBER` there puts a message into that INBOX, and is answered with the moment at
//! which who waits in IDLE was told, in seconds since 1970; the line `idling`
//! with how many connections are in IDLE.

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use testkit::ModelServer;
use testkit::TestkitError;
use testkit::certificate;
use testkit::model_server::Tells;
use tokio_rustls::TlsAcceptor;

fn main() -> Result<(), TestkitError> {
    let folder = tempfile::tempdir()?;
    let files = certificate::write(folder.path(), &["localhost", "127.0.0.1"])?;
    let runtime = tokio::runtime::Runtime::new()?;
    let server = runtime.block_on(ModelServer::start_tls(Tells::Qresync, acceptor(&files)?))?;
    println!(
        "{{\"imaps\":{},\"fingerprint\":\"{}\"}}",
        server.address.port(),
        files.fingerprint
    );
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line == "idling" {
            println!("{}", server.idling());
            continue;
        }
        let (user, number) = line.split_once(' ').unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        server.deliver(user, "INBOX", number.parse().map_err(std::io::Error::other)?);
        println!("{:.6}", now.unwrap_or_default().as_secs_f64());
    }
    Ok(())
}

fn acceptor(files: &certificate::CertificateFiles) -> Result<TlsAcceptor, TestkitError> {
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(std::io::Error::other)?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(std::io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let chain = chain.unwrap_or_default();
            builder.with_no_client_auth().with_single_cert(chain, key)
        })
        .map_err(std::io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
