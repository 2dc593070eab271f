//! The handle to a connection's driver task.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use crate::Command;
use crate::Completion;
use crate::ImapError;
use crate::Untagged;
use crate::driver::Driver;
use crate::driver::Request;
use crate::framer::Framer;

/// Commands that wait for the driver. More make the caller wait; a caller that pipelines must stay below,
/// for while it waits nobody reads its events.
const REQUESTS: usize = 64;
/// Events that wait for their reader. More make the server wait.
pub const EVENTS: usize = 64;

/// Dropping it closes the connection.
pub struct Client {
    /// Boxed, as events are: a queue takes room for 32 at once, and most connections wait.
    requests: mpsc::Sender<Box<Request>>,
    seen: Arc<Seen>,
    next_id: AtomicU64,
}

/// What the driver has seen on the wire.
#[derive(Default)]
pub struct Seen {
    pub moved_bytes: AtomicU64,
    pub has_news: AtomicBool,
}

/// Names a command of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandId(pub(crate) u64);

/// What happens to commands, in the order of the wire.
#[derive(Debug)]
pub enum Event {
    Response(Untagged),
    Finished(CommandId, Result<Completion, ImapError>),
}

/// A command on its way, alone. Its responses arrive in order, then its completion.
pub struct Running {
    events: mpsc::Receiver<Box<Event>>,
    finished: Option<Result<Completion, ImapError>>,
}

/// Several commands on their way, read as one stream. Responses bear no tag, and servers answer pipelined
/// commands side by side (Dovecot 2.3.19, seen 2026-11): which command one belongs to only its content tells.
pub struct Pipeline {
    sender: mpsc::Sender<Box<Event>>,
    events: mpsc::Receiver<Box<Event>>,
}

impl Client {
    pub(crate) fn start<S>(stream: S, framer: Framer) -> Client
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (requests, request_queue) = mpsc::channel(REQUESTS);
        let seen = Arc::new(Seen::default());
        tokio::spawn(Driver::new(stream, framer, seen.clone()).run(request_queue));
        Client {
            requests,
            seen,
            next_id: AtomicU64::new(1),
        }
    }

    /// Of this connection so far: tells a slow server from one that only drips.
    pub fn moved_bytes(&self) -> u64 {
        self.seen.moved_bytes.load(Ordering::Relaxed)
    }

    /// Since the folder was opened the server has told of another number of messages in it, with the answer to whatever
    /// was on its way. It tells each number once (RFC 3501 §7.3.1).
    pub fn has_news(&self) -> bool {
        self.seen.has_news.load(Ordering::Relaxed)
    }

    /// Sends one command. What came since the last one arrives first.
    pub async fn send(&self, command: Command) -> Running {
        let (sender, events) = mpsc::channel(EVENTS);
        self.request(command, sender).await;
        Running {
            events,
            finished: None,
        }
    }

    /// Sends without waiting for commands before it (RFC 3501 §5.5).
    pub async fn send_into(&self, pipeline: &Pipeline, command: Command) -> Result<CommandId, ImapError> {
        let id = self.request(command, pipeline.sender.clone()).await;
        id.ok_or(ImapError::Closed { bye: None })
    }

    async fn request(&self, command: Command, events: mpsc::Sender<Box<Event>>) -> Option<CommandId> {
        // Chosen here: to wait for the driver would be to wait for a reader of events.
        let id = CommandId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let request = Request::Run { id, command, events };
        // A driver that is gone drops `events`, and the reader sees a closed connection.
        self.requests.send(Box::new(request)).await.ok().map(|()| id)
    }

    /// Sends and gathers everything until the completion.
    pub async fn run(&self, command: Command) -> Result<(Vec<Untagged>, Completion), ImapError> {
        let mut running = self.send(command).await;
        let mut responses = Vec::new();
        while let Some(response) = running.next().await {
            responses.push(response);
        }
        Ok((responses, running.finish().await?))
    }

    /// Ends IDLE (RFC 2177); its completion follows on its [`Running`].
    pub async fn end_idle(&self) {
        let _ = self.requests.send(Box::new(Request::EndIdle)).await;
    }
}

impl Running {
    /// The next response; `None` once the command is complete or the connection is gone.
    pub async fn next(&mut self) -> Option<Untagged> {
        if self.finished.is_some() {
            return None;
        }
        match self.events.recv().await.map(|event| *event) {
            Some(Event::Response(response)) => Some(response),
            Some(Event::Finished(_, result)) => {
                self.finished = Some(result);
                None
            }
            None => None,
        }
    }

    /// Reads over the responses that are left.
    pub async fn finish(mut self) -> Result<Completion, ImapError> {
        while self.next().await.is_some() {}
        self.finished.unwrap_or(Err(ImapError::Closed { bye: None }))
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        Pipeline { sender, events }
    }
}

impl Pipeline {
    /// Waits for ever when no command is on its way.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await.map(|event| *event)
    }
}
