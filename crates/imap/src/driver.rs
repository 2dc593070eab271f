//! The task that owns a connection: writes commands, reads responses, matches tags.
//!
//! Responses carry no tag of the command they belong to, so they go to the oldest command on its way;
//! commands that are pipelined share one reader ([`crate::Pipeline`]), which reconciles by UID. A slow reader stops the reading, and so the server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt as _;
use tokio::io::ReadHalf;
use tokio::io::WriteHalf;
use tokio::sync::mpsc;

use crate::Command;
use crate::CommandId;
use crate::Completion;
use crate::Event;
use crate::ImapError;
use crate::Response;
use crate::Status;
use crate::Untagged;
use crate::client::EVENTS;
use crate::client::Seen;
use crate::command::Kind;
use crate::command::Piece;
use crate::deflate::Deflate;
use crate::framer::Framer;
use crate::framer::Item;
use crate::parse_response;

pub enum Request {
    Run {
        id: CommandId,
        command: Command,
        events: mpsc::Sender<Box<Event>>,
    },
    EndIdle,
}

struct InFlight {
    id: CommandId,
    tag: String,
    kind: Kind,
    events: mpsc::Sender<Box<Event>>,
}

/// What is to be written for a command.
struct Outgoing {
    tag: String,
    what: Write,
}

enum Write {
    Now(VecDeque<Bytes>),
    /// Waits for the server's `+`.
    Asked(Piece),
}

/// An idle connection holds a small buffer; a busy one reads in large steps.
const READ_BYTES_MIN: usize = 512;
const READ_BYTES_MAX: usize = 256 * 1024;
/// What is taken over to be written at a time.
const WRITE_BYTES: usize = 256 * 1024;

pub struct Driver<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    framer: Framer,
    read_bytes: usize,
    seen: Arc<Seen>,
    /// How many messages the open folder was last told to hold. `None`: fewer since.
    messages: Option<u32>,
    /// What came while no command was on its way; the next command's reader gets it first.
    between: VecDeque<Untagged>,
    in_flight: VecDeque<InFlight>,
    outgoing: VecDeque<Outgoing>,
    writing: BytesMut,
    deflate: Option<Deflate>,
    bye: Option<String>,
}

enum Step {
    Request(Option<Box<Request>>),
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Driver<S> {
    pub fn new(stream: S, framer: Framer, seen: Arc<Seen>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Driver {
            reader,
            writer,
            framer,
            read_bytes: READ_BYTES_MIN,
            seen,
            messages: None,
            between: VecDeque::new(),
            in_flight: VecDeque::new(),
            outgoing: VecDeque::new(),
            writing: BytesMut::new(),
            deflate: None,
            bye: None,
        }
    }

    pub async fn run(mut self, mut requests: mpsc::Receiver<Box<Request>>) {
        let error = self.drive(&mut requests).await.err();
        let error = error.unwrap_or(ImapError::Closed { bye: self.bye.take() });
        self.fail_all(error).await;
    }

    async fn drive(&mut self, requests: &mut mpsc::Receiver<Box<Request>>) -> Result<(), ImapError> {
        self.handle_frames().await?;
        loop {
            self.fill_writing()?;
            match self.wait(requests).await {
                Step::Request(Some(request)) => {
                    self.accept(*request);
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

    async fn wait(&mut self, requests: &mut mpsc::Receiver<Box<Request>>) -> Step {
        let buffer = match &mut self.deflate {
            Some(deflate) => &mut deflate.received,
            None => &mut self.framer.buffer,
        };
        buffer.reserve(self.read_bytes);
        let has_writing = !self.writing.is_empty();
        let has_room = self.between.len() < EVENTS;
        tokio::select! {
            written = self.writer.write_buf(&mut self.writing), if has_writing => Step::Wrote(written),
            read = self.reader.read_buf(buffer), if has_room => Step::Read(read),
            request = requests.recv() => Step::Request(request),
        }
    }

    async fn wrote(&mut self, bytes: usize) -> Result<(), ImapError> {
        if bytes == 0 {
            return Err(ImapError::Closed { bye: self.bye.take() });
        }
        self.seen.moved_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.writing.is_empty() {
            self.writer.flush().await?;
        }
        Ok(())
    }

    fn count_read(&mut self, bytes: usize) -> Result<(), ImapError> {
        if bytes == 0 {
            return Err(ImapError::Closed { bye: self.bye.take() });
        }
        self.seen.moved_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
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
            Request::Run { id, command, events } => self.begin(id, command, events),
            Request::EndIdle => {
                if let Some(idle) = self.in_flight.iter().find(|command| command.kind == Kind::Idle) {
                    self.outgoing.push_back(Outgoing {
                        tag: idle.tag.clone(),
                        what: Write::Now([Bytes::from_static(b"DONE\r\n")].into()),
                    });
                }
            }
        }
    }

    fn begin(&mut self, id: CommandId, command: Command, events: mpsc::Sender<Box<Event>>) {
        let tag = format!("W{}", id.0);
        let kind = command.kind;
        let (first, rest) = command.into_wire(&tag);
        let writes = std::iter::once(Write::Now([first].into())).chain(rest.into_iter().map(Write::Asked));
        self.outgoing.extend(writes.map(|what| Outgoing {
            tag: tag.clone(),
            what,
        }));
        for response in self.between.drain(..) {
            // There is room: nothing is on its way, and `between` is bounded by the queue's length. A
            // dropped reader wants none.
            let _ = events.try_send(Box::new(Event::Response(response)));
        }
        self.in_flight.push_back(InFlight {
            id,
            tag,
            kind,
            events,
        });
    }

    /// Moves what may be written now; stops at what the server has to ask for.
    fn fill_writing(&mut self) -> Result<(), ImapError> {
        while self.writing.len() < WRITE_BYTES
            && let Some(Write::Now(parts)) = self.outgoing.front_mut().map(|next| &mut next.what)
        {
            let Some(part) = parts.front_mut() else {
                self.outgoing.pop_front();
                continue;
            };
            let bytes = part.split_to(part.len().min(WRITE_BYTES));
            if part.is_empty() {
                parts.pop_front();
            }
            match &mut self.deflate {
                Some(deflate) => self.writing.extend_from_slice(&deflate.deflate(&bytes)?),
                None => self.writing.extend_from_slice(&bytes),
            }
        }
        Ok(())
    }

    async fn handle_frames(&mut self) -> Result<(), ImapError> {
        loop {
            self.handle_buffered().await?;
            // A step at a time: what is inflated is dealt with before there is more of it.
            let has_room = self.between.len() < EVENTS;
            let buffer = &mut self.framer.buffer;
            let more = match &mut self.deflate {
                Some(deflate) if has_room => deflate.inflate_into(buffer)?,
                _ => false,
            };
            if !more {
                return Ok(());
            }
        }
    }

    async fn handle_buffered(&mut self) -> Result<(), ImapError> {
        while self.between.len() < EVENTS
            && let Some(item) = self.framer.next_item()?
        {
            let frame = match item {
                Item::Piece { bytes, of } => {
                    self.deliver(Untagged::Piece { bytes, of }).await;
                    continue;
                }
                Item::Frame(frame) => frame,
            };
            match parse_response(&frame) {
                Response::Continuation(text) => self.go_on(text).await,
                Response::Tagged { tag, completion } => self.complete(&tag, completion).await?,
                Response::Untagged(Untagged::Broken(what)) => return Err(ImapError::Protocol(what)),
                Response::Untagged(response) => self.deliver(response).await,
            }
        }
        Ok(())
    }

    async fn go_on(&mut self, text: String) {
        let is_written = self.writing.is_empty();
        let asked = self.outgoing.front_mut().map(|waiting| &mut waiting.what);
        let Some(what @ Write::Asked(_)) = asked.filter(|_| is_written) else {
            self.deliver(Untagged::Continuation(text)).await;
            return;
        };
        if let Write::Asked(piece) = what {
            *what = Write::Now(answer(piece, &text));
        }
    }

    async fn complete(&mut self, tag: &str, completion: Completion) -> Result<(), ImapError> {
        let position = self.in_flight.iter().position(|command| command.tag == tag);
        let command = position.and_then(|position| self.in_flight.remove(position));
        let command = command.ok_or(ImapError::Protocol("an answer to a command that was not sent"))?;
        // Refused before its literal was asked for: the rest must not be taken for a command.
        self.outgoing.retain(|outgoing| outgoing.tag != tag);
        if command.kind == Kind::Compress && completion.status == Status::Ok {
            self.deflate = Some(Deflate::new(self.framer.buffer.split()));
        }
        if command.kind == Kind::Open {
            self.seen.has_news.store(false, Ordering::Relaxed);
        }
        let _ = command
            .events
            .send(Box::new(Event::Finished(command.id, Ok(completion))))
            .await;
        Ok(())
    }

    async fn deliver(&mut self, response: Untagged) {
        if let Untagged::Status(line) = &response
            && line.status == Status::Bye
        {
            self.bye = Some(line.text.clone());
        }
        self.note_count(&response);
        match self.in_flight.front() {
            // A reader that wants no more has dropped its end.
            Some(command) => drop(command.events.send(Box::new(Event::Response(response))).await),
            None => self.between.push_back(response),
        }
    }

    /// Some servers repeat the number that they have told; that is no news.
    fn note_count(&mut self, response: &Untagged) {
        match response {
            Untagged::Exists(count) if self.messages != Some(*count) => {
                self.messages = Some(*count);
                self.seen.has_news.store(true, Ordering::Relaxed);
            }
            Untagged::Expunge(_) | Untagged::Vanished { earlier: false, .. } => self.messages = None,
            _ => {}
        }
    }

    /// The first command hears why, the rest that the connection is gone.
    async fn fail_all(&mut self, error: ImapError) {
        let mut error = Some(error);
        while let Some(command) = self.in_flight.pop_front() {
            let error = error.take().unwrap_or(ImapError::Closed { bye: None });
            let finished = Event::Finished(command.id, Err(error));
            let _ = command.events.send(Box::new(finished)).await;
        }
    }
}

/// `*` gives up an exchange that cannot be followed (RFC 3501 §6.2.2).
fn answer(piece: &Piece, challenge: &str) -> VecDeque<Bytes> {
    match piece {
        Piece::Bytes(bytes) => [bytes.clone().freeze()].into(),
        Piece::Shared(parts) => parts.iter().cloned().collect(),
        Piece::Answer(answer) => {
            let mut line = BytesMut::from(answer.to(challenge).as_deref().unwrap_or(b"*"));
            line.extend_from_slice(b"\r\n");
            [line.freeze()].into()
        }
    }
}
