//! A server that encrypts from the first byte and then says what a test tells it to: pages, or the beginning of a mail
//! protocol. It keeps what it was asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::TestkitError;
use crate::certificate::CertificateFiles;

#[derive(Clone, Debug)]
pub enum Speaks {
    /// Answers of HTTP, whole, by `host/path`; 404 for the rest. An answer of [`ENDLESS`] never ends.
    Web(HashMap<String, String>),
    Imap,
    Smtp,
}

pub const ENDLESS: &str = "endless";

pub struct TlsServer {
    pub port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl TlsServer {
    /// `at`: an address with a port, or with 0.
    pub async fn start(
        at: &str,
        certificate: &CertificateFiles,
        speaks: Speaks,
    ) -> Result<Self, TestkitError> {
        let acceptor = acceptor(certificate)?;
        let listener = TcpListener::bind(at).await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), speaks.clone(), log.clone()));
            }
        });
        Ok(TlsServer { port, asked, task })
    }

    /// What each connection began with; empty where it encrypted nothing.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn acceptor(files: &CertificateFiles) -> Result<TlsAcceptor, TestkitError> {
    let failed = |reason: String| TestkitError::Start {
        program: "the TLS server",
        reason,
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| failed(error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    speaks: Speaks,
    log: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let keep = |what: String| log.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    let mut stream = match acceptor.accept(stream).await {
        Ok(stream) => BufReader::new(stream),
        Err(error) => {
            keep(String::new());
            return Err(error);
        }
    };
    match speaks {
        Speaks::Web(answers) => {
            let asked = read_request(&mut stream).await?;
            let answer = answers.get(&asked).map_or(NOT_FOUND, String::as_str);
            keep(asked);
            if answer == ENDLESS {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b'<'; 4_096]).await?;
                }
            }
            stream.write_all(answer.as_bytes()).await?;
        }
        Speaks::Imap => {
            keep("IMAP".into());
            stream.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n").await?;
            let mut line = String::new();
            stream.read_line(&mut line).await?;
        }
        Speaks::Smtp => {
            keep("SMTP".into());
            stream.write_all(b"220 mail ready\r\n").await?;
            let mut line = String::new();
            while stream.read_line(&mut line).await? > 0 {
                let answer = if line.starts_with("QUIT") {
                    "221 bye"
                } else {
                    "250 mail"
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
                line.clear();
            }
        }
    }
    stream.shutdown().await
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// `host/path`, without port and query. The body is read, too.
async fn read_request<S: tokio::io::AsyncBufRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let (mut path, mut host, mut body_bytes) = (String::new(), String::new(), 0);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        let lower = line.trim().to_ascii_lowercase();
        if path.is_empty() {
            let target = lower.split(' ').nth(1).unwrap_or_default();
            path = target.split('?').next().unwrap_or_default().to_owned();
        } else if let Some(value) = lower.strip_prefix("host: ") {
            host = value.split(':').next().unwrap_or_default().to_owned();
        } else if let Some(value) = lower.strip_prefix("content-length: ") {
            body_bytes = value.parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; body_bytes];
    stream.read_exact(&mut body).await?;
    Ok(format!("{host}{path}"))
}
