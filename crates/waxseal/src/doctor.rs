//! `waxseal doctor`: what is checked, what was found, what to do.

use crate::app::App;
use crate::configuration::Configuration;
use crate::error::CommandError;

/// Opening the app has already proved the data folder, the key file and the schema.
pub async fn run(app: &App, configuration: &Configuration) -> Result<(), CommandError> {
    let services = &app.services;
    println!(
        "ok      data folder {} (key file beside store/)",
        configuration.data.display()
    );
    services.ping().await?;
    let database = if configuration.database.is_some() {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    println!("ok      {database} answers and its schema is current");
    let mut healthy = true;
    match services.has_administrators().await? {
        true => println!("ok      there is an administrator"),
        false => println!("note    no administrator yet: start `waxseal serve` and open the link it prints"),
    }
    if configuration.public_url.is_none()
        && configuration.tls_cert.is_none()
        && !configuration.listen.ip().is_loopback()
    {
        println!("note    sign-in works over HTTPS only: set --public-url, or --tls-cert and --tls-key");
    }
    for account in services.list_accounts_for_engine().await? {
        let status = account.status;
        let failing = status.state.is_trouble();
        healthy &= !failing;
        let mark = if failing { "failing" } else { "ok     " };
        println!("{mark} account {}: {}", account.id, status.state.as_str());
        if let Some(error) = status.error.filter(|_| failing) {
            println!("        {error}");
        }
    }
    if healthy {
        Ok(())
    } else {
        Err(CommandError::Unhealthy)
    }
}
