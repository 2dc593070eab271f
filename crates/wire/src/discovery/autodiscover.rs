//! What Exchange and servers like it answer (MS-OXDSCLI, POX; and the JSON that names where to ask). Pure.

use domain::EmailAddress;
use domain::account::Security;
use serde::Deserialize;
use url::Url;

use super::Server;
use super::Servers;
use super::xml;
use super::xml::Element;

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Servers(Servers),
    AskAt(Url),
}

/// The question: without it many answer nothing.
pub fn question(address: &EmailAddress) -> String {
    let address = quick_xml::escape::escape(address.as_str());
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>\
         <EMailAddress>{address}</EMailAddress>\
         <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>\
         </Request></Autodiscover>"
    )
}

pub fn answer(document: &[u8]) -> Option<Answer> {
    let root = xml::read(document).filter(|root| root.name == "autodiscover")?;
    let account = root.first("response")?.first("account")?;
    if account.text_of("action").eq_ignore_ascii_case("redirectUrl") {
        return Url::parse(account.text_of("redirecturl")).ok().map(Answer::AskAt);
    }
    let of_kind = |kind: &'static str| {
        let all = account.all("protocol");
        let mut its = all.filter(move |protocol| is_kind(protocol, kind));
        its.find_map(|protocol| Some((server(protocol)?, protocol)))
    };
    let (imap, protocol) = of_kind("imap")?;
    let username = protocol.text_of("loginname");
    Some(Answer::Servers(Servers {
        imap,
        smtp: of_kind("smtp").map(|(server, _)| server),
        username: (!username.is_empty()).then(|| username.to_owned()),
    }))
}

/// Some write the kind as an attribute.
fn is_kind(protocol: &Element, kind: &str) -> bool {
    protocol.kind == kind || protocol.text_of("type").eq_ignore_ascii_case(kind)
}

/// SSL is on where nothing else is said (MS-OXDSCLI §2.2.4.1.1.2.6.22).
fn server(protocol: &Element) -> Option<Server> {
    let security = match protocol.text_of("encryption").to_ascii_lowercase().as_str() {
        "ssl" => Security::Tls,
        "tls" => Security::Starttls,
        "none" => return None,
        _ if protocol.text_of("ssl").eq_ignore_ascii_case("off") => return None,
        _ => Security::Tls,
    };
    let port = protocol.text_of("port").parse().ok()?;
    // Written by many as SSL; on these ports it begins in clear.
    let security = match port {
        143 | 587 => Security::Starttls,
        _ => security,
    };
    Server::parse(protocol.text_of("server"), port, security)
}

/// Where the JSON sends those who speak POX.
pub fn json_answer(body: &[u8]) -> Option<Url> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Told {
        url: String,
    }
    let told: Told = serde_json::from_slice(body).ok()?;
    Url::parse(&told.url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(account: &str) -> Option<Answer> {
        let text = format!(
            "<Autodiscover xmlns=\"x\"><Response xmlns=\"y\"><Account>{account}</Account></Response></Autodiscover>"
        );
        answer(text.as_bytes())
    }

    fn protocol(kind: &str, host: &str, port: u16, more: &str) -> String {
        format!("<Protocol><Type>{kind}</Type><Server>{host}</Server><Port>{port}</Port>{more}</Protocol>")
    }

    #[test]
    fn servers_are_read_as_exchange_and_others_write_them() {
        let smtp = protocol("SMTP", "smtp.isp.example", 587, "<SSL>on</SSL>");
        for (imap, expected) in [
            (
                protocol("IMAP", "a.example", 993, "<SSL>on</SSL>"),
                Some(("a.example", 993, Security::Tls)),
            ),
            (
                protocol("IMAP", "a.example", 993, ""),
                Some(("a.example", 993, Security::Tls)),
            ),
            (
                protocol("IMAP", "a.example", 143, "<Encryption>TLS</Encryption>"),
                Some(("a.example", 143, Security::Starttls)),
            ),
            (
                protocol(
                    "IMAP",
                    "a.example",
                    10143,
                    "<SSL>off</SSL><Encryption>TLS</Encryption>",
                ),
                Some(("a.example", 10143, Security::Starttls)),
            ),
            (protocol("IMAP", "a.example", 143, "<SSL>off</SSL>"), None),
            (
                protocol("IMAP", "a.example", 143, "<Encryption>None</Encryption>"),
                None,
            ),
            (protocol("POP3", "a.example", 995, ""), None),
            (protocol("IMAP", "a b", 993, ""), None),
        ] {
            let found = read(&format!(
                "<AccountType>email</AccountType><Action>settings</Action>{imap}{smtp}"
            ));
            let found = found.map(|answer| match answer {
                Answer::Servers(found) => (found.imap, found.smtp.map(|smtp| smtp.security)),
                Answer::AskAt(url) => panic!("{url}"),
            });
            let expected = expected.map(|(host, port, security)| {
                (
                    Server {
                        host: host.into(),
                        port,
                        security,
                    },
                    Some(Security::Starttls),
                )
            });
            assert_eq!(found, expected, "{imap}");
        }
    }

    #[test]
    fn who_is_sent_elsewhere_is_told_where() {
        let url = Url::parse("https://mail.isp.example/autodiscover/autodiscover.xml").expect("url");
        let sent = read(&format!(
            "<Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl>"
        ));
        assert_eq!(sent, Some(Answer::AskAt(url.clone())));
        let json = format!("{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"{url}\"}}");
        assert_eq!(json_answer(json.as_bytes()), Some(url));
        assert_eq!(json_answer(b"{\"ErrorCode\":\"x\"}"), None);
        assert_eq!(
            read("<Action>redirectUrl</Action><RedirectUrl>x</RedirectUrl>"),
            None
        );
        assert_eq!(answer(b"<html/>"), None);
    }

    #[test]
    fn an_address_stays_text_in_the_question() {
        let address = EmailAddress::parse("o'neil&co@isp.example").expect("address");
        let root = xml::read(question(&address).as_bytes()).expect("question");
        let asked = root
            .first("request")
            .expect("request")
            .text_of("emailaddress")
            .to_owned();
        assert_eq!(asked, "o'neil&co@isp.example");
    }
}
