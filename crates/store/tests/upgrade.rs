//! A schema is brought up to date once, with a copy of what was before, and never that of a newer version.

use std::path::Path;
use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqlitePool;
use store::Db;
use store::StoreError;
use testkit::Postgres;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
const FROM_A_LATER_ONE: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
     SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1";
const SCHEMA: &str = "SELECT max(version) FROM _sqlx_migrations";

async fn open(file: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    SqlitePool::connect_with(options).await.expect("database")
}

/// As a version before made it.
async fn bring_to(file: &Path, schema: i64) {
    let pool = open(file).await;
    MIGRATIONS.run_to(schema, &pool).await.expect("schema");
    pool.close().await;
}

async fn schema_of(file: &Path) -> i64 {
    let pool = open(file).await;
    let schema = sqlx::query_scalar(SCHEMA).fetch_one(&pool).await;
    pool.close().await;
    schema.expect("schema")
}

fn newest() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .expect("some")
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", file.display()))
}

async fn upgrade(file: &Path) {
    Db::open_sqlite(file).await.expect("upgraded").close().await;
}

#[tokio::test]
async fn what_was_there_before_an_upgrade_is_kept_once() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.db");
    let kept = beside(&file, ".before-upgrade");
    upgrade(&file).await;
    assert!(!kept.exists(), "a new database has no before");

    for before in [newest() - 3, newest() - 1] {
        std::fs::remove_file(&file).expect("removed");
        bring_to(&file, before).await;
        for _ in 0..2 {
            upgrade(&file).await;
            assert_eq!(schema_of(&file).await, newest());
            assert_eq!(schema_of(&kept).await, before, "the copy");
        }
    }
    assert!(!beside(&file, ".upgrading").exists());
}

#[tokio::test]
async fn an_upgrade_that_was_stopped_keeps_the_copy_from_before_it_began() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.db");
    bring_to(&file, newest() - 2).await;
    std::fs::copy(&file, beside(&file, ".upgrading")).expect("copied");
    bring_to(&file, newest() - 1).await;
    // Of a copy that was not finished either.
    std::fs::write(beside(&file, ".copying"), "half").expect("written");
    upgrade(&file).await;
    assert_eq!(schema_of(&beside(&file, ".before-upgrade")).await, newest() - 2);

    // A power cut while the copy was written.
    std::fs::remove_file(&file).expect("removed");
    bring_to(&file, newest() - 1).await;
    std::fs::write(beside(&file, ".copying"), "half").expect("written");
    upgrade(&file).await;
    assert_eq!(schema_of(&beside(&file, ".before-upgrade")).await, newest() - 1);
    assert!(!beside(&file, ".copying").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_start_at_once_upgrade_it_once() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.db");
    for before in [0, newest() - 5] {
        if before > 0 {
            std::fs::remove_file(&file).expect("removed");
            bring_to(&file, before).await;
        }
        let all: Vec<_> = (0..6)
            .map(|_| {
                let file = file.clone();
                tokio::spawn(async move { upgrade(&file).await })
            })
            .collect();
        for one in all {
            one.await.expect("upgraded");
        }
        assert_eq!(schema_of(&file).await, newest());
    }
    assert_eq!(schema_of(&beside(&file, ".before-upgrade")).await, newest() - 5);
}

fn assert_refused(opened: Result<Db, StoreError>) {
    let told = opened.expect_err("refused").to_string();
    assert!(
        told.contains("newer Waxseal") && told.contains("install"),
        "{told}"
    );
}

#[tokio::test]
async fn a_newer_database_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("waxseal.db");
    upgrade(&file).await;
    let pool = open(&file).await;
    sqlx::query(FROM_A_LATER_ONE).execute(&pool).await.expect("row");
    pool.close().await;
    assert_refused(Db::open_sqlite(&file).await);

    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres(&postgres.url()).await.expect("database");
    db.close().await;
    let pool = sqlx::PgPool::connect(&postgres.url()).await.expect("pool");
    sqlx::query(FROM_A_LATER_ONE).execute(&pool).await.expect("row");
    pool.close().await;
    assert_refused(Db::open_postgres(&postgres.url()).await);
}
