//! The one call into the parsing library: behind the limits, and never with a panic.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use mail_parser::Message;
use mail_parser::MessageParser;

use crate::limits;
use crate::limits::Refusal;

pub fn parse(raw: &[u8]) -> Result<Message<'_>, Refusal> {
    limits::check(raw)?;
    catch_unwind(AssertUnwindSafe(|| MessageParser::default().parse(raw)))
        .ok()
        .flatten()
        .ok_or(Refusal::Unreadable)
}
