//! Which address of a message to pair, and which one to warn of. Pure.

use crate::address::EmailAddress;
use crate::rules::blocking::is_free_mail;

/// Why an address may stand for others than the person who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// Sent through a mailing list or in bulk.
    List,
    /// Nobody reads what is sent there.
    NoReply,
    /// A web form of one's own: everybody who fills it in writes from this address.
    OwnDomain,
}

impl Caution {
    pub const fn as_str(self) -> &'static str {
        match self {
            Caution::List => "list",
            Caution::NoReply => "no_reply",
            Caution::OwnDomain => "own_domain",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub address: EmailAddress,
    pub caution: Option<Caution>,
}

/// What the headers say about who wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorHints {
    pub reply_to: Vec<EmailAddress>,
    /// List-Id, or Precedence: list or bulk.
    pub is_list: bool,
    /// Where one writes to all of the list.
    pub list_post: Option<EmailAddress>,
}

/// The best first. `own`: addresses of administrators.
pub fn offers(from: &EmailAddress, hints: &AuthorHints, own: &[EmailAddress]) -> Vec<Offer> {
    let caution = |address: &EmailAddress| {
        let is_own_domain =
            !is_free_mail(address.domain()) && own.iter().any(|held| held.domain() == address.domain());
        if is_no_reply(address) {
            Some(Caution::NoReply)
        } else if is_own_domain {
            Some(Caution::OwnDomain)
        } else {
            None
        }
    };
    let mut offers = Vec::new();
    if !own.contains(from) {
        offers.push(Offer {
            caution: caution(from).or(hints.is_list.then_some(Caution::List)),
            address: from.clone(),
        });
    }
    for address in &hints.reply_to {
        let is_new = offers.iter().all(|offer| offer.address != *address);
        if is_new && !own.contains(address) && hints.list_post.as_ref() != Some(address) {
            offers.push(Offer {
                caution: caution(address),
                address: address.clone(),
            });
        }
    }
    offers.sort_by_key(|offer| offer.caution.is_some());
    offers
}

fn is_no_reply(address: &EmailAddress) -> bool {
    let plain: String = address.local().chars().filter(|c| c.is_alphanumeric()).collect();
    [
        "noreply",
        "donotreply",
        "dontreply",
        "nepasrepondre",
        "noresponder",
        "mailerdaemon",
        "postmaster",
    ]
    .iter()
    .any(|word| plain.starts_with(word) || plain.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_is_offered_before_the_machine() {
        let address = |text: &str| EmailAddress::parse(text).expect(text);
        let own = [address("alice@isp.example"), address("bob@gmail.com")];
        let list = |post: &str| AuthorHints {
            is_list: true,
            list_post: Some(address(post)),
            ..AuthorHints::default()
        };
        for (from, hints, reply_to, expected) in [
            (
                "kelly@out.example",
                AuthorHints::default(),
                vec![],
                vec![("kelly@out.example", None)],
            ),
            (
                "kelly@out.example",
                AuthorHints::default(),
                vec!["k@home.example", "alice@isp.example"],
                vec![("kelly@out.example", None), ("k@home.example", None)],
            ),
            (
                "no-reply@shop.example",
                AuthorHints::default(),
                vec!["kelly@out.example"],
                vec![
                    ("kelly@out.example", None),
                    ("no-reply@shop.example", Some(Caution::NoReply)),
                ],
            ),
            (
                "form@isp.example",
                AuthorHints::default(),
                vec!["kelly@out.example"],
                vec![
                    ("kelly@out.example", None),
                    ("form@isp.example", Some(Caution::OwnDomain)),
                ],
            ),
            // A colleague at a free-mail provider does not make all of it one's own.
            (
                "kelly@gmail.com",
                AuthorHints::default(),
                vec![],
                vec![("kelly@gmail.com", None)],
            ),
            (
                "users@lists.example",
                list("users@lists.example"),
                vec!["kelly@out.example"],
                vec![
                    ("kelly@out.example", None),
                    ("users@lists.example", Some(Caution::List)),
                ],
            ),
            (
                "kelly@out.example",
                list("users@lists.example"),
                vec!["users@lists.example"],
                vec![("kelly@out.example", Some(Caution::List))],
            ),
        ] {
            let hints = AuthorHints {
                reply_to: reply_to.iter().map(|text| address(text)).collect(),
                ..hints
            };
            let found: Vec<_> = offers(&address(from), &hints, &own)
                .into_iter()
                .map(|offer| (offer.address.to_string(), offer.caution))
                .collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(text, caution)| (text.to_owned(), caution))
                .collect();
            assert_eq!(found, expected, "{from} {reply_to:?}");
        }
    }
}
