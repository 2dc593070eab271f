//! After anything at all has happened in the mailbox, and the line or the process has died at any byte of a sync, the
//! store holds what the mailbox holds.
//!
//! `CUTS=1` takes every fourth byte, `STEPS=100000` that many steps, `SEED=7` one run again.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod support;

use std::collections::BTreeSet;

use domain::MailAccountId;
use domain::account::Tracking;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom as _;
use service::access::Viewer;
use service::inbox::Filter;
use service::inbox::InboxQuery;
use support::World;
use testkit::ModelServer;
use testkit::model_server::Cut;
use testkit::model_server::Mailbox;
use testkit::model_server::Tells;

const FOLDERS: [(&str, FolderRole); 3] = [
    ("INBOX", FolderRole::Inbox),
    ("Sent", FolderRole::Sent),
    ("Archive", FolderRole::Other),
];

/// A folder that nobody watches.
const ELSEWHERE: &str = "Elsewhere";

async fn account(world: &World, server: &ModelServer, user: &str) -> MailAccountId {
    let tracking = Tracking {
        flags_both_ways: true,
        ..support::tracking_everything()
    };
    world
        .account(support::imap_of_model(server), user, tracking)
        .await
}

fn viewer(world: &World) -> Viewer {
    Viewer {
        administrator: world.alice,
        session: [0; 32],
    }
}

/// Subjects of what is stored, sorted; of accounts there is but one at a time.
async fn subjects(world: &World, unread: Option<bool>) -> Vec<String> {
    let query = InboxQuery {
        filter: Filter {
            unread,
            ..Filter::default()
        },
        ..InboxQuery::newest(100)
    };
    let page = world
        .services
        .list_inbox(viewer(world), &query)
        .await
        .expect("page");
    let mut subjects: Vec<_> = page.messages.into_iter().map(|row| row.message.subject).collect();
    subjects.sort();
    subjects
}

/// What is stored: the messages by number, and the UIDs of each folder.
async fn stored(world: &World, id: MailAccountId, mailbox: &Mailbox) -> (Vec<String>, Vec<Vec<u32>>) {
    let services = &world.services;
    let messages = subjects(world, None).await;
    let mut uids = Vec::new();
    for (name, role) in FOLDERS {
        let folder = services
            .watch_folder(id, role, name.as_bytes())
            .await
            .expect("folder");
        let uid_validity = UidValidity(mailbox[name].uid_validity);
        let known = services
            .known_of_folder(folder.id, uid_validity)
            .await
            .expect("known");
        let mut known: Vec<_> = known.into_keys().map(|Uid(uid)| uid).collect();
        known.sort_unstable();
        uids.push(known);
    }
    (messages, uids)
}

fn expected(ever: &BTreeSet<u32>, mailbox: &Mailbox) -> (Vec<String>, Vec<Vec<u32>>) {
    let mut messages: Vec<_> = ever.iter().map(u32::to_string).collect();
    messages.sort();
    let uids = FOLDERS.map(|(name, _)| mailbox[name].messages.keys().copied().collect());
    (messages, uids.into())
}

/// Of the folders that are watched.
fn numbers(mailbox: &Mailbox) -> impl Iterator<Item = u32> {
    let folders = FOLDERS.iter().filter_map(|(name, _)| mailbox.get(*name));
    let messages = folders.flat_map(|folder| folder.messages.values());
    messages.map(|message| message.number)
}

fn begin(mailbox: &mut Mailbox) {
    for (folder, numbers) in [("INBOX", 1..=5), ("Sent", 10..=11), ("Archive", 20..=21)] {
        let folder = mailbox.get_mut(folder).expect("folder");
        numbers.for_each(|number| folder.append(number, number == 1));
    }
}

/// New, gone, read, moved, copied, and other numbers for the same mail.
fn change(mailbox: &mut Mailbox) {
    let inbox = mailbox.get_mut("INBOX").expect("INBOX");
    inbox.append(6, false);
    inbox.append(7, true);
    inbox.expunge(2);
    inbox.set_seen(3, true);
    let moved = inbox.expunge(4).expect("moved");
    inbox.append(5, false);
    let archive = mailbox.get_mut("Archive").expect("Archive");
    archive.append(moved.number, false);
    archive.renumber();
    mailbox.get_mut("Sent").expect("Sent").append(12, true);
}

/// While nobody looked, more has changed than a server tells in one breath.
#[tokio::test]
async fn thousands_of_changes_at_once_are_followed() {
    const MESSAGES: u32 = 3_000;
    for tells in [Tells::Qresync, Tells::Condstore] {
        let world = World::new().await;
        let server = ModelServer::start(tells).await.expect("server");
        let id = account(&world, &server, "owner").await;
        server.with("owner", |mailbox| {
            let inbox = mailbox.get_mut("INBOX").expect("INBOX");
            (1..=MESSAGES).for_each(|number| inbox.append(number, false));
        });
        world.sync(id).await.expect("first sync");
        server.with("owner", |mailbox| {
            let inbox = mailbox.get_mut("INBOX").expect("INBOX");
            (8..=MESSAGES).for_each(|uid| inbox.set_seen(uid, true));
            // Of these nobody can tell any more whether they were read.
            for uid in 101..=600 {
                inbox.expunge(uid);
            }
        });
        world.sync(id).await.expect("second sync");
        if tells == Tells::Condstore {
            // It tells of no removals: the daily comparison finds them.
            let account = world.services.get_account_for_engine(id).await.expect("account");
            world.handle.audit_once(&account).await.expect("audit");
        }
        let unread = world.services.count_unread(viewer(&world)).await.expect("count");
        assert_eq!(unread, 7 + 500, "{tells:?}");
        let mailbox = server.with("owner", |mailbox| mailbox.clone());
        let (_, uids) = stored(&world, id, &mailbox).await;
        let expected: Vec<_> = mailbox["INBOX"].messages.keys().copied().collect();
        assert!(
            uids[0] == expected,
            "{tells:?}: {} of {}",
            uids[0].len(),
            expected.len()
        );
    }
}

/// The scenario for one user: synced, changed, cut at this byte, synced to the end. Bytes of a sync that is not cut.
async fn point(world: &World, server: &ModelServer, user: &str, cut: Option<(usize, Cut)>) -> usize {
    let id = account(world, server, user).await;
    server.with(user, begin);
    world.sync(id).await.expect("first sync");
    let before = server.with(user, |mailbox| numbers(mailbox).collect::<BTreeSet<_>>());
    server.with(user, change);
    if let Some((bytes, how)) = cut {
        server.cut_after(user, bytes, how);
        let (handle, account) = (
            world.handle.clone(),
            world.services.get_account_for_engine(id).await.expect("account"),
        );
        let mut sync = tokio::spawn(async move { handle.sync_once(&account).await.is_ok() });
        tokio::select! {
            ended = &mut sync => assert!(how == Cut::Link || ended.expect("ended"), "{user} {bytes}"),
            () = server.reached() => {
                sync.abort();
                assert!(sync.await.is_err(), "it died");
                world.bury().await;
            }
        }
    }
    world
        .sync(id)
        .await
        .unwrap_or_else(|error| panic!("{user}: {error}"));
    let bytes = server.sent(user);
    let mailbox = server.with(user, |mailbox| mailbox.clone());
    let ever = before.into_iter().chain(numbers(&mailbox)).collect();
    assert_eq!(
        stored(world, id, &mailbox).await,
        expected(&ever, &mailbox),
        "{user} {cut:?}"
    );
    assert_eq!(
        subjects(world, Some(true)).await,
        ["2", "20", "21", "4", "5", "6"],
        "{user} {cut:?}"
    );
    world
        .services
        .erase_account(viewer(world), id)
        .await
        .expect("erased");
    bytes
}

async fn every_point(world: &World, tells: Tells) {
    let server = ModelServer::start(tells).await.expect("server");
    let whole = point(world, &server, "whole", None).await;
    let step = if std::env::var("CUTS").is_ok() { 4 } else { 53 };
    let first = rand::rng().random_range(1..=step);
    println!("from byte {first}");
    let mut points = 0;
    for bytes in (first..whole).step_by(step) {
        for how in [Cut::Link, Cut::Silence] {
            point(
                world,
                &server,
                &format!("{how:?}{bytes}").to_lowercase(),
                Some((bytes, how)),
            )
            .await;
            points += 1;
        }
    }
    println!("{points} points of {whole} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_dies_at_any_byte_ends_well() {
    every_point(&World::new().await, Tells::Qresync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_dies_at_any_byte_ends_well_on_postgresql() {
    let (_postgres, world) = World::on_postgresql().await;
    every_point(&world, Tells::Qresync).await;
}

/// Five changes of UIDVALIDITY in a row are followed; then its owner is told, until one stays.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_never_stay_are_not_followed_for_ever() {
    let server = ModelServer::start(Tells::Qresync).await.expect("server");
    let world = World::new().await;
    let id = account(&world, &server, "restless").await;
    server.with("restless", begin);
    world.sync(id).await.expect("first sync");
    let renumber = |mailbox: &mut Mailbox| mailbox.get_mut("INBOX").expect("INBOX").renumber();
    for round in 1..=7 {
        server.with("restless", renumber);
        assert_eq!(world.sync(id).await.is_ok(), round <= 5, "round {round}");
    }
    let account = world.services.get_account_for_engine(id).await.expect("account");
    let said = account.status.error.expect("told");
    assert!(said.contains("UIDVALIDITY"), "{said}");
    world.sync(id).await.expect("it stays");
    let mailbox = server.with("restless", |mailbox| mailbox.clone());
    let ever = numbers(&mailbox).collect();
    assert_eq!(stored(&world, id, &mailbox).await, expected(&ever, &mailbox));
    world.sync(id).await.expect("unchanged");
    server.with("restless", renumber);
    world.sync(id).await.expect("counted anew");
}

/// One thing that happens in a mailbox.
fn happen(mailbox: &mut Mailbox, random: &mut StdRng, next: &mut u32) {
    let names: Vec<_> = mailbox.keys().cloned().collect();
    let from = names[random.random_range(0..names.len())].clone();
    let to = names[random.random_range(0..names.len())].clone();
    let Some(folder) = mailbox.get_mut(&from) else {
        return;
    };
    let uid = folder.messages.keys().copied().choose(random);
    match (random.random_range(0..100), uid) {
        (0..40, _) | (_, None) => {
            folder.append(*next, random.random_bool(0.3));
            *next += 1;
        }
        (40..60, Some(uid)) => folder.set_seen(uid, random.random_bool(0.5)),
        (60..75, Some(uid)) => drop(folder.expunge(uid)),
        (75..99, Some(uid)) => {
            let is_move = random.random_bool(0.6);
            let taken = if is_move {
                folder.expunge(uid)
            } else {
                folder.messages.get(&uid).copied()
            };
            if let (Some(taken), Some(to)) = (taken, mailbox.get_mut(&to)) {
                to.append(taken.number, taken.seen);
            }
        }
        (_, Some(_)) if random.random_bool(0.5) => folder.renumber(),
        _ => rename(mailbox),
    }
}

/// Archive goes by another name, and what went by that name is Archive now.
fn rename(mailbox: &mut Mailbox) {
    let (archive, elsewhere) = (mailbox.remove("Archive"), mailbox.remove(ELSEWHERE));
    mailbox.extend(archive.map(|folder| (ELSEWHERE.to_owned(), folder)));
    mailbox.extend(elsewhere.map(|folder| ("Archive".to_owned(), folder)));
}

async fn walk(tells: Tells, steps: u32, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let server = ModelServer::start(tells).await.expect("server");
    let world = World::new().await;
    let mut next = 1;
    let (mut left, mut round) = (steps, 0);
    while left > 0 {
        // A mailbox of its own every 150 steps: a page shows all of it.
        let user = format!("round{round}");
        round += 1;
        let id = account(&world, &server, &user).await;
        let mut ever = BTreeSet::new();
        let mut of_round = left.min(150);
        left -= of_round;
        while of_round > 0 {
            let burst = random.random_range(1..=25).min(of_round);
            of_round -= burst;
            server.with(&user, |mailbox| {
                for _ in 0..burst {
                    happen(mailbox, &mut random, &mut next);
                }
            });
            if random.random_bool(0.4) {
                server.cut_after(&user, random.random_range(1..4_000), Cut::Link);
                // It may be over before.
                let _ = world.sync(id).await;
            }
            let told = |error| panic!("seed {seed}, {tells:?}, {user}: {error}");
            // Without QRESYNC nothing tells what has gone, but a look at everything.
            match tells {
                Tells::Qresync => drop(world.sync(id).await.unwrap_or_else(told)),
                _ => {
                    let account = world.services.get_account_for_engine(id).await.expect("account");
                    let audit = world.handle.audit_once(&account).await;
                    let audit =
                        audit.unwrap_or_else(|error| panic!("seed {seed}, {tells:?}, {user}: {error}"));
                    assert!(
                        audit.iter().all(|folder| folder.missing == 0),
                        "seed {seed}: {audit:?}"
                    );
                }
            }
            let mailbox = server.with(&user, |mailbox| mailbox.clone());
            ever.extend(numbers(&mailbox));
            let found = stored(&world, id, &mailbox).await;
            assert_eq!(found, expected(&ever, &mailbox), "seed {seed}, {tells:?}, {user}");
        }
        world
            .services
            .erase_account(viewer(&world), id)
            .await
            .expect("erased");
    }
    println!("{steps} steps, {tells:?}, seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_holds_what_the_mailbox_holds() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    let steps = u32::try_from(number("STEPS").unwrap_or(10_000)).expect("steps");
    let seed = number("SEED").unwrap_or_else(rand::random);
    println!("seed {seed}");
    for (tells, share) in [(Tells::Qresync, 2), (Tells::Condstore, 4), (Tells::Nothing, 4)] {
        walk(tells, steps / share, seed).await;
    }
}
