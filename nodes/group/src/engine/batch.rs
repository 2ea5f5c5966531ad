//! A batch of entries that is being applied: the rows that will be committed, and the kernel's changes to its own rows.

use protocol::{Principal, Timestamp, codec};
use store::State;

use super::Committed;
use super::rows::{BUCKETS, Meta, OPEN_BUCKET, OUTBOX, PARKED, Parked, REPLIES, TIMERS};
use crate::service::Service;
use crate::turn::{Outgoing, Overlay, Turn, TurnOutput};

/// Idempotency keys in one row of [`BUCKETS`], at most.
const BUCKET_KEYS_MAX: usize = 32;

/// The effects of the entries applied so far, before the batch is committed.
pub(super) struct PendingBatch<S: Service> {
    pub overlay: Overlay,
    pub meta: Meta,
    pub notes: Vec<S::Note>,
    pub committed: Committed,
}

impl<S: Service> PendingBatch<S> {
    pub fn new(meta: Meta) -> Self {
        Self { overlay: Overlay::new(), meta, notes: Vec::new(), committed: Committed::default() }
    }

    pub fn bytes(&self, state: &dyn State, key: &[u8]) -> Option<Vec<u8>> {
        match self.overlay.get(key) {
            Some(written) => written.clone(),
            None => crate::view::sound(state.get(key)),
        }
    }

    pub fn has_row(&self, state: &dyn State, row: u64) -> bool {
        self.bytes(state, &OUTBOX.key(&row)).is_some()
    }

    /// Adds what a turn wrote and produced.
    pub fn add(&mut self, now: Timestamp, writes: Overlay, output: TurnOutput<S>) {
        self.meta.clock = now;
        self.overlay.extend(writes);
        self.notes.extend(output.notes);
        for outgoing in output.outgoing {
            self.enqueue(outgoing);
        }
        for (at, timer) in output.timers {
            let row = self.meta.next_row();
            self.overlay.insert(TIMERS.key(&(at, row)), Some(codec::encode(&codec::encode(&timer))));
            let earliest = &mut self.committed.earliest_timer;
            *earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
    }

    fn enqueue(&mut self, outgoing: Outgoing) {
        let row = self.meta.next_row();
        self.overlay.insert(OUTBOX.key(&row), Some(codec::encode(&outgoing)));
        self.committed.outgoing.push((row, outgoing));
    }

    /// Removes and parks outbox rows.
    pub fn settle(&mut self, state: &dyn State, done: &[u64], parked: Vec<(u64, String)>) {
        for (row, why) in parked {
            if let Some(bytes) = self.bytes(state, &OUTBOX.key(&row)) {
                let outgoing = OUTBOX.read_value(&bytes);
                self.overlay.insert(PARKED.key(&row), Some(codec::encode(&Parked { outgoing, why })));
                self.overlay.insert(OUTBOX.key(&row), None);
            }
        }
        for row in done {
            self.overlay.insert(OUTBOX.key(row), None);
        }
    }

    /// Releases a parked row: to be tried again, or dropped. The rows behind it follow. All get new numbers, since the
    /// sender's floor may have passed the old ones.
    pub fn release(&mut self, state: &dyn State, row: u64, retry: bool) {
        let Some(bytes) = self.bytes(state, &PARKED.key(&row)) else { return };
        self.overlay.insert(PARKED.key(&row), None);
        let parked = PARKED.read_value(&bytes).outgoing;
        let mut waiting = self.reader(state).first(&OUTBOX, usize::MAX);
        waiting.retain(|(later, outgoing)| *later > row && outgoing.is_ordered_with(&parked));
        for (later, _) in &waiting {
            self.overlay.insert(OUTBOX.key(later), None);
        }
        let released = retry.then_some(parked);
        for outgoing in released.into_iter().chain(waiting.into_iter().map(|(_, outgoing)| outgoing)) {
            self.enqueue(outgoing);
        }
    }

    /// Registers an idempotency key under the hour after which it expires. The rows depend on the log only, never on how
    /// its entries are batched: every replica numbers its rows alike.
    pub fn remember(&mut self, state: &dyn State, hour: u32, id: u128) {
        let open = self.bytes(state, &OPEN_BUCKET.key(&0)).map(|bytes| OPEN_BUCKET.read_value(&bytes));
        let current = open.filter(|bucket| bucket.0 == hour).and_then(|bucket| {
            let keys = BUCKETS.read_value(&self.bytes(state, &BUCKETS.key(&bucket))?);
            (keys.len() < BUCKET_KEYS_MAX).then_some((bucket, keys))
        });
        let (bucket, mut keys) = current.unwrap_or_else(|| ((hour, self.meta.next_row()), Vec::new()));
        if keys.is_empty() {
            self.overlay.insert(OPEN_BUCKET.key(&0), Some(codec::encode(&bucket)));
        }
        keys.push(id);
        self.overlay.insert(BUCKETS.key(&bucket), Some(codec::encode(&keys)));
    }

    /// Removes the replies of `hour` and earlier, of at most `rows_max` rows of keys. Returns whether there may be more.
    pub fn forget(&mut self, state: &dyn State, hour: u32, rows_max: u16) -> bool {
        let limit = usize::from(rows_max);
        let old: Vec<_> = self
            .reader(state)
            .first(&BUCKETS, limit)
            .into_iter()
            .take_while(|((of, _), _)| *of <= hour)
            .collect();
        for (bucket, keys) in &old {
            for key in keys {
                self.overlay.insert(REPLIES.key(key), None);
            }
            self.overlay.insert(BUCKETS.key(bucket), None);
        }
        old.len() == limit
    }

    /// Reads the state including what earlier entries of the batch have written.
    pub fn reader<'a>(&'a self, state: &'a dyn State) -> Turn<'a, S> {
        Turn::new(state, &self.overlay, Principal::default(), self.meta.clock, 0)
    }
}
