//! The two ways to keep raw messages, measured: BLOBs in SQLite and segments. For docs/adr/0001.

#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::time::Instant;

use bytes::Bytes;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::sqlite::SqliteSynchronous;
use store::BlobStore;
use uuid::Uuid;

const MESSAGES: usize = 20_000;
const BATCH: usize = 256;
const BYTES: usize = 26_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir_in(".")?;
    let messages: Vec<Bytes> = (0..BATCH)
        .map(|number| Bytes::from(vec![(number % 251) as u8; BYTES]))
        .collect();

    let began = Instant::now();
    let blobs = BlobStore::open_folder(folder.path())?;
    for batch in 0..MESSAGES / BATCH {
        blobs
            .write_segment(Uuid::from_u128(batch as u128), messages.clone())
            .await?;
    }
    println!("| segments | {:.2} |", began.elapsed().as_secs_f64());

    let began = Instant::now();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("blobs.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    sqlx::query("CREATE TABLE raw (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
        .execute(&pool)
        .await?;
    for _ in 0..MESSAGES / BATCH {
        let mut tx = pool.begin().await?;
        for message in &messages {
            sqlx::query("INSERT INTO raw (bytes) VALUES ($1)")
                .bind(message.as_ref())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
    }
    pool.close().await;
    println!("| BLOBs in SQLite | {:.2} |", began.elapsed().as_secs_f64());
    Ok(())
}
