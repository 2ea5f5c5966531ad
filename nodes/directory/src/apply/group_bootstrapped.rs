//! Records the first replica of a group.

use group::Turn;

use super::init::voter;
use crate::contract::{RecordGroupBootstrapped, Refusal};
use crate::records::ReplicaLocation;
use crate::service::Directory;
use crate::state::{Rows, audit, put_group};

pub(crate) fn group_bootstrapped(
    turn: &mut Turn<'_, Directory>,
    RecordGroupBootstrapped { group, node, replica }: RecordGroupBootstrapped,
) -> Result<(), Refusal> {
    let mut record = turn.group_or(&group)?;
    let location = ReplicaLocation { node, replica };
    if record.replicas.iter().any(|known| known.location == location) {
        return Ok(());
    }
    // A group that is bootstrapped on two nodes would be two groups of the same name.
    if record.bootstrap_node.as_ref() != Some(&location.node) {
        return Err(Refusal::NotThere { group, node: location.node });
    }

    audit(turn, "place", &group, format!("on {}", location.node));
    record.leader = Some(location.node.clone());
    record.bootstrap_node = None;
    record.replicas = vec![voter(location)];
    put_group(turn, &mut record);
    Ok(())
}
