//! Checks whether a history is linearizable: whether there is a sequential order of all operations in which every operation takes
//! effect between its call and its response, and every response is correct for a room type on one night.
//!
//! The search is the algorithm of Wing and Gong with the cache of visited states by Lowe. Each night is checked separately, so
//! that histories are short. Linearizability is local: a history is linearizable if and only if the history of each object is.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// An operation of a client, with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// Held a room under this reservation.
    Held(String),
    /// A hold was refused because no room is left.
    SoldOut,
    /// Cancelled a reservation.
    Cancelled(String),
    /// Read the number of free rooms.
    Left(u32),
    /// Read whether a reservation still has its room.
    Has(String, bool),
    /// Sent a hold that got no response. It may have been executed or not, and its reservation id is unknown.
    PerhapsHeld,
}

/// An operation with the times of its call and its response, relative to the start of the history.
#[derive(Debug, Clone)]
pub struct Operation {
    pub called: Duration,
    /// `None` when there was no response.
    pub answered: Option<Duration>,
    pub did: Did,
}

/// A room type on one night.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Night {
    left: u32,
    /// Reservations, and whether each still has its room.
    reservations: BTreeMap<String, bool>,
}

impl Night {
    /// The state after an operation, or `None` when the recorded result is not possible in this state.
    fn after(&self, did: &Did) -> Option<Self> {
        let mut after = self.clone();
        match did {
            Did::Held(id) => {
                after.left = self.left.checked_sub(1)?;
                // Reservation ids are unique.
                after.reservations.insert(id.clone(), true).is_none().then_some(after)
            }
            Did::SoldOut => (self.left == 0).then_some(after),
            Did::Cancelled(id) => {
                // A repeated cancellation changes nothing.
                if std::mem::replace(after.reservations.get_mut(id)?, false) {
                    after.left += 1;
                }
                Some(after)
            }
            Did::Left(left) => (self.left == *left).then_some(after),
            Did::Has(id, has) => (self.reservations.get(id) == Some(has)).then_some(after),
            Did::PerhapsHeld => {
                after.left = self.left.saturating_sub(1);
                Some(after)
            }
        }
    }
}

/// Checks whether the history of one night with `rooms` free rooms is linearizable.
///
/// # Errors
/// A text with the longest sequential order that was found, and the operations that cannot follow it.
pub fn check(rooms: u32, history: &[Operation]) -> Result<(), String> {
    let mut operations = history.to_vec();
    operations.sort_by_key(|operation| operation.called);
    let end = |operation: &Operation| operation.answered.unwrap_or(Duration::MAX);
    let mut tried: HashSet<(Vec<bool>, Night)> = HashSet::new();
    let mut done = vec![false; operations.len()];
    let begin = Night { left: rooms, reservations: BTreeMap::new() };
    // The operations in sequential order so far, each with the state before it.
    let mut order: Vec<(usize, Night)> = Vec::new();
    let (mut longest, mut next, mut night) = (Vec::new(), 0, begin);
    loop {
        let first_answer = (0..operations.len()).filter(|at| !done[*at]).map(|at| end(&operations[at])).min();
        // Operations without a response need not have been executed.
        if first_answer.is_none_or(|answer| answer == Duration::MAX) {
            return Ok(());
        }
        // The next operation has to be called before the first response of all remaining operations.
        let found = (next..operations.len()).find_map(|at| {
            let operation = &operations[at];
            if done[at] || Some(operation.called) > first_answer {
                return None;
            }
            let after = night.after(&operation.did)?;
            done[at] = true;
            let unvisited = tried.insert((done.clone(), after.clone()));
            done[at] = false;
            unvisited.then_some((at, after))
        });
        match found {
            Some((at, after)) => {
                done[at] = true;
                order.push((at, std::mem::replace(&mut night, after)));
                next = 0;
                if order.len() > longest.len() {
                    longest = order.iter().map(|(at, _)| *at).collect();
                }
            }
            None => {
                let Some((at, before)) = order.pop() else { break };
                done[at] = false;
                night = before;
                next = at + 1;
            }
        }
    }
    let describe = |at: &usize| {
        let Operation { called, answered, did } = &operations[*at];
        format!("  {:>9.3?} to {:>9.3?}: {did:?}", called, answered.unwrap_or(Duration::MAX))
    };
    let ordered: Vec<String> = longest.iter().map(describe).collect();
    let rest: Vec<String> =
        (0..operations.len()).filter(|at| !longest.contains(at)).map(|at| describe(&at)).collect();
    Err(format!(
        "longest sequential order:\n{}\nnone of these can follow:\n{}",
        ordered.join("\n"),
        rest.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(operations: &[(u64, u64, Did)]) -> Vec<Operation> {
        let operation = |(called, answered, did): &(u64, u64, Did)| Operation {
            called: Duration::from_millis(*called),
            answered: (*answered != 0).then(|| Duration::from_millis(*answered)),
            did: did.clone(),
        };
        operations.iter().map(operation).collect()
    }

    fn held(id: &str) -> Did {
        Did::Held(id.to_owned())
    }

    fn cancelled(id: &str) -> Did {
        Did::Cancelled(id.to_owned())
    }

    fn has(id: &str, has: bool) -> Did {
        Did::Has(id.to_owned(), has)
    }

    #[test]
    fn linearizable_histories_are_accepted() {
        for operations in [
            vec![],
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 6, Did::SoldOut)],
            // Concurrent operations: either may be first.
            vec![(1, 9, held("a")), (2, 8, Did::Left(2)), (3, 7, Did::Left(1))],
            vec![(1, 2, held("a")), (3, 9, cancelled("a")), (4, 5, has("a", false)), (6, 7, has("a", false))],
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 9, cancelled("a")), (6, 7, held("c"))],
            // No response: executed at some time, or never.
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(2)), (4, 5, Did::Left(1))],
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(2)), (4, 5, Did::Left(2))],
        ] {
            assert_eq!(check(2, &history(&operations)), Ok(()), "{operations:?}");
        }
    }

    #[test]
    fn other_histories_are_rejected() {
        for operations in [
            // Oversold.
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 6, held("c"))],
            // Sold out too early.
            vec![(1, 2, held("a")), (3, 4, Did::SoldOut)],
            // Stale reads.
            vec![(1, 2, held("a")), (3, 4, Did::Left(2))],
            vec![(1, 2, held("a")), (3, 4, cancelled("a")), (5, 6, has("a", true))],
            // A change is visible and then invisible.
            vec![(1, 9, held("a")), (2, 3, Did::Left(1)), (4, 5, Did::Left(2))],
            // A hold is lost or executed twice.
            vec![(1, 2, held("a")), (3, 4, has("a", false))],
            vec![(1, 2, held("a")), (3, 4, Did::Left(0))],
            vec![(1, 2, held("a")), (3, 4, held("a"))],
            // An effect is visible before its call.
            vec![(1, 2, Did::Left(1)), (3, 4, held("a"))],
            // A hold without a response is visible and then invisible.
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(1)), (4, 5, Did::Left(2))],
        ] {
            assert!(check(2, &history(&operations)).is_err(), "{operations:?}");
        }
    }
}
