//! Man pages and shell completions, made from the command line itself when a package is built.

use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_complete::generate_to;

use crate::error::CommandError;

pub fn write(mut command: Command, to: &Path) -> Result<(), CommandError> {
    let (pages, completions) = (to.join("man"), to.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(command.clone(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "waxseal", &completions)?;
    }
    Ok(())
}
