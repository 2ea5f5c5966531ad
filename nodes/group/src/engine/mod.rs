//! The deterministic core of a replica: log entries in, state and results out. Replicas, the simulation and unit tests run
//! the same engine. It does not depend on Raft, actors or clocks.

mod any;
mod apply;
mod batch;
mod entry;
mod inbox;
mod poll;
mod restored;
mod rows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};

use protocol::{Principal, Timestamp};
use store::{Batch, Fault, State};
use tokio::sync::watch;

pub use any::{AnyEngine, KernelResult};
pub use apply::Applied;
pub use entry::{Entry, EntryResult, Stamp};
pub use poll::poll;
pub use restored::{begin_epoch, release_effects};
pub use rows::{Meta, Parked};

use crate::service::{Answer, Query, Refusal, Service};
use crate::turn::Outgoing;
use crate::view::View;
use rows::{BUCKETS, EFFECTS_HELD, META, OUTBOX, PARKED, TIMERS};

/// An entry of the log that is to be applied.
#[derive(Debug, Clone, Copy)]
pub struct LogEntry<'a> {
    pub index: u64,
    /// An encoded [`Entry`].
    pub payload: &'a [u8],
    /// Whether the proposer waits for the result, on this replica.
    pub awaited: bool,
}

/// New rows of a committed batch, for the leader's outbox and timers.
#[derive(Debug, Default)]
pub struct Committed {
    pub outgoing: Vec<(u64, Outgoing)>,
    pub earliest_timer: Option<Timestamp>,
}

/// Called after each committed batch.
pub type Listener = Box<dyn Fn(Committed) + Send + Sync>;

/// Why a replica stops.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Halt {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Fault),
    /// A turn panicked. Turns are deterministic: it panics on every replica.
    #[error("entry {index} cannot be applied: {why}")]
    Poison { index: u64, why: String },
    /// A snapshot is replacing the state; it cannot be read meanwhile.
    #[error("the state is being replaced")]
    Replacing,
}

/// A service on its state.
pub struct Engine<S: Service> {
    service: S,
    state: Arc<dyn State>,
    /// Locked for writing while a batch is committed, for reading by queries.
    commits: RwLock<()>,
    /// `commits` is locked for longer than a commit takes: readers do not wait for it.
    replacing: AtomicBool,
    meta: Mutex<Meta>,
    /// The clock of `meta` (milliseconds) for readers, which do not wait for the batch in progress.
    clock: AtomicI64,
    /// The number of batches applied.
    batches: watch::Sender<u64>,
    listener: Listener,
}

impl<S: Service> Engine<S> {
    /// Opens the service on a state and has it rebuild what it keeps in memory.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn open(service: S, state: Arc<dyn State>, listener: Listener) -> Result<Self, Halt> {
        let engine = Self {
            service,
            state,
            commits: RwLock::new(()),
            replacing: AtomicBool::new(false),
            meta: Mutex::new(Meta::default()),
            clock: AtomicI64::default(),
            batches: watch::Sender::new(0),
            listener,
        };
        engine.reopen()?;
        Ok(engine)
    }

    /// Reads the state again after it was replaced.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn reopen(&self) -> Result<(), Halt> {
        self.replace(&mut || Ok(()))
    }

    /// Calls `replace` to replace the state, and reads it again. Reads fail with [`Halt::Replacing`] meanwhile, so that
    /// no reader sees rows of both states, or new rows with the service's memory of the old ones. The caller makes sure
    /// that nothing is applied at the same time.
    ///
    /// # Errors
    /// The error of `replace`, or that the new state cannot be read.
    pub fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Halt> {
        self.replacing.store(true, Ordering::Release);
        let replaced = {
            let _commits = self.commits.write().unwrap_or_else(PoisonError::into_inner);
            replace().map_err(Halt::Store).and_then(|()| self.read_again())
        };
        self.replacing.store(false, Ordering::Release);
        self.batches.send_modify(|batches| *batches += 1);
        replaced
    }

    fn read_again(&self) -> Result<(), Halt> {
        let meta = guarded(0, || {
            let view = View::new(&*self.state, Timestamp::default());
            let meta = view.get(&META, &0).unwrap_or_default();
            self.service.opened(&View::new(&*self.state, meta.clock));
            meta
        })?;
        self.clock.store(meta.clock.millis(), Ordering::Release);
        *lock(&self.meta) = meta;
        Ok(())
    }

    /// Commits a batch and passes the notes of its turns to the service, while nothing is read.
    fn commit(&self, batch: Batch, notes: Vec<S::Note>, clock: Timestamp) -> Result<(), Halt> {
        let _commits = self.commits.write().unwrap_or_else(PoisonError::into_inner);
        self.state.commit(batch)?;
        if !notes.is_empty() {
            guarded(0, || self.service.committed(notes))?;
        }
        self.clock.store(clock.millis(), Ordering::Release);
        Ok(())
    }

    /// Waits for a commit, but not for the replacement of the state.
    fn between_commits(&self) -> Result<RwLockReadGuard<'_, ()>, Halt> {
        match self.commits.try_read() {
            Ok(commits) => Ok(commits),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.replacing.load(Ordering::Acquire) => Err(Halt::Replacing),
            Err(TryLockError::WouldBlock) => Ok(self.commits.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// The service.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The state of the service.
    pub fn state(&self) -> &Arc<dyn State> {
        &self.state
    }

    /// Changes after each applied batch.
    pub fn batches(&self) -> watch::Receiver<u64> {
        self.batches.subscribe()
    }

    /// Answers a query from one consistent version of the state.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn query(
        &self,
        caller: &Principal,
        now: Timestamp,
        query: Query<S>,
    ) -> Result<Result<Answer<S>, Refusal<S>>, Halt> {
        self.read(now, |view| self.service.query(view, caller, query))
    }

    /// Checks the service's invariants: one line for each violation.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn violations(&self) -> Result<Vec<String>, Halt> {
        self.read(Timestamp::default(), |view| self.service.violations(view))
    }

    /// Reads one consistent version of the state.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read<T>(&self, now: Timestamp, read: impl FnOnce(&View<'_>) -> T) -> Result<T, Halt> {
        let _commits = self.between_commits()?;
        let clock = Timestamp(self.clock.load(Ordering::Acquire));
        guarded(0, || read(&View::new(&*self.state, now.max(clock))))
    }

    /// All rows of the outbox, in order.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&OUTBOX).collect())
    }

    /// The number of rows in the outbox, counted up to `count_max`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn outbox_length(&self, count_max: usize) -> Result<usize, Halt> {
        self.read(Timestamp::default(), |view| view.all(&OUTBOX).take(count_max).count())
    }

    /// The highest number that was given to an outbox row, a timer or a row of idempotency keys.
    pub fn last_row(&self) -> u64 {
        lock(&self.meta).last_row()
    }

    /// Whether effects wait until an operator releases them, since this state was restored.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn effects_are_held(&self) -> Result<bool, Halt> {
        self.read(Timestamp::default(), |view| view.get(&EFFECTS_HELD, &0).is_some())
    }

    /// The parked rows, for an operator.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn parked(&self) -> Result<Vec<(u64, Parked)>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&PARKED).collect())
    }

    /// When the next timer is due.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn next_timer(&self) -> Result<Option<Timestamp>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&TIMERS).next().map(|((at, _), _)| at))
    }

    /// The oldest hour of which idempotency keys are stored.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn oldest_hour(&self) -> Result<Option<u32>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&BUCKETS).next().map(|((hour, _), _)| hour))
    }
}

/// The name of a service, from its contract.
pub fn service_name<S: Service>() -> &'static str {
    <S::Contract as protocol::Contract>::SERVICE
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs code that panics when the store fails or a service has a bug.
fn guarded<T>(index: u64, run: impl FnOnce() -> T) -> Result<T, Halt> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| match panic.downcast::<Fault>() {
        Ok(fault) => Halt::Store(*fault),
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned();
            let why = why.or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
            Halt::Poison { index, why: why.unwrap_or_else(|| "a panic without a message".to_owned()) }
        }
    })
}
