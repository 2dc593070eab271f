//! The handle to a connection's driver task.

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::Command;
use crate::Completion;
use crate::ImapError;
use crate::Untagged;
use crate::driver::Driver;
use crate::driver::RESPONSES;
use crate::driver::Request;
use crate::framer::Framer;

/// Commands that wait for the driver. More make the caller wait.
const REQUESTS: usize = 16;

/// Dropping it closes the connection.
pub struct Client {
    requests: mpsc::Sender<Request>,
}

/// A command on its way. Its responses arrive in order, then its completion.
pub struct Running {
    responses: mpsc::Receiver<Untagged>,
    done: oneshot::Receiver<Result<Completion, ImapError>>,
}

impl Client {
    pub(crate) fn start<S>(stream: S, framer: Framer) -> Client
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (requests, request_queue) = mpsc::channel(REQUESTS);
        tokio::spawn(Driver::new(stream, framer).run(request_queue));
        Client { requests }
    }

    /// Sends without waiting for commands before it (RFC 3501 §5.5). What came since the last command
    /// arrives first.
    pub async fn send(&self, command: Command) -> Running {
        let (response_queue, responses) = mpsc::channel(RESPONSES);
        let (finish, done) = oneshot::channel();
        let request = Request::Run {
            command,
            responses: response_queue,
            done: finish,
        };
        // A driver that is gone drops `finish`, and `Running` reports the connection as closed.
        let _ = self.requests.send(request).await;
        Running { responses, done }
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
        let _ = self.requests.send(Request::EndIdle).await;
    }
}

impl Running {
    /// The next response; `None` once the command is complete or the connection is gone.
    pub async fn next(&mut self) -> Option<Untagged> {
        self.responses.recv().await
    }

    pub async fn finish(self) -> Result<Completion, ImapError> {
        // Closed first: whoever wants no more responses must not hold the driver up.
        drop(self.responses);
        self.done.await.unwrap_or(Err(ImapError::Closed { bye: None }))
    }
}
