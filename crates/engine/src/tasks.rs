//! Tasks that are kept running: one that ends before it should is begun anew, after a while that grows.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::EngineHandle;
use crate::backoff::Backoff;
use crate::backoff::jitter;

/// What runs beside something else, and ends with it.
pub struct Beside {
    handle: EngineHandle,
    kept: JoinSet<()>,
}

impl Beside {
    pub fn new(handle: &EngineHandle) -> Self {
        Beside {
            handle: handle.clone(),
            kept: JoinSet::new(),
        }
    }

    /// In a task of its own, for as long as this lives.
    pub fn keep<F>(&mut self, name: &'static str, work: impl Fn(EngineHandle) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = self.handle.clone();
        self.kept
            .spawn(async move { keep(&handle, &CancellationToken::new(), name, work).await });
    }

    /// Work that ends by itself once `stop` is said, and is waited for; what runs beside it goes on meanwhile.
    pub async fn keep_until<F>(
        self,
        stop: &CancellationToken,
        name: &'static str,
        work: impl Fn(EngineHandle) -> F + Send + Sync,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        keep(&self.handle, stop, name, work).await;
    }
}

async fn keep<F>(
    handle: &EngineHandle,
    stop: &CancellationToken,
    name: &'static str,
    work: impl Fn(EngineHandle) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::beginning_with(handle.first_wait);
    while !stop.is_cancelled() {
        let started = Instant::now();
        // A set of one: dropped, it takes the task with it.
        let mut task = JoinSet::from_iter([work(handle.clone())]);
        task.join_next().await;
        if !stop.is_cancelled() {
            let wait = backoff.after_failure(started.elapsed(), jitter());
            begun_anew(name, wait);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

fn begun_anew(name: &'static str, wait: Duration) {
    metrics::counter!("waxseal_tasks_begun_anew_total", "task" => name).increment(1);
    warn!(task = name, ?wait, "A task ended early and is begun anew");
}
