//! The door of a hosted group: bounded, and checked before anything goes further.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract::{Access, Contract, Principal, Timestamp, codec};
use futures::future::BoxFuture;
use group::{
    Answer, Call, Command, Cost, Delivery, Failure, Inlet, Port, Query, Refusal, Reply, Service, Unavailable,
    Why, check_access,
};
use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::core::Core;
use crate::front::{self, FrontMessage};
use crate::settings::Limits;

/// What is open of a group on this node now.
pub(crate) struct Live<S: Service> {
    pub core: Arc<Core<S>>,
    pub front: ActorRef<FrontMessage<S>>,
}

impl<S: Service> Clone for Live<S> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), front: self.front.clone() }
    }
}

/// A group on this node, open or not: what callers hold across its restarts.
pub(crate) struct Door<S: Service> {
    pub verifier: Arc<token::Verifier>,
    pub limits: Limits,
    room: Arc<Semaphore>,
    state: RwLock<Standing<S>>,
    keys: Mutex<KeyCounts>,
}

/// How a group stands on this node.
pub(crate) enum Standing<S: Service> {
    /// Being opened.
    Opening,
    /// Serving, as far as it has a leader.
    Open(Live<S>),
    /// Given up after repeated failures; the reason.
    Quarantined(String),
    /// Shut down in good order.
    Closed,
}

/// Idempotency keys by caller in the current hour.
#[derive(Default)]
struct KeyCounts {
    hour: i64,
    callers: HashMap<u128, u32>,
}

impl<S: Service> Door<S> {
    pub fn new(verifier: Arc<token::Verifier>, limits: Limits) -> Self {
        let room = Arc::new(Semaphore::new(limits.calls_max));
        Self { verifier, limits, room, state: RwLock::new(Standing::Opening), keys: Mutex::default() }
    }

    pub fn set(&self, standing: Standing<S>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    pub fn live(&self) -> Result<Live<S>, Unavailable> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Open(live) => Ok(live.clone()),
            Standing::Opening | Standing::Closed => Err(Unavailable::new(Why::NoLeader)),
            Standing::Quarantined(_) => Err(Unavailable::new(Why::Quarantined)),
        }
    }

    pub fn quarantined(&self) -> Option<String> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Quarantined(why) => Some(why.clone()),
            Standing::Opening | Standing::Open(_) | Standing::Closed => None,
        }
    }

    /// Calls that are being answered now.
    pub fn busy(&self) -> usize {
        self.limits.calls_max - self.room.available_permits()
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            metrics::counter!("auberge_calls_refused_total", "service" => S::Contract::SERVICE).increment(1);
            Unavailable::new(Why::Overloaded)
        })
    }

    fn admit<R>(&self, call: &Call, access: Access) -> Result<Arc<Principal>, Failure<R>> {
        let principal = match call.token.as_deref() {
            None => Arc::new(Principal::anonymous()),
            Some(token) => self
                .verifier
                .verify(token, Timestamp::wall_clock())
                .map_err(|rejected| Failure::Unauthenticated(rejected.to_string()))?,
        };
        check_access(&principal, access)?;
        Ok(principal)
    }

    /// A client's key within its caller's scope. Counted, so that nobody fills the store with keys.
    fn scoped_key(&self, caller: &Principal, key: u128) -> Result<u128, Unavailable> {
        let actor = codec::hash128(&[caller.actor().as_bytes()]);
        let hour = Timestamp::wall_clock().seconds() / 3600;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.hour != hour {
            *keys = KeyCounts { hour, callers: HashMap::new() };
        }
        let count = keys.callers.entry(actor).or_default();
        if *count >= self.limits.keys_per_caller_max {
            return Err(Unavailable { why: Why::TooManyKeys, retry_after_secs: 600 });
        }
        *count += 1;
        Ok(codec::hash128(&[&actor.to_be_bytes(), &key.to_be_bytes()]))
    }

    async fn ask<T, R>(
        &self,
        call: &Call,
        message: impl FnOnce(OwnedSemaphorePermit, oneshot::Sender<T>) -> FrontMessage<S>,
    ) -> Result<T, Failure<R>> {
        let live = self.live()?;
        let (reply, answer) = oneshot::channel();
        let sent = live.front.cast(message(self.enter()?, reply));
        sent.map_err(|_| Unavailable::new(Why::NoLeader))?;
        match tokio::time::timeout_at(call.deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(self.live().err().unwrap_or_else(|| Unavailable::new(Why::Deadline)).into()),
            Err(_) => Err(Unavailable::new(Why::Deadline).into()),
        }
    }
}

impl<S: Service> Port<S::Contract> for Door<S> {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        command: Command<S>,
    ) -> BoxFuture<'a, Result<Reply<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.admit(call, S::Contract::command_access(&command))?;
            let key = call.key.map(|key| self.scoped_key(&caller, key)).transpose()?;
            let caller = Principal::clone(&caller);
            self.ask(call, |permit, reply| FrontMessage::Command { caller, key, command, permit, reply })
                .await?
        })
    }

    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: Query<S>,
    ) -> BoxFuture<'a, Result<Answer<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.admit(call, S::Contract::query_access(&query))?;
            if S::cost(&query) == Cost::Memory {
                // Nothing that a task of its own could wait for: the way there and back would cost more than the answer.
                let (live, _permit) = (self.live()?, self.enter()?);
                let answer = front::from_memory(&live.core, &caller, query);
                let timely = tokio::time::timeout_at(call.deadline, answer).await;
                return timely.unwrap_or_else(|_| Err(Unavailable::new(Why::Deadline).into()));
            }
            self.ask(call, |permit, reply| FrontMessage::Query { caller, query, permit, reply }).await?
        })
    }
}

impl<S: Service> Inlet for Door<S> {
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>> {
        Box::pin(async move {
            for (_, command) in &delivery.rows {
                // What cannot be read is refused row by row when it is applied.
                if let Ok(command) = codec::decode::<Command<S>>(command) {
                    self.admit(call, S::Contract::command_access(&command))?;
                }
            }
            let caller = self.admit(call, Access::ANYONE)?;
            let Some(service) = caller.as_service() else {
                return Err(Failure::Unauthenticated("only services deliver".to_owned()));
            };
            if delivery.source.split('/').nth(1) != Some(service) {
                return Err(Failure::Forbidden(Vec::new()));
            }
            let caller = Principal::clone(&caller);
            self.ask(call, |permit, reply| FrontMessage::Deliver { caller, delivery, permit, reply }).await?
        })
    }
}
