//! vCards as lines of an import: Apple exports contacts as nothing else (RFC 6350; versions 2.1 to 4.0).

use std::iter::Peekable;

use crate::import_file::Column;
use crate::import_file::Row;

/// The line that it begins in, from 1, and what it holds.
pub fn read_cards(text: &str) -> Vec<(u64, Row)> {
    let mut cards = Vec::new();
    let mut card: Option<(u64, Row)> = None;
    let mut lines = (1_u64..).zip(text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        let line = unfolded(line, &mut lines);
        let Some((head, value)) = split_head(&line) else {
            continue;
        };
        match (head.name.as_str(), value.trim().to_ascii_uppercase().as_str()) {
            ("BEGIN", "VCARD") => card = Some((number, Row::new())),
            ("END", "VCARD") => cards.extend(card.take()),
            _ => {
                if let Some((_, row)) = &mut card {
                    add(row, &head, value);
                }
            }
        }
    }
    cards
}

/// With the lines that go on in it: those that are indented, and in 2.1 those after a soft break.
fn unfolded<'a>(first: &str, lines: &mut Peekable<impl Iterator<Item = (u64, &'a str)>>) -> String {
    let mut line = first.to_owned();
    let is_soft = first.to_ascii_uppercase().contains("QUOTED-PRINTABLE");
    loop {
        if is_soft && line.ends_with('=') {
            line.pop();
            let Some((_, next)) = lines.next() else {
                return line;
            };
            line.push_str(next);
            continue;
        }
        match lines.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            Some((_, next)) => line.push_str(&next[1..]),
            None => return line,
        }
    }
}

struct Head {
    /// Upper case, without the group that Apple puts before it.
    name: String,
    is_quoted_printable: bool,
}

fn split_head(line: &str) -> Option<(Head, &str)> {
    let mut is_quoted = false;
    let colon = line.find(|c| {
        is_quoted ^= c == '"';
        c == ':' && !is_quoted
    })?;
    let (head, value) = (&line[..colon], &line[colon + 1..]);
    let name = head.split(';').next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    let head = Head {
        name: name.trim().to_ascii_uppercase(),
        is_quoted_printable: head.to_ascii_uppercase().contains("QUOTED-PRINTABLE"),
    };
    Some((head, value))
}

fn add(row: &mut Row, head: &Head, value: &str) {
    let value = match head.is_quoted_printable {
        true => decoded(value),
        false => value.to_owned(),
    };
    let parts: Vec<String> = split_parts(&value);
    let first = parts.first().cloned().unwrap_or_default();
    let mut set = |column, text: String| {
        let held: &mut String = row.entry(column).or_default();
        if held.is_empty() {
            *held = text.trim().to_owned();
        }
    };
    match head.name.as_str() {
        "FN" => set(Column::Name, parts.join(";")),
        "N" => {
            let part = |at: usize| parts.get(at).cloned().unwrap_or_default();
            set(Column::LastName, part(0));
            set(Column::FirstName, part(1));
            set(Column::MiddleName, part(2));
        }
        "ORG" => set(Column::Company, first),
        "TEL" => set(Column::Phone, first.trim_start_matches("tel:").to_owned()),
        "NOTE" => set(Column::Notes, parts.join(";")),
        "EMAIL" => {
            let held: &mut String = row.entry(Column::Addresses).or_default();
            held.push_str(", ");
            held.push_str(first.trim());
        }
        _ => {}
    }
}

/// At semicolons that are not escaped, each without its escapes.
fn split_parts(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        let text = match sign {
            ';' => {
                parts.push(String::new());
                continue;
            }
            '\\' => match signs.next() {
                Some('n' | 'N') => '\n',
                Some(escaped) => escaped,
                None => break,
            },
            sign => sign,
        };
        if let Some(part) = parts.last_mut() {
            part.push(text);
        }
    }
    parts
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let coded = (*byte == b'=')
            .then(|| after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten();
        match coded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import_file::addresses;

    #[test]
    fn cards_are_read_as_apple_and_phones_write_them() {
        for (who, text, expected) in [
            (
                "iCloud",
                "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Moss;Kelly;A.;;\r\nFN:Kelly A. Moss\r\nORG:Moss\\, Inc;Lines\r\n\
                 item1.EMAIL;type=INTERNET;type=pref:kelly@out.exam\r\n ple\r\nitem1.X-ABLabel:_$!<Other>!$_\r\n\
                 EMAIL;type=HOME:k@home.example\r\nTEL;type=CELL:+1 555 1\r\nTEL;type=HOME:+1 555 2\r\n\
                 NOTE:two\\nlines\\; yes\r\nEND:VCARD\r\n",
                vec!["1 Kelly A. Moss|kelly@out.example k@home.example|+1 555 1|two\nlines; yes"],
            ),
            (
                "Android",
                "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9C=D0=BE=D1=85;=D0=9A=\n=D0=B5=D0=BB;;;\n\
                 FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9A=D0=B5=D0=BB\nEMAIL;HOME:kelly@out.example\nEND:VCARD\n\
                 BEGIN:VCARD\nVERSION:4.0\nFN:Tom\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+1-555-3\nEND:VCARD\n",
                vec!["1 Кел|kelly@out.example||", "8 Tom||+1-555-3|"],
            ),
            ("cut", "BEGIN:VCARD\nFN:Kelly\n", vec![]),
        ] {
            let text_of = |row: &Row, column| row.get(&column).cloned().unwrap_or_default();
            let told: Vec<_> = read_cards(text)
                .into_iter()
                .map(|(line, row)| {
                    let addresses: Vec<_> = addresses(&row).collect();
                    let [name, phone, notes] =
                        [Column::Name, Column::Phone, Column::Notes].map(|column| text_of(&row, column));
                    format!("{line} {name}|{}|{phone}|{notes}", addresses.join(" "))
                })
                .collect();
            assert_eq!(told, expected, "{who}");
        }
    }
}
