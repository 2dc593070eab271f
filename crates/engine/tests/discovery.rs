//! Which servers are found for an address, and from where: forty domains on a private DNS server, and whoever would have us
//! connect inside, read without end, or tell what is in the network.

use std::collections::HashMap;
use std::time::Duration;

use domain::EmailAddress;
use domain::preset::Presets;
use testkit::DnsServer;
use testkit::TlsServer;
use testkit::certificate;
use testkit::certificate::CertificateFiles;
use testkit::process::free_port;
use testkit::tls_server::ENDLESS;
use testkit::tls_server::Speaks;
use tokio::time::timeout;
use wire::Deadlines;
use wire::Dialer;
use wire::Egress;
use wire::Names;
use wire::discovery::Discovery;
use wire::discovery::Ports;
use wire::discovery::Server;
use wire::discovery::discover;

/// Addresses in documentation: 127.0.0.2 may be dialled here, 127.0.0.3 stands for what is inside.
const ZONE: &str = include_str!("discovery.zone");
const PRESETS: &str = r#"
[[provider]]
name = "Our own"
domains = ["own.example"]
mx = ["in.own.example"]
imap_server = "imap.own.example"
imap_port = 993
imap_security = "tls"
smtp_server = "smtp.own.example"
smtp_port = 465
smtp_security = "tls"
username = "local-part"
hint = "The password is that of the intranet."
"#;

struct World {
    presets: Presets,
    dialer: Dialer,
    ports: Ports,
    web: TlsServer,
    inside: TlsServer,
    _mail: [TlsServer; 2],
    _dns: DnsServer,
    _folder: tempfile::TempDir,
}

/// Of a page: `PORT` is that of HTTPS.
fn pages(https: u16) -> HashMap<String, String> {
    let mut pages = HashMap::new();
    let mut page = |at: &str, body: String| {
        let body = body.replace("PORT", &https.to_string());
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        pages.insert(at.to_owned(), format!("{head}{body}"));
    };
    const BY_NAME: &str = "/mail/config-v1.1.xml";
    const BY_PATH: &str = "/.well-known/autoconfig/mail/config-v1.1.xml";
    const EXCHANGE: &str = "/autodiscover/autodiscover.xml";
    page(
        &format!("autoconfig.ac-name.example{BY_NAME}"),
        config("imap.ac-name.example", "%EMAILADDRESS%"),
    );
    page(
        &format!("ac-path.example{BY_PATH}"),
        config("imap.ac-path.example", "%EMAILLOCALPART%"),
    );
    page(
        &format!("autoconfig.ac-other.example{BY_NAME}"),
        config("mail.hoster.example", "%EMAILADDRESS%"),
    );
    page(
        &format!("autoconfig.ac-srv.example{BY_NAME}"),
        config("wrong.ac-srv.example", "%EMAILADDRESS%"),
    );
    page(
        &format!("config.hoster.example{BY_NAME}"),
        config("mail.hoster.example", "%EMAILADDRESS%"),
    );
    page(
        &format!("autoconfig.ac-google.example{BY_NAME}"),
        config("imap.gmail.com", "%EMAILADDRESS%"),
    );
    page(
        &format!("autodiscover.ad-name.example{EXCHANGE}"),
        exchange("imap.ad-name.example"),
    );
    page(
        &format!("ad-path.example{EXCHANGE}"),
        exchange("imap.ad-path.example"),
    );
    page(
        &format!("autodiscover.ad-sent.example{EXCHANGE}"),
        sent_to("https://autodiscover.ad-name.example:PORT/autodiscover/autodiscover.xml"),
    );
    page("autodiscover.ad-json.example/autodiscover/autodiscover.json", r#"{"Protocol":"AutodiscoverV1","Url":"https://outlook.office365.com/autodiscover/autodiscover.xml"}"#.into());
    page(
        "autodiscover.ad-json2.example/autodiscover/autodiscover.json",
        r#"{"Protocol":"AutodiscoverV1","Url":"https://ad-path.example:PORT/autodiscover/autodiscover.xml"}"#
            .into(),
    );
    // Hostile.
    page(
        &format!("autoconfig.x-inside.example{BY_NAME}"),
        config("imap.inside.example", "%EMAILADDRESS%"),
    );
    page(
        &format!("autodiscover.x-sent.example{EXCHANGE}"),
        sent_to("https://www.inside.example:PORT/autodiscover/autodiscover.xml"),
    );
    page(
        "autodiscover.x-json.example/autodiscover/autodiscover.json",
        r#"{"Url":"https://www.inside.example:PORT/x"}"#.into(),
    );
    page(&format!("autoconfig.x-bomb.example{BY_NAME}"), bomb());
    page(&format!("autodiscover.x-bomb.example{EXCHANGE}"), bomb());
    page(
        &format!("autoconfig.x-deep.example{BY_NAME}"),
        "<a>".repeat(80_000),
    );
    page(
        &format!("autoconfig.x-html.example{BY_NAME}"),
        "<html><body>Welcome</body></html>".into(),
    );
    page(
        &format!("autodiscover.x-loop.example{EXCHANGE}"),
        sent_to("https://autodiscover.x-loop.example:PORT/autodiscover/autodiscover.xml"),
    );
    let moved = |to: &str| {
        let to = to.replace("PORT", &https.to_string());
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    for (host, to) in [
        (
            "ac-moved",
            "https://config.hoster.example:PORT/mail/config-v1.1.xml",
        ),
        ("x-moved", "https://www.inside.example:PORT/mail/config-v1.1.xml"),
        (
            "x-moved-clear",
            "http://config.hoster.example:PORT/mail/config-v1.1.xml",
        ),
        ("x-moved-file", "file:///etc/passwd"),
        ("x-moved-address", "https://127.0.0.3:PORT/mail/config-v1.1.xml"),
        (
            "x-moved-loop",
            "https://autoconfig.x-moved-loop.example:PORT/mail/config-v1.1.xml",
        ),
    ] {
        pages.insert(format!("autoconfig.{host}.example{BY_NAME}"), moved(to));
    }
    pages.insert(format!("autoconfig.x-endless.example{BY_NAME}"), ENDLESS.into());
    pages
}

fn config(imap: &str, username: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><clientConfig version=\"1.1\"><emailProvider id=\"x\">\
         <incomingServer type=\"imap\"><hostname>{imap}</hostname><port>993</port><socketType>SSL</socketType>\
         <username>{username}</username></incomingServer></emailProvider></clientConfig>"
    )
}

fn exchange(imap: &str) -> String {
    format!(
        "<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>IMAP</Type><Server>{imap}</Server>\
         <Port>993</Port><SSL>on</SSL></Protocol></Account></Response></Autodiscover>"
    )
}

fn sent_to(url: &str) -> String {
    format!(
        "<Autodiscover><Response><Account><Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl></Account>\
         </Response></Autodiscover>"
    )
}

/// Each entity is ten of the one before; the servers stand behind them.
fn bomb() -> String {
    let entities: String = (1..10)
        .map(|level| {
            format!(
                "<!ENTITY e{level} \"{}\">",
                format!("&e{};", level - 1).repeat(10)
            )
        })
        .collect();
    let good = config("server.x-bomb.example", "&e9;").replacen("<?xml version=\"1.0\"?>", "", 1);
    format!("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e0 \"x\">{entities}]>{good}")
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let names = certificate_names();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let certificate = certificate::write(folder.path(), &names).expect("certificate");
        let https = free_port().expect("port");
        let dns = DnsServer::start(ZONE).await.expect("DNS");
        let web = tls(
            &format!("127.0.0.2:{https}"),
            &certificate,
            Speaks::Web(pages(https)),
        )
        .await;
        let inside = tls(
            &format!("127.0.0.3:{https}"),
            &certificate,
            Speaks::Web(HashMap::new()),
        )
        .await;
        let imap = tls("127.0.0.2:0", &certificate, Speaks::Imap).await;
        let smtp = tls("127.0.0.2:0", &certificate, Speaks::Smtp).await;
        let ports = Ports {
            https,
            imaps: imap.port,
            submissions: smtp.port,
            // Nothing listens there.
            imap: 1,
            submission: 1,
        };
        let egress =
            Egress::parse(&format!("127.0.0.2/32,127.0.0.2:{https},127.0.0.2:443"), "").expect("egress");
        let authority = std::fs::read(&certificate.authority).expect("authority");
        let dialer = Dialer::with_names(egress, Deadlines::default(), Names::Server(dns.address));
        World {
            presets: Presets::parse(PRESETS).expect("presets"),
            dialer: dialer.trusting(&authority),
            ports,
            web,
            inside,
            _mail: [imap, smtp],
            _dns: dns,
            _folder: folder,
        }
    }

    async fn find(&self, domain: &str) -> Discovery {
        let address = EmailAddress::parse(&format!("alice@{domain}")).expect("address");
        discover(&self.dialer, &self.presets, &address, self.ports).await
    }

    /// `source trust imap [smtp] [username]`, or `nothing`; the ports of guesses by their names.
    async fn told(&self, domain: &str) -> String {
        let Some(found) = self.find(domain).await.found else {
            return "nothing".into();
        };
        let mut told = vec![
            format!("{:?} {:?}", found.source, found.trust),
            self.written(&found.imap),
        ];
        told.extend(found.smtp.as_ref().map(|smtp| self.written(smtp)));
        told.extend(found.username);
        told.extend(found.sign_in.map(|kind| format!("({kind})")));
        told.join(" ")
    }

    fn written(&self, server: &Server) -> String {
        let port = match server.port {
            port if port == self.ports.imaps => "IMAPS".to_owned(),
            port if port == self.ports.submissions => "SMTPS".to_owned(),
            port => port.to_string(),
        };
        format!("{}:{port}/{}", server.host, server.security.as_str())
    }
}

async fn tls(at: &str, certificate: &CertificateFiles, speaks: Speaks) -> TlsServer {
    TlsServer::start(at, certificate, speaks).await.expect("server")
}

/// Whatever the zone has an address for.
fn certificate_names() -> Vec<String> {
    let names = ZONE.lines().filter(|line| line.contains(" IN A "));
    let names = names.filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.starts_with("badcert"))
        .map(|name| name.trim_end_matches('.').to_owned())
        .collect()
}

const DOMAINS: &[(&str, &str)] = &[
    // The operator's own, by domain and by who takes in the mail.
    (
        "own.example",
        "Operator Known imap.own.example:993/tls smtp.own.example:465/tls alice",
    ),
    (
        "branch.example",
        "Operator Known imap.own.example:993/tls smtp.own.example:465/tls alice",
    ),
    // The table.
    (
        "gmail.com",
        "Providers Known imap.gmail.com:993/tls smtp.gmail.com:465/tls (google)",
    ),
    (
        "outlook.com",
        "Providers Known outlook.office365.com:993/tls smtp-mail.outlook.com:587/starttls (microsoft)",
    ),
    (
        "icloud.com",
        "Providers Known imap.mail.me.com:993/tls smtp.mail.me.com:587/starttls",
    ),
    (
        "yahoo.com",
        "Providers Known imap.mail.yahoo.com:993/tls smtp.mail.yahoo.com:465/tls (yahoo)",
    ),
    (
        "gmx.de",
        "Providers Known imap.gmx.net:993/tls mail.gmx.net:587/starttls",
    ),
    (
        "fastmail.com",
        "Providers Known imap.fastmail.com:993/tls smtp.fastmail.com:465/tls (fastmail)",
    ),
    (
        "zoho.eu",
        "Providers Known imap.zoho.eu:993/tls smtp.zoho.eu:465/tls (zoho)",
    ),
    (
        "yandex.ru",
        "Providers Known imap.yandex.com:993/tls smtp.yandex.com:465/tls",
    ),
    (
        "mail.ru",
        "Providers Known imap.mail.ru:993/tls smtp.mail.ru:465/tls (mail.ru)",
    ),
    // SRV.
    (
        "srv-tls.example",
        "Srv Domain imap.srv-tls.example:993/tls smtp.srv-tls.example:465/tls",
    ),
    (
        "srv-start.example",
        "Srv Domain imap.srv-start.example:143/starttls smtp.srv-start.example:587/starttls",
    ),
    (
        "srv-both.example",
        "Srv Domain imap.srv-both.example:993/tls smtp.srv-both.example:465/tls",
    ),
    (
        "srv-priority.example",
        "Srv Domain first.srv-priority.example:993/tls",
    ),
    (
        "srv-weight.example",
        "Srv Domain heavy.srv-weight.example:993/tls",
    ),
    ("srv-dot.example", "Srv Domain imap.srv-dot.example:143/starttls"),
    (
        "srv-other.example",
        "Srv Ask mail.hoster.example:993/tls mail.hoster.example:465/tls",
    ),
    (
        "srv-google.example",
        "Srv Known imap.gmail.com:993/tls smtp.gmail.com:465/tls (google)",
    ),
    (
        "srv-smtp-other.example",
        "Srv Ask imap.srv-smtp-other.example:993/tls mail.hoster.example:465/tls",
    ),
    (
        "srv-no-smtp.example",
        "Srv Domain imap.srv-no-smtp.example:993/tls",
    ),
    ("sub.srv-site.example", "Srv Domain imap.srv-site.example:993/tls"),
    // Autoconfig.
    (
        "ac-name.example",
        "Autoconfig Domain imap.ac-name.example:993/tls",
    ),
    (
        "ac-path.example",
        "Autoconfig Domain imap.ac-path.example:993/tls alice",
    ),
    (
        "ac-other.example",
        "Autoconfig Domain mail.hoster.example:993/tls",
    ),
    (
        "ac-moved.example",
        "Autoconfig Domain mail.hoster.example:993/tls",
    ),
    ("ac-srv.example", "Srv Domain imap.ac-srv.example:993/tls"),
    (
        "ac-google.example",
        "Autoconfig Domain imap.gmail.com:993/tls (google)",
    ),
    // Exchange.
    (
        "ad-name.example",
        "Autodiscover Domain imap.ad-name.example:993/tls",
    ),
    (
        "ad-path.example",
        "Autodiscover Domain imap.ad-path.example:993/tls",
    ),
    (
        "ad-sent.example",
        "Autodiscover Domain imap.ad-name.example:993/tls",
    ),
    (
        "ad-json.example",
        "Autodiscover Known outlook.office365.com:993/tls smtp-mail.outlook.com:587/starttls (microsoft)",
    ),
    (
        "ad-json2.example",
        "Autodiscover Domain imap.ad-path.example:993/tls",
    ),
    // Who takes in the mail.
    (
        "mx-google.example",
        "Mx Known imap.gmail.com:993/tls smtp.gmail.com:465/tls (google)",
    ),
    (
        "mx-microsoft.example",
        "Mx Known outlook.office365.com:993/tls smtp-mail.outlook.com:587/starttls (microsoft)",
    ),
    (
        "mx-icloud.example",
        "Mx Known imap.mail.me.com:993/tls smtp.mail.me.com:587/starttls",
    ),
    (
        "mx-zoho.example",
        "Mx Known imappro.zoho.eu:993/tls smtppro.zoho.eu:465/tls (zoho)",
    ),
    (
        "mx-fastmail.example",
        "Mx Known imap.fastmail.com:993/tls smtp.fastmail.com:465/tls (fastmail)",
    ),
    (
        "mx-yandex.example",
        "Mx Known imap.yandex.com:993/tls smtp.yandex.com:465/tls",
    ),
    (
        "mx-ovh.example",
        "Mx Known ssl0.ovh.net:993/tls ssl0.ovh.net:465/tls",
    ),
    (
        "mx-ionos.example",
        "Mx Known imap.ionos.de:993/tls smtp.ionos.de:465/tls",
    ),
    // Guesses.
    (
        "guess-imap.example",
        "Guess Domain imap.guess-imap.example:IMAPS/tls smtp.guess-imap.example:SMTPS/tls",
    ),
    (
        "guess-mail.example",
        "Guess Domain mail.guess-mail.example:IMAPS/tls mail.guess-mail.example:SMTPS/tls",
    ),
    (
        "guess-mx.example",
        "Guess Ask mx.hoster.example:IMAPS/tls mx.hoster.example:SMTPS/tls",
    ),
    // Nothing.
    ("nothing.example", "nothing"),
    ("null-mx.example", "nothing"),
    ("badcert.example", "nothing"),
    ("missing.example", "nothing"),
    ("srv-missing.example", "nothing"),
];

#[tokio::test]
async fn each_domain_has_its_servers_and_their_source() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (domain, expected) in DOMAINS {
        let told = world.told(domain).await;
        if told != *expected {
            wrong.push(format!("{domain}: {told}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(DOMAINS.len() >= 40);
}

#[tokio::test]
async fn what_is_written_down_is_asked_of_nobody() {
    let world = World::new().await;
    for domain in ["own.example", "gmail.com"] {
        world.find(domain).await;
    }
    assert_eq!(world.web.asked(), Vec::<String>::new());
    let found = world.find("own.example").await.found.expect("found");
    assert_eq!(
        found.hint.as_deref(),
        Some("The password is that of the intranet.")
    );
}

#[tokio::test]
async fn jmap_is_told_where_it_may_be_reached() {
    let world = World::new().await;
    let jmap = world.find("srv-jmap.example").await.jmap;
    assert_eq!(jmap.as_deref(), Some("jmap.srv-jmap.example"));
    assert_eq!(world.find("x-jmap.example").await, Discovery::default());
}

/// All of these lead inside, or nowhere.
const HOSTILE: &[&str] = &[
    "x-srv.example",
    "x-srv-partly.example",
    "x-inside.example",
    "x-sent.example",
    "x-json.example",
    "x-bomb.example",
    "x-deep.example",
    "x-html.example",
    "x-loop.example",
    "x-moved.example",
    "x-moved-clear.example",
    "x-moved-file.example",
    "x-moved-address.example",
    "x-moved-loop.example",
    "x-endless.example",
    "x-guess.example",
    "x-mx.example",
    "x-web.example",
    "intranet",
    "corp.internal",
    "db.local",
    "[127.0.0.3]",
    "127.0.0.3",
];

#[tokio::test]
async fn nobody_is_led_inside_or_told_what_is_there() {
    let world = World::new().await;
    for domain in HOSTILE {
        let Ok(address) = EmailAddress::parse(&format!("alice@{domain}")) else {
            continue;
        };
        let told = discover(&world.dialer, &world.presets, &address, world.ports);
        let told = timeout(Duration::from_secs(10), told).await.expect(domain);
        assert_eq!(told, Discovery::default(), "{domain}");
    }
    assert_eq!(world.inside.asked(), Vec::<String>::new());
    let asked = world.web.asked();
    for part in [
        "x-moved.",
        "x-sent.",
        "x-json.",
        "x-bomb.",
        "x-endless.",
        "x-inside.",
    ] {
        assert!(
            asked.iter().any(|at| at.contains(part)),
            "{part} was not asked: a case that proves nothing"
        );
    }
}

/// Whatever a domain writes down as its server: what nobody may connect to is not told.
#[tokio::test]
async fn hosts_that_are_refused_are_not_told() {
    let list = include_str!("hostile/cases/ssrf-hosts.json");
    let list: Vec<serde_json::Value> = serde_json::from_str(list).expect("list");
    let refused = list
        .iter()
        .filter(|case| case["expect"] != "allow" && case["dns"].is_null());
    let mut pages = HashMap::new();
    let mut domains = Vec::new();
    for (number, case) in refused.enumerate() {
        let host = case["host"].as_str().expect("host");
        let body = config(&host.replace('&', "&amp;").replace('<', "&lt;"), "%EMAILADDRESS%");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let domain = format!("d{number}.ssrf.example");
        pages.insert(
            format!("autoconfig.{domain}/mail/config-v1.1.xml"),
            format!("{head}{body}"),
        );
        domains.push((domain, host));
    }
    assert!(domains.len() >= 20);
    let folder = tempfile::tempdir().expect("folder");
    let names: Vec<_> = domains
        .iter()
        .map(|(domain, _)| format!("autoconfig.{domain}"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let certificate = certificate::write(folder.path(), &names).expect("certificate");
    let web = tls("127.0.0.2:0", &certificate, Speaks::Web(pages)).await;
    let zone: String = names
        .iter()
        .map(|name| format!("{name}. 60 IN A 127.0.0.2\n"))
        .collect();
    let dns = DnsServer::start(&zone).await.expect("DNS");
    let egress = Egress::parse(&format!("127.0.0.2:{}", web.port), "").expect("egress");
    let dialer = Dialer::with_names(egress, Deadlines::default(), Names::Server(dns.address));
    let dialer = dialer.trusting(&std::fs::read(&certificate.authority).expect("authority"));
    let ports = Ports {
        https: web.port,
        ..Ports::default()
    };
    for (domain, host) in &domains {
        let address = EmailAddress::parse(&format!("alice@{domain}")).expect("address");
        let told = discover(&dialer, &Presets::default(), &address, ports).await;
        assert_eq!(told, Discovery::default(), "{host}");
    }
    assert_eq!(web.asked().len(), domains.len(), "each page was read");
}
