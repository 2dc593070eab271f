//! Mailboxes that sign in at a provider: a real authorization server, a real Dovecot that asks it, and mail both ways.

mod support;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::MailAccountId;
use domain::MessageId;
use domain::SignInProviderId;
use domain::account::AccountState;
use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use engine::EngineError;
use engine::EngineHandle;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;
use service::ServiceError;
use service::Services;
use service::access::Viewer;
use service::accounts::Card;
use service::accounts::MailAccount;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::mailbox_sign_in::ProviderForm;
use service::mailbox_sign_in::TokenState;
use service::outbox::SendForm;
use service::sign_in::Origin;
use support::World;
use testkit::Authority;
use testkit::Dovecot;
use testkit::Mta;
use testkit::authority::CLIENT_ID;
use testkit::authority::CLIENT_SECRET;
use testkit::authority::value_in;
use testkit::process::free_port;
use tokio_util::sync::CancellationToken;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

const REDIRECT: &str = "http://127.0.0.1:9/profile/signed-in";
const ALICE: &str = "alice@isp.example";
const LIFE_S: u32 = 3_600;

struct Desk {
    world: World,
    authority: Authority,
    dovecot: Dovecot,
    mta: Mta,
    alice: Viewer,
    provider: SignInProviderId,
}

/// Of this machine's mail servers, and of the one provider.
fn handle(services: &Services, authority: &Authority, owner: &str) -> EngineHandle {
    let egress = format!("127.0.0.0/8,127.0.0.1:{}", authority.port);
    let dialer = Dialer::new(Egress::parse(&egress, "").expect("egress"), Deadlines::default());
    EngineHandle::new(services.clone(), dialer, owner.into()).with_first_wait(Duration::from_millis(10))
}

fn form(authority: &Authority) -> ProviderForm {
    ProviderForm {
        id: None,
        kind: "other".into(),
        name: "ISP".into(),
        client_id: CLIENT_ID.into(),
        secret: Some(CLIENT_SECRET.to_owned().into()),
        tenant: String::new(),
        issuer: authority.issuer(),
        authorization_endpoint: String::new(),
        token_endpoint: String::new(),
        scopes: vec!["openid email".into()],
        servers: vec!["127.0.0.1".into()],
    }
}

async fn viewer(services: &Services) -> Viewer {
    let origin = Origin {
        address: "127.0.0.1",
        client: "test",
    };
    let password = SecretString::from("correct horse battery".to_owned());
    let token = services.sign_in("alice", password, None, origin).await;
    let token = token.expect("session");
    services.viewer_of(token.as_str()).await.expect("viewer")
}

impl Desk {
    async fn new() -> Self {
        Self::with_life(LIFE_S).await
    }

    async fn with_life(life_s: u32) -> Self {
        Self::on(World::new().await, life_s).await
    }

    async fn on(world: World, life_s: u32) -> Self {
        Self::by("xoauth2 oauthbearer", world, life_s).await
    }

    /// On a server that takes tokens by these mechanisms.
    async fn by(mechanisms: &'static str, mut world: World, life_s: u32) -> Self {
        let authority = Authority::start(REDIRECT, life_s).expect("authority");
        let relay = free_port().expect("port");
        let dovecot = Dovecot::start_with_tokens_by(mechanisms, &authority.introspection(), relay);
        let dovecot = dovecot.expect("dovecot");
        let mta = Mta::start_at(relay, &dovecot).expect("exim");
        world.handle = handle(&world.services, &authority, "test");
        let alice = viewer(&world.services).await;
        let saved = world.handle.save_sign_in_provider(alice, form(&authority)).await;
        Desk {
            provider: saved.expect("provider"),
            world,
            authority,
            dovecot,
            mta,
            alice,
        }
    }

    /// With servers, and nothing to sign in with.
    async fn account(&self, address: &str) -> MailAccountId {
        let services = &self.world.services;
        let created = services
            .create_account(self.alice.administrator, "Alice", address)
            .await;
        let id = created.expect("account");
        let imap = ImapSettings {
            security: Security::None,
            pinned_certificate: None,
            ..support::imap_over_tls(self.dovecot.imap_port, self.dovecot.certificate.fingerprint)
        };
        self.save(
            id,
            Card::Imap {
                settings: imap,
                password: None,
            },
        )
        .await;
        self.save(
            id,
            Card::Tracking {
                tracking: support::tracking_everything(),
                deny_list: String::new(),
            },
        )
        .await;
        id
    }

    async fn save(&self, id: MailAccountId, card: Card) {
        let saved = self.world.services.save_card(self.alice, id, card).await;
        saved.expect("card");
    }

    async fn begin(&self, id: MailAccountId) -> String {
        let begun = self
            .world
            .handle
            .begin_sign_in(self.alice, id, self.provider, REDIRECT)
            .await;
        begun.expect("begun")
    }

    /// What the page does with the address that the browser came back with.
    async fn finish(&self, returned: &str) -> Result<MailAccountId, ServiceError> {
        self.finish_as(self.alice, &state_of(returned), returned).await
    }

    async fn finish_as(
        &self,
        viewer: Viewer,
        state: &str,
        returned: &str,
    ) -> Result<MailAccountId, ServiceError> {
        let code = value_in(returned, "code").expect("code");
        let issuer = value_in(returned, "iss");
        let finished = self
            .world
            .handle
            .finish_sign_in(viewer, state, issuer.as_deref(), Ok(code.into()));
        finished.await
    }

    async fn sign_in(&self, id: MailAccountId, login: &str) {
        let returned = self.authority.sign_in(&self.begin(id).await, login);
        assert_eq!(self.finish(&returned).await.expect("signed in"), id);
    }

    async fn signed_in(&self) -> MailAccountId {
        let id = self.account(ALICE).await;
        self.sign_in(id, ALICE).await;
        id
    }

    fn deliver(&self, subject: &str) {
        let raw = format!("From: kelly@out.example\r\nTo: {ALICE}\r\nSubject: {subject}\r\n\r\nHi\r\n");
        self.mta
            .deliver("kelly@out.example", ALICE, raw.as_bytes())
            .expect("delivered");
    }

    async fn send_by_tokens(&self, id: MailAccountId) {
        let settings = SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port: self.dovecot.submission_port(),
            security: Security::None,
            auth: SmtpAuth::Xoauth2,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings,
            password: None,
        };
        self.save(id, card).await;
    }

    async fn stored(&self, id: MailAccountId) -> usize {
        self.world.exported(id).await.len()
    }

    async fn state(&self, id: MailAccountId) -> TokenState {
        self.world.services.token_state(id).await.expect("state")
    }

    /// Waits, by events.
    async fn until(&self, id: MailAccountId, state: AccountState) {
        let mut events = self.world.services.events.subscribe();
        loop {
            let account = self.world.services.get_own_account(self.alice, id).await;
            let status = account.expect("account").status;
            if status.state == state {
                return;
            }
            let waited = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
            waited.unwrap_or_else(|_| panic!("it stays so: {status:?}")).ok();
        }
    }
}

fn state_of(returned: &str) -> String {
    value_in(returned, "state").expect("state")
}

fn said(result: Result<MailAccountId, ServiceError>) -> String {
    match result {
        Err(ServiceError::Invalid(errors)) => errors[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mailbox_signs_in_and_mail_arrives() {
    let desk = Desk::new().await;
    let id = desk.account(ALICE).await;
    desk.deliver("By a token");
    let url = desk.begin(id).await;
    for (name, expected) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("code_challenge_method", "S256"),
        ("redirect_uri", REDIRECT),
        ("login_hint", ALICE),
    ] {
        assert_eq!(value_in(&url, name).as_deref(), Some(expected), "{url}");
    }
    let returned = desk.authority.sign_in(&url, ALICE);
    assert_eq!(value_in(&returned, "iss"), Some(desk.authority.issuer()));
    desk.finish(&returned).await.expect("signed in");
    let report = desk.world.sync(id).await.expect("synced");
    assert_eq!(report.stored, 1, "{report:?}\n{}", desk.dovecot.log());
    let view = desk
        .world
        .services
        .find_sign_in(desk.alice, id)
        .await
        .expect("view");
    assert_eq!(view.expect("signed in").signed_in_as.as_deref(), Some(ALICE));
}

#[tokio::test]
async fn a_state_is_good_once_and_for_whoever_began_it() {
    let desk = Desk::new().await;
    let id = desk.account(ALICE).await;
    let returned = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    let another_session = viewer(&desk.world.services).await;
    let foreign = desk
        .finish_as(another_session, &state_of(&returned), &returned)
        .await;
    assert!(said(foreign).contains("another session"));
    let made_up = desk.finish_as(desk.alice, "made-up", &returned).await;
    assert!(said(made_up).contains("another session"));
    assert_eq!(desk.state(id).await, TokenState::None);
    // Whoever tried has not used it up.
    desk.finish(&returned).await.expect("signed in");
    assert!(said(desk.finish(&returned).await).contains("used already"));

    let late = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    desk.world.pass(Duration::from_secs(16 * 60));
    assert!(said(desk.finish(&late).await).contains("took too long"));
}

#[tokio::test]
async fn a_code_is_good_for_the_sign_in_that_asked_for_it() {
    let desk = Desk::new().await;
    let id = desk.account(ALICE).await;
    let other = desk.account("bob@isp.example").await;
    let of_bob = desk
        .authority
        .sign_in(&desk.begin(other).await, "bob@isp.example");
    let of_alice = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    // The code of one beside the state of the other: its proof is another (RFC 7636).
    let mixed = desk.finish_as(desk.alice, &state_of(&of_alice), &of_bob).await;
    assert!(said(mixed).contains("over or was taken back"));
    assert_eq!(desk.state(id).await, TokenState::None);
    // A code that was used.
    let returned = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    desk.finish(&returned).await.expect("signed in");
    let next = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    let replayed = desk.finish_as(desk.alice, &state_of(&next), &returned).await;
    assert!(said(replayed).contains("over or was taken back"));
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_given_to_nobody() {
    let desk = Desk::new().await;
    let id = desk.account(ALICE).await;
    for issuer in [None, Some("https://evil.example")] {
        let returned = desk.authority.sign_in(&desk.begin(id).await, ALICE);
        let code = value_in(&returned, "code").expect("code");
        let finished = desk
            .world
            .handle
            .finish_sign_in(desk.alice, &state_of(&returned), issuer, Ok(code.into()))
            .await;
        assert!(said(finished).contains("another provider"), "{issuer:?}");
    }
    assert_eq!(desk.state(id).await, TokenState::None);
}

#[tokio::test]
async fn the_mailbox_of_somebody_else_is_not_taken_for_ones_own() {
    let desk = Desk::new().await;
    let id = desk.account(ALICE).await;
    let returned = desk
        .authority
        .sign_in(&desk.begin(id).await, "mallory@isp.example");
    let message = said(desk.finish(&returned).await);
    assert!(
        message.contains("mallory@isp.example") && message.contains(ALICE),
        "{message}"
    );
    assert_eq!(desk.state(id).await, TokenState::None);
}

#[tokio::test]
async fn however_many_ask_tokens_are_refreshed_once() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    // Two processes with eight connections each, at once.
    let handles = [
        handle(&desk.world.services, &desk.authority, "one"),
        handle(&desk.world.services, &desk.authority, "two"),
    ];
    let asking = (0..16).map(|number| {
        let handle = handles[number % 2].clone();
        async move { handle.keep_token_fresh(id).await }
    });
    for asked in futures_util::future::join_all(asking).await {
        asked.expect("fresh");
    }
    assert_eq!(desk.authority.refreshes(), 1);
    // The rotated one is what is stored: the next refresh is good, too.
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    desk.world.handle.keep_token_fresh(id).await.expect("fresh");
    assert_eq!(desk.authority.refreshes(), 2);
    assert_eq!(desk.state(id).await, TokenState::Fresh);
}

#[tokio::test]
async fn a_provider_that_is_busy_is_asked_again_later() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    desk.authority.be_busy(1);
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    let refused = desk.world.handle.keep_token_fresh(id).await;
    assert!(matches!(refused, Err(EngineError::TokenWaits(_))), "{refused:?}");
    let refused = desk.world.handle.keep_token_fresh(id).await;
    assert!(matches!(refused, Err(EngineError::TokenWaits(_))), "{refused:?}");
    assert_eq!(desk.authority.refreshes(), 0);
    desk.world.pass(Duration::from_secs(15));
    desk.world.handle.keep_token_fresh(id).await.expect("fresh");
    assert_eq!(desk.authority.refreshes(), 1);
}

#[tokio::test]
async fn what_was_taken_back_asks_its_owner_and_mail_goes_on_after() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    desk.send_by_tokens(id).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(engine::run(desk.world.handle.clone(), stop.clone()));
    desk.until(id, AccountState::Connected).await;
    let first = send(&desk, id, "First").await;
    assert_eq!(desk.settled(first).await, "sent", "{}", desk.dovecot.log());

    desk.authority.take_back(ALICE);
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    desk.until(id, AccountState::SignInAgain).await;
    assert!(matches!(desk.state(id).await, TokenState::Over { .. }));
    let services = &desk.world.services;
    services.look_for_alarms_of(id).await.expect("looked");
    let alarms = services.list_alarms(desk.alice).await.expect("alarms");
    let kinds: Vec<_> = alarms.iter().map(|alarm| alarm.alarm.as_str()).collect();
    assert_eq!(kinds, ["sign_in_again"]);
    let second = send(&desk, id, "Second").await;
    assert_eq!(desk.settled(second).await, "retrying");
    let before = desk.stored(id).await;

    desk.deliver("Meanwhile");
    desk.sign_in(id, ALICE).await;
    desk.until(id, AccountState::Connected).await;
    // What waited has gone by itself, and what came meanwhile is here.
    desk.until_delivery(second, "sent").await;
    services.look_for_alarms_of(id).await.expect("looked");
    assert!(services.list_alarms(desk.alice).await.expect("alarms").is_empty());
    stop.cancel();
    running.await.expect("ended");
    assert!(desk.stored(id).await > before);
}

async fn send(desk: &Desk, id: MailAccountId, subject: &str) -> MessageId {
    let to = WrittenAddress {
        name: String::new(),
        address: "kelly@out.example".into(),
    };
    let form = SendForm {
        form: DraftForm {
            account: id,
            thread: None,
            answers: None,
            recipients: Recipients {
                to: vec![to],
                cc: Vec::new(),
                bcc: Vec::new(),
            },
            subject: subject.into(),
            html: "<p>Hi</p>".into(),
        },
        draft: None,
        files: None,
        can_be_undone: false,
    };
    let queued = desk.world.services.send(desk.alice, form, None).await;
    queued.expect("queued").message
}

impl Desk {
    /// Once it is no longer on its way.
    async fn settled(&self, message: MessageId) -> &'static str {
        self.until_state(message, |state| !matches!(state, "queued" | "sending"))
            .await
    }

    async fn until_delivery(&self, message: MessageId, state: &str) {
        self.until_state(message, |now| now == state).await;
    }

    async fn until_state(&self, message: MessageId, is_so: impl Fn(&str) -> bool) -> &'static str {
        let services = &self.world.services;
        let mut events = services.events.subscribe();
        loop {
            let entry = services.get_delivery(self.alice, message).await.expect("entry").0;
            if is_so(entry.state.as_str()) {
                return entry.state.as_str();
            }
            let waited = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
            waited.unwrap_or_else(|_| panic!("it stays so: {entry:?}")).ok();
        }
    }
}

#[tokio::test]
async fn a_server_that_knows_the_standard_alone_is_given_tokens_both_ways() {
    let desk = Desk::by("oauthbearer", World::new().await, LIFE_S).await;
    let id = desk.signed_in().await;
    desk.deliver("By the standard");
    assert_eq!(desk.world.sync(id).await.expect("synced").stored, 1);
    desk.send_by_tokens(id).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(engine::run(desk.world.handle.clone(), stop.clone()));
    let sent = send(&desk, id, "By the standard, too").await;
    assert_eq!(desk.settled(sent).await, "sent", "{}", desk.dovecot.log());
    stop.cancel();
    running.await.expect("ended");
}

#[tokio::test]
async fn a_server_that_refuses_a_token_says_why_and_is_shown_it_no_more() {
    for mechanisms in ["xoauth2", "oauthbearer"] {
        let desk = Desk::by(mechanisms, World::new().await, LIFE_S).await;
        let id = desk.signed_in().await;
        // Good by our clock, and taken back.
        desk.authority.take_back(ALICE);
        let refused = desk.world.sync(id).await.expect_err("refused");
        assert!(refused.is_token_refused(), "{refused:?}");
        // Of its challenge, in base64, before the NO.
        let text = refused.for_owner();
        assert!(
            text.contains("\"status\":\"") && text.contains("Sign in again"),
            "{text}"
        );
        assert_eq!(desk.state(id).await, TokenState::Due { is_good: false });
        let over = desk.world.sync(id).await.expect_err("over");
        assert!(over.is_sign_in_over(), "{over:?}");
    }
}

#[tokio::test]
async fn another_server_in_the_card_asks_for_another_sign_in() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    let mut settings = desk
        .world
        .services
        .get_account_for_engine(id)
        .await
        .expect("account");
    let imap = settings.imap.as_mut().expect("imap");
    imap.port = desk.dovecot.imaps_port;
    let card = Card::Imap {
        settings: imap.clone(),
        password: None,
    };
    desk.save(id, card).await;
    let asked = desk.world.sync(id).await.expect_err("asked");
    assert!(asked.is_sign_in_over(), "{asked:?}");
}

#[tokio::test]
async fn a_password_ends_the_sign_in() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    let account = desk
        .world
        .services
        .get_account_for_engine(id)
        .await
        .expect("account");
    let card = Card::Imap {
        settings: account.imap.expect("imap"),
        password: Some(testkit::dovecot::PASSWORD.to_owned().into()),
    };
    desk.save(id, card).await;
    assert_eq!(desk.state(id).await, TokenState::None);
    desk.world.sync(id).await.expect("synced");
}

#[tokio::test]
async fn a_sealed_mailbox_is_opened_by_a_sign_in_that_its_server_takes() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    let services = &desk.world.services;
    let owner = desk.alice.administrator;
    services.reset_sign_in_by_operator(owner).await.expect("reset");
    let link = desk.alice;
    assert!(matches!(
        services.get_own_account(link, id).await,
        Err(ServiceError::Sealed)
    ));
    // A provider that vouches for her, whose tokens her server does not take.
    let false_one = Authority::start(REDIRECT, LIFE_S).expect("authority");
    let handle = {
        let egress = format!(
            "127.0.0.0/8,127.0.0.1:{},127.0.0.1:{}",
            desk.authority.port, false_one.port
        );
        let dialer = Dialer::new(Egress::parse(&egress, "").expect("egress"), Deadlines::default());
        EngineHandle::new(services.clone(), dialer, "test".into())
    };
    let provider = handle
        .save_sign_in_provider(link, form(&false_one))
        .await
        .expect("provider");
    let url = handle
        .begin_sign_in(link, id, provider, REDIRECT)
        .await
        .expect("begun");
    let returned = false_one.sign_in(&url, ALICE);
    let code = value_in(&returned, "code").expect("code");
    let issuer = value_in(&returned, "iss");
    let state = state_of(&returned);
    let finished = handle.finish_sign_in(link, &state, issuer.as_deref(), Ok(code.into()));
    assert!(said(finished.await).contains("refused"));
    assert!(matches!(
        services.get_own_account(link, id).await,
        Err(ServiceError::Sealed)
    ));
    // Her own.
    desk.sign_in(id, ALICE).await;
    services.get_own_account(link, id).await.expect("open");
}

#[tokio::test]
async fn no_token_code_or_secret_is_in_a_file_an_event_or_a_log_line() {
    let log = capture_log();
    let desk = Desk::new().await;
    let mut events = desk.world.services.events.subscribe();
    let id = desk.account(ALICE).await;
    let returned = desk.authority.sign_in(&desk.begin(id).await, ALICE);
    desk.finish(&returned).await.expect("signed in");
    let account = desk
        .world
        .services
        .get_account_for_engine(id)
        .await
        .expect("account");
    let mut secrets = vec![
        CLIENT_SECRET.to_owned(),
        value_in(&returned, "code").expect("code"),
        state_of(&returned),
    ];
    for _ in 0..2 {
        desk.world.sync(id).await.expect("synced");
        let login = desk
            .world
            .services
            .credentials_for_engine(&account)
            .await
            .expect("read")
            .expect("token");
        secrets.push(login.password.expose_secret().to_owned());
        desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
        desk.world.handle.keep_token_fresh(id).await.expect("fresh");
    }
    desk.authority.take_back(ALICE);
    desk.world.sync(id).await.expect_err("refused");
    let mut told = String::new();
    while let Ok(event) = events.try_recv() {
        told.push_str(&format!("{event:?}\n"));
    }
    let mut kept = vec![
        ("events", told.into_bytes()),
        ("log", log.0.lock().expect("log").clone()),
    ];
    kept.extend(
        files(desk.world.folder.path())
            .into_iter()
            .map(|bytes| ("file", bytes)),
    );
    assert!(
        kept.len() > 3
            && kept
                .iter()
                .all(|(_, bytes)| !secrets.iter().any(|secret| secret.is_empty() || bytes.is_empty()))
    );
    for (place, bytes) in kept {
        for secret in &secrets {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {place}");
        }
    }
}

/// With what is in them.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![std::fs::read(&path).expect("file")],
        })
        .filter(|bytes| !bytes.is_empty())
        .collect()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that this process logs from now on.
fn capture_log() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    log
}

#[tokio::test]
async fn a_token_goes_to_the_providers_servers_only() {
    let desk = Desk::new().await;
    let id = desk.signed_in().await;
    let services = &desk.world.services;
    let account = services.get_account_for_engine(id).await.expect("account");
    let login = services.credentials_for_engine(&account).await.expect("read");
    assert!(login.expect("a token").is_token);
    // The owner's card is changed: another server, another user, another port.
    let changes: [fn(&mut MailAccount); 3] = [
        |account| account.username = "mallory".into(),
        |account| account.imap.as_mut().expect("imap").server = "127.0.0.2".into(),
        |account| account.imap.as_mut().expect("imap").port = 143,
    ];
    for change in changes {
        let mut changed = account.clone();
        change(&mut changed);
        let login = services.credentials_for_engine(&changed).await.expect("read");
        assert!(login.is_none());
    }
    let smtp = |server: &str| SmtpSettings {
        enabled: true,
        server: server.into(),
        auth: SmtpAuth::Xoauth2,
        ..SmtpSettings::default()
    };
    for (server, has) in [
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("smtp.evil.example", false),
    ] {
        let found = services
            .smtp_credentials(&account, Some(smtp(server)), None)
            .await;
        let found = found.expect("read").expect("settings");
        assert_eq!(found.password.is_some(), has, "{server}");
    }
}

#[tokio::test]
async fn an_issuer_cannot_send_us_anywhere() {
    let desk = Desk::new().await;
    let services = &desk.world.services;
    let handle = &desk.world.handle;
    for issuer in [
        "http://127.0.0.1:1",
        "http://169.254.169.254",
        "https://169.254.169.254/latest",
        "https://127.0.0.1",
        "https://localhost",
        "https://10.0.0.1",
        "https://[::1]",
        "https://0x7f.1",
        "file:///etc/passwd",
        "http://isp.example",
    ] {
        let form = ProviderForm {
            issuer: issuer.into(),
            ..form(&desk.authority)
        };
        assert!(
            handle.save_sign_in_provider(desk.alice, form).await.is_err(),
            "{issuer}"
        );
    }
    for address in [
        "javascript:alert(1)",
        "http://isp.example/authorize",
        "//isp.example",
    ] {
        let form = ProviderForm {
            issuer: String::new(),
            authorization_endpoint: address.into(),
            token_endpoint: "https://isp.example/token".into(),
            ..form(&desk.authority)
        };
        assert!(
            handle.save_sign_in_provider(desk.alice, form).await.is_err(),
            "{address}"
        );
    }
    // Metadata of another issuer than the one that was asked (RFC 8414 section 3.3).
    let form = ProviderForm {
        issuer: format!("{}/", desk.authority.issuer()),
        ..form(&desk.authority)
    };
    assert!(handle.save_sign_in_provider(desk.alice, form).await.is_err());
    assert_eq!(services.list_sign_in_providers().await.expect("list").len(), 1);
}

#[tokio::test]
async fn a_client_secret_is_for_its_client() {
    let desk = Desk::new().await;
    let save = async |change: fn(&mut ProviderForm)| {
        let mut form = ProviderForm {
            id: Some(desk.provider),
            secret: None,
            ..form(&desk.authority)
        };
        change(&mut form);
        desk.world.handle.save_sign_in_provider(desk.alice, form).await
    };
    save(|form| form.scopes = vec!["openid".into()])
        .await
        .expect("saved");
    assert!(said_of(save(|form| form.client_id = "another".into()).await).contains("another client"));
    let elsewhere = save(|form| {
        form.issuer = String::new();
        form.authorization_endpoint = "https://evil.example/a".into();
        form.token_endpoint = "https://evil.example/t".into();
    });
    assert!(said_of(elsewhere.await).contains("another client"));
}

fn said_of<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    match result {
        Err(ServiceError::Invalid(errors)) => errors[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_is_the_same_on_postgresql() {
    let (_postgres, world) = World::on_postgresql().await;
    let desk = Desk::on(world, LIFE_S).await;
    let id = desk.signed_in().await;
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    let handle = Arc::new(desk.world.handle.clone());
    let both = futures_util::future::join(handle.keep_token_fresh(id), handle.keep_token_fresh(id));
    let (one, other) = both.await;
    one.expect("fresh");
    other.expect("fresh");
    assert_eq!(desk.authority.refreshes(), 1);
    desk.authority.take_back(ALICE);
    desk.world.pass(Duration::from_secs(u64::from(LIFE_S)));
    let over = desk.world.handle.keep_token_fresh(id).await;
    assert!(matches!(over, Err(EngineError::SignInAgain(_))), "{over:?}");
    desk.world
        .handle
        .disconnect(desk.alice, id)
        .await
        .expect("disconnected");
    assert_eq!(desk.state(id).await, TokenState::None);
}
