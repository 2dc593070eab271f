//! Every command finds the installation that is meant, makes none by accident, and leaves no file of another user in it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::chown;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

const NO_ACCOUNT: &str = "00000000-0000-0000-0000-000000000000";
/// `nobody` of Debian, who owns nothing else.
const NOBODY: u32 = 65534;
const USAGE: i32 = 64;

/// What may make an installation.
const MAKERS: [&str; 3] = ["serve", "init", "restore"];

/// All other commands, as they are typed.
const ON_WHAT_IS_THERE: [&str; 17] = [
    "setup-link",
    "admin create --login x --password-stdin",
    "admin reset --login x",
    "account add --owner x --file none",
    "account list",
    "account test ID",
    "sync --once",
    "audit",
    "export --account ID --format eml --to none",
    "reparse --account ID",
    "backup --to none",
    "verify",
    "hold",
    "release",
    "keys list",
    "keys rotate",
    "keys forget --yes",
];
const DOCTOR: &str = "doctor";

#[test]
fn no_command_makes_an_installation_by_accident() {
    let folder = world();
    let binary = binary_in(folder.path());
    let listed: BTreeSet<String> = leaves(&binary, &[]).into_iter().collect();
    let of_table = ON_WHAT_IS_THERE.iter().chain([&DOCTOR]).chain(&MAKERS);
    let known: BTreeSet<String> = of_table.map(|line| name_of(line)).collect();
    assert_eq!(listed, known, "every command is in the table");

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    for line in ON_WHAT_IS_THERE.iter().chain([&DOCTOR]) {
        for data in [&folder.path().join("none"), &empty] {
            let output = run(&binary, data, line, "correct horse battery");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(USAGE), "{line}: {said}");
            assert!(
                said.contains(&*data.to_string_lossy()),
                "where it looked: {line}: {said}"
            );
            assert!(said.contains("waxseal init"), "what to do: {line}: {said}");
            let made = std::fs::read_dir(data).map_or(0, Iterator::count);
            assert_eq!(made, 0, "{line} made files");
        }
        assert!(!folder.path().join("none").exists(), "{line} made a folder");
    }
}

#[test]
fn an_installation_is_begun_once() {
    let folder = world();
    let binary = binary_in(folder.path());
    let data = folder.path().join("data");
    let first = run(&binary, &data, "init", "");
    assert!(first.status.success(), "{first:?}");
    let key = std::fs::read(data.join("waxseal.key")).expect("key");
    let link = run(&binary, &data, "setup-link", "");
    let link = String::from_utf8_lossy(&link.stdout).into_owned();
    assert!(link.starts_with("http://localhost:8080/setup#"), "{link}");
    assert!(run(&binary, &data, "init", "").status.success());
    assert_eq!(std::fs::read(data.join("waxseal.key")).expect("key"), key);
    assert!(
        run(
            &binary,
            &data,
            "admin create --login x --password-stdin",
            "correct horse battery"
        )
        .status
        .success()
    );
    assert_eq!(run(&binary, &data, "setup-link", "").status.code(), Some(USAGE));
}

/// As root: anybody else cannot become another user.
#[test]
fn root_works_as_the_owner_of_the_folder_and_leaves_it_every_file() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: it takes root");
        return;
    }
    let folder = world();
    let binary = binary_in(folder.path());
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("folder");
    chown(&data, Some(NOBODY), Some(NOBODY)).expect("owner");
    for line in ["init"].iter().chain(&ON_WHAT_IS_THERE).chain([&DOCTOR]) {
        let output = run(&binary, &data, line, "correct horse battery");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = said.matches("goes on as nobody").count();
        assert_eq!(told, 1, "{line}: {said}");
        let files = walk(&data);
        assert!(files.len() > 3, "{line}: {said}");
        for file in files {
            let owner = std::fs::metadata(&file).expect("file").uid();
            assert_eq!(owner, NOBODY, "{line} left {}", file.display());
        }
    }
    let stranger = Command::new("setpriv")
        .args(["--reuid", "1", "--regid", "1", "--clear-groups", "--"])
        .arg(&binary)
        .arg("--data")
        .arg(&data)
        .args(["account", "list"])
        .output()
        .expect("ended");
    let said = String::from_utf8_lossy(&stranger.stderr);
    assert_eq!(stranger.status.code(), Some(USAGE), "{said}");
    assert!(
        said.contains("belongs to nobody") && said.contains("sudo"),
        "{said}"
    );
}

/// A folder that everybody may go through.
fn world() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("mode");
    folder
}

/// Where another user may run it. Copied by a process of its own: a file that this one has open for writing cannot be run,
/// and what another test starts at that moment would hold it open too.
fn binary_in(folder: &Path) -> PathBuf {
    let binary = folder.join("waxseal");
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_waxseal"))
        .arg(&binary)
        .status();
    assert!(copied.expect("cp").success());
    binary
}

fn run(binary: &Path, data: &Path, line: &str, input: &str) -> Output {
    let mut child = Command::new(binary)
        .arg("--data")
        .arg(data)
        .args(line.split(' ').map(|word| word.replace("ID", NO_ACCOUNT)))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    // A command that reads nothing closes early.
    let _ = writeln!(child.stdin.take().expect("input"), "{input}");
    child.wait_with_output().expect("ended")
}

/// The words before the first flag or value.
fn name_of(line: &str) -> String {
    let words = line
        .split(' ')
        .take_while(|word| !word.starts_with('-') && *word != "ID");
    words.collect::<Vec<_>>().join(" ")
}

/// Every command that `--help` lists, with its subcommands.
fn leaves(binary: &Path, command: &[String]) -> Vec<String> {
    let help = Command::new(binary)
        .args(command)
        .arg("--help")
        .output()
        .expect("help");
    let help = String::from_utf8(help.stdout).expect("text");
    let Some((_, commands)) = help.split_once("\nCommands:\n") else {
        return vec![command.join(" ")];
    };
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let below = names.map(|name| [command, &[name.to_owned()]].concat());
    below.flat_map(|command| leaves(binary, &command)).collect()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("folder");
            all.extend(entries.map(|entry| entry.expect("entry").path()));
        }
    }
    all
}
