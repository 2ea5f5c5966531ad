//! The client that the reconciler uses to read node status and to run tasks on nodes.
//!
//! An implementation of [`NodeClient`] fills [`Observed`] from the status that nodes report, and sends tasks to them. Every
//! task is idempotent: it may be repeated by this reconciler, or by the next one after this one has failed.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use group::{ReplicaStatus, StartMode};

use crate::records::{NodeProfile, Progress};

/// The status that all nodes reported last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// By name. Includes nodes that cannot be reached, with their last status.
    pub nodes: BTreeMap<String, ObservedNode>,
}

/// The status of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedNode {
    /// Its description of itself.
    pub profile: NodeProfile,
    /// Whether it can be reached now.
    pub live: bool,
    /// All replicas on its disk that are open, or opening.
    pub replicas: Vec<ReplicaStatus>,
}

impl Observed {
    /// Whether a node can be reached.
    pub fn is_live(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|seen| seen.live)
    }

    /// The leader of a group: of the replicas on reachable nodes that lead, the one with the highest term.
    pub fn leader(&self, group: &str) -> Option<(&str, &ReplicaStatus)> {
        let live = self.nodes.iter().filter(|(_, seen)| seen.live);
        live.flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
            .filter(|(_, replica)| replica.leader && replica.group == group)
            .max_by_key(|(_, replica)| replica.term)
    }

    /// A replica by its id, and its node.
    pub fn replica(&self, group: &str, id: u64) -> Option<(&str, &ReplicaStatus)> {
        self.nodes
            .iter()
            .flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
            .find(|(_, replica)| replica.group == group && replica.id == id)
    }

    /// Replicas of a group on one node: at most one, and possibly a stale one.
    pub fn on<'a>(&'a self, node: &str, group: &'a str) -> impl Iterator<Item = &'a ReplicaStatus> {
        let seen = self.nodes.get(node).map(|seen| seen.replicas.as_slice()).unwrap_or_default();
        seen.iter().filter(move |replica| replica.group == group)
    }

    /// Progress of a new replica. None while its group has no leader, or the leader does not have it as a member yet.
    pub fn progress(&self, group: &str, replica: u64) -> Option<Progress> {
        let (_, leader) = self.leader(group)?;
        let lag = leader.lag_of(replica)?;
        let have = self.replica(group, replica).map_or(0, |(_, seen)| seen.bytes);
        let done = if lag == 0 { leader.bytes } else { have.min(leader.bytes) };
        Some(Progress { bytes_done: done, bytes_total: leader.bytes, lag, secs_left: None })
    }
}

/// Why a task was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The node cannot be reached, or did not respond in time.
    #[error("node `{0}` cannot be reached")]
    Unreachable(String),
    /// The group has no leader, or its leader changed during the task.
    #[error("{0} has no leader")]
    NoLeader(String),
    /// The node refused the task.
    #[error("{0}")]
    Refused(String),
}

/// Reads node status and runs tasks on nodes. Every task has its own timeout (some seconds) and is idempotent.
pub trait NodeClient: Send + Sync + 'static {
    /// The status that all nodes reported last.
    fn observed(&self) -> Observed;

    /// Returns when the observed status has changed.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Opens a replica of a group on a node and returns its raft id: a new one, unless the node has a replica already.
    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: StartMode,
    ) -> BoxFuture<'a, Result<u64, NodeError>>;

    /// Adds a replica as a learner, on the group's leader.
    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), NodeError>>;

    /// Progress of a new replica; none while it is unknown.
    fn progress<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Option<Progress>> {
        Box::pin(async move { self.observed().progress(group, replica) })
    }

    /// Changes the voters to `to` over a joint configuration, on the group's leader; returns when the change is committed.
    /// Former voters that are not in `to` leave the group. Refused where the voters are neither `from` nor changing from
    /// `from`: an outdated reconciler must not undo what another one has done.
    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), NodeError>>;

    /// Requests a transfer of leadership to another voter. [`NodeClient::observed`] shows when it is done.
    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), NodeError>>;

    /// Removes a learner, on the group's leader.
    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), NodeError>>;

    /// Closes a replica on a node and deletes its data. Another replica of the group on this node is kept.
    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), NodeError>>;

    /// Sends a node the fingerprints of all denied certificates.
    fn deny<'a>(&'a self, node: &'a str, fingerprints: &'a [String]) -> BoxFuture<'a, Result<(), NodeError>>;
}
