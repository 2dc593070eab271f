//! Bytes to meaning: what a message says, and how it may be shown.
//!
//! Pure: no I/O, no clock. Limits are checked by a linear scan before any library sees the bytes, because
//! some bytes end the process (10,000 nested message/rfc822 overflow a stack, which nothing catches).

mod addresses;
mod answer_phrases;
mod automatic;
mod calendar;
mod charset;
mod compose;
mod contact;
mod content_lines;
mod fields;
mod files;
mod hints;
mod html;
mod ids;
mod images;
mod languages;
mod open;
mod parse;
mod plain;
mod protection;
mod quotes;
mod report;
mod report_phrases;
mod report_text;
mod sender;
mod skeleton;
mod summary;
mod transfer;
mod words;
mod wrapped;

pub use calendar::Guest;
pub use calendar::Invitation;
pub use calendar::InvitationKind;
pub use calendar::Moment;
pub use charset::Charset;
pub use charset::text_of_file;
pub use compose::ComposedFile;
pub use compose::Composition;
pub use compose::Mailbox;
pub use compose::bcc_field;
pub use compose::clean_html;
pub use compose::compose;
pub use contact::ContactCard;
pub use hints::author_hints;
pub use hints::written_addresses;
pub use html::FrameHtml;
pub use html::ImageSources;
pub use html::ProxyAddress;
pub use html::escape;
pub use html::sanitise;
pub use images::map_images;
pub use open::OpenedMessage;
pub use open::OpenedPart;
pub use open::open_message;
pub use open::open_message_as;
pub use open::open_part;
pub use quotes::TextBlock;
pub use quotes::TextKind;
pub use quotes::split_text;
pub use skeleton::Refusal;
pub use summary::HeaderAddresses;
pub use summary::header_addresses;
pub use summary::summarise;
pub use summary::summarise_as;
