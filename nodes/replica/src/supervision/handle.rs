//! The handle by which a node uses a replica that it hosts, whatever the service.

use std::any::Any;
use std::ops::{Bound, Deref};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use group::engine::Entry;
use group::{GroupHandle, Inbox, RaftRole, ReplicaStatus, Service, Unavailable};
use protocol::Timestamp;
use ractor::ActorRef;

use super::pinned_state::PinnedState;
use super::supervisor::SupervisorMessage;
use crate::calls::core::{Core, Gate};
use crate::calls::endpoint::{ReplicaEndpoint, TypedEndpoint};
use crate::calls::serve::Serve;

/// Outbox rows are counted up to this number.
const OUTBOX_COUNTED_MAX: usize = 100_000;
/// How many parked rows a status lists.
const PARKED_LISTED_MAX: usize = 100;
/// The rate of calls is measured over at least this time.
const RATE_WINDOW_SECS: f64 = 0.5;
/// Keys below are the bookkeeping of consensus, which concerns this cluster only.
const KERNEL_ROWS: &[u8] = &[1];
/// How long closing a replica may take, flushing its state included.
const CLOSE_MAX: Duration = Duration::from_secs(10);
/// How long readers of a closed replica's state may take to release it.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// A hosted replica. Dereferences to its [`Operations`].
#[derive(Clone)]
pub(crate) struct ReplicaHandle {
    pub id: u64,
    /// An `Arc<dyn GroupHandle<C>>`, with `C` the service's contract.
    pub group: Arc<dyn Any + Send + Sync>,
    pub inbox: Arc<dyn Inbox>,
    pub serve: Arc<dyn Serve>,
    operations: Arc<Operations>,
    supervisor: ActorRef<SupervisorMessage>,
    /// Upgradable as long as the store is open.
    state: Weak<dyn store::State>,
}

impl ReplicaHandle {
    pub fn new<S: Service>(
        group: String,
        id: u64,
        endpoint: Arc<ReplicaEndpoint>,
        supervisor: ActorRef<SupervisorMessage>,
        state: Weak<dyn store::State>,
    ) -> Self {
        let typed = Arc::new(TypedEndpoint::<S>::new(Arc::clone(&endpoint)));
        let handle: Arc<dyn GroupHandle<S::Contract>> = Arc::<TypedEndpoint<S>>::clone(&typed);
        Self {
            id,
            group: Arc::new(handle),
            inbox: Arc::<ReplicaEndpoint>::clone(&endpoint),
            serve: typed,
            operations: Arc::new(Operations { group, id, endpoint, measured: Mutex::default() }),
            supervisor,
            state,
        }
    }

    /// Stops the replica, and flushes its state.
    pub async fn close(&self) {
        let _ = self.supervisor.call(SupervisorMessage::Close, Some(CLOSE_MAX)).await;
    }

    /// Waits until no reader holds the store of this closed replica open any more.
    pub async fn released(self) {
        let state = self.state.clone();
        drop(self);
        let begun = Instant::now();
        while state.strong_count() > 0 && begun.elapsed() < RELEASE_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the outbox send rows that waited: they were released, or a delivery pause has ended.
    pub fn resume_outbox(&self) {
        let _ = self.supervisor.cast(SupervisorMessage::Released);
    }
}

impl Deref for ReplicaHandle {
    type Target = Operations;

    fn deref(&self) -> &Self::Target {
        &self.operations
    }
}

/// What a node does with a replica.
pub(crate) struct Operations {
    group: String,
    id: u64,
    endpoint: Arc<ReplicaEndpoint>,
    measured: Mutex<Measured>,
}

/// The costly parts of a status.
#[derive(Default)]
struct Measured {
    bytes: u64,
    outbox: usize,
    parked: Vec<(u64, String)>,
    effects_held: bool,
    calls_per_second: u32,
    /// When calls were counted last, and how many there had been.
    counted: Option<(Instant, u64)>,
}

impl Operations {
    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn core(&self) -> Result<Arc<Core>, String> {
        let open = self.endpoint.open_replica().map_err(|why| format!("{}: {why}", self.group))?;
        Ok(Arc::clone(&open.core))
    }
}

impl Operations {
    /// The current status, with the costly parts as of the last [`Operations::measure`].
    pub fn status(&self) -> ReplicaStatus {
        let (_, restarts) = self.endpoint.counts();
        let mut found = ReplicaStatus {
            group: self.group.clone(),
            id: self.id,
            busy: self.endpoint.busy(),
            restarts,
            quarantined: self.endpoint.quarantined(),
            ..ReplicaStatus::default()
        };
        {
            let measured = self.measured();
            found.bytes = measured.bytes;
            found.outbox = measured.outbox;
            found.parked.clone_from(&measured.parked);
            found.effects_held = measured.effects_held;
            found.calls_per_second = measured.calls_per_second;
        }
        let Ok(open) = self.endpoint.open_replica() else { return found };
        let consensus = &open.core.consensus;
        let status = consensus.status();
        let role = consensus.role().borrow().clone();
        let location = |(id, member): (u64, consensus::RaftNode)| (id, member.node);
        found.role = match (role.leader, status.voters.contains_key(&self.id)) {
            (true, _) => RaftRole::Leader,
            (false, true) => RaftRole::Follower,
            (false, false) => RaftRole::Learner,
        };
        found.leader = role.leader;
        found.term = status.term;
        found.led_by = role.leader_id.map(|id| (id, role.leader_node.unwrap_or_default()));
        found.voters = status.voters.into_iter().map(location).collect();
        found.learners = status.learners.into_iter().map(location).collect();
        found.joint = status.joint;
        found.applied = status.applied.unwrap_or_default();
        found.last_log = status.last_log.unwrap_or_default();
        found.matched = status.matched.into_iter().filter(|(id, _)| *id != self.id).collect();
        found
    }

    /// Measures the costly parts of the status. May block.
    pub fn measure(&self) {
        let (calls, _) = self.endpoint.counts();
        {
            let mut measured = self.measured();
            let now = Instant::now();
            match measured.counted {
                Some((at, before)) => {
                    let secs = now.duration_since(at).as_secs_f64();
                    if secs >= RATE_WINDOW_SECS {
                        measured.calls_per_second = ((calls - before) as f64 / secs).round() as u32;
                        measured.counted = Some((now, calls));
                    }
                }
                None => measured.counted = Some((now, calls)),
            }
        }
        let Ok(core) = self.core() else { return };
        let engine = &core.engine;
        // While a snapshot is being installed, the state cannot be read: the last values stay.
        let (Ok(outbox), Ok(parked)) = (engine.outbox_length(OUTBOX_COUNTED_MAX), engine.parked()) else {
            return;
        };
        let effects_held = engine.effects_are_held().unwrap_or_default();
        let bytes = engine.state().size();
        let mut measured = self.measured();
        measured.outbox = outbox;
        measured.parked =
            parked.into_iter().take(PARKED_LISTED_MAX).map(|(row, parked)| (row, parked.why)).collect();
        measured.effects_held = effects_held;
        measured.bytes = bytes;
    }

    /// Runs the service's invariants, and returns the violations.
    pub fn violations(&self) -> Result<Vec<String>, String> {
        let open = self.endpoint.open_replica().map_err(|why| why.to_string())?;
        open.core.engine.violations().map_err(|halt| halt.to_string())
    }

    /// Retries or drops a parked outbox row.
    pub async fn release_row(&self, row: u64, retry: bool) -> Result<(), Unavailable> {
        self.endpoint.open_replica()?.core.propose(&Entry::Release { row, retry }).await?;
        Ok(())
    }

    /// Releases the effects that wait after a restore.
    pub async fn release_effects(&self) -> Result<(), Unavailable> {
        self.endpoint.open_replica()?.core.propose(&Entry::ReleaseEffects).await?;
        Ok(())
    }

    /// The lock that each proposal holds for reading.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.endpoint.gate)
    }

    /// Pins the state. Returns the index of the last entry applied to it.
    pub fn pin(&self) -> Result<(u64, PinnedState), String> {
        let core = self.core()?;
        let state = Arc::clone(core.engine.state());
        // Both under the engine's lock, so that no entry is applied between them.
        let mut pinned = Err("the state was not read".to_owned());
        let read = core.engine.read(Timestamp::default(), &mut |_| {
            let applied = consensus::applied_index(&*state).map_err(|fault| fault.to_string());
            pinned = applied.and_then(|applied| {
                let pin = state.pin(Bound::Included(KERNEL_ROWS)).ok_or("the store does not support pins")?;
                Ok((applied.unwrap_or_default(), pin))
            });
        });
        let pinned = read.map_err(|halt| halt.to_string()).and(pinned);
        let (applied, pin) = pinned.map_err(|why| format!("{}: {why}", self.group))?;
        Ok((applied, PinnedState::new(state, pin)))
    }

    /// The index of the last applied entry, and the checksum of the state as of that entry.
    pub fn checksum(&self) -> Result<(u64, u128), String> {
        let (applied, pinned) = self.pin()?;
        let checksum = pinned.checksum().map_err(|fault| format!("{}: {fault}", self.group))?;
        Ok((applied, checksum))
    }

    /// The replica's consensus, while it is open.
    pub fn consensus(&self) -> Option<consensus::Replica> {
        self.endpoint.open_replica().ok().map(|open| open.core.consensus.clone())
    }

    pub fn leads(&self) -> bool {
        self.endpoint.leads()
    }

    /// Whether the replica is open: neither opening, nor quarantined, nor closed.
    pub fn is_open(&self) -> bool {
        self.endpoint.is_open()
    }

    /// Why the replica was quarantined, if it was.
    pub fn quarantined(&self) -> Option<String> {
        self.endpoint.quarantined()
    }
}
