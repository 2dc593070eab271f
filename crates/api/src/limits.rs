//! What one client, and all of them together, may ask for at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use axum::response::Response;
use domain::AdministratorId;
use governor::Quota;
use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use service::ServiceError;
use tokio::sync::Semaphore;

use crate::ApiState;
use crate::error::ApiError;

/// Requests that are worked on at once; an event stream counts until it has begun.
const MOST_REQUESTS: usize = 512;
/// Connection tests of one administrator: ten at once, then one in six seconds. They make this server dial where they
/// say.
const TESTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
const ONE_TEST_IN: Duration = Duration::from_secs(6);
/// For a request with its body; a file over a slow line takes minutes.
pub const MOST_REQUEST_TIME: Duration = Duration::from_secs(600);
/// Between two pieces of a body.
pub const MOST_SILENCE: Duration = Duration::from_secs(30);

/// Searches for the servers of an address: what a person tries while typing, and no survey.
const DISCOVERIES_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

type ByAdministrator = RateLimiter<AdministratorId, HashMapStateStore<AdministratorId>, DefaultClock>;

pub struct Limits {
    requests: Semaphore,
    tests: ByAdministrator,
    discoveries: ByAdministrator,
}

impl Default for Limits {
    fn default() -> Self {
        let quota = Quota::with_period(ONE_TEST_IN).unwrap_or(Quota::per_minute(TESTS_AT_ONCE));
        Limits {
            requests: Semaphore::new(MOST_REQUESTS),
            tests: RateLimiter::hashmap(quota.allow_burst(TESTS_AT_ONCE)),
            discoveries: RateLimiter::hashmap(quota.allow_burst(DISCOVERIES_AT_ONCE)),
        }
    }
}

impl Limits {
    /// Before a connection is tried for somebody.
    pub fn count_test(&self, who: AdministratorId) -> Result<(), ServiceError> {
        count(&self.tests, who)
    }

    /// Before the servers of an address are looked for.
    pub fn count_discovery(&self, who: AdministratorId) -> Result<(), ServiceError> {
        count(&self.discoveries, who)
    }
}

fn count(limiter: &ByAdministrator, who: AdministratorId) -> Result<(), ServiceError> {
    limiter.check_key(&who).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        ServiceError::Throttled {
            retry_after_s: wait.as_secs() + 1,
        }
    })
}

/// What is over the limit is told to come back, at once: a queue would only make everybody wait.
pub async fn shed(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let limits: Arc<Limits> = state.limits.clone();
    match limits.requests.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => {
            let title = "Waxseal is busy. Try again in a second.";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, title)
                .after(1)
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn connection_tests_are_counted_for_each_administrator() {
        let limits = Limits::default();
        let [alice, bob] = [1, 2].map(|number| AdministratorId::from_uuid(Uuid::from_u128(number)));
        for _ in 0..TESTS_AT_ONCE.get() {
            limits.count_test(alice).expect("within the limit");
        }
        let Err(ServiceError::Throttled { retry_after_s }) = limits.count_test(alice) else {
            panic!("the eleventh is refused");
        };
        assert!((1..=7).contains(&retry_after_s), "{retry_after_s}");
        limits.count_test(bob).expect("another's are not counted");
    }
}
