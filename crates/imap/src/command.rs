//! Commands as bytes for the wire. A secret in one never prints.

use std::fmt;

use bytes::Bytes;
use bytes::BytesMut;
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::MailboxName;

/// A command without its tag: pieces, between which the server has to ask for more.
#[derive(Clone)]
pub struct Command {
    verb: &'static str,
    pieces: Vec<BytesMut>,
    pub(crate) is_idle: bool,
}

impl Command {
    pub fn new(verb: &'static str) -> Self {
        Command {
            verb,
            pieces: vec![BytesMut::from(verb.as_bytes())],
            is_idle: false,
        }
    }

    pub fn idle() -> Self {
        Command {
            is_idle: true,
            ..Command::new("IDLE")
        }
    }

    /// RFC 3501 §6.2.3. Only over TLS, or where the operator allows clear text: `wire` decides.
    pub fn login(user: &str, password: &SecretString) -> Self {
        Command::new("LOGIN")
            .string(user)
            .string(password.expose_secret())
    }

    /// RFC 4616 with the initial response sent after `+`, which every server takes.
    pub fn authenticate_plain(user: &str, password: &SecretString) -> Self {
        use base64::Engine as _;
        let response = format!("\0{user}\0{}", password.expose_secret());
        let line = base64::engine::general_purpose::STANDARD.encode(response);
        Command::new("AUTHENTICATE")
            .raw("PLAIN")
            .after_continuation(line.as_bytes())
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
        self.after_continuation(&bytes)
    }

    fn after_continuation(mut self, bytes: &[u8]) -> Self {
        self.extend(b"\r\n");
        self.pieces.push(BytesMut::from(bytes));
        self
    }

    fn extend(&mut self, bytes: &[u8]) {
        if let Some(last) = self.pieces.last_mut() {
            last.extend_from_slice(bytes);
        }
    }

    /// The bytes to write, one piece after each `+` of the server.
    pub(crate) fn into_wire(mut self, tag: &str) -> Vec<Bytes> {
        self.extend(b"\r\n");
        let mut first = BytesMut::from(tag.as_bytes());
        first.extend_from_slice(b" ");
        first.extend_from_slice(&self.pieces[0]);
        self.pieces[0] = first;
        self.pieces.into_iter().map(BytesMut::freeze).collect()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(command: Command) -> Vec<String> {
        let pieces = command.into_wire("A1");
        pieces
            .iter()
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
            .collect()
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
        let command = Command::login("alice", &SecretString::from("hunter2".to_owned()));
        assert_eq!(format!("{command:?}"), "Command(LOGIN)");
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
        ] {
            let text = wire(command).concat();
            assert!(CommandCodec::default().decode(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
