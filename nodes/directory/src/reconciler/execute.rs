//! Executes one move, from its recorded phase to its end.

use std::collections::{BTreeMap, BTreeSet};

use group::{Failure, StartMode};
use tokio::time::{Instant, sleep};

use super::Context;
use super::records::{call, message, move_record};
use crate::contract::{AdvanceMove, Refusal, Step};
use crate::node_client::NodeError;
use crate::records::{GroupRecord, MoveId, MovePhase, MoveRecord, NewReplica, Progress, ReplicaLocation};

/// The result of one attempt at the current step.
enum Next {
    /// The step is done: record it.
    Done(Step),
    /// Poll again soon. With a reason where the wait can be long.
    Wait(Option<String>),
}

/// State of this execution that is not recorded. Another reconciler starts without it, and only waits a little longer.
#[derive(Default)]
struct Attempt {
    /// Node → since when it cannot be reached, or does not report the new replica.
    unreachable_since: BTreeMap<String, Instant>,
    /// In how many consecutive polls the new replicas had nearly caught up.
    near_polls: u32,
    /// How often a transfer of leadership was requested.
    transfers: u32,
    /// Since when it waits, and for what.
    waits: Option<(Instant, String)>,
    /// The reason for waiting that was recorded last.
    recorded: String,
}

/// How often a transfer of leadership is requested, one poll apart, before the move fails.
const TRANSFERS_MAX: u32 = 100;

/// Executes a move to its end.
pub(super) async fn execute(context: &Context, id: MoveId) -> Result<(), String> {
    let mut attempt = Attempt::default();
    loop {
        let (record, group) = move_record(&*context.records, id).await?;
        if record.phase.is_final() {
            return Ok(());
        }
        let next = match record.phase {
            MovePhase::Adding => adding(context, &mut attempt, &record, &group).await,
            MovePhase::CatchingUp => catching_up(context, &mut attempt, &record, &group).await,
            MovePhase::Switching if record.leader_only => transferring(context, &mut attempt, &record).await,
            MovePhase::Switching => switching(context, &record, &group).await,
            MovePhase::Removing => removing(context, &record).await,
            MovePhase::Done | MovePhase::Failed | MovePhase::Cancelled => return Ok(()),
        };
        match next {
            Ok(Next::Done(step)) => advance(context, &record, step).await?,
            Ok(Next::Wait(why)) => wait(context, &mut attempt, &record, why).await?,
            Err(error) => wait(context, &mut attempt, &record, Some(error.to_string())).await?,
        }
    }
}

async fn advance(context: &Context, record: &MoveRecord, step: Step) -> Result<(), String> {
    let command = AdvanceMove { id: record.id, phase: record.phase, step };
    match call(&*context.records, command).await {
        // The move has advanced or was cancelled meanwhile: read it again.
        Ok(_) | Err(Failure::Refused(Refusal::Stale { .. })) => Ok(()),
        Err(failure) => Err(message(failure)),
    }
}

/// Waits for one poll interval. Records the reason if the wait is long.
async fn wait(
    context: &Context,
    attempt: &mut Attempt,
    record: &MoveRecord,
    why: Option<String>,
) -> Result<(), String> {
    let why = why.unwrap_or_default();
    let since = match &attempt.waits {
        Some((since, before)) if *before == why => *since,
        _ => Instant::now(),
    };
    attempt.waits = Some((since, why.clone()));
    if since.elapsed() >= context.options.report_waiting_after && attempt.recorded != why {
        attempt.recorded.clone_from(&why);
        advance(context, record, Step::Waiting { why }).await?;
    }
    sleep(context.options.poll_every).await;
    Ok(())
}

/// Whether a new replica's node could not be reached, or did not report it, for too long.
fn is_overdue(context: &Context, attempt: &mut Attempt, node: &str, reachable: bool) -> bool {
    if reachable {
        attempt.unreachable_since.remove(node);
        return false;
    }
    let since = *attempt.unreachable_since.entry(node.to_owned()).or_insert_with(Instant::now);
    since.elapsed() >= context.options.fail_after
}

async fn adding(
    context: &Context,
    attempt: &mut Attempt,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, NodeError> {
    for target in &record.add {
        let live = context.nodes.observed().is_live(&target.node);
        if is_overdue(context, attempt, &target.node, live) {
            let why = format!("`{}` cannot be reached", target.node);
            return Ok(Next::Done(Step::Fail { why }));
        }
        if !live {
            return Ok(Next::Wait(Some(format!("`{}` cannot be reached", target.node))));
        }
        match target.replica {
            None => return open(context, target, record, group).await,
            Some(replica) => context.nodes.add_learner(&record.group, replica, &target.node).await?,
        }
    }
    Ok(Next::Done(Step::Added))
}

/// Opens a new replica, after deleting stale replicas of the group on the node.
async fn open(
    context: &Context,
    target: &NewReplica,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, NodeError> {
    let node = &target.node;
    let replaced = record.remove.iter().find(|location| location.node == *node);
    if let Some(location) = replaced {
        let gone = |location: &ReplicaLocation| {
            group.replicas.iter().any(|known| known.location == *location && known.lost_since.is_some())
        };
        // The old replica was slow to open and is back: there is nothing to replace.
        if !gone(location) {
            let why = format!("the old replica on `{node}` is back");
            return Ok(Next::Done(Step::Fail { why }));
        }
        context.nodes.drop_replica(node, &record.group, location.replica).await?;
    }
    let stale: Vec<u64> = {
        let observed = context.nodes.observed();
        observed.on(node, &record.group).map(|seen| seen.id).filter(|id| !group.has(*id)).collect()
    };
    for id in stale {
        context.nodes.drop_replica(node, &record.group, id).await?;
    }
    let replica = context.nodes.open(node, &record.group, StartMode::Join).await?;
    if group.former.contains(&replica) || group.has(replica) {
        // A stale replica that was not reported yet.
        context.nodes.drop_replica(node, &record.group, replica).await?;
        return Ok(Next::Wait(None));
    }
    Ok(Next::Done(Step::Opened { node: node.clone(), replica }))
}

async fn catching_up(
    context: &Context,
    attempt: &mut Attempt,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, NodeError> {
    let mut whole = Progress::default();
    let mut known = true;
    for target in &record.add {
        let Some(replica) = target.replica else { continue };
        let there = {
            let observed = context.nodes.observed();
            observed.is_live(&target.node)
                && observed.on(&target.node, &record.group).any(|seen| seen.id == replica)
        };
        if is_overdue(context, attempt, &target.node, there) {
            let why = format!("the new replica on `{}` cannot be reached", target.node);
            return Ok(Next::Done(Step::Fail { why }));
        }
        match context.nodes.progress(&record.group, replica).await {
            Some(progress) => {
                whole.bytes_done += progress.bytes_done;
                whole.bytes_total += progress.bytes_total;
                whole.lag = whole.lag.max(progress.lag);
            }
            None => known = false,
        }
    }
    if !known {
        attempt.near_polls = 0;
        let why = format!("the leader of {} does not report the progress of the new replica", group.group);
        return Ok(Next::Wait(Some(why)));
    }
    context.progress.update(record.id, whole);
    attempt.near_polls = if whole.lag <= context.options.lag_busy_max { attempt.near_polls + 1 } else { 0 };
    if whole.lag <= context.options.lag_max || attempt.near_polls >= context.options.lag_polls {
        return Ok(Next::Done(Step::CaughtUp));
    }
    Ok(Next::Wait(None))
}

async fn transferring(
    context: &Context,
    attempt: &mut Attempt,
    record: &MoveRecord,
) -> Result<Next, NodeError> {
    let new_leader = record.add.first().and_then(|target| target.replica);
    let Some(new_leader) = new_leader else {
        return Ok(Next::Done(Step::Fail { why: "the group has no replica on the target node".to_owned() }));
    };
    let leader = context.nodes.observed().leader(&record.group).map(|(_, leader)| leader.id);
    if leader == Some(new_leader) {
        return Ok(Next::Done(Step::Switched));
    }
    attempt.transfers += 1;
    if attempt.transfers > TRANSFERS_MAX {
        return Ok(Next::Done(Step::Fail { why: "leadership was not transferred".to_owned() }));
    }
    context.nodes.transfer(&record.group, new_leader).await?;
    Ok(Next::Wait(None))
}

/// Changes the voters over one joint configuration. If the leader is to be removed, it first transfers leadership to the new
/// replica while both vote: the group keeps a leader, and leaders stay distributed as they are.
async fn switching(context: &Context, record: &MoveRecord, group: &GroupRecord) -> Result<Next, NodeError> {
    let observed = context.nodes.observed();
    let Some((_, leader)) = observed.leader(&record.group) else {
        return Err(NodeError::NoLeader(record.group.clone()));
    };
    let current: BTreeSet<u64> = leader.voters.keys().copied().collect();
    let new: BTreeSet<u64> = record.add.iter().filter_map(|target| target.replica).collect();
    let old: BTreeSet<u64> = record.remove.iter().map(|location| location.replica).collect();
    let voters: BTreeSet<u64> = group.voters().map(|voter| voter.location.replica).collect();
    let both: BTreeSet<u64> = voters.union(&new).copied().collect();
    let wanted: BTreeSet<u64> = both.difference(&old).copied().collect();
    if !old.contains(&leader.id) {
        if current != wanted {
            context.nodes.change_voters(&record.group, &current, &wanted).await?;
        }
        return Ok(Next::Done(Step::Switched));
    }
    let reachable = |id: &&u64| {
        let locations = group.replicas.iter().map(|known| &known.location);
        locations.filter(|location| location.replica == **id).any(|location| observed.is_live(&location.node))
    };
    let new_leader = new.iter().chain(&wanted).find(reachable).copied();
    let Some(new_leader) = new_leader else {
        return Ok(Next::Wait(Some("no other replica can be reached to lead".to_owned())));
    };
    if !current.contains(&new_leader) {
        context.nodes.change_voters(&record.group, &current, &both).await?;
    }
    context.nodes.transfer(&record.group, new_leader).await?;
    Ok(Next::Wait(Some("leadership is being transferred".to_owned())))
}

/// Deletes the old replicas, or the new ones if the move was cancelled or failed. A node that cannot be reached keeps them
/// until it returns; they are then deleted as stale.
async fn removing(context: &Context, record: &MoveRecord) -> Result<Next, NodeError> {
    let unwanted: Vec<(&str, u64)> = if record.abort.is_some() {
        let added = record.add.iter();
        added.filter_map(|target| Some((target.node.as_str(), target.replica?))).collect()
    } else {
        record.remove.iter().map(|location| (location.node.as_str(), location.replica)).collect()
    };
    for (node, replica) in unwanted {
        if record.abort.is_some() {
            context.nodes.remove_learner(&record.group, replica).await?;
        }
        if context.nodes.observed().is_live(node) {
            match context.nodes.drop_replica(node, &record.group, replica).await {
                Ok(()) | Err(NodeError::Unreachable(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Next::Done(Step::Removed))
}
