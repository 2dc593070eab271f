//! One message opened for reading: its text, its HTML for a sandboxed frame, its files, its remote images.

use std::sync::Arc;

use bytes::Bytes;
use domain::CleanText;
use domain::MessageId;
use domain::message::AttachmentSummary;
use domain::message::AuthenticationResult;
use domain::message::Direction;
use domain::message::NamedAddress;
use domain::system_mail::SYSTEM;
use mime::ImageSources;
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
        let (access, message) = self.find_message(viewer, id).await?;
        let raw = self.read_raw(&message).await?;
        let mut conn = self.db.read().await?;
        let addresses = messages::addresses(&mut conn, &message).await?;
        let attachments = messages::attachments(&mut conn, &message).await?;
        let names = Names::load(&mut conn, [&message]).await?;
        drop(conn);
        let listed = names.describe(&access, message).ok_or(ServiceError::NotFound)?;
        if listed.owner != viewer.administrator && listed.owner != SYSTEM {
            self.record_opening(viewer, &listed).await?;
        }
        let parked = listed.message.parked_reason.clone();
        // What has ended the process before is not parsed by looking at it.
        let (opened, blocked_images) = match &parked {
            Some(_) => (not_shown(), None),
            None => open_off_thread(raw).await?,
        };
        let frame = match blocked_images {
            Some(blocked) => Some(self.frame_of(viewer, &listed, blocked).await?),
            None => None,
        };
        let checked = self.word_of_receiver(&listed, opened.authentication).await?;
        let parked_note =
            parked.map(|reason| format!("This message is not shown: {reason}. It can be downloaded."));
        let files = attachments.into_iter().map(|attachment| FileLink {
            capability: self.grant(viewer, id, Target::Part(attachment.part)),
            attachment,
        });
        let attachments: Vec<_> = files.collect();
        Ok(OpenMessage {
            listed,
            addresses,
            attachments,
            text: mime::split_text(&opened.text),
            frame,
            headers: opened.headers,
            checked,
            note: parked_note.or(opened.note.map(str::to_owned)),
        })
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
        let grant = |remote_images| self.grant(viewer, message.id, Target::Frame { remote_images });
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
        let Target::Frame { remote_images } = target else {
            return Err(ServiceError::NotFound);
        };
        let (_, message) = self.find_message(viewer, id).await?;
        let raw = self.read_raw(&message).await?;
        let mut conn = self.db.read().await?;
        let attachments = messages::attachments(&mut conn, &message).await?;
        drop(conn);
        let inline = attachments.into_iter().filter_map(|attachment| {
            let is_image = SAFE_IMAGES.contains(&attachment.content_type.as_str());
            let content_id = attachment.content_id.filter(|_| is_image)?;
            let capability = self.grant(viewer, id, Target::Part(attachment.part));
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
        let frame = tokio::task::spawn_blocking(move || {
            let opened = mime::open_message(&raw).ok()?;
            mime::sanitise(&opened.html, &sources)
        });
        frame.await?.map(|frame| frame.html).ok_or(ServiceError::NotFound)
    }

    /// The file behind a part's capability.
    pub async fn open_part(&self, capability: &str) -> Result<OpenedPart, ServiceError> {
        let (viewer, id, target) = self.use_capability(capability).await?;
        let Target::Part(part) = target else {
            return Err(ServiceError::NotFound);
        };
        let (_, message) = self.find_message(viewer, id).await?;
        let raw = self.read_raw(&message).await?;
        let opened = tokio::task::spawn_blocking(move || mime::open_part(&raw, part)).await?;
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

/// With how many remote images its HTML has, if that can be shown.
async fn open_off_thread(raw: Bytes) -> Result<(mime::OpenedMessage, Option<u32>), ServiceError> {
    let opened = tokio::task::spawn_blocking(move || {
        let opened = mime::open_message(&raw).unwrap_or_else(|_| not_shown());
        let frame = match opened.html.is_empty() {
            true => None,
            false => mime::sanitise(&opened.html, &ImageSources::default()),
        };
        (opened, frame.map(|frame| frame.blocked_images))
    });
    Ok(opened.await?)
}

fn not_shown() -> mime::OpenedMessage {
    mime::OpenedMessage {
        html: Vec::new(),
        text: String::new(),
        headers: Vec::new(),
        authentication: Vec::new(),
        note: None,
    }
}
