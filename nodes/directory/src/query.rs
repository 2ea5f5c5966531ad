//! Answers queries.

use group::View;

use crate::apply::configure::configured;
use crate::contract::{Answer, Intent, PAGE_MAX, Query, Refusal};
use crate::plan;
use crate::records::{MoveId, Plan};
use crate::state::{AUDIT, MOVES, Rows, counter};

pub(crate) fn answer(view: &View<'_>, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::Cluster => {
            let cluster = view.cluster().ok_or(Refusal::NotInitialized)?;
            Ok(Answer::Cluster(Box::new(cluster)))
        }
        Query::Nodes => Ok(Answer::Nodes(view.nodes())),
        Query::Node { node } => Ok(Answer::Node(Box::new(view.node_or(&node)?))),
        Query::Groups => {
            let mut groups = view.groups();
            groups.sort_by(|a, b| (&a.service, a.shard).cmp(&(&b.service, b.shard)));
            Ok(Answer::Groups(groups))
        }
        Query::Group { group } => Ok(Answer::Group(Box::new(view.group_or(&group)?))),
        Query::Moves { before, active, limit } => moves(view, before, active, page(limit)?),
        Query::Move { id } => Ok(Answer::Move(Box::new(view.move_or(id)?))),
        Query::Audit { before, limit } => audit(view, before, page(limit)?),
        Query::Plan(intent) => {
            let state = view.load()?;
            let plan = match intent {
                Intent::Rebalance => plan::rebalance(&state),
                Intent::Drain(node) => plan::drain(&state, &node)?,
                Intent::Decommission(node) => plan::decommission(&state, &node)?,
                Intent::Repair => plan::repair(&state),
                Intent::Configure(settings) => plan::repair(&configured(state, *settings)?),
            };
            Ok(Answer::Plan(Box::new(plan)))
        }
        Query::SafeToStop { node } => {
            let state = view.load()?;
            view.node_or(&node)?;
            let remaining = plan::without(&state, &node);
            Ok(Answer::Plan(Box::new(Plan { moves: Vec::new(), remaining })))
        }
        Query::State => Ok(Answer::State(Box::new(view.load()?))),
        Query::Revision => Ok(Answer::Revision(view.counter(counter::REVISION))),
    }
}

fn page(limit: u16) -> Result<usize, Refusal> {
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit.into());
    }
    Err(Refusal::Invalid { field: "limit".to_owned(), why: format!("1 to {PAGE_MAX}") })
}

fn moves(view: &View<'_>, before: Option<MoveId>, active: bool, limit: usize) -> Result<Answer, Refusal> {
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
    Ok(Answer::Moves { items, next })
}

fn audit(view: &View<'_>, before: Option<u64>, limit: usize) -> Result<Answer, Refusal> {
    let after = before.unwrap_or(u64::MAX);
    let mut items: Vec<_> =
        view.scan_after(&AUDIT, &(), &after, true).take(limit + 1).map(|(_, record)| record).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().map(|record| record.number).filter(|_| more);
    Ok(Answer::Audit { items, next })
}
