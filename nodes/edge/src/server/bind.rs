//! Listening, TLS, and graceful shutdown.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{Stream, StreamExt, stream};
use poem::endpoint::BoxEndpoint;
use poem::listener::{AcceptorExt, IntoTlsConfigStream, RustlsCertificate, RustlsConfig, TcpAcceptor};
use poem::{EndpointExt, Response};
use tokio::sync::watch;

use super::{Server, Settings, ShutdownSignal};
use crate::metrics::Metrics;
use crate::rate_limit::RequestLimiter;

/// The interval at which certificate files are checked for changes.
const RENEWAL_POLL: Duration = Duration::from_secs(30);
/// The interval of metrics upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Idle addresses are removed from the rate limiter every so many upkeep intervals.
const FORGET_IDLE_EVERY: u32 = 12;
/// Idle connections are closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

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
    tls: Option<Tls>,
    endpoint: BoxEndpoint<'static, Response>,
    shutdown: Duration,
    requests: Arc<RequestLimiter>,
    metrics: Metrics,
    shutdown_sender: watch::Sender<bool>,
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
        let Settings { tls, behind_proxy, shutdown, .. } = self.settings.clone();
        if tls.is_none() && !behind_proxy && !bound.ip().is_loopback() {
            return Err(BindError::PlainHttp(bound));
        }
        let requests =
            Arc::new(RequestLimiter::new(self.settings.requests_per_second, self.settings.requests_burst));
        let metrics = Metrics::install();
        let (shutdown_sender, shutdown_signal) = ShutdownSignal::new();
        let endpoint = self.endpoint_with(Arc::clone(&requests), metrics.clone(), shutdown_signal).boxed();
        if let Some(tls) = &tls {
            let refused = |source| BindError::Certificate { path: tls.certificate.clone(), source };
            // Checks the certificate. Poem ignores an invalid one after a later change.
            let _checked = read(tls).and_then(IntoTlsConfigStream::into_stream).map_err(refused)?;
        }
        let socket = TcpAcceptor::from_tokio(socket).map_err(listen)?;
        Ok(BoundServer {
            address: bound,
            socket,
            tls,
            endpoint,
            shutdown,
            requests,
            metrics,
            shutdown_sender,
        })
    }
}

impl BoundServer {
    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves. Then accepts no new requests, and waits up to [`Settings::shutdown`] for those in
    /// progress.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let (requests, metrics) = (self.requests, self.metrics);
        let housekeeping = tokio::spawn(async move {
            for round in 1u32.. {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                metrics.run_upkeep();
                if round % FORGET_IDLE_EVERY == 0 {
                    requests.forget_idle();
                }
            }
        });
        let (endpoint, timeout, sender) = (self.endpoint, Some(self.shutdown), self.shutdown_sender);
        let shutdown = async move {
            shutdown.await;
            sender.send_replace(true);
        };
        let result = match self.tls {
            None => {
                let server = poem::Server::new_with_acceptor(self.socket).idle_timeout(IDLE_TIMEOUT);
                server.run_with_graceful_shutdown(endpoint, shutdown, timeout).await
            }
            Some(tls) => {
                let acceptor = self.socket.rustls(certificates(tls).boxed());
                let server = poem::Server::new_with_acceptor(acceptor).idle_timeout(IDLE_TIMEOUT);
                server.run_with_graceful_shutdown(endpoint, shutdown, timeout).await
            }
        };
        housekeeping.abort();
        result
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
