//! Committed changes that are not in the tree yet.
//!
//! A row that changes many times between two flushes is written to the tree once, and one that is created and removed
//! (an outbox event) never: each change of a row in the tree copies its page.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use crate::batch::Batch;
use crate::fault::Fault;

/// Key, and the value, or `None` if the row is removed.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Approximate memory overhead per row.
const ROW_OVERHEAD_BYTES: usize = 96;

/// Two layers above the tree: `flushing` holds the changes that a flush is writing, `active` those committed since.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    active: Changes,
    flushing: Arc<Changes>,
    /// Approximate memory of `active`.
    bytes: usize,
}

impl Overlay {
    pub(crate) fn commit(&mut self, batch: Batch) {
        for (key, value) in batch.rows {
            let new = value.as_ref().map_or(0, Vec::len);
            match self.active.get_mut(&key) {
                Some(known) => {
                    self.bytes = self.bytes + new - known.as_ref().map_or(0, Vec::len);
                    *known = value;
                }
                None => {
                    self.bytes += key.len() + new + ROW_OVERHEAD_BYTES;
                    self.active.insert(key, value);
                }
            }
        }
    }

    /// The change of a row, if there is one: its value, or `None` if it is removed.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.active.get(key).or_else(|| self.flushing.get(key))
    }

    pub(crate) fn active_bytes(&self) -> usize {
        self.bytes
    }

    /// Begins a flush: returns all changes, including those of a failed flush. `None` if there are none.
    pub(crate) fn begin_flush(&mut self) -> Option<Arc<Changes>> {
        let active = std::mem::take(&mut self.active);
        self.bytes = 0;
        if self.flushing.is_empty() {
            self.flushing = Arc::new(active);
        } else {
            Arc::make_mut(&mut self.flushing).extend(active);
        }
        (!self.flushing.is_empty()).then(|| Arc::clone(&self.flushing))
    }

    /// Ends a flush: its changes are in the tree.
    pub(crate) fn end_flush(&mut self) {
        self.flushing = Arc::default();
    }

    /// At most `limit` rows between two keys: those of the tree, with the changes applied.
    pub(crate) fn scan<S: AsRef<[u8]>>(
        &self,
        (from, to): (Bound<&[u8]>, Bound<&[u8]>),
        limit: usize,
        reverse: bool,
        stored: impl Iterator<Item = sled::Result<(S, S)>>,
    ) -> sled::Result<Vec<Found<S>>> {
        if self.active.is_empty() && self.flushing.is_empty() {
            return stored.take(limit).map(|row| row.map(|(key, value)| Found::Stored(key, value))).collect();
        }
        let active = self.active.range::<[u8], _>((from, to));
        let flushing = self.flushing.range::<[u8], _>((from, to));
        if reverse {
            let changes =
                Layers { upper: active.rev().peekable(), lower: flushing.rev().peekable(), reverse };
            merge(changes, stored, limit, reverse)
        } else {
            let changes = Layers { upper: active.peekable(), lower: flushing.peekable(), reverse };
            merge(changes, stored, limit, reverse)
        }
    }
}

/// A row found by a scan.
pub(crate) enum Found<S> {
    /// A committed change.
    InMemory(Vec<u8>, Vec<u8>),
    /// A row of the tree, with its checksum.
    Stored(S, S),
}

type Change<'a> = (&'a Vec<u8>, &'a Option<Vec<u8>>);

/// Merges both layers. For a row in both, the upper one applies.
struct Layers<I: Iterator, J: Iterator> {
    upper: Peekable<I>,
    lower: Peekable<J>,
    reverse: bool,
}

impl<'a, I, J> Iterator for Layers<I, J>
where
    I: Iterator<Item = Change<'a>>,
    J: Iterator<Item = Change<'a>>,
{
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        let (Some((upper, _)), Some((lower, _))) = (self.upper.peek(), self.lower.peek()) else {
            return self.upper.next().or_else(|| self.lower.next());
        };
        match order(upper, lower, self.reverse) {
            Ordering::Less => self.upper.next(),
            Ordering::Greater => self.lower.next(),
            Ordering::Equal => {
                self.lower.next();
                self.upper.next()
            }
        }
    }
}

fn merge<'a, S: AsRef<[u8]>>(
    changes: impl Iterator<Item = Change<'a>>,
    stored: impl Iterator<Item = sled::Result<(S, S)>>,
    limit: usize,
    reverse: bool,
) -> sled::Result<Vec<Found<S>>> {
    let mut rows = Vec::new();
    let (mut changes, mut stored) = (changes.peekable(), stored.peekable());
    while rows.len() < limit {
        let next = match (changes.peek(), stored.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) | (Some(_), Some(Err(_))) => Ordering::Greater,
            (Some((changes, _)), Some(Ok((stored, _)))) => order(changes, stored.as_ref(), reverse),
        };
        if next == Ordering::Greater {
            let Some(row) = stored.next() else { break };
            let (key, value) = row?;
            rows.push(Found::Stored(key, value));
            continue;
        }
        if next == Ordering::Equal {
            stored.next();
        }
        if let Some((key, Some(value))) = changes.next() {
            rows.push(Found::InMemory(key.clone(), value.clone()));
        }
    }
    Ok(rows)
}

fn order(one: &[u8], other: &[u8], reverse: bool) -> Ordering {
    if reverse { other.cmp(one) } else { one.cmp(other) }
}

impl<S: AsRef<[u8]>> Found<S> {
    /// Returns the row. `open` verifies the stored value.
    pub(crate) fn open(
        self,
        open: impl FnOnce(&[u8], &[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<(Vec<u8>, Vec<u8>), Fault> {
        match self {
            Self::InMemory(key, value) => Ok((key, value)),
            Self::Stored(key, value) => {
                let value = open(key.as_ref(), value.as_ref())?;
                Ok((key.as_ref().to_vec(), value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    fn scan(overlay: &Overlay, tree: &Model, from: u8, to: u8, limit: usize, reverse: bool) -> Vec<u8> {
        let (from, to) = ([from], [to]);
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(&from), Bound::Excluded(&to));
        let rows = tree.range::<[u8], _>(bounds).map(|(key, value)| Ok((key.clone(), value.clone())));
        let rows: Vec<_> = if reverse { rows.rev().collect() } else { rows.collect() };
        let found = overlay.scan(bounds, limit, reverse, rows.into_iter()).unwrap();
        found
            .into_iter()
            .map(|row| row.open(|_, value| Ok(value.to_vec())).unwrap())
            .flat_map(|(key, value)| [key[0], value[0]])
            .collect()
    }

    proptest! {
        #[test]
        fn reads_are_the_same_as_if_all_changes_were_in_the_tree(
            steps in prop::collection::vec((0..4u8, prop::collection::vec((0..20u8, prop::option::of(0..9u8)), 0..12)), 0..20),
            (from, to, limit) in (0..10u8, 10..21u8, 0..12usize),
            reverse in any::<bool>(),
        ) {
            let (mut overlay, mut tree, mut model) = (Overlay::default(), Model::new(), Model::new());
            for (step, changes) in steps {
                let rows: Vec<_> =
                    changes.iter().map(|(key, value)| (vec![*key], value.map(|value| vec![value]))).collect();
                for (key, value) in rows.iter().cloned() {
                    match value {
                        Some(value) => model.insert(key, value),
                        None => model.remove(&key),
                    };
                }
                overlay.commit(Batch { rows });
                // A flush, completed or interrupted.
                if step > 1 && let Some(changes) = overlay.begin_flush() {
                    let done = if step == 2 { changes.len() / 2 } else { changes.len() };
                    for (key, value) in changes.iter().take(done) {
                        match value {
                            Some(value) => tree.insert(key.clone(), value.clone()),
                            None => tree.remove(key),
                        };
                    }
                    if step == 3 {
                        overlay.end_flush();
                    }
                }
                let expected = model.range(vec![from]..vec![to]);
                let expected: Vec<_> = if reverse { expected.rev().take(limit).collect() } else { expected.take(limit).collect() };
                let expected: Vec<u8> = expected.into_iter().flat_map(|(key, value)| [key[0], value[0]]).collect();
                prop_assert_eq!(scan(&overlay, &tree, from, to, limit, reverse), expected);
            }
        }
    }
}
