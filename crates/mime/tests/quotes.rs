//! Quotes and signatures as mail programs write them, in plain text and in HTML: table by table.

use mail_parser::decoders::html::html_to_text;
use mime::ImageSources;
use mime::TextKind;
use mime::split_text;

/// What is shown unfolded, white space squashed.
fn own(text: &str) -> String {
    let blocks = split_text(text);
    let whole: String = blocks.iter().map(|block| block.text.as_str()).collect();
    assert!(whole == text || text.trim().is_empty(), "nothing is dropped");
    let own = blocks.iter().filter(|block| block.kind == TextKind::Own);
    squashed(&own.map(|block| block.text.as_str()).collect::<String>())
}

fn squashed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Headers as each program puts them above a quote: none needs the quote to be marked.
const HEADERS: &[&str] = &[
    // Gmail.
    "On Mon, Oct 5, 2026 at 10:21 AM Alice Adams <alice@isp.example> wrote:",
    "On Mon, 5 Oct 2026, 10:21 Alice Adams, <alice@isp.example> wrote:",
    "2026-10-05 10:21 GMT+02:00 Alice Adams <alice@isp.example>:",
    "2026-10-05 10:21 GMT+02:00 Alice Adams <\nalice@isp.example>:",
    "Am Mo., 5. Okt. 2026 um 10:21 Uhr schrieb Alice Adams <alice@isp.example>:",
    "Am Mo., 5. Okt. 2026 um 10:21 Uhr schrieb Alice Adams <\nalice@isp.example>:",
    "Le lun. 5 oct. 2026 à 10:21, Alice Adams <alice@isp.example> a écrit :",
    "El lun, 5 oct 2026 a las 10:21, Alice Adams (<alice@isp.example>) escribió:",
    "Em seg., 5 de out. de 2026 às 10:21, Alice Adams <alice@isp.example> escreveu:",
    "Alice Adams <alice@isp.example> escreveu (segunda, 5/10/2026 à(s) 10:21):",
    "Il giorno lun 5 ott 2026 alle ore 10:21 Alice Adams <alice@isp.example> ha scritto:",
    "Op ma 5 okt 2026 om 10:21 schreef Alice Adams <alice@isp.example>:",
    "pon., 5 paź 2026 o 10:21 Alice Adams <alice@isp.example> napisał(a):",
    "W dniu 5 października 2026 10:21 użytkownik Alice Adams <alice@isp.example> napisał:",
    "po 5. 10. 2026 v 10:21 odesílatel Alice Adams <alice@isp.example> napsal:",
    "po 5. 10. 2026 o 10:21 Alice Adams <alice@isp.example> napísal(a):",
    "Den mån 5 okt. 2026 kl 10:21 skrev Alice Adams <alice@isp.example>:",
    "Den man. 5. okt. 2026 kl. 10.21 skrev Alice Adams <alice@isp.example>:",
    "man. 5. okt. 2026 kl. 10:21 skrev Alice Adams <alice@isp.example>:",
    "ma 5. lokak. 2026 klo 10.21 Alice Adams (alice@isp.example) kirjoitti:",
    "Alice Adams <alice@isp.example> ezt írta (időpont: 2026. okt. 5., H, 10:21):",
    "пн, 5 окт. 2026 г. в 10:21, Alice Adams <alice@isp.example>:",
    "пн, 5 окт. 2026 г., 10:21 Alice Adams <alice@isp.example>:",
    "5 октября 2026 г., 10:21 пользователь Alice Adams <alice@isp.example> написал:",
    "пн, 5 жовт. 2026 р. о 10:21 Alice Adams <alice@isp.example> пише:",
    "На пн, 5.10.2026 г. в 10:21 Alice Adams <alice@isp.example> написа:",
    "5 Eki 2026 Pzt 10:21 tarihinde Alice Adams <alice@isp.example> şunu yazdı:",
    "Alice Adams <alice@isp.example>, 5 Eki 2026 Pzt, 10:21 tarihinde şunu yazdı:",
    "Alice Adams <alice@isp.example> 于2026年10月5日周一 10:21写道：",
    "Alice Adams <alice@isp.example> 於 2026年10月5日 週一 上午10:21寫道：",
    "2026年10月5日(月) 10:21 Alice Adams <alice@isp.example>:",
    "2026年10月5日 10:21 Alice Adams <alice@isp.example>:",
    "2026년 10월 5일 (월) 오전 10:21, Alice Adams <alice@isp.example>님이 작성:",
    "În lun., 5 oct. 2026 la 10:21, Alice Adams <alice@isp.example> a scris:",
    "Στις Δευ 5 Οκτ 2026 στις 10:21 π.μ., ο/η Alice Adams <alice@isp.example> έγραψε:",
    "\u{202b}בתאריך יום ב׳, 5 באוק׳ 2026 ב-10:21 מאת \u{202a}Alice Adams\u{202c}\u{200f} <\u{202a}alice@isp.example\u{202c}\u{200f}>:\u{202c}",
    "في الاثنين، ٥ أكتوبر ٢٠٢٦ في ١٠:٢١ ص تمت كتابة ما يلي بواسطة Alice <alice@isp.example>:",
    "Vào Th 2, 5 thg 10, 2026 vào lúc 10:21 Alice Adams <alice@isp.example> đã viết:",
    "Pada tanggal Sen, 5 Okt 2026 pukul 10.21 Alice Adams <alice@isp.example> menulis:",
    "ในวันที่ จ. 5 ต.ค. 2026 เวลา 10:21 Alice Adams <alice@isp.example> เขียนว่า:",
    "pon, 5. lis 2026. u 10:21 Alice Adams <alice@isp.example> je napisao/la:",
    "V V pon., 5. okt. 2026 ob 10:21 je oseba Alice Adams <alice@isp.example> napisala:",
    "pirmd., 2026. g. 5. okt., plkst. 10:21 — lietotājs Alice Adams (<alice@isp.example>) rakstīja:",
    "2026-10-05, pr, 10:21 Alice Adams <alice@isp.example> rašė:",
    "Kuupäev E, 5. oktoober 2026 kell 10:21 kirjutas Alice Adams <alice@isp.example>:",
    "Missatge de Alice Adams <alice@isp.example> del dia dl., 5 d’oct. 2026 a les 10:21:",
    // Apple Mail and iPhone.
    "On Oct 5, 2026, at 10:21 AM, Alice Adams <alice@isp.example> wrote:",
    "On 5 Oct 2026, at 10:21, Alice Adams wrote:",
    "Am 05.10.2026 um 10:21 schrieb Alice Adams <alice@isp.example>:",
    "Le 5 oct. 2026 à 10:21, Alice Adams <alice@isp.example> a écrit :",
    "El 5 oct 2026, a las 10:21, Alice Adams <alice@isp.example> escribió:",
    "No dia 05/10/2026, às 10:21, Alice Adams <alice@isp.example> escreveu:",
    "Em 5 de out. de 2026, à(s) 10:21, Alice Adams <alice@isp.example> escreveu:",
    "Il giorno 5 ott 2026, alle ore 10:21, Alice Adams <alice@isp.example> ha scritto:",
    "Op 5 okt. 2026 om 10:21 heeft Alice Adams <alice@isp.example> het volgende geschreven:",
    "Op 5 okt. 2026, om 10:21 heeft Alice Adams het volgende geschreven:",
    "Wiadomość napisana przez Alice Adams <alice@isp.example> w dniu 5 paź 2026, o godz. 10:21:",
    "W dniu 05.10.2026 o 10:21, Alice Adams pisze:",
    "5. 10. 2026 v 10:21, Alice Adams <alice@isp.example>:",
    "5 okt. 2026 kl. 10:21 skrev Alice Adams <alice@isp.example>:",
    "Den 5. okt. 2026 kl. 10.21 skrev Alice Adams <alice@isp.example>:",
    "Alice Adams <alice@isp.example> kirjoitti 5.10.2026 kello 10.21:",
    "5 окт. 2026 г., в 10:21, Alice Adams <alice@isp.example> написал(а):",
    "5 жовт. 2026 р. о 10:21 Alice Adams <alice@isp.example> написав(ла):",
    "5 Eki 2026 tarihinde, saat 10:21’de Alice Adams <alice@isp.example> şunları yazdı:",
    "在 2026年10月5日，上午10:21，Alice Adams <alice@isp.example> 写道：",
    "2026/10/05 10:21、Alice Adams <alice@isp.example>のメール:",
    "2026. 10. 5. 오전 10:21, Alice Adams <alice@isp.example> 작성:",
    "2026. okt. 5. dátummal, 10:21 időpontban Alice Adams <alice@isp.example> írta:",
    "Pe 5 oct. 2026, la 10:21, Alice Adams <alice@isp.example> a scris:",
    "Alice Adams <alice@isp.example> 於 2026年10月5日 週一 上午10:21寫道：",
    "Alice Adams <alice@isp.example> 於\n2026年10月5日 週一 上午10:21寫道：",
    // Yandex.
    "Кому: Kelly (kelly@out.example);\nТема: Offer;\n05.10.2026, 10:21, \"Alice Adams\" <alice@isp.example>:",
    // QQ.
    "------------------ Original ------------------\nFrom:  \"Alice Adams\";<alice@isp.example>;\nDate:  Mon, Oct 5, 2026 10:21 AM\nTo:  \"Kelly\"<kelly@out.example>;\nSubject:  Offer",
    // Outlook for phones.
    "On Mon, Oct 5, 2026 at 10:21 AM -0700, \"Alice Adams\" <alice@isp.example> wrote:",
    // Yahoo.
    "On Monday, October 5, 2026 at 10:21:00 AM GMT+2, Alice Adams <alice@isp.example> wrote:",
    "    On Monday, 5 October 2026, 10:21:00 CEST, Alice Adams <alice@isp.example> wrote:  ",
    "Am Montag, 5. Oktober 2026 um 10:21:00 MESZ hat Alice Adams <alice@isp.example> Folgendes geschrieben:",
    "Le lundi 5 octobre 2026 à 10:21:00 UTC+2, Alice Adams <alice@isp.example> a écrit :",
    "El lunes, 5 de octubre de 2026, 10:21:00 CEST, Alice Adams <alice@isp.example> escribió:",
    // Thunderbird, SeaMonkey, Evolution, KMail, Roundcube, Horde, mutt, Gnus, The Bat, Opera, Eudora.
    "On 10/5/26 10:21, Alice Adams wrote:",
    "On 05.10.2026 10:21, Alice Adams via Support wrote:",
    "Am 05.10.26 um 10:21 schrieb Alice Adams:",
    "Le 05/10/2026 à 10:21, Alice Adams a écrit :",
    "El 5/10/26 a las 10:21, Alice Adams escribió:",
    "Em 05/10/2026 10:21, Alice Adams escreveu:",
    "Il 05/10/26 10:21, Alice Adams ha scritto:",
    "Op 05-10-2026 om 10:21 schreef Alice Adams:",
    "W dniu 05.10.2026 o 10:21, Alice Adams pisze:",
    "Dne 05. 10. 26 v 10:21 Alice Adams napsal(a):",
    "05.10.2026 10:21, Alice Adams пишет:",
    "05.10.26 10:21, Alice Adams пише:",
    "Den 2026-10-05 kl. 10:21, skrev Alice Adams:",
    "Alice Adams kirjoitti 5.10.2026 klo 10.21:",
    "2026. 10. 05. 10:21 keltezéssel, Alice Adams írta:",
    "Am Montag, dem 05.10.2026 um 10:21 +0200 schrieb Alice Adams:",
    "On Mon, 2026-10-05 at 10:21 +0200, Alice Adams wrote:",
    "Am Montag, 5. Oktober 2026, 10:21:00 CEST schrieb Alice Adams:",
    "On 2026-10-05 10:21, Alice Adams wrote:",
    "Am 2026-10-05 10:21, schrieb Alice Adams:",
    "On Mon, Oct 05, 2026 at 10:21:00AM +0200, Alice Adams wrote:",
    "At 10:21 AM 10/5/2026, Alice Adams wrote:",
    "Monday, October 5, 2026, 10:21:00 AM, you wrote:",
    "Вы писали 5 октября 2026 г., 10:21:00:",
    "Alice Adams <alice@isp.example> wrote:",
    "Alice Adams <alice@isp.example> writes:",
    "Alice Adams <alice@isp.example> schrieb:",
    // Proton, Tuta, Zoho, Spark, Yandex, mail.ru, Lotus.
    "On Monday, October 5th, 2026 at 10:21 AM, Alice Adams <alice@isp.example> wrote:",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Monday, October 5th, 2026 at 10:21 AM, Alice Adams <alice@isp.example> wrote:",
    "5 Oct 2026, 10:21 by alice@isp.example:",
    "---- On Mon, 05 Oct 2026 10:21:00 +0200 Alice Adams <alice@isp.example> wrote ----",
    "---- Am Mo, 05 Okt 2026 10:21:00 +0200 Alice Adams <alice@isp.example> schrieb ----",
    " ---- On Mon, 05 Oct 2026 10:21:00 +0200 Alice Adams<alice@isp.example> wrote ---- ",
    "On 5 Oct 2026, 10:21 +0200, Alice Adams <alice@isp.example>, wrote:",
    "05.10.2026, 10:21, \"Alice Adams\" <alice@isp.example>:",
    "Понедельник, 5 октября 2026, 10:21 +03:00 от Alice Adams <alice@isp.example>:",
    "--- On Mon, 10/5/26, Alice Adams <alice@isp.example> wrote:",
    "On Mon, 5 Oct 2026, Alice Adams wrote:",
    "2026-10-05 오전 10:21에 Alice이(가) 쓴 글:",
    "---- 回复的原邮件 ----\n| 发件人 | Alice |\n| 日期 | 2026年10月5日 |",
    "-----Alice Adams/ISP wrote: -----",
    "-----\"Alice Adams\" <alice@isp.example> wrote: -----",
    // Broken anywhere, marked up.
    "On Wed, Sep 25, 2026, at 03:57 PM, Alice Adams of the Internet\nProvider <alice@isp.example>\nwrote:",
    "On Mon, Oct 5, 2026 at 10:21 AM Alice Adams of the Internet Provider <\nalice@isp.example> wrote:",
    "On Mon, Oct 5, 2026 at 10:21 AM Alice Adams <alice@isp.example<mailto:alice@isp.example>> wrote:",
    "*On Mon, Oct 5, 2026 at 10:21 AM Alice Adams <alice@isp.example> wrote:*",
    "Le lun. 5 oct. 2026 à 10:21, Alice Adams <alice@isp.example> a\nécrit :",
    // Blocks of labels.
    "-----Original Message-----\nFrom: Alice Adams <alice@isp.example>\nSent: Monday, October 5, 2026 10:21 AM\nTo: Kelly\nSubject: Offer",
    "________________________________\nFrom: Alice Adams <alice@isp.example>\nSent: Monday, October 5, 2026 10:21 AM\nTo: Kelly\nSubject: Offer",
    "From: Alice Adams <alice@isp.example>\nSent: Monday, October 5, 2026 10:21 AM\nTo: Kelly Sanders <kelly@out.example>; Jan\n <jan@out.example>\nCc: Support\nSubject: Offer",
    "*From:* Alice Adams <alice@isp.example>\n*Sent:* Monday, October 5, 2026 10:21 AM\n*To:* Kelly\n*Subject:* Offer",
    "**From:** Alice\n**Date:** Monday, October 5, 2026\n**To:** Kelly\n**Subject:** Offer",
    "From: Alice\n\nSent: Monday\n\nTo: Kelly\n\nSubject: Offer",
    "From: Alice\nTo: Kelly\nSubject: Offer\nDate: Mon, 5 Oct 2026 10:21:00 +0200",
    "Date: Mon, 5 Oct 2026 10:21:00 +0200\nSubject: Offer\nFrom: alice@isp.example\nTo: kelly@out.example",
    "Von: Alice\nGesendet: Montag, 5. Oktober 2026 10:21\nAn: Kelly\nBetreff: Angebot",
    "Gesendet: Montag, 05. Oktober 2026 um 10:21 Uhr\nVon: \"Alice\" <alice@isp.example>\nAn: kelly@out.example\nBetreff: Angebot",
    "-----Original-Nachricht-----\nBetreff: Angebot\nDatum: 2026-10-05\nVon: Alice\nAn: Kelly",
    "De : Alice\nEnvoyé : lundi 5 octobre 2026 10:21\nÀ : Kelly\nObjet : Offre",
    "De: Alice\nEnviado el: lunes, 5 de octubre de 2026 10:21\nPara: Kelly\nAsunto: Oferta",
    "De: Alice\nEnviada em: segunda-feira\nPara: Kelly\nAssunto: Oferta",
    "Da: Alice\nInviato: lunedì 5 ottobre 2026 10:21\nA: Kelly\nOggetto: Offerta",
    "Van: Alice\nVerzonden: maandag 5 oktober 2026 10:21\nAan: Kelly\nOnderwerp: Aanbod",
    "Od: Alice\nWysłano: poniedziałek\nDo: Kelly\nTemat: Oferta",
    "Od: Alice\nOdesláno: pondělí\nKomu: Kelly\nPředmět: Nabídka",
    "От: Alice\nОтправлено: 5 октября 2026 г. 10:21\nКому: Kelly\nТема: Предложение",
    "Від: Alice\nНадіслано: понеділок\nКому: Kelly\nТема: Пропозиція",
    "Från: Alice\nSkickat: den 5 oktober 2026 10:21\nTill: Kelly\nÄmne: Offert",
    "Fra: Alice\nSendt: 5. oktober 2026 10:21\nTil: Kelly\nEmne: Tilbud",
    "Lähettäjä: Alice\nLähetetty: maanantai\nVastaanottaja: Kelly\nAihe: Tarjous",
    "Kimden: Alice\nGönderildi: 5 Ekim 2026 10:21\nKime: Kelly\nKonu: Teklif",
    "发件人: Alice\n发送时间: 2026年10月5日 10:21\n收件人: Kelly\n主题: 报价",
    "寄件者: Alice\n寄件日期: 2026年10月5日\n收件者: Kelly\n主旨: 報價",
    "------------------ 原始邮件 ------------------\n发件人: \"Alice\"<alice@isp.example>;\n发送时间: 2026年10月5日(星期一) 上午10:21\n收件人: \"Kelly\";\n主题: 报价",
    "差出人: Alice\n送信日時: 2026年10月5日 10:21\n宛先: Kelly\n件名: 見積",
    "보낸 사람: Alice\n보낸 날짜: 2026년 10월 5일\n받는 사람: Kelly\n제목: 견적",
    "Feladó: Alice\nElküldve: 2026. október 5.\nCímzett: Kelly\nTárgy: Ajánlat",
    "De la: Alice\nTrimis: luni\nCătre: Kelly\nSubiect: Ofertă",
    "Από: Alice\nΣτάλθηκε: Δευτέρα\nΠρος: Kelly\nΘέμα: Προσφορά",
    "מאת: Alice\nנשלח: יום שני\nאל: Kelly\nנושא: הצעה",
    "-------- Original message --------\nFrom: Alice Adams <alice@isp.example>\nDate: 05/10/2026 10:21 (GMT+01:00)\nTo: Kelly\nSubject: Offer",
    "-------- Ursprüngliche Nachricht --------\nVon: Alice\nDatum: 05.10.26 10:21 (GMT+01:00)\nAn: Kelly\nBetreff: Angebot",
    "-------- Message d'origine --------\nDe : Alice\nDate : 05/10/2026 10:21\nÀ : Kelly\nObjet : Offre",
    "----- Reply message -----\nFrom: \"Alice\" <alice@isp.example>\nTo: <kelly@out.example>\nSubject: Offer\nDate: Mon, Oct 5, 2026 10:21",
    "-----Messaggio originale-----\nDa: Alice",
    "-------- Alkuperäinen viesti --------\nLähettäjä: Alice",
    ">>> Alice Adams <alice@isp.example> 05.10.26 10:21 >>>",
    "--- Reply above this line ---",
    "##- Please type your reply above this line -##",
];

#[test]
fn what_stands_below_a_header_is_folded_with_it_though_nothing_marks_it() {
    let wrong: Vec<String> = HEADERS
        .iter()
        .filter_map(|header| {
            let text = format!("Yes, do.\n\nRegards, Kelly\n\n{header}\n\nShall we?\n\nAlice\n");
            let shown = own(&text);
            (shown != "Yes, do. Regards, Kelly").then(|| format!("{header}\n    shown: {shown}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        HEADERS.len(),
        wrong.join("\n")
    );
}

/// Only what stands right above a header, without an empty line, may be taken for a part of it.
#[test]
fn words_right_above_a_header_are_the_authors() {
    let above = [
        "Yes.",
        "Yes, 5 of them by 10/5.",
        "Thanks!",
        "Kelly Sanders",
        "Kelly",
        "Call me: 020 1234 5678 90",
    ];
    let headers = HEADERS
        .iter()
        .filter(|header| !header.starts_with(['>', '#']) && !header.contains("above"));
    let mut wrong = Vec::new();
    for header in headers {
        for above in above {
            for text in [
                format!("Hello.\n\n{above}\n{header}\n\nShall we?\n"),
                format!("Hello.\n\n{above}\n{header}\n> Shall we?\n"),
            ] {
                let shown = own(&text);
                if shown != format!("Hello. {above}") {
                    wrong.push(format!("{text:?}\n    shown: {shown}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_answer_below_and_between_marked_quotes_is_shown_and_the_header_is_not() {
    let headers = HEADERS
        .iter()
        .filter(|header| !header.starts_with(['>', '#']) && !header.contains("above"))
        // A table has no label that ends it.
        .filter(|header| !header.contains("| 发件人"));
    let wrong: Vec<String> = headers
        .filter_map(|header| {
            let text = format!("{header}\n\n> Shall we?\n>\n> Alice\n\nYes.\n\n> When?\n\nNow.\n");
            let shown = own(&text);
            (shown != "Yes. Now.").then(|| format!("{header}\n    shown: {shown}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Some leave the colon away; above what nothing marks that is a sentence.
#[test]
fn a_header_without_a_colon_is_one_right_above_a_marked_quote() {
    let header = "Am 05.10.26 um 10:21 schrieb Alice Adams";
    assert_eq!(own(&format!("Passt.\n\n{header}\n> Morgen?\n")), "Passt.");
    assert_eq!(own(&format!("Passt.\n\n{header}\n\n> Morgen?\n")), "Passt.");
    let sentence = format!("Passt.\n\n{header}\nMorgen?\n");
    assert_eq!(own(&sentence), squashed(&sentence));
}

#[test]
fn what_only_looks_like_a_header_is_shown() {
    for text in [
        "I spoke to Jan. On Monday he wrote: the cable is cut.\nPlease send somebody.",
        "On Monday at 10:00 he wrote:\n\nThe cable is cut.",
        "On 5 October 2026 she wrote:\n\nThe cable is cut.\nIs it?",
        "As Jan wrote:\n\nThe cable is cut.",
        "Meeting 5 Oct 2026 10:21 with Alice <alice@isp.example>, agenda:\n- cable",
        "Our numbers of 5.10.2026:\n- one\n- two",
        "From: the start\nwe knew",
        "From: Berlin\nTo: Hamburg\nwe go by train",
        "Name: Kelly\nFrom: kelly@out.example\nPhone: 1\nSubject: Offer\nMessage: please",
        "New request:\n\nName: Kelly\nDate: Monday\nSubject: Offer\nMessage: please",
        "Date: Monday\nTime: ten\nPlace: here",
        "These are the options:\n-----\none\n-----\ntwo",
        "Section one\n==========\nSome words that say something at length, and more.\n\nSection two\n==========\nMore.",
        "Sent from the warehouse this morning, it should be with you.",
        "Von meinem Handy aus kann ich nicht drucken.",
        "Get the phone on Monday.",
        "My Outlook on Android does not send since your migration of last week, can you look?",
        "The contract is confidential.",
        "Please find the confidential offer for the intended recipient attached; what do you think of it? I would say that it is\nfar too dear.\n\nRegards, Kelly",
        "Call me:\nalice@isp.example",
        "Von: hier\nbis: dort",
        "It was about this message:\n\nMessage-ID: <a@b>\nDate: Monday\nFrom: Alice\nTo: Kelly\nSubject: Offer\n\nIt cannot be delivered.",
        "News:\n----------\nA router\nmore words about it\na price of it\nYou may unsubscribe here.",
        "a -- b\n\nc",
        "He wrote: yes.\nFrom: the start\nwe knew",
        "Alice, I have two questions:\n\n1. When?\n2. Where?",
        "am 5.10.2026 um 10:21 war niemand da. Am 6.10. auch nicht:\n\nDie Tür war zu.",
    ] {
        assert_eq!(own(text), squashed(text));
    }
}

#[test]
fn what_is_forwarded_is_shown() {
    let block = "From: Alice <alice@isp.example>\nDate: Mon, 5 Oct 2026 10:21\nSubject: Offer\nTo: Kelly\n\nShall we?\n> old";
    for divider in [
        "---------- Forwarded message ---------",
        "---------- Forwarded message ----------",
        "-------- Forwarded Message --------",
        "----- Forwarded Message -----",
        "Begin forwarded message:",
        "----- Forwarded by Kelly/Out on 05.10.2026 10:21 -----",
        "============ Forwarded message ============",
        "-------- Weitergeleitete Nachricht --------",
        "Anfang der weitergeleiteten Nachricht:",
        "Début du message réexpédié :",
        "-------- Message transféré --------",
        "Inicio del mensaje reenviado:",
        "-------- Mensagem encaminhada --------",
        "Inizio messaggio inoltrato:",
        "Begin doorgestuurd bericht:",
        "-------- Przekazana wiadomość --------",
        "-------- Пересылаемое сообщение --------",
        "Vidarebefordrat brev:",
        "-------- Videresendt melding --------",
        "---------- 转发的邮件 ---------",
        "---------- 전달된 메시지 ---------",
    ] {
        let text = format!("See below.\n\n{divider}\n{block}");
        assert_eq!(own(&text), squashed(&text), "{divider}");
    }
}

#[test]
fn signatures_are_folded_and_names_are_not() {
    for (text, shown) in [
        ("Yes.\n\n-- \nKelly\nOut Ltd\n", "Yes."),
        ("Yes.\n\nRegards, Kelly\n\n--\nOut Ltd\n", "Yes. Regards, Kelly"),
        ("Yes.\n\n---\nKelly Sanders\nOut Ltd\n+44 20 1234 5678\n", "Yes."),
        (
            "Yes.\n-- \nKelly\n\nOn 1 May 2026 Alice wrote:\n> a\n\nMore.\n",
            "Yes. More.",
        ),
        (
            "Yes.\n\n_______________________________________________\nusers mailing list\nusers@lists.example\nhttps://lists.example/listinfo/users\n",
            "Yes.",
        ),
        (
            "Yes.\n\nThis e-mail and its files are confidential and intended solely for the addressee. If you are not the intended recipient, delete it.\n",
            "Yes.",
        ),
        (
            "Ja.\n\nDiese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen. Wenn Sie nicht der richtige Adressat sind, vernichten Sie diese Mail.\n",
            "Ja.",
        ),
        ("Sent from my iPhone\n\n> Shall we?\n\nYes.\n", "Yes."),
        ("Yes.\n\n----------\n> Shall we?\n", "Yes."),
        (
            "Yes.\n\n----------\nSent via my mobile.\nEnvoyé par mon mobile.\n----------\n",
            "Yes.",
        ),
        ("Yes.\n\n________________________________\n\n", "Yes."),
        (
            "Try:\n```\n> quoted\n-- \nFrom: a\n```\nand tell me.\n",
            "Try: ``` > quoted -- From: a ``` and tell me.",
        ),
        (
            "Quoting Alice <alice@isp.example>:\n\n> Shall we?\n\nYes.\n",
            "Yes.",
        ),
    ] {
        assert_eq!(own(text), shown, "{text}");
    }
    for line in [
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from my Verizon Wireless 4G LTE DROID",
        "Sent from Outlook Mobile",
        "Sent from Outlook<http://aka.ms/weboutlook>",
        "Sent from Yahoo Mail for iPhone",
        "Sent from Yahoo Mail on Android",
        "Sent from Mail for Windows 10",
        "Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows",
        "Sent from Proton Mail for iOS",
        "Sent with Proton Mail secure email.",
        "Sent with [Proton Mail](https://proton.me/) secure email.",
        "Sent via BlackBerry from T-Mobile",
        "Sent from my BlackBerry 10 smartphone on the Vodafone network.",
        "Get Outlook for iOS",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Get [Outlook for Android](https://aka.ms/AAb9ysg)",
        "Outlook für iOS herunterladen",
        "Holen Sie sich Outlook für Android<https://aka.ms/AAb9ysg>",
        "Télécharger Outlook pour iOS",
        "Obtener Outlook para Android",
        "Obter o Outlook para iOS",
        "Von meinem iPhone gesendet",
        "Von meinem Samsung Galaxy Smartphone gesendet.",
        "Von meiner Apple Watch gesendet",
        "Gesendet von meinem iPad",
        "Gesendet mit der GMX Mail App",
        "Gesendet mit der WEB.DE Mail App",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "Gesendet von Mail für Windows",
        "Envoyé de mon iPhone",
        "Envoyé depuis mon smartphone Samsung Galaxy.",
        "Envoyé à partir d’Outlook",
        "Envoyé depuis l'application Mail Orange",
        "Enviado desde mi iPhone",
        "Enviado desde mi Samsung Mobile de Telcel",
        "Enviado desde Correo para Windows",
        "Enviado do meu iPhone",
        "Enviado do Email para Windows 10",
        "Inviato da iPhone",
        "Inviato dal mio smartphone Samsung Galaxy.",
        "Verstuurd vanaf mijn iPhone",
        "Verzonden vanaf mijn Galaxy",
        "Verzonden vanuit Mail voor Windows",
        "Wysłane z iPhone'a",
        "Wysłano z mojego iPhone'a",
        "Отправлено с iPhone",
        "Отправлено из мобильной Яндекс Почты",
        "Отправлено из Почты Mail.ru",
        "Надіслано з iPhone",
        "Odesláno z iPhonu",
        "Odoslané z iPhonu",
        "Skickat från min iPhone",
        "Skickat från Outlook för iOS",
        "Sendt fra min iPhone",
        "Sendt fra Outlook for Android",
        "Lähetetty iPhonesta",
        "iPhone’umdan gönderildi",
        "iPhone'umdan gönderildi",
        "发自我的iPhone",
        "從我的 iPhone 傳送",
        "从我的 iPhone 发送",
        "iPhoneから送信",
        "나의 iPhone에서 보냄",
        "Elküldve az iPhone-omról",
        "iPhone-ról küldve",
        "Trimis de pe iPhone-ul meu",
        "Στάλθηκε από το iPhone μου",
        "נשלח מה-iPhone שלי",
        "Dikirim dari iPhone saya",
        "Được gửi từ iPhone của tôi",
        "Poslano s mojeg iPhonea",
        "-- Sent from my Palm Pre smartphone",
        "Virus-free. www.avast.com",
    ] {
        assert_eq!(own(&format!("Yes.\n\n{line}\n")), "Yes.", "{line}");
    }
}

/// What is shown unfolded of HTML.
fn own_html(html: &str) -> String {
    let frame = mime::sanitise(&[html.to_owned()], &ImageSources::default()).expect("light");
    let mut visible = String::new();
    let mut rest = frame.html.as_str();
    while let Some((before, after)) = rest.split_once("<details class=\"quoted\">") {
        visible.push_str(before);
        rest = after.split_once("</details>").expect("closed").1;
    }
    visible.push_str(rest);
    squashed(&html_to_text(&visible.replace('<', " <")))
}

/// Where nothing but a name in the HTML tells, which its text does not have.
const NAMED: &[&str] = &[
    "moz-cite-prefix",
    "x_divRplyFwdMsg",
    "name=\"quote\"",
    "gmail_signature",
];

#[test]
fn the_quotes_of_programs_are_folded_in_html() {
    let labels = "<b>From:</b> Alice &lt;alice@isp.example&gt;<br><b>Sent:</b> Monday, October 5, 2026 10:21 AM<br><b>To:</b> Kelly<br><b>Subject:</b> Offer<br>";
    let wrote = "On Mon, Oct 5, 2026 at 10:21 AM Alice &lt;<a href=\"mailto:alice@isp.example\">alice@isp.example</a>&gt; wrote:<br>";
    let wrong: Vec<String> = [
        // Gmail.
        format!("<div dir=ltr>Yes.</div><br><div class=\"gmail_quote\"><div dir=ltr class=gmail_attr>{wrote}</div><blockquote class=gmail_quote style=\"margin:0 0 0 .8ex;border-left:1px #ccc solid\">Shall we?</blockquote></div>"),
        format!("<div>Yes.<div class=gmail_extra><br><div class=gmail_quote>{wrote}<blockquote class=gmail_quote>Shall we?</blockquote></div></div></div>"),
        // Apple Mail, iPhone.
        format!("<body>Yes.<br><br>Sent from my iPhone<div><br>{wrote}<br></div><blockquote type=\"cite\"><div>Shall we?</div></blockquote></body>"),
        format!("<div>Yes.</div><div dir=ltr><br><blockquote type=cite>{wrote}<br></blockquote></div><blockquote type=cite><div>Shall we?</div></blockquote>"),
        // Thunderbird.
        "<p>Yes.</p><div class=\"moz-cite-prefix\">Whatever 05/10/26, Alice:<br></div><blockquote type=\"cite\" cite=\"mid:1\">Shall we?</blockquote>".into(),
        // Outlook.
        format!("<div class=WordSection1><p class=MsoNormal>Yes.</p><p class=MsoNormal>&nbsp;</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{labels}</p></div></div><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>Shall we?</p></div>"),
        format!("<div class=WordSection1><p>Yes.</p><p class=MsoNormal>{labels}<br>Shall we?</p><p>Alice</p></div>"),
        format!("<div>Yes.</div><div id=\"appendonsend\"></div><hr style=\"display:inline-block;width:98%\" tabindex=\"-1\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><font>{labels}</font><div>&nbsp;</div></div><div><p>Shall we?</p></div>"),
        "<div>Yes.</div><div id=\"x_divRplyFwdMsg\">Ktosi nie zna slov</div><div><p>Shall we?</p></div>".to_owned(),
        format!("<div>Yes.</div><span id=\"OLK_SRC_BODY_SECTION\"><div>{labels}</div><div>Shall we?</div></span>"),
        "<div>Yes.</div><hr id=stopSpelling>Date: Mon, 5 Oct 2026<br>Subject: Offer<br>From: alice@isp.example<br>To: kelly@out.example<br><br>Shall we?".to_owned(),
        "<div>Yes.</div><blockquote style=\"padding-right: 0px; border-left: #000000 2px solid\"><div>----- Original Message -----</div><div><b>From:</b> Alice</div>Shall we?</blockquote>".to_owned(),
        format!("<p>Yes.</p><p><b>-----Original Message-----</b><br>{labels}</p><p>Shall we?</p>"),
        "<div><font>Yes.</font></div><div><table><tr><td>From:</td><td>Alice</td></tr><tr><td>To:</td><td>Kelly</td></tr><tr><td>Subject:</td><td>Offer</td></tr></table></div><div>Shall we?</div>".to_owned(),
        // Yahoo, Proton, Tuta, Zoho, Spark, GMX, Yandex, mail.ru, QQ, 163.
        format!("<div>Yes.</div><div id=\"ydp1yahoo_quoted_1\" class=\"ydp1yahoo_quoted\"><div>{wrote}</div><div>Shall we?</div></div>"),
        format!("<div>Yes.</div><div class=\"protonmail_quote\">{wrote}<blockquote class=\"protonmail_quote\">Shall we?</blockquote></div>"),
        "<div>Yes.</div><div>5 Oct 2026, 10:21 by alice@isp.example:<br></div><blockquote class=\"tutanota_quote\">Shall we?</blockquote>".into(),
        "<div>Yes.</div><div class=\"zmail_extra\"><div>---- On Mon, 05 Oct 2026 10:21:00 +0200 <b>Alice &lt;alice@isp.example&gt;</b> wrote ----</div><blockquote>Shall we?</blockquote></div>".into(),
        "<div>Yes.</div><div>============ Am Mo, 05 Okt 2026 10:21:00 +0200 Alice &lt;alice@isp.example&gt; schrieb ============</div><blockquote>Shall we?</blockquote>".into(),
        format!("<div>Yes.</div><div name=\"messageReplySection\">{wrote}<blockquote>Shall we?</blockquote></div>"),
        "<div>Yes.</div><div name=\"quote\" style=\"margin:10px 5px 5px 10px;border-left:2px solid #C3D9E5\"><div><b>Gesendet:</b> Montag</div><div>Shall we?</div></div>".into(),
        "<div>Yes.</div><div>05.10.2026, 10:21, \"Alice\" &lt;alice@isp.example&gt;:</div><blockquote><p>Shall we?</p></blockquote>".into(),
        "<div>Yes.</div><blockquote style=\"border-left:1px solid #0857A6;margin:10px\">Понедельник, 5 октября 2026, 10:21 +03:00 от Alice:<br>Shall we?</blockquote>".into(),
        "<div>Yes.</div><div>------------------&nbsp;原始邮件&nbsp;------------------</div><div style=\"background:#efefef\"><div><b>发件人:</b> Alice</div><div><b>发送时间:</b> 2026年</div><div><b>收件人:</b> Kelly</div></div><div>Shall we?</div>".into(),
        "<div>Yes.</div><br>At 2026-10-05 10:21:00, \"Alice\" &lt;alice@isp.example&gt; wrote:<br><blockquote id=\"isReplyContent\" style=\"PADDING-LEFT: 1ex\">Shall we?</blockquote>".into(),
        // Zimbra, Lotus, Windows Mail.
        format!("<div>Yes.</div><hr id=\"zwchr\" data-marker=\"__DIVIDER__\"><div data-marker=\"__HEADERS__\">{labels}</div><div>Shall we?</div>"),
        "<font>Yes.</font><br><br><font color=#990099>-----Alice Adams/ISP wrote: -----</font><div style=\"padding-left:5px\"><div>Shall we?</div></div>".into(),
        format!("<div>Yes.</div><div style=\"padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;\"><div>{labels}</div></div><div>Shall we?</div>"),
        // By words alone.
        format!("<div>Yes.<br><br>{wrote}<br>Shall we?</div>"),
        format!("<p>Yes.</p><p>{wrote}</p><p>Shall we?</p>"),
        "<div>Yes.</div><div>-- <br>Kelly<br>Out Ltd</div>".into(),
        "<div>Yes.</div><div class=gmail_signature>Kelly<br>Out Ltd</div>".into(),
    ]
    .iter()
    .filter_map(|html| {
        let raw = format!("Content-Type: text/html\r\n\r\n{html}");
        let opened = mime::open_message(raw.as_bytes()).expect("opened");
        let by_words = own(&opened.text);
        let is_known = own_html(html) == "Yes." && (by_words == "Yes." || NAMED.iter().any(|name| html.contains(name)));
        let shown = format!("{} / {by_words}", own_html(html));
        (!is_known).then(|| format!("{html}\n    shown: {shown}"))
    })
    .collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn answers_in_html_are_shown_and_what_is_forwarded_too() {
    for (html, shown) in [
        (
            "<blockquote type=cite>Shall we?</blockquote><p>Yes.</p><blockquote type=cite>When?</blockquote><p>Now.</p>",
            "Yes. Now.",
        ),
        (
            "<div class=gmail_quote><div>On Mon, Oct 5, 2026 at 10:21 AM Alice &lt;alice@isp.example&gt; wrote:</div><blockquote class=gmail_quote>Shall we?</blockquote></div><div>Yes.</div>",
            "Yes.",
        ),
        (
            "<div>On 1 May 2026 Alice wrote:</div><blockquote>Shall we?</blockquote><div>Yes.</div>",
            "Yes.",
        ),
        (
            "<div>See.</div><div class=\"gmail_quote\"><div class=gmail_attr>---------- Forwarded message ---------<br>From: Alice<br>Date: Mon<br>To: Kelly</div><blockquote type=cite>Shall we?</blockquote></div>",
            "See. ---------- Forwarded message --------- From: Alice Date: Mon To: Kelly Shall we?",
        ),
        (
            "<div>See.</div><blockquote type=cite><div>Begin forwarded message:</div><div><b>From: </b>Alice</div><div>Shall we?</div></blockquote>",
            "See. Begin forwarded message: From: Alice Shall we?",
        ),
        (
            "<blockquote>a saying</blockquote><p>by somebody</p>",
            "a saying by somebody",
        ),
        (
            "<div>Steps:<blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\">Pull the plug</blockquote>Done?</div>",
            "Steps: Pull the plug Done?",
        ),
        (
            "<p>News</p><hr><p>A router</p><p>You may unsubscribe here.</p><hr>",
            "News A router You may unsubscribe here.",
        ),
        (
            "<p>He said it on Monday:</p><blockquote>cut it</blockquote><p>And so I did.</p>",
            "He said it on Monday: cut it And so I did.",
        ),
        (
            "<table><tr><td>Yes.</td></tr><tr><td>From: Alice<br>To: Kelly<br>Subject: x<br><br>Shall we?</td></tr></table>",
            "Yes.",
        ),
    ] {
        assert_eq!(own_html(html), shown, "{html}");
    }
}

/// Of a message that is nothing but HTML: the frame, and the text in blocks, show the same.
#[test]
fn the_text_of_html_keeps_the_marks_of_its_quotes() {
    let wrote = "On Mon, Oct 5, 2026 at 10:21 AM Alice &lt;alice@isp.example&gt; wrote:";
    for (html, shown) in [
        (
            format!("<div>{wrote}</div><blockquote type=\"cite\"><p>Shall we?</p><p>Alice</p></blockquote><div>Yes.</div>"),
            "Yes.",
        ),
        (
            format!("<div>Yes.</div><div>{wrote}<BLOCKQUOTE CLASS=\"gmail_quote\">a<blockquote>b</blockquote>c</BLOCKQUOTE></div>And so on."),
            "Yes. And so on.",
        ),
        (
            "<div>See.</div><blockquote type=cite><div>Begin forwarded message:</div><div>Shall we?</div></blockquote>".into(),
            "See. Begin forwarded message: Shall we?",
        ),
        ("<p>Pull:</p><blockquote>the plug</blockquote>".into(), "Pull: the plug"),
    ] {
        let raw = format!("From: kelly@out.example\r\nContent-Type: text/html\r\n\r\n{html}");
        let opened = mime::open_message(raw.as_bytes()).expect("opened");
        assert_eq!(own(&opened.text), shown, "{}", opened.text);
        assert_eq!(own_html(&html), shown, "{html}");
        let summary = mime::summarise(raw.as_bytes()).expect("summary");
        assert_eq!(squashed(summary.snippet.as_str()), shown);
    }
}

#[test]
fn a_forward_shows_what_is_passed_on() {
    let block =
        "From: Alice <alice@isp.example>\r\nSent: Monday\r\nTo: Kelly\r\nSubject: Offer\r\n\r\nShall we?\r\n";
    for (subject, text, shown) in [
        ("Offer", format!("See.\r\n\r\n{block}"), "See."),
        ("RE: FW: Offer", format!("See.\r\n\r\n{block}"), "See."),
        (
            "FW: Offer",
            format!("See.\r\n\r\n{block}"),
            "See. From: Alice <alice@isp.example> Sent: Monday To: Kelly Subject: Offer Shall we?",
        ),
        (
            "WG: AW: Offer",
            format!("See.\r\n\r\n-----Original Message-----\r\n{block}"),
            "See. -----Original Message----- From: Alice <alice@isp.example> Sent: Monday To: Kelly Subject: Offer Shall we?",
        ),
    ] {
        let raw = format!("Subject: {subject}\r\n\r\n{text}");
        let opened = mime::open_message(raw.as_bytes()).expect("opened");
        let own = opened
            .blocks()
            .into_iter()
            .filter(|block| block.kind == TextKind::Own);
        assert_eq!(squashed(&own.map(|block| block.text).collect::<String>()), shown);
        let html = text.replace('<', "&lt;").replace("\r\n", "<br>");
        let raw = format!("Subject: {subject}\r\nContent-Type: text/html\r\n\r\n<div>{html}</div>");
        let opened = mime::open_message(raw.as_bytes()).expect("opened");
        let frame = opened.frame(&ImageSources::default()).expect("light");
        assert_eq!(frame.html.contains("<details"), shown == "See.", "{}", frame.html);
    }
}
