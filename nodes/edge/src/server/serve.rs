//! Serves HTTP/1 and HTTP/2 on accepted connections. Poem's own loop has no timeout for heads and no limits of connections.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Response};
use tokio::task::JoinSet;

use super::connections::{Connection, Connections};
use super::head::{HeadLimits, URI_BYTES_MAX};
use super::shutdown::ShutdownSignal;
use super::socket::Socket;

/// The time between attempts to accept after the process has run out of file descriptors or memory.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// The time that a connection has to send the rest of a response after its last request.
const FLUSH: Duration = Duration::from_secs(5);
/// HTTP/2 streams that were reset before they were accepted, until the connection is closed (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// The maximum number of concurrent requests of an HTTP/2 connection.
const STREAMS_MAX: u32 = 100;

/// How connections are served.
pub(crate) struct Serving {
    pub endpoint: Arc<BoxEndpoint<'static, Response>>,
    pub connections: Arc<Connections>,
    pub head: HeadLimits,
    /// Connections come from a proxy: the number of those from one address has no limit.
    pub behind_proxy: bool,
    /// The time that requests in progress have after a shutdown.
    pub shutdown: Duration,
}

impl Serving {
    /// Accepts and serves connections until the shutdown, and finishes requests in progress.
    pub(crate) async fn run(self, mut acceptor: impl Acceptor, shutdown: ShutdownSignal) {
        let serving = Arc::new(self);
        let mut tasks = JoinSet::new();
        let stopping = shutdown.clone().wait();
        tokio::pin!(stopping);
        let mut refused = Throttle::default();
        loop {
            tokio::select! {
                () = &mut stopping => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                accepted = acceptor.accept() => match accepted {
                    Ok((io, local, remote, scheme)) => {
                        let address = serving.limited_address(&remote);
                        match serving.connections.admit(address) {
                            Some(connection) => {
                                let (serving, addresses) = (Arc::clone(&serving), (local, remote, scheme));
                                tasks.spawn(serving.connection(io, addresses, connection, shutdown.clone()));
                            }
                            None => {
                                metrics::counter!("http_connections_refused_total").increment(1);
                                refused.warn("connections are refused: a limit is reached, and all have requests in progress");
                            }
                        }
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        refused.warn(&format!("cannot accept connections: {error}"));
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                },
            }
        }
        drop(acceptor);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(serving.shutdown, finished).await.is_err() {
            tracing::info!("closed the connections whose requests did not end in time");
        }
    }

    /// The address that counts, unless it is a proxy's or of this machine.
    fn limited_address(&self, remote: &RemoteAddr) -> Option<std::net::IpAddr> {
        let address = remote.as_socket_addr()?.ip().to_canonical();
        (!self.behind_proxy && !address.is_loopback()).then_some(address)
    }

    async fn connection<T>(
        self: Arc<Self>,
        io: T,
        addresses: (LocalAddr, RemoteAddr, Scheme),
        connection: Connection,
        shutdown: ShutdownSignal,
    ) where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let endpoint = Arc::clone(&self.endpoint);
        let requests = connection.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let guard = requests.begin_request();
            let (local, remote, scheme) = addresses.clone();
            let endpoint = Arc::clone(&endpoint);
            async move {
                let response = endpoint.get_response((request, local, remote, scheme).into()).await;
                let response: hyper::Response<http_body_util::combinators::BoxBody<_, _>> = response.into();
                // The body owns the guard: the request is in progress until its response has been sent.
                Ok::<_, Infallible>(response.map(|body| {
                    body.map_err(move |error| {
                        let _in_progress = &guard;
                        error
                    })
                }))
            }
        });
        let write_timeout = self.connections.limits().idle_timeout;
        let socket = TokioIo::new(Socket::new(io, connection.clone(), write_timeout));
        let builder = self.builder();
        let served = builder.serve_connection(socket, service);
        tokio::pin!(served);
        tokio::select! {
            _ = &mut served => return,
            () = connection.evicted() => return,
            () = connection.timed_out() => {}
            () = shutdown.wait() => {}
        }
        served.as_mut().graceful_shutdown();
        tokio::select! {
            _ = &mut served => {}
            () = quiet_for(&connection, FLUSH) => {}
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let HeadLimits { headers_max, header_bytes_max } = self.head;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The middleware refuses large heads with a problem. These limits bound memory.
        let buffer = (header_bytes_max + URI_BYTES_MAX).next_power_of_two();
        // `Connection::timed_out` limits the time of a head, also before hyper knows the version.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(buffer);
        if headers_max > 100 {
            // More than hyper's default.
            builder.http1().max_headers(headers_max + 1);
        }
        let list = u32::try_from(buffer + 64 * headers_max).unwrap_or(u32::MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(list)
            .max_concurrent_streams(STREAMS_MAX)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX);
        builder
    }
}

/// Resolves when the connection has had no request in progress for this time.
async fn quiet_for(connection: &Connection, time: Duration) {
    let mut quiet = Duration::ZERO;
    while quiet < time {
        let step = time / 10;
        tokio::time::sleep(step).await;
        quiet = if connection.is_quiet() { quiet + step } else { Duration::ZERO };
    }
}

/// Whether accepting failed because of the connection, so that the next one can be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Logs a warning at most every ten seconds.
#[derive(Debug, Default)]
struct Throttle(Option<tokio::time::Instant>);

impl Throttle {
    fn warn(&mut self, message: &str) {
        if self.0.is_none_or(|last| last.elapsed() > Duration::from_secs(10)) {
            self.0 = Some(tokio::time::Instant::now());
            tracing::warn!("{message}");
        }
    }
}
