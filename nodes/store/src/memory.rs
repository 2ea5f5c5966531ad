//! A state in memory, for tests and simulation. Can simulate a crash.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::RwLock;

use crate::batch::{Batch, Row};
use crate::fault::Fault;
use crate::pin::{Pin, Pins};
use crate::state::State;

/// A [`State`] in memory. [`Memory::crash`] returns what a crash would leave: the rows as of the last flush.
#[derive(Debug, Default)]
pub struct Memory {
    maps: RwLock<Maps>,
    pins: Pins,
}

#[derive(Debug, Default)]
struct Maps {
    live: BTreeMap<Vec<u8>, Vec<u8>>,
    flushed: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Memory {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state after a power failure: the rows as of the last flush.
    #[must_use]
    pub fn crash(&self) -> Self {
        let flushed = self.maps.read().expect("no writer panics").flushed.clone();
        Self { maps: RwLock::new(Maps { live: flushed.clone(), flushed }), pins: Pins::default() }
    }
}

impl State for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.maps.read().expect("no writer panics").live.get(key).cloned())
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, Fault> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let maps = self.maps.read().expect("no writer panics");
        let rows = maps.live.range::<[u8], _>((from, to));
        let own = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(if reverse {
            rows.rev().take(limit).map(own).collect()
        } else {
            rows.take(limit).map(own).collect()
        })
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        let mut pins = self.pins.lock();
        pins.preserve(&batch, |key| self.get(key))?;
        let live = &mut self.maps.write().expect("no writer panics").live;
        for (key, value) in batch.rows {
            match value {
                Some(value) => live.insert(key, value),
                None => live.remove(&key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Fault> {
        let mut maps = self.maps.write().expect("no writer panics");
        maps.flushed = maps.live.clone();
        Ok(())
    }

    fn size(&self) -> u64 {
        let maps = self.maps.read().expect("no writer panics");
        maps.live.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn pin(&self, from: Bound<&[u8]>) -> Option<Pin> {
        Some(self.pins.pin(from))
    }

    fn pinned(&self, pin: &Pin, limit: usize) -> Result<Option<Vec<Row>>, Fault> {
        self.pins.lock().read(pin, limit, |from| self.scan(from, Bound::Unbounded, limit, false))
    }

    /// Atomic, also in a crash.
    fn replace(&self, rows: &mut dyn Iterator<Item = Result<Row, Fault>>) -> Result<(), Fault> {
        let live: BTreeMap<_, _> = rows.collect::<Result<_, _>>()?;
        self.pins.lock().invalidate();
        let mut maps = self.maps.write().expect("no writer panics");
        maps.flushed = live.clone();
        maps.live = live;
        Ok(())
    }
}

/// Whether a range is empty because of its bounds (`BTreeMap::range` panics on these).
pub(crate) fn is_empty(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        _ => false,
    }
}
