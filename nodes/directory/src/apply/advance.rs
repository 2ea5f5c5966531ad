//! A step of a move is done.

use group::Turn;
use protocol::Timestamp;

use super::found::voter;
use crate::contract::{Refusal, Reply, Step};
use crate::records::{Ending, GroupRecord, Home, MoveId, MoveRecord, Phase, ReplicaRecord};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_move};

/// After a move that failed or was cancelled, nothing is started for its group by itself for so long, in seconds.
const REST_SECS: i64 = 30;

pub(crate) fn advance(
    turn: &mut Turn<'_, Directory>,
    id: MoveId,
    phase: Phase,
    step: Step,
) -> Result<Reply, Refusal> {
    let mut record = turn.move_or(id)?;
    let mut group = turn.group_or(&record.group)?;
    // What another steward has done meanwhile stands.
    if record.phase != phase || phase.is_final() {
        return Err(Refusal::Stale { id, phase: record.phase });
    }
    let now = turn.now();
    let stale = Refusal::Stale { id, phase };
    match (step, phase) {
        (Step::Opened { node, replica }, Phase::Adding) => opened(&mut record, &mut group, node, replica)?,
        (Step::Added, Phase::Adding) => {
            if record.add.iter().any(|joining| joining.replica.is_none()) {
                return Err(stale);
            }
            enter(&mut record, Phase::CatchingUp, now);
        }
        (Step::CaughtUp, Phase::CatchingUp) => enter(&mut record, Phase::Switching, now),
        (Step::Switched, Phase::Switching) => {
            switch(&mut record, &mut group);
            let over = record.remove.is_empty();
            if over {
                finish(&mut record, Phase::Done, now);
            } else {
                enter(&mut record, Phase::Removing, now);
            }
        }
        (Step::Removed, Phase::Removing) => {
            let last = match &record.ending {
                None => Phase::Done,
                Some(Ending::Cancelled { .. }) => Phase::Cancelled,
                Some(Ending::Failed { .. }) => Phase::Failed,
            };
            finish(&mut record, last, now);
        }
        (Step::GiveUp { why }, Phase::Adding | Phase::CatchingUp) => {
            record = turn_back(record, Ending::Failed { why }, now);
        }
        (Step::GiveUp { why }, Phase::Switching) if record.leader_only => {
            record.ending = Some(Ending::Failed { why });
            finish(&mut record, Phase::Failed, now);
        }
        (Step::Waiting { why }, _) => record.waiting = Some(why).filter(|why| !why.is_empty()),
        (
            Step::Opened { .. }
            | Step::Added
            | Step::CaughtUp
            | Step::Switched
            | Step::Removed
            | Step::GiveUp { .. },
            Phase::Adding
            | Phase::CatchingUp
            | Phase::Switching
            | Phase::Removing
            | Phase::Done
            | Phase::Failed
            | Phase::Cancelled,
        ) => return Err(stale),
    }

    if record.phase.is_final() {
        close(&record, &mut group, now);
        audit(turn, &record.phase.to_string(), &id.to_string(), detail(&record));
    }
    put_group(turn, &mut group);
    put_move(turn, &record);
    Ok(Reply::Move(Box::new(record)))
}

fn enter(record: &mut MoveRecord, phase: Phase, now: Timestamp) {
    record.phase = phase;
    record.phase_at = now;
    record.waiting = None;
}

/// The move is over.
pub(crate) fn finish(record: &mut MoveRecord, phase: Phase, now: Timestamp) {
    enter(record, phase, now);
    record.ended_at = Some(now);
    if phase == Phase::Done {
        record.progress.bytes_done = record.progress.bytes_total;
        record.progress.lag = 0;
    }
    record.progress.secs_left = None;
}

/// What was added is removed again, then the move is over.
pub(crate) fn turn_back(mut record: MoveRecord, ending: Ending, now: Timestamp) -> MoveRecord {
    enter(&mut record, Phase::Removing, now);
    record.ending = Some(ending);
    record
}

/// A replica was opened. Again under another id, when what was opened before is not there any more.
fn opened(
    record: &mut MoveRecord,
    group: &mut GroupRecord,
    node: String,
    replica: u64,
) -> Result<(), Refusal> {
    let not_there = || Refusal::NotThere { group: group.group.clone(), node: node.clone() };
    let joining = record.add.iter_mut().find(|joining| joining.node == node).ok_or_else(not_there)?;
    if joining.replica == Some(replica) {
        return Ok(());
    }
    if group.former.contains(&replica) || group.has(replica) {
        return Err(Refusal::Invalid {
            field: "replica".to_owned(),
            why: "this id is, or was, a replica of the group".to_owned(),
        });
    }
    if let Some(before) = joining.replica.replace(replica) {
        group.replicas.retain(|known| known.home.replica != before);
        group.former.push(before);
    }
    group.replicas.push(ReplicaRecord { home: Home { node, replica }, voter: false, gone_since: None });
    Ok(())
}

/// The voters are as they should be, or the leader is.
fn switch(record: &mut MoveRecord, group: &mut GroupRecord) {
    if record.leader_only {
        group.leader = record.to().map(str::to_owned);
        return;
    }
    for known in &mut group.replicas {
        if record.add.iter().any(|joining| joining.replica == Some(known.home.replica)) {
            *known = voter(known.home.clone());
        }
    }
    for home in &record.remove {
        group.replicas.retain(|known| known.home != *home);
        group.former.push(home.replica);
        if group.leader.as_ref() == Some(&home.node) {
            group.leader = None;
        }
    }
}

/// The group is free again.
fn close(record: &MoveRecord, group: &mut GroupRecord, now: Timestamp) {
    group.moving = None;
    match record.phase {
        Phase::Failed | Phase::Cancelled if !record.leader_only => {
            for replica in record.add.iter().filter_map(|joining| joining.replica) {
                group.replicas.retain(|known| known.home.replica != replica);
                group.former.push(replica);
            }
            group.rests_until = Some(now.plus_secs(REST_SECS));
        }
        Phase::Failed | Phase::Cancelled | Phase::Done => {}
        Phase::Adding | Phase::CatchingUp | Phase::Switching | Phase::Removing => {}
    }
}

fn detail(record: &MoveRecord) -> String {
    match &record.ending {
        None => record.group.clone(),
        Some(Ending::Cancelled { by }) => format!("{}: by {by}", record.group),
        Some(Ending::Failed { why }) => format!("{}: {why}", record.group),
    }
}
