//! Typed trees over the ordered map of a replica's state. A key is a prefix byte, followed by an encoding that preserves
//! the order of keys.

use std::marker::PhantomData;

use protocol::codec;
use serde::{Serialize, de::DeserializeOwned};

/// A key, encoded by `storekey`.
pub trait Key: storekey::Encode + storekey::Decode + Clone {}
impl<T: storekey::Encode + storekey::Decode + Clone> Key for T {}

/// A value, encoded by `protocol::codec`.
pub trait Value: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Value for T {}

/// The first prefix for services; smaller ones belong to the kernel.
pub const FIRST_PREFIX: u8 = 32;

/// A tree of a service's state, declared as a constant in its `state.rs`.
#[derive(Debug)]
pub struct Tree<K, V> {
    prefix: u8,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Tree<K, V> {
    /// A tree of a service. A prefix is unique within the service and never reused, since its rows are stored for years.
    ///
    /// # Panics
    /// At compile time, when the prefix belongs to the kernel.
    pub const fn new(prefix: u8, name: &'static str) -> Self {
        assert!(prefix >= FIRST_PREFIX, "prefixes below 32 belong to the kernel");
        Self::kernel(prefix, name)
    }

    pub(crate) const fn kernel(prefix: u8, name: &'static str) -> Self {
        Self { prefix, name, types: PhantomData }
    }

    /// The tree's name in error messages.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn key(&self, key: &K) -> Vec<u8> {
        self.prefixed(key)
    }

    /// The prefix of all keys whose first fields are `part`.
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
