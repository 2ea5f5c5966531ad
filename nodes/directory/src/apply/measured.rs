//! Records measured values, for plans.

use group::Turn;

use crate::contract::{RecordMeasurements, Refusal};
use crate::service::Directory;
use crate::state::{Rows, put_group, put_node};

pub(crate) fn measured(turn: &mut Turn<'_, Directory>, measured: &RecordMeasurements) -> Result<(), Refusal> {
    turn.cluster().ok_or(Refusal::NotInitialized)?;
    for (name, free) in &measured.disk_free_bytes {
        if let Some(mut node) = turn.node(name) {
            node.profile.disk_free_bytes = *free;
            put_node(turn, &node);
        }
    }
    for (name, leader, bytes) in &measured.groups {
        if let Some(mut group) = turn.group(name) {
            group.leader.clone_from(leader);
            group.bytes = *bytes;
            put_group(turn, &mut group);
        }
    }
    Ok(())
}
