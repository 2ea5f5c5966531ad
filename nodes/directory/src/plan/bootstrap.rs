//! Where each group of a new cluster is bootstrapped.

use std::collections::BTreeMap;

use super::projection::Projection;
use crate::contract::Refusal;
use crate::records::State;

/// Group → the node that opens its first replica, for every group that has neither a replica nor a bootstrap node.
///
/// # Errors
/// [`Refusal::NoPlace`] when the placement rules leave no node for a group.
pub fn bootstrap_nodes(state: &State) -> Result<BTreeMap<String, String>, Refusal> {
    let mut projection = Projection::new(state);
    let mut found = BTreeMap::new();
    let mut waiting: Vec<_> = state
        .groups
        .values()
        .filter(|group| group.replicas.is_empty() && group.bootstrap_node.is_none())
        .collect();
    // Services with placement rules choose first: others could otherwise occupy their only nodes.
    waiting.sort_by_key(|group| {
        let settings = state.cluster.settings.of(&group.service);
        let free = settings.only_on.is_empty() && settings.never_with.is_empty();
        (settings.only_on.is_empty(), free, group.service.clone(), group.shard)
    });
    for group in waiting {
        let node = projection.best(group, &[], &[])?;
        projection.arrives(&group.group, &node);
        found.insert(group.group.clone(), node);
    }
    Ok(found)
}
