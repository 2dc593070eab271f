//! Servers by their SRV records (RFC 6186, and RFC 8314 §5.1 for submission with TLS from the first byte). Pure.

use domain::account::Security;

use super::Server;
use crate::dns::Srv;

/// What a domain says of one service: with TLS from the first byte, and with STARTTLS.
pub struct Offers {
    pub tls: Vec<Srv>,
    pub starttls: Vec<Srv>,
}

impl Offers {
    /// TLS from the first byte is preferred, whatever the priorities (RFC 8314 §3).
    pub fn best(&self) -> Option<Server> {
        let tls = best(&self.tls).map(|srv| server(srv, Security::Tls));
        tls.or_else(|| best(&self.starttls).map(|srv| server(srv, Security::Starttls)))
    }
}

/// The heaviest of the first priority: what is written into a card stays, so there is no load to spread. A target of `.` says
/// that the service is not there (RFC 6186 §3.4).
pub fn best(offered: &[Srv]) -> Option<&Srv> {
    let usable = offered
        .iter()
        .filter(|srv| !srv.target.is_empty() && srv.port > 0);
    usable.min_by_key(|srv| (srv.priority, u16::MAX - srv.weight))
}

fn server(srv: &Srv, security: Security) -> Server {
    Server {
        host: srv.target.clone(),
        port: srv.port,
        security,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            port,
            target: target.into(),
        }
    }

    #[test]
    fn tls_first_then_priority_then_weight() {
        let (a, b) = (srv(10, 1, 993, "a"), srv(10, 2, 993, "b"));
        let (first, none, clear) = (srv(0, 0, 993, "first"), srv(0, 0, 0, ""), srv(0, 9, 143, "clear"));
        for (tls, starttls, expected) in [
            (vec![&a, &b], vec![], Some("b")),
            (vec![&a, &first, &b], vec![], Some("first")),
            (vec![&a], vec![&clear], Some("a")),
            (vec![&none], vec![&clear], Some("clear")),
            (vec![&none], vec![&none], None),
            (vec![], vec![], None),
        ] {
            let offers = Offers {
                tls: tls.into_iter().cloned().collect(),
                starttls: starttls.into_iter().cloned().collect(),
            };
            let found = offers.best();
            assert_eq!(found.map(|server| server.host).as_deref(), expected);
        }
    }
}
