//! A node with two small services on a real disk: calls, events, effects, timers, restarts, and what is refused.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use group::{Call, Failure, Unavailable, Why};
use protocol::Timestamp;
use replica::Limits;
use support::till::{LedgerContract, TillCommand, TillContract, TooMuch, open, pause};
use support::{Keys, LONG};

/// Waits for something that must come true; the test runner's own limit is the only clock.
macro_rules! eventually {
    ($condition:expr) => {
        while !$condition {
            pause().await;
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits::default()).await;
    for (amount, total) in [(1, 1), (2, 3), (3, 6)] {
        assert_eq!(cluster.add(&keys, TillCommand::Add(amount)).await, Ok(total));
    }
    assert_eq!(cluster.add(&keys, TillCommand::Add(101)).await, Err(Failure::Refused(TooMuch)));
    eventually!(cluster.lines().await == [1, 2, 3]);
    eventually!(cluster.totals().await == (6, 3));
    assert_eq!(cluster.rang.load(Ordering::SeqCst), 6, "each effect was tried twice");
    cluster.add(&keys, TillCommand::AddLater(10, 1)).await.unwrap();
    cluster.close().await;

    let cluster = open(data.path(), &keys, Limits::default()).await;
    eventually!(cluster.totals().await == (16, 4));
    eventually!(cluster.lines().await == [1, 2, 3, 10]);
    let status = cluster.node.status();
    assert!(
        status.iter().all(|group| group.leader && group.outbox == 0 && group.parked.is_empty()),
        "{status:?}"
    );
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_is_its_callers_and_its_commands() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits::default()).await;
    let of = |subject: &str| keys.call(subject, "till:write", LONG).with_key("add", "till", "k1");
    assert_eq!(cluster.add(&keys, TillCommand::Add(1)).await, Ok(1));
    let add = |call: Call, amount| {
        let client = cluster.client.clone();
        async move { client.command::<TillContract>(&call, TillCommand::Add(amount)).await }
    };
    assert_eq!(add(of("usr_1"), 5).await, Ok(6));
    assert_eq!(add(of("usr_1"), 5).await, Ok(6), "the same answer");
    assert_eq!(add(of("usr_1"), 6).await, Err(Failure::KeyReused));
    assert_eq!(add(of("usr_2"), 6).await, Ok(12), "another caller's key is another key");
    let refused = of("usr_1").with_key("add", "till", "k2");
    assert_eq!(add(refused.clone(), 101).await, Err(Failure::Refused(TooMuch)));
    assert_eq!(add(refused, 101).await, Err(Failure::Refused(TooMuch)));
    cluster.close().await;
    let cluster = open(data.path(), &keys, Limits::default()).await;
    eventually!(cluster.node.ready());
    let again = cluster.client.command::<TillContract>(&of("usr_1"), TillCommand::Add(5)).await;
    assert_eq!(again, Ok(6), "after a restart too");
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_inside_is_no_credential() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits::default()).await;
    let past = Timestamp::wall_clock().plus_secs(-60);
    let table = [
        ("absent", None, 401),
        ("expired", Some(keys.sign_as("svc:till", "", |claims| claims.expires_at = past)), 401),
        (
            "wrong audience",
            Some(keys.sign_as("svc:till", "", |claims| claims.audience = "elsewhere".into())),
            401,
        ),
        (
            "another issuer",
            Some(keys.sign_as("svc:till", "", |claims| claims.issuer = "http://evil.example".into())),
            401,
        ),
        ("another key", Some(Keys::new().sign("svc:till", "")), 401),
        ("no token at all", Some("till".into()), 401),
        ("another service", Some(keys.sign("svc:search", "")), 403),
        ("missing scope", Some(keys.sign("usr_1", "till:read")), 403),
    ];
    for (what, token, expected) in table {
        let call = Call { token: token.map(Into::into), ..Call::anonymous(LONG) };
        let to_ledger = match cluster.client.command::<LedgerContract>(&call, 1).await {
            Err(Failure::Unauthenticated(_)) => 401,
            Err(Failure::Forbidden(_)) => 403,
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(to_ledger, expected, "{what}");
        let delivery = group::Delivery {
            source: "1/till/0".into(),
            floor: 0,
            rows: vec![(1, protocol::codec::encode(&1u64))],
        };
        let delivered = cluster.client.deliver(&call, "ledger", 0, delivery).await;
        assert!(
            matches!(delivered, Err(Failure::Unauthenticated(_) | Failure::Forbidden(_))),
            "{what}: {delivered:?}"
        );
    }
    // A service delivers in its own name only.
    let till = keys.call("svc:till", "", LONG);
    let delivery = group::Delivery { source: "1/payments/0".into(), floor: 0, rows: Vec::new() };
    assert!(matches!(cluster.client.deliver(&till, "ledger", 0, delivery).await, Err(Failure::Forbidden(_))));
    assert_eq!(cluster.lines().await, Vec::<u64>::new());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_parked_and_an_operator_can_release_it() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits::default()).await;
    cluster.add(&keys, TillCommand::Add(13)).await.unwrap();
    let parked = || cluster.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(!parked().is_empty());
    cluster.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(cluster.totals().await.1 == 2);
    assert_eq!(cluster.lines().await, Vec::<u64>::new(), "what comes after it waits: it has the same key");
    let row = parked()[0].0;
    cluster.node.release("till/0", row, false).await.unwrap();
    eventually!(cluster.lines().await == [1]);
    assert_eq!(parked(), Vec::new());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_a_parked_event_neither_in_one_delivery_nor_when_it_is_tried_again() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits::default()).await;
    cluster.add(&keys, TillCommand::Add(2)).await.unwrap();
    eventually!(cluster.lines().await == [2]);
    let adds = [13, 1, 3].map(|amount| cluster.add(&keys, TillCommand::Add(amount)));
    futures::future::try_join_all(adds).await.unwrap();
    let parked = || cluster.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(parked().len() == 1);
    let before = cluster.lines().await;
    for _ in 0..3 {
        let row = parked()[0].0;
        cluster.node.release("till/0", row, true).await.unwrap();
        eventually!(parked().first().is_some_and(|(again, _)| *again > row));
        assert_eq!(cluster.lines().await, before, "it is refused again, and what is behind it waits");
    }
    let row = parked()[0].0;
    cluster.node.release("till/0", row, false).await.unwrap();
    eventually!(cluster.lines().await.len() == 3);
    let mut lines = cluster.lines().await;
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3], "each once");
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_group_is_quarantined_and_the_others_go_on() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let cluster = open(data.path(), &keys, limits).await;
    cluster.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(cluster.lines().await == [1]);
    let call = keys.call("usr_1", "till:write", LONG);
    assert!(matches!(
        cluster.client.command::<TillContract>(&call, TillCommand::Break).await,
        Err(Failure::Unavailable(_))
    ));
    let quarantined =
        || cluster.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some());
    assert!(quarantined().unwrap().contains("a mistake in the service"), "{:?}", quarantined());
    assert!(!cluster.node.ready());
    let refused = cluster.client.command::<TillContract>(&call, TillCommand::Add(1)).await;
    assert_eq!(refused, Err(Failure::Unavailable(Unavailable::new(Why::Quarantined))));
    assert_eq!(cluster.lines().await, [1], "the ledger answers");
    cluster.close().await;
    // The entry is in the log: a restart meets it again, and is a start for the others all the same.
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let cluster = open(data.path(), &keys, limits).await;
    let quarantined =
        || cluster.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some_and(|why| why.contains("a mistake in the service")));
    eventually!(cluster.node.status().iter().any(|group| group.leader));
    assert_eq!(cluster.lines().await, [1], "the ledger answers");
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_says_so_at_once() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let cluster = open(data.path(), &keys, Limits { calls_max: 1, ..Limits::default() }).await;
    eventually!(cluster.node.ready());
    let call = keys.call("usr_1", "till:write", LONG);
    let calls = (0..64).map(|_| cluster.client.command::<TillContract>(&call, TillCommand::Add(1)));
    let answers = futures::future::join_all(calls).await;
    let overloaded = answers.iter().filter(|answer| {
        matches!(answer, Err(Failure::Unavailable(Unavailable { why: Why::Overloaded, .. })))
    });
    let (overloaded, obeyed) = (overloaded.count(), answers.iter().filter(|answer| answer.is_ok()).count());
    assert!(overloaded > 0 && obeyed > 0 && overloaded + obeyed == 64, "{answers:?}");
    cluster.close().await;
}
