//! The kernel's interfaces: how a service is written, and how a service is called.
//!
//! A service implements [`Service`]: a deterministic state machine over typed trees. `nodes/replica` runs it as a
//! supervised, replicated actor group. Callers need a [`Client`] and the service's contract, never the service itself.
//!
//! Invariants:
//! - a turn is committed as a whole or not at all, together with the reply that is stored under its idempotency key;
//! - only the leader processes outboxes, timers and effects;
//! - the receiving group verifies the token of every caller, also of callers inside the cluster;
//! - a command is encoded once; the same bytes are hashed, logged and sent.
//!
//! Deliberately absent: hotels, sockets, HTTP, Raft.

mod client;
pub mod engine;
mod replica;
mod service;
pub mod testing;
mod tree;
mod turn;
mod view;

pub use client::{
    Attempt, Call, Client, Credentials, Delivery, EffectContext, EncodedCommand, Failure, GroupHandle, Inbox,
    Placement, StateReader, Target, Transport, TransportError, Unavailable, Why, check_access, wire,
};
pub use replica::{RaftRole, ReplicaStatus, StartMode};
pub use service::{
    Answer, Command, Cost, Effects, IsFinal, NoEffects, Outcome, Query, Refusal, Reply, Service,
};
pub use tree::{FIRST_PREFIX, Key, Tree, Value};
pub use turn::{Outgoing, Turn};
pub use view::View;
