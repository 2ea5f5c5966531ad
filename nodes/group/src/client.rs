//! Calling a service from anywhere in the cluster: by contract, never by address.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use contract::{Access, Contract, Principal, Route, Slot, codec};
use futures::future::BoxFuture;
use tokio::time::Instant;

/// Who calls, until when, and under which idempotency key.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller's access token; none for nobody. Verified by the group that receives the call.
    pub token: Option<Arc<str>>,
    /// After this nobody waits for the answer any more.
    pub deadline: Instant,
    /// The client's idempotency key, already hashed with its scope; without one each call is a new command.
    pub key: Option<u128>,
    /// For logs.
    pub request_id: Arc<str>,
}

impl Call {
    /// A call by nobody.
    pub fn anonymous(timeout: Duration) -> Self {
        Self { token: None, deadline: Instant::now() + timeout, key: None, request_id: "-".into() }
    }

    /// A call with an access token.
    pub fn bearer(token: impl Into<Arc<str>>, timeout: Duration) -> Self {
        Self { token: Some(token.into()), ..Self::anonymous(timeout) }
    }

    /// The same call under a client's `Idempotency-Key`. The kernel adds the caller to the scope: the same key of
    /// another caller is another key.
    #[must_use]
    pub fn with_key(&self, operation: &str, owner: &str, key: &str) -> Self {
        let key = codec::hash128(&[operation.as_bytes(), owner.as_bytes(), key.as_bytes()]);
        Self { key: Some(key), ..self.clone() }
    }
}

/// Why a call brought no answer of the domain's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Failure<R> {
    /// The domain's "no".
    #[error("refused")]
    Refused(R),
    /// No token, or none that is valid now.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// A valid token that does not allow this.
    #[error("the token lacks one of the scopes {0:?}")]
    Forbidden(Vec<String>),
    /// The same idempotency key came with another body before.
    #[error("this idempotency key was used with another request")]
    KeyReused,
    /// Not now, and retryable.
    #[error(transparent)]
    Unavailable(Unavailable),
}

/// The kernel's "not now".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("unavailable: {why}")]
pub struct Unavailable {
    /// What is missing.
    pub why: Why,
    /// When to try again.
    pub retry_after_secs: u32,
}

/// What makes a service unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Why {
    /// More calls than the mailbox takes.
    #[error("overloaded")]
    Overloaded,
    /// Nobody leads the group now.
    #[error("no leader")]
    NoLeader,
    /// The answer did not come in time. The command may still be applied: repeat it under the same key.
    #[error("no answer in time")]
    Deadline,
    /// The group was stopped because applying a command failed on every attempt.
    #[error("quarantined")]
    Quarantined,
    /// The disk is full or refuses writes.
    #[error("the store takes no writes: {0}")]
    Store(String),
    /// No such service in this cluster.
    #[error("no service `{0}` here")]
    NoService(String),
    /// This caller has too many idempotency keys alive.
    #[error("too many requests remembered for this caller")]
    TooManyKeys,
}

impl Unavailable {
    /// With the usual pause before another attempt: one second.
    pub fn new(why: Why) -> Self {
        Self { why, retry_after_secs: 1 }
    }
}

impl<R> From<Unavailable> for Failure<R> {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// Whether `principal` may, by the contract's rule: nobody is told to sign in, somebody what is missing.
/// # Errors
/// See [`Failure`].
pub fn check_access<R>(principal: &Principal, access: Access) -> Result<(), Failure<R>> {
    if access.allows(principal) {
        Ok(())
    } else if principal.is_anonymous() {
        Err(Failure::Unauthenticated("a bearer token is needed".to_owned()))
    } else {
        Err(Failure::Forbidden(access.scopes.iter().map(|scope| (*scope).to_owned()).collect()))
    }
}

/// A group that is on this node, by its contract's types.
pub trait Port<C: Contract>: Send + Sync {
    /// Has a command applied.
    fn command<'a>(
        &'a self,
        call: &'a Call,
        command: C::Command,
    ) -> BoxFuture<'a, Result<C::Reply, Failure<C::Refusal>>>;
    /// Has a query answered.
    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: C::Query,
    ) -> BoxFuture<'a, Result<C::Answer, Failure<C::Refusal>>>;
}

/// Rows of one group's outbox on their way to another group.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Delivery {
    /// The sending group, behind the epoch of its cluster: `1/reservations/0`.
    pub source: String,
    /// No row below this one will come again.
    pub floor: u64,
    /// Row number and encoded command, in order.
    pub rows: Vec<(u64, Vec<u8>)>,
}

/// A group as the outboxes of others see it, whatever its contract.
pub trait Inlet: Send + Sync {
    /// Applies the rows that were not applied before, up to the first that is refused. For each of these, nothing or why
    /// it was refused; those behind them have to come again.
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>>;
}

/// Where groups are. The kernel routes by it and leaves to others how it is known.
pub trait Placement: Send + Sync + 'static {
    /// How many shards a service has; none when the cluster has no such service.
    fn shards(&self, service: &str) -> Option<u16>;
    /// The group's port on this node: an `Arc<dyn Port<C>>` inside an `Any`.
    ///
    /// # Errors
    /// When the group cannot be reached now.
    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable>;
    /// The group's inlet for outboxes.
    ///
    /// # Errors
    /// When the group cannot be reached now.
    fn inlet(&self, service: &str, shard: u16) -> Result<Arc<dyn Inlet>, Unavailable>;
}

/// A handle to call services with. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    placement: Arc<dyn Placement>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// A client that finds groups by `placement`.
    pub fn new(placement: Arc<dyn Placement>) -> Self {
        Self { placement }
    }

    /// Has a command applied, once: retried under one id until the call's deadline.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn command<C: Contract>(
        &self,
        call: &Call,
        command: C::Command,
    ) -> Result<C::Reply, Failure<C::Refusal>> {
        let Route::Slot(slot) = C::route_command(&command) else { panic!("a command goes to one shard") };
        let port = self.port::<C>(slot.shard(self.shards::<C>()?))?;
        port.command(call, command).await
    }

    /// Has a query answered by the shard that it belongs to.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn query<C: Contract>(
        &self,
        call: &Call,
        query: C::Query,
    ) -> Result<C::Answer, Failure<C::Refusal>> {
        let shard = match C::route_query(&query) {
            Route::Slot(slot) => slot.shard(self.shards::<C>()?),
            Route::Every => 0,
        };
        self.port::<C>(shard)?.query(call, query).await
    }

    /// Has a query answered by every shard, in shard order.
    ///
    /// # Errors
    /// See [`Failure`]; the first shard that fails fails the whole.
    pub async fn query_every<C: Contract>(
        &self,
        call: &Call,
        query: C::Query,
    ) -> Result<Vec<C::Answer>, Failure<C::Refusal>> {
        let ports =
            (0..self.shards::<C>()?).map(|shard| self.port::<C>(shard)).collect::<Result<Vec<_>, _>>()?;
        futures::future::try_join_all(ports.iter().map(|port| port.query(call, query.clone()))).await
    }

    /// The shard of a slot, for callers that gather what may travel together.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn shard_of<C: Contract>(&self, slot: Slot) -> Result<u16, Unavailable> {
        Ok(slot.shard(self.shards::<C>()?))
    }

    /// Carries rows of an outbox to the group that they are for.
    ///
    /// # Errors
    /// See [`Failure`]; nothing is refused as a whole.
    pub async fn deliver(
        &self,
        call: &Call,
        service: &str,
        shard: u16,
        delivery: Delivery,
    ) -> Result<Vec<Option<String>>, Failure<()>> {
        self.placement.inlet(service, shard)?.deliver(call, delivery).await
    }

    /// How many shards a service has, if there is one of that name.
    pub fn shards_of(&self, service: &str) -> Option<u16> {
        self.placement.shards(service)
    }

    fn shards<C: Contract>(&self) -> Result<u16, Unavailable> {
        let missing = || Unavailable::new(Why::NoService(C::SERVICE.to_owned()));
        self.placement.shards(C::SERVICE).ok_or_else(missing)
    }

    fn port<C: Contract>(&self, shard: u16) -> Result<Arc<dyn Port<C>>, Unavailable> {
        let port = self.placement.local(C::SERVICE, shard)?;
        let port = port.downcast::<Arc<dyn Port<C>>>().expect("a group's port speaks its own contract");
        Ok(Arc::clone(&port))
    }
}

/// Where a service gets the tokens with which it calls others.
pub trait Credentials: Send + Sync + 'static {
    /// A token of `svc:SERVICE`, acting for `on_behalf_of` if given.
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>>;
}

/// What an effect is given: its stable name, and the means to call other services.
#[derive(Clone)]
pub struct EffectContext {
    /// The same at each attempt and after each restart: `reservations/0:1234:0`, behind the cluster's id.
    pub id: String,
    /// How often it was attempted before.
    pub attempt: u32,
    /// To call others with.
    pub client: Client,
    /// Whose effect it is.
    pub service: &'static str,
    /// Where [`EffectContext::call`] gets its tokens.
    pub credentials: Arc<dyn Credentials>,
}

impl EffectContext {
    /// A call of this service in its own name.
    ///
    /// # Errors
    /// When no token can be had now.
    pub async fn call(&self, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, None).await?, timeout))
    }

    /// A call of this service for somebody.
    ///
    /// # Errors
    /// When no token can be had now.
    pub async fn call_for(&self, on_behalf_of: &str, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, Some(on_behalf_of)).await?, timeout))
    }
}
