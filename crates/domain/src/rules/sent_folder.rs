//! Which folder holds sent mail, which is the Trash, and which holds everything.
//!
//! Pure. SPECIAL-USE first (RFC 6154), then the names that the big providers and mail programs use, where such folders
//! lie: one that is called so deeper down is somebody's archive, or lies in the Trash itself.

use unicode_normalization::UnicodeNormalization as _;

use crate::provider::provider_of_server;

/// A folder as LIST tells it, its name decoded for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFolder {
    pub name: String,
    pub delimiter: Option<char>,
    pub is_sent: bool,
    pub is_trash: bool,
    pub is_junk: bool,
    pub is_all: bool,
    pub selectable: bool,
    /// Counted where it tells which of several is in use.
    pub messages: Option<u32>,
}

/// Lower case, composed (NFC). Gmail, Outlook, Yahoo, GMX, web.de, Orange, UKR.NET, Yandex, Thunderbird, Apple Mail and
/// Roundcube in their languages, collected 2026-11.
const KNOWN_NAMES: &[&str] = &[
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "sent-mail",
    "sentbox",
    "outbox sent",
    "gesendet",
    "gesendete objekte",
    "gesendete elemente",
    "gesendete nachrichten",
    "postausgang gesendet",
    "envoyés",
    "messages envoyés",
    "éléments envoyés",
    "courrier envoyé",
    "enviados",
    "elementos enviados",
    "mensajes enviados",
    "correo enviado",
    "itens enviados",
    "mensagens enviadas",
    "e-mails enviados",
    "inviati",
    "posta inviata",
    "messaggi inviati",
    "elementi inviati",
    "verzonden",
    "verzonden items",
    "verzonden berichten",
    "skickat",
    "skickade",
    "skickade objekt",
    "sänt",
    "skickade meddelanden",
    "sendt",
    "sendte elementer",
    "sendt post",
    "lähetetyt",
    "lähetetyt viestit",
    "wysłane",
    "elementy wysłane",
    "odeslané",
    "odeslaná pošta",
    "odoslané",
    "elküldött",
    "elküldött elemek",
    "trimise",
    "elemente trimise",
    "изпратени",
    "отправленные",
    "исходящие",
    "надіслані",
    "відправлені",
    "надіслані елементи",
    "απεσταλμένα",
    "gönderilmiş öğeler",
    "gönderilenler",
    "gönderilmiş postalar",
    "נשלח",
    "דואר יוצא",
    "البريد المرسل",
    "المرسلة",
    "送信済み",
    "送信済みメール",
    "送信済みアイテム",
    "已发送",
    "已发送邮件",
    "已寄出",
    "寄件備份",
    "보낸편지함",
    "보낸 편지함",
];

/// Lower case, collected as the names above.
const TRASH_NAMES: &[&str] = &[
    "trash",
    "bin",
    "deleted items",
    "deleted messages",
    "papierkorb",
    "gelöschte elemente",
    "gelöschte objekte",
    "corbeille",
    "éléments supprimés",
    "papelera",
    "elementos eliminados",
    "lixeira",
    "itens excluídos",
    "cestino",
    "posta eliminata",
    "prullenbak",
    "verwijderde items",
    "papirkurv",
    "papperskorgen",
    "roskakori",
    "borttaget",
    "borttagna objekt",
    "slettet post",
    "slettede elementer",
    "poistetut",
    "elementy usunięte",
    "odstraněná pošta",
    "kosz",
    "koš",
    "kôš",
    "корзина",
    "удаленные",
    "удалённые",
    "кошик",
    "видалені",
    "κάδος απορριμμάτων",
    "çöp kutusu",
    "silinmiş öğeler",
    "ゴミ箱",
    "削除済みアイテム",
    "已删除",
    "已删除邮件",
    "刪除的郵件",
    "휴지통",
    "지운 편지함",
];

/// Of the names above those that Outlook.com and Exchange give, which announce no SPECIAL-USE.
const OUTLOOK_SENT: &[&str] = &[
    "sent items",
    "gesendete elemente",
    "éléments envoyés",
    "elementos enviados",
    "itens enviados",
    "posta inviata",
    "verzonden items",
    "skickat",
    "skickade objekt",
    "sendt post",
    "sendte elementer",
    "lähetetyt viestit",
    "elementy wysłane",
    "odeslaná pošta",
    "отправленные",
    "надіслані",
    "gönderilmiş öğeler",
    "送信済みアイテム",
    "已发送邮件",
    "寄件備份",
    "보낸 편지함",
];
const OUTLOOK_TRASH: &[&str] = &[
    "deleted items",
    "gelöschte elemente",
    "éléments supprimés",
    "elementos eliminados",
    "itens excluídos",
    "posta eliminata",
    "verwijderde items",
    "borttaget",
    "slettet post",
    "slettede elementer",
    "poistetut",
    "elementy usunięte",
    "odstraněná pošta",
    "удаленные",
    "видалені",
    "silinmiş öğeler",
    "削除済みアイテム",
    "已删除邮件",
    "刪除的郵件",
    "지운 편지함",
];

/// Where providers and servers put folders for special uses, if not at the top: lower case.
const HOMES: &[&str] = &["inbox", "[gmail]", "[google mail]", "mail"];

/// The folder to watch for sent mail. `None`: there is none, or several between which the owner has to choose.
pub fn find_sent(folders: &[ListedFolder]) -> Option<&ListedFolder> {
    find_special(folders, |folder| folder.is_sent, KNOWN_NAMES)
}

/// Some folders may hold sent mail, and nothing tells which does.
pub fn is_sent_unclear(folders: &[ListedFolder]) -> bool {
    find_sent(folders).is_none() && !called(folders, KNOWN_NAMES).is_empty()
}

/// Those that are to be counted: several are called so, and none is marked.
pub fn names_to_count(folders: &[ListedFolder]) -> Vec<String> {
    let unclear = [
        (folders.iter().any(|folder| folder.is_sent), KNOWN_NAMES),
        (folders.iter().any(|folder| folder.is_trash), TRASH_NAMES),
    ];
    let called = unclear
        .into_iter()
        .filter(|(is_marked, _)| !is_marked)
        .map(|(_, names)| called(folders, names));
    let several = called.filter(|called| called.len() > 1).flatten();
    several.map(|folder| folder.name.clone()).collect()
}

/// What its provider is known to call so counts as marked, where it marks nothing itself.
pub fn mark_by_provider(folders: &mut [ListedFolder], server: &str) {
    if !provider_of_server(server).is_some_and(|provider| provider.outlook_folders) {
        return;
    }
    let has_sent = folders.iter().any(|folder| folder.is_sent);
    let has_trash = folders.iter().any(|folder| folder.is_trash);
    for folder in folders.iter_mut().filter(|folder| is_at_home(folder)) {
        let name = last_part(folder);
        folder.is_sent |= !has_sent && OUTLOOK_SENT.contains(&name.as_str());
        folder.is_trash |= !has_trash && OUTLOOK_TRASH.contains(&name.as_str());
    }
}

/// Where all mail lies, whatever its labels. Without a known name: by mistake it would be watched.
pub fn find_all_mail(folders: &[ListedFolder]) -> Option<&ListedFolder> {
    folders.iter().find(|folder| folder.is_all && folder.selectable)
}

/// Where mail goes that is deleted. `None`: there is none that we know.
pub fn find_trash(folders: &[ListedFolder]) -> Option<&ListedFolder> {
    find_special(folders, |folder| folder.is_trash, TRASH_NAMES)
}

/// Lower case, collected as the names above.
const JUNK_NAMES: &[&str] = &[
    "junk",
    "spam",
    "junk e-mail",
    "junk email",
    "junk mail",
    "bulk mail",
    "spamverdacht",
    "unerwünscht",
    "junk-e-mail",
    "courrier indésirable",
    "indésirables",
    "correo no deseado",
    "lixo eletrônico",
    "posta indesiderata",
    "ongewenste e-mail",
    "wiadomości-śmieci",
    "nevyžádaná pošta",
    "nevyžiadaná pošta",
    "спам",
    "нежелательная почта",
    "небажана пошта",
    "ανεπιθύμητη αλληλογραφία",
    "önemsiz e-posta",
    "迷惑メール",
    "垃圾邮件",
    "垃圾郵件",
    "스팸메일함",
];

/// By its mark or its name.
pub fn is_junk(folder: &ListedFolder) -> bool {
    folder.is_junk || JUNK_NAMES.contains(&last_part(folder).as_str())
}

fn find_special<'f>(
    folders: &'f [ListedFolder],
    is_marked: impl Fn(&ListedFolder) -> bool,
    names: &[&str],
) -> Option<&'f ListedFolder> {
    let marked = folders
        .iter()
        .filter(|folder| folder.selectable && is_marked(folder));
    // Some servers mark what lies in the Trash, too.
    if let Some(found) = marked.min_by_key(|folder| !is_at_home(folder)) {
        return Some(found);
    }
    match called(folders, names).as_slice() {
        [one] => Some(one),
        several => fullest(several),
    }
}

/// By their name, where such folders lie.
fn called<'f>(folders: &'f [ListedFolder], names: &[&str]) -> Vec<&'f ListedFolder> {
    let usable = folders
        .iter()
        .filter(|folder| folder.selectable && is_at_home(folder));
    usable
        .filter(|folder| names.contains(&last_part(folder).as_str()))
        .collect()
}

/// The one in use. `None`: nothing tells which it is.
fn fullest<'f>(several: &[&'f ListedFolder]) -> Option<&'f ListedFolder> {
    let most = several.iter().copied().max_by_key(|folder| folder.messages)?;
    let is_counted = several.iter().all(|folder| folder.messages.is_some());
    let is_alone = several
        .iter()
        .filter(|folder| folder.messages == most.messages)
        .count()
        == 1;
    (is_counted && is_alone).then_some(most)
}

fn is_at_home(folder: &ListedFolder) -> bool {
    let parent = folder
        .delimiter
        .and_then(|delimiter| folder.name.rsplit_once(delimiter));
    parent.is_none_or(|(parent, _)| HOMES.contains(&parent.to_lowercase().as_str()))
}

/// `INBOX.Sent` and `[Gmail]/Sent Mail` are called by their last part. Apple's file systems take letters apart.
fn last_part(folder: &ListedFolder) -> String {
    let last = match folder.delimiter {
        Some(delimiter) => folder.name.rsplit(delimiter).next().unwrap_or(&folder.name),
        None => &folder.name,
    };
    last.trim().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, is_sent: bool) -> ListedFolder {
        ListedFolder {
            is_all: false,
            name: name.into(),
            delimiter: Some(if name.contains('/') { '/' } else { '.' }),
            is_sent,
            is_trash: false,
            is_junk: false,
            selectable: true,
            messages: None,
        }
    }

    /// `Sent=12`: with so many messages.
    fn listed(names: &[&str]) -> Vec<ListedFolder> {
        let one = |text: &&str| {
            let (name, messages) = text.split_once('=').unwrap_or((text, ""));
            ListedFolder {
                messages: messages.parse().ok(),
                ..folder(name, false)
            }
        };
        names.iter().map(one).collect()
    }

    fn name(found: Option<&ListedFolder>) -> Option<&str> {
        found.map(|folder| folder.name.as_str())
    }

    #[test]
    fn sent_is_found_by_its_mark_then_by_its_name() {
        for (folders, found) in [
            (vec![folder("Sent", false), folder("Mine", true)], Some("Mine")),
            (
                vec![folder("INBOX", false), folder("INBOX.Sent Items", false)],
                Some("INBOX.Sent Items"),
            ),
            (vec![folder("[Gmail]/Gesendet", false)], Some("[Gmail]/Gesendet")),
            (vec![folder("Надіслані", false)], Some("Надіслані")),
            (vec![folder("INBOX", false), folder("Presents", false)], None),
            (
                vec![folder("Trash/Sent", true), folder("Sent", true)],
                Some("Sent"),
            ),
            (
                vec![folder("Work/Out", true), folder("Sent", false)],
                Some("Work/Out"),
            ),
        ] {
            assert_eq!(name(find_sent(&folders)), found);
        }
        let mut closed = folder("Sent", true);
        closed.selectable = false;
        assert_eq!(find_sent(&[closed]), None);
    }

    #[test]
    fn case_08_the_wrong_of_several_sent_folders() {
        for (names, found) in [
            (
                &["INBOX", "Clients/Acme/Sent", "Sent Items"][..],
                Some("Sent Items"),
            ),
            (&["INBOX", "Deleted Items/Sent", "Sent Items"], Some("Sent Items")),
            (&["INBOX", "INBOX.Archive.Sent", "INBOX.Sent"], Some("INBOX.Sent")),
            (
                &["INBOX", "INBOX.Trash.Sent Items", "INBOX.Sent"],
                Some("INBOX.Sent"),
            ),
            (&["INBOX", "Archive/2019/Sent"], None),
            (&["INBOX", "Archive/Sent", "Shared/bob/Sent"], None),
            (&["inbox", "Inbox/Sent"], Some("Inbox/Sent")),
            // In use is the one with mail in it; nothing is picked where nothing tells.
            (&["INBOX", "Sent=0", "Sent Items=240"], Some("Sent Items")),
            (&["INBOX", "Sent=12", "Sent Items=0", "Gesendet=3"], Some("Sent")),
            (&["INBOX", "Sent", "Sent Items"], None),
            (&["INBOX", "Sent=0", "Sent Items=0"], None),
            (&["INBOX", "Sent=7", "Sent Items"], None),
            // Letters taken apart.
            (
                &["INBOX", "E\u{301}le\u{301}ments envoye\u{301}s"],
                Some("E\u{301}le\u{301}ments envoye\u{301}s"),
            ),
            (&["INBOX", "ÉLÉMENTS ENVOYÉS"], Some("ÉLÉMENTS ENVOYÉS")),
        ] {
            let mut folders = listed(names);
            for _ in 0..2 {
                assert_eq!(name(find_sent(&folders)), found, "{names:?}");
                folders.reverse();
            }
        }
    }

    #[test]
    fn the_trash_is_found_as_sent_is() {
        for (names, found) in [
            (&["INBOX", "Clients/Bin", "Trash"][..], Some("Trash")),
            (&["INBOX", "Clients/Bin"], None),
            (&["INBOX", "Trash=1", "Deleted Items=90"], Some("Deleted Items")),
            (&["INBOX", "Bin", "Trash"], None),
            (&["INBOX", "INBOX.Papierkorb"], Some("INBOX.Papierkorb")),
        ] {
            let mut folders = listed(names);
            for _ in 0..2 {
                assert_eq!(name(find_trash(&folders)), found, "{names:?}");
                folders.reverse();
            }
        }
    }

    #[test]
    fn only_what_is_unclear_is_counted_and_a_provider_makes_it_clear() {
        let mut folders = listed(&["INBOX", "Sent", "Sent Items", "Trash", "Clients/Sent"]);
        assert_eq!(names_to_count(&folders), ["Sent", "Sent Items"]);
        assert!(is_sent_unclear(&folders) && !is_sent_unclear(&listed(&["INBOX", "Clients/Sent"])));
        mark_by_provider(&mut folders, "imap.isp.example");
        assert_eq!(name(find_sent(&folders)), None);
        mark_by_provider(&mut folders, "outlook.office365.com");
        assert_eq!(name(find_sent(&folders)), Some("Sent Items"));
        assert!(names_to_count(&folders).is_empty());
        let mut own = listed(&["Sent Items", "Mine"]);
        own[1].is_sent = true;
        mark_by_provider(&mut own, "outlook.office365.com");
        assert_eq!(name(find_sent(&own)), Some("Mine"));
        for (outlook, known) in [(OUTLOOK_SENT, KNOWN_NAMES), (OUTLOOK_TRASH, TRASH_NAMES)] {
            assert!(outlook.iter().all(|name| known.contains(name)));
        }
    }
}
