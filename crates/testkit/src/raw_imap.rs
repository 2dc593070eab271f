//! Every message of INBOX by one FETCH, and nothing else: the floor of speed, and an independent witness of what
//! a server really gives.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Error;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

/// The exact bytes of all messages, over a port in clear.
pub fn read_all(port: u16, user: &str, password: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut messages = Vec::new();
    fetch_all(stream, user, password, |literal, size| {
        let mut raw = vec![0; size];
        literal.read_exact(&mut raw)?;
        messages.push(raw);
        Ok(())
    })?;
    Ok(messages)
}

/// Calls `take` with each message's literal and its size; it has to read all of it. How many bytes they had.
pub fn fetch_all<S: Read + Write>(
    stream: S,
    user: &str,
    password: &str,
    mut take: impl FnMut(&mut dyn Read, usize) -> std::io::Result<()>,
) -> std::io::Result<u64> {
    let mut stream = BufReader::with_capacity(1 << 18, stream);
    read_until(&mut stream, "* OK", &mut take)?;
    let fetch = "c UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])";
    let mut bytes = 0;
    for command in [&format!("a LOGIN {user} {password}"), "b EXAMINE INBOX", fetch] {
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        bytes = read_until(&mut stream, &command[..2], &mut take)?;
    }
    Ok(bytes)
}

/// Up to the line that begins with `end`.
fn read_until<S: Read>(
    stream: &mut BufReader<S>,
    end: &str,
    take: &mut impl FnMut(&mut dyn Read, usize) -> std::io::Result<()>,
) -> std::io::Result<u64> {
    let mut bytes = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with(end.as_bytes()) {
            let is_ok = String::from_utf8_lossy(&line).contains("OK");
            return if is_ok {
                Ok(bytes)
            } else {
                Err(Error::other(String::from_utf8_lossy(&line)))
            };
        }
        if let Some(size) = literal_size(&line) {
            take(stream, size)?;
            bytes += size as u64;
        }
    }
}

/// `{n}` at the end of a line (RFC 3501 §4.3).
fn literal_size(line: &[u8]) -> Option<usize> {
    let text = line.strip_suffix(b"}\r\n")?;
    let open = text.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&text[open + 1..]).ok()?.parse().ok()
}
