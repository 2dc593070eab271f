//! Configuration: defaults, then a TOML file, then the environment, then flags. Unknown keys are refused.

use std::net::IpAddr;
use std::net::SocketAddr;
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

/// Options that every command takes, before or after its name.
#[derive(Args, Clone, Debug, Default, Serialize)]
pub struct GlobalOptions {
    /// Configuration file [default: waxseal.toml in the data folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Data folder: database, raw messages and the key [default: the XDG data folder]
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
    pub metrics_listen: Option<SocketAddr>,
    pub key_file: Option<PathBuf>,
    /// The master key itself, in base64. From the environment (`WAXSEAL_KEY`), where no other way is at hand.
    pub key: Option<SecretString>,
}

#[derive(Serialize)]
struct Defaults {
    data: PathBuf,
    listen: SocketAddr,
}

impl Configuration {
    pub fn load(options: &GlobalOptions) -> Result<Self, CommandError> {
        let defaults = Defaults {
            data: default_data(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        };
        let without_file = Figment::from(Serialized::defaults(&defaults))
            .merge(Env::prefixed("WAXSEAL_").only(&["data"]))
            .merge(Serialized::defaults(options));
        let data: PathBuf = without_file.extract_inner("data")?;
        let file = options
            .config
            .clone()
            .unwrap_or_else(|| data.join("waxseal.toml"));
        if options.config.is_some() && !file.exists() {
            return Err(CommandError::Usage(format!(
                "there is no file {}",
                file.display()
            )));
        }
        let mut figment = Figment::from(Serialized::defaults(&defaults));
        if file.exists() {
            figment = figment.merge(Toml::file_exact(file));
        }
        let configuration: Configuration = figment
            .merge(Env::prefixed("WAXSEAL_"))
            .merge(Serialized::defaults(options))
            .extract()?;
        configuration.check()?;
        Ok(configuration)
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
}
