//! The entries of a group's log, and the result of applying one.

use protocol::{Principal, Timestamp, codec};
use serde::{Deserialize, Serialize};

/// The proposer's time and randomness, which every replica uses in place of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Stamp {
    /// The proposer's clock.
    pub now: Timestamp,
    /// From the proposer's random source.
    pub entropy: u128,
}

impl Stamp {
    /// The stamp of the nth turn of one entry: the same time, other random bits.
    pub fn nth(self, nth: u64) -> Self {
        Self { entropy: codec::hash128(&[&self.entropy.to_be_bytes(), &nth.to_be_bytes()]), ..self }
    }
}

/// One log entry. Stored: variants are only appended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry<C> {
    /// A command of a verified caller, under its idempotency key. See [`Entry::command`].
    Command { id: u128, digest: u64, caller: Principal, stamp: Stamp, command: C },
    /// Rows of another group's outbox. No row below `floor` is sent again.
    Deliver { source: String, floor: u64, rows: Vec<(u64, Vec<u8>)>, caller: Principal, stamp: Stamp },
    /// Timers are due.
    Fire { stamp: Stamp },
    /// Removes outbox rows that are done, and parks rows with the reason.
    Settle { done: Vec<u64>, parked: Vec<(u64, String)> },
    /// The result of an effect, applied in the turn that removes the effect's row.
    Report { row: u64, stamp: Stamp, command: C },
    /// An operator releases a parked row: it is tried again or dropped.
    Release { row: u64, retry: bool },
    /// Removes the stored replies of this hour and earlier.
    Forget { hour: u32, rows_max: u16 },
    /// An operator releases the effects that a restore holds back.
    ReleaseEffects,
    /// Row numbers continue beyond all that were given before. The first entry of a group that was recovered from a replica
    /// which may lack entries: receivers have seen the numbers that the lost entries gave.
    SkipRows,
}

/// [`Entry`] with borrowed fields: the same bytes without a clone of them.
#[derive(Serialize)]
enum EntryHead<'a> {
    Command { id: u128, digest: u64, caller: &'a Principal, stamp: Stamp },
    Deliver { source: &'a str, floor: u64, rows: &'a [(u64, Vec<u8>)], caller: &'a Principal, stamp: Stamp },
}

impl Entry<()> {
    /// The bytes of [`Entry::Command`], from a command that [`codec::encode`] has encoded already.
    pub fn command(id: u128, digest: u64, caller: &Principal, stamp: Stamp, command: &[u8]) -> Vec<u8> {
        let mut entry = codec::encode(&EntryHead::Command { id, digest, caller, stamp });
        // The entry has a format version of its own.
        entry.extend_from_slice(&command[1..]);
        entry
    }

    /// The bytes of [`Entry::SkipRows`].
    pub fn skip_rows() -> Vec<u8> {
        codec::encode(&Self::SkipRows)
    }

    /// The bytes of [`Entry::Report`], from a command that [`codec::encode`] has encoded already.
    pub fn report(row: u64, stamp: Stamp, command: &[u8]) -> Vec<u8> {
        // `()` has no bytes: the command's follow.
        let mut entry = codec::encode(&Self::Report { row, stamp, command: () });
        entry.extend_from_slice(&command[1..]);
        entry
    }

    /// The bytes of [`Entry::Deliver`].
    pub fn deliver(
        source: &str,
        floor: u64,
        rows: &[(u64, Vec<u8>)],
        caller: &Principal,
        stamp: Stamp,
    ) -> Vec<u8> {
        codec::encode(&EntryHead::Deliver { source, floor, rows, caller, stamp })
    }
}

/// The result of applying an entry, for its proposer.
#[derive(Debug, Clone, Serialize)]
pub enum EntryResult<R, F> {
    Reply(R),
    Refused(F),
    /// The idempotency key was used with another command before.
    KeyReused,
    /// For each delivered row that was processed: `None`, or why it was refused.
    Delivered(Vec<Option<String>>),
    /// Whether the same entry has to be proposed again for the rest of the work.
    More(bool),
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_from_parts_have_the_bytes_of_entries_from_values() {
        let caller = Principal { scopes: vec!["a".into()], ..Principal::service("till") };
        let stamp = Stamp { now: Timestamp(1_795_435_200_000), entropy: u128::MAX / 3 };
        let command = ("Łukasz".to_owned(), 7_u64, vec![1_u8, 2]);
        let whole = codec::encode(&Entry::Command {
            id: 1 << 100,
            digest: u64::MAX,
            caller: caller.clone(),
            stamp,
            command: command.clone(),
        });
        assert_eq!(Entry::command(1 << 100, u64::MAX, &caller, stamp, &codec::encode(&command)), whole);
        let whole = codec::encode(&Entry::Report { row: 300, stamp, command: command.clone() });
        assert_eq!(Entry::report(300, stamp, &codec::encode(&command)), whole);

        let rows = vec![(3, vec![1, 2, 3]), (u64::MAX, Vec::new())];
        let parts = Entry::deliver("1/till/0", 3, &rows, &caller, stamp);
        let whole = Entry::<()>::Deliver { source: "1/till/0".into(), floor: 3, rows, caller, stamp };
        assert_eq!(parts, codec::encode(&whole));
    }
}
