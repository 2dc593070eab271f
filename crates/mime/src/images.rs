//! The inline images that HTML names.

/// Each image of HTML that [`clean_html`](crate::clean_html) gave: under the Content-ID that `of` gives for the one
/// that it names. An image for which there is none goes: nobody could see it.
pub fn map_images(html: &str, mut of: impl FnMut(&str) -> Option<String>) -> String {
    let mut mapped = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, tagged) = rest.split_at(start);
        let (tag, after) = tagged.split_at(end_of_tag(tagged));
        mapped.push_str(text);
        match is_image(tag) {
            true => mapped.push_str(&image(tag, &mut of).unwrap_or_default()),
            false => mapped.push_str(tag),
        }
        rest = after;
    }
    mapped + rest
}

/// Just after the `>` that ends it; one within a quoted value does not.
pub(crate) fn end_of_tag(tag: &str) -> usize {
    let mut in_value = false;
    for (at, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => in_value = !in_value,
            b'>' if !in_value => return at + 1,
            _ => {}
        }
    }
    tag.len()
}

fn is_image(tag: &str) -> bool {
    let name = tag.get(1..4).unwrap_or_default();
    name == "img" && !tag[4..].starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn image(tag: &str, of: &mut impl FnMut(&str) -> Option<String>) -> Option<String> {
    const SOURCE: &str = " src=\"cid:";
    let (before, rest) = tag.split_once(SOURCE)?;
    let (named, after) = rest.split_once('"')?;
    let content_id = of(&named.replace("&quot;", "\"").replace("&amp;", "&"))?;
    let written = content_id.replace('&', "&amp;").replace('"', "&quot;");
    Some(format!("{before}{SOURCE}{written}\"{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_goes_along_is_named_anew_and_any_other_goes() {
        for (html, mapped) in [
            ("<p>a<img src=\"cid:logo\"></p>", "<p>a<img src=\"cid:new\"></p>"),
            (
                "<img alt=\"a > b\" src=\"cid:logo\" width=\"2\">",
                "<img alt=\"a > b\" src=\"cid:new\" width=\"2\">",
            ),
            ("<p>a<img src=\"cid:dead\">b</p>", "<p>ab</p>"),
            ("<img>", ""),
            ("<imgx src=\"cid:dead\">", "<imgx src=\"cid:dead\">"),
            // Words of a value are no image.
            (
                "<a title=\"<img src=\" href=\"x\">a</a>",
                "<a title=\"<img src=\" href=\"x\">a</a>",
            ),
            ("a < b", "a < b"),
        ] {
            let known = |named: &str| (named == "logo").then(|| "new".to_owned());
            assert_eq!(map_images(html, known), mapped);
        }
    }

    #[test]
    fn a_name_is_read_as_it_is_meant() {
        let html = "<img src=\"cid:a&amp;b@x\">";
        assert_eq!(
            map_images(html, |named| (named == "a&b@x").then(|| named.into())),
            html
        );
    }
}
