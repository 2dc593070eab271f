//! Sending: what was written becomes a message, and an entry that is carried out until it has an end.

use std::time::Duration;

use bytes::Bytes;
use domain::AdministratorId;
use domain::AttachmentId;
use domain::Before;
use domain::CleanText;
use domain::DraftId;
use domain::EmailAddress;
use domain::MessageId;
use domain::Page;
use domain::Right;
use domain::ThreadId;
use domain::Timestamp;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::message::AddressRole;
use domain::message::InternetMessageId;
use domain::message::MessageSummary;
use domain::message::NamedAddress;
use domain::message::Origin;
use domain::outbox::SentCopy;
use domain::rules::delivery::EXPIRES_AFTER;
use domain::rules::delivery::files_sent_mail_itself;
use domain::rules::threading::MAX_REFERENCES;
use domain::system_mail::is_system;
use mime::ComposedFile;
use mime::Composition;
use mime::Mailbox;
use store::accounts::MailAccount;
use store::administrators;
use store::drafts;
use store::intake;
use store::messages;
use store::outbox;
pub use store::outbox::Entry;
use store::outbox::NewEntry;
use store::threads;

use crate::Event;
use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::drafts::DraftForm;
use crate::drafts::MAX_RECIPIENTS;
use crate::drafts::can_send;
use crate::drafts::mailbox_of;
use crate::drafts::parse_recipients;
use crate::intake::FetchedForIntake;
use crate::intake::Place;
use crate::intake::ThreadIndex;
use crate::intake::first_free_key;
use crate::intake::new_message;
use crate::intake::prepare;

/// Of an answered message: no header is longer.
const MAX_HEAD_BYTES: u64 = 256 * 1024;

/// A message can be taken back for this long.
pub const UNDO_TIME: Duration = Duration::from_secs(10);
pub const KEYS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What was sent stays on the Outbox page for this long.
const SHOWN_AFTER: Duration = Duration::from_secs(24 * 3600);
const ENTRIES_PAGE: u32 = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendForm {
    pub form: DraftForm,
    /// Its files go along; it is gone once the message is.
    pub draft: Option<DraftId>,
    /// Those of its files that go along, beside the images that the text shows. None: all.
    pub files: Option<Vec<AttachmentId>>,
    /// Wait for [`UNDO_TIME`], so that it can be taken back.
    pub can_be_undone: bool,
}

/// A message that is ready to be made and sent.
pub(crate) struct ToQueue {
    pub id: MessageId,
    pub account: MailAccount,
    /// Who wrote it.
    pub sender: AdministratorId,
    pub composition: Composition,
    /// Known here, and in the owner's own copy only.
    pub bcc: Vec<Mailbox>,
    pub envelope_from: EmailAddress,
    /// Of the envelope.
    pub recipients: Vec<EmailAddress>,
    pub thread: Option<ThreadId>,
    pub answers: Option<MessageId>,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub sent_copy: SentCopy,
    /// Hashes of an Idempotency-Key and of what was asked under it.
    pub request: Option<([u8; 32], [u8; 32])>,
    pub draft: Option<DraftId>,
    /// Somebody else than the owner wrote it.
    pub audited_as: Option<Viewer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    pub message: MessageId,
    pub due_at: Timestamp,
}

impl Services {
    /// The message is made once, here: what is tried again later is the same bytes. The same `key` with the same
    /// body again gives the same message; with another body it is refused.
    pub async fn send(
        &self,
        viewer: Viewer,
        send: SendForm,
        key: Option<&str>,
    ) -> Result<Queued, ServiceError> {
        let hashes = key.map(|key| (blake3::hash(key.as_bytes()).into(), body_hash(&send)));
        if let Some((key, body)) = hashes
            && let Some(queued) = self.find_request(viewer.administrator, key, body).await?
        {
            return Ok(queued);
        }
        let account = self.account_to_write_from(viewer, send.form.account).await?;
        let written = self.check_form(&account, &send.form)?;
        let through_system = match account.smtp.as_ref().filter(|smtp| smtp.use_system) {
            None => None,
            Some(smtp) => {
                let sender = self.system_sender(smtp).await?;
                Some(sender.map_err(|why| ServiceError::field("account_id", why))?)
            }
        };
        let (thread, answers) = self.check_answered(viewer, &send.form).await?;
        let files = self.files_of(viewer, &send).await?;
        let now = self.now();
        let id: MessageId = self.ids.next();
        let references = self.references_of(viewer, answers).await?;
        let token = self.keys.message_id_token(account.id, id);
        let message_id = InternetMessageId::new(&format!("{token}@{}", account.address.domain()));
        let reply_to = account
            .smtp
            .as_ref()
            .and_then(|smtp| smtp.reply_to.as_deref())
            .and_then(|address| EmailAddress::parse(address).ok());
        // Through the system: from its sender, so bounces go there; answers go to the owner.
        let (from, reply_to) = match through_system {
            None => (mailbox_of(&account), reply_to),
            Some(system) => {
                let owner = account.address.clone();
                (system.mailbox, reply_to.or(Some(owner)))
            }
        };
        let recipients = written.to.iter().chain(&written.cc).chain(&written.bcc);
        let recipients = recipients.map(|mailbox| mailbox.address.clone()).collect();
        let due_at = match send.can_be_undone {
            true => now.plus(UNDO_TIME),
            false => now,
        };
        let queued = ToQueue {
            id,
            sender: viewer.administrator,
            envelope_from: from.address.clone(),
            composition: Composition {
                from,
                reply_to,
                to: written.to,
                cc: written.cc,
                subject: written.subject,
                html: self.clean_html(&send.form.html).await?,
                message_id: message_id.ok_or(ServiceError::Damaged)?,
                token,
                date: now,
                in_reply_to: references.last().cloned(),
                references,
                headers: Vec::new(),
                files,
            },
            bcc: written.bcc,
            recipients,
            thread,
            answers,
            due_at,
            expires_at: now.plus(EXPIRES_AFTER),
            sent_copy: sent_copy(&account),
            request: hashes,
            draft: send.draft,
            audited_as: (account.owner != viewer.administrator).then_some(viewer),
            account,
        };
        self.enqueue(queued).await
    }

    /// Message, thread, entry and recipients in one transaction; the bytes are on the disk before it.
    pub(crate) async fn enqueue(&self, queued: ToQueue) -> Result<Queued, ServiceError> {
        let ToQueue {
            id,
            account,
            composition,
            due_at,
            ..
        } = queued;
        let now = self.now();
        let compose = move || mime::compose(&composition);
        let raw: Bytes = self.parsing.for_viewer(compose).await?.into();
        let fetched = FetchedForIntake {
            uid: Uid::FIRST,
            role: FolderRole::Sent,
            seen: true,
            internal_date: Some(now),
            raw: raw.clone(),
        };
        let owner = account.clone();
        let parsed = move || prepare(fetched, &owner, now, false);
        let mut prepared = self.parsing.for_viewer(parsed).await?;
        add_bcc(&mut prepared.parsed.summary, &queued.bcc);
        let ranges = self.blobs.write_segment(self.ids.uuid(), vec![raw]).await?;
        let range = ranges.into_iter().next().ok_or(ServiceError::Damaged)?;

        let mut tx = self.db.begin_write().await?;
        if let Some((key, body)) = queued.request
            && !outbox::insert_request(&mut tx, queued.sender, key, body, id, now).await?
        {
            drop(tx);
            // The other request has the message; the bytes written for this one belong to nobody.
            let first = self.find_request(queued.sender, key, body).await?;
            return first.ok_or(ServiceError::NotFound);
        }
        let thread = match queued.thread {
            Some(thread) => {
                threads::touch(&mut tx, [(thread, now)]).await?;
                thread
            }
            None => {
                let summaries = [&prepared.parsed.summary];
                let mut index =
                    ThreadIndex::load(&mut tx, &account, &self.ids, &self.keys, &summaries).await?;
                let thread = index.assign(&mut tx, &prepared.parsed.summary, now).await?;
                index.save(&mut tx).await?;
                thread
            }
        };
        let place = Place {
            id,
            thread,
            arrival_key: first_free_key(&mut tx, &prepared).await?,
            origin: Origin::Composed,
        };
        let row = new_message(place, &account, &mut prepared, range);
        intake::insert_messages(&mut tx, account.id, &[row]).await?;
        let entry = NewEntry {
            message: id,
            account: account.id,
            sender: queued.sender,
            answers: queued.answers,
            envelope_from: &queued.envelope_from,
            recipients: &queued.recipients,
            queued_at: now,
            due_at,
            expires_at: queued.expires_at,
            sent_copy: queued.sent_copy,
        };
        outbox::insert(&mut tx, &entry).await?;
        if let Some(draft) = queued.draft
            && !drafts::set_sent_as(&mut tx, draft, id).await?
        {
            return Err(ServiceError::DraftSent);
        }
        if let Some(writer) = queued.audited_as {
            self.record(&mut tx, writer, Some(account.id), "wrote", &id.to_string())
                .await?;
        }
        tx.commit().await?;
        self.events.publish(Event::Arrived {
            account: account.id,
            messages: vec![id],
        });
        self.events.publish(Event::OutboxChanged { account: account.id });
        Ok(Queued { message: id, due_at })
    }

    pub(crate) async fn find_request(
        &self,
        administrator: AdministratorId,
        key: [u8; 32],
        body: [u8; 32],
    ) -> Result<Option<Queued>, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = outbox::find_request(&mut conn, administrator, key).await?;
        match found {
            None => Ok(None),
            Some((held, message)) if held == body => Ok(Some(Queued {
                message,
                due_at: self.now(),
            })),
            Some(_) => Err(ServiceError::field(
                "Idempotency-Key",
                "This key was used for another message. Use a new one for each message.",
            )),
        }
    }

    fn check_form(&self, account: &MailAccount, form: &DraftForm) -> Result<Written, ServiceError> {
        let mut errors = Vec::new();
        if !can_send(account) {
            errors.push(FieldError::new(
                "account_id",
                "SMTP is not configured for this account: its owner turns on \"Enable sending\" under Email account.",
            ));
        }
        let to = parse_recipients("to", &form.recipients.to, &mut errors);
        let cc = parse_recipients("cc", &form.recipients.cc, &mut errors);
        let bcc = parse_recipients("bcc", &form.recipients.bcc, &mut errors);
        let count = to.len() + cc.len() + bcc.len();
        if errors.is_empty() && count == 0 {
            errors.push(FieldError::new("to", "At least one recipient is expected."));
        }
        if count > MAX_RECIPIENTS {
            errors.push(FieldError::new(
                "to",
                format!("At most {MAX_RECIPIENTS} recipients are written to at once."),
            ));
        }
        if errors.is_empty() {
            let subject = CleanText::cut(&form.subject, 900);
            Ok(Written { to, cc, bcc, subject })
        } else {
            Err(ServiceError::Invalid(errors))
        }
    }

    /// Images are inline ones; which of them go, the text says.
    async fn files_of(&self, viewer: Viewer, send: &SendForm) -> Result<Vec<ComposedFile>, ServiceError> {
        let Some(draft) = send.draft else {
            return Ok(Vec::new());
        };
        let found = self
            .find_held(viewer, draft)
            .await?
            .ok_or(ServiceError::NotFound)?;
        let mut conn = self.db.read().await?;
        let mut held = drafts::files(&mut conn, found.id).await?;
        drop(conn);
        if let Some(listed) = &send.files {
            if !listed.iter().all(|id| held.iter().any(|file| file.id == *id)) {
                return Err(ServiceError::field(
                    "files",
                    "A file is not there any more. Add it again.",
                ));
            }
            held.retain(|file| file.content_id.is_some() || listed.contains(&file.id));
        }
        let ranges: Vec<_> = held.iter().map(|file| &file.range).collect();
        let bytes = self.blobs.read_all(&ranges).await?;
        let composed = |(file, bytes): (drafts::DraftFile, Bytes)| ComposedFile {
            name: CleanText::cut(&file.name, 150),
            content_type: file.content_type,
            content_id: file.content_id,
            bytes,
        };
        Ok(held.into_iter().zip(bytes).map(composed).collect())
    }

    /// What the answered message names, then itself (RFC 5322 §3.6.4).
    async fn references_of(
        &self,
        viewer: Viewer,
        answers: Option<MessageId>,
    ) -> Result<Vec<InternetMessageId>, ServiceError> {
        let Some(answers) = answers else {
            return Ok(Vec::new());
        };
        let (_, message) = self.find_message(viewer, answers).await?;
        let mut head = self.raw_range(&message).await?;
        head.length = head.length.min(MAX_HEAD_BYTES);
        let head = self.blobs.read(&head).await?;
        let summary = self.parsing.for_viewer(move || mime::summarise(&head)).await?;
        let Ok(summary) = summary else {
            return Ok(Vec::new());
        };
        let mut named = match summary.references.is_empty() {
            true => summary.in_reply_to,
            false => summary.references,
        };
        named.extend(summary.internet_message_id);
        // The first is kept, and the newest.
        if named.len() > MAX_REFERENCES {
            let newest = named.split_off(named.len() - (MAX_REFERENCES - 1));
            named.truncate(1);
            named.extend(newest);
        }
        Ok(named)
    }

    /// On their way, failed, unknown, and what was sent in the last day; newest first. Needs Reply to be shown.
    pub async fn list_outbox(
        &self,
        viewer: Viewer,
        before: Before,
    ) -> Result<Page<(Entry, String)>, ServiceError> {
        let access = self.access_of(viewer).await?.narrowed_to(Right::Reply);
        let mut conn = self.db.read().await?;
        let since = self.now().minus(SHOWN_AFTER);
        let entries = outbox::list(&mut conn, &access, since, before, ENTRIES_PAGE).await?;
        let names = administrators::list(&mut conn).await?;
        let named = |entry: Entry| {
            let sender = names.iter().find(|found| found.id == entry.sender);
            let name = sender.map(|found| found.name.clone()).unwrap_or_default();
            (entry, name)
        };
        Ok(entries.map(named))
    }

    /// How one message stands, for its thread.
    pub async fn get_delivery(
        &self,
        viewer: Viewer,
        message: MessageId,
    ) -> Result<(Entry, String), ServiceError> {
        let (access, found) = self.find_message(viewer, message).await?;
        let mut conn = self.db.read().await?;
        let mut entry = outbox::find(&mut conn, &access, message)
            .await?
            .ok_or(ServiceError::NotFound)?;
        if is_system(found.account) {
            // Who else gets a copy is for the log.
            let named = messages::addresses(&mut conn, &found).await?;
            let is_named =
                |address: &EmailAddress| named.iter().any(|one| one.address.as_ref() == Some(address));
            entry.recipients.retain(|(address, ..)| is_named(address));
        }
        let names = administrators::list(&mut conn).await?;
        let sender = names.into_iter().find(|found| found.id == entry.sender);
        Ok((entry, sender.map(|found| found.name).unwrap_or_default()))
    }

    /// Within [`UNDO_TIME`]: the message is no more, the draft of whoever wrote it is there again. For the writer and
    /// the owner.
    pub async fn take_back(&self, viewer: Viewer, id: MessageId) -> Result<Option<DraftId>, ServiceError> {
        let message = self.outgoing_to_act_on(viewer, id).await?;
        let (entry, _) = self.get_delivery(viewer, id).await?;
        let access = self.access_of(viewer).await?;
        let is_writer = entry.sender == viewer.administrator;
        if !is_writer && access.right_to(message.account) != Some(Right::Own) {
            return Err(ServiceError::NotFound);
        }
        let mut tx = self.db.begin_write().await?;
        if !outbox::take_back(&mut tx, id).await? {
            return Err(ServiceError::field(
                "message",
                "It is too late: it is on its way.",
            ));
        }
        let draft = drafts::restore(&mut tx, id).await?;
        messages::remove_unsent(&mut tx, &message).await?;
        tx.commit().await?;
        self.publish_delivery(&message);
        Ok(draft.filter(|_| is_writer))
    }

    /// Tries now: what waits, what failed, or - since a person says so - what is unknown.
    pub async fn send_again(&self, viewer: Viewer, id: MessageId) -> Result<(), ServiceError> {
        let message = self.outgoing_to_act_on(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        let now = self.now();
        if !outbox::send_again(&mut tx, id, now, now.plus(EXPIRES_AFTER)).await? {
            return Err(ServiceError::field("message", "It is on its way, or was sent."));
        }
        self.record(
            &mut tx,
            viewer,
            Some(message.account),
            "sent_again",
            &id.to_string(),
        )
        .await?;
        tx.commit().await?;
        self.publish_delivery(&message);
        Ok(())
    }

    /// A person says that what is unknown has gone.
    pub async fn it_went(&self, viewer: Viewer, id: MessageId) -> Result<(), ServiceError> {
        let message = self.outgoing_to_act_on(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        if !outbox::it_went(&mut tx, id, self.now(), "Somebody said that it went.").await? {
            return Err(ServiceError::field("message", "Nothing is unknown about it."));
        }
        drafts::forget(&mut tx, id).await?;
        self.record(
            &mut tx,
            viewer,
            Some(message.account),
            "said_it_went",
            &id.to_string(),
        )
        .await?;
        tx.commit().await?;
        self.publish_delivery(&message);
        Ok(())
    }

    async fn outgoing_to_act_on(
        &self,
        viewer: Viewer,
        id: MessageId,
    ) -> Result<messages::Message, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        match access.allows(message.account, Right::Reply) && message.outbox.is_some() {
            true => Ok(message),
            false => Err(ServiceError::NotFound),
        }
    }

    fn publish_delivery(&self, message: &messages::Message) {
        self.events.publish(Event::MessageChanged {
            account: message.account,
            message: message.id,
        });
        self.events.publish(Event::OutboxChanged {
            account: message.account,
        });
    }
}

struct Written {
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
    subject: CleanText,
}

/// Who else has it is known here, and stands in the owner's own copy only.
fn add_bcc(summary: &mut MessageSummary, bcc: &[Mailbox]) {
    summary.addresses.extend(bcc.iter().map(|mailbox| NamedAddress {
        role: AddressRole::Bcc,
        name: mailbox.name.clone(),
        address: Some(mailbox.address.clone()),
    }));
}

fn sent_copy(account: &MailAccount) -> SentCopy {
    let Some(imap) = &account.imap else {
        return SentCopy::None;
    };
    let files_itself = account.smtp.as_ref().is_some_and(|smtp| {
        let user = smtp
            .username
            .as_deref()
            .map(str::trim)
            .filter(|user| !user.is_empty());
        let is_one_user = user.is_none_or(|user| is_one_user(user, account));
        // The system's server files nothing in the owner's mailbox.
        !smtp.use_system && files_sent_mail_itself(&smtp.server, &imap.server, is_one_user)
    });
    match files_itself {
        true => SentCopy::None,
        false => SentCopy::Due,
    }
}

/// Some want the whole address to send and its first part to read, or the other way round.
fn is_one_user(user: &str, account: &MailAccount) -> bool {
    let is_same = |known: &str| {
        let (one, other) = (user.to_lowercase(), known.to_lowercase());
        let local = |text: &str| text.split('@').next().unwrap_or_default().to_owned();
        let is_whole = one.contains('@') && other.contains('@');
        one == other || !is_whole && local(&one) == local(&other)
    };
    is_same(account.login_name()) || is_same(account.address.as_str())
}

fn body_hash(send: &SendForm) -> [u8; 32] {
    let form = &send.form;
    let text = format!(
        "{} {:?} {:?} {:?} {} {} {:?} {:?}",
        form.account,
        form.thread,
        form.answers,
        form.recipients,
        form.subject.len(),
        form.subject,
        send.draft,
        send.files
    );
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(text.as_bytes())
        .update(&[0])
        .update(form.html.as_bytes());
    *hasher.finalize().as_bytes()
}
