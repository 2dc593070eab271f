//! A private Cyrus IMAP server: TLS, its own folder, its own port. Its Debian package cannot be installed beside Dovecot's,
//! so `scripts/unpack-cyrus.sh` lays it into `target/cyrus`.

use std::io::Read;
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::TestkitError;
use crate::certificate;
use crate::certificate::CertificateFiles;
use crate::dovecot::PASSWORD;
use crate::process::Server;
use crate::process::free_port;
use crate::process::hand_over;
use crate::process::is_root;
use crate::process::mail_owner;

#[derive(Debug)]
pub struct Cyrus {
    // Ends before its folder goes.
    _server: Server,
    _folder: TempDir,
    pub imaps_port: u16,
    pub certificate: CertificateFiles,
}

/// As `scripts/unpack-cyrus.sh` leaves it.
fn unpacked() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/cyrus/tree")
}

impl Cyrus {
    /// Users exist as soon as they sign in with [`PASSWORD`], with INBOX, Sent, Trash and Archive.
    pub fn start() -> Result<Self, TestkitError> {
        let folder = tempfile::Builder::new().prefix("waxseal-cyrus-").tempdir()?;
        let root = folder.path();
        let master = unpacked().join("usr/lib/cyrus/bin/master");
        if !master.exists() {
            return Err(TestkitError::Start {
                program: "cyrus",
                reason: format!("{} is not there (make cyrus)", master.display()),
            });
        }
        Command::new("chmod").arg("755").arg(root).status()?;
        for part in ["conf", "data", "sockets", "tls"] {
            std::fs::create_dir(root.join(part))?;
        }
        let certificate = certificate::write(&root.join("tls"), &["localhost", "127.0.0.1"])?;
        let port = free_port()?;
        std::fs::write(root.join("imapd.conf"), imapd_conf(root, &certificate))?;
        std::fs::write(root.join("cyrus.conf"), cyrus_conf(root, port))?;
        answer_passwords(&root.join("sockets/mux"))?;
        hand_over(root)?;
        let libraries = [
            "usr/lib/x86_64-linux-gnu",
            "lib/x86_64-linux-gnu",
            "usr/lib/cyrus",
        ];
        let libraries = libraries.map(|part| unpacked().join(part).display().to_string());
        let mut master = Command::new(master);
        master
            .env("LD_LIBRARY_PATH", libraries.join(":"))
            // When it ends it ends its whole group, which would be ours and with it the other servers.
            .process_group(0)
            .current_dir(root)
            .arg("-D")
            .args(["-C", "imapd.conf", "-M", "cyrus.conf", "-p", "pid"]);
        if is_root() {
            let (user, group) = mail_owner();
            master.uid(user).gid(group);
        }
        let server = Server::start("cyrus", &mut master, port, &root.join("start.log"))?;
        Ok(Cyrus {
            _server: server,
            imaps_port: port,
            certificate,
            _folder: folder,
        })
    }
}

fn imapd_conf(root: &Path, certificate: &CertificateFiles) -> String {
    let (user, root) = (user_name(), root.display());
    let (chain, key) = (certificate.certificate.display(), certificate.key.display());
    format!(
        "configdirectory: {root}/conf
partition-default: {root}/data
defaultpartition: default
cyrus_user: {user}
servername: localhost
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {root}/sockets/mux
unixhierarchysep: yes
autocreate_quota: 0
autocreate_inbox_folders: Sent | Trash | Archive
autocreate_subscribe_folders: Sent | Trash | Archive
xlist-sent: Sent
xlist-trash: Trash
idlesocket: {root}/sockets/idle
lmtpsocket: {root}/sockets/lmtp
tls_server_cert: {chain}
tls_server_key: {key}
"
    )
}

fn cyrus_conf(root: &Path, port: u16) -> String {
    let (bin, root) = (unpacked().join("usr/lib/cyrus/bin"), root.display());
    let bin = bin.display();
    format!(
        "START {{
  recover cmd=\"{bin}/ctl_cyrusdb -C {root}/imapd.conf -r\"
}}
SERVICES {{
  imaps cmd=\"{bin}/imapd -C {root}/imapd.conf -s\" listen=\"127.0.0.1:{port}\" prefork=1
}}
DAEMON {{
  idled cmd=\"{bin}/idled -C {root}/imapd.conf\"
}}
"
    )
}

/// `cyrus_user` is a name: of who owns mail.
fn user_name() -> String {
    let (user, _) = mail_owner();
    let output = Command::new("id").args(["-nu", &user.to_string()]).output();
    output.map_or_else(
        |_| "mail".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// In place of saslauthd, which wants a database of users: whoever knows the password is let in.
fn answer_passwords(socket: &Path) -> Result<(), TestkitError> {
    use std::os::unix::fs::PermissionsExt as _;
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever asked has gone: nobody waits for the answer.
            let _ = answer_password(stream);
        }
    });
    Ok(())
}

/// Login, password, service and realm, each after its length in two bytes; the answer likewise.
fn answer_password(mut stream: UnixStream) -> std::io::Result<()> {
    let mut told = Vec::new();
    for _ in 0..4 {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut text = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut text)?;
        told.push(text);
    }
    let answer: &[u8] = if told[1] == PASSWORD.as_bytes() {
        b"\0\x02OK"
    } else {
        b"\0\x02NO"
    };
    stream.write_all(answer)
}
