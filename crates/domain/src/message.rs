//! Messages: what is kept of one, and what its words mean.

use serde::Deserialize;
use serde::Serialize;

use crate::address::EmailAddress;
use crate::text::CleanText;
use crate::time::Timestamp;

/// The Message-ID header, without angle brackets. Chosen by the sender: it never identifies alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InternetMessageId(String);

impl InternetMessageId {
    pub const MAX_CHARS: usize = 500;

    /// `None` for what is empty once cleaned.
    pub fn new(raw: &str) -> Option<Self> {
        let inner = raw.trim().trim_start_matches('<').trim_end_matches('>');
        let clean = CleanText::cut(inner, Self::MAX_CHARS);
        (!clean.is_empty()).then(|| InternetMessageId(clean.into_string()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn left(&self) -> &str {
        self.0.split_once('@').map_or(self.0.as_str(), |(left, _)| left)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Incoming,
    Outgoing,
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Incoming => "incoming",
            Direction::Outgoing => "outgoing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Direction::Incoming, Direction::Outgoing]
            .into_iter()
            .find(|direction| direction.as_str() == text)
    }
}

/// How bytes of a message came to be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written here.
    Composed,
    /// Found in Sent.
    Filed,
    Received,
}

impl Origin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Composed => "composed",
            Origin::Filed => "filed",
            Origin::Received => "received",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressRole {
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
}

impl AddressRole {
    pub const ALL: [AddressRole; 6] = [
        AddressRole::From,
        AddressRole::Sender,
        AddressRole::ReplyTo,
        AddressRole::To,
        AddressRole::Cc,
        AddressRole::Bcc,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            AddressRole::From => "from",
            AddressRole::Sender => "sender",
            AddressRole::ReplyTo => "reply_to",
            AddressRole::To => "to",
            AddressRole::Cc => "cc",
            AddressRole::Bcc => "bcc",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A name and an address as a header gave them. `address` is `None` where it does not parse: then only
/// the name is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedAddress {
    pub role: AddressRole,
    pub name: CleanText,
    pub address: Option<EmailAddress>,
}

/// Where the bytes of a file are: in a part of the message, and if that part was opened (winmail.dat, uuencode, an
/// S/MIME signature) in one of the parts that were found within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilePlace {
    pub part: u16,
    /// 0: the part itself.
    pub inner: u16,
}

impl FilePlace {
    /// As one number; for what was not opened that of the part.
    pub fn number(self) -> u32 {
        u32::from(self.inner) << 16 | u32::from(self.part)
    }

    pub fn of_number(number: u32) -> Self {
        FilePlace {
            part: number as u16,
            inner: (number >> 16) as u16,
        }
    }
}

/// A part shown as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentSummary {
    pub place: FilePlace,
    pub name: CleanText,
    /// Another name that its sender gave it, where two differ: which one a program shows depends on the program.
    pub other_name: Option<CleanText>,
    pub content_type: String,
    pub size_bytes: u64,
    pub content_id: Option<String>,
    /// Referred to by the HTML text (an inline image), not offered as a file of its own.
    pub inline: bool,
}

/// What a server on the way found about the author (RFC 8601), cut to what is used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationResult {
    /// The authserv-id, lower case.
    pub server: String,
    pub dmarc: Option<Dmarc>,
    /// SPF, DKIM and DMARC as the server put it, in that order: `("spf", "pass")`.
    pub methods: Vec<(String, String)>,
    /// The domain that it speaks of (`header.from`).
    pub header_from: Option<String>,
    /// It stands below the line with which that server received the message, so it may have come with it.
    pub is_below_its_received: bool,
}

/// RFC 7489; what is neither (none, temperror) says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dmarc {
    Pass,
    Fail,
}

/// How From is written, strictly (RFC 5322 §3.4): what programs read in different ways hides who wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FromShape {
    /// One field with one address.
    #[default]
    One,
    Several,
    Unclear,
}

/// What no person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// What became of a message: it came back, or is late.
    DeliveryReport,
    /// Somebody reported a message as unwanted (RFC 5965).
    Complaint,
    /// "I am away."
    Answer,
    List,
    Bulk,
}

impl Automatic {
    pub const fn as_str(self) -> &'static str {
        match self {
            Automatic::DeliveryReport => "report",
            Automatic::Complaint => "complaint",
            Automatic::Answer => "answer",
            Automatic::List => "list",
            Automatic::Bulk => "bulk",
        }
    }

    /// About a message of ours: whoever stands in From did not write it.
    pub const fn is_report(self) -> bool {
        matches!(self, Automatic::DeliveryReport | Automatic::Complaint)
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            Automatic::DeliveryReport,
            Automatic::Complaint,
            Automatic::Answer,
            Automatic::List,
            Automatic::Bulk,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// What a server tells of a message that it was given (RFC 3464), or a reader's provider of one that it delivered
/// (RFC 5965).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What may be the left part of a Message-ID of ours.
    pub tokens: Vec<String>,
    /// Message-IDs of what is returned with it.
    pub returned: Vec<InternetMessageId>,
    pub recipients: Vec<ReportedRecipient>,
    /// Of a report that names nobody; `None`: it does not tell.
    pub overall: Option<Became>,
}

/// What became of a message on its way to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    Failed,
    /// They go on trying.
    Late,
    /// Delivered, relayed to a server that sends no reports, or expanded to others: no failure.
    Passed,
    /// It arrived, and was reported as unwanted.
    Complained,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedRecipient {
    pub address: EmailAddress,
    pub became: Became,
    /// The server's words.
    pub said: CleanText,
}

/// What parsing a message yields for lists, threads and search. Bodies are parsed again when opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSummary {
    /// `None`: a person wrote it, as far as it tells.
    pub automatic: Option<Automatic>,
    /// Of what [`Automatic::is_report`].
    pub report: Option<DeliveryReport>,
    pub internet_message_id: Option<InternetMessageId>,
    pub in_reply_to: Vec<InternetMessageId>,
    pub references: Vec<InternetMessageId>,
    /// Other names of its conversation: see [`crate::rules::threading::conversation_keys`].
    pub conversation_keys: Vec<InternetMessageId>,
    pub date: Option<Timestamp>,
    pub subject: CleanText,
    pub snippet: CleanText,
    pub addresses: Vec<NamedAddress>,
    pub attachments: Vec<AttachmentSummary>,
    pub from_shape: FromShape,
    /// The host that received it last, by its own word: no sender can write above that.
    pub received_by: Option<String>,
    /// The topmost first: each server that passes a message on adds its own above.
    pub authentication: Vec<AuthenticationResult>,
    /// `X-Waxseal-Id`: of what was written here, where a server has put a Message-ID of its own.
    pub own_token: Option<String>,
    /// Folded words of author, subject and text for the index.
    pub search_text: String,
}

impl MessageSummary {
    pub fn addresses_in(&self, role: AddressRole) -> impl Iterator<Item = &EmailAddress> {
        self.addresses
            .iter()
            .filter(move |named| named.role == role)
            .filter_map(|named| named.address.as_ref())
    }

    /// Sender if it is among several From, else the first From (RFC 5322 §3.6.2); without any From, Sender.
    pub fn author(&self) -> Option<&NamedAddress> {
        let in_role = |role| self.addresses.iter().filter(move |named| named.role == role);
        let mut from = in_role(AddressRole::From);
        let Some(first) = from.next() else {
            return in_role(AddressRole::Sender).next();
        };
        let sender = self.addresses_in(AddressRole::Sender).next();
        Some(
            from.find(|named| sender.is_some() && named.address.as_ref() == sender)
                .unwrap_or(first),
        )
    }

    /// The receiving server says that the author's domain disowns this. `authserv_id`: whose word counts; `None`:
    /// the topmost one's.
    pub fn is_disowned(&self, authserv_id: Option<&str>) -> bool {
        self.authentication
            .iter()
            .find(|result| authserv_id.is_none_or(|id| result.server.eq_ignore_ascii_case(id)))
            .is_some_and(|result| result.dmarc == Some(Dmarc::Fail))
    }

    pub fn has_attachments(&self) -> bool {
        self.attachments.iter().any(|attachment| !attachment.inline)
    }
}

/// Why a message on the server has no row of its own here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// A line of the deny list, by its text.
    Denied(String),
    /// "Which messages to process" is Unread, and it bore `\Seen` when first met.
    AlreadyRead,
    /// Older than the day of "Process old (historic) messages".
    BeforeHistory,
    /// Arrived while "Enable inbox processing" was off.
    WhileOff,
    /// On Gmail, in All Mail, and neither in the Inbox nor sent when first met.
    Archived,
    /// Deleted here by the owner: a tombstone keeps it away.
    Deleted,
    /// Larger than 100 MiB.
    TooLarge,
    /// The server lists it and cannot give it.
    NotDelivered,
}

impl SkipReason {
    pub const fn as_str(&self) -> &'static str {
        match self {
            SkipReason::Denied(_) => "denied",
            SkipReason::AlreadyRead => "already_read",
            SkipReason::BeforeHistory => "before_history",
            SkipReason::WhileOff => "while_off",
            SkipReason::Archived => "archived",
            SkipReason::Deleted => "deleted",
            SkipReason::TooLarge => "too_large",
            SkipReason::NotDelivered => "not_delivered",
        }
    }
}
