//! `waxseal keys`: which master keys rows name, another one in place of it, and what to do when it is lost.

use std::path::Path;
use std::path::PathBuf;

use clap::Subcommand;
use service::KeyError;
use service::MasterKey;
use service::MasterKeys;
use service::data_keys;
use store::Db;

use crate::app;
use crate::configuration::Configuration;
use crate::error::CommandError;
use crate::key_source;
use crate::key_source::KeySource;
use crate::presence::Presence;

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Which master keys the database names, and how many data keys each wraps
    List,
    /// Wrap all data keys under a new master key. May be killed at any time and run again; stop Waxseal first
    Rotate {
        /// Where the new key is, or is written [default: beside the key file, which it replaces in the end]
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
    },
    /// The master key is lost: forget the passwords and second factors that it sealed
    Forget {
        #[arg(long, required = true)]
        yes: bool,
    },
}

pub async fn run(configuration: &Configuration, command: KeysCommand) -> Result<(), CommandError> {
    let db = app::open_database(configuration).await?;
    let outcome = match command {
        KeysCommand::List => list(&db).await,
        KeysCommand::Rotate { new_key } => {
            let _alone = Presence::alone(&configuration.data)?;
            rotate(configuration, &db, new_key).await
        }
        KeysCommand::Forget { .. } => {
            let _alone = Presence::alone(&configuration.data)?;
            data_keys::forget(&db).await?;
            println!("Forgotten. Every mail account needs its password again, and second factors are off.");
            Ok(())
        }
    };
    db.close().await;
    outcome
}

async fn list(db: &Db) -> Result<(), CommandError> {
    for (id, rows) in data_keys::list_named(db).await? {
        println!("{id} wraps {rows} data keys");
    }
    Ok(())
}

async fn rotate(
    configuration: &Configuration,
    db: &Db,
    new_key: Option<PathBuf>,
) -> Result<(), CommandError> {
    match (KeySource::of(configuration)?, new_key) {
        (KeySource::File(file), None) => {
            let next = key_source::next_of(&file);
            if file.exists() {
                wrap_all(
                    db,
                    MasterKeys::new(made_or_read(&next)?, Some(key_source::read(&file)?)),
                )
                .await?;
                let old = file.with_extension(format!("key.{}", key_source::read(&file)?.id()));
                std::fs::rename(&file, &old)?;
                println!(
                    "The key before is {}: backups made until now need it.",
                    old.display()
                );
            }
            std::fs::rename(&next, &file)?;
            sync_folder(&file)?;
            println!(
                "All data keys are wrapped under {}.",
                key_source::read(&file)?.id()
            );
        }
        (source, Some(next)) => {
            let old = match source {
                KeySource::Environment(key) => key,
                KeySource::Credential(path) | KeySource::File(path) => key_source::read(&path)?,
            };
            let new = made_or_read(&next)?;
            let id = new.id();
            wrap_all(db, MasterKeys::new(new, Some(old))).await?;
            println!(
                "All data keys are wrapped under {id}. Give Waxseal {} from now on.",
                next.display()
            );
        }
        (_, None) => {
            return Err(CommandError::Usage(
                "the key comes from the environment or a credential: name the file of the new one with --new-key".into(),
            ));
        }
    }
    Ok(())
}

async fn wrap_all(db: &Db, masters: MasterKeys) -> Result<(), KeyError> {
    while !data_keys::rotate_step(db, &masters).await? {}
    Ok(())
}

/// A file that is there is of a rotation that ended before its end.
fn made_or_read(path: &Path) -> Result<MasterKey, KeyError> {
    if !path.exists() {
        key_source::write(path, &MasterKey::random())?;
        sync_folder(path)?;
    }
    key_source::read(path)
}

fn sync_folder(file: &Path) -> Result<(), KeyError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| KeyError::Source(format!("the folder {}: {error}", folder.display())))
}
