//! Whose a message is, and who an answer to it goes to. Pure.

use crate::address::EmailAddress;
use crate::message::AddressRole;
use crate::message::NamedAddress;

/// Who an answer goes to, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered<'a> {
    pub to: Vec<&'a NamedAddress>,
    pub cc: Vec<&'a NamedAddress>,
}

/// The people of a message's header, and which of them are its owner.
pub struct Header<'a, F> {
    pub people: &'a [NamedAddress],
    pub is_own: F,
}

impl<'a, F: Fn(&EmailAddress) -> bool> Header<'a, F> {
    /// Mail from an own address is the owner's, wherever it lies; but a web form writes from there too, because SPF
    /// forbids it another From, and says by Reply-To for whom.
    pub fn is_from_owner(&self) -> bool {
        self.own(AddressRole::From).next().is_some() && self.foreign(AddressRole::ReplyTo).next().is_none()
    }

    /// `is_outgoing`: it is the owner's own, and is answered to whom it went. With `all`, everybody who had it. The
    /// owner is written to only where there is nobody else; an answer without recipients is never meant.
    pub fn answered(&self, is_outgoing: bool, all: bool) -> Answered<'a> {
        let to = match is_outgoing || self.is_from_owner() {
            true => self.first_of(&[AddressRole::To, AddressRole::ReplyTo, AddressRole::Cc]),
            false => self.first_of(&[AddressRole::ReplyTo, AddressRole::From, AddressRole::Sender]),
        };
        let mut answered = Answered::default();
        for one in to {
            push_new(&mut answered.to, &[], one);
        }
        if all {
            for one in self.foreign(AddressRole::To).chain(self.foreign(AddressRole::Cc)) {
                push_new(&mut answered.cc, &answered.to, one);
            }
        }
        answered
    }

    /// Of the first of these fields that names anybody but the owner; else of the first that names anybody.
    fn first_of(&self, roles: &[AddressRole]) -> Vec<&'a NamedAddress> {
        let foreign = roles.iter().map(|role| self.foreign(*role).collect());
        let any = roles.iter().map(|role| self.named(*role).collect());
        let mut found = foreign.chain(any).filter(|found: &Vec<_>| !found.is_empty());
        found.next().unwrap_or_default()
    }

    fn named(&self, role: AddressRole) -> impl Iterator<Item = &'a NamedAddress> {
        let people = self.people.iter();
        people.filter(move |named| named.role == role && named.address.is_some())
    }

    fn own(&self, role: AddressRole) -> impl Iterator<Item = &'a NamedAddress> {
        self.named(role).filter(|named| self.is_owner(named))
    }

    fn foreign(&self, role: AddressRole) -> impl Iterator<Item = &'a NamedAddress> {
        self.named(role).filter(|named| !self.is_owner(named))
    }

    fn is_owner(&self, named: &NamedAddress) -> bool {
        named.address.as_ref().is_some_and(&self.is_own)
    }
}

fn push_new<'a>(list: &mut Vec<&'a NamedAddress>, other: &[&'a NamedAddress], one: &'a NamedAddress) {
    let is_known = |held: &&NamedAddress| held.address == one.address;
    if !list.iter().chain(other).any(is_known) {
        list.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CleanText;

    fn people(text: &str) -> Vec<NamedAddress> {
        let named = text.split_whitespace().map(|word| {
            let (role, address) = word.split_once(':').expect("role:address");
            NamedAddress {
                role: AddressRole::parse(role).expect("role"),
                name: CleanText::default(),
                address: Some(EmailAddress::parse(address).expect("address")),
            }
        });
        named.collect()
    }

    fn header(people: &[NamedAddress]) -> Header<'_, impl Fn(&EmailAddress) -> bool> {
        let own = ["me@isp.example", "alias@isp.example"].map(|text| EmailAddress::parse(text).expect("own"));
        Header {
            people,
            is_own: move |address: &EmailAddress| own.iter().any(|held| address.is_in_box_of(held)),
        }
    }

    fn written(list: &[&NamedAddress]) -> String {
        let addresses = list.iter().filter_map(|named| named.address.as_ref());
        addresses.map(EmailAddress::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_answer_goes_where_a_person_would_send_it() {
        for (header_text, is_outgoing, to, cc_of_all) in [
            ("from:kelly@o.x to:me@isp.example", false, "kelly@o.x", ""),
            (
                "from:kelly@o.x to:me@isp.example to:tom@o.x cc:ann@o.x",
                false,
                "kelly@o.x",
                "tom@o.x ann@o.x",
            ),
            (
                "from:kelly@o.x reply_to:k@home.x to:me@isp.example",
                false,
                "k@home.x",
                "",
            ),
            // A form, from an own address.
            (
                "from:me@isp.example reply_to:kelly@o.x to:me@isp.example",
                false,
                "kelly@o.x",
                "",
            ),
            (
                "from:Me@ISP.example reply_to:kelly@o.x to:sales@isp.example",
                false,
                "kelly@o.x",
                "sales@isp.example",
            ),
            // Stored as the owner's before forms were known.
            (
                "from:me@isp.example reply_to:kelly@o.x to:me@isp.example",
                true,
                "kelly@o.x",
                "",
            ),
            // A Reply-To that is only ourselves is none, by whatever name of ours.
            (
                "from:kelly@o.x reply_to:me@isp.example to:me@isp.example cc:tom@o.x",
                false,
                "kelly@o.x",
                "tom@o.x",
            ),
            (
                "from:kelly@o.x reply_to:ME+t7@Isp.Example reply_to:alias@isp.example to:me@isp.example",
                false,
                "kelly@o.x",
                "",
            ),
            (
                "from:kelly@o.x reply_to:me@isp.example reply_to:desk@o.x to:me@isp.example",
                false,
                "desk@o.x",
                "",
            ),
            (
                "reply_to:me@isp.example sender:kelly@o.x to:me@isp.example",
                false,
                "kelly@o.x",
                "",
            ),
            // Our names are in no answer to all; nobody is there twice.
            (
                "from:kelly@o.x to:me+shop@isp.example to:ALIAS@isp.example cc:Kelly@O.x cc:tom@o.x cc:tom@o.x",
                false,
                "kelly@o.x",
                "tom@o.x",
            ),
            // One's own.
            (
                "from:me@isp.example to:kelly@o.x cc:tom@o.x",
                true,
                "kelly@o.x",
                "tom@o.x",
            ),
            (
                "from:me@isp.example reply_to:alias@isp.example to:kelly@o.x",
                true,
                "kelly@o.x",
                "",
            ),
            (
                "from:me+x@isp.example to:kelly@o.x to:me@isp.example",
                false,
                "kelly@o.x",
                "",
            ),
            (
                "from:me@isp.example reply_to:desk@o.x to:kelly@o.x to:tom@o.x",
                true,
                "kelly@o.x tom@o.x",
                "",
            ),
            (
                "from:me@isp.example to:me@isp.example",
                true,
                "me@isp.example",
                "",
            ),
            ("from:me@isp.example cc:tom@o.x bcc:ann@o.x", true, "tom@o.x", ""),
            // A list of ours wrote through us: nobody else is there.
            (
                "from:me+bot@isp.example reply_to:me@isp.example",
                false,
                "me@isp.example",
                "",
            ),
            ("", false, "", ""),
        ] {
            let people = people(header_text);
            let header = header(&people);
            let reply = header.answered(is_outgoing, false);
            assert_eq!(
                (written(&reply.to).as_str(), reply.cc.len()),
                (to, 0),
                "{header_text}"
            );
            let all = header.answered(is_outgoing, true);
            assert_eq!(
                (written(&all.to).as_str(), written(&all.cc).as_str()),
                (to, cc_of_all),
                "{header_text}"
            );
        }
    }

    #[test]
    fn mail_from_an_own_address_is_the_owners_unless_somebody_else_is_to_be_answered() {
        for (header_text, is_from_owner) in [
            ("from:me@isp.example to:kelly@o.x", true),
            (
                "from:me@isp.example reply_to:alias@isp.example to:kelly@o.x",
                true,
            ),
            ("from:me@isp.example reply_to:me+x@isp.example to:kelly@o.x", true),
            ("from:me@isp.example reply_to:kelly@o.x to:me@isp.example", false),
            (
                "from:me@isp.example reply_to:kelly@o.x reply_to:me@isp.example",
                false,
            ),
            ("from:kelly@o.x reply_to:me@isp.example to:me@isp.example", false),
            ("to:me@isp.example", false),
        ] {
            assert_eq!(
                header(&people(header_text)).is_from_owner(),
                is_from_owner,
                "{header_text}"
            );
        }
    }
}
