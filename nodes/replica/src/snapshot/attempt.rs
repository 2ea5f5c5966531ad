//! One attempt to take a snapshot: finds the leaders, pauses all nodes, pins and confirms the groups, and resumes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::coordinator::{Coordinator, SINGLE_NODE};
use super::steps::{End, PinnedGroup, Step, StepError, StepOutput};
use super::{ClusterSnapshot, Pinned, SnapshotError, WRONG_OUTPUT};
use crate::node::Node;

/// How long a group may be without a leader.
const LEADER_MAX: Duration = Duration::from_secs(5);
const LEADER_RETRY: Duration = Duration::from_millis(50);
/// How long a step may take. Some steps wait for deliveries, which have a timeout of their own.
const STEP_MAX: Duration = Duration::from_secs(20);
/// How long a node may take to pause, while others are paused already.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long to wait for other nodes to resume. The tasks that resume them continue afterwards.
const RESUME_MAX: Duration = Duration::from_secs(2);

/// The groups that each node leads.
type Leaders = BTreeMap<String, Vec<String>>;

#[derive(Debug)]
pub(super) enum AttemptError {
    /// Another attempt would fail as well.
    Permanent(SnapshotError),
    /// Other snapshots are being taken or read.
    Busy(SnapshotError),
    /// Another attempt may succeed.
    Transient(SnapshotError),
}

impl AttemptError {
    fn at(node: &str, error: StepError) -> Self {
        match error {
            StepError::InProgress => Self::Busy(SnapshotError::InProgress),
            StepError::TooMany => Self::Busy(SnapshotError::TooMany),
            StepError::NotLeader(group) => Self::Transient(SnapshotError::NoLeader(group)),
            StepError::Failed(why) if node == SINGLE_NODE => Self::Transient(SnapshotError::Failed(why)),
            StepError::Failed(why) => Self::Transient(SnapshotError::Failed(format!("{node}: {why}"))),
        }
    }
}

impl Node {
    pub(super) async fn attempt(
        self: &Arc<Self>,
        groups: &[String],
    ) -> Result<ClusterSnapshot, AttemptError> {
        let leaders = self.leaders(groups).await.map_err(AttemptError::Permanent)?;
        let coordinator = Coordinator::new(self);
        coordinator.at_leaders(&leaders, |groups| Step::ConfirmLeader { groups }).await?;
        // Also nodes that lead nothing now: they may lead a group before the pins are confirmed.
        let mut nodes = self.reachable_nodes();
        nodes.extend(leaders.keys().cloned());
        let pinned = coordinator.pin(&leaders, &nodes).await;
        let end = if pinned.is_ok() { End::Resume } else { End::Release };
        let ending = join_all(coordinator.end(&nodes, end));
        let _ = tokio::time::timeout(RESUME_MAX, ending).await;
        Ok(ClusterSnapshot::new(coordinator, pinned?))
    }

    /// The nodes that lead these groups, by this node's latest information.
    pub(super) async fn leaders(&self, groups: &[String]) -> Result<Leaders, SnapshotError> {
        let begun = Instant::now();
        let mut leaders = Leaders::new();
        for group in groups {
            let leader = loop {
                match self.known_leader(group) {
                    Some(leader) => break leader,
                    None if begun.elapsed() > LEADER_MAX => {
                        return Err(SnapshotError::NoLeader(group.clone()));
                    }
                    None => tokio::time::sleep(LEADER_RETRY).await,
                }
            };
            leaders.entry(leader).or_default().push(group.clone());
        }
        Ok(leaders)
    }

    fn known_leader(&self, group: &str) -> Option<String> {
        let Some(cluster) = self.cluster.get() else {
            return self.with_handle(group, |handle| handle.leads())?.then(|| SINGLE_NODE.to_owned());
        };
        let leader = self.leader_of(group)?;
        // A leader that has lost its majority does not detect it immediately. For a leader on this node, the lost
        // sessions show it.
        let own = (leader == cluster.name).then(|| self.handle(group)).flatten();
        let isolated = own.is_some_and(|handle| self.unready_reason(&handle.status()).is_some());
        (!isolated).then(|| leader.to_string())
    }

    fn reachable_nodes(&self) -> BTreeSet<String> {
        let Some(cluster) = self.cluster.get() else { return BTreeSet::from([SINGLE_NODE.to_owned()]) };
        let view = cluster.view();
        let live = view.nodes.iter().filter(|(_, observed)| observed.live).map(|(name, _)| name.clone());
        live.chain([cluster.name.to_string()]).collect()
    }
}

impl Coordinator {
    async fn pin(
        &self,
        leaders: &Leaders,
        nodes: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Pinned>, AttemptError> {
        // One by one and in the same order for every snapshot: in any other way, two concurrent snapshots could each
        // pause a part of the nodes and both fail.
        for node in nodes {
            let paused = self.step(node, Step::Pause, PAUSE_MAX).await;
            paused.map_err(|error| AttemptError::at(node, error))?;
        }
        self.all(nodes.iter().map(|node| (node, Step::WaitIdle))).await?;
        let mut pinned = BTreeMap::new();
        for (node, output) in self.at_leaders(leaders, |groups| Step::Pin { groups }).await? {
            let StepOutput::Pinned(groups) = output else {
                return Err(AttemptError::at(node, WRONG_OUTPUT.into()));
            };
            let all = groups
                .into_iter()
                .map(|PinnedGroup { group, log_index }| (group, Pinned { node: node.clone(), log_index }));
            pinned.extend(all);
        }
        self.at_leaders(leaders, |_| Step::Confirm).await?;
        Ok(pinned)
    }

    async fn at_leaders<'a>(
        &self,
        leaders: &'a Leaders,
        step: impl Fn(Vec<String>) -> Step,
    ) -> Result<Vec<(&'a String, StepOutput)>, AttemptError> {
        self.all(leaders.iter().map(|(node, groups)| (node, step(groups.clone())))).await
    }

    /// Runs steps on several nodes concurrently. Of several errors, a group without a leader is returned: it may be the
    /// cause of the others.
    async fn all<'a>(
        &self,
        steps: impl Iterator<Item = (&'a String, Step)>,
    ) -> Result<Vec<(&'a String, StepOutput)>, AttemptError> {
        let running = steps.map(|(node, step)| async move { (node, self.step(node, step, STEP_MAX).await) });
        let (mut done, mut failed) = (Vec::new(), None);
        for (node, output) in join_all(running).await {
            match output {
                Ok(output) => done.push((node, output)),
                Err(error) if failed.is_none() || matches!(error, StepError::NotLeader(_)) => {
                    failed = Some(AttemptError::at(node, error));
                }
                Err(_) => {}
            }
        }
        failed.map_or(Ok(done), Err)
    }
}
