//! Bytes to meaning: what a message says, and how it may be shown.
//!
//! Pure: no I/O, no clock. Limits are checked by a linear scan before any library sees the bytes, because
//! some bytes end the process (10,000 nested message/rfc822 overflow a stack, which nothing catches).

mod automatic;
mod compose;
mod hints;
mod html;
mod open;
mod parse;
mod quotes;
mod sender;
mod skeleton;
mod summary;

pub use compose::ComposedFile;
pub use compose::Composition;
pub use compose::Mailbox;
pub use compose::bcc_field;
pub use compose::clean_html;
pub use compose::compose;
pub use hints::author_hints;
pub use html::FrameHtml;
pub use html::ImageSources;
pub use html::ProxyAddress;
pub use html::escape;
pub use html::sanitise;
pub use open::OpenedMessage;
pub use open::OpenedPart;
pub use open::open_message;
pub use open::open_part;
pub use quotes::TextBlock;
pub use quotes::TextKind;
pub use quotes::split_text;
pub use skeleton::Refusal;
pub use summary::HeaderAddresses;
pub use summary::header_addresses;
pub use summary::summarise;
