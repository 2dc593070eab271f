//! Address fields as senders write them (RFC 5322 §3.4, and what programs make of it): a name before a bare address, a
//! comma in a name, an address in quotes or amid words. Where exactly one address stands in a mailbox, that is it.

use std::borrow::Cow;

use domain::EmailAddress;
use mail_parser::Addr;

use crate::charset::Charsets;
use crate::words::decode_words;
use crate::words::outside_words;
use crate::words::word_length;

/// More of a field are not read.
const MAX_MAILBOXES: usize = 5_000;

/// Of a field as text, unfolded.
pub fn mailboxes(field: &str, charsets: &Charsets) -> Vec<Addr<'static>> {
    let field = &without_entities(field);
    let tokens = tokens(field);
    let mut read: Vec<Mailbox<'_>> = Vec::new();
    let mut current = Mailbox::default();
    let last_semicolon = tokens.iter().rposition(|token| *token == Token::Semicolon);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Comma | Token::Semicolon => read.push(std::mem::take(&mut current)),
            // The name of a group (RFC 5322 §3.4), if something ends it.
            Token::Colon
                if !current.has_at()
                    && last_semicolon.is_some_and(|last| last > at)
                    && !current.is_mailto() =>
            {
                current = Mailbox::default();
            }
            Token::Colon => current.add_colon(),
            token => current.add(token),
        }
        if read.len() == MAX_MAILBOXES {
            break;
        }
    }
    read.push(current);
    let found = named(read, charsets);
    match found.iter().any(|one| one.address.is_some()) {
        true => found,
        false => hidden(field, charsets).map_or(found, |one| vec![one]),
    }
}

/// Web forms escape what they show: `Kelly &lt;kelly@out.example&gt;`.
fn without_entities(field: &str) -> Cow<'_, str> {
    match !field.contains('<') && field.contains("&lt;") && field.contains("&gt;") {
        true => Cow::Owned(field.replace("&lt;", "<").replace("&gt;", ">")),
        false => Cow::Borrowed(field),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// With whether white space stands before it.
    Word(&'t str, bool),
    Quoted(&'t str, bool),
    Comment(&'t str),
    Angle(&'t str),
    Comma,
    Semicolon,
    Colon,
}

/// What does not end is read as if it had not begun.
fn tokens(field: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut is_apart) = (0, false);
    let mut ends = Ends::default();
    while let Some(first) = field[at..].chars().next() {
        let rest = &field[at..];
        let (token, length) = match first {
            '"' => match ends.quoted(rest) {
                Some(length) => (Some(Token::Quoted(&rest[1..length - 1], is_apart)), length),
                None => (None, 1),
            },
            '(' => match ends.comment(rest) {
                Some(length) => (Some(Token::Comment(&rest[1..length - 1])), length),
                None => (None, 1),
            },
            '<' => {
                let length = ends.angle(rest);
                let inside = rest[1..length].trim_end_matches('>');
                (Some(Token::Angle(inside)), length)
            }
            ',' => (Some(Token::Comma), 1),
            ';' => (Some(Token::Semicolon), 1),
            ':' => (Some(Token::Colon), 1),
            '>' | ')' => (None, 1),
            first if first.is_whitespace() => (None, first.len_utf8()),
            _ => {
                let length = word(rest);
                (Some(Token::Word(&rest[..length], is_apart)), length)
            }
        };
        is_apart = token.is_none();
        tokens.extend(token);
        at += length;
    }
    tokens
}

/// What was looked for in vain is not looked for again.
#[derive(Default)]
struct Ends {
    no_quote: bool,
    no_comment: bool,
    no_angle: bool,
}

impl Ends {
    fn quoted(&mut self, text: &str) -> Option<usize> {
        let found = (!self.no_quote).then(|| length_until(text, b'"')).flatten();
        self.no_quote |= found.is_none();
        found
    }

    fn comment(&mut self, text: &str) -> Option<usize> {
        let found = (!self.no_comment).then(|| comment_length(text)).flatten();
        self.no_comment |= found.is_none();
        found
    }

    /// To the `>`; without one to the end of the word.
    fn angle(&mut self, text: &str) -> usize {
        let end = (!self.no_angle)
            .then(|| memchr::memchr(b'>', text.as_bytes()))
            .flatten();
        self.no_angle |= end.is_none();
        let next = text[1..].find(['<', ',', ';']).map(|next| next + 1);
        match (end, next) {
            (Some(end), _) => end + 1,
            (None, Some(next)) => next,
            (None, None) => text.len(),
        }
    }
}

fn length_until(text: &str, end: u8) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            byte if byte == end => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn comment_length(text: &str) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// An encoded word may hold anything.
fn word(text: &str) -> usize {
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if text[at..].starts_with("=?")
            && let Some(length) = word_length(&text[at..])
        {
            at += length;
            continue;
        }
        if first.is_whitespace() || "\"(<>),;:".contains(first) {
            break;
        }
        at += first.len_utf8();
    }
    at.max(1)
}

#[derive(Default)]
struct Mailbox<'t> {
    /// In turn; a colon between two words belongs to the first.
    words: Vec<(Cow<'t, str>, bool)>,
    comments: Vec<&'t str>,
    angles: Vec<&'t str>,
}

impl<'t> Mailbox<'t> {
    fn add(&mut self, token: &Token<'t>) {
        match token {
            // `"first last"@out.example`
            Token::Word(word, false)
                if word.starts_with('@') && self.words.last().is_some_and(|(_, quoted)| *quoted) =>
            {
                if let Some((last, is_quoted)) = self.words.last_mut() {
                    last.to_mut().push_str(word);
                    *is_quoted = false;
                }
            }
            Token::Word(word, _) => self.words.push((Cow::Borrowed(word), false)),
            Token::Quoted(text, _) => self.words.push((unescaped(text), true)),
            Token::Comment(text) => self.comments.push(text),
            Token::Angle(text) => self.angles.push(text),
            Token::Comma | Token::Semicolon | Token::Colon => {}
        }
    }

    fn is_mailto(&self) -> bool {
        let last = self.words.last().map(|(word, _)| word.trim_start_matches('['));
        last.is_some_and(|word| word.eq_ignore_ascii_case("mailto"))
    }

    fn add_colon(&mut self) {
        if self.is_mailto() {
            self.words.pop();
        } else if let Some((last, _)) = self.words.last_mut() {
            last.to_mut().push(':');
        }
    }

    fn has_at(&self) -> bool {
        !self.angles.is_empty() || self.words.iter().any(|(word, _)| word.contains('@'))
    }

    /// Words alone, as they stand before a comma that belongs to a name.
    fn is_words(&self) -> bool {
        let has_address = self.words.iter().any(|(word, _)| word.contains('@'));
        !self.words.is_empty() && !has_address && self.angles.iter().all(|angle| angle.trim().is_empty())
    }

    /// Its one address, and which of its words is not name but address.
    fn address(&self) -> (Option<String>, Option<usize>) {
        let in_angles = one(self.angles.iter().filter_map(|angle| address_in(angle)));
        if in_angles.is_some() || self.angles.iter().any(|angle| address_in(angle).is_some()) {
            return (in_angles, None);
        }
        let of_words = |quoted: bool| {
            let asked = self
                .words
                .iter()
                .enumerate()
                .filter(move |(_, (_, is_quoted))| *is_quoted == quoted);
            let found: Vec<_> = asked
                .filter_map(|(at, (word, _))| Some((address_in(word)?, at)))
                .collect();
            one(found.iter().map(|(address, _)| address.clone()))
                .map(|address| (address, found.first().map(|(_, at)| *at)))
        };
        if let Some((address, at)) = of_words(false).or_else(|| of_words(true)) {
            return (Some(address), at);
        }
        let in_comments = self
            .comments
            .iter()
            .flat_map(|comment| comment.split_whitespace());
        (one(in_comments.filter_map(address_in)), None)
    }

    fn name(&self, but: Option<usize>, charsets: &Charsets) -> String {
        let words = self.words.iter().enumerate().filter(|(at, _)| Some(*at) != but);
        let words: Vec<&str> = words.map(|(_, (word, _))| word.as_ref()).collect();
        let written = words.join(" ");
        let name = unquoted(&decode_words(&written, charsets)).to_owned();
        let comments = self.comments.join(" ");
        let comments = unquoted(&decode_words(&unescaped(&comments), charsets)).to_owned();
        match (name.is_empty(), comments.is_empty()) {
            (true, _) => comments,
            (false, true) => name,
            (false, false) => format!("{name} ({comments})"),
        }
    }
}

/// A name without the quotes that programs put around it as a whole.
fn unquoted(name: &str) -> &str {
    let name = name.trim();
    let inside = ['"', '\'']
        .into_iter()
        .find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote));
    inside
        .filter(|inside| !inside.contains(['"', '\'']))
        .map_or(name, str::trim)
}

/// Words before a comma that have no address belong to the name of the next that has one.
fn named(read: Vec<Mailbox<'_>>, charsets: &Charsets) -> Vec<Addr<'static>> {
    let mut found: Vec<Addr<'static>> = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for mailbox in read {
        let (address, at) = mailbox.address();
        let name = mailbox.name(at, charsets);
        if address.is_none() && mailbox.is_words() {
            before.push(name);
            continue;
        }
        let written = mailbox.angles.join(" ");
        let written = Some(written.trim()).filter(|written| !written.is_empty());
        let inside = || Some(words_beside(written?, address.as_deref()?));
        let own = match name.is_empty() {
            true => inside().unwrap_or_default(),
            false => name,
        };
        before.extend((!own.is_empty()).then_some(own));
        let name = std::mem::take(&mut before).join(", ");
        let address = address.or_else(|| written.map(str::to_owned));
        if address.is_some() || !name.is_empty() {
            found.push(addr(name, address));
        }
    }
    found.extend(before.into_iter().map(|name| addr(name, None)));
    found
}

fn addr(name: String, address: Option<String>) -> Addr<'static> {
    Addr {
        name: (!name.is_empty()).then_some(Cow::Owned(name)),
        address: address.map(Cow::Owned),
    }
}

/// Of `mail system postmaster@out.example` the words.
fn words_beside(written: &str, address: &str) -> String {
    let words = written
        .split_whitespace()
        .filter(|word| !word.contains('@') && !address.contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// The one that there is; the same one twice is one.
fn one(mut found: impl Iterator<Item = String>) -> Option<String> {
    let first = found.next()?;
    found
        .all(|other| other.eq_ignore_ascii_case(&first))
        .then_some(first)
}

/// An address alone, or the only one amid words.
fn address_in(text: &str) -> Option<String> {
    // An encoded word stands for a name, never for a part of an address (RFC 2047 §5).
    if !text.contains('@') || text.contains("=?") {
        return None;
    }
    let whole = tidy(text);
    if EmailAddress::parse(whole).is_ok() {
        return Some(whole.to_owned());
    }
    if !text.contains(char::is_whitespace) {
        return None;
    }
    let glued = glued(text);
    let words = glued.split_whitespace().map(tidy);
    one(words
        .filter(|word| word.contains('@') && EmailAddress::parse(word).is_ok())
        .map(str::to_owned))
}

/// `kelly @ out.example`
fn glued(text: &str) -> String {
    let mut pieces = text.split('@').map(str::trim);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |joined, piece| joined + "@" + piece)
}

/// What people and programs put around an address.
fn tidy(text: &str) -> &str {
    let is_around = |c: char| c.is_whitespace() || "'\"`[]<>(){},;".contains(c);
    let text = text.trim_start_matches(is_around);
    // `kelly@[192.0.2.1]`
    let literal = text
        .rfind("@[")
        .and_then(|at| Some(at + text[at..].find(']')? + 1));
    let text = literal.map_or_else(|| text.trim_end_matches(is_around), |end| &text[..end]);
    let is_mailto = text
        .get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    let text = if is_mailto { &text[7..] } else { text };
    text.trim_end_matches(['.', ':'])
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

/// An address within an encoded word, where none stands outside of them: some encode all that they have.
fn hidden(field: &str, charsets: &Charsets) -> Option<Addr<'static>> {
    if outside_words(field, charsets).contains('@') {
        return None;
    }
    let text = decode_words(field, charsets);
    let words = text.split(|c: char| c.is_whitespace() || "<>\"(),;".contains(c));
    let address = one(words.filter_map(address_in))?;
    let name = text.replace(&address, " ");
    let name = name.replace(['<', '>', '"', '(', ')'], " ");
    let name: Vec<&str> = name.split_whitespace().collect();
    Some(addr(name.join(" "), Some(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> Vec<(String, String)> {
        let found = mailboxes(field, &Charsets::default()).into_iter();
        let text = |part: Option<Cow<'_, str>>| part.unwrap_or_default().into_owned();
        found.map(|one| (text(one.name), text(one.address))).collect()
    }

    #[test]
    fn where_one_address_stands_it_is_the_author() {
        for (field, name, address) in [
            ("kelly@out.example", "", "kelly@out.example"),
            ("Kelly <kelly@[192.0.2.1]>", "Kelly", "kelly@[192.0.2.1]"),
            (
                "\"'Kelly Sanders'\" <kelly@out.example>",
                "Kelly Sanders",
                "kelly@out.example",
            ),
            ("kelly@out.example (\"Kelly\")", "Kelly", "kelly@out.example"),
            ("Kelly <kelly@out.example>", "Kelly", "kelly@out.example"),
            (
                "\"Sanders, Kelly\" <kelly@out.example>",
                "Sanders, Kelly",
                "kelly@out.example",
            ),
            (
                "Kelly Sanders kelly@out.example",
                "Kelly Sanders",
                "kelly@out.example",
            ),
            (
                "kelly@out.example Kelly Sanders",
                "Kelly Sanders",
                "kelly@out.example",
            ),
            ("\"kelly@out.example\"", "", "kelly@out.example"),
            ("'kelly@out.example'", "", "kelly@out.example"),
            (
                "<mail system postmaster@out.example>",
                "mail system",
                "postmaster@out.example",
            ),
            (
                "\"postmaster\" <mail system postmaster@out.example>",
                "postmaster",
                "postmaster@out.example",
            ),
            (
                "Sanders, Kelly <kelly@out.example>",
                "Sanders, Kelly",
                "kelly@out.example",
            ),
            (
                "Sanders, Kelly, Dr. <kelly@out.example>",
                "Sanders, Kelly, Dr.",
                "kelly@out.example",
            ),
            (
                "\"Bright Lamps\" <>, \"Ltd\" <sales@out.example>",
                "Bright Lamps, Ltd",
                "sales@out.example",
            ),
            ("<> kelly@out.example", "", "kelly@out.example"),
            ("Kelly <> <kelly@out.example>", "Kelly", "kelly@out.example"),
            (
                "kelly@out.example (Kelly Sanders)",
                "Kelly Sanders",
                "kelly@out.example",
            ),
            (
                "Kelly (Sales (Berlin)) <kelly@out.example>",
                "Kelly (Sales (Berlin))",
                "kelly@out.example",
            ),
            (
                "Kelly Sanders (kelly@out.example)",
                "Kelly Sanders (kelly@out.example)",
                "kelly@out.example",
            ),
            ("Team: kelly@out.example;", "", "kelly@out.example"),
            ("Team: Kelly <kelly@out.example>;", "Kelly", "kelly@out.example"),
            ("kelly@out.example.", "", "kelly@out.example"),
            ("Kelly <kelly@out.example.>", "Kelly", "kelly@out.example"),
            ("Kelly <kelly@out.example>,", "Kelly", "kelly@out.example"),
            ("Kelly <kelly@out.example>;", "Kelly", "kelly@out.example"),
            ("Kelly <<kelly@out.example>>", "Kelly", "kelly@out.example"),
            ("Kelly <kelly@out.example", "Kelly", "kelly@out.example"),
            ("Kelly kelly@out.example>", "Kelly", "kelly@out.example"),
            ("Kelly < kelly @ out.example >", "Kelly", "kelly@out.example"),
            ("Kelly [mailto:kelly@out.example]", "Kelly", "kelly@out.example"),
            ("Kelly <mailto:kelly@out.example>", "Kelly", "kelly@out.example"),
            ("Kelly &lt;kelly@out.example&gt;", "Kelly", "kelly@out.example"),
            ("mailto:kelly@out.example", "", "kelly@out.example"),
            (
                "Kelly <kelly@out.example> <kelly@out.example>",
                "Kelly",
                "kelly@out.example",
            ),
            ("\"Kelly <kelly@out.example>", "Kelly", "kelly@out.example"),
            ("Kelly\" <kelly@out.example>", "Kelly", "kelly@out.example"),
            (
                "Kelly (Sales <kelly@out.example>",
                "Kelly Sales",
                "kelly@out.example",
            ),
            (
                "Re: Support <help@out.example>",
                "Re: Support",
                "help@out.example",
            ),
            (
                "[Ticket: 5] Support <help@out.example>",
                "[Ticket: 5] Support",
                "help@out.example",
            ),
            (
                "'Sanders, Kelly' via Support <support@lists.example>",
                "'Sanders, Kelly' via Support",
                "support@lists.example",
            ),
            ("\"O\\\"Neil\" <neil@out.example>", "O\"Neil", "neil@out.example"),
            ("\"kelly.sanders\"@out.example", "", "kelly.sanders@out.example"),
            (
                "=?utf-8?Q?M=C3=BCller,_Jan?= <jan@out.example>",
                "Müller, Jan",
                "jan@out.example",
            ),
            (
                "\"=?utf-8?Q?M=C3=BCller,_Jan?=\" <jan@out.example>",
                "Müller, Jan",
                "jan@out.example",
            ),
            (
                "=?utf-8?Q?M=C3=BCller?=<jan@out.example>",
                "Müller",
                "jan@out.example",
            ),
            (
                "=?utf-8?Q?Kelly_<kelly@out.example>?=",
                "Kelly",
                "kelly@out.example",
            ),
            (
                "=?utf-8?Q?=22Kelly=22?= <kelly@out.example>",
                "Kelly",
                "kelly@out.example",
            ),
            ("Жанна <zh@out.example>", "Жанна", "zh@out.example"),
            ("MAILER-DAEMON", "MAILER-DAEMON", ""),
            ("<MAILER-DAEMON>", "", "MAILER-DAEMON"),
            (
                "Mail Delivery Subsystem <MAILER-DAEMON>",
                "Mail Delivery Subsystem",
                "MAILER-DAEMON",
            ),
        ] {
            assert_eq!(read(field), [(name.to_owned(), address.to_owned())], "{field}");
        }
    }

    #[test]
    fn where_several_stand_none_is_picked() {
        for (field, addresses) in [
            (
                "a@out.example, B <b@out.example>",
                vec!["a@out.example", "b@out.example"],
            ),
            (
                "a@out.example; b@out.example",
                vec!["a@out.example", "b@out.example"],
            ),
            (
                "Team: a@out.example, b@out.example;",
                vec!["a@out.example", "b@out.example"],
            ),
            (
                "A: a@out.example; B: b@out.example;",
                vec!["a@out.example", "b@out.example"],
            ),
            ("undisclosed-recipients:;", vec![]),
            ("", vec![]),
            ("<>", vec![]),
        ] {
            let found: Vec<String> = read(field).into_iter().map(|(_, address)| address).collect();
            assert_eq!(found, addresses, "{field}");
        }
        for field in [
            "<ceo@bank.example> <evil@out.example>",
            "ceo@bank.example evil@out.example",
            "<@relay.example,@b:ceo@bank.example>",
            "=?utf-8?Q?ceo=40bank.example=3E=00?=@out.example",
            "=?utf-8?Q?ceo=40bank.example_evil=40out.example?=",
        ] {
            let valid = |(_, address): &(String, String)| EmailAddress::parse(address).is_ok();
            assert!(!read(field).iter().any(valid), "{field}: {:?}", read(field));
        }
    }
}
