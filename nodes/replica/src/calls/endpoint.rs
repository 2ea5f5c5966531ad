//! Where a replica receives calls: a bounded queue, authentication, and the access rules of the contract.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use consensus::ApplyResult;
use futures::future::BoxFuture;
use group::engine::{Applied, Entry, EntryResult, KernelResult, poll};
use group::{
    Answer, Attempt, Call, Delivery, EncodedCommand, Failure, GroupHandle, Inbox, Query, Refusal, Reply,
    Service, Unavailable, Why, check_access,
};
use protocol::{Access, Contract, Principal, Timestamp, codec};
use token::{Rejected, Verifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::core::{Core, Gate, downcast, unavailable};
use super::key_counts::KeyCounts;
use super::proposer::{Proposal, Proposals};
use super::query::answer;
use crate::change_notifier::ChangeNotifier;
use crate::limits::Limits;

/// The parts of an open replica that calls use.
pub(crate) struct OpenReplica {
    pub core: Arc<Core>,
    pub proposals: Proposals,
    /// Bounds the heavy queries of the node.
    pub heavy: Arc<Semaphore>,
}

/// Receives the calls to a replica on this node. Callers keep it while the replica is closed and opened again.
pub(crate) struct ReplicaEndpoint {
    /// The name of the service.
    service: &'static str,
    pub verifier: Arc<Verifier>,
    pub limits: Limits,
    /// Notified when the replica opens or closes, or its group's leader changes.
    pub changes: Arc<ChangeNotifier>,
    /// See [`Gate`].
    pub gate: Arc<Gate>,
    /// Calls since this was created.
    calls: AtomicU64,
    /// Failures of the replica since this was created.
    restarts: AtomicU32,
    capacity: Arc<Semaphore>,
    state: RwLock<ReplicaState>,
    keys: KeyCounts,
}

/// The state of a replica on this node.
pub(crate) enum ReplicaState {
    Opening,
    /// Open; it serves while its group has a leader.
    Open(Arc<OpenReplica>),
    /// Closed after repeated failures, with the reason.
    Quarantined(String),
    /// Shut down.
    Closed,
}

impl ReplicaEndpoint {
    pub fn new(
        service: &'static str,
        verifier: Arc<Verifier>,
        limits: Limits,
        changes: Arc<ChangeNotifier>,
    ) -> Self {
        Self {
            service,
            capacity: Arc::new(Semaphore::new(limits.calls_max)),
            verifier,
            limits,
            changes,
            gate: Arc::default(),
            calls: AtomicU64::new(0),
            restarts: AtomicU32::new(0),
            state: RwLock::new(ReplicaState::Opening),
            keys: KeyCounts::default(),
        }
    }

    pub fn set(&self, state: ReplicaState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.changes.notify();
    }

    /// Counts a failure of the replica.
    pub fn failed(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of calls, and of failures of the replica, since this was created.
    pub fn counts(&self) -> (u64, u32) {
        (self.calls.load(Ordering::Relaxed), self.restarts.load(Ordering::Relaxed))
    }

    /// The open replica.
    ///
    /// # Errors
    /// When it is not open.
    pub fn open_replica(&self) -> Result<Arc<OpenReplica>, Unavailable> {
        match &*self.state() {
            ReplicaState::Open(open) => Ok(Arc::clone(open)),
            ReplicaState::Opening | ReplicaState::Closed => Err(Unavailable::new(Why::NoLeader)),
            ReplicaState::Quarantined(_) => Err(Unavailable::new(Why::Quarantined)),
        }
    }

    /// Whether the replica is open and leads.
    pub fn leads(&self) -> bool {
        match &*self.state() {
            ReplicaState::Open(open) => open.core.consensus.is_leader(),
            ReplicaState::Opening | ReplicaState::Closed | ReplicaState::Quarantined(_) => false,
        }
    }

    pub fn is_open(&self) -> bool {
        matches!(&*self.state(), ReplicaState::Open(_))
    }

    /// Why the replica was quarantined, if it was.
    pub fn quarantined(&self) -> Option<String> {
        match &*self.state() {
            ReplicaState::Quarantined(why) => Some(why.clone()),
            ReplicaState::Opening | ReplicaState::Open(_) | ReplicaState::Closed => None,
        }
    }

    /// The number of calls in progress.
    pub fn busy(&self) -> usize {
        self.limits.calls_max - self.capacity.available_permits()
    }

    fn state(&self) -> RwLockReadGuard<'_, ReplicaState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Unavailable> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.capacity).try_acquire_owned().map_err(|_| {
            metrics::counter!("auberge_calls_refused_total", "service" => self.service).increment(1);
            Unavailable::new(Why::Overloaded)
        })
    }

    fn authenticate<R>(&self, call: &Call) -> Result<Arc<Principal>, Failure<R>> {
        let Some(token) = call.token.as_deref() else { return Ok(Arc::new(Principal::anonymous())) };
        self.verifier.verify(token, Timestamp::wall_clock()).map_err(|rejected| {
            // A node that has just started has no keys yet: the token may be valid.
            if rejected == Rejected::NoKeys {
                Failure::Unavailable(Unavailable::new(Why::NoLeader))
            } else {
                Failure::Unauthenticated(rejected.to_string())
            }
        })
    }

    fn authorize<R>(&self, call: &Call, access: Access) -> Result<Arc<Principal>, Failure<R>> {
        let principal = self.authenticate(call)?;
        check_access(&principal, access)?;
        Ok(principal)
    }

    /// A client's idempotency key in the scope of its caller. Counted on its first attempt, so that no caller fills the
    /// store with keys.
    fn scoped_key(&self, caller: &Principal, key: u128, repeat: bool) -> Result<u128, Unavailable> {
        let actor = codec::hash128(&[caller.effective_subject().as_bytes()]);
        let scoped = codec::hash128(&[&actor.to_be_bytes(), &key.to_be_bytes()]);
        if repeat || self.keys.add(actor, self.limits.keys_per_caller_max) {
            Ok(scoped)
        } else {
            Err(Unavailable { why: Why::TooManyKeys, retry_after_secs: 600 })
        }
    }

    /// Has an encoded entry committed and applied. The call counts as in progress until the entry is applied, also when
    /// the caller stops waiting.
    async fn propose(
        &self,
        call: &Call,
        open: &OpenReplica,
        entry: Vec<u8>,
    ) -> Result<ApplyResult, Unavailable> {
        let permit = self.enter()?;
        let (sender, receiver) = oneshot::channel();
        let done = move |result| {
            // The receiver is gone when the caller has stopped waiting.
            let _ = sender.send(result);
            drop(permit);
        };
        open.proposals.push(Proposal { entry, done: Box::new(done) })?;
        let waiting = async {
            match receiver.await {
                Ok(result) => result.map_err(unavailable),
                Err(_) => Err(self.closed(open).await),
            }
        };
        let timely = tokio::time::timeout_at(call.deadline, waiting).await;
        timely.unwrap_or_else(|_| Err(Unavailable::new(Why::Deadline)))
    }

    /// The replica was closed while a proposal was in progress. The entry may be applied, unless it was the reason.
    async fn closed(&self, open: &OpenReplica) -> Unavailable {
        let failure = unavailable(open.core.consensus.dropped_proposal().await);
        if failure.why == Why::Unknown && self.quarantined().is_some() {
            return Unavailable::new(Why::Quarantined);
        }
        failure
    }
}

/// A replica's endpoint with the types of its service's contract.
pub(crate) struct TypedEndpoint<S> {
    endpoint: Arc<ReplicaEndpoint>,
    service: PhantomData<fn() -> S>,
}

impl<S> TypedEndpoint<S> {
    pub fn new(endpoint: Arc<ReplicaEndpoint>) -> Self {
        Self { endpoint, service: PhantomData }
    }
}

impl<S> Deref for TypedEndpoint<S> {
    type Target = ReplicaEndpoint;

    fn deref(&self) -> &Self::Target {
        &self.endpoint
    }
}

impl<S: Service> GroupHandle<S::Contract> for TypedEndpoint<S> {
    fn command<'a>(
        &'a self,
        call: &'a Call,
        attempt: Attempt,
        command: &'a EncodedCommand<S::Contract>,
    ) -> BoxFuture<'a, Result<Reply<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.authorize(call, S::Contract::command_access(command.command()))?;
            let open = self.open_replica()?;
            let (id, digest) = match call.key {
                Some(key) => (self.scoped_key(&caller, key, attempt.repeat)?, command.digest()),
                // The id was generated for this command, and no other caller can use it.
                None => (attempt.scoped_id(caller.effective_subject()), 0),
            };
            let entry = Entry::command(id, digest, &caller, open.core.stamp(), command.bytes());
            match downcast::<Applied<S>>(self.propose(call, &open, entry).await?)? {
                EntryResult::Reply(reply) => Ok(reply),
                EntryResult::Refused(refusal) => Err(Failure::Refused(refusal)),
                EntryResult::KeyReused => Err(Failure::KeyReused),
                EntryResult::Delivered(_) | EntryResult::More(_) | EntryResult::Done => Err(wrong_result()),
            }
        })
    }

    fn query<'a>(
        &'a self,
        call: &'a Call,
        query: Query<S>,
    ) -> BoxFuture<'a, Result<Answer<S>, Failure<Refusal<S>>>> {
        Box::pin(async move {
            let caller = self.authorize(call, S::Contract::query_access(&query))?;
            let open = self.open_replica()?;
            let _permit = self.enter()?;
            let answer = |query| answer::<S>(&open, &caller, query);
            let answering = poll(open.core.engine::<S>()?, query, call.deadline, answer);
            let timely = tokio::time::timeout_at(call.deadline, answering).await;
            timely.unwrap_or_else(|_| Err(Unavailable::new(Why::Deadline).into()))
        })
    }
}

impl Inbox for ReplicaEndpoint {
    fn deliver<'a>(
        &'a self,
        call: &'a Call,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Vec<Option<String>>, Failure<()>>> {
        Box::pin(async move {
            // Whether the sender may send each command is checked when the engine decodes it.
            let caller = self.authenticate(call)?;
            let Some(service) = caller.as_service() else {
                return Err(Failure::Unauthenticated("only services deliver".to_owned()));
            };
            if delivery.source.split('/').nth(1) != Some(service) {
                return Err(Failure::Forbidden(Vec::new()));
            }
            let open = self.open_replica()?;
            let Delivery { source, floor, rows } = delivery;
            let entry = Entry::deliver(source, *floor, rows, &caller, open.core.stamp());
            match downcast(self.propose(call, &open, entry).await?)? {
                KernelResult::Delivered(results) => Ok(results),
                KernelResult::Reply(())
                | KernelResult::Refused(())
                | KernelResult::KeyReused
                | KernelResult::More(_)
                | KernelResult::Done => Err(wrong_result()),
            }
        })
    }
}

/// The result of another kind of entry: a bug, or a damaged state.
fn wrong_result<R>() -> Failure<R> {
    Unavailable::new(Why::Store("a result of the wrong kind".to_owned())).into()
}
