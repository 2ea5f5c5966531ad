//! One command being applied: everything it reads, writes, sends and schedules, landing together or not at all.

use std::collections::BTreeMap;

use protocol::{Contract, Principal, RequestMessage, Slot, Timestamp, Variant, codec};
use serde::{Deserialize, Serialize};
use store::State;

use crate::service::Service;
use crate::tree::{Key, Tree, Value};
use crate::view::{Rows, sound};

/// Keys written so far and their new values; `None` removes.
pub(crate) type Overlay = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Something that leaves the turn, to be done by the leader afterwards, at least once, in order for each key.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub enum Outgoing {
    /// A command to another service.
    Event { service: String, slot: u16, key: u128, command: Vec<u8> },
    /// An effect on the outside world.
    Effect { key: u128, effect: Vec<u8> },
}

impl Outgoing {
    /// Whether it is of the same order as `other`, so that one waits for the other.
    pub fn is_behind(&self, other: &Self) -> bool {
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

/// What a turn has produced beside its writes.
pub(crate) struct Produce<S: Service> {
    pub outgoing: Vec<Outgoing>,
    pub timers: Vec<(Timestamp, S::Timer)>,
    pub notes: Vec<S::Note>,
}

impl<S: Service> Default for Produce<S> {
    fn default() -> Self {
        Self { outgoing: Vec::new(), timers: Vec::new(), notes: Vec::new() }
    }
}

/// See the module.
pub struct Turn<'a, S: Service> {
    state: &'a dyn State,
    landed: &'a Overlay,
    pub(crate) writes: Overlay,
    pub(crate) produce: Produce<S>,
    caller: Principal,
    now: Timestamp,
    entropy: u128,
    drawn: u64,
}

impl<'a, S: Service> Turn<'a, S> {
    /// `landed`: what earlier turns of the same batch wrote, not yet in `state`.
    pub(crate) fn new(
        state: &'a dyn State,
        landed: &'a Overlay,
        caller: Principal,
        now: Timestamp,
        entropy: u128,
    ) -> Self {
        Self {
            state,
            landed,
            writes: Overlay::new(),
            produce: Produce::default(),
            caller,
            now,
            entropy,
            drawn: 0,
        }
    }

    /// Who sent the command: verified, and allowed to by the contract. Ownership is the service's to check.
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// The proposer's clock, never earlier than in any turn before.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id: the slot in the 16 high bits, then 48 bits of milliseconds, then 64 unpredictable bits.
    pub fn fresh_id(&mut self, slot: Slot) -> u128 {
        let random = self.fresh_random() as u64;
        let millis = (self.now.millis() as u128) & 0xffff_ffff_ffff;
        u128::from(slot.number()) << 112 | millis << 64 | u128::from(random)
    }

    /// 128 bits that the proposer drew; other bits at each call, the same on each replica.
    pub fn fresh_random(&mut self) -> u128 {
        self.drawn += 1;
        codec::hash128(&[&self.entropy.to_be_bytes(), &self.drawn.to_be_bytes()])
    }

    /// The value under `key`, as this turn sees it.
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

    /// Removes what is under `key`, if anything.
    pub fn remove<K: Key, V: Value>(&mut self, tree: &Tree<K, V>, key: &K) {
        self.writes.insert(tree.key(key), None);
    }

    /// The rows whose key begins with `part`, in key order, as this turn sees them. Bound it with `limit`.
    pub fn scan<P: storekey::Encode, K: Key, V: Value>(
        &self,
        tree: &Tree<K, V>,
        part: &P,
        limit: usize,
    ) -> Vec<(K, V)> {
        self.merged(tree.prefixed(part), limit, |key, value| (tree.read_key(key), tree.read_value(value)))
    }

    /// The first rows of a whole tree, in key order.
    pub fn first<K: Key, V: Value>(&self, tree: &Tree<K, V>, limit: usize) -> Vec<(K, V)> {
        self.merged(tree.whole(), limit, |key, value| (tree.read_key(key), tree.read_value(value)))
    }

    /// Tells another service something, after this turn has landed. Messages under one `key` to one service arrive
    /// in order; each is applied once.
    pub fn send<C: Contract>(&mut self, key: u128, command: &C::Command) {
        let slot = match C::route_command(command) {
            protocol::Route::Slot(slot) => slot.number(),
            protocol::Route::AllShards => panic!("a command goes to one shard"),
        };
        let command = codec::encode(command);
        self.produce.outgoing.push(Outgoing::Event { service: C::SERVICE.to_owned(), slot, key, command });
    }

    /// Sends a command to another service, once this turn is committed. Commands under one `key` to one service are
    /// delivered in order, and each is applied once.
    pub fn emit<M: Variant>(&mut self, key: u128, request: M) {
        match request.into_message() {
            RequestMessage::Command(command) => self.send::<M::Contract>(key, &command),
            RequestMessage::Query(_) => panic!("an outbox carries commands, not queries"),
        }
    }

    /// Asks the leader to do something outside, after this turn has landed. Effects under one `key` are done in order.
    pub fn effect(&mut self, key: u128, effect: &S::Effect) {
        self.produce.outgoing.push(Outgoing::Effect { key, effect: codec::encode(effect) });
    }

    /// Asks to be reminded at `at`, or soon after.
    pub fn schedule(&mut self, at: Timestamp, timer: S::Timer) {
        self.produce.timers.push((at, timer));
    }

    /// Tells the replica's own memory, once this turn has landed.
    pub fn note(&mut self, note: S::Note) {
        self.produce.notes.push(note);
    }

    fn bytes(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.writes.get(key).or_else(|| self.landed.get(key)) {
            Some(written) => written.clone(),
            None => sound(self.state.get(key)),
        }
    }

    fn merged<T>(&self, prefix: Vec<u8>, limit: usize, read: impl Fn(&[u8], &[u8]) -> T) -> Vec<T> {
        let mut recent: BTreeMap<&[u8], Option<&[u8]>> = BTreeMap::new();
        for overlay in [self.landed, &self.writes] {
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
