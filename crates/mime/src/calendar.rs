//! Invitations (iCalendar, RFC 5545 and 5546): when, where, who. Nothing is answered and no calendar is kept.

use domain::CleanText;
use mail_parser::DateTime;

use crate::content_lines::Line;
use crate::content_lines::lines;
use crate::content_lines::unescaped;

const MAX_EVENTS: usize = 10;
const MAX_GUESTS: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitation {
    pub kind: InvitationKind,
    pub title: CleanText,
    pub starts: Option<Moment>,
    pub ends: Option<Moment>,
    /// `daily`, `weekly`, `monthly` or `yearly`.
    pub repeats: Option<&'static str>,
    pub place: CleanText,
    pub organizer: Option<Guest>,
    pub guests: Vec<Guest>,
}

/// What its sender wants (RFC 5546 §1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvitationKind {
    /// Nothing: it is told of.
    #[default]
    Event,
    Request,
    Cancelled,
    /// Somebody says whether they come.
    Answer,
}

impl InvitationKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            InvitationKind::Event => "event",
            InvitationKind::Request => "request",
            InvitationKind::Cancelled => "cancelled",
            InvitationKind::Answer => "answer",
        }
    }
}

/// By a clock on a wall; where that hangs is in `zone`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// `2026-11-02T10:00:00`, of a whole day `2026-11-02`.
    pub at: String,
    /// `UTC`, or as the sender calls it; `None`: wherever one is.
    pub zone: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    pub name: CleanText,
    pub address: CleanText,
    /// `accepted`, `declined`, `tentative`; `None`: nothing was said.
    pub answer: Option<&'static str>,
}

/// The events of a calendar file.
pub fn invitations(text: &str) -> Vec<Invitation> {
    let mut found = Vec::new();
    let mut method = InvitationKind::Event;
    // Of what is open; alarms and time zones have times of their own.
    let mut open: Vec<String> = Vec::new();
    let mut event = Event::default();
    for line in lines(text) {
        match (line.name.as_str(), open.last().map(String::as_str)) {
            ("BEGIN", _) if open.len() < 10 => open.push(line.value.trim().to_ascii_uppercase()),
            ("END", _) => {
                let is_event = open.pop().is_some_and(|name| name == "VEVENT");
                found.extend(is_event.then(|| std::mem::take(&mut event).into_invitation(method)));
            }
            ("METHOD", Some("VCALENDAR")) => method = kind(&line.value),
            (_, Some("VEVENT")) => event.add(&line),
            _ => {}
        }
        if found.len() >= MAX_EVENTS {
            break;
        }
    }
    found
}

fn kind(method: &str) -> InvitationKind {
    match method.trim().to_ascii_uppercase().as_str() {
        "REQUEST" | "ADD" | "COUNTER" => InvitationKind::Request,
        "CANCEL" => InvitationKind::Cancelled,
        "REPLY" => InvitationKind::Answer,
        _ => InvitationKind::Event,
    }
}

#[derive(Default)]
struct Event {
    invitation: Invitation,
    is_cancelled: bool,
    seconds: Option<i64>,
}

impl Event {
    fn add(&mut self, line: &Line) {
        let invitation = &mut self.invitation;
        let text = || CleanText::cut(&unescaped(&line.value), 300);
        match line.name.as_str() {
            "SUMMARY" => invitation.title = text(),
            "LOCATION" => invitation.place = text(),
            "DTSTART" => invitation.starts = moment(line),
            "DTEND" => invitation.ends = moment(line),
            "DURATION" => self.seconds = duration(&line.value),
            "STATUS" => self.is_cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED"),
            "RRULE" => invitation.repeats = repeats(&line.value),
            "ORGANIZER" => invitation.organizer = Some(guest(line)),
            "ATTENDEE" if invitation.guests.len() < MAX_GUESTS => invitation.guests.push(guest(line)),
            _ => {}
        }
    }

    fn into_invitation(self, method: InvitationKind) -> Invitation {
        let mut invitation = self.invitation;
        invitation.kind = if self.is_cancelled {
            InvitationKind::Cancelled
        } else {
            method
        };
        if invitation.ends.is_none()
            && let (Some(starts), Some(seconds)) = (&invitation.starts, self.seconds)
        {
            invitation.ends = later(starts, seconds);
        }
        invitation
    }
}

/// `20261102T100000Z`, `20261102`, or as some write it with signs between.
fn moment(line: &Line) -> Option<Moment> {
    let (digits, is_utc) = match line.value.trim().strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, true),
        None => (line.value.trim(), false),
    };
    let digits: String = digits.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let (date, time) = digits
        .split_once(['T', 't'])
        .map_or((digits.as_str(), None), |(date, time)| (date, Some(time)));
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let year: u16 = date.get(..4)?.parse().ok()?;
    let (month, day) = (number(date, 4, 6)?, number(date, 6, 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(time) = time else {
        return Some(Moment { at: date, zone: None });
    };
    let (hour, minute) = (number(time, 0, 2)?, number(time, 2, 4)?);
    let second = number(time, 4, 6).unwrap_or_default().min(59);
    if hour > 23 || minute > 59 {
        return None;
    }
    let zone = match is_utc {
        true => Some("UTC".to_owned()),
        false => line
            .parameter("TZID")
            .map(|zone| CleanText::cut(zone.trim_start_matches('/'), 100).into_string()),
    };
    Some(Moment {
        at: format!("{date}T{hour:02}:{minute:02}:{second:02}"),
        zone,
    })
}

/// `P1D`, `PT1H30M`, `P2W` (RFC 5545 §3.3.6), in seconds.
fn duration(value: &str) -> Option<i64> {
    let mut seconds = 0_i64;
    let mut number = 0_i64;
    for c in value
        .trim()
        .trim_start_matches('+')
        .strip_prefix(['P', 'p'])?
        .chars()
    {
        let unit = match c.to_ascii_uppercase() {
            'T' => continue,
            'W' => 7 * 86_400,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            digit => {
                number = (number * 10 + i64::from(digit.to_digit(10)?)).min(1_000_000);
                continue;
            }
        };
        seconds += number * unit;
        number = 0;
    }
    Some(seconds)
}

/// On the same clock.
fn later(starts: &Moment, seconds: i64) -> Option<Moment> {
    let is_day = starts.at.len() == 10;
    let at = if is_day {
        format!("{}T00:00:00", starts.at)
    } else {
        starts.at.clone()
    };
    let start = DateTime::parse_rfc3339(&format!("{at}Z"))?;
    let end = DateTime::from_timestamp(start.to_timestamp() + seconds);
    let date = format!("{:04}-{:02}-{:02}", end.year, end.month, end.day);
    Some(Moment {
        at: match is_day {
            true => date,
            false => format!("{date}T{:02}:{:02}:{:02}", end.hour, end.minute, end.second),
        },
        zone: starts.zone.clone(),
    })
}

fn repeats(rule: &str) -> Option<&'static str> {
    let rule = rule.to_ascii_uppercase();
    let all = [
        ("DAILY", "daily"),
        ("WEEKLY", "weekly"),
        ("MONTHLY", "monthly"),
        ("YEARLY", "yearly"),
    ];
    let found = all
        .iter()
        .find(|(name, _)| rule.split(';').any(|piece| piece == format!("FREQ={name}")));
    found.map(|(_, said)| *said)
}

fn guest(line: &Line) -> Guest {
    let value = line.value.trim();
    let address = match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &value[7..],
        _ => line.parameter("EMAIL").unwrap_or(value),
    };
    let answer = line.parameter("PARTSTAT").map(str::to_ascii_uppercase);
    Guest {
        name: CleanText::cut(line.parameter("CN").unwrap_or_default(), 100),
        address: CleanText::cut(address, 200),
        answer: match answer.as_deref() {
            Some("ACCEPTED") => Some("accepted"),
            Some("DECLINED") => Some("declined"),
            Some("TENTATIVE") => Some("tentative"),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\n\
DTSTART:19701025T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY:Fibre\\, new\r\n  box\r\n\
DTSTART;TZID=\"Europe/Berlin\":20261102T100000\r\nDURATION:PT1H30M\r\nLOCATION:Main St 1\\nDoor 2\r\n\
RRULE:FREQ=WEEKLY;COUNT=3\r\nORGANIZER;CN=\"Kelly: Sales\":mailto:kelly@out.example\r\n\
ATTENDEE;PARTSTAT=ACCEPTED;CN=Alice:MAILTO:alice@isp.example\r\nBEGIN:VALARM\r\nDTSTART:20200101\r\nEND:VALARM\r\n\
END:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn an_invitation_says_when_where_and_who() {
        let found = invitations(INVITE);
        let [invitation] = found.as_slice() else {
            panic!("{found:?}");
        };
        let at = |at: &str| {
            Some(Moment {
                at: at.into(),
                zone: Some("Europe/Berlin".into()),
            })
        };
        assert_eq!(invitation.kind, InvitationKind::Request);
        assert_eq!(invitation.title.as_str(), "Fibre, new box");
        assert_eq!(invitation.starts, at("2026-11-02T10:00:00"));
        assert_eq!(invitation.ends, at("2026-11-02T11:30:00"));
        assert_eq!(invitation.place.as_str(), "Main St 1 Door 2");
        assert_eq!(invitation.repeats, Some("weekly"));
        let organizer = invitation.organizer.as_ref().expect("organizer");
        assert_eq!(
            (organizer.name.as_str(), organizer.address.as_str()),
            ("Kelly: Sales", "kelly@out.example")
        );
        assert_eq!(invitation.guests[0].answer, Some("accepted"));
    }

    #[test]
    fn times_are_read_in_their_forms() {
        for (line, at, zone) in [
            ("DTSTART:20261102T100000Z", "2026-11-02T10:00:00", Some("UTC")),
            ("DTSTART:20261102T1000", "2026-11-02T10:00:00", None),
            ("DTSTART;VALUE=DATE:20261102", "2026-11-02", None),
            ("DTSTART:2026-11-02T10:00:00", "2026-11-02T10:00:00", None),
            (
                "DTSTART;TZID=W. Europe Standard Time:20261102T100000",
                "2026-11-02T10:00:00",
                Some("W. Europe Standard Time"),
            ),
        ] {
            let found = invitations(&format!("BEGIN:VEVENT\n{line}\nEND:VEVENT\n"));
            let starts = found[0].starts.as_ref().expect(line);
            assert_eq!((starts.at.as_str(), starts.zone.as_deref()), (at, zone), "{line}");
        }
        for line in [
            "DTSTART:soon",
            "DTSTART:20261340",
            "DTSTART:20261102T990000",
            "DTSTART:",
            "DTSTART:\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            let found = invitations(&format!("BEGIN:VEVENT\n{line}\nEND:VEVENT\n"));
            assert_eq!(found[0].starts, None, "{line}");
        }
        let found = invitations("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261231\nDURATION:P1D\nEND:VEVENT");
        assert_eq!(found[0].ends.as_ref().expect("end").at, "2027-01-01");
        assert_eq!(invitations("BEGIN:VCALENDAR\nEND:VCALENDAR\n"), []);
    }
}
