//! How programs begin the subject of an answer that nobody wrote. Data only, in lower case.

/// At the start, and by no person: what people write too is below.
#[rustfmt::skip]
pub const WRITTEN_BY_PROGRAMS: &[&str] = &[
    "automatic reply:", "automatic reply from", "automatic response:", "automatic answer:", "automated reply:",
    "automated response:", "auto reply:", "auto-reply:", "autoreply:", "auto response:", "auto-response:",
    "autoresponse:", "autoresponder:", "out of office reply", "out of office autoreply", "out of office auto-reply",
    "vacation reply", "vacation response",
    "automatische antwort", "automatische rückantwort", "automatische abwesenheit", "abwesenheitsnotiz",
    "abwesenheitsmeldung", "abwesenheitsbenachrichtigung", "abwesenheitsassistent",
    "réponse automatique", "reponse automatique", "réponse d'absence",
    "respuesta automática", "respuesta automatica", "autorespuesta",
    "risposta automatica", "risposta di assenza", "resposta automática", "resposta automatica",
    "resposta automàtica", "erantzun automatikoa", "स्वचालित उत्तर", "پاسخ خودکار",
    "automatisch antwoord", "automatische beantwoording", "afwezigheidsbericht", "afwezigheidsassistent",
    "automatyczna odpowiedź", "autoodpowiedź", "odpowiedź automatyczna",
    "автоматический ответ", "автоответ", "автоматична відповідь", "автовідповідь", "автоматичен отговор",
    "аутоматски одговор", "automatická odpověď", "automatická odpoveď", "oznámení o nepřítomnosti",
    "autosvar", "automatiskt svar", "automatisk svar", "frånvaromeddelande", "fraværsmelding", "fraværsbesked",
    "fraværsassistent", "automaattinen vastaus", "poissaoloviesti", "poissaoloilmoitus",
    "otomatik yanıt", "otomatik cevap", "automatikus válasz", "răspuns automat", "αυτόματη απάντηση",
    "automatski odgovor", "samodejni odgovor", "automatinis atsakymas", "automātiska atbilde", "automaatvastus",
    "trả lời tự động", "ตอบกลับอัตโนมัติ", "balasan otomatis", "رد تلقائي", "תשובה אוטומטית", "מענה אוטומטי",
    "自动回复", "自動回覆", "自动答复", "自動応答", "自動返信", "自動回答", "자동 회신", "자동회신", "자동 응답",
];

/// Anywhere, where a field of the header says that a program wrote it.
#[rustfmt::skip]
pub const AWAY: &[&str] = &[
    "out of office", "out of the office", "out-of-office", "ooo:", "on vacation", "vacation:", "on holiday",
    "i am away",
    "away from", "absent", "on leave", "automatic reply", "auto-reply", "autoreply", "auto reply", "auto:",
    "not in the office", "abwesen", "nicht im büro", "urlaub", "absence", "en congé", "congés", "vacances",
    "ausente", "ausencia", "ausência", "vacaciones", "férias", "fuera de la oficina", "fuera de oficina",
    "fora do escritório", "assente", "assenza", "in ferie", "fuori sede", "fuori ufficio", "afwezig", "niet aanwezig",
    "vakantie", "nieobecn", "urlop", "poza biurem", "отсутств", "отпуск", "вне офиса", "нет на месте", "відсутн",
    "відпустк", "nepřítom", "dovolen", "mimo kancelář", "frånvar", "semester", "ej på kontoret", "fravær",
    "ikke til stede", "poissa", "lomalla", "izinde", "işyeri dışında", "ofis dışında", "szabadság", "házon kívül",
    "außer haus", "нет на работе", "немає на роботі", "поза офісом", "εκτός γραφείου", "מחוץ למשרד", "خارج المكتب",
    "休假", "外出", "不在", "출장", "휴가", "부재",
];
