//! Links say where they lead: what is written on one is chosen by whoever wrote the mail.

use std::borrow::Cow;

use url::Url;

/// The class of the words that [`name_targets`] adds; foreign classes do not get this far.
pub const TARGET: &str = "link-target";

/// Of HTML that was sanitised: every link gets its address as a title, and where the words on it name another host
/// than it leads to, the real one follows in the text.
pub fn name_targets(html: &str) -> String {
    let mut named = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("<a ") {
        let Some(tag_end) = rest[start..].find('>').map(|end| start + end) else {
            break;
        };
        let tag = &rest[start..tag_end];
        let target = href(tag).and_then(|href| Url::parse(&href).ok());
        let (Some(target), Some(end)) = (target, rest[tag_end..].find("</a>").map(|end| tag_end + end))
        else {
            named.push_str(&rest[..=tag_end]);
            rest = &rest[tag_end + 1..];
            continue;
        };
        named.push_str(&rest[..start]);
        named.push_str(&without_title(tag));
        named.push_str(&format!(" title=\"{}\"", super::escape(&shown(&target))));
        let end = end + "</a>".len();
        named.push_str(&rest[tag_end..end]);
        if let Some(host) = other_host(&words(&rest[tag_end + 1..end]), &target) {
            let host = super::escape(&host);
            named.push_str(&format!(" <span class=\"{TARGET}\">[{host}]</span>"));
        }
        rest = &rest[end..];
    }
    named.push_str(rest);
    named
}

fn href(tag: &str) -> Option<String> {
    let (_, value) = tag.split_once(" href=\"")?;
    let (value, _) = value.split_once('"')?;
    Some(unescape(value).into_owned())
}

fn without_title(tag: &str) -> String {
    let Some((before, rest)) = tag.split_once(" title=\"") else {
        return tag.to_owned();
    };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

/// The address as its server knows it: international names in their ASCII form, so that no letter looks like another.
fn shown(target: &Url) -> String {
    let text = target.as_str();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The host that a link leads to, if the words on it look like an address elsewhere.
fn other_host(words: &str, target: &Url) -> Option<String> {
    let host = target.host_str()?.trim_start_matches("www.").to_lowercase();
    let claimed = claimed_host(words)?;
    let is_same = claimed == host || host.ends_with(&format!(".{claimed}"));
    (!is_same).then_some(host)
}

/// The host that words name: "https://isp.example/bill", "www.isp.example", "isp.example".
fn claimed_host(words: &str) -> Option<String> {
    let word = words.split_whitespace().find(|word| word.contains('.'))?;
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let bare = word.split_once("://").map_or(word, |(_, rest)| rest);
    let host = bare.split(['/', '?', '#', ':']).next()?;
    let host = host.rsplit('@').next()?.trim_start_matches("www.");
    let (name, top) = host.rsplit_once('.')?;
    let is_host = !name.is_empty() && top.len() >= 2 && top.chars().all(char::is_alphabetic);
    // "Invoice.pdf" is a file. What begins like an address is one, whatever it ends with.
    let is_address = word.contains("://") || word.starts_with("www.");
    (is_host && (is_address || psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known())))
        .then(|| {
            Url::parse(&format!("https://{host}"))
                .ok()?
                .host_str()
                .map(str::to_lowercase)
        })
        .flatten()
}

fn words(html: &str) -> String {
    let pieces = html.split('<').enumerate().map(|(at, piece)| match at {
        0 => piece,
        _ => piece.split_once('>').map_or("", |(_, text)| text),
    });
    unescape(&pieces.collect::<Vec<_>>().join(" ")).into_owned()
}

/// The entities that the sanitiser writes.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_says_another_host_is_told() {
        for (link, told) in [
            (
                r#"<a href="https://evil.example/x">https://bank.com/login</a>"#,
                Some("evil.example"),
            ),
            (
                r#"<a href="https://evil.example/x"><b>www.bank.com</b></a>"#,
                Some("evil.example"),
            ),
            (
                r#"<a href="https://evil.example/x">Go to bank.com now</a>"#,
                Some("evil.example"),
            ),
            (
                r#"<a href="https://bank.com.evil.example/">bank.com</a>"#,
                Some("bank.com.evil.example"),
            ),
            (
                r#"<a href="https://xn--mller-kva.example/">https://müller.example</a>"#,
                None,
            ),
            (
                r#"<a href="https://xn--bnk-5cd.com/">bank.com</a>"#,
                Some("xn--bnk-5cd.com"),
            ),
            (
                r#"<a href="https://www.bank.com/x?a=1&amp;b=2">bank.com</a>"#,
                None,
            ),
            (r#"<a href="https://login.bank.com/">bank.com</a>"#, None),
            (r#"<a href="https://evil.example/">Click here</a>"#, None),
            (r#"<a href="https://evil.example/">Invoice.pdf</a>"#, None),
            (r#"<a href="https://evil.example/">e.g. this</a>"#, None),
            (r#"<a href="mailto:a@b.example">a@b.example</a>"#, None),
        ] {
            let named = name_targets(link);
            let expected = told.map(|host| format!("[{host}]"));
            match expected {
                Some(host) => assert!(named.contains(&host), "{link} -> {named}"),
                None => assert!(!named.contains(TARGET), "{link} -> {named}"),
            }
        }
    }

    #[test]
    fn every_link_has_its_address_as_its_title() {
        assert_eq!(
            name_targets(r#"x<a href="https://b.example/?a=1&amp;b" title="bank" rel="x">y</a>z"#),
            r#"x<a href="https://b.example/?a=1&amp;b" rel="x" title="https:&#47;&#47;b.example&#47;?a&#61;1&amp;b">y</a>z"#
        );
        for broken in ["<a ", "<a href=\"https://b.example\">x", "<a href=\"x\">y</a>"] {
            let _ = name_targets(broken);
        }
    }
}
