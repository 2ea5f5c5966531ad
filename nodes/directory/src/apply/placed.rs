//! A new group has its first replica.

use group::Turn;

use super::found::voter;
use crate::contract::{Refusal, Reply};
use crate::records::Home;
use crate::service::Directory;
use crate::state::{Rows, audit, put_group};

pub(crate) fn placed(
    turn: &mut Turn<'_, Directory>,
    group: &str,
    node: String,
    replica: u64,
) -> Result<Reply, Refusal> {
    let mut record = turn.group_or(group)?;
    let home = Home { node, replica };
    if record.replicas.iter().any(|known| known.home == home) {
        return Ok(Reply::Done);
    }
    // Founded by two, it would be two groups of one name.
    if record.founder.as_ref() != Some(&home.node) {
        return Err(Refusal::NotThere { group: group.to_owned(), node: home.node });
    }

    audit(turn, "place", group, format!("on {}", home.node));
    record.leader = Some(home.node.clone());
    record.founder = None;
    record.replicas = vec![voter(home)];
    put_group(turn, &mut record);
    Ok(Reply::Done)
}
