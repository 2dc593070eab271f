//! Identifiers. Each noun has its own type, so that a wrong mix does not compile.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use uuid::Uuid;

/// A UUID that belongs to one noun. New ones are v7 and come from `service::Ids`; never sequential,
/// because a sequence tells how much mail others get.
pub struct Id<Noun>(Uuid, PhantomData<fn() -> Noun>);

pub enum AdministratorNoun {}
pub enum MailAccountNoun {}
pub enum FolderNoun {}
pub enum MessageNoun {}
pub enum ThreadNoun {}
pub enum AttachmentNoun {}
pub enum GrantNoun {}
pub enum ApiTokenNoun {}
pub enum PartyNoun {}
pub enum RemoteOperationNoun {}
pub enum DraftNoun {}
pub enum CannedResponseNoun {}
pub enum SessionNoun {}
pub enum SignInProviderNoun {}

pub type AdministratorId = Id<AdministratorNoun>;
pub type MailAccountId = Id<MailAccountNoun>;
pub type FolderId = Id<FolderNoun>;
/// Our identifier of a message; the header of the same name is [`crate::message::InternetMessageId`].
pub type MessageId = Id<MessageNoun>;
pub type ThreadId = Id<ThreadNoun>;
pub type AttachmentId = Id<AttachmentNoun>;
pub type GrantId = Id<GrantNoun>;
pub type ApiTokenId = Id<ApiTokenNoun>;
/// Random, never by time: parties are shared, and a time would date foreign mail.
pub type PartyId = Id<PartyNoun>;
pub type DraftId = Id<DraftNoun>;
pub type CannedResponseId = Id<CannedResponseNoun>;
pub type RemoteOperationId = Id<RemoteOperationNoun>;
pub type SessionId = Id<SessionNoun>;
pub type SignInProviderId = Id<SignInProviderNoun>;

impl<Noun> Id<Noun> {
    /// Nobody's: no id is ever made so.
    pub const NIL: Self = Id(Uuid::nil(), PhantomData);

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Id(uuid, PhantomData)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<Noun> Clone for Id<Noun> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Noun> Copy for Id<Noun> {}

impl<Noun> PartialEq for Id<Noun> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<Noun> Eq for Id<Noun> {}

impl<Noun> PartialOrd for Id<Noun> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<Noun> Ord for Id<Noun> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<Noun> Hash for Id<Noun> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<Noun> fmt::Display for Id<Noun> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<Noun> fmt::Debug for Id<Noun> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<Noun> FromStr for Id<Noun> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::from_uuid)
    }
}

impl<Noun> Serialize for Id<Noun> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, Noun> Deserialize<'de> for Id<Noun> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}
