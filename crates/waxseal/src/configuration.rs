//! Configuration: defaults, then a TOML file, then the environment, then flags. Unknown keys are refused.
//!
//! Where a service is installed, its file is the one of every command, so that all of them work on its data folder.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use figment::Figment;
use figment::providers::Env;
use figment::providers::Format as _;
use figment::providers::Serialized;
use figment::providers::Toml;
use secrecy::SecretString;
use serde::Deserialize;
use serde::Serialize;

use crate::error::CommandError;

/// The service's, put there by its package.
pub const SERVICE_FILE: &str = "/etc/waxseal/waxseal.toml";
/// Where the service's data is, unless its file says otherwise.
const SERVICE_DATA: &str = "/var/lib/waxseal";

/// Options that every command takes, before or after its name.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct GlobalOptions {
    /// Configuration file [default: /etc/waxseal/waxseal.toml; with --data, waxseal.toml in that folder; if they are there]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Data folder: database, raw messages and the key [default: the service's, else the XDG data folder]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,

    /// Where browsers connect [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,

    /// postgres://... instead of SQLite in the data folder
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,

    /// How browsers reach this server: https://desk.example.org
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,

    /// Address of a reverse proxy whose X-Forwarded headers are believed (may be repeated)
    #[arg(long, global = true, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxy: Vec<IpAddr>,

    /// Certificate chain (PEM), to speak HTTPS without a proxy
    #[arg(long, global = true, value_name = "FILE", requires = "tls_key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,

    /// Networks inside which mail servers may be: network[:port], comma between
    #[arg(long, global = true, value_name = "LIST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_allow: Option<String>,

    /// Hosts where a password may be sent without TLS, comma between
    #[arg(long, global = true, value_name = "LIST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleartext_allow: Option<String>,

    /// DNS server to ask [default: those of this machine]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_server: Option<SocketAddr>,

    /// File (TOML) with the mail servers of your own domains
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presets: Option<PathBuf>,

    /// Where /metrics is served; loopback only [default: off]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,

    /// File of the master key [default: waxseal.key in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub database: Option<String>,
    pub public_url: Option<String>,
    #[serde(default)]
    pub trusted_proxy: Vec<IpAddr>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    #[serde(default)]
    pub egress_allow: String,
    #[serde(default)]
    pub cleartext_allow: String,
    pub dns_server: Option<SocketAddr>,
    pub presets: Option<PathBuf>,
    pub metrics_listen: Option<SocketAddr>,
    pub key_file: Option<PathBuf>,
    /// The master key itself, in base64. From the environment (`WAXSEAL_KEY`), where no other way is at hand.
    pub key: Option<SecretString>,
    /// The file that was read, if there is one.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Defaults {
    data: PathBuf,
    listen: SocketAddr,
}

impl Defaults {
    fn with_data(data: PathBuf) -> Self {
        Defaults {
            data,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        }
    }
}

impl Configuration {
    pub fn load(options: &GlobalOptions) -> Result<Self, CommandError> {
        Self::load_beside(options, Path::new(SERVICE_FILE))
    }

    fn load_beside(options: &GlobalOptions, service_file: &Path) -> Result<Self, CommandError> {
        if let Some(file) = &options.config {
            return Self::read(options, default_data(), Some(file));
        }
        let named = named_data(options)?;
        if service_file.exists() {
            if named.is_none() {
                return Self::read(options, SERVICE_DATA.into(), Some(service_file));
            }
            let service = Self::read(&GlobalOptions::default(), SERVICE_DATA.into(), Some(service_file));
            // Its folder by name is still the service's: the file may say that its database is elsewhere.
            if service.is_ok_and(|service| Some(service.data) == named) {
                return Self::read(options, SERVICE_DATA.into(), Some(service_file));
            }
        }
        let data = named.unwrap_or_else(default_data);
        let file = data.join("waxseal.toml");
        Self::read(options, data, file.exists().then_some(file.as_path()))
    }

    fn read(options: &GlobalOptions, data: PathBuf, file: Option<&Path>) -> Result<Self, CommandError> {
        let mut figment = Figment::from(Serialized::defaults(Defaults::with_data(data)));
        if let Some(file) = file {
            std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
            figment = figment.merge(Toml::file_exact(file));
        }
        let mut configuration: Configuration = figment
            .merge(Env::prefixed("WAXSEAL_"))
            .merge(Serialized::defaults(options))
            .extract()?;
        configuration.file = file.map(Path::to_owned);
        configuration.check()?;
        Ok(configuration)
    }

    /// How browsers reach a server that listens here.
    pub fn url(&self, address: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        match address.ip().is_loopback() {
            true => format!("{scheme}://localhost:{}", address.port()),
            false => format!("{scheme}://{address}"),
        }
    }

    fn check(&self) -> Result<(), CommandError> {
        if self
            .metrics_listen
            .is_some_and(|address| !address.ip().is_loopback())
        {
            return Err(CommandError::Usage(
                "metrics_listen has to be a loopback address".into(),
            ));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(CommandError::Usage("public_url begins with https://".into()));
        }
        Ok(())
    }
}

/// The data folder that a flag or the environment names.
fn named_data(options: &GlobalOptions) -> Result<Option<PathBuf>, CommandError> {
    #[derive(Deserialize)]
    struct Named {
        data: Option<PathBuf>,
    }
    let named = Figment::from(Env::prefixed("WAXSEAL_").only(&["data"])).merge(Serialized::defaults(options));
    Ok(named.extract::<Named>()?.data)
}

fn unreadable(file: &Path, error: &std::io::Error) -> CommandError {
    let told = match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "you may not read it; run it with sudo, or name a folder of your own with --data".to_owned()
        }
        _ => error.to_string(),
    };
    CommandError::Usage(format!("the configuration {}: {told}", file.display()))
}

/// `$XDG_DATA_HOME/waxseal`, else `~/.local/share/waxseal` (XDG Base Directory Specification).
fn default_data() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data_home = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data_home
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("waxseal")
}

#[cfg(test)]
mod tests {
    use figment::error::Kind;

    use super::*;

    fn load(toml: &str, options: GlobalOptions) -> Result<Configuration, CommandError> {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("waxseal.toml"), toml).expect("file");
        Configuration::load(&GlobalOptions {
            data: Some(folder.path().to_owned()),
            ..options
        })
    }

    #[test]
    fn flags_win_over_the_file_and_unknown_keys_are_named() {
        let flags = GlobalOptions {
            public_url: Some("https://flag.example".into()),
            ..GlobalOptions::default()
        };
        let loaded = load(
            "listen = \"127.0.0.1:1\"\npublic_url = \"https://file.example\"",
            flags,
        )
        .expect("loaded");
        assert_eq!(loaded.listen.port(), 1);
        assert_eq!(loaded.public_url.as_deref(), Some("https://flag.example"));
        let error = load("lisen = \"127.0.0.1:1\"", GlobalOptions::default()).expect_err("unknown key");
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn commands_find_the_installation_of_the_service() {
        let folder = tempfile::tempdir().expect("folder");
        let path = |name: &str| folder.path().join(name);
        let service = path("service.toml");
        std::fs::create_dir(path("other")).expect("folder");
        std::fs::write(path("other/waxseal.toml"), "listen = \"127.0.0.1:2\"").expect("file");
        std::fs::write(path("by-name.toml"), "listen = \"127.0.0.1:3\"").expect("file");
        let its_data = format!("listen = \"127.0.0.1:1\"\ndata = {:?}", path("its"));
        for (service_says, config, data, expected_data, expected_port) in [
            (None, None, None, default_data(), 8080),
            (None, None, Some("other"), path("other"), 2),
            (None, None, Some("new"), path("new"), 8080),
            (
                Some("listen = \"127.0.0.1:1\""),
                None,
                None,
                SERVICE_DATA.into(),
                1,
            ),
            (Some(&its_data), None, None, path("its"), 1),
            (Some(&its_data), None, Some("its"), path("its"), 1),
            (Some(&its_data), None, Some("other"), path("other"), 2),
            (Some(&its_data), None, Some("new"), path("new"), 8080),
            (Some(&its_data), Some("by-name.toml"), None, default_data(), 3),
            (Some(&its_data), Some("by-name.toml"), Some("new"), path("new"), 3),
        ] {
            let _ = std::fs::remove_file(&service);
            if let Some(text) = service_says {
                std::fs::write(&service, text).expect("file");
            }
            let options = GlobalOptions {
                config: config.map(path),
                data: data.map(path),
                ..GlobalOptions::default()
            };
            let loaded = Configuration::load_beside(&options, &service).expect("loaded");
            let found = (loaded.data, loaded.listen.port());
            assert_eq!(
                found,
                (expected_data, expected_port),
                "{service_says:?} {config:?} {data:?}"
            );
        }
    }
    #[test]
    fn the_file_of_the_package_names_every_setting() {
        let shipped = include_str!("../../../packaging/waxseal.toml");
        let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
        let settings: String = shipped
            .lines()
            .filter(is_setting)
            .map(|line| format!("{}\n", &line[1..]))
            .collect();
        let named: toml::Table = toml::from_str(&settings).expect("settings");
        let named: Vec<_> = named.keys().map(String::as_str).collect();
        let unknown = Figment::from(Serialized::default("unknown", 1)).extract::<Configuration>();
        let Err(Kind::UnknownField(_, known)) = unknown.map_err(|error| error.kind) else {
            panic!("unknown keys are refused");
        };
        let mut known = known.to_vec();
        known.sort_unstable();
        assert_eq!(named, known);
        load(&settings, GlobalOptions::default()).expect("what it shows is right");
    }
}
