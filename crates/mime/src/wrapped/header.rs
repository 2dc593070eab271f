//! The header of a part that is out of its encoding.

use super::uuencode::UuFile;
use crate::fields::fields;

/// The fields that describe the body, but for the encoding that it is out of.
fn content_fields(header: &[u8], line_end: u8) -> Vec<u8> {
    let mut kept = Vec::new();
    for field in fields(header, 0..header.len(), line_end) {
        let name = header[field.name.clone()].to_ascii_lowercase();
        if name.starts_with(b"content-") && name != b"content-transfer-encoding" {
            kept.extend_from_slice(header[field.name.start..field.value.end].trim_ascii_end());
            kept.extend_from_slice(b"\r\n");
        }
    }
    kept
}

pub fn of_text(header: &[u8], line_end: u8) -> Vec<u8> {
    [content_fields(header, line_end), b"\r\n".to_vec()].concat()
}

/// Where no field of its own names a part that is out of uuencode, the line `begin` does.
pub fn of_uuencoded(header: &[u8], line_end: u8, file: &UuFile) -> Vec<u8> {
    [
        content_fields(header, line_end).as_slice(),
        b"Content-Description: ",
        &quoted(&file.name),
        b"\r\nContent-Transfer-Encoding: binary\r\n\r\n",
        &file.bytes,
    ]
    .concat()
}

/// Fit to stand between quotes in a field of one line.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let is_fit = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | 0x7f);
    text.iter().copied().filter(is_fit).take(500).collect()
}
