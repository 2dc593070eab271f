//! The servers of `make bench` and `make soak`: IMAP with TLS and mailboxes in memory, and SMTP. Prints where they are as
//! one JSON line, ends with its standard input, and answers each line there with one of its own:
//!
//! - `USER NUMBER` puts a message into that INBOX; the answer is the moment at which who waits in IDLE was told, in seconds
//!   since 1970.
//! - `idling`: how many connections are in IDLE.
//! - `hang up`: every IMAP connection that there is ends.
//! - `fault VERB KIND`: the SMTP server's next answer to this verb; `peer.rs` names the kinds.
//! - `accepted`: the first recipient of each message that the SMTP server took, as a JSON list.
//! - `appended USER`: how many messages are in that user's Sent.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

use std::io::BufRead as _;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use testkit::ModelServer;
use testkit::SmtpServer;
use testkit::TestkitError;
use testkit::certificate;
use testkit::model_server::Tells;
use testkit::smtp_server::SmtpFault;
use testkit::smtp_server::Verb;
use tokio_rustls::TlsAcceptor;

fn main() -> Result<(), TestkitError> {
    let folder = tempfile::tempdir()?;
    let files = certificate::write(folder.path(), &["localhost", "127.0.0.1"])?;
    let runtime = tokio::runtime::Runtime::new()?;
    let server = runtime.block_on(ModelServer::start_tls(Tells::Qresync, acceptor(&files)?))?;
    let sink = runtime.block_on(SmtpServer::start())?;
    println!(
        "{{\"imaps\":{},\"fingerprint\":\"{}\",\"smtp\":{}}}",
        server.address.port(),
        files.fingerprint,
        sink.port
    );
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        println!("{}", answer(&line, &server, &sink)?);
    }
    Ok(())
}

fn answer(line: &str, server: &ModelServer, sink: &SmtpServer) -> Result<String, TestkitError> {
    let words: Vec<&str> = line.split(' ').collect();
    Ok(match *words.as_slice() {
        ["idling"] => server.idling().to_string(),
        ["hang", "up"] => {
            server.hang_up();
            String::new()
        }
        ["fault", verb, kind] => {
            sink.fail_next(verb_of(verb)?, fault_of(kind)?);
            String::new()
        }
        ["accepted"] => {
            let accepted = sink.ledger();
            let recipients = accepted.iter().flat_map(|one| one.recipients.first());
            format!("{:?}", recipients.collect::<Vec<_>>())
        }
        ["appended", user] => server
            .with(user, |mailbox| mailbox["Sent"].messages.len())
            .to_string(),
        [user, number] => {
            let number = number.parse().map_err(std::io::Error::other)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            server.deliver(user, "INBOX", number);
            format!("{:.6}", now.unwrap_or_default().as_secs_f64())
        }
        _ => return Err(std::io::Error::other(format!("not a command: {line}")).into()),
    })
}

fn verb_of(name: &str) -> Result<Verb, TestkitError> {
    let verb = Verb::ALL
        .into_iter()
        .find(|verb| format!("{verb:?}").eq_ignore_ascii_case(name));
    verb.ok_or_else(|| std::io::Error::other(format!("no verb: {name}")).into())
}

fn fault_of(name: &str) -> Result<SmtpFault, TestkitError> {
    let fault = SmtpFault::ALL
        .into_iter()
        .find(|fault| format!("{fault:?}").eq_ignore_ascii_case(name));
    fault.ok_or_else(|| std::io::Error::other(format!("no fault: {name}")).into())
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
