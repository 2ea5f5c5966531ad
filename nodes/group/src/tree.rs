//! Typed trees over a replica's one map: a prefix byte, then the key in an encoding that keeps its order.

use std::marker::PhantomData;

use protocol::codec;
use serde::{Serialize, de::DeserializeOwned};

/// What can be a key: order-preserving bytes by `storekey`.
pub trait Key: storekey::Encode + storekey::Decode + Clone {}
impl<T: storekey::Encode + storekey::Decode + Clone> Key for T {}

/// What can be a value: anything serde carries.
pub trait Value: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Value for T {}

/// The first prefix that services may use; those below are the kernel's.
pub const FIRST_PREFIX: u8 = 32;

/// A tree of a service's state, declared as a constant in its `state.rs`.
#[derive(Debug)]
pub struct Tree<K, V> {
    prefix: u8,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Tree<K, V> {
    /// A tree of a service. Prefixes are unique within it and never reused, since what they hold lives for years.
    ///
    /// # Panics
    /// At compile time, when the prefix is one of the kernel's.
    pub const fn new(prefix: u8, name: &'static str) -> Self {
        assert!(prefix >= FIRST_PREFIX, "prefixes below 32 are the kernel's");
        Self::kernel(prefix, name)
    }

    pub(crate) const fn kernel(prefix: u8, name: &'static str) -> Self {
        Self { prefix, name, types: PhantomData }
    }

    /// What the tree is called in messages.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self, key: &K) -> Vec<u8> {
        self.prefixed(key)
    }

    /// The bytes that all keys begin with whose first parts are `part`.
    pub(crate) fn prefixed<P: storekey::Encode>(&self, part: &P) -> Vec<u8> {
        let mut bytes = vec![self.prefix];
        bytes.extend(storekey::encode_vec(part).expect("keys encode into memory"));
        bytes
    }

    pub(crate) fn whole(&self) -> Vec<u8> {
        vec![self.prefix]
    }

    pub(crate) fn read_key(&self, bytes: &[u8]) -> K {
        storekey::decode(&bytes[1..])
            .unwrap_or_else(|error| panic!("a key of `{}` is damaged: {error}", self.name))
    }

    pub(crate) fn read_value(&self, bytes: &[u8]) -> V {
        codec::decode(bytes).unwrap_or_else(|error| panic!("a value of `{}` is damaged: {error}", self.name))
    }
}
