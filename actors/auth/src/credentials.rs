//! Where the services of a node get the tokens with which they call each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::auth::{self, Answer, Query, access_token_id};
use futures::future::BoxFuture;
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use protocol::Timestamp;
use token::ClusterKey;

/// A token is replaced this long before it expires, in seconds.
const AHEAD_SECS: i64 = 60;

/// How long to wait for `auth`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many tokens are kept; guests come and go, and theirs go first when there are too many.
const KEPT_MAX: usize = 10_000;

type Kept = BTreeMap<(String, Option<String>), (Arc<str>, Timestamp)>;

/// Asks `auth` for service tokens with the node's credential, and keeps them until a minute before they expire. Cheap
/// to clone.
#[derive(Clone)]
pub struct ServiceTokens {
    client: Client,
    cluster: ClusterKey,
    node: Arc<str>,
    kept: Arc<Mutex<Kept>>,
}

impl ServiceTokens {
    /// `node`: this node's name.
    pub fn new(client: Client, cluster: ClusterKey, node: &str) -> Self {
        Self { client, cluster, node: node.into(), kept: Arc::default() }
    }

    async fn token(&self, service: &str, on_behalf_of: Option<&str>) -> Result<Arc<str>, Unavailable> {
        let now = Timestamp::wall_clock();
        let name = (service.to_owned(), on_behalf_of.map(str::to_owned));
        if let Some((token, expires_at)) = self.kept().get(&name)
            && expires_at.plus_secs(-AHEAD_SECS) > now
        {
            return Ok(Arc::clone(token));
        }
        let call = Call::bearer(self.cluster.node_credential(&self.node, now), TIMEOUT);
        let query = Query::ServiceToken {
            service: name.0.clone(),
            on_behalf_of: name.1.clone(),
            token_id: access_token_id(u128::from_be_bytes(half(token::random_bytes()))),
        };
        match self.client.query::<auth::Auth>(&call, query).await {
            Ok(Answer::Token(issued)) => {
                let token: Arc<str> = issued.token.0.into();
                self.keep(name, &token, issued.expires_at, now);
                Ok(token)
            }
            Ok(_) => Err(Unavailable::new(Why::NoService("auth".into()))),
            Err(Failure::Unavailable(unavailable)) => Err(unavailable),
            Err(failure) => {
                // A refusal here is a mistake in the program or another cluster's key; neither passes by waiting.
                tracing::error!(service, %failure, "no service token");
                Err(Unavailable { why: Why::NoService("auth".into()), retry_after_secs: 10 })
            }
        }
    }

    fn keep(&self, name: (String, Option<String>), token: &Arc<str>, expires_at: Timestamp, now: Timestamp) {
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (_, expires_at)| *expires_at > now);
        }
        if kept.len() >= KEPT_MAX {
            kept.retain(|(_, on_behalf_of), _| on_behalf_of.is_none());
        }
        kept.insert(name, (Arc::clone(token), expires_at));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
