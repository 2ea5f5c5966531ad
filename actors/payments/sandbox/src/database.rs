//! The bank's store: rows of JSON, changed in atomic batches that are on disk before a request is result.
//!
//! Keys: `intent/pi_…`, `refund/re_…`, `refunds-of/pi_…/SEQ`, `charge/ch_…`, `charges-of/pi_…/SEQ`, `method/pm_…`,
//! `key/…` (idempotency), `event/SEQ` (not delivered yet), `later/MILLIS/re_…` (refunds that will change), `meta/…`.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, de::DeserializeOwned};
use store::{Batch, Fault, State};

/// The store.
#[derive(Clone)]
pub(crate) struct Database {
    state: Arc<dyn State>,
}

/// The reads and writes of one request. Nothing is written unless [`Transaction::commit`] is called.
pub(crate) struct Transaction<'a> {
    database: &'a Database,
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Database {
    pub fn new(state: Arc<dyn State>) -> Self {
        Self { state }
    }

    pub fn begin(&self) -> Transaction<'_> {
        Transaction { database: self, writes: BTreeMap::new() }
    }
}

impl Transaction<'_> {
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Fault> {
        let bytes = match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.database.state.get(key.as_bytes())?,
        };
        bytes.map(|bytes| read(key, &bytes)).transpose()
    }

    pub fn put(&mut self, key: &str, value: &impl Serialize) {
        let bytes = serde_json::to_vec(value).expect("rows are plain data");
        self.writes.insert(key.to_owned(), Some(bytes));
    }

    pub fn remove(&mut self, key: &str) {
        self.writes.insert(key.to_owned(), None);
    }

    /// Rows whose key begins with `prefix`, in key order, including this request's writes.
    pub fn list<T: DeserializeOwned>(&self, prefix: &str, limit: usize) -> Result<Vec<(String, T)>, Fault> {
        let end = format!("{prefix}\u{10ffff}");
        let range = (Bound::Included(prefix.as_bytes()), Bound::Excluded(end.as_bytes()));
        let stored = self.database.state.scan(range.0, range.1, limit + self.writes.len(), false)?;
        let mut rows: BTreeMap<String, Vec<u8>> = stored
            .into_iter()
            .map(|(key, value)| (String::from_utf8_lossy(&key).into_owned(), value))
            .collect();
        for (key, value) in self.writes.iter().filter(|(key, _)| key.starts_with(prefix)) {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        rows.into_iter()
            .take(limit)
            .map(|(key, value)| read(&key, &value).map(|value| (key, value)))
            .collect()
    }

    /// The next number, for keys in the order of creation.
    pub fn next(&mut self) -> Result<u64, Fault> {
        let next = self.get::<u64>("meta/sequence")?.unwrap_or_default() + 1;
        self.put("meta/sequence", &next);
        Ok(next)
    }

    /// Writes everything, and returns once it is on disk.
    pub fn commit(self) -> Result<(), Fault> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let rows = self.writes.into_iter().map(|(key, value)| (key.into_bytes(), value)).collect();
        self.database.state.commit(Batch { rows })?;
        self.database.state.flush()
    }
}

fn read<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::Corrupt(format!("the row {key}: {error}")))
}

/// `pi_` and 24 unpredictable letters and digits.
pub(crate) fn random_id(prefix: &str) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes: [u8; 24] = rand::random();
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    prefix.chars().chain(letters).collect()
}

pub(crate) fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn now_secs() -> u64 {
    now_millis() / 1000
}
