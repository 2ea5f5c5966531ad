//! Hash slots: the key space is divided into slots, and each shard owns a range of them.

use serde::{Deserialize, Serialize};

/// The number of slots. It never changes: ids contain their slot.
pub const SLOTS: u16 = 16_384;

/// One of [`SLOTS`] divisions of a service's keys. Ids contain their slot and not their shard, so that the number of
/// shards may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Slot(u16);

impl Slot {
    /// The slot of a hash or an id: its high bits.
    pub const fn of(value: u128) -> Self {
        Self((value >> 112) as u16 % SLOTS)
    }

    /// The slot's number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The shard that owns the slot, if `shards` (at least 1) shards own equal ranges.
    pub const fn shard(self, shards: u16) -> u16 {
        (self.0 as u32 * shards as u32 / SLOTS as u32) as u16
    }
}

/// The shard or shards of a service that a message is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The shard of this slot.
    Slot(Slot),
    /// Every shard, for queries only. The caller merges the answers.
    AllShards,
}

impl Route {
    /// The route to a service's only shard.
    pub const SINGLE: Self = Self::Slot(Slot(0));
}

/// The replicas that may answer a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadConsistency {
    /// The leader. The answer reflects everything that was acknowledged before the query (linearizable).
    Leader,
    /// The nearest replica that is not far behind the leader. The answer may be some seconds old.
    BoundedStaleness,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_own_equal_numbers_of_slots() {
        for shards in [1u16, 3, 8, 100] {
            let mut count = vec![0u32; shards.into()];
            for slot in 0..SLOTS {
                count[usize::from(Slot(slot).shard(shards))] += 1;
            }
            let (least, most) = (count.iter().min().unwrap(), count.iter().max().unwrap());
            assert!(most - least <= 1, "{shards}: {least}..{most}");
        }
    }
}
