//! `waxseal serve`: everything in one process, until SIGTERM or Ctrl-C.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::ApiState;
use api::Reach;
use axum::Router;
use axum::routing::get;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use metrics_exporter_prometheus::Matcher;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;
use rustix::process::DumpableBehavior;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::set_dumpable_behavior;
use rustix::process::setrlimit;
use rustls::pki_types::pem::PemObject as _;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::configuration::Configuration;
use crate::connections;
use crate::connections::Limited;
use crate::error::CommandError;
use crate::watchdog;

/// How long open requests may take once the end has begun; event streams never end by themselves.
const DRAIN: Duration = Duration::from_secs(3);

/// A crash writes no memory down, and other processes of the same user may not read it: passwords are in it.
fn keep_memory_private() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, none);
    let kept = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(kept) {
        warn!(%error, "A crash of this process could write its memory to disk");
    }
}

pub async fn run(configuration: Configuration) -> Result<(), CommandError> {
    start_logging();
    keep_memory_private();
    let app = App::open_or_make(&configuration).await?;
    serve_metrics(&configuration).await;
    let shutdown = CancellationToken::new();
    watchdog::start(tokio::runtime::Handle::current().metrics(), shutdown.clone())?;
    let engine = tokio::spawn(engine::run(app.engine.clone(), shutdown.clone()));
    let router = api::router(ApiState {
        services: app.services.clone(),
        engine: app.engine.clone(),
        reach: Arc::new(reach(&configuration)),
        limits: Arc::default(),
    });

    let listener = std::net::TcpListener::bind(configuration.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let url = configuration.url(address);
    let handle = Handle::new();
    tokio::spawn(end_on_signal(handle.clone(), shutdown.clone()));
    println!("Waxseal listens on {url}");
    if let Some(link) = set_up_link(&app, &url).await? {
        println!("Make the first administrator (the link works once, for a day): {link}");
    }
    info!(%address, "Ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match tls(&configuration).await? {
        Some(tls) => {
            let server = axum_server::from_tcp_rustls(listener, tls)?;
            let server = server.map(|acceptor| acceptor.acceptor(Limited::default()));
            connections::bound(server).handle(handle).serve(service).await?
        }
        None => {
            let server = axum_server::from_tcp(listener)?.acceptor(Limited::default());
            connections::bound(server).handle(handle).serve(service).await?
        }
    }
    shutdown.cancel();
    if let Err(error) = engine.await {
        warn!(%error, "The engine ended early");
    }
    app.services.close().await;
    info!("Ended");
    Ok(())
}

/// `None`: there is an administrator already.
pub async fn set_up_link(app: &App, url: &str) -> Result<Option<String>, CommandError> {
    let token = app.services.create_setup_link().await?;
    Ok(token.map(|token| format!("{url}/setup#{token}")))
}

/// JSON lines on standard error; `RUST_LOG` chooses what.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn reach(configuration: &Configuration) -> Reach {
    Reach {
        public_url: configuration.public_url.clone(),
        trusted_proxies: configuration.trusted_proxy.clone(),
        tls: configuration.tls_cert.is_some(),
    }
}

async fn tls(configuration: &Configuration) -> Result<Option<RustlsConfig>, CommandError> {
    let (Some(certificate), Some(key)) = (&configuration.tls_cert, &configuration.tls_key) else {
        return Ok(None);
    };
    let wrong =
        |error: &dyn std::fmt::Display| CommandError::Usage(format!("--tls-cert and --tls-key: {error}"));
    let chain = rustls::pki_types::CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&error))?;
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(RustlsConfig::from_config(Arc::new(config))))
}

/// Stops taking work first, then lets go of what is open.
async fn end_on_signal(handle: Handle<SocketAddr>, shutdown: CancellationToken) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    info!("Ending");
    shutdown.cancel();
    handle.graceful_shutdown(Some(DRAIN));
}

/// A listener of its own, on loopback; no label names an account.
async fn serve_metrics(configuration: &Configuration) {
    let Some(address) = configuration.metrics_listen else {
        return;
    };
    let holds = Matcher::Full(watchdog::HOLDS.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(holds, watchdog::BUCKETS)
        .and_then(PrometheusBuilder::install_recorder);
    let (Ok(recorder), Ok(listener)) = (recorder, tokio::net::TcpListener::bind(address).await) else {
        warn!(%address, "Metrics are not served: the address is taken");
        return;
    };
    let app = Router::new().route("/metrics", get(move || render(recorder.clone())));
    tokio::spawn(async move { axum::serve(listener, app).await });
}

async fn render(recorder: PrometheusHandle) -> String {
    recorder.render()
}
