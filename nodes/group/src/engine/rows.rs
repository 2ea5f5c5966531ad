//! The kernel's trees in each state. Prefix 0 belongs to consensus.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tree::Tree;
use crate::turn::Outgoing;

/// `0` → the clock of the last turn and the last row number.
pub(crate) const META: Tree<u8, Meta> = Tree::kernel(1, "meta");
/// Idempotency key → a [`StoredReply`].
pub(super) const REPLIES: Tree<u128, ()> = Tree::kernel(2, "replies");
/// (hour since 1970, row) → some of the idempotency keys of that hour, in the order of the log.
pub(super) const BUCKETS: Tree<(u32, u64), Vec<u128>> = Tree::kernel(3, "buckets");
/// Row → a message to be delivered or an effect to be performed.
pub(super) const OUTBOX: Tree<u64, Outgoing> = Tree::kernel(4, "outbox");
/// (due at, row) → an encoded timer of the service.
pub(super) const TIMERS: Tree<(Timestamp, u64), Vec<u8>> = Tree::kernel(5, "timers");
/// Source group → its rows that were applied here.
pub(super) const INBOX: Tree<String, super::inbox::Seen> = Tree::kernel(6, "inbox");
/// Row → an outbox row that an operator has to decide about.
pub(super) const PARKED: Tree<u64, Parked> = Tree::kernel(7, "parked");

/// `0` → the row of [`BUCKETS`] for the next key, unless it is full or belongs to another hour.
pub(super) const OPEN_BUCKET: Tree<u8, (u32, u64)> = Tree::kernel(8, "open bucket");

/// `0` → present while effects wait for an operator, after the state was restored from a backup: the systems outside may
/// have newer data than the backup.
pub(super) const EFFECTS_HELD: Tree<u8, ()> = Tree::kernel(9, "held");

/// The engine's own counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Meta {
    pub clock: Timestamp,
    pub(super) next_row: u64,
}

/// A state that may lack entries skips so many row numbers: those that the missing entries gave are not given again.
pub(super) const SKIPPED_ROWS: u64 = 1 << 40;

impl Meta {
    /// Continues the row numbers beyond all that were given in the present block of [`SKIPPED_ROWS`].
    pub(super) fn skip_rows(&mut self) {
        self.next_row = (self.next_row / SKIPPED_ROWS + 1) * SKIPPED_ROWS;
    }

    /// The row number that was given last.
    pub fn last_row(&self) -> u64 {
        self.next_row
    }

    /// A new row number. Numbers begin at 1 and are never reused.
    pub fn next_row(&mut self) -> u64 {
        self.next_row += 1;
        self.next_row
    }
}

/// The result of a command, stored under its idempotency key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredReply<R, F> {
    /// The digest of the command.
    pub digest: u64,
    pub result: Result<R, F>,
}

/// An outbox row that failed for good, with the reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parked {
    pub outgoing: Outgoing,
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_row_numbers_are_beyond_all_that_lost_entries_gave() {
        let mut meta = Meta { next_row: 100, ..Meta::default() };
        meta.skip_rows();
        assert_eq!(meta.next_row(), SKIPPED_ROWS + 1);
        meta.skip_rows();
        assert_eq!(meta.last_row(), 2 * SKIPPED_ROWS);
    }
}
