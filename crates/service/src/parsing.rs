//! The one door to work on the bytes of messages: off the threads that serve, few at a time, with a deadline.
//!
//! Such work is linear (the growth tests of `mime`), so what meets a deadline is a fault or a machine that is far too
//! busy. A thread cannot be stopped: it keeps its place until it ends, so that there are never more of them.
//! No other place begins a thread for it, and none does it while it serves: see the test below.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::ServiceError;
use crate::Services;

/// Somebody looks at a screen meanwhile.
const VIEWER_DEADLINE: Duration = Duration::from_secs(10);
/// For a batch of intake, or a page of an export.
const BULK_DEADLINE: Duration = Duration::from_secs(120);

/// Viewers have threads of their own: a first sync keeps nobody from reading.
#[derive(Clone)]
pub(crate) struct Parsing {
    viewers: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
    threads: usize,
}

impl Parsing {
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        Parsing {
            viewers: Arc::new(Semaphore::new(threads)),
            bulk: Arc::new(Semaphore::new(threads)),
            threads,
        }
    }

    /// Into how many shares a batch is worth parting.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// [`ServiceError::TooLong`] after ten seconds, in which waiting for a thread counts.
    pub async fn for_viewer<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        within(VIEWER_DEADLINE, async {
            Ok(start(&self.viewers, work).await?.await?)
        })
        .await
    }

    /// Waits for its turn as long as it takes; then [`ServiceError::TooLong`] after two minutes.
    pub async fn in_bulk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let running = start(&self.bulk, work).await?;
        within(BULK_DEADLINE, async { Ok(running.await?) }).await
    }
}

impl Services {
    /// What a person wrote, or pasted, fit to be kept and sent.
    pub(crate) async fn clean_html(&self, html: &str) -> Result<String, ServiceError> {
        let html = html.to_owned();
        self.parsing.for_viewer(move || mime::clean_html(&html)).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the door")]
async fn start<T: Send + 'static>(
    threads: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, ServiceError> {
    let free = threads.clone().acquire_owned().await;
    let thread = free.map_err(|_| ServiceError::TooLong)?;
    let running = tokio::task::spawn_blocking(move || {
        let _held_to_the_end = thread;
        work()
    });
    Ok(running)
}

/// For what a viewer waits for otherwise: a large message, until there is room for it.
pub(crate) async fn while_somebody_looks<T>(
    work: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    within(VIEWER_DEADLINE, work).await
}

async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    timeout(deadline, work)
        .await
        .unwrap_or(Err(ServiceError::TooLong))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_keeps_its_thread() {
        let threads = Arc::new(Semaphore::new(1));
        let (finish, finished) = mpsc::channel::<()>();
        let work = move || finished.recv().map_err(|_| ());
        let running = start(&threads, work).await.expect("started");
        let given_up = within(Duration::ZERO, async { Ok(running.await?) }).await;
        assert!(matches!(given_up, Err(ServiceError::TooLong)));

        let next = within(Duration::ZERO, async { Ok(start(&threads, || 7).await?.await?) }).await;
        assert!(
            matches!(next, Err(ServiceError::TooLong)),
            "its thread is still at work"
        );

        finish.send(()).expect("it still waits");
        let next = start(&threads, || 7).await.expect("started");
        assert_eq!(next.await.expect("done"), 7);
    }
    /// What reads, or writes, bytes of any length.
    const HEAVY: &[&str] = &[
        "author_hints",
        "clean_html",
        "compose",
        "open_message",
        "open_message_as",
        "open_part",
        "sanitise",
        "split_text",
        "summarise",
        "summarise_as",
    ];

    /// Lines of an `async fn` that do such work themselves, and not in what is handed over.
    fn done_while_serving(source: &str) -> Vec<&str> {
        let mut is_async = false;
        let lines = source.lines().filter(|line| {
            let is_heavy = HEAVY.iter().any(|name| line.contains(&format!("mime::{name}(")));
            if line.contains("fn ") && line.trim_end().ends_with(['{', '(']) {
                is_async = line.contains("async fn ");
            }
            is_heavy && is_async && !line.contains("move ||")
        });
        lines.collect()
    }

    #[test]
    fn no_thread_that_serves_reads_foreign_bytes() {
        let wrong = "    async fn open() {\n        mime::open_message(&raw)\n    }";
        assert_eq!(done_while_serving(wrong).len(), 1, "the test sees what it is for");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        for folder in [folder.to_owned(), format!("{folder}/intake")] {
            for file in std::fs::read_dir(folder).expect("sources") {
                let path = file.expect("file").path();
                let Ok(source) = std::fs::read_to_string(&path) else {
                    continue;
                };
                assert_eq!(
                    done_while_serving(&source),
                    Vec::<&str>::new(),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
