//! Commands as bytes for the wire. A secret in one never prints.

use std::fmt;

use bytes::Bytes;
use bytes::BytesMut;

use crate::MailboxName;
use crate::sasl::Answer;

/// A command without its tag: pieces, between which the server has to ask for more.
#[derive(Clone)]
pub struct Command {
    verb: &'static str,
    first: BytesMut,
    /// Each answers one `+` of the server.
    rest: Vec<Piece>,
    pub(crate) kind: Kind,
}

/// What the driver has to know of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Idle,
    /// After its OK both sides compress.
    Compress,
    /// After its OK another folder is open.
    Open,
}

#[derive(Clone)]
pub(crate) enum Piece {
    Bytes(BytesMut),
    /// What may be large, as it is held elsewhere: it is not copied.
    Shared(Vec<Bytes>),
    /// A whole line.
    Answer(Answer),
}

impl Command {
    pub fn new(verb: &'static str) -> Self {
        Command {
            verb,
            first: BytesMut::from(verb.as_bytes()),
            rest: Vec::new(),
            kind: Kind::Plain,
        }
    }

    /// RFC 4978. Nothing else may be on its way.
    pub fn compress() -> Self {
        Command {
            kind: Kind::Compress,
            ..Command::new("COMPRESS").raw("DEFLATE")
        }
    }

    pub fn idle() -> Self {
        Command {
            kind: Kind::Idle,
            ..Command::new("IDLE")
        }
    }

    /// EXAMINE, or SELECT with `read_write`.
    pub fn open(name: &MailboxName, read_write: bool) -> Self {
        let verb = if read_write { "SELECT" } else { "EXAMINE" };
        Command {
            kind: Kind::Open,
            ..Command::new(verb).mailbox(name)
        }
    }

    /// Trusted text of ours, after a space.
    pub fn raw(mut self, text: &str) -> Self {
        debug_assert!(!text.contains(['\r', '\n']), "commands are built of one line");
        self.extend(b" ");
        self.extend(text.as_bytes());
        self
    }

    pub fn mailbox(self, name: &MailboxName) -> Self {
        self.astring(name.wire())
    }

    /// Any text: quoted where that can be, else a literal. CR, LF and NUL never reach a line.
    pub fn string(self, text: &str) -> Self {
        self.astring(text.as_bytes())
    }

    fn astring(mut self, bytes: &[u8]) -> Self {
        self.extend(b" ");
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.extend(b"\"");
            for byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    self.extend(b"\\");
                }
                self.extend(&[*byte]);
            }
            self.extend(b"\"");
            return self;
        }
        let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        self.extend(format!("{{{}}}", bytes.len()).as_bytes());
        self.literal(&bytes)
    }

    /// Bytes that the server asks for; their size has been announced.
    pub(crate) fn literal(mut self, bytes: &[u8]) -> Self {
        self.extend(b"\r\n");
        self.rest.push(Piece::Bytes(BytesMut::from(bytes)));
        self
    }

    /// The same of what may be large.
    pub(crate) fn shared_literal(mut self, parts: &[Bytes]) -> Self {
        self.extend(b"\r\n");
        self.rest.push(Piece::Shared(parts.to_vec()));
        self
    }

    /// Bytes that follow their size without being asked for.
    pub(crate) fn literal_at_once(mut self, bytes: &[u8]) -> Self {
        self.extend(b"\r\n");
        self.extend(bytes);
        self
    }

    /// The answer to what the server says next.
    pub(crate) fn answering(mut self, answer: Answer) -> Self {
        self.rest.push(Piece::Answer(answer));
        self
    }

    fn extend(&mut self, bytes: &[u8]) {
        match self.rest.last_mut() {
            None => self.first.extend_from_slice(bytes),
            Some(Piece::Bytes(last)) => last.extend_from_slice(bytes),
            Some(Piece::Shared(parts)) => parts.push(Bytes::copy_from_slice(bytes)),
            Some(Piece::Answer(_)) => debug_assert!(false, "nothing follows an answer"),
        }
    }

    /// The bytes to write at once, and what answers each `+` of the server.
    pub(crate) fn into_wire(mut self, tag: &str) -> (Bytes, Vec<Piece>) {
        if !matches!(self.rest.last(), Some(Piece::Answer(_))) {
            self.extend(b"\r\n");
        } else {
            self.first.extend_from_slice(b"\r\n");
        }
        let mut first = BytesMut::from(tag.as_bytes());
        first.extend_from_slice(b" ");
        first.extend_from_slice(&self.first);
        (first.freeze(), self.rest)
    }

    #[cfg(test)]
    pub(crate) fn wire_for_test(self, tag: &str) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (first, rest) = self.into_wire(tag);
        let rest = rest.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => text(bytes),
            Piece::Shared(parts) => text(&parts.concat()),
            Piece::Answer(answer) => answer
                .to("")
                .map(|bytes| text(&bytes) + "\r\n")
                .unwrap_or_default(),
        });
        std::iter::once(text(&first)).chain(rest).collect()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.verb)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::SequenceSet;

    fn wire(command: Command) -> Vec<String> {
        command.wire_for_test("A1")
    }

    #[test]
    fn nothing_from_a_field_reaches_the_wire_as_structure() {
        let password = |text: &str| SecretString::from(text.to_owned());
        assert_eq!(
            wire(Command::login("a b", &password("q\"\\"))),
            ["A1 LOGIN \"a b\" \"q\\\"\\\\\"\r\n"]
        );
        assert_eq!(
            wire(Command::login("a", &password("x\r\nA2 LOGOUT"))),
            ["A1 LOGIN \"a\" {12}\r\n", "x\r\nA2 LOGOUT\r\n"]
        );
        assert_eq!(
            wire(Command::login("Zoë", &password(""))),
            ["A1 LOGIN {4}\r\n", "Zoë \"\"\r\n"]
        );
        assert_eq!(
            wire(Command::new("EXAMINE").mailbox(&MailboxName::from_text("Entwürfe"))),
            ["A1 EXAMINE \"Entw&APw-rfe\"\r\n"]
        );
    }

    #[test]
    fn a_secret_in_a_command_never_prints() {
        let secret = SecretString::from("hunter2".to_owned());
        for (command, shown) in [
            (Command::login("alice", &secret), "Command(LOGIN)"),
            (
                Command::authenticate_plain("alice", &secret, true),
                "Command(AUTHENTICATE)",
            ),
            (
                Command::authenticate_cram_md5("alice", &secret),
                "Command(AUTHENTICATE)",
            ),
        ] {
            assert_eq!(format!("{command:?}"), shown);
        }
    }

    #[test]
    fn our_commands_are_read_by_another_implementation() {
        use imap_codec::CommandCodec;
        use imap_codec::decode::Decoder;
        for command in [
            Command::login("a b", &SecretString::from("pa ss".to_owned())),
            Command::new("UID FETCH").raw("1:3,5 (UID FLAGS INTERNALDATE BODY.PEEK[])"),
            Command::new("UID SEARCH").raw("SINCE 1-Jan-2024"),
            Command::new("UID STORE").raw("7 +FLAGS.SILENT (\\Seen)"),
            Command::new("LIST").string("").string("*"),
            Command::new("EXAMINE").mailbox(&MailboxName::inbox()),
            Command::idle(),
            Command::authenticate_plain("a", &SecretString::from("b".to_owned()), true),
            Command::open(&MailboxName::inbox(), true).with_condstore(),
            Command::enable(&["CONDSTORE"]),
            Command::uid_move(&SequenceSet::from_uids([1, 2]), &MailboxName::inbox()),
            Command::uid_expunge(&SequenceSet::from_uids([7])),
            Command::id("Waxseal"),
        ] {
            let text = wire(command).concat();
            assert!(CommandCodec::default().decode(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
