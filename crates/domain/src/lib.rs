//! The nouns and rules of Waxseal.
//!
//! Pure: no async, no I/O, no SQL, no HTTP, no clock. Time arrives as a value. What is decided here is
//! carried out by `service` (what changes together) and `engine` (what talks to a server).

pub mod access;
pub mod account;
pub mod address;
pub mod deny;
pub mod folder;
pub mod id;
pub mod message;
pub mod outbox;
pub mod page;
pub mod party;
pub mod preset;
pub mod provider;
pub mod rules;
pub mod search;
pub mod sign_in;
pub mod system_mail;
pub mod text;
pub mod time;

pub use access::Access;
pub use access::Right;
pub use address::EmailAddress;
pub use id::AdministratorId;
pub use id::ApiTokenId;
pub use id::AttachmentId;
pub use id::CannedResponseId;
pub use id::DraftId;
pub use id::FolderId;
pub use id::GrantId;
pub use id::MailAccountId;
pub use id::MessageId;
pub use id::PartyId;
pub use id::RemoteOperationId;
pub use id::SessionId;
pub use id::SignInProviderId;
pub use id::ThreadId;
pub use page::Before;
pub use page::Page;
pub use text::CleanText;
pub use time::Timestamp;
