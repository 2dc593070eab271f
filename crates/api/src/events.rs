//! What has just changed, as server-sent events: ids only, and only of what the viewer may see.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse;
use axum::response::sse::KeepAlive;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use service::Event;
use service::Services;
use service::access::Viewer;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::ApiState;
use crate::error::ApiResult;
use crate::session::SignedIn;

const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The session is looked at again at the latest after this, also when nothing happens.
const RECHECK: Duration = Duration::from_secs(15);

struct Listener {
    services: Services,
    viewer: Viewer,
    events: broadcast::Receiver<Event>,
}

/// Ends when the session does; the browser then reconnects and is told to sign in.
#[utoipa::path(get, operation_id = "stream_events", path = "/events", responses((status = 200, content_type = "text/event-stream")))]
pub async fn stream(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
) -> ApiResult<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>> {
    let services = state.services;
    let listener = Listener {
        events: services.events.subscribe(),
        services,
        viewer,
    };
    let stream = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Listener {
    /// `None` ends the stream.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            let received = timeout(RECHECK, self.events.recv()).await;
            self.services.viewer_of_session(self.viewer.session).await.ok()?;
            match received {
                Err(_) => {}
                Ok(Ok(event)) => {
                    if let Some(event) = self.describe(event).await? {
                        return Some(event);
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => return Some(sse_event("resync", &json!({}))),
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }

    /// Outer `None`: the stream cannot go on. Inner: not for this viewer.
    async fn describe(&self, event: Event) -> Option<Option<sse::Event>> {
        let access = self.services.access_of(self.viewer).await.ok()?;
        let sees = |account| access.right_to(account).is_some();
        Some(match event {
            Event::Arrived { account, messages } if sees(account) => Some(sse_event(
                "arrived",
                &json!({ "account": account, "messages": messages }),
            )),
            Event::MessageChanged { account, message } if sees(account) => Some(sse_event(
                "changed",
                &json!({ "account": account, "message": message }),
            )),
            Event::AccountChanged { account } | Event::AccountStateChanged { account, .. }
                if sees(account) =>
            {
                Some(sse_event("account", &json!({ "account": account })))
            }
            Event::OutboxChanged { account } if sees(account) => {
                Some(sse_event("outbox", &json!({ "account": account })))
            }
            // Records are shared: everybody may open them, and the id says nothing of mail.
            Event::PartyChanged { party } => Some(sse_event("party", &json!({ "party": party }))),
            Event::AccessChanged => Some(sse_event("access", &json!({}))),
            _ => None,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody is to guess them")]
fn sse_event(name: &str, data: &serde_json::Value) -> sse::Event {
    // Random ids: a sequence would tell how much happens in foreign accounts.
    sse::Event::default()
        .event(name)
        .id(uuid::Uuid::new_v4().to_string())
        .data(data.to_string())
}
