//! An operation has one connection to the database and passes it on. All of these tests have only one; these are
//! operations that once asked for a second.

use domain::account::ImapSettings;
use domain::account::MessagesToProcess;
use domain::account::Security;
use domain::account::SmtpAuth;
use domain::account::SmtpSettings;
use domain::account::Tracking;
use domain::folder::FolderRole;
use domain::party::PartyKind;
use secrecy::SecretString;
use service::accounts::Card;
use service::system_mail::SystemMailForm;
use store::Db;
use testkit::Postgres;
use testkit::sample_mail::plain;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_does_on_sqlite() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite_with_one_connection(&folder.path().join("waxseal.db"))
        .await
        .expect("database");
    one_connection_does(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_does_on_postgresql() {
    let postgres = Postgres::start().expect("postgres");
    let db = Db::open_postgres_with_one_connection(&postgres.url()).await;
    one_connection_does(db.expect("database")).await;
}

async fn one_connection_does(db: Db) {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new(db, folder.path()).await;
    status_of_a_provider_that_gives_so_much_a_day(&world).await;
    smtp_with_the_password_of_the_mailbox_and_of_the_system(&world).await;
    an_import(&world).await;
}

fn gmail() -> Card {
    Card::Imap {
        settings: ImapSettings {
            server: "imap.gmail.com".into(),
            port: 993,
            security: Security::Tls,
            pinned_certificate: None,
            compress: false,
            authserv_id: None,
            sent_folder: None,
            more_folders: Vec::new(),
        },
        password: Some(SecretString::from("secret".to_owned())),
    }
}

async fn status_of_a_provider_that_gives_so_much_a_day(world: &World) {
    let services = &world.services;
    let (owner, ann) = world.administrator("ann").await;
    let id = services
        .create_account(owner, "Mail", "ann@gmail.com")
        .await
        .expect("account");
    let since = Card::Tracking {
        tracking: Tracking {
            enabled: true,
            messages: MessagesToProcess::All,
            history_since: Some(jiff::civil::date(2020, 1, 1)),
            ..Tracking::default()
        },
        deny_list: String::new(),
    };
    for card in [gmail(), since] {
        services
            .save_card_for_owner(owner, id, card)
            .await
            .expect("saved");
    }
    let lease = services
        .take_lease(id, "one")
        .await
        .expect("lease")
        .expect("free");
    let raw = plain(
        "Kelly <kelly@out.example>",
        "ann@gmail.com",
        "One",
        "words",
        "one@x",
    );
    world
        .intake_into(FolderRole::Inbox, &lease, 10, &[raw])
        .await
        .expect("intake");
    let status = services.account_status(ann, id).await.expect("status");
    assert!(status.has_history);
    assert_eq!((status.history_rest, status.messages), (None, 1));
}

async fn smtp_with_the_password_of_the_mailbox_and_of_the_system(world: &World) {
    let services = &world.services;
    let (owner, bea) = world.administrator("bea").await;
    let id = services
        .create_account(owner, "Mail", "bea@gmail.com")
        .await
        .expect("account");
    let card = gmail();
    services
        .save_card_for_owner(owner, id, card)
        .await
        .expect("saved");
    let smtp = SmtpSettings {
        enabled: true,
        server: "smtp.gmail.com".into(),
        auth: SmtpAuth::Plain,
        security: Security::Tls,
        ..SmtpSettings::default()
    };
    let form = SystemMailForm {
        sender_name: "ISP".into(),
        sender_email: "billing@isp.example".into(),
        days_until_expiration: 1,
        smtp: SmtpSettings {
            auth: SmtpAuth::None,
            ..smtp.clone()
        },
        ..SystemMailForm::default()
    };
    services.save_system_mail(bea, form, None).await.expect("saved");
    let through_system = SmtpSettings {
        use_system: true,
        ..smtp.clone()
    };
    for settings in [smtp, through_system] {
        let card = Card::Smtp {
            settings,
            password: None,
        };
        services
            .save_card_for_owner(owner, id, card)
            .await
            .expect("saved");
    }
}

async fn an_import(world: &World) {
    let services = &world.services;
    let (_, cyd) = world.administrator("cyd").await;
    let csv = "name,email\nKelly,kelly@out.example\nLee,ann@gmail.com\n";
    let report = services
        .import_parties(cyd, PartyKind::Customer, csv.as_bytes(), true)
        .await
        .expect("imported");
    assert_eq!((report.added, report.refused), (1, 1), "one is a colleague's");
}
