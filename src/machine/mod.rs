//! What a process is made of: the data directory, the groups, the bank, the mail and the edge, brought together. A
//! machine that is alone opens all groups itself; a node of a cluster those that the directory gives it.

pub mod bank;
pub mod data;
pub mod edge;
pub mod first;
pub mod mailing;
pub mod trust;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use group::{Client, Credentials};
use replica::{Limits, Node, NodeOptions};
use store::{LogSettings, NodeLog};
use token::Verifier;

use crate::services::{self, Front, Wiring};
use crate::settings::{Bank, Settings};
use bank::Counter;
use data::DataDir;
use trust::SignIn;

/// What a machine is started with.
pub struct Options<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// The settings.
    pub settings: Settings,
    /// Where the world finds it, without a slash at the end.
    pub public_url: String,
    /// Hold the log's writes back until they are synced, so that a killed process loses what a power cut would (states
    /// keep theirs in memory until then anyway). For crash tests.
    pub drop_unsynced: bool,
}

/// A machine with its groups.
pub struct Machine {
    /// Its groups.
    pub node: Arc<Node>,
    /// To call them with.
    pub client: Client,
    /// Tokens of its services.
    pub credentials: Arc<dyn Credentials>,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// Its directory.
    pub data: Arc<DataDir>,
    /// What the services and their apis are made of.
    pub wiring: Arc<Wiring>,
    /// The administrator's sign-in, at the first start.
    pub sign_in: Option<SignIn>,
    log: Arc<NodeLog>,
    sandbox: Mutex<Option<sandbox_bank::Running>>,
}

/// Where a machine's directory, log and way to others are.
pub struct Ground {
    /// The directory.
    pub data: Arc<DataDir>,
    /// The log that all groups share.
    pub log: Arc<NodeLog>,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// The groups.
    pub node: Arc<Node>,
}

impl Machine {
    /// Opens everything on a machine that is alone, and returns when each group leads.
    ///
    /// # Errors
    /// When something cannot be opened: which, and why.
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
            epoch: data.fixed().epoch,
            cache_bytes: settings.limits.cache_mib << 20,
        });
        let (sandbox, counter) = match kind {
            Bank::Sandbox => {
                let sandbox = bank::open_sandbox(&data.path, &settings, &public_url).await?;
                let counter = Counter::of_sandbox(&sandbox);
                (Some(sandbox), counter)
            }
            Bank::Stripe => (None, Counter::of_settings(&settings, kind)?),
        };
        let ground = Ground { data, log, verifier, node };
        let mut machine = Self::assemble(ground, settings, public_url, counter, sandbox)?;
        machine.open_all().await?;
        machine.until_led().await?;
        first::check_bank(&machine).await?;
        first::configure(&machine).await?;
        if machine.data.fixed().sessions_to_end {
            first::end_sessions(&machine).await?;
            machine.data.fix(|fixed| fixed.sessions_to_end = false)?;
        }
        if !machine.data.fixed().set_up {
            let host = mailing::host_of(&machine.wiring.front.public_url);
            machine.sign_in = trust::set_up_account(&machine.client, &*machine.credentials, host).await?;
            machine.data.fix(|fixed| fixed.set_up = true)?;
        }
        Ok(machine)
    }

    /// Puts a machine together whose groups are not open yet.
    ///
    /// # Errors
    /// When the settings of mail are not usable.
    pub fn assemble(
        ground: Ground,
        settings: Settings,
        public_url: String,
        counter: Counter,
        sandbox: Option<sandbox_bank::Running>,
    ) -> anyhow::Result<Self> {
        let Ground { data, log, verifier, node } = ground;
        let client = node.client();
        let name = data.node_name();
        let credentials: Arc<dyn Credentials> =
            Arc::new(auth::ServiceTokens::new(client.clone(), data.key.clone(), &name));
        node.set_credentials(Arc::clone(&credentials));
        let front = Front {
            key: data.key.clone(),
            bank: counter.bank,
            webhook_secret: counter.webhook_secret,
            publishable_key: counter.publishable_key,
            public_url,
            sign_ins: Arc::default(),
        };
        let mailer = mailing::mailer(&settings, &data.path)?;
        let from = mailing::address(&settings.mail.from)?;
        let wiring = Arc::new(Wiring { front, mailer, from, settings });
        Ok(Self {
            node,
            client,
            credentials,
            verifier,
            data,
            wiring,
            sign_in: None,
            log,
            sandbox: Mutex::new(sandbox),
        })
    }

    /// Opens `auth` first: without its keys nobody can be called.
    async fn open_all(&self) -> anyhow::Result<()> {
        let shards = self.data.fixed().shards;
        let (node, wiring) = (&self.node, &self.wiring);
        let mut auth = services::Alone { node, shards: &shards, wanted: |name| name == "auth" };
        services::enter(wiring, &mut auth).await?;
        trust::set_up_client(&self.client, &self.data, &wiring.front.public_url).await?;
        trust::follow(&self.client, &self.data, &self.verifier).await?;
        let mut others = services::Alone { node, shards: &shards, wanted: |name| name != "auth" };
        services::enter(wiring, &mut others).await
    }

    /// Closes everything in good order.
    pub async fn stop(&self) {
        let sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sandbox) = sandbox {
            sandbox.stop().await;
        }
        self.node.shutdown().await;
        let log = Arc::clone(&self.log);
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
    }

    /// Groups whose log cannot be applied: the others serve without them, `readyz` and `status` name them.
    fn given_up(&self) -> Vec<String> {
        let given_up = self.node.status().into_iter().filter(|group| group.quarantined.is_some());
        given_up.map(|group| group.group).collect()
    }

    async fn until_led(&self) -> anyhow::Result<()> {
        for _ in 0..2000 {
            if self.node.status().iter().all(|group| group.leader || group.quarantined.is_some()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("not every group has a leader after 10 s");
    }
}

/// What each group takes at a time.
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
