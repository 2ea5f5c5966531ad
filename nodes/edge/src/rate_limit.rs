//! Rate limits for requests.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::client_address::ClientAddress;
use crate::error::ApiError;

/// Limits the requests of each client address, by a token bucket.
pub struct RequestLimiter {
    buckets: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl std::fmt::Debug for RequestLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestLimiter")
    }
}

impl RequestLimiter {
    /// Allows `per_second` requests on average and `burst` at once (each at least 1).
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self { buckets: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts a request from `address`.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn take(&self, address: IpAddr) -> Result<(), ApiError> {
        self.buckets.check_key(&network(address)).map_err(|full| {
            let wait = full.wait_time_from(self.clock.now()).as_secs_f64().ceil();
            ApiError::rate_limited((wait as u32).max(1))
        })
    }

    /// Removes addresses whose buckets are full.
    pub fn forget_idle(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

/// Limits of the cards that guests try, against card testing. They are counted by `payments`, so that all edges share them.
#[derive(Clone)]
pub struct CardLimits {
    /// The key of the hashes of addresses.
    pub addresses: token::LinkKey,
    /// The most attempts of an account or of a guest's session in an hour.
    pub visitor_max: u32,
    /// The most attempts of an address in an hour.
    pub address_max: u32,
}

impl std::fmt::Debug for CardLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardLimits")
    }
}

impl CardLimits {
    /// A keyed hash of the network that counts as one client; `None` for this machine.
    pub fn hash(&self, address: ClientAddress) -> Option<u128> {
        let network = address.ip.filter(|_| !address.local).map(network)?.to_string();
        Some(protocol::codec::hash128(&[self.addresses.tag(&["network", &network]).as_bytes()]))
    }
}

/// The network that counts as one client: an IPv6 customer has a whole /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn requests_beyond_the_burst_are_refused() {
        let requests = RequestLimiter::new(1, 3);
        for _ in 0..3 {
            assert!(requests.take(address("192.0.2.1")).is_ok());
        }
        assert_eq!(requests.take(address("192.0.2.1")).unwrap_err().problem().status().as_u16(), 429);
        assert!(requests.take(address("192.0.2.2")).is_ok());
    }
}
