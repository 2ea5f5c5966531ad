//! Settings: defaults, then a file, then `AUBERGE_*` variables, then flags. Later values override earlier ones.

mod check;
mod cluster;
mod duration;
mod load;

pub use check::{Place, Scope, check_files};
pub use cluster::{Cluster, Node, Seed};
pub use duration::Duration;
pub use load::{load, load_cluster, settings_of};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::services;

/// All settings. `cluster.toml` is the commented sample.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub brand: Brand,
    pub http: Http,
    pub mail: Mail,
    pub payments: Payments,
    pub reservations: Reservations,
    pub limits: Limits,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceSettings>,
    pub cluster: Cluster,
    /// The nodes of the cluster, by name.
    pub nodes: BTreeMap<String, Node>,
}

/// `[brand]`: the hotel group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brand {
    /// The name of the hotel group in mails.
    pub name: String,
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: "Auberge".to_owned() }
    }
}

/// `[http]`: the HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The address to listen on.
    pub address: SocketAddr,
    /// The address that guests use: the prefix of links in mails and QR codes. `http://ADDRESS` by default.
    pub public_url: Option<String>,
    /// A reverse proxy in front terminates TLS.
    pub behind_proxy: bool,
    /// Origins whose pages may call the API (CORS).
    pub cors_origins: Vec<String>,
    /// A PEM file with the certificate chain, for TLS.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its key.
    pub certificate_key: Option<PathBuf>,
    /// An address that serves `/metrics` only, in plain HTTP and without a token. At `address`, other machines need a token.
    pub metrics_listen: Option<SocketAddr>,
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
            metrics_listen: None,
        }
    }
}

/// `[mail]`: how mails are sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `files` (into `DATA/outbox/`) or `smtp`.
    pub transport: MailTransport,
    /// The sender: `Name <address>`.
    pub from: String,
    /// The SMTP server.
    pub host: Option<String>,
    /// The port of the server; the standard port of `encryption` by default.
    pub port: Option<u16>,
    /// `starttls`, `tls`, or `none` for a relay on this machine.
    pub encryption: Encryption,
    /// The account at the server.
    pub user: Option<String>,
    /// The password. Prefer a file, named by `AUBERGE_MAIL__PASSWORD_FILE`.
    pub password: Option<String>,
    /// A PEM file with certificates to trust beside the system's.
    pub root_ca: Option<PathBuf>,
    /// The folder of `files`; `DATA/outbox/` by default.
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
    /// One `.eml` file for each mail.
    Files,
    /// An SMTP server.
    Smtp,
}

/// See [`Mail::encryption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// No encryption.
    None,
}

/// `[payments]`: the bank.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Payments {
    /// `sandbox` or `stripe`; `sandbox` is the default of `serve`.
    pub bank: Option<Bank>,
    /// The address of a server with Stripe's API; for nodes of a cluster also the address of their shared sandbox.
    pub base_url: Option<String>,
    /// The secret key. Prefer a file, named by `AUBERGE_PAYMENTS__SECRET_KEY_FILE`.
    pub secret_key: Option<String>,
    /// The publishable key, for the pages.
    pub publishable_key: Option<String>,
    /// The script with the bank's own card field, for the pages; Stripe's by default.
    pub script_url: Option<String>,
    /// The secret of webhook signatures. Prefer a file, named by `AUBERGE_PAYMENTS__WEBHOOK_SECRET_FILE`.
    pub webhook_secret: Option<String>,
    /// The address of the sandbox; any free port of loopback by default.
    pub sandbox_address: Option<SocketAddr>,
}

/// See [`Payments::bank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bank {
    /// Built in. No money moves.
    Sandbox,
    /// Stripe, or a server with its API.
    Stripe,
}

/// `[reservations]`: room holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reservations {
    /// Maximum number of unpaid holds of an account or a guest's session.
    pub unpaid_holds_max: u32,
    /// The same for OAuth clients, by client id. Users of these clients are not limited by address.
    pub client_unpaid_holds_max: BTreeMap<String, u32>,
    /// How long a hold lasts.
    pub hold: Duration,
    /// How much a payment extends a hold, once, when the bank has accepted its card.
    pub hold_extension: Duration,
    /// How many days ahead nights can be booked.
    pub horizon_days: u32,
    /// Maximum number of unpaid holds of an OAuth client that is not named. Clients that manage a hotel have no limit there.
    pub client_unpaid_holds_default: u32,
    /// Maximum number of rooms that visitors of one address hold unpaid. Those with an account are counted apart. All
    /// addresses of an IPv6 /48 have four times as many.
    pub address_rooms_max: u32,
    /// The same for the rooms of one property.
    pub address_property_rooms_max: u32,
}

impl Default for Reservations {
    fn default() -> Self {
        let default = contracts::reservations::Settings::default();
        Self {
            unpaid_holds_max: default.unpaid_holds_max,
            client_unpaid_holds_max: default.client_unpaid_holds_max,
            hold: Duration::from_secs(default.hold_secs.into()),
            hold_extension: Duration::from_secs(default.hold_extension_secs.into()),
            horizon_days: default.horizon_days,
            client_unpaid_holds_default: default.client_unpaid_holds_default,
            address_rooms_max: default.address_rooms_max,
            address_property_rooms_max: default.address_property_rooms_max,
        }
    }
}

impl From<Reservations> for contracts::reservations::Settings {
    fn from(settings: Reservations) -> Self {
        Self {
            unpaid_holds_max: settings.unpaid_holds_max,
            client_unpaid_holds_max: settings.client_unpaid_holds_max,
            hold_secs: settings.hold.secs(),
            hold_extension_secs: settings.hold_extension.secs(),
            horizon_days: settings.horizon_days,
            client_unpaid_holds_default: settings.client_unpaid_holds_default,
            address_rooms_max: settings.address_rooms_max,
            address_property_rooms_max: settings.address_property_rooms_max,
        }
    }
}

/// `[limits]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Maximum number of concurrent calls of a group.
    pub calls_max: usize,
    /// Maximum rate of requests from one address, except loopback.
    pub requests_per_second: u32,
    /// Maximum number of HTTP connections, and at most half of the process's file descriptors: the log and the stores need
    /// the others. At the maximum, a new connection takes the place of one that has no request in progress.
    pub connections_max: usize,
    /// The same for the connections of one address, except loopback and proxies.
    pub connections_per_address_max: usize,
    /// Maximum time from a connection to the end of its first request's headers, TLS included.
    pub header_timeout: Duration,
    /// Connections without a complete request for this long are closed, and those whose client does not read its response.
    pub idle_timeout: Duration,
    /// Maximum number of headers of a request.
    pub headers_max: usize,
    /// Maximum size of the headers of a request, in bytes.
    pub header_bytes_max: usize,
    /// Maximum size of a request body, in bytes.
    pub body_bytes_max: usize,
    /// Maximum duration of a request.
    pub request_timeout: Duration,
    /// Cache of each group's store, in MiB.
    pub cache_mib: u64,
    /// Maximum number of cards that an account or a guest's session tries in an hour. OAuth clients have no such limit.
    pub card_attempts_max: u32,
    /// The same of all guests of an address, or of an IPv6 /64, except loopback.
    pub address_card_attempts_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 4096,
            requests_per_second: 50,
            connections_max: 10_000,
            connections_per_address_max: 200,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            headers_max: 100,
            header_bytes_max: 32 << 10,
            body_bytes_max: 1 << 20,
            request_timeout: Duration::from_secs(30),
            cache_mib: 8,
            card_attempts_max: 20,
            address_card_attempts_max: 60,
        }
    }
}

/// `[services.NAME]`: a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// The number of shards, which is fixed when the store is created.
    pub shards: u16,
    /// Replicas of each of its groups, if not `replicas` of `[cluster]`.
    pub replicas: Option<u16>,
    /// Replicas are placed only on nodes with one of these labels.
    pub only_on: Vec<String>,
    /// Replicas are never placed on a node that has one of these services.
    pub never_with: Vec<String>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { shards: 1, replicas: None, only_on: Vec::new(), never_with: Vec::new() }
    }
}

impl Payments {
    /// The script with the bank's own card field.
    pub fn script_url(&self) -> &str {
        self.script_url.as_deref().unwrap_or("https://js.stripe.com/v3/")
    }
}

impl Settings {
    /// The prefix of links, without a slash at its end.
    pub fn public_url(&self) -> String {
        let scheme = if self.http.certificate.is_some() { "https" } else { "http" };
        let own = || format!("{scheme}://{}", self.http.address);
        self.http.public_url.clone().unwrap_or_else(own).trim_end_matches('/').to_owned()
    }

    /// The number of shards that a new store gets, by service.
    pub fn shards(&self) -> BTreeMap<String, u16> {
        let count = |name: &str| self.services.get(name).map_or(1, |service| service.shards);
        services::NAMES.iter().map(|name| ((*name).to_owned(), count(name))).collect()
    }

    /// Where a node looks for other nodes before it has the directory's records.
    pub fn seeds(&self) -> Vec<Seed> {
        cluster::seeds(&self.cluster, &self.nodes)
    }
}
