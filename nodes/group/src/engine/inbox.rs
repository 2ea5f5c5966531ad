//! Receiving from other groups' outboxes: each row is applied once, however often and in whatever order it comes.

use protocol::{Principal, codec};
use serde::{Deserialize, Serialize};

use super::rows::INBOX;
use super::{Engine, Landing, Stamp};
use crate::service::Service;

/// Which rows of one source were applied: all below the floor, and some above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(super) struct Seen {
    floor: u64,
    above: Vec<u64>,
    /// Those of `above` that were refused, and why: a sender that lost the answer hears it again.
    refused: Vec<(u64, String)>,
}

impl Seen {
    /// The source will not send rows below `floor` again.
    fn raise(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        self.above.retain(|row| *row >= self.floor);
        self.refused.retain(|(row, _)| *row >= self.floor);
    }

    fn refusal(&self, row: u64) -> Option<String> {
        self.refused.iter().find(|(refused, _)| *refused == row).map(|(_, why)| why.clone())
    }

    fn has(&self, row: u64) -> bool {
        row < self.floor || self.above.contains(&row)
    }
}

impl<S: Service> Engine<S> {
    /// Applies the rows that were not applied before; for each, nothing or why it was refused. Ends with the first that
    /// is refused: only the sender knows which of the later ones have to wait behind it.
    pub(super) fn receive(
        &self,
        landing: &mut Landing<S>,
        source: &String,
        floor: u64,
        rows: Vec<(u64, Vec<u8>)>,
        caller: &Principal,
        stamp: Stamp,
    ) -> Vec<Option<String>> {
        let key = INBOX.key(source);
        let before =
            landing.bytes(&**self.state(), &key).map(|bytes| INBOX.read_value(&bytes)).unwrap_or_default();
        let mut seen = before.clone();
        seen.raise(floor);
        let mut answers = Vec::with_capacity(rows.len());
        for (row, command) in rows {
            if seen.has(row) {
                let refused = seen.refusal(row);
                let ends = refused.is_some();
                answers.push(refused);
                if ends {
                    break;
                }
                continue;
            }
            let refused = match codec::decode(&command) {
                Ok(command) => {
                    let stamp = stamp.nth(row);
                    let obeyed = self
                        .turn(landing, caller.clone(), stamp, |turn, service| service.apply(turn, command));
                    obeyed.err().map(|refusal| refusal.to_string())
                }
                Err(unreadable) => Some(unreadable.to_string()),
            };
            // Refused is decided too: should an operator send the row again, it comes under a new number.
            seen.above.push(row);
            seen.refused.extend(refused.clone().map(|why| (row, why)));
            let ends = refused.is_some();
            answers.push(refused);
            if ends {
                break;
            }
        }
        if seen != before {
            landing.overlay.insert(key, Some(codec::encode(&seen)));
        }
        answers
    }
}
