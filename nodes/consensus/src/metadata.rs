//! Rows of this crate in a replica's state: its owner, the applied log id and the membership.

use std::ops::Bound;

use protocol::codec;
use store::{Fault, Row, State};

use crate::types::{LogId, Membership};

/// Row that identifies the owner of a state: the name of the group and the Raft id of the replica. Written before
/// anything else.
pub(crate) const IDENTITY: &[u8] = b"\0replica";
/// Row that contains the log id of the last applied entry.
pub(crate) const APPLIED: &[u8] = b"\0applied";
/// Row that contains the membership as of the last applied entry.
pub(crate) const MEMBERSHIP: &[u8] = b"\0membership";
/// Keys that begin with byte 0 are local to a replica and not part of snapshots. Replicated rows begin after them.
pub(crate) const REPLICATED_FROM: Bound<&[u8]> = Bound::Included(&[1]);

/// Raft id of the replica that owns this state. `None` for a new state.
///
/// # Errors
/// If the state cannot be read.
pub fn replica_id(state: &dyn State) -> Result<Option<u64>, Fault> {
    Ok(read_row::<(String, u64)>(state, IDENTITY)?.map(|(_, id)| id))
}

/// Index of the last entry applied to a state. `None` for a new state. If nothing is applied meanwhile, it is
/// consistent with the rows of the state.
///
/// # Errors
/// If the state cannot be read.
pub fn applied_index(state: &dyn State) -> Result<Option<u64>, Fault> {
    Ok(read_row::<LogId>(state, APPLIED)?.map(|log_id| log_id.index))
}

/// The row that [`replica_id`] reads, for a state that is about to be replaced.
pub(crate) fn identity_row(state: &dyn State) -> Result<Option<Row>, Fault> {
    Ok(state.get(IDENTITY)?.map(|value| (IDENTITY.to_vec(), value)))
}

/// The last applied log id and the membership, as stored in the state.
pub(crate) fn applied_state(state: &dyn State) -> Result<(Option<LogId>, Membership), Fault> {
    let applied = read_row(state, APPLIED)?;
    let membership = read_row(state, MEMBERSHIP)?.unwrap_or_default();
    Ok((applied, membership))
}

/// Reads a row that belongs to this crate.
pub(crate) fn read_row<T: serde::de::DeserializeOwned>(
    state: &dyn State,
    key: &[u8],
) -> Result<Option<T>, Fault> {
    let wrong = |error| Fault::Corrupt(format!("row {:?}: {error}", String::from_utf8_lossy(&key[1..])));
    state.get(key)?.map(|bytes| codec::decode(&bytes).map_err(wrong)).transpose()
}
