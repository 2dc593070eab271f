//! Which folder holds sent mail, which is the Trash, and which holds everything.
//!
//! Pure. SPECIAL-USE first (RFC 6154), then the names that the big providers and mail programs use.

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
}

/// Lower case. Gmail, Outlook, Yahoo, GMX, web.de, Orange, UKR.NET, Yandex, Thunderbird, Apple Mail and
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
    "cestino",
    "posta eliminata",
    "prullenbak",
    "verwijderde items",
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
    "ゴミ箱",
    "已删除",
    "已删除邮件",
    "휴지통",
];

/// The folder to watch for sent mail. `None`: the owner has to pick one.
pub fn find_sent(folders: &[ListedFolder]) -> Option<&ListedFolder> {
    find_special(folders, |folder| folder.is_sent, KNOWN_NAMES)
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
    is_it: impl Fn(&ListedFolder) -> bool,
    names: &[&str],
) -> Option<&'f ListedFolder> {
    let usable = || folders.iter().filter(|folder| folder.selectable);
    usable().find(|folder| is_it(folder)).or_else(|| {
        names
            .iter()
            .find_map(|known| usable().find(|folder| last_part(folder) == *known))
    })
}

/// `INBOX.Sent` and `[Gmail]/Sent Mail` are called by their last part.
fn last_part(folder: &ListedFolder) -> String {
    let last = match folder.delimiter {
        Some(delimiter) => folder.name.rsplit(delimiter).next().unwrap_or(&folder.name),
        None => &folder.name,
    };
    last.to_lowercase()
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
        }
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
        ] {
            assert_eq!(find_sent(&folders).map(|folder| folder.name.as_str()), found);
        }
        let mut closed = folder("Sent", true);
        closed.selectable = false;
        assert_eq!(find_sent(&[closed]), None);
    }
}
