//! Child processes that end with their owner, and ports that are free.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::TestkitError;

const START_TIME: Duration = Duration::from_secs(60);
const END_TIME: Duration = Duration::from_secs(5);

/// A server process; dropping it ends it and waits.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits until `port` answers.
    pub fn start(
        program: &'static str,
        command: &mut Command,
        port: u16,
        log: &Path,
    ) -> Result<Self, TestkitError> {
        let error = |reason: String| TestkitError::Start { program, reason };
        let output = std::fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|cause| error(format!("{cause}; is the Debian package installed? (make deps)")))?;
        let mut server = Server { child };
        let deadline = Instant::now() + START_TIME;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = server.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                return Err(error(format!("it does not answer on port {port}: {log}")));
            }
            // Nothing tells when a foreign server listens; this is the only way to wait for it.
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + END_TIME;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that nobody listens on at the moment, and another one each time: the kernel may name one again
/// before its server listens.
pub fn free_port() -> Result<u16, TestkitError> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
}

/// User and group that own mail on disk. Root has to hand it to somebody: servers refuse to serve as root.
pub fn mail_owner() -> (u32, u32) {
    let id = |flag| {
        let output = Command::new("id").arg(flag).output().ok();
        output.and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse().ok())
    };
    match id("-u") {
        Some(0) | None => (8, 8), // mail:mail on Debian
        Some(user) => (user, id("-g").unwrap_or(user)),
    }
}

pub fn is_root() -> bool {
    mail_owner() == (8, 8)
}

/// Hands a folder and all below to the owner of mail; does nothing for other than root.
pub fn hand_over(path: &Path) -> Result<(), TestkitError> {
    if !is_root() {
        return Ok(());
    }
    let (user, group) = mail_owner();
    let status = Command::new("chown")
        .arg("-R")
        .arg(format!("{user}:{group}"))
        .arg(path)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(TestkitError::Start {
        program: "chown",
        reason: format!("it failed on {}", path.display()),
    })
}
