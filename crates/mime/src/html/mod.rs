//! Foreign HTML made harmless. The result goes into a sandboxed frame with its own CSP: either alone holds.
//!
//! Limits, style sheets into `style` attributes, a first cleaning that gives well-formed HTML, links and quotes marked
//! in that, and the sanitiser once more: what it gives is shown, and nothing edits it after.

mod links;
mod style;
mod weight;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use ammonia::Builder;
use ammonia::UrlRelative;
use css_inline::CSSInliner;

use crate::quotes;
use crate::quotes::Nature;
pub use weight::Weight;
pub use weight::weigh;

const MAX_HTML_BYTES: usize = 2 * 1024 * 1024;
/// Every selector is tried on every element; a heavy newsletter has 500 of the ones and 2,000 of the others.
const MAX_SELECTORS_TIMES_ELEMENTS: usize = 1_500_000;

/// Sanitised body and what was kept out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHtml {
    pub html: String,
    /// Remote images that were taken out: loading them tells the sender when and where it was read.
    pub blocked_images: u32,
}

/// Makes the address of this server that stands for a remote one.
pub type ProxyAddress = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Where images may come from.
#[derive(Clone, Default)]
pub struct ImageSources {
    /// Content-IDs, and the addresses under which their parts may be loaded.
    pub inline: HashMap<String, String>,
    /// Without it remote images are blocked.
    pub remote: Option<ProxyAddress>,
}

/// The HTML of a message, each MIME part cleaned as a document of its own: what one leaves open the next cannot close.
/// `None`: too large or too heavy; the text is shown instead.
pub fn sanitise(documents: &[String], sources: &ImageSources) -> Option<FrameHtml> {
    sanitise_as(documents, Nature::Letter, sources)
}

pub fn sanitise_as(documents: &[String], nature: Nature, sources: &ImageSources) -> Option<FrameHtml> {
    let size: usize = documents.iter().map(String::len).sum();
    if size > MAX_HTML_BYTES {
        return None;
    }
    let weights: Option<Vec<Weight>> = documents.iter().map(|html| weigh(html)).collect();
    let mut blocked_images = 0;
    let cleaned: Vec<String> = documents
        .iter()
        .zip(weights?)
        .map(|(html, weight)| {
            let well_formed = normalise(&inline_styles(html, weight));
            let marked = quotes::fold_html(&links::name_targets(&well_formed), nature);
            let cleaned = clean(&marked, sources);
            blocked_images += cleaned.blocked_images;
            cleaned.html
        })
        .collect();
    Some(FrameHtml {
        html: cleaned.join("<hr>"),
        blocked_images,
    })
}

/// Style sheets as `style` attributes; nothing is loaded for it. One that cannot be read is left out.
fn inline_styles(html: &str, weight: Weight) -> Cow<'_, str> {
    let tries = weight.selectors.saturating_mul(weight.elements);
    if tries == 0 || tries > MAX_SELECTORS_TIMES_ELEMENTS {
        return Cow::Borrowed(html);
    }
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    inliner.inline(html).map_or(Cow::Borrowed(html), Cow::Owned)
}

/// The first pass: well formed, quotes marked.
fn normalise(html: &str) -> String {
    let mut builder = builder();
    // A message has no place that an address could be relative to; after this pass only our own are.
    builder.url_relative(UrlRelative::Deny);
    builder.attribute_filter(|element, attribute, value| match (element, attribute) {
        // Of names only what tells a quote stays.
        (_, "class" | "id" | "name") => quotes::name_mark(value).map(Cow::Borrowed),
        (_, "style") => allowed_style(value),
        _ => Some(Cow::Borrowed(value)),
    });
    builder.clean(html).to_string()
}

/// The last pass: what is shown.
fn clean(html: &str, sources: &ImageSources) -> FrameHtml {
    let blocked = Arc::new(AtomicU32::new(0));
    let (counter, sources) = (blocked.clone(), sources.clone());
    let mut builder = builder();
    builder.attribute_filter(move |element, attribute, value| match (element, attribute) {
        ("img", "src") => {
            let address = sources.address_of(value);
            if address.is_none() && !value.starts_with("cid:") {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            address.map(Cow::Owned)
        }
        ("details", "class") => (value == quotes::FOLDED).then_some(Cow::Borrowed(value)),
        ("span", "class") => (value == links::TARGET).then_some(Cow::Borrowed(value)),
        (_, "class" | "id" | "name") => None,
        (_, "style") => allowed_style(value),
        _ => Some(Cow::Borrowed(value)),
    });
    let html = builder.clean(html).to_string();
    FrameHtml {
        html,
        blocked_images: blocked.load(Ordering::Relaxed),
    }
}

fn allowed_style(value: &str) -> Option<Cow<'_, str>> {
    let kept = style::allowed_style(value);
    (!kept.is_empty()).then_some(Cow::Owned(kept))
}

fn builder() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "u", "section", "address"])
        .rm_tags(["map", "area"])
        // What these hold is no text of the message, though it would be left if only the tag went.
        .add_clean_content_tags([
            "title", "template", "iframe", "noembed", "noframes", "noscript", "svg", "math", "select",
            "datalist",
        ])
        .add_generic_attributes(["style", "align", "valign", "bgcolor", "width", "height", "dir"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .add_tag_attributes("div", ["class", "id", "name"])
        .add_tag_attributes("section", ["class"])
        .add_tag_attributes("p", ["class", "id"])
        .add_tag_attributes("table", ["class", "id"])
        .add_tag_attributes("details", ["class"])
        .add_tag_attributes("summary", ["title", "aria-label"])
        .add_tag_attributes("span", ["class", "id", "name"])
        .add_tag_attributes("a", ["title"])
        .add_tag_attributes("blockquote", ["class", "id", "type"])
        // Quoting elements name where text came from; nothing may be loaded from there.
        .rm_tag_attributes("blockquote", ["cite"])
        .rm_tag_attributes("q", ["cite"])
        .rm_tag_attributes("del", ["cite"])
        .rm_tag_attributes("ins", ["cite"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank");
    builder
}

impl ImageSources {
    fn address_of(&self, source: &str) -> Option<String> {
        match source.strip_prefix("cid:") {
            Some(content_id) => self.inline.get(content_id).cloned(),
            None if source.starts_with("http://") || source.starts_with("https://") => {
                self.remote.as_ref().map(|address_of| address_of(source))
            }
            None => None,
        }
    }
}

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    ammonia::clean_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(html: &str) -> FrameHtml {
        let sources = ImageSources {
            inline: HashMap::from([("logo@x".to_owned(), "/api/v1/parts/token".to_owned())]),
            remote: None,
        };
        sanitise(&[html.to_owned()], &sources).expect("within limits")
    }

    #[test]
    fn nothing_runs_and_nothing_is_loaded() {
        for (html, gone) in [
            ("<script>alert(1)</script>hi", "script"),
            ("<p onclick=x()>hi</p>", "onclick"),
            ("<a href='javascript:x()'>hi</a>", "javascript"),
            ("<img src=https://t.example/p.gif>", "t.example"),
            ("<img srcset='https://t.example/p.gif 2x'>", "t.example"),
            (
                "<div style='background:url(https://t.example)'>hi</div>",
                "t.example",
            ),
            ("<div style='position:fixed;color:red'>hi</div>", "position"),
            ("<style>@import 'https://t.example'</style>hi", "t.example"),
            ("<svg onload=x()>", "svg"),
            ("<svg><text>drawn</text></svg>", "drawn"),
            ("<head><title>named</title></head>hi", "named"),
            ("<form action=https://t.example><input></form>", "form"),
            ("<iframe src=https://t.example></iframe>", "iframe"),
            ("<base href=https://t.example>", "base"),
            ("<blockquote cite='https://t.example'>q</blockquote>", "t.example"),
            (
                "<table background='https://t.example'><tr><td>x</table>",
                "t.example",
            ),
            ("<img src='data:image/svg+xml,<svg/>'>", "data:"),
        ] {
            assert!(!clean(html).html.contains(gone), "{html} -> {}", clean(html).html);
        }
    }

    #[test]
    fn what_people_wrote_stays() {
        let shown = clean(
            "<p style=\"color:red\">Hi <b>you</b></p><img src=\"cid:logo@x\"><img src=\"https://t.example/p\">",
        );
        assert!(
            shown.html.contains("color:red") && shown.html.contains("<b>you</b>"),
            "{}",
            shown.html
        );
        assert!(shown.html.contains("/api/v1/parts/token"), "{}", shown.html);
        assert_eq!(shown.blocked_images, 1);
        assert!(
            clean("<a href=\"https://x.example\">x</a>")
                .html
                .contains("target=\"_blank\"")
        );
    }

    #[test]
    fn a_tower_of_elements_is_not_sanitised_at_all() {
        let sanitise = |html: &str| sanitise(&[html.to_owned()], &ImageSources::default());
        assert_eq!(sanitise(&"<div>".repeat(20_000)), None);
        assert!(sanitise(&"<br>".repeat(20_000)).is_some());
    }
}
