//! COMPRESS=DEFLATE (RFC 4978): a raw deflate stream each way, from the answer to the command on.
//!
//! Off by default: on a fast line the server spends its processor on it (13 s for what takes 1.4 s in plain, Dovecot
//! 2.3, seen 2026-11); below about 20 MB/s it pays. What comes out is bounded step by step, so that a bomb is met
//! by the limits of the framer and never by the memory of the machine.

use bytes::Buf as _;
use bytes::BytesMut;
use flate2::Compress;
use flate2::Compression;
use flate2::Decompress;
use flate2::FlushCompress;
use flate2::FlushDecompress;
use flate2::Status;

use crate::ImapError;

/// What is inflated in one step.
const STEP_BYTES: usize = 64 * 1024;

pub struct Deflate {
    inflater: Decompress,
    deflater: Compress,
    /// Came and is not inflated yet.
    pub received: BytesMut,
}

impl Deflate {
    pub fn new(received: BytesMut) -> Self {
        Deflate {
            // Without the zlib header.
            inflater: Decompress::new(false),
            deflater: Compress::new(Compression::fast(), false),
            received,
        }
    }

    /// At most [`STEP_BYTES`] more into `out`; false once nothing more comes of what was received.
    pub fn inflate_into(&mut self, out: &mut BytesMut) -> Result<bool, ImapError> {
        let mut step = vec![0; STEP_BYTES];
        let (read_before, written_before) = (self.inflater.total_in(), self.inflater.total_out());
        let status = self
            .inflater
            .decompress(&self.received, &mut step, FlushDecompress::Sync)
            .map_err(|_| ImapError::Protocol("what it compressed cannot be read"))?;
        let read = self.inflater.total_in() - read_before;
        let written = (self.inflater.total_out() - written_before) as usize;
        self.received.advance(read as usize);
        out.extend_from_slice(&step[..written]);
        if status == Status::StreamEnd && !self.received.is_empty() {
            return Err(ImapError::Protocol("bytes after the end of a compressed stream"));
        }
        Ok(written > 0)
    }

    /// All of `plain`, flushed, so that the server can answer it.
    pub fn deflate(&mut self, plain: &[u8]) -> Result<Vec<u8>, ImapError> {
        let mut out = Vec::with_capacity(plain.len() + 64);
        let mut rest = plain;
        loop {
            let before = self.deflater.total_in();
            self.deflater
                .compress_vec(rest, &mut out, FlushCompress::Sync)
                .map_err(|_| ImapError::Protocol("a command cannot be compressed"))?;
            rest = &rest[(self.deflater.total_in() - before) as usize..];
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(out);
            }
            out.reserve(256);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deflated_is_inflated_in_steps() {
        let plain = b"* 1 FETCH (UID 1)\r\n".repeat(50_000);
        let wire = Deflate::new(BytesMut::new()).deflate(&plain).expect("deflated");
        let mut reader = Deflate::new(BytesMut::new());
        let mut out = BytesMut::new();
        for chunk in wire.chunks(100) {
            reader.received.extend_from_slice(chunk);
            while reader.inflate_into(&mut out).expect("inflated") {}
        }
        assert!(out == plain);
    }

    #[test]
    fn rubbish_is_an_error() {
        let mut reader = Deflate::new(BytesMut::from(&b"\xff\xff\xff\xff"[..]));
        assert!(reader.inflate_into(&mut BytesMut::new()).is_err());
    }
}
