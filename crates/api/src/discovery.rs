//! Which servers an address has, for whoever sets an account up. Nothing is stored, and no password is asked for.

use axum::Json;
use axum::extract::State;
use domain::EmailAddress;
use domain::sign_in::known_provider;
use engine::discovery::Discovery;
use engine::discovery::Found;
use engine::discovery::Server;
use engine::discovery::Source;
use engine::discovery::Trust;
use serde::Deserialize;
use serde::Serialize;
use service::ServiceError;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiResult;
use crate::extract;
use crate::session::SignedIn;

#[derive(Deserialize, ToSchema)]
pub struct DiscoveryRequest {
    address: String,
}

#[derive(Serialize, ToSchema)]
pub struct DiscoveryView {
    /// Null: nothing, or nothing that this server may connect to.
    found: Option<FoundView>,
    /// Where the domain offers JMAP, which is not used.
    jmap: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundView {
    /// Of a known provider, or of the operator's own.
    name: Option<String>,
    imap: FoundServer,
    smtp: Option<FoundServer>,
    /// Null: the address.
    username: Option<String>,
    /// `operator`, `providers`, `srv`, `autoconfig`, `autodiscover`, `mx` or `guess`.
    source: String,
    /// `known`: the operator's own, or of a known provider. `domain`: told by the domain itself. `ask`: other servers, named
    /// by DNS alone; a person decides.
    trust: String,
    /// Who signs mailboxes in there: its kind, as of the buttons.
    sign_in: Option<String>,
    sign_in_name: Option<String>,
    app_password_url: Option<String>,
    /// The operator's own words.
    hint: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundServer {
    server: String,
    port: u16,
    /// `tls`, `starttls` or `none`.
    security: String,
}

/// All who may know are asked side by side; answers within three seconds.
#[utoipa::path(post, operation_id = "discover", path = "/discovery", request_body = DiscoveryRequest, responses((status = 200, body = DiscoveryView)))]
pub async fn discover(
    State(state): State<ApiState>,
    SignedIn(viewer): SignedIn,
    extract::Json(request): extract::Json<DiscoveryRequest>,
) -> ApiResult<Json<DiscoveryView>> {
    let address = EmailAddress::parse(&request.address);
    let address = address.map_err(|error| ServiceError::field("address", error.to_string()))?;
    state.limits.count_discovery(viewer.administrator)?;
    Ok(Json(state.engine.discover(&address).await.into()))
}

impl From<Discovery> for DiscoveryView {
    fn from(discovery: Discovery) -> Self {
        DiscoveryView {
            found: discovery.found.map(FoundView::from),
            jmap: discovery.jmap,
        }
    }
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        let provider = found.sign_in.as_deref().and_then(known_provider);
        FoundView {
            name: found.name,
            imap: found.imap.into(),
            smtp: found.smtp.map(FoundServer::from),
            username: found.username,
            source: source(found.source).into(),
            trust: trust(found.trust).into(),
            sign_in_name: provider.map(|provider| provider.name.clone()),
            sign_in: found.sign_in,
            app_password_url: found.app_password_url,
            hint: found.hint,
        }
    }
}

impl From<Server> for FoundServer {
    fn from(server: Server) -> Self {
        FoundServer {
            server: server.host,
            port: server.port,
            security: server.security.as_str().to_owned(),
        }
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Operator => "operator",
        Source::Providers => "providers",
        Source::Srv => "srv",
        Source::Autoconfig => "autoconfig",
        Source::Autodiscover => "autodiscover",
        Source::Mx => "mx",
        Source::Guess => "guess",
    }
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Known => "known",
        Trust::Domain => "domain",
        Trust::Ask => "ask",
    }
}
