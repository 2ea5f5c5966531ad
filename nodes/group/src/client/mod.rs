//! Calling a service anywhere in the cluster, by its contract.

mod call;
mod command;
mod context;
mod failure;
mod placement;
mod retry;
mod typed;
pub mod wire;

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{Contract, Route, Slot, codec};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use call::{Attempt, Call};
pub use command::EncodedCommand;
pub use context::{Credentials, EffectContext, StateReader};
pub use failure::{Failure, Unavailable, Why, check_access};
pub use placement::{Delivery, GroupHandle, Inbox, Placement, Target, Transport, TransportError};
use retry::RetryPolicy;
use wire::CallKind;

/// Calls services. Cheap to clone.
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

    /// Has a command applied once: attempts are repeated under one id until the call's deadline.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn command<C: Contract>(
        &self,
        call: &Call,
        command: C::Command,
    ) -> Result<C::Reply, Failure<C::Refusal>> {
        let Route::Slot(slot) = C::route_command(&command) else { panic!("a command goes to one shard") };
        let shard = slot.shard(self.shards::<C>()?);
        let command = EncodedCommand::<C>::encode(command);
        let mut attempt = Attempt::first();
        let mut retry = RetryPolicy::for_write(&*self.placement, C::SERVICE, shard, call.deadline);
        loop {
            let result = match retry.target() {
                Ok(Target::Local(group)) => handle_of::<C>(&group).command(call, attempt, &command).await,
                Ok(Target::Remote(node)) => {
                    let kind = CallKind::Command { attempt, key: call.key };
                    self.call_remote(&node, C::SERVICE, shard, call, kind, command.bytes()).await
                }
                Err(unavailable) => Err(unavailable.into()),
            };
            match result {
                Ok(reply) => return Ok(reply),
                Err(failure) => retry.wait(failure).await?,
            }
            attempt.repeat = retry.is_repeat();
        }
    }

    /// Has a query answered by the shard that it belongs to. Attempts are repeated until the call's deadline.
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
            Route::AllShards => 0,
        };
        self.query_shard::<C>(call, shard, &query).await
    }

    /// Has a query answered by every shard; the answers are in shard order.
    ///
    /// # Errors
    /// See [`Failure`]; fails when one shard fails.
    pub async fn query_every<C: Contract>(
        &self,
        call: &Call,
        query: C::Query,
    ) -> Result<Vec<C::Answer>, Failure<C::Refusal>> {
        let shards = 0..self.shards::<C>()?;
        futures::future::try_join_all(shards.map(|shard| self.query_shard::<C>(call, shard, &query))).await
    }

    /// The shard of a slot, for callers that group commands by shard.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn shard_of<C: Contract>(&self, slot: Slot) -> Result<u16, Unavailable> {
        Ok(slot.shard(self.shards::<C>()?))
    }

    /// Delivers rows of an outbox to the leader of their destination. Attempts are repeated until the call's deadline.
    ///
    /// # Errors
    /// See [`Failure`]. Refusals of single rows are in the result.
    pub async fn deliver(
        &self,
        call: &Call,
        service: &str,
        shard: u16,
        delivery: Delivery,
    ) -> Result<Vec<Option<String>>, Failure<()>> {
        let mut retry = RetryPolicy::for_write(&*self.placement, service, shard, call.deadline);
        loop {
            let result = match retry.target() {
                Ok(Target::Local(_)) => match self.placement.inbox(service, shard) {
                    Ok(inbox) => inbox.deliver(call, &delivery).await,
                    Err(unavailable) => Err(unavailable.into()),
                },
                Ok(Target::Remote(node)) => {
                    let payload = codec::encode(&delivery);
                    self.call_remote(&node, service, shard, call, CallKind::Deliver, &payload).await
                }
                Err(unavailable) => Err(unavailable.into()),
            };
            match result {
                Ok(results) => return Ok(results),
                Err(failure) => retry.wait(failure).await?,
            }
        }
    }

    /// The number of shards of a service, if there is one of that name.
    pub fn shards_of(&self, service: &str) -> Option<u16> {
        self.placement.shards(service)
    }

    /// See [`Placement::changed`].
    pub fn changed(&self) -> BoxFuture<'static, ()> {
        self.placement.changed()
    }

    fn shards<C: Contract>(&self) -> Result<u16, Unavailable> {
        let missing = || Unavailable::new(Why::NoService(C::SERVICE.to_owned()));
        self.placement.shards(C::SERVICE).ok_or_else(missing)
    }

    async fn query_shard<C: Contract>(
        &self,
        call: &Call,
        shard: u16,
        query: &C::Query,
    ) -> Result<C::Answer, Failure<C::Refusal>> {
        let consistency = C::query_consistency(query);
        let mut retry =
            RetryPolicy::for_read(&*self.placement, C::SERVICE, shard, call.deadline, consistency);
        loop {
            let result = match retry.target() {
                Ok(Target::Local(group)) => handle_of::<C>(&group).query(call, query.clone()).await,
                Ok(Target::Remote(node)) => {
                    let payload = codec::encode(query);
                    self.call_remote(&node, C::SERVICE, shard, call, CallKind::Query, &payload).await
                }
                Err(unavailable) => Err(unavailable.into()),
            };
            match result {
                Ok(answer) => return Ok(answer),
                Err(failure) => retry.wait(failure).await?,
            }
        }
    }

    /// One attempt at another node.
    async fn call_remote<T: DeserializeOwned, R: DeserializeOwned>(
        &self,
        node: &str,
        service: &str,
        shard: u16,
        call: &Call,
        kind: CallKind,
        payload: &[u8],
    ) -> Result<T, Failure<R>> {
        let left = call.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Unavailable::new(Why::Deadline).into());
        }
        let Some(transport) = self.placement.transport() else {
            return Err(Unavailable::new(Why::NoLeader).into());
        };
        let group = format!("{service}/{shard}");
        let why = match transport.call(node, &group, wire::encode(call, kind, payload), left).await {
            Ok(bytes) => match codec::decode::<Result<T, Failure<R>>>(&bytes) {
                Ok(result) => return result,
                // The call may have been executed; a repeated attempt gets the same result.
                Err(unreadable) => {
                    tracing::warn!(node, group, %unreadable, "cannot read a response");
                    Why::Unknown
                }
            },
            Err(error) => {
                tracing::debug!(node, group, request_id = &*call.request_id, %error, "a call failed");
                match error {
                    TransportError::NotSent(_) => Why::NoLeader,
                    TransportError::Busy => Why::Busy,
                    TransportError::Lost => Why::Unknown,
                    TransportError::Timeout => Why::Deadline,
                }
            }
        };
        Err(Unavailable::new(why).into())
    }
}

fn handle_of<C: Contract>(group: &Arc<dyn Any + Send + Sync>) -> &dyn GroupHandle<C> {
    &**group.downcast_ref::<Arc<dyn GroupHandle<C>>>().expect("a group has the handle of its contract")
}
