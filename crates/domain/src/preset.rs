//! Servers for the addresses of some domains: of the table of providers, or written down by the operator for domains of
//! their own. One form for both. Pure.

use serde::Deserialize;

use crate::account::ImapSettings;
use crate::account::Security;
use crate::account::SmtpAuth;
use crate::account::SmtpSettings;
use crate::address::fold_domain;
use crate::sign_in::known_provider;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    /// Of addresses.
    #[serde(default)]
    pub domains: Vec<String>,
    /// How the names of the servers end that take in mail for other domains, which are served by the same servers then.
    #[serde(default)]
    mx: Vec<String>,
    pub imap_server: String,
    pub imap_port: u16,
    pub imap_security: Security,
    pub smtp_server: String,
    pub smtp_port: u16,
    pub smtp_security: Security,
    #[serde(default)]
    pub username: Login,
    /// The kind of the provider that signs mailboxes in. Absent: who signs in at these servers, by the table of those.
    #[serde(default)]
    pub sign_in: Option<String>,
    /// Where an app password is made, if one is wanted.
    #[serde(default)]
    pub app_password_url: Option<String>,
    /// For people who set an account up; shown as it is.
    #[serde(default)]
    pub hint: Option<String>,
}

/// As whom mailboxes sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    #[default]
    Address,
    /// What stands before the `@`.
    LocalPart,
}

impl Preset {
    pub fn imap_settings(&self) -> ImapSettings {
        ImapSettings {
            server: self.imap_server.clone(),
            port: self.imap_port,
            security: self.imap_security,
            pinned_certificate: None,
            compress: false,
            authserv_id: None,
            sent_folder: None,
            more_folders: Vec::new(),
        }
    }

    /// For an account that signs in at the provider.
    pub fn smtp_settings(&self) -> SmtpSettings {
        SmtpSettings {
            enabled: true,
            server: self.smtp_server.clone(),
            port: self.smtp_port,
            security: self.smtp_security,
            auth: SmtpAuth::Xoauth2,
            ..SmtpSettings::default()
        }
    }

    /// `host`: where mail for a domain is delivered.
    pub fn takes_mail_at(&self, host: &str) -> bool {
        self.mx.iter().any(|known| is_within(host, known))
    }
}

/// `name` is `parent`, or something in it.
pub fn is_within(name: &str, parent: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_suffix(parent);
    !parent.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The operator's own.
#[derive(Clone, Debug, Default)]
pub struct Presets(Vec<Preset>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// With line and field.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    #[error("{preset:?}, {field}: {problem}")]
    Value {
        preset: String,
        field: &'static str,
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetFile {
    #[serde(default)]
    provider: Vec<Preset>,
}

impl Presets {
    pub fn parse(text: &str) -> Result<Self, PresetError> {
        let mut presets = toml::from_str::<PresetFile>(text)?.provider;
        let mut met = Vec::new();
        for preset in &mut presets {
            fold(preset)?;
            for domain in &preset.domains {
                if met.contains(domain) {
                    return Err(wrong(preset, "domains", format!("{domain} stands there twice")));
                }
                met.push(domain.clone());
            }
        }
        Ok(Presets(presets))
    }

    pub fn of_domain(&self, domain: &str) -> Option<&Preset> {
        self.0
            .iter()
            .find(|preset| preset.domains.iter().any(|known| known == domain))
    }

    pub fn of_mx(&self, host: &str) -> Option<&Preset> {
        self.0.iter().find(|preset| preset.takes_mail_at(host))
    }
}

/// Names as they are compared, or which field holds none.
fn fold(preset: &mut Preset) -> Result<(), PresetError> {
    if preset.domains.is_empty() && preset.mx.is_empty() {
        return Err(wrong(
            preset,
            "domains",
            "at least one is needed, here or in mx".into(),
        ));
    }
    for (field, names) in [("domains", preset.domains.clone()), ("mx", preset.mx.clone())] {
        for name in names {
            named(preset, field, &name)?;
        }
    }
    let fold_all = |names: &mut Vec<String>| names.iter_mut().for_each(fold_name);
    fold_all(&mut preset.domains);
    fold_all(&mut preset.mx);
    for (field, name, port) in [
        ("imap_server", &preset.imap_server, preset.imap_port),
        ("smtp_server", &preset.smtp_server, preset.smtp_port),
    ] {
        named(preset, field, name)?;
        if port == 0 {
            return Err(wrong(preset, field, "its port is 0".into()));
        }
    }
    if let Some(kind) = &preset.sign_in
        && known_provider(kind).is_none()
    {
        return Err(wrong(
            preset,
            "sign_in",
            format!("no provider of the kind {kind:?} is known"),
        ));
    }
    let is_page = |url: &String| url.starts_with("https://");
    if !preset.app_password_url.iter().all(is_page) {
        return Err(wrong(
            preset,
            "app_password_url",
            "it begins with https://".into(),
        ));
    }
    Ok(())
}

fn fold_name(name: &mut String) {
    if let Some(folded) = fold_domain(name) {
        *name = folded;
    }
}

fn named(preset: &Preset, field: &'static str, name: &str) -> Result<(), PresetError> {
    let is_name = fold_domain(name).is_some_and(|folded| {
        !folded.is_empty() && !folded.contains(['/', '@', ' ']) && !folded.starts_with('.')
    });
    match is_name {
        true => Ok(()),
        false => Err(wrong(preset, field, format!("{name:?} is no name"))),
    }
}

fn wrong(preset: &Preset, field: &'static str, problem: String) -> PresetError {
    PresetError::Value {
        preset: preset.name.clone(),
        field,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[provider]]
name = "Our own"
domains = ["Example.ORG", "bücher.example"]
mx = ["in.example.org"]
imap_server = "imap.example.org"
imap_port = 993
imap_security = "tls"
smtp_server = "smtp.example.org"
smtp_port = 587
smtp_security = "starttls"
username = "local-part"
hint = "The password is that of the intranet."
"#;

    #[test]
    fn the_operators_file_has_the_form_of_the_table() {
        let presets = Presets::parse(GOOD).expect("presets");
        let found = presets.of_domain("example.org").expect("preset");
        assert_eq!(
            (found.name.as_str(), found.username),
            ("Our own", Login::LocalPart)
        );
        assert!(presets.of_domain("xn--bcher-kva.example").is_some());
        for (host, is) in [
            ("a.in.example.org", true),
            ("IN.example.org", true),
            ("main.example.org", false),
        ] {
            assert_eq!(presets.of_mx(host).is_some(), is, "{host}");
        }
        assert!(presets.of_domain("other.example").is_none());
        assert!(
            Presets::parse("")
                .expect("empty")
                .of_domain("example.org")
                .is_none()
        );
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_with_its_field() {
        for (from, to, told) in [
            ("imap_server", "imap_sever", "imap_sever"),
            ("smtp_port = 587\n", "", "smtp_port"),
            ("imap_port = 993", "imap_port = 99300", "imap_port"),
            ("imap_port = 993", "imap_port = 0", "imap_server"),
            ("\"starttls\"", "\"startls\"", "smtp_security"),
            (
                "\"Example.ORG\", \"bücher.example\"",
                "\"a.example\", \"A.example\"",
                "domains",
            ),
            ("\"in.example.org\"", "\"\"", "mx"),
            ("imap.example.org", "https://imap.example.org/", "imap_server"),
            ("hint =", "sign_in = \"goggle\"\nhint =", "sign_in"),
            (
                "hint =",
                "app_password_url = \"javascript:1\"\nhint =",
                "app_password_url",
            ),
            ("[[provider]]", "[[providers]]", "providers"),
        ] {
            let error = Presets::parse(&GOOD.replacen(from, to, 1)).expect_err(to);
            assert!(error.to_string().contains(told), "{to}: {error}");
        }
    }
}
