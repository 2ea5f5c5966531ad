//! Receiving rows of other groups' outboxes: each row is applied once, in whatever order and however often it arrives.

use protocol::{Contract, Principal, codec};
use serde::{Deserialize, Serialize};

use super::batch::PendingBatch;
use super::rows::INBOX;
use super::{Engine, Stamp};
use crate::service::{Command, Service};

/// The rows of one source that were applied: all below the floor, and some above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(super) struct Seen {
    floor: u64,
    above: Vec<u64>,
    /// The refused ones among `above`, with the reason: a sender that lost the response gets it again.
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
    /// Applies the rows that were not applied before. Returns `None` or the reason of the refusal for each row, up to the
    /// first that is refused: the later rows may have to wait behind it, which depends on their keys.
    pub(super) fn receive(
        &self,
        batch: &mut PendingBatch<S>,
        source: &String,
        floor: u64,
        rows: Vec<(u64, Vec<u8>)>,
        caller: &Principal,
        stamp: Stamp,
    ) -> Vec<Option<String>> {
        let key = INBOX.key(source);
        let before =
            batch.bytes(&**self.state(), &key).map(|bytes| INBOX.read_value(&bytes)).unwrap_or_default();
        let mut seen = before.clone();
        seen.raise(floor);
        let mut results = Vec::with_capacity(rows.len());
        for (row, command) in rows {
            let refused = if seen.has(row) {
                seen.refusal(row)
            } else {
                let refused = self.receive_one(batch, &command, caller, stamp.nth(row)).err();
                // A refusal is final as well: if an operator releases the row, it is sent under a new number.
                seen.above.push(row);
                seen.refused.extend(refused.clone().map(|why| (row, why)));
                refused
            };
            let stop = refused.is_some();
            results.push(refused);
            if stop {
                break;
            }
        }
        if seen != before {
            batch.overlay.insert(key, Some(codec::encode(&seen)));
        }
        results
    }

    fn receive_one(
        &self,
        batch: &mut PendingBatch<S>,
        command: &[u8],
        caller: &Principal,
        stamp: Stamp,
    ) -> Result<(), String> {
        let command: Command<S> = codec::decode(command).map_err(|unreadable| unreadable.to_string())?;
        // Checked here, where the command is decoded anyway. The sender's token was verified before the proposal.
        if !S::Contract::command_access(&command).allows(caller) {
            return Err(format!("{} may not send this command", caller.subject));
        }
        self.turn(batch, caller.clone(), stamp, |turn, service| service.apply(turn, command))
            .map(drop)
            .map_err(|refusal| refusal.to_string())
    }
}
