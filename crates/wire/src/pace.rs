//! How fast a server is: a slow line is no failure, a drip is no life.
//!
//! Measured over all the waiting of one operation. Measured wait by wait, a line now and then would keep a
//! connection for ever.

use std::time::Duration;

use imap::Client;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::error::WireError;

/// Over one window; nothing that people use is slower.
const LEAST_BYTES_PER_S: u64 = 64;

pub struct Pace {
    window: Duration,
    /// Of this window. While we are busy with what came, the server may wait for us.
    waited: Duration,
    moved_before: u64,
}

impl Pace {
    pub fn new(client: &Client, window: Duration) -> Self {
        Pace {
            window,
            waited: Duration::ZERO,
            moved_before: client.moved_bytes(),
        }
    }

    /// Waits while enough bytes come.
    pub async fn wait<T>(
        &mut self,
        client: &Client,
        waiting: impl Future<Output = T>,
        doing: &'static str,
    ) -> Result<T, WireError> {
        tokio::pin!(waiting);
        loop {
            let began = Instant::now();
            let left = self.window.saturating_sub(self.waited);
            if let Ok(done) = timeout(left, &mut waiting).await {
                self.waited += began.elapsed();
                return Ok(done);
            }
            let moved = client.moved_bytes() - self.moved_before;
            if moved < LEAST_BYTES_PER_S * self.window.as_secs().max(1) {
                return Err(WireError::timeout(doing));
            }
            *self = Pace::new(client, self.window);
        }
    }
}
