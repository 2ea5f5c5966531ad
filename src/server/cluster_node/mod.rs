//! A node of a cluster.
//!
//! It listens at once, for clients and for other nodes, and reports why it is not ready: the cluster is not initialised
//! (`auberge cluster init`), or the directory does not answer. The node stores the cluster's metadata, so that a cluster
//! starts again automatically after all its nodes have stopped.

mod bootstrap;
mod follow;
mod identity;
pub mod init;
mod membership;
mod tasks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use directory::{ChangeNotifier, Directory};
use link::{Link, Peer, PeerState, StartError};
use replica::{Node, NodeInfo, NodeOptions};
use token::Verifier;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bank::PaymentSettings;
use super::data_dir::DataDir;
use super::{Server, ServerParts, edge, trust};
use crate::settings::Settings;
pub use bootstrap::{cluster_settings, groups_of};
pub use membership::{ClusterNode, bank_name};

use bootstrap::BootstrapEndpoint;
use identity::Identity;
use membership::Membership;

/// Maximum time to wait for an address that is in use.
const LISTEN_MAX: Duration = Duration::from_secs(5);
const LISTEN_RETRY: Duration = Duration::from_millis(50);
/// Maximum time to wait for the status of other nodes before replicas are opened.
const STATUS_WAIT_MAX: Duration = Duration::from_millis(500);

/// What a node is started with.
pub struct Options {
    /// Its name: `[nodes.NAME]` in the settings.
    pub name: String,
    /// The settings, the same on every node.
    pub settings: Settings,
    /// The data directory; `data` of the node's table by default.
    pub data: Option<PathBuf>,
    /// Hold the log's writes in memory until they are synced. For crash tests.
    pub drop_unsynced: bool,
}

/// A node whose edge serves and whose background tasks run.
pub struct RunningNode {
    node: Arc<ClusterNode>,
    serving: edge::Serving,
    tasks: [JoinHandle<()>; 2],
    keys: JoinHandle<()>,
    stopping: CancellationToken,
}

impl RunningNode {
    /// Serves clients, follows the directory, and reconciles while the directory is led here.
    ///
    /// # Errors
    /// When the edge cannot listen.
    pub async fn start(node: Arc<ClusterNode>) -> anyhow::Result<Self> {
        let server = edge::http_server(&node.server)?;
        let server = BootstrapEndpoint::new(Arc::clone(&node)).mount(server).ready(readiness(&node));
        let serving = edge::serve(server, node.server.settings.http.address).await?;
        let stopping = CancellationToken::new();
        let tasks = [
            tokio::spawn(follow::follow(Arc::clone(&node), stopping.clone())),
            tokio::spawn(follow::run_reconciler(Arc::clone(&node), stopping.clone())),
        ];
        let server = &node.server;
        let (client, verifier) = (server.client.clone(), Arc::clone(&server.verifier));
        let (key, name) = (server.data.key.clone(), node.identity.name.clone());
        let keys = tokio::spawn(trust::keep_fetching_keys(client, key, name, verifier));
        Ok(Self { node, serving, tasks, keys, stopping })
    }

    /// Transfers leaderships to other nodes, finishes accepted requests and closes everything.
    ///
    /// # Errors
    /// When the edge's socket has failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { node, serving, tasks, keys, stopping } = self;
        // First, while this node still answers the requests that it has accepted.
        node.server.node.transfer_leadership().await;
        let served = serving.stop().await;
        stopping.cancel();
        keys.abort();
        futures::future::join_all(tasks).await;
        node.server.stop().await;
        node.link.shutdown().await;
        served.context("serving")
    }
}

/// Opens a node's replicas and its link to other nodes.
///
/// # Errors
/// When the settings and the node's certificate or data directory disagree, or something cannot be opened.
pub async fn start(options: Options) -> anyhow::Result<Arc<ClusterNode>> {
    let Options { name, mut settings, data, drop_unsynced } = options;
    let name = &name;
    let own = settings.nodes.get(name).and_then(|node| node.data.clone());
    let path = data.or(own).unwrap_or_else(|| PathBuf::from("./auberge-data"));
    let identity = Identity::of(&settings, name, &path)?;
    if let Some(address) = identity.settings.http {
        settings.http.address = address;
    }
    if let Some(address) = identity.settings.metrics_listen {
        settings.http.metrics_listen = Some(address);
    }
    if settings.http.public_url.is_none() {
        bail!("a cluster needs `public_url` in [http], the address that guests use");
    }
    let kind = settings.payments.bank.context("a node needs an explicit `bank` in [payments]")?;
    let payment_settings = PaymentSettings::of_settings(&settings, kind)?;
    identity.place_key(&path)?;
    let data = Arc::new(DataDir::open_node(&path, &settings, kind, identity.metadata(&settings))?);
    let log = super::open_log(&data.path, drop_unsynced)?;
    let public_url = settings.public_url();
    let verifier = Arc::new(Verifier::new(public_url.clone(), &data.key));
    let node = Node::new(NodeOptions {
        data: data.path.clone(),
        log: Arc::clone(&log),
        verifier: Arc::clone(&verifier),
        network: Arc::new(consensus::NoNetwork),
        limits: super::limits(&settings),
        epoch: data.metadata().epoch,
        cache_bytes: settings.limits.cache_mib << 20,
    });
    let parts = ServerParts { data, log, verifier, node: Arc::clone(&node) };
    let seeds = settings.seeds().into_iter().filter(|seed| seed.name != *name);
    let seeds = seeds.map(|seed| link::Seed::from((seed.name, seed.address))).collect();
    let options = identity.link(seeds);
    let profile = profile(&identity, &settings);
    let server = Server::assemble(parts, settings, public_url, payment_settings, None)?;
    let directory_changes = ChangeNotifier::default();
    let notifier = directory_changes.clone();
    node.register(1, move || Directory::new(notifier.clone()), |_| group::NoEffects);
    let link = listen(&options, &node).await.context("the link to other nodes")?;
    node.connect(link.clone(), profile, server.data.key.clone());
    let cluster_node = Arc::new(ClusterNode::new(server, identity, link, directory_changes));
    if cluster_node.is_joined() {
        let metadata = cluster_node.server.data.metadata();
        cluster_node.register_services(&metadata.shards).await?;
    }
    // Other nodes may report replicas of this node as retired.
    node.sync_retired_replicas(STATUS_WAIT_MAX).await;
    // Stored replicas are opened without the directory: all other nodes may be down.
    for error in node.reopen_all().await.context("opening the stored replicas")? {
        tracing::error!(%error, "a stored replica could not be opened; the others serve");
    }
    Ok(cluster_node)
}

/// Starts the link. Waits for its address: a process that was just killed may still hold it.
async fn listen(options: &link::Options, node: &Arc<Node>) -> Result<Link, StartError> {
    let begun = Instant::now();
    loop {
        match Link::start(options.clone(), node.handler()).await {
            Err(StartError::Listen { source, .. })
                if source.kind() == std::io::ErrorKind::AddrInUse && begun.elapsed() < LISTEN_MAX =>
            {
                tokio::time::sleep(LISTEN_RETRY).await;
            }
            started => return started,
        }
    }
}

fn profile(identity: &Identity, settings: &Settings) -> NodeInfo {
    NodeInfo {
        address: identity.settings.advertised(),
        http_address: Some(settings.http.address.to_string()),
        zone: identity.settings.zone.clone(),
        labels: identity.settings.labels.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: identity.fingerprint(),
    }
}

/// Why this node is not ready; `None` if it is.
pub fn not_ready_because(node: &ClusterNode) -> Option<String> {
    let rejected = rejected_by_peers(&node.link.peers().borrow());
    match (node.membership(), rejected) {
        (Membership::Rejected(why), _) => Some(why),
        (Membership::None | Membership::Joined, Some(why)) => Some(format!("rejected by the cluster: {why}")),
        (Membership::None, None) if node.others_have_a_directory() => {
            Some("about to join the cluster".to_owned())
        }
        (Membership::None, None) => Some("waiting for `auberge cluster init`".to_owned()),
        (Membership::Joined, None) if node.initialising.try_lock().is_err() => {
            Some("the cluster is being initialised".to_owned())
        }
        (Membership::Joined, None) if !node.server.verifier.has_keys() => {
            Some("no signing keys yet".to_owned())
        }
        (Membership::Joined, None) => {
            node.server.node.unready_group().map(|(group, why)| format!("{group}: {why}"))
        }
    }
}

/// Why other nodes reject this node, if none of them accepts it.
fn rejected_by_peers(peers: &[Peer]) -> Option<String> {
    if peers.iter().any(|peer| peer.state == PeerState::Up) {
        return None;
    }
    peers.iter().find_map(|peer| match &peer.state {
        PeerState::Refused(why) => Some(format!("{}: {why}", peer.name)),
        PeerState::Connecting | PeerState::Up | PeerState::Down(_) => None,
    })
}

fn readiness(
    node: &Arc<ClusterNode>,
) -> impl Fn() -> std::future::Ready<Result<(), String>> + Send + Sync + 'static {
    let node = Arc::clone(node);
    move || std::future::ready(not_ready_because(&node).map_or(Ok(()), Err))
}
