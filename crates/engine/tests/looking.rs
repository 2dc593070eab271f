//! A connection that has gone silent, and folders that nobody announces: what the server counts is asked for.

mod support;

use std::time::Duration;

use domain::MailAccountId;
use service::Event;
use support::World;
use testkit::ModelServer;
use testkit::model_server::Tells;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const OFTEN: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);
const USER: &str = "owner";

struct Watched {
    world: World,
    account: MailAccountId,
    server: ModelServer,
    events: Receiver<Event>,
    stop: CancellationToken,
}

impl Watched {
    /// Up to date, and waiting.
    async fn start(tells: Tells) -> Self {
        let server = ModelServer::start(tells).await.expect("server");
        let world = World::new().await;
        let imap = support::imap_of_model(&server);
        let account = world.account(imap, USER, support::tracking()).await;
        let events = world.services.events.subscribe();
        let stop = CancellationToken::new();
        let handle = world.handle.clone().with_look(OFTEN);
        tokio::spawn(engine::run(handle, stop.clone()));
        let watched = Watched {
            world,
            account,
            server,
            events,
            stop,
        };
        watched
            .until(|watched| watched.server.asked(USER, "STATUS") > 0)
            .await;
        watched
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, waiting).await.expect("in time");
    }

    async fn arrived(&mut self) {
        let waiting = async {
            loop {
                if let Ok(Event::Arrived { account, .. }) = self.events.recv().await
                    && account == self.account
                {
                    return;
                }
            }
        };
        timeout(LONG, waiting).await.expect("it arrives");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_idle_tells_is_found_by_looking() {
    for tells in [Tells::Qresync, Tells::Condstore, Tells::Nothing, Tells::Little] {
        let mut watched = Watched::start(tells).await;
        for (folder, number) in [("INBOX", 1), ("Sent", 2), ("Archive", 3), ("INBOX", 4)] {
            // Nobody is told of it.
            watched.server.with(USER, |mailbox| {
                mailbox.get_mut(folder).expect("folder").append(number, false);
            });
            watched.arrived().await;
        }
        assert_eq!(
            watched.world.exported(watched.account).await.len(),
            4,
            "{tells:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_has_changed_no_folder_is_opened() {
    for tells in [Tells::Qresync, Tells::Condstore, Tells::Nothing] {
        let watched = Watched::start(tells).await;
        let opened =
            |watched: &Watched| watched.server.asked(USER, "EXAMINE") + watched.server.asked(USER, "SELECT");
        let before = opened(&watched);
        let looks = watched.server.asked(USER, "STATUS");
        // Three folders, ten times.
        watched
            .until(|watched| watched.server.asked(USER, "STATUS") >= looks + 30)
            .await;
        assert_eq!(opened(&watched), before, "{tells:?}");
    }
}
