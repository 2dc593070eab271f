//! Responses as types. What is not understood stays [`Untagged::Unknown`]; what cannot be followed is
//! [`Untagged::Broken`], and nothing of it is used.

use bytes::Bytes;

use crate::MailboxName;
use crate::SequenceSet;
use crate::framer::Diverted;
use crate::framer::Frame;
use crate::framer::is_whole_body;
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
    /// RFC 4315: where an appended message is.
    AppendUid {
        uid_validity: u32,
        uids: SequenceSet,
    },
    /// RFC 4315: where copied or moved messages are; `from` and `to` in the same order.
    CopyUid {
        uid_validity: u32,
        from: SequenceSet,
        to: SequenceSet,
    },
    /// RFC 7162 §3.2.11: what follows belongs to the next folder.
    Closed,
    /// RFC 8474
    MailboxId(String),
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
    /// RFC 4731
    Esearch(Esearch),
    /// RFC 5161
    Enabled(Vec<String>),
    /// RFC 2342: how the names of one's own folders begin, and what parts them.
    Namespace {
        prefix: MailboxName,
        delimiter: Option<char>,
    },
    /// RFC 2971: what the server says it is.
    Id(Vec<(String, Option<String>)>),
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
    /// The next bytes of a large body, `of` so many in all: the [`Fetch`] with [`Body::Streamed`] follows its last piece.
    Piece {
        bytes: Bytes,
        of: u64,
    },
    Unknown(Bytes),
    /// It cannot be followed: where its values end is a guess, and a guess would be stored as mail. Ends the session.
    Broken(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    pub attributes: Vec<String>,
    pub delimiter: Option<char>,
    pub name: MailboxName,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Esearch {
    /// Of the command that it answers.
    pub tag: Option<String>,
    pub is_uid: bool,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub count: Option<u32>,
    pub all: SequenceSet,
    pub mod_seq: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCounts {
    pub name: MailboxName,
    pub messages: Option<u32>,
    pub uid_next: Option<u32>,
    pub uid_validity: Option<u32>,
    pub unseen: Option<u32>,
    pub highest_mod_seq: Option<u64>,
    /// RFC 8474
    pub mailbox_id: Option<String>,
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
    /// RFC 8474: the same for every copy of a message.
    pub email_id: Option<String>,
    pub thread_id: Option<String>,
    /// Gmail's own of both (developers.google.com/gmail/imap/imap-extensions).
    pub gmail_message_id: Option<u64>,
    pub gmail_thread_id: Option<u64>,
    pub gmail_labels: Option<Vec<MailboxName>>,
    /// `BODY[]`
    pub body: Option<Body>,
    /// `BODY[HEADER]` or `BODY[HEADER.FIELDS ...]`
    pub header: Option<Bytes>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Whole(Bytes),
    /// It came before, in this many bytes of [`Untagged::Piece`].
    Streamed(u64),
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
        "CLOSED" => Code::Closed,
        "MAILBOXID" => Code::MailboxId(rest.trim_matches(['(', ')']).to_owned()),
        "APPENDUID" => append_uid(rest)?,
        "COPYUID" => copy_uid(rest)?,
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        _ => Code::Other(name, rest.to_owned()),
    })
}

fn append_uid(rest: &str) -> Option<Code> {
    let (uid_validity, uids) = rest.split_once(' ')?;
    Some(Code::AppendUid {
        uid_validity: uid_validity.parse().ok()?,
        uids: SequenceSet::parse(uids.as_bytes()),
    })
}

/// Servers leave the sets empty when nothing was copied (seen: `[COPYUID 38505  ]`).
fn copy_uid(rest: &str) -> Option<Code> {
    let mut words = rest.split(' ');
    let uid_validity = words.next()?.parse().ok()?;
    let mut set = || SequenceSet::parse(words.next().unwrap_or_default().as_bytes());
    Some(Code::CopyUid {
        uid_validity,
        from: set(),
        to: set(),
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
        Some(number) => parse_numbered(number, &mut reader, frame.diverted),
        None => parse_named(first, &mut reader),
    };
    match (reader.broken, parsed) {
        (Some(what), _) => Untagged::Broken(what),
        (None, parsed) => parsed.unwrap_or_else(|| Untagged::Unknown(frame.bytes.clone())),
    }
}

fn leading_number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn parse_numbered(number: u32, reader: &mut Reader<'_>, diverted: Option<Diverted>) -> Option<Untagged> {
    reader.skip_spaces();
    let word = reader.word().to_ascii_uppercase();
    match word.as_slice() {
        b"EXISTS" => Some(Untagged::Exists(number)),
        b"RECENT" => Some(Untagged::Recent(number)),
        b"EXPUNGE" => Some(Untagged::Expunge(number)),
        b"FETCH" => parse_fetch(number, reader, diverted).map(|fetch| Untagged::Fetch(Box::new(fetch))),
        _ => None,
    }
}

fn parse_named(name: &[u8], reader: &mut Reader<'_>) -> Option<Untagged> {
    match name.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Some(Untagged::Capability(words(&lossy(reader.rest())))),
        b"LIST" | b"LSUB" => parse_list(reader).map(Untagged::List),
        b"STATUS" => parse_status(reader).map(Untagged::StatusCounts),
        b"SEARCH" => Some(Untagged::Search(parse_search(reader))),
        b"ESEARCH" => Some(Untagged::Esearch(parse_esearch(reader))),
        b"ENABLED" => Some(Untagged::Enabled(words(&lossy(reader.rest())))),
        b"NAMESPACE" => parse_namespace(reader),
        b"ID" => Some(Untagged::Id(parse_id(&reader.value()?))),
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

/// `(("INBOX." ".")) NIL NIL`: the first of one's own; those of others are not asked for.
fn parse_namespace(reader: &mut Reader<'_>) -> Option<Untagged> {
    let personal = reader.value()?;
    let first = personal.list().first()?.list();
    let delimiter = first.get(1).and_then(Value::text);
    Some(Untagged::Namespace {
        prefix: MailboxName::from_wire(first.first()?.bytes()?),
        delimiter: delimiter.and_then(|text| text.chars().next()),
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
            .map(|pair| &pair[1])
    };
    let find_u32 = |wanted| {
        let number = find(wanted).and_then(Value::number);
        number.and_then(|number| u32::try_from(number).ok())
    };
    Some(StatusCounts {
        name,
        messages: find_u32("MESSAGES"),
        uid_next: find_u32("UIDNEXT"),
        uid_validity: find_u32("UIDVALIDITY"),
        unseen: find_u32("UNSEEN"),
        highest_mod_seq: find("HIGHESTMODSEQ").and_then(Value::number),
        mailbox_id: find("MAILBOXID")
            .and_then(|value| value.list().first())
            .and_then(Value::text),
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

/// `(TAG "A282") UID MIN 2 COUNT 3 ALL 2,10:11`
fn parse_esearch(reader: &mut Reader<'_>) -> Esearch {
    let mut found = Esearch::default();
    while let Some(value) = reader.value() {
        if let Value::List(pair) = &value {
            found.tag = pair.get(1).and_then(Value::text);
            continue;
        }
        let name = value.text().unwrap_or_default().to_ascii_uppercase();
        if name == "UID" {
            found.is_uid = true;
            continue;
        }
        let Some(value) = reader.value() else { break };
        let number = value.number().and_then(|number| u32::try_from(number).ok());
        match name.as_str() {
            "MIN" => found.min = number,
            "MAX" => found.max = number,
            "COUNT" => found.count = number,
            "MODSEQ" => found.mod_seq = value.number(),
            "ALL" => found.all = SequenceSet::parse(value.bytes().map_or(&[], |bytes| bytes)),
            _ => {}
        }
    }
    found
}

fn parse_id(value: &Value) -> Vec<(String, Option<String>)> {
    let pairs = value.list().chunks_exact(2);
    pairs
        .filter_map(|pair| Some((pair[0].text()?, pair[1].text())))
        .collect()
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

fn parse_fetch(sequence_number: u32, reader: &mut Reader<'_>, diverted: Option<Diverted>) -> Option<Fetch> {
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
        let value = reader.value();
        if is_bytes_of_message(name) && !matches!(value, Some(Value::Text(_) | Value::Nil)) {
            reader.broken = Some("a body that is no string");
        }
        let Some(value) = value else { break };
        set_attribute(&mut fetch, name, value, diverted);
    }
    Some(fetch)
}

/// What is a literal, a quoted string or NIL (RFC 3501 §9, msg-att-static), and is taken for what somebody wrote.
fn is_bytes_of_message(name: &[u8]) -> bool {
    is_whole_body(name)
        || name
            .get(..11)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"BODY[HEADER"))
}

fn set_attribute(fetch: &mut Fetch, name: &[u8], value: Value, diverted: Option<Diverted>) {
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
        b"EMAILID" => fetch.email_id = value.list().first().and_then(Value::text),
        b"THREADID" => fetch.thread_id = value.list().first().and_then(Value::text),
        b"X-GM-MSGID" => fetch.gmail_message_id = value.number(),
        b"X-GM-THRID" => fetch.gmail_thread_id = value.number(),
        b"X-GM-LABELS" => {
            let labels = value.list().iter().filter_map(Value::bytes);
            fetch.gmail_labels = Some(labels.map(|label| MailboxName::from_wire(label)).collect());
        }
        // A body that has come is not taken away by a second, empty one.
        whole if is_whole_body(whole) && matches!(fetch.body, None | Some(Body::Nil)) => {
            fetch.body = Some(body(value, diverted));
        }
        section if section.starts_with(b"BODY[HEADER") => {
            fetch.header = value.bytes().cloned();
        }
        _ => {}
    }
}

fn body(value: Value, diverted: Option<Diverted>) -> Body {
    match (diverted, value) {
        (Some(Diverted::Dropped(bytes)), _) => Body::TooLong(bytes),
        (Some(Diverted::Streamed(bytes)), _) => Body::Streamed(bytes),
        (None, Value::Text(bytes)) => Body::Whole(bytes),
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
            diverted: None,
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
    fn extensions_are_read() {
        let set = |text: &str| SequenceSet::parse(text.as_bytes());
        assert_eq!(
            untagged("* ESEARCH (TAG \"A282\") UID MIN 2 COUNT 3 ALL 2,10:11 X-NEW (a b)"),
            Untagged::Esearch(Esearch {
                tag: Some("A282".into()),
                is_uid: true,
                min: Some(2),
                count: Some(3),
                all: set("2,10:11"),
                ..Esearch::default()
            })
        );
        assert_eq!(
            untagged("* ENABLED condstore QRESYNC"),
            Untagged::Enabled(vec!["CONDSTORE".into(), "QRESYNC".into()])
        );
        assert_eq!(
            untagged("* ID (\"name\" \"GImap\" \"vendor\" NIL)"),
            Untagged::Id(vec![
                ("name".into(), Some("GImap".into())),
                ("vendor".into(), None)
            ])
        );
        let gmail =
            fetch("* 1 FETCH (X-GM-THRID 7 X-GM-MSGID 8 X-GM-LABELS (\"\\\\Inbox\" foo \"&AOk-\") UID 5)");
        let labels: Vec<_> = gmail
            .gmail_labels
            .iter()
            .flatten()
            .map(MailboxName::to_text)
            .collect();
        assert_eq!(
            (gmail.gmail_thread_id, gmail.gmail_message_id, gmail.uid),
            (Some(7), Some(8), Some(5))
        );
        assert_eq!(labels, ["\\Inbox", "foo", "é"]);
        let objects = fetch("* 1 FETCH (UID 4 EMAILID (M6d) THREADID NIL)");
        assert_eq!(
            (objects.email_id.as_deref(), objects.thread_id),
            (Some("M6d"), None)
        );
        for (line, code) in [
            (
                "A1 OK [APPENDUID 38505 3955:3957] done",
                Code::AppendUid {
                    uid_validity: 38505,
                    uids: set("3955:3957"),
                },
            ),
            (
                "A1 OK [COPYUID 38505  ] Done",
                Code::CopyUid {
                    uid_validity: 38505,
                    from: set(""),
                    to: set(""),
                },
            ),
            (
                "A1 OK [COPYUID 1 5,7 9:10] Done",
                Code::CopyUid {
                    uid_validity: 1,
                    from: set("5,7"),
                    to: set("9:10"),
                },
            ),
            ("A1 OK [CLOSED] Previous mailbox closed.", Code::Closed),
            ("A1 OK [MAILBOXID (F22)] Ok", Code::MailboxId("F22".into())),
        ] {
            match parse(line) {
                Response::Tagged { completion, .. } => assert_eq!(completion.code, Some(code), "{line}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_body_is_a_literal_a_quoted_string_or_nil() {
        let whole = |text: &'static str| Some(Body::Whole(Bytes::from_static(text.as_bytes())));
        for (value, body) in [
            ("BODY[] {5}\r\nhello", whole("hello")),
            ("BODY[] {5+}\r\nhello", whole("hello")),
            ("BODY[] {05}\r\nhello", whole("hello")),
            ("BODY[] ~{5}\r\nhello", whole("hello")),
            ("BODY[]<0> {5}\r\nhello", whole("hello")),
            ("BODY[]<0> ~{5}\r\nhello", whole("hello")),
            ("BODY.PEEK[] {5}\r\nhello", whole("hello")),
            ("RFC822 \"hello\"", whole("hello")),
            ("BODY[] {0}\r\n", whole("")),
            ("BODY[] ~{0}\r\n", whole("")),
            ("BODY[] \"\"", whole("")),
            ("BODY[] \"{5\"", whole("{5")),
            ("BODY[] nil", Some(Body::Nil)),
            // A part of it is not the message.
            ("BODY[]<5> {5}\r\nhello", None),
            ("BODY[1] {5}\r\nhello", None),
            ("BINARY[1] ~{5}\r\nhello", None),
        ] {
            for line in [
                format!("* 1 FETCH (UID 5 {value})"),
                format!("* 1 FETCH ({value} UID 5)"),
            ] {
                let fetch = fetch(&line);
                assert_eq!((fetch.uid, &fetch.body), (Some(5), &body), "{line}");
            }
        }
        for value in [
            "BODY[] {5",
            "BODY[] {5}{5}\r\nhello",
            "BODY[] {5}\nhello",
            "BODY[] {5} hello",
            "BODY[] {5}hello",
            "BODY[] {5}\r\r\nhello",
            "BODY[] {}\r\nhello",
            "BODY[] {-1}\r\nhello",
            "BODY[] {0x5}\r\nhello",
            "BODY[] { 5}\r\nhello",
            "BODY[] {5 }\r\nhello",
            "BODY[] {+5}\r\nhello",
            "BODY[] {5++}\r\nhello",
            "BODY[] {1e1}\r\nhello",
            "BODY[] {00000000000000000005}\r\nhello",
            "BODY[] ~5}\r\nhello",
            "BODY[] ~~{5}\r\nhello",
            "BODY[] {3}\r\nhello",
            "BODY[] {99}\r\nhello",
            "BODY[] 5}\r\nhello",
            "BODY[] hello",
            "BODY[] \"hello",
            "BODY[] (hello)",
            "BODY[] ()",
            "BODY[] ",
            "BODY[]<0> {5",
            "RFC822 hello",
            "BODY[] 5",
            "BODY[HEADER] {5",
            "BODY[HEADER.FIELDS (FROM)] From:",
            "FLAGS ({5) BODY[] \"\"",
            "X {5",
        ] {
            let line = format!("* 1 FETCH (UID 5 {value})");
            assert!(
                matches!(untagged(&line), Untagged::Broken(_)),
                "{line}: {:?}",
                untagged(&line)
            );
        }
    }

    #[test]
    fn a_brace_before_a_letter_belongs_to_a_name() {
        let fetch = fetch("* 1 FETCH (FLAGS ({abc} ~x) UID 5)");
        assert_eq!(fetch.flags, Some(vec!["{abc}".into(), "~x".into()]));
        assert!(matches!(untagged("* LIST () \"/\" {5"), Untagged::Broken(_)));
        assert!(matches!(untagged("* LIST () \"/\" \"{5\""), Untagged::List(_)));
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
                parse_response(&Frame { bytes: line.into(), diverted: None });
            }
        }
    }
}
