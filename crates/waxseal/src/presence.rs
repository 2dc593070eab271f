//! Which processes on this data folder are alive: each holds a lock on a file of its own, which the system
//! lets go of when the process ends, however it ends. So a killed process's leases are free at once.

use std::fs::File;
use std::path::Path;

use service::Services;
use uuid::Uuid;

use crate::error::CommandError;

/// Held as long as the process lives.
pub struct Presence {
    pub name: String,
    _lock: File,
}

impl Presence {
    #[expect(
        clippy::disallowed_methods,
        reason = "of this process, before there are services"
    )]
    pub fn announce(data: &Path) -> Result<Self, CommandError> {
        let folder = data.join("run");
        std::fs::create_dir_all(&folder)?;
        let name = Uuid::new_v4().to_string();
        let lock = File::create(folder.join(&name))?;
        lock.lock()?;
        Ok(Presence { name, _lock: lock })
    }

    /// Fails while another process works on this data folder.
    pub fn alone(data: &Path) -> Result<Self, CommandError> {
        let own = Self::announce(data)?;
        for entry in std::fs::read_dir(data.join("run"))? {
            let entry = entry?;
            let is_other = entry.file_name().to_string_lossy() != own.name;
            if is_other && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_err()) {
                let told = "Waxseal runs on this data folder: stop it first";
                return Err(CommandError::Usage(told.into()));
            }
        }
        Ok(own)
    }

    /// Frees what dead processes of this data folder held.
    pub async fn clear_the_dead(&self, data: &Path, services: &Services) -> Result<(), CommandError> {
        for entry in std::fs::read_dir(data.join("run"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_dead =
                name != self.name && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if is_dead {
                services.release_leases_of(&name).await?;
                // Another process may have cleared it at the same moment.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
