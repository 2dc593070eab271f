//! Names that mail servers usually have, tried by connecting: found is what speaks the protocol, encrypted, under a
//! certificate for its name. Nobody signs in.

use domain::account::ImapSettings;
use domain::account::Security;
use domain::account::SmtpSettings;
use futures_util::FutureExt as _;

use super::Found;
use super::Search;
use super::Server;
use super::Servers;
use super::Source;
use super::first_of;
use super::of_servers;
use super::trust_by_dns;
use crate::dialer::Dialer;
use crate::imap_sign_in::answers_imap;
use crate::smtp_session::answers_smtp;

pub async fn guess(search: &Search<'_>) -> Option<Found> {
    let domain = search.domain();
    let exchangers = search.dialer.dns.mail_exchangers(domain).await;
    let exchanger = exchangers.into_iter().next();
    let named = |own: &str| {
        let usual = [format!("{own}.{domain}"), format!("mail.{domain}")];
        usual.into_iter().chain(exchanger.clone()).collect::<Vec<_>>()
    };
    let ports = search.ports;
    let imap = candidates(&named("imap"), ports.imaps, ports.imap);
    let smtp = candidates(&named("smtp"), ports.submissions, ports.submission);
    let imap = imap
        .into_iter()
        .map(|server| try_imap(search.dialer, server).boxed());
    let smtp = smtp
        .into_iter()
        .map(|server| try_smtp(search.dialer, server).boxed());
    let (imap, smtp) = tokio::join!(first_of(imap, search.until), first_of(smtp, search.until));
    let servers = Servers {
        imap: imap?,
        smtp,
        username: None,
    };
    let trust = trust_by_dns(domain, &servers);
    Some(of_servers(servers, Source::Guess, trust, search.address))
}

/// TLS from the first byte at any name before STARTTLS at any.
fn candidates(hosts: &[String], tls: u16, starttls: u16) -> Vec<Server> {
    let at = |port, security| {
        hosts
            .iter()
            .filter_map(move |host| Server::parse(host, port, security))
    };
    at(tls, Security::Tls)
        .chain(at(starttls, Security::Starttls))
        .collect()
}

async fn try_imap(dialer: &Dialer, server: Server) -> Option<Server> {
    let settings = ImapSettings {
        server: server.host.clone(),
        port: server.port,
        security: server.security,
        pinned_certificate: None,
        compress: false,
        authserv_id: None,
        sent_folder: None,
        more_folders: Vec::new(),
    };
    answers_imap(dialer, &settings).await.then_some(server)
}

async fn try_smtp(dialer: &Dialer, server: Server) -> Option<Server> {
    let settings = SmtpSettings {
        server: server.host.clone(),
        port: server.port,
        security: server.security,
        ..SmtpSettings::default()
    };
    answers_smtp(dialer, settings).await.then_some(server)
}
