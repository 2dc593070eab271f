//! What stands above quoted words: whose they are and of when, in the language and by the clock of whoever quotes them.

use domain::Timestamp;
use domain::message::AddressRole;
use domain::message::NamedAddress;
use jiff::tz::TimeZone;
use mime::escape;
use store::administrators::Administrator;
use store::messages::Message;

/// Lines that other programs fold as the head of a quotation, each in its language.
struct Words {
    months: [&'static str; 12],
    /// Between a day and a time.
    at: &'static str,
    after_day: &'static str,
    /// With `{when}` and `{who}`.
    wrote: &'static str,
    forwarded: &'static str,
    from: &'static str,
    date: &'static str,
    subject: &'static str,
    to: &'static str,
}

const ENGLISH: Words = Words {
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    at: "at",
    after_day: "",
    wrote: "On {when}, {who} wrote:",
    forwarded: "Forwarded message",
    from: "From",
    date: "Date",
    subject: "Subject",
    to: "To",
};

const GERMAN: Words = Words {
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    at: "um",
    after_day: ".",
    wrote: "Am {when} schrieb {who}:",
    forwarded: "Weitergeleitete Nachricht",
    from: "Von",
    date: "Datum",
    subject: "Betreff",
    to: "An",
};

/// As whoever quotes has chosen in the profile; English where they have not.
pub(crate) struct QuotedHead {
    words: &'static Words,
    zone: TimeZone,
}

impl QuotedHead {
    pub fn of(writer: &Administrator) -> Self {
        QuotedHead {
            words: match writer.language.split('-').next() {
                Some("de") => &GERMAN,
                _ => &ENGLISH,
            },
            zone: TimeZone::get(&writer.time_zone).unwrap_or(TimeZone::UTC),
        }
    }

    /// Above an answer's quotation, as HTML.
    pub fn of_answer(&self, message: &Message) -> String {
        escape(&self.wrote(written_at(message), author_of(message)))
    }

    /// Above what is passed on, as HTML.
    pub fn of_forward(&self, message: &Message, people: &[NamedAddress]) -> String {
        let words = self.words;
        let to: Vec<_> = people
            .iter()
            .filter(|named| named.role == AddressRole::To)
            .filter_map(|named| named.address.as_ref().map(|address| address.as_str()))
            .collect();
        let address = message.author_address.as_deref().unwrap_or_default();
        let lines = [
            format!("---------- {} ----------", words.forwarded),
            format!("{}: {} <{address}>", words.from, author_of(message)),
            format!("{}: {}", words.date, self.when(written_at(message))),
            format!("{}: {}", words.subject, message.subject),
            format!("{}: {}", words.to, to.join(", ")),
        ];
        lines.map(|line| escape(&line)).join("<br>")
    }

    fn wrote(&self, at: Timestamp, who: &str) -> String {
        let when = self.when(at);
        // The name last: it is foreign, and may hold what looks like a place to fill.
        self.words.wrote.replace("{when}", &when).replace("{who}", who)
    }

    /// "26 November 2026 at 01:05".
    fn when(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        let at = at.to_zoned(self.zone.clone());
        let words = self.words;
        let month = words.months[usize::from(at.month().unsigned_abs() - 1)];
        format!(
            "{}{} {month} {} {} {:02}:{:02}",
            at.day(),
            words.after_day,
            at.year(),
            words.at,
            at.hour(),
            at.minute()
        )
    }
}

fn written_at(message: &Message) -> Timestamp {
    message.dated_at.unwrap_or(message.arrived_at)
}

fn author_of(message: &Message) -> &str {
    match message.author_name.as_str() {
        "" => message.author_address.as_deref().unwrap_or_default(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use mime::TextKind;
    use mime::split_text;

    use super::*;

    fn head(words: &'static Words, zone: &str) -> QuotedHead {
        QuotedHead {
            words,
            zone: TimeZone::get(zone).expect("zone"),
        }
    }

    #[test]
    fn it_is_in_the_language_and_by_the_clock_of_whoever_answers() {
        let at = Timestamp::from_millis(1_795_651_556_000);
        for (words, zone, expected) in [
            (
                &ENGLISH,
                "UTC",
                "On 26 November 2026 at 00:05, John {when} wrote:",
            ),
            (
                &ENGLISH,
                "America/New_York",
                "On 25 November 2026 at 19:05, John {when} wrote:",
            ),
            (
                &GERMAN,
                "Europe/Berlin",
                "Am 26. November 2026 um 01:05 schrieb John {when}:",
            ),
        ] {
            assert_eq!(head(words, zone).wrote(at, "John {when}"), expected);
        }
    }

    /// What we write is folded by whoever knows how mail is quoted, ourselves included.
    #[test]
    fn it_is_folded_with_what_it_stands_above() {
        let months = (0..12).map(|month| Timestamp::from_millis(1_795_651_556_000 + month * 30 * 86_400_000));
        for at in months {
            for words in [&ENGLISH, &GERMAN] {
                let line = head(words, "Europe/Berlin").wrote(at, "John Doe");
                let text = format!("Thank you.\n\n{line}\n> Hi,\n> it works.\n");
                let blocks = split_text(&text);
                let own: Vec<_> = blocks
                    .iter()
                    .filter(|block| block.kind == TextKind::Own)
                    .map(|block| block.text.trim())
                    .collect();
                assert_eq!(own, ["Thank you."], "{line}");
            }
        }
    }
}
