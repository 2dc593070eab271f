//! Where time and identifiers come from; tests put their own in.

use std::sync::Arc;

use domain::Timestamp;
use domain::id::Id;
use rand::RngExt as _;
use uuid::Builder;
use uuid::Uuid;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the door of time")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
}

impl Ids {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Ids { clock }
    }

    /// UUIDv7 of now.
    pub fn next<Noun>(&self) -> Id<Noun> {
        Id::from_uuid(self.uuid())
    }

    #[expect(clippy::disallowed_methods, reason = "the door of ids")]
    pub fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &rand::rng().random()).into_uuid()
    }
}
