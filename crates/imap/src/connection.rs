//! A connection before sign-in: greeting and STARTTLS, without any task in the background.
//!
//! STARTTLS returns the bare stream, and only if no byte was left over: what came before encryption is
//! never used after it (RFC 2595 §2.4; the command injection of CVE-2011-0411 and NO STARTTLS, 2021).

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;

use crate::Client;
use crate::Command;
use crate::Completion;
use crate::ImapError;
use crate::Limits;
use crate::Response;
use crate::Status;
use crate::Untagged;
use crate::framer::Framer;
use crate::framer::Item;
use crate::parse_response;

pub struct Connection<S> {
    stream: S,
    framer: Framer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    Ok(Completion),
    /// Already signed in, by address or by a client certificate.
    Preauth(Completion),
}

const STARTTLS_TAG: &str = "S1";
const READ_BYTES: usize = 4096;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(stream: S, limits: Limits) -> Self {
        Connection {
            stream,
            framer: Framer::new(limits),
        }
    }

    pub async fn read_greeting(&mut self) -> Result<Greeting, ImapError> {
        match self.read_response().await? {
            Response::Untagged(Untagged::Status(line)) => match line.status {
                Status::Ok => Ok(Greeting::Ok(line)),
                Status::Preauth => Ok(Greeting::Preauth(line)),
                Status::Bye => Err(ImapError::Closed { bye: Some(line.text) }),
                Status::No | Status::Bad => Err(ImapError::Protocol("no greeting")),
            },
            _ => Err(ImapError::Protocol("no greeting")),
        }
    }

    /// `Err(completion)` inside: the server refused, the connection is still in clear.
    pub async fn start_tls(mut self) -> Result<Result<S, Completion>, ImapError> {
        let (line, _) = Command::new("STARTTLS").into_wire(STARTTLS_TAG);
        self.stream.write_all(&line).await?;
        self.stream.flush().await?;
        loop {
            match self.read_response().await? {
                Response::Tagged { tag, completion } if tag == STARTTLS_TAG => {
                    return self.stream_if_clean(completion);
                }
                Response::Untagged(Untagged::Status(line)) if line.status == Status::Bye => {
                    return Err(ImapError::Closed { bye: Some(line.text) });
                }
                Response::Untagged(Untagged::Broken(what)) => return Err(ImapError::Protocol(what)),
                Response::Untagged(_) => {}
                _ => return Err(ImapError::Protocol("an answer to a command that was not sent")),
            }
        }
    }

    fn stream_if_clean(self, completion: Completion) -> Result<Result<S, Completion>, ImapError> {
        if completion.status != Status::Ok {
            return Ok(Err(completion));
        }
        if !self.framer.buffer.is_empty() {
            return Err(ImapError::Protocol("bytes in clear after the answer to STARTTLS"));
        }
        Ok(Ok(self.stream))
    }

    async fn read_response(&mut self) -> Result<Response, ImapError> {
        loop {
            match self.framer.next_item()? {
                Some(Item::Frame(frame)) => return Ok(parse_response(&frame)),
                // Nothing has been asked for that could have a body.
                Some(Item::Piece { .. }) => continue,
                None => {}
            }
            self.framer.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.framer.buffer).await? == 0 {
                return Err(ImapError::Closed { bye: None });
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// Hands the stream to a driver task; from here on commands are pipelined.
    pub fn into_client(self) -> Client {
        Client::start(self.stream, self.framer)
    }
}
