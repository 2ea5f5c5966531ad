//! The edge of a process: its HTTP server with every API and page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use replica::Node;
use rustix::process::{Resource, getrlimit};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Server;
use super::data_dir::DataDir;
use crate::services;
use crate::settings::{Limits, Settings};

/// Maximum time that a shutdown waits for accepted requests.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

/// A running HTTP server.
pub struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The HTTP server with every API and page, and with the readiness check of a single node.
///
/// # Errors
/// When a page's template does not compile.
pub fn http_server(server: &Server) -> anyhow::Result<edge::Server> {
    let apis = &server.dependencies.apis;
    let http = edge::Server::new(settings(&server.settings, &apis.public_url));
    let http = services::mount(http, &server.client, &server.credentials, apis)?;
    let dependencies = cluster_api::Dependencies {
        node: Arc::clone(&server.node),
        client: server.client.clone(),
        verifier: Arc::clone(&server.verifier),
        cursors: services::cursors(&server.data.key),
        http_address: server.settings.http.address.to_string(),
        data_dir: server.data.path.clone(),
        local: Arc::<DataDir>::clone(&server.data),
    };
    let http = cluster_api::mount(http, dependencies);
    let (node, data) = (Arc::clone(&server.node), Arc::clone(&server.data));
    Ok(http.ready(move || std::future::ready(readiness(&node, &data))))
}

/// The readiness of a single node: every group has a leader, and the demo hotels of a first start can be found.
fn readiness(node: &Node, data: &DataDir) -> Result<(), String> {
    if let Some((group, why)) = node.unready_group() {
        return Err(format!("{group}: {why}"));
    }
    if !data.metadata().demo_settled {
        return Err("the demo hotels are being loaded".to_owned());
    }
    Ok(())
}

/// Listens, and serves in the background.
///
/// # Errors
/// When the address cannot be bound, or plain HTTP is not allowed on it.
pub async fn serve(server: edge::Server, address: SocketAddr) -> anyhow::Result<Serving> {
    let bound = server.bind(&address.to_string()).await?;
    if let Some(metrics) = bound.metrics_addr() {
        tracing::info!(%metrics, "serving metrics on an address of their own");
    }
    let (stop, stopping) = oneshot::channel::<()>();
    let task = tokio::spawn(bound.run(async move {
        let _ = stopping.await;
    }));
    Ok(Serving { stop, task })
}

impl Serving {
    /// Stops listening, and finishes accepted requests.
    ///
    /// # Errors
    /// When serving has panicked.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        match tokio::time::timeout(SHUTDOWN_MAX + Duration::from_secs(5), self.task).await {
            Ok(served) => Ok(served?),
            Err(_) => Ok(()),
        }
    }
}

fn settings(settings: &Settings, public_url: &str) -> edge::Settings {
    let tls = settings.http.certificate.clone().zip(settings.http.certificate_key.clone());
    edge::Settings {
        public_url: public_url.to_owned(),
        behind_proxy: settings.http.behind_proxy,
        tls: tls.map(|(certificate, key)| edge::Tls { certificate, key }),
        scopes: contracts::scope::DESCRIBED,
        cors_origins: settings.http.cors_origins.clone(),
        metrics_listen: settings.http.metrics_listen,
        connections: connection_limits(&settings.limits),
        headers_max: settings.limits.headers_max,
        header_bytes_max: settings.limits.header_bytes_max,
        body_bytes_max: settings.limits.body_bytes_max,
        deadline: settings.limits.request_timeout.0,
        requests_per_second: settings.limits.requests_per_second,
        requests_burst: settings.limits.requests_per_second.saturating_mul(4),
        shutdown: SHUTDOWN_MAX,
    }
}

/// The limits of connections. The log, the stores and the links to other nodes keep half of the file descriptors: a log that
/// cannot open its next segment stops all groups.
fn connection_limits(limits: &Limits) -> edge::ConnectionLimits {
    let most = limits.connections_max;
    let descriptors = getrlimit(Resource::Nofile).current;
    let available = descriptors.map_or(usize::MAX, |count| usize::try_from(count / 2).unwrap_or(usize::MAX));
    if available < most {
        tracing::warn!(
            connections_max = available,
            "the limit of file descriptors allows {available} connections instead of {most}: raise it (`ulimit -Hn`, or \
             LimitNOFILE= of systemd)"
        );
    }
    edge::ConnectionLimits {
        connections_max: available.min(most),
        per_address_max: limits.connections_per_address_max,
        header_timeout: limits.header_timeout.0,
        idle_timeout: limits.idle_timeout.0,
    }
}
