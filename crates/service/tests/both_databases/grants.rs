//! Which days of access are given, beside the clock of the test; what rests after a reset; tries at a password.

use std::time::Duration;

use domain::AdministratorId;
use domain::Right;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use service::Clock as _;
use service::ServiceError;
use service::Services;
use service::access::Viewer;
use service::alarms::Alarm;
use service::grants::WantedGrant;
use service::sign_in::Origin;
use store::Db;
use testkit::Postgres;

use crate::world::PASSWORD;
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

async fn signed_in(services: Services, login: &str, password: String) -> Result<Viewer, ServiceError> {
    let origin = Origin {
        address: "127.0.0.1",
        client: "test",
    };
    let token = services.sign_in(login, password.into(), None, origin).await?;
    services.viewer_of(token.as_str()).await
}

async fn what_others_gave_rests_after_a_reset(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    let services = &world.services;
    let (alice, owner) = world.administrator("alice").await;
    let (bob, colleague) = world.administrator("bob").await;
    let (_, boss) = world.administrator("boss").await;
    let account = services.create_account(alice, "Mail", "alice@isp.example").await;
    let account = account.expect("account");
    let line = |level| WantedGrant {
        administrator: bob,
        level,
        start: None,
        end: None,
    };
    let alarms = || async {
        let found = services.list_alarms(owner).await.expect("alarms");
        found.iter().any(|view| view.alarm == Alarm::GrantRests)
    };
    services
        .set_grants(owner, account, &[line(Right::See)])
        .await
        .expect("given");
    assert!(services.seal_of(colleague, account).await.is_ok());
    assert!(!alarms().await);

    let link = services.reset_sign_in(boss, bob).await.expect("reset");
    assert!(alarms().await, "the owner is told");
    let early = services.confirm_grant(owner, account, bob).await;
    assert!(
        matches!(early, Err(ServiceError::Invalid(_))),
        "before a new password"
    );
    let chosen = "another horse battery";
    services
        .use_sign_in_link(&link, chosen.to_owned().into())
        .await
        .expect("chosen");
    let again = services.use_sign_in_link(&link, chosen.to_owned().into()).await;
    assert!(matches!(again, Err(ServiceError::NotFound)), "once");
    let whoever = signed_in(services.clone(), "bob", chosen.to_owned())
        .await
        .expect("signed in");
    let is_hidden = |seen| matches!(seen, Err(ServiceError::NotFound));
    assert!(is_hidden(services.seal_of(whoever, account).await));
    // Whatever else of it is changed.
    services
        .set_grants(owner, account, &[line(Right::Reply)])
        .await
        .expect("changed");
    assert!(is_hidden(services.seal_of(whoever, account).await));
    assert!(
        services.confirm_grant(whoever, account, bob).await.is_err(),
        "by the owner alone"
    );
    services
        .confirm_grant(owner, account, bob)
        .await
        .expect("confirmed");
    assert!(services.seal_of(whoever, account).await.is_ok());
    assert!(!alarms().await);
}

async fn guesses_at_once_are_as_many_as_one_by_one(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    world.administrator("alice").await;
    let guesses =
        (0..12).map(|guess| signed_in(world.services.clone(), "alice", format!("wrong horse {guess}")));
    let guesses: Vec<_> = guesses.map(tokio::spawn).collect();
    let mut looked_at = 0;
    for guess in guesses {
        let refused = guess.await.expect("guess").expect_err("wrong");
        looked_at += u32::from(!matches!(refused, ServiceError::Throttled { .. }));
    }
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    let right = signed_in(world.services.clone(), "alice", PASSWORD.to_owned()).await;
    assert!(
        matches!(right, Err(ServiceError::Throttled { .. })),
        "it has to wait too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_lets_grants_rest_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db")).await;
    what_others_gave_rests_after_a_reset(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("waxseal.db")).await;
    guesses_at_once_are_as_many_as_one_by_one(db.expect("database")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_lets_grants_rest_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres(&postgres.url()).await.expect("database");
    what_others_gave_rests_after_a_reset(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres(&postgres.url()).await.expect("database");
    guesses_at_once_are_as_many_as_one_by_one(db).await;
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
