//! What a node does for a cluster snapshot: pauses its outboxes, blocks proposals, pins states. All of it under leases.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};

use super::steps::{End, PinnedGroup, StepError};
use crate::delivery_pause::{PauseError, Work};
use crate::node::Node;
use crate::pins::{LEASE_MAX, Pin, PinReader, PinnedReplica};
use crate::supervision::ReplicaHandle;

/// How long deliveries in flight may take to end. Longer than the timeout of a delivery.
const DELIVERIES_MAX: Duration = Duration::from_secs(12);
/// Effects concern their own group and external systems, not other groups: those in flight get a short time to end, and
/// the snapshot continues if they do not.
const EFFECTS_MAX: Duration = Duration::from_secs(2);
/// How long proposals in flight may take to be committed, with new calls waiting behind them.
const BLOCKING_MAX: Duration = Duration::from_secs(2);
/// How long a leader may take to confirm with a majority.
const CONFIRM_MAX: Duration = Duration::from_secs(2);
/// The longest time for which a snapshot blocks calls to a group.
const BLOCKED_MAX: Duration = Duration::from_secs(6);
const ENDED: &str = "the snapshot took too long and has ended on this node";

impl Node {
    /// Confirms with majorities that this node leads these groups, and that it can pin them.
    pub(super) async fn confirm_leader(&self, groups: &[String]) -> Result<(), StepError> {
        let confirming =
            groups.iter().map(|group| async move { confirmed_term(group, &self.led(group)?).await });
        try_join_all(confirming).await?;
        self.pin_capacity()
    }

    pub(super) fn pause_for(self: &Arc<Self>, snapshot: u128) -> Result<(), StepError> {
        self.delivery_pause.pause(snapshot, LEASE_MAX).map_err(|error| match error {
            PauseError::OtherOwner => StepError::InProgress,
            PauseError::Ended => ENDED.into(),
        })?;
        let node = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(LEASE_MAX).await;
            if let Some(node) = node.upgrade() {
                node.end_snapshot(snapshot, End::Resume);
            }
        });
        Ok(())
    }

    pub(super) async fn wait_idle(&self, snapshot: u128) -> Result<(), StepError> {
        let deliveries = self.delivery_pause.wait_idle(Work::Delivery, DELIVERIES_MAX);
        let (idle, _) = tokio::join!(deliveries, self.delivery_pause.wait_idle(Work::Effect, EFFECTS_MAX));
        if !idle {
            return Err("a delivery between groups does not end".into());
        }
        self.still_paused(snapshot)
    }

    fn still_paused(&self, snapshot: u128) -> Result<(), StepError> {
        if self.delivery_pause.is_paused_by(snapshot) { Ok(()) } else { Err(ENDED.into()) }
    }

    /// Resumes calls, deliveries and effects. Steps of this snapshot that arrive later have no effect.
    pub(super) fn end_snapshot(&self, snapshot: u128, end: End) {
        let was_paused = self.delivery_pause.end(snapshot);
        // After the pause has ended, so that `pin_groups`, which checks the pause last, releases what it pins
        // meanwhile.
        match end {
            End::Resume => self.pins.resume(snapshot),
            End::Release => self.pins.release(snapshot),
        }
        if was_paused {
            self.handles().values().for_each(ReplicaHandle::resume_outbox);
        }
    }

    pub(super) async fn pin_groups(
        self: &Arc<Self>,
        snapshot: u128,
        groups: Vec<String>,
    ) -> Result<Vec<PinnedGroup>, StepError> {
        self.still_paused(snapshot)?;
        let led = groups.iter().map(|group| Ok((group, self.led(group)?)));
        let led = led.collect::<Result<Vec<_>, StepError>>()?;
        self.pin_capacity()?;
        let blocking = led.iter().map(|(group, handle)| async move {
            let gate = tokio::time::timeout(BLOCKING_MAX, handle.gate().write_owned()).await;
            gate.map_err(|_| format!("{group}: a proposal does not end"))
        });
        let gates = try_join_all(blocking).await?;
        let pinning = led.iter().map(|(group, handle)| async move {
            let term = confirmed_term(group, handle).await?;
            let replica = handle.clone();
            let pinned = tokio::task::spawn_blocking(move || replica.pin()).await;
            let (log_index, state) = pinned.map_err(|_| format!("{group}: pinning panicked"))??;
            let reader = tokio::sync::Mutex::new(PinReader::new(state));
            let pinned = PinnedGroup { group: (*group).clone(), log_index };
            Ok::<_, StepError>((pinned, PinnedReplica { id: handle.id, term, reader }))
        });
        let mut pinned = Vec::new();
        let mut replicas = BTreeMap::new();
        for result in join_all(pinning).await {
            let (group, replica) = result?;
            replicas.insert(group.group.clone(), replica);
            pinned.push(group);
        }
        let pin = Arc::new(Pin::new(gates, replicas));
        tokio::spawn(expire(Arc::downgrade(self), snapshot, Arc::downgrade(&pin)));
        self.pins.insert(snapshot, pin);
        // The snapshot may have ended before there was a pin to release.
        self.still_paused(snapshot).inspect_err(|_| self.pins.release(snapshot))?;
        Ok(pinned)
    }

    pub(super) async fn confirm_pins(&self, snapshot: u128) -> Result<(), StepError> {
        let pin = self.pin(snapshot)?;
        let confirming = pin.groups.iter().map(|(group, pinned)| async move {
            let handle = self.led(group)?;
            let term = confirmed_term(group, &handle).await?;
            if handle.id == pinned.id && term == pinned.term {
                Ok(())
            } else {
                Err(StepError::Failed(format!("{group}: its leader has changed")))
            }
        });
        try_join_all(confirming).await?;
        if pin.blocks_proposals() { self.still_paused(snapshot) } else { Err(ENDED.into()) }
    }

    pub(super) async fn read_pin(&self, snapshot: u128, group: &str, at: u64) -> Result<Vec<u8>, StepError> {
        let pin = self.pin(snapshot)?;
        pin.renew();
        let pinned = pin.groups.get(group).ok_or("the group is not pinned on this node")?;
        pinned.reader.lock().await.part(at).await.map_err(StepError::Failed)
    }

    fn pin(&self, snapshot: u128) -> Result<Arc<Pin>, StepError> {
        self.pins.get(snapshot).ok_or_else(|| "the pins were released".into())
    }

    fn pin_capacity(&self) -> Result<(), StepError> {
        if self.pins.has_capacity() { Ok(()) } else { Err(StepError::TooMany) }
    }

    fn led(&self, group: &str) -> Result<ReplicaHandle, StepError> {
        let handle = self.handle(group).filter(|handle| handle.leads());
        handle.ok_or_else(|| StepError::NotLeader(group.to_owned()))
    }
}

/// The term in which this node leads a group, confirmed by a majority.
async fn confirmed_term(group: &str, handle: &ReplicaHandle) -> Result<u64, StepError> {
    let not_leader = || StepError::NotLeader(group.to_owned());
    let consensus = handle.consensus().ok_or_else(not_leader)?;
    let confirmed = tokio::time::timeout(CONFIRM_MAX, consensus.read_barrier()).await;
    if !matches!(confirmed, Ok(Ok(()))) || !consensus.is_leader() {
        return Err(not_leader());
    }
    Ok(consensus.status().term)
}

/// Unblocks groups that are blocked for too long, and releases pins whose lease has expired.
async fn expire(node: Weak<Node>, snapshot: u128, pin: Weak<Pin>) {
    tokio::time::sleep(BLOCKED_MAX).await;
    while let Some(current) = pin.upgrade() {
        current.resume();
        let left = current.lease_left(Instant::now());
        if left.is_zero() {
            if let Some(node) = node.upgrade() {
                node.pins.release(snapshot);
            }
            return;
        }
        drop(current);
        tokio::time::sleep(left).await;
    }
}
