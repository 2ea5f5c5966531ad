//! The client's address.

use std::net::IpAddr;

use poem::Request;

/// The client's address, as far as it can be trusted. The server adds it to each request's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// None for requests that did not come through a socket.
    pub ip: Option<IpAddr>,
    /// Whether the client runs on this machine and does not forward for another.
    pub local: bool,
}

const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

impl ClientAddress {
    /// The address that the server found; without a server, the socket's.
    pub fn of(request: &Request) -> Self {
        request.data::<Self>().copied().unwrap_or_else(|| Self::find(request, false))
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
