//! The one call into the parsing library: behind the limits, and never with a panic.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use mail_parser::Message;
use mail_parser::MessageParser;

use crate::skeleton::Refusal;
use crate::skeleton::Skeleton;

pub fn parse<'a>(skeleton: &'a Skeleton<'_>) -> Result<Message<'a>, Refusal> {
    catch_unwind(AssertUnwindSafe(|| {
        MessageParser::default().parse(&*skeleton.bytes)
    }))
    .ok()
    .flatten()
    .ok_or(Refusal::Unreadable)
}
