//! Any bytes from a server, cut anywhere: no panic, no hang, and memory that follows what arrived.
//!
//! `cargo test` runs it for a moment; `cargo bolero test --package imap any_bytes` for as long as you like.

use imap::Command;
use imap::Connection;
use imap::Limits;

/// Parts that lead deep into the reader.
const STARTS: [&[u8]; 8] = [
    b"",
    b"* 1 FETCH (UID 5 BODY[] {5}\r\n",
    b"* LIST (",
    b"* OK [",
    b"* ESEARCH (TAG \"W1\") UID ALL ",
    b"* STATUS \"x\" (",
    b"* VANISHED (EARLIER) ",
    b"W1 OK [COPYUID ",
];

#[test]
fn any_bytes_from_a_server_end_in_an_answer_or_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    bolero::check!()
        .with_type::<(u8, Vec<u8>)>()
        .for_each(|(start, bytes)| {
            runtime.block_on(answer(STARTS[usize::from(*start) % STARTS.len()], bytes));
        });
}

async fn answer(start: &[u8], bytes: &[u8]) {
    let input = [
        b"* OK ready\r\n".as_slice(),
        start,
        bytes,
        b"\r\n* 7 EXISTS\r\nW1 OK done\r\n",
    ]
    .concat();
    let limits = Limits {
        line_bytes: 4096,
        streamed_body_bytes: 16,
        literal_bytes: 1024,
        dropped_literal_bytes: 4096,
    };
    // A stream that ends: whatever is left open must end with it.
    let stream = tokio::io::join(std::io::Cursor::new(input), tokio::io::sink());
    let mut connection = Connection::new(stream, limits);
    if connection.read_greeting().await.is_ok() {
        let _ = connection.into_client().run(Command::new("NOOP")).await;
    }
}
