//! The copy of a sent message in the Sent folder, where the server does not file it itself: once.

use std::collections::HashMap;

use domain::MailAccountId;
use domain::rules::sent_folder::find_sent;
use service::delivery::SentCopyToMake;
use tracing::warn;
use wire::ImapSession;
use wire::Kind;
use wire::MailboxName;
use wire::OpenMode;
use wire::StepLog;
use wire::WireError;

use crate::EngineError;
use crate::EngineHandle;
use crate::probe::target;

const AT_ONCE: u32 = 100;

/// False: something failed, and is better tried later.
pub async fn make_due(handle: EngineHandle) -> bool {
    let due = match handle.services.list_sent_copies_to_make(AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            warn!(%error, "Copies for Sent could not be listed");
            return false;
        }
    };
    let mut by_account: HashMap<MailAccountId, Vec<SentCopyToMake>> = HashMap::new();
    for copy in due {
        by_account.entry(copy.account).or_default().push(copy);
    }
    let mut all_made = true;
    for (account, copies) in by_account {
        if let Err(error) = make(&handle, account, copies).await {
            warn!(mail_account.id = %account, %error, "Copies could not be put into Sent");
            all_made = false;
        }
    }
    all_made
}

async fn make(
    handle: &EngineHandle,
    account: MailAccountId,
    copies: Vec<SentCopyToMake>,
) -> Result<(), EngineError> {
    let account = handle.services.get_account_for_engine(account).await?;
    let mut open = None;
    for copy in copies {
        // Counted before it is tried: a copy that ends the process is given up in the end.
        if !handle.services.begin_sent_copy(&copy).await? {
            continue;
        }
        let (session, sent) = match &open {
            Some(open) => open,
            None => {
                let Some(credentials) = handle.services.credentials_for_engine(&account).await? else {
                    return Ok(());
                };
                let wanted = credentials.settings.sent_folder.clone();
                let (target, mut log) = (target(credentials), StepLog::default());
                let session = ImapSession::connect(&handle.dialer, &target, &mut log).await?;
                let sent = sent_folder(&session, wanted)?;
                open.insert((session, sent))
            }
        };
        session.open(sent, OpenMode::ReadOnly, None).await?;
        // A crash after the last try may have left it there.
        if !session.holds_message_id(&copy.internet_message_id).await? {
            session.append(sent, &["\\Seen"], copy.raw.clone()).await?;
        }
        handle.services.sent_copy_made(&copy).await?;
    }
    if let Some((session, _)) = open {
        session.log_out().await;
    }
    // It is joined to its message when Sent is looked at.
    handle.wake(account.id);
    Ok(())
}

fn sent_folder(session: &ImapSession, wanted: Option<String>) -> Result<MailboxName, WireError> {
    if let Some(name) = wanted {
        return Ok(MailboxName::from_text(&name));
    }
    let found = session.find_folder(find_sent);
    found
        .map(|folder| folder.wire_name.clone())
        .ok_or_else(|| WireError::new(Kind::FolderMissing, "looking for the Sent folder"))
}
