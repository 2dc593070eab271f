//! A small document as a tree: what providers write of their servers. No document type, so no entities; limits before
//! anything grows.

use quick_xml::Reader;
use quick_xml::events::BytesRef;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;

const MOST_BYTES: usize = 256 * 1024;
const MOST_DEPTH: usize = 24;
const MOST_ELEMENTS: usize = 4_096;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Without its prefix, in lower case: some write `<server>`, some `<Server>`.
    pub name: String,
    /// The attribute `type`.
    pub kind: String,
    pub text: String,
    children: Vec<Element>,
}

impl Element {
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn first(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Of the child `name`; empty if there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.first(name).map_or("", |child| child.text.trim())
    }
}

/// The outermost element. `None`: no document of the kind, or over a limit.
pub fn read(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() <= MOST_BYTES)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // The document itself is the first: its only child is what is wanted.
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(element(&start)?);
                elements += 1;
            }
            Event::Empty(start) => {
                open.last_mut()?.children.push(element(&start)?);
                elements += 1;
            }
            Event::End(_) => close(&mut open)?,
            Event::Text(text) => open.last_mut()?.text.push_str(&text),
            Event::CData(text) => open.last_mut()?.text.push_str(&text),
            Event::GeneralRef(reference) => open.last_mut()?.text.push(character(&reference)?),
            Event::DocType(_) => return None,
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        if open.len() > MOST_DEPTH || elements > MOST_ELEMENTS {
            return None;
        }
    }
    let document = open.pop().filter(|_| open.is_empty())?;
    document.children.into_iter().next()
}

fn close(open: &mut Vec<Element>) -> Option<()> {
    let closed = open.pop()?;
    open.last_mut()?.children.push(closed);
    Some(())
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let kind = start.try_get_attribute("type").ok()?;
    Some(Element {
        name: start.local_name().into_inner().to_ascii_lowercase(),
        kind: kind.map_or_else(String::new, |kind| kind.value.to_ascii_lowercase()),
        ..Element::default()
    })
}

/// One character, or one of the five names that XML itself has.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Some(numbered) = reference.resolve_char_ref().ok()? {
        return Some(numbered);
    }
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_a_tree() {
        let read = read(b"\xef\xbb\xbf<?xml version=\"1.0\"?><!-- x --><A:Root><b TYPE='x' type=\"IMAP\"> a&amp;&#65;<![CDATA[<c>]]> </b><B/></A:Root>");
        let root = read.expect("document");
        let first = root.first("b").expect("child");
        assert_eq!(
            (root.name.as_str(), first.kind.as_str(), root.text_of("b")),
            ("root", "imap", "a&A<c>")
        );
        assert_eq!(root.all("b").count(), 2);
    }

    #[test]
    fn what_is_none_or_too_much_is_not_read() {
        let deep = format!(
            "{}{}",
            "<a>".repeat(MOST_DEPTH + 1),
            "</a>".repeat(MOST_DEPTH + 1)
        );
        let wide = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS + 1));
        let long = format!("<a>{}</a>", "x".repeat(MOST_BYTES));
        for text in [
            "",
            "no document",
            "<a>",
            "</a>",
            "<a></b>",
            "<a>&b;</a>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
            "<a><!DOCTYPE b [<!ENTITY c \"d\">]></a>",
            &deep,
            &wide,
            &long,
        ] {
            let shown: String = text.chars().take(60).collect();
            assert_eq!(read(text.as_bytes()), None, "{shown}");
        }
        assert_eq!(read(b"<a>\xff</a>"), None);
    }
}
