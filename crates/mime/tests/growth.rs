//! Foreign bytes cost time in proportion to their number, whatever their shape: each public function on input that was
//! made to cost more.

use std::hint::black_box;

use domain::CleanText;
use domain::EmailAddress;
use domain::Timestamp;
use domain::message::FilePlace;
use domain::message::InternetMessageId;
use mime::Composition;
use mime::ImageSources;
use mime::Mailbox;
use testkit::growth::Shape;
use testkit::growth::superlinear;
use testkit::tnef::Tnef;

fn repeat(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

/// `piece` with a number in place of each `N`.
fn numbered(piece: &str, bytes: usize) -> String {
    let count = bytes / (piece.len() + 4) + 1;
    (0..count)
        .map(|number| piece.replace('N', &number.to_string()))
        .collect()
}

/// Of a body: as text and as HTML.
const TEXTS: &[Shape] = &[
    ("blank lines", |bytes| repeat("\n", bytes)),
    ("blank lines of the wire", |bytes| repeat("\r\n", bytes)),
    ("spaces", |bytes| repeat(" ", bytes)),
    ("quote marks", |bytes| repeat(">", bytes)),
    ("quoted lines", |bytes| repeat("> a\nb\n", bytes)),
    ("attributions", |bytes| {
        repeat("On 1 May 2026 a@b.example wrote:\n", bytes)
    }),
    ("attributions and blank lines", |bytes| {
        repeat("On 1 May a wrote:\n\n\n", bytes)
    }),
    ("attribution above blank lines", |bytes| {
        format!(
            "{}{}",
            repeat("On 1 May a wrote:\n", bytes / 2),
            repeat("\n", bytes / 2)
        )
    }),
    ("labels", |bytes| repeat("From: a\n\n\n", bytes)),
    ("labels of two kinds", |bytes| repeat("Date: a\nFrom: b\n", bytes)),
    ("colons", |bytes| repeat(":", bytes)),
    ("lines of a colon", |bytes| repeat("a:\n", bytes)),
    ("rules", |bytes| repeat("__________\n", bytes)),
    ("rules and blank lines", |bytes| {
        repeat("----------\n\n\n\n", bytes)
    }),
    ("signatures", |bytes| repeat("-- \na\n> b\n", bytes)),
    ("dashes", |bytes| repeat("-", bytes)),
    ("attributions without a quote", |bytes| {
        repeat("On 1 May 2026 at 10:21\na <a@b.example>\n", bytes)
    }),
    ("one long attribution", |bytes| {
        format!("On 1 May 2026 a <a@b.example> {}wrote:\n", repeat("a ", bytes))
    }),
    ("dividers", |bytes| {
        repeat("-----Original Message-----\n\n\n> a\n", bytes)
    }),
    ("a divider of many words", |bytes| {
        format!("-----{}-----\n", repeat("forwarded by ", bytes))
    }),
    ("labels with an empty line each", |bytes| {
        repeat("From: a\n\nSent: b\n\n", bytes)
    }),
    ("labels broken over lines", |bytes| {
        repeat("From: a\nb\nc\nd\n", bytes)
    }),
    ("lines of devices", |bytes| repeat("Sent from my iPhone\n", bytes)),
    ("notices", |bytes| {
        repeat(
            "confidential, for the intended recipient, privileged, legally protected; words and words and more words of it\n\n",
            bytes,
        )
    }),
    ("one long notice", |bytes| {
        repeat("confidential privileged ", bytes)
    }),
    ("short signatures", |bytes| repeat("--\na\n", bytes)),
    ("marks of GroupWise", |bytes| {
        repeat(">>> a 1 May 2026 >>>\n> b\n", bytes)
    }),
    ("blockquotes in one another", |bytes| {
        repeat("<blockquote type=cite>a", bytes)
    }),
    ("headers in elements", |bytes| {
        repeat("<div>On 1 May 2026 a@b.example wrote:<br>x", bytes)
    }),
    ("headers in deep elements", |bytes| {
        format!(
            "{}{}",
            repeat("<div>", 2_400),
            repeat(
                "<p>On 1 May 2026 a@b.example wrote:</p><blockquote>x</blockquote>",
                bytes
            )
        )
    }),
    ("what is forwarded in quotes", |bytes| {
        repeat("<div class=gmail_quote>---- Forwarded message ----<br>", bytes)
    }),
    ("quotes and answers", |bytes| {
        repeat("<blockquote type=cite>a</blockquote><td>b", bytes)
    }),
    ("preformatted lines", |bytes| {
        format!("<pre>{}", repeat("> a\nb\n", bytes))
    }),
    ("brackets", |bytes| repeat("[", bytes)),
    ("parentheses", |bytes| repeat("(", bytes)),
    ("quotes", |bytes| repeat("\"", bytes)),
    ("semicolons", |bytes| repeat(";", bytes)),
    ("a long word", |bytes| repeat("x", bytes)),
    ("a long word of marks", |bytes| repeat("e\u{301}", bytes)),
    ("marks alone", |bytes| repeat("\u{301}\u{316}", bytes)),
    ("words without spaces", |bytes| repeat("请付", bytes)),
    ("ampersands", |bytes| repeat("&", bytes)),
    ("entities", |bytes| repeat("&amp;&#x26;&lt;", bytes)),
    ("entities without an end", |bytes| repeat("&am", bytes)),
    ("signs of tags", |bytes| repeat("<", bytes)),
    ("tags without an end", |bytes| repeat("<a ", bytes)),
    ("tags that are closed elsewhere", |bytes| {
        repeat("<a href=\"", bytes)
    }),
    ("elements", |bytes| repeat("<b>x</b>", bytes)),
    ("elements in one another", |bytes| repeat("<div>", bytes)),
    ("elements closed by other names", |bytes| {
        repeat("<div></x>", bytes)
    }),
    ("elements closed in comments", |bytes| {
        repeat("<div><!--</div>-->", bytes)
    }),
    ("elements closed in attributes", |bytes| {
        repeat("<div title=\"</div>\">", bytes)
    }),
    ("elements closed in tables", |bytes| {
        repeat("<div><table><td></div>", bytes)
    }),
    ("elements closed by nothing", |bytes| {
        repeat("</div></b></x>", bytes)
    }),
    ("looks that go on", |bytes| {
        format!("<p>{}{}", numbered("<font size=N>", 2_500), repeat("<p>x", bytes))
    }),
    ("looks of their own", |bytes| numbered("<font size=N><p>", bytes)),
    ("links in one another", |bytes| repeat("<a href=x><div>", bytes)),
    ("comments", |bytes| repeat("<!-- a -->", bytes)),
    ("comments without an end", |bytes| repeat("<!-- ", bytes)),
    ("attributes", |bytes| {
        format!("<b {}>x</b>", numbered("aN=1 ", bytes))
    }),
    ("links", |bytes| {
        repeat("<a href=\"https://evil.example\">bank.com</a>", bytes)
    }),
    ("links without an end", |bytes| {
        repeat("<a href=\"https://evil.example\">bank.com", bytes)
    }),
    ("links that are none", |bytes| {
        repeat("<a href=\"http://[\">x</a>", bytes)
    }),
    ("one long link", |bytes| {
        format!(
            "<a href=\"https://{0}.example/{0}\">https://{0}.com</a>",
            repeat("xn--a.", bytes / 3)
        )
    }),
    ("images", |bytes| numbered("<img src=\"cid:N\">", bytes)),
    ("quotes in HTML", |bytes| {
        repeat("<p>On 1 May a wrote:</p><blockquote>x</blockquote>", bytes)
    }),
    ("rules above quotes", |bytes| {
        repeat("<div style=\"border-top:solid\"><b>From:</b>x</div>", bytes)
    }),
    ("style sheets", |bytes| {
        repeat("<style>p{color:red}</style><p>x</p>", bytes)
    }),
    ("a style sheet for many", |bytes| {
        let rules = numbered(".cN{color:red}", bytes / 2);
        format!("<style>{rules}</style>{}", numbered("<p class=cN>x", bytes / 2))
    }),
    ("rules that match all", |bytes| {
        format!(
            "<style>{}</style>{}",
            repeat("p{color:red}", bytes / 2),
            repeat("<p>", bytes / 2)
        )
    }),
    ("a long selector", |bytes| {
        format!(
            "<style>{}{{color:red}}</style>{}",
            repeat("b ", bytes / 2),
            repeat("<b>x</b>", bytes / 2)
        )
    }),
    ("selectors of one rule", |bytes| {
        format!(
            "<style>{}b{{color:red}}</style>{}",
            repeat("p,", bytes / 2),
            repeat("<p>", bytes / 2)
        )
    }),
    ("a long selector and what is in one another", |bytes| {
        let nested = format!("{}{}", repeat("<b>", 600), repeat("<i>x</i>", bytes / 2));
        format!("<style>{}u{{color:red}}</style>{nested}", repeat("b ", bytes / 2))
    }),
    ("declarations", |bytes| {
        format!("<p style=\"{}\">x", repeat("color:red;", bytes))
    }),
    ("a value in parentheses", |bytes| {
        format!("<p style=\"width:{}\">x", repeat("calc(", bytes))
    }),
    ("classes", |bytes| {
        format!("<div class=\"{}\">x", repeat("x_ ", bytes))
    }),
    ("table cells", |bytes| repeat("<table><tr><td>x</table>", bytes)),
    ("text in tables", |bytes| {
        format!("<table>{}", repeat("x<b>", bytes))
    }),
    ("choices", |bytes| repeat("<select><option>x", bytes)),
    ("pictures drawn", |bytes| {
        repeat("<svg><![CDATA[></div>]]></svg><div>", bytes)
    }),
    ("templates", |bytes| repeat("<template>", bytes)),
];

fn with_header(field: &str) -> String {
    format!("From: a@b.example\r\n{field}\r\n\r\nhi\r\n")
}

fn mixed(parts: &str) -> String {
    format!("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n")
}

/// Of a whole message.
const MAILS: &[Shape] = &[
    ("many header fields", |bytes| {
        with_header(&numbered("X-N: y\r\n", bytes))
    }),
    ("a folded field", |bytes| {
        with_header(&format!("Subject: {}", repeat("a\r\n ", bytes)))
    }),
    ("a field of nothing but folds", |bytes| {
        with_header(&format!("To:{}", repeat("\r\n ", bytes)))
    }),
    ("addresses", |bytes| {
        with_header(&format!("To: {}", numbered("aN@b.example,", bytes)))
    }),
    ("commas", |bytes| {
        with_header(&format!("To: {}", repeat(",", bytes)))
    }),
    ("semicolons in addresses", |bytes| {
        with_header(&format!("Cc: {}", repeat("a:;", bytes)))
    }),
    ("angles", |bytes| {
        with_header(&format!("From: {}", repeat("<", bytes)))
    }),
    ("ats", |bytes| {
        with_header(&format!("From: {}", repeat("@", bytes)))
    }),
    ("comments", |bytes| {
        with_header(&format!("From: {}", repeat("(", bytes)))
    }),
    ("comments that end", |bytes| {
        with_header(&format!("From: {}a@b.example", repeat("()", bytes)))
    }),
    ("quoted strings", |bytes| {
        with_header(&format!("From: {}", repeat("\"a\" ", bytes)))
    }),
    ("backslashes", |bytes| {
        with_header(&format!("From: \"{}", repeat("\\", bytes)))
    }),
    ("encoded words", |bytes| {
        with_header(&format!("Subject: {}", repeat("=?utf-8?q?=C3=BC?= ", bytes)))
    }),
    ("encoded words in names", |bytes| {
        with_header(&format!(
            "From: {}<a@b.example>",
            repeat("=?utf-8?b?w7w=?= ", bytes)
        ))
    }),
    ("encoded words without an end", |bytes| {
        with_header(&format!("Subject: {}", repeat("=?utf-8?q?a", bytes)))
    }),
    ("encoded words that only begin", |bytes| {
        with_header(&format!("Subject: {}", repeat("=?", bytes)))
    }),
    ("encoded words that begin in names", |bytes| {
        with_header(&format!("To: {}", repeat("=?a?q?", bytes)))
    }),
    ("encoded words that are cut", |bytes| {
        with_header(&format!(
            "Subject: {}",
            repeat("=?utf-8?b?0?=\r\n =?utf-8?q?=D1?= x", bytes)
        ))
    }),
    ("encoded words with question marks", |bytes| {
        with_header(&format!("Subject: =?utf-8?q?{}", repeat("?=20", bytes)))
    }),
    ("encoded words in parameters", |bytes| {
        with_header(&format!(
            "Content-Type: text/plain; name={}",
            repeat("=?utf-8?q?=22?= ", bytes)
        ))
    }),
    ("names without addresses", |bytes| {
        with_header(&format!("From: {}", repeat("Sanders, ", bytes)))
    }),
    ("words before an address", |bytes| {
        with_header(&format!("From: {}a@b.example", repeat("Kelly ", bytes)))
    }),
    ("words amid which an address stands", |bytes| {
        with_header(&format!("From: <{} a@b.example>", repeat("Kelly ", bytes)))
    }),
    ("groups", |bytes| {
        with_header(&format!("To: {}", repeat("a: b@c.example, d;", bytes)))
    }),
    ("escaped quotes", |bytes| {
        with_header(&format!("From: {}", repeat("\"\\\"", bytes)))
    }),
    ("angles that end at the end", |bytes| {
        with_header(&format!("From: {}>", repeat("<a", bytes)))
    }),
    ("lines that are no fields", |bytes| {
        format!(
            "From: a@b.example\r\n{}\r\nhi",
            repeat("broken\r\nSubject: a\r\n", bytes)
        )
    }),
    ("white space amid fields", |bytes| {
        format!(
            "From: a@b.example\r\n{}\r\nhi",
            repeat(" \r\nSubject: a\r\n", bytes)
        )
    }),
    ("lines that end in CR", |bytes| {
        repeat("From: a@b.example\rX: y\r\rhi\r--b\r", bytes)
    }),
    ("multiparts whose boundary is not met", |bytes| {
        mixed(&repeat(
            "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--d\r\nx\r\n",
            bytes,
        ))
    }),
    ("boundaries that are guessed", |bytes| {
        numbered("Content-Type: multipart/mixed\r\n\r\n--bN\r\n", bytes)
    }),
    ("messages that are empty", |bytes| {
        mixed(&repeat("--b\r\nContent-Type: message/rfc822\r\n\r\n", bytes))
    }),
    ("base64 that is damaged", |bytes| {
        with_header(&format!(
            "Content-Transfer-Encoding: base64\r\n\r\n{}",
            repeat("QUJD=QQ\r\nno letters, of it\r\n", bytes)
        ))
    }),
    ("quoted-printable that is damaged", |bytes| {
        with_header(&format!(
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
            repeat("=C3=B=ZZ= \r\n===", bytes)
        ))
    }),
    ("pictures between texts", |bytes| {
        let picture = "--b\r\nContent-Type: image/png\r\n\r\nx\r\n";
        mixed(&repeat(
            &format!("--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n{picture}"),
            bytes,
        ))
    }),
    ("references", |bytes| {
        with_header(&format!("References: {}", numbered("<N@b> ", bytes)))
    }),
    ("references without an end", |bytes| {
        with_header(&format!("References: {}", repeat("<", bytes)))
    }),
    ("results of servers", |bytes| {
        with_header(&repeat(
            "Received: by mx.example;\r\nAuthentication-Results: mx.example; dmarc=pass\r\n",
            bytes,
        ))
    }),
    ("a long result", |bytes| {
        with_header(&format!(
            "Authentication-Results: mx.example{}",
            repeat("; dkim = pass ( ) \"", bytes)
        ))
    }),
    ("dates", |bytes| {
        with_header(&format!("Date: {}", repeat("Mon, 1 ", bytes)))
    }),
    ("parameters", |bytes| {
        with_header(&format!("Content-Type: text/plain{}", numbered("; aN=b", bytes)))
    }),
    ("pieces of a name", |bytes| {
        with_header(&format!(
            "Content-Disposition: attachment{}",
            numbered("; filename*N*=a", bytes)
        ))
    }),
    ("pieces of a name backwards", |bytes| {
        let mut pieces: Vec<String> = (0..bytes / 14)
            .map(|number| format!("; name*{number}=a"))
            .collect();
        pieces.reverse();
        with_header(&format!("Content-Type: text/plain{}", pieces.concat()))
    }),
    ("boundaries named again", |bytes| {
        with_header(&format!(
            "Content-Type: multipart/mixed; {}",
            repeat("boundary ", bytes)
        ))
    }),
    ("parts", |bytes| mixed(&repeat("--b\r\n\r\nx\r\n", bytes))),
    ("parts of HTML", |bytes| {
        mixed(&repeat("--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n", bytes))
    }),
    ("files", |bytes| {
        mixed(&numbered(
            "--b\r\nContent-Type: image/png; name=\"N.png\"\r\nContent-ID: <N>\r\n\r\nx\r\n",
            bytes,
        ))
    }),
    ("files that the parser is not shown", |bytes| {
        let file = format!("--b\r\nContent-Type: image/png\r\n\r\n{}\r\n", repeat("x", 4_200));
        mixed(&repeat(&file, bytes))
    }),
    ("pictures beside the HTML that names them", |bytes| {
        let html = numbered("<img src=\"cid:N\">", bytes / 2);
        let pictures = numbered(
            "--b\r\nContent-Type: image/png\r\nContent-ID: <N>\r\n\r\nx\r\n",
            bytes / 2,
        );
        mixed(&format!(
            "--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n{pictures}"
        ))
    }),
    ("parts in one another", |bytes| {
        numbered(
            "Content-Type: multipart/mixed; boundary=bN\r\n\r\n--bN\r\n",
            bytes,
        )
    }),
    ("messages in one another", |bytes| {
        repeat("Content-Type: message/rfc822\r\n\r\n", bytes)
    }),
    ("lines that are nearly boundaries", |bytes| {
        mixed(&repeat("--bb\r\n", bytes))
    }),
    ("boundaries that close", |bytes| {
        mixed(&repeat("--b--\r\n", bytes))
    }),
    ("soft line breaks", |bytes| {
        with_header(&format!(
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
            repeat("=\r\n", bytes)
        ))
    }),
    ("blank lines in base64", |bytes| {
        with_header(&format!(
            "Content-Transfer-Encoding: base64\r\n\r\n{}",
            repeat("DQoN\r\nCg0K\r\n", bytes)
        ))
    }),
    ("a report of many", |bytes| {
        let status = numbered(
            "Final-Recipient: rfc822; aN@b.example\r\nAction: failed\r\n\r\n",
            bytes,
        );
        let kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=b";
        let part = format!("--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n--b--\r\n");
        with_header(&format!("{kind}\r\n\r\n{part}"))
    }),
    ("a report in plain text", |bytes| {
        came_back(&numbered(
            "<aN@b.example>:\r\n550 5.1.1 no such user\r\n\r\n",
            bytes,
        ))
    }),
    ("a report that begins again and again", |bytes| {
        came_back(&repeat("this is the mail system at host\r\nreason: x\r\n", bytes))
    }),
    ("marks before an address that never comes", |bytes| {
        came_back(&repeat("-- * < ", bytes))
    }),
    ("signs of addresses", |bytes| came_back(&repeat("a@", bytes))),
    ("beginnings of codes", |bytes| came_back(&repeat("550-(", bytes))),
    ("refusals that are about nobody", |bytes| {
        came_back(&repeat("it could not be delivered: 550 5.1.1 no\r\n", bytes))
    }),
    ("folds of a Message-ID", |bytes| {
        came_back(&format!("Message-ID:\r\n{}", repeat(" a\r\n", bytes)))
    }),
    ("a reason without end", |bytes| {
        came_back(&format!("<a@b.example>: {}", repeat("x ", bytes)))
    }),
    ("Message-IDs that are returned", |bytes| {
        came_back(&numbered("Message-ID: <N@b.example>\r\n", bytes))
    }),
    ("fields of a complaint", |bytes| {
        let kind = "Content-Type: multipart/report; report-type=feedback-report; boundary=b";
        let fields = numbered("Original-Rcpt-To: <aN@b.example>\r\n", bytes);
        let part = format!(
            "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n{fields}\r\n--b--\r\n"
        );
        with_header(&format!("{kind}\r\n\r\n{part}"))
    }),
    ("those whom a server could not reach", |bytes| {
        with_header(&format!(
            "X-Failed-Recipients: {}",
            numbered("aN@b.example,", bytes)
        ))
    }),
];

fn came_back(body: &str) -> String {
    with_header(&format!(
        "X-Failed-Recipients: a@b.example\r\n\r\nThis is the mail system at host b.example.\r\n\r\n{body}"
    ))
}

/// Of files: their names, and what they are within.
const FILES: &[Shape] = &[
    ("lines that begin files", |bytes| {
        with_header(&format!("\r\n{}", repeat("begin 644 a\n", bytes)))
    }),
    ("a file in text without an end", |bytes| {
        with_header(&format!("\r\nbegin 644 a\n{}", repeat("#0V%T\n", bytes)))
    }),
    ("files in text", |bytes| {
        with_header(&format!("\r\n{}", repeat("begin 644 a\n#0V%T\n`\nend\n", bytes)))
    }),
    ("files without names", |bytes| {
        mixed(&repeat("--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n", bytes))
    }),
    ("a name of quotes", |bytes| named(&repeat("\" ", bytes))),
    ("names that do not end", |bytes| {
        named(&repeat("a; filename=\"", bytes))
    }),
    ("a name of backslashes", |bytes| named(&repeat("\\\"", bytes))),
    ("a name of words that do not end", |bytes| {
        named(&repeat("=?a?b?!", bytes))
    }),
    ("a name of percent signs", |bytes| named(&repeat("%", bytes))),
    ("fields that name", |bytes| {
        let fields = numbered("Content-Disposition: attachment; filename=N.pdf\r\n", bytes);
        mixed(&format!(
            "--b\r\n{fields}Content-Type: application/pdf\r\n\r\nx\r\n"
        ))
    }),
    ("lines of a contact", |bytes| {
        let lines = numbered("EMAIL:aN@b.example\r\nTEL:N\r\n", bytes);
        mixed(&format!(
            "--b\r\nContent-Type: text/vcard\r\n\r\nBEGIN:VCARD\r\n{lines}END:VCARD\r\n"
        ))
    }),
    ("contacts", |bytes| {
        let cards = numbered("BEGIN:VCARD\r\nFN:N\r\nEND:VCARD\r\n", bytes);
        mixed(&format!("--b\r\nContent-Type: text/vcard\r\n\r\n{cards}\r\n"))
    }),
    ("a folded line of a calendar", |bytes| {
        let line = repeat("a\r\n ", bytes);
        mixed(&format!(
            "--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\nSUMMARY:{line}\r\nEND:VEVENT\r\n"
        ))
    }),
    ("soft lines of a contact", |bytes| {
        let line = repeat("a=\r\n", bytes);
        mixed(&format!(
            "--b\r\nContent-Type: text/vcard\r\n\r\nBEGIN:VCARD\r\nN;ENCODING=QUOTED-PRINTABLE:{line}\r\n"
        ))
    }),
    ("components of a calendar", |bytes| {
        let lines = repeat("BEGIN:VEVENT\r\n", bytes);
        mixed(&format!("--b\r\nContent-Type: text/calendar\r\n\r\n{lines}\r\n"))
    }),
    ("files of a winmail.dat", |bytes| {
        let files = (0..bytes / 80).fold(Tnef::default(), |tnef, _| tnef.file("a.txt", "", b"x"));
        within("application/ms-tnef", &files.bytes())
    }),
    ("properties of a winmail.dat", |bytes| {
        let texts = (0..bytes / 20).fold(Tnef::default(), |tnef, _| tnef.text("x"));
        within("application/ms-tnef", &texts.bytes())
    }),
    ("a long text of a winmail.dat", |bytes| {
        within(
            "application/ms-tnef",
            &Tnef::default().rtf(&repeat("{\\b x}", bytes)).bytes(),
        )
    }),
    ("groups of a winmail.dat", |bytes| {
        within(
            "application/ms-tnef",
            &Tnef::default().rtf(&repeat("{", bytes)).bytes(),
        )
    }),
    ("texts beside many winmail.dat", |bytes| {
        let tnef = Tnef::part(
            "application/ms-tnef",
            &Tnef::default().text("Hello you there").bytes(),
        );
        let pair = format!(
            "--b\r\n\r\nHello\r\n--b\r\n{}\r\n",
            String::from_utf8_lossy(&tnef)
        );
        mixed(&repeat(&pair, bytes))
    }),
    ("pieces of a signed content", |bytes| {
        within("application/pkcs7-mime", &signed(&b"\x04\x01a".repeat(bytes / 3)))
    }),
    ("pieces in pieces of a signed content", |bytes| {
        within("application/pkcs7-mime", &signed(&b"\x24\x80".repeat(bytes / 2)))
    }),
    ("what stands before a signed content", |bytes| {
        within("application/pkcs7-mime", &b"\x30\x80".repeat(bytes / 2))
    }),
];

fn named(name: &str) -> String {
    mixed(&format!(
        "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"{name}\r\n\r\nx\r\n"
    ))
}

fn within(content_type: &str, bytes: &[u8]) -> String {
    let part = Tnef::part(content_type, bytes);
    mixed(&format!("--b\r\n{}\r\n", String::from_utf8_lossy(&part)))
}

/// Up to the content, whose end is not there.
fn signed(content: &[u8]) -> Vec<u8> {
    const START: &[u8] =
        b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\
\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80";
    [START, content, b"\0\0"].concat()
}

fn html_mail(body: &str) -> String {
    format!("From: a@b.example\r\nContent-Type: text/html\r\n\r\n{body}")
}

fn compose(html: &str) {
    let mailbox = Mailbox {
        name: CleanText::cut(html, 500),
        address: EmailAddress::parse("a@b.example").expect("address"),
    };
    black_box(mime::bcc_field(std::slice::from_ref(&mailbox)));
    black_box(mime::compose(&Composition {
        from: mailbox.clone(),
        reply_to: None,
        to: vec![mailbox],
        cc: Vec::new(),
        subject: CleanText::cut(html, 500),
        html: html.to_owned(),
        message_id: InternetMessageId::new("a@b").expect("id"),
        token: "a".into(),
        date: Timestamp::EPOCH,
        in_reply_to: None,
        references: Vec::new(),
        headers: Vec::new(),
        files: Vec::new(),
    }));
}

#[test]
fn a_body_costs_time_in_proportion_to_its_length() {
    let sanitise = |text: &str| {
        drop(black_box(mime::sanitise(
            &[text.to_owned()],
            &ImageSources::default(),
        )))
    };
    let found = superlinear(
        TEXTS,
        &[
            ("split_text", &|text| drop(black_box(mime::split_text(text)))),
            ("sanitise", &sanitise),
            ("clean_html", &|text| drop(black_box(mime::clean_html(text)))),
            ("escape", &|text| drop(black_box(mime::escape(text)))),
            ("compose", &compose),
            ("summarise", &|text| {
                drop(black_box(mime::summarise(html_mail(text).as_bytes())))
            }),
            ("open_message", &|text| {
                drop(black_box(mime::open_message(html_mail(text).as_bytes())))
            }),
        ],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn said_to_be(charset: &str, piece: &str, bytes: usize) -> String {
    let text = repeat(piece, bytes);
    let subject = text.replace('\n', "");
    format!("Subject: {subject}\r\nContent-Type: text/plain; charset={charset}\r\n\r\n{text}")
}

/// Of bytes that are no UTF-8: a character stands for the byte of its number.
const BYTES: &[Shape] = &[
    ("undeclared bytes", |bytes| {
        said_to_be("\"\"", "\u{c4}\u{fa}\u{ba}\u{c3} ", bytes)
    }),
    ("bytes declared wrongly", |bytes| {
        said_to_be("utf-8", "\u{c4}\u{fa}\u{ba}\u{c3} ", bytes)
    }),
    ("bytes of no charset", |bytes| {
        said_to_be("shift_jis", "\u{ff}\u{fe}\u{80}", bytes)
    }),
    ("bytes amid UTF-8", |bytes| {
        said_to_be("utf-8", "\u{c3}\u{bc}\u{c3}\u{bc}\u{fc}", bytes)
    }),
    ("lines amid UTF-8", |bytes| {
        said_to_be("utf-8", "\u{c3}\u{bc}\u{c3}\u{bc}\n\u{fc}\n", bytes)
    }),
    ("bytes that shift", |bytes| {
        said_to_be("iso-2022-jp", "\u{1b}$B\u{1b}(B", bytes)
    }),
    ("bytes that shift in Korean", |bytes| {
        said_to_be("iso-2022-kr", "\u{e}a\u{f}", bytes)
    }),
    ("bytes that shift in Chinese", |bytes| {
        said_to_be("hz-gb-2312", "~{a~}", bytes)
    }),
    ("zeros", |bytes| said_to_be("utf-8", "a\0", bytes)),
    ("bytes amid line ends", |bytes| {
        said_to_be("utf-8", "a\r\r\u{fc}", bytes)
    }),
];

fn bytes_of(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

#[test]
fn any_bytes_cost_time_in_proportion_to_their_number() {
    let found = superlinear(
        BYTES,
        &[
            ("summarise", &|mail| {
                drop(black_box(mime::summarise(&bytes_of(mail))))
            }),
            ("open_message", &|mail| {
                drop(black_box(mime::open_message(&bytes_of(mail))))
            }),
        ],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_message_costs_time_in_proportion_to_its_length() {
    assert_linear(MAILS);
}

#[test]
fn files_cost_time_in_proportion_to_the_length_of_their_message() {
    assert_linear(FILES);
}

fn assert_linear(shapes: &[Shape]) {
    let found = superlinear(
        shapes,
        &[
            ("summarise", &|mail| {
                drop(black_box(mime::summarise(mail.as_bytes())))
            }),
            ("open_message", &|mail| {
                drop(black_box(mime::open_message(mail.as_bytes())))
            }),
            ("open_part", &|mail| {
                drop(black_box(mime::open_part(
                    mail.as_bytes(),
                    FilePlace::of_number(1),
                )))
            }),
            ("written_addresses", &|mail| {
                drop(black_box(mime::written_addresses(mail.as_bytes())))
            }),
            ("author_hints", &|mail| {
                drop(black_box(mime::author_hints(mail.as_bytes())))
            }),
            ("header_addresses", &|mail| {
                drop(black_box(mime::header_addresses(mail.as_bytes())))
            }),
        ],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
