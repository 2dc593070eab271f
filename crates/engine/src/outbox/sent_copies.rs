//! The copy of a sent message in the Sent folder, where the server does not file it itself: once.
//!
//! Each account is served in a task of its own, each copy is counted before it is tried: whatever fails, fails alone and
//! waits alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::MailAccountId;
use domain::rules::sent_folder::find_sent;
use domain::rules::sent_folder::is_sent_unclear;
use service::delivery::SentCopyToMake;
use tokio::sync::Notify;
use tokio::task::Id;
use tokio::task::JoinSet;
use tokio::time::interval;
use tracing::warn;
use wire::ImapSession;
use wire::Kind;
use wire::MailboxName;
use wire::OpenMode;
use wire::WireError;

use crate::EngineError;
use crate::EngineHandle;

const COPIES_AT_ONCE: u32 = 100;
const ACCOUNTS_AT_ONCE: usize = 8;
/// What failed is due again by then, or some time later.
const LOOK_AROUND: Duration = Duration::from_secs(20);
/// After a connection that failed; a refused login that is repeated locks people out of their mailbox.
const AGAIN: Duration = Duration::from_secs(5 * 60);
const AFTER_REFUSAL: Duration = Duration::from_secs(6 * 3600);

/// Never ends. `sent`: told when something was sent.
pub async fn make_all(handle: EngineHandle, sent: Arc<Notify>) {
    let mut ticks = interval(LOOK_AROUND);
    let mut accounts: JoinSet<()> = JoinSet::new();
    let mut busy: HashMap<MailAccountId, Id> = HashMap::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = sent.notified() => {}
            Some(ended) = accounts.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                busy.retain(|_, task| *task != id);
            }
        }
        for (account, copies) in due(&handle).await {
            if busy.len() < ACCOUNTS_AT_ONCE && !busy.contains_key(&account) {
                let task = accounts.spawn(make_of_account(handle.clone(), account, copies));
                busy.insert(account, task.id());
            }
        }
    }
}

async fn due(handle: &EngineHandle) -> HashMap<MailAccountId, Vec<SentCopyToMake>> {
    let mut by_account: HashMap<_, Vec<_>> = HashMap::new();
    match handle.services.list_sent_copies_to_make(COPIES_AT_ONCE).await {
        Ok(due) => {
            for copy in due {
                by_account.entry(copy.account()).or_default().push(copy);
            }
        }
        Err(error) => warn!(%error, "Copies for Sent could not be listed"),
    }
    by_account
}

async fn make_of_account(handle: EngineHandle, account: MailAccountId, copies: Vec<SentCopyToMake>) {
    let mut open = None;
    for copy in copies {
        // What cannot be connected to is no failure of a copy: all of the account wait, and none is counted.
        let session = match open.take() {
            Some(session) => session,
            None => match connect(&handle, account).await {
                Ok(session) => session,
                Err(error) => return wait(&handle, account, &error).await,
            },
        };
        match make(&handle, &session, &copy).await {
            Ok(()) => open = Some(session),
            // A connection that something went wrong on is not trusted with the next.
            Err(error) => failed(&handle, &copy, &error).await,
        }
    }
    if let Some(session) = open {
        session.log_out().await;
    }
    // They are joined to their messages when Sent is looked at.
    handle.wake(account);
}

async fn connect(handle: &EngineHandle, account: MailAccountId) -> Result<ImapSession, EngineError> {
    let account = handle.services.get_account_for_engine(account).await?;
    handle.connect_imap(&account).await
}

async fn wait(handle: &EngineHandle, account: MailAccountId, error: &EngineError) {
    warn!(mail_account.id = %account, %error, "Copies for Sent wait");
    let wait = match error.is_login_refused() {
        true => AFTER_REFUSAL,
        false => AGAIN,
    };
    if let Err(error) = handle.services.sent_copies_wait(account, wait).await {
        warn!(mail_account.id = %account, %error, "That copies wait could not be stored");
    }
}

async fn failed(handle: &EngineHandle, copy: &SentCopyToMake, error: &EngineError) {
    warn!(message.id = %copy.message(), %error, "A copy could not be put into Sent");
    let stored = handle.services.sent_copy_failed(copy, &error.for_owner()).await;
    if let Err(error) = stored {
        warn!(message.id = %copy.message(), %error, "Why a copy failed could not be stored");
    }
}

async fn make(
    handle: &EngineHandle,
    session: &ImapSession,
    copy: &SentCopyToMake,
) -> Result<(), EngineError> {
    let services = &handle.services;
    if !services.begin_sent_copy(copy).await? {
        return Ok(());
    }
    let message = services.read_sent_copy(copy).await?;
    let account = services.get_account_for_engine(copy.account()).await?;
    let chosen = account.imap.and_then(|imap| imap.sent_folder);
    let is_chosen = chosen.is_some();
    let sent = sent_folder(session, chosen).await?;
    match file(session, copy, &sent, &message).await {
        // It was taken away, maybe long ago.
        Err(error) if error.kind == Kind::FolderMissing && !is_listed(session, &sent) => {
            session.make_sent_folder(Some(&sent)).await?;
            file(session, copy, &sent, &message).await?;
        }
        filed => filed?,
    }
    services.sent_copy_made(copy).await?;
    if !is_chosen && !is_listed(session, &sent) {
        services.sent_folder_made(copy.account(), &sent.to_text()).await?;
    }
    Ok(())
}

async fn file(
    session: &ImapSession,
    copy: &SentCopyToMake,
    sent: &MailboxName,
    message: &[Bytes],
) -> Result<(), WireError> {
    session.open(sent, OpenMode::ReadOnly, None).await?;
    // A crash after the last try may have left it there.
    match session.holds_message_id(copy.internet_message_id()).await? {
        true => Ok(()),
        false => session.append(sent, &["\\Seen"], message).await,
    }
}

fn is_listed(session: &ImapSession, name: &MailboxName) -> bool {
    session.folders().iter().any(|folder| folder.wire_name == *name)
}

/// The chosen one, the one that is found, or one that is made: a new mailbox may have none.
async fn sent_folder(session: &ImapSession, chosen: Option<String>) -> Result<MailboxName, WireError> {
    const DOING: &str = "looking for the Sent folder";
    if let Some(name) = chosen {
        let listed = session.folders().iter().find(|folder| folder.listed.name == name);
        return Ok(listed.map_or_else(
            || MailboxName::from_text(&name),
            |folder| folder.wire_name.clone(),
        ));
    }
    if let Some(found) = session.find_folder(find_sent) {
        return Ok(found.wire_name.clone());
    }
    let listed: Vec<_> = session
        .folders()
        .iter()
        .map(|folder| folder.listed.clone())
        .collect();
    match is_sent_unclear(&listed) {
        true => Err(WireError::new(Kind::SentFolderUnclear, DOING)),
        false => session.make_sent_folder(None).await,
    }
}
