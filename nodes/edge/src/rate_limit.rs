//! Rate limits for requests and for failed sign-ins.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

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

/// The network that counts as one client: an IPv6 customer has a whole /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// Limits failed sign-ins by account and by client address, both stored as hashes. Successful sign-ins are not limited.
#[derive(Debug)]
pub struct SignInLimiter {
    failures: Mutex<HashMap<u128, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Instant,
}

impl Default for SignInLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl SignInLimiter {
    /// Maximum failures of an account in a [`SignInLimiter::WINDOW`].
    pub const PER_ACCOUNT: u32 = 10;
    /// Maximum failures of an address in a [`SignInLimiter::WINDOW`].
    pub const PER_ADDRESS: u32 = 50;
    /// The time in which failures are counted.
    pub const WINDOW: Duration = Duration::from_secs(15 * 60);
    /// Maximum number of entries. At the limit, the older half is removed.
    const ENTRIES_MAX: usize = 200_000;

    /// A limiter without failures.
    pub fn new() -> Self {
        Self { failures: Mutex::new(HashMap::new()) }
    }

    /// Call it before a password is verified.
    ///
    /// # Errors
    /// 429 with the seconds to wait, whether or not the account exists.
    pub fn check(&self, account: &str, address: Option<IpAddr>) -> Result<(), ApiError> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, most) in keys(account, address) {
            if let Some(failed) = failures.get(&key)
                && failed.count >= most
                && let Some(left) = Self::WINDOW.checked_sub(failed.since.elapsed())
            {
                return Err(ApiError::rate_limited(left.as_secs() as u32 + 1));
            }
        }
        Ok(())
    }

    /// Call it after a wrong password.
    pub fn failed(&self, account: &str, address: Option<IpAddr>) {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= Self::ENTRIES_MAX {
            remove_older_half(&mut failures);
        }
        for (key, _) in keys(account, address) {
            let failed = failures.entry(key).or_insert(Failures { count: 0, since: now });
            if failed.since.elapsed() > Self::WINDOW {
                *failed = Failures { count: 0, since: now };
            }
            failed.count += 1;
        }
    }

    /// Call it after a correct password. It resets the account but not the address: otherwise an attacker could reset the
    /// address with an account of their own.
    pub fn succeeded(&self, account: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(account, None) {
            failures.remove(&key);
        }
    }
}

fn keys(account: &str, address: Option<IpAddr>) -> impl Iterator<Item = (u128, u32)> {
    let account = account.trim().to_lowercase();
    let account = protocol::codec::hash128(&[b"account", account.as_bytes()]);
    let address = address.map(|address| network(address).to_string());
    let address = address.map(|address| protocol::codec::hash128(&[b"address", address.as_bytes()]));
    [(account, SignInLimiter::PER_ACCOUNT)]
        .into_iter()
        .chain(address.map(|key| (key, SignInLimiter::PER_ADDRESS)))
}

fn remove_older_half(failures: &mut HashMap<u128, Failures>) {
    let mut ages: Vec<Instant> = failures.values().map(|failed| failed.since).collect();
    ages.sort_unstable();
    let median = ages[ages.len() / 2];
    failures.retain(|_, failed| failed.since > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_failures_count_and_a_success_resets_the_account() {
        let sign_ins = SignInLimiter::new();
        let here = Some(address("192.0.2.1"));
        for _ in 0..100 {
            assert!(sign_ins.check("ann@example.org", here).is_ok());
        }
        for _ in 0..SignInLimiter::PER_ACCOUNT {
            assert!(sign_ins.check("ann@example.org", here).is_ok());
            sign_ins.failed("ann@example.org", here);
        }
        let refused = sign_ins.check(" Ann@Example.org", Some(address("192.0.2.9"))).unwrap_err();
        assert_eq!(refused.problem().status().as_u16(), 429, "from any address");
        assert!(sign_ins.check("bob@example.org", here).is_ok());
        sign_ins.succeeded("ann@example.org");
        assert!(sign_ins.check("ann@example.org", here).is_ok());
    }

    #[test]
    fn failures_of_one_address_are_limited_over_all_accounts() {
        let sign_ins = SignInLimiter::new();
        for attempt in 0..SignInLimiter::PER_ADDRESS {
            sign_ins.failed(&format!("user{attempt}"), Some(address("2001:db8::1")));
        }
        assert!(sign_ins.check("someone", Some(address("2001:db8::ffff"))).is_err(), "the same /64");
        assert!(sign_ins.check("someone", Some(address("2001:db8:0:1::1"))).is_ok());
        sign_ins.succeeded("someone");
        assert!(
            sign_ins.check("someone", Some(address("2001:db8::1"))).is_err(),
            "a success does not reset the address"
        );
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
