//! Opens what the commands work on: key, database, raw messages, dialer.

use std::path::Path;
use std::sync::Arc;

use engine::EngineHandle;
use service::Services;
use service::SystemClock;
use service::data_keys;
use store::BlobStore;
use store::Db;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

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
    /// The key lies beside `store/`, which holds all that a backup copies.
    pub async fn open(configuration: &Configuration) -> Result<Self, CommandError> {
        let raw = configuration.data.join("store/raw");
        std::fs::create_dir_all(&raw)?;
        keep_private(&configuration.data)?;
        let db = open_database(configuration).await?;
        let is_new = data_keys::list_named(&db).await?.is_empty();
        let masters = KeySource::of(configuration)?.load(is_new)?;
        let blobs = BlobStore::open_folder(&raw)?;
        let services = Services::open(db, blobs, masters, Arc::new(SystemClock)).await?;
        let egress = Egress::parse(&configuration.egress_allow, &configuration.cleartext_allow)?;
        let dialer = Dialer::new(egress, Deadlines::default());
        let presence = Presence::announce(&configuration.data)?;
        presence.clear_the_dead(&configuration.data, &services).await?;
        let engine = EngineHandle::new(services.clone(), dialer, presence.name.clone());
        Ok(App {
            services,
            engine,
            _presence: presence,
        })
    }
}

pub async fn open_database(configuration: &Configuration) -> Result<Db, CommandError> {
    Ok(match &configuration.database {
        None => Db::open_sqlite(&configuration.data.join("store/waxseal.db")).await?,
        Some(url) => Db::open_postgres(url).await?,
    })
}

fn keep_private(folder: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o700),
    )?)
}
