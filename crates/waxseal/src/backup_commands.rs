//! `waxseal backup`, `restore`, `verify`, `hold` and `release`.

use std::path::Path;

use serde_json::json;
use service::backup;
use service::backup::Contents;
use service::data_keys;

use crate::app;
use crate::app::App;
use crate::configuration::Configuration;
use crate::error::CommandError;
use crate::key_source::KEY_FILE;
use crate::key_source::KeySource;

pub async fn backup(app: &App, to: &Path) -> Result<(), CommandError> {
    let manifest = app.services.backup(to).await?;
    eprintln!(
        "The key is not in it: keep {KEY_FILE} of the data folder elsewhere, or the passwords have to be typed again."
    );
    print(&manifest.contents);
    Ok(())
}

pub async fn verify(app: &App) -> Result<(), CommandError> {
    print(&app.services.verify().await?);
    Ok(())
}

/// The data folder holds the key already, or the key is given in another way.
pub async fn restore(
    configuration: &Configuration,
    from: &Path,
    without_key: bool,
) -> Result<(), CommandError> {
    if configuration.database.is_some() {
        let told = "a backup is of SQLite; on PostgreSQL use pg_restore, copy the folder store/raw, then `waxseal hold`";
        return Err(CommandError::Usage(told.into()));
    }
    let store = configuration.data.join("store");
    let database = app::sqlite_file(configuration);
    if database.exists() {
        let told = format!(
            "{} is there already; name an empty folder with --data",
            database.display()
        );
        return Err(CommandError::Usage(told));
    }
    let is_given = match KeySource::of(configuration)? {
        KeySource::File(file) => file.exists(),
        KeySource::Environment(_) | KeySource::Credential(_) => true,
    };
    if !is_given && !without_key {
        let told = format!(
            "the key is not in a backup: put {KEY_FILE} into {} first, or say --without-key to go on without passwords",
            configuration.data.display()
        );
        return Err(CommandError::Usage(told));
    }
    std::fs::create_dir_all(&store)?;
    let manifest = backup::restore(from, &database, &store.join(backup::SEGMENTS)).await?;
    if without_key {
        let db = app::open_database(configuration).await?;
        data_keys::forget(&db).await?;
        db.close().await;
        eprintln!(
            "Without its key: every mail account needs its password again, and second factors are off."
        );
    }
    let app = App::open(configuration).await?;
    eprintln!("Restored as of {}.", manifest.made_at);
    hold(&app).await?;
    print(&app.services.verify().await?);
    app.services.close().await;
    Ok(())
}

/// What is stored was put back from an earlier day.
pub async fn hold(app: &App) -> Result<(), CommandError> {
    let unknown = app.services.hold().await?;
    eprintln!(
        "{unknown} messages waited then and may have gone since: they are in the outbox as unknown. Nothing is sent until `waxseal release`."
    );
    Ok(())
}

pub async fn release(app: &App) -> Result<(), CommandError> {
    app.services.release(None).await?;
    println!("Messages go again.");
    Ok(())
}

fn print(contents: &Contents) {
    let Contents {
        messages,
        bytes,
        digest,
    } = contents;
    println!(
        "{}",
        json!({ "messages": messages, "bytes": bytes, "digest": digest })
    );
}
