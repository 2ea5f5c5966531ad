//! What waits, and in which order it may go: pure bookkeeping.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// The group that events go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StreamName {
    pub service: Arc<str>,
    pub shard: u16,
}

/// Row numbers and encoded commands.
pub(super) type Rows = Vec<(u64, Vec<u8>)>;

/// Rows for one group, delivered in order, one delivery at a time.
#[derive(Debug, Default)]
pub(super) struct Stream {
    waiting: BTreeMap<u64, (u128, Vec<u8>)>,
    /// Keys behind a parked row.
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

    /// The next delivery, unless one is under way: the floor and the rows.
    pub fn next(&mut self, rows_max: usize) -> Option<(u64, Rows)> {
        if self.busy {
            return None;
        }
        let open = self.waiting.iter().filter(|(_, (key, _))| !self.blocked.contains(key));
        let rows: Vec<_> = open.take(rows_max).map(|(row, (_, command))| (*row, command.clone())).collect();
        // Those behind a parked row keep no floor down, or the receiver would have to remember all that came since: an
        // operator's release gives them new numbers.
        let floor = rows.first()?.0;
        self.busy = true;
        Some((floor, rows))
    }

    /// What waits is about to be read from the store again; a delivery under way goes on.
    pub fn forget_waiting(&mut self) {
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

    /// A delivery failed; the stream stays busy until it has rested. Says how often in a row.
    pub fn failed(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    pub fn rested(&mut self) {
        self.busy = false;
    }
}

/// Effects, those of one key in order.
#[derive(Debug, Default)]
pub(super) struct EffectQueue {
    lanes: HashMap<u128, Lane>,
    /// Keys whose first effect can start.
    ready: VecDeque<u128>,
    running: usize,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<(u64, Vec<u8>)>,
    failures: u32,
    state: LaneState,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum LaneState {
    #[default]
    Idle,
    Ready,
    Running,
    Resting,
    Blocked,
}

/// An effect to be performed now.
#[derive(Debug)]
pub(super) struct Due {
    pub row: u64,
    pub key: u128,
    pub effect: Vec<u8>,
    pub attempt: u32,
}

impl EffectQueue {
    pub fn push(&mut self, row: u64, key: u128, effect: Vec<u8>) {
        let lane = self.lanes.entry(key).or_default();
        if lane.waiting.iter().any(|(waiting, _)| *waiting == row) {
            return;
        }
        lane.waiting.push_back((row, effect));
        if lane.state == LaneState::Idle {
            lane.state = LaneState::Ready;
            self.ready.push_back(key);
        }
    }

    pub fn block(&mut self, key: u128) {
        self.lanes.entry(key).or_default().state = LaneState::Blocked;
    }

    /// The next effect, while fewer than `running_max` run.
    pub fn next(&mut self, running_max: usize) -> Option<Due> {
        if self.running >= running_max {
            return None;
        }
        while let Some(key) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&key).filter(|lane| lane.state == LaneState::Ready) else {
                continue;
            };
            let Some((row, effect)) = lane.waiting.front().cloned() else { continue };
            lane.state = LaneState::Running;
            self.running += 1;
            return Some(Due { row, key, effect, attempt: lane.failures });
        }
        None
    }

    /// What waits is about to be read from the store again; what runs or rests goes on.
    pub fn forget_waiting(&mut self) {
        self.ready.clear();
        self.lanes.retain(|_, lane| {
            let kept = usize::from(matches!(lane.state, LaneState::Running | LaneState::Resting));
            lane.waiting.truncate(kept);
            kept > 0
        });
    }

    pub fn performed(&mut self, row: u64, key: u128, parked: bool) {
        self.running = self.running.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        lane.waiting.retain(|(waiting, _)| *waiting != row);
        lane.failures = 0;
        if parked {
            lane.state = LaneState::Blocked;
        } else if lane.waiting.is_empty() {
            self.lanes.remove(&key);
        } else {
            lane.state = LaneState::Ready;
            self.ready.push_back(key);
        }
    }

    /// An attempt failed; its lane rests. Says how often in a row.
    pub fn failed(&mut self, _row: u64, key: u128) -> u32 {
        self.running = self.running.saturating_sub(1);
        self.lanes.get_mut(&key).map_or(1, |lane| {
            lane.state = LaneState::Resting;
            lane.failures = lane.failures.saturating_add(1);
            lane.failures
        })
    }

    pub fn rested(&mut self, key: u128) {
        if let Some(lane) = self.lanes.get_mut(&key).filter(|lane| lane.state == LaneState::Resting) {
            lane.state = LaneState::Ready;
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
        assert_eq!(
            rows(stream.next(3)),
            Some((4, vec![4])),
            "3 waits behind 1, and comes under another number"
        );
        stream.failed();
        assert_eq!(rows(stream.next(3)), None, "resting");
        stream.rested();
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
        assert_eq!(row(&mut queue), None, "resting");
        queue.rested(7);
        assert_eq!(row(&mut queue), Some((1, 1)));
        queue.performed(1, 7, false);
        assert_eq!(row(&mut queue), Some((2, 0)));
        queue.performed(2, 7, true);
        queue.performed(3, 8, false);
        queue.push(4, 7, vec![]);
        assert_eq!(row(&mut queue), None, "blocked behind a parked one");
    }

    #[test]
    fn reading_the_store_again_begins_nothing_twice() {
        let mut queue = EffectQueue::default();
        for (row, key) in [(1, 7), (2, 7), (3, 8), (4, 9)] {
            queue.push(row, key, vec![]);
        }
        let row = |queue: &mut EffectQueue| queue.next(2).map(|due| due.row);
        assert_eq!((row(&mut queue), row(&mut queue)), (Some(1), Some(3)));
        queue.block(5);
        queue.failed(3, 8);
        queue.forget_waiting();
        for (row, key) in [(1, 7), (3, 8), (4, 9), (5, 7), (6, 5)] {
            queue.push(row, key, vec![]);
        }
        assert_eq!((row(&mut queue), row(&mut queue)), (Some(4), None), "1 runs, 3 rests");
        queue.performed(4, 9, false);
        assert_eq!(row(&mut queue), Some(6), "its key is not blocked any more");
        queue.performed(1, 7, false);
        assert_eq!(row(&mut queue), Some(5));
        queue.performed(6, 5, false);
        queue.rested(8);
        assert_eq!(row(&mut queue), Some(3));
    }

    #[test]
    fn a_stream_that_is_read_again_keeps_its_delivery() {
        let mut stream = Stream::default();
        for (row, key) in [(1, 7), (2, 8)] {
            stream.push(row, key, vec![]);
        }
        assert_eq!(rows(stream.next(1)), Some((1, vec![1])));
        stream.forget_waiting();
        stream.push(2, 8, vec![]);
        assert_eq!(rows(stream.next(1)), None, "one delivery at a time");
        stream.delivered(&[1], &[]);
        assert_eq!(rows(stream.next(1)), Some((2, vec![2])));
    }
}
