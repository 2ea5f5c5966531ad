//! The cluster as this node sees it: the latest status that each node announced. Calls are routed by it, and the
//! directory plans by it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use group::ReplicaStatus;
use serde::{Deserialize, Serialize};

use super::retired::RetiredReplicas;

/// A node's properties, which stay the same while its process runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Address for other nodes: `host:port`.
    pub address: String,
    /// Address of the node's edge, if it has one.
    pub http_address: Option<String>,
    /// Failure zone: nodes in the same zone may fail together.
    pub zone: String,
    /// Labels that placement rules refer to.
    pub labels: Vec<String>,
    /// The program's version.
    pub version: String,
    /// SHA-256 fingerprint of the node's certificate, as `openssl x509 -fingerprint -sha256` prints it; empty without
    /// certificates.
    pub fingerprint: String,
}

/// A node's announcement: its properties, and the status of all its replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's name.
    pub node: String,
    /// The node's id. A node that is recreated under the same name has another id.
    pub node_id: u64,
    /// Random number of the process. Announcements of one incarnation are ordered by `sequence`.
    pub incarnation: u64,
    /// Counts the announcements of an incarnation, from 1.
    pub sequence: u64,
    /// The node's properties.
    pub info: NodeInfo,
    /// Free space on the node's disk, in bytes.
    pub disk_free_bytes: u64,
    /// Whether the node is about to stop. Nothing should be moved to it.
    pub leaving: bool,
    /// All replicas of the node, ordered by group; those that could not be opened are listed as quarantined.
    pub replicas: Vec<ReplicaStatus>,
}

/// A node, as this node observes it.
#[derive(Debug, Clone)]
pub struct ObservedNode {
    /// The latest announcement, if there was any.
    pub status: Option<Arc<NodeStatus>>,
    /// Whether the node can be reached. This node itself is always live.
    pub live: bool,
    /// When `live` changed last.
    pub since: SystemTime,
    /// The last measured round trip.
    pub rtt: Option<Duration>,
}

/// All nodes of the cluster that have been observed, and where each group is. Cheap to clone behind its `Arc`.
#[derive(Debug, Clone, Default)]
pub struct ClusterView {
    /// By name. Nodes that cannot be reached stay, with their latest status.
    pub nodes: BTreeMap<String, ObservedNode>,
    /// Calls are not routed to these replicas.
    pub(crate) retired: Arc<RetiredReplicas>,
    locations: HashMap<String, GroupLocation>,
}

/// Where a group's replicas are, by the announcements of live nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupLocation {
    /// The leader's term and node: of all that claim to lead, the one with the highest term.
    pub leader: Option<(u64, Arc<str>)>,
    /// Nodes with an open replica, nearest first.
    pub replicas: Vec<Arc<str>>,
}

impl ClusterView {
    /// Where a group's replicas are.
    pub fn location(&self, group: &str) -> Option<&GroupLocation> {
        self.locations.get(group)
    }

    /// A group's leader: its node, and its replica's status.
    pub fn leader(&self, group: &str) -> Option<(&str, &ReplicaStatus)> {
        let (_, node) = self.locations.get(group)?.leader.as_ref()?;
        let (node, observed) = self.nodes.get_key_value(&**node)?;
        let found = observed.status.as_ref()?.replicas.iter().find(|replica| replica.group == group)?;
        Some((node, found))
    }

    /// All announced replicas of a group: node, whether the node is live, and the replica's status.
    pub fn replicas(&self, group: &str) -> impl Iterator<Item = (&str, bool, &ReplicaStatus)> {
        self.nodes.iter().flat_map(move |(node, observed)| {
            let all = observed.status.iter().flat_map(|status| &status.replicas);
            all.filter(move |replica| replica.group == group)
                .map(move |replica| (node.as_str(), observed.live, replica))
        })
    }

    /// Whether a node can be reached.
    pub fn is_live(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|observed| observed.live)
    }

    /// Adds an announcement unless a later one of the same incarnation is known. Returns whether it was added.
    pub(crate) fn update_status(&mut self, status: NodeStatus, own: bool) -> bool {
        let observed = self.nodes.entry(status.node.clone()).or_insert_with(|| ObservedNode {
            status: None,
            live: own,
            since: SystemTime::now(),
            rtt: None,
        });
        let known = observed.status.as_ref();
        if known
            .is_some_and(|known| known.incarnation == status.incarnation && known.sequence >= status.sequence)
        {
            return false;
        }
        observed.status = Some(Arc::new(status));
        true
    }

    /// Sets whether a node can be reached.
    pub(crate) fn update_reachability(
        &mut self,
        node: &str,
        live: bool,
        since: SystemTime,
        rtt: Option<Duration>,
    ) {
        let new = || ObservedNode { status: None, live, since, rtt };
        let observed = self.nodes.entry(node.to_owned()).or_insert_with(new);
        if observed.live != live {
            observed.since = since;
        }
        (observed.live, observed.rtt) = (live, rtt);
    }

    pub(crate) fn remove_node(&mut self, node: &str) {
        self.nodes.remove(node);
    }

    /// Computes the locations of all groups. Returns whether any has changed.
    pub(crate) fn update_locations(&mut self, own: &str) -> bool {
        let mut locations: HashMap<String, GroupLocation> = HashMap::new();
        let mut live: Vec<(&String, &ObservedNode)> =
            self.nodes.iter().filter(|(_, observed)| observed.live).collect();
        live.sort_by_key(|(name, observed)| (name.as_str() != own, observed.rtt.unwrap_or(Duration::MAX)));
        for (name, observed) in live {
            let name: Arc<str> = name.as_str().into();
            for replica in observed.status.iter().flat_map(|status| &status.replicas) {
                let location = locations.entry(replica.group.clone()).or_default();
                let retired = self.retired.get(&replica.group).is_some_and(|ids| ids.contains(&replica.id));
                if replica.quarantined.is_some() || retired {
                    continue;
                }
                location.replicas.push(Arc::clone(&name));
                let latest = location.leader.as_ref().is_none_or(|(term, _)| *term < replica.term);
                if replica.leader && latest {
                    location.leader = Some((replica.term, Arc::clone(&name)));
                }
            }
        }
        let changed = locations != self.locations;
        self.locations = locations;
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(node: &str, sequence: u64, replicas: &[(&str, u64, bool)]) -> NodeStatus {
        let replicas = replicas.iter().map(|(group, term, leader)| ReplicaStatus {
            group: (*group).to_owned(),
            term: *term,
            leader: *leader,
            ..ReplicaStatus::default()
        });
        NodeStatus {
            node: node.to_owned(),
            node_id: 1,
            incarnation: 1,
            sequence,
            info: NodeInfo::default(),
            disk_free_bytes: 0,
            leaving: false,
            replicas: replicas.collect(),
        }
    }

    fn leader(view: &ClusterView) -> Option<&str> {
        view.leader("till/0").map(|(node, _)| node)
    }

    #[test]
    fn the_live_node_with_the_highest_term_leads() {
        let mut view = ClusterView::default();
        let now = SystemTime::now();
        for (node, term) in [("n1", 3), ("n2", 4), ("n3", 2)] {
            view.update_status(status(node, 1, &[("till/0", term, true)]), node == "n1");
            view.update_reachability(node, true, now, Some(Duration::from_millis(term)));
        }
        assert!(view.update_locations("n1"));
        assert_eq!(leader(&view), Some("n2"));
        assert!(!view.update_locations("n1"), "nothing has changed");
        let replicas = &view.location("till/0").unwrap().replicas;
        assert_eq!(
            replicas.iter().map(|node| &**node).collect::<Vec<_>>(),
            ["n1", "n3", "n2"],
            "nearest first"
        );
        view.update_reachability("n2", false, now, None);
        assert!(view.update_locations("n1"));
        assert_eq!(leader(&view), Some("n1"), "a node that is down does not lead");
    }

    #[test]
    fn a_retired_replica_is_no_location_of_its_group() {
        let mut view = ClusterView::default();
        view.update_status(status("n1", 1, &[("till/0", 9, true)]), true);
        view.update_locations("n1");
        assert_eq!(leader(&view), Some("n1"));
        // All replicas in this test have the id 0.
        view.retired = Arc::new([("till/0".to_owned(), [0].into())].into());
        assert!(view.update_locations("n1"));
        assert_eq!((leader(&view), view.location("till/0").unwrap().replicas.len()), (None, 0));
    }

    #[test]
    fn an_earlier_status_does_not_replace_a_later_one() {
        let mut view = ClusterView::default();
        assert!(view.update_status(status("n2", 2, &[("till/0", 3, true)]), false));
        assert!(!view.update_status(status("n2", 1, &[]), false));
        let restarted = NodeStatus { incarnation: 2, ..status("n2", 1, &[]) };
        assert!(view.update_status(restarted, false), "the node was restarted");
        view.update_locations("n1");
        assert_eq!(leader(&view), None);
    }
}
