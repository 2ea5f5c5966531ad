//! An operator's move of a replica or of leadership.

use std::cmp::Reverse;

use super::projection::Projection;
use super::quorum::{QuorumStatus, is_reachable, quorum_status, to_u8};
use crate::contract::Refusal;
use crate::records::{GroupRecord, Lifecycle, MoveCause, PlannedMove, ReplicaLocation, State};

/// Plans one move of one replica, or of leadership.
///
/// # Errors
/// Why the move is not possible.
pub fn relocate(
    state: &State,
    group: &str,
    from: Option<&str>,
    to: &str,
    leader_only: bool,
) -> Result<PlannedMove, Refusal> {
    let no_group = || Refusal::NoSuchGroup { group: group.to_owned() };
    let record = state.groups.get(group).ok_or_else(no_group)?;
    if !state.nodes.contains_key(to) {
        return Err(Refusal::NoSuchNode { node: to.to_owned() });
    }
    if let Some(from) = from.filter(|from| !state.nodes.contains_key(*from)) {
        return Err(Refusal::NoSuchNode { node: from.to_owned() });
    }
    if record.replicas.is_empty() {
        return Err(Refusal::NotBootstrapped { group: group.to_owned() });
    }
    if let Some(id) = record.moving {
        return Err(Refusal::Busy { group: group.to_owned(), id });
    }
    if leader_only { leadership(state, record, from, to) } else { replica(state, record, from, to) }
}

fn leadership(
    state: &State,
    group: &GroupRecord,
    from: Option<&str>,
    to: &str,
) -> Result<PlannedMove, Refusal> {
    for node in from.into_iter().chain([to]) {
        voter(group, node)?;
    }
    let node = &state.nodes[to];
    let replica_there = group.voters().find(|replica| replica.location.node == to);
    match node.lifecycle {
        _ if !node.up || replica_there.is_none_or(|replica| !is_reachable(state, replica)) => {
            return Err(Refusal::NodeDown { node: to.to_owned() });
        }
        Lifecycle::Active => {}
        Lifecycle::Draining | Lifecycle::Drained | Lifecycle::Decommissioning | Lifecycle::Decommissioned => {
            return Err(Refusal::Cordoned { node: to.to_owned(), state: node.state().to_string() });
        }
    }
    check_quorum(group, quorum_status(state, group, None))?;
    Ok(PlannedMove {
        group: group.group.clone(),
        to: vec![to.to_owned()],
        remove: Vec::new(),
        leader_only: true,
        cause: MoveCause::Operator,
    })
}

fn replica(state: &State, group: &GroupRecord, from: Option<&str>, to: &str) -> Result<PlannedMove, Refusal> {
    let projection = Projection::new(state);
    let location = match from {
        Some(from) => voter(group, from)?.clone(),
        None => fullest(state, &projection, group, to)?,
    };
    projection.may_take(group, to, std::slice::from_ref(&location))?;
    check_quorum(group, quorum_status(state, group, None))?;
    let planned = PlannedMove {
        group: group.group.clone(),
        to: vec![to.to_owned()],
        remove: vec![location],
        leader_only: false,
        cause: MoveCause::Operator,
    };
    check_quorum(group, after(state, group, &planned))?;
    Ok(planned)
}

/// The group's quorum once a move is done, if its new replicas can be reached.
pub(super) fn after(state: &State, group: &GroupRecord, planned: &PlannedMove) -> QuorumStatus {
    let stays: Vec<_> =
        group.voters().filter(|replica| !planned.remove.contains(&replica.location)).collect();
    let live = stays.iter().filter(|replica| is_reachable(state, replica)).count();
    QuorumStatus { live: live + planned.to.len(), voters: stays.len() + planned.to.len() }
}

/// # Errors
/// [`Refusal::Quorum`]
pub(super) fn check_quorum(group: &GroupRecord, quorum_status: QuorumStatus) -> Result<(), Refusal> {
    if quorum_status.has_quorum() {
        return Ok(());
    }
    Err(Refusal::Quorum {
        group: group.group.clone(),
        live: to_u8(quorum_status.live),
        voters: to_u8(quorum_status.voters),
        needed: to_u8(quorum_status.needed()),
    })
}

fn voter<'a>(group: &'a GroupRecord, node: &str) -> Result<&'a ReplicaLocation, Refusal> {
    let found = group.voters().map(|replica| &replica.location).find(|location| location.node == node);
    found.ok_or_else(|| Refusal::NotThere { group: group.group.clone(), node: node.to_owned() })
}

/// The replica to remove if the operator names none: a lost one, else the one whose removal spreads the group best over
/// zones, else the one on the fullest node.
fn fullest(
    state: &State,
    projection: &Projection<'_>,
    group: &GroupRecord,
    to: &str,
) -> Result<ReplicaLocation, Refusal> {
    let score = |location: &&ReplicaLocation| {
        let keep = group
            .voters()
            .map(|replica| replica.location.node.as_str())
            .filter(|node| *node != location.node);
        let zone_skew = projection.zone_skew(keep.chain([to]));
        let lost =
            group.voters().any(|replica| replica.location == **location && !is_reachable(state, replica));
        (!lost, zone_skew, Reverse(projection.load(&location.node)), location.node.clone())
    };
    let locations = group.voters().map(|replica| &replica.location);
    locations
        .min_by_key(score)
        .cloned()
        .ok_or_else(|| Refusal::NotBootstrapped { group: group.group.clone() })
}
