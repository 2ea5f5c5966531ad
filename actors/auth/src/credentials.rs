//! Service tokens for the calls between services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::auth::{IssueServiceToken, access_token_id};
use futures::future::BoxFuture;
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use protocol::Timestamp;
use token::ClusterKey;

/// A token is renewed this long before it expires, in seconds.
const RENEW_BEFORE_SECS: i64 = 60;

/// Timeout of calls to `auth`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most cached tokens. Beyond this limit, tokens on behalf of guests are dropped first.
const CACHED_MAX: usize = 10_000;

/// Tokens and their expiry by service and `on_behalf_of`.
type TokenCache = BTreeMap<(String, Option<String>), (Arc<str>, Timestamp)>;

/// Requests service tokens from `auth` with the node's credential and caches them. Cheap to clone.
#[derive(Clone)]
pub struct ServiceTokens {
    client: Client,
    cluster: ClusterKey,
    node: Arc<str>,
    cache: Arc<Mutex<TokenCache>>,
}

impl ServiceTokens {
    /// `node` is the name of this node.
    pub fn new(client: Client, cluster: ClusterKey, node: &str) -> Self {
        Self { client, cluster, node: node.into(), cache: Arc::default() }
    }

    async fn token(&self, service: &str, on_behalf_of: Option<&str>) -> Result<Arc<str>, Unavailable> {
        let now = Timestamp::wall_clock();
        let name = (service.to_owned(), on_behalf_of.map(str::to_owned));
        if let Some((token, expires_at)) = self.cache().get(&name)
            && expires_at.plus_secs(-RENEW_BEFORE_SECS) > now
        {
            return Ok(Arc::clone(token));
        }
        let call = Call::bearer(self.cluster.node_credential(&self.node, now), TIMEOUT);
        let request = IssueServiceToken {
            service: name.0.clone(),
            on_behalf_of: name.1.clone(),
            token_id: access_token_id(u128::from_be_bytes(half(token::random_bytes()))),
        };
        match self.client.call(&call, request).await {
            Ok(issued) => {
                let token: Arc<str> = issued.token.0.into();
                self.insert(name, &token, issued.expires_at, now);
                Ok(token)
            }
            Err(Failure::Unavailable(unavailable)) => Err(unavailable),
            Err(failure) => {
                // Caused by a bug or by the key of another cluster. Retrying soon does not help.
                tracing::error!(service, %failure, "failed to get a service token");
                Err(Unavailable { why: Why::NoService("auth".into()), retry_after_secs: 10 })
            }
        }
    }

    fn insert(
        &self,
        name: (String, Option<String>),
        token: &Arc<str>,
        expires_at: Timestamp,
        now: Timestamp,
    ) {
        let mut cache = self.cache();
        if cache.len() >= CACHED_MAX {
            cache.retain(|_, (_, expires_at)| *expires_at > now);
        }
        if cache.len() >= CACHED_MAX {
            cache.retain(|(_, on_behalf_of), _| on_behalf_of.is_none());
        }
        cache.insert(name, (Arc::clone(token), expires_at));
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, TokenCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first half of the bytes.
pub(crate) fn half(bytes: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&bytes[..16]);
    half
}

impl Credentials for ServiceTokens {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        Box::pin(self.token(service, on_behalf_of))
    }
}

impl std::fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceTokens({})", self.node)
    }
}
