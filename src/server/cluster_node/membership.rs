//! A running node of a cluster, and its membership.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use directory::{ChangeNotifier, NodeProfile};
use group::{Call, Effects, Service};
use link::Link;
use protocol::{Contract, Timestamp};
use replica::{ClusterView, Node, StartMode};
use tokio::sync::{Mutex, watch};

use super::identity::Identity;
use super::tasks;
use crate::server::Server;
use crate::services::{self, ServiceRegistry};
use crate::settings::Bank;

/// A node of a cluster.
pub struct ClusterNode {
    pub server: Server,
    pub identity: Identity,
    /// Its connections to other nodes.
    pub link: Link,
    /// Notifies when the directory's records have changed on this node.
    pub directory_changes: ChangeNotifier,
    membership: watch::Sender<Membership>,
    /// Held while this node initialises the cluster.
    pub initialising: Arc<Mutex<()>>,
    /// Whether the services are registered. The lock admits one registration at a time.
    registered: Mutex<bool>,
}

/// A node's membership of its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// The node has joined no cluster yet.
    None,
    Joined,
    /// The node may not take part, for this reason.
    Rejected(String),
}

impl ClusterNode {
    /// A node whose services are not registered yet.
    pub fn new(server: Server, identity: Identity, link: Link, directory_changes: ChangeNotifier) -> Self {
        let joined = server.data.metadata().node.is_some_and(|node| node.joined);
        let membership = if joined { Membership::Joined } else { Membership::None };
        let membership = watch::Sender::new(membership);
        Self {
            server,
            identity,
            link,
            directory_changes,
            membership,
            initialising: Arc::default(),
            registered: Mutex::new(false),
        }
    }

    pub fn membership(&self) -> Membership {
        self.membership.borrow().clone()
    }

    pub fn set_membership(&self, membership: Membership) {
        self.membership.send_replace(membership);
    }

    /// Whether this node has joined an initialised cluster.
    pub fn is_joined(&self) -> bool {
        self.server.data.metadata().node.is_some_and(|node| node.joined)
    }

    /// A call with this node's own credential.
    pub fn call(&self, timeout: Duration) -> Call {
        Call::bearer(self.credential(), timeout)
    }

    /// This node's own credential, valid for a minute.
    pub fn credential(&self) -> String {
        self.server.data.key.node_credential(&self.identity.name, Timestamp::wall_clock())
    }

    /// The status of all nodes.
    pub fn cluster_view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.server.node.cluster_view().borrow())
    }

    /// The names of the nodes that can be reached, this one included.
    pub fn nodes_up(&self) -> BTreeSet<String> {
        let board = self.cluster_view();
        let up = board.nodes.iter().filter(|(_, seen)| seen.live && seen.status.is_some());
        up.map(|(name, _)| name.clone()).collect()
    }

    /// The profiles of the nodes that can be reached.
    pub fn profiles_up(&self) -> Vec<NodeProfile> {
        let board = self.cluster_view();
        let up = board.nodes.values().filter(|seen| seen.live);
        up.filter_map(|seen| seen.status.as_deref().map(tasks::profile)).collect()
    }

    /// Whether another node has a replica of the directory, which means that a cluster exists.
    pub fn others_have_a_directory(&self) -> bool {
        let board = self.cluster_view();
        board.replicas(directory::GROUP).any(|(node, _, _)| node != self.identity.name)
    }

    /// Whether a group has a reachable leader.
    pub fn has_leader(&self, group: &str) -> bool {
        self.cluster_view().leader(group).is_some()
    }

    pub fn bank_name(&self) -> &'static str {
        bank_name(self.server.data.metadata().bank)
    }

    /// Opens this node's replica of a group as the group's first; does nothing if it is open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self, group: &str) -> anyhow::Result<u64> {
        self.server.node.open(group, StartMode::Bootstrap).await.with_context(|| format!("opening {group}"))
    }

    /// Registers all services, so that their groups can be opened on this node and called from it. Idempotent.
    ///
    /// # Errors
    /// When a service cannot be made.
    pub async fn register_services(&self, shards: &BTreeMap<String, u16>) -> anyhow::Result<()> {
        let mut registered = self.registered.lock().await;
        if !*registered {
            let mut registry = NodeRegistry { node: &self.server.node, shards };
            services::register_all(&self.server.dependencies, &mut registry).await?;
            *registered = true;
        }
        Ok(())
    }

    /// Stores the cluster's shards and epoch in the metadata, and joins the cluster.
    ///
    /// # Errors
    /// When they contradict the stored metadata, or it cannot be written.
    pub fn join(&self, shards: &BTreeMap<String, u16>, epoch: u64) -> anyhow::Result<()> {
        let metadata = self.server.data.metadata();
        let differs = |(name, now): &(&String, &u16)| metadata.shards.get(*name) != Some(*now);
        if self.is_joined()
            && let Some((name, now)) = shards.iter().find(differs)
        {
            let stored = metadata.shards.get(name).copied().unwrap_or_default();
            bail!("the cluster has {now} shards of {name}, and this node's store has {stored}");
        }
        if !self.is_joined() || metadata.epoch != epoch {
            self.server.data.update_metadata(|metadata| {
                metadata.epoch = epoch;
                metadata.shards.clone_from(shards);
                if let Some(node) = &mut metadata.node {
                    node.joined = true;
                }
            })?;
        }
        self.server.node.set_epoch(epoch);
        self.set_membership(Membership::Joined);
        Ok(())
    }
}

/// The directory's name of a bank.
pub fn bank_name(bank: Bank) -> &'static str {
    match bank {
        Bank::Sandbox => "sandbox",
        Bank::Stripe => "stripe",
    }
}

/// The registry of a cluster's node. The directory decides which groups are opened on the node.
struct NodeRegistry<'a> {
    node: &'a Arc<Node>,
    shards: &'a BTreeMap<String, u16>,
}

impl ServiceRegistry for NodeRegistry<'_> {
    async fn register<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> anyhow::Result<()> {
        let service = <S::Contract as Contract>::SERVICE;
        let shards =
            *self.shards.get(service).with_context(|| format!("the cluster has no service {service}"))?;
        self.node.register(shards, make, move |_| effects.clone());
        Ok(())
    }
}
