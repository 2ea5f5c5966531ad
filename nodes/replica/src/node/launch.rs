//! Starts the actors of one replica, and waits until it is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use group::engine::Engine;
use group::{Effects, Service};
use protocol::Contract;
use ractor::Actor;
use store::State;

use super::{HostError, Node};
use crate::calls::endpoint::ReplicaEndpoint;
use crate::outbox::TypedEffects;
use crate::supervision::ReplicaHandle;
use crate::supervision::supervisor::{Plan, Supervisor};

/// How long opening a replica and initializing its group may take.
const START_MAX: Duration = Duration::from_secs(60);

/// Starts a replica of a registered service, of this shard.
pub(super) type Launch =
    dyn Fn(Arc<Node>, u16, LaunchOptions) -> BoxFuture<'static, Result<(), HostError>> + Send + Sync;

pub(super) struct LaunchOptions {
    pub options: consensus::Options,
    pub state: Arc<dyn State>,
    pub network: Arc<dyn consensus::Network>,
    /// The voters with which to initialize a new group. Has no effect on a group that is initialized already.
    pub bootstrap: Option<BTreeMap<u64, consensus::RaftNode>>,
}

impl LaunchOptions {
    /// For the only replica of a group on a single node. It sends heartbeats to no one and wins its election at once,
    /// so that a long heartbeat interval has no cost, and an idle machine stays idle.
    pub async fn single_node(node: &Node, group: &str) -> Result<Self, HostError> {
        let mut options = consensus::Options::new(group, 1);
        options.settings.heartbeat_ms = 2000;
        let bootstrap = Some([(1, consensus::RaftNode::default())].into());
        let state = node.open_state(group).await?;
        Ok(Self { options, state, network: Arc::clone(&node.options.network), bootstrap })
    }
}

/// The [`Launch`] of a service.
pub(super) fn launcher<S: Service, E: Effects<S>>(
    make: impl Fn() -> S + Send + Sync + 'static,
    effects: impl Fn(u16) -> E + Send + Sync + 'static,
) -> Arc<Launch> {
    let make: Arc<dyn Fn() -> S + Send + Sync> = Arc::new(make);
    Arc::new(move |node, shard, options| {
        Box::pin(launch(node, Arc::clone(&make), Arc::new(effects(shard)), options))
    })
}

/// Starts a replica, and adds it to the node.
pub(super) async fn launch<S: Service, E: Effects<S>>(
    node: Arc<Node>,
    make: Arc<dyn Fn() -> S + Send + Sync>,
    effects: Arc<E>,
    options: LaunchOptions,
) -> Result<(), HostError> {
    let LaunchOptions { options, state, network, bootstrap } = options;
    let (group, id) = (options.group.to_string(), options.id);
    let failed = |why: String| HostError::Start { group: group.clone(), why };
    let limits = node.options.limits.clone();
    let service = S::Contract::SERVICE;
    let (verifier, changes) = (Arc::clone(&node.options.verifier), Arc::clone(&node.changes));
    let endpoint = Arc::new(ReplicaEndpoint::new(service, verifier, limits, changes));
    let store = Arc::downgrade(&state);
    let plan = Plan {
        name: Arc::clone(&options.group),
        service,
        open: Box::new(move |state, listener| Ok(Arc::new(Engine::open(make(), state, listener)?))),
        effects: Arc::new(TypedEffects::<S, E>::new(effects)),
        options,
        log: Arc::clone(&node.options.log),
        state,
        network,
        client: node.client(),
        credentials: Arc::clone(node.credentials().expect("credentials are set before groups are hosted")),
        heavy: Arc::clone(&node.heavy),
        endpoint: Arc::clone(&endpoint),
        delivery_pause: Arc::clone(&node.delivery_pause),
        epoch: node.epoch(),
    };
    let supervisor = Actor::spawn(None, Supervisor, plan).await;
    let (supervisor, _) = supervisor.map_err(|error| failed(error.to_string()))?;
    let handle = ReplicaHandle::new::<S>(group.clone(), id, Arc::clone(&endpoint), supervisor, store);
    if let Err(why) = wait_until_open(&endpoint, bootstrap).await {
        handle.close().await;
        return Err(failed(why));
    }
    tracing::debug!(group, id, service, "a replica is open");
    node.insert(&group, handle);
    Ok(())
}

/// Waits until a replica is open and its group initialized. A quarantined replica is no error: the node serves its
/// other groups without it.
async fn wait_until_open(
    endpoint: &ReplicaEndpoint,
    bootstrap: Option<BTreeMap<u64, consensus::RaftNode>>,
) -> Result<(), String> {
    let begun = tokio::time::Instant::now();
    loop {
        let why = match endpoint.open_replica() {
            Ok(open) => {
                let Some(voters) = &bootstrap else { return Ok(()) };
                match open.core.consensus.initialize(voters.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error.to_string(),
                }
            }
            Err(_) if endpoint.quarantined().is_some() => return Ok(()),
            Err(why) => why.to_string(),
        };
        if begun.elapsed() > START_MAX {
            return Err(why);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
