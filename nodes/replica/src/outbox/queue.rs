//! The queues of the outbox. They do no I/O.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// The destination of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StreamName {
    pub service: Arc<str>,
    pub shard: u16,
}

/// Row numbers and encoded commands.
pub(super) type Rows = Vec<(u64, Vec<u8>)>;

/// The rows for one group, delivered in order, one delivery at a time.
#[derive(Debug, Default)]
pub(super) struct Stream {
    waiting: BTreeMap<u64, (u128, Vec<u8>)>,
    /// Keys with a parked row.
    blocked: HashSet<u128>,
    busy: bool,
    failures: u32,
}

impl Stream {
    pub fn push(&mut self, row: u64, key: u128, command: Vec<u8>) {
        self.waiting.insert(row, (key, command));
    }

    pub fn block(&mut self, key: u128) {
        self.blocked.insert(key);
    }

    /// The floor and the rows of the next delivery, unless one is in progress.
    pub fn next(&mut self, rows_max: usize) -> Option<(u64, Rows)> {
        if self.busy {
            return None;
        }
        let open = self.waiting.iter().filter(|(_, (key, _))| !self.blocked.contains(key));
        let rows: Vec<_> = open.take(rows_max).map(|(row, (_, command))| (*row, command.clone())).collect();
        // Rows behind a parked row do not hold the floor down, or the receiver would have to remember all later rows. An
        // operator's release gives them new numbers.
        let floor = rows.first()?.0;
        self.busy = true;
        Some((floor, rows))
    }

    /// Clears the queue, which is read from the store again. A delivery in progress continues.
    pub fn clear_waiting(&mut self) {
        self.waiting.clear();
        self.blocked.clear();
    }

    pub fn delivered(&mut self, done: &[u64], parked: &[u64]) {
        self.busy = false;
        self.failures = 0;
        for row in parked {
            if let Some((key, _)) = self.waiting.remove(row) {
                self.blocked.insert(key);
            }
        }
        for row in done {
            self.waiting.remove(row);
        }
    }

    /// A delivery failed; no other starts before [`Stream::end_backoff`]. Returns the number of consecutive failures.
    pub fn failed(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    pub fn end_backoff(&mut self) {
        self.busy = false;
    }
}

/// Effects, in order for each key.
#[derive(Debug, Default)]
pub(super) struct EffectQueue {
    keys: HashMap<u128, KeyQueue>,
    /// The keys whose first effect can start.
    ready: VecDeque<u128>,
    running: usize,
}

#[derive(Debug, Default)]
struct KeyQueue {
    waiting: VecDeque<(u64, Vec<u8>)>,
    failures: u32,
    state: KeyState,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum KeyState {
    #[default]
    Idle,
    Ready,
    Running,
    BackingOff,
    Blocked,
}

/// An effect that is to be performed now.
#[derive(Debug)]
pub(super) struct Due {
    pub row: u64,
    pub key: u128,
    pub effect: Vec<u8>,
    pub attempt: u32,
}

impl EffectQueue {
    pub fn push(&mut self, row: u64, key: u128, effect: Vec<u8>) {
        let queue = self.keys.entry(key).or_default();
        if queue.waiting.iter().any(|(waiting, _)| *waiting == row) {
            return;
        }
        queue.waiting.push_back((row, effect));
        if queue.state == KeyState::Idle {
            queue.state = KeyState::Ready;
            self.ready.push_back(key);
        }
    }

    pub fn block(&mut self, key: u128) {
        self.keys.entry(key).or_default().state = KeyState::Blocked;
    }

    /// The next effect, while fewer than `running_max` run.
    pub fn next(&mut self, running_max: usize) -> Option<Due> {
        if self.running >= running_max {
            return None;
        }
        while let Some(key) = self.ready.pop_front() {
            let Some(queue) = self.keys.get_mut(&key).filter(|queue| queue.state == KeyState::Ready) else {
                continue;
            };
            let Some((row, effect)) = queue.waiting.front().cloned() else { continue };
            queue.state = KeyState::Running;
            self.running += 1;
            return Some(Due { row, key, effect, attempt: queue.failures });
        }
        None
    }

    /// Clears the queues, which are read from the store again. Effects that run or back off stay.
    pub fn clear_waiting(&mut self) {
        self.ready.clear();
        self.keys.retain(|_, queue| {
            let kept = usize::from(matches!(queue.state, KeyState::Running | KeyState::BackingOff));
            queue.waiting.truncate(kept);
            kept > 0
        });
    }

    pub fn ended(&mut self, row: u64, key: u128, parked: bool) {
        self.running = self.running.saturating_sub(1);
        let Some(queue) = self.keys.get_mut(&key) else { return };
        queue.waiting.retain(|(waiting, _)| *waiting != row);
        queue.failures = 0;
        if parked {
            queue.state = KeyState::Blocked;
        } else if queue.waiting.is_empty() {
            self.keys.remove(&key);
        } else {
            queue.state = KeyState::Ready;
            self.ready.push_back(key);
        }
    }

    /// An attempt failed; no other of the key starts before [`EffectQueue::end_backoff`]. Returns the number of consecutive
    /// failures.
    pub fn failed(&mut self, _row: u64, key: u128) -> u32 {
        self.running = self.running.saturating_sub(1);
        self.keys.get_mut(&key).map_or(1, |queue| {
            queue.state = KeyState::BackingOff;
            queue.failures = queue.failures.saturating_add(1);
            queue.failures
        })
    }

    pub fn end_backoff(&mut self, key: u128) {
        if let Some(queue) = self.keys.get_mut(&key).filter(|queue| queue.state == KeyState::BackingOff) {
            queue.state = KeyState::Ready;
            self.ready.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(next: Option<(u64, Rows)>) -> Option<(u64, Vec<u64>)> {
        next.map(|(floor, rows)| (floor, rows.into_iter().map(|(row, _)| row).collect()))
    }

    #[test]
    fn a_stream_delivers_in_order_and_a_parked_row_blocks_its_key_only() {
        let mut stream = Stream::default();
        for (row, key) in [(3, 7), (1, 7), (2, 8), (4, 8)] {
            stream.push(row, key, vec![]);
        }
        assert_eq!(rows(stream.next(3)), Some((1, vec![1, 2, 3])));
        assert_eq!(rows(stream.next(3)), None, "one delivery at a time");
        stream.delivered(&[2], &[1]);
        assert_eq!(rows(stream.next(3)), Some((4, vec![4])), "3 waits behind 1, and will get another number");
        stream.failed();
        assert_eq!(rows(stream.next(3)), None, "backing off");
        stream.end_backoff();
        assert_eq!(rows(stream.next(3)), Some((4, vec![4])));
        stream.delivered(&[4], &[]);
        assert_eq!(rows(stream.next(3)), None);
    }

    #[test]
    fn effects_of_one_key_wait_for_each_other() {
        let mut queue = EffectQueue::default();
        for (row, key) in [(1, 7), (2, 7), (3, 8), (2, 7)] {
            queue.push(row, key, vec![]);
        }
        let row = |queue: &mut EffectQueue| queue.next(2).map(|due| (due.row, due.attempt));
        assert_eq!(row(&mut queue), Some((1, 0)));
        assert_eq!(row(&mut queue), Some((3, 0)));
        assert_eq!(row(&mut queue), None, "two at a time, and 2 is behind 1");
        assert_eq!(queue.failed(1, 7), 1);
        assert_eq!(row(&mut queue), None, "backing off");
        queue.end_backoff(7);
        assert_eq!(row(&mut queue), Some((1, 1)));
        queue.ended(1, 7, false);
        assert_eq!(row(&mut queue), Some((2, 0)));
        queue.ended(2, 7, true);
        queue.ended(3, 8, false);
        queue.push(4, 7, vec![]);
        assert_eq!(row(&mut queue), None, "blocked behind a parked one");
    }

    #[test]
    fn reading_the_store_again_starts_no_effect_twice() {
        let mut queue = EffectQueue::default();
        for (row, key) in [(1, 7), (2, 7), (3, 8), (4, 9)] {
            queue.push(row, key, vec![]);
        }
        let row = |queue: &mut EffectQueue| queue.next(2).map(|due| due.row);
        assert_eq!((row(&mut queue), row(&mut queue)), (Some(1), Some(3)));
        queue.block(5);
        queue.failed(3, 8);
        queue.clear_waiting();
        for (row, key) in [(1, 7), (3, 8), (4, 9), (5, 7), (6, 5)] {
            queue.push(row, key, vec![]);
        }
        assert_eq!((row(&mut queue), row(&mut queue)), (Some(4), None), "1 runs, 3 backs off");
        queue.ended(4, 9, false);
        assert_eq!(row(&mut queue), Some(6), "its key is not blocked any more");
        queue.ended(1, 7, false);
        assert_eq!(row(&mut queue), Some(5));
        queue.ended(6, 5, false);
        queue.end_backoff(8);
        assert_eq!(row(&mut queue), Some(3));
    }

    #[test]
    fn a_stream_that_is_read_again_continues_its_delivery() {
        let mut stream = Stream::default();
        for (row, key) in [(1, 7), (2, 8)] {
            stream.push(row, key, vec![]);
        }
        assert_eq!(rows(stream.next(1)), Some((1, vec![1])));
        stream.clear_waiting();
        stream.push(2, 8, vec![]);
        assert_eq!(rows(stream.next(1)), None, "one delivery at a time");
        stream.delivered(&[1], &[]);
        assert_eq!(rows(stream.next(1)), Some((2, vec![2])));
    }
}
