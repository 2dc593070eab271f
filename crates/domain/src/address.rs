//! E-mail addresses as identities: folded so that equal people compare equal.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

use serde::Deserialize;
use serde::Serialize;

/// `local@domain`, lower case, the domain in its ASCII (IDNA) form. Plus-addresses are not folded:
/// `a+b@c` and `a@c` may be two people.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    folded: String,
    /// As it was written, where that is not its folded form: its host may tell by it (RFC 5321 §2.4), and those of
    /// ticket systems do. It never tells two people apart.
    local: Option<Box<str>>,
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for EmailAddress {}

impl PartialOrd for EmailAddress {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EmailAddress {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

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
        let lower = local.to_lowercase();
        let has_own_form = local != lower && local.is_ascii();
        Ok(EmailAddress {
            folded: format!("{lower}@{domain}"),
            local: has_own_form.then(|| local.into()),
        })
    }

    /// By which it is known.
    pub fn as_str(&self) -> &str {
        &self.folded
    }

    /// By which it is written to.
    pub fn as_written(&self) -> Cow<'_, str> {
        match &self.local {
            Some(local) => format!("{local}@{}", self.domain()).into(),
            None => self.as_str().into(),
        }
    }

    pub fn local(&self) -> &str {
        self.folded.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// `kelly@x` of `kelly+shop@x`; `None` without such a tag.
    pub fn without_tag(&self) -> Option<EmailAddress> {
        let (base, _) = self.local().split_once('+')?;
        (!base.is_empty()).then(|| EmailAddress {
            folded: format!("{base}@{}", self.domain()),
            local: None,
        })
    }

    /// The same box, or a tag of it: what is sent to `kelly+shop@x` lies with `kelly@x`.
    pub fn is_in_box_of(&self, owner: &EmailAddress) -> bool {
        self == owner || self.without_tag().as_ref() == Some(owner)
    }

    pub fn domain(&self) -> &str {
        self.folded.rsplit_once('@').map_or("", |(_, domain)| domain)
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
        f.write_str(&self.folded)
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
        address.folded
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
    fn an_address_is_written_to_as_it_was_written() {
        for (text, written) in [
            ("Bob@Example.ORG", "Bob@example.org"),
            ("reply+AbC9x@help.example", "reply+AbC9x@help.example"),
            ("bob@example.org", "bob@example.org"),
            ("ОЛЕНА@kyiv.example", "олена@kyiv.example"),
        ] {
            let address = EmailAddress::parse(text).expect(text);
            assert_eq!(address.as_written(), written);
            assert_eq!(address, EmailAddress::parse(&text.to_lowercase()).expect(text));
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
