//! A node while it runs: what is known of the cluster here, and how it stands to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use directory::{Bell, NodeProfile};
use group::{Call, Effects, Service};
use link::Link;
use protocol::{Contract, Timestamp};
use replica::{Board, Node, Start};
use tokio::sync::{Mutex, watch};

use super::hands;
use super::identity::Identity;
use crate::machine::Machine;
use crate::services::{self, Roster};
use crate::settings::Bank;

/// A node of a cluster.
pub struct Member {
    /// Its groups, apis and files.
    pub machine: Machine,
    /// Who it is.
    pub identity: Identity,
    /// Its sessions with others.
    pub link: Link,
    /// Rings when the directory's records have changed here.
    pub bell: Bell,
    standing: watch::Sender<Standing>,
    /// Whether the services were entered, under the lock that lets one do it at a time.
    entered: Mutex<bool>,
}

/// How a node stands to its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no cluster that it has heard of.
    Alone,
    /// It knows the cluster, and may serve.
    Joined,
    /// It may not take part; why.
    Refused(String),
}

impl Member {
    /// A node whose services are not entered yet.
    pub fn new(machine: Machine, identity: Identity, link: Link, bell: Bell) -> Self {
        let joined = machine.data.fixed().node.is_some_and(|node| node.joined);
        let standing = if joined { Standing::Joined } else { Standing::Alone };
        let standing = watch::Sender::new(standing);
        Self { machine, identity, link, bell, standing, entered: Mutex::new(false) }
    }

    /// How it stands, as it changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// It may not take part, or may again.
    pub fn stand(&self, standing: Standing) {
        self.standing.send_if_modified(|now| {
            let news = *now != standing;
            *now = standing;
            news
        });
    }

    /// Whether the cluster was founded, as far as is known here.
    pub fn is_joined(&self) -> bool {
        self.machine.data.fixed().node.is_some_and(|node| node.joined)
    }

    /// A call of this node in its own name.
    pub fn call(&self, timeout: Duration) -> Call {
        Call::bearer(self.credential(), timeout)
    }

    /// What this node shows where there are no other tokens: good for a minute.
    pub fn credential(&self) -> String {
        self.machine.data.key.node_credential(&self.identity.name, Timestamp::wall_clock())
    }

    /// What all nodes have announced.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.machine.node.board().borrow())
    }

    /// This node and all others that can be reached.
    pub fn nodes_up(&self) -> BTreeSet<String> {
        let board = self.board();
        let up = board.nodes.iter().filter(|(_, seen)| seen.live && seen.said.is_some());
        up.map(|(name, _)| name.clone()).collect()
    }

    /// What they say of themselves.
    pub fn profiles_up(&self) -> Vec<NodeProfile> {
        let board = self.board();
        let up = board.nodes.values().filter(|seen| seen.live);
        up.filter_map(|seen| seen.said.as_deref().map(hands::profile)).collect()
    }

    /// Whether somebody else has a replica of a directory: there is a cluster then.
    pub fn others_have_a_directory(&self) -> bool {
        let board = self.board();
        board.replicas(directory::GROUP).any(|(node, _, _)| node != self.identity.name)
    }

    /// Whether a group has a leader that can be reached.
    pub fn has_leader(&self, group: &str) -> bool {
        self.board().leader(group).is_some()
    }

    /// Who the bank is, in the directory's word.
    pub fn bank_word(&self) -> &'static str {
        bank_word(self.machine.data.fixed().bank)
    }

    /// Opens this node's replica of a group as its first, or finds that it is open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self, group: &str) -> anyhow::Result<u64> {
        self.machine.node.open(group, Start::Found).await.with_context(|| format!("opening {group}"))
    }

    /// Enters all services, so that their groups can be opened here and called from here. Once; then it does nothing.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn enter_services(&self, shards: &BTreeMap<String, u16>) -> anyhow::Result<()> {
        let mut entered = self.entered.lock().await;
        if !*entered {
            let mut registry = Registry { node: &self.machine.node, shards };
            services::enter(&self.machine.wiring, &mut registry).await?;
            *entered = true;
        }
        Ok(())
    }

    /// Keeps what is fixed about the cluster: from now on this node is one of its.
    ///
    /// # Errors
    /// When it contradicts what was kept before, or cannot be written.
    pub fn join(&self, shards: &BTreeMap<String, u16>, epoch: u64) -> anyhow::Result<()> {
        let fixed = self.machine.data.fixed();
        let differs = |(name, now): &(&String, &u16)| fixed.shards.get(*name) != Some(*now);
        if self.is_joined()
            && let Some((name, now)) = shards.iter().find(differs)
        {
            let kept = fixed.shards.get(name).copied().unwrap_or_default();
            bail!("the cluster has {now} shards of {name}, and this node's store was made for {kept}");
        }
        if !self.is_joined() || fixed.epoch != epoch {
            self.machine.data.fix(|fixed| {
                fixed.epoch = epoch;
                fixed.shards.clone_from(shards);
                if let Some(node) = &mut fixed.node {
                    node.joined = true;
                }
            })?;
        }
        self.machine.node.set_epoch(epoch);
        self.stand(Standing::Joined);
        Ok(())
    }
}

/// The directory's word for a bank.
pub fn bank_word(bank: Bank) -> &'static str {
    match bank {
        Bank::Sandbox => "sandbox",
        Bank::Stripe => "stripe",
    }
}

/// A node of a cluster: services are made known, and the directory says which groups are opened here.
struct Registry<'a> {
    node: &'a Arc<Node>,
    shards: &'a BTreeMap<String, u16>,
}

impl Roster for Registry<'_> {
    async fn take<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> anyhow::Result<()> {
        let service = <S::Contract as Contract>::SERVICE;
        let shards = *self.shards.get(service).with_context(|| format!("the cluster has no {service}"))?;
        self.node.register(shards, make, move |_| effects.clone());
        Ok(())
    }
}
