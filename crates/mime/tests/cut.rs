//! No message is refused: each of `real/` cut anywhere, with lines taken out, and with bytes that are others.

use std::path::Path;

/// Prime, so that each place of a line is met in some message.
const STEP: usize = 3;

/// Each message and its name.
fn messages() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real");
    let files = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path());
    let mut mails: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| (path.display().to_string(), std::fs::read(path).expect("message")))
        .collect();
    mails.sort();
    mails
}

fn read(name: &str, raw: &[u8]) {
    let summary = mime::summarise(raw).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let opened = mime::open_message(raw).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    for file in &summary.attachments {
        let part = mime::open_part(raw, file.place).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(part.is_some(), "{name}: a file that is listed is there");
    }
    drop(mime::split_text(&opened.text));
}

#[test]
fn a_message_that_was_cut_is_read_as_far_as_it_goes() {
    for (name, raw) in messages() {
        for end in (0..=raw.len()).step_by(STEP) {
            read(&format!("{name} cut after {end}"), &raw[..end]);
        }
    }
}

#[test]
fn a_message_that_lacks_a_line_is_read() {
    for (name, raw) in messages() {
        let lines: Vec<&[u8]> = raw.split_inclusive(|byte| *byte == b'\n').collect();
        for gone in 0..lines.len() {
            let rest = [&lines[..gone], &lines[gone + 1..]].concat().concat();
            read(&format!("{name} without line {gone}"), &rest);
        }
    }
}

#[test]
fn a_message_with_a_byte_that_is_another_is_read() {
    for (name, raw) in messages() {
        let places = (0..raw.len()).step_by(STEP);
        for (at, byte) in places.zip(b"\0\r\n-:;\"<(=\xff".iter().cycle()) {
            let mut raw = raw.clone();
            raw[at] = *byte;
            read(&format!("{name} with {byte} at {at}"), &raw);
        }
    }
}
