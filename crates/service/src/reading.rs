//! One message opened for reading: its text, its HTML for a sandboxed frame, its files, its remote images.

use std::sync::Arc;

use domain::CleanText;
use domain::MessageId;
use domain::message::AttachmentSummary;
use domain::message::AuthenticationResult;
use domain::message::Direction;
use domain::message::MessageSummary;
use domain::message::NamedAddress;
use domain::system_mail::SYSTEM;
pub use mime::Charset;
pub use mime::ContactCard;
pub use mime::Guest;
use mime::ImageSources;
pub use mime::Invitation;
pub use mime::Moment;
pub use mime::OpenedPart;
pub use mime::TextBlock;
use store::accounts;
use store::audit;
use store::audit::AuditEntry;
use store::image_senders;
use store::messages;
use store::messages::Message;

use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::inbox::ListedMessage;
use crate::inbox::Names;
use crate::keys::Capability;
use crate::keys::Target;

pub struct OpenMessage {
    pub listed: ListedMessage,
    pub addresses: Vec<NamedAddress>,
    pub attachments: Vec<FileLink>,
    /// The text, what is quoted and the signature apart.
    pub text: Vec<TextBlock>,
    pub frame: Option<Frame>,
    pub headers: Vec<(String, CleanText)>,
    pub invitations: Vec<Invitation>,
    pub cards: Vec<ContactCard>,
    /// What the receiving server found of the sender, if its owner has named it.
    pub checked: Option<AuthenticationResult>,
    pub note: Option<String>,
}

/// Where the sanitised HTML can be loaded as a document of its own.
pub struct Frame {
    pub capability: String,
    /// Remote images that it leaves out, and how to have them.
    pub blocked_images: u32,
    pub with_images: Option<String>,
    /// The viewer always loads the images of this sender.
    pub is_always: bool,
    /// The sender is one for whom that may be asked.
    pub may_be_always: bool,
}

pub struct FileLink {
    pub attachment: AttachmentSummary,
    pub capability: String,
}

/// Addresses of this server, made from a capability.
#[derive(Clone, Copy)]
pub struct FrameAddresses {
    pub part: fn(&str) -> String,
    pub image: fn(&str) -> String,
}

/// Image types that browsers decode and that cannot hold script.
pub const SAFE_IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];

impl Services {
    /// Everything of one message. An opening by somebody else than the owner is on the owner's Status.
    pub async fn open_message(&self, viewer: Viewer, id: MessageId) -> Result<OpenMessage, ServiceError> {
        self.open_message_as(viewer, id, None).await
    }

    /// `charset`: what the viewer says it is written in, where it is shown wrongly.
    pub async fn open_message_as(
        &self,
        viewer: Viewer,
        id: MessageId,
        charset: Option<Charset>,
    ) -> Result<OpenMessage, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let mut addresses = messages::addresses(&mut conn, &message).await?;
        let mut attachments = messages::attachments(&mut conn, &message).await?;
        let names = Names::load(&mut conn, [&message]).await?;
        drop(conn);
        let mut listed = names.describe(&access, message).ok_or(ServiceError::NotFound)?;
        if listed.owner != viewer.administrator && listed.owner != SYSTEM {
            self.record_opening(viewer, &listed).await?;
        }
        let parked = listed.message.parked_reason.clone();
        // What has ended the process before is not parsed by looking at it.
        let Read {
            opened,
            text,
            blocked_images,
            named,
        } = match &parked {
            Some(_) => Read::nothing(None),
            None => match self.read_now(&listed.message, charset).await {
                Err(ServiceError::TooLong) => Read::nothing(Some(TOO_LONG)),
                read => read?,
            },
        };
        if let Some(named) = named {
            name_anew(named, &mut listed.message, &mut addresses, &mut attachments);
        }
        let frame = match blocked_images {
            Some(blocked) => Some(self.frame_of(viewer, &listed, blocked, charset).await?),
            None => None,
        };
        let checked = self.word_of_receiver(&listed, opened.authentication).await?;
        let parked_note =
            parked.map(|reason| format!("This message is not shown: {reason}. It can be downloaded."));
        let files = attachments.into_iter().map(|attachment| FileLink {
            capability: self.grant(viewer, id, Target::Part(attachment.place)),
            attachment,
        });
        let attachments: Vec<_> = files.collect();
        Ok(OpenMessage {
            listed,
            addresses,
            attachments,
            text,
            frame,
            headers: opened.headers,
            invitations: opened.invitations,
            cards: opened.cards,
            checked,
            note: parked_note.or(opened.note.map(str::to_owned)),
        })
    }

    async fn read_now(&self, message: &Message, charset: Option<Charset>) -> Result<Read, ServiceError> {
        let raw = self.read_raw(message).await?;
        self.parsing.for_viewer(move || Read::of(&raw, charset)).await
    }

    /// Of the results that a message carries those of the account's own receiving server; any other may be the sender's.
    async fn word_of_receiver(
        &self,
        listed: &ListedMessage,
        results: Vec<AuthenticationResult>,
    ) -> Result<Option<AuthenticationResult>, ServiceError> {
        if listed.message.direction != Direction::Incoming || results.is_empty() {
            return Ok(None);
        }
        let mut conn = self.db.read().await?;
        let account = accounts::find(&mut conn, listed.message.account).await?;
        let id = account.and_then(|account| account.imap?.authserv_id);
        Ok(id.and_then(|id| {
            results
                .into_iter()
                .find(|result| result.server.eq_ignore_ascii_case(&id))
        }))
    }

    async fn frame_of(
        &self,
        viewer: Viewer,
        listed: &ListedMessage,
        images: u32,
        charset: Option<Charset>,
    ) -> Result<Frame, ServiceError> {
        let message = &listed.message;
        let sender = trusted_sender(listed);
        let is_always = match sender {
            Some(address) => {
                let mut conn = self.db.read().await?;
                image_senders::contains(&mut conn, viewer.administrator, address).await?
            }
            None => false,
        };
        let target = |remote_images| Target::Frame {
            remote_images,
            charset,
        };
        let grant = |remote_images| self.grant(viewer, message.id, target(remote_images));
        Ok(Frame {
            capability: grant(is_always),
            blocked_images: if is_always { 0 } else { images },
            with_images: (images > 0 && !is_always).then(|| grant(true)),
            is_always: images > 0 && is_always,
            may_be_always: sender.is_some(),
        })
    }

    /// Remote images of this sender are loaded from now on, for this viewer. Not for one whose From is in doubt:
    /// anybody could write that.
    pub async fn set_images_always(
        &self,
        viewer: Viewer,
        id: MessageId,
        always: bool,
    ) -> Result<(), ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let names = Names::load(&mut conn, [&message]).await?;
        drop(conn);
        let listed = names.describe(&access, message).ok_or(ServiceError::NotFound)?;
        let address = trusted_sender(&listed).ok_or_else(|| {
            ServiceError::field(
                "message",
                "Who sent this message is in doubt, so this cannot be set for its sender.",
            )
        })?;
        let mut tx = self.db.begin_write().await?;
        match always {
            true => image_senders::insert(&mut tx, viewer.administrator, address, self.now()).await?,
            false => image_senders::delete(&mut tx, viewer.administrator, address).await?,
        }
        Ok(tx.commit().await?)
    }

    /// The sanitised HTML behind a frame's capability.
    pub async fn open_frame(
        &self,
        capability: &str,
        addresses: FrameAddresses,
    ) -> Result<String, ServiceError> {
        let (viewer, id, target) = self.use_capability(capability).await?;
        let Target::Frame {
            remote_images,
            charset,
        } = target
        else {
            return Err(ServiceError::NotFound);
        };
        let (_, message) = self.find_message(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let attachments = messages::attachments(&mut conn, &message).await?;
        drop(conn);
        let inline = attachments.into_iter().filter_map(|attachment| {
            let is_image = SAFE_IMAGES.contains(&attachment.content_type.as_str());
            let content_id = attachment.content_id.filter(|_| is_image)?;
            let capability = self.grant(viewer, id, Target::Part(attachment.place));
            Some((content_id, (addresses.part)(&capability)))
        });
        let mut sources = ImageSources {
            inline: inline.collect(),
            remote: None,
        };
        if remote_images {
            let services = self.clone();
            sources.remote = Some(Arc::new(move |url: &str| {
                (addresses.image)(&services.grant(viewer, id, Target::Image(url.to_owned())))
            }));
        }
        let raw = self.read_raw(&message).await?;
        let frame = self
            .parsing
            .for_viewer(move || frame_html(&raw, &sources, charset))
            .await?;
        frame.ok_or(ServiceError::NotFound)
    }

    /// The file behind a part's capability.
    pub async fn open_part(&self, capability: &str) -> Result<OpenedPart, ServiceError> {
        let (viewer, id, target) = self.use_capability(capability).await?;
        let Target::Part(place) = target else {
            return Err(ServiceError::NotFound);
        };
        let (_, message) = self.find_message(viewer, id).await?;
        let raw = self.read_raw(&message).await?;
        let opened = self
            .parsing
            .for_viewer(move || mime::open_part(&raw, place))
            .await?;
        opened.ok().flatten().ok_or(ServiceError::NotFound)
    }

    /// The remote address behind an image's capability, to be fetched for the viewer.
    pub async fn remote_image(&self, capability: &str) -> Result<String, ServiceError> {
        let (viewer, id, target) = self.use_capability(capability).await?;
        let Target::Image(url) = target else {
            return Err(ServiceError::NotFound);
        };
        self.find_message(viewer, id).await?;
        Ok(url)
    }

    async fn record_opening(&self, viewer: Viewer, listed: &ListedMessage) -> Result<(), ServiceError> {
        let entry = AuditEntry {
            at: self.now(),
            actor: Some(viewer.administrator),
            mail_account: Some(listed.message.account),
            verb: "opened".to_owned(),
            detail: listed.message.id.to_string(),
        };
        let mut tx = self.db.begin_write().await?;
        audit::insert(&mut tx, self.ids.uuid(), &entry).await?;
        Ok(tx.commit().await?)
    }

    fn grant(&self, viewer: Viewer, message: MessageId, target: Target) -> String {
        self.keys.grant(&Capability {
            session: viewer.session,
            message,
            target,
            expires_at: self.now().plus(Capability::LIFE),
        })
    }

    /// Re-checked when used: the session must be live, and what it may see is read anew.
    async fn use_capability(&self, text: &str) -> Result<(Viewer, MessageId, Target), ServiceError> {
        let capability = self.keys.redeem(text, self.now()).ok_or(ServiceError::NotFound)?;
        let viewer = self
            .viewer_of_session(capability.session)
            .await
            .map_err(|_| ServiceError::NotFound)?;
        Ok((viewer, capability.message, capability.target))
    }
}

/// The author's address, unless it may be somebody else's.
fn trusted_sender(listed: &ListedMessage) -> Option<&str> {
    let Message {
        sender_marks,
        author_address,
        ..
    } = &listed.message;
    let is_trusted = !sender_marks.is_doubtful() && listed.lookalike_of.is_none();
    author_address.as_deref().filter(|_| is_trusted)
}

/// What is shown of a message, made where bytes are read.
struct Read {
    opened: mime::OpenedMessage,
    text: Vec<TextBlock>,
    /// How many remote images its HTML has, if that can be shown.
    blocked_images: Option<u32>,
    /// Subject, people and files in the words of the charset that the viewer chose.
    named: Option<MessageSummary>,
}

impl Read {
    fn of(raw: &[u8], charset: Option<Charset>) -> Self {
        let opened = mime::open_message_as(raw, charset).unwrap_or_else(|_| not_shown(None));
        let frame = opened.frame(&ImageSources::default());
        Read {
            text: opened.blocks(),
            blocked_images: frame.map(|frame| frame.blocked_images),
            named: charset.and_then(|_| mime::summarise_as(raw, charset).ok()),
            opened,
        }
    }

    fn nothing(note: Option<&'static str>) -> Self {
        Read {
            opened: not_shown(note),
            text: Vec::new(),
            blocked_images: None,
            named: None,
        }
    }
}

/// Words alone: whose an address is, and what a file holds, no charset says.
fn name_anew(
    named: MessageSummary,
    message: &mut Message,
    addresses: &mut [NamedAddress],
    attachments: &mut [AttachmentSummary],
) {
    if let Some(author) = named.author() {
        message.author_name = author.name.as_str().to_owned();
    }
    message.subject = named.subject.into_string();
    for (held, read) in addresses.iter_mut().zip(named.addresses) {
        if held.role == read.role && held.address == read.address {
            held.name = read.name;
        }
    }
    for (held, read) in attachments.iter_mut().zip(named.attachments) {
        if held.place == read.place {
            held.name = read.name;
            held.other_name = read.other_name;
        }
    }
}

fn frame_html(raw: &[u8], sources: &ImageSources, charset: Option<Charset>) -> Option<String> {
    let opened = mime::open_message_as(raw, charset).ok()?;
    opened.frame(sources).map(|frame| frame.html)
}

const TOO_LONG: &str = "This message takes too long to show; it can be downloaded.";

fn not_shown(note: Option<&'static str>) -> mime::OpenedMessage {
    mime::OpenedMessage {
        html: Vec::new(),
        text: String::new(),
        headers: Vec::new(),
        authentication: Vec::new(),
        invitations: Vec::new(),
        cards: Vec::new(),
        note,
        is_forward: false,
    }
}
