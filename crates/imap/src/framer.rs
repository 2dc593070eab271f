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
    /// A message body longer than this leaves in pieces, before its response ([`Item::Piece`]).
    pub streamed_body_bytes: u64,
    /// A longer literal is read and dropped; the response says so ([`Frame::diverted`]).
    pub literal_bytes: u64,
    /// A literal longer than this ends the session: dropping it would take for ever.
    pub dropped_literal_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // SEARCH answers in one line: two million UIDs.
            line_bytes: 16 * 1024 * 1024,
            streamed_body_bytes: 1024 * 1024,
            literal_bytes: 100 * 1024 * 1024,
            dropped_literal_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// Pieces wait in a queue for their reader; together they must not weigh much.
const PIECE_BYTES: usize = 64 * 1024;
/// Of a 63-bit number (RFC 9051 §9, number64).
const MAX_SIZE_DIGITS: usize = 19;

/// One response without its final line end.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    /// A literal that is not in `bytes`: it stands there as `{0}`. At most one.
    pub diverted: Option<Diverted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diverted {
    /// It left in pieces before: this many bytes.
    Streamed(u64),
    /// It was over the limit; announced bytes.
    Dropped(u64),
}

#[derive(Debug)]
pub enum Item {
    Frame(Frame),
    /// The next bytes of a large message body, `of` so many in all; its response follows.
    Piece {
        bytes: Bytes,
        of: u64,
    },
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
    /// Bytes of the diverted literal that are still to come.
    diverting: u64,
    diverted: Option<Diverted>,
}

impl Framer {
    pub fn new(limits: Limits) -> Self {
        Framer {
            buffer: BytesMut::new(),
            limits,
            scanned: 0,
            line_start: 0,
            literal_bytes: 0,
            diverting: 0,
            diverted: None,
        }
    }

    /// The next whole response or piece of one, or `None` until more bytes have arrived in `buffer`.
    pub fn next_item(&mut self) -> Result<Option<Item>, ImapError> {
        loop {
            if self.diverting > 0 {
                match (self.divert(), self.diverted) {
                    (Some(bytes), Some(Diverted::Streamed(of))) => {
                        return Ok(Some(Item::Piece { bytes, of }));
                    }
                    (Some(_), _) => continue,
                    (None, _) => return Ok(None),
                }
            }
            if self.scanned > self.buffer.len() {
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
                None => return Ok(Some(Item::Frame(self.take_frame(line_end)))),
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
            self.begin_diverting(line_end, Diverted::Dropped(size), size);
            return Ok(());
        }
        let is_first = self.diverted.is_none();
        if is_first && size > self.limits.streamed_body_bytes && self.is_message_body(line_end) {
            self.begin_diverting(line_end, Diverted::Streamed(size), size);
            return Ok(());
        }
        self.literal_bytes += size;
        self.line_start = line_end + size as usize;
        self.scanned = self.line_start;
        Ok(())
    }

    /// Puts `{0}` in place of `{size}`; the bytes leave as they arrive.
    fn begin_diverting(&mut self, line_end: usize, diverted: Diverted, size: u64) {
        let rest = self.buffer.split_off(line_end);
        let open = self.buffer.iter().rposition(|byte| *byte == b'{').unwrap_or(0);
        self.buffer.truncate(open);
        self.buffer.extend_from_slice(b"{0}\r\n");
        self.line_start = self.buffer.len();
        self.scanned = self.line_start;
        self.buffer.extend_from_slice(&rest);
        self.diverting = size;
        self.diverted = Some(diverted);
    }

    /// Takes what has come of the diverted literal; `None`: nothing has.
    fn divert(&mut self) -> Option<Bytes> {
        let mut piece = self.buffer.split_off(self.scanned);
        let wanted = usize::try_from(self.diverting)
            .unwrap_or(usize::MAX)
            .min(PIECE_BYTES);
        if piece.len() > wanted {
            let after = piece.split_off(wanted);
            self.buffer.extend_from_slice(&after);
        }
        self.diverting -= piece.len() as u64;
        (!piece.is_empty()).then(|| piece.freeze())
    }

    /// `BODY[] {n}` or `RFC822 {n}`: what may be as large as a message.
    fn is_message_body(&self, line_end: usize) -> bool {
        let line = &self.buffer[self.line_start..line_end];
        let open = line.iter().rposition(|byte| *byte == b'{').unwrap_or(0);
        let before = line[..open].strip_suffix(b"~").unwrap_or(&line[..open]);
        let name = before.trim_ascii_end();
        let start = name.iter().rposition(|byte| matches!(byte, b' ' | b'('));
        is_whole_body(&name[start.map_or(0, |start| start + 1)..])
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
            diverted: self.diverted.take(),
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

    /// `{123}`, `{123+}` or `~{123}` at the end of a line of data (RFC 3501 §4.3, RFC 7888, RFC 3516). Whatever else a
    /// line ends in that has a brace is an error: past it the stream could be followed only by guessing.
    fn announced_literal(&self, line_end: usize) -> Result<Option<u64>, ImapError> {
        let written = &self.buffer[self.line_start..line_end];
        let line = &written[..written.len() - line_end_length(written)];
        let Some(inner) = line.strip_suffix(b"}") else {
            return Ok(None);
        };
        if is_text_response(&self.buffer[..line_end]) {
            return Ok(None);
        }
        let Some(open) = inner.iter().rposition(|byte| *byte == b'{') else {
            return Ok(None);
        };
        let size = literal_size(&inner[open + 1..]).ok_or(ImapError::Protocol("a literal without a size"))?;
        let before = inner[..open].strip_suffix(b"~").unwrap_or(&inner[..open]);
        if !matches!(before.last(), Some(b' ' | b'(')) {
            return Err(ImapError::Protocol("a literal where none may stand"));
        }
        if line_end_length(written) != 2 {
            return Err(ImapError::Protocol("a literal after half a line end"));
        }
        Ok(Some(size))
    }
}

/// Whole digits, with or without the `+` of a literal that is not waited for. More than a number holds is the largest.
pub fn literal_size(text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"+").unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(digits).ok()?.parse();
    Some(size.unwrap_or(u64::MAX))
}

/// All of a message, under the names that servers give it: `<0>` stands there though nobody asked for a part, and
/// some repeat the words of the question.
pub fn is_whole_body(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"BODY[]", b"BODY[]<0>", b"BODY.PEEK[]", b"RFC822"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
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
        frames_and_pieces(input, step, limits).map(|(frames, _)| frames)
    }

    fn frames_and_pieces(
        input: &[u8],
        step: usize,
        limits: Limits,
    ) -> Result<(Vec<Frame>, Vec<u8>), ImapError> {
        let mut framer = Framer::new(limits);
        let mut pieces = Vec::new();
        let mut frames = Vec::new();
        for chunk in input.chunks(step) {
            framer.buffer.extend_from_slice(chunk);
            while let Some(item) = framer.next_item()? {
                match item {
                    Item::Frame(frame) => frames.push(frame),
                    Item::Piece { bytes, .. } => pieces.extend_from_slice(&bytes),
                }
            }
        }
        Ok((frames, pieces))
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
            assert_eq!(frames[0].diverted, Some(Diverted::Dropped(5)));
            assert_eq!(frames[1].bytes.as_ref(), b"* 2 EXISTS");
            assert_eq!(frames[1].diverted, None);
        }
    }

    #[test]
    fn a_large_body_leaves_in_pieces_before_its_response() {
        let limits = Limits {
            streamed_body_bytes: 3,
            ..Limits::default()
        };
        let input =
            b"* 1 FETCH (X {4}\r\nkeep BODY[] {5}\r\nhello UID 9 RFC822 {4}\r\nagain)\r\n* 2 EXISTS\r\n";
        for step in 1..input.len() {
            let (frames, pieces) = frames_and_pieces(input, step, limits).expect("frames");
            assert_eq!(pieces, b"hello");
            assert_eq!(
                frames[0].bytes.as_ref(),
                b"* 1 FETCH (X {4}\r\nkeep BODY[] {0}\r\n UID 9 RFC822 {4}\r\nagain)"
            );
            assert_eq!(frames[0].diverted, Some(Diverted::Streamed(5)));
            assert_eq!(frames[1].bytes.as_ref(), b"* 2 EXISTS");
        }
        for name in ["BODY[]<0>", "body.peek[]", "rfc822"] {
            let input = format!("* 1 FETCH ({name} ~{{5}}\r\nhello UID 9)\r\n");
            let (frames, pieces) = frames_and_pieces(input.as_bytes(), 9, limits).expect("frames");
            assert_eq!(pieces, b"hello", "{name}");
            assert_eq!(frames[0].diverted, Some(Diverted::Streamed(5)), "{name}");
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
            b"* 1 FETCH (BODY[] {}\r\n",
            b"* 1 FETCH (BODY[] {5}{5}\r\nhello)\r\n",
            b"* 1 FETCH (BODY[] x{5}\r\nhello)\r\n",
            b"* 1 FETCH (BODY[] {5}\nhello)\r\n",
            b"* 1 FETCH (BODY[] ~~{5}\r\nhello)\r\n",
            b"* 1 FETCH (BODY[] {5++}\r\nhello)\r\n",
            b"* 1 FETCH (BODY[] {5}\r\nhello{1}\r\nx)\r\n",
            &[b'x'; 65],
        ] {
            assert!(
                frames(input, 7, limits).is_err(),
                "{}",
                String::from_utf8_lossy(input)
            );
        }
    }

    #[test]
    fn a_search_names_every_message_of_a_large_folder() {
        let uids: Vec<u32> = (1_000_000..1_300_000).collect();
        let listed: Vec<_> = uids.iter().map(u32::to_string).collect();
        let mut framer = Framer::new(Limits::default());
        framer
            .buffer
            .extend_from_slice(format!("* SEARCH {}\r\n", listed.join(" ")).as_bytes());
        let Ok(Some(Item::Frame(frame))) = framer.next_item() else {
            panic!("no frame");
        };
        let crate::Response::Untagged(crate::Untagged::Search(found)) = crate::parse_response(&frame) else {
            panic!("no search");
        };
        assert_eq!(found, uids);
    }
}
