//! One node's part of a moment, where steps come late, twice, or not at all; on a node that is alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use group::NoEffects;
use group::testing::{Adder, Sum, Zero};
use tempfile::TempDir;

use super::asking::{ALONE, Asking};
use super::hold::LEASE_MAX;
use super::steps::{Fixed, Over, Said, Step, Trouble};
use super::*;
use crate::hush::Work;
use crate::keys::Keys;
use crate::settings::Limits;

const GROUP: &str = "adder/0";
/// Nothing here takes this long, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

struct TestCluster {
    node: Arc<Node>,
    keys: Arc<Keys>,
    log: Arc<store::NodeLog>,
    _dir: TempDir,
}

impl TestCluster {
    async fn open() -> Self {
        let (dir, keys) = (tempfile::tempdir().unwrap(), Keys::new());
        let (node, log) = keys.node(dir.path(), Limits::default());
        node.host(0, 1, || Sum, NoEffects).await.unwrap();
        while !node.ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { node, keys, log, _dir: dir }
    }

    async fn close(self) {
        self.node.shutdown().await;
        self.log.close();
    }

    async fn take(&self, backup: u128, step: Step) -> Result<Said, Trouble> {
        Arc::clone(&self.node).take_step(backup, step).await
    }

    async fn fix(&self, backup: u128) -> Result<Said, Trouble> {
        self.take(backup, Step::Pause).await?;
        self.take(backup, Step::Quiet).await?;
        self.take(backup, Step::Fix { groups: groups() }).await
    }

    async fn add(&self, within: Duration) -> Result<u64, group::Failure<Zero>> {
        let call = self.keys.call("usr_1", "adder:write", within);
        self.node.client().command::<Adder>(&call, 1).await
    }

    fn paused(&self) -> bool {
        self.node.hush.begin(Work::Delivery).is_none()
    }
}

fn groups() -> Vec<String> {
    vec![GROUP.to_owned()]
}

fn over<T>() -> Result<T, Trouble> {
    Err("it took too long, and all goes on".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pinned_is_let_go_of_once_and_for_all() {
    let cluster = TestCluster::open().await;
    assert_eq!(cluster.add(LONG).await, Ok(1));
    let Ok(Said::Fixed(fixed)) = cluster.fix(1).await else { panic!("not fixed") };
    let [Fixed { group, log_index }] = &*fixed else { panic!("{fixed:?}") };
    assert!(group == GROUP && *log_index > 0, "{fixed:?}");
    assert!(cluster.paused());
    assert!(cluster.add(Duration::from_millis(100)).await.is_err(), "nothing is taken in");
    assert_eq!(cluster.take(1, Step::Confirm).await, Ok(Said::Done));
    assert_eq!(cluster.take(1, Step::Resume).await, Ok(Said::Done));
    assert!(!cluster.paused());
    cluster.add(LONG).await.unwrap();
    assert_eq!(cluster.take(1, Step::Confirm).await, over(), "too late for that");
    let read = |at| Step::Read { group: GROUP.to_owned(), at };
    let Ok(Said::Part(rows)) = cluster.take(1, read(0)).await else { panic!("not read") };
    assert!(!rows.is_empty());
    for _ in 0..2 {
        assert_eq!(cluster.take(1, Step::Release).await, Ok(Said::Done));
    }
    assert!(cluster.take(1, read(rows.len() as u64)).await.is_err());
    assert_eq!(cluster.take(1, Step::Keep).await, Ok(Said::Done), "which brings nothing back");
    assert!(cluster.node.holds.count() == 0 && cluster.take(1, read(0)).await.is_err());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_comes_after_the_end_holds_nothing_up() {
    let cluster = TestCluster::open().await;
    // The word of the end may overtake all others, or come between any two.
    for (backup, steps) in [
        (1, vec![]),
        (2, vec![Step::Pause]),
        (3, vec![Step::Pause, Step::Quiet]),
        (4, vec![Step::Pause, Step::Quiet, Step::Fix { groups: groups() }]),
    ] {
        for step in steps {
            assert!(cluster.take(backup, step).await.is_ok());
        }
        assert_eq!(cluster.take(backup, Step::Release).await, Ok(Said::Done));
        assert_eq!(cluster.take(backup, Step::Pause).await, over());
        assert_eq!(cluster.take(backup, Step::Quiet).await, over());
        assert_eq!(cluster.take(backup, Step::Fix { groups: groups() }).await, over());
        assert!(!cluster.paused());
        cluster.add(LONG).await.unwrap();
    }
    // While it is being pinned: a command on its way holds that up.
    let hosted = cluster.node.one(GROUP).unwrap();
    let through = hosted.ops.gate().read_owned().await;
    cluster.take(5, Step::Pause).await.unwrap();
    let fixing = tokio::spawn(Arc::clone(&cluster.node).take_step(5, Step::Fix { groups: groups() }));
    while hosted.ops.gate().try_read().is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cluster.take(5, Step::Release).await.unwrap();
    drop(through);
    assert_eq!(fixing.await.unwrap(), over());
    cluster.add(LONG).await.unwrap();
    assert!(cluster.take(5, Step::Confirm).await.is_err(), "nothing is left of it");
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_are_read_and_a_group_without_leader_is_named_before_that_is() {
    let cluster = TestCluster::open().await;
    for backup in 1..=READ_MAX as u128 {
        assert!(cluster.fix(backup).await.is_ok());
        assert_eq!(cluster.take(9, Step::Pause).await, Err(Trouble::Another));
        cluster.take(backup, Step::Resume).await.unwrap();
    }
    let lead = |group: &str| Step::Lead { groups: vec![GROUP.to_owned(), group.to_owned()] };
    assert_eq!(cluster.take(9, lead(GROUP)).await, Err(Trouble::Full));
    assert_eq!(cluster.fix(9).await, Err(Trouble::Full));
    cluster.take(9, Step::Release).await.unwrap();
    let missing = || Err(Trouble::NotLed("adder/1".to_owned()));
    assert_eq!(cluster.take(10, lead("adder/1")).await, missing());
    cluster.take(10, Step::Pause).await.unwrap();
    let fix = Step::Fix { groups: vec![GROUP.to_owned(), "adder/1".to_owned()] };
    assert_eq!(cluster.take(10, fix).await, missing());
    cluster.take(10, Step::Release).await.unwrap();
    cluster.take(1, Step::Release).await.unwrap();
    assert_eq!(cluster.take(11, lead(GROUP)).await, Ok(Said::Done));
    assert!(cluster.fix(11).await.is_ok());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_its_turn_gets_it_when_a_moment_is_dropped() {
    let cluster = TestCluster::open().await;
    // On this node nothing of it is left when the drop returns.
    for _ in 0..=READ_MAX {
        let moment = cluster.node.fix_moment(groups()).await.unwrap();
        assert!(cluster.node.holds.count() == 1 && !cluster.paused());
        drop(moment);
        assert_eq!(cluster.node.holds.count(), 0);
    }
    let mut moments = Vec::new();
    for _ in 0..READ_MAX {
        moments.push(cluster.node.fix_moment(groups()).await.unwrap());
    }
    let node = Arc::clone(&cluster.node);
    let waiting = tokio::spawn(async move { node.fix_moment(groups()).await });
    // A pause that somebody else has is waited for as well.
    cluster.take(77, Step::Pause).await.unwrap();
    tokio::time::sleep(LOOK_FOR_TURN_EVERY * 2).await;
    assert!(!waiting.is_finished());
    moments.pop();
    tokio::time::sleep(LOOK_FOR_TURN_EVERY * 2).await;
    assert!(!waiting.is_finished());
    cluster.take(77, Step::Release).await.unwrap();
    moments.push(waiting.await.unwrap().unwrap());
    assert_eq!(cluster.node.holds.count(), READ_MAX);
    drop(moments);
    assert_eq!(cluster.node.holds.count(), 0);
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_heard_here_before_anybody_waits_for_it() {
    let cluster = TestCluster::open().await;
    let asking = Asking::new(&cluster.node);
    let nodes = BTreeSet::from([ALONE.to_owned()]);
    for step in [Step::Pause, Step::Fix { groups: groups() }] {
        asking.step(ALONE, step, LONG).await.unwrap();
    }
    assert!(asking.end(&nodes, Over::Resumed).is_empty());
    assert!(!cluster.paused() && cluster.node.holds.count() == 1);
    assert!(asking.end(&nodes, Over::Released).is_empty());
    assert_eq!(cluster.node.holds.count(), 0);
    assert_eq!(asking.step(ALONE, Step::Pause, LONG).await, over());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_kept_as_long_as_somebody_asks_after_it() {
    let cluster = TestCluster::open().await;
    cluster.fix(1).await.unwrap();
    cluster.take(1, Step::Resume).await.unwrap();
    let left = |at: Instant| cluster.node.holds.wanted_for(1, at).unwrap();
    let begun = Instant::now();
    assert!(left(begun) <= LEASE_MAX && left(begun + LEASE_MAX).is_zero());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = left(begun);
    cluster.take(1, Step::Keep).await.unwrap();
    assert!(left(begun) > before && left(Instant::now()) <= LEASE_MAX);
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asks_after_is_over_by_itself() {
    let cluster = TestCluster::open().await;
    cluster.fix(1).await.unwrap();
    cluster.node.holds.expire(1).unwrap();
    // Closed for a little longer, although nobody says that it is over.
    cluster.add(LONG).await.unwrap();
    while cluster.node.holds.count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(cluster.take(1, Step::Confirm).await.is_err());
    cluster.close().await;
}

#[test]
fn pauses_spread() {
    let pauses: BTreeSet<Duration> = (0..100).map(|_| about(BETWEEN_ATTEMPTS)).collect();
    assert!(pauses.len() > 50, "who met once meets again: {}", pauses.len());
    assert!(pauses.iter().all(|pause| (BETWEEN_ATTEMPTS / 2..BETWEEN_ATTEMPTS * 3 / 2).contains(pause)));
}
