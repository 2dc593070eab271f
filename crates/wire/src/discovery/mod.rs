//! Which servers an address has: all who may know are asked side by side, and the best answer in time is taken.
//!
//! Everything goes through the one dialer; no password is part of it. What is found is told only where it may be dialled: a
//! name that is not there and one that leads inside are the same nothing.

mod ask;
mod autoconfig;
mod autodiscover;
mod guess;
mod srv;
mod xml;

use std::time::Duration;

use domain::CleanText;
use domain::EmailAddress;
use domain::account::Security;
use domain::preset::Login;
use domain::preset::Preset;
use domain::preset::Presets;
use domain::provider::provider_of_domain;
use domain::provider::provider_of_mx;
use domain::provider::provider_of_server;
use domain::sign_in::known_provider_at;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use tokio::time::Instant;
use tokio::time::timeout_at;
use url::Url;

use crate::dialer::Dialer;
use crate::egress::Host;
use crate::egress::Purpose;
use srv::Offers;

/// For everything: a person waits.
const MOST_TIME: Duration = Duration::from_millis(2_800);
/// A source that asks several ends earlier, so that what it has by then counts.
const TO_DECIDE: Duration = Duration::from_millis(300);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
}

/// What somebody says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Servers {
    imap: Server,
    smtp: Option<Server>,
    /// `None`: the address.
    username: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Of a provider that is known, or of the operator's own.
    pub name: Option<String>,
    pub imap: Server,
    pub smtp: Option<Server>,
    /// `None`: the address.
    pub username: Option<String>,
    pub source: Source,
    pub trust: Trust,
    /// The kind of who signs mailboxes in there.
    pub sign_in: Option<String>,
    pub app_password_url: Option<String>,
    pub hint: Option<String>,
}

/// Best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Operator,
    Providers,
    Srv,
    Autoconfig,
    Autodiscover,
    Mx,
    Guess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The operator's own servers, or those of a provider that is known.
    Known,
    /// The domain's own servers, or what it says itself over HTTPS.
    Domain,
    /// Other servers, by nothing but DNS, which anybody in between may have written: a person decides.
    Ask,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    pub found: Option<Found>,
    /// Where the domain offers JMAP, which is only told.
    pub jmap: Option<String>,
}

/// Where servers are expected. Others are for tests.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub https: u16,
    pub imaps: u16,
    pub imap: u16,
    pub submissions: u16,
    pub submission: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports {
            https: 443,
            imaps: 993,
            imap: 143,
            submissions: 465,
            submission: 587,
        }
    }
}

/// One question.
#[derive(Clone, Copy)]
struct Search<'s> {
    dialer: &'s Dialer,
    presets: &'s Presets,
    address: &'s EmailAddress,
    ports: Ports,
    /// For what a source asks; a source itself has until [`TO_DECIDE`] later.
    until: Instant,
}

/// Within three seconds. What is written down here is not asked for.
pub async fn discover(dialer: &Dialer, presets: &Presets, address: &EmailAddress, ports: Ports) -> Discovery {
    if let Some(found) = written_down(presets, address) {
        return found.into();
    }
    let domain = Host::parse(address.domain());
    if !domain.is_some_and(|domain| domain.is_public_name()) {
        return Discovery::default();
    }
    let search = Search {
        dialer,
        presets,
        address,
        ports,
        until: Instant::now() + MOST_TIME - TO_DECIDE,
    };
    let (found, jmap) = tokio::join!(search.first_source(), timeout_at(search.until, search.jmap()));
    Discovery {
        found,
        jmap: jmap.ok().flatten(),
    }
}

fn written_down(presets: &Presets, address: &EmailAddress) -> Option<Found> {
    let own = presets.of_domain(address.domain());
    let own = own.map(|preset| of_preset(preset, Source::Operator, address));
    own.or_else(|| {
        let provider = provider_of_domain(address.domain())?;
        Some(of_preset(&provider.preset, Source::Providers, address))
    })
}

impl From<Found> for Discovery {
    fn from(found: Found) -> Self {
        Discovery {
            found: Some(found),
            jmap: None,
        }
    }
}

impl Search<'_> {
    /// All at once; the first in this order that has found something.
    async fn first_source(&self) -> Option<Found> {
        let sources = [
            self.operators_mx().boxed(),
            self.srv().boxed(),
            self.autoconfig().boxed(),
            self.autodiscover().boxed(),
            self.mx().boxed(),
            guess::guess(self).boxed(),
        ];
        first_of(sources, self.until + TO_DECIDE).await
    }

    fn domain(&self) -> &str {
        self.address.domain()
    }

    async fn operators_mx(&self) -> Option<Found> {
        let hosts = self.dialer.dns.mail_exchangers(self.domain()).await;
        let preset = hosts.iter().find_map(|host| self.presets.of_mx(host))?;
        Some(of_preset(preset, Source::Operator, self.address))
    }

    async fn mx(&self) -> Option<Found> {
        let hosts = self.dialer.dns.mail_exchangers(self.domain()).await;
        let provider = hosts.iter().find_map(|host| provider_of_mx(host))?;
        Some(of_preset(&provider.preset, Source::Mx, self.address))
    }

    async fn srv(&self) -> Option<Found> {
        let (imaps, imap, submissions, submission) = tokio::join!(
            self.services("_imaps"),
            self.services("_imap"),
            self.services("_submissions"),
            self.services("_submission"),
        );
        let offers = |tls, starttls| Offers { tls, starttls };
        let servers = Servers {
            imap: offers(imaps, imap).best()?,
            smtp: offers(submissions, submission).best(),
            username: None,
        };
        let trust = trust_by_dns(self.domain(), &servers);
        self.vetted(servers, Source::Srv, trust).await
    }

    async fn services(&self, service: &str) -> Vec<crate::dns::Srv> {
        let name = format!("{service}._tcp.{}", self.domain());
        self.dialer.dns.services(&name).await
    }

    /// Told with the same care as servers.
    async fn jmap(&self) -> Option<String> {
        let offered = self.services("_jmap").await;
        let best = srv::best(&offered)?;
        let resolved = self.dialer.resolve(&best.target, best.port, Purpose::Web).await;
        resolved.is_ok().then(|| best.target.clone())
    }

    async fn autoconfig(&self) -> Option<Found> {
        let (domain, address) = (self.domain(), self.address.as_str());
        let by_name = self.url(&format!("autoconfig.{domain}"), "mail/config-v1.1.xml")?;
        let by_path = self.url(domain, ".well-known/autoconfig/mail/config-v1.1.xml")?;
        let asked = [by_name, by_path].map(|mut url| {
            url.query_pairs_mut().append_pair("emailaddress", address);
            async move {
                let document = ask::get(self.dialer, url).await?;
                let servers = autoconfig::servers(&document, self.address)?;
                self.vetted(servers, Source::Autoconfig, Trust::Domain).await
            }
            .boxed()
        });
        first_of(asked, self.until).await
    }

    async fn autodiscover(&self) -> Option<Found> {
        let domain = self.domain();
        let hosts = [format!("autodiscover.{domain}"), domain.to_owned()];
        let by_xml = hosts.iter().map(|host| self.autodiscover_xml(host).boxed());
        let by_json = hosts.iter().map(|host| self.autodiscover_json(host).boxed());
        first_of(by_xml.chain(by_json), self.until).await
    }

    async fn autodiscover_xml(&self, host: &str) -> Option<Found> {
        self.ask_exchange(self.url(host, "autodiscover/autodiscover.xml")?)
            .await
    }

    async fn autodiscover_json(&self, host: &str) -> Option<Found> {
        let mut url = self.url(host, "autodiscover/autodiscover.json")?;
        url.query_pairs_mut()
            .append_pair("Email", self.address.as_str())
            .append_pair("Protocol", "AutodiscoverV1");
        let next = autodiscover::json_answer(&ask::get(self.dialer, url).await?)?;
        // A known provider answers nobody who is not signed in, and need not be asked.
        if let Some(provider) = next.host_str().and_then(provider_of_server) {
            return Some(of_preset(&provider.preset, Source::Autodiscover, self.address));
        }
        self.ask_exchange(next).await
    }

    async fn ask_exchange(&self, mut url: Url) -> Option<Found> {
        for _ in 0..=ask::MOST_REDIRECTIONS {
            let document = ask::post(self.dialer, url, autodiscover::question(self.address)).await?;
            match autodiscover::answer(&document)? {
                autodiscover::Answer::AskAt(next) => url = next,
                autodiscover::Answer::Servers(servers) => {
                    return self.vetted(servers, Source::Autodiscover, Trust::Domain).await;
                }
            }
        }
        None
    }

    fn url(&self, host: &str, path: &str) -> Option<Url> {
        let mut url = Url::parse(&format!("https://{host}/{path}")).ok()?;
        url.set_port(Some(self.ports.https)).ok()?;
        Some(url)
    }

    /// Only what may be dialled.
    async fn vetted(&self, servers: Servers, source: Source, trust: Trust) -> Option<Found> {
        let is_usable = async |server: &Server| {
            let resolved = self
                .dialer
                .resolve(&server.host, server.port, Purpose::Mail)
                .await;
            resolved.is_ok()
        };
        if !is_usable(&servers.imap).await {
            return None;
        }
        let smtp = match servers.smtp {
            Some(smtp) if is_usable(&smtp).await => Some(smtp),
            _ => None,
        };
        Some(of_servers(
            Servers { smtp, ..servers },
            source,
            trust,
            self.address,
        ))
    }
}

/// The first in order that gives something; what has not ended by `until` gives nothing.
async fn first_of<'f, T>(
    asked: impl IntoIterator<Item = BoxFuture<'f, Option<T>>>,
    until: Instant,
) -> Option<T> {
    let asked = asked.into_iter().map(|one| timeout_at(until, one));
    let mut answers: FuturesOrdered<_> = asked.collect();
    while let Some(answer) = answers.next().await {
        if let Ok(Some(found)) = answer {
            return Some(found);
        }
    }
    None
}

/// Without DNSSEC, which nobody here checks, SRV and MX are the word of whoever answered.
fn trust_by_dns(domain: &str, servers: &Servers) -> Trust {
    let all = || [Some(&servers.imap), servers.smtp.as_ref()].into_iter().flatten();
    let is_known = |server: &Server| provider_of_server(&server.host).is_some();
    let is_own = |server: &Server| is_same_site(domain, &server.host);
    match () {
        () if all().all(is_own) => Trust::Domain,
        () if all().all(|server| is_own(server) || is_known(server)) => Trust::Known,
        () => Trust::Ask,
    }
}

/// By the domain that somebody can register (publicsuffix.org).
fn is_same_site(one: &str, other: &str) -> bool {
    let site = |host: &str| psl::domain_str(host).map(str::to_owned);
    one == other || site(one).is_some_and(|domain| site(other) == Some(domain))
}

fn of_preset(preset: &Preset, source: Source, address: &EmailAddress) -> Found {
    let imap = Server {
        host: preset.imap_server.clone(),
        port: preset.imap_port,
        security: preset.imap_security,
    };
    let by_server = known_provider_at(&imap.host).map(|provider| provider.kind.clone());
    Found {
        name: Some(preset.name.clone()),
        imap,
        smtp: Some(Server {
            host: preset.smtp_server.clone(),
            port: preset.smtp_port,
            security: preset.smtp_security,
        }),
        username: (preset.username == Login::LocalPart).then(|| address.local().to_owned()),
        source,
        trust: Trust::Known,
        sign_in: preset.sign_in.clone().or(by_server),
        app_password_url: preset.app_password_url.clone(),
        hint: preset.hint.clone(),
    }
}

fn of_servers(servers: Servers, source: Source, trust: Trust, address: &EmailAddress) -> Found {
    let known = provider_of_server(&servers.imap.host).map(|provider| &provider.preset);
    let username = servers.username.filter(|name| name != address.as_str());
    Found {
        name: known.map(|preset| preset.name.clone()),
        sign_in: known_provider_at(&servers.imap.host).map(|provider| provider.kind.clone()),
        app_password_url: known.and_then(|preset| preset.app_password_url.clone()),
        imap: servers.imap,
        smtp: servers.smtp,
        username: username.map(|name| CleanText::cut(&name, EmailAddress::MAX_BYTES).into_string()),
        source,
        trust,
        hint: None,
    }
}

impl Server {
    /// Of foreign text: a name, and nothing else.
    fn parse(host: &str, port: u16, security: Security) -> Option<Self> {
        let host = match Host::parse(host.trim())? {
            Host::Name(name) if port > 0 => name,
            _ => return None,
        };
        Some(Server { host, port, security })
    }
}

/// For tests of growth: each reader of foreign text.
pub fn read_all(document: &[u8], address: &EmailAddress) -> usize {
    let read = [
        autoconfig::servers(document, address).is_some(),
        autodiscover::answer(document).is_some(),
        autodiscover::json_answer(document).is_some(),
    ];
    read.into_iter().filter(|is_read| *is_read).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dns_says_of_others_is_to_be_confirmed() {
        let server = |host: &str| Server {
            host: host.into(),
            port: 993,
            security: Security::Tls,
        };
        for (domain, imap, smtp, trust) in [
            (
                "isp.example",
                "imap.isp.example",
                Some("smtp.isp.example"),
                Trust::Domain,
            ),
            ("isp.example", "isp.example", None, Trust::Domain),
            ("mail.isp.co.uk", "imap.isp.co.uk", None, Trust::Domain),
            ("isp.co.uk", "imap.other.co.uk", None, Trust::Ask),
            (
                "isp.example",
                "imap.gmail.com",
                Some("smtp.gmail.com"),
                Trust::Known,
            ),
            (
                "isp.example",
                "imap.isp.example",
                Some("smtp.gmail.com"),
                Trust::Known,
            ),
            (
                "isp.example",
                "imap.isp.example",
                Some("smtp.evil.example"),
                Trust::Ask,
            ),
            ("isp.example", "imap.isp.example.evil.example", None, Trust::Ask),
        ] {
            let servers = Servers {
                imap: server(imap),
                smtp: smtp.map(server),
                username: None,
            };
            assert_eq!(trust_by_dns(domain, &servers), trust, "{domain} {imap} {smtp:?}");
        }
    }

    #[tokio::test]
    async fn the_first_in_order_that_has_something_in_time_is_taken() {
        let until = Instant::now() + Duration::from_millis(50);
        let never = || std::future::pending().boxed();
        let gives = |what: Option<u32>| std::future::ready(what).boxed();
        for (asked, expected) in [
            (vec![gives(None), gives(Some(2)), gives(Some(3))], Some(2)),
            (vec![gives(Some(1)), never()], Some(1)),
            (vec![never(), gives(Some(2))], Some(2)),
            (vec![never(), never()], None),
        ] {
            assert_eq!(first_of(asked, until).await, expected);
        }
    }
}
