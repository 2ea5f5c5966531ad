//! Restored states: each restore begins a new epoch.

use protocol::{Timestamp, codec};
use store::{Batch, Fault, State};

use super::rows::{EFFECTS_HELD, INBOX, META, Meta};
use crate::view::View;

/// Prepares a restored state for the epoch `after`. Its row numbers continue beyond all numbers given before the restore.
/// The inbox of the epoch `before` becomes that of `after`: a row that was in transit at the time of the backup is sent
/// again under its old number and must not be applied twice. Effects wait for an operator.
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
    meta.skip_rows();
    batch.put(key, codec::encode(&meta));
    let old = format!("{before}/");
    for (source, seen) in View::new(state, Timestamp::default()).all(&INBOX) {
        batch.remove(INBOX.key(&source));
        if let Some(group) = source.strip_prefix(&old) {
            batch.put(INBOX.key(&format!("{after}/{group}")), codec::encode(&seen));
        }
    }
    batch.put(EFFECTS_HELD.key(&0), codec::encode(&()));
    state.commit(batch)
}

/// Releases the effects of a state that is not open.
///
/// # Errors
/// When the state cannot be written.
pub fn release_effects(state: &dyn State) -> Result<(), Fault> {
    let mut batch = Batch::default();
    batch.remove(EFFECTS_HELD.key(&0));
    state.commit(batch)?;
    state.flush()
}

#[cfg(test)]
mod tests {
    use store::Memory;

    use super::super::inbox::Seen;
    use super::super::rows::SKIPPED_ROWS;
    use super::*;

    #[test]
    fn rows_in_transit_are_known_in_the_new_epoch_and_those_of_older_epochs_are_dropped() {
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
        assert_eq!(meta.last_row(), SKIPPED_ROWS);
        assert!(state.get(&EFFECTS_HELD.key(&0)).unwrap().is_some());
        release_effects(&state).unwrap();
        assert!(state.get(&EFFECTS_HELD.key(&0)).unwrap().is_none());
    }
}
