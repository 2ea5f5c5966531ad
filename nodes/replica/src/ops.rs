//! What is done to a hosted group whatever its service: looked at, frozen, released, reached by its peers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::future::BoxFuture;
use group::engine::Entry;
use group::{Service, Unavailable};
use protocol::{Timestamp, codec};

use crate::core::{Core, Gate};
use crate::port::Door;
use crate::status::{GroupStatus, ReplicaRole};

/// Rows of an outbox are counted so far.
const OUTBOX_COUNTED_MAX: usize = 100_000;
/// So many parked rows are told of.
const PARKED_TOLD_MAX: usize = 100;
/// Calls a second are measured over at least this long.
const RATE_OVER_SECS: f64 = 0.5;
/// Keys below are consensus's own bookkeeping, which belongs to this cluster and no other.
const KERNEL_ROWS: &[u8] = &[1];

/// See the module.
pub(crate) trait Operate: Send + Sync {
    /// How it is now; what costs something to find out as it was when [`Operate::measure`] was called last.
    fn status(&self) -> GroupStatus;
    /// Finds out what costs something.
    fn measure(&self);
    fn violations(&self) -> Result<Vec<String>, String>;
    fn release(&self, row: u64, again: bool) -> BoxFuture<'_, Result<(), Unavailable>>;
    /// Effects that a restore holds back may go.
    fn let_go(&self) -> BoxFuture<'_, Result<(), Unavailable>>;
    /// What everything that is proposed to the group here goes through.
    fn gate(&self) -> Arc<Gate>;
    /// The last entry that was applied, and the state as of then, to be read while it changes.
    fn pin(&self) -> Result<(u64, Frozen), String>;
    /// The last entry that was applied, and a checksum of the state as of then.
    fn checksum(&self) -> Result<(u64, u128), String>;
    /// The replica's consensus, while it is open.
    fn consensus(&self) -> Option<consensus::Replica>;
    /// Whether the replica leads now.
    fn leads(&self) -> bool;
    /// Whether it is open: not being opened, nor given up.
    fn is_open(&self) -> bool;
    /// Why the replica was given up, if it was.
    fn quarantined(&self) -> Option<String>;
}

/// A group, and the door that it is behind.
pub(crate) struct Ops<S: Service> {
    group: String,
    id: u64,
    door: Arc<Door<S>>,
    measured: Mutex<Measured>,
}

/// What is found out once a second or so.
#[derive(Default)]
struct Measured {
    bytes: u64,
    outbox: usize,
    parked: Vec<(u64, String)>,
    effects_held: bool,
    calls_per_second: u32,
    /// When calls were counted last, and how many there were.
    counted: Option<(Instant, u64)>,
}

impl<S: Service> Ops<S> {
    pub fn new(group: String, id: u64, door: Arc<Door<S>>) -> Self {
        Self { group, id, door, measured: Mutex::default() }
    }

    fn measured(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn core(&self) -> Result<Arc<Core<S>>, String> {
        let live = self.door.live().map_err(|why| format!("{}: {why}", self.group))?;
        Ok(live.core)
    }
}

impl<S: Service> Operate for Ops<S> {
    fn status(&self) -> GroupStatus {
        let (_, restarts) = self.door.counts();
        let mut found = GroupStatus {
            group: self.group.clone(),
            id: self.id,
            busy: self.door.busy(),
            restarts,
            quarantined: self.door.quarantined(),
            ..GroupStatus::default()
        };
        {
            let measured = self.measured();
            found.bytes = measured.bytes;
            found.outbox = measured.outbox;
            found.parked.clone_from(&measured.parked);
            found.effects_held = measured.effects_held;
            found.calls_per_second = measured.calls_per_second;
        }
        let Ok(live) = self.door.live() else { return found };
        let consensus = &live.core.consensus;
        let status = consensus.status();
        let role = consensus.role().borrow().clone();
        let place = |(id, member): (u64, consensus::RaftNode)| (id, member.node);
        found.role = match (role.leader, status.voters.contains_key(&self.id)) {
            (true, _) => ReplicaRole::Leader,
            (false, true) => ReplicaRole::Follower,
            (false, false) => ReplicaRole::Learner,
        };
        found.leader = role.leader;
        found.term = status.term;
        found.led_by = role.leader_id.map(|id| (id, role.leader_node.unwrap_or_default()));
        found.voters = status.voters.into_iter().map(place).collect();
        found.learners = status.learners.into_iter().map(place).collect();
        found.joint = status.joint;
        found.applied = status.applied.unwrap_or_default();
        found.last_log = status.last_log.unwrap_or_default();
        found.matched = status.matched.into_iter().filter(|(id, _)| *id != self.id).collect();
        found
    }

    fn measure(&self) {
        let (calls, _) = self.door.counts();
        {
            let mut measured = self.measured();
            let now = Instant::now();
            match measured.counted {
                Some((at, before)) => {
                    let secs = now.duration_since(at).as_secs_f64();
                    if secs >= RATE_OVER_SECS {
                        measured.calls_per_second = ((calls - before) as f64 / secs).round() as u32;
                        measured.counted = Some((now, calls));
                    }
                }
                None => measured.counted = Some((now, calls)),
            }
        }
        let Ok(core) = self.core() else { return };
        let engine = &core.engine;
        // While a snapshot is installed, what was found last has to do.
        let (Ok(outbox), Ok(parked)) = (engine.outbox_length(OUTBOX_COUNTED_MAX), engine.parked()) else {
            return;
        };
        let held = engine.effects_are_held().unwrap_or_default();
        let bytes = engine.state().size();
        let mut measured = self.measured();
        measured.outbox = outbox;
        measured.parked =
            parked.into_iter().take(PARKED_TOLD_MAX).map(|(row, parked)| (row, parked.why)).collect();
        measured.effects_held = held;
        measured.bytes = bytes;
    }

    fn violations(&self) -> Result<Vec<String>, String> {
        let live = self.door.live().map_err(|why| why.to_string())?;
        live.core.engine.violations().map_err(|halt| halt.to_string())
    }

    fn release(&self, row: u64, again: bool) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            self.door.live()?.core.propose(&Entry::Release { row, again }).await?;
            Ok(())
        })
    }

    fn let_go(&self) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            self.door.live()?.core.propose(&Entry::LetGo).await?;
            Ok(())
        })
    }

    fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.door.gate)
    }

    fn pin(&self) -> Result<(u64, Frozen), String> {
        let core = self.core()?;
        let state = Arc::clone(core.engine.state());
        // Both while nothing lands: the state belongs to that entry and no other.
        let pinned = core.engine.read(Timestamp::default(), |_| {
            let applied = consensus::applied_index(&*state).map_err(|fault| fault.to_string())?;
            let pin = state.pin(std::ops::Bound::Included(KERNEL_ROWS));
            Ok((applied.unwrap_or_default(), pin.ok_or("this store cannot be read while it is written")?))
        });
        let (applied, pin) = pinned
            .map_err(|halt| halt.to_string())
            .and_then(|pinned: Result<_, String>| pinned)
            .map_err(|why| format!("{}: {why}", self.group))?;
        Ok((applied, Frozen { state, pin }))
    }

    fn checksum(&self) -> Result<(u64, u128), String> {
        let (applied, frozen) = self.pin()?;
        let mut sum = Sum(0);
        frozen.export(&mut sum).map_err(|fault| format!("{}: {fault}", self.group))?;
        Ok((applied, sum.0))
    }

    fn consensus(&self) -> Option<consensus::Replica> {
        self.door.live().ok().map(|live| live.core.consensus.clone())
    }

    fn leads(&self) -> bool {
        self.door.leads()
    }

    fn is_open(&self) -> bool {
        self.door.is_open()
    }

    fn quarantined(&self) -> Option<String> {
        self.door.quarantined()
    }
}

/// Adds up what is written to it.
struct Sum(u128);

impl std::io::Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = codec::hash128(&[&self.0.to_be_bytes(), bytes]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A group's state at one moment.
pub(crate) struct Frozen {
    state: Arc<dyn store::State>,
    pin: store::Pin,
}

impl Frozen {
    /// Writes it to `to`; returns the number of rows. The stream is what [`store::RowReader`] reads.
    ///
    /// # Errors
    /// When the store or the writer fails.
    pub fn export(&self, to: &mut dyn std::io::Write) -> Result<u64, store::Fault> {
        store::export_pinned(&*self.state, &self.pin, to)
    }
}
