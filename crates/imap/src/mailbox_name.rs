//! Folder names: modified UTF-7 on the wire (RFC 3501 §5.1.3), plain text for people.
//!
//! Ours because the library that has it panics on malformed names, and those come from servers.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;

const CODEC: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A folder's name exactly as the server writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailboxName(Vec<u8>);

impl MailboxName {
    pub fn from_wire(wire: &[u8]) -> Self {
        MailboxName(wire.to_vec())
    }

    pub fn inbox() -> Self {
        MailboxName(b"INBOX".to_vec())
    }

    pub fn from_text(text: &str) -> Self {
        let mut wire = Vec::with_capacity(text.len());
        let mut shifted = Vec::new();
        for character in text.chars() {
            if matches!(character, ' '..='~') {
                flush_shifted(&mut wire, &mut shifted);
                wire.push(character as u8);
                if character == '&' {
                    wire.push(b'-');
                }
            } else {
                shifted.extend(
                    character
                        .encode_utf16(&mut [0; 2])
                        .iter()
                        .flat_map(|unit| unit.to_be_bytes()),
                );
            }
        }
        flush_shifted(&mut wire, &mut shifted);
        MailboxName(wire)
    }

    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// As people read it. A shift that does not decode is shown as it stands; raw UTF-8 is taken as such.
    pub fn to_text(&self) -> String {
        let wire = String::from_utf8_lossy(&self.0);
        let mut text = String::with_capacity(wire.len());
        let mut rest = wire.as_ref();
        while let Some((before, after)) = rest.split_once('&') {
            text.push_str(before);
            // A shift ends where its alphabet does: what follows is looked at once, however many signs of shifts there are.
            let end = after.find(|c: char| !is_shifted(c)).unwrap_or(after.len());
            let (shifted, tail) = after.split_at(end);
            let decoded = match shifted {
                "" => Some("&".to_owned()),
                _ => decode_shifted(shifted),
            };
            (text, rest) = match (decoded, tail.strip_prefix('-')) {
                (Some(decoded), Some(tail)) => (text + &decoded, tail),
                _ => (text + "&", after),
            };
        }
        text.push_str(rest);
        text
    }
}

fn flush_shifted(wire: &mut Vec<u8>, shifted: &mut Vec<u8>) {
    if shifted.is_empty() {
        return;
    }
    wire.push(b'&');
    wire.extend_from_slice(CODEC.encode(&shifted).as_bytes());
    wire.push(b'-');
    shifted.clear();
}

/// The alphabet of a shift (RFC 3501 §5.1.3).
fn is_shifted(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | ',')
}

fn decode_shifted(shifted: &str) -> Option<String> {
    let bytes = CODEC.decode(shifted).ok()?;
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (wire, text) in [
            ("INBOX", "INBOX"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("&BB0EMAQ0BFYEQQQ7BDAEPQRW-", "Надіслані"),
            ("R&-D", "R&D"),
            ("&2D3eAA-", "😀"),
        ] {
            assert_eq!(MailboxName::from_wire(wire.as_bytes()).to_text(), text);
            assert_eq!(MailboxName::from_text(text).wire(), wire.as_bytes());
        }
    }

    #[test]
    fn malformed_names_are_shown_as_they_stand() {
        for wire in ["&", "a&b", "&!!-", "&AA-x", "Заявки", "&2D0-"] {
            assert!(
                !MailboxName::from_wire(wire.as_bytes()).to_text().is_empty(),
                "{wire}"
            );
        }
    }
}
