//! Customers and leads: one list for all administrators. What stands in their mail is another matter: that is
//! joined when it is read, account by account, for who may see it.

use std::collections::HashSet;

use domain::CleanText;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Right;
use domain::ThreadId;
use domain::Timestamp;
use domain::deny::DenyList;
use domain::party::AddressSource;
use domain::party::PartyKind;
use domain::rules::blocking::BlockScope;
use domain::rules::blocking::deny_lines;
use domain::search::fold_into;
use domain::text::sentence;
use store::accounts;
use store::audit;
use store::audit::AuditEntry;
use store::conversations;
use store::conversations::ConversationThread;
use store::messages;
use store::parties;
pub use store::parties::After;
pub use store::parties::Party;
pub use store::parties::PartyAddress;
pub use store::parties::PartyName;
use store::parties::PartyWords;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::api_tokens::Program;
use crate::inbox::ListedMessage;
use crate::inbox::Names;

const MAX_ADDRESSES: usize = 50;
const MAX_PAGE: u32 = 100;

/// A record as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyForm {
    pub kind: PartyKind,
    pub name: String,
    pub number: String,
    pub phone: String,
    pub status: String,
    pub external_id: Option<String>,
    pub notes: String,
    pub addresses: Vec<String>,
}

/// A line of the Communication tab.
pub struct ConversationLine {
    pub thread: ThreadId,
    pub last_at: Timestamp,
    pub messages: u64,
    pub last: ListedMessage,
}

pub struct ThreadMessage {
    pub listed: ListedMessage,
    /// The party that was asked for is among its people.
    pub with_party: bool,
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
    pub async fn list_parties(
        &self,
        _viewer: Viewer,
        kind: PartyKind,
        text: &str,
        after: Option<&After>,
    ) -> Result<(Vec<Party>, Option<After>), ServiceError> {
        let folded = folded(&[text]);
        let words: Vec<String> = folded.split_whitespace().take(8).map(str::to_owned).collect();
        let mut conn = self.db.read().await?;
        Ok(parties::list(&mut conn, kind, &words, after, MAX_PAGE).await?)
    }

    pub async fn get_party(&self, _viewer: Viewer, id: PartyId) -> Result<Party, ServiceError> {
        let mut conn = self.db.read().await?;
        parties::find(&mut conn, id).await?.ok_or(ServiceError::NotFound)
    }

    pub async fn create_party(&self, viewer: Viewer, form: PartyForm) -> Result<PartyId, ServiceError> {
        let id = PartyId::from_uuid(uuid::Uuid::new_v4());
        self.save_party_as(viewer, id, form, None).await?;
        Ok(id)
    }

    /// A lead that becomes a customer keeps its id.
    pub async fn update_party(
        &self,
        viewer: Viewer,
        id: PartyId,
        form: PartyForm,
    ) -> Result<(), ServiceError> {
        let old = self.get_party(viewer, id).await?;
        self.save_party_as(viewer, id, form, Some(old)).await
    }

    /// A record of the CRM, by its id there: made, or brought up to date. The same again changes nothing. Of its
    /// addresses only those that the CRM gave are replaced; what was paired or typed stays.
    pub async fn upsert_party(
        &self,
        program: Program,
        external_id: &str,
        form: PartyForm,
    ) -> Result<(PartyId, bool), ServiceError> {
        let mut conn = self.db.read().await?;
        let known = parties::find_by_external_id(&mut conn, external_id).await?;
        let old = match known {
            Some(id) => parties::find(&mut conn, id).await?,
            None => None,
        };
        drop(conn);
        let id = known.unwrap_or_else(|| PartyId::from_uuid(uuid::Uuid::new_v4()));
        let form = PartyForm {
            external_id: Some(external_id.to_owned()),
            ..form
        };
        let mut party = self.check_party(id, form, None).await?;
        for held in &mut party.addresses {
            held.source = AddressSource::Crm;
        }
        let kept = old
            .iter()
            .flat_map(|old| &old.addresses)
            .filter(|held| held.source != AddressSource::Crm);
        for held in kept {
            party.addresses.retain(|other| other.address != held.address);
            party.addresses.push(held.clone());
        }
        if let Some(old) = &old {
            // Notes are written here, not there.
            party.notes.clone_from(&old.notes);
        }
        if old.as_ref() == Some(&party) {
            return Ok((id, false));
        }
        let mut tx = self.db.begin_write().await?;
        if known.is_none()
            && parties::find_by_external_id(&mut tx, external_id)
                .await?
                .is_some()
        {
            return Err(ServiceError::field(
                "external_id",
                "Another request has just made this record. Send it again.",
            ));
        }
        parties::save(&mut tx, &party, &words_of(&party), self.now()).await?;
        let entry = AuditEntry {
            at: self.now(),
            actor: None,
            mail_account: None,
            verb: "party_imported".into(),
            detail: format!("{} by token {}", id, program.token),
        };
        audit::insert(&mut tx, self.ids.uuid(), &entry).await?;
        tx.commit().await?;
        self.events.publish(Event::PartyChanged { party: id });
        Ok((id, true))
    }

    /// Oldest change first, from `since` on; the last one's moment is where to go on.
    pub async fn list_party_changes(
        &self,
        _program: Program,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Party)>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(parties::changed_since(&mut conn, since, 500).await?)
    }

    /// For links that a CRM keeps.
    pub async fn find_party_by_external_id(
        &self,
        _viewer: Viewer,
        external_id: &str,
    ) -> Result<PartyId, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = parties::find_by_external_id(&mut conn, external_id).await?;
        found.ok_or(ServiceError::NotFound)
    }

    async fn save_party_as(
        &self,
        viewer: Viewer,
        id: PartyId,
        form: PartyForm,
        old: Option<Party>,
    ) -> Result<(), ServiceError> {
        let party = self.check_party(id, form, old.as_ref()).await?;
        let mut tx = self.db.begin_write().await?;
        let taken = match &party.external_id {
            Some(external_id) => parties::find_by_external_id(&mut tx, external_id).await?,
            None => None,
        };
        if taken.is_some_and(|holder| holder != id) {
            return Err(ServiceError::field(
                "external_id",
                "Another record has this external id.",
            ));
        }
        parties::save(&mut tx, &party, &words_of(&party), self.now()).await?;
        let verb = if old.is_some() {
            "party_changed"
        } else {
            "party_added"
        };
        self.record(&mut tx, viewer, None, verb, &id.to_string()).await?;
        tx.commit().await?;
        self.events.publish(Event::PartyChanged { party: id });
        Ok(())
    }

    async fn check_party(
        &self,
        id: PartyId,
        form: PartyForm,
        old: Option<&Party>,
    ) -> Result<Party, ServiceError> {
        let text = |text: &str, most| CleanText::cut(text, most).into_string();
        let mut errors = Vec::new();
        let name = text(&form.name, 200);
        if name.is_empty() {
            errors.push(FieldError::new("name", "A name is expected."));
        }
        let mut addresses: Vec<PartyAddress> = Vec::new();
        for written in form.addresses.iter().filter(|written| !written.trim().is_empty()) {
            match EmailAddress::parse(written) {
                Ok(address) if addresses.iter().any(|held| held.address == address) => {}
                Ok(address) => addresses.push(PartyAddress {
                    source: source_of(old, &address),
                    address,
                }),
                Err(error) => errors.push(FieldError::new(
                    "addresses",
                    sentence(&format!("{written}: {error}")),
                )),
            }
        }
        if addresses.len() > MAX_ADDRESSES {
            errors.push(FieldError::new(
                "addresses",
                format!("At most {MAX_ADDRESSES} addresses are kept."),
            ));
        }
        let own = self.own_addresses().await?;
        if let Some(held) = addresses.iter().find(|held| own.contains(&held.address)) {
            errors.push(FieldError::new(
                "addresses",
                format!("{} is an administrator's own address.", held.address),
            ));
        }
        if !errors.is_empty() {
            return Err(ServiceError::Invalid(errors));
        }
        Ok(Party {
            id,
            kind: form.kind,
            name,
            number: text(&form.number, 100),
            phone: text(&form.phone, 50),
            status: text(&form.status, 50),
            external_id: form
                .external_id
                .map(|id| text(&id, 200))
                .filter(|id| !id.is_empty()),
            notes: form
                .notes
                .chars()
                .filter(|c| *c == '\n' || !c.is_control())
                .take(10_000)
                .collect(),
            addresses,
        })
    }

    /// Never refused because of mail: whoever deletes it must not learn that there is some.
    pub async fn delete_party(&self, viewer: Viewer, id: PartyId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !parties::delete(&mut tx, id).await? {
            return Err(ServiceError::NotFound);
        }
        self.record(&mut tx, viewer, None, "party_deleted", &id.to_string())
            .await?;
        tx.commit().await?;
        self.events.publish(Event::PartyChanged { party: id });
        Ok(())
    }

    /// The author's address becomes one of the party's; past and coming mail of it belongs there at once, in every
    /// account, for who may see that account.
    pub async fn pair_author(
        &self,
        viewer: Viewer,
        message: MessageId,
        party: PartyId,
    ) -> Result<EmailAddress, ServiceError> {
        let author = self.author_to_act_on(viewer, message).await?.1;
        if self.own_addresses().await?.contains(&author) {
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

    /// Takes a pairing back; an address that was typed or imported stays.
    pub async fn unpair(&self, viewer: Viewer, party: PartyId, address: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut found = parties::find(&mut tx, party)
            .await?
            .ok_or(ServiceError::NotFound)?;
        let before = found.addresses.len();
        found
            .addresses
            .retain(|held| held.address.as_str() != address || held.source != AddressSource::Paired);
        if found.addresses.len() == before {
            return Err(ServiceError::NotFound);
        }
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
        let matching = matching(&mut conn, account, &lines).await?;
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
        let matching = matching(&mut tx, id, &lines).await?;
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
        crate::accounts::save_tracking(&mut tx, &mut account, tracking, deny_list).await?;
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

    fn block_changed(&self, account: MailAccountId) {
        self.events.publish(Event::AccountChanged { account });
        self.events.publish(Event::AccessChanged);
    }

    /// Threads with the party that the viewer may see, last contacted first.
    pub async fn list_conversation(
        &self,
        viewer: Viewer,
        party: PartyId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConversationLine>, ServiceError> {
        let found = self.get_party(viewer, party).await?;
        let addresses: Vec<_> = found.addresses.iter().map(|held| &held.address).collect();
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let limit = limit.clamp(1, MAX_PAGE);
        let threads = conversations::threads_with(&mut conn, &access, &addresses, before, limit).await?;
        let names = Names::load(&mut conn, threads.iter().map(|thread| &thread.last)).await?;
        let line = |thread: ConversationThread| {
            Some(ConversationLine {
                thread: thread.thread,
                last_at: thread.last_at,
                messages: thread.messages,
                last: names.describe(&access, thread.last)?,
            })
        };
        Ok(threads.into_iter().filter_map(line).collect())
    }

    /// Oldest first. [`ServiceError::NotFound`] also when it is not the viewer's to see.
    pub async fn get_thread(
        &self,
        viewer: Viewer,
        thread: ThreadId,
        party: Option<PartyId>,
    ) -> Result<Vec<ThreadMessage>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let found = messages::list_of_thread(&mut conn, &access, thread).await?;
        if found.is_empty() {
            return Err(ServiceError::NotFound);
        }
        let held: HashSet<EmailAddress> = match party {
            Some(party) => {
                let party = parties::find(&mut conn, party)
                    .await?
                    .ok_or(ServiceError::NotFound)?;
                party.addresses.into_iter().map(|held| held.address).collect()
            }
            None => HashSet::new(),
        };
        let names = Names::load(&mut conn, found.iter()).await?;
        let mut listed = Vec::with_capacity(found.len());
        for message in found {
            let people = messages::addresses(&mut conn, &message).await?;
            let with_party = people
                .iter()
                .filter_map(|named| named.address.as_ref())
                .any(|address| held.contains(address));
            if let Some(message) = names.describe(&access, message) {
                listed.push(ThreadMessage {
                    listed: message,
                    with_party,
                });
            }
        }
        Ok(listed)
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

    /// Of all accounts: owners' addresses and aliases can never be paired or blocked.
    async fn own_addresses(&self) -> Result<HashSet<EmailAddress>, ServiceError> {
        let mut conn = self.db.read().await?;
        let accounts = accounts::list_for_engine(&mut conn).await?.into_iter();
        Ok(accounts
            .flat_map(|account| std::iter::once(account.address).chain(account.aliases))
            .collect())
    }
}

async fn matching(
    conn: &mut store::Conn,
    account: MailAccountId,
    lines: &[String],
) -> Result<Vec<MessageId>, ServiceError> {
    let list = DenyList::parse(&lines.join("\n")).unwrap_or_default();
    let authors = messages::list_authors_of_account(conn, account)
        .await?
        .into_iter();
    Ok(authors
        .filter(|(_, author)| list.find(author).is_some())
        .map(|(id, _)| id)
        .collect())
}

/// An address that was there keeps who said so.
fn source_of(old: Option<&Party>, address: &EmailAddress) -> AddressSource {
    let held = old.and_then(|old| old.addresses.iter().find(|held| held.address == *address));
    held.map_or(AddressSource::Manual, |held| held.source)
}

fn words_of(party: &Party) -> PartyWords {
    let addresses: Vec<&str> = party.addresses.iter().map(|held| held.address.as_str()).collect();
    let external_id = party.external_id.as_deref().unwrap_or_default();
    let all = [
        &[party.name.as_str(), &party.number, &party.phone, external_id],
        addresses.as_slice(),
    ]
    .concat();
    PartyWords {
        sort_name: folded(&[&party.name]),
        search_text: folded(&all),
    }
}

fn folded(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        fold_into(&mut out, text);
    }
    out.trim().to_owned()
}
