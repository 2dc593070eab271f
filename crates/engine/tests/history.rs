//! Old mail: in stretches, so that new mail does not wait for it; at rest when its owner says so, and resumed.

mod support;

use std::collections::HashSet;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::Tracking;
use domain::rules::history::HistoryRest;
use service::Event;
use service::access::Viewer;
use service::accounts::Card;
use support::World;
use support::imap_of;
use testkit::Dovecot;

/// More than one stretch of the shortest kind.
const OLD: usize = 1_200;

fn mail(name: &str) -> Vec<u8> {
    format!("From: {name}@out.example\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n")
        .into_bytes()
}

fn with_old_mail(count: usize) -> Dovecot {
    let dovecot = Dovecot::start().expect("dovecot");
    let maildir = dovecot.maildir("owner");
    for number in 0..count {
        let raw = mail(&format!("old-{number}"));
        maildir
            .put(None, &raw, true, Duration::from_secs(3_600))
            .expect("put");
    }
    dovecot
}

#[tokio::test(flavor = "multi_thread")]
async fn new_mail_does_not_wait_for_the_end_of_the_history() {
    let dovecot = with_old_mail(OLD);
    let world = World::new().await;
    let id = world
        .account(imap_of(&dovecot), "owner", support::tracking_everything())
        .await;
    let mut events = world.services.events.subscribe();
    let maildir = dovecot.maildir("owner");
    let arrivals = tokio::spawn(async move {
        let mut arrived = Vec::new();
        while let Ok(event) = events.recv().await {
            if let Event::Arrived { messages, .. } = event {
                if arrived.is_empty() {
                    maildir
                        .put(None, &mail("news"), false, Duration::ZERO)
                        .expect("put");
                }
                arrived.extend(messages);
            }
            if arrived.len() > OLD {
                break;
            }
        }
        arrived
    });
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let handle = world.handle.clone().with_history_slice(Duration::ZERO);
    let report = handle.sync_once(&account).await.expect("synced");
    assert_eq!(report.stored as usize, OLD + 1);
    let arrived = arrivals.await.expect("events");
    assert_eq!(arrived.iter().collect::<HashSet<_>>().len(), OLD + 1, "each once");
    let alice = viewer(&world);
    let newest = service::inbox::InboxQuery::newest(1);
    let page = world.services.list_inbox(alice, &newest).await.expect("page");
    let news = page.messages[0].message.clone();
    assert_eq!(news.subject, "news");
    let place = arrived
        .iter()
        .position(|message| *message == news.id)
        .expect("it came");
    assert!(place < OLD, "it came last of all");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_rests_while_its_owner_wants_it_and_goes_on_where_it_was() {
    let dovecot = with_old_mail(20);
    let world = World::new().await;
    let paused = Tracking {
        history_paused: true,
        ..support::tracking_everything()
    };
    let id = world.account(imap_of(&dovecot), "owner", paused.clone()).await;
    dovecot
        .maildir("owner")
        .put(None, &mail("first"), false, Duration::ZERO)
        .expect("put");
    assert_eq!(world.sync(id).await.expect("baseline").stored, 0);
    dovecot
        .maildir("owner")
        .put(None, &mail("news"), false, Duration::ZERO)
        .expect("put");
    assert_eq!(
        world.sync(id).await.expect("synced").stored,
        1,
        "new mail is fetched"
    );
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let day = "2020-01-01".parse().expect("day");
    let preview = world
        .handle
        .preview_history(&account, day)
        .await
        .expect("counted");
    // What `put` wrote: INBOX whole, and nothing in Sent.
    assert_eq!(preview.messages, 22);
    assert!((1_500..4_000).contains(&preview.bytes), "{preview:?}");
    let status = status(&world, id).await;
    assert_eq!(status, (true, Some(HistoryRest::Paused)));
    let tracking = Tracking {
        history_paused: false,
        ..paused
    };
    let card = Card::Tracking {
        tracking,
        deny_list: String::new(),
    };
    world
        .services
        .save_card_for_owner(world.alice, id, card)
        .await
        .expect("saved");
    assert_eq!(world.sync(id).await.expect("synced").stored, 21);
    assert_eq!(self::status(&world, id).await, (false, None));
}

async fn status(world: &World, id: MailAccountId) -> (bool, Option<HistoryRest>) {
    let status = world
        .services
        .account_status(viewer(world), id)
        .await
        .expect("status");
    (status.has_history, status.history_rest)
}

fn viewer(world: &World) -> Viewer {
    Viewer {
        administrator: world.alice,
        session: [0; 32],
    }
}
