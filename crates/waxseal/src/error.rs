//! Why a command failed, and the exit code that scripts see.

use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use engine::EngineError;
use service::FieldError;
use service::ServiceError;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Usage(String),
    #[error(
        "there is no Waxseal in {}: {missing} is not there ({}). `waxseal init` makes a new one, `waxseal restore` brings one back, --data DIR names another folder",
        data.display(), read_from(file.as_deref())
    )]
    NoInstallation {
        data: PathBuf,
        file: Option<PathBuf>,
        missing: String,
    },
    #[error("{}", service_text(.0))]
    Service(#[from] ServiceError),
    #[error("{}", .0.for_owner())]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Backup(#[from] service::backup::BackupError),
    #[error(transparent)]
    Export(#[from] service::export::ExportError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Key(#[from] service::KeyError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the configuration is wrong: {0}")]
    Configuration(Box<figment::Error>),
    #[error("{0}")]
    Egress(#[from] wire::EgressParseError),
    #[error("a check failed")]
    Unhealthy,
}

/// EX_TEMPFAIL: try again later (sysexits.h).
const TEMPORARY: u8 = 75;
/// EX_USAGE
const USAGE: u8 = 64;

impl CommandError {
    pub fn exit_code(&self) -> ExitCode {
        match self {
            CommandError::Engine(error) if error.is_out_of_date() => ExitCode::from(TEMPORARY),
            CommandError::Usage(_) | CommandError::NoInstallation { .. } | CommandError::Configuration(_) => {
                ExitCode::from(USAGE)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

impl From<figment::Error> for CommandError {
    fn from(error: figment::Error) -> Self {
        CommandError::Configuration(Box::new(error))
    }
}

fn read_from(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("configuration: {}", file.display()),
        None => "no configuration file".into(),
    }
}

fn service_text(error: &ServiceError) -> String {
    match error {
        ServiceError::Invalid(errors) => {
            let line = |error: &FieldError| format!("{}: {}", error.field, error.message);
            errors.iter().map(line).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
