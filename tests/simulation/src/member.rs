//! One group of the simulated cluster: a log that loses no entry, a leader, and a follower that lags behind.
//!
//! A replica can restart from its last flush. The following entries are applied again from the log, in batches of other
//! sizes, and must return the same results.

use std::ops::Bound;
use std::sync::Arc;

use group::engine::{Applied, Committed, Engine, Entry, EntryResult, LogEntry, Stamp};
use group::{Answer, Command, Outgoing, Query, Refusal, Service};
use protocol::{Contract, Principal, Timestamp, codec};
use store::{Memory, Row, State};

use crate::rng::Rng;

/// The description of a violation.
pub type Violation = String;

/// The most entries in one batch.
const BATCH_MAX: usize = 7;
/// Hours for which replies are remembered.
const REMEMBERED_HOURS: i64 = 24;
/// The most rows of idempotency keys that one entry removes. It is small, so that several entries are needed.
const FORGOTTEN_ROWS_MAX: u16 = 3;
/// The key of the index of the last applied entry, as in consensus.
const APPLIED: [u8; 2] = [0, 0];

struct Logged {
    entry: Vec<u8>,
    /// The encoded result of its first application.
    result: Option<Vec<u8>>,
}

struct Replica<S: Service> {
    engine: Engine<S>,
    memory: Arc<Memory>,
    applied: usize,
}

/// See the module.
pub struct Group<S: Service> {
    name: String,
    make: Box<dyn Fn() -> S + Send>,
    log: Vec<Logged>,
    leader: Replica<S>,
    follower: Replica<S>,
    /// Incremented with each change or restart of the leader, because the leader's memory is lost then.
    era: u64,
    /// The error of the leader's clock, in milliseconds.
    skew_millis: i64,
    /// Whether entries were applied since the invariants were last checked.
    changed: bool,
}

/// A group of any service.
pub trait Member {
    /// The name, such as `reservations/0`.
    fn name(&self) -> &str;
    /// The number of changes and restarts of the leader.
    fn era(&self) -> u64;
    /// Whether entries were applied since the last call.
    fn take_changed(&mut self) -> bool;
    /// The rows of the outbox.
    fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Violation>;
    /// The parked rows, each with its reason.
    fn parked(&self) -> Result<Vec<String>, Violation>;
    /// The time at which the next timer is due.
    fn next_timer(&self) -> Result<Option<Timestamp>, Violation>;
    /// Delivers rows of another group's outbox. Returns the refusal of each row.
    fn deliver(
        &mut self,
        from: &str,
        floor: u64,
        rows: Vec<(u64, Vec<u8>)>,
        stamp: Stamp,
    ) -> Result<Vec<Option<String>>, Violation>;
    /// Removes completed rows from the outbox.
    fn settle(&mut self, done: Vec<u64>) -> Result<(), Violation>;
    /// Fires the timers that are due.
    fn fire(&mut self, stamp: Stamp) -> Result<(), Violation>;
    /// Removes stored replies that have expired.
    fn forget(&mut self, now: Timestamp) -> Result<(), Violation>;
    /// Restarts a replica, which loses what it had not flushed.
    fn restart(&mut self, leader: bool, rng: &mut Rng) -> Result<(), Violation>;
    /// Removes the last entry of the log, although it was acknowledged. Only for sabotage.
    fn cut_log(&mut self, rng: &mut Rng) -> Result<(), Violation>;
    /// Flushes a replica's state.
    fn flush(&mut self, leader: bool) -> Result<(), Violation>;
    /// Makes the follower the leader.
    fn change_leader(&mut self, rng: &mut Rng) -> Result<(), Violation>;
    /// Replaces the follower's state with the leader's.
    fn install_snapshot(&mut self) -> Result<(), Violation>;
    /// The follower applies some entries, or all; after all, both replicas must have the same rows.
    fn follow(&mut self, all: bool, rng: &mut Rng) -> Result<(), Violation>;
    /// The violations of the service's invariants.
    fn violations(&self) -> Result<Vec<String>, Violation>;
}

impl<S: Service> Replica<S> {
    fn open(service: S, memory: Memory) -> Result<Self, Violation> {
        let memory = Arc::new(memory);
        let mark = memory.get(&APPLIED).map_err(|fault| fault.to_string())?;
        let applied = mark.map_or(0, |bytes| codec::decode::<u64>(&bytes).expect("we wrote it"));
        let state: Arc<dyn State> = Arc::<Memory>::clone(&memory);
        let engine =
            Engine::open(service, state, Box::new(|_: Committed| {})).map_err(|halt| halt.to_string())?;
        Ok(Self { engine, memory, applied: applied as usize })
    }

    /// Applies the next `count` entries in one batch. Returns their results.
    fn apply(&mut self, log: &mut [Logged], count: usize) -> Result<Vec<Applied<S>>, Violation> {
        let batch = &mut log[self.applied..][..count];
        let first = self.applied as u64 + 1;
        let entries: Vec<_> = (first..)
            .zip(&*batch)
            .map(|(index, logged)| LogEntry { index, payload: &logged.entry, awaited: true })
            .collect();
        let last = self.applied + count;
        let marks = vec![(APPLIED.to_vec(), codec::encode(&(last as u64)))];
        let results = self.engine.apply(&entries, marks).map_err(|halt| halt.to_string())?;
        let results: Vec<_> =
            results.into_iter().map(|result| result.expect("an awaited entry has a result")).collect();
        for ((logged, result), index) in batch.iter_mut().zip(&results).zip(first..) {
            let result = codec::encode(result);
            match &logged.result {
                None => logged.result = Some(result),
                Some(before) if *before == result => {}
                Some(_) => {
                    return Err(format!("entry {index} is answered otherwise when it is applied again"));
                }
            }
        }
        self.applied = last;
        Ok(results)
    }

    fn catch_up(&mut self, log: &mut [Logged], to: usize, rng: &mut Rng) -> Result<(), Violation> {
        while self.applied < to {
            let count = (1 + rng.below(BATCH_MAX)).min(to - self.applied);
            self.apply(log, count)?;
        }
        Ok(())
    }

    /// All rows except the index of the last applied entry.
    fn rows(&self) -> Result<Vec<Row>, Violation> {
        let all = self.memory.scan(Bound::Included(&[1]), Bound::Unbounded, usize::MAX, false);
        all.map_err(|fault| fault.to_string())
    }
}

impl<S: Service> Group<S> {
    /// A group with an empty log.
    ///
    /// # Errors
    /// If the service cannot be opened.
    pub fn new(shard: u16, make: impl Fn() -> S + Send + 'static) -> Result<Self, Violation> {
        Ok(Self {
            name: format!("{}/{shard}", <S::Contract as Contract>::SERVICE),
            leader: Replica::open(make(), Memory::new())?,
            follower: Replica::open(make(), Memory::new())?,
            make: Box::new(make),
            log: Vec::new(),
            era: 0,
            skew_millis: 0,
            changed: false,
        })
    }

    /// Appends an entry to the log and applies it on the leader.
    ///
    /// # Errors
    /// If it cannot be applied.
    pub fn propose(&mut self, entry: &Entry<Command<S>>) -> Result<Applied<S>, Violation> {
        self.log.push(Logged { entry: codec::encode(&self.skewed(entry)), result: None });
        let results = self.leader.apply(&mut self.log, 1).map_err(|why| format!("{}: {why}", self.name))?;
        self.changed = true;
        Ok(results.into_iter().next().expect("one entry"))
    }

    /// Applies a command under an idempotency key.
    ///
    /// # Errors
    /// If it cannot be applied, or the contract does not allow it to the caller.
    pub fn command(
        &mut self,
        caller: &Principal,
        id: u128,
        digest: u64,
        command: Command<S>,
        stamp: Stamp,
    ) -> Result<Applied<S>, Violation> {
        if !<S::Contract as Contract>::command_access(&command).allows(caller) {
            return Err(format!("{}: {} may not send {command:?}", self.name, caller.subject));
        }
        self.propose(&Entry::Command { id, digest, caller: caller.clone(), stamp, command })
    }

    /// Executes a query on the leader.
    ///
    /// # Errors
    /// If it cannot be executed, or the contract does not allow it to the caller.
    pub fn query(
        &self,
        caller: &Principal,
        now: Timestamp,
        query: Query<S>,
    ) -> Result<Result<Answer<S>, Refusal<S>>, Violation> {
        if !<S::Contract as Contract>::query_access(&query).allows(caller) {
            return Err(format!("{}: {} may not ask {query:?}", self.name, caller.subject));
        }
        self.leader.engine.query(caller, now, query).map_err(|halt| format!("{}: {halt}", self.name))
    }

    /// The entry with a stamp of the leader's own clock.
    fn skewed(&self, entry: &Entry<Command<S>>) -> Entry<Command<S>> {
        let mut entry = entry.clone();
        match &mut entry {
            Entry::Command { stamp, .. }
            | Entry::Deliver { stamp, .. }
            | Entry::Fire { stamp }
            | Entry::Report { stamp, .. } => stamp.now.0 += self.skew_millis,
            Entry::Settle { .. }
            | Entry::Release { .. }
            | Entry::Forget { .. }
            | Entry::ReleaseEffects
            | Entry::SkipRows => {}
        }
        entry
    }

    fn at<T>(&self, result: Result<T, impl std::fmt::Display>) -> Result<T, Violation> {
        result.map_err(|why| format!("{}: {why}", self.name))
    }
}

impl<S: Service> Member for Group<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn era(&self) -> u64 {
        self.era
    }

    fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Violation> {
        self.at(self.leader.engine.outbox())
    }

    fn parked(&self) -> Result<Vec<String>, Violation> {
        let parked = self.at(self.leader.engine.parked())?;
        Ok(parked.into_iter().map(|(row, parked)| format!("row {row}: {}", parked.why)).collect())
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, Violation> {
        self.at(self.leader.engine.next_timer())
    }

    fn deliver(
        &mut self,
        from: &str,
        floor: u64,
        rows: Vec<(u64, Vec<u8>)>,
        stamp: Stamp,
    ) -> Result<Vec<Option<String>>, Violation> {
        let caller = Principal::service(from.split('/').next().unwrap_or_default());
        for (_, command) in &rows {
            let command: Command<S> = self.at(codec::decode(command))?;
            if !<S::Contract as Contract>::command_access(&command).allows(&caller) {
                return Err(format!("{}: {from} may not send {command:?}", self.name));
            }
        }
        match self.propose(&Entry::Deliver { source: format!("1/{from}"), floor, rows, caller, stamp })? {
            EntryResult::Delivered(answers) => Ok(answers),
            other => Err(format!("{}: {other:?} in answer to a delivery", self.name)),
        }
    }

    fn settle(&mut self, done: Vec<u64>) -> Result<(), Violation> {
        self.propose(&Entry::Settle { done, parked: Vec::new() }).map(|_| ())
    }

    fn fire(&mut self, stamp: Stamp) -> Result<(), Violation> {
        while matches!(self.propose(&Entry::Fire { stamp })?, EntryResult::More(true)) {}
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) -> Result<(), Violation> {
        let Ok(hour) = u32::try_from(now.seconds() / 3600 - REMEMBERED_HOURS - 1) else { return Ok(()) };
        while self.at(self.leader.engine.oldest_hour())?.is_some_and(|oldest| oldest <= hour) {
            let forget = Entry::Forget { hour, rows_max: FORGOTTEN_ROWS_MAX };
            if !matches!(self.propose(&forget)?, EntryResult::More(true)) {
                break;
            }
        }
        Ok(())
    }

    fn restart(&mut self, leader: bool, rng: &mut Rng) -> Result<(), Violation> {
        let replica = if leader { &mut self.leader } else { &mut self.follower };
        let before = replica.applied;
        let mut fresh = Replica::open((self.make)(), replica.memory.crash())?;
        fresh
            .catch_up(&mut self.log, before, rng)
            .map_err(|why| format!("{} restarted: {why}", self.name))?;
        *replica = fresh;
        if leader {
            self.era += 1;
            self.changed = true;
        }
        Ok(())
    }

    fn cut_log(&mut self, rng: &mut Rng) -> Result<(), Violation> {
        let kept = self.log.len().saturating_sub(1);
        for replica in [&mut self.leader, &mut self.follower] {
            if replica.applied > kept {
                *replica = Replica::open((self.make)(), Memory::new())?;
                replica.catch_up(&mut self.log, kept, rng)?;
            }
        }
        self.log.truncate(kept);
        self.era += 1;
        self.changed = true;
        Ok(())
    }

    fn flush(&mut self, leader: bool) -> Result<(), Violation> {
        let replica = if leader { &self.leader } else { &self.follower };
        self.at(replica.memory.flush())
    }

    fn change_leader(&mut self, rng: &mut Rng) -> Result<(), Violation> {
        let end = self.log.len();
        self.follower.catch_up(&mut self.log, end, rng).map_err(|why| format!("{}: {why}", self.name))?;
        std::mem::swap(&mut self.leader, &mut self.follower);
        self.era += 1;
        self.skew_millis = rng.between(-2_000, 2_000);
        self.changed = true;
        Ok(())
    }

    fn install_snapshot(&mut self) -> Result<(), Violation> {
        let all = self.leader.memory.scan(Bound::Unbounded, Bound::Unbounded, usize::MAX, false);
        let rows = self.at(all)?;
        self.at(self.follower.memory.replace(&mut rows.into_iter().map(Ok)))?;
        self.at(self.follower.engine.reopen())?;
        self.follower.applied = self.leader.applied;
        Ok(())
    }

    fn follow(&mut self, all: bool, rng: &mut Rng) -> Result<(), Violation> {
        let behind = self.log.len() - self.follower.applied;
        let to = if all { self.log.len() } else { self.follower.applied + rng.below(behind + 1) };
        self.follower
            .catch_up(&mut self.log, to, rng)
            .map_err(|why| format!("{} follows: {why}", self.name))?;
        if all {
            replicas_at_the_same_entry_hold_the_same_rows(
                &self.name,
                &self.leader.rows()?,
                &self.follower.rows()?,
            )?;
            let violations = self.at(self.follower.engine.violations())?;
            if let Some(violation) = violations.first() {
                return Err(format!("{}'s follower: {violation}", self.name));
            }
        }
        Ok(())
    }

    fn violations(&self) -> Result<Vec<String>, Violation> {
        self.at(self.leader.engine.violations())
    }
}

/// Two replicas that have applied the same entries have the same rows, byte for byte.
fn replicas_at_the_same_entry_hold_the_same_rows(
    name: &str,
    one: &[Row],
    other: &[Row],
) -> Result<(), Violation> {
    if one == other {
        return Ok(());
    }
    let differs =
        one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let key = |rows: &[Row]| rows.get(differs).map(|(key, _)| format!("tree {}, {:02x?}", key[0], &key[1..]));
    Err(format!("{name}: two replicas differ at {:?} / {:?}", key(one), key(other)))
}
