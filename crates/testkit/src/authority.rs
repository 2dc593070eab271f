//! A real authorization server: `oidc-provider` on Node, in `authority/`, with what tests do to it.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::TestkitError;
use crate::process::Server;
use crate::process::free_port;

pub const CLIENT_ID: &str = "waxseal";
/// No log, event or answer may hold it.
pub const CLIENT_SECRET: &str = "kumquat-client";

#[derive(Debug)]
pub struct Authority {
    // Ends before its folder goes.
    _server: Server,
    folder: TempDir,
    redirect: String,
    pub port: u16,
}

impl Authority {
    /// Sends browsers back to `redirect`; its access tokens live for so many seconds.
    pub fn start(redirect: &str, token_life_s: u32) -> Result<Self, TestkitError> {
        Self::start_at(free_port()?, redirect, token_life_s)
    }

    pub fn start_at(port: u16, redirect: &str, token_life_s: u32) -> Result<Self, TestkitError> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("authority");
        if !program.join("node_modules").is_dir() {
            let reason = format!(
                "its parts are missing: npm ci in {} (make deps)",
                program.display()
            );
            return Err(TestkitError::Start {
                program: "oidc-provider",
                reason,
            });
        }
        let folder = tempfile::Builder::new().prefix("waxseal-authority-").tempdir()?;
        let mut command = Command::new("node");
        command.arg(program.join("authority.mjs")).args([
            &port.to_string(),
            redirect,
            &token_life_s.to_string(),
        ]);
        let log = folder.path().join("log");
        let server = Server::start("oidc-provider", &mut command, port, &log)?;
        Ok(Authority {
            _server: server,
            folder,
            redirect: redirect.to_owned(),
            port,
        })
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where Dovecot asks what a token is.
    pub fn introspection(&self) -> String {
        format!(
            "http://dovecot:introspection@127.0.0.1:{}/token/introspection",
            self.port
        )
    }

    /// All that this person has allowed is taken back.
    pub fn take_back(&self, login: &str) {
        self.control(&format!("take-back?login={login}"));
    }

    /// Whoever asks for tokens is told so many times to come back later.
    pub fn be_busy(&self, times: u32) {
        self.control(&format!("busy?times={times}"));
    }

    /// How often tokens were refreshed.
    pub fn refreshes(&self) -> u32 {
        let counts = self.control("counts");
        let (_, rest) = counts.split_once("\"refreshes\":").unwrap_or_default();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_default()
    }

    fn control(&self, what: &str) -> String {
        self.curl(&[&format!("{}/control/{what}", self.issuer())]).0
    }

    /// What a person does in the browser: signs in as `login`, allows what is asked, and is sent back. The address with
    /// which the browser comes back.
    pub fn sign_in(&self, url: &str, login: &str) -> String {
        let _ = std::fs::remove_file(self.jar());
        let mut next = vec![url.to_owned()];
        for _ in 0..12 {
            let arguments: Vec<&str> = next.iter().map(String::as_str).collect();
            let (body, to) = self.curl(&arguments);
            if to.starts_with(&self.redirect) {
                return to;
            }
            next = match to.as_str() {
                "" => form(&body, login),
                to => vec![to.to_owned()],
            };
        }
        panic!("nobody was sent back from {url}: {next:?}");
    }

    fn jar(&self) -> PathBuf {
        self.folder.path().join("cookies")
    }

    /// The body, and where it leads to.
    fn curl(&self, arguments: &[&str]) -> (String, String) {
        let jar = self.jar();
        let output = Command::new("curl")
            .args(["-s", "-w", "\n%{redirect_url}", "-c"])
            .arg(&jar)
            .arg("-b")
            .arg(&jar)
            .args(arguments)
            .output()
            .expect("curl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, to) = text.rsplit_once('\n').unwrap_or_default();
        (body.to_owned(), to.to_owned())
    }
}

/// What is posted where, by the one form of the page.
fn form(page: &str, login: &str) -> Vec<String> {
    let after = |text: &str| {
        let (_, rest) = page
            .split_once(text)
            .unwrap_or_else(|| panic!("no {text} in {page}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let prompt = after("name=\"prompt\" value=\"");
    let fields = [
        format!("prompt={prompt}"),
        format!("login={login}"),
        "password=x".to_owned(),
    ];
    let mut arguments = vec![after("action=\"")];
    for field in fields {
        arguments.extend(["--data-urlencode".to_owned(), field]);
    }
    arguments
}

/// One value of the query of an address, decoded.
pub fn value_in(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
