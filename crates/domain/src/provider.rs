//! What is known of mail providers: servers to fill in, and where they differ from the standards. Data, not code.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::preset::Preset;
use crate::preset::is_within;

/// A test compares the names of its fields with the table.
#[derive(Clone, Debug, Deserialize)]
pub struct Provider {
    #[serde(flatten)]
    pub preset: Preset,
    /// How the names of its servers end.
    #[serde(default)]
    hosts: Vec<String>,
    /// It files what it is given in the Sent folder: a copy put there by us would be the second one.
    #[serde(default)]
    pub files_sent_itself: bool,
    /// Hosts of it that only pass on what they are given, and file nothing.
    #[serde(default)]
    relays: Vec<String>,
    /// It marks no folder, and names those for special uses as Outlook does.
    #[serde(default)]
    pub outlook_folders: bool,
    /// Messages a minute that it takes of one account.
    #[serde(default)]
    pub sends_per_minute: Option<u32>,
    /// What it gives of one account in a day; then it hangs up, or gives bytes one by one.
    #[serde(default)]
    pub bytes_per_day: Option<u64>,
    /// Connections that it takes of one account at once, those of the owner's other programs included.
    #[serde(default)]
    pub connections: Option<u32>,
    #[serde(default)]
    pub broken_qresync: bool,
    /// It opens no folder for a program that has not said its name (RFC 2971), whether it announces ID or not.
    #[serde(default)]
    pub id_required: bool,
    /// IDLE dies silently after so many seconds.
    #[serde(default)]
    pub idle_renewal_s: Option<u64>,
    /// Its `Authentication-Results` stand below the line with which it received, and are its own all the same.
    #[serde(default)]
    pub authserv_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    provider: Vec<Provider>,
}

/// Constant data, read once; a test proves that it parses.
static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("providers.toml"))
        .map(|table| table.provider)
        .unwrap_or_default()
});

/// By the domain behind the `@` of an address.
pub fn provider_of_domain(domain: &str) -> Option<&'static Provider> {
    let domain = domain.to_lowercase();
    PROVIDERS
        .iter()
        .find(|provider| provider.preset.domains.contains(&domain))
}

/// By where mail for a domain is delivered.
pub fn provider_of_mx(host: &str) -> Option<&'static Provider> {
    PROVIDERS
        .iter()
        .find(|provider| provider.preset.takes_mail_at(host))
}

/// By the name of a server, IMAP or SMTP.
pub fn provider_of_server(server: &str) -> Option<&'static Provider> {
    let is_of = |host: &String| is_within(server, host);
    PROVIDERS.iter().find(|provider| provider.hosts.iter().any(is_of))
}

impl Provider {
    pub fn is_relay(&self, server: &str) -> bool {
        let server = server.to_ascii_lowercase();
        self.relays.iter().any(|host| server.ends_with(host.as_str()))
    }
}

/// A receiving server whose results count wherever they stand.
pub fn writes_results_below(authserv_id: &str) -> bool {
    PROVIDERS
        .iter()
        .any(|provider| provider.authserv_id.as_deref() == Some(authserv_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole_and_names_no_domain_twice() {
        let table: Table = toml::from_str(include_str!("providers.toml")).expect("providers.toml");
        assert!(table.provider.len() >= 20);
        let mut domains: Vec<_> = table
            .provider
            .iter()
            .flat_map(|provider| &provider.preset.domains)
            .collect();
        let count = domains.len();
        domains.sort();
        domains.dedup();
        assert_eq!(domains.len(), count);
        assert_eq!(
            provider_of_domain("GMail.com").map(|provider| provider.preset.imap_server.as_str()),
            Some("imap.gmail.com")
        );
        assert!(provider_of_domain("unknown.example").is_none());
    }

    #[test]
    fn the_table_has_no_field_that_nobody_reads() {
        const READ: &[&str] = &[
            "hosts",
            "files_sent_itself",
            "relays",
            "outlook_folders",
            "sends_per_minute",
            "bytes_per_day",
            "connections",
            "broken_qresync",
            "id_required",
            "idle_renewal_s",
            "authserv_id",
        ];
        let table: toml::Table = toml::from_str(include_str!("providers.toml")).expect("table");
        for mut provider in table["provider"].as_array().expect("providers").clone() {
            let fields = provider.as_table_mut().expect("fields");
            fields.retain(|field, _| !READ.contains(&field));
            let rest: Result<Preset, _> = provider.clone().try_into();
            assert!(rest.is_ok(), "{provider}: {rest:?}");
        }
    }

    #[test]
    fn domains_of_others_are_known_by_who_takes_in_their_mail() {
        for (mx, imap_server) in [
            ("aspmx.l.google.com", Some("imap.gmail.com")),
            ("ALT2.aspmx.l.google.com", Some("imap.gmail.com")),
            ("smtp.google.com", Some("imap.gmail.com")),
            (
                "acme-example.mail.protection.outlook.com",
                Some("outlook.office365.com"),
            ),
            ("acme-example.o-v1.mx.microsoft", Some("outlook.office365.com")),
            ("mx01.mail.icloud.com", Some("imap.mail.me.com")),
            ("mx2.zoho.eu", Some("imappro.zoho.eu")),
            ("in1-smtp.messagingengine.com", Some("imap.fastmail.com")),
            ("mx.yandex.net", Some("imap.yandex.com")),
            ("mx1.mail.ovh.net", Some("ssl0.ovh.net")),
            ("mx00.kundenserver.de", Some("imap.ionos.de")),
            ("mx00.ionos.co.uk", Some("imap.ionos.co.uk")),
            ("smtpin.rzone.de", Some("imap.strato.de")),
            ("evilgoogle.com", None),
            ("google.com.evil.example", None),
            ("mx.isp.example", None),
        ] {
            let found = provider_of_mx(mx).map(|provider| provider.preset.imap_server.as_str());
            assert_eq!(found, imap_server, "{mx}");
        }
    }

    #[test]
    fn servers_are_known_by_how_their_names_end() {
        for (server, name) in [
            ("imap.gmail.com", Some("Gmail")),
            ("SMTP.gmail.com", Some("Gmail")),
            ("outlook.office365.com", Some("Outlook.com")),
            ("p12-imap.mail.me.com", Some("iCloud Mail")),
            ("smtp.zoho.eu", Some("Zoho Mail Europe")),
            ("notgmail.com", None),
            ("gmail.com.evil.example", None),
        ] {
            let found = provider_of_server(server).map(|provider| provider.preset.name.as_str());
            assert_eq!(found, name, "{server}");
        }
        assert!(provider_of_server("imap.mail.me.com").is_some_and(|provider| provider.broken_qresync));
        assert!(provider_of_server("imap.163.com").is_some_and(|provider| provider.id_required));
        assert_eq!(
            provider_of_server("imap.gmail.com").and_then(|provider| provider.connections),
            Some(15)
        );
        assert!(writes_results_below("mx.google.com") && !writes_results_below("mx.isp.example"));
    }
}
