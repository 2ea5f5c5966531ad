//! The edge of a process: every API and page over its machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Machine;
use crate::settings::Settings;
use crate::{operate, services};

/// How long a shutdown waits for requests that were accepted.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

/// An edge that serves.
pub struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// A server with every API and page.
///
/// # Errors
/// When a page's template does not compile.
pub fn server(machine: &Machine) -> anyhow::Result<edge::Server> {
    let wiring = &machine.wiring;
    let server = edge::Server::new(settings(&wiring.settings, &wiring.front.public_url));
    let server = services::mount(server, &machine.client, &machine.credentials, &wiring.front)?;
    Ok(operate::mount(server, machine))
}

/// Listens, and serves in the background.
///
/// # Errors
/// When the address cannot be had, or is no address for plain HTTP.
pub async fn serve(server: edge::Server, address: SocketAddr) -> anyhow::Result<Serving> {
    let bound = server.bind(&address.to_string()).await?;
    let (stop, stopping) = oneshot::channel::<()>();
    let task = tokio::spawn(bound.run(async move {
        let _ = stopping.await;
    }));
    Ok(Serving { stop, task })
}

impl Serving {
    /// Takes no more requests, and finishes what was accepted.
    ///
    /// # Errors
    /// When the socket failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        match tokio::time::timeout(SHUTDOWN_MAX + Duration::from_secs(5), self.task).await {
            Ok(served) => Ok(served??),
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
        cors_origins: settings.http.cors_origins.clone(),
        body_bytes_max: settings.limits.body_bytes_max,
        deadline: Duration::from_secs(settings.limits.request_secs_max),
        requests_per_second: settings.limits.requests_per_second,
        requests_burst: settings.limits.requests_per_second.saturating_mul(4),
        shutdown: SHUTDOWN_MAX,
    }
}
