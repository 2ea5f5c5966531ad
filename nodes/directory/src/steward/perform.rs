//! Performs one move, from wherever it is to its end.

use std::collections::{BTreeMap, BTreeSet};

use group::Failure;
use tokio::time::{Instant, sleep};

use super::Means;
use super::records::{movement, words};
use crate::contract::{Command, Refusal, Step};
use crate::hands::{HandsError, Start};
use crate::records::{GroupRecord, Home, Joining, MoveId, MoveRecord, Phase, Progress};

/// What comes next.
enum Next {
    /// This step is done: record it.
    Done(Step),
    /// Look again soon. Words where it takes longer than usual.
    Wait(Option<String>),
}

/// What this attempt remembers. Another steward begins with nothing, and only waits a little longer.
#[derive(Default)]
struct Memory {
    /// Node → since when it is away, or does not show the new replica.
    away: BTreeMap<String, Instant>,
    /// How many looks running the new replicas were nearly there.
    near: u32,
    /// How often leadership was asked to go.
    asked: u32,
    /// Since when it waits, and whether that was written down.
    waits: Option<(Instant, String)>,
    mentioned: String,
}

/// How often a move of leadership asks, one look apart, before it gives up.
const ASKS_MAX: u32 = 100;

/// Performs a move to its end.
pub(super) async fn perform(means: &Means, id: MoveId) -> Result<(), String> {
    let mut memory = Memory::default();
    loop {
        let (record, group) = movement(&*means.records, id).await?;
        if record.phase.is_final() {
            return Ok(());
        }
        let next = match record.phase {
            Phase::Adding => adding(means, &mut memory, &record, &group).await,
            Phase::CatchingUp => catching_up(means, &mut memory, &record, &group).await,
            Phase::Switching if record.leader_only => handing_over(means, &mut memory, &record).await,
            Phase::Switching => switching(means, &record, &group).await,
            Phase::Removing => removing(means, &record).await,
            Phase::Done | Phase::Failed | Phase::Cancelled => return Ok(()),
        };
        match next {
            Ok(Next::Done(step)) => advance(means, &record, step).await?,
            Ok(Next::Wait(why)) => wait(means, &mut memory, &record, why).await?,
            Err(error) => wait(means, &mut memory, &record, Some(error.to_string())).await?,
        }
    }
}

async fn advance(means: &Means, record: &MoveRecord, step: Step) -> Result<(), String> {
    let command = Command::Advance { id: record.id, phase: record.phase, step };
    match means.records.command(command).await {
        // Somebody was faster, or cancelled it: look again.
        Ok(_) | Err(Failure::Refused(Refusal::Stale { .. })) => Ok(()),
        Err(failure) => Err(words(failure)),
    }
}

/// Waits for one look, and writes down what for, where that takes long.
async fn wait(
    means: &Means,
    memory: &mut Memory,
    record: &MoveRecord,
    why: Option<String>,
) -> Result<(), String> {
    let why = why.unwrap_or_default();
    let since = match &memory.waits {
        Some((since, before)) if *before == why => *since,
        _ => Instant::now(),
    };
    memory.waits = Some((since, why.clone()));
    if since.elapsed() >= means.pace.mention_after && memory.mentioned != why {
        memory.mentioned.clone_from(&why);
        advance(means, record, Step::Waiting { why }).await?;
    }
    sleep(means.pace.poll).await;
    Ok(())
}

/// Whether a new replica's node has been away, or without it, for too long.
fn give_up(means: &Means, memory: &mut Memory, node: &str, well: bool) -> bool {
    if well {
        memory.away.remove(node);
        return false;
    }
    let since = *memory.away.entry(node.to_owned()).or_insert_with(Instant::now);
    since.elapsed() >= means.pace.give_up_after
}

async fn adding(
    means: &Means,
    memory: &mut Memory,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, HandsError> {
    for joining in &record.add {
        let live = means.hands.observed().is_live(&joining.node);
        if give_up(means, memory, &joining.node, live) {
            let why = format!("`{}` is away", joining.node);
            return Ok(Next::Done(Step::GiveUp { why }));
        }
        if !live {
            return Ok(Next::Wait(Some(format!("`{}` is away", joining.node))));
        }
        match joining.replica {
            None => return open(means, joining, record, group).await,
            Some(replica) => means.hands.add_learner(&record.group, replica, &joining.node).await?,
        }
    }
    Ok(Next::Done(Step::Added))
}

/// Opens a new replica where nothing old is left.
async fn open(
    means: &Means,
    joining: &Joining,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, HandsError> {
    let node = &joining.node;
    let successor = record.remove.iter().find(|home| home.node == *node);
    if let Some(home) = successor {
        let gone = |home: &Home| {
            group.replicas.iter().any(|known| known.home == *home && known.gone_since.is_some())
        };
        // It was slow to open, and is there again: nothing is to be replaced.
        if !gone(home) {
            let why = format!("the old replica on `{node}` is back");
            return Ok(Next::Done(Step::GiveUp { why }));
        }
        means.hands.drop_replica(node, &record.group, home.replica).await?;
    }
    let stale: Vec<u64> = {
        let observed = means.hands.observed();
        observed.on(node, &record.group).map(|seen| seen.replica).filter(|id| !group.has(*id)).collect()
    };
    for id in stale {
        means.hands.drop_replica(node, &record.group, id).await?;
    }
    let replica = means.hands.open(node, &record.group, Start::Join).await?;
    if group.former.contains(&replica) || group.has(replica) {
        // An old one that was not shown yet.
        means.hands.drop_replica(node, &record.group, replica).await?;
        return Ok(Next::Wait(None));
    }
    Ok(Next::Done(Step::Opened { node: node.clone(), replica }))
}

async fn catching_up(
    means: &Means,
    memory: &mut Memory,
    record: &MoveRecord,
    group: &GroupRecord,
) -> Result<Next, HandsError> {
    let mut whole = Progress::default();
    let mut known = true;
    for joining in &record.add {
        let Some(replica) = joining.replica else { continue };
        let there = {
            let observed = means.hands.observed();
            observed.is_live(&joining.node)
                && observed.on(&joining.node, &record.group).any(|seen| seen.replica == replica)
        };
        if give_up(means, memory, &joining.node, there) {
            let why = format!("the new replica on `{}` is away", joining.node);
            return Ok(Next::Done(Step::GiveUp { why }));
        }
        match means.hands.progress(&record.group, replica).await {
            Some(progress) => {
                whole.bytes_done += progress.bytes_done;
                whole.bytes_total += progress.bytes_total;
                whole.lag = whole.lag.max(progress.lag);
            }
            None => known = false,
        }
    }
    if !known {
        memory.near = 0;
        let why = format!("the leader of {} does not say how far the new replica is", group.group);
        return Ok(Next::Wait(Some(why)));
    }
    means.tracks.show(record.id, whole);
    memory.near = if whole.lag <= means.pace.lag_busy_max { memory.near + 1 } else { 0 };
    if whole.lag <= means.pace.lag_max || memory.near >= means.pace.lag_looks {
        return Ok(Next::Done(Step::CaughtUp));
    }
    Ok(Next::Wait(None))
}

async fn handing_over(means: &Means, memory: &mut Memory, record: &MoveRecord) -> Result<Next, HandsError> {
    let heir = record.add.first().and_then(|joining| joining.replica);
    let Some(heir) = heir else {
        return Ok(Next::Done(Step::GiveUp { why: "no replica of the group takes it".to_owned() }));
    };
    let leader = means.hands.observed().leader(&record.group).map(|(_, leader)| leader.replica);
    if leader == Some(heir) {
        return Ok(Next::Done(Step::Switched));
    }
    memory.asked += 1;
    if memory.asked > ASKS_MAX {
        return Ok(Next::Done(Step::GiveUp { why: "the leadership does not go there".to_owned() }));
    }
    means.hands.transfer(&record.group, heir).await?;
    Ok(Next::Wait(None))
}

/// Changes the voters in one joint step. A leader that is to go first hands over to the one that comes in its place, while
/// both vote: so that the group is never without, and leaders stay spread as they are.
async fn switching(means: &Means, record: &MoveRecord, group: &GroupRecord) -> Result<Next, HandsError> {
    let observed = means.hands.observed();
    let Some((_, leader)) = observed.leader(&record.group) else {
        return Err(HandsError::NoLeader(record.group.clone()));
    };
    let new: BTreeSet<u64> = record.add.iter().filter_map(|joining| joining.replica).collect();
    let old: BTreeSet<u64> = record.remove.iter().map(|home| home.replica).collect();
    let voters: BTreeSet<u64> = group.voters().map(|voter| voter.home.replica).collect();
    let both: BTreeSet<u64> = voters.union(&new).copied().collect();
    let wanted: BTreeSet<u64> = both.difference(&old).copied().collect();
    if !old.contains(&leader.replica) {
        if leader.voters != wanted {
            means.hands.change_voters(&record.group, &leader.voters, &wanted).await?;
        }
        return Ok(Next::Done(Step::Switched));
    }
    let reachable = |id: &&u64| {
        let homes = group.replicas.iter().map(|known| &known.home);
        homes.filter(|home| home.replica == **id).any(|home| observed.is_live(&home.node))
    };
    let heir = new.iter().chain(&wanted).find(reachable).copied();
    let Some(heir) = heir else {
        return Ok(Next::Wait(Some("no other replica can be reached to lead".to_owned())));
    };
    if !leader.voters.contains(&heir) {
        means.hands.change_voters(&record.group, &leader.voters, &both).await?;
    }
    means.hands.transfer(&record.group, heir).await?;
    Ok(Next::Wait(Some("the leader is to hand over".to_owned())))
}

/// Deletes what is not wanted any more: the old replicas, or those that were added in vain. A node that is away keeps
/// them until it returns, when they are recognised as stale.
async fn removing(means: &Means, record: &MoveRecord) -> Result<Next, HandsError> {
    let unwanted: Vec<(&str, u64)> = if record.ending.is_some() {
        let added = record.add.iter();
        added.filter_map(|joining| Some((joining.node.as_str(), joining.replica?))).collect()
    } else {
        record.remove.iter().map(|home| (home.node.as_str(), home.replica)).collect()
    };
    for (node, replica) in unwanted {
        if record.ending.is_some() {
            means.hands.remove_learner(&record.group, replica).await?;
        }
        if means.hands.observed().is_live(node) {
            match means.hands.drop_replica(node, &record.group, replica).await {
                Ok(()) | Err(HandsError::Away(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Next::Done(Step::Removed))
}
