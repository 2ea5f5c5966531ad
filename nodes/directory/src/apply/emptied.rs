//! Nothing more can be taken off a node.

use group::Turn;

use crate::contract::{Refusal, Reply};
use crate::plan;
use crate::records::{Duty, GroupRecord, NodeRecord};
use crate::service::Directory;
use crate::state::{CLUSTER, Rows, audit, put_node};

pub(crate) fn emptied(turn: &mut Turn<'_, Directory>, node: &str) -> Result<Reply, Refusal> {
    let state = turn.load()?;
    let known = turn.node_or(node)?;
    let (duty, verb) = match known.duty {
        Duty::Draining => (Duty::Drained, "drained"),
        Duty::Leaving => (Duty::Gone, "decommissioned"),
        Duty::Serving | Duty::Drained | Duty::Gone => return Ok(Reply::Node(Box::new(known))),
    };
    if let Some(record) = state.moves.iter().find(|record| record.concerns(node)) {
        return Err(Refusal::Busy { group: record.group.clone(), id: record.id });
    }
    let held = |group: &&GroupRecord| {
        duty == Duty::Gone && (group.is_on(node) || group.founder.as_deref() == Some(node))
    };
    let still = state.groups.values().find(held).map(|group| group.group.clone());
    if let Some(group) = still {
        return Err(Refusal::AlreadyThere { group, node: node.to_owned() });
    }
    if plan::is_to_lose(&state, node) {
        return Err(Refusal::Invalid {
            field: "node".to_owned(),
            why: "other nodes can take more of it".to_owned(),
        });
    }

    let emptied = NodeRecord { duty, duty_since: turn.now(), ..known };
    if duty == Duty::Gone && !emptied.profile.fingerprint.is_empty() {
        let mut cluster = state.cluster;
        cluster.denied.push((emptied.profile.fingerprint.clone(), node.to_owned()));
        turn.put(&CLUSTER, &0, &cluster);
    }
    put_node(turn, &emptied);
    audit(turn, verb, node, "");
    Ok(Reply::Node(Box::new(emptied)))
}
