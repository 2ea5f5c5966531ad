//! Plans over random clusters: no plan violates a rule or loses a quorum.

use std::collections::{BTreeMap, BTreeSet};

use directory::plan::{self, Projection, majority};
use directory::{
    Cluster, GroupRecord, Lifecycle, NodeProfile, NodeRecord, Plan, PlannedMove, Refusal, ReplicaLocation,
    ReplicaRecord, ServiceSettings, Settings, State,
};
use proptest::prelude::*;
use protocol::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000_000);

#[derive(Debug, Clone)]
struct Shape {
    /// Zone, label.
    nodes: Vec<(u8, u8)>,
    /// Shards, half of (replicas − 1), a required label, a service to avoid.
    services: Vec<(u16, u8, Option<u8>, Option<u8>)>,
}

fn shapes(rules: bool) -> impl Strategy<Value = Shape> {
    let label = if rules { prop::option::weighted(0.3, 0..2u8).boxed() } else { Just(None).boxed() };
    let avoids = if rules { prop::option::weighted(0.3, 0..4u8).boxed() } else { Just(None).boxed() };
    let nodes = prop::collection::vec((0..3u8, 0..2u8), 1..8);
    let services = prop::collection::vec((1..5u16, 0..3u8, label, avoids), 1..5);
    (nodes, services).prop_map(|(nodes, services)| Shape { nodes, services })
}

/// An initialized cluster; none where the rules leave a group without a node.
fn initial_state(shape: &Shape) -> Option<State> {
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
            NodeRecord {
                profile,
                up: true,
                since,
                lifecycle: Lifecycle::Active,
                lifecycle_since: since,
                joined_at: since,
            },
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
                bootstrap_node: None,
                moving: None,
                former: Vec::new(),
                backoff_until: None,
                leader: None,
                bytes: 1000,
            };
            groups.insert(group, record);
        }
    }
    let settings = Settings { bank: "sandbox".to_owned(), replace_after_secs: 300, services };
    let cluster = Cluster { name: "inn".to_owned(), epoch: 1, settings, created_at: NOW, denied: Vec::new() };
    let mut state =
        State { revision: 0, now: NOW, cluster, nodes: nodes.collect(), groups, moves: Vec::new() };
    let founders = plan::bootstrap_nodes(&state).ok()?;
    for (number, (group, node)) in founders.into_iter().enumerate() {
        let group = state.groups.get_mut(&group).unwrap();
        group.leader = Some(node.clone());
        group.replicas = vec![voter(node, number as u64)];
    }
    Some(state)
}

fn voter(node: String, replica: u64) -> ReplicaRecord {
    ReplicaRecord { location: ReplicaLocation { node, replica }, voter: true, lost_since: None }
}

fn is_reachable(state: &State, replica: &ReplicaRecord) -> bool {
    replica.lost_since.is_none() && state.nodes[&replica.location.node].up
}

/// Applies a plan, and checks that every group keeps its quorum at every step.
fn apply_plan(state: &mut State, plan: &Plan) {
    let mut seen = BTreeSet::new();
    for planned in &plan.moves {
        assert!(seen.insert(planned.group.clone()), "{} is planned twice", planned.group);
        apply_move(state, planned);
    }
}

fn apply_move(state: &mut State, planned: &PlannedMove) {
    let mut group = state.groups[&planned.group].clone();
    if planned.leader_only {
        assert!(
            group
                .voters()
                .any(|replica| replica.location.node == planned.to[0] && is_reachable(state, replica))
        );
        group.leader = Some(planned.to[0].clone());
        state.groups.insert(group.group.clone(), group);
        return;
    }
    let holds = |group: &GroupRecord, what: &str| {
        let live = group.voters().filter(|replica| is_reachable(state, replica)).count();
        assert!(live >= majority(group.voters().count()), "{what}: {planned:?}\n{group:?}");
    };
    holds(&group, "before");
    let fresh = 1 + group.replicas.iter().map(|replica| replica.location.replica).max().unwrap() + 1000;
    for (at, node) in planned.to.iter().enumerate() {
        let takes = &state.nodes[node];
        assert!(takes.up && takes.lifecycle == Lifecycle::Active, "{node} takes nothing");
        group.replicas.push(voter(node.clone(), fresh + at as u64));
    }
    // A leader that is removed first transfers leadership, while old and new replicas vote.
    let leads = |location: &ReplicaLocation| group.leader.as_ref() == Some(&location.node);
    if planned.remove.iter().any(leads) && !planned.to.is_empty() {
        holds(&group, "between");
    }
    for location in &planned.remove {
        assert!(
            group.replicas.iter().any(|replica| replica.location == *location),
            "{location:?} is not there"
        );
        group.replicas.retain(|replica| replica.location != *location);
        if group.leader.as_ref() == Some(&location.node) {
            group.leader = None;
        }
    }
    holds(&group, "after");
    if group.leader.is_none() {
        let heir = group.voters().find(|replica| is_reachable(state, replica));
        let heir = heir.map(|replica| replica.location.node.clone());
        group.leader = heir;
    }
    state.groups.insert(group.group.clone(), group);
}

/// No group has two replicas on a node, and placement rules hold.
fn check(state: &State) {
    let projection = Projection::new(state);
    for group in state.groups.values() {
        let nodes: BTreeSet<_> = group.voters().map(|replica| &replica.location.node).collect();
        assert_eq!(nodes.len(), group.voters().count(), "{} is twice on a node", group.group);
        assert!(group.voters().count() <= usize::from(group.wanted).max(1));
        for node in nodes {
            assert_eq!(projection.check_rules(group, &state.nodes[node]), Ok(()));
        }
    }
}

/// Applies repair plans until they are empty.
fn settle(state: &mut State) {
    for _ in 0..20 {
        let plan = plan::repair(state);
        if plan.is_empty() {
            return;
        }
        apply_plan(state, &plan);
        check(state);
    }
    panic!("repair does not converge: {:?}", plan::repair(state));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_grow_to_an_odd_number_of_replicas_over_all_zones(shape in shapes(false)) {
        let Some(mut state) = initial_state(&shape) else { panic!("without rules every group has a node") };
        settle(&mut state);
        let zones: BTreeSet<_> = shape.nodes.iter().map(|(zone, _)| zone).collect();
        let projection = Projection::new(&state);
        for group in state.groups.values() {
            let most = usize::from(group.wanted).min(state.nodes.len());
            let expected = if most.is_multiple_of(2) { most - 1 } else { most };
            prop_assert_eq!(group.voters().count(), expected);
            let zone_skew = projection.zone_skew(group.voters().map(|replica| replica.location.node.as_str()));
            prop_assert_eq!(zone_skew, expected - expected.min(zones.len()), "{:?}", group);
        }
    }

    #[test]
    fn no_plan_violates_a_placement_rule(shape in shapes(true), lost in 0..8usize, drained in 0..8usize) {
        let Some(mut state) = initial_state(&shape) else { return Ok(()) };
        check(&state);
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        if let Some(name) = names.get(lost) {
            // Before the replacement timeout.
            state.nodes.get_mut(name).unwrap().up = false;
            settle(&mut state);
        }
        if let Some(name) = names.get(drained)
            && let Ok(plan) = plan::drain(&state, name)
        {
            prop_assert!(plan.is_safe_to_stop());
            state.nodes.get_mut(name).unwrap().lifecycle = Lifecycle::Draining;
            apply_plan(&mut state, &plan);
            check(&state);
            settle(&mut state);
            prop_assert!(!plan::has_pending_removals(&state, name));
            // The node can be stopped: no group loses its quorum.
            let holds = |state: &State| -> BTreeSet<String> {
                let held = state.groups.values().filter(|group| plan::quorum_status(state, group, None).has_quorum());
                held.map(|group| group.group.clone()).collect()
            };
            let held = holds(&state);
            state.nodes.get_mut(name).unwrap().up = false;
            for group in state.groups.values().filter(|group| held.contains(&group.group)) {
                prop_assert!(plan::quorum_status(&state, group, None).has_quorum(), "{:?}", group);
            }
            for other in names.iter().filter(|other| *other != name) {
                match plan::drain(&state, other) {
                    Err(Refusal::OneAtATime { .. } | Refusal::Quorum { .. }) => {}
                    refused => prop_assert!(false, "{:?}", refused),
                }
            }
        }
        let plan = plan::rebalance(&state);
        apply_plan(&mut state, &plan);
        check(&state);
    }

    #[test]
    fn groups_follow_changed_rules_and_replica_counts_where_nodes_allow(
        shape in shapes(false),
        changed in shapes(true),
    ) {
        let Some(mut state) = initial_state(&shape) else { panic!("without rules every group has a node") };
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
        // It converges; no step loses a quorum or puts two replicas of a group on a node.
        let mut plans = 0;
        loop {
            let plan = plan::repair(&state);
            if plan.is_empty() {
                break;
            }
            apply_plan(&mut state, &plan);
            plans += 1;
            prop_assert!(plans < 40, "repair does not converge: {:?}", plan::repair(&state));
        }
        let projection = Projection::new(&state);
        for group in state.groups.values() {
            prop_assert!(group.voters().count() <= usize::from(group.wanted), "{:?}", group);
        }
        // A remaining violation has no other node.
        for (group, node) in plan::placement_violations(&state) {
            let group = &state.groups[&group];
            let keep: Vec<&str> =
                group.voters().map(|replica| replica.location.node.as_str()).filter(|other| *other != node).collect();
            prop_assert!(projection.best(group, &keep, &[]).is_err(), "{} on {}", group.group, node);
        }
    }

    #[test]
    fn decommissioning_empties_the_node_and_keeps_every_quorum(shape in shapes(true), which in 0..8usize) {
        let Some(mut state) = initial_state(&shape) else { return Ok(()) };
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        let name = &names[which % names.len()];
        match plan::decommission(&state, name) {
            Ok(plan) => {
                state.nodes.get_mut(name).unwrap().lifecycle = Lifecycle::Decommissioning;
                apply_plan(&mut state, &plan);
                prop_assert!(!state.groups.values().any(|group| group.is_on(name)));
                check(&state);
            }
            // The only replica cannot move.
            Err(Refusal::NoPlace { group, .. }) => {
                prop_assert_eq!(state.groups[&group].voters().count(), 1);
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_rebalanced_cluster_is_even_and_a_second_rebalance_is_empty(shape in shapes(false), joins in 1..3usize) {
        let mut shape = shape;
        // In a single zone, nothing prevents an even spread.
        for node in &mut shape.nodes {
            node.0 = 0;
        }
        let before = shape.nodes.len();
        let small = shape.clone();
        let Some(mut state) = initial_state(&small) else { panic!("without rules every group has a node") };
        settle(&mut state);
        shape.nodes.extend(std::iter::repeat_n((0, 0), joins));
        let grown = initial_state(&shape).unwrap();
        for (name, node) in grown.nodes.into_iter().skip(before) {
            state.nodes.insert(name, node);
        }
        settle(&mut state);
        for _ in 0..6 {
            let plan = plan::rebalance(&state);
            apply_plan(&mut state, &plan);
            check(&state);
        }
        prop_assert_eq!(plan::rebalance(&state), Plan::default());
        let projection = Projection::new(&state);
        let loads: Vec<usize> = state.nodes.keys().map(|node| projection.load(node)).collect();
        prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{:?}", loads);
    }

    #[test]
    fn leaders_leave_a_drained_node_and_are_balanced(shape in shapes(false), drained in 0..8usize, on in any::<u64>()) {
        let Some(mut state) = initial_state(&shape) else { panic!("without rules every group has a node") };
        settle(&mut state);
        let names: Vec<String> = state.nodes.keys().cloned().collect();
        if let Some(name) = names.get(drained) {
            state.nodes.get_mut(name).unwrap().lifecycle = Lifecycle::Draining;
        }
        // Leaders are random.
        let mut chance = on;
        for group in state.groups.values_mut() {
            chance = chance.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let voters: Vec<_> = group.voters().map(|replica| replica.location.node.clone()).collect();
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
        prop_assert_eq!(plan::leaders(&state), Vec::new(), "balancing converges");
        if let Some(name) = names.get(drained) {
            for group in state.groups.values().filter(|group| group.leader.as_ref() == Some(name)) {
                prop_assert_eq!(group.voters().count(), 1, "it leads only groups without another replica");
            }
        }
    }
}
