//! Real mail servers on loopback for tests and the demo; a scripted one for faults that no real server
//! produces on demand; people; sample mail.
//!
//! Knows nothing of the code under test.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

pub mod authority;
pub mod cases;
pub mod certificate;
pub mod corpus;
pub mod cyrus;
pub mod dns;
pub mod dovecot;
pub mod growth;
pub mod imap_server;
pub mod lossy_proxy;
pub mod maildir;
pub mod model_server;
pub mod mta;
pub mod mutations;
pub mod people;
pub mod postgres;
pub mod process;
pub mod raw_imap;
pub mod sample_mail;
pub mod scripted;
pub mod smtp_server;
pub mod tls_server;
pub mod tnef;

pub use authority::Authority;
pub use cyrus::Cyrus;
pub use dns::DnsServer;
pub use dovecot::Dovecot;
pub use imap_server::ImapServer;
pub use model_server::ModelServer;
pub use mta::Mta;
pub use postgres::Postgres;
pub use smtp_server::SmtpServer;
pub use tls_server::TlsServer;

#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    #[error("{program} could not be started: {reason}")]
    Start { program: &'static str, reason: String },
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
}
