//! Customers and leads: one list for all administrators. What stands in their mail is another matter: that is
//! joined when it is read, account by account, for who may see it.

use std::collections::HashSet;

use domain::CleanText;
use domain::EmailAddress;
use domain::PartyId;
use domain::Timestamp;
use domain::party::AddressSource;
use domain::party::PartyKind;
use domain::search::fold_into;
use domain::text::sentence;
use store::Conn;
use store::accounts;
use store::audit;
use store::audit::AuditEntry;
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

const MAX_ADDRESSES: usize = 50;
const MAX_PAGE: u32 = 100;
const CHANGES_PAGE: u32 = 500;

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
        self.create_party_once(viewer, self.ids.next(), form).await
    }

    /// Under an id of the client's making: asked for again, because the answer was lost, it is the same record.
    pub async fn create_party_once(
        &self,
        viewer: Viewer,
        id: PartyId,
        form: PartyForm,
    ) -> Result<PartyId, ServiceError> {
        let mut conn = self.db.read().await?;
        let made = parties::find(&mut conn, id).await?;
        drop(conn);
        self.save_party_as(viewer, id, form, made).await?;
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
        let own = own_addresses(&mut conn).await?;
        drop(conn);
        let id = known.unwrap_or_else(|| self.ids.next());
        let form = PartyForm {
            external_id: Some(external_id.to_owned()),
            ..form
        };
        let mut party = check_party(id, form, None, &own)?;
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

    /// Oldest change first, from `since` on, and of that moment after `after`; the last one's moment and id are where
    /// to go on.
    pub async fn list_party_changes(
        &self,
        _program: Program,
        since: Timestamp,
        after: Option<PartyId>,
    ) -> Result<Vec<(Timestamp, Party)>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(parties::changed_since(&mut conn, since, after.unwrap_or(PartyId::NIL), CHANGES_PAGE).await?)
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
        let party = check_party(id, form, old.as_ref(), &self.own_addresses().await?)?;
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

    /// Of all accounts: owners' addresses and aliases can never be paired or blocked.
    pub(crate) async fn own_addresses(&self) -> Result<HashSet<EmailAddress>, ServiceError> {
        let mut conn = self.db.read().await?;
        own_addresses(&mut conn).await
    }
}

pub(crate) async fn own_addresses(conn: &mut Conn) -> Result<HashSet<EmailAddress>, ServiceError> {
    let accounts = accounts::list_for_engine(conn).await?.into_iter();
    Ok(accounts
        .flat_map(|account| std::iter::once(account.address).chain(account.aliases))
        .collect())
}

/// `own`: see [`own_addresses`].
pub(crate) fn check_party(
    id: PartyId,
    form: PartyForm,
    old: Option<&Party>,
    own: &HashSet<EmailAddress>,
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

/// An address that was there keeps who said so.
fn source_of(old: Option<&Party>, address: &EmailAddress) -> AddressSource {
    let held = old.and_then(|old| old.addresses.iter().find(|held| held.address == *address));
    held.map_or(AddressSource::Manual, |held| held.source)
}

pub(crate) fn words_of(party: &Party) -> PartyWords {
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
