//! Where each group of a new cluster begins.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::contract::Refusal;
use crate::records::State;

/// Group → the node that founds it and leads it at first, for all groups without a replica and a founder. `state` has
/// the others in place.
///
/// # Errors
/// [`Refusal::NoPlace`] when the rules leave a group no node.
pub fn founders(state: &State) -> Result<BTreeMap<String, String>, Refusal> {
    let mut draft = Draft::new(state);
    let mut found = BTreeMap::new();
    let mut waiting: Vec<_> =
        state.groups.values().filter(|group| group.replicas.is_empty() && group.founder.is_none()).collect();
    // Whoever may not be everywhere chooses first, or others would be in its only places.
    waiting.sort_by_key(|group| {
        let settings = state.cluster.settings.of(&group.service);
        let free = settings.only_on.is_empty() && settings.never_with.is_empty();
        (settings.only_on.is_empty(), free, group.service.clone(), group.shard)
    });
    for group in waiting {
        let node = draft.best(group, &[], &[])?;
        draft.arrives(&group.group, &node);
        found.insert(group.group.clone(), node);
    }
    Ok(found)
}
