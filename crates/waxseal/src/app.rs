//! Opens what the commands work on: key, database, raw messages, dialer.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use domain::preset::Presets;
use engine::EngineHandle;
use service::Services;
use service::SystemClock;
use service::backup;
use service::data_keys;
use store::BlobStore;
use store::Db;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;
use wire::Names;

use crate::configuration::Configuration;
use crate::error::CommandError;
use crate::key_source::KeySource;
use crate::presence::Presence;

pub struct App {
    pub services: Services,
    pub engine: EngineHandle,
    _presence: Presence,
}

impl App {
    /// Only an installation that is there.
    pub async fn open(configuration: &Configuration) -> Result<Self, CommandError> {
        require_installation(configuration).await?;
        Self::open_or_make(configuration).await
    }

    /// The key lies beside `store/`, which holds all that a backup copies.
    pub async fn open_or_make(configuration: &Configuration) -> Result<Self, CommandError> {
        let presets = read_presets(configuration.presets.as_deref())?;
        let raw = configuration.data.join("store/raw");
        std::fs::create_dir_all(&raw)?;
        keep_private(&configuration.data)?;
        let db = open_or_make_database(configuration).await?;
        let is_new = data_keys::list_named(&db).await?.is_empty();
        let masters = KeySource::of(configuration)?.load(is_new)?;
        let blobs = BlobStore::open_folder(&raw)?;
        let services = Services::open(db, blobs, masters, Arc::new(SystemClock)).await?;
        let egress = Egress::parse(&configuration.egress_allow, &configuration.cleartext_allow)?;
        let names = configuration.dns_server.map_or(Names::System, Names::Server);
        let dialer = Dialer::with_names(egress, Deadlines::default(), names);
        let presence = Presence::announce(&configuration.data)?;
        presence.clear_the_dead(&configuration.data, &services).await?;
        let engine = EngineHandle::new(services.clone(), dialer, presence.name.clone()).with_presets(presets);
        Ok(App {
            services,
            engine,
            _presence: presence,
        })
    }
}

/// Only a database that is there.
pub async fn open_database(configuration: &Configuration) -> Result<Db, CommandError> {
    require_installation(configuration).await?;
    open_or_make_database(configuration).await
}

async fn open_or_make_database(configuration: &Configuration) -> Result<Db, CommandError> {
    Ok(match &configuration.database {
        None => Db::open_sqlite(&sqlite_file(configuration)).await?,
        Some(url) => Db::open_postgres(url).await?,
    })
}

fn read_presets(file: Option<&Path>) -> Result<Presets, CommandError> {
    let Some(file) = file else {
        return Ok(Presets::default());
    };
    let wrong =
        |error: &dyn std::fmt::Display| CommandError::Usage(format!("presets, {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Presets::parse(&text).map_err(|error| wrong(&error))
}

/// A mistyped folder would otherwise become an empty installation with a key of its own, which then looks like a loss.
async fn require_installation(configuration: &Configuration) -> Result<(), CommandError> {
    let missing = match &configuration.database {
        None => missing_file(&sqlite_file(configuration)),
        Some(url) => match missing_file(&configuration.data.join("store")) {
            None if !store::db::is_made_in_postgres(url).await? => {
                Some("its tables in the database".to_owned())
            }
            missing => missing,
        },
    };
    match missing {
        None => Ok(()),
        Some(missing) => Err(CommandError::NoInstallation {
            data: configuration.data.clone(),
            file: configuration.file.clone(),
            missing,
        }),
    }
}

fn missing_file(path: &Path) -> Option<String> {
    (!path.exists()).then(|| path.display().to_string())
}

pub fn sqlite_file(configuration: &Configuration) -> PathBuf {
    configuration.data.join("store").join(backup::DATABASE)
}

fn keep_private(folder: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o700),
    )?)
}
