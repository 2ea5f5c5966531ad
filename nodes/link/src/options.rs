//! What a link needs to know, and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::identity::Fingerprint;

/// Settings of a [`crate::Link`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster's name, as in every certificate.
    pub cluster: String,
    /// This node's name, as in its certificate.
    pub node: String,
    /// This node's id, as in its certificate ([`crate::certificates::read_certificate`] reads it).
    pub node_id: u64,
    /// Where to listen; port 0 takes a free one ([`crate::Link::address`] says which).
    pub listen: SocketAddr,
    /// Where others find this node (`host:port`); without it, the address it listens on.
    pub advertise: Option<String>,
    /// Nodes to be connected with.
    pub seeds: Vec<Seed>,
    /// Certificates; `None` only with `insecure`.
    pub tls: Option<TlsFiles>,
    /// Plain text, and everybody is believed: for one machine only.
    pub insecure: bool,
    /// Certificates that are not good any more: of nodes that were removed for good.
    pub denied: Vec<Fingerprint>,
    /// Limits.
    pub limits: Limits,
}

/// A node to be connected with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    /// Its name: whoever answers must bear it. Unknown names are learned from the certificate.
    pub name: Option<String>,
    /// `host:port`, looked up at every dial.
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

/// PEM files; read again when they change, so that a renewed certificate needs no restart.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The cluster's authority.
    pub ca: PathBuf,
    /// This node's certificate.
    pub certificate: PathBuf,
    /// Its key: nobody but its owner may read it.
    pub key: PathBuf,
}

/// What a link does at most.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Small calls under way to one peer; more are refused as busy.
    pub calls_max: usize,
    /// Bulk calls under way to one peer; more are refused as busy.
    pub bulk_calls_max: usize,
    /// Calls that are being answered here for one peer; more are answered as busy.
    pub inbound_calls_max: usize,
    /// Bytes of one small call or answer. What is longer travels in parts, as bulk does.
    pub small_bytes_max: usize,
    /// Bytes of a part of a bulk transfer: at most 1 MiB.
    pub part_bytes: usize,
    /// Parts on the wire to one peer at a time: what a small call may have to wait for.
    pub parts_in_flight: usize,
    /// Bytes a second of bulk to one peer.
    pub bulk_bytes_per_second: u64,
    /// Bytes of one bulk call or answer.
    pub transfer_bytes_max: usize,
    /// Bytes of unfinished transfers that are kept for one peer, each way.
    pub transfers_bytes_max: usize,
    /// Pause between two pings.
    pub ping_every: Duration,
    /// So many pings without a sign of life end a session.
    pub missed_pings_max: u32,
    /// A connection must be a session by then.
    pub handshake: Duration,
    /// Connections that are not sessions yet; more are closed at once.
    pub handshakes_max: usize,
    /// Pause before the first dial after a session was lost; it doubles from there.
    pub redial_min: Duration,
    /// And the longest pause.
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

/// Why a link does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(String),
    /// Neither certificates nor an explicit `insecure`.
    #[error(
        "no certificates: make them with `auberge cert`, or say `insecure = true` on a machine that nobody else uses"
    )]
    NoTls,
    /// A certificate or its key is not usable.
    #[error("{path}: {why}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The endpoint actor does not start.
    #[error("the endpoint does not start: {0}")]
    Endpoint(String),
}
