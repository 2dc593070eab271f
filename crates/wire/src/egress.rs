//! Which addresses may be connected to, and where a password may travel in clear.
//!
//! Global unicast, or what the operator's configuration names. Decided on the address that is really
//! connected, never on a name.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

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

    pub fn allows(&self, address: IpAddr, port: u16) -> bool {
        self.names(address, port) || is_global_unicast(address.to_canonical())
    }

    /// A loopback address that the operator listed, or a host listed for clear text.
    pub fn allows_cleartext(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let is_listed_loopback = address.to_canonical().is_loopback() && self.names(address, port);
        is_listed_loopback || self.cleartext_hosts.contains(&host.to_lowercase())
    }

    fn names(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.allowed
            .iter()
            .any(|rule| rule.network.contains(&address) && rule.port.is_none_or(|allowed| allowed == port))
    }
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
        || (a == 203 && b == 0 && c == 113))
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
            assert_eq!(
                none.allows(address.parse().expect(address), 993),
                allowed,
                "{address}"
            );
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
            assert_eq!(
                egress.allows(address.parse().expect(address), port),
                allowed,
                "{address}:{port}"
            );
        }
        let loopback = "127.0.0.1".parse().expect("address");
        let lan = "10.0.0.5".parse().expect("address");
        assert!(egress.allows_cleartext("x", loopback, 143));
        assert!(!egress.allows_cleartext("x", lan, 143));
        assert!(egress.allows_cleartext("Mail.LAN", lan, 143));
        assert!(!Egress::default().allows_cleartext("x", loopback, 143));
        assert!(Egress::parse("banana", "").is_err());
    }
}
