//! Waxseal as a process of its own, spoken to as a browser would.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use testkit::people::SIGN_IN_PASSWORD;

/// Alice, with an account that sends to a sink at this port; the account's id.
pub fn set_up(folder: &Path, sink: u16) -> String {
    run(folder, &["init"], "");
    run(
        folder,
        &[
            "admin",
            "create",
            "--login",
            "alice",
            "--name",
            "Alice",
            "--super",
            "--password-stdin",
        ],
        SIGN_IN_PASSWORD,
    );
    let file = folder.join("account.toml");
    let text = format!(
        "name = \"Alice\"\naddress = \"alice@isp.example\"\npassword = \"x\"\n[tracking]\nenabled = false\n[imap]\nserver = \"127.0.0.1\"\nport = 9\nsecurity = \"tls\"\n[smtp]\nenabled = true\nserver = \"127.0.0.1\"\nport = {sink}\nsecurity = \"none\"\nauth = \"none\"\n"
    );
    std::fs::write(&file, text).expect("file");
    run(
        folder,
        &[
            "account",
            "add",
            "--owner",
            "alice",
            "--file",
            &file.to_string_lossy(),
        ],
        "",
    );
    let listed = run(folder, &["account", "list", "--format", "json"], "");
    let (_, rest) = listed.split_once("\"id\":").expect("an id");
    rest.split('"').nth(1).expect("an id").to_owned()
}

pub fn waxseal(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command
        .env("WAXSEAL_EGRESS_ALLOW", "127.0.0.0/8")
        .arg("--data")
        .arg(folder);
    command
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = waxseal(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    child
        .stdin
        .take()
        .expect("input")
        .write_all(input.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

pub struct Serving(pub Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn serve(folder: &Path) -> (Serving, u16) {
    let mut command = waxseal(folder);
    command.stderr(Stdio::null());
    serve_as(command)
}

/// By this command, to which it is said what to do.
pub fn serve_as(mut command: Command) -> (Serving, u16) {
    let mut child = command
        .args(["--listen", "127.0.0.1:0", "serve"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = child.stdout.take().expect("output");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("Waxseal listens on ").map(str::to_owned));
    let url = url.expect("it says where");
    let port = url
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok());
    // Its output is read on, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    (Serving(child), port.expect("port"))
}

/// To the API, as JSON. Status and everything of the answer; `None`: it did not come.
pub fn answer_of(port: u16, verb: &str, path: &str, more: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "{verb} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

pub fn sign_in(port: u16) -> String {
    let body = format!("{{\"login\":\"alice\",\"password\":\"{SIGN_IN_PASSWORD}\"}}");
    let (status, answer) = answer_of(port, "POST", "/session", "", &body).expect("answer");
    assert!(status < 300, "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    cookie
        .and_then(|cookie| cookie.split(';').next())
        .expect("cookie")
        .to_owned()
}
