//! Customers and leads from a CSV file: looked at first, then taken in.

use std::collections::HashMap;

use domain::EmailAddress;
use domain::PartyId;
use domain::party::AddressSource;
use domain::party::PartyKind;
use domain::text::sentence;
use store::parties;
use store::parties::Party;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::parties::PartyForm;
use crate::parties::words_of;

const MAX_ROWS: usize = 50_000;
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// In the file, from 1.
    pub line: u64,
    pub errors: Vec<FieldError>,
}

/// A field of a record, by the column names that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Column {
    Kind,
    Name,
    Number,
    Phone,
    Status,
    ExternalId,
    Notes,
    Addresses,
}

const COLUMNS: &[(&str, Column)] = &[
    ("kind", Column::Kind),
    ("type", Column::Kind),
    ("name", Column::Name),
    ("fullname", Column::Name),
    ("customername", Column::Name),
    ("number", Column::Number),
    ("login", Column::Number),
    ("customerid", Column::Number),
    ("phone", Column::Phone),
    ("status", Column::Status),
    ("externalid", Column::ExternalId),
    ("id", Column::ExternalId),
    ("notes", Column::Notes),
    ("email", Column::Addresses),
    ("emails", Column::Addresses),
    ("emailaddress", Column::Addresses),
    ("emailaddresses", Column::Addresses),
];

impl Services {
    /// `apply` false: only says what would happen. A line is a record that is here already by its external id, by
    /// its number, or by an address that only one record has; its addresses are added to those, the other columns
    /// that the file has replace. What cannot be read is named and left out; the rest goes in, all at once.
    pub async fn import_parties(
        &self,
        viewer: Viewer,
        kind: PartyKind,
        csv: &[u8],
        apply: bool,
    ) -> Result<ImportReport, ServiceError> {
        let file = read(csv)?;
        let mut report = ImportReport {
            ignored_columns: file.ignored,
            ..ImportReport::default()
        };
        let mut tx = self.db.begin_write().await?;
        let mut changed = Vec::new();
        for (line, row) in file.rows {
            let known = find(&mut tx, &row).await?;
            let old = match known {
                Some(id) => parties::find(&mut tx, id).await?,
                None => None,
            };
            let id = known.unwrap_or_else(|| PartyId::from_uuid(uuid::Uuid::new_v4()));
            let form = form(&row, kind, old.as_ref());
            let mut party = match form {
                Ok(form) => self.check_party(id, form, old.as_ref()).await,
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
                    report.refused += 1;
                    if report.refusals.len() < MAX_REFUSED {
                        report.refusals.push(RefusedLine { line, errors });
                    }
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

type Row = HashMap<Column, String>;

struct File {
    rows: Vec<(u64, Row)>,
    ignored: Vec<String>,
}

fn read(csv: &[u8]) -> Result<File, ServiceError> {
    let wrong = |reason: String| ServiceError::field("file", reason);
    let text = std::str::from_utf8(csv)
        .map_err(|_| wrong("The file is not UTF-8. Save it as \"CSV UTF-8\".".into()))?
        .trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    // Spreadsheets of half of Europe write semicolons.
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| first.bytes().filter(|byte| byte == delimiter).count())
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads = reader
        .headers()
        .map_err(|error| wrong(sentence(&error.to_string())))?
        .clone();
    let columns: Vec<Option<Column>> = heads.iter().map(column).collect();
    if !columns.contains(&Some(Column::Name)) {
        return Err(wrong("A column \"name\" is expected in the first line.".into()));
    }
    let ignored = heads.iter().zip(&columns).filter(|(_, column)| column.is_none());
    let ignored = ignored.map(|(head, _)| head.chars().take(60).collect()).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(sentence(&error.to_string())))?;
        if rows.len() == MAX_ROWS {
            return Err(wrong(format!(
                "At most {MAX_ROWS} lines are taken at once. Split the file."
            )));
        }
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row::new();
        for (value, column) in record.iter().zip(&columns) {
            if let Some(column) = column {
                let held: &mut String = row.entry(*column).or_default();
                if !held.is_empty() && !value.is_empty() {
                    held.push(' ');
                }
                held.push_str(value);
            }
        }
        rows.push((line, row));
    }
    Ok(File { rows, ignored })
}

fn column(head: &str) -> Option<Column> {
    let plain: String = head
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    COLUMNS
        .iter()
        .find(|(name, _)| *name == plain)
        .map(|(_, column)| *column)
}

fn addresses(row: &Row) -> impl Iterator<Item = &str> {
    let written = row.get(&Column::Addresses).map_or("", String::as_str);
    let pieces = written.split([',', ';', '|', '\n']).map(str::trim);
    // Spaces part addresses only where there are several.
    let apart = pieces.flat_map(|piece| match piece.matches('@').count() {
        0 | 1 => vec![piece],
        _ => piece.split_ascii_whitespace().collect(),
    });
    apart.filter(|written| !written.is_empty())
}

async fn find(conn: &mut store::Conn, row: &Row) -> Result<Option<PartyId>, ServiceError> {
    let text = |column| row.get(&column).filter(|text| !text.is_empty());
    if let Some(external_id) = text(Column::ExternalId) {
        return Ok(parties::find_by_external_id(conn, external_id).await?);
    }
    if let Some(number) = text(Column::Number) {
        return Ok(parties::find_by_number(conn, number).await?);
    }
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
        external_id: Some(text(
            Column::ExternalId,
            old.and_then(|old| old.external_id.as_ref()),
        ))
        .filter(|id| !id.is_empty()),
        notes: text(Column::Notes, old.map(|old| &old.notes)),
        addresses: held.chain(addresses(row).map(str::to_owned)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_the_names_that_people_use() {
        let text = "\u{feff}Full name;E-mail;E-mail 2;Login;Colour\nKelly;k@out.example;\"k2@out.example, k3@out.example\";K-1;red\n";
        let file = read(text.as_bytes()).expect("file");
        assert_eq!(file.ignored, ["Colour"]);
        let (line, row) = &file.rows[0];
        assert_eq!((*line, row[&Column::Name].as_str()), (2, "Kelly"));
        let found: Vec<_> = addresses(row).collect();
        assert_eq!(found, ["k@out.example", "k2@out.example", "k3@out.example"]);
        assert_eq!(row[&Column::Number], "K-1");
    }

    #[test]
    fn what_is_no_list_of_customers_is_refused_whole() {
        for text in [&b"email\nk@out.example\n"[..], b"name\n\xff\n"] {
            assert!(read(text).is_err());
        }
    }
}
