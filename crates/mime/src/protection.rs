//! Whether a message is encrypted or signed, and with what. Said of it, not vouched for: no signature is checked here.

use mail_parser::Message;
use mail_parser::MimeHeaders as _;

use crate::files::File;
use crate::skeleton::Skeleton;
use crate::wrapped::Envelope;
use crate::wrapped::envelope;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    Encrypted(Method),
    /// Its content is shown; who signed it was not looked at.
    Signed(Method),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Smime,
    OpenPgp,
    /// OpenPGP within the text.
    InlinePgp,
    Unknown,
}

impl Protection {
    pub fn note(self) -> &'static str {
        match self {
            Protection::Encrypted(Method::Smime) => {
                "This message is encrypted with S/MIME and cannot be read here. Its content is in the attached file."
            }
            Protection::Encrypted(Method::OpenPgp) => {
                "This message is encrypted with OpenPGP (PGP/MIME) and cannot be read here. Its content is in the attached files."
            }
            Protection::Encrypted(Method::InlinePgp) => {
                "The text of this message is encrypted with OpenPGP (inline PGP) and cannot be read here."
            }
            Protection::Encrypted(Method::Unknown) => {
                "This message is encrypted and cannot be read here. Its content is in the attached files."
            }
            Protection::Signed(Method::Smime) => {
                "This message bears an S/MIME signature. It was not checked, so it does not prove who wrote this."
            }
            Protection::Signed(Method::OpenPgp | Method::InlinePgp) => {
                "This message bears an OpenPGP signature. It was not checked, so it does not prove who wrote this."
            }
            Protection::Signed(Method::Unknown) => {
                "This message bears a signature. It was not checked, so it does not prove who wrote this."
            }
        }
    }
}

/// What is encrypted is said before what is signed.
pub fn protection(
    message: &Message<'_>,
    skeleton: &Skeleton<'_>,
    files: &[File<'_>],
    text: &str,
) -> Option<Protection> {
    let encrypted = encrypted_whole(message)
        .or_else(|| files.iter().find_map(encrypted_file))
        .or_else(|| has_line(text, "-----BEGIN PGP MESSAGE-----").then_some(Method::InlinePgp));
    let signed = || {
        let is_inline = has_line(text, "-----BEGIN PGP SIGNED MESSAGE-----");
        let opened = skeleton.has_signed.then_some(Method::Smime);
        opened
            .or_else(|| signed_whole(message))
            .or(is_inline.then_some(Method::InlinePgp))
    };
    encrypted
        .map(Protection::Encrypted)
        .or_else(|| signed().map(Protection::Signed))
}

fn encrypted_whole(message: &Message<'_>) -> Option<Method> {
    of_multipart(message, "encrypted")
}

fn signed_whole(message: &Message<'_>) -> Option<Method> {
    of_multipart(message, "signed")
}

/// RFC 1847: the protocol says with what.
fn of_multipart(message: &Message<'_>, subtype: &str) -> Option<Method> {
    let types = message.parts.iter().filter_map(|part| part.content_type());
    let mut found = types.filter(|kind| kind.ctype() == "multipart" && kind.subtype() == Some(subtype));
    let protocol = found
        .next()?
        .attribute("protocol")
        .unwrap_or_default()
        .to_ascii_lowercase();
    Some(match protocol {
        protocol if protocol.contains("pgp") => Method::OpenPgp,
        protocol if protocol.contains("pkcs7") => Method::Smime,
        _ => Method::Unknown,
    })
}

/// Servers take a multipart apart and leave its files.
fn encrypted_file(file: &File<'_>) -> Option<Method> {
    let is_smime =
        file.content_type.ends_with("pkcs7-mime") || file.name.as_str().to_lowercase().ends_with(".p7m");
    match file.content_type.as_str() {
        "application/pgp-encrypted" => Some(Method::OpenPgp),
        _ if is_smime => {
            let is_readable = matches!(envelope(&file.bytes()), Some(Envelope::Encrypted));
            (is_readable || file.says("enveloped")).then_some(Method::Smime)
        }
        _ => None,
    }
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|found| found.trim_end() == line)
}
