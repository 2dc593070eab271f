//! Why a message did not arrive, in words for people. Pure.
//!
//! Servers say it in a code (RFC 3463) and in words of their own; what neither tells is not guessed.

/// What a server said, in plain words; `None`: it stands for itself.
pub fn in_plain_words(said: &str) -> Option<&'static str> {
    let lower = said.to_lowercase();
    // Words first where they are plainer than the code: 5.7.1 stands for twenty things, 5.5.0 for everything.
    by_words(&lower).or_else(|| codes(&lower).find_map(by_code))
}

const NO_SUCH_ADDRESS: &str = "The address does not exist.";
const NO_SUCH_DOMAIN: &str = "The part after the @ does not exist, or takes no mail.";
const MAILBOX_FULL: &str = "The mailbox is full.";
const MAILBOX_OFF: &str = "The mailbox is switched off.";
const TOO_LARGE: &str = "The message is too large for their server.";
const UNWANTED: &str = "Their server took it for unwanted mail.";
const NOT_ALLOWED: &str = "Their server does not let us write to this address.";
const NOT_PROVED: &str = "Our domain could not prove to their server that it sent this.";
const NOT_REACHED: &str = "Their server could not be reached.";
const TOO_LATE: &str = "It could not be delivered in the time that servers try.";
const LOOP: &str = "Their servers send it round in a circle.";
const BUSY: &str = "Their server is busy or out of order.";
const BAD_CONTENT: &str = "Their server does not take messages like this one.";

/// The first that matches counts: what is more exact stands above.
#[rustfmt::skip]
const BY_WORDS: &[(&[&str], &str)] = &[
    (
        &[
            "mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded", "exceeded storage",
            "exceeds allowed size", "out of storage", "insufficient storage", "mailfolder is full", "inbox is full",
            "out of quota", "exceeded its quota", "exceeded quota", "quotaexceeded", "mailbox size limit",
            "postfach voll", "postfach ist voll", "boîte pleine", "boite pleine", "buzón lleno", "casella piena",
            "ящик переполнен", "превышен", "邮箱已满", "信箱已满", "caixa postal cheia", "caixa cheia", "skrzynka przepe",
            "skrzynka pełna", "schránka je plná", "mailbox vol", "posta kutusu dolu", "メールボックスがいっぱい", "사서함이 꽉",
        ],
        MAILBOX_FULL,
    ),
    (
        &[
            "too large", "too big", "size limit", "maximum message size", "message size exceeds", "zu groß",
            "trop volumineux", "demasiado grande", "слишком больш",
        ],
        TOO_LARGE,
    ),
    (
        &[
            "dmarc", "spf check", "spf fail", "mi:spf", "dkim", "unauthenticated", "not authenticated",
            "sender policy framework",
        ],
        NOT_PROVED,
    ),
    (
        &[
            "spam", "blacklist", "blocklist", "block list", "black list", "blocked using", "unsolicited",
            "poor reputation",
            "reputation", "bulk email filter", "content filter", "virus", "blocked by", "listed by", "spamhaus",
        ],
        UNWANTED,
    ),
    (
        &[
            "mailbox disabled", "mailbox is disabled", "account disabled", "account is disabled", "inactive",
            "account has been disabled", "mailbox unavailable or disabled", "account suspended", "account is suspended",
            "deactivated",
        ],
        MAILBOX_OFF,
    ),
    (
        &[
            "host or domain name not found", "domain not found", "host not found", "unknown host", "host unknown",
            "name service error", "nxdomain", "unrouteable mail domain", "unrouteable address", "unrouteable mail",
            "domain does not exist", "no mx", "no such domain", "non-existent host", "nonexistent domain", "nullmx",
            "null mx", "does not accept mail", "bad destination host", "couldn't find any host",
            "domain couldn't be found",
            "domain isn't found", "no mail server", "no mail exchanger", "domain unbekannt",
        ],
        NO_SUCH_DOMAIN,
    ),
    (
        &[
            "user unknown", "unknown user", "no such user", "no such recipient", "no such mailbox", "no such address",
            "does not exist", "doesn't exist", "nobody here", "no mailbox here", "mailbox not found", "user not found",
            "recipient not found", "address not found", "couldn't be found", "could not be found", "wasn't found",
            "not listed in", "unknown recipient", "recipient unknown", "invalid recipient", "invalid mailbox",
            "unknown address", "address unknown", "unknown e-mail", "unknown email", "not a registered",
            "not our customer", "no longer available", "recipnotfound",
            "recipientnotfound", "undeliverable address", "bad address", "bad destination mailbox", "no account",
            "doesn't have a", "not a valid mailbox", "unknown local", "unknown or illegal alias", "isn't a valid",
            "mailbox unavailable", "empfänger unbekannt", "existiert nicht", "n'existe pas", "no existe",
            "non esiste", "não existe", "bestaat niet", "nie istnieje", "не существует", "не найден", "neexistuje",
            "finns inte", "finnes ikke", "findes ikke", "不存在", "見つかりません", "存在しません",
            "recipient address rejected: access denied", "address was not found", "nicht gefunden", "introuvable",
            "no se ha encontrado", "no se encontró", "não foi encontrad", "não foi possível encontrar",
            "non è stato trovato", "niet gevonden", "nie znaleziono", "не удалось найти", "не вдалося знайти",
            "nenašl", "nenalezen", "hittades inte", "ikke fundet", "ikke funnet", "ei löyd", "bulunamadı",
            "nem található", "nu a fost găsit", "找不到", "未找到", "見つかりません", "見つからない", "찾을 수 없", "존재하지 않",
            "usuário desconhecido", "utente sconosciuto", "usuario desconocido", "neexistuj", "nicht vorhanden",
        ],
        NO_SUCH_ADDRESS,
    ),
    (
        &["content rejected", "message content", "banned", "attachment", "smtputf8"],
        BAD_CONTENT,
    ),
    (
        &["loop", "too many hops", "hop count"],
        LOOP,
    ),
    (
        &[
            "retry time not reached", "retry timeout exceeded", "message expired", "expired", "queue too long",
            "could not be delivered for", "delivery time exceeded", "too long in queue",
        ],
        TOO_LATE,
    ),
    (
        &[
            "lookup failure", "lookup failed", "connection timed out", "connection refused", "network is unreachable",
            "no route to host", "not respond",
            "timed out", "couldn't connect", "could not connect", "unable to connect", "connection dropped",
            "lost connection", "unreachable",
        ],
        NOT_REACHED,
    ),
    (
        &[
            "relay access denied", "relaying denied", "relay not permitted", "access denied", "not authorized",
            "not authorised",
            "not permitted", "restricted", "prohibited", "prohibition", "administratively", "permission",
        ],
        NOT_ALLOWED,
    ),
];

fn by_words(lower: &str) -> Option<&'static str> {
    let mut rows = BY_WORDS.iter();
    let row = rows.find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    row.map(|(_, plain)| *plain)
}

/// Class, subject and detail of each enhanced code that stands in a text: `5.1.1`.
fn codes(lower: &str) -> impl Iterator<Item = (u32, u32, u32)> {
    let words = lower.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.filter_map(|word| {
        let mut numbers = word.trim_matches('.').split('.').map(str::parse);
        let (class, subject, detail) = (
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
        );
        let is_code = matches!(class, 2 | 4 | 5) && subject < 8 && numbers.next().is_none();
        is_code.then_some((class, subject, detail))
    })
}

fn by_code((class, subject, detail): (u32, u32, u32)) -> Option<&'static str> {
    Some(match (class, subject, detail) {
        (_, 1, 1 | 3 | 6 | 10) => NO_SUCH_ADDRESS,
        (_, 1, 2) | (5, 4, 4) => NO_SUCH_DOMAIN,
        (_, 2, 1) => MAILBOX_OFF,
        (_, 2, 2) => MAILBOX_FULL,
        (_, 2, 3) | (_, 3, 4) => TOO_LARGE,
        (_, 3, _) => BUSY,
        (_, 4, 6) => LOOP,
        (_, 4, 7) => TOO_LATE,
        (_, 4, _) => NOT_REACHED,
        (_, 6, _) => BAD_CONTENT,
        (_, 7, 20..=26) => NOT_PROVED,
        (_, 7, _) => NOT_ALLOWED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_are_said_plainly() {
        for (said, plain) in [
            (
                "550 5.1.1 <kelly@out.example>: Recipient address rejected",
                Some(NO_SUCH_ADDRESS),
            ),
            (
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found",
                Some(NO_SUCH_ADDRESS),
            ),
            (
                "User kelly (kelly@out.example) not listed in Domino Directory",
                Some(NO_SUCH_ADDRESS),
            ),
            ("552 5.2.2 over quota", Some(MAILBOX_FULL)),
            ("Quota exceeded (mailbox for user is full)", Some(MAILBOX_FULL)),
            ("5.2.2", Some(MAILBOX_FULL)),
            ("552 5.3.4 size", Some(TOO_LARGE)),
            (
                "Host or domain name not found. Name service error for name=out.example",
                Some(NO_SUCH_DOMAIN),
            ),
            ("550 5.7.26 This mail is unauthenticated", Some(NOT_PROVED)),
            (
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen",
                Some(UNWANTED),
            ),
            ("550 5.7.1 go away", Some(NOT_ALLOWED)),
            ("4.4.1", Some(NOT_REACHED)),
            (
                "550 5.7.1 Message content rejected, BANNED: x.bat",
                Some(BAD_CONTENT),
            ),
            (
                "553 5.3.0 <kelly@out.example>... Unknown E-Mail Address",
                Some(NO_SUCH_ADDRESS),
            ),
            (
                "connect to mx.out.example[192.0.2.1]:25: Connection timed out",
                Some(NOT_REACHED),
            ),
            ("4.4.7 Message expired", Some(TOO_LATE)),
            ("451 4.3.0 try again", Some(BUSY)),
            // An address of the network is no code, and a plain number is none.
            ("550 from 5.1.1.7", None),
            ("550 no", None),
            ("", None),
        ] {
            assert_eq!(in_plain_words(said), plain, "{said}");
        }
    }
}
