//! A node with two small services on a real disk: calls, events, effects, timers, restarts, and what is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contract::{Access, Contract, Principal, Route, Timestamp};
use futures::future::BoxFuture;
use group::{
    Call, Client, Credentials, EffectContext, Effects, Failure, NoEffects, Outcome, Service, Tree, Turn,
    Unavailable, View, Why,
};
use replica::{Limits, Node, NodeOptions};
use serde::{Deserialize, Serialize};
use token::{AUDIENCE, Claims, ClusterKey, PublicKeys, SigningKey, Verifier};

const ISSUER: &str = "http://inn.example";

// ---- a till that counts, tells the ledger, and rings a bell outside

struct TillContract;

#[derive(Debug, Clone, Serialize, Deserialize)]
enum TillCommand {
    Add(u64),
    AddLater(u64, i64),
    Rang(u64),
    Break,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no more than 100")]
struct TooMuch;

impl Contract for TillContract {
    const SERVICE: &'static str = "till";
    type Command = TillCommand;
    type Reply = u64;
    type Refusal = TooMuch;
    type Query = ();
    type Answer = (u64, u64);

    fn route_command(_: &TillCommand) -> Route {
        Route::SINGLE
    }
    fn route_query((): &()) -> Route {
        Route::SINGLE
    }
    fn command_access(command: &TillCommand) -> Access {
        match command {
            TillCommand::Rang(_) => Access::services(&["till"]),
            _ => Access::scopes(&["till:write"]),
        }
    }
    fn query_access((): &()) -> Access {
        Access::ANYONE
    }
}

const TOTALS: Tree<u8, u64> = Tree::new(32, "totals");

struct Till;

impl Service for Till {
    type Contract = TillContract;
    type Effect = u64;
    type Timer = u64;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: TillCommand) -> Result<u64, TooMuch> {
        match command {
            TillCommand::Add(amount) if amount > 100 => Err(TooMuch),
            TillCommand::Add(amount) => Ok(add(turn, amount)),
            TillCommand::AddLater(amount, secs) => {
                turn.schedule(turn.now().plus_secs(secs), amount);
                Ok(0)
            }
            TillCommand::Rang(times) => {
                let rang = turn.get(&TOTALS, &1).unwrap_or_default() + times;
                turn.put(&TOTALS, &1, &rang);
                Ok(rang)
            }
            TillCommand::Break => panic!("a mistake in the service"),
        }
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, amount: u64) {
        add(turn, amount);
    }

    fn query(&self, view: &View<'_>, _: &Principal, (): ()) -> Result<(u64, u64), TooMuch> {
        Ok((view.get(&TOTALS, &0).unwrap_or_default(), view.get(&TOTALS, &1).unwrap_or_default()))
    }
}

fn add(turn: &mut Turn<'_, Till>, amount: u64) -> u64 {
    let total = turn.get(&TOTALS, &0).unwrap_or_default() + amount;
    turn.put(&TOTALS, &0, &total);
    turn.send::<LedgerContract>(7, &amount);
    turn.effect(7, &amount);
    total
}

/// Fails the first attempt at each effect.
struct Bell(Arc<AtomicU32>);

impl Effects<Till> for Bell {
    async fn perform(&self, context: &EffectContext, _effect: u64) -> Outcome<TillCommand> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if context.attempt == 0 {
            Outcome::Retry("not the first time".into())
        } else {
            Outcome::Report(TillCommand::Rang(1))
        }
    }
}

// ---- a ledger that hears of it

struct LedgerContract;

impl Contract for LedgerContract {
    const SERVICE: &'static str = "ledger";
    type Command = u64;
    type Reply = ();
    type Refusal = TooMuch;
    type Query = ();
    type Answer = Vec<u64>;

    fn route_command(_: &u64) -> Route {
        Route::SINGLE
    }
    fn route_query((): &()) -> Route {
        Route::SINGLE
    }
    fn command_access(_: &u64) -> Access {
        Access::services(&["till"])
    }
    fn query_access((): &()) -> Access {
        Access::ANYONE
    }
}

const LINES: Tree<u64, u64> = Tree::new(32, "lines");

struct Ledger;

impl Service for Ledger {
    type Contract = LedgerContract;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, amount: u64) -> Result<(), TooMuch> {
        if amount == 13 {
            return Err(TooMuch);
        }
        let line = turn.first(&LINES, usize::MAX).len() as u64;
        turn.put(&LINES, &line, &amount);
        Ok(())
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _: &Principal, (): ()) -> Result<Vec<u64>, TooMuch> {
        Ok(view.all(&LINES).map(|(_, amount)| amount).collect())
    }
}

// ---- a house

struct Keys {
    signing: SigningKey,
    verifier: Arc<Verifier>,
}

impl Keys {
    fn new() -> Arc<Self> {
        let signing = SigningKey::generate();
        let verifier = Verifier::new(ISSUER, &ClusterKey::random());
        verifier.replace_keys(PublicKeys::from_paserk([signing.public().paserk()]));
        Arc::new(Self { signing, verifier: Arc::new(verifier) })
    }

    fn sign(&self, subject: &str, scope: &str, change: impl FnOnce(&mut Claims)) -> String {
        let now = Timestamp::wall_clock();
        let mut claims = Claims {
            issuer: ISSUER.into(),
            subject: subject.into(),
            audience: AUDIENCE.into(),
            issued_at: now,
            not_before: now,
            expires_at: now.plus_secs(600),
            token_id: format!("{now:?}"),
            client_id: subject.into(),
            scope: scope.into(),
            on_behalf_of: None,
            hotels: Vec::new(),
            epoch: 0,
            family: None,
        };
        change(&mut claims);
        self.signing.sign(&claims)
    }
}

impl Credentials for Keys {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        Box::pin(async move { Ok(self.sign(&format!("svc:{service}"), "", |_| {}).into()) })
    }
}

struct House {
    node: Arc<Node>,
    client: Client,
    log: Arc<store::NodeLog>,
    rang: Arc<AtomicU32>,
}

async fn open(data: &Path, keys: &Arc<Keys>, limits: Limits) -> House {
    let log = store::NodeLog::open(&data.join("log"), store::LogSettings::default()).unwrap();
    let node = Node::new(NodeOptions {
        data: data.to_owned(),
        log: Arc::clone(&log),
        verifier: Arc::clone(&keys.verifier),
        network: Arc::new(consensus::Alone),
        limits,
        epoch: 1,
        cache_bytes: 4 << 20,
        drop_unsynced: false,
    });
    node.set_credentials(Arc::<Keys>::clone(keys));
    let rang = Arc::new(AtomicU32::new(0));
    node.host(0, 1, || Ledger, NoEffects).await.unwrap();
    node.host(0, 1, || Till, Bell(Arc::clone(&rang))).await.unwrap();
    House { client: node.client(), node, log, rang }
}

impl House {
    async fn close(self) {
        self.node.shutdown().await;
        self.log.close();
    }

    async fn totals(&self) -> (u64, u64) {
        let call = Call::anonymous(Duration::from_secs(5));
        loop {
            match self.client.query::<TillContract>(&call, ()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer.unwrap(),
            }
        }
    }

    async fn lines(&self) -> Vec<u64> {
        let call = Call::anonymous(Duration::from_secs(5));
        loop {
            match self.client.query::<LedgerContract>(&call, ()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer.unwrap(),
            }
        }
    }

    async fn add(&self, keys: &Keys, command: TillCommand) -> Result<u64, Failure<TooMuch>> {
        let call = Call::bearer(keys.sign("usr_1", "till:write", |_| {}), Duration::from_secs(5));
        loop {
            match self.client.command::<TillContract>(&call, command.clone()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer,
            }
        }
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

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
    let house = open(data.path(), &keys, Limits::default()).await;
    for (amount, total) in [(1, 1), (2, 3), (3, 6)] {
        assert_eq!(house.add(&keys, TillCommand::Add(amount)).await, Ok(total));
    }
    assert_eq!(house.add(&keys, TillCommand::Add(101)).await, Err(Failure::Refused(TooMuch)));
    eventually!(house.lines().await == [1, 2, 3]);
    eventually!(house.totals().await == (6, 3));
    assert_eq!(house.rang.load(Ordering::SeqCst), 6, "each effect was tried twice");
    house.add(&keys, TillCommand::AddLater(10, 1)).await.unwrap();
    house.close().await;

    let house = open(data.path(), &keys, Limits::default()).await;
    eventually!(house.totals().await == (16, 4));
    eventually!(house.lines().await == [1, 2, 3, 10]);
    let status = house.node.status();
    assert!(
        status.iter().all(|group| group.leader && group.outbox == 0 && group.parked.is_empty()),
        "{status:?}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_is_its_callers_and_its_commands() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let house = open(data.path(), &keys, Limits::default()).await;
    let of = |subject: &str| {
        Call::bearer(keys.sign(subject, "till:write", |_| {}), Duration::from_secs(5))
            .with_key("add", "till", "k1")
    };
    assert_eq!(house.add(&keys, TillCommand::Add(1)).await, Ok(1));
    let add = |call: Call, amount| {
        let client = house.client.clone();
        async move { client.command::<TillContract>(&call, TillCommand::Add(amount)).await }
    };
    assert_eq!(add(of("usr_1"), 5).await, Ok(6));
    assert_eq!(add(of("usr_1"), 5).await, Ok(6), "the same answer");
    assert_eq!(add(of("usr_1"), 6).await, Err(Failure::KeyReused));
    assert_eq!(add(of("usr_2"), 6).await, Ok(12), "another caller's key is another key");
    let refused = of("usr_1").with_key("add", "till", "k2");
    assert_eq!(add(refused.clone(), 101).await, Err(Failure::Refused(TooMuch)));
    assert_eq!(add(refused, 101).await, Err(Failure::Refused(TooMuch)));
    house.close().await;
    let house = open(data.path(), &keys, Limits::default()).await;
    eventually!(house.node.ready());
    let again = house.client.command::<TillContract>(&of("usr_1"), TillCommand::Add(5)).await;
    assert_eq!(again, Ok(6), "after a restart too");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_inside_is_no_credential() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let house = open(data.path(), &keys, Limits::default()).await;
    let past = Timestamp::wall_clock().plus_secs(-60);
    let table = [
        ("absent", None, 401),
        ("expired", Some(keys.sign("svc:till", "", |claims| claims.expires_at = past)), 401),
        (
            "wrong audience",
            Some(keys.sign("svc:till", "", |claims| claims.audience = "elsewhere".into())),
            401,
        ),
        (
            "another issuer",
            Some(keys.sign("svc:till", "", |claims| claims.issuer = "http://evil.example".into())),
            401,
        ),
        ("another key", Some(Keys::new().sign("svc:till", "", |_| {})), 401),
        ("no token at all", Some("till".into()), 401),
        ("another service", Some(keys.sign("svc:search", "", |_| {})), 403),
        ("missing scope", Some(keys.sign("usr_1", "till:read", |_| {})), 403),
    ];
    for (what, token, expected) in table {
        let call = Call { token: token.map(Into::into), ..Call::anonymous(Duration::from_secs(5)) };
        let to_ledger = match house.client.command::<LedgerContract>(&call, 1).await {
            Err(Failure::Unauthenticated(_)) => 401,
            Err(Failure::Forbidden(_)) => 403,
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(to_ledger, expected, "{what}");
        let delivery = group::Delivery {
            source: "1/till/0".into(),
            floor: 0,
            rows: vec![(1, contract::codec::encode(&1u64))],
        };
        let delivered = house.client.deliver(&call, "ledger", 0, delivery).await;
        assert!(
            matches!(delivered, Err(Failure::Unauthenticated(_) | Failure::Forbidden(_))),
            "{what}: {delivered:?}"
        );
    }
    // A service delivers in its own name only.
    let till = Call::bearer(keys.sign("svc:till", "", |_| {}), Duration::from_secs(5));
    let delivery = group::Delivery { source: "1/payments/0".into(), floor: 0, rows: Vec::new() };
    assert!(matches!(house.client.deliver(&till, "ledger", 0, delivery).await, Err(Failure::Forbidden(_))));
    assert_eq!(house.lines().await, Vec::<u64>::new());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_parked_and_an_operator_can_release_it() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let house = open(data.path(), &keys, Limits::default()).await;
    house.add(&keys, TillCommand::Add(13)).await.unwrap();
    let parked = || house.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(!parked().is_empty());
    house.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(house.totals().await.1 == 2);
    assert_eq!(house.lines().await, Vec::<u64>::new(), "what comes after it waits: it has the same key");
    let row = parked()[0].0;
    house.node.release("till/0", row, false).await.unwrap();
    eventually!(house.lines().await == [1]);
    assert_eq!(parked(), Vec::new());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_a_parked_event_neither_in_one_delivery_nor_when_it_is_tried_again() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let house = open(data.path(), &keys, Limits::default()).await;
    house.add(&keys, TillCommand::Add(2)).await.unwrap();
    eventually!(house.lines().await == [2]);
    let adds = [13, 1, 3].map(|amount| house.add(&keys, TillCommand::Add(amount)));
    futures::future::try_join_all(adds).await.unwrap();
    let parked = || house.node.status().into_iter().find(|group| group.group == "till/0").unwrap().parked;
    eventually!(parked().len() == 1);
    let before = house.lines().await;
    for _ in 0..3 {
        let row = parked()[0].0;
        house.node.release("till/0", row, true).await.unwrap();
        eventually!(parked().first().is_some_and(|(again, _)| *again > row));
        assert_eq!(house.lines().await, before, "it is refused again, and what is behind it waits");
    }
    let row = parked()[0].0;
    house.node.release("till/0", row, false).await.unwrap();
    eventually!(house.lines().await.len() == 3);
    let mut lines = house.lines().await;
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3], "each once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_group_is_quarantined_and_the_others_go_on() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let house = open(data.path(), &keys, limits).await;
    house.add(&keys, TillCommand::Add(1)).await.unwrap();
    eventually!(house.lines().await == [1]);
    let call = Call::bearer(keys.sign("usr_1", "till:write", |_| {}), Duration::from_secs(5));
    assert!(matches!(
        house.client.command::<TillContract>(&call, TillCommand::Break).await,
        Err(Failure::Unavailable(_))
    ));
    let quarantined =
        || house.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some());
    assert!(quarantined().unwrap().contains("a mistake in the service"), "{:?}", quarantined());
    assert!(!house.node.ready());
    let refused = house.client.command::<TillContract>(&call, TillCommand::Add(1)).await;
    assert_eq!(refused, Err(Failure::Unavailable(Unavailable::new(Why::Quarantined))));
    assert_eq!(house.lines().await, [1], "the ledger answers");
    house.close().await;
    // The entry is in the log: a restart meets it again, and is a start for the others all the same.
    let limits = Limits { reopens_max: 1, backoff_min: Duration::from_millis(1), ..Limits::default() };
    let house = open(data.path(), &keys, limits).await;
    let quarantined =
        || house.node.status().into_iter().find(|group| group.group == "till/0").unwrap().quarantined;
    eventually!(quarantined().is_some_and(|why| why.contains("a mistake in the service")));
    eventually!(house.node.status().iter().any(|group| group.leader));
    assert_eq!(house.lines().await, [1], "the ledger answers");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_says_so_at_once() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new();
    let house = open(data.path(), &keys, Limits { calls_max: 1, ..Limits::default() }).await;
    eventually!(house.node.ready());
    let call = Call::bearer(keys.sign("usr_1", "till:write", |_| {}), Duration::from_secs(5));
    let calls = (0..64).map(|_| house.client.command::<TillContract>(&call, TillCommand::Add(1)));
    let answers = futures::future::join_all(calls).await;
    let overloaded = answers.iter().filter(|answer| {
        matches!(answer, Err(Failure::Unavailable(Unavailable { why: Why::Overloaded, .. })))
    });
    let (overloaded, obeyed) = (overloaded.count(), answers.iter().filter(|answer| answer.is_ok()).count());
    assert!(overloaded > 0 && obeyed > 0 && overloaded + obeyed == 64, "{answers:?}");
    house.close().await;
}
