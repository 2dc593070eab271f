//! Files within other encodings, opened as the page and a download open them.

use domain::message::MessageSummary;
use testkit::tnef::Tnef;

fn summary(raw: &[u8]) -> MessageSummary {
    mime::summarise(raw).expect("summary")
}

/// Name, type and bytes of each file, by the place that the summary gives; the sizes are true.
fn files(raw: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let summary = summary(raw);
    let opened = summary.attachments.iter().map(|file| {
        let number = domain::message::FilePlace::of_number(file.place.number());
        let part = mime::open_part(raw, number).expect("opened").expect("part");
        assert_eq!(part.name, file.name);
        assert_eq!(part.bytes.len() as u64, file.size_bytes, "{}", part.name.as_str());
        (part.name.as_str().to_owned(), part.content_type, part.bytes)
    });
    opened.collect()
}

fn names(raw: &[u8]) -> Vec<String> {
    files(raw).into_iter().map(|(name, ..)| name).collect()
}

fn shown(raw: &[u8]) -> String {
    let opened = mime::open_message(raw).expect("opened");
    opened.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn mixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut raw =
        b"From: a@b.example\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for part in parts {
        raw.extend_from_slice(b"--b\r\n");
        raw.extend_from_slice(part);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"--b--\r\n");
    raw
}

const HELLO: &[u8] = b"Content-Type: text/plain\r\n\r\nHello from Kelly at Out";
const PDF: &[u8] = b"Content-Type: application/pdf; name=last.pdf\r\n\r\n%PDF last";

fn offer() -> Tnef {
    Tnef::default()
        .text("Hello from Kelly at Out\r\n")
        .file("offer.pdf", "Angebot \u{fc}ber Glasfaser.pdf", b"%PDF offer\n")
        .file("logo.png", "", b"PNG")
}

#[test]
fn the_files_of_winmail_dat_are_files_of_the_message() {
    let bytes = offer().bytes();
    for part in [
        Tnef::part("application/ms-tnef; name=winmail.dat", &bytes),
        Tnef::part("application/octet-stream; name=\"ATT00001.dat\"", &bytes),
        Tnef::part("APPLICATION/VND.MS-TNEF", &bytes),
    ] {
        let raw = mixed(&[HELLO, &part, PDF]);
        assert_eq!(
            names(&raw),
            ["Angebot \u{fc}ber Glasfaser.pdf", "logo.png", "last.pdf"]
        );
        assert_eq!(files(&raw)[0].2, b"%PDF offer\n");
        assert_eq!(files(&raw)[1].1, "image/png");
        // What the text part has said already is not said twice.
        assert_eq!(shown(&raw), "Hello from Kelly at Out");
        let places: Vec<_> = summary(&raw)
            .attachments
            .iter()
            .map(|file| file.place.number() & 0xffff)
            .collect();
        assert_eq!(
            places,
            [2, 2, 3],
            "a part keeps its number, whatever is opened before it"
        );
    }
}

#[test]
fn what_was_listed_before_it_could_be_opened_is_still_there() {
    let bytes = offer().bytes();
    let part = Tnef::part("application/ms-tnef; name=winmail.dat", &bytes);
    let alone = [b"Subject: s\r\n".as_slice(), &part].concat();
    for (raw, number) in [(mixed(&[HELLO, &part, PDF]), 2), (alone, 0)] {
        let place = domain::message::FilePlace::of_number(number);
        let found = mime::open_part(&raw, place).expect("opened").expect("part");
        assert_eq!(found.name.as_str(), "winmail.dat");
        assert_eq!(found.bytes, bytes);
    }
}

#[test]
fn the_header_is_shown_as_it_came() {
    let raw = format!("X-A: b\r\nContent-Type: text/plain; format=flowed\r\n\r\n{CAT}");
    let opened = mime::open_message(raw.as_bytes()).expect("opened");
    let fields: Vec<_> = opened
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_str()))
        .collect();
    assert_eq!(fields, ["X-A: b", "Content-Type: text/plain; format=flowed"]);
}

#[test]
fn the_body_of_winmail_dat_is_shown_where_nothing_else_says_it() {
    let footer: &[u8] = b"Content-Type: text/plain\r\n\r\nA footer of the list";
    let html = Tnef::default().html("<p>Gr\u{fc}\u{df}e von <b>Kelly</b></p>");
    let text = Tnef::default().text("Only in here");
    let part = |tnef: &Tnef| Tnef::part("application/ms-tnef; name=winmail.dat", &tnef.bytes());
    assert_eq!(
        shown(&mixed(&[&part(&text), footer])),
        "Only in here A footer of the list"
    );
    assert_eq!(
        shown(&mixed(&[footer, &part(&text)])),
        "A footer of the list Only in here"
    );
    assert_eq!(shown(&mixed(&[&part(&html)])), "Gr\u{fc}\u{df}e von Kelly");
    assert!(mime::open_message(&mixed(&[&part(&html)])).expect("opened").html[0].contains("<b>Kelly</b>"));
    // Nothing else is in the message.
    let alone = [
        b"From: a@b.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n".as_slice(),
        &part(&text),
    ]
    .concat();
    assert_eq!(shown(&alone), "Only in here");
    assert!(summary(&alone).search_text.contains("only in here"));
    assert_eq!(summary(&alone).subject.as_str(), "s");
}

#[test]
fn a_message_within_winmail_dat_is_a_file_that_can_be_opened() {
    let inner = Tnef::default()
        .subject("Router / box")
        .text("It blinks")
        .file("a.txt", "", b"abc");
    let raw = mixed(&[&Tnef::part(
        "application/ms-tnef",
        &Tnef::default().message(&inner).bytes(),
    )]);
    let found = files(&raw);
    let (name, kind, bytes) = &found[0];
    assert_eq!(
        (name.as_str(), kind.as_str()),
        ("Router box.eml", "message/rfc822")
    );
    assert_eq!(shown(bytes), "It blinks");
    assert_eq!(names(bytes), ["a.txt"]);
}

#[test]
fn what_is_no_whole_winmail_dat_stays_the_file_that_it_is() {
    let whole = offer().bytes();
    for (bytes, expected) in [
        (b"no TNEF".as_slice(), vec!["winmail.dat"]),
        (&whole[..4], vec!["winmail.dat"]),
        // Of a cut one what is whole.
        (
            &whole[..whole.len() - 20],
            vec!["Angebot \u{fc}ber Glasfaser.pdf"],
        ),
    ] {
        let raw = mixed(&[HELLO, &Tnef::part("application/ms-tnef; name=winmail.dat", bytes)]);
        let found = names(&raw);
        assert_eq!(found[..expected.len()], expected);
    }
}

const CAT: &str = "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n";

#[test]
fn files_in_text_are_files_and_the_text_is_without_them() {
    let plain = format!("From: a@b.example\r\nSubject: s\r\n\r\nHello\r\n\r\n{CAT}Bye\r\n{CAT}");
    let quoted = format!(
        "From: a@b.example\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n{}",
        CAT.replace('=', "=3D")
    );
    let base64 = {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(format!("Hello\n{CAT}"));
        format!("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n")
    };
    for (raw, text, expected) in [
        (plain, "Hello Bye", vec!["cat.txt", "cat.txt"]),
        (quoted, "Gr\u{fc}\u{df}e", vec!["cat.txt"]),
        (base64, "Hello", vec!["cat.txt"]),
        (
            format!("Content-Type: application/msword\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n{CAT}"),
            "",
            vec!["cat.txt"],
        ),
        (
            format!(
                "Content-Type: application/msword; name=a.doc\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n{CAT}"
            ),
            "",
            vec!["a.doc"],
        ),
    ] {
        assert_eq!(shown(raw.as_bytes()), text, "{raw}");
        assert_eq!(names(raw.as_bytes()), expected, "{raw}");
        assert!(
            files(raw.as_bytes()).iter().all(|(_, _, bytes)| bytes == b"Cat"),
            "{raw}"
        );
        assert!(!summary(raw.as_bytes()).search_text.contains("0v"), "{raw}");
    }
    let very_old = format!("Subject: s\r\n\r\nHello\r\n\r\n{CAT}Bye\r\n").replace("\r\n", "\r");
    assert_eq!(shown(very_old.as_bytes()), "Hello Bye");
    assert_eq!(names(very_old.as_bytes()), ["cat.txt"]);
    assert_eq!(
        summary(b"Subject: Kept\r\n\r\nbegin 644 a\n#0V%T\nend\n")
            .subject
            .as_str(),
        "Kept"
    );
}

#[test]
fn what_is_within_a_signature_is_shown_and_said_to_be_unchecked() {
    for raw in [
        include_bytes!("smime/opaque-der.eml").as_slice(),
        include_bytes!("smime/opaque-stream.eml"),
    ] {
        assert_eq!(shown(raw), "The reading is attached, Gr\u{fc}\u{df}e.");
        assert_eq!(names(raw), ["reading.csv"]);
        assert_eq!(files(raw)[0].2, b"a;b\n1;2\n");
        let note = mime::open_message(raw).expect("opened").note.unwrap_or_default();
        assert!(
            note.contains("S/MIME signature") && note.contains("not checked"),
            "{note}"
        );
        assert_eq!(summary(raw).subject.as_str(), "Reading");
    }
}

#[test]
fn encrypted_and_signed_mail_says_with_what() {
    let part = |kind: &str, body: &str| format!("Content-Type: {kind}\r\n\r\n{body}").into_bytes();
    let pgp = mixed(&[
        &part("application/pgp-encrypted", "Version: 1"),
        &part("application/octet-stream", "-----BEGIN PGP MESSAGE-----"),
    ]);
    let of = |kind: &str, raw: Vec<u8>| {
        String::from_utf8_lossy(&raw)
            .replace("multipart/mixed", kind)
            .into_bytes()
    };
    let inline =
        b"From: a@b.example\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ\r\n-----END PGP MESSAGE-----\r\n"
            .to_vec();
    let signed_inline =
        b"From: a@b.example\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nHi\r\n".to_vec();
    for (raw, said) in [
        (
            include_bytes!("smime/encrypted.eml").to_vec(),
            "encrypted with S/MIME",
        ),
        (
            include_bytes!("smime/encrypted-gcm.eml").to_vec(),
            "encrypted with S/MIME",
        ),
        (
            of(
                "multipart/encrypted; protocol=\"application/pgp-encrypted\"",
                pgp.clone(),
            ),
            "encrypted with OpenPGP (PGP/MIME)",
        ),
        (pgp, "encrypted with OpenPGP (PGP/MIME)"),
        (inline, "inline PGP"),
        (signed_inline, "OpenPGP signature"),
        (
            of(
                "multipart/signed; protocol=\"application/pgp-signature\"",
                mixed(&[HELLO, &part("application/pgp-signature", "x")]),
            ),
            "OpenPGP signature",
        ),
        (
            of(
                "multipart/signed; protocol=\"application/pkcs7-signature\"",
                mixed(&[HELLO, &part("application/pkcs7-signature", "x")]),
            ),
            "S/MIME signature",
        ),
    ] {
        let note = mime::open_message(&raw).expect("opened").note.unwrap_or_default();
        assert!(note.contains(said), "{said}: {note}");
    }
    assert_eq!(mime::open_message(&mixed(&[HELLO])).expect("opened").note, None);
}

#[test]
fn a_file_is_what_its_sender_had() {
    let picture = [
        b"Content-Type: image/png; name=p.png\r\n\r\n".as_slice(),
        &[b'x'; 9_000],
    ]
    .concat();
    let forwarded = [
        b"Content-Type: message/rfc822\r\n\r\n".as_slice(),
        &mixed(&[HELLO, &picture]),
    ]
    .concat();
    let latin: &[u8] = b"Content-Type: text/csv; charset=iso-8859-1; name=a.csv\r\nContent-Disposition: attachment\r\n\r\nGr\xfc\xdfe";
    let raw = mixed(&[HELLO, &forwarded, latin]);
    let found = files(&raw);
    let (name, _, message) = &found[0];
    assert_eq!(name, "s.eml");
    assert_eq!(
        names(message),
        ["p.png"],
        "with its own files, though the parser was not shown them"
    );
    assert_eq!(files(message)[0].2.len(), 9_000);
    assert_eq!(found[1].2, b"Gr\xfc\xdfe", "in its own charset");
}

#[test]
fn a_name_is_in_the_charset_of_its_message() {
    let encoded = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
    let text = [
        b"Content-Type: text/plain\r\n\r\n".as_slice(),
        &encoded("您好,我想咨询上个月的宽带账单,金额好像不对。谢谢。"),
    ]
    .concat();
    let file = [
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"".as_slice(),
        &encoded("账单.pdf"),
        b"\"\r\n\r\nx",
    ]
    .concat();
    assert_eq!(names(&mixed(&[&text, &file])), ["账单.pdf"]);
}

#[test]
fn invitations_and_contacts_are_read_once() {
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Visit\r\nDTSTART:20261102T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let invite = format!("Content-Type: text/calendar; method=REQUEST\r\n\r\n{calendar}");
    let attached = format!("Content-Type: application/ics; name=invite.ics\r\n\r\n{calendar}");
    let card = b"Content-Type: text/x-vcard; name=k.vcf\r\n\r\nBEGIN:VCARD\r\nFN:Kelly\r\nEMAIL:kelly@out.example\r\nEND:VCARD";
    let opened =
        mime::open_message(&mixed(&[HELLO, invite.as_bytes(), attached.as_bytes(), card])).expect("opened");
    let titles: Vec<_> = opened
        .invitations
        .iter()
        .map(|found| found.title.as_str())
        .collect();
    assert_eq!(titles, ["Visit"]);
    assert_eq!(opened.cards[0].name.as_str(), "Kelly");
}

/// Any bytes at all, and honest ones with some of them changed: read or left alone, with places that lead back.
#[test]
fn damaged_files_within_files_end_in_an_answer() {
    let seeds = [
        mixed(&[
            HELLO,
            &Tnef::part(
                "application/ms-tnef",
                &offer().html("<p>x</p>").message(&offer()).bytes(),
            ),
        ]),
        format!("Subject: s\r\n\r\nHello\r\n{CAT}").into_bytes(),
        include_bytes!("smime/opaque-stream.eml").to_vec(),
        include_bytes!("smime/opaque-der.eml").to_vec(),
    ];
    let wrapped = [
        offer().rtf("{\\rtf1 {\\b x}\\'e4\\u8364?}").bytes(),
        include_bytes!("smime/opaque-der.eml").to_vec(),
    ];
    testkit::mutations::each(600, &seeds, look);
    testkit::mutations::each(600, &wrapped, |bytes| {
        look(&mixed(&[&Tnef::part("application/ms-tnef", bytes)]));
        look(&mixed(&[&Tnef::part("application/pkcs7-mime", bytes)]));
    });
}

fn look(raw: &[u8]) {
    let Ok(summary) = mime::summarise(raw) else {
        return;
    };
    let _ = mime::open_message(raw);
    for file in &summary.attachments {
        let part = mime::open_part(raw, file.place)
            .expect("opened")
            .expect("a place of the summary");
        assert_eq!(part.name, file.name);
    }
}
