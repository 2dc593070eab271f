//! Which days of access are given, beside the clock of the test.

use std::time::Duration;

use domain::AdministratorId;
use domain::Right;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use service::Clock as _;
use service::ServiceError;
use service::grants::WantedGrant;
use store::Db;
use testkit::Postgres;

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn until(administrator: AdministratorId, start: Option<Date>, end: Date) -> WantedGrant {
    WantedGrant {
        administrator,
        level: Right::See,
        start,
        end: Some(end),
    }
}

async fn ends_in_the_past_are_refused(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let services = &world.services;
    let (alice, viewer) = world.administrator("alice").await;
    let (bob, _) = world.administrator("bob").await;
    let (carol, _) = world.administrator("carol").await;
    let account = services.create_account(alice, "Mail", "alice@isp.example").await;
    let account = account.expect("account");
    let now = jiff::Timestamp::from_millisecond(world.clock.now().millis()).expect("now");
    let today = now.to_zoned(TimeZone::UTC).date();
    let [yesterday, tomorrow] = [today.yesterday(), today.tomorrow()].map(|day| day.expect("day"));

    for (start, end, refused) in [
        (None, yesterday, true),
        (Some(yesterday), yesterday, true),
        (Some(tomorrow), today, true),
        (None, today, false),
        (Some(tomorrow), tomorrow, false),
    ] {
        let given = services
            .set_grants(viewer, account, &[until(bob, start, end)])
            .await;
        match given {
            Err(ServiceError::Invalid(errors)) => {
                assert!(refused && errors[0].field == "end", "{start:?} {end} {errors:?}");
            }
            given => assert!(given.is_ok() && !refused, "{start:?} {end} {given:?}"),
        }
    }

    // One that has ended meanwhile stays in the list, and does not hinder another.
    let ended = until(bob, Some(tomorrow), tomorrow);
    world.pass(3 * DAY);
    let lines = [ended, until(carol, None, tomorrow)];
    assert!(services.set_grants(viewer, account, &lines).await.is_err());
    let lines = [
        lines[0].clone(),
        WantedGrant {
            end: None,
            ..lines[1].clone()
        },
    ];
    services.set_grants(viewer, account, &lines).await.expect("given");
    assert_eq!(services.seal_of(viewer, account).await.expect("seal").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_in_the_past_are_refused_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db")).await;
    ends_in_the_past_are_refused(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_in_the_past_are_refused_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    ends_in_the_past_are_refused(Db::open_postgres(&postgres.url()).await.expect("database")).await;
}
