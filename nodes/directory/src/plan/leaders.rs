//! Balancing leaders over the nodes that have the replicas.

use std::collections::BTreeMap;

use super::quorum::is_reachable;
use crate::records::{GroupRecord, Lifecycle, State};

/// A transfer of one group's leadership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    pub group: String,
    /// The current leader's node.
    pub from: String,
    /// The new leader's node.
    pub to: String,
}

/// Transfers that balance leaders, given [`GroupRecord::leader`]. Leaders on nodes that are draining or drained come
/// first. A difference of one is left as it is, since moving it would only swap the nodes.
pub fn leaders(state: &State) -> Vec<Handover> {
    let mut led: BTreeMap<&str, usize> = BTreeMap::new();
    for node in state.nodes.values().filter(|node| node.up && node.lifecycle == Lifecycle::Active) {
        led.insert(node.name(), 0);
    }
    let groups: Vec<&GroupRecord> =
        state.groups.values().filter(|group| group.moving.is_none() && group.leader.is_some()).collect();
    let mut leads: BTreeMap<&str, &str> = BTreeMap::new();
    for group in &groups {
        let leader = group.leader.as_deref().expect("filtered");
        leads.insert(&group.group, leader);
        *led.entry(leader).or_default() += 1;
    }
    // Leaders of groups that are being moved count, but are not transferred.
    for group in state.groups.values().filter(|group| group.moving.is_some()) {
        if let Some(leader) = group.leader.as_deref() {
            *led.entry(leader).or_default() += 1;
        }
    }
    let serves =
        |node: &str| state.nodes.get(node).is_some_and(|node| node.up && node.lifecycle == Lifecycle::Active);
    let takers = |group: &GroupRecord| -> Vec<String> {
        let fit =
            group.voters().filter(|replica| is_reachable(state, replica) && serves(&replica.location.node));
        fit.map(|replica| replica.location.node.clone()).collect()
    };
    let mut handovers = Vec::new();
    for must in [true, false] {
        // Terminates because each transfer reduces the differences; the bound is a safeguard.
        for _ in 0..=groups.len() {
            let mut best: Option<(usize, &str, String)> = None;
            for group in &groups {
                let from = leads[group.group.as_str()];
                let leaving = state.nodes.get(from).is_some_and(|node| node.lifecycle != Lifecycle::Active);
                if must != leaving || handovers.iter().any(|done: &Handover| done.group == group.group) {
                    continue;
                }
                for to in takers(group).into_iter().filter(|to| to != from) {
                    let (most, least) = (led[from], led[to.as_str()]);
                    if !must && most < least + 2 {
                        continue;
                    }
                    let gain = (most + groups.len()).saturating_sub(least);
                    if best.as_ref().is_none_or(|(other, ..)| gain > *other) {
                        best = Some((gain, &group.group, to));
                    }
                }
            }
            let Some((_, group, to)) = best else { break };
            let from = leads[group];
            *led.get_mut(from).expect("counted") -= 1;
            *led.get_mut(to.as_str()).expect("a taker is counted") += 1;
            handovers.push(Handover { group: group.to_owned(), from: from.to_owned(), to });
        }
    }
    handovers
}
