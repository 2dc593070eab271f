//! What is done with the author of a message: paired to a record, or blocked; each can be taken back.

use std::collections::HashSet;
use std::time::Duration;

use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Right;
use domain::Timestamp;
use domain::deny::DenyLine;
use domain::deny::DenyList;
use domain::party::AddressSource;
use domain::rules::blocking::BlockScope;
use domain::rules::blocking::deny_lines;
use domain::rules::pairing;
pub use domain::rules::pairing::Offer;
use domain::text::sentence;
use store::accounts;
use store::messages;
use store::parties;
use store::parties::PartyAddress;
use store::parties::PartyName;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::accounts::save_tracking;
use crate::parties::words_of;

const PREVIEWED: Duration = Duration::from_secs(90 * 24 * 3600);
const MAX_PREVIEWED: usize = 100;

/// A line that is about to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyPreview {
    pub line: String,
    /// That it would have kept out.
    pub messages: u64,
}

/// What can be done about the author of a message.
pub struct Pairing {
    pub offers: Vec<Offer>,
    /// With the address that is like it: never paired by itself.
    pub similar: Vec<(PartyName, EmailAddress)>,
}

/// What a block did, by which it can be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub account: MailAccountId,
    pub lines: Vec<String>,
    /// Messages that match and are here.
    pub messages: u64,
    /// Deleted at this moment, if they were.
    pub deleted_at: Option<Timestamp>,
}

impl Services {
    /// The author's address becomes one of the party's; past and coming mail of it belongs there at once, in every
    /// account, for who may see that account.
    pub async fn pair_author(
        &self,
        viewer: Viewer,
        message: MessageId,
        party: PartyId,
        address: Option<EmailAddress>,
    ) -> Result<EmailAddress, ServiceError> {
        let (_, from) = self.author_to_act_on(viewer, message).await?;
        let own = self.own_addresses().await?;
        let author = match address {
            None => from,
            Some(chosen) => {
                let offered = self.offers(viewer, message, &from, &own).await?;
                if offered.iter().all(|offer| offer.address != chosen) {
                    return Err(ServiceError::field(
                        "address",
                        "Neither From nor Reply-To of this message holds this address.",
                    ));
                }
                chosen
            }
        };
        if own.contains(&author) {
            return Err(ServiceError::field(
                "message",
                "This is an administrator's own address.",
            ));
        }
        let mut tx = self.db.begin_write().await?;
        let mut found = parties::find(&mut tx, party)
            .await?
            .ok_or(ServiceError::NotFound)?;
        if !found.addresses.iter().any(|held| held.address == author) {
            found.addresses.push(PartyAddress {
                address: author.clone(),
                source: AddressSource::Paired,
            });
            parties::save(&mut tx, &found, &words_of(&found), self.now()).await?;
            self.record(&mut tx, viewer, None, "paired", &party.to_string())
                .await?;
        }
        tx.commit().await?;
        self.events.publish(Event::PartyChanged { party });
        Ok(author)
    }

    /// What could be paired of a message, the best first, and records that may be the same person's.
    pub async fn get_pairing(&self, viewer: Viewer, message: MessageId) -> Result<Pairing, ServiceError> {
        let (_, from) = self.author_to_act_on(viewer, message).await?;
        let own = self.own_addresses().await?;
        let offers = self.offers(viewer, message, &from, &own).await?;
        let mut conn = self.db.read().await?;
        let mut similar = Vec::new();
        for offer in &offers {
            similar.extend(parties::find_similar(&mut conn, &offer.address).await?);
        }
        Ok(Pairing { offers, similar })
    }

    async fn offers(
        &self,
        viewer: Viewer,
        message: MessageId,
        from: &EmailAddress,
        own: &HashSet<EmailAddress>,
    ) -> Result<Vec<Offer>, ServiceError> {
        let raw = self
            .read_raw(&self.find_message(viewer, message).await?.1)
            .await?;
        let hints = self.parsing.for_viewer(move || mime::author_hints(&raw)).await?;
        let own: Vec<_> = own.iter().cloned().collect();
        Ok(pairing::offers(from, &hints.unwrap_or_default(), &own))
    }

    /// Takes a pairing back; an address that was typed or imported stays.
    pub async fn unpair(&self, viewer: Viewer, party: PartyId, address: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut found = parties::find(&mut tx, party)
            .await?
            .ok_or(ServiceError::NotFound)?;
        let held = found
            .addresses
            .iter()
            .position(|held| held.address.as_str() == address);
        let Some(held) = held else {
            // Asked for again, because the answer was lost.
            return Ok(());
        };
        if found.addresses[held].source != AddressSource::Paired {
            return Err(ServiceError::NotFound);
        }
        found.addresses.remove(held);
        parties::save(&mut tx, &found, &words_of(&found), self.now()).await?;
        self.record(&mut tx, viewer, None, "unpaired", &party.to_string())
            .await?;
        tx.commit().await?;
        self.events.publish(Event::PartyChanged { party });
        Ok(())
    }

    /// What a block of the author would put on the deny list, and how much of it is here. Changes nothing.
    pub async fn preview_block(
        &self,
        viewer: Viewer,
        message: MessageId,
        scope: BlockScope,
    ) -> Result<Blocked, ServiceError> {
        let (account, author) = self.author_to_act_on(viewer, message).await?;
        let lines = self.block_lines(&author, scope).await?;
        let mut conn = self.db.read().await?;
        let matching = matching(&mut conn, account, &lines, Timestamp::EPOCH).await?;
        Ok(Blocked {
            account,
            messages: matching.len() as u64,
            lines,
            deleted_at: None,
        })
    }

    /// Puts the author, or the domain, on the deny list of the account that received the message; `remove`: what
    /// is here of it is deleted too.
    pub async fn block_author(
        &self,
        viewer: Viewer,
        message: MessageId,
        scope: BlockScope,
        remove: bool,
    ) -> Result<Blocked, ServiceError> {
        let (id, author) = self.author_to_act_on(viewer, message).await?;
        let lines = self.block_lines(&author, scope).await?;
        let mut tx = self.db.begin_write().await?;
        let mut account = accounts::find(&mut tx, id).await?.ok_or(ServiceError::NotFound)?;
        let known = DenyList::parse(&account.deny_list).unwrap_or_default();
        let lines: Vec<String> = lines
            .into_iter()
            .filter(|line| known.lines().iter().all(|held| held.text != *line))
            .collect();
        for line in &lines {
            if !account.deny_list.is_empty() && !account.deny_list.ends_with('\n') {
                account.deny_list.push('\n');
            }
            account.deny_list.push_str(line);
            account.deny_list.push('\n');
        }
        accounts::update_settings(&mut tx, &account).await?;
        let matching = matching(&mut tx, id, &lines, Timestamp::EPOCH).await?;
        let now = self.now();
        if remove {
            messages::delete_many(&mut tx, &matching, now).await?;
        }
        self.record(&mut tx, viewer, Some(id), "blocked", "").await?;
        tx.commit().await?;
        self.block_changed(id);
        Ok(Blocked {
            account: id,
            lines,
            messages: matching.len() as u64,
            deleted_at: remove.then_some(now),
        })
    }

    /// Takes a block back: the lines, and what was deleted with them.
    pub async fn unblock(&self, viewer: Viewer, blocked: &Blocked) -> Result<(), ServiceError> {
        let access = self.access_of(viewer).await?;
        if !access.allows(blocked.account, Right::Manage) {
            return Err(ServiceError::NotFound);
        }
        let mut tx = self.db.begin_write().await?;
        let mut account = accounts::find(&mut tx, blocked.account)
            .await?
            .ok_or(ServiceError::NotFound)?;
        let tracking = account.tracking.clone();
        let kept = account
            .deny_list
            .lines()
            .filter(|line| !blocked.lines.iter().any(|taken| taken == line.trim()));
        let deny_list: String = kept.map(|line| format!("{line}\n")).collect();
        save_tracking(&mut tx, &mut account, tracking, deny_list).await?;
        accounts::update_settings(&mut tx, &account).await?;
        if let Some(at) = blocked.deleted_at {
            messages::restore_deleted_at(&mut tx, blocked.account, at).await?;
        }
        self.record(&mut tx, viewer, Some(blocked.account), "unblocked", "")
            .await?;
        tx.commit().await?;
        self.block_changed(blocked.account);
        Ok(())
    }

    /// What each line that is not on the list yet would have kept out in the last 90 days. Owner only.
    pub async fn preview_deny_list(
        &self,
        viewer: Viewer,
        account: MailAccountId,
        text: &str,
    ) -> Result<Vec<DenyPreview>, ServiceError> {
        let account = self.get_own_account(viewer, account).await?;
        let list = DenyList::parse(text)
            .map_err(|error| ServiceError::field("deny_list", sentence(&error.to_string())))?;
        let known = DenyList::parse(&account.deny_list).unwrap_or_default();
        let mut conn = self.db.read().await?;
        let since = self.now().minus(PREVIEWED);
        let authors = messages::list_authors_of_account(&mut conn, account.id, since).await?;
        let is_new = |line: &&DenyLine| known.lines().iter().all(|held| held.text != line.text);
        let preview = |line: &DenyLine| DenyPreview {
            line: line.text.clone(),
            messages: authors
                .iter()
                .filter(|(_, author)| line.pattern.matches(author))
                .count() as u64,
        };
        Ok(list
            .lines()
            .iter()
            .filter(is_new)
            .take(MAX_PREVIEWED)
            .map(preview)
            .collect())
    }

    fn block_changed(&self, account: MailAccountId) {
        self.events.publish(Event::AccountChanged { account });
        self.events.publish(Event::AccessChanged);
    }

    /// Needs Manage in the account of the message.
    async fn author_to_act_on(
        &self,
        viewer: Viewer,
        id: MessageId,
    ) -> Result<(MailAccountId, EmailAddress), ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        if !access.allows(message.account, Right::Manage) {
            return Err(ServiceError::NotFound);
        }
        let address = message
            .author_address
            .as_deref()
            .and_then(|text| EmailAddress::parse(text).ok());
        let address = address
            .ok_or_else(|| ServiceError::field("message", "This message has no author with an address."))?;
        Ok((message.account, address))
    }

    async fn block_lines(
        &self,
        author: &EmailAddress,
        scope: BlockScope,
    ) -> Result<Vec<String>, ServiceError> {
        let own = self.own_addresses().await?;
        let own_domain = |domain: &str| own.iter().any(|address| address.domain() == domain);
        deny_lines(author, scope, |address| own.contains(address), own_domain)
            .map_err(|refusal| ServiceError::field("scope", sentence(&refusal.to_string())))
    }
}

async fn matching(
    conn: &mut store::Conn,
    account: MailAccountId,
    lines: &[String],
    since: Timestamp,
) -> Result<Vec<MessageId>, ServiceError> {
    let list = DenyList::parse(&lines.join("\n")).unwrap_or_default();
    let authors = messages::list_authors_of_account(conn, account, since)
        .await?
        .into_iter();
    Ok(authors
        .filter(|(_, author)| list.find(author).is_some())
        .map(|(id, _)| id)
        .collect())
}
