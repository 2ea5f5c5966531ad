//! Sessions between nodes: the only home of ractor_cluster.
//!
//! A [`Link`] keeps one session with every other node and carries calls over it: bytes to a node and a topic, bytes back.
//! It knows no raft and no service. Whoever does maps onto it: `consensus::Network::call(target, member, group, bytes,
//! timeout)` is `link.call(member's node, TrafficClass::Interactive or Bulk for parts of snapshots, "raft/GROUP", bytes, timeout)`, where
//! [`LinkError::NoSession`], [`LinkError::Busy`] and [`LinkError::Refused`] are `NetworkError::Unreachable`,
//! [`LinkError::PeerLost`] is `Failed`, and [`LinkError::Timeout`] is `Timeout`; the handler gives `"raft/GROUP"` to that
//! group's `Replica::handle`.
//!
//! # Invariants
//! - Nobody is believed: a session exists only after its peer's certificate was signed by the cluster's authority, names this
//!   cluster, is not denied, and names the very node that the peer says it is (and that we dialled). Without certificates a
//!   link starts only when told `insecure`.
//! - A frame is answered only with the token of a session that lives: [`Handler`] always knows who asks.
//! - One session a peer. Of two connections that cross, both sides keep the same one (`table`).
//! - Whoever is silent is gone: a stopped or unplugged peer loses its session within a second (`liveness`), and with it all calls
//!   that wait fail as [`LinkError::PeerLost`] at once.
//! - Everything is bounded: calls under way to a peer and for a peer, bytes of a call, bytes of unfinished transfers, parts on
//!   the wire, bytes a second, connections that are not sessions yet. What is beyond is refused, never queued.
//! - What is left of a call's time travels with it, measured when it is sent; nothing is worked on past its deadline.
//!
//! # Deliberately absent
//! No retries: a call that failed may have been done, and only its maker knows whether it may be repeated. No discovery of
//! nodes beyond the seeds: the directory says who is to be dialled ([`Link::set_peers`]). No names of actors, no process
//! groups, no casts: one endpoint a node, and answers to everything.

mod call;
pub mod certificates;
mod connect;
mod endpoint;
mod frame;
mod handshake;
mod identity;
mod link;
mod liveness;
mod options;
mod peers;
mod session;
mod stream;
mod tls;
mod transfers;

pub use call::{LinkError, TrafficClass};
pub use endpoint::{Handler, TOPIC_BYTES_MAX};
pub use identity::{
    CertificateInfo, Fingerprint, Identity, Identity as PeerIdentity, NAME_BYTES_MAX, is_valid_name,
    parse_certificate,
};
pub use link::Link;
pub use options::{Limits, Options, Seed, StartError, TlsFiles};
pub use peers::{Peer, PeerState};
