//! `waxseal audit`

use domain::MailAccountId;
use serde_json::json;
use service::audits::FolderAudit;

use crate::app::App;
use crate::error::CommandError;
use crate::sync_command::accounts_to_sync;

pub async fn run(app: &App, only: Option<MailAccountId>) -> Result<(), CommandError> {
    let mut all: Vec<FolderAudit> = Vec::new();
    let mut failure = None;
    for account in accounts_to_sync(app, only).await? {
        match app.engine.audit_once(&account).await {
            Ok(folders) => {
                println!("{}", json!({ "account": account.id, "folders": folders }));
                all.extend(folders);
            }
            Err(error) => {
                eprintln!("waxseal: {}: {}", account.id, error.for_owner());
                failure = failure.or(Some(error));
            }
        }
    }
    let sum = |of: fn(&FolderAudit) -> u64| all.iter().map(of).sum::<u64>();
    let missing = sum(|folder| folder.missing);
    let skipped = sum(|folder| folder.skipped.values().sum());
    println!(
        "{}",
        json!({
            "on_server": sum(|folder| folder.on_server), "here": sum(|folder| folder.here), "missing": missing,
            "fetched": sum(|folder| folder.fetched), "gone": sum(|folder| folder.gone),
            "older": sum(|folder| folder.older), "skipped": skipped,
        })
    );
    match failure {
        Some(error) => Err(error.into()),
        None if missing > 0 => Err(CommandError::Unhealthy),
        None => Ok(()),
    }
}
