//! A tolerant, streaming, pipelining IMAP client over any byte stream.
//!
//! Knows no sockets, no TLS, no database and nobody's mail: bytes come from an `AsyncRead + AsyncWrite`,
//! answers leave as typed values. What a server sends outside the grammar becomes [`Untagged::Unknown`];
//! the session lives on. Only what makes the byte stream itself unreadable ends it.
//!
//! The way through: [`Connection`] (greeting, STARTTLS) -> [`Client`] (one driver task, tags, pipelining)
//! -> [`Running`] (one command's responses, in order, with back-pressure).

mod client;
mod command;
mod commands;
mod connection;
mod deflate;
mod driver;
mod framer;
mod mailbox_name;
mod response;
pub mod sasl;
mod sequence_set;
mod token;

pub use client::Client;
pub use client::CommandId;
pub use client::Event;
pub use client::Pipeline;
pub use client::Running;
pub use command::Command;
pub use commands::LiteralMode;
pub use commands::Qresync;
pub use connection::Connection;
pub use connection::Greeting;
pub use framer::Diverted;
pub use framer::Frame;
pub use framer::Limits;
pub use mailbox_name::MailboxName;
pub use response::Body;
pub use response::Code;
pub use response::Completion;
pub use response::Esearch;
pub use response::Fetch;
pub use response::ListEntry;
pub use response::Response;
pub use response::Status;
pub use response::StatusCounts;
pub use response::Untagged;
pub use response::parse_response;
pub use sequence_set::SequenceSet;

/// Why a session ended, or a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The server hung up; its BYE text where it sent one.
    #[error("the server closed the connection{}", said(.bye))]
    Closed { bye: Option<String> },
    #[error("the server sent {what} of {bytes} bytes; the limit is {limit}")]
    TooLong {
        what: &'static str,
        bytes: u64,
        limit: u64,
    },
    #[error("the server does not speak IMAP as expected: {0}")]
    Protocol(&'static str),
}

fn said(bye: &Option<String>) -> String {
    bye.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}
