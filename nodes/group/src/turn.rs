//! The application of one command: its reads, and the writes, messages, effects and timers that are committed together
//! or not at all.

use std::collections::BTreeMap;

use protocol::{Contract, Principal, RequestMessage, Slot, Timestamp, Variant, codec};
use serde::{Deserialize, Serialize};
use store::State;

use crate::service::Service;
use crate::tree::{Key, Tree, Value};
use crate::view::{Rows, sound};

/// Written keys and their new values; `None` removes the key.
pub(crate) type Overlay = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A row of the outbox: the leader processes it after the turn is committed, at least once, in order for each key.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub enum Outgoing {
    /// A command to another service.
    Event { service: String, slot: u16, key: u128, command: Vec<u8> },
    /// An effect outside the group.
    Effect { key: u128, effect: Vec<u8> },
}

impl Outgoing {
    /// Whether the two rows are processed in order: the later one waits for the earlier one.
    pub fn is_ordered_with(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Event { service, slot, key, .. },
                Self::Event { service: of_service, slot: of_slot, key: of_key, .. },
            ) => (service, slot, key) == (of_service, of_slot, of_key),
            (Self::Effect { key, .. }, Self::Effect { key: of_key, .. }) => key == of_key,
            (Self::Event { .. }, Self::Effect { .. }) | (Self::Effect { .. }, Self::Event { .. }) => false,
        }
    }
}

/// What a turn produces in addition to its writes.
pub(crate) struct TurnOutput<S: Service> {
    pub outgoing: Vec<Outgoing>,
    pub timers: Vec<(Timestamp, S::Timer)>,
    pub notes: Vec<S::Note>,
}

impl<S: Service> Default for TurnOutput<S> {
    fn default() -> Self {
        Self { outgoing: Vec::new(), timers: Vec::new(), notes: Vec::new() }
    }
}

/// The application of one command, timer or event.
pub struct Turn<'a, S: Service> {
    state: &'a dyn State,
    earlier: &'a Overlay,
    pub(crate) writes: Overlay,
    pub(crate) output: TurnOutput<S>,
    caller: Principal,
    now: Timestamp,
    entropy: u128,
    generated: u64,
}

impl<'a, S: Service> Turn<'a, S> {
    /// `earlier`: the writes of earlier turns of the same batch, which are not in `state` yet.
    pub(crate) fn new(
        state: &'a dyn State,
        earlier: &'a Overlay,
        caller: Principal,
        now: Timestamp,
        entropy: u128,
    ) -> Self {
        Self {
            state,
            earlier,
            writes: Overlay::new(),
            output: TurnOutput::default(),
            caller,
            now,
            entropy,
            generated: 0,
        }
    }

    /// The verified sender of the command, which the contract allows to send it. The service checks ownership.
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// The proposer's time; never earlier than in any earlier turn.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id: the slot in the 16 high bits, then 48 bits of milliseconds, then 64 unpredictable bits.
    pub fn fresh_id(&mut self, slot: Slot) -> u128 {
        let random = self.fresh_random() as u64;
        let millis = (self.now.millis() as u128) & 0xffff_ffff_ffff;
        u128::from(slot.number()) << 112 | millis << 64 | u128::from(random)
    }

    /// 128 bits derived from the proposer's random source: different for each call, equal on every replica.
    pub fn fresh_random(&mut self) -> u128 {
        self.generated += 1;
        codec::hash128(&[&self.entropy.to_be_bytes(), &self.generated.to_be_bytes()])
    }

    /// The value under `key`, including this turn's writes.
    pub fn get<K: Key, V: Value>(&self, tree: &Tree<K, V>, key: &K) -> Option<V> {
        self.bytes(&tree.key(key)).map(|bytes| tree.read_value(&bytes))
    }

    /// Whether there is a value under `key`.
    pub fn has<K: Key, V: Value>(&self, tree: &Tree<K, V>, key: &K) -> bool {
        self.bytes(&tree.key(key)).is_some()
    }

    /// Sets the value under `key`.
    pub fn put<K: Key, V: Value>(&mut self, tree: &Tree<K, V>, key: &K, value: &V) {
        self.writes.insert(tree.key(key), Some(codec::encode(value)));
    }

    /// Removes the value under `key`, if there is one.
    pub fn remove<K: Key, V: Value>(&mut self, tree: &Tree<K, V>, key: &K) {
        self.writes.insert(tree.key(key), None);
    }

    /// At most `limit` rows whose key begins with `part`, in key order, including this turn's writes.
    pub fn scan<P: storekey::Encode, K: Key, V: Value>(
        &self,
        tree: &Tree<K, V>,
        part: &P,
        limit: usize,
    ) -> Vec<(K, V)> {
        self.merged(tree.prefixed(part), limit, |key, value| (tree.read_key(key), tree.read_value(value)))
    }

    /// At most `limit` first rows of a tree, in key order, including this turn's writes.
    pub fn first<K: Key, V: Value>(&self, tree: &Tree<K, V>, limit: usize) -> Vec<(K, V)> {
        self.merged(tree.whole(), limit, |key, value| (tree.read_key(key), tree.read_value(value)))
    }

    /// Sends a command to another service after this turn is committed. Commands with one `key` to one service arrive in
    /// order; each is applied once.
    pub fn send<C: Contract>(&mut self, key: u128, command: &C::Command) {
        let slot = match C::route_command(command) {
            protocol::Route::Slot(slot) => slot.number(),
            protocol::Route::AllShards => panic!("a command goes to one shard"),
        };
        let command = codec::encode(command);
        self.output.outgoing.push(Outgoing::Event { service: C::SERVICE.to_owned(), slot, key, command });
    }

    /// Sends a command to another service, once this turn is committed. Commands under one `key` to one service are
    /// delivered in order, and each is applied once.
    pub fn emit<M: Variant>(&mut self, key: u128, request: M) {
        match request.into_message() {
            RequestMessage::Command(command) => self.send::<M::Contract>(key, &command),
            RequestMessage::Query(_) => panic!("an outbox carries commands, not queries"),
        }
    }

    /// Has the leader perform an effect after this turn is committed. Effects with one `key` are performed in order.
    pub fn effect(&mut self, key: u128, effect: &S::Effect) {
        self.output.outgoing.push(Outgoing::Effect { key, effect: codec::encode(effect) });
    }

    /// Sets a timer that fires at `at` or soon after.
    pub fn schedule(&mut self, at: Timestamp, timer: S::Timer) {
        self.output.timers.push((at, timer));
    }

    /// Passes a note to [`Service::committed`] once this turn is committed.
    pub fn note(&mut self, note: S::Note) {
        self.output.notes.push(note);
    }

    fn bytes(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.writes.get(key).or_else(|| self.earlier.get(key)) {
            Some(written) => written.clone(),
            None => sound(self.state.get(key)),
        }
    }

    fn merged<T>(&self, prefix: Vec<u8>, limit: usize, read: impl Fn(&[u8], &[u8]) -> T) -> Vec<T> {
        let mut recent: BTreeMap<&[u8], Option<&[u8]>> = BTreeMap::new();
        for overlay in [self.earlier, &self.writes] {
            for (key, value) in
                overlay.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix))
            {
                recent.insert(key, value.as_deref());
            }
        }
        let mut stored = Rows::new(self.state, prefix).peekable();
        let mut recent = recent.into_iter().peekable();
        let mut found = Vec::new();
        while found.len() < limit {
            let written_first = match (stored.peek(), recent.peek()) {
                (None, None) => break,
                (Some((stored, _)), Some((written, _))) => *written <= stored.as_slice(),
                (None, Some(_)) => true,
                (Some(_), None) => false,
            };
            if written_first {
                let (key, value) = recent.next().expect("peeked");
                if stored.peek().is_some_and(|(stored, _)| stored.as_slice() == key) {
                    stored.next();
                }
                if let Some(value) = value {
                    found.push(read(key, value));
                }
            } else {
                let (key, value) = stored.next().expect("peeked");
                found.push(read(&key, &value));
            }
        }
        found
    }
}
