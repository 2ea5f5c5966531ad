//! Settings and limits of a link.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::identity::Fingerprint;

/// Settings of a [`crate::Link`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the cluster, as in every certificate.
    pub cluster: String,
    /// Name of this node, as in its certificate.
    pub node: String,
    /// Id of this node, as in its certificate ([`crate::certificates::read_certificate`] reads it).
    pub node_id: u64,
    /// Address to listen on. Port 0 selects a free port ([`crate::Link::address`] returns it).
    pub listen: SocketAddr,
    /// Address that peers dial (`host:port`). Defaults to the address that the link listens on.
    pub advertise: Option<String>,
    /// Nodes to connect to.
    pub seeds: Vec<Seed>,
    /// Certificates. `None` is allowed only with `insecure`.
    pub tls: Option<TlsFiles>,
    /// No TLS and no authentication. Only for nodes on one machine.
    pub insecure: bool,
    /// Denied certificates: those of decommissioned nodes.
    pub denied: Vec<Fingerprint>,
    /// Limits of the link.
    pub limits: Limits,
}

/// A node to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    /// Expected name of the node. If absent, the name is taken from the certificate.
    pub name: Option<String>,
    /// `host:port`, resolved at every dial.
    pub address: String,
}

impl From<SocketAddr> for Seed {
    fn from(address: SocketAddr) -> Self {
        Self { name: None, address: address.to_string() }
    }
}

impl<N: Into<String>, A: ToString> From<(N, A)> for Seed {
    fn from((name, address): (N, A)) -> Self {
        Self { name: Some(name.into()), address: address.to_string() }
    }
}

/// PEM files. Read again when they change, so that a renewed certificate needs no restart.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificate of the cluster's authority.
    pub ca: PathBuf,
    /// Certificate of this node.
    pub certificate: PathBuf,
    /// Private key of this node. Only its owner may have access to the file.
    pub key: PathBuf,
}

/// Limits of a link.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Interactive calls in flight to one peer. More are refused as busy.
    pub calls_max: usize,
    /// Bulk calls in flight to one peer. More are refused as busy.
    pub bulk_calls_max: usize,
    /// Calls from one peer that are being handled here. More are refused as busy.
    pub inbound_calls_max: usize,
    /// Maximum length of an interactive call or response, in bytes. Longer ones are sent in parts, as bulk.
    pub small_bytes_max: usize,
    /// Length of a part of a bulk transfer, in bytes, at most 1 MiB.
    pub part_bytes: usize,
    /// Parts in flight to one peer. An interactive call waits for these at most.
    pub parts_in_flight: usize,
    /// Bulk bytes per second to one peer.
    pub bulk_bytes_per_second: u64,
    /// Maximum length of a bulk call or response, in bytes.
    pub transfer_bytes_max: usize,
    /// Bytes of unfinished transfers that are buffered for one peer, in each direction.
    pub transfers_bytes_max: usize,
    /// Interval between liveness checks.
    pub ping_every: Duration,
    /// Number of consecutive checks without received bytes after which the session ends.
    pub missed_pings_max: u32,
    /// Timeout for a handshake, and for a session to become ready.
    pub handshake: Duration,
    /// Concurrent handshakes. Further connections are closed at once.
    pub handshakes_max: usize,
    /// Delay before the first dial after a session has ended. It doubles after each failure.
    pub redial_min: Duration,
    /// Maximum delay between dials.
    pub redial_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 1024,
            bulk_calls_max: 8,
            inbound_calls_max: 2048,
            small_bytes_max: 1 << 20,
            part_bytes: 256 << 10,
            parts_in_flight: 2,
            bulk_bytes_per_second: 256 << 20,
            transfer_bytes_max: 128 << 20,
            transfers_bytes_max: 256 << 20,
            ping_every: Duration::from_millis(150),
            missed_pings_max: 5,
            handshake: Duration::from_secs(5),
            handshakes_max: 64,
            redial_min: Duration::from_millis(30),
            redial_max: Duration::from_secs(2),
        }
    }
}

/// Why a link cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is invalid.
    #[error("{0}")]
    Setting(String),
    /// Neither certificates nor `insecure` were given.
    #[error(
        "no certificates: create them with `auberge cert`, or set `insecure = true` if all nodes run on one machine"
    )]
    NoTls,
    /// A certificate or its key is unusable.
    #[error("{path}: {why}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The endpoint actor cannot start.
    #[error("the endpoint cannot start: {0}")]
    Endpoint(String),
}
