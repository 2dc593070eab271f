//! Header blocks, line by line: where a field stands, and where there is none.

use std::ops::Range;

use memchr::memchr;

/// No name is longer.
const MAX_NAME_BYTES: usize = 200;

/// Where a field stands in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Range<usize>,
    /// What is behind the colon, with its line ends.
    pub value: Range<usize>,
}

/// The fields of a block; lines that belong to none are passed over.
pub fn fields(raw: &[u8], block: Range<usize>, line_end: u8) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut at = block.start;
    let mut is_open = false;
    while at < block.end {
        let end = end_of_line(&raw[..block.end], at, line_end);
        let line = &raw[at..end];
        if is_continued(line) {
            if let Some(last) = fields.last_mut().filter(|_| is_open) {
                last.value.end = end;
            }
        } else if let Some(length) = name_length(line) {
            let colon = at + memchr(b':', line).unwrap_or(length);
            fields.push(Field {
                name: at..at + length,
                value: colon + 1..end,
            });
            is_open = true;
        } else {
            is_open = false;
        }
        at = end;
    }
    fields
}

/// Just after the line that begins at `at`.
pub fn end_of_line(raw: &[u8], at: usize, line_end: u8) -> usize {
    memchr(line_end, &raw[at..]).map_or(raw.len(), |found| at + found + 1)
}

/// It begins with white space (RFC 5322 §2.2.3).
pub fn is_continued(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// How long the name is of the field that a line begins, without the white space that some put before the colon.
pub fn name_length(line: &[u8]) -> Option<usize> {
    let colon = memchr(b':', &line[..line.len().min(MAX_NAME_BYTES)])?;
    let name = line[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|byte| matches!(byte, 33..=126));
    is_name.then_some(name.len())
}

/// A field that mail has, not a word of a text that has a colon behind it.
pub fn is_known(name: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "reply-to",
        "sender",
        "received",
        "return-path",
        "in-reply-to",
        "references",
        "delivered-to",
        "thread-index",
        "thread-topic",
        "importance",
        "precedence",
        "user-agent",
        "authentication-results",
        "dkim-signature",
        "auto-submitted",
    ];
    const BEGINNINGS: &[&str] = &["content-", "x-", "list-", "arc-", "resent-"];
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|known| known.as_bytes() == name)
        || BEGINNINGS.iter().any(|known| name.starts_with(known.as_bytes()))
}
