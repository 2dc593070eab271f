//! Responses as types. What is not understood stays [`Untagged::Unknown`]; nothing ends the session here.

use bytes::Bytes;

use crate::MailboxName;
use crate::SequenceSet;
use crate::framer::Frame;
use crate::token::Reader;
use crate::token::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    Untagged(Untagged),
    Tagged { tag: String, completion: Completion },
    Continuation(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// How a command ended, or an untagged status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub status: Status,
    pub code: Option<Code>,
    pub text: String,
}

/// A response code in brackets (RFC 3501 §7.1, RFC 5530).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    Capability(Vec<String>),
    UidValidity(u32),
    UidNext(u32),
    HighestModSeq(u64),
    NoModSeq,
    ReadOnly,
    ReadWrite,
    AuthenticationFailed,
    /// Any other, by its name in upper case and what follows.
    Other(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untagged {
    Status(Completion),
    Capability(Vec<String>),
    List(ListEntry),
    StatusCounts(StatusCounts),
    Search(Vec<u32>),
    Flags(Vec<String>),
    Exists(u32),
    Recent(u32),
    Expunge(u32),
    Vanished {
        earlier: bool,
        uids: SequenceSet,
    },
    Fetch(Box<Fetch>),
    /// The server waits for the client: IDLE has begun.
    Continuation(String),
    Unknown(Bytes),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    pub attributes: Vec<String>,
    pub delimiter: Option<char>,
    pub name: MailboxName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCounts {
    pub name: MailboxName,
    pub messages: Option<u32>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub unseen: Option<u32>,
    pub highest_mod_seq: Option<u64>,
}

/// What one FETCH response told of a message. Attributes come in any order, some twice, some not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    pub sequence_number: u32,
    pub uid: Option<u32>,
    pub flags: Option<Vec<String>>,
    /// Seconds since 1970, UTC.
    pub internal_date: Option<i64>,
    /// A hint: Exchange is wrong by design (vandelay#12). Only the literal's length counts.
    pub size: Option<u64>,
    pub mod_seq: Option<u64>,
    /// `BODY[]`
    pub body: Option<Body>,
    /// `BODY[HEADER]` or `BODY[HEADER.FIELDS ...]`
    pub header: Option<Bytes>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Whole(Bytes),
    /// Over the limit of the framer: announced bytes.
    TooLong(u64),
    /// NIL: the server lists the message but cannot give it.
    Nil,
}

pub fn parse_response(frame: &Frame) -> Response {
    let bytes = &frame.bytes;
    if let Some(text) = bytes.strip_prefix(b"+") {
        return Response::Continuation(lossy(text.trim_ascii()));
    }
    if bytes.starts_with(b"* ") {
        return Response::Untagged(parse_untagged(frame));
    }
    parse_tagged(bytes).unwrap_or_else(|| Response::Untagged(Untagged::Unknown(bytes.clone())))
}

fn parse_tagged(bytes: &Bytes) -> Option<Response> {
    let mut reader = Reader::new(bytes, 0);
    let tag = lossy(reader.word());
    reader.skip_spaces();
    let status = status_word(reader.word())?;
    Some(Response::Tagged {
        tag,
        completion: completion(status, &mut reader),
    })
}

fn status_word(word: &[u8]) -> Option<Status> {
    [
        ("OK", Status::Ok),
        ("NO", Status::No),
        ("BAD", Status::Bad),
        ("BYE", Status::Bye),
        ("PREAUTH", Status::Preauth),
    ]
    .into_iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
    .map(|(_, status)| status)
}

fn completion(status: Status, reader: &mut Reader<'_>) -> Completion {
    reader.skip_spaces();
    let rest = reader.rest();
    let (code, text) = match rest.strip_prefix(b"[") {
        Some(inner) => split_code(inner),
        None => (None, rest),
    };
    Completion {
        status,
        code: code.and_then(parse_code),
        text: lossy(text.trim_ascii()),
    }
}

/// Codes may hold brackets of their own (`[WEBALERT https://...?x=[1]]`).
fn split_code(inner: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut depth = 1;
    for (index, byte) in inner.iter().enumerate() {
        depth += match byte {
            b'[' => 1,
            b']' => -1,
            _ => 0,
        };
        if depth == 0 {
            return (Some(&inner[..index]), &inner[index + 1..]);
        }
    }
    (None, inner)
}

fn parse_code(inner: &[u8]) -> Option<Code> {
    let text = lossy(inner.trim_ascii());
    let (name, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let name = name.to_ascii_uppercase();
    let rest = rest.trim();
    Some(match name.as_str() {
        "" => return None,
        "CAPABILITY" => Code::Capability(words(rest)),
        "UIDVALIDITY" => Code::UidValidity(rest.parse().ok()?),
        "UIDNEXT" => Code::UidNext(rest.parse().ok()?),
        "HIGHESTMODSEQ" => Code::HighestModSeq(rest.parse().ok()?),
        "NOMODSEQ" => Code::NoModSeq,
        "READ-ONLY" => Code::ReadOnly,
        "READ-WRITE" => Code::ReadWrite,
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        _ => Code::Other(name, rest.to_owned()),
    })
}

fn parse_untagged(frame: &Frame) -> Untagged {
    let mut reader = Reader::new(&frame.bytes, 2);
    reader.skip_spaces();
    let first = reader.word();
    if let Some(status) = status_word(first) {
        return Untagged::Status(completion(status, &mut reader));
    }
    let parsed = match leading_number(first) {
        Some(number) => parse_numbered(number, &mut reader, frame.dropped_literal),
        None => parse_named(first, &mut reader),
    };
    parsed.unwrap_or_else(|| Untagged::Unknown(frame.bytes.clone()))
}

fn leading_number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn parse_numbered(number: u32, reader: &mut Reader<'_>, dropped: Option<u64>) -> Option<Untagged> {
    reader.skip_spaces();
    let word = reader.word().to_ascii_uppercase();
    match word.as_slice() {
        b"EXISTS" => Some(Untagged::Exists(number)),
        b"RECENT" => Some(Untagged::Recent(number)),
        b"EXPUNGE" => Some(Untagged::Expunge(number)),
        b"FETCH" => parse_fetch(number, reader, dropped).map(|fetch| Untagged::Fetch(Box::new(fetch))),
        _ => None,
    }
}

fn parse_named(name: &[u8], reader: &mut Reader<'_>) -> Option<Untagged> {
    match name.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Some(Untagged::Capability(words(&lossy(reader.rest())))),
        b"LIST" | b"LSUB" => parse_list(reader).map(Untagged::List),
        b"STATUS" => parse_status(reader).map(Untagged::StatusCounts),
        b"SEARCH" => Some(Untagged::Search(parse_search(reader))),
        b"FLAGS" => Some(Untagged::Flags(texts(&reader.value()?))),
        b"VANISHED" => parse_vanished(reader),
        _ => None,
    }
}

fn parse_list(reader: &mut Reader<'_>) -> Option<ListEntry> {
    let attributes = texts(&reader.value()?);
    let delimiter = reader.value()?.text().and_then(|text| text.chars().next());
    let name = MailboxName::from_wire(reader.value()?.bytes()?);
    Some(ListEntry {
        attributes,
        delimiter,
        name,
    })
}

fn parse_status(reader: &mut Reader<'_>) -> Option<StatusCounts> {
    let name = MailboxName::from_wire(reader.value()?.bytes()?);
    let values = reader.value()?;
    let find = |wanted: &str| {
        let mut pairs = values.list().chunks_exact(2);
        pairs
            .find(|pair| {
                pair[0]
                    .bytes()
                    .is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_bytes()))
            })
            .and_then(|pair| pair[1].number())
    };
    let find_u32 = |wanted| find(wanted).and_then(|number| u32::try_from(number).ok());
    Some(StatusCounts {
        name,
        messages: find_u32("MESSAGES"),
        uid_next: find_u32("UIDNEXT"),
        uid_validity: find_u32("UIDVALIDITY"),
        unseen: find_u32("UNSEEN"),
        highest_mod_seq: find("HIGHESTMODSEQ"),
    })
}

fn parse_search(reader: &mut Reader<'_>) -> Vec<u32> {
    let mut uids = Vec::new();
    for word in reader.rest().split(|byte| *byte == b' ') {
        // `(MODSEQ n)` may follow (RFC 7162 §3.1.5).
        if word.starts_with(b"(") {
            break;
        }
        uids.extend(leading_number(word));
    }
    uids
}

fn parse_vanished(reader: &mut Reader<'_>) -> Option<Untagged> {
    reader.skip_spaces();
    let earlier = reader.peek() == Some(b'(');
    if earlier {
        reader.value()?;
    }
    reader.skip_spaces();
    Some(Untagged::Vanished {
        earlier,
        uids: SequenceSet::parse(reader.rest()),
    })
}

fn parse_fetch(sequence_number: u32, reader: &mut Reader<'_>, dropped: Option<u64>) -> Option<Fetch> {
    reader.skip_spaces();
    if !reader.take(b'(') {
        return None;
    }
    let mut fetch = Fetch {
        sequence_number,
        ..Fetch::default()
    };
    loop {
        reader.skip_spaces();
        let name = reader.attribute_name();
        if name.is_empty() {
            break;
        }
        let Some(value) = reader.value() else { break };
        set_attribute(&mut fetch, name, value, dropped);
    }
    Some(fetch)
}

fn set_attribute(fetch: &mut Fetch, name: &[u8], value: Value, dropped: Option<u64>) {
    let name = name.to_ascii_uppercase();
    match name.as_slice() {
        b"UID" => {
            fetch.uid = value
                .number()
                .and_then(|uid| u32::try_from(uid).ok())
                .filter(|uid| *uid > 0)
        }
        b"FLAGS" => fetch.flags = Some(texts(&value)),
        b"INTERNALDATE" => fetch.internal_date = value.text().and_then(|text| parse_internal_date(&text)),
        b"RFC822.SIZE" => fetch.size = value.number(),
        b"MODSEQ" => fetch.mod_seq = value.list().first().and_then(Value::number),
        b"BODY[]" | b"RFC822" => fetch.body = Some(body(value, dropped)),
        section if section.starts_with(b"BODY[HEADER") => {
            fetch.header = value.bytes().cloned();
        }
        _ => {}
    }
}

fn body(value: Value, dropped: Option<u64>) -> Body {
    match (dropped, value) {
        (Some(bytes), _) => Body::TooLong(bytes),
        (None, Value::Text(bytes) | Value::Atom(bytes)) => Body::Whole(bytes),
        (None, _) => Body::Nil,
    }
}

/// ` 1-Jan-2020 00:00:00 +0000` (RFC 3501 §9, date-time).
fn parse_internal_date(text: &str) -> Option<i64> {
    jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim())
        .and_then(|parsed| parsed.to_timestamp())
        .ok()
        .map(|timestamp| timestamp.as_second())
}

fn texts(value: &Value) -> Vec<String> {
    value.list().iter().filter_map(Value::text).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_ascii_uppercase).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Response {
        parse_response(&Frame {
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            dropped_literal: None,
        })
    }

    fn untagged(text: &str) -> Untagged {
        match parse(text) {
            Response::Untagged(untagged) => untagged,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn fetch(text: &str) -> Fetch {
        match untagged(text) {
            Untagged::Fetch(fetch) => *fetch,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn fetch_attributes_come_in_any_order() {
        let whole = |text: &'static str| Some(Body::Whole(Bytes::from_static(text.as_bytes())));
        for (line, uid, body) in [
            ("* 1 FETCH (UID 5 BODY[] {5}\r\nhello)", Some(5), whole("hello")),
            ("* 1 FETCH (BODY[] {5}\r\nhello UID 5)", Some(5), whole("hello")),
            ("* 1 FETCH (FLAGS (\\Seen [Gmail] ]x) UID 5 )", Some(5), None),
            ("* 1 FETCH (UID 5 BODY[] \"\")", Some(5), whole("")),
            ("* 1 FETCH (UID 5 BODY[] NIL)", Some(5), Some(Body::Nil)),
            ("* 1 FETCH (X-NEW (a (b)) UID 5 Y {2}\r\n))", Some(5), None),
            ("* 1 FETCH (UID 0 FLAGS ())", None, None),
            ("* 1 fetch (uid 5 body[] \"a\\\"b\")", Some(5), whole("a\"b")),
        ] {
            let fetch = fetch(line);
            assert_eq!((fetch.uid, fetch.body), (uid, body), "{line}");
        }
        let fetch = fetch(
            "* 3 FETCH (MODSEQ (65402) INTERNALDATE \" 1-Jan-2020 02:00:00 +0200\" RFC822.SIZE 9 UID 1 BODY[HEADER.FIELDS (FROM \"X (\")] {2}\r\n\r\n)",
        );
        assert_eq!(fetch.mod_seq, Some(65402));
        assert_eq!(fetch.internal_date, Some(1_577_836_800));
        assert_eq!(fetch.size, Some(9));
        assert_eq!(fetch.header.as_deref(), Some(b"\r\n".as_slice()));
    }

    #[test]
    fn lists_are_read_however_they_are_written() {
        for (line, delimiter, name) in [
            ("* LIST (\\HasNoChildren) \"/\" [Gmail]/x", Some('/'), "[Gmail]/x"),
            ("* LIST (\\Noselect) NIL \"\"", None, ""),
            (
                "* LIST (\\HasNoChildren) \"\\\\\" \"INBOX\\\\foo\"",
                Some('\\'),
                "INBOX\\foo",
            ),
            ("* LIST (HasNoChildren) \"/\" INBOX", Some('/'), "INBOX"),
            ("* LIST () \".\" {4}\r\nSent", Some('.'), "Sent"),
            (
                "* LIST (\\Sent) \"/\" \"Заявки\" (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                Some('/'),
                "Заявки",
            ),
        ] {
            match untagged(line) {
                Untagged::List(entry) => {
                    assert_eq!(
                        (entry.delimiter, entry.name.to_text().as_str()),
                        (delimiter, name),
                        "{line}"
                    );
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn status_lines_keep_their_code_and_text() {
        let tagged = |line| match parse(line) {
            Response::Tagged { completion, .. } => completion,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(tagged("A1 OK").text, "");
        assert_eq!(
            tagged("A1 NO [AUTHENTICATIONFAILED] Wrong.").code,
            Some(Code::AuthenticationFailed)
        );
        assert_eq!(
            tagged("A1 NO [WEBALERT https://x?y=[1]] Web login required.").text,
            "Web login required."
        );
        assert_eq!(
            untagged("* OK [UIDNEXT 0] ok"),
            Untagged::Status(Completion {
                status: Status::Ok,
                code: Some(Code::UidNext(0)),
                text: "ok".into()
            })
        );
    }

    #[test]
    fn what_is_not_understood_stays_unknown() {
        for line in [
            "* 4294967296 EXISTS",
            "* QUOTA \"\" (STORAGE 10 512)",
            "",
            "* 1 FETCH",
            "junk",
            "* ",
        ] {
            assert!(matches!(untagged(line), Untagged::Unknown(_)), "{line}");
        }
        assert_eq!(untagged("* SEARCH 2 5 (MODSEQ 9)"), Untagged::Search(vec![2, 5]));
        assert_eq!(parse("+"), Response::Continuation(String::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            for prefix in ["", "* ", "* 1 FETCH (", "* LIST (", "A1 OK ["] {
                let mut line = prefix.as_bytes().to_vec();
                line.extend_from_slice(&bytes);
                parse_response(&Frame { bytes: line.into(), dropped_literal: None });
            }
        }
    }
}
