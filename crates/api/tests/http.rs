//! The web application from outside: set-up link, cookies, origins, field errors, and that foreign accounts
//! are the same as missing ones.

use std::sync::Arc;

use api::ApiState;
use api::Reach;
use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use engine::EngineHandle;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use store::BlobStore;
use store::Db;
use tempfile::TempDir;
use tower::ServiceExt as _;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

const HOST: &str = "localhost:8080";
const OURS: &str = "http://localhost:8080";

struct Site {
    router: Router,
    services: Services,
    _folder: TempDir,
}

struct Answer {
    status: StatusCode,
    cookie: Option<String>,
    body: String,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db"))
            .await
            .expect("database");
        let blobs = BlobStore::open_folder(folder.path()).expect("blobs");
        let services = Services::open(db, blobs, MasterKey::from_bytes(&[7; 32]), Arc::new(SystemClock))
            .await
            .expect("services");
        let dialer = Dialer::new(Egress::default(), Deadlines::default());
        let engine = EngineHandle::new(services.clone(), dialer, "test".into());
        let state = ApiState {
            services: services.clone(),
            engine,
            reach: Arc::new(Reach::default()),
            limits: Arc::default(),
        };
        Site {
            router: api::router(state),
            services,
            _folder: folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("response");
        let cookie = response
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|value| value.to_str().ok());
        Answer {
            status: response.status(),
            cookie: cookie.map(str::to_owned),
            body: String::from_utf8(
                to_bytes(response.into_body(), 1 << 20)
                    .await
                    .expect("body")
                    .to_vec(),
            )
            .expect("text"),
        }
    }

    async fn call(&self, method: &str, path: &str, session: &str, body: &str) -> Answer {
        self.call_from(OURS, method, path, session, body).await
    }

    async fn call_from(&self, origin: &str, method: &str, path: &str, session: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, HOST)
            .header(header::ORIGIN, origin)
            .header(header::COOKIE, session)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()));
        self.send(request.expect("request")).await
    }

    /// Signs an administrator in: the cookie to send.
    async fn session_of(&self, login: &str) -> String {
        let credentials = format!("{{\"login\":\"{login}\",\"password\":\"correct horse battery\"}}");
        let answer = self.call("POST", "/session", "", &credentials).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
        answer
            .cookie
            .expect("cookie")
            .split(';')
            .next()
            .expect("pair")
            .to_owned()
    }

    /// Another super-administrator does it, as in life.
    async fn make_super(&self, id: domain::AdministratorId) {
        let new = service::administrators::NewAdministrator {
            login: "boss".into(),
            name: "Boss".into(),
            password: "correct horse battery".to_owned().into(),
            is_super: true,
            time_zone: "UTC".into(),
        };
        self.services.create_administrator(new).await.expect("boss");
        let boss = self.session_of("boss").await;
        let path = format!("/staff/{id}");
        let answer = self
            .call("PUT", &path, &boss, "{\"is_super\":true,\"disabled\":false}")
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    }

    async fn administrator(&self, login: &str) {
        let new = service::administrators::NewAdministrator {
            login: login.into(),
            name: login.into(),
            password: "correct horse battery".to_owned().into(),
            is_super: false,
            time_zone: "UTC".into(),
        };
        self.services
            .create_administrator(new)
            .await
            .expect("administrator");
    }
}

#[tokio::test]
async fn the_setup_link_makes_one_administrator_and_is_gone() {
    let site = Site::new().await;
    let token = site
        .services
        .create_setup_link()
        .await
        .expect("link")
        .expect("needed");
    let request = |password: &str| {
        format!(
            "{{\"token\":\"{token}\",\"login\":\"alice\",\"name\":\"Alice\",\"password\":\"{password}\",\"time_zone\":\"UTC\"}}"
        )
    };
    let short = site.call("POST", "/setup", "", &request("short")).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("\"field\":\"password\""), "{}", short.body);
    let good = request("correct horse battery");
    assert_eq!(
        site.call("POST", "/setup", "", &good).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        site.call("POST", "/setup", "", &good).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(site.services.create_setup_link().await.expect("link"), None);
    site.session_of("alice").await;
}

#[tokio::test]
async fn a_session_is_a_host_cookie_and_ends_when_signed_out() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let body = "{\"login\":\"alice\",\"password\":\"correct horse battery\"}";
    let cookie = site
        .call("POST", "/session", "", body)
        .await
        .cookie
        .expect("cookie");
    for part in [
        "__Host-waxseal=",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = cookie.split(';').next().expect("pair").to_owned();
    assert_eq!(
        site.call("GET", "/session", &session, "").await.status,
        StatusCode::OK
    );
    assert_eq!(
        site.call("DELETE", "/session", &session, "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        site.call("GET", "/session", &session, "").await.status,
        StatusCode::UNAUTHORIZED
    );
    let wrong = "{\"login\":\"alice\",\"password\":\"wrong\"}";
    for _ in 0..5 {
        assert_eq!(
            site.call("POST", "/session", "", wrong).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(
        site.call("POST", "/session", "", body).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn nobody_signs_in_over_plain_http_from_elsewhere() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/session")
        .header(header::HOST, "desk.example")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(
            "{\"login\":\"alice\",\"password\":\"correct horse battery\"}",
        ));
    let answer = site.send(request.expect("request")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.body.contains("--public-url"),
        "it says what to do: {}",
        answer.body
    );
}

#[tokio::test]
async fn a_foreign_origin_changes_nothing() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    let body = "{\"name\":\"\",\"address\":\"alice@isp.example\"}";
    for origin in ["https://evil.example", "null", "https://localhost:8080"] {
        let answer = site.call_from(origin, "POST", "/accounts", &alice, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(site.call("GET", "/accounts", &alice, "").await.body, "[]");
    assert_eq!(
        site.call("POST", "/accounts", &alice, body).await.status,
        StatusCode::CREATED
    );
}

/// Every operation that may change something, from the router's own document: to the last one refused, whoever is
/// signed in, before anything is looked at.
#[tokio::test]
async fn every_operation_that_changes_something_refuses_a_foreign_origin() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    let document: serde_json::Value = serde_json::from_str(&api::openapi_json()).expect("JSON");
    let mut refused = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let path = path
            .trim_start_matches("/api/v1")
            .replace("{id}", &domain::MailAccountId::NIL.to_string());
        for method in operations.as_object().expect("operations").keys() {
            if method == "get" {
                continue;
            }
            for origin in ["https://evil.example", "null"] {
                let method = method.to_uppercase();
                let answer = site.call_from(origin, &method, &path, &alice, "{}").await;
                assert_eq!(
                    answer.status,
                    StatusCode::FORBIDDEN,
                    "{method} {path} from {origin}"
                );
            }
            refused += 1;
        }
    }
    assert!(refused > 60, "{refused} operations were tried");
    let ours = site.call("DELETE", "/session", &alice, "").await;
    assert_eq!(
        ours.status,
        StatusCode::NO_CONTENT,
        "the control: our own page may"
    );
}

/// Pages, files, answers and refusals of every kind.
#[tokio::test]
async fn readiness_and_the_page_say_which_version_runs() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(version.split('.').count(), 3, "semver: {version}");
    for (path, expected) in [
        ("/readyz", format!("ready {version}\n")),
        ("/api/v1/session", format!("\"version\":\"{version}\"")),
    ] {
        let request = Request::builder()
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, &alice)
            .body(Body::empty());
        let answer = site.send(request.expect("request")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(&expected), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_answer_goes_without_its_headers() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    for (method, path, body, status) in [
        ("GET", "/", String::new(), 200),
        ("GET", "/inbox", String::new(), 200),
        ("GET", "/healthz", String::new(), 200),
        ("GET", "/api/v1/accounts", String::new(), 200),
        ("GET", "/api/v1/nothing", String::new(), 404),
        ("GET", "/api/v1/frames/x", String::new(), 404),
        ("GET", "/api/v1/images/x", String::new(), 404),
        ("PATCH", "/api/v1/accounts", String::new(), 405),
        ("POST", "/api/v1/accounts", "not JSON".into(), 400),
        ("POST", "/api/v1/accounts", "x".repeat(2_000_000), 413),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, OURS)
            .header(header::COOKIE, &alice)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        let response = site
            .router
            .clone()
            .oneshot(request.expect("request"))
            .await
            .expect("response");
        assert_eq!(response.status(), status, "{method} {path}");
        for (name, value) in [
            ("content-security-policy", "frame-ancestors"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", ""),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=()"),
        ] {
            let held = response.headers().get(name).and_then(|value| value.to_str().ok());
            assert!(
                held.is_some_and(|held| held.contains(value)),
                "{method} {path}: {name}: {held:?}"
            );
        }
    }
}

#[tokio::test]
async fn connection_tests_are_limited_and_say_when_to_come_back() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    let body = "{\"name\":\"\",\"address\":\"alice@isp.example\"}";
    let made = site.call("POST", "/accounts", &alice, body).await;
    let id = made.body.split('"').nth(3).expect("id").to_owned();
    let test = format!("/accounts/{id}/test");
    // An address that may not be dialled costs a test as well: guessing is what the limit is for.
    let imap =
        "{\"server\":\"10.0.0.1\",\"port\":993,\"security\":\"tls\",\"username\":\"\",\"password\":\"x\"}";
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/api/v1{test}"))
            .header(header::HOST, HOST)
            .header(header::ORIGIN, OURS)
            .header(header::COOKIE, &alice)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(imap));
        let response = site
            .router
            .clone()
            .oneshot(request.expect("request"))
            .await
            .expect("response");
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(response.headers().contains_key(header::RETRY_AFTER));
        }
        statuses.push(response.status());
    }
    assert_eq!(statuses[..10], [StatusCode::OK; 10], "{statuses:?}");
    assert_eq!(statuses[10..], [StatusCode::TOO_MANY_REQUESTS; 2], "{statuses:?}");
}

#[tokio::test]
async fn foreign_accounts_are_the_same_as_missing_ones() {
    let site = Site::new().await;
    site.administrator("alice").await;
    site.administrator("mallory").await;
    let (alice, mallory) = (site.session_of("alice").await, site.session_of("mallory").await);
    let body = "{\"name\":\"\",\"address\":\"alice@isp.example\"}";
    site.call("POST", "/accounts", &alice, body).await;
    let owner = site
        .services
        .find_administrator_by_login("alice")
        .await
        .expect("alice")
        .expect("alice");
    let accounts = site.services.list_accounts_for_engine().await.expect("accounts");
    assert_eq!(accounts[0].owner, owner.id);
    let (foreign, missing) = (accounts[0].id.to_string(), "00000000-0000-7000-8000-000000000000");
    let imap = "{\"server\":\"imap.example.org\",\"port\":993,\"security\":\"tls\",\"username\":\"\",\"password\":\"x\"}";
    let tracking = "{\"enabled\":true,\"messages\":\"all\",\"mark_as_read\":false,\"deny_list\":\"\"}";
    let credentials = "{\"name\":\"\",\"address\":\"a@b.example\",\"aliases\":[],\"username\":\"\"}";
    let smtp = "{\"enabled\":false,\"server\":\"\",\"port\":587,\"security\":\"tls\",\"auth\":\"plain\",\"use_system\":false}";
    for (method, path, body) in [
        ("GET", "/accounts/{id}", ""),
        ("GET", "/accounts/{id}/status", ""),
        ("GET", "/accounts/{id}/grants", ""),
        ("GET", "/accounts/{id}/seal", ""),
        ("PUT", "/accounts/{id}/grants", "[]"),
        ("PUT", "/accounts/{id}/tracking", tracking),
        ("PUT", "/accounts/{id}/credentials", credentials),
        ("PUT", "/accounts/{id}/smtp", smtp),
        ("PUT", "/accounts/{id}/imap", imap),
        ("POST", "/accounts/{id}/test", imap),
        ("POST", "/accounts/{id}/sync", ""),
        ("POST", "/accounts/{id}/fetch-gap", ""),
    ] {
        let theirs = site
            .call(method, &path.replace("{id}", &foreign), &mallory, body)
            .await;
        let nobodys = site
            .call(method, &path.replace("{id}", missing), &mallory, body)
            .await;
        assert_eq!(
            theirs.status,
            StatusCode::NOT_FOUND,
            "{method} {path}: {}",
            theirs.body
        );
        assert_eq!(
            (theirs.status, theirs.body),
            (nobodys.status, nobodys.body),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn every_answer_bears_the_headers_that_keep_it_in_place() {
    let site = Site::new().await;
    let request = Request::builder()
        .uri("/api/v1/session")
        .header(header::HOST, HOST)
        .body(Body::empty());
    let response = site
        .router
        .clone()
        .oneshot(request.expect("request"))
        .await
        .expect("response");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-type", "application/problem+json"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_a_problem_like_any_other() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let alice = site.session_of("alice").await;
    for (method, path, body, status) in [
        ("POST", "/accounts", "{not json", StatusCode::BAD_REQUEST),
        (
            "POST",
            "/accounts",
            "{\"name\":1}",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("GET", "/parties", "", StatusCode::UNPROCESSABLE_ENTITY),
        ("GET", "/messages/no-id", "", StatusCode::NOT_FOUND),
        ("GET", "/nowhere", "", StatusCode::NOT_FOUND),
    ] {
        let answer = site.call(method, path, &alice, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.body.contains("\"title\":"),
            "{method} {path}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_program_keeps_records_up_to_date_by_its_token_and_reads_nothing_else() {
    let site = Site::new().await;
    site.administrator("alice").await;
    let owner = site
        .services
        .find_administrator_by_login("alice")
        .await
        .expect("alice")
        .expect("alice")
        .id;
    let alice = site.session_of("alice").await;
    let new = "{\"name\":\"CRM\",\"scope\":\"parties\",\"days\":30}";
    assert_eq!(
        site.call("POST", "/api-tokens", &alice, new).await.status,
        StatusCode::FORBIDDEN
    );
    let token = {
        site.make_super(owner).await;
        let answer = site.call("POST", "/api-tokens", &alice, new).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.body.split('"').nth(3).expect("token").to_owned()
    };
    let put = |addresses: &str| {
        format!(
            "{{\"kind\":\"customer\",\"name\":\"Kelly\",\"number\":\"7\",\"phone\":\"\",\"status\":\"Active\",\"external_id\":null,\"notes\":\"\",\"addresses\":[{addresses}]}}"
        )
    };
    let upsert = |token: String, body: String| {
        let site = &site;
        async move {
            let request = Request::builder()
                .method("PUT")
                .uri("/api/v1/crm/parties/crm-7")
                .header(header::HOST, HOST)
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body));
            site.send(request.expect("request")).await
        }
    };
    let body = put("\"kelly@out.example\"");
    assert_eq!(
        upsert("wxs_made-up".into(), body.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    let made = upsert(token.clone(), body.clone()).await;
    assert!(made.body.contains("\"changed\":true"), "{}", made.body);
    let again = upsert(token.clone(), body.clone()).await;
    assert!(again.body.contains("\"changed\":false"), "{}", again.body);

    // Somebody types another address: the next upsert replaces only what the CRM gave.
    let id = made.body.split('"').nth(3).expect("id").to_owned();
    let typed = put("\"kelly@out.example\",\"typed@out.example\"")
        .replace("\"external_id\":null", "\"external_id\":\"crm-7\"");
    assert_eq!(
        site.call("PUT", &format!("/parties/{id}"), &alice, &typed)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    upsert(token.clone(), put("\"new@out.example\"")).await;
    let record = site.call("GET", &format!("/parties/{id}"), &alice, "").await.body;
    assert!(
        record.contains("typed@out.example") && record.contains("new@out.example"),
        "{record}"
    );
    assert!(!record.contains("kelly@out.example"), "{record}");
    let found = site
        .call("GET", "/parties/by-external-id/crm-7", &alice, "")
        .await;
    assert!(found.body.contains(&id), "{}", found.body);

    // A token is no session.
    for path in ["/messages", "/parties", "/session", "/unread"] {
        let request = Request::builder()
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        assert_eq!(
            site.send(request.expect("request")).await.status,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    let listed = site.call("GET", "/api-tokens", &alice, "").await.body;
    assert!(!listed.contains(&token), "{listed}");
    let token_id = listed.split('"').nth(3).expect("id").to_owned();
    assert_eq!(
        site.call("DELETE", &format!("/api-tokens/{token_id}"), &alice, "")
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(upsert(token, body).await.status, StatusCode::UNAUTHORIZED);
}
