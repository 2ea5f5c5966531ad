//! The kernel's own trees in each state. Prefix 0 is raft's bookkeeping.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tree::Tree;
use crate::turn::Outgoing;

/// `0` → the clock of the last turn and the next row's number.
pub(crate) const META: Tree<u8, Meta> = Tree::kernel(1, "meta");
/// Idempotency key → the digest of the command and what it was answered.
pub(super) const REPLAYS: Tree<u128, ()> = Tree::kernel(2, "replays");
/// (hour since 1970, row) → some of the idempotency keys of that hour, in the order of the log.
pub(super) const BUCKETS: Tree<(u32, u64), Vec<u128>> = Tree::kernel(3, "buckets");
/// Row → what waits to be sent or done.
pub(super) const OUTBOX: Tree<u64, Outgoing> = Tree::kernel(4, "outbox");
/// (due at, row) → an encoded timer of the service.
pub(super) const TIMERS: Tree<(Timestamp, u64), Vec<u8>> = Tree::kernel(5, "timers");
/// Source group → which of its rows were applied here.
pub(super) const INBOX: Tree<String, super::inbox::Seen> = Tree::kernel(6, "inbox");
/// Row → what an operator has to look at.
pub(super) const PARKED: Tree<u64, Parked> = Tree::kernel(7, "parked");

/// `0` → the row of [`BUCKETS`] that takes the next key, unless it is full or of another hour.
pub(super) const OPEN_BUCKET: Tree<u8, (u32, u64)> = Tree::kernel(8, "open bucket");

/// `0` → there while effects wait for an operator's word: the state was restored, and the world may have gone on.
pub(super) const HELD: Tree<u8, ()> = Tree::kernel(9, "held");

/// See [`META`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Meta {
    pub clock: Timestamp,
    pub(super) next_row: u64,
}

impl Meta {
    /// The number that was given last.
    pub fn last_row(&self) -> u64 {
        self.next_row
    }

    /// Rows are numbered from 1 and never twice.
    pub fn next_row(&mut self) -> u64 {
        self.next_row += 1;
        self.next_row
    }
}

/// See [`REPLAYS`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Replay<R, F> {
    pub digest: u64,
    pub result: Result<R, F>,
}

/// See [`PARKED`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parked {
    pub outgoing: Outgoing,
    pub why: String,
}
