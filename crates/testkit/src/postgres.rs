//! A private PostgreSQL on loopback, without durability: for tests of the SQL.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::TestkitError;
use crate::process::Server;
use crate::process::free_port;
use crate::process::is_root;

#[derive(Debug)]
pub struct Postgres {
    // Ends before its folder goes.
    _server: Server,
    folder: TempDir,
    port: u16,
}

/// What pg_dump took.
#[derive(Debug)]
pub struct Dump<'a> {
    server: &'a Postgres,
    file: PathBuf,
}

impl Dump<'_> {
    /// Into a database that is made for it; its URL.
    pub fn restore(&self, database: &str) -> Result<String, TestkitError> {
        let url = self.server.url_of(database);
        self.server.run("createdb", |command| {
            command
                .arg("--maintenance-db")
                .arg(self.server.url())
                .arg(database)
        })?;
        self.server.run("pg_restore", |command| {
            command.arg("-d").arg(&url).arg(&self.file)
        })?;
        Ok(url)
    }
}

impl Postgres {
    /// PostgreSQL refuses to run as root: then it runs as Debian's user `postgres`.
    pub fn start() -> Result<Self, TestkitError> {
        let folder = tempfile::Builder::new().prefix("waxseal-postgres-").tempdir()?;
        if is_root() {
            Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status()?;
        }
        let data = folder.path().join("data");
        let programs = programs()?;
        let made = as_postgres(programs.join("initdb"))
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-D",
            ])
            .arg(&data)
            .current_dir(folder.path())
            .output()?;
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(TestkitError::Start {
                program: "initdb",
                reason,
            });
        }
        let port = free_port()?;
        let mut command = as_postgres(programs.join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "fsync=off", "-c", "max_connections=200", "-c"]);
        command.arg(format!("unix_socket_directories={}", folder.path().display()));
        command.current_dir(folder.path());
        let server = Server::start("postgres", &mut command, port, &folder.path().join("start.log"))?;
        Ok(Postgres {
            _server: server,
            folder,
            port,
        })
    }

    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Everything that is in it now.
    pub fn dump(&self) -> Result<Dump<'_>, TestkitError> {
        let file = self.folder.path().join("waxseal.dump");
        self.run("pg_dump", |command| {
            command.args(["-Fc", "-f"]).arg(&file).arg(self.url())
        })?;
        Ok(Dump { server: self, file })
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn run(
        &self,
        program: &'static str,
        with: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<(), TestkitError> {
        let output = with(&mut as_postgres(programs()?.join(program))).output()?;
        if output.status.success() {
            return Ok(());
        }
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(TestkitError::Start { program, reason })
    }
}

/// Debian keeps them out of PATH.
fn programs() -> Result<PathBuf, TestkitError> {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map_err(|cause| TestkitError::Start {
            program: "postgres",
            reason: format!("{cause}; is the Debian package postgresql installed? (make deps)"),
        })?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    let missing = || TestkitError::Start {
        program: "postgres",
        reason: "no version is installed".into(),
    };
    versions.pop().ok_or_else(missing)
}

fn as_postgres(program: PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    // setpriv replaces itself with the program, so that a signal to the child reaches it.
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
        .arg(program);
    command
}
