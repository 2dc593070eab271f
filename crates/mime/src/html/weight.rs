//! What HTML would cost the libraries, found out before any of them sees it.
//!
//! Their work grows with the square of the depth, of the attributes of one element, and with what formatting that is
//! left open makes of each paragraph. The parser's own tree is what counts (comments, tables and drawings close
//! elements or do not, in ways that no shorter reading knows), so it is built, without its content, until it is too much.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use html5ever::Attribute;
use html5ever::ExpandedName;
use html5ever::LocalName;
use html5ever::Namespace;
use html5ever::QualName;
use html5ever::parse_document;
use html5ever::tendril::StrTendril;
use html5ever::tendril::TendrilSink as _;
use html5ever::tree_builder::ElementFlags;
use html5ever::tree_builder::NodeOrText;
use html5ever::tree_builder::QuirksMode;
use html5ever::tree_builder::TreeSink;

/// 20,000 nested elements cost the sanitiser 3 s; honest newsletters stay under 200.
const MAX_DEPTH: usize = 500;
/// Each attribute of a tag is compared with those before it.
const MAX_ATTRIBUTES: usize = 500;
/// Formatting left open (`<font>`) is written anew in each paragraph; of honest mail that makes little more.
const MAX_GROWTH: usize = 8;
const GROWTH_FREE_BYTES: usize = 256 * 1024;
/// After each of these it is asked whether that is enough.
const STEP_BYTES: usize = 1024;

/// Of HTML that is light enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    pub elements: usize,
    /// Selectors of style sheets.
    pub selectors: usize,
}

/// `None`: too much for the libraries.
pub fn weigh(html: &str) -> Option<Weight> {
    if has_crowded_tag(html.as_bytes()) {
        return None;
    }
    let most_bytes = html.len() * MAX_GROWTH + GROWTH_FREE_BYTES;
    let mut parser = parse_document(Scales::default(), Default::default());
    let mut rest = html;
    while !rest.is_empty() {
        let (step, after) = rest.split_at(rest.ceil_char_boundary(STEP_BYTES));
        parser.process(step.into());
        let scales = &parser.tokenizer.sink.sink;
        if scales.deepest.get() > MAX_DEPTH || scales.bytes.get() > most_bytes {
            return None;
        }
        rest = after;
    }
    let scales = parser.finish();
    Some(Weight {
        elements: scales.elements.get(),
        selectors: scales.selectors.get(),
    })
}

#[derive(Default)]
struct Scales {
    elements: Cell<usize>,
    bytes: Cell<usize>,
    deepest: Cell<usize>,
    selectors: Cell<usize>,
}

/// An element of which nothing is kept but its name and place.
struct Place {
    name: QualName,
    depth: Cell<usize>,
}

impl Scales {
    fn put(&self, child: &NodeOrText<Rc<Place>>, depth: usize) {
        if let NodeOrText::AppendNode(place) = child {
            place.depth.set(depth);
            self.deepest.set(self.deepest.get().max(depth));
        }
    }
}

fn nameless() -> Rc<Place> {
    Rc::new(Place {
        name: QualName::new(None, Namespace::default(), LocalName::default()),
        depth: Cell::new(0),
    })
}

impl TreeSink for Scales {
    type Handle = Rc<Place>;
    type Output = Self;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Self {
        self
    }

    fn get_document(&self) -> Rc<Place> {
        nameless()
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<Place>) -> ExpandedName<'a> {
        target.name.expanded()
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Rc<Place> {
        let written = attributes
            .iter()
            .map(|one| one.name.local.len() + one.value.len() + 4);
        let bytes = written.sum::<usize>() + name.local.len() + 2;
        self.bytes.set(self.bytes.get() + bytes);
        self.elements.set(self.elements.get() + 1);
        let depth = Cell::new(0);
        Rc::new(Place { name, depth })
    }

    fn append(&self, parent: &Rc<Place>, child: NodeOrText<Rc<Place>>) {
        if let NodeOrText::AppendText(text) = &child
            && &*parent.name.local == "style"
        {
            let selectors = text.bytes().filter(|byte| matches!(byte, b'{' | b',')).count();
            self.selectors.set(self.selectors.get() + selectors);
        }
        self.put(&child, parent.depth.get() + 1);
    }

    /// What is in a table and may not be goes before it.
    fn append_before_sibling(&self, sibling: &Rc<Place>, child: NodeOrText<Rc<Place>>) {
        self.put(&child, sibling.depth.get());
    }

    fn append_based_on_parent_node(
        &self,
        element: &Rc<Place>,
        previous: &Rc<Place>,
        child: NodeOrText<Rc<Place>>,
    ) {
        self.put(&child, element.depth.get().max(previous.depth.get() + 1));
    }

    fn get_template_contents(&self, target: &Rc<Place>) -> Rc<Place> {
        target.clone()
    }

    fn same_node(&self, one: &Rc<Place>, other: &Rc<Place>) -> bool {
        Rc::ptr_eq(one, other)
    }

    fn create_comment(&self, _: StrTendril) -> Rc<Place> {
        nameless()
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<Place> {
        nameless()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn add_attrs_if_missing(&self, _: &Rc<Place>, _: Vec<Attribute>) {}
    fn remove_from_parent(&self, _: &Rc<Place>) {}
    fn reparent_children(&self, _: &Rc<Place>, _: &Rc<Place>) {}
}

/// Each `<` before a letter is taken for a tag, wherever it stands: what is one and what only looks like one (in a
/// comment, in a value) is the parser's to say, and it would have compared them by then.
fn has_crowded_tag(html: &[u8]) -> bool {
    // Values may hold tags that hold values; where that is more than a few levels, it is made to cost.
    let mut budget = html.len() * MAX_GROWTH;
    for at in memchr::memchr_iter(b'<', html) {
        let tag = &html[at + 1..];
        if !tag.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let Some(left) = length_of_tag(tag).and_then(|length| budget.checked_sub(length)) else {
            return true;
        };
        budget = left;
    }
    false
}

/// `None`: it has too many attributes. (HTML §13.2.5, from "tag name state" to "after attribute value state".)
fn length_of_tag(tag: &[u8]) -> Option<usize> {
    let from = |at: usize, is_end: fn(u8) -> bool| {
        let rest = tag.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len())
    };
    let mut at = from(0, ends_name);
    for _ in 0..=MAX_ATTRIBUTES {
        at = from(at, |byte| !is_space(byte) && byte != b'/');
        if matches!(tag.get(at), None | Some(b'>')) {
            return Some(at);
        }
        // The first character is of the name, even if it is a `=`.
        at = from(from(at + 1, ends_name), |byte| !is_space(byte));
        if tag.get(at) != Some(&b'=') {
            continue;
        }
        at = from(at + 1, |byte| !is_space(byte));
        at = match tag.get(at) {
            Some(quote @ (b'"' | b'\'')) => {
                let value = &tag[at + 1..];
                at + 1 + memchr::memchr(*quote, value).map_or(value.len(), |end| end + 1)
            }
            _ => from(at, |byte| is_space(byte) || byte == b'>'),
        };
    }
    None
}

fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>' | b'=')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_libraries_would_choke_on_is_too_heavy() {
        let attributes: String = (0..2_000).map(|number| format!("a{number}=\"x y z\" ")).collect();
        let fonts: String = (0..300).map(|number| format!("<font size={number}>")).collect();
        for (name, html) in [
            ("nested", "<div>".repeat(2_000)),
            ("closed by another name", "<div></x>".repeat(2_000)),
            ("closed in a comment", "<div><!--</div>-->".repeat(2_000)),
            ("closed in an attribute", "<div title=\"</div>\">".repeat(2_000)),
            ("closed in a table", "<div><table><td></div>".repeat(2_000)),
            (
                "closed in a drawing",
                "<div><svg><![CDATA[></div>]]></svg>".repeat(2_000),
            ),
            (
                "formatting left open",
                format!("<p>{fonts}{}", "<p>x".repeat(2_000)),
            ),
            ("attributes", format!("<b {attributes}>")),
            (
                "attributes behind a comment",
                format!("<!-- <a \" --><b {attributes}>"),
            ),
        ] {
            assert_eq!(weigh(&html), None, "{name}");
        }
    }

    #[test]
    fn honest_html_is_light() {
        let long = format!("<p title=\"{0}\" style=\"{0}\">x</p>", "a b ".repeat(5_000));
        let letters = "<font color=red><p>Hello<p>".repeat(3) + &"<p>more".repeat(3_000);
        for html in [
            "",
            "hello",
            "a < b and b <c",
            "<a href=x title='a>b'>x</a>",
            &long,
            &letters,
            &"<br>".repeat(20_000),
            &"<table><tr><td>x</td></tr></table>".repeat(2_000),
        ] {
            assert!(weigh(html).is_some(), "{}", &html[..html.len().min(100)]);
        }
        let sheet = weigh("<style>a,b{color:red}p{x:y}</style><p>{,}</p>").expect("light");
        assert_eq!(sheet.selectors, 3);
    }
}
