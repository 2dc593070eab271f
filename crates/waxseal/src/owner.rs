//! Whoever calls, the work is done by the user who owns the data folder: one file of root's in it stops the service.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;

use crate::error::CommandError;

/// Returns only as the owner. A folder that is not there yet will be the caller's.
pub fn work_as_owner_of(data: &Path) -> Result<(), CommandError> {
    let Ok(folder) = std::fs::metadata(data) else {
        return Ok(());
    };
    let caller = geteuid();
    if folder.uid() == caller.as_raw() {
        return Ok(());
    }
    let owner = user_name(folder.uid());
    let data = data.display();
    if !caller.is_root() {
        let told = format!("{data} belongs to {owner}: run it as that user, or with sudo");
        return Err(CommandError::Usage(told));
    }
    eprintln!("waxseal: goes on as {owner}, who owns {data}");
    let error = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .uid(folder.uid())
        .gid(folder.gid())
        .exec();
    Err(error.into())
}

/// By /etc/passwd (passwd(5)), else the number: it is only told.
fn user_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| format!("user {uid}"))
}
