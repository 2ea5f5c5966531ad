//! The cluster as this node sees it: the status that each node reported last, without the directory's records.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use replica::{Node, NodeInfo, NodeStatus, ObservedNode, ReplicaStatus};

/// All nodes that this node knows of.
#[derive(Debug, Clone, Default)]
pub struct LocalView {
    /// This node's name.
    pub here: String,
    /// The nodes, by name.
    pub nodes: BTreeMap<String, ObservedNode>,
}

impl LocalView {
    /// The nodes as `node` observes them. A single node observes none, and is described by its own status.
    pub fn of(node: &Node, name: &str, http_address: &str, data: &Path) -> Self {
        let mut nodes = node.cluster_view().borrow().nodes.clone();
        if nodes.is_empty() {
            nodes.insert(name.to_owned(), single_node(node, name, http_address, data));
        }
        Self { here: name.to_owned(), nodes }
    }

    /// A group's leader and its node: of the reachable replicas that lead, the one with the highest term.
    pub fn leader<'a>(&'a self, group: &'a str) -> Option<(&'a str, &'a ReplicaStatus)> {
        self.replicas(group)
            .filter(|(node, replica)| replica.leader && self.is_up(node) && replica.quarantined.is_none())
            .max_by_key(|(_, replica)| replica.term)
    }

    /// All replicas of a group, with their nodes.
    pub fn replicas<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (&'a str, &'a ReplicaStatus)> {
        let all = self
            .nodes
            .iter()
            .flat_map(|(name, node)| replicas_of(node).iter().map(move |replica| (name.as_str(), replica)));
        all.filter(move |(_, replica)| replica.group == group)
    }

    /// The names of all groups that have a replica.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.nodes.values().flat_map(replicas_of).map(|replica| replica.group.as_str())
    }

    /// Whether a node can be reached.
    pub fn is_up(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|node| node.live)
    }
}

/// The replicas that a node reported.
pub fn replicas_of(node: &ObservedNode) -> &[ReplicaStatus] {
    node.status.as_ref().map(|status| status.replicas.as_slice()).unwrap_or_default()
}

/// A single node reports to nobody: this is what it would report.
fn single_node(node: &Node, name: &str, http_address: &str, data: &Path) -> ObservedNode {
    let mut replicas = node.status();
    // Its groups were created without a node name for their voter.
    for voter in replicas.iter_mut().flat_map(|replica| replica.voters.values_mut()) {
        name.clone_into(voter);
    }
    let info = NodeInfo {
        http_address: Some(http_address.to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..NodeInfo::default()
    };
    let status = NodeStatus {
        node: name.to_owned(),
        node_id: 0,
        incarnation: 0,
        sequence: 0,
        info,
        disk_free_bytes: free_bytes(data).unwrap_or_default(),
        leaving: false,
        replicas,
    };
    ObservedNode { status: Some(Arc::new(status)), live: true, since: SystemTime::now(), rtt: None }
}

fn free_bytes(data: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(data).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
