//! The door of a hosted group: bounded, and checked before anything goes further.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures::future::BoxFuture;
use group::engine::Entry;
use group::{
    Answer, Attempt, Call, Command, Cost, Delivery, Failure, Inlet, Port, Query, Refusal, Reply, Service,
    Unavailable, Why, check_access,
};
use protocol::{Access, Contract, Principal, Timestamp, codec};
use ractor::ActorRef;
use token::{Rejected, Verifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::calls::core::{Core, Gate};
use crate::calls::front::{self, FrontMessage};
use crate::change_notifier::ChangeNotifier;
use crate::limits::Limits;

/// What is open of a group on this node now.
pub(crate) struct OpenReplica<S: Service> {
    pub core: Arc<Core<S>>,
    pub front: ActorRef<FrontMessage<S>>,
}

impl<S: Service> Clone for OpenReplica<S> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), front: self.front.clone() }
    }
}

/// A group on this node, open or not: what callers hold across its restarts.
pub(crate) struct Door<S: Service> {
    pub verifier: Arc<Verifier>,
    pub limits: Limits,
    /// Told when the group opens, closes or changes its leader.
    pub changes: Arc<ChangeNotifier>,
    /// What is proposed goes through it.
    pub gate: Arc<Gate>,
    /// Calls that were let in since the door was made.
    calls: AtomicU64,
    /// How often the replica was opened again after a failure.
    restarts: AtomicU32,
    room: Arc<Semaphore>,
    state: RwLock<ReplicaState<S>>,
    keys: Mutex<KeyCounts>,
}

/// How a group stands on this node.
pub(crate) enum ReplicaState<S: Service> {
    /// Being opened.
    Opening,
    /// Serving, as far as it has a leader.
    Open(OpenReplica<S>),
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
    pub fn new(verifier: Arc<Verifier>, limits: Limits, changes: Arc<ChangeNotifier>) -> Self {
        let room = Arc::new(Semaphore::new(limits.calls_max));
        let (calls, restarts) = (AtomicU64::new(0), AtomicU32::new(0));
        let state = RwLock::new(ReplicaState::Opening);
        Self {
            verifier,
            limits,
            changes,
            gate: Arc::default(),
            calls,
            restarts,
            room,
            state,
            keys: Mutex::default(),
        }
    }

    pub fn set(&self, standing: ReplicaState<S>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = standing;
        self.changes.notify();
    }

    /// The replica failed.
    pub fn failed(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls let in, and failures of the replica, since the door was made.
    pub fn counts(&self) -> (u64, u32) {
        (self.calls.load(Ordering::Relaxed), self.restarts.load(Ordering::Relaxed))
    }

    pub fn live(&self) -> Result<OpenReplica<S>, Unavailable> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            ReplicaState::Open(live) => Ok(live.clone()),
            ReplicaState::Opening | ReplicaState::Closed => Err(Unavailable::new(Why::NoLeader)),
            ReplicaState::Quarantined(_) => Err(Unavailable::new(Why::Quarantined)),
        }
    }

    /// Whether the replica is open and leads.
    pub fn leads(&self) -> bool {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            ReplicaState::Open(live) => live.core.consensus.is_leader(),
            ReplicaState::Opening | ReplicaState::Closed | ReplicaState::Quarantined(_) => false,
        }
    }

    pub fn is_open(&self) -> bool {
        matches!(&*self.state.read().unwrap_or_else(PoisonError::into_inner), ReplicaState::Open(_))
    }

    pub fn quarantined(&self) -> Option<String> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            ReplicaState::Quarantined(why) => Some(why.clone()),
            ReplicaState::Opening | ReplicaState::Open(_) | ReplicaState::Closed => None,
        }
    }

    /// Calls that are being answered now.
    pub fn busy(&self) -> usize {
        self.limits.calls_max - self.room.available_permits()
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| {
            metrics::counter!("auberge_calls_refused_total", "service" => S::Contract::SERVICE).increment(1);
            Unavailable::new(Why::Overloaded)
        })
    }

    fn admit<R>(&self, call: &Call, access: Access) -> Result<Arc<Principal>, Failure<R>> {
        let principal = match call.token.as_deref() {
            None => Arc::new(Principal::anonymous()),
            Some(token) => self.verifier.verify(token, Timestamp::wall_clock()).map_err(|rejected| {
                // Who has just started, and has heard of no key yet, cannot tell whether the token is good.
                if rejected == Rejected::NoKeys {
                    Failure::Unavailable(Unavailable::new(Why::NoLeader))
                } else {
                    Failure::Unauthenticated(rejected.to_string())
                }
            })?,
        };
        check_access(&principal, access)?;
        Ok(principal)
    }

    /// A client's key within its caller's scope. Counted at its first attempt, so that nobody fills the store with keys.
    fn scoped_key(&self, caller: &Principal, key: u128, repeat: bool) -> Result<u128, Unavailable> {
        let actor = codec::hash128(&[caller.effective_subject().as_bytes()]);
        let scoped = codec::hash128(&[&actor.to_be_bytes(), &key.to_be_bytes()]);
        if repeat {
            return Ok(scoped);
        }
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
        Ok(scoped)
    }

    async fn ask<T, R>(
        &self,
        call: &Call,
        live: &OpenReplica<S>,
        message: impl FnOnce(OwnedSemaphorePermit, oneshot::Sender<T>) -> FrontMessage<S>,
    ) -> Result<T, Failure<R>> {
        let (reply, answer) = oneshot::channel();
        let sent = live.front.cast(message(self.enter()?, reply));
        sent.map_err(|_| Unavailable::new(Why::NoLeader))?;
        match tokio::time::timeout_at(call.deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // It was closed in the middle of this. Unless it was given up over it, it may be done, or may still be.
            Ok(Err(_)) => Err(Unavailable::new(match self.quarantined() {
                Some(_) => Why::Quarantined,
                None => Why::Unknown,
            })
            .into()),
            Err(_) => Err(Unavailable::new(Why::Deadline).into()),
        }
    }
}

impl<S: Service> Port<S::Contract> for Door<S> {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        command: &'a Command<S>,
    ) -> BoxFuture<'a, Result<Reply<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.admit(call, S::Contract::command_access(command))?;
            let live = self.live()?;
            let (id, digest) = match call.key {
                Some(key) => {
                    let digest = codec::hash128(&[&codec::encode(command)]) as u64;
                    (self.scoped_key(&caller, key, attempt.repeat)?, digest)
                }
                // Nobody else can repeat an id that was drawn, and who drew it has one command for it.
                None => (attempt.scoped_id(caller.effective_subject()), 0),
            };
            let caller = Principal::clone(&caller);
            let entry = Entry::Command { id, digest, caller, stamp: live.core.stamp(), command };
            let entry = codec::encode(&entry);
            self.ask(call, &live, |permit, reply| FrontMessage::Command { entry, permit, reply }).await?
        })
    }

    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: Query<S>,
    ) -> BoxFuture<'a, Result<Answer<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.admit(call, S::Contract::query_access(&query))?;
            let live = self.live()?;
            if S::cost(&query) == Cost::Memory {
                // Nothing that a task of its own could wait for: the way there and back would cost more than the answer.
                let _permit = self.enter()?;
                let answer = front::from_memory(&live.core, &caller, query);
                let timely = tokio::time::timeout_at(call.deadline, answer).await;
                return timely.unwrap_or_else(|_| Err(Unavailable::new(Why::Deadline).into()));
            }
            self.ask(call, &live, |permit, reply| FrontMessage::Query { caller, query, permit, reply })
                .await?
        })
    }
}

impl<S: Service> Inlet for Door<S> {
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: &'a Delivery,
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
            let delivery = delivery.clone();
            let live = self.live()?;
            self.ask(call, &live, |permit, reply| FrontMessage::Deliver { caller, delivery, permit, reply })
                .await?
        })
    }
}
