//! Contacts (vCard 2.1, 3.0 and 4.0): what a record of a customer or a lead is made of.

use domain::CleanText;
use domain::EmailAddress;

use crate::content_lines::Line;
use crate::content_lines::components;
use crate::content_lines::lines;
use crate::content_lines::unescaped;

const MAX_CARDS: usize = 20;
const MAX_VALUES: usize = 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactCard {
    /// Of a person, else of what they work for.
    pub name: CleanText,
    pub organization: CleanText,
    pub addresses: Vec<EmailAddress>,
    pub phones: Vec<CleanText>,
    /// Postal addresses, one line each.
    pub places: Vec<CleanText>,
}

/// Those that name somebody.
pub fn contact_cards(text: &str) -> Vec<ContactCard> {
    let mut cards = Vec::new();
    let mut card = ContactCard::default();
    let mut parts_of_name = CleanText::default();
    for line in lines(text) {
        let is_card = line.value.trim().eq_ignore_ascii_case("VCARD");
        match line.name.as_str() {
            "BEGIN" if is_card => (card, parts_of_name) = Default::default(),
            "N" => parts_of_name = in_order(&line.value),
            "END" if is_card => {
                let card = std::mem::take(&mut card).named(&parts_of_name);
                if !card.name.is_empty() && cards.len() < MAX_CARDS {
                    cards.push(card);
                }
            }
            _ => card.add(&line),
        }
    }
    cards
}

/// Family name; given name; further names; before; behind.
fn in_order(value: &str) -> CleanText {
    let parts = components(value);
    let ordered = [3, 1, 2, 0, 4].into_iter().filter_map(|place| parts.get(place));
    let named: Vec<&str> = ordered
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    CleanText::cut(&named.join(" "), 200)
}

impl ContactCard {
    fn add(&mut self, line: &Line) {
        let text = || CleanText::cut(&unescaped(&line.value), 200);
        match line.name.as_str() {
            "FN" if self.name.is_empty() => self.name = text(),
            "ORG" if self.organization.is_empty() => self.organization = joined(&line.value, ", "),
            "EMAIL" => {
                let written = unescaped(&line.value);
                let written = written.trim();
                let address = EmailAddress::parse(written.strip_prefix("mailto:").unwrap_or(written));
                push_new(&mut self.addresses, address.ok());
            }
            "TEL" => {
                let written = unescaped(&line.value);
                let phone = CleanText::cut(written.trim().trim_start_matches("tel:"), 60);
                push_new(&mut self.phones, Some(phone).filter(|phone| !phone.is_empty()));
            }
            "ADR" => {
                let place = joined(&line.value, ", ");
                push_new(&mut self.places, Some(place).filter(|place| !place.is_empty()));
            }
            _ => {}
        }
    }

    fn named(mut self, parts: &CleanText) -> Self {
        let first_address = self
            .addresses
            .first()
            .map(|address| CleanText::new(address.as_str()));
        let others = [
            parts.clone(),
            self.organization.clone(),
            first_address.unwrap_or_default(),
        ];
        if self.name.is_empty() {
            self.name = others
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_default();
        }
        self
    }
}

fn joined(value: &str, between: &str) -> CleanText {
    let parts = components(value);
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    CleanText::cut(&parts.join(between), 200)
}

fn push_new<T: PartialEq>(values: &mut Vec<T>, value: Option<T>) {
    if let Some(value) = value.filter(|value| values.len() < MAX_VALUES && !values.contains(value)) {
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_every_version_are_read() {
        for (text, name, organization, addresses, phones) in [
            (
                "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Kelly Sanders\r\nN:Sanders;Kelly;;;\r\nORG:Out\\, Inc.;Sales\r\nEMAIL;TYPE=WORK:Kelly@out.example\r\nTEL:+49 1\r\nTEL:+49 2\r\nEND:VCARD\r\n",
                "Kelly Sanders",
                "Out, Inc., Sales",
                vec!["kelly@out.example"],
                vec!["+49 1", "+49 2"],
            ),
            (
                "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=\n=FCrgen\nEMAIL;INTERNET;PREF:j@out.example\nEND:VCARD\n",
                "Jürgen Müller",
                "",
                vec!["j@out.example"],
                vec![],
            ),
            (
                "BEGIN:VCARD\nVERSION:4.0\nitem1.FN:Jo\nitem1.EMAIL:jo@out.example\nTEL;VALUE=uri:tel:+1-2\nPHOTO:data:image/jpeg;base64,\n AAAA\nEND:VCARD",
                "Jo",
                "",
                vec!["jo@out.example"],
                vec!["+1-2"],
            ),
            (
                "BEGIN:VCARD\nORG:Out Inc.\nEND:VCARD",
                "Out Inc.",
                "Out Inc.",
                vec![],
                vec![],
            ),
        ] {
            let cards = contact_cards(text);
            let card = &cards[0];
            assert_eq!(card.name.as_str(), name, "{text}");
            assert_eq!(card.organization.as_str(), organization, "{text}");
            let found: Vec<_> = card.addresses.iter().map(EmailAddress::as_str).collect();
            assert_eq!(found, addresses, "{text}");
            let found: Vec<_> = card.phones.iter().map(CleanText::as_str).collect();
            assert_eq!(found, phones, "{text}");
        }
        assert_eq!(contact_cards("BEGIN:VCARD\nEND:VCARD\nhello"), []);
        assert_eq!(
            contact_cards(&"BEGIN:VCARD\nFN:x\nEND:VCARD\n".repeat(50)).len(),
            MAX_CARDS
        );
    }
}
