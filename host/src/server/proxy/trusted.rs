//! Whom we believe: the list of `--forwarded-allow-ips`.
//!
//! The command line parses it once; `proxy/mod.rs` asks it of a peer, and of each hop that a peer tells of. Anybody who
//! is not on it is a client, whatever they say (`F-14`).

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Addresses and networks, and perhaps the peers of a Unix socket, or everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    networks: Vec<IpNet>,
    unix: bool,
    /// Whoever connects. Nobody is trusted as a hop behind them for that.
    everybody: bool,
}

/// What [`FromStr`] of `Trusted::default()` is made from.
pub const TRUSTED: &str = "127.0.0.1,::1,unix";

impl Default for Trusted {
    /// This machine: its loopback addresses, and whoever may open the Unix socket.
    fn default() -> Self {
        Self {
            networks: vec![
                IpAddr::from([127, 0, 0, 1]).into(),
                IpAddr::from(std::net::Ipv6Addr::LOCALHOST).into(),
            ],
            unix: true,
            everybody: false,
        }
    }
}

impl Trusted {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            networks: Vec::new(),
            unix: false,
            everybody: false,
        }
    }

    /// Whether the other end of a connection is a proxy; none is that of a Unix socket.
    pub(super) fn peer(&self, address: Option<IpAddr>) -> bool {
        self.everybody || self.hop(address)
    }

    /// Whether somebody of whom we only hear is a proxy. `*` does not say so: with everybody trusted, the first
    /// address of a list would count, which is whatever the client wrote.
    pub(super) fn hop(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else {
            return self.unix;
        };
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

impl FromStr for Trusted {
    type Err = String;

    /// Reads a list with commas between its entries; an empty one trusts nobody.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut trusted = Self::nobody();
        let entries = text.split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match entry {
                "*" => trusted.everybody = true,
                "unix" => trusted.unix = true,
                _ => trusted.networks.push(network(entry)?),
            }
        }
        Ok(trusted)
    }
}

fn network(entry: &str) -> Result<IpNet, String> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let Ok(network) = entry.parse::<IpNet>() else {
        return Err(format!(
            "`{entry}` is no address, no network such as 10.0.0.0/8, and neither `unix` nor `*`"
        ));
    };
    if network.trunc() != network {
        return Err(format!(
            "`{entry}` has bits set behind its prefix: write `{}`, or `{}` alone",
            network.trunc(),
            network.addr()
        ));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_default_is_what_its_text_says() {
        assert_eq!(TRUSTED.parse(), Ok(Trusted::default()));
    }

    #[test]
    fn f14_only_what_is_on_the_list_is_trusted() {
        let trusted: Trusted = "10.0.0.0/8, 192.0.2.7,2001:db8::/32,, ".parse().unwrap();
        for inside in [
            "10.255.0.1",
            "192.0.2.7",
            "2001:db8:1::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(trusted.peer(ip(inside)), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "127.0.0.1", "::1"] {
            assert!(!trusted.peer(ip(outside)), "{outside}");
        }
        assert!(!trusted.peer(None));
        let unix: Trusted = "unix".parse().unwrap();
        assert!(unix.peer(None) && !unix.peer(ip("127.0.0.1")));
        let mapped: Trusted = "::ffff:10.0.0.1".parse().unwrap();
        assert!(mapped.peer(ip("10.0.0.1")));
        assert_eq!("".parse(), Ok(Trusted::nobody()));
    }

    #[test]
    fn everybody_is_every_peer_and_no_hop() {
        let trusted: Trusted = "*,10.0.0.0/8".parse().unwrap();
        assert!(trusted.peer(ip("203.0.113.9")) && trusted.peer(None));
        assert!(!trusted.hop(ip("203.0.113.9")) && !trusted.hop(None));
        assert!(trusted.hop(ip("10.1.1.1")));
    }

    #[test]
    fn what_is_neither_is_refused_with_what_to_write() {
        for wrong in ["localhost", "10.0.0.0/33", "10.0.0", "/run/x.sock", "**"] {
            let error = wrong.parse::<Trusted>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
        let error = "10.1.2.3/8".parse::<Trusted>().unwrap_err();
        assert!(error.contains("write `10.0.0.0/8`"), "{error}");
    }
}
