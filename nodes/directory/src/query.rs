//! Answers queries.

use group::View;

use crate::apply::configure::configured;
use crate::contract::{
    Answer, AuditPage, CheckSafeToStop, Intent, ListAudit, ListMoves, MovePage, PAGE_MAX, Query, Refusal,
};
use crate::plan;
use crate::records::{GroupRecord, Plan};
use crate::state::{AUDIT, MOVES, Rows, counter};

pub(crate) fn answer(view: &View<'_>, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::GetCluster(_) => view.cluster().map(Box::new).map(Answer::from).ok_or(Refusal::NotInitialized),
        Query::ListNodes(_) => Ok(view.nodes().into()),
        Query::GetNode(request) => view.node_or(&request.node).map(Box::new).map(Answer::from),
        Query::ListGroups(_) => Ok(groups(view).into()),
        Query::GetGroup(request) => view.group_or(&request.group).map(Box::new).map(Answer::from),
        Query::ListMoves(request) => moves(view, request).map(Answer::from),
        Query::GetMove(request) => view.move_or(request.id).map(Box::new).map(Answer::from),
        Query::ListAudit(request) => audit(view, request).map(Answer::from),
        Query::GetPlan(request) => plan(view, request.intent).map(Answer::from),
        Query::CheckSafeToStop(request) => safe_to_stop(view, &request).map(Answer::from),
        Query::GetState(_) => view.load().map(Box::new).map(Answer::from),
        Query::GetRevision(_) => Ok(view.counter(counter::REVISION).into()),
    }
}

fn groups(view: &View<'_>) -> Vec<GroupRecord> {
    let mut groups = view.groups();
    groups.sort_by(|a, b| (&a.service, a.shard).cmp(&(&b.service, b.shard)));
    groups
}

fn plan(view: &View<'_>, intent: Intent) -> Result<Plan, Refusal> {
    let state = view.load()?;
    match intent {
        Intent::Rebalance => Ok(plan::rebalance(&state)),
        Intent::Drain(node) => plan::drain(&state, &node),
        Intent::Decommission(node) => plan::decommission(&state, &node),
        Intent::Repair => Ok(plan::repair(&state)),
        Intent::Configure(settings) => Ok(plan::repair(&configured(state, *settings)?)),
    }
}

fn safe_to_stop(view: &View<'_>, CheckSafeToStop { node }: &CheckSafeToStop) -> Result<Plan, Refusal> {
    let state = view.load()?;
    view.node_or(node)?;
    Ok(Plan { moves: Vec::new(), remaining: plan::without(&state, node) })
}

fn page(limit: u16) -> Result<usize, Refusal> {
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit.into());
    }
    Err(Refusal::Invalid { field: "limit".to_owned(), why: format!("1 to {PAGE_MAX}") })
}

fn moves(view: &View<'_>, ListMoves { before, active, limit }: ListMoves) -> Result<MovePage, Refusal> {
    let limit = page(limit)?;
    let mut items: Vec<_> = if active {
        let mut moves = view.load()?.moves;
        moves.reverse();
        moves
            .into_iter()
            .filter(|record| before.is_none_or(|before| record.id < before))
            .take(limit + 1)
            .collect()
    } else {
        let after = before.map_or(u64::MAX, |before| before.0);
        view.scan_after(&MOVES, &(), &after, true).take(limit + 1).map(|(_, record)| record).collect()
    };
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|record| record.id).filter(|_| more);
    Ok(MovePage { items, next })
}

fn audit(view: &View<'_>, ListAudit { before, limit }: ListAudit) -> Result<AuditPage, Refusal> {
    let limit = page(limit)?;
    let after = before.unwrap_or(u64::MAX);
    let mut items: Vec<_> =
        view.scan_after(&AUDIT, &(), &after, true).take(limit + 1).map(|(_, record)| record).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|record| record.number).filter(|_| more);
    Ok(AuditPage { items, next })
}
