//! Calls while leaders come and go and answers are lost: what the caller hears, and how often a command was applied.
//! Time is virtual.

mod world;

use std::time::Duration;

use group::{Call, Client, Delivery, Failure, Unavailable, Why};
use protocol::codec;
use world::Fault::{
    Busy, Disk, Garbled, LoseCall, LoseReply, Overloaded, Quarantined, Silent, TooManyKeys, UnknownDone,
    UnknownUndone, Unsent,
};
use world::{Adder, Fault, Query, World, Zero};

/// How long callers wait.
const PATIENCE: Duration = Duration::from_secs(3);

fn call() -> Call {
    Call::bearer("usr_1", PATIENCE)
}

fn why<T: std::fmt::Debug>(answer: Result<T, Failure<Zero>>) -> Why {
    match answer {
        Err(Failure::Unavailable(Unavailable { why, .. })) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_applied_once_whatever_is_lost_on_the_way() {
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
        // Who has no room now does not make undone what may be done.
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
async fn two_commands_are_two_and_another_callers_id_is_another() {
    let world = World::new("n2", &[]);
    let client = Client::new(world.clone());
    for total in [5, 10] {
        assert_eq!(client.command::<Adder>(&call(), 5).await, Ok(total));
    }
    let drawn = world.seen()[0].attempt();
    let other = Call::bearer("usr_2", PATIENCE);
    assert_eq!(world.obey("n2", &other, drawn, 5), Ok(15), "a borrowed id opens nobody's drawer");
    assert_eq!(world.obey("n2", &call(), drawn, 5), Ok(5), "its own does");
    assert_ne!(drawn.scoped_id("usr_1"), drawn.scoped_id("usr_2"));
    assert_eq!(drawn.scoped_id("usr_1") >> 80, drawn.id >> 80, "the time stays in front");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_answer_was_lost_is_the_same_refusal() {
    let world = World::new("n2", &[LoseReply]);
    let refused = Client::new(world.clone()).command::<Adder>(&call(), 0).await;
    assert_eq!(refused, Err(Failure::Refused(Zero)));
    assert_eq!(world.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_no_repeat_can_mend_is_answered_at_once() {
    let full = || Why::Store("full".into());
    let cases: &[(bool, &[Fault], Why, usize, u64)] = &[
        (false, &[Overloaded], Why::Overloaded, 1, 0),
        (false, &[TooManyKeys], Why::TooManyKeys, 1, 0),
        (false, &[Silent], Why::Deadline, 1, 0),
        (false, &[Busy; 9], Why::Overloaded, 9, 0),
        (true, &[Disk], full(), 1, 0),
        (true, &[Quarantined], Why::Quarantined, 1, 0),
    ];
    for (alone, faults, expected, attempts, total) in cases {
        let world = World::new("n2", faults);
        world.set_alone(*alone);
        let answer = Client::new(world.clone()).command::<Adder>(&call(), 5).await;
        assert_eq!(why(answer), *expected, "{faults:?}");
        assert_eq!((world.seen().len(), world.total()), (*attempts, *total), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_caller_hears_whether_it_may_have_been_done() {
    let begun = tokio::time::Instant::now();
    let world = World::new("n2", &[]);
    world.lead(None);
    let client = Client::new(world.clone());
    assert_eq!(why(client.command::<Adder>(&call(), 5).await), Why::NoLeader);
    assert_eq!(why(client.query::<Adder>(&call(), Query::Total).await), Why::NoLeader);
    assert_eq!(begun.elapsed().as_millis() / 100, 60, "no earlier, no later");

    let world = World::new("n2", &[LoseReply]);
    world.lose_leader_after(1);
    assert_eq!(why(Client::new(world.clone()).command::<Adder>(&call(), 5).await), Why::Deadline);
    assert_eq!(world.total(), 5, "it was");

    // A question that was lost has done nothing.
    let world = World::new("n2", &[LoseReply]);
    world.lose_leader_after(1);
    assert_eq!(why(Client::new(world).query::<Adder>(&call(), Query::Total).await), Why::NoLeader);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_has_moved_is_found_without_a_pause() {
    // It is said that n2 leads, which knows better.
    for leader in ["n3", "n1"] {
        let world = World::new("n2", &[]);
        world.lead_in_truth(Some(leader));
        let begun = tokio::time::Instant::now();
        assert_eq!(Client::new(world.clone()).command::<Adder>(&call(), 5).await, Ok(5));
        assert_eq!(world.nodes(), ["n2", leader]);
        assert!(begun.elapsed().is_zero(), "{:?}", begun.elapsed());
    }
    // It is n1 itself that knows better.
    let world = World::new("n1", &[]);
    world.lead_in_truth(Some("n2"));
    assert_eq!(Client::new(world.clone()).command::<Adder>(&call(), 5).await, Ok(5));
    assert_eq!(world.nodes(), ["n1", "n2"]);
}

#[tokio::test(start_paused = true)]
async fn replicas_that_name_each_other_are_not_asked_all_the_time() {
    let world = World::new("n2", &[]);
    world.name_each_other();
    let answer = Client::new(world.clone()).command::<Adder>(&call(), 5).await;
    assert_eq!(why(answer), Why::NoLeader);
    // Three at a time, then a pause that grows to a tenth of a second.
    let asked = world.seen().len();
    assert!((60..200).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_is_called_as_soon_as_it_is_known() {
    let world = World::new("n2", &[]);
    world.lead(None);
    let answering = tokio::spawn({
        let world = world.clone();
        async move { Client::new(world).command::<Adder>(&call(), 5).await }
    });
    // By now there are long pauses between the attempts.
    tokio::time::sleep(Duration::from_millis(1503)).await;
    let elected = tokio::time::Instant::now();
    world.lead(Some("n3"));
    assert_eq!(answering.await.unwrap(), Ok(5));
    assert!(elected.elapsed() <= Duration::from_millis(2), "{:?}", elected.elapsed());
}

/// In real time: the virtual one stands still while somebody is always busy.
#[tokio::test]
async fn changes_all_the_time_do_not_make_attempts_all_the_time() {
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
    assert!(world.looked() <= 204, "twice a round, and a millisecond between rounds: {}", world.looked());
    ticking.abort();
}

#[tokio::test(start_paused = true)]
async fn a_question_that_may_is_answered_nearby_by_whoever_is_fresh() {
    // Which replicas lag; who is asked.
    let cases: &[(&[&str], &[&str])] =
        &[(&[], &["n1"]), (&["n1"], &["n1", "n2"]), (&["n1", "n2"], &["n1", "n2", "n3"])];
    for (lagging, asked) in cases {
        let world = World::new("n3", &[]);
        world.lag(lagging);
        assert_eq!(Client::new(world.clone()).query::<Adder>(&call(), Query::Near).await, Ok(0));
        assert_eq!(world.nodes(), *asked);
    }
    // All of them lag for a while: asked in rounds, with pauses between.
    let world = World::new("n3", &[]);
    world.lag(&["n1", "n2", "n3"]);
    let answering = tokio::spawn({
        let world = world.clone();
        async move { Client::new(world).query::<Adder>(&call(), Query::Near).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = world.seen().len();
    assert!((9..40).contains(&asked), "{asked}");
    world.lag(&[]);
    assert_eq!(answering.await.unwrap(), Ok(0));
    // Others go to the leader.
    let world = World::new("n3", &[LoseReply]);
    assert_eq!(Client::new(world.clone()).query::<Adder>(&call(), Query::Total).await, Ok(0));
    assert_eq!(world.nodes(), ["n3", "n3"]);
    // And to that of every shard.
    let world = World::new("n3", &[LoseCall, UnknownDone]);
    let answers = Client::new(world.clone()).query_every::<Adder>(&call(), Query::Total).await;
    assert_eq!(answers, Ok(vec![0, 0]));
    assert_eq!(world.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_taken_once_wherever_the_leader_is() {
    for leader in ["n1", "n2"] {
        let world = World::new(leader, &[LoseReply, LoseCall, Unsent]);
        let rows = vec![(7, codec::encode(&3_u64)), (9, codec::encode(&0_u64)), (10, codec::encode(&4_u64))];
        let delivery = Delivery { source: "1/till/0".into(), floor: 7, rows };
        let call = Call::bearer("svc:till", PATIENCE);
        let answers = Client::new(world.clone()).deliver(&call, "adder", 0, delivery).await;
        assert_eq!(answers, Ok(vec![None, Some("nothing to add".to_owned())]), "{leader}");
        assert_eq!((world.total(), world.seen().len()), (3, 4), "{leader}");
    }
    // Who is overloaded is not pressed: the outbox comes again in its own time.
    let world = World::new("n2", &[Overloaded]);
    let delivery = Delivery { source: "1/till/0".into(), floor: 7, rows: Vec::new() };
    let answers = Client::new(world.clone()).deliver(&call(), "adder", 0, delivery).await;
    assert_eq!(answers, Err(Unavailable::new(Why::Overloaded).into()));
    assert_eq!(world.seen().len(), 1);
}
