//! Sockets: listening, TLS, and an end that finishes what was begun.

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

use super::{Closing, Server, Settings};
use crate::limits::Requests;
use crate::meters::Meters;

/// How often certificate files are looked at for a renewal.
const RENEWAL_POLL: Duration = Duration::from_secs(30);
/// How often meters are folded.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How often addresses that went quiet are forgotten, in folds.
const FORGET_EVERY: u32 = 12;
/// A connection without a byte for so long is closed.
const IDLE: Duration = Duration::from_secs(75);

/// A certificate and its key, as PEM files. They are read again when they change, so a renewal needs no restart.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Tokens would cross a network in the clear.
    #[error(
        "plain HTTP is served on loopback only, and {0} is not: configure TLS, or say `behind_proxy` if a proxy ends TLS"
    )]
    PlainHttp(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// As configured.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key is no use.
    #[error("cannot use the certificate {} with its key", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A server with its socket.
pub struct Bound {
    address: SocketAddr,
    socket: TcpAcceptor,
    tls: Option<Tls>,
    endpoint: BoxEndpoint<'static, Response>,
    shutdown: Duration,
    requests: Arc<Requests>,
    meters: Meters,
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on `address` (`127.0.0.1:8080`; port 0 takes any). Connections wait until [`Bound::run`].
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn bind(self, address: &str) -> Result<Bound, Refused> {
        let listen = |source| Refused::Listen { address: address.to_owned(), source };
        let socket = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
        let bound = socket.local_addr().map_err(listen)?;
        let Settings { tls, behind_proxy, shutdown, .. } = self.settings.clone();
        if tls.is_none() && !behind_proxy && !bound.ip().is_loopback() {
            return Err(Refused::PlainHttp(bound));
        }
        let requests =
            Arc::new(Requests::new(self.settings.requests_per_second, self.settings.requests_burst));
        let meters = Meters::install();
        let (closing, closes) = Closing::new();
        let endpoint = self.endpoint_with(Arc::clone(&requests), meters.clone(), closes).boxed();
        if let Some(tls) = &tls {
            let refused = |source| Refused::Certificate { path: tls.certificate.clone(), source };
            // Turned into a stream it is checked; a renewal that is no use later is passed over by Poem.
            let _checked = read(tls).and_then(IntoTlsConfigStream::into_stream).map_err(refused)?;
        }
        let socket = TcpAcceptor::from_tokio(socket).map_err(listen)?;
        Ok(Bound { address: bound, socket, tls, endpoint, shutdown, requests, meters, closing })
    }
}

impl Bound {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, then takes no more and finishes what was accepted, for a bounded time.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let (requests, meters) = (self.requests, self.meters);
        let housekeeping = tokio::spawn(async move {
            for round in 1u32.. {
                tokio::time::sleep(FOLD_EVERY).await;
                meters.fold();
                if round % FORGET_EVERY == 0 {
                    requests.forget_idle();
                }
            }
        });
        let (endpoint, patience, closing) = (self.endpoint, Some(self.shutdown), self.closing);
        let shutdown = async move {
            shutdown.await;
            closing.send_replace(true);
        };
        let result = match self.tls {
            None => {
                let server = poem::Server::new_with_acceptor(self.socket).idle_timeout(IDLE);
                server.run_with_graceful_shutdown(endpoint, shutdown, patience).await
            }
            Some(tls) => {
                let acceptor = self.socket.rustls(certificates(tls).boxed());
                let server = poem::Server::new_with_acceptor(acceptor).idle_timeout(IDLE);
                server.run_with_graceful_shutdown(endpoint, shutdown, patience).await
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

/// The certificate as it is now, and again each time that its file has changed.
fn certificates(tls: Tls) -> impl Stream<Item = RustlsConfig> + Send {
    let changed = |tls: &Tls| std::fs::metadata(&tls.certificate).and_then(|file| file.modified()).ok();
    stream::unfold((tls, None::<SystemTime>), move |(tls, seen)| async move {
        loop {
            let now = changed(&tls);
            if now != seen
                && let Ok(config) = read(&tls)
            {
                if seen.is_some() {
                    tracing::info!("the certificate has changed and is read again");
                }
                return Some((config, (tls, now)));
            }
            tokio::time::sleep(RENEWAL_POLL).await;
        }
    })
}
