//! Cuts the byte stream into responses, literals included.
//!
//! Never allocates on an announced size: the buffer grows with bytes that have arrived.

use bytes::Bytes;
use bytes::BytesMut;
use memchr::memchr;

use crate::ImapError;

/// What one response may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Text of one response outside literals, bytes.
    pub line_bytes: u64,
    /// A longer literal is read and dropped; the response says so ([`Frame::dropped_literal`]).
    pub literal_bytes: u64,
    /// A literal longer than this ends the session: dropping it would take for ever.
    pub dropped_literal_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line_bytes: 1024 * 1024,
            literal_bytes: 100 * 1024 * 1024,
            dropped_literal_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// One response without its final line end.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    /// Announced size of a literal that was over the limit; it stands in `bytes` as `{0}`.
    pub dropped_literal: Option<u64>,
}

#[derive(Debug)]
pub struct Framer {
    pub buffer: BytesMut,
    limits: Limits,
    /// Everything before this offset has been looked at.
    scanned: usize,
    /// Start of the text since the last literal.
    line_start: usize,
    /// Literal bytes of the current response; the rest is text.
    literal_bytes: u64,
    /// Literal bytes still to be dropped.
    dropping: u64,
    dropped_literal: Option<u64>,
}

impl Framer {
    pub fn new(limits: Limits) -> Self {
        Framer {
            buffer: BytesMut::new(),
            limits,
            scanned: 0,
            line_start: 0,
            literal_bytes: 0,
            dropping: 0,
            dropped_literal: None,
        }
    }

    /// The next whole response, or `None` until more bytes have arrived in `buffer`.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ImapError> {
        loop {
            if !self.drop_literal_bytes() || self.scanned > self.buffer.len() {
                return Ok(None);
            }
            let Some(offset) = memchr(b'\n', &self.buffer[self.scanned..]) else {
                self.scanned = self.buffer.len();
                self.check_text(self.buffer.len())?;
                return Ok(None);
            };
            let line_end = self.scanned + offset + 1;
            self.check_text(line_end)?;
            match self.announced_literal(line_end)? {
                Some(size) => self.begin_literal(line_end, size)?,
                None => return Ok(Some(self.take_frame(line_end))),
            }
        }
    }

    fn begin_literal(&mut self, line_end: usize, size: u64) -> Result<(), ImapError> {
        if size > self.limits.dropped_literal_bytes {
            return Err(ImapError::TooLong {
                what: "a literal",
                bytes: size,
                limit: self.limits.dropped_literal_bytes,
            });
        }
        if size > self.limits.literal_bytes {
            self.begin_dropping(line_end, size);
            return Ok(());
        }
        self.literal_bytes += size;
        self.line_start = line_end + size as usize;
        self.scanned = self.line_start;
        Ok(())
    }

    /// Puts `{0}` in place of `{size}` and forgets the bytes as they arrive.
    fn begin_dropping(&mut self, line_end: usize, size: u64) {
        let rest = self.buffer.split_off(line_end);
        let open = self.buffer.iter().rposition(|byte| *byte == b'{').unwrap_or(0);
        self.buffer.truncate(open);
        self.buffer.extend_from_slice(b"{0}\r\n");
        self.line_start = self.buffer.len();
        self.scanned = self.line_start;
        self.buffer.extend_from_slice(&rest);
        self.dropping = size;
        self.dropped_literal = Some(size);
    }

    /// False while more of a dropped literal has to arrive.
    fn drop_literal_bytes(&mut self) -> bool {
        if self.dropping == 0 {
            return true;
        }
        let after = self.buffer.split_off(self.scanned);
        let drop_now = (after.len() as u64).min(self.dropping);
        self.dropping -= drop_now;
        self.buffer.extend_from_slice(&after[drop_now as usize..]);
        self.dropping == 0
    }

    fn take_frame(&mut self, line_end: usize) -> Frame {
        let mut bytes = self.buffer.split_to(line_end);
        let text_end = line_end - line_end_length(&bytes);
        bytes.truncate(text_end);
        self.scanned = 0;
        self.line_start = 0;
        self.literal_bytes = 0;
        Frame {
            bytes: bytes.freeze(),
            dropped_literal: self.dropped_literal.take(),
        }
    }

    fn check_text(&self, end: usize) -> Result<(), ImapError> {
        let text = (end as u64).saturating_sub(self.literal_bytes);
        if text > self.limits.line_bytes {
            return Err(ImapError::TooLong {
                what: "a line",
                bytes: text,
                limit: self.limits.line_bytes,
            });
        }
        Ok(())
    }

    /// `{123}`, `{123+}` or `~{123}` at the end of a line of data (RFC 3501 §4.3, RFC 7888, RFC 3516).
    fn announced_literal(&self, line_end: usize) -> Result<Option<u64>, ImapError> {
        let line = &self.buffer[self.line_start..line_end];
        let line = &line[..line.len() - line_end_length(line)];
        let Some(inner) = line.strip_suffix(b"}") else {
            return Ok(None);
        };
        if is_text_response(&self.buffer[..line_end]) {
            return Ok(None);
        }
        let Some(open) = inner.iter().rposition(|byte| *byte == b'{') else {
            return Ok(None);
        };
        let digits = inner[open + 1..].strip_suffix(b"+").unwrap_or(&inner[open + 1..]);
        if digits.is_empty() || digits.len() > 20 || !digits.iter().all(u8::is_ascii_digit) {
            // Not a size: the stream cannot be followed past it without guessing.
            return Err(ImapError::Protocol("a literal without a size"));
        }
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok());
        Ok(Some(size.unwrap_or(u64::MAX)))
    }
}

fn line_end_length(line: &[u8]) -> usize {
    match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// Human text may end in `{5}`; it never has literals.
fn is_text_response(frame: &[u8]) -> bool {
    let Some(rest) = frame.strip_prefix(b"* ") else {
        return true;
    };
    [b"OK".as_slice(), b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|word| {
            rest.len() > word.len()
                && rest[..word.len()].eq_ignore_ascii_case(word)
                && matches!(rest[word.len()], b' ' | b'\r' | b'\n')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(input: &[u8], step: usize, limits: Limits) -> Result<Vec<Frame>, ImapError> {
        let mut framer = Framer::new(limits);
        let mut frames = Vec::new();
        for chunk in input.chunks(step) {
            framer.buffer.extend_from_slice(chunk);
            while let Some(frame) = framer.next_frame()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn responses_are_cut_the_same_wherever_the_bytes_are_split() {
        let input = b"* OK hi {5}\r\n* 1 FETCH (BODY[] {4}\r\na\r\nb UID 1)\n* 2 EXISTS\r\nA1 OK done\r\n";
        for step in 1..input.len() {
            let frames = frames(input, step, Limits::default()).expect("frames");
            let texts: Vec<_> = frames.iter().map(|frame| frame.bytes.as_ref()).collect();
            assert_eq!(
                texts,
                [
                    b"* OK hi {5}".as_slice(),
                    b"* 1 FETCH (BODY[] {4}\r\na\r\nb UID 1)",
                    b"* 2 EXISTS",
                    b"A1 OK done"
                ]
            );
        }
    }

    #[test]
    fn a_literal_over_the_limit_is_dropped_and_the_stream_goes_on() {
        let limits = Limits {
            literal_bytes: 3,
            ..Limits::default()
        };
        for step in 1..40 {
            let frames = frames(
                b"* 1 FETCH (BODY[] {5}\r\nhello UID 9)\r\n* 2 EXISTS\r\n",
                step,
                limits,
            )
            .expect("frames");
            assert_eq!(frames[0].bytes.as_ref(), b"* 1 FETCH (BODY[] {0}\r\n UID 9)");
            assert_eq!(frames[0].dropped_literal, Some(5));
            assert_eq!(frames[1].bytes.as_ref(), b"* 2 EXISTS");
            assert_eq!(frames[1].dropped_literal, None);
        }
    }

    #[test]
    fn what_cannot_be_followed_ends_the_session() {
        let limits = Limits {
            line_bytes: 64,
            ..Limits::default()
        };
        for input in [
            b"* 1 FETCH (BODY[] {2147483648}\r\n".as_slice(),
            b"* 1 FETCH (BODY[] {99999999999999999999}\r\n",
            b"* 1 FETCH (BODY[] {-1}\r\n",
            b"* 1 FETCH (BODY[] { 5}\r\n",
            &[b'x'; 65],
        ] {
            assert!(
                frames(input, 7, limits).is_err(),
                "{}",
                String::from_utf8_lossy(input)
            );
        }
    }
}
