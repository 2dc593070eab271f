//! What a message claims of its sender, and what may be believed of it. Pure.

use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

use crate::address::EmailAddress;
use crate::address::fold_domain;
use crate::message::AddressRole;
use crate::message::AuthenticationResult;
use crate::message::Dmarc;
use crate::message::FromShape;
use crate::message::MessageSummary;
use crate::message::NamedAddress;
use crate::provider::writes_results_below;

/// One thing to know about a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SenderMark {
    /// The receiving server says that the domain of From has sent it (DMARC).
    Verified = 0,
    /// The receiving server says that the domain of From disowns it (DMARC).
    Disowned = 1,
    /// More than one author.
    SeveralFrom = 2,
    /// Programs read this From in different ways.
    UnclearFrom = 3,
    /// The name is an address, and not the one that it comes from.
    NameIsAddress = 4,
    /// The domain mixes alphabets, so that letters look like others.
    MixedLetters = 5,
    /// An answer goes to another domain.
    RepliesElsewhere = 6,
}

impl SenderMark {
    const ALL: [SenderMark; 7] = [
        SenderMark::Verified,
        SenderMark::Disowned,
        SenderMark::SeveralFrom,
        SenderMark::UnclearFrom,
        SenderMark::NameIsAddress,
        SenderMark::MixedLetters,
        SenderMark::RepliesElsewhere,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            SenderMark::Verified => "verified",
            SenderMark::Disowned => "disowned",
            SenderMark::SeveralFrom => "several_from",
            SenderMark::UnclearFrom => "unclear_from",
            SenderMark::NameIsAddress => "name_is_address",
            SenderMark::MixedLetters => "mixed_letters",
            SenderMark::RepliesElsewhere => "replies_elsewhere",
        }
    }

    const fn bit(self) -> i64 {
        1 << self as u8
    }
}

/// A set of them, as a column holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderMarks(i64);

impl SenderMarks {
    /// What keeps mail from being attributed by itself.
    const DOUBTS: i64 = SenderMark::Disowned.bit()
        | SenderMark::SeveralFrom.bit()
        | SenderMark::UnclearFrom.bit()
        | SenderMark::NameIsAddress.bit()
        | SenderMark::MixedLetters.bit();

    pub const fn from_bits(bits: i64) -> Self {
        SenderMarks(bits)
    }

    pub const fn bits(self) -> i64 {
        self.0
    }

    pub fn with(self, mark: SenderMark, holds: bool) -> Self {
        SenderMarks(if holds { self.0 | mark.bit() } else { self.0 })
    }

    pub const fn has(self, mark: SenderMark) -> bool {
        self.0 & mark.bit() != 0
    }

    /// It may not be from whom it says: no customer gets it by itself, and none of its images are loaded by themselves.
    pub const fn is_doubtful(self) -> bool {
        self.0 & Self::DOUBTS != 0
    }

    pub fn iter(self) -> impl Iterator<Item = SenderMark> {
        SenderMark::ALL.into_iter().filter(move |mark| self.has(*mark))
    }
}

/// `authserv_id`: the receiving server, whose word counts.
pub fn sender_marks(summary: &MessageSummary, authserv_id: Option<&str>) -> SenderMarks {
    let author = summary.author();
    let address = author.and_then(|author| author.address.as_ref());
    let domain = address.map(EmailAddress::domain).unwrap_or_default();
    let is_unclear = summary.from_shape == FromShape::Unclear || address.is_none();
    let is_verified = !is_unclear
        && summary.from_shape == FromShape::One
        && word_of(summary, authserv_id).is_some_and(|result| speaks_for(result, domain));
    SenderMarks::default()
        .with(SenderMark::Verified, is_verified)
        .with(SenderMark::Disowned, summary.is_disowned(authserv_id))
        .with(SenderMark::SeveralFrom, summary.from_shape == FromShape::Several)
        .with(SenderMark::UnclearFrom, is_unclear)
        .with(SenderMark::NameIsAddress, author.is_some_and(name_is_address))
        .with(SenderMark::MixedLetters, mixes_letters(domain))
        .with(SenderMark::RepliesElsewhere, replies_elsewhere(summary, domain))
}

/// Only a server that was named counts: a sender can write any other one's.
fn word_of<'s>(summary: &'s MessageSummary, authserv_id: Option<&str>) -> Option<&'s AuthenticationResult> {
    let id = authserv_id?;
    let mut results = summary.authentication.iter();
    results.find(|result| result.server.eq_ignore_ascii_case(id))
}

/// DMARC passed for the very domain of From. A result below the line with which that server received the message may
/// have come with it, but for providers that write their own there and take foreign ones away.
fn speaks_for(result: &AuthenticationResult, domain: &str) -> bool {
    let is_its_own = !result.is_below_its_received || writes_results_below(&result.server);
    let is_about_it = result
        .header_from
        .as_deref()
        .and_then(fold_domain)
        .is_some_and(|named| named == domain);
    is_its_own && is_about_it && result.dmarc == Some(Dmarc::Pass)
}

/// "ceo@bank.example" <evil@attacker.example>.
fn name_is_address(author: &NamedAddress) -> bool {
    let own = author
        .address
        .as_ref()
        .map(EmailAddress::as_str)
        .unwrap_or_default();
    // Read from both ends: letters may have been written to be turned around.
    let name = author.name.as_str();
    let words = name.split(|c: char| c.is_whitespace() || "<>()[]\"',;".contains(c));
    let mut claims = words.filter(|word| {
        // ＠ and ﹫ look the same in many fonts.
        word.split_once(['@', '＠', '﹫']).is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains(['.', '。', '．']) || is_turned(local)
        })
    });
    claims.any(|claim| !claim.eq_ignore_ascii_case(own))
}

/// "tset.knab@oec" stood behind a sign that turns the direction.
fn is_turned(local: &str) -> bool {
    local.contains('.')
        && EmailAddress::parse(&format!("x@{}", local.chars().rev().collect::<String>())).is_ok()
}

fn mixes_letters(domain: &str) -> bool {
    let (shown, _) = idna::domain_to_unicode(domain);
    shown
        .split('.')
        .any(|label| !label.is_ascii() && !label.is_single_script())
}

fn replies_elsewhere(summary: &MessageSummary, domain: &str) -> bool {
    let site = |domain: &str| {
        let mut labels: Vec<&str> = domain.rsplit('.').take(2).collect();
        labels.reverse();
        labels.join(".")
    };
    !domain.is_empty()
        && summary
            .addresses_in(AddressRole::ReplyTo)
            .any(|reply_to| site(reply_to.domain()) != site(domain))
}

/// What a domain looks like (UTS #39, skeleton): equal for domains that people take for each other.
pub fn looks(domain: &str) -> String {
    let (shown, _) = idna::domain_to_unicode(domain);
    skeleton(&shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CleanText;

    #[test]
    fn domains_that_look_alike_look_the_same() {
        for (one, other, alike) in [
            ("bank.example", "bаnk.example", true),
            ("bank.example", "xn--bnk-6cd.example", true),
            ("modern.example", "rnodern.example", true),
            ("paypal.example", "paypa1.example", true),
            ("bank.example", "bank.example.org", false),
            ("bank.example", "tank.example", false),
            ("isp.example", "lsp.example", false),
        ] {
            assert_eq!(looks(one) == looks(other), alike, "{one} {other}");
        }
    }

    #[test]
    fn a_name_that_is_another_address_is_told() {
        for (name, address, told) in [
            ("ceo@bank.example", "evil@out.example", true),
            ("CEO (ceo@bank.example)", "evil@out.example", true),
            ("ceo＠bank.example", "evil@out.example", true),
            ("tset.knab@oec", "evil@out.example", true),
            ("Evil@out.example", "evil@out.example", false),
            ("Kelly @ Home", "kelly@out.example", false),
            ("Kelly@Home", "kelly@out.example", false),
            ("Kelly", "kelly@out.example", false),
        ] {
            let author = NamedAddress {
                role: AddressRole::From,
                name: CleanText::new(name),
                address: EmailAddress::parse(address).ok(),
            };
            assert_eq!(name_is_address(&author), told, "{name}");
        }
    }

    #[test]
    fn marks_are_a_set_that_a_column_holds() {
        let marks = SenderMarks::default()
            .with(SenderMark::Verified, true)
            .with(SenderMark::RepliesElsewhere, true)
            .with(SenderMark::Disowned, false);
        let again = SenderMarks::from_bits(marks.bits());
        assert_eq!(
            again.iter().collect::<Vec<_>>(),
            [SenderMark::Verified, SenderMark::RepliesElsewhere]
        );
        assert!(!again.is_doubtful());
        assert!(again.with(SenderMark::UnclearFrom, true).is_doubtful());
    }
}
