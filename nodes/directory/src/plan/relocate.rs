//! What an operator's move means, or why it may not be.

use std::cmp::Reverse;

use super::draft::Draft;
use super::standing::{Standing, answers, small, standing};
use crate::contract::Refusal;
use crate::records::{Cause, Duty, GroupRecord, Home, Planned, State};

/// Plans one move of one replica, or of leadership.
///
/// # Errors
/// What is in the way.
pub fn relocate(
    state: &State,
    group: &str,
    from: Option<&str>,
    to: &str,
    leader_only: bool,
) -> Result<Planned, Refusal> {
    let no_group = || Refusal::NoSuchGroup { group: group.to_owned() };
    let record = state.groups.get(group).ok_or_else(no_group)?;
    if !state.nodes.contains_key(to) {
        return Err(Refusal::NoSuchNode { node: to.to_owned() });
    }
    if let Some(from) = from.filter(|from| !state.nodes.contains_key(*from)) {
        return Err(Refusal::NoSuchNode { node: from.to_owned() });
    }
    if record.replicas.is_empty() {
        return Err(Refusal::Unfounded { group: group.to_owned() });
    }
    if let Some(id) = record.moving {
        return Err(Refusal::Busy { group: group.to_owned(), id });
    }
    if leader_only { leadership(state, record, from, to) } else { replica(state, record, from, to) }
}

fn leadership(state: &State, group: &GroupRecord, from: Option<&str>, to: &str) -> Result<Planned, Refusal> {
    for node in from.into_iter().chain([to]) {
        voter(group, node)?;
    }
    let node = &state.nodes[to];
    let target = group.voters().find(|replica| replica.home.node == to);
    match node.duty {
        _ if !node.up || target.is_none_or(|replica| !answers(state, replica)) => {
            return Err(Refusal::NodeDown { node: to.to_owned() });
        }
        Duty::Serving => {}
        Duty::Draining | Duty::Drained | Duty::Leaving | Duty::Gone => {
            return Err(Refusal::Cordoned { node: to.to_owned(), state: node.state().to_string() });
        }
    }
    check_quorum(group, standing(state, group, None))?;
    Ok(Planned {
        group: group.group.clone(),
        to: vec![to.to_owned()],
        remove: Vec::new(),
        leader_only: true,
        cause: Cause::Operator,
    })
}

fn replica(state: &State, group: &GroupRecord, from: Option<&str>, to: &str) -> Result<Planned, Refusal> {
    let draft = Draft::new(state);
    let home = match from {
        Some(from) => voter(group, from)?.clone(),
        None => fullest(state, &draft, group, to)?,
    };
    draft.may_take(group, to, std::slice::from_ref(&home))?;
    check_quorum(group, standing(state, group, None))?;
    let planned = Planned {
        group: group.group.clone(),
        to: vec![to.to_owned()],
        remove: vec![home],
        leader_only: false,
        cause: Cause::Operator,
    };
    check_quorum(group, after(state, group, &planned))?;
    Ok(planned)
}

/// How the group stands when a move is done, if its new replicas live.
pub(super) fn after(state: &State, group: &GroupRecord, planned: &Planned) -> Standing {
    let stays: Vec<_> = group.voters().filter(|replica| !planned.remove.contains(&replica.home)).collect();
    let live = stays.iter().filter(|replica| answers(state, replica)).count();
    Standing { live: live + planned.to.len(), voters: stays.len() + planned.to.len() }
}

/// # Errors
/// [`Refusal::Quorum`]
pub(super) fn check_quorum(group: &GroupRecord, standing: Standing) -> Result<(), Refusal> {
    if standing.holds() {
        return Ok(());
    }
    Err(Refusal::Quorum {
        group: group.group.clone(),
        live: small(standing.live),
        voters: small(standing.voters),
        needed: small(standing.needed()),
    })
}

fn voter<'a>(group: &'a GroupRecord, node: &str) -> Result<&'a Home, Refusal> {
    let found = group.voters().map(|replica| &replica.home).find(|home| home.node == node);
    found.ok_or_else(|| Refusal::NotThere { group: group.group.clone(), node: node.to_owned() })
}

/// The replica that goes when nobody says which: one that is lost, else the one whose going leaves the zones least
/// crowded, else the one on the fullest node.
fn fullest(state: &State, draft: &Draft<'_>, group: &GroupRecord, to: &str) -> Result<Home, Refusal> {
    let score = |home: &&Home| {
        let keep = group.voters().map(|replica| replica.home.node.as_str()).filter(|node| *node != home.node);
        let crowding = draft.crowding(keep.chain([to]));
        let lost = group.voters().any(|replica| replica.home == **home && !answers(state, replica));
        (!lost, crowding, Reverse(draft.load(&home.node)), home.node.clone())
    };
    let homes = group.voters().map(|replica| &replica.home);
    homes.min_by_key(score).cloned().ok_or_else(|| Refusal::Unfounded { group: group.group.clone() })
}
