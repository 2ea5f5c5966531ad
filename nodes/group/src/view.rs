//! Reading a replica's state through typed trees.

use std::ops::Bound;

use protocol::Timestamp;
use store::{Fault, State};

use crate::tree::{Key, Tree, Value};

/// Rows that a scan fetches at a time.
const CHUNK: usize = 256;

/// A consistent version of a replica's state. No batch is committed while a view exists, so use it for a bounded time.
pub struct View<'a> {
    state: &'a dyn State,
    now: Timestamp,
}

impl<'a> View<'a> {
    /// A view of `state` at the instant `now`.
    pub fn new(state: &'a dyn State, now: Timestamp) -> Self {
        Self { state, now }
    }

    /// The time of the reader; never earlier than that of the last turn.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The value under `key`.
    pub fn get<K: Key, V: Value>(&self, tree: &Tree<K, V>, key: &K) -> Option<V> {
        sound(self.state.get(&tree.key(key))).map(|bytes| tree.read_value(&bytes))
    }

    /// Whether there is a value under `key`.
    pub fn has<K: Key, V: Value>(&self, tree: &Tree<K, V>, key: &K) -> bool {
        sound(self.state.get(&tree.key(key))).is_some()
    }

    /// All rows of a tree, in key order.
    pub fn all<K: Key, V: Value>(&self, tree: &'a Tree<K, V>) -> impl Iterator<Item = (K, V)> {
        self.rows(tree, tree.whole(), None, false)
    }

    /// The rows whose key begins with `part` (a prefix of the key's tuple), in key order.
    pub fn scan<P: storekey::Encode, K: Key, V: Value>(
        &self,
        tree: &'a Tree<K, V>,
        part: &P,
    ) -> impl Iterator<Item = (K, V)> {
        self.rows(tree, tree.prefixed(part), None, false)
    }

    /// As [`View::scan`], from the greatest key down.
    pub fn scan_back<P: storekey::Encode, K: Key, V: Value>(
        &self,
        tree: &'a Tree<K, V>,
        part: &P,
    ) -> impl Iterator<Item = (K, V)> {
        self.rows(tree, tree.prefixed(part), None, true)
    }

    /// The rows whose key begins with `part` and comes after `after`, in key order or in reverse: the next page.
    pub fn scan_after<P: storekey::Encode, K: Key, V: Value>(
        &self,
        tree: &'a Tree<K, V>,
        part: &P,
        after: &K,
        reverse: bool,
    ) -> impl Iterator<Item = (K, V)> {
        self.rows(tree, tree.prefixed(part), Some(tree.key(after)), reverse)
    }

    fn rows<K: Key, V: Value>(
        &self,
        tree: &'a Tree<K, V>,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        reverse: bool,
    ) -> impl Iterator<Item = (K, V)> {
        Rows { state: self.state, prefix, last: after, reverse, chunk: Vec::new().into_iter(), done: false }
            .map(|(key, value)| (tree.read_key(&key), tree.read_value(&value)))
    }
}

/// The rows under a prefix, fetched in chunks.
pub(crate) struct Rows<'a> {
    state: &'a dyn State,
    prefix: Vec<u8>,
    last: Option<Vec<u8>>,
    reverse: bool,
    chunk: std::vec::IntoIter<store::Row>,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(state: &'a dyn State, prefix: Vec<u8>) -> Self {
        Self { state, prefix, last: None, reverse: false, chunk: Vec::new().into_iter(), done: false }
    }

    fn fetch(&mut self) {
        let end = after_prefix(&self.prefix);
        let start = Bound::Included(self.prefix.as_slice());
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let last = self.last.as_deref().map(Bound::Excluded);
        let (from, to) =
            if self.reverse { (start, last.unwrap_or(end)) } else { (last.unwrap_or(start), end) };
        let rows = sound(self.state.scan(from, to, CHUNK, self.reverse));
        self.done = rows.len() < CHUNK;
        if let Some((key, _)) = rows.last() {
            self.last = Some(key.clone());
        }
        self.chunk = rows.into_iter();
    }
}

impl Iterator for Rows<'_> {
    type Item = store::Row;

    fn next(&mut self) -> Option<store::Row> {
        loop {
            if let Some(row) = self.chunk.next() {
                return Some(row);
            }
            if self.done {
                return None;
            }
            self.fetch();
        }
    }
}

/// The smallest key greater than every key that begins with `prefix`, if there is one.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Returns the value, or panics with the fault. The kernel catches the panic and stops this replica only.
pub(crate) fn sound<T>(result: Result<T, Fault>) -> T {
    result.unwrap_or_else(|fault| std::panic::panic_any(fault))
}
