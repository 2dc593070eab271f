//! How long a customer's page takes with 10,000 messages in five accounts, and whether foreign mail matters. For
//! `make bench`.

#![allow(clippy::disallowed_methods, reason = "it measures")]

#[path = "../tests/both_databases/world.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod world;

use std::time::Duration;
use std::time::Instant;

use domain::AdministratorId;
use domain::Before;
use domain::MailAccountId;
use domain::Right;
use domain::party::PartyKind;
use service::access::Viewer;
use service::conversations::ConversationQuery;
use service::grants::WantedGrant;
use service::inbox::Filter;
use service::inbox::Show;
use service::parties::PartyForm;
use store::Db;
use world::World;

const ACCOUNTS: usize = 5;
const MESSAGES: usize = 10_000;
const FOREIGN: usize = 50_000;
const BATCH: usize = 500;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    let world = World::new(db, folder.path()).await;
    let (alice_id, alice) = world.administrator("alice").await;
    for number in 0..ACCOUNTS {
        let (owner, viewer) = match number {
            0 => (alice_id, alice),
            _ => world.administrator(&format!("owner{number}")).await,
        };
        let account = account(&world, owner, number).await;
        if number > 0 {
            let see = WantedGrant {
                administrator: alice_id,
                level: Right::Manage,
                start: None,
                end: None,
            };
            world
                .services
                .set_grants(viewer, account, &[see])
                .await
                .expect("grant");
        }
        fill(&world, account, MESSAGES / ACCOUNTS, number).await;
    }
    report(&world, alice, 0).await;
    let (stranger, _) = world.administrator("stranger").await;
    let foreign = account(&world, stranger, 99).await;
    fill(&world, foreign, FOREIGN, 99).await;
    report(&world, alice, FOREIGN).await;
}

async fn account(world: &World, owner: AdministratorId, number: usize) -> MailAccountId {
    let address = format!("owner{number}@isp.example");
    let made = world.services.create_account(owner, "Mail", &address).await;
    made.expect("account")
}

/// All of one person, each in a thread of its own.
async fn fill(world: &World, account: MailAccountId, count: usize, part: usize) {
    let lease = world.services.take_lease(account, "bench").await;
    let lease = lease.expect("lease").expect("free");
    for first in (0..count).step_by(BATCH) {
        let raws: Vec<String> = (first..(first + BATCH).min(count))
            .map(|number| {
                format!(
                    "From: Kelly <kelly@out.example>\r\nTo: owner{part}@isp.example\r\nSubject: Number {number}\r\n\
                     Message-ID: <{part}.{number}@out.example>\r\n\r\nwords of {number}\r\n"
                )
            })
            .collect();
        let uid = u32::try_from(first + 1).expect("small");
        world.intake(&lease, uid, &raws).await.expect("intake");
        world.pass(Duration::from_secs(2 * BATCH as u64));
        world.services.renew_lease(&lease).await.expect("renewed");
    }
}

async fn report(world: &World, alice: Viewer, foreign: usize) {
    let services = &world.services;
    let form = PartyForm {
        kind: PartyKind::Customer,
        name: "Kelly".into(),
        number: String::new(),
        phone: String::new(),
        status: String::new(),
        external_id: None,
        notes: String::new(),
        addresses: Vec::new(),
    };
    let party = services.create_party(alice, form).await.expect("party");
    let message = world.list(alice, "", Filter::default()).await[0].message.id;
    let began = Instant::now();
    services
        .pair_author(alice, message, party, None)
        .await
        .expect("paired");
    let paired = began.elapsed();
    let query = ConversationQuery {
        kind: None,
        show: Show::All,
        text: String::new(),
        before: Before::NEWEST,
        limit: 50,
    };
    let began = Instant::now();
    let lines = services
        .list_conversation(alice, party, &query)
        .await
        .expect("lines")
        .len();
    println!(
        "pairing {} ms, first page of {lines} threads {} ms: {MESSAGES} messages in {ACCOUNTS} accounts, {foreign} foreign ones of the same address",
        paired.as_millis(),
        began.elapsed().as_millis()
    );
    services.delete_party(alice, party).await.expect("deleted");
}
