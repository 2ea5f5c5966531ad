//! Settings: defaults, then a file, then `AUBERGE_*` variables, then flags; the later word counts.

mod check;
mod cluster;
mod load;

pub use check::check_all;
pub use cluster::{Cluster, Node, Seed};
pub use load::{load, load_cluster};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that can be set. `cluster.toml` is the commented sample.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The hotel group.
    pub brand: Brand,
    /// How the world reaches this node.
    pub http: Http,
    /// Where mail goes.
    pub mail: Mail,
    /// Who the bank is.
    pub payments: Payments,
    /// How rooms are held.
    pub reservations: Reservations,
    /// Limits.
    pub limits: Limits,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceSettings>,
    /// The cluster, for `auberge node`.
    pub cluster: Cluster,
    /// Its nodes, by name.
    pub nodes: BTreeMap<String, Node>,
}

/// The hotel group as guests see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brand {
    /// Its name.
    pub name: String,
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: "Auberge".to_owned() }
    }
}

/// How the world reaches this node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen.
    pub address: SocketAddr,
    /// How guests write the address: what links in mails and QR codes begin with. `http://ADDRESS` by default.
    pub public_url: Option<String>,
    /// A reverse proxy in front speaks TLS.
    pub behind_proxy: bool,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// A PEM file with the certificate chain, for TLS.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its key.
    pub certificate_key: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            address: ([127, 0, 0, 1], 8080).into(),
            public_url: None,
            behind_proxy: false,
            cors_origins: Vec::new(),
            certificate: None,
            certificate_key: None,
        }
    }
}

/// Where mail goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `files` (into `DATA/outbox/`) or `smtp`.
    pub transport: MailTransport,
    /// Who writes: `Name <address>`.
    pub from: String,
    /// The SMTP server.
    pub host: Option<String>,
    /// Its port; the usual one of `encryption` by default.
    pub port: Option<u16>,
    /// `starttls`, `tls`, or `none` for a relay on this machine.
    pub encryption: Encryption,
    /// The account at the server.
    pub user: Option<String>,
    /// Its password. Better as a file, by `AUBERGE_MAIL__PASSWORD_FILE`.
    pub password: Option<String>,
    /// A PEM file with certificates to trust beside the system's.
    pub root_ca: Option<PathBuf>,
    /// Where `files` go, if not into `DATA/outbox/`.
    pub folder: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: MailTransport::Files,
            from: "Auberge <reservations@auberge.example>".to_owned(),
            host: None,
            port: None,
            encryption: Encryption::Starttls,
            user: None,
            password: None,
            root_ca: None,
            folder: None,
        }
    }
}

/// See [`Mail::transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// `.eml` files.
    Files,
    /// A server.
    Smtp,
}

/// See [`Mail::encryption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Required after connecting.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all.
    None,
}

/// Who the bank is.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Payments {
    /// `sandbox` or `stripe`; `serve` takes the sandbox when nothing is said.
    pub bank: Option<Bank>,
    /// Where a Stripe-speaking server is; for nodes of a cluster, also where their common sandbox is.
    pub base_url: Option<String>,
    /// Its secret key. Better as a file, by `AUBERGE_PAYMENTS__SECRET_KEY_FILE`.
    pub secret_key: Option<String>,
    /// Its publishable key, for the pages.
    pub publishable_key: Option<String>,
    /// With what it signs webhooks. Better as a file, by `AUBERGE_PAYMENTS__WEBHOOK_SECRET_FILE`.
    pub webhook_secret: Option<String>,
    /// Where the sandbox listens; any free port of loopback by default.
    pub sandbox_address: Option<SocketAddr>,
}

/// See [`Payments::bank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bank {
    /// Built in, for trying out: no money moves.
    Sandbox,
    /// Stripe, or a server that speaks its API.
    Stripe,
}

/// How rooms are held.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reservations {
    /// Unpaid holds that an account or a guest's session may have at a time.
    pub unpaid_holds_max: u32,
    /// The same for OAuth clients by their id; one that is not named has no limit.
    pub client_unpaid_holds_max: BTreeMap<String, u32>,
    /// How long a hold lasts, in seconds.
    pub hold_secs: u32,
    /// By how much the first payment extends it, in seconds.
    pub hold_extension_secs: u32,
    /// How many days ahead nights are sold.
    pub horizon_days: u32,
}

impl Default for Reservations {
    fn default() -> Self {
        let usual = contracts::reservations::Settings::default();
        Self {
            unpaid_holds_max: usual.unpaid_holds_max,
            client_unpaid_holds_max: usual.client_unpaid_holds_max,
            hold_secs: usual.hold_secs,
            hold_extension_secs: usual.hold_extension_secs,
            horizon_days: usual.horizon_days,
        }
    }
}

impl From<Reservations> for contracts::reservations::Settings {
    fn from(settings: Reservations) -> Self {
        Self {
            unpaid_holds_max: settings.unpaid_holds_max,
            client_unpaid_holds_max: settings.client_unpaid_holds_max,
            hold_secs: settings.hold_secs,
            hold_extension_secs: settings.hold_extension_secs,
            horizon_days: settings.horizon_days,
        }
    }
}

/// Limits, with their units.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Calls that one group takes at a time.
    pub calls_max: usize,
    /// Requests a second from one address, loopback spared.
    pub requests_per_second: u32,
    /// The largest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, in seconds.
    pub request_secs_max: u64,
    /// sled's cache for each group, in MiB.
    pub cache_mib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 4096,
            requests_per_second: 50,
            body_bytes_max: 1 << 20,
            request_secs_max: 30,
            cache_mib: 8,
        }
    }
}

/// One service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// How many shards; fixed when the store is made.
    pub shards: u16,
    /// Replicas of each of its groups, where it is not as many as the cluster says.
    pub replicas: Option<u16>,
    /// Only on nodes that have one of these labels.
    pub only_on: Vec<String>,
    /// Never on a node that has one of these services.
    pub never_with: Vec<String>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { shards: 1, replicas: None, only_on: Vec::new(), never_with: Vec::new() }
    }
}

impl Settings {
    /// What links begin with, without a slash at the end.
    pub fn public_url(&self) -> String {
        let scheme = if self.http.certificate.is_some() { "https" } else { "http" };
        let own = || format!("{scheme}://{}", self.http.address);
        self.http.public_url.clone().unwrap_or_else(own).trim_end_matches('/').to_owned()
    }

    /// Where nodes look for each other before they know better.
    pub fn seeds(&self) -> Vec<Seed> {
        cluster::seeds(&self.cluster, &self.nodes)
    }
}
