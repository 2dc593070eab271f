//! Random operations on one outbox from two workers and two people at once: no state goes back, nothing is sent that
//! somebody has, nothing that somebody has is taken back. The seed of a failure is printed; `SEED` runs it again.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use domain::Before;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::outbox::OutboxState;
use domain::outbox::RecipientState;
use domain::rules::delivery::Attempt;
use rand::Rng as _;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use service::ServiceError;
use service::access::Viewer;
use service::accounts::Card;
use service::delivery::AttemptReport;
use service::delivery::EndedAttempt;
use service::delivery::Outgoing;
use service::delivery::Sender;
use service::drafts::DraftForm;
use service::drafts::Recipients;
use service::drafts::WrittenAddress;
use service::outbox::Entry;
use service::outbox::SendForm;
use store::Db;
use testkit::Postgres;

use crate::world::World;

const STEPS: u32 = 400;
const RECIPIENTS: [&str; 2] = ["john@out.example", "kelly@out.example"];

type States = BTreeMap<MessageId, (OutboxState, Vec<(EmailAddress, RecipientState)>)>;

struct Desk {
    world: World,
    ann: Viewer,
    account: MailAccountId,
    random: StdRng,
    /// What each of the two workers believes to hold.
    held: [Vec<Outgoing>; 2],
    /// Whom a server has taken each message for, by its own ledger.
    taken: BTreeMap<MessageId, Vec<EmailAddress>>,
    before: States,
    /// Of these nobody knew at some time whether they went: a person may have sent them again.
    unknown: BTreeSet<MessageId>,
    steps: u32,
}

impl Desk {
    async fn new(db: Db, folder: &Path, seed: u64) -> Self {
        let world = World::new(db, folder).await;
        let (owner, ann) = world.administrator("ann").await;
        let account = world
            .services
            .create_account(owner, "Ann", "ann@isp.example")
            .await;
        let account = account.expect("account");
        let settings = SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port: 25,
            security: Security::None,
            auth: SmtpAuth::None,
            ..SmtpSettings::default()
        };
        let card = Card::Smtp {
            settings,
            password: None,
        };
        world.services.save_card(ann, account, card).await.expect("card");
        Desk {
            world,
            ann,
            account,
            random: StdRng::seed_from_u64(seed),
            held: Default::default(),
            taken: BTreeMap::new(),
            before: BTreeMap::new(),
            unknown: BTreeSet::new(),
            steps: 0,
        }
    }

    async fn send(&self) {
        let written = RECIPIENTS.map(|address| WrittenAddress {
            name: String::new(),
            address: address.to_owned(),
        });
        let form = DraftForm {
            account: self.account,
            thread: None,
            answers: None,
            recipients: Recipients {
                to: written.into(),
                ..Recipients::default()
            },
            subject: "Hello".into(),
            html: "<p>Hi</p>".into(),
        };
        let send = SendForm {
            form,
            draft: None,
            files: None,
            can_be_undone: true,
        };
        self.world
            .services
            .send(self.ann, send, None)
            .await
            .expect("queued");
    }

    fn some_message(&mut self) -> Option<MessageId> {
        let at = self.random.random_range(0..self.before.len().max(1));
        self.before.keys().nth(at).copied()
    }

    async fn step(&mut self) {
        let worker = self.random.random_range(0..2);
        let owner = ["one", "two"][worker];
        let services = self.world.services.clone();
        match self.random.random_range(0..12) {
            0 | 1 => self.send().await,
            2 | 3 => {
                let sender = Sender {
                    owner,
                    account: self.account,
                    settings: None,
                };
                let claimed = services.claim_outgoing(sender).await.expect("claimed");
                self.held[worker].extend(claimed);
            }
            4 | 5 => self.deliver(worker).await,
            6 => services.settle_outgoing().await.expect("settled"),
            7 => self
                .world
                .pass(Duration::from_secs(self.random.random_range(1..1_200))),
            8 => {
                if let Some(message) = self.some_message() {
                    let has_it = self.taken.contains_key(&message);
                    let back = services.take_back(self.ann, message).await;
                    assert!(!(has_it && back.is_ok()), "taken back, though somebody has it");
                    if back.is_ok() {
                        self.before.remove(&message);
                    }
                }
            }
            9 => {
                if let Some(message) = self.some_message() {
                    let _ = services.send_again(self.ann, message).await;
                }
            }
            10 => {
                if let Some(message) = self.some_message() {
                    let _ = services.it_went(self.ann, message).await;
                }
            }
            _ => {
                // It dies, or is stopped.
                self.held[worker].clear();
                match self.random.random_bool(0.5) {
                    true => services.release_outgoing(owner).await.expect("released"),
                    false => services.release_leases_of(owner).await.expect("released"),
                }
            }
        }
    }

    /// A worker goes on with something that it believes to hold.
    async fn deliver(&mut self, worker: usize) {
        if self.held[worker].is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.held[worker].len());
        let outgoing = self.held[worker].swap_remove(at);
        let services = self.world.services.clone();
        if self.random.random_bool(0.2) {
            let said = Some("later".to_owned());
            return self.ended(outgoing, Attempt::Later, said, Vec::new()).await;
        }
        match services.data_sent(&outgoing).await {
            Ok(()) => {}
            Err(ServiceError::LeaseLost) => return,
            Err(error) => panic!("{error}"),
        }
        // From here on the server decides. A person may have sent again what nobody knew of.
        let was_unknown = self.unknown.contains(&outgoing.message());
        let mut outcome = Vec::new();
        for address in outgoing.recipients() {
            let state = match self.random.random_range(0..3) {
                0 => RecipientState::Accepted,
                1 => RecipientState::Refused,
                _ => RecipientState::Waiting,
            };
            if state == RecipientState::Accepted {
                let taken = self.taken.entry(outgoing.message()).or_default();
                assert!(!taken.contains(address) || was_unknown, "{address} has it twice");
                taken.push(address.clone());
            }
            outcome.push((address.clone(), state, None));
        }
        let count = |wanted| outcome.iter().filter(|(_, state, _)| *state == wanted).count();
        let attempt = Attempt::Taken {
            later: count(RecipientState::Waiting),
            accepted: count(RecipientState::Accepted),
            is_full: false,
        };
        // The answer may never come, or late.
        match self.random.random_range(0..4) {
            0 => {}
            1 => {
                self.world.pass(Duration::from_secs(16 * 60));
                services.settle_outgoing().await.expect("settled");
                self.look().await;
                self.ended(outgoing, attempt, None, outcome).await;
            }
            _ => self.ended(outgoing, attempt, None, outcome).await,
        }
    }

    async fn ended(
        &mut self,
        outgoing: Outgoing,
        attempt: Attempt,
        said: Option<String>,
        recipients: Vec<(EmailAddress, RecipientState, Option<String>)>,
    ) {
        let ended = EndedAttempt {
            outgoing,
            report: AttemptReport {
                attempt,
                said,
                recipients,
            },
            jitter: 0.5,
        };
        let stored = self.world.services.attempt_ended(&ended, None).await;
        stored.expect("stored");
    }

    async fn listed(&self) -> Vec<(Entry, String)> {
        let (mut listed, mut before) = (Vec::new(), Some(Before::NEWEST));
        while let Some(place) = before {
            let page = self.world.services.list_outbox(self.ann, place).await;
            let page = page.expect("outbox");
            listed.extend(page.rows);
            before = page.older;
        }
        listed
    }

    /// What is there now may follow from what was there before.
    async fn look(&mut self) {
        let mut now = States::new();
        for (entry, _) in self.listed().await {
            let recipients = entry.recipients.into_iter();
            let recipients = recipients.map(|(address, state, _)| (address, state)).collect();
            now.insert(entry.message, (entry.state, recipients));
        }
        for (message, (state, recipients)) in &now {
            if *state == OutboxState::Unknown {
                self.unknown.insert(*message);
            }
            let Some((state_before, recipients_before)) = self.before.get(message) else {
                assert!(*state == OutboxState::Queued, "a new one is {state:?}");
                continue;
            };
            let may = state == state_before || state_before.may_become(*state);
            assert!(may, "{state_before:?} became {state:?} at step {}", self.steps);
            for ((address, before), (_, after)) in recipients_before.iter().zip(recipients) {
                let may = before == after || before.may_become(*after);
                assert!(
                    may,
                    "{address}: {before:?} became {after:?} at step {}",
                    self.steps
                );
            }
        }
        self.before = now;
    }
}

async fn states_do_not_go_back(db: Db, folder: &Path) {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| rand::rng().next_u64());
    println!("SEED={seed}");
    let mut desk = Desk::new(db, folder, seed).await;
    for step in 0..STEPS {
        desk.steps = step;
        desk.step().await;
        desk.look().await;
    }
    let sent = desk
        .before
        .values()
        .filter(|(state, _)| *state == OutboxState::Sent);
    println!("{} messages, {} sent", desk.before.len(), sent.count());
    assert!(desk.before.len() > 20, "too little has happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn states_do_not_go_back_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db")).await;
    states_do_not_go_back(db.expect("database"), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_do_not_go_back_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_postgres(&postgres.url()).await;
    states_do_not_go_back(db.expect("database"), folder.path()).await;
}
