//! What headers say of a sender: how From is written, and what servers on the way have found.

use domain::CleanText;
use domain::message::AuthenticationResult;
use domain::message::Dmarc;
use domain::message::FromShape;
use mail_parser::Message;

const MAX_AUTHENTICATION_RESULTS: usize = 5;
const SHOWN_METHODS: [&str; 3] = ["spf", "dkim", "dmarc"];
const MAX_METHODS: usize = 10;

/// Of the raw fields: what a parser makes of a broken one is a guess, and others guess differently. So do they where a
/// header begins below empty lines, or its lines end in CR.
pub fn from_shape(message: &Message<'_>) -> FromShape {
    let is_below_blank = message.raw_message.first().is_some_and(u8::is_ascii_whitespace);
    let fields: Vec<&str> = message
        .headers_raw()
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("From"))
        .map(|(_, value)| value)
        .collect();
    match fields.as_slice() {
        [field] if !is_below_blank && !has_bare_cr(field) => shape(field),
        _ => FromShape::Unclear,
    }
}

fn has_bare_cr(field: &str) -> bool {
    field.replace("\r\n", "\n").contains('\r')
}

fn shape(field: &str) -> FromShape {
    let Some(plain) = without_texts(field) else {
        return FromShape::Unclear;
    };
    let mut addresses = plain.split(',');
    match (addresses.next().is_some_and(is_mailbox), addresses.next()) {
        (true, None) => FromShape::One,
        (true, Some(second)) if is_mailbox(second) && addresses.all(is_mailbox) => FromShape::Several,
        _ => FromShape::Unclear,
    }
}

/// Without comments, quoted strings and encoded words, each of which may hold anything; a word stands for each.
/// `None`: one of them does not end, or something is escaped outside of them.
fn without_texts(field: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = field;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => quoted_length(rest)?,
            '(' => comment_length(rest)?,
            '=' if rest.starts_with("=?") => encoded_word_length(rest)?,
            '\\' => return None,
            _ => {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        // A quote glued to an address is part of it, and no address that we know.
        plain.push_str(if first == '(' { " " } else { "\"" });
        rest = &rest[length..];
    }
    Some(plain)
}

fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return Some(at + 1),
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    None
}

fn comment_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => {}
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// RFC 2047 §2: `=?charset?encoding?text?=`.
fn encoded_word_length(text: &str) -> Option<usize> {
    let charset = 2 + text[2..].find('?')? + 1;
    let encoding = charset + text[charset..].find('?')? + 1;
    Some(encoding + text[encoding..].find("?=")? + 2)
}

/// `words <local@domain>` or `local@domain`.
fn is_mailbox(text: &str) -> bool {
    let text = text.trim();
    match text.split_once('<') {
        None => is_address(text),
        Some((words, rest)) => {
            let is_phrase = !words.contains(['@', ':', ';', '>', '[', ']', '\\'])
                || words.trim_start().starts_with('[') && !words.contains(['@', ':', ';', '>']);
            is_phrase
                && rest
                    .strip_suffix('>')
                    .is_some_and(|address| is_address(address.trim()))
        }
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_host = |c: char| c.is_alphanumeric() || c == '-';
    !local.is_empty()
        && local.chars().all(is_atom)
        && domain
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(is_host))
}

/// RFC 8601 §2.2: `authserv-id [version]; method=result ...; ...`, with comments and quoted strings anywhere. The
/// topmost first.
pub fn authentication(message: &Message<'_>) -> Vec<AuthenticationResult> {
    let mut received_by: Vec<String> = Vec::new();
    let mut results = Vec::new();
    for (name, value) in message.headers_raw() {
        if name.eq_ignore_ascii_case("Received") {
            received_by.extend(receiver(value));
        } else if name.eq_ignore_ascii_case("Authentication-Results") {
            results.extend(result(value, &received_by));
        }
        if results.len() == MAX_AUTHENTICATION_RESULTS {
            break;
        }
    }
    results
}

/// The host that received a message last.
pub fn received_by(message: &Message<'_>) -> Option<String> {
    let mut fields = message.headers_raw();
    let (_, topmost) = fields.find(|(name, _)| name.eq_ignore_ascii_case("Received"))?;
    receiver(topmost).map(|host| CleanText::cut(&host, 255).into_string())
}

/// The host after "by" (RFC 5321 §4.4).
fn receiver(received: &str) -> Option<String> {
    let mut words = received.split_ascii_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("by"))?;
    words
        .next()
        .map(|host| host.trim_end_matches(';').to_ascii_lowercase())
}

fn result(value: &str, received_by: &[String]) -> Option<AuthenticationResult> {
    let mut sections = sections(value).into_iter();
    let server = sections
        .next()?
        .split_ascii_whitespace()
        .next()?
        .to_ascii_lowercase();
    let mut methods = Vec::new();
    let (mut dmarc, mut header_from) = (None, None);
    for section in sections {
        let mut properties = section.split_ascii_whitespace();
        let Some((method, result)) = properties.next().and_then(|first| first.split_once('=')) else {
            continue;
        };
        let (method, result) = (method.to_ascii_lowercase(), result.to_ascii_lowercase());
        // A server may say dkim once for each signature; of DMARC there is one, and the first counts.
        let is_known = SHOWN_METHODS.contains(&method.as_str()) && methods.len() < MAX_METHODS;
        if !is_known || (method == "dmarc" && methods.iter().any(|(held, _)| *held == method)) {
            continue;
        }
        if method == "dmarc" {
            dmarc = match result.as_str() {
                "pass" => Some(Dmarc::Pass),
                "fail" => Some(Dmarc::Fail),
                _ => None,
            };
            header_from = properties
                .find_map(|property| property.strip_prefix("header.from="))
                .map(|domain| CleanText::cut(domain.rsplit('@').next().unwrap_or(domain), 255).into_string());
        }
        methods.push((method, CleanText::cut(&result, 20).into_string()));
    }
    methods.sort_by_key(|(method, _)| SHOWN_METHODS.iter().position(|shown| shown == method));
    Some(AuthenticationResult {
        is_below_its_received: received_by.contains(&server),
        server: CleanText::cut(&server, 255).into_string(),
        dmarc,
        methods,
        header_from,
    })
}

/// The parts between semicolons, one space between words and none around `=`; comments are out, and of a quoted
/// string its words joined, so that nothing in it begins a part or a property.
fn sections(value: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut rest = value;
    while let (Some(c), Some(section)) = (rest.chars().next(), sections.last_mut()) {
        let length = match c {
            '(' => comment_length(rest).unwrap_or(rest.len()),
            '"' => {
                let length = quoted_length(rest).unwrap_or(rest.len());
                let inside = rest[1..length].trim_end_matches('"');
                section.extend(
                    inside
                        .chars()
                        .filter(|c| !c.is_whitespace() && !"=;\\".contains(*c)),
                );
                length
            }
            ';' => {
                sections.push(String::new());
                1
            }
            '=' => {
                section.truncate(section.trim_end().len());
                section.push(c);
                rest[1..].len() - rest[1..].trim_start().len() + 1
            }
            _ => {
                section.push(if c.is_whitespace() { ' ' } else { c });
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_from_that_all_read_alike_is_plain() {
        for (field, expected) in [
            ("kelly@out.example", FromShape::One),
            ("<kelly@out.example>", FromShape::One),
            ("Kelly M. Smith <kelly@out.example>", FromShape::One),
            ("\"Smith, Kelly\" <kelly@out.example>", FromShape::One),
            ("=?utf-8?q?Zo=C3=AB?= <zoe@out.example>", FromShape::One),
            ("kelly@out.example (Kelly @ home)", FromShape::One),
            ("[Ticket] Support <help@out.example>", FromShape::One),
            ("\r\n Kelly\r\n <kelly@out.example>", FromShape::One),
            ("kelly@müller.example", FromShape::One),
            ("a@out.example, B <b@out.example>", FromShape::Several),
            ("", FromShape::Unclear),
            ("<ceo@bank.example> <evil@out.example>", FromShape::Unclear),
            ("ceo@bank.example(comment) <evil@out.example>", FromShape::Unclear),
            ("<@relay.example,@b:ceo@bank.example>", FromShape::Unclear),
            ("ceo@bank.example\\@out.example", FromShape::Unclear),
            ("ceo@bank。example", FromShape::Unclear),
            ("ceo@bank.example;evil@out.example", FromShape::Unclear),
            ("Team: ceo@bank.example;", FromShape::Unclear),
            (
                "=?utf-8?Q?ceo=40bank.example=3E=00?=@out.example",
                FromShape::Unclear,
            ),
            ("\"ceo@bank.example\"@out.example", FromShape::Unclear),
            ("\"ceo <evil@out.example>", FromShape::Unclear),
            ("Kelly <kelly@out.example> x", FromShape::Unclear),
            ("kelly@localhost.", FromShape::Unclear),
            ("Kelly &lt;kelly@out.example&gt;", FromShape::Unclear),
        ] {
            assert_eq!(shape(field), expected, "{field}");
        }
    }

    #[test]
    fn an_author_who_takes_a_guess_stays_in_doubt() {
        let own = b"kelly@out.example".as_slice();
        for (header, address) in [
            (b"Sender: Kelly <kelly@out.example>\r\n".as_slice(), own),
            (b"From: \r\nSender: kelly@out.example\r\n", own),
            (b"From: <>\r\nSender: kelly@out.example\r\n", own),
            (b"Return-Path: <kelly@out.example>\r\nSubject: x\r\n", own),
            (b"Return-Path: <>\r\nSubject: x\r\n", b""),
            (
                b"Return-Path: <bounce@out.example>\r\nFrom: MAILER-DAEMON\r\n",
                b"",
            ),
            (b"From: Kelly kelly@out.example\r\n", own),
            (b"From: \"kelly@out.example\"\r\n", own),
            (b"From: Sanders, Kelly <kelly@out.example>\r\n", own),
            (b"From: \"Lamps\" <>, \"Ltd\" <kelly@out.example>\r\n", own),
            (b"From: Team: kelly@out.example;\r\n", own),
            (b"From: <mail system kelly@out.example>\r\n", own),
            (b"From: kelly@out.example.\r\n", own),
            (b"From: =?utf-8?Q?Kelly_<kelly@out.example>?=\r\n", own),
            (b"From: \xcf\xf0\xe8\xe2\xe5\xf2 <kelly@out.example>\r\n", own),
            // Below empty lines, and with the line ends of very old computers.
            (b"\r\nFrom: Kelly <kelly@out.example>\r\n", own),
            (b"From: Kelly <kelly@out.example>\rSubject: x\r\rhi", own),
        ] {
            let raw = [header, b"\r\nhi"].concat();
            let summary = crate::summarise(&raw).expect("summary");
            let author = summary.author().and_then(|author| author.address.as_ref());
            let found = author.map_or("", |address| address.as_str());
            assert_eq!(found.as_bytes(), address, "{}", header.escape_ascii());
            assert_eq!(
                summary.from_shape,
                FromShape::Unclear,
                "{}",
                header.escape_ascii()
            );
        }
    }

    #[test]
    fn a_result_is_read_with_its_comments_and_quotes() {
        for (value, server, dmarc, from) in [
            (
                "mx.a.example; spf=pass smtp.mailfrom=x; dmarc=fail (p=reject) header.from=y.example",
                "mx.a.example",
                Some(Dmarc::Fail),
                Some("y.example"),
            ),
            (
                "MX.a.example 1;\r\n dmarc = PASS header.from = y.example",
                "mx.a.example",
                Some(Dmarc::Pass),
                Some("y.example"),
            ),
            (
                "\"mx.a.example\"; dmarc=pass",
                "mx.a.example",
                Some(Dmarc::Pass),
                None,
            ),
            ("mx.a.example (dmarc=pass); dkim=pass", "mx.a.example", None, None),
            (
                "mx.a.example; dmarc=fail reason=\"x;\r\n dmarc=pass\" header.from=y.example",
                "mx.a.example",
                Some(Dmarc::Fail),
                Some("y.example"),
            ),
            (
                "mx.a.example; dkim=pass reason=\"; dmarc=pass\"",
                "mx.a.example",
                None,
                None,
            ),
            ("mx.a.example; dmarc=none", "mx.a.example", None, None),
            ("mx.a.example; xdmarc=pass", "mx.a.example", None, None),
        ] {
            let found = result(value, &[]).expect(value);
            assert_eq!(found.server, server, "{value}");
            assert_eq!(found.dmarc, dmarc, "{value}");
            assert_eq!(found.header_from.as_deref(), from, "{value}");
        }
        assert!(
            result("mx.a.example; dmarc=pass", &["mx.a.example".into()])
                .is_some_and(|result| result.is_below_its_received)
        );
    }
}
