//! Applying log entries.

use protocol::{Principal, codec};
use store::{Batch, Row};

use super::batch::PendingBatch;
use super::rows::{EFFECTS_HELD, META, REPLIES, StoredReply, TIMERS};
use super::{Engine, Entry, EntryResult, Halt, LogEntry, Stamp, guarded, lock, service_name};
use crate::service::{Command, Refusal, Reply, Service};
use crate::turn::Turn;

/// Timers that one entry fires, at most.
const FIRED_MAX: usize = 256;

/// The result of an entry of `S`.
pub type Applied<S> = EntryResult<Reply<S>, Refusal<S>>;

impl<S: Service> Engine<S> {
    /// Applies entries in order and commits them, with `marks`, in one batch. Returns the results of the awaited entries,
    /// `None` for the others: nobody waits for those, so nothing is computed for them.
    ///
    /// # Errors
    /// When the store fails or a turn panics; nothing of the batch is committed then.
    pub fn apply(&self, entries: &[LogEntry<'_>], marks: Vec<Row>) -> Result<Vec<Option<Applied<S>>>, Halt> {
        let mut meta = lock(&self.meta);
        let mut batch = PendingBatch::new(*meta);
        let mut results = Vec::with_capacity(entries.len());
        for entry in entries {
            results.push(guarded(entry.index, || self.apply_one(&mut batch, entry))?);
        }
        let PendingBatch { mut overlay, meta: changed, notes, committed } = batch;
        if changed != *meta {
            overlay.insert(META.key(&0), Some(codec::encode(&changed)));
        }
        let rows = marks.into_iter().map(|(key, value)| (key, Some(value))).chain(overlay).collect();
        self.commit(Batch { rows }, notes, changed.clock)?;
        *meta = changed;
        if !committed.outgoing.is_empty() || committed.earliest_timer.is_some() {
            (self.listener)(committed);
        }
        self.batches.send_modify(|batches| *batches += 1);
        Ok(results)
    }

    fn apply_one(&self, batch: &mut PendingBatch<S>, entry: &LogEntry<'_>) -> Option<Applied<S>> {
        let state = &**self.state();
        let decoded: Entry<Command<S>> =
            codec::decode(entry.payload).unwrap_or_else(|error| panic!("a log entry is damaged: {error}"));
        let result = match decoded {
            Entry::Command { id, digest, caller, stamp, command } => {
                return self.apply_command(batch, id, digest, caller, stamp, command, entry.awaited);
            }
            Entry::Deliver { source, floor, rows, caller, stamp } => {
                EntryResult::Delivered(self.receive(batch, &source, floor, rows, &caller, stamp))
            }
            Entry::Fire { stamp } => EntryResult::More(self.fire(batch, stamp)),
            Entry::Settle { done, parked } => {
                batch.settle(state, &done, parked);
                EntryResult::Done
            }
            Entry::Report { row, stamp, command } => {
                // A repeated report (the leader died after the proposal) finds no row and changes nothing.
                if batch.has_row(state, row) {
                    let caller = Principal::service(service_name::<S>());
                    let refused =
                        self.turn(batch, caller, stamp, |turn, service| service.apply(turn, command)).err();
                    let parked = refused.map(|refusal| (row, format!("report refused: {refusal}")));
                    batch.settle(state, &[row], parked.into_iter().collect());
                }
                EntryResult::Done
            }
            Entry::Release { row, retry } => {
                batch.release(state, row, retry);
                EntryResult::Done
            }
            Entry::Forget { hour, rows_max } => EntryResult::More(batch.forget(state, hour, rows_max)),
            Entry::ReleaseEffects => {
                batch.overlay.insert(EFFECTS_HELD.key(&0), None);
                EntryResult::Done
            }
            Entry::SkipRows => {
                batch.meta.skip_rows();
                EntryResult::Done
            }
        };
        entry.awaited.then_some(result)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one entry")]
    fn apply_command(
        &self,
        batch: &mut PendingBatch<S>,
        id: u128,
        digest: u64,
        caller: Principal,
        stamp: Stamp,
        command: Command<S>,
        awaited: bool,
    ) -> Option<Applied<S>> {
        let state = &**self.state();
        let key = REPLIES.key(&id);
        if let Some(bytes) = batch.bytes(state, &key) {
            return awaited.then(|| {
                let stored: StoredReply<Reply<S>, Refusal<S>> = codec::decode(&bytes)
                    .unwrap_or_else(|error| panic!("a stored reply is damaged: {error}"));
                match (stored.digest == digest, stored.result) {
                    (false, _) => EntryResult::KeyReused,
                    (true, Ok(reply)) => EntryResult::Reply(reply),
                    (true, Err(refusal)) => EntryResult::Refused(refusal),
                }
            });
        }
        let hour = u32::try_from(stamp.now.seconds() / 3600).unwrap_or_default();
        let result = self.turn(batch, caller, stamp, |turn, service| service.apply(turn, command));
        let stored = StoredReply { digest, result };
        batch.overlay.insert(key, Some(codec::encode(&stored)));
        batch.remember(state, hour, id);
        awaited.then(|| match stored.result {
            Ok(reply) => EntryResult::Reply(reply),
            Err(refusal) => EntryResult::Refused(refusal),
        })
    }

    /// Runs one turn on top of the earlier ones of the batch. A refused turn leaves nothing.
    pub(super) fn turn<T, E>(
        &self,
        batch: &mut PendingBatch<S>,
        caller: Principal,
        stamp: Stamp,
        run: impl FnOnce(&mut Turn<'_, S>, &S) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = batch.meta.clock.max(stamp.now);
        let mut turn = Turn::new(&**self.state(), &batch.overlay, caller, now, stamp.entropy);
        let result = run(&mut turn, self.service())?;
        let Turn { writes, output, .. } = turn;
        batch.add(now, writes, output);
        Ok(result)
    }

    /// Fires the timers that are due. Returns whether there are more.
    fn fire(&self, batch: &mut PendingBatch<S>, stamp: Stamp) -> bool {
        let now = batch.meta.clock.max(stamp.now);
        let due: Vec<_> = batch
            .reader(&**self.state())
            .first(&TIMERS, FIRED_MAX + 1)
            .into_iter()
            .take_while(|((at, _), _)| *at <= now)
            .collect();
        let more = due.len() > FIRED_MAX;
        for (nth, ((at, row), timer)) in due.into_iter().take(FIRED_MAX).enumerate() {
            batch.overlay.insert(TIMERS.key(&(at, row)), None);
            let timer = codec::decode(&timer).unwrap_or_else(|error| panic!("a timer is damaged: {error}"));
            let caller = Principal::service(service_name::<S>());
            let fired: Result<(), std::convert::Infallible> =
                self.turn(batch, caller, stamp.nth(nth as u64), |turn, service| {
                    service.fire(turn, timer);
                    Ok(())
                });
            let Ok(()) = fired;
        }
        more
    }
}
