//! Messages as JSON.

use domain::AdministratorId;
use domain::CleanText;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::AuthenticationResult;
use domain::message::NamedAddress;
use domain::rules::sender::SenderMark;
use domain::system_mail::is_system;
use serde::Serialize;
use service::inbox::AuthorKind;
use service::inbox::ListedMessage;
use service::parties::PartyName;
use service::reading::ContactCard;
use service::reading::FileLink;
use service::reading::Frame;
use service::reading::Guest;
use service::reading::Invitation;
use service::reading::Moment;
use service::reading::OpenMessage;
use service::reading::TextBlock;
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
    /// A known address, and doubts that it is theirs: it is nobody's by itself.
    disowned: bool,
    /// What is known of the sender: `verified`, `disowned` (by DMARC), `several_from`, `unclear_from`,
    /// `name_is_address`, `mixed_letters`, `replies_elsewhere`.
    sender_marks: Vec<&'static str>,
    /// The domain, of ours or of a customer, that the author's looks like and is not.
    lookalike_of: Option<String>,
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
            sender_marks: message.sender_marks.iter().map(SenderMark::as_str).collect(),
            lookalike_of: listed.lookalike_of,
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
    /// Another name that its sender gave it: some programs show that one.
    other_name: Option<String>,
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
            other_name: link.attachment.other_name.map(CleanText::into_string),
            content_type: link.attachment.content_type,
            size_bytes: link.attachment.size_bytes,
            inline: link.attachment.inline,
        }
    }
}

pub fn part_url(capability: &str) -> String {
    format!("/api/v1/parts/{capability}")
}

pub fn image_url(capability: &str) -> String {
    format!("/api/v1/images/{capability}")
}

fn frame_url(capability: &str) -> String {
    format!("/api/v1/frames/{capability}")
}

/// The HTML of a message, as documents for a sandboxed frame. The addresses are good for ten minutes and this session.
#[derive(Serialize, ToSchema)]
pub struct FrameView {
    url: String,
    /// Remote images that it leaves out.
    blocked_images: u32,
    /// The same with remote images, fetched by this server; absent if there are none.
    with_images_url: Option<String>,
    /// The images of this sender are always loaded.
    always: bool,
    /// That may be asked for; not for a sender in doubt.
    may_be_always: bool,
}

impl From<Frame> for FrameView {
    fn from(frame: Frame) -> Self {
        FrameView {
            url: frame_url(&frame.capability),
            blocked_images: frame.blocked_images,
            with_images_url: frame.with_images.as_deref().map(frame_url),
            always: frame.is_always,
            may_be_always: frame.may_be_always,
        }
    }
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

/// An event of a calendar file. Nothing of it is answered here.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    /// `request`, `cancelled`, `answer` or `event`.
    kind: String,
    title: String,
    starts: Option<MomentView>,
    /// Of whole days the day after the last.
    ends: Option<MomentView>,
    /// `daily`, `weekly`, `monthly` or `yearly`.
    repeats: Option<String>,
    place: String,
    organizer: Option<GuestView>,
    guests: Vec<GuestView>,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        InvitationView {
            kind: invitation.kind.as_str().to_owned(),
            title: invitation.title.into_string(),
            starts: invitation.starts.map(MomentView::from),
            ends: invitation.ends.map(MomentView::from),
            repeats: invitation.repeats.map(str::to_owned),
            place: invitation.place.into_string(),
            organizer: invitation.organizer.map(GuestView::from),
            guests: invitation.guests.into_iter().map(GuestView::from).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct MomentView {
    /// By a clock on a wall: `2026-11-02T10:00:00`; of a whole day `2026-11-02`.
    at: String,
    /// Where that clock hangs: `UTC`, or as the sender calls it.
    zone: Option<String>,
}

impl From<Moment> for MomentView {
    fn from(moment: Moment) -> Self {
        MomentView {
            at: moment.at,
            zone: moment.zone,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct GuestView {
    name: String,
    address: String,
    /// `accepted`, `declined` or `tentative`.
    answer: Option<String>,
}

impl From<Guest> for GuestView {
    fn from(guest: Guest) -> Self {
        GuestView {
            name: guest.name.into_string(),
            address: guest.address.into_string(),
            answer: guest.answer.map(str::to_owned),
        }
    }
}

/// A contact file (vCard): what a record can be made of.
#[derive(Serialize, ToSchema)]
pub struct ContactCardView {
    name: String,
    organization: String,
    addresses: Vec<String>,
    phones: Vec<String>,
    /// Postal addresses, one line each.
    places: Vec<String>,
}

impl From<ContactCard> for ContactCardView {
    fn from(card: ContactCard) -> Self {
        let addresses = card.addresses.into_iter();
        ContactCardView {
            name: card.name.into_string(),
            organization: card.organization.into_string(),
            addresses: addresses.map(|address| address.as_str().to_owned()).collect(),
            phones: card.phones.into_iter().map(CleanText::into_string).collect(),
            places: card.places.into_iter().map(CleanText::into_string).collect(),
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
    /// Absent: show the text.
    frame: Option<FrameView>,
    headers: Vec<HeaderView>,
    /// Of its calendar files.
    invitations: Vec<InvitationView>,
    /// Of its contact files.
    cards: Vec<ContactCardView>,
    /// What the receiving server found of the sender, if its name is in the IMAP settings; never another one's word.
    checked: Option<CheckedView>,
    note: Option<String>,
}

/// By the receiving server's `Authentication-Results` (RFC 8601).
#[derive(Serialize, ToSchema)]
pub struct CheckedView {
    server: String,
    results: Vec<CheckView>,
}

#[derive(Serialize, ToSchema)]
pub struct CheckView {
    /// `spf`, `dkim` or `dmarc`.
    method: String,
    /// In the server's word: `pass`, `fail`, `none`...
    result: String,
}

impl From<AuthenticationResult> for CheckedView {
    fn from(checked: AuthenticationResult) -> Self {
        let results = checked.methods.into_iter();
        CheckedView {
            server: checked.server,
            results: results
                .map(|(method, result)| CheckView { method, result })
                .collect(),
        }
    }
}

impl From<OpenMessage> for MessageView {
    fn from(open: OpenMessage) -> Self {
        let headers = open.headers.into_iter();
        MessageView {
            row: open.listed.into(),
            addresses: open.addresses.into_iter().map(AddressView::from).collect(),
            attachments: open.attachments.into_iter().map(AttachmentView::from).collect(),
            text: open.text.into_iter().map(TextBlockView::from).collect(),
            frame: open.frame.map(FrameView::from),
            headers: headers
                .map(|(name, value)| HeaderView {
                    name,
                    value: value.into_string(),
                })
                .collect(),
            invitations: open.invitations.into_iter().map(InvitationView::from).collect(),
            cards: open.cards.into_iter().map(ContactCardView::from).collect(),
            checked: open.checked.map(CheckedView::from),
            note: open.note,
        }
    }
}
