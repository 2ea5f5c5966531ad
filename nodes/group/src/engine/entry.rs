//! What stands in a group's log.

use protocol::{Principal, Timestamp, codec};
use serde::{Deserialize, Serialize};

/// What the proposer knows and appliers must not guess.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Stamp {
    /// The proposer's clock.
    pub now: Timestamp,
    /// From the proposer's random source.
    pub entropy: u128,
}

impl Stamp {
    /// The stamp for the nth turn of one entry: other random bits.
    pub fn nth(self, nth: u64) -> Self {
        Self { entropy: codec::hash128(&[&self.entropy.to_be_bytes(), &nth.to_be_bytes()]), ..self }
    }
}

/// One log entry. Grows at its end only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry<C> {
    /// A command of a verified caller, under its idempotency key.
    Command { id: u128, digest: u64, caller: Principal, stamp: Stamp, command: C },
    /// Rows of another group's outbox. No row below `floor` will come again.
    Deliver { source: String, floor: u64, rows: Vec<(u64, Vec<u8>)>, caller: Principal, stamp: Stamp },
    /// Timers are due.
    Fire { stamp: Stamp },
    /// Outbox rows are done, or parked with the reason.
    Settle { done: Vec<u64>, parked: Vec<(u64, String)> },
    /// What an effect learnt, in the same turn that ticks it off.
    Conclude { row: u64, stamp: Stamp, command: C },
    /// An operator releases a parked row: to be tried again, or dropped.
    Release { row: u64, again: bool },
    /// Replies of this hour and before need not be remembered any more.
    Forget { hour: u32, rows_max: u16 },
    /// An operator lets effects go that a restore holds back.
    LetGo,
}

/// What came of an entry, for its proposer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Verdict<R, F> {
    Reply(R),
    Refused(F),
    /// The idempotency key came with another command before.
    KeyReused,
    /// For each row delivered, as far as they were looked at: nothing, or why it was refused.
    Delivered(Vec<Option<String>>),
    /// Whether there is more of the same to do.
    More(bool),
    Noted,
}
