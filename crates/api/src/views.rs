//! Messages as JSON.

use domain::AdministratorId;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::NamedAddress;
use domain::system_mail::is_system;
use serde::Serialize;
use service::inbox::AuthorKind;
use service::inbox::FileLink;
use service::inbox::ListedMessage;
use service::inbox::OpenMessage;
use service::inbox::TextBlock;
use service::parties::PartyName;
use utoipa::ToSchema;

/// One row of the Inbox.
#[derive(Serialize, ToSchema)]
pub struct MessageRow {
    #[schema(value_type = String, format = Uuid)]
    id: MessageId,
    #[schema(value_type = String, format = Uuid)]
    account_id: MailAccountId,
    #[schema(value_type = String, format = Uuid)]
    thread_id: ThreadId,
    /// Its place in the list: newest first by this key.
    key: String,
    #[schema(value_type = String, format = Uuid)]
    owner_id: AdministratorId,
    owner_name: String,
    /// The system has written it; everyone who can open the customer sees it.
    is_system: bool,
    /// `see`, `reply`, `manage` or `own`.
    right: String,
    /// `incoming` or `outgoing`.
    direction: String,
    author_name: String,
    author_address: Option<String>,
    /// `owner`, `administrator`, `party` or `unknown`.
    author_kind: String,
    /// Customers and leads with the author's address; several: ambiguous.
    parties: Vec<PartyNameView>,
    /// The author's domain disowns it, says the receiving server: it is nobody's by itself.
    disowned: bool,
    /// What no person wrote: `report` (of a server), `answer` ("I am away"), `list` or `bulk`.
    automatic: Option<String>,
    /// On the server it lies in the Junk folder, and nowhere else.
    junk: bool,
    /// Somebody said whose the thread is.
    chosen: bool,
    recipients: String,
    subject: String,
    snippet: String,
    arrived_at: String,
    dated_at: Option<String>,
    size_bytes: u64,
    has_attachments: bool,
    parked: bool,
    unread: bool,
    deleted: bool,
    /// Of what was written here: `queued`, `sending`, `sent`, `retrying`, `failed`, `expired`, `bounced` or `unknown`.
    outbox: Option<String>,
}

impl From<ListedMessage> for MessageRow {
    fn from(listed: ListedMessage) -> Self {
        let message = listed.message;
        MessageRow {
            is_system: is_system(message.account),
            id: message.id,
            account_id: message.account,
            thread_id: message.thread,
            key: message.arrival_key.to_string(),
            owner_id: listed.owner,
            owner_name: listed.owner_name,
            right: listed.right.as_str().to_owned(),
            direction: message.direction.as_str().to_owned(),
            author_name: message.author_name,
            author_address: message.author_address,
            author_kind: author_kind(listed.author_kind).to_owned(),
            parties: listed.parties.into_iter().map(PartyNameView::from).collect(),
            disowned: listed.is_disowned,
            chosen: listed.is_chosen,
            recipients: message.recipients,
            subject: message.subject,
            snippet: message.snippet,
            arrived_at: message.arrived_at.to_rfc3339(),
            dated_at: message.dated_at.map(Timestamp::to_rfc3339),
            size_bytes: message.size_bytes,
            has_attachments: message.has_attachments,
            parked: message.parked_reason.is_some(),
            unread: message.unread,
            automatic: message.automatic.map(|kind| kind.as_str().to_owned()),
            junk: message.is_junk,
            deleted: message.deleted_at.is_some(),
            outbox: message.outbox.map(|state| state.as_str().to_owned()),
        }
    }
}

fn author_kind(kind: AuthorKind) -> &'static str {
    match kind {
        AuthorKind::Owner => "owner",
        AuthorKind::Administrator => "administrator",
        AuthorKind::Party => "party",
        AuthorKind::Unknown => "unknown",
    }
}

#[derive(Serialize, ToSchema)]
pub struct PartyNameView {
    #[schema(value_type = String, format = Uuid)]
    id: PartyId,
    /// `customer` or `lead`.
    kind: String,
    name: String,
}

impl From<PartyName> for PartyNameView {
    fn from(party: PartyName) -> Self {
        PartyNameView {
            id: party.id,
            kind: party.kind.as_str().to_owned(),
            name: party.name,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct MessagePage {
    pub messages: Vec<MessageRow>,
    /// Pass it as `before` for the next page; absent on the last one.
    pub older: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AddressView {
    /// `from`, `sender`, `reply_to`, `to`, `cc` or `bcc`.
    role: String,
    name: String,
    address: Option<String>,
}

impl From<NamedAddress> for AddressView {
    fn from(named: NamedAddress) -> Self {
        AddressView {
            role: named.role.as_str().to_owned(),
            name: named.name.into_string(),
            address: named.address.map(|address| address.as_str().to_owned()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AttachmentView {
    name: String,
    content_type: String,
    size_bytes: u64,
    inline: bool,
    /// Good for ten minutes and this session.
    url: String,
}

impl From<FileLink> for AttachmentView {
    fn from(link: FileLink) -> Self {
        AttachmentView {
            url: part_url(&link.capability),
            name: link.attachment.name.into_string(),
            content_type: link.attachment.content_type,
            size_bytes: link.attachment.size_bytes,
            inline: link.attachment.inline,
        }
    }
}

pub fn part_url(capability: &str) -> String {
    format!("/api/v1/parts/{capability}")
}

#[derive(Serialize, ToSchema)]
pub struct HeaderView {
    name: String,
    value: String,
}

#[derive(Serialize, ToSchema)]
pub struct TextBlockView {
    /// `own`, `quote` or `signature`.
    kind: String,
    text: String,
}

impl From<TextBlock> for TextBlockView {
    fn from(block: TextBlock) -> Self {
        TextBlockView {
            kind: block.kind.as_str().to_owned(),
            text: block.text,
        }
    }
}

/// A message opened for reading.
#[derive(Serialize, ToSchema)]
pub struct MessageView {
    row: MessageRow,
    addresses: Vec<AddressView>,
    attachments: Vec<AttachmentView>,
    /// In blocks, for folding; absent HTML, this is what is shown.
    text: Vec<TextBlockView>,
    /// Where the sanitised HTML is, as a document for a sandboxed frame; absent: show the text.
    frame_url: Option<String>,
    blocked_images: u32,
    headers: Vec<HeaderView>,
    note: Option<String>,
}

impl From<OpenMessage> for MessageView {
    fn from(open: OpenMessage) -> Self {
        let headers = open.headers.into_iter();
        MessageView {
            row: open.listed.into(),
            addresses: open.addresses.into_iter().map(AddressView::from).collect(),
            attachments: open.attachments.into_iter().map(AttachmentView::from).collect(),
            text: open.text.into_iter().map(TextBlockView::from).collect(),
            frame_url: open
                .frame
                .map(|capability| format!("/api/v1/frames/{capability}")),
            blocked_images: open.blocked_images,
            headers: headers
                .map(|(name, value)| HeaderView {
                    name,
                    value: value.into_string(),
                })
                .collect(),
            note: open.note,
        }
    }
}
