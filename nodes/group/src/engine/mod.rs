//! The pure core of a replica: log entries in, state and replies out. The same for each replica, the simulation and the
//! tables of tests; it knows no raft, no actor and no clock.

mod entry;
mod inbox;
mod restored;
mod rows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, TryLockError};

use protocol::{Principal, Timestamp, codec};
use store::{Batch, Fault, Row, State};

pub use entry::{Entry, Stamp, Verdict};
pub use restored::{begin_epoch, let_go};
pub use rows::{Meta, Parked};

use crate::service::{Answer, Query, Refusal, Reply, Service};
use crate::turn::{Outgoing, Overlay, Turn};
use crate::view::View;
use rows::{BUCKETS, HELD, META, OPEN_BUCKET, OUTBOX, PARKED, REPLAYS, Replay, TIMERS};

/// How many due timers one entry fires.
const FIRED_MAX: usize = 256;
/// How many idempotency keys share a row of those that are forgotten together.
const BUCKET_KEYS_MAX: usize = 32;

/// What has just landed, for the leader's outbox and timer workers.
#[derive(Debug, Default)]
pub struct Landed {
    pub outgoing: Vec<(u64, Outgoing)>,
    pub earliest_timer: Option<Timestamp>,
}

type Listener = Box<dyn Fn(Landed) + Send + Sync>;

/// Why a replica cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Halt {
    /// The store is broken.
    #[error(transparent)]
    Store(#[from] Fault),
    /// A turn panicked: it would on every replica.
    #[error("entry {index} cannot be applied: {why}")]
    Poison { index: u64, why: String },
    /// Its state is being replaced by a snapshot: nothing can be read before that is over.
    #[error("the state is being replaced")]
    Replacing,
}

/// See the module.
pub struct Engine<S: Service> {
    service: S,
    state: Arc<dyn State>,
    /// Held for writing while a batch lands, for reading by queries.
    landing: RwLock<()>,
    /// It is held for longer than a batch takes: nobody shall wait for it.
    replacing: AtomicBool,
    meta: Mutex<Meta>,
    /// The clock of `meta` (milliseconds), for readers: they do not wait for a batch on its way.
    clock: AtomicI64,
    listener: Listener,
}

/// One batch of entries on its way into the store.
struct Landing<S: Service> {
    overlay: Overlay,
    meta: Meta,
    notes: Vec<S::Note>,
    landed: Landed,
}

impl<S: Service> Engine<S> {
    /// Opens the service on a state, and has it rebuild what it keeps in memory.
    pub fn open(service: S, state: Arc<dyn State>, listener: Listener) -> Result<Self, Halt> {
        let engine = Self {
            service,
            state,
            landing: RwLock::new(()),
            replacing: AtomicBool::new(false),
            meta: Mutex::new(Meta::default()),
            clock: AtomicI64::default(),
            listener,
        };
        engine.reopen()?;
        Ok(engine)
    }

    /// The state was replaced beneath: read it anew.
    pub fn reopen(&self) -> Result<(), Halt> {
        self.replace(&mut || Ok(()))
    }

    /// Has `replace` replace the state, and reads it anew. No reader sees rows of both, nor the new ones with what the
    /// service remembers of the old: meanwhile they are turned away. The caller sees to it that nothing is applied.
    pub fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Halt> {
        self.replacing.store(true, Ordering::Release);
        let replaced = {
            let _landing = self.landing.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            replace().map_err(Halt::Store).and_then(|()| self.read_anew())
        };
        self.replacing.store(false, Ordering::Release);
        replaced
    }

    fn read_anew(&self) -> Result<(), Halt> {
        let meta = guarded(0, || {
            let view = View::new(&*self.state, Timestamp::default());
            let meta = view.get(&META, &0).unwrap_or_default();
            self.service.opened(&View::new(&*self.state, meta.clock));
            meta
        })?;
        self.clock.store(meta.clock.millis(), Ordering::Release);
        *self.meta.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = meta;
        Ok(())
    }

    /// Waits for a batch to land, but not for a state to be replaced.
    fn between_landings(&self) -> Result<RwLockReadGuard<'_, ()>, Halt> {
        match self.landing.try_read() {
            Ok(landing) => Ok(landing),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.replacing.load(Ordering::Acquire) => Err(Halt::Replacing),
            Err(TryLockError::WouldBlock) => {
                Ok(self.landing.read().unwrap_or_else(std::sync::PoisonError::into_inner))
            }
        }
    }

    /// The service itself.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// What it stands on.
    pub fn state(&self) -> &Arc<dyn State> {
        &self.state
    }

    /// Applies entries in order and lands them, with `marks`, in one batch. One verdict for each.
    pub fn apply(&self, entries: &[(u64, &[u8])], marks: Vec<Row>) -> Result<Vec<Vec<u8>>, Halt> {
        let mut meta = self.meta.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut landing =
            Landing { overlay: Overlay::new(), meta: *meta, notes: Vec::new(), landed: Landed::default() };
        let mut verdicts = Vec::with_capacity(entries.len());
        for (index, payload) in entries {
            verdicts.push(guarded(*index, || self.apply_one(&mut landing, payload))?);
        }
        let Landing { mut overlay, meta: changed, notes, landed, .. } = landing;
        if changed != *meta {
            overlay.insert(META.key(&0), Some(codec::encode(&changed)));
        }
        let rows = marks.into_iter().map(|(key, value)| (key, Some(value))).chain(overlay).collect();
        {
            let _landing = self.landing.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.state.commit(Batch { rows })?;
            if !notes.is_empty() {
                guarded(0, || self.service.landed(notes))?;
            }
            self.clock.store(changed.clock.millis(), Ordering::Release);
        }
        *meta = changed;
        if !landed.outgoing.is_empty() || landed.earliest_timer.is_some() {
            (self.listener)(landed);
        }
        Ok(verdicts)
    }

    /// Answers a query at one consistent point.
    pub fn query(
        &self,
        caller: &Principal,
        now: Timestamp,
        query: Query<S>,
    ) -> Result<Result<Answer<S>, Refusal<S>>, Halt> {
        self.read(now, |view| self.service.query(view, caller, query))
    }

    /// What the service says is broken.
    pub fn violations(&self) -> Result<Vec<String>, Halt> {
        self.read(Timestamp::default(), |view| self.service.violations(view))
    }

    /// Reads at one consistent point.
    pub fn read<T>(&self, now: Timestamp, read: impl FnOnce(&View<'_>) -> T) -> Result<T, Halt> {
        let _landing = self.between_landings()?;
        let clock = Timestamp(self.clock.load(Ordering::Acquire));
        guarded(0, || read(&View::new(&*self.state, now.max(clock))))
    }

    /// Everything that waits in the outbox, in order.
    pub fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&OUTBOX).collect())
    }

    /// How many rows wait in the outbox, as far as they are counted: up to `count_max`.
    pub fn outbox_length(&self, count_max: usize) -> Result<usize, Halt> {
        self.read(Timestamp::default(), |view| view.all(&OUTBOX).take(count_max).count())
    }

    /// The highest number that a row of the outbox, or anything else that is numbered, has.
    pub fn last_row(&self) -> u64 {
        self.meta.lock().unwrap_or_else(std::sync::PoisonError::into_inner).last_row()
    }

    /// Whether effects wait for an operator's word, since this state was restored.
    pub fn effects_are_held(&self) -> Result<bool, Halt> {
        self.read(Timestamp::default(), |view| view.get(&HELD, &0).is_some())
    }

    /// Rows that were parked, for an operator.
    pub fn parked(&self) -> Result<Vec<(u64, Parked)>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&PARKED).collect())
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Result<Option<Timestamp>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&TIMERS).next().map(|((at, _), _)| at))
    }

    /// The oldest hour whose idempotency keys are remembered.
    pub fn oldest_hour(&self) -> Result<Option<u32>, Halt> {
        self.read(Timestamp::default(), |view| view.all(&BUCKETS).next().map(|((hour, _), _)| hour))
    }

    fn apply_one(&self, landing: &mut Landing<S>, payload: &[u8]) -> Vec<u8> {
        let entry: Entry<crate::Command<S>> =
            codec::decode(payload).unwrap_or_else(|error| panic!("a log entry is damaged: {error}"));
        let verdict = match entry {
            Entry::Command { id, digest, caller, stamp, command } => {
                self.obey(landing, id, digest, caller, stamp, command)
            }
            Entry::Deliver { source, floor, rows, caller, stamp } => {
                Verdict::Delivered(self.receive(landing, &source, floor, rows, &caller, stamp))
            }
            Entry::Fire { stamp } => Verdict::More(self.fire(landing, stamp)),
            Entry::Settle { done, parked } => {
                landing.settle(&*self.state, &done, parked);
                Verdict::Noted
            }
            Entry::Conclude { row, stamp, command } => {
                // A second conclusion (a leader that died after proposing) finds the row gone and changes nothing.
                if landing.has_row(&*self.state, row) {
                    let caller = Principal::service(service_name::<S>());
                    let refused =
                        self.turn(landing, caller, stamp, |turn, service| service.apply(turn, command)).err();
                    let parked = refused.map(|refusal| (row, format!("report refused: {refusal}")));
                    landing.settle(&*self.state, &[row], parked.into_iter().collect());
                }
                Verdict::Noted
            }
            Entry::Release { row, again } => {
                landing.release(&*self.state, row, again);
                Verdict::Noted
            }
            Entry::Forget { hour, rows_max } => Verdict::More(landing.forget(&*self.state, hour, rows_max)),
            Entry::LetGo => {
                landing.overlay.insert(HELD.key(&0), None);
                Verdict::Noted
            }
        };
        codec::encode(&verdict)
    }

    fn obey(
        &self,
        landing: &mut Landing<S>,
        id: u128,
        digest: u64,
        caller: Principal,
        stamp: Stamp,
        command: crate::Command<S>,
    ) -> Verdict<Reply<S>, Refusal<S>> {
        if let Some(bytes) = landing.bytes(&*self.state, &REPLAYS.key(&id)) {
            let replay: Replay<Reply<S>, Refusal<S>> =
                codec::decode(&bytes).unwrap_or_else(|error| panic!("a kept reply is damaged: {error}"));
            return match (replay.digest == digest, replay.result) {
                (false, _) => Verdict::KeyReused,
                (true, Ok(reply)) => Verdict::Reply(reply),
                (true, Err(refusal)) => Verdict::Refused(refusal),
            };
        }
        let hour = u32::try_from(stamp.now.seconds() / 3600).unwrap_or_default();
        let result = self.turn(landing, caller, stamp, |turn, service| service.apply(turn, command));
        let replay = Replay { digest, result };
        landing.overlay.insert(REPLAYS.key(&id), Some(codec::encode(&replay)));
        landing.remember(&*self.state, hour, id);
        match replay.result {
            Ok(reply) => Verdict::Reply(reply),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Runs one turn on top of those before it in the batch. A refused turn leaves nothing.
    fn turn<T, E>(
        &self,
        landing: &mut Landing<S>,
        caller: Principal,
        stamp: Stamp,
        run: impl FnOnce(&mut Turn<'_, S>, &S) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = landing.meta.clock.max(stamp.now);
        let mut turn = Turn::new(&*self.state, &landing.overlay, caller, now, stamp.entropy);
        let result = run(&mut turn, &self.service)?;
        let Turn { writes, produce, .. } = turn;
        landing.meta.clock = now;
        landing.overlay.extend(writes);
        landing.notes.extend(produce.notes);
        for outgoing in produce.outgoing {
            let row = landing.meta.next_row();
            landing.overlay.insert(OUTBOX.key(&row), Some(codec::encode(&outgoing)));
            landing.landed.outgoing.push((row, outgoing));
        }
        for (at, timer) in produce.timers {
            let row = landing.meta.next_row();
            landing.overlay.insert(TIMERS.key(&(at, row)), Some(codec::encode(&codec::encode(&timer))));
            let earliest = &mut landing.landed.earliest_timer;
            *earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
        Ok(result)
    }

    /// Fires what is due, and says whether there is more.
    fn fire(&self, landing: &mut Landing<S>, stamp: Stamp) -> bool {
        let now = landing.meta.clock.max(stamp.now);
        let due: Vec<_> = {
            let caller = Principal::service(service_name::<S>());
            let turn: Turn<'_, S> = Turn::new(&*self.state, &landing.overlay, caller, now, 0);
            turn.first(&TIMERS, FIRED_MAX + 1).into_iter().take_while(|((at, _), _)| *at <= now).collect()
        };
        let more = due.len() > FIRED_MAX;
        for (nth, ((at, row), timer)) in due.into_iter().take(FIRED_MAX).enumerate() {
            landing.overlay.insert(TIMERS.key(&(at, row)), None);
            let timer = codec::decode(&timer).unwrap_or_else(|error| panic!("a timer is damaged: {error}"));
            let stamp = stamp.nth(nth as u64);
            let caller = Principal::service(service_name::<S>());
            let fired: Result<(), std::convert::Infallible> =
                self.turn(landing, caller, stamp, |turn, service| {
                    service.fire(turn, timer);
                    Ok(())
                });
            let Ok(()) = fired;
        }
        more
    }
}

impl<S: Service> Landing<S> {
    fn bytes(&self, state: &dyn State, key: &[u8]) -> Option<Vec<u8>> {
        match self.overlay.get(key) {
            Some(written) => written.clone(),
            None => crate::view::sound(state.get(key)),
        }
    }

    fn has_row(&self, state: &dyn State, row: u64) -> bool {
        self.bytes(state, &OUTBOX.key(&row)).is_some()
    }

    fn settle(&mut self, state: &dyn State, done: &[u64], parked: Vec<(u64, String)>) {
        for (row, why) in parked {
            if let Some(bytes) = self.bytes(state, &OUTBOX.key(&row)) {
                let outgoing = OUTBOX.read_value(&bytes);
                self.overlay.insert(PARKED.key(&row), Some(codec::encode(&Parked { outgoing, why })));
                self.overlay.insert(OUTBOX.key(&row), None);
            }
        }
        for row in done {
            self.overlay.insert(OUTBOX.key(row), None);
        }
    }

    /// An operator's word on a parked row: once more, or never. What waited behind it goes on after it: all of them under
    /// new numbers, since the receiver may have been told that the old ones will not come any more.
    fn release(&mut self, state: &dyn State, row: u64, again: bool) {
        let Some(bytes) = self.bytes(state, &PARKED.key(&row)) else { return };
        self.overlay.insert(PARKED.key(&row), None);
        let parked = PARKED.read_value(&bytes).outgoing;
        let turn: Turn<'_, S> = Turn::new(state, &self.overlay, Principal::default(), self.meta.clock, 0);
        let mut waiting = turn.first(&OUTBOX, usize::MAX);
        waiting.retain(|(later, outgoing)| *later > row && outgoing.is_behind(&parked));
        for (later, _) in &waiting {
            self.overlay.insert(OUTBOX.key(later), None);
        }
        for outgoing in
            again.then_some(parked).into_iter().chain(waiting.into_iter().map(|(_, outgoing)| outgoing))
        {
            let row = self.meta.next_row();
            self.overlay.insert(OUTBOX.key(&row), Some(codec::encode(&outgoing)));
            self.landed.outgoing.push((row, outgoing));
        }
    }

    /// Notes a key for the hour in which it is forgotten. How the rows are filled follows from the log alone, never from
    /// how entries happen to be batched: all replicas number their rows alike.
    fn remember(&mut self, state: &dyn State, hour: u32, id: u128) {
        let open = self.bytes(state, &OPEN_BUCKET.key(&0)).map(|bytes| OPEN_BUCKET.read_value(&bytes));
        let kept = open.filter(|bucket| bucket.0 == hour).and_then(|bucket| {
            let keys = BUCKETS.read_value(&self.bytes(state, &BUCKETS.key(&bucket))?);
            (keys.len() < BUCKET_KEYS_MAX).then_some((bucket, keys))
        });
        let (bucket, mut keys) = kept.unwrap_or_else(|| ((hour, self.meta.next_row()), Vec::new()));
        if keys.is_empty() {
            self.overlay.insert(OPEN_BUCKET.key(&0), Some(codec::encode(&bucket)));
        }
        keys.push(id);
        self.overlay.insert(BUCKETS.key(&bucket), Some(codec::encode(&keys)));
    }

    /// Forgets replies of `hour` and before, so many rows of keys at a time; says whether there is more.
    fn forget(&mut self, state: &dyn State, hour: u32, rows_max: u16) -> bool {
        let limit = usize::from(rows_max);
        // Also what earlier entries of the batch have changed.
        let turn: Turn<'_, S> = Turn::new(state, &self.overlay, Principal::default(), self.meta.clock, 0);
        let old: Vec<_> =
            turn.first(&BUCKETS, limit).into_iter().take_while(|((of, _), _)| *of <= hour).collect();
        for (bucket, keys) in &old {
            for key in keys {
                self.overlay.insert(REPLAYS.key(key), None);
            }
            self.overlay.insert(BUCKETS.key(bucket), None);
        }
        old.len() == limit
    }
}

pub fn service_name<S: Service>() -> &'static str {
    <S::Contract as protocol::Contract>::SERVICE
}

/// Runs what may panic: on a broken store, or because of a mistake in a service.
fn guarded<T>(index: u64, run: impl FnOnce() -> T) -> Result<T, Halt> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| match panic.downcast::<Fault>() {
        Ok(fault) => Halt::Store(*fault),
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned();
            let why = why.or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
            Halt::Poison { index, why: why.unwrap_or_else(|| "a panic without words".to_owned()) }
        }
    })
}
