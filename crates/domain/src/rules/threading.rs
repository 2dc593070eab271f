//! Which thread a message belongs to.
//!
//! Pure. Message-ID and References are chosen by the sender, so they never join alone: the sender must
//! already take part in what is referred to (invariant 9). `service::intake` looks the candidates up.

use std::time::Duration;

use crate::address::EmailAddress;
use crate::id::ThreadId;
use crate::message::InternetMessageId;
use crate::time::Timestamp;

/// Of References the newest are looked up; mail programs keep the first and cut in the middle.
pub const MAX_REFERENCES: usize = 100;
/// A reply without References is joined by its subject for this long.
pub const SUBJECT_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// A stored message that the new one names, or that names the new one.
#[derive(Clone, Debug)]
pub struct Referred {
    pub thread: ThreadId,
    /// Who wrote the one of the two that names the other.
    pub referring_author: Option<EmailAddress>,
    /// From, Reply-To, To and Cc of the thread of the one that is named.
    pub participants: Vec<EmailAddress>,
    /// The Message-ID that is named holds our keyed token: who names it has had the message.
    pub has_our_token: bool,
    pub has_same_subject: bool,
}

/// A thread with the same subject.
#[derive(Clone, Debug)]
pub struct SameSubject {
    pub thread: ThreadId,
    pub last_at: Timestamp,
    pub outside: Vec<EmailAddress>,
}

/// What of the new message counts for joining by subject.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    pub has_references: bool,
    pub has_reply_prefix: bool,
    pub at: Timestamp,
    /// Its addresses less the owner's own.
    pub outside: &'a [EmailAddress],
}

/// `outside`: the addresses of the new message less the owner's own. Where a Message-ID was used twice, the thread with
/// the same people and the same subject is meant.
pub fn join_by_reference(referred: &[Referred], outside: &[EmailAddress]) -> Option<ThreadId> {
    let rank = |candidate: &&Referred| (meets(candidate, outside), candidate.has_same_subject);
    let candidates = referred.iter().filter(|candidate| takes_part(candidate));
    // The first of the best; `max_by_key` gives the last.
    candidates
        .rev()
        .max_by_key(rank)
        .map(|candidate| candidate.thread)
}

/// Both name the same third message, or the same conversation ([`conversation_keys`]): weaker than an answer, so that
/// somebody outside must have had mail of the thread, too.
pub fn join_by_sibling(siblings: &[Referred], outside: &[EmailAddress]) -> Option<ThreadId> {
    let mut candidates = siblings.iter();
    let joined = candidates.find(|sibling| takes_part(sibling) && meets(sibling, outside));
    joined.map(|sibling| sibling.thread)
}

/// The same Message-ID on two messages: the same mail by another way (a list, a gateway), if author and subject agree.
pub fn join_twin(twins: &[Referred]) -> Option<ThreadId> {
    let mut twins = twins.iter();
    let joined = twins.find(|twin| twin.has_same_subject && takes_part(twin));
    joined.map(|twin| twin.thread)
}

fn meets(candidate: &Referred, outside: &[EmailAddress]) -> bool {
    outside
        .iter()
        .any(|address| candidate.participants.contains(address))
}

fn takes_part(candidate: &Referred) -> bool {
    candidate.has_our_token
        || candidate
            .referring_author
            .as_ref()
            .is_some_and(|author| candidate.participants.contains(author))
}

pub fn join_by_subject(reply: &Reply<'_>, candidates: &[SameSubject]) -> Option<ThreadId> {
    if reply.has_references || !reply.has_reply_prefix {
        return None;
    }
    candidates
        .iter()
        .filter(|thread| reply.at.since(thread.last_at) <= SUBJECT_WINDOW)
        .find(|thread| {
            thread
                .outside
                .iter()
                .any(|address| reply.outside.contains(address))
        })
        .map(|thread| thread.thread)
}

/// Reply and forward prefixes of mail programs in their languages, lower case, without the colon.
const REPLY_PREFIXES: &[&str] = &[
    // Of most, in Latin letters.
    "re",
    "r",
    "ref",
    "aw",
    "antw",
    "antwort",
    "sv",
    "vs",
    "odp",
    "ynt",
    "yanıt",
    "cevap",
    "respuesta",
    "resposta",
    "risposta",
    "erantz",
    "erantz.",
    "cvp",
    "res",
    "rés",
    "rép",
    "rép.",
    "réponse",
    "resp",
    "rif",
    "risp",
    "svar",
    "vast",
    "vá",
    "vál",
    "válasz",
    "atb",
    "atbilde",
    "bls",
    "balas",
    "hồi âm",
    "trả lời",
    "odg",
    "odgovor",
    "odpověď",
    "odpoveď",
    "răsp",
    "răspuns",
    "rhs",
    "antw.",
    "aw.",
    // In others.
    "отв",
    "отв.",
    "ответ",
    "на",
    "відп",
    "відповідь",
    "адк",
    "απ",
    "απάντηση",
    "σχετ",
    "רד",
    "תגובה",
    "השב",
    "رد",
    "الرد",
    "پاسخ",
    "回复",
    "回覆",
    "答复",
    "答覆",
    "回信",
    "返信",
    "회신",
    "답장",
    "ตอบ",
    "ตอบกลับ",
    // Made by programs.
    "automatic reply",
    "auto reply",
    "autoreply",
    "out of office",
    "automatische antwort",
    "abwesenheit",
    "réponse automatique",
    "respuesta automática",
    "resposta automática",
    "risposta automatica",
    "automatisch antwoord",
    "autosvar",
    "automaattinen vastaus",
    "automatická odpověď",
    "odpowiedź automatyczna",
    "automatyczna odpowiedź",
    "автоответ",
    "автоматический ответ",
    "自动回复",
    "自動回覆",
    "自動返信",
    "자동 회신",
    "otomatik yanıt",
];
const FORWARD_PREFIXES: &[&str] = &[
    "fw",
    "fwd",
    "wg",
    "wtr",
    "weitergel",
    "tr",
    "trs",
    "rv",
    "reenv",
    "enc",
    "i",
    "inoltr",
    "vl",
    "vb",
    "vidb",
    "pd",
    "przek",
    "przekaż",
    "doorst",
    "ilt",
    "i̇lt",
    "fwd.",
    "továbbítás",
    "přepos",
    "předán",
    "préd",
    "pāpārs",
    "fpp",
    "terusan",
    "trm",
    "chuyển tiếp",
    "edasi",
    "videresendt",
    "пересл",
    "пер",
    "пересл.",
    "перенапр",
    "πρθ",
    "προώθ",
    "הועבר",
    "נשלח",
    "إعادة توجيه",
    "محول",
    "转发",
    "轉寄",
    "轉發",
    "転送",
    "전달",
    "ส่งต่อ",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    /// Lower case, prefixes and mailing-list tags taken off.
    pub base: String,
    pub has_reply_prefix: bool,
    /// Its first prefix is that of a forward: what it holds is passed on, and not answered.
    pub is_forward: bool,
}

/// `AW: Re[2]: [list] Invoice` and `Invoice` have the same base.
pub fn subject_key(subject: &str) -> SubjectKey {
    let mut rest = subject.trim();
    let mut has_reply_prefix = false;
    let mut is_forward = None;
    loop {
        if let Some(inner) = without_forward_marks(rest) {
            is_forward.get_or_insert(true);
            rest = inner;
        } else if let Some((prefix, after)) = take_prefix(rest) {
            has_reply_prefix |= prefix == Prefix::Reply;
            if prefix != Prefix::Tag {
                is_forward.get_or_insert(prefix == Prefix::Forward);
            }
            rest = after;
        } else {
            break;
        }
    }
    SubjectKey {
        base: rest.to_lowercase(),
        has_reply_prefix,
        is_forward: is_forward.unwrap_or(false),
    }
}

#[derive(PartialEq, Eq)]
enum Prefix {
    Reply,
    Forward,
    /// Of a mailing list.
    Tag,
}

fn take_prefix(subject: &str) -> Option<(Prefix, &str)> {
    if let Some(after) = take_tag(subject) {
        return Some((Prefix::Tag, after));
    }
    let end = subject.find([':', '：'])?;
    let after = subject[end..].trim_start_matches([':', '：']).trim_start();
    let word = subject[..end].trim().to_lowercase();
    let word = word.split(['[', '(']).next().unwrap_or_default().trim();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '^' | '*' | '-' | ' '));
    if REPLY_PREFIXES.contains(&word) {
        Some((Prefix::Reply, after))
    } else if FORWARD_PREFIXES.contains(&word) {
        Some((Prefix::Forward, after))
    } else {
        None
    }
}

/// What lists, gateways and filters put before a subject: `[list]`, `*EXT*`, `***SPAM***`, `External:`. Never the whole.
fn take_tag(subject: &str) -> Option<&str> {
    const NAMED: [&str; 7] = [
        "external", "extern", "externe", "externo", "ext", "spam", "caution",
    ];
    let (tag, after) = match subject.chars().next()? {
        '[' => subject[1..].split_once(']')?,
        '{' => subject[1..].split_once('}')?,
        '*' => subject.trim_start_matches('*').split_once('*')?,
        _ => subject
            .split_once(':')
            .filter(|(word, _)| NAMED.contains(&word.to_lowercase().as_str()))?,
    };
    let after = after.trim_start_matches(['*', ' ', '\t']);
    let is_tag = !after.is_empty() && !tag.trim().is_empty() && tag.len() <= 40;
    is_tag.then_some(after)
}

/// The subject from where its sender began it: what gateways put before it is off.
pub fn without_tags(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(after) = take_tag(rest) {
        rest = after;
    }
    rest
}

/// RFC 5256 §2.1: `[Fwd: Invoice]` and `Invoice (fwd)` of old programs.
fn without_forward_marks(subject: &str) -> Option<&str> {
    let lower_starts = |text: &str, prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if let Some(inner) = subject.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && ["fwd:", "fw:", "wg:"]
            .iter()
            .any(|prefix| lower_starts(inner, prefix))
    {
        return Some(inner.trim());
    }
    let start = subject.len().checked_sub("(fwd)".len())?;
    lower_starts(subject.get(start..)?, "(fwd)").then(|| subject[..start].trim_end())
}

/// Names of the conversation that are no Message-IDs, yet are stored and looked up with those that a message names: a
/// number of a ticket, and what Exchange calls the thread, whose replies keep it when References are lost. No Message-ID
/// is like them, for it holds no space.
pub fn conversation_keys(subject: &str, thread_index: &str, thread_topic: &str) -> Vec<InternetMessageId> {
    let topic = subject_key(if thread_topic.is_empty() {
        subject
    } else {
        thread_topic
    })
    .base;
    // Some programs send the same index with whatever they send: its subject is a part of the name.
    let index = exchange_thread(thread_index).map(|thread| format!("exchange {thread} {topic}"));
    let ticket = ticket(subject).map(|number| format!("ticket {number}"));
    let keys = ticket.into_iter().chain(index);
    keys.filter_map(|key| InternetMessageId::new(&key)).collect()
}

/// The 22 bytes that stay the same in a thread ([MS-OXOMSG] 2.2.1.3); each answer adds five more.
const THREAD_BYTES: usize = 22;

fn exchange_thread(index: &str) -> Option<String> {
    let letters: String = index
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(THREAD_BYTES * 4 / 3)
        .collect();
    let is_base64 = letters
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    // 29 letters hold 21 bytes and six bits: the last two of the 22 tell no thread from another.
    (letters.len() == THREAD_BYTES * 4 / 3 && is_base64).then_some(letters)
}

/// Before the number of a ticket, in the languages of help desks.
const TICKET_WORDS: &[&str] = &[
    "ticket",
    "tickets",
    "ticket-id",
    "ticketid",
    "ticketnr",
    "ticketnummer",
    "ticket-nr",
    "case",
    "request",
    "req",
    "incident",
    "inc",
    "issue",
    "rt",
    "sr",
    "tt",
    "vorgang",
    "vorgangsnummer",
    "vorgangsnr",
    "anfrage",
    "störung",
    "fall",
    "demande",
    "dossier",
    "incidence",
    "caso",
    "solicitud",
    "incidencia",
    "chamado",
    "protocolo",
    "richiesta",
    "pratica",
    "segnalazione",
    "melding",
    "zaak",
    "zgłoszenie",
    "zgłoszenia",
    "sprawa",
    "požadavek",
    "tiket",
    "ärende",
    "sak",
    "sag",
    "tapaus",
    "tukipyyntö",
    "talep",
    "заявка",
    "заявки",
    "обращение",
    "обращения",
    "тикет",
    "запит",
    "звернення",
    "工单",
    "工單",
    "案例",
    "お問い合わせ番号",
    "문의",
];
/// Between such a word and its number.
const NUMBER_WORDS: &[&str] = &[
    "id", "nr", "nr.", "no", "no.", "number", "nummer", "num", "n°", "nº", "№", "numéro", "numer",
];

const BETWEEN_WORDS: [char; 12] = [' ', '[', ']', '(', ')', ':', '：', ',', '#', '№', '|', '\t'];

/// The number of a ticket in a subject: `[#12345]`, `[Ticket-ID: ABC-123]`, `(Case 00123456)`, `Ticket#2026110210`.
pub fn ticket(subject: &str) -> Option<String> {
    let lower = subject.to_lowercase();
    if let Some(reference) = salesforce_reference(&lower) {
        return Some(reference);
    }
    let mut is_after_word = false;
    let mut is_in_brackets = false;
    for piece in lower.split_inclusive(BETWEEN_WORDS) {
        let end = piece.chars().next_back().unwrap_or(' ');
        let word = piece.trim_end_matches(BETWEEN_WORDS);
        if let Some(number) = ticket_number(word, is_in_brackets, is_after_word) {
            return Some(number);
        }
        let is_word = TICKET_WORDS.contains(&word);
        let stays = is_after_word && (word.is_empty() || NUMBER_WORDS.contains(&word));
        is_after_word = is_word || stays || matches!(end, '#' | '№');
        is_in_brackets = match end {
            '[' | '(' | '#' => true,
            ']' | ')' => false,
            _ => is_in_brackets && (end != ' ' || is_after_word),
        };
    }
    None
}

fn ticket_number(word: &str, is_in_brackets: bool, is_after_word: bool) -> Option<String> {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_number = word.len() <= 40
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // A year, or a number of things, is none.
    let is_marked = is_after_word && digits >= if is_in_brackets { 3 } else { 5 };
    let is_key = is_in_brackets && is_project_key(word);
    (is_number && (is_marked || is_key || is_servicenow_number(word))).then(|| word.to_owned())
}

/// `inc0012345`
fn is_servicenow_number(word: &str) -> bool {
    const KINDS: [&str; 6] = ["inc", "ritm", "sctask", "req", "chg", "prb"];
    let mut kinds = KINDS.iter();
    kinds.any(|kind| {
        let number = word.strip_prefix(kind).unwrap_or_default();
        (7..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `ref:_00D20ABC1._50020XYZ42:ref`, of its case.
fn salesforce_reference(lower: &str) -> Option<String> {
    let start = lower.find("ref:_").or_else(|| lower.find("ref:!"))?;
    let (reference, _) = lower[start..].split_once(":ref")?;
    let is_reference = (16..=64).contains(&reference.len()) && !reference.contains(char::is_whitespace);
    is_reference.then(|| reference.to_owned())
}

/// `abc-123`
fn is_project_key(word: &str) -> bool {
    word.split_once('-').is_some_and(|(project, number)| {
        (2..=10).contains(&project.len())
            && project.bytes().all(|byte| byte.is_ascii_alphabetic())
            && (2..=9).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect(text)
    }

    fn thread(number: u128) -> ThreadId {
        ThreadId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_reference_joins_only_who_takes_part() {
        let referred = |author: &str, participants: &[&str]| Referred {
            thread: thread(1),
            referring_author: Some(address(author)),
            participants: participants.iter().map(|text| address(text)).collect(),
            has_our_token: false,
            has_same_subject: false,
        };
        let with_token = Referred {
            has_our_token: true,
            ..referred("assistant@out.example", &["alice@isp.example"])
        };
        for (candidate, joins) in [
            (
                referred("kelly@out.example", &["alice@isp.example", "kelly@out.example"]),
                true,
            ),
            (
                referred(
                    "mallory@evil.example",
                    &["alice@isp.example", "kelly@out.example"],
                ),
                false,
            ),
            (with_token, true),
        ] {
            assert_eq!(join_by_reference(&[candidate], &[]).is_some(), joins);
        }
    }

    #[test]
    fn a_subject_joins_only_replies_to_the_same_person_within_a_month() {
        let day = 24 * 3600;
        let outside = [address("kelly@out.example")];
        let reply = |has_references, has_reply_prefix, at_day: i64| Reply {
            has_references,
            has_reply_prefix,
            at: Timestamp::from_seconds(at_day * day),
            outside: &outside,
        };
        let same = |person: &str| SameSubject {
            thread: thread(2),
            last_at: Timestamp::EPOCH,
            outside: vec![address(person)],
        };
        for (reply, person, joins) in [
            (reply(false, true, 30), "kelly@out.example", true),
            (reply(false, true, 31), "kelly@out.example", false),
            (reply(true, true, 1), "kelly@out.example", false),
            (reply(false, false, 1), "kelly@out.example", false),
            (reply(false, true, 1), "john@out.example", false),
        ] {
            assert_eq!(
                join_by_subject(&reply, &[same(person)]).is_some(),
                joins,
                "{reply:?}"
            );
        }
    }

    #[test]
    fn prefixes_and_list_tags_come_off_a_subject() {
        for (subject, base, reply) in [
            ("Invoice", "invoice", false),
            ("Re: Invoice", "invoice", true),
            ("AW: Re[2]: [list] Invoice", "invoice", true),
            ("Fwd: Invoice", "invoice", false),
            ("回复：发票", "发票", true),
            ("Note: read this", "note: read this", false),
            ("[only a tag]", "[only a tag]", false),
            ("Re:", "", true),
            ("RE[2]: Invoice", "invoice", true),
            ("Re (3): Invoice", "invoice", true),
            ("RE 2: Invoice", "invoice", true),
            ("Antw.: Invoice", "invoice", true),
            ("Rép : Invoice", "invoice", true),
            ("Odp: SV: VS: Invoice", "invoice", true),
            ("Ответ: Invoice", "invoice", true),
            ("На: Invoice", "invoice", true),
            ("ΑΠ: Invoice", "invoice", true),
            ("[EXTERNAL] AW: [#12345] Invoice", "invoice", true),
            ("Automatische Antwort: Invoice", "invoice", true),
            ("İLT: Invoice", "invoice", false),
            ("WG: Invoice", "invoice", false),
            ("PD: Invoice", "invoice", false),
            ("转发：Invoice", "invoice", false),
            ("EXTERNAL: Re: Invoice", "invoice", true),
            ("*EXT* AW: Invoice", "invoice", true),
            ("***SPAM*** Re: Invoice", "invoice", true),
            ("[Fwd: Invoice]", "invoice", false),
            ("Re: [Fwd: Invoice]", "invoice", true),
            ("Invoice (fwd)", "invoice", false),
            ("Re: Invoice (fwd)", "invoice", true),
            ("*important*", "*important*", false),
            ("Cevap: Invoice", "invoice", true),
            ("Respuesta: Invoice", "invoice", true),
            ("Erantz.: Invoice", "invoice", true),
            ("Przekaż: Invoice", "invoice", false),
        ] {
            let key = subject_key(subject);
            assert_eq!(
                (key.base.as_str(), key.has_reply_prefix),
                (base, reply),
                "{subject}"
            );
        }
    }

    #[test]
    fn numbers_of_tickets_are_read_and_other_numbers_are_not() {
        for (subject, number) in [
            ("Re: [#12345] Offer", Some("12345")),
            ("[Ticket#2026110210000012] Offer", Some("2026110210000012")),
            ("AW: [Ticket-ID: ABC-123-45678] Offer", Some("abc-123-45678")),
            ("[Ticket ID: 123456]", Some("123456")),
            ("Offer (Case 00123456)", Some("00123456")),
            ("Offer (Case Number: 00123456)", Some("00123456")),
            ("Offer [isp.example #4711]", Some("4711")),
            ("[ABC-123] Offer", Some("abc-123")),
            ("Ticket 4711001: Offer", Some("4711001")),
            ("Vorgang Nr. 4711001", Some("4711001")),
            ("Заявка №4711001", Some("4711001")),
            ("Re: INC0012345 Offer", Some("inc0012345")),
            ("RITM0012345: Offer", Some("ritm0012345")),
            (
                "Offer [ ref:_00D20ABC1._50020XYZ42:ref ]",
                Some("ref:_00d20abc1._50020xyz42"),
            ),
            (
                "Offer ref:!00D20ABC1.!50020XYZ42:ref",
                Some("ref:!00d20abc1.!50020xyz42"),
            ),
            ("INCH10000 Offer", None),
            ("ref: 4711001", None),
            ("Заявка № 4711001", Some("4711001")),
            ("##47110## Offer", Some("47110")),
            ("Offer", None),
            ("Offer 2026", None),
            ("Request 2026", None),
            ("Offer [2026]", None),
            ("[list] Offer 47110011", None),
            ("Invoice 47110011", None),
            ("Call 0201234567", None),
        ] {
            assert_eq!(ticket(subject).as_deref(), number, "{subject}");
        }
    }

    #[test]
    fn exchange_names_a_thread_by_its_beginning_and_its_topic() {
        let first = "AdvK5Ex0Jm6cBvJ3RUSV0cvmxKSOiA==";
        let answer = "AdvK5Ex0Jm6cBvJ3RUSV0cvmxKSOiAAABhFw";
        let keys = |subject, index, topic| conversation_keys(subject, index, topic);
        assert_eq!(keys("Offer", first, ""), keys("AW: Offer", answer, ""));
        assert_eq!(
            keys("Offer", first, "Offer"),
            keys("Kyllä: Offer", answer, "Offer")
        );
        assert_ne!(
            keys("Offer", first, ""),
            keys("Cable", first, ""),
            "always the same index"
        );
        assert!(keys("Offer", "AQ==", "").is_empty());
        assert!(keys("Offer", "not base64, and long enough to be so", "").is_empty());
    }

    #[test]
    fn a_message_id_used_twice_means_the_one_with_the_same_people_and_subject() {
        let referred = |number, participants: &[&str], has_same_subject| Referred {
            thread: thread(number),
            referring_author: Some(address("alice@isp.example")),
            participants: participants.iter().map(|text| address(text)).collect(),
            has_our_token: false,
            has_same_subject,
        };
        let kelly = [address("kelly@out.example")];
        let foreign = referred(1, &["alice@isp.example", "mallory@evil.example"], true);
        let other = referred(2, &["alice@isp.example", "kelly@out.example"], false);
        let meant = referred(3, &["alice@isp.example", "kelly@out.example"], true);
        let all = [foreign.clone(), other.clone(), meant.clone()];
        assert_eq!(join_by_reference(&all, &kelly), Some(thread(3)));
        assert_eq!(join_by_reference(&all[..2], &kelly), Some(thread(2)));
        assert_eq!(join_by_sibling(&all, &kelly), Some(thread(2)));
        assert_eq!(join_by_sibling(&all[..1], &kelly), None);
        assert_eq!(join_twin(&[other]), None);
        assert_eq!(join_twin(&[meant]), Some(thread(3)));
    }

    #[test]
    fn a_forward_is_told_by_the_first_prefix() {
        for (subject, is_forward) in [
            ("Fwd: Offer", true),
            ("[EXTERNAL] WG: AW: Offer", true),
            ("AW: WG: Offer", false),
            ("Offer", false),
        ] {
            assert_eq!(subject_key(subject).is_forward, is_forward, "{subject}");
        }
    }
}
