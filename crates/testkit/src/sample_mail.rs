//! Believable mail of a small provider's day, in several languages, with files and HTML.

use std::time::Duration;

use crate::people::ALICE;
use crate::people::JOHN;
use crate::people::KELLY;
use crate::people::OLENA;

/// A message and how it lies in the mailbox.
pub struct Sample {
    /// `None`: INBOX.
    pub folder: Option<&'static str>,
    pub raw: String,
    pub seen: bool,
    pub age: Duration,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Oldest first.
pub fn alices_mailbox() -> Vec<Sample> {
    vec![
        inbox(9 * DAY, true, contract()),
        inbox(6 * DAY + 2 * HOUR, true, fibre()),
        inbox(3 * DAY, true, newsletter()),
        inbox(2 * DAY + 5 * HOUR, true, rechnung()),
        inbox(DAY + 3 * HOUR, true, japanese()),
        inbox(5 * HOUR, true, moving()),
        sent(44 * MINUTE, payment_request()),
        inbox(62 * MINUTE, false, router()),
        inbox(16 * MINUTE, false, payment_reply()),
        inbox(4 * MINUTE, false, unknown_author()),
    ]
}

fn inbox(age: u64, seen: bool, raw: String) -> Sample {
    Sample {
        folder: None,
        raw,
        seen,
        age: Duration::from_secs(age),
    }
}

fn sent(age: u64, raw: String) -> Sample {
    Sample {
        folder: Some("Sent"),
        raw,
        seen: true,
        age: Duration::from_secs(age),
    }
}

/// A plain message of now.
pub fn plain(from: &str, to: &str, subject: &str, text: &str, id: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
}

fn alice() -> String {
    format!("{} <{}>", ALICE.name, ALICE.address)
}

fn kelly() -> String {
    format!("{} <{}>", KELLY.name, KELLY.address)
}

fn contract() -> String {
    plain(
        "Acme Ltd <office@acme.example>",
        &alice(),
        "Re: Contract renewal",
        "We agree to the new terms, please send the contract for signature.\r\n\r\nBest regards\r\nP. Acme",
        "c1@acme.example",
    )
}

fn fibre() -> String {
    plain(
        "=?utf-8?Q?H=C3=A9l=C3=A8ne_Dubois?= <helene@exemple.example>",
        &alice(),
        "=?utf-8?Q?Installation_de_la_fibre?=",
        "Bonjour,\r\n\r\nmardi prochain nous convient très bien, entre 9 h et 12 h. L'interphone est au nom de Dubois.\r\n\r\nMerci,\r\nHélène",
        "f1@exemple.example",
    )
}

fn newsletter() -> String {
    format!(
        "From: Deals <offers@deals.example>\r\nTo: {}\r\nSubject: Your weekly newsletter\r\nMessage-ID: <n1@deals.example>\r\n\
List-Unsubscribe: <https://deals.example/u>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
<html><head><style>h1{{color:#0a5}}</style></head><body style=\"margin:0\"><table width=\"100%\" bgcolor=\"#f2f5f2\"><tr><td align=\"center\">\
<table width=\"560\" style=\"background-color:#ffffff;font-family:Arial,sans-serif\"><tr><td style=\"padding:24px\">\
<h1 style=\"color:#00884d;font-size:22px\">Ten things you did not know about copper</h1>\
<p>Hello! Here is what happened in the world of last-mile networks this week.</p>\
<img src=\"https://deals.example/banner.png\" width=\"512\" height=\"120\" alt=\"Banner\">\
<p><a href=\"https://deals.example/read\" style=\"color:#00884d\">Read on the web</a></p>\
<img src=\"https://deals.example/pixel.gif\" width=\"1\" height=\"1\">\
<script>document.title='owned'</script></td></tr></table></td></tr></table></body></html>\r\n",
        alice()
    )
}

fn rechnung() -> String {
    format!(
        "From: =?utf-8?Q?Caf=C3=A9_Central?= <buero@cafe-central.example>\r\nTo: {}\r\nSubject: Rechnung Oktober\r\n\
Message-ID: <r1@cafe-central.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n\
--b1\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
Sehr geehrte Damen und Herren,\r\n\r\ndie Rechnung f=FCr Oktober liegt bei. Bitte pr=FCfen Sie die Geb=FChr f=FCr =\r\nden zweiten Anschluss.\r\n\r\nMit freundlichen Gr=FC=DFen\r\nCaf=E9 Central\r\n\
--b1\r\nContent-Type: application/pdf; name=\"rechnung-oktober.pdf\"\r\nContent-Disposition: attachment; filename=\"rechnung-oktober.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{PDF}\r\n--b1--\r\n",
        alice()
    )
}

/// "%PDF-1.4 ... %%EOF"
const PDF: &str = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvQ2F0YWxvZy9QYWdlcyAyIDAgUj4+ZW5kb2JqCjIgMCBvYmo8PC9UeXBlL1BhZ2VzL0tpZHNbXS9Db3VudCAwPj5lbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo=";

/// A red square of 8 x 8 pixels.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGOYo6GBFTEMLQkAMBlAQWFSMVEAAAAASUVORK5CYII=";

fn japanese() -> String {
    plain(
        "=?utf-8?B?55Sw5Lit5YGl5LiA?= <tanaka@tokyo.example>",
        &alice(),
        "=?utf-8?B?6KuL5rGC5pu444Gr44Gk44GE44Gm?=",
        "お世話になっております。\r\n\r\n先月の請求書について質問があります。支払い方法を変更できますか。\r\n\r\n田中健一",
        "j1@tokyo.example",
    )
}

fn moving() -> String {
    plain(
        &format!(
            "=?utf-8?B?0J7Qu9C10L3QsCDQmtC+0LLQsNC70LXQvdC60L4=?= <{}>",
            OLENA.address
        ),
        &alice(),
        "=?utf-8?B?0J/QtdGA0LXRl9C30LQg0L3QsCDQvdC+0LLRgyDQsNC00YDQtdGB0YM=?=",
        "Доброго дня,\r\n\r\nз понеділка ми переїжджаємо на нову адресу. Чи можна перенести підключення?\r\n\r\nДякую,\r\nОлена",
        "m1@kyiv.example",
    )
}

fn payment_request() -> String {
    plain(
        &alice(),
        &kelly(),
        "payment account",
        "Hello Kelly,\r\n\r\nplease update your payment account in the customer portal.\r\n\r\nBest regards,\r\nAlice",
        "p1@isp.example",
    )
}

fn router() -> String {
    plain(
        &format!("{} <{}>", JOHN.name, JOHN.address),
        &alice(),
        "Router keeps restarting",
        "Hi,\r\n\r\nsince yesterday evening the light goes red every ten minutes and the connection drops.\r\nCould you have a look?\r\n\r\nJohn",
        "ro1@out.example",
    )
}

fn payment_reply() -> String {
    format!(
        "From: {}\r\nTo: {}\r\nSubject: Re: payment account\r\nMessage-ID: <p2@out.example>\r\nIn-Reply-To: <p1@isp.example>\r\nReferences: <p1@isp.example>\r\n\
MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"m\"\r\n\r\n\
--m\r\nContent-Type: multipart/related; boundary=\"r\"\r\n\r\n--r\r\nContent-Type: multipart/alternative; boundary=\"a\"\r\n\r\n\
--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi!\r\n\r\nPlease clarify how I can do this. I attached the letter that I got from the bank.\r\n\r\nKelly Sanders\r\n\r\n> please update your payment account\r\n\
--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hi!</p><p>Please clarify how I can do this. I attached the letter that I got from the bank.</p><p>Kelly Sanders <img src=\"cid:logo@out\" width=\"16\" height=\"16\" alt=\"\"></p>\
<p><img src=\"https://tracker.example/open.gif\"><img src=\"https://tracker.example/two.gif\"></p><blockquote>please update your payment account</blockquote>\r\n--a--\r\n\
--r\r\nContent-Type: image/png\r\nContent-ID: <logo@out>\r\nContent-Disposition: inline; filename=\"logo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{PNG}\r\n--r--\r\n\
--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"bank-letter.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{PDF}\r\n--m--\r\n",
        kelly(),
        alice()
    )
}

fn unknown_author() -> String {
    plain(
        "nadeem.w@example.net",
        &alice(),
        "Testing IMAP",
        "IMAP testing, before I move my account to you. Do you offer a static address?",
        "u1@example.net",
    )
}
