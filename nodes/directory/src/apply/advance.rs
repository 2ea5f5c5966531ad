//! Records a step of a move.

use group::Turn;
use protocol::Timestamp;

use super::init::voter;
use crate::contract::{AdvanceMove, Refusal, Step};
use crate::records::{Abort, GroupRecord, MovePhase, MoveRecord, ReplicaLocation, ReplicaRecord};
use crate::service::Directory;
use crate::state::{Rows, audit, put_group, put_move};

/// After a failed or cancelled move, the reconciler starts no move of the group for this long, in seconds.
const BACKOFF_SECS: i64 = 30;

pub(crate) fn advance(
    turn: &mut Turn<'_, Directory>,
    AdvanceMove { id, phase, step }: AdvanceMove,
) -> Result<Box<MoveRecord>, Refusal> {
    let mut record = turn.move_or(id)?;
    let mut group = turn.group_or(&record.group)?;
    // Another reconciler has advanced the move: its steps stand.
    if record.phase != phase || phase.is_final() {
        return Err(Refusal::Stale { id, phase: record.phase });
    }
    let now = turn.now();
    let stale = Refusal::Stale { id, phase };
    match (step, phase) {
        (Step::Opened { node, replica }, MovePhase::Adding) => {
            opened(&mut record, &mut group, node, replica)?;
        }
        (Step::Added, MovePhase::Adding) => {
            if record.add.iter().any(|target| target.replica.is_none()) {
                return Err(stale);
            }
            enter(&mut record, MovePhase::CatchingUp, now);
        }
        (Step::CaughtUp, MovePhase::CatchingUp) => enter(&mut record, MovePhase::Switching, now),
        (Step::Switched, MovePhase::Switching) => {
            switch(&mut record, &mut group);
            let over = record.remove.is_empty();
            if over {
                finish(&mut record, MovePhase::Done, now);
            } else {
                enter(&mut record, MovePhase::Removing, now);
            }
        }
        (Step::Removed, MovePhase::Removing) => {
            let last = match &record.abort {
                None => MovePhase::Done,
                Some(Abort::Cancelled { .. }) => MovePhase::Cancelled,
                Some(Abort::Failed { .. }) => MovePhase::Failed,
            };
            finish(&mut record, last, now);
        }
        (Step::Fail { why }, MovePhase::Adding | MovePhase::CatchingUp) => {
            record = turn_back(record, Abort::Failed { why }, now);
        }
        (Step::Fail { why }, MovePhase::Switching) if record.leader_only => {
            record.abort = Some(Abort::Failed { why });
            finish(&mut record, MovePhase::Failed, now);
        }
        (Step::Waiting { why }, _) => record.waiting = Some(why).filter(|why| !why.is_empty()),
        (
            Step::Opened { .. }
            | Step::Added
            | Step::CaughtUp
            | Step::Switched
            | Step::Removed
            | Step::Fail { .. },
            MovePhase::Adding
            | MovePhase::CatchingUp
            | MovePhase::Switching
            | MovePhase::Removing
            | MovePhase::Done
            | MovePhase::Failed
            | MovePhase::Cancelled,
        ) => return Err(stale),
    }

    if record.phase.is_final() {
        close(&record, &mut group, now);
        audit(turn, &record.phase.to_string(), &id.to_string(), detail(&record));
    }
    put_group(turn, &mut group);
    put_move(turn, &record);
    Ok(Box::new(record))
}

fn enter(record: &mut MoveRecord, phase: MovePhase, now: Timestamp) {
    record.phase = phase;
    record.phase_at = now;
    record.waiting = None;
}

/// Ends a move.
pub(crate) fn finish(record: &mut MoveRecord, phase: MovePhase, now: Timestamp) {
    enter(record, phase, now);
    record.ended_at = Some(now);
    if phase == MovePhase::Done {
        record.progress.bytes_done = record.progress.bytes_total;
        record.progress.lag = 0;
    }
    record.progress.secs_left = None;
}

/// Starts the removal of added replicas, after which the move ends.
pub(crate) fn turn_back(mut record: MoveRecord, abort: Abort, now: Timestamp) -> MoveRecord {
    enter(&mut record, MovePhase::Removing, now);
    record.abort = Some(abort);
    record
}

/// Records a new replica. It replaces an earlier one of this move that no longer exists.
fn opened(
    record: &mut MoveRecord,
    group: &mut GroupRecord,
    node: String,
    replica: u64,
) -> Result<(), Refusal> {
    let not_there = || Refusal::NotThere { group: group.group.clone(), node: node.clone() };
    let target = record.add.iter_mut().find(|target| target.node == node).ok_or_else(not_there)?;
    if target.replica == Some(replica) {
        return Ok(());
    }
    if group.former.contains(&replica) || group.has(replica) {
        return Err(Refusal::Invalid {
            field: "replica".to_owned(),
            why: "this id is, or was, a replica of the group".to_owned(),
        });
    }
    if let Some(before) = target.replica.replace(replica) {
        group.replicas.retain(|known| known.location.replica != before);
        group.former.push(before);
    }
    group.replicas.push(ReplicaRecord {
        location: ReplicaLocation { node, replica },
        voter: false,
        lost_since: None,
    });
    Ok(())
}

/// Records the new voters, or the new leader.
fn switch(record: &mut MoveRecord, group: &mut GroupRecord) {
    if record.leader_only {
        group.leader = record.to().map(str::to_owned);
        return;
    }
    for known in &mut group.replicas {
        if record.add.iter().any(|target| target.replica == Some(known.location.replica)) {
            *known = voter(known.location.clone());
        }
    }
    for location in &record.remove {
        group.replicas.retain(|known| known.location != *location);
        group.former.push(location.replica);
        if group.leader.as_ref() == Some(&location.node) {
            group.leader = None;
        }
    }
}

/// Releases the group.
fn close(record: &MoveRecord, group: &mut GroupRecord, now: Timestamp) {
    group.moving = None;
    match record.phase {
        MovePhase::Failed | MovePhase::Cancelled if !record.leader_only => {
            for replica in record.add.iter().filter_map(|target| target.replica) {
                group.replicas.retain(|known| known.location.replica != replica);
                group.former.push(replica);
            }
            group.backoff_until = Some(now.plus_secs(BACKOFF_SECS));
        }
        MovePhase::Failed | MovePhase::Cancelled | MovePhase::Done => {}
        MovePhase::Adding | MovePhase::CatchingUp | MovePhase::Switching | MovePhase::Removing => {}
    }
}

fn detail(record: &MoveRecord) -> String {
    match &record.abort {
        None => record.group.clone(),
        Some(Abort::Cancelled { by }) => format!("{}: by {by}", record.group),
        Some(Abort::Failed { why }) => format!("{}: {why}", record.group),
    }
}
