//! Starting and stopping the bank.

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

use crate::database::{Database, random_id};
use crate::faults::Faults;
use crate::server::{Api, Bank};
use crate::webhooks::{self, WebhookTarget};

/// The cache of the store, in bytes.
const CACHE_BYTES: u64 = 8 << 20;
/// The deadline of requests in progress when the bank stops.
const CLOSING: Duration = Duration::from_millis(200);

/// The options of the bank.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the store; created with mode 0700 if it does not exist.
    pub dir: PathBuf,
    /// Loopback only. Port 0 reuses the port of the last start if it is free.
    pub addr: SocketAddr,
    /// `sk_test_…`; `None`: a random key, which the store keeps.
    pub secret_key: Option<String>,
    /// `pk_test_…`, for pages; `None`: a random key, which the store keeps.
    pub publishable_key: Option<String>,
    /// The address and the secret of webhooks; they can be set later.
    pub webhook: Option<(String, String)>,
    /// The base URL of 3-D Secure pages, if it is not the bank's own address.
    pub public_url: Option<String>,
    /// The delay after which refunds of `pm_card_pendingRefund` and `pm_card_refundFail` change.
    pub refund_delay: Duration,
}

impl Options {
    /// A free port on loopback, random keys and no webhook.
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

/// Why the bank did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not on loopback.
    #[error("the sandbox bank listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The store cannot be opened.
    #[error("the sandbox bank's store")]
    Database(#[from] store::Fault),
    /// The address cannot be bound.
    #[error("the sandbox bank cannot listen on {addr}")]
    Listen {
        addr: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// The stored state of the bank itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct StoredSettings {
    secret_key: String,
    publishable_key: String,
    webhook_secret: String,
    port: u16,
}

/// The sandbox bank.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// A running bank. Dropping it stops the bank without waiting.
#[derive(Debug)]
pub struct Running {
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    /// The secret key, for servers.
    pub secret_key: String,
    /// The publishable key, for pages.
    pub publishable_key: String,
    /// The secret of webhook signatures.
    pub webhook_secret: String,
    bank: BankHandle,
    close: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    deliveries: JoinHandle<()>,
}

struct BankHandle(Arc<Bank>);

/// Without the keys.
impl std::fmt::Debug for BankHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bank")
    }
}

impl Sandbox {
    /// Opens the store and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let dir = options.dir.clone();
        let opened = tokio::task::spawn_blocking(move || Disk::open(&dir, CACHE_BYTES)).await;
        let disk = opened.map_err(|error| store::Fault::Io(error.to_string()))??;
        Self::start_on(Arc::new(disk), options).await
    }

    /// Like [`Sandbox::start`], with the caller's store.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_on(state: Arc<dyn State>, options: Options) -> Result<Running, StartError> {
        if !options.addr.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.addr));
        }
        let database = Database::new(state);
        let mut tx = database.begin();
        let stored = tx.get::<StoredSettings>("meta/kept")?.unwrap_or_default();
        let or = |given: Option<&String>, stored: &str, prefix: &str| match given {
            Some(given) => given.clone(),
            None if stored.is_empty() => random_id(prefix),
            None => stored.to_owned(),
        };
        let acceptor = listen(options.addr, stored.port).await?;
        let addr = acceptor.local_addr().into_iter().find_map(|addr| addr.as_socket_addr().copied());
        let addr = addr.unwrap_or(options.addr);
        let signed_with = options.webhook.as_ref().map(|(_, secret)| secret);
        let stored = StoredSettings {
            secret_key: or(options.secret_key.as_ref(), &stored.secret_key, "sk_test_sandbox_"),
            publishable_key: or(
                options.publishable_key.as_ref(),
                &stored.publishable_key,
                "pk_test_sandbox_",
            ),
            webhook_secret: or(signed_with, &stored.webhook_secret, "whsec_"),
            port: addr.port(),
        };
        tx.put("meta/kept", &stored);
        tx.commit()?;
        let base_url = format!("http://{addr}");
        let target = options.webhook.map(|(url, secret)| WebhookTarget { url, secret });
        let bank = Arc::new(Bank {
            database: Mutex::new(database),
            faults: Faults::default(),
            secret_key: stored.secret_key.clone(),
            publishable_key: stored.publishable_key.clone(),
            webhook_secret: stored.webhook_secret.clone(),
            base_url: RwLock::new(options.public_url.unwrap_or_else(|| base_url.clone())),
            refund_delay: options.refund_delay,
            target: RwLock::new(target),
            request_done: tokio::sync::Notify::new(),
        });
        let (close, closed) = oneshot::channel::<()>();
        let api = Api(Arc::clone(&bank));
        let server = tokio::spawn(async move {
            // Stopped explicitly, or by dropping the handle.
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
        let deliveries = tokio::spawn(webhooks::deliver(Arc::clone(&bank)));
        Ok(Running {
            base_url,
            secret_key: stored.secret_key,
            publishable_key: stored.publishable_key,
            webhook_secret: stored.webhook_secret,
            bank: BankHandle(bank),
            close: Some(close),
            server: Some(server),
            deliveries,
        })
    }
}

impl Running {
    /// Fault injection for tests.
    pub fn faults(&self) -> &Faults {
        &self.bank.0.faults
    }

    /// Sets the address of webhooks, which are signed with [`Running::webhook_secret`].
    pub fn send_webhooks_to(&self, url: impl Into<String>) {
        let target = WebhookTarget { url: url.into(), secret: self.webhook_secret.clone() };
        self.bank.0.set_target(Some(target));
    }

    /// Stops the bank and closes its store.
    pub async fn stop(mut self) {
        self.deliveries.abort();
        let _ = (&mut self.deliveries).await;
        self.close.take();
        if let Some(server) = self.server.take() {
            let _ = server.await;
        }
        // Other threads that are still running keep the store open.
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

/// The port of the last start, so that links to its pages stay valid over a restart.
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
