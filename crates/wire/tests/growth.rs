//! What a domain writes of its servers costs time in proportion to its length, whatever its shape.

use std::hint::black_box;

use domain::EmailAddress;
use testkit::growth::Shape;
use testkit::growth::superlinear;
use wire::discovery::read_all;

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

fn config(inside: &str) -> String {
    format!("<clientConfig><emailProvider>{inside}</emailProvider></clientConfig>")
}

const SHAPES: &[Shape] = &[
    ("open elements", |bytes| repeat("<a>", bytes)),
    ("elements", |bytes| config(&repeat("<a></a>", bytes))),
    ("servers without a name", |bytes| {
        config(&repeat("<incomingServer type=\"imap\"/>", bytes))
    }),
    ("attributes", |bytes| {
        config(&format!("<a {}/>", repeat("b='c' ", bytes)))
    }),
    ("an attribute of quotes", |bytes| {
        config(&format!("<a b=\"{}\"/>", repeat("'", bytes)))
    }),
    ("references", |bytes| config(&repeat("&amp;", bytes))),
    ("an open reference", |bytes| config(&repeat("&", bytes))),
    ("comments", |bytes| config(&repeat("<!---->", bytes))),
    ("open comments", |bytes| config(&repeat("<!--", bytes))),
    ("open CDATA", |bytes| config(&repeat("<![CDATA[", bytes))),
    ("CDATA", |bytes| config(&repeat("<![CDATA[]]>", bytes))),
    ("a document type", |bytes| {
        format!("<!DOCTYPE a [{}]><a/>", repeat("<!ENTITY a \"b\">", bytes))
    }),
    ("an open document type", |bytes| {
        format!("<!DOCTYPE a {}", repeat("[<", bytes))
    }),
    ("instructions", |bytes| config(&repeat("<?a?>", bytes))),
    ("places of the address", |bytes| {
        config(&format!(
            "<incomingServer type=\"imap\"><hostname>{}</hostname></incomingServer>",
            repeat("%EMAILADDRESS%", bytes)
        ))
    }),
    ("lists of JSON", |bytes| repeat("[", bytes)),
    ("a long text of JSON", |bytes| {
        format!("{{\"Url\":\"https://a.example/{}\"}}", repeat("%2", bytes))
    }),
];

#[test]
fn what_domains_write_is_read_in_proportion() {
    let address = EmailAddress::parse("alice@isp.example").expect("address");
    let read = |text: &str| {
        black_box(read_all(text.as_bytes(), &address));
    };
    let wrong = superlinear(SHAPES, &[("discovery", &read)]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
