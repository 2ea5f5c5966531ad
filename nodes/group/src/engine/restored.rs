//! What becomes of a state that a backup is restored into: a new epoch begins with it.

use protocol::{Timestamp, codec};
use store::{Batch, Fault, State};

use super::rows::{HELD, INBOX, META, Meta};
use crate::view::View;

/// How far rows' numbers jump when a state is restored: what was numbered after the backup and is lost with it is never
/// mistaken for what comes now.
const EPOCH_ROWS: u64 = 1 << 40;

/// A state that was restored begins to number its rows anew, beyond all numbers that were ever given. What it remembers of
/// other groups' rows counts for the epoch `after` as it did for `before`: a row that was on its way at the moment of the
/// backup is sent again under its old number, and is not to be applied twice. Its effects wait for an operator.
///
/// # Errors
/// When the state cannot be read or written.
pub fn begin_epoch(state: &dyn State, before: u64, after: u64) -> Result<(), Fault> {
    let mut batch = Batch::default();
    let key = META.key(&0);
    let mut meta = match state.get(&key)? {
        Some(bytes) => codec::decode::<Meta>(&bytes).map_err(|error| Fault::Corrupt(error.to_string()))?,
        None => Meta::default(),
    };
    meta.next_row = (meta.next_row / EPOCH_ROWS + 1) * EPOCH_ROWS;
    batch.put(key, codec::encode(&meta));
    let old = format!("{before}/");
    for (source, seen) in View::new(state, Timestamp::default()).all(&INBOX) {
        batch.remove(INBOX.key(&source));
        if let Some(group) = source.strip_prefix(&old) {
            batch.put(INBOX.key(&format!("{after}/{group}")), codec::encode(&seen));
        }
    }
    batch.put(HELD.key(&0), codec::encode(&()));
    state.commit(batch)
}

/// Effects need not wait any more, of a state that nobody has open.
///
/// # Errors
/// When the state cannot be written.
pub fn let_go(state: &dyn State) -> Result<(), Fault> {
    let mut batch = Batch::default();
    batch.remove(HELD.key(&0));
    state.commit(batch)?;
    state.flush()
}

#[cfg(test)]
mod tests {
    use store::Memory;

    use super::super::inbox::Seen;
    use super::*;

    #[test]
    fn rows_on_their_way_are_known_in_the_new_epoch_and_older_ones_forgotten() {
        let state = Memory::default();
        let (key, seen) = (INBOX.key(&"2/till/0".to_owned()), codec::encode(&Seen::default()));
        let mut batch = Batch::default();
        batch.put(key.clone(), seen.clone());
        batch.put(INBOX.key(&"1/till/0".to_owned()), seen.clone());
        state.commit(batch).unwrap();
        begin_epoch(&state, 2, 3).unwrap();
        let sources: Vec<String> =
            View::new(&state, Timestamp::default()).all(&INBOX).map(|(source, _)| source).collect();
        assert_eq!(sources, ["3/till/0"]);
        let meta = codec::decode::<Meta>(&state.get(&META.key(&0)).unwrap().unwrap()).unwrap();
        assert_eq!(meta.last_row(), EPOCH_ROWS);
        assert!(state.get(&HELD.key(&0)).unwrap().is_some());
        let_go(&state).unwrap();
        assert!(state.get(&HELD.key(&0)).unwrap().is_none());
    }
}
