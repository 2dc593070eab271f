//! Customers and leads, and whose address is whose.

use std::collections::HashMap;

use domain::EmailAddress;
use domain::PartyId;
use domain::Timestamp;
use domain::party::AddressSource;
use domain::party::PartyKind;
use domain::rules::sender::looks;

use crate::Conn;
use crate::StoreError;
use crate::Tx;
use crate::db::Statement;
use crate::value::Row;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub id: PartyId,
    pub kind: PartyKind,
    pub name: String,
    /// Login or number, as the CRM calls it.
    pub number: String,
    pub phone: String,
    pub status: String,
    pub external_id: Option<String>,
    pub notes: String,
    pub addresses: Vec<PartyAddress>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyAddress {
    pub address: EmailAddress,
    pub source: AddressSource,
}

/// A party as the author of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyName {
    pub id: PartyId,
    pub kind: PartyKind,
    pub name: String,
}

/// Folded words of a record, by which it is found and sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyWords {
    pub sort_name: String,
    pub search_text: String,
}

const UPSERT: &str = "
    INSERT INTO parties
           (id, kind, name, number, phone, status, external_id, notes, sort_name, search_text, created_at,
            updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
        ON CONFLICT (id) DO UPDATE
       SET kind = excluded.kind, name = excluded.name, number = excluded.number, phone = excluded.phone,
           status = excluded.status, external_id = excluded.external_id, notes = excluded.notes,
           sort_name = excluded.sort_name, search_text = excluded.search_text,
           updated_at = excluded.updated_at";
const FORGET_ADDRESSES: &str = "DELETE FROM party_addresses WHERE party_id = $1";
const INSERT_ADDRESSES: &str =
    "INSERT INTO party_addresses (party_id, address, source, position, domain_looks)";

/// The record and its addresses, exactly as they are here.
pub async fn save(tx: &mut Tx, party: &Party, words: &PartyWords, now: Timestamp) -> Result<(), StoreError> {
    let statement = Statement::new(UPSERT)
        .bind(party.id)
        .bind(party.kind.as_str())
        .bind(party.name.as_str())
        .bind(party.number.as_str())
        .bind(party.phone.as_str())
        .bind(party.status.as_str())
        .bind(party.external_id.clone())
        .bind(party.notes.as_str())
        .bind(words.sort_name.as_str())
        .bind(words.search_text.as_str())
        .bind(now);
    tx.execute(statement).await?;
    tx.execute(Statement::new(FORGET_ADDRESSES).bind(party.id))
        .await?;
    let rows = party.addresses.iter().zip(0_u32..).map(|(held, position)| {
        vec![
            party.id.into(),
            held.address.as_str().into(),
            held.source.as_str().into(),
            position.into(),
            looks(held.address.domain()).into(),
        ]
    });
    tx.execute_rows(INSERT_ADDRESSES, "", rows.collect()).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: PartyId) -> Result<bool, StoreError> {
    let delete = Statement::new("DELETE FROM parties WHERE id = $1").bind(id);
    Ok(tx.execute(delete).await? == 1)
}

const SELECT: &str = "
    SELECT id, kind, name, number, phone, status, external_id, notes, sort_name
      FROM parties";

pub async fn find(conn: &mut Conn, id: PartyId) -> Result<Option<Party>, StoreError> {
    let statement = Statement::new(format!("{SELECT} WHERE id = $1")).bind(id);
    let found = conn.fetch_optional(statement).await?;
    let mut found: Vec<_> = found.iter().map(party).collect::<Result<_, _>>()?;
    load_addresses(conn, &mut found).await?;
    Ok(found.pop())
}

const BY_EXTERNAL_ID: &str = "SELECT id FROM parties WHERE external_id = $1";

pub async fn find_by_external_id(conn: &mut Conn, external_id: &str) -> Result<Option<PartyId>, StoreError> {
    let row = conn
        .fetch_optional(Statement::new(BY_EXTERNAL_ID).bind(external_id))
        .await?;
    row.map(|row| row.id("id")).transpose()
}

const BY_NUMBER: &str = "SELECT id FROM parties WHERE number = $1 ORDER BY id LIMIT 2";

/// `None` also where several records have it.
pub async fn find_by_number(conn: &mut Conn, number: &str) -> Result<Option<PartyId>, StoreError> {
    let rows = conn.fetch_all(Statement::new(BY_NUMBER).bind(number)).await?;
    match rows.as_slice() {
        [row] => row.id("id").map(Some),
        _ => Ok(None),
    }
}

const CHANGED_SINCE: &str = "
    SELECT id, kind, name, number, phone, status, external_id, notes, sort_name, updated_at
      FROM parties
     WHERE updated_at >= $1 AND (updated_at > $2 OR id > $3)
     ORDER BY updated_at, id
     LIMIT $4";

/// With the moment of each change, oldest first; of those of the moment `since`, only what comes after `after`.
pub async fn changed_since(
    conn: &mut Conn,
    since: Timestamp,
    after: PartyId,
    limit: u32,
) -> Result<Vec<(Timestamp, Party)>, StoreError> {
    let select = Statement::new(CHANGED_SINCE).bind(since).bind(since).bind(after);
    let rows = conn.fetch_all(select.bind(limit)).await?;
    let mut found: Vec<_> = rows.iter().map(party).collect::<Result<_, _>>()?;
    load_addresses(conn, &mut found).await?;
    let times = rows
        .iter()
        .map(|row| row.time("updated_at"))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(times.into_iter().zip(found).collect())
}

/// Where a page begins: after this name and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub sort_name: String,
    pub id: PartyId,
}

/// By name. `words`: folded; each has to stand in the record.
pub async fn list(
    conn: &mut Conn,
    kind: PartyKind,
    words: &[String],
    after: Option<&After>,
    limit: u32,
) -> Result<(Vec<Party>, Option<After>), StoreError> {
    let mut statement = Statement::new(format!("{SELECT} WHERE kind = $1")).bind(kind.as_str());
    for word in words {
        statement.push_sql(&format!(
            " AND search_text LIKE ${} ESCAPE '!'",
            statement.next_placeholder()
        ));
        statement = statement.bind(format!("%{}%", escape_like(word)));
    }
    if let Some(after) = after {
        let (name, id) = (statement.next_placeholder(), statement.next_placeholder() + 1);
        statement.push_sql(&format!(
            " AND (sort_name > ${name} OR (sort_name = ${name} AND id > ${id}))"
        ));
        statement = statement.bind(after.sort_name.as_str()).bind(after.id);
    }
    statement.push_sql(&format!(
        " ORDER BY sort_name, id LIMIT ${}",
        statement.next_placeholder()
    ));
    let rows = conn.fetch_all(statement.bind(limit)).await?;
    let mut found: Vec<_> = rows.iter().map(party).collect::<Result<_, _>>()?;
    load_addresses(conn, &mut found).await?;
    let last = rows.last().filter(|_| rows.len() >= limit as usize);
    let next = last.map(|row| {
        Ok::<_, StoreError>(After {
            sort_name: row.text("sort_name")?,
            id: row.id("id")?,
        })
    });
    Ok((found, next.transpose()?))
}

fn escape_like(word: &str) -> String {
    word.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn party(row: &Row) -> Result<Party, StoreError> {
    let kind = PartyKind::parse(&row.text("kind")?);
    Ok(Party {
        id: row.id("id")?,
        kind: kind.ok_or(StoreError::Unexpected("kind of a party"))?,
        name: row.text("name")?,
        number: row.text("number")?,
        phone: row.text("phone")?,
        status: row.text("status")?,
        external_id: row.optional_text("external_id")?,
        notes: row.text("notes")?,
        addresses: Vec::new(),
    })
}

async fn load_addresses(conn: &mut Conn, parties: &mut [Party]) -> Result<(), StoreError> {
    if parties.is_empty() {
        return Ok(());
    }
    let mut statement =
        Statement::new("SELECT party_id, address, source FROM party_addresses WHERE party_id IN ");
    statement.push_list(parties.iter().map(|party| Value::from(party.id)));
    statement.push_sql(" ORDER BY party_id, position");
    let mut held: HashMap<PartyId, Vec<PartyAddress>> = HashMap::new();
    for row in conn.fetch_all(statement).await? {
        let source = AddressSource::parse(&row.text("source")?);
        let address = EmailAddress::parse(&row.text("address")?);
        held.entry(row.id("party_id")?).or_default().push(PartyAddress {
            address: address.map_err(|_| StoreError::Unexpected("address of a party"))?,
            source: source.ok_or(StoreError::Unexpected("source of an address"))?,
        });
    }
    for party in parties {
        party.addresses = held.remove(&party.id).unwrap_or_default();
    }
    Ok(())
}

/// Parties with an address of the same person as people use them: `kelly+shop@x` beside `kelly@x`.
pub async fn find_similar(
    conn: &mut Conn,
    address: &EmailAddress,
) -> Result<Vec<(PartyName, EmailAddress)>, StoreError> {
    let base = address.without_tag().unwrap_or_else(|| address.clone());
    let tagged = format!("{}+%@{}", escape_like(base.local()), escape_like(base.domain()));
    let mut statement = Statement::new(
        "SELECT a.address, p.id, p.kind, p.name
           FROM party_addresses a
           JOIN parties p ON p.id = a.party_id
          WHERE a.address <> $1 AND (a.address = $2 OR a.address LIKE $3 ESCAPE '!')",
    )
    .bind(address.as_str())
    .bind(base.as_str())
    .bind(tagged);
    statement.push_sql(" ORDER BY p.sort_name, p.id LIMIT 10");
    let rows = conn.fetch_all(statement).await?;
    rows.iter()
        .map(|row| {
            let address = EmailAddress::parse(&row.text("address")?);
            Ok((
                party_name(row)?,
                address.map_err(|_| StoreError::Unexpected("address of a party"))?,
            ))
        })
        .collect()
}

fn party_name(row: &Row) -> Result<PartyName, StoreError> {
    let kind = PartyKind::parse(&row.text("kind")?);
    Ok(PartyName {
        id: row.id("id")?,
        kind: kind.ok_or(StoreError::Unexpected("kind of a party"))?,
        name: row.text("name")?,
    })
}

/// Whose these addresses are; more than one party for one address is possible, and never picked from silently.
pub async fn find_by_addresses(
    conn: &mut Conn,
    addresses: &[&str],
) -> Result<HashMap<String, Vec<PartyName>>, StoreError> {
    let mut found: HashMap<String, Vec<PartyName>> = HashMap::new();
    if addresses.is_empty() {
        return Ok(found);
    }
    let mut statement = Statement::new(
        "SELECT a.address, p.id, p.kind, p.name
           FROM party_addresses a
           JOIN parties p ON p.id = a.party_id
          WHERE a.address IN ",
    );
    statement.push_list(addresses.iter().map(|address| Value::from(*address)));
    statement.push_sql(" ORDER BY p.sort_name, p.id");
    for row in conn.fetch_all(statement).await? {
        found
            .entry(row.text("address")?)
            .or_default()
            .push(party_name(&row)?);
    }
    Ok(found)
}

/// Addresses of parties under domains that look like one of these (`domain::rules::sender::looks`).
pub async fn find_lookalikes(conn: &mut Conn, looks: &[String]) -> Result<Vec<EmailAddress>, StoreError> {
    if looks.is_empty() {
        return Ok(Vec::new());
    }
    // One address of a domain is enough to name it.
    let mut statement = Statement::new(
        "SELECT domain_looks, MIN(address) AS address FROM party_addresses WHERE domain_looks IN ",
    );
    statement.push_list(looks.iter().map(|looks| Value::from(looks.as_str())));
    statement.push_sql(" GROUP BY domain_looks");
    let rows = conn.fetch_all(statement).await?;
    let addresses = rows.iter().map(|row| {
        EmailAddress::parse(&row.text("address")?).map_err(|_| StoreError::Unexpected("address of a party"))
    });
    addresses.collect()
}
