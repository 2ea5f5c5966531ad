//! What is seen of the cluster from here, whatever the directory has on record.

use std::collections::BTreeMap;

/// All nodes, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// The node that looks.
    pub here: String,
    /// What each has said last.
    pub nodes: BTreeMap<String, LiveNode>,
}

/// What a node has said of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveNode {
    /// Whether it can be reached.
    pub up: bool,
    /// Where its edge listens.
    pub http_address: String,
    /// Where other nodes reach it; none where there are no others.
    pub link_address: Option<String>,
    /// Its zone.
    pub zone: String,
    /// What placement rules know it by.
    pub labels: Vec<String>,
    /// The program's version.
    pub version: String,
    /// Bytes that its disk has left.
    pub disk_free_bytes: Option<u64>,
    /// Its replicas.
    pub replicas: Vec<LiveReplica>,
}

/// What a replica is like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveReplica {
    /// `reservations/0`.
    pub group: String,
    /// Its raft id.
    pub id: u64,
    /// Whether it leads.
    pub leads: bool,
    /// Its term.
    pub term: u64,
    /// Who votes, as far as it knows: id and node.
    pub voters: Vec<(u64, String)>,
    /// Who listens only.
    pub learners: Vec<(u64, String)>,
    /// The last entry that it has applied.
    pub applied: u64,
    /// Entries that each other is behind, if it leads.
    pub behind: BTreeMap<u64, u64>,
    /// Bytes of its state.
    pub bytes: u64,
    /// Calls being answered.
    pub busy: u64,
    /// Outbox rows that wait.
    pub outbox: u64,
    /// Outbox rows that an operator has to look at.
    pub parked: Vec<(u64, String)>,
    /// Whether its effects wait for an operator's word, since it was restored.
    pub effects_held: bool,
    /// Why it was given up.
    pub quarantined: Option<String>,
    /// How often it was restarted.
    pub restarts: u64,
    /// Calls a second.
    pub calls_per_second: f64,
}

impl Live {
    /// The replica that leads a group: of those that say so and can be reached, the one with the highest term.
    pub fn leader<'a>(&'a self, group: &'a str) -> Option<(&'a str, &'a LiveReplica)> {
        self.of(group)
            .filter(|(node, replica)| replica.leads && self.is_up(node) && replica.quarantined.is_none())
            .max_by_key(|(_, replica)| replica.term)
    }

    /// All that is said of a group, with the nodes that say it.
    pub fn of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (&'a str, &'a LiveReplica)> {
        let replicas = self
            .nodes
            .iter()
            .flat_map(|(name, node)| node.replicas.iter().map(move |replica| (name.as_str(), replica)));
        replicas.filter(move |(_, replica)| replica.group == group)
    }

    /// Whether a node can be reached.
    pub fn is_up(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|node| node.up)
    }
}
