//! Limits of attempts that several APIs and the pages share: passwords, client secrets, codes of devices, requests for mails.
//! The counters are in `auth`, so that all edges of a cluster count together.
//!
//! Limits must not be usable against others. Therefore failed sign-ins are counted by account *and* client address, counters
//! of an address delay only those who have not signed in from there before, and delays are short.

mod memory;
mod rules;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use contracts::auth::{AttemptCounter, AttemptRule, AttemptSucceeded, CountAttempt, Refusal};
use edge::rate_limit::network;
use edge::{ApiError, ClientAddress};
use group::{Call, Client, Credentials, Failure, Unavailable};
use protocol::codec;
use token::LinkKey;

use memory::Memory;

/// Timeout of calls to `auth`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why an attempt must not be made.
#[derive(Debug)]
pub enum AttemptRefused {
    /// The number of seconds to wait.
    TooEarly(u32),
    /// `auth` is unavailable.
    Unavailable(Unavailable),
}

impl From<AttemptRefused> for ApiError {
    fn from(refused: AttemptRefused) -> Self {
        match refused {
            AttemptRefused::TooEarly(secs) => Self::rate_limited(secs),
            AttemptRefused::Unavailable(unavailable) => Self::unavailable(unavailable.retry_after_secs),
        }
    }
}

/// An attempt that was counted as failed. If it succeeds, pass it to [`AttemptLimits::succeeded`].
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    own: AttemptCounter,
    /// The keys of the shared counters that were incremented.
    shared: Vec<u128>,
}

/// Limits of attempts. Cheap to clone.
#[derive(Clone)]
pub struct AttemptLimits {
    store: Store,
    key: LinkKey,
}

#[derive(Clone)]
enum Store {
    Replicated { client: Client, credentials: Arc<dyn Credentials> },
    Memory(Arc<Memory>),
}

impl std::fmt::Debug for AttemptLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttemptLimits")
    }
}

impl AttemptLimits {
    /// Counts in `auth`. `credentials` issue the token of `svc:auth`; `key` hashes accounts and addresses.
    pub fn replicated(client: Client, credentials: Arc<dyn Credentials>, key: LinkKey) -> Self {
        Self { store: Store::Replicated { client, credentials }, key }
    }

    /// Counts in this process only, for tests.
    pub fn in_memory() -> Self {
        Self { store: Store::Memory(Arc::default()), key: token::ClusterKey::random().links("attempts") }
    }

    /// Counts an attempt to sign in, before the password is verified.
    ///
    /// # Errors
    /// When it must be made later, whether or not the account exists.
    pub async fn sign_in(&self, account: &str, address: ClientAddress) -> Result<Attempt, AttemptRefused> {
        let account = account.trim().to_lowercase();
        let own = self.counter(&["sign-in", &account, &of_client(address)], rules::SIGN_IN);
        self.count(own, self.shared("sign-in", address, rules::SIGN_IN_ADDRESS, rules::SIGN_IN_NETWORK)).await
    }

    /// Counts an attempt to enter the code of a device, before it is looked up.
    ///
    /// # Errors
    /// When it must be made later.
    pub async fn user_code(&self, address: ClientAddress) -> Result<Attempt, AttemptRefused> {
        let own = self.counter(&["user code", &of_client(address)], rules::USER_CODE);
        self.count(own, self.of_wide_network("user code", address, rules::USER_CODE_NETWORK)).await
    }

    /// Counts a failed authentication of an OAuth client, after the secret was found wrong: the right secret is always
    /// accepted.
    ///
    /// # Errors
    /// When there were too many. The response is then 429 instead of 401.
    pub async fn client_failed(&self, client_id: &str, address: ClientAddress) -> Result<(), AttemptRefused> {
        let own = self.counter(&["client", client_id, &of_client(address)], rules::CLIENT);
        let shared = self.shared("client", address, rules::CLIENT_ADDRESS, rules::CLIENT_NETWORK);
        self.count(own, shared).await.map(drop)
    }

    /// Counts the start of a device authorization. Clients on this machine are not limited.
    ///
    /// # Errors
    /// When it must be made later.
    pub async fn device_start(&self, address: ClientAddress) -> Result<(), AttemptRefused> {
        self.by_address("device", address, rules::DEVICE, rules::DEVICE_NETWORK).await
    }

    /// Counts a request that sends a mail to an address that the client names: registration and password reset. Clients on
    /// this machine are not limited. The service limits mails to each mailbox.
    ///
    /// # Errors
    /// When it must be made later, whether or not the mailbox has an account.
    pub async fn mail(&self, address: ClientAddress) -> Result<(), AttemptRefused> {
        self.by_address("mail", address, rules::MAIL, rules::MAIL_NETWORK).await
    }

    /// Takes a counted attempt back, because it was successful. If `auth` is unavailable, the attempt stays counted.
    pub async fn succeeded(&self, attempt: Attempt) {
        let Attempt { own, shared } = attempt;
        let request = AttemptSucceeded { own, shared };
        match &self.store {
            Store::Memory(memory) => memory.take_back(&request),
            Store::Replicated { client, credentials } => {
                let Ok(call) = own_call(credentials).await else { return };
                if let Err(failure) = client.call(&call, request).await {
                    tracing::warn!(%failure, "a successful attempt stays counted as failed");
                }
            }
        }
    }

    async fn by_address(
        &self,
        kind: &str,
        address: ClientAddress,
        rule: AttemptRule,
        network_rule: AttemptRule,
    ) -> Result<(), AttemptRefused> {
        if address.local {
            return Ok(());
        }
        let own = self.counter(&[kind, &of_client(address)], rule);
        self.count(own, self.of_wide_network(kind, address, network_rule)).await.map(drop)
    }

    async fn count(
        &self,
        own: AttemptCounter,
        shared: Vec<AttemptCounter>,
    ) -> Result<Attempt, AttemptRefused> {
        let keys = shared.iter().map(|counter| counter.key).collect();
        let request = CountAttempt { own, shared };
        let counted = match &self.store {
            Store::Memory(memory) => memory.count(&request).map_err(AttemptRefused::TooEarly)?,
            Store::Replicated { client, credentials } => {
                let call = own_call(credentials).await.map_err(AttemptRefused::Unavailable)?;
                client.call(&call, request).await.map_err(|failure| match failure {
                    Failure::Refused(Refusal::TooManyAttempts(secs)) => AttemptRefused::TooEarly(secs),
                    Failure::Unavailable(unavailable) => AttemptRefused::Unavailable(unavailable),
                    failure => {
                        tracing::error!(%failure, "attempts cannot be counted");
                        AttemptRefused::Unavailable(Unavailable {
                            why: group::Why::NoService("auth".into()),
                            retry_after_secs: 2,
                        })
                    }
                })?
            }
        };
        Ok(Attempt { own, shared: if counted.shared { keys } else { Vec::new() } })
    }

    /// The counters of an address and its network, for clients on other machines.
    fn shared(
        &self,
        kind: &str,
        address: ClientAddress,
        rule: AttemptRule,
        network_rule: AttemptRule,
    ) -> Vec<AttemptCounter> {
        if address.local {
            return Vec::new();
        }
        let mut counters = vec![self.counter(&[kind, "address", &of_client(address)], rule)];
        counters.extend(self.of_wide_network(kind, address, network_rule));
        counters
    }

    /// The counter of the /48 network of an IPv6 address: a site may have 65,536 networks of the size /64.
    fn of_wide_network(&self, kind: &str, address: ClientAddress, rule: AttemptRule) -> Vec<AttemptCounter> {
        match address.ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V6(ip)) if !address.local => {
                let site = Ipv6Addr::from(u128::from(ip) >> 80 << 80);
                vec![self.counter(&[kind, "network", &site.to_string()], rule)]
            }
            Some(IpAddr::V4(_) | IpAddr::V6(_)) | None => Vec::new(),
        }
    }

    fn counter(&self, parts: &[&str], rule: AttemptRule) -> AttemptCounter {
        AttemptCounter { key: codec::hash128(&[b"attempt", self.key.tag(parts).as_bytes()]), rule }
    }
}

async fn own_call(credentials: &Arc<dyn Credentials>) -> Result<Call, Unavailable> {
    Ok(Call::bearer(credentials.service_token("auth", None).await?, TIMEOUT))
}

/// The client's address as a part of a key.
fn of_client(address: ClientAddress) -> String {
    match address.ip {
        Some(ip) if !address.local => network(ip).to_string(),
        Some(_) | None => "local".to_owned(),
    }
}

#[cfg(test)]
mod tests;
