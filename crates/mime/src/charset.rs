//! What bytes are written in: what they say of themselves is believed where it can be, and found out elsewhere.
//!
//! UTF-8 first, for nothing else looks like it by chance; then what is declared, if it can decode its own bytes; then
//! what the detector makes of all that the message leaves open, hinted by what the rest of it declares.

use std::borrow::Cow;
use std::cell::OnceCell;

use chardetng::EncodingDetector;
use chardetng::Iso2022JpDetection;
use chardetng::Utf8Detection;
use encoding_rs::Encoding;
use mail_parser::decoders::charsets::DecoderFnc;
use mail_parser::decoders::charsets::map::charset_decoder;

/// More text of a message does not make the detector surer.
const MAX_EVIDENCE_BYTES: usize = 64 * 1024;
/// Of a message: so many of its texts are asked.
const MAX_PIECES: usize = 200;

/// What a reader says that a message is written in, whatever it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// `None`: nobody knows one of this name.
    pub fn named(name: &str) -> Option<Self> {
        encoding_of(name).map(Charset)
    }

    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A piece of a message, and what it says it is written in.
pub struct Piece<'b> {
    pub bytes: &'b [u8],
    pub label: Option<&'b str>,
}

/// What the texts of one message are written in, where they do not say it rightly.
#[derive(Default)]
pub struct Charsets {
    /// A reader has said so.
    forced: Option<Charset>,
    /// Another part of the message says it, and is right.
    declared: Option<&'static Encoding>,
    /// Another part says it, and has nothing that could be wrong.
    named: Option<&'static Encoding>,
    /// Texts that nothing is said of, and the country of their author.
    evidence: Vec<u8>,
    country: Option<String>,
    /// Found in them when it is first asked for: few messages ask.
    detected: OnceCell<Option<&'static Encoding>>,
}

impl Charsets {
    /// `language`: of Content-Language; `domain`: of the author, whose country says something of the script.
    pub fn of<'b>(
        pieces: impl Iterator<Item = Piece<'b>>,
        language: Option<&str>,
        domain: Option<&str>,
        forced: Option<Charset>,
    ) -> Self {
        let mut charsets = Charsets {
            forced,
            country: country(language, domain).map(str::to_owned),
            ..Charsets::default()
        };
        for piece in pieces.take(MAX_PIECES) {
            let label = piece.label.and_then(declared_of);
            match label.filter(|label| is_telling(label) && decodes(label, piece.bytes)) {
                Some(label) if !piece.bytes.is_ascii() || is_shifted(piece.bytes) => {
                    charsets.declared.get_or_insert(label);
                }
                Some(label) => {
                    charsets.named.get_or_insert(label);
                }
                _ if is_open(piece.bytes) => add_evidence(&mut charsets.evidence, piece.bytes),
                _ => {}
            }
        }
        charsets
    }

    /// Anything as text. U+FFFD stands only for what no charset that comes into question can read.
    pub fn decode<'b>(&self, bytes: &'b [u8], label: Option<&str>) -> Cow<'b, str> {
        if let Some(Charset(forced)) = self.forced.filter(|_| !bytes.is_ascii() || is_shifted(bytes)) {
            return forced.decode_without_bom_handling(bytes).0;
        }
        if let Some((marked, length)) = Encoding::for_bom(bytes) {
            return marked.decode_without_bom_handling(&bytes[length..]).0;
        }
        if let Some(text) = wide(bytes, label) {
            return Cow::Owned(text);
        }
        if bytes.is_ascii() {
            return seven_bit(bytes, label);
        }
        self.eight_bit(bytes, label)
    }

    /// Of an encoded word, which names its own: a reader's word counts where that is in doubt.
    pub fn decode_word<'b>(&self, bytes: &'b [u8], label: &str) -> Cow<'b, str> {
        let is_sure = encoding_of(label) == Some(encoding_rs::UTF_8) && std::str::from_utf8(bytes).is_ok();
        match is_sure {
            true => String::from_utf8_lossy(bytes),
            false => self.decode(bytes, Some(label)),
        }
    }

    fn eight_bit<'b>(&self, bytes: &'b [u8], label: Option<&str>) -> Cow<'b, str> {
        let declared = label.and_then(declared_of);
        if let Some(text) = as_utf8(bytes, declared) {
            return Cow::Borrowed(text);
        }
        if let Some(declared) = declared.filter(|declared| is_telling(declared))
            && let Some(text) = exactly(declared, bytes)
        {
            return text;
        }
        if let Some(decoder) = label
            .filter(|label| encoding_of(label).is_none())
            .and_then(rare_decoder)
        {
            return Cow::Owned(decoder(bytes));
        }
        if is_mostly_utf8(bytes) {
            return Cow::Owned(self.line_by_line(bytes));
        }
        self.by_the_others(bytes, declared)
    }

    /// Undeclared, or declared what cannot be: what the rest of the message is written in.
    fn by_the_others<'b>(&self, bytes: &'b [u8], declared: Option<&'static Encoding>) -> Cow<'b, str> {
        // Somebody has said that it is Latin; only letters in runs say otherwise.
        let western = declared.filter(|declared| is_western(declared));
        if let Some(western) = western.filter(|_| !has_runs(bytes)) {
            return western.decode_without_bom_handling(bytes).0;
        }
        let named = self.named.filter(|named| is_latin(named) || has_runs(bytes));
        let asked = [&|| self.declared, &|| named, &|| self.detected(), &|| {
            Some(detect(bytes, None))
        }] as [&dyn Fn() -> Option<&'static Encoding>; 4];
        let found = asked
            .iter()
            .filter_map(|ask| ask())
            .filter(|found| *found != encoding_rs::UTF_8)
            .filter(|found| western.is_none() || !is_latin(found))
            .find_map(|found| exactly(found, bytes));
        found.unwrap_or_else(|| {
            let last = western.or(declared).unwrap_or(encoding_rs::WINDOWS_1252);
            last.decode_without_bom_handling(bytes).0
        })
    }

    fn detected(&self) -> Option<&'static Encoding> {
        let find = || (!self.evidence.is_empty()).then(|| detect(&self.evidence, self.country.as_deref()));
        *self.detected.get_or_init(find)
    }

    /// UTF-8 into which something else was put, such as the footer of a list.
    fn line_by_line(&self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match std::str::from_utf8(line) {
                Ok(line) => text.push_str(line),
                Err(_) if is_mostly_utf8(line) => push_mixed(&mut text, line),
                Err(_) => text.push_str(&self.by_the_others(line, None)),
            }
        }
        text
    }
}

/// A text file that does not say what it is written in, and the name of what was found where it is not Unicode.
pub fn text_of_file(bytes: &[u8]) -> (Cow<'_, str>, Option<&'static str>) {
    if let Some((marked, length)) = Encoding::for_bom(bytes) {
        return (marked.decode_without_bom_handling(&bytes[length..]).0, None);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), None);
    }
    let found = detect(bytes, None);
    (found.decode_without_bom_handling(bytes).0, Some(found.name()))
}

/// The encoding of a name of one; a forgiving look at it.
pub fn encoding_of(label: &str) -> Option<&'static Encoding> {
    let label = label.trim_matches(|c: char| c.is_whitespace() || "\"'`;,".contains(c));
    let label = label.split(['*', ';', ',']).next()?.trim().to_ascii_lowercase();
    let known = Encoding::for_label_no_replacement(label.as_bytes())
        .or_else(|| Encoding::for_label_no_replacement(label.replace('_', "-").as_bytes()))
        .or_else(|| Encoding::for_label_no_replacement(alias(&label)?.as_bytes()));
    // GB18030 holds all of GBK, which senders outgrow without saying so.
    known.map(|known| match known == encoding_rs::GBK {
        true => encoding_rs::GB18030,
        false => known,
    })
}

/// What a name says of bytes that are not ASCII; the name of ASCII says nothing of those.
fn declared_of(label: &str) -> Option<&'static Encoding> {
    let bare: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let is_ascii = matches!(
        bare.to_ascii_lowercase().as_str(),
        "usascii" | "ascii" | "ansix341968" | "iso646us"
    );
    encoding_of(label).filter(|_| !is_ascii)
}

/// Names that the standard (encoding.spec.whatwg.org) has not, seen in mail.
fn alias(label: &str) -> Option<&'static str> {
    let bare: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let named = match bare.as_str() {
        "utf8mb4" | "utf8utf8" | "unicode11utf8" | "cp65001" => "utf-8",
        "cp936" | "ms936" | "windows936" | "gb231280" | "eucgb2312cn" | "euccn" | "gb18030"
        | "gb180302000" => "gb18030",
        "cp950" | "ms950" | "windows950" | "big5hkscs" | "big5eten" | "cnbig5" => "big5",
        "cp932" | "ms932" | "windows932" | "windows31j" | "xmscp932" | "shiftjis" | "mskanji" => "shift_jis",
        "eucjp" | "ujis" | "xeucjp" => "euc-jp",
        "cp949" | "ms949" | "uhc" | "ksc56011987" | "ksc56011992" | "ksc5601" | "euckr" => "euc-kr",
        "cp50220" | "cp50221" | "cp50222" | "iso2022jp1" | "iso2022jp2" | "iso2022jp3" | "iso2022jpms" => {
            "iso-2022-jp"
        }
        "cp20866" | "koi8" | "koi8r" | "koi" => "koi8-r",
        "cp21866" | "koi8ru" | "koi8u" => "koi8-u",
        "win1251" | "ansi1251" | "windowscyrillic" => "windows-1251",
        "ansi" | "ansix31101983" | "cp1252" | "win1252" | "latin" | "iso8859" | "88591" => "windows-1252",
        "win1250" => "windows-1250",
        _ => return None,
    };
    Some(named)
}

/// Code pages of DOS and the like, which only the parsing library reads.
fn rare_decoder(label: &str) -> Option<DecoderFnc> {
    charset_decoder(label.trim().as_bytes())
}

/// UTF-16, by its name or by its zeros.
fn wide(bytes: &[u8], label: Option<&str>) -> Option<String> {
    let zeros = memchr::memchr_iter(0, bytes).count();
    if zeros * 3 < bytes.len() || bytes.len() < 4 {
        return None;
    }
    let at_even = bytes.iter().step_by(2).filter(|byte| **byte == 0).count();
    let by_zeros = match at_even * 2 > zeros {
        true => encoding_rs::UTF_16BE,
        false => encoding_rs::UTF_16LE,
    };
    let named = label
        .and_then(encoding_of)
        .filter(|label| *label == encoding_rs::UTF_16BE);
    Some(
        named
            .unwrap_or(by_zeros)
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
    )
}

/// Bytes without the eighth bit may still be no ASCII.
fn seven_bit<'b>(bytes: &'b [u8], label: Option<&str>) -> Cow<'b, str> {
    let plain = || String::from_utf8_lossy(bytes);
    let label = label.unwrap_or_default().trim().to_ascii_lowercase();
    if is_shifted(bytes) && label != "iso-2022-kr" && label != "csiso2022kr" {
        return shifted(bytes);
    }
    match label.as_str() {
        "iso-2022-kr" | "csiso2022kr" => {
            Cow::Owned(eighth_bit_between(bytes, b"\x0e", b"\x0f", encoding_rs::EUC_KR))
        }
        "hz-gb-2312" | "hz" => Cow::Owned(eighth_bit_between(bytes, b"~{", b"~}", encoding_rs::GBK)),
        "utf-7" | "unicode-1-1-utf-7" | "csutf7" => {
            rare_decoder("utf-7").map_or_else(plain, |decode| Cow::Owned(decode(bytes)))
        }
        _ => plain(),
    }
}

/// ISO-2022-JP; of escapes that follow each other, as where words of a header meet, the last one counts.
fn shifted(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(text) = exactly(encoding_rs::ISO_2022_JP, bytes) {
        return text;
    }
    const LENGTH: usize = 3;
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let is_vain = bytes[at] == 0x1b && bytes.get(at + LENGTH) == Some(&0x1b);
        let length = if is_vain { LENGTH } else { 1 };
        kept.extend(bytes[at..at + length].iter().filter(|_| !is_vain));
        at += length;
    }
    Cow::Owned(
        encoding_rs::ISO_2022_JP
            .decode_without_bom_handling(&kept)
            .0
            .into_owned(),
    )
}

/// RFC 1557, RFC 1843: two bytes for a character between two marks, each without its eighth bit.
fn eighth_bit_between(bytes: &[u8], on: &[u8], off: &[u8], encoding: &'static Encoding) -> String {
    let mut eight = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut is_on = false;
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(on) {
            (is_on, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix(off) {
            (is_on, rest) = (false, after);
        } else if let Some(after) = rest.strip_prefix(b"\x1b$)C") {
            rest = after;
        } else {
            is_on &= *first != b'\n';
            eight.push(if is_on && *first > b' ' {
                *first | 0x80
            } else {
                *first
            });
            rest = &rest[1..];
        }
    }
    encoding.decode_without_bom_handling(&eight).0.into_owned()
}

/// An escape of ISO-2022-JP (RFC 1468).
fn is_shifted(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"\x1b$").is_some()
}

/// Something in it is open: neither ASCII nor UTF-8.
fn is_open(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_err()
}

fn add_evidence(evidence: &mut Vec<u8>, bytes: &[u8]) {
    let most = MAX_EVIDENCE_BYTES.saturating_sub(evidence.len()).min(bytes.len());
    evidence.extend_from_slice(&bytes[..most]);
    evidence.push(b'\n');
}

fn detect(bytes: &[u8], country: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(MAX_EVIDENCE_BYTES)], true);
    let found = detector.guess(country.map(str::as_bytes), Utf8Detection::Deny);
    match found == encoding_rs::GBK {
        true => encoding_rs::GB18030,
        false => found,
    }
}

/// The country whose letters a language has, as the end of a domain name; else that of the author's domain.
fn country<'c>(language: Option<&'c str>, domain: Option<&'c str>) -> Option<&'c str> {
    let by_language = language.map(|language| language.trim().to_ascii_lowercase());
    let by_language = by_language.as_deref().and_then(|language| {
        let is_traditional = ["zh-tw", "zh-hk", "zh-hant"]
            .iter()
            .any(|known| language.starts_with(known));
        match language.get(..2)? {
            "zh" if is_traditional => Some("tw"),
            "zh" => Some("cn"),
            "ja" => Some("jp"),
            "ko" => Some("kr"),
            "uk" => Some("ua"),
            "be" => Some("by"),
            "cs" => Some("cz"),
            "el" => Some("gr"),
            "he" => Some("il"),
            "ar" => Some("eg"),
            "fa" => Some("ir"),
            "vi" => Some("vn"),
            "ru" => Some("ru"),
            "bg" => Some("bg"),
            "th" => Some("th"),
            "tr" => Some("tr"),
            _ => None,
        }
    });
    let by_domain = || {
        let (_, last) = domain?.rsplit_once('.')?;
        (last.len() == 2 && last.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(last)
    };
    by_language.or_else(by_domain)
}

/// What is declared is known, and can decode its own bytes.
pub fn fits(label: &str, bytes: &[u8]) -> bool {
    bytes.is_ascii() || encoding_of(label).is_some_and(|encoding| decodes(encoding, bytes))
}

fn decodes(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    exactly(encoding, bytes).is_some()
}

fn exactly<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> Option<Cow<'b, str>> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Says more than "some Latin": that is what programs say of bytes that they do not know, and it decodes anything.
fn is_telling(encoding: &Encoding) -> bool {
    encoding != encoding_rs::UTF_8 && !is_western(encoding)
}

fn is_western(encoding: &Encoding) -> bool {
    encoding == encoding_rs::WINDOWS_1252 || encoding == encoding_rs::ISO_8859_15
}

fn is_latin(encoding: &Encoding) -> bool {
    let others = [
        encoding_rs::WINDOWS_1250,
        encoding_rs::WINDOWS_1254,
        encoding_rs::WINDOWS_1257,
        encoding_rs::WINDOWS_1258,
        encoding_rs::ISO_8859_2,
        encoding_rs::ISO_8859_3,
        encoding_rs::ISO_8859_4,
        encoding_rs::ISO_8859_10,
        encoding_rs::ISO_8859_13,
        encoding_rs::ISO_8859_14,
        encoding_rs::ISO_8859_16,
        encoding_rs::MACINTOSH,
    ];
    is_western(encoding) || others.into_iter().any(|other| other == encoding)
}

/// Letters that are not ASCII stand beside each other: so they do in other scripts, and seldom in Latin.
fn has_runs(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let pairs = bytes
        .windows(2)
        .filter(|pair| !pair[0].is_ascii() && !pair[1].is_ascii());
    high >= 4 && pairs.count() * 2 >= high
}

/// Whole, or cut within its last character, which is left out.
fn as_utf8<'b>(bytes: &'b [u8], declared: Option<&'static Encoding>) -> Option<&'b str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if is_cut_off(&bytes[error.valid_up_to()..]) => {
            let whole = std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?;
            (!whole.is_ascii()).then_some(whole)?
        }
        Err(_) => return None,
    };
    // Few characters of two bytes are as well one of another charset, if that is what they say.
    let is_double = declared.is_some_and(|declared| is_telling(declared) && !declared.is_single_byte());
    let is_sure = !is_double || text.chars().any(|c| c.len_utf8() > 2) || text.len() > 40;
    is_sure.then_some(text)
}

/// The beginning of a character, and nothing after it.
fn is_cut_off(rest: &[u8]) -> bool {
    std::str::from_utf8(rest.trim_ascii_end())
        .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// More characters of it than twice the bytes that are none.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += chunk.invalid().len();
    }
    whole >= broken * 2
}

/// Single bytes amid UTF-8 are Latin, as everybody's are who pastes.
fn push_mixed(text: &mut String, line: &[u8]) {
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        let alone = chunk.invalid();
        // The beginning of a character whose rest is missing says nothing.
        match alone.len() == 1 && !matches!(alone[0], 0x80..=0xBF) || alone.is_empty() {
            true => text.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(alone).0),
            false => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people write, short and long, and what old programs send it in.
    const TEXTS: &[(&str, &[&str], &str, &str)] = &[
        (
            "zh-CN",
            &["gb18030", "gbk"],
            "关于宽带账单的问题",
            "您好,我想咨询上个月的宽带账单,金额好像不对。谢谢。",
        ),
        (
            "zh-TW",
            &["big5"],
            "網路帳單問題",
            "您好,請問上個月的帳單金額是否有誤?謝謝您的協助。",
        ),
        (
            "ja",
            &["shift_jis", "euc-jp", "iso-2022-jp"],
            "請求書について",
            "お世話になっております。先月の請求書を再発行していただけますか。",
        ),
        (
            "ko",
            &["euc-kr"],
            "인터넷 요금 문의",
            "안녕하세요. 지난달 인터넷 요금이 이상합니다. 확인 부탁드립니다.",
        ),
        (
            "ru",
            &["koi8-r", "windows-1251", "iso-8859-5", "ibm866"],
            "Вопрос по счёту",
            "Здравствуйте, прошу прислать счёт за прошлый месяц ещё раз. Спасибо.",
        ),
        (
            "uk",
            &["windows-1251", "koi8-u"],
            "Не працює інтернет",
            "Доброго дня! Від учора не працює інтернет, допоможіть, будь ласка. Дякую.",
        ),
        (
            "bg",
            &["windows-1251"],
            "Въпрос за сметката",
            "Здравейте, бих искал да получа сметката за миналия месец. Благодаря.",
        ),
        (
            "el",
            &["windows-1253", "iso-8859-7"],
            "Ερώτηση για τον λογαριασμό",
            "Καλημέρα σας, θα ήθελα τον λογαριασμό του προηγούμενου μήνα. Ευχαριστώ.",
        ),
        (
            "he",
            &["windows-1255"],
            "שאלה על החשבון",
            "שלום, אבקש לקבל את החשבון של החודש שעבר. תודה רבה.",
        ),
        (
            "ar",
            &["windows-1256"],
            "سؤال عن الفاتورة",
            "مرحبا، أود الحصول على فاتورة الشهر الماضي من فضلكم. شكرا جزيلا.",
        ),
        (
            "th",
            &["windows-874"],
            "สอบถามเรื่องบิล",
            "สวัสดีครับ ขอสอบถามเรื่องบิลค่าอินเทอร์เน็ตเดือนที่แล้วครับ ขอบคุณครับ",
        ),
        (
            "de",
            &["windows-1252"],
            "Größe der Rechnung für März",
            "Grüße aus Köln, die Rechnung für März fehlt noch.",
        ),
        (
            "fr",
            &["windows-1252"],
            "Problème de connexion à l’été",
            "Bonjour, la facture du mois dernier n’est pas arrivée. Merci d’avance, Hélène.",
        ),
        (
            "es",
            &["windows-1252"],
            "Añadir línea",
            "Hola, ¿podría añadir una línea más? Muchas gracias, José Muñoz.",
        ),
        (
            "pl",
            &["windows-1250", "iso-8859-2"],
            "Pytanie o fakturę za październik",
            "Dzień dobry, proszę o fakturę za październik. Dziękuję, Łukasz Żółć.",
        ),
        (
            "cs",
            &["windows-1250", "iso-8859-2"],
            "Dotaz k faktuře číslo 7",
            "Dobrý den, posílám dotaz k faktuře číslo sedm. Děkuji, Žofie Nováková.",
        ),
        (
            "hu",
            &["windows-1250"],
            "Kérdés a számlával kapcsolatban",
            "Jó napot, kérem küldjék el újra az előző havi számlát. Köszönöm, Győző.",
        ),
        (
            "tr",
            &["windows-1254"],
            "Fatura hakkında soru",
            "Merhaba, geçen ayın faturasını tekrar gönderir misiniz? Teşekkürler, Şükrü Çağlar.",
        ),
    ];

    fn encoded(label: &str, text: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(label.as_bytes()).expect(label);
        let (bytes, _, has_failed) = encoding.encode(text);
        assert!(!has_failed, "{label} has not all of {text}");
        bytes.into_owned()
    }

    fn of_message(
        subject: &[u8],
        body: &[u8],
        label: Option<&str>,
        language: Option<&str>,
    ) -> (String, String) {
        let pieces = [
            Piece {
                bytes: subject,
                label: None,
            },
            Piece { bytes: body, label },
        ];
        let charsets = Charsets::of(pieces.into_iter(), language, None, None);
        (
            charsets.decode(subject, None).into_owned(),
            charsets.decode(body, label).into_owned(),
        )
    }

    #[test]
    fn what_is_declared_is_read_and_helps_the_rest() {
        for (_, labels, subject, body) in TEXTS {
            for label in *labels {
                let (read, text) =
                    of_message(&encoded(label, subject), &encoded(label, body), Some(label), None);
                assert_eq!((read.as_str(), text.as_str()), (*subject, *body), "{label}");
            }
        }
    }

    #[test]
    fn what_is_not_declared_or_wrongly_is_found_out() {
        let mut wrong = Vec::new();
        for (language, labels, subject, body) in TEXTS {
            for label in *labels {
                let (subject_bytes, body_bytes) = (encoded(label, subject), encoded(label, body));
                for declared in [
                    None,
                    Some("us-ascii"),
                    Some("utf-8"),
                    Some("x-unknown"),
                    Some("iso-8859-1"),
                ] {
                    // Latin letters of other countries are Latin too: nothing tells them from what was declared.
                    if declared == Some("iso-8859-1") && is_latin(encoding_of(label).expect("known")) {
                        continue;
                    }
                    for hint in [None, Some(*language)] {
                        let (read, text) = of_message(&subject_bytes, &body_bytes, declared, hint);
                        if (read.as_str(), text.as_str()) != (*subject, *body) {
                            wrong.push(format!("{label} as {declared:?}, {hint:?}: {read} / {text}"));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_short_name_is_in_the_charset_that_the_text_names() {
        for (label, name) in [
            ("windows-1251", "Иван"),
            ("koi8-r", "Иван"),
            ("gb2312", "李雷"),
            ("big5", "王小明"),
            ("euc-kr", "김민수"),
            ("iso-8859-2", "Żółć"),
        ] {
            let (read, _) = of_message(&encoded(label, name), b"hello", Some(label), None);
            assert_eq!(read, name, "{label}");
        }
        assert_eq!(
            of_message(b"M\xfcller", b"hello", Some("gb2312"), None).0,
            "Müller"
        );
    }

    #[test]
    fn utf8_comes_first() {
        for (_, _, subject, body) in TEXTS {
            for declared in [
                None,
                Some("us-ascii"),
                Some("iso-8859-1"),
                Some("windows-1251"),
                Some("x-unknown"),
                Some("gb2312"),
                Some("koi8-r"),
            ] {
                let (read, text) = of_message(subject.as_bytes(), body.as_bytes(), declared, None);
                assert_eq!((read.as_str(), text.as_str()), (*subject, *body), "{declared:?}");
            }
        }
    }

    #[test]
    fn one_wrong_byte_does_not_spoil_the_rest() {
        for (bytes, label, expected) in [
            (
                &b"Gr\xc3\xbc\xc3\x9fe, M\xfcller"[..],
                Some("utf-8"),
                "Grüße, Müller",
            ),
            (b"Gr\xc3\xbc\xc3\x9fe\nM\xfcller\n", None, "Grüße\nMüller\n"),
            ("Счёт за ок".as_bytes(), Some("utf-8"), "Счёт за ок"),
            (&"Счёт за окт".as_bytes()[..18], Some("utf-8"), "Счёт за ок"),
            (b"Caf\xe9", Some("utf-8"), "Café"),
            (b"Caf\xe9", None, "Café"),
            (b"\xef\xbb\xbfhi", None, "hi"),
            (b"h\0i\0!\0\n\0", Some("utf-16"), "hi!\n"),
            (b"\0h\0i\0!\0\n", Some("utf-8"), "hi!\n"),
            (b"+ZYeB9FH6ckh5Pg-, 1980.", Some("utf-7"), "文致出版社, 1980."),
            (b"\x1b$)C\x0e>H3g\x0f hi", Some("iso-2022-kr"), "안녕 hi"),
            (b"~{<:Ky2;~} hi", Some("hz-gb-2312"), "己所不 hi"),
            (b"\x9b\x9c", Some("ibm850"), "ø£"),
            (
                b"\x93Hello\x94 \x96 it\x92s 5 \x80",
                Some("iso-8859-1"),
                "“Hello” – it’s 5 €",
            ),
        ] {
            assert_eq!(Charsets::default().decode(bytes, label), expected);
        }
    }

    #[test]
    fn a_name_is_known_however_it_is_written() {
        for (label, name) in [
            ("UTF8", "UTF-8"),
            ("\"utf-8\"", "UTF-8"),
            ("utf-8;", "UTF-8"),
            ("utf_8", "UTF-8"),
            ("GB2312", "gb18030"),
            ("x-gbk", "gb18030"),
            ("cp936", "gb18030"),
            ("Windows-31J", "Shift_JIS"),
            ("cp932", "Shift_JIS"),
            ("ks_c_5601-1987", "EUC-KR"),
            ("cp949", "EUC-KR"),
            ("cp1251", "windows-1251"),
            ("win-1251", "windows-1251"),
            ("koi8r", "KOI8-R"),
            ("latin1", "windows-1252"),
            ("ISO_8859-1", "windows-1252"),
            ("ISO8859-15", "ISO-8859-15"),
            ("ANSI_X3.4-1968", "windows-1252"),
            ("iso-2022-jp*ja", "ISO-2022-JP"),
            ("Big5-HKSCS", "Big5"),
        ] {
            assert_eq!(encoding_of(label).map(Encoding::name), Some(name), "{label}");
        }
        for label in ["", "x-unknown", "unknown-8bit", "default", "replacement"] {
            assert_eq!(encoding_of(label), None, "{label}");
        }
    }
}
