//! Evening leaders out over the nodes that have the replicas.

use std::collections::BTreeMap;

use super::standing::answers;
use crate::records::{Duty, GroupRecord, State};

/// One group's leadership goes to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Which group.
    pub group: String,
    /// Who leads it now.
    pub from: String,
    /// Who should.
    pub to: String,
}

/// What would even leaders out, where `leader` of the groups' records says who leads. Leaders on nodes that are being
/// emptied, or were, go first of all. A difference of one stays: it would only wander.
pub fn leaders(state: &State) -> Vec<Handover> {
    let mut led: BTreeMap<&str, usize> = BTreeMap::new();
    for node in state.nodes.values().filter(|node| node.up && node.duty == Duty::Serving) {
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
    // Groups that are being moved have a leader too, which stays.
    for group in state.groups.values().filter(|group| group.moving.is_some()) {
        if let Some(leader) = group.leader.as_deref() {
            *led.entry(leader).or_default() += 1;
        }
    }
    let serves = |node: &str| state.nodes.get(node).is_some_and(|node| node.up && node.duty == Duty::Serving);
    let takers = |group: &GroupRecord| -> Vec<String> {
        let fit = group.voters().filter(|replica| answers(state, replica) && serves(&replica.home.node));
        fit.map(|replica| replica.home.node.clone()).collect()
    };
    let mut handovers = Vec::new();
    for must in [true, false] {
        // Each handover makes the differences smaller, so this ends; the bound is for peace of mind.
        for _ in 0..=groups.len() {
            let mut best: Option<(usize, &str, String)> = None;
            for group in &groups {
                let from = leads[group.group.as_str()];
                let leaving = state.nodes.get(from).is_some_and(|node| node.duty != Duty::Serving);
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
