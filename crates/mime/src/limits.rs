//! What a message may take, checked in one pass before it is parsed.

use memchr::memchr_iter;
use memchr::memmem;

pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;
const MAX_HEADER_BYTES: usize = 1024 * 1024;
const MAX_HEADERS: usize = 5_000;
const MAX_DEPTH: usize = 50;
const MAX_PARTS: usize = 10_000;

/// Why a message is not parsed. It is kept as it came and can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is larger than 100 MiB")]
    TooLarge,
    #[error("its header is larger than 1 MiB or has more than 5,000 lines")]
    Header,
    #[error("messages inside messages are nested too deep")]
    Depth,
    #[error("it has more than 10,000 parts")]
    Parts,
    #[error("it could not be parsed")]
    Unreadable,
}

pub fn check(raw: &[u8]) -> Result<(), Refusal> {
    if raw.len() > MAX_MESSAGE_BYTES {
        return Err(Refusal::TooLarge);
    }
    check_header(raw)?;
    check_structure(raw)
}

fn check_header(raw: &[u8]) -> Result<(), Refusal> {
    let end = memmem::find(raw, b"\n\r\n")
        .or_else(|| memmem::find(raw, b"\n\n"))
        .unwrap_or(raw.len());
    let lines = memchr_iter(b'\n', &raw[..end]).count();
    if end > MAX_HEADER_BYTES || lines > MAX_HEADERS {
        return Err(Refusal::Header);
    }
    Ok(())
}

/// Counts what could open a level or a part. Text that only quotes such lines counts too: honest mail
/// stays far below.
fn check_structure(raw: &[u8]) -> Result<(), Refusal> {
    let (mut levels, mut parts) = (0, 0);
    let mut line_start = 0;
    for line_end in memchr_iter(b'\n', raw).chain([raw.len()]) {
        let line = &raw[line_start..line_end];
        line_start = line_end + 1;
        match line.first() {
            Some(b'C' | b'c') if starts_with(line, b"content-type:") => {
                parts += 1;
                levels += usize::from(opens_level(&line[13..]));
            }
            _ => {}
        }
    }
    if parts > MAX_PARTS {
        return Err(Refusal::Parts);
    }
    if levels > MAX_DEPTH * 2 {
        return Err(Refusal::Depth);
    }
    Ok(())
}

fn opens_level(content_type: &[u8]) -> bool {
    let value = content_type.trim_ascii_start();
    starts_with(value, b"message/") || starts_with(value, b"multipart/")
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.len() >= prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_before_they_are_parsed() {
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let parts = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(10_001)
        );
        let headers = "X: y\r\n".repeat(5_001);
        for (raw, refusal) in [
            (nested.as_str(), Refusal::Depth),
            (&parts, Refusal::Parts),
            (&headers, Refusal::Header),
        ] {
            assert_eq!(check(raw.as_bytes()), Err(refusal));
        }
        assert_eq!(check(b"From: a@b.example\r\n\r\nhello"), Ok(()));
    }
}
