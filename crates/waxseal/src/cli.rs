//! The command line.

use std::io::BufRead as _;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use domain::MailAccountId;
use secrecy::SecretString;
use serde_json::json;
use service::administrators::NewAdministrator;
use service::export::ExportFormat;

use crate::account_commands;
use crate::app::App;
use crate::audit_command;
use crate::backup_commands;
use crate::configuration::Configuration;
use crate::configuration::GlobalOptions;
use crate::doctor;
use crate::error::CommandError;
use crate::key_source::KeySource;
use crate::keys_commands;
use crate::keys_commands::KeysCommand;
use crate::manual;
use crate::owner;
use crate::serve;
use crate::sync_command;

/// Mail of administrators beside their customers, private by construction.
#[derive(Parser)]
#[command(name = "waxseal", version)]
pub struct Cli {
    #[command(flatten)]
    options: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the web interface, the API and the sync engine
    Serve,
    /// Make a new installation: data folder, database and key. Changes nothing where there is one
    Init,
    /// Print a new link that makes the first administrator; the one before it ends
    SetupLink,
    /// Administrators
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Mail accounts
    Account {
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Fetch mail now; the last line is one JSON object. Exit 75: another process works on the account
    Sync {
        /// Return when everything is fetched
        #[arg(long, required = true)]
        once: bool,
        /// Only this account
        #[arg(long)]
        account: Option<MailAccountId>,
    },
    /// Compare what the servers list with what is here, and fetch what is missing; a JSON object for each account, the
    /// last line is the sum. Exit 1: something is missing still; 75: another process works on the account
    Audit {
        /// Only this account
        #[arg(long)]
        account: Option<MailAccountId>,
    },
    /// Write all mail of an account, byte for byte
    Export {
        #[arg(long)]
        account: MailAccountId,
        #[arg(long, value_enum)]
        format: Format,
        /// A folder (eml) or a file (mbox)
        #[arg(long)]
        to: PathBuf,
    },
    /// Try again to parse what could not be parsed; prints one JSON object
    Reparse {
        #[arg(long)]
        account: MailAccountId,
    },
    /// Copy everything but the key into a folder, while it runs; what was written is read again
    Backup {
        /// A new folder, or an earlier backup, of which what is still needed stays
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Put a backup into an empty data folder. Nothing is sent until `waxseal release`
    Restore {
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The key is lost: without passwords and second factors
        #[arg(long)]
        without_key: bool,
    },
    /// Read and hash everything that is stored
    Verify,
    /// After pg_restore, before `serve`: what waited may have gone, and nothing is sent until `waxseal release`
    Hold,
    /// After a restoration: let messages go again
    Release,
    /// The master key
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Check this installation and say what to do
    Doctor,
    /// Print the OpenAPI document
    #[command(hide = true)]
    Openapi,
    /// Write man pages and shell completions into a folder
    #[command(hide = true)]
    Manual {
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Make an administrator
    Create {
        #[arg(long)]
        login: String,
        /// Their name [default: the login]
        #[arg(long)]
        name: Option<String>,
        /// May manage administrators; sees nobody's mail by that
        #[arg(long = "super")]
        is_super: bool,
        #[arg(long, default_value = "UTC")]
        timezone: String,
        /// Read the password from the first line of standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Take password and second factor away and print a one-time link for new ones. Seals the person's mail
    /// accounts until the mailbox's own password is typed
    Reset {
        #[arg(long)]
        login: String,
    },
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Add an account from a TOML file; prints its id
    Add {
        #[arg(long)]
        owner: String,
        #[arg(long)]
        file: PathBuf,
        /// Set the owner's time zone, which days in the file are counted in
        #[arg(long)]
        timezone: Option<String>,
    },
    /// List accounts
    List {
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Connect and sign in, step by step
    Test { id: MailAccountId },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Eml,
    Mbox,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Text,
    Json,
}

pub async fn run(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        Command::Openapi => {
            println!("{}", api::openapi_json());
            Ok(())
        }
        Command::Manual { to } => manual::write(Cli::command(), &to),
        _ => run_configured(cli).await,
    }
}

async fn run_configured(cli: Cli) -> Result<(), CommandError> {
    let configuration = Configuration::load(&cli.options)?;
    owner::work_as_owner_of(&configuration.data)?;
    // What may make an installation, or works on a database without its key; all else opens one that is there.
    let command = match cli.command {
        Command::Serve => return serve::run(configuration).await,
        Command::Init => return init(&configuration).await,
        Command::Restore { from, without_key } => {
            return backup_commands::restore(&configuration, &from, without_key).await;
        }
        Command::Keys { command } => return keys_commands::run(&configuration, command).await,
        command => command,
    };
    let app = App::open(&configuration).await?;
    let outcome = run_on(&app, &configuration, command).await;
    app.services.close().await;
    outcome
}

async fn run_on(app: &App, configuration: &Configuration, command: Command) -> Result<(), CommandError> {
    match command {
        Command::Admin {
            command: AdminCommand::Reset { login },
        } => reset_sign_in(app, configuration, &login).await,
        Command::Admin { command } => create_administrator(app, command).await,
        Command::Account {
            command:
                AccountCommand::Add {
                    owner,
                    file,
                    timezone,
                },
        } => account_commands::add(app, &owner, &file, timezone.as_deref()).await,
        Command::Account {
            command: AccountCommand::List { format },
        } => account_commands::list(app, format).await,
        Command::Account {
            command: AccountCommand::Test { id },
        } => account_commands::test(app, id).await,
        Command::Sync { account, .. } => sync_command::run(app, account).await,
        Command::Audit { account } => audit_command::run(app, account).await,
        Command::Export { account, format, to } => {
            let format = match format {
                Format::Eml => ExportFormat::Eml,
                Format::Mbox => ExportFormat::Mbox,
            };
            let report = app.services.export_account(account, format, &to).await?;
            println!("{} messages written to {}", report.written, to.display());
            for (message, reason) in &report.unread {
                eprintln!("{message} could not be read: {reason}");
            }
            Ok(())
        }
        Command::Reparse { account } => {
            let report = app.services.reparse_account_for_engine(account).await?;
            println!("{}", json!({ "parsed": report.parsed, "parked": report.parked }));
            Ok(())
        }
        Command::Backup { to } => backup_commands::backup(app, &to).await,
        Command::Verify => backup_commands::verify(app).await,
        Command::Hold => backup_commands::hold(app).await,
        Command::Release => backup_commands::release(app).await,
        Command::Doctor => doctor::run(app, configuration).await,
        Command::SetupLink => print_set_up_link(app, configuration).await,
        Command::Serve
        | Command::Init
        | Command::Openapi
        | Command::Manual { .. }
        | Command::Restore { .. }
        | Command::Keys { .. } => Ok(()),
    }
}

async fn init(configuration: &Configuration) -> Result<(), CommandError> {
    let app = App::open_or_make(configuration).await?;
    println!("Waxseal is in {}.", configuration.data.display());
    if let KeySource::File(file) = KeySource::of(configuration)? {
        println!(
            "Its key is {}, and in no backup: keep a copy of it somewhere else.",
            file.display()
        );
    }
    app.services.close().await;
    Ok(())
}

async fn print_set_up_link(app: &App, configuration: &Configuration) -> Result<(), CommandError> {
    let link = serve::set_up_link(app, &configuration.url(configuration.listen)).await?;
    let link =
        link.ok_or_else(|| CommandError::Usage("there is an administrator already: sign in".into()))?;
    println!("{link}");
    Ok(())
}

async fn reset_sign_in(app: &App, configuration: &Configuration, login: &str) -> Result<(), CommandError> {
    let found = app.services.find_administrator_by_login(login).await?;
    let found = found.ok_or_else(|| CommandError::Usage(format!("There is no administrator {login}.")))?;
    let token = app.services.reset_sign_in_by_operator(found.id).await?;
    let url = configuration.url(configuration.listen);
    println!("The link works once, for three days: {url}/welcome#{token}");
    Ok(())
}

async fn create_administrator(app: &App, command: AdminCommand) -> Result<(), CommandError> {
    let AdminCommand::Create {
        login,
        name,
        is_super,
        timezone,
        ..
    } = command
    else {
        return Ok(());
    };
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let new = NewAdministrator {
        name: name.unwrap_or_else(|| login.clone()),
        login,
        password: SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned()),
        is_super,
        time_zone: timezone,
    };
    println!("{}", app.services.create_administrator(new).await?);
    Ok(())
}
