//! All/Unread x history x mark as read against a real Dovecot: exactly these messages are taken in, and
//! exactly these flags stand on the server after.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod support;

use std::time::Duration;

use domain::MailAccountId;
use domain::account::MessagesToProcess;
use domain::account::Tracking;
use service::access::Viewer;
use service::accounts::Card;
use support::World;
use support::imap_of;
use testkit::Dovecot;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn mail(name: &str, from: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: owner@isp.example\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n{name}\r\n"
    )
    .into_bytes()
}

/// Before the first connection: (name, seen, age in days). After it: (name, seen).
const BEFORE: [(&str, bool, u32); 4] = [
    ("ancient", true, 400),
    ("old-read", true, 20),
    ("old-unread", false, 20),
    ("yesterday", false, 1),
];
const AFTER: [(&str, bool); 2] = [("new-read", true), ("new-unread", false)];

/// Who is expected: All/Unread, history.
fn expected(messages: MessagesToProcess, history: bool) -> Vec<&'static str> {
    let unread_only = messages == MessagesToProcess::Unread;
    let before = BEFORE
        .iter()
        .filter(|(_, seen, age)| history && *age <= 30 && !(unread_only && *seen));
    let after = AFTER.iter().filter(|(_, seen)| !(unread_only && *seen));
    let mut names: Vec<_> = before
        .map(|(name, ..)| *name)
        .chain(after.map(|(name, _)| *name))
        .chain(["sent-new"])
        .collect();
    if history {
        names.push("sent-old");
    }
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_takes_exactly_its_messages_and_sets_exactly_its_flags() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let since = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let since = since.checked_sub(jiff::Span::new().days(30)).expect("day");
    for messages in [MessagesToProcess::All, MessagesToProcess::Unread] {
        for history in [false, true] {
            for mark_as_read in [false, true] {
                let user = format!("{messages:?}-{history}-{mark_as_read}").to_lowercase();
                let maildir = dovecot.maildir(&user);
                for (name, seen, days) in BEFORE {
                    maildir
                        .put(None, &mail(name, "kelly@out.example"), seen, DAY * days)
                        .expect("put");
                }
                maildir
                    .put(
                        Some("Sent"),
                        &mail("sent-old", "owner@isp.example"),
                        true,
                        DAY * 5,
                    )
                    .expect("put");
                let tracking = Tracking {
                    enabled: true,
                    messages,
                    history_since: history.then_some(since),
                    history_paused: false,
                    mark_as_read,
                    flags_both_ways: false,
                };
                let id = world.account(imap_of(&dovecot), &user, tracking).await;
                world.sync(id).await.expect("first sync");
                for (name, seen) in AFTER {
                    maildir
                        .put(None, &mail(name, "kelly@out.example"), seen, Duration::ZERO)
                        .expect("put");
                }
                maildir
                    .put(
                        Some("Sent"),
                        &mail("sent-new", "owner@isp.example"),
                        true,
                        Duration::ZERO,
                    )
                    .expect("put");
                world.sync(id).await.expect("second sync");

                let mut found: Vec<_> = world.exported(id).await.iter().map(|raw| name_of(raw)).collect();
                found.sort();
                assert_eq!(found, expected(messages, history), "{user}");
                assert_eq!(
                    seen_on_server(&dovecot, &user),
                    expected_seen(&found, mark_as_read),
                    "{user}"
                );
                let third = world.sync(id).await.expect("third sync");
                assert_eq!(
                    (third.stored, third.duplicate),
                    (0, 0),
                    "{user}: a sync without news"
                );
            }
        }
    }
}

fn name_of(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    subject.unwrap_or_default().to_owned()
}

/// Read before, or taken in while "Mark as read" was on; Sent has been read all along.
fn expected_seen(found: &[String], mark_as_read: bool) -> Vec<String> {
    let inbox = BEFORE.iter().map(|(name, seen, _)| (*name, *seen)).chain(AFTER);
    let mut seen: Vec<_> = inbox
        .filter(|(name, seen)| *seen || (mark_as_read && found.iter().any(|found| found == name)))
        .map(|(name, _)| name.to_owned())
        .collect();
    seen.sort();
    seen
}

fn seen_on_server(dovecot: &Dovecot, user: &str) -> Vec<String> {
    let folder = dovecot.mail_folder().join(user);
    let mut seen = Vec::new();
    for part in ["cur", "new"] {
        for entry in std::fs::read_dir(folder.join(part)).expect("folder") {
            let entry = entry.expect("entry");
            let name = entry.file_name().into_string().expect("name");
            let has_seen = name
                .split_once(":2,")
                .is_some_and(|(_, flags)| flags.contains('S'));
            if has_seen {
                seen.push(name_of(&std::fs::read(entry.path()).expect("raw")));
            }
        }
    }
    seen.sort();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deny_list_keeps_mail_out_until_its_line_is_taken_away() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    let id = world
        .account_denying(imap_of(&dovecot), "owner", support::tracking(), "*.spam.example")
        .await;
    world.sync(id).await.expect("baseline");
    maildir
        .put(None, &mail("offer", "x@a.spam.example"), false, Duration::ZERO)
        .expect("put");
    maildir
        .put(None, &mail("letter", "kelly@out.example"), false, Duration::ZERO)
        .expect("put");
    let report = world.sync(id).await.expect("sync");
    assert_eq!((report.stored, report.skipped.get("denied")), (1, Some(&1)));
    assert_eq!(world.exported(id).await.len(), 1);

    // Nothing but denied mail: no body is asked for, and nothing is waited for.
    maildir
        .put(None, &mail("offer 2", "y@b.spam.example"), false, Duration::ZERO)
        .expect("put");
    assert_eq!(
        world.sync(id).await.expect("sync").skipped.get("denied"),
        Some(&1)
    );

    let card = Card::Tracking {
        tracking: support::tracking(),
        deny_list: String::new(),
    };
    world
        .services
        .save_card_for_owner(world.alice, id, card)
        .await
        .expect("card");
    assert_eq!(world.sync(id).await.expect("sync").stored, 2);
    assert_eq!(world.exported(id).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn off_and_on_again_is_a_new_baseline_and_the_gap_is_fetched_on_request() {
    let dovecot = Dovecot::start().expect("dovecot");
    let world = World::new().await;
    let maildir = dovecot.maildir("owner");
    let put = |name: &str, days: u32| {
        maildir
            .put(None, &mail(name, "kelly@out.example"), false, DAY * days)
            .expect("put");
    };
    let id = world
        .account(imap_of(&dovecot), "owner", support::tracking())
        .await;
    world.sync(id).await.expect("baseline");
    put("before", 0);
    assert_eq!(world.sync(id).await.expect("sync").stored, 1);

    save(
        &world,
        id,
        Tracking {
            enabled: false,
            ..support::tracking()
        },
    )
    .await;
    put("gap 1", 0);
    put("gap 2", 0);
    save(&world, id, support::tracking()).await;
    put("after the switch", 0);
    let report = world.sync(id).await.expect("sync");
    // The baseline is where the folder stands at the first connection, so this one belongs to the gap.
    assert_eq!((report.stored, left_out(&world, id).await), (0, 3));
    put("new", 0);
    assert_eq!(world.sync(id).await.expect("sync").stored, 1);

    assert_eq!(world.services.fetch_gap(alice(&world), id).await.expect("gap"), 3);
    assert_eq!(world.sync(id).await.expect("sync").stored, 3);
    assert_eq!(
        (world.exported(id).await.len(), left_out(&world, id).await),
        (5, 0)
    );

    // With a history, what it covers is wanted, whatever was off.
    save(
        &world,
        id,
        Tracking {
            enabled: false,
            ..support::tracking()
        },
    )
    .await;
    put("old in the gap", 60);
    put("new in the gap", 2);
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let since = day.checked_sub(jiff::Span::new().days(30)).expect("day");
    let tracking = Tracking {
        history_since: Some(since),
        ..support::tracking()
    };
    save(&world, id, tracking).await;
    assert_eq!(world.sync(id).await.expect("sync").stored, 1);
    assert_eq!(
        (world.exported(id).await.len(), left_out(&world, id).await),
        (6, 1)
    );
}

async fn save(world: &World, id: MailAccountId, tracking: Tracking) {
    let card = Card::Tracking {
        tracking,
        deny_list: String::new(),
    };
    let saved = world.services.save_card_for_owner(world.alice, id, card).await;
    saved.expect("card");
}

/// How many the owner is told arrived while processing was off.
async fn left_out(world: &World, id: MailAccountId) -> u64 {
    let status = world
        .services
        .account_status(alice(world), id)
        .await
        .expect("status");
    let gap = status.skipped.iter().filter(|one| one.reason == "while_off");
    gap.map(|one| one.count).sum()
}

fn alice(world: &World) -> Viewer {
    Viewer {
        administrator: world.alice,
        session: [0; 32],
    }
}
