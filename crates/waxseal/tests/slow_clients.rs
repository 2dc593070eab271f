//! Clients that take their time are let go of, and meanwhile everybody else is answered at once.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod support;

use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use support::answer_of;
use support::serve;
use support::set_up;
use support::sign_in;

/// What it says at first, and then nothing more.
const SLOW: &[&str] = &[
    "",
    "G",
    "GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n",
    "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-",
];
/// The limit and the time of a busy machine.
const LATEST: Duration = Duration::from_secs(40);

#[test]
fn slow_clients_are_let_go_of_and_delay_nobody() {
    let folder = tempfile::tempdir().expect("folder");
    set_up(folder.path(), 9);
    let (serving, port) = serve(folder.path());
    let cookie = format!("Cookie: {}\r\n", sign_in(port));
    let began = Instant::now();
    let slow: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
            let said = SLOW[number % SLOW.len()];
            stream.write_all(said.as_bytes()).expect("said");
            stream.set_read_timeout(Some(LATEST)).expect("timeout");
            stream
        })
        .collect();
    let (status, answer) = answer_of(port, "GET", "/session", &cookie, "").expect("answer");
    assert_eq!(status, 200, "{answer}");
    for mut stream in slow {
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("still connected after {:?}: {error}", began.elapsed()),
        }
    }
    let (status, _) = answer_of(port, "GET", "/session", &cookie, "").expect("answer");
    assert_eq!(status, 200);
    drop(serving);
}

#[test]
fn headers_have_a_limit() {
    let folder = tempfile::tempdir().expect("folder");
    set_up(folder.path(), 9);
    let (serving, port) = serve(folder.path());
    let long = format!("X-Long: {}\r\n", "x".repeat(200_000));
    let refused = answer_of(port, "GET", "/session", &long, "");
    assert!(
        refused.as_ref().is_none_or(|(status, _)| *status == 431),
        "{refused:?}"
    );
    let (status, _) = answer_of(port, "GET", "/session", "", "").expect("answer");
    assert_eq!(status, 401);
    drop(serving);
}
