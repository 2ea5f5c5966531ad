//! A single node with two small services on a real disk: calls, events, effects, timers, restarts and refusals.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use group::{Call, Failure, Unavailable, Why};
use protocol::Timestamp;
use replica::Limits;
use support::till::{LedgerContract, TillCommand, TillContract, TooMuch, open, pause};
use support::{Keys, LONG};

/// Waits for a condition that must become true. The test runner limits the time.
macro_rules! eventually {
    ($condition:expr) => {
        while !$condition {
            pause().await;
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_commands_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits::default()).await;
    for (amount, total) in [(1, 1), (2, 3), (3, 6)] {
        assert_eq!(node.add(&keys, TillCommand::Add(amount)).await, Ok(total));
    }
    assert_eq!(node.add(&keys, TillCommand::Add(101)).await, Err(Failure::Refused(TooMuch)));
    eventually!(node.lines().await == [1, 2, 3]);
    eventually!(node.totals().await == (6, 3));
    assert_eq!(node.attempts.load(Ordering::SeqCst), 6, "each effect was tried twice");
    node.add(&keys, TillCommand::AddLater(10, 1)).await.unwrap();
    node.close().await;

    let node = open(data.path(), &keys, Limits::default()).await;
    eventually!(node.totals().await == (16, 4));
    eventually!(node.lines().await == [1, 2, 3, 10]);
    let status = node.node.status();
    assert!(
        status.iter().all(|group| group.leader && group.outbox == 0 && group.parked.is_empty()),
        "{status:?}"
    );
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_belongs_to_one_caller_and_one_command() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits::default()).await;
    let of = |subject: &str| keys.call(subject, "till:write", LONG).with_key("add", "till", "k1");
    assert_eq!(node.add(&keys, TillCommand::Add(1)).await, Ok(1));
    let add = |call: Call, amount| {
        let client = node.client.clone();
        async move { client.command::<TillContract>(&call, TillCommand::Add(amount)).await }
    };
    assert_eq!(add(of("usr_1"), 5).await, Ok(6));
    assert_eq!(add(of("usr_1"), 5).await, Ok(6), "the first reply is repeated");
    assert_eq!(add(of("usr_1"), 6).await, Err(Failure::KeyReused));
    assert_eq!(add(of("usr_2"), 6).await, Ok(12), "each caller has its own keys");
    let refused = of("usr_1").with_key("add", "till", "k2");
    assert_eq!(add(refused.clone(), 101).await, Err(Failure::Refused(TooMuch)));
    assert_eq!(add(refused, 101).await, Err(Failure::Refused(TooMuch)));
    node.close().await;
    let node = open(data.path(), &keys, Limits::default()).await;
    eventually!(node.node.ready());
    let again = node.client.command::<TillContract>(&of("usr_1"), TillCommand::Add(5)).await;
    assert_eq!(again, Ok(6), "also after a restart");
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_from_the_same_node_needs_a_token() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits::default()).await;
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
        let to_ledger = match node.client.command::<LedgerContract>(&call, 1).await {
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
        let delivered = node.client.deliver(&call, "ledger", 0, delivery).await;
        assert!(
            matches!(delivered, Err(Failure::Unauthenticated(_) | Failure::Forbidden(_))),
            "{what}: {delivered:?}"
        );
    }
    // A service may deliver only rows of its own outbox.
    let till = keys.call("svc:till", "", LONG);
    let delivery = group::Delivery { source: "1/payments/0".into(), floor: 0, rows: Vec::new() };
    assert!(matches!(node.client.deliver(&till, "ledger", 0, delivery).await, Err(Failure::Forbidden(_))));
    assert_eq!(node.lines().await, Vec::<u64>::new());
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_parked_and_an_operator_can_release_it() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits::default()).await;
    node.add(&keys, TillCommand::Add(13)).await.unwrap();
    let parked = || node.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(!parked().is_empty());
    node.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(node.totals().await.1 == 2);
    assert_eq!(node.lines().await, Vec::<u64>::new(), "later rows with the same key wait");
    let row = parked()[0].0;
    node.node.release_row("till/0", row, false).await.unwrap();
    eventually!(node.lines().await == [1]);
    assert_eq!(parked(), Vec::new());
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_overtakes_a_parked_one_with_the_same_key() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits::default()).await;
    node.add(&keys, TillCommand::Add(2)).await.unwrap();
    eventually!(node.lines().await == [2]);
    let adds = [13, 1, 3].map(|amount| node.add(&keys, TillCommand::Add(amount)));
    futures::future::try_join_all(adds).await.unwrap();
    let parked = || node.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(parked().len() == 1);
    let before = node.lines().await;
    for _ in 0..3 {
        let row = parked()[0].0;
        node.node.release_row("till/0", row, true).await.unwrap();
        eventually!(parked().first().is_some_and(|(again, _)| *again > row));
        assert_eq!(node.lines().await, before, "the event is refused again, and later events wait");
    }
    let row = parked()[0].0;
    node.node.release_row("till/0", row, false).await.unwrap();
    eventually!(node.lines().await.len() == 3);
    let mut lines = node.lines().await;
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3], "each exactly once");
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_whose_log_cannot_be_applied_is_quarantined_and_others_continue() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let node = open(data.path(), &keys, limits).await;
    node.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(node.lines().await == [1]);
    let call = keys.call("usr_1", "till:write", LONG);
    assert!(matches!(
        node.client.command::<TillContract>(&call, TillCommand::Break).await,
        Err(Failure::Unavailable(_))
    ));
    let quarantined =
        || node.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some());
    assert!(quarantined().unwrap().contains("a bug in the service"), "{:?}", quarantined());
    assert!(!node.node.ready());
    let refused = node.client.command::<TillContract>(&call, TillCommand::Add(1)).await;
    assert_eq!(refused, Err(Failure::Unavailable(Unavailable::new(Why::Quarantined))));
    assert_eq!(node.lines().await, [1], "the other group serves calls");
    node.close().await;
    // The entry is in the log: it fails again after a restart, and the other group starts all the same.
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let node = open(data.path(), &keys, limits).await;
    let quarantined =
        || node.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some_and(|why| why.contains("a bug in the service")));
    eventually!(node.node.status().iter().any(|group| group.leader));
    assert_eq!(node.lines().await, [1], "the other group serves calls");
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_full_queue_is_refused_immediately() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let node = open(data.path(), &keys, Limits { calls_max: 1, ..Limits::default() }).await;
    eventually!(node.node.ready());
    let call = keys.call("usr_1", "till:write", LONG);
    let calls = (0..64).map(|_| node.client.command::<TillContract>(&call, TillCommand::Add(1)));
    let answers = futures::future::join_all(calls).await;
    let overloaded = answers.iter().filter(|answer| {
        matches!(answer, Err(Failure::Unavailable(Unavailable { why: Why::Overloaded, .. })))
    });
    let (overloaded, applied) = (overloaded.count(), answers.iter().filter(|answer| answer.is_ok()).count());
    assert!(overloaded > 0 && applied > 0 && overloaded + applied == 64, "{answers:?}");
    node.close().await;
}
