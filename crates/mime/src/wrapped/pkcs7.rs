//! What an S/MIME part holds (CMS, RFC 5652): its content, if that is only signed. No signature is checked.

use asn1_rs::FromBer as _;
use asn1_rs::Header;
use asn1_rs::Length;

/// Octet strings may be of pieces, which may be of pieces.
const MAX_DEPTH: usize = 4;

pub enum Envelope {
    /// With the content that is signed.
    Signed(Vec<u8>),
    Encrypted,
}

/// 1.2.840.113549.1.7.2
const SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.3, and with authentication (RFC 5083).
const ENCRYPTED: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17],
];

/// `None`: neither, or a signature without content.
pub fn envelope(bytes: &[u8]) -> Option<Envelope> {
    let (_, content_info) = enter(bytes)?;
    let (kind, rest) = primitive(content_info)?;
    if ENCRYPTED.contains(&kind) {
        return Some(Envelope::Encrypted);
    }
    if kind != SIGNED {
        return None;
    }
    let (_, explicit) = enter(rest)?;
    let (_, signed_data) = enter(explicit)?;
    let (_version, rest) = primitive(signed_data)?;
    let digests_gone = skip(rest)?;
    let (_, encapsulated) = enter(digests_gone)?;
    let (_kind, rest) = primitive(encapsulated)?;
    let (_, explicit) = enter(rest)?;
    let mut content = Vec::new();
    octets(explicit, MAX_DEPTH, &mut content)?;
    (!content.is_empty()).then_some(Envelope::Signed(content))
}

/// Into what is made of others: its header, and the bytes from its first element on. Its end is not looked for, since
/// nothing that is asked for stands behind it.
fn enter(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (content, header) = Header::from_ber(bytes).ok()?;
    header.is_constructed().then_some((header, content))
}

fn primitive(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, header) = Header::from_ber(bytes).ok()?;
    let Length::Definite(length) = header.length() else {
        return None;
    };
    content.split_at_checked(length)
}

/// What follows an element.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    let mut open = 0_usize;
    loop {
        let (content, header) = Header::from_ber(rest).ok()?;
        rest = match header.length() {
            Length::Definite(0) if is_end(&header) => {
                open = open.checked_sub(1)?;
                content
            }
            Length::Definite(length) => content.get(length..)?,
            Length::Indefinite => {
                open += 1;
                content
            }
        };
        if open == 0 {
            return Some(rest);
        }
    }
}

fn is_end(header: &Header<'_>) -> bool {
    header.tag().0 == 0 && header.class() == asn1_rs::Class::Universal
}

/// Adds one octet string; what follows it.
fn octets<'a>(bytes: &'a [u8], depth: usize, content: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (inside, header) = Header::from_ber(bytes).ok()?;
    let length = match header.length() {
        Length::Definite(length) => Some(length),
        Length::Indefinite => None,
    };
    if !header.is_constructed() {
        let (piece, after) = inside.split_at_checked(length?)?;
        content.extend_from_slice(piece);
        return Some(after);
    }
    let depth = depth.checked_sub(1)?;
    let (mut pieces, after) = match length {
        Some(length) => inside.split_at_checked(length)?,
        None => (inside, &[][..]),
    };
    loop {
        if length.is_some() && pieces.is_empty() {
            return Some(after);
        }
        if let Some(end) = pieces.strip_prefix(&[0, 0]).filter(|_| length.is_none()) {
            return Some(end);
        }
        pieces = octets(pieces, depth, content)?;
    }
}
