//! Quotes in HTML: by what programs call their elements, and by the words in them, like in plain text.

use super::TextKind;
use super::dividers::DRAWN_RULE;
use super::dividers::is_forwarded;
use super::page;
use super::page::Line;
use super::page::Mark;
use super::page::Nature;

/// Marks that stay in sanitised HTML, so that [`fold_html`] finds them.
pub const QUOTE: &str = "quote";
pub const REST: &str = "quote-rest";
pub const ATTRIBUTION: &str = "attribution";
pub const SIGNATURE: &str = "signature";
/// The class of what [`fold_html`] folds.
pub const FOLDED: &str = "quoted";

/// How programs name what they make, by a part of the class, the id or the name: Gmail, Yahoo, Proton, Tuta, Zoho,
/// mail.ru, Skype, Huawei, Outlook for Mac and the new one, 163, GMX and web.de, Spark, Front, Airmail, Newton.
const NAMES: &[(&str, &str)] = &[
    ("gmail_quote", QUOTE),
    ("yahoo_quoted", QUOTE),
    ("yahoo-quoted", QUOTE),
    ("ydp_quote", QUOTE),
    ("protonmail_quote", QUOTE),
    ("tutanota_quote", QUOTE),
    ("zmail_extra", QUOTE),
    ("mailru-blockquote", QUOTE),
    ("skype_quote", QUOTE),
    ("hwmail_quote", QUOTE),
    ("olk_src_body_section", QUOTE),
    ("mail-editor-reference-message", QUOTE),
    ("ms-outlook-mobile-reference-message", QUOTE),
    ("isreplycontent", QUOTE),
    ("messagereplysection", QUOTE),
    ("front-blockquote", QUOTE),
    ("bloop_original_html", QUOTE),
    ("nylas-quote", QUOTE),
    ("cm_quote", QUOTE),
    ("aolreplacedbody", QUOTE),
    ("rcmquote", QUOTE),
    ("moz-cite-prefix", ATTRIBUTION),
    ("airmail_on", ATTRIBUTION),
    ("gmail_attr", ATTRIBUTION),
    ("quote_header", ATTRIBUTION),
    ("divrplyfwdmsg", REST),
    ("reply-intro", REST),
    ("replysplit", REST),
    ("gmail_signature", SIGNATURE),
    ("moz-signature", SIGNATURE),
    ("protonmail_signature_block", SIGNATURE),
];

/// What stays of a class, an id or a name.
pub fn name_mark(value: &str) -> Option<&'static str> {
    if value.eq_ignore_ascii_case(QUOTE) {
        return Some(QUOTE);
    }
    let value = value.to_ascii_lowercase();
    NAMES
        .iter()
        .find(|(name, _)| value.contains(name))
        .map(|(_, mark)| *mark)
}

/// Folds what is not the author's in HTML that was sanitised: well formed, `<` only where a tag begins.
pub fn fold_html(html: &str, nature: Nature) -> String {
    let folds = Document::of(html).folds(nature);
    let mut visible = String::new();
    let mut at = 0;
    for (start, end) in &folds {
        visible.push_str(&html[at..*start]);
        at = *end;
    }
    visible.push_str(&html[at..]);
    if folds.is_empty() || !shows_something(&visible) {
        return html.to_owned();
    }
    let mut folded = String::with_capacity(html.len() + folds.len() * 100);
    at = 0;
    for (start, end) in folds {
        folded.push_str(&html[at..start]);
        folded.push_str(
            "<details class=\"quoted\"><summary title=\"Quoted text\" aria-label=\"Quoted text\">&#8943;</summary>",
        );
        folded.push_str(&html[start..end]);
        folded.push_str("</details>");
        at = end;
    }
    folded.push_str(&html[at..]);
    folded
}

fn shows_something(html: &str) -> bool {
    html.contains("<img")
        || html.split('<').any(|piece| {
            let text = piece.split_once('>').map_or(piece, |(_, text)| text);
            !unescaped(text).trim().is_empty()
        })
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&nbsp;", " ").replace('\u{a0}', " ");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open(usize),
    Close,
    /// A piece of a line.
    Piece {
        line: usize,
        is_seen: bool,
    },
}

struct Element<'h> {
    name: &'h str,
    parent: usize,
    mark: Mark,
    is_preformatted: bool,
    /// Tokens, the closing one too.
    tokens: (usize, usize),
    lines: (usize, usize),
}

struct HtmlLine {
    text: String,
    mark: Mark,
    element: usize,
}

/// HTML as lines that know where they stand in it.
struct Document<'h> {
    html: &'h str,
    tokens: Vec<(Token, usize, usize)>,
    /// The first stands for the whole.
    elements: Vec<Element<'h>>,
    lines: Vec<HtmlLine>,
    open: Vec<usize>,
    text: String,
}

impl<'h> Document<'h> {
    fn of(html: &'h str) -> Self {
        let whole = Element {
            name: "",
            parent: 0,
            mark: Mark::None,
            is_preformatted: false,
            tokens: (0, 0),
            lines: (0, 0),
        };
        let mut document = Document {
            html,
            tokens: Vec::new(),
            elements: vec![whole],
            lines: Vec::new(),
            open: vec![0],
            text: String::new(),
        };
        document.read();
        document
    }

    fn read(&mut self) {
        let mut at = 0;
        while at < self.html.len() {
            let rest = &self.html[at..];
            let end = match rest.strip_prefix('<') {
                Some(_) => memchr::memchr(b'>', rest.as_bytes()).map_or(rest.len(), |end| end + 1),
                None => memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len()),
            };
            match rest.starts_with('<') {
                true => self.tag(at, at + end),
                false => self.words(at, at + end),
            }
            at += end;
        }
        self.end_line(false);
        while self.open.len() > 1 {
            self.close(self.html.len(), self.html.len());
        }
        self.elements[0].tokens.1 = self.tokens.len();
        self.elements[0].lines.1 = self.lines.len();
    }

    fn tag(&mut self, start: usize, end: usize) {
        let tag = self.html[start + 1..end].trim_end_matches('>');
        if let Some(name) = tag.strip_prefix('/') {
            let position = self
                .open
                .iter()
                .rposition(|held| self.elements[*held].name == name);
            for _ in position
                .filter(|position| *position > 0)
                .unwrap_or(self.open.len())..self.open.len()
            {
                self.close(start, end);
            }
            return;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        match name {
            "br" => {
                self.end_line(true);
            }
            "hr" => {
                self.end_line(false);
                self.text.push_str(DRAWN_RULE);
                self.push_piece(start, end, true);
                self.end_line(false);
            }
            "img" => {
                self.text.push(PICTURE);
                self.push_piece(start, end, true);
            }
            "col" | "wbr" | "" => {}
            _ => self.open(name, tag, start, end),
        }
    }

    fn words(&mut self, start: usize, end: usize) {
        let is_preformatted = self.elements[self.innermost()].is_preformatted;
        let mut at = start;
        for piece in self.html[start..end].split_inclusive('\n') {
            let text = unescaped(piece);
            let is_seen = !text.trim().is_empty();
            self.text.push_str(&text.replace(['\r', '\n'], " "));
            self.push_piece(at, at + piece.len(), is_seen);
            at += piece.len();
            if is_preformatted && piece.ends_with('\n') {
                self.end_line(true);
            }
        }
    }

    fn push_piece(&mut self, start: usize, end: usize, is_seen: bool) {
        let line = self.lines.len();
        self.tokens.push((Token::Piece { line, is_seen }, start, end));
    }

    fn innermost(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    /// `is_kept`: a line of nothing is a line, too.
    fn end_line(&mut self, is_kept: bool) {
        if !is_kept && self.text.trim().is_empty() {
            self.text.clear();
            return;
        }
        let text = std::mem::take(&mut self.text);
        self.push_line(text, self.elements[self.innermost()].mark);
    }

    fn push_line(&mut self, text: String, mark: Mark) {
        let element = self.innermost();
        self.lines.push(HtmlLine { text, mark, element });
    }

    fn open(&mut self, name: &'h str, tag: &'h str, start: usize, end: usize) {
        if is_block(name) {
            self.end_line(false);
        }
        let parent = self.innermost();
        let own = own_mark(name, tag);
        let mark = match (self.elements[parent].mark, own) {
            (Mark::Quoted, _) => Mark::Quoted,
            (held, None) => held,
            (_, Some(own)) => own,
        };
        let is_preformatted =
            self.elements[parent].is_preformatted || name == "pre" || tag.contains("white-space:pre");
        let element = self.elements.len();
        self.elements.push(Element {
            name,
            parent,
            mark,
            is_preformatted,
            tokens: (self.tokens.len(), 0),
            lines: (self.lines.len(), 0),
        });
        self.tokens.push((Token::Open(element), start, end));
        self.open.push(element);
        if own == Some(Mark::Rest) {
            self.push_line(DRAWN_RULE.into(), Mark::Rest);
        } else if name == "div" && tag.contains("border-top") && !tag.contains("border-top:none") {
            self.push_line(DRAWN_RULE.into(), mark);
        }
    }

    fn close(&mut self, start: usize, end: usize) {
        let element = self.innermost();
        let name = self.elements[element].name;
        if is_block(name) {
            self.end_line(false);
        }
        if name == "p" {
            self.push_line(String::new(), self.elements[element].mark);
        }
        self.tokens.push((Token::Close, start, end));
        self.elements[element].tokens.1 = self.tokens.len();
        self.elements[element].lines.1 = self.lines.len();
        self.open.pop();
        self.show_forwarded(element);
    }

    /// What was forwarded is marked like a quote by some, and is none.
    fn show_forwarded(&mut self, element: usize) {
        let Element {
            mark, parent, lines, ..
        } = self.elements[element];
        let is_outermost = mark == Mark::Quoted && self.elements[parent].mark != Mark::Quoted;
        let lines = &mut self.lines[lines.0..lines.1];
        let first = lines.iter().find(|line| !line.text.trim().is_empty());
        if is_outermost && first.is_some_and(|line| is_forwarded(&line.text)) {
            lines.iter_mut().for_each(|line| line.mark = Mark::None);
        }
    }

    /// Where the block ends that holds a header and something below it.
    fn scope(&self, filled: &[usize], at: usize, end: usize) -> usize {
        let next = filled[end.min(self.lines.len())];
        let mut element = self.lines[at].element;
        while element != 0 {
            let held = &self.elements[element];
            if next < held.lines.1 && holds_blocks(held.name) {
                return held.lines.1;
            }
            element = held.parent;
        }
        self.lines.len()
    }

    /// Ranges of bytes, each within one element.
    fn folds(&self, nature: Nature) -> Vec<(usize, usize)> {
        let lines: Vec<Line<'_>> = self
            .lines
            .iter()
            .map(|line| Line {
                text: &line.text,
                mark: line.mark,
            })
            .collect();
        let mut filled = vec![lines.len(); lines.len() + 1];
        for at in (0..lines.len()).rev() {
            filled[at] = if lines[at].is_blank() { filled[at + 1] } else { at };
        }
        let kinds = page::kinds(&lines, nature, &|at, end| self.scope(&filled, at, end));
        Folding::new(self, &kinds).folds()
    }
}

/// What is not the author's, element by element.
struct Folding<'d, 'h> {
    document: &'d Document<'h>,
    kinds: &'d [TextKind],
    /// How many pieces up to each token are seen, and how many of them are not the author's.
    seen: Vec<(usize, usize)>,
    folds: Vec<(usize, usize)>,
    current: Option<(usize, usize)>,
}

impl<'d, 'h> Folding<'d, 'h> {
    fn new(document: &'d Document<'h>, kinds: &'d [TextKind]) -> Self {
        let mut counts = (0, 0);
        let mut seen = vec![counts];
        for (token, ..) in &document.tokens {
            if let Token::Piece { line, is_seen: true } = token {
                counts.0 += 1;
                counts.1 += usize::from(kinds.get(*line).is_some_and(|kind| *kind != TextKind::Own));
            }
            seen.push(counts);
        }
        Folding {
            document,
            kinds,
            seen,
            folds: Vec::new(),
            current: None,
        }
    }

    fn folds(mut self) -> Vec<(usize, usize)> {
        let mut at = 0;
        let mut parents = vec![0];
        while let Some((token, start, end)) = self.document.tokens.get(at).copied() {
            at += 1;
            match token {
                Token::Open(element) => {
                    let held = &self.document.elements[element];
                    let (seen, folded) = self.count(held.tokens);
                    let parent = parents
                        .last()
                        .map_or("", |parent| self.document.elements[*parent].name);
                    if seen == 0 {
                        at = held.tokens.1;
                    } else if seen == folded && !is_structure(parent) {
                        self.extend(start, self.document.tokens[held.tokens.1 - 1].2);
                        at = held.tokens.1;
                    } else {
                        self.end();
                        parents.push(element);
                    }
                }
                Token::Close => {
                    self.end();
                    parents.pop();
                }
                Token::Piece { is_seen: false, .. } => {}
                Token::Piece { line, .. }
                    if self.kinds.get(line).is_none_or(|kind| *kind == TextKind::Own) =>
                {
                    self.end();
                }
                Token::Piece { .. } => self.extend(start, end),
            }
        }
        self.end();
        self.folds
    }

    /// Pieces that are seen in these tokens, and those of them that are not the author's.
    fn count(&self, (from, to): (usize, usize)) -> (usize, usize) {
        let (first, last) = (self.seen[from], self.seen[to]);
        (last.0 - first.0, last.1 - first.1)
    }

    fn extend(&mut self, start: usize, end: usize) {
        let from = self.current.map_or(start, |(from, _)| from);
        self.current = Some((from, end));
    }

    fn end(&mut self) {
        self.folds.extend(self.current.take());
    }
}

/// A line that holds a picture alone is not empty.
const PICTURE: char = '\u{fffc}';

fn is_block(name: &str) -> bool {
    !matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "del"
            | "kbd"
            | "mark"
            | "q"
            | "s"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "td"
            | "th"
            | "tt"
            | "u"
    )
}

/// A header may stand first in such an element, with what it is about below.
fn holds_blocks(name: &str) -> bool {
    matches!(
        name,
        "div"
            | "td"
            | "th"
            | "blockquote"
            | "section"
            | "article"
            | "center"
            | "li"
            | "dd"
            | "pre"
            | "span"
            | "font"
    )
}

/// Where nothing but rows and items may stand.
fn is_structure(name: &str) -> bool {
    matches!(
        name,
        "table" | "tbody" | "thead" | "tfoot" | "tr" | "ul" | "ol" | "dl" | "colgroup"
    )
}

fn own_mark(name: &str, tag: &str) -> Option<Mark> {
    let is_called = |mark: &str| tag.contains(&format!("\"{mark}\""));
    if is_called(QUOTE) || (name == "blockquote" && (is_called("cite") || is_lined(tag))) {
        Some(Mark::Quoted)
    } else if is_called(REST) {
        Some(Mark::Rest)
    } else if is_called(SIGNATURE) {
        Some(Mark::Signature)
    } else if is_called(ATTRIBUTION) {
        Some(Mark::Attribution)
    } else {
        (name == "blockquote").then_some(Mark::Indented)
    }
}

/// Of an element of foreign HTML, in lower case.
pub fn is_quoting_tag(tag: &str) -> bool {
    let is_named = NAMES
        .iter()
        .any(|(name, mark)| *mark == QUOTE && tag.contains(name));
    is_named || tag.contains("cite") || is_lined(tag)
}

/// A line at its left, as clients draw it beside a quote.
fn is_lined(tag: &str) -> bool {
    let line = tag.split("border-left").nth(1);
    line.is_some_and(|style| {
        let style = style.split([';', '"']).next().unwrap_or_default();
        !style.contains("none") && style.contains(|c: char| ('1'..='9').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_html_are_folded_and_nothing_is_dropped() {
        for (html, hidden, shown) in [
            (
                r#"<div>Yes</div><div class="quote"><div>On ... wrote:</div><blockquote>Shall we?</blockquote></div>"#,
                "Shall we?",
                "Yes",
            ),
            (
                r#"<p>Yes</p><blockquote type="cite"><p>Shall <blockquote type="cite">we</blockquote>?</p></blockquote><p>Bye</p>"#,
                "Shall",
                "Bye",
            ),
            (
                r#"<div>Yes<div id="quote-rest"><b>From:</b> Kelly</div><div>Shall we?</div></div>"#,
                "Kelly",
                "Yes",
            ),
            (
                r#"<div>Yes</div><div><div style="border-top:solid #E1E1E1 1.0pt"><p><b>Von:</b> Kelly<br><b>Gesendet:</b> Montag<br></p></div><p>Shall we?</p></div>"#,
                "Shall we?",
                "Yes",
            ),
            (
                r#"<p>Yes</p><p>On 1 May 2026 Kelly &lt;k@o.example&gt; wrote:</p><blockquote>Shall we?</blockquote>"#,
                "wrote:",
                "Yes",
            ),
        ] {
            let folded = fold_html(html, Nature::Letter);
            assert_eq!(folded.matches("<details").count(), 1, "{folded}");
            let (before, rest) = folded.split_once("<details").expect("folded");
            let (inside, after) = rest.rsplit_once("</details>").expect("folded");
            assert!(inside.contains(hidden), "{folded}");
            assert!(before.contains(shown) || after.contains(shown), "{folded}");
            let plain = folded
                .replace("</details>", "")
                .replace("<details class=\"quoted\"><summary title=\"Quoted text\" aria-label=\"Quoted text\">&#8943;</summary>", "");
            assert_eq!(plain, html);
        }
        for html in [
            "<p>Yes</p>",
            r#"<div class="quote">only forwarded</div>"#,
            "<blockquote>a saying</blockquote><p>by somebody</p>",
        ] {
            assert_eq!(fold_html(html, Nature::Letter), html);
        }
    }
}
