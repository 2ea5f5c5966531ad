//! Whether a history is linearizable: whether what every client was told can be explained by one room type that did one thing
//! after the other, each at some moment between the question and its answer.
//!
//! The search is Wing and Gong's, with Lowe's memory of what was tried. Each night is a thing of its own, so that histories
//! are short (linearizability is local: a history is linearizable if and only if that of each thing is).

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// What a client asked, and was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// Held a room under this reservation.
    Held(String),
    /// Was told that there is none left.
    SoldOut,
    /// Cancelled a reservation.
    Cancelled(String),
    /// Was told that so many rooms are left.
    Left(u32),
    /// Was told whether a reservation still has its room.
    Has(String, bool),
    /// Sent a hold that was never answered: it may have happened or not, and nobody knows its reservation.
    PerhapsHeld,
}

/// One operation, with the moments when it was sent and answered, counted from the beginning of the history.
#[derive(Debug, Clone)]
pub struct Operation {
    pub called: Duration,
    /// Nothing if it was never answered.
    pub answered: Option<Duration>,
    pub did: Did,
}

/// A room type on one night.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Night {
    left: u32,
    /// Reservations, and whether they still have their rooms.
    reservations: BTreeMap<String, bool>,
}

impl Night {
    /// What it is afterwards; nothing where it would have said something else.
    fn after(&self, did: &Did) -> Option<Self> {
        let mut after = self.clone();
        match did {
            Did::Held(id) => {
                after.left = self.left.checked_sub(1)?;
                // An id is given once.
                after.reservations.insert(id.clone(), true).is_none().then_some(after)
            }
            Did::SoldOut => (self.left == 0).then_some(after),
            Did::Cancelled(id) => {
                // Again is the same.
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

/// Whether this history of one night, which begins with so many rooms, is linearizable; if not, the longest part of it that
/// is, and what cannot come next.
pub fn check(rooms: u32, history: &[Operation]) -> Result<(), String> {
    let mut operations = history.to_vec();
    operations.sort_by_key(|operation| operation.called);
    let end = |operation: &Operation| operation.answered.unwrap_or(Duration::MAX);
    let mut tried: HashSet<(Vec<bool>, Night)> = HashSet::new();
    let mut done = vec![false; operations.len()];
    let begin = Night { left: rooms, reservations: BTreeMap::new() };
    // What was put in order so far: each with the state before it.
    let mut order: Vec<(usize, Night)> = Vec::new();
    let (mut longest, mut next, mut night) = (Vec::new(), 0, begin);
    loop {
        let first_answer = (0..operations.len()).filter(|at| !done[*at]).map(|at| end(&operations[at])).min();
        // Whatever was never answered need not have happened.
        if first_answer.is_none_or(|answer| answer == Duration::MAX) {
            return Ok(());
        }
        // Next can be whatever was sent before any other's answer came.
        let found = (next..operations.len()).find_map(|at| {
            let operation = &operations[at];
            if done[at] || Some(operation.called) > first_answer {
                return None;
            }
            let after = night.after(&operation.did)?;
            done[at] = true;
            let news = tried.insert((done.clone(), after.clone()));
            done[at] = false;
            news.then_some((at, after))
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
    let tell = |at: &usize| {
        let Operation { called, answered, did } = &operations[*at];
        format!("  {:>9.3?} to {:>9.3?}: {did:?}", called, answered.unwrap_or(Duration::MAX))
    };
    let explained: Vec<String> = longest.iter().map(tell).collect();
    let rest: Vec<String> =
        (0..operations.len()).filter(|at| !longest.contains(at)).map(|at| tell(&at)).collect();
    Err(format!(
        "in this order as far as possible:\n{}\nand then none of:\n{}",
        explained.join("\n"),
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
    fn what_can_be_explained_is_sound() {
        for operations in [
            vec![],
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 6, Did::SoldOut)],
            // At once: either may have come first.
            vec![(1, 9, held("a")), (2, 8, Did::Left(2)), (3, 7, Did::Left(1))],
            vec![(1, 2, held("a")), (3, 9, cancelled("a")), (4, 5, has("a", false)), (6, 7, has("a", false))],
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 9, cancelled("a")), (6, 7, held("c"))],
            // Never answered: done at some time, or never.
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(2)), (4, 5, Did::Left(1))],
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(2)), (4, 5, Did::Left(2))],
        ] {
            assert_eq!(check(2, &history(&operations)), Ok(()), "{operations:?}");
        }
    }

    #[test]
    fn what_cannot_is_found() {
        for operations in [
            // Oversold.
            vec![(1, 2, held("a")), (3, 4, held("b")), (5, 6, held("c"))],
            // Sold out too early.
            vec![(1, 2, held("a")), (3, 4, Did::SoldOut)],
            // An answer that was old when it was given.
            vec![(1, 2, held("a")), (3, 4, Did::Left(2))],
            vec![(1, 2, held("a")), (3, 4, cancelled("a")), (5, 6, has("a", true))],
            // Seen, and then unseen.
            vec![(1, 9, held("a")), (2, 3, Did::Left(1)), (4, 5, Did::Left(2))],
            // Lost, or done twice.
            vec![(1, 2, held("a")), (3, 4, has("a", false))],
            vec![(1, 2, held("a")), (3, 4, Did::Left(0))],
            vec![(1, 2, held("a")), (3, 4, held("a"))],
            // Before it was asked for.
            vec![(1, 2, Did::Left(1)), (3, 4, held("a"))],
            // It happened or it did not.
            vec![(1, 0, Did::PerhapsHeld), (2, 3, Did::Left(1)), (4, 5, Did::Left(2))],
        ] {
            assert!(check(2, &history(&operations)).is_err(), "{operations:?}");
        }
    }
}
