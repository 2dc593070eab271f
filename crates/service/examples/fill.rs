//! Fills an empty data folder for `make bench`: `fill messages FOLDER COUNT` puts mail into one administrator's accounts,
//! `fill accounts FOLDER COUNT PORT FINGERPRINT [SMTP_PORT]` makes accounts on an IMAP server of this machine, which send
//! by the SMTP server at that port. Everybody signs in with the same password. PostgreSQL: its URL in `DATABASE`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::AdministratorId;
use domain::MailAccountId;
use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use secrecy::SecretString;
use service::MasterKey;
use service::Services;
use service::SystemClock;
use service::accounts::Card;
use service::administrators::NewAdministrator;
use service::intake::FetchedForIntake;
use service::intake::IntakeBatch;
use store::BlobStore;
use store::Db;

const PASSWORD: &str = "correct horse battery";
/// As many as an administrator may have.
const ACCOUNTS_OF_ONE: usize = 20;
const ACCOUNTS_WITH_MAIL: usize = 10;
const BATCH: usize = 1_000;
const KEY: [u8; 32] = [7; 32];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["messages", folder, count] => {
            let services = open(Path::new(folder)).await;
            fill_with_messages(&services, count.parse().expect("count")).await;
        }
        ["accounts", folder, count, port, fingerprint, ref smtp @ ..] => {
            let services = open(Path::new(folder)).await;
            let servers = Servers {
                imap: port.parse().expect("port"),
                fingerprint,
                smtp: smtp.first().map(|port| port.parse().expect("port")),
            };
            fill_with_accounts(&services, count.parse().expect("count"), &servers).await;
        }
        _ => panic!("see the head of this file"),
    }
}

async fn open(folder: &Path) -> Services {
    use std::os::unix::fs::PermissionsExt as _;
    let (raw, key) = (folder.join("store/raw"), folder.join("waxseal.key"));
    std::fs::create_dir_all(&raw).expect("folder");
    std::fs::write(&key, KEY).expect("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("private");
    let db = match std::env::var("DATABASE") {
        Ok(url) => Db::open_postgres(&url).await,
        Err(_) => Db::open_sqlite(&folder.join("store/waxseal.db")).await,
    };
    let blobs = BlobStore::open_folder(&raw).expect("blobs");
    let key = MasterKey::from_bytes(&KEY);
    let services = Services::open(db.expect("database"), blobs, key, Arc::new(SystemClock)).await;
    services.expect("services")
}

async fn administrator(services: &Services, login: &str) -> AdministratorId {
    let new = NewAdministrator {
        login: login.into(),
        name: login.into(),
        password: SecretString::from(PASSWORD.to_owned()),
        is_super: true,
        time_zone: "UTC".into(),
    };
    services.create_administrator(new).await.expect("administrator")
}

async fn fill_with_messages(services: &Services, count: usize) {
    let owner = administrator(services, "owner").await;
    for number in 0..ACCOUNTS_WITH_MAIL {
        let address = format!("mail{number}@isp.example");
        let account = services.create_account(owner, "Mail", &address).await;
        fill_account(
            services,
            account.expect("account"),
            number,
            count / ACCOUNTS_WITH_MAIL,
        )
        .await;
    }
}

async fn fill_account(services: &Services, account: MailAccountId, part: usize, count: usize) {
    let lease = services
        .take_lease(account, "fill")
        .await
        .expect("lease")
        .expect("free");
    let account = services.get_account_for_engine(account).await.expect("account");
    let folder = services
        .watch_folder(account.id, FolderRole::Inbox, b"INBOX")
        .await;
    let folder = folder.expect("folder");
    for first in (0..count).step_by(BATCH) {
        let numbers = first..(first + BATCH).min(count);
        let uid = |number: usize| Uid(u32::try_from(number + 1).expect("small"));
        let messages = numbers.clone().map(|number| FetchedForIntake {
            uid: uid(number),
            role: FolderRole::Inbox,
            seen: number % 100 > 0,
            internal_date: Some(
                services
                    .now()
                    .minus(Duration::from_secs(60 * (count - number) as u64)),
            ),
            raw: message(part * count + number).into_bytes().into(),
        });
        let cursor = FolderCursor::at_baseline(UidValidity(1), uid(numbers.end), None);
        let begun = services.set_cursor(&lease, folder.id, &cursor, None).await;
        begun.expect("cursor");
        let batch = IntakeBatch {
            lease: &lease,
            account: &account,
            folder: &folder,
            messages: messages.collect(),
            skipped: Vec::new(),
            cursor,
            walk: Walk::NewMail,
            history_since: None,
            attempts: Vec::new(),
            park: false,
        };
        services.intake(batch).await.expect("intake");
        services.renew_lease(&lease).await.expect("renewed");
    }
    services.release_lease(&lease).await.expect("released");
}

/// Every third holds `invoice`, every 50,000th holds `zeppelin`; the other words are as frequent as in a language.
fn message(number: usize) -> String {
    let mut text = String::new();
    let mut random = number as u64 + 1;
    for _ in 0..40 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let spread = (random >> 33) as f64 / f64::from(u32::MAX >> 1);
        let word = (20_000_f64.powf(spread)) as u32;
        text += &format!("word{word} ");
    }
    if number.is_multiple_of(3) {
        text += "invoice ";
    }
    if number.is_multiple_of(50_000) {
        text += "zeppelin ";
    }
    let author = number % 5_000;
    let (thread, answers) = (number / 4, number % 4);
    let reply = match answers {
        0 => String::new(),
        _ => format!("In-Reply-To: <{}@out.example>\r\n", number - 1),
    };
    format!(
        "From: Person {author} <person{author}@out.example>\r\nTo: owner@isp.example\r\nSubject: Subject {thread}\r\n\
         Message-ID: <{number}@out.example>\r\n{reply}\r\n{text}\r\n"
    )
}

struct Servers<'a> {
    imap: u16,
    fingerprint: &'a str,
    smtp: Option<u16>,
}

async fn fill_with_accounts(services: &Services, count: usize, servers: &Servers<'_>) {
    let mut owner = None;
    for number in 0..count {
        if number.is_multiple_of(ACCOUNTS_OF_ONE) {
            owner = Some(administrator(services, &format!("owner{}", number / ACCOUNTS_OF_ONE)).await);
        }
        if let Some(owner) = owner {
            idle_account(services, owner, number, servers).await;
        }
    }
}

async fn idle_account(services: &Services, owner: AdministratorId, number: usize, servers: &Servers<'_>) {
    let address = format!("mail{number}@isp.example");
    let id = services
        .create_account(owner, "Mail", &address)
        .await
        .expect("account");
    let imap = ImapSettings {
        server: "127.0.0.1".into(),
        port: servers.imap,
        security: Security::Tls,
        pinned_certificate: Some(
            domain::account::Fingerprint::parse(servers.fingerprint).expect("fingerprint"),
        ),
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    };
    let smtp = servers.smtp.map(|port| Card::Smtp {
        settings: SmtpSettings {
            enabled: true,
            server: "127.0.0.1".into(),
            port,
            security: Security::None,
            auth: SmtpAuth::None,
            ..SmtpSettings::default()
        },
        password: None,
    });
    let cards = [
        Card::Credentials {
            name: "Mail".into(),
            address,
            aliases: Vec::new(),
            username: format!("mail{number}"),
            password: None,
        },
        Card::Imap {
            settings: imap,
            password: Some(SecretString::from(PASSWORD.to_owned())),
        },
        Card::Tracking {
            tracking: Tracking {
                enabled: true,
                messages: MessagesToProcess::All,
                ..Tracking::default()
            },
            deny_list: String::new(),
        },
    ];
    for card in cards.into_iter().chain(smtp) {
        services.save_card_for_owner(owner, id, card).await.expect("card");
    }
}
