//! What of a message is quoted: found by the ways of mail programs in their languages, folded, never dropped.

/// A run of lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBlock {
    pub kind: TextKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Own,
    Quote,
    Signature,
}

impl TextKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            TextKind::Own => "own",
            TextKind::Quote => "quote",
            TextKind::Signature => "signature",
        }
    }
}

/// "wrote" as mail programs put it before a quote: the line ends with a colon and holds one of these.
const WROTE: &[&str] = &[
    "wrote",
    "writes",
    "schrieb",
    "a écrit",
    "escribió",
    "va escriure",
    "escreveu",
    "ha scritto",
    "schreef",
    "napisał",
    "pisze",
    "napsal",
    "napísal",
    "skrev",
    "kirjoitti",
    "kirjutas",
    "rašė",
    "rakstīja",
    "írta",
    "a scris",
    "napisao",
    "yazdı",
    "menulis",
    "đã viết",
    "написал",
    "пишет",
    "написав",
    "пише",
    "написа",
    "έγραψε",
    "כתב",
    "كتب",
    "写道",
    "寫道",
    "のメール",
    "書きました",
    "作成:",
    "작성",
];

/// The first label of the block that Outlook and its like put above what they quote whole.
const FROM_LABELS: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "od",
    "fra",
    "från",
    "lähettäjä",
    "feladó",
    "expediteur",
    "expéditeur",
    "kimden",
    "от",
    "від",
    "από",
    "מאת",
    "من",
    "发件人",
    "寄件者",
    "差出人",
    "보낸 사람",
];
const SENT_LABELS: &[&str] = &[
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "enviado",
    "enviada em",
    "fecha",
    "data",
    "inviato",
    "verzonden",
    "wysłano",
    "odesláno",
    "odoslané",
    "skickat",
    "sendt",
    "lähetetty",
    "elküldve",
    "küldve",
    "trimis",
    "gönderilme",
    "gönderildi",
    "tarih",
    "отправлено",
    "дата",
    "надіслано",
    "στάλθηκε",
    "נשלח",
    "تاريخ",
    "发送时间",
    "日期",
    "送信日時",
    "日時",
    "보낸 날짜",
];
/// Between dashes: "-----Original Message-----".
const ORIGINAL: &[&str] = &[
    "original message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "wiadomość oryginalna",
    "původní zpráva",
    "ursprungligt meddelande",
    "oprindelig meddelelse",
    "opprinnelig melding",
    "alkuperäinen viesti",
    "eredeti üzenet",
    "özgün ileti",
    "исходное сообщение",
    "оригінальне повідомлення",
    "原始邮件",
    "原始郵件",
    "元のメッセージ",
    "원본 메시지",
];
/// No label is longer, in any case.
const LABEL_BYTES: usize = 40;
/// An attribution may be broken over so many lines.
const ATTRIBUTION_LINES: usize = 3;
const ATTRIBUTION_CHARS: usize = 300;

/// Plain text in blocks; put together they are the text again.
pub fn split_text(text: &str) -> Vec<TextBlock> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut blocks: Vec<TextBlock> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (kind, count) = run(&lines[at..]);
        let joined = lines[at..at + count].concat();
        match blocks.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(&joined),
            // Blank lines around a quote are nobody's; those after one go with it.
            Some(last) if kind == TextKind::Own && joined.trim().is_empty() => last.text.push_str(&joined),
            _ => blocks.push(TextBlock { kind, text: joined }),
        }
        at += count;
    }
    if text.trim().is_empty() {
        return Vec::new();
    }
    let shows_something = blocks
        .iter()
        .any(|block| block.kind == TextKind::Own && !block.text.trim().is_empty());
    if !shows_something {
        // A message that only forwards something is shown whole.
        return vec![TextBlock {
            kind: TextKind::Own,
            text: text.to_owned(),
        }];
    }
    blocks
}

/// What begins here, and over how many lines; at least one.
fn run(lines: &[&str]) -> (TextKind, usize) {
    let first = lines[0].trim_end();
    if first.trim_start().starts_with('>') {
        return (TextKind::Quote, 1);
    }
    if begins_rest(lines) {
        return (TextKind::Quote, lines.len());
    }
    if let Some(count) = attribution(lines) {
        return (TextKind::Quote, count);
    }
    if first == "--" || first == "-- " || lines[0].trim_end_matches(['\r', '\n']) == "-- " {
        let end = (1..lines.len()).find(|at| run_is_quote(&lines[*at..]));
        return (TextKind::Signature, end.unwrap_or(lines.len()));
    }
    (TextKind::Own, 1)
}

fn run_is_quote(lines: &[&str]) -> bool {
    lines[0].trim_start().starts_with('>') || begins_rest(lines) || attribution(lines).is_some()
}

/// From here to the end it is what is answered or forwarded.
fn begins_rest(lines: &[&str]) -> bool {
    let first = lines[0].trim();
    if !first.starts_with("--") && !first.starts_with("__") {
        return begins_labels(lines);
    }
    let words = first.trim_matches(['-', '_', '=', ' ', '*']).to_lowercase();
    let ruled = words.is_empty() && first.len() >= 10;
    ORIGINAL.contains(&words.as_str()) || begins_labels(if ruled { &lines[1..] } else { lines })
}

/// "From: ..." and, below it, "Sent: ...".
fn begins_labels(lines: &[&str]) -> bool {
    let mut filled = lines.iter().filter(|line| !line.trim().is_empty());
    let from = filled.next().is_some_and(|line| has_label(line, FROM_LABELS));
    from && filled.take(3).any(|line| has_label(line, SENT_LABELS))
}

fn has_label(line: &str, labels: &[&str]) -> bool {
    let Some(end) = line.find([':', '：']) else {
        return false;
    };
    let label = line[..end].trim_matches(['*', ' ', '\t', '\u{a0}']);
    label.len() <= LABEL_BYTES && labels.contains(&label.to_lowercase().as_str()) && line.len() > end + 1
}

/// The lines of an "On ... wrote:" before a quote.
fn attribution(lines: &[&str]) -> Option<usize> {
    let ends_with_colon = |line: &&str| line.trim_end().ends_with([':', '：']);
    if !lines.iter().take(ATTRIBUTION_LINES).any(ends_with_colon) {
        return None;
    }
    let mut joined = String::new();
    for count in 1..=ATTRIBUTION_LINES.min(lines.len()) {
        let line = lines[count - 1].trim();
        if line.is_empty() {
            return None;
        }
        joined.push_str(line);
        joined.push(' ');
        if is_attribution(&joined) {
            let next = lines[count..].iter().find(|line| !line.trim().is_empty())?;
            return next.trim_start().starts_with('>').then_some(count);
        }
    }
    None
}

/// It names a day or an address, says "wrote" and ends with a colon.
fn is_attribution(text: &str) -> bool {
    let text = text.trim();
    text.ends_with([':', '：'])
        && text.len() <= ATTRIBUTION_CHARS
        && text.contains(|c: char| c.is_numeric() || c == '@')
        && {
            let lower = text.to_lowercase();
            WROTE.iter().any(|wrote| lower.contains(wrote))
        }
}

/// What mail programs call the element that holds a quote.
const QUOTE_CLASSES: &[&str] = &[
    "gmail_quote",
    "yahoo_quoted",
    "protonmail_quote",
    "tutanota_quote",
    "zmail_extra",
    "mailru-blockquote",
    "skype_quote",
    "hwmail_quote",
    "ydp_quote",
    "moz-forward-container",
];
/// Where a quote begins that goes on to the end of what it stands in.
const REST_IDS: &[&str] = &[
    "divrplyfwdmsg",
    "appendonsend",
    "ms-outlook-mobile-signature-rest",
    "reply-intro",
];

/// Marks that stay in sanitised HTML, so that [`fold_html`] finds them.
pub const QUOTE: &str = "quote";
/// The class of what [`fold_html`] folds.
pub const FOLDED: &str = "quoted";
pub const REST: &str = "quote-rest";

/// What stays of a class.
pub fn class_mark(value: &str) -> Option<&'static str> {
    let is_quote = |class: &str| {
        QUOTE_CLASSES
            .iter()
            .any(|known| class.trim_start_matches("x_").starts_with(known))
    };
    value.split_ascii_whitespace().any(is_quote).then_some(QUOTE)
}

/// What stays of an id.
pub fn id_mark(value: &str) -> Option<&'static str> {
    let id = value.to_ascii_lowercase();
    REST_IDS.contains(&id.trim_start_matches("x_")).then_some(REST)
}

/// Folds what is quoted in HTML that was sanitised: well formed, `<` only where a tag begins.
pub fn fold_html(html: &str) -> String {
    let folds = find_folds(html);
    let mut visible = String::new();
    let mut at = 0;
    for (start, end) in &folds {
        visible.push_str(&html[at..*start]);
        at = *end;
    }
    visible.push_str(&html[at..]);
    if folds.is_empty() || !shows_something(&visible) {
        return html.to_owned();
    }
    let mut folded = String::with_capacity(html.len() + folds.len() * 100);
    at = 0;
    for (start, end) in folds {
        folded.push_str(&html[at..start]);
        folded.push_str(
            "<details class=\"quoted\"><summary title=\"Quoted text\" aria-label=\"Quoted text\">&#8943;</summary>",
        );
        folded.push_str(&html[start..end]);
        folded.push_str("</details>");
        at = end;
    }
    folded.push_str(&html[at..]);
    folded
}

fn shows_something(html: &str) -> bool {
    html.contains("<img")
        || html.split('<').any(|piece| {
            let text = piece.split_once('>').map_or(piece, |(_, text)| text);
            !text
                .replace("&nbsp;", " ")
                .replace('\u{a0}', " ")
                .trim()
                .is_empty()
        })
}

struct Open<'h> {
    name: &'h str,
    start: usize,
    folds: bool,
}

fn find_folds(html: &str) -> Vec<(usize, usize)> {
    let mut folds: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    // The fold that runs to the end of the element at this depth.
    let mut rest: Option<(usize, usize)> = None;
    for start in memchr::memchr_iter(b'<', html.as_bytes()) {
        let Some(length) = html[start..].find('>') else {
            break;
        };
        let tag = &html[start + 1..start + length];
        if let Some(name) = tag.strip_prefix('/') {
            let Some(position) = open.iter().rposition(|held| held.name == name) else {
                continue;
            };
            if let Some((depth, from)) = rest
                && position < depth
            {
                folds.push((from, start));
                rest = None;
            }
            let closed = &open[position];
            if closed.folds && rest.is_none() {
                folds.push((closed.start, start + length + 1));
            }
            open.truncate(position);
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if matches!(name, "br" | "img" | "hr" | "col" | "wbr" | "") {
            continue;
        }
        let is_inside = rest.is_some() || open.iter().any(|held| held.folds);
        if !is_inside && begins_rest_of_html(tag, &html[start..]) {
            rest = Some((open.len(), start));
        }
        let folds = !is_inside && rest.is_none() && is_quote_element(name, tag, &html[..start]);
        open.push(Open { name, start, folds });
    }
    if let Some((_, from)) = rest {
        folds.push((from, html.len()));
    }
    folds
}

fn is_quote_element(name: &str, tag: &str, before: &str) -> bool {
    match name {
        "blockquote" => {
            tag.contains("type=\"cite\"") || tag.contains("class=\"quote\"") || is_attributed(before)
        }
        "div" | "section" => tag.contains("class=\"quote\""),
        _ => false,
    }
}

/// The words just before are an "On ... wrote:".
fn is_attributed(before: &str) -> bool {
    let from = before.len().saturating_sub(ATTRIBUTION_CHARS * 4);
    let from = (from..before.len())
        .find(|at| before.is_char_boundary(*at))
        .unwrap_or(before.len());
    let mut words = String::new();
    for piece in before[from..].split('<') {
        if piece.starts_with("br") || piece.starts_with("/p") || piece.starts_with("/div") {
            words.push('\n');
        }
        words.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
    }
    let last = words.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let lines: Vec<&str> = last
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    (1..=ATTRIBUTION_LINES.min(lines.len()))
        .any(|count| is_attribution(&lines[lines.len() - count..].join(" ")))
}

const LABEL_WINDOW: usize = 1_500;

/// Outlook: a rule above, then "From:" and "Sent:" in bold; or an element that it calls so.
fn begins_rest_of_html(tag: &str, from_here: &str) -> bool {
    if tag.contains("id=\"quote-rest\"") {
        return true;
    }
    if !tag.starts_with("div") || !tag.contains("border-top") {
        return false;
    }
    let end = (LABEL_WINDOW.min(from_here.len())..=from_here.len())
        .find(|at| from_here.is_char_boundary(*at))
        .unwrap_or(from_here.len());
    let mut words = String::new();
    for piece in from_here[..end].split('<') {
        if piece.starts_with("br") || piece.starts_with("/p") || piece.starts_with("/div") {
            words.push('\n');
        }
        words.push_str(
            &piece
                .split_once('>')
                .map_or("", |(_, text)| text)
                .replace("&nbsp;", " "),
        );
    }
    let lines: Vec<&str> = words.lines().collect();
    begins_labels(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TextKind, String)> {
        let blocks = split_text(text);
        assert_eq!(
            blocks.iter().map(|block| block.text.as_str()).collect::<String>(),
            text,
            "nothing is dropped"
        );
        blocks
            .into_iter()
            .map(|block| {
                (
                    block.kind,
                    block.text.trim().lines().next().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn what_is_quoted_is_found_in_the_languages_of_mail_programs() {
        for attribution in [
            "On Mon, 21 Sep 2026 at 10:00, Kelly <kelly@out.example> wrote:",
            "Am 21.09.2026 um 10:00 schrieb Kelly:",
            "Am Mo., 21. Sept. 2026 um 10:00 Uhr schrieb Kelly <\nkelly@out.example>:",
            "Le lun. 21 sept. 2026 à 10:00, Kelly <kelly@out.example> a écrit :",
            "El lun, 21 sept 2026 a las 10:00, Kelly (<kelly@out.example>) escribió:",
            "Em seg., 21 de set. de 2026 às 10:00, Kelly <kelly@out.example> escreveu:",
            "Il giorno lun 21 set 2026 alle ore 10:00 Kelly <kelly@out.example> ha scritto:",
            "Op ma 21 sep 2026 om 10:00 schreef Kelly <kelly@out.example>:",
            "pon., 21 wrz 2026 o 10:00 Kelly <kelly@out.example> napisał(a):",
            "po 21. 9. 2026 v 10:00 odesílatel Kelly <kelly@out.example> napsal:",
            "Den mån 21 sep. 2026 kl 10:00 skrev Kelly <kelly@out.example>:",
            "ma 21. syysk. 2026 klo 10.00 Kelly (kelly@out.example) kirjoitti:",
            "Kelly <kelly@out.example> ezt írta (időpont: 2026. szept. 21., H, 10:00):",
            "пн, 21 сент. 2026 г. в 10:00, Kelly <kelly@out.example>:\u{a0}написал:",
            "пн, 21 вер. 2026 р. о 10:00 Kelly <kelly@out.example> пише:",
            "21 Eyl 2026 Pzt, 10:00 tarihinde Kelly <kelly@out.example> şunu yazdı:",
            "Kelly <kelly@out.example> 于2026年9月21日周一 10:00写道：",
            "2026年9月21日(月) 10:00 Kelly <kelly@out.example>さんのメール:",
            "2026년 9월 21일 (월) 오전 10:00, Kelly <kelly@out.example>님이 작성:",
            "Στις Δευ 21 Σεπ 2026 στις 10:00, Kelly <kelly@out.example> έγραψε:",
        ] {
            let text = format!("Yes, do.\n\n{attribution}\n\n> Shall we?\n> Kelly\n");
            let found = kinds(&text);
            assert_eq!(found.len(), 2, "{attribution}: {found:?}");
            assert_eq!(found[0], (TextKind::Own, "Yes, do.".into()));
            assert_eq!(found[1].0, TextKind::Quote);
        }
    }

    #[test]
    fn blocks_of_outlook_and_signatures_are_found() {
        for (text, expected) in [
            (
                "Yes\n\n-----Ursprüngliche Nachricht-----\nVon: Kelly\nmore\n",
                vec![TextKind::Own, TextKind::Quote],
            ),
            (
                "Yes\n\n________________________________\nFrom: Kelly\nSent: Monday\nTo: Alice\n\nShall we?\n",
                vec![TextKind::Own, TextKind::Quote],
            ),
            (
                "Yes\n\nDe : Kelly\nEnvoyé : lundi\nÀ : Alice\n\nOn y va ?\n",
                vec![TextKind::Own, TextKind::Quote],
            ),
            ("Yes\n-- \nAlice\nISP\n", vec![TextKind::Own, TextKind::Signature]),
            (
                "Yes\n-- \nAlice\n\nOn 1 May 2026 Kelly wrote:\n> a\n",
                vec![TextKind::Own, TextKind::Signature, TextKind::Quote],
            ),
            (
                "> Shall we?\nYes.\n> When?\nNow.\n",
                vec![TextKind::Quote, TextKind::Own, TextKind::Quote, TextKind::Own],
            ),
            // Words that only look like it.
            ("He wrote: yes.\nFrom: the start\nwe knew\n", vec![TextKind::Own]),
            ("> all of it is a quote\n", vec![TextKind::Own]),
            ("", vec![]),
        ] {
            let found: Vec<_> = kinds(text).into_iter().map(|(kind, _)| kind).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn quotes_in_html_are_folded_and_nothing_is_dropped() {
        for (html, hidden, shown) in [
            (
                r#"<div>Yes</div><div class="quote"><div>On ... wrote:</div><blockquote>Shall we?</blockquote></div>"#,
                "Shall we?",
                "Yes",
            ),
            (
                r#"<p>Yes</p><blockquote type="cite"><p>Shall <blockquote type="cite">we</blockquote>?</p></blockquote><p>Bye</p>"#,
                "Shall",
                "Bye",
            ),
            (
                r#"<div>Yes<div id="quote-rest"><b>From:</b> Kelly</div><div>Shall we?</div></div>"#,
                "Shall we?",
                "Yes",
            ),
            (
                r#"<div>Yes</div><div><div style="border-top:solid #E1E1E1 1.0pt"><p><b>Von:</b> Kelly<br><b>Gesendet:</b> Montag<br></p></div><p>Shall we?</p></div>"#,
                "Shall we?",
                "Yes",
            ),
            (
                r#"<p>Yes</p><p>On 1 May 2026 Kelly &lt;k@o.example&gt; wrote:</p><blockquote>Shall we?</blockquote>"#,
                "Shall we?",
                "wrote:",
            ),
        ] {
            let folded = fold_html(html);
            assert_eq!(folded.matches("<details").count(), 1, "{folded}");
            let (before, rest) = folded.split_once("<details").expect("folded");
            let (inside, after) = rest.rsplit_once("</details>").expect("folded");
            assert!(inside.contains(hidden), "{folded}");
            assert!(before.contains(shown) || after.contains(shown), "{folded}");
            let plain = folded
                .replace("</details>", "")
                .replace("<details class=\"quoted\"><summary title=\"Quoted text\" aria-label=\"Quoted text\">&#8943;</summary>", "");
            assert_eq!(plain, html);
        }
        for html in [
            "<p>Yes</p>",
            r#"<div class="quote">only forwarded</div>"#,
            "<blockquote>a saying</blockquote><p>by somebody</p>",
        ] {
            assert_eq!(fold_html(html), html);
        }
    }
}
