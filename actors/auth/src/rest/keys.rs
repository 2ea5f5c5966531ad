//! Management of the keys that sign access tokens, for operators and `auberge keys`.

use std::time::Duration;

use contracts::auth::{ListKeys, PublishedKey, RotateKeys, WithdrawKey};
use edge::{ApiError, Instant, Json, NoContent, SignedIn};
use group::{Call, Client};
use poem_openapi::{Enum, Object, OpenApi, param};
use protocol::Timestamp;
use serde::Serialize;

use super::Tag;
use super::clients::problem;

/// How long a rotation waits for the new key, which a leader generates.
const GENERATED_WITHIN: Duration = Duration::from_secs(3);
/// Interval of reading the keys while waiting.
const POLL_EVERY: Duration = Duration::from_millis(50);

pub(super) struct Keys {
    pub client: Client,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published. It does not sign yet, so that all nodes and API servers can fetch it first.
    Announced,
    /// Signs access tokens.
    Active,
    /// No longer signs. Tokens that it signed are valid until they expire; then the key is removed.
    Retired,
}

/// A key that signs access tokens.
#[derive(Debug, Clone, Object, Serialize)]
pub struct SigningKeyBody {
    /// The key's id, which is in the footer of tokens: `k4.pid.…`.
    pub id: String,
    /// Where the key is in its life.
    pub state: KeyState,
    /// When the key starts to sign.
    pub active_from: Instant,
    /// When the key stops to sign.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Instant>,
}

/// The keys that sign access tokens, oldest first.
#[derive(Debug, Clone, Object, Serialize)]
pub struct SigningKeys {
    /// All keys whose tokens are accepted.
    pub items: Vec<SigningKeyBody>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Keys")]
impl Keys {
    /// List signing keys
    #[oai(path = "/keys", method = "get", operation_id = "listSigningKeys")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<SigningKeys>, ApiError> {
        // The list of public keys needs no token, so the scope is checked with a list that needs it.
        let authorized = contracts::auth::ListClients { after: None, limit: 1 };
        self.client
            .call(&caller.call(), authorized)
            .await
            .map_err(|failure| edge::api_error(failure, problem))?;
        Ok(Json(body(self.keys(&caller.call()).await?)))
    }

    /// Rotate signing keys
    ///
    /// Generates a key. It is announced at once and signs after a minute; the key before it is then retired, and tokens that
    /// it signed stay valid until they expire. Nobody is signed out. While a key is announced, the request has no effect.
    /// Keys also rotate by themselves, every 30 days.
    #[oai(path = "/keys", method = "post", operation_id = "rotateSigningKeys")]
    async fn rotate(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: SignedIn,
    ) -> Result<Json<SigningKeys>, ApiError> {
        let call = caller.call();
        self.client.call(&call, RotateKeys).await.map_err(|failure| edge::api_error(failure, problem))?;
        let deadline = tokio::time::Instant::now() + GENERATED_WITHIN;
        loop {
            let keys = self.keys(&call).await?;
            let announced = keys.iter().any(|key| state(key, Timestamp::wall_clock()) == KeyState::Announced);
            if announced || tokio::time::Instant::now() > deadline {
                return Ok(Json(body(keys)));
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// Withdraw a signing key
    ///
    /// For a key that may be known to others: tokens that it signed become invalid within seconds, and clients must sign in
    /// again. The only active key cannot be withdrawn: rotate keys first, and wait until the new one is active.
    #[oai(path = "/keys/:key_id", method = "delete", operation_id = "withdrawSigningKey")]
    async fn withdraw(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: SignedIn,
        /// The key's id
        key_id: param::Path<String>,
    ) -> Result<NoContent, ApiError> {
        let withdrawn = self.client.call(&caller.call(), WithdrawKey { id: key_id.0 }).await;
        withdrawn.map(|()| NoContent).map_err(|failure| edge::api_error(failure, problem))
    }
}

impl Keys {
    async fn keys(&self, call: &Call) -> Result<Vec<PublishedKey>, ApiError> {
        self.client.call(call, ListKeys).await.map_err(|failure| edge::api_error(failure, problem))
    }
}

fn body(keys: Vec<PublishedKey>) -> SigningKeys {
    let now = Timestamp::wall_clock();
    let items = keys.into_iter().map(|key| SigningKeyBody {
        state: state(&key, now),
        id: key.id,
        active_from: key.active_from.into(),
        retired_at: key.retired_at.map(Into::into),
    });
    SigningKeys { items: items.collect() }
}

fn state(key: &PublishedKey, now: Timestamp) -> KeyState {
    if key.active_from > now {
        KeyState::Announced
    } else if key.retired_at.is_some_and(|at| at <= now) {
        KeyState::Retired
    } else {
        KeyState::Active
    }
}
