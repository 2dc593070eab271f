//! Old mail has a connection of its own while it is fetched: new mail does not wait for it, and nothing comes twice.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::AccountState;
use domain::account::ImapSettings;
use service::Event;
use support::World;
use support::imap_of;
use testkit::Dovecot;
use testkit::ModelServer;
use testkit::model_server::Cut;
use testkit::model_server::Tells;
use testkit::model_server::raw;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const USER: &str = "owner";
const LONG: Duration = Duration::from_secs(60);

struct Watched {
    world: World,
    account: MailAccountId,
    events: Receiver<Event>,
    stop: CancellationToken,
}

impl Watched {
    /// `serve` begins with it.
    async fn start(world: World, imap: ImapSettings) -> Self {
        let account = world.account(imap, USER, support::tracking_everything()).await;
        let events = world.services.events.subscribe();
        let stop = CancellationToken::new();
        // The shortest stretches: the two connections meet as often as they can.
        let handle = world.handle.clone().with_history_slice(Duration::ZERO);
        tokio::spawn(engine::run(handle, stop.clone()));
        Watched {
            world,
            account,
            events,
            stop,
        }
    }

    /// Until so many have arrived.
    async fn arrived(&mut self, messages: usize) {
        let mut arrived = 0;
        let waiting = async {
            while arrived < messages {
                if let Ok(Event::Arrived { messages, .. }) = self.events.recv().await {
                    arrived += messages.len();
                }
            }
        };
        let ended = timeout(LONG, waiting).await;
        assert!(ended.is_ok(), "{arrived} of {messages} arrived");
    }

    async fn connected(&mut self) {
        let account = self.account;
        let waiting = async {
            loop {
                let state = self.world.services.get_account_for_engine(account).await;
                if state.is_ok_and(|account| account.status.state == AccountState::Connected) {
                    return;
                }
                self.events.recv().await.ok();
            }
        };
        timeout(LONG, waiting).await.expect("connected");
    }

    async fn stored(&self) -> Vec<Vec<u8>> {
        self.world.exported(self.account).await
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn all(numbers: impl IntoIterator<Item = u32>) -> Vec<Vec<u8>> {
    let numbers: BTreeSet<_> = numbers.into_iter().collect();
    let mut raws: Vec<_> = numbers
        .into_iter()
        .map(|number| raw(number).into_bytes())
        .collect();
    raws.sort();
    raws
}

#[tokio::test(flavor = "multi_thread")]
async fn new_mail_arrives_while_old_mail_stands_still() {
    const OLD: u32 = 50;
    let server = ModelServer::start(Tells::Qresync).await.expect("server");
    server.with(USER, |mailbox| {
        let inbox = mailbox.get_mut("INBOX").expect("INBOX");
        (0..OLD).for_each(|number| inbox.append(number, true));
    });
    // The second connection stops in the middle of a message.
    server.spare(USER);
    server.cut_after(USER, 4_000, Cut::Silence);
    let world = World::new().await;
    let mut watched = Watched::start(world, support::imap_of_model(&server)).await;
    timeout(LONG, server.reached())
        .await
        .expect("old mail is on its way");
    for number in OLD..OLD + 3 {
        server.deliver(USER, "INBOX", number);
        // What was fetched of the old mail before may arrive now, too.
        while !watched.stored().await.contains(&raw(number).into_bytes()) {
            watched.arrived(1).await;
        }
    }
    assert!(
        watched.stored().await.len() < OLD as usize,
        "old mail still waits"
    );
}

/// In one mailbox the same bytes lie among the old mail, arrive anew, and are moved and renumbered meanwhile.
async fn both_ends_at_once(world: World) {
    const OLD: u32 = 3_000;
    const NEW: u32 = 300;
    let server = ModelServer::start(Tells::Qresync).await.expect("server");
    server.with(USER, |mailbox| {
        for (name, numbers) in [("INBOX", 0..OLD), ("Archive", OLD / 2..OLD + OLD / 2)] {
            let folder = mailbox.get_mut(name).expect("folder");
            numbers.for_each(|number| folder.append(number, true));
        }
    });
    let mut watched = Watched::start(world, support::imap_of_model(&server)).await;
    watched.arrived(1).await;
    for number in 0..NEW {
        // New ones, and old ones again.
        server.deliver(USER, "INBOX", 2 * OLD + number);
        server.deliver(USER, "INBOX", number * 7);
        if number % 100 == 50 {
            server.with(USER, |mailbox| {
                mailbox.get_mut("Archive").expect("folder").renumber()
            });
        }
        tokio::task::yield_now().await;
    }
    let expected = all((0..OLD + OLD / 2).chain(2 * OLD..2 * OLD + NEW));
    let complete = async {
        loop {
            watched.connected().await;
            let stored = watched.stored().await;
            if stored.len() >= expected.len() {
                return stored;
            }
            watched.world.handle.wake(watched.account);
            watched.events.recv().await.ok();
        }
    };
    let stored = timeout(LONG, complete).await.expect("all of it arrives");
    assert_eq!(stored.len(), expected.len());
    assert!(stored == expected, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_of_a_mailbox_are_read_at_once() {
    both_ends_at_once(World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_of_a_mailbox_are_read_at_once_on_postgresql() {
    let (_postgres, world) = World::on_postgresql().await;
    both_ends_at_once(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_allows_one_connection_gives_old_mail_too() {
    const OLD: u32 = 1_500;
    let dovecot = Dovecot::start_allowing(1).expect("dovecot");
    let maildir = dovecot.maildir(USER);
    for number in 0..OLD {
        maildir
            .put(None, raw(number).as_bytes(), true, Duration::from_secs(3_600))
            .expect("put");
    }
    let mut watched = Watched::start(World::new().await, imap_of(&dovecot)).await;
    watched.arrived(OLD as usize).await;
    watched.connected().await;
    maildir
        .put(None, raw(OLD).as_bytes(), false, Duration::ZERO)
        .expect("put");
    watched.arrived(1).await;
    assert!(watched.stored().await == all(0..=OLD), "each once");
    assert!(
        dovecot.log().contains("Maximum number of connections"),
        "the second one was refused"
    );
}
