//! Foreign HTML made harmless. The result goes into a sandboxed frame with its own CSP: either alone holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use ammonia::Builder;

use crate::quotes;

const MAX_HTML_BYTES: usize = 2 * 1024 * 1024;
/// 20,000 nested elements cost the sanitiser 3 s; honest newsletters stay under 100.
const MAX_DEPTH: usize = 300;

/// Sanitised body and what was kept out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHtml {
    pub html: String,
    /// Remote images that were taken out: loading them tells the sender when and where it was read.
    pub blocked_images: u32,
}

/// `None`: too large or too deep; the text is shown instead. `inline_parts` maps Content-IDs to the
/// addresses under which their parts may be loaded.
pub fn sanitise(html: &str, inline_parts: &HashMap<String, String>) -> Option<FrameHtml> {
    if html.len() > MAX_HTML_BYTES || depth(html) > MAX_DEPTH {
        return None;
    }
    let blocked = Arc::new(AtomicU32::new(0));
    let (counter, parts) = (blocked.clone(), inline_parts.clone());
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "u", "section", "address"])
        .rm_tags(["map", "area"])
        .add_generic_attributes(["style", "align", "valign", "bgcolor", "width", "height", "dir"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .add_tag_attributes("div", ["class", "id"])
        .add_tag_attributes("section", ["class"])
        .add_tag_attributes("blockquote", ["class", "type"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        .filter_style_properties(STYLE_PROPERTIES.iter().copied().collect())
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => image_source(value, &parts, &counter),
            // Of names only what tells a quote stays.
            (_, "class") => quotes::class_mark(value).map(Cow::Borrowed),
            (_, "id") => quotes::id_mark(value).map(Cow::Borrowed),
            ("blockquote", "type") => (value == "cite").then_some(Cow::Borrowed(value)),
            // No image, font or import may be named in a style.
            (_, "style") if value.to_ascii_lowercase().contains("url(") => None,
            // Quoting elements name where text came from; nothing may be loaded from there.
            ("blockquote" | "q" | "del" | "ins", "cite") => None,
            _ => Some(Cow::Borrowed(value)),
        });
    let html = quotes::fold_html(&builder.clean(html).to_string());
    Some(FrameHtml {
        html,
        blocked_images: blocked.load(Ordering::Relaxed),
    })
}

fn image_source<'v>(
    value: &str,
    inline_parts: &HashMap<String, String>,
    blocked: &AtomicU32,
) -> Option<Cow<'v, str>> {
    let inline = value.strip_prefix("cid:").and_then(|id| inline_parts.get(id));
    if inline.is_none() && !value.starts_with("cid:") {
        blocked.fetch_add(1, Ordering::Relaxed);
    }
    inline.map(|address| Cow::Owned(address.clone()))
}

/// Looks, never moves: nothing that takes an element out of the flow, over others, or loads.
const STYLE_PROPERTIES: &[&str] = &[
    "color",
    "background-color",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "font-variant",
    "line-height",
    "letter-spacing",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "word-spacing",
    "direction",
    "margin",
    "margin-top",
    "margin-right",
    "margin-bottom",
    "margin-left",
    "padding",
    "padding-top",
    "padding-right",
    "padding-bottom",
    "padding-left",
    "border",
    "border-top",
    "border-right",
    "border-bottom",
    "border-left",
    "border-color",
    "border-style",
    "border-width",
    "border-radius",
    "border-collapse",
    "border-spacing",
    "width",
    "max-width",
    "height",
    "max-height",
    "list-style-type",
    "table-layout",
];

/// The deepest run of elements that were opened and not closed; elements that never close count less than
/// they should, never more.
fn depth(html: &str) -> usize {
    let bytes = html.as_bytes();
    let (mut open, mut deepest) = (0_usize, 0);
    for at in memchr::memchr_iter(b'<', bytes) {
        match bytes.get(at + 1) {
            Some(b'/') => open = open.saturating_sub(1),
            Some(letter) if letter.is_ascii_alphabetic() && !is_void(&bytes[at + 1..]) => open += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn is_void(tag: &[u8]) -> bool {
    const VOID: &[&[u8]] = &[
        b"br", b"img", b"hr", b"meta", b"link", b"input", b"col", b"p", b"li", b"td", b"tr", b"wbr",
    ];
    let length = tag
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric())
        .unwrap_or(tag.len());
    VOID.iter().any(|void| tag[..length].eq_ignore_ascii_case(void))
}

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    ammonia::clean_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(html: &str) -> FrameHtml {
        let parts = HashMap::from([("logo@x".to_owned(), "/api/v1/parts/token".to_owned())]);
        sanitise(html, &parts).expect("within limits")
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
        assert_eq!(sanitise(&"<div>".repeat(20_000), &HashMap::new()), None);
        assert!(sanitise(&"<br>".repeat(20_000), &HashMap::new()).is_some());
    }
}
