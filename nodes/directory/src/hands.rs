//! What the steward sees and does, as far as it needs to know: the nodes themselves are behind this trait.
//!
//! Whoever implements [`Hands`] fills [`Observed`] from what the nodes announce and sends tasks to them. Every task may
//! come twice, from this steward or from another one that died; doing it again when it is done is success.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;

use crate::records::{NodeProfile, Progress};

/// What all nodes announced last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// By name; also those that are away, as they were last.
    pub nodes: BTreeMap<String, SeenNode>,
}

/// A node as it announced itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenNode {
    /// What it says of itself.
    pub profile: NodeProfile,
    /// Whether it can be reached now.
    pub live: bool,
    /// All replicas that are on its disk and open, or opening.
    pub replicas: Vec<SeenReplica>,
}

/// A replica as its node announced it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeenReplica {
    /// `reservations/3`.
    pub group: String,
    /// Its raft id.
    pub replica: u64,
    /// Whether it leads.
    pub leader: bool,
    /// The term that it is in.
    pub term: u64,
    /// Who votes, as far as it knows: raft ids.
    pub voters: BTreeSet<u64>,
    /// Who only listens.
    pub learners: BTreeSet<u64>,
    /// The number of its last log entry.
    pub last_log: u64,
    /// Of a leader: entries that each other replica is behind it.
    pub lag: BTreeMap<u64, u64>,
    /// Bytes of its state.
    pub bytes: u64,
}

impl Observed {
    /// Whether a node can be reached.
    pub fn is_live(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|seen| seen.live)
    }

    /// Who leads a group: of those that can be reached and say so, the one of the latest term.
    pub fn leader(&self, group: &str) -> Option<(&str, &SeenReplica)> {
        let live = self.nodes.iter().filter(|(_, seen)| seen.live);
        live.flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
            .filter(|(_, replica)| replica.leader && replica.group == group)
            .max_by_key(|(_, replica)| replica.term)
    }

    /// A replica by its id, and where it is.
    pub fn replica(&self, group: &str, id: u64) -> Option<(&str, &SeenReplica)> {
        self.nodes
            .iter()
            .flat_map(|(node, seen)| seen.replicas.iter().map(move |replica| (node.as_str(), replica)))
            .find(|(_, replica)| replica.group == group && replica.replica == id)
    }

    /// Replicas of a group on one node: one, but for a stale one beside it.
    pub fn on<'a>(&'a self, node: &str, group: &'a str) -> impl Iterator<Item = &'a SeenReplica> {
        let seen = self.nodes.get(node).map(|seen| seen.replicas.as_slice()).unwrap_or_default();
        seen.iter().filter(move |replica| replica.group == group)
    }

    /// How far a new replica is. Nothing while its group has no leader, or the leader does not know it yet.
    pub fn progress(&self, group: &str, replica: u64) -> Option<Progress> {
        let (_, leader) = self.leader(group)?;
        let lag = *leader.lag.get(&replica)?;
        let have = self.replica(group, replica).map_or(0, |(_, seen)| seen.bytes);
        let done = if lag == 0 { leader.bytes } else { have.min(leader.bytes) };
        Some(Progress { bytes_done: done, bytes_total: leader.bytes, lag, secs_left: None })
    }
}

/// How a replica begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As the only voter of a new group.
    Found,
    /// Waits until the group's leader speaks to it.
    Join,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandsError {
    /// The node cannot be reached, or did not answer in time.
    #[error("node `{0}` does not answer")]
    Away(String),
    /// Nobody leads the group now, or whoever did lost it on the way.
    #[error("{0} has no leader")]
    NoLeader(String),
    /// The node says no, and why.
    #[error("{0}")]
    Refused(String),
}

/// The steward's way to the nodes. Every task has a deadline of its own (a few seconds), and may be repeated.
pub trait Hands: Send + Sync + 'static {
    /// What all nodes announced last.
    fn observed(&self) -> Observed;

    /// Returns once there is something new to observe, or soon after.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Opens a replica of a group on a node and brings its raft id. A fresh one, unless the node has one already: then
    /// that one's (of a founder that was opened before, say).
    fn open<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        start: Start,
    ) -> BoxFuture<'a, Result<u64, HandsError>>;

    /// Has the group's leader take a replica as one that listens.
    fn add_learner<'a>(
        &'a self,
        group: &'a str,
        replica: u64,
        node: &'a str,
    ) -> BoxFuture<'a, Result<(), HandsError>>;

    /// How far a new replica is; nothing while that cannot be told.
    fn progress<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Option<Progress>> {
        Box::pin(async move { self.observed().progress(group, replica) })
    }

    /// Has the group's leader make `to` the voters, over a joint majority; returns when the change is whole. Voters that
    /// are not among them leave the group. Refused where the voters are neither `from` nor on their way from there: a
    /// steward that was overtaken must not undo what another has done.
    fn change_voters<'a>(
        &'a self,
        group: &'a str,
        from: &'a BTreeSet<u64>,
        to: &'a BTreeSet<u64>,
    ) -> BoxFuture<'a, Result<(), HandsError>>;

    /// Asks the group's leader to let another voter lead. [`Hands::observed`] tells when that is so.
    fn transfer<'a>(&'a self, group: &'a str, to: u64) -> BoxFuture<'a, Result<(), HandsError>>;

    /// Has the group's leader forget a replica that listens.
    fn remove_learner<'a>(&'a self, group: &'a str, replica: u64) -> BoxFuture<'a, Result<(), HandsError>>;

    /// Closes a replica on a node and deletes all that it has. Another replica of the group there stays.
    fn drop_replica<'a>(
        &'a self,
        node: &'a str,
        group: &'a str,
        replica: u64,
    ) -> BoxFuture<'a, Result<(), HandsError>>;

    /// Tells a node which certificates are not good any more: all of them, by fingerprint.
    fn deny<'a>(&'a self, node: &'a str, fingerprints: &'a [String])
    -> BoxFuture<'a, Result<(), HandsError>>;
}
