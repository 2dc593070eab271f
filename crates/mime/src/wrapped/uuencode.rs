//! Files in text: `begin 644 name`, lines, `end` (POSIX uuencode), and its form in base64.
//!
//! Linear: a line that begins a file is no line of a file, so what is not one is read once.

use super::FoundFile;
use crate::transfer::base64;

pub struct UuFile {
    pub name: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl UuFile {
    pub fn entity(&self) -> Vec<u8> {
        FoundFile {
            name: self.name.clone(),
            content_type: None,
            content_id: None,
            bytes: self.bytes.clone(),
        }
        .entity()
    }
}

pub struct Split {
    /// Without the files.
    pub text: Vec<u8>,
    pub files: Vec<UuFile>,
}

/// `None`: no file stands in it.
pub fn split(text: &[u8]) -> Option<Split> {
    if !may_hold_files(text) {
        return None;
    }
    let mut found = Split {
        text: Vec::new(),
        files: Vec::new(),
    };
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((file, after)) = file_at(rest) {
            found.files.push(file);
            rest = after;
            continue;
        }
        let (_, after) = next_line(rest);
        found.text.extend_from_slice(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    (!found.files.is_empty()).then_some(found)
}

/// Cheap: nearly every text that is asked has none.
fn may_hold_files(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"begin").any(|at| {
        let is_at_start = at == 0 || text[at - 1] == b'\n';
        is_at_start && matches!(text.get(at + 5..), Some([b' ', b'0'..=b'7', ..] | [b'-', ..]))
    })
}

/// Of a part that is nothing else.
pub fn first_file(body: &[u8]) -> Option<UuFile> {
    split(body)?.files.into_iter().next()
}

/// Without its line end, and what follows.
fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text).map_or(text.len(), |found| found + 1);
    let (line, after) = text.split_at(end);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

fn file_at(text: &[u8]) -> Option<(UuFile, &[u8])> {
    if !text.starts_with(b"begin") {
        return None;
    }
    let (line, after) = next_line(text);
    let (name, is_base64) = match line.strip_prefix(b"begin-base64 ") {
        Some(rest) => (name_after_mode(rest)?, true),
        None => (name_after_mode(line.strip_prefix(b"begin ")?)?, false),
    };
    let (bytes, after) = if is_base64 {
        base64_body(after)?
    } else {
        uu_body(after)?
    };
    Some((
        UuFile {
            name: name.to_vec(),
            bytes,
        },
        after,
    ))
}

/// `644 reading.txt`: the mode is octal.
fn name_after_mode(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let name = text.get(digits..)?;
    let name = name.strip_prefix(b" ")?.trim_ascii();
    ((3..=6).contains(&digits) && !name.is_empty()).then_some(name)
}

/// Up to `end`, which some programs leave out below the line that says that nothing is left.
fn uu_body(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut bytes = Vec::new();
    let mut is_over = false;
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        if line.trim_ascii_end() == b"end" {
            return Some((bytes, after));
        }
        if is_over {
            break;
        }
        decode_line(line, &mut bytes)?;
        is_over = matches!(line.trim_ascii_end(), b"`");
        rest = after;
    }
    is_over.then_some((bytes, rest))
}

/// The first character says how many bytes; a space may be a backquote, or gone at the end of the line. One character
/// more may be a check sum.
fn decode_line(line: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let Some((count, data)) = line.split_first() else {
        return Some(());
    };
    let count = usize::from(value(*count)?);
    let length = count.div_ceil(3) * 4;
    if data.len() > length + 2 {
        return None;
    }
    let mut values = [0_u8; 64 * 4];
    for (place, byte) in values.iter_mut().zip(data) {
        *place = value(*byte)?;
    }
    let groups = values[..length].chunks_exact(4);
    let decoded = groups.flat_map(|group| {
        let [a, b, c, d] = [group[0], group[1], group[2], group[3]];
        [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
    });
    bytes.extend(decoded.take(count));
    Some(())
}

fn value(byte: u8) -> Option<u8> {
    matches!(byte, b' '..=b'`').then(|| (byte - b' ') & 63)
}

fn base64_body(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        rest = after;
        if line.trim_ascii_end() == b"====" {
            return Some((base64(&text), rest));
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if !line.trim_ascii_end().iter().all(is_base64) {
            return None;
        }
        text.extend_from_slice(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAT: &str = "begin 644 cat.txt\n#0V%T\n`\nend\n";

    #[test]
    fn files_in_text_are_found_in_every_form_and_nothing_else_is_one() {
        for (text, rest, names) in [
            (format!("Hello\n\n{CAT}Bye\n"), "Hello\n\nBye\n", vec!["cat.txt"]),
            (format!("{CAT}{CAT}"), "", vec!["cat.txt", "cat.txt"]),
            (CAT.replace('\n', "\r\n"), "", vec!["cat.txt"]),
            // The line of nothing: a space, which a server took away; or none at all.
            ("begin 666 a b.doc\n#0V%T\n\nend\n".into(), "", vec!["a b.doc"]),
            ("begin 0644 a\n#0V%T\nend".into(), "", vec!["a"]),
            // With a check sum.
            ("begin 644 a\n#0V%TA\n`\nend\n".into(), "", vec!["a"]),
            // Without the last line.
            ("begin 644 a\n#0V%T\n`\nBye\n".into(), "Bye\n", vec!["a"]),
            ("begin-base64 644 c.gif\nQ2F0\n====\n".into(), "", vec!["c.gif"]),
        ] {
            let found = split(text.as_bytes()).expect("files");
            assert_eq!(String::from_utf8_lossy(&found.text), rest, "{text}");
            let found_names: Vec<_> = found
                .files
                .iter()
                .map(|file| String::from_utf8_lossy(&file.name))
                .collect();
            assert_eq!(found_names, names, "{text}");
        }
        for text in [
            "begin 644 cat.txt\nNo, this is a sentence.\nend\n",
            "begin 644 cat.txt\n#0V%T\n",
            "We begin 644 things.\nend\n",
            "begin with this\nend\n",
            "> begin 644 cat.txt\n> #0V%T\n> end\n",
            "begin 999 cat.txt\n#0V%T\nend\n",
            "begin 644\n#0V%T\nend\n",
            "begin-base64 644 x\nnot so\n====\n",
        ] {
            assert!(split(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn bytes_are_those_that_were_put_in() {
        let found = split(b"begin 644 r\n:5&AE(&UE=&5R('-H;W=S(#0W,3$@:U=H+@H \n`\nend\n").expect("file");
        assert_eq!(found.files[0].bytes, b"The meter shows 4711 kWh.\n");
        // Spaces at the end that a server took away are zeros.
        let found = split(b"begin 644 r\n#\n`\nend\n").expect("file");
        assert_eq!(found.files[0].bytes, [0, 0, 0]);
    }
}
