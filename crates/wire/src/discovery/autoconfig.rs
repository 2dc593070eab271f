//! What a domain writes down for mail programs: Thunderbird's `config-v1.1.xml`
//! (wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat, seen 2026-11). Pure.

use domain::EmailAddress;
use domain::account::Security;

use super::Server;
use super::Servers;
use super::xml;
use super::xml::Element;

/// The first servers of each kind that encrypt: a file lists them best first.
pub fn servers(document: &[u8], address: &EmailAddress) -> Option<Servers> {
    let root = xml::read(document).filter(|root| root.name == "clientconfig")?;
    let provider = root.first("emailprovider")?;
    let of_kind = |name: &'static str, kind: &'static str| {
        let all = provider.all(name).filter(move |element| element.kind == kind);
        all.filter_map(|element| Some((server(element, address)?, element)))
    };
    let (imap, element) = of_kind("incomingserver", "imap").next()?;
    let smtp = of_kind("outgoingserver", "smtp").next().map(|(server, _)| server);
    let username = filled_in(element.text_of("username"), address);
    Some(Servers {
        imap,
        smtp,
        username: (!username.is_empty()).then_some(username),
    })
}

fn server(element: &Element, address: &EmailAddress) -> Option<Server> {
    let security = match element.text_of("sockettype").to_ascii_lowercase().as_str() {
        "ssl" | "tls" => Security::Tls,
        "starttls" => Security::Starttls,
        _ => return None,
    };
    Server::parse(
        &filled_in(element.text_of("hostname"), address),
        element.text_of("port").parse().ok()?,
        security,
    )
}

fn filled_in(text: &str, address: &EmailAddress) -> String {
    text.replace("%EMAILADDRESS%", address.as_str())
        .replace("%EMAILLOCALPART%", address.local())
        .replace("%EMAILDOMAIN%", address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<(String, Option<String>, Option<String>)> {
        let text = format!(
            "<clientConfig version=\"1.1\"><emailProvider id=\"x\">{body}</emailProvider></clientConfig>"
        );
        let address = EmailAddress::parse("alice@isp.example").expect("address");
        let found = servers(text.as_bytes(), &address)?;
        let written =
            |server: Server| format!("{}:{} {}", server.host, server.port, server.security.as_str());
        Some((written(found.imap), found.smtp.map(written), found.username))
    }

    fn incoming(kind: &str, host: &str, port: &str, socket: &str, user: &str) -> String {
        format!(
            "<incomingServer type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port><socketType>{socket}</socketType><username>{user}</username></incomingServer>"
        )
    }

    #[test]
    fn the_first_servers_that_encrypt_are_taken() {
        let pop = incoming("pop3", "pop.isp.example", "995", "SSL", "%EMAILADDRESS%");
        let clear = incoming("imap", "clear.isp.example", "143", "plain", "x");
        let imap = incoming("imap", "imap.%EMAILDOMAIN%", "993", "SSL", "%EMAILLOCALPART%");
        let later = incoming("imap", "later.isp.example", "143", "STARTTLS", "x");
        let smtp = "<outgoingServer type=\"smtp\"><hostname>smtp.isp.example</hostname><port>587</port><socketType>STARTTLS</socketType></outgoingServer>";
        let found = read(&format!("{pop}{clear}{imap}{later}{smtp}"));
        assert_eq!(
            found,
            Some((
                "imap.isp.example:993 tls".into(),
                Some("smtp.isp.example:587 starttls".into()),
                Some("alice".into())
            ))
        );
        for body in [
            String::new(),
            pop.clone(),
            clear,
            incoming("imap", "", "993", "SSL", ""),
            incoming("imap", "127.1", "993", "SSL", ""),
            incoming("imap", "localhost/x", "993", "SSL", ""),
            incoming("imap", "imap.isp.example", "99300", "SSL", ""),
            incoming("imap", "imap.isp.example", "0", "SSL", ""),
        ] {
            assert_eq!(read(&body), None, "{body}");
        }
        let address = EmailAddress::parse("alice@isp.example").expect("address");
        assert!(servers(b"<html><body>Not found</body></html>", &address).is_none());
    }
}
