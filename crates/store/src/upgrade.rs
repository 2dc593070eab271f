//! Brings a schema up to date: never one of a newer Waxseal, one process at a time, and on SQLite with a copy of what was
//! there before. Stopped anywhere, it goes on at the next start.

use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use sqlx::SqlitePool;
use sqlx::migrate::Migrate;
use sqlx::migrate::MigrateError;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;

use crate::StoreError;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
const TABLE: &str = "_sqlx_migrations";

pub(crate) async fn sqlite(pool: &SqlitePool, file: &Path) -> Result<(), StoreError> {
    let is_old = applied(&mut *pool.acquire().await?).await? < newest(&SQLITE);
    let _alone = match is_old {
        true => Some(lock_folder_of(file).await.map_err(StoreError::Upgrade)?),
        false => None,
    };
    // Again: another process may have done it while this one waited.
    let found = applied(&mut *pool.acquire().await?).await?;
    refuse_newer(found, newest(&SQLITE))?;
    let copy = Copy::of(file);
    if (1..newest(&SQLITE)).contains(&found) {
        copy.make(pool).await?;
    }
    SQLITE.run(pool).await?;
    copy.finish().map_err(StoreError::Upgrade)
}

/// PostgreSQL's own lock lets one process at a time do it, and its own tools make the copy.
pub(crate) async fn postgres(pool: &PgPool) -> Result<(), StoreError> {
    let found = applied(&mut *pool.acquire().await?).await?;
    refuse_newer(found, newest(&POSTGRES))?;
    Ok(POSTGRES.run(pool).await?)
}

fn newest(migrator: &Migrator) -> i64 {
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// The number of the last migration that was made here; 0: none.
async fn applied(connection: &mut impl Migrate) -> Result<i64, MigrateError> {
    connection.ensure_migrations_table(TABLE).await?;
    let all = connection.list_applied_migrations(TABLE).await?;
    Ok(all
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default())
}

fn refuse_newer(found: i64, known: i64) -> Result<(), StoreError> {
    match found > known {
        true => Err(StoreError::Newer { found, known }),
        false => Ok(()),
    }
}

/// Held until it is dropped; the system lets go of it when the process is killed.
#[expect(
    clippy::disallowed_methods,
    reason = "once, at the start, and no bytes of anybody are in it"
)]
async fn lock_folder_of(file: &Path) -> io::Result<File> {
    let folder = folder_of(file).to_owned();
    let locked = tokio::task::spawn_blocking(move || {
        let folder = File::open(folder)?;
        folder.lock()?;
        Ok(folder)
    });
    locked.await.map_err(io::Error::other)?
}

fn folder_of(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The database as it was before the last upgrade. While one is under way it has another name, so that one which is
/// stopped and begun again keeps the copy from before it began.
struct Copy {
    being_written: PathBuf,
    of_this_upgrade: PathBuf,
    of_the_last: PathBuf,
}

impl Copy {
    fn of(file: &Path) -> Self {
        let beside = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Copy {
            being_written: beside(".copying"),
            of_this_upgrade: beside(".upgrading"),
            of_the_last: beside(".before-upgrade"),
        }
    }

    async fn make(&self, pool: &SqlitePool) -> Result<(), StoreError> {
        if self.of_this_upgrade.exists() {
            return Ok(());
        }
        if self.being_written.exists() {
            std::fs::remove_file(&self.being_written).map_err(StoreError::Upgrade)?;
        }
        sqlx::query("VACUUM INTO ?")
            .bind(self.being_written.display().to_string())
            .execute(pool)
            .await?;
        self.keep_written().map_err(StoreError::Upgrade)
    }

    fn keep_written(&self) -> io::Result<()> {
        File::open(&self.being_written)?.sync_all()?;
        rename(&self.being_written, &self.of_this_upgrade)
    }

    /// The schema is up to date: what was copied is of the last upgrade now.
    fn finish(&self) -> io::Result<()> {
        match self.of_this_upgrade.exists() {
            true => rename(&self.of_this_upgrade, &self.of_the_last),
            false => Ok(()),
        }
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    File::open(folder_of(to))?.sync_all()
}
