//! Words of foreign mail are nowhere: in no list, counter, search, event, error, header or log line of a viewer.

use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use crate::Outcome;
use crate::world::Template;
use crate::world::Viewer;
use crate::world::World;
use crate::world::canary;
use crate::world::deliver;

/// Who may see nothing of Alice's.
const OUTSIDERS: [Viewer; 9] = [
    Viewer::Anonymous,
    Viewer::Stranger,
    Viewer::Super,
    Viewer::NotYet,
    Viewer::Expired,
    Viewer::Revoked,
    Viewer::Rests,
    Viewer::DisabledOwner,
    Viewer::SealedOwner,
];

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut log) = self.0.lock() {
            log.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that this process logs from now on, down to debug.
pub fn capture_log() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    log
}

pub async fn run(template: &Template, log: &Log, outcome: &mut Outcome) {
    let began = Instant::now();
    let world = template.open().await;
    for viewer in OUTSIDERS {
        // The sealed owner must not even see the own mail.
        let whose = [
            Viewer::Owner,
            Viewer::Foreigner,
            Viewer::SealedOwner,
            Viewer::DisabledOwner,
        ];
        for owner in whose {
            look_everywhere(&world, viewer, owner, outcome).await;
        }
    }
    listen(&world, outcome).await;
    the_granted_one_sees_it(&world, outcome).await;
    let text = log
        .0
        .lock()
        .map(|log| String::from_utf8_lossy(&log).into_owned())
        .unwrap_or_default();
    for secret in [
        "kumquat",
        "correct horse battery",
        "@out.example",
        "__Host-waxseal=",
    ] {
        outcome.case(
            || format!("log: {secret}"),
            text.contains(secret).then(|| line_with(&text, secret)),
        );
    }
    println!(
        "canary: {:.1} s, {} KB of log read",
        began.elapsed().as_secs_f64(),
        text.len() / 1000
    );
}

fn line_with(text: &str, secret: &str) -> String {
    let line = text
        .lines()
        .find(|line| line.contains(secret))
        .unwrap_or_default();
    line.chars().take(300).collect()
}

async fn look_everywhere(world: &World, viewer: Viewer, owner: Viewer, outcome: &mut Outcome) {
    let word = canary(owner);
    let (account, message) = (world.people[&owner].account, world.people[&owner].message);
    let id = world.people[&owner].id;
    let paths = [
        "/messages".to_owned(),
        format!("/messages?text={word}"),
        format!("/messages?text={word}&show=all"),
        format!("/messages?show={id}"),
        format!("/messages?show={id}&deleted=true"),
        format!("/messages?before={}", i64::MAX),
        "/messages?after=0".to_owned(),
        "/messages?unread=true".to_owned(),
        "/unread".to_owned(),
        "/owners".to_owned(),
        "/accounts".to_owned(),
        "/audit".to_owned(),
        format!("/accounts/{account}/status"),
        format!("/parties/{}/conversation", world.party),
        format!("/messages/{message}"),
        format!("/messages/{message}/eml"),
        format!("/messages/{message}/source"),
    ];
    for path in paths {
        let answer = world.send(viewer, "GET", &path, "").await;
        // Everybody who can open a customer sees its addresses; not that there is mail with them.
        let text = format!("{:?} {}", answer.headers, answer.body);
        // What was typed comes back in no answer either, so the word can only be the mail's.
        let seen = text.contains(&word) || text.contains(&message.to_string());
        outcome.case(
            || format!("canary: {path} as {viewer:?} of {owner:?}"),
            seen.then(|| text.clone()),
        );
        let counts_nothing = path != "/unread"
            || !answer.status.is_success()
            || answer.body.contains("\"unread\":1")
            || answer.body.contains("\"unread\":0");
        outcome.case(
            || format!("canary: unread as {viewer:?}"),
            (!counts_nothing).then(|| answer.body.clone()),
        );
    }
}

/// New mail of Alice's: nobody outside hears of it, not even that there is some.
async fn listen(world: &World, outcome: &mut Outcome) {
    for viewer in [
        Viewer::Stranger,
        Viewer::Super,
        Viewer::Revoked,
        Viewer::Expired,
        Viewer::Rests,
        Viewer::SealedOwner,
    ] {
        let uid = 100 + viewer as u32;
        let heard = world
            .events(viewer, Duration::from_millis(100), async {
                deliver(&world.services, &world.people[&Viewer::Owner], Viewer::Owner, uid).await;
            })
            .await;
        let problem = (!heard.is_empty()).then(|| heard.clone());
        outcome.case(|| format!("canary: events as {viewer:?}"), problem);
    }
    let heard = world
        .events(Viewer::See, Duration::from_millis(500), async {
            deliver(&world.services, &world.people[&Viewer::Owner], Viewer::Owner, 200).await;
        })
        .await;
    let problem = (!heard.contains("arrived") || heard.contains("kumquat")).then(|| heard.clone());
    outcome.case(|| "canary: the granted one hears ids only".into(), problem);
}

/// The positive control: the same looks find the words where they may be seen.
async fn the_granted_one_sees_it(world: &World, outcome: &mut Outcome) {
    let word = canary(Viewer::Owner);
    for viewer in [Viewer::Owner, Viewer::See, Viewer::Reply, Viewer::Manage] {
        let answer = world
            .send(viewer, "GET", &format!("/messages?text={word}&show=all"), "")
            .await;
        let problem = (!answer.body.contains(&format!("About {word}"))).then(|| answer.body.clone());
        outcome.case(|| format!("canary control: {viewer:?}"), problem);
        let conversation = format!("/parties/{}/conversation", world.party);
        let answer = world.send(viewer, "GET", &conversation, "").await;
        let problem = (!answer.body.contains(&format!("About {word}"))).then(|| answer.body.clone());
        outcome.case(|| format!("canary control: conversation as {viewer:?}"), problem);
    }
}
