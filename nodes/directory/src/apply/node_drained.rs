//! Records that nothing more can be moved off a draining node.

use group::Turn;

use crate::contract::{RecordNodeDrained, Refusal};
use crate::plan;
use crate::records::{GroupRecord, Lifecycle, NodeRecord};
use crate::service::Directory;
use crate::state::{CLUSTER, Rows, audit, put_node};

pub(crate) fn node_drained(
    turn: &mut Turn<'_, Directory>,
    RecordNodeDrained { node }: &RecordNodeDrained,
) -> Result<Box<NodeRecord>, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    let (lifecycle, verb) = match known.lifecycle {
        Lifecycle::Draining => (Lifecycle::Drained, "drained"),
        Lifecycle::Decommissioning => (Lifecycle::Decommissioned, "decommissioned"),
        Lifecycle::Active | Lifecycle::Drained | Lifecycle::Decommissioned => {
            return Ok(Box::new(known));
        }
    };
    if let Some(record) = state.moves.iter().find(|record| record.concerns(node)) {
        return Err(Refusal::Busy { group: record.group.clone(), id: record.id });
    }
    let held = |group: &&GroupRecord| {
        lifecycle == Lifecycle::Decommissioned
            && (group.is_on(node) || group.bootstrap_node.as_deref() == Some(node))
    };
    let still = state.groups.values().find(held).map(|group| group.group.clone());
    if let Some(group) = still {
        return Err(Refusal::AlreadyThere { group, node: node.to_owned() });
    }
    if plan::has_pending_removals(&state, node) {
        return Err(Refusal::Invalid {
            field: "node".to_owned(),
            why: "other nodes can take more of it".to_owned(),
        });
    }

    let updated = NodeRecord { lifecycle, lifecycle_since: turn.now(), ..known };
    if lifecycle == Lifecycle::Decommissioned && !updated.profile.fingerprint.is_empty() {
        let mut cluster = state.cluster;
        cluster.denied.push((updated.profile.fingerprint.clone(), node.to_owned()));
        turn.put(&CLUSTER, &0, &cluster);
    }
    put_node(turn, &updated);
    audit(turn, verb, node, "");
    Ok(Box::new(updated))
}
