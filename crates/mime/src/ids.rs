//! Message-IDs in References and In-Reply-To, whatever else stands there.

use domain::message::InternetMessageId;

/// No Message-ID that is one is longer (a line of a header, RFC 5322 §2.1.1).
const MOST_BYTES: usize = 998;

/// `<a@b> <c@d>`, folded inside of one, without spaces, with commas or words between; `a@b` alone where nobody wrote
/// angles. What is cut at its end is left out: it names nothing.
pub fn message_ids(field: &str) -> Vec<InternetMessageId> {
    let angled: Vec<_> = field.split('<').skip(1).filter_map(angled).collect();
    if !angled.is_empty() {
        return angled;
    }
    let words = field.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"'));
    words
        .filter(|word| word.contains('@') && word.len() <= MOST_BYTES)
        .filter_map(InternetMessageId::new)
        .collect()
}

fn angled(piece: &str) -> Option<InternetMessageId> {
    let (inner, _) = piece.split_once('>')?;
    if inner.len() > MOST_BYTES {
        return None;
    }
    // Folding adds white space; no Message-ID has any.
    let id: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
    InternetMessageId::new(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_however_they_are_written() {
        for (field, expected) in [
            ("<a@b> <c@d>", vec!["a@b", "c@d"]),
            ("<a@b><c@d>", vec!["a@b", "c@d"]),
            ("<a@b>,\r\n\t<c@d>", vec!["a@b", "c@d"]),
            ("<a-very-long\r\n -one@b>", vec!["a-very-long-one@b"]),
            ("Your message of Monday <a@b> (Kelly)", vec!["a@b"]),
            ("a@b c@d", vec!["a@b", "c@d"]),
            ("<a@b> <c@d.exam", vec!["a@b"]),
            ("\"<a@b>\"", vec!["a@b"]),
            ("<>", vec![]),
            ("", vec![]),
        ] {
            let ids = message_ids(field);
            let ids: Vec<_> = ids.iter().map(InternetMessageId::as_str).collect();
            assert_eq!(ids, expected, "{field}");
        }
    }
}
