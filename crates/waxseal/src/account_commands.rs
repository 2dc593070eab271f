//! `waxseal account ...`

use std::path::Path;

use domain::MailAccountId;
use engine::EngineError;
use serde_json::json;
use service::administrators::Administrator;

use crate::account_file::AccountFile;
use crate::app::App;
use crate::cli::ListFormat;
use crate::error::CommandError;

pub async fn add(app: &App, owner: &str, file: &Path, time_zone: Option<&str>) -> Result<(), CommandError> {
    let services = &app.services;
    let found = services.find_administrator_by_login(owner).await?;
    let owner = found.ok_or_else(|| {
        CommandError::Usage(format!(
            "there is no administrator {owner}; make one with waxseal admin create"
        ))
    })?;
    if let Some(zone) = time_zone {
        services.set_time_zone(owner.id, zone).await?;
    }
    let file = AccountFile::read(file)?;
    let (name, address) = (file.name.clone(), file.address.clone());
    let cards = file.into_cards()?;
    let id = services.create_account(owner.id, &name, &address).await?;
    for card in cards {
        services.save_card_for_owner(owner.id, id, card).await?;
    }
    println!("{id}");
    Ok(())
}

pub async fn list(app: &App, format: ListFormat) -> Result<(), CommandError> {
    let mut lines = Vec::new();
    for account in app.services.list_accounts_for_engine().await? {
        let owner: Administrator = app.services.get_administrator(account.owner).await?;
        let state = account.status.state.as_str();
        lines.push(json!({
            "id": account.id,
            "address": account.address,
            "owner": owner.login,
            "state": state,
        }));
        if format == ListFormat::Text {
            println!("{}  {}  {}  {state}", account.id, account.address, owner.login);
        }
    }
    if format == ListFormat::Json {
        println!("{}", serde_json::Value::Array(lines));
    }
    Ok(())
}

pub async fn test(app: &App, id: MailAccountId) -> Result<(), CommandError> {
    let account = app.services.get_account_for_engine(id).await?;
    app.services.record_without_viewer(id, "tested", "").await?;
    app.engine.keep_token_fresh(id).await?;
    let credentials = app
        .services
        .credentials_for_engine(&account)
        .await?
        .ok_or(EngineError::NotSetUp)?;
    let result = app.engine.probe(credentials).await;
    for step in &result.steps {
        println!("ok    {:>5} ms  {}", step.took_ms, step.text);
    }
    let Some(failure) = result.failure else {
        return Ok(());
    };
    println!("failed         {}", failure.message);
    if let Some(said) = failure.said {
        println!("               The server said: {said}");
    }
    println!("               {}", failure.advice);
    Err(CommandError::Unhealthy)
}
