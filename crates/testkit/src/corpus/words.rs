//! What the messages are made of.

use super::encoding::Charset;

pub type Words = &'static [&'static str];

pub const LATIN: &[&str] = &[
    "invoice",
    "order",
    "router",
    "payment",
    "contract",
    "service",
    "installation",
    "speed",
    "outage",
    "ticket",
    "customer",
    "update",
    "reply",
    "attached",
    "schedule",
    "visit",
    "engineer",
    "fibre",
    "modem",
    "address",
    "account",
    "balance",
    "due",
    "please",
    "thanks",
    "regards",
    "meeting",
    "monday",
    "friday",
    "question",
    "delivery",
    "number",
    "confirm",
    "signal",
    "plan",
    "price",
    "discount",
];

pub const GERMAN: &[&str] = &[
    "Rechnung",
    "Gebühr",
    "Überweisung",
    "Straße",
    "Kündigung",
    "größer",
    "möglich",
    "Grüße",
    "Vertrag",
    "Anschluss",
    "für",
    "über",
    "Störung",
    "Köln",
    "Müller",
];

const FRENCH: &[&str] = &[
    "facture",
    "réseau",
    "déjà",
    "été",
    "client",
    "reçu",
    "problème",
    "téléphone",
    "s'il",
    "vous",
    "plaît",
    "coût",
    "août",
    "forêt",
    "élève",
    "œuvre",
    "garçon",
];

const CZECH: &[&str] = &[
    "faktura",
    "smlouva",
    "připojení",
    "rychlost",
    "děkuji",
    "prosím",
    "účet",
    "příští",
    "středa",
    "žádost",
    "zákazník",
    "číslo",
    "měsíc",
    "běží",
];

const RUSSIAN: &[&str] = &[
    "счёт",
    "договор",
    "подключение",
    "скорость",
    "спасибо",
    "пожалуйста",
    "оплата",
    "заявка",
    "клиент",
    "номер",
    "адрес",
    "завтра",
    "инженер",
];

const JAPANESE: &[&str] = &[
    "請求書",
    "契約",
    "接続",
    "速度",
    "ありがとうございます",
    "お願いします",
    "支払い",
    "顧客",
    "番号",
    "住所",
    "明日",
    "担当者",
    "障害",
    "工事",
];

const CHINESE: &[&str] = &[
    "发票",
    "合同",
    "连接",
    "速度",
    "谢谢",
    "请",
    "付款",
    "客户",
    "号码",
    "地址",
    "明天",
    "工程师",
    "故障",
    "安装",
];

const KOREAN: &[&str] = &[
    "청구서",
    "계약",
    "연결",
    "속도",
    "감사합니다",
    "부탁합니다",
    "결제",
    "고객",
    "번호",
    "주소",
    "내일",
    "기사",
    "장애",
    "설치",
];

const HEBREW: &[&str] = &[
    "חשבונית",
    "חוזה",
    "חיבור",
    "מהירות",
    "תודה",
    "בבקשה",
    "תשלום",
    "לקוח",
    "מספר",
    "כתובת",
    "מחר",
    "טכנאי",
];

const ARABIC: &[&str] = &[
    "فاتورة",
    "عقد",
    "اتصال",
    "سرعة",
    "شكرا",
    "رجاء",
    "دفع",
    "عميل",
    "رقم",
    "عنوان",
    "غدا",
    "مهندس",
];

pub const FIRST_NAMES: &[&str] = &[
    "Anna", "Boris", "Carla", "Dmitri", "Eva", "Frank", "Grace", "Hiro", "Ivan", "Julia", "Karel", "Lena",
    "Mona", "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tomas",
];

pub const LAST_NAMES: &[&str] = &[
    "Novak", "Smith", "Müller", "Ivanov", "Dvořák", "García", "Tanaka", "Kowalski", "Jensen", "Rossi",
    "Dubois", "O'Brien", "Nagy", "Petrov", "Svoboda",
];

pub const DOMAINS: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "isp.example",
    "kunde.example",
    "klient.example",
];

/// Extension and type of attached files.
pub const FILES: &[&(&str, &str)] = &[
    &("pdf", "application/pdf"),
    &("jpg", "image/jpeg"),
    &("png", "image/png"),
    &("zip", "application/zip"),
    &(
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    &("docx", "application/msword"),
    &("csv", "text/csv"),
    &("bin", "application/octet-stream"),
];

/// Percent of messages, the words of their language, and the charset they name with the codec behind it.
pub const CHARSETS: &[(f64, Words, Charset)] = &[
    (46.0, LATIN, charset("utf-8", "utf-8")),
    (6.0, LATIN, charset("us-ascii", "ascii")),
    (6.0, GERMAN, charset("utf-8", "utf-8")),
    (6.0, GERMAN, charset("iso-8859-1", "latin-1")),
    (4.0, FRENCH, charset("windows-1252", "windows-1252")),
    (2.0, FRENCH, charset("iso-8859-15", "iso-8859-15")),
    (4.0, CZECH, charset("utf-8", "utf-8")),
    (3.0, CZECH, charset("windows-1250", "windows-1250")),
    (2.0, CZECH, charset("iso-8859-2", "iso-8859-2")),
    (4.0, RUSSIAN, charset("utf-8", "utf-8")),
    (3.0, RUSSIAN, charset("koi8-r", "koi8-r")),
    (3.0, RUSSIAN, charset("windows-1251", "windows-1251")),
    (3.0, JAPANESE, charset("iso-2022-jp", "iso-2022-jp")),
    (1.0, JAPANESE, charset("shift_jis", "shift_jis")),
    (2.0, CHINESE, charset("gb2312", "gb2312")),
    (1.0, CHINESE, charset("gb18030", "gb18030")),
    (1.0, CHINESE, charset("big5", "utf-8")),
    (1.0, KOREAN, charset("euc-kr", "euc-kr")),
    (1.0, HEBREW, charset("windows-1255", "windows-1255")),
    (1.0, ARABIC, charset("windows-1256", "windows-1256")),
];

const fn charset(label: &'static str, codec: &'static str) -> Charset {
    Charset { label, codec }
}
