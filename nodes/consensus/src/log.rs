//! openraft's log storage, on top of the node's shared log.
//!
//! Entries are stored in the batches in which openraft appends them: the `codec` version byte, then `Vec<Entry>`. The
//! newest entries are also cached decoded, since each is read again soon: to be applied and to be sent.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use protocol::codec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Fault, NodeLog, Record};
use tokio::sync::oneshot;

use crate::types::{LogEntry, LogId, Types, Vote};

/// Limits of the cache: entries, and bytes of their payloads.
const RECENT_ENTRIES_MAX: usize = 8192;
const RECENT_BYTES_MAX: usize = 2 << 20;

/// The part of the shared log that belongs to one group.
#[derive(Clone)]
pub(crate) struct Log {
    group: Arc<str>,
    log: Arc<NodeLog>,
    recent: Arc<Mutex<Recent>>,
    message_bytes_max: usize,
}

/// Cache of consecutive entries up to the end of the log.
#[derive(Default)]
struct Recent {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(group: Arc<str>, log: Arc<NodeLog>, message_bytes_max: usize) -> Self {
        Self { group, log, recent: Arc::default(), message_bytes_max }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits a record and waits until it is on disk.
    pub(crate) async fn write(&self, record: Record) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.log.submit(&self.group, record, Some(done));
        receiver
            .await
            .unwrap_or_else(|_| Err(Fault::Io("the log was closed".to_owned())))
            .map_err(io::Error::other)
    }

    fn entries(&self, from: u64, to: u64) -> io::Result<Vec<LogEntry>> {
        let (newest, missing_to) = self.recent().range(from, to);
        if from >= missing_to {
            return Ok(newest);
        }
        let mut entries = Vec::new();
        for chunk in self.log.read(&self.group, from, missing_to).map_err(io::Error::other)? {
            let stored: Vec<LogEntry> = read(&chunk.bytes)?;
            let valid = stored.into_iter().take(chunk.count as usize);
            entries.extend(valid.filter(|entry| (from..missing_to).contains(&entry.log_id.index)));
        }
        entries.extend(newest);
        Ok(entries)
    }

    fn purged(&self) -> io::Result<Option<LogId>> {
        self.log.purged(&self.group).map(|(_, mark)| read(&mark)).transpose()
    }
}

impl Recent {
    fn push(&mut self, entry: LogEntry) {
        if self.entries.back().is_some_and(|last| last.log_id.index + 1 != entry.log_id.index) {
            *self = Self::default();
        }
        self.bytes += size(&entry);
        self.entries.push_back(entry);
        while self.entries.len() > RECENT_ENTRIES_MAX || self.bytes > RECENT_BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
    }

    /// Returns the cached entries of `from..to`, and the index up to which entries are missing.
    fn range(&self, from: u64, to: u64) -> (Vec<LogEntry>, u64) {
        let Some(first) = self.entries.front().map(|entry| entry.log_id.index).filter(|first| *first < to)
        else {
            return (Vec::new(), to);
        };
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let take = usize::try_from(to - first).unwrap_or(usize::MAX).min(self.entries.len());
        let entries =
            if skip < take { self.entries.range(skip..take).cloned().collect() } else { Vec::new() };
        (entries, first)
    }

    fn truncate(&mut self, from: u64) {
        while self.entries.back().is_some_and(|last| last.log_id.index >= from) {
            self.bytes -= self.entries.pop_back().map_or(0, |last| size(&last));
        }
    }

    fn purge(&mut self, upto: u64) {
        while self.entries.front().is_some_and(|first| first.log_id.index <= upto) {
            self.bytes -= self.entries.pop_front().map_or(0, |first| size(&first));
        }
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<LogEntry>> {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(to) => *to,
            Bound::Unbounded => u64::MAX,
        };
        if from >= to { Ok(Vec::new()) } else { self.entries(from, to) }
    }

    /// As many entries as fit into a message, at least one.
    async fn limited_get_log_entries(&mut self, from: u64, to: u64) -> io::Result<Vec<LogEntry>> {
        let mut entries = self.entries(from, to)?;
        let mut bytes = 0;
        let fit = entries.iter().take_while(|entry| {
            let before = bytes;
            bytes += size(entry);
            before < self.message_bytes_max
        });
        let fit = fit.count();
        entries.truncate(fit);
        Ok(entries)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.vote(&self.group).map(|bytes| read(&bytes)).transpose()
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let last_purged_log_id = self.purged()?;
        let last = match self.log.last(&self.group) {
            Some(last) => self.entries(last, last + 1)?.pop().map(|entry| entry.log_id),
            None => None,
        };
        let last_log_id = last.max(last_purged_log_id);
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.write(Record::Vote(bytes(vote))).await
    }

    /// Not awaited: written with the next record, or after a short delay.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        if let Some(committed) = committed {
            self.log.submit(&self.group, Record::Committed(bytes(&committed)), None);
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.log.committed(&self.group).map(|bytes| read(&bytes)).transpose()
    }

    /// Returns at once. The log's thread calls the callback after the shared flush.
    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<LogEntry> = entries.into_iter().collect();
        let done = Box::new(move |result: Result<(), Fault>| {
            callback.io_completed(result.map_err(io::Error::other));
        });
        let Some(first) = entries.first().map(|entry| entry.log_id.index) else {
            self.log.barrier(done);
            return Ok(());
        };
        let count = u32::try_from(entries.len()).map_err(io::Error::other)?;
        let record = Record::Batch { first, count, bytes: bytes(&entries) };
        self.log.submit(&self.group, record, Some(done));
        let mut recent = self.recent();
        entries.into_iter().for_each(|entry| recent.push(entry));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        self.recent().truncate(from);
        self.write(Record::Truncate { from }).await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.recent().purge(upto.index);
        self.log.submit(&self.group, Record::Purge { upto: upto.index, mark: bytes(&upto) }, None);
        Ok(())
    }
}

fn size(entry: &LogEntry) -> usize {
    const HEAD: usize = 32;
    match &entry.payload {
        EntryPayload::Blank | EntryPayload::Membership(_) => HEAD,
        EntryPayload::Normal(payload) => HEAD + payload.0.len(),
    }
}

pub(crate) fn bytes<T: Serialize>(value: &T) -> Arc<[u8]> {
    codec::encode(value).into()
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    codec::decode(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
