//! Whether something holds a worker, one of the few threads that serve everybody: half a second is the most that any
//! operation may.
//!
//! A thread of its own looks, and no task, so that it is seen when all workers are held, too. A worker that is not
//! waiting and has gone on with nothing since the last look is in the midst of one task (or of 61 at most: tokio
//! writes its figures after so many).

use std::time::Duration;
use std::time::Instant;

use metrics::gauge;
use metrics::histogram;
use tokio::runtime::RuntimeMetrics;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// For how long the worker that is held longest is held now.
pub const HELD: &str = "waxseal_worker_held_seconds";
/// How long workers were held, once they are free again.
pub const HOLDS: &str = "waxseal_worker_holds_seconds";
/// How many tasks there are.
const TASKS: &str = "waxseal_tasks";
pub const BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

const MOST: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Until the process ends.
#[expect(clippy::disallowed_methods, reason = "it looks at the runtime from outside")]
pub fn start(runtime: RuntimeMetrics, shutdown: CancellationToken) -> std::io::Result<()> {
    let look = move || {
        let start = Instant::now();
        let mut watch = Watch::of(runtime);
        while !shutdown.is_cancelled() {
            watch.look(start.elapsed()).report();
            std::thread::sleep(LOOK_EVERY);
        }
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(look)?;
    Ok(())
}

struct Watch {
    runtime: RuntimeMetrics,
    workers: Vec<Worker>,
}

/// As it was when it last went on.
#[derive(Clone, Default, PartialEq, Eq)]
struct Worker {
    /// How often it began and ended to wait: odd while it waits.
    turns: u64,
    busy: Duration,
    since: Duration,
    is_told: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    longest: Duration,
    /// Holds that have ended.
    ended: Vec<Duration>,
    /// One has just become longer than may be.
    is_too_long: bool,
    tasks: usize,
}

impl Watch {
    fn of(runtime: RuntimeMetrics) -> Self {
        let workers = vec![Worker::default(); runtime.num_workers()];
        Watch { runtime, workers }
    }

    /// `now`: since any one moment.
    fn look(&mut self, now: Duration) -> Seen {
        let mut seen = Seen {
            tasks: self.runtime.num_alive_tasks(),
            ..Seen::default()
        };
        for (number, known) in self.workers.iter_mut().enumerate() {
            let turns = self.runtime.worker_park_unpark_count(number);
            let busy = self.runtime.worker_total_busy_duration(number);
            let held = now.saturating_sub(known.since);
            let is_waiting = known.turns % 2 == 1;
            if (turns, busy) != (known.turns, known.busy) {
                seen.ended
                    .extend((!is_waiting && held >= LOOK_EVERY).then_some(held));
                *known = Worker {
                    turns,
                    busy,
                    since: now,
                    is_told: false,
                };
            } else if !is_waiting {
                seen.longest = seen.longest.max(held);
                seen.is_too_long |= held > MOST && !known.is_told;
                known.is_told |= held > MOST;
            }
        }
        seen
    }
}

impl Seen {
    fn report(self) {
        gauge!(HELD).set(self.longest.as_secs_f64());
        gauge!(TASKS).set(self.tasks as f64);
        for held in self.ended {
            histogram!(HOLDS).record(held.as_secs_f64());
        }
        if self.is_too_long {
            warn!(
                held_ms = self.longest.as_millis(),
                "Something holds a thread that serves everybody"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_worker_that_is_held_is_seen_until_it_is_free() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("runtime");
        let mut watch = Watch::of(runtime.metrics());
        let (held, is_held) = mpsc::channel();
        let (free, is_free) = mpsc::channel::<()>();
        let stalled = runtime.spawn(async move {
            held.send(()).expect("the test waits");
            is_free.recv().expect("it is freed");
        });
        is_held.recv().expect("it has begun");

        watch.look(Duration::ZERO);
        let seen = watch.look(Duration::from_millis(600));
        assert_eq!(seen.longest, Duration::from_millis(600));
        assert!(seen.is_too_long);
        let later = watch.look(Duration::from_secs(2));
        assert!(
            later.longest == Duration::from_secs(2) && !later.is_too_long,
            "it is told once"
        );

        free.send(()).expect("it waits");
        runtime.block_on(stalled).expect("done");
        let end = Duration::from_secs(3);
        let mut ended = Vec::new();
        while ended.is_empty() {
            ended = watch.look(end).ended;
        }
        assert!(ended.contains(&end));
    }
}
