//! The states that a node has pinned for cluster snapshots, each under a lease.

mod reader;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedRwLockWriteGuard;

pub(crate) use reader::PinReader;

/// The lease of pauses and pins. They end by themselves unless the coordinator renews them.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(30);
/// Snapshots that may have pins on a node at the same time. Each costs memory for rows overwritten while it is read.
pub(crate) const PINS_MAX: usize = 2;

/// The pins of this node, by snapshot.
#[derive(Default)]
pub(crate) struct Pins(Mutex<BTreeMap<u128, Arc<Pin>>>);

/// The groups that a node has pinned for one snapshot.
pub(crate) struct Pin {
    lease_until: Mutex<Instant>,
    /// Write locks of the groups' gates. They block proposals until they are dropped.
    gates: Mutex<Vec<OwnedRwLockWriteGuard<()>>>,
    pub groups: BTreeMap<String, PinnedReplica>,
}

pub(crate) struct PinnedReplica {
    pub id: u64,
    pub term: u64,
    pub reader: tokio::sync::Mutex<PinReader>,
}

impl Pins {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u128, Arc<Pin>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, snapshot: u128) -> Option<Arc<Pin>> {
        self.all().get(&snapshot).cloned()
    }

    pub fn insert(&self, snapshot: u128, pin: Arc<Pin>) {
        self.all().insert(snapshot, pin);
    }

    /// Snapshots with pins on this node.
    pub fn count(&self) -> usize {
        self.all().len()
    }

    /// Whether another snapshot may pin groups.
    pub fn has_capacity(&self) -> bool {
        self.count() < PINS_MAX
    }

    /// Ends the lease.
    #[cfg(test)]
    pub fn expire(&self, snapshot: u128) -> Option<()> {
        let pin = self.get(snapshot)?;
        *pin.lease_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Some(())
    }

    #[cfg(test)]
    pub fn lease_left(&self, snapshot: u128, now: Instant) -> Option<Duration> {
        Some(self.get(snapshot)?.lease_left(now))
    }

    pub fn resume(&self, snapshot: u128) {
        if let Some(pin) = self.get(snapshot) {
            pin.resume();
        }
    }

    pub fn renew(&self, snapshot: u128) {
        if let Some(pin) = self.get(snapshot) {
            pin.renew();
        }
    }

    pub fn release(&self, snapshot: u128) {
        // Dropped after the lock, because closing files takes time.
        let _released = self.all().remove(&snapshot);
    }

    /// Releases all pins, when the node stops.
    pub fn clear(&self) {
        let _cleared = std::mem::take(&mut *self.all());
    }
}

impl Pin {
    pub fn new(gates: Vec<OwnedRwLockWriteGuard<()>>, groups: BTreeMap<String, PinnedReplica>) -> Self {
        Self { lease_until: Mutex::new(Instant::now() + LEASE_MAX), gates: Mutex::new(gates), groups }
    }

    /// Unblocks proposals to the groups.
    pub fn resume(&self) {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn blocks_proposals(&self) -> bool {
        !self.gates.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub fn renew(&self) {
        *self.lease_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + LEASE_MAX;
    }

    /// The rest of the lease at `now`.
    pub fn lease_left(&self, now: Instant) -> Duration {
        let until = *self.lease_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.saturating_duration_since(now)
    }
}
