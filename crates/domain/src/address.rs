//! E-mail addresses as identities: folded so that equal people compare equal.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// `local@domain`, lower case, the domain in its ASCII (IDNA) form. Plus-addresses are not folded:
/// `a+b@c` and `a@c` may be two people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an e-mail address has the form name@domain")]
    Form,
    #[error("the part after @ is not a domain name")]
    Domain,
    #[error("an e-mail address has at most 320 characters")]
    TooLong,
}

impl EmailAddress {
    /// RFC 5321 §4.5.3.1: 64 + 1 + 255.
    pub const MAX_BYTES: usize = 320;

    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Form)?;
        if local.is_empty() || local.chars().any(is_forbidden) {
            return Err(AddressError::Form);
        }
        let domain = fold_domain(domain).ok_or(AddressError::Domain)?;
        Ok(EmailAddress(format!("{}@{domain}", local.to_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// `kelly@x` of `kelly+shop@x`; `None` without such a tag.
    pub fn without_tag(&self) -> Option<EmailAddress> {
        let (base, _) = self.local().split_once('+')?;
        (!base.is_empty()).then(|| EmailAddress(format!("{base}@{}", self.domain())))
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Lower case and IDNA; `None` if it is no domain name.
pub fn fold_domain(domain: &str) -> Option<String> {
    let domain = domain.trim_end_matches('.');
    if domain.is_empty() || domain.chars().any(is_forbidden) {
        return None;
    }
    if domain.starts_with('[') && domain.ends_with(']') {
        return Some(domain.to_lowercase());
    }
    idna::domain_to_ascii(domain)
        .ok()
        .filter(|folded| !folded.is_empty())
}

fn is_forbidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character, '<' | '>' | ',' | ';' | '"' | '\\')
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> String {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_people_compare_equal() {
        for (text, folded) in [
            ("Bob@Example.ORG", "bob@example.org"),
            (" anna@bücher.example ", "anna@xn--bcher-kva.example"),
            ("a+b@c.example", "a+b@c.example"),
            ("root@localhost", "root@localhost"),
            ("x@[127.0.0.1]", "x@[127.0.0.1]"),
        ] {
            assert_eq!(EmailAddress::parse(text).expect(text).as_str(), folded);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "bob",
            "@b.c",
            "bob@",
            "b ob@b.c",
            "bob@b c",
            "a\r\nb@c.d",
            "<a@b.c>",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
