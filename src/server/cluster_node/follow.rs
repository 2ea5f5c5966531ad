//! The background work of every node: it polls the directory for nodes, revoked certificates and cluster settings; and it
//! runs the reconciler while it leads the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use directory::{
    ClientRecords, Cluster, Difference, GetCluster, GetRevision, Lifecycle, ListNodes, NodeRecord,
    Reconciler, ReconcilerOptions,
};
use group::{Client, Failure};
use link::{Fingerprint, Seed};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::bootstrap::cluster_settings;
use super::membership::{ClusterNode, Membership, bank_name};
use super::tasks::Tasks;
use crate::services;

/// Interval of polling the directory.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval while the directory does not answer.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Follows the directory until `stop`.
pub async fn follow(node: Arc<ClusterNode>, stop: CancellationToken) {
    let (mut reported, mut revision, mut differences) = (None, None, SettingsDifferences::default());
    loop {
        let pause = match update(&node, &mut revision, &mut differences).await {
            Ok(true) => {
                reported = None;
                POLL_INTERVAL
            }
            Ok(false) => RETRY_INTERVAL,
            Err(error) => {
                let why = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
                if reported.as_ref() != Some(&why) {
                    tracing::error!(why, "this node may not take part in the cluster");
                    node.set_membership(Membership::Rejected(why.clone()));
                    reported = Some(why);
                }
                // The next answer is applied in full, which ends the rejection.
                revision = None;
                POLL_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Applies the directory's records, if they have changed since revision `known`. Returns `false` if the directory does not
/// answer.
///
/// # Errors
/// When this node does not belong to the cluster.
async fn update(
    node: &ClusterNode,
    known: &mut Option<u64>,
    differences: &mut SettingsDifferences,
) -> anyhow::Result<bool> {
    let client = &node.server.client;
    let revision = match client.call(&node.call(TIMEOUT), GetRevision).await {
        Ok(revision) => revision,
        Err(Failure::Unauthenticated(_)) => bail!(
            "the cluster does not accept the credential of this node: {} is not the cluster's key (its fingerprint is {}), or \
             the clocks differ by more than a minute",
            node.server.data.path.join("cluster.key").display(),
            node.server.data.key.fingerprint()
        ),
        Err(_) => return Ok(false),
    };
    if *known == Some(revision) {
        return Ok(true);
    }
    let (Some(cluster), Some(nodes)) = (cluster(node, client).await, nodes(node, client).await) else {
        return Ok(false);
    };
    let own = &node.identity;
    if cluster.name != own.cluster {
        bail!(
            "the nodes that answer form the cluster {}, and this node belongs to {}",
            cluster.name,
            own.cluster
        );
    }
    let bank = bank_name(node.server.data.metadata().bank);
    if cluster.settings.bank != bank {
        bail!("the cluster's bank is {}, and this node's settings have {bank}", cluster.settings.bank);
    }
    let shards = shards_of(&cluster);
    differences.report(node, &cluster, &shards, bank);
    for (name, service) in &node.server.settings.services {
        if let Some(fixed) = shards.get(name).filter(|fixed| **fixed != service.shards) {
            bail!(
                "the cluster has {fixed} shards of {name}, and their number cannot change; the settings have {}",
                service.shards
            );
        }
    }
    if let Some(record) = nodes.iter().find(|record| record.name() == own.name) {
        let same = record.profile.node_id == own.id;
        if record.lifecycle == Lifecycle::Decommissioned && same {
            bail!(
                "node {} was decommissioned: give the new node another name and its own certificate",
                own.name
            );
        }
        if record.lifecycle != Lifecycle::Decommissioned && !same {
            bail!(
                "the cluster has a node {} with another id: `auberge cluster decommission {}` allows this one to replace it",
                own.name,
                own.name
            );
        }
    }
    node.join(&shards, cluster.epoch)?;
    node.register_services(&shards).await?;
    node.link.set_peers(seeds(node, &nodes));
    let denied = cluster.denied.iter().filter_map(|(fingerprint, _)| Fingerprint::parse(fingerprint));
    let new = denied.filter(|fingerprint| !node.link.is_denied(fingerprint));
    new.for_each(|fingerprint| node.link.deny(fingerprint));
    *known = Some(revision);
    Ok(true)
}

/// The differences between the node's settings file and the cluster's settings that were reported last.
#[derive(Default)]
struct SettingsDifferences(Vec<Difference>);

impl SettingsDifferences {
    /// Logs the differences, each time that they change.
    fn report(&mut self, node: &ClusterNode, cluster: &Cluster, shards: &BTreeMap<String, u16>, bank: &str) {
        let all: BTreeMap<String, u16> = services::NAMES
            .iter()
            .map(|name| ((*name).to_owned(), shards.get(*name).copied().unwrap_or(1)))
            .collect();
        let own = cluster_settings(&node.server.settings, &all, bank);
        let differs = cluster.settings.differences(&own);
        if differs != self.0 {
            if !differs.is_empty() {
                let differences: Vec<_> = differs.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    differs = differences.join("; "),
                    "this node's settings file differs from the cluster's settings; `auberge cluster configure --config FILE` \
                     applies the file to the cluster"
                );
            }
            self.0 = differs;
        }
    }
}

async fn cluster(node: &ClusterNode, client: &Client) -> Option<Cluster> {
    client.call(&node.call(TIMEOUT), GetCluster).await.ok().map(|cluster| *cluster)
}

async fn nodes(node: &ClusterNode, client: &Client) -> Option<Vec<NodeRecord>> {
    client.call(&node.call(TIMEOUT), ListNodes).await.ok()
}

/// Shards of the services that this version has, without the directory.
fn shards_of(cluster: &Cluster) -> BTreeMap<String, u16> {
    let known = |name: &&str| {
        cluster.settings.services.get(*name).map(|service| ((*name).to_owned(), service.shards))
    };
    services::NAMES.iter().filter_map(known).collect()
}

/// The nodes to connect to: those in the directory, and those of the settings that are not in the directory yet.
fn seeds(node: &ClusterNode, nodes: &[NodeRecord]) -> Vec<Seed> {
    let known: BTreeSet<&str> = nodes.iter().map(NodeRecord::name).collect();
    let recorded = nodes.iter().filter(|record| record.lifecycle != Lifecycle::Decommissioned);
    let recorded = recorded.map(|record| Seed::from((record.name(), &record.profile.address)));
    let settings = node.server.settings.seeds();
    let configured = settings.iter().filter(|seed| !known.contains(seed.name.as_str()));
    let configured = configured.map(|seed| Seed::from((seed.name.as_str(), &seed.address)));
    recorded
        .chain(configured)
        .filter(|seed| seed.name.as_deref() != Some(node.identity.name.as_str()))
        .collect()
}

/// The reconciler of this node, which works while this node leads the directory.
fn reconciler(node: &Arc<ClusterNode>) -> Reconciler {
    let records = {
        let node = Arc::clone(node);
        let client = node.server.client.clone();
        ClientRecords::new(client, move || node.credential().into())
    };
    let tasks = Arc::new(Tasks::new(Arc::clone(&node.server.node)));
    Reconciler::new(tasks, Arc::new(records), node.directory_changes.clone(), ReconcilerOptions::default())
}

/// Runs the reconciler until `stop`.
pub async fn run_reconciler(node: Arc<ClusterNode>, stop: CancellationToken) {
    let reconciler = reconciler(&node);
    let (leads, led) = watch::channel(false);
    let mut board = node.server.node.cluster_view();
    let watch_leader = async {
        loop {
            board.mark_unchanged();
            let leader = node.server.node.leader_of(directory::GROUP);
            let now = leader.as_deref() == Some(node.identity.name.as_str());
            leads.send_if_modified(|leads| std::mem::replace(leads, now) != now);
            if board.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = reconciler.run(led) => {}
        () = watch_leader => {}
    }
}

/// Converts a failure into an error.
pub fn error_of<R: std::error::Error>(failure: Failure<R>) -> anyhow::Error {
    match failure {
        Failure::Refused(refusal) => anyhow::anyhow!("{refusal}"),
        failure => anyhow::anyhow!("{failure}"),
    }
}
