//! Applying committed entries to the state machine.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use protocol::codec;
use store::{Fault, Row};

use crate::metadata::{APPLIED, MEMBERSHIP, REPLICATED_FROM, applied_state, identity_row};
use crate::shared::{Shared, StopReason, blocking, catch_panic};
use crate::snapshot::{Builder, Snapshot, SnapshotData};
use crate::types::{ApplyResult, LogId, Membership, Response, SnapshotMeta, Types};

/// Maximum number of entries per batch. Each turn reads the writes of previous turns through an overlay in memory,
/// and other tasks of the thread wait meanwhile.
const BATCH_ENTRIES_MAX: usize = 256;

/// Applies committed payloads to a replica's state.
pub trait StateMachine: Send + Sync + 'static {
    /// Applies committed payloads in order, and returns one result per payload: `Some` for those that are
    /// [awaited](Entry::awaited). `metadata` are rows of this crate
    /// (their keys begin with byte 0), which must be committed in the same batch, so that the state and the applied
    /// log id never diverge. `entries` may be empty. May block. An error or a panic stops this replica.
    ///
    /// # Errors
    /// If the state has failed.
    fn apply(&self, entries: Vec<Entry>, metadata: Vec<Row>) -> Result<Vec<Option<ApplyResult>>, Fault>;

    /// Called after the state was replaced by a snapshot.
    fn replaced(&self);

    /// Replaces the state by a snapshot: calls `replace`, which does it. The old rows are visible until it returns. A
    /// state machine whose readers must not see rows of both excludes them meanwhile.
    ///
    /// # Errors
    /// The error of `replace`.
    fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Fault> {
        replace()?;
        self.replaced();
        Ok(())
    }
}

/// A committed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Index in the group's log. Indexes have gaps, because openraft appends entries of its own.
    pub index: u64,
    /// Term of the leader that appended it.
    pub term: u64,
    /// The proposed payload.
    pub payload: Arc<[u8]>,
    /// Whether the proposer waits for the result on this replica.
    pub awaited: bool,
}

/// Connects the state machine and the state to openraft.
pub(crate) struct Applier {
    shared: Arc<Shared>,
    machine: Arc<dyn StateMachine>,
    applied: Option<LogId>,
    membership: Membership,
}

/// Entries that are applied in one batch.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    /// Waiting callers, with the position of their payload in `entries`; `None` for entries without a payload.
    waiting: Vec<(Option<usize>, ApplyResponder<Types>)>,
    last: Option<LogId>,
    membership: Option<Membership>,
}

impl Applier {
    pub(crate) fn open(shared: Arc<Shared>, machine: Arc<dyn StateMachine>) -> Result<Self, Fault> {
        let (applied, membership) = applied_state(&*shared.state)?;
        Ok(Self { shared, machine, applied, membership })
    }

    fn apply_batch(&mut self, batch: Batch) -> io::Result<()> {
        let Batch { entries, waiting, last, membership } = batch;
        let Some(last) = last else { return Ok(()) };
        let mut metadata = vec![(APPLIED.to_vec(), codec::encode(&last))];
        metadata.extend(membership.iter().map(|membership| (MEMBERSHIP.to_vec(), codec::encode(membership))));
        let expected = entries.len();
        let machine = &*self.machine;
        // Runs on this thread: applying rarely blocks, and moving the worker's other tasks to another thread for each
        // batch would cost more than the batch itself.
        let results = catch_panic(|| machine.apply(entries, metadata)).and_then(|results| {
            let complete = results.len() == expected;
            complete.then_some(results).ok_or_else(|| {
                StopReason::Failed("the state machine did not return a result for every entry".to_owned())
            })
        });
        let mut results = results.map_err(|reason| self.stopped(reason, last.index))?;
        if let Some(membership) = membership {
            self.membership = membership;
        }
        let term = last.leader_id.term;
        self.shared.applied_next.store(last.index + 1, Ordering::Release);
        self.applied = Some(last);
        for (at, responder) in waiting {
            responder.send(Response { result: at.and_then(|at| results[at].take()) });
        }
        self.shared.applied_term.send_if_modified(|known| std::mem::replace(known, term) != term);
        Ok(())
    }

    async fn limit_unflushed(&self) -> io::Result<()> {
        self.shared.limit_unflushed().await.map_err(|fault| {
            self.shared.stop(StopReason::Store(fault.to_string()));
            io::Error::other(fault)
        })
    }

    fn stopped(&self, reason: StopReason, index: u64) -> io::Error {
        let reason = match reason {
            StopReason::Failed(why) => {
                StopReason::Failed(format!("applying entries up to {index} failed: {why}"))
            }
            StopReason::Store(_) | StopReason::ShutDown => reason,
        };
        let text = reason.to_string();
        self.shared.stop(reason);
        io::Error::other(text)
    }
}

impl RaftStateMachine<Types> for Applier {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, Membership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut items: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut batch = Batch::default();
        while let Some(item) = items.next().await {
            let (entry, responder) = item?;
            let mut at = None;
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(payload) => {
                    at = Some(batch.entries.len());
                    let (index, term) = (entry.log_id.index, entry.log_id.leader_id.term);
                    let awaited = responder.is_some();
                    batch.entries.push(Entry { index, term, payload: payload.0, awaited });
                }
                EntryPayload::Membership(membership) => {
                    batch.membership = Some(Membership::new(Some(entry.log_id), membership));
                }
            }
            batch.waiting.extend(responder.map(|responder| (at, responder)));
            batch.last = Some(entry.log_id);
            if batch.entries.len() == BATCH_ENTRIES_MAX {
                self.apply_batch(std::mem::take(&mut batch))?;
                self.limit_unflushed().await?;
            }
        }
        self.apply_batch(batch)?;
        self.limit_unflushed().await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() };
        Builder::new(Arc::clone(&self.shared), meta)
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotData) -> io::Result<()> {
        let state = Arc::clone(&self.shared.state);
        let machine = Arc::clone(&self.machine);
        let mut own = vec![(MEMBERSHIP.to_vec(), codec::encode(&meta.last_membership))];
        own.extend(meta.last_log_id.iter().map(|last| (APPLIED.to_vec(), codec::encode(last))));
        let installed = match data {
            SnapshotData::Staged(staged) => blocking(|| {
                catch_panic(|| {
                    own.extend(identity_row(&*state)?);
                    let mut staged = Some((staged, own));
                    machine.replace(&mut || {
                        let twice = || Fault::Io("the snapshot was already installed".to_owned());
                        let (staged, own) = staged.take().ok_or_else(twice)?;
                        state.install(staged, own)
                    })
                })
            }),
            SnapshotData::Local | SnapshotData::Pinned { .. } => {
                Err(StopReason::Failed("the snapshot has no rows".to_owned()))
            }
        };
        installed
            .map_err(|reason| self.stopped(reason, meta.last_log_id.as_ref().map_or(0, |last| last.index)))?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        let (term, next) =
            meta.last_log_id.as_ref().map_or((0, 0), |last| (last.leader_id.term, last.index + 1));
        self.shared.applied_next.store(next, Ordering::Release);
        self.shared.applied_term.send_if_modified(|known| std::mem::replace(known, term) != term);
        Ok(())
    }

    /// Called when a peer needs a snapshot. Nothing is applied meanwhile, since openraft does not run this and
    /// [`Self::apply`] concurrently.
    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        // At start-up openraft would treat the state as a snapshot up to which it may purge the log. But entries that
        // were just replayed into it are not on disk.
        if !self.shared.started.load(Ordering::Acquire) || self.applied.is_none() {
            return Ok(None);
        }
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() };
        let state = Arc::clone(&self.shared.state);
        let pin =
            state.pin(REPLICATED_FROM).ok_or_else(|| io::Error::other("the state does not support pins"))?;
        Ok(Some(Snapshot { meta, snapshot: SnapshotData::Pinned { state, pin } }))
    }
}
