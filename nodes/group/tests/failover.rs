//! Calls while leaders change and messages are lost: the result for the caller, and how often a command was applied.
//! With virtual time.

mod world;

use std::time::Duration;

use group::{Call, Client, Delivery, EncodedCommand, Failure, Unavailable, Why};
use protocol::codec;
use world::Fault::{
    Busy, Disk, Garbled, LoseCall, LoseReply, Overloaded, Quarantined, Silent, TooManyKeys, UnknownDone,
    UnknownUndone, Unsent,
};
use world::{Adder, Fault, Query, World, Zero};

/// The timeout of calls.
const TIMEOUT: Duration = Duration::from_secs(3);

fn call() -> Call {
    Call::bearer("usr_1", TIMEOUT)
}

fn why<T: std::fmt::Debug>(answer: Result<T, Failure<Zero>>) -> Why {
    match answer {
        Err(Failure::Unavailable(Unavailable { why, .. })) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_applied_once_whatever_messages_are_lost() {
    let cases: &[(&[Fault], usize)] = &[
        (&[], 1),
        (&[Unsent], 2),
        (&[LoseCall], 2),
        (&[LoseReply], 2),
        (&[LoseReply, LoseReply, LoseCall, LoseReply], 5),
        (&[UnknownUndone, UnknownDone], 3),
        (&[Garbled], 2),
        (&[Busy, Busy, Busy], 4),
        (&[Disk, Quarantined], 3),
        // A replica that is overloaded cannot tell that nothing was applied before.
        (&[LoseReply, Overloaded, TooManyKeys], 4),
    ];
    for remote in [true, false] {
        for (faults, attempts) in cases {
            for key in [None, Some("a")] {
                let world = World::new(if remote { "n2" } else { "n1" }, faults);
                let mut call = call();
                if let Some(key) = key {
                    call = call.with_key("add", "", key);
                }
                let total = Client::new(world.clone()).command::<Adder>(&call, 5).await;
                let case = format!("{faults:?}, remote: {remote}, {key:?}");
                assert_eq!(total, Ok(5), "{case}");
                assert_eq!(world.total(), 5, "{case}");
                let repeats = world.seen().iter().map(|seen| seen.repeat).collect::<Vec<_>>();
                let expected: Vec<_> = (0..*attempts).map(|attempt| attempt > 0).collect();
                assert_eq!(repeats, expected, "{case}");
                assert!(world.seen().iter().all(|seen| seen.id == world.seen()[0].id), "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_commands_are_applied_twice_and_ids_are_scoped_by_caller() {
    let world = World::new("n2", &[]);
    let client = Client::new(world.clone());
    for total in [5, 10] {
        assert_eq!(client.command::<Adder>(&call(), 5).await, Ok(total));
    }
    let attempt = world.seen()[0].attempt();
    let other = Call::bearer("usr_2", TIMEOUT);
    let five = EncodedCommand::encode(5);
    assert_eq!(world.execute("n2", &other, attempt, &five), Ok(15), "the id of another caller is another id");
    assert_eq!(
        world.execute("n2", &call(), attempt, &five),
        Ok(5),
        "the same id of the same caller is a repeat"
    );
    assert_ne!(attempt.scoped_id("usr_1"), attempt.scoped_id("usr_2"));
    assert_eq!(attempt.scoped_id("usr_1") >> 80, attempt.id >> 80, "the time stays at the beginning");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_response_was_lost_is_repeated() {
    let world = World::new("n2", &[LoseReply]);
    let refused = Client::new(world.clone()).command::<Adder>(&call(), 0).await;
    assert_eq!(refused, Err(Failure::Refused(Zero)));
    assert_eq!(world.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_no_retry_can_resolve_is_returned_at_once() {
    let full = || Why::Store("full".into());
    let cases: &[(bool, &[Fault], Why, usize, u64)] = &[
        (false, &[Overloaded], Why::Overloaded, 1, 0),
        (false, &[TooManyKeys], Why::TooManyKeys, 1, 0),
        (false, &[Silent], Why::Deadline, 1, 0),
        (false, &[Busy; 9], Why::Overloaded, 9, 0),
        (true, &[Disk], full(), 1, 0),
        (true, &[Quarantined], Why::Quarantined, 1, 0),
    ];
    for (only_replica, faults, expected, attempts, total) in cases {
        let world = World::new("n2", faults);
        world.set_only_replica(*only_replica);
        let answer = Client::new(world.clone()).command::<Adder>(&call(), 5).await;
        assert_eq!(why(answer), *expected, "{faults:?}");
        assert_eq!((world.seen().len(), world.total()), (*attempts, *total), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_failure_shows_whether_the_command_may_have_been_applied() {
    let begun = tokio::time::Instant::now();
    let world = World::new("n2", &[]);
    world.lead(None);
    let client = Client::new(world.clone());
    assert_eq!(why(client.command::<Adder>(&call(), 5).await), Why::NoLeader);
    assert_eq!(why(client.query::<Adder>(&call(), Query::Total).await), Why::NoLeader);
    assert_eq!(begun.elapsed().as_millis() / 100, 60, "each call fails at its deadline");

    let world = World::new("n2", &[LoseReply]);
    world.lose_leader_after(1);
    assert_eq!(why(Client::new(world.clone()).command::<Adder>(&call(), 5).await), Why::Deadline);
    assert_eq!(world.total(), 5, "it was applied");

    // A lost query changes nothing.
    let world = World::new("n2", &[LoseReply]);
    world.lose_leader_after(1);
    assert_eq!(why(Client::new(world).query::<Adder>(&call(), Query::Total).await), Why::NoLeader);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_found_without_a_pause() {
    // The placement names n2, which names the leader.
    for leader in ["n3", "n1"] {
        let world = World::new("n2", &[]);
        world.lead_unannounced(Some(leader));
        let begun = tokio::time::Instant::now();
        assert_eq!(Client::new(world.clone()).command::<Adder>(&call(), 5).await, Ok(5));
        assert_eq!(world.nodes(), ["n2", leader]);
        assert!(begun.elapsed().is_zero(), "{:?}", begun.elapsed());
    }
    // The placement names n1, which names the leader.
    let world = World::new("n1", &[]);
    world.lead_unannounced(Some("n2"));
    assert_eq!(Client::new(world.clone()).command::<Adder>(&call(), 5).await, Ok(5));
    assert_eq!(world.nodes(), ["n1", "n2"]);
}

#[tokio::test(start_paused = true)]
async fn replicas_that_name_each_other_are_called_with_pauses() {
    let world = World::new("n2", &[]);
    world.name_each_other();
    let answer = Client::new(world.clone()).command::<Adder>(&call(), 5).await;
    assert_eq!(why(answer), Why::NoLeader);
    // Three attempts, then a pause that grows to a tenth of a second.
    let attempts = world.seen().len();
    assert!((60..200).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_called_as_soon_as_it_is_known() {
    let world = World::new("n2", &[]);
    world.lead(None);
    let answering = tokio::spawn({
        let world = world.clone();
        async move { Client::new(world).command::<Adder>(&call(), 5).await }
    });
    // The pauses between the attempts have grown.
    tokio::time::sleep(Duration::from_millis(1503)).await;
    let elected = tokio::time::Instant::now();
    world.lead(Some("n3"));
    assert_eq!(answering.await.unwrap(), Ok(5));
    assert!(elected.elapsed() <= Duration::from_millis(2), "{:?}", elected.elapsed());
}

/// In real time: virtual time does not advance while a task is always ready.
#[tokio::test]
async fn constant_changes_of_the_placement_do_not_cause_constant_attempts() {
    let world = World::new("n2", &[]);
    world.lead(None);
    let ticking = tokio::spawn({
        let world = world.clone();
        async move {
            loop {
                world.touch();
                tokio::task::yield_now().await;
            }
        }
    });
    let call = Call::bearer("usr_1", Duration::from_millis(100));
    assert_eq!(why(Client::new(world.clone()).command::<Adder>(&call, 5).await), Why::NoLeader);
    assert!(world.lookups() <= 204, "two per round, a millisecond between rounds: {}", world.lookups());
    ticking.abort();
}

#[tokio::test(start_paused = true)]
async fn a_nearby_query_is_answered_by_the_nearest_replica_that_is_up_to_date() {
    // The replicas that lag; the replicas that are called.
    let cases: &[(&[&str], &[&str])] =
        &[(&[], &["n1"]), (&["n1"], &["n1", "n2"]), (&["n1", "n2"], &["n1", "n2", "n3"])];
    for (lagging, asked) in cases {
        let world = World::new("n3", &[]);
        world.lag(lagging);
        assert_eq!(Client::new(world.clone()).query::<Adder>(&call(), Query::Near).await, Ok(0));
        assert_eq!(world.nodes(), *asked);
    }
    // All of them lag for a while: they are called in rounds, with pauses in between.
    let world = World::new("n3", &[]);
    world.lag(&["n1", "n2", "n3"]);
    let answering = tokio::spawn({
        let world = world.clone();
        async move { Client::new(world).query::<Adder>(&call(), Query::Near).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let attempts = world.seen().len();
    assert!((9..40).contains(&attempts), "{attempts}");
    world.lag(&[]);
    assert_eq!(answering.await.unwrap(), Ok(0));
    // Other queries go to the leader.
    let world = World::new("n3", &[LoseReply]);
    assert_eq!(Client::new(world.clone()).query::<Adder>(&call(), Query::Total).await, Ok(0));
    assert_eq!(world.nodes(), ["n3", "n3"]);
    // Or to the leader of every shard.
    let world = World::new("n3", &[LoseCall, UnknownDone]);
    let answers = Client::new(world.clone()).query_every::<Adder>(&call(), Query::Total).await;
    assert_eq!(answers, Ok(vec![0, 0]));
    assert_eq!(world.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_applied_once_wherever_the_leader_is() {
    for leader in ["n1", "n2"] {
        let world = World::new(leader, &[LoseReply, LoseCall, Unsent]);
        let rows = vec![(7, codec::encode(&3_u64)), (9, codec::encode(&0_u64)), (10, codec::encode(&4_u64))];
        let delivery = Delivery { source: "1/till/0".into(), floor: 7, rows };
        let call = Call::bearer("svc:till", TIMEOUT);
        let answers = Client::new(world.clone()).deliver(&call, "adder", 0, delivery).await;
        assert_eq!(answers, Ok(vec![None, Some("nothing to add".to_owned())]), "{leader}");
        assert_eq!((world.total(), world.seen().len()), (3, 4), "{leader}");
    }
    // There are no retries at an overloaded replica: the outbox retries after its own backoff.
    let world = World::new("n2", &[Overloaded]);
    let delivery = Delivery { source: "1/till/0".into(), floor: 7, rows: Vec::new() };
    let answers = Client::new(world.clone()).deliver(&call(), "adder", 0, delivery).await;
    assert_eq!(answers, Err(Unavailable::new(Why::Overloaded).into()));
    assert_eq!(world.seen().len(), 1);
}
