//! Customers and leads from a CSV file: looked at first, then taken in.

use domain::EmailAddress;
use domain::PartyId;
use domain::party::AddressSource;
use domain::party::PartyKind;
use store::parties;
use store::parties::Party;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::import_file::Column;
pub use crate::import_file::ReadAs;
use crate::import_file::Row;
use crate::import_file::addresses;
use crate::import_file::read;
use crate::parties::PartyForm;
use crate::parties::check_party;
use crate::parties::own_addresses;
use crate::parties::words_of;

/// Refused lines that are named one by one.
const MAX_REFUSED: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub refused: u64,
    /// The first of the refused.
    pub refusals: Vec<RefusedLine>,
    /// Columns that mean nothing here.
    pub ignored_columns: Vec<String>,
    /// The file is not Unicode, and says nothing of what it is.
    pub read_as: Option<ReadAs>,
}

impl ImportReport {
    fn refuse(&mut self, line: u64, errors: Vec<FieldError>) {
        self.refused += 1;
        if self.refusals.len() < MAX_REFUSED {
            self.refusals.push(RefusedLine { line, errors });
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// In the file, from 1.
    pub line: u64,
    pub errors: Vec<FieldError>,
}

impl Services {
    /// `apply` false: only says what would happen. A line is a record that is here already by its external id, else by
    /// its number, else by an address that only one record has; its addresses are added to those, the other columns
    /// that the file has replace. What cannot be read is named and left out; the rest goes in, all at once.
    pub async fn import_parties(
        &self,
        viewer: Viewer,
        kind: PartyKind,
        csv: &[u8],
        apply: bool,
    ) -> Result<ImportReport, ServiceError> {
        let csv = csv.to_vec();
        let file = self.parsing.for_viewer(move || read(&csv)).await??;
        let mut report = ImportReport {
            ignored_columns: file.ignored,
            read_as: file.read_as,
            ..ImportReport::default()
        };
        let mut tx = self.db.begin_write().await?;
        let own = own_addresses(&mut tx).await?;
        let mut changed = Vec::new();
        for (line, row) in file.rows {
            let known = match row {
                Ok(row) => find(&mut tx, &row).await.map(|known| (known, row)),
                Err(reason) => Err(ServiceError::field("file", reason)),
            };
            let (known, row) = match known {
                Err(ServiceError::Invalid(errors)) => {
                    report.refuse(line, errors);
                    continue;
                }
                known => known?,
            };
            let old = match known {
                Some(id) => parties::find(&mut tx, id).await?,
                None => None,
            };
            let id = known.unwrap_or_else(|| self.ids.next());
            let form = form(&row, kind, old.as_ref());
            let mut party = match form {
                Ok(form) => check_party(id, form, old.as_ref(), &own),
                Err(error) => Err(error),
            };
            if let Ok(party) = &mut party {
                for held in &mut party.addresses {
                    let was_held = old
                        .iter()
                        .flat_map(|old| &old.addresses)
                        .any(|other| other == held);
                    if !was_held {
                        held.source = AddressSource::Manual;
                    }
                }
            }
            match party {
                Err(ServiceError::Invalid(errors)) => {
                    report.refuse(line, errors);
                }
                Err(error) => return Err(error),
                Ok(party) if old.as_ref() == Some(&party) => report.unchanged += 1,
                Ok(party) => {
                    match old {
                        Some(_) => report.changed += 1,
                        None => report.added += 1,
                    }
                    parties::save(&mut tx, &party, &words_of(&party), self.now()).await?;
                    changed.push(party.id);
                }
            }
        }
        if apply {
            let what = format!("{} added, {} changed", report.added, report.changed);
            self.record(&mut tx, viewer, None, "parties_imported", &what)
                .await?;
            tx.commit().await?;
            for party in changed {
                self.events.publish(Event::PartyChanged { party });
            }
        }
        Ok(report)
    }
}

/// The record that a line is about: by its external id, else by its number, else by an address that one record alone
/// has. A file may bring ids or numbers for records that have none yet; one that has another is somebody else's.
async fn find(conn: &mut store::Conn, row: &Row) -> Result<Option<PartyId>, ServiceError> {
    let external_id = text_of(row, Column::ExternalId);
    if let Some(external_id) = external_id
        && let Some(known) = parties::find_by_external_id(conn, external_id).await?
    {
        return Ok(Some(known));
    }
    let number = text_of(row, Column::Number);
    if let Some(number) = number
        && let Some(known) = parties::find_by_number(conn, number).await?
    {
        let party = parties::find(conn, known).await?;
        let held = party.and_then(|party| party.external_id);
        return match is_free(held.as_deref(), external_id) {
            true => Ok(Some(known)),
            false => Err(ServiceError::field(
                "number",
                "The record with this number has another external id.",
            )),
        };
    }
    let Some(known) = find_by_address(conn, row).await? else {
        return Ok(None);
    };
    let party = parties::find(conn, known).await?;
    // One address of two people: both are kept.
    let is_same = party.is_some_and(|party| {
        is_free(party.external_id.as_deref(), external_id) && is_free(Some(&party.number), number)
    });
    Ok(is_same.then_some(known))
}

fn text_of(row: &Row, column: Column) -> Option<&str> {
    row.get(&column)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

/// What a record has, and what a line says it has, may be of one.
fn is_free(held: Option<&str>, told: Option<&str>) -> bool {
    let held = held.filter(|held| !held.is_empty());
    held.is_none() || told.is_none() || held == told
}

async fn find_by_address(conn: &mut store::Conn, row: &Row) -> Result<Option<PartyId>, ServiceError> {
    let parsed: Vec<_> = addresses(row)
        .filter_map(|written| EmailAddress::parse(written).ok())
        .collect();
    let parsed: Vec<&str> = parsed.iter().map(EmailAddress::as_str).collect();
    let found = parties::find_by_addresses(conn, &parsed).await?;
    let mut ids: Vec<PartyId> = found.into_values().flatten().map(|party| party.id).collect();
    ids.sort();
    ids.dedup();
    Ok(match ids.as_slice() {
        [id] => Some(*id),
        _ => None,
    })
}

fn form(row: &Row, kind: PartyKind, old: Option<&Party>) -> Result<PartyForm, ServiceError> {
    let text = |column, held: Option<&String>| match row.get(&column) {
        Some(text) => text.clone(),
        None => held.cloned().unwrap_or_default(),
    };
    let held = old
        .iter()
        .flat_map(|old| &old.addresses)
        .map(|held| held.address.to_string());
    let kind = match row.get(&Column::Kind).filter(|text| !text.is_empty()) {
        Some(text) => PartyKind::parse(&text.to_lowercase())
            .ok_or_else(|| ServiceError::field("kind", "customer or lead is expected."))?,
        None => old.map_or(kind, |old| old.kind),
    };
    Ok(PartyForm {
        kind,
        name: text(Column::Name, old.map(|old| &old.name)),
        number: text(Column::Number, old.map(|old| &old.number)),
        phone: text(Column::Phone, old.map(|old| &old.phone)),
        status: text(Column::Status, old.map(|old| &old.status)),
        // By it a record is known: an empty cell does not take it away.
        external_id: text_of(row, Column::ExternalId)
            .map(str::to_owned)
            .or_else(|| old.and_then(|old| old.external_id.clone())),
        notes: text(Column::Notes, old.map(|old| &old.notes)),
        addresses: held.chain(addresses(row).map(str::to_owned)).collect(),
    })
}
