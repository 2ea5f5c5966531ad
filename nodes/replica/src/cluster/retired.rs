//! The retired replicas stored on a node, and the message that exchanges them with peers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Cluster;

/// The raft ids of retired replicas, by group.
pub(crate) type RetiredReplicas = BTreeMap<String, BTreeSet<u64>>;

/// All retired replicas stored on the sender.
#[derive(Serialize, Deserialize)]
pub(crate) struct RetiredMessage {
    /// The sender's credential: a session between nodes does not authorize the message by itself.
    pub credential: String,
    pub retired: RetiredReplicas,
}

/// The known retired replicas, and the peers with which they were exchanged.
pub(crate) struct RetirementSync {
    pub retired: watch::Sender<Arc<RetiredReplicas>>,
    /// Peers whose retired replicas are known here.
    pub synced: watch::Sender<BTreeSet<String>>,
}

impl RetirementSync {
    /// Starts with the stored ones.
    pub fn new(retired: RetiredReplicas) -> Self {
        Self { retired: watch::Sender::new(Arc::new(retired)), synced: watch::Sender::default() }
    }

    pub fn mark_synced(&self, peer: &str) {
        self.synced.send_if_modified(|synced| synced.insert(peer.to_owned()));
    }
}

impl Cluster {
    /// The encoded [`RetiredMessage`] of this node.
    pub fn retired_message(&self) -> Vec<u8> {
        let credential = self.key.node_credential(&self.name, Timestamp::wall_clock());
        codec::encode(&RetiredMessage {
            credential,
            retired: (**self.retirement_sync.retired.borrow()).clone(),
        })
    }
}
