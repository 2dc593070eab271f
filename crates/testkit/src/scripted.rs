//! A server that says exactly what a test tells it to: for faults that no real server produces on demand.

use std::net::SocketAddr;

use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What happens next on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Reads lines until one holds this word, remembers its tag, then sends the text with `{tag}` filled in.
    On(&'static str, String),
    /// Says nothing more and keeps the connection open.
    Stall,
    /// Closes the connection.
    Close,
}

impl Step {
    pub fn send(text: &str) -> Self {
        Step::Send(text.as_bytes().to_vec())
    }

    pub fn on(word: &'static str, answer: &str) -> Self {
        Step::On(word, answer.to_owned())
    }
}

/// Plays the same script to every connection until dropped.
pub struct ScriptedServer {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    pub async fn start(script: Vec<Step>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(play(stream, script.clone()));
            }
        });
        Ok(ScriptedServer { address, task })
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(stream: TcpStream, script: Vec<Step>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    for step in script {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::On(word, answer) => {
                let tag = wait_for(&mut stream, word).await?;
                stream.write_all(answer.replace("{tag}", &tag).as_bytes()).await?;
            }
            Step::Stall => std::future::pending().await,
            Step::Close => return Ok(()),
        }
    }
    // The script is over: whatever else is asked goes unanswered until the other side hangs up.
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        line.clear();
    }
    Ok(())
}

async fn wait_for(stream: &mut BufReader<TcpStream>, word: &str) -> std::io::Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.to_ascii_uppercase().contains(word) {
            return Ok(line.split(' ').next().unwrap_or_default().to_owned());
        }
    }
}
