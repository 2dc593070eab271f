//! What is being written: saved by itself, on whichever device; answers filled in.

use bytes::Bytes;
use domain::AttachmentId;
use domain::CannedResponseId;
use domain::CleanText;
use domain::DraftId;
use domain::EmailAddress;
use domain::MailAccountId;
use domain::MessageId;
use domain::Right;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::Direction;
use domain::message::NamedAddress;
use domain::party::PartyKind;
use domain::rules::answering::Header;
use domain::rules::threading::subject_key;
use domain::text::sentence;
use mime::Mailbox;
use serde::Deserialize;
use serde::Serialize;
use store::accounts;
use store::accounts::MailAccount;
use store::blob::BlobRange;
use store::canned_responses;
pub use store::canned_responses::CannedResponse;
use store::drafts;
use store::drafts::Draft;
use store::drafts::DraftFile;
use store::messages;
use store::messages::Message;

use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::quotation::Quotation;
use crate::quotation::QuotedFile;
use crate::quotation::quotation;
use crate::quoted_head::QuotedHead;

pub const MAX_RECIPIENTS: usize = 100;
const MAX_HTML: usize = 2 * 1024 * 1024;
pub const MAX_FILE_BYTES: usize = 35 * 1024 * 1024;
const MAX_FILES: usize = 50;
const MAX_DRAFTS: usize = 200;
/// What a browser counts exactly.
const MAX_VERSION: u64 = 1 << 53;
const MAX_SUGGESTIONS: usize = 10;

/// A recipient as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenAddress {
    pub name: String,
    pub address: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipients {
    pub to: Vec<WrittenAddress>,
    pub cc: Vec<WrittenAddress>,
    pub bcc: Vec<WrittenAddress>,
}

/// What stands in the composer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftForm {
    pub account: MailAccountId,
    pub thread: Option<ThreadId>,
    pub answers: Option<MessageId>,
    pub recipients: Recipients,
    pub subject: String,
    pub html: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftView {
    pub id: DraftId,
    pub form: DraftForm,
    pub version: u64,
    pub updated_at: Timestamp,
    pub files: Vec<FileView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    pub id: AttachmentId,
    pub name: String,
    pub content_type: String,
    pub content_id: Option<String>,
    pub size_bytes: u64,
}

impl From<DraftFile> for FileView {
    fn from(file: DraftFile) -> Self {
        FileView {
            id: file.id,
            name: file.name,
            content_type: file.content_type,
            content_id: file.content_id,
            size_bytes: file.range.length,
        }
    }
}

/// Which draft is saved, and over what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Save {
    /// The writer's to make, so that a save can be repeated. None: a new one, under an id of ours.
    pub id: Option<DraftId>,
    /// The version that the writer has seen, and those that it has saved without hearing of it; 0: there is none
    /// yet. None: over whatever is there.
    pub over: Option<Vec<u64>>,
    /// Greater than those. A save that is repeated under it is one. None: the next.
    pub version: Option<u64>,
    /// A new one gets copies of the files of this draft.
    pub files_of: Option<DraftId>,
}

impl Save {
    fn may_create(&self) -> bool {
        self.id.is_none() || self.over.as_ref().is_some_and(|over| over.contains(&0))
    }

    fn is_over(&self, version: u64) -> bool {
        self.over.as_ref().is_none_or(|over| over.contains(&version))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    pub id: DraftId,
    pub version: u64,
}

/// A file for a draft.
pub struct NewFile<'a> {
    /// The writer's to make, so that an upload can be repeated.
    pub id: Option<AttachmentId>,
    pub name: &'a str,
    pub content_type: &'a str,
    /// An image that the text shows, by the Content-ID that comes back.
    pub inline: bool,
    pub bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    Reply,
    ReplyAll,
    Forward,
}

/// An account that the viewer may write from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub account: MailAccountId,
    pub mailbox: Mailbox,
    /// False: SMTP is not configured.
    pub can_send: bool,
    pub is_own: bool,
    pub signature: String,
}

impl Services {
    /// Own accounts first, then those with Reply.
    pub async fn list_senders(&self, viewer: Viewer) -> Result<Vec<Sender>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let mut senders = Vec::new();
        for held in access.accounts() {
            if !access.allows(held.account, Right::Reply) {
                continue;
            }
            if let Some(account) = accounts::find(&mut conn, held.account).await? {
                senders.push(Sender {
                    account: account.id,
                    mailbox: mailbox_of(&account),
                    can_send: can_send(&account),
                    is_own: account.owner == viewer.administrator,
                    signature: accounts::signature(&mut conn, account.id).await?,
                });
            }
        }
        senders.sort_by_key(|sender| !sender.is_own);
        Ok(senders)
    }

    /// Saves what stands in the composer, over what its writer has seen and over nothing else.
    pub async fn save_draft(
        &self,
        viewer: Viewer,
        save: Save,
        form: DraftForm,
    ) -> Result<Saved, ServiceError> {
        self.account_to_write_from(viewer, form.account).await?;
        if form.html.len() > MAX_HTML {
            return Err(ServiceError::field("html", "A message has at most 2 MB of text."));
        }
        if save
            .version
            .is_some_and(|version| version == 0 || version > MAX_VERSION)
        {
            return Err(ServiceError::field(
                "version",
                "A number of up to 53 bits is expected.",
            ));
        }
        if let Some(held) = self.find_saved(viewer, &save).await? {
            return self.update_draft(viewer, save, held, form).await;
        }
        if !save.may_create() {
            return Err(ServiceError::NotFound);
        }
        if let Some(made) = self.insert_draft(viewer, &save, form.clone()).await? {
            return Ok(made);
        }
        // Another request of the same writer was faster; anybody else's id is as if it were nobody's.
        let held = self.find_saved(viewer, &save).await?;
        self.update_draft(viewer, save, held.ok_or(ServiceError::NotFound)?, form)
            .await
    }

    async fn find_saved(&self, viewer: Viewer, save: &Save) -> Result<Option<Draft>, ServiceError> {
        match save.id {
            Some(id) => self.find_held(viewer, id).await,
            None => Ok(None),
        }
    }

    /// The viewer's own; one that was sent is named as such.
    pub(crate) async fn find_held(&self, viewer: Viewer, id: DraftId) -> Result<Option<Draft>, ServiceError> {
        let mut conn = self.db.read().await?;
        let held = drafts::find(&mut conn, viewer.administrator, id).await?;
        if held.is_none() && drafts::is_sent(&mut conn, viewer.administrator, id).await? {
            return Err(ServiceError::DraftSent);
        }
        drop(conn);
        if let Some(held) = &held {
            self.account_to_write_from(viewer, held.account).await?;
        }
        Ok(held)
    }

    async fn update_draft(
        &self,
        viewer: Viewer,
        save: Save,
        held: Draft,
        form: DraftForm,
    ) -> Result<Saved, ServiceError> {
        let version = save.version.unwrap_or(held.version + 1);
        if version == held.version {
            return Ok(Saved { id: held.id, version });
        }
        if !save.is_over(held.version) || version <= held.version {
            return Err(ServiceError::DraftChanged);
        }
        let (id, over) = (held.id, held.version);
        // It stays what it answers.
        let draft = self
            .draft_of(viewer, id, version, form, (held.thread, held.answers))
            .await?;
        let mut tx = self.db.begin_write().await?;
        if !drafts::update(&mut tx, &draft, over).await? {
            return Err(ServiceError::DraftChanged);
        }
        tx.commit().await?;
        Ok(Saved { id, version })
    }

    /// None: the id is taken.
    async fn insert_draft(
        &self,
        viewer: Viewer,
        save: &Save,
        form: DraftForm,
    ) -> Result<Option<Saved>, ServiceError> {
        self.check_room_for_draft(viewer).await?;
        let (id, version) = (
            save.id.unwrap_or_else(|| self.ids.next()),
            save.version.unwrap_or(1),
        );
        let answered = self.check_answered(viewer, &form).await?;
        let files = match save.files_of {
            Some(other) => self.copy_files(viewer, other).await?,
            None => Vec::new(),
        };
        let draft = self.draft_of(viewer, id, version, form, answered).await?;
        let is_made = self.insert_with_files(&draft, &files).await?;
        Ok(is_made.then_some(Saved { id, version }))
    }

    async fn check_room_for_draft(&self, viewer: Viewer) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        match drafts::list(&mut conn, viewer.administrator).await?.len() >= MAX_DRAFTS {
            true => Err(ServiceError::field(
                "draft",
                "There are 200 drafts. Send or delete some.",
            )),
            false => Ok(()),
        }
    }

    async fn draft_of(
        &self,
        viewer: Viewer,
        id: DraftId,
        version: u64,
        form: DraftForm,
        (thread, answers): (Option<ThreadId>, Option<MessageId>),
    ) -> Result<Draft, ServiceError> {
        Ok(Draft {
            id,
            account: form.account,
            author: viewer.administrator,
            thread,
            answers,
            recipients: serde_json::to_string(&form.recipients).unwrap_or_default(),
            subject: CleanText::cut(&form.subject, 900).into_string(),
            html: self.clean_html(&form.html).await?,
            version,
            updated_at: self.now(),
        })
    }

    /// Both or neither. False: the id is taken.
    async fn insert_with_files(&self, draft: &Draft, files: &[DraftFile]) -> Result<bool, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !drafts::insert(&mut tx, draft).await? {
            return Ok(false);
        }
        for file in files {
            drafts::insert_file(&mut tx, draft.id, file).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn copy_files(&self, viewer: Viewer, of: DraftId) -> Result<Vec<DraftFile>, ServiceError> {
        let draft = self.find_draft(viewer, of).await?;
        let mut conn = self.db.read().await?;
        let held = drafts::files(&mut conn, draft.id).await?;
        drop(conn);
        let ranges: Vec<_> = held.iter().map(|file| file.range.clone()).collect();
        let copies = self.blobs.copy_to_segment(self.ids.uuid(), &ranges).await?;
        let copied = |(file, range): (DraftFile, BlobRange)| DraftFile {
            id: self.ids.next(),
            range,
            ..file
        };
        Ok(held.into_iter().zip(copies).map(copied).collect())
    }

    /// As many ranges as there were bytes.
    async fn write_files(&self, bytes: Vec<Bytes>) -> Result<Vec<BlobRange>, ServiceError> {
        let count = bytes.len();
        let ranges = self.blobs.write_segment(self.ids.uuid(), bytes).await?;
        match ranges.len() == count {
            true => Ok(ranges),
            false => Err(ServiceError::Damaged),
        }
    }

    /// What is answered is of the account that it is written from, and the viewer may see it.
    pub(crate) async fn check_answered(
        &self,
        viewer: Viewer,
        form: &DraftForm,
    ) -> Result<(Option<ThreadId>, Option<MessageId>), ServiceError> {
        let Some(answers) = form.answers else {
            return Ok((None, None));
        };
        // It may have been erased meanwhile; what was written goes all the same.
        let message = match self.find_message(viewer, answers).await {
            Ok((_, message)) => message,
            Err(ServiceError::NotFound) => return Ok((None, None)),
            Err(error) => return Err(error),
        };
        let is_same = message.account == form.account;
        // A forwarded message begins a thread of its own, unless it stays in its thread.
        let thread = form.thread.filter(|_| is_same).map(|_| message.thread);
        Ok((thread, is_same.then_some(answers)))
    }

    pub async fn list_drafts(&self, viewer: Viewer) -> Result<Vec<DraftView>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let found = drafts::list(&mut conn, viewer.administrator).await?;
        let mut views = Vec::with_capacity(found.len());
        for draft in found {
            if access.allows(draft.account, Right::Reply) {
                let files = drafts::files(&mut conn, draft.id).await?;
                views.push(view(draft, files));
            }
        }
        Ok(views)
    }

    pub async fn get_draft(&self, viewer: Viewer, id: DraftId) -> Result<DraftView, ServiceError> {
        let draft = self.find_draft(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let files = drafts::files(&mut conn, draft.id).await?;
        Ok(view(draft, files))
    }

    async fn find_draft(&self, viewer: Viewer, id: DraftId) -> Result<Draft, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = drafts::find(&mut conn, viewer.administrator, id).await?;
        drop(conn);
        let draft = found.ok_or(ServiceError::NotFound)?;
        self.account_to_write_from(viewer, draft.account).await?;
        Ok(draft)
    }

    /// It can be had back for a day.
    pub async fn delete_draft(&self, viewer: Viewer, id: DraftId) -> Result<(), ServiceError> {
        self.find_draft(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        if !drafts::delete(&mut tx, viewer.administrator, id, self.now()).await? {
            return Err(ServiceError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// Also of one that was not deleted: a repeated wish is one.
    pub async fn restore_draft(&self, viewer: Viewer, id: DraftId) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let account = drafts::find_account(&mut conn, viewer.administrator, id).await?;
        drop(conn);
        self.account_to_write_from(viewer, account.ok_or(ServiceError::NotFound)?)
            .await?;
        let mut tx = self.db.begin_write().await?;
        if !drafts::undelete(&mut tx, viewer.administrator, id).await? {
            return Err(ServiceError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// The same id again is the same file.
    pub async fn attach(
        &self,
        viewer: Viewer,
        id: DraftId,
        new: NewFile<'_>,
    ) -> Result<FileView, ServiceError> {
        let draft = self.find_draft(viewer, id).await?;
        if new.bytes.is_empty() {
            return Err(ServiceError::field("file", "The file is empty."));
        }
        let mut conn = self.db.read().await?;
        let held = drafts::files(&mut conn, draft.id).await?;
        drop(conn);
        if let Some(file) = held.iter().find(|file| Some(file.id) == new.id) {
            return Ok(file.clone().into());
        }
        let total: u64 = held.iter().map(|file| file.range.length).sum();
        if held.len() >= MAX_FILES || total + new.bytes.len() as u64 > MAX_FILE_BYTES as u64 {
            return Err(too_many_files());
        }
        let file_id: AttachmentId = new.id.unwrap_or_else(|| self.ids.next());
        let range = self.write_files(vec![new.bytes]).await?.remove(0);
        let file = DraftFile {
            id: file_id,
            name: file_name(new.name),
            content_type: clean_type(new.content_type),
            content_id: new.inline.then(|| content_id_of(file_id)),
            range,
        };
        let mut tx = self.db.begin_write().await?;
        if !drafts::insert_file(&mut tx, draft.id, &file).await? {
            return Err(ServiceError::NotFound);
        }
        tx.commit().await?;
        Ok(file.into())
    }

    pub async fn detach(&self, viewer: Viewer, id: DraftId, file: AttachmentId) -> Result<(), ServiceError> {
        let draft = self.find_draft(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        if !drafts::delete_file(&mut tx, draft.id, file).await? {
            return Err(ServiceError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// An inline image of a draft, for the editor.
    pub async fn read_draft_file(
        &self,
        viewer: Viewer,
        id: DraftId,
        file: AttachmentId,
    ) -> Result<(FileView, Bytes), ServiceError> {
        let draft = self.find_draft(viewer, id).await?;
        let mut conn = self.db.read().await?;
        let files = drafts::files(&mut conn, draft.id).await?;
        drop(conn);
        let found = files
            .into_iter()
            .find(|held| held.id == file)
            .ok_or(ServiceError::NotFound)?;
        let bytes = self.blobs.read(&found.range).await?;
        Ok((found.into(), bytes))
    }

    /// A draft that answers or forwards a message, filled in and saved, with the images that the quotation shows.
    /// Needs Reply. The same `draft` again is the same draft.
    pub async fn begin_answer(
        &self,
        viewer: Viewer,
        id: MessageId,
        kind: AnswerKind,
        draft: Option<DraftId>,
    ) -> Result<DraftView, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        if !access.allows(message.account, Right::Reply) {
            return Err(ServiceError::NotFound);
        }
        if let Some(draft) = draft
            && self.find_held(viewer, draft).await?.is_some()
        {
            return self.get_draft(viewer, draft).await;
        }
        let account = self.account_to_write_from(viewer, message.account).await?;
        self.check_room_for_draft(viewer).await?;
        let mut conn = self.db.read().await?;
        let people = messages::addresses(&mut conn, &message).await?;
        let attachments = messages::attachments(&mut conn, &message).await?;
        let signature = accounts::signature(&mut conn, account.id).await?;
        drop(conn);
        let raw = self.read_raw(&message).await?;
        let people = self.as_written(people, raw.clone()).await;
        let with_files = kind == AnswerKind::Forward;
        let quoting = move || quotation(&raw, &attachments, with_files);
        // Who answers a message that cannot be read writes without its words; a forward without it would be none.
        let quoted = match self.parsing.for_viewer(quoting).await {
            Err(ServiceError::TooLong) if !with_files => Quotation::default(),
            quoted => quoted?,
        };
        let (quoted, files) = self.keep_quoted_files(quoted, with_files).await?;
        let head = QuotedHead::of(&self.get_administrator(viewer.administrator).await?);
        let head = match kind {
            AnswerKind::Forward => head.of_forward(&message, &people),
            _ => head.of_answer(&message),
        };
        let form = DraftForm {
            account: account.id,
            thread: (kind != AnswerKind::Forward).then_some(message.thread),
            answers: Some(id),
            recipients: match kind {
                AnswerKind::Reply => answer_to(&account, &message, &people, false),
                AnswerKind::ReplyAll => answer_to(&account, &message, &people, true),
                AnswerKind::Forward => Recipients::default(),
            },
            subject: answer_subject(&message.subject, kind),
            html: answer_html(&signature, &head, kind, &quoted),
        };
        let answered = (form.thread, form.answers);
        let draft = draft.unwrap_or_else(|| self.ids.next());
        let draft = self.draft_of(viewer, draft, 1, form, answered).await?;
        match self.insert_with_files(&draft, &files).await? {
            true => Ok(view(draft, files)),
            // The same request was faster; anybody else's id is as if it were nobody's.
            false => self.get_draft(viewer, draft.id).await,
        }
    }

    /// With each address as the message writes it, so that an answer is written to as it asks.
    async fn as_written(&self, people: Vec<NamedAddress>, raw: Bytes) -> Vec<NamedAddress> {
        let reading = move || mime::written_addresses(&raw).unwrap_or_default();
        let written = self.parsing.for_viewer(reading).await.unwrap_or_default();
        let as_written = |named: NamedAddress| {
            let found = named
                .address
                .as_ref()
                .and_then(|address| written.get(address))
                .cloned();
            NamedAddress {
                address: found.or(named.address),
                ..named
            }
        };
        people.into_iter().map(as_written).collect()
    }

    /// The quoted text with its images under names of ours, and the files as they are stored.
    async fn keep_quoted_files(
        &self,
        quoted: Quotation,
        with_files: bool,
    ) -> Result<(String, Vec<DraftFile>), ServiceError> {
        let (kept, left_out) = within_limits(quoted.files);
        // A forwarded message that lacks a file would not say so; an image of a quotation is seen to be gone.
        if with_files && !left_out.is_empty() {
            return Err(too_many_files());
        }
        let mut files = Vec::with_capacity(kept.len());
        let mut named = Vec::new();
        for file in kept {
            let id: AttachmentId = self.ids.next();
            if let Some(quoted_as) = &file.quoted_as {
                named.push((quoted_as.clone(), content_id_of(id)));
            }
            files.push(DraftFile {
                id,
                name: file_name(&file.name),
                content_type: clean_type(&file.content_type),
                content_id: file.quoted_as.map(|_| content_id_of(id)),
                range: self.write_files(vec![file.bytes]).await?.remove(0),
            });
        }
        let renaming = move || {
            mime::map_images(&quoted.html, |content_id| {
                let found = named.iter().find(|(quoted_as, _)| quoted_as == content_id);
                found.map(|(_, ours)| ours.clone())
            })
        };
        Ok((self.parsing.for_viewer(renaming).await?, files))
    }

    pub async fn set_signature(
        &self,
        viewer: Viewer,
        id: MailAccountId,
        html: &str,
    ) -> Result<(), ServiceError> {
        let account = self.get_own_account(viewer, id).await?;
        if html.len() > 100_000 {
            return Err(ServiceError::field(
                "signature",
                "A signature has at most 100 KB.",
            ));
        }
        let html = self.clean_html(html).await?;
        let mut tx = self.db.begin_write().await?;
        accounts::set_signature(&mut tx, account.id, &html).await?;
        Ok(tx.commit().await?)
    }

    pub async fn list_canned_responses(&self, viewer: Viewer) -> Result<Vec<CannedResponse>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(canned_responses::list(&mut conn, viewer.administrator).await?)
    }

    pub async fn add_canned_response(
        &self,
        viewer: Viewer,
        name: &str,
        html: &str,
    ) -> Result<CannedResponseId, ServiceError> {
        let name = CleanText::cut(name, 100).into_string();
        if name.is_empty() {
            return Err(ServiceError::field("name", "A name is expected."));
        }
        if html.len() > 100_000 {
            return Err(ServiceError::field(
                "html",
                "A canned response has at most 100 KB.",
            ));
        }
        let response = CannedResponse {
            id: self.ids.next(),
            name,
            html: self.clean_html(html).await?,
        };
        let mut tx = self.db.begin_write().await?;
        if canned_responses::list(&mut tx, viewer.administrator).await?.len() >= 200 {
            return Err(ServiceError::field(
                "name",
                "At most 200 canned responses are kept.",
            ));
        }
        canned_responses::insert(&mut tx, viewer.administrator, &response).await?;
        tx.commit().await?;
        Ok(response.id)
    }

    pub async fn delete_canned_response(
        &self,
        viewer: Viewer,
        id: CannedResponseId,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        if !canned_responses::delete(&mut tx, viewer.administrator, id).await? {
            return Err(ServiceError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// People to write to, from customers and leads, and from mail that the viewer may see.
    pub async fn suggest_recipients(
        &self,
        viewer: Viewer,
        text: &str,
    ) -> Result<Vec<WrittenAddress>, ServiceError> {
        let text = CleanText::cut(text, 100).into_string();
        if text.chars().count() < 2 {
            return Ok(Vec::new());
        }
        let mut found: Vec<WrittenAddress> = Vec::new();
        for kind in [PartyKind::Customer, PartyKind::Lead] {
            let (parties, _) = self.list_parties(viewer, kind, &text, None).await?;
            for party in parties.into_iter().take(MAX_SUGGESTIONS) {
                for held in party.addresses {
                    let address = held.address.as_str().to_owned();
                    push_new(
                        &mut found,
                        WrittenAddress {
                            name: party.name.clone(),
                            address,
                        },
                    );
                }
            }
        }
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let limit = MAX_SUGGESTIONS as u32;
        for (name, address) in
            messages::list_correspondents(&mut conn, &access, &text.to_lowercase(), limit).await?
        {
            push_new(&mut found, WrittenAddress { name, address });
        }
        found.truncate(MAX_SUGGESTIONS);
        Ok(found)
    }

    /// An account of the viewer's, or one with Reply. A sealed one is not there.
    pub(crate) async fn account_to_write_from(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<MailAccount, ServiceError> {
        let access = self.access_of(viewer).await?;
        if !access.allows(id, Right::Reply) {
            return Err(ServiceError::NotFound);
        }
        let mut conn = self.db.read().await?;
        accounts::find(&mut conn, id).await?.ok_or(ServiceError::NotFound)
    }
}

pub(crate) fn can_send(account: &MailAccount) -> bool {
    account.smtp.as_ref().is_some_and(|smtp| smtp.enabled)
}

pub(crate) fn mailbox_of(account: &MailAccount) -> Mailbox {
    Mailbox {
        name: CleanText::cut(&account.name, 100),
        address: account.address.clone(),
    }
}

fn view(draft: Draft, files: Vec<DraftFile>) -> DraftView {
    DraftView {
        id: draft.id,
        form: DraftForm {
            account: draft.account,
            thread: draft.thread,
            answers: draft.answers,
            recipients: serde_json::from_str(&draft.recipients).unwrap_or_default(),
            subject: draft.subject,
            html: draft.html,
        },
        version: draft.version,
        updated_at: draft.updated_at,
        files: files.into_iter().map(FileView::from).collect(),
    }
}

/// Each that does not parse is named.
pub(crate) fn parse_recipients(
    field: &'static str,
    written: &[WrittenAddress],
    errors: &mut Vec<FieldError>,
) -> Vec<Mailbox> {
    let mut mailboxes: Vec<Mailbox> = Vec::new();
    for one in written {
        match EmailAddress::parse(&one.address) {
            Ok(address) if mailboxes.iter().any(|held| held.address == address) => {}
            Ok(address) => mailboxes.push(Mailbox {
                name: CleanText::cut(&one.name, 200),
                address,
            }),
            Err(error) => {
                let shown = CleanText::cut(&one.address, 80);
                errors.push(FieldError::new(
                    field,
                    sentence(&format!("{}: {error}", shown.as_str())),
                ));
            }
        }
    }
    mailboxes
}

/// Own addresses are left out, and so is Bcc.
fn answer_to(account: &MailAccount, message: &Message, people: &[NamedAddress], all: bool) -> Recipients {
    let header = Header {
        people,
        is_own: |address: &EmailAddress| account.is_own_address(address),
    };
    let answered = header.answered(message.direction == Direction::Outgoing, all);
    let written = |list: Vec<&NamedAddress>| list.into_iter().filter_map(written).collect();
    Recipients {
        to: written(answered.to),
        cc: written(answered.cc),
        bcc: Vec::new(),
    }
}

fn push_new(list: &mut Vec<WrittenAddress>, one: WrittenAddress) {
    let is_known = |held: &WrittenAddress| held.address.eq_ignore_ascii_case(&one.address);
    if !list.iter().any(is_known) {
        list.push(one);
    }
}

fn written(named: &NamedAddress) -> Option<WrittenAddress> {
    Some(WrittenAddress {
        name: named.name.as_str().to_owned(),
        address: named.address.as_ref()?.as_written().into_owned(),
    })
}

fn answer_subject(subject: &str, kind: AnswerKind) -> String {
    match kind {
        AnswerKind::Forward => format!("Fwd: {subject}"),
        _ if subject_key(subject).has_reply_prefix => subject.to_owned(),
        _ => format!("Re: {subject}"),
    }
}

/// What the composer begins with: the signature above, and below it the words of the message.
fn answer_html(signature: &str, head: &str, kind: AnswerKind, quoted: &str) -> String {
    match kind {
        AnswerKind::Forward => format!("<p></p>{signature}<p>{head}</p>{quoted}"),
        _ => format!("<p></p>{signature}<p>{head}</p><blockquote type=\"cite\">{quoted}</blockquote>"),
    }
}

/// Those that go along with one message, and those that are too many.
fn within_limits(files: Vec<QuotedFile>) -> (Vec<QuotedFile>, Vec<QuotedFile>) {
    let (mut count, mut total) = (0, 0);
    files.into_iter().partition(|file| {
        let fits = count < MAX_FILES && total + file.bytes.len() <= MAX_FILE_BYTES;
        if fits {
            count += 1;
            total += file.bytes.len();
        }
        fits
    })
}

fn too_many_files() -> ServiceError {
    ServiceError::field(
        "file",
        "A message carries at most 50 files and 35 MB. Send a link to what is larger.",
    )
}

/// By which the text names an image of a draft.
fn content_id_of(file: AttachmentId) -> String {
    file.uuid().simple().to_string()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn file_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = CleanText::cut(base.trim_start_matches('.'), 150);
    match clean.is_empty() {
        true => "file".to_owned(),
        false => clean.into_string(),
    }
}

/// `type/subtype` of plain characters; anything else is a stream of bytes.
pub(crate) fn clean_type(written: &str) -> String {
    let plain = written
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_');
    let is_type = plain.split_once('/').is_some_and(|(kind, sub)| {
        !kind.is_empty() && !sub.is_empty() && (kind.chars().chain(sub.chars())).all(is_token)
    });
    // A message within a message may not be encoded (RFC 2046 §5.2.1), and ours are.
    match is_type && plain.len() <= 100 && !plain.starts_with("message/") && !plain.starts_with("multipart/")
    {
        true => plain,
        false => "application/octet-stream".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_an_answer_says_so_once() {
        for (subject, kind, expected) in [
            ("Invoice", AnswerKind::Reply, "Re: Invoice"),
            ("Re: Invoice", AnswerKind::ReplyAll, "Re: Invoice"),
            ("AW: Invoice", AnswerKind::Reply, "AW: Invoice"),
            ("Invoice", AnswerKind::Forward, "Fwd: Invoice"),
        ] {
            assert_eq!(answer_subject(subject, kind), expected);
        }
    }

    #[test]
    fn a_type_is_a_type_or_a_stream_of_bytes() {
        for (written, kept) in [
            ("application/pdf", "application/pdf"),
            ("Image/PNG; name=x", "image/png"),
            ("text/html\r\nBcc: x", "application/octet-stream"),
            ("message/rfc822", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(clean_type(written), kept);
        }
    }
}
