//! The reconciler over simulated nodes: wherever it is stopped, the next one completes the work.

mod world;

use std::sync::Arc;
use std::time::Duration;

use directory::{
    Answer, CancelMove, ConfigureCluster, DecommissionNode, DrainNode, GROUP, GetPlan, Lifecycle, MoveCause,
    MoveId, MovePhase, NodeState, Query, RebalanceCluster, RecordRecovery, Refusal, Reply, StartedMoves,
    State, UncordonNode,
};
use world::{ActionLimit, Cluster, StopAt, operator, service};

/// Work for the reconciler, and the expected result.
struct Task {
    name: &'static str,
    nodes: usize,
    replicas: u8,
    begin: fn(&Cluster) -> Option<MoveId>,
    done: fn(&Cluster, &State) -> bool,
}

const TASKS: [Task; 8] = [
    Task {
        name: "a follower's replica moves",
        nodes: 4,
        replicas: 3,
        begin: |cluster| {
            let leader = leader_of(cluster, "s/0");
            let from = cluster.nodes_of("s/0").into_iter().find(|node| *node != leader).unwrap();
            Some(cluster.start("s/0", Some(&from), &cluster.free_node("s/0"), false))
        },
        done: |cluster, _| cluster.world.voters("s/0").len() == 3,
    },
    Task {
        name: "a leader's replica moves, and the leadership with it",
        nodes: 4,
        replicas: 3,
        begin: |cluster| {
            let from = leader_of(cluster, "s/0");
            Some(cluster.start("s/0", Some(&from), &cluster.free_node("s/0"), false))
        },
        done: |cluster, _| {
            let led = cluster.move_record(MoveId(newest(cluster))).to().map(str::to_owned);
            cluster.world.voters("s/0").len() == 3 && led == Some(leader_of(cluster, "s/0"))
        },
    },
    Task {
        name: "the only replica moves",
        nodes: 3,
        replicas: 1,
        begin: |cluster| Some(cluster.start("s/0", None, &cluster.free_node("s/0"), false)),
        done: |cluster, _| cluster.world.voters("s/0").len() == 1,
    },
    Task {
        name: "only leadership moves",
        nodes: 3,
        replicas: 3,
        begin: |cluster| {
            let leader = leader_of(cluster, "s/0");
            let to = cluster.nodes_of("s/0").into_iter().find(|node| *node != leader).unwrap();
            Some(cluster.start("s/0", None, &to, true))
        },
        done: |cluster, _| cluster.world.voters("s/0").len() == 3,
    },
    Task {
        name: "the directory's own replica moves",
        nodes: 4,
        replicas: 3,
        begin: |cluster| {
            let from = leader_of(cluster, GROUP);
            Some(cluster.start(GROUP, Some(&from), &cluster.free_node(GROUP), false))
        },
        done: |cluster, _| cluster.world.voters(GROUP).len() == 3,
    },
    Task {
        name: "a group grows from one to three",
        nodes: 3,
        replicas: 1,
        begin: |cluster| {
            let settings = world::settings(&[("s", service(1, 3))]);
            cluster.tell(ConfigureCluster { settings }).unwrap();
            None
        },
        done: |cluster, _| cluster.world.voters("s/0").len() == 3,
    },
    Task {
        name: "a lost disk is replaced on its own node",
        nodes: 3,
        replicas: 3,
        begin: |cluster| {
            cluster.world.wipe("n2");
            None
        },
        done: |cluster, state| {
            let whole = |group: &str| cluster.world.voters(group).values().all(Option::is_some);
            whole("s/0") && whole(GROUP) && state.groups["s/0"].voters().count() == 3
        },
    },
    Task {
        name: "a node is decommissioned",
        nodes: 4,
        replicas: 3,
        begin: |cluster| {
            cluster.act(DecommissionNode { node: "n1".to_owned() }).unwrap();
            None
        },
        done: |cluster, state| {
            let denied = |node: &str| cluster.world.denied(node).contains("FP:n1");
            state.nodes["n1"].lifecycle == Lifecycle::Decommissioned
                && denied("n2")
                && denied("n3")
                && denied("n4")
        },
    },
];

fn leader_of(cluster: &Cluster, group: &str) -> String {
    use directory::NodeClient;
    cluster.world.observed().leader(group).expect("a leader").0.to_owned()
}

fn newest(cluster: &Cluster) -> u64 {
    cluster.moves()[0].id.0
}

/// Waits until all moves have ended, and checks that they succeeded.
async fn finish(cluster: &Cluster, task: &Task, id: Option<MoveId>) {
    let over = |state: &State| cluster.is_quiet(state) && (task.done)(cluster, state);
    cluster.until(task.name, over).await;
    if let Some(id) = id {
        let record = cluster.move_record(id);
        assert_eq!(record.phase, MovePhase::Done, "{}: {record:#?}", task.name);
        let voters = cluster.world.voters(&record.group);
        let recorded: Vec<u64> =
            cluster.group(&record.group).voters().map(|replica| replica.location.replica).collect();
        assert!(recorded.iter().all(|id| voters.contains_key(id)), "{}", task.name);
    }
}

#[tokio::test]
async fn a_reconciler_may_stop_at_every_step() {
    for task in &TASKS {
        let mut steps = 0;
        for stop_at in [StopAt::Before, StopAt::After] {
            for actions in 0.. {
                let cluster = Cluster::new(task.nodes, &[("s", service(1, task.replicas))]).await;
                let id = (task.begin)(&cluster);
                let limit = ActionLimit::after(actions, stop_at);
                let reconciler = cluster.reconciler(&limit);
                let quiet = async {
                    while !(cluster.is_quiet(&cluster.state()) && (task.done)(&cluster, &cluster.state())) {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                };
                let died = tokio::select! {
                    () = reconciler.run_term() => unreachable!("it runs forever"),
                    () = limit.reached() => true,
                    () = quiet => false,
                };
                drop(reconciler);
                cluster.check();
                finish(&cluster, task, id).await;
                if !died {
                    break;
                }
                steps += 1;
            }
        }
        println!("{}: died at {steps} steps", task.name);
        assert!(steps >= 4, "{}: {steps}", task.name);
    }
}

#[tokio::test]
async fn reconcilers_that_stop_after_three_actions_each_complete_the_work() {
    for task in &TASKS {
        let cluster = Cluster::new(task.nodes, &[("s", service(1, task.replicas))]).await;
        let id = (task.begin)(&cluster);
        for life in 0..400 {
            if cluster.is_quiet(&cluster.state()) && (task.done)(&cluster, &cluster.state()) {
                break;
            }
            let stop_at = if life % 2 == 0 { StopAt::Before } else { StopAt::After };
            let limit = ActionLimit::after(3, stop_at);
            let reconciler = cluster.reconciler(&limit);
            let life = async {
                tokio::select! {
                    () = reconciler.run_term() => {}
                    () = limit.reached() => {}
                }
            };
            let _ = tokio::time::timeout(Duration::from_millis(100), life).await;
            cluster.check();
        }
        finish(&cluster, task, id).await;
    }
}

#[tokio::test]
async fn groups_are_bootstrapped_grow_and_spread_over_nodes() {
    let cluster = Cluster::new(3, &[("a", service(2, 3)), ("b", service(3, 3))]).await;
    for group in cluster.state().groups.values() {
        assert_eq!(group.voters().count(), 3, "{}", group.group);
    }
    let led = cluster.leaders();
    assert_eq!(led.values().copied().collect::<Vec<_>>(), [2, 2, 2], "{led:?}");
    assert!(
        cluster
            .moves()
            .iter()
            .all(|record| record.cause == MoveCause::Growth && record.phase == MovePhase::Done)
    );
}

#[tokio::test]
async fn a_group_on_two_nodes_keeps_one_replica() {
    let cluster = Cluster::new(2, &[("a", service(1, 3))]).await;
    assert_eq!(cluster.nodes_of("a/0").len(), 1);
    cluster.world.add_node("n3");
    cluster.until("grown", |state| state.groups["a/0"].voters().count() == 3).await;
}

#[tokio::test]
async fn a_move_can_be_cancelled_until_it_switches() {
    let cluster = Cluster::new(4, &[("s", service(1, 3))]).await;
    let to = cluster.free_node("s/0");
    cluster.world.set_log("s/0", 1_000_000_000);
    let id = cluster.start("s/0", None, &to, false);
    cluster.until("catching up", |_| cluster.move_record(id).phase == MovePhase::CatchingUp).await;
    // Progress is also recorded.
    cluster.until("reported", |_| cluster.move_record(id).progress.lag > 0).await;
    let Ok(Reply::Move(record)) = cluster.act(CancelMove { id }) else { panic!() };
    assert_eq!(record.phase, MovePhase::Removing);
    cluster.until("cancelled", |_| cluster.move_record(id).phase == MovePhase::Cancelled).await;
    assert_eq!(cluster.world.has(&to, "s/0"), 0);
    assert!(!cluster.nodes_of("s/0").contains(&to));
    let again = cluster.act(CancelMove { id });
    assert!(again.is_ok(), "cancelling twice succeeds: {again:?}");
    let done = cluster.moves().into_iter().find(|record| record.phase == MovePhase::Done).unwrap().id;
    let refused = cluster.act(CancelMove { id: done });
    assert_eq!(refused, Err(Refusal::TooLate { id: done, phase: MovePhase::Done }));
}

#[tokio::test]
async fn a_lost_node_is_replaced_and_its_old_replicas_are_dropped_when_it_returns() {
    let cluster = Cluster::new(4, &[("s", service(2, 3))]).await;
    let node = cluster.nodes_of("s/0")[0].clone();
    let held: Vec<String> = cluster
        .state()
        .groups
        .values()
        .filter(|group| group.is_on(&node))
        .map(|group| group.group.clone())
        .collect();
    cluster.world.stop(&node);
    cluster.until("down", |state| state.nodes[&node].state() == NodeState::Down).await;
    cluster.work(40).await;
    assert!(cluster.nodes_of("s/0").contains(&node), "the node is not replaced yet");
    cluster.bench.advance_secs(301);
    cluster
        .until("replaced", |state| state.moves.is_empty() && !state.groups.values().any(|g| g.is_on(&node)))
        .await;
    for group in &held {
        assert_eq!(cluster.nodes_of(group).len(), 3, "{group}");
        assert_eq!(cluster.world.has(&node, group), 1, "the stopped node keeps its replica");
    }
    cluster.world.start(&node);
    cluster.until("cleaned", |state| state.nodes[&node].up && cluster.is_quiet(state)).await;
    assert!(held.iter().all(|group| cluster.world.has(&node, group) == 0));
}

#[tokio::test]
async fn a_node_that_returns_in_time_keeps_its_replicas_and_gets_leaders_back() {
    let cluster = Cluster::new(3, &[("s", service(5, 3))]).await;
    assert_eq!(cluster.leaders()["n1"], 2);
    cluster.world.stop("n1");
    cluster.until("down", |state| !state.nodes["n1"].up && !cluster.leaders().contains_key("n1")).await;
    cluster.world.start("n1");
    cluster.until("even", |_| cluster.leaders().values().all(|led| *led == 2)).await;
    assert_eq!(cluster.nodes_of("s/0").len(), 3);
}

#[tokio::test]
async fn a_drained_node_has_no_leaders_and_only_one_node_is_drained_at_a_time() {
    let cluster = Cluster::new(3, &[("s", service(3, 3))]).await;
    let Ok(Reply::Started(StartedMoves { plan, moves })) = cluster.act(DrainNode { node: "n1".to_owned() })
    else {
        panic!()
    };
    assert!(moves.is_empty() && plan.is_safe_to_stop());
    assert_eq!(plan.tightest().map(|stay| (stay.live, stay.voters, stay.needed)), Some((2, 3, 2)));
    let other = cluster.act(DrainNode { node: "n2".to_owned() });
    assert_eq!(other, Err(Refusal::OneAtATime { other: "n1".to_owned(), state: "draining".to_owned() }));
    cluster.until("drained", |state| state.nodes["n1"].lifecycle == Lifecycle::Drained).await;
    assert_eq!(cluster.leaders().get("n1"), None);
    let other = cluster.act(DrainNode { node: "n2".to_owned() });
    assert_eq!(other, Err(Refusal::OneAtATime { other: "n1".to_owned(), state: "drained".to_owned() }));
    cluster.act(UncordonNode { node: "n1".to_owned() }).unwrap();
    cluster.until("even", |_| cluster.leaders().get("n1").is_some_and(|led| *led >= 1)).await;
}

#[tokio::test]
async fn replicas_of_a_drained_node_move_to_a_free_node() {
    let cluster = Cluster::new(4, &[("s", service(2, 3))]).await;
    let held = cluster.state().groups.values().filter(|group| group.is_on("n2")).count();
    let Ok(Reply::Started(StartedMoves { plan, .. })) = cluster.act(DrainNode { node: "n2".to_owned() })
    else {
        panic!()
    };
    assert_eq!(plan.moves.len(), held);
    cluster
        .until("drained", |state| {
            state.nodes["n2"].lifecycle == Lifecycle::Drained && cluster.is_quiet(state)
        })
        .await;
    assert!(!cluster.state().groups.values().any(|group| group.is_on("n2")));
    assert!(
        cluster.act(DrainNode { node: "n3".to_owned() }).is_ok(),
        "an empty drained node does not block another drain"
    );
}

#[tokio::test]
async fn a_new_node_takes_its_share_after_a_rebalance() {
    let cluster = Cluster::new(3, &[("s", service(7, 3))]).await;
    cluster.world.add_node("n4");
    cluster.until("joined", |state| state.nodes.contains_key("n4")).await;
    let Ok(Answer::Plan(dry)) =
        cluster.bench.query(&operator(), Query::from(GetPlan { intent: directory::Intent::Rebalance }))
    else {
        panic!()
    };
    let Ok(Reply::Started(StartedMoves { plan, .. })) = cluster.act(RebalanceCluster) else { panic!() };
    assert_eq!(dry, plan);
    cluster.until("even", |state| cluster.is_quiet(state)).await;
    let state = cluster.state();
    for node in state.nodes.keys() {
        assert_eq!(state.groups.values().filter(|group| group.is_on(node)).count(), 6, "{node}");
    }
}

#[tokio::test]
async fn a_move_fails_without_residue_when_its_new_node_is_lost() {
    let cluster = Cluster::new(4, &[("s", service(1, 3))]).await;
    let to = cluster.free_node("s/0");
    cluster.world.set_log("s/0", 1_000_000_000);
    let id = cluster.start("s/0", None, &to, false);
    cluster.until("catching up", |_| cluster.move_record(id).phase == MovePhase::CatchingUp).await;
    cluster.world.stop(&to);
    cluster.until("failed", |_| cluster.move_record(id).phase == MovePhase::Failed).await;
    assert_eq!(cluster.nodes_of("s/0").len(), 3);
    cluster.world.start(&to);
    cluster.until("cleaned", |state| cluster.is_quiet(state)).await;
    assert_eq!(cluster.world.has(&to, "s/0"), 0);
}

#[tokio::test]
async fn a_recovered_replica_is_kept_and_those_it_replaces_are_deleted() {
    let cluster = Cluster::new(3, &[("s", service(1, 3))]).await;
    cluster.world.stop("n2");
    cluster.world.stop("n3");
    let id = cluster.world.recover("s/0", "n1");
    // Not recorded yet: it must not be deleted.
    cluster.work(60).await;
    assert_eq!(cluster.world.has("n1", "s/0"), 1);
    let recovered = RecordRecovery { group: "s/0".to_owned(), node: "n1".to_owned(), replica: id };
    assert_eq!(cluster.act(recovered.clone()), Ok(Reply::Done(())));
    assert_eq!(cluster.act(recovered), Ok(Reply::Done(())));
    cluster.world.start("n2");
    cluster.world.start("n3");
    cluster
        .until("whole", |state| state.groups["s/0"].voters().count() == 3 && cluster.is_quiet(state))
        .await;
    assert!(cluster.world.voters("s/0").contains_key(&id));
}

#[tokio::test]
async fn the_reconciler_is_active_only_while_its_node_leads() {
    let cluster = Cluster::initialized(3, &[("s", service(1, 3))]).await;
    let reconciler = Arc::new(cluster.reconciler(&ActionLimit::never()));
    let (lead, leads) = tokio::sync::watch::channel(false);
    let running = tokio::spawn({
        let reconciler = Arc::clone(&reconciler);
        async move { reconciler.run(leads).await }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(cluster.moves().is_empty());
    lead.send_replace(true);
    tokio::time::timeout(Duration::from_secs(10), async {
        while cluster.group("s/0").voters().count() < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
    drop(lead);
    tokio::time::timeout(Duration::from_secs(1), running).await.unwrap().unwrap();
}
