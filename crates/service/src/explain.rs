//! "Why is this (not) here, and who can see it?", from what the viewer may see. Whoever asks about mail that is only in
//! accounts of others is told what would be told about an address that nobody knows.

use domain::Access;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::access::AccountAccess;
use domain::access::Right;
use domain::account::MessagesToProcess;
use domain::deny::DenyList;
use domain::message::InternetMessageId;
use store::Conn;
use store::accounts;
use store::accounts::MailAccount;
use store::administrators;
use store::explain;
use store::explain::Occurrences;
use store::folders;
use store::grants;

use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether anything of it is in an account that the viewer may see.
    pub is_found: bool,
    pub accounts: Vec<AccountExplanation>,
}

/// For one account, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountExplanation {
    pub account: MailAccountId,
    pub address: String,
    /// To be opened.
    pub newest: Option<MessageId>,
    pub lines: Vec<String>,
}

enum Asked {
    Address(EmailAddress),
    MessageId(InternetMessageId),
}

impl Services {
    /// `text`: an e-mail address, or a Message-ID in angle brackets.
    pub async fn explain(&self, viewer: Viewer, text: &str) -> Result<Explanation, ServiceError> {
        let asked = parse(text)?;
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let mut explained = Vec::new();
        let mut is_found = false;
        for held in access.accounts() {
            let Some(account) = accounts::find(&mut conn, held.account).await? else {
                continue;
            };
            let found = match &asked {
                Asked::Address(address) => {
                    explain::of_address(&mut conn, &access, account.id, address).await?
                }
                Asked::MessageId(id) => explain::of_message_id(&mut conn, &access, account.id, id).await?,
            };
            is_found |= found.messages > 0;
            let mut lines = occurrences(&found, held.right);
            if held.right == Right::Own {
                lines.extend(own_reasons(&mut conn, &account, &asked, &found).await?);
            }
            lines.push(self.who_sees(&mut conn, &access, held).await?);
            explained.push(AccountExplanation {
                account: account.id,
                address: account.address.to_string(),
                newest: found.newest,
                lines,
            });
        }
        Ok(Explanation {
            is_found,
            accounts: explained,
        })
    }

    async fn who_sees(
        &self,
        conn: &mut Conn,
        access: &Access,
        held: &AccountAccess,
    ) -> Result<String, ServiceError> {
        let names = administrators::list(conn).await?;
        let name = |id| {
            let found = names.iter().find(|administrator| administrator.id == id);
            found
                .map_or("somebody", |administrator| administrator.name.as_str())
                .to_owned()
        };
        if held.owner != access.viewer() {
            return Ok(format!("{} shows you this account.", name(held.owner)));
        }
        let live = grants::list_of_account(conn, held.account).await?;
        let live = live.iter().filter(|grant| grant.period.is_live(self.now()));
        let others: Vec<_> = live.map(|grant| name(grant.administrator)).collect();
        Ok(match others.as_slice() {
            [] => "Only you can see this account.".into(),
            others => format!("You can see this account, and {}.", others.join(", ")),
        })
    }
}

fn parse(text: &str) -> Result<Asked, ServiceError> {
    let text = text.trim();
    let is_message_id = text.starts_with('<');
    let asked = match is_message_id {
        true => InternetMessageId::new(text.trim_matches(['<', '>'])).map(Asked::MessageId),
        false => EmailAddress::parse(text).ok().map(Asked::Address),
    };
    let message = "Type an e-mail address, or a Message-ID in angle brackets: <abc@example.org>.";
    asked.ok_or_else(|| ServiceError::Invalid(vec![FieldError::new("of", message)]))
}

fn occurrences(found: &Occurrences, right: Right) -> Vec<String> {
    let mut lines = Vec::new();
    match found.messages {
        0 => lines.push("Nothing of it is in this account.".into()),
        1 => lines.push("One message is in this account.".into()),
        count => lines.push(format!("{count} messages are in this account.")),
    }
    if found.deleted > 0 && right >= Right::Manage {
        lines.push(format!(
            "{} more were deleted here; they can be restored for 30 days.",
            found.deleted
        ));
    }
    lines
}

/// What of the owner's settings keeps mail out.
async fn own_reasons(
    conn: &mut Conn,
    account: &MailAccount,
    asked: &Asked,
    found: &Occurrences,
) -> Result<Vec<String>, ServiceError> {
    let mut lines = Vec::new();
    let skipped = folders::skipped_counts(conn, account.id).await?;
    if let Asked::Address(address) = asked {
        if account.is_own_address(address) {
            lines.push("It is an address of your own: it never makes a message a customer's.".into());
        }
        let deny_list = DenyList::parse(&account.deny_list).unwrap_or_default();
        if let Some(line) = deny_list.find(address) {
            let stopped = skipped
                .iter()
                .find(|one| one.deny_line.as_deref() == Some(line.text.as_str()));
            let stopped = stopped.map_or(0, |one| one.count);
            lines.push(format!(
                "The deny list keeps it out: the line {} has stopped {stopped}. Take the line away, and they are fetched.",
                line.text
            ));
        }
    }
    let tracking = &account.tracking;
    if !tracking.enabled {
        lines.push("Inbox processing is off: nothing is fetched.".into());
    }
    if account.status.state.is_trouble()
        && let Some(error) = &account.status.error
    {
        lines.push(format!("The mailbox is not being read. {error}"));
    }
    if found.messages == 0 && tracking.enabled {
        lines.push(match tracking.history_since {
            Some(day) => format!("Mail from before {day} is not fetched."),
            None => {
                "Mail from before the first connection is not fetched: Process old messages is off.".into()
            }
        });
        if tracking.messages == MessagesToProcess::Unread {
            lines.push("Of INBOX only what was unread when first met is taken in.".into());
        }
        let others = skipped.iter().filter(|one| one.deny_line.is_none());
        let others: u64 = others.map(|one| one.count).sum();
        if others > 0 {
            lines.push(format!(
                "{others} messages were skipped for other reasons: see Status."
            ));
        }
        lines.push(
            "Waxseal reads INBOX and the Sent folder: a rule on the server may have put it elsewhere.".into(),
        );
    }
    Ok(lines)
}
