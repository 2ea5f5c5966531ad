//! Applying what is agreed on.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use protocol::codec;
use store::{Fault, Row, State};

use crate::shared::{Shared, StopReason, blocking, guarded};
use crate::snapshot::{Builder, SnapshotData};
use crate::types::{LogId, Membership, Reply, Snapshot, SnapshotMeta, Types};

/// The row that says which entry was applied last.
pub(crate) const APPLIED: &[u8] = b"\0applied";
/// The row that says who the members are, as of the last applied entry.
const MEMBERSHIP: &[u8] = b"\0membership";
/// Keys that begin with byte 0 are a replica's own and travel to no other; these are the others.
pub(crate) const REPLICATED_FROM: Bound<&[u8]> = Bound::Included(&[1]);
/// Entries applied in one batch, at most: a turn sees those before it through an overlay in memory, and the runtime's other
/// tasks wait for the thread meanwhile.
const BATCH_ENTRIES_MAX: usize = 256;

/// What a replica does with payloads, once they are agreed on.
pub trait StateMachine: Send + Sync + 'static {
    /// Applies committed payloads, in order; one reply for each. `marks` are rows of consensus' own (their keys begin with
    /// byte 0), to be committed in the same batch: what was applied and that it was must not part. `entries` may be
    /// empty. Runs where it may block. An error or a panic stops this replica.
    ///
    /// # Errors
    /// When the state is broken.
    fn apply(&self, entries: Vec<Entry>, metadata: Vec<Row>) -> Result<Vec<Vec<u8>>, Fault>;

    /// The state was replaced by a snapshot.
    fn replaced(&self);

    /// Has the state replaced by a snapshot: `replace` does it, and the old rows are visible until it is over. A machine
    /// whose readers must not see rows of both keeps them out while it runs.
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
    /// Its number in the group's log. Numbers have gaps: consensus has entries of its own.
    pub index: u64,
    /// The term of the leader that took it.
    pub term: u64,
    /// What was proposed.
    pub payload: Vec<u8>,
}

/// The machine and the state, as openraft knows them.
pub(crate) struct Applier {
    shared: Arc<Shared>,
    machine: Arc<dyn StateMachine>,
    applied: Option<LogId>,
    membership: Membership,
}

/// Entries on their way to the machine.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    /// Who waits: for the reply of the entry so many before were payloads of, or for none where it was no payload.
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
        // In place: it is work for the processor nearly always, and handing a worker's tasks to another thread for each batch
        // costs more than the batch itself.
        let replies = guarded(|| machine.apply(entries, metadata)).and_then(|replies| {
            let enough = replies.len() == expected;
            enough
                .then_some(replies)
                .ok_or_else(|| StopReason::Failed("the machine did not answer every entry".to_owned()))
        });
        let mut replies = replies.map_err(|reason| self.stopped(reason, last.index))?;
        if let Some(membership) = membership {
            self.membership = membership;
        }
        let term = last.leader_id.term;
        self.shared.applied_next.store(last.index + 1, Ordering::Release);
        self.applied = Some(last);
        for (at, responder) in waiting {
            responder.send(Reply(at.map(|at| std::mem::take(&mut replies[at])).unwrap_or_default()));
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

/// What the state says was applied last, and who the members were then.
pub(crate) fn applied_state(state: &dyn State) -> Result<(Option<LogId>, Membership), Fault> {
    let applied = mark(state, APPLIED)?;
    let membership = mark(state, MEMBERSHIP)?.unwrap_or_default();
    Ok((applied, membership))
}

/// A row of consensus' own.
pub(crate) fn mark<T: serde::de::DeserializeOwned>(
    state: &dyn State,
    key: &[u8],
) -> Result<Option<T>, Fault> {
    let wrong = |error| Fault::Corrupt(format!("the row {:?}: {error}", String::from_utf8_lossy(&key[1..])));
    state.get(key)?.map(|bytes| codec::decode(&bytes).map_err(wrong)).transpose()
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
                    batch.entries.push(Entry { index, term, payload: payload.0.to_vec() });
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
                guarded(|| {
                    own.extend(crate::start::identity_row(&*state)?);
                    let mut staged = Some((staged, own));
                    machine.replace(&mut || {
                        let twice = || Fault::Io("a snapshot is installed once".to_owned());
                        let (staged, own) = staged.take().ok_or_else(twice)?;
                        state.install(staged, own)
                    })
                })
            }),
            SnapshotData::Local | SnapshotData::Pinned { .. } => {
                Err(StopReason::Failed("a snapshot without its rows".to_owned()))
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

    /// Made when a peer asks. Nothing is applied meanwhile, since this and [`Self::apply`] take turns.
    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        // At start-up openraft would take the state for a snapshot that it may purge the log behind; but what was
        // replayed into it just now is not on disk.
        if !self.shared.started.load(Ordering::Acquire) || self.applied.is_none() {
            return Ok(None);
        }
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() };
        let state = Arc::clone(&self.shared.state);
        let pin =
            state.pin(REPLICATED_FROM).ok_or_else(|| io::Error::other("this state cannot be pinned"))?;
        Ok(Some(Snapshot { meta, snapshot: SnapshotData::Pinned { state, pin } }))
    }
}
