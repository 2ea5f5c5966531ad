//! Commands at the service boundary: replies and refusals.

mod bench;
mod world;

use bench::{
    DirectoryBench, act, advance, cluster_init, complete, grown, move_record, moved, name, nodes_of,
    relocation, started, state, tell,
};
use directory::{
    Answer, AuditPage, CancelMove, ClusterInit, ConfigureCluster, Contract, Directory, DrainNode, GetPlan,
    GetRevision, GetState, InitCluster, Intent, ListAudit, ListMoves, ListNodes, MoveCause, MoveId, MovePage,
    MovePhase, NodeProfile, Progress, Query, RecordGroupBootstrapped, RecordMeasurements, RecordNodeDown,
    RecordNodeUp, RecordProgress, Refusal, Repair, Reply, Settings, Step,
};
use group::testing::Bench;
use protocol::{Access, Contract as _, Principal};
use world::{operator, profile, service, settings};

#[test]
fn a_cluster_is_initialized_once_and_invalid_input_is_refused() {
    let sound = || cluster_init(3, &[("s", service(2, 3))]);
    type Spoil = fn(&mut ClusterInit);
    let invalid: [(&str, Spoil); 13] = [
        ("name", |f| f.name = "Inn".to_owned()),
        ("epoch", |f| f.epoch = 0),
        ("nodes", |f| f.nodes.push(profile("n1"))),
        ("name", |f| f.nodes.push(profile("N9"))),
        ("address", |f| f.nodes[0].address = String::new()),
        ("labels", |f| f.nodes[0].labels = vec!["a b".to_owned()]),
        ("placed", |f| f.placed.clear()),
        ("services.s.shards", |f| f.settings.services.get_mut("s").unwrap().shards = 0),
        ("services.s.replicas", |f| f.settings.services.get_mut("s").unwrap().replicas = 2),
        ("services.s.only_on", |f| f.settings.services.get_mut("s").unwrap().only_on = vec![String::new()]),
        ("services.s.never_with", |f| {
            f.settings.services.get_mut("s").unwrap().never_with = vec!["s".to_owned()];
        }),
        ("services.s.never_with", |f| {
            f.settings.services.get_mut("s").unwrap().never_with = vec!["x".to_owned()];
        }),
        ("replace_after_secs", |f| f.settings.replace_after_secs = u32::MAX),
    ];
    let bench = Bench::new(Directory::default());
    assert_eq!(bench.query(&operator(), Query::from(GetState)), Err(Refusal::NotInitialized));
    assert_eq!(act(&bench, DrainNode { node: name("n1") }), Err(Refusal::NotInitialized));
    for (field, spoil) in invalid {
        let mut init = sound();
        spoil(&mut init);
        match act(&bench, InitCluster { cluster: Box::new(init) }) {
            Err(Refusal::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let mut nowhere = sound();
    nowhere.settings.services.get_mut("s").unwrap().only_on = vec!["gpu".to_owned()];
    let refused = act(&bench, InitCluster { cluster: Box::new(nowhere) });
    assert!(matches!(&refused, Err(Refusal::NoPlace { group, .. }) if group == "s/0"), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("gpu"));

    assert_eq!(act(&bench, InitCluster { cluster: Box::new(sound()) }), Ok(Reply::Done(())));
    assert_eq!(
        act(&bench, InitCluster { cluster: Box::new(sound()) }),
        Ok(Reply::Done(())),
        "a retry with the same content succeeds"
    );
    let other = cluster_init(2, &[]);
    let refused = act(&bench, InitCluster { cluster: Box::new(other) });
    assert_eq!(refused, Err(Refusal::AlreadyInitialized { name: name("inn") }));
    let nodes: Vec<_> = state(&bench).groups.into_values().filter_map(|group| group.bootstrap_node).collect();
    assert_eq!(nodes, ["n2", "n3"], "leaders are spread from the start");
}

#[test]
fn a_group_is_bootstrapped_once_and_only_on_its_bootstrap_node() {
    let bench = Bench::new(Directory::default());
    tell(&bench, InitCluster { cluster: Box::new(cluster_init(3, &[("s", service(1, 3))])) }).unwrap();
    let placed =
        |node: &str, replica| RecordGroupBootstrapped { group: name("s/0"), node: name(node), replica };
    let refused = tell(&bench, placed("n3", 7));
    assert_eq!(refused, Err(Refusal::NotThere { group: name("s/0"), node: name("n3") }));
    assert_eq!(
        act(&bench, relocation("s/0", None, "n3", false)),
        Err(Refusal::NotBootstrapped { group: name("s/0") })
    );
    assert_eq!(tell(&bench, placed("n2", 7)), Ok(Reply::Done(())));
    assert_eq!(tell(&bench, placed("n2", 7)), Ok(Reply::Done(())));
    assert!(tell(&bench, placed("n2", 8)).is_err(), "a second replica id would split the group");
}

#[test]
fn fixed_settings_cannot_change() {
    let bench = grown(3, &[("s", service(2, 3))]);
    let configure = |change: fn(&mut Settings)| {
        let mut asked = settings(&[("s", service(2, 3))]);
        change(&mut asked);
        act(&bench, ConfigureCluster { settings: asked })
    };
    let fixed = |what: &str, have: &str, asked: &str| {
        Err(Refusal::Fixed { what: name(what), have: name(have), asked: name(asked) })
    };
    assert_eq!(
        configure(|asked| asked.services.get_mut("s").unwrap().shards = 4),
        fixed("services.s.shards", "2", "4")
    );
    assert_eq!(configure(|asked| asked.services.clear()), fixed("services.s.shards", "2", "0"));
    assert_eq!(configure(|asked| asked.bank = name("stripe")), fixed("payments.bank", "sandbox", "stripe"));
    assert_eq!(configure(|_| ()), Ok(Reply::Done(())));
    assert_eq!(configure(|asked| asked.services.get_mut("s").unwrap().replicas = 1), Ok(Reply::Done(())));
    let (plan, _) = started(tell(&bench, Repair));
    assert_eq!(plan.moves.len(), 2, "both shards shrink: {plan:?}");
    assert!(plan.moves.iter().all(|planned| planned.to.is_empty() && planned.remove.len() == 2));
}

#[test]
fn a_dry_run_of_changed_settings_returns_the_plan_and_changes_nothing() {
    let bench = grown(4, &[("s", service(1, 3)), ("t", service(1, 1))]);
    let left = nodes_of(&bench, "s/0").remove(0);
    let stay: Vec<String> =
        ["n1", "n2", "n3", "n4"].map(name).into_iter().filter(|node| *node != left).collect();
    let labels: Vec<String> = stay.iter().map(|node| format!("label-{node}")).collect();
    let asked = || {
        let mut s = service(1, 3);
        s.only_on.clone_from(&labels);
        let mut asked = settings(&[("s", s), ("t", service(1, 1))]);
        asked.replace_after_secs = 900;
        asked
    };
    let dry = |asked: Settings| match bench
        .query(&operator(), Query::from(GetPlan { intent: Intent::Configure(Box::new(asked)) }))
    {
        Ok(Answer::Plan(plan)) => Ok(plan),
        Err(refusal) => Err(refusal),
        Ok(other) => panic!("{other:?}"),
    };
    let before = state(&bench);
    let plan = dry(asked()).unwrap();
    assert_eq!(state(&bench), before, "a dry run changes nothing");
    assert_eq!(plan.moves.len(), 1, "{plan:?}");
    assert_eq!((plan.moves[0].cause, &plan.moves[0].remove[0].node), (MoveCause::Settings, &left));
    let mut more = asked();
    more.services.get_mut("s").unwrap().shards = 2;
    assert!(matches!(dry(more), Err(Refusal::Fixed { .. })), "a dry run is refused like the command");

    let expected: Vec<String> =
        before.cluster.settings.differences(&asked()).iter().map(ToString::to_string).collect();
    let only_on = format!("services.s.only_on: anywhere → {}", labels.join(", "));
    assert_eq!(expected, ["cluster.replace_after: 300s → 900s", only_on.as_str()]);
    act(&bench, ConfigureCluster { settings: asked() }).unwrap();
    let audit = bench.query(&operator(), Query::from(ListAudit { before: None, limit: 1 }));
    let Ok(Answer::Audit(AuditPage { items, .. })) = audit else { panic!("{audit:?}") };
    assert_eq!((items[0].by.as_str(), items[0].verb.as_str()), ("usr_operator", "configure"));
    assert_eq!(items[0].detail, expected.join("; "));
    for record in started(tell(&bench, Repair)).1 {
        complete(&bench, record.id);
    }
    assert_eq!(nodes_of(&bench, "s/0"), stay);
    assert_eq!(directory::plan::placement_violations(&state(&bench)), []);
    assert_eq!(dry(asked()), Ok(directory::Plan::default()));
}

#[test]
fn moves_are_refused_with_the_reason() {
    let small = |name: &str, disk| NodeProfile { disk_free_bytes: disk, ..profile(name) };
    let mut special = service(1, 3);
    special.only_on = vec![name("label-n1"), name("label-n2"), name("label-n3")];
    let mut shy = service(1, 1);
    shy.never_with = vec![name("t")];
    let bench = grown(4, &[("s", service(1, 3)), ("special", special), ("t", service(1, 1)), ("shy", shy)]);
    tell(&bench, RecordNodeUp { profile: Box::new(small("n5", 1000)) }).unwrap();
    let on = nodes_of(&bench, "s/0");
    let free = name(["n1", "n2", "n3", "n4"].into_iter().find(|node| !on.contains(&name(node))).unwrap());
    let t = nodes_of(&bench, "t/0").remove(0);
    let no_node = || Refusal::NoSuchNode { node: name("n9") };
    let table = [
        (relocation("x/0", None, "n1", false), Refusal::NoSuchGroup { group: name("x/0") }),
        (relocation("s/0", None, "n9", false), no_node()),
        (relocation("s/0", Some("n9"), &free, false), no_node()),
        (
            relocation("s/0", None, &on[0], false),
            Refusal::AlreadyThere { group: name("s/0"), node: on[0].clone() },
        ),
        (
            relocation("s/0", Some(&free), &free, false),
            Refusal::NotThere { group: name("s/0"), node: free.clone() },
        ),
        (relocation("s/0", None, &free, true), Refusal::NotThere { group: name("s/0"), node: free.clone() }),
        (
            relocation("special/0", None, "n4", false),
            Refusal::Rule {
                group: name("special/0"),
                node: name("n4"),
                rule: name("`special` is only on nodes with the label label-n1, label-n2, label-n3"),
            },
        ),
        (
            relocation("shy/0", None, &t, false),
            Refusal::Rule { group: name("shy/0"), node: t.clone(), rule: name("`shy` is never beside `t`") },
        ),
        (
            relocation("s/0", None, "n5", false),
            Refusal::FreeDisk { node: name("n5"), free_bytes: 1000, needed_bytes: 64 << 20 },
        ),
    ];
    for (command, refusal) in table {
        assert_eq!(act(&bench, command.clone()), Err(refusal), "{command:?}");
    }

    // Quorums, and nodes whose state changed.
    for node in &on[..2] {
        tell(&bench, RecordNodeDown { node: node.clone() }).unwrap();
    }
    assert_eq!(
        act(&bench, relocation("s/0", None, &free, false)),
        Err(Refusal::Quorum { group: name("s/0"), live: 1, voters: 3, needed: 2 })
    );
    assert_eq!(
        act(&bench, relocation("s/0", None, &on[0], true)),
        Err(Refusal::NodeDown { node: on[0].clone() })
    );
    tell(&bench, RecordNodeUp { profile: Box::new(profile(&on[0])) }).unwrap();
    tell(&bench, RecordNodeDown { node: free.clone() }).unwrap();
    assert_eq!(
        act(&bench, relocation("s/0", None, &free, false)),
        Err(Refusal::NodeDown { node: free.clone() })
    );
}

#[test]
fn a_move_passes_its_phases_in_order_and_stale_steps_are_refused() {
    let bench = grown(4, &[("s", service(1, 3))]);
    let on = nodes_of(&bench, "s/0");
    let free = name(["n1", "n2", "n3", "n4"].into_iter().find(|node| !on.contains(&name(node))).unwrap());
    let command = relocation("s/0", Some(&on[0]), &free, false);
    let record = moved(act(&bench, command.clone()));
    let id = record.id;
    assert_eq!((record.from(), record.to(), record.phase), (Some(&*on[0]), Some(&*free), MovePhase::Adding));
    assert_eq!((record.cause, record.by.as_str()), (MoveCause::Operator, "usr_operator"));
    assert_eq!(moved(act(&bench, command)).id, id, "repeating the command returns the same move");
    assert_eq!(
        act(&bench, relocation("s/0", Some(&on[1]), &free, false)),
        Err(Refusal::Busy { group: name("s/0"), id })
    );

    let opened = |replica| Step::Opened { node: free.clone(), replica };
    let stale = |phase| Err(Refusal::Stale { id, phase });
    assert_eq!(
        advance(&bench, id, MovePhase::Adding, Step::Added),
        stale(MovePhase::Adding),
        "no replica is opened yet"
    );
    assert_eq!(advance(&bench, id, MovePhase::Adding, Step::Switched), stale(MovePhase::Adding));
    assert_eq!(advance(&bench, id, MovePhase::Switching, Step::Switched), stale(MovePhase::Adding));
    let known = state(&bench).groups["s/0"].replicas[0].location.replica;
    assert!(matches!(advance(&bench, id, MovePhase::Adding, opened(known)), Err(Refusal::Invalid { .. })));
    let elsewhere = Step::Opened { node: on[1].clone(), replica: 5000 };
    assert!(matches!(advance(&bench, id, MovePhase::Adding, elsewhere), Err(Refusal::NotThere { .. })));
    advance(&bench, id, MovePhase::Adding, opened(5000)).unwrap();
    advance(&bench, id, MovePhase::Adding, opened(5000)).unwrap();
    advance(&bench, id, MovePhase::Adding, opened(5001)).unwrap();
    let back = advance(&bench, id, MovePhase::Adding, opened(5000));
    assert!(matches!(back, Err(Refusal::Invalid { .. })), "a former replica id is never reused: {back:?}");
    let group = state(&bench).groups["s/0"].clone();
    assert_eq!((group.voters().count(), group.replicas.len(), group.has(5001)), (3, 4, true));

    advance(&bench, id, MovePhase::Adding, Step::Added).unwrap();
    let waiting = Step::Waiting { why: name("for rain") };
    advance(&bench, id, MovePhase::CatchingUp, waiting).unwrap();
    assert_eq!(move_record(&bench, id).waiting.as_deref(), Some("for rain"));
    let progress = Progress { bytes_done: 5, bytes_total: 10, lag: 3, secs_left: Some(2) };
    tell(&bench, RecordProgress { moves: vec![(id, progress), (MoveId(77), progress)] }).unwrap();
    assert_eq!(move_record(&bench, id).progress, progress);
    advance(&bench, id, MovePhase::CatchingUp, Step::CaughtUp).unwrap();
    let late = Err(Refusal::TooLate { id, phase: MovePhase::Switching });
    assert_eq!(act(&bench, CancelMove { id }), late);
    let give_up = Step::Fail { why: name("tired") };
    assert_eq!(advance(&bench, id, MovePhase::Switching, give_up), stale(MovePhase::Switching));
    advance(&bench, id, MovePhase::Switching, Step::Switched).unwrap();
    assert!(!nodes_of(&bench, "s/0").contains(&on[0]) && nodes_of(&bench, "s/0").contains(&free));
    advance(&bench, id, MovePhase::Removing, Step::Removed).unwrap();
    let record = move_record(&bench, id);
    assert_eq!((record.phase, record.progress.lag, record.waiting), (MovePhase::Done, 0, None));
    assert!(record.ended_at.is_some());
    assert_eq!(advance(&bench, id, MovePhase::Done, Step::Removed), stale(MovePhase::Done));
    let missing = Err(Refusal::NoSuchMove { id: MoveId(99) });
    assert_eq!(act(&bench, CancelMove { id: MoveId(99) }), missing);
}

#[test]
fn a_failed_move_is_rolled_back_and_its_group_backs_off() {
    let bench = grown(4, &[("s", service(1, 3))]);
    let on = nodes_of(&bench, "s/0");
    tell(&bench, RecordNodeDown { node: on[0].clone() }).unwrap();
    assert!(started(tell(&bench, Repair)).1.is_empty(), "the node is not replaced yet");
    bench.advance_secs(300);
    let repair = started(tell(&bench, Repair)).1;
    let record = repair.iter().find(|record| record.group == "s/0").unwrap();
    assert_eq!((record.cause, record.remove[0].node.as_str()), (MoveCause::Repair, on[0].as_str()));
    let to = record.to().unwrap().to_owned();
    advance(&bench, record.id, MovePhase::Adding, Step::Opened { node: to, replica: 4000 }).unwrap();
    advance(&bench, record.id, MovePhase::Adding, Step::Fail { why: name("no disk") }).unwrap();
    assert_eq!(move_record(&bench, record.id).phase, MovePhase::Removing);
    advance(&bench, record.id, MovePhase::Removing, Step::Removed).unwrap();
    assert_eq!(move_record(&bench, record.id).phase, MovePhase::Failed);
    let group = state(&bench).groups["s/0"].clone();
    assert!(group.former.contains(&4000) && !group.has(4000));
    let again =
        |bench: &DirectoryBench| started(tell(bench, Repair)).1.iter().any(|record| record.group == "s/0");
    assert!(!again(&bench), "the group backs off");
    bench.advance_secs(31);
    assert!(again(&bench));
}

#[test]
fn lists_are_paged_and_the_audit_log_names_the_caller() {
    let bench = grown(4, &[("s", service(5, 3))]);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = bench.query(&operator(), Query::from(ListMoves { before, active: false, limit: 2 }));
        let Ok(Answer::Moves(MovePage { items, next })) = page else { panic!("{page:?}") };
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|record| record.id.0));
        before = next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=6).rev().collect::<Vec<_>>());
    for limit in [0, 101] {
        assert!(matches!(
            bench.query(&operator(), Query::from(ListMoves { before: None, active: true, limit })),
            Err(Refusal::Invalid { .. })
        ));
    }
    act(&bench, DrainNode { node: name("n4") }).unwrap();
    let audit = bench.query(&operator(), Query::from(ListAudit { before: None, limit: 100 }));
    let Ok(Answer::Audit(AuditPage { items, next: None })) = audit else { panic!("{audit:?}") };
    let drain = items.iter().find(|record| record.verb == "drain").unwrap();
    assert_eq!((drain.by.as_str(), drain.subject.as_str()), ("usr_operator", "n4"));
    assert!(items.windows(2).all(|pair| pair[0].number == pair[1].number + 1));
    assert_eq!(items.last().unwrap().verb, "found");
    let Ok(Answer::Revision(before)) = bench.query(&operator(), Query::from(GetRevision)) else { panic!() };
    tell(&bench, RecordMeasurements::default()).unwrap();
    assert_eq!(bench.query(&operator(), Query::from(GetRevision)), Ok(Answer::Revision(before + 1)));
    for intent in [Intent::Rebalance, Intent::Repair, Intent::Drain(name("n4"))] {
        assert!(bench.query(&operator(), Query::from(GetPlan { intent })).is_ok());
    }
}

#[test]
fn commands_and_queries_require_their_scopes_and_services() {
    let reader =
        Principal { subject: name("usr_1"), scopes: vec![name("cluster:read")], ..Principal::default() };
    let drain = Contract::command_access(&DrainNode { node: String::new() }.into());
    let repair = Contract::command_access(&Repair.into());
    let read = Contract::query_access(&Query::from(ListNodes));
    let table: [(Access, &Principal, bool); 9] = [
        (drain, &operator(), true),
        (drain, &reader, false),
        (drain, &Principal::service("directory"), false),
        (drain, &Principal::anonymous(), false),
        (repair, &operator(), false),
        (repair, &Principal::service("directory"), true),
        (repair, &Principal::service("node"), true),
        (read, &reader, true),
        (read, &Principal::anonymous(), false),
    ];
    for (access, caller, allowed) in table {
        assert_eq!(access.allows(caller), allowed, "{caller:?}");
    }
}

#[test]
fn a_move_id_parses_only_in_its_canonical_form() {
    assert_eq!("mov_17".parse(), Ok(MoveId(17)));
    assert_eq!(MoveId(17).to_string(), "mov_17");
    for wrong in
        ["", "mov_", "17", "mov_017", "mov_-1", "mov_+1", "mov_1x", "MOV_1", "mov_99999999999999999999"]
    {
        assert!(wrong.parse::<MoveId>().is_err(), "{wrong}");
    }
}
