//! `POST /v1/cluster/init`: initialises the cluster on the node that receives the request.
//!
//! The request needs a credential that is derived from the cluster key. Each step is idempotent, so that a request that
//! was interrupted can be repeated on the same node. The steps: the directory, `auth`, the signing key and the
//! administrator's client, the cluster's record, all other groups (which the reconciler creates), and the steps of every
//! first start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use directory::{ClusterInit, InitCluster, Refusal, ReplicaLocation, ServiceSettings};
use edge::{ApiError, Problem, problem_types};
use group::Failure;
use poem::{IntoResponse, Request, Response, handler};
use protocol::Timestamp;

use super::follow;
use super::init::{InitRequest, InitResponse, PATH};
use super::membership::ClusterNode;
use crate::server::{demo, first_start, mail, restore, trust};
use crate::services;
use crate::settings::Settings;

/// Maximum time to wait for the nodes of `wait_for`.
const WANTED_MAX: Duration = Duration::from_secs(20);
/// Maximum time to wait for the other nodes of the settings.
const SEEDS_MAX: Duration = Duration::from_secs(3);
/// Maximum time until every group has a leader.
const LEADERS_MAX: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(30);
const BODY_BYTES_MAX: usize = 64 << 10;

/// The endpoint `POST /v1/cluster/init`.
#[derive(Clone)]
pub struct BootstrapEndpoint {
    node: Arc<ClusterNode>,
}

impl BootstrapEndpoint {
    pub fn new(node: Arc<ClusterNode>) -> Self {
        Self { node }
    }

    pub fn mount(self, server: edge::Server) -> edge::Server {
        server.body_limit(PATH, BODY_BYTES_MAX).route(PATH, poem::post(poem::EndpointExt::data(init, self)))
    }
}

#[handler]
async fn init(
    request: &Request,
    body: poem::Body,
    endpoint: poem::web::Data<&BootstrapEndpoint>,
) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let node = Arc::clone(&endpoint.node);
    let key = &node.server.data.key;
    let credential = caller.token().map(|token| key.check_node_credential(token, Timestamp::wall_clock()));
    if !matches!(credential, Some(Ok(_))) {
        return Err(ApiError::unauthenticated().into());
    }
    let request =
        body.into_bytes().await.ok().and_then(|bytes| serde_json::from_slice::<InitRequest>(&bytes).ok());
    let request = request.ok_or_else(|| ApiError::bad_request("The body is not a valid request."))?;
    let Ok(busy) = Arc::clone(&node.initialising).try_lock_owned() else {
        return Err(conflict("The cluster is being initialised by another request.".to_owned()).into());
    };
    // Continues if the client disconnects.
    let initialising = tokio::spawn(async move {
        let _busy = busy;
        initialise(&node, request).await
    });
    match initialising.await {
        Ok(Ok(response)) => {
            let body = serde_json::to_vec(&response).map_err(|_| ApiError::unavailable(1))?;
            let response = Response::builder().content_type("application/json");
            // The response contains the administrator's password.
            Ok(response.header("Cache-Control", "no-store").body(body))
        }
        Ok(Err(error)) => {
            let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
            Err(conflict(causes.join(": ")).into())
        }
        Err(_) => Ok(ApiError::unavailable(1).into_response()),
    }
}

fn conflict(detail: String) -> ApiError {
    Problem::new(&problem_types::CONFLICT).detail(detail).into()
}

/// Initialises the cluster, or completes an earlier attempt.
async fn initialise(node: &Arc<ClusterNode>, request: InitRequest) -> anyhow::Result<InitResponse> {
    let server = &node.server;
    let mut metadata = server.data.metadata();
    let retry = server.data.path.join("admin.json").exists();
    if node.is_joined() && !metadata.restored && (metadata.set_up || !retry) {
        bail!(
            "the cluster {} is initialised already; a new node joins it automatically",
            node.identity.cluster
        );
    }
    if !node.is_joined() && node.others_have_a_directory() {
        bail!("a cluster exists already, and this node is about to join it");
    }
    if let Some(archive) = request.restore.filter(|_| !metadata.restored) {
        let node = Arc::clone(node);
        let restoring = tokio::task::spawn_blocking(move || {
            let server = &node.server;
            restore::into_node(&archive, &server.data, &server.settings)
        });
        restoring.await.context("restoring")??;
        metadata = server.data.metadata();
        server.node.set_epoch(metadata.epoch);
    }
    let missing = wait_for(node, &request.wait_for).await?;
    let mut placed = BTreeMap::new();
    let location = |replica| ReplicaLocation { node: node.identity.name.clone(), replica };
    placed.insert(directory::GROUP.to_owned(), location(node.open(directory::GROUP).await?));
    node.register_services(&metadata.shards).await?;
    placed.insert("auth/0".to_owned(), location(node.open("auth/0").await?));
    if metadata.restored {
        // The restored stores are on this node, so every group starts on it.
        for group in groups_of(&metadata.shards) {
            let replica = node.open(&group).await?;
            placed.insert(group, location(replica));
        }
    }
    trust::set_up_client(&server.client, &server.data, &server.dependencies.apis.public_url).await?;
    wait_until(LEADERS_MAX, "the signing key", || server.verifier.has_keys()).await?;
    let cluster_init = ClusterInit {
        name: node.identity.cluster.clone(),
        epoch: metadata.epoch,
        settings: cluster_settings(&server.settings, &metadata.shards, node.bank_name()),
        nodes: node.profiles_up(),
        placed,
    };
    let nodes = cluster_init.nodes.iter().map(|node| node.name.clone()).collect();
    let command = InitCluster { cluster: Box::new(cluster_init) };
    let initialised = server.client.call(&node.call(TIMEOUT), command).await;
    match initialised {
        Ok(_) => {}
        // An earlier attempt has created the record.
        Err(Failure::Refused(Refusal::AlreadyInitialized { name })) if name == node.identity.cluster => {}
        Err(failure) => return Err(follow::error_of(failure)).context("the directory"),
    }
    node.join(&metadata.shards, metadata.epoch)?;
    let groups = groups_of(&metadata.shards);
    let all_led = || groups.iter().all(|group| node.has_leader(group));
    wait_until(LEADERS_MAX, "every group to have a leader", all_led).await?;
    first_start::check_bank(server).await?;
    first_start::configure(server).await?;
    if server.data.metadata().sessions_to_end {
        first_start::end_sessions(server).await?;
        server.data.update_metadata(|metadata| metadata.sessions_to_end = false)?;
    }
    let host = mail::host_of(&server.dependencies.apis.public_url);
    let sign_in = trust::set_up_account(&server.client, &*server.credentials, host).await?;
    if request.demo {
        demo::load(&server.client, &*server.credentials).await.context("loading demo hotels")?;
    }
    server.data.update_metadata(|metadata| {
        metadata.set_up = true;
        metadata.restored = false;
        metadata.demo_settled = true;
        // Each group has this flag in its own state.
        metadata.effects_held = false;
    })?;
    tracing::warn!(cluster = node.identity.cluster, "audit: the cluster was initialised");
    Ok(InitResponse {
        cluster: node.identity.cluster.clone(),
        nodes,
        missing,
        groups: u32::try_from(groups.len()).unwrap_or(u32::MAX) + 1,
        url: server.dependencies.apis.public_url.clone(),
        admin: std::path::absolute(server.data.path.join("admin.json"))?,
        sign_in,
        effects_held: metadata.effects_held,
    })
}

/// All groups except the directory.
pub fn groups_of(shards: &BTreeMap<String, u16>) -> Vec<String> {
    let of = |(name, count): (&String, &u16)| {
        let name = name.clone();
        (0..*count).map(move |shard| format!("{name}/{shard}"))
    };
    shards.iter().flat_map(of).collect()
}

/// The cluster settings, as the directory stores them.
pub fn cluster_settings(
    settings: &Settings,
    shards: &BTreeMap<String, u16>,
    bank: &str,
) -> directory::Settings {
    let default = settings.cluster.replicas;
    let count = |replicas: u16| u8::try_from(replicas).unwrap_or(u8::MAX);
    let service = |name: &str, shards: u16| {
        let configured = settings.services.get(name);
        ServiceSettings {
            shards,
            replicas: count(configured.and_then(|service| service.replicas).unwrap_or(default)),
            only_on: configured.map(|service| service.only_on.clone()).unwrap_or_default(),
            never_with: configured.map(|service| service.never_with.clone()).unwrap_or_default(),
        }
    };
    let mut all: BTreeMap<_, _> =
        services::NAMES.iter().map(|name| ((*name).to_owned(), service(name, shards[*name]))).collect();
    all.insert(directory::SERVICE.to_owned(), service(directory::SERVICE, 1));
    directory::Settings {
        bank: bank.to_owned(),
        replace_after_secs: settings.cluster.replace_after.secs(),
        services: all,
    }
}

/// Waits for the nodes in `wanted`, and briefly for the others of the settings. Returns those that cannot be reached.
async fn wait_for(node: &ClusterNode, wanted: &[String]) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    let seeds: Vec<String> = node.server.settings.seeds().into_iter().map(|seed| seed.name).collect();
    loop {
        let up = node.nodes_up();
        let away = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| !up.contains(*name)).cloned().collect()
        };
        let (wanted, missing) = (away(wanted), away(&seeds));
        if missing.is_empty() || (wanted.is_empty() && begun.elapsed() > SEEDS_MAX) {
            return Ok(missing);
        }
        if begun.elapsed() > WANTED_MAX {
            bail!("not reached: {}", wanted.join(", "));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn wait_until(at_most: Duration, what: &str, condition: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > at_most {
            bail!(
                "timed out after {} s waiting for {what}; retry when the nodes are healthy",
                at_most.as_secs()
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
