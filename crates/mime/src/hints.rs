//! What headers say about who wrote, for pairing.

use std::collections::HashSet;

use domain::EmailAddress;
use domain::message::AddressRole;
use domain::rules::pairing::AuthorHints;

use crate::parse::parse;
use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;
use crate::summary::addresses;

/// Reads the header only.
pub fn author_hints(raw: &[u8]) -> Result<AuthorHints, Refusal> {
    let end = memchr::memmem::find(raw, b"\r\n\r\n").map_or(raw.len(), |end| end + 4);
    let skeleton = Skeleton::of(&raw[..end])?;
    let message = parse(&skeleton)?.message;
    let mut hints = AuthorHints {
        reply_to: addresses(&message)
            .into_iter()
            .filter(|named| named.role == AddressRole::ReplyTo)
            .filter_map(|named| named.address)
            .collect(),
        ..AuthorHints::default()
    };
    for (name, value) in message.headers_raw() {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "list-id" => hints.is_list = true,
            "precedence" => {
                hints.is_list |= value.eq_ignore_ascii_case("list") || value.eq_ignore_ascii_case("bulk");
            }
            // RFC 2369 §3.4: `<mailto:list@host?...>`.
            "list-post" => hints.list_post = mailto(value),
            _ => {}
        }
    }
    Ok(hints)
}

/// The addresses of the header as it writes them: lists know them folded.
pub fn written_addresses(raw: &[u8]) -> Result<HashSet<EmailAddress>, Refusal> {
    let end = memchr::memmem::find(raw, b"\r\n\r\n").map_or(raw.len(), |end| end + 4);
    let skeleton = Skeleton::of(&raw[..end])?;
    let people = addresses(&parse(&skeleton)?.message).into_iter();
    Ok(people.filter_map(|named| named.address).collect())
}

fn mailto(value: &str) -> Option<EmailAddress> {
    let (_, rest) = value.split_once("<mailto:")?;
    let address = rest.split(['>', '?']).next()?;
    EmailAddress::parse(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_tells_that_it_is_one() {
        let raw = b"From: users@lists.example\r\nReply-To: Kelly <kelly@out.example>\r\n\
List-Id: <users.lists.example>\r\nList-Post: <mailto:users@lists.example?subject=x>\r\n\r\nhi";
        let hints = author_hints(raw).expect("hints");
        assert!(hints.is_list);
        assert_eq!(hints.reply_to[0].as_str(), "kelly@out.example");
        assert_eq!(hints.list_post.expect("post").as_str(), "users@lists.example");
    }
}
