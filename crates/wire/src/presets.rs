//! What is known of mail providers: servers to fill in, and the hint for the password. Data, not code.

use std::sync::LazyLock;

use domain::account::Security;
use serde::Deserialize;
use serde::Serialize;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    /// Domains of addresses.
    pub domains: Vec<String>,
    pub imap_server: String,
    pub imap_port: u16,
    pub imap_security: Security,
    pub smtp_server: String,
    pub smtp_port: u16,
    pub smtp_security: Security,
    /// Where an app password is made, if this provider wants one.
    #[serde(default)]
    pub app_password_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    provider: Vec<Preset>,
}

/// Constant data, read once; a test proves that it parses.
static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("presets.toml"))
        .map(|table| table.provider)
        .unwrap_or_default()
});

/// The provider of an address by the domain behind its `@`.
pub fn preset_for(domain: &str) -> Option<&'static Preset> {
    let domain = domain.to_lowercase();
    PRESETS.iter().find(|preset| preset.domains.contains(&domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole_and_names_no_domain_twice() {
        let table: Table = toml::from_str(include_str!("presets.toml")).expect("presets.toml");
        assert!(table.provider.len() >= 20);
        let mut domains: Vec<_> = table.provider.iter().flat_map(|preset| &preset.domains).collect();
        let count = domains.len();
        domains.sort();
        domains.dedup();
        assert_eq!(domains.len(), count);
        assert_eq!(
            preset_for("GMail.com").map(|preset| preset.imap_server.as_str()),
            Some("imap.gmail.com")
        );
        assert!(preset_for("unknown.example").is_none());
    }
}
