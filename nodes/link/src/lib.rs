//! Sessions between the nodes of a cluster. The only crate that uses ractor_cluster.
//!
//! A [`Link`] keeps one session with every other node and carries calls over it: a node, a topic and bytes in, bytes
//! out. It has no knowledge of Raft or of services. The crate `replica` maps `consensus::Network` onto it:
//!
//! - `call(target, node, group, bytes, timeout)` becomes `link.call(node, TrafficClass::Interactive, "raft/GROUP",
//!   bytes, timeout)`; parts of snapshots use [`TrafficClass::Bulk`];
//! - [`LinkError::NoSession`], [`LinkError::Busy`] and [`LinkError::Refused`] become `NetworkError::Unreachable`,
//!   [`LinkError::PeerLost`] becomes `Failed`, and [`LinkError::Timeout`] becomes `Timeout`;
//! - the handler passes `"raft/GROUP"` to the `Replica::handle` of that group.
//!
//! # Invariants
//! - Peers are authenticated. A session exists only if the peer's certificate is signed by the cluster's authority,
//!   names this cluster, is not denied, and names the node that the peer claims to be (and that was dialled). Without
//!   certificates a link starts only with `insecure`.
//! - A frame is processed only if it carries the token of a live session, so [`Handler`] always has the caller's
//!   identity.
//! - One session per peer. When two connections cross, both sides keep the same one (`peers`).
//! - A peer that stops or is unplugged loses its session within a second (`liveness`), and all pending calls to it
//!   fail with [`LinkError::PeerLost`] at once.
//! - Everything is bounded: calls in flight to and from a peer, bytes per call, bytes of unfinished transfers, parts
//!   in flight, bytes per second, and connections without a session. Excess is refused, never queued.
//! - The remaining time of a call is sent with it. Work is abandoned at the deadline.
//!
//! # Deliberately absent
//! No retries: a failed call may have been executed, and only the caller can decide whether to repeat it. No
//! discovery beyond the seeds: the directory supplies the nodes to dial ([`Link::set_peers`]). No actor names,
//! process groups or casts: each node has one endpoint, and every message has a response.

mod call;
pub mod certificates;
mod connect;
mod endpoint;
mod frame;
mod handshake;
mod identity;
mod inner;
mod link;
mod liveness;
mod message;
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
