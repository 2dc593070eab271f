//! What an answer quotes: the text of a message, its images, and the files of one that is forwarded.

use bytes::Bytes;
use domain::message::AttachmentSummary;
use domain::message::FilePlace;

use crate::drafts::escape;
use crate::reading::SAFE_IMAGES;

#[derive(Default)]
pub(crate) struct Quotation {
    /// Clean; its images bear the names that they have in the message.
    pub html: String,
    pub files: Vec<QuotedFile>,
}

pub(crate) struct QuotedFile {
    pub name: String,
    pub content_type: String,
    /// Its Content-ID in the message, where the text shows it.
    pub quoted_as: Option<String>,
    pub bytes: Bytes,
}

/// A message that cannot be read is quoted as nothing. With `all`, files that the text does not show come too.
pub(crate) fn quotation(raw: &[u8], attachments: &[AttachmentSummary], all: bool) -> Quotation {
    let html = match mime::open_message(raw) {
        Ok(opened) if opened.html.is_empty() => text_to_html(&opened.text),
        Ok(opened) => mime::clean_html(&opened.html.join("<hr>")),
        Err(_) => String::new(),
    };
    let shown = names_of(&html);
    let files = attachments.iter().filter_map(|attachment| {
        let quoted_as = quoted_as(attachment, &shown);
        match all || quoted_as.is_some() {
            true => file(raw, attachment.place, quoted_as),
            false => None,
        }
    });
    let files = files.collect();
    Quotation { html, files }
}

fn names_of(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    mime::map_images(html, |content_id| {
        names.push(content_id.to_owned());
        None
    });
    names
}

fn quoted_as(attachment: &AttachmentSummary, shown: &[String]) -> Option<String> {
    let content_id = attachment.content_id.as_ref()?;
    let is_image = SAFE_IMAGES.contains(&attachment.content_type.as_str());
    (is_image && shown.contains(content_id)).then(|| content_id.clone())
}

fn file(raw: &[u8], place: FilePlace, quoted_as: Option<String>) -> Option<QuotedFile> {
    let opened = mime::open_part(raw, place).ok()??;
    Some(QuotedFile {
        name: opened.name.as_str().to_owned(),
        content_type: opened.content_type,
        quoted_as,
        bytes: opened.bytes.into(),
    })
}

fn text_to_html(text: &str) -> String {
    let lines = escape(text.trim_end()).replace("\r\n", "\n");
    format!("<p>{}</p>", lines.replace('\n', "<br>"))
}
