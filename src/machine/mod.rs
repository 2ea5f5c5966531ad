//! One machine that runs everything: the data directory, the groups, the bank, the mail and the edge, brought together.

pub mod data;
pub mod trust;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use group::{Client, Credentials};
use mail::{Address, Mailer};
use replica::{Limits, Node, NodeOptions};
use store::{LogSettings, NodeLog};
use token::Verifier;

use crate::services::{self, Front, Wiring};
use crate::settings::{self, Bank, MailTransport, Settings};
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
    /// Hold writes back until they are synced. For crash tests.
    pub drop_unsynced: bool,
}

/// A machine with all its groups running.
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
    pub data: DataDir,
    /// What the services and their faces are made of.
    pub wiring: Arc<Wiring>,
    /// The administrator's sign-in, at the first start.
    pub sign_in: Option<SignIn>,
    log: Arc<NodeLog>,
    sandbox: Option<sandbox_bank::Running>,
}

impl Machine {
    /// Opens everything, and returns when each group leads.
    ///
    /// # Errors
    /// When something cannot be opened: which, and why.
    pub async fn start(options: Options<'_>) -> anyhow::Result<Self> {
        let Options { data, settings, public_url, drop_unsynced } = options;
        let bank = settings.payments.bank.unwrap_or(Bank::Sandbox);
        let data = DataDir::open(data, &settings, bank)?;
        let log = open_log(&data.path, drop_unsynced)?;
        let verifier = Arc::new(Verifier::new(public_url.clone(), &data.key));
        let node = Node::new(NodeOptions {
            data: data.path.clone(),
            log: Arc::clone(&log),
            verifier: Arc::clone(&verifier),
            network: Arc::new(consensus::Alone),
            limits: limits(&settings, &data),
            epoch: data.fixed.epoch,
            cache_bytes: settings.limits.cache_mib << 20,
            drop_unsynced,
        });
        let client = node.client();
        let credentials: Arc<dyn Credentials> =
            Arc::new(auth::ServiceTokens::new(client.clone(), data.key.clone(), trust::NODE_NAME));
        node.set_credentials(Arc::clone(&credentials));
        let sandbox = match bank {
            Bank::Sandbox => Some(open_sandbox(&data.path, &settings, &public_url).await?),
            Bank::Stripe => None,
        };
        let front = Front {
            key: data.key.clone(),
            bank: bank_settings(&settings, sandbox.as_ref())?,
            webhook_secret: webhook_secret(&settings, sandbox.as_ref()),
            publishable_key: publishable_key(&settings, sandbox.as_ref()),
            public_url: public_url.clone(),
            sign_ins: Arc::default(),
        };
        let mailer = mailer(&settings, &data.path)?;
        let from = address(&settings.mail.from)?;
        let wiring = Arc::new(Wiring { front, mailer, from, settings });
        services::host_auth(&node, &wiring, &data.fixed).await?;
        trust::set_up_client(&client, &data, &public_url).await?;
        trust::follow(&client, &data.key, &verifier).await?;
        services::host_others(&node, &wiring, &data.fixed).await?;
        let mut machine =
            Self { node, client, credentials, verifier, data, wiring, sign_in: None, log, sandbox };
        machine.until_led().await?;
        machine.check_bank().await?;
        machine.configure().await?;
        if machine.data.fixed.sessions_to_end {
            machine.end_sessions().await?;
            machine.data.fix(|fixed| fixed.sessions_to_end = false)?;
        }
        if !machine.data.fixed.set_up {
            let host = host_of(&public_url);
            machine.sign_in = trust::set_up_account(&machine.client, &*machine.credentials, host).await?;
            machine.data.fix(|fixed| fixed.set_up = true)?;
        }
        Ok(machine)
    }

    /// Closes everything in good order.
    pub async fn stop(mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.stop().await;
        }
        self.node.shutdown().await;
        let log = Arc::clone(&self.log);
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
    }

    /// A store that has payments of one kind of bank takes no other: money would be looked for where it is not.
    async fn check_bank(&self) -> anyhow::Result<()> {
        if self.given_up().iter().any(|group| group.starts_with("payments/")) {
            return Ok(());
        }
        let token = self.credentials.service_token("payments", None).await?;
        let call = group::Call::bearer(token, Duration::from_secs(10));
        let checked =
            payments::flow::check_bank_mode(&self.client, &call, self.wiring.front.bank.mode()).await;
        checked.map_err(anyhow::Error::msg)
    }

    async fn end_sessions(&self) -> anyhow::Result<()> {
        let token = self.credentials.service_token("setup", None).await?;
        let call = group::Call::bearer(token, Duration::from_secs(10));
        let command = contracts::auth::Command::EndAllSessions;
        let ended = self.client.command::<contracts::auth::Auth>(&call, command).await;
        ended.map(drop).map_err(|failure| anyhow::anyhow!("ending sessions: {failure:?}"))
    }

    /// Tells each shard of reservations its settings: they are part of its log, so that all replicas go by the same.
    async fn configure(&self) -> anyhow::Result<()> {
        use contracts::reservations::{Command, Reservations};
        let token = self.credentials.service_token("setup", None).await?;
        let call = group::Call::bearer(token, Duration::from_secs(10));
        let shards = self.data.fixed.shards["reservations"];
        for shard in 0..shards {
            let mut slots = (0..contract::SLOTS).map(|slot| contract::Slot::of(u128::from(slot) << 112));
            let slot = slots.find(|slot| slot.shard(shards) == shard).context("each shard has slots")?;
            if self.given_up().contains(&format!("reservations/{shard}")) {
                continue;
            }
            let settings = self.wiring.settings.reservations.clone().into();
            let configured =
                self.client.command::<Reservations>(&call, Command::Configure { slot, settings }).await;
            configured.map_err(|failure| anyhow::anyhow!("[reservations] of the settings: {failure:?}"))?;
        }
        Ok(())
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

/// After a restore effects wait for an operator: what was paid back once must not be paid back twice.
fn limits(settings: &Settings, data: &DataDir) -> Limits {
    let usual = Limits { calls_max: settings.limits.calls_max, ..Limits::default() };
    if data.fixed.effects_held { Limits { effects_max: 0, ..usual } } else { usual }
}

fn open_log(data: &Path, drop_unsynced: bool) -> anyhow::Result<Arc<NodeLog>> {
    let dir = data.join("log");
    let opened = if drop_unsynced {
        store::SegmentRows::open(&dir).and_then(|rows| {
            NodeLog::over(Arc::new(store::UnsyncedRows::new(Arc::new(rows))), LogSettings::default())
        })
    } else {
        NodeLog::open(&dir, LogSettings::default())
    };
    opened.map_err(|fault| anyhow::anyhow!("the log: {fault}"))
}

async fn open_sandbox(
    data: &Path,
    settings: &Settings,
    public_url: &str,
) -> anyhow::Result<sandbox_bank::Running> {
    let mut options = sandbox_bank::Options::new(data.join("bank"));
    if let Some(address) = settings.payments.sandbox_address {
        options.addr = address;
    }
    let bank = sandbox_bank::Sandbox::start(options).await.context("the sandbox bank")?;
    bank.send_webhooks_to(format!("{public_url}/v1/webhooks/stripe"));
    Ok(bank)
}

fn bank_settings(
    settings: &Settings,
    sandbox: Option<&sandbox_bank::Running>,
) -> anyhow::Result<payments::BankSettings> {
    if let Some(bank) = sandbox {
        return Ok(payments::BankSettings {
            base_url: bank.base_url.clone(),
            secret_key: bank.secret_key.clone(),
            sandbox: true,
            timeout: None,
        });
    }
    let need = |name: &str, value: &Option<String>| {
        value.clone().with_context(|| format!("payments.{name} is needed with bank = \"stripe\""))
    };
    Ok(payments::BankSettings {
        base_url: need("base_url", &settings.payments.base_url)?,
        secret_key: need("secret_key", &settings.payments.secret_key)?,
        sandbox: false,
        timeout: None,
    })
}

fn webhook_secret(
    settings: &Settings,
    sandbox: Option<&sandbox_bank::Running>,
) -> Option<payments::WebhookSecret> {
    let secret =
        sandbox.map(|bank| bank.webhook_secret.clone()).or_else(|| settings.payments.webhook_secret.clone());
    secret.map(payments::WebhookSecret::new)
}

fn publishable_key(settings: &Settings, sandbox: Option<&sandbox_bank::Running>) -> String {
    let own = || settings.payments.publishable_key.clone().unwrap_or_default();
    sandbox.map_or_else(own, |bank| bank.publishable_key.clone())
}

fn mailer(settings: &Settings, data: &Path) -> anyhow::Result<Mailer> {
    let mail = &settings.mail;
    let to = match mail.transport {
        MailTransport::Files => mail::Settings::Directory { path: data.join("outbox") },
        MailTransport::Smtp => {
            let host = mail.host.clone().context("mail.host is needed with transport = \"smtp\"")?;
            let read = |path: &std::path::PathBuf| {
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
            };
            mail::Settings::Smtp(mail::Smtp {
                port: mail.port,
                encryption: match mail.encryption {
                    settings::Encryption::Starttls => mail::Encryption::Starttls,
                    settings::Encryption::Tls => mail::Encryption::Tls,
                    settings::Encryption::None => mail::Encryption::None,
                },
                user: mail.user.clone(),
                password: mail.password.clone(),
                root_ca: mail.root_ca.as_ref().map(read).transpose()?,
                ..mail::Smtp::new(host)
            })
        }
    };
    Mailer::new(&to).context("mail")
}

/// `Name <address>` or an address alone.
fn address(text: &str) -> anyhow::Result<Address> {
    let (name, email) =
        text.rsplit_once('<').map_or(("", text), |(name, email)| (name, email.trim_end_matches('>')));
    Address::new(name.trim(), email.trim()).with_context(|| format!("mail.from, `{text}`"))
}

/// `inn.example` of `https://inn.example:8443/x`; with a dot in any case, since mail addresses want one.
fn host_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    if host.contains('.') && !host.starts_with(|c: char| c.is_ascii_digit()) {
        host
    } else {
        "auberge.example"
    }
}
