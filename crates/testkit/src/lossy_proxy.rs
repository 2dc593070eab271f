//! A proxy between a client and a server that loses requests and answers, reproducibly.

use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Carries one request and its answer for each connection; of ten connections six come through.
pub struct LossyProxy {
    pub port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The request never arrives.
    LosesRequest,
    /// Half of it does.
    HalvesRequest,
    /// It arrives; the answer does not come back.
    LosesAnswer,
    Passes,
}

impl LossyProxy {
    /// Ends with the process.
    pub fn start(to: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let count = Arc::new(AtomicU64::new(0));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || carry(client, to, fate(number)));
            }
        });
        Ok(LossyProxy { port })
    }
}

fn fate(number: u64) -> Fate {
    // A fixed sequence without a period that a client could fall into step with.
    match number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
        0 | 1 => Fate::LosesRequest,
        2 | 3 => Fate::HalvesRequest,
        4..=6 => Fate::LosesAnswer,
        _ => Fate::Passes,
    }
}

/// One request with a `Content-Length`; the server ends its answer by closing.
fn carry(mut client: TcpStream, to: u16, fate: Fate) -> Option<()> {
    let request = read_request(&mut client)?;
    if fate == Fate::LosesRequest {
        return None;
    }
    let mut server = TcpStream::connect(("127.0.0.1", to)).ok()?;
    let part = match fate {
        Fate::HalvesRequest => &request[..request.len() / 2],
        _ => &request[..],
    };
    server.write_all(part).ok()?;
    if fate == Fate::HalvesRequest {
        return server.shutdown(Shutdown::Both).ok();
    }
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    if fate == Fate::Passes {
        client.write_all(&answer).ok()?;
    }
    Some(())
}

fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(Ok(0), str::parse).ok()?;
            if request.len() >= head.len() + 4 + length {
                return Some(request);
            }
        }
        let mut chunk = [0_u8; 4096];
        let read = client.read(&mut chunk).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&chunk[..read]);
    }
}
