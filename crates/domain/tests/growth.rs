//! Foreign text costs time in proportion to its length, whatever its shape.

use std::hint::black_box;

use domain::CleanText;
use domain::EmailAddress;
use domain::address::fold_domain;
use domain::deny::DenyList;
use domain::message::InternetMessageId;
use domain::rules::reports::in_plain_words;
use domain::rules::sender::looks;
use domain::rules::threading::conversation_keys;
use domain::rules::threading::subject_key;
use domain::search::SearchQuery;
use domain::search::fold_into;
use testkit::growth::Shape;
use testkit::growth::superlinear;

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

const TEXTS: &[Shape] = &[
    ("spaces", |bytes| repeat(" ", bytes)),
    ("blank lines", |bytes| repeat("\n", bytes)),
    ("a long word", |bytes| repeat("x", bytes)),
    ("words", |bytes| repeat("word ", bytes)),
    ("letters with marks", |bytes| repeat("e\u{301}", bytes)),
    ("marks alone", |bytes| repeat("\u{301}\u{316}", bytes)),
    ("words without spaces", |bytes| repeat("请付", bytes)),
    ("syllables", |bytes| repeat("한", bytes)),
    ("what is not seen", |bytes| repeat("\u{200B}\u{202E}", bytes)),
    ("quotes", |bytes| repeat("\"", bytes)),
    ("quoted words", |bytes| repeat("\"a b\" ", bytes)),
    ("ats", |bytes| repeat("@", bytes)),
    ("addresses", |bytes| repeat("a@b.example\n", bytes)),
    ("dots", |bytes| repeat(".", bytes)),
    ("labels", |bytes| repeat("a.", bytes)),
    ("labels in other letters", |bytes| repeat("ü.", bytes)),
    ("one label in other letters", |bytes| repeat("üa", bytes)),
    ("labels in punycode", |bytes| repeat("xn--mller-kva.", bytes)),
    ("one label in punycode", |bytes| {
        format!("xn--{}", repeat("kva", bytes))
    }),
    ("stars", |bytes| repeat("*", bytes)),
    ("stars and letters", |bytes| {
        format!("{}@b.example", repeat("*a", bytes))
    }),
    ("patterns", |bytes| repeat("*a*a*@b.example\n", bytes)),
    ("comments", |bytes| repeat("#", bytes)),
    ("answers", |bytes| repeat("Re: ", bytes)),
    ("answers counted", |bytes| repeat("Re[2]:", bytes)),
    ("tags of lists", |bytes| repeat("[a]", bytes)),
    ("tags of lists without an end", |bytes| repeat("[", bytes)),
    ("tags of lists of spaces", |bytes| {
        format!("[a]{}", repeat(" ", bytes))
    }),
    ("colons", |bytes| repeat(":", bytes)),
    ("tickets", |bytes| repeat("Ticket # ", bytes)),
    ("tickets in brackets", |bytes| repeat("[Case ID: ", bytes)),
    ("angles", |bytes| repeat("<", bytes)),
];

#[test]
fn foreign_text_costs_time_in_proportion_to_its_length() {
    let address = EmailAddress::parse("aaaaaaaaaaaaaaaaaaaa@b.example").expect("address");
    let found = superlinear(
        TEXTS,
        &[
            ("CleanText::cut", &|text| {
                drop(black_box(CleanText::cut(text, usize::MAX / 8)))
            }),
            ("EmailAddress::parse", &|text| {
                drop(black_box(EmailAddress::parse(text)))
            }),
            ("InternetMessageId::new", &|text| {
                drop(black_box(InternetMessageId::new(text)))
            }),
            ("fold_domain", &|text| drop(black_box(fold_domain(text)))),
            ("fold_into", &|text| {
                let mut folded = String::new();
                fold_into(&mut folded, text);
                black_box(folded);
            }),
            ("SearchQuery::parse", &|text| {
                drop(black_box(SearchQuery::parse(text)))
            }),
            ("subject_key", &|text| drop(black_box(subject_key(text)))),
            ("conversation_keys", &|text| {
                drop(black_box(conversation_keys(text, text, text)))
            }),
            ("in_plain_words", &|text| {
                black_box(in_plain_words(text));
            }),
            ("looks", &|text| drop(black_box(looks(text)))),
            ("DenyList", &|text| {
                let list = DenyList::parse(text);
                black_box(list.is_ok_and(|list| list.find(&address).is_some()));
            }),
        ],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
