//! Hash slots: the fixed divisions of the key space that shards share out among themselves.

use serde::{Deserialize, Serialize};

/// How many slots there are, for ever.
pub const SLOTS: u16 = 16_384;

/// One of [`SLOTS`] divisions of a service's keys. Ids carry their slot, never a shard's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Slot(u16);

impl Slot {
    /// The slot of a hash, or of an id's high bits.
    pub const fn of(value: u128) -> Self {
        Self((value >> 112) as u16 % SLOTS)
    }

    /// The slot's number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The shard that owns the slot when there are `shards` (at least 1) of equal ranges.
    pub const fn shard(self, shards: u16) -> u16 {
        (self.0 as u32 * shards as u32 / SLOTS as u32) as u16
    }
}

/// Where a message goes within its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the shard of this slot.
    Slot(Slot),
    /// A query to every shard, whose answers the asker merges; a command never goes to all.
    Every,
}

impl Route {
    /// For services with a single shard.
    pub const SINGLE: Self = Self::Slot(Slot(0));
}

/// Which replica may answer a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadConsistency {
    /// The leader, with all that was acknowledged before the question.
    Leader,
    /// The nearest that is not far behind: what it says may be some seconds old.
    Nearby,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_all_slots_evenly() {
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
