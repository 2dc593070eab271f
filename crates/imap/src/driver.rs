//! The task that owns a connection: writes commands, reads responses, matches tags.
//!
//! Responses carry no tag of the command they belong to, so they go to the oldest command on its way;
//! readers reconcile by UID. A slow reader stops the reading, and so the server.

use std::collections::VecDeque;

use bytes::Bytes;
use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;
use tokio::io::ReadHalf;
use tokio::io::WriteHalf;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::Command;
use crate::Completion;
use crate::ImapError;
use crate::Response;
use crate::Status;
use crate::Untagged;
use crate::framer::Framer;
use crate::parse_response;

pub enum Request {
    Run {
        command: Command,
        responses: mpsc::Sender<Untagged>,
        done: oneshot::Sender<Result<Completion, ImapError>>,
    },
    EndIdle,
}

struct InFlight {
    tag: String,
    is_idle: bool,
    responses: mpsc::Sender<Untagged>,
    done: oneshot::Sender<Result<Completion, ImapError>>,
}

/// Bytes to write; `after_continuation` ones wait for the server's `+`.
struct Outgoing {
    tag: String,
    bytes: Bytes,
    after_continuation: bool,
}

/// Responses that wait for one command's reader. More make the server wait.
pub const RESPONSES: usize = 64;

/// An idle connection holds a small buffer; a busy one reads in large steps.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;

pub struct Driver<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    framer: Framer,
    read_bytes: usize,
    /// What came while no command was on its way; the next command's reader gets it first.
    between: VecDeque<Untagged>,
    in_flight: VecDeque<InFlight>,
    outgoing: VecDeque<Outgoing>,
    writing: BytesMut,
    next_tag: u64,
    bye: Option<String>,
}

enum Step {
    Request(Option<Request>),
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Driver<S> {
    pub fn new(stream: S, framer: Framer) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Driver {
            reader,
            writer,
            framer,
            read_bytes: READ_BYTES_MIN,
            between: VecDeque::new(),
            in_flight: VecDeque::new(),
            outgoing: VecDeque::new(),
            writing: BytesMut::new(),
            next_tag: 1,
            bye: None,
        }
    }

    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let error = self.drive(&mut requests).await.err();
        let error = error.unwrap_or(ImapError::Closed { bye: self.bye.take() });
        self.fail_all(error);
    }

    async fn drive(&mut self, requests: &mut mpsc::Receiver<Request>) -> Result<(), ImapError> {
        self.handle_frames().await?;
        loop {
            self.fill_writing();
            match self.wait(requests).await {
                Step::Request(Some(request)) => {
                    self.accept(request);
                    self.handle_frames().await?;
                }
                // The handle is gone: nobody wants this connection any more.
                Step::Request(None) => return Ok(()),
                Step::Wrote(written) => self.wrote(written?).await?,
                Step::Read(read) => {
                    self.count_read(read?)?;
                    self.handle_frames().await?;
                }
            }
        }
    }

    async fn wait(&mut self, requests: &mut mpsc::Receiver<Request>) -> Step {
        self.framer.buffer.reserve(self.read_bytes);
        let has_writing = !self.writing.is_empty();
        let has_room = self.between.len() < RESPONSES;
        tokio::select! {
            written = self.writer.write_buf(&mut self.writing), if has_writing => Step::Wrote(written),
            read = self.reader.read_buf(&mut self.framer.buffer), if has_room => Step::Read(read),
            request = requests.recv() => Step::Request(request),
        }
    }

    async fn wrote(&mut self, bytes: usize) -> Result<(), ImapError> {
        if bytes == 0 {
            return Err(ImapError::Closed { bye: self.bye.take() });
        }
        if self.writing.is_empty() {
            self.writer.flush().await?;
        }
        Ok(())
    }

    fn count_read(&mut self, bytes: usize) -> Result<(), ImapError> {
        if bytes == 0 {
            return Err(ImapError::Closed { bye: self.bye.take() });
        }
        let filled = bytes * 2 >= self.read_bytes;
        self.read_bytes = if filled {
            self.read_bytes * 2
        } else {
            self.read_bytes / 2
        }
        .clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        Ok(())
    }

    fn accept(&mut self, request: Request) {
        match request {
            Request::Run {
                command,
                responses,
                done,
            } => self.begin(command, responses, done),
            Request::EndIdle => {
                if let Some(idle) = self.in_flight.iter().find(|command| command.is_idle) {
                    self.outgoing.push_back(Outgoing {
                        tag: idle.tag.clone(),
                        bytes: Bytes::from_static(b"DONE\r\n"),
                        after_continuation: false,
                    });
                }
            }
        }
    }

    fn begin(
        &mut self,
        command: Command,
        responses: mpsc::Sender<Untagged>,
        done: oneshot::Sender<Result<Completion, ImapError>>,
    ) {
        let tag = format!("W{}", self.next_tag);
        self.next_tag += 1;
        let is_idle = command.is_idle;
        for (index, bytes) in command.into_wire(&tag).into_iter().enumerate() {
            self.outgoing.push_back(Outgoing {
                tag: tag.clone(),
                bytes,
                after_continuation: index > 0,
            });
        }
        for response in self.between.drain(..) {
            // Never full: the queue is new and as long as `between` may grow. A dropped reader wants none.
            let _ = responses.try_send(response);
        }
        self.in_flight.push_back(InFlight {
            tag,
            is_idle,
            responses,
            done,
        });
    }

    /// Moves what may be written now; stops at what the server has to ask for.
    fn fill_writing(&mut self) {
        while let Some(next) = self.outgoing.pop_front_if(|next| !next.after_continuation) {
            self.writing.extend_from_slice(&next.bytes);
        }
    }

    async fn handle_frames(&mut self) -> Result<(), ImapError> {
        while self.between.len() < RESPONSES
            && let Some(frame) = self.framer.next_frame()?
        {
            match parse_response(&frame) {
                Response::Continuation(text) => self.go_on(text).await,
                Response::Tagged { tag, completion } => self.complete(&tag, completion)?,
                Response::Untagged(response) => self.deliver(response).await,
            }
        }
        Ok(())
    }

    async fn go_on(&mut self, text: String) {
        match self.outgoing.front_mut() {
            Some(waiting) if waiting.after_continuation && self.writing.is_empty() => {
                waiting.after_continuation = false;
            }
            _ => self.deliver(Untagged::Continuation(text)).await,
        }
    }

    fn complete(&mut self, tag: &str, completion: Completion) -> Result<(), ImapError> {
        let position = self.in_flight.iter().position(|command| command.tag == tag);
        let command = position.and_then(|position| self.in_flight.remove(position));
        let command = command.ok_or(ImapError::Protocol("an answer to a command that was not sent"))?;
        // Refused before its literal was asked for: the rest must not be taken for a command.
        self.outgoing.retain(|outgoing| outgoing.tag != tag);
        let _ = command.done.send(Ok(completion));
        Ok(())
    }

    async fn deliver(&mut self, response: Untagged) {
        if let Untagged::Status(line) = &response
            && line.status == Status::Bye
        {
            self.bye = Some(line.text.clone());
        }
        match self.in_flight.front() {
            // A reader that wants no more has dropped its end.
            Some(command) => drop(command.responses.send(response).await),
            None => self.between.push_back(response),
        }
    }

    /// The first command hears why, the rest that the connection is gone.
    fn fail_all(&mut self, error: ImapError) {
        let mut error = Some(error);
        while let Some(command) = self.in_flight.pop_front() {
            let error = error.take().unwrap_or(ImapError::Closed { bye: None });
            let _ = command.done.send(Err(error));
        }
    }
}
