//! Listening, TLS, and graceful shutdown.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{FutureExt, Stream, StreamExt, stream};
use poem::endpoint::BoxEndpoint;
use poem::listener::{AcceptorExt, IntoTlsConfigStream, RustlsCertificate, RustlsConfig, TcpAcceptor};
use poem::{EndpointExt, Response};
use tokio::sync::watch;

use super::connections::{ConnectionLimits, Connections};
use super::serve::Serving;
use super::{Server, Settings, ShutdownSignal, builtin};
use crate::metrics::Metrics;
use crate::rate_limit::RequestLimiter;

/// The interval at which certificate files are checked for changes.
const RENEWAL_POLL: Duration = Duration::from_secs(30);
/// The interval of metrics upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Idle addresses are removed from the rate limiter every so many upkeep intervals.
const FORGET_IDLE_EVERY: u32 = 12;
/// The maximum number of connections to the address for metrics.
const METRICS_CONNECTIONS_MAX: usize = 32;

/// A certificate and its key, as PEM files. They are reloaded when they change.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Access tokens would be sent over a network without encryption.
    #[error(
        "plain HTTP is allowed on loopback addresses only, and {0} is not one: configure TLS, or set `behind_proxy` if a proxy terminates TLS"
    )]
    PlainHttp(SocketAddr),
    /// The address is not available.
    #[error("cannot listen on {address}")]
    Listen { address: String, source: io::Error },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {} with its key", path.display())]
    Certificate { path: PathBuf, source: io::Error },
}

/// A server that listens on a socket.
pub struct BoundServer {
    address: SocketAddr,
    socket: TcpAcceptor,
    endpoint: BoxEndpoint<'static, Response>,
    settings: Settings,
    metrics_socket: Option<TcpAcceptor>,
    requests: Arc<RequestLimiter>,
    metrics: Metrics,
    shutdown_sender: watch::Sender<bool>,
    shutdown_signal: ShutdownSignal,
}

impl std::fmt::Debug for BoundServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on `address`, such as `127.0.0.1:8080`; port 0 selects a free port. Connections are accepted by
    /// [`BoundServer::run`].
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(self, address: &str) -> Result<BoundServer, BindError> {
        let listen = |source| BindError::Listen { address: address.to_owned(), source };
        let socket = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
        let bound = socket.local_addr().map_err(listen)?;
        let settings = self.settings.clone();
        if settings.tls.is_none() && !settings.behind_proxy && !bound.ip().is_loopback() {
            return Err(BindError::PlainHttp(bound));
        }
        let requests =
            Arc::new(RequestLimiter::new(self.settings.requests_per_second, self.settings.requests_burst));
        let metrics = Metrics::install();
        let (shutdown_sender, shutdown_signal) = ShutdownSignal::new();
        let endpoint =
            self.endpoint_with(Arc::clone(&requests), metrics.clone(), shutdown_signal.clone()).boxed();
        if let Some(tls) = &settings.tls {
            let refused = |source| BindError::Certificate { path: tls.certificate.clone(), source };
            // Checks the certificate. Poem ignores an invalid one after a later change.
            let _checked = read(tls).and_then(IntoTlsConfigStream::into_stream).map_err(refused)?;
        }
        let socket = TcpAcceptor::from_tokio(socket).map_err(listen)?;
        let metrics_socket = match settings.metrics_listen {
            Some(address) => Some(bind_metrics(address).await?),
            None => None,
        };
        Ok(BoundServer {
            address: bound,
            socket,
            endpoint,
            settings,
            metrics_socket,
            requests,
            metrics,
            shutdown_sender,
            shutdown_signal,
        })
    }
}

async fn bind_metrics(address: SocketAddr) -> Result<TcpAcceptor, BindError> {
    let listen = |source| BindError::Listen { address: address.to_string(), source };
    let socket = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
    TcpAcceptor::from_tokio(socket).map_err(listen)
}

impl BoundServer {
    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address for metrics only, if it has one.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        let [local] = poem::listener::Acceptor::local_addr(self.metrics_socket.as_ref()?).try_into().ok()?;
        local.as_socket_addr().copied()
    }

    /// Serves until `shutdown` resolves. Then accepts no new requests, and waits up to [`Settings::shutdown`] for those in
    /// progress.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (requests, metrics) = (self.requests, self.metrics.clone());
        let housekeeping = tokio::spawn(async move {
            for round in 1u32.. {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                metrics.run_upkeep();
                if round % FORGET_IDLE_EVERY == 0 {
                    requests.forget_idle();
                }
            }
        });
        let settings = self.settings;
        let stopping = self.shutdown_signal;
        let serving = |endpoint, connections: ConnectionLimits| Serving {
            endpoint: Arc::new(endpoint),
            connections: Connections::new(connections),
            head: settings.head_limits(),
            behind_proxy: settings.behind_proxy,
            shutdown: settings.shutdown,
        };
        if let Some(socket) = self.metrics_socket {
            let limits = ConnectionLimits {
                connections_max: METRICS_CONNECTIONS_MAX,
                per_address_max: METRICS_CONNECTIONS_MAX,
                ..settings.connections.clone()
            };
            let serving = serving(builtin::metrics_only(self.metrics), limits);
            tokio::spawn(serving.run(socket, stopping.clone()));
        }
        let serving = serving(self.endpoint, settings.connections.clone());
        let serve = match settings.tls.clone() {
            None => serving.run(self.socket, stopping).boxed(),
            Some(tls) => serving.run(self.socket.rustls(certificates(tls).boxed()), stopping).boxed(),
        };
        let stop = async {
            shutdown.await;
            self.shutdown_sender.send_replace(true);
        };
        tokio::join!(serve, stop);
        housekeeping.abort();
    }
}

fn read(tls: &Tls) -> io::Result<RustlsConfig> {
    let certificate =
        RustlsCertificate::new().cert(std::fs::read(&tls.certificate)?).key(std::fs::read(&tls.key)?);
    Ok(RustlsConfig::new().fallback(certificate))
}

/// The certificate, and the new one each time that its file changes.
fn certificates(tls: Tls) -> impl Stream<Item = RustlsConfig> + Send {
    let changed = |tls: &Tls| std::fs::metadata(&tls.certificate).and_then(|file| file.modified()).ok();
    stream::unfold((tls, None::<SystemTime>), move |(tls, seen)| async move {
        loop {
            let now = changed(&tls);
            if now != seen
                && let Ok(config) = read(&tls)
            {
                if seen.is_some() {
                    tracing::info!("reloaded the TLS certificate");
                }
                return Some((config, (tls, now)));
            }
            tokio::time::sleep(RENEWAL_POLL).await;
        }
    })
}
