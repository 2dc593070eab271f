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
use domain::message::AddressRole;
use domain::message::NamedAddress;
use domain::party::PartyKind;
use domain::rules::threading::subject_key;
use domain::text::sentence;
use mime::Mailbox;
use serde::Deserialize;
use serde::Serialize;
use store::accounts;
use store::accounts::MailAccount;
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

pub const MAX_RECIPIENTS: usize = 100;
const MAX_HTML: usize = 2 * 1024 * 1024;
pub const MAX_FILE_BYTES: usize = 35 * 1024 * 1024;
const MAX_FILES: usize = 50;
const MAX_DRAFTS: usize = 200;
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

    /// Saves what stands in the composer; `id` of a new one is the caller's to make.
    pub async fn save_draft(
        &self,
        viewer: Viewer,
        id: Option<DraftId>,
        form: DraftForm,
    ) -> Result<DraftId, ServiceError> {
        self.account_to_write_from(viewer, form.account).await?;
        if form.html.len() > MAX_HTML {
            return Err(ServiceError::field("html", "A message has at most 2 MB of text."));
        }
        let mut conn = self.db.read().await?;
        let id = match id {
            None if drafts::list(&mut conn, viewer.administrator).await?.len() >= MAX_DRAFTS => {
                let message = "There are 200 drafts. Send or delete some.";
                return Err(ServiceError::field("draft", message));
            }
            None => self.ids.next(),
            Some(id) => {
                let known = drafts::find(&mut conn, viewer.administrator, id).await?;
                known.ok_or(ServiceError::NotFound)?.id
            }
        };
        drop(conn);
        let (thread, answers) = self.check_answered(viewer, &form).await?;
        let draft = Draft {
            id,
            account: form.account,
            author: viewer.administrator,
            thread,
            answers,
            recipients: serde_json::to_string(&form.recipients).unwrap_or_default(),
            subject: CleanText::cut(&form.subject, 900).into_string(),
            html: mime::clean_html(&form.html),
            version: 0,
            updated_at: self.now(),
        };
        let mut tx = self.db.begin_write().await?;
        drafts::save(&mut tx, &draft).await?;
        tx.commit().await?;
        Ok(id)
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
        let (_, message) = self.find_message(viewer, answers).await?;
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

    pub async fn delete_draft(&self, viewer: Viewer, id: DraftId) -> Result<(), ServiceError> {
        self.find_draft(viewer, id).await?;
        let mut tx = self.db.begin_write().await?;
        if !drafts::delete(&mut tx, viewer.administrator, id).await? {
            return Err(ServiceError::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// A file for a draft; `inline`: an image that the text shows, by the Content-ID that comes back.
    pub async fn attach(
        &self,
        viewer: Viewer,
        id: DraftId,
        name: &str,
        content_type: &str,
        inline: bool,
        bytes: Bytes,
    ) -> Result<FileView, ServiceError> {
        let draft = self.find_draft(viewer, id).await?;
        if bytes.is_empty() {
            return Err(ServiceError::field("file", "The file is empty."));
        }
        let mut conn = self.db.read().await?;
        let held = drafts::files(&mut conn, draft.id).await?;
        drop(conn);
        let total: u64 = held.iter().map(|file| file.range.length).sum();
        if held.len() >= MAX_FILES || total + bytes.len() as u64 > MAX_FILE_BYTES as u64 {
            return Err(ServiceError::field(
                "file",
                "A message carries at most 50 files and 35 MB. Send a link to what is larger.",
            ));
        }
        let file_id: AttachmentId = self.ids.next();
        let ranges = self.blobs.write_segment(self.ids.uuid(), vec![bytes]).await?;
        let range = ranges.into_iter().next().ok_or(ServiceError::Damaged)?;
        let file = DraftFile {
            id: file_id,
            name: file_name(name),
            content_type: clean_type(content_type),
            content_id: inline.then(|| file_id.uuid().simple().to_string()),
            range,
        };
        let mut tx = self.db.begin_write().await?;
        drafts::insert_file(&mut tx, draft.id, &file).await?;
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

    /// A draft that answers or forwards a message, filled in and saved. Needs Reply.
    pub async fn begin_answer(
        &self,
        viewer: Viewer,
        id: MessageId,
        kind: AnswerKind,
    ) -> Result<DraftView, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        if !access.allows(message.account, Right::Reply) {
            return Err(ServiceError::NotFound);
        }
        let account = self.account_to_write_from(viewer, message.account).await?;
        let mut conn = self.db.read().await?;
        let people = messages::addresses(&mut conn, &message).await?;
        let attachments = messages::attachments(&mut conn, &message).await?;
        let signature = accounts::signature(&mut conn, account.id).await?;
        drop(conn);
        let raw = self.read_raw(&message).await?;
        let opened = {
            let raw = raw.clone();
            tokio::task::spawn_blocking(move || mime::open_message(&raw)).await?
        };
        let quoted = opened.ok().map(|opened| match opened.html.is_empty() {
            false => mime::clean_html(&opened.html.join("<hr>")),
            true => text_to_html(&opened.text),
        });
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
            html: answer_html(&message, &people, kind, &signature, &quoted.unwrap_or_default()),
        };
        let draft = self.save_draft(viewer, None, form).await?;
        if kind == AnswerKind::Forward {
            for attachment in attachments {
                let (raw, part) = (raw.clone(), attachment.part);
                let opened = tokio::task::spawn_blocking(move || mime::open_part(&raw, part)).await?;
                if let Ok(Some(part)) = opened {
                    let (name, kind) = (part.name.as_str().to_owned(), part.content_type.clone());
                    self.attach(viewer, draft, &name, &kind, false, part.bytes.into())
                        .await?;
                }
            }
        }
        self.get_draft(viewer, draft).await
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
        let mut tx = self.db.begin_write().await?;
        accounts::set_signature(&mut tx, account.id, &mime::clean_html(html)).await?;
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
            html: mime::clean_html(html),
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
                        &[],
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
            push_new(&mut found, &[], WrittenAddress { name, address });
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

/// To whoever asked to be answered; with `all`, everybody who had it. Own addresses are left out, and so is Bcc.
fn answer_to(account: &MailAccount, message: &Message, people: &[NamedAddress], all: bool) -> Recipients {
    let of = |role: AddressRole| -> Vec<WrittenAddress> {
        let named = people.iter().filter(|named| named.role == role);
        named.filter_map(written).collect()
    };
    let is_own = |one: &WrittenAddress| {
        EmailAddress::parse(&one.address).is_ok_and(|address| account.is_own_address(&address))
    };
    // One's own message is answered to whom it went.
    let is_own_message = of(AddressRole::From).iter().any(is_own) || message.direction.as_str() == "outgoing";
    let first = match is_own_message {
        true => of(AddressRole::To),
        false => Some(of(AddressRole::ReplyTo))
            .filter(|found| !found.is_empty())
            .unwrap_or_else(|| of(AddressRole::From)),
    };
    let mut to: Vec<WrittenAddress> = Vec::new();
    let mut cc: Vec<WrittenAddress> = Vec::new();
    for one in first {
        if !is_own(&one) || is_own_message {
            push_new(&mut to, &[], one);
        }
    }
    if all {
        let others = if is_own_message {
            Vec::new()
        } else {
            of(AddressRole::To)
        };
        for one in others.into_iter().chain(of(AddressRole::Cc)) {
            if !is_own(&one) {
                push_new(&mut cc, &to, one);
            }
        }
    }
    Recipients {
        to,
        cc,
        bcc: Vec::new(),
    }
}

fn push_new(list: &mut Vec<WrittenAddress>, other: &[WrittenAddress], one: WrittenAddress) {
    let is_known = |held: &WrittenAddress| held.address.eq_ignore_ascii_case(&one.address);
    if !list.iter().chain(other).any(is_known) {
        list.push(one);
    }
}

fn written(named: &NamedAddress) -> Option<WrittenAddress> {
    Some(WrittenAddress {
        name: named.name.as_str().to_owned(),
        address: named.address.as_ref()?.as_str().to_owned(),
    })
}

fn answer_subject(subject: &str, kind: AnswerKind) -> String {
    match kind {
        AnswerKind::Forward => format!("Fwd: {subject}"),
        _ if subject_key(subject).has_reply_prefix => subject.to_owned(),
        _ => format!("Re: {subject}"),
    }
}

fn answer_html(
    message: &Message,
    people: &[NamedAddress],
    kind: AnswerKind,
    signature: &str,
    quoted: &str,
) -> String {
    let at = message.dated_at.unwrap_or(message.arrived_at).to_rfc2822();
    let author = match message.author_name.as_str() {
        "" => message.author_address.clone().unwrap_or_default(),
        name => name.to_owned(),
    };
    let above = match signature {
        "" => "<p></p>".to_owned(),
        signature => format!("<p></p>{signature}"),
    };
    match kind {
        AnswerKind::Forward => {
            let to: Vec<_> = people
                .iter()
                .filter(|named| named.role == AddressRole::To)
                .filter_map(|named| named.address.as_ref().map(|address| address.as_str()))
                .collect();
            format!(
                "{above}<p>---------- Forwarded message ----------<br>From: {} &lt;{}&gt;<br>Date: {}<br>Subject: {}<br>To: {}</p>{quoted}",
                escape(&author),
                escape(message.author_address.as_deref().unwrap_or_default()),
                escape(&at),
                escape(&message.subject),
                escape(&to.join(", ")),
            )
        }
        _ => format!(
            "{above}<p>On {}, {} wrote:</p><blockquote type=\"cite\">{quoted}</blockquote>",
            escape(&at),
            escape(&author)
        ),
    }
}

fn text_to_html(text: &str) -> String {
    format!(
        "<p>{}</p>",
        escape(text.trim_end())
            .replace("\r\n", "\n")
            .replace('\n', "<br>")
    )
}

fn escape(text: &str) -> String {
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
