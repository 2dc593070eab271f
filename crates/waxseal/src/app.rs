//! Opens what the commands work on: key, database, raw messages, dialer.

use std::path::Path;
use std::sync::Arc;

use engine::EngineHandle;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use store::BlobStore;
use store::Db;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;

use crate::configuration::Configuration;
use crate::error::CommandError;
use crate::presence::Presence;

/// In the data folder.
pub const KEY_FILE: &str = "waxseal.key";

pub struct App {
    pub services: Services,
    pub engine: EngineHandle,
    _presence: Presence,
}

impl App {
    /// The key lies beside `store/`, which holds all that a backup copies.
    pub async fn open(configuration: &Configuration) -> Result<Self, CommandError> {
        let store = configuration.data.join("store");
        let raw = store.join("raw");
        std::fs::create_dir_all(&raw)?;
        keep_private(&configuration.data)?;
        let key = MasterKey::load_or_create(&configuration.data.join(KEY_FILE))?;
        let db = match &configuration.database {
            None => Db::open_sqlite(&store.join("waxseal.db")).await?,
            Some(url) => Db::open_postgres(url).await?,
        };
        let services = Services::new(db, BlobStore::open_folder(&raw)?, key, Arc::new(SystemClock));
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

fn keep_private(folder: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o700),
    )?)
}
