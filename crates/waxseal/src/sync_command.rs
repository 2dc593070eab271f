//! `waxseal sync --once`

use std::io::IsTerminal as _;
use std::time::Duration;

use domain::MailAccountId;
use engine::IntakeReport;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use serde_json::json;
use service::accounts::MailAccount;
use tokio::time::Instant;

use crate::app::App;
use crate::error::CommandError;

pub async fn run(app: &App, only: Option<MailAccountId>) -> Result<(), CommandError> {
    let started = Instant::now();
    let mut total = IntakeReport::default();
    let mut failure = None;
    for account in accounts_to_sync(app, only).await? {
        match sync(app, &account).await {
            Ok(report) => total.add(report),
            // One account never stops another; the first failure is the exit code.
            Err(error) => {
                eprintln!("waxseal: {}: {error}", account.id);
                failure = failure.or(Some(error));
            }
        }
    }
    let summary = json!({
        "stored": total.stored,
        "duplicate": total.duplicate,
        "skipped": total.skipped,
        "parked": total.parked,
        "bytes": total.bytes,
        "seconds": started.elapsed().as_secs_f64(),
    });
    println!("{summary}");
    failure.map_or(Ok(()), Err)
}

/// Those that are switched on.
pub async fn accounts_to_sync(
    app: &App,
    only: Option<MailAccountId>,
) -> Result<Vec<MailAccount>, CommandError> {
    let mut accounts = match only {
        Some(id) => vec![app.services.get_account_for_engine(id).await?],
        None => app.services.list_accounts_for_engine().await?,
    };
    accounts.retain(|account| account.tracking.enabled);
    Ok(accounts)
}

async fn sync(app: &App, account: &MailAccount) -> Result<IntakeReport, CommandError> {
    let work = app.engine.sync_once(account);
    if !std::io::stderr().is_terminal() {
        return Ok(work.await?);
    }
    let bar = ProgressBar::new(0).with_style(style());
    let report = tokio::select! {
        report = work => report,
        () = show_progress(app, account.id, &bar) => unreachable!("progress is shown for ever"),
    };
    bar.finish_and_clear();
    Ok(report?)
}

fn style() -> ProgressStyle {
    let template = "{wide_bar} {pos}/{len} messages, {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

async fn show_progress(app: &App, account: MailAccountId, bar: &ProgressBar) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(progress) = app.engine.progress(account) {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    }
}
