//! What a server sends costs time in proportion to its length, whatever its shape.

use std::hint::black_box;

use bytes::Bytes;
use imap::Frame;
use imap::MailboxName;
use imap::SequenceSet;
use testkit::growth::Shape;
use testkit::growth::superlinear;

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

/// `piece` with a number in place of each `N`.
fn numbered(piece: &str, bytes: usize) -> String {
    let count = bytes / (piece.len() + 4) + 1;
    (1..=count)
        .map(|number| piece.replace('N', &number.to_string()))
        .collect()
}

const RESPONSES: &[Shape] = &[
    ("uids of a search", |bytes| {
        format!("* SEARCH {}", numbered("N ", bytes))
    }),
    ("spaces of a search", |bytes| {
        format!("* SEARCH{}", repeat(" ", bytes))
    }),
    ("an extended search", |bytes| {
        format!("* ESEARCH UID ALL {}", numbered("N,", bytes))
    }),
    ("what vanished", |bytes| {
        format!("* VANISHED (EARLIER) {}", numbered("N:N,", bytes))
    }),
    ("attributes", |bytes| {
        format!("* 1 FETCH ({})", numbered("XN 1 ", bytes))
    }),
    ("the same attribute", |bytes| {
        format!("* 1 FETCH ({})", repeat("FLAGS (a b) ", bytes))
    }),
    ("flags", |bytes| {
        format!("* 1 FETCH (FLAGS ({}))", numbered("aN ", bytes))
    }),
    ("labels", |bytes| {
        format!("* 1 FETCH (X-GM-LABELS ({}))", numbered("\"aN\" ", bytes))
    }),
    ("lists", |bytes| format!("* 1 FETCH (X {})", repeat("(", bytes))),
    ("lists that end", |bytes| {
        format!("* 1 FETCH (X {})", repeat("()", bytes))
    }),
    ("ends of lists", |bytes| {
        format!("* 1 FETCH {}", repeat(")", bytes))
    }),
    ("brackets", |bytes| {
        format!("* 1 FETCH (BODY{} 1)", repeat("[", bytes))
    }),
    ("brackets that end", |bytes| {
        format!("* 1 FETCH ({})", repeat("A[] 1 ", bytes))
    }),
    ("a quoted string", |bytes| {
        format!("* LIST () \"/\" \"{}\"", repeat("a", bytes))
    }),
    ("a quoted string without an end", |bytes| {
        format!("* LIST () \"/\" \"{}", repeat("a", bytes))
    }),
    ("backslashes", |bytes| {
        format!("* LIST () \"/\" \"{}\"", repeat("\\", bytes))
    }),
    ("quoted quotes", |bytes| {
        format!("* LIST () \"/\" \"{}\"", repeat("\\\"", bytes))
    }),
    ("quotes", |bytes| format!("* FLAGS ({})", repeat("\"", bytes))),
    ("empty literals", |bytes| {
        format!("* 1 FETCH (X ({}))", repeat("{0}\r\n", bytes))
    }),
    ("literals", |bytes| {
        format!("* 1 FETCH ({})", repeat("BODY[] {1}\r\nx ", bytes))
    }),
    ("signs of literals", |bytes| {
        format!("* 1 FETCH (X ({}))", repeat("{", bytes))
    }),
    ("literals without a size", |bytes| {
        format!("* 1 FETCH (X ({}))", repeat("{9", bytes))
    }),
    ("ends of lines", |bytes| {
        format!("* FLAGS ({})", repeat("\r", bytes))
    }),
    ("capabilities", |bytes| {
        format!("* CAPABILITY {}", numbered("AN ", bytes))
    }),
    ("a response code", |bytes| {
        format!("* OK [{}", repeat("[]", bytes))
    }),
    ("a response code without an end", |bytes| {
        format!("* OK {}", repeat("[", bytes))
    }),
    ("copied uids", |bytes| {
        format!(
            "A1 OK [COPYUID 1 {} {}] x",
            numbered("N,", bytes / 2),
            numbered("N,", bytes / 2)
        )
    }),
    ("counts", |bytes| {
        format!("* STATUS a ({})", numbered("MESSAGES N ", bytes))
    }),
    ("what a server says it is", |bytes| {
        format!("* ID ({})", numbered("\"N\" \"x\" ", bytes))
    }),
    ("a long word", |bytes| format!("* {}", repeat("x", bytes))),
    ("digits", |bytes| format!("* {} EXISTS", repeat("9", bytes))),
    ("text", |bytes| format!("* BYE {}", repeat("a ", bytes))),
    ("a challenge", |bytes| format!("+ {}", repeat("YQ==", bytes))),
    ("spaces", |bytes| format!("*{}", repeat(" ", bytes))),
];

const NAMES: &[Shape] = &[
    ("ampersands", |bytes| repeat("&", bytes)),
    ("ampersands and a dash", |bytes| {
        format!("{}-", repeat("&", bytes))
    }),
    ("shifts without an end", |bytes| repeat("&APw", bytes)),
    ("shifts", |bytes| repeat("&APw-", bytes)),
    ("a long shift", |bytes| format!("&{}-", repeat("APwA", bytes))),
    ("a long shift without an end", |bytes| {
        format!("&{}", repeat("APwA", bytes))
    }),
    ("shifts that do not decode", |bytes| repeat("&!-", bytes)),
    ("dashes", |bytes| repeat("-", bytes)),
    ("letters", |bytes| repeat("ü", bytes)),
    ("commas", |bytes| repeat(",", bytes)),
    ("colons", |bytes| repeat(":", bytes)),
    ("ranges", |bytes| numbered("N:N,", bytes)),
    ("stars", |bytes| repeat("*:*,", bytes)),
];

fn parse(line: &str) {
    let frame = Frame {
        bytes: Bytes::copy_from_slice(line.as_bytes()),
        diverted: None,
    };
    black_box(imap::parse_response(&frame));
}

#[test]
fn a_response_costs_time_in_proportion_to_its_length() {
    let found = superlinear(RESPONSES, &[("parse_response", &parse)]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_name_or_a_set_costs_time_in_proportion_to_its_length() {
    let found = superlinear(
        NAMES,
        &[
            ("MailboxName::to_text", &|name| {
                drop(black_box(MailboxName::from_wire(name.as_bytes()).to_text()));
            }),
            ("MailboxName::from_text", &|name| {
                drop(black_box(MailboxName::from_text(name)))
            }),
            ("SequenceSet::parse", &|set| {
                let set = SequenceSet::parse(set.as_bytes());
                black_box((set.to_commands(1_000), set.contains(7)));
            }),
        ],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
