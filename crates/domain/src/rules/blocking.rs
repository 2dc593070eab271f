//! What "Block email" puts on the deny list. Pure.

use crate::address::EmailAddress;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockScope {
    Address,
    /// The domain and its subdomains.
    Domain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockRefusal {
    #[error("this is a free-mail domain: blocking it would keep out everybody who has an address there")]
    FreeMail,
    #[error("this is your own address, or a colleague's")]
    Own,
}

/// Domains where anybody may have an address. Not complete: what is missing can be blocked, and unblocked.
const FREE_MAIL: &[&str] = &[
    "aol.com",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "i.ua",
    "icloud.com",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "163.com",
    "126.com",
    "seznam.cz",
    "t-online.de",
    "ukr.net",
    "web.de",
    "wp.pl",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
];

pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.contains(&domain)
}

/// Lines for the deny list. `own`: addresses of the owner and of administrators.
pub fn deny_lines(
    author: &EmailAddress,
    scope: BlockScope,
    own: impl Fn(&EmailAddress) -> bool,
    own_domain: impl Fn(&str) -> bool,
) -> Result<Vec<String>, BlockRefusal> {
    if own(author) {
        return Err(BlockRefusal::Own);
    }
    let domain = author.domain();
    match scope {
        BlockScope::Address => Ok(vec![author.as_str().to_owned()]),
        BlockScope::Domain if is_free_mail(domain) => Err(BlockRefusal::FreeMail),
        BlockScope::Domain if own_domain(domain) => Err(BlockRefusal::Own),
        BlockScope::Domain => Ok(vec![domain.to_owned(), format!("*.{domain}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_out_what_was_meant_and_nobody_else() {
        let address = |text: &str| EmailAddress::parse(text).expect("address");
        let lines = |texts: &[&str]| Ok(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        for (author, scope, expected) in [
            ("a@spam.example", BlockScope::Address, lines(&["a@spam.example"])),
            (
                "a@spam.example",
                BlockScope::Domain,
                lines(&["spam.example", "*.spam.example"]),
            ),
            ("a@gmail.com", BlockScope::Address, lines(&["a@gmail.com"])),
            ("a@gmail.com", BlockScope::Domain, Err(BlockRefusal::FreeMail)),
            ("alice@isp.example", BlockScope::Address, Err(BlockRefusal::Own)),
            ("new@isp.example", BlockScope::Domain, Err(BlockRefusal::Own)),
        ] {
            let own = |found: &EmailAddress| found.as_str() == "alice@isp.example";
            let own_domain = |found: &str| found == "isp.example";
            assert_eq!(
                deny_lines(&address(author), scope, own, own_domain),
                expected,
                "{author} {scope:?}"
            );
        }
    }
}
