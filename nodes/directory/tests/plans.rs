//! Plans over random clusters: whatever the nodes, zones, rules and losses are, a plan never harms.

use std::collections::{BTreeMap, BTreeSet};

use directory::plan::{self, Draft, majority};
use directory::{
    Cluster, Duty, GroupRecord, Home, NodeProfile, NodeRecord, Plan, Planned, Refusal, ReplicaRecord,
    ServiceSettings, Settings, State,
};
use proptest::prelude::*;
use protocol::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000_000);

#[derive(Debug, Clone)]
struct Shape {
    /// Zone, label.
    nodes: Vec<(u8, u8)>,
    /// Shards, half of (replicas − 1), a label that it wants, a service that it avoids.
    services: Vec<(u16, u8, Option<u8>, Option<u8>)>,
}

fn shapes(rules: bool) -> impl Strategy<Value = Shape> {
    let label = if rules { prop::option::weighted(0.3, 0..2u8).boxed() } else { Just(None).boxed() };
    let avoids = if rules { prop::option::weighted(0.3, 0..4u8).boxed() } else { Just(None).boxed() };
    let nodes = prop::collection::vec((0..3u8, 0..2u8), 1..8);
    let services = prop::collection::vec((1..5u16, 0..3u8, label, avoids), 1..5);
    (nodes, services).prop_map(|(nodes, services)| Shape { nodes, services })
}

/// A founded cluster, or nothing where the rules leave some group no place.
fn found(shape: &Shape) -> Option<State> {
    let mut services = BTreeMap::new();
    for (number, (shards, half, label, avoids)) in shape.services.iter().enumerate() {
        let avoids =
            avoids.map(usize::from).filter(|other| *other != number && *other < shape.services.len());
        services.insert(
            format!("s{number}"),
            ServiceSettings {
                shards: *shards,
                replicas: half * 2 + 1,
                only_on: label.map(|label| format!("l{label}")).into_iter().collect(),
                never_with: avoids.map(|other| format!("s{other}")).into_iter().collect(),
            },
        );
    }
    let nodes = shape.nodes.iter().enumerate().map(|(number, (zone, label))| {
        let name = format!("n{number}");
        let profile = NodeProfile {
            name: name.clone(),
            node_id: number as u64,
            address: format!("{name}:1"),
            http_address: None,
            zone: format!("z{zone}"),
            labels: vec![format!("l{label}")],
            version: String::new(),
            fingerprint: String::new(),
            disk_free_bytes: 1 << 40,
        };
        let since = Timestamp(0);
        (
            name,
            NodeRecord { profile, up: true, since, duty: Duty::Serving, duty_since: since, joined_at: since },
        )
    });
    let mut groups = BTreeMap::new();
    for (service, settings) in &services {
        for shard in 0..settings.shards {
            let group = format!("{service}/{shard}");
            let record = GroupRecord {
                group: group.clone(),
                service: service.clone(),
                shard,
                wanted: settings.replicas,
                replicas: Vec::new(),
                founder: None,
                moving: None,
                former: Vec::new(),
                rests_until: None,
                leader: None,
                bytes: 1000,
            };
            groups.insert(group, record);
        }
    }
    let settings = Settings { bank: "sandbox".to_owned(), replace_after_secs: 300, services };
    let cluster = Cluster { name: "inn".to_owned(), epoch: 1, settings, founded_at: NOW, denied: Vec::new() };
    let mut state =
        State { revision: 0, now: NOW, cluster, nodes: nodes.collect(), groups, moves: Vec::new() };
    let founders = plan::founders(&state).ok()?;
    for (number, (group, node)) in founders.into_iter().enumerate() {
        let group = state.groups.get_mut(&group).unwrap();
        group.leader = Some(node.clone());
        group.replicas = vec![voter(node, number as u64)];
    }
    Some(state)
}

fn voter(node: String, replica: u64) -> ReplicaRecord {
    ReplicaRecord { home: Home { node, replica }, voter: true, gone_since: None }
}

fn answers(state: &State, replica: &ReplicaRecord) -> bool {
    replica.gone_since.is_none() && state.nodes[&replica.home.node].up
}

/// Does what a plan says, and checks on the way that every group has its quorum at every step.
fn carry_out(state: &mut State, plan: &Plan) {
    let mut seen = BTreeSet::new();
    for planned in &plan.moves {
        assert!(seen.insert(planned.group.clone()), "{} is planned twice", planned.group);
        carry_out_one(state, planned);
    }
}

fn carry_out_one(state: &mut State, planned: &Planned) {
    let mut group = state.groups[&planned.group].clone();
    if planned.leader_only {
        assert!(group.voters().any(|replica| replica.home.node == planned.to[0] && answers(state, replica)));
        group.leader = Some(planned.to[0].clone());
        state.groups.insert(group.group.clone(), group);
        return;
    }
    let holds = |group: &GroupRecord, what: &str| {
        let live = group.voters().filter(|replica| answers(state, replica)).count();
        assert!(live >= majority(group.voters().count()), "{what}: {planned:?}\n{group:?}");
    };
    holds(&group, "before");
    let fresh = 1 + group.replicas.iter().map(|replica| replica.home.replica).max().unwrap() + 1000;
    for (at, node) in planned.to.iter().enumerate() {
        let takes = &state.nodes[node];
        assert!(takes.up && takes.duty == Duty::Serving, "{node} takes nothing");
        group.replicas.push(voter(node.clone(), fresh + at as u64));
    }
    // A leader that goes hands over while old and new vote.
    let leads = |home: &Home| group.leader.as_ref() == Some(&home.node);
    if planned.remove.iter().any(leads) && !planned.to.is_empty() {
        holds(&group, "between");
    }
    for home in &planned.remove {
        assert!(group.replicas.iter().any(|replica| replica.home == *home), "{home:?} is not there");
        group.replicas.retain(|replica| replica.home != *home);
        if group.leader.as_ref() == Some(&home.node) {
            group.leader = None;
        }
    }
    holds(&group, "after");
    if group.leader.is_none() {
        let heir = group.voters().find(|replica| answers(state, replica));
        let heir = heir.map(|replica| replica.home.node.clone());
        group.leader = heir;
    }
    state.groups.insert(group.group.clone(), group);
}

/// No group is twice on a node, and rules hold for all that were placed under them.
fn check(state: &State) {
    let draft = Draft::new(state);
    for group in state.groups.values() {
        let nodes: BTreeSet<_> = group.voters().map(|replica| &replica.home.node).collect();
        assert_eq!(nodes.len(), group.voters().count(), "{} is twice on a node", group.group);
        assert!(group.voters().count() <= usize::from(group.wanted).max(1));
        for node in nodes {
            assert_eq!(draft.check_rules(group, &state.nodes[node]), Ok(()));
        }
    }
}

/// Tends until nothing is left to be done.
fn settle(state: &mut State) {
    for _ in 0..20 {
        let plan = plan::tend(state);
        if plan.is_empty() {
            return;
        }
        carry_out(state, &plan);
        check(state);
    }
    panic!("tending does not end: {:?}", plan::tend(state));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_grow_to_an_odd_number_and_over_all_zones(shape in shapes(false)) {
        let Some(mut state) = found(&shape) else { panic!("without rules there is always a place") };
        settle(&mut state);
        let zones: BTreeSet<_> = shape.nodes.iter().map(|(zone, _)| zone).collect();
        let draft = Draft::new(&state);
        for group in state.groups.values() {
            let most = usize::from(group.wanted).min(state.nodes.len());
            let expected = if most.is_multiple_of(2) { most - 1 } else { most };
            prop_assert_eq!(group.voters().count(), expected);
            let crowding = draft.crowding(group.voters().map(|replica| replica.home.node.as_str()));
            prop_assert_eq!(crowding, expected - expected.min(zones.len()), "{:?}", group);
        }
    }

    #[test]
    fn rules_hold_whatever_is_planned(shape in shapes(true), lost in 0..8usize, drained in 0..8usize) {
        let Some(mut state) = found(&shape) else { return Ok(()) };
        check(&state);
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        if let Some(name) = names.get(lost) {
            // Long ago.
            state.nodes.get_mut(name).unwrap().up = false;
            settle(&mut state);
        }
        if let Some(name) = names.get(drained)
            && let Ok(plan) = plan::drain(&state, name)
        {
            prop_assert!(plan.is_safe_to_stop());
            state.nodes.get_mut(name).unwrap().duty = Duty::Draining;
            carry_out(&mut state, &plan);
            check(&state);
            settle(&mut state);
            prop_assert!(!plan::is_to_lose(&state, name));
            // It can be stopped: nobody loses the quorum by it.
            let holds = |state: &State| -> BTreeSet<String> {
                let held = state.groups.values().filter(|group| plan::standing(state, group, None).holds());
                held.map(|group| group.group.clone()).collect()
            };
            let held = holds(&state);
            state.nodes.get_mut(name).unwrap().up = false;
            for group in state.groups.values().filter(|group| held.contains(&group.group)) {
                prop_assert!(plan::standing(&state, group, None).holds(), "{:?}", group);
            }
            for other in names.iter().filter(|other| *other != name) {
                match plan::drain(&state, other) {
                    Err(Refusal::OneAtATime { .. } | Refusal::Quorum { .. }) => {}
                    refused => prop_assert!(false, "{:?}", refused),
                }
            }
        }
        let plan = plan::rebalance(&state);
        carry_out(&mut state, &plan);
        check(&state);
    }

    #[test]
    fn changed_rules_and_counts_are_followed_as_far_as_there_are_places(
        shape in shapes(false),
        changed in shapes(true),
    ) {
        let Some(mut state) = found(&shape) else { panic!("always a place") };
        settle(&mut state);
        let names: Vec<String> = state.cluster.settings.services.keys().cloned().collect();
        for (service, (_, half, label, avoids)) in names.iter().zip(&changed.services) {
            let set = state.cluster.settings.services.get_mut(service).unwrap();
            set.replicas = half * 2 + 1;
            set.only_on = label.map(|label| format!("l{label}")).into_iter().collect();
            let avoids = avoids.and_then(|other| names.get(usize::from(other)));
            set.never_with = avoids.filter(|other| *other != service).cloned().into_iter().collect();
            for group in state.groups.values_mut().filter(|group| group.service == *service) {
                group.wanted = half * 2 + 1;
            }
        }
        // It ends, and on the way no quorum is lost and no group is twice on a node.
        let mut plans = 0;
        loop {
            let plan = plan::tend(&state);
            if plan.is_empty() {
                break;
            }
            carry_out(&mut state, &plan);
            plans += 1;
            prop_assert!(plans < 40, "tending does not end: {:?}", plan::tend(&state));
        }
        let draft = Draft::new(&state);
        for group in state.groups.values() {
            prop_assert!(group.voters().count() <= usize::from(group.wanted), "{:?}", group);
        }
        // What is still where it may not be can go nowhere else.
        for (group, node) in plan::astray(&state) {
            let group = &state.groups[&group];
            let keep: Vec<&str> =
                group.voters().map(|replica| replica.home.node.as_str()).filter(|other| *other != node).collect();
            prop_assert!(draft.best(group, &keep, &[]).is_err(), "{} on {}", group.group, node);
        }
    }

    #[test]
    fn what_is_decommissioned_is_empty_and_nobody_lost_a_quorum(shape in shapes(true), which in 0..8usize) {
        let Some(mut state) = found(&shape) else { return Ok(()) };
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        let name = &names[which % names.len()];
        match plan::decommission(&state, name) {
            Ok(plan) => {
                state.nodes.get_mut(name).unwrap().duty = Duty::Leaving;
                carry_out(&mut state, &plan);
                prop_assert!(!state.groups.values().any(|group| group.is_on(name)));
                check(&state);
            }
            // Data that would be lost.
            Err(Refusal::NoPlace { group, .. }) => {
                prop_assert_eq!(state.groups[&group].voters().count(), 1);
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_rebalanced_cluster_is_even_and_stays_as_it_is(shape in shapes(false), joins in 1..3usize) {
        let mut shape = shape;
        // In one zone nothing is against an even spread.
        for node in &mut shape.nodes {
            node.0 = 0;
        }
        let before = shape.nodes.len();
        let small = shape.clone();
        let Some(mut state) = found(&small) else { panic!("always a place") };
        settle(&mut state);
        shape.nodes.extend(std::iter::repeat_n((0, 0), joins));
        let grown = found(&shape).unwrap();
        for (name, node) in grown.nodes.into_iter().skip(before) {
            state.nodes.insert(name, node);
        }
        settle(&mut state);
        for _ in 0..6 {
            let plan = plan::rebalance(&state);
            carry_out(&mut state, &plan);
            check(&state);
        }
        prop_assert_eq!(plan::rebalance(&state), Plan::default());
        let draft = Draft::new(&state);
        let loads: Vec<usize> = state.nodes.keys().map(|node| draft.load(node)).collect();
        prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{:?}", loads);
    }

    #[test]
    fn leaders_leave_who_is_emptied_and_even_out(shape in shapes(false), drained in 0..8usize, on in any::<u64>()) {
        let Some(mut state) = found(&shape) else { panic!("always a place") };
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        if let Some(name) = names.get(drained) {
            state.nodes.get_mut(name).unwrap().duty = Duty::Draining;
        }
        // Whoever leads, leads by chance.
        let mut chance = on;
        for group in state.groups.values_mut() {
            chance = chance.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let voters: Vec<_> = group.voters().map(|replica| replica.home.node.clone()).collect();
            group.leader = Some(voters[(chance >> 33) as usize % voters.len()].clone());
        }
        for handover in plan::leaders(&state) {
            let group = state.groups.get_mut(&handover.group).unwrap();
            prop_assert_eq!(group.leader.as_ref(), Some(&handover.from));
            prop_assert!(group.is_on(&handover.to));
            group.leader = Some(handover.to);
        }
        for _ in 0..20 {
            for handover in plan::leaders(&state) {
                state.groups.get_mut(&handover.group).unwrap().leader = Some(handover.to);
            }
        }
        prop_assert_eq!(plan::leaders(&state), Vec::new(), "it comes to rest");
        if let Some(name) = names.get(drained) {
            for group in state.groups.values().filter(|group| group.leader.as_ref() == Some(name)) {
                prop_assert_eq!(group.voters().count(), 1, "it leads where it is alone only");
            }
        }
    }
}
