//! Connections that wait for the next message, with the settings that they were made by.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use domain::MailAccountId;
use domain::account::SmtpSettings;
use tokio::time::Instant;
use tokio::time::interval;
use wire::SmtpSession;

use super::PER_ACCOUNT;

/// Servers hang up on silent clients after a few minutes; a connection that was silent for longer is not used.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
pub struct IdleSessions(Arc<Mutex<HashMap<MailAccountId, Vec<Waiting>>>>);

struct Waiting {
    session: SmtpSession,
    settings: SmtpSettings,
    since: Instant,
}

impl IdleSessions {
    pub fn take(&self, account: MailAccountId, settings: &SmtpSettings) -> Option<SmtpSession> {
        let mut idle = self.0.lock().ok()?;
        let waiting = idle.get_mut(&account)?;
        let usable = |held: &Waiting| held.since.elapsed() < LONGEST_SILENCE && held.settings == *settings;
        let at = waiting.iter().rposition(usable)?;
        Some(waiting.swap_remove(at).session)
    }

    pub fn put(&self, account: MailAccountId, settings: SmtpSettings, session: SmtpSession) {
        if let Ok(mut idle) = self.0.lock() {
            let waiting = idle.entry(account).or_default();
            if waiting.len() < PER_ACCOUNT {
                waiting.push(Waiting {
                    session,
                    settings,
                    since: Instant::now(),
                });
            }
        }
    }

    fn take_silent(&self) -> Vec<SmtpSession> {
        let Ok(mut idle) = self.0.lock() else {
            return Vec::new();
        };
        let mut silent = Vec::new();
        idle.retain(|_, waiting| {
            let is_silent = |held: &mut Waiting| held.since.elapsed() >= LONGEST_SILENCE;
            silent.extend(waiting.extract_if(.., is_silent).map(|held| held.session));
            !waiting.is_empty()
        });
        silent
    }

    /// Closes what nobody has used for too long, whoever sends next. Never ends.
    pub async fn close_silent(self) {
        let mut ticks = interval(LONGEST_SILENCE / 2);
        loop {
            ticks.tick().await;
            let quits = self.take_silent().into_iter().map(SmtpSession::quit);
            futures_util::future::join_all(quits).await;
        }
    }
}
