//! A copy of the database as it is at one moment, and what it takes to prove and to use it.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqlitePoolOptions;

use crate::Conn;
use crate::Db;
use crate::StoreError;
use crate::Tx;
use crate::blob::BlobRange;
use crate::db::Statement;
use crate::messages::blob_range;
use crate::sessions::Hash;
use crate::value::Row;

impl Db {
    /// While others write. The file must not exist. `None`: PostgreSQL, whose own tools do this.
    pub async fn snapshot_to(&self, file: &Path) -> Result<Option<()>, StoreError> {
        let Db::Sqlite { readers, .. } = self else {
            return Ok(None);
        };
        sqlx::query("VACUUM INTO ?")
            .bind(file.display().to_string())
            .execute(readers)
            .await?;
        Ok(Some(()))
    }

    /// A snapshot, to be read only: no file appears beside it.
    pub async fn open_snapshot(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .immutable(true)
            .read_only(true);
        let readers = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        Ok(Db::Sqlite {
            writer: readers.clone(),
            readers,
        })
    }
}

/// What SQLite finds wrong with its file; PostgreSQL checks its pages by itself.
pub async fn damage(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    if conn.dialect() == crate::db::Dialect::Postgres {
        return Ok(None);
    }
    let rows = conn
        .fetch_all(Statement::new("PRAGMA integrity_check(1)"))
        .await?;
    let said = rows.first().map(|row| row.text("integrity_check")).transpose()?;
    Ok(said.filter(|said| said != "ok"))
}

/// Bytes that a row names, and the hash that they must have (a file of a draft has none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBytes {
    pub range: BlobRange,
    pub sha256: Option<Hash>,
}

const MESSAGES: &str = "
    SELECT segment, start_byte, length_bytes, sha256 FROM raws
     ORDER BY segment, start_byte";
const FILES: &str = "SELECT segment, start_byte, length_bytes FROM draft_files ORDER BY segment, start_byte";

/// Of all accounts, by segment.
pub async fn list_bytes_for_engine(conn: &mut Conn) -> Result<Vec<StoredBytes>, StoreError> {
    let stored = |row: &Row, sha256| -> Result<_, StoreError> {
        let range = blob_range(row)?;
        Ok(StoredBytes { range, sha256 })
    };
    let mut list = Vec::new();
    for row in conn.fetch_all(Statement::new(MESSAGES)).await? {
        let hash = Hash::try_from(row.blob("sha256")?).map_err(|_| StoreError::Unexpected("hash"))?;
        list.push(stored(&row, Some(hash))?);
    }
    for row in conn.fetch_all(Statement::new(FILES)).await? {
        list.push(stored(&row, None)?);
    }
    Ok(list)
}

/// Whoever held these when the snapshot was made does not hold them here; nobody is signed in.
const BEGIN_ANEW: [&str; 3] = [
    "UPDATE mail_accounts SET lease_until = 0 WHERE lease_until > 0",
    "UPDATE outbox SET lease_until = 0 WHERE lease_until > 0",
    "DELETE FROM sessions",
];
/// It may have gone since.
const UNFINISHED: &str = "
    UPDATE outbox SET state = 'unknown', lease_owner = '', said = $1
     WHERE state IN ('queued', 'retrying', 'sending')";

/// In a restored database: how many messages nobody knows of whether they went.
pub async fn begin_anew(tx: &mut Tx, said: &str) -> Result<u64, StoreError> {
    for statement in BEGIN_ANEW {
        tx.execute(Statement::new(statement)).await?;
    }
    tx.execute(Statement::new(UNFINISHED).bind(said)).await
}
