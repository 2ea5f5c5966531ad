//! The steps of a cluster snapshot on a single node, when they arrive late, repeatedly, or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use group::NoEffects;
use group::testing::{Adder, Sum, Zero};
use tempfile::TempDir;

use super::coordinator::{Coordinator, SINGLE_NODE};
use super::steps::{End, PinnedGroup, Step, StepError, StepOutput};
use super::*;
use crate::delivery_pause::Work;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::pins::LEASE_MAX;

const GROUP: &str = "adder/0";
/// A timeout that is never reached, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);

struct TestNode {
    node: Arc<Node>,
    keys: Arc<Keys>,
    log: Arc<store::NodeLog>,
    _dir: TempDir,
}

impl TestNode {
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

    async fn step(&self, snapshot: u128, step: Step) -> Result<StepOutput, StepError> {
        Arc::clone(&self.node).execute_step(snapshot, step).await
    }

    async fn pin(&self, snapshot: u128) -> Result<StepOutput, StepError> {
        self.step(snapshot, Step::Pause).await?;
        self.step(snapshot, Step::WaitIdle).await?;
        self.step(snapshot, Step::Pin { groups: groups() }).await
    }

    async fn add(&self, within: Duration) -> Result<u64, group::Failure<Zero>> {
        let call = self.keys.call("usr_1", "adder:write", within);
        self.node.client().command::<Adder>(&call, 1).await
    }

    fn paused(&self) -> bool {
        self.node.delivery_pause.begin(Work::Delivery).is_none()
    }
}

fn groups() -> Vec<String> {
    vec![GROUP.to_owned()]
}

fn ended<T>() -> Result<T, StepError> {
    Err("the snapshot took too long and has ended on this node".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_pin_cannot_be_read_or_renewed() {
    let test = TestNode::open().await;
    assert_eq!(test.add(LONG).await, Ok(1));
    let Ok(StepOutput::Pinned(pinned)) = test.pin(1).await else { panic!("not pinned") };
    let [PinnedGroup { group, log_index }] = &*pinned else { panic!("{pinned:?}") };
    assert!(group == GROUP && *log_index > 0, "{pinned:?}");
    assert!(test.paused());
    assert!(test.add(Duration::from_millis(100)).await.is_err(), "proposals are blocked");
    assert_eq!(test.step(1, Step::Confirm).await, Ok(StepOutput::Done));
    assert_eq!(test.step(1, Step::Resume).await, Ok(StepOutput::Done));
    assert!(!test.paused());
    test.add(LONG).await.unwrap();
    assert_eq!(test.step(1, Step::Confirm).await, ended(), "proposals are not blocked any more");
    let read = |at| Step::Read { group: GROUP.to_owned(), at };
    let Ok(StepOutput::Part(rows)) = test.step(1, read(0)).await else { panic!("not read") };
    assert!(!rows.is_empty());
    for _ in 0..2 {
        assert_eq!(test.step(1, Step::Release).await, Ok(StepOutput::Done));
    }
    assert!(test.step(1, read(rows.len() as u64)).await.is_err());
    assert_eq!(test.step(1, Step::Renew).await, Ok(StepOutput::Done), "it has no effect on a released pin");
    assert!(test.node.pins.count() == 0 && test.step(1, read(0)).await.is_err());
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_arrives_after_the_end_has_no_effect() {
    let test = TestNode::open().await;
    // The end may arrive before all other steps, or between any two.
    for (snapshot, steps) in [
        (1, vec![]),
        (2, vec![Step::Pause]),
        (3, vec![Step::Pause, Step::WaitIdle]),
        (4, vec![Step::Pause, Step::WaitIdle, Step::Pin { groups: groups() }]),
    ] {
        for step in steps {
            assert!(test.step(snapshot, step).await.is_ok());
        }
        assert_eq!(test.step(snapshot, Step::Release).await, Ok(StepOutput::Done));
        assert_eq!(test.step(snapshot, Step::Pause).await, ended());
        assert_eq!(test.step(snapshot, Step::WaitIdle).await, ended());
        assert_eq!(test.step(snapshot, Step::Pin { groups: groups() }).await, ended());
        assert!(!test.paused());
        test.add(LONG).await.unwrap();
    }
    // Also while the pin is waiting for a proposal in flight.
    let handle = test.node.handle(GROUP).unwrap();
    let proposal = handle.gate().read_owned().await;
    test.step(5, Step::Pause).await.unwrap();
    let pinning = tokio::spawn(Arc::clone(&test.node).execute_step(5, Step::Pin { groups: groups() }));
    while handle.gate().try_read().is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    test.step(5, Step::Release).await.unwrap();
    drop(proposal);
    assert_eq!(pinning.await.unwrap(), ended());
    test.add(LONG).await.unwrap();
    assert!(test.step(5, Step::Confirm).await.is_err(), "the pin was released");
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_are_limited_and_a_group_without_a_leader_is_reported_before_the_limit() {
    let test = TestNode::open().await;
    for snapshot in 1..=PINS_MAX as u128 {
        assert!(test.pin(snapshot).await.is_ok());
        assert_eq!(test.step(9, Step::Pause).await, Err(StepError::InProgress));
        test.step(snapshot, Step::Resume).await.unwrap();
    }
    let lead = |group: &str| Step::ConfirmLeader { groups: vec![GROUP.to_owned(), group.to_owned()] };
    assert_eq!(test.step(9, lead(GROUP)).await, Err(StepError::TooMany));
    assert_eq!(test.pin(9).await, Err(StepError::TooMany));
    test.step(9, Step::Release).await.unwrap();
    let missing = || Err(StepError::NotLeader("adder/1".to_owned()));
    assert_eq!(test.step(10, lead("adder/1")).await, missing());
    test.step(10, Step::Pause).await.unwrap();
    let pin = Step::Pin { groups: vec![GROUP.to_owned(), "adder/1".to_owned()] };
    assert_eq!(test.step(10, pin).await, missing());
    test.step(10, Step::Release).await.unwrap();
    test.step(1, Step::Release).await.unwrap();
    assert_eq!(test.step(11, lead(GROUP)).await, Ok(StepOutput::Done));
    assert!(test.pin(11).await.is_ok());
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_snapshot_is_taken_when_another_is_dropped() {
    let test = TestNode::open().await;
    // On the coordinator's node, the pins are released when the drop returns.
    for _ in 0..=PINS_MAX {
        let snapshot = test.node.take_snapshot(groups()).await.unwrap();
        assert!(test.node.pins.count() == 1 && !test.paused());
        drop(snapshot);
        assert_eq!(test.node.pins.count(), 0);
    }
    let mut snapshots = Vec::new();
    for _ in 0..PINS_MAX {
        snapshots.push(test.node.take_snapshot(groups()).await.unwrap());
    }
    let node = Arc::clone(&test.node);
    let waiting = tokio::spawn(async move { node.take_snapshot(groups()).await });
    // Another owner's pause is waited for as well.
    test.step(77, Step::Pause).await.unwrap();
    tokio::time::sleep(QUEUE_RETRY * 2).await;
    assert!(!waiting.is_finished());
    snapshots.pop();
    tokio::time::sleep(QUEUE_RETRY * 2).await;
    assert!(!waiting.is_finished());
    test.step(77, Step::Release).await.unwrap();
    snapshots.push(waiting.await.unwrap().unwrap());
    assert_eq!(test.node.pins.count(), PINS_MAX);
    drop(snapshots);
    assert_eq!(test.node.pins.count(), 0);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_takes_effect_on_the_coordinators_node_immediately() {
    let test = TestNode::open().await;
    let coordinator = Coordinator::new(&test.node);
    let nodes = BTreeSet::from([SINGLE_NODE.to_owned()]);
    for step in [Step::Pause, Step::Pin { groups: groups() }] {
        coordinator.step(SINGLE_NODE, step, LONG).await.unwrap();
    }
    assert!(coordinator.end(&nodes, End::Resume).is_empty());
    assert!(!test.paused() && test.node.pins.count() == 1);
    assert!(coordinator.end(&nodes, End::Release).is_empty());
    assert_eq!(test.node.pins.count(), 0);
    assert_eq!(coordinator.step(SINGLE_NODE, Step::Pause, LONG).await, ended());
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_extends_the_lease_of_a_pin() {
    let test = TestNode::open().await;
    test.pin(1).await.unwrap();
    test.step(1, Step::Resume).await.unwrap();
    let left = |at: Instant| test.node.pins.lease_left(1, at).unwrap();
    let begun = Instant::now();
    assert!(left(begun) <= LEASE_MAX && left(begun + LEASE_MAX).is_zero());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = left(begun);
    test.step(1, Step::Renew).await.unwrap();
    assert!(left(begun) > before && left(Instant::now()) <= LEASE_MAX);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_not_renewed_ends_by_itself() {
    let test = TestNode::open().await;
    test.pin(1).await.unwrap();
    test.node.pins.expire(1).unwrap();
    // The command waits until the block has expired, without an end step.
    test.add(LONG).await.unwrap();
    while test.node.pins.count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(test.step(1, Step::Confirm).await.is_err());
    test.close().await;
}

#[test]
fn pauses_between_attempts_vary() {
    let pauses: BTreeSet<Duration> = (0..100).map(|_| jittered(BETWEEN_ATTEMPTS)).collect();
    assert!(pauses.len() > 50, "too few different pauses: {}", pauses.len());
    assert!(pauses.iter().all(|pause| (BETWEEN_ATTEMPTS / 2..BETWEEN_ATTEMPTS * 3 / 2).contains(pause)));
}
