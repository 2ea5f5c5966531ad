//! How often one address may ask, and how often a sign-in may fail.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::ApiError;

/// Requests of one address: a bucket that fills evenly.
pub struct Requests {
    buckets: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    /// `per_second` in the long run, `burst` at once (each at least 1).
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self { buckets: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts a request of `address`.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn take(&self, address: IpAddr) -> Result<(), ApiError> {
        self.buckets.check_key(&neighbourhood(address)).map_err(|full| {
            let wait = full.wait_time_from(self.clock.now()).as_secs_f64().ceil();
            ApiError::rate_limited((wait as u32).max(1))
        })
    }

    /// Forgets addresses whose buckets are full again.
    pub fn forget_idle(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

/// An IPv6 customer has a whole /64 to choose from: it counts as one.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// Failed sign-ins: only failures count, by account and by address, so that who knows the password is never locked
/// out by asking often. Both are kept as hashes.
#[derive(Debug)]
pub struct SignIns {
    failures: Mutex<HashMap<u128, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Instant,
}

impl Default for SignIns {
    fn default() -> Self {
        Self::new()
    }
}

impl SignIns {
    /// Failures of one account in a [`SignIns::WINDOW`].
    pub const PER_ACCOUNT: u32 = 10;
    /// Failures of one address in a [`SignIns::WINDOW`].
    pub const PER_ADDRESS: u32 = 50;
    /// How long failures are held against anybody.
    pub const WINDOW: Duration = Duration::from_secs(15 * 60);
    /// Names kept at once; at the limit the oldest half is forgotten.
    const KEPT_MAX: usize = 200_000;

    /// Nobody has failed yet.
    pub fn new() -> Self {
        Self { failures: Mutex::new(HashMap::new()) }
    }

    /// Before a password is looked at.
    ///
    /// # Errors
    /// 429 with the seconds to wait, the same for accounts that exist and that do not.
    pub fn check(&self, account: &str, address: Option<IpAddr>) -> Result<(), ApiError> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, most) in names(account, address) {
            if let Some(failed) = failures.get(&name)
                && failed.count >= most
                && let Some(left) = Self::WINDOW.checked_sub(failed.since.elapsed())
            {
                return Err(ApiError::rate_limited(left.as_secs() as u32 + 1));
            }
        }
        Ok(())
    }

    /// After it was wrong.
    pub fn failed(&self, account: &str, address: Option<IpAddr>) {
        let now = Instant::now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= Self::KEPT_MAX {
            forget_older_half(&mut failures);
        }
        for (name, _) in names(account, address) {
            let failed = failures.entry(name).or_insert(Failures { count: 0, since: now });
            if failed.since.elapsed() > Self::WINDOW {
                *failed = Failures { count: 0, since: now };
            }
            failed.count += 1;
        }
    }

    /// After it was right: the account starts afresh; the address does not, or one good account would cover for many.
    pub fn succeeded(&self, account: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in names(account, None) {
            failures.remove(&name);
        }
    }
}

fn names(account: &str, address: Option<IpAddr>) -> impl Iterator<Item = (u128, u32)> {
    let account = account.trim().to_lowercase();
    let account = protocol::codec::hash128(&[b"account", account.as_bytes()]);
    let address = address.map(|address| neighbourhood(address).to_string());
    let address = address.map(|address| protocol::codec::hash128(&[b"address", address.as_bytes()]));
    [(account, SignIns::PER_ACCOUNT)].into_iter().chain(address.map(|name| (name, SignIns::PER_ADDRESS)))
}

fn forget_older_half(failures: &mut HashMap<u128, Failures>) {
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
    fn only_failures_count_and_success_forgives_the_account() {
        let sign_ins = SignIns::new();
        let here = Some(address("192.0.2.1"));
        for _ in 0..100 {
            assert!(sign_ins.check("ann@example.org", here).is_ok());
        }
        for _ in 0..SignIns::PER_ACCOUNT {
            assert!(sign_ins.check("ann@example.org", here).is_ok());
            sign_ins.failed("ann@example.org", here);
        }
        let refused = sign_ins.check(" Ann@Example.org", Some(address("192.0.2.9"))).unwrap_err();
        assert_eq!(refused.problem().status().as_u16(), 429, "from anywhere");
        assert!(sign_ins.check("bob@example.org", here).is_ok());
        sign_ins.succeeded("ann@example.org");
        assert!(sign_ins.check("ann@example.org", here).is_ok());
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let sign_ins = SignIns::new();
        for attempt in 0..SignIns::PER_ADDRESS {
            sign_ins.failed(&format!("user{attempt}"), Some(address("2001:db8::1")));
        }
        assert!(sign_ins.check("someone", Some(address("2001:db8::ffff"))).is_err(), "the same /64");
        assert!(sign_ins.check("someone", Some(address("2001:db8:0:1::1"))).is_ok());
        sign_ins.succeeded("someone");
        assert!(
            sign_ins.check("someone", Some(address("2001:db8::1"))).is_err(),
            "success clears no address"
        );
    }

    #[test]
    fn a_burst_is_followed_by_a_pause() {
        let requests = Requests::new(1, 3);
        for _ in 0..3 {
            assert!(requests.take(address("192.0.2.1")).is_ok());
        }
        assert_eq!(requests.take(address("192.0.2.1")).unwrap_err().problem().status().as_u16(), 429);
        assert!(requests.take(address("192.0.2.2")).is_ok());
    }
}
