//! Which addresses may be connected to, and where a password may travel in clear.
//!
//! Global unicast, or what the operator's configuration names. Decided on the address that is really
//! connected, never on a name.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use domain::address::fold_domain;
use ipnet::IpNet;

#[derive(Clone, Debug, Default)]
pub struct Egress {
    allowed: Vec<Allowed>,
    cleartext_hosts: Vec<String>,
}

#[derive(Clone, Debug)]
struct Allowed {
    network: IpNet,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network: write 10.0.0.0/8, 127.0.0.1:993 or [::1/128]:993")]
pub struct EgressParseError(String);

impl Egress {
    /// `allow`: comma list of `network[:port]`, IPv6 with a port in brackets. `cleartext`: comma list of
    /// host names where a password may be sent without TLS.
    pub fn parse(allow: &str, cleartext: &str) -> Result<Self, EgressParseError> {
        let allowed = split_list(allow).map(parse_allowed).collect::<Result<_, _>>()?;
        let cleartext_hosts = split_list(cleartext).map(str::to_lowercase).collect();
        Ok(Egress {
            allowed,
            cleartext_hosts,
        })
    }

    /// What may be dialled of a name and the addresses that it was found under: all of them, or none. One forbidden
    /// address among many is how a name is made to point inside, so it forbids the name.
    pub fn decide(&self, host: &Host, port: u16, found: &[IpAddr], purpose: Purpose) -> Vec<SocketAddr> {
        let must_be_named = matches!(host, Host::Name(name) if is_special_use(name));
        let is_allowed = |address: &IpAddr| {
            let address = address.to_canonical();
            let is_public = is_global_unicast(address) && purpose.ports().contains(&port);
            self.names(address, port, purpose) || (is_public && !must_be_named)
        };
        if !found.iter().all(is_allowed) {
            return Vec::new();
        }
        found
            .iter()
            .map(|address| SocketAddr::new(*address, port))
            .collect()
    }

    /// A loopback address that the operator listed, or a host listed for clear text.
    pub fn allows_cleartext(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let is_listed_loopback =
            address.to_canonical().is_loopback() && self.names(address, port, Purpose::Mail);
        is_listed_loopback || self.cleartext_hosts.contains(&host.to_lowercase())
    }

    /// A loopback address and port that the operator listed: where whoever signs mailboxes in may be asked without TLS.
    pub fn is_listed_loopback(&self, address: IpAddr, port: u16) -> bool {
        address.to_canonical().is_loopback() && self.names(address, port, Purpose::Web)
    }

    /// A network without a port is for mail servers; what others put into their mail may not be fetched from it.
    fn names(&self, address: IpAddr, port: u16, purpose: Purpose) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|rule| {
            let is_port = match rule.port {
                Some(allowed) => allowed == port,
                None => purpose == Purpose::Mail,
            };
            is_port && rule.network.contains(&address)
        })
    }
}

/// What a connection is for; each has its ports, so that nobody talks to a database through a mail setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Mail,
    /// A remote image of a message, whoever signs mailboxes in, or what a domain writes down of its servers.
    Web,
}

impl Purpose {
    const fn ports(self) -> &'static [u16] {
        match self {
            Purpose::Mail => &[25, 143, 465, 587, 993, 2525],
            Purpose::Web => &[80, 443],
        }
    }
}

/// What a person typed for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    /// Lower case, ASCII (IDNA), without a dot at the end.
    Name(String),
}

impl Host {
    /// `None`: neither an address as everybody writes it nor a host name (RFC 1123 §2.1). Other writings of addresses
    /// (`127.1`, `0x7f.1`, `2130706433`) are names whose last label is a number, and refused: resolvers read them as
    /// addresses, each in its own way.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = match text.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']')?,
            None => text,
        };
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Host::Address(address));
        }
        if bare.len() != text.len() {
            return None;
        }
        let folded = fold_domain(text)?;
        let mut labels = folded.split('.');
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let ends_in_number = folded
            .rsplit('.')
            .next()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x"));
        (folded.len() <= 253 && labels.all(is_label) && !ends_in_number).then_some(Host::Name(folded))
    }

    /// A name that means the same to everybody.
    pub fn is_public_name(&self) -> bool {
        matches!(self, Host::Name(name) if !is_special_use(name))
    }
}

/// Names that are answered inside a network or a machine (RFC 6761, RFC 6762, RFC 8375, and what is used so), and
/// names of one label, which resolvers complete.
fn is_special_use(name: &str) -> bool {
    const SUFFIXES: &[&str] = &[
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
    ];
    name.rsplit_once('.')
        .is_none_or(|(_, last)| SUFFIXES.contains(&last))
}

fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn parse_allowed(text: &str) -> Result<Allowed, EgressParseError> {
    let error = || EgressParseError(text.to_owned());
    let (network, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (network, rest) = bracketed.split_once(']').ok_or_else(error)?;
            (network, rest.strip_prefix(':'))
        }
        None if text.matches(':').count() == 1 => match text.split_once(':') {
            Some((network, port)) => (network, Some(port)),
            None => (text, None),
        },
        None => (text, None),
    };
    let network = network
        .parse::<IpNet>()
        .or_else(|_| network.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| error())?;
    let port = port.map(|port| port.parse().map_err(|_| error())).transpose()?;
    Ok(Allowed { network, port })
}

/// IANA's special-purpose registries of 2026-11, plus multicast.
fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => is_global_v6(v6),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 127
        || a >= 224
        || address.is_private()
        || address.is_link_local()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        // Azure's host, which tells its guests their secrets (seen 2026-11).
        || address == Ipv4Addr::new(168, 63, 129, 16))
}

/// Only 2000::/3 is given out; inside it, what carries an IPv4 address (6to4, Teredo) or is for
/// documentation is out too. NAT64 (64:ff9b::/96) lies outside and could reach any IPv4 address.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    (segments[0] & 0xe000) == 0x2000
        && segments[0] != 0x2002
        && !(segments[0] == 0x2001 && segments[1] < 0x0200)
        && !(segments[0] == 0x2001 && segments[1] == 0x0db8)
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_unicast_is_dialled_unless_the_operator_says_so() {
        let none = Egress::default();
        for (address, allowed) in [
            ("9.9.9.9", true),
            ("2620:fe::fe", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:9.9.9.9", true),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:0:1::", false),
            ("2001:db8::1", false),
            ("::", false),
        ] {
            let host = Host::parse(address).expect(address);
            let Host::Address(found) = host else {
                panic!("{address}")
            };
            let decided = none.decide(&host, 993, &[found], Purpose::Mail);
            assert_eq!(!decided.is_empty(), allowed, "{address}");
        }
    }

    #[test]
    fn the_operators_list_names_networks_and_ports() {
        let egress = Egress::parse("127.0.0.0/8, [::1/128]:993,10.0.0.5:143", "mail.lan").expect("list");
        for (address, port, allowed) in [
            ("127.0.0.1", 10143, true),
            ("::ffff:127.0.0.1", 10143, true),
            ("::1", 993, true),
            ("::1", 143, false),
            ("10.0.0.5", 143, true),
            ("10.0.0.5", 993, false),
        ] {
            let address = address.parse().expect(address);
            assert_eq!(
                egress.names(address, port, Purpose::Mail),
                allowed,
                "{address}:{port}"
            );
        }
        let inside: IpAddr = "127.0.0.1".parse().expect("address");
        assert!(
            !egress.names(inside, 80, Purpose::Web),
            "a network without a port is for mail"
        );
        assert!(egress.names("::1".parse().expect("address"), 993, Purpose::Web));
        let loopback = "127.0.0.1".parse().expect("address");
        let lan = "10.0.0.5".parse().expect("address");
        assert!(egress.allows_cleartext("x", loopback, 143));
        assert!(!egress.allows_cleartext("x", lan, 143));
        assert!(egress.allows_cleartext("Mail.LAN", lan, 143));
        assert!(!Egress::default().allows_cleartext("x", loopback, 143));
        assert!(Egress::parse("banana", "").is_err());
    }

    #[test]
    fn a_host_is_an_address_or_a_name_and_nothing_in_between() {
        for (text, expected) in [
            ("imap.example.com", Some("imap.example.com")),
            ("Müller.example", Some("xn--mller-kva.example")),
            ("imap.example.com.", Some("imap.example.com")),
            ("127.1", None),
            ("2130706433", None),
            ("0x7f.1", None),
            ("①②⑦.0.0.1", None),
            ("-h", None),
            (".", None),
            ("", None),
            ("a@127.0.0.1", None),
            ("a/b", None),
            (" a.example", None),
            ("a.example\r\nX", None),
            ("fe80::1%eth0", None),
            ("[a.example]", None),
        ] {
            let name = expected.map(|name| Host::Name(name.to_owned()));
            assert_eq!(Host::parse(text), name, "{text:?}");
        }
        let address: IpAddr = "::1".parse().expect("address");
        assert_eq!(Host::parse("[::1]"), Some(Host::Address(address)));
        assert_eq!(Host::parse("::1"), Some(Host::Address(address)));
    }

    #[test]
    fn a_name_is_dialled_where_all_its_addresses_may_be() {
        let egress = Egress::parse("127.0.0.0/8", "").expect("list");
        for (name, port, found, purpose, allowed) in [
            ("a.example", 993, vec!["9.9.9.9"], Purpose::Mail, true),
            (
                "a.example",
                993,
                vec!["9.9.9.9", "10.0.0.1"],
                Purpose::Mail,
                false,
            ),
            (
                "a.example",
                993,
                vec!["9.9.9.9", "127.0.0.1"],
                Purpose::Mail,
                true,
            ),
            ("a.example", 6379, vec!["9.9.9.9"], Purpose::Mail, false),
            ("a.example", 443, vec!["9.9.9.9"], Purpose::Mail, false),
            ("a.example", 443, vec!["9.9.9.9"], Purpose::Web, true),
            ("a.example", 993, vec!["9.9.9.9"], Purpose::Web, false),
            ("a.example", 80, vec!["127.0.0.1"], Purpose::Web, false),
            ("redis", 993, vec!["9.9.9.9"], Purpose::Mail, false),
            ("localhost", 993, vec!["127.0.0.1"], Purpose::Mail, true),
            ("host.docker.internal", 993, vec!["9.9.9.9"], Purpose::Mail, false),
        ] {
            let host = Host::parse(name).expect(name);
            let found: Vec<IpAddr> = found
                .into_iter()
                .map(|address| address.parse().expect(address))
                .collect();
            let decided = egress.decide(&host, port, &found, purpose);
            assert_eq!(!decided.is_empty(), allowed, "{name}:{port} {found:?}");
        }
    }
}
