//! The settings of a cluster and of its nodes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Duration;

/// `[cluster]`: the same on every node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// The name of the cluster, as in every certificate: a-z, 0-9 and -.
    pub name: String,
    /// The nodes that a new node connects to first; the `[nodes]` tables by default.
    pub seeds: Vec<Seed>,
    /// Replicas of each group, if there are enough nodes. Odd. `auberge cluster configure` changes it in a running cluster.
    pub replicas: u16,
    /// The replicas of a node that is down for this long are replaced on other nodes.
    pub replace_after: Duration,
    /// Connections between nodes are neither encrypted nor authenticated. For one machine only.
    pub insecure: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            name: "auberge".to_owned(),
            seeds: Vec::new(),
            replicas: 3,
            replace_after: Duration::from_secs(300),
            insecure: false,
        }
    }
}

/// A node that new nodes connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub name: String,
    /// The address of its link: `host:port`.
    pub address: String,
}

/// `[nodes.NAME]`: a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// The address on which it listens for other nodes.
    pub link: SocketAddr,
    /// The address that other nodes connect to, `host:port`; `link` by default.
    pub advertise: Option<String>,
    /// The address on which it listens for clients; `[http] address` by default.
    pub http: Option<SocketAddr>,
    /// The address that serves `/metrics` only; `metrics_listen` of `[http]` by default.
    pub metrics_listen: Option<SocketAddr>,
    /// The failure domain, such as a rack or a data centre. Replicas are spread over zones.
    pub zone: String,
    /// Labels for placement rules: `[services.X] only_on`.
    pub labels: Vec<String>,
    /// The folder that `auberge cert node` created for it.
    pub certificates: Option<PathBuf>,
    /// The data directory, unless `--data` is given.
    pub data: Option<PathBuf>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            link: ([127, 0, 0, 1], 7400).into(),
            advertise: None,
            http: None,
            metrics_listen: None,
            zone: String::new(),
            labels: Vec::new(),
            certificates: None,
            data: None,
        }
    }
}

impl Node {
    /// The address that other nodes connect to.
    pub fn advertised(&self) -> String {
        self.advertise.clone().unwrap_or_else(|| self.link.to_string())
    }
}

/// The nodes that a node connects to first.
pub fn seeds(cluster: &Cluster, nodes: &BTreeMap<String, Node>) -> Vec<Seed> {
    if !cluster.seeds.is_empty() {
        return cluster.seeds.clone();
    }
    nodes.iter().map(|(name, node)| Seed { name: name.clone(), address: node.advertised() }).collect()
}
