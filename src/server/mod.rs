//! The composition of a process: data directory, groups, bank, mail and edge. A single node ([`Server::start`]) opens all
//! groups itself; a node of a cluster ([`cluster_node`]) opens those that the directory places on it.

pub mod archive;
pub mod bank;
pub mod cluster_node;
pub mod data_dir;
pub mod demo;
pub mod edge;
pub mod first_start;
pub mod local_cluster;
mod local_node;
pub mod mail;
pub mod openapi;
pub mod restore;
pub mod trust;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use group::{Client, Credentials};
use replica::{Limits, Node, NodeOptions};
use store::{LogSettings, NodeLog};
use token::Verifier;

use crate::services::{self, ApiDependencies, ServiceDependencies};
use crate::settings::{Bank, Settings};
use bank::PaymentSettings;
use data_dir::DataDir;
use trust::AdministratorSignIn;

/// Options of [`Server::start`].
pub struct Options<'a> {
    /// The data directory.
    pub data: &'a Path,
    pub settings: Settings,
    /// The address that clients use, without a slash at its end.
    pub public_url: String,
    /// Hold the log's writes in memory until they are synced, so that a killed process loses what a power failure would
    /// lose (states keep their writes in memory between flushes anyway). For crash tests.
    pub drop_unsynced: bool,
}

/// A process with its groups.
pub struct Server {
    pub node: Arc<Node>,
    /// Calls the services.
    pub client: Client,
    /// Issues tokens of the services.
    pub credentials: Arc<dyn Credentials>,
    pub verifier: Arc<Verifier>,
    pub data: Arc<DataDir>,
    pub settings: Settings,
    pub dependencies: Arc<ServiceDependencies>,
    /// The administrator's sign-in, on the first start only.
    pub sign_in: Option<AdministratorSignIn>,
    log: Arc<NodeLog>,
    sandbox: Mutex<Option<sandbox_bank::Running>>,
}

/// What a [`Server`] is assembled from.
pub struct ServerParts {
    pub data: Arc<DataDir>,
    /// The log that all groups share.
    pub log: Arc<NodeLog>,
    pub verifier: Arc<Verifier>,
    pub node: Arc<Node>,
}

impl Server {
    /// Opens every group on a single node, and returns when each of them leads.
    ///
    /// # Errors
    /// When something cannot be opened.
    pub async fn start(options: Options<'_>) -> anyhow::Result<Self> {
        let Options { data, settings, public_url, drop_unsynced } = options;
        let kind = settings.payments.bank.unwrap_or(Bank::Sandbox);
        let data = Arc::new(DataDir::open(data, &settings, kind)?);
        let log = open_log(&data.path, drop_unsynced)?;
        let verifier = Arc::new(Verifier::new(public_url.clone(), &data.key));
        let node = Node::new(NodeOptions {
            data: data.path.clone(),
            log: Arc::clone(&log),
            verifier: Arc::clone(&verifier),
            network: Arc::new(consensus::NoNetwork),
            limits: limits(&settings),
            epoch: data.metadata().epoch,
            cache_bytes: settings.limits.cache_mib << 20,
        });
        let (sandbox, payment_settings) = match kind {
            Bank::Sandbox => {
                let sandbox = bank::open_sandbox(&data.path, &settings, &public_url).await?;
                let payment_settings = PaymentSettings::of_sandbox(&sandbox);
                (Some(sandbox), payment_settings)
            }
            Bank::Stripe => (None, PaymentSettings::of_settings(&settings, kind)?),
        };
        let parts = ServerParts { data, log, verifier, node };
        let mut server = Self::assemble(parts, settings, public_url, payment_settings, sandbox)?;
        server.open_all().await?;
        server.wait_for_leaders().await?;
        first_start::check_bank(&server).await?;
        first_start::configure(&server).await?;
        if server.data.metadata().sessions_to_end {
            first_start::end_sessions(&server).await?;
            server.data.update_metadata(|metadata| metadata.sessions_to_end = false)?;
        }
        if !server.data.metadata().set_up {
            let host = mail::host_of(&server.dependencies.apis.public_url);
            server.sign_in = trust::set_up_account(&server.client, &*server.credentials, host).await?;
            server.data.update_metadata(|metadata| metadata.set_up = true)?;
        }
        Ok(server)
    }

    /// Assembles a server whose groups are not open yet.
    ///
    /// # Errors
    /// When the settings of mail are not valid.
    pub fn assemble(
        parts: ServerParts,
        settings: Settings,
        public_url: String,
        payment_settings: PaymentSettings,
        sandbox: Option<sandbox_bank::Running>,
    ) -> anyhow::Result<Self> {
        let ServerParts { data, log, verifier, node } = parts;
        let client = node.client();
        let name = data.node_name();
        let credentials: Arc<dyn Credentials> =
            Arc::new(auth::ServiceTokens::new(client.clone(), data.key.clone(), &name));
        node.set_credentials(Arc::clone(&credentials));
        let apis = ApiDependencies {
            key: data.key.clone(),
            bank: payment_settings.bank,
            webhook_secret: payment_settings.webhook_secret,
            publishable_key: payment_settings.publishable_key,
            bank_script_url: payment_settings.script_url,
            public_url,
            card_attempts_max: settings.limits.card_attempts_max,
            address_card_attempts_max: settings.limits.address_card_attempts_max,
        };
        let mailer = mail::mailer(&settings, &data.path)?;
        let from = mail::address(&settings.mail.from)?;
        let brand_name = settings.brand.name.clone();
        let dependencies = Arc::new(ServiceDependencies { apis, mailer, from, brand_name });
        Ok(Self {
            node,
            client,
            credentials,
            verifier,
            data,
            settings,
            dependencies,
            sign_in: None,
            log,
            sandbox: Mutex::new(sandbox),
        })
    }

    /// Opens `auth` first: calls to the other services need its signing keys.
    async fn open_all(&self) -> anyhow::Result<()> {
        let shards = self.data.metadata().shards;
        let (node, dependencies) = (&self.node, &self.dependencies);
        let mut auth = services::SingleNode { node, shards: &shards, includes: |name| name == "auth" };
        services::register_all(dependencies, &mut auth).await?;
        trust::set_up_client(&self.client, &self.data, &dependencies.apis.public_url).await?;
        trust::start_fetching_keys(&self.client, &self.data, &self.verifier).await?;
        let mut others = services::SingleNode { node, shards: &shards, includes: |name| name != "auth" };
        services::register_all(dependencies, &mut others).await
    }

    /// Closes the groups, the sandbox bank and the log.
    pub async fn stop(&self) {
        let sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sandbox) = sandbox {
            sandbox.stop().await;
        }
        self.node.shutdown().await;
        let log = Arc::clone(&self.log);
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
    }

    /// Groups that are quarantined because their log cannot be applied. The others serve; `readyz` and `status` name them.
    fn quarantined_groups(&self) -> Vec<String> {
        let quarantined = self.node.status().into_iter().filter(|group| group.quarantined.is_some());
        quarantined.map(|group| group.group).collect()
    }

    async fn wait_for_leaders(&self) -> anyhow::Result<()> {
        for _ in 0..2000 {
            if self.node.status().iter().all(|group| group.leader || group.quarantined.is_some()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("not every group has a leader after 10 s");
    }
}

/// Limits of each group.
pub fn limits(settings: &Settings) -> Limits {
    Limits { calls_max: settings.limits.calls_max, ..Limits::default() }
}

/// Opens the log that all groups of a node share.
///
/// # Errors
/// When it cannot be opened.
pub fn open_log(data: &Path, drop_unsynced: bool) -> anyhow::Result<Arc<NodeLog>> {
    let dir = data.join("log");
    let opened = if drop_unsynced {
        store::SegmentLogStorage::open(&dir).and_then(|rows| {
            NodeLog::with_storage(
                Arc::new(store::UnsyncedLogStorage::new(Arc::new(rows))),
                LogSettings::default(),
            )
        })
    } else {
        NodeLog::open(&dir, LogSettings::default())
    };
    opened.map_err(|fault| anyhow::anyhow!("the log: {fault}"))
}
