//! The pages that the browser opens, and the server that stands in for every other host.

use std::sync::Arc;
use std::sync::Mutex;

use api::FRAME_POLICY;
use api::PAGE_POLICY;
use axum::Router;
use axum::extract::Path;
use axum::extract::State;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::get;

pub struct Pages {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    documents: Vec<Vec<String>>,
    /// Paths that are no page's: a relative address leads back here.
    reached: Mutex<Vec<String>>,
}

/// The frame as the page has it.
const SANDBOX: &str = "allow-popups allow-popups-to-escape-sandbox";

impl Pages {
    pub async fn start(documents: Vec<Vec<String>>) -> Self {
        let shared = Arc::new(Shared {
            documents,
            reached: Mutex::default(),
        });
        let router = Router::new()
            .route("/page/{layer}/{from}/{until}", get(page))
            .route("/document/{layer}/{case}", get(document))
            .fallback(stray)
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listener");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Pages { address, shared }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn count(&self) -> usize {
        self.shared.documents.len()
    }

    pub fn reached(&self) -> Vec<String> {
        self.shared.reached.lock().expect("lock").clone()
    }
}

/// As many frames as the browser asks for, each with one document.
async fn page(Path((layer, from, until)): Path<(String, usize, usize)>) -> Response {
    let is_framed = matches!(layer.as_str(), "product" | "frame" | "quiet");
    let sandbox = if is_framed {
        format!(" sandbox=\"{SANDBOX}\"")
    } else {
        String::new()
    };
    let frames = (from..until).map(|case| {
        format!("<iframe{sandbox} name=\"case-{case}\" width=700 height=300 src=\"/document/{layer}/{case}\"></iframe>")
    });
    let page = format!("<!doctype html><title>host</title>{}", frames.collect::<String>());
    match is_framed {
        true => ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(page)).into_response(),
        false => Html(page).into_response(),
    }
}

async fn document(State(shared): State<Arc<Shared>>, Path((layer, case)): Path<(String, usize)>) -> Response {
    let documents = &shared.documents[case];
    let sanitised = || {
        let frame = mime::sanitise(documents, &mime::ImageSources::default());
        frame.map(|frame| frame.html).unwrap_or_default()
    };
    let policy = [(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)];
    match layer.as_str() {
        "product" => (policy, Html(api::frame_page(&sanitised()))).into_response(),
        "frame" => (policy, Html(documents.concat())).into_response(),
        "sanitiser" => Html(sanitised()).into_response(),
        // As it came, but for what it would load or run: its text is measured.
        "quiet" => (policy, Html(documents.join("<hr>"))).into_response(),
        _ => Html(documents.concat()).into_response(),
    }
}

async fn stray(State(shared): State<Arc<Shared>>, uri: axum::http::Uri) {
    if uri.path() != "/favicon.ico" {
        shared.reached.lock().expect("lock").push(uri.to_string());
    }
}
