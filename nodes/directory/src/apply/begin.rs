//! Creates the moves of a plan.

use group::Turn;

use crate::records::{MoveId, MovePhase, MoveRecord, NewReplica, Plan, PlannedMove, Progress, State};
use crate::service::Directory;
use crate::state::{MOVES, MOVES_KEPT, Rows, audit, count, counter, put_group, put_move};

/// Creates all moves of a plan that was made from `state` in the same turn.
pub(crate) fn begin_all(turn: &mut Turn<'_, Directory>, state: &State, plan: &Plan) -> Vec<MoveRecord> {
    plan.moves.iter().map(|planned| begin(turn, state, planned)).collect()
}

/// Creates one move. The plan guarantees that the group has replicas and no active move.
pub(crate) fn begin(turn: &mut Turn<'_, Directory>, state: &State, planned: &PlannedMove) -> MoveRecord {
    let mut group = state.groups[&planned.group].clone();
    let id = MoveId(count(turn, counter::MOVE));
    forget_old(turn, id);
    let now = turn.now();
    let by = turn.caller().effective_subject().to_owned();
    let led_by = if planned.leader_only { group.leader.clone() } else { None };
    // A move of leadership, or a removal, has nothing to catch up with.
    let phase =
        if planned.leader_only || planned.to.is_empty() { MovePhase::Switching } else { MovePhase::Adding };
    let replica_on = |node: &str| {
        let there = group.voters().find(|replica| replica.location.node == node);
        there.map(|replica| replica.location.replica).filter(|_| planned.leader_only)
    };
    let add = planned.to.iter().map(|node| NewReplica { node: node.clone(), replica: replica_on(node) });
    let record = MoveRecord {
        id,
        group: planned.group.clone(),
        leader_only: planned.leader_only,
        add: add.collect(),
        remove: planned.remove.clone(),
        led_by,
        cause: planned.cause,
        by,
        phase,
        abort: None,
        waiting: None,
        progress: Progress { bytes_total: group.bytes * planned.to.len() as u64, ..Progress::default() },
        created_at: now,
        phase_at: now,
        ended_at: None,
    };
    group.moving = Some(id);
    group.backoff_until = None;
    put_group(turn, &mut group);
    put_move(turn, &record);
    audit(turn, "move", &id.to_string(), description(&record));
    record
}

fn description(record: &MoveRecord) -> String {
    let what = if record.leader_only { " (leadership)" } else { "" };
    let from = record.from().map(|node| format!(" from {node}")).unwrap_or_default();
    let to: Vec<&str> = record.add.iter().map(|target| target.node.as_str()).collect();
    let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
    format!("{}{what}{from}{to}: {}", record.group, record.cause)
}

fn forget_old(turn: &mut Turn<'_, Directory>, id: MoveId) {
    let Some(old) = id.0.checked_sub(MOVES_KEPT) else { return };
    if turn.move_record(MoveId(old)).is_some_and(|record| record.phase.is_final()) {
        turn.remove(&MOVES, &old);
    }
}
