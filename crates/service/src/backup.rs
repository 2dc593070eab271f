//! Backup, proof and restoring: a snapshot of the database and the segments that it names, without the key.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::path::Path;

use domain::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;
use store::BlobStore;
use store::Db;
use store::backup;
use store::backup::StoredBytes;
use store::settings;

use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;

/// In a backup: the snapshot, the segments, what they are.
pub const DATABASE: &str = "waxseal.db";
pub const SEGMENTS: &str = "raw";
pub const MANIFEST: &str = "manifest.json";
/// There from the first write to the last: a folder in which a backup was begun and not ended.
const UNFINISHED: &str = "unfinished";

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("{path}: {cause}")]
    File { path: String, cause: std::io::Error },
    #[error("{0}")]
    Refused(String),
    #[error("the copy is damaged: {0}")]
    Damaged(String),
}

impl From<store::StoreError> for BackupError {
    fn from(error: store::StoreError) -> Self {
        BackupError::Service(error.into())
    }
}

/// What is stored: equal for a store, its backup and what was restored from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub messages: u64,
    pub bytes: u64,
    /// BLAKE3 over the SHA-256 of all raw messages, in order.
    pub digest: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: String,
    pub database_blake3: String,
    #[serde(flatten)]
    pub contents: Contents,
}

/// Nothing is sent until somebody who knows what was lost says so.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Hold {
    since: Timestamp,
}

pub const HOLD: &str = "hold";
const RESTORED: &str =
    "It waited when the backup was made that this was restored from, and may have gone since.";
/// Segments are rewritten when something in them is erased; then the snapshot is taken again.
const MAX_SNAPSHOTS: u32 = 5;

impl Services {
    /// While everything runs. Into a new folder, or into an earlier backup, of which what is still needed stays.
    /// What was written is read again before the folder is called a backup.
    pub async fn backup(&self, to: &Path) -> Result<Manifest, BackupError> {
        let unfinished = to.join(UNFINISHED);
        let is_earlier = to.join(MANIFEST).exists() || unfinished.exists();
        if !is_earlier && to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            let told = format!(
                "{} is neither empty nor a backup; name another folder",
                to.display()
            );
            return Err(BackupError::Refused(told));
        }
        let segments = to.join(SEGMENTS);
        std::fs::create_dir_all(to).map_err(|cause| file_error(to, cause))?;
        keep_private(to)?;
        remove(&unfinished)?;
        write_synced(&unfinished, b"")?;
        std::fs::create_dir_all(&segments).map_err(|cause| file_error(&segments, cause))?;
        let copy = BlobStore::open_folder(&segments)?;
        let snapshot = to.join("waxseal.db.new");
        let mut taken = 0;
        let stored = loop {
            taken += 1;
            remove(&snapshot)?;
            if self.db.snapshot_to(&snapshot).await?.is_none() {
                let told = "on PostgreSQL use pg_dump for the database, then copy the folder store/raw";
                return Err(BackupError::Refused(told.into()));
            }
            let stored = bytes_named_in(&snapshot).await?;
            match self.copy_segments(&stored, &copy).await {
                Ok(()) => break stored,
                Err(error) if taken == MAX_SNAPSHOTS => return Err(error.into()),
                Err(_) => {}
            }
        };
        let manifest = Manifest {
            made_at: self.now().to_rfc3339(),
            database_blake3: hash_of(&snapshot)?,
            contents: verify(&stored, &copy).await?,
        };
        // The old manifest goes first: a backup that is cut off in between is none.
        let (manifest_file, database) = (to.join(MANIFEST), to.join(DATABASE));
        remove(&manifest_file)?;
        std::fs::rename(&snapshot, &database).map_err(|cause| file_error(&database, cause))?;
        let text = serde_json::to_vec_pretty(&manifest).map_err(|_| ServiceError::Damaged)?;
        write_synced(&manifest_file, &text)?;
        let needed: HashSet<_> = stored.iter().map(|one| one.range.segment.as_str()).collect();
        for file in copy.list_segments(Timestamp::MAX).await? {
            if !needed.contains(file.segment.as_str()) {
                copy.delete_segment(&file.segment).await?;
            }
        }
        remove(&unfinished)?;
        Ok(manifest)
    }

    async fn copy_segments(&self, stored: &[StoredBytes], copy: &BlobStore) -> Result<(), ServiceError> {
        let here = copy.list_segments(Timestamp::MAX).await?;
        let here: HashSet<_> = here.into_iter().map(|file| file.segment).collect();
        let needed: BTreeSet<_> = stored.iter().map(|one| one.range.segment.as_str()).collect();
        for segment in needed.into_iter().filter(|segment| !here.contains(*segment)) {
            copy.copy_from(&self.blobs, segment).await?;
        }
        Ok(())
    }

    /// Reads and hashes everything that is stored.
    pub async fn verify(&self) -> Result<Contents, BackupError> {
        let mut conn = self.db.read().await?;
        if let Some(damage) = backup::damage(&mut conn).await? {
            return Err(BackupError::Damaged(damage));
        }
        let stored = backup::list_bytes_for_engine(&mut conn).await?;
        drop(conn);
        verify(&stored, &self.blobs).await
    }

    /// After a restoration: what waited is `unknown`, nobody is signed in, and nothing is sent until
    /// [`Services::release`]. How many messages may have gone.
    pub async fn hold(&self) -> Result<u64, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let unknown = backup::begin_anew(&mut tx, RESTORED).await?;
        let hold = Hold { since: self.now() };
        settings::save(&mut tx, HOLD, &hold).await?;
        tx.commit().await?;
        Ok(unknown)
    }

    /// Since when nothing is sent.
    pub async fn held_since(&self) -> Result<Option<Timestamp>, ServiceError> {
        let mut conn = self.db.read().await?;
        let hold: Option<Hold> = settings::find(&mut conn, HOLD).await?;
        Ok(hold.map(|hold| hold.since))
    }

    /// By a super-administrator, or from the command line.
    pub async fn release(&self, by: Option<Viewer>) -> Result<(), ServiceError> {
        if let Some(viewer) = by {
            self.require_super(viewer).await?;
        }
        let mut tx = self.db.begin_write().await?;
        settings::remove(&mut tx, HOLD).await?;
        Ok(tx.commit().await?)
    }
}

/// Puts a backup where `database` and `segments` say, which must not exist, after proving it.
pub async fn restore(from: &Path, database: &Path, segments: &Path) -> Result<Manifest, BackupError> {
    let manifest = from.join(MANIFEST);
    let text = std::fs::read(&manifest).map_err(|cause| file_error(&manifest, cause))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| BackupError::Damaged(format!("{MANIFEST}: {error}")))?;
    let snapshot = from.join(DATABASE);
    if hash_of(&snapshot)? != manifest.database_blake3 {
        return Err(BackupError::Damaged(format!(
            "{DATABASE} is not the one of {MANIFEST}"
        )));
    }
    let source = BlobStore::open_folder(&from.join(SEGMENTS))?;
    let stored = bytes_named_in(&snapshot).await?;
    std::fs::create_dir_all(segments).map_err(|cause| file_error(segments, cause))?;
    let copy = BlobStore::open_folder(segments)?;
    let needed: BTreeSet<_> = stored.iter().map(|one| one.range.segment.as_str()).collect();
    for segment in needed {
        copy.copy_from(&source, segment).await?;
    }
    let found = verify(&stored, &copy).await?;
    if found != manifest.contents {
        return Err(BackupError::Damaged(
            "its messages are not those of the manifest".into(),
        ));
    }
    // Last: with it the folder holds a store.
    let bytes = std::fs::read(&snapshot).map_err(|cause| file_error(&snapshot, cause))?;
    write_synced(database, &bytes)?;
    Ok(manifest)
}

async fn bytes_named_in(snapshot: &Path) -> Result<Vec<StoredBytes>, BackupError> {
    let db = Db::open_snapshot(snapshot).await?;
    let mut conn = db.read().await?;
    let damage = backup::damage(&mut conn).await?;
    let stored = backup::list_bytes_for_engine(&mut conn).await?;
    drop(conn);
    db.close().await;
    damage.map_or(Ok(stored), |damage| Err(BackupError::Damaged(damage)))
}

async fn verify(stored: &[StoredBytes], blobs: &BlobStore) -> Result<Contents, BackupError> {
    let mut contents = Contents {
        messages: 0,
        bytes: 0,
        digest: String::new(),
    };
    let mut hashes = Vec::new();
    let mut damaged = Vec::new();
    for one in stored {
        contents.bytes += one.range.length;
        let read = blobs.read(&one.range).await;
        let found = read.as_ref().map(|bytes| <[u8; 32]>::from(Sha256::digest(bytes)));
        let is_whole = match (&found, one.sha256) {
            (Ok(found), Some(expected)) => *found == expected,
            (Ok(_), None) => true,
            (Err(_), _) => false,
        };
        if !is_whole {
            damaged.push(format!("{} at {}", one.range.segment, one.range.start));
        }
        if let Some(hash) = one.sha256 {
            contents.messages += 1;
            hashes.push(hash);
        }
    }
    if let Some(first) = damaged.first() {
        let told = format!(
            "{} of {} messages cannot be read, the first in {first}",
            damaged.len(),
            stored.len()
        );
        return Err(BackupError::Damaged(told));
    }
    hashes.sort_unstable();
    contents.digest = blake3::hash(&hashes.concat()).to_hex().to_string();
    Ok(contents)
}

fn hash_of(file: &Path) -> Result<String, BackupError> {
    let source = std::fs::File::open(file).map_err(|cause| file_error(file, cause))?;
    let mut hash = blake3::Hasher::new();
    hash.update_reader(source)
        .map_err(|cause| file_error(file, cause))?;
    Ok(hash.finalize().to_hex().to_string())
}

fn write_synced(file: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    use std::io::Write as _;
    let write = || {
        let mut target = std::fs::File::create_new(file)?;
        target.write_all(bytes)?;
        target.sync_all()
    };
    write().map_err(|cause| file_error(file, cause))
}

fn remove(file: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(file_error(file, cause)),
        _ => Ok(()),
    }
}

fn keep_private(folder: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, mode).map_err(|cause| file_error(folder, cause))
}

fn file_error(path: &Path, cause: std::io::Error) -> BackupError {
    BackupError::File {
        path: path.display().to_string(),
        cause,
    }
}
