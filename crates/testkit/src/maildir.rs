//! Mail put into a mailbox on disk, as a delivery agent would.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use crate::TestkitError;
use crate::process::hand_over;

#[derive(Clone, Debug)]
pub struct Maildir {
    root: PathBuf,
}

/// Names must differ within a process; they carry no meaning.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Maildir {
    pub fn new(root: PathBuf) -> Self {
        Maildir { root }
    }

    /// Puts `raw` (CRLF or LF) into INBOX (`None`) or a folder. `seen` sets `\Seen`; `age` before now is the
    /// INTERNALDATE.
    pub fn put(
        &self,
        folder: Option<&str>,
        raw: &[u8],
        seen: bool,
        age: Duration,
    ) -> Result<(), TestkitError> {
        let folder = match folder {
            None => self.root.clone(),
            Some(name) => self.root.join(format!(".{name}")),
        };
        if !folder.join("tmp").exists() {
            for part in ["cur", "new", "tmp"] {
                std::fs::create_dir_all(folder.join(part))?;
            }
            hand_over(&self.root)?;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let at = SystemTime::now() - age;
        let seconds = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let name = format!("{seconds}.M{number}P{}.waxseal", std::process::id());
        let name = if seen { format!("{name}:2,S") } else { name };
        let temporary = folder.join("tmp").join(&name);
        std::fs::write(&temporary, raw)?;
        std::fs::File::options()
            .write(true)
            .open(&temporary)?
            .set_modified(at)?;
        let owner = std::fs::metadata(&folder)?;
        std::os::unix::fs::chown(&temporary, Some(owner.uid()), Some(owner.gid()))?;
        let place = if seen { "cur" } else { "new" };
        std::fs::rename(&temporary, folder.join(place).join(&name))?;
        Ok(())
    }
}
