//! Which clients are one, where they have to take turns.

use std::net::{IpAddr, SocketAddr};

use crate::wasm::queue::Client;

/// The client at an address, which may be what a trusted proxy has said.
pub(super) fn at(address: Option<SocketAddr>) -> Client {
    match address.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => Client::V4(address.octets()),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            Client::V6([a, b, c, d, e, f, g, h])
        }
        None => Client::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_clients_and_ipv6_by_network() {
        let ip = |text: &str| at(Some(SocketAddr::new(text.parse().unwrap(), 80)));
        assert_eq!(ip("2001:db8:1:2::1"), ip("2001:db8:1:2:ffff::9"));
        assert_ne!(ip("2001:db8:1:2::1"), ip("2001:db8:1:3::1"));
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
        assert_ne!(ip("192.0.2.1"), ip("192.0.2.2"));
        assert_eq!(at(None), Client::Unknown);
    }
}
