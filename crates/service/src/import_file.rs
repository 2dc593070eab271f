//! Lines of a CSV file as fields of records: files of spreadsheets and billing systems, and contacts as Google,
//! Outlook, Thunderbird, Yahoo and others export them (Apple: as vCards).

use std::collections::HashMap;

use domain::text::sentence;

use crate::ServiceError;
use crate::import_cards::read_cards;

const MAX_ROWS: usize = 50_000;
/// A line with a text in quotation marks that is longer has one that is never closed.
const MAX_RECORD_BYTES: usize = 64 * 1024;
const OPEN_QUOTE: &str = "A quotation mark is opened in this line and never closed.";

/// A field of a record, by the column names that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Kind,
    Name,
    FirstName,
    MiddleName,
    LastName,
    Company,
    Number,
    Phone,
    Status,
    ExternalId,
    Notes,
    Addresses,
}

/// Lower case, letters only.
const COLUMNS: &[(Column, &[&str])] = &[
    (Column::Kind, &["kind", "type"]),
    (
        Column::Name,
        &[
            "name",
            "fullname",
            "customername",
            "displayname",
            "anzeigename",
            "kundenname",
            "nomcomplet",
        ],
    ),
    (
        Column::FirstName,
        &[
            "first",
            "firstname",
            "givenname",
            "vorname",
            "prénom",
            "nombre",
            "nome",
            "voornaam",
            "imię",
            "имя",
            "förnamn",
            "fornavn",
            "etunimi",
            "jméno",
        ],
    ),
    (
        Column::MiddleName,
        &[
            "middle",
            "middlename",
            "additionalname",
            "weiterevornamen",
            "deuxièmeprénom",
        ],
    ),
    (
        Column::LastName,
        &[
            "last",
            "lastname",
            "familyname",
            "surname",
            "nachname",
            "nom",
            "apellidos",
            "apellido",
            "cognome",
            "sobrenome",
            "achternaam",
            "nazwisko",
            "фамилия",
            "efternamn",
            "efternavn",
            "etternavn",
            "sukunimi",
            "příjmení",
        ],
    ),
    (
        Column::Company,
        &[
            "company",
            "companyname",
            "organization",
            "organizationname",
            "organisation",
            "firma",
            "société",
            "empresa",
            "azienda",
            "bedrijf",
            "организация",
        ],
    ),
    (
        Column::Number,
        &["number", "login", "customerid", "customernumber", "kundennummer"],
    ),
    (
        Column::Phone,
        &[
            "phone",
            "phonenumber",
            "phonevalue",
            "telephone",
            "mobilephone",
            "mobilenumber",
            "mobile",
            "homephone",
            "workphone",
            "businessphone",
            "primaryphone",
            "telefon",
            "mobiltelefon",
            "telefongeschäftlich",
            "telefonprivat",
            "téléphone",
            "teléfono",
            "telefono",
            "telefoon",
            "телефон",
        ],
    ),
    (Column::Status, &["status"]),
    (Column::ExternalId, &["externalid", "id", "recordid", "contactid"]),
    (Column::Notes, &["notes", "notizen", "notas", "note", "заметки"]),
    (
        Column::Addresses,
        &[
            "email",
            "emails",
            "emailaddress",
            "emailaddresses",
            "emailvalue",
            "mail",
            "primaryemail",
            "secondaryemail",
            "alternateemail",
            "workemail",
            "homeemail",
            "otheremail",
            "emailadresse",
            "primäreemailadresse",
            "sekundäreemailadresse",
            "adressedemessagerie",
            "adresseemail",
            "courriel",
            "correoelectrónico",
            "direccióndecorreoelectrónico",
            "indirizzopostaelettronica",
            "endereçodeemail",
            "emailadres",
            "adresemail",
            "адресэлпочты",
            "электроннаяпочта",
        ],
    ),
];

pub type Row = HashMap<Column, String>;

pub struct File {
    /// With their lines, from 1; or why one cannot be read.
    pub rows: Vec<(u64, Result<Row, &'static str>)>,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
    /// It is not Unicode.
    pub read_as: Option<ReadAs>,
}

/// A code page that was found by its letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAs {
    pub name: &'static str,
    /// Some of the file that would look otherwise in another.
    pub words: String,
}

pub fn read(csv: &[u8]) -> Result<File, ServiceError> {
    let (text, code_page) = mime::text_of_file(csv);
    if text.contains('\0') {
        return Err(wrong("The file is not text. Save it as \"CSV UTF-8\"."));
    }
    let read_as = code_page.map(|name| ReadAs {
        name,
        words: telling_words(&text),
    });
    let file = match is_cards(&text) {
        true => of_cards(&text)?,
        false => of_lines(&text)?,
    };
    Ok(File { read_as, ..file })
}

fn of_lines(text: &str) -> Result<File, ServiceError> {
    let (text, delimiter, skipped) = without_separator_line(text);
    let mut records = Records {
        rest: text,
        line: 1 + skipped,
        delimiter,
    };
    let Some((_, heads)) = records.next() else {
        return Err(wrong("The file is empty."));
    };
    let heads = split(heads.map_err(wrong)?, delimiter)?;
    let columns: Vec<Option<Column>> = heads.iter().map(|head| column(head)).collect();
    if !columns.iter().flatten().any(|column| is_name(*column)) {
        return Err(wrong("A column \"name\" is expected in the first line."));
    }
    let ignored = heads.iter().zip(&columns).filter(|(_, column)| column.is_none());
    let ignored = ignored.map(|(head, _)| head.chars().take(60).collect()).collect();
    let mut rows = Vec::new();
    for (line, record) in records {
        let row = match record {
            Ok(record) => Ok(row(&split(record, delimiter)?, &columns)),
            Err(reason) => Err(reason),
        };
        if row.as_ref().is_ok_and(|row| row.values().all(String::is_empty)) {
            continue;
        }
        if rows.len() == MAX_ROWS {
            return Err(wrong(format!(
                "At most {MAX_ROWS} lines are taken at once. Split the file."
            )));
        }
        rows.push((line, row));
    }
    Ok(File {
        rows,
        ignored,
        read_as: None,
    })
}

fn is_cards(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case("BEGIN:VCARD")
}

fn of_cards(text: &str) -> Result<File, ServiceError> {
    let cards = read_cards(text);
    if cards.len() > MAX_ROWS {
        return Err(wrong(format!("At most {MAX_ROWS} contacts are taken at once.")));
    }
    let named = cards.into_iter().map(|(line, mut row)| {
        name_contact(&mut row);
        (line, Ok(row))
    });
    Ok(File {
        rows: named.collect(),
        ignored: Vec::new(),
        read_as: None,
    })
}

fn wrong(reason: impl Into<String>) -> ServiceError {
    ServiceError::field("file", reason.into())
}

/// The first words with letters that another code page has otherwise: whoever looks at them knows whether it is right.
fn telling_words(text: &str) -> String {
    const CHARS: usize = 40;
    let is_plain = |word: &&str| word.is_ascii();
    let mut words = text.split(['\n', '\r', '"', ',', ';', '\t']).map(str::trim);
    let word = words.find(|word| !is_plain(word)).unwrap_or_default();
    word.chars().take(CHARS).collect()
}

/// The first line may say what parts the columns (`sep=;`, Excel's own); else the heads tell. And how many lines that
/// took.
fn without_separator_line(text: &str) -> (&str, u8, u64) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let told = first.trim_end_matches('\r').trim_matches('"').as_bytes();
    match told {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() => {
            (rest, *delimiter, 1)
        }
        _ => (text, delimiter_of(first), 0),
    }
}

/// Spreadsheets of half of Europe write semicolons.
fn delimiter_of(heads: &str) -> u8 {
    let mut is_quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in heads.bytes() {
        is_quoted ^= byte == b'"';
        let count = counts
            .iter_mut()
            .find(|(delimiter, _)| *delimiter == byte && !is_quoted);
        if let Some((_, count)) = count {
            *count += 1;
        }
    }
    // The first of those that are as many.
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(delimiter, _)| delimiter)
}

/// The records of a file, each with the line that it begins in. A quotation mark that is never closed would take all
/// that follows into its own: only its line is given up.
struct Records<'a> {
    rest: &'a str,
    line: u64,
    delimiter: u8,
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, Result<&'a str, &'static str>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let end = record_end(self.rest.as_bytes(), self.delimiter);
        let first_line = memchr::memchr(b'\n', self.rest.as_bytes()).map_or(self.rest.len(), |at| at + 1);
        let (record, rest) = self.rest.split_at(end.unwrap_or(first_line));
        self.rest = rest;
        self.line += memchr::memchr_iter(b'\n', record.as_bytes()).count() as u64;
        Some((line, end.map(|_| record).ok_or(OPEN_QUOTE)))
    }
}

/// Just after the end of its last line. `None`: a quotation mark is not closed, or only by the one that opens another
/// text some lines on.
fn record_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let (mut at, mut starts_field) = (0, true);
    while at < bytes.len() {
        match bytes[at] {
            b'"' if starts_field => {
                at = quoted_end(bytes, at + 1, delimiter)?;
                starts_field = false;
                continue;
            }
            b'\n' => return Some(at + 1),
            byte => starts_field = byte == delimiter,
        }
        at += 1;
    }
    Some(at)
}

/// Just after the closing mark of a text that begins here.
fn quoted_end(bytes: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let most = bytes.len().min(start + MAX_RECORD_BYTES);
    let mut at = start;
    loop {
        at += memchr::memchr(b'"', &bytes[at..most])? + 1;
        match bytes.get(at) {
            Some(b'"') => at += 1,
            None | Some(b'\r' | b'\n') => return Some(at),
            Some(next) if *next == delimiter => return Some(at),
            // In one line people write marks as they like.
            Some(_) => return (!bytes[start..at].contains(&b'\n')).then_some(at),
        }
        if at >= most {
            return None;
        }
    }
}

fn split(record: &str, delimiter: u8) -> Result<Vec<String>, ServiceError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(record.as_bytes());
    let read = reader.records().next().transpose();
    let read = read.map_err(|error| wrong(sentence(&error.to_string())))?;
    Ok(read.iter().flatten().map(str::to_owned).collect())
}

fn column(head: &str) -> Option<Column> {
    let plain: String = head
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphabetic())
        .collect();
    let mut columns = COLUMNS.iter();
    columns
        .find(|(_, names)| names.contains(&plain.as_str()))
        .map(|(column, _)| *column)
}

fn is_name(column: Column) -> bool {
    matches!(
        column,
        Column::Name | Column::FirstName | Column::LastName | Column::Company
    )
}

fn row(values: &[String], columns: &[Option<Column>]) -> Row {
    let mut row = Row::new();
    for (value, column) in values.iter().zip(columns) {
        let Some(column) = column else { continue };
        let held: &mut String = row.entry(*column).or_default();
        match (held.is_empty(), value.is_empty()) {
            (true, _) => held.push_str(value),
            // The first of several is the one that is called.
            (false, false) if *column == Column::Addresses => held.extend([", ", value]),
            (false, false) if *column != Column::Phone => held.extend([" ", value]),
            (false, _) => {}
        }
    }
    // A list with names of its own has one in each line.
    if columns
        .iter()
        .flatten()
        .any(|column| is_name(*column) && *column != Column::Name)
    {
        name_contact(&mut row);
    }
    row
}

/// Contacts have their name in parts, or only a company, or only an address.
fn name_contact(row: &mut Row) {
    if row.get(&Column::Name).is_some_and(|name| !name.is_empty()) {
        return;
    }
    let parts = [Column::FirstName, Column::MiddleName, Column::LastName];
    let parts = parts
        .iter()
        .filter_map(|part| row.get(part))
        .filter(|part| !part.is_empty());
    let whole = parts.map(String::as_str).collect::<Vec<_>>().join(" ");
    let company = row.get(&Column::Company).cloned().unwrap_or_default();
    let address = addresses(row).next().unwrap_or_default().to_owned();
    let name = [whole, company, address]
        .into_iter()
        .find(|name| !name.is_empty());
    row.insert(Column::Name, name.unwrap_or_default());
}

/// As they are written. Google parts several in one cell with `:::`.
pub fn addresses(row: &Row) -> impl Iterator<Item = &str> {
    let written = row.get(&Column::Addresses).map_or("", String::as_str);
    let pieces = written
        .split([',', ';', '|', '\n'])
        .flat_map(|piece| piece.split(":::"));
    // Spaces part addresses only where there are several.
    let apart = pieces.flat_map(|piece| match piece.matches('@').count() {
        0 | 1 => vec![piece],
        _ => piece.split_ascii_whitespace().collect(),
    });
    let apart = apart.map(|piece| alone(piece.trim()));
    // Colleagues within Exchange have a path in place of an address.
    apart.filter(|piece| !piece.is_empty() && !piece.to_ascii_lowercase().starts_with("/o="))
}

/// `kelly@x` of `Kelly <kelly@x>` and `mailto:kelly@x`.
fn alone(written: &str) -> &str {
    let inner = written
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.strip_suffix('>'));
    let written = inner.unwrap_or(written).trim();
    written.strip_prefix("mailto:").unwrap_or(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(csv: &[u8]) -> Vec<(u64, Result<Row, &'static str>)> {
        read(csv).unwrap_or_else(|error| panic!("{error:?}")).rows
    }

    /// `name|addresses|phone`, or why not.
    fn told(csv: &str) -> Vec<String> {
        let text = |row: &Row, column| row.get(&column).cloned().unwrap_or_default();
        let one = |(line, row): (u64, Result<Row, &'static str>)| match row {
            Ok(row) => format!(
                "{line} {}|{}|{}",
                text(&row, Column::Name),
                addresses(&row).collect::<Vec<_>>().join(" "),
                text(&row, Column::Phone)
            ),
            Err(_) => format!("{line} open"),
        };
        rows(csv.as_bytes()).into_iter().map(one).collect()
    }

    #[test]
    fn columns_are_known_by_the_names_that_people_use() {
        let text = "\u{feff}Full name;E-mail;E-mail 2;Login;Colour\nKelly;k@out.example;\"k2@out.example, k3@out.example\";K-1;red\n";
        let file = read(text.as_bytes()).expect("file");
        assert_eq!(file.ignored, ["Colour"]);
        let (line, row) = &file.rows[0];
        let row = row.as_ref().expect("row");
        assert_eq!((*line, row[&Column::Name].as_str()), (2, "Kelly"));
        let found: Vec<_> = addresses(row).collect();
        assert_eq!(found, ["k@out.example", "k2@out.example", "k3@out.example"]);
        assert_eq!(row[&Column::Number], "K-1");
    }

    #[test]
    fn contacts_of_the_big_providers_are_read() {
        for (who, csv, expected) in [
            (
                "Google",
                "First Name,Middle Name,Last Name,Phonetic First Name,Organization Name,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value\n\
                 Kelly,A.,Moss,,Moss Ltd,,* myContacts,* Work,kelly@out.example ::: k@out.example,Home,k@home.example,Mobile,+1 555 1 ::: +1 555 2\n\
                 ,,,,,,* myContacts,,only@out.example,,,,\n",
                vec![
                    "2 Kelly A. Moss|kelly@out.example k@out.example k@home.example|+1 555 1 ::: +1 555 2",
                    "3 only@out.example|only@out.example|",
                ],
            ),
            (
                "Google before 2023",
                "Name,Given Name,Additional Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Name\n\
                 Kelly Moss,Kelly,,Moss,* myContacts,* ,kelly@out.example,Work,5551,Moss Ltd\n",
                vec!["2 Kelly Moss|kelly@out.example|5551"],
            ),
            (
                "Outlook",
                "Title,First Name,Middle Name,Last Name,Company,Home Phone,Mobile Phone,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,Notes\r\n\
                 ,Kelly,,Moss,Moss Ltd,,5551,kelly@out.example,SMTP,Kelly Moss (kelly@out.example),k@home.example,\"two\r\nlines\"\r\n\
                 ,Bob,,Berg,,,,/o=ExchangeLabs/ou=Exchange/cn=bob,EX,Bob,,\r\n\
                 ,,,,Reed Ltd,7,,sales@reed.example,SMTP,,,\r\n",
                vec![
                    "2 Kelly Moss|kelly@out.example k@home.example|5551",
                    "4 Bob Berg||",
                    "5 Reed Ltd|sales@reed.example|7",
                ],
            ),
            (
                "Outlook in German",
                "Anrede;Vorname;Weitere Vornamen;Nachname;Firma;Telefon geschäftlich;E-Mail-Adresse;E-Mail-Typ;E-Mail 2: Adresse;Notizen\r\n\
                 Frau;Kelly;;Moß;Moß GmbH;5551;kelly@out.example;SMTP;;\r\n",
                vec!["2 Kelly Moß|kelly@out.example|5551"],
            ),
            (
                "Thunderbird",
                "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,Work Phone,Home Phone,Organization,Notes\n\
                 Kelly,Moss,Kelly Moss,kel,kelly@out.example,k@home.example,,,5551,Moss Ltd,\n",
                vec!["2 Kelly Moss|kelly@out.example k@home.example|5551"],
            ),
            (
                "Yahoo",
                "First,Middle,Last,Nickname,Email,Category,Mobile,Alternate Email 1,Company\n\
                 \"Kelly\",\"\",\"Moss\",\"\",\"kelly@out.example\",\"\",\"5551\",\"k@home.example\",\"\"\n",
                vec!["2 Kelly Moss|kelly@out.example k@home.example|5551"],
            ),
            (
                "written by hand",
                "name,mail\nKelly,Kelly Moss <kelly@out.example>\nTom,mailto:tom@out.example\n,\n",
                vec!["2 Kelly|kelly@out.example|", "3 Tom|tom@out.example|"],
            ),
        ] {
            assert_eq!(told(csv), expected, "{who}");
        }
    }

    #[test]
    fn the_first_line_may_say_what_parts_the_columns() {
        for csv in [
            "sep=;\r\nname;email\r\nKelly, A.;kelly@out.example\r\n",
            "\u{feff}SEP=;\nname;email\nKelly, A.;kelly@out.example",
            "\"sep=;\"\nname;email\n\"Kelly, A.\";kelly@out.example\n",
            "sep=|\nname|email\nKelly, A.|kelly@out.example\n",
            "sep=\t\nname\temail\nKelly, A.\tkelly@out.example\n",
        ] {
            assert_eq!(told(csv), ["3 Kelly, A.|kelly@out.example|"], "{csv:?}");
        }
    }

    #[test]
    fn a_mark_that_is_never_closed_costs_its_own_line_only() {
        for (csv, expected) in [
            (
                "name,email\n\"Kelly,kelly@out.example\nTom,tom@out.example\n",
                vec!["2 open", "3 Tom|tom@out.example|"],
            ),
            (
                "name,email\n\"Kelly,kelly@out.example\nTom,tom@out.example\n\"Ann, B.\",ann@out.example\n",
                vec!["2 open", "3 Tom|tom@out.example|", "4 Ann, B.|ann@out.example|"],
            ),
            (
                "name,email\nKelly,\"kelly@out.example\r\nTom,\"tom@out.example\"\r\n",
                vec!["2 open", "3 Tom|tom@out.example|"],
            ),
            // Marks in a text, and lines in one, are no fault.
            (
                "name,email,notes\n\"Kelly \"\"K\"\" Moss\",kelly@out.example,\"a\nb, c\"\nTom \"T,tom@out.example,\n",
                vec![
                    "2 Kelly \"K\" Moss|kelly@out.example|",
                    "4 Tom \"T|tom@out.example|",
                ],
            ),
        ] {
            assert_eq!(told(csv), expected, "{csv:?}");
        }
    }

    #[test]
    fn spreadsheets_write_utf_16_too() {
        let text = "name\temail\r\nKélly\tkelly@out.example\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for csv in [
            [&[0xff, 0xfe], little.as_slice()].concat(),
            [&[0xfe, 0xff], big.as_slice()].concat(),
        ] {
            assert_eq!(rows(&csv)[0].1.as_ref().expect("row")[&Column::Name], "Kélly");
        }
    }

    #[test]
    fn what_is_no_unicode_is_found_by_its_letters_and_told() {
        for (name, person, csv) in [
            (
                "windows-1252",
                "Jörg Müller",
                &b"name;email;address\nJ\xf6rg M\xfcller;kelly@out.example;Stra\xdfe 5, K\xf6ln\n"[..],
            ),
            (
                "windows-1250",
                "Přemysl Říha",
                &b"name;email;address\nP\xf8emysl \xd8\xedha;kelly@out.example;Lu\x9eick\xe1, \x8e\xef\xe1r nad S\xe1zavou\n"[..],
            ),
            (
                "windows-1251",
                "Иван Петров",
                &b"name;email;address\n\xc8\xe2\xe0\xed \xcf\xe5\xf2\xf0\xee\xe2;kelly@out.example;\xf3\xeb\xe8\xf6\xe0 \xcb\xe5\xed\xe8\xed\xe0, \xcc\xee\xf1\xea\xe2\xe0\n"[..],
            ),
            (
                "gb18030",
                "王小明",
                &b"name;email;address\n\xcd\xf5\xd0\xa1\xc3\xf7;kelly@out.example;\xb1\xb1\xbe\xa9\xca\xd0\xb3\xaf\xd1\xf4\xc7\xf8\xbd\xa8\xb9\xfa\xc2\xb7\n"[..],
            ),
            (
                "Shift_JIS",
                "山田太郎",
                &b"name;email;address\n\x8eR\x93c\x91\xbe\x98Y;kelly@out.example;\x93\x8c\x8b\x9e\x93s\x90\xe7\x91\xe3\x93c\x8b\xe6\x89\xe0\x82\xaa\x8a\xd6\n"[..],
            ),
        ] {
            let file = read(csv).expect("file");
            let row = file.rows[0].1.as_ref().expect("row");
            assert_eq!(row[&Column::Name], person, "{name}");
            let words = person.to_owned();
            assert_eq!(file.read_as, Some(ReadAs { name, words }));
        }
        assert_eq!(read("name\nKélly\n".as_bytes()).expect("file").read_as, None);
    }

    #[test]
    fn what_is_no_list_of_customers_is_refused_whole() {
        for text in [
            &b"email\nk@out.example\n"[..],
            b"PK\x03\x04\x14\0\x06\0name\n",
            b"",
            b"\"name,email\nKelly,k@out.example\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
