//! Customers and leads: one record, a kind.

use serde::Deserialize;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    Customer,
    Lead,
}

impl PartyKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            PartyKind::Customer => "customer",
            PartyKind::Lead => "lead",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [PartyKind::Customer, PartyKind::Lead]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Who said that an address is a party's. An import replaces only its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressSource {
    /// The CRM, by its external id.
    Crm,
    /// Somebody paired the author of a message.
    Paired,
    /// Typed into the record.
    Manual,
}

impl AddressSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            AddressSource::Crm => "crm",
            AddressSource::Paired => "paired",
            AddressSource::Manual => "manual",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [AddressSource::Crm, AddressSource::Paired, AddressSource::Manual]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}
