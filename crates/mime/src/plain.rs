//! What composed HTML says in plain text, for whoever reads only that: programs of help desks, screen readers, old
//! clients. Lines stay apart, links keep their address, quotations are marked.
//!
//! For HTML that [`clean_html`](crate::clean_html) gave: one pass over its tags, in time proportional to its length.

use crate::images::end_of_tag;

/// Deeper quotations are marked as this one: a mark on every line for each level would be more than the text.
const MAX_QUOTE_MARKS: usize = 10;

pub fn plain_text(html: &str) -> String {
    let mut writer = Writer::default();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, tagged) = rest.split_at(start);
        let (tag, after) = tagged.split_at(end_of_tag(tagged));
        writer.text(text);
        writer.tag(tag);
        rest = after;
    }
    writer.text(rest);
    writer.end()
}

/// What stands between the line that is being written and the next.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Line,
    Blank,
}

#[derive(Default)]
struct Writer {
    out: String,
    line: String,
    /// Of the item that the line begins.
    mark: String,
    /// White space that is written once a word follows.
    has_space: bool,
    gap: Gap,
    blank_before: bool,
    quotes: usize,
    /// Of the line before.
    quotes_before: usize,
    preformatted: usize,
    cells: usize,
    /// Of an ordered list the number of its next item.
    lists: Vec<Option<u32>>,
    link: Option<Link>,
}

struct Link {
    address: String,
    text: String,
}

impl Writer {
    fn text(&mut self, html: &str) {
        let text = decode(html);
        for c in text.chars() {
            match c {
                '\n' if self.preformatted > 0 => self.break_line(),
                ' ' | '\t' | '\r' | '\n' if self.preformatted == 0 => self.has_space = true,
                // Not to be broken at, which plain text cannot say.
                '\u{a0}' => self.push(" "),
                c => self.push(c.encode_utf8(&mut [0; 4])),
            }
        }
        if let Some(link) = &mut self.link {
            link.text.push_str(&text);
        }
    }

    fn push(&mut self, text: &str) {
        self.close_gap();
        if std::mem::take(&mut self.has_space) && !self.line.is_empty() && !self.line.ends_with('\t') {
            self.line.push(' ');
        }
        self.line.push_str(text);
    }

    fn tag(&mut self, tag: &str) {
        let inner = tag.strip_prefix('<').unwrap_or(tag);
        let (name, opens) = match inner.strip_prefix('/') {
            Some(name) => (name, false),
            None => (inner, true),
        };
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len());
        match (&name[..end], opens) {
            ("br", true) => self.break_line(),
            ("hr", true) => self.rule(),
            ("img", true) => self.image(tag),
            ("a", true) => self.begin_link(tag),
            ("a", false) => self.end_link(),
            ("td" | "th", opens) => self.cell(opens),
            ("tr", _) => self.end_line(),
            ("li", true) => self.begin_item(),
            ("ul" | "ol", opens) => self.list(&name[..end], opens),
            ("blockquote", opens) => self.quotation(opens),
            ("pre", opens) => self.preformatted(opens),
            ("p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl", _) => self.paragraph(),
            (name, _) if IN_LINE.contains(&name) => {}
            _ => self.widen(Gap::Line),
        }
    }

    fn widen(&mut self, gap: Gap) {
        // The mark above a signature ends in a space (RFC 3676 §4.3).
        if std::mem::take(&mut self.has_space) && self.line == "--" {
            self.line.push(' ');
        }
        // A cell has just begun.
        if !self.line.ends_with('\t') {
            self.gap = self.gap.max(gap);
        }
    }

    fn close_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if gap > Gap::None && !self.line.is_empty() {
            self.write_line();
        }
        self.blank_before |= gap == Gap::Blank && !self.out.is_empty();
    }

    /// Whatever follows stands below it.
    fn end_line(&mut self) {
        self.widen(Gap::Line);
        self.close_gap();
    }

    /// One that is empty, if there is nothing to be ended.
    fn break_line(&mut self) {
        self.widen(Gap::None);
        self.close_gap();
        self.write_line();
    }

    fn write_line(&mut self) {
        let marks = "> ".repeat(self.quotes.min(MAX_QUOTE_MARKS));
        if std::mem::take(&mut self.blank_before) {
            let shared = "> ".repeat(self.quotes.min(self.quotes_before).min(MAX_QUOTE_MARKS));
            self.out.extend([shared.trim_end(), "\n"]);
        }
        self.quotes_before = self.quotes;
        let line = std::mem::take(&mut self.mark) + &std::mem::take(&mut self.line);
        let line = match line.as_str() {
            "-- " => "-- ",
            line => line.trim_end(),
        };
        match line.is_empty() {
            true => self.out.push_str(marks.trim_end()),
            false => self.out.extend([marks.as_str(), line]),
        }
        self.out.push('\n');
        self.has_space = false;
    }

    fn end(mut self) -> String {
        self.end_line();
        self.out
    }

    fn paragraph(&mut self) {
        self.widen(match self.lists.is_empty() && self.cells == 0 {
            true => Gap::Blank,
            false => Gap::Line,
        });
    }

    fn rule(&mut self) {
        self.paragraph();
        self.push("________");
        self.paragraph();
    }

    fn quotation(&mut self, opens: bool) {
        self.end_line();
        self.quotes = step(self.quotes, opens);
        self.widen(Gap::Blank);
    }

    fn preformatted(&mut self, opens: bool) {
        self.paragraph();
        self.preformatted = step(self.preformatted, opens);
    }

    fn list(&mut self, name: &str, opens: bool) {
        if opens {
            self.paragraph();
            self.lists.push((name == "ol").then_some(1));
        } else {
            self.lists.pop();
            self.paragraph();
        }
    }

    fn begin_item(&mut self) {
        self.end_line();
        let within = self.lists.len().saturating_sub(1).min(MAX_QUOTE_MARKS);
        self.mark = "  ".repeat(within);
        if let Some(Some(number)) = self.lists.last_mut() {
            self.mark.push_str(&format!("{number}. "));
            *number += 1;
        }
    }

    /// Beside the one before, whatever that one ended in.
    fn cell(&mut self, opens: bool) {
        self.cells = step(self.cells, opens);
        if opens && !self.line.is_empty() {
            (self.gap, self.has_space) = (Gap::None, false);
            self.line.push('\t');
        }
    }

    fn image(&mut self, tag: &str) {
        let text = value_of(tag, " alt=\"");
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            self.push(&format!("[{}]", text.trim()));
        }
    }

    fn begin_link(&mut self, tag: &str) {
        let address = value_of(tag, " href=\"").filter(|address| !address.starts_with(['#', '/']));
        self.link = address.map(|address| Link {
            address,
            text: String::new(),
        });
    }

    /// Whoever sees its address already is not told again.
    fn end_link(&mut self) {
        let Some(Link { address, text }) = self.link.take() else {
            return;
        };
        let shown = address
            .strip_prefix("mailto:")
            .or_else(|| address.strip_prefix("tel:"));
        let shown = shown.unwrap_or(&address).trim();
        if !bare(&text).contains(bare(shown)) {
            self.has_space |= !self.line.is_empty();
            self.push(&format!("<{shown}>"));
        }
    }
}

fn step(depth: usize, opens: bool) -> usize {
    match opens {
        true => depth + 1,
        false => depth.saturating_sub(1),
    }
}

/// Without what people leave out when they write an address down.
fn bare(address: &str) -> &str {
    let address = address.trim();
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    address
        .strip_prefix("www.")
        .unwrap_or(address)
        .trim_end_matches('/')
}

/// What goes on in a line.
const IN_LINE: &[&str] = &[
    "", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr",
];

fn value_of(tag: &str, attribute: &str) -> Option<String> {
    let (_, rest) = tag.split_once(attribute)?;
    let (value, _) = rest.split_once('"')?;
    Some(decode(value))
}

/// What HTML that was written anew escapes.
fn decode(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
        let known = known.map(|(name, character)| (name.len(), *character));
        let (length, character) = known.or_else(|| numbered(rest)).unwrap_or((1, '&'));
        text.push(character);
        rest = &rest[length..];
    }
    text + rest
}

/// `&#32;`: how long it is, and what it stands for.
fn numbered(rest: &str) -> Option<(usize, char)> {
    const DIGITS: usize = 7;
    let digits = rest.strip_prefix("&#")?;
    let length = digits.bytes().take(DIGITS + 1).position(|byte| byte == b';')?;
    let character = char::from_u32(digits[..length].parse().ok()?)?;
    Some(("&#;".len() + length, character))
}

const ENTITIES: &[(&str, char)] = &[
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&nbsp;", '\u{a0}'),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean_html;

    #[test]
    fn what_stands_apart_stays_apart() {
        for (html, text) in [
            ("<p>Dear Kelly,</p><p>yes.</p>", "Dear Kelly,\n\nyes.\n"),
            ("<div>Alice</div><div>ISP Ltd</div>", "Alice\nISP Ltd\n"),
            ("one<br>two<br><br>three", "one\ntwo\n\nthree\n"),
            ("<div>a</div><div><br></div><div>b</div>", "a\n\nb\n"),
            ("<h2>Head</h2>body", "Head\n\nbody\n"),
            ("<p>a  b\n c</p>", "a b c\n"),
            ("a<b>b</b><span> c</span>", "ab c\n"),
            ("x&nbsp;&nbsp;y &amp; &lt;z&gt; &amp;lt;", "x  y & <z> &lt;\n"),
            ("<ul><li>router</li><li>cable</li></ul>", "router\ncable\n"),
            (
                "<p>x</p><ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>y",
                "x\n\n1. a\n2. b\n  c\n\ny\n",
            ),
            (
                "<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td> 2</td></tr></table>",
                "a\t1\nb\t2\n",
            ),
            (
                "<ul><li><p>a</p></li><li><p>b</p></li></ul><p>c</p>",
                "a\nb\n\nc\n",
            ),
            (
                "x<table><tr><td><p>a</p></td><td><p>1</p></td></tr><tr><td><p>b</p></td><td><p>2</p></td></tr></table>",
                "x\n\na\t1\nb\t2\n",
            ),
            ("<pre>a\n  b</pre>c", "a\n  b\n\nc\n"),
            ("a<hr>b", "a\n\n________\n\nb\n"),
            ("<p>-- <br>Alice</p>", "-- \nAlice\n"),
            (
                "<p><img src=\"cid:x\" alt=\"The router\"> here</p>",
                "[The router] here\n",
            ),
            ("", ""),
        ] {
            assert_eq!(plain_text(&clean_html(html)), text, "{html}");
        }
    }

    #[test]
    fn links_keep_their_address_and_say_it_once() {
        for (html, text) in [
            (
                "<a href=\"https://pay.isp.example/i/7?a=1&amp;b=2\">Pay</a>.",
                "Pay <https://pay.isp.example/i/7?a=1&b=2>.\n",
            ),
            (
                "<a href=\"https://isp.example/\">isp.example</a>",
                "isp.example\n",
            ),
            (
                "<a href=\"https://www.isp.example\">https://isp.example/</a>",
                "https://isp.example/\n",
            ),
            (
                "<a href=\"mailto:alice@isp.example\">alice@isp.example</a>",
                "alice@isp.example\n",
            ),
            (
                "<a href=\"mailto:alice@isp.example\">write</a> us",
                "write <alice@isp.example> us\n",
            ),
            (
                "<a href=\"https://isp.example/\"><b>Our <i>site</i></b></a>",
                "Our site <https://isp.example/>\n",
            ),
            (
                "<a href=\"https://isp.example/\"><img src=\"cid:x\"></a>",
                "<https://isp.example/>\n",
            ),
            ("<a>none</a>", "none\n"),
        ] {
            assert_eq!(plain_text(&clean_html(html)), text, "{html}");
        }
    }

    #[test]
    fn lines_of_a_quotation_are_marked() {
        for (html, text) in [
            (
                "<p>Today.</p><p>On Monday, Kelly wrote:</p><blockquote type=\"cite\"><div>When?</div><p>Kelly</p></blockquote>",
                "Today.\n\nOn Monday, Kelly wrote:\n\n> When?\n>\n> Kelly\n",
            ),
            (
                "<blockquote><p>a</p><blockquote>b<br>c</blockquote></blockquote>d",
                "> a\n>\n> > b\n> > c\n\nd\n",
            ),
        ] {
            assert_eq!(plain_text(&clean_html(html)), text, "{html}");
        }
        let deep = "<blockquote>".repeat(400) + "x";
        assert_eq!(plain_text(&clean_html(&deep)), "> ".repeat(10) + "x\n");
    }
}
