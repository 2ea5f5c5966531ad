//! Calling a service from anywhere in the cluster: by contract, never by address.

mod call;
mod context;
mod failure;
mod placement;
mod tries;
mod typed;
pub mod wire;

use std::sync::Arc;

use futures::future::BoxFuture;
use protocol::{Contract, Route, Slot, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use call::{Attempt, Call};
pub use context::{Credentials, EffectContext};
pub use failure::{Failure, Unavailable, Why, check_access};
pub use placement::{Delivery, Inlet, Placement, Port, Way, Wire, WireError};
use tries::Tries;
use wire::Ask;

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
        let shard = slot.shard(self.shards::<C>()?);
        let mut attempt = Attempt::first();
        let mut tries = Tries::to_write(&*self.placement, C::SERVICE, shard, call.deadline);
        loop {
            let tried = match tries.way() {
                Ok(Way::Here(port)) => port_of::<C>(&port).command(call, attempt, &command).await,
                Ok(Way::There(node)) => {
                    let ask = Ask::Command { attempt, key: call.key };
                    self.ask(&node, C::SERVICE, shard, call, ask, &command).await
                }
                Err(unavailable) => Err(unavailable.into()),
            };
            match tried {
                Ok(reply) => return Ok(reply),
                Err(failure) => tries.after(failure).await?,
            }
            attempt.repeat = tries.repeat();
        }
    }

    /// Has a query answered by the shard that it belongs to: retried until the call's deadline.
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

    /// Has a query answered by every shard, in shard order.
    ///
    /// # Errors
    /// See [`Failure`]; the first shard that fails fails the whole.
    pub async fn query_every<C: Contract>(
        &self,
        call: &Call,
        query: C::Query,
    ) -> Result<Vec<C::Answer>, Failure<C::Refusal>> {
        let shards = 0..self.shards::<C>()?;
        futures::future::try_join_all(shards.map(|shard| self.query_shard::<C>(call, shard, &query))).await
    }

    /// The shard of a slot, for callers that gather what may travel together.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn shard_of<C: Contract>(&self, slot: Slot) -> Result<u16, Unavailable> {
        Ok(slot.shard(self.shards::<C>()?))
    }

    /// Carries rows of an outbox to the group that they are for: to its leader, retried until the call's deadline.
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
        let mut tries = Tries::to_write(&*self.placement, service, shard, call.deadline);
        loop {
            let tried = match tries.way() {
                Ok(Way::Here(_)) => match self.placement.inlet(service, shard) {
                    Ok(inlet) => inlet.deliver(call, &delivery).await,
                    Err(unavailable) => Err(unavailable.into()),
                },
                Ok(Way::There(node)) => self.ask(&node, service, shard, call, Ask::Deliver, &delivery).await,
                Err(unavailable) => Err(unavailable.into()),
            };
            match tried {
                Ok(answers) => return Ok(answers),
                Err(failure) => tries.after(failure).await?,
            }
        }
    }

    /// How many shards a service has, if there is one of that name.
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
        let reach = C::query_consistency(query);
        let mut tries = Tries::to_read(&*self.placement, C::SERVICE, shard, call.deadline, reach);
        loop {
            let tried = match tries.way() {
                Ok(Way::Here(port)) => port_of::<C>(&port).query(call, query.clone()).await,
                Ok(Way::There(node)) => self.ask(&node, C::SERVICE, shard, call, Ask::Query, query).await,
                Err(unavailable) => Err(unavailable.into()),
            };
            match tried {
                Ok(answer) => return Ok(answer),
                Err(failure) => tries.after(failure).await?,
            }
        }
    }

    /// One attempt at another node.
    async fn ask<P: Serialize, T: DeserializeOwned, R: DeserializeOwned>(
        &self,
        node: &str,
        service: &str,
        shard: u16,
        call: &Call,
        ask: Ask,
        payload: &P,
    ) -> Result<T, Failure<R>> {
        let left = call.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Unavailable::new(Why::Deadline).into());
        }
        let Some(wire) = self.placement.wire() else {
            return Err(Unavailable::new(Why::NoLeader).into());
        };
        let group = format!("{service}/{shard}");
        let why = match wire.call(node, &group, wire::seal(call, ask, payload), left).await {
            Ok(bytes) => match codec::decode::<Result<T, Failure<R>>>(&bytes) {
                Ok(answer) => return answer,
                // It was done, perhaps; a repeat hears the same in other words.
                Err(unreadable) => {
                    tracing::warn!(node, group, %unreadable, "an answer that cannot be read");
                    Why::Unknown
                }
            },
            Err(error) => {
                tracing::debug!(node, group, request_id = &*call.request_id, %error, "a call waits");
                match error {
                    WireError::NotSent(_) => Why::NoLeader,
                    WireError::Busy => Why::Busy,
                    WireError::Lost => Why::Unknown,
                    WireError::Timeout => Why::Deadline,
                }
            }
        };
        Err(Unavailable::new(why).into())
    }
}

fn port_of<C: Contract>(port: &Arc<dyn std::any::Any + Send + Sync>) -> &dyn Port<C> {
    &**port.downcast_ref::<Arc<dyn Port<C>>>().expect("a group's port speaks its own contract")
}
