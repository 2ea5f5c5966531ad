//! The client's address.

use std::net::{IpAddr, Ipv6Addr};

use poem::Request;
use protocol::codec;
use token::LinkKey;

/// The client's address, as far as it can be trusted. The server adds it to each request's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// None for requests that did not come through a socket.
    pub ip: Option<IpAddr>,
    /// Whether the client runs on this machine and does not forward for another.
    pub local: bool,
}

/// A client's address as keyed hashes, which can be stored and compared by all edges that have the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedAddress {
    /// The IPv4 address, or the /64 of the IPv6 address, which is one customer.
    pub address: u128,
    /// The /48 of the IPv6 address, which can be one customer too.
    pub network: Option<u128>,
}

const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

impl ClientAddress {
    /// The address that the server found; without a server, the socket's.
    pub fn of(request: &Request) -> Self {
        request.data::<Self>().copied().unwrap_or_else(|| Self::find(request, false))
    }

    /// The address as keyed hashes. All requests without an address have the same.
    pub fn hashed(&self, key: &LinkKey) -> HashedAddress {
        let hash = |text: String| codec::hash128(&[key.tag(&["client-address", &text]).as_bytes()]);
        match self.ip.map(|ip| ip.to_canonical()) {
            None => HashedAddress { address: hash("none".to_owned()), network: None },
            Some(IpAddr::V4(address)) => HashedAddress { address: hash(address.to_string()), network: None },
            Some(IpAddr::V6(address)) => {
                let prefix = |bits: u32| {
                    let bits_after = 128 - bits;
                    let first = Ipv6Addr::from(u128::from(address) >> bits_after << bits_after);
                    hash(format!("{first}/{bits}"))
                };
                HashedAddress { address: prefix(64), network: Some(prefix(48)) }
            }
        }
    }

    /// Behind a proxy, only the last entry of `X-Forwarded-For` was written by that proxy; clients can forge the others.
    /// Without a proxy, the header only shows that the request was forwarded.
    pub(crate) fn find(request: &Request, behind_proxy: bool) -> Self {
        let socket = request.remote_addr().as_socket_addr().map(|address| address.ip().to_canonical());
        let forwarded = FORWARDED.iter().any(|name| request.headers().contains_key(*name));
        let local = !forwarded && socket.is_none_or(|ip| ip.is_loopback());
        let last = request.headers().get_all(FORWARDED[0]).iter().next_back();
        let named =
            last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        let ip = if behind_proxy { named.or(socket) } else { socket };
        Self { ip, local }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_hashed_with_a_key_and_an_ipv6_address_by_its_networks() {
        let key = token::ClusterKey::random().links("client-address");
        let hashed = |ip: &str| ClientAddress { ip: ip.parse().ok(), local: false }.hashed(&key);
        assert_eq!(hashed("192.0.2.7"), hashed("::ffff:192.0.2.7"));
        assert_ne!(hashed("192.0.2.7"), hashed("192.0.2.8"));
        assert_eq!(hashed("192.0.2.7").network, None);
        let (one, same_64, same_48, other) = (
            hashed("2001:db8:0:1::1"),
            hashed("2001:db8:0:1:2::9"),
            hashed("2001:db8:0:2::1"),
            hashed("2001:db8:1::1"),
        );
        assert_eq!(one, same_64);
        assert_ne!(one.address, same_48.address);
        assert_eq!(one.network, same_48.network);
        assert_ne!(one.network, other.network);
        let another = token::ClusterKey::random().links("client-address");
        let ip = "192.0.2.7".parse().ok();
        assert_ne!(ClientAddress { ip, local: false }.hashed(&another), hashed("192.0.2.7"));
    }

    #[test]
    fn only_the_last_forwarded_address_counts_and_only_behind_a_proxy() {
        let with = |name: &str, value: &str| Request::builder().header(name, value).finish();
        let plain = ClientAddress::find(&Request::default(), true);
        assert_eq!(plain, ClientAddress { ip: None, local: true });
        let spoofed = with("X-Forwarded-For", "127.0.0.1, 192.0.2.7");
        let found = ClientAddress::find(&spoofed, true);
        assert_eq!(found, ClientAddress { ip: "192.0.2.7".parse().ok(), local: false });
        assert_eq!(ClientAddress::find(&spoofed, false), ClientAddress { ip: None, local: false });
        assert!(!ClientAddress::find(&with("Forwarded", "for=127.0.0.1"), false).local);
    }
}
