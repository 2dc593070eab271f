//! What a connection did, step by step, for Test connection and its Result box.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// A step that was done, in the words of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub text: String,
    pub took_ms: u64,
}

/// Steps so far. Measures wall time: it is for people, nothing is decided on it.
#[derive(Debug)]
pub struct StepLog {
    steps: Vec<Step>,
    since: Instant,
}

impl Default for StepLog {
    fn default() -> Self {
        StepLog {
            steps: Vec::new(),
            since: Instant::now(),
        }
    }
}

impl StepLog {
    pub fn done(&mut self, text: impl Into<String>) {
        let took = self.since.elapsed();
        self.steps.push(Step {
            text: text.into(),
            took_ms: millis(took),
        });
        self.since = Instant::now();
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
