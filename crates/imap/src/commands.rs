//! Commands with arguments of their own, beyond words and strings.

use bytes::Bytes;

use crate::Command;
use crate::MailboxName;
use crate::SequenceSet;

/// What we know of a folder, to be told only what is new (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qresync {
    pub uid_validity: u32,
    pub mod_seq: u64,
}

/// How the bytes of an APPEND are announced (RFC 7888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralMode {
    /// The server asks for them: a round trip, and it can refuse before they are sent.
    Asked,
    /// With `LITERAL+` or `LITERAL-`, at most 4,096 bytes: sent at once.
    AtOnce,
}

impl LiteralMode {
    /// By what the server can do. What is large is asked for in any case: the server may refuse it by its size.
    pub fn choose(takes_at_once: bool, size: usize) -> Self {
        if takes_at_once && size <= 4096 {
            LiteralMode::AtOnce
        } else {
            LiteralMode::Asked
        }
    }
}

impl Command {
    /// After ENABLE QRESYNC.
    pub fn with_qresync(self, known: &Qresync) -> Self {
        self.raw(&format!("(QRESYNC ({} {}))", known.uid_validity, known.mod_seq))
    }

    /// RFC 7162 §3.1.8: turns it on where ENABLE is missing.
    pub fn with_condstore(self) -> Self {
        self.raw("(CONDSTORE)")
    }

    /// RFC 5161
    pub fn enable(extensions: &[&str]) -> Self {
        Command::new("ENABLE").raw(&extensions.join(" "))
    }

    /// RFC 2971
    pub fn id(name: &str) -> Self {
        Command::new("ID").raw(&format!("(\"name\" \"{name}\")"))
    }

    /// RFC 5819: the folders and their counts in one round trip.
    pub fn list_status(items: &[&str]) -> Self {
        let counts = format!("RETURN (SPECIAL-USE STATUS ({}))", items.join(" "));
        Command::new("LIST").string("").string("*").raw(&counts)
    }

    /// RFC 3501 §6.3.10
    pub fn status(name: &MailboxName, items: &[&str]) -> Self {
        Command::new("STATUS")
            .mailbox(name)
            .raw(&format!("({})", items.join(" ")))
    }

    /// `set` is a set of UIDs, `items` in parentheses.
    pub fn uid_fetch(set: &str, items: &str) -> Self {
        Command::new("UID FETCH").raw(set).raw(items)
    }

    /// RFC 7162 §3.2.6. With `vanished` (QRESYNC only) what is gone since is told too.
    pub fn changed_since(self, mod_seq: u64, vanished: bool) -> Self {
        let vanished = if vanished { " VANISHED" } else { "" };
        self.raw(&format!("(CHANGEDSINCE {mod_seq}{vanished})"))
    }

    /// RFC 4731: UIDs as ranges rather than one by one.
    pub fn uid_search_all(criteria: &str) -> Self {
        Command::new("UID SEARCH").raw("RETURN (ALL)").raw(criteria)
    }

    /// RFC 6851. Without MOVE: [`Command::uid_copy`], then `\Deleted`, then [`Command::uid_expunge`].
    pub fn uid_move(set: &SequenceSet, to: &MailboxName) -> Self {
        Command::new("UID MOVE").raw(&set.to_string()).mailbox(to)
    }

    pub fn uid_copy(set: &SequenceSet, to: &MailboxName) -> Self {
        Command::new("UID COPY").raw(&set.to_string()).mailbox(to)
    }

    /// RFC 4315: these and no other deleted messages.
    pub fn uid_expunge(set: &SequenceSet) -> Self {
        Command::new("UID EXPUNGE").raw(&set.to_string())
    }

    /// RFC 3501 §6.3.3; `special_use` (`\Sent`) where the server can (RFC 6154 §3).
    pub fn create(name: &MailboxName, special_use: Option<&str>) -> Self {
        let command = Command::new("CREATE").mailbox(name);
        match special_use {
            Some(special_use) => command.raw(&format!("(USE ({special_use}))")),
            None => command,
        }
    }

    /// RFC 3501 §6.3.6: other programs show only what is subscribed to.
    pub fn subscribe(name: &MailboxName) -> Self {
        Command::new("SUBSCRIBE").mailbox(name)
    }

    /// RFC 3501 §6.3.11. `flags` as they stand on the wire: `\Seen`. `message`: its parts, one after the other.
    pub fn append(to: &MailboxName, flags: &[&str], message: &[Bytes], mode: LiteralMode) -> Self {
        let size: usize = message.iter().map(Bytes::len).sum();
        let command = Command::new("APPEND")
            .mailbox(to)
            .raw(&format!("({})", flags.join(" ")));
        match mode {
            LiteralMode::Asked => command.raw(&format!("{{{size}}}")).shared_literal(message),
            LiteralMode::AtOnce => command
                .raw(&format!("{{{size}+}}"))
                .literal_at_once(&message.concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_their_rfcs_say() {
        let inbox = MailboxName::inbox();
        let sent = MailboxName::from_text("Sent Items");
        let set = SequenceSet::from_uids([3, 4, 5, 9]);
        let known = Qresync {
            uid_validity: 67,
            mod_seq: 20,
        };
        let message = [Bytes::from_static(b"A: b\r\n"), Bytes::from_static(b"\r\nx")];
        for (command, wire) in [
            (
                Command::open(&inbox, true).with_qresync(&known),
                "A1 SELECT \"INBOX\" (QRESYNC (67 20))\r\n",
            ),
            (
                Command::open(&inbox, false).with_condstore(),
                "A1 EXAMINE \"INBOX\" (CONDSTORE)\r\n",
            ),
            (Command::enable(&["QRESYNC"]), "A1 ENABLE QRESYNC\r\n"),
            (
                Command::list_status(&["MESSAGES", "UIDNEXT"]),
                "A1 LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT))\r\n",
            ),
            (
                Command::uid_fetch("1:4294967295", "(UID FLAGS)").changed_since(12, true),
                "A1 UID FETCH 1:4294967295 (UID FLAGS) (CHANGEDSINCE 12 VANISHED)\r\n",
            ),
            (
                Command::uid_search_all("SINCE 1-Jan-2024"),
                "A1 UID SEARCH RETURN (ALL) SINCE 1-Jan-2024\r\n",
            ),
            (
                Command::uid_move(&set, &sent),
                "A1 UID MOVE 3:5,9 \"Sent Items\"\r\n",
            ),
            (
                Command::create(&sent, Some("\\Sent")),
                "A1 CREATE \"Sent Items\" (USE (\\Sent))\r\n",
            ),
            (Command::create(&sent, None), "A1 CREATE \"Sent Items\"\r\n"),
            (Command::subscribe(&sent), "A1 SUBSCRIBE \"Sent Items\"\r\n"),
            (Command::uid_expunge(&set), "A1 UID EXPUNGE 3:5,9\r\n"),
            (
                Command::append(&sent, &["\\Seen"], &message, LiteralMode::AtOnce),
                "A1 APPEND \"Sent Items\" (\\Seen) {9+}\r\nA: b\r\n\r\nx\r\n",
            ),
        ] {
            let pieces = command.wire_for_test("A1");
            assert_eq!(pieces.concat(), wire);
        }
        let asked = Command::append(&sent, &[], &message, LiteralMode::Asked).wire_for_test("A1");
        assert_eq!(
            asked,
            ["A1 APPEND \"Sent Items\" () {9}\r\n", "A: b\r\n\r\nx\r\n"]
        );
        for (takes_at_once, size, mode) in [
            (true, 4097, LiteralMode::Asked),
            (true, 4096, LiteralMode::AtOnce),
            (false, 1, LiteralMode::Asked),
        ] {
            assert_eq!(LiteralMode::choose(takes_at_once, size), mode);
        }
    }
}
