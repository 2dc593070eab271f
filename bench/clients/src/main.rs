//! `clients NAME PORT USER PASSWORD COUNT`: fetches COUNT messages of INBOX in clear, 256 at a time, and drops them.
//!
//! NAME is waxseal, async-imap or io-imap. Prints the seconds and the peak memory in KiB.

use std::any::Any;
use std::error::Error;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use futures_util::TryStreamExt as _;

type Outcome = Result<u32, Box<dyn Error>>;

struct Target {
    port: u16,
    user: String,
    password: String,
    count: u32,
}

impl Target {
    /// UIDs count from 1 without gaps.
    fn batches(&self) -> impl Iterator<Item = (u32, u32)> {
        let count = self.count;
        (1..=count)
            .step_by(256)
            .map(move |first| (first, count.min(first + 255)))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, port, user, password, count] = arguments.as_slice() else {
        return Err("usage: clients NAME PORT USER PASSWORD COUNT".into());
    };
    let target = Target {
        port: port.parse()?,
        user: user.clone(),
        password: password.clone(),
        count: count.parse()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let began = Instant::now();
    let messages = match name.as_str() {
        "waxseal" => runtime.block_on(waxseal(&target))?,
        "async-imap" => runtime.block_on(async_imap(&target))?,
        "io-imap" => io_imap(&target)?,
        other => return Err(format!("{other}: waxseal, async-imap or io-imap is expected").into()),
    };
    assert_eq!(messages, target.count);
    println!("{:.3} {}", began.elapsed().as_secs_f64(), peak_kib());
    Ok(())
}

/// Of this process alone: what `wait4` tells includes the caller from before the exec.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}

/// Two batches on their way, as the product has it.
async fn waxseal(target: &Target) -> Outcome {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", target.port)).await?;
    let mut connection = imap::Connection::new(stream, imap::Limits::default());
    connection.read_greeting().await?;
    let client = connection.into_client();
    client
        .run(imap::Command::login(
            &target.user,
            &target.password.clone().into(),
        ))
        .await?;
    client
        .run(imap::Command::open(&imap::MailboxName::inbox(), false))
        .await?;
    let mut pipeline = imap::Pipeline::default();
    let (mut messages, mut in_flight) = (0, 0);
    let mut batches = target.batches();
    loop {
        while in_flight < 2
            && let Some((first, last)) = batches.next()
        {
            let command =
                imap::Command::uid_fetch(&format!("{first}:{last}"), "(UID FLAGS INTERNALDATE BODY.PEEK[])");
            client.send_into(&pipeline, command).await?;
            in_flight += 1;
        }
        match pipeline.next().await.ok_or("closed")? {
            imap::Event::Response(imap::Untagged::Fetch(fetch)) => {
                messages += u32::from(fetch.body.is_some())
            }
            imap::Event::Response(_) => {}
            imap::Event::Finished(_, done) => {
                done?;
                in_flight -= 1;
                if in_flight == 0 && messages >= target.count {
                    return Ok(messages);
                }
            }
        }
    }
}

async fn async_imap(target: &Target) -> Outcome {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", target.port)).await?;
    let mut client = async_imap::Client::new(stream);
    client.read_response().await?;
    let login = client.login(&target.user, &target.password).await;
    let mut session = login.map_err(|(error, _)| error)?;
    session.examine("INBOX").await?;
    let mut messages = 0;
    for (first, last) in target.batches() {
        let set = format!("{first}:{last}");
        let mut fetched = session
            .uid_fetch(set, "(UID FLAGS INTERNALDATE BODY.PEEK[])")
            .await?;
        while let Some(fetch) = fetched.try_next().await? {
            messages += u32::from(fetch.body().is_some());
        }
    }
    Ok(messages)
}

/// A socket as that library wants it.
struct Socket(TcpStream);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl io_imap::client::ImapStream for Socket {
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn set_read_timeout(&self, timeout: Option<Duration>) -> std::io::Result<()> {
        self.0.set_read_timeout(timeout)
    }
}

fn io_imap(target: &Target) -> Outcome {
    use io_imap::client::ImapClient as _;
    let stream = TcpStream::connect(("127.0.0.1", target.port))?;
    let mut client = io_imap::client::ImapClientStd::new(Socket(stream));
    client.greeting()?;
    client.login(&target.user, &target.password, Default::default())?;
    client.examine(io_imap::types::mailbox::Mailbox::Inbox, Default::default())?;
    let mut messages = 0;
    for (first, last) in target.batches() {
        let set = format!("{first}:{last}").as_str().try_into()?;
        client.fetch_bodies_stream(
            set,
            true,
            |_| Ok(std::io::sink()),
            |_, _| {
                messages += 1;
                Ok(())
            },
        )?;
    }
    Ok(messages)
}
