//! From where a request comes.

use std::net::IpAddr;

use poem::Request;

/// The client's address as far as it can be trusted. The server puts it into each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// None for requests that came through no socket.
    pub ip: Option<IpAddr>,
    /// Whether somebody on this machine is asking, and not for another.
    pub local: bool,
}

const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

impl ClientAddress {
    /// As the server found it, or the socket's.
    pub fn of(request: &Request) -> Self {
        request.data::<Self>().copied().unwrap_or_else(|| Self::find(request, false))
    }

    /// Behind a proxy the last entry of `X-Forwarded-For` is the one that our proxy wrote; whatever comes before it
    /// may be made up. Without a proxy the header says nothing, except that somebody forwarded.
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
    fn only_the_proxys_word_counts_and_only_behind_one() {
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
