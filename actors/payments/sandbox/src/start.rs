//! Opening the bank, and closing it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use serde::{Deserialize, Serialize};
use store::{Disk, State};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::books::{Books, fresh};
use crate::faults::Faults;
use crate::hooks::{self, Target};
use crate::server::{Api, Bank};

/// Memory for the books.
const CACHE_BYTES: u64 = 8 << 20;
/// Requests under way are given this long when the bank closes.
const CLOSING: Duration = Duration::from_millis(200);

/// How to open the bank.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the books are; made (0700) if they are not there.
    pub dir: PathBuf,
    /// Loopback only. With port 0, the port that it had last time is taken again if it is free.
    pub addr: SocketAddr,
    /// `sk_test_…`; without one, the books keep a random one.
    pub secret_key: Option<String>,
    /// `pk_test_…`, for pages; without one, the books keep a random one.
    pub publishable_key: Option<String>,
    /// Where events go and what they are signed with; can be said later.
    pub webhook: Option<(String, String)>,
    /// What links to the page for 3-D Secure begin with, if not with the bank's own address.
    pub public_url: Option<String>,
    /// After which `pm_card_pendingRefund` and `pm_card_refundFail` change.
    pub refund_delay: Duration,
}

impl Options {
    /// On a free port of loopback, with random keys and no webhook.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_key: None,
            publishable_key: None,
            webhook: None,
            public_url: None,
            refund_delay: Duration::from_secs(5),
        }
    }
}

/// Why the bank stays closed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is no bank for others.
    #[error("the sandbox bank listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The books cannot be opened.
    #[error("the sandbox bank's books")]
    Books(#[from] store::Fault),
    /// The address is taken.
    #[error("the sandbox bank cannot listen on {addr}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What the books keep about the bank itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    secret_key: String,
    publishable_key: String,
    webhook_secret: String,
    port: u16,
}

/// The bank, to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// The bank while it is open. Dropping it closes it without waiting.
#[derive(Debug)]
pub struct Running {
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    /// For servers.
    pub secret_key: String,
    /// For pages.
    pub publishable_key: String,
    /// What events are signed with.
    pub webhook_secret: String,
    bank: BankHandle,
    close: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    deliveries: JoinHandle<()>,
}

struct BankHandle(Arc<Bank>);

/// It holds keys.
impl std::fmt::Debug for BankHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bank")
    }
}

impl Sandbox {
    /// Opens the books and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let dir = options.dir.clone();
        let opened = tokio::task::spawn_blocking(move || Disk::open(&dir, CACHE_BYTES)).await;
        let disk = opened.map_err(|error| store::Fault::Io(error.to_string()))??;
        Self::start_on(Arc::new(disk), options).await
    }

    /// As [`Sandbox::start`], with books of the caller's.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_on(state: Arc<dyn State>, options: Options) -> Result<Running, StartError> {
        if !options.addr.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.addr));
        }
        let books = Books::new(state);
        let mut entry = books.entry();
        let kept = entry.get::<Kept>("meta/kept")?.unwrap_or_default();
        let or = |given: Option<&String>, kept: &str, prefix: &str| match given {
            Some(given) => given.clone(),
            None if kept.is_empty() => fresh(prefix),
            None => kept.to_owned(),
        };
        let acceptor = listen(options.addr, kept.port).await?;
        let addr = acceptor.local_addr().into_iter().find_map(|addr| addr.as_socket_addr().copied());
        let addr = addr.unwrap_or(options.addr);
        let signed_with = options.webhook.as_ref().map(|(_, secret)| secret);
        let kept = Kept {
            secret_key: or(options.secret_key.as_ref(), &kept.secret_key, "sk_test_sandbox_"),
            publishable_key: or(options.publishable_key.as_ref(), &kept.publishable_key, "pk_test_sandbox_"),
            webhook_secret: or(signed_with, &kept.webhook_secret, "whsec_"),
            port: addr.port(),
        };
        entry.put("meta/kept", &kept);
        entry.land()?;
        let base_url = format!("http://{addr}");
        let target = options.webhook.map(|(url, secret)| Target { url, secret });
        let bank = Arc::new(Bank {
            books: Mutex::new(books),
            faults: Faults::default(),
            secret_key: kept.secret_key.clone(),
            publishable_key: kept.publishable_key.clone(),
            webhook_secret: kept.webhook_secret.clone(),
            base_url: RwLock::new(options.public_url.unwrap_or_else(|| base_url.clone())),
            refund_delay: options.refund_delay,
            target: RwLock::new(target),
            asked: tokio::sync::Notify::new(),
        });
        let (close, closed) = oneshot::channel::<()>();
        let api = Api(Arc::clone(&bank));
        let server = tokio::spawn(async move {
            // Closed by hand, or because the handle is gone.
            let until = async {
                let _ = closed.await;
            };
            let served = Server::new_with_acceptor(acceptor)
                .run_with_graceful_shutdown(api, until, Some(CLOSING))
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the sandbox bank stopped");
            }
        });
        let deliveries = tokio::spawn(hooks::deliver(Arc::clone(&bank)));
        Ok(Running {
            base_url,
            secret_key: kept.secret_key,
            publishable_key: kept.publishable_key,
            webhook_secret: kept.webhook_secret,
            bank: BankHandle(bank),
            close: Some(close),
            server: Some(server),
            deliveries,
        })
    }
}

impl Running {
    /// Switches for tests.
    pub fn faults(&self) -> &Faults {
        &self.bank.0.faults
    }

    /// Where events go from now on, signed with [`Running::webhook_secret`].
    pub fn send_webhooks_to(&self, url: impl Into<String>) {
        let target = Target { url: url.into(), secret: self.webhook_secret.clone() };
        self.bank.0.set_target(Some(target));
    }

    /// Closes the bank and its books.
    pub async fn stop(mut self) {
        self.deliveries.abort();
        let _ = (&mut self.deliveries).await;
        self.close.take();
        if let Some(server) = self.server.take() {
            let _ = server.await;
        }
        // Work that is still under way on other threads has the books open.
        for _ in 0..100 {
            if Arc::strong_count(&self.bank.0) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.deliveries.abort();
    }
}

/// The port of last time keeps links to its pages alive over a restart.
async fn listen(addr: SocketAddr, last_port: u16) -> Result<impl Acceptor, StartError> {
    let bind = |addr: SocketAddr| TcpListener::bind(addr).into_acceptor();
    if addr.port() == 0
        && last_port != 0
        && let Ok(acceptor) = bind(SocketAddr::new(addr.ip(), last_port)).await
    {
        return Ok(acceptor);
    }
    bind(addr).await.map_err(|source| StartError::Listen { addr, source })
}
